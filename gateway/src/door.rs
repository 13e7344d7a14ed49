//! Who must not be heard: what people say passes here right before it is published (PRIV-22 to
//! PRIV-27).
//!
//! The set of users at privacy level 2 is a bucket that workers keep; [`watch`] reads it. That the
//! watch is whole is *proven*, not assumed: this gateway writes a probe into the same bucket each
//! second, and words pass only for a while after a probe was sent that came back through the watch.
//! Whatever was written before that probe had come back before it. While the door is closed, words
//! are held, not judged: what is held is neither lost nor let through.
//!
//! What is never here: a word of anybody, or the name of anybody in a log.

#[cfg(test)]
mod model;
mod redact;
mod state;
pub mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::event::envelope::Event as Body;
use proto::event::{Author, Message};
use proto::id::UserId;
use tokio::sync::watch::{Receiver, Sender};
use tokio::time::Instant;

pub(crate) use redact::redact;
use state::State;

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be published.
    Pass,
    /// It may be published without what belongs to these, who are not heard: [`redact`] takes it
    /// out. They are named here because the set may be read anew a moment later.
    Redact(Vec<UserId>),
    /// Nobody must see it.
    Drop,
    /// Nobody can say: the door is closed.
    Hold,
}

/// The people whose words or names are in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct People {
    /// Who said it; `None` for bots, webhooks and Discord itself, which pass.
    author: Option<UserId>,
    /// Who is quoted or named in it.
    others: Vec<UserId>,
}

impl People {
    /// Lists the people in an event; `None` for one without anybody's words, which passes a closed
    /// door, too.
    pub(crate) fn of(event: &Body) -> Option<Self> {
        match event {
            Body::MessageCreate(message) | Body::MessageUpdate(message) => {
                Some(Self::of_message(message))
            }
            Body::MessageDelete(_)
            | Body::Gap(_)
            | Body::Job(_)
            | Body::GuildHere(_)
            | Body::GuildLeft(_)
            | Body::GuildsHere(_) => None,
        }
    }

    fn of_message(message: &Message) -> Self {
        let quoted = message.reference.iter().map(|quoted| quoted.author_id);
        let named = message.mentions.iter().map(|named| named.user_id);
        Self {
            author: message.author.as_ref().and_then(person),
            others: quoted.chain(named).filter_map(UserId::non_zero).collect(),
        }
    }

    /// Returns how many there are.
    pub(crate) const fn len(&self) -> usize {
        self.others.len() + 1
    }
}

fn person(author: &Author) -> Option<UserId> {
    let is_person = !author.is_bot && !author.is_system && author.webhook_id == 0;
    is_person.then_some(UserId(author.user_id))
}

/// The door; a cheap clone. It is closed until [`watch`] has opened it.
#[derive(Clone, Debug)]
pub struct Door {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts the moments at which the door may have opened.
    openings: Sender<u64>,
}

impl Door {
    /// Makes a door that stays open for `grace` after a probe that came back was sent.
    pub fn new(grace: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(grace)),
                openings: Sender::new(0),
            }),
        }
    }

    /// Judges an event by what is known at this moment.
    pub(crate) fn judge(&self, people: &People) -> Verdict {
        let state = self.state();
        if !state.is_whole(Instant::now()) {
            return Verdict::Hold;
        }
        let is_hidden = |user: &UserId| state.users().contains(*user);
        if people.author.as_ref().is_some_and(is_hidden) {
            return Verdict::Drop;
        }
        let others = people.others.iter().copied();
        let hidden: Vec<UserId> = others.filter(is_hidden).collect();
        if hidden.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Redact(hidden)
        }
    }

    /// Tells whether words may pass.
    pub(crate) fn is_whole(&self) -> bool {
        self.state().is_whole(Instant::now())
    }

    /// Returns a receiver that wakes whenever the door may have opened.
    pub(crate) fn openings(&self) -> Receiver<u64> {
        self.shared.openings.subscribe()
    }

    fn opened(&self) {
        self.shared
            .openings
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic leaves the door as it was, and it closes when no probe comes back.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
