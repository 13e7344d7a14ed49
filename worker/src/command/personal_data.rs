//! `/personal data`: what is stored about a person, and how it is had and deleted (CMD-35, CMD-36,
//! PRIV-64 to PRIV-67).
//!
//! Deleting takes two steps: a panel that says how much there is, and a form in which the person types a phrase.
//! Without the phrase nothing happens.

mod action;
pub(super) mod export;
mod panel;
mod volume;

use keyring::Keyring;
use proto::event::Interaction;
use proto::id::UserId;
use store::{OptOut, PrivacyLevel, Tally};
use tokio::time::timeout;

use self::action::Action;
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::Typed;
use super::privacy::SOON_AFTER;
use super::reading::{counter, in_time, unreadable};
use crate::app::App;
use crate::control;
use crate::notice::{DataText, Notice};
use crate::privacy::change;

/// What has to be typed, in the languages that Discord's clients are used in here (PRIV-64).
const PHRASES: [&str; 2] = ["DELETE MY DATA", "私のデータを削除"];

/// Everything about a person is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    user: UserId,
    opt_out: OptOut,
}

/// Shows how much is stored.
pub(super) async fn open_delete(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let tally = in_time(holdings(app, asker)).await?;
    panel::show(signer(asker, &app.keys.get()), &tally, None).map(Plan::show)
}

async fn holdings(app: &App, asker: &Asker) -> Result<Tally, Notice> {
    let counted = counter(app, asker.user)?;
    let holdings = app.store.holdings(asker.user, counted).await;
    holdings.map_err(unreadable)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: &Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    match Action::from_args(args).ok_or(Notice::UnknownControl)? {
        Action::Export => Ok(export::before_deletion(asker)),
        Action::AskPhrase => ask_phrase(app, asker).await,
        Action::TakePhrase => {
            take_phrase(
                app,
                asker,
                &Typed::new(std::mem::take(&mut interaction.fields)),
            )
            .await
        }
    }
}

async fn ask_phrase(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let level = async {
        let level = app.store.privacy_level(asker.user).await;
        level.map_err(unreadable)
    };
    let opt_out = match in_time(level).await? {
        PrivacyLevel::Full => OptOut::Stays,
        PrivacyLevel::Minimal | PrivacyLevel::Partial => OptOut::Ends,
    };
    panel::open_form(signer(asker, &app.keys.get()), opt_out)
}

async fn take_phrase(app: &App, asker: &Asker, typed: &Typed) -> Result<Plan, Notice> {
    if !PHRASES.contains(&typed.text(panel::PHRASE_FIELD)) {
        let tally = in_time(holdings(app, asker)).await?;
        let note = Note::Warning(DataText::WrongPhrase.into());
        let keyring = app.keys.get();
        return panel::show(signer(asker, &keyring), &tally, Some(&note)).map(Plan::replace);
    }
    let deletion = Deletion {
        user: asker.user,
        opt_out: panel::opt_out_of(typed).ok_or(Notice::UnknownControl)?,
    };
    Ok(Plan::change(After::DeletePerson(deletion)))
}

/// Deletes.
///
/// Cancel safe: dropped midway nothing or everything is deleted, and the receipt is sent by whoever
/// does what is left to do.
pub(super) async fn finish(app: &App, deletion: Deletion) -> Panel {
    let Deletion { user, opt_out } = deletion;
    let counted = match counter(app, user) {
        Ok(counted) => counted,
        Err(notice) => return Panel::say(&notice),
    };
    let hiding = match opt_out {
        OptOut::Stays => Some(change::hide_for_deletion(app, user).await),
        OptOut::Ends => None,
    };
    let deleted = match app.store.delete_person(user, counted, opt_out).await {
        Ok(deleted) => deleted,
        Err(error) => {
            tracing::warn!(%error, "the data of a person is not deleted");
            // Nobody knows whether it is saved; the next comparison does.
            if hiding.is_some() && !error.is_unavailable() {
                change::give_back(app, user).await;
            }
            return Panel::say(&DataText::NotDeleted.into());
        }
    };
    app.outbox.wake();
    for channel in deleted.stopped_in {
        control::nudge(app, channel).await;
    }
    let is_ignored_soon = match hiding {
        Some(mut hiding) => timeout(SOON_AFTER, hiding.holds(app)).await.is_err(),
        None => false,
    };
    Panel::say(&Notice::from(DataText::Deleted {
        receipt: deleted.receipt,
        backup_days: app.settings.data.backup_days,
        is_ignored_soon,
    }))
}

const fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
