//! One shard: reads its frames, keeps its session, closes so that it can be resumed.
//!
//! Heartbeats advance only while the shard is polled, so the loop here waits for nothing else: it
//! hands frames over without waiting, and the spool's bound is kept by closing the connection.

pub mod frame;
pub mod session;

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::StreamExt;
use runtime::admin::Health;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::{CloseFrame, Message, ShardState};

use crate::clock;
use crate::encode::{Header, Kind};
use crate::error::{Error, FatalClose};
use crate::metrics;
use crate::resume::Progress;
use frame::Intake;
use session::{Condition, Dial, Shard, ShardUp};

/// How long a close may take: the peer's echo comes within a round trip or not at all.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// Liveness is told this often, frames or not.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// After so many failed attempts the library waits for 16 s and doubles; starting afresh keeps the
/// wait there, and tries the session's own address again.
const MAX_FAILED_ATTEMPTS: u8 = 5;

/// Reads one shard for as long as it is ours.
pub struct Reader<'a> {
    /// How the shard connects.
    pub dial: Dial,
    /// Where its frames go.
    pub intake: Intake,
    /// How far they are stored.
    pub progress: Progress,
    /// Who is told whether this shard is connected.
    pub up: &'a mut ShardUp,
    /// Who is told that the loop is alive.
    pub health: Health,
}

impl Reader<'_> {
    /// Reads until told to stop, then closes resumably; everything that was read is handed over.
    ///
    /// # Errors
    /// [`Error::Fatal`]: Discord will not have us.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let point = self.progress.point();
        let mut shard = self.dial.shard(point.has_session().then_some(point));
        let mut tick = tokio::time::interval(TICK_EVERY);
        loop {
            let item = tokio::select! {
                item = shard.next() => item,
                _ = tick.tick() => {
                    self.health.tick();
                    continue;
                }
                () = stop.cancelled() => break,
            };
            if let ControlFlow::Break(fatal) = self.take(item, &shard) {
                return Err(Error::Fatal(fatal));
            }
            if self.intake.is_full() {
                self.hold(&mut shard, &stop).await;
                shard = self.dial.again(&shard);
            } else if is_stuck(&shard) {
                shard = self.dial.again(&shard);
            }
        }
        self.close(&mut shard).await;
        self.up.set(Condition::Down);
        Ok(())
    }

    /// Handles what the shard gave; never waits.
    fn take(
        &mut self,
        item: Option<Result<Message, ReceiveMessageError>>,
        shard: &Shard,
    ) -> ControlFlow<FatalClose> {
        match item {
            Some(Ok(Message::Text(text))) => self.read(&text, shard),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| frame.code);
                metrics::disconnected();
                tracing::info!(shard = self.dial.number(), code, "the connection has ended");
                if let Some(fatal) = code.and_then(FatalClose::of) {
                    metrics::fatal_close(fatal);
                    self.up.set(Condition::Down);
                    return ControlFlow::Break(fatal);
                }
            }
            Some(Err(error)) => self.note_error(&error),
            // Only after a fatal close, which was seen before.
            None => {}
        }
        self.up.set(match shard.state() {
            ShardState::Active => Condition::Up,
            _ => Condition::Down,
        });
        ControlFlow::Continue(())
    }

    fn read(&mut self, text: &str, shard: &Shard) {
        let Some(header) = Header::scan(text) else {
            return;
        };
        let read_at_ms = clock::now_ms();
        metrics::frame(header.kind);
        match header.kind {
            Kind::Ready => self.begin((header.sequence, text), read_at_ms, shard),
            Kind::Resumed => {
                metrics::resumed();
                tracing::info!(shard = self.dial.number(), "the session goes on");
                self.progress.skip(header.sequence, read_at_ms);
            }
            Kind::MessageCreate
            | Kind::MessageUpdate
            | Kind::MessageDelete
            | Kind::MessageDeleteBulk
            | Kind::Interaction
            | Kind::GuildCreate
            | Kind::GuildDelete
            | Kind::Other => self.intake.take(header, text, read_at_ms, &self.progress),
        }
    }

    /// A new session: if there was one before, events of it may be lost.
    fn begin(&mut self, (sequence, ready): (u64, &str), read_at_ms: i64, shard: &Shard) {
        let (Some(session), Some(url)) = (shard.session(), shard.resume_url()) else {
            return;
        };
        let begun = self.progress.begin(session.id(), url);
        metrics::identified();
        tracing::info!(
            shard = self.dial.number(),
            epoch = begun.epoch,
            "a session has begun"
        );
        if let Some(lost_since_ms) = begun.lost_since_ms {
            metrics::session_lost();
            tracing::warn!(
                shard = self.dial.number(),
                gap_ms = read_at_ms - lost_since_ms,
                "the session before could not be resumed: events of this time may be missing"
            );
            self.intake
                .gap(lost_since_ms, sequence, read_at_ms, &self.progress);
        }
        self.intake
            .list(sequence, ready, read_at_ms, &self.progress);
        self.progress.skip(sequence, read_at_ms);
    }

    /// The error itself may quote the frame, so only its kind is told.
    fn note_error(&self, error: &ReceiveMessageError) {
        metrics::receive_error();
        let kind = match error.kind() {
            ReceiveMessageErrorType::Compression => "compression",
            ReceiveMessageErrorType::Deserializing { .. } => "malformed",
            ReceiveMessageErrorType::Reconnect => "connect",
            _ => "other",
        };
        tracing::warn!(
            shard = self.dial.number(),
            kind,
            "the connection has met an error"
        );
    }

    /// The spool is full: stops reading until there is room. Discord keeps the rest for a while.
    async fn hold(&mut self, shard: &mut Shard, stop: &CancellationToken) {
        metrics::spool_full();
        tracing::warn!(
            shard = self.dial.number(),
            "the spool is full: reading stops"
        );
        self.close(shard).await;
        self.up.set(Condition::Down);
        if self.has_room_before(stop).await {
            tracing::info!(shard = self.dial.number(), "there is room: reading goes on");
        }
    }

    /// Waits for room in the spool; false when the process is to stop first.
    async fn has_room_before(&self, stop: &CancellationToken) -> bool {
        let mut tick = tokio::time::interval(TICK_EVERY);
        loop {
            tokio::select! {
                () = self.intake.has_room() => return true,
                () = stop.cancelled() => return false,
                _ = tick.tick() => self.health.tick(),
            }
        }
    }

    /// Closes so that the session can be resumed, and reads what arrives meanwhile.
    async fn close(&mut self, shard: &mut Shard) {
        if has_ended(shard) {
            return;
        }
        shard.close(CloseFrame::RESUME);
        let deadline = Instant::now() + CLOSE_DEADLINE;
        while let Ok(item) = tokio::time::timeout_at(deadline, shard.next()).await {
            let is_close = matches!(item, None | Some(Ok(Message::Close(_))));
            // A peer that does not echo the close makes the library connect again.
            let is_new = self.take(item, shard).is_break() || !has_ended(shard);
            if is_close || is_new {
                break;
            }
        }
    }
}

fn has_ended(shard: &Shard) -> bool {
    matches!(
        shard.state(),
        ShardState::Disconnected { .. } | ShardState::FatallyClosed
    )
}

fn is_stuck(shard: &Shard) -> bool {
    match shard.state() {
        ShardState::Disconnected { reconnect_attempts } => reconnect_attempts > MAX_FAILED_ATTEMPTS,
        ShardState::FatallyClosed => true,
        _ => false,
    }
}
