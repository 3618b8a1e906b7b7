// Generated from crates/contract by `cargo xtask bindings`; edit the Rust types instead.

/**
 * From a window or script to the core. The first frame of a connection must be `hello`.
 */
export type ClientFrame = { "frame": "hello",
/**
 * The token from the core's door file, or a program's own.
 */
token: string,
/**
 * The window's process says so of itself: it is let in when other programs are not. A page need not say it.
 */
window?: boolean, } | { "frame": "command",
/**
 * Chosen by the client, unique among its unanswered commands.
 */
id: number,
/**
 * What is asked.
 */
command: Command, };

/**
 * From the core.
 */
export type CoreFrame = { "frame": "welcome",
/**
 * The core's version.
 */
version: string, } | { "frame": "reply",
/**
 * The command's id.
 */
id: number,
/**
 * How it went.
 */
outcome: Outcome, } | { "frame": "event",
/**
 * What.
 */
event: Event, };

/**
 * How a command went.
 */
export type Outcome = { "outcome": "done",
/**
 * What the command yields.
 */
reply: Reply, } | { "outcome": "failed",
/**
 * Why.
 */
problem: Problem, };

/**
 * A command. `account: None` means the first account.
 */
export type Command = { "command": "start_here" } | { "command": "sign_in",
/**
 * Address as typed; `https://` is added when no scheme is given.
 */
server: string,
/**
 * Login name.
 */
login_name: string,
/**
 * Used once, to get an app password; never stored.
 */
password: string, } | { "command": "sign_in_by_browser",
/**
 * Address as typed.
 */
server: string, } | { "command": "cancel_sign_in" } | { "command": "accept_invitation",
/**
 * The link as pasted.
 */
link: string,
/**
 * The wished login name.
 */
login_name: string,
/**
 * The name others see; empty: the login name.
 */
display_name: string,
/**
 * The password the account shall have.
 */
password: string, } | { "command": "sign_out",
/**
 * Which.
 */
account: string, } | { "command": "set_display_name",
/**
 * Which account.
 */
account: string | null,
/**
 * The new name.
 */
display_name: string, } | { "command": "create_invitation" } | { "command": "search_contacts",
/**
 * Which account; `None`: all that are signed in.
 */
account: string | null,
/**
 * Part of a name; empty lists everyone the server tells.
 */
text: string, } | { "command": "avatar",
/**
 * Of which account.
 */
account: string,
/**
 * The user id.
 */
contact: string, } | { "command": "list_rooms",
/**
 * Which account; `None`: all that are signed in.
 */
account: string | null, } | { "command": "create_room",
/**
 * Of which account.
 */
account: string | null,
/**
 * Its name.
 */
name: string,
/**
 * Whether whoever has its link may enter.
 */
public: boolean,
/**
 * User ids of those to add.
 */
people: Array<string>, } | { "command": "make_call",
/**
 * From which account.
 */
account: string | null,
/**
 * A user id, or `echo`.
 */
contact: string,
/**
 * With what.
 */
media: Media, } | { "command": "join_room",
/**
 * From which account; `None`: the one a link is for, or else the first.
 */
account: string | null,
/**
 * Token or link.
 */
room: string,
/**
 * With what.
 */
media: Media,
/**
 * Join by link as a guest of this name instead of an account.
 */
guest_name: string | null, } | { "command": "enter_password",
/**
 * Which call.
 */
call: string,
/**
 * As typed; never stored.
 */
password: string, } | { "command": "give_consent",
/**
 * Which call.
 */
call: string, } | { "command": "answer",
/**
 * Which; `None`: the one that rings.
 */
call: string | null,
/**
 * With what.
 */
media: Media, } | { "command": "decline",
/**
 * Which; `None`: the one that rings.
 */
call: string | null, } | { "command": "end",
/**
 * Which; `None`: the current one.
 */
call: string | null, } | { "command": "end_for_everyone",
/**
 * Which; `None`: the current one.
 */
call: string | null, } | { "command": "set_hand",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * The wished state.
 */
raised: boolean, } | { "command": "react",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * One of [`crate::CallView::reactions`].
 */
reaction: string, } | { "command": "ask_to_mute",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * Whose.
 */
participant: string, } | { "command": "add_person",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * A user id.
 */
contact: string, } | { "command": "set_muted",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * What kind.
 */
kind: TrackKind,
/**
 * The wished state.
 */
muted: boolean, } | { "command": "set_silent",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * The wished state.
 */
silent: boolean, } | { "command": "list_screens" } | { "command": "share_screen",
/**
 * Which call; `None`: the current one.
 */
call: string | null,
/**
 * One of [`Reply::Screens`], by its id.
 */
screen: string, } | { "command": "stop_sharing",
/**
 * Which call; `None`: the current one.
 */
call: string | null, } | { "command": "set_hold",
/**
 * Which; `None`: the current one.
 */
call: string | null,
/**
 * The wished state.
 */
held: boolean, } | { "command": "select_device",
/**
 * For what.
 */
role: DeviceRole,
/**
 * By name; `None`: the system's default.
 */
name: string | null, } | { "command": "dismiss_problem",
/**
 * Its number in [`AppView::problems`].
 */
number: number, } | { "command": "sdk",
/**
 * From which account a call is made.
 */
account: string | null,
/**
 * What.
 */
method: SdkMethod, } | { "command": "add_program",
/**
 * How the person calls it.
 */
name: string, } | { "command": "revoke_program",
/**
 * Which.
 */
program: string, } | { "command": "allow_programs",
/**
 * The wished state.
 */
allowed: boolean, } | { "command": "set_remote_join",
/**
 * Which account.
 */
account: string,
/**
 * The wished state.
 */
policy: RemoteJoinPolicy, } | { "command": "answer_remote_join",
/**
 * Which.
 */
request: string,
/**
 * Whether it may go on; for voice and video this is kept for the account.
 */
allow: boolean,
/**
 * Which screen, one of [`Reply::Screens`], where one is to be shared.
 */
screen: string | null, } | { "command": "open_room",
/**
 * Of which account.
 */
account: string | null,
/**
 * Its token; `None`: none any more.
 */
room: string | null, } | { "command": "status" } | { "command": "show_window" } | { "command": "quit" };

