//! Reads a file that somebody handed in, and counts how many they do (PRIV-56, GUARD-39b).

use fetch::{Download, Source, Tenant, Use, Wanted};
use store::{Operation, Reservation};
use tracing::warn;

use super::Handed;
use crate::app::App;
use crate::command::asker::Asker;
use crate::command::reading::{counter, unreadable};
use crate::notice::{FileFault, Notice};

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Reads a file as one of those that this person may hand in within a day; one that was shown counts
/// again when it is taken, because its button can be pressed as often as somebody likes. It is given back where
/// nothing was asked for (GUARD-40).
pub(super) async fn counted(app: &App, asker: &Asker, handed: &Handed) -> Result<Download, Notice> {
    let most_bytes = app.downloads.limit_bytes(Use::DataImport);
    if handed.size_bytes.is_some_and(|size| size > most_bytes) {
        return Err(too_large(most_bytes));
    }
    let limit = app.settings.data.max_imports;
    let counter = counter(app, asker.user)?;
    let reserving = app
        .store
        .reserve_operation(counter, Operation::Import, limit);
    let reservation = reserving.await.map_err(unreadable)?;
    let reserved = match reservation {
        Reservation::Granted(reserved) => reserved,
        Reservation::Refused(again) => {
            let again_unix = again.map(|again| again.timestamp());
            return Err(FileFault::UsedUp { again_unix }.into());
        }
    };
    let fetched = fetch(app, asker, handed).await;
    let busy = Notice::from(FileFault::Busy);
    if fetched.as_ref().is_err_and(|notice| *notice == busy)
        && let Err(error) = app.store.give_operation_back(reserved).await
    {
        warn!(%error, "a file that was not read stays counted");
    }
    fetched
}

/// Reads a file. Its room is given back when it is dropped.
async fn fetch(app: &App, asker: &Asker, handed: &Handed) -> Result<Download, Notice> {
    let wanted = Wanted {
        url: handed.url.clone(),
        of: Use::DataImport,
        known_bytes: handed.size_bytes,
        source: Source::Discord,
        tenant: Tenant(asker.tenant.disc_id()),
    };
    let fetched = app.downloads.get(wanted, &app.abandon).await;
    fetched.map_err(|error| {
        tracing::info!(
            outcome = error.label(),
            "a file that was handed in is not read"
        );
        match error {
            fetch::Error::TooLarge { limit_bytes } => too_large(limit_bytes),
            fetch::Error::TypeRefused => FileFault::NoJson.into(),
            fetch::Error::Busy => FileFault::Busy.into(),
            fetch::Error::Refused(_)
            | fetch::Error::Timeout(_)
            | fetch::Error::InvalidResponse { .. }
            | fetch::Error::Network { .. }
            | fetch::Error::Cancelled
            | fetch::Error::Setup(_) => FileFault::NotFetched.into(),
        }
    })
}

fn too_large(most_bytes: u64) -> Notice {
    let most_mib = most_bytes / MIB;
    FileFault::TooLarge { most_mib }.into()
}
