//! Bodies that are read whole, up to a bound.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

use crate::classify;
use crate::error::{Class, Error};

/// The largest text of an error that is read. Providers say in some hundred bytes what is wrong,
/// proxies in a page.
const LARGEST_REFUSAL: usize = 256 * 1024;

/// Reads a body; one that is larger than `most` bytes is an error of class unknown.
pub(crate) async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let failed = |error: reqwest::Error| Error::of_transport(&error);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > most {
            return Err(Error::of(Class::Unknown));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads what an answer says that is not a success. Where its text is too large, breaks off or
/// takes longer than `patience`, status and headers tell.
pub(crate) async fn refusal(response: Response, patience: Duration) -> Error {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = timeout(patience, read(response, LARGEST_REFUSAL)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    classify::refusal(status.as_u16(), &headers, &String::from_utf8_lossy(&body))
}
