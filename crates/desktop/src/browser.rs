//! Opens addresses in the person's browser.

use std::process::{Command, Stdio};

/// Opens a web address in the browser the person chose for their system. Returns once its program was started.
///
/// # Errors
/// Why it cannot: the address is none of the web, or the system has no program for it.
pub fn open_in_browser(address: &str) -> Result<(), String> {
    let program = program_for(address)?;
    let [name, arguments @ ..] = program.as_slice() else { return Err("no program".to_owned()) };
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    // Waited for on a thread of its own, so that it leaves no zombie and nobody waits for a browser.
    let waiting = std::thread::Builder::new().name("bellbird-browser".into()).spawn(move || {
        let _ = child.wait();
    });
    waiting.map(drop).map_err(|error| error.to_string())
}

/// The program and its arguments. The address goes to a program of the system, never through a shell.
fn program_for(address: &str) -> Result<Vec<&str>, String> {
    let of_the_web = address.starts_with("https://") || address.starts_with("http://");
    if !of_the_web || address.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err("that is no address for a browser".to_owned());
    }
    Ok(if cfg!(target_os = "macos") {
        vec!["open", address]
    } else if cfg!(windows) {
        vec!["rundll32", "url.dll,FileProtocolHandler", address]
    } else {
        vec!["xdg-open", address]
    })
}

#[cfg(test)]
mod tests {
    use super::program_for;

    #[test]
    fn only_addresses_of_the_web_are_opened() {
        for good in ["https://cloud.example.org/login/v2/flow/abc", "http://127.0.0.1:8090/x?y=1#z"] {
            assert_eq!(program_for(good).unwrap().last(), Some(&good));
        }
        for bad in
            ["", "file:///etc/passwd", "-o https://x", "javascript:alert(1)", "https://x y", "https://x\n"]
        {
            assert!(program_for(bad).is_err(), "{bad}");
        }
    }
}
