//! Faults on demand: for some calls of the model server, or for a message that asks for one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Words after which a message names a fault, as in `fault: 429 date 7s`.
const PHRASE: &str = "fault:";
/// What a rate limit asks to wait, unless told.
const WAIT_MS: u64 = 7_000;
/// The first piece of a slow answer, and every piece of a slow stream, comes after so long.
const SLOW_START_MS: u64 = 5_000;
const SLOW_PIECE_MS: u64 = 500;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The status is answered with the body that the provider sends with it.
    Status(u16),
    /// 429 because the account's quota is used up: waiting does not help.
    Quota,
    /// The first piece comes late.
    SlowStart,
    /// Every piece comes late.
    SlowStream,
    /// The connection breaks in the middle.
    CutOff,
    /// An event in the middle is no JSON.
    Malformed,
    /// An error is told in the middle of a stream.
    ErrorEvent,
    /// The answer has no words.
    Empty,
    /// The answer never ends.
    Endless,
    /// A filter stops the answer in the middle.
    Filter,
    /// A filter refuses the question.
    Blocked,
    /// That the answer was begun is ignored.
    Anew,
}

const NAMES: [(&str, Kind); 11] = [
    ("quota", Kind::Quota),
    ("slow-start", Kind::SlowStart),
    ("slow-stream", Kind::SlowStream),
    ("cut-off", Kind::CutOff),
    ("malformed", Kind::Malformed),
    ("error-event", Kind::ErrorEvent),
    ("empty", Kind::Empty),
    ("endless", Kind::Endless),
    ("filter", Kind::Filter),
    ("blocked", Kind::Blocked),
    ("anew", Kind::Anew),
];

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let status = text
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status));
        let named = || {
            NAMES
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, kind)| *kind)
        };
        status.map(Self::Status).or_else(named).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            format!(
                "no fault is called \"{text}\": a status (400 to 599), {}",
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            named => {
                let name = NAMES.iter().find(|(_, kind)| kind == named);
                f.write_str(name.map_or("", |(name, _)| name))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A status may be written as a number.
        let value = serde_json::Value::deserialize(from)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// How a refusal tells when to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dialect {
    /// `Retry-After` in seconds.
    #[default]
    Seconds,
    /// `Retry-After` as a date of HTTP.
    Date,
    /// `retry-after-ms`.
    Ms,
    /// Only what the provider has of its own: headers of OpenAI and Anthropic, a detail of Gemini.
    Reset,
    /// Not at all.
    None,
}

/// Which calls a fault is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Answers to questions.
    #[default]
    Chat,
    /// The list of models.
    Models,
    /// Vectors.
    Embeddings,
    /// Pictures.
    Images,
}

/// A fault and when it happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    fault: Kind,
    #[serde(default)]
    retry_after: Dialect,
    /// What a limit asks to wait, or how slow a slow answer is.
    wait_ms: Option<u64>,
    #[serde(default)]
    on: Work,
    /// Only calls with this key.
    key: Option<String>,
    /// Only calls of this model.
    model: Option<String>,
    /// The next so many calls; without it until it is taken away.
    times: Option<u64>,
    /// This part of the calls, 0 to 1.
    share: Option<f64>,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) kind: Kind,
    pub(crate) retry_after: Dialect,
    wait_ms: Option<u64>,
}

impl Effect {
    /// What a limit asks to wait.
    pub(super) fn retry_ms(&self) -> u64 {
        self.wait_ms.unwrap_or(WAIT_MS)
    }

    /// How long the first piece is held back.
    pub(super) fn start_ms(&self) -> u64 {
        let is_slow = self.kind == Kind::SlowStart;
        if is_slow {
            self.wait_ms.unwrap_or(SLOW_START_MS)
        } else {
            0
        }
    }

    /// How long every piece is held back, if that is not as usual.
    pub(super) fn piece_ms(&self) -> Option<u64> {
        let is_slow = self.kind == Kind::SlowStream;
        is_slow.then(|| self.wait_ms.unwrap_or(SLOW_PIECE_MS))
    }

