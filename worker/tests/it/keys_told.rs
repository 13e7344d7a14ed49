//! Administrators are told once of a key that was refused for good (POOL-17).

use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::process::Child;
use tokio::time::{interval, timeout};

use crate::fake::{Call, DIRECT};
use crate::setup::set_up;
use crate::world::World;

/// Longest wait for a worker that starts, looks and gives up.
const DEADLINE: Duration = Duration::from_mins(1);

const NOTICES: &str = "80351110224678915";

/// A server whose only key was refused for good, of which nobody was told.
async fn refused() -> World {
    let mut world = World::start().await;
    set_up(&mut world).await;
    refuse(&world).await;
    world
}

/// The same; no worker has looked yet.
async fn refused_while_no_worker_lives() -> World {
    let mut world = World::start().await;
    set_up(&mut world).await;
    // A lead that it died with would hold up the next.
    until(&world, LEADS_NO_MORE).await;
    kill_process(world.worker_pid(), Signal::KILL).unwrap();
    refuse(&world).await;
    world
}

async fn refuse(world: &World) {
    world
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
}

/// What is to be found when the key is refused comes before that: a worker may look at once.
async fn with_notice_channel() -> World {
    let mut world = World::start().await;
    set_up(&mut world).await;
    world
        .run("UPDATE server_chat_configs SET notice_channel_disc_id = '80351110224678915'")
        .await;
    world
}

const TOLD: &str = "SELECT 1 FROM server_model_configs WHERE main_key_told_at IS NOT NULL";

const LEADS_NO_MORE: &str =
    "SELECT 1 FROM job_leases WHERE job = 'refused_keys' AND lease_until <= now()";

/// Waits until somebody was told.
async fn until_told(world: &World) {
    until(world, TOLD).await;
}

/// Ends a worker that has told whom it could, and leads no more.
async fn end(world: &World, worker: Child) {
    until(world, LEADS_NO_MORE).await;
    drop(worker);
}

async fn is_told(world: &World) -> bool {
    world.read_i32(TOLD).await.is_some()
}

#[track_caller]
fn assert_names_the_key(call: &Call, channel: &str) {
    assert_eq!((call.kind, &*call.token), ("message", channel));
    let text = call.body["content"].as_str().unwrap();
    assert!(
        text.contains("OpenAI has refused the main key ••••abcd"),
        "{text}"
    );
    assert!(call.body["enforce_nonce"].as_bool().unwrap());
}

#[tokio::test]
async fn the_owner_is_told_directly_and_once_however_many_workers_look() {
    let mut world = refused().await;
    let _workers = [0; 3].map(|_| world.another_worker());
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    until_told(&world).await;
    // A worker that comes later finds nothing to tell: the next call is the answer to a ping.
    let _later = world.another_worker();
    set_up_again(&mut world).await;
    world.remove().await;
}

/// Shows the panel; whatever a worker had sent before would come first.
async fn set_up_again(world: &mut World) {
    let panel = world.answer_to(crate::world::run("setup")).await;
    let text = panel["data"]["content"].as_str().unwrap();
    assert!(
        text.contains("has refused this server's key for good"),
        "{text}"
    );
}

/// POOL-17.
#[tokio::test]
async fn the_notice_channel_goes_first() {
    let mut world = with_notice_channel().await;
    refuse(&world).await;
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, NOTICES);
    world.remove().await;
}

#[tokio::test]
async fn a_notice_channel_that_is_gone_is_no_excuse() {
    let mut world = with_notice_channel().await;
    world.fake.close(NOTICES, 404, 10_003);
    refuse(&world).await;
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    world.remove().await;
}

/// 50007: a person who takes no direct messages. The key stays in the list of keys.
#[tokio::test]
async fn closed_direct_messages_end_the_tries() {
    let mut world = World::start().await;
    world.fake.close(DIRECT, 403, 50_007);
    set_up(&mut world).await;
    refuse(&world).await;
    let _worker = world.another_worker();
    until_told(&world).await;
    world.remove().await;
}

/// Of a key of one's own its user is told, by that user's name for it and nobody else's.
#[tokio::test]
async fn a_person_is_told_directly_and_once_of_a_key_of_their_own() {
    let mut world = World::start().await;
    own_key_refused(&world).await;
    let _workers = [0; 2].map(|_| world.another_worker());
    let told = world.fake.next_call().await;
    assert_eq!((told.kind, &*told.token), ("message", DIRECT));
    let text = told.body["content"].as_str().unwrap();
    assert!(
        text.contains("OpenAI has refused your own key ••••mine again and again"),
        "{text}"
    );
    until(
        &world,
        "SELECT 1 FROM user_provider_keys WHERE told_at IS NOT NULL",
    )
    .await;
    let _later = world.another_worker();
    let pong = world.answer_to(crate::world::run("tool ping")).await;
    assert!(pong["data"]["content"].as_str().unwrap().contains("Pong"));
    world.remove().await;
}

