//! Descriptions as others write them.

use bellbird_call::{Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKinds, SessionDescription};

use super::*;
use crate::peer::video::LayerStreams;

const BOTH: Flow = Flow { send: true, receive: true };

fn terms() -> Terms {
    terms_of(LinkSource::Person, LinkDirection::SendReceive)
}

fn terms_of(source: LinkSource, direction: LinkDirection) -> Terms {
    let link = Link {
        id: LinkId(1),
        participant: None,
        source,
        role: LinkRole::Answerer,
        direction,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    };
    let streams = [LayerStreams { media: 5, rtx: 6 }; 3];
    Terms { audio: BOTH, video: VideoTerms::new(&link, "us".into(), streams) }
}

const FINGERPRINT: &str = "sha-256 0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:\
0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9";

/// The lines that matter of what Chromium offers in a Talk call: everything before Opus, VP9 before VP8.
fn chromium() -> String {
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
         a=ice-options:trickle\r\na=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\n"
    );
    format!(
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n\
         a=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 63 103 9\r\n{transport}a=mid:0\r\n\
         a=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
         a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
         a=sendrecv\r\na=msid:stream track\r\na=rtcp-mux\r\n\
         a=rtpmap:63 red/48000/2\r\na=fmtp:63 103/103\r\na=rtpmap:103 opus/48000/2\r\na=rtcp-fb:103 transport-cc\r\n\
         a=fmtp:103 minptime=10;useinbandfec=1\r\na=rtpmap:9 G722/8000\r\na=ssrc:4242 cname:x\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97\r\n{transport}a=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n\
         a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtpmap:96 VP8/90000\r\n\
         a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rid:h send\r\na=simulcast:send h\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=mid:2\r\na=sctp-port:5000\r\n\
         a=max-message-size:262144\r\na=candidate:1 1 udp 2113937151 10.0.0.9 4000 typ host\r\n"
    )
}

fn read(text: &str) -> RemoteDescription {
    RemoteDescription::read(&SessionDescription::Offer(text.to_owned())).unwrap()
}

#[test]
fn a_browsers_offer_is_understood() {
    let remote = read(&chromium());
    assert_eq!(
        remote.audio(BOTH),
        Some(AudioAgreement { payload_type: 103, level_extension: Some(14), send: true, receive: true })
    );
    assert_eq!(remote.candidates.len(), 1);
    assert_eq!(remote.transport, TransportSection { mid: "0".into(), index: 0 });
}

#[test]
fn the_library_sees_only_what_we_understood() {
    let text = read(&chromium()).for_library(BOTH);
    for strange in
        ["ssrc:", "msid", "rid", "simulcast", "rtx", "VP9", "red/", "G722", "abs-send-time", "candidate"]
    {
        assert!(!text.contains(strange), "{strange} in {text}");
    }
    assert!(text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 103\r\n"));
    assert!(text.contains("a=group:BUNDLE 0 1 2\r\n"));
    // What the library got reads as what we read.
    let again = read(&text);
    assert_eq!(again.audio(BOTH), read(&chromium()).audio(BOTH));
}

#[test]
fn pausing_is_ours_to_answer_and_kept_from_the_library() {
    for (theirs, ours, library) in [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "recvonly", "sendrecv"),
        ("recvonly", "sendonly", "sendrecv"),
        ("inactive", "inactive", "sendrecv"),
    ] {
        let offer = chromium().replacen("a=sendrecv", &format!("a={theirs}"), 1);
        let remote = read(&offer);
        let for_library = remote.for_library(BOTH);
        assert!(for_library.contains(&format!("a={library}\r\n")));
        let answer = remote.complete_answer(&for_library, &mut terms()).unwrap();
        let audio = answer.split("m=").nth(1).unwrap();
        assert!(audio.contains(&format!("a={ours}\r\n")), "{theirs}: {audio}");
        assert_eq!(audio.lines().filter(|line| is_direction(line)).count(), 1);
    }
}

#[test]
fn every_section_is_answered_in_its_place() {
    let offer =
        chromium().replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE a 1 2 x y").replace("a=mid:0", "a=mid:a")
            + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\na=rtpmap:111 opus/48000/2\r\n\
           m=text 9 RTP/AVP 98\r\na=mid:y\r\n";
    let remote = read(&offer);
    let answer = remote.complete_answer(&remote.for_library(BOTH), &mut terms()).unwrap();
    let sections: Vec<_> =
        answer.split("m=").skip(1).map(|section| section.lines().next().unwrap()).collect();
    assert_eq!(
        sections,
        [
            "audio 9 UDP/TLS/RTP/SAVPF 103",
            "video 9 UDP/TLS/RTP/SAVPF 96 97 98 99",
            "application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "audio 0 UDP/TLS/RTP/SAVPF 111",
            "text 0 RTP/AVP 98",
        ]
    );
    let video = answer.split("m=").nth(2).unwrap();
    assert!(video.contains("a=sendonly\r\n"), "it only takes: {video}");
    assert_eq!(video.lines().filter(|line| is_direction(line)).count(), 1);
}

