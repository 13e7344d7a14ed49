//! How Discord and the provider misbehave: orders for the sandbox.

use std::fmt;

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

const POSTING: &str = "POST /channels/{channel}/messages";
const READING: &str = "GET /channels/{channel}/messages";

/// Something that the sandbox is told to do wrong.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::chaos) enum Trouble {
    /// The next calls of a route go wrong.
    Discord(Value),
    /// The next answer of the model is a refusal that passes.
    Model(Value),
    /// The connections of the gateway break, or are told to come again.
    Gateway(Value),
    /// Nonces are forgotten at once, for this long.
    Forgetful { for_ms: u64 },
}

impl Trouble {
    /// What may go wrong at any moment of a storm. The last two leave posts in doubt.
    const KINDS: usize = 12;
    const LEAVING_NO_DOUBT: usize = 10;

    /// Chooses one; `may_doubt`: posts may be left in doubt by it.
    pub(super) fn any(random: &mut StdRng, may_doubt: bool) -> Self {
        let kinds = if may_doubt {
            Self::KINDS
        } else {
            Self::LEAVING_NO_DOUBT
        };
        let wait_ms = random.random_range(500..2_500_u64);
        let limit = |scope| {
            let fault = json!({
                "route": POSTING, "status": 429, "scope": scope, "retry_after_ms": wait_ms, "times": 3,
            });
            Self::Discord(fault)
        };
        let close = random.random_range(0..2);
        match random.random_range(0..kinds) {
            0 => limit("user"),
            1 => limit("shared"),
            2 => limit("global"),
            3 => limit("cloudflare"),
            4 => Self::Discord(json!({"route": POSTING, "status": 500, "times": 3})),
            5 => Self::Discord(json!({"route": READING, "status": 502, "times": 3})),
            6 => Self::Model(json!({"fault": 503, "retry_after": "none", "times": 1})),
            7 => Self::Gateway(json!({"action": "drop"})),
            8 => Self::Gateway(json!({"action": "reconnect"})),
            9 if close == 0 => Self::Gateway(json!({"action": "invalidate", "resumable": true})),
            9 => Self::Gateway(json!({"action": "close", "code": 4000})),
            10 => Self::lost_answers(3),
            _ => Self::late_answers(12_000, 1),
        }
    }

    /// Discord takes posts, and answers with an error all the same.
    fn lost_answers(times: u64) -> Self {
        Self::Discord(json!({"route": POSTING, "status": 502, "after": true, "times": times}))
    }

    /// Discord takes posts at once and answers late: until then they are in doubt.
    pub(super) fn late_answers(delay_ms: u64, times: u64) -> Self {
        let fault = json!({"route": POSTING, "delay_ms": delay_ms, "after": true, "times": times});
        Self::Discord(fault)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discord(order) => write!(f, "Discord fault {order}"),
            Self::Model(order) => write!(f, "model fault {order}"),
            Self::Gateway(order) => write!(f, "gateway order {order}"),
            Self::Forgetful { for_ms } => write!(f, "forget nonces at once for {for_ms} ms"),
        }
    }
}
