//! Video sections as others write them, and ours.

use bellbird_call::{LinkId, LinkRole, MediaKinds};

use super::*;

const STREAMS: [LayerStreams; 3] = [
    LayerStreams { media: 1000, rtx: 1001 },
    LayerStreams { media: 2000, rtx: 2001 },
    LayerStreams { media: 3000, rtx: 3001 },
];

/// What the library writes for a section.
const LIBRARY: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=setup:active\na=mid:1\n\
a=ice-ufrag:abcd\na=ice-pwd:secret\na=rtcp-mux\na=rtcp-rsize\na=rtpmap:96 VP8/90000\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\na=recvonly\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\n\
a=end-of-candidates";

/// What Chromium offers, shortened: VP8, three kinds of H.264, VP9, AV1, with repetitions and everything else.
const CHROMIUM: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 35 36 104 105 102 103 108 109 98 99 45 46 120\n\
a=mid:1\na=sendrecv\na=rtcp-mux\na=rtcp-rsize\n\
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\n\
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n\
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n\
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n\
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n\
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\n\
a=rtpmap:96 VP8/90000\na=rtcp-fb:96 goog-remb\na=rtcp-fb:96 transport-cc\na=rtcp-fb:96 ccm fir\n\
a=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n\
a=rtpmap:35 VP9/90000\na=fmtp:35 profile-id=1\na=rtpmap:36 rtx/90000\na=fmtp:36 apt=35\n\
a=rtpmap:104 H264/90000\na=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\n\
a=rtpmap:102 H264/90000\na=rtcp-fb:102 nack\n\
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\n\
a=rtpmap:103 rtx/90000\na=fmtp:103 apt=102\n\
a=rtpmap:108 H264/90000\na=rtcp-fb:108 nack\na=rtcp-fb:108 transport-cc\n\
a=fmtp:108 level-asymmetry-allowed=1; packetization-mode=1; profile-level-id=42E01F\n\
a=rtpmap:109 rtx/90000\na=fmtp:109 apt=108\n\
a=rtpmap:98 VP9/90000\na=fmtp:98 profile-id=0\na=rtpmap:99 rtx/90000\na=fmtp:99 apt=98\n\
a=rtpmap:45 AV1/90000\na=rtpmap:46 rtx/90000\na=fmtp:46 apt=45\na=rtpmap:120 red/90000\n\
a=ssrc-group:FID 7 8\na=ssrc:7 cname:x\na=ssrc:8 cname:x";

fn link(source: LinkSource, direction: LinkDirection) -> Link {
    Link {
        id: LinkId(1),
        participant: None,
        source,
        role: LinkRole::Offerer,
        direction,
        may_send: MediaKinds::VIDEO,
        simulcast: false,
    }
}

