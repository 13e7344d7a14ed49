//! What the controls of the lists and forms ask for, as their ids say it.

use store::{MemoryId, PersonaId, SeenMemory};

use super::book::Book;
use crate::command::args::{Reading, Written};

/// A memory as it was shown.
pub(super) type Seen = SeenMemory;

/// A part of a list, and what it was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) book: Book,
    pub(super) is_to_remove: bool,
    /// From 0.
    pub(super) page: u8,
}

impl Listed {
    pub(super) const fn to_edit(book: Book) -> Self {
        Self {
            book,
            is_to_remove: false,
            page: 0,
        }
    }

    pub(super) const fn to_remove(book: Book) -> Self {
        Self {
            is_to_remove: true,
            ..Self::to_edit(book)
        }
    }
}

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Take what was typed as a new memory.
    Take(Book),
    /// Show a part of a list.
    Show(Listed),
    /// Do what the list is for with the memory that was chosen in the menu.
    Choose(Listed),
    /// Take what was typed in the place of what a memory says.
    TakeEdit(Listed, Seen),
    /// Remove a memory.
    Remove(Listed, Seen),
}

impl Action {
    /// Returns which memories it is about.
    pub(super) const fn book(self) -> Book {
        match self {
            Self::Take(book) => book,
            Self::Show(listed)
            | Self::Choose(listed)
            | Self::TakeEdit(listed, _)
            | Self::Remove(listed, _) => listed.book,
        }
    }

    /// Returns the arguments of a control that asks for this.
    pub(super) fn to_args(self) -> Vec<u8> {
        match self {
            Self::Take(book) => with_book(Written::new(b'a'), book),
            Self::Show(listed) => with_list(Written::new(b's'), listed),
            Self::Choose(listed) => with_list(Written::new(b'c'), listed),
            Self::TakeEdit(listed, seen) => with_seen(with_list(Written::new(b'e'), listed), seen),
            Self::Remove(listed, seen) => with_seen(with_list(Written::new(b'r'), listed), seen),
        }
        .done()
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let mut args = Reading::new(args);
        let action = match args.byte()? {
            b'a' => Self::Take(book(&mut args)?),
            b's' => Self::Show(listed(&mut args)?),
            b'c' => Self::Choose(listed(&mut args)?),
            b'e' => Self::TakeEdit(listed(&mut args)?, seen(&mut args)?),
            b'r' => Self::Remove(listed(&mut args)?, seen(&mut args)?),
            _ => return None,
        };
        args.all(action)
    }
}

fn with_book(written: Written, book: Book) -> Written {
    match book {
        Book::Global => written.byte(b'g'),
        Book::Personas => written.byte(b'p'),
        Book::Server(persona) => written.byte(b's').row(persona.0),
    }
}

fn with_list(written: Written, listed: Listed) -> Written {
    with_book(written, listed.book)
        .byte(u8::from(listed.is_to_remove))
        .byte(listed.page)
}

fn with_seen(written: Written, seen: Seen) -> Written {
    written.row(seen.id.0).version(seen.row_version)
}

fn book(args: &mut Reading<'_>) -> Option<Book> {
    Some(match args.byte()? {
        b'g' => Book::Global,
        b'p' => Book::Personas,
        b's' => Book::Server(PersonaId(args.row()?)),
        _ => return None,
    })
}

fn listed(args: &mut Reading<'_>) -> Option<Listed> {
    Some(Listed {
        book: book(args)?,
        is_to_remove: match args.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        },
        page: args.byte()?,
    })
}

fn seen(args: &mut Reading<'_>) -> Option<Seen> {
    Some(Seen {
        id: MemoryId(args.row()?),
        row_version: args.version()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::component::MAX_ARGS_BYTES;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let seen = Seen {
            id: MemoryId(i64::MAX),
            row_version: i32::MAX,
        };
        for book in [
            Book::Global,
            Book::Personas,
            Book::Server(PersonaId(i64::MAX)),
        ] {
            let listed = Listed {
                page: u8::MAX,
                ..Listed::to_remove(book)
            };
            for action in [
                Action::Take(book),
                Action::Show(Listed::to_edit(book)),
                Action::Choose(listed),
                Action::TakeEdit(listed, seen),
                Action::Remove(listed, seen),
            ] {
                let args = action.to_args();
                assert!(args.len() <= MAX_ARGS_BYTES, "{action:?}");
                assert_eq!(Action::from_args(&args), Some(action));
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_action(args in proptest::collection::vec(any::<u8>(), 0..27)) {
            // Any bytes are read without a panic, and what is read is written back the same.
            if let Some(action) = Action::from_args(&args) {
                prop_assert_eq!(action.to_args(), args);
            }
        }
    }
}
