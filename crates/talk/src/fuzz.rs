//! What fuzz targets call: readers of text that others choose. Not an interface.

use std::time::{Duration, Instant};

use bellbird_talk_wire::{ConnectionKind, HelloAuthParams, ServerFrame};

use crate::external::{Census, Conversation, Identity, Mcu, News, Output, ServedScreens};
use crate::mesh::{Member, Screens};

/// An invitation link as pasted.
pub fn invitation_link(text: &str) {
    if let Ok(link) = crate::invite::InvitationLink::parse(text) {
        assert!(!link.code.expose().is_empty(), "a link without a code was taken");
        assert!(link.server.has_host(), "a link without a server was taken");
    }
}

/// A signaling server's frames, one a line and a second apart, as a session meets them on its way into a room and
/// within, with its list of people and the rules of its links, those of screens in both forms.
pub fn signaling_session(text: &str) {
    let mut now = Instant::now();
    let name = || "room".to_owned();
    let identity = Identity { auth_url: name(), room: name(), room_session: name() };
    let mut conversation = Conversation::new(identity, HelloAuthParams::default(), now);
    let mut census = Census::new("me");
    let mut mcu = Mcu::new("me", "Me", true, 1);
    let mut served = ServedScreens::new("me", "Me", 1);
    let mut straight = Screens::new("me", "Me", 1);
    served.share(true, now);
    straight.share(true, now);
    conversation.connected(now);
    for line in text.lines() {
        now += Duration::from_secs(1);
        if let Ok(frame) = serde_json::from_str::<ServerFrame>(line) {
            conversation.handle(frame, now);
        }
        conversation.handle_timeout(now);
        while let Some(output) = conversation.poll_output() {
            match output {
                Output::Tell(News::Event(event)) => {
                    census.apply(event);
                    let users = census.users();
                    let members: Vec<_> = users
                        .into_iter()
                        .filter(|user| user.in_call != 0)
                        .map(|user| Member { session: user.session_id, has_streams: true })
                        .collect();
                    mcu.set_members(&members, now);
                    served.set_members(members.iter().map(|member| member.session.as_str()), now);
                    straight.set_members(members.iter().map(|member| member.session.as_str()), now);
                }
                Output::Tell(News::Peer { message, .. }) => {
                    let from = message.from.unwrap_or_default();
                    let (sid, broadcaster, body) = (message.sid, message.broadcaster, message.body);
                    match message.connection {
                        ConnectionKind::Person => mcu.handle_message(&from, sid, body, now),
                        ConnectionKind::Screen => {
                            served.handle_message(&from, sid.clone(), broadcaster.clone(), body.clone(), now);
                            straight.handle_message(&from, sid, broadcaster, body, now);
                        }
                    }
                }
                Output::Tell(News::Refused { request, code }) => {
                    mcu.refused(request, &code, now);
                    served.refused(request, now);
                }
                Output::Reconnect => {
                    conversation.disconnected();
                    conversation.connected(now);
                }
                Output::Send(_) | Output::Fetch | Output::Ready | Output::Tell(_) => {}
            }
        }
        mcu.handle_timeout(now);
        served.handle_timeout(now);
        straight.handle_timeout(now);
        while mcu.poll_output().is_some() {}
        while served.poll_output().is_some() {}
        while straight.poll_output().is_some() {}
    }
}
