//! Ports that strangers may name: row 5 of the policy (NET-3), `REMOTE_ALLOWED_PORTS`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// HTTPS, and what is not reserved, without well-known services of inner networks.
const DEFAULT: &str = "443,1024-65535,!2375-2376,!2379-2380,!3306,!3389,!4222,!5432,!5672,!6379,\
!6667,!8222,!9000-9001,!9042,!9090,!9092,!9200,!9300,!11211,!15672,!27017";
/// The most items of a list.
const MOST_ITEMS: usize = 64;

/// Which ports are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    included: Vec<RangeInclusive<u16>>,
    excluded: Vec<RangeInclusive<u16>>,
}

impl Ports {
    /// Tells whether a port is allowed.
    pub(crate) fn allow(&self, port: u16) -> bool {
        let is_in = |ranges: &[RangeInclusive<u16>]| ranges.iter().any(|r| r.contains(&port));
        is_in(&self.included) && !is_in(&self.excluded)
    }
}

/// A list that is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no list of at most 64 ports and ranges")]
pub struct InvalidPorts;

impl FromStr for Ports {
    type Err = InvalidPorts;

    /// Reads ports and ranges that are separated by commas; `!` excludes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut ports = Self {
            included: Vec::new(),
            excluded: Vec::new(),
        };
        for (count, item) in text.split(',').map(str::trim).enumerate() {
            let (ranges, item) = match item.strip_prefix('!') {
                Some(item) => (&mut ports.excluded, item),
                None => (&mut ports.included, item),
            };
            let range = parse_range(item).filter(|_| count < MOST_ITEMS);
            ranges.push(range.ok_or(InvalidPorts)?);
        }
        Ok(ports)
    }
}

fn parse_range(item: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let (first, last) = (parse_port(first)?, parse_port(last)?);
    (first <= last).then_some(first..=last)
}

fn parse_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_plain && *port > 0)
}

impl Default for Ports {
    fn default() -> Self {
        DEFAULT.parse().unwrap_or(Self {
            included: Vec::new(),
            excluded: Vec::new(),
        })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let included = self.included.iter().map(|range| ("", range));
        let excluded = self.excluded.iter().map(|range| ("!", range));
        for (index, (sign, range)) in included.chain(excluded).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let (first, last) = (range.start(), range.end());
            if first == last {
                write!(f, "{comma}{sign}{first}")?;
            } else {
                write!(f, "{comma}{sign}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NET-3 row 5.
    #[test]
    fn the_default_allows_high_ports_but_no_known_service() {
        let ports = Ports::default();
        for allowed in [443, 1024, 8443, 11434, 65535] {
            assert!(ports.allow(allowed), "{allowed}");
        }
        for refused in [
            0, 22, 25, 53, 80, 1023, 2375, 2380, 3306, 4222, 5432, 6379, 8222, 9001, 9092, 11211,
            27017,
        ] {
            assert!(!ports.allow(refused), "{refused}");
        }
        assert_eq!(ports.to_string(), DEFAULT);
    }

    #[test]
    fn a_list_that_is_not_understood_is_an_error() {
        for wrong in ["", "443,", "0", "70000", "5-4", "x", "+5", "!"] {
            assert_eq!(wrong.parse::<Ports>(), Err(InvalidPorts), "{wrong:?}");
        }
        let long = vec!["443"; MOST_ITEMS + 1].join(",");
        assert_eq!(long.parse::<Ports>(), Err(InvalidPorts));
    }
}
