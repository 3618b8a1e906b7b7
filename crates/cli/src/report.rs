//! What goes to stdout: events, one a line, as JSON or as sentences.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use bellbird_contract::{
    AccountState, AppView, CallView, ContactView, ControlView, EndReason, EntranceView, InvitationView,
    LinkQualityView, Media, ProgramView, RoomView, SdkResult, Status, TrackKind, VideoQualityView,
};
use serde_json::{Value, json};

use crate::process::Usage;

/// One event.
pub(crate) enum Report<'a> {
    Listening { url: &'a str },
    Ready { control: &'a str, token_file: &'a str, web_api: Option<&'a str>, accounts: &'a [String] },
    Registered { user: &'a str, server: &'a str },
    Incoming { call: &'a CallView },
    RemoteJoin { call: &'a CallView },
    Entrance { call: &'a str, entrance: EntranceView },
    SignIn { address: &'a str },
    Status { call: &'a str, participant: Option<&'a str>, status: Status },
    Track { call: &'a str, participant: Option<&'a str>, kind: TrackKind, added: bool },
    Media { call: &'a str, participant: &'a str, kind: TrackKind, first: &'a str },
    Mute { call: &'a str, participant: Option<&'a str>, kind: TrackKind, muted: bool },
    MutedByModerator { call: &'a str },
    Hand { call: &'a str, participant: Option<&'a str>, raised: bool },
    Reaction { call: &'a str, participant: Option<&'a str>, reaction: &'a str },
    Stats { call: &'a str, links: &'a [LinkQualityView], usage: Usage },
    Ended { call: &'a str, reason: EndReason, duration_s: f64 },
    Demo(&'a DemoFigures),
    User { name: &'a str, display_name: &'a str, guest_app: bool },
    AppPassword { user: &'a str, password: &'a str },
    Group { name: &'a str, members: &'a [String] },
    Config { key: &'a str, value: &'a str, default: &'a str, help: &'a str },
    Contact { contact: &'a ContactView },
    Room { room: &'a RoomView },
    Device { kind: &'a str, name: &'a str, label: &'a str, is_default: bool },
    Account { id: &'a str, user: &'a str, server: &'a str, local: bool },
    State { state: &'a AppView },
    Invitation { invitation: &'a InvitationView },
    Happening { event: &'a bellbird_contract::Event },
    Sdk { result: &'a SdkResult },
    Control { control: &'a ControlView },
    Program { program: &'a ProgramView, token: Option<&'a str> },
    Calling { call: &'a str },
    Done { what: &'a str },
    Error { code: &'a str, message: &'a str },
}

/// What the demo measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DemoFigures {
    pub(crate) ok: bool,
    /// Call made → first sample of speech played at the far end, ms. `None`: none was.
    pub(crate) setup_ms: Option<f64>,
    /// Mouth to ear, ms, the worse way.
    pub(crate) audio_delay_ms: Option<f64>,
    /// Correlation of the speech received with the speech sent, 0..=1, the worse way.
    pub(crate) speech_match: f64,
    pub(crate) packets_lost: u64,
}

/// Where reports go. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    started: Instant,
    lines: Arc<std::sync::Mutex<()>>,
    /// Which of several clients speaks.
    client: Option<u32>,
}

impl Output {
    pub(crate) fn new(json: bool, started: Instant) -> Self {
        Self { json, started, lines: Arc::default(), client: None }
    }

    /// For one of several clients, whose number every line then has.
    pub(crate) fn of_client(&self, client: Option<u32>) -> Self {
        Self { client, ..self.clone() }
    }

    /// Writes one line. A reader that went away is no reason to end a call.
    pub(crate) fn report(&self, report: &Report<'_>) {
        let t = (self.started.elapsed().as_secs_f64() * 1e4).round() / 1e4;
        let line = match (self.json, self.client) {
            (true, None) => Some(report.json(t).to_string()),
            (true, Some(client)) => {
                let mut event = report.json(t);
                event["client"] = json!(client);
                Some(event.to_string())
            }
            (false, None) => report.text(),
            (false, Some(client)) => report.text().map(|text| format!("[{client}] {text}")),
        };
        let Some(line) = line else { return };
        let _whole = self.lines.lock();
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }
}

impl Report<'_> {
    fn json(&self, t: f64) -> Value {
        match self {
            Self::Listening { url } => json!({ "event": "listening", "url": url }),
            Self::Ready { control, token_file, web_api, accounts } => json!({
                "event": "ready", "control": control, "token_file": token_file, "web_api": web_api,
                "accounts": accounts, "t": t,
            }),
            Self::Registered { user, server } => {
                json!({ "event": "registered", "user": user, "server": server })
            }
            Self::Incoming { call } => json!({
                "event": "incoming", "call_id": call.id, "room": call.room, "from": call.contact,
                "display_name": call.display_name, "kind": kind_of_call(call.media),
            }),
            Self::RemoteJoin { call } => json!({
                "event": "remote_join", "call_id": call.id, "room": call.room, "by": call.joined_by,
                "kind": kind_of_call(call.media), "t": t,
            }),
            Self::Entrance { call, entrance } => {
                let mut told = json!(entrance);
                told["event"] = json!("entrance");
                told["call_id"] = json!(call);
                told["t"] = json!(t);
                told
            }
            Self::SignIn { address } => json!({ "event": "sign_in", "address": address }),
            Self::Status { call, participant, status } => json!({
                "event": "status", "status": status, "participant": participant,
                "local": participant.is_none(), "call_id": call, "t": t,
            }),
            Self::Track { call, participant, kind, added } => json!({
                "event": "track", "participant": participant, "kind": kind, "local": participant.is_none(),
                "state": if *added { "added" } else { "removed" }, "call_id": call, "t": t,
            }),
            Self::Media { call, participant, kind, first } => json!({
                "event": "media", "participant": participant, "kind": kind, "first": first, "call_id": call, "t": t,
            }),
            Self::Mute { call, participant, kind, muted } => json!({
                "event": "mute", "participant": participant, "kind": kind, "muted": muted, "call_id": call,
            }),
            Self::MutedByModerator { call } => {
                json!({ "event": "muted_by_moderator", "call_id": call, "t": t })
            }
            Self::Hand { call, participant, raised } => json!({
                "event": "hand", "participant": participant, "local": participant.is_none(), "raised": raised,
                "call_id": call, "t": t,
            }),
            Self::Reaction { call, participant, reaction } => json!({
                "event": "reaction", "participant": participant, "local": participant.is_none(),
                "reaction": reaction, "call_id": call, "t": t,
            }),
            Self::Stats { call, links, usage } => json!({
                "event": "stats", "participants": links.iter().map(link_json).collect::<Vec<_>>(),
                "cpu_percent": usage.cpu_percent, "rss_mb": usage.rss_mb, "call_id": call, "t": t,
            }),
            Self::Ended { call, reason, duration_s } => json!({
                "event": "ended", "reason": reason, "duration_s": duration_s, "call_id": call, "t": t,
            }),
            Self::Demo(figures) => json!({
                "event": "demo", "ok": figures.ok, "setup_ms": figures.setup_ms.map(tenths),
                "audio_delay_ms": figures.audio_delay_ms.map(tenths),
                "speech_match": (figures.speech_match * 1e4).round() / 1e4, "packets_lost": figures.packets_lost,
            }),
            Self::User { name, display_name, guest_app } => json!({
                "event": "user", "user": name, "display_name": display_name, "guest_app": guest_app,
            }),
            Self::AppPassword { user, password } => {
                json!({ "event": "app_password", "user": user, "password": password })
            }
            Self::Group { name, members } => json!({ "event": "group", "group": name, "members": members }),
            Self::Config { key, value, default, help } => json!({
                "event": "config", "key": key, "value": value, "default": default, "help": help,
            }),
            Self::Contact { contact } => json!({
                "event": "contact", "id": contact.id, "display_name": contact.display_name,
                "presence": contact.presence, "echo": contact.echo,
            }),
            Self::Room { room } => json!({
                "event": "room", "token": room.token, "display_name": room.display_name, "type": room.kind,
                "has_call": room.has_call, "last_activity": room.last_activity, "link": room.link,
            }),
            Self::Device { kind, name, label, is_default } => json!({
                "event": "device", "kind": kind, "name": name, "label": label, "default": is_default,
            }),
            Self::Account { id, user, server, local } => json!({
                "event": "account", "account": id, "user": user, "server": server, "local": local,
            }),
            Self::State { state } => json!({ "event": "state", "state": state }),
            Self::Sdk { result } => json!({ "event": "sdk", "result": result }),
            Self::Control { control } => {
                json!({ "event": "control", "allowed": control.allowed, "web_api": control.web_api })
            }
            Self::Program { program, token } => json!({
                "event": "program", "id": program.id, "name": program.name, "token": token,
                "created_at_ms": program.created_at_ms, "last_used_at_ms": program.last_used_at_ms,
            }),
            Self::Invitation { invitation } => json!({
                "event": "invitation", "link": invitation.link, "expires_at_ms": invitation.expires_at_ms,
                "uses": invitation.uses,
            }),
            Self::Happening { event } => json!(event),
            Self::Calling { call } => json!({ "event": "call", "call_id": call }),
            Self::Done { what } => json!({ "event": "done", "what": what }),
            Self::Error { code, message } => json!({ "event": "error", "code": code, "message": message }),
        }
    }

    /// The sentence for people; `None` for what would only be noise to them.
    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Listening { url } => format!("Listening at {url}"),
            Self::Ready { control, web_api, .. } => {
                let web_api = web_api.map(|url| format!(", the web API at {url}")).unwrap_or_default();
                format!("Ready; the control door is at {control}{web_api}")
            }
            Self::Registered { user, server } => format!("{user} can now be called, at {server}"),
            Self::Incoming { call } => format!("{} calls", name_of(call)),
            Self::RemoteJoin { call } => {
                let by = call.joined_by.as_deref().filter(|by| !by.is_empty()).unwrap_or("Another program");
                match name_of(call) {
                    "Someone" => format!("{by} has us join a call"),
                    name => format!("{by} has us join {name}"),
                }
            }
            Self::Entrance { entrance, .. } => return entrance_text(*entrance),
            Self::SignIn { address } => format!("Open this address in a browser to sign in: {address}"),
            Self::Status { participant: None, status, .. } => status_text(*status).to_owned(),
            Self::Status { participant: Some(_), .. } | Self::Track { .. } | Self::Calling { .. } => {
                return None;
            }
            Self::Media { first: "played", .. } => "They can be heard".to_owned(),
            Self::Media { first: "frame", kind: TrackKind::Video, .. } => "They can be seen".to_owned(),
            Self::Media { first: "frame", kind: TrackKind::Screen, .. } => {
                "Their screen can be seen".to_owned()
            }
            Self::Media { .. } => return None,
            Self::Mute { participant, kind: TrackKind::Video | TrackKind::Screen, muted, .. } => {
                let whose = if participant.is_some() { "Their" } else { "Your" };
                format!("{whose} camera is {}", if *muted { "off" } else { "on" })
            }
            Self::Mute { participant, kind: TrackKind::Audio, muted, .. } => {
                let who = if participant.is_some() { "They are" } else { "You are" };
                format!("{who} {}", if *muted { "muted" } else { "heard again" })
            }
            Self::MutedByModerator { .. } => "A moderator switched your microphone off".to_owned(),
            Self::Hand { participant, raised, .. } => {
                let whose = if participant.is_some() { "A hand" } else { "Your hand" };
                format!("{whose} is {}", if *raised { "raised" } else { "lowered" })
            }
            Self::Reaction { reaction, .. } => (*reaction).to_owned(),
            Self::Stats { links, usage, .. } => stats_text(links, *usage),
            Self::Ended { reason, duration_s, .. } => {
                let whole = *duration_s as u64;
                format!("{}, after {}:{:02}", end_text(*reason), whole / 60, whole % 60)
            }
            Self::Demo(figures) => demo_text(figures),
            Self::User { name, display_name, guest_app } => {
                format!("{name}\t{display_name}{}", if *guest_app { "\t(guest)" } else { "" })
            }
            Self::AppPassword { user, password } => format!("New app password of {user}: {password}"),
            Self::Group { name, members } => format!("{name}\t{}", members.join(", ")),
            Self::Config { key, value, default, help } => {
                let shown = if value.is_empty() { "(empty)" } else { value };
                let default = if default == value { String::new() } else { format!(" (default: {default})") };
                if help.is_empty() {
                    (*value).to_owned()
                } else {
                    format!("{key} = {shown}{default}\n    {help}")
                }
            }
            Self::Contact { contact } => format!("{}\t{}", contact.id, contact.display_name),
            Self::Room { room } => {
                let link = room.link.as_ref().map(|link| format!("\t{link}")).unwrap_or_default();
                format!("{}\t{}\t{}{link}", room.token, room.kind, room.display_name)
            }
            Self::Device { kind, name, label, is_default } => {
                format!("{kind}\t{name}\t{label}{}", if *is_default { "\t(default)" } else { "" })
            }
            Self::Account { id, user, server, local } => {
                format!("{id}\t{user}\t{}", if *local { "this computer" } else { server })
            }
            Self::State { state } => state_text(state),
            Self::Sdk { result } => result.message.clone(),
            Self::Control { control } => control_text(control),
            Self::Program { token: Some(token), .. } => (*token).to_owned(),
            Self::Program { program, token: None } => {
                let used = if program.last_used_at_ms.is_some() { "\tused" } else { "" };
                format!("{}\t{}{used}", program.id, program.name)
            }
            Self::Invitation { invitation } => invitation.link.clone(),
            Self::Happening { event } => return happening_text(event),
            Self::Done { what } => (*what).to_owned(),
            Self::Error { message, .. } => format!("Error: {message}"),
        })
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn kind_of_call(media: Media) -> &'static str {
    match media {
        Media::Voice => "audio",
        Media::Video => "video",
    }
}

fn link_json(link: &LinkQualityView) -> Value {
    json!({
        "participant": link.participant, "rtt_ms": link.rtt_ms, "loss": link.loss, "remote_loss": link.remote_loss,
        "jitter_ms": link.jitter_ms, "buffer_ms": link.buffer_ms, "concealed": link.concealed,
        "kbit_in": link.kbit_in, "kbit_out": link.kbit_out, "packets_lost": link.packets_lost,
        "packets_received": link.packets_received,
        "video": link.video.iter().map(picture_json).collect::<Vec<_>>(),
    })
}

fn picture_json(picture: &VideoQualityView) -> Value {
    json!({
        "kind": picture.kind, "width": picture.width, "height": picture.height,
        "fps": tenths(f64::from(picture.fps)), "frames": picture.frames, "freezes": picture.freezes,
    })
}

fn name_of(call: &CallView) -> &str {
    match (call.display_name.as_str(), &call.contact) {
        ("", Some(contact)) => contact,
        ("", None) => "Someone",
        (name, _) => name,
    }
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Calling => "Calling …",
        Status::Ringing => "Ringing …",
        Status::Connecting => "Connecting …",
        Status::Connected => "Connected",
        Status::Reconnecting => "Reconnecting …",
        Status::Busy => "They declined",
        Status::Engaged => "They are in another call",
        Status::Disconnected => "Disconnected",
        Status::Ended => "Over",
        Status::Hold => "On hold",
    }
}

fn end_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::LocalHangup => "You ended the call",
        EndReason::RemoteHangup => "They ended the call",
        EndReason::LocalDecline => "You declined",
        EndReason::RemoteDecline => "They declined",
        EndReason::RemoteEngaged => "They are in another call",
        EndReason::LocalEngaged => "You were in another call",
        EndReason::NoAnswer => "Nobody answered",
        EndReason::Missed => "Missed",
        EndReason::AnsweredElsewhere => "Answered on another device",
        EndReason::EndedByModerator => "Ended by a moderator",
        EndReason::ConnectionLost => "The connection was lost",
        EndReason::SignalingFailed => "The server failed the call",
        EndReason::MediaFailed => "The sound failed",
    }
}

fn entrance_text(entrance: EntranceView) -> Option<String> {
    Some(match entrance {
        EntranceView::Entering => return None,
        EntranceView::Password { throttled: true, .. } => {
            "The server asks to wait before the next password".to_owned()
        }
        EntranceView::Password { refused: true, .. } => "That was not the conversation's password".to_owned(),
        EntranceView::Password { .. } => "The conversation has a password".to_owned(),
        EntranceView::Lobby { .. } => "In the lobby until a moderator lets you in".to_owned(),
        EntranceView::Consent => "Calls are recorded here".to_owned(),
    })
}

fn stats_text(links: &[LinkQualityView], usage: Usage) -> String {
    let mut text = String::new();
    for link in links {
        let rtt = link.rtt_ms.map_or("?".to_owned(), |rtt| format!("{rtt:.1}"));
        text += &format!(
            "round trip {rtt} ms, lost {:.1} %, jitter {:.1} ms, buffer {:.0} ms, concealed {:.1} %, \
             {:.0} kbit/s in, {:.0} kbit/s out; ",
            link.loss * 100.0,
            link.jitter_ms,
            link.buffer_ms,
            link.concealed * 100.0,
            link.kbit_in,
            link.kbit_out,
        );
    }
    text + &usage.text()
}

fn demo_text(figures: &DemoFigures) -> String {
    let ms = |value: Option<f64>| value.map_or("never".to_owned(), |ms| format!("{ms:.0} ms"));
    format!(
        "{}\n  first words heard after   {}\n  mouth to ear              {}\n  speech understood         {:.1} %\n  \
         packets lost              {}",
        if figures.ok {
            "Two people called and heard each other."
        } else {
            "The call did not work as it should."
        },
        ms(figures.setup_ms),
        ms(figures.audio_delay_ms),
        figures.speech_match * 100.0,
        figures.packets_lost,
    )
}

fn state_text(state: &AppView) -> String {
    let mut lines = vec![format!("Bellbird {}", state.version)];
    for account in &state.accounts {
        let standing = match &account.state {
            AccountState::Connecting => "connecting".to_owned(),
            AccountState::Online => "online".to_owned(),
            AccountState::Offline { problem } => {
                format!("offline: {}", crate::words::message(&problem.code, &problem.detail))
            }
            AccountState::SignedOut => "signed out".to_owned(),
        };
        lines.push(format!("account {}\t{}\t{standing}", account.id, account.display_name));
    }
    for call in &state.calls {
        lines.push(format!("call {}\t{}\t{}", call.id, name_of(call), status_text(call.status)));
    }
    for request in &state.remote_joins {
        let by = if request.by.is_empty() { "another program" } else { &request.by };
        let what = match request.kind {
            TrackKind::Audio => "microphone",
            TrackKind::Video => "camera",
            TrackKind::Screen => "screen",
        };
        lines.push(format!("asked {}\t{by}\t{what}\t{}", request.id, request.display_name));
    }
    if let Some(server) = &state.local_server {
        lines.push(format!("server {}", server.public_url.as_ref().unwrap_or(&server.url)));
    }
    lines.push(control_text(&state.control));
    for problem in &state.problems {
        let message = crate::words::message(&problem.code, &problem.detail);
        lines.push(format!("problem {}\t{message}", problem.number));
    }
    lines.join("\n")
}

fn control_text(control: &ControlView) -> String {
    match (control.allowed, &control.web_api) {
        (false, _) => "programs are not let in".to_owned(),
        (true, Some(url)) => format!("web API {url}"),
        (true, None) => "programs are let in, and there is no web API".to_owned(),
    }
}

fn happening_text(event: &bellbird_contract::Event) -> Option<String> {
    use bellbird_contract::{CallHappening, Event};
    match event {
        Event::Call { happening: CallHappening::Status { participant: None, status }, .. } => {
            Some(status_text(*status).to_owned())
        }
        Event::Call { happening: CallHappening::Ended { reason, .. }, .. } => {
            Some(end_text(*reason).to_owned())
        }
        Event::Call { .. } | Event::Levels { .. } | Event::Quality { .. } | Event::Sdk { .. } => None,
        Event::State { state } => Some(state_text(state)),
        Event::RaiseWindow => Some("The window is asked to show".to_owned()),
        Event::Stopping => Some("Bellbird ends".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_events_have_the_fields_of_the_contract() {
        let status = Report::Status { call: "1", participant: None, status: Status::Connected }.json(1.5);
        assert_eq!(status["event"], "status");
        assert_eq!(status["status"], "connected");
        assert_eq!(status["participant"], Value::Null);
        assert_eq!(status["local"], true);
        assert_eq!(status["t"], 1.5);
        let track = Report::Track { call: "1", participant: Some("p"), kind: TrackKind::Audio, added: false };
        let track = track.json(0.0);
        assert_eq!((&track["state"], &track["local"]), (&json!("removed"), &json!(false)));
        let ended = Report::Ended { call: "1", reason: EndReason::RemoteHangup, duration_s: 2.5 }.json(0.0);
        assert_eq!((&ended["reason"], &ended["duration_s"]), (&json!("remote_hangup"), &json!(2.5)));
    }

    #[test]
    fn an_entrance_names_its_step() {
        let lobby = EntranceView::Lobby { opens_at_ms: Some(5) };
        let told = Report::Entrance { call: "1", entrance: lobby }.json(0.5);
        assert_eq!(
            told,
            json!({ "event": "entrance", "step": "lobby", "opens_at_ms": 5, "call_id": "1", "t": 0.5 })
        );
    }

    #[test]
    fn an_app_password_is_the_last_word() {
        let text = Report::AppPassword { user: "ann", password: "abc-def" }.text();
        assert_eq!(
            text.and_then(|text| text.split(' ').next_back().map(str::to_owned)).as_deref(),
            Some("abc-def")
        );
    }
}
