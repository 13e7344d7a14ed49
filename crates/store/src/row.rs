//! From columns to our types. What no migration allows is corrupt data, not a panic; the cause is
//! dropped on purpose, because it may quote the value.

use std::str::FromStr;

use crate::Error;

/// Names the place of a value for [`Error::Corrupt`].
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: &'a dyn std::fmt::Display,
}

impl Place<'_> {
    pub(crate) fn corrupt(self) -> Error {
        Error::Corrupt {
            table: self.table,
            column: self.column,
            row: self.row.to_string(),
        }
    }

    /// Parses a text column.
    pub(crate) fn parse<T: FromStr>(self, text: &str) -> Result<T, Error> {
        text.parse().ok().ok_or_else(|| self.corrupt())
    }

    /// Narrows a number column.
    pub(crate) fn narrow<T, N: TryInto<T>>(self, number: N) -> Result<T, Error> {
        number.try_into().ok().ok_or_else(|| self.corrupt())
    }
}
