//! What the library says of a link, as notices for the engine.

use std::sync::Arc;

use async_trait::async_trait;
use bellbird_call::LinkState;
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use super::NoticeSink;
use super::candidates::{Candidate, Family};
use super::network::{Handshake, Pacing};
use super::sender::AudioSender;
use super::video::VideoLink;

/// Something a link's connection noticed by itself.
pub(crate) enum PeerNotice {
    /// A candidate of ours.
    LocalCandidate {
        /// The attribute's text.
        candidate: String,
        /// Which start of the checks it is for ([`Pacing::generation`]).
        generation: u32,
    },
    /// The transport changed.
    State(LinkState),
    /// The first sound came.
    FirstSound,
    /// The first packet of a picture came.
    FirstPicture,
    /// The peer opened a data channel.
    Channel(Arc<dyn DataChannel>),
    /// A data channel can be used.
    ChannelOpen(u64),
    /// A data channel ended.
    ChannelClosed(u64),
    /// The library's task ended.
    Ended,
}

/// Receives the library's calls, on its task.
pub(super) struct Handler {
    pub(super) notices: NoticeSink,
    pub(super) sender: Arc<AudioSender>,
    pub(super) video: Arc<VideoLink>,
    pub(super) pacing: Arc<Pacing>,
    pub(super) handshake: Arc<Handshake>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        self.pacing
            .add_local(Candidate::read(&init.candidate).map_or(Family::V4, |candidate| candidate.family()));
        let generation = self.pacing.generation();
        (self.notices)(PeerNotice::LocalCandidate { candidate: init.candidate, generation });
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        tracing::trace!(?state, "gathering");
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connecting => LinkState::Connecting,
            RTCPeerConnectionState::Connected => LinkState::Connected,
            RTCPeerConnectionState::Disconnected => LinkState::Disconnected,
            RTCPeerConnectionState::Failed => LinkState::Failed,
            RTCPeerConnectionState::Closed => LinkState::Closed,
            // Before anything began; and the library's enum is open.
            _ => return,
        };
        match state {
            LinkState::Connected | LinkState::Closed => self.handshake.finish(),
            LinkState::Connecting | LinkState::Disconnected | LinkState::Failed => {}
        }
        // Here and not in the engine, so that the first packet leaves without a detour.
        let connected = match state {
            LinkState::Connected | LinkState::Disconnected => true,
            LinkState::Connecting | LinkState::Failed | LinkState::Closed => false,
        };
        self.sender.set_connected(connected);
        self.video.set_connected(connected);
        (self.notices)(PeerNotice::State(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        (self.notices)(PeerNotice::Channel(channel));
    }
}
