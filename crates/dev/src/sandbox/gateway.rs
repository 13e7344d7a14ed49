//! Discord's gateway, version 10: one task per connection, which reads what the client sends and
//! passes on what its session is told.

mod close;
mod codec;
mod hello;
mod orders;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use http::Uri;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::Sandbox;
use super::clock;
use super::world::sessions::Next;
use close::End;
use codec::Codec;

/// Largest payload that a client may send (Discord gateway page, 2026-11).
const PAYLOAD_BYTES: usize = 4_096;
/// Largest message that is read at all; beyond it the socket breaks.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Payloads that a client may send in a minute.
const SENDS_PER_MINUTE: u32 = 120;
/// Frames handed out between two looks at what the client sends.
const PAGE: usize = 64;
/// How long the other side is given to finish the close.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// Opcodes (Discord opcodes page, 2026-11).
mod op {
    pub(super) const HEARTBEAT: u64 = 1;
    pub(super) const IDENTIFY: u64 = 2;
    pub(super) const PRESENCE: u64 = 3;
    pub(super) const VOICE: u64 = 4;
    pub(super) const RESUME: u64 = 6;
    pub(super) const REQUEST_MEMBERS: u64 = 8;
    pub(super) const SOUNDBOARD: u64 = 31;
}

/// A payload from the client.
#[derive(Deserialize)]
struct Payload {
    op: u64,
    #[serde(default)]
    d: Value,
}

/// The session that a connection listens to.
struct Attached {
    session: String,
    cursor: u64,
    wake: Arc<Notify>,
}

/// One connection.
struct Connection {
    sandbox: Sandbox,
    socket: WebSocket,
    codec: Codec,
    number: u64,
    attached: Option<Attached>,
    heartbeat: Duration,
    last_heartbeat: Instant,
    minute: (Instant, u32),
    /// Nothing is said any more, whatever the client does.
    is_silent: bool,
}

/// Accepts a connection.
pub(crate) async fn accept(
    State(sandbox): State<Sandbox>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = uri.query().unwrap_or_default().to_owned();
    upgrade
        .max_message_size(MESSAGE_BYTES)
        .on_upgrade(move |socket| async move { connect(sandbox, socket, &query).await })
}

async fn connect(sandbox: Sandbox, socket: WebSocket, query: &str) {
    let (number, heartbeat_ms) = sandbox.with(|world| {
        world.stats.connections += 1;
        (world.stats.connections, world.settings.heartbeat_ms)
    });
    let mut connection = Connection {
        socket,
        codec: Codec::of_query(query),
        number,
        attached: None,
        heartbeat: Duration::from_millis(heartbeat_ms),
        last_heartbeat: Instant::now(),
        minute: (Instant::now(), 0),
        is_silent: false,
        sandbox,
    };
    let end = if codec::has_supported_version(query) {
        connection.run().await
    } else {
        close::INVALID_VERSION
    };
    connection.finish(end).await;
}

impl Connection {
    /// Talks until one side ends it.
    async fn run(&mut self) -> End {
        let hello = format!(
            r#"{{"t":null,"s":null,"op":10,"d":{{"heartbeat_interval":{},"_trace":["sandbox"]}}}}"#,
            self.heartbeat.as_millis()
        );
        if let Err(end) = self.send(hello.into()).await {
            return end;
        }
        loop {
            if let Err(end) = self.step().await {
                return end;
            }
        }
    }

