//! The words of Nextcloud Talk's API on the wire, shared by the client and the embedded server.
//!
//! Types only: no I/O, no policy. Reading is lenient, since servers of many versions answer and PHP writes `[]` for
//! an empty map: beyond what names a thing, every field may be missing, `null` or of another type, and then has its
//! default. Writing is strict. What a peer may send is bounded by the `MAX_` constants in [`constants`], which the
//! reader of the bytes has to apply.

mod account;
mod call;
mod capabilities;
mod client_orders;
pub mod constants;
mod data_message;
mod external_signaling;
#[doc(hidden)]
pub mod fuzz;
pub mod lenient;
mod login_flow;
mod notification;
mod ocs;
mod peer_message;
mod room;
mod signaling;

pub use account::{AppPassword, CloudUser, ContactEntry, Registered, RegistrationRequest, ServerStatus};
pub use call::{CallPeer, JoinCallRequest, LeaveCallRequest, UpdateFlagsRequest};
pub use capabilities::{
    CallConfig, Capabilities, CapabilitiesReply, ConversationsConfig, NotifyPush, NotifyPushEndpoints,
    ServerVersion, SignalingConfig, Spreed, SpreedConfig,
};
pub use client_orders::{
    CAPABILITY_CLIENT_ORDERS, ClientFrame, ClientOrder, ClientReport, ConnectionState, JoinWith,
    MAX_CLIENT_CONNECTIONS, MAX_CLIENT_FRAME, MAX_CLIENT_ID, MAX_OPEN_ORDERS, ORDER_SECONDS, OrderAnswer,
    OrderFrame, OrderRefusal, RefusedOrder, ReportedCall,
};
pub use data_message::DataMessage;
pub use external_signaling::{
    CallSession, Greeting, HelloAnswer, Relayed, RoomSession, ServerBody, ServerEvent, ServerFrame,
    bye_frame, hello_frame, message_frame, room_frame,
};
pub use login_flow::{LoginFlowBegun, LoginFlowGranted, LoginFlowPoll};
pub use notification::{Notification, NotificationAction, RichObject};
pub use ocs::{ErrorData, Ocs, OcsBody, OcsMeta};
pub use peer_message::{
    Candidate, ConnectionKind, MuteName, PeerBody, PeerMessage, StreamChoice, SwitchName,
};
pub use room::{CreateRoomRequest, Invitees, JoinRoomRequest, Participant, Room};
pub use signaling::{
    HelloAuthParams, IceServerEntry, OutgoingMessage, PullItem, SendMessagesRequest, SignalingSettings,
    UserInRoom,
};
