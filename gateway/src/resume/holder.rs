//! Who holds a shard, as it is stored with the resume point.

use std::fmt;
use std::net::SocketAddr;

/// One run of a gateway: where it runs, and what tells it from the runs before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    full: String,
    /// How long the part is that names the place.
    place: usize,
}

impl Holder {
    /// Names this process. No two live processes of a host listen at the same address, so whoever
    /// had this host and this address before is gone.
    pub fn new(host: &str, listens_at: SocketAddr, random: u64) -> Self {
        let place = format!("{host}/{listens_at}");
        Self {
            full: format!("{place}#{random:016x}"),
            place: place.len(),
        }
    }

    /// Returns the name as it is stored.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// Tells whether the stored name is our own.
    pub fn is(&self, stored: &str) -> bool {
        self.full == stored
    }

    /// Tells whether the stored name is that of a run before this one, in the same place.
    pub fn follows(&self, stored: &str) -> bool {
        let place = stored.rsplit_once('#').map(|(place, _random)| place);
        place == self.full.get(..self.place) && !self.is(stored)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_address_are_followed() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let before = Holder::new("pod-1", at(3000), 1);
        let after = Holder::new("pod-1", at(3000), 2);
        assert!(after.follows(before.as_str()));
        assert!(!after.is(before.as_str()));
        assert!(after.is(after.as_str()) && !after.follows(after.as_str()));
        for other in [
            Holder::new("pod-2", at(3000), 1),
            Holder::new("pod-1", at(3001), 1),
        ] {
            assert!(!after.follows(other.as_str()), "{other}");
        }
        assert!(!after.follows(""));
    }
}
