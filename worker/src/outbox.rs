//! What deletions leave to do outside of the database is done, and tried again until it is (PRIV-70).
//!
//! One worker at a time does it, whoever looks first; the worker that deleted looks at once. Two at
//! once do no harm: each takes errands of its own.

use std::sync::Arc;
use std::time::Duration;

use proto::id::{TenantId, UserId};
use store::{Errand, Receipt, ReceiptId, ReceiptKind, TakenErrand};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use crate::job::{self, Look};
use crate::metrics::{self, Ran};
use crate::notice::{DataText, DeletedOf, Notice, ServerDataText};
use crate::{forgetting, privacy};

/// Name of the job among those that have one leader.
const JOB: &str = "outbox";

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The longest pause between two tries of an errand.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// Longest time of one message.
const TELL_WITHIN: Duration = Duration::from_secs(10);

/// Wakes who does the errands of this process.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    filled: Notify,
}

impl Outbox {
    /// Says that there is something to do.
    pub(crate) fn wake(&self) {
        self.filled.notify_one();
    }
}

/// Why an errand is not done yet.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Bucket(#[from] privacy::Error),
    #[error("the broker is not connected")]
    Broker,
    #[error(transparent)]
    Discord(#[from] discord::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Does errands for ever. Cancel safe: yes; what was begun is done once more.
pub(crate) async fn keep(app: Arc<App>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.outbox.filled.notified() => {}
        }
        if let Look::Worked(Err(error)) = job::lead(&app, JOB, Duration::ZERO, work(&app)).await {
            tracing::debug!(%error, "errands are not looked for");
        }
    }
}

/// Does everything that is due.
async fn work(app: &App) -> Result<(), store::Error> {
    loop {
        let taken = app.store.take_errands(LONGEST_PAUSE).await?;
        if taken.is_empty() {
            return Ok(());
        }
        for errand in taken {
            run(app, errand).await?;
        }
    }
}

async fn run(app: &App, taken: TakenErrand) -> Result<(), store::Error> {
    let done = match taken.errand {
        Errand::Level(user) => app
            .privacy
            .agree(&app.store, user)
            .await
            .map_err(Error::from),
        Errand::Forget(gone) => {
            let is_told = forgetting::tell(app, gone).await;
            is_told.then_some(()).ok_or(Error::Broker)
        }
        Errand::Receipt { to, receipt, of } => send(app, (to, of), receipt).await,
    };
    match done {
        Ok(()) => {
            metrics::errand(taken.errand, Ran::Done);
            app.store.errand_done(taken).await
        }
        Err(error) => {
            metrics::errand(taken.errand, Ran::Later);
            let (attempts, error) = (taken.attempts, &error as &dyn std::error::Error);
            tracing::warn!(
                attempts,
                error,
                "an errand of a deletion is tried again later"
            );
            Ok(())
        }
    }
}

/// Writes to a person whose data was deleted. Who takes no direct messages has the answer to the
/// command; that it was refused is not noted, because nothing is stored about the person any more.
async fn send(
    app: &App,
    (to, of): (UserId, Option<TenantId>),
    receipt: ReceiptId,
) -> Result<(), Error> {
    let Some(receipt) = app.store.receipt(receipt).await? else {
        return Ok(());
    };
    let of = named(app, of).await?;
    match post(app, to, (receipt, of)).await {
        // It may have arrived, and by the next try its nonce may be forgotten.
        Ok(()) | Err(discord::Error::InDoubt { .. }) => Ok(()),
        Err(error) if error.is_for_now() => Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "a receipt is not taken as a direct message");
            Ok(())
        }
    }
}

/// Asks Discord what a server is called: names are not stored.
async fn named(app: &App, of: Option<TenantId>) -> Result<DeletedOf, discord::Error> {
    match of {
        Some(TenantId::Direct(_)) => Ok(DeletedOf::Direct),
        None => Ok(DeletedOf::Server(None)),
        Some(TenantId::Guild(guild)) => match app.discord.guild_name(guild).await {
            Ok(name) => Ok(DeletedOf::Server(Some(name))),
            Err(error) if error.is_for_now() => Err(error),
            // The bot is not there any more.
            Err(_unknown) => Ok(DeletedOf::Server(None)),
        },
    }
}

async fn post(
    app: &App,
    to: UserId,
    (receipt, of): (Receipt, DeletedOf),
) -> Result<(), discord::Error> {
    // The same for every attempt: what was sent and in doubt is not sent twice.
    let (nonce, _) = receipt.id.0.as_u64_pair();
    let backup_days = app.settings.data.backup_days;
    let notice = match receipt.kind {
        ReceiptKind::Person => Notice::from(DataText::Deleted {
            receipt,
            backup_days,
            is_ignored_soon: false,
        }),
        ReceiptKind::Server
        | ReceiptKind::Left
        | ReceiptKind::ServerMemories
        | ReceiptKind::ServerPersonas => Notice::from(ServerDataText::Deleted {
            receipt,
            of,
            backup_days,
        }),
    };
    let text = notice.text().into_owned();
    let message = discord::NewMessage::plain(text, nonce, Instant::now() + TELL_WITHIN);
    app.discord.send_directly(to, &message).await.map(drop)
}
