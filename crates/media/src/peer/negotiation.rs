//! Offers and answers (RFC 3264, RFC 9429): what a peer's description means to us, and what the library gets to see.
//!
//! A peer's text never reaches the library. It is read into a [`RemoteDescription`], which holds all we understand of
//! it and nothing else, and the library is given a description written anew from that. So whatever a peer writes,
//! the library meets only lines of our own making: one audio section with Opus, one video section, one data section.
//! In the other direction the library's description is completed before a peer sees it: the ways media flow, which the
//! library does not get to decide, the video section, of which it knows nothing but that there is one, and the
//! sections it was not shown.

use std::fmt::Write as _;

use bellbird_call::SessionDescription;
use bellbird_call::ports::Problem;

use super::candidates::Candidate;
use super::connection::TransportSection;
use super::sdp::{Flow, Lines, attribute, attributes, bad, has_flag, is_direction};
use super::video::{RemoteVideo, VideoTerms};

/// The payload type we offer Opus with; browsers use the same.
pub(super) const OFFERED_OPUS: u8 = 111;
/// The payload type of the codec the library believes to be in the video section.
pub(super) const STAND_IN_VP8: u8 = 96;
/// How we want to be sent Opus (RFC 7587 section 6.1): with in-band FEC, and nothing while nobody speaks.
pub(super) const OPUS_PARAMETERS: &str = "minptime=10;useinbandfec=1;usedtx=1";
/// The header extension with a packet's loudness (RFC 6464).
pub(super) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// The most candidates taken from one description.
const MAX_CANDIDATES: usize = 32;

/// What a media section is to us.
#[derive(Clone, PartialEq, Eq, Debug)]
enum SectionUse {
    Audio {
        opus: u8,
        level_extension: Option<u8>,
        flow: Flow,
    },
    Video(Box<RemoteVideo>),
    Data {
        sctp_port: u16,
        max_message: u32,
    },
    /// Not accepted by us, or not by the peer.
    Rejected,
}

/// One media section of a peer's description.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Section {
    mid: String,
    /// The first three words of its `m=` line but the port, for a rejection: kind, protocol, first format.
    kind: String,
    protocol: String,
    format: String,
    used: SectionUse,
}

/// What we understand of a peer's description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RemoteDescription {
    sections: Vec<Section>,
    is_answer: bool,
    ufrag: String,
    password: String,
    ice_lite: bool,
    fingerprint: String,
    setup: &'static str,
    /// The section whose transport all share.
    pub(super) transport: TransportSection,
    /// The candidates it carries, for the caller to add after it was applied.
    pub(super) candidates: Vec<Candidate>,
}

/// What we want of a link's media, and how we say it.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) audio: Flow,
    pub(super) video: VideoTerms,
}

/// What was agreed about sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct AudioAgreement {
    /// The payload type to send Opus with.
    pub(super) payload_type: u8,
    /// The identifier to send the audio level under, if the peer takes it.
    pub(super) level_extension: Option<u8>,
    /// Whether the peer takes our sound.
    pub(super) send: bool,
    /// Whether the peer may send sound.
    pub(super) receive: bool,
}

impl RemoteDescription {
    /// Reads a peer's description.
    ///
    /// # Errors
    /// `bad-description` when it is not one, or lacks what every description for us has: identification tags
    /// (RFC 9143), ICE credentials, a fingerprint, a DTLS role.
    pub(super) fn read(description: &SessionDescription) -> Result<Self, Problem> {
        let lines = Lines::cut(description.sdp())?;
        let is_answer = matches!(description, SessionDescription::Answer(_));
        let mut sections: Vec<Section> = Vec::with_capacity(lines.media.len());
        let mut transport: Option<(usize, &[&str])> = None;
        let mut candidates = Vec::new();
        for lines_of_section in &lines.media {
            let section = read_section(lines_of_section, &lines.session, &sections)?;
            if transport.is_none() && section.used != SectionUse::Rejected {
                transport = Some((sections.len(), lines_of_section));
            }
            for text in attributes(lines_of_section, "candidate") {
                if candidates.len() < MAX_CANDIDATES
                    && let Some(candidate) = Candidate::read(text)
                    && !candidates.contains(&candidate)
                {
                    candidates.push(candidate);
                }
            }
            sections.push(section);
        }
        let (index, transport) =
            transport.ok_or_else(|| bad("the description has nothing we could take part in"))?;
        let find = |name| attribute(transport, name).or_else(|| attribute(&lines.session, name));

        let ufrag =
            find("ice-ufrag").filter(|text| is_ice_text(text, 4)).ok_or_else(|| bad("no ICE credentials"))?;
        let password =
            find("ice-pwd").filter(|text| is_ice_text(text, 22)).ok_or_else(|| bad("no ICE credentials"))?;
        let fingerprint = attributes(transport, "fingerprint")
            .chain(attributes(&lines.session, "fingerprint"))
            .find_map(read_fingerprint)
            .ok_or_else(|| bad("no usable certificate fingerprint"))?;
        let setup = match (find("setup"), is_answer) {
            (Some("active"), _) => "active",
            (Some("passive"), _) => "passive",
            (Some("actpass") | None, false) => "actpass",
            _ => return Err(bad("no usable DTLS role")),
        };
        let transport = TransportSection { mid: sections[index].mid.clone(), index: index as u16 };
        // What an identifier means, it means in all sections that share a transport (RFC 8843 section 7.1.3).
        let level = sections.iter().find_map(|section| match section.used {
            SectionUse::Audio { level_extension, .. } => level_extension,
            SectionUse::Video(_) | SectionUse::Data { .. } | SectionUse::Rejected => None,
        });
        for section in &mut sections {
            if let (SectionUse::Video(video), Some(level)) = (&mut section.used, level) {
                video.without_extension(level);
            }
        }
        Ok(Self {
            sections,
            is_answer,
            transport,
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
            ice_lite: has_flag(&lines.session, "ice-lite"),
            fingerprint,
            setup,
            candidates,
        })
    }

