//! Why a file is refused. Always as a whole: nothing of a file is taken that is not right in all of it.

use super::envelope::FileType;
use super::memories::TextFault;

/// What is wrong with a file. Nothing of the file is quoted, but for names of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no JSON in UTF-8, from this place on. Both are counted from 1.
    NotJson {
        /// The line.
        line: usize,
        /// The column in it, in bytes.
        column: usize,
    },
    /// Its lists and objects are nested too deeply.
    TooDeep,
    /// It has too many values.
    TooManyValues,
    /// One of its objects has the same name twice.
    NamedTwice,
    /// It is JSON, and not one of our files.
    NotOurs,
    /// It is of another version.
    Version,
    /// It is another file than is wanted here.
    Type {
        /// What it is; `None` where that is not known.
        found: Option<FileType>,
        /// What is wanted.
        wanted: FileType,
    },
    /// It was made for somebody else.
    Foreign,
    /// What it should hold is not there, or is no list or object.
    NoContents {
        /// The name under which it should stand.
        name: &'static str,
    },
    /// It has more memories than anybody can have.
    TooManyMemories {
        /// How many it has.
        found: usize,
        /// How many there can be.
        most: usize,
    },
    /// One of its memories cannot be one.
    Memory {
        /// Which, counted from 1.
        number: usize,
        /// Why not.
        fault: TextFault,
    },
    /// A setting has a value that it cannot have.
    Setting {
        /// Its name.
        name: &'static str,
        /// What it can be.
        allowed: String,
    },
}
