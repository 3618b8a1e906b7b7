//! A short run of every fuzz body, by a seeded mutator and with the ordinary compiler. `fuzz/` has the same bodies as
//! coverage-guided targets. `BELLBIRD_SEED` varies a run.

mod pictures;

use bellbird_testkit::mutate::drive;

const OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
a=extmap-allow-mixed\r\na=msid-semantic: WMS s\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:hAbC\r\na=ice-pwd:0123456789abcdef01234567\r\n\
a=ice-options:trickle\r\na=fingerprint:sha-256 AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:\
AB:CD:EF:01:23:45:67:89\r\na=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
a=sendrecv\r\na=msid:s a\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=ssrc:3735928559 cname:c\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n\
a=max-message-size:262144\r\n";

fn texts(texts: &[&'static str]) -> Vec<&'static [u8]> {
    texts.iter().map(|text| text.as_bytes()).collect()
}

/// Runs a body that reads text: bytes that are no text are mended first, as every reader of ours does.
fn drive_text(subject: &str, corpus: &[&'static str], inputs: usize, body: impl Fn(&str)) {
    drive(subject, &texts(corpus), inputs, |bytes| body(&String::from_utf8_lossy(bytes)));
}

#[test]
fn descriptions() {
    drive_text("descriptions", &[OFFER], 3_000, bellbird_media::fuzz::description);
}

#[test]
fn candidates() {
    let corpus = [
        "candidate:1467250027 1 udp 2122260223 192.0.2.1 46243 typ host generation 0 ufrag hAbC network-id 1",
        "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.0.2.1 rport 46154",
        "candidate:1 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active",
        "candidate:1 1 udp 1 4b1e9c2a-0000-4000-8000-000000000000.local 9 typ host",
        "",
    ];
    drive_text("candidates", &corpus, 20_000, bellbird_media::fuzz::candidate);
}

#[test]
fn packets() {
    // RTP with an audio level and an Opus payload; a sender report with a receiver block; a receiver report; NACK.
    const RTP: &[u8] = b"\x1b\x90\x6f\x00\x01\x00\x00\x03\xc0\xde\xad\xbe\xef\xbe\xde\x00\x01\x10\x8a\x00\x00\xfc\xff\xfe\x01\x02\x03\x04";
    const REPORTS: &[u8] = b"\x34\x81\xc8\x00\x0c\xde\xad\xbe\xef\xe8\x00\x00\x00\x80\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x0a\
\x00\x00\x04\x00\x00\x00\x00\x0c\x05\x00\x00\x01\x00\x00\x00\x10\x00\x00\x00\x20\x12\x34\x56\x78\x00\x01\x00\x00\
\x08\x80\xc9\x00\x01\xde\xad\xbe\xef\
\x10\x81\xcd\x00\x03\xde\xad\xbe\xef\x00\x00\x00\x0c\x00\x01\x00\x03";
    drive("packets", &[RTP, REPORTS], 20_000, bellbird_media::fuzz::packets);
}

#[test]
fn jitter_buffer_operations() {
    // Twenty packets in order, 20 ms apart, each of one Opus frame of silence.
    let steps: Vec<u8> = (0..20_u32)
        .flat_map(|n| {
            let mut step = (n as u16).to_be_bytes().to_vec();
            step.extend((n * 960).to_be_bytes());
            step.extend([3, 20, 0xf8, 0xff, 0xfe]);
            step
        })
        .collect();
    let wrapping: Vec<u8> = (0..20_u32)
        .flat_map(|n| {
            let mut step = (n as u16).wrapping_sub(10).to_be_bytes().to_vec();
            step.extend(n.wrapping_sub(10).wrapping_mul(960).to_be_bytes());
            step.extend([0, 30]);
            step
        })
        .collect();
    drive("jitter_buffer_operations", &[&steps, &wrapping], 2_000, bellbird_media::fuzz::jitter_buffer);
}

#[test]
fn signaling() {
    let pull = r#"{"ocs":{"meta":{"status":"ok","statuscode":200,"message":"OK"},"data":[
        {"type":"message","data":"{\"to\":\"a\",\"from\":\"b\",\"type\":\"offer\",\"roomType\":\"video\",\"sid\":\"1\",\"payload\":{\"type\":\"offer\",\"sdp\":\"v=0\",\"nick\":\"N\"}}"},
        {"type":"usersInRoom","data":[{"userId":"b","actorType":"users","actorId":"b","roomId":4,"lastPing":1,"sessionId":"s","inCall":3,"participantPermissions":254}]}]}}"#;
    drive_text(
        "pull items",
        &[pull, r#"{"type":"usersInRoom","data":[]}"#],
        10_000,
        bellbird_talk_wire::fuzz::pull,
    );
    let messages = [
        r#"{"to":"a","from":"b","type":"candidate","roomType":"video","sid":"1","payload":{"candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0","sdpMLineIndex":0}}}"#,
        r#"{"to":"a","from":"b","type":"mute","roomType":"video","payload":{"name":"audio"}}"#,
        r#"{"to":"a","from":"b","type":"control","payload":{"action":"forceMute","peerId":"a"}}"#,
        r#"{"to":"a","from":"b","type":"declined"}"#,
        r#"{"type":"nickChanged","payload":{"name":"N","userid":"u"}}"#,
        r#"{"type":"audioOn"}"#,
        r#"{"messages":"[{\"ev\":\"message\",\"fn\":\"{}\",\"sessionId\":\"s\"}]"}"#,
    ];
    drive_text("peer messages", &messages, 20_000, bellbird_talk_wire::fuzz::peer_message);
    let answers = [
        r#"{"ocs":{"meta":{},"data":[{"token":"abc","type":1,"displayName":"B","hasCall":true,"callFlag":3,"participantFlags":[]}]}}"#,
        r#"{"ocs":{"meta":{},"data":[{"notification_id":1,"app":"spreed","object_type":"call","object_id":"abc","subjectRichParameters":{"user":{"type":"user","id":"b","name":"B"}}}]}}"#,
        r#"{"ocs":{"meta":{},"data":{"signalingMode":"internal","stunservers":[{"urls":["stun:h:1"]}],"turnservers":[]}}}"#,
    ];
    drive_text("answers", &answers, 10_000, bellbird_talk_wire::fuzz::answer);
}

#[test]
fn client_orders() {
    let frames = [
        r#"bellbird-client {"clientId":"cowork-1","idleMs":5,"openChannel":"x","call":{"channelId":"x","connections":[{"media":"camera","muted":true,"silent":false,"video":true,"handUp":false}]}}"#,
        "bellbird-client null",
        r#"bellbird-order {"id":1,"order":{"type":"join","channel":"x","kind":"screen"}}"#,
        r#"bellbird-order {"id":2,"order":{"type":"setAudio","muted":true}}"#,
        r#"bellbird-answer {"id":1,"connections":[{"media":"screen0"}]}"#,
        r#"bellbird-answer {"id":1,"refusal":{"code":"forbidden","text":"no"}}"#,
    ];
    drive_text("orders to clients", &frames, 20_000, bellbird_talk_wire::fuzz::client_order);
}

#[test]
fn signaling_server() {
    let frames = [
        r#"{"type":"welcome","welcome":{"features":["hello-v2"],"version":"1.2.4"}}"#,
        r#"{"id":"b1","type":"hello","hello":{"version":"2.0","sessionid":"me","resumeid":"r","server":{"features":["mcu"]}}}"#,
        r#"{"id":"b2","type":"room","room":{"roomid":"room","properties":{}}}"#,
        r#"{"type":"event","event":{"target":"room","type":"join","join":[{"sessionid":"b","userid":"bob","user":{"displayname":"B"},"roomsessionid":"n"}]}}"#,
        r#"{"type":"event","event":{"target":"participants","type":"update","update":{"roomid":"room","users":[{"sessionId":"b","inCall":7,"participantPermissions":254}]}}}"#,
        r#"{"type":"message","message":{"sender":{"type":"session","sessionid":"b"},"data":{"type":"offer","roomType":"video","sid":"9","payload":{"type":"offer","sdp":"v=0"}}}}"#,
        r#"{"type":"message","message":{"sender":{"type":"session","sessionid":"b"},"data":{"type":"candidate","sid":"9","payload":{"candidate":{"candidate":"candidate:1","sdpMid":"","sdpMLineIndex":0}}}}}"#,
        r#"{"id":"m1","type":"error","error":{"code":"not_allowed","message":"no"}}"#,
        r#"{"type":"bye","bye":{"reason":"hello_timeout"}}"#,
    ];
    let session: &'static str = frames.join("\n").leak();
    drive_text("signaling frames", &frames, 20_000, bellbird_talk_wire::fuzz::signaling_frame);
    drive_text("signaling sessions", &[session], 3_000, bellbird_talk::fuzz::signaling_session);
}

#[test]
fn control_frames() {
    let corpus = [
        r#"{"frame":"hello","token":"t"}"#,
        r#"{"frame":"command","id":7,"command":{"command":"make_call","account":null,"contact":"bob","media":"voice"}}"#,
        r#"{"frame":"command","id":8,"command":{"command":"sign_in","server":"s","login_name":"l","password":"p"}}"#,
        r#"{"frame":"reply","id":7,"outcome":{"outcome":"done","reply":{"reply":"call","call":"1"}}}"#,
    ];
    drive_text("control frames", &corpus, 20_000, bellbird_contract::fuzz::frame);
}

#[test]
fn invitation_links() {
    let corpus = [
        "https://192.0.2.1:8443/invite/abcdef#fp=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "http://127.0.0.1:8090/invite/abcdef",
        "https://[2001:db8::1]/base/invite/x/",
    ];
    drive_text("invitation links", &corpus, 20_000, bellbird_talk::fuzz::invitation_link);
}
