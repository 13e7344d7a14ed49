//! What can become of a request, by what its caller can do about it (NET-22).

use std::error::Error as StdError;

use crate::code::{Code, Refusal};

/// The cause of an error; it names no path, query or header.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy refuses; asking again does not help, and the other side is not to blame.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// Something took too long.
    #[error("timed out: {0:?}")]
    Timeout(Phase),
    /// There is more than was allowed.
    #[error("larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was allowed.
        limit_bytes: u64,
    },
    /// The other side answered what cannot be used.
    #[error("unusable answer with status {status}: {fault:?}")]
    InvalidResponse {
        /// The status; 0 where it was not even read.
        status: u16,
        /// What is wrong.
        fault: Fault,
    },
    /// There is no connection, or no more.
    #[error("network: {kind:?}")]
    Network {
        /// Where it broke.
        kind: Hop,
        /// What broke it.
        #[source]
        cause: Cause,
    },
    /// What came is none of what the use takes.
    #[error("its content is of another type")]
    TypeRefused,
    /// There is no room for it now.
    #[error("too much is being downloaded")]
    Busy,
    /// Whoever wanted it no longer does.
    #[error("cancelled")]
    Cancelled,
    /// This process cannot ask at all.
    #[error("cannot be set up")]
    Setup(#[source] Cause),
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No address took the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The head of the answer.
    FirstByte,
    /// The next part of the body.
    Silence,
    /// All of it.
    Total,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A status that is no success.
    Status,
    /// A head that is too large, has too many fields, or is not HTTP.
    Head,
    /// The connection would become something else.
    Upgrade,
    /// An encoding that was not asked for.
    Encoding,
    /// A body that is not what its encoding says.
    Damaged,
    /// Fields behind the body.
    Trailers,
}

/// Where a connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Before there was one.
    Connect,
    /// At the operator's proxy.
    Proxy,
    /// While TLS was agreed upon: a wrong certificate, for instance.
    Tls,
    /// Afterwards.
    Exchange,
}

impl Error {
    pub(crate) fn setup(cause: impl Into<Cause>) -> Self {
        Self::Setup(cause.into())
    }

    pub(crate) fn network(kind: Hop, cause: impl Into<Cause>) -> Self {
        Self::Network {
            kind,
            cause: cause.into(),
        }
    }

    /// Returns the code of a refusal.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Returns the outcome as metrics and logs name it; a refusal has its code besides.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Timeout(_) => "timeout",
            Self::TooLarge { .. } => "size_exceeded",
            Self::InvalidResponse { .. } => "invalid_response",
            Self::Network { .. } => "network",
            Self::TypeRefused => "type_refused",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::Setup(_) => "setup",
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}