/**
 * What media a call is made or answered with.
 */
export type Media = "voice" | "video";

/**
 * What a device is used for.
 */
export type DeviceRole = "microphone" | "speaker" | "ringer" | "camera";

/**
 * What a command yields.
 */
export type Reply = { "reply": "ok" } | { "reply": "contacts",
/**
 * Echo first, then as the server orders them.
 */
contacts: Array<ContactView>, } | { "reply": "avatar",
/**
 * A `data:` address of a PNG, JPEG, GIF or WebP; `None` when there is none.
 */
image: string | null, } | { "reply": "rooms",
/**
 * Latest activity first.
 */
rooms: Array<RoomView>, } | { "reply": "sign_in",
/**
 * The address the browser was sent to; `None`: this server wants a name and password typed in.
 */
address: string | null, } | { "reply": "room",
/**
 * It.
 */
room: RoomView, } | { "reply": "call",
/**
 * Its id.
 */
call: string, } | { "reply": "screens",
/**
 * Screens first, then windows, the one used last on top.
 */
screens: Array<ScreenView>, } | { "reply": "invitation",
/**
 * The link and who can use it.
 */
invitation: InvitationView, } | { "reply": "sdk",
/**
 * Its result.
 */
result: SdkResult, } | { "reply": "program",
/**
 * The program.
 */
program: ProgramView,
/**
 * What opens the door for it.
 */
token: string, } | { "reply": "state",
/**
 * The state.
 */
state: AppView, };

/**
 * One event.
 */
export type Event = { "event": "state",
/**
 * The state.
 */
state: AppView, } | { "event": "call",
/**
 * Which call.
 */
call: string,
/**
 * What.
 */
happening: CallHappening, } | { "event": "levels",
/**
 * Which call.
 */
call: string,
/**
 * The meter.
 */
levels: LevelsView, } | { "event": "quality",
/**
 * Which call.
 */
call: string,
/**
 * One entry per link.
 */
links: Array<LinkQualityView>, } | { "event": "sdk",
/**
 * Which, and its payload.
 */
callback: SdkEvent, } | { "event": "raise_window" } | { "event": "stopping" };

/**
 * One thing that happened in a call. `participant: None` means the local side.
 */
