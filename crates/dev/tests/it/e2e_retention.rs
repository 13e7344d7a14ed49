//! What is over is deleted by one worker for all.

use dev::control::Name;
use dev::part::Part;

use crate::town::Town;

const OLD: &str = "INSERT INTO turn_decisions (event_id, code, created_at)
    SELECT 'mc:' || n, 'stale', now() - interval '2 days' FROM generate_series(1, 1500) n";

/// PRIV-85, DB-79, DB-69: what is not over stays.
#[tokio::test]
async fn e2e_what_is_over_is_deleted_once_an_hour_and_counted() {
    let town = Town::start(1).await;
    town.wait_for_row("SELECT 1 FROM job_leases WHERE job = 'retention' AND last_run_at < now()")
        .await;
    town.sql(OLD).await;
    town.sql("INSERT INTO turn_decisions (event_id, code) VALUES ('mc:0', 'stale')")
        .await;
    // Done a moment ago, so a worker that starts leaves it alone.
    town.sql("UPDATE job_leases SET last_run_at = now() - interval '59 minutes'")
        .await;
    town.signal(Part::Worker(1), Name::Term).await;
    town.restart(Part::Worker(1)).await;
    let runs = "worker_retention_runs_total{outcome=\"done\"}";
    let compared = "worker_privacy_comparisons_total{outcome=\"done\"}";
    town.wait_until("the other job was looked at", async || {
        town.metric(Part::Worker(1), compared).await > 0.5
    })
    .await;
    assert!(town.metric(Part::Worker(1), runs).await < 0.5);

    town.sql("UPDATE job_leases SET last_run_at = now() - interval '61 minutes'")
        .await;
    town.signal(Part::Worker(1), Name::Term).await;
    town.restart(Part::Worker(1)).await;
    town.wait_until("the job is done", async || {
        town.metric(Part::Worker(1), runs).await > 0.5
    })
    .await;
    let left = town.sql("SELECT event_id FROM turn_decisions").await;
    assert_eq!(left.trim(), "mc:0");
    let deleted = "worker_retention_deleted_total{table=\"turn_decisions\"}";
    let deleted = town.metric(Part::Worker(1), deleted).await;
    assert!((deleted - 1_500.0).abs() < 0.5, "{deleted}");
    town.leave().await;
}
