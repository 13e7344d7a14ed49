//! What people are told about a key that a provider or a service was asked about.

use std::borrow::Cow;

use super::Fault;

/// The state or the result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckText {
    /// Somebody is being asked.
    Asking {
        /// Name of who is asked, as people know it.
        whom: String,
    },
    /// The person has asked often enough for today.
    UsedUp {
        /// When they may again; `None` where nobody may.
        again_unix: Option<i64>,
    },
    /// A key that was typed was not taken.
    NotTaken(Fault),
    /// A stored key works.
    Works,
    /// A stored key does not work.
    Fails(Fault),
    /// A stored key cannot be opened.
    Unreadable,
}

impl CheckText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Asking { whom } => format!(
                "Asking {whom} about the key. That takes some seconds; if nothing changes, go back."
            )
            .into(),
            Self::UsedUp {
                again_unix: Some(again_unix),
            } => format!(
                "You have had as many keys checked as one person may in a day. You can again \
                 <t:{again_unix}:R>. Nothing was changed."
            )
            .into(),
            Self::UsedUp { again_unix: None } => {
                "Whoever runs this bot has switched off the check of keys, without which none is \
                 saved."
                    .into()
            }
            Self::NotTaken(fault) => format!("{} Nothing was saved.", cause(*fault)).into(),
            Self::Works => "The key works: it was taken when I asked.".into(),
            Self::Fails(fault) => format!("The test failed. {}", cause(*fault)).into(),
            Self::Unreadable => {
                "The key cannot be read any more, so it was not tested. Remove it, and enter it \
                 again."
                    .into()
            }
        }
    }
}

/// What went wrong, in the words of a panel in which the way out is at hand.
fn cause(fault: Fault) -> Cow<'static, str> {
    match fault {
        Fault::KeyRefused => {
            "The key was refused. Check that it was copied whole and is still valid.".into()
        }
        Fault::NoCredit => "The account of this key has no credit left.".into(),
        Fault::NotInPlan => "The plan of this key's account does not include this.".into(),
        Fault::ModelUnknown => {
            "The provider does not offer this model to this key. Copy its exact name from the \
             provider's list."
                .into()
        }
        Fault::RequestRefused { parameter: None } => {
            "The provider did not accept the request.".into()
        }
        other => other.text(),
    }
}
