//! What can be done in the panel, as the ids of its controls say it.

use store::ServerPart;

use crate::command::args::{Reading, Written};

/// What a control asks for; a part of `None` is everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Open the form in which something is typed as a proof.
    AskProof(Option<ServerPart>),
    /// Take what was typed.
    TakeProof(Option<ServerPart>, Proof),
}

/// What the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The server's name.
    Name,
    /// A phrase, where there is no name.
    Phrase,
}

const PARTS: [(Option<ServerPart>, u8); 3] = [
    (None, b'e'),
    (Some(ServerPart::Memories), b'm'),
    (Some(ServerPart::Personas), b'p'),
];

const PROOFS: [(Proof, u8); 2] = [(Proof::Name, b'n'), (Proof::Phrase, b'f')];

impl Action {
    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::AskProof(part) => Written::new(b'a').byte(byte_of(&PARTS, part)).done(),
            Self::TakeProof(part, proof) => Written::new(b't')
                .byte(byte_of(&PARTS, part))
                .byte(byte_of(&PROOFS, proof))
                .done(),
        }
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'a' => Self::AskProof(of_byte(&PARTS, args.byte()?)?),
            b't' => {
                let part = of_byte(&PARTS, args.byte()?)?;
                Self::TakeProof(part, of_byte(&PROOFS, args.byte()?)?)
            }
            _ => return None,
        };
        args.all(action)
    }
}

fn byte_of<T: Copy + PartialEq>(known: &[(T, u8)], value: T) -> u8 {
    let mut known = known.iter();
    let found = known.find(|(one, _)| *one == value);
    found.map_or(0, |(_, byte)| *byte)
}

fn of_byte<T: Copy>(known: &[(T, u8)], byte: u8) -> Option<T> {
    let mut known = known.iter();
    let found = known.find(|(_, one)| *one == byte);
    found.map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back() {
        let mut all = Vec::new();
        for (part, _) in PARTS {
            all.push(Action::AskProof(part));
            all.extend(PROOFS.map(|(proof, _)| Action::TakeProof(part, proof)));
        }
        assert_read_back(&all, Action::to_args, Action::from_args);
    }
}
