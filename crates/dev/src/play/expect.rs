//! What is expected of a reply, and how what was seen differs from it.

use anyhow::Context as _;
use regex::Regex;
use serde::Deserialize;

/// Longest wait, unless told: a takeover on a busy machine takes its time.
const LONGEST_MS: u64 = 60_000;
/// How long no reply has to stay away, unless told.
const QUIET_MS: u64 = 2_000;

/// What has to be true of a reply.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Expect {
    /// The message whose reply is meant; without it the newest message or command.
    pub(super) of: Option<String>,
    /// The reply has begun; its end is not waited for.
    pub(super) begun: bool,
    /// All has to be true within this time.
    within_ms: Option<u64>,
    /// The first message of the reply came this soon after the question.
    first_within_ms: Option<u64>,
    /// The recorded decision.
    decision: Option<String>,
    /// Nothing is answered.
    pub(super) no_reply: bool,
    /// How many messages: a number, or least and most as `2..5`.
    count: Option<Count>,
    /// The reply says this, however it was cut into messages.
    says: Option<String>,
    contains: Many,
    lacks: Many,
    /// Regular expressions.
    matches: Many,
    /// These occur one after the other.
    in_order: Vec<String>,
    /// Whether only the asker sees the answer of a command.
    ephemeral: Option<bool>,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Many {
    One(String),
    Several(Vec<String>),
}

impl Default for Many {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Many {
    fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Count {
    Exactly(usize),
    Range(String),
}

impl Count {
    fn bounds(&self) -> anyhow::Result<(usize, usize)> {
        match self {
            Self::Exactly(count) => Ok((*count, *count)),
            Self::Range(text) => {
                let bounds = text
                    .split_once("..")
                    .context("a count is a number or `2..5`")?;
                let most = if bounds.1.is_empty() {
                    usize::MAX
                } else {
                    bounds.1.parse()?
                };
                Ok((bounds.0.parse()?, most))
            }
        }
    }
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) decision: Option<String>,
    /// The messages of the reply, or the one answer of a command.
    pub(super) texts: Vec<String>,
    pub(super) first_ms: Option<u64>,
    pub(super) is_ephemeral: bool,
}

impl Expect {
    /// The longest wait.
    pub(super) fn longest_ms(&self) -> u64 {
        self.within_ms
            .unwrap_or(if self.no_reply { QUIET_MS } else { LONGEST_MS })
    }

    /// Finds mistakes before anything is played.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for pattern in self.matches.all() {
            Regex::new(pattern).with_context(|| format!("`{pattern}` is no regular expression"))?;
        }
        self.count
            .as_ref()
            .map_or(Ok((0, 0)), Count::bounds)
            .map(drop)
    }

    /// Says everything that is not as expected.
    pub(super) fn differences(&self, seen: &Seen) -> anyhow::Result<Vec<String>> {
        let mut found = self.of_outcome(seen)?;
        found.extend(self.of_text(&seen.texts.join("\n"))?);
        Ok(found)
    }

    /// What differs beside the words.
    fn of_outcome(&self, seen: &Seen) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let decision = seen.decision.as_deref().unwrap_or("none");
        if let Some(wanted) = self
            .decision
            .as_deref()
            .filter(|wanted| *wanted != decision)
        {
            found.push(format!("the decision is {decision}, not {wanted}"));
        }
        match (self.no_reply, seen.texts.len()) {
            (true, 1..) => found.push("there is a reply".to_owned()),
            (false, 0) => found.push("there is no reply".to_owned()),
            _ => {}
        }
        if let Some(count) = &self.count {
            let (least, most) = count.bounds()?;
            let count = seen.texts.len();
            if !(least..=most).contains(&count) {
                found.push(format!("the reply has {count} messages"));
            }
        }
        if self
            .ephemeral
            .is_some_and(|wanted| wanted != seen.is_ephemeral)
        {
            found.push(format!("ephemeral is {}", seen.is_ephemeral));
        }
        match (self.first_within_ms, seen.first_ms) {
            (Some(most), Some(first)) if first > most => {
                found.push(format!("the first message came after {first} ms"));
            }
            _ => {}
        }
        Ok(found)
    }

    /// What differs in the words of the whole reply.
    fn of_text(&self, whole: &str) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        if self
            .says
            .as_ref()
            .is_some_and(|says| bare(says) != bare(whole))
        {
            found.push("the reply says something else".to_owned());
        }
        let lacking = self
            .contains
            .all()
            .iter()
            .filter(|text| !whole.contains(*text));
        found.extend(lacking.map(|text| format!("the reply lacks \"{text}\"")));
        let unwanted = self.lacks.all().iter().filter(|text| whole.contains(*text));
        found.extend(unwanted.map(|text| format!("the reply contains \"{text}\"")));
        for pattern in self.matches.all() {
            if !Regex::new(pattern)?.is_match(whole) {
                found.push(format!("the reply does not match `{pattern}`"));
            }
        }
        let mut rest = whole;
        for text in &self.in_order {
            match rest.split_once(text) {
                Some((_, after)) => rest = after,
                None => found.push(format!("\"{text}\" does not follow")),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(expected: &str, texts: &[&str]) -> Vec<String> {
        let expect: Expect = serde_saphyr::from_str(expected).unwrap();
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let decision = Some("accepted".to_owned());
        let seen = Seen {
            decision,
            texts,
            first_ms: Some(50),
            is_ephemeral: false,
        };
        expect.differences(&seen).unwrap()
    }

    #[test]
    fn a_reply_as_expected_has_no_differences() {
        let expected = "{decision: accepted, count: 1..2, contains: tea, lacks: [milk, '@'], \
            matches: 'te+a', in_order: [green, tea], says: greenteais good, first_within_ms: 60}";
        assert_eq!(
            differences(expected, &["green tea", "is good"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_difference_is_told() {
        let expected = "{decision: stale, count: 2, contains: milk, lacks: tea, matches: '^x', \
            in_order: [tea, green], says: tea, ephemeral: true, first_within_ms: 10}";
        let told = differences(expected, &["green tea"]);
        assert_eq!(told.len(), 9, "{told:?}");
    }

    #[test]
    fn no_reply_is_a_difference_unless_it_is_expected() {
        assert_eq!(differences("{contains: []}", &[]), ["there is no reply"]);
        assert!(differences("{no_reply: true}", &[]).is_empty());
        assert_eq!(
            differences("{no_reply: true}", &["hi"]),
            ["there is a reply"]
        );
    }
}
