//! The wire format of OpenAI's chat completions, as far as we use it.

use serde::Serialize;
use serde_json::Value;

use crate::classify;
use crate::error::{Class, Error};
use crate::prompt::{EndReason, Prompt, Role, Usage};

/// Models of OpenAI that refuse `max_tokens` and want the limit under its newer name, which other
/// providers do not know.
const NEWER_LIMIT: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];

/// The body of a request.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    temperature: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> From<&'a Prompt> for Request<'a> {
    fn from(prompt: &'a Prompt) -> Self {
        let turns = prompt.turns.iter().map(|turn| Message {
            role: match turn.role {
                Role::User => "user",
                Role::Persona => "assistant",
            },
            content: &turn.text,
        });
        let system = Message {
            role: "system",
            content: &prompt.system,
        };
        let said = prompt.continue_from.as_deref().map(|content| Message {
            role: "assistant",
            content,
        });
        let most = prompt.max_output_tokens;
        let is_newer = NEWER_LIMIT
            .iter()
            .any(|start| prompt.model.starts_with(start));
        Self {
            model: &prompt.model,
            messages: std::iter::once(system).chain(turns).chain(said).collect(),
            temperature: prompt.temperature,
            max_tokens: most.filter(|_| !is_newer),
            max_completion_tokens: most.filter(|_| is_newer),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
        }
    }
}

/// What one event of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// More text.
    Text(String),
    /// The model thinks, or calls a tool: nothing that is shown, but it goes on.
    Thought,
    /// Nothing new.
    Nothing,
    /// The answer is over.
    Done,
}

/// What was told about the end of an answer so far.
#[derive(Default)]
pub(crate) struct Ending {
    reason: Option<EndReason>,
    is_blocked: bool,
    usage: Option<Usage>,
}

impl Ending {
    /// Reads an event, and keeps what it says about the end.
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
        Ok(choice.get("delta").map_or(Said::Nothing, said))
    }

    /// Returns why the answer is over and what it cost. A blocked answer is an error instead.
    pub(crate) fn settle(self) -> Result<(EndReason, Option<Usage>), Error> {
        if self.is_blocked {
            return Err(Error::of(Class::ContentBlocked));
        }
        Ok((self.reason.unwrap_or(EndReason::Other), self.usage))
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
    let calls = delta
        .get("tool_calls")
        .and_then(Value::as_array)
        .is_some_and(|calls| !calls.is_empty());
    if thinks || calls {
        Said::Thought
    } else {
        Said::Nothing
    }
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
