//! Work that one worker does for all (DB-79): who does it, and how the lead is kept meanwhile.

use std::time::Duration;

use tokio::time::sleep;

use crate::app::App;

/// The lead lasts this long unless it is prolonged: a leader that died holds nobody up for longer.
const LEASE: Duration = Duration::from_secs(30);
const PROLONG_EVERY: Duration = Duration::from_secs(10);

/// What came of a look at a job.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// It is not due, or another worker does it.
    Passed,
    /// Who leads is not known, or somebody else did before the work was done.
    Lost,
    /// It was done here, or tried.
    Worked(T),
}

/// Does a job if it was not done for `every` and nobody else does it. Work that ends in an error is
/// left to whoever looks next.
///
/// Cancel safe: as far as the work is; the lead runs out by itself.
pub(crate) async fn lead<T, E>(
    app: &App,
    job: &'static str,
    every: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Look<Result<T, E>> {
    match take(app, job, every).await {
        Some(true) => {}
        Some(false) => return Look::Passed,
        None => return Look::Lost,
    }
    let worked = tokio::select! {
        worked = work => worked,
        () = prolong(app, job) => return Look::Lost,
    };
    give_back(app, job, worked.is_ok()).await;
    Look::Worked(worked)
}

/// Takes the lead if the job is due and nobody has it; `None`: that is not known.
async fn take(app: &App, job: &'static str, every: Duration) -> Option<bool> {
    let taken = app.store.take_job(job, &app.worker_id, LEASE, every).await;
    taken
        .inspect_err(|error| tracing::debug!(%error, job, "who leads a job is not known"))
        .ok()
}

/// Notes that the job is done, or leaves it to whoever looks next.
async fn give_back(app: &App, job: &'static str, is_done: bool) {
    let (store, me) = (&app.store, &*app.worker_id);
    let told = if is_done {
        store.job_done(job, me).await.map(drop)
    } else {
        store.leave_job(job, me).await
    };
    if let Err(error) = told {
        tracing::debug!(%error, job, "the lead of a job is not given back");
    }
}

/// Keeps the lead; ends when it is lost.
async fn prolong(app: &App, job: &'static str) {
    loop {
        sleep(PROLONG_EVERY).await;
        if take(app, job, Duration::ZERO).await == Some(false) {
            tracing::info!(job, "another worker leads a job now");
            return;
        }
    }
}
