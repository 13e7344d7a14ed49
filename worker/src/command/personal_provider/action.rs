//! What can be done in the panel, as the ids of its controls say it.

use llm::Provider;
use store::OwnKeyId;

use crate::command::args::{Reading, Written};

/// A key as the panel showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) key: OwnKeyId,
    pub(super) row_version: i32,
}

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show all keys to whoever asks, apart from the notice that offers it.
    Open,
    /// Show all keys.
    Show,
    /// Let the keys pay.
    SwitchOn,
    /// Let them not pay.
    SwitchOff,
    /// Open the form for a key of the provider that was chosen in the menu.
    Enter,
    /// Open it for this provider.
    EnterOf(Provider),
    /// Take a first key of a provider.
    Take(Provider),
    /// Take a key that replaces the one of this version.
    TakeOther(Provider, i32),
    /// Show the key that was chosen in the menu.
    Look,
    /// Show a key.
    ShowKey(Seen),
    /// Ask its provider whether it works.
    Test(Seen),
    /// Use it for talking.
    Use(Seen),
    /// Use it for that no more.
    Spare(Seen),
    /// Show a part of its provider's models, from 0.
    Models(Seen, u8),
    /// Use the model that was chosen in the menu.
    ChooseModel(Seen),
    /// Open the form for a model.
    TypeModel(Seen),
    /// Take what was typed into it.
    TakeModel(Seen),
    /// Ask whether to remove the key.
    AskRemove(Seen),
    /// Remove it.
    Remove(Seen),
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Open => Written::new(b'o').done(),
            Self::Show => Written::new(b's').done(),
            Self::SwitchOn => Written::new(b'1').done(),
            Self::SwitchOff => Written::new(b'0').done(),
            Self::Enter => Written::new(b'a').done(),
            Self::EnterOf(provider) => Written::new(b'f').provider(provider).done(),
            Self::Take(provider) => Written::new(b'F').provider(provider).done(),
            Self::TakeOther(provider, version) => Written::new(b'G')
                .version(version)
                .provider(provider)
                .done(),
            Self::Look => Written::new(b'l').done(),
            Self::ShowKey(seen) => about(b'k', seen).done(),
            Self::Test(seen) => about(b't', seen).done(),
            Self::Use(seen) => about(b'u', seen).done(),
            Self::Spare(seen) => about(b'v', seen).done(),
            Self::Models(seen, page) => about(b'm', seen).byte(page).done(),
            Self::ChooseModel(seen) => about(b'c', seen).done(),
            Self::TypeModel(seen) => about(b'n', seen).done(),
            Self::TakeModel(seen) => about(b'N', seen).done(),
            Self::AskRemove(seen) => about(b'r', seen).done(),
            Self::Remove(seen) => about(b'R', seen).done(),
        }
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'o' => Self::Open,
            b's' => Self::Show,
            b'1' => Self::SwitchOn,
            b'0' => Self::SwitchOff,
            b'a' => Self::Enter,
            b'f' => Self::EnterOf(args.provider()?),
            b'F' => Self::Take(args.provider()?),
            b'G' => {
                let version = args.version()?;
                Self::TakeOther(args.provider()?, version)
            }
            b'l' => Self::Look,
            b'k' => Self::ShowKey(key(&mut args)?),
            b't' => Self::Test(key(&mut args)?),
            b'u' => Self::Use(key(&mut args)?),
            b'v' => Self::Spare(key(&mut args)?),
            b'm' => Self::Models(key(&mut args)?, args.byte()?),
            b'c' => Self::ChooseModel(key(&mut args)?),
            b'n' => Self::TypeModel(key(&mut args)?),
            b'N' => Self::TakeModel(key(&mut args)?),
            b'r' => Self::AskRemove(key(&mut args)?),
            b'R' => Self::Remove(key(&mut args)?),
            _ => return None,
        };
        args.all(action)
    }
}

fn about(tag: u8, seen: Seen) -> Written {
    Written::new(tag).row(seen.key.0).version(seen.row_version)
}

fn key(args: &mut Reading<'_>) -> Option<Seen> {
    Some(Seen {
        key: OwnKeyId(args.row()?),
        row_version: args.version()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let seen = Seen {
            key: OwnKeyId(i64::MAX),
            row_version: i32::MAX,
        };
        let mut actions = vec![
            Action::Open,
            Action::Show,
            Action::SwitchOn,
            Action::SwitchOff,
            Action::Enter,
            Action::Look,
            Action::ShowKey(seen),
            Action::Test(seen),
            Action::Use(seen),
            Action::Spare(seen),
            Action::Models(seen, u8::MAX),
            Action::ChooseModel(seen),
            Action::TypeModel(seen),
            Action::TakeModel(seen),
            Action::AskRemove(seen),
            Action::Remove(seen),
        ];
        for provider in Provider::ALL {
            actions.extend([Action::EnterOf(provider), Action::Take(provider)]);
            actions.push(Action::TakeOther(provider, i32::MAX));
        }
        assert_read_back(&actions, Action::to_args, Action::from_args);
    }
}
