//! Model providers, in our vocabulary of deltas and errors; and whether the services that tools use
//! take a key.
//!
//! One call is one stream; dropping the stream aborts the request. There is no choice of key or
//! model here, no retry, and no text or key in any log line, `Display` or `Debug` output. Whatever a
//! provider sends, what is kept of it has a bound; of its words those are kept that it says about a
//! key or an account, for the eyes of their owner ([`Error::words`]).
//!
//! Every provider that we offer speaks one wire format, so we speak it ourselves (`wire`, `sse`).
//! The crate genai, which knows some twenty, was tried and dropped: it keeps an event that never
//! ends and an error's text without a bound, offers no hook between the body and its reader, writes
//! what providers answer to the log, and takes model names apart.

mod client;
mod completion;
mod models;

mod body;
mod calls;
mod sse;
mod wire;

mod classify;
mod error;
mod prompt;
mod provider;
mod service;
mod shorten;
mod told;
mod tools;
mod wait;

pub use client::{Llm, Timeouts};
pub use completion::Completion;
pub use error::{Class, Error, KeyRest, Remedy};
pub use prompt::{Delta, EndReason, Image, Prompt, Role, Turn, Usage};
pub use provider::{Provider, UnknownProvider};
pub use reqwest::Url;
pub use service::{Service, Services, UnknownService};
pub use tools::{Arguments, Tool, ToolCall, ToolStep, ToolUse, Tools};
