//! What can be done in the panel, as the ids of its controls say it.

use crate::command::args::{Reading, Written};

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Hand over everything first.
    Export,
    /// Open the form in which the phrase is typed.
    AskPhrase,
    /// Take what was typed.
    TakePhrase,
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        Written::new(match self {
            Self::Export => b'e',
            Self::AskPhrase => b'a',
            Self::TakePhrase => b't',
        })
        .done()
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'e' => Self::Export,
            b'a' => Self::AskPhrase,
            b't' => Self::TakePhrase,
            _ => return None,
        };
        args.all(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back() {
        let all = [Action::Export, Action::AskPhrase, Action::TakePhrase];
        assert_read_back(&all, Action::to_args, Action::from_args);
    }
}
