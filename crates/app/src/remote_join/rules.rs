//! What is done with an order. Pure: how things are goes in, a verdict comes out.

use bellbird_call::MediaKinds;
use bellbird_capture::VideoSource;
use bellbird_contract::RemoteJoinPolicy;
use bellbird_cowork::{JoinKind, Media, Order, Reason, Refusal};

use super::Unattended;
use super::asking::Purpose;
use crate::calls::CurrentCall;

/// How things are for an account.
pub(super) struct Situation<'a> {
    pub(super) account: &'a str,
    pub(super) policy: RemoteJoinPolicy,
    /// There is nobody to ask.
    pub(super) unattended: Option<Unattended>,
    /// The one call the person is in, of whichever account.
    pub(super) current: Option<CurrentCall<'a>>,
    /// The number of the share that runs.
    pub(super) share: Option<u16>,
}

/// Something to be carried out.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Deed {
    /// Join a conversation's call, or take the one that rings from there.
    Join { room: String, kinds: MediaKinds },
    /// Share a screen in a conversation's call, joining it muted where we are in none; `None`: the one the program was
    /// started with.
    Share { room: String, source: Option<VideoSource> },
    /// Microphone and loudspeaker.
    Audio { muted: Option<bool>, silent: Option<bool> },
    /// The camera.
    Video(bool),
    /// The hand.
    Raise(bool),
    /// Leave the call.
    Leave,
    /// End the share.
    StopShare,
    /// It is so already.
    Nothing,
}

/// What is done with an order.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    /// It is carried out.
    Do(Deed),
    /// The person is asked, and the rest is carried out meanwhile.
    Ask { room: String, purpose: Purpose, meanwhile: Deed },
}

fn conflict(text: &str) -> Refusal {
    Refusal::new(Reason::Conflict, text)
}

