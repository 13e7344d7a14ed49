//! Admission: one statement keyed by the event id decides about an event (DESIGN §2 step 5).

use proto::id::{ChannelId, EventId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::pool::scope::Opened;
use crate::row::Place;
use crate::turn::turns_of;
use crate::{Decision, Error, PersonaId, Store, TriggerKind, Turn};

/// A message that triggers, and what the worker knew when it judged it.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The event; decided once for ever.
    pub event_id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who is responsible.
    pub author: UserId,
    /// The channel's partition.
    pub partition: Partition,
    /// The personas that answer, in order; at least one.
    pub personas: Vec<PersonaId>,
    /// Why.
    pub trigger_kind: TriggerKind,
    /// The version of the settings it was judged with.
    pub settings_version: i64,
    /// How many turns of a chain of follow-ups may be interrupted; 0: none.
    pub max_follow_ups: i16,
}

/// What admission decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The turns were made now, one per persona, in order.
    Accepted(Vec<Turn>),
    /// The event was decided earlier; its turns as they are now, in order.
    Before {
        /// What was decided then.
        code: Decision,
        /// The turns it made; empty for refusals.
        turns: Vec<Turn>,
    },
    /// Refused and recorded now.
    Refused(Decision),
    /// The settings are not those it was judged with; nothing was recorded: reload and judge anew.
    SettingsChanged,
}

/// A refusal that needs no admission: it is recorded only.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The event.
    pub event_id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// What was decided.
    pub code: Decision,
}

