//! What a transaction makes necessary outside of this database: written with it, done afterwards, and
//! tried again until it is done (DB-36, PRIV-70). Ids only, and none once it is done.

use std::time::Duration;

use proto::id::{GuildId, TenantId, UserId};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::row::Place;
use crate::{Error, ReceiptId, Store};

/// Errands that are taken at once.
const BATCH: i64 = 20;

/// Something to be done. Doing it twice is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Make the bucket of privacy levels say of a person what the database says.
    Level(UserId),
    /// Let every worker drop what it holds in memory of a server, or of a person and the direct
    /// messages with them.
    Forget(TenantId),
    /// Send a person a receipt, by a direct message.
    Receipt {
        /// The person.
        to: UserId,
        /// The receipt.
        receipt: ReceiptId,
        /// The server, or the direct messages, whose data it was; `None` for a person's own.
        of: Option<TenantId>,
    },
}

/// An errand that was taken: nobody else takes it for a while, and it comes again unless it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenErrand {
    row: i64,
    /// What is to be done.
    pub errand: Errand,
    /// How often it was taken, this time included.
    pub attempts: i32,
}

impl Errand {
    const fn kind(self) -> &'static str {
        match self {
            Self::Level(_) => "kv_privacy",
            Self::Forget(_) => "forget",
            Self::Receipt { .. } => "dm",
        }
    }

    fn payload(self) -> Value {
        match self {
            Self::Level(user) | Self::Forget(TenantId::Direct(user)) => {
                json!({"user": user.to_string()})
            }
            Self::Forget(TenantId::Guild(guild)) => json!({"guild": guild.to_string()}),
            Self::Receipt { to, receipt, of } => json!({
                "user": to.to_string(),
                "receipt": receipt.to_string(),
                "of": of.map(|tenant| tenant.disc_id().to_string()),
            }),
        }
    }

    fn read(row: i64, kind: &str, payload: &Value) -> Result<Self, Error> {
        let place = Place {
            table: "outbox",
            column: "payload",
            row: &row,
        };
        let id = |name: &str| {
            let id = payload.get(name).and_then(Value::as_str);
            id.unwrap_or_default()
        };
        match kind {
            "kv_privacy" => Ok(Self::Level(place.parse(id("user"))?)),
            "forget" if payload.get("guild").is_some() => {
                let guild = GuildId(place.parse(id("guild"))?);
                Ok(Self::Forget(TenantId::Guild(guild)))
            }
            "forget" => Ok(Self::Forget(TenantId::Direct(place.parse(id("user"))?))),
            "dm" => {
                let to: UserId = place.parse(id("user"))?;
                let of = payload.get("of").and_then(Value::as_str);
                let of = of.map(|of| place.parse(of)).transpose()?;
                // Direct messages are stored by the id of their person, and only theirs are told of.
                let of = of.map(|of| TenantId::of((of != to.0).then_some(GuildId(of)), to));
                let receipt = ReceiptId(place.parse(id("receipt"))?);
                Ok(Self::Receipt { to, receipt, of })
            }
            _ => Err(place.corrupt()),
        }
    }
}

/// Adds an errand to a transaction.
pub(crate) async fn put(connection: &mut PgConnection, errand: Errand) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO outbox (kind, payload) VALUES ($1, $2)",
        errand.kind(),
        errand.payload(),
    )
    .execute(connection)
    .await
    .map(drop)
}

impl Store {
    /// Takes errands that are due, the oldest first. Each counts as tried from now on and comes again
    /// after a pause that doubles, from 5 s to `longest_pause`, so that nothing has to be written when
    /// it fails.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn take_errands(&self, longest_pause: Duration) -> Result<Vec<TakenErrand>, Error> {
        let longest_secs = i32::try_from(longest_pause.as_secs()).unwrap_or(i32::MAX);
        let rows = sqlx::query!(
            "UPDATE outbox
             SET attempts = attempts + 1,
                 next_at = now() + make_interval(
                     secs => LEAST(5 * power(2, LEAST(attempts, 20)), $2::integer))
             WHERE outbox_id IN (
                 SELECT outbox_id FROM outbox
                 WHERE done_at IS NULL AND next_at <= now()
                 ORDER BY kind = 'dm', next_at, outbox_id
                 LIMIT $1
                 FOR UPDATE SKIP LOCKED)
             RETURNING outbox_id, kind, payload, attempts",
            BATCH,
            longest_secs,
        )
        .fetch_all(self.pool.shared())
        .await?;
        // One that cannot be read, such as a newer version's, holds nothing else up.
        let read = |row| match row {
            (row, Ok(errand), attempts) => Some(TakenErrand {
                row,
                errand,
                attempts,
            }),
            (row, Err(error), _) => {
                tracing::error!(row, %error, "an errand cannot be read, and waits");
                None
            }
        };
        let rows = rows.iter().map(|row| {
            let errand = Errand::read(row.outbox_id, &row.kind, &row.payload);
            (row.outbox_id, errand, row.attempts)
        });
        let mut taken: Vec<TakenErrand> = rows.filter_map(read).collect();
        // What people must not wait for comes before what is written to them.
        taken.sort_unstable_by_key(|taken| {
            (matches!(taken.errand, Errand::Receipt { .. }), taken.row)
        });
        Ok(taken)
    }

    /// Says that an errand is done; whom it was about is forgotten with that.
    ///
    /// # Errors
    /// `Unavailable`: then it is done once more.
    pub async fn errand_done(&self, taken: TakenErrand) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE outbox SET done_at = now(), payload = '{}'
             WHERE outbox_id = $1 AND done_at IS NULL",
            taken.row,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(())
    }
}
