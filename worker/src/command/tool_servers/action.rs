//! What can be done in the panel, as the ids of its controls say it.

use store::{SeenToolServer, ToolServerId};

use crate::command::args::{Reading, Written};

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Show a part of the list of tool servers.
    List(u8),
    /// Open the form for another one.
    Add,
    /// Take what was typed into it.
    Take,
    /// Show the one that was chosen in the menu.
    Pick,
    /// Show a part of the tools of one.
    Show(ToolServerId, u8),
    /// Approve what is ticked in this part of its tools, and nothing else of that part.
    Approve(SeenToolServer, u8),
    /// Take what is ticked in this part of its tools for what only reads, and nothing else of that part.
    MarkReading(SeenToolServer, u8),
    /// Hand out all that models are told of its tools.
    Read(ToolServerId),
    /// Find out whether it answers.
    Test(ToolServerId),
    /// Let replies use it.
    Enable(SeenToolServer),
    /// Let them not.
    Disable(SeenToolServer),
    /// Ask whether to remove it.
    AskRemove(ToolServerId),
    /// Remove it.
    Remove(SeenToolServer),
}

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::List(page) => Written::new(b'l').byte(page).done(),
            Self::Add => Written::new(b'a').done(),
            Self::Take => Written::new(b'A').done(),
            Self::Pick => Written::new(b'p').done(),
            Self::Show(id, page) => Written::new(b's').row(id.0).byte(page).done(),
            Self::Approve(seen, page) => of(b'v', seen).byte(page).done(),
            Self::MarkReading(seen, page) => of(b'm', seen).byte(page).done(),
            Self::Read(id) => Written::new(b'f').row(id.0).done(),
            Self::Test(id) => Written::new(b't').row(id.0).done(),
            Self::Enable(seen) => of(b'e', seen).done(),
            Self::Disable(seen) => of(b'd', seen).done(),
            Self::AskRemove(id) => Written::new(b'r').row(id.0).done(),
            Self::Remove(seen) => of(b'R', seen).done(),
        }
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'l' => Self::List(args.byte()?),
            b'a' => Self::Add,
            b'A' => Self::Take,
            b'p' => Self::Pick,
            b's' => Self::Show(id(&mut args)?, args.byte()?),
            b'v' => Self::Approve(seen(&mut args)?, args.byte()?),
            b'm' => Self::MarkReading(seen(&mut args)?, args.byte()?),
            b'f' => Self::Read(id(&mut args)?),
            b't' => Self::Test(id(&mut args)?),
            b'e' => Self::Enable(seen(&mut args)?),
            b'd' => Self::Disable(seen(&mut args)?),
            b'r' => Self::AskRemove(id(&mut args)?),
            b'R' => Self::Remove(seen(&mut args)?),
            _ => return None,
        };
        args.all(action)
    }
}

fn of(tag: u8, seen: SeenToolServer) -> Written {
    Written::new(tag).row(seen.id.0).version(seen.row_version)
}

fn id(args: &mut Reading<'_>) -> Option<ToolServerId> {
    args.row().map(ToolServerId)
}

fn seen(args: &mut Reading<'_>) -> Option<SeenToolServer> {
    Some(SeenToolServer {
        id: id(args)?,
        row_version: args.version()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let id = ToolServerId(i64::MAX);
        let seen = SeenToolServer {
            id,
            row_version: i32::MAX,
        };
        let actions = [
            Action::List(u8::MAX),
            Action::Add,
            Action::Take,
            Action::Pick,
            Action::Show(id, u8::MAX),
            Action::Approve(seen, u8::MAX),
            Action::MarkReading(seen, u8::MAX),
            Action::Read(id),
            Action::Test(id),
            Action::Enable(seen),
            Action::Disable(seen),
            Action::AskRemove(id),
            Action::Remove(seen),
        ];
        assert_read_back(&actions, Action::to_args, Action::from_args);
    }
}
