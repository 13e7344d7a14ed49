//! Where a URL leads, read from its text alone: rows 1 to 3 of the policy (NET-3).
//!
//! One parser reads it, and what it understood must be what is written: another spelling of the same
//! host is refused, not repaired, because the next parser may read it differently.

use std::net::IpAddr;

use url::Url;

use crate::code::Code;

/// The longest URL, in characters.
const LONGEST: usize = 2048;
/// Lengths of a name and of its labels (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host in its normal form (NET-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name in ASCII and lower case, without a dot at its end.
    Name(String),
    /// An address literal.
    Address(IpAddr),
}

/// A URL that is `http` or `https`, names no user, and spells its host plainly.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, Code> {
        let (url, authority) = read(text)?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        // The host of another scheme is read by other rules: only that there is one.
        let host = is_web.then(|| read_host(&url, place)).transpose()?;
        let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
            return Err(Code::InvalidProtocol);
        };
        if user.is_some() {
            return Err(Code::UserinfoForbidden);
        }
        Ok(Self { url, host, port })
    }

    /// Tells whether the connection is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The URL as it was understood.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The host as people write it, without brackets.
    pub(crate) fn host_text(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    /// Tells whether both have the same scheme, host and port (NET-19).
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        self.url.scheme() == other.url.scheme()
            && self.host == other.host
            && self.port == other.port
    }
}

/// Neither path nor query: they may hold what nobody should read in a log.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{:?}:{}", self.url.scheme(), self.host, self.port)
    }
}

/// Row 1 up to the host: the parsed URL, and its authority as it is written.
fn read(text: &str) -> Result<(Url, &str), Code> {
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '\\';
    if text.chars().count() > LONGEST || text.contains(is_odd) {
        return Err(Code::InvalidFormat);
    }
    let url = Url::parse(text).map_err(|_unreadable| Code::InvalidFormat)?;
    // Right behind the scheme: a parser takes less than two slashes, and a path may hold them too.
    let rest = text.get(url.scheme().len()..);
    let rest = rest.and_then(|rest| rest.strip_prefix("://"));
    let rest = rest.ok_or(Code::InvalidFormat)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if authority.is_empty() || !has_host {
        return Err(Code::InvalidFormat);
    }
    Ok((url, authority))
}

/// Row 1, the host: as written and as understood are the same.
fn read_host(url: &Url, place: &str) -> Result<Host, Code> {
    let (written, port) = split_port(place).ok_or(Code::InvalidFormat)?;
    let is_plain_port = !port.starts_with('0') || port == "0";
    if written.contains('%') || !is_plain_port {
        return Err(Code::InvalidFormat);
    }
    match url.host().ok_or(Code::InvalidFormat)? {
        url::Host::Ipv4(address) if written == address.to_string() => {
            Ok(Host::Address(address.into()))
        }
        url::Host::Ipv4(_) => Err(Code::InvalidFormat),
        url::Host::Ipv6(address) => Ok(Host::Address(address.into())),
        url::Host::Domain(name) if is_same_name(written, name) => plain_name(name),
        url::Host::Domain(_) => Err(Code::InvalidFormat),
    }
}

/// Parts a host from its port, which may be missing or empty but is made of digits.
fn split_port(place: &str) -> Option<(&str, &str)> {
    let host_end = match place.rfind(']') {
        Some(bracket) => bracket + 1,
        None => place.rfind(':').unwrap_or(place.len()),
    };
    let (host, rest) = place.split_at_checked(host_end)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => port,
        None if rest.is_empty() => "",
        None => return None,
    };
    port.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some((host, port))
}

/// An international name may be written in its own letters, if nothing but the encoding differs.
fn is_same_name(written: &str, understood: &str) -> bool {
    if written.is_ascii() {
        return written.eq_ignore_ascii_case(understood);
    }
    let (in_own_letters, result) = idna::domain_to_unicode(understood);
    result.is_ok() && in_own_letters == written.to_lowercase()
}

fn plain_name(name: &str) -> Result<Host, Code> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > LONGEST_NAME || !name.split('.').all(is_label) {
        return Err(Code::InvalidFormat);
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Code {
        Target::parse(text).unwrap_err()
    }

    fn host(text: &str) -> Host {
        Target::parse(text).unwrap().host
    }

    /// NET-3 row 1.
    #[test]
    fn only_one_spelling_of_a_host_is_taken() {
        for other in [
            "https://2130706433/",
            "https://0x7f.1/",
            "https://010.8.8.8/",
            "https://8.8.8.8./",
            "https://8.8.8.8../",
            "https://１.１.１.１/",
            "https://exa%6dple.com/",
            "https://ｅxample.com/",
            "https://example。com/",
            "https://exam\u{ad}ple.com/",
            "https://[fe80::1%25eth0]/",
            "https:example.com",
            "https:/example.com",
            "https:example.com/://example.com/",
            "https:user:password@example.com/://example.com/",
            "https:////example.com",
            "https://example.com\\@other.com/",
            "https://exam\tple.com/",
            " https://example.com/",
            "https://example.com:0443/",
            "https://a..example.com/",
            "https://-a.example.com/",
            "https://a!b.example.com/",
            "//example.com/",
            "example.com",
            "https://",
        ] {
            assert_eq!(refusal(other), Code::InvalidFormat, "{other:?}");
        }
        assert_eq!(host("https://1.1.1.1/"), Host::Address([1, 1, 1, 1].into()));
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        assert_eq!(refusal(&long), Code::InvalidFormat);
    }

    /// NET-4.
    #[test]
    fn a_name_is_compared_in_its_normal_form() {
        let expected = Host::Name("xn--bcher-kva.example.com".to_owned());
        assert_eq!(host("https://bücher.example.com/"), expected);
        assert_eq!(host("HTTPS://BÜCHER.EXAMPLE.COM./"), expected);
        assert_eq!(host("https://xn--bcher-kva.example.com:/"), expected);
    }

    /// NET-3 rows 2 and 3, in their order.
    #[test]
    fn schemes_and_users_are_refused_by_their_own_codes() {
        assert_eq!(refusal("ftp://user@example.com/"), Code::InvalidProtocol);
        for user in [
            "https://u:p@example.com/",
            "https://@example.com/",
            "https://:@example.com/",
            "https://a@b@example.com/",
        ] {
            assert_eq!(refusal(user), Code::UserinfoForbidden, "{user}");
        }
    }

    /// NET-23.
    #[test]
    fn neither_path_nor_query_is_printed() {
        let target = Target::parse("https://example.com/secret?key=secret").unwrap();
        assert!(!format!("{target:?}").contains("secret"));
    }
}
