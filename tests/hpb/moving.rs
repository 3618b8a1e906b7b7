//! A machine that changes networks during a call: the address that a call runs over goes, and another is there.
//!
//! In a network namespace of its own, with addresses on a cable that leads nowhere.

use std::time::Duration;

use bellbird_testkit::hpb_stack::{HpbOptions, HpbVersion};

use crate::relayed::{inside_its_own_network, ip};
use crate::team::{ADA, BOB, CY, Member, Person, Team, turn};

const IN_A_MESH: &str = "moving::in_a_mesh";
const THROUGH_JANUS: &str = "moving::through_janus";

/// The one that goes. It is asked for first, being the first the machine has.
const OLD: &str = "10.88.0.1";
/// Where the machine is in any case.
const NEW: &str = "10.88.1.1";

#[test]
fn two_keep_talking_when_their_address_goes() {
    let _turn = turn();
    inside_its_own_network(IN_A_MESH, |scenario| scenario);
}

#[test]
fn three_keep_talking_through_janus_when_their_address_goes() {
    let _turn = turn();
    inside_its_own_network(THROUGH_JANUS, |scenario| scenario);
}

#[test]
#[ignore = "runs in a network of its own, started by the test above"]
fn in_a_mesh() {
    lay_cables();
    let team = Team::start_mesh(&[ADA, BOB]);
    keeps_talking(&team, &[ADA, BOB]);
}

#[test]
#[ignore = "runs in a network of its own, started by the test above"]
fn through_janus() {
    lay_cables();
    let address = NEW.parse().expect("an address");
    let options = HpbOptions { media_address: Some(address), ..HpbOptions::new(HpbVersion::V1, "") };
    let team = Team::start_with(Some(options), &[ADA, BOB, CY]);
    keeps_talking(&team, &[ADA, BOB, CY]);
}

fn lay_cables() {
    for words in [
        "link set lo up",
        "link add old0 type veth peer name old1",
        "addr add 10.88.0.1/24 dev old0",
        "link set old0 up",
        "link set old1 up",
        "link add new0 type veth peer name new1",
        "addr add 10.88.1.1/24 dev new0",
        "link set new0 up",
        "link set new1 up",
    ] {
        ip(&[], words);
    }
}

fn keeps_talking(team: &Team, people: &[Person]) {
    let mut members: Vec<Member> = people.iter().map(|person| team.join(*person)).collect();
    let others = |one: &Member| -> Vec<Person> {
        people.iter().filter(|other| other.name != one.person.name).copied().collect()
    };
    for member in &mut members {
        member.connected();
    }
    members.iter().for_each(|member| member.hears(&others(member)));
    // A call looks at the machine's addresses once a second.
    members[0].listen_on(members[0].mark(), Duration::from_secs(3));
    let from: Vec<_> = members.iter().map(Member::mark).collect();
    ip(&[], &format!("addr del {OLD}/24 dev old0"));
    members[0].listen_on(from[0], Duration::from_secs(12));
    let to: Vec<_> = members.iter().map(Member::mark).collect();
    let mut longest = Duration::ZERO;
    for ((member, from), to) in members.iter().zip(&from).zip(&to) {
        for other in others(member) {
            longest = longest.max(member.longest_silence(*from, *to, other));
        }
        // It was noticed by the address, not by the silence that follows.
        let log = team.log(&member.person);
        assert!(log.contains("address lost"), "{} noticed nothing", member.person.name);
    }
    eprintln!("longest silence when the address went: {longest:?}");
    for (member, to) in members.iter().zip(&to) {
        member.hears_after(*to, &others(member));
    }
    members.into_iter().for_each(Member::leave);
}
