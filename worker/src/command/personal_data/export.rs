//! `/personal data export`: everything that is stored about somebody, as one archive (CMD-35, PRIV-53).
//!
//! It is built in memory and kept nowhere. It goes to its person alone: directly, or with the answer
//! that nobody else sees, also where it cannot be sent; never into a channel (PRIV-48). So what was
//! read counts as had (PRIV-54), unless Discord does not take the answer.

use std::time::Duration;

use discord::{File, NewMessage};
use proto::event::Interaction;
use proto::id::UserId;
use store::{Archive, Operation, Reservation, ReservedUse};
use tokio::time::Instant;

use super::volume;
use crate::app::App;
use crate::command::answer::{After, Finished, Panel, Plan};
use crate::command::asker::Asker;
use crate::command::reading::{counter, given, unreadable};
use crate::notice::{DataText, Notice};

/// Archives that one person gets in ten minutes (PRIV-54).
const AT_MOST: u32 = 1;

/// Longest time for the message with the archive; less than an answer may take in all.
const SEND_WITHIN: Duration = Duration::from_secs(45);

/// Somebody wants to see everything about themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Export {
    user: UserId,
    delivery: Delivery,
}

/// The way of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// A direct message.
    Directly,
    /// The answer that only its person sees.
    Here,
}

/// Takes the command.
pub(in crate::command) fn order(asker: &Asker, interaction: &Interaction) -> Plan {
    let delivery = match given(interaction, "delivery") {
        Some("here") => Delivery::Here,
        _ => Delivery::Directly,
    };
    plan(asker, delivery)
}

/// Takes the button of the panel that deletes.
pub(super) fn before_deletion(asker: &Asker) -> Plan {
    plan(asker, Delivery::Here)
}

fn plan(asker: &Asker, delivery: Delivery) -> Plan {
    Plan::defer(After::ExportPerson(Export {
        user: asker.user,
        delivery,
    }))
}

/// Makes the archive and hands it over.
///
/// Cancel safe: dropped midway nothing is changed but that an archive counts as made.
pub(in crate::command) async fn finish(app: &App, export: Export) -> Finished {
    let done = async {
        let reserved = reserve(app, export.user).await?;
        let read = read(app, export.user).await;
        if read.is_err() {
            give_back(app, reserved).await;
        }
        // From here on it costs what one archive costs, and counts, whoever gets it how.
        hand(app, export, read?, reserved).await
    };
    done.await
        .unwrap_or_else(|notice| Panel::say(&notice).into())
}

/// Gives the use of an archive back that Discord did not take with the answer, and says so.
pub(in crate::command) async fn not_taken(app: &App, reserved: ReservedUse) -> Panel {
    give_back(app, reserved).await;
    Panel::say(&DataText::NotTaken.into())
}

async fn read(app: &App, user: UserId) -> Result<Archive, Notice> {
    let archive = app.store.archive(user, counter(app, user)?).await;
    archive.map_err(unreadable)
}

/// Hands an archive over: where it cannot be sent, with the answer.
async fn hand(
    app: &App,
    export: Export,
    archive: Archive,
    reserved: ReservedUse,
) -> Result<Finished, Notice> {
    let Export { user, delivery } = export;
    let beside = DataText::Exported {
        is_empty: archive.is_empty(),
    };
    let files = files(user, archive)?;
    let beside = match delivery {
        Delivery::Here => beside,
        Delivery::Directly => match send(app, user, &beside.into(), files.clone()).await {
            Ok(()) => return Ok(Panel::say(&DataText::SentDirectly.into()).into()),
            Err(unsent) => unsent,
        },
    };
    Ok(Finished {
        files,
        counted: Some(reserved),
        ..Panel::say(&beside.into()).into()
    })
}

/// Packs an archive into the files of one message.
fn files(user: UserId, archive: Archive) -> Result<Vec<File>, Notice> {
    let made_ms = archive.made_at.timestamp_millis();
    let volumes = volume::pack(archive).map_err(|error| {
        tracing::error!(%error, "an archive cannot be packed");
        Notice::Unexpected
    })?;
    let volumes = volumes.ok_or_else(|| {
        tracing::warn!("an archive is too large for a message");
        Notice::from(DataText::TooLarge)
    })?;
    let count = volumes.len();
    let file = |(number, packed)| {
        let part = match count {
            1 => String::new(),
            _ => format!("-part{:02}", number + 1),
        };
        let name = format!("tomori-personal-data-{user}-{made_ms}{part}.zip");
        File::new(&name, "application/zip", packed)
    };
    Ok(volumes.into_iter().enumerate().map(file).collect())
}

/// Writes to somebody who asked for it, although an earlier message may not have been taken: they may
/// have opened their direct messages for it. That they did not is not noted.
///
/// # Errors
/// What to say beside the archive where it is handed over otherwise.
async fn send(app: &App, user: UserId, words: &Notice, files: Vec<File>) -> Result<(), DataText> {
    let text = words.text().into_owned();
    // All attempts of this call are one message; the next archive is another.
    let plain = NewMessage::plain(text, rand::random(), Instant::now() + SEND_WITHIN);
    let message = NewMessage { files, ..plain };
    match app.discord.send_directly(user, &message).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_direct_closed() => Err(DataText::DirectClosed),
        Err(error) => {
            tracing::warn!(%error, "an archive was not sent");
            Err(DataText::NotSent)
        }
    }
}

async fn reserve(app: &App, user: UserId) -> Result<ReservedUse, Notice> {
    let counter = counter(app, user)?;
    let reserving = app
        .store
        .reserve_operation(counter, Operation::DataExport, AT_MOST);
    match reserving.await.map_err(unreadable)? {
        Reservation::Granted(reserved) => Ok(reserved),
        Reservation::Refused(again) => Err(DataText::ExportedBefore {
            again_unix: again.map(|again| again.timestamp()),
        }
        .into()),
    }
}

async fn give_back(app: &App, reserved: ReservedUse) {
    if let Err(error) = app.store.give_operation_back(reserved).await {
        tracing::warn!(%error, "an archive that nobody has stays counted");
    }
}
