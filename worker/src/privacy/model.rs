//! Bucket and database as a small world, in which every order of changes is tried.
//!
//! Carol raises her level to 2 and lowers it, perhaps at the same moment from two devices, while a
//! worker compares the bucket with the database. Any of them may die between two of its steps. What
//! is kept: once "saved" was said of a raise, and as long as the database says level 2, her key is in
//! the bucket; and a raise that dies leaves the stricter side. The steps are those of `change` and of
//! `release`, one call to bucket or database each.

use std::fmt;

use explore::Model;

/// What keeps the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// A raise writes the key before the database.
    KeyFirst,
    /// A raise writes the key once more after the commit, before "saved" is said.
    KeyAgain,
    /// A key is deleted only by the revision that it had at the look.
    ByRevision,
    /// The level is read after the look at the key, not before.
    LevelAfterLook,
}

#[derive(Clone, Copy, Debug)]
struct World {
    without: Option<Rule>,
    most_deaths: u8,
}

/// Who changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Raises,
    Lowers,
    Compares,
}

const ALL: [Who; 3] = [Who::Raises, Who::Lowers, Who::Compares];

/// Where somebody is in what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Start,
    /// The key is written.
    Written,
    /// The database is written.
    Committed,
    /// The key was looked at.
    Looked {
        revision: u8,
    },
    /// The level was read, and it is not 2.
    MayDelete {
        revision: u8,
    },
    /// Only where the level is read before the look.
    LevelRead,
    Done,
    Dead,
}

#[derive(Clone, Debug, Hash)]
struct Now {
    /// What the database says.
    is_full: bool,
    /// The key's revision, while it is there.
    key: Option<u8>,
    last_revision: u8,
    at: [At; 3],
    /// "Saved" was said of the raise.
    is_saved: bool,
    deaths_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Go(Who),
    Die(Who),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go(who) => write!(f, "who {who:?} goes on"),
            Self::Die(who) => write!(f, "! who {who:?} dies"),
        }
    }
}

impl Now {
    fn put(&mut self) {
        self.last_revision += 1;
        self.key = Some(self.last_revision);
    }
}

impl World {
    fn keeps(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    fn raise(self, now: &mut Now, at: At) -> At {
        match at {
            At::Start if self.keeps(Rule::KeyFirst) => {
                now.put();
                At::Written
            }
            At::Start | At::Written => {
                now.is_full = true;
                At::Committed
            }
            _ => {
                if self.keeps(Rule::KeyAgain) || now.key.is_none() && !self.keeps(Rule::KeyFirst) {
                    now.put();
                }
                now.is_saved = true;
                At::Done
            }
        }
    }

    fn lower(self, now: &mut Now, at: At) -> At {
        match at {
            At::Start => {
                now.is_full = false;
                At::Committed
            }
            at => self.release(now, at),
        }
    }

    fn compare(self, now: &mut Now, at: At) -> At {
        // What it found before does not matter: it releases what seems to be too much.
        match at {
            At::Start => At::Committed,
            at => self.release(now, at),
        }
    }

    /// Deletes the key unless the user is at level 2.
    fn release(self, now: &mut Now, at: At) -> At {
        let is_late = self.keeps(Rule::LevelAfterLook);
        match at {
            At::Committed if !is_late => {
                if now.is_full {
                    At::Done
                } else {
                    At::LevelRead
                }
            }
            At::Committed | At::LevelRead => match now.key {
                None => At::Done,
                Some(revision) if is_late => At::Looked { revision },
                Some(revision) => At::MayDelete { revision },
            },
            At::Looked { .. } if now.is_full => At::Done,
            At::Looked { revision } => At::MayDelete { revision },
            At::MayDelete { revision } => {
                if now.key == Some(revision) || !self.keeps(Rule::ByRevision) {
                    now.key = None;
                    At::Done
                } else {
                    // Somebody has written it meanwhile: it is looked at again.
                    At::Committed
                }
            }
            At::Start | At::Written | At::Done | At::Dead => at,
        }
    }
}

impl Model for World {
    type State = Now;
    type Step = Step;

    fn start(&self) -> Now {
        Now {
            is_full: false,
            key: None,
            last_revision: 0,
            at: [At::Start; 3],
            is_saved: false,
            deaths_left: self.most_deaths,
        }
    }

    fn steps(&self, now: &Now, steps: &mut Vec<Step>) {
        for who in ALL {
            if !matches!(now.at[who as usize], At::Done | At::Dead) {
                steps.push(Step::Go(who));
                if now.deaths_left > 0 {
                    steps.push(Step::Die(who));
                }
            }
        }
    }

    fn take(&self, now: &mut Now, step: Step) {
        match step {
            Step::Die(who) => {
                now.deaths_left -= 1;
                now.at[who as usize] = At::Dead;
            }
            Step::Go(who) => {
                let at = now.at[who as usize];
                now.at[who as usize] = match who {
                    Who::Raises => self.raise(now, at),
                    Who::Lowers => self.lower(now, at),
                    Who::Compares => self.compare(now, at),
                };
            }
        }
    }

    fn is_fault(&self, step: Step) -> bool {
        matches!(step, Step::Die(_))
    }

    fn broken(&self, now: &Now) -> Option<&'static str> {
        if now.is_saved && now.is_full && now.key.is_none() {
            return Some("saved, and her key is not there");
        }
        // What else may be left when two die at once is mended by the next comparison.
        let is_alone = now.at == [At::Dead, At::Start, At::Start];
        let is_lenient = is_alone && now.is_full && now.key.is_none();
        is_lenient.then_some("what is left is too lenient")
    }

    fn left_undone(&self, _now: &Now) -> Option<&'static str> {
        None
    }
}

mod tests;