export type CallHappening = { "happening": "entrance",
/**
 * What.
 */
entrance: EntranceView, } | { "happening": "status",
/**
 * Whose.
 */
participant: string | null,
/**
 * The new one.
 */
status: Status, } | { "happening": "track",
/**
 * Whose.
 */
participant: string | null,
/**
 * What kind.
 */
kind: TrackKind,
/**
 * Came or went.
 */
added: boolean, } | { "happening": "media",
/**
 * From whom.
 */
participant: string,
/**
 * What kind.
 */
kind: TrackKind,
/**
 * `rtp`, `played` or `frame`.
 */
first: string, } | { "happening": "mute",
/**
 * Who.
 */
participant: string | null,
/**
 * What kind.
 */
kind: TrackKind,
/**
 * The new state.
 */
muted: boolean, } | { "happening": "muted_by_moderator" } | { "happening": "hand",
/**
 * Who.
 */
participant: string | null,
/**
 * The new state.
 */
raised: boolean, } | { "happening": "reaction",
/**
 * Who.
 */
participant: string | null,
/**
 * The emoji.
 */
reaction: string, } | { "happening": "problem",
/**
 * What.
 */
problem: Problem, } | { "happening": "ended",
/**
 * Why.
 */
reason: EndReason,
/**
 * Connected seconds.
 */
duration_s: number, };

/**
 * Kind of a track.
 */
export type TrackKind = "audio" | "video" | "screen";

/**
 * Loudness in dBov: 0 is full scale, -127 silence.
 */
export type LevelsView = {
/**
 * Ours, as sent.
 */
local: number,
/**
 * Participant id and level.
 */
remote: Array<[string, number]>, };

/**
 * How well one link does over the last second.
 */
export type LinkQualityView = {
/**
 * From whom; `None` on a link that only publishes.
 */
participant: string | null,
/**
 * Round trip, ms.
 */
rtt_ms: number | null,
/**
 * Share lost on the way here, 0..=1.
 */
loss: number,
/**
 * Share of ours lost on the way there, 0..=1.
 */
remote_loss: number | null,
/**
 * Interarrival jitter, ms.
 */
jitter_ms: number,
/**
 * Held back by the jitter buffer, ms.
 */
buffer_ms: number,
/**
 * Share of sound made up, 0..=1.
 */
concealed: number,
/**
 * Received, kbit/s.
 */
kbit_in: number,
/**
 * Sent, kbit/s.
 */
kbit_out: number,
/**
 * Packets lost on the way here since the link began.
 */
packets_lost: number,
/**
 * Packets that arrived since the link began.
 */
packets_received: number,
/**
 * The pictures that come on it.
 */
video: Array<VideoQualityView>, };

/**
 * How one received picture fared over the last second.
 */
export type VideoQualityView = {
/**
 * Camera or screen.
 */
kind: TrackKind,
/**
 * Of the last picture, pixels; 0 before the first.
 */
width: number,
/**
 * Likewise.
 */
height: number,
/**
 * Pictures shown in that second.
 */
fps: number,
/**
 * Pictures since the link began.
 */
frames: number,
/**
 * How often the picture stood still though it should not have, since the link began.
 */
freezes: number, };

/**
 * Everything a window needs to draw itself.
 */
export type AppView = {
/**
 * The core's version.
 */
version: string,
/**
 * Our logins.
 */
accounts: Array<AccountView>,
/**
 * A sign-in that waits for the person in the browser.
 */
signing_in: SigningInView | null,
/**
 * Calls that ring or run, and the one that ended last (for some seconds, so that its end can be read).
 */
calls: Array<CallView>,
/**
 * Sound devices.
 */
devices: DevicesView,
/**
 * The embedded server, when it runs in this core.
 */
local_server: LocalServerView | null,
/**
 * Problems not yet put away.
 */
problems: Array<Problem>,
/**
 * Who else may steer this core.
 */
control: ControlView,
/**
 * Remote joins that wait for the person, the oldest first.
 */
remote_joins: Array<RemoteJoinRequestView>,
/**
 * The system user's name, as a proposal.
 */
suggested_name: string, };

/**
 * One login.
 */
export type AccountView = {
/**
 * Its id.
 */
id: string,
/**
 * The user id on the server.
 */
user: string,
/**
 * The name others see.
 */
display_name: string,
/**
 * The server's address.
 */
server: string,
/**
 * Whether it lives on the embedded server of this core.
 */
local: boolean,
/**
 * How it stands.
 */
state: AccountState,
/**
 * Whether it may be joined to calls from afar.
 */
remote_join: RemoteJoinPolicy, };

/**
 * A sign-in that waits for the person in the browser.
 */
