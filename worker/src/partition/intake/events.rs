//! What each kind of event does to its channel: history, decisions, turns.

use std::sync::Arc;

use proto::event::{self, Envelope, envelope::Event};
use proto::id::{ChannelId, GuildId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use store::{Decision, Unpaid};
use tokio::time::{Duration, Instant, sleep};
use twilight_model::channel::message::Component;

use super::refused::{self, Refused};
use super::{DATABASE_RETRY, Intake};
use crate::channel::history::Line;
use crate::channel::line;
use crate::command::offer::{self, Offer};
use crate::control;
use crate::journal::echo;
use crate::metrics;
use crate::notice::{CredentialText, Notice};
use crate::partition::trial::TRIES;
use crate::pipeline::{self, Arrived, Granted, NotYet, Received, Taken, accept};

/// A notice in a background task; it is worth no more than this.
const NOTICE_WITHIN: Duration = Duration::from_secs(10);

impl Intake {
    /// Handles one event; false when it can never be.
    pub(super) async fn handle(&mut self, envelope: &Envelope) -> bool {
        match &envelope.event {
            Some(Event::MessageCreate(message)) => {
                let event = Received::of(envelope);
                return self.created(&event, message).await;
            }
            Some(Event::MessageUpdate(message)) => {
                let line = line::of_event(message, self.app.bot);
                let channel = accept::channel_of(message);
                if self.may_keep(&line) {
                    self.schedule.channel(channel).history.edit(line);
                }
            }
            Some(Event::MessageDelete(deletion)) => {
                let deleted = deletion.message_ids.iter().copied().map(MessageId);
                let deleted: Vec<_> = deleted.collect();
                let guild = GuildId::non_zero(deletion.guild_id);
                self.deleted(guild, ChannelId(deletion.channel_id), &deleted)
                    .await;
            }
            Some(Event::Job(job)) => {
                let event = Received::of(envelope);
                return self.ordered(&event, job).await;
            }
            Some(Event::Gap(gap)) => self.close(*gap).await,
            Some(Event::GuildHere(guild)) => return self.here(GuildId(guild.guild_id)).await,
            Some(Event::GuildLeft(guild)) => return self.left(GuildId(guild.guild_id)).await,
            Some(Event::GuildsHere(list)) => return self.listed(envelope, list).await,
            None => {}
        }
        true
    }

    /// Forgets deleted messages, and ends the turns that they asked for (CHAT-56).
    async fn deleted(
        &mut self,
        guild: Option<GuildId>,
        channel: ChannelId,
        messages: &[MessageId],
    ) {
        let history = &self.schedule.channel(channel).history;
        for id in messages {
            history.delete(*id);
        }
        // Before the start only the rows know what is open.
        if self.is_started && !self.schedule.is_asked_by(channel, messages) {
            return;
        }
        loop {
            let store = &self.app.store;
            match store.trigger_deleted(guild, channel, messages).await {
                Ok(0) => return,
                Ok(_) => return control::nudge(&self.app, channel).await,
                Err(error) if error.is_unavailable() => sleep(DATABASE_RETRY).await,
                Err(error) => {
                    // Whoever runs the turn reads its trigger again.
                    tracing::warn!(%error, "turns of a deleted message are not stopped");
                    return;
                }
            }
        }
    }

    pub(super) async fn created(&mut self, event: &Received, message: &event::Message) -> bool {
        let id = accept::channel_of(message);
        let channel = self.schedule.channel(id);
        channel.guild = Some(message.guild_id);
        let history = channel.history.clone();
        let line = line::of_event(message, self.app.bot);
        if line.is_own {
            echo::take(&self.app, message).await;
        }
        let author = line.author;
        if line::is_said(message.r#type) && self.may_keep(&line) {
            history.say(line);
        }
        let is_busy = self.schedule.is_busy_with(id, author);
        let arrived = Arrived {
            received: event,
            message,
            history: &history,
            may_stop: is_busy || !self.is_started,
        };
        let deciding = || pipeline::intake(&self.app, arrived);
        let Some(taken) = self.decide(deciding).await else {
            return false;
        };
        match taken {
            Taken::Granted(turns) => {
                self.queue(id, turns).await;
                if is_busy {
                    control::nudge(&self.app, id).await;
                }
            }
            Taken::Refused(code) => {
                metrics::decision(code);
                if code == Decision::NoCredentials
                    && self.schedule.channel(id).may_notice(Instant::now())
                {
                    let tenant = accept::tenant_of(message);
                    self.tell_unpaid(tenant, author, id, MessageId(message.message_id));
                }
                let refused = Refused {
                    tenant: accept::tenant_of(message),
                    user: author,
                    channel: id,
                    message: MessageId(message.message_id),
                };
                refused::tell(&self.app, code, refused);
            }
            Taken::NotSetUp => {
                metrics::decision(Decision::NotSetUp);
                if self.schedule.channel(id).may_notice(Instant::now()) {
                    self.tell(id, MessageId(message.message_id), &Notice::NotSetUp);
                }
            }
        }
        true
    }

    /// Tells whether words may stay in memory. Who is not heard may still be on the way here; what
    /// asks for an answer is refused by the database (PRIV-32).
    fn may_keep(&self, line: &Line) -> bool {
        line.is_own || !self.app.privacy.is_full(line.author)
    }

    /// Takes an order for a turn that no message asked for.
    async fn ordered(&mut self, received: &Received, job: &event::Job) -> bool {
        let (channel, message) = (ChannelId(job.channel_id), MessageId(job.message_id));
        let deciding = || pipeline::intake_job(&self.app, received, job);
        let Some(taken) = self.decide(deciding).await else {
            return false;
        };
        match taken {
            Taken::Granted(turns) => self.queue(channel, turns).await,
            Taken::Refused(code) => {
                metrics::decision(code);
                let (guild, user) = (GuildId::non_zero(job.guild_id), UserId(job.user_id));
                let tenant = TenantId::of(guild, user);
                if code == Decision::NoCredentials {
                    self.tell_unpaid(tenant, user, channel, message);
                }
                let refused = Refused {
                    tenant,
                    user,
                    channel,
                    message,
                };
                refused::tell(&self.app, code, refused);
            }
            Taken::NotSetUp => metrics::decision(Decision::NotSetUp),
        }
        true
    }

    /// Queues turns that were just admitted.
    async fn queue(&mut self, channel: ChannelId, turns: Vec<Granted>) {
        metrics::decision(Decision::Accepted);
        // Before the start the rows are enough: all open turns are read then, in order.
        if self.is_started {
            self.schedule.append(channel, turns).await;
        }
    }

    /// Asks until the database decides; `None` when its answer is an error again and again.
    async fn decide<F>(&self, ask: impl Fn() -> F) -> Option<Taken>
    where
        F: Future<Output = Result<Taken, NotYet>>,
    {
        let mut tries = 0;
        loop {
            let error = match ask().await {
                Ok(taken) => return Some(taken),
                Err(error) => error,
            };
            if !error.passes() {
                tries += 1;
            }
            note_waiting(self.partition, &error);
            if tries == TRIES {
                return None;
            }
            sleep(DATABASE_RETRY).await;
        }
    }

    /// Says in the background why nobody pays for an answer (CHAT-28).
    fn tell_unpaid(&self, tenant: TenantId, user: UserId, channel: ChannelId, asked: MessageId) {
        let app = Arc::clone(&self.app);
        self.app.tracker.spawn(async move {
            let own = || offer::buttons(&app, tenant, &[Offer::OwnKeys]);
            let (notice, controls) = match app.store.why_unpaid(tenant, user).await {
                Ok(Unpaid::OwnKey) => (Notice::Credentials(CredentialText::OwnUnusable), own()),
                Ok(Unpaid::BringKey) => (Notice::Credentials(CredentialText::BringOwn), own()),
                Ok(Unpaid::Refused) => {
                    (Notice::Credentials(CredentialText::MainRefused), Vec::new())
                }
                Ok(Unpaid::NoKey) | Err(_) => (Notice::NoCredentials, Vec::new()),
            };
            post(&app.discord, (channel, asked), &notice, controls).await;
        });
    }

    /// Says something in the background; intake does not wait for Discord.
    fn tell(&self, channel: ChannelId, reply_to: MessageId, notice: &'static Notice) {
        let discord = self.app.discord.clone();
        self.app.tracker.spawn(async move {
            post(&discord, (channel, reply_to), notice, Vec::new()).await;
        });
    }
}

pub(super) async fn post(
    discord: &discord::Client,
    (channel, reply_to): (ChannelId, MessageId),
    notice: &Notice,
    components: Vec<Component>,
) {
    let message = discord::NewMessage {
        content: notice.text().into_owned(),
        nonce: Some(reply_to.0),
        reply_to: Some(reply_to),
        mention_users: Vec::new(),
        components,
        files: Vec::new(),
        deadline: Instant::now() + NOTICE_WITHIN,
    };
    if let Err(error) = discord.create_message(channel, &message).await {
        tracing::info!(%error, "a notice was not posted");
    }
}

fn note_waiting(partition: Partition, error: &NotYet) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%partition, error, "an event waits for its decision");
}
