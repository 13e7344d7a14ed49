//! The answer: its head, and a body that is read in pieces, under bounds of time and size.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::decode::Decoder;
use crate::error::{Error, Phase};
use crate::exchange::Exchange;
use crate::metrics::Report;

/// The answer to a request.
pub struct Response {
    /// Its status, whatever it says.
    pub status: StatusCode,
    /// Its header fields; what a redirect said before is not among them.
    pub headers: HeaderMap,
    /// The host that answered in the end, without path or query.
    pub host: Arc<str>,
    /// What is still to be read. Dropping it ends the transfer.
    pub body: Body,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// A body that is still on its way.
#[derive(Debug)]
pub struct Body {
    pub(crate) exchange: Exchange,
    pub(crate) decoder: Decoder,
    pub(crate) silence: Duration,
    pub(crate) deadline: Instant,
    pub(crate) is_finished: bool,
    pub(crate) report: Report,
}

impl Body {
    /// Returns the next bytes, decoded; `None` at the end. Never empty.
    ///
    /// Cancel safe: yes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the first byte over a cap, [`Error::Timeout`], and what else can
    /// happen to a connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.advance().await {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(chunk) => return Ok(chunk),
                Err(error) => {
                    self.report.failed(&error);
                    return Err(error);
                }
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, Error> {
        if self.is_finished {
            return Ok(None);
        }
        let patience = Instant::now() + self.silence;
        let received = timeout_at(self.deadline.min(patience), self.exchange.chunk()).await;
        let phase = if patience < self.deadline {
            Phase::Silence
        } else {
            Phase::Total
        };
        let received = received.map_err(|_elapsed| Error::Timeout(phase))??;
        let decoded = match received {
            Some(received) => self.decoder.push(&received)?,
            None => {
                self.is_finished = true;
                self.decoder.finish()?
            }
        };
        self.report.received(decoded.len());
        if self.is_finished {
            self.report.succeeded();
        }
        Ok(Some(decoded))
    }

    /// Reads all of it.
    ///
    /// Cancel safe: no; what was read is lost.
    ///
    /// # Errors
    /// Those of [`Body::chunk`].
    pub async fn read(mut self) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}