    /// The description for the library. `audio` is how we want sound to flow.
    ///
    /// Sound always appears there the way that fits `audio`: the library stops what a peer pauses and never starts it
    /// again, so pausing is kept from it, and so is that a peer turned a section of ours down, which would change the
    /// order of sections in our next offer.
    pub(super) fn for_library(&self, audio: Flow) -> String {
        let mut text = String::with_capacity(2048);
        text.push_str("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for section in self.sections.iter().filter(|section| self.is_shown(section)) {
            let _ = write!(text, " {}", section.mid);
        }
        text.push_str("\r\n");
        if self.ice_lite {
            text.push_str("a=ice-lite\r\n");
        }
        let _ = write!(text, "a=ice-options:trickle\r\na=fingerprint:{}\r\n", self.fingerprint);
        // One that neither side wants stays, and looks as if the peer sent there.
        let audio = if audio == Flow::NONE { Flow { send: false, receive: true } } else { audio };
        let stand_in = RemoteVideo::stand_in(self.opus());
        for section in self.sections.iter().filter(|section| self.is_shown(section)) {
            match &section.used {
                SectionUse::Audio { opus, level_extension, .. } => {
                    self.write_audio(&mut text, section, *opus, audio);
                    if let Some(id) = level_extension {
                        let _ = write!(text, "a=extmap:{id} {AUDIO_LEVEL_URI}\r\n");
                    }
                }
                SectionUse::Data { sctp_port, max_message } => {
                    text.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
                    self.write_transport(&mut text, section);
                    let _ = write!(text, "a=sctp-port:{sctp_port}\r\na=max-message-size:{max_message}\r\n");
                }
                SectionUse::Rejected if section.kind == "audio" => {
                    self.write_audio(&mut text, section, OFFERED_OPUS, audio);
                }
                SectionUse::Video(_) | SectionUse::Rejected => {
                    let _ = write!(text, "m=video 9 UDP/TLS/RTP/SAVPF {stand_in}\r\n");
                    self.write_transport(&mut text, section);
                    let _ = write!(text, "a=rtcp-mux\r\na=rtpmap:{stand_in} VP8/90000\r\na=sendonly\r\n");
                }
            }
        }
        text
    }

    /// Whether the library gets to see a section: those in use, and in an answer those of ours that were turned down.
    fn is_shown(&self, section: &Section) -> bool {
        let is_ours = |kind: &str| {
            // An answer has no two sections of a kind, since our offers have not.
            let first = self.sections.iter().find(|other| other.kind == kind);
            self.is_answer && section.kind == kind && first.is_some_and(|first| first.mid == section.mid)
        };
        match section.used {
            SectionUse::Audio { .. } | SectionUse::Video(_) | SectionUse::Data { .. } => true,
            SectionUse::Rejected => is_ours("audio") || is_ours("video"),
        }
    }

    fn opus(&self) -> Option<u8> {
        self.sections.iter().find_map(|section| match section.used {
            SectionUse::Audio { opus, .. } => Some(opus),
            SectionUse::Video(_) | SectionUse::Data { .. } | SectionUse::Rejected => None,
        })
    }

    fn write_audio(&self, text: &mut String, section: &Section, opus: u8, audio: Flow) {
        let _ = write!(text, "m=audio 9 UDP/TLS/RTP/SAVPF {opus}\r\n");
        self.write_transport(text, section);
        let _ = write!(
            text,
            "a=rtcp-mux\r\na=rtpmap:{opus} opus/48000/2\r\na=fmtp:{opus} {OPUS_PARAMETERS}\r\na={}\r\n",
            audio.mirrored().name()
        );
    }

