//! One peer connection: a link's negotiation, its transport, and its ends for sound and texts.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{
    IceCandidate, IceServer, Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, SessionDescription,
};
use rtc::crypto::{RTCCryptoProvider, SignatureScheme};
use rtc::peer_connection::certificate::CertificateParams;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use webrtc::data_channel::RTCDataChannelInit;
use webrtc::media_stream::MediaStreamTrack;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection as Library, PeerConnectionBuilder, RTCCertificate, RTCConfigurationBuilder,
    RTCIceCandidateInit, RTCIceServer, RTCSdpType, RTCSessionDescription, Registry, SettingEngine,
    SettingEngineBuilder,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use super::bell::Bell;
use super::candidates::{Candidate, RemoteCandidates};
use super::data_channel::{self, DataChannels};
use super::handler::Handler;
use super::names::Names;
use super::negotiation::{
    AUDIO_LEVEL_URI, OFFERED_OPUS, OPUS_PARAMETERS, RemoteDescription, STAND_IN_VP8, Terms, complete_offer,
};
use super::network::{CatchPanic, Handshake, LinkRuntime, LocalAddresses, Pacing};
use super::rtcp::{LinkFigures, ntp_since_1970};
use super::sdp::Flow;
use super::sender::AudioSender;
use super::tap::{Tap, TapInterceptor};
use super::turn_stream::Tunnels;
use super::video::{
    LayerStreams, ReceiveAgreement, VideoAgreement, VideoEnds, VideoFigures, VideoIdentity, VideoLink,
    VideoRequests, VideoSender, VideoTerms,
};
use super::{NoticeSink, PeerNotice};
use crate::pump::{ReceiveFigures, ReceiverInlet};

/// Time between two connectivity checks of a pair, at the fastest (RFC 8445 section 14.2 allows 5 ms). The DTLS
/// handshake begins one such interval after a path was found.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// How often a pair is tried. With the pacing of [`Pacing`] this lasts longer than [`FAILED_AFTER`] does.
const CHECK_ATTEMPTS: u16 = 2000;
/// How long a relayed path waits for a direct one to be found.
const RELAY_WAIT: Duration = Duration::from_millis(500);
/// No packets for this long: the link counts as disconnected.
const DISCONNECTED_AFTER: Duration = Duration::from_secs(4);
/// Disconnected, or looking for a path, for this much longer: it failed.
const FAILED_AFTER: Duration = Duration::from_secs(21);
/// How often the path is kept open and probed.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// How much unread data a peer may send us on data channels, bytes.
const DATA_WINDOW: u32 = 128 * 1024;
/// How far packets of one stream may overtake one another, packets: a quarter of a second of a large picture.
const REPLAY_WINDOW: usize = 512;
/// How long to wait for an offer that was taken back to come to rest.
const SETTLE_WAIT: Duration = Duration::from_secs(1);
/// How long closing may take before it is given up.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What all links of one call share.
pub(crate) struct PeerFactory {
    handle: Handle,
    crypto: Arc<dyn RTCCryptoProvider>,
    certificate: RTCCertificate,
    names: Names,
    tunnels: Tunnels,
    servers: Vec<RTCIceServer>,
    /// Names our streams in RTCP (RFC 7022: random, one per call).
    cname: String,
    texts: mpsc::Sender<(LinkId, String)>,
}

impl PeerFactory {
    /// Makes the certificate of a call; about a tenth of a millisecond. Texts from data channels go to `texts`.
    ///
    /// # Errors
    /// `internal` when the system has no randomness.
    pub(crate) fn new(handle: Handle, texts: mpsc::Sender<(LinkId, String)>) -> Result<Self, Problem> {
        let crypto = rtc::crypto::default_provider().map_err(internal)?;
        let parameters = CertificateParams::new(Vec::new()).map_err(internal)?;
        let certificate =
            RTCCertificate::generate(crypto.crypto(), SignatureScheme::EcdsaP256Sha256, parameters)
                .map_err(internal)?;
        Ok(Self {
            names: Names::new(handle.clone()),
            tunnels: Tunnels::default(),
            handle,
            crypto,
            certificate,
            servers: Vec::new(),
            cname: format!("{:032x}", rand::random::<u128>()),
            texts,
        })
    }

    /// STUN and TURN for links opened from now on. Names are looked up at once.
    pub(crate) fn set_servers(&mut self, servers: &[IceServer]) {
        self.servers = self.names.usable(servers, &mut self.tunnels);
    }

