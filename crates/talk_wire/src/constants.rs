//! Numbers and names of the protocol, and the bounds both ends keep.

/// Base of rooms, participants and calls.
pub const API_V4: &str = "/ocs/v2.php/apps/spreed/api/v4";
/// Base of internal signaling and its settings.
pub const API_V3: &str = "/ocs/v2.php/apps/spreed/api/v3";
/// Base of what Bellbird's own server adds to Talk.
pub const API_BELLBIRD: &str = "/ocs/v2.php/apps/bellbird/api/v1";
/// The feature that says that links of public conversations can expire; of Bellbird's own server.
pub const FEATURE_LINK_EXPIRY: &str = "bellbird-link-expiry";
/// Base of recording, avatars, guests, settings.
pub const API_V1: &str = "/ocs/v2.php/apps/spreed/api/v1";
/// Capabilities of the server.
pub const CAPABILITIES_PATH: &str = "/ocs/v2.php/cloud/capabilities";
/// Who is signed in.
pub const CLOUD_USER_PATH: &str = "/ocs/v2.php/cloud/user";
/// Changes one's own account: `PUT {this}/{userId}` with `key` and `value`.
pub const CLOUD_USERS_PATH: &str = "/ocs/v2.php/cloud/users";
/// Trades a password for an app password.
pub const GET_APP_PASSWORD_PATH: &str = "/ocs/v2.php/core/getapppassword";
/// Revokes (DELETE) the app password used for the request.
pub const APP_PASSWORD_PATH: &str = "/ocs/v2.php/core/apppassword";
/// Finds people.
pub const AUTOCOMPLETE_PATH: &str = "/ocs/v2.php/core/autocomplete/get";
/// The notification list.
pub const NOTIFICATIONS_PATH: &str = "/ocs/v2.php/apps/notifications/api/v2/notifications";
/// Says whether a server is there and usable; no envelope.
pub const STATUS_PATH: &str = "/status.php";
/// Registration by an invitation of the embedded server (an extension).
pub const REGISTRATION_PATH: &str = "/index.php/apps/bellbird/api/v1/registration";

/// Changes when the server's configuration changes.
pub const TALK_HASH_HEADER: &str = "x-nextcloud-talk-hash";
/// Timestamp to hand back as `modifiedSince` with the next room list.
pub const MODIFIED_BEFORE_HEADER: &str = "x-nextcloud-talk-modified-before";
/// Has to be `true` on every OCS request.
pub const OCS_HEADER: &str = "ocs-apirequest";
/// Carries the own status with the notification list.
pub const USER_STATUS_HEADER: &str = "x-nextcloud-user-status";

/// Conversation of exactly two.
pub const ROOM_ONE_TO_ONE: u8 = 1;
/// Conversation of invited people.
pub const ROOM_GROUP: u8 = 2;
/// Conversation open to all who know its link.
pub const ROOM_PUBLIC: u8 = 3;
/// Release news; holds no call.
pub const ROOM_CHANGELOG: u8 = 4;
/// One-to-one conversation whose other end was deleted; holds no call.
pub const ROOM_FORMER_ONE_TO_ONE: u8 = 5;
/// Notes; holds no call.
pub const ROOM_NOTE_TO_SELF: u8 = 6;

/// Participant types.
pub const PARTICIPANT_OWNER: u8 = 1;
/// Moderator.
pub const PARTICIPANT_MODERATOR: u8 = 2;
/// Plain member.
pub const PARTICIPANT_USER: u8 = 3;
/// Guest.
pub const PARTICIPANT_GUEST: u8 = 4;
/// Account that joined a public room by itself.
pub const PARTICIPANT_SELF_JOINED: u8 = 5;
/// Guest with moderator rights.
pub const PARTICIPANT_GUEST_MODERATOR: u8 = 6;

/// Recording of a call: underway, with pictures or with sound alone, or asked for and not yet confirmed.
pub const RECORDING_UNDERWAY: std::ops::RangeInclusive<u8> = 1..=4;