export type SigningInView = {
/**
 * The server, as typed.
 */
server: string,
/**
 * What the browser has to open, in case it did not.
 */
address: string, };

/**
 * How a login stands.
 */
export type AccountState = { "state": "connecting" } | { "state": "online" } | { "state": "offline",
/**
 * Why.
 */
problem: Problem, } | { "state": "signed_out" };

/**
 * A person one can call.
 */
export type ContactView = {
/**
 * Of which account.
 */
account: string,
/**
 * The user id.
 */
id: string,
/**
 * The name.
 */
display_name: string,
/**
 * Presence when known: `online`, `away`, `dnd`, `busy`, `offline`.
 */
presence: string | null,
/**
 * Whether this is the echo contact.
 */
echo: boolean, };

/**
 * A conversation.
 */
export type RoomView = {
/**
 * Of which account.
 */
account: string,
/**
 * Its token.
 */
token: string,
/**
 * Its name.
 */
display_name: string,
/**
 * `one_to_one`, `group` or `public`.
 */
kind: string,
/**
 * Whether a call runs in it.
 */
has_call: boolean,
/**
 * Unix seconds of the last activity.
 */
last_activity: number,
/**
 * What to pass on so that others can enter; `None` where a link does not let anyone in.
 */
link: string | null, };

/**
 * Where a call or a participant stands.
 */
export type Status = "calling" | "ringing" | "connecting" | "connected" | "reconnecting" | "busy" | "engaged" | "disconnected" | "ended" | "hold";

/**
 * Why a call ended.
 */
export type EndReason = "local_hangup" | "remote_hangup" | "local_decline" | "remote_decline" | "remote_engaged" | "local_engaged" | "no_answer" | "missed" | "answered_elsewhere" | "ended_by_moderator" | "connection_lost" | "signaling_failed" | "media_failed";

/**
 * What is in the way into a conversation.
 */
export type EntranceView = { "step": "entering" } | { "step": "password",
/**
 * The one before was wrong.
 */
refused: boolean,
/**
 * The server asks to wait before the next.
 */
throttled: boolean, } | { "step": "lobby",
/**
 * Unix milliseconds when the lobby opens by itself.
 */
opens_at_ms: number | null, } | { "step": "consent" };

/**
 * Whether the question to go from audio to video is open.
 */
export type VideoRequest = "none" | "asked_by_us" | "asked_by_them";

/**
 * A whole call.
 */
export type CallView = {
/**
 * Its id.
 */
id: string,
/**
 * Of which account; empty for guests.
 */
account: string,
/**
 * The server we are a guest on.
 */
guest_on: string | null,
/**
 * Set while we are on the way into the conversation: what is in the way. Nothing is captured or sent before.
 */
entrance: EntranceView | null,
/**
 * Answering needs [`crate::Command::GiveConsent`] first: calls are recorded here.
 */
asks_consent: boolean,
/**
 * Whether we were rung.
 */
incoming: boolean,
/**
 * The conversation, once known.
 */
room: string | null,
/**
 * The name to show.
 */
display_name: string,
/**
 * The other person's user id, when there is one.
 */
contact: string | null,
/**
 * Whether it is a call to the echo contact.
 */
echo: boolean,
/**
 * The call as a whole.
 */
status: Status,
/**
 * Waits for Answer or Decline.
 */
can_answer: boolean,
/**
 * What was asked for or offered.
 */
media: Media,
/**
 * Who had us join: a program's name or the server's host; `None`: the person.
 */
joined_by: string | null,
/**
 * Our microphone is off.
 */
muted: boolean,
/**
 * The others are not heard here: our loudspeaker is off. They do not learn of it.
 */
silent: boolean,
/**
 * Our camera is on.
 */
camera_on: boolean,
/**
 * We share a screen.
 */
sharing_screen: boolean,
/**
 * The server lets us switch a camera on.
 */
may_show_camera: boolean,
/**
 * The server lets us share a screen.
 */
may_share_screen: boolean,
/**
 * The call is recorded, or is about to be.
 */
recorded: boolean,
/**
 * We put it on hold.
 */
on_hold: boolean,
/**
 * Our hand is raised.
 */
hand_raised: boolean,
/**
 * Whether somebody asks to go from audio to video; [`crate::SdkMethod`] has the answers.
 */
video_request: VideoRequest,
/**
 * What can be shown as a reaction.
 */
reactions: Array<string>,
/**
 * What is so with calls of several; `None` with others, and before it is known.
 */
group: GroupView | null,
/**
 * Unix milliseconds when it first connected; `None` before. The window counts from it.
 */
connected_at_ms: number | null,
/**
 * Unix milliseconds since when the path has been lost, while it is.
 */
reconnecting_since_ms: number | null,
/**
 * The others.
 */
participants: Array<ParticipantView>,
/**
 * Set once it is over.
 */
ended: EndReason | null,
/**
 * Connected time in whole seconds, once it is over.
 */
duration_s: number | null, };

