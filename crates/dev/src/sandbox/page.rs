//! The page to chat in: its files, and the routes that only a browser needs.
//!
//! The page is plain HTML, CSS and modules of JavaScript, part of this program. It speaks and looks
//! through the same routes as everybody else; what a browser needs besides is here: what one person
//! sees, history by the page, news as it happens, and why the bot did what it did.

mod explain;
pub(crate) mod files;
mod history;
mod live;
mod touch;
mod view;

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use super::Sandbox;

/// What a browser needs besides the sandbox's other routes, below `/sandbox`.
pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/view", get(view::view))
        .route("/commands", get(view::commands))
        .route("/history", get(history::history))
        .route("/live", get(live::listen))
        .route("/explain/{message}", get(explain::explain))
        .route("/typing", post(touch::type_in))
}

/// Refuses what pages of other sites ask this machine's sandbox for: its routes need no password,
/// and a browser says whose page is asking.
pub(crate) async fn only_own_pages(request: Request, next: Next) -> Response {
    if is_ours(request.headers(), request.uri().path()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "only the sandbox's own page may ask").into_response()
    }
}

fn is_ours(headers: &HeaderMap, path: &str) -> bool {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let host = text("host");
    let asker = text("origin").map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    // What a page loads as a picture or a link has no origin, but says how far its site is.
    let is_foreign = matches!(text("sec-fetch-site"), Some("cross-site" | "same-site"));
    host.is_none_or(is_loopback)
        && asker.is_none_or(|asker| Some(asker) == host)
        && (!is_foreign || is_harmless(path))
}

/// The page itself may be linked to, and attachments are signed: neither changes anything.
fn is_harmless(path: &str) -> bool {
    path == "/" || path.starts_with("/attachments/")
}

/// A name that points elsewhere could be made to point here by whoever owns it.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|letter| letter.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let address: Result<IpAddr, _> = address.parse();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        assert!(
            [
                "localhost:80",
                "127.0.0.1:9",
                "[::1]:9",
                "[::1]",
                "127.9.0.1"
            ]
            .into_iter()
            .all(is_loopback)
        );
        assert!(
            ![
                "example.org:80",
                "localhost.example.org",
                "127.0.0.1.example.org:80",
                "127.example.org",
                "10.0.0.1",
                "[::2]:9",
            ]
            .into_iter()
            .any(is_loopback)
        );
    }
}
