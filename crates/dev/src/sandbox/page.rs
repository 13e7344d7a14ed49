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

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};

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
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(text);
    let origin = headers.get(header::ORIGIN).and_then(text);
    let asker = origin.map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    let is_ours = asker.is_none_or(|asker| Some(asker) == host) && host.is_none_or(is_loopback);
    if is_ours {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "only the sandbox's own page may ask").into_response()
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// A name that points elsewhere could be made to point here by whoever owns it.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "[::1]" || name.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        assert!(
            ["localhost:80", "127.0.0.1:9", "[::1]:9", "127.0.0.1"]
                .into_iter()
                .all(is_loopback)
        );
        assert!(
            !["example.org:80", "localhost.example.org", "10.0.0.1"]
                .into_iter()
                .any(is_loopback)
        );
    }
}
