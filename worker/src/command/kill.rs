//! `/bot kill`: ends turns of a channel at once, without an answer of the model (CHAT-55).

use proto::event::Interaction;
use proto::id::ChannelId;
use store::{Kill, Killed, Whose};

use super::asker::Asker;
use crate::app::App;
use crate::control;
use crate::notice::{Notice, SteerText};

/// Decides whose turns the asker may end: their own, and everybody's where they may manage
/// messages.
pub(super) fn order(asker: &Asker, interaction: &Interaction) -> Kill {
    Kill {
        tenant: asker.tenant,
        channel: ChannelId(interaction.channel_id),
        whose: if asker.may_moderate() {
            Whose::Everybodys
        } else {
            Whose::Of(asker.user)
        },
    }
}

/// Ends them, wherever they run.
///
/// Cancel safe: dropped midway, the rows are written or not; the nudge only makes it quick.
pub(super) async fn finish(app: &App, kill: Kill) -> Notice {
    let killed = match app.store.kill(&kill).await {
        Ok(killed) => killed,
        Err(error) if error.is_unavailable() => return Notice::DatabaseAway,
        Err(error) => {
            tracing::error!(%error, "turns are not killed");
            return Notice::Unexpected;
        }
    };
    if killed == Killed::default() {
        return Notice::Steer(SteerText::NothingToKill);
    }
    control::nudge(app, kill.channel).await;
    Notice::Steer(SteerText::Killed {
        turns: killed.running + killed.queued,
    })
}
