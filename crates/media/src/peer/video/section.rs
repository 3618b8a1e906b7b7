//! The video section of a description (RFC 8866, RFC 9429): a peer's read, ours written.
//!
//! Of a peer's section only numbers and known words are kept, and ours is written from those and from what we can do.

use std::fmt::Write as _;

use bellbird_call::{Link, LinkDirection, LinkSource};
use bellbird_video::VideoCodec;
use bytes::Bytes;

use super::VideoAgreement;
use super::inbound::{PayloadUse, ReceiveAgreement};
use super::outbound::{ExtensionIds, LayerStreams, MAX_LAYERS, RIDS, SendAgreement};
use crate::peer::sdp::{Flow, attribute, attributes, is_direction};

const TRANSPORT_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// The identifiers we offer extensions under, if sound does not use them; browsers use the same.
const OFFERED_IDS: [(&str, u8); 4] =
    [(TRANSPORT_URI, 3), (MID_URI, 4), (RID_URI, 10), (REPAIRED_RID_URI, 11)];
/// The highest identifier of the one-byte form (RFC 8285 section 4.2).
const MAX_ID: u8 = 14;
/// How H.264 is offered: constrained baseline, level 3.1, fragments allowed (RFC 6184 section 8.1).
const H264_PROFILE: &str = "42e01f";
/// The most streams read from a section.
const MAX_REPAIRS: usize = 8;

/// What a peer does about losses and rates (RFC 4585 section 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Feedback {
    nack: bool,
    picture_loss: bool,
    full_intra: bool,
    transport: bool,
    estimate: bool,
}

impl Feedback {
    const ALL: Self =
        Self { nack: true, picture_loss: true, full_intra: true, transport: true, estimate: true };

    fn lines(self) -> impl Iterator<Item = &'static str> {
        [
            (self.estimate, "goog-remb"),
            (self.transport, "transport-cc"),
            (self.full_intra, "ccm fir"),
            (self.nack, "nack"),
            (self.picture_loss, "nack pli"),
        ]
        .into_iter()
        .filter_map(|(has, line)| has.then_some(line))
    }
}

/// One codec of a section, with its numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
struct CodecLine {
    codec: VideoCodec,
    payload_type: u8,
    rtx: Option<u8>,
    /// Of H.264: profile and constraints, four hexadecimal digits.
    profile: Option<String>,
    feedback: Feedback,
}

impl CodecLine {
    fn parameters(&self) -> Option<String> {
        match self.codec {
            VideoCodec::Vp8 => None,
            VideoCodec::Vp9 => Some("profile-id=0".to_owned()),
            VideoCodec::H264 => {
                // The level is each side's own (RFC 6184 section 8.2.2), the profile has to be the same.
                let profile = self.profile.as_deref().unwrap_or(&H264_PROFILE[..4]);
                Some(format!(
                    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}{}",
                    &H264_PROFILE[4..]
                ))
            }
        }
    }
}

/// What a peer's video section says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::peer) struct RemoteVideo {
    /// In the peer's order, each codec once.
    codecs: Vec<CodecLine>,
    extensions: ExtensionIds,
    flow: Flow,
    /// How many of [`RIDS`], from the highest on, it takes.
    layers: usize,
    repairs: Vec<(u32, u32)>,
}

impl RemoteVideo {
    /// Reads a section whose payload types may not be among `taken`. `None` when it has no codec of ours.
    pub(in crate::peer) fn read(section: &[&str], session: &[&str], taken: &[u8]) -> Option<Self> {
        let mut codecs: Vec<CodecLine> = Vec::new();
        let mut numbers: Vec<u8> = taken.to_vec();
        // The order of preference is that of the `m=` line.
        let formats = section.first()?.split_ascii_whitespace().skip(3).take(64);
        for payload_type in formats.filter_map(read_payload_type) {
            let Some(line) = read_codec(section, payload_type) else { continue };
            if numbers.contains(&payload_type) {
                continue;
            }
            match codecs.iter_mut().find(|known| known.codec == line.codec) {
                None => {
                    numbers.push(payload_type);
                    codecs.push(line);
                }
                // Of several kinds of H.264 the one that every browser decodes.
                Some(known) if is_better(&line, known) => {
                    numbers.push(payload_type);
                    *known = line;
                }
                Some(_) => {}
            }
        }
        for line in &mut codecs {
            line.rtx = read_repetition(section, line.payload_type).filter(|rtx| !numbers.contains(rtx));
            numbers.extend(line.rtx);
        }
        (!codecs.is_empty()).then(|| Self {
            codecs,
            extensions: read_extensions(section),
            flow: Flow::of(section, session),
            layers: read_layers(section),
            repairs: read_repairs(section),
        })
    }