/// PRIV-71: who takes no direct messages is not written to for a day, whatever else happens.
#[tokio::test]
async fn closed_direct_messages_are_remembered_for_a_day() {
    let mut world = World::start().await;
    world.fake.close(DIRECT, 403, 50_007);
    own_key_refused(&world).await;
    let worker = world.another_worker();
    until(
        &world,
        "SELECT 1 FROM operation_quotas
         WHERE operation = 'direct_closed' AND window_start > now() - interval '1 hour'",
    )
    .await;
    end(&world, worker).await;
    world.fake.open(DIRECT);
    let untold = "UPDATE user_provider_keys SET told_at = NULL";
    world.run(untold).await;
    let worker = world.another_worker();
    until(
        &world,
        "SELECT 1 FROM user_provider_keys WHERE told_at IS NOT NULL",
    )
    .await;
    end(&world, worker).await;
    // Had it been sent, it would come before the next day's.
    world
        .run("UPDATE operation_quotas SET window_start = window_start - interval '24 hours'")
        .await;
    world
        .run("UPDATE user_provider_keys SET told_at = NULL, key_last4 = 'next'")
        .await;
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert!(told.body["content"].as_str().unwrap().contains("••••next"));
    world.remove().await;
}

/// A key of the owner's own, which was refused for good.
async fn own_key_refused(world: &World) {
    world
        .run(
            "WITH u AS (INSERT INTO users (user_disc_id, personal_provider_enabled)
                        VALUES ('80351110224678913', true) RETURNING user_id)
             INSERT INTO user_provider_keys
                 (user_id, provider, enabled_capabilities, key_last4, api_key, key_version,
                  key_form, disabled_at)
             SELECT user_id, 'openai', '{text}', 'mine', 'x', 1, 2, now() FROM u",
        )
        .await;
}

/// Waits until a query finds something.
async fn until(world: &World, query: &'static str) {
    let waiting = async {
        let mut ticks = interval(Duration::from_millis(50));
        while world.read_i32(query).await.is_none() {
            ticks.tick().await;
        }
    };
    timeout(DEADLINE, waiting).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_told_for_now_is_told_by_the_next_who_looks() {
    let mut world = refused_while_no_worker_lives().await;
    world.fake.close(DIRECT, 500, 0);
    world
        .run("DELETE FROM job_leases WHERE job = 'refused_keys'")
        .await;
    let failing = world.another_worker();
    until(&world, LEADS_NO_MORE).await;
    assert!(!is_told(&world).await);
    drop(failing);
    world.fake.open(DIRECT);
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    until_told(&world).await;
    world.remove().await;
}

/// Between a message and the record of it there is a moment. Discord knows the second message by its
/// nonce.
#[tokio::test]
async fn what_a_worker_was_telling_when_it_died_is_told_by_the_next() {
    let mut world = refused_while_no_worker_lives().await;
    world.fake.hold();
    let mut dying = world.another_worker();
    let first = world.fake.next_call().await;
    dying.kill().await.unwrap();
    assert!(!is_told(&world).await);
    world.fake.release();
    world.run("UPDATE job_leases SET lease_until = now()").await;
    let _worker = world.another_worker();
    let second = world.fake.next_call().await;
    assert_names_the_key(&second, DIRECT);
    assert_eq!(second.body["nonce"], first.body["nonce"]);
    until_told(&world).await;
    world.remove().await;
}

#[tokio::test]
async fn nobody_tells_while_another_worker_does() {
    let mut world = refused_while_no_worker_lives().await;
    world
        .run(
            "UPDATE job_leases SET worker_id = 'another', lease_until = now() + interval '1 hour'
             WHERE job = 'refused_keys'",
        )
        .await;
    world
        .run("DELETE FROM job_leases WHERE job = 'privacy'")
        .await;
    let _worker = world.another_worker();
    // It looks for its other job later, and that one takes longer.
    let looked = "SELECT 1 FROM job_leases WHERE job = 'privacy' AND lease_until <= now()";
    until(&world, looked).await;
    // Whatever was sent would come first.
    set_up_again(&mut world).await;
    set_up_again(&mut world).await;
    assert!(!is_told(&world).await);
    world.run("UPDATE job_leases SET lease_until = now()").await;
    let _next = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    world.remove().await;
}
