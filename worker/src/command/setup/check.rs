//! Checks a key with its provider, then saves it with everything else in one transaction (CMD-84).

use store::{Edited, NewSetup};

use super::state;
use super::submission::{Mode, Submission};
use crate::app::App;
use crate::command::live_check;
use crate::command::reading::unreadable;
use crate::notice::{Notice, SetupText};

/// Saves the setup when the provider answers with it; otherwise nothing is changed.
///
/// # Errors
/// What to say about the first thing that is wrong.
pub(super) async fn and_save(app: &App, submission: Submission) -> Result<(), Notice> {
    let model = submission.well_formed()?.to_owned();
    refuse_unasked_replacement(app, &submission).await?;
    let provider = submission.choice.provider;
    let user = submission.asker.user;
    live_check::model(app, user, (provider, &model), &submission.key).await?;
    let tenant = submission.asker.tenant;
    let chat = &app.settings.chat;
    let setup = NewSetup {
        tenant,
        locale: submission.asker.locale.to_owned(),
        display_name: None,
        provider: provider.as_str().to_owned(),
        model,
        key: submission.key,
        replaces: submission.choice.mode == Mode::Replace,
        bot_name: chat.default_bot_name.clone(),
        trigger_words: chat.first_trigger_words(),
    };
    let done = app.store.set_up(&app.keys.get(), setup).await;
    if done.map_err(unreadable)? == Edited::Stale {
        return Err(Notice::Setup(SetupText::SetUpMeanwhile));
    }
    app.key_pools.announce(tenant).await;
    app.profiles.announce(&app.nats, &app.names, tenant).await;
    Ok(())
}

/// Refuses to overwrite a key of which the person was not told, before the provider is asked. One
/// that comes while it is asked is found when the key is saved.
async fn refuse_unasked_replacement(app: &App, submission: &Submission) -> Result<(), Notice> {
    let state = state::read(app, submission.asker.tenant).await?;
    match (submission.choice.mode, state.key) {
        (Mode::First, Some(_)) => Err(Notice::Setup(SetupText::SetUpMeanwhile)),
        (Mode::First, None) | (Mode::Replace, _) => Ok(()),
    }
}
