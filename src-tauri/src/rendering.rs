//! How WebKit draws, chosen before GTK starts.

/// Without a GPU, WebKitGTK's DMABUF renderer copies every picture through software GL: turned off, drawing takes less
/// than half the CPU and some 70 MB less memory. A choice already made in the environment is kept.
#[cfg(target_os = "linux")]
pub(crate) fn choose() {
    const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    if std::env::var_os(SWITCH).is_some() || has_gpu(std::path::Path::new("/dev/dri")) {
        return;
    }
    // SAFETY: called first thing in `run`, before GTK, Tauri or any runtime has started a thread, so nobody reads the
    // environment at the same time.
    #[allow(unsafe_code, reason = "the switch is only read from the environment, and only at GTK's start")]
    unsafe {
        std::env::set_var(SWITCH, "1");
    }
}

/// Other systems' web views choose for themselves.
#[cfg(not(target_os = "linux"))]
pub(crate) fn choose() {}

/// A render node is there exactly when the kernel drives a GPU that can do 3D.
#[cfg(target_os = "linux")]
fn has_gpu(dri: &std::path::Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dri) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::has_gpu;

    #[test]
    fn a_render_node_is_a_gpu_and_a_bare_card_is_none() {
        let dri = tempfile::tempdir().unwrap();
        assert!(!has_gpu(&dri.path().join("missing")));
        assert!(!has_gpu(dri.path()));
        std::fs::write(dri.path().join("card0"), "").unwrap();
        assert!(!has_gpu(dri.path()));
        std::fs::write(dri.path().join("renderD128"), "").unwrap();
        assert!(has_gpu(dri.path()));
    }
}
