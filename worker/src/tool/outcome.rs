//! What came of a use of a tool: as it is recorded, ids and codes only, and as the model is told.

use proto::id::{ChannelId, MessageId};
use serde_json::{Value, json};

use super::Handles;
use super::borrowed::Told;

/// What came of a use with effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    ThreadCreated(ChannelId),
    Reacted,
    Replied(MessageId),
    Blocked,
    Unblocked,
    /// A tool server answered. Its words are never recorded: `None` where they are not known any more.
    Answered(Option<Told>),
    /// A tool server could not be reached, or did not take the call: nothing happened.
    NotReached,
    /// There is nothing that the persona may change: nothing happened.
    NotYours,
    /// Discord said no, with this code of its own: nothing happened.
    Refused(u64),
    /// It did not go out in time: nothing happened.
    NotDone,
    /// It went out, or may have, and nobody knows: it is never tried again.
    Unknown,
}

impl Outcome {
    /// Reads what is on record; what this version does not know, nobody knows.
    pub(crate) fn of_record(recorded: Option<&Value>) -> Self {
        let Some(recorded) = recorded else {
            return Self::Unknown;
        };
        let id = || recorded.get("id")?.as_str()?.parse().ok();
        match recorded.get("outcome").and_then(Value::as_str) {
            Some("thread_created") => id().map(ChannelId).map(Self::ThreadCreated),
            Some("reacted") => Some(Self::Reacted),
            Some("replied") => id().map(MessageId).map(Self::Replied),
            Some("blocked") => Some(Self::Blocked),
            Some("unblocked") => Some(Self::Unblocked),
            Some("answered") => Some(Self::Answered(None)),
            Some("not_reached") => Some(Self::NotReached),
            Some("not_yours") => Some(Self::NotYours),
            Some("refused") => recorded
                .get("code")
                .and_then(Value::as_u64)
                .map(Self::Refused),
            Some("not_done") => Some(Self::NotDone),
            _ => None,
        }
        .unwrap_or(Self::Unknown)
    }

    /// Returns what is recorded; `None`: nothing is known that could be.
    pub(crate) fn record(&self) -> Option<Value> {
        Some(match self {
            Self::ThreadCreated(id) => json!({"outcome": "thread_created", "id": id.to_string()}),
            Self::Reacted => json!({"outcome": "reacted"}),
            Self::Replied(id) => json!({"outcome": "replied", "id": id.to_string()}),
            Self::Blocked => json!({"outcome": "blocked"}),
            Self::Unblocked => json!({"outcome": "unblocked"}),
            Self::Answered(_) => json!({"outcome": "answered"}),
            Self::NotReached => json!({"outcome": "not_reached"}),
            Self::NotYours => json!({"outcome": "not_yours"}),
            Self::Refused(code) => json!({"outcome": "refused", "code": code}),
            Self::NotDone => json!({"outcome": "not_done"}),
            Self::Unknown => return None,
        })
    }

    /// Tells whether it is done: people see something of it, or that they are not answered.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(
            self,
            Self::ThreadCreated(_)
                | Self::Reacted
                | Self::Replied(_)
                | Self::Blocked
                | Self::Unblocked
                | Self::Answered(_)
        )
    }

    /// Tells whether it is done and did what it should.
    pub(super) const fn has_worked(&self) -> bool {
        match self {
            Self::Answered(Some(told)) => !told.has_failed,
            other => other.is_done(),
        }
    }

    /// Returns a word for metrics, out of a closed set.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Answered(Some(told)) if told.has_failed => "failed",
            Self::ThreadCreated(_)
            | Self::Reacted
            | Self::Replied(_)
            | Self::Blocked
            | Self::Unblocked
            | Self::Answered(_) => "done",
            Self::Refused(_) | Self::NotYours => "refused",
            Self::NotDone | Self::NotReached => "not_done",
            Self::Unknown => "unknown",
        }
    }

    /// Returns what the model is told.
    pub(super) fn tell(self, handles: &mut Handles) -> String {
        match self {
            Self::ThreadCreated(id) => {
                format!(
                    "Done: the thread is there. Its handle is {}.",
                    handles.channel(id)
                )
            }
            Self::Reacted => "Done: the reaction is there.".to_owned(),
            Self::Replied(_) => "Done: the reply is posted, and everybody sees it.".to_owned(),
            Self::Blocked => "Done: from now on you do not answer this person.".to_owned(),
            Self::Unblocked => "Done: you answer this person again.".to_owned(),
            Self::Answered(Some(told)) => told.text,
            Self::Answered(None) => "Done before: the tool server answered, and what it said is not \
                known any more. It is not called again with the same arguments; say so if it matters."
                .to_owned(),
            Self::NotReached => "Failed: the tool server could not be reached, or did not take the \
                call. Nothing was done."
                .to_owned(),
            Self::NotYours => "Not done: there is nothing that you could change for this person. \
                What a moderator ordered only moderators change."
                .to_owned(),
            Self::Refused(code) => format!("Failed: Discord refused it (code {code})."),
            Self::NotDone => "Failed: Discord could not be reached. Nothing was done.".to_owned(),
            Self::Unknown => "Outcome unknown: it was begun and may have been done. It is not \
                tried again; say that you are not sure whether it worked."
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_back() {
        for outcome in [
            Outcome::ThreadCreated(ChannelId(70)),
            Outcome::Reacted,
            Outcome::Replied(MessageId(71)),
            Outcome::Blocked,
            Outcome::Unblocked,
            Outcome::Answered(None),
            Outcome::NotReached,
            Outcome::NotYours,
            Outcome::Refused(50_013),
            Outcome::NotDone,
            Outcome::Unknown,
        ] {
            let recorded = outcome.record();
            assert_eq!(Outcome::of_record(recorded.as_ref()), outcome);
        }
    }

    #[test]
    fn a_record_of_another_version_is_unknown() {
        for strange in [json!({}), json!(7), json!({"outcome": "replied", "id": 7})] {
            assert_eq!(Outcome::of_record(Some(&strange)), Outcome::Unknown);
        }
    }

    /// CHAT-63.
    #[test]
    fn words_of_a_tool_server_are_told_once_and_never_recorded() {
        let told = Told {
            text: "the words".to_owned(),
            has_failed: false,
        };
        let outcome = Outcome::Answered(Some(told));
        let recorded = outcome.record().unwrap();
        assert!(
            !recorded.to_string().contains("words") && !format!("{outcome:?}").contains("words")
        );
        assert_eq!(Outcome::of_record(Some(&recorded)), Outcome::Answered(None));
        assert_eq!(outcome.tell(&mut Handles::default()), "the words");
    }

    #[test]
    fn ids_of_discord_are_not_told() {
        let told = Outcome::ThreadCreated(ChannelId(987_654)).tell(&mut Handles::default());
        assert!(
            told.contains("channel_1") && !told.contains("987654"),
            "{told}"
        );
    }
}
