//! Two connections over real sockets, carrying made-up pictures.

use std::sync::Arc;
use std::time::Duration;

use bellbird_call::{
    Link, LinkDirection, LinkId, LinkRole, LinkSource, LinkState, MediaKinds, SessionDescription,
};
use bellbird_video::VideoCodec;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::*;

/// How long anything may take before the test counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);

struct End {
    peer: PeerConnection,
    notices: mpsc::UnboundedReceiver<PeerNotice>,
    packets: mpsc::UnboundedReceiver<VideoPacket>,
    feedback: mpsc::UnboundedReceiver<VideoFeedback>,
    connected: bool,
    first_picture: bool,
}

impl End {
    async fn new(link: Link) -> Self {
        let (texts, _) = mpsc::channel(1);
        let factory = PeerFactory::new(Handle::current(), texts).unwrap();
        let (notice, notices) = mpsc::unbounded_channel();
        let (packet, packets) = mpsc::unbounded_channel();
        let (told, feedback) = mpsc::unbounded_channel();
        let ends = VideoEnds {
            packets: Some(Arc::new(move |video| drop(packet.send(video)))),
            feedback: Some(Arc::new(move |feedback| drop(told.send(feedback)))),
        };
        let notices_in: NoticeSink = Arc::new(move |said| drop(notice.send(said)));
        let peer = factory.open(link, None, ends, notices_in).await.unwrap();
        Self { peer, notices, packets, feedback, connected: false, first_picture: false }
    }

    /// Does what its notices ask for; candidates go to `other`.
    async fn work(&mut self, other: &mut PeerConnection) {
        while let Ok(notice) = self.notices.try_recv() {
            match self.peer.handle(notice).await {
                Some(PeerEvent::LocalCandidate(candidate)) => other.add_candidate(&candidate).await,
                Some(PeerEvent::State(state)) => self.connected = state == LinkState::Connected,
                Some(PeerEvent::FirstPicture) => self.first_picture = true,
                Some(PeerEvent::FirstSound) | None => {}
            }
        }
    }
}

struct Pair {
    a: End,
    b: End,
}

fn link(source: LinkSource, role: LinkRole, direction: LinkDirection, may_send: MediaKinds) -> Link {
    Link { id: LinkId(1), participant: None, source, role, direction, may_send, simulcast: false }
}

impl Pair {
    /// A offers. The agreements of both come with it.
    async fn connect(a: Link, b: Link) -> (Self, [Option<VideoAgreement>; 2]) {
        let mut pair = Self { a: End::new(a).await, b: End::new(b).await };
        let agreed = pair.negotiate(false).await;
        pair.until(|pair| (pair.a.connected && pair.b.connected).then_some(())).await;
        (pair, agreed)
    }

    async fn person() -> Self {
        let both = LinkDirection::SendReceive;
        let of = |role| link(LinkSource::Person, role, both, MediaKinds::VIDEO);
        Self::connect(of(LinkRole::Offerer), of(LinkRole::Answerer)).await.0
    }

    async fn negotiate(&mut self, restart: bool) -> [Option<VideoAgreement>; 2] {
        let offer = self.a.peer.offer(restart).await.unwrap();
        let answered = self.b.peer.apply(&offer).await.unwrap();
        let answer = answered.answer.unwrap();
        assert!(matches!(answer, SessionDescription::Answer(_)));
        let applied = self.a.peer.apply(&answer).await.unwrap();
        [applied.video, answered.video]
    }

    /// Lets both work until `done`.
    async fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        // The beat of a pacer; whatever is waited for is looked for at each.
        let mut beat = tokio::time::interval(Duration::from_millis(2));
        let working = async {
            loop {
                self.a.work(&mut self.b.peer).await;
                self.b.work(&mut self.a.peer).await;
                if let Some(found) = done(self) {
                    return found;
                }
                beat.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, working).await.expect("it happens")
    }

