//! One open source and its thread.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::orders::Orders;
use crate::output::Output;
use crate::{CaptureError, CaptureFormat, PictureSink, VideoSource};

/// A running source. Dropping it stops the source and waits for its thread, a tenth of a second at the most; after
/// that the sink is called no more. Dropped inside its own sink it stops likewise, without the waiting.
pub struct Capture {
    orders: Arc<Orders>,
    label: String,
    thread: Option<JoinHandle<()>>,
}

/// What a source's thread runs once the source is open.
pub(crate) trait Source {
    /// What people know it by.
    fn label(&self) -> String;

    /// What to say when the source fails in a way that its library does not tell.
    fn lost(&self) -> CaptureError;

    /// Delivers pictures until it is told to stop (`Ok`), or cannot go on. Runs on the source's own thread.
    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError>;
}

/// Opens a source and lets it run on a thread of its own, which calls `sink`. Takes as long as the device needs (a
/// camera up to some seconds), except for [`VideoSource::Portal`], which returns at once and waits for the person
/// on its own thread; a refusal is its [`CaptureEvent::Ended`](crate::CaptureEvent::Ended).
///
/// Pictures come in the rhythm of the source and not above the rate asked for. A picture that the sink has no time
/// for is not kept: the next one is the newest.
///
/// # Errors
/// As [`CaptureError`] names them; nothing is open then.
pub fn open(source: &VideoSource, format: CaptureFormat, sink: PictureSink) -> Result<Capture, CaptureError> {
    let source = source.clone();
    start(format, sink, move |format| source.open(format))
}

/// Runs what `open` yields on a thread of its own. The opening is done there too, since some libraries want their
/// handles used where they were made.
pub(crate) fn start<F>(format: CaptureFormat, sink: PictureSink, open: F) -> Result<Capture, CaptureError>
where
    F: FnOnce(CaptureFormat) -> Result<Box<dyn Source>, CaptureError> + Send + 'static,
{
    let orders = Arc::new(Orders::new(format));
    let (opened, outcome) = channel();
    let told = Arc::clone(&orders);
    let thread = std::thread::Builder::new()
        .name("bellbird-capture".into())
        .spawn(move || work(&told, &sink, open, &opened))
        .map_err(|error| CaptureError::NoScreen(format!("a thread could not be started: {error}")))?;
    let mut capture = Capture { orders, label: String::new(), thread: Some(thread) };
    match outcome.recv() {
        Ok(Ok(label)) => {
            capture.label = label;
            Ok(capture)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CaptureError::NoScreen("the source failed while it was opened".into())),
    }
}

fn work<F>(orders: &Orders, sink: &PictureSink, open: F, opened: &Sender<Result<String, CaptureError>>)
where
    F: FnOnce(CaptureFormat) -> Result<Box<dyn Source>, CaptureError>,
{
    let mut source = match open(orders.format()) {
        Ok(source) => source,
        Err(error) => {
            let _ = opened.send(Err(error));
            return;
        }
    };
    let _ = opened.send(Ok(source.label()));
    let mut output = Output::new(Arc::clone(sink));
    // A device's library that panics must end the source audibly, not leave a frozen picture behind.
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| source.run(orders, &mut output)));
    let end = match ran {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(source.lost()),
    };
    // Whoever hears of the end may open it anew at once.
    drop(source);
    if let Some(error) = end
        && !orders.is_stopped()
    {
        output.end(error);
    }
}

impl Capture {
    /// Wants another size or rate from the next picture on. A device goes on as it is and its pictures are scaled or
    /// left out, so that nothing flickers. Never blocks for long.
    pub fn set_format(&self, format: CaptureFormat) {
        self.orders.set_format(format);
    }

    /// Wants a picture soon even though nothing changed: the last one comes again, with a new time. Without a
    /// last one, nothing comes before the first.
    pub fn refresh(&self) {
        self.orders.refresh();
    }

    /// What people know the source by: a camera's or monitor's name, a window's title.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.orders.stop();
        // Its own thread cannot wait for itself; it ends once the sink returns.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}
