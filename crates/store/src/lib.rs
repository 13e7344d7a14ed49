//! PostgreSQL: all SQL of the system is here and nowhere else.
//!
//! One file per group of tables. Every write of a turn carries its fence, absence is `None`,
//! impossible data is [`Error::Corrupt`], and what a caller does about a failure is the variant
//! of [`Error`]. No row, error or `Debug` shows a secret or a person's words; the tables of turns
//! hold ids and hashes only.
//!
//! Statements are checked at compile time against `crates/store/.sqlx`, so a build needs no
//! database. After a change of SQL or of a migration regenerate that folder, with a migrated
//! database at hand (the crate's sources must be touched, or cargo does not expand them anew):
//!
//! ```text
//! rm -f crates/store/.sqlx/query-*.json && touch crates/store/src/lib.rs
//! DATABASE_URL=postgres://… SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$PWD/crates/store/.sqlx \
//!     cargo check --locked -p store
//! ```
//!
//! To migrate that database without building this crate's queries first, apply the files of
//! `migrations/` in order (`psql -v ON_ERROR_STOP=1 -1 -f …`): they need no bookkeeping to check
//! statements against. Builds that set `SQLX_OFFLINE=true` never look at a `DATABASE_URL`.

mod admission;
mod connect;
mod decision;
mod error;
mod explain;
mod post;
mod profile;
mod purge;
mod row;
mod schema;
mod seal;
mod setup;
mod text;
mod turn;
mod turn_state;

pub use admission::{Admission, Admitted, Refusal};
pub use connect::{Settings, Store, Tls};
pub use decision::Decision;
pub use error::{Error, Fault};
pub use explain::{ExplainedTurn, Explanation};
pub use post::{Post, PostState};
pub use profile::{ModelChoice, Persona, PersonaId, Profile, ServerId};
pub use purge::Purged;
pub use schema::Applied;
pub use setup::NewSetup;
pub use text::UnknownText;
pub use turn::{Lease, Turn, TurnId, TurnOwner};
pub use turn_state::{TriggerKind, TurnState};
