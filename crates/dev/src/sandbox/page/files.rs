//! The files of the page, which are part of this program: it works without a network and without a
//! build step.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header};

use crate::sandbox::Sandbox;

/// A file of the page: its name, its type, its text.
type File = (&'static str, &'static str, &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../../../page/", $name)))
    };
}

const INDEX: &str = include_str!("../../../page/index.html");
const FILES: [File; 31] = [
    file!("icon.svg", "image/svg+xml"),
    file!("base.css", STYLE),
    file!("layout.css", STYLE),
    file!("message.css", STYLE),
    file!("controls.css", STYLE),
    file!("overlay.css", STYLE),
    file!("main.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("state.js", SCRIPT),
    file!("events.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("icons.js", SCRIPT),
    file!("avatar.js", SCRIPT),
    file!("time.js", SCRIPT),
    file!("markdown.js", SCRIPT),
    file!("text.js", SCRIPT),
    file!("emoji.js", SCRIPT),
    file!("sidebar.js", SCRIPT),
    file!("timeline.js", SCRIPT),
    file!("message.js", SCRIPT),
    file!("embed.js", SCRIPT),
    file!("components.js", SCRIPT),
    file!("reactions.js", SCRIPT),
    file!("threads.js", SCRIPT),
    file!("composer.js", SCRIPT),
    file!("suggest.js", SCRIPT),
    file!("commands.js", SCRIPT),
    file!("interact.js", SCRIPT),
    file!("dialogs.js", SCRIPT),
    file!("form.js", SCRIPT),
    file!("inspector.js", SCRIPT),
];

/// What the page may load: its own files, and pictures that messages show.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data: blob: http: https:; media-src 'self' blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The page's files.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/", get(index))
        .route("/page/{name}", get(file))
}

async fn index() -> Response {
    serve("text/html; charset=utf-8", INDEX)
}

async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => serve(kind, text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn serve(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_that_a_file_imports_is_served() {
        for (name, _, text) in FILES {
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let module = line
                    .split(['\'', '"'])
                    .nth(1)
                    .unwrap()
                    .trim_start_matches("./");
                assert!(
                    FILES.iter().any(|file| file.0 == module),
                    "{name} imports {module}"
                );
            }
        }
    }
}
