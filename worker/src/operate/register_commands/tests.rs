use serde_json::json;

use super::*;

fn desired() -> Vec<Command> {
    catalogue::registrations(None)
}

/// The commands as Discord returns them: with ids, defaults written out, and other orders.
fn registered() -> Vec<Command> {
    let mut value = serde_json::to_value(desired()).unwrap();
    for command in value.as_array_mut().unwrap() {
        let command = command.as_object_mut().unwrap();
        command.insert("id".into(), json!("5"));
        command.insert("application_id".into(), json!("6"));
        command.insert("version".into(), json!("7"));
        command.insert("nsfw".into(), json!(false));
        command.insert("dm_permission".into(), json!(true));
        command.insert("contexts".into(), json!([1, 0]));
        command.insert("name_localizations".into(), json!(null));
        for option in command.get_mut("options").unwrap().as_array_mut().unwrap() {
            option
                .as_object_mut()
                .unwrap()
                .insert("required".into(), json!(false));
            let inner = option.as_object_mut().unwrap().entry("options");
            inner.or_insert(json!([]));
        }
    }
    serde_json::from_value(value).unwrap()
}

fn named<'a>(commands: &'a mut [Command], name: &str) -> &'a mut Command {
    let mut commands = commands.iter_mut();
    commands.find(|command| command.name == name).unwrap()
}

#[test]
fn what_discord_adds_by_itself_is_no_change() {
    let change = Change::between(registered(), desired());
    assert!(change.is_empty(), "{change:?}");
    assert_eq!(change.to_string(), "unchanged");
}

#[test]
fn a_first_registration_adds_everything() {
    let change = Change::between(Vec::new(), desired());
    assert_eq!(
        change.to_string(),
        "added /bot\nadded /mcp\nadded /memory\nadded /persona\nadded /personal\nadded /provider\nadded /server\nadded /setup\nadded /tool\nadded /why"
    );
}

#[test]
fn another_text_or_permission_is_a_change() {
    let mut commands = registered();
    named(&mut commands, "setup").default_member_permissions = None;
    named(&mut commands, "tool").options[0].description = "other".into();
    let change = Change::between(commands, desired());
    assert_eq!(change.to_string(), "changed /setup\nchanged /tool");
}

#[test]
fn what_we_do_not_know_is_removed() {
    let mut commands = registered();
    named(&mut commands, "setup").name = "old".into();
    let change = Change::between(commands, desired());
    assert_eq!(change.to_string(), "added /setup\nremoved /old");
}

#[test]
fn a_command_of_another_kind_is_another_command() {
    let mut commands = registered();
    named(&mut commands, "setup").kind = CommandType::User;
    let change = Change::between(commands, desired());
    assert_eq!(change.to_string(), "added /setup\nremoved setup");
}

/// CFG-21, CMD-80.
#[test]
fn a_guilds_commands_are_compared_without_what_only_global_ones_have() {
    let guild = GuildId(9);
    let mut value = serde_json::to_value(catalogue::registrations(Some(guild))).unwrap();
    for command in value.as_array_mut().unwrap() {
        let command = command.as_object_mut().unwrap();
        command.insert("guild_id".into(), json!("9"));
        command.insert("integration_types".into(), json!([0]));
        command.insert("contexts".into(), json!(null));
    }
    let registered = serde_json::from_value(value).unwrap();
    let change = Change::between(registered, catalogue::registrations(Some(guild)));
    assert!(change.is_empty(), "{change:?}");
}
