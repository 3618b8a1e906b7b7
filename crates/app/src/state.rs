//! All that changes while the app runs.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_capture::CameraInfo;
use bellbird_contract::{
    AccountState, AccountView, AppView, CallView, DevicesView, LocalServerView, SigningInView,
};
use bellbird_devices::DeviceWatch;
use url::Url;

use crate::accounts::{Account, SigningIn, Standing};
use crate::calls::Calls;
use crate::convert::{self, Clocks};
use crate::devices;
use crate::echo::EchoContact;
use crate::problems::Problems;
use crate::programs::DoorUse;
use crate::remote_join::Remote;
use crate::screens;
use crate::settings::{AccountHome, Settings, SettingsFile, StoredAccount};

/// The one state of an app.
pub(crate) struct State {
    pub(crate) file: SettingsFile,
    pub(crate) settings: Settings,
    pub(crate) accounts: Vec<Account>,
    pub(crate) calls: Calls,
    pub(crate) devices: bellbird_devices::DeviceList,
    pub(crate) cameras: Vec<CameraInfo>,
    /// Its drop ends the looking out for devices.
    pub(crate) device_watch: Option<DeviceWatch>,
    pub(crate) problems: Problems,
    pub(crate) local_server: Option<LocalServerState>,
    pub(crate) door: DoorUse,
    /// A sign-in that waits for the person in the browser.
    pub(crate) signing_in: Option<SigningIn>,
    /// What is so because others steer this client.
    pub(crate) remote: Remote,
    pub(crate) suggested_name: String,
}

/// The embedded server while it runs in this process.
pub(crate) struct LocalServerState {
    pub(crate) url: Url,
    /// For others; its fragment names its certificate.
    pub(crate) public_url: Option<Url>,
    /// Its drop makes the echo contact leave.
    pub(crate) echo: Option<EchoContact>,
}

impl State {
    /// The account meant by `wanted`, or the first.
    ///
    /// # Errors
    /// `not-now` when there is none.
    pub(crate) fn account(&self, wanted: Option<&str>) -> Result<&Account, Problem> {
        let found = match wanted {
            Some(id) => self.accounts.iter().find(|account| account.stored.id == id),
            None => self.accounts.first(),
        };
        found.ok_or_else(|| Problem::new(ProblemCode::NotNow, "there is no such account: sign in first"))
    }

