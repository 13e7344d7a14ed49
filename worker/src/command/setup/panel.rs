//! The panel: four lines of state, what is wrong, what to do next, and the controls for it.

use keyring::Keyring;
use llm::Provider;
use proto::id::{TenantId, UserId};
use tracing::error;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::{
    Button, ButtonStyle, SelectMenu, SelectMenuOption, SelectMenuType,
};

use super::state::State;
use super::submission::{Choice, Mode};
use crate::command::answer::{Panel, row};
use crate::command::asker::Asker;
use crate::command::component::{ComponentId, Route};
use crate::notice::{Notice, SetupText};

/// Makes panels for one person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Painter<'a> {
    /// Who sees the panel.
    pub(super) asker: &'a Asker,
    /// Signs the ids of its controls.
    pub(super) keyring: &'a Keyring,
    /// Whom to mention.
    pub(super) bot: UserId,
}

impl Painter<'_> {
    /// Shows the state, and the one step that it allows.
    pub(super) fn present(self, state: &State) -> Result<Panel, Notice> {
        let rows = match state.key {
            None => vec![self.provider_menu(Mode::First)?],
            Some(_) => vec![self.replace_button()?],
        };
        Ok(Panel {
            text: self.text(state, state.problem.as_ref()),
            rows,
            quote: None,
        })
    }

    /// Shows what is wrong above the state, and how to try again.
    pub(super) fn failed(
        self,
        state: &State,
        failure: &Notice,
        choice: Choice,
    ) -> Result<Panel, Notice> {
        let rows = match (&state.key, choice.mode) {
            // Trying again would be refused: there is a key by now.
            (Some(_), Mode::First) => vec![self.replace_button()?],
            (None, _) | (Some(_), Mode::Replace) => {
                vec![self.retry_button(choice)?, self.provider_menu(choice.mode)?]
            }
        };
        Ok(Panel {
            text: self.text(state, Some(failure)),
            rows,
            quote: None,
        })
    }

    /// Shows what the replacement of the key means, and offers the providers.
    pub(super) fn replacement(self) -> Result<Panel, Notice> {
        let text = say(SetupText::ChooseReplacement);
        Ok(Panel {
            text,
            rows: vec![self.provider_menu(Mode::Replace)?],
            quote: None,
        })
    }

    /// Signs the id of a control for this person and panel.
    pub(super) fn sign(self, route: Route, args: Vec<u8>) -> Result<String, Notice> {
        let id = ComponentId {
            route,
            args,
            user: Some(self.asker.user),
            expires_at_secs: Some(self.asker.panel_ends_at_secs()),
        };
        id.sign(self.keyring, self.asker.tenant).map_err(|error| {
            error!(%error, "a component was not signed");
            Notice::Unexpected
        })
    }

    fn text(self, state: &State, failure: Option<&Notice>) -> String {
        let title = match state.key {
            None => SetupText::TitleOpen,
            Some(_) => SetupText::TitleReady,
        };
        let failure = failure.map(|failure| format!("⚠ {}", failure.text()));
        let persona = SetupText::Persona {
            name: state.persona.clone(),
        };
        let place = match self.asker.tenant {
            TenantId::Guild(_) => SetupText::TalkInServer,
            TenantId::Direct(_) => SetupText::TalkInDirect,
        };
        let (provider, test) = provider_lines(state);
        let lines = [say(title)]
            .into_iter()
            .chain(failure)
            .chain([provider, persona, place, test, self.next_step(state)].map(say));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn next_step(self, state: &State) -> SetupText {
        match (&state.key, self.asker.tenant) {
            (None, _) => SetupText::ChooseProvider,
            (Some(_), TenantId::Direct(_)) => SetupText::HowInDirect,
            (Some(_), TenantId::Guild(_)) => SetupText::HowInServer {
                mention: format!("<@{}>", self.bot),
                word: state.word.clone(),
            },
        }
    }

    fn provider_menu(self, mode: Mode) -> Result<Component, Notice> {
        let id = self.sign(Route::PickProvider, vec![mode.as_byte()])?;
        Ok(menu(
            id,
            SetupText::ProviderPlaceholder,
            Provider::ALL.map(option).to_vec(),
        ))
    }

    fn replace_button(self) -> Result<Component, Notice> {
        let id = self.sign(Route::ReplaceKey, Vec::new())?;
        Ok(button(id, SetupText::ReplaceButton, ButtonStyle::Secondary))
    }

    fn retry_button(self, choice: Choice) -> Result<Component, Notice> {
        let id = self.sign(Route::AskKey, choice.to_args())?;
        let label = SetupText::RetryButton {
            provider: choice.provider.label().to_owned(),
        };
        Ok(button(id, label, ButtonStyle::Primary))
    }
}

fn provider_lines(state: &State) -> (SetupText, SetupText) {
    match state.key.clone() {
        None => (SetupText::ProviderMissing, SetupText::TestPending),
        Some(key) => {
            let provider = SetupText::ProviderSet {
                provider: key.provider,
                model: key.model,
                fingerprint: key.fingerprint,
            };
            (provider, SetupText::TestPassed)
        }
    }
}

fn say(text: SetupText) -> String {
    Notice::Setup(text).text().into_owned()
}

fn option(provider: Provider) -> SelectMenuOption {
    SelectMenuOption {
        default: false,
        description: None,
        emoji: None,
        label: provider.label().to_owned(),
        value: provider.as_str().to_owned(),
    }
}

fn menu(custom_id: String, placeholder: SetupText, options: Vec<SelectMenuOption>) -> Component {
    row(vec![Component::SelectMenu(SelectMenu {
        channel_types: None,
        custom_id,
        default_values: None,
        disabled: false,
        id: None,
        kind: SelectMenuType::Text,
        max_values: Some(1),
        min_values: Some(1),
        options: Some(options),
        placeholder: Some(say(placeholder)),
        required: None,
    })])
}

fn button(custom_id: String, label: SetupText, style: ButtonStyle) -> Component {
    row(vec![Component::Button(Button {
        custom_id: Some(custom_id),
        disabled: false,
        emoji: None,
        id: None,
        label: Some(say(label)),
        sku_id: None,
        style,
        url: None,
    })])
}

#[cfg(test)]
mod tests;
