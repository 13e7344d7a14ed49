//! `/personal privacy`: a person chooses what may be used of them (CMD-29, PRIV-1 to PRIV-4).
//!
//! A form with the three levels, then the change. "Saved" is said of the strictest level when no
//! gateway publishes the person's words any more, and not before (PRIV-86).

use std::time::Duration;

use proto::event::FormField;
use proto::id::UserId;
use store::{Naming, PrivacyLevel};
use tokio::time::timeout;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::SelectMenuOption;

use super::answer::{After, Finished, Panel, Plan};
use super::asker::Asker;
use super::component::{ComponentId, Route};
use super::form::choice_field;
use crate::app::App;
use crate::notice::{Notice, PrivacyText};
use crate::privacy::Error;
use crate::privacy::change::{self, Changed, Hiding};

/// Longest reading before the first answer: the gateway asks a second worker after 700 ms (CMD-2).
const READ_DEADLINE: Duration = Duration::from_millis(600);

/// How long "saved" is waited for before the person is told that it takes a moment (PRIV-86).
pub(super) const SOON_AFTER: Duration = Duration::from_secs(2);

/// How long it is waited for after that: a gateway that says nothing is over by then, whatever its
/// `PRIVACY_WATCH_GRACE_MS` but the longest.
const HOLDS_WITHIN: Duration = Duration::from_secs(55);

/// Name of the form's field.
const FIELD: &str = "level";

/// What somebody has chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    user: UserId,
    level: PrivacyLevel,
}

/// Opens the form, in which the present level is chosen.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let level = match timeout(READ_DEADLINE, app.store.privacy_level(asker.user)).await {
        Ok(Ok(level)) => level,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a privacy level cannot be read");
            return Err(Notice::DatabaseAway);
        }
        Err(_elapsed) => return Err(Notice::DatabaseAway),
    };
    let id = ComponentId {
        route: Route::TakeLevel,
        args: Vec::new(),
        user: Some(asker.user),
        expires_at_secs: Some(asker.panel_ends_at_secs()),
    };
    let id = id.sign(&app.keys.get(), asker.tenant).map_err(|error| {
        tracing::error!(%error, "a component was not signed");
        Notice::Unexpected
    })?;
    Ok(Plan::form(id, say(PrivacyText::Title), vec![choice(level)]))
}

/// Takes what was chosen.
pub(super) fn take(asker: &Asker, fields: &[FormField]) -> Result<Plan, Notice> {
    let field = fields.iter().find(|field| field.custom_id == FIELD);
    let chosen = field.and_then(|field| field.values.first());
    let level = chosen.and_then(|chosen| {
        let mut levels = PrivacyLevel::ALL.into_iter();
        levels.find(|level| value(*level) == *chosen)
    });
    let choice = Choice {
        user: asker.user,
        level: level.ok_or(Notice::UnknownControl)?,
    };
    Ok(Plan::defer(After::SetPrivacy(choice)))
}

/// Saves the choice; the strictest one may take a moment to hold everywhere.
pub(super) async fn finish(app: &App, choice: Choice) -> Finished {
    let Choice { user, level } = choice;
    let changed = change::set(app, user, level).await;
    tell(app, level, changed, String::new()).await
}

/// Sets a level as if it had been chosen in the form, and a name with it; `also` is said above what is
/// said of the level, where it is saved. `None`: the level is as high already, and nothing was changed.
pub(super) async fn raise(
    app: &App,
    user: UserId,
    (level, naming): (PrivacyLevel, Naming<'_>),
    also: String,
) -> Option<Finished> {
    match change::raise(app, user, (level, naming)).await {
        Ok(Changed::Same) => None,
        changed => Some(tell(app, level, changed, also).await),
    }
}

async fn tell(
    app: &App,
    level: PrivacyLevel,
    changed: Result<Changed, Error>,
    also: String,
) -> Finished {
    let told = match changed {
        Ok(Changed::Same) => PrivacyText::Same(level),
        Ok(Changed::Saved) => PrivacyText::Saved(level),
        Ok(Changed::Hidden(mut hiding)) => {
            if timeout(SOON_AFTER, hiding.holds(app)).await.is_err() {
                let panel = panel(&also, PrivacyText::Soon);
                return Finished {
                    then: Some(After::Hide(hiding, also)),
                    ..panel.into()
                };
            }
            PrivacyText::Saved(PrivacyLevel::Full)
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a privacy level is not saved"
            );
            return panel("", PrivacyText::NotSaved).into();
        }
    };
    panel(&also, told).into()
}

/// Waits until the strictest level holds everywhere; `also` stays above what is said.
pub(super) async fn wait(app: &App, mut hiding: Hiding, also: &str) -> Finished {
    let told = match timeout(HOLDS_WITHIN, hiding.holds(app)).await {
        Ok(()) => PrivacyText::Saved(PrivacyLevel::Full),
        Err(_elapsed) => PrivacyText::Soon,
    };
    panel(also, told).into()
}

fn panel(also: &str, text: PrivacyText) -> Panel {
    let said = Notice::Privacy(text).text().into_owned();
    Panel::words(if also.is_empty() {
        said
    } else {
        format!("{also}\n{said}")
    })
}

/// The three levels, of which the present one is chosen.
fn choice(present: PrivacyLevel) -> Component {
    let option = |level: PrivacyLevel| SelectMenuOption {
        default: level == present,
        description: Some(say(PrivacyText::Effect(level))),
        emoji: None,
        label: say(if level == present {
            PrivacyText::Present(level)
        } else {
            PrivacyText::Name(level)
        }),
        value: value(level),
    };
    let [label, hint] = [PrivacyText::Label, PrivacyText::Hint].map(Notice::Privacy);
    let options = PrivacyLevel::ALL.map(option).to_vec();
    choice_field(FIELD, &label, &hint, options)
}

/// The value of a level in the form: its number.
fn value(level: PrivacyLevel) -> String {
    level.as_number().to_string()
}

fn say(text: PrivacyText) -> String {
    Notice::Privacy(text).text().into_owned()
}
