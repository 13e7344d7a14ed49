//! Administrators are told once of a key that was refused for good (POOL-17).

use std::time::Duration;

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
    world
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
    world
}

async fn with_notice_channel() -> World {
    let world = refused().await;
    world
        .run("UPDATE server_chat_configs SET notice_channel_disc_id = '80351110224678915'")
        .await;
    world
}

/// Waits until a column says what became of the telling; true when somebody was told.
async fn until_told(world: &World) {
    let told = "SELECT 1 FROM server_model_configs WHERE main_key_told_at IS NOT NULL";
    let waiting = async {
        let mut ticks = interval(Duration::from_millis(50));
        while world.read_i32(told).await.is_none() {
            ticks.tick().await;
        }
    };
    timeout(DEADLINE, waiting).await.unwrap();
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

#[tokio::test]
async fn the_notice_channel_goes_first() {
    let mut world = with_notice_channel().await;
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, NOTICES);
    world.remove().await;
}

#[tokio::test]
async fn a_notice_channel_that_is_gone_is_no_excuse() {
    let mut world = with_notice_channel().await;
    world.fake.close(NOTICES, 404, 10_003);
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    world.remove().await;
}

/// 50007: a person who takes no direct messages. The key stays in the list of keys.
#[tokio::test]
async fn closed_direct_messages_end_the_tries() {
    let world = refused().await;
    world.fake.close(DIRECT, 403, 50_007);
    let _worker = world.another_worker();
    until_told(&world).await;
    world.remove().await;
}

#[tokio::test]
async fn what_could_not_be_told_for_now_is_told_by_the_next_who_looks() {
    let mut world = refused().await;
    world.fake.close(DIRECT, 500, 0);
    let failing = world.another_worker();
    until_told(&world).await;
    let given_back = async {
        let mut ticks = interval(Duration::from_millis(50));
        let untold = "SELECT 1 FROM server_model_configs WHERE main_key_told_at IS NULL";
        while world.read_i32(untold).await.is_none() {
            ticks.tick().await;
        }
    };
    timeout(DEADLINE, given_back).await.unwrap();
    drop(failing);
    world.fake.open(DIRECT);
    let _worker = world.another_worker();
    let told = world.fake.next_call().await;
    assert_names_the_key(&told, DIRECT);
    world.remove().await;
}
