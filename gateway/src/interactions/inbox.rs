//! A conversation with the workers about one interaction: one question, asked of one and perhaps of
//! others, and any number of words in answer.

use std::pin::pin;
use std::time::Duration;

use async_nats::{Client, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use prost::Message as _;
use proto::event::{InteractionOutcome, InteractionReply};
use tokio::time::{Instant, sleep_until};

/// When a second worker is asked: the first one's claim is a call to Discord, which takes 0.3 s.
const SECOND_REQUEST_AFTER: Duration = Duration::from_millis(700);

/// Workers asked at most, those that gave up included: by then it is a matter of all of them.
const MAX_ASKED: u32 = 3;

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A worker.
    Of(InteractionOutcome),
    /// The server: there is no worker.
    Nobody,
}

/// Where the words arrive; dropping it ends the conversation.
pub(super) struct Inbox {
    nats: Client,
    address: String,
    words: Subscriber,
}

impl Inbox {
    /// Opens one; `None` when the connection is closed for good.
    pub(super) async fn open(nats: &Client) -> Option<Self> {
        let address = nats.new_inbox();
        let words = nats.subscribe(address.clone()).await.ok()?;
        Some(Self {
            nats: nats.clone(),
            address,
            words,
        })
    }

    /// Asks one worker, a second one when the first is slow, and another for each that gives up.
    /// Returns the first word of one that has it; `None` when there is no worker. Never returns
    /// while nobody says anything.
    pub(super) async fn ask(
        &mut self,
        subject: &str,
        question: &Bytes,
        began: Instant,
    ) -> Option<InteractionOutcome> {
        let mut second = pin!(sleep_until(began + SECOND_REQUEST_AFTER));
        let mut is_second_due = true;
        let mut asked = 1;
        self.send(subject, question).await;
        loop {
            let word = tokio::select! {
                word = self.next() => word,
                () = &mut second, if is_second_due => {
                    is_second_due = false;
                    asked += 1;
                    self.send(subject, question).await;
                    continue;
                }
            };
            match word {
                Word::Of(
                    outcome @ (InteractionOutcome::Claimed
                    | InteractionOutcome::Working
                    | InteractionOutcome::Done),
                ) => return Some(outcome),
                Word::Of(InteractionOutcome::GaveUp) if asked < MAX_ASKED => {
                    asked += 1;
                    self.send(subject, question).await;
                }
                Word::Nobody if !is_second_due => return None,
                // Whoever has it will say so, or nobody does and the caller's time runs out.
                Word::Of(
                    InteractionOutcome::NotMine
                    | InteractionOutcome::GaveUp
                    | InteractionOutcome::Unspecified,
                )
                | Word::Nobody => {}
            }
        }
    }

    /// Returns the next word. Cancel safe. Never returns once the connection is closed for good.
    pub(super) async fn next(&mut self) -> Word {
        loop {
            let Some(message) = self.words.next().await else {
                return std::future::pending().await;
            };
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Word::Nobody;
            }
            if let Ok(reply) = InteractionReply::decode(message.payload) {
                return Word::Of(reply.outcome());
            }
        }
    }

    async fn send(&self, subject: &str, question: &Bytes) {
        let sent = self.nats.publish_with_reply(
            subject.to_owned(),
            self.address.clone(),
            question.clone(),
        );
        if let Err(error) = sent.await {
            tracing::debug!(kind = ?error.kind(), "a worker could not be asked");
        }
    }
}
