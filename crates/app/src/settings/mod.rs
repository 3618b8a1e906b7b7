//! What a person chose and which logins there are, kept in `settings.json`. No secrets: those are in the key store.

mod file;
mod migrations;

use std::collections::BTreeMap;

use bellbird_contract::RemoteJoinPolicy;
use serde::{Deserialize, Serialize};

pub(crate) use file::SettingsFile;

/// All settings. A field that is missing in the file has its default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The form of the file; [`migrations`] brings older ones here.
    pub(crate) version: u32,
    /// The logins, in the order they were made. Default: none.
    pub(crate) accounts: Vec<StoredAccount>,
    /// The chosen sound devices. Default: the system's.
    pub(crate) devices: DeviceChoice,
    /// Accounts that may be joined to calls by others, or may not. Default: the person is asked.
    pub(crate) remote_joins: BTreeMap<String, RemoteJoinPolicy>,
    /// The embedded server. Default: never opened to the network.
    pub(crate) local_server: LocalServerSettings,
    /// Who may come through the door.
    pub(crate) control: ControlSettings,
    /// Programs with a token of their own, in the order they got it. Default: none.
    pub(crate) programs: Vec<StoredProgram>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: migrations::CURRENT,
            accounts: Vec::new(),
            devices: DeviceChoice::default(),
            remote_joins: BTreeMap::new(),
            local_server: LocalServerSettings::default(),
            control: ControlSettings::default(),
            programs: Vec::new(),
        }
    }
}

/// One login.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredAccount {
    /// Its id, also its name in the key store.
    pub id: String,
    /// The user id on the server.
    pub user_id: String,
    /// What one types to sign in.
    pub login_name: String,
    /// The name others see.
    pub display_name: String,
    /// Where it lives.
    pub home: AccountHome,
}

/// Where an account lives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AccountHome {
    /// On the embedded server of this data folder, whose port changes with every start.
    Local,
    /// On another server.
    Remote {
        /// Its address.
        server: String,
        /// SHA-256 of its certificate, when an invitation named one: the certificate that is trusted then.
        fingerprint: Option<String>,
    },
}

/// Device names; `None`: the system's default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeviceChoice {
    /// Captures the voice. Default: the system's.
    pub(crate) microphone: Option<String>,
    /// Plays the call. Default: the system's.
    pub(crate) speaker: Option<String>,
    /// Plays the ringtone. Default: the system's.
    pub(crate) ringer: Option<String>,
    /// Takes our picture. Default: the system's first.
    pub(crate) camera: Option<String>,
}

/// What the embedded server remembers here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LocalServerSettings {
    /// The port it is open to the network on, once someone was invited: links name it, so it must stay. Default: not
    /// open.
    pub(crate) network_port: Option<u16>,
}

/// Who may come through the door beside the window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ControlSettings {
    /// Other programs may. Default: yes.
    pub(crate) allowed: bool,
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self { allowed: true }
    }
}

/// A program with a token of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct StoredProgram {
    /// Its id.
    pub(crate) id: String,
    /// As the person called it.
    pub(crate) name: String,
    /// SHA-256 of its token, in hexadecimal.
    pub(crate) digest: String,
    /// Unix milliseconds when it got its token.
    pub(crate) created_at_ms: i64,
}
