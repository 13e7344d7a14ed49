//! Server-sent events: bytes, cut anywhere, to the data of events. Of all fields only `data` is
//! read. What a peer can make us keep has a bound.

use std::collections::VecDeque;
use std::mem;

/// The longest event. A piece of text has some hundred bytes; a provider that gives the whole
/// answer in one piece has less than this to say.
const LONGEST_EVENT: usize = 1024 * 1024;

/// The longest answer on the wire: 100,000 tokens of thought and text, each in its own event of
/// some 300 bytes. Nothing of it is kept here, so this bounds time and money rather than memory.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// The peer sends more than anybody has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Turns bytes into events.
#[derive(Default)]
pub(crate) struct Events {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The data of the event that has not ended yet.
    data: Option<Vec<u8>>,
    complete: VecDeque<Vec<u8>>,
    /// A line feed that belongs to a line end which was seen already.
    skip_line_feed: bool,
    read_bytes: usize,
}

impl Events {
    /// Takes bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.read_bytes = self.read_bytes.saturating_add(bytes.len());
        if self.read_bytes > LONGEST_ANSWER {
            return Err(TooLong);
        }
        for byte in bytes {
            let skip_line_feed = mem::take(&mut self.skip_line_feed);
            match byte {
                b'\n' if skip_line_feed => {}
                b'\n' => self.end_line(),
                b'\r' => {
                    self.skip_line_feed = true;
                    self.end_line();
                }
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > LONGEST_EVENT {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// Takes the end of the bytes. Some providers leave the last line end out.
    pub(crate) fn finish(&mut self) {
        self.end_line();
        self.complete.extend(self.data.take());
    }

    /// Returns the data of the next event that is complete.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        self.complete.pop_front()
    }

    /// Tells whether no event is complete.
    pub(crate) fn is_drained(&self) -> bool {
        self.complete.is_empty()
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            self.complete.extend(self.data.take());
        } else if let Some(value) = self.line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(events: &mut Events) -> Vec<String> {
        std::iter::from_fn(|| events.next())
            .map(|data| String::from_utf8(data).unwrap())
            .collect()
    }

    #[test]
    fn every_cut_and_every_line_end_gives_the_same_events() {
        let wire = ": hello\n\nevent: x\ndata: one\n\ndata:two\ndata: 界\nid: 7\n\n\n\ndata\n\n";
        for wire in [
            wire.to_owned(),
            wire.replace('\n', "\r\n"),
            wire.replace('\n', "\r"),
        ] {
            for cut in 0..=wire.len() {
                let (before, after) = wire.as_bytes().split_at(cut);
                let mut events = Events::default();
                events.push(before).unwrap();
                events.push(after).unwrap();
                assert_eq!(
                    all(&mut events),
                    ["one", "two\n界"],
                    "{wire:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn last_event_needs_no_line_end() {
        for wire in ["data: x", "data: x\n"] {
            let mut events = Events::default();
            events.push(wire.as_bytes()).unwrap();
            assert!(events.next().is_none());
            events.finish();
            assert_eq!(all(&mut events), ["x"]);
        }
    }

    #[test]
    fn neither_a_line_nor_an_event_grows_without_end() {
        let block = vec![b'x'; 64 * 1024];
        let line = [b"data: ".as_slice(), &block, b"\n"].concat();
        for endless in [block, line] {
            let mut events = Events::default();
            let pushed = (0..1024).take_while(|_| events.push(&endless).is_ok());
            assert!((15..=16).contains(&pushed.count()));
        }
    }

    #[test]
    fn comments_and_events_are_not_kept_but_counted() {
        let mut events = Events::default();
        let block = ": still there\n\n".repeat(4096);
        let pushed = (0..2048).take_while(|_| events.push(block.as_bytes()).is_ok());
        assert_eq!(pushed.count(), LONGEST_ANSWER / block.len());
        assert!(events.line.is_empty() && events.complete.is_empty());
    }
}
