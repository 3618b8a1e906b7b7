//! Figures of group calls: joining one as a mesh and through Janus, and a call of thirty.

use std::time::{Duration, Instant};

use bellbird_testkit::hpb_stack::HpbVersion;
use serde_json::Value;

use crate::figure::Figure;
use crate::processes::{processor, resident};
use crate::team::{ADA, BOB, CY, Member, Person, Team};

/// In the call of thirty.
const CROWD: usize = 30;
/// Those of them who speak.
const SPEAKERS: usize = 2;

/// A third one joins two who talk: until connected, and until the first sample is played.
pub(crate) fn join() {
    let everyone = [ADA, BOB, CY];
    let mesh = [
        Figure::at_most("mesh_join_to_connected", "ms", 300.0),
        Figure::at_most("mesh_join_to_first_sound", "ms", 300.0),
    ];
    let janus = [
        Figure::at_most("janus_join_to_connected", "ms", 500.0),
        Figure::at_most("janus_join_to_first_sound", "ms", 500.0),
    ];
    measure_joining(&Team::start_mesh(&everyone), &mesh);
    measure_joining(&Team::start(HpbVersion::V1, &everyone), &janus);
}

fn measure_joining(team: &Team, [connected, first_sound]: &[Figure; 2]) {
    let mut there = [team.join(ADA), team.join(BOB)];
    for member in &mut there {
        member.connected();
    }
    let (mut until_connected, mut until_heard) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let mut newcomer = team.join(CY);
        let begun = at(&newcomer.cli.event("status"));
        let (mut linked, mut played) = (None, None);
        while linked.is_none() || played.is_none() {
            let event = newcomer.cli.event_where("being connected and hearing", |value| {
                value["status"] == "connected" || value["first"] == "played"
            });
            let slot = if event["first"] == "played" { &mut played } else { &mut linked };
            slot.get_or_insert(at(&event));
        }
        until_connected.extend(linked.map(|at| (at - begun) * 1000.0));
        until_heard.extend(played.map(|at| (at - begun) * 1000.0));
        newcomer.leave();
    }
    connected.print(&until_connected);
    first_sound.print(&until_heard);
    there.into_iter().for_each(Member::leave);
}

fn at(event: &Value) -> f64 {
    event["t"].as_f64().unwrap_or(f64::NAN)
}

/// Thirty in one call through Janus, two of whom speak while the others listen.
pub(crate) fn thirty() {
    let people: Vec<Person> = (0..CROWD)
        .map(|number| Person {
            // As long as the process, which ends soon.
            name: Box::leak(format!("p{number}").into_boxed_str()),
            tone: [ADA.tone, BOB.tone][number.min(SPEAKERS - 1)],
        })
        .collect();
    let team = Team::start(HpbVersion::V1, &people);
    let (speaking, listening) = people.split_at(SPEAKERS);
    let mut speakers: Vec<Member> = speaking.iter().map(|person| team.join(*person)).collect();
    for speaker in &mut speakers {
        speaker.connected();
    }
    // One after the other, as people come: thirty who connect at once would measure how busy the machine is.
    let (mut listeners, mut until_heard) = (Vec::new(), Vec::new());
    for person in listening {
        let begun = Instant::now();
        let mut listener = team.join_silently(*person);
        listener.connected();
        listener.hears(speaking);
        until_heard.push(begun.elapsed().as_secs_f64());
        listeners.push(listener);
    }
    Figure::at_most("thirty_started_to_hearing_all", "s", 3.0).print(&until_heard);
    // Those who came last have just opened their links; what they cost from now on is what a call costs.
    std::thread::sleep(Duration::from_secs(5));
    let some = || listeners.iter().step_by(CROWD / 5);
    let shares: Vec<f64> =
        some().map(|listener| processor(listener.cli.0.id(), Duration::from_secs(3))).collect();
    let memory: Vec<f64> = some().map(|listener| resident(listener.cli.0.id())).collect();
    Figure::at_most("thirty_processor", "%", 12.0).print(&shares);
    Figure::at_most("thirty_memory", "MB", 80.0).print(&memory);
    listeners.into_iter().chain(speakers).for_each(Member::leave);
}
