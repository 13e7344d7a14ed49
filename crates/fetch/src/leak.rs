//! URLs that would carry away what nobody may know (NET-55).

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::code::Code;

/// The longest query of a URL that a model made up.
const LONGEST_QUERY: usize = 512;
/// Shorter secrets would be found everywhere.
const SHORTEST_SECRET: usize = 8;
/// Digits of the youngest possible id at Discord.
const ID_DIGITS: usize = 17;

/// Where a URL comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It stands in somebody's message, in settings, or in an earlier result.
    Seen,
    /// A model made it up.
    Model,
    /// A provider's answer names it, or is it (`data:`).
    Provider,
    /// Discord names it, as a file that somebody handed over there.
    Discord,
}

/// Which rule a URL breaks, if one.
pub(crate) fn refusal(url: &str, source: Source, secrets: &[SecretString]) -> Option<Code> {
    let parsed = Url::parse(url).ok();
    let decoded = percent_decoded(url);
    let has_secret = |text: &str| {
        let is_there = |secret: &SecretString| {
            let secret = secret.expose_secret();
            secret.len() >= SHORTEST_SECRET && text.contains(secret)
        };
        has_bot_token(text) || has_webhook(text) || secrets.iter().any(is_there)
    };
    if has_secret(url) || has_secret(&decoded) {
        return Some(Code::SecretInUrl);
    }
    let query = parsed.as_ref().and_then(Url::query).unwrap_or_default();
    (source == Source::Model && query.chars().count() > LONGEST_QUERY)
        .then_some(Code::ExfiltrationSuspected)
}

/// Three runs of letters, parted by dots: an id, a time and a signature (Discord's reference on
/// authentication, read 2026-11; lengths as they are seen).
fn has_bot_token(text: &str) -> bool {
    let is_outside =
        |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.');
    let mut pieces = text.split(is_outside);
    pieces.any(|piece| {
        let lengths: Vec<_> = piece.split('.').map(str::len).collect();
        let is_token = |run: &[usize]| matches!(run, [23..=30, 6..=7, 27..=45]);
        lengths.windows(3).any(is_token)
    })
}

/// A webhook's address is its key.
fn has_webhook(text: &str) -> bool {
    let mut after = text.split("/webhooks/").skip(1);
    text.contains("discord")
        && after.any(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits >= ID_DIGITS && rest.as_bytes().get(digits) == Some(&b'/')
        })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let escape = (digit(ahead.next()), digit(ahead.next()));
        match (byte, escape) {
            (b'%', (Some(high), Some(low))) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, source: Source) -> Option<Code> {
        refusal(url, source, &["hunter2-hunter2".to_owned().into()])
    }

    /// NET-55.
    #[test]
    fn a_secret_in_a_url_is_found_however_it_is_written() {
        let token = format!("{}.{}.{}", "M".repeat(24), "G".repeat(6), "h".repeat(38));
        for url in [
            format!("https://a.example.com/{token}"),
            format!("https://a.example.com/?t={token}&x"),
            "https://a.example.com/?k=hunter2-hunter2".to_owned(),
            "https://a.example.com/?k=hunter2%2Dhunter2".to_owned(),
            "https://discord.com/api/webhooks/123456789012345678/abc".to_owned(),
            "https://a.example.com/?u=https%3A%2F%2Fdiscord.com%2Fapi%2Fwebhooks%2F123456789012345678%2Fabc".to_owned(),
        ] {
            assert_eq!(of(&url, Source::Seen), Some(Code::SecretInUrl), "{url}");
        }
        for url in [
            "https://a.example.com/archive.tar.gz",
            "https://discord.com/channels/123456789012345678/123456789012345678",
            "https://docs.example.com/webhooks/123456789012345678/x",
        ] {
            assert_eq!(of(url, Source::Seen), None, "{url}");
        }
    }

    /// NET-55.
    #[test]
    fn a_model_may_not_make_up_a_long_query() {
        let url = format!("https://a.example.com/?q={}", "x".repeat(LONGEST_QUERY));
        assert_eq!(of(&url, Source::Model), Some(Code::ExfiltrationSuspected));
        assert_eq!(of(&url, Source::Seen), None);
        assert_eq!(of("https://a.example.com/?q=short", Source::Model), None);
    }
}