    /// Takes away an extension under an identifier that means something else in the same bundle.
    pub(in crate::peer) fn without_extension(&mut self, id: u8) {
        let ExtensionIds { transport, mid, rid, repaired_rid } = &mut self.extensions;
        for extension in [transport, mid, rid, repaired_rid] {
            *extension = extension.filter(|own| *own != id);
        }
    }

    /// A payload type for the section the library gets to see, which nothing of the peer's uses.
    pub(in crate::peer) fn stand_in(opus: Option<u8>) -> u8 {
        if opus == Some(96) { 97 } else { 96 }
    }
}

fn read_payload_type(text: &str) -> Option<u8> {
    // 64 to 95 look like RTCP on the same port (RFC 5761 section 4).
    text.parse().ok().filter(|number| *number < 64 || (96..128).contains(number))
}

/// The value of the first `a=name:number value` line.
fn numbered<'a>(section: &[&'a str], name: &'a str, payload_type: u8) -> impl Iterator<Item = &'a str> {
    section.iter().filter_map(move |line| {
        let (number, value) =
            line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')?.split_once(' ')?;
        (number.parse() == Ok(payload_type)).then_some(value.trim())
    })
}

fn read_codec(section: &[&str], payload_type: u8) -> Option<CodecLine> {
    let mut encoding = numbered(section, "rtpmap", payload_type).next()?.split('/');
    let name = encoding.next()?.to_ascii_uppercase();
    if encoding.next()?.trim().parse() != Ok(90_000u32) {
        return None;
    }
    let parameter = |wanted: &str| {
        numbered(section, "fmtp", payload_type).flat_map(|text| text.split(';')).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
        })
    };
    let (codec, profile) = match name.as_str() {
        "VP8" => (VideoCodec::Vp8, None),
        "VP9" if parameter("profile-id").is_none_or(|profile| profile == "0") => (VideoCodec::Vp9, None),
        "H264" => {
            let profile = parameter("profile-level-id")?;
            let is_baseline = profile.len() == 6
                && profile.starts_with("42")
                && profile.bytes().all(|byte| byte.is_ascii_hexdigit());
            let fits = is_baseline && parameter("packetization-mode").as_deref() == Some("1");
            (VideoCodec::H264, Some(fits.then(|| profile[..4].to_owned())?))
        }
        _ => return None,
    };
    let mut feedback = Feedback::default();
    let all = section.iter().filter_map(|line| line.strip_prefix("a=rtcp-fb:* "));
    for text in numbered(section, "rtcp-fb", payload_type).chain(all.map(str::trim)).take(32) {
        match text {
            "nack" => feedback.nack = true,
            "nack pli" => feedback.picture_loss = true,
            "ccm fir" => feedback.full_intra = true,
            "transport-cc" => feedback.transport = true,
            "goog-remb" => feedback.estimate = true,
            _ => {}
        }
    }
    Some(CodecLine { codec, payload_type, rtx: None, profile, feedback })
}

/// The payload type that repeats another (RFC 4588 section 8.6).
fn read_repetition(section: &[&str], repeated: u8) -> Option<u8> {
    attributes(section, "rtpmap").find_map(|text| {
        let (number, encoding) = text.split_once(' ')?;
        let number = read_payload_type(number)?;
        let is_rtx = encoding.trim().eq_ignore_ascii_case("rtx/90000");
        let apt = numbered(section, "fmtp", number)
            .flat_map(|text| text.split(';'))
            .find_map(|part| part.trim().strip_prefix("apt=")?.trim().parse::<u8>().ok());
        (is_rtx && apt == Some(repeated)).then_some(number)
    })
}

