//! `/why`: why a message of the asker was answered, or not (CMD-18, CHAT-104).
//!
//! About the asker's own messages only, each where it was written. Who is at level 2 has no record,
//! and the level is the answer (PRIV-19). A message that asked for nothing has no record either:
//! then it is judged once more, by what Discord shows of it.

use std::time::Duration;

use discord::Page;
use proto::event::Interaction;
use proto::id::{ChannelId, MessageId, TenantId, UserId};
use store::{Decision, PrivacyLevel, Why};
use twilight_model::channel::Message;

use super::asker::Asker;
use super::reading::{given, unreadable};
use crate::app::App;
use crate::channel::as_event;
use crate::channel::history::History;
use crate::notice::{Fate, Notice, WhyText};
use crate::pipeline::accept::{Surroundings, Verdict, accept};

/// The latest messages among which the asker's last one is looked for: one page at Discord.
const LATEST: u16 = 50;

/// How long decisions are recorded (DB-69).
const RECORDED: Duration = Duration::from_hours(24);

/// Which message is meant, and who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    tenant: TenantId,
    user: UserId,
    channel: ChannelId,
    /// `None`: the last one.
    message: Option<MessageId>,
}

/// Reads what is asked.
pub(super) fn question(asker: &Asker, interaction: &Interaction) -> Result<Question, Notice> {
    let message = match given(interaction, "message") {
        Some(link) => Some(named_by(link).ok_or(Notice::Why(WhyText::NoLink))?),
        None => None,
    };
    Ok(Question {
        tenant: asker.tenant,
        user: asker.user,
        channel: ChannelId(interaction.channel_id),
        message,
    })
}

/// Returns the message that a link ends with, or an id is.
fn named_by(link: &str) -> Option<MessageId> {
    let link = link.trim_matches(['<', '>']);
    let id = link.rsplit('/').next()?.parse().ok()?;
    Some(MessageId(id)).filter(|message| message.0 != 0)
}

/// Finds the answer.
///
/// Cancel safe: yes, it only reads.
pub(super) async fn finish(app: &App, question: Question) -> Notice {
    answer(app, question)
        .await
        .map_or_else(|notice| notice, Notice::Why)
}

async fn answer(app: &App, question: Question) -> Result<WhyText, Notice> {
    let level = app.store.privacy_level(question.user).await;
    if level.map_err(unreadable)? == PrivacyLevel::Full {
        return Ok(WhyText::Hidden);
    }
    if let Some(message) = question.message
        && let Some(why) = recorded(app, question, message).await?
    {
        return Ok(explained(why));
    }
    let message = match find(app, question).await? {
        Ok(message) => message,
        Err(absent) => return Ok(absent),
    };
    match recorded(app, question, MessageId(message.id.get())).await? {
        Some(why) => Ok(explained(why)),
        None => judged(app, question, &message).await,
    }
}

async fn recorded(
    app: &App,
    Question { tenant, user, .. }: Question,
    message: MessageId,
) -> Result<Option<Why>, Notice> {
    let why = app.store.why(tenant, user, message).await;
    why.map_err(unreadable)
}

fn explained(why: Why) -> WhyText {
    if why.code != Decision::Accepted {
        return WhyText::Refused(why.code);
    }
    WhyText::Accepted {
        kind: why.turns.first().map(|turn| turn.kind),
        fates: why
            .turns
            .into_iter()
            .map(|turn| Fate {
                state: turn.state,
                reason: turn.reason,
            })
            .collect(),
    }
}

/// Reads the asker's message, or says what there is instead.
async fn find(app: &App, question: Question) -> Result<Result<Message, WhyText>, Notice> {
    let Question {
        user,
        channel,
        message,
        ..
    } = question;
    let read = match message {
        Some(message) => {
            let found = app.discord.message(channel, message).await;
            found.map(|found| found.into_iter().collect())
        }
        None => app.discord.messages(channel, Page::Latest, LATEST).await,
    };
    let absent = match message {
        Some(_) => WhyText::NotYours,
        None => WhyText::NothingWritten,
    };
    match read {
        Ok(messages) => {
            let mut messages = messages.into_iter();
            let own = messages.find(|message| message.author.id.get() == user.0);
            Ok(own.ok_or(absent))
        }
        Err(discord::Error::Refused { .. }) => Ok(Err(WhyText::CannotRead)),
        Err(error) => {
            tracing::info!(%error, "a message to be explained is not read");
            Err(Notice::TooSlow)
        }
    }
}

/// Judges a message of which nothing is recorded, as intake would have.
async fn judged(app: &App, question: Question, message: &Message) -> Result<WhyText, Notice> {
    let id = MessageId(message.id.get());
    if app.settings.switches.age_of(id.created_at_ms()) > RECORDED {
        return Ok(WhyText::TooOld);
    }
    let guild = match question.tenant {
        TenantId::Guild(guild) => Some(guild),
        TenantId::Direct(_) => None,
    };
    let profile = app.profiles.of(question.tenant).await;
    let profile = profile.map_err(|_unread| Notice::DatabaseAway)?;
    let around = Surroundings {
        bot: app.bot,
        base_trigger_words: &app.settings.chat.base_trigger_words,
        history: &History::default(),
    };
    let event = as_event::message(message, guild);
    Ok(match accept(&event, profile.as_deref(), around) {
        Verdict::Pass(code) => WhyText::Refused(code),
        Verdict::NotSetUp => WhyText::Refused(Decision::NotSetUp),
        Verdict::Ask(_) => WhyText::Unrecorded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CMD-18.
    #[test]
    fn message_is_named_by_its_link_or_its_id() {
        let id = Some(MessageId(42));
        for link in [
            "42",
            "https://discord.com/channels/1/2/42",
            "<https://discord.com/channels/@me/2/42>",
        ] {
            assert_eq!(named_by(link), id, "{link}");
        }
        for other in [
            "",
            "0",
            "my last one",
            "https://discord.com/channels/1/2/",
            "-1",
        ] {
            assert_eq!(named_by(other), None, "{other}");
        }
    }
}
