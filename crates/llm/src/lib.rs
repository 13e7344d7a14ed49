//! Model providers over genai, in our vocabulary of deltas and errors.
//!
//! One call is one stream; dropping the stream aborts the request. There is no choice of key or
//! model here, no retry, and no text or key in any error, log line or `Debug` output.

mod client;
mod completion;
mod models;

mod classify;
mod error;
mod prompt;
mod provider;

pub use client::{Llm, Timeouts};
pub use completion::Completion;
pub use error::{Class, Error};
pub use prompt::{Delta, EndReason, Prompt, Role, Turn, Usage};
pub use provider::{Provider, UnknownProvider};
pub use reqwest::Url;
