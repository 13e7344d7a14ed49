//! Reading what was given to a command, and what a panel shows before the first answer; and what is
//! said when that fails.

use std::sync::Arc;
use std::time::Duration;

use proto::event::Interaction;
use proto::id::{TenantId, UserId};
use store::{Counter, Persona, Profile};
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;
use crate::notice::{Notice, SteerText};

/// Longest reading before the first answer: the gateway asks a second worker after 700 ms (CMD-2).
const READ_DEADLINE: Duration = Duration::from_millis(600);

/// Reads before the first answer, or says that the database is away.
pub(super) async fn in_time<T>(
    reading: impl Future<Output = Result<T, Notice>>,
) -> Result<T, Notice> {
    match timeout(READ_DEADLINE, reading).await {
        Ok(read) => read,
        Err(_elapsed) => Err(Notice::DatabaseAway),
    }
}

/// Returns what to say about a failure of the database, which is logged here.
pub(super) fn unreadable(error: store::Error) -> Notice {
    warn!(?error, "settings cannot be read or written");
    if error.is_unavailable() {
        Notice::DatabaseAway
    } else {
        Notice::Unexpected
    }
}

/// Returns under which number the uses of a person are counted.
pub(super) fn counter(app: &App, user: UserId) -> Result<Counter, Notice> {
    let pseudonym = app.keys.get().pseudonym(user.0);
    pseudonym.map(Counter::new).map_err(|error| {
        warn!(%error, "uses cannot be counted");
        Notice::Unexpected
    })
}

/// Returns the settings of a tenant that is set up.
pub(super) async fn profile_of(app: &App, tenant: TenantId) -> Result<Arc<Profile>, Notice> {
    let profile = app.profiles.of(tenant).await;
    let profile = profile.map_err(|_unread| Notice::DatabaseAway)?;
    profile.ok_or(Notice::NotSetUp)
}

/// Returns what was given for an option of a command, without blanks around it; `None` for nothing.
pub(super) fn given<'a>(interaction: &'a Interaction, name: &str) -> Option<&'a str> {
    let mut options = interaction.options.iter();
    let found = options.find(|option| option.name == name);
    found
        .map(|option| option.value.trim())
        .filter(|value| !value.is_empty())
}

/// Finds a persona by its name.
pub(super) fn persona_named<'a>(profile: &'a Profile, name: &str) -> Result<&'a Persona, Notice> {
    let mut personas = profile.personas.iter();
    let found = personas.find(|known| known.nickname.to_lowercase() == name.to_lowercase());
    found.ok_or(Notice::Steer(SteerText::UnknownPersona))
}
