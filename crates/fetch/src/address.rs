//! What an address leads to: one table, first match counts, and IPv6 is refused by default.
//!
//! The table is ours and not the standard library's `is_global`, whose verdicts change with its
//! version. Registries: IANA's special-purpose address registries, read 2026-11.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The internet.
    Public,
    /// This machine or a private network, which an operator may vouch for.
    Local,
    /// Nothing that anybody should be sent to.
    Blocked,
    /// A service through which a cloud hands out credentials. Nobody may vouch for it.
    Metadata,
}

/// A block of addresses: network, length of its prefix, what it is.
type Block<T> = (T, u32, Reach);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32, reach: Reach) -> Block<u32> {
    (u32::from_be_bytes([a, b, c, d]), prefix, reach)
}

/// The first groups of an IPv6 network; the others are zero.
const fn v6(groups: [u16; 3], prefix: u32, reach: Reach) -> Block<u128> {
    let [a, b, c] = groups;
    let network = ((a as u128) << 112) | ((b as u128) << 96) | ((c as u128) << 80);
    (network, prefix, reach)
}

/// NET-8 before NET-5; what is not in it is public.
const V4: [Block<u32>; 22] = [
    v4(169, 254, 0, 0, 16, Reach::Metadata),
    v4(100, 100, 100, 200, 32, Reach::Metadata), // Alibaba
    v4(168, 63, 129, 16, 32, Reach::Metadata),   // Azure's wire server: looks public
    v4(192, 0, 0, 192, 32, Reach::Metadata),     // Oracle's older one
    v4(0, 0, 0, 0, 8, Reach::Blocked),           // Linux connects 0.0.0.0 to itself
    v4(10, 0, 0, 0, 8, Reach::Local),
    v4(100, 64, 0, 0, 10, Reach::Local),
    v4(127, 0, 0, 0, 8, Reach::Local),
    v4(172, 16, 0, 0, 12, Reach::Local),
    v4(192, 0, 0, 0, 24, Reach::Blocked),
    v4(192, 0, 2, 0, 24, Reach::Blocked),
    v4(192, 31, 196, 0, 24, Reach::Blocked),
    v4(192, 52, 193, 0, 24, Reach::Blocked),
    v4(192, 88, 99, 0, 24, Reach::Blocked),
    v4(192, 168, 0, 0, 16, Reach::Local),
    v4(192, 175, 48, 0, 24, Reach::Blocked),
    v4(198, 18, 0, 0, 15, Reach::Blocked),
    v4(198, 51, 100, 0, 24, Reach::Blocked),
    v4(203, 0, 113, 0, 24, Reach::Blocked),
    v4(224, 0, 0, 0, 4, Reach::Blocked),
    v4(240, 0, 0, 0, 4, Reach::Blocked),
    v4(255, 255, 255, 255, 32, Reach::Blocked),
];

/// NET-8 before NET-7; what is not in it is blocked. Embedded forms are looked at before.
const V6: [Block<u128>; 10] = [
    v6([0xfe80, 0, 0], 10, Reach::Metadata),
    (0xfd00_0ec2_u128 << 96 | 0x254, 128, Reach::Metadata), // AWS
    (0xfd20_00ce_u128 << 96 | 0x254, 128, Reach::Metadata), // Google
    (1, 128, Reach::Local),
    v6([0xfc00, 0, 0], 7, Reach::Local),
    v6([0x2001, 0, 0], 23, Reach::Blocked),
    v6([0x2001, 0x0db8, 0], 32, Reach::Blocked),
    v6([0x2002, 0, 0], 16, Reach::Blocked),
    v6([0x3fff, 0, 0], 20, Reach::Blocked),
    v6([0x2000, 0, 0], 3, Reach::Public),
];

/// Networks of 96 bits before an IPv4 address: compatible, mapped, translated, NAT64 (NET-6).
const EMBEDDING_AT_THE_END: [u128; 4] = [0, 0xffff << 32, 0xffff << 48, 0x0064_ff9b << 96];

/// Tells what an address leads to.
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    let block = V4
        .iter()
        .find(|(network, prefix, _)| (bits ^ network).leading_zeros() >= *prefix);
    block.map_or(Reach::Public, |(.., reach)| *reach)
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if let Some(embedded) = embedded(address) {
        // Refused whatever it holds (NET-6), and never less than what it holds.
        let is_metadata = embedded
            .into_iter()
            .any(|address| reach_v4(address) == Reach::Metadata);
        return if is_metadata {
            Reach::Metadata
        } else {
            Reach::Blocked
        };
    }
    let bits = u128::from(address);
    let block = V6
        .iter()
        .find(|(network, prefix, _)| (bits ^ network).leading_zeros() >= *prefix);
    block.map_or(Reach::Blocked, |(.., reach)| *reach)
}

