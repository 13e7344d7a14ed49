//! The table of commands: the one source of what is registered and of what is answered (CMD-80).

mod entries;

use proto::id::GuildId;
use twilight_model::application::command::{
    Command as Registration, CommandOption, CommandOptionChoice, CommandOptionChoiceValue,
    CommandOptionType, CommandType,
};
use twilight_model::application::interaction::InteractionContextType;
use twilight_model::guild::Permissions;
use twilight_model::id::Id;
use twilight_model::oauth::ApplicationIntegrationType;

use super::memory::{About, Doing};
use super::portable::{Move, Shelf};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// CMD-21.
    Respond,
    /// CMD-22.
    Kill,
    /// CMD-38 to CMD-40, CMD-43 to CMD-45.
    Memory(About, Doing),
    /// CMD-32 to CMD-34, CMD-41, CMD-42, CMD-46, CMD-47, CMD-74 to CMD-76.
    Portable(Shelf, Move),
    /// CMD-35.
    ExportPerson,
    /// CMD-36.
    DeletePerson,
    /// CMD-77.
    DeleteServer,
    /// CMD-55.
    Block,
    /// CMD-72.
    Blacklist,
    /// CMD-73.
    Restrictions,
    /// CMD-67.
    Whitelist,
    /// CMD-68.
    Limits,
    /// CMD-69.
    Cooldown,
    /// CMD-70.
    SetQuota,
    /// CMD-71.
    ResetQuota,
    /// CMD-31.
    PersonalProvider,
    /// CMD-30.
    PersonalSettings,
    /// CMD-58.
    ProviderKeys,
    /// CMD-62.
    ProviderServices,
    /// CMD-63.
    AddToolServer,
    /// CMD-64.
    ToolServers,
    /// CMD-29.
    Privacy,
    /// CMD-17.
    Setup,
    /// CMD-27.
    Ping,
    /// CMD-18.
    Why,
}

/// What a person must be allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// To manage the server.
    ManageGuild,
    /// To own the server, or to administrate it.
    Administrator,
    /// To manage the server, or to moderate its members.
    ModerateMembers,
}

/// One command that can be run.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its name, behind the names of the groups that it is in, joined by single spaces.
    path: &'static str,
    /// Shown in the client's list; at most 100 characters.
    description: &'static str,
    /// Who may run it.
    pub(crate) needs: Needs,
    /// What it does.
    pub(crate) command: Command,
    /// What can be given along; what must be given comes first.
    options: &'static [Given],
}

/// Something that can be given to a command.
#[derive(Debug)]
struct Given {
    /// 1 to 32 lower-case characters.
    name: &'static str,
    /// Shown in the client's list; at most 100 characters.
    description: &'static str,
    /// Whether the command cannot be sent without it.
    is_required: bool,
    kind: Kind,
}

/// What is taken for an option. A client may send anything else all the same.
#[derive(Debug)]
enum Kind {
    /// Words, of at most so many characters.
    Text(u16),
    /// Somebody, by id.
    Person,
    /// A channel or thread of the server, by id.
    Channel,
    /// A role of the server, by id.
    Role,
    /// A whole number in this range.
    Number(i64, i64),
    /// One of these words, 25 at most.
    Choice(&'static [&'static str]),
    /// A file.
    File,
}

/// Every command; those of one group come together.
fn all() -> impl Iterator<Item = &'static Entry> {
    entries::ENTRIES.iter().chain(&entries::server::SERVER)
}

/// Finds the command of a path.
pub(crate) fn find(path: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.path == path)
}

/// Builds what Discord shall know, for everywhere or for one guild; sorted by name.
///
/// Where a command may be used and installed is a property of global commands only (Discord's
/// application command page, 2026-11).
pub(crate) fn registrations(guild: Option<GuildId>) -> Vec<Registration> {
    let mut registered: Vec<Registration> = Vec::new();
    for entry in all() {
        let (name, inner) = match entry.path.split_once(' ') {
            None => (entry.path, None),
            Some((name, inner)) => (name, Some(inner)),
        };
        if registered.last().is_none_or(|last| last.name != name) {
            let description = inner.map_or(entry.description, |_| describe(name));
            registered.push(registration(name, description, entry.needs, guild));
        }
        let Some(command) = registered.last_mut() else {
            continue;
        };
        match inner {
            None => command.options = given(entry),
            Some(inner) => add(&mut command.options, name, inner, entry),
        }
    }
    registered.sort_by(|one, other| one.name.cmp(&other.name));
    registered
}

/// Adds a command of a group, which may be in a group within that one.
fn add(options: &mut Vec<CommandOption>, top: &str, inner: &str, entry: &Entry) {
    let Some((group, name)) = inner.split_once(' ') else {
        options.push(subcommand(inner, entry));
        return;
    };
    if options.last().is_none_or(|last| last.name != group) {
        let description = describe(&format!("{top} {group}"));
        options.push(option(
            CommandOptionType::SubCommandGroup,
            group,
            description,
        ));
    }
    if let Some(last) = options.last_mut() {
        let of_group = last.options.get_or_insert_default();
        of_group.push(subcommand(name, entry));
    }
}

fn describe(group: &str) -> &'static str {
    let mut known = entries::GROUPS.iter();
    known
        .find(|(name, _)| *name == group)
        .map_or("", |(_, description)| description)
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
            Needs::Nothing | Needs::ModerateMembers => None,
            // Of a group all commands are shown to the same people.
            Needs::ManageGuild | Needs::Administrator => Some(Permissions::MANAGE_GUILD),
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
    CommandOption {
        options: Some(given(entry)),
        ..option(CommandOptionType::SubCommand, name, entry.description)
    }
}

fn given(entry: &Entry) -> Vec<CommandOption> {
    let of = |given: &Given| {
        let bare = |kind| CommandOption {
            required: Some(given.is_required),
            ..option(kind, given.name, given.description)
        };
        match given.kind {
            Kind::Text(longest) => CommandOption {
                max_length: Some(longest),
                ..bare(CommandOptionType::String)
            },
            Kind::Person => bare(CommandOptionType::User),
            Kind::File => bare(CommandOptionType::Attachment),
            Kind::Channel => bare(CommandOptionType::Channel),
            Kind::Role => bare(CommandOptionType::Role),
            Kind::Number(least, most) => CommandOption {
                min_value: Some(least.into()),
                max_value: Some(most.into()),
                ..bare(CommandOptionType::Integer)
            },
            Kind::Choice(words) => CommandOption {
                choices: Some(words.iter().map(|word| choice(word)).collect()),
                ..bare(CommandOptionType::String)
            },
        }
    };
    entry.options.iter().map(of).collect()
}

fn choice(word: &str) -> CommandOptionChoice {
    CommandOptionChoice {
        name: word.to_owned(),
        name_localizations: None,
        value: CommandOptionChoiceValue::String(word.to_owned()),
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
mod tests;