/**
 * What is so with calls of several.
 */
export type GroupView = {
/**
 * We may ask others to mute, and end the call for all.
 */
moderator: boolean,
/**
 * We may add people.
 */
may_add: boolean,
/**
 * Everyone sends to everyone: with many in the call, a media server is needed.
 */
mesh: boolean,
/**
 * Whoever has the conversation's link may enter.
 */
open_by_link: boolean,
/**
 * That link, where others can reach the server.
 */
link: string | null, };

/**
 * One of the others.
 */
export type ParticipantView = {
/**
 * Which device.
 */
id: string,
/**
 * The user id, when known.
 */
contact: string | null,
/**
 * The name.
 */
display_name: string,
/**
 * How they stand.
 */
status: Status,
/**
 * Their microphone is off.
 */
audio_muted: boolean,
/**
 * Their camera is off.
 */
video_muted: boolean,
/**
 * A picture of their camera can come here; whether one does now, `video_muted` says.
 */
has_video: boolean,
/**
 * They share a screen with us.
 */
has_screen: boolean,
/**
 * Since when their hand is raised, Unix milliseconds by their own clock; `None`: it is not.
 */
hand_raised_ms: number | null, };

/**
 * Devices, and which are chosen (`None`: the system's default).
 */
export type DevicesView = {
/**
 * Microphones.
 */
microphones: Array<DeviceView>,
/**
 * Loudspeakers.
 */
speakers: Array<DeviceView>,
/**
 * Cameras.
 */
cameras: Array<DeviceView>,
/**
 * The chosen microphone.
 */
microphone: string | null,
/**
 * The chosen loudspeaker.
 */
speaker: string | null,
/**
 * The chosen ring device.
 */
ringer: string | null,
/**
 * The chosen camera.
 */
camera: string | null, };

/**
 * One device.
 */
export type DeviceView = {
/**
 * Identifies it to [`crate::Command::SelectDevice`].
 */
name: string,
/**
 * For people.
 */
label: string,
/**
 * Whether the system uses it when none is chosen.
 */
is_default: boolean, };

/**
 * Something that can be shared.
 */
export type ScreenView = {
/**
 * Identifies it to [`crate::Command::ShareScreen`], for as long as it is there.
 */
id: string,
/**
 * What it is.
 */
kind: ScreenKind,
/**
 * For people: a monitor's name, a window's title; empty for [`ScreenKind::SystemChoice`].
 */
label: string,
/**
 * How it looks now, as a `data:` address; `None` where that cannot be known.
 */
thumbnail: string | null, };

/**
 * What can be shared.
 */
export type ScreenKind = "monitor" | "window" | "system_choice";

/**
 * The embedded server in this core.
 */
export type LocalServerView = {
/**
 * Its address for programs on this machine.
 */
url: string,
/**
 * Its address for others, when opened to the network.
 */
public_url: string | null, };

/**
 * A way for someone else to register.
 */
export type InvitationView = {
/**
 * The link to pass on.
 */
link: string,
/**
 * Unix milliseconds until which it can be used.
 */
expires_at_ms: number,
/**
 * How many people can use it.
 */
uses: number, };

/**
 * Something that went wrong.
 */
export type Problem = {
/**
 * For [`crate::Command::DismissProblem`]; 0 where it cannot be put away.
 */
number: number,
/**
 * A stable code; the window has words for each.
 */
code: string,
/**
 * Details in English, for the curious.
 */
detail: string, };

/**
 * From a page to the core, after its `hello`.
 */
export type PictureFrame = { "frame": "show",
/**
 * In what form.
 */
layout: PixelLayout,
/**
 * Which.
 */
pictures: Array<ShownPicture>, } | { "frame": "drawn",
/**
 * Of which number.
 */
number: number, };

/**
 * A picture that a page shows.
 */
