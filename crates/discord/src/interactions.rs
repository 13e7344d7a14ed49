//! Answers to interactions. Their routes carry a token of their own, so they are sent without the
//! bot's and do not count towards the global limit.

use proto::id::{ApplicationId, InteractionId, MessageId};
use twilight_model::channel::message::{Component, Embed, MessageFlags};
use twilight_model::http::interaction::InteractionResponse;

use crate::client::Client;
use crate::error::Error;

/// The body of an answer that is edited or added. It notifies nobody.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The text.
    pub content: Option<String>,
    /// Embeds; an edit replaces those that were there.
    pub embeds: Vec<Embed>,
    /// Buttons and menus; an edit replaces those that were there.
    pub components: Vec<Component>,
    /// Flags, such as `EPHEMERAL` for a follow-up.
    pub flags: Option<MessageFlags>,
}

impl Client {
    /// Gives the first answer, which claims the interaction.
    ///
    /// [`Error::is_already_answered`] and [`Error::is_unknown_interaction`] tell that somebody
    /// else has it or that it is too late. Retried only while nothing was sent.
    pub async fn respond(
        &self,
        interaction: InteractionId,
        token: &str,
        response: &InteractionResponse,
    ) -> Result<(), Error> {
        let _ = token;
        todo!("{interaction} {response:?}")
    }

    /// Replaces the first answer, a deferred one included.
    pub async fn edit_response(
        &self,
        application: ApplicationId,
        token: &str,
        answer: &Answer,
    ) -> Result<(), Error> {
        let _ = token;
        todo!("{application} {answer:?}")
    }

    /// Adds a further answer. Retried only while nothing was sent.
    pub async fn follow_up(
        &self,
        application: ApplicationId,
        token: &str,
        answer: &Answer,
    ) -> Result<MessageId, Error> {
        let _ = token;
        todo!("{application} {answer:?}")
    }
}
