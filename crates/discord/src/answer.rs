//! Reads Discord's answers: status, rate-limit headers, error codes. Never trusts any of it to be
//! well formed.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::limit::Budget;

/// No limit that we are told of is taken for longer than this; Discord's longest bans are an hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The wait after a 429 that names none.
const UNNAMED_WAIT: Duration = Duration::from_secs(5);
/// Discord's hashes have 32 characters; more than this is not one.
const LONGEST_HASH: usize = 128;

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Who ordered us to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// This bucket, because of us.
    Bucket,
    /// This bucket, because of everybody; it does not count against us.
    Shared,
    /// The bot as a whole.
    Global,
    /// Cloudflare, against our address.
    Cloudflare,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    global: bool,
    retry_after: Option<f64>,
}

impl Answer {
    /// Reads a body that must be there.
    ///
    /// The cause is dropped on purpose: it may quote what people wrote.
    pub(crate) fn parse<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|_quotes| Error::Malformed { what, cause: None })
    }

    /// Returns Discord's error code, 0 where there is none.
    pub(crate) fn error_code(&self) -> u64 {
        self.error_body().map_or(0, |body| body.code)
    }

    /// Returns the name of the bucket.
    pub(crate) fn bucket_hash(&self) -> Option<&str> {
        self.header("x-ratelimit-bucket")
            .filter(|hash| hash.len() <= LONGEST_HASH)
    }

    /// Returns what is left of the bucket.
    pub(crate) fn budget(&self) -> Option<Budget> {
        Some(Budget {
            limit: self.header("x-ratelimit-limit")?.parse().ok()?,
            remaining: self.header("x-ratelimit-remaining")?.parse().ok()?,
            reset_after: seconds(self.header("x-ratelimit-reset-after")?.parse().ok()?)?,
        })
    }

    /// Reads a 429: who limits us and for how long.
    pub(crate) fn limited(&self) -> (Limit, Duration) {
        let body = self.error_body();
        let named = body.as_ref().and_then(|body| body.retry_after);
        let limit = match self.header("x-ratelimit-scope") {
            Some("global") => Limit::Global,
            _ if self.header("x-ratelimit-global") == Some("true") => Limit::Global,
            _ if body.is_some_and(|body| body.global) => Limit::Global,
            Some("shared") => Limit::Shared,
            Some(_) => Limit::Bucket,
            None if named.is_some() || self.bucket_hash().is_some() => Limit::Bucket,
            None => Limit::Cloudflare,
        };
        let header = |name| self.header(name).and_then(|value| value.parse().ok());
        let wait = named
            .or_else(|| header("retry-after"))
            .or_else(|| header("x-ratelimit-reset-after"))
            .and_then(seconds)
            .unwrap_or(UNNAMED_WAIT);
        (limit, wait)
    }

    fn error_body(&self) -> Option<ErrorBody> {
        serde_json::from_slice(&self.body).ok()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Takes over seconds as Discord writes them; nonsense is nothing, eternity is an hour.
fn seconds(value: f64) -> Option<Duration> {
    // `clamp` keeps NaN, `min` would not; negative stays negative and is refused.
    Duration::try_from_secs_f64(value.clamp(-1.0, LONGEST_WAIT.as_secs_f64())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: map,
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn limits_are_told_apart() {
        let json = r#"{"message":"x","retry_after":1.5,"global":false}"#;
        let global = r#"{"message":"x","retry_after":1.5,"global":true}"#;
        let ms1500 = Duration::from_millis(1500);

        assert_eq!(
            answer(&[("x-ratelimit-scope", "user")], json).limited(),
            (Limit::Bucket, ms1500)
        );
        assert_eq!(
            answer(&[("x-ratelimit-scope", "shared")], json).limited(),
            (Limit::Shared, ms1500)
        );
        assert_eq!(answer(&[], json).limited(), (Limit::Bucket, ms1500));
        assert_eq!(answer(&[], global).limited(), (Limit::Global, ms1500));
        assert_eq!(
            answer(&[("x-ratelimit-global", "true")], json).limited(),
            (Limit::Global, ms1500)
        );
        assert_eq!(
            answer(&[("retry-after", "7")], "<html>").limited(),
            (Limit::Cloudflare, Duration::from_secs(7))
        );
    }

    #[test]
    fn nonsense_is_bounded() {
        for wait in ["-1", "NaN", "soon", ""] {
            let answer = answer(&[("retry-after", wait)], "");
            assert_eq!(answer.limited().1, UNNAMED_WAIT, "{wait}");
        }
        assert_eq!(
            answer(&[("retry-after", "1e300")], "").limited().1,
            LONGEST_WAIT
        );
        assert_eq!(
            answer(&[("retry-after", "inf")], "").limited().1,
            LONGEST_WAIT
        );
        assert_eq!(answer(&[], "{\"code\":-3}").error_code(), 0);
        assert_eq!(answer(&[], "[1,2").error_code(), 0);
        let headers = [
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "many"),
        ];
        assert_eq!(answer(&headers, "").budget(), None);
    }
}
