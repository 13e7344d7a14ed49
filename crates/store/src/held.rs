//! What the holder of a turn may still do where people see it: one condition for posts and for tools.

/// Writes what a holder is about to do, unless it may do so no more: the lease is lost, the turn is
/// over, a stop was requested, or the responsible user opted out. Who opted out is served where a
/// command asked (PRIV-6); a command from before that has been asked to stop.
///
/// The update makes a claim wait until what is written is there for it to see.
macro_rules! query_as_holder {
    ($lease:ident, $set:tt, $write:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query!(
            "WITH held AS (
                 UPDATE turns SET " + $set + "
                 WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
                   AND ended_at IS NULL AND NOT stop_requested
                   AND (trigger_kind = 'command'
                        OR COALESCE(privacy_level_of(responsible_disc_id), 0) IN (0, 1))
                 RETURNING turn_id, server_id, fence
             ) " + $write,
            $lease.turn.row,
            $lease.fence,
            $lease.worker,
            $($argument),+
        )
    };
}

pub(crate) use query_as_holder;
