//! Files with memories and settings: made, sent, handed in again, and refused.

use proto::event::{Attachment, CommandOption, Interaction};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::panel::{assert_says, buttons, changed, filled, press_on};
use crate::setup::set_up;
use crate::world::{ALICE, GUILD, World, run};

/// Everything that files are about, as the tables have it.
const MEMORIES: &str = "SELECT jsonb_build_object(
    'own', (SELECT jsonb_agg(jsonb_build_array(persona_lineage_id, content) ORDER BY personal_memory_id)
            FROM personal_memories),
    'server', (SELECT jsonb_agg(jsonb_build_array(persona_lineage_id, content) ORDER BY server_memory_id)
               FROM server_memories))";
const SETTINGS: &str = "SELECT jsonb_agg((to_jsonb(m) || to_jsonb(c))
        - '{created_at,updated_at,row_version}'::text[])
    FROM server_model_configs m JOIN server_chat_configs c USING (server_id)";

fn option(name: &str, value: &str) -> CommandOption {
    CommandOption {
        name: name.to_owned(),
        value: value.to_owned(),
        ..CommandOption::default()
    }
}

fn with(path: &str, options: &[(&str, &str)]) -> Interaction {
    Interaction {
        options: options
            .iter()
            .map(|(name, value)| option(name, value))
            .collect(),
        ..run(path)
    }
}

/// A command with a file.
fn hand_in(world: &World, path: &str, file: &[u8], options: &[(&str, &str)]) -> Interaction {
    let mut command = with(path, options);
    command.options.push(CommandOption {
        file: Some(Attachment {
            url: world.fake.keep_file("file.json", file),
            size_bytes: u64::try_from(file.len()).unwrap(),
            ..Attachment::default()
        }),
        ..option("file", "1")
    });
    command
}

/// Runs a command that is answered later, and returns the answer.
async fn told(world: &mut World, command: Interaction) -> Value {
    let promise = world.answer_to(command).await;
    assert_eq!(promise, json!({"type": 5, "data": {"flags": 64}}));
    let edit = world.fake.next_call().await;
    assert_eq!(edit.kind, "edit");
    edit.body
}

/// Runs a command for an export; returns name and text of the file that comes directly.
async fn exported(world: &mut World, command: Interaction) -> (String, String) {
    let promise = world.answer_to(command).await;
    assert_eq!(promise, json!({"type": 5, "data": {"flags": 64}}));
    let message = world.fake.next_call().await;
    assert_eq!(
        (message.kind, message.token),
        ("message", ALICE.to_string())
    );
    let answer = world.fake.next_call().await;
    assert_eq!(answer.kind, "edit");
    assert_says(&answer.body, "look at our direct messages");
    let file = &message.body["files"][0];
    let bytes = serde_json::from_value(file["bytes"].clone()).unwrap();
    let name = file["name"].as_str().unwrap().to_owned();
    (name, String::from_utf8(bytes).unwrap())
}

/// Presses the button below a file that was shown.
fn take(shown: &Value) -> Interaction {
    let rows = shown["components"].to_string();
    let (_, url) = rows.split_once("\"url\":\"").unwrap();
    Interaction {
        link_url: url.split('"').next().unwrap().to_owned(),
        ..press_on(shown, "Import")
    }
}

fn own(memories: &Value) -> Vec<u8> {
    let file = json!({
        "version": "1.0", "type": "global_personal_memories",
        "data": {"personal_memories": memories},
    });
    file.to_string().into_bytes()
}

const YES: [(&str, &str); 1] = [("confirmation", "yes")];
const NO: [(&str, &str); 1] = [("confirmation", "no")];
const GLOBAL: [(&str, &str); 2] = [("target", "global"), ("confirmation", "yes")];

/// Adds memories of every kind by files.
async fn remember(world: &mut World) {
    for (scope, file_type, texts) in [
        (
            "global",
            "global_personal_memories",
            json!(["likes tea", "\"quotes\" and \\ ともり"]),
        ),
        (
            "persona",
            "personal_memories",
            json!(["of one persona", "and more"]),
        ),
    ] {
        let file = json!({
            "version": "1.0", "type": file_type, "data": {"personal_memories": texts},
        });
        let options = [("target", scope), ("confirmation", "yes")];
        let file = file.to_string().into_bytes();
        let command = hand_in(world, "memory personal import", &file, &options);
        assert_says(&told(world, command).await, "Memories added: 2.");
    }
    let servers = json!({
        "version": "1.0", "type": "server_memories", "data": {"server_memories": ["we meet"]},
    });
    let servers = servers.to_string().into_bytes();
    let command = hand_in(world, "memory server import", &servers, &YES);
    assert_says(&told(world, command).await, "Memories added: 1.");
}

