//! One running capture of the system, whose pictures come on a queue of its own.

use std::sync::Arc;

use block2::RcBlock;
use dispatch2::DispatchQueue;
use objc2::rc::Retained;
use objc2::runtime::{NSObject, NSObjectProtocol, ProtocolObject};
use objc2::{AnyThread, DefinedClass, define_class, msg_send};
use objc2_core_media::{CMSampleBuffer, CMTime};
use objc2_core_video::{
    CVPixelBufferGetBaseAddress, CVPixelBufferGetBytesPerRow, CVPixelBufferGetHeight, CVPixelBufferGetWidth,
    CVPixelBufferLockBaseAddress, CVPixelBufferLockFlags, CVPixelBufferUnlockBaseAddress,
    kCVPixelFormatType_32BGRA,
};
use objc2_foundation::NSError;
use objc2_screen_capture_kit::{
    SCStream, SCStreamConfiguration, SCStreamDelegate, SCStreamOutput, SCStreamOutputType,
};

use super::content::{Target, told_by};
use crate::latest::Latest;
use crate::{CaptureError, CaptureFormat};

/// A picture of a display has at most so many pixels for a point of a window's or display's size.
const PIXELS_PER_POINT: u32 = 2;

/// A running capture; dropping it ends it. Used on the thread that started it.
pub(super) struct Stream {
    stream: Retained<SCStream>,
    latest: Arc<Latest>,
    /// Called by the system for as long as the stream runs.
    _listener: Retained<Listener>,
}

impl Stream {
    /// Begins. A refusal comes later, as the end of the pictures.
    #[allow(unsafe_code, reason = "calls of ScreenCaptureKit")]
    pub(super) fn start(target: &Target, format: CaptureFormat) -> Result<Self, CaptureError> {
        let latest = Arc::new(Latest::default());
        let listener = Listener::new(Arc::clone(&latest));
        let configuration = configuration(target, format);
        let queue = DispatchQueue::new("bellbird-screen", None);
        // SAFETY: the arguments live through the call, which keeps what it needs; the stream holds its delegate and
        // output weakly, and `Stream` keeps them for as long.
        let stream = unsafe {
            SCStream::initWithFilter_configuration_delegate(
                SCStream::alloc(),
                &target.filter,
                &configuration,
                Some(ProtocolObject::from_ref(&*listener)),
            )
        };
        // SAFETY: likewise.
        unsafe {
            stream.addStreamOutput_type_sampleHandlerQueue_error(
                ProtocolObject::from_ref(&*listener),
                SCStreamOutputType::Screen,
                Some(&queue),
            )
        }
        .map_err(|error| told_by(&error))?;
        let told = Arc::clone(&latest);
        let started = RcBlock::new(move |error: *mut NSError| {
            // SAFETY: null or an object that lives as long as this call.
            if let Some(error) = unsafe { error.as_ref() } {
                told.end(told_by(error));
            }
        });
        // SAFETY: the block keeps nothing of this thread's.
        unsafe { stream.startCaptureWithCompletionHandler(Some(&started)) };
        Ok(Self { stream, latest, _listener: listener })
    }

    pub(super) fn latest(&self) -> &Latest {
        &self.latest
    }

    /// Wants another size or rate from now on.
    #[allow(unsafe_code, reason = "a call of ScreenCaptureKit")]
    pub(super) fn set_format(&self, target: &Target, format: CaptureFormat) {
        // SAFETY: the configuration lives through the call, which copies it.
        unsafe { self.stream.updateConfiguration_completionHandler(&configuration(target, format), None) };
    }
}

impl Drop for Stream {
    #[allow(unsafe_code, reason = "a call of ScreenCaptureKit")]
    fn drop(&mut self) {
        // SAFETY: has no arguments; pictures that are on their way find `Latest`, which their listener holds.
        unsafe { self.stream.stopCaptureWithCompletionHandler(None) };
    }
}

