//! What a redirect leads to, and what may go along (NET-16 to NET-21). Pure.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, LOCATION, USER_AGENT,
};
use http::{HeaderMap, Method, StatusCode};

use crate::code::Code;
use crate::target::Target;

/// What another origin may see of a request (NET-19).
const KEPT: [HeaderName; 5] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    USER_AGENT,
];

/// What to do with redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Follow as many as are allowed, each judged like a new URL.
    Follow,
    /// Take none: every call that carries a token, and tool servers (NET-21).
    Refuse,
}

/// A request at one of its stations.
#[derive(Clone)]
pub struct Station {
    /// Where it is.
    pub url: String,
    /// Its method.
    pub method: Method,
    /// What is sent along.
    pub headers: HeaderMap,
    /// What is sent; empty for none.
    pub body: Bytes,
    /// Redirects that were followed so far.
    pub followed: u8,
    /// Whether something was left behind on the way.
    pub is_withheld: bool,
}

/// Returns the next station, or `None` when this answer is the last; at most `most` are followed.
/// Where it leads is not judged yet.
///
/// # Errors
/// What may not be followed, and credentials that are asked for where they were withheld.
pub fn next_station(
    station: &Station,
    status: StatusCode,
    answer: &HeaderMap,
    redirects: Redirects,
    most: u8,
) -> Result<Option<Station>, Code> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        let asks = matches!(status.as_u16(), 401 | 403 | 407);
        return if asks && station.is_withheld {
            Err(Code::RedirectCredentialsWithheld)
        } else {
            Ok(None)
        };
    }
    if redirects == Redirects::Refuse {
        return Err(Code::RedirectForbidden);
    }
    if station.followed >= most {
        return Err(Code::TooManyRedirects);
    }
    let here = Target::parse(&station.url)?;
    let url = locate(&here, answer)?;
    let there = Target::parse(&url)?;
    if here.is_https() && !there.is_https() {
        return Err(Code::HttpsRequired);
    }
    let mut next = Station {
        url,
        followed: station.followed + 1,
        ..station.clone()
    };
    change_method(&mut next, status);
    if !here.is_same_origin(&there) {
        leave_origin(&mut next)?;
    }
    Ok(Some(next))
}

/// Reads the only `Location`. An absolute one keeps its spelling, which the policy will judge.
fn locate(here: &Target, answer: &HeaderMap) -> Result<String, Code> {
    let mut locations = answer.get_all(LOCATION).iter();
    let (Some(location), None) = (locations.next(), locations.next()) else {
        return Err(Code::InvalidRedirect);
    };
    let location = location.to_str().map_err(|_odd| Code::InvalidRedirect)?;
    if location.is_empty() || location.contains(['\\', ' ', '\t']) {
        return Err(Code::InvalidRedirect);
    }
    if location.starts_with("//") {
        return Ok(format!("{}:{location}", here.url().scheme()));
    }
    if url::Url::parse(location).is_ok() {
        return Ok(location.to_owned());
    }
    let joined = here.url().join(location);
    let joined = joined.map_err(|_unusable| Code::InvalidRedirect)?;
    Ok(joined.into())
}

/// NET-18: some redirects turn a request into a plain question.
fn change_method(next: &mut Station, status: StatusCode) {
    let was_post = next.method == Method::POST;
    let asks = match status.as_u16() {
        303 => next.method != Method::HEAD,
        301 | 302 => was_post,
        _ => false,
    };
    if asks {
        next.method = Method::GET;
        next.body = Bytes::new();
        let content: Vec<_> = next.headers.keys().cloned().collect();
        for name in content {
            if name.as_str().starts_with("content-") {
                next.headers.remove(name);
            }
        }
    }
}

/// NET-19, NET-20: another origin gets neither credentials nor what was meant for this one.
fn leave_origin(next: &mut Station) -> Result<(), Code> {
    if !next.body.is_empty() {
        return Err(Code::RedirectBodyWithheld);
    }
    let names: Vec<_> = next.headers.keys().cloned().collect();
    for name in names {
        if !KEPT.contains(&name) {
            next.headers.remove(name);
            next.is_withheld = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
