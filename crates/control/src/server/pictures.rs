//! The second WebSocket: pictures for one page. How it goes is written in `bellbird_contract`'s `PictureFrame`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bellbird_contract::PictureFrame;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};

use super::connection::{Entry, Farewell, enter, let_in, say, why_not};
use super::gate::Way;
use super::shared::Shared;
use super::sockets::Seat;
use super::visitor::Errand;
use super::{Core, Viewer};
use crate::PICTURES_PATH;

/// How long one picture may take to be taken by a page that stopped reading.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Pictures a page may show at once.
const MAX_SHOWN: usize = 128;

/// Judges the request and, when it may come in, sends pictures.
pub(super) async fn upgrade<C: Core>(
    State(shared): State<Arc<Shared<C>>>,
    Extension(seat): Extension<Arc<Seat>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match enter(&shared, PICTURES_PATH, &headers, upgrade) {
        Some((way, upgrade)) => upgrade.on_upgrade(async move |mut socket| {
            tokio::select! {
                () = Box::pin(converse(&shared, way, &mut socket, &seat)) => {}
                () = seat.lost() => {}
            }
        }),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn converse<C: Core>(shared: &Shared<C>, way: Way, socket: &mut WebSocket, seat: &Seat) {
    let Some(Entry { visitor, guest, _counted }) =
        let_in(shared, PICTURES_PATH, Errand::Pictures, &shared.viewers, way, socket, seat).await
    else {
        return;
    };
    let viewer = shared.core.viewer();
    let (mut sink, stream) = socket.split();
    let farewell = tokio::select! {
        () = send_all(&viewer, &mut sink) => None,
        farewell = receive_all(&viewer, stream) => farewell,
        () = guest.asked_to_leave() => Some(why_not(shared, &visitor, Errand::Pictures)),
        () = shared.stop.cancelled() => None,
    };
    if let Some(farewell) = farewell {
        say(&mut sink, farewell).await;
    }
}

async fn send_all(viewer: &impl Viewer, sink: &mut SplitSink<&mut WebSocket, Message>) {
    loop {
        let picture = viewer.next().await;
        match tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::Binary(picture))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return tracing::warn!("a page stopped reading pictures and is dropped"),
        }
    }
}

async fn receive_all(viewer: &impl Viewer, mut stream: SplitStream<&mut WebSocket>) -> Option<Farewell> {
    loop {
        let text = match stream.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return None,
            Some(Ok(Message::Binary(_))) => return Some(Farewell::not_understood()),
            Some(Err(_)) => return Some(Farewell::unreadable()),
        };
        match serde_json::from_str(&text) {
            Ok(PictureFrame::Show { layout, pictures }) if pictures.len() <= MAX_SHOWN => {
                viewer.show(layout, pictures);
            }
            Ok(PictureFrame::Drawn { number }) => viewer.drawn(number),
            Ok(PictureFrame::Show { .. }) | Err(_) => {
                tracing::warn!("a frame of a page is not understood");
                return Some(Farewell::not_understood());
            }
        }
    }
}
