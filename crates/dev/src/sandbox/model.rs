//! Model providers in the wire formats of OpenAI (`/model/v1`), Anthropic (`/model/anthropic/v1`)
//! and Gemini (`/model/gemini/v1beta`). One brain answers in all of them, the same for the same
//! seed and question; faults can be ordered for it.

mod answer;
mod anthropic;
mod ask;
mod brain;
mod embed;
pub(crate) mod fault;
mod gemini;
mod line;
mod load;
mod openai;
mod persona;
mod phrases;
mod picture;
mod refusal;
mod stream;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{Sandbox, clock};
use ask::{Ask, Role};
use brain::Reply;
use fault::{Effect, Kind, Work};
pub(crate) use load::Load;
use load::{Call, InFlight};
pub use picture::png;
use refusal::Problem;
use stream::{Frames, Pace};

/// How a key that is accepted begins.
pub(super) const KEY_PREFIX: &str = "sk-sandbox";
/// Stands for the words of an answer while its JSON is cut around them.
const WORDS_MARK: &str = "\u{e000}";

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    OpenAi,
    Anthropic,
    Gemini,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    fn whole(self, reply: &Reply) -> Value {
        match self {
            Self::OpenAi => openai::whole(reply),
            Self::Anthropic => anthropic::whole(reply),
            Self::Gemini => gemini::whole(reply),
        }
    }

    fn frames(self, reply: &Reply, wants_usage: bool) -> Frames {
        match self {
            Self::OpenAi => openai::frames(reply, wants_usage),
            Self::Anthropic => anthropic::frames(reply),
            Self::Gemini => gemini::frames(reply),
        }
    }
}

/// The routes below `/model`.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .nest("/v1", openai::router())
        .nest("/anthropic/v1", anthropic::router())
        .nest("/gemini/v1beta", gemini::router())
}

/// The answer to a call whose key is not good.
type Refusal = Box<Response>;

/// A call whose key is good.
struct Caller {
    sandbox: Sandbox,
    format: Format,
    key: String,
}

impl Caller {
    /// Checks the key.
    fn check(sandbox: Sandbox, format: Format, key: Option<String>) -> Result<Self, Refusal> {
        sandbox.model().arrived();
        let problem = match key {
            Some(key) if key.starts_with(KEY_PREFIX) => {
                return Ok(Self {
                    sandbox,
                    format,
                    key,
                });
            }
            Some(_) => Problem::WrongKey,
            None => Problem::NoKey,
        };
        sandbox.model().refused();
        Err(Refusal::new(problem.response(format)))
    }

    fn refuse(&self, problem: &Problem) -> Response {
        self.sandbox.model().refused();
        problem.response(self.format)
    }

    fn seed(&self) -> u64 {
        self.sandbox.peek(|world| world.seed)
    }

    /// Takes the fault that was ordered for this call.
    fn fault(&self, on: Work, model: &str) -> Option<Effect> {
        let seed = self.seed();
        self.sandbox
            .model()
            .faults()
            .take(on, &self.key, model, seed)
    }

    /// Does work that gives JSON, unless a fault refuses or delays it.
    async fn simple(
        &self,
        on: Work,
        model: &str,
        work: impl FnOnce() -> Result<Value, Problem>,
    ) -> Response {
        let effect = self.fault(on, model);
        if let Some(effect) = effect {
            if effect.start_ms() == 0 {
                return self.refuse(&Problem::Fault(effect));
            }
            tokio::time::sleep(Duration::from_millis(effect.start_ms())).await;
        }
        match work() {
            Ok(body) => json(&body),
            Err(problem) => self.refuse(&problem),
        }
    }

    /// Answers a question.
    async fn chat(&self, models: &[&str], ask: Result<Ask, Problem>) -> Response {
        let ask = match ask {
            Ok(ask) if models.contains(&ask.model.as_str()) => ask,
            Ok(ask) => return self.refuse(&Problem::NoModel(ask.model)),
            Err(problem) => return self.refuse(&problem),
        };
        self.sandbox
            .peek(|world| world.journal.asked(clock::now_ms()));
        let question = line::newest(ask.question()).text;
        let asked = || Effect::of_message(answer::before_exactly(&question));
        let effect = self.fault(Work::Chat, &ask.model).or_else(asked);
        let reply = Reply::to(&ask, self.seed(), effect.as_ref());
        self.sandbox
            .model()
            .record(call(self.format, &ask, &reply, effect.as_ref()));
        match effect {
            Some(effect) if refuses(effect.kind, ask.is_streamed) => {
                if effect.kind == Kind::Blocked && self.format == Format::Gemini {
                    return gemini::blocked(&reply, ask.is_streamed);
                }
                self.refuse(&Problem::Fault(effect))
            }
            effect if ask.is_streamed => self.streamed(&reply, effect, ask.wants_usage),
            effect => self.whole(&reply, effect).await,
        }
    }

