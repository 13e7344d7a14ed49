//! From a provider's refusal to a [`Class`]: its structured code first, then the HTTP status, then
//! the words of its text. The text is read here; what may go further of it is decided in `told`.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::{Class, Error};
use crate::told::Told;
use crate::wait;

/// Longer texts are judged by their beginning.
const MOST_TEXT: usize = 4096;

const BALANCE: [&str; 7] = [
    "balance",
    "credit",
    "credits",
    "billing",
    "insufficient funds",
    "quota exceeded for plan",
    // OpenRouter: the money set aside for this key is spent.
    "key limit exceeded",
];
/// Anthropic tells this with 400, as if the request were at fault.
const NO_CREDIT: [&str; 1] = ["credit balance is too low"];
const PLAN: [&str; 4] = ["plan", "tier", "subscription", "not available for your"];
const MODERATION: [&str; 7] = [
    "moderation",
    "flagged",
    "safety",
    "content filter",
    "content filtering",
    "content management policy",
    // DeepSeek.
    "content exists risk",
];
const LENGTH: [&str; 7] = [
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "too many tokens",
    // Google.
    "exceeds the maximum number of tokens",
];
const MODEL: [&str; 5] = [
    "model not found",
    "unknown model",
    "model does not exist",
    "not a valid model",
    "model not exist",
];
const WRONG_KEY: [&str; 2] = ["api key not valid", "incorrect api key"];
const TOOLS: [&str; 5] = [
    "tools",
    "tool use",
    "tool choice",
    "tool calling",
    "function calling",
];
const NOT_TAKEN: [&str; 11] = [
    "not support",
    "not supported",
    "unsupported",
    "does not support",
    // OpenRouter.
    "no endpoints found that support",
    // vLLM, which NVIDIA serves.
    "requires",
    "unknown",
    "unrecognized",
    "unexpected",
    "not permitted",
    "not allowed",
];

/// How providers say that a model cannot see. Not that a picture is unfit: the next one may do.
const BLIND: [&str; 10] = [
    // OpenAI.
    "image url is only supported by",
    // DeepSeek.
    "unknown variant image url",
    // OpenRouter.
    "support image input",
    // vLLM, which NVIDIA serves, and others.
    "not a multimodal model",
    "support image",
    "support images",
    "support image inputs",
    "support vision",
    "support multimodal",
    "image input is not supported",
];

/// Judges an answer that is not a success.
pub(crate) fn refusal(status: u16, headers: &HeaderMap, body: &str) -> Error {
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    let class = class(Some(status), &body);
    let is_about_request = matches!(status, 400 | 404 | 405 | 415 | 422 | 501);
    Error {
        class,
        status: Some(status),
        retry_after: wait::told(headers, details(&body)),
        refuses_tools: is_about_request && names_tools(details(&body)),
        refuses_images: is_about_request && Words::of(details(&body)).any(&BLIND),
        told: Told::of(class, details(&body)),
    }
}

/// Judges an error that came in the midst of a stream.
pub(crate) fn interruption(body: &Value) -> Error {
    Error {
        class: class(None, body),
        status: None,
        retry_after: wait::told(&HeaderMap::new(), details(body)),
        refuses_tools: false,
        refuses_images: false,
        told: Told::default(),
    }
}

/// Tells whether tools are what is refused, by the parameter or in words.
fn names_tools(error: &Value) -> bool {
    let parameter = error
        .get("param")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let words = Words::of(error);
    parameter.starts_with("tool") || words.any(&TOOLS) && words.any(&NOT_TAKEN)
}

fn class(status: Option<u16>, body: &Value) -> Class {
    let error = details(body);
    // Some providers answer 200 and put the status into the error.
    let status = status.or_else(|| number(error.get("code")?));
    let words = Words::of(error);
    if status.is_none_or(|status| status == 429) && wait::names_its_end(error) {
        // What ends at a known time is a limit, whatever the text says about plans to buy.
        return Class::RateLimit;
    }
    by_code(error, &words)
        .or_else(|| by_reason(error))
        .or_else(|| status.and_then(|status| by_status(status, &words)))
        .or_else(|| by_words(&words))
        .unwrap_or(Class::Unknown)
}

