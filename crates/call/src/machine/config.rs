//! What can be set about a call.

use std::time::Duration;

/// Settings of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallConfig {
    /// How long it rings, at either end. 45 s: long enough to fetch a telephone from another room, and what
    /// services commonly ring for.
    pub ring_timeout: Duration,
    /// How long joining a call may take, and then finding the first media path. 30 s: ICE with a TURN server over
    /// TLS on a bad mobile network was seen to need over 20 s.
    pub connect_timeout: Duration,
    /// How long every path may be lost before the call ends. 90 s: above all that the recovery policy of the session
    /// would wait, so that this only ends a call whose policy never spoke.
    pub reconnect_timeout: Duration,
    /// How long a one-to-one call waits, alone, for someone who left it without ending it. 2 s: some clients leave
    /// and come back at once when they switch on a camera. As long, someone whose link the service closed still counts
    /// as connected.
    pub rejoin_grace: Duration,
    /// Sound the ringtone when called.
    pub ringtone: bool,
    /// Sound ringback while the far end is rung (one-to-one calls).
    pub ringback: bool,
    /// Sound the busy and the ended tone when the far end declines, is engaged, leaves or is lost.
    pub end_tones: bool,
    /// How long media are kept for a busy tone to be heard. 2 s: two beats of it.
    pub busy_tone: Duration,
    /// How long media are kept for the ended tone to be heard. 600 ms: all of it.
    pub ended_tone: Duration,
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            ring_timeout: Duration::from_secs(45),
            connect_timeout: Duration::from_secs(30),
            reconnect_timeout: Duration::from_secs(90),
            rejoin_grace: Duration::from_secs(2),
            ringtone: true,
            ringback: true,
            end_tones: true,
            busy_tone: Duration::from_secs(2),
            ended_tone: Duration::from_millis(600),
        }
    }
}

impl CallConfig {
    /// The defaults without any sound of its own: for programs that answer calls.
    pub fn without_tones() -> Self {
        Self { ringtone: false, ringback: false, end_tones: false, ..Self::default() }
    }
}
