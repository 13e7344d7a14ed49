//! Who is answered where in a server, by how many personas, and what rests afterwards (GUARD-16 to
//! GUARD-30), as it is stored. What follows for a message is decided by whoever judges it.

use proto::id::ChannelId;

use crate::{Cooldown, CooldownKind, PersonaId};

/// The rules of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// What rests after an answered message, where its channel says nothing else.
    pub cooldown: Option<Cooldown>,
    /// Most personas that answer one message, 1..=10.
    pub match_limit: u8,
    /// `None`: a row cannot be understood, and nobody is answered (GUARD-29).
    pub lists: Option<Lists>,
}

/// The lists of one server; an empty one excludes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// The channels in which messages are answered.
    pub channels: Vec<ListedChannel>,
    /// The roles that are answered.
    pub roles: Vec<u64>,
    /// The channels in which single personas answer.
    pub personas: Vec<(PersonaId, ChannelId)>,
}

/// A channel in which messages are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedChannel {
    /// The channel; its threads go by it.
    pub channel: ChannelId,
    /// What rests there.
    pub rests: ChannelRest,
}

/// What rests after an answered message of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelRest {
    /// What the server says.
    AsServer,
    /// Nothing.
    Nothing,
    /// This.
    Own(Cooldown),
}

impl Routing {
    /// Makes sense of what is stored: type and length of what rests, and the rows of all lists, each
    /// as the name of its list and its columns, without those that say nothing.
    pub(crate) fn of((kind, length): (i16, i32), match_limit: u8, listed: &[String]) -> Self {
        Self {
            cooldown: cooldown_of(kind, length),
            match_limit,
            lists: Lists::of(listed),
        }
    }
}

impl Lists {
    /// `None`: a row cannot be understood.
    fn of(listed: &[String]) -> Option<Self> {
        let mut lists = Self::default();
        for row in listed {
            let words: Vec<&str> = row.split(' ').collect();
            match *words.as_slice() {
                ["channel", id] => lists.list(id, ChannelRest::AsServer)?,
                ["channel", id, kind, length] => {
                    let own = cooldown_of(kind.parse().ok()?, length.parse().ok()?);
                    lists.list(id, own.map_or(ChannelRest::Nothing, ChannelRest::Own))?;
                }
                ["role", id] => lists.roles.push(id.parse().ok()?),
                ["persona", persona, id] => {
                    let (persona, channel) = (persona.parse().ok()?, id.parse().ok()?);
                    lists
                        .personas
                        .push((PersonaId(persona), ChannelId(channel)));
                }
                _ => return None,
            }
        }
        Some(lists)
    }

    fn list(&mut self, channel: &str, rests: ChannelRest) -> Option<()> {
        let channel = ChannelId(channel.parse().ok()?);
        self.channels.push(ListedChannel { channel, rests });
        Some(())
    }
}

/// `None` for type 0 and for a length of nothing.
pub(crate) fn cooldown_of(kind: i16, length: i32) -> Option<Cooldown> {
    let length_seconds = u32::try_from(length).ok().filter(|length| *length > 0)?;
    CooldownKind::from_number(kind).map(|kind| Cooldown {
        kind,
        length_seconds,
    })
}
