//! The REST calls that we make to Discord: twilight's routes and models over our own transport,
//! rate limiter and nonces.
//!
//! Every call ends by its deadline, with an answer or an [`Error`] that says what the caller can
//! do. There is no gateway connection here, no cache, and no decision about what is said.

mod acts;
mod application;
mod files;
mod interactions;
mod messages;
mod people;
mod places;

mod client;

mod answer;
mod call;
mod error;
mod limit;
pub mod metrics;
mod stop;
mod transport;

pub use acts::{NewThread, Wanted};
pub use application::{Application, CurrentUser};
pub use client::{Client, Settings};
pub use error::Error;
pub use files::{File, LARGEST_FILE, MOST_FILES};
pub use interactions::Answer;
pub use limit::Slot;
pub use messages::{NewMessage, Page, Posted};
pub use places::{Channel, Guild, Member, Overwrite};
pub use stop::{Stop, Whose};