    /// Waits for the client or the session, and does what is due.
    async fn step(&mut self) -> Result<(), End> {
        let wake = self
            .attached
            .as_ref()
            .map(|attached| Arc::clone(&attached.wake));
        let shutdown = self.sandbox.shutdown().clone();
        // Two intervals without a heartbeat: the client is gone.
        let deadline = self.last_heartbeat + self.heartbeat * 2;
        tokio::select! {
            message = self.socket.recv() => self.receive(message).await,
            () = wake_up(wake) => self.pass_on().await,
            () = tokio::time::sleep_until(deadline) => {
                Err(if self.is_silent { End::Break } else { close::TIMED_OUT })
            }
            () = shutdown.cancelled() => Err(End::Break),
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let bytes = match message {
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(frame))) => {
                return Err(End::Left(frame.map(|frame| frame.code)));
            }
            Some(Err(_)) | None => return Err(End::Break),
        };
        if self.is_silent {
            return Ok(());
        }
        self.count_send()?;
        if bytes.len() > PAYLOAD_BYTES {
            return Err(close::UNDECODABLE);
        }
        let payload: Payload = serde_json::from_slice(&bytes).or(Err(close::UNDECODABLE))?;
        self.obey(payload).await
    }

    fn count_send(&mut self) -> Result<(), End> {
        if self.minute.0.elapsed() >= Duration::from_mins(1) {
            self.minute = (Instant::now(), 0);
        }
        self.minute.1 += 1;
        if self.minute.1 > SENDS_PER_MINUTE {
            return Err(close::RATE_LIMITED);
        }
        Ok(())
    }

    async fn obey(&mut self, payload: Payload) -> Result<(), End> {
        match (payload.op, self.attached.is_some()) {
            (op::HEARTBEAT, _) => {
                self.last_heartbeat = Instant::now();
                self.send(r#"{"t":null,"s":null,"op":11,"d":null}"#.into())
                    .await
            }
            (op::IDENTIFY | op::RESUME, true) => Err(close::ALREADY),
            (op::IDENTIFY, false) => {
                self.attached = hello::identify(&self.sandbox, self.number, &payload.d)?;
                self.attach().await
            }
            (op::RESUME, false) => {
                self.attached = hello::resume(&self.sandbox, self.number, &payload.d)?;
                self.attach().await
            }
            (op::PRESENCE | op::VOICE | op::REQUEST_MEMBERS | op::SOUNDBOARD, true) => Ok(()),
            (op::PRESENCE | op::VOICE | op::REQUEST_MEMBERS | op::SOUNDBOARD, false) => {
                Err(close::NOT_YET)
            }
            _ => Err(close::UNKNOWN_OPCODE),
        }
    }

    /// Tells the client its session, or that there is none.
    async fn attach(&mut self) -> Result<(), End> {
        match self.attached {
            Some(_) => self.pass_on().await,
            None => self.send(orders::INVALID_SESSION.into()).await,
        }
    }

    /// Sends everything that the session was told since.
    async fn pass_on(&mut self) -> Result<(), End> {
        loop {
            let Some(attached) = self.attached.as_mut() else {
                return Ok(());
            };
            let next = self.sandbox.peek(|world| {
                world
                    .sessions
                    .next(&attached.session, self.number, attached.cursor, PAGE)
            });
            match next {
                Next::Frames(_, cursor) if cursor == attached.cursor => return Ok(()),
                Next::Frames(frames, cursor) => {
                    attached.cursor = cursor;
                    for frame in frames {
                        self.send(frame).await?;
                    }
                }
                Next::Order(order) => self.follow(order).await?,
                Next::Lost => return Err(close::UNKNOWN),
            }
        }
    }

    async fn send(&mut self, text: axum::extract::ws::Utf8Bytes) -> Result<(), End> {
        if self.is_silent {
            return Ok(());
        }
        let message = self.codec.encode(text).or(Err(End::Break))?;
        self.socket.send(message).await.or(Err(End::Break))
    }

    /// Closes the socket and lets go of the session.
    async fn finish(mut self, end: End) {
        self.release(&end);
        if let End::Close(code, reason) = end {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            if self.socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        if end != End::Break {
            // Reading on lets the close frames cross; without it the socket would be reset.
            let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            drop(timeout(CLOSE_WAIT, rest).await);
        }
    }

    fn release(&mut self, end: &End) {
        let (number, attached) = (self.number, self.attached.take());
        self.sandbox.with(|world| {
            if let End::Left(code) = end {
                let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
                *world.stats.client_closes.entry(code).or_default() += 1;
            }
            let Some(attached) = attached else { return };
            if end.ends_session() {
                world.sessions.end(&attached.session, number);
            } else {
                let now_ms = clock::now_ms();
                world.sessions.leave(&attached.session, number, now_ms);
            }
        });
    }
}

async fn wake_up(wake: Option<Arc<Notify>>) {
    match wake {
        Some(wake) => wake.notified().await,
        None => std::future::pending().await,
    }
}
