//! Figures of group calls: joining one as a mesh and through Janus, a mesh of eight, and one client of thirty on Janus.

use std::collections::BTreeSet;
use std::time::Duration;

use bellbird_testkit::hpb_stack::HpbVersion;
use serde_json::Value;

use crate::figure::Figure;
use crate::processes::{all_processors, processor, resident};
use crate::publishers::{Publishers, SETTLING};
use crate::team::{ADA, BOB, CY, Member, Person, Team};

/// Those who speak in the call of thirty, beside the one that is measured.
const SPEAKERS: u64 = 29;
/// Everyone in a mesh as large as one should be.
const MESH: usize = 8;

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

/// One client in a call of thirty through Janus, all others of whom speak at once.
pub(crate) fn thirty() {
    let mut team = Team::start(HpbVersion::V1, &[ADA, BOB]);
    let link = team.open_link(&ADA);
    let _others = Publishers::start(&link, &team.stack().websocket(), SPEAKERS);
    let (mut until_heard, mut shares, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut observer = team.join(BOB);
        let begun = at(&observer.cli.event("status"));
        let mut heard = BTreeSet::new();
        let mut last = begun;
        while heard.len() < SPEAKERS as usize {
            let event = observer.cli.event_where("hearing everyone", |value| value["first"] == "played");
            last = at(&event);
            heard.insert(event["participant"].as_str().unwrap_or_default().to_owned());
        }
        until_heard.push(last - begun);
        std::thread::sleep(SETTLING);
        shares.push(processor(observer.cli.0.id(), Duration::from_secs(5)));
        memory.push(resident(observer.cli.0.id()));
        observer.leave();
    }
    Figure::at_most("thirty_join_to_hearing_all", "s", 3.0).print(&until_heard);
    Figure::at_most("thirty_processor", "%", 20.0).print(&shares);
    Figure::at_most("thirty_memory", "MB", 80.0).print(&memory);
}

/// Eight in a mesh, all of whom speak: what each of their programs costs.
pub(crate) fn mesh_of_eight() {
    let people: Vec<Person> = (0..MESH)
        .map(|number| Person {
            // As long as the process, which ends soon.
            name: Box::leak(format!("p{number}").into_boxed_str()),
            tone: 300 + 110 * number as u32,
        })
        .collect();
    let team = Team::start_mesh(&people);
    let mut members: Vec<Member> = people.iter().map(|person| team.join(*person)).collect();
    for member in &mut members {
        let mut heard = BTreeSet::new();
        while heard.len() < MESH - 1 {
            let event = member.cli.event_where("hearing everyone", |value| value["first"] == "played");
            heard.insert(event["participant"].as_str().unwrap_or_default().to_owned());
        }
    }
    std::thread::sleep(SETTLING);
    let ids: Vec<u32> = members.iter().map(|member| member.cli.0.id()).collect();
    let shares = all_processors(&ids, Duration::from_secs(10));
    let memory: Vec<f64> = ids.iter().map(|id| resident(*id)).collect();
    Figure::at_most("mesh_of_eight_processor", "%", 12.0).print(&shares);
    Figure::at_most("mesh_of_eight_memory", "MB", 60.0).print(&memory);
    members.into_iter().for_each(Member::leave);
}
