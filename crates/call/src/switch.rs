//! Going from audio to video: one of two asks, the other agrees or not (mirrorfly-sdk section 8).

/// What one of two says about going from audio to video.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VideoSwitch {
    /// Asks for it.
    Request,
    /// Agrees: both show their cameras.
    Accept,
    /// Refuses: nothing changes.
    Decline,
    /// Takes the question back.
    Cancel,
}

/// Whether the question to go to video is open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum VideoRequest {
    /// Nobody asks.
    #[default]
    None,
    /// We asked.
    ByUs,
    /// They asked us.
    ByThem,
}
