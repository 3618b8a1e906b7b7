//! Who may name whom: among our own crates, and which one owns each heavy library.

use crate::assert_tidy;
use crate::packages::{Edge, Kind, edges};
use crate::tree::{SourceFile, rust_files};

/// Our crates and those they may build on. Nothing points back up. The same drawing stands in ARCHITECTURE.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("call", &[]),
    ("contract", &[]),
    ("devices", &[]),
    ("video", &[]),
    ("capture", &["video"]),
    ("talk-wire", &[]),
    ("cowork", &[]),
    ("session", &["call"]),
    ("media", &["call", "capture", "devices", "video"]),
    ("talk", &["call", "talk-wire"]),
    ("server", &["cowork", "talk-wire"]),
    ("control", &["contract"]),
    ("desktop", &["contract"]),
    ("app", &["call", "capture", "contract", "cowork", "devices", "media", "session", "talk", "video"]),
    ("cli", &["app", "contract", "control", "cowork", "desktop", "server", "video"]),
    ("window", &["contract", "control"]),
    ("testkit", &["call"]),
    ("xtask", &["contract"]),
    ("tests", &[]),
];

/// Further ones that tests of a crate may use, besides `testkit`.
const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[
    ("contract", &["call"]),
    ("talk", &["server"]),
    ("app", &["server"]),
    ("media", &["session"]),
    ("cli", &["server"]),
];

/// Libraries that shape whatever touches them, and the crates that may.
const OWNERS: &[(&str, &[&str])] = &[
    ("cpal", &["devices"]),
    ("x11rb", &["capture"]),
    ("v4l", &["capture"]),
    ("cameras", &["capture"]),
    ("windows-capture", &["capture"]),
    ("objc2-screen-capture-kit", &["capture"]),
    ("webrtc", &["media"]),
    ("rtc", &["media"]),
    ("opus", &["media"]),
    ("sonora", &["media"]),
    ("sonora-agc2", &["media"]),
    ("nnnoiseless", &["media"]),
    ("rubato", &["media"]),
    ("libvpx-native-sys", &["video"]),
    ("openh264", &["video"]),
    ("openh264-sys2", &["video"]),
    ("yuv", &["video"]),
    ("tauri", &["window"]),
    ("tauri-build", &["window"]),
    ("tauri-plugin-single-instance", &["window"]),
    // The server speaks to the external signaling server, which has no other door.
    ("reqwest", &["talk", "server"]),
    ("ring", &["server"]),
    ("tokio-tungstenite", &["talk", "control"]),
    ("axum", &["server", "control", "cowork"]),
    ("utoipa", &["cowork"]),
    ("utoipa-axum", &["cowork"]),
    ("hyper", &["server", "control"]),
    ("hyper-util", &["server", "control"]),
    ("rusqlite", &["server"]),
    ("argon2", &["server"]),
    ("rcgen", &["server"]),
    ("notify-rust", &["desktop"]),
    ("ksni", &["desktop"]),
    ("keyring", &["app"]),
    ("clap", &["cli"]),
    ("anyhow", &["xtask", "tests"]),
];

/// Of those, the ones with which tests of any crate may knock from outside.
const TOOLS_OF_TESTS: &[&str] =
    &["reqwest", "tokio-tungstenite", "axum", "hyper", "hyper-util", "rusqlite", "rcgen"];

const PREFIX: &str = "bellbird-";

fn check_direction(edges: &[Edge]) -> Vec<String> {
    let find = |table: &[(&str, &'static [&'static str])], name: &str| {
        table.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
    };
    edges
        .iter()
        .filter_map(|edge| {
            let (from, to) = (edge.from.strip_prefix(PREFIX)?, edge.to.strip_prefix(PREFIX)?);
            let Some(allowed) = find(ALLOWED, from) else {
                return Some(format!("{from} is a new crate: give it a line in the table"));
            };
            let fine = match edge.kind {
                Kind::Normal | Kind::Build => allowed.contains(&to) && to != "testkit",
                Kind::Dev => {
                    from == "tests"
                        // With another feature on, for its own tests.
                        || from == to
                        || to == "testkit"
                        || allowed.contains(&to)
                        || find(ALLOWED_IN_TESTS, from).is_some_and(|more| more.contains(&to))
                }
            };
            (!fine).then(|| format!("{from} may not name {to} ({:?})", edge.kind))
        })
        .collect()
}

fn check_owners(edges: &[Edge]) -> Vec<String> {
    edges
        .iter()
        .filter_map(|edge| {
            let (_, owners) = OWNERS.iter().find(|(library, _)| *library == edge.to)?;
            let from = edge.from.strip_prefix(PREFIX)?;
            let for_tests = edge.kind == Kind::Dev && TOOLS_OF_TESTS.contains(&edge.to.as_str());
            (!owners.contains(&from) && !for_tests)
                .then(|| format!("{from} names {}, which belongs to {}", edge.to, owners.join(" and ")))
        })
        .collect()
}

