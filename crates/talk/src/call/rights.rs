//! What a conversation lets us send, and what the server knows of what we do send (talk-rest sections 3.3 and 6).

use std::time::Duration;

use bellbird_call::MediaKinds;
use bellbird_talk_wire::constants::{
    IN_CALL_AUDIO, IN_CALL_VIDEO, PERMISSION_AUDIO, PERMISSION_DEFAULT, PERMISSION_SCREEN, PERMISSION_VIDEO,
};

use super::input::Input;
use super::inside::Inside;
use super::task::{CallTask, Phase};
use crate::translate;

/// How often flags are told that the server may not have heard, and how long after one another.
const FLAGS_ATTEMPTS: u32 = 5;
const FLAGS_PAUSE: Duration = Duration::from_secs(2);

/// What we may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rights {
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) screen: bool,
}

impl Rights {
    /// By permissions in effect. Servers too old to have permissions tell none, and forbid nothing.
    pub(super) fn of(permissions: u32) -> Self {
        Self::told(permissions).unwrap_or(Self { audio: true, video: true, screen: true })
    }

    /// As [`Self::of`], where what is not told has not changed.
    pub(super) fn told(permissions: u32) -> Option<Self> {
        let has = |permission: u32| permissions & permission != 0;
        (permissions != PERMISSION_DEFAULT).then(|| Self {
            audio: has(PERMISSION_AUDIO),
            video: has(PERMISSION_VIDEO),
            screen: has(PERMISSION_SCREEN),
        })
    }

    /// Of microphone and camera.
    pub(super) fn media(self) -> MediaKinds {
        MediaKinds { audio: self.audio, video: self.video }
    }

    /// What is left of what we would like to send.
    pub(super) fn allowed(self, media: MediaKinds) -> MediaKinds {
        MediaKinds { audio: media.audio && self.audio, video: media.video && self.video }
    }

    /// Whether somebody with these in-call flags sends anything they may.
    pub(super) fn sends(self, flags: u32) -> bool {
        (self.audio && flags & IN_CALL_AUDIO != 0) || (self.video && flags & IN_CALL_VIDEO != 0)
    }
}

/// Our in-call flags as the server knows them. Only one request about them is on its way at a time, so that the last
/// wish wins.
#[derive(Debug)]
pub(super) struct FlagsDesk {
    known: u32,
    asking: bool,
}

impl FlagsDesk {
    /// We joined with these.
    pub(super) fn joined(flags: u32) -> Self {
        Self { known: flags, asking: false }
    }

    /// The server changed them by itself.
    pub(super) fn changed(&mut self, flags: u32) {
        self.known = flags;
    }

    /// What to tell the server, if anything.
    fn take(&mut self, wanted: u32) -> Option<u32> {
        if self.asking || self.known == wanted {
            return None;
        }
        // Told or refused: the same is not told twice.
        self.known = wanted;
        self.asking = true;
        Some(wanted)
    }

    fn done(&mut self) {
        self.asking = false;
    }
}

impl CallTask {
    /// Tells the server what we send, where it does not know.
    pub(super) fn review_flags(&mut self) {
        let Phase::Inside(inside) = &mut self.phase else { return };
        let rights = inside.rights;
        let Some(call) = inside.in_call_now() else { return };
        let wanted = translate::flags(rights.allowed(call.media));
        let Some(flags) = call.flags.take(wanted) else { return };
        let room = inside.room.clone();
        let (session, facts, number) = (self.session.clone(), self.facts.clone(), self.line);
        tokio::spawn(async move {
            for _ in 0..FLAGS_ATTEMPTS {
                match session.update_call_flags(room.as_str(), flags).await {
                    Err(error) if error.is_passing() => tokio::time::sleep(FLAGS_PAUSE).await,
                    // Refused: the right is gone again, or the call.
                    Ok(()) | Err(_) => break,
                }
            }
            // A closed channel means that the call is over.
            let _ = facts.send(Input::FlagsTold(number)).await;
        });
    }

    /// A request about our flags ended. There may be another wish by now.
    pub(super) fn flags_told(&mut self) {
        if let Some(call) = self.inside().and_then(Inside::in_call_now) {
            call.flags.done();
        }
        self.review_flags();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_follow_permissions_and_old_servers_forbid_nothing() {
        let all = Rights { audio: true, video: true, screen: true };
        assert_eq!((Rights::of(0), Rights::of(254), Rights::told(0)), (all, all, None));
        assert_eq!(Rights::of(1 | 4 | 32), Rights { audio: false, video: true, screen: false });
        let rights = Rights { audio: true, video: false, screen: true };
        assert_eq!(rights.allowed(MediaKinds::VIDEO), MediaKinds::VOICE);
        assert!(rights.sends(3) && !rights.sends(5) && !rights.sends(1));
    }

    #[test]
    fn flags_are_told_one_after_another_and_the_last_wish_wins() {
        let mut desk = FlagsDesk::joined(3);
        assert_eq!(desk.take(3), None);
        assert_eq!(desk.take(7), Some(7));
        assert_eq!(desk.take(3), None, "a request is on its way");
        desk.done();
        assert_eq!(desk.take(3), Some(3));
        desk.done();
        assert_eq!(desk.take(3), None);
        // The server took a flag with the right to it.
        desk.changed(1);
        assert_eq!(desk.take(3), Some(3));
    }
}