/// PRIV-51c, CMD-41, CMD-46: what was exported brings back what was there, after a question.
#[tokio::test]
async fn memories_come_back_as_they_were() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    remember(&mut world).await;
    let before = world.read_json(MEMORIES).await;
    let scoped = |scope| with("memory personal export", &[("scope", scope)]);
    let global = exported(&mut world, scoped("global")).await;
    let of_one = exported(&mut world, scoped("persona")).await;
    let of_server = exported(&mut world, run("memory server export")).await;
    for ((name, _), begin) in [
        (&global, format!("tomori-global-personal-memories-{ALICE}-")),
        (&of_one, format!("tomori-personal-memories-Tomori-{ALICE}-")),
        (
            &of_server,
            format!("tomori-server-memories-Tomori-{GUILD}-"),
        ),
    ] {
        assert!(name.starts_with(&begin), "{name}");
    }
    world.run("DELETE FROM personal_memories").await;
    world.run("DELETE FROM server_memories").await;
    for (path, file, options) in [
        (
            "memory personal import",
            &global,
            vec![("target", "global")],
        ),
        (
            "memory personal import",
            &of_one,
            vec![("target", "persona")],
        ),
        ("memory server import", &of_server, vec![]),
    ] {
        let options = [options, NO.to_vec()].concat();
        let command = hand_in(&world, path, file.1.as_bytes(), &options);
        let shown = told(&mut world, command).await;
        assert_says(&shown, "**What this file would do:");
        assert_says(&shown, "would be added");
        assert_eq!(buttons(&shown), ["Import", "Look at the file"]);
        assert_says(&changed(&mut world, take(&shown)).await, "Memories added:");
        let again = changed(&mut world, take(&shown)).await;
        assert_says(&again, "so already");
    }
    assert_eq!(world.read_json(MEMORIES).await, before);
    world.remove().await;
}

/// PRIV-52, CMD-74, CMD-76: settings of a server go out, away, and come back.
#[tokio::test]
async fn settings_of_a_server_come_back_as_they_were() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    world
        .run(
            "UPDATE server_chat_configs SET humanizer_degree = 3, message_fetch_limit = 50,
                 system_prompt = 'Be brief.', tool_notice_hidden_keys = '{model_fallback}',
                 thread_creation_enabled = true, personal_memories_enabled = false",
        )
        .await;
    world
        .run("UPDATE server_model_configs SET llm_temperature = 0.7, llm_max_output_tokens = 512")
        .await;
    let before = world.read_json(SETTINGS).await;
    let (name, file) = exported(&mut world, run("server config export")).await;
    assert!(
        name.starts_with(&format!("tomori-server-config-{GUILD}-")),
        "{name}"
    );
    for secret in ["sk-", "api_key", "\"model\"", "channel", "webhook"] {
        assert!(!file.contains(secret), "{secret}: {file}");
    }
    let kept = world.answer_to(with("server config remove", &NO)).await;
    assert_says(&kept["data"], "Nothing was changed.");
    assert_eq!(world.read_json(SETTINGS).await, before);
    let reset = told(&mut world, with("server config remove", &YES)).await;
    assert_says(&reset, "8 settings changed");
    assert_ne!(world.read_json(SETTINGS).await, before);

    let command = hand_in(&world, "server config import", file.as_bytes(), &NO);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "8 settings would change.");
    assert_says(&shown, "`llm_temperature`: `1.0` → `0.7`");
    assert_says(&shown, "… and 3 more.");
    let mut lost = take(&shown);
    lost.member_permissions = 0;
    assert_says(&world.answer_to(lost).await["data"], "Manage Server");
    let done = changed(&mut world, take(&shown)).await;
    assert_says(&done, "8 settings changed.");
    assert_eq!(world.read_json(SETTINGS).await, before);
    world.remove().await;
}

