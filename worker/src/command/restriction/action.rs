//! What the controls of the list ask for, as their ids say it.

use store::RestrictionId;

use crate::command::args::{Reading, Written};

/// A part of the list as it was shown: nothing that came later has a number between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// From 0.
    pub(super) page: u8,
    pub(super) first: RestrictionId,
    pub(super) last: RestrictionId,
}

impl Shown {
    pub(super) const fn range(self) -> (RestrictionId, RestrictionId) {
        (self.first, self.last)
    }
}

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show a part of the list.
    Show(u8),
    /// Lift what was shown there and is not ticked any more.
    Lift(Shown),
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Show(page) => Written::new(b's').byte(page),
            Self::Lift(shown) => Written::new(b'l')
                .byte(shown.page)
                .row(shown.first.0)
                .row(shown.last.0),
        }
        .done()
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b's' => Self::Show(args.byte()?),
            b'l' => Self::Lift(Shown {
                page: args.byte()?,
                first: RestrictionId(args.row()?),
                last: RestrictionId(args.row()?),
            }),
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
    fn every_action_is_read_back_and_fits_into_an_id() {
        let shown = Shown {
            page: u8::MAX,
            first: RestrictionId(1),
            last: RestrictionId(i64::MAX),
        };
        let actions = [Action::Show(0), Action::Lift(shown)];
        assert_read_back(&actions, Action::to_args, Action::from_args);
    }
}
