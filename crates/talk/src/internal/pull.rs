//! The long poll.

use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::constants::SESSION_TIMEOUT_SECONDS;

use super::LineEvent;
use crate::link::Backoff;
use crate::rest::{RestError, Session, Subject};

/// Failures in a row after which we give up: about five minutes.
const MAX_FAILURES: u32 = 34;
/// Failures in a row before anybody is told: the first may only have met a connection that had just been closed.
const TELL_AFTER: u32 = 2;

/// Pulls until the session is gone, or nobody listens any more.
pub(super) async fn run<F, D>(session: Session, token: String, deliver: D)
where
    F: Future<Output = bool>,
    D: Fn(LineEvent) -> F,
{
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let mut last_success = Instant::now();
    let mut outage = Outage::None;
    loop {
        let event = match session.pull(&token).await {
            Ok(items) => {
                backoff.reset();
                last_success = Instant::now();
                if outage.end() && !deliver(LineEvent::Restored).await {
                    return;
                }
                outage = Outage::None;
                if !deliver(LineEvent::Items(items)).await {
                    return;
                }
                continue;
            }
            Err(RestError::Refused { status: 404, .. }) => {
                let long = last_success.elapsed() >= Duration::from_secs(SESSION_TIMEOUT_SECONDS);
                LineEvent::Gone { after_outage: outage.was() || long }
            }
            Err(RestError::Refused { status: 409, .. }) => LineEvent::Replaced,
            Err(error) if error.is_passing() => {
                let pause = backoff.fail(rand::random());
                if backoff.failures() < MAX_FAILURES {
                    if backoff.failures() >= TELL_AFTER
                        && outage.begin()
                        && !deliver(LineEvent::Interrupted).await
                    {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    // A pull that waits for news would leave people in doubt for half a minute: ask something short.
                    if outage.is_told() && session.call_peers(&token).await.is_ok() {
                        outage.end();
                        if !deliver(LineEvent::Restored).await {
                            return;
                        }
                    }
                    continue;
                }
                LineEvent::Failed(Problem::new(
                    ProblemCode::SignalingLost,
                    "the server has not been reachable for minutes",
                ))
            }
            Err(error) => LineEvent::Failed(error.into_problem(Subject::Room)),
        };
        deliver(event).await;
        return;
    }
}

/// What was told about an outage since the last successful pull.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// There was none.
    None,
    /// Told as interrupted.
    Told,
    /// Told as restored; no pull has succeeded since.
    Over,
}

impl Outage {
    /// Notes a failure. Returns whether it is news.
    fn begin(&mut self) -> bool {
        let news = *self != Self::Told;
        *self = Self::Told;
        news
    }

    /// Notes a success. Returns whether it is news.
    fn end(&mut self) -> bool {
        let news = *self == Self::Told;
        if news {
            *self = Self::Over;
        }
        news
    }

    fn is_told(self) -> bool {
        self == Self::Told
    }

    fn was(self) -> bool {
        self != Self::None
    }
}