/// PRIV-57, CMD-75: what a file does not name stays, and what means nothing here is told.
#[tokio::test]
async fn a_file_changes_what_it_names() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let some = json!({
        "version": "1.0", "type": "server_config", "extra": 1,
        "data": {"config": {"humanizer_degree": 0, "llm_top_p": 0.5}},
    });
    let command = hand_in(
        &world,
        "server config import",
        some.to_string().as_bytes(),
        &YES,
    );
    let done = told(&mut world, command).await;
    assert_says(&done, "1 setting changed.");
    assert_says(
        &done,
        "Passed over, because it means nothing here: `extra`, `llm_top_p`.",
    );
    world.remove().await;
}

/// PRIV-61, CMD-32, CMD-34: what a person has set goes out, away, and comes back.
#[tokio::test]
async fn settings_of_a_person_come_back_as_they_were() {
    const USERS: &str = "SELECT jsonb_agg(to_jsonb(u)
        - '{created_at,updated_at,row_version}'::text[]) FROM users u";
    let mut world = World::start().await;
    let form = world.answer_to(run("personal settings")).await;
    let refused = world.answer_to(filled(&form, &[("nickname", "x")])).await;
    assert_says(&refused["data"], "A nickname has 2 to 32 characters");
    let saved = told(&mut world, filled(&form, &[("nickname", "Al ともり")])).await;
    assert_says(&saved, "what personas call you");
    let before = world.read_json(USERS).await;
    let (name, file) = exported(&mut world, run("personal config export")).await;
    assert!(
        name.starts_with(&format!("tomori-personal-settings-{ALICE}-")),
        "{name}"
    );
    let yes = [("confirmation", "yes")];
    let reset = told(&mut world, with("personal config remove", &yes)).await;
    assert_says(&reset, "privacy level, memories and keys stay");
    assert_ne!(world.read_json(USERS).await, before);

    let command = hand_in(&world, "personal config import", file.as_bytes(), &[]);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "`user_nickname`: `null` → `\"Al ともり\"`");
    assert_says(
        &changed(&mut world, take(&shown)).await,
        "1 setting changed.",
    );
    assert_eq!(world.read_json(USERS).await, before);

    world.run("UPDATE users SET privacy_level = 2").await;
    let other = file.replace("Al ともり", "Bo");
    let command = hand_in(&world, "personal config import", other.as_bytes(), &[]);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "A file cannot lower it");
    let refused = changed(&mut world, take(&shown)).await;
    assert_says(&refused, "nothing was saved");
    let wrong = file.replace("Al ともり", "Al\\nBo");
    let command = hand_in(&world, "personal config import", wrong.as_bytes(), &[]);
    let refused = told(&mut world, command).await;
    assert_says(&refused, "`user_nickname` has a value that it cannot have");
    world.remove().await;
}

/// PRIV-58, CMD-33: a file lowers no level that rises while it is taken in, and is not taken in by half.
#[tokio::test]
async fn a_level_that_rises_elsewhere_meanwhile_stays() {
    let mut world = World::start().await;
    let mut other = world.connection().await;
    sqlx::query("INSERT INTO users (user_disc_id) VALUES ($1)")
        .bind(ALICE.to_string())
        .execute(&mut other)
        .await
        .unwrap();
    let file = json!({
        "version": "1.0", "type": "personal_settings",
        "data": {"user_nickname": "Al", "privacy_level": 1},
    });
    let file = file.to_string().into_bytes();
    let command = hand_in(&world, "personal config import", &file, &[]);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "2 settings would change.");

    let mut elsewhere = other.begin().await.unwrap();
    sqlx::query("UPDATE users SET privacy_level = 2")
        .execute(&mut *elsewhere)
        .await
        .unwrap();
    let promise = world.answer_to(take(&shown)).await;
    assert_eq!(promise, json!({"type": 6}));
    world.somebody_waits().await;
    elsewhere.commit().await.unwrap();
    let refused = world.fake.next_call().await.body;
    assert_says(&refused, "Nothing was changed.");
    let kept = world
        .read_json("SELECT jsonb_build_array(privacy_level, user_nickname) FROM users")
        .await;
    assert_eq!(kept, json!([2, null]));
    world.remove().await;
}

