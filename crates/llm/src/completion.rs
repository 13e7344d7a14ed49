//! An answer as it comes, and the end of our patience.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::client::Timeouts;
use crate::error::{Class, Error};
use crate::prompt::Delta;
use crate::sse::Events;
use crate::wire::{Ending, Said};

/// An answer as it comes. Ends after [`Delta::End`] or an error; dropping it aborts the request.
pub struct Completion {
    /// `None` once it is over, so that the connection is closed.
    deltas: Option<BoxStream<'static, Result<Delta, Error>>>,
    first: Option<Delta>,
}

impl Completion {
    /// Waits for the first piece of the answer.
    pub(crate) async fn begin(response: Response, timeouts: Timeouts) -> Result<Self, Error> {
        let wire = Wire {
            response,
            events: Events::default(),
            ending: Ending::default(),
            is_calling: false,
            silence: timeouts.silence,
            progress: timeouts.progress,
        };
        let deltas = stream::unfold(Some(wire), |wire| async {
            let mut wire = wire?;
            match wire.next().await {
                Ok(Some(delta)) => Some((Ok(delta), Some(wire))),
                Ok(None) => Some((wire.end(), None)),
                Err(error) => Some((Err(error), None)),
            }
        });
        let mut completion = Self {
            deltas: Some(deltas.boxed()),
            first: None,
        };
        completion.first = completion.next().await.transpose()?;
        Ok(completion)
    }
}

impl Stream for Completion {
    type Item = Result<Delta, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(deltas) = &mut self.deltas else {
            return Poll::Ready(None);
        };
        let delta = ready!(deltas.poll_next_unpin(context));
        if !matches!(delta, Some(Ok(Delta::Text(_) | Delta::Calling))) {
            self.deltas = None;
        }
        Poll::Ready(delta)
    }
}

/// The wire side of an answer.
struct Wire {
    response: Response,
    events: Events,
    ending: Ending,
    /// It has begun to ask for tools.
    is_calling: bool,
    silence: Duration,
    progress: Duration,
}

impl Wire {
    /// Waits for the next piece before the end; `None` when the answer is over.
    async fn next(&mut self) -> Result<Option<Delta>, Error> {
        let mut patience = Instant::now() + self.progress;
        loop {
            while let Some(data) = self.events.next() {
                match self.ending.read(&data)? {
                    Said::Text(text) => return Ok(Some(Delta::Text(text))),
                    Said::Call if !self.is_calling => {
                        self.is_calling = true;
                        return Ok(Some(Delta::Calling));
                    }
                    Said::Thought | Said::Call => patience = Instant::now() + self.progress,
                    Said::Nothing => {}
                    Said::Done => return Ok(None),
                }
            }
            self.read(patience).await?;
        }
    }

    /// Waits for more bytes.
    async fn read(&mut self, patience: Instant) -> Result<(), Error> {
        let now = Instant::now();
        // A wire that is always busy never lets the timer below have its turn.
        if patience <= now {
            return Err(Error::of(Class::Timeout));
        }
        let chunk = timeout_at(patience.min(now + self.silence), self.response.chunk());
        let chunk = chunk
            .await
            .map_err(|_elapsed| Error::of(Class::Timeout))?
            .map_err(|error| Error::of_transport(&error))?;
        match chunk {
            Some(bytes) => self
                .events
                .push(&bytes)
                .map_err(|_too_long| Error::of(Class::Unknown)),
            // The answer broke off without its end mark, unless that is what is left.
            None => {
                self.events.finish();
                if self.events.is_drained() {
                    return Err(Error::of(Class::Unknown));
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<Delta, Error> {
        let (reason, usage, calls) = self.ending.settle()?;
        Ok(Delta::End {
            reason,
            usage,
            calls,
        })
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("over", &self.deltas.is_none())
            .finish_non_exhaustive()
    }
}