    /// Likewise, to change it.
    pub(crate) fn account_mut(&mut self, id: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.stored.id == id)
    }

    /// Changes what is kept and saves it. A file that cannot be written is a problem to show: what was chosen holds
    /// until the app ends.
    pub(crate) fn keep(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        if let Err(problem) = self.file.save(&self.settings) {
            self.problems.show(problem);
        }
    }

    /// Keeps an account's entry, in place of the one of the same id.
    pub(crate) fn keep_account(&mut self, stored: StoredAccount) {
        self.keep(|settings| match settings.accounts.iter_mut().find(|known| known.id == stored.id) {
            Some(known) => *known = stored,
            None => settings.accounts.push(stored),
        });
    }

    /// Everything a window shows.
    pub(crate) fn view(&self) -> AppView {
        let clocks = Clocks::now();
        AppView {
            version: env!("CARGO_PKG_VERSION").into(),
            accounts: self.accounts.iter().map(|account| self.account_view(account)).collect(),
            signing_in: self.signing_in.as_ref().map(|waiting| SigningInView {
                server: waiting.server.clone(),
                address: waiting.address.clone(),
            }),
            calls: self.call_views(clocks),
            devices: self.devices_view(),
            local_server: self.local_server.as_ref().map(|server| LocalServerView {
                url: server.url.to_string(),
                public_url: server.public_url.as_ref().map(|url| without_fragment(url).0),
            }),
            problems: self
                .problems
                .iter()
                .map(|(number, problem)| convert::numbered_problem(*number, problem))
                .collect(),
            control: self.control_view(),
            remote_joins: self.remote.requests(),
            suggested_name: self.suggested_name.clone(),
        }
    }

    /// The calls, with the links that let others in.
    fn call_views(&self, clocks: Clocks) -> Vec<CallView> {
        let mut views = self.calls.views(clocks);
        for view in &mut views {
            view.joined_by = self.joined_by(&view.id);
            if let (Some(group), Some(room)) = (&mut view.group, &view.room)
                && group.open_by_link
            {
                group.link = match &view.guest_on {
                    Some(_) => self.calls.place_of(&view.id).map(|login| {
                        let fingerprint = login.fingerprint.as_ref().map(ToString::to_string);
                        web_link(login.server.as_str(), room, fingerprint.as_deref())
                    }),
                    None => self.link_of(&view.account, room),
                };
            }
        }
        views
    }

    /// The web link of a conversation, for others; `None` where they cannot reach the server: the embedded one, while
    /// it is not open to the network.
    pub(crate) fn link_of(&self, account: &str, room: &str) -> Option<String> {
        match &self.account(Some(account)).ok()?.stored.home {
            AccountHome::Local => {
                let server = self.local_server.as_ref()?.public_url.as_ref()?;
                let (server, fragment) = without_fragment(server);
                Some(web_link(&server, room, fragment.and_then(|part| part.strip_prefix("fp="))))
            }
            AccountHome::Remote { server, fingerprint } => {
                Some(web_link(server, room, fingerprint.as_deref()))
            }
        }
    }

    fn account_view(&self, account: &Account) -> AccountView {
        let stored = &account.stored;
        let (local, server) = match &stored.home {
            AccountHome::Local => {
                (true, self.local_server.as_ref().map(|server| server.url.to_string()).unwrap_or_default())
            }
            AccountHome::Remote { server, .. } => (false, server.clone()),
        };
        AccountView {
            id: stored.id.clone(),
            user: stored.user_id.clone(),
            display_name: stored.display_name.clone(),
            server,
            local,
            state: match &account.standing {
                Standing::Connecting => AccountState::Connecting,
                Standing::Online => AccountState::Online,
                Standing::Offline(problem) => AccountState::Offline { problem: convert::problem(problem) },
                Standing::SignedOut => AccountState::SignedOut,
            },
            remote_join: self.remote_join_policy(&stored.id),
        }
    }

    fn devices_view(&self) -> DevicesView {
        let chosen = &self.settings.devices;
        DevicesView {
            microphones: self.devices.microphones.iter().map(devices::view).collect(),
            speakers: self.devices.speakers.iter().map(devices::view).collect(),
            microphone: chosen.microphone.clone(),
            speaker: chosen.speaker.clone(),
            ringer: chosen.ringer.clone(),
            cameras: screens::camera_views(&self.cameras),
            camera: chosen.camera.clone(),
        }
    }
}

/// An address taken from what stands behind its `#`.
fn without_fragment(url: &Url) -> (String, Option<&str>) {
    let text = url.as_str();
    (text.split_once('#').map_or(text, |(address, _)| address).to_owned(), url.fragment())
}

/// `https://HOST/call/TOKEN`, with the certificate that is trusted where the system's trust store would refuse it
/// (talk-accounts section 8).
fn web_link(server: &str, room: &str, fingerprint: Option<&str>) -> String {
    let part = fingerprint.map(|fingerprint| format!("#fp={fingerprint}")).unwrap_or_default();
    format!("{}/call/{room}{part}", server.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use bellbird_talk::CallLink;

    use super::*;

    #[test]
    fn what_is_passed_on_is_what_is_read() {
        for server in ["https://cloud.example.org", "https://cloud.example.org/sub/"] {
            let link = CallLink::parse(&web_link(server, "abcd1234", None)).unwrap();
            assert_eq!(link.room.as_str(), "abcd1234");
            assert_eq!(link.server.as_str().trim_end_matches('/'), server.trim_end_matches('/'));
            // base64url of 32 bytes.
            let fingerprint = Some("A".repeat(43));
            let link = CallLink::parse(&web_link(server, "abcd1234", fingerprint.as_deref())).unwrap();
            assert!(link.fingerprint.is_some());
        }
    }
}
