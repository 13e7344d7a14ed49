//! Commands rest after their use, and nobody presses faster than anybody reads (GUARD-6 to GUARD-10).
//!
//! A person has one clock for a kind of command, in all servers. It is taken before the command
//! runs, once per use: whoever is asked about the same use finds it taken for that use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::future::Cache;
use proto::event::Interaction;
use proto::id::{InteractionId, UserId};
use tokio::time::timeout;

use super::asker::Asker;
use crate::app::App;
use crate::config::CommandCooldowns;
use crate::metrics;
use crate::notice::{GuardText, Notice};

/// Longest wait for the database: the gateway asks a second worker after 700 ms (CMD-2).
const WITHIN: Duration = Duration::from_millis(300);

/// Uses of controls that one person has in [`HURRY_WINDOW`] (GUARD-8).
const HURRY_MOST: u32 = 5;
const HURRY_WINDOW: Duration = Duration::from_secs(5);

/// People who are counted at once.
const HURRY_PEOPLE: u64 = 10_000;

/// What must be there when a reply or a question about oneself is on.
const NEVER_REST: [&str; 4] = ["bot kill", "why", "help", "personal privacy"];

/// How often people used controls a moment ago.
#[derive(Debug)]
pub(crate) struct Hurry {
    uses: Cache<UserId, Arc<AtomicU32>>,
}

impl Default for Hurry {
    fn default() -> Self {
        let uses = Cache::builder()
            .max_capacity(HURRY_PEOPLE)
            .time_to_live(HURRY_WINDOW)
            .build();
        Self { uses }
    }
}

impl Hurry {
    /// Counts a use of a control, and refuses one too many.
    pub(super) async fn pass(&self, user: UserId) -> Result<(), Notice> {
        let count = self.uses.get_with(user, async { Arc::default() }).await;
        if count.fetch_add(1, Ordering::Relaxed) < HURRY_MOST {
            return Ok(());
        }
        Err(GuardText::Hurry.into())
    }
}

/// Refuses a command that rests, and otherwise lets it rest from now on. A database that does not
/// answer lets everything pass: the one guard that does (GUARD-4).
pub(super) async fn pass(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<(), Notice> {
    let path = &interaction.command_path;
    let Some((kind, length)) = rests(path, &app.settings.guards.commands) else {
        return Ok(());
    };
    let asked = InteractionId(interaction.interaction_id);
    let cooling = app.store.cool_command(asker.user, (kind, length), asked);
    match timeout(WITHIN, cooling).await {
        Ok(Ok(None)) => Ok(()),
        Ok(Ok(Some(seconds))) => Err(GuardText::Command { seconds }.into()),
        Ok(Err(_)) | Err(_) => {
            metrics::cooldown_failed_open();
            Ok(())
        }
    }
}

/// What rests after a command, and for how long; `None` where nothing does.
fn rests(path: &str, lengths: &CommandCooldowns) -> Option<(&'static str, Duration)> {
    if NEVER_REST.contains(&path) || path.starts_with("personal data ") {
        return None;
    }
    let (kind, length) = match path.split(' ').next()? {
        "setup" | "provider" | "mcp" => ("config", lengths.config),
        "persona" => ("persona", lengths.persona),
        "memory" => ("memory", lengths.memory),
        "server" => ("server", lengths.server),
        "personal" | "task" => ("personal", lengths.personal),
        _ => ("default", lengths.usual),
    };
    (!length.is_zero()).then_some((kind, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths() -> CommandCooldowns {
        let length = Duration::from_secs;
        CommandCooldowns {
            usual: length(1),
            config: length(2),
            persona: length(3),
            memory: length(4),
            server: length(5),
            personal: length(6),
            limits_presses: true,
        }
    }

    /// GUARD-7c, GUARD-7e, GUARD-9.
    #[test]
    fn guards_let_commands_rest_by_their_first_word() {
        let rests = |path| rests(path, &lengths()).map(|(kind, length)| (kind, length.as_secs()));
        assert_eq!(rests("bot respond"), Some(("default", 1)));
        assert_eq!(rests("tool ping"), Some(("default", 1)));
        assert_eq!(rests("setup"), Some(("config", 2)));
        assert_eq!(rests("provider keys"), Some(("config", 2)));
        assert_eq!(rests("persona block"), Some(("persona", 3)));
        assert_eq!(rests("memory server add"), Some(("memory", 4)));
        assert_eq!(rests("server user-blacklist add"), Some(("server", 5)));
        assert_eq!(rests("personal provider"), Some(("personal", 6)));
        for free in [
            "bot kill",
            "why",
            "help",
            "personal privacy",
            "personal data delete",
        ] {
            assert_eq!(rests(free), None, "{free}");
        }
    }

    /// GUARD-10.
    #[test]
    fn guards_of_no_length_ask_no_database() {
        let off = CommandCooldowns {
            memory: Duration::ZERO,
            ..lengths()
        };
        assert_eq!(rests("memory server add", &off), None);
    }

    /// GUARD-8.
    #[tokio::test]
    async fn guards_stop_who_presses_faster_than_anybody_reads() {
        let hurry = Hurry::default();
        for _ in 0..HURRY_MOST {
            assert_eq!(hurry.pass(UserId(1)).await, Ok(()));
        }
        assert!(hurry.pass(UserId(1)).await.is_err());
        assert_eq!(hurry.pass(UserId(2)).await, Ok(()));
    }
}
