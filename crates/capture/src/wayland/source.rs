//! A running capture of what the person chose in the system's dialog.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::portal::{self, Granted};
use super::stream::{self, Progress, Stream};
use crate::CaptureError;
use crate::capture::Source;
use crate::orders::{LONGEST_BLIND_WAIT, Orders, Rhythm, Wake};
use crate::output::Output;

/// How long the portal may take to hear that sharing is over.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long PipeWire may take to bring us together with what was chosen. It takes some milliseconds; never, where no session manager
/// (WirePlumber) runs.
const INTRODUCTION: Duration = Duration::from_secs(10);

/// Asks and captures, once it runs.
pub(crate) struct PortalSource {
    /// D-Bus address in place of the session's own.
    bus: Option<String>,
}

impl PortalSource {
    pub(crate) fn new(bus: Option<String>) -> Self {
        Self { bus }
    }
}

impl Source for PortalSource {
    fn label(&self) -> String {
        String::new()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::ScreenLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bellbird-portal")
            .enable_all()
            .build()
            .map_err(|error| CaptureError::NoScreen(error.to_string()))?;
        let outcome = share(&runtime, self.bus.as_deref(), orders, output);
        runtime.shutdown_timeout(GOODBYE);
        outcome
    }
}

fn share(
    runtime: &Runtime,
    bus: Option<&str>,
    orders: &Orders,
    output: &mut Output,
) -> Result<(), CaptureError> {
    // Nobody is asked for what could not be shown afterwards.
    stream::installed()?;
    let asked = runtime.block_on(async {
        tokio::select! {
            granted = portal::ask(bus) => Some(granted),
            () = stopped(orders) => None,
        }
    });
    let Some(granted) = asked else { return Ok(()) };
    let Granted { connection, node, mut session } = granted?;
    let closed = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&closed);
    let (done, over) = oneshot::channel::<()>();
    let watching = runtime.spawn(async move {
        tokio::select! {
            () = session.closed() => tell.store(true, Ordering::Relaxed),
            _ = over => session.close().await,
        }
    });
    let outcome = Stream::open(connection, node, orders.format().max_fps)
        .and_then(|stream| deliver(&stream, &closed, orders, output));
    drop(done);
    let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, watching).await });
    outcome
}

async fn stopped(orders: &Orders) {
    while !orders.is_stopped() {
        tokio::time::sleep(LONGEST_BLIND_WAIT).await;
    }
}

fn undelivered() -> CaptureError {
    CaptureError::NoScreen("PipeWire does not deliver what was chosen".into())
}

fn deliver(
    stream: &Stream,
    closed: &AtomicBool,
    orders: &Orders,
    output: &mut Output,
) -> Result<(), CaptureError> {
    let mut format = orders.format();
    let mut rhythm = Rhythm::new(Instant::now(), Rhythm::period_of(format.max_fps));
    let begin = Instant::now();
    let (mut last, mut turned) = (None, Vec::new());
    loop {
        match orders.wait_until(rhythm.next(), format) {
            Wake::Stop => return Ok(()),
            Wake::Refresh => output.repeat(format),
            Wake::Format => {
                format = orders.format();
                rhythm.set_period(Rhythm::period_of(format.max_fps));
                output.repeat(format);
            }
            Wake::Due => {
                let now = Instant::now();
                rhythm.advance(now);
                last = stream.take(last);
                if let Some(shot) = &last {
                    output.deliver_changed(&shot.pixels(&mut turned), now, format);
                }
                if closed.load(Ordering::Relaxed) {
                    return Err(CaptureError::ScreenLost);
                }
                match stream.progress() {
                    Progress::Over => return Err(CaptureError::ScreenLost),
                    Progress::Failed => return Err(undelivered()),
                    Progress::Waiting if now.duration_since(begin) > INTRODUCTION => {
                        return Err(undelivered());
                    }
                    Progress::Waiting | Progress::Running => {}
                }
            }
        }
    }
}
