//! `/server user-blacklist` and `/persona block`: every step, and who may take it.

use proto::event::{CommandOption, Interaction};
use serde_json::{Value, json};

use crate::panel::{assert_says, changed, press_on, replaced, ticked};
use crate::setup::set_up;
use crate::world::{ALICE, World, run};

const BOB: u64 = ALICE + 5;

/// Discord's bit for people who may time members out.
const MODERATE_MEMBERS: u64 = 1 << 40;

const UNTICK: &str = "Untick what shall end";

fn option(name: &str, value: &str) -> CommandOption {
    CommandOption {
        name: name.to_owned(),
        value: value.to_owned(),
        ..CommandOption::default()
    }
}

fn add(member: u64) -> Interaction {
    Interaction {
        options: vec![option("member", &member.to_string())],
        ..run("server user-blacklist add")
    }
}

fn block(member: u64, kind: &str, hours: &str) -> Interaction {
    Interaction {
        options: vec![
            option("persona", "tomori"),
            option("member", &member.to_string()),
            option("type", kind),
            option("hours", hours),
            option("reason", "spoils the mood"),
        ],
        ..run("persona block")
    }
}

fn list() -> Interaction {
    run("server user-blacklist remove")
}

/// Runs a command that promises an answer to one person, and returns that.
async fn told(world: &mut World, command: Interaction) -> Value {
    let promise = world.answer_to(command).await;
    assert_eq!(promise, json!({"type": 5, "data": {"flags": 64}}));
    world.fake.next_call().await.body
}

/// PRIV-36, CMD-72.
#[tokio::test]
async fn somebody_is_put_on_the_blacklist_once_and_no_bot_ever() {
    let mut world = World::start().await;
    assert_says(&told(&mut world, add(BOB)).await, "not set up");
    set_up(&mut world).await;
    let mut bot = add(BOB);
    bot.options[0].is_bot = true;
    assert_says(&world.answer_to(bot).await["data"], "nothing about bots");
    let first = told(&mut world, add(BOB)).await;
    assert_says(&first, &format!("<@{BOB}> in this server"));
    assert_eq!(first["allowed_mentions"]["parse"], json!([]));
    assert!(!first.to_string().contains("makes no difference"));
    assert_says(&told(&mut world, add(BOB)).await, "already");
    world
        .run(
            "INSERT INTO server_chat_configs (server_id, personal_memories_enabled)
             SELECT server_id, false FROM servers
             ON CONFLICT (server_id) DO UPDATE SET personal_memories_enabled = false",
        )
        .await;
    let off = told(&mut world, add(BOB + 1)).await;
    assert_says(&off, "makes no difference until it does");
    world.remove().await;
}

/// SEC-61: who may not is refused, at every step.
#[tokio::test]
async fn only_who_may_decides_about_others() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    for command in [add(BOB), list(), block(BOB, "mute", "1")] {
        let mut member = command.clone();
        member.member_permissions = 0;
        assert_says(&world.answer_to(member).await["data"], "Manage Server");
        let mut direct = command;
        direct.guild_id = 0;
        assert_says(
            &world.answer_to(direct).await["data"],
            "This is for servers",
        );
    }
    let mut moderator = block(BOB, "mute", "1");
    moderator.member_permissions = MODERATE_MEMBERS;
    assert_says(&told(&mut world, moderator).await, "does not answer");
    let mut moderator = add(BOB);
    moderator.member_permissions = MODERATE_MEMBERS;
    assert_says(&world.answer_to(moderator).await["data"], "Manage Server");
    let shown = world.answer_to(list()).await;
    let mut lost = ticked(&shown["data"], UNTICK, &[]);
    lost.member_permissions = MODERATE_MEMBERS;
    assert_says(&world.answer_to(lost).await["data"], "Manage Server");
    world.remove().await;
}

/// CMD-55, PRIV-41, PRIV-46.
#[tokio::test]
async fn a_block_is_ordered_replaced_and_told_to_whom_it_is_about() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    for (hours, reason) in [
        ("0", "x"),
        ("169", "x"),
        ("two", "x"),
        ("1", &*"x".repeat(251)),
    ] {
        let mut unfit = block(BOB, "mute", hours);
        unfit.options[4].value = reason.to_owned();
        let refused = world.answer_to(unfit).await;
        assert_says(&refused["data"], "Nothing was changed.");
    }
    let mut unknown = block(BOB, "mute", "1");
    unknown.options[0].value = "nobody".to_owned();
    assert_says(&world.answer_to(unknown).await["data"], "this name");
    assert_says(
        &world.answer_to(block(99, "mute", "1")).await["data"],
        "That is me.",
    );

    let muted = told(&mut world, block(BOB, "mute", "1")).await;
    assert_says(
        &muted,
        &format!("Tomori does not answer <@{BOB}> for 1 hour."),
    );
    let blocked = told(&mut world, block(BOB, "block", "168")).await;
    assert_says(&blocked, "for 168 hours. Nor does it see what they say.");
    let stored = "SELECT count(*)::int FROM persona_user_blocks WHERE reason = 'spoils the mood'";
    assert_eq!(world.read_i32(stored).await, Some(1));
    let mut asked = run("bot respond");
    asked.user_id = BOB;
    let refused = world.answer_to(asked).await;
    assert_eq!(refused["data"]["flags"], 64);
    assert_says(
        &refused["data"],
        "does not answer you here for another 168 hours.",
    );
    world.remove().await;
}

/// PRIV-40, CMD-15, CMD-73: a page at a time, and what nobody saw stays.
#[tokio::test]
async fn what_is_unticked_is_over() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let empty = world.answer_to(list()).await;
    assert_says(&empty["data"], "Nobody.");
    for member in 0..11 {
        told(&mut world, add(BOB + member)).await;
    }
    told(&mut world, block(BOB, "block", "2")).await;
    let shown = world.answer_to(list()).await;
    assert_eq!(shown["data"]["flags"], 64);
    let second = replaced(&mut world, press_on(&shown["data"], "Next")).await;
    assert_says(&second, "Page 2 of 2.");
    assert_says(&second, "block: Tomori, 2 hours left");
    // Everything is ticked at first, and what stays ticked stays.
    let kept = changed(&mut world, ticked(&second, UNTICK, &["11", "12"])).await;
    assert_says(&kept, "Nothing was changed.");
    // Meanwhile the block is another one, which this panel never showed.
    told(&mut world, block(BOB, "mute", "3")).await;
    let lifted = changed(&mut world, ticked(&second, UNTICK, &[])).await;
    assert_says(&lifted, "One of them is over.");
    assert_says(&lifted, "mute: Tomori, 3 hours left");
    let first = world.answer_to(list()).await;
    let lifted = changed(&mut world, ticked(&first["data"], UNTICK, &["3"])).await;
    assert_says(&lifted, "9 of them are over.");
    assert_says(&lifted, &format!("`1` <@{}>", BOB + 2));
    let left = "SELECT count(*)::int FROM personalization_blacklist";
    assert_eq!(world.read_i32(left).await, Some(1));
    world.remove().await;
}
