//! `demo`: the main job in one process. An embedded server on a free port, two accounts, one call with speech both
//! ways through the whole media path, and a report of what was measured at the two virtual loudspeakers.

use std::time::{Duration, Instant};

use bellbird_app::{AccountHome, App, Clip, PlayoutSink, Recorder, Recording, Secret, Sound, StoredAccount};
use bellbird_contract::{CallHappening, Command, Event, Media, Reply};
use bellbird_server::{Server, ServerConfig};
use tokio::sync::broadcast;

use crate::account;
use crate::audio::correlation::{first_sound, likeness, offset};
use crate::audio::speech::{Voice, clip};
use crate::failure::Failure;
use crate::report::{DemoFigures, Output, Report};
use crate::signals::Stop;

/// The two people.
const CALLER: &str = "ann";
const CALLEE: &str = "bob";

/// Speech that matches less did not come through well enough to call the demo a success.
const UNDERSTOOD: f64 = 0.95;

/// How long the call may take to carry sound before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listened to after the last word: delay, and the last playout frames.
const REST: Duration = Duration::from_millis(500);

/// Samples a second of clips and recordings.
const RATE: f64 = 48_000.0;

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let folder = tempfile::tempdir()
        .map_err(|error| bellbird_app::of_io(&error, "no folder could be made for the demo's server"))?;
    let server = Server::open(ServerConfig::new(folder.path())).await?;
    let listening = server.listen(([127, 0, 0, 1], 0).into()).await?;
    output.report(&Report::Listening { url: listening.url.as_str() });

    let caller = Side::start(&server, listening.url.as_str(), CALLER, Voice::Caller).await?;
    let callee = Side::start(&server, listening.url.as_str(), CALLEE, Voice::Callee).await?;
    let result = tokio::select! {
        result = converse(&caller, &callee, output) => result.map(Some),
        () = stop.requested() => Ok(None),
    };
    caller.app.stop().await;
    callee.app.stop().await;
    server.shutdown().await;
    let Some((made, packets_lost)) = result? else { return Ok(()) };

    let figures = measure(made, &caller, &callee, packets_lost);
    output.report(&Report::Demo(&figures));
    if figures.ok { Ok(()) } else { Err(Failure::new("demo-failed", "")) }
}

/// One of the two.
struct Side {
    app: App,
    says: Clip,
    hears: Recorder,
}

impl Side {
    async fn start(server: &Server, url: &str, name: &'static str, voice: Voice) -> Result<Self, Failure> {
        let admin = server.admin();
        let secret = super::blocking(move || {
            // Opened by app password alone; nobody has to remember this one.
            admin.add_user(name, None, &format!("{name} in the demo"), false)?;
            Ok(Secret::new(admin.new_app_password(name)?))
        })
        .await?;
        let (says, hears) = (clip(voice), Recorder::new());
        let app = account::fleeting_app(
            Sound {
                microphone: Some(bellbird_app::CaptureSource::Clip(says.clone())),
                speaker: Some(PlayoutSink::Recorder(hears.clone())),
                ringer: Some(PlayoutSink::Null),
                // As a person has it. The canceller rests by itself: nothing played here can be heard by a clip.
                processing: true,
            },
            bellbird_app::Pictures::default(),
        );
        let login = StoredAccount {
            id: name.into(),
            user_id: name.into(),
            login_name: name.into(),
            display_name: name.into(),
            home: AccountHome::Remote { server: url.into(), fingerprint: None },
        };
        app.use_login(login, secret)?;
        account::registered(&app).await?;
        Ok(Self { app, says, hears })
    }
}

