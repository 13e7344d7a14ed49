//! A second net under the logs: what equals a loaded secret, or looks like one, is written as
//! `[redacted]` (SEC-21). No code relies on it: what is logged holds no secret in the first place.

use std::borrow::Cow;
use std::io::{self, Stderr, Write};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex_lite::Regex;
use secrecy::{ExposeSecret, SecretString};

const REDACTED: &str = "[redacted]";

/// Shorter values are words of every second line: they would make logs unreadable.
const SHORTEST: usize = 8;

/// The loaded secrets of this process.
static LOADED: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// What secrets look like, and what is written instead.
static SHAPES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let shapes = [
        // Discord's page "Authentication", 2026-11: three parts in base64, the first an id.
        (
            r"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}",
            REDACTED,
        ),
        (r"\bsk-[A-Za-z0-9_-]{8,}", REDACTED),
        (r"\bAIza[A-Za-z0-9_-]{10,}", REDACTED),
        (r#"(?i)\bbearer\s+[^\s"',\\]+"#, "Bearer [redacted]"),
        (
            r#"\b([A-Za-z][A-Za-z0-9+.-]*://[^\s"'?\\]*)\?[^\s"'\\]*"#,
            "$1?[redacted]",
        ),
    ];
    // Every pattern is a constant; one that could not be compiled would be missed by the tests.
    let compiled = shapes.map(|(pattern, instead)| Some((Regex::new(pattern).ok()?, instead)));
    compiled.into_iter().flatten().collect()
});

/// From now on these are never written, whatever else is.
pub(crate) fn remember(secrets: Vec<SecretString>) {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    for secret in secrets {
        let text = secret.expose_secret();
        let is_known = loaded.iter().any(|known| known.expose_secret() == text);
        if text.len() >= SHORTEST && !is_known {
            loaded.push(secret);
        }
    }
}

/// Where log lines go.
pub(crate) fn stderr() -> Redacting<Stderr> {
    Redacting(io::stderr())
}

/// Writes what is left of each piece; a log line comes as one piece.
pub(crate) struct Redacting<W>(W);

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let left = redact(
            &text,
            &LOADED.lock().unwrap_or_else(PoisonError::into_inner),
        );
        self.0.write_all(left.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn redact<'a>(line: &'a str, loaded: &[SecretString]) -> Cow<'a, str> {
    let mut line = Cow::Borrowed(line);
    for secret in loaded {
        let plain = secret.expose_secret();
        // As it stands between the quotation marks of JSON and of `Debug`.
        let escaped = format!("{plain:?}");
        for text in [plain, escaped.trim_matches('"')] {
            if line.contains(text) {
                line = Cow::Owned(line.replace(text, REDACTED));
            }
        }
    }
    for (shape, instead) in &*SHAPES {
        if shape.is_match(&line) {
            line = Cow::Owned(shape.replace_all(&line, *instead).into_owned());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn net(line: &str) -> String {
        let secrets = ["hunter2-and-more", "with \"quotes\" in it"].map(SecretString::from);
        redact(line, &secrets).into_owned()
    }

    /// SEC-21.
    #[test]
    fn loaded_secrets_are_never_written() {
        assert_eq!(net("a hunter2-and-more b"), "a [redacted] b");
        assert_eq!(
            net(r#"{"error":"with \"quotes\" in it!"}"#),
            r#"{"error":"[redacted]!"}"#
        );
        assert_eq!(net("hunter2"), "hunter2");
    }

    /// SEC-21: each shape, in the midst of a line of JSON.
    #[test]
    fn what_looks_like_a_secret_is_never_written() {
        assert_eq!(SHAPES.len(), 5);
        let token = format!("{}.{}.{}", "A".repeat(24), "b".repeat(6), "c-d_e".repeat(6));
        for secret in [token.as_str(), "sk-0123456789", "AIzaSyA-0123456789"] {
            let line = format!(r#"{{"error":"{secret}"}}"#);
            assert_eq!(net(&line), r#"{"error":"[redacted]"}"#, "{secret}");
        }
        assert_eq!(
            net("authorization: bearer abc.def"),
            "authorization: Bearer [redacted]"
        );
        assert_eq!(
            net(r#"at "https://cdn.example/a.png?ex=1&hm=2","n":1"#),
            r#"at "https://cdn.example/a.png?[redacted]","n":1"#
        );
    }

    #[test]
    fn what_is_no_secret_is_written_as_it_is() {
        for line in [
            "worker is up worker=host-0a1b2c3d",
            "why? task-12345678 took 3 ms; https://example.org/a.b",
            "partition 3 of 64 is 00000000-0000-0000-0000-000000000000",
        ] {
            assert!(
                matches!(redact(line, &[]), Cow::Borrowed(same) if same == line),
                "{line}"
            );
        }
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// SEC-21: whatever a library says in an event of its own.
    #[test]
    fn events_come_through_the_net() {
        remember(vec!["loaded-in-this-test".into(), "short".into()]);
        let kept = Kept::default();
        let to = kept.clone();
        let lines = tracing_subscriber::fmt()
            .json()
            .with_writer(move || Redacting(to.clone()))
            .finish();
        tracing::subscriber::with_default(lines, || {
            tracing::error!(key = "loaded-in-this-test", "short: sk-abcdefgh12345678");
        });
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains(r#""key":"[redacted]""#), "{written}");
        assert!(written.contains("short: [redacted]"), "{written}");
    }
}
