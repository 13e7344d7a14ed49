//! The panel: four lines of state, what is wrong, what to do next, and the controls for it.

use llm::Provider;
use proto::id::{TenantId, UserId};
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::state::State;
use super::submission::{Choice, Mode};
use crate::command::answer::Panel;
use crate::command::component::Route;
use crate::command::controls::{Signer, button, menu, option, row};
use crate::notice::{Notice, SetupText};

/// Makes panels for one person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Painter<'a> {
    /// Signs the controls.
    pub(super) signer: Signer<'a>,
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

    fn text(self, state: &State, failure: Option<&Notice>) -> String {
        let title = match state.key {
            None => SetupText::TitleOpen,
            Some(_) => SetupText::TitleReady,
        };
        let failure = failure.map(|failure| format!("⚠ {}", failure.text()));
        let persona = SetupText::Persona {
            name: state.persona.clone(),
        };
        let place = match self.signer.asker.tenant {
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
        match (&state.key, self.signer.asker.tenant) {
            (None, _) => SetupText::ChooseProvider,
            (Some(_), TenantId::Direct(_)) => SetupText::HowInDirect,
            (Some(_), TenantId::Guild(_)) => SetupText::HowInServer {
                mention: format!("<@{}>", self.bot),
                word: state.word.clone(),
            },
        }
    }

    fn provider_menu(self, mode: Mode) -> Result<Component, Notice> {
        let id = self
            .signer
            .sign(Route::PickProvider, vec![mode.as_byte()])?;
        let options = Provider::ALL.map(|provider| option(provider.label(), provider.as_str()));
        let placeholder = Notice::Setup(SetupText::ProviderPlaceholder);
        Ok(menu(id, &placeholder, options.to_vec()))
    }

    fn replace_button(self) -> Result<Component, Notice> {
        let id = self.signer.sign(Route::ReplaceKey, Vec::new())?;
        let label = Notice::Setup(SetupText::ReplaceButton);
        Ok(row(vec![button(id, &label, ButtonStyle::Secondary)]))
    }

    fn retry_button(self, choice: Choice) -> Result<Component, Notice> {
        let id = self.signer.sign(Route::AskKey, choice.to_args())?;
        let provider = choice.provider.label().to_owned();
        let label = Notice::Setup(SetupText::RetryButton { provider });
        Ok(row(vec![button(id, &label, ButtonStyle::Primary)]))
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

#[cfg(test)]
mod tests;
