//! What can go wrong around a call, sorted by what a person can do about it.

use std::fmt;

/// A problem: a code to act on, and details for a log or a curious person (no secrets, no addresses of peers).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What kind.
    pub code: ProblemCode,
    /// Details in English, one sentence without a full stop.
    pub detail: String,
}

impl Problem {
    /// Pairs a code with details.
    pub fn new(code: ProblemCode, detail: impl fmt::Display) -> Self {
        Self { code, detail: detail.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The closed list of problems. The text form is the `code` of the command line's `error` event and of the
        /// window's messages: stable.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ProblemCode { $($(#[$doc])* $variant),+ }

        impl ProblemCode {
            /// Every code, in the order declared.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

codes! {
    /// The name or password was refused.
    WrongPassword = "wrong-password",
    /// The password that worked before was revoked.
    SignedOut = "signed-out",
    /// No such person on that server.
    UnknownUser = "unknown-user",
    /// No such conversation, or no access to it.
    UnknownRoom = "unknown-room",
    /// Nothing answers at that address.
    ServerUnreachable = "server-unreachable",
    /// The address is not that of a server we can talk to.
    NotATalkServer = "not-a-talk-server",
    /// The server is in maintenance, or fails.
    ServerFailed = "server-failed",
    /// The server says: too many attempts, wait.
    Throttled = "throttled",
    /// The server's certificate is not trusted, or is not the one the invitation names.
    CertificateRefused = "certificate-refused",
    /// The link could not be read.
    BadLink = "bad-link",
    /// The invitation was used up, withdrawn or is too old.
    InvitationExpired = "invitation-expired",
    /// The server does not allow this account to do that.
    Forbidden = "forbidden",
    /// The conversation is locked.
    ReadOnly = "read-only",
    /// A moderator has to let us in.
    Lobby = "lobby",
    /// The conversation needs a password.
    PasswordNeeded = "password-needed",
    /// The server records calls and needs our consent.
    ConsentNeeded = "consent-needed",
    /// There is no microphone.
    NoMicrophone = "no-microphone",
    /// There is no loudspeaker.
    NoSpeaker = "no-speaker",
    /// The system does not let us use the device.
    DeviceDenied = "device-denied",
    /// Another program holds the device.
    DeviceBusy = "device-busy",
    /// The device went away.
    DeviceLost = "device-lost",
    /// There is no camera.
    NoCamera = "no-camera",
    /// The system does not let us use the camera.
    CameraDenied = "camera-denied",
    /// Another program holds the camera.
    CameraBusy = "camera-busy",
    /// The camera went away.
    CameraLost = "camera-lost",
    /// There is no such screen or window, or none can be captured here.
    NoScreen = "no-screen",
    /// The person or the system refused to share the screen.
    ScreenDenied = "screen-denied",
    /// The shared window or screen is gone.
    ScreenLost = "screen-lost",
    /// A video file could not be read or written.
    VideoFile = "video-file",
    /// A sound file could not be read or written.
    SoundFile = "sound-file",
    /// The far end sent something we cannot make sense of.
    BadDescription = "bad-description",
    /// No path for media could be found.
    NoMediaPath = "no-media-path",
    /// The connection for call messages was lost.
    SignalingLost = "signaling-lost",
    /// The port is taken.
    PortInUse = "port-in-use",
    /// The disk is full.
    DiskFull = "disk-full",
    /// The folder cannot be written.
    ReadOnlyFolder = "read-only-folder",
    /// No key store is there to keep the password in.
    NoKeyStore = "no-key-store",
    /// Something that is not possible now (no call to answer, already in a call).
    NotNow = "not-now",
    /// Nothing was connected within the time given.
    TimedOut = "timed-out",
    /// A defect of ours; the log says more.
    Internal = "internal",
}
