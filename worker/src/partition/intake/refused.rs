//! Who asks too often or too much at once is told so, once in a while, and never by intake itself
//! (GUARD-22, GUARD-36).

use std::sync::Arc;
use std::time::Duration;

use discord::{NewMessage, Wanted};
use proto::id::{ChannelId, MessageId, TenantId, UserId};
use store::{Decision, Hearer};
use tokio::time::Instant;

use crate::app::App;
use crate::notice::{GuardText, Notice};
use crate::pipeline::admit;
use crate::telling::{self, Direct};

/// The same is said to somebody, and in a channel, once in this time (GUARD-36).
const EVERY: Duration = Duration::from_mins(1);

/// A word in a background task is worth no more than this.
const WITHIN: Duration = Duration::from_secs(10);

/// Where a person is who takes no direct messages, this stands under the message (GUARD-22).
const LATER: &str = "⏳";

/// A message that was not taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) tenant: TenantId,
    pub(super) user: UserId,
    pub(super) channel: ChannelId,
    pub(super) message: MessageId,
}

/// Who is told.
enum Word {
    Privately(GuardText),
    Publicly(GuardText),
}

/// Tells whoever has to know, in the background.
pub(super) fn tell(app: &Arc<App>, code: Decision, refused: Refused) {
    if !matches!(
        code,
        Decision::Cooldown
            | Decision::LimitUser
            | Decision::LimitServer
            | Decision::LimitChannel
            | Decision::QuotaUser
            | Decision::QuotaServer
    ) {
        return;
    }
    let own = Arc::clone(app);
    app.tracker.spawn(async move {
        match word(&own, code, refused).await {
            Ok(Some(Word::Privately(text))) => say_privately(&own, refused, text).await,
            Ok(Some(Word::Publicly(text))) => say_publicly(&own, refused, text).await,
            Ok(None) => {}
            Err(error) => tracing::info!(%error, "nobody is told of a limit"),
        }
    });
}

/// Finds the word, unless it was said a moment ago.
async fn word(app: &App, code: Decision, refused: Refused) -> Result<Option<Word>, store::Error> {
    let channel = refused.channel;
    let (user, here) = (Hearer::User(refused.user), Hearer::Channel(channel));
    let due = async |hearer| app.store.may_say(hearer, code.as_str(), EVERY).await;
    Ok(match code {
        Decision::Cooldown => cooldown(app, refused).await?.map(Word::Privately),
        Decision::LimitUser if due(user).await? => {
            Some(Word::Privately(GuardText::EnoughOfUser { channel }))
        }
        Decision::QuotaUser if due(user).await? => {
            let ends = ends(app, refused, Some(refused.user)).await?;
            Some(Word::Privately(GuardText::QuotaOfUser { channel, ends }))
        }
        Decision::QuotaServer if due(here).await? => {
            let ends = ends(app, refused, None).await?;
            Some(Word::Publicly(GuardText::QuotaOfServer { ends }))
        }
        Decision::LimitServer if due(here).await? => {
            Some(Word::Publicly(GuardText::EnoughOfServer))
        }
        Decision::LimitChannel if due(here).await? => {
            Some(Word::Publicly(GuardText::EnoughOfChannel))
        }
        _ => None,
    })
}

async fn ends(
    app: &App,
    refused: Refused,
    user: Option<UserId>,
) -> Result<Option<i64>, store::Error> {
    let ends = app.store.quota_ends(refused.tenant, user).await?;
    Ok(ends.map(|ends| ends.timestamp()))
}

async fn cooldown(app: &App, refused: Refused) -> Result<Option<GuardText>, store::Error> {
    let Refused {
        tenant,
        user,
        channel,
        ..
    } = refused;
    let Ok(Some(profile)) = app.profiles.of(tenant).await else {
        return Ok(None);
    };
    let Some(cooldown) = admit::rests_at(app, &profile, channel).await else {
        return Ok(None);
    };
    let scope = (tenant, user, channel);
    let left = app.store.may_say_cooldown(cooldown.kind, scope).await?;
    Ok(left.map(|seconds| GuardText::Cooldown {
        channel,
        kind: cooldown.kind,
        seconds,
    }))
}

/// Writes to the person; who takes no direct messages finds a sign at the message.
async fn say_privately(app: &App, refused: Refused, text: GuardText) {
    let text = Notice::from(text).text().into_owned();
    let message = NewMessage::plain(text, refused.message.0, Instant::now() + WITHIN);
    match telling::write_to(app, refused.user, &message).await {
        Direct::Closed => {}
        Direct::Said | Direct::Unknown => return,
        Direct::Failed(error) => return tracing::info!(%error, "nobody is told of a limit"),
    }
    let wanted = Wanted {
        until: Instant::now() + WITHIN,
        may_send: &|| true,
    };
    let place = (refused.channel, refused.message);
    if let Err(error) = app.discord.add_reaction(place, LATER, wanted).await {
        tracing::info!(%error, "nobody is told of a limit");
    }
}

async fn say_publicly(app: &App, refused: Refused, text: GuardText) {
    let place = (refused.channel, refused.message);
    super::events::post(&app.discord, place, &Notice::from(text), Vec::new()).await;
}
