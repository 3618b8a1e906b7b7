//! Pictures that stand in for a camera and for a screen.

use std::time::{Duration, Instant};

use bellbird_video::{Pattern, VideoFrame};

use crate::capture::Source;
use crate::orders::{Orders, Rhythm, Wake};
use crate::output::Output;
use crate::page;
use crate::{CaptureError, CaptureFormat};

/// How often the page of a pretended screen changes.
const PAGE_PERIOD: Duration = Duration::from_secs(2);

/// Of a page, at the least; smaller ones hold no text.
const PAGE_SIZE: (u32, u32) = (1_920, 1_080);

/// Moving bars with a number that counts the periods of the rate, so that pictures left out can be told.
pub(crate) struct MovingPattern;

impl Source for MovingPattern {
    fn label(&self) -> String {
        "pattern".into()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::CameraLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        let mut format = orders.format();
        let mut pattern = drawn_at(format)?;
        let mut rhythm = Rhythm::new(Instant::now(), Rhythm::period_of(format.max_fps));
        let mut number = 0_u32;
        loop {
            match orders.wait_until(rhythm.next(), format) {
                Wake::Stop => return Ok(()),
                Wake::Refresh => output.repeat(format),
                Wake::Format => {
                    format = orders.format();
                    pattern = drawn_at(format)?;
                    rhythm.set_period(Rhythm::period_of(format.max_fps));
                }
                Wake::Due => {
                    let now = Instant::now();
                    let steps = rhythm.advance(now);
                    number = number.wrapping_add(u32::try_from(steps).unwrap_or(1));
                    output.deliver(&pattern.draw(number, now), format);
                }
            }
        }
    }
}

fn drawn_at(format: CaptureFormat) -> Result<Pattern, CaptureError> {
    Pattern::new(format.max_width & !1, format.max_height & !1).map_err(|_| CaptureError::NoCamera)
}

/// A page of text below a number, which changes together with the text.
pub(crate) struct ChangingPage;

impl Source for ChangingPage {
    fn label(&self) -> String {
        "screen pattern".into()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::ScreenLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        let (width, height) = PAGE_SIZE;
        let pattern = Pattern::new(width, height).map_err(|_| CaptureError::ScreenLost)?;
        let mut format = orders.format();
        let mut rhythm = Rhythm::new(Instant::now(), PAGE_PERIOD);
        let mut number = 0_u32;
        let mut shown: Option<VideoFrame> = None;
        loop {
            match orders.wait_until(rhythm.next(), format) {
                Wake::Stop => return Ok(()),
                Wake::Refresh => output.repeat(format),
                Wake::Format => {
                    format = orders.format();
                    if let Some(shown) = &shown {
                        output.deliver(&shown.at(Instant::now()), format);
                    }
                }
                Wake::Due => {
                    let now = Instant::now();
                    rhythm.advance(now);
                    number = number.wrapping_add(1);
                    let page = page::draw(&pattern.draw(number, now), number);
                    output.deliver(&page, format);
                    shown = Some(page);
                }
            }
        }
    }
}
