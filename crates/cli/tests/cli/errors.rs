//! Each kind of bad input has a code of its own and exit 1; wrong usage has exit 2.

use std::net::TcpListener;

use crate::stage::{Stage, cli, error_code};

#[test]
fn what_goes_wrong_with_a_server_is_told_apart() {
    let stage = Stage::open();
    let wrong =
        stage.with_account(&["contacts"], "ann").env("BELLBIRD_PASSWORD", "not the one").output().unwrap();
    assert_eq!((wrong.status.code(), error_code(&wrong).as_str()), (Some(1), "wrong-password"));
    let missing = stage.with_account(&["contacts"], "ann").env_remove("BELLBIRD_PASSWORD").output().unwrap();
    assert_eq!(error_code(&missing), "password-missing");
    let nobody = stage.calling(&["call", "nobody"], "ann").output().unwrap();
    assert_eq!(error_code(&nobody), "unknown-user");
    let room = stage.calling(&["join", "abcdefgh"], "ann").output().unwrap();
    assert_eq!(error_code(&room), "unknown-room");
    let link = stage.calling(&["join", "http://127.0.0.1/nothing"], "ann").output().unwrap();
    assert_eq!(error_code(&link), "bad-link");

    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = stage
        .cli()
        .args(["contacts", "--user", "ann", "--server", &format!("http://{nowhere}")])
        .output()
        .unwrap();
    assert_eq!(error_code(&dead), "server-unreachable");
    for (option, value) in [("--camera", "file:/nowhere.y4m"), ("--save-video", "/dev/null/folder")] {
        let video = stage.calling(&["call", "bob", option, value], "ann").output().unwrap();
        assert_eq!(error_code(&video), "video-file");
    }
    let file = stage
        .with_account(&["call", "bob", "--mic", "file:/nowhere.wav", "--speaker", "null"], "ann")
        .output()
        .unwrap();
    assert_eq!(error_code(&file), "sound-file");
}

#[test]
fn what_goes_wrong_on_this_machine_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = cli(folder.path())
        .args(["serve", "--listen", &address, "--data"])
        .arg(folder.path().join("s"))
        .output()
        .unwrap();
    assert_eq!(error_code(&port), "port-in-use");
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let data = cli(folder.path()).args(["user", "list", "--data"]).arg(&file).output().unwrap();
    assert_eq!(error_code(&data), "read-only-folder");
    for (certificate, code) in [("missing.pem", "file"), ("file", "tls-certificate")] {
        let refused = cli(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("t"))
            .arg("--tls-cert")
            .arg(folder.path().join(certificate))
            .arg("--tls-key")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(error_code(&refused), code);
        assert!(String::from_utf8_lossy(&refused.stdout).contains(certificate));
    }
    let alone = cli(folder.path()).args(["serve", "--tls-key"]).arg(&file).output().unwrap();
    assert_eq!(alone.status.code(), Some(2));
    for (url, secret) in [("ws://127.0.0.1:1", "file"), ("http://127.0.0.1:1", "missing")] {
        let refused = cli(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("h"))
            .args(["--hpb", url, "--hpb-secret-file"])
            .arg(folder.path().join(secret))
            .output()
            .unwrap();
        assert_eq!(error_code(&refused), "signaling-server", "{url}");
    }
    let turn = cli(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--turn", "http://127.0.0.1", "--data"])
        .arg(folder.path().join("h"))
        .arg("--turn-secret-file")
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(error_code(&turn), "turn-server");
    let nothing = cli(folder.path()).args(["ctl", "status"]).output().unwrap();
    assert_eq!(error_code(&nothing), "no-core");
    let account = cli(folder.path()).args(["contacts", "--account", "ann"]).output().unwrap();
    assert_eq!(error_code(&account), "unknown-user");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // sysfs takes no new files, not even from root.
    for arguments in
        [["user", "list", "--data", "/sys/bellbird"].as_slice(), &["core", "--data", "/sys/bellbird"]]
    {
        let output = cli(folder.path()).args(arguments).output().unwrap();
        assert_eq!(error_code(&output), "read-only-folder", "{arguments:?}");
    }
}

#[test]
fn wrong_usage_has_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["nonsense"].as_slice(), &["call"], &["listen", "--account", "a", "--mic", "trumpet"]] {
        assert_eq!(
            cli(folder.path()).args(arguments).output().unwrap().status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

/// Nobody is sent to a browser for a login that could not be kept, and no server is asked for one.
#[cfg(target_os = "linux")]
#[test]
fn an_account_is_added_only_where_its_login_can_be_kept() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{nowhere}");
    for who in [&["--user", "ann"][..], &[]] {
        let args = ["account", "add", "--server", &server];
        let added = cli(data.path()).args(args).args(who).env("BELLBIRD_PASSWORD", "x").output().unwrap();
        assert_eq!((added.status.code(), error_code(&added).as_str()), (Some(1), "no-key-store"));
    }
}
