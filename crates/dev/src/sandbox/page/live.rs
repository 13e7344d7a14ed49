//! News to an open page, over a WebSocket: browsers allow many of them to one address, so that many
//! tabs can be many people.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use proto::id::UserId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use std::sync::Arc;

use super::view::Viewer;
use crate::sandbox::Sandbox;
use crate::sandbox::admin::answer;
use crate::sandbox::world::live::News;

/// Told first: from now on nothing is missed.
const HELLO: &str = r#"{"type":"HELLO","body":{}}"#;
/// Told to a page that fell behind: read everything again.
const BEHIND: &str = r#"{"type":"BEHIND","body":{}}"#;

/// Tells a page what its user may know, from now on.
pub(super) async fn listen(
    State(sandbox): State<Sandbox>,
    Query(viewer): Query<Viewer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let found = sandbox.with(|world| viewer.find(world).map(|user| (user, world.live.listen())));
    match found {
        Ok((user, news)) => upgrade.on_upgrade(move |socket| tell(sandbox, user, news, socket)),
        Err(wrong) => answer(Err(wrong)),
    }
}

async fn tell(
    sandbox: Sandbox,
    user: UserId,
    mut news: Receiver<Arc<News>>,
    mut socket: WebSocket,
) {
    let mut frame = Some(HELLO.to_owned());
    loop {
        if let Some(frame) = frame.take()
            && socket.send(Message::text(frame)).await.is_err()
        {
            return;
        }
        tokio::select! {
            received = news.recv() => frame = match received {
                Ok(news) => sandbox.peek(|world| world.may_hear(user, &news)).then(|| news.frame()),
                Err(RecvError::Lagged(_)) => Some(BEHIND.to_owned()),
                Err(RecvError::Closed) => return,
            },
            // The page says nothing here; the end of its side is what is waited for.
            heard = socket.recv() => if !matches!(heard, Some(Ok(_))) { return },
            () = sandbox.shutdown().cancelled() => return,
        }
    }
}
