//! What is told of this client: its id, the channel it shows, the connections it has in a call (cowork-calls section 2).

use std::time::{Duration, Instant};

use bellbird_call::RoomId;
use bellbird_contract::{EntranceView, ParticipantView};
use bellbird_cowork::{ClientCall, ClientState, Connection, Media, Refusal};
use bellbird_talk::InCall;

use super::{Place, Remote};
use crate::app::App;
use crate::calls::CurrentCall;
use crate::state::State;

/// Numbers of shares begin anew after this one: `screen0` to `screen999`.
const SCREENS: u16 = 1000;

/// `cowork-` and a random UUID (RFC 9562 section 5.4).
pub(super) fn new_id(random: u128) -> String {
    let version = (random & !(0xf << 76)) | (0x4 << 76);
    let uuid = (version & !(0x3 << 62)) | (0x2 << 62);
    format!(
        "cowork-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        (uuid >> 96) as u32,
        (uuid >> 80) as u16,
        (uuid >> 64) as u16,
        (uuid >> 48) as u16,
        uuid & 0xffff_ffff_ffff
    )
}

/// The screens shared in one call, one after the other: each has a number of its own.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Shares {
    next: u16,
    /// The one that was told to whoever asked for it.
    promised: Option<u16>,
    on: Option<u16>,
}

impl Shares {
    /// The number of a share that is about to begin, in place of the one that runs.
    pub(super) fn promise(&mut self) -> u16 {
        let number = self.number();
        self.promised = Some(number);
        number
    }

    /// The share that was promised has taken the place of the one that runs.
    pub(super) fn replace(&mut self) {
        if self.on.is_some() {
            self.on = self.promised.take().or(self.on);
        }
    }