/// The size that fits what is asked, with the shape of what is captured.
#[allow(unsafe_code, reason = "properties of ScreenCaptureKit's objects")]
fn configuration(target: &Target, format: CaptureFormat) -> Retained<SCStreamConfiguration> {
    let (width, height) = bellbird_video::fit_within(
        target.width.saturating_mul(PIXELS_PER_POINT),
        target.height.saturating_mul(PIXELS_PER_POINT),
        format.max_width,
        format.max_height,
    );
    let rate = i32::try_from(format.max_fps).unwrap_or(i32::MAX).max(1);
    // SAFETY: a fresh object of this thread's; the values are sizes, a time and a format that the system knows.
    unsafe {
        let configuration = SCStreamConfiguration::new();
        configuration.setWidth(width as usize);
        configuration.setHeight(height as usize);
        configuration.setMinimumFrameInterval(CMTime::new(1, rate));
        configuration.setPixelFormat(kCVPixelFormatType_32BGRA);
        configuration.setScalesToFit(true);
        configuration.setShowsCursor(true);
        configuration
    }
}

define_class!(
    // SAFETY: NSObject asks nothing of those that build on it, and this class has no `Drop`.
    #[unsafe(super(NSObject))]
    #[thread_kind = AnyThread]
    #[name = "BellbirdScreenListener"]
    #[ivars = Arc<Latest>]
    struct Listener;

    // SAFETY: asks nothing beyond being an NSObject.
    unsafe impl NSObjectProtocol for Listener {}

    // SAFETY: the method has the signature that the protocol names.
    unsafe impl SCStreamOutput for Listener {
        #[unsafe(method(stream:didOutputSampleBuffer:ofType:))]
        fn arrived(&self, _stream: &SCStream, sample: &CMSampleBuffer, kind: SCStreamOutputType) {
            if kind == SCStreamOutputType::Screen {
                take(sample, self.ivars());
            }
        }
    }

    // SAFETY: likewise.
    unsafe impl SCStreamDelegate for Listener {
        #[unsafe(method(stream:didStopWithError:))]
        fn stopped(&self, _stream: &SCStream, error: &NSError) {
            let end = match told_by(error) {
                CaptureError::ScreenDenied => CaptureError::ScreenDenied,
                _ => CaptureError::ScreenLost,
            };
            self.ivars().end(end);
        }
    }
);

impl Listener {
    #[allow(unsafe_code, reason = "how an object of the system is made")]
    fn new(latest: Arc<Latest>) -> Retained<Self> {
        let this = Self::alloc().set_ivars(latest);
        // SAFETY: `init` of NSObject, which takes nothing.
        unsafe { msg_send![super(this), init] }
    }
}

/// Samples without a picture say that nothing changed.
#[allow(unsafe_code, reason = "reads the memory of a picture of the system's")]
fn take(sample: &CMSampleBuffer, latest: &Latest) {
    // SAFETY: the sample lives as long as this call; the picture is kept alive by the handle.
    let Some(picture) = (unsafe { sample.image_buffer() }) else { return };
    // SAFETY: every lock is followed by its unlock, below.
    if unsafe { CVPixelBufferLockBaseAddress(&picture, CVPixelBufferLockFlags::ReadOnly) } != 0 {
        return;
    }
    let (width, height) = (CVPixelBufferGetWidth(&picture), CVPixelBufferGetHeight(&picture));
    let stride = CVPixelBufferGetBytesPerRow(&picture);
    let start = CVPixelBufferGetBaseAddress(&picture);
    if !start.is_null()
        && let (Ok(width), Ok(height_)) = (u32::try_from(width), u32::try_from(height))
        && let Some(length) = stride.checked_mul(height)
    {
        // SAFETY: a locked picture has that many rows of that many bytes at its address.
        let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
        latest.put(width, height_, stride, bytes);
    }
    // SAFETY: locked above, in the same way.
    unsafe { CVPixelBufferUnlockBaseAddress(&picture, CVPixelBufferLockFlags::ReadOnly) };
}