/// Returns the IPv4 address that stands behind an address, for people; itself if there is none.
pub(crate) fn unwrapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(wrapped) => match embedded(wrapped) {
            Some([address, _]) => IpAddr::V4(address),
            None => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// The IPv4 addresses in an IPv6 address: the one that packets would go to, and for Teredo the server
/// that they would go by (else the same once more).
fn embedded(address: Ipv6Addr) -> Option<[Ipv4Addr; 2]> {
    let bits = u128::from(address);
    let low = |bits: u128| Ipv4Addr::from(u32::try_from(bits & 0xffff_ffff).unwrap_or_default());
    let is_in = |network: u128, prefix: u32| (bits ^ network).leading_zeros() >= prefix;
    // `::` and `::1` are addresses of their own.
    if bits <= 1 {
        return None;
    }
    if EMBEDDING_AT_THE_END
        .iter()
        .any(|network| is_in(*network, 96))
    {
        return Some([low(bits); 2]);
    }
    if is_in(0x2002 << 112, 16) {
        return Some([low(bits >> 80); 2]);
    }
    // Teredo inverts the client's address (RFC 4380, section 4).
    is_in(0x2001 << 112, 32).then(|| [low(!bits), low(bits >> 64)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    /// NET-5, NET-8: the first and the last address of each block, and their neighbours outside.
    #[test]
    fn every_ipv4_block_begins_and_ends_where_it_should() {
        let public_after = |last: Ipv4Addr| u32::from(last).checked_add(1).map(Ipv4Addr::from);
        let blocks = [
            ("0.0.0.0", "0.255.255.255", Reach::Blocked),
            ("10.0.0.0", "10.255.255.255", Reach::Local),
            ("100.64.0.0", "100.127.255.255", Reach::Local),
            ("127.0.0.0", "127.255.255.255", Reach::Local),
            ("168.63.129.16", "168.63.129.16", Reach::Metadata),
            ("169.254.0.0", "169.254.255.255", Reach::Metadata),
            ("172.16.0.0", "172.31.255.255", Reach::Local),
            ("192.0.0.0", "192.0.0.255", Reach::Blocked),
            ("192.0.2.0", "192.0.2.255", Reach::Blocked),
            ("192.31.196.0", "192.31.196.255", Reach::Blocked),
            ("192.52.193.0", "192.52.193.255", Reach::Blocked),
            ("192.88.99.0", "192.88.99.255", Reach::Blocked),
            ("192.168.0.0", "192.168.255.255", Reach::Local),
            ("192.175.48.0", "192.175.48.255", Reach::Blocked),
            ("198.18.0.0", "198.19.255.255", Reach::Blocked),
            ("198.51.100.0", "198.51.100.255", Reach::Blocked),
            ("203.0.113.0", "203.0.113.255", Reach::Blocked),
            ("224.0.0.0", "255.255.255.255", Reach::Blocked),
        ];
        for (first, last, expected) in blocks {
            assert_eq!(of(first), expected, "{first}");
            assert_eq!(of(last), expected, "{last}");
            let (first, last): (Ipv4Addr, Ipv4Addr) =
                (first.parse().unwrap(), last.parse().unwrap());
            if let Some(before) = u32::from(first).checked_sub(1) {
                assert_eq!(reach_v4(before.into()), Reach::Public, "before {first}");
            }
            if let Some(after) = public_after(last) {
                assert_eq!(reach_v4(after), Reach::Public, "after {last}");
            }
        }
        for inside in ["100.100.100.200", "192.0.0.192"] {
            assert_eq!(of(inside), Reach::Metadata, "{inside}");
        }
    }

    /// NET-7: only `2000::/3` is public, and not all of it.
    #[test]
    fn ipv6_is_refused_unless_it_is_known_to_be_public() {
        for public in [
            "2000::",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe:ffff::1",
            "3fff:1000::",
        ] {
            assert_eq!(of(public), Reach::Public, "{public}");
        }
        for blocked in [
            "::",
            "100::1",
            "64:ff9b:1::1",
            "5f00::1",
            "fec0::1",
            "ff0e::1",
            "1::1",
            "4000::1",
            "e000::1",
            "2001:1ff:ffff::1",
            "2001:2::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
        ] {
            assert_eq!(of(blocked), Reach::Blocked, "{blocked}");
        }
        for local in ["::1", "fc00::1", "fdff:ffff::1"] {
            assert_eq!(of(local), Reach::Local, "{local}");
        }
        for metadata in ["fe80::1", "febf:ffff::1", "fd00:ec2::254", "fd20:ce::254"] {
            assert_eq!(of(metadata), Reach::Metadata, "{metadata}");
        }
    }

    /// NET-6, NET-8: every way to write an IPv4 address into an IPv6 address.
    #[test]
    fn an_embedded_address_is_refused_and_named() {
        for (public, private, metadata) in [
            ("::ffff:8.8.8.8", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
            (
                "::ffff:0:8.8.8.8",
                "::ffff:0:10.0.0.1",
                "::ffff:0:a9fe:a9fe",
            ),
            ("::8.8.8.8", "::10.0.0.1", "::a9fe:a9fe"),
            (
                "64:ff9b::8.8.8.8",
                "64:ff9b::10.0.0.1",
                "64:ff9b::a9fe:a9fe",
            ),
            ("2002:808:808::1", "2002:a00:1::1", "2002:a9fe:a9fe::1"),
            ("2001::f7f7:f7f7", "2001::f5ff:fffe", "2001::5601:5601"),
        ] {
            assert_eq!(of(public), Reach::Blocked, "{public}");
            assert_eq!(of(private), Reach::Blocked, "{private}");
            assert_eq!(of(metadata), Reach::Metadata, "{metadata}");
            for (wrapped, address) in [(public, "8.8.8.8"), (private, "10.0.0.1")] {
                let unwrapped = unwrapped(wrapped.parse().unwrap());
                assert_eq!(unwrapped.to_string(), address, "{wrapped}");
            }
        }
        assert_eq!(of("2001:0:a9fe:a9fe::f7f7:f7f7"), Reach::Metadata);
    }
}
