//! What a person is told when no worker answers, or when the one that did is gone.

use discord::Answer;
use proto::event::{Interaction, InteractionType};
use twilight_model::channel::message::MessageFlags;
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};

/// One sentence in the languages that we speak.
struct Text {
    english: &'static str,
    japanese: &'static str,
}

const BUSY: Text = Text {
    english: "I am busy right now. Please try again in a moment.",
    japanese: "ただいま混み合っています。少し待ってからもう一度お試しください。",
};

const LOST: Text = Text {
    english: "Something went wrong before I was done. Please look whether it took effect, and try \
              again if it did not.",
    japanese: "処理の途中で問題が発生しました。反映されているか確認し、されていなければもう一度お試しください。",
};

/// Says "busy, try again" to that person alone; an autocompletion just offers nothing.
pub(super) fn busy(interaction: &Interaction) -> InteractionResponse {
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
                content: Some(BUSY.in_locale(&interaction.locale)),
                flags: Some(MessageFlags::EPHEMERAL),
                ..InteractionResponseData::default()
            }),
        },
    }
}

/// Ends an answer that was promised and will not come.
pub(super) fn lost(locale: &str) -> Answer {
    Answer {
        content: Some(LOST.in_locale(locale)),
        ..Answer::default()
    }
}

impl Text {
    fn in_locale(&self, locale: &str) -> String {
        let text = if locale == "ja" {
            self.japanese
        } else {
            self.english
        };
        text.to_owned()
    }
}
