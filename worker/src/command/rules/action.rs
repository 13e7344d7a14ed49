//! What the controls of the lists ask for, as their ids say it, and what their options name.

use proto::id::ChannelId;
use store::{ListedRow, PersonaId};

use crate::command::args::{Reading, Written};

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show a part of the lists.
    Show(u8),
    /// Take off what is chosen, and show that part again.
    Unlist(u8),
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Show(page) => Written::new(b's').byte(page),
            Self::Unlist(page) => Written::new(b'u').byte(page),
        }
        .done()
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b's' => Self::Show(args.byte()?),
            b'u' => Self::Unlist(args.byte()?),
            _ => return None,
        };
        args.all(action)
    }
}

/// Returns what stands for a row in an option.
pub(super) fn value(row: ListedRow) -> String {
    match row {
        ListedRow::Channel(channel) => format!("channel {channel}"),
        ListedRow::Role(role) => format!("role {role}"),
        ListedRow::Persona(persona, channel) => format!("persona {} {channel}", persona.0),
    }
}

/// Reads that.
pub(super) fn row(value: &str) -> Option<ListedRow> {
    let (list, id) = value.split_once(' ')?;
    match list {
        "channel" => id.parse().ok().map(|id| ListedRow::Channel(ChannelId(id))),
        "role" => id.parse().ok().map(ListedRow::Role),
        "persona" => {
            let (persona, channel) = id.split_once(' ')?;
            let (persona, channel) = (persona.parse().ok()?, channel.parse().ok()?);
            Some(ListedRow::Persona(PersonaId(persona), ChannelId(channel)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let actions = [Action::Show(0), Action::Unlist(u8::MAX)];
        assert_read_back(&actions, Action::to_args, Action::from_args);
    }

    #[test]
    fn every_row_is_read_back_from_its_option() {
        for listed in [
            ListedRow::Channel(ChannelId(u64::MAX)),
            ListedRow::Role(7),
            ListedRow::Persona(PersonaId(i64::MAX), ChannelId(u64::MAX)),
        ] {
            assert!(value(listed).len() <= 100);
            assert_eq!(row(&value(listed)), Some(listed));
        }
        for wrong in ["", "channel", "channel x", "persona 1", "other 1"] {
            assert_eq!(row(wrong), None, "{wrong}");
        }
    }
}