export type ShownPicture = {
/**
 * Chosen by the page, unique in its list.
 */
number: number,
/**
 * Of which call; `None`: the chosen camera as it would be seen in a call, which opens it as long as it is shown.
 */
call: string | null,
/**
 * Whose; `None`: ours.
 */
participant: string | null,
/**
 * Camera or screen.
 */
kind: TrackKind,
/**
 * How wide it is shown, device pixels. What is sent is not much larger.
 */
width: number, };

/**
 * How the pixels of a picture lie.
 */
export type PixelLayout = "i420" | "rgba";

/**
 * Who else may steer this core. What the person decides about it, they decide with [`Command::AllowPrograms`],
 * [`Command::AddProgram`] (whose answer is the only time that a token is told) and [`Command::RevokeProgram`].
 */
export type ControlView = {
/**
 * Other programs are let in. The window always is; while this is `false`, whoever else comes with the door file's
 * token can do nothing but change it.
 */
allowed: boolean,
/**
 * Where the web API for them is, such as `http://127.0.0.1:40000/api/cowork`; its port changes with every start.
 * `None` where there is none.
 */
web_api: string | null,
/**
 * Those that have a token of their own, the oldest first.
 */
programs: Array<ProgramView>, };

/**
 * A program with a token of its own.
 */
export type ProgramView = {
/**
 * Names it to [`crate::Command::RevokeProgram`].
 */
id: string,
/**
 * As the person called it; no two have the same.
 */
name: string,
/**
 * Unix milliseconds when it got its token.
 */
created_at_ms: number,
/**
 * Unix milliseconds when it last came, to some seconds; `None`: not since the core started.
 */
last_used_at_ms: number | null, };

/**
 * Whether an account may be joined to calls from afar.
 */
export type RemoteJoinPolicy = "ask" | "allow" | "forbid";

/**
 * A remote join that waits for the person.
 */
export type RemoteJoinRequestView = {
/**
 * Names it to [`crate::Command::AnswerRemoteJoin`].
 */
id: string,
/**
 * Of which account.
 */
account: string,
/**
 * The conversation's token.
 */
room: string,
/**
 * Its name.
 */
display_name: string,
/**
 * Audio: by voice; video: with the camera; screen: a screen is to be chosen and shared.
 */
kind: TrackKind,
/**
 * Who wants it: a program's name, or the server's host.
 */
by: string, };

/**
 * A method with its arguments. Those without a call id mean the one current call.
 */
export type SdkMethod = { "method": "makeVoiceCall",
/**
 * JIDs of the callees.
 */
users: Array<string>,
/**
 * JID of an existing conversation.
 */
groupId: string | null, } | { "method": "makeVideoCall",
/**
 * JIDs of the callees.
 */
users: Array<string>,
/**
 * JID of an existing conversation.
 */
groupId: string | null, } | { "method": "answerCall" } | { "method": "declineCall" } | { "method": "endCall" } | { "method": "callEngaged" } | { "method": "muteAudio",
/**
 * The wished state.
 */
mute: boolean, } | { "method": "muteVideo",
/**
 * The wished state.
 */
mute: boolean, } | { "method": "inviteUsers",
/**
 * JIDs.
 */
users: Array<string>, } | { "method": "requestVideoCallSwitch" } | { "method": "cancelVideoCallSwitchRequest" } | { "method": "acceptVideoCallSwitchRequest" } | { "method": "declineVideoCallSwitchRequest" } | { "method": "getCallInfo" };

/**
 * How a method went. 200: accepted; 400: bad argument, or nothing it could apply to now; 401: signed out; 403: the account's server or
 * its permissions lack the feature; 404: no such user or conversation; 500: it failed.
 */
export type SdkResult = {
/**
 * See above.
 */
statusCode: number,
/**
 * For people, in English.
 */
message: string,
/**
 * What went wrong, by the stable code of a [`crate::Problem`]; not there when nothing did.
 */
code?: string,
/**
 * Of a call that was begun.
 */
callType?: CallType,
/**
 * Of a call that was begun: its id, until the conversation is known.
 */
roomId?: string,
/**
 * What [`SdkMethod::GetCallInfo`] asked for.
 */
callInfo?: CallInfo, };

/**
 * The current call.
 */
