//! Pictures into bytes.

use crate::codec::{CodecError, EncodedFrame, VideoCodec};
use crate::frame::VideoFrame;
use crate::{h264, vpx};

/// What the pictures show, which decides what is spent on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// Faces: motion matters most.
    Camera,
    /// Text and lines: sharpness matters most.
    Screen,
}

/// What an encoder is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncoderSettings {
    /// Which one.
    pub codec: VideoCodec,
    /// What the pictures show.
    pub content: Content,
    /// What all pictures together may take, bits a second.
    pub bitrate: u32,
    /// How many pictures come a second, about.
    pub fps: u32,
}

/// The least and the most an encoder is asked for, bits a second.
const BITRATES: std::ops::RangeInclusive<u32> = 20_000..=50_000_000;

/// Likewise, pictures a second.
const RATES: std::ops::RangeInclusive<u32> = 1..=120;

impl EncoderSettings {
    fn within_reason(self) -> Self {
        Self {
            bitrate: self.bitrate.clamp(*BITRATES.start(), *BITRATES.end()),
            fps: self.fps.clamp(*RATES.start(), *RATES.end()),
            ..self
        }
    }
}

/// One encoder on the thread that calls it; it starts none of its own. Encoding 720p takes some milliseconds, so this is
/// for a thread that does nothing else.
#[derive(Debug)]
pub struct VideoEncoder {
    settings: EncoderSettings,
    engine: Option<Engine>,
}

#[derive(Debug)]
enum Engine {
    Vpx(vpx::Encoder),
    H264(Box<h264::Encoder>),
}

impl Engine {
    fn new(settings: &EncoderSettings, width: u32, height: u32) -> Result<Self, CodecError> {
        match settings.codec {
            VideoCodec::Vp8 | VideoCodec::Vp9 => vpx::Encoder::new(settings, width, height).map(Self::Vpx),
            VideoCodec::H264 => h264::Encoder::new(settings, width, height).map(Box::new).map(Self::H264),
        }
    }

    fn size(&self) -> (u32, u32) {
        match self {
            Self::Vpx(encoder) => encoder.size(),
            Self::H264(encoder) => encoder.size(),
        }
    }
}

impl VideoEncoder {
    /// One that takes its size from the first picture.
    ///
    /// # Errors
    /// When the codec is not available.
    pub fn new(settings: EncoderSettings) -> Result<Self, CodecError> {
        if !settings.codec.is_available() {
            return Err(CodecError::NotAvailable(settings.codec));
        }
        Ok(Self { settings: settings.within_reason(), engine: None })
    }

    /// As it was made, with the newest rate.
    pub fn settings(&self) -> EncoderSettings {
        self.settings
    }

    /// From the next picture on. What lies beyond reason is brought back to it.
    pub fn set_rate(&mut self, bitrate: u32, fps: u32) {
        let wanted = EncoderSettings { bitrate, fps, ..self.settings }.within_reason();
        if wanted == self.settings {
            return;
        }
        self.settings = wanted;
        match &mut self.engine {
            Some(Engine::Vpx(encoder)) => encoder.set_rate(&wanted),
            Some(Engine::H264(encoder)) => encoder.set_rate(&wanted),
            None => {}
        }
    }

    /// Encodes one picture. `timestamp` is its place in the stream, 90 kHz, wrapping; it has to grow. With `keyframe` a
    /// decoder can begin with the outcome; without, it still is one after a change of size. `None` when the encoder left
    /// the picture out to keep to its rate; a keyframe is never left out.
    ///
    /// # Errors
    /// When the library refuses. The next call begins with a new encoder and a keyframe.
    pub fn encode(
        &mut self,
        frame: &VideoFrame,
        timestamp: u32,
        keyframe: bool,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let size = (frame.width(), frame.height());
        // A VP8 encoder cannot grow beyond its first size, and a change of size needs a keyframe anyway.
        let mut engine = match self.engine.take() {
            Some(engine) if engine.size() == size => engine,
            Some(_) | None => Engine::new(&self.settings, size.0, size.1)?,
        };
        let outcome = match &mut engine {
            Engine::Vpx(encoder) => encoder.encode(frame, timestamp, keyframe),
            Engine::H264(encoder) => encoder.encode(frame, timestamp, keyframe),
        }?;
        self.engine = Some(engine);
        Ok(outcome)
    }
}
