//! The bot is removed from a server, comes back, and is removed for good (PRIV-69).

use dev::control::Name;
use dev::part::Part;
use serde_json::json;

use crate::town::{Town, Trigger};

const AWAY: &str = "SELECT 1 FROM servers WHERE purge_after - left_at = interval '30 days'";
const HERE: &str = "SELECT 1 FROM servers WHERE left_at IS NULL AND purge_after IS NULL";

async fn stand(town: &Town, bot: &str) {
    let body = json!({"server": "Sandbox", "bot": bot});
    town.tell("servers", &body).await;
}

fn answered(asked: &Trigger) -> String {
    let id = &asked.id;
    format!("SELECT 1 FROM turns WHERE state = 'done' AND trigger_message_id = '{id}'")
}

#[tokio::test]
async fn e2e_a_server_goes_some_time_after_the_bot_was_removed_and_not_by_an_outage() {
    let town = Town::start(1).await;
    town.set_up("Sandbox").await;
    town.wait_for_row(HERE).await;

    // An outage is told and goes no further; what comes behind it was read after it.
    stand(&town, "unavailable").await;
    stand(&town, "here").await;
    let asked = town.say("alice", "Sandbox", "are you there?").await;
    town.wait_for_row(&answered(&asked)).await;
    assert_eq!(town.sql(AWAY).await.trim(), "");

    stand(&town, "removed").await;
    town.wait_for_row(AWAY).await;
    stand(&town, "here").await;
    town.wait_for_row(HERE).await;
    let asked = town.say("alice", "Sandbox", "and now?").await;
    town.wait_for_row(&answered(&asked)).await;

    // Word of its coming back is lost, so that it counts as away: what is said there is decided at
    // once, and nothing is deleted before Discord was asked.
    town.sql(
        "UPDATE servers SET left_at = now() - interval '31 days',
             purge_after = now() - interval '1 day', settings_version = settings_version + 1",
    )
    .await;
    let unheard = town.say("alice", "Sandbox", "do you hear me?").await;
    let refused = format!(
        "SELECT 1 FROM turn_decisions WHERE code = 'not_set_up' AND message_id = '{}'",
        unheard.id
    );
    town.wait_for_row(&refused).await;
    town.sql("UPDATE job_leases SET last_run_at = now() - interval '61 minutes'")
        .await;
    town.wait_for_row(HERE).await;
    let asked = town.say("alice", "Sandbox", "once more?").await;
    town.wait_for_row(&answered(&asked)).await;

    stand(&town, "removed").await;
    town.wait_for_row(AWAY).await;
    town.sql("UPDATE servers SET purge_after = now() - interval '1 minute'")
        .await;
    town.sql("UPDATE job_leases SET last_run_at = now() - interval '61 minutes'")
        .await;
    town.wait_until("the server is deleted", async || {
        town.sql("SELECT 1 FROM servers").await.trim().is_empty()
    })
    .await;
    let receipts = "SELECT 1 FROM deletion_receipts WHERE kind = 'guild_purge'";
    town.wait_for_row(receipts).await;
    let sample = "worker_retention_deleted_total{table=\"servers\"}";
    assert!(town.metric(Part::Worker(1), sample).await > 0.5);
    town.leave().await;
}

/// PRIV-69: an error of the database costs a try, not the removal.
#[tokio::test]
async fn e2e_a_removal_is_noted_although_the_database_refuses_it_twice() {
    let town = Town::start(1).await;
    town.set_up("Sandbox").await;
    town.wait_for_row(HERE).await;
    town.sql(
        "CREATE SEQUENCE harms;
         CREATE FUNCTION harm() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('harms') <= 2 THEN RAISE EXCEPTION 'no'; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER harm BEFORE UPDATE OF left_at ON servers
         FOR EACH ROW EXECUTE FUNCTION harm();
         GRANT USAGE ON SEQUENCE harms TO PUBLIC",
    )
    .await;

    stand(&town, "removed").await;

    town.wait_for_row(AWAY).await;
    assert_eq!(town.sql("SELECT last_value FROM harms").await.trim(), "3");
    town.leave().await;
}

/// PRIV-69: of a lost session nobody hears; the next one lists the servers. Who was there all the
/// time is one event of a session, whatever the number of servers.
#[tokio::test]
async fn e2e_a_removal_and_a_return_in_a_lost_session_are_found_by_the_next_one() {
    let town = Town::start(1).await;
    town.set_up("Sandbox").await;
    town.wait_for_row(HERE).await;
    lost_session(&town, "removed").await;
    town.wait_for_row(AWAY).await;
    lost_session(&town, "here").await;
    town.wait_for_row(HERE).await;
    let asked = town.say("alice", "Sandbox", "and now?").await;
    town.wait_for_row(&answered(&asked)).await;
    town.leave().await;
}

/// The session of the gateway is lost, and meanwhile this becomes of the bot.
async fn lost_session(town: &Town, bot: &str) {
    town.signal(Part::Gateway, Name::Stop).await;
    let order = json!({"action": "invalidate", "resumable": false});
    town.tell("gateway", &order).await;
    town.wait_until("the session is over", async || {
        town.stats().await["sessions"] == 0
    })
    .await;
    stand(town, bot).await;
    town.signal(Part::Gateway, Name::Cont).await;
}
