//! Ids in requests: as text, as Discord writes them, or as numbers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Visitor};

struct IdVisitor<T>(PhantomData<T>);

impl<T: From<u64>> Visitor<'_> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<T, E> {
        Ok(id.into())
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<T, E> {
        id.parse::<u64>().map(T::from).map_err(E::custom)
    }
}

/// Reads an id.
pub(crate) fn one<'de, T: From<u64>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_any(IdVisitor(PhantomData))
}

/// Reads an id that may be left out.
pub(crate) fn optional<'de, T: From<u64>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    one(from).map(Some)
}
