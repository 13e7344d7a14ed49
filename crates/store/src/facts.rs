//! What a database server says about itself, for whoever looks for what is wrong (SEC-53).

use std::time::Duration;

use crate::{Error, Store};

/// A server as seen by a worker's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// `server_version_num`: 150008 is 15.8.
    pub version: i32,
    /// Whether this very connection is encrypted.
    pub is_encrypted: bool,
    /// Whether `pgcrypto` is installed in this database.
    pub has_pgcrypto: bool,
    /// The settings by which parameters of statements come into the server's log (SEC-37).
    pub parameters_logged_by: Vec<String>,
    /// The server's clock, since 1970.
    pub now: Duration,
}

impl Store {
    /// Asks the server about itself.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn server_facts(&self) -> Result<ServerFacts, Error> {
        // Compared as text, since a setting is shown with its unit; -1 stands for parameters of any
        // length and for no statement. auto_explain has settings only where it is loaded.
        let row = sqlx::query!(
            r#"SELECT current_setting('server_version_num')::integer AS "version!",
                      COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
                          AS "is_encrypted!",
                      EXISTS (SELECT FROM pg_extension WHERE extname = 'pgcrypto')
                          AS "has_pgcrypto!",
                      current_setting('log_parameter_max_length') <> '0'
                          AND current_setting('log_statement') <> 'none' AS "statements!",
                      current_setting('log_parameter_max_length') <> '0'
                          AND current_setting('log_min_duration_statement') <> '-1' AS "slow!",
                      current_setting('log_parameter_max_length_on_error') <> '0' AS "failed!",
                      COALESCE(current_setting('auto_explain.log_parameter_max_length', true), '0')
                              NOT IN ('', '0')
                          AND COALESCE(current_setting('auto_explain.log_min_duration', true), '-1')
                              NOT IN ('', '-1') AS "explained!",
                      (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "now_ms!""#,
        )
        .fetch_one(self.pool.shared())
        .await?;
        let logged = [
            (row.statements, "log_statement"),
            (row.slow, "log_min_duration_statement"),
            (row.failed, "log_parameter_max_length_on_error"),
            (row.explained, "auto_explain.log_min_duration"),
        ];
        Ok(ServerFacts {
            version: row.version,
            is_encrypted: row.is_encrypted,
            has_pgcrypto: row.has_pgcrypto,
            parameters_logged_by: logged
                .into_iter()
                .filter(|(is_logged, _)| *is_logged)
                .map(|(_, name)| name.to_owned())
                .collect(),
            now: Duration::from_millis(u64::try_from(row.now_ms).unwrap_or_default()),
        })
    }
}
