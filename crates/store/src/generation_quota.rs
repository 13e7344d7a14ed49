//! How many answers people get in a day and a server in its period (GUARD-41 to GUARD-47). What a
//! message uses is counted by its admission; here is the rest.

use chrono::{DateTime, Utc};
use proto::id::{TenantId, UserId};

use crate::{Error, Lease, Store};

/// Quotas of a server for answers that are to be changed; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewQuota {
    /// Answers of one person in 24 hours, 0..=100; 0: without limit.
    pub daily_user: Option<i16>,
    /// Answers of all together in the period, 0..=99,999; 0: without limit.
    pub serverwide: Option<i32>,
    /// The period in days, 1..=365.
    pub resets_in_days: Option<i16>,
}

/// The quotas of a server, and what is used of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// Answers of one person in 24 hours; 0: without limit.
    pub daily_user: i16,
    /// Answers of all together in the period; 0: without limit.
    pub serverwide: i32,
    /// The period in days.
    pub resets_in_days: i16,
    /// Answers of all together in the period that runs, counted since there is a limit.
    pub used: i32,
    /// When that period ends; `None`: none runs.
    pub ends: Option<DateTime<Utc>>,
    /// People of whom answers are counted.
    pub people: i64,
    /// Those of them who have no answer left.
    pub people_without: i64,
}

/// Whose uses are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaPool {
    /// Those of one person; `None`: of everybody.
    Users(Option<UserId>),
    /// That of the server.
    Server,
}

impl Store {
    /// Sets how many answers there are; `false`: nothing is set up. What was used stays used.
    ///
    /// # Errors
    /// `Conflict` outside of the ranges; `Unavailable`.
    pub async fn set_quota(&self, tenant: TenantId, quota: NewQuota) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO generation_quota_configs AS q
                 (server_id, kind, daily_user_quota, serverwide_quota, serverwide_quota_resets_in)
             SELECT server_id, 'text', COALESCE($3::smallint, 0::smallint), COALESCE($4::integer, 0),
                    COALESCE($5::smallint, 365::smallint)
             FROM servers
             WHERE server_disc_id = $1 AND is_dm_channel = $2
             ON CONFLICT (server_id, kind) DO UPDATE
             SET daily_user_quota = COALESCE($3::smallint, q.daily_user_quota),
                 serverwide_quota = COALESCE($4::integer, q.serverwide_quota),
                 serverwide_quota_resets_in
                     = COALESCE($5::smallint, q.serverwide_quota_resets_in)",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            quota.daily_user,
            quota.serverwide,
            quota.resets_in_days,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns the quotas of a server and what is used of them; `None`: nothing is set up.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn quota_use(&self, tenant: TenantId) -> Result<Option<QuotaUse>, Error> {
        let found = sqlx::query_as!(
            QuotaUse,
            r#"SELECT COALESCE(c.daily_user_quota, 0::smallint) AS "daily_user!",
                      COALESCE(c.serverwide_quota, 0) AS "serverwide!",
                      COALESCE(c.serverwide_quota_resets_in, 365::smallint) AS "resets_in_days!",
                      COALESCE(q.used, 0) AS "used!", q.window_end AS "ends?",
                      p.people AS "people!", p.people_without AS "people_without!"
               FROM servers s
               LEFT JOIN generation_quota_configs c
                   ON c.server_id = s.server_id AND c.kind = 'text'
               LEFT JOIN generation_quotas q
                   ON q.server_id = s.server_id AND q.kind = 'text' AND q.user_disc_id = ''
                  AND q.window_end > now()
               CROSS JOIN LATERAL (
                   SELECT count(*) AS people,
                          count(*) FILTER (WHERE c.daily_user_quota > 0
                              AND u.used >= c.daily_user_quota) AS people_without
                   FROM generation_quotas u
                   WHERE u.server_id = s.server_id AND u.kind = 'text' AND u.user_disc_id <> ''
                     AND u.window_end > now() AND u.used > 0
               ) p
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(found)
    }

    /// Forgets what was used, and returns of how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn reset_quota(&self, tenant: TenantId, pool: QuotaPool) -> Result<u64, Error> {
        let (is_server, user) = match pool {
            QuotaPool::Server => (true, None),
            QuotaPool::Users(user) => (false, user.map(|user| user.to_string())),
        };
        let done = sqlx::query!(
            "DELETE FROM generation_quotas q USING servers s
             WHERE q.server_id = s.server_id AND s.server_disc_id = $1 AND q.kind = 'text'
               AND (q.user_disc_id = '') = $2
               AND ($3::text IS NULL OR q.user_disc_id = $3)",
            tenant.disc_id().to_string(),
            is_server,
            user,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected())
    }

    /// Returns when a person, or with `None` the server, gets answers again; `None` where nothing is
    /// counted.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn quota_ends(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let end = sqlx::query_scalar!(
            "SELECT q.window_end FROM generation_quotas q
             JOIN servers s ON s.server_id = q.server_id
             WHERE s.server_disc_id = $1 AND q.kind = 'text' AND q.user_disc_id = $2
               AND q.window_end > now()",
            tenant.disc_id().to_string(),
            user.map(|user| user.to_string()).unwrap_or_default(),
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(end)
    }

    /// Gives back what the message of a turn used, where nobody saw anything of the answer, once; not
    /// while another persona still answers the same message or did (GUARD-44). What was used in a
    /// window that is over is gone. What ends before it is claimed is given back by the database.
    /// Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn refund_quota(&self, lease: &Lease) -> Result<bool, Error> {
        let done = sqlx::query_scalar!(
            r#"WITH held AS (
                   SELECT server_id, trigger_key, turn_id FROM turns
                   WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
               )
               SELECT refund_quota(server_id, trigger_key, turn_id) AS "refunded!" FROM held"#,
            lease.turn.row,
            lease.fence,
            lease.worker,
        )
        .fetch_optional(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.unwrap_or_default())
    }
}
