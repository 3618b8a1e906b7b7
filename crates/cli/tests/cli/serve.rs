use crate::stage::{HANG, Stage, events, serve};

#[test]
fn a_killed_server_has_lost_nothing_that_was_acknowledged() {
    let mut stage = Stage::open();
    let made =
        stage.with_account(&["room", "create", "--name", "Team", "--invite", "bob"], "ann").output().unwrap();
    assert!(made.status.success(), "{:?}", events(&made));
    stage.server.signal("KILL");
    stage.server.wait(HANG);

    let (server, url) = serve(stage.path(), "127.0.0.1:0");
    (stage.server, stage.url) = (server, url);
    let rooms = stage.with_account(&["rooms"], "bob").output().unwrap();
    assert!(events(&rooms).iter().any(|event| event["display_name"] == "Team"), "{:?}", events(&rooms));
    stage.server.signal("INT");
    assert_eq!(stage.server.wait(HANG).code(), Some(0));
}

#[test]
fn accounts_groups_and_settings_are_kept_while_it_runs() {
    let stage = Stage::open();
    let run = |arguments: &[&str]| {
        let output = stage.cli().args(arguments).arg("--data").arg(stage.served()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {:?}", events(&output));
        events(&output)
    };
    assert!(run(&["user", "list"]).iter().any(|event| event["user"] == "bob"));
    let password = run(&["user", "app-password", "ann"])[0]["password"].as_str().unwrap().to_owned();
    let contacts =
        stage.with_account(&["contacts"], "ann").env("BELLBIRD_PASSWORD", &password).output().unwrap();
    assert_eq!(events(&contacts)[0]["id"], "echo", "echo comes first");
    // An app password of the person's own is used as it is, and not revoked by a command that ends.
    let again =
        stage.with_account(&["contacts"], "ann").env("BELLBIRD_PASSWORD", &password).output().unwrap();
    assert!(again.status.success(), "{:?}", events(&again));

    assert_eq!(run(&["group", "add", "team", "ann", "bob"])[0]["members"], serde_json::json!(["ann", "bob"]));
    run(&["config", "set", "sip-dialout", "1"]);
    assert_eq!(run(&["config", "get", "sip-dialout"])[0]["value"], "1");
    run(&["user", "remove", "bob"]);
    let contacts = stage.with_account(&["contacts"], "ann").output().unwrap();
    assert!(!events(&contacts).iter().any(|event| event["id"] == "bob"));
}

#[test]
fn a_link_is_opened_ended_and_withdrawn() {
    let stage = Stage::open();
    let room = |arguments: &[&str], who: &str| {
        let output = stage.with_account(arguments, who).output().unwrap();
        let events = events(&output);
        events.into_iter().find(|event| event["event"] == "room" || event["event"] == "error").unwrap()
    };
    let made = room(&["room", "create", "--name", "Open", "--type", "group", "--invite", "bob"], "ann");
    let token = made["token"].as_str().unwrap();
    assert!(made["link"].is_null(), "{made}");
    assert_eq!(room(&["room", "link", token, "--expires-in", "60"], "ann")["code"], "not-now");
    assert_eq!(room(&["room", "link", token, "--open"], "bob")["code"], "forbidden");
    let open = room(&["room", "link", token, "--open"], "ann");
    let link = open["link"].as_str().unwrap().to_owned();
    let status = |link: &str| {
        let guest = ["join", link, "--as-guest", "Gus", "--mic", "silence", "--speaker", "null"];
        let output = stage.cli().args(guest).args(["--wait", "60"]).output().unwrap();
        events(&output).last().unwrap()["code"].as_str().unwrap_or("joined").to_owned()
    };
    for ended in
        [["room", "link", token, "--expires-in", "0"].as_slice(), &["room", "link", token, "--withdraw"]]
    {
        assert_eq!(room(ended, "ann")["event"], "room");
        assert_eq!(status(&link), "unknown-room");
        room(&["room", "link", token, "--open"], "ann");
    }
    assert_eq!(room(&["room", "link", token, "--never-expires"], "ann")["link"], link.as_str());
    let neither = stage.with_account(&["room", "link", token], "ann").output().unwrap();
    assert_eq!(neither.status.code(), Some(2));
}
