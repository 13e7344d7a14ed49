//! Calls of tools, put together from the fragments in which they are streamed.
//!
//! Providers differ in how they tell the fragments of one call from those of the next: by `index`,
//! by `id`, or by a name that begins a call. What a peer can make us keep has a bound.

use serde_json::{Map, Value};

use crate::tools::{Arguments, ToolCall};

/// Calls of one answer; what comes beyond is dropped. Models ask for a handful at once.
pub(crate) const MOST_CALLS: usize = 16;

/// Arguments of one call. The longest that a tool of ours takes is a text of some kilobytes.
pub(crate) const MOST_ARGUMENT_BYTES: usize = 32 * 1024;

/// Arguments of all calls of an answer: a reply of many steps keeps them all.
const MOST_BYTES_IN_ALL: usize = 64 * 1024;

/// No tool has a longer name (`OpenAI`'s reference, 2026-11).
const MOST_NAME_BYTES: usize = 64;

/// Providers' ids have some 30 characters; more of one is not needed to tell two apart.
const MOST_ID_BYTES: usize = 128;

/// The calls of one answer as far as they have come.
#[derive(Default)]
pub(crate) struct Calls {
    begun: Vec<Begun>,
    /// A call was dropped: what names no call of ours belongs to that one.
    is_full: bool,
}

/// A call whose arguments are still coming.
#[derive(Default)]
struct Begun {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
    is_too_long: bool,
}

impl Calls {
    /// Takes what a piece of an answer says of calls; tells whether it says anything.
    pub(crate) fn take(&mut self, delta: &Value) -> bool {
        let fragments = delta.get("tool_calls").and_then(Value::as_array);
        let fragments = fragments.map(Vec::as_slice).unwrap_or_default();
        for fragment in fragments {
            self.add(fragment);
        }
        !fragments.is_empty()
    }

    /// Returns the calls in the order in which they began.
    pub(crate) fn finish(self) -> Vec<ToolCall> {
        self.begun.into_iter().map(Begun::finish).collect()
    }

    fn add(&mut self, fragment: &Value) {
        let index = fragment.get("index").and_then(Value::as_u64);
        let id = text(fragment, "/id").map(|id| cut(id, MOST_ID_BYTES));
        let name = text(fragment, "/function/name").map(|name| cut(name, MOST_NAME_BYTES));
        let kept: usize = self.begun.iter().map(|call| call.arguments.len()).sum();
        let left = MOST_BYTES_IN_ALL.saturating_sub(kept);
        let Some(call) = self.find(index, id, name) else {
            return;
        };
        if call.name.is_empty() {
            name.unwrap_or_default().clone_into(&mut call.name);
        }
        match fragment.pointer("/function/arguments") {
            Some(Value::String(piece)) => call.push(piece, left),
            // Some give the object itself.
            Some(given @ Value::Object(_)) => call.push(&given.to_string(), left),
            _ => {}
        }
    }

    /// Returns the call that a fragment belongs to; `None` for one that was dropped.
    fn find(
        &mut self,
        index: Option<u64>,
        id: Option<&str>,
        name: Option<&str>,
    ) -> Option<&mut Begun> {
        let place = match index {
            Some(_) => self.begun.iter().rposition(|call| call.index == index),
            None if name.is_none() && !self.is_full => self.begun.len().checked_sub(1),
            None => self
                .begun
                .iter()
                .rposition(|call| id.is_some_and(|id| call.id.as_deref() == Some(id))),
        };
        let known = place.and_then(|place| self.begun.get(place));
        // Some give every call the same index.
        let is_other = known.is_some_and(|call| {
            let has_other_id = id.is_some() && call.id.is_some() && call.id.as_deref() != id;
            has_other_id && name.is_some()
        });
        match place {
            Some(place) if !is_other => self.begun.get_mut(place),
            _ if self.begun.len() < MOST_CALLS => {
                self.begun.push(Begun {
                    index,
                    id: id.map(str::to_owned),
                    ..Begun::default()
                });
                self.begun.last_mut()
            }
            _ => {
                self.is_full = true;
                None
            }
        }
    }
}

impl Begun {
    fn push(&mut self, piece: &str, left: usize) {
        let left = left.min(MOST_ARGUMENT_BYTES.saturating_sub(self.arguments.len()));
        if self.is_too_long || piece.len() > left {
            self.is_too_long = true;
            self.arguments = String::new();
            return;
        }
        self.arguments.push_str(piece);
    }

    fn finish(self) -> ToolCall {
        let arguments = match self.arguments.trim() {
            _ if self.is_too_long => Arguments::Malformed,
            // A tool that takes nothing is often called with nothing.
            "" => Arguments::Given(Map::new()),
            written => serde_json::from_str(written).map_or(Arguments::Malformed, Arguments::Given),
        };
        ToolCall {
            name: self.name,
            arguments,
        }
    }
}

fn text<'a>(fragment: &'a Value, path: &str) -> Option<&'a str> {
    let text = fragment.pointer(path).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

fn cut(text: &str, most_bytes: usize) -> &str {
    let end = text.floor_char_boundary(most_bytes);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
