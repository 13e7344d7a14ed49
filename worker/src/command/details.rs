//! Behind the buttons of notices about providers: the calls of a turn, and the way to a new key
//! (POOL-23, POOL-27, POOL-31).
//!
//! The button names the turn, and what is shown is read from its record: nothing is remembered. Which
//! key it was and what the provider said about it is shown to those only who may manage the server.

use llm::Provider;
use store::{ShownAttempt, Turn};
use tracing::error;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;
use uuid::Uuid;

use super::answer::{Panel, Plan};
use super::asker::Asker;
use super::component::{ComponentId, Route};
use super::controls::{button, row};
use crate::app::App;
use crate::notice::{CallText, CredentialText, Notice, key_name};

/// Life of a public button (CMD-13).
const BUTTON_LIFE_SECS: u64 = 24 * 60 * 60;

/// The latest calls that are shown.
const MOST_CALLS: usize = 12;

/// Discord's limit for a message, with room for the last line.
const MOST_CHARACTERS: usize = 1_990;

/// What a notice offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// To look at the calls.
    Details,
    /// That, and to enter another key.
    DetailsAndKey,
}

/// Makes the line of buttons below a notice about a turn; none when they cannot be signed.
pub(crate) fn buttons(app: &App, turn: &Turn, offer: Offer) -> Vec<Component> {
    let details = sign(app, turn, Route::Details, turn.id.row.as_bytes().to_vec());
    let key = match offer {
        Offer::Details => None,
        Offer::DetailsAndKey => sign(app, turn, Route::FixKey, Vec::new()),
    };
    let labelled =
        |id: Option<String>, label: Notice| id.map(|id| button(id, &label, ButtonStyle::Secondary));
    let buttons = [
        labelled(details, Notice::Calls(CallText::Button)),
        labelled(key, Notice::Credentials(CredentialText::FixButton)),
    ];
    let buttons: Vec<Component> = buttons.into_iter().flatten().collect();
    if buttons.is_empty() {
        return Vec::new();
    }
    vec![row(buttons)]
}

/// Returns the name of a turn that people can tell an operator.
pub(crate) fn short_name(turn: Uuid) -> String {
    turn.simple().to_string().chars().take(8).collect()
}

/// Shows the calls of the turn that the button names.
pub(super) async fn show(app: &App, asker: &Asker, args: &[u8]) -> Result<Plan, Notice> {
    let turn = Uuid::from_slice(args).ok().ok_or(Notice::UnknownControl)?;
    let reading = async {
        let attempts = app.store.attempts_of(asker.tenant, turn).await;
        attempts.map_err(super::reading::unreadable)
    };
    let attempts = super::reading::in_time(reading).await?;
    if attempts.is_empty() {
        return Ok(Plan::say(&Notice::Calls(CallText::Gone)));
    }
    Ok(Plan::show(Panel {
        text: text(turn, &attempts, asker.may_manage()),
        rows: Vec::new(),
        quote: None,
    }))
}

fn sign(app: &App, turn: &Turn, route: Route, args: Vec<u8>) -> Option<String> {
    let now_secs = app.settings.switches.unix_now_ms() / 1000;
    let id = ComponentId {
        route,
        args,
        user: None,
        expires_at_secs: Some(now_secs + BUTTON_LIFE_SECS),
    };
    let signed = id.sign(&app.keys.get(), turn.tenant);
    if let Err(error) = &signed {
        error!(%error, "a component was not signed");
    }
    signed.ok()
}

fn text(turn: Uuid, attempts: &[ShownAttempt], may_manage: bool) -> String {
    let title = CallText::Title {
        turn: short_name(turn),
    };
    let latest = attempts.len().saturating_sub(MOST_CALLS);
    let latest = attempts.get(latest..).unwrap_or_default();
    let calls = latest.iter().map(|shown| call(shown, may_manage));
    let mut said: Vec<CallText> = Vec::new();
    for words in latest.iter().filter_map(words).filter(|_| may_manage) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    let mut text = String::new();
    for line in std::iter::once(title).chain(calls).chain(said) {
        let line = Notice::Calls(line).text().into_owned();
        if text.chars().count() + line.chars().count() > MOST_CHARACTERS {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn call(shown: &ShownAttempt, may_manage: bool) -> CallText {
    let attempt = &shown.attempt;
    let provider: Option<Provider> = attempt.provider.parse().ok();
    CallText::Call {
        provider: provider.map_or_else(
            || attempt.provider.clone(),
            |provider| provider.label().to_owned(),
        ),
        model: attempt.model.clone(),
        class: attempt.class.clone(),
        took_ms: attempt.total.as_millis(),
        key: key(shown).filter(|_| may_manage),
    }
}

fn key(shown: &ShownAttempt) -> Option<String> {
    let key = shown.key.as_ref()?;
    Some(key_name(
        key.is_main,
        key.label.as_deref(),
        key.last4.as_deref(),
    ))
}

fn words(shown: &ShownAttempt) -> Option<CallText> {
    let words = shown.key.as_ref()?.last_error.clone()?;
    Some(CallText::Words {
        key: key(shown)?,
        words,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::{Attempt, ShownKey};

    use super::*;

    fn shown(attempt: i32, last_error: &str) -> ShownAttempt {
        ShownAttempt {
            attempt: Attempt {
                step: 1,
                attempt,
                provider: "openai".to_owned(),
                model: "gpt-small".to_owned(),
                key: None,
                class: "rate_limit".to_owned(),
                started_at: chrono::DateTime::UNIX_EPOCH,
                first_byte: None,
                total: Duration::from_millis(420),
                tokens_in: None,
                tokens_out: None,
            },
            key: Some(ShownKey {
                is_main: false,
                label: Some("spare".to_owned()),
                last4: Some("0002".to_owned()),
                last_error: Some(last_error.to_owned()),
            }),
        }
    }

    const TURN: Uuid = Uuid::from_u128(0x1a2b_3c4d_0000_0000_0000_0000_0000_0000);

    /// POOL-31: the provider's words and the key are for those who may manage the server.
    #[test]
    fn only_managers_see_keys_and_the_providers_words() {
        let attempts = [shown(1, "Limit 200000"), shown(2, "Limit 200000")];
        let everybody = text(TURN, &attempts, false);
        assert_eq!(
            everybody,
            "**Calls of turn `1a2b3c4d`**\n\
             • OpenAI `gpt-small`: too many requests, 420 ms\n\
             • OpenAI `gpt-small`: too many requests, 420 ms\n"
        );
        let managers = text(TURN, &attempts, true);
        assert!(managers.contains("420 ms, the key `spare` ••••0002"));
        assert_eq!(
            managers
                .matches("> the key `spare` ••••0002: Limit")
                .count(),
            1
        );
    }

    #[test]
    fn what_is_shown_fits_into_one_message() {
        let long = "w".repeat(500);
        let attempts: Vec<ShownAttempt> =
            (0..30).map(|n| shown(n, &format!("{n} {long}"))).collect();
        assert!(text(TURN, &attempts, true).chars().count() <= 2_000);
    }
}
