//! `/server data delete`: what is stored about a server, and its end (CMD-77, PRIV-68).
//!
//! Two steps, as for people's own data: a panel that says how much there is, and a form in which a
//! phrase is typed. Without the phrase nothing happens.

use keyring::Keyring;
use proto::event::Interaction;
use proto::id::{TenantId, UserId};
use store::Tally;
use twilight_model::channel::message::component::ButtonStyle;

use super::answer::{After, Panel, Plan};
use super::args::{Reading, Written};
use super::asker::Asker;
use super::component::Route;
use super::controls::{Note, Signer, button, row};
use super::form::{Typed, phrase_field, words};
use super::reading::{in_time, unreadable};
use crate::app::App;
use crate::control;
use crate::notice::{ButtonText, Notice, ServerDataText};

/// What has to be typed, in the languages that Discord's clients are used in here.
const PHRASES: [&str; 2] = ["DELETE SERVER DATA", "サーバーのデータを削除"];

/// Name of the field for the phrase.
const PHRASE_FIELD: &str = "phrase";

/// What the button asks for, and what the form does.
const ASK_PHRASE: u8 = b'a';
const TAKE_PHRASE: u8 = b't';

/// Everything of a server is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerDeletion {
    tenant: TenantId,
    asked_by: UserId,
}

/// Shows how much is stored.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    panel(app, asker, None).await.map(Plan::show)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: &Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let mut args = Reading::new(args);
    let action = args.byte().and_then(|action| args.all(action));
    match action {
        Some(ASK_PHRASE) => open_form(signer(asker, &app.keys.get())),
        Some(TAKE_PHRASE) => {
            let typed = Typed::new(std::mem::take(&mut interaction.fields));
            take_phrase(app, asker, &typed).await
        }
        _ => Err(Notice::UnknownControl),
    }
}

async fn take_phrase(app: &App, asker: &Asker, typed: &Typed) -> Result<Plan, Notice> {
    if PHRASES.contains(&typed.text(PHRASE_FIELD)) {
        return Ok(Plan::change(After::DeleteServer(ServerDeletion {
            tenant: asker.tenant,
            asked_by: asker.user,
        })));
    }
    let note = Note::Warning(ServerDataText::WrongPhrase.into());
    panel(app, asker, Some(&note)).await.map(Plan::replace)
}

/// Deletes.
///
/// Cancel safe: dropped midway nothing or everything is deleted, and the receipt is sent by whoever
/// does what is left to do.
pub(super) async fn finish(app: &App, deletion: ServerDeletion) -> Panel {
    let ServerDeletion { tenant, asked_by } = deletion;
    let deleted = app.store.delete_server(tenant, asked_by);
    let deleted = match deleted.await {
        Ok(deleted) => deleted,
        Err(error) => {
            tracing::warn!(%error, "the data of a server is not deleted");
            return Panel::say(&ServerDataText::NotDeleted.into());
        }
    };
    app.outbox.wake();
    app.profiles.announce(&app.nats, &app.names, tenant).await;
    for channel in deleted.stopped_in {
        control::nudge(app, channel).await;
    }
    Panel::say(&Notice::from(ServerDataText::Deleted {
        receipt: deleted.receipt,
        backup_days: app.settings.data.backup_days,
    }))
}

async fn panel(app: &App, asker: &Asker, note: Option<&Note>) -> Result<Panel, Notice> {
    let counting = async {
        let tally = app.store.server_holdings(asker.tenant).await;
        tally.map_err(unreadable)
    };
    let tally = in_time(counting).await?;
    show(signer(asker, &app.keys.get()), &tally, note)
}

fn show(signer: Signer<'_>, tally: &Tally, note: Option<&Note>) -> Result<Panel, Notice> {
    let stored = Notice::from(ServerDataText::Stored(tally.clone()));
    let mut lines = vec![stored.text().into_owned()];
    lines.extend(note.map(Note::line));
    let ask = signer.sign(Route::ServerData, Written::new(ASK_PHRASE).done())?;
    let delete = button(ask, &ButtonText::DeleteData.into(), ButtonStyle::Danger);
    Ok(Panel {
        text: lines.join("\n"),
        rows: vec![row(vec![delete])],
        quote: None,
    })
}

fn open_form(signer: Signer<'_>) -> Result<Plan, Notice> {
    let id = signer.sign(Route::ServerData, Written::new(TAKE_PHRASE).done())?;
    let title = Notice::from(ServerDataText::FormTitle).text().into_owned();
    let phrase = phrase_field(
        PHRASE_FIELD,
        &ServerDataText::PhraseLabel.into(),
        &ServerDataText::PhraseHint.into(),
    );
    let contents = vec![words(&ServerDataText::Consequences.into()), phrase];
    Ok(Plan::form(id, title, contents))
}

const fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    #[test]
    fn the_panel_keeps_discords_limits() {
        let note = Note::Warning(ServerDataText::WrongPhrase.into());
        let panel = paint(|signer| show(signer, &Tally::default(), Some(&note)));
        assert_eq!(leads_to(&panel).len(), 1);
        assert!(panel.text.contains("Nothing is stored about this server"));
    }
}
