//! Users: the bot, and people who exist as soon as they are named.

use std::collections::{BTreeMap, HashMap};

use proto::id::UserId;

use super::World;
use crate::sandbox::snowflake;

/// Who talks unless somebody else is named.
pub(crate) const DEFAULT_USER: &str = "alice";
const BOT_NAME: &str = "Tomori";

/// A person or the bot.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) is_bot: bool,
    /// Takes no direct messages from the bot.
    pub(crate) refuses_direct: bool,
}

/// All users.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) bot: UserId,
    users: BTreeMap<UserId, User>,
    names: HashMap<String, UserId>,
}

impl People {
    /// Starts with the bot alone.
    pub(crate) fn new(seed: u64) -> Self {
        let bot = UserId(snowflake::named(seed, "bot", BOT_NAME));
        let mut people = Self {
            bot,
            users: BTreeMap::new(),
            names: HashMap::new(),
        };
        people.users.insert(
            bot,
            User {
                id: bot,
                name: BOT_NAME.to_owned(),
                is_bot: true,
                refuses_direct: false,
            },
        );
        people
    }

    /// Returns a user.
    pub(crate) fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Returns whoever has that name, the bot too.
    pub(crate) fn named(&self, name: &str) -> Option<UserId> {
        let known = self.names.get(name).copied();
        known.or_else(|| (name == BOT_NAME).then_some(self.bot))
    }

    /// Lets somebody take direct messages of the bot, or no longer.
    pub(crate) fn refuse_direct(&mut self, id: UserId, refuses: bool) {
        if let Some(user) = self.users.get_mut(&id) {
            user.refuses_direct = refuses;
        }
    }

    /// Returns all users by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }
}

impl World {
    /// Returns the person of that name, who exists from now on.
    pub(crate) fn user(&mut self, name: &str) -> UserId {
        if let Some(&id) = self.people.names.get(name) {
            return id;
        }
        let id = UserId(snowflake::named(self.seed, "user", name));
        let user = User {
            id,
            name: name.to_owned(),
            is_bot: false,
            refuses_direct: false,
        };
        self.people.users.insert(id, user);
        self.people.names.insert(name.to_owned(), id);
        id
    }
}
