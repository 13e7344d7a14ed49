//! Tool servers: a client of the Model Context Protocol, over the guarded HTTP client.
//!
//! The protocol is the official library's (`rmcp`), which is given no way to the network but
//! [`fetch::Endpoint`]: one registered origin, judged before each request, a connection for each, no
//! redirect. What a server says is data: nothing here logs it, shows it by `Debug`, or acts upon it.
//!
//! Not supported, on purpose: requests of the server to us (they are declined), streams that outlive
//! their request, resuming a broken answer, and the server's prompts and resources.

mod answer;
mod error;
mod http_client;
mod session;
mod size;
mod tool;

pub use answer::Answer;
pub use error::{Error, Words};
pub use session::{Limits, Server, Session};
pub use tool::{Tool, is_hidden};
