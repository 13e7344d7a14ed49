//! The bot's own voice: how it names the turn that it speaks of, and what it says beside a reply.

use discord::NewMessage;
use store::NOTICE;
use twilight_model::channel::message::Component;

use super::{Journal, nonce_of};
use crate::command::details;
use crate::metrics;
use crate::notice::Notice;

impl Journal<'_> {
    /// Says something about a reply that has ended well. It is not on record: who dies here leaves it
    /// unsaid, and a failure is counted and survived.
    pub(crate) async fn remark(&self, notice: &Notice, controls: Vec<Component>) {
        let nonce = nonce_of(self.lease.turn, NOTICE);
        let message = NewMessage {
            components: controls,
            ..self.message(&self.signed(notice), nonce, None)
        };
        let discord = &self.app.discord;
        let outcome = match discord.create_message(self.channel, &message).await {
            Ok(_) => "notice",
            Err(error) => {
                tracing::info!(turn.id = %self.lease.turn, %error, "a remark was not posted");
                "notice_failed"
            }
        };
        metrics::post(outcome);
    }

    /// Writes a notice with the turn's short name, which an operator asks for (POOL-31).
    pub(super) fn signed(&self, notice: &Notice) -> String {
        let turn = details::short_name(self.lease.turn.row);
        format!("{}\n-# {turn}", notice.text())
    }
}
