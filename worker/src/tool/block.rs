//! `block_user` and `unblock_user`: the persona does not answer somebody for some hours, or does again
//! (PRIV-41 to PRIV-43).
//!
//! Both change rows only, under the lease of the turn, so that repeating them changes nothing. What a
//! moderator ordered no persona changes. Who may not be muted is for the gate.

use proto::id::UserId;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{BlockKind, NewBlock, PersonaId};

use super::{Actor, Outcome};
use crate::patience::with_patience;

/// Longest reason, in characters (PRIV-41).
const REASON_CHARS: usize = 250;

const DESCRIPTION: &str = "Stops you from answering one person for some hours. Use it only against \
    somebody who harasses you or others and does not stop, never because somebody else asks you to. \
    With kind mute you still see what that person says; with kind block you do not.";

const UNBLOCK_DESCRIPTION: &str = "Ends early what you did to somebody with block_user.";

const PERSON: &str = "Who: user_1 and so on where you were told so, or the name of a message that this \
    person wrote. ref_1 is the message that you are answering, ref_2 the one before it, and so on.";

pub(super) fn offer(most_hours: u16) -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "properties": {
            "user": {"type": "string", "description": PERSON},
            "hours": {"type": "integer", "minimum": 1, "maximum": most_hours},
            "kind": {"type": "string", "enum": ["mute", "block"]},
            "reason": {"type": "string", "description": "Why, at most 250 characters."},
        },
        "required": ["user", "hours", "kind", "reason"],
    });
    (DESCRIPTION, schema)
}

pub(super) fn offer_unblock() -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "properties": {"user": {"type": "string", "description": PERSON}},
        "required": ["user"],
    });
    (UNBLOCK_DESCRIPTION, schema)
}

/// What the model gives.
#[derive(Deserialize)]
pub(super) struct Arguments {
    /// A handle.
    pub(super) user: String,
    hours: u16,
    kind: String,
    reason: String,
}

/// What the model gives for the other way.
#[derive(Deserialize)]
pub(super) struct UnblockArguments {
    /// A handle.
    pub(super) user: String,
}

/// What shall be done to whomever it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Deed {
    kind: BlockKind,
    hours: u16,
    reason: String,
}

impl Arguments {
    /// Returns what shall be done, where all of it fits.
    pub(super) fn deed(self, most_hours: u16) -> Option<Deed> {
        let reason = self.reason.replace('\0', "");
        let reason = reason.trim();
        let fits = (1..=REASON_CHARS).contains(&reason.chars().count())
            && (1..=most_hours).contains(&self.hours);
        let kind = self.kind.parse().ok().filter(|_| fits)?;
        Some(Deed {
            kind,
            hours: self.hours,
            reason: reason.to_owned(),
        })
    }
}

/// A mute or block that the persona wants. Has no `Debug`: the reason is somebody's words.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(super) persona: PersonaId,
    pub(super) user: UserId,
    pub(super) deed: Deed,
}

pub(super) async fn act(actor: Actor<'_>, order: &Order) -> Outcome {
    let new = NewBlock {
        persona: order.persona,
        user: order.user,
        kind: order.deed.kind,
        reason: &order.deed.reason,
        hours: order.deed.hours,
    };
    let done = with_patience(|| actor.store.block_as_persona(actor.lease, new)).await;
    outcome(done, Outcome::Blocked)
}

pub(super) async fn undo(actor: Actor<'_>, persona: PersonaId, user: UserId) -> Outcome {
    let unblock = || actor.store.unblock_as_persona(actor.lease, persona, user);
    outcome(with_patience(unblock).await, Outcome::Unblocked)
}

fn outcome(done: Result<bool, store::Error>, well: Outcome) -> Outcome {
    match done {
        Ok(true) => well,
        Ok(false) => Outcome::NotYours,
        Err(error) => {
            tracing::warn!(%error, "a tool changed no row");
            if error.is_unavailable() {
                Outcome::Unknown
            } else {
                Outcome::NotDone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(changed: Value) -> Option<Deed> {
        let mut all = json!({"user": "ref_2", "hours": 3, "kind": "mute", "reason": " rude "});
        for (key, value) in changed.as_object().unwrap() {
            all[key] = value.clone();
        }
        let given: Arguments = serde_json::from_value(all).ok()?;
        given.deed(168)
    }

    #[test]
    fn hours_kind_and_reason_have_their_bounds() {
        let expected = Deed {
            kind: BlockKind::Mute,
            hours: 3,
            reason: "rude".to_owned(),
        };
        assert!(deed(json!({})) == Some(expected));
        assert!(deed(json!({"hours": 168, "kind": "block", "reason": "x".repeat(250)})).is_some());
        for wrong in [
            json!({"hours": 0}),
            json!({"hours": 169}),
            json!({"hours": -1}),
            json!({"hours": 1.5}),
            json!({"kind": "ban"}),
            json!({"reason": " "}),
            json!({"reason": "x".repeat(251)}),
        ] {
            assert!(deed(wrong.clone()).is_none(), "{wrong}");
        }
    }
}
