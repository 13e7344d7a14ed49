//! `worker register-commands`: makes Discord know exactly our commands (SEC-50, CMD-80).
//!
//! Nothing is sent when nothing differs: Discord allows 200 registrations a day. It never runs by
//! itself, because a start of an older worker must not take commands away.

use std::fmt;
use std::io::{self, Write};

use discord::Client;
use proto::id::GuildId;
use twilight_model::application::command::{Command, CommandOption, CommandType};
use twilight_model::id::Id;

use crate::command::catalogue;

/// Why the commands may not be registered as they should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Discord did not answer or refused; nothing was changed, or everything was.
    #[error("discord did not take the commands")]
    Discord(#[from] discord::Error),
    /// They are registered, but the result could not be written out.
    #[error("the result could not be written")]
    Output(#[from] io::Error),
}

/// Registers the commands for everywhere, or for one guild alone as development does, and writes
/// one line for each difference.
///
/// # Errors
/// `Discord`, `Output`.
pub async fn run(
    client: &Client,
    guild: Option<GuildId>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let application = client.current_application().await?.id;
    let desired = catalogue::registrations(guild);
    let registered = client.commands(application, guild).await?;
    let change = Change::between(registered, desired.clone());
    if !change.is_empty() {
        client.set_commands(application, guild, &desired).await?;
    }
    writeln!(out, "{change}")?;
    Ok(())
}

/// Counts the commands that [`run`] would add, change or remove; changes nothing.
///
/// # Errors
/// Discord did not answer or refused.
pub async fn differences(client: &Client, guild: Option<GuildId>) -> Result<usize, discord::Error> {
    let application = client.current_application().await?.id;
    let registered = client.commands(application, guild).await?;
    let change = Change::between(registered, catalogue::registrations(guild));
    Ok(change.added.len() + change.changed.len() + change.removed.len())
}

/// What was changed: names in the order in which they are listed. Displayed as one line for each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Change {
    fn between(registered: Vec<Command>, desired: Vec<Command>) -> Self {
        let registered: Vec<Command> = registered.into_iter().map(normal).collect();
        let desired: Vec<Command> = desired.into_iter().map(normal).collect();
        let mut change = Self::default();
        for command in &desired {
            match registered.iter().find(|other| is_same(command, other)) {
                None => change.added.push(name(command)),
                Some(other) if other != command => change.changed.push(name(command)),
                Some(_) => {}
            }
        }
        let is_gone = |command: &&Command| !desired.iter().any(|other| is_same(command, other));
        change.removed = registered.iter().filter(is_gone).map(name).collect();
        change
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("unchanged");
        }
        let added = self.added.iter().map(|name| format!("added {name}"));
        let changed = self.changed.iter().map(|name| format!("changed {name}"));
        let removed = self.removed.iter().map(|name| format!("removed {name}"));
        let lines: Vec<String> = added.chain(changed).chain(removed).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Commands of different kinds may share a name.
fn is_same(one: &Command, other: &Command) -> bool {
    one.kind == other.kind && one.name == other.name
}

fn name(command: &Command) -> String {
    match command.kind {
        CommandType::ChatInput => format!("/{}", command.name),
        _ => command.name.clone(),
    }
}

/// Brings a command into the one form in which equal commands are equal: Discord adds ids and
/// versions of its own and writes defaults out.
#[expect(deprecated, reason = "the old field is removed from what is compared")]
fn normal(command: Command) -> Command {
    Command {
        application_id: None,
        // A guild's commands have neither contexts nor installations of their own.
        contexts: command
            .contexts
            .filter(|_| command.guild_id.is_none())
            .map(|contexts| sorted(contexts, |context| u8::from(*context))),
        description_localizations: filled(command.description_localizations),
        dm_permission: None,
        guild_id: None,
        id: None,
        integration_types: command
            .integration_types
            .filter(|_| command.guild_id.is_none())
            .map(|types| sorted(types, |kind| u8::from(*kind))),
        name_localizations: filled(command.name_localizations),
        nsfw: command.nsfw.filter(|&nsfw| nsfw),
        options: command.options.into_iter().map(normal_option).collect(),
        version: Id::new(1),
        ..command
    }
}

fn normal_option(option: CommandOption) -> CommandOption {
    let options = option.options.unwrap_or_default();
    CommandOption {
        autocomplete: option.autocomplete.filter(|&autocomplete| autocomplete),
        channel_types: option.channel_types.filter(|types| !types.is_empty()),
        choices: option.choices.filter(|choices| !choices.is_empty()),
        description_localizations: filled(option.description_localizations),
        name_localizations: filled(option.name_localizations),
        options: Some(options.into_iter().map(normal_option).collect()),
        required: option.required.filter(|&required| required),
        ..option
    }
}

fn filled<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

fn sorted<T>(mut values: Vec<T>, by: impl Fn(&T) -> u8) -> Vec<T> {
    values.sort_by_key(by);
    values
}

#[cfg(test)]
mod tests;
