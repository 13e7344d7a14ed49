//! `/server data delete`: what is stored about a server, and its end (CMD-77, PRIV-68).
//!
//! Two steps, as for people's own data: a panel that says how much there is, and a form in which the
//! server's name is typed. Without it nothing happens.

mod action;
mod panel;

use keyring::Keyring;
use proto::event::Interaction;
use proto::id::{TenantId, UserId};
use store::{ServerDeletion, ServerPart};

use self::action::{Action, Proof};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::Typed;
use super::reading::{in_time, unreadable};
use crate::app::App;
use crate::control;
use crate::notice::{DeletedOf, Notice, ServerDataText};

/// What has to be typed where there is no name, in the languages that Discord's clients are used in
/// here.
const PHRASES: [&str; 2] = ["DELETE SERVER DATA", "サーバーのデータを削除"];

/// What somebody has proven to want. Has no `Debug`: it holds the server's name.
pub(crate) struct Wish {
    tenant: TenantId,
    part: Option<ServerPart>,
    asked_by: UserId,
    of: DeletedOf,
}

/// Shows how much is stored.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    show(app, asker, None).await.map(Plan::show)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: &Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    match Action::from_args(args).ok_or(Notice::UnknownControl)? {
        Action::AskProof(part) => {
            let name = name_of(app, asker).await;
            panel::open_form(signer(asker, &app.keys.get()), part, name.as_deref())
        }
        Action::TakeProof(part, proof) => {
            let typed = Typed::new(std::mem::take(&mut interaction.fields));
            take_proof(app, asker, (part, proof), &typed).await
        }
    }
}

async fn take_proof(
    app: &App,
    asker: &Asker,
    (part, proof): (Option<ServerPart>, Proof),
    typed: &Typed,
) -> Result<Plan, Notice> {
    let typed = typed.text(panel::PROOF_FIELD);
    let name = name_of(app, asker).await;
    let is_proven = match (proof, &name) {
        (Proof::Phrase, _) => PHRASES.contains(&typed),
        (Proof::Name, Some(name)) => is_same(typed, name),
        (Proof::Name, None) => return not_yet(app, asker, ServerDataText::NameUnread).await,
    };
    if !is_proven {
        let told = match proof {
            Proof::Phrase => ServerDataText::WrongPhrase,
            Proof::Name => ServerDataText::WrongName,
        };
        return not_yet(app, asker, told).await;
    }
    Ok(Plan::change(After::DeleteServer(Wish {
        tenant: asker.tenant,
        part,
        asked_by: asker.user,
        of: DeletedOf::new(asker.tenant, name),
    })))
}

async fn not_yet(app: &App, asker: &Asker, told: ServerDataText) -> Result<Plan, Notice> {
    let note = Note::Warning(told.into());
    show(app, asker, Some(&note)).await.map(Plan::replace)
}

/// Asks Discord what the server is called; `None` in direct messages, and where it does not say so in
/// time.
async fn name_of(app: &App, asker: &Asker) -> Option<String> {
    let TenantId::Guild(guild) = asker.tenant else {
        return None;
    };
    let asking = async {
        let name = app.discord.guild_name(guild).await;
        name.map_err(|error| {
            tracing::info!(%error, "a server's name is not known");
            Notice::Unexpected
        })
    };
    in_time(asking).await.ok()
}

/// Tells whether a name was typed, however its words are spaced.
fn is_same(typed: &str, name: &str) -> bool {
    typed.split_whitespace().eq(name.split_whitespace())
}

/// Deletes.
///
/// Cancel safe: dropped midway nothing or everything is deleted, and the receipt is sent by whoever
/// does what is left to do.
pub(super) async fn finish(app: &App, wish: Wish) -> Panel {
    let Wish {
        tenant,
        part,
        asked_by,
        of,
    } = wish;
    let chat = &app.settings.chat;
    let deletion = ServerDeletion {
        tenant,
        part,
        asked_by,
        bot_name: &chat.default_bot_name,
        trigger_words: &chat.first_trigger_words(),
    };
    let deleted = match app.store.delete_server(deletion).await {
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
        of,
        backup_days: app.settings.data.backup_days,
    }))
}

async fn show(app: &App, asker: &Asker, note: Option<&Note>) -> Result<Panel, Notice> {
    let counting = async {
        let tally = app.store.server_holdings(asker.tenant).await;
        tally.map_err(unreadable)
    };
    let tally = in_time(counting).await?;
    panel::show(signer(asker, &app.keys.get()), &tally, note)
}

const fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_other_blanks_and_with_nothing_else() {
        assert!(is_same("Tea  House", "Tea House"));
        for typed in ["", "tea house", "TeaHouse", "Tea House 2"] {
            assert!(!is_same(typed, "Tea House"), "{typed}");
        }
    }
}