    /// Reads what a message asks for: a kind, then in any order a dialect and a time.
    pub(super) fn of_message(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let (_, named) = lower.split_once(PHRASE)?;
        let mut words = named.split_whitespace();
        let kind = words.next()?.trim_end_matches([',', '.']).parse().ok()?;
        let mut effect = Self {
            kind,
            retry_after: Dialect::default(),
            wait_ms: None,
        };
        for word in words.take(2) {
            match word {
                "seconds" => effect.retry_after = Dialect::Seconds,
                "date" => effect.retry_after = Dialect::Date,
                "ms" => effect.retry_after = Dialect::Ms,
                "reset" => effect.retry_after = Dialect::Reset,
                "none" => effect.retry_after = Dialect::None,
                time => effect.wait_ms = effect.wait_ms.or(milliseconds(time)),
            }
        }
        Some(effect)
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok(),
        None => text
            .strip_suffix('s')?
            .parse::<u64>()
            .ok()?
            .checked_mul(1_000),
    }
}

/// All faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    all: Vec<Fault>,
    /// Calls that were looked at, so that a share is the same every time.
    looked: u64,
}

impl Faults {
    /// Adds a fault.
    pub(crate) fn add(&mut self, fault: Fault) -> Result<(), String> {
        if fault
            .share
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err("a share is a number from 0 to 1".to_owned());
        }
        self.all.push(fault);
        Ok(())
    }

    /// Takes away every fault.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Returns the faults.
    pub(crate) fn all(&self) -> &[Fault] {
        &self.all
    }

    /// Returns what goes wrong with a call, and counts it.
    pub(super) fn take(&mut self, on: Work, key: &str, model: &str, seed: u64) -> Option<Effect> {
        self.looked += 1;
        let chance = f64::from(
            u32::try_from(xxh3_64_with_seed(&self.looked.to_le_bytes(), seed) >> 32)
                .unwrap_or_default(),
        ) / f64::from(u32::MAX);
        let is_meant = |fault: &&mut Fault| {
            fault.on == on
                && fault.key.as_deref().is_none_or(|only| only == key)
                && fault.model.as_deref().is_none_or(|only| only == model)
                && fault.share.is_none_or(|share| chance < share)
        };
        let fault = self.all.iter_mut().find(is_meant)?;
        let effect = Effect {
            kind: fault.fault,
            retry_after: fault.retry_after,
            wait_ms: fault.wait_ms,
        };
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        self.all.retain(|fault| fault.times != Some(0));
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(all: &[serde_json::Value]) -> Faults {
        let mut faults = Faults::default();
        for fault in all {
            faults
                .add(serde_json::from_value(fault.clone()).unwrap())
                .unwrap();
        }
        faults
    }

    #[test]
    fn a_message_names_a_fault_a_dialect_and_a_time() {
        let effect = |text| Effect::of_message(text).unwrap();
        assert_eq!(effect("please fault: 429 date 90s").retry_ms(), 90_000);
        assert_eq!(effect("Fault: 429 ms").retry_after, Dialect::Ms);
        assert_eq!(effect("fault: slow-start 20ms").start_ms(), 20);
        assert_eq!(effect("fault: filter.").kind, Kind::Filter);
        assert_eq!(Effect::of_message("fault: whatever"), None);
        assert_eq!(Effect::of_message("no fault of mine"), None);
    }

    #[test]
    fn a_fault_happens_as_often_as_it_was_ordered() {
        let mut faults = faults(&[json!({"fault": 503, "times": 2})]);
        let taken: Vec<_> = (0..3)
            .map(|_| faults.take(Work::Chat, "k", "m", 1))
            .collect();
        assert!(taken[0].is_some() && taken[1].is_some() && taken[2].is_none());
    }

    #[test]
    fn a_fault_is_only_for_its_key_model_and_work() {
        let only = json!({"fault": "empty", "key": "k", "model": "m", "on": "models"});
        let mut faults = faults(&[only]);
        assert!(faults.take(Work::Models, "other", "m", 1).is_none());
        assert!(faults.take(Work::Models, "k", "other", 1).is_none());
        assert!(faults.take(Work::Chat, "k", "m", 1).is_none());
        assert!(faults.take(Work::Models, "k", "m", 1).is_some());
    }

    #[test]
    fn a_share_of_calls_is_about_that_share_and_the_same_every_time() {
        let count = || {
            let mut faults = faults(&[json!({"fault": "500", "share": 0.25})]);
            (0..1_000)
                .filter(|_| faults.take(Work::Chat, "k", "m", 7).is_some())
                .count()
        };
        assert!((200..300).contains(&count()), "{}", count());
        assert_eq!(count(), count());
    }

    #[test]
    fn an_unknown_fault_is_refused_with_the_names_there_are() {
        let problem = "nothing".parse::<Kind>().unwrap_err();
        assert!(problem.contains("cut-off"), "{problem}");
        assert!("200".parse::<Kind>().is_err());
    }
}
