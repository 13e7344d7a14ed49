//! How often somebody may do something that costs others (GUARD-38 to GUARD-40): within a day that
//! begins with the first use, not with the calendar's.

use chrono::{DateTime, TimeDelta, Utc};
use proto::id::UserId;

use crate::{Error, Store};

/// The window (GUARD-38); the statements say the same.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A call that finds out whether a key works (GUARD-39f).
    KeyCheck,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::KeyCheck => "key_check",
        }
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
    user: UserId,
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
        user: UserId,
        operation: Operation,
        limit: u32,
    ) -> Result<Reservation, Error> {
        let window_start = sqlx::query_scalar!(
            "INSERT INTO operation_quotas AS q
                 (scope_kind, scope_disc_id, operation, window_start, used)
             SELECT 'user', $1::text, $2::text, now(), 1 WHERE $3 > 0
             ON CONFLICT (scope_kind, scope_disc_id, operation) DO UPDATE
             SET used = CASE WHEN q.window_start > now() - interval '24 hours'
                             THEN q.used + 1 ELSE 1 END,
                 window_start = CASE WHEN q.window_start > now() - interval '24 hours'
                                     THEN q.window_start ELSE now() END
             WHERE q.used < $3 OR q.window_start <= now() - interval '24 hours'
             RETURNING window_start",
            user.to_string(),
            operation.as_str(),
            i32::try_from(limit).unwrap_or(i32::MAX),
        )
        .fetch_optional(self.pool.shared())
        .await?;
        match window_start {
            Some(window_start) => Ok(Reservation::Granted(ReservedUse {
                user,
                operation,
                window_start,
            })),
            None if limit == 0 => Ok(Reservation::Refused(None)),
            None => self.window_end(user, operation).await,
        }
    }

    async fn window_end(&self, user: UserId, operation: Operation) -> Result<Reservation, Error> {
        let window_start = sqlx::query_scalar!(
            "SELECT window_start FROM operation_quotas
             WHERE scope_kind = 'user' AND scope_disc_id = $1 AND operation = $2",
            user.to_string(),
            operation.as_str(),
        )
        .fetch_optional(self.pool.shared())
        .await?;
        let end = window_start.and_then(|start| start.checked_add_signed(WINDOW));
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
            reserved.user.to_string(),
            reserved.operation.as_str(),
            reserved.window_start,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(())
    }
}
