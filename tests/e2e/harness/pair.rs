//! Two command lines on one server: one that answers every call, and calls to it.

use std::process::Stdio;

use bellbird_testkit::process::LineProcess;

use super::sound::SoundServer;
use super::stage::{Cli, Stage};

/// Of both.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Who answers.
pub(crate) const ANSWERER: &str = "bob";
/// Who calls.
pub(crate) const CALLER: &str = "ada";

/// A server, and Bob who answers.
pub(crate) struct Pair {
    url: String,
    listener: Cli,
    _server: Cli,
}

impl Pair {
    /// Bob says a tone and hears nothing.
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::start_with(stage, &["--mic", "tone:700", "--speaker", "null"])
    }

    /// Bob's sound is as these options say.
    pub(crate) fn start_with(stage: &Stage, sound: &[&str]) -> Self {
        let data = stage.folder("server").join("data").display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", &data, "--no-echo"];
        let mut server = stage.start_cli("server", &arguments);
        let url = server.event("listening")["url"].as_str().expect("an address").to_owned();
        for name in [ANSWERER, CALLER] {
            let mut add = stage.cli("server", &["user", "add", name, "--data", &data]);
            let status = add
                .env("BELLBIRD_PASSWORD", PASSWORD)
                .stdout(Stdio::null())
                .status()
                .expect("bellbird-cli runs");
            assert!(status.success(), "no account for {name}");
        }
        let mut all = vec!["listen", "--server", &url, "--user", ANSWERER, "--json"];
        all.extend_from_slice(sound);
        let mut command = stage.cli(ANSWERER, &all);
        let mut listener = Cli(LineProcess::start(command.env("BELLBIRD_PASSWORD", PASSWORD)));
        listener.event("registered");
        Self { url, listener, _server: server }
    }

    /// The process that waits for calls.
    pub(crate) fn listener(&self) -> u32 {
        self.listener.0.id()
    }

    /// Ada calls Bob.
    pub(crate) fn call(&self, stage: &Stage, options: &[&str]) -> Cli {
        self.start_call(stage, None, options)
    }

    /// Ada calls Bob, her sound on another sound server.
    pub(crate) fn call_on(&self, stage: &Stage, sound: &SoundServer, options: &[&str]) -> Cli {
        self.start_call(stage, Some(sound), options)
    }

    fn start_call(&self, stage: &Stage, sound: Option<&SoundServer>, options: &[&str]) -> Cli {
        let mut all = vec!["call", ANSWERER, "--server", &self.url, "--user", CALLER, "--json"];
        all.extend_from_slice(options);
        let mut command = stage.cli(CALLER, &all);
        command.env("BELLBIRD_PASSWORD", PASSWORD);
        if let Some(sound) = sound {
            sound.environment(&mut command);
        }
        Cli(LineProcess::start(&mut command))
    }
}