    /// A screen is shared, or none.
    pub(super) fn see(&mut self, sharing: bool) {
        match (sharing, self.on) {
            (true, None) => {
                let promised = self.promised.take();
                self.on = Some(promised.unwrap_or_else(|| self.number()));
            }
            (false, Some(_)) => self.on = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// The one that runs.
    pub(super) fn on(&self) -> Option<u16> {
        self.on
    }

    fn number(&mut self) -> u16 {
        let number = self.next;
        self.next = (self.next + 1) % SCREENS;
        number
    }
}

impl App {
    /// This client as the web API tells it: with its call and its open channel where they are the account's; without an
    /// account, whichever account's they are.
    pub fn remote_client(&self, account: Option<&str>) -> ClientState {
        let now = Instant::now();
        self.inner.amend(|state| {
            state.settle_remote(now);
            state.remote_client(account)
        })
    }

    /// Everybody in a conversation's call: as seen from inside while we are in it, else as its server counts them.
    ///
    /// # Errors
    /// 404 where there is no such conversation, 409 while its server cannot be asked.
    pub async fn remote_channel(&self, account: &str, room: &str) -> Result<Vec<Connection>, Refusal> {
        let inside = self.remote_inside(account, room);
        if !inside.is_empty() {
            return Ok(inside);
        }
        let talk = self.inner.with(|state| state.account(Some(account))?.place());
        let (_, talk) = talk.map_err(super::orders::refusal)?;
        let all = talk.in_call(&RoomId::new(room)).await.map_err(super::orders::refusal)?;
        Ok(all.into_iter().map(counted).collect())
    }

    fn remote_inside(&self, account: &str, room: &str) -> Vec<Connection> {
        let state = self.state();
        let here = |call: &&bellbird_contract::CallView| {
            call.account == account && call.room.as_deref() == Some(room) && call.ended.is_none()
        };
        let mut all = match self.remote_client(Some(account)).call {
            Some(call) if call.channel_id == room => call.connections,
            Some(_) | None => return Vec::new(),
        };
        if let Some(call) = state.calls.iter().find(here) {
            all.extend(call.participants.iter().flat_map(of_participant));
        }
        all
    }
}

/// The connection of someone whom only the server tells of: whether they are muted or raise a hand it does not know.
fn counted(who: InCall) -> Connection {
    Connection {
        user_id: who.contact.map_or_else(|| who.session.clone(), |contact| contact.as_str().to_owned()),
        display_name: who.display_name,
        client_id: who.session,
        media: Media::Camera,
        muted: !who.audio,
        silent: false,
        video: who.video,
        hand_up: false,
    }
}

/// The connections of one of the others: what they hear they do not tell.
fn of_participant(participant: &ParticipantView) -> Vec<Connection> {
    let camera = Connection {
        user_id: participant.contact.clone().unwrap_or_else(|| participant.id.clone()),
        display_name: participant.display_name.clone(),
        client_id: participant.id.clone(),
        media: Media::Camera,
        muted: participant.audio_muted,
        silent: false,
        video: participant.has_video && !participant.video_muted,
        hand_up: participant.hand_raised_ms.is_some(),
    };
    let screen = participant.has_screen.then(|| Connection {
        media: Media::Screen(0),
        muted: true,
        video: true,
        hand_up: false,
        ..camera.clone()
    });
    std::iter::once(camera).chain(screen).collect()
}

impl State {
    /// This client, with what is an account's; without one, with whatever there is.
    pub(super) fn remote_client(&self, account: Option<&str>) -> ClientState {
        let current = self.calls.current_call().filter(|call| {
            !call.account.is_empty()
                && account.is_none_or(|account| account == call.account)
                && call.is_shown()
        });
        let call = current.and_then(|call| {
            Some(ClientCall {
                team_id: call.account.to_owned(),
                channel_id: call.room?.to_owned(),
                connections: self.remote_connections(&call),
            })
        });
        let remote = &self.remote;
        ClientState {
            client_id: remote.client_id.clone(),
            last_interaction: millis(remote.last_interaction.saturating_duration_since(remote.begun)),
            open_channel: call.as_ref().map(|call| call.channel_id.clone()).or_else(|| remote.shown(account)),
            call,
        }
    }

    /// The connections of the call the person is in.
    pub(super) fn remote_connections(&self, call: &CurrentCall<'_>) -> Vec<Connection> {
        let camera = self.remote_connection(call, Media::Camera);
        let share = self.remote.calls.get(&call.view.id).and_then(|steered| steered.shares.on());
        let screen = share.map(|number| self.remote_connection(call, Media::Screen(number)));
        std::iter::once(camera).chain(screen).collect()
    }

    /// One connection. A screen has no sound and no hand of its own.
    pub(super) fn remote_connection(&self, call: &CurrentCall<'_>, media: Media) -> Connection {
        let stored = self.accounts.iter().map(|account| &account.stored).find(|one| one.id == call.account);
        let screen = matches!(media, Media::Screen(_));
        // Before the machine has said so: what was asked for.
        let camera_on = if call.began { call.view.camera_on } else { call.view.media.video };
        Connection {
            user_id: stored.map(|stored| stored.user_id.clone()).unwrap_or_default(),
            display_name: stored.map(|stored| stored.display_name.clone()).unwrap_or_default(),
            client_id: self.remote.client_id.clone(),
            media,
            muted: screen || call.view.muted,
            silent: call.silent,
            video: screen || camera_on,
            hand_up: !screen && call.view.hand_raised,
        }
    }
}

impl Remote {
    /// The conversation the person looks at, else the one called last.
    fn shown(&self, account: Option<&str>) -> Option<String> {
        let fits = |place: &&Place| account.is_none_or(|account| account == place.account);
        let looked_at = self.looked_at.as_ref().filter(fits);
        looked_at.or_else(|| self.last_called.as_ref().filter(fits)).map(|place| place.room.clone())
    }
}

impl CurrentCall<'_> {
    /// It counts as a call already: we are in it, or nothing is in the way so far.
    fn is_shown(&self) -> bool {
        self.began || self.entrance == Some(EntranceView::Entering)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        assert_eq!(new_id(0), "cowork-00000000-0000-4000-8000-000000000000");
        assert_eq!(new_id(u128::MAX), "cowork-ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            new_id(0x390e_29ba_fe73_4dd0_affc_b78e_a328_769b),
            "cowork-390e29ba-fe73-4dd0-affc-b78ea328769b"
        );
    }

    #[test]
    fn each_share_has_a_number_of_its_own() {
        let mut shares = Shares::default();
        shares.see(false);
        assert_eq!(shares.on(), None);
        shares.see(true);
        shares.see(true);
        assert_eq!(shares.on(), Some(0));
        assert_eq!(shares.promise(), 1);
        assert_eq!(shares.on(), Some(0), "not before it has taken its place");
        shares.replace();
        assert_eq!(shares.on(), Some(1));
        shares.see(false);
        assert_eq!(shares.on(), None);
        assert_eq!(shares.promise(), 2);
        shares.replace();
        shares.see(false);
        assert_eq!(shares.on(), None, "promised is not begun");
        shares.see(true);
        assert_eq!(shares.on(), Some(2));
        shares.next = SCREENS - 1;
        assert_eq!((shares.promise(), shares.promise()), (999, 0));
    }
}