    fn pace(&self, effect: Option<&Effect>) -> Pace {
        Pace::of(
            self.sandbox.peek(|world| world.settings.delta_delay_ms),
            effect,
        )
    }

    fn streamed(&self, reply: &Reply, effect: Option<Effect>, wants_usage: bool) -> Response {
        let in_flight = InFlight::start(Arc::clone(self.sandbox.model()));
        let frames = self.format.frames(reply, wants_usage);
        let pace = self.pace(effect.as_ref());
        let body = stream::body(frames, self.format, effect.as_ref(), pace, in_flight);
        respond(200, "text/event-stream; charset=utf-8", body)
    }

    async fn whole(&self, reply: &Reply, effect: Option<Effect>) -> Response {
        let in_flight = InFlight::start(Arc::clone(self.sandbox.model()));
        let pace = self.pace(effect.as_ref());
        let kind = effect.map(|effect| effect.kind);
        if let Some(Kind::CutOff | Kind::Malformed | Kind::Endless) = kind {
            let frames = around_words(self.format, reply);
            let body = stream::body(frames, self.format, effect.as_ref(), pace, in_flight);
            return respond(200, "application/json", body);
        }
        let pieces = u32::try_from(reply.pieces().len()).unwrap_or(u32::MAX);
        tokio::time::sleep(pace.start + pace.piece.saturating_mul(pieces)).await;
        in_flight.finish();
        json(&self.format.whole(reply))
    }
}

/// Tells whether a fault is answered instead of the question.
fn refuses(kind: Kind, is_streamed: bool) -> bool {
    match kind {
        Kind::Status(_) | Kind::Quota | Kind::Blocked => true,
        Kind::ErrorEvent => !is_streamed,
        _ => false,
    }
}

/// Cuts a whole answer so that it can be sent, and broken, within its words.
fn around_words(format: Format, reply: &Reply) -> Frames {
    let marked = Reply {
        text: WORDS_MARK.to_owned(),
        ..reply.clone()
    };
    let whole = format.whole(&marked).to_string();
    let Some((before, after)) = whole.split_once(WORDS_MARK) else {
        return Frames {
            head: vec![whole],
            ..Frames::default()
        };
    };
    let escaped = |piece: String| {
        let quoted = Value::String(piece).to_string();
        quoted.trim_matches('"').to_owned()
    };
    Frames {
        head: vec![before.to_owned()],
        body: reply.pieces().into_iter().map(escaped).collect(),
        tail: vec![after.to_owned()],
    }
}

fn call(format: Format, ask: &Ask, reply: &Reply, effect: Option<&Effect>) -> Call {
    let said = ask.said.iter().map(|said| {
        let role = match said.role {
            Role::Person => "person",
            Role::Model => "model",
            Role::Tool => "tool",
        };
        format!("{role}: {}", said.text)
    });
    Call {
        at_ms: clock::now_ms(),
        format: format.name(),
        model: ask.model.clone(),
        is_streamed: ask.is_streamed,
        fault: effect.map(|effect| effect.kind.to_string()),
        system: ask.system.clone(),
        said: said.collect(),
        pictures: ask
            .said
            .iter()
            .flat_map(|said| said.pictures.iter().cloned())
            .collect(),
        answer: reply.text.clone(),
        tools: reply.calls.iter().map(|call| call.name.clone()).collect(),
        prompt_tokens: reply.prompt_tokens,
        written_tokens: reply.written_tokens,
    }
}

/// Returns a header's text.
fn header_text(headers: &http::HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// A good answer in JSON.
fn json(body: &Value) -> Response {
    respond(200, "application/json", Body::from(body.to_string()))
}

fn respond(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
