//! Reads fields of bodies; what is wrong is named as Discord names it.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::Refusal;

/// Returns a text; `None` when it is not there or null.
pub(super) fn text(
    body: &Value,
    field: &str,
    characters: RangeInclusive<usize>,
) -> Result<Option<String>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if characters.contains(&text.chars().count()) => {
            Ok(Some(text.clone()))
        }
        Some(Value::String(_)) => Err(length(field, &characters)),
        Some(_) => Err(Refusal::form(
            field,
            "STRING_TYPE_CONVERT",
            "Could not interpret value as string.",
        )),
    }
}

/// Returns a text that must be there.
pub(super) fn needed(
    body: &Value,
    field: &str,
    characters: RangeInclusive<usize>,
) -> Result<String, Refusal> {
    text(body, field, characters)?.ok_or_else(|| required(field))
}

/// A field that is missing.
pub(super) fn required(field: &str) -> Refusal {
    Refusal::form(field, "BASE_TYPE_REQUIRED", "This field is required")
}

/// A text or list that is too short or too long.
pub(super) fn length(field: &str, bounds: &RangeInclusive<usize>) -> Refusal {
    let (least, most) = (bounds.start(), bounds.end());
    if *least == 0 {
        let message = format!("Must be {most} or fewer in length.");
        return Refusal::form(field, "BASE_TYPE_MAX_LENGTH", &message);
    }
    let message = format!("Must be between {least} and {most} in length.");
    Refusal::form(field, "BASE_TYPE_BAD_LENGTH", &message)
}

/// Refuses an address, if there is one, that begins otherwise than with one of `schemes`.
pub(super) fn address(body: &Value, path: &str, schemes: &[&str]) -> Result<(), Refusal> {
    let Some(url) = body.pointer(path).and_then(Value::as_str) else {
        return Ok(());
    };
    let field = path.rsplit('/').next().unwrap_or(path);
    let Some((scheme, _)) = url.split_once("://") else {
        let message = "Not a well formed URL.";
        return Err(Refusal::form(field, "URL_TYPE_INVALID_URL", message));
    };
    if schemes.contains(&scheme.to_lowercase().as_str()) {
        return Ok(());
    }
    let known: Vec<_> = schemes.iter().map(|known| format!("'{known}'")).collect();
    let message = format!("Scheme \"{scheme}\" must be one of ({}).", known.join(", "));
    Err(Refusal::form(field, "URL_TYPE_INVALID_SCHEME", &message))
}

/// Returns a whole number within bounds.
pub(super) fn number(
    body: &Value,
    field: &str,
    bounds: RangeInclusive<u64>,
) -> Result<Option<u64>, Refusal> {
    let value = match body.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_u64(),
    };
    match value {
        Some(value) if bounds.contains(&value) => Ok(Some(value)),
        Some(_) => {
            let message = format!("Value must be from {} to {}.", bounds.start(), bounds.end());
            Err(Refusal::form(field, "NUMBER_TYPE_MAX", &message))
        }
        None => Err(Refusal::form(
            field,
            "NUMBER_TYPE_COERCE",
            "Value is not int.",
        )),
    }
}

/// Returns one of a few numbers.
pub(super) fn choice(body: &Value, field: &str, known: &[u64]) -> Result<Option<u64>, Refusal> {
    let value = number(body, field, 0..=u64::MAX)?;
    match value {
        Some(value) if !known.contains(&value) => {
            let known: Vec<_> = known.iter().map(u64::to_string).collect();
            let message = format!("Value must be one of {{{}}}.", known.join(", "));
            Err(Refusal::form(field, "BASE_TYPE_CHOICES", &message))
        }
        value => Ok(value),
    }
}

/// Returns a switch.
pub(super) fn flag(body: &Value, field: &str) -> Option<bool> {
    body.get(field).and_then(Value::as_bool)
}

/// Returns an id, as text or number.
pub(super) fn id(body: &Value, field: &str) -> Option<u64> {
    body.get(field).and_then(as_id)
}

/// Returns ids, as texts or numbers.
pub(super) fn ids(body: &Value, field: &str) -> Option<Vec<u64>> {
    let ids = body.get(field)?.as_array()?;
    Some(ids.iter().filter_map(as_id).collect())
}

/// Returns permissions: bits as a decimal text, or as a number.
pub(super) fn permissions(body: &Value, field: &str) -> Option<u64> {
    id(body, field)
}

fn as_id(value: &Value) -> Option<u64> {
    value
        .as_str()
        .map_or_else(|| value.as_u64(), |text| text.parse().ok())
}
