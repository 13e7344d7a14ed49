//! Who owns which channels.
//!
//! One task watches the roster and runs one owner per partition that is this worker's share.
//! Owning a partition *is* having created its consumer: the server refuses a second one.

pub(crate) mod assign;
mod consumer;
mod intake;
mod letter;
mod own;
pub(crate) mod presence;
pub(crate) mod roster;
mod schedule;
mod trial;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::subject::Partition;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::presence::Presence;
pub(crate) use self::presence::Pulse;
pub(crate) use self::turns::LiveTurns;
use crate::app::App;

/// The roster is judged this often even when nothing was heard: age sends no event (DESIGN §3).
const JUDGE_EVERY: Duration = Duration::from_millis(250);

/// Keeps this worker's share of the partitions until `stop` fires; then gives all away and
/// returns when they are free for others.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut owners: BTreeMap<Partition, Owner> = BTreeMap::new();
    let mut changes = app.presence.changes();
    let mut ticks = interval(JUDGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
            changed = changes.changed() => {
                if changed.is_err() {
                    break;
                }
            }
        }
        rebalance(&app, &mut owners);
    }
    for owner in owners.values() {
        owner.give_away.cancel();
    }
    for owner in owners.into_values() {
        if owner.task.await.is_err() {
            tracing::error!("the owner of a partition panicked while giving it away");
        }
    }
}

#[derive(Debug)]
struct Owner {
    give_away: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn rebalance(app: &Arc<App>, owners: &mut BTreeMap<Partition, Owner>) {
    let workers = app.presence.candidates();
    let share = assign::share(&app.worker_id, &workers, app.settings.nats.partitions);
    owners.retain(|_, owner| !owner.task.is_finished());
    for (partition, owner) in owners.iter() {
        if !share.contains(partition) {
            owner.give_away.cancel();
        }
    }
    for partition in share {
        owners.entry(partition).or_insert_with(|| {
            let give_away = CancellationToken::new();
            let owning = own::own(Arc::clone(app), partition, give_away.clone());
            Owner {
                give_away,
                task: app.tracker.spawn(owning),
            }
        });
    }
}