impl Situation<'_> {
    /// What is done with an order.
    ///
    /// # Errors
    /// 403 where the person forbids it, 404 for a share that is not there, 409 where it cannot be done now.
    pub(super) fn judge(&self, order: &Order) -> Result<Verdict, Refusal> {
        if self.policy == RemoteJoinPolicy::Forbid {
            return Err(Refusal::new(
                Reason::Forbidden,
                "The person does not let others steer this client; their settings can allow it",
            ));
        }
        match order {
            Order::Join { channel, .. } if channel.is_empty() || channel.len() > super::LONGEST_ID => {
                Err(Refusal::new(Reason::NotFound, "There is no such channel"))
            }
            Order::Join { channel, kind: JoinKind::Screen } => self.screen(channel),
            Order::Join { channel, kind } => self.join(channel, *kind == JoinKind::Video),
            Order::SetAudio { muted, silent } => self.audio(*muted, *silent),
            Order::SetVideo { video } => self.video(*video),
            Order::Raise { raise } => {
                self.own_call()?;
                Ok(Verdict::Do(Deed::Raise(*raise)))
            }
            Order::Leave { media } => self.leave(*media),
        }
    }

    fn join(&self, room: &str, video: bool) -> Result<Verdict, Refusal> {
        if self.current.is_some() {
            return Err(conflict(if video {
                "The client is in a call already; its camera is switched by user/calls/video"
            } else {
                "The client is in a call already; leave it first"
            }));
        }
        // Without a camera that it was given, a program that nobody watches joins by voice, as it answers.
        let video = video && self.unattended.is_none_or(|unattended| unattended.camera);
        let kinds = if video { MediaKinds::VIDEO } else { MediaKinds::VOICE };
        let room = room.to_owned();
        Ok(match self.policy {
            RemoteJoinPolicy::Allow => Verdict::Do(Deed::Join { room, kinds }),
            RemoteJoinPolicy::Ask | RemoteJoinPolicy::Forbid => {
                Verdict::Ask { room, purpose: Purpose::Join(kinds), meanwhile: Deed::Nothing }
            }
        })
    }

    fn screen(&self, room: &str) -> Result<Verdict, Refusal> {
        if let Some(call) = &self.current {
            if !call.is_in(self.account, room) {
                return Err(conflict("The client is in a call elsewhere; a screen can only be shared there"));
            }
            if !call.view.facts.may_share_screen {
                return Err(conflict("Sharing a screen is not allowed in this channel"));
            }
        }
        let room = room.to_owned();
        match self.unattended {
            // Which screen is asked every time.
            None => Ok(Verdict::Ask { room, purpose: Purpose::Screen, meanwhile: Deed::Nothing }),
            Some(Unattended { screen: true, .. }) => Ok(Verdict::Do(Deed::Share { room, source: None })),
            Some(Unattended { screen: false, .. }) => {
                Err(conflict("The client was started without a screen to share (--screen)"))
            }
        }
    }

    fn audio(&self, muted: Option<bool>, silent: Option<bool>) -> Result<Verdict, Refusal> {
        let call = self.own_call()?;
        if muted == Some(false) && call.view.muted && self.policy != RemoteJoinPolicy::Allow {
            let meanwhile = match silent {
                Some(_) => Deed::Audio { muted: None, silent },
                None => Deed::Nothing,
            };
            return Ok(Verdict::Ask { room: room_of(call)?, purpose: Purpose::Unmute, meanwhile });
        }
        Ok(Verdict::Do(Deed::Audio { muted, silent }))
    }

    fn video(&self, video: bool) -> Result<Verdict, Refusal> {
        let call = self.own_call()?;
        if !video || call.view.camera_on {
            return Ok(Verdict::Do(Deed::Video(video)));
        }
        if !call.view.facts.may_publish_video {
            return Err(conflict("Showing a camera is not allowed in this channel"));
        }
        if self.unattended.is_some_and(|unattended| !unattended.camera) {
            return Err(conflict("The client was started without a camera (--camera)"));
        }
        Ok(match self.policy {
            RemoteJoinPolicy::Allow => Verdict::Do(Deed::Video(true)),
            RemoteJoinPolicy::Ask | RemoteJoinPolicy::Forbid => {
                let room = room_of(call)?;
                Verdict::Ask { room, purpose: Purpose::Camera, meanwhile: Deed::Nothing }
            }
        })
    }

    fn leave(&self, media: Option<Media>) -> Result<Verdict, Refusal> {
        let in_call = self.current.as_ref().is_some_and(|call| call.account == self.account);
        Ok(Verdict::Do(match media {
            None | Some(Media::Camera) if in_call => Deed::Leave,
            None | Some(Media::Camera) => Deed::Nothing,
            Some(Media::Screen(number)) if in_call && self.share == Some(number) => Deed::StopShare,
            Some(Media::Screen(_)) => {
                return Err(Refusal::new(Reason::NotFound, "The client has no such share"));
            }
        }))
    }

    /// The call, where it is this account's and past its entrance.
    fn own_call(&self) -> Result<&CurrentCall<'_>, Refusal> {
        let own = self.current.as_ref().filter(|call| call.account == self.account && call.began);
        own.ok_or_else(|| conflict("The client is in no call"))
    }
}

fn room_of(call: &CurrentCall<'_>) -> Result<String, Refusal> {
    let room = call.room.map(str::to_owned);
    room.ok_or_else(|| conflict("The call is not up yet"))
}

#[cfg(test)]
mod tests {
    use bellbird_call::CallView;

    use super::*;
    use crate::calls::testing::view_in;

    const ATTENDED: Option<Unattended> = None;

    fn unattended(camera: bool, screen: bool) -> Option<Unattended> {
        Some(Unattended { allowed: true, camera, screen })
    }

    fn judge(
        policy: RemoteJoinPolicy,
        unattended: Option<Unattended>,
        call: Option<(&str, &CallView)>,
        order: &Order,
    ) -> Result<Verdict, Reason> {
        let current = call.map(|(account, view)| CurrentCall::begun(account, view));
        let situation = Situation { account: "ann", policy, unattended, current, share: Some(3) };
        situation.judge(order).map_err(|refusal| refusal.reason)
    }