impl Store {
    /// Decides about an event, once: the first delivery records the decision and makes the turns
    /// in the same statement, every later one reads them back. Two deliveries at once wait for
    /// each other at the unique event id. Safe to repeat after a lost answer.
    ///
    /// While a turn of the same user runs in the channel, the message is a follow-up (CHAT-51): it
    /// runs before everything else that waits there, in the place of an older follow-up, and the
    /// running turn is asked to stop, unless it uses a tool, is about to end, or ends a chain of
    /// `max_follow_ups` interrupted turns.
    ///
    /// Who has switched their own key on pays with it, and only with it: one that cannot be used
    /// refuses the message instead of spending the server's (POOL-22). Where members must bring keys
    /// nobody else is answered.
    ///
    /// Personas that muted or blocked the author do not answer; where none is left the message is
    /// refused (PRIV-43).
    ///
    /// Who opted out of everything is refused, but for what they ask for by a command (PRIV-6); the
    /// record of neither tells who it was.
    ///
    /// # Errors
    /// `Invalid` without personas; `Corrupt`, `Unavailable`.
    pub async fn admit(&self, admission: &Admission) -> Result<Admitted, Error> {
        if admission.personas.is_empty() {
            return Err(Error::Invalid("an admission needs a persona"));
        }
        let scope = self.pool.tenant(admission.tenant).with(admission.author);
        let mut opened = scope.open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, in_transaction(&mut opened, admission)).await;
        opened.settle(done)
    }

    /// Reads back what was decided; nothing recorded means that the statement before this one
    /// found other settings.
    pub(crate) async fn decided_before(
        &self,
        tenant: TenantId,
        event_id: &EventId,
    ) -> Result<Admitted, Error> {
        let mut opened = self.pool.tenant(tenant).open_to_read().await?;
        let deadline = opened.deadline();
        let reading = async { decided_before(&mut *opened.begin().await?, event_id).await };
        let done = timeout(deadline, reading).await;
        opened.settle(done)
    }

    /// Records a refusal that was decided without an admission; whose user opted out of
    /// everything keeps no ids. The answer is `Refused` the first time, `Before` when the event was
    /// decided earlier, and `SettingsChanged` when the refusal says that the tenant is not set up
    /// and it is; never `Accepted`. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn record_refusal(&self, refusal: &Refusal) -> Result<Admitted, Error> {
        if self.insert_refusal(refusal).await? {
            return Ok(Admitted::Refused(refusal.code));
        }
        self.decided_before(refusal.tenant, &refusal.event_id).await
    }

    /// `false`: nothing was recorded, because the event was decided before or the tenant is set up.
    async fn insert_refusal(&self, refusal: &Refusal) -> Result<bool, Error> {
        let is_hidden = matches!(
            refusal.code,
            Decision::PrivacyFull | Decision::PrivacyUnknown
        );
        let done = sqlx::query!(
            "INSERT INTO turn_decisions
                 (event_id, guild_disc_id, user_disc_id, channel_disc_id, message_id, code)
             SELECT $1,
                    CASE WHEN NOT (a.hidden AND $3) THEN $2::text END,
                    CASE WHEN NOT a.hidden THEN $5::text END,
                    CASE WHEN NOT a.hidden THEN $4::text END,
                    CASE WHEN NOT a.hidden THEN $6::text END,
                    $7::text
             FROM (SELECT $8 OR COALESCE(u.level NOT IN (0, 1), false)
                   FROM privacy_level_of($5::text) AS u (level)) AS a (hidden)
             WHERE $7::text <> 'not_set_up' OR NOT EXISTS (
                 SELECT 1 FROM servers s JOIN server_model_configs m ON m.server_id = s.server_id
                 WHERE s.server_disc_id = $2::text AND s.is_dm_channel = $3
                   AND s.left_at IS NULL)
             ON CONFLICT (event_id) DO NOTHING",
            refusal.event_id.as_str(),
            refusal.tenant.disc_id().to_string(),
            refusal.tenant.is_direct(),
            refusal.channel.to_string(),
            refusal.author.to_string(),
            refusal.message.to_string(),
            refusal.code.as_str(),
            is_hidden,
        )
        .execute(self.pool.tenant(refusal.tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

async fn in_transaction(opened: &mut Opened, admission: &Admission) -> Result<Admitted, Error> {
    let mut transaction = opened.begin().await?;
    let event_id = &admission.event_id;
    let Some((decision_id, code)) = decide(&mut transaction, admission).await? else {
        // A statement sees what was committed before it: the other delivery is waited for above.
        return decided_before(&mut transaction, event_id).await;
    };
    let admitted = match parse_code(&code, decision_id)? {
        Decision::Accepted => Admitted::Accepted(turns_by_event(&mut transaction, event_id).await?),
        code => Admitted::Refused(code),
    };
    transaction.commit().await?;
    Ok(admitted)
}

/// Judges, records and makes the turns in one statement. Returns the record's row and code,
/// `None` when the event was decided before or the settings are others.
#[expect(
    clippy::too_many_lines,
    reason = "one statement decides, so that nothing happens between its parts"
)]
async fn decide(
    connection: &mut PgConnection,
    admission: &Admission,
) -> Result<Option<(i64, String)>, Error> {
    let personas: Vec<i64> = admission.personas.iter().map(|persona| persona.0).collect();
    let row = sqlx::query!(
        r#"WITH verdict AS (
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
           ), replaced AS (
               UPDATE turns t
               SET state = 'stopped', stop_requested = true, stop_reason = 'replaced',
                   ended_at = now()
               FROM busy b, decision d
               WHERE t.channel_disc_id = $4::text AND t.responsible_disc_id = $5::text
                 AND t.ended_at IS NULL
                 AND t.state = 'queued' AND t.priority = 1 AND d.code = 'accepted'
           ), admitted AS (
               INSERT INTO turns
                   (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                    trigger_message_id, trigger_kind, responsible_disc_id, persona_id,
                    follow_ups, priority, paid_by)
               SELECT v.server_id, $4::text, $7, $1, p.ordinal - 1, $6::text, $8, $5::text,
                      p.persona_id, COALESCE(b.follow_ups, 0),
                      CASE WHEN b.turn_id IS NULL THEN 2 ELSE 1 END, v.paid_by
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
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.decision_id, row.code)))
}

async fn decided_before(
    connection: &mut PgConnection,
    event_id: &EventId,
) -> Result<Admitted, Error> {
    let row = sqlx::query!(
        "SELECT decision_id, code FROM turn_decisions WHERE event_id = $1",
        event_id.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(Admitted::SettingsChanged);
    };
    Ok(Admitted::Before {
        code: parse_code(&row.code, row.decision_id)?,
        turns: turns_by_event(connection, event_id).await?,
    })
}

async fn turns_by_event(
    connection: &mut PgConnection,
    event_id: &EventId,
) -> Result<Vec<Turn>, Error> {
    let rows = turns_of(connection, event_id.as_str()).await?;
    rows.into_iter().map(Turn::try_from).collect()
}

/// Names the record by its row, because an event id tells a message's id.
pub(crate) fn parse_code(code: &str, decision_id: i64) -> Result<Decision, Error> {
    Place {
        table: "turn_decisions",
        column: "code",
        row: &decision_id,
    }
    .parse(code)
}
