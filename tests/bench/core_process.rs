//! The core in the tray: how soon it can be rung, and what it weighs.

use std::time::{Duration, Instant};

use crate::figure::Figure;
use crate::harness::household::Household;
use crate::harness::stage::{PATIENCE, Stage};
use crate::processes::proportional;

use bellbird_contract::{AccountState, Command};

pub(crate) fn measure() {
    let stage = Stage::new("bench-core");
    // An account there is what a core has to bring back at its start.
    let mut first = Household::settle(&stage, "ada");
    first.door.command(Command::Quit);
    first.core.0.wait(PATIENCE);
    let (mut ready, mut weight) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let begin = Instant::now();
        let mut core = stage.start_cli("ada", &["core", "--background"]);
        core.event("ready");
        ready.push(begin.elapsed().as_secs_f64() * 1000.0);
        let door = stage.door("ada");
        door.wait_until("the account to be online", |state| {
            state.accounts.iter().any(|account| account.state == AccountState::Online).then_some(())
        });
        std::thread::sleep(Duration::from_secs(2));
        weight.push(proportional(core.0.id()));
        door.command(Command::Quit);
        core.0.wait(PATIENCE);
    }
    Figure::at_most("core_ready", "ms", 300.0).print(&ready);
    Figure::at_most("core_memory", "MB", 40.0).with_goal(20.0).print(&weight);
}
