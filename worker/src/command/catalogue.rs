//! The table of commands: the one source of what is registered and of what is answered (CMD-80).

use proto::id::GuildId;
use twilight_model::application::command::{
    Command as Registration, CommandOption, CommandOptionType, CommandType,
};
use twilight_model::application::interaction::InteractionContextType;
use twilight_model::guild::Permissions;
use twilight_model::id::Id;
use twilight_model::oauth::ApplicationIntegrationType;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// CMD-21.
    Respond,
    /// CMD-22.
    Kill,
    /// CMD-31.
    PersonalProvider,
    /// CMD-58.
    ProviderKeys,
    /// CMD-62.
    ProviderServices,
    /// CMD-29.
    Privacy,
    /// CMD-17.
    Setup,
    /// CMD-27.
    Ping,
}

/// What a person must be allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// To manage the server.
    ManageGuild,
}

/// One command that can be run.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Name, or group and name joined by one space.
    path: &'static str,
    /// Shown in the client's list; at most 100 characters.
    description: &'static str,
    /// Who may run it.
    pub(crate) needs: Needs,
    /// What it does.
    pub(crate) command: Command,
    /// What can be typed; none of it is required.
    texts: &'static [Text],
}

/// A text that can be typed into a command.
#[derive(Debug)]
struct Text {
    /// 1 to 32 lower-case characters.
    name: &'static str,
    /// Shown in the client's list; at most 100 characters.
    description: &'static str,
    /// Most characters.
    longest: u16,
}

/// Every command, by path; commands of one group stand together.
const ENTRIES: [Entry; 8] = [
    Entry {
        path: "bot kill",
        description: "End my replies here at once: yours, or all if you may manage messages",
        needs: Needs::Nothing,
        command: Command::Kill,
        texts: &[],
    },
    Entry {
        path: "bot respond",
        description: "Let me say something here, now",
        needs: Needs::Nothing,
        command: Command::Respond,
        texts: &[
            Text {
                name: "prompt",
                description: "What I shall answer; everybody sees it",
                longest: 2_000,
            },
            Text {
                name: "persona",
                description: "Who shall answer; the main persona unless you say",
                longest: 80,
            },
        ],
    },
    Entry {
        path: "personal privacy",
        description: "Choose what I may use of you, everywhere",
        needs: Needs::Nothing,
        command: Command::Privacy,
        texts: &[],
    },
    Entry {
        path: "personal provider",
        description: "Talk to me with a key and a model of your own",
        needs: Needs::Nothing,
        command: Command::PersonalProvider,
        texts: &[],
    },
    Entry {
        path: "provider keys",
        description: "See and manage the provider keys of this server",
        needs: Needs::ManageGuild,
        command: Command::ProviderKeys,
        texts: &[],
    },
    Entry {
        path: "provider services",
        description: "See and manage this server's keys of services that tools use",
        needs: Needs::ManageGuild,
        command: Command::ProviderServices,
        texts: &[],
    },
    Entry {
        path: "setup",
        description: "Set me up here, or see what is set: provider, key and model",
        needs: Needs::ManageGuild,
        command: Command::Setup,
        texts: &[],
    },
    Entry {
        path: "tool ping",
        description: "See how fast I hear you",
        needs: Needs::Nothing,
        command: Command::Ping,
        texts: &[],
    },
];

/// Descriptions of the groups, which only registration knows.
const GROUPS: [(&str, &str); 4] = [
    ("bot", "Steer what I say here"),
    ("personal", "What is yours alone, in every server"),
    (
        "provider",
        "Keys of this server for model providers and services",
    ),
    ("tool", "Look after the bot"),
];

/// Finds the command of a path.
pub(crate) fn find(path: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.path == path)
}

/// Builds what Discord shall know, for everywhere or for one guild.
///
/// Where a command may be used and installed is a property of global commands only (Discord's
/// application command page, 2026-11).
pub(crate) fn registrations(guild: Option<GuildId>) -> Vec<Registration> {
    let mut all: Vec<Registration> = Vec::new();
    for entry in &ENTRIES {
        let Some((group, name)) = entry.path.split_once(' ') else {
            all.push(registration(
                entry.path,
                entry.description,
                entry.needs,
                guild,
            ));
            continue;
        };
        if all.last().is_none_or(|last| last.name != group) {
            all.push(registration(group, describe(group), entry.needs, guild));
        }
        if let Some(last) = all.last_mut() {
            last.options.push(subcommand(name, entry));
        }
    }
    all
}

fn describe(group: &str) -> &'static str {
    let known = GROUPS.iter().find(|(name, _)| *name == group);
    known.map_or("", |(_, description)| description)
}

#[expect(
    deprecated,
    reason = "the model has no constructor, so every field is named"
)]
fn registration(
    name: &str,
    description: &str,
    needs: Needs,
    guild: Option<GuildId>,
) -> Registration {
    let everywhere = guild.is_none();
    Registration {
        application_id: None,
        contexts: everywhere
            .then(|| vec![InteractionContextType::Guild, InteractionContextType::BotDm]),
        default_member_permissions: match needs {
            Needs::Nothing => None,
            Needs::ManageGuild => Some(Permissions::MANAGE_GUILD),
        },
        description: description.to_owned(),
        description_localizations: None,
        dm_permission: None,
        guild_id: None,
        id: None,
        integration_types: everywhere.then(|| vec![ApplicationIntegrationType::GuildInstall]),
        kind: CommandType::ChatInput,
        name: name.to_owned(),
        name_localizations: None,
        nsfw: None,
        options: Vec::new(),
        // Discord numbers versions itself and ignores ours.
        version: Id::new(1),
    }
}

fn subcommand(name: &str, entry: &Entry) -> CommandOption {
    let texts = entry.texts.iter().map(|text| CommandOption {
        max_length: Some(text.longest),
        required: Some(false),
        ..option(CommandOptionType::String, text.name, text.description)
    });
    CommandOption {
        options: Some(texts.collect()),
        ..option(CommandOptionType::SubCommand, name, entry.description)
    }
}

fn option(kind: CommandOptionType, name: &str, description: &str) -> CommandOption {
    CommandOption {
        autocomplete: None,
        channel_types: None,
        choices: None,
        description: description.to_owned(),
        description_localizations: None,
        file_types: None,
        kind,
        max_length: None,
        max_value: None,
        min_length: None,
        min_value: None,
        name: name.to_owned(),
        name_localizations: None,
        options: None,
        required: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_path_is_answered() {
        for command in registrations(None) {
            let paths: Vec<String> = if command.options.is_empty() {
                vec![command.name]
            } else {
                let of = |option: &CommandOption| format!("{} {}", command.name, option.name);
                command.options.iter().map(of).collect()
            };
            for path in paths {
                assert!(find(&path).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn registrations_keep_discords_limits() {
        for command in registrations(None) {
            assert!(
                (1..=100).contains(&command.description.chars().count()),
                "{}",
                command.name
            );
            assert!(command.options.len() <= 25);
            for option in command.options {
                assert!(
                    (1..=100).contains(&option.description.chars().count()),
                    "{}",
                    option.name
                );
            }
        }
    }

    #[test]
    fn only_what_manages_the_server_is_hidden_from_members_without_the_permission() {
        let hidden: Vec<String> = registrations(None)
            .into_iter()
            .filter(|command| command.default_member_permissions.is_some())
            .map(|command| command.name)
            .collect();
        assert_eq!(hidden, ["provider", "setup"]);
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
}
