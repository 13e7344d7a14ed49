//! Many servers, channels and people at once, for loads and for large payloads.

use proto::id::{ChannelId, UserId};
use serde::Deserialize;

use super::World;

/// How many there are to be.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Crowd {
    pub(crate) servers: u32,
    /// Channels of each server.
    pub(crate) channels: u32,
    /// People, each a member of every server.
    pub(crate) people: u32,
}

/// Most channels that are made at once: a server of 5,000 takes 2 MB to describe.
const MOST_CHANNELS: u32 = 50_000;
/// Most people that are made at once.
const MOST_PEOPLE: u32 = 10_000;

/// Most memberships, people times servers: they take some 100 MB.
const MOST_MEMBERS: u32 = 500_000;

impl Crowd {
    /// Tells what is wrong with the numbers.
    pub(crate) fn problem(self) -> Option<String> {
        let channels = self.servers.saturating_mul(self.channels);
        let members = self.servers.saturating_mul(self.people);
        let is_good = (1..=MOST_CHANNELS).contains(&channels)
            && (1..=MOST_PEOPLE).contains(&self.people)
            && members <= MOST_MEMBERS;
        (!is_good).then(|| {
            format!(
                "there are 1 to {MOST_CHANNELS} channels in all, 1 to {MOST_PEOPLE} people, and at \
                 most {MOST_MEMBERS} members of all servers together"
            )
        })
    }
}

impl World {
    /// Makes what is not there yet of a crowd, and returns its channels and people.
    pub(crate) fn crowd(&mut self, wanted: Crowd) -> (Vec<ChannelId>, Vec<UserId>) {
        let people: Vec<UserId> = (0..wanted.people)
            .map(|number| self.user(&format!("crowd-{number}")))
            .collect();
        let mut channels = Vec::new();
        let owner = people.first().copied().unwrap_or(self.bot());
        for server in 0..wanted.servers {
            let server = format!("Crowd {server}");
            for channel in 0..wanted.channels {
                channels.push(self.text_channel(&server, &format!("crowd-{channel}"), owner));
            }
            let guild = self.guild(&server, owner);
            for &person in &people {
                self.join(guild, person);
            }
        }
        (channels, people)
    }
}