    /// Makes a connection for `link`. Received sound goes to `inlet`, pictures and what is said of ours to `pictures`.
    ///
    /// # Errors
    /// `internal` when no socket can be opened.
    pub(crate) async fn open(
        &self,
        link: Link,
        inlet: Option<ReceiverInlet>,
        pictures: VideoEnds,
        notices: NoticeSink,
    ) -> Result<PeerConnection, Problem> {
        guarded(self.open_unguarded(link, inlet, pictures, notices)).await
    }

    async fn open_unguarded(
        &self,
        link: Link,
        inlet: Option<ReceiverInlet>,
        pictures: VideoEnds,
        notices: NoticeSink,
    ) -> Result<PeerConnection, Problem> {
        let ssrc = rand::random::<u32>().max(1);
        let identity = video_identity(ssrc);
        let terms = Terms {
            audio: wanted_sound(&link),
            video: VideoTerms::new(&link, self.cname.clone(), identity.streams),
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            self.cname.clone(),
            "microphone".to_owned(),
            "microphone".to_owned(),
            RtpCodecKind::Audio,
            vec![encoding(ssrc)],
        )));
        let sender = Arc::new(AudioSender::new(track.clone(), ssrc));
        let first_sound = {
            let notices = notices.clone();
            move || notices(PeerNotice::FirstSound)
        };
        let first_picture = {
            let notices = notices.clone();
            move || notices(PeerNotice::FirstPicture)
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (now, ntp) = (Instant::now(), ntp_since_1970(since_1970));
        let bell: Arc<Bell> = Arc::default();
        let may_send = terms.video.wanted.send;
        let video = VideoLink::new(
            &identity,
            may_send,
            self.cname.clone(),
            now,
            ntp,
            bell.clone(),
            pictures,
            first_picture,
        );
        let tap = Tap::new(ssrc, self.cname.clone(), (now, ntp), inlet, video.clone(), first_sound);
        let ends = LinkEnds { sender, tap, video, bell, pacing: Arc::new(Pacing::new(Instant::now())) };
        let library = match Box::pin(self.build(&ends, &notices, true)).await {
            Ok(library) => library,
            // The port for names of the local network can be taken by something that does not share it.
            Err(_) => Box::pin(self.build(&ends, &notices, false)).await?,
        };
        if let Some(direction) = transceiver_direction(terms.audio) {
            if terms.audio.send {
                library
                    .add_transceiver_from_track(track, Some(transceiver(direction)))
                    .await
                    .map_err(internal)?;
            } else {
                library
                    .add_transceiver_from_kind(RtpCodecKind::Audio, Some(transceiver(direction)))
                    .await
                    .map_err(internal)?;
            }
        }
        // A media server checks what we may publish by the sections we offer, inactive ones too (talk-signaling
        // section 6.7). Whichever way pictures flow, the library believes that they could come.
        if terms.video.wanted != Flow::NONE {
            library
                .add_transceiver_from_kind(
                    RtpCodecKind::Video,
                    Some(transceiver(RTCRtpTransceiverDirection::Recvonly)),
                )
                .await
                .map_err(internal)?;
        }
        let mut channels =
            DataChannels::new(self.handle.clone(), link.id, notices.clone(), self.texts.clone());
        if link.source == LinkSource::Person {
            // A channel first made later would never open. A media server passes texts on only to those who opened
            // one themselves, although it offers.
            if link.role == LinkRole::Offerer || link.direction == LinkDirection::ReceiveOnly {
                let options = RTCDataChannelInit { ordered: true, ..RTCDataChannelInit::default() };
                let channel = library
                    .create_data_channel(data_channel::LABEL, Some(options))
                    .await
                    .map_err(internal)?;
                channels.add(channel);
            }
        }
        Ok(PeerConnection {
            link,
            terms,
            library,
            ends,
            channels,
            candidates: RemoteCandidates::default(),
            negotiation: Negotiation::New,
            transport: TransportSection { mid: "0".to_owned(), index: 0 },
            remote_credentials: None,
            handle: self.handle.clone(),
        })
    }

    async fn build(
        &self,
        ends: &LinkEnds,
        notices: &NoticeSink,
        local_names: bool,
    ) -> Result<Arc<dyn Library>, Problem> {
        // What a failed attempt leaves behind ends too, and says nothing of the attempt after it.
        let built = Arc::new(AtomicBool::new(false));
        let ended = {
            let (notices, built) = (notices.clone(), built.clone());
            move || {
                if built.load(Ordering::Relaxed) {
                    notices(PeerNotice::Ended);
                }
            }
        };
        let handshake: Arc<Handshake> = Arc::default();
        let (handle, names) = (self.handle.clone(), self.names.clone());
        let (pacing, bell) = (ends.pacing.clone(), ends.bell.clone());
        let runtime = LinkRuntime::new(handle, names, pacing.clone(), bell, handshake.clone(), ended);
        let (sender, video) = (ends.sender.clone(), ends.video.clone());
        let handler = Handler { notices: notices.clone(), sender, video, pacing, handshake };
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(self.servers.clone())
            .with_certificates(vec![self.certificate.clone()])
            .build();
        let building = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_media_engine(media_engine()?)
            .with_setting_engine(self.settings(local_names))
            .with_interceptor_registry(Registry::new().with(1.into(), TapInterceptor::new(ends.tap.clone())))
            .with_runtime(Arc::new(runtime))
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec![LocalAddresses])
            .with_data_channel_send_buffer_limit(data_channel::SEND_BUFFER)
            .build();
        // The library's future is large, and the call's task should not be.
        let library = Box::pin(building).await.map_err(internal)?;
        built.store(true, Ordering::Relaxed);
        Ok(Arc::new(library))
    }

    fn settings(&self, local_names: bool) -> SettingEngine {
        let mode = if local_names {
            rtc::ice::mdns::MulticastDnsMode::QueryOnly
        } else {
            rtc::ice::mdns::MulticastDnsMode::Disabled
        };
        SettingEngineBuilder::new()
            .with_crypto_provider(self.crypto.clone())
            .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(FAILED_AFTER), Some(KEEPALIVE))
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECK_ATTEMPTS))
            .with_host_acceptance_min_wait(Some(Duration::ZERO))
            .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_relay_acceptance_min_wait(Some(RELAY_WAIT))
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(mode)
            .with_discard_local_candidates_during_ice_restart(true)
            .with_sctp_max_receive_buffer_size(DATA_WINDOW)
            .with_srtp_replay_protection_window(REPLAY_WINDOW)
            .build()
    }
}

