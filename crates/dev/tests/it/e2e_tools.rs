//! Tools that a reply uses: behind their gate, and none twice, whoever dies.

use dev::control::Name;
use dev::part::Part;
use serde_json::{Value, json};

use crate::town::{Answer, Town, Trigger, assert_each_answered_once};

const WORKER: Part = Part::Worker(1);

/// The permission to start public threads, as Discord numbers it.
const PUBLIC_THREADS: u64 = 1 << 35;

/// Asks for a thread of this name, with words before and after it.
const ASKED: &str = r#"create_thread with {"name": "tea"} say exactly: one (tools) two"#;

async fn start_with(settings: &[(&str, &str)]) -> Town {
    let town = Town::start_with(1, settings).await;
    town.set_up("Amber").await;
    town.sql(
        "INSERT INTO server_chat_configs (server_id, thread_creation_enabled)
         SELECT server_id, true FROM servers
         ON CONFLICT (server_id) DO UPDATE SET thread_creation_enabled = true",
    )
    .await;
    town
}

async fn start() -> Town {
    start_with(&[]).await
}

/// Blocks who wrote the message before the last for some hours.
const BLOCK: &str = r#"block_user with {"user": "ref_2", "hours": 5, "kind": "block", "reason": "rude"} say exactly: (tools) done"#;

/// What bob says, and who then asks the bot to block him.
async fn ask_for_a_block(town: &Town, victim: &str) -> Answer {
    town.mutter(victim, "Amber", "something rude").await;
    let asked = town.say("carol", "Amber", BLOCK).await;
    answer(town, asked).await
}

async fn ask(town: &Town, text: &str) -> Trigger {
    town.say("bob", "Amber", text).await
}

async fn answer(town: &Town, trigger: Trigger) -> Answer {
    town.answers(vec![trigger]).await.remove(0)
}

fn steps(answer: &Answer) -> Vec<(&str, &str)> {
    let steps = answer.record["turns"][0]["steps"].as_array().unwrap();
    let text = |step: &Value, name: &str| step[name].as_str().map(str::to_owned).unwrap().leak();
    let pair = |step| (&*text(step, "tool"), &*text(step, "state"));
    steps.iter().map(pair).collect()
}

/// The posts that are the reply, without Discord's notes of threads.
async fn texts(town: &Town, answer: &Answer) -> Vec<String> {
    let mut texts = Vec::new();
    for post in answer.posts() {
        texts.push(town.text(&post).await);
    }
    texts
}

/// The names of the threads that were started in a channel since a message.
async fn threads(town: &Town, trigger: &Trigger) -> Vec<String> {
    let messages = town.messages(trigger).await;
    let notes = messages.iter().filter(|message| message["type"] == 18);
    notes
        .map(|note| note["content"].as_str().unwrap().to_owned())
        .collect()
}

/// Lets the next attempts to start a thread go wrong.
async fn break_threads(town: &Town, mut fault: Value) {
    fault["route"] = json!("POST /channels/{channel}/threads");
    town.tell("faults", &fault).await;
}

#[tokio::test]
async fn a_tool_is_used_between_the_words_of_a_reply() {
    let town = start().await;
    let asked = ask(&town, ASKED).await;
    let answer = answer(&town, asked).await;
    assert_eq!(texts(&town, &answer).await, ["one", "two"]);
    assert_eq!(threads(&town, &answer.trigger).await, ["tea"]);
    assert_eq!(steps(&answer), [("create_thread", "finished")]);
    assert_each_answered_once(&[answer], &town.posts().await);
    let question = town.last_question().await;
    assert!(question.contains("Its handle is channel_1"), "{question}");
    town.leave().await;
}

/// CHAT-96: words are not held until the arguments of a tool are written, in which this model breaks off.
#[tokio::test]
async fn what_is_said_before_a_tool_is_posted_before_its_arguments_are_whole() {
    let town = start().await;
    let name = "tea and biscuits and ".repeat(4);
    let asked = format!(
        r#"fault: cut-off create_thread with {{"name": "{name}"}} say exactly: one (tools) two"#
    );
    let asked = ask(&town, &asked).await;
    let answer = answer(&town, asked).await;
    let texts = texts(&town, &answer).await;
    assert_eq!(texts.first().map(String::as_str), Some("one"), "{texts:?}");
    assert_eq!(threads(&town, &answer.trigger).await, Vec::<String>::new());
    town.leave().await;
}

