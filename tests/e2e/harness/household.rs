//! A person with a core that is their server, and friends who ring them.

use std::path::PathBuf;
use std::process::Stdio;

use bellbird_contract::{AccountState, Command};
use bellbird_testkit::process::LineProcess;

use super::door::Door;
use super::stage::{Cli, Stage};

/// The password of every friend.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Someone who clicked *Start here*.
pub(crate) struct Household {
    pub(crate) core: Cli,
    pub(crate) door: Door,
    /// Address of the server in their core.
    pub(crate) server: String,
    /// Their user id there.
    pub(crate) user: String,
    data: PathBuf,
}

impl Household {
    /// Starts a core and an account on its own server.
    pub(crate) fn settle(stage: &Stage, person: &str) -> Self {
        Self::settle_with(stage, person, &[])
    }

    /// Likewise, with further arguments for the core.
    pub(crate) fn settle_with(stage: &Stage, person: &str, arguments: &[&str]) -> Self {
        let (core, door) = stage.start_core(person, arguments);
        door.command(Command::StartHere);
        let (server, user) = door.wait_until("an account that can be rung", |state| {
            let account = state.accounts.iter().find(|account| account.state == AccountState::Online)?;
            Some((state.local_server.as_ref()?.url.clone(), account.user.clone()))
        });
        let data = stage.folder(person).join("data/server");
        Self { core, door, server, user, data }
    }

    /// Makes an account for a friend on their server.
    pub(crate) fn add_friend(&self, stage: &Stage, friend: &str) {
        let data = self.data.display().to_string();
        let mut command = stage.cli(friend, &["user", "add", friend, "--data", &data]);
        let status = command
            .env("BELLBIRD_PASSWORD", PASSWORD)
            .stdout(Stdio::null())
            .status()
            .expect("bellbird-cli runs");
        assert!(status.success(), "no account for {friend}: {status}");
    }

    /// Changes a setting of their server.
    pub(crate) fn configure(&self, stage: &Stage, key: &str, value: &str) {
        let data = self.data.display().to_string();
        let mut command = stage.cli("settings", &["config", "set", key, value, "--data", &data]);
        let status = command.stdout(Stdio::null()).status().expect("bellbird-cli runs");
        assert!(status.success(), "{key} could not be set: {status}");
    }

    /// Starts a command of a friend with their account, such as `call` or `join`.
    pub(crate) fn friend_starts(&self, stage: &Stage, friend: &str, arguments: &[&str]) -> Cli {
        let mut all = arguments.to_vec();
        all.extend_from_slice(&["--server", &self.server, "--user", friend, "--json"]);
        let mut command = stage.cli(friend, &all);
        command.env("BELLBIRD_PASSWORD", PASSWORD);
        Cli(LineProcess::start(&mut command))
    }

    /// A friend rings them, with a tone for a voice.
    pub(crate) fn rung_by(&self, stage: &Stage, friend: &str) -> Cli {
        self.add_friend(stage, friend);
        self.friend_starts(stage, friend, &["call", &self.user, "--mic", "tone:440", "--speaker", "null"])
    }
}