export type CallInfo = {
/**
 * The conversation's token, or the call's id until it is known.
 */
roomId: string,
/**
 * What passes it on; empty where no link lets anyone in.
 */
roomLink: string,
/**
 * Audio or video.
 */
callType: CallType,
/**
 * Of two, or of several.
 */
callMode: CallMode,
/**
 * The conversation's JID, in a call of several.
 */
groupId: string | null,
/**
 * Everyone in it.
 */
usersStatus: Array<UserStatus>, };

/**
 * One callback: the listener's name and its payload.
 */
export type SdkEvent = { "listener": "incomingCallListener", "payload": IncomingCall } | { "listener": "callStatusListener", "payload": CallStatusPayload } | { "listener": "userTrackListener", "payload": UserTrack } | { "listener": "muteStatusListener", "payload": MuteStatus } | { "listener": "missedCallListener", "payload": MissedCall } | { "listener": "callSwitchListener", "payload": CallSwitchPayload } | { "listener": "inviteUsersListener", "payload": InviteUsersPayload } | { "listener": "callUserJoinedListener", "payload": CallUserPayload } | { "listener": "callUserLeftListener", "payload": CallUserPayload } | { "listener": "callUsersUpdateListener", "payload": CallUsersUpdate } | { "listener": "callSpeakingListener", "payload": SpeakingPayload } | { "listener": "mediaErrorListener", "payload": MediaErrorPayload };

/**
 * Audio or video.
 */
export type CallType = "audio" | "video";

/**
 * Of two, or of several.
 */
export type CallMode = "onetoone" | "onetomany";

/**
 * Where the call, or somebody in it, stands.
 */
export type SdkStatus = "calling" | "ringing" | "connecting" | "connected" | "reconnecting" | "busy" | "engaged" | "disconnected" | "ended" | "hold" | "userstatus";

/**
 * Whether the whole call is over.
 */
export type SessionStatus = "closed";

/**
 * How somebody in the call stands.
 */
export type UserStatus = {
/**
 * Who.
 */
userJid: string,
/**
 * Where they stand.
 */
status: SdkStatus,
/**
 * Their microphone is off.
 */
audioMuted: boolean,
/**
 * Their camera is off.
 */
videoMuted: boolean, };

/**
 * Who somebody is.
 */
export type UserDetails = {
/**
 * Who.
 */
userJid: string,
/**
 * The name others see.
 */
displayName: string,
/**
 * Where their picture is; empty when there is none.
 */
image: string, };

/**
 * Somebody rings. `from` and `to` look swapped in a call of two, and are so on purpose (mirrorfly-sdk section 4):
 * who calls is `user_jid`.
 */
export type IncomingCall = {
/**
 * All in the call.
 */
allUsers: Array<string>,
/**
 * Of two, or of several.
 */
callMode: CallMode,
/**
 * Unix milliseconds when it was begun.
 */
callTime: number,
/**
 * Audio or video.
 */
callType: CallType,
/**
 * Of two: the callee; of several: who calls.
 */
from: string,
/**
 * Of two: who calls; of several: the conversation.
 */
to: string,
/**
 * The conversation's JID, in a call of several.
 */
groupId: string | null,
/**
 * Whether this concerns us: no, somebody else calls.
 */
localUser: boolean,
/**
 * The conversation's token.
 */
roomId: string,
/**
 * What passes it on; empty where no link lets anyone in.
 */
roomLink: string,
/**
 * `ringing`.
 */
status: SdkStatus,
/**
 * The callees.
 */
toUsers: Array<string>,
/**
 * The callees, with names.
 */
userDetails: Array<UserDetails>,
/**
 * Who calls.
 */
userJid: string,
/**
 * How each stands.
 */
usersStatus: Array<UserStatus>, };

/**
 * How the call, or somebody in it, stands.
 */
export type CallStatusPayload = {
/**
 * What changed.
 */
status: SdkStatus,
/**
 * Whose status it is.
 */
userJid: string,
/**
 * Whether that is us.
 */
localUser: boolean,
/**
 * `null` while the call lives.
 */
sessionStatus: SessionStatus | null,
/**
 * How each stands.
 */
usersStatus: Array<UserStatus>,
/**
 * Answered on another device of ours: stop ringing.
 */
carbonAttended?: boolean, };

/**
 * Kind of a track.
 */
export type SdkTrackType = "audio" | "video" | "screen";

/**
 * A track came or went. How it is played or drawn is told by `track`, which names it to the core; a library in front of
 * the door puts an object in its place.
 */
