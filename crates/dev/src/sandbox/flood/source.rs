//! What happens next in a flood.

use std::collections::VecDeque;

use proto::id::{ChannelId, MessageId, UserId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Flood, Kind};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{Draft, Text};

/// Messages that may still be edited or deleted.
const RECENT: usize = 1_000;
/// What texts are cut from.
const WORDS: [&str; 16] = [
    "tea", "river", "lantern", "why", "quietly", "seven", "the", "garden", "and", "then", "paper",
    "moon", "almost", "tomorrow", "cat", "listens",
];

/// Chooses what happens; the same for the same seed and the same world.
pub(super) struct Source {
    random: StdRng,
    kinds: Vec<(Kind, u32)>,
    shares: u32,
    characters: (usize, usize),
    channels: Vec<ChannelId>,
    people: Vec<UserId>,
    recent: VecDeque<(ChannelId, MessageId)>,
}

impl Source {
    pub(super) fn new(world: &mut World, wanted: &Flood) -> Self {
        let (channels, people) = world.crowd(wanted.crowd);
        Self {
            random: StdRng::seed_from_u64(wanted.seed),
            kinds: wanted
                .mix
                .iter()
                .map(|(kind, share)| (*kind, *share))
                .collect(),
            shares: wanted.mix.values().sum(),
            characters: wanted.characters,
            channels,
            people,
            recent: VecDeque::new(),
        }
    }

    /// Makes the next thing happen.
    pub(super) fn next(&mut self, world: &mut World) {
        let kind = self.kind();
        let (channel, person) = (self.channel(), self.person());
        match kind {
            Kind::Message => self.say(world, channel, person, None),
            Kind::Addressed => {
                let bot = world.bot();
                self.say(world, channel, person, Some(bot));
            }
            Kind::Edit => match self.one_of_recent() {
                Some((channel, message)) => {
                    let text = self.text(None);
                    world.edit(channel, message, text);
                }
                None => self.say(world, channel, person, None),
            },
            Kind::Delete => match self.recent.pop_front() {
                Some((channel, message)) => {
                    world.delete(channel, message);
                }
                None => self.say(world, channel, person, None),
            },
            Kind::Typing => world.type_in(channel, person),
        }
    }

    fn kind(&mut self) -> Kind {
        let mut ticket = self.random.random_range(0..self.shares.max(1));
        for (kind, share) in &self.kinds {
            if ticket < *share {
                return *kind;
            }
            ticket -= share;
        }
        Kind::Message
    }

    fn say(&mut self, world: &mut World, at: ChannelId, who: UserId, to: Option<UserId>) {
        let text = self.text(to);
        let message = world.say(
            at,
            who,
            Draft {
                text,
                ..Draft::default()
            },
        );
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((at, message));
    }

    fn text(&mut self, to: Option<UserId>) -> Text {
        let (shortest, longest) = self.characters;
        let most = self.random.random_range(shortest..=longest);
        let length = self.random.random_range(shortest..=most);
        let mut content = to.map_or_else(String::new, |to| format!("<@{to}> "));
        let end = content.len() + length;
        while content.len() < end {
            let word = self.random.random_range(0..WORDS.len());
            content.push_str(WORDS.get(word).copied().unwrap_or_default());
            content.push(' ');
        }
        content.truncate(end);
        Text {
            content,
            mentions: to.into_iter().collect(),
            ..Text::default()
        }
    }

    fn channel(&mut self) -> ChannelId {
        let index = self.random.random_range(0..self.channels.len().max(1));
        self.channels.get(index).copied().unwrap_or(ChannelId(0))
    }

    fn person(&mut self) -> UserId {
        let index = self.random.random_range(0..self.people.len().max(1));
        self.people.get(index).copied().unwrap_or(UserId(0))
    }

    fn one_of_recent(&mut self) -> Option<(ChannelId, MessageId)> {
        let index = self.random.random_range(0..self.recent.len().max(1));
        self.recent.get(index).copied()
    }
}