    /// Sends packets from A as a pacer would, and takes them at B.
    async fn send(&mut self, first: u32, count: u32) -> Vec<VideoPacket> {
        let sender = self.a.peer.video_sender();
        let mut sent = 0;
        let mut taken = Vec::new();
        self.until(|pair| {
            for _ in 0..5.min(count - sent) {
                assert!(sender.send(&picture(first + sent)));
                sent += 1;
            }
            while let Ok(packet) = pair.b.packets.try_recv() {
                taken.push(packet);
            }
            (taken.len() == count as usize).then_some(())
        })
        .await;
        taken
    }
}

fn picture(number: u32) -> OutgoingVideo {
    OutgoingVideo {
        layer: 0,
        timestamp: number / 5 * 3000,
        marker: number % 5 == 4,
        keyframe: number == 0,
        temporal_layer: 0,
        payload: Bytes::from([&number.to_be_bytes()[..], &[7; 1000]].concat()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_arrive_whole_in_order_and_their_arrival_is_told() {
    let mut pair = Pair::person().await;
    let taken = pair.send(0, 400).await;
    assert!(pair.b.first_picture || !taken.is_empty());
    let base = taken[0].sequence;
    for (number, packet) in taken.iter().enumerate() {
        let sent = picture(number as u32);
        assert_eq!(packet.payload, sent.payload);
        assert_eq!(packet.sequence, base.wrapping_add(number as u16));
        assert_eq!((packet.timestamp, packet.marker), (taken[0].timestamp + sent.timestamp, sent.marker));
        assert_eq!((packet.codec, packet.repeated, packet.begins), (VideoCodec::Vp8, false, number == 0));
    }
    let mut told = 0;
    pair.until(|pair| {
        while let Ok(feedback) = pair.a.feedback.try_recv() {
            if let VideoFeedback::Transport(transport) = feedback {
                for packet in &transport.packets {
                    assert!(packet.sent <= transport.at && packet.arrival.is_some(), "{packet:?}");
                    assert_eq!(packet.number, told);
                    told += 1;
                }
            }
        }
        (told == 400).then_some(())
    })
    .await;
    let (ours, theirs) = (pair.a.peer.video_figures(), pair.b.peer.video_figures());
    assert_eq!((theirs.packets_received, theirs.packets_lost, ours.packets_dropped), (400, 0, 0));
    assert_eq!(theirs.bytes_received, ours.bytes_sent);
    // Reports go both ways.
    pair.until(|pair| {
        let figures = pair.a.peer.video_figures();
        (figures.round_trip.is_some() && figures.remote_loss == Some(0.0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_comes() {
    let mut pair = Pair::person().await;
    let taken = pair.send(0, 50).await;
    let requests = pair.b.peer.video_requests();
    let wanted = [taken[30].sequence, taken[31].sequence, taken[48].sequence];
    requests.request_again(&wanted);
    requests.request_keyframe();
    let mut again = Vec::new();
    pair.until(|pair| {
        while let Ok(packet) = pair.b.packets.try_recv() {
            again.push(packet);
        }
        (again.len() == 3).then_some(())
    })
    .await;
    for (packet, wanted) in again.iter().zip(wanted) {
        let original = taken.iter().find(|taken| taken.sequence == wanted).unwrap();
        assert!(packet.repeated);
        assert_eq!(
            (packet.sequence, packet.timestamp, packet.marker, &packet.payload),
            (original.sequence, original.timestamp, original.marker, &original.payload)
        );
    }
    pair.until(|pair| {
        let told = pair.a.feedback.try_recv().ok()?;
        (told == VideoFeedback::KeyframeWanted { layer: 0 }).then_some(())
    })
    .await;
    assert_eq!(pair.a.peer.video_figures().packets_repeated, 3);
    assert_eq!(pair.b.peer.video_figures().packets_repaired, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_may_not_send_pictures_sends_none() {
    let both = LinkDirection::SendReceive;
    let voice = link(LinkSource::Person, LinkRole::Offerer, both, MediaKinds::VOICE);
    let video = link(LinkSource::Person, LinkRole::Answerer, both, MediaKinds::VIDEO);
    let (mut pair, agreed) = Pair::connect(voice, video).await;
    assert!(agreed[0].is_some_and(|agreed| agreed.receive && !agreed.send), "{agreed:?}");
    assert!(agreed[1].is_some_and(|agreed| agreed.send && !agreed.receive), "{agreed:?}");
    let sender = pair.a.peer.video_sender();
    assert!(!sender.is_ready() && !sender.send(&picture(0)));
    // The other way it goes on.
    std::mem::swap(&mut pair.a, &mut pair.b);
    assert!(pair.a.peer.video_sender().is_ready());
    pair.send(0, 20).await;
    assert_eq!(pair.a.peer.video_figures().packets_received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_a_link_is_connected_or_after_it_was_closed() {
    let both = LinkDirection::SendReceive;
    let of = |role| link(LinkSource::Person, role, both, MediaKinds::VIDEO);
    let lone = End::new(of(LinkRole::Offerer)).await;
    assert!(!lone.peer.video_sender().send(&picture(0)));
    let mut pair = Pair::person().await;
    let sender = pair.a.peer.video_sender();
    pair.send(0, 5).await;
    let Pair { a, .. } = pair;
    a.peer.close();
    assert!(!sender.is_ready() && !sender.send(&picture(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_has_one_section_and_goes_one_way() {
    let may = MediaKinds::VIDEO;
    let ours = link(LinkSource::Screen, LinkRole::Offerer, LinkDirection::SendOnly, may);
    let theirs = link(LinkSource::Screen, LinkRole::Answerer, LinkDirection::ReceiveOnly, may);
    let mut offering = End::new(ours.clone()).await;
    let offer = offering.peer.offer(false).await.unwrap();
    let sections: Vec<_> = offer.sdp().lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(sections, ["m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97 102 103"]);
    let (mut pair, agreed) = Pair::connect(ours, theirs).await;
    let vp9 = |send| VideoAgreement { codec: VideoCodec::Vp9, send, receive: !send, layers: 1 };
    assert_eq!(agreed, [Some(vp9(true)), Some(vp9(false))]);
    let taken = pair.send(0, 100).await;
    assert!(taken.iter().all(|packet| packet.codec == VideoCodec::Vp9));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_go_on_after_a_restart() {
    let mut pair = Pair::person().await;
    let before = pair.send(0, 20).await;
    (pair.a.connected, pair.b.connected) = (false, false);
    pair.negotiate(true).await;
    pair.until(|pair| (pair.a.connected && pair.b.connected).then_some(())).await;
    let after = pair.send(20, 20).await;
    assert_eq!(after[0].sequence, before[19].sequence.wrapping_add(1));
    assert!(!after[0].begins);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_pictures_is_a_peer_all_the_same() {
    let both = LinkDirection::SendReceive;
    let of = |role| link(LinkSource::Person, role, both, MediaKinds::VIDEO);
    let mut pair =
        Pair { a: End::new(of(LinkRole::Offerer)).await, b: End::new(of(LinkRole::Answerer)).await };
    let SessionDescription::Offer(offer) = pair.a.peer.offer(false).await.unwrap() else {
        panic!("an offer")
    };
    let without = SessionDescription::Offer(offer.replace("m=video 9", "m=video 0"));
    let answered = pair.b.peer.apply(&without).await.unwrap();
    assert_eq!(answered.video, None);
    let applied = pair.a.peer.apply(&answered.answer.unwrap()).await.unwrap();
    assert_eq!(applied.video, None);
    pair.until(|pair| (pair.a.connected && pair.b.connected).then_some(())).await;
    assert!(!pair.a.peer.video_sender().is_ready());
    // The next offer has its sections where they were, and pictures are agreed upon after all.
    let offer = pair.a.peer.offer(true).await.unwrap();
    let kinds: Vec<_> =
        offer.sdp().lines().filter_map(|line| line.strip_prefix("m=")?.split(' ').next()).collect();
    assert_eq!(kinds, ["audio", "video", "application"]);
}
