//! What Discord is told of the commands.

use super::*;

/// All options of a command, those of its groups and subcommands included.
fn all_options(options: &[CommandOption]) -> Vec<&CommandOption> {
    let mut all: Vec<&CommandOption> = options.iter().collect();
    for option in options {
        all.extend(all_options(option.options.as_deref().unwrap_or_default()));
    }
    all
}

/// The paths that can be run.
fn paths(before: &str, options: &[CommandOption]) -> Vec<String> {
    let nesting = |option: &&CommandOption| {
        matches!(
            option.kind,
            CommandOptionType::SubCommand | CommandOptionType::SubCommandGroup
        )
    };
    let inner: Vec<String> = options
        .iter()
        .filter(nesting)
        .flat_map(|option| {
            let path = format!("{before} {}", option.name);
            paths(&path, option.options.as_deref().unwrap_or_default())
        })
        .collect();
    if inner.is_empty() {
        vec![before.to_owned()]
    } else {
        inner
    }
}

/// CMD-3, CMD-80.
#[test]
fn every_registered_path_is_answered_and_every_command_registered() {
    let commands = registrations(None);
    let registered: Vec<String> = commands
        .iter()
        .flat_map(|command| paths(&command.name, &command.options))
        .collect();
    for path in &registered {
        assert!(find(path).is_some(), "{path}");
    }
    for entry in all() {
        assert!(registered.iter().any(|path| path == entry.path));
    }
    assert_eq!(registered.len(), all().count());
}

/// CMD-9, SEC-23: what is typed into an option stands in Discord's history of commands.
#[test]
fn no_option_takes_a_secret() {
    for command in registrations(None) {
        for option in all_options(&command.options) {
            let parts: Vec<&str> = option.name.split(['-', '_']).collect();
            for secret in ["key", "token", "password", "secret"] {
                let takes_it = option.kind == CommandOptionType::String && parts.contains(&secret);
                assert!(!takes_it, "{}: {}", command.name, option.name);
            }
        }
    }
}

#[test]
fn registrations_keep_discords_limits() {
    for command in registrations(None) {
        let described = |text: &str| (1..=100).contains(&text.chars().count());
        assert!(described(&command.description), "{}", command.name);
        assert!(command.options.len() <= 25);
        for option in all_options(&command.options) {
            assert!(described(&option.description), "{}", option.name);
            let options = option.options.as_deref().unwrap_or_default();
            assert!(options.len() <= 25);
            let required = options
                .iter()
                .map(|option| option.required.unwrap_or_default());
            assert!(required.is_sorted_by(|one, next| one >= next));
        }
    }
}

/// CMD-6.
#[test]
fn only_what_manages_the_server_is_hidden_from_members_without_the_permission() {
    let hidden: Vec<String> = registrations(None)
        .into_iter()
        .filter(|command| command.default_member_permissions.is_some())
        .map(|command| command.name)
        .collect();
    assert_eq!(hidden, ["mcp", "provider", "server", "setup"]);
}

#[test]
fn a_guilds_commands_do_not_say_where_they_may_be_used() {
    let commands = registrations(Some(GuildId(1)));
    assert!(commands.iter().all(|command| command.contexts.is_none()));
}

#[test]
fn unknown_paths_are_not_found() {
    assert!(find("").is_none() && find("tool").is_none() && find("setup x").is_none());
}
