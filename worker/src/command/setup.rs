//! `/setup`: from nothing to the first reply (CMD-81 to CMD-89). In direct messages there is nothing to
//! set up but one's own key.
//!
//! Panel, then a form for one provider, then check and save. Until everything was checked nothing
//! is stored; a key that exists is replaced only behind a button that says so. The key is read out
//! of the form once and never shown again.

mod check;
mod form;
mod panel;
mod state;
mod submission;

use keyring::Keyring;
use proto::event::FormField;
use proto::id::TenantId;

use self::panel::Painter;
use self::state::State;
pub(crate) use self::submission::Submission;
use self::submission::{Choice, Mode};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::Signer;
use super::personal_provider;
use super::reading::{in_time, unreadable};
use crate::app::App;
use crate::leaving;
use crate::notice::{Notice, SetupText};

/// Shows the present state. Who asks in a server shows that the bot is there, also where word of its
/// coming back was lost.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let reading = async {
        if let TenantId::Guild(guild) = asker.tenant {
            leaving::is_here(app, guild).await.map_err(unreadable)?;
        }
        state::read(app, asker.tenant).await
    };
    let state = in_time(reading).await?;
    if asker.tenant.is_direct() && state.key.is_none() {
        return personal_provider::open(app, asker).await;
    }
    painter(app, &app.keys.get(), asker)
        .present(&state)
        .map(Plan::show)
}

/// Says what the replacement of the key means, and offers the providers.
pub(super) fn replace(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    painter(app, &app.keys.get(), asker)
        .replacement()
        .map(Plan::replace)
}

/// Opens the form of the chosen provider.
pub(super) fn pick(
    app: &App,
    asker: &Asker,
    args: &[u8],
    values: &[String],
) -> Result<Plan, Notice> {
    let mode = Mode::from_args(args).ok_or(Notice::UnknownControl)?;
    let provider = values.first().and_then(|value| value.parse().ok());
    let provider = provider.ok_or(Notice::UnknownControl)?;
    let keyring = app.keys.get();
    form::open(painter(app, &keyring, asker), Choice { mode, provider })
}

/// Opens the form of a provider once more.
pub(super) fn ask(app: &App, asker: &Asker, args: &[u8]) -> Result<Plan, Notice> {
    let choice = Choice::from_args(args).ok_or(Notice::UnknownControl)?;
    let keyring = app.keys.get();
    form::open(painter(app, &keyring, asker), choice)
}

/// Takes what was typed.
pub(super) fn take(asker: Asker, args: &[u8], fields: Vec<FormField>) -> Result<Plan, Notice> {
    let choice = Choice::from_args(args).ok_or(Notice::UnknownControl)?;
    let submission = Submission::new(asker, choice, fields);
    Ok(Plan::defer(After::SetUp(Box::new(submission))))
}

/// Checks and saves what was typed, and shows the result.
pub(super) async fn finish(app: &App, submission: Submission) -> Panel {
    let Submission { asker, choice, .. } = &submission;
    let (asker, choice) = (asker.clone(), *choice);
    let failure = check::and_save(app, submission).await.err();
    let state = state::read(app, asker.tenant).await;
    let keyring = app.keys.get();
    let painter = painter(app, &keyring, &asker);
    let shown = state.and_then(|state: State| match &failure {
        None => painter.present(&state),
        Some(failure) => painter.failed(&state, failure, choice),
    });
    shown.unwrap_or_else(|_unreadable| {
        Panel::say(&failure.unwrap_or(Notice::Setup(SetupText::Saved)))
    })
}

fn painter<'a>(app: &App, keyring: &'a Keyring, asker: &'a Asker) -> Painter<'a> {
    Painter {
        signer: Signer { asker, keyring },
        bot: app.bot,
    }
}
