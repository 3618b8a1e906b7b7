//! The configuration files that the README gives people are those the stack is tested with.

use std::path::Path;

use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion};

use crate::team::turn;

/// The settings in a text, without their values: `key = value`, `key=value`, a bare word, or a section.
fn settings(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split('=').next().unwrap_or_default().trim().trim_end_matches(": {").to_owned())
        .filter(|key| !key.is_empty() && key != "}" && !key.starts_with('#'))
        .collect()
}

/// The first block of code after the mention of a file.
fn block<'a>(page: &'a str, file: &str) -> &'a str {
    let rest = page.split_once(file).unwrap_or_else(|| panic!("the README says nothing of {file}")).1;
    let code = rest.split_once("```").expect("a block begins").1;
    let code = code.split_once('\n').expect("a block has lines").1;
    code.split_once("```").expect("the block ends").0
}

#[test]
fn files_in_the_readme_have_the_settings_that_are_tested() {
    let _turn = turn();
    let stack = HpbStack::start(HpbOptions::new(HpbVersion::V1, "http://127.0.0.1:9").with_turn());
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
    let page = page.expect("there is a README");
    for (shown, tested) in [
        ("/etc/nextcloud-spreed-signaling/server.conf", "hpb.conf"),
        ("/etc/janus/janus.jcfg", "janus/janus.jcfg"),
        ("/etc/janus/janus.transport.websockets.jcfg", "janus/janus.transport.websockets.jcfg"),
        ("/etc/turnserver.conf", "turn.conf"),
    ] {
        let used = std::fs::read_to_string(stack.folder().join(tested)).expect("the stack wrote it");
        let used = settings(&used);
        let named = settings(block(&page, shown));
        assert!(named.len() >= 4, "{shown}: {named:?}");
        for setting in named.iter().filter(|setting| *setting != "[bellbird]") {
            assert!(used.contains(setting), "{shown} has {setting}, which nobody tested: {used:?}");
        }
    }
}