/// Where the offers and answers of a link stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Negotiation {
    /// Nothing was said.
    New,
    /// Our offer waits for an answer. `first`: nothing was agreed before.
    Offered { first: bool },
    /// Both sides agree.
    Stable,
}

/// What came of a peer's description.
#[derive(Debug)]
pub(crate) struct Applied {
    /// Our answer to an offer.
    pub(crate) answer: Option<SessionDescription>,
    /// Whether the peer may send sound now.
    pub(crate) receives_sound: bool,
    /// What was agreed about pictures; `None` when the peer wants none at all.
    pub(crate) video: Option<VideoAgreement>,
}

/// What a notice means to the engine.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// Tell the peer of this candidate.
    LocalCandidate(IceCandidate),
    /// The transport changed.
    State(LinkState),
    /// The first sound came.
    FirstSound,
    /// The first packet of a picture came.
    FirstPicture,
}

/// What a link shares with the library's task.
struct LinkEnds {
    sender: Arc<AudioSender>,
    tap: Arc<Tap>,
    video: Arc<VideoLink>,
    bell: Arc<Bell>,
    pacing: Arc<Pacing>,
}

/// One peer connection.
pub(crate) struct PeerConnection {
    link: Link,
    terms: Terms,
    library: Arc<dyn Library>,
    ends: LinkEnds,
    channels: DataChannels,
    candidates: RemoteCandidates,
    negotiation: Negotiation,
    transport: TransportSection,
    /// The peer's ICE credentials; others in an offer mean that it starts over.
    remote_credentials: Option<(String, String)>,
    handle: Handle,
}

/// The media section whose transport all share: candidates are told for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TransportSection {
    pub(super) mid: String,
    pub(super) index: u16,
}

impl PeerConnection {
    /// The link it carries.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether something was agreed on: then a description that cannot be used changes nothing.
    pub(crate) fn is_agreed(&self) -> bool {
        match self.negotiation {
            Negotiation::New | Negotiation::Offered { first: true } => false,
            Negotiation::Offered { first: false } | Negotiation::Stable => true,
        }
    }

    /// Its end for our sound.
    pub(crate) fn sender(&self) -> &Arc<AudioSender> {
        &self.ends.sender
    }

