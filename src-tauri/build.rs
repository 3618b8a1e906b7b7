//! Embeds the built UI and generates the permissions of the window's commands.

use std::path::Path;

fn main() {
    let dist = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    if !dist.join("index.html").is_file() {
        // One plain sentence; a panic would bury it under a backtrace.
        println!(
            "cargo::error=The UI is not built: run `cargo xtask run`, or `npm ci && npm run build` in ui/, first."
        );
        return;
    }
    let manifest = tauri_build::AppManifest::new().commands(&["find_door", "pop_out", "pop_in"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}