/// Returns the innermost object that describes the error, however it is wrapped.
fn details(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

fn number(code: &Value) -> Option<u16> {
    let number = match code {
        Value::String(text) => text.parse().ok()?,
        other => u16::try_from(other.as_u64()?).ok()?,
    };
    (400..600).contains(&number).then_some(number)
}

fn by_code(error: &Value, words: &Words) -> Option<Class> {
    ["code", "type", "status"]
        .into_iter()
        .filter_map(|field| error.get(field)?.as_str())
        .find_map(|code| named(&code.to_ascii_lowercase(), words))
}

/// Knows the codes that decide by themselves; others, such as OpenAI's `invalid_request_error`,
/// stand for many things. Numbers are those of Z.ai (its page of API codes, 2026-11),
/// `RATE_LIMITED` and `SUBSCRIPTION_TOKEN_INVALID` are Brave's (its page of error codes, 2026-11).
fn named(code: &str, words: &Words) -> Option<Class> {
    Some(match code {
        "rate_limit_error" | "rate_limit_exceeded" | "resource_exhausted" => words.money_or_rate(),
        "rate_limited" | "1302" | "1303" | "1304" | "1305" | "1308" | "1310" => Class::RateLimit,
        "insufficient_quota"
        | "billing_not_active"
        | "billing_hard_limit_reached"
        | "billing_error"
        | "insufficient_balance"
        | "1113" => Class::Balance,
        "1309" | "1311" => Class::Plan,
        "invalid_api_key"
        | "subscription_token_invalid"
        | "authentication_error"
        | "unauthenticated"
        | "account_deactivated"
        | "1000"
        | "1001"
        | "1002"
        | "1003"
        | "1004"
        | "1110"
        | "1111"
        | "1112"
        | "1121" => Class::Auth,
        "permission_error" | "permission_denied" | "1220" => words.money().unwrap_or(Class::Auth),
        "content_filter" | "content_policy_violation" | "moderation_blocked" | "1300" | "1301" => {
            Class::ContentBlocked
        }
        "context_length_exceeded" | "1261" => Class::ContextLength,
        "model_not_found" | "not_found_error" | "not_found" | "1211" => Class::UnknownModel,
        "overloaded_error" | "unavailable" | "server_error" | "api_error" | "internal" | "1120"
        | "1230" | "1234" | "1312" => Class::Overloaded,
        "timeout_error" | "deadline_exceeded" => Class::Timeout,
        _ => return None,
    })
}

/// Google says `INVALID_ARGUMENT` of a wrong key and names the reason beside it.
fn by_reason(error: &Value) -> Option<Class> {
    let mut details = error.get("details")?.as_array()?.iter();
    details.find_map(|detail| match detail.get("reason")?.as_str()? {
        "API_KEY_INVALID" | "API_KEY_EXPIRED" => Some(Class::Auth),
        "BILLING_DISABLED" => Some(Class::Balance),
        _ => None,
    })
}

fn by_status(status: u16, words: &Words) -> Option<Class> {
    Some(match status {
        402 => Class::Balance,
        429 => words.money_or_rate(),
        401 => Class::Auth,
        400 | 403 if words.any(&MODERATION) => Class::ContentBlocked,
        400 if words.any(&NO_CREDIT) => Class::Balance,
        400 if words.any(&WRONG_KEY) => Class::Auth,
        403 => words.money().unwrap_or(Class::Auth),
        404 => Class::UnknownModel,
        400 | 413 | 422 if words.any(&LENGTH) => Class::ContextLength,
        400 | 422 if words.any(&MODEL) => Class::UnknownModel,
        400 | 405 | 409 | 413 | 415 | 422 => Class::RequestFault,
        408 | 504 => Class::Timeout,
        500 | 502 | 503 | 529 => Class::Overloaded,
        _ => return None,
    })
}

fn by_words(words: &Words) -> Option<Class> {
    let known: [(&[&str], Class); 4] = [
        (&LENGTH, Class::ContextLength),
        (&["rate limit", "too many requests"], Class::RateLimit),
        (
            &["overloaded", "temporarily unavailable"],
            Class::Overloaded,
        ),
        (&["timed out", "timeout"], Class::Timeout),
    ];
    known
        .into_iter()
        .find_map(|(phrases, class)| words.any(phrases).then_some(class))
}

/// Returns what the error says in words.
pub(crate) fn text_of(error: &Value) -> &str {
    ["message", "detail", "title"]
        .into_iter()
        .find_map(|field| error.get(field)?.as_str())
        .or_else(|| error.as_str())
        .unwrap_or_default()
}

/// The words of an error's text, in lower case and with single blanks between and around them.
struct Words(String);

impl Words {
    fn of(error: &Value) -> Self {
        let text = text_of(error);
        let mut words = String::from(" ");
        // Addresses are left out: a link to the billing page does not make it a matter of money.
        for word in text.split_whitespace().filter(|word| !word.contains("://")) {
            for part in word
                .split(|c: char| !c.is_alphanumeric())
                .filter(|part| !part.is_empty())
            {
                words.push_str(&part.to_lowercase());
                words.push(' ');
            }
            if words.len() > MOST_TEXT {
                break;
            }
        }
        Self(words)
    }

    fn any(&self, phrases: &[&str]) -> bool {
        phrases
            .iter()
            .any(|phrase| self.0.contains(&format!(" {phrase} ")))
    }

    fn money(&self) -> Option<Class> {
        if self.any(&BALANCE) {
            Some(Class::Balance)
        } else {
            self.any(&PLAN).then_some(Class::Plan)
        }
    }

    fn money_or_rate(&self) -> Class {
        self.money().unwrap_or(Class::RateLimit)
    }
}

#[cfg(test)]
mod tests;
