//! Retention (PRIV-85, DB-65 to DB-79): one rule for every table, and the deletion of what is over.
//!
//! A new table needs a rule in [`RULES`] and a row in `docs/privacy.md`; a test compares both with
//! the catalogue of the database. A table whose rows go by time needs an [`Expiring`] as well, with
//! the one statement that deletes them. Nothing else deletes by time.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use crate::text::texts;
use crate::{Error, Store};

/// Rows per statement, each its own transaction, so that no lock is held for long (DB-79).
const BATCH: i64 = 1_000;

/// The statement that deletes the rows of a table whose time in a column is before another, the
/// longest over first, [`BATCH`] at most.
macro_rules! deletion {
    ($table:literal, $since:literal, $before:expr) => {
        sqlx::query!(
            "DELETE FROM "
                + $table
                + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM "
                + $table
                + " WHERE "
                + $since
                + " < $1 ORDER BY "
                + $since
                + " LIMIT $2))",
            $before,
            BATCH,
        )
    };
}

/// How long the rows of a table stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A server or a person: until the bot forgets them.
    Root,
    /// Until somebody removes them, or the server or person that they belong to goes.
    Owned,
    /// With the row of that table which they are part of.
    With(&'static str),
    /// Some time after they are over.
    Expires(Expiring),
    /// Of the installation; they tell nothing about servers or people.
    Installation,
}

texts! {
    /// A table whose rows go by time, by its name.
    Expiring {
        /// Turns, and with them their posts, steps and attempts (DB-68).
        Turns = "turns",
        /// What was decided about messages (DB-69).
        TurnDecisions = "turn_decisions",
        /// What is kept about a channel (DB-75).
        ChannelState = "channel_state",
        /// How often events were begun (DB-71).
        EventAttempts = "event_attempts",
        /// What rests until when (DB-71).
        Cooldowns = "cooldowns",
        /// How often somebody did something (DB-72).
        OperationQuotas = "operation_quotas",
        /// How many answers somebody got (DB-72).
        GenerationQuotas = "generation_quotas",
        /// For what they were counted (DB-72).
        QuotaReservations = "quota_reservations",
        /// Whom personas do not answer (DB-73).
        PersonaUserBlocks = "persona_user_blocks",
        /// Who leads jobs (DB-71).
        JobLeases = "job_leases",
        /// That something was deleted (DB-76).
        DeletionReceipts = "deletion_receipts",
        /// What deletions left to do, and was done (DB-76).
        Outbox = "outbox",
    }
}

/// The rules, in the order of the tables' names.
pub const RULES: &[(&str, Rule)] = &[
    ("_sqlx_migrations", Rule::Installation),
    ("api_key_rotation", Rule::Owned),
    ("channel_model_overrides", Rule::Owned),
    ("channel_persona_whitelist", Rule::Owned),
    ("channel_state", Rule::Expires(Expiring::ChannelState)),
    ("channel_whitelist", Rule::Owned),
    ("compatible_schemas", Rule::Installation),
    ("cooldowns", Rule::Expires(Expiring::Cooldowns)),
    ("crypto_keys", Rule::Installation),
    ("custom_endpoints", Rule::Owned),
    (
        "deletion_receipts",
        Rule::Expires(Expiring::DeletionReceipts),
    ),
    ("discord_managed_webhooks", Rule::Owned),
    ("event_attempts", Rule::Expires(Expiring::EventAttempts)),
    ("fallback_models", Rule::Owned),
    ("generation_quota_configs", Rule::Owned),
    (
        "generation_quotas",
        Rule::Expires(Expiring::GenerationQuotas),
    ),
    ("guild_mcp_servers", Rule::Owned),
    ("guild_mcp_tools", Rule::With("guild_mcp_servers")),
    ("job_leases", Rule::Expires(Expiring::JobLeases)),
    ("operation_quotas", Rule::Expires(Expiring::OperationQuotas)),
    ("opt_api_keys", Rule::Owned),
    ("outbox", Rule::Expires(Expiring::Outbox)),
    ("persona_configs", Rule::With("personas")),
    (
        "persona_user_blocks",
        Rule::Expires(Expiring::PersonaUserBlocks),
    ),
    ("personal_memories", Rule::Owned),
    ("personalization_blacklist", Rule::Owned),
    ("personas", Rule::Owned),
    (
        "quota_reservations",
        Rule::Expires(Expiring::QuotaReservations),
    ),
    ("role_whitelist", Rule::Owned),
    ("server_chat_configs", Rule::Owned),
    ("server_memories", Rule::Owned),
    ("server_model_configs", Rule::Owned),
    ("server_trigger_configs", Rule::Owned),
    ("servers", Rule::Root),
    ("turn_attempts", Rule::With("turns")),
    ("turn_decisions", Rule::Expires(Expiring::TurnDecisions)),
    ("turn_posts", Rule::With("turns")),
    ("turn_steps", Rule::With("turns")),
    ("turns", Rule::Expires(Expiring::Turns)),
    ("user_provider_keys", Rule::Owned),
    ("users", Rule::Root),
];

