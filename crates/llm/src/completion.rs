//! An answer as it comes: genai's events in our words, and the end of our patience.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use genai::chat::{ChatStream, ChatStreamEvent, StopReason, StreamEnd};
use genai::webc::StreamTimeout;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{Dispatch, dispatcher};

use crate::classify;
use crate::error::{Class, Error};
use crate::prompt::{Delta, EndReason, Usage};

/// An answer as it comes. Ends after [`Delta::End`] or an error; dropping it aborts the request.
pub struct Completion {
    /// `None` once it is over, so that the connection is closed.
    events: Option<ChatStream>,
    first: Option<Delta>,
    patience: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl Completion {
    /// Waits for the first piece of the answer.
    ///
    /// `patience` is how long the provider may go on without a piece although its connection
    /// lives; silence on the wire is noticed by genai's timeouts, earlier.
    pub(crate) async fn begin(events: ChatStream, patience: Duration) -> Result<Self, Error> {
        let mut completion = Self {
            events: Some(events),
            first: None,
            patience,
            alarm: Box::pin(sleep(patience)),
        };
        completion.first = completion.next().await.transpose()?;
        Ok(completion)
    }

    /// Polls genai without letting it write to the log: it would quote what providers answer.
    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<genai::Result<ChatStreamEvent>>> {
        let Some(events) = &mut self.events else {
            return Poll::Ready(None);
        };
        dispatcher::with_default(&Dispatch::none(), || events.poll_next_unpin(context))
    }

    fn end(&mut self, result: Result<Delta, Error>) -> Poll<Option<Result<Delta, Error>>> {
        self.events = None;
        Poll::Ready(Some(result))
    }
}

impl Stream for Completion {
    type Item = Result<Delta, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        while self.events.is_some() {
            let event = match self.poll_event(context) {
                Poll::Ready(event) => event,
                Poll::Pending => {
                    ready!(self.alarm.as_mut().poll(context));
                    return self.end(Err(Error::of(Class::Timeout)));
                }
            };
            let next = Instant::now() + self.patience;
            self.alarm.as_mut().reset(next);
            match event {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    return Poll::Ready(Some(Ok(Delta::Text(chunk.content))));
                }
                Some(Ok(ChatStreamEvent::End(end))) => return self.end(finish(&end)),
                // Hidden thinking and keep-alives: a sign of life, no more.
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.end(Err(judge(&error))),
                // The stream broke off without its end mark.
                None => return self.end(Err(Error::of(Class::Unknown))),
            }
        }
        Poll::Ready(None)
    }
}

fn finish(end: &StreamEnd) -> Result<Delta, Error> {
    let reason = match &end.captured_stop_reason {
        Some(StopReason::Completed(_) | StopReason::StopSequence(_)) => EndReason::Complete,
        Some(StopReason::MaxTokens(_)) => EndReason::Length,
        Some(StopReason::ToolCall(_)) => EndReason::ToolCall,
        Some(StopReason::ContentFilter(_)) => return Err(Error::of(Class::ContentBlocked)),
        Some(StopReason::Other(_)) | None => EndReason::Other,
    };
    Ok(Delta::End {
        reason,
        usage: end.captured_usage.as_ref().map(usage),
    })
}

fn usage(usage: &genai::chat::Usage) -> Usage {
    let count = |tokens: Option<i32>| u32::try_from(tokens.unwrap_or(0)).unwrap_or(0);
    let cached = usage
        .prompt_tokens_details
        .as_ref()
        .and_then(|details| details.cached_tokens);
    Usage {
        input_tokens: count(usage.prompt_tokens),
        output_tokens: count(usage.completion_tokens),
        cached_tokens: count(cached),
    }
}

/// Finds out what an error of genai means. Nothing of its text is kept.
pub(crate) fn judge(error: &genai::Error) -> Error {
    match error {
        genai::Error::HttpError {
            status,
            body,
            headers,
            ..
        } => classify::refusal(status.as_u16(), headers, body),
        genai::Error::ChatResponse { body, .. } => classify::interruption(body),
        genai::Error::WebStream { error, .. } => judge_transport(&**error),
        genai::Error::StreamParse { .. } => Error::of(Class::Unknown),
        _ => Error::of(Class::RequestFault),
    }
}

fn judge_transport(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    if let Some(error) = error.downcast_ref::<genai::Error>() {
        return judge(error);
    }
    if error.downcast_ref::<StreamTimeout>().is_some() {
        return Error::of(Class::Timeout);
    }
    Error::of(
        error
            .downcast_ref::<reqwest::Error>()
            .map_or(Class::Unknown, judge_reqwest),
    )
}

pub(crate) fn judge_reqwest(error: &reqwest::Error) -> Class {
    if error.is_builder() {
        Class::RequestFault
    } else if error.is_timeout() {
        Class::Timeout
    } else if error.is_connect() || error.is_request() {
        Class::Unreachable
    } else {
        Class::Unknown
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("over", &self.events.is_none())
            .finish_non_exhaustive()
    }
}
