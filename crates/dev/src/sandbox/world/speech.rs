//! What keeps somebody from speaking where they may otherwise: locked threads and slow mode.

use proto::id::{ChannelId, UserId};

use super::World;
use super::rights::{BYPASS_SLOW_MODE, MANAGE_THREADS};
use crate::sandbox::clock;

/// Why somebody may not speak.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Silence {
    /// The thread is locked.
    Locked,
    /// They spoke just now in a slow channel.
    Slow { left_ms: u64 },
}

impl World {
    /// Tells what keeps somebody from speaking in a channel. Slow mode is for people: bots are not slowed
    /// down (Discord channel page, 2026-11).
    pub(crate) fn silence(&self, channel: ChannelId, user: UserId) -> Option<Silence> {
        let place = self.places.channels.get(&channel)?;
        let held = self.permissions(channel, user);
        let is_locked = place.thread.as_ref().is_some_and(|thread| thread.is_locked);
        if is_locked && held & MANAGE_THREADS == 0 {
            return Some(Silence::Locked);
        }
        if held & BYPASS_SLOW_MODE != 0 || user == self.bot() {
            return None;
        }
        let next_ms = place.spoke_ms.get(&user)? + place.options.slow_seconds * 1_000;
        let left_ms = next_ms.saturating_sub(clock::now_ms());
        (left_ms > 0).then_some(Silence::Slow { left_ms })
    }

    /// Remembers that somebody spoke in a slow channel.
    pub(super) fn count_speech(&mut self, channel: ChannelId, user: UserId) {
        let place = self.places.channels.get_mut(&channel);
        if let Some(place) = place.filter(|place| place.options.slow_seconds > 0) {
            place.spoke_ms.insert(user, clock::now_ms());
        }
    }
}
