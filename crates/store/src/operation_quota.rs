//! How often somebody may do something that costs others (GUARD-38 to GUARD-40): within a time that
//! begins with the first use, not with the calendar's.
//!
//! Uses are counted under a number that names nobody, so that a deletion of all about a person gives
//! nobody a limit anew.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Error, Store};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A call that finds out whether a key works (GUARD-39f).
    KeyCheck,
    /// An archive of everything about a person (PRIV-54).
    DataExport,
    /// A file with memories or settings that is handed in (GUARD-39b).
    Import,
    /// A direct message that was not taken (PRIV-71).
    DirectClosed,
}

/// The number under which the uses of a person are counted: made of the id by the installation's main
/// key, so that nobody who reads the table finds the person. Never an id of Discord's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(u64);

impl Counter {
    /// Makes the counter of a pseudonym.
    pub const fn new(pseudonym: u64) -> Self {
        Self(pseudonym % 10_u64.pow(19))
    }
}

/// 20 digits of which the first is 0, which no id of Discord's has.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}

impl Operation {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::KeyCheck => "key_check",
            Self::DataExport => "data_export",
            Self::Import => "import",
            Self::DirectClosed => "direct_closed",
        }
    }

    /// How long the uses are counted together.
    const fn window(self) -> TimeDelta {
        match self {
            Self::KeyCheck | Self::Import | Self::DirectClosed => TimeDelta::hours(24),
            Self::DataExport => TimeDelta::minutes(10),
        }
    }

    pub(crate) fn window_secs(self) -> i32 {
        i32::try_from(self.window().num_seconds()).unwrap_or(i32::MAX)
    }
}

/// Whether something may be done once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It was counted.
    Granted(ReservedUse),
    /// Not before this time by the database's clock; `None` where it is never allowed.
    Refused(Option<DateTime<Utc>>),
}

/// A use that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedUse {
    counter: Counter,
    operation: Operation,
    window_start: DateTime<Utc>,
}

impl Store {
    /// Counts one more use unless that would be more than `limit` in the present window. Callers at
    /// once get exactly what is left.
    ///
    /// # Errors
    /// `Unavailable`: then it is refused, though it may have been counted.
    pub async fn reserve_operation(
        &self,
        counter: Counter,
        operation: Operation,
        limit: u32,
    ) -> Result<Reservation, Error> {
        let window_start = sqlx::query_scalar!(
            "INSERT INTO operation_quotas AS q
                 (scope_kind, scope_disc_id, operation, window_start, used)
             SELECT 'user', $1::text, $2::text, now(), 1 WHERE $3 > 0
             ON CONFLICT (scope_kind, scope_disc_id, operation) DO UPDATE
             SET used = CASE WHEN q.window_start > now() - make_interval(secs => $4)
                             THEN q.used + 1 ELSE 1 END,
                 window_start = CASE WHEN q.window_start > now() - make_interval(secs => $4)
                                     THEN q.window_start ELSE now() END
             WHERE q.used < $3 OR q.window_start <= now() - make_interval(secs => $4)
             RETURNING window_start",
            counter.to_string(),
            operation.as_str(),
            i32::try_from(limit).unwrap_or(i32::MAX),
            f64::from(operation.window_secs()),
        )
        .fetch_optional(self.pool.shared())
        .await?;
        match window_start {
            Some(window_start) => Ok(Reservation::Granted(ReservedUse {
                counter,
                operation,
                window_start,
            })),
            None if limit == 0 => Ok(Reservation::Refused(None)),
            None => self.window_end(counter, operation).await,
        }
    }

    async fn window_end(
        &self,
        counter: Counter,
        operation: Operation,
    ) -> Result<Reservation, Error> {
        let window_start = sqlx::query_scalar!(
            "SELECT window_start FROM operation_quotas
             WHERE scope_kind = 'user' AND scope_disc_id = $1 AND operation = $2",
            counter.to_string(),
            operation.as_str(),
        )
        .fetch_optional(self.pool.shared())
        .await?;
        let end = window_start.and_then(|start| start.checked_add_signed(operation.window()));
        Ok(Reservation::Refused(end))
    }

    /// Gives a use back that was counted and never happened. One of a window that is over is gone.
    ///
    /// # Errors
    /// `Unavailable`; the use may stay counted.
    pub async fn give_operation_back(&self, reserved: ReservedUse) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE operation_quotas SET used = used - 1
             WHERE scope_kind = 'user' AND scope_disc_id = $1 AND operation = $2
               AND window_start = $3 AND used > 0",
            reserved.counter.to_string(),
            reserved.operation.as_str(),
            reserved.window_start,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(())
    }
}