    /// Its end for our pictures: the camera's, or the screen's.
    pub(crate) fn video_sender(&self) -> VideoSender {
        VideoSender::new(self.ends.video.clone())
    }

    /// Asks the peer for what its pictures lack.
    pub(crate) fn video_requests(&self) -> VideoRequests {
        VideoRequests::new(self.ends.video.clone())
    }

    /// The figures of its pictures.
    pub(crate) fn video_figures(&self) -> VideoFigures {
        self.ends.video.figures()
    }

    /// Makes an offer; `restart` looks for a path anew (RFC 8445 section 9).
    ///
    /// # Errors
    /// `not-now` while an offer waits for its answer and none may be made; `internal` for a defect.
    pub(crate) async fn offer(&mut self, restart: bool) -> Result<SessionDescription, Problem> {
        let first = match self.negotiation {
            Negotiation::New => true,
            Negotiation::Stable => false,
            // The peer may never have got it: it is taken back and made anew.
            Negotiation::Offered { first } => {
                self.roll_back().await?;
                first
            }
        };
        if restart && !first {
            self.candidates.restart();
            self.ends.pacing.restart(Instant::now());
        }
        let library = self.library.clone();
        let text = guarded(async move {
            let options = RTCOfferOptions { ice_restart: restart && !first };
            let offer = library.create_offer(Some(options)).await.map_err(internal)?;
            let text = offer.sdp.clone();
            library.set_local_description(offer).await.map_err(internal)?;
            Ok(text)
        })
        .await?;
        self.negotiation = Negotiation::Offered { first };
        let (offer, transport) = complete_offer(&text, &mut self.terms)?;
        self.transport = transport;
        Ok(SessionDescription::Offer(offer))
    }

    /// Applies a peer's description.
    ///
    /// # Errors
    /// `bad-description` when it cannot be used; the link is of no use then unless one was agreed on before.
    pub(crate) async fn apply(&mut self, description: &SessionDescription) -> Result<Applied, Problem> {
        let mut remote = RemoteDescription::read(description)?;
        match (description, self.negotiation) {
            (SessionDescription::Answer(_), Negotiation::Offered { .. }) => {
                self.set_remote(&remote, RTCSdpType::Answer).await?;
                let applied = self.agree(&remote, None);
                self.use_candidates(std::mem::take(&mut remote.candidates)).await;
                Ok(applied)
            }
            (SessionDescription::Answer(_), Negotiation::New | Negotiation::Stable) => {
                tracing::debug!(link = %self.link.id, "an answer to nothing was passed over");
                Err(Problem::new(ProblemCode::NotNow, "an answer came that was not asked for"))
            }
            (SessionDescription::Offer(_), Negotiation::Offered { .. })
                if self.link.role == LinkRole::Offerer =>
            {
                tracing::debug!(link = %self.link.id, "an offer collided with ours, which stands");
                Err(Problem::new(ProblemCode::NotNow, "an offer came while ours stands"))
            }
            (SessionDescription::Offer(_), negotiation) => {
                if let Negotiation::Offered { first } = negotiation {
                    self.roll_back().await?;
                    if !first {
                        self.settle().await;
                    }
                }
                let changed =
                    self.remote_credentials.as_ref().is_some_and(|known| *known != remote.credentials());
                if changed {
                    self.candidates.restart();
                    self.ends.pacing.restart(Instant::now());
                }
                self.set_remote(&remote, RTCSdpType::Offer).await?;
                let library = self.library.clone();
                let text = guarded(async move {
                    let answer = library.create_answer(None).await.map_err(bad_offer)?;
                    let text = answer.sdp.clone();
                    library.set_local_description(answer).await.map_err(bad_offer)?;
                    Ok(text)
                })
                .await?;
                let answer = remote.complete_answer(&text, &mut self.terms)?;
                let applied = self.agree(&remote, Some(SessionDescription::Answer(answer)));
                self.transport = remote.transport.clone();
                self.use_candidates(std::mem::take(&mut remote.candidates)).await;
                Ok(applied)
            }
        }
    }

    /// A candidate of the peer.
    pub(crate) async fn add_candidate(&mut self, candidate: &IceCandidate) {
        if let Some(candidate) = self.candidates.add(candidate) {
            self.give_candidate(&candidate).await;
        }
    }

    /// Sends a text, or drops it when no channel is open.
    pub(crate) async fn send_text(&self, text: &str) {
        self.channels.send(text).await;
    }