/// Has the one call the other, until both have said all. Yields when the call was made, and the packets lost.
async fn converse(caller: &Side, callee: &Side, output: &Output) -> Result<(Instant, u64), Failure> {
    let (mut events, rung) = (caller.app.events(), callee.app.events());
    let quality = (Lost::follow(&caller.app), Lost::follow(&callee.app));
    let answering = tokio::spawn(answer(callee.app.clone(), rung));

    let made = Instant::now();
    let command = Command::MakeCall { account: None, contact: CALLEE.into(), media: Media::Voice };
    let Reply::Call { call } = caller.app.handle(command).await? else {
        return Err(Failure::new("internal", "making a call yielded no call"));
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut said_all = deadline;
    let mut problem = None;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::Call { call: of, happening }) if of == call => {
                    if let CallHappening::Problem { problem: why } = &happening {
                        problem = Some(why.clone());
                    }
                    if let CallHappening::Ended { .. } = &happening {
                        report(&call, &happening, output);
                        let failed = Failure::new("demo-failed", "the call ended by itself");
                        return Err(problem.map_or(failed, Failure::from));
                    }
                    report(&call, &happening, output);
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            () = tokio::time::sleep_until(said_all) => {
                let times = [caller, callee].map(|side| side.says.started().map(|at| at + length(&side.says) + REST));
                match times {
                    [Some(one), Some(other)] if one.max(other) > Instant::now() => {
                        said_all = tokio::time::Instant::from_std(one.max(other));
                    }
                    _ => break,
                }
            }
            () = both_speak(caller, callee), if said_all == deadline => {
                said_all = tokio::time::Instant::now();
            }
        }
    }
    answering.abort();
    caller.app.handle(Command::End { call: Some(call.clone()) }).await?;
    let end = async {
        while let Ok(event) = events.recv().await {
            let Event::Call { call: of, happening } = event else { continue };
            if of == call {
                report(&call, &happening, output);
                if let CallHappening::Ended { .. } = happening {
                    break;
                }
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, end).await;
    Ok((made, quality.0.count() + quality.1.count()))
}

/// Returns once both microphones are open.
async fn both_speak(caller: &Side, callee: &Side) {
    let mut look = tokio::time::interval(Duration::from_millis(50));
    while caller.says.started().is_none() || callee.says.started().is_none() {
        look.tick().await;
    }
}

/// Answers the first call at once.
async fn answer(app: App, mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::State { state }) if state.calls.iter().any(|call| call.can_answer) => {
                let _ = app.handle(Command::Answer { call: None, media: Media::Voice }).await;
                return;
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// The packets one side missed.
struct Lost(tokio::sync::watch::Receiver<u64>);

impl Lost {
    fn follow(app: &App) -> Self {
        let mut events = app.events();
        let (sender, lost) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(Event::Quality { links, .. }) => {
                        sender.send_replace(links.iter().map(|link| link.packets_lost).sum());
                    }
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        Self(lost)
    }

    fn count(&self) -> u64 {
        *self.0.borrow()
    }
}

fn report(call: &str, happening: &CallHappening, output: &Output) {
    match happening {
        CallHappening::Status { participant, status } => {
            output.report(&Report::Status { call, participant: participant.as_deref(), status: *status });
        }
        CallHappening::Track { participant, kind, added } => {
            let (participant, kind, added) = (participant.as_deref(), *kind, *added);
            output.report(&Report::Track { call, participant, kind, added });
        }
        CallHappening::Media { participant, kind, first } => {
            output.report(&Report::Media { call, participant, kind: *kind, first });
        }
        CallHappening::Mute { participant, kind, muted } => {
            let (participant, kind, muted) = (participant.as_deref(), *kind, *muted);
            output.report(&Report::Mute { call, participant, kind, muted });
        }
        // The demo's two do none of this, and need no permission.
        CallHappening::Entrance { .. }
        | CallHappening::MutedByModerator
        | CallHappening::Hand { .. }
        | CallHappening::Reaction { .. } => {}
        CallHappening::Problem { problem } => {
            tracing::warn!(code = problem.code, detail = problem.detail, "in the demo's call");
        }
        CallHappening::Ended { reason, duration_s } => {
            output.report(&Report::Ended { call, reason: *reason, duration_s: *duration_s });
        }
    }
}

fn length(clip: &Clip) -> Duration {
    Duration::from_secs_f64(clip.samples().len() as f64 / RATE)
}

/// One way of the conversation.
struct Way {
    /// 0..=1.
    likeness: f64,
    /// Mouth to ear.
    delay_ms: f64,
    /// When the first sound was due at the loudspeaker.
    first: Instant,
}

fn way(from: &Clip, to: &Recording) -> Option<Way> {
    let spoken = from.started()?;
    let first = first_sound(&to.samples)?;
    let offset = offset(from.samples(), &to.samples)?;
    // What was said before there was anybody to hear it is no loss; the first sound says where that ends.
    let heard_from = usize::try_from(first.cast_signed() - offset).unwrap_or(0);
    let likeness = likeness(from.samples(), &to.samples, offset, heard_from);
    let at = |sample: f64| sample / RATE * 1000.0;
    let recorded_after_ms = if to.started >= spoken {
        (to.started - spoken).as_secs_f64() * 1000.0
    } else {
        -(spoken - to.started).as_secs_f64() * 1000.0
    };
    let delay_ms = recorded_after_ms + at(offset as f64);
    let first = to.started + Duration::from_secs_f64(first as f64 / RATE);
    Some(Way { likeness, delay_ms, first })
}

fn measure(made: Instant, caller: &Side, callee: &Side, packets_lost: u64) -> DemoFigures {
    let there = way(&caller.says, &callee.hears.take());
    let back = way(&callee.says, &caller.hears.take());
    let likeness = |way: &Option<Way>| way.as_ref().map_or(0.0, |way| way.likeness);
    let speech_match = likeness(&there).min(likeness(&back));
    let setup_ms = there.as_ref().map(|way| way.first.saturating_duration_since(made).as_secs_f64() * 1000.0);
    let audio_delay_ms =
        there.as_ref().zip(back.as_ref()).map(|(one, other)| one.delay_ms.max(other.delay_ms));
    let ok = speech_match >= UNDERSTOOD && setup_ms.is_some() && audio_delay_ms.is_some();
    DemoFigures { ok, setup_ms, audio_delay_ms, speech_match, packets_lost }
}
