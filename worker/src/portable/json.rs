//! Reads JSON that a stranger wrote, within bounds (NET-35): how deep, how much, and no name twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::refusal::Refusal;

/// How deep lists and objects may be nested.
const DEEPEST: u8 = 64;

/// How many values there may be.
const MOST_VALUES: u32 = 200_000;

/// Reads a text. What comes before the first and behind the last value is white space or refused; a
/// byte order mark is passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bounds = Bounds {
        left: Cell::new(MOST_VALUES),
        broken: Cell::default(),
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Inner {
        bounds: &bounds,
        depth: 0,
    };
    let read = value.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        // The error's own words would quote the file.
        bounds.broken.take().unwrap_or(Refusal::NotJson {
            line: error.line(),
            column: error.column(),
        })
    })
}

struct Bounds {
    left: Cell<u32>,
    broken: Cell<Option<Refusal>>,
}

impl Bounds {
    fn refuse<E: serde::de::Error>(&self, why: Refusal) -> E {
        self.broken.set(Some(why));
        E::custom("out of bounds")
    }
}

/// A value so many levels inside.
#[derive(Clone, Copy)]
struct Inner<'a> {
    bounds: &'a Bounds,
    depth: u8,
}

impl Inner<'_> {
    /// Goes into a list or an object.
    fn enter<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(self.bounds.refuse(Refusal::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Inner<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.bounds.left.get().checked_sub(1);
        let left = left.ok_or_else(|| self.bounds.refuse(Refusal::TooManyValues))?;
        self.bounds.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inner<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, is_so: bool) -> Result<Value, E> {
        Ok(is_so.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("no number"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut values = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = object.next_value_seed(inner)?;
            if values.insert(name, value).is_some() {
                return Err(self.bounds.refuse(Refusal::NamedTwice));
            }
        }
        Ok(values.into())
    }
}
