//! The arguments in the ids of components: numbers and names of providers, in few bytes.

use llm::Provider;

/// Arguments that are written one after the other.
#[derive(Debug)]
pub(super) struct Written(Vec<u8>);

impl Written {
    /// Begins with what shall be done.
    pub(super) fn new(tag: u8) -> Self {
        Self(vec![tag])
    }

    /// Adds a byte.
    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Adds the number of a row.
    pub(super) fn row(mut self, row: i64) -> Self {
        self.0.extend(row.to_be_bytes());
        self
    }

    /// Adds the version of a row.
    pub(super) fn version(mut self, version: i32) -> Self {
        self.0.extend(version.to_be_bytes());
        self
    }

    /// Adds a provider, as the last of all.
    pub(super) fn provider(mut self, provider: Provider) -> Self {
        self.0.extend_from_slice(provider.as_str().as_bytes());
        self
    }

    /// Returns the bytes.
    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Shows that these actions fit into an id and are read back, and that any bytes are read without a
/// panic and written back the same where they mean something.
#[cfg(test)]
pub(super) fn assert_read_back<A: Copy + std::fmt::Debug + PartialEq>(
    actions: &[A],
    write: fn(A) -> Vec<u8>,
    read: fn(&[u8]) -> Option<A>,
) {
    use proptest::prelude::*;
    for action in actions {
        let args = write(*action);
        assert!(args.len() <= super::component::MAX_ARGS_BYTES, "{action:?}");
        assert_eq!(read(&args), Some(*action));
    }
    proptest!(|(args in proptest::collection::vec(any::<u8>(), 0..27))| {
        if let Some(action) = read(&args) {
            prop_assert_eq!(write(action), args);
        }
    });
}

/// Arguments that are read in the order in which they were written.
#[derive(Debug)]
pub(super) struct Reading<'a>(&'a [u8]);

impl<'a> Reading<'a> {
    /// Begins to read.
    pub(super) const fn new(args: &'a [u8]) -> Self {
        Self(args)
    }

    /// Takes a byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// Takes the number of a row.
    pub(super) fn row(&mut self) -> Option<i64> {
        let (row, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i64::from_be_bytes(*row))
    }

    /// Takes the version of a row.
    pub(super) fn version(&mut self) -> Option<i32> {
        let (version, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*version))
    }

    /// Takes the provider, which is the rest.
    pub(super) fn provider(&mut self) -> Option<Provider> {
        let name = std::str::from_utf8(std::mem::take(&mut self.0)).ok()?;
        name.parse().ok()
    }

    /// Returns what was read where nothing is left.
    pub(super) fn all<T>(&self, read: T) -> Option<T> {
        self.0.is_empty().then_some(read)
    }
}