fn is_better(line: &CodecLine, known: &CodecLine) -> bool {
    let is_constrained = |line: &CodecLine| line.profile.as_deref() == Some(&H264_PROFILE[..4]);
    is_constrained(line) && !is_constrained(known)
}

fn read_extensions(section: &[&str]) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    let mut seen = Vec::new();
    for text in attributes(section, "extmap").take(64) {
        let mut words = text.split_ascii_whitespace();
        let Some(id) = words.next().and_then(|word| word.split('/').next()?.parse::<u8>().ok()) else {
            continue;
        };
        // One identifier, one meaning.
        if !(1..=MAX_ID).contains(&id) || seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let slot = match words.next() {
            Some(TRANSPORT_URI) => &mut ids.transport,
            Some(MID_URI) => &mut ids.mid,
            Some(RID_URI) => &mut ids.rid,
            Some(REPAIRED_RID_URI) => &mut ids.repaired_rid,
            _ => continue,
        };
        slot.get_or_insert(id);
    }
    ids
}

/// How many of our layers a peer takes (RFC 8853): those it names and does not pause, from the highest on.
fn read_layers(section: &[&str]) -> usize {
    let Some(simulcast) = attribute(section, "simulcast") else { return 0 };
    let mut words = simulcast.split_ascii_whitespace();
    let mut list = "";
    while let (Some(direction), Some(streams)) = (words.next(), words.next()) {
        if direction == "recv" {
            list = streams;
        }
    }
    let takes = |rid: &&str| list.split([';', ',']).take(16).any(|named| named == *rid);
    RIDS.iter().take_while(|rid| takes(rid)).count()
}

