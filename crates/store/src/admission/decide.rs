//! The one statement that decides about an event.

use sqlx::PgConnection;

use super::Admission;
use crate::Error;
use crate::cooldown::Key;

/// What the message makes rest, and for how many seconds; kind 0 where nothing does.
fn rests(admission: &Admission) -> (Key, u32) {
    let scope = (admission.tenant, admission.author, admission.channel);
    admission.cooldown.map_or_else(
        || (Key::default(), 0),
        |cooldown| {
            (
                Key::of_message(cooldown.kind, scope),
                cooldown.length_seconds,
            )
        },
    )
}

/// Judges, records and makes the turns in one statement. Returns the record's row and code,
/// `None` when the event was decided before or the settings are others.
#[expect(
    clippy::too_many_lines,
    reason = "one statement decides, so that nothing happens between its parts"
)]
pub(super) async fn decide(
    connection: &mut PgConnection,
    admission: &Admission,
) -> Result<Option<(i64, String)>, Error> {
    let personas: Vec<i64> = admission.personas.iter().map(|persona| persona.0).collect();
    let (rests, length_seconds) = rests(admission);
    let row = sqlx::query!(
        r#"WITH able AS (
               SELECT s.server_id,
                      COALESCE(p.level NOT IN (0, 1), false) AS hidden,
                      CASE WHEN p.level = 2 AND $8 <> 'command' THEN 'privacy_full'
                           WHEN p.level NOT IN (0, 1, 2) THEN 'privacy_unknown'
                           WHEN s.server_id IS NULL THEN 'not_set_up'
                           WHEN s.settings_version <> $9 THEN NULL
                           WHEN answering.personas IS NULL THEN 'persona_block'
                           WHEN own.may_pay THEN 'accepted'
                           WHEN own.may_pay IS NOT NULL OR m.user_byok_mode
                               THEN 'no_credentials'
                           WHEN octet_length(m.api_key) > 0 AND m.main_key_disabled_at IS NULL
                               THEN 'accepted'
                           WHEN EXISTS (
                               SELECT 1 FROM api_key_rotation k
                               WHERE k.server_id = s.server_id AND k.is_enabled
                                 AND NOT k.is_main_key_pointer)
                               THEN 'accepted'
                           ELSE 'no_credentials'
                      END AS code,
                      CASE WHEN own.may_pay THEN 'user' ELSE 'server' END AS paid_by,
                      answering.personas
               FROM (VALUES ($2::text, $5::text)) AS asked (server_disc_id, user_disc_id)
               -- Whatever the scope shows of users: a row that is hidden is no level 0.
               CROSS JOIN privacy_level_of(asked.user_disc_id) AS p (level)
               LEFT JOIN users u ON u.user_disc_id = asked.user_disc_id
               LEFT JOIN servers s
                   ON s.server_disc_id = asked.server_disc_id AND s.is_dm_channel = $3
                  AND s.left_at IS NULL
               LEFT JOIN server_model_configs m ON m.server_id = s.server_id
               -- NULL without a key of their own: then the server pays.
               LEFT JOIN LATERAL (
                   SELECT bool_or(k.disabled_at IS NULL) AS may_pay
                   FROM user_provider_keys k
                   WHERE k.user_id = u.user_id AND u.personal_provider_enabled
                     AND 'text' = ANY (k.enabled_capabilities)
               ) own ON true
               -- NULL where none of them answers this person. What a row says beside its end does
               -- not matter, so that one that cannot be understood counts (PRIV-45).
               CROSS JOIN LATERAL (
                   SELECT array_agg(p.persona_id ORDER BY p.ordinal) AS personas
                   FROM unnest($10::bigint[]) WITH ORDINALITY AS p (persona_id, ordinal)
                   WHERE NOT EXISTS (
                       SELECT FROM persona_user_blocks b
                       WHERE b.server_id = s.server_id AND b.persona_id = p.persona_id
                         AND b.user_disc_id = asked.user_disc_id AND b.expires_at > now())
               ) answering
           ), pools AS (
               -- Where answers are counted (GUARD-41 to GUARD-45): whether none is left.
               SELECT q.serverwide_quota_resets_in * 24 AS server_hours,
                      q.daily_user_quota > 0 AND u.used >= q.daily_user_quota AS user_is_empty,
                      q.serverwide_quota > 0 AND s.used >= q.serverwide_quota AS server_is_empty
               FROM able a
               JOIN generation_quota_configs q ON q.server_id = a.server_id AND q.kind = 'text'
               LEFT JOIN generation_quotas u
                   ON u.server_id = a.server_id AND u.kind = 'text' AND u.user_disc_id = $5::text
                  AND u.window_start > now() - interval '24 hours'
               LEFT JOIN generation_quotas s
                   ON s.server_id = a.server_id AND s.kind = 'text' AND s.user_disc_id = ''
                  AND s.window_start
                      > now() - make_interval(hours => q.serverwide_quota_resets_in * 24)
               WHERE a.paid_by = 'server' AND NOT $3
                 AND (q.daily_user_quota > 0 OR q.serverwide_quota > 0)
           ), verdict AS (
               -- Whoever admits holds the locks of this person and of this server, so that nobody
               -- else counts or takes at the same time (GUARD-33).
               SELECT a.server_id, a.hidden, a.paid_by, a.personas,
                      CASE WHEN a.code IS DISTINCT FROM 'accepted' THEN a.code
                           WHEN open_messages_of($5::text) >= $12 THEN 'limit_user'
                           WHEN $13 <= (
                               SELECT count(*) FROM turns t
                               WHERE t.server_id = a.server_id AND t.ended_at IS NULL
                                 AND t.persona_ordinal = 0 AND t.trigger_kind <> 'stop')
                               THEN 'limit_server'
                           WHEN $14 <= (
                               SELECT count(*) FROM turns t
                               WHERE t.channel_disc_id = $4::text AND t.state = 'queued'
                                 AND t.ended_at IS NULL
                                 AND t.persona_ordinal = 0 AND t.trigger_kind <> 'stop')
                               THEN 'limit_channel'
                           WHEN p.user_is_empty THEN 'quota_user'
                           WHEN p.server_is_empty THEN 'quota_server'
                           WHEN a.paid_by = 'server' AND EXISTS (
                               SELECT FROM cooldowns c
                               WHERE c.cooldown_type = $15 AND c.server_disc_id = $2::text
                                 AND c.user_disc_id = $16 AND c.channel_disc_id = $17
                                 AND c.command_category = '' AND c.expires_at > now())
                               THEN 'cooldown'
                           ELSE 'accepted'
                      END AS code,
                      CASE WHEN a.paid_by = 'server' AND $15 > 0
                           THEN now() + make_interval(secs => $18) END AS rests_until
               FROM able a LEFT JOIN pools p ON true
           ), decision AS (
               INSERT INTO turn_decisions
                   (event_id, guild_disc_id, user_disc_id, channel_disc_id, message_id, code)
               SELECT $1,
                      CASE WHEN NOT (v.hidden AND $3) THEN $2::text END,
                      CASE WHEN NOT v.hidden THEN $5::text END,
                      CASE WHEN NOT v.hidden THEN $4::text END,
                      CASE WHEN NOT v.hidden THEN $6::text END,
                      v.code
               FROM verdict v WHERE v.code IS NOT NULL
               ON CONFLICT (event_id) DO NOTHING
               RETURNING decision_id, code
           ), busy AS (
               SELECT t.turn_id, t.follow_ups + 1 AS follow_ups
               FROM turns t
               WHERE t.channel_disc_id = $4::text AND t.responsible_disc_id = $5::text
                 AND t.state IN ('preparing', 'streaming', 'tool')
                 AND t.trigger_kind NOT IN ('command', 'stop')
                 AND (NOT t.stop_requested OR t.stop_reason = 'follow_up')
                 AND t.follow_ups < $11
           ), interrupted AS (
               UPDATE turns t SET stop_requested = true, stop_reason = 'follow_up'
               FROM busy b, decision d
               WHERE t.turn_id = b.turn_id AND d.code = 'accepted'
                 AND t.state IN ('preparing', 'streaming') AND NOT t.stop_requested
               RETURNING 1
           ), replaced AS (
               UPDATE turns t
               SET state = 'stopped', stop_requested = true, stop_reason = 'replaced',
                   ended_at = now()
               FROM busy b, decision d
               WHERE t.channel_disc_id = $4::text AND t.responsible_disc_id = $5::text
                 AND t.ended_at IS NULL
                 AND t.state = 'queued' AND t.priority = 1 AND d.code = 'accepted'
               RETURNING 1
           ), settled AS (
               -- Turns are locked before what they use, here as wherever one is stopped: whoever reads
               -- this waits for both, and nobody waits in a circle.
               SELECT (SELECT count(*) FROM interrupted) + (SELECT count(*) FROM replaced) AS turns
           ), rested AS (
               INSERT INTO cooldowns AS c
                   (cooldown_type, server_disc_id, user_disc_id, channel_disc_id, expires_at)
               SELECT $15, $2::text, $16, $17, v.rests_until
               FROM settled CROSS JOIN decision d CROSS JOIN verdict v
               WHERE settled.turns >= 0 AND d.code = 'accepted' AND v.rests_until IS NOT NULL
               ON CONFLICT (cooldown_type, server_disc_id, user_disc_id, channel_disc_id,
                            command_category)
               DO UPDATE SET expires_at = excluded.expires_at, created_at = now()
               WHERE c.expires_at <= now()
           ), used AS (
               INSERT INTO generation_quotas AS g
                   (server_id, kind, user_disc_id, window_start, window_end, used)
               SELECT v.server_id, 'text', pool.user_disc_id, now(),
                      now() + make_interval(hours => pool.hours), 1
               FROM decision d CROSS JOIN verdict v CROSS JOIN pools p
               CROSS JOIN LATERAL (VALUES ('', p.server_hours), ($5::text, 24))
                   AS pool (user_disc_id, hours)
               CROSS JOIN settled
               WHERE settled.turns >= 0 AND d.code = 'accepted'
               ON CONFLICT (server_id, kind, user_disc_id) DO UPDATE
               SET (used, window_start, window_end) = (
                   SELECT CASE WHEN w.lasts THEN g.used + 1 ELSE 1 END,
                          CASE WHEN w.lasts THEN g.window_start ELSE now() END,
                          CASE WHEN w.lasts THEN g.window_start ELSE now() END
                              + (excluded.window_end - excluded.window_start)
                   FROM (SELECT g.window_start
                                > now() - (excluded.window_end - excluded.window_start)) w (lasts))
           ), reserved AS (
               INSERT INTO quota_reservations (server_id, kind, trigger_key, user_disc_id)
               SELECT v.server_id, 'text', $1, $5::text
               FROM decision d CROSS JOIN verdict v CROSS JOIN pools p
               WHERE d.code = 'accepted'
               ON CONFLICT (server_id, kind, trigger_key) DO NOTHING
           ), admitted AS (
               INSERT INTO turns
                   (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                    trigger_message_id, trigger_kind, responsible_disc_id, persona_id,
                    follow_ups, priority, paid_by, cooldown_type, cooldown_until)
               SELECT v.server_id, $4::text, $7, $1, p.ordinal - 1, $6::text, $8, $5::text,
                      p.persona_id, COALESCE(b.follow_ups, 0),
                      CASE WHEN b.turn_id IS NULL THEN 2 ELSE 1 END, v.paid_by,
                      CASE WHEN v.rests_until IS NOT NULL THEN $15 END, v.rests_until
               FROM decision d
               CROSS JOIN verdict v
               LEFT JOIN busy b ON true
               CROSS JOIN unnest(v.personas) WITH ORDINALITY AS p (persona_id, ordinal)
               WHERE d.code = 'accepted'
               ORDER BY p.ordinal
           )
           SELECT decision_id, code FROM decision"#,
        admission.event_id.as_str(),
        admission.tenant.disc_id().to_string(),
        admission.tenant.is_direct(),
        admission.channel.to_string(),
        admission.author.to_string(),
        admission.message.to_string(),
        i32::from(admission.partition.0),
        admission.trigger_kind.as_str(),
        admission.settings_version,
        &personas,
        admission.max_follow_ups,
        i64::from(admission.limits.user),
        i64::from(admission.limits.server),
        i64::from(admission.limits.channel),
        rests.kind,
        rests.user,
        rests.channel,
        f64::from(length_seconds),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.decision_id, row.code)))
}
