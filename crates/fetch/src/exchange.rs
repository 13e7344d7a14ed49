//! One request and the head of its answer over one connection that is used once.
//!
//! The connection is driven by whoever reads the answer, by no task: dropping the answer closes it.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http1::{self, Connection};
use hyper_util::rt::TokioIo;

use crate::connect::Stream;
use crate::error::{Error, Fault, Hop};

/// The largest head of an answer and the most fields in it (NET-14).
const LARGEST_HEAD: usize = 32 * 1024;
const MOST_FIELDS: usize = 100;

/// An answer whose body has not been read yet.
pub(crate) struct Exchange {
    connection: Pin<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>,
    is_closed: bool,
    body: Option<Incoming>,
    status: StatusCode,
}

/// Sends a request and waits for the head of its answer.
///
/// Cancel safe: no; dropped, it is not known whether the request arrived.
pub(crate) async fn send(
    stream: Stream,
    request: Request<Full<Bytes>>,
) -> Result<(Parts, Exchange), Error> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD).max_headers(MOST_FIELDS);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|cause| failure(cause, 0))?;
    let mut exchange = Exchange {
        connection: Box::pin(connection),
        is_closed: false,
        body: None,
        status: StatusCode::OK,
    };
    let mut response = Box::pin(sender.send_request(request));
    let response = poll_fn(|context| {
        exchange.drive(context);
        response.as_mut().poll(context)
    });
    let (parts, body) = response
        .await
        .map_err(|cause| failure(cause, 0))?
        .into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(unusable(parts.status.as_u16(), Fault::Upgrade));
    }
    // The reader's buffer is larger than what may be in it.
    if head_size(&parts.headers) > LARGEST_HEAD {
        return Err(unusable(parts.status.as_u16(), Fault::Head));
    }
    exchange.body = Some(body);
    exchange.status = parts.status;
    Ok((parts, exchange))
}

impl Exchange {
    /// Returns the next bytes of the body as they came over the wire.
    ///
    /// Cancel safe: yes.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let status = self.status.as_u16();
        let frame = poll_fn(|context| {
            self.drive(context);
            match &mut self.body {
                Some(body) => Pin::new(body).poll_frame(context),
                None => Poll::Ready(None),
            }
        });
        let frame = frame
            .await
            .transpose()
            .map_err(|cause| failure(cause, status))?;
        match frame.map(Frame::into_data) {
            None => Ok(None),
            Some(Ok(data)) => Ok(Some(data)),
            Some(Err(_trailers)) => Err(unusable(status, Fault::Trailers)),
        }
    }

    /// Lets the connection work. How it ended is told by the answer or its body as well.
    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.is_closed {
            self.is_closed = self.connection.as_mut().poll(context).is_ready();
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Bytes of all fields as they stand on the wire.
fn head_size(headers: &HeaderMap) -> usize {
    let around = ": \r\n".len();
    let fields = headers.iter();
    fields
        .map(|(name, value)| name.as_str().len() + value.len() + around)
        .sum()
}

fn failure(cause: hyper::Error, status: u16) -> Error {
    if cause.is_parse() {
        unusable(status, Fault::Head)
    } else {
        Error::network(Hop::Exchange, cause)
    }
}

pub(crate) const fn unusable(status: u16, fault: Fault) -> Error {
    Error::InvalidResponse { status, fault }
}
