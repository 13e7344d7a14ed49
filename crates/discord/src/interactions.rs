//! Answers to interactions. Their routes carry a token of their own, so they are sent without the
//! bot's and do not count towards the global limit.

use std::time::Duration;

use proto::id::{ApplicationId, InteractionId, MessageId};
use serde::{Deserialize, Serialize};
use twilight_http::routing::Route;
use twilight_model::channel::message::{Component, Embed, MessageFlags};
use twilight_model::http::interaction::InteractionResponse;

use crate::call::{Call, Repeat, to_json};
use crate::client::Client;
use crate::error::Error;
use crate::files::{self, File, Named};
use crate::messages::{Created, Mentions};

/// Discord forgets an interaction that nobody answered within three seconds.
const FIRST_ANSWER_DEADLINE: Duration = Duration::from_millis(2500);

/// Longest time for an answer with files.
const UPLOAD_DEADLINE: Duration = Duration::from_mins(1);

/// An answer that replaces another. It notifies nobody.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The text.
    pub content: Option<String>,
    /// Embeds; an edit replaces those that were there.
    pub embeds: Vec<Embed>,
    /// Buttons and menus; an edit replaces those that were there.
    pub components: Vec<Component>,
    /// Flags, such as `IS_COMPONENTS_V2`.
    pub flags: Option<MessageFlags>,
    /// Files, under the bounds of those of a message; without any, those that were there stay.
    pub files: Vec<File>,
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
        let route = Route::InteractionCallback {
            interaction_id: interaction.0,
            interaction_token: token,
            with_response: false,
        };
        let call = Call::new("interaction_callback", &route, interaction.0)
            .by_own_token()
            .repeat(Repeat::Never)
            .within(FIRST_ANSWER_DEADLINE)
            .json(response)?;
        self.call(&call).await.map(drop)
    }

    /// Tells whether the first answer was a deferral and what it promised is still missing.
    ///
    /// [`Error::Refused`]: there is no such answer, or no message: a form was opened.
    pub async fn is_response_pending(
        &self,
        application: ApplicationId,
        token: &str,
    ) -> Result<bool, Error> {
        let route = Route::GetInteractionOriginal {
            application_id: application.0,
            interaction_token: token,
        };
        let call = Call::new("get_response", &route, major(token)).by_own_token();
        let shown: Shown = self.call(&call).await?.parse("answer to an interaction")?;
        Ok(shown.flags.contains(MessageFlags::LOADING))
    }

    /// Replaces the first answer, a deferred one included, and returns the message that it is.
    pub async fn edit_response(
        &self,
        application: ApplicationId,
        token: &str,
        answer: &Answer,
    ) -> Result<MessageId, Error> {
        let route = Route::UpdateInteractionOriginal {
            application_id: application.0,
            interaction_token: token,
        };
        let call = Call::new("edit_response", &route, major(token)).by_own_token();
        let body = Body::from(answer);
        let call = if answer.files.is_empty() {
            call.json(&body)?
        } else {
            let form = files::form(&to_json(&body)?, &answer.files)?;
            call.within(UPLOAD_DEADLINE).carrying(form)
        };
        let edited: Created = self.call(&call).await?.parse("message")?;
        Ok(MessageId(edited.id.get()))
    }
}

/// As much of an answer as we look at.
#[derive(Deserialize)]
struct Shown {
    flags: MessageFlags,
}

/// What goes over the wire; empty parts too, so that an edit empties them.
#[derive(Serialize)]
struct Body<'a> {
    content: Option<&'a str>,
    /// Messages of the newer components have no embeds, not even an empty list.
    #[serde(skip_serializing_if = "Option::is_none")]
    embeds: Option<&'a [Embed]>,
    components: &'a [Component],
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<MessageFlags>,
    allowed_mentions: Mentions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Named<'a>>,
}

impl<'a> From<&'a Answer> for Body<'a> {
    fn from(answer: &'a Answer) -> Self {
        let newer = answer
            .flags
            .is_some_and(|flags| flags.contains(MessageFlags::IS_COMPONENTS_V2));
        Self {
            content: answer.content.as_deref(),
            embeds: if newer { None } else { Some(&answer.embeds) },
            components: &answer.components,
            flags: answer.flags,
            allowed_mentions: Mentions::of(&[]),
            attachments: files::named(&answer.files),
        }
    }
}

/// The id that limits of a token's routes are kept apart by; the token itself is not kept.
fn major(token: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(token.as_bytes())
}