#[tokio::test]
async fn an_act_without_words_is_an_answer() {
    let town = start().await;
    let asked = ask(
        &town,
        r#"interact_with_recent_message with {"message": "ref_1", "reaction": "👍"} say exactly: (tools)"#,
    )
    .await;
    let answer = answer(&town, asked).await;
    assert_eq!(answer.record["turns"][0]["state"], "done");
    assert_eq!(answer.posts(), Vec::<String>::new());
    let asked = town.message(&answer.trigger.id).await;
    let reaction = &asked["reactions"][0];
    assert_eq!(
        (&reaction["emoji"]["name"], &reaction["me"]),
        (&json!("👍"), &json!(true))
    );
    town.leave().await;
}

#[tokio::test]
async fn a_reply_to_one_message_is_posted_once_although_its_answer_is_lost() {
    let town = start().await;
    town.break_posting(json!({"status": 502, "after": true, "times": 1}))
        .await;
    let asked = ask(
        &town,
        r#"interact_with_recent_message with {"message": "ref_1", "reply": "indeed @everyone"}"#,
    )
    .await;
    let answer = answer(&town, asked).await;
    assert_eq!(
        steps(&answer),
        [("interact_with_recent_message", "finished")]
    );
    let messages = town.messages(&answer.trigger).await;
    let replies = messages
        .iter()
        .filter(|message| message["content"].as_str().unwrap().starts_with("indeed"));
    let replies: Vec<_> = replies.collect();
    assert_eq!(replies.len(), 1, "{messages:?}");
    assert_eq!(
        replies[0]["message_reference"]["message_id"],
        answer.trigger.id.as_str()
    );
    assert_eq!(replies[0]["content"], "indeed @\u{200b}everyone");
    town.leave().await;
}

/// CHAT-86: nothing is done for somebody who may not do it.
#[tokio::test]
async fn what_the_caller_may_not_do_is_not_done() {
    let town = start().await;
    let place = json!({"user": "bob", "server": "Amber", "channel": "general"});
    let mut rights = place.clone();
    rights["deny_everybody"] = json!(PUBLIC_THREADS.to_string());
    rights["allow"] = json!(PUBLIC_THREADS.to_string());
    town.tell("rights", &rights).await;
    let asked = ask(&town, ASKED).await;
    let answer = answer(&town, asked).await;
    assert_eq!(texts(&town, &answer).await, ["one", "two"]);
    assert_eq!(threads(&town, &answer.trigger).await, Vec::<String>::new());
    assert_eq!(steps(&answer), []);
    let question = town.last_question().await;
    assert!(
        question.contains("may not do this in this channel"),
        "{question}"
    );
    town.leave().await;
}

#[tokio::test]
async fn a_tool_that_is_switched_off_is_not_offered() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let asked = ask(&town, ASKED).await;
    let answer = answer(&town, asked).await;
    assert_eq!(steps(&answer), []);
    assert_eq!(threads(&town, &answer.trigger).await, Vec::<String>::new());
    town.leave().await;
}

/// CHAT-109.
#[tokio::test]
async fn a_model_that_refuses_tools_is_asked_without_them_and_remembered() {
    let town = start().await;
    town.sql(
        r#"UPDATE server_model_configs
           SET text_model = '{"provider": "openai", "model": "sandbox-chat-plain"}'"#,
    )
    .await;
    for (text, refused) in [("say exactly: one", 1), ("say exactly: two", 1)] {
        let asked = ask(&town, text).await;
        let answer = answer(&town, asked).await;
        assert_eq!(answer.record["turns"][0]["state"], "done");
        assert_eq!(town.stats().await["model"]["refused"], refused);
    }
    town.leave().await;
}

