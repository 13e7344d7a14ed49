//! What a person is told when no worker answers.

use proto::event::{Interaction, InteractionType};
use twilight_model::channel::message::MessageFlags;
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};

const ENGLISH: &str = "I am busy right now. Please try again in a moment.";
const JAPANESE: &str = "ただいま混み合っています。少し待ってからもう一度お試しください。";

/// Says "busy, try again" to that person alone; an autocompletion just offers nothing.
pub(super) fn response(interaction: &Interaction) -> InteractionResponse {
    let data = InteractionResponseData {
        flags: Some(MessageFlags::EPHEMERAL),
        ..InteractionResponseData::default()
    };
    match interaction.r#type() {
        InteractionType::Autocomplete => InteractionResponse {
            kind: InteractionResponseType::ApplicationCommandAutocompleteResult,
            data: Some(InteractionResponseData {
                choices: Some(Vec::new()),
                ..InteractionResponseData::default()
            }),
        },
        InteractionType::Command
        | InteractionType::Component
        | InteractionType::Modal
        | InteractionType::Unspecified => InteractionResponse {
            kind: InteractionResponseType::ChannelMessageWithSource,
            data: Some(InteractionResponseData {
                content: Some(text(interaction)),
                ..data
            }),
        },
    }
}

fn text(interaction: &Interaction) -> String {
    let text = if interaction.locale == "ja" {
        JAPANESE
    } else {
        ENGLISH
    };
    text.to_owned()
}
