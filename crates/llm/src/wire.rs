//! The wire format of OpenAI's chat completions, as far as we use it.

mod request;

use serde_json::Value;

use crate::calls::Calls;
use crate::classify;
use crate::error::{Class, Error};
use crate::prompt::{EndReason, Usage};
use crate::tools::ToolCall;

pub(crate) use request::Request;

/// What one event of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// More text.
    Text(String),
    /// The model thinks: nothing that is shown, but it goes on.
    Thought,
    /// A part of a call of a tool.
    Call,
    /// Nothing new.
    Nothing,
    /// The answer is over.
    Done,
}

/// What was told so far that matters at the end of an answer.
#[derive(Default)]
pub(crate) struct Ending {
    reason: Option<EndReason>,
    is_blocked: bool,
    usage: Option<Usage>,
    calls: Calls,
}

impl Ending {
    /// Reads an event, and keeps what matters at the end.
    pub(crate) fn read(&mut self, data: &[u8]) -> Result<Said, Error> {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(Said::Done);
        }
        let event: Value =
            serde_json::from_slice(data).map_err(|_quotes| Error::of(Class::Unknown))?;
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            return Err(classify::interruption(error));
        }
        if let Some(told) = event.get("usage").and_then(usage) {
            self.usage = Some(told);
        }
        let Some(choice) = event.pointer("/choices/0") else {
            return Ok(Said::Nothing);
        };
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.note_reason(reason);
        }
        let Some(delta) = choice.get("delta") else {
            return Ok(Said::Nothing);
        };
        let calls = self.calls.take(delta);
        Ok(match said(delta) {
            Said::Nothing if calls => Said::Call,
            said => said,
        })
    }

    /// Returns why the answer is over, what it cost and which tools it asks for. A blocked answer
    /// is an error instead.
    pub(crate) fn settle(self) -> Result<(EndReason, Option<Usage>, Vec<ToolCall>), Error> {
        if self.is_blocked {
            return Err(Error::of(Class::ContentBlocked));
        }
        let reason = self.reason.unwrap_or(EndReason::Other);
        Ok((reason, self.usage, self.calls.finish()))
    }

    fn note_reason(&mut self, reason: &str) {
        self.is_blocked = matches!(reason, "content_filter" | "refusal");
        self.reason = Some(match reason {
            "stop" | "end_turn" | "completed" | "stop_sequence" => EndReason::Complete,
            "length"
            | "max_tokens"
            | "incomplete"
            | "model_length"
            | "model_context_window_exceeded" => EndReason::Length,
            "tool_calls" | "tool_use" | "function_call" => EndReason::ToolCall,
            _ => EndReason::Other,
        });
    }
}

fn said(delta: &Value) -> Said {
    let text = |field: &str| {
        delta
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    if let Some(text) = text("content") {
        return Said::Text(text.to_owned());
    }
    let thinks = ["reasoning_content", "reasoning"]
        .into_iter()
        .any(|field| text(field).is_some());
    if thinks { Said::Thought } else { Said::Nothing }
}

/// Reads what an answer cost; `None` where nothing is counted.
fn usage(told: &Value) -> Option<Usage> {
    let count = |field: &str| {
        let number = told.pointer(field)?.as_u64()?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let (input, output) = (count("/prompt_tokens"), count("/completion_tokens"));
    (input.is_some() || output.is_some()).then(|| Usage {
        input_tokens: input.unwrap_or_default(),
        output_tokens: output.unwrap_or_default(),
        cached_tokens: count("/prompt_tokens_details/cached_tokens").unwrap_or_default(),
    })
}
