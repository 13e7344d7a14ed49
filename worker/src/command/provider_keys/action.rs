//! What can be done in the panel, as the ids of its controls say it.

use llm::Provider;
use store::KeyId;

use crate::command::args::{Reading, Written};

/// A key as the panel showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The main key, apart from its place in a pool.
    Main {
        /// Raised by every change of the key and of its state.
        generation: i64,
    },
    /// A row of a pool.
    Pooled {
        /// The row.
        key: KeyId,
        /// Its version.
        row_version: i32,
    },
}

impl Seen {
    /// Returns what a menu calls the key.
    pub(super) fn value(self) -> String {
        match self {
            Self::Main { .. } => "main".to_owned(),
            Self::Pooled { key, .. } => key.0.to_string(),
        }
    }
}

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show a part of the list, from 0.
    Page(u8),
    /// Show the key that was chosen in the menu.
    Look,
    /// Open the form for a key of the provider that was chosen in the menu.
    Add,
    /// Open it for this provider.
    AddOf(Provider),
    /// Take what was typed into it.
    Take(Provider),
    /// Show a key.
    Show(Seen),
    /// Ask its provider whether it works.
    Test(Seen),
    /// Open the form for its label.
    Label(Seen),
    /// Take what was typed into it.
    TakeLabel(Seen),
    /// Take it into use.
    Enable(Seen),
    /// Take it out of use.
    Disable(Seen),
    /// Ask whether to remove it.
    AskRemove(Seen),
    /// Remove it.
    Remove(Seen),
    /// Ask whether to remove all keys of the provider that was chosen in the menu.
    AskPurge,
    /// Remove all keys of a provider.
    Purge(SeenProvider),
}

/// The keys of a provider as the panel showed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenProvider {
    pub(super) provider: Provider,
    /// The newest row.
    pub(super) newest: KeyId,
    /// The generation of the main key, where that is one of them.
    pub(super) main: Option<i64>,
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Page(page) => Written::new(b'p').byte(page).done(),
            Self::Look => Written::new(b'l').done(),
            Self::Add => Written::new(b'a').done(),
            Self::AddOf(provider) => Written::new(b'f').provider(provider).done(),
            Self::Take(provider) => Written::new(b'F').provider(provider).done(),
            Self::Show(seen) => about(b's', seen),
            Self::Test(seen) => about(b't', seen),
            Self::Label(seen) => about(b'n', seen),
            Self::TakeLabel(seen) => about(b'N', seen),
            Self::Enable(seen) => about(b'e', seen),
            Self::Disable(seen) => about(b'd', seen),
            Self::AskRemove(seen) => about(b'r', seen),
            Self::Remove(seen) => about(b'R', seen),
            Self::AskPurge => Written::new(b'x').done(),
            Self::Purge(seen) => {
                let args = match seen.main {
                    Some(generation) => Written::new(b'X').row(generation),
                    None => Written::new(b'Y'),
                };
                args.row(seen.newest.0).provider(seen.provider).done()
            }
        }
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'p' => Self::Page(args.byte()?),
            b'l' => Self::Look,
            b'a' => Self::Add,
            b'f' => Self::AddOf(args.provider()?),
            b'F' => Self::Take(args.provider()?),
            b's' => Self::Show(key(&mut args)?),
            b't' => Self::Test(key(&mut args)?),
            b'n' => Self::Label(key(&mut args)?),
            b'N' => Self::TakeLabel(key(&mut args)?),
            b'e' => Self::Enable(key(&mut args)?),
            b'd' => Self::Disable(key(&mut args)?),
            b'r' => Self::AskRemove(key(&mut args)?),
            b'R' => Self::Remove(key(&mut args)?),
            b'x' => Self::AskPurge,
            b'X' => {
                let main = Some(args.row()?);
                Self::Purge(provider(&mut args, main)?)
            }
            b'Y' => Self::Purge(provider(&mut args, None)?),
            _ => return None,
        };
        args.all(action)
    }
}

fn about(tag: u8, seen: Seen) -> Vec<u8> {
    match seen {
        Seen::Main { generation } => Written::new(tag).byte(b'm').row(generation).done(),
        Seen::Pooled { key, row_version } => Written::new(tag)
            .byte(b'k')
            .row(key.0)
            .version(row_version)
            .done(),
    }
}

fn key(args: &mut Reading<'_>) -> Option<Seen> {
    match args.byte()? {
        b'm' => Some(Seen::Main {
            generation: args.row()?,
        }),
        b'k' => Some(Seen::Pooled {
            key: KeyId(args.row()?),
            row_version: args.version()?,
        }),
        _ => None,
    }
}

fn provider(args: &mut Reading<'_>, main: Option<i64>) -> Option<SeenProvider> {
    Some(SeenProvider {
        newest: KeyId(args.row()?),
        provider: args.provider()?,
        main,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let keys = [
            Seen::Main {
                generation: i64::MAX,
            },
            Seen::Pooled {
                key: KeyId(i64::MAX),
                row_version: i32::MAX,
            },
        ];
        let mut actions = vec![Action::Page(3), Action::Look, Action::Add, Action::AskPurge];
        for provider in Provider::ALL {
            actions.extend([Action::AddOf(provider), Action::Take(provider)]);
            actions.extend([Some(i64::MAX), None].map(|main| {
                Action::Purge(SeenProvider {
                    provider,
                    newest: KeyId(i64::MAX),
                    main,
                })
            }));
        }
        for seen in keys {
            actions.extend([
                Action::Show(seen),
                Action::Test(seen),
                Action::Label(seen),
                Action::TakeLabel(seen),
                Action::Enable(seen),
                Action::Disable(seen),
                Action::AskRemove(seen),
                Action::Remove(seen),
            ]);
        }
        assert_read_back(&actions, Action::to_args, Action::from_args);
    }
}
