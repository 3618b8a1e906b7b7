//! The second WebSocket: pictures for one page. How it goes is written in `bellbird_contract`'s `PictureFrame`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bellbird_contract::PictureFrame;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};

use super::connection::{Counted, MAX_CLIENTS, close, enter, greet};
use super::{Core, Shared, Viewer};

/// How long one picture may take to be taken by a page that stopped reading.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Pictures a page may show at once.
const MAX_SHOWN: usize = 128;

/// Judges the request and, when it may come in, sends pictures.
pub(super) async fn upgrade<C: Core>(
    State(shared): State<Arc<Shared<C>>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match enter(&shared, &headers, upgrade) {
        Some((_, upgrade)) => upgrade.on_upgrade(move |socket| converse(shared, socket)),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn converse<C: Core>(shared: Arc<Shared<C>>, mut socket: WebSocket) {
    let clients = Counted::enter(&shared.picture_clients);
    if clients.now > MAX_CLIENTS {
        return close(&mut socket, close_code::AGAIN, "too many clients").await;
    }
    if let Err(reason) = greet(&shared, &mut socket).await {
        tracing::warn!(reason, "no greeting at the door for pictures");
        return close(&mut socket, close_code::POLICY, reason).await;
    }
    let viewer = shared.core.viewer();
    let (sink, stream) = socket.split();
    tokio::select! {
        () = send_all(&viewer, sink) => {}
        () = receive_all(&viewer, stream) => {}
        () = shared.stop.cancelled() => {}
    }
}

async fn send_all(viewer: &impl Viewer, mut sink: SplitSink<WebSocket, Message>) {
    loop {
        let picture = viewer.next().await;
        match tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::Binary(picture))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return tracing::warn!("a page stopped reading pictures and is dropped"),
        }
    }
}

async fn receive_all(viewer: &impl Viewer, mut stream: SplitStream<WebSocket>) {
    loop {
        let text = match stream.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return,
        };
        match serde_json::from_str(&text) {
            Ok(PictureFrame::Show { layout, pictures }) if pictures.len() <= MAX_SHOWN => {
                viewer.show(layout, pictures);
            }
            Ok(PictureFrame::Drawn { number }) => viewer.drawn(number),
            Ok(PictureFrame::Show { .. }) | Err(_) => {
                return tracing::warn!("a frame of a page is not understood");
            }
        }
    }
}