/// PRIV-57, CMD-42: refused as a whole, with what is wrong; nothing is changed.
#[tokio::test]
async fn a_file_that_is_not_right_changes_nothing() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let command = hand_in(
        &world,
        "memory personal import",
        &own(&json!(["kept"])),
        &GLOBAL,
    );
    assert_says(&told(&mut world, command).await, "Memories added: 1.");
    let before = world.read_json(MEMORIES).await;
    let good = String::from_utf8(own(&json!(["new"]))).unwrap();
    let changed = |from, to| good.replace(from, to).into_bytes();
    let foreign = changed("\"version\"", "\"owner\":\"1\",\"version\"");
    let cases: [(&[u8], &str); 11] = [
        (b"\xff\xfe{}", "no JSON in UTF-8"),
        (b"{\"version\": \"\xff\"}", "no JSON in UTF-8"),
        (b"", "no JSON in UTF-8"),
        (
            b"{\"version\": \"1.0\"",
            "no JSON from line 1, column 17 on",
        ),
        (
            &changed("1.0", "3.0"),
            "another version; I read version 1.0",
        ),
        (
            &changed("global_personal_memories", "personal_settings"),
            "`/personal config import` takes",
        ),
        (
            &changed("global_personal_memories", "x"),
            "of a type that I do not know",
        ),
        (&foreign, "made for somebody else"),
        (&own(&json!(["new", ""])), "Memory 2 of the file is empty"),
        (
            &own(&json!(["new", "ö".repeat(1_001)])),
            "at most 1000 characters",
        ),
        (
            &own(&vec!["new"; 10_000].into()),
            "There are 10000 memories in this file",
        ),
    ];
    for (file, why) in cases {
        let command = hand_in(&world, "memory personal import", file, &GLOBAL);
        let refused = told(&mut world, command).await;
        assert_says(&refused, why);
        assert_says(&refused, "Nothing was changed.");
    }
    assert_eq!(world.read_json(MEMORIES).await, before);
    world.remove().await;
}

/// NET-24, PRIV-56: whatever Discord says of its size beforehand.
#[tokio::test]
async fn a_file_that_is_too_large_is_not_read() {
    let mut world = World::start().await;
    let good = String::from_utf8(own(&json!(["new"]))).unwrap();
    let mut large = hand_in(&world, "memory personal import", good.as_bytes(), &GLOBAL);
    large.options[2].file.as_mut().unwrap().size_bytes = 2 * 1024 * 1024 + 1;
    assert_says(&told(&mut world, large).await, "larger than 2 MiB");
    // Its server says nothing of its size beforehand.
    let longer = format!("{good}{}", " ".repeat(2 * 1024 * 1024));
    let mut longer = hand_in(&world, "memory personal import", longer.as_bytes(), &GLOBAL);
    longer.options[2].file.as_mut().unwrap().size_bytes = 10;
    assert_says(&told(&mut world, longer).await, "larger than");
    let kept = world
        .read_i32("SELECT count(*)::int FROM personal_memories")
        .await;
    assert_eq!(kept, Some(0));
    world.remove().await;
}

/// PRIV-57, CMD-75: one value out of its range refuses all, and is named.
#[tokio::test]
async fn a_setting_out_of_range_changes_nothing() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let settings = world.read_json(SETTINGS).await;
    let wrong = json!({
        "version": "1.0", "type": "server_config",
        "data": {"config": {"thread_creation_enabled": true, "humanizer_degree": 4}},
    });
    let command = hand_in(
        &world,
        "server config import",
        wrong.to_string().as_bytes(),
        &YES,
    );
    let refused = told(&mut world, command).await;
    assert_says(
        &refused,
        "`humanizer_degree` has a value that it cannot have: it is a whole number from 0 to 3",
    );
    assert_eq!(world.read_json(SETTINGS).await, settings);
    world.remove().await;
}

