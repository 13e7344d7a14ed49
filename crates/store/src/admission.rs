//! Admission: one statement keyed by the event id decides about an event (DESIGN §2 step 5).

mod decide;

use proto::id::{ChannelId, EventId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use sqlx::PgConnection;
use tokio::time::timeout;

use self::decide::decide;
use crate::pool::scope::{Lock, Opened};
use crate::row::Place;
use crate::turn::turns_of;
use crate::{Cooldown, Decision, Error, PersonaId, Store, TriggerKind, Turn};

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
    /// How much may be open at once.
    pub limits: Limits,
    /// What the message makes rest, unless its author pays; `None`: nothing.
    pub cooldown: Option<Cooldown>,
}

/// How many messages may wait for their replies at once (GUARD-32), the new one included. Of the
/// personas that answer one message the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Those of one person, in all servers.
    pub user: u16,
    /// Those of a server, running ones included.
    pub server: u16,
    /// Those of a channel that do not run yet.
    pub channel: u16,
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
    /// The version of the settings that say so; `None` where they say nothing about it.
    pub settings_version: Option<i64>,
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
    /// How many messages wait for their replies is counted, and what rests is looked at and taken,
    /// under locks of the author and of the server, which come with the transaction's first round
    /// trip: admissions at once never go past a limit. A lock rather than a locked row, because not
    /// everybody has a row, and because others who write to those rows need not wait.
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
        let scope = scope.locking([
            Lock::Person(admission.author),
            Lock::Server(admission.tenant),
        ]);
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
    /// and it is, or when its settings are others; never `Accepted`. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn record_refusal(&self, refusal: &Refusal) -> Result<Admitted, Error> {
        if self.insert_refusal(refusal).await? {
            return Ok(Admitted::Refused(refusal.code));
        }
        self.decided_before(refusal.tenant, &refusal.event_id).await
    }

    /// `false`: nothing was recorded, because the event was decided before or the settings are others.
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
             WHERE ($7::text <> 'not_set_up' OR NOT EXISTS (
                 SELECT 1 FROM servers s JOIN server_model_configs m ON m.server_id = s.server_id
                 WHERE s.server_disc_id = $2::text AND s.is_dm_channel = $3
                   AND s.left_at IS NULL))
               AND ($9::bigint IS NULL OR $9 = (
                 SELECT s.settings_version FROM servers s
                 WHERE s.server_disc_id = $2::text AND s.is_dm_channel = $3))
             ON CONFLICT (event_id) DO NOTHING",
            refusal.event_id.as_str(),
            refusal.tenant.disc_id().to_string(),
            refusal.tenant.is_direct(),
            refusal.channel.to_string(),
            refusal.author.to_string(),
            refusal.message.to_string(),
            refusal.code.as_str(),
            is_hidden,
            refusal.settings_version,
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
