//! Three people in a call through Janus, and what may go wrong around them.

use std::time::Duration;

use bellbird_testkit::hpb_stack::{HpbVersion, Part};

use crate::team::{ADA, BOB, CY, Mark, Member, Person, Team, turn};

const EVERYONE: [Person; 3] = [ADA, BOB, CY];

/// Share of half seconds in which someone has to be heard for the sound to count as uninterrupted: a machine that does
/// much else at the time swallows some. Where it broke off, the longest silence shows it.
const GOES_ON: f64 = 0.6;
/// A silence that nobody takes for a hitch of the machine.
const BREAK: Duration = Duration::from_secs(3);

fn others(person: Person) -> Vec<Person> {
    EVERYONE.into_iter().filter(|other| other.name != person.name).collect()
}

fn everyone_joins(team: &Team) -> Vec<Member> {
    let mut members: Vec<Member> = EVERYONE.into_iter().map(|person| team.join(person)).collect();
    members.iter_mut().for_each(|member| {
        member.connected();
    });
    members.iter().for_each(|member| member.hears(&others(member.person)));
    members
}

/// From now on, everyone hears everyone.
fn all_hear_each_other_anew(members: &[Member]) {
    let marks: Vec<_> = members.iter().map(Member::mark).collect();
    for (member, mark) in members.iter().zip(marks) {
        member.hears_after(mark, &others(member.person));
    }
}

/// Everyone was heard by everyone between these marks.
fn goes_on_between(members: &[Member], from: &[Mark], to: &[Mark]) {
    for ((member, from), to) in members.iter().zip(from).zip(to) {
        for other in others(member.person) {
            let share = member.share_heard(*from, *to, other);
            assert!(share >= GOES_ON, "{} heard {} only {share} of the time", member.person.name, other.name);
        }
    }
}

/// The longest that someone did not hear someone between these marks.
fn longest_silence_between(members: &[Member], from: &[Mark], to: &[Mark]) -> Duration {
    let of_one = |((member, from), to): ((&Member, &Mark), &Mark)| {
        let silences =
            others(member.person).into_iter().map(|other| member.longest_silence(*from, *to, other));
        silences.max().unwrap_or_default()
    };
    members.iter().zip(from).zip(to).map(of_one).max().unwrap_or_default()
}

/// What is heard now goes on for a while.
fn stays_good(members: &[Member]) {
    let from: Vec<_> = members.iter().map(Member::mark).collect();
    for (member, from) in members.iter().zip(&from) {
        member.listen_on(*from, Duration::from_secs(4));
    }
    let to: Vec<_> = members.iter().map(Member::mark).collect();
    goes_on_between(members, &from, &to);
}

/// Someone leaves and joins again, which takes signaling and media that work.
fn last_one_joins_anew(team: &Team, members: &mut Vec<Member>) {
    let last = members.pop().expect("there are members");
    let person = last.person;
    last.leave();
    let mut again = team.join(person);
    again.connected();
    again.hears(&others(person));
    members.push(again);
    all_hear_each_other_anew(members);
}

#[test]
fn three_hear_each_other_also_after_the_signaling_server_was_killed() {
    three_and_a_killed_signaling_server(HpbVersion::V1);
}

#[test]
fn likewise_on_version_2() {
    three_and_a_killed_signaling_server(HpbVersion::V2);
}

fn three_and_a_killed_signaling_server(version: HpbVersion) {
    let _turn = turn();
    let mut team = Team::start(version, &EVERYONE);
    let mut members = everyone_joins(&team);
    let from: Vec<_> = members.iter().map(Member::mark).collect();
    team.stack().kill(Part::Hpb);
    members[0].listen_on(from[0], Duration::from_secs(5));
    team.stack().start_part(Part::Hpb);
    // Sessions are lost with it: everyone joins anew, by themselves, and Janus goes on with the old ones' media until
    // then. By the end, all that was left of those is gone.
    members[0].listen_on(from[0], Duration::from_secs(45));
    let to: Vec<_> = members.iter().map(Member::mark).collect();
    goes_on_between(&members, &from, &to);
    let longest = longest_silence_between(&members, &from, &to);
    eprintln!("longest silence while the signaling server was killed and came back: {longest:?}");
    assert!(longest < BREAK, "{longest:?}");
    stays_good(&members);
    last_one_joins_anew(&team, &mut members);
    members.into_iter().for_each(Member::leave);
}

#[test]
fn janus_killed_and_back_is_heard_again() {
    let _turn = turn();
    let mut team = Team::start(HpbVersion::V1, &EVERYONE);
    let members = everyone_joins(&team);
    let before: Vec<_> = members.iter().map(Member::mark).collect();
    team.stack().kill(Part::Janus);
    members[0].listen_on(before[0], Duration::from_secs(3));
    team.stack().start_part(Part::Janus);
    all_hear_each_other_anew(&members);
    stays_good(&members);
    members.into_iter().for_each(Member::leave);
}

#[test]
fn thirty_seconds_without_signaling_cost_no_sound() {
    let _turn = turn();
    let mut team = Team::start(HpbVersion::V1, &EVERYONE);
    let mut members = everyone_joins(&team);
    let from: Vec<_> = members.iter().map(Member::mark).collect();
    team.stack().pause(Part::Hpb);
    members[0].listen_on(from[0], Duration::from_secs(30));
    let to: Vec<_> = members.iter().map(Member::mark).collect();
    team.stack().resume(Part::Hpb);
    goes_on_between(&members, &from, &to);
    let longest = longest_silence_between(&members, &from, &to);
    assert!(longest < BREAK, "{longest:?}");
    all_hear_each_other_anew(&members);
    last_one_joins_anew(&team, &mut members);
    members.into_iter().for_each(Member::leave);
}
