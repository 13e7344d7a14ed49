//! PostgreSQL: all SQL of the system is here and nowhere else.
//!
//! One file per group of tables. No statement runs without a scope that says whose rows it is about
//! (`pool::scope`), every write of a turn carries its fence, absence is `None`, impossible data is
//! [`Error::Corrupt`], and what a caller does about a failure is the variant
//! of [`Error`]. No row, error or `Debug` shows a secret or a person's words; the tables of turns
//! hold ids and hashes only.
//!
//! Statements are checked at compile time against `crates/store/.sqlx`, so a build needs no
//! database and, unless `SQLX_OFFLINE=false` is set, never asks one, whatever `DATABASE_URL` says
//! (`build.rs`). After a change of SQL or of a migration regenerate that folder against a
//! database to which the files of `migrations/` were applied in order:
//!
//! ```text
//! for file in migrations/*.sql; do psql -v ON_ERROR_STOP=1 -1 -f "$file" "$DATABASE_URL"; done
//! rm -f crates/store/.sqlx/query-*.json
//! touch crates/store/src/lib.rs      # or cargo sees nothing to do
//! SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/crates/store/.sqlx" cargo check --locked -p store
//! ```
//!
//! with `DATABASE_URL` exported. Other settings of the build stay as they are, so this rebuilds
//! this crate only. The statement about sqlx's own bookkeeping table is the one that is not
//! checked: that table exists only where `worker migrate` ran.

mod admission;
mod archive;
mod attempt;
mod audit;
mod connect;
mod control;
mod cooldown;
mod decision;
mod deletion;
mod direct;
mod edited;
mod error;
mod explain;
mod facts;
mod fence;
mod generation_quota;
mod held;
mod job;
mod lease;
mod leaving;
mod main_key;
mod memory;
mod nickname;
mod operation_quota;
mod outbox;
mod own_key;
mod payer;
mod personal_memory;
mod pool;
mod post;
mod privacy;
mod profile;
mod provider_key;
mod recorded;
mod refused_key;
mod restriction;
mod retention;
mod rotate;
mod routing;
mod row;
mod schema;
mod seal;
mod sealed;
mod server_memory;
mod server_rules;
mod server_settings;
mod service_key;
mod setup;
mod step;
mod text;
mod tool_server;
mod turn;
mod turn_attempt;
mod turn_state;
mod user_key;
mod why;

pub use admission::{Admission, Admitted, Limits, Refusal};
pub use archive::Archive;
pub use audit::{ColumnAudit, Reason, Undecryptable};
pub use connect::{Settings, Store, Tls};
pub use control::{Kill, Killed, StopWord, Whose};
pub use cooldown::{Cooldown, CooldownKind, Hearer};
pub use decision::Decision;
pub use deletion::{
    Deleted, Fate, Held, Kept, OptOut, PERSONAL_COLUMNS, PersonalColumn, Receipt, ReceiptId,
    ReceiptKind, ServerDeletion, ServerPart, Tally,
};
pub use edited::Edited;
pub use error::{Error, Fault};
pub use explain::{ExplainedTurn, Explanation, TurnTimes};
pub use facts::ServerFacts;
pub use fence::{Fence, NotARole, RoleName};
pub use generation_quota::{NewQuota, QuotaPool, QuotaUse};
pub use lease::Lease;
pub use leaving::{Moved, ShardServers};
pub use main_key::{KeyReport, MainKey, UsableKey};
pub use memory::{Lineage, MemoriesAdded, Memory, MemoryId, MemoryOrigin, Recalled, SeenMemory};
pub use operation_quota::{Counter, Operation, Reservation, ReservedUse};
pub use outbox::{Errand, TakenErrand};
pub use payer::{PaidModel, Payer, Unpaid};
pub use personal_memory::{NewPersonalMemories, PersonalScope};
pub use post::{EchoedPost, NOTICE, NewPost, Post, PostState};
pub use privacy::{LevelChanged, Naming, PrivacyLevel};
pub use profile::{
    MemorySwitches, ModelChoice, Persona, PersonaId, Profile, ServerId, ToolSwitches,
};
pub use provider_key::{
    KeyAdded, KeyFailure, KeyFault, KeyId, KeyState, ListedError, ListedKey, ListedKeys,
    ListedMain, MOST_POOL_KEYS, NewPoolKey, PoolKey, Rested, SHORTEST_POOL_KEY, SeenKey, SeenPool,
};
pub use refused_key::{RefusedKey, WhichKey};
pub use restriction::{
    Blacklisted, Block, BlockKind, NewBlock, Restriction, RestrictionId, Standing,
};
pub use retention::{Expiring, RULES, Rule};
pub use rotate::{ColumnRotation, Rotation, StaleRow};
pub use routing::{ChannelRest, ListedChannel, Lists, Routing};
pub use schema::Applied;
pub use server_memory::{NewServerMemories, Teacher};
pub use server_rules::{ListedRow, MOST_LISTED, NewLimits, TypedCooldown};
pub use server_settings::ServerSettings;
pub use service_key::{NewServiceKey, ServiceKey, ServiceKeyId};
pub use setup::{NewDirect, NewSetup};
pub use step::{NewStep, Step};
pub use text::UnknownText;
pub use tool_server::{
    Added, ApprovedTool, NewToolServer, SeenToolServer, ToolServer, ToolServerId,
};
pub use turn::{Turn, TurnId, TurnOwner};
pub use turn_attempt::{Attempt, ShownAttempt, ShownKey};
pub use turn_state::{TriggerKind, TurnState};
pub use user_key::{NewOwnKey, OwnKey, OwnKeyId, OwnKeys, SeenOwnKey};
pub use why::{Why, WhyTurn};
