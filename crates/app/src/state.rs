//! All that changes while the app runs.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::{AccountState, AccountView, AppView, DevicesView, LocalServerView};
use bellbird_devices::DeviceWatch;
use url::Url;

use crate::accounts::{Account, Standing};
use crate::calls::Calls;
use crate::convert::{self, Clocks};
use crate::devices;
use crate::echo::EchoContact;
use crate::problems::Problems;
use crate::settings::{AccountHome, Settings, SettingsFile, StoredAccount};

/// The one state of an app.
pub(crate) struct State {
    pub(crate) file: SettingsFile,
    pub(crate) settings: Settings,
    pub(crate) accounts: Vec<Account>,
    pub(crate) calls: Calls,
    pub(crate) devices: bellbird_devices::DeviceList,
    /// Its drop ends the looking out for devices.
    pub(crate) device_watch: Option<DeviceWatch>,
    pub(crate) problems: Problems,
    pub(crate) local_server: Option<LocalServerState>,
    pub(crate) suggested_name: String,
}

/// The embedded server while it runs in this process.
pub(crate) struct LocalServerState {
    pub(crate) url: Url,
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
            calls: self.calls.views(clocks),
            devices: self.devices_view(),
            local_server: self.local_server.as_ref().map(|server| LocalServerView {
                url: server.url.to_string(),
                public_url: server.public_url.as_ref().map(Url::to_string),
            }),
            problems: self
                .problems
                .iter()
                .map(|(number, problem)| convert::numbered_problem(*number, problem))
                .collect(),
            suggested_name: self.suggested_name.clone(),
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
        }
    }
}