    /// Takes a notice in.
    pub(crate) async fn handle(&mut self, notice: PeerNotice) -> Option<PeerEvent> {
        match notice {
            // Of sockets that were replaced since.
            PeerNotice::LocalCandidate { generation, .. } if generation != self.ends.pacing.generation() => {
                None
            }
            PeerNotice::LocalCandidate { candidate, .. } => Some(PeerEvent::LocalCandidate(IceCandidate {
                candidate,
                sdp_mid: Some(self.transport.mid.clone()),
                sdp_mline_index: Some(self.transport.index),
            })),
            PeerNotice::State(state) => Some(PeerEvent::State(state)),
            PeerNotice::FirstSound => Some(PeerEvent::FirstSound),
            PeerNotice::FirstPicture => Some(PeerEvent::FirstPicture),
            PeerNotice::Channel(channel) => {
                self.channels.add(channel);
                None
            }
            PeerNotice::ChannelOpen(key) => {
                self.channels.opened(key);
                None
            }
            PeerNotice::ChannelClosed(key) => {
                self.channels.closed(key);
                self.is_closed_by_peer().await.then_some(PeerEvent::State(LinkState::Closed))
            }
            PeerNotice::Ended => Some(PeerEvent::State(LinkState::Closed)),
        }
    }

    /// Whether the peer ended the connection, or the library did.
    pub(crate) async fn is_closed_by_peer(&self) -> bool {
        if self.ends.sender.is_stopped() {
            return true;
        }
        match self.library.sctp().await {
            Some(sctp) => matches!(sctp.transport().state().await, Ok(RTCDtlsTransportState::Closed)),
            None => false,
        }
    }

    /// The transport's figures, and the jitter buffer's.
    pub(crate) fn figures(&self) -> (LinkFigures, ReceiveFigures) {
        (self.ends.tap.figures(), self.ends.tap.inlet().map(|inlet| inlet.figures()).unwrap_or_default())
    }

    /// Ends it. The peer is told; that happens by itself after this returned.
    pub(crate) fn close(self) {
        self.ends.sender.agree(None);
        self.ends.tap.admit(Vec::new(), false);
        self.ends.video.agree(None, ReceiveAgreement::default());
        self.ends.bell.muffle();
        let library = self.library.clone();
        self.handle.spawn(async move {
            let closing = guarded(async move { library.close().await.map_err(internal) });
            match tokio::time::timeout(CLOSE_WAIT, closing).await {
                Ok(Ok(())) => {}
                Ok(Err(problem)) => tracing::debug!(%problem, "a link did not close well"),
                Err(_) => tracing::debug!("a link took too long to close"),
            }
        });
    }

    async fn set_remote(&mut self, remote: &RemoteDescription, kind: RTCSdpType) -> Result<(), Problem> {
        let text = remote.for_library(self.terms.audio);
        let library = self.library.clone();
        guarded(async move {
            let description = match kind {
                RTCSdpType::Answer => RTCSessionDescription::answer(text),
                _ => RTCSessionDescription::offer(text),
            };
            library.set_remote_description(description.map_err(bad_offer)?).await.map_err(bad_offer)
        })
        .await
    }

    async fn roll_back(&mut self) -> Result<(), Problem> {
        let library = self.library.clone();
        guarded(async move {
            let rollback = RTCSessionDescription::rollback(None).map_err(internal)?;
            library.set_local_description(rollback).await.map_err(internal)
        })
        .await
    }

    /// Waits until the library's task has done what our offer asked for. Otherwise the sockets it opened for that
    /// offer would count for the peer's, be found, and be closed again: the path chosen then leads nowhere, and ICE
    /// does not look for another.
    async fn settle(&self) {
        let settled = async {
            !self.ends.sender.write_mark().await || {
                self.ends.tap.reached().await;
                true
            }
        };
        if tokio::time::timeout(SETTLE_WAIT, settled).await.is_err() {
            tracing::debug!(link = %self.link.id, "the link took long to settle");
        }
    }

    fn agree(&mut self, remote: &RemoteDescription, answer: Option<SessionDescription>) -> Applied {
        let sound = remote.audio(self.terms.audio);
        self.ends.sender.agree(sound);
        let payload_types = sound.iter().map(|agreed| agreed.payload_type).chain([OFFERED_OPUS]).collect();
        let receives_sound = sound.is_some_and(|agreed| agreed.receive);
        self.ends.tap.admit(payload_types, receives_sound);
        let (video, send, receive) = self.terms.video.agreed(remote.video());
        self.ends.video.agree(send, receive);
        self.negotiation = Negotiation::Stable;
        self.remote_credentials = Some(remote.credentials());
        Applied { answer, receives_sound, video }
    }

