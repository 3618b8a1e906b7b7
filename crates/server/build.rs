//! Puts the built guests' page into the server. Without one (the UI is not needed to build or test the server) the
//! table is empty, and the server says so to whoever asks for the page.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is served, and as what. Anything else in the folder stays out.
const TYPES: [(&str, &str); 7] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("woff2", "font/woff2"),
    ("wasm", "application/wasm"),
];

fn main() -> io::Result<()> {
    let built = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../ui/dist-guest");
    println!("cargo:rerun-if-changed={}", built.display());
    let mut table = String::from("&[\n");
    if built.join("guest.html").is_file() {
        let built = built.canonicalize()?;
        add(&mut table, "guest.html", &built.join("guest.html"));
        for path in sorted(&built.join("assets"))? {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                add(&mut table, name, &path);
            }
        }
    }
    table.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("guest_page.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// A folder's files in the order of names, so that two builds are alike. None when there is no such folder.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn add(table: &mut String, name: &str, path: &Path) {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    if let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == extension) {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "    ({name:?}, {kind:?}, include_bytes!({path:?}).as_slice()),");
    }
}