impl Expiring {
    /// Returns how long a row stays, and after what.
    const fn kept(self) -> (TimeDelta, &'static str) {
        match self {
            Self::Turns => (TimeDelta::hours(48), "the end"),
            Self::TurnDecisions => (TimeDelta::hours(24), "the decision"),
            Self::ChannelState => (TimeDelta::days(30), "the last change"),
            // The event itself lives for ten minutes at most.
            Self::EventAttempts => (TimeDelta::hours(1), "the last try"),
            // Nothing depends on a row after its end.
            Self::Cooldowns => (TimeDelta::zero(), "its end"),
            // A window is a day long, and stays for a week more.
            Self::OperationQuotas => (TimeDelta::days(1 + 7), "the first use of a day"),
            Self::GenerationQuotas => (TimeDelta::days(7), "the end of the period"),
            // It is given back with the answer or never.
            Self::QuotaReservations => (TimeDelta::days(7), "the use"),
            // It has no effect after its end.
            Self::PersonaUserBlocks => (TimeDelta::hours(1), "the end"),
            // Longer than the time between two runs of any job: it tells when one was last done.
            Self::JobLeases => (TimeDelta::days(30), "the last lead"),
            Self::DeletionReceipts => (TimeDelta::days(365), "the deletion"),
            // What is not done stays until it is.
            Self::Outbox => (TimeDelta::days(7), "it was done"),
        }
    }
}

impl Expiring {
    /// Returns the one statement that deletes by time from this table.
    /// `None`: a function of the database does it.
    #[expect(clippy::cognitive_complexity, reason = "one line for each table")]
    fn deletion(self, before: DateTime<Utc>) -> Option<Query<'static, Postgres, PgArguments>> {
        Some(match self {
            Self::Cooldowns => return None,
            Self::Turns => deletion!("turns", "ended_at", before),
            Self::TurnDecisions => deletion!("turn_decisions", "created_at", before),
            Self::ChannelState => deletion!("channel_state", "updated_at", before),
            Self::EventAttempts => deletion!("event_attempts", "last_at", before),
            Self::OperationQuotas => deletion!("operation_quotas", "window_start", before),
            Self::GenerationQuotas => deletion!("generation_quotas", "window_end", before),
            Self::QuotaReservations => deletion!("quota_reservations", "created_at", before),
            Self::PersonaUserBlocks => deletion!("persona_user_blocks", "expires_at", before),
            Self::JobLeases => deletion!("job_leases", "lease_until", before),
            Self::DeletionReceipts => deletion!("deletion_receipts", "done_at", before),
            Self::Outbox => deletion!("outbox", "done_at", before),
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("until they are deleted"),
            Self::Owned => f.write_str("until removed, or with the server or person"),
            Self::With(table) => write!(f, "with `{table}`"),
            Self::Expires(what) => {
                let (length, since) = what.kept();
                match length.num_hours() {
                    0 => write!(f, "until {since}"),
                    1 => write!(f, "an hour after {since}"),
                    hours @ 2..=48 => write!(f, "{hours} hours after {since}"),
                    hours => write!(f, "{} days after {since}", hours / 24),
                }
            }
            Self::Installation => f.write_str("with the installation"),
        }
    }
}

impl Store {
    /// Returns what time it is by the database's clock.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        let now = sqlx::query_scalar!(r#"SELECT now() AS "now!""#);
        Ok(now.fetch_one(self.pool.shared()).await?)
    }

    /// Deletes up to 1,000 rows of a table whose time is over, counted back from `now`, the longest
    /// over first, and returns how many; 0: none is left. Cooldowns go by the database's own clock,
    /// up to 10,000 rows at once. Cancel safe: what is left is deleted the
    /// next time. Two at once do no harm.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_expired(&self, what: Expiring, now: DateTime<Utc>) -> Result<u64, Error> {
        let Some(deletion) = what.deletion(now - what.kept().0) else {
            return self.cleanup_expired_cooldowns().await;
        };
        let done = deletion.execute(self.pool.system()).await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_time_has_its_rule_under_its_own_name() {
        let ruled = RULES.iter().filter_map(|(table, rule)| match rule {
            Rule::Expires(what) => Some((*table, *what)),
            _ => None,
        });
        let ruled: Vec<_> = ruled.collect();
        for &what in Expiring::ALL {
            assert!(ruled.contains(&(what.as_str(), what)), "{what}");
        }
        assert_eq!(ruled.len(), Expiring::ALL.len());
    }

    #[test]
    fn rules_say_in_words_how_long() {
        let words = |rule: Rule| rule.to_string();
        let expires = |what| words(Rule::Expires(what));
        assert_eq!(expires(Expiring::Turns), "48 hours after the end");
        assert_eq!(
            expires(Expiring::EventAttempts),
            "an hour after the last try"
        );
        assert_eq!(expires(Expiring::JobLeases), "30 days after the last lead");
        assert_eq!(words(Rule::With("turns")), "with `turns`");
    }
}
