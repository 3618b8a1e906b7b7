//! Who is in a call as programs see it: by person, however many devices each has in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bellbird_call::{CallStatus, MediaKind, ParticipantId};
use bellbird_contract::{SdkStatus, UserStatus};

/// Between two words on how loud somebody is: five a second.
const SPEAKING_PAUSE: Duration = Duration::from_millis(200);
/// dBov that count as silent. 60 dB below full scale: the noise of a quiet room.
const SILENT: f32 = -60.0;
/// dB that each of the ten steps of loudness takes.
const STEP: f32 = 6.0;

/// One of the others.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) jid: String,
    pub(super) name: String,
    /// How they stand while no device of theirs is in the call.
    pub(super) bare: SdkStatus,
    pub(super) devices: Vec<Device>,
    pub(super) voice: Voice,
}

/// One device of somebody.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: ParticipantId,
    pub(super) status: CallStatus,
    pub(super) audio_muted: bool,
    pub(super) video_muted: bool,
    pub(super) tracks: BTreeSet<MediaKind>,
    /// Those that programs were told of.
    pub(super) told: BTreeSet<MediaKind>,
}

/// How loud somebody is, as it was last told.
#[derive(Default, Debug)]
pub(super) struct Voice {
    level: u8,
    told_at: Option<Instant>,
}

impl Person {
    pub(super) fn new(jid: String, name: &str, bare: SdkStatus) -> Self {
        let (name, devices, voice) = (name.to_owned(), Vec::new(), Voice::default());
        Self { jid, name, bare, devices, voice }
    }

    /// Whether a device in the call is theirs.
    pub(super) fn has(&self, device: &ParticipantId) -> bool {
        self.devices.iter().any(|known| known.id == *device)
    }

    /// The best of their devices'.
    pub(super) fn status(&self) -> SdkStatus {
        let any = |status| self.devices.iter().any(|device| device.status == status);
        if self.devices.is_empty() {
            self.bare
        } else if any(CallStatus::Connected) {
            SdkStatus::Connected
        } else if any(CallStatus::Reconnecting) {
            SdkStatus::Reconnecting
        } else if any(CallStatus::Connecting) {
            SdkStatus::Connecting
        } else {
            SdkStatus::Disconnected
        }
    }

    /// `shows`: whether it is a call with cameras, which counts before they are there.
    pub(super) fn view(&self, shows: bool) -> UserStatus {
        let all = |muted: fn(&Device) -> bool| !self.devices.is_empty() && self.devices.iter().all(muted);
        UserStatus {
            user_jid: self.jid.clone(),
            status: self.status(),
            audio_muted: all(|device| device.audio_muted),
            video_muted: if self.devices.is_empty() { !shows } else { all(|device| device.video_muted) },
        }
    }
}

impl Voice {
    /// What is to be told of somebody this loud (dBov), if anything.
    pub(super) fn hear(&mut self, level: f32, now: Instant) -> Option<u8> {
        let level = loudness(level);
        let early = |at: Instant| now.saturating_duration_since(at) < SPEAKING_PAUSE;
        if level == self.level || self.told_at.is_some_and(early) {
            return None;
        }
        *self = Self { level, told_at: Some(now) };
        Some(level)
    }
}

/// 0 to 10.
fn loudness(level: f32) -> u8 {
    let steps = ((level - SILENT) / STEP).clamp(0.0, 10.0).round();
    // Within 0 and 10; what is not a number becomes 0.
    steps as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_goes_from_none_to_ten() {
        for (level, expected) in
            [(-127.0, 0), (-60.0, 0), (-57.1, 0), (-54.0, 1), (-30.0, 5), (-3.1, 9), (0.0, 10), (9.0, 10)]
        {
            assert_eq!(loudness(level), expected, "{level}");
        }
        assert_eq!(loudness(f32::NAN), 0);
    }

    #[test]
    fn changes_are_told_and_five_times_a_second_at_most() {
        let start = Instant::now();
        let mut voice = Voice::default();
        assert_eq!(voice.hear(-90.0, start), None, "silent from the beginning");
        let ms = |ms| start + Duration::from_millis(ms);
        assert_eq!(voice.hear(-30.0, ms(0)), Some(5));
        assert_eq!(voice.hear(-30.0, ms(500)), None);
        // 30 meters a second, loud and silent in turn.
        let told = (0..300).filter(|at| {
            voice.hear(if at % 2 == 0 { 0.0 } else { -90.0 }, ms(1000 + at * 1000 / 30)).is_some()
        });
        assert!((25..=50).contains(&told.count()));
        assert_eq!(voice.hear(-90.0, ms(20_000)).or(voice.hear(0.0, ms(30_000))).map(|_| ()), Some(()));
    }
}