/// Library types stop at a folder: nothing outside of it writes the library's name as a path.
fn check_folder_owners(files: &[SourceFile]) -> Vec<String> {
    const FOLDERS: &[(&str, &str)] = &[
        ("webrtc", "crates/media/src/peer"),
        ("rtc", "crates/media/src/peer"),
        ("cpal", "crates/devices/src"),
        ("vpx_sys", "crates/video/src/vpx"),
        ("openh264", "crates/video/src/h264"),
        ("openh264_sys2", "crates/video/src/h264"),
        ("notify_rust", "crates/desktop/src/notifier"),
        ("ksni", "crates/desktop/src/tray"),
    ];
    let mut complaints = Vec::new();
    for file in files {
        for (library, folder) in FOLDERS {
            if file.path.starts_with(folder) || file.path.starts_with("tests/tidy/") {
                continue;
            }
            for (number, line) in file.code_lines() {
                if names_crate(line, library) {
                    complaints
                        .push(file.complaint(number, &format!("names {library}, which stops at {folder}")));
                }
            }
        }
    }
    complaints
}

/// Whether a line has `library::` as the beginning of a path.
fn names_crate(line: &str, library: &str) -> bool {
    let path = format!("{library}::");
    line.match_indices(&path).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"')
    })
}

/// Who waits for connections is who is attacked: two crates, both with their own checks at the door.
fn check_listeners(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let exempt = ["crates/server/", "crates/control/", "tests/", "xtask/", "crates/testkit/"];
        if exempt.iter().any(|place| file.path.starts_with(place)) || file.is_test() {
            continue;
        }
        for (number, line) in file.code_lines() {
            if ["TcpListener::bind", "UnixListener::bind", "TcpSocket::new"]
                .iter()
                .any(|call| line.contains(call))
            {
                complaints.push(file.complaint(number, "only server and control listen"));
            }
        }
    }
    complaints
}

#[test]
fn dependencies_point_one_way() {
    assert_tidy("Crates build on those below them only:", &check_direction(&edges()));
}

#[test]
fn heavy_libraries_have_one_owner() {
    assert_tidy("A heavy library has one owner:", &check_owners(&edges()));
    assert_tidy("Library types stop at their folder:", &check_folder_owners(&rust_files()));
}

#[test]
fn only_server_and_control_listen() {
    assert_tidy("Only server and control listen:", &check_listeners(&rust_files()));
}

#[test]
fn violations_would_be_seen() {
    let edge = |from: &str, to: &str, kind| Edge::new(from, to, kind);
    for (bad, kind) in [
        (("bellbird-call", "bellbird-session"), Kind::Normal),
        (("bellbird-app", "bellbird-server"), Kind::Normal),
        (("bellbird-window", "bellbird-media"), Kind::Normal),
        (("bellbird-talk", "bellbird-testkit"), Kind::Normal),
        (("bellbird-call", "bellbird-server"), Kind::Dev),
        (("bellbird-brand-new", "bellbird-call"), Kind::Normal),
    ] {
        assert_eq!(check_direction(&[edge(bad.0, bad.1, kind)]).len(), 1, "{bad:?}");
    }
    for (good, kind) in [
        (("bellbird-app", "bellbird-talk"), Kind::Normal),
        (("bellbird-talk", "bellbird-testkit"), Kind::Dev),
        (("bellbird-talk", "bellbird-server"), Kind::Dev),
        (("bellbird-tests", "bellbird-media"), Kind::Dev),
    ] {
        assert_eq!(check_direction(&[edge(good.0, good.1, kind)]), [""; 0], "{good:?}");
    }
    assert_eq!(check_owners(&[edge("bellbird-app", "cpal", Kind::Normal)]).len(), 1);
    assert_eq!(check_owners(&[edge("bellbird-app", "reqwest", Kind::Normal)]).len(), 1);
    assert_eq!(check_owners(&[edge("bellbird-server", "reqwest", Kind::Dev)]).len(), 0);
    assert_eq!(check_owners(&[edge("bellbird-cli", "anyhow", Kind::Dev)]).len(), 1);

    let engine = |line: &str| [SourceFile::new("crates/media/src/engine.rs", line)];
    assert_eq!(check_folder_owners(&engine("use webrtc::Peer;")).len(), 1);
    assert_eq!(check_folder_owners(&engine("let a = rtc::media();")).len(), 1);
    assert_eq!(check_folder_owners(&engine("use crate::peer::webrtc::x; // our own module")).len(), 0);
    assert_eq!(check_listeners(&[SourceFile::new("crates/app/src/a.rs", "TcpListener::bind(a)")]).len(), 1);
}