/// In-call flags: not in the call.
pub const IN_CALL_NONE: u32 = 0;
/// In-call flag: in the call.
pub const IN_CALL: u32 = 1;
/// In-call flag: provides audio.
pub const IN_CALL_AUDIO: u32 = 2;
/// In-call flag: provides video.
pub const IN_CALL_VIDEO: u32 = 4;
/// In-call flag: by telephone.
pub const IN_CALL_PHONE: u32 = 8;

/// Permission: inherit.
pub const PERMISSION_DEFAULT: u32 = 0;
/// Permission: a set of its own.
pub const PERMISSION_CUSTOM: u32 = 1;
/// Permission: start calls.
pub const PERMISSION_START_CALL: u32 = 2;
/// Permission: join calls.
pub const PERMISSION_JOIN_CALL: u32 = 4;
/// Permission: pass the lobby.
pub const PERMISSION_IGNORE_LOBBY: u32 = 8;
/// Permission: publish audio.
pub const PERMISSION_AUDIO: u32 = 16;
/// Permission: publish video.
pub const PERMISSION_VIDEO: u32 = 32;
/// Permission: publish a screen.
pub const PERMISSION_SCREEN: u32 = 64;
/// Permission: chat.
pub const PERMISSION_CHAT: u32 = 128;
/// Permission: react.
pub const PERMISSION_REACT: u32 = 256;
/// Everything but passing the lobby, without `react-permission`.
pub const PERMISSIONS_MAX_DEFAULT: u32 = 246;
/// What moderators have, without `react-permission`.
pub const PERMISSIONS_MAX_CUSTOM: u32 = 254;

/// Actor type of accounts.
pub const ACTOR_USERS: &str = "users";
/// Actor type of guests.
pub const ACTOR_GUESTS: &str = "guests";
/// Session id that stands for "none" in a room object.
pub const NO_SESSION: &str = "0";

/// Signaling mode: long poll at the server itself.
pub const MODE_INTERNAL: &str = "internal";
/// Signaling mode: a separate signaling server.
pub const MODE_EXTERNAL: &str = "external";
/// Signaling mode: deprecated, treated as external.
pub const MODE_CLUSTER: &str = "conversation_cluster";

/// Longest a pull waits for news, seconds.
pub const PULL_SECONDS: u64 = 30;
/// A session not pinged for this long is not shown any more, seconds.
pub const SESSION_TIMEOUT_SECONDS: u64 = 30;

/// Longest SDP accepted, bytes.
pub const MAX_SDP_BYTES: usize = 64 * 1024;
/// Longest ICE candidate line accepted, bytes.
pub const MAX_CANDIDATE_BYTES: usize = 2048;
/// Longest session id accepted, bytes (a Nextcloud session id has 512 characters).
pub const MAX_SESSION_ID_BYTES: usize = 1024;
/// Longest `sid` accepted, bytes.
pub const MAX_SID_BYTES: usize = 128;
/// Longest name shown, bytes; longer ones are cut.
pub const MAX_NAME_BYTES: usize = 256;
/// Longest single peer message, bytes of its JSON.
pub const MAX_PEER_MESSAGE_BYTES: usize = 128 * 1024;
/// Longest data channel message, bytes.
pub const MAX_DATA_MESSAGE_BYTES: usize = 16 * 1024;
/// Most messages in one `POST` to internal signaling.
pub const MAX_MESSAGES_PER_POST: usize = 200;
/// Longest body of one `POST` to internal signaling, bytes.
pub const MAX_POST_BYTES: usize = 1024 * 1024;
/// Most messages a server keeps for one session that does not fetch them.
pub const MAX_QUEUED_MESSAGES: usize = 1000;
/// Most sessions of one room a client looks at.
pub const MAX_PARTICIPANTS: usize = 200;
/// Longest answer of a server that is read, bytes.
pub const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;
