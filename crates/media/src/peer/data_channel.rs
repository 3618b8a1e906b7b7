//! The data channels of one link: short texts both ways.

use std::sync::Arc;

use bellbird_call::LinkId;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::{NoticeSink, PeerNotice};

/// The label of the channel we open.
pub(super) const LABEL: &str = "status";
/// The longest text taken or sent, bytes.
pub(super) const MAX_TEXT: usize = 16 * 1024;
/// The most channels a peer may open.
const MAX_CHANNELS: usize = 8;
/// How many bytes may wait to be sent on a channel.
pub(super) const SEND_BUFFER: usize = 256 * 1024;

/// The channels of a link, ours first.
pub(super) struct DataChannels {
    handle: Handle,
    link: LinkId,
    notices: NoticeSink,
    texts: mpsc::Sender<(LinkId, String)>,
    channels: Vec<Channel>,
    next_key: u64,
}

struct Channel {
    key: u64,
    channel: Arc<dyn DataChannel>,
    open: bool,
    reader: tokio::task::AbortHandle,
}

impl DataChannels {
    pub(super) fn new(
        handle: Handle,
        link: LinkId,
        notices: NoticeSink,
        texts: mpsc::Sender<(LinkId, String)>,
    ) -> Self {
        Self { handle, link, notices, texts, channels: Vec::new(), next_key: 0 }
    }

    /// Reads from a channel from now on.
    pub(super) fn add(&mut self, channel: Arc<dyn DataChannel>) {
        if self.channels.len() == MAX_CHANNELS {
            tracing::debug!("a peer opened too many data channels");
            return;
        }
        let key = self.next_key;
        self.next_key += 1;
        let (link, notices, texts, source) =
            (self.link, self.notices.clone(), self.texts.clone(), channel.clone());
        let reader = self.handle.spawn(async move {
            while let Some(event) = source.poll().await {
                match event {
                    DataChannelEvent::OnOpen => notices(PeerNotice::ChannelOpen(key)),
                    DataChannelEvent::OnMessage(message) => {
                        if !message.is_string || message.data.len() > MAX_TEXT {
                            continue;
                        }
                        let Ok(text) = String::from_utf8(message.data.to_vec()) else { continue };
                        // Waits when the call is behind; the peer is slowed down then.
                        if texts.send((link, text)).await.is_err() {
                            return;
                        }
                    }
                    DataChannelEvent::OnClose => break,
                    // The library's enum is open; none of the others says anything to act on.
                    _ => {}
                }
            }
            notices(PeerNotice::ChannelClosed(key));
        });
        self.channels.push(Channel { key, channel, open: false, reader: reader.abort_handle() });
    }

    /// A channel opened.
    pub(super) fn opened(&mut self, key: u64) {
        for channel in self.channels.iter_mut().filter(|channel| channel.key == key) {
            channel.open = true;
        }
    }

    /// A channel closed.
    pub(super) fn closed(&mut self, key: u64) {
        self.channels.retain(|channel| channel.key != key);
    }

    /// Sends on the first channel that is open; drops the text when none is, or when too much waits already.
    pub(super) async fn send(&self, text: &str) {
        if text.len() > MAX_TEXT {
            tracing::debug!("a text too long for a data channel was dropped");
            return;
        }
        if let Some(channel) = self.channels.iter().find(|channel| channel.open)
            && let Err(error) = channel.channel.try_send_text(text).await
        {
            tracing::debug!(%error, "a text for a data channel was dropped");
        }
    }
}

impl Drop for DataChannels {
    fn drop(&mut self) {
        for channel in &self.channels {
            channel.reader.abort();
        }
    }
}
