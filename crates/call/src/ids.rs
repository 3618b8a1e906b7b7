//! Identifiers. Opaque text from a service, or a number of our own making; never parsed here.

use std::fmt;
use std::sync::Arc;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it came.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

text_id!(
    /// One attempt to talk, from dial or ring to end. Ours, unique within one run of the core.
    CallId
);
text_id!(
    /// One device of someone in a call, as the signaling service names it. Changes with every joining.
    ParticipantId
);
text_id!(
    /// A conversation that can hold a call (a Talk room token, later a Jingle room or a SIP URI).
    RoomId
);
text_id!(
    /// One login of ours.
    AccountId
);
text_id!(
    /// An address-book entry that can be rung (a user id, a JID).
    ContactId
);

/// One peer connection of a call. Chosen by the signaling backend, never reused within a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link-{}", self.0)
    }
}
