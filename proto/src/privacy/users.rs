//! A set of users that holds a million of them in some 9 MiB, also while it is filled.
//!
//! A hash set would take 18 MiB, and half as much again each time it grows. Here all but the last
//! few thousand changes are one sorted list of numbers.

use std::collections::BTreeSet;

use crate::id::UserId;

/// Changes that are kept apart: folding so many into a list of a million takes about a millisecond.
const MOST_APART: usize = 4_096;

/// How much longer than needed the list is made when it must grow: an eighth.
const SPARE: usize = 8;

/// A set of users.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// Sorted, without repetition.
    most: Vec<u64>,
    /// Not in `most`.
    added: BTreeSet<u64>,
    /// In `most`.
    removed: BTreeSet<u64>,
}

impl Users {
    /// Tells whether the user is in the set.
    pub fn contains(&self, user: UserId) -> bool {
        if self.most.binary_search(&user.0).is_ok() {
            !self.removed.contains(&user.0)
        } else {
            self.added.contains(&user.0)
        }
    }

    /// Adds a user; tells whether it is new.
    pub fn insert(&mut self, user: UserId) -> bool {
        let is_new = if self.most.binary_search(&user.0).is_ok() {
            self.removed.remove(&user.0)
        } else {
            self.added.insert(user.0)
        };
        self.fold_if_many();
        is_new
    }

    /// Takes a user out; tells whether it was there.
    pub fn remove(&mut self, user: UserId) -> bool {
        let was_there = if self.most.binary_search(&user.0).is_ok() {
            self.removed.insert(user.0)
        } else {
            self.added.remove(&user.0)
        };
        self.fold_if_many();
        was_there
    }

    /// Returns how many users there are.
    pub fn len(&self) -> usize {
        self.most.len() + self.added.len() - self.removed.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all users, in no order.
    pub fn iter(&self) -> impl Iterator<Item = UserId> {
        let most = self.most.iter().filter(|id| !self.removed.contains(id));
        most.chain(&self.added).copied().map(UserId)
    }

    fn fold_if_many(&mut self) {
        if self.added.len() + self.removed.len() > MOST_APART {
            self.fold();
        }
    }

    fn fold(&mut self) {
        let removed = std::mem::take(&mut self.removed);
        if !removed.is_empty() {
            self.most.retain(|id| !removed.contains(id));
        }
        let added = std::mem::take(&mut self.added);
        self.merge(&added);
    }

    /// Merges from the end, in place: a second list would double the memory.
    fn merge(&mut self, added: &BTreeSet<u64>) {
        let (mut end, mut left) = (self.most.len(), added.len());
        if self.most.capacity() - end < left {
            self.most.reserve_exact(left + end / SPARE);
        }
        self.most.resize(end + left, 0);
        for id in added.iter().rev() {
            let before = self.most.get(..end).unwrap_or_default();
            let place = before.partition_point(|known| known < id);
            // What is greater moves up by all that is still to come before it.
            self.most.copy_within(place..end, place + left);
            left -= 1;
            if let Some(free) = self.most.get_mut(place + left) {
                *free = *id;
            }
            end = place;
        }
    }
}

impl Extend<UserId> for Users {
    fn extend<I: IntoIterator<Item = UserId>>(&mut self, users: I) {
        for user in users {
            self.insert(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Change {
        Insert(u64),
        Remove(u64),
        Fold,
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            6 => (0_u64..60).prop_map(Change::Insert),
            3 => (0_u64..60).prop_map(Change::Remove),
            1 => Just(Change::Fold),
        ];
        prop::collection::vec(change, 0..400)
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(changes in changes()) {
            let (mut users, mut plain) = (Users::default(), BTreeSet::new());
            for change in changes {
                match change {
                    Change::Insert(id) => {
                        prop_assert_eq!(users.insert(UserId(id)), plain.insert(id));
                    }
                    Change::Remove(id) => {
                        prop_assert_eq!(users.remove(UserId(id)), plain.remove(&id));
                    }
                    Change::Fold => users.fold(),
                }
                prop_assert_eq!(users.len(), plain.len());
            }
            prop_assert!((0..60).all(|id| users.contains(UserId(id)) == plain.contains(&id)));
            prop_assert_eq!(users.iter().map(|user| user.0).collect::<BTreeSet<_>>(), plain);
            users.fold();
            prop_assert!(users.most.is_sorted_by(|one, next| one < next));
        }
    }

    /// Ids as Discord gives them out, in an order that has nothing to do with their size.
    fn million() -> impl Iterator<Item = UserId> {
        (0..1_000_000_u64).map(|n| UserId((n * 7_919 % 1_000_000 + 1) << 41))
    }

    #[test]
    fn million_users_take_less_than_ten_mebibytes_and_are_all_found() {
        let mut users = Users::default();
        users.extend(million());
        assert_eq!(users.len(), 1_000_000);
        let most_bytes = users.most.capacity() * size_of::<u64>();
        assert!(most_bytes < 10 << 20, "{most_bytes}");
        assert!(million().all(|user| users.contains(user)));
        assert!(!users.contains(UserId(5)));
    }
}