export type UserTrack = {
/**
 * Whether it is ours: our own sound is never played.
 */
localUser: boolean,
/**
 * The track's name, for as long as the call lives; `null`: it went. It is `CALL/PARTICIPANT/KIND`, where the first
 * and the last part hold no slash, `PARTICIPANT` is empty for us, and `KIND` is a [`crate::TrackKind`]: what a
 * [`crate::ShownPicture`] is asked for by.
 */
track: string | null,
/**
 * Kind.
 */
trackType: SdkTrackType,
/**
 * Whose.
 */
userJid: string,
/**
 * How each stands.
 */
usersStatus: Array<UserStatus>, };

/**
 * Somebody muted or unmuted.
 */
export type MuteStatus = {
/**
 * Who.
 */
userJid: string,
/**
 * Whether that is us.
 */
localUser: boolean,
/**
 * What kind.
 */
trackType: SdkTrackType,
/**
 * The new state.
 */
isMuted: boolean, };

/**
 * A call rang and was not answered.
 */
export type MissedCall = {
/**
 * Of two, or of several.
 */
callMode: CallMode,
/**
 * Audio or video.
 */
callType: CallType,
/**
 * As in [`IncomingCall`].
 */
from: string,
/**
 * Who called.
 */
userJid: string,
/**
 * The conversation's token.
 */
roomId: string,
/**
 * All in the call.
 */
allUsers: Array<string>,
/**
 * The conversation's JID, in a call of several.
 */
groupId: string | null, };

/**
 * What became of the wish to go to video.
 */
export type SwitchStatus = "request" | "accept" | "decline" | "cancel";

/**
 * The wish to go from audio to video.
 */
export type CallSwitchPayload = {
/**
 * What.
 */
status: SwitchStatus,
/**
 * Who.
 */
userJid: string, };

/**
 * People were added.
 */
export type InviteUsersPayload = {
/**
 * How each stands.
 */
usersStatus: Array<UserStatus>,
/**
 * The conversation's token.
 */
roomId: string,
/**
 * Who was added.
 */
userList: Array<string>, };

/**
 * Somebody came or left.
 */
export type CallUserPayload = {
/**
 * Who.
 */
userJid: string,
/**
 * Whether that is us.
 */
localUser: boolean, };

/**
 * Somebody of the call.
 */
export type CallUser = {
/**
 * Who.
 */
userJid: string,
/**
 * The name others see.
 */
displayName: string,
/**
 * Whether that is us.
 */
localUser: boolean, };

/**
 * The people of the call.
 */
export type CallUsersUpdate = {
/**
 * All of them.
 */
usersList: Array<CallUser>, };

/**
 * Somebody speaks, or stopped.
 */
export type SpeakingPayload = {
/**
 * Who.
 */
userJid: string,
/**
 * Whether that is us.
 */
localUser: boolean,
/**
 * 0: silent, to 10.
 */
volumeLevel: number, };

/**
 * A microphone, camera or screen failed; the call goes on.
 */
export type MediaErrorPayload = {
/**
 * What was tried: `audio`, `video` or `screen`.
 */
action: string,
/**
 * 100607: the person or the system refused; 100608: there is none, or it is busy or broke.
 */
statusCode: number,
/**
 * `MEDIA_PERMISSION_DENIED` or `MEDIA_DEVICE_ERROR`.
 */
callStatus: string, };

/** The codes a `Problem` can carry. */
export const PROBLEM_CODES = [
  "wrong-password",
  "signed-out",
  "unknown-user",
  "unknown-room",
  "server-unreachable",
  "not-a-talk-server",
  "server-failed",
  "throttled",
  "certificate-refused",
  "bad-link",
  "invitation-expired",
  "forbidden",
  "read-only",
  "lobby",
  "password-needed",
  "consent-needed",
  "no-microphone",
  "no-speaker",
  "device-denied",
  "device-busy",
  "device-lost",
  "no-camera",
  "camera-denied",
  "camera-busy",
  "camera-lost",
  "no-screen",
  "screen-denied",
  "screen-lost",
  "video-file",
  "sound-file",
  "bad-description",
  "no-media-path",
  "signaling-lost",
  "port-in-use",
  "disk-full",
  "read-only-folder",
  "no-key-store",
  "not-now",
  "timed-out",
  "internal",
] as const;

/** One of the codes. */
export type ProblemCode = (typeof PROBLEM_CODES)[number];
