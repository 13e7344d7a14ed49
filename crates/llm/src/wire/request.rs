//! A prompt as a request.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::prompt::{Image, Prompt, Role, Turn};
use crate::tools::{Arguments, Tool, ToolStep, ToolUse};

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<Offer<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

/// Words alone, or words and what is shown with them.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Words(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Serialize)]
struct ImageUrl {
    url: String,
}

/// What is said of a tool; functions are the only kind there is.
#[derive(Serialize)]
struct Function<T> {
    r#type: &'static str,
    function: T,
}

#[derive(Serialize)]
struct Offer<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
struct Called<'a> {
    id: String,
    #[serde(flatten)]
    call: Function<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    arguments: String,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> From<&'a Prompt> for Request<'a> {
    fn from(prompt: &'a Prompt) -> Self {
        let most = prompt.max_output_tokens;
        let is_newer = NEWER_LIMIT
            .iter()
            .any(|start| prompt.model.starts_with(start));
        let tools = &prompt.tools;
        let is_withheld = tools.are_over && !tools.offered.is_empty();
        Self {
            model: &prompt.model,
            messages: messages(prompt),
            temperature: prompt.temperature,
            max_tokens: most.filter(|_| !is_newer),
            max_completion_tokens: most.filter(|_| is_newer),
            tools: tools.offered.iter().map(offer).collect(),
            tool_choice: is_withheld.then_some("none"),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
        }
    }
}

fn messages(prompt: &Prompt) -> Vec<Message<'_>> {
    let mut messages = vec![said("system", &prompt.system)];
    messages.extend(prompt.turns.iter().map(turn_message));
    let are_known = !prompt.tools.offered.is_empty();
    for (number, step) in prompt.tools.steps.iter().enumerate() {
        if are_known {
            messages.extend(step_messages(number, step));
        } else {
            messages.extend(told(step));
        }
    }
    let begun = prompt.continue_from.as_deref();
    messages.extend(begun.map(|text| said("assistant", text)));
    messages
}

/// Only what people say can show something: the format has no pictures of the model.
fn turn_message(turn: &Turn) -> Message<'_> {
    match turn.role {
        Role::User if !turn.images.is_empty() => {
            let mut parts = vec![Part::Text { text: &turn.text }];
            parts.extend(turn.images.iter().map(image));
            Message {
                content: Some(Content::Parts(parts)),
                ..said("user", "")
            }
        }
        Role::User => said("user", &turn.text),
        Role::Persona => said("assistant", &turn.text),
    }
}

/// A picture that comes with the request, so that nobody fetches anything.
fn image(image: &Image) -> Part<'_> {
    let Image { media_type, bytes } = image;
    let mut url = format!("data:{media_type};base64,");
    BASE64_STANDARD.encode_string(bytes, &mut url);
    let image_url = ImageUrl { url };
    Part::ImageUrl { image_url }
}

fn said<'a>(role: &'static str, text: impl Into<Cow<'a, str>>) -> Message<'a> {
    Message {
        role,
        content: Some(Content::Words(text.into())),
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

fn offer(tool: &Tool) -> Function<Offer<'_>> {
    let Tool {
        name,
        description,
        schema,
    } = tool;
    Function {
        r#type: "function",
        function: Offer {
            name,
            description,
            parameters: schema,
        },
    }
}

fn step_messages(number: usize, step: &ToolStep) -> Vec<Message<'_>> {
    let asked = Message {
        role: "assistant",
        content: (!step.said.is_empty()).then(|| Content::Words(step.said.as_str().into())),
        tool_calls: (0..)
            .zip(&step.uses)
            .map(|(call, used)| called(id(number, call), used))
            .collect(),
        tool_call_id: None,
    };
    let answers = (0..).zip(&step.uses).map(|(call, used)| Message {
        tool_call_id: Some(id(number, call)),
        ..said("tool", &used.result)
    });
    std::iter::once(asked).chain(answers).collect()
}

fn called(id: String, used: &ToolUse) -> Called<'_> {
    let arguments = match &used.call.arguments {
        Arguments::Given(given) => serde_json::to_string(given).unwrap_or_default(),
        // Some providers look whether it is JSON. That it was none, the result says.
        Arguments::Malformed => "{}".to_owned(),
    };
    let name = &used.call.name;
    Called {
        id,
        call: Function {
            r#type: "function",
            function: Call { name, arguments },
        },
    }
}

/// Names a call within its answer: nine letters and digits, as the strictest provider wants them.
fn id(step: usize, call: usize) -> String {
    format!("s{step:03}c{call:04}")
}

/// Tells in words what was done, to a model that knows no tools.
fn told(step: &ToolStep) -> impl Iterator<Item = Message<'_>> {
    let words = (!step.said.is_empty()).then(|| said("assistant", &step.said));
    let uses = step.uses.iter().map(|used| {
        let ToolUse { call, result } = used;
        said(
            "user",
            format!("(You used {}. Its answer: {result})", call.name),
        )
    });
    words.into_iter().chain(uses)
}
