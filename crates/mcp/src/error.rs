//! What can go wrong with a tool server, by what its caller can do about it.

use std::fmt;

use fetch::{Hop, Phase};
use rmcp::ServiceError;
use rmcp::model::ErrorCode;
use rmcp::service::ClientInitializeError;
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

/// The longest text of a server's refusal that is kept, in characters.
const LONGEST_WORDS: usize = 500;

/// Why a tool server was of no use. None names a path, a query, a token or what a server said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guarded client had no usable answer: refused, too slow, too large, out of reach.
    #[error(transparent)]
    Fetch(fetch::Error),
    /// It answered with this status, which is no success.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The server has forgotten the session; a new one can be opened.
    #[error("the session is over")]
    SessionOver,
    /// It took longer than was allowed.
    #[error("it took too long")]
    Slow,
    /// The answer ended before it was whole, or became larger than was allowed.
    #[error("the answer broke off, or was too large")]
    CutOff,
    /// What it says is not this protocol, or a version of it that is not known here.
    #[error("it does not speak the Model Context Protocol as known here")]
    Protocol,
    /// The server refuses the request, by the protocol's own means.
    #[error("the server refuses it (code {code})")]
    Rejected {
        /// The code, as JSON-RPC has it.
        code: i32,
        /// Its explanation.
        words: Words,
    },
}

/// What a server said: not to be believed, and not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// The words, at most 500 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Error {
    /// Tells whether a tool that was called may have run although this is what came of it.
    pub const fn may_have_run(&self) -> bool {
        match self {
            Self::Fetch(error) => may_have_arrived(error),
            // The server says that it took the blame (5xx) or put it on us (4xx).
            Self::Status(status) => *status >= 500,
            Self::SessionOver => false,
            // No JSON, no request, no such method, wrong arguments (JSON-RPC 2.0, section 5.1): not begun.
            // Any other code may come of a tool that broke behind its effect.
            Self::Rejected { code, .. } => !matches!(*code, -32_700 | -32_602..=-32_600),
            Self::Slow | Self::CutOff | Self::Protocol => true,
        }
    }

    /// Returns the outcome as metrics name it, out of a closed set.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.label(),
            Self::Status(_) => "invalid_response",
            Self::SessionOver => "session_over",
            Self::Slow => "timeout",
            Self::CutOff => "cut_off",
            Self::Protocol => "protocol",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// Returns the code of a refused address.
    pub const fn code(&self) -> Option<fetch::Code> {
        match self {
            Self::Fetch(error) => error.code(),
            _ => None,
        }
    }

    pub(crate) fn of_start(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::TransportError { error, .. } => Self::of_transport(error),
            ClientInitializeError::JsonRpcError(error) => {
                Self::rejected(error.code, &error.message)
            }
            ClientInitializeError::ConnectionClosed(_) => Self::CutOff,
            _ => Self::Protocol,
        }
    }

    pub(crate) fn of_request(error: ServiceError) -> Self {
        match error {
            ServiceError::TransportSend(error) => Self::of_transport(error),
            ServiceError::McpError(error) => Self::rejected(error.code, &error.message),
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => Self::CutOff,
            _ => Self::Protocol,
        }
    }

    fn of_transport(error: DynamicTransportError) -> Self {
        let Ok(error) = error.error.downcast::<StreamableHttpError<fetch::Error>>() else {
            return Self::CutOff;
        };
        match *error {
            StreamableHttpError::Client(error) => Self::Fetch(error),
            StreamableHttpError::HttpStatus(error) => Self::Status(error.status),
            StreamableHttpError::SessionExpired => Self::SessionOver,
            StreamableHttpError::TransportChannelClosed
            | StreamableHttpError::UnexpectedEndOfStream => Self::CutOff,
            _ => Self::Protocol,
        }
    }

    fn rejected(code: ErrorCode, message: &str) -> Self {
        Self::Rejected {
            code: code.0,
            words: Words(message.chars().take(LONGEST_WORDS).collect()),
        }
    }
}

/// Tells whether a request may have reached the server: everything up to the handshake says no.
const fn may_have_arrived(error: &fetch::Error) -> bool {
    use fetch::Error as E;
    match error {
        E::Refused(refusal) => matches!(refusal.code, fetch::Code::RedirectForbidden),
        E::Timeout(phase) => !matches!(phase, Phase::Connect | Phase::Tls),
        E::Network { kind, .. } => matches!(kind, Hop::Exchange),
        E::TooLarge { .. } | E::InvalidResponse { .. } | E::TypeRefused | E::Cancelled => true,
        E::Busy | E::Setup(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_are_not_shown() {
        let error = Error::rejected(ErrorCode(-32_000), "the token is hunter2");

        let shown = format!("{error} {error:?}");

        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            matches!(&error, Error::Rejected { words, .. } if words.as_str().contains("hunter2"))
        );
    }

    #[test]
    fn a_refusal_has_not_run_where_its_code_says_so() {
        let may_have_run = |code| Error::rejected(ErrorCode(code), "no").may_have_run();

        for code in [-32_700, -32_600, -32_601, -32_602] {
            assert!(!may_have_run(code), "{code}");
        }
        for code in [-32_603, -32_000, 1] {
            assert!(may_have_run(code), "{code}");
        }
    }

    #[test]
    fn what_never_arrived_has_not_run() {
        let refused = Error::Fetch(fetch::Code::BlockedAddress.into());
        assert!(!refused.may_have_run());
        for phase in [Phase::Connect, Phase::Tls] {
            assert!(!Error::Fetch(fetch::Error::Timeout(phase)).may_have_run());
        }
        for phase in [Phase::FirstByte, Phase::Silence, Phase::Total] {
            assert!(Error::Fetch(fetch::Error::Timeout(phase)).may_have_run());
        }
        assert!(Error::Slow.may_have_run() && Error::CutOff.may_have_run());
        assert!(Error::Status(502).may_have_run() && !Error::Status(401).may_have_run());
    }
}
