//! How often messages are answered and how many at once, measured where it counts: at the model's
//! server, and in what people see.

use dev::control::Name;
use dev::part::Part;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::person::{Person, assert_says};
use crate::town::{Town, Trigger};

/// Messages that are waited for together.
const CROWD: usize = 1_000;

/// Says something to the bot in a channel of Amber.
async fn say_in(town: &Town, user: &str, channel: &str) -> Trigger {
    let body = json!({
        "user": user, "server": "Amber", "channel": channel, "content": "hello", "address": true,
    });
    town.post(&body).await
}

/// What is recorded about a message, once that is final.
async fn code(town: &Town, trigger: Trigger) -> Value {
    let answer = town.answers(vec![trigger]).await.remove(0);
    answer.record["code"].clone()
}

/// Sets what rests in every server; 0: nothing.
async fn cool(town: &Town, kind: i16, length: i32) {
    town.sql(&format!(
        "INSERT INTO server_trigger_configs (server_id, cooldown_type, cooldown_length)
         SELECT server_id, {kind}, {length} FROM servers WHERE NOT is_dm_channel
         ON CONFLICT (server_id) DO UPDATE
         SET cooldown_type = excluded.cooldown_type, cooldown_length = excluded.cooldown_length"
    ))
    .await;
    town.sql("DELETE FROM cooldowns").await;
}

async fn decided(town: &Town, code: &str) -> usize {
    let query = format!("SELECT count(*) FROM turn_decisions WHERE code = '{code}'");
    town.sql(&query).await.trim().parse().unwrap()
}

/// GUARD-11, GUARD-15, GUARD-17: who waits for whom.
#[tokio::test]
async fn e2e_guards_let_each_kind_of_cooldown_hold_for_its_scope() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    // Alice owns the server.
    for (kind, again, other_channel, other_person, manager) in [
        (0, "accepted", "accepted", "accepted", "accepted"),
        (1, "cooldown", "cooldown", "accepted", "accepted"),
        (2, "cooldown", "accepted", "cooldown", "accepted"),
        (3, "cooldown", "cooldown", "cooldown", "accepted"),
        (4, "cooldown", "cooldown", "cooldown", "cooldown"),
    ] {
        cool(&town, kind, 600).await;
        let first = say_in(&town, "bob", "general").await;
        assert_eq!(code(&town, first).await, "accepted", "{kind}");
        for (user, channel, expected) in [
            ("bob", "general", again),
            ("bob", "other", other_channel),
            ("carol", "general", other_person),
            ("alice", "general", manager),
        ] {
            let next = say_in(&town, user, channel).await;
            let code = code(&town, next).await;
            assert_eq!(code, expected, "type {kind}: {user} in {channel}");
            // What the one before made rest is not looked at.
            town.sql(
                "DELETE FROM cooldowns WHERE created_at > (SELECT min(created_at) FROM cooldowns)",
            )
            .await;
        }
    }
    town.leave().await;
}

/// GUARD-22: told once, in private, and not in the channel.
#[tokio::test]
async fn e2e_guards_tell_of_a_cooldown_once_and_privately() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    cool(&town, 1, 600).await;
    let private = town
        .say_unprepared("bob", "!just so that there is a place")
        .await;
    let first = say_in(&town, "bob", "general").await;
    assert_eq!(code(&town, first).await, "accepted");
    for _ in 0..3 {
        let next = say_in(&town, "bob", "general").await;
        assert_eq!(code(&town, next).await, "cooldown");
    }
    town.wait_for_text(&private, "I answer each person again in 10 minutes")
        .await;
    let told = town.messages(&private).await.into_iter();
    let told = told.filter(|message| {
        let text = message["content"].as_str().unwrap_or_default();
        text.contains("I did not answer you")
    });
    assert_eq!(told.count(), 1);
    let why = town.command("bob", "Amber", "/why").await;
    assert!(why.contains("cooldown"), "{why}");
    town.leave().await;
}

