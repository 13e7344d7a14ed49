//! Why a file is refused, and what mends it.

use super::{about, taken_by};
use crate::portable::{Refusal, TextFault, VERSION};

pub(super) fn text(refusal: &Refusal) -> String {
    let why = match refusal {
        Refusal::NotJson { line, column } => format!(
            "The file is no JSON from line {line}, column {column} on. A comma or a quote may be \
             missing or too many there."
        ),
        Refusal::TooDeep => {
            "The lists in this file are nested deeper than 64 levels. None of our files is."
                .to_owned()
        }
        Refusal::TooManyValues => {
            "There are more than 200,000 values in this file. None of our files has so many."
                .to_owned()
        }
        Refusal::NamedTwice => {
            "A name stands twice in the same place of this file. Leave one of them out.".to_owned()
        }
        Refusal::NotOurs => format!(
            "The file does not say its `version` and `type` at the top, as a file does that I made: \
             {{\"version\": \"{VERSION}\", \"type\": …, \"data\": …}}."
        ),
        Refusal::Version => format!(
            "The file is of another version; I read version {VERSION}. Export it once more with this \
             version of mine."
        ),
        Refusal::Type {
            found: Some(found),
            wanted,
        } => format!(
            "This file holds {}, and here I take {}. `{}` takes the file.",
            about(*found),
            about(*wanted),
            taken_by(*found)
        ),
        Refusal::Type {
            found: None,
            wanted,
        } => format!(
            "The file is of a type that I do not know; here I take `\"type\": \"{}\"`.",
            wanted.as_str()
        ),
        Refusal::Foreign => {
            "This file was made for somebody else, and what is personal is for that person alone. \
             Hand in one of your own."
                .to_owned()
        }
        Refusal::NoContents { name } => format!(
            "What the file is about is missing: `{name}` is not there, or of another type than in a \
             file that I made."
        ),
        Refusal::TooManyMemories { found, most } => format!(
            "There are {found} memories in this file, and nobody can have more than {most}. Leave \
             some out."
        ),
        Refusal::Memory { number, fault } => memory(*number, *fault),
        Refusal::Setting { name, allowed } => {
            format!("`{name}` has a value that it cannot have: it is {allowed}.")
        }
    };
    format!("{why} Nothing was changed.")
}

fn memory(number: usize, fault: TextFault) -> String {
    match fault {
        TextFault::NotText => {
            format!("Memory {number} of the file is no text. Put it in quotes, or leave it out.")
        }
        TextFault::Empty => format!("Memory {number} of the file is empty. Leave it out."),
        TextFault::TooLong { most } => format!(
            "Memory {number} of the file is too long: one has at most {most} characters. Shorten it."
        ),
    }
}
