//! Jobs that one worker does for all (DB-58): who leads, and when the job was last done.
//!
//! The lease saves work, no more: two leaders at once, one of which stood still, must do no harm.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;

use crate::{Error, Store};

impl Store {
    /// Takes the lead of a job that was not done for `every`, for the time of a lease; taking it
    /// again prolongs it. `false`: another worker has it, or it is not due.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn take_job(
        &self,
        job: &str,
        worker: &str,
        lease: Duration,
        every: Duration,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO job_leases AS j (job, worker_id, lease_until)
             VALUES ($1, $2, now() + $3::interval)
             ON CONFLICT (job) DO UPDATE
             SET worker_id = excluded.worker_id, lease_until = excluded.lease_until
             WHERE (j.lease_until <= now() OR j.worker_id = excluded.worker_id)
               AND (j.last_run_at IS NULL OR j.last_run_at <= now() - $4::interval)",
            job,
            worker,
            interval(lease)?,
            interval(every)?,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Says that a job is done, and gives its lead back. `false`: the lead was another worker's by
    /// then.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn job_done(&self, job: &str, worker: &str) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE job_leases SET last_run_at = now(), lease_until = now()
             WHERE job = $1 AND worker_id = $2",
            job,
            worker,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives the lead of a job back that was not done. Harmless when it is another worker's.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn leave_job(&self, job: &str, worker: &str) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE job_leases SET lease_until = now() WHERE job = $1 AND worker_id = $2",
            job,
            worker,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(())
    }
}

/// Cuts what is finer than the microseconds that the database counts.
fn interval(length: Duration) -> Result<PgInterval, Error> {
    let microseconds = i64::try_from(length.as_micros())
        .ok()
        .ok_or(Error::Invalid("no such length of time"))?;
    Ok(PgInterval {
        months: 0,
        days: 0,
        microseconds,
    })
}