    fn write_transport(&self, text: &mut String, section: &Section) {
        let _ = write!(
            text,
            "c=IN IP4 0.0.0.0\r\na=mid:{}\r\na=setup:{}\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            section.mid, self.setup, self.ufrag, self.password
        );
    }

    /// The ICE credentials.
    pub(super) fn credentials(&self) -> (String, String) {
        (self.ufrag.clone(), self.password.clone())
    }

    /// What it says about sound, given how we want it to flow; `None` when it has no sound for us.
    pub(super) fn audio(&self, wanted: Flow) -> Option<AudioAgreement> {
        self.sections.iter().find_map(|section| match section.used {
            SectionUse::Audio { opus, level_extension, flow } => {
                let flow = flow.answered_with(wanted);
                Some(AudioAgreement {
                    payload_type: opus,
                    level_extension,
                    send: flow.send,
                    receive: flow.receive,
                })
            }
            SectionUse::Video(_) | SectionUse::Data { .. } | SectionUse::Rejected => None,
        })
    }

    /// What it says about pictures, and its section's tag.
    pub(super) fn video(&self) -> Option<(&RemoteVideo, &str)> {
        self.sections.iter().find_map(|section| match &section.used {
            SectionUse::Video(video) => Some((video.as_ref(), section.mid.as_str())),
            SectionUse::Audio { .. } | SectionUse::Data { .. } | SectionUse::Rejected => None,
        })
    }

    /// Our answer for the peer, from the library's.
    ///
    /// # Errors
    /// `bad-description` when the library's answer is not one, which would be a defect.
    pub(super) fn complete_answer(&self, library: &str, terms: &mut Terms) -> Result<String, Problem> {
        let ours = Lines::cut(library)?;
        let mut text = String::with_capacity(library.len() + 256);
        write_session(&mut text, &ours.session);
        for section in &self.sections {
            let answered = ours.media.iter().find(|lines| attribute(lines, "mid") == Some(&section.mid));
            let accepted = answered.filter(|lines| !is_rejected(lines));
            match (&section.used, accepted) {
                (SectionUse::Audio { flow, .. }, Some(lines)) => {
                    write_section(&mut text, lines, Some(flow.answered_with(terms.audio)));
                }
                (SectionUse::Video(video), Some(lines)) => {
                    terms.video.write_answer(&mut text, lines, video);
                }
                (SectionUse::Data { .. }, Some(lines)) => write_section(&mut text, lines, None),
                (SectionUse::Rejected, _) | (_, None) => write_rejection(&mut text, section),
            }
        }
        Ok(text)
    }
}

/// Our offer for the peer, from the library's, and the section whose transport all share.
///
/// # Errors
/// `bad-description` when the library's offer is not one, which would be a defect.
pub(super) fn complete_offer(
    library: &str,
    terms: &mut Terms,
) -> Result<(String, TransportSection), Problem> {
    let ours = Lines::cut(library)?;
    let mid =
        ours.media.first().and_then(|lines| attribute(lines, "mid")).ok_or_else(|| bad("an empty offer"))?;
    let transport = TransportSection { mid: mid.to_owned(), index: 0 };
    let mut text = String::with_capacity(library.len() + 256);
    write_session(&mut text, &ours.session);
    let taken: Vec<u8> = ours.media.iter().filter_map(|lines| level_extension(lines)).collect();
    for lines in &ours.media {
        match lines.first() {
            Some(line) if line.starts_with("m=audio ") => write_section(&mut text, lines, Some(terms.audio)),
            Some(line) if line.starts_with("m=video ") => terms.video.write_offer(&mut text, lines, &taken),
            _ => write_section(&mut text, lines, None),
        }
    }
    Ok((text, transport))
}

fn write_session(text: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = write!(text, "{line}\r\n");
    }
    if attribute(lines, "ice-options").is_none() {
        text.push_str("a=ice-options:trickle\r\n");
    }
}

/// Writes a section of the library's, with our word on the flow. Candidates are left out: they are told one by one.
fn write_section(text: &mut String, lines: &[&str], flow: Option<Flow>) {
    for line in lines {
        let told_apart = line.starts_with("a=candidate:") || *line == "a=end-of-candidates";
        if told_apart || (flow.is_some() && is_direction(line)) {
            continue;
        }
        let _ = write!(text, "{line}\r\n");
    }
    if let Some(flow) = flow {
        let _ = write!(text, "a={}\r\n", flow.name());
    }
}

/// Whether a section is turned down (RFC 3264 section 6).
fn is_rejected(lines: &[&str]) -> bool {
    lines.first().and_then(|line| line.split_ascii_whitespace().nth(1)) == Some("0")
}