/// GUARD-21: nobody saw an answer, so nobody waits.
#[tokio::test]
async fn e2e_guards_give_a_cooldown_back_where_nothing_was_answered() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    cool(&town, 3, 600).await;
    town.break_model(json!({"fault": 400, "times": 1})).await;
    let failed = say_in(&town, "bob", "general").await;
    let answer = town.answers(vec![failed]).await.remove(0);
    assert_eq!(answer.record["turns"][0]["state"], "failed");
    town.wait_for_row("SELECT 1 WHERE NOT EXISTS (SELECT FROM cooldowns WHERE cooldown_type = 3)")
        .await;
    let next = say_in(&town, "carol", "general").await;
    assert_eq!(code(&town, next).await, "accepted");
    town.leave().await;
}

/// GUARD-24, GUARD-25, GUARD-18.
#[tokio::test]
async fn e2e_guards_keep_the_bot_where_it_is_listed() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let listed = say_in(&town, "bob", "listed").await;
    assert_eq!(code(&town, listed.clone()).await, "accepted");
    let list = format!(
        "INSERT INTO channel_whitelist (server_id, channel_disc_id, cooldown_type, cooldown_length)
         SELECT server_id, '{}', 2, 600 FROM servers WHERE NOT is_dm_channel",
        listed.channel
    );
    town.sql(&list).await;
    for (channel, expected) in [
        ("listed", "accepted"),
        ("listed", "cooldown"),
        ("general", "whitelist_channel"),
    ] {
        let next = say_in(&town, "bob", channel).await;
        assert_eq!(code(&town, next).await, expected, "{channel}");
    }
    town.sql("DELETE FROM channel_whitelist").await;
    town.sql(
        "INSERT INTO role_whitelist (server_id, role_disc_id)
         SELECT server_id, '123456789012345678' FROM servers WHERE NOT is_dm_channel",
    )
    .await;
    let next = say_in(&town, "bob", "general").await;
    assert_eq!(code(&town, next).await, "whitelist_role");
    town.sql("DELETE FROM role_whitelist").await;
    let next = say_in(&town, "bob", "general").await;
    assert_eq!(code(&town, next).await, "accepted");
    town.leave().await;
}

/// GUARD-32, GUARD-33, GUARD-36: a thousand people at once in one server.
#[tokio::test]
async fn e2e_guards_a_thousand_people_get_ten_replies_at_once() {
    let limits = [("MAX_SERVER_ACTIVE_MESSAGES", "10")];
    let town = Town::start_with(2, &limits).await;
    town.set_up("Amber").await;
    town.speak_slowly(40).await;
    let mut triggers = Vec::new();
    for person in 0..CROWD {
        let channel = format!("room-{}", person % 40);
        triggers.push(say_in(&town, &format!("crowd-{person}"), &channel).await);
    }
    let all = format!("SELECT 1 FROM turn_decisions HAVING count(*) >= {CROWD}");
    town.wait_for_row(&all).await;
    town.wait_for_row("SELECT 1 WHERE NOT EXISTS (SELECT FROM turns WHERE ended_at IS NULL)")
        .await;
    let (accepted, refused) = (
        decided(&town, "accepted").await,
        decided(&town, "limit_server").await,
    );
    assert_eq!(accepted + refused, CROWD);
    assert!(accepted >= 10 && refused > 0, "{accepted} {refused}");
    let model = town.stats().await["model"].clone();
    println!(
        "{accepted} of {CROWD} accepted, at most at once: {}",
        model["peak_in_flight"]
    );
    assert!(model["peak_in_flight"].as_u64().unwrap() <= 10, "{model}");
    // Each room hears of it once a minute.
    let room = town.messages(&triggers[0]).await.into_iter();
    let told = room.filter(|message| {
        let text = message["content"].as_str().unwrap_or_default();
        text.contains("Enough messages of this server")
    });
    assert!(told.count() <= 2);
    town.leave().await;
}

