//! 64 bits that stand for a state: a million states share one by chance once in thirty million runs.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Passes fingerprints through: they are spread well already.
pub(crate) type Fingerprint = BuildHasherDefault<Passing>;

/// Returns the fingerprint of a state.
pub(crate) fn fingerprint(state: &impl Hash) -> u64 {
    let mut mixing = Mixing(0);
    state.hash(&mut mixing);
    mixing.finish()
}

/// Cheap without optimisation, because tests are built without it: a multiplication per number.
struct Mixing(u64);

impl Mixing {
    fn mix(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.mix(u64::from(byte) + 1);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number) + 1);
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(u64::from(number) + 1);
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number) + 1);
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number ^ 0xa5a5);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn write_isize(&mut self, number: isize) {
        self.write_usize(number.unsigned_abs());
    }
}

/// A hasher that takes a fingerprint as it is.
#[derive(Default)]
pub(crate) struct Passing(u64);

impl Hasher for Passing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 << 8) | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