fn write_rejection(text: &mut String, section: &Section) {
    let _ = write!(
        text,
        "m={} 0 {} {}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=inactive\r\n",
        section.kind, section.protocol, section.format, section.mid
    );
}

fn read_section(lines: &[&str], session: &[&str], before: &[Section]) -> Result<Section, Problem> {
    let mut words = lines[0].trim_start_matches("m=").split_ascii_whitespace();
    let (Some(kind), Some(port), Some(protocol), Some(format)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("a media line is too short"));
    };
    let mid = attribute(lines, "mid").ok_or_else(|| bad("a media section has no identification tag"))?;
    let is_token = !mid.is_empty() && mid.len() <= 32 && mid.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token || before.iter().any(|section| section.mid == mid) {
        return Err(bad("a media section has no usable identification tag"));
    }
    let accepted = port.split('/').next() != Some("0") || has_flag(lines, "bundle-only");
    let is_first = |wanted: fn(&SectionUse) -> bool| !before.iter().any(|section| wanted(&section.used));
    let used = match kind {
        _ if !accepted => SectionUse::Rejected,
        "audio"
            if protocol.ends_with("SAVPF") && is_first(|used| matches!(used, SectionUse::Audio { .. })) =>
        {
            match payload_type(lines, "opus", 48_000) {
                Some(opus) => SectionUse::Audio {
                    opus,
                    level_extension: level_extension(lines),
                    flow: Flow::of(lines, session),
                },
                None => SectionUse::Rejected,
            }
        }
        "video" if protocol.ends_with("SAVPF") && is_first(|used| matches!(used, SectionUse::Video(_))) => {
            let taken: Vec<u8> = before
                .iter()
                .filter_map(|section| match section.used {
                    SectionUse::Audio { opus, .. } => Some(opus),
                    SectionUse::Video(_) | SectionUse::Data { .. } | SectionUse::Rejected => None,
                })
                .collect();
            match RemoteVideo::read(lines, session, &taken) {
                Some(video) => SectionUse::Video(Box::new(video)),
                None => SectionUse::Rejected,
            }
        }
        "application"
            if protocol.ends_with("DTLS/SCTP")
                && format == "webrtc-datachannel"
                && is_first(|used| matches!(used, SectionUse::Data { .. })) =>
        {
            SectionUse::Data {
                sctp_port: attribute(lines, "sctp-port")
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or(5000),
                max_message: attribute(lines, "max-message-size")
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or(65_536),
            }
        }
        _ => SectionUse::Rejected,
    };
    Ok(Section {
        mid: mid.to_owned(),
        kind: kind.to_owned(),
        protocol: protocol.to_owned(),
        format: format.to_owned(),
        used,
    })
}

/// The payload type of a codec. 64 to 95 are refused: with RTCP on the same port they cannot be told from it
/// (RFC 5761 section 4).
fn payload_type(lines: &[&str], codec: &str, clock_rate: u32) -> Option<u8> {
    attributes(lines, "rtpmap").find_map(|text| {
        let (number, encoding) = text.split_once(' ')?;
        let number: u8 = number.parse().ok().filter(|number| *number < 64 || (96..128).contains(number))?;
        let mut parts = encoding.trim().split('/');
        let named = parts.next()?.eq_ignore_ascii_case(codec);
        let clocked = parts.next()?.parse() == Ok(clock_rate);
        (named && clocked).then_some(number)
    })
}

/// The identifier of the audio level extension, of those a one-byte header can hold (RFC 8285 section 4.2).
fn level_extension(lines: &[&str]) -> Option<u8> {
    attributes(lines, "extmap").find_map(|text| {
        let mut words = text.split_ascii_whitespace();
        let id = words.next()?.split('/').next()?.parse().ok().filter(|id| (1..15).contains(id))?;
        (words.next()? == AUDIO_LEVEL_URI).then_some(id)
    })
}

/// ICE credentials are 4 or 22 to 256 letters, digits, `+` and `/` (RFC 8839 section 5.4). Some write `-` and `_`.
fn is_ice_text(text: &str, least: usize) -> bool {
    (least..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte))
}

/// A fingerprint by a hash that is still good (RFC 8122 section 5), as the library wants it.
fn read_fingerprint(text: &str) -> Option<String> {
    let (hash, value) = text.trim().split_once(' ')?;
    let hash = hash.to_ascii_lowercase();
    let bytes = match hash.as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return None,
    };
    let value = value.trim();
    let pairs = value.split(':');
    let well_formed = pairs.clone().count() == bytes
        && pairs.clone().all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
    well_formed.then(|| format!("{hash} {}", value.to_ascii_uppercase()))
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