/// Which streams repeat which (RFC 5576 section 4.2, RFC 4588 section 8.3).
fn read_repairs(section: &[&str]) -> Vec<(u32, u32)> {
    attributes(section, "ssrc-group")
        .filter_map(|text| {
            let mut words = text.strip_prefix("FID ")?.split_ascii_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .take(MAX_REPAIRS)
        .collect()
}

/// What we say about pictures on one link, and what we said last.
#[derive(Clone, Debug)]
pub(in crate::peer) struct VideoTerms {
    source: LinkSource,
    /// How we want pictures to flow.
    pub(in crate::peer) wanted: Flow,
    simulcast: bool,
    /// The name of the media stream that sound and pictures of a person belong to.
    stream: String,
    streams: [LayerStreams; MAX_LAYERS],
    said: Option<Said>,
}

/// The numbers of our last description. They stay the same for as long as the link lives.
#[derive(Clone, Debug)]
struct Said {
    codecs: Vec<CodecLine>,
    extensions: ExtensionIds,
    simulcast: bool,
    is_answer: bool,
}

impl VideoTerms {
    /// The terms of `link`. `stream` names the person's stream in descriptions and in RTCP.
    pub(in crate::peer) fn new(link: &Link, stream: String, streams: [LayerStreams; MAX_LAYERS]) -> Self {
        let wanted = match link.direction {
            LinkDirection::SendReceive => Flow { send: link.may_send.video, receive: true },
            LinkDirection::SendOnly => Flow { send: link.may_send.video, receive: false },
            LinkDirection::ReceiveOnly => Flow { send: false, receive: true },
        };
        let simulcast = match link.source {
            LinkSource::Person => link.simulcast && wanted.send && !wanted.receive,
            LinkSource::Screen => false,
        };
        Self { source: link.source, wanted, simulcast, stream, streams, said: None }
    }

    /// Our codecs, the one we like best first.
    fn preference(&self) -> [VideoCodec; 3] {
        match self.source {
            LinkSource::Person => [VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9],
            LinkSource::Screen => [VideoCodec::Vp9, VideoCodec::Vp8, VideoCodec::H264],
        }
    }

    /// Writes the section of an offer around the library's lines for it. `taken` are identifiers of extensions that
    /// sound uses.
    pub(in crate::peer) fn write_offer(&mut self, text: &mut String, library: &[&str], taken: &[u8]) {
        let (codecs, extensions) = match &self.said {
            Some(said) => (said.codecs.clone(), said.extensions),
            None => (self.preference().map(offered).into(), offered_extensions(taken)),
        };
        self.write(text, library, self.wanted, &codecs, extensions, self.simulcast);
        let simulcast = self.simulcast;
        self.said = Some(Said { codecs, extensions, simulcast, is_answer: false });
    }

    /// Writes the section of an answer to `remote` around the library's lines for it.
    pub(in crate::peer) fn write_answer(
        &mut self,
        text: &mut String,
        library: &[&str],
        remote: &RemoteVideo,
    ) {
        let mut codecs = remote.codecs.clone();
        codecs.sort_by_key(|line| self.preference().iter().position(|codec| *codec == line.codec));
        let flow = remote.flow.answered_with(self.wanted);
        self.write(text, library, flow, &codecs, remote.extensions, false);
        self.said = Some(Said { codecs, extensions: remote.extensions, simulcast: false, is_answer: true });
    }

    fn write(
        &self,
        text: &mut String,
        library: &[&str],
        flow: Flow,
        codecs: &[CodecLine],
        extensions: ExtensionIds,
        simulcast: bool,
    ) {
        text.push_str("m=video 9 UDP/TLS/RTP/SAVPF");
        for line in codecs {
            let _ = write!(text, " {}", line.payload_type);
            if let Some(rtx) = line.rtx {
                let _ = write!(text, " {rtx}");
            }
        }
        text.push_str("\r\n");
        for line in library.iter().skip(1).filter(|line| is_transport(line)) {
            let _ = write!(text, "{line}\r\n");
        }
        let ExtensionIds { transport, mid, rid, repaired_rid } = extensions;
        let named =
            [(transport, TRANSPORT_URI), (mid, MID_URI), (rid, RID_URI), (repaired_rid, REPAIRED_RID_URI)];
        for (id, uri) in named {
            if let Some(id) = id {
                let _ = write!(text, "a=extmap:{id} {uri}\r\n");
            }
        }
        for line in codecs {
            let number = line.payload_type;
            let name = match line.codec {
                VideoCodec::Vp8 => "VP8",
                VideoCodec::Vp9 => "VP9",
                VideoCodec::H264 => "H264",
            };
            let _ = write!(text, "a=rtpmap:{number} {name}/90000\r\n");
            for feedback in line.feedback.lines() {
                let _ = write!(text, "a=rtcp-fb:{number} {feedback}\r\n");
            }
            if let Some(parameters) = line.parameters() {
                let _ = write!(text, "a=fmtp:{number} {parameters}\r\n");
            }
            if let Some(rtx) = line.rtx {
                let _ = write!(text, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={number}\r\n");
            }
        }
        let _ = write!(text, "a={}\r\n", flow.name());
        if flow.send {
            self.write_streams(text, codecs.iter().any(|line| line.rtx.is_some()), simulcast);
        }
    }

    fn write_streams(&self, text: &mut String, repeats: bool, simulcast: bool) {
        let stream = &self.stream;
        let track = match self.source {
            LinkSource::Person => "camera",
            LinkSource::Screen => "screen",
        };
        let _ = write!(text, "a=msid:{stream} {track}\r\n");
        if simulcast {
            for rid in RIDS {
                let _ = write!(text, "a=rid:{rid} send\r\n");
            }
            let _ = write!(text, "a=simulcast:send {}\r\n", RIDS.join(";"));
            return;
        }
        let LayerStreams { media, rtx } = self.streams[0];
        if repeats {
            let _ = write!(text, "a=ssrc-group:FID {media} {rtx}\r\n");
        }
        for ssrc in [Some(media), repeats.then_some(rtx)].into_iter().flatten() {
            let _ = write!(text, "a=ssrc:{ssrc} cname:{stream}\r\na=ssrc:{ssrc} msid:{stream} {track}\r\n");
        }
    }

    /// What was agreed once `remote` answers our offer, or was answered by us: in words for the engine, and how to write
    /// and read packets. `None` where the peer has no section for pictures.
    pub(in crate::peer) fn agreed(
        &self,
        remote: Option<(&RemoteVideo, &str)>,
    ) -> (Option<VideoAgreement>, Option<SendAgreement>, ReceiveAgreement) {
        let nothing = (None, None, ReceiveAgreement::default());
        let (Some((remote, mid)), Some(said)) = (remote, &self.said) else { return nothing };
        let flow = remote.flow.answered_with(self.wanted);
        // Who answers has the last word on the order; what we would answer is our own order.
        let order = if said.is_answer { &said.codecs } else { &remote.codecs };
        let is_said = |line: &&CodecLine| said.codecs.iter().any(|own| own.codec == line.codec);
        let Some(chosen) = order.iter().find(is_said) else { return nothing };
        let named = said.simulcast && remote.layers > 0 && remote.extensions.rid.is_some();
        let layers = if named { remote.layers } else { 1 };
        let send = flow.send.then(|| SendAgreement {
            payload_type: chosen.payload_type,
            rtx: chosen.rtx,
            extensions: ExtensionIds {
                // Without feedback the numbers are of no use.
                transport: remote.extensions.transport.filter(|_| chosen.feedback.transport),
                ..remote.extensions
            },
            mid: Bytes::copy_from_slice(mid.as_bytes()),
            layers,
            named,
        });
        let mut payload_types = Vec::new();
        for line in &said.codecs {
            payload_types.push((line.payload_type, PayloadUse::Media(line.codec)));
            payload_types.extend(line.rtx.map(|rtx| (rtx, PayloadUse::Repetition(line.codec))));
        }
        let transport = said.extensions.transport.filter(|_| chosen.feedback.transport);
        let receive = ReceiveAgreement {
            admitted: flow.receive,
            payload_types,
            extensions: ExtensionIds { transport, ..said.extensions },
            repairs: remote.repairs.clone(),
            repeats: chosen.feedback.nack,
            full_intra: chosen.feedback.full_intra && !chosen.feedback.picture_loss,
        };
        let agreement =
            VideoAgreement { codec: chosen.codec, send: flow.send, receive: flow.receive, layers };
        (Some(agreement), send, receive)
    }
}

/// A codec as we offer it.
fn offered(codec: VideoCodec) -> CodecLine {
    let (payload_type, rtx) = match codec {
        VideoCodec::Vp8 => (96, 97),
        VideoCodec::Vp9 => (98, 99),
        VideoCodec::H264 => (102, 103),
    };
    CodecLine { codec, payload_type, rtx: Some(rtx), profile: None, feedback: Feedback::ALL }
}

/// Identifiers for our extensions that are not `taken`.
fn offered_extensions(taken: &[u8]) -> ExtensionIds {
    let mut used = taken.to_vec();
    let mut id_of = |uri: &str| {
        let usual = OFFERED_IDS.iter().find(|(known, _)| *known == uri).map(|(_, id)| *id);
        let id = usual.into_iter().chain(1..=MAX_ID).find(|id| {
            let is_anothers = usual != Some(*id) && OFFERED_IDS.iter().any(|(_, other)| other == id);
            !used.contains(id) && !is_anothers
        })?;
        used.push(id);
        Some(id)
    };
    ExtensionIds {
        transport: id_of(TRANSPORT_URI),
        mid: id_of(MID_URI),
        rid: id_of(RID_URI),
        repaired_rid: id_of(REPAIRED_RID_URI),
    }
}

/// Whether a line of the library's section is about the transport, and not about what flows on it.
fn is_transport(line: &str) -> bool {
    const OURS: [&str; 11] = [
        "a=rtpmap:",
        "a=fmtp:",
        "a=rtcp-fb:",
        "a=extmap:",
        "a=msid:",
        "a=ssrc:",
        "a=ssrc-group:",
        "a=rid:",
        "a=simulcast:",
        "a=candidate:",
        "a=end-of-candidates",
    ];
    !is_direction(line) && !OURS.iter().any(|prefix| line.starts_with(prefix))
}

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
