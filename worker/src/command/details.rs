//! Behind the button of notices about providers: the calls of a turn (POOL-23, POOL-31).
//!
//! The button names the turn, and what is shown is read from its record: nothing is remembered. Which
//! key it was and what the provider said about it is shown to those only who may manage the server.

use llm::Provider;
use store::ShownAttempt;
use uuid::Uuid;

use super::answer::{Panel, Plan};
use super::asker::Asker;
use crate::app::App;
use crate::notice::{CallText, Notice, key_name};

/// The latest calls that are shown.
const MOST_CALLS: usize = 12;

/// Discord's limit for a message, with room for the last line.
const MOST_CHARACTERS: usize = 1_990;

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
