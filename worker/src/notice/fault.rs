//! What people are told when a provider does not answer as it should (POOL-25 to POOL-30).

use std::borrow::Cow;

use llm::Class;
use store::Payer;

use crate::clock;

/// Why a provider gave no reply, as far as people can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key that is being tried is wrong, withdrawn, or may not do this.
    KeyRefused,
    /// The account of that key has no money or quota left.
    NoCredit,
    /// The plan of that account does not include this.
    NotInPlan,
    /// A key that is in use was refused.
    RefusedInUse {
        /// Whose key it is.
        payer: Payer,
        /// What the provider holds against it.
        objection: Objection,
    },
    /// Too many requests with a single key.
    RateLimited {
        /// Until when, Unix time in seconds, where the provider told.
        until_unix: Option<u64>,
    },
    /// Every key of the server is limited or rests after a refusal.
    KeysRest {
        /// When the first may be tried again, Unix time in seconds.
        until_unix: u64,
    },
    /// Every key failed while this very reply was made.
    KeysSpent,
    /// The provider does not offer the model.
    ModelUnknown,
    /// The conversation does not fit into the model, not even with a third less.
    TooLong,
    /// The provider refuses to talk about this.
    ContentDeclined,
    /// The provider calls the request wrong.
    RequestRefused {
        /// The parameter that it named.
        parameter: Option<&'static str>,
    },
    /// The provider does not answer.
    NotAnswering {
        /// In which way.
        silence: Silence,
        /// What can be done besides waiting.
        advice: Advice,
    },
    /// The rules of this installation forbid the provider's address.
    AddressRefused,
    /// None of the above.
    Unknown,
}

/// What a provider holds against a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It is wrong, withdrawn, or may not do this.
    Wrong,
    /// Its account has no money or quota left.
    NoCredit,
    /// The plan of its account does not include this.
    NotInPlan,
}

/// In which way a provider does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// No answer in time.
    TimedOut,
    /// It says that it cannot keep up or is broken.
    Overloaded,
    /// There is no connection.
    Unreachable,
    /// It did not answer the calls before this one, and was not called.
    LeftAlone,
}

/// What can be done about a provider that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// To wait.
    Wait,
    /// To wait, or to name another model that answers in its place (POOL-30).
    NameAnother,
}

/// The turn in which a provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Around {
    /// Who pays for it.
    pub(crate) payer: Payer,
    /// Whether another model could have answered.
    pub(crate) has_stand_in: bool,
}

impl Fault {
    /// Tells what people can do about an error that came while they tried a key.
    pub fn of(error: &llm::Error) -> Self {
        match error.class() {
            Class::Auth => Self::KeyRefused,
            Class::Balance => Self::NoCredit,
            Class::Plan => Self::NotInPlan,
            Class::RateLimit => Self::RateLimited {
                until_unix: error
                    .retry_after()
                    .map(|wait| clock::unix_now_ms() / 1000 + wait.as_secs().max(1)),
            },
            Class::UnknownModel => Self::ModelUnknown,
            Class::ContextLength => Self::TooLong,
            Class::ContentBlocked => Self::ContentDeclined,
            Class::RequestFault => Self::RequestRefused {
                parameter: error.parameter(),
            },
            Class::Timeout => Self::silent(Silence::TimedOut),
            Class::Overloaded => Self::silent(Silence::Overloaded),
            Class::Unreachable => Self::silent(Silence::Unreachable),
            Class::PolicyRefused => Self::AddressRefused,
            Class::Unknown => Self::Unknown,
        }
    }

    /// Tells what people can do about an error that came in the midst of a conversation.
    pub(crate) fn in_turn(error: &llm::Error, around: Around) -> Self {
        let refused = |objection| Self::RefusedInUse {
            payer: around.payer,
            objection,
        };
        match Self::of(error) {
            Self::KeyRefused => refused(Objection::Wrong),
            Self::NoCredit => refused(Objection::NoCredit),
            Self::NotInPlan => refused(Objection::NotInPlan),
            Self::NotAnswering { silence, .. } => Self::silent_in(silence, around),
            fault => fault,
        }
    }

    /// Tells what people can do about a provider that does not answer.
    pub(crate) const fn silent_in(silence: Silence, around: Around) -> Self {
        let advice = if around.has_stand_in {
            Advice::Wait
        } else {
            Advice::NameAnother
        };
        Self::NotAnswering { silence, advice }
    }

    const fn silent(silence: Silence) -> Self {
        Self::NotAnswering {
            silence,
            advice: Advice::Wait,
        }
    }

    /// Tells whether another key of the server would mend it.
    pub(crate) const fn asks_for_key(self) -> bool {
        matches!(
            self,
            Self::RefusedInUse {
                payer: Payer::Server,
                ..
            }
        )
    }

    /// Tells whether another key of the person who asked would mend it.
    pub(crate) const fn asks_for_own_key(self) -> bool {
        matches!(
            self,
            Self::RefusedInUse {
                payer: Payer::User,
                ..
            }
        )
    }