fn terms(link: &Link) -> VideoTerms {
    VideoTerms::new(link, "us".to_owned(), STREAMS)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn read(text: &str) -> Option<RemoteVideo> {
    RemoteVideo::read(&lines(text), &[], &[111])
}

fn offer(terms: &mut VideoTerms) -> String {
    let mut text = String::new();
    terms.write_offer(&mut text, &lines(LIBRARY), &[1]);
    text.replace("\r\n", "\n")
}

fn answer(terms: &mut VideoTerms, remote: &RemoteVideo) -> String {
    let mut text = String::new();
    terms.write_answer(&mut text, &lines(LIBRARY), remote);
    text.replace("\r\n", "\n")
}

#[test]
fn our_offer_holds_everything_once_and_nothing_of_the_library_s_codecs() {
    let text = offer(&mut terms(&link(LinkSource::Person, LinkDirection::SendReceive)));
    for line in [
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99",
        "a=mid:1",
        "a=setup:active",
        "a=rtcp-mux",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:98 VP9/90000",
        "a=fmtp:98 profile-id=0",
        "a=fmtp:97 apt=96",
        "a=fmtp:103 apt=102",
        "a=fmtp:99 apt=98",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:102 transport-cc",
        "a=rtcp-fb:98 ccm fir",
        "a=rtcp-fb:98 goog-remb",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=sendrecv",
        "a=msid:us camera",
        "a=ssrc-group:FID 1000 1001",
        "a=ssrc:1001 cname:us",
    ] {
        assert_eq!(text.lines().filter(|own| *own == line).count(), 1, "{line} in {text}");
    }
    for strange in ["candidate", "recvonly", "audio-level", "a=rid", "simulcast"] {
        assert!(!text.contains(strange), "{strange} in {text}");
    }
    // What we write, we understand; and a screen is better in VP9.
    assert_eq!(read(&text).unwrap().codecs.len(), 3);
    let screen = offer(&mut terms(&link(LinkSource::Screen, LinkDirection::SendOnly)));
    assert!(screen.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97 102 103\n"), "{screen}");
    assert!(screen.contains("a=sendonly\n") && screen.contains("a=msid:us screen\n"));
}

#[test]
fn identifiers_sound_uses_are_avoided() {
    let ids = offered_extensions(&[3, 10, 1]);
    let all = [ids.transport, ids.mid, ids.rid, ids.repaired_rid].map(Option::unwrap);
    assert_eq!(all, [2, 4, 5, 11]);
    let everything: Vec<u8> = (1..=14).collect();
    assert_eq!(offered_extensions(&everything), ExtensionIds::default());
}

#[test]
fn what_we_say_follows_the_link() {
    for (direction, may_send, ours) in [
        (LinkDirection::SendReceive, true, "sendrecv"),
        (LinkDirection::SendReceive, false, "recvonly"),
        (LinkDirection::SendOnly, true, "sendonly"),
        (LinkDirection::SendOnly, false, "inactive"),
        (LinkDirection::ReceiveOnly, true, "recvonly"),
    ] {
        let mut link = link(LinkSource::Person, direction);
        link.may_send.video = may_send;
        let mut terms = terms(&link);
        assert_eq!(terms.wanted.name(), ours);
        let text = offer(&mut terms);
        assert_eq!(text.contains("a=ssrc:"), ours.starts_with("send"), "{text}");
        let remote = read(CHROMIUM).unwrap();
        let (_, send, receive) = terms.agreed(Some((&remote, "1")));
        assert_eq!((send.is_some(), receive.admitted), (terms.wanted.send, terms.wanted.receive));
    }
}

#[test]
fn a_browser_s_offer_is_answered_in_its_own_numbers() {
    let remote = read(CHROMIUM).unwrap();
    let mut terms = terms(&link(LinkSource::Person, LinkDirection::SendReceive));
    let text = answer(&mut terms, &remote);
    assert!(text.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109 98 99\n"), "{text}");
    assert!(text.contains("profile-level-id=42e01f\n") && !text.contains("AV1"));
    // What the peer does not do, we do not say.
    assert!(text.contains("a=rtcp-fb:108 nack\n") && !text.contains("a=rtcp-fb:108 nack pli"));
    assert!(!text.contains("a=rtcp-fb:98"));
    let (agreement, send, receive) = terms.agreed(Some((&remote, "1")));
    let send = send.unwrap();
    assert_eq!(
        agreement,
        Some(VideoAgreement { codec: VideoCodec::Vp8, send: true, receive: true, layers: 1 })
    );
    assert_eq!((send.payload_type, send.rtx, send.layers, send.named), (96, Some(97), 1, false));
    assert_eq!((send.extensions.transport, send.extensions.mid), (Some(3), Some(4)));
    assert!(receive.admitted && receive.repeats && !receive.full_intra);
    assert!(receive.payload_types.contains(&(109, PayloadUse::Repetition(VideoCodec::H264))));
    assert_eq!(receive.repairs, [(7, 8)]);
    // Our next offer keeps the numbers, since they may not change their meaning.
    let again = offer(&mut terms);
    assert!(again.starts_with("m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109 98 99\n"), "{again}");
}

#[test]
fn plain_baseline_and_the_browser_s_order_are_taken_where_there_is_no_better() {
    let only = "m=video 9 UDP/TLS/RTP/SAVPF 102 103\na=rtpmap:102 H264/90000\n\
        a=fmtp:102 packetization-mode=1;profile-level-id=42001f\na=rtpmap:103 rtx/90000\na=fmtp:103 apt=102";
    let remote = read(only).unwrap();
    let text = answer(&mut terms(&link(LinkSource::Person, LinkDirection::SendReceive)), &remote);
    assert!(text.contains("profile-level-id=42001f\n"), "{text}");
    // Who answers chooses.
    let mut terms = terms(&link(LinkSource::Person, LinkDirection::SendReceive));
    offer(&mut terms);
    let (agreement, send, receive) = terms.agreed(Some((&remote, "1")));
    assert_eq!(agreement.unwrap().codec, VideoCodec::H264);
    assert_eq!(send.unwrap().extensions.transport, None, "without feedback no numbers");
    assert!(!receive.repeats);
    assert!(receive.payload_types.contains(&(96, PayloadUse::Media(VideoCodec::Vp8))));
}

#[test]
fn janus_offers_one_codec_and_only_sends() {
    let remote = read(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=sendonly\na=mid:2\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 ccm fir\n\
         a=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:96 goog-remb\n\
         a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n\
         a=ssrc-group:FID 11 12\na=msid:janus janusv0\na=ssrc:11 cname:janus",
    )
    .unwrap();
    let mut terms = terms(&link(LinkSource::Person, LinkDirection::ReceiveOnly));
    let text = answer(&mut terms, &remote);
    assert!(text.contains("a=recvonly\n") && !text.contains("transport-cc"), "{text}");
    let (agreement, send, receive) = terms.agreed(Some((&remote, "2")));
    assert!(agreement.is_some_and(|agreed| agreed.receive && !agreed.send));
    assert_eq!((send, receive.extensions.transport), (None, None));
}

#[test]
fn several_sizes_are_offered_and_as_many_sent_as_are_taken() {
    let mut link = link(LinkSource::Person, LinkDirection::SendOnly);
    link.simulcast = true;
    let mut terms = terms(&link);
    let text = offer(&mut terms);
    assert!(text.contains("a=rid:h send\na=rid:m send\na=rid:l send\na=simulcast:send h;m;l\n"), "{text}");
    assert!(!text.contains("a=ssrc"), "{text}");
    let janus = |simulcast: &str| {
        read(&format!("{}\n{simulcast}", CHROMIUM.replace("a=sendrecv", "a=recvonly"))).unwrap()
    };
    for (simulcast, layers, named) in [
        ("a=rid:h recv\na=rid:m recv\na=rid:l recv\na=simulcast:recv h;m;l", 3, true),
        ("a=simulcast:recv h;m", 2, true),
        ("a=simulcast:recv l;~m;h", 1, true),
        ("a=simulcast: send x recv h;m;l", 3, true),
        ("a=simulcast:send h;m;l", 1, false),
        ("a=simulcast:recv", 1, false),
        ("", 1, false),
    ] {
        let (agreement, send, _) = terms.agreed(Some((&janus(simulcast), "1")));
        let send = send.unwrap();
        assert_eq!((send.layers, send.named), (layers, named), "{simulcast}");
        assert_eq!(agreement.unwrap().layers, layers);
    }
    // A screen, and a link that also receives, are sent in one size.
    for (source, direction) in
        [(LinkSource::Screen, LinkDirection::SendOnly), (LinkSource::Person, LinkDirection::SendReceive)]
    {
        let mut other = link.clone();
        (other.source, other.direction) = (source, direction);
        assert!(!offer(&mut VideoTerms::new(&other, "us".into(), STREAMS)).contains("simulcast"));
    }
}

#[test]
fn sections_that_say_nothing_usable_are_none() {
    for text in [
        "m=video 9 UDP/TLS/RTP/SAVPF",
        "m=video 9 UDP/TLS/RTP/SAVPF 45\na=rtpmap:45 AV1/90000",
        "m=video 9 UDP/TLS/RTP/SAVPF 72\na=rtpmap:72 VP8/90000",
        "m=video 9 UDP/TLS/RTP/SAVPF 111\na=rtpmap:111 VP8/90000",
        "m=video 9 UDP/TLS/RTP/SAVPF 200\na=rtpmap:200 VP8/90000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/8000",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=640c1f",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=42é1",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP9/90000\na=fmtp:96 profile-id=2",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn strange_numbers_are_passed_over() {
    let remote = read(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=97\n\
         a=rtpmap:111 rtx/90000\na=fmtp:111 apt=96\na=extmap:0 urn:ietf:params:rtp-hdrext:sdes:mid\n\
         a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n\
         a=extmap:5 something\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\n\
         a=extmap:999 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n\
         a=ssrc-group:FID 1\na=ssrc-group:FID 1 x\na=ssrc-group:SIM 1 2 3",
    )
    .unwrap();
    assert_eq!(remote.codecs[0].rtx, None, "neither itself nor what sound uses");
    assert_eq!(remote.extensions, ExtensionIds::default());
    assert!(remote.repairs.is_empty());
    let bomb: String = (0..1000).map(|n| format!("\na=ssrc-group:FID {n} {n}")).collect();
    assert_eq!(read(&format!("{CHROMIUM}{bomb}")).unwrap().repairs.len(), MAX_REPAIRS);
}
