//! Names that lead nowhere a stranger may go: rows 6, 7 and 7b of the policy (NET-3).
//!
//! Names are compared by labels, so `localhost.example.com` is an ordinary name. Services that answer
//! any name with an address in it need no list: the address is judged.

use crate::code::Code;

/// Names of metadata services (NET-8), and what is below them.
const METADATA: [&str; 7] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
];
/// This machine.
const LOCALHOST: [&str; 4] = ["localhost", "localdomain", "ip6-localhost", "ip6-loopback"];
/// Ends of names that the public tree does not have or that mean something inside a network: RFC 6761,
/// RFC 7686, RFC 8375, RFC 9476, ICANN's `internal`, and what routers and clusters use.
const RESERVED: [&str; 17] = [
    "local",
    "internal",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "arpa",
    "intranet",
    "private",
    "svc",
    "cluster.local",
    "test",
    "invalid",
    "example",
    "onion",
    "alt",
    "bit",
];

/// Which of the rows refuses a name, if one does.
pub(crate) fn refusal(name: &str) -> Option<Code> {
    if METADATA.iter().any(|known| is_below(name, known)) {
        Some(Code::MetadataForbidden)
    } else if LOCALHOST.iter().any(|known| is_below(name, known)) {
        Some(Code::LocalhostForbidden)
    } else if !name.contains('.') || RESERVED.iter().any(|known| is_below(name, known)) {
        Some(Code::NameForbidden)
    } else {
        None
    }
}

/// Whether a name is another one or ends with all its labels.
fn is_below(name: &str, other: &str) -> bool {
    name.strip_suffix(other)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NET-3 rows 6 to 7b, NET-8.
    #[test]
    fn names_are_refused_by_their_labels() {
        for (name, expected) in [
            ("metadata.google.internal", Some(Code::MetadataForbidden)),
            ("metadata", Some(Code::MetadataForbidden)),
            ("a.b.localhost", Some(Code::LocalhostForbidden)),
            ("localhost.localdomain", Some(Code::LocalhostForbidden)),
            ("ip6-loopback", Some(Code::LocalhostForbidden)),
            ("nats", Some(Code::NameForbidden)),
            ("db.internal", Some(Code::NameForbidden)),
            ("api.default.svc", Some(Code::NameForbidden)),
            ("1.0.0.127.in-addr.arpa", Some(Code::NameForbidden)),
            ("localhost.example.com", None),
            ("metadata.google.internal.example.com", None),
            ("notlocalhost.com", None),
            ("mylocal.com", None),
        ] {
            assert_eq!(refusal(name), expected, "{name}");
        }
    }
}