/// GUARD-32, GUARD-36: in all servers together.
#[tokio::test]
async fn e2e_guards_one_person_gets_so_many_replies_at_once() {
    let town = Town::start_with(2, &[("MAX_USER_ACTIVE_MESSAGES", "2")]).await;
    for server in ["Amber", "Birch"] {
        town.set_up(server).await;
    }
    town.break_model(json!({"fault": "slow-start", "wait_ms": 6_000, "times": 2}))
        .await;
    let first = say_in(&town, "bob", "general").await;
    let second = town.say("bob", "Birch", "hello").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE ended_at IS NULL HAVING count(*) = 2")
        .await;
    let third = say_in(&town, "bob", "other").await;
    assert_eq!(code(&town, third).await, "limit_user");
    let other = say_in(&town, "carol", "other").await;
    assert_eq!(code(&town, other).await, "accepted");
    for waited in [first, second] {
        assert_eq!(code(&town, waited).await, "accepted");
    }
    let again = say_in(&town, "bob", "other").await;
    assert_eq!(code(&town, again).await, "accepted");
    town.leave().await;
}

/// Says something in so many rooms of Amber, all of them new.
async fn fill(town: &Town, rooms: &str, count: usize) -> Vec<Trigger> {
    let mut said = Vec::new();
    for room in 0..count {
        said.push(say_in(town, "bob", &format!("{rooms}-{room}")).await);
    }
    said
}

/// Waits until so many replies of the town are open.
async fn wait_for_open(town: &Town, count: usize) {
    let open = "(SELECT count(*) FROM turns WHERE ended_at IS NULL)";
    town.wait_for_row(&format!("SELECT 1 WHERE {open} = {count}"))
        .await;
}

/// GUARD-35, GUARD-90: what a dead worker wrote counts until it is over, and then no more.
#[tokio::test]
async fn e2e_guards_count_right_after_a_worker_was_killed() {
    let town = Town::start_with(2, &[("MAX_SERVER_ACTIVE_MESSAGES", "10")]).await;
    town.set_up("Amber").await;
    let slow = async |wait_ms: u64, times: usize| {
        let fault = json!({"fault": "slow-start", "wait_ms": wait_ms, "times": times});
        town.break_model(fault).await;
    };
    slow(9_000, 10).await;
    let running = fill(&town, "room", 10).await;
    wait_for_open(&town, 10).await;
    town.signal(Part::Worker(1), Name::Kill).await;
    let killed = Instant::now();
    // Those of the survivor's rooms are judged at once, the others when their rooms are taken over.
    let more = fill(&town, "more", 10).await;
    let all = "SELECT 1 FROM turn_decisions HAVING count(*) >= 20";
    town.wait_for_row(all).await;
    wait_for_open(&town, 0).await;
    let seconds = killed.elapsed().as_secs_f64();
    let refused = decided(&town, "limit_server").await;
    let adopted = town.sql("SELECT count(*) FROM turns WHERE fence > 1").await;
    println!(
        "ten replies, {} of them adopted, are over {seconds:.1} s after a worker was killed; \
         {refused} of ten more messages were refused",
        adopted.trim()
    );
    assert!(adopted.trim().parse::<usize>().unwrap() > 0);
    assert!(seconds < 20.0, "{seconds}");
    assert!(refused > 0, "what it wrote goes on counting");
    for answer in town.answers(running).await {
        let state = &answer.record["turns"][0]["state"];
        assert_eq!(state, "done", "{}", answer.record);
    }
    let more = town.answers(more).await;
    let judged = more.iter().map(|answer| answer.record["code"].as_str());
    assert!(
        judged
            .clone()
            .all(|code| code == Some("limit_server") || code == Some("accepted"))
    );
    assert!(town.stats().await["model"]["peak_in_flight"].as_u64() <= Some(10));
    // There is room for ten again, and for no more.
    slow(4_000, 10).await;
    let again = fill(&town, "again", 10).await;
    wait_for_open(&town, 10).await;
    let eleventh = say_in(&town, "bob", "eleventh").await;
    assert_eq!(code(&town, eleventh).await, "limit_server");
    for next in again {
        assert_eq!(code(&town, next).await, "accepted");
    }
    town.restart(Part::Worker(1)).await;
    town.leave().await;
}

