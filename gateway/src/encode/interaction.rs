//! Interactions: flattened to a command path with options, a component, or the fields of a form.

use proto::event::{self, InteractionType};

use super::message::attachment;
use super::wire::{self, raw};

/// Discord's interaction types (reference page, 2026-11); 1 is a ping, which no gateway sends.
const COMMAND: u32 = 2;
const COMPONENT: u32 = 3;
const AUTOCOMPLETE: u32 = 4;
const MODAL: u32 = 5;

/// Discord's option types that hold other options: subcommand and subcommand group.
const NESTING_OPTIONS: [u32; 2] = [1, 2];

/// Discord's type of buttons; only those that lead to an address have one.
const BUTTON: u32 = 2;

/// Rows within labels within containers; no form nests deeper than Discord's own parser allows.
const FORM_DEPTH: u8 = 8;

/// Encodes an interaction; `None` for a kind that we do not know, or one without a person.
pub(super) fn encode(interaction: wire::Interaction) -> Option<event::Interaction> {
    let kind = match interaction.kind {
        COMMAND => InteractionType::Command,
        AUTOCOMPLETE => InteractionType::Autocomplete,
        COMPONENT => InteractionType::Component,
        MODAL => InteractionType::Modal,
        _ => return None,
    };
    let person = person(interaction.member, interaction.user)?;
    let channel = interaction
        .channel_id
        .or(interaction.channel.map(|channel| channel.id));
    let mut encoded = event::Interaction {
        interaction_id: interaction.id.0,
        application_id: interaction.application_id.0,
        token: interaction.token,
        guild_id: raw(interaction.guild_id),
        channel_id: raw(channel),
        user_id: person.user.id.0,
        username: person.user.username.unwrap_or_default(),
        display_name: person.nick.or(person.user.global_name).unwrap_or_default(),
        role_ids: person.roles.iter().map(|id| id.0).collect(),
        member_permissions: person.permissions.unwrap_or_default().0,
        app_permissions: interaction.app_permissions.unwrap_or_default().0,
        locale: interaction.locale.unwrap_or_default(),
        guild_locale: interaction.guild_locale.unwrap_or_default(),
        ..event::Interaction::default()
    };
    encoded.set_type(kind);
    if let Some(message) = interaction.message {
        encoded.message_id = message.id.0;
        encoded.link_url = last_link(message.components.unwrap_or_default());
    }
    if let Some(data) = interaction.data {
        fill(&mut encoded, data);
    }
    Some(encoded)
}

struct Person {
    user: wire::User,
    nick: Option<String>,
    roles: Vec<wire::Id>,
    permissions: Option<wire::Bits>,
}

/// The person is a member in servers and a bare user in direct messages.
fn person(member: Option<wire::Member>, user: Option<wire::User>) -> Option<Person> {
    match member {
        Some(member) => Some(Person {
            user: member.user.or(user)?,
            nick: member.nick,
            roles: member.roles.unwrap_or_default(),
            permissions: member.permissions,
        }),
        None => Some(Person {
            user: user?,
            nick: None,
            roles: Vec::new(),
            permissions: None,
        }),
    }
}

fn fill(encoded: &mut event::Interaction, data: wire::InteractionData) {
    let mut path = data.name.unwrap_or_default();
    encoded.options = flatten(&mut path, data.options.unwrap_or_default());
    let resolved = data.resolved.unwrap_or_default();
    let people = resolved.users.unwrap_or_default();
    let mut files = resolved.attachments.unwrap_or_default();
    for option in &mut encoded.options {
        let person = people.get(&option.value);
        option.is_bot = person.and_then(|person| person.bot).unwrap_or_default();
        option.file = files.remove(&option.value).map(attachment);
    }
    encoded.command_path = path;
    encoded.target_id = raw(data.target_id);
    encoded.custom_id = data.custom_id.unwrap_or_default();
    encoded.values = data.values.unwrap_or_default();
    for node in data.components.unwrap_or_default() {
        collect_fields(node, &mut encoded.fields, FORM_DEPTH);
    }
}

/// Walks down group and subcommand, each of which is the only option of its parent, and returns
/// the options of the innermost.
fn flatten(path: &mut String, options: Vec<wire::CommandOption>) -> Vec<event::CommandOption> {
    let mut options = options;
    while let [only] = options.as_mut_slice()
        && NESTING_OPTIONS.contains(&only.kind)
    {
        path.push(' ');
        path.push_str(&only.name);
        options = only.options.take().unwrap_or_default();
    }
    let encode = |option: wire::CommandOption| event::CommandOption {
        name: option.name,
        value: option.value.map(|value| value.0).unwrap_or_default(),
        focused: option.focused.unwrap_or_default(),
        ..event::CommandOption::default()
    };
    options.into_iter().map(encode).collect()
}

/// Links stand in rows of the message, no deeper.
fn last_link(rows: Vec<wire::MessageNode>) -> String {
    let inner = rows.into_iter().filter_map(|row| row.components);
    let mut links = inner
        .flatten()
        .filter(|control| control.kind == BUTTON)
        .filter_map(|button| button.url);
    links.next_back().unwrap_or_default()
}

fn collect_fields(node: wire::FormNode, fields: &mut Vec<event::FormField>, depth: u8) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let values = node
        .values
        .or_else(|| node.value.map(|value| vec![value.0]));
    if let (Some(custom_id), Some(values)) = (node.custom_id, values) {
        fields.push(event::FormField { custom_id, values });
    }
    let inner = node.component.map(|inner| *inner);
    for child in inner.into_iter().chain(node.components.unwrap_or_default()) {
        collect_fields(child, fields, depth);
    }
}