    /// Returns the sentence.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::KeyRefused => {
                "The provider refused the key. Check that it was copied whole and is still valid; \
                 `/setup` takes a new one."
            }
            Self::NoCredit => {
                "The provider says that the account of this key has no credit left. Top it up \
                 there, or enter another key with `/setup`."
            }
            Self::NotInPlan => {
                "The plan of this provider account does not include this. Change the plan there, \
                 or choose another model with `/setup`."
            }
            Self::RefusedInUse { payer, objection } => return refused(payer, objection).into(),
            Self::RateLimited { until_unix } => return rate_limited(until_unix),
            Self::KeysRest { until_unix } => return keys_rest(until_unix),
            Self::KeysSpent => {
                "Every key of this server failed while I was answering. Try again in a minute."
            }
            Self::ModelUnknown => {
                "The provider does not offer this model to this key. Copy the exact name of \
                 another one from the provider's list, and enter it with `/setup`."
            }
            Self::TooLong => {
                "This conversation is too long for the model, even with a third less of it. Fewer \
                 messages of history or fewer output tokens help, or a model that holds more."
            }
            Self::ContentDeclined => "The provider declined this content.",
            Self::RequestRefused { parameter } => return request_refused(parameter),
            Self::NotAnswering { silence, advice } => return not_answering(silence, advice).into(),
            Self::AddressRefused => "The rules of this installation forbid the provider's address.",
            Self::Unknown => "The provider answered in a way I do not understand. Try again.",
        })
    }
}

fn refused(payer: Payer, objection: Objection) -> String {
    let reason = match objection {
        Objection::Wrong => "it is wrong, was withdrawn, or may not do this",
        Objection::NoCredit => "its account has no credit left",
        Objection::NotInPlan => "its account's plan does not include this",
    };
    match payer {
        Payer::Server => format!(
            "The server's key was refused: {reason}. Someone who may manage this server can enter \
             another one with `/setup`."
        ),
        Payer::User => format!(
            "Your own key was refused: {reason}. `/personal provider` takes another one. The \
             server's key is not used in its place."
        ),
    }
}

fn rate_limited(until_unix: Option<u64>) -> Cow<'static, str> {
    match until_unix {
        Some(until) => {
            format!("The provider is limiting requests. Try again <t:{until}:R>.").into()
        }
        None => "The provider is limiting requests. Try again in a minute.".into(),
    }
}

fn keys_rest(until_unix: u64) -> Cow<'static, str> {
    format!(
        "All keys of this server are rate limited or were refused. The first can be tried again \
         <t:{until_unix}:R>."
    )
    .into()
}

fn request_refused(parameter: Option<&'static str>) -> Cow<'static, str> {
    match parameter {
        Some(name) => format!(
            "The provider does not accept the parameter `{name}` for this model. Another model may \
             work: see `/setup`."
        )
        .into(),
        None => {
            "The provider did not accept the request. Another model may work: see `/setup`.".into()
        }
    }
}

fn not_answering(silence: Silence, advice: Advice) -> String {
    let how = match silence {
        Silence::TimedOut => "nothing came in time",
        Silence::Overloaded => "it is overloaded",
        Silence::Unreachable => "it cannot be reached",
        Silence::LeftAlone => "it failed too often in the last minute",
    };
    let what = match advice {
        Advice::Wait => "Try again in a minute.",
        Advice::NameAnother => {
            "Try again in a minute. Who may manage this server can also name a second model that \
             answers in its place: `/provider models`."
        }
    };
    format!("The provider is not answering: {how}. {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Around = Around {
        payer: Payer::Server,
        has_stand_in: false,
    };

    /// POOL-26.
    #[test]
    fn rate_limit_tells_the_time_only_where_it_is_known() {
        let told = |until_unix| Fault::RateLimited { until_unix }.text();
        assert!(told(Some(1_800_000_007)).contains("<t:1800000007:R>"));
        assert!(told(None).contains("in a minute"));
    }

    /// POOL-25: and when one may be tried again, where that is known.
    #[test]
    fn that_no_key_is_left_is_said_of_all_keys() {
        let until_unix = 1_800_000_007;
        let resting = Fault::KeysRest { until_unix }.text();
        assert!(resting.contains("All keys of this server are rate limited"));
        assert!(resting.contains("<t:1800000007:R>"));
        assert!(Fault::KeysSpent.text().contains("Every key of this server"));
    }

    /// POOL-27, POOL-22.
    #[test]
    fn a_refusal_says_whose_key_and_why() {
        let told = |payer, objection| Fault::RefusedInUse { payer, objection }.text();
        let servers = told(Payer::Server, Objection::NoCredit);
        assert!(servers.contains("The server's key was refused: its account has no credit"));
        let own = told(Payer::User, Objection::Wrong);
        assert!(own.contains("Your own key was refused") && own.contains("not used in its place"));
    }

    /// POOL-30.
    #[test]
    fn another_model_is_advised_where_there_is_none() {
        let told = |around| Fault::silent_in(Silence::Overloaded, around).text();
        assert!(told(ALONE).contains("`/provider models`"));
        let with_stand_in = Around {
            has_stand_in: true,
            ..ALONE
        };
        assert!(!told(with_stand_in).contains("/provider models"));
    }

    /// POOL-28.
    #[test]
    fn what_a_provider_declines_is_said_to_be_the_content() {
        let declined = Fault::ContentDeclined.text();
        assert_eq!(declined, "The provider declined this content.");
    }

    /// POOL-29.
    #[test]
    fn a_refused_parameter_is_named() {
        let told = |parameter| Fault::RequestRefused { parameter }.text();
        assert!(told(Some("temperature")).contains("`temperature`"));
        assert!(told(None).contains("did not accept the request"));
    }
}
