//! Scenarios that Node plays; what has to come of them stands in `scenarios.mjs`.

use std::collections::BTreeMap;
use std::process::Stdio;

use bellbird_testkit::process::LineProcess;

use crate::world::{Core, PATIENCE, World, installed, root};

/// A server, a core for each, and a scenario that ran to its end. `during` gets what it prints.
fn play(scenario: &str, people: &[&str], mut during: impl FnMut(&World, &mut BTreeMap<String, Core>, &str)) {
    let folder = installed();
    let world = World::with(people);
    let mut cores: BTreeMap<String, Core> =
        people.iter().map(|person| ((*person).to_owned(), world.core(person, &[]))).collect();
    let places: BTreeMap<&str, _> = people.iter().map(|person| (*person, world.data(person))).collect();
    let script = folder.join(format!("{scenario}.mjs"));
    std::fs::copy(root().join("tests/sdk/scenarios.mjs"), &script).expect("the script is copied");
    let errors = world.path().join("node.log");
    let mut command = world.node(folder, &[&script.display().to_string(), scenario]);
    command
        .env("PEOPLE", serde_json::to_string(&places).expect("paths as JSON"))
        .stderr(Stdio::from(std::fs::File::create(&errors).expect("a log file")));
    let mut node = LineProcess::start(&mut command);
    while let Some(line) = node.next_line(PATIENCE) {
        if line == "done" {
            return;
        }
        during(&world, &mut cores, &line);
    }
    let said = std::fs::read_to_string(&errors).unwrap_or_default();
    panic!("{scenario}: {said}\n{}", world.logs());
}

#[test]
fn a_call_of_two_is_told_in_order_at_both_ends() {
    play("answered", &["alice", "bob", "carol"], |_, _, _| {});
}

#[test]
fn a_call_that_is_declined_and_calls_that_cannot_be_are_told_as_such() {
    play("declined", &["alice", "bob"], |_, _, _| {});
}

#[test]
fn a_call_given_up_is_missed() {
    play("given_up", &["alice", "bob"], |_, _, _| {});
}

#[test]
fn pictures_come_as_buffers() {
    play("pictures", &["alice", "bob"], |_, _, _| {});
}

#[test]
fn two_agree_to_go_to_video_or_not() {
    play("switching", &["alice", "bob"], |_, _, _| {});
}

#[test]
fn a_call_of_several_outlives_one_who_leaves() {
    play("several", &["alice", "bob", "carol"], |_, _, _| {});
}

#[test]
fn a_call_that_dies_with_its_core_is_closed_once_there_is_a_new_one() {
    play("killed", &["alice", "bob"], |world, cores, line| {
        assert_eq!(line, "kill");
        cores.remove("alice").expect("alice has a core").kill();
        let again = world.core("alice", &[]);
        cores.insert("alice".to_owned(), again);
    });
}

#[test]
fn a_program_with_a_token_of_its_own_may_call_and_no_more() {
    play("tokens", &["alice", "bob"], |_, _, _| {});
}