/// The file that is taken in is the one that was shown, and comes from where files of Discord are.
#[tokio::test]
async fn another_file_than_was_shown_is_not_taken() {
    let mut world = World::start().await;
    let no = [("target", "global"), ("confirmation", "no")];
    let command = hand_in(&world, "memory personal import", &own(&json!(["a"])), &no);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "• a");
    let other = world.fake.keep_file("other.json", &own(&json!(["b"])));
    for (url, why) in [
        (&*other, "not the file that was shown"),
        (
            "http://127.0.0.1:1/files/file.json",
            "did not hand me the file out",
        ),
        ("https://10.0.0.1/file.json", "did not hand me the file out"),
        ("", "did not hand me the file out"),
    ] {
        let mut pressed = take(&shown);
        url.clone_into(&mut pressed.link_url);
        assert_says(&changed(&mut world, pressed).await, why);
    }
    let mut foreign = take(&shown);
    foreign.user_id = ALICE + 1;
    let answer = world.answer_to(foreign).await;
    assert_says(&answer["data"], "belongs to somebody else");
    let kept = world
        .read_i32("SELECT count(*)::int FROM personal_memories")
        .await;
    assert_eq!(kept, Some(0));
    world.remove().await;
}

/// PRIV-37, GUARD-39b, CMD-47: who may not, and how often.
#[tokio::test]
async fn who_may_not_take_anything_in_is_told() {
    let mut world = World::start_with(|worker| {
        worker.env("MAX_IMPORT_OPERATIONS_PER_DAY", "5");
        worker.env("MAX_PERSONAL_MEMORIES", "2");
    })
    .await;
    let file = own(&json!(["a", "b", "a", "c"]));
    let mut member = hand_in(
        &world,
        "memory server import",
        &file,
        &[("confirmation", "yes")],
    );
    member.member_permissions = 0;
    assert_says(&world.answer_to(member).await["data"], "Manage Server");
    let command = hand_in(&world, "memory personal import", &file, &GLOBAL);
    let done = told(&mut world, command).await;
    assert_says(
        &done,
        "Memories added: 2. Known already: 1. Without room: 1; there can be 2.",
    );

    world.run("DELETE FROM personal_memories").await;
    world.run("UPDATE users SET privacy_level = 2").await;
    let command = hand_in(&world, "memory personal import", &file, &GLOBAL);
    assert_says(&told(&mut world, command).await, "nothing was saved");
    let lower = json!({
        "version": "1.0", "type": "personal_settings", "data": {"privacy_level": 0},
    });
    let lower = lower.to_string().into_bytes();
    let command = hand_in(&world, "personal config import", &lower, &[]);
    assert_says(&told(&mut world, command).await, "A file cannot lower it");
    let level = world.read_i32("SELECT privacy_level::int FROM users").await;
    assert_eq!(level, Some(2));

    world.run("UPDATE users SET privacy_level = 0").await;
    let higher = String::from_utf8(lower).unwrap();
    let higher = higher.replace(":0}", ":1,\"user_nickname\":\"Al\"}");
    let command = hand_in(&world, "personal config import", higher.as_bytes(), &[]);
    let shown = told(&mut world, command).await;
    assert_says(&shown, "`privacy_level`: `0` → `1`");
    let done = changed(&mut world, take(&shown)).await;
    assert_says(&done, "✔ 2 settings changed.\nSaved");
    let level = world.read_i32("SELECT privacy_level::int FROM users").await;
    assert_eq!(level, Some(1));
    let (_, settings) = exported(&mut world, run("personal config export")).await;
    assert!(settings.contains("\"privacy_level\": 1"), "{settings}");

    let command = hand_in(&world, "memory personal import", &file, &GLOBAL);
    assert_says(
        &told(&mut world, command).await,
        "as many files as one person may",
    );
    // The button counts as well: it reads the file once more.
    let again = changed(&mut world, take(&shown)).await;
    assert_says(&again, "as many files as one person may");
    let kept = world
        .read_i32("SELECT count(*)::int FROM personal_memories")
        .await;
    assert_eq!(kept, Some(0));
    world.remove().await;
}

/// PRIV-48: nothing goes anywhere else.
#[tokio::test]
async fn who_takes_no_direct_messages_is_told_how_to() {
    let mut world = World::start().await;
    world.fake.close(&ALICE.to_string(), 403, 50_007);
    let command = with("memory personal export", &[("scope", "global")]);
    let answer = told(&mut world, command).await;
    assert_says(&answer, "*Privacy Settings*");
    assert!(answer.get("files").is_none() && answer.get("attachments").is_none());
    world.remove().await;
}
