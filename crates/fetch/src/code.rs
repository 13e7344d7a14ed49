//! Refusals: the codes that people and programs see, and the address behind one.

use std::fmt;
use std::net::IpAddr;

/// Why a URL, an address or a redirect is refused. The texts are stable and part of our interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is no absolute URL in its one plain spelling.
    InvalidFormat,
    /// The scheme is neither `http` nor `https`.
    InvalidProtocol,
    /// There is a user name or password in it.
    UserinfoForbidden,
    /// It is not encrypted.
    HttpsRequired,
    /// The port is not one that strangers may name.
    PortForbidden,
    /// The metadata service of a cloud; no switch lifts this.
    MetadataForbidden,
    /// This machine by name or literal.
    LocalhostForbidden,
    /// A name that no public name server has.
    NameForbidden,
    /// The name has no address, too many of them, or nobody told in time.
    DnsResolutionFailed,
    /// An address that is not public, or one of our own listeners.
    BlockedAddress,
    /// A local exception without encryption that leads elsewhere as well.
    RemoteHttpForbidden,
    /// The request would leave the origin that it was registered for.
    OriginForbidden,
    /// A redirect where none is followed.
    RedirectForbidden,
    /// More redirects than are followed.
    TooManyRedirects,
    /// A redirect without one usable target.
    InvalidRedirect,
    /// A redirect that wants the body sent to another origin.
    RedirectBodyWithheld,
    /// The other origin asks for the credentials that it was not given.
    RedirectCredentialsWithheld,
    /// The URL carries a secret of ours.
    SecretInUrl,
    /// A model made up a URL with room for what was said.
    ExfiltrationSuspected,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 19] = [
        Self::InvalidFormat,
        Self::InvalidProtocol,
        Self::UserinfoForbidden,
        Self::HttpsRequired,
        Self::PortForbidden,
        Self::MetadataForbidden,
        Self::LocalhostForbidden,
        Self::NameForbidden,
        Self::DnsResolutionFailed,
        Self::BlockedAddress,
        Self::RemoteHttpForbidden,
        Self::OriginForbidden,
        Self::RedirectForbidden,
        Self::TooManyRedirects,
        Self::InvalidRedirect,
        Self::RedirectBodyWithheld,
        Self::RedirectCredentialsWithheld,
        Self::SecretInUrl,
        Self::ExfiltrationSuspected,
    ];

    /// Returns the code as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFormat => "INVALID_FORMAT",
            Self::InvalidProtocol => "INVALID_PROTOCOL",
            Self::UserinfoForbidden => "USERINFO_FORBIDDEN",
            Self::HttpsRequired => "HTTPS_REQUIRED",
            Self::PortForbidden => "PORT_FORBIDDEN",
            Self::MetadataForbidden => "METADATA_FORBIDDEN",
            Self::LocalhostForbidden => "LOCALHOST_FORBIDDEN",
            Self::NameForbidden => "NAME_FORBIDDEN",
            Self::DnsResolutionFailed => "DNS_RESOLUTION_FAILED",
            Self::BlockedAddress => "BLOCKED_ADDRESS",
            Self::RemoteHttpForbidden => "REMOTE_HTTP_FORBIDDEN",
            Self::OriginForbidden => "ORIGIN_FORBIDDEN",
            Self::RedirectForbidden => "REDIRECT_FORBIDDEN",
            Self::TooManyRedirects => "TOO_MANY_REDIRECTS",
            Self::InvalidRedirect => "INVALID_REDIRECT",
            Self::RedirectBodyWithheld => "REDIRECT_BODY_WITHHELD",
            Self::RedirectCredentialsWithheld => "REDIRECT_CREDENTIALS_WITHHELD",
            Self::SecretInUrl => "SECRET_IN_URL",
            Self::ExfiltrationSuspected => "EXFILTRATION_SUSPECTED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refusal: its code, and for those who may see it, the address that was the reason (NET-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The first address that was refused, in the resolver's order; an IPv4 address that was
    /// wrapped in an IPv6 address stands for itself. Only for who may manage the server.
    pub address: Option<IpAddr>,
    /// How many addresses the name has; 0 where no address was looked at.
    pub address_count: usize,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            address: None,
            address_count: 0,
        }
    }
}