/// CHAT-51: while a tool is used, what its user says next only waits.
#[tokio::test]
async fn a_follow_up_waits_for_the_tool() {
    let town = start().await;
    break_threads(&town, json!({"delay_ms": 3_000, "times": 1})).await;
    let first = ask(&town, ASKED).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'tool'")
        .await;
    let second = ask(&town, "say exactly: next").await;
    let answers = town.answers(vec![first, second]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(texts(&town, &answers[0]).await, ["one", "two"]);
    town.leave().await;
}

/// CHAT-91: what is on its way is finished, and nothing comes after it.
#[tokio::test]
async fn a_stop_while_a_tool_is_used_ends_the_reply_behind_it() {
    let town = start().await;
    break_threads(&town, json!({"delay_ms": 2_000, "times": 1})).await;
    let asked = ask(&town, ASKED).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'tool'")
        .await;
    town.command("bob", "Amber", "/bot kill").await;
    let answer = answer(&town, asked).await;
    assert_eq!(answer.record["turns"][0]["state"], "stopped");
    assert_eq!(texts(&town, &answer).await, ["one"]);
    assert_eq!(threads(&town, &answer.trigger).await.len(), 1);
    assert_eq!(steps(&answer), [("create_thread", "finished")]);
    town.leave().await;
}

/// Waits for the end of a reply whose worker died, which must be whole, with one thread or none.
async fn continued(town: &Town, trigger: Trigger, step: &str) -> Answer {
    town.restart(WORKER).await;
    let answer = answer(town, trigger).await;
    assert_eq!(texts(town, &answer).await, ["one", "two"]);
    assert_eq!(steps(&answer), [("create_thread", step)]);
    assert_each_answered_once(std::slice::from_ref(&answer), &town.posts().await);
    answer
}

/// CHAT-47: the request was out, and its answer had not come.
#[tokio::test]
async fn a_tool_whose_worker_dies_before_the_answer_is_not_used_again() {
    for is_after in [true, false] {
        let town = start().await;
        break_threads(
            &town,
            json!({"delay_ms": 20_000, "after": is_after, "times": 1}),
        )
        .await;
        let asked = ask(&town, ASKED).await;
        town.wait_for_row("SELECT 1 FROM turn_steps WHERE state = 'started'")
            .await;
        if is_after {
            town.wait_for_text(&asked, "tea").await;
        }
        town.signal(WORKER, Name::Kill).await;
        let answer = continued(&town, asked, "started").await;
        assert!(threads(&town, &answer.trigger).await.len() <= 1);
        let question = town.last_question().await;
        assert!(question.contains("Outcome unknown"), "{question}");
        town.leave().await;
    }
}

#[tokio::test]
async fn a_tool_whose_worker_dies_after_the_answer_is_not_used_again() {
    let town = start().await;
    // What came of it meets a database that is away.
    town.sql(
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$;
         CREATE TRIGGER away BEFORE UPDATE ON turn_steps FOR EACH ROW
         WHEN (NEW.state = 'finished') EXECUTE FUNCTION away()",
    )
    .await;
    let asked = ask(&town, ASKED).await;
    town.wait_for_text(&asked, "tea").await;
    town.signal(WORKER, Name::Kill).await;
    town.sql("DROP TRIGGER away ON turn_steps").await;
    let answer = continued(&town, asked, "started").await;
    assert_eq!(threads(&town, &answer.trigger).await, ["tea"]);
    town.leave().await;
}

#[tokio::test]
async fn a_tool_whose_worker_dies_while_the_model_goes_on_is_told_and_not_used_again() {
    let town = start().await;
    break_threads(&town, json!({"delay_ms": 2_000, "times": 1})).await;
    let asked = ask(&town, ASKED).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'tool'")
        .await;
    town.break_model(json!({"fault": "slow-start", "wait_ms": 20_000, "times": 1}))
        .await;
    town.wait_for_row("SELECT 1 FROM turn_steps WHERE state = 'finished'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    let answer = continued(&town, asked, "finished").await;
    assert_eq!(threads(&town, &answer.trigger).await, ["tea"]);
    let question = town.last_question().await;
    assert!(question.contains("Done: the thread is there"), "{question}");
    town.leave().await;
}

/// PRIV-43: a use of a tool is a beginning, although nobody knows what came of it.
#[tokio::test]
async fn a_reply_that_began_with_a_tool_is_finished_although_its_asker_was_muted_meanwhile() {
    let town = start().await;
    break_threads(&town, json!({"delay_ms": 20_000, "times": 1})).await;
    let text = r#"create_thread with {"name": "tea"} say exactly: (tools) two"#;
    let asked = ask(&town, text).await;
    town.wait_for_row("SELECT 1 FROM turn_steps WHERE state = 'started'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    town.sql(
        "INSERT INTO persona_user_blocks (server_id, persona_id, user_disc_id, block_type, reason,
                                          expires_at, created_by)
         SELECT server_id, persona_id, responsible_disc_id, 'mute', 'a',
                now() + interval '1 hour', 'moderator'
         FROM turns",
    )
    .await;
    town.restart(WORKER).await;
    let answer = answer(&town, asked).await;
    assert_eq!(texts(&town, &answer).await, ["two"]);
    town.leave().await;
}

#[tokio::test]
async fn words_after_a_tool_are_continued_where_they_stopped() {
    let town = start().await;
    let words: Vec<String> = (0..6)
        .map(|n| format!("part {n} {}", "of it ".repeat(12)))
        .collect();
    let words = words.join("\n\n");
    town.speak_slowly(60).await;
    let text = format!(r#"create_thread with {{"name": "tea"}} say exactly: one (tools) {words}"#);
    let asked = ask(&town, &text).await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE ordinal = 2 AND state = 'sent'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    town.restart(WORKER).await;
    let answer = answer(&town, asked).await;
    let texts = texts(&town, &answer).await;
    let all = format!("one {words}");
    let said = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said(&texts.join(" ")),
        said(&all),
        "nothing is missing or said twice"
    );
    assert_eq!(threads(&town, &answer.trigger).await, ["tea"]);
    assert_each_answered_once(&[answer], &town.posts().await);
    town.leave().await;
}

/// PRIV-42, PRIV-43: from its own doing to its own undoing, for the very next message.
#[tokio::test]
async fn who_was_blocked_by_a_persona_is_not_answered_until_it_undoes_it() {
    let town = start().await;
    let blocked = ask_for_a_block(&town, "bob").await;
    assert_eq!(steps(&blocked), [("block_user", "finished")]);
    assert_eq!(texts(&town, &blocked).await, ["done"]);
    let ignored = ask(&town, "hello").await;
    assert_eq!(answer(&town, ignored).await.record["code"], "persona_block");
    let asked = town.say("alice", "Amber", "hello").await;
    answer(&town, asked).await;
    let question = town.last_question().await;
    assert!(!question.contains("something rude"), "{question}");
    assert!(
        question.contains("user_1 is bob (block, another 5 hours)"),
        "{question}"
    );
    let unblock = r#"unblock_user with {"user": "user_1"} say exactly: (tools) done"#;
    let asked = town.say("alice", "Amber", unblock).await;
    let undone = answer(&town, asked).await;
    assert_eq!(steps(&undone), [("unblock_user", "finished")]);
    let heard = ask(&town, "say exactly: hello bob").await;
    let heard = answer(&town, heard).await;
    assert_eq!(texts(&town, &heard).await, ["hello bob"]);
    town.leave().await;
}

/// PRIV-42: neither who manages the server, its owner included, nor the bot itself.
#[tokio::test]
async fn who_manages_the_server_is_not_blocked_by_a_persona() {
    let town = start().await;
    let refused = ask_for_a_block(&town, "alice").await;
    assert_eq!(steps(&refused), []);
    let question = town.last_question().await;
    assert!(
        question.contains("cannot be muted or blocked by you"),
        "{question}"
    );
    // What a moderator ordered stays.
    let order = "/persona block persona:Tomori member:bob type:mute hours:100";
    town.command("alice", "Amber", order).await;
    let kept = ask_for_a_block(&town, "bob").await;
    assert_eq!(steps(&kept), [("block_user", "finished")]);
    let question = town.last_question().await;
    assert!(question.contains("only moderators change"), "{question}");
    let stored = town
        .sql("SELECT block_type || ' ' || created_by FROM persona_user_blocks")
        .await;
    assert_eq!(stored.trim(), "mute moderator");
    town.leave().await;
}

/// CHAT-47: what was begun is not done again by whoever takes over.
#[tokio::test]
async fn a_block_whose_worker_dies_is_not_set_twice() {
    let town = start().await;
    town.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON persona_user_blocks FOR EACH ROW
         EXECUTE FUNCTION slow()",
    )
    .await;
    town.mutter("bob", "Amber", "something rude").await;
    let asked = town.say("carol", "Amber", BLOCK).await;
    town.wait_for_row("SELECT 1 FROM turn_steps WHERE state = 'started'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    town.sql("DROP TRIGGER slow ON persona_user_blocks").await;
    town.restart(WORKER).await;
    let answer = answer(&town, asked).await;
    assert_eq!(steps(&answer), [("block_user", "started")]);
    assert_eq!(texts(&town, &answer).await, ["done"]);
    let question = town.last_question().await;
    assert!(question.contains("Outcome unknown"), "{question}");
    town.leave().await;
}