    /// Candidates that waited, and those that came with the description.
    async fn use_candidates(&mut self, with_description: Vec<Candidate>) {
        let mut usable = self.candidates.become_usable();
        usable.extend(with_description.into_iter().filter_map(|candidate| self.candidates.admit(candidate)));
        for candidate in usable {
            self.give_candidate(&candidate).await;
        }
    }

    async fn give_candidate(&self, candidate: &Candidate) {
        self.ends.pacing.add_remote(candidate.family());
        let library = self.library.clone();
        let init = RTCIceCandidateInit {
            candidate: format!("candidate:{}", candidate.text()),
            ..RTCIceCandidateInit::default()
        };
        let given = guarded(async move { library.add_ice_candidate(init).await.map_err(bad_offer) }).await;
        if given.is_err() {
            tracing::debug!(link = %self.link.id, "a candidate could not be used");
        }
    }
}

/// Runs library code that works on what a peer sent: a panic becomes a problem.
async fn guarded<T>(work: impl Future<Output = Result<T, Problem>> + Send) -> Result<T, Problem> {
    match CatchPanic(pin!(work)).await {
        Some(outcome) => outcome,
        None => Err(Problem::new(ProblemCode::Internal, "the WebRTC library panicked")),
    }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemCode::Internal, format_args!("the WebRTC library failed: {error}"))
}

/// The library's words may quote the description, so they are not passed on.
fn bad_offer(_: webrtc::error::Error) -> Problem {
    Problem::new(ProblemCode::BadDescription, "the description could not be applied")
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: OPUS_PARAMETERS.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

fn media_engine() -> Result<MediaEngine, Problem> {
    let mut engine = MediaEngine::default();
    let vp8 =
        RTCRtpCodec { mime_type: MIME_TYPE_VP8.to_owned(), clock_rate: 90_000, ..RTCRtpCodec::default() };
    for (codec, payload_type, kind) in
        [(opus(), OFFERED_OPUS, RtpCodecKind::Audio), (vp8, STAND_IN_VP8, RtpCodecKind::Video)]
    {
        engine
            .register_codec(RTCRtpCodecParameters { rtp_codec: codec, payload_type }, kind)
            .map_err(internal)?;
    }
    engine
        .register_header_extension(
            RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL_URI.to_owned() },
            RtpCodecKind::Audio,
            None,
        )
        .map_err(internal)?;
    Ok(engine)
}

fn encoding(ssrc: u32) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: opus(),
        ..RTCRtpEncodingParameters::default()
    }
}

/// How we want sound to flow on `link`.
fn wanted_sound(link: &Link) -> Flow {
    match (link.source, link.direction) {
        (LinkSource::Screen, _) => Flow::NONE,
        (LinkSource::Person, LinkDirection::SendReceive) => Flow { send: link.may_send.audio, receive: true },
        (LinkSource::Person, LinkDirection::SendOnly) => Flow { send: link.may_send.audio, receive: false },
        (LinkSource::Person, LinkDirection::ReceiveOnly) => Flow { send: false, receive: true },
    }
}

/// Random streams for pictures, none of them the one of sound.
fn video_identity(sound: u32) -> VideoIdentity {
    let mut next = sound;
    // Each a step ahead of the one before, so that no two are the same.
    let mut stream = || {
        next = next.wrapping_add(rand::random_range(1..0x0800_0000)).max(1);
        next
    };
    let streams = std::array::from_fn(|_| LayerStreams { media: stream(), rtx: stream() });
    VideoIdentity { streams, sequence: rand::random::<u16>() & 0x7fff, rtx_sequence: rand::random() }
}

fn transceiver_direction(flow: Flow) -> Option<RTCRtpTransceiverDirection> {
    match (flow.send, flow.receive) {
        (true, true) => Some(RTCRtpTransceiverDirection::Sendrecv),
        (true, false) => Some(RTCRtpTransceiverDirection::Sendonly),
        (false, true) => Some(RTCRtpTransceiverDirection::Recvonly),
        (false, false) => None,
    }
}

fn transceiver(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() }
}