#[test]
fn payload_types_that_look_like_rtcp_are_refused() {
    let offer = chromium().replace("103", "72");
    assert_eq!(read(&offer).audio(BOTH), None);
    let offer = chromium().replace("rtpmap:96 VP8", "rtpmap:103 VP8");
    let remote = read(&offer);
    let answer = remote.complete_answer(&remote.for_library(BOTH), &mut terms()).unwrap();
    assert!(!answer.contains("VP8") && answer.contains("VP9"), "one payload type for two codecs");
}

#[test]
fn answers_must_choose_a_dtls_role() {
    let answer = |text: String| RemoteDescription::read(&SessionDescription::Answer(text));
    assert!(answer(chromium()).is_err(), "actpass is no answer");
    assert!(answer(chromium().replace("actpass", "active")).is_ok());
}

#[test]
fn old_hashes_and_short_credentials_are_refused() {
    for (good, bad) in [
        ("sha-256 0A:", "sha-256 0A"),
        ("sha-256", "sha-1"),
        ("a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "a=ice-pwd:short"),
        ("a=ice-ufrag:EsAw", "a=ice-ufrag:E s"),
    ] {
        let text = chromium().replace(good, bad);
        assert!(RemoteDescription::read(&SessionDescription::Offer(text)).is_err(), "{bad}");
    }
}

#[test]
fn cut_and_shuffled_descriptions_never_panic() {
    let text = chromium();
    for end in 0..text.len() {
        crate::fuzz::description(&text[..end]);
    }
    let lines: Vec<&str> = text.lines().collect();
    for skip in 0..lines.len() {
        let without: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, line)| *line).collect();
        crate::fuzz::description(&without.join("\r\n"));
        let mut doubled = lines.clone();
        doubled.insert(skip, lines[(skip * 7) % lines.len()]);
        crate::fuzz::description(&doubled.join("\n"));
    }
}

#[test]
fn what_a_peer_turned_down_keeps_its_place_for_the_library() {
    let answer = chromium()
        .replace("actpass", "active")
        .replace("m=video 9", "m=video 0")
        .replace("BUNDLE 0 1 2", "BUNDLE 0 2");
    let remote = RemoteDescription::read(&SessionDescription::Answer(answer.clone())).unwrap();
    assert!(remote.video().is_none());
    let text = remote.for_library(BOTH);
    assert!(text.contains("a=group:BUNDLE 0 1 2\r\n"), "{text}");
    assert!(text.contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), "{text}");
    // In an offer it is not ours to keep.
    let remote = read(&answer.replace("a=setup:active", "a=setup:actpass"));
    assert!(!remote.for_library(BOTH).contains("m=video"));
    let answer = remote.complete_answer(&remote.for_library(BOTH), &mut terms()).unwrap();
    assert!(answer.contains("m=video 0 "), "{answer}");
}

#[test]
fn sound_offered_for_a_screen_is_neither_sent_nor_taken() {
    let remote = read(&chromium());
    let mut terms = terms_of(LinkSource::Screen, LinkDirection::ReceiveOnly);
    terms.audio = Flow::NONE;
    let for_library = remote.for_library(terms.audio);
    assert!(!for_library.contains("a=inactive"), "the library would give the section up");
    let answer = remote.complete_answer(&for_library, &mut terms).unwrap();
    let sound = answer.split("m=").nth(1).unwrap();
    assert!(sound.starts_with("audio 9") && sound.contains("a=inactive\r\n"), "{sound}");
    let agreed = remote.audio(terms.audio).unwrap();
    assert!(!agreed.send && !agreed.receive);
}

#[test]
fn an_identifier_that_means_sound_s_level_means_nothing_else() {
    let offer = chromium().replace(
        "a=rtpmap:98 VP9/90000",
        "a=extmap:14 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:98 VP9/90000",
    );
    let remote = read(&offer);
    let answer = remote.complete_answer(&remote.for_library(BOTH), &mut terms()).unwrap();
    assert!(!answer.contains("sdes:mid"), "{answer}");
}
