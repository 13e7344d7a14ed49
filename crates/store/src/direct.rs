//! Who takes no direct messages, so that nobody is written to again and again who does not want it
//! (PRIV-71). It stands under a number that names nobody: for this alone nobody is stored (PRIV-4).

use crate::operation_quota::{Counter, Operation};
use crate::{Error, Store};

impl Store {
    /// Notes that a person takes no direct messages: for a day nobody tries.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn direct_is_closed(&self, person: Counter) -> Result<(), Error> {
        let noted = self.reserve_operation(person, Operation::DirectClosed, 1);
        noted.await.map(drop)
    }

    /// Tells whether a person may be written to directly.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_direct_open(&self, person: Counter) -> Result<bool, Error> {
        let is_open = sqlx::query_scalar!(
            r#"SELECT NOT EXISTS (
                   SELECT FROM operation_quotas
                   WHERE scope_kind = 'user' AND scope_disc_id = $1 AND operation = $2
                     AND window_start > now() - make_interval(secs => $3)
               ) AS "is_open!""#,
            person.to_string(),
            Operation::DirectClosed.as_str(),
            f64::from(Operation::DirectClosed.window_secs()),
        )
        .fetch_one(self.pool.shared())
        .await?;
        Ok(is_open)
    }
}