/// CMD-67 to CMD-69: what is set holds for the next message, whichever worker gets it.
#[tokio::test]
async fn e2e_guards_are_set_by_commands_and_hold_at_once() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let mut alice = Person::new(&town, "alice");
    let say = async |channel: &str| {
        let said = say_in(&town, "bob", channel).await;
        code(&town, said).await
    };
    assert_eq!(say("other").await, "accepted");
    let told = alice.run("/server cooldown type:1 length:600").await;
    assert_says(&told, "each person waits 600 s");
    assert_eq!(say("other").await, "accepted");
    assert_eq!(say("other").await, "cooldown");
    let told = alice.run("/server cooldown type:0 length:5").await;
    assert_says(&told, "without a pause");
    assert_eq!(say("other").await, "accepted");

    let told = alice
        .run("/server whitelist channel:general type:2 length:0")
        .await;
    assert_says(&told, "Listed.");
    assert_says(&told, "without a pause");
    assert_eq!(say("other").await, "whitelist_channel");
    assert_eq!(say("general").await, "accepted");
    let listed = alice.run("/server whitelist").await;
    assert_says(&listed, "`1` <#");
    let told = alice.choose("Take one off its list", "1 ·").await;
    assert_says(&told, "Taken off.");
    assert_eq!(say("other").await, "accepted");
    let wrong = alice.run("/server whitelist channel:general type:2").await;
    assert_says(&wrong, "Nothing was changed.");

    let told = alice
        .run("/server whitelist channel:general persona:Tomori")
        .await;
    assert_says(&told, "Tomori in <#");
    assert_eq!(say("other").await, "whitelist_persona");
    assert_eq!(say("general").await, "accepted");

    alice.run("/server limits messages:20 personas:1").await;
    let told = alice.run("/server limits").await;
    assert_says(&told, "up to 20 earlier messages, up to 1 personas");
    town.leave().await;
}

/// GUARD-6, GUARD-9.
#[tokio::test]
async fn e2e_guards_let_commands_rest_but_those_that_must_be_there() {
    let settings = [
        ("COMMAND_COOLDOWN_SCALE", "1"),
        ("DEFAULT_COMMAND_COOLDOWN", "600000"),
    ];
    let town = Town::start_with(2, &settings).await;
    let ping = async |user: &str| town.command(user, "Amber", "/tool ping").await;
    assert_says(&ping("bob").await, "Pong");
    for _ in 0..3 {
        assert_says(
            &ping("bob").await,
            "Not so fast: try this again in 10 minutes",
        );
    }
    assert_says(&ping("carol").await, "Pong");
    for _ in 0..3 {
        let told = town.command("bob", "Amber", "/bot kill").await;
        assert_says(&told, "Nothing of yours");
    }
    town.sql("UPDATE cooldowns SET expires_at = now()").await;
    assert_says(&ping("bob").await, "Pong");
    // A database that does not tell lets commands pass.
    town.sql("ALTER TABLE cooldowns RENAME TO away").await;
    assert_says(&ping("bob").await, "Pong");
    town.sql("ALTER TABLE away RENAME TO cooldowns").await;
    town.leave().await;
}

/// CMD-70, GUARD-44, GUARD-47.
#[tokio::test]
async fn e2e_guards_count_answers_that_somebody_saw() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let mut alice = Person::new(&town, "alice");
    let told = alice
        .run("/server quota set kind:text daily_user_quota:1")
        .await;
    assert_says(&told, "Each person: 1 in 24 hours.");
    let say = async |user: &str| {
        let said = say_in(&town, user, "general").await;
        code(&town, said).await
    };
    town.break_model(json!({"fault": 400, "times": 1})).await;
    assert_eq!(say("bob").await, "accepted");
    town.wait_for_row("SELECT 1 FROM quota_reservations WHERE refunded_at IS NOT NULL")
        .await;
    assert_eq!(say("bob").await, "accepted");
    assert_eq!(say("bob").await, "quota_user");
    assert_eq!(say("carol").await, "accepted");
    let told = alice
        .run("/server quota reset scope:user kind:text member:bob")
        .await;
    assert_says(&told, "Forgotten");
    let told = alice.run("/server quota set kind:text").await;
    assert_says(&told, "1 have had some of theirs, 1 all");
    assert_eq!(say("bob").await, "accepted");
    assert_eq!(say("carol").await, "quota_user");
    town.leave().await;
}