    fn join(kind: JoinKind) -> Order {
        Order::Join { channel: "room".into(), kind }
    }

    fn ask(purpose: Purpose) -> Result<Verdict, Reason> {
        Ok(Verdict::Ask { room: "room".into(), purpose, meanwhile: Deed::Nothing })
    }

    #[test]
    fn what_others_want_is_done_asked_or_refused() {
        use RemoteJoinPolicy::{Allow, Ask, Forbid};
        let (here, mut muted, mut bare) = (view_in("room"), view_in("room"), view_in("room"));
        muted.muted = true;
        bare.facts.may_publish_video = false;
        bare.facts.may_share_screen = false;
        let other = view_in("other");
        let (voice, video) = (MediaKinds::VOICE, MediaKinds::VIDEO);
        let joined = |kinds| Ok(Verdict::Do(Deed::Join { room: "room".into(), kinds }));
        let given = Ok(Verdict::Do(Deed::Share { room: "room".into(), source: None }));
        let audio = |muted, silent| Order::SetAudio { muted, silent };
        let heard = |muted, silent| Ok(Verdict::Do(Deed::Audio { muted, silent }));
        let leave = |media| Order::Leave { media };
        let done = |deed| Ok(Verdict::Do(deed));
        let conflict = || Err(Reason::Conflict);
        let (own, others, elsewhere) = (Some(("ann", &here)), Some(("eve", &here)), Some(("ann", &other)));
        type Row<'a> = (
            &'static str,
            (RemoteJoinPolicy, Option<Unattended>, Option<(&'static str, &'a CallView)>),
            Order,
            Result<Verdict, Reason>,
        );
        let table: Vec<Row<'_>> = vec![
            ("forbidden", (Forbid, ATTENDED, None), join(JoinKind::Audio), Err(Reason::Forbidden)),
            ("forbidden in a call, too", (Forbid, ATTENDED, own), leave(None), Err(Reason::Forbidden)),
            ("voice", (Allow, ATTENDED, None), join(JoinKind::Audio), joined(voice)),
            ("video", (Allow, ATTENDED, None), join(JoinKind::Video), joined(video)),
            ("voice, asked", (Ask, ATTENDED, None), join(JoinKind::Audio), ask(Purpose::Join(voice))),
            ("video, asked", (Ask, ATTENDED, None), join(JoinKind::Video), ask(Purpose::Join(video))),
            ("beside a call", (Allow, ATTENDED, own), join(JoinKind::Audio), conflict()),
            ("beside a call", (Allow, ATTENDED, own), join(JoinKind::Video), conflict()),
            ("beside another account's", (Allow, ATTENDED, others), join(JoinKind::Audio), conflict()),
            (
                "a screen is always asked",
                (Allow, ATTENDED, None),
                join(JoinKind::Screen),
                ask(Purpose::Screen),
            ),
            ("beside a call, too", (Allow, ATTENDED, own), join(JoinKind::Screen), ask(Purpose::Screen)),
            ("but not elsewhere", (Allow, ATTENDED, elsewhere), join(JoinKind::Screen), conflict()),
            ("nor by another account", (Allow, ATTENDED, others), join(JoinKind::Screen), conflict()),
            (
                "nor where it may not",
                (Allow, ATTENDED, Some(("ann", &bare))),
                join(JoinKind::Screen),
                conflict(),
            ),
            (
                "the given screen",
                (Allow, unattended(false, true), own),
                join(JoinKind::Screen),
                given.clone(),
            ),
            ("the given screen", (Allow, unattended(false, true), None), join(JoinKind::Screen), given),
            ("no screen given", (Allow, unattended(true, false), own), join(JoinKind::Screen), conflict()),
            (
                "no camera given",
                (Allow, unattended(false, false), None),
                join(JoinKind::Video),
                joined(voice),
            ),
            ("a camera given", (Allow, unattended(true, false), None), join(JoinKind::Video), joined(video)),
            ("no call", (Allow, ATTENDED, None), audio(Some(true), None), conflict()),
            ("not ours", (Allow, ATTENDED, others), audio(Some(true), None), conflict()),
            ("mute", (Ask, ATTENDED, own), audio(Some(true), None), heard(Some(true), None)),
            ("silent", (Ask, ATTENDED, own), audio(None, Some(true)), heard(None, Some(true))),
            (
                "unmute",
                (Allow, ATTENDED, Some(("ann", &muted))),
                audio(Some(false), None),
                heard(Some(false), None),
            ),
            (
                "unmute, asked",
                (Ask, ATTENDED, Some(("ann", &muted))),
                audio(Some(false), None),
                ask(Purpose::Unmute),
            ),
            (
                "unmute, asked; silent at once",
                (Ask, ATTENDED, Some(("ann", &muted))),
                audio(Some(false), Some(true)),
                Ok(Verdict::Ask {
                    room: "room".into(),
                    purpose: Purpose::Unmute,
                    meanwhile: Deed::Audio { muted: None, silent: Some(true) },
                }),
            ),
            ("unmuted anyway", (Ask, ATTENDED, own), audio(Some(false), None), heard(Some(false), None)),
            ("camera", (Allow, ATTENDED, own), Order::SetVideo { video: true }, done(Deed::Video(true))),
            ("camera, asked", (Ask, ATTENDED, own), Order::SetVideo { video: true }, ask(Purpose::Camera)),
            ("camera off", (Ask, ATTENDED, own), Order::SetVideo { video: false }, done(Deed::Video(false))),
            (
                "camera not allowed",
                (Allow, ATTENDED, Some(("ann", &bare))),
                Order::SetVideo { video: true },
                conflict(),
            ),
            (
                "camera not given",
                (Allow, unattended(false, true), own),
                Order::SetVideo { video: true },
                conflict(),
            ),
            ("hand", (Ask, ATTENDED, own), Order::Raise { raise: true }, done(Deed::Raise(true))),
            ("hand in no call", (Allow, ATTENDED, None), Order::Raise { raise: true }, conflict()),
            ("leave", (Ask, ATTENDED, own), leave(None), done(Deed::Leave)),
            ("leave by the camera", (Allow, ATTENDED, own), leave(Some(Media::Camera)), done(Deed::Leave)),
            ("end the share", (Allow, ATTENDED, own), leave(Some(Media::Screen(3))), done(Deed::StopShare)),
            (
                "one that is over",
                (Allow, ATTENDED, own),
                leave(Some(Media::Screen(2))),
                Err(Reason::NotFound),
            ),
            ("leave without a call", (Allow, ATTENDED, None), leave(None), done(Deed::Nothing)),
            ("another account's call", (Allow, ATTENDED, others), leave(None), done(Deed::Nothing)),
        ];
        for (name, (policy, unattended, call), order, expected) in table {
            assert_eq!(judge(policy, unattended, call, &order), expected, "{name}: {order:?}");
        }
        for channel in [String::new(), "x".repeat(10_000)] {
            let order = Order::Join { channel, kind: JoinKind::Screen };
            assert_eq!(judge(Allow, ATTENDED, None, &order), Err(Reason::NotFound));
        }
    }

    #[test]
    fn at_an_entrance_there_is_nothing_to_switch_yet_but_it_can_be_left() {
        let view = view_in("room");
        let at_entrance = || CurrentCall { began: false, ..CurrentCall::begun("ann", &view) };
        let judge = |order: &Order| {
            let policy = RemoteJoinPolicy::Allow;
            let current = Some(at_entrance());
            Situation { account: "ann", policy, unattended: None, current, share: None }.judge(order)
        };
        assert_eq!(judge(&Order::SetVideo { video: true }).unwrap_err().reason, Reason::Conflict);
        assert_eq!(judge(&Order::Leave { media: None }), Ok(Verdict::Do(Deed::Leave)));
    }
}
