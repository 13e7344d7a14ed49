//! What Discord adds to components: an id each, and the bounds of selects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Refusal, read};
use crate::sandbox::shape;

/// Rows of buttons and selects; the newer components hold them, and texts and pictures.
const ROW: u64 = 1;
const TEXT: u64 = 10;
/// Bounds of the older and of the newer components (Discord components page, 2026-11).
const ROWS: usize = 5;
const ALL: usize = 40;
const TEXT_CHARACTERS: usize = 4_000;
/// Longest `custom_id`, of forms too.
pub(super) const CUSTOM_ID_CHARACTERS: usize = 100;

/// String, user, role, mentionable and channel selects.
const SELECTS: [u64; 5] = [3, 5, 6, 7, 8];
/// What stands in forms alone: a label with its field; texts to type, files, radio buttons, boxes.
const LABEL: u64 = 18;
const FIELDS: [u64; 5] = [4, 19, 21, 22, 23];
/// Buttons that open an address, and those that sell something, have no `custom_id`.
const LINK: u64 = 5;
const PREMIUM: u64 = 6;
/// Where link buttons lead, and what pictures and files are fetched by.
const LINKS: [&str; 3] = ["http", "https", "discord"];
const MEDIA: [&str; 3] = ["http", "https", "attachment"];
/// Keys under which components hold others.
const INNER: [&str; 3] = ["components", "component", "accessory"];

/// Completes all components of a message or form; ids that are given stay.
pub(super) fn complete(components: &mut [Value]) {
    let mut taken = BTreeSet::new();
    for component in components.iter() {
        collect(component, &mut taken);
    }
    let mut next = 1;
    for component in components {
        fill(component, &taken, &mut next);
    }
}

fn collect(component: &Value, taken: &mut BTreeSet<u64>) {
    taken.extend(component.get("id").and_then(Value::as_u64));
    for inner in INNER.iter().filter_map(|key| component.get(*key)) {
        let alone = std::slice::from_ref(inner);
        let inner = inner.as_array().map_or(alone, Vec::as_slice);
        for inner in inner {
            collect(inner, taken);
        }
    }
}

/// What Discord fills in for selects, texts to type, media, separators and containers.
fn defaults(kind: Option<u64>) -> Vec<(&'static str, Value)> {
    match kind {
        Some(kind) if SELECTS.contains(&kind) => {
            vec![("min_values", json!(1)), ("max_values", json!(1))]
        }
        Some(4) => vec![("min_length", json!(0)), ("max_length", json!(4_000))],
        Some(14) => vec![("spacing", json!(1)), ("divider", json!(true))],
        Some(17) => vec![("accent_color", Value::Null), ("spoiler", json!(false))],
        _ => Vec::new(),
    }
}

fn fill(component: &mut Value, taken: &BTreeSet<u64>, next: &mut u64) {
    if component.get("id").and_then(Value::as_u64).is_none() {
        while taken.contains(next) {
            *next += 1;
        }
        shape::set(component, "id", json!(*next));
        *next += 1;
    }
    for (key, value) in defaults(component.get("type").and_then(Value::as_u64)) {
        if component.get(key).is_none() {
            shape::set(component, key, value);
        }
    }
    for key in INNER {
        match component.get_mut(key) {
            Some(Value::Array(inner)) => {
                for inner in inner {
                    fill(inner, taken, next);
                }
            }
            Some(inner) => fill(inner, taken, next),
            None => {}
        }
    }
}

/// Refuses components that Discord does not take.
pub(super) fn check(components: &[Value], is_new: bool) -> Result<(), Refusal> {
    let kinds = components
        .iter()
        .map(|component| component["type"].as_u64());
    if !is_new && kinds.into_iter().any(|kind| kind != Some(ROW)) {
        let message = "Value must be one of {1}.";
        return Err(Refusal::form("components", "UNION_TYPE_CHOICES", message));
    }
    let mut all = Vec::new();
    for component in components {
        flatten(component, &mut all);
    }
    let (count, most) = if is_new {
        (all.len(), ALL)
    } else {
        (components.len(), ROWS)
    };
    if count > most {
        return Err(read::length("components", &(1..=most)));
    }
    let texts = all.iter().filter(|component| component["type"] == TEXT);
    let characters = texts
        .filter_map(|text| text["content"].as_str())
        .map(|text| text.chars().count());
    if characters.sum::<usize>() > TEXT_CHARACTERS {
        let message = "The total length of all text displays is above 4000.";
        return Err(Refusal::form(
            "components",
            "COMPONENT_MAX_TOTAL_TEXT_LENGTH",
            message,
        ));
    }
    check_all(&all)
}

/// Refuses what Discord does not take in a form.
pub(super) fn check_form(rows: &[Value]) -> Result<(), Refusal> {
    let fits = |row: &Value| matches!(row["type"].as_u64(), Some(ROW | TEXT | LABEL));
    if !rows.iter().all(fits) {
        let message = "Value must be one of {1, 10, 18}.";
        return Err(Refusal::form("components", "UNION_TYPE_CHOICES", message));
    }
    let mut all = Vec::new();
    for row in rows {
        flatten(row, &mut all);
    }
    check_all(&all)
}

fn check_all(all: &[&Value]) -> Result<(), Refusal> {
    check_ids(all)?;
    all.iter().try_for_each(|component| check_one(component))
}

fn flatten<'a>(component: &'a Value, all: &mut Vec<&'a Value>) {
    all.push(component);
    for inner in INNER.iter().filter_map(|key| component.get(*key)) {
        let alone = std::slice::from_ref(inner);
        let inner = inner.as_array().map_or(alone, Vec::as_slice);
        for inner in inner {
            flatten(inner, all);
        }
    }
}

fn check_ids(all: &[&Value]) -> Result<(), Refusal> {
    let mut known = BTreeSet::new();
    for id in all
        .iter()
        .filter_map(|component| component["custom_id"].as_str())
    {
        if !(1..=CUSTOM_ID_CHARACTERS).contains(&id.chars().count()) {
            return Err(read::length("custom_id", &(1..=CUSTOM_ID_CHARACTERS)));
        }
        if !known.insert(id) {
            let message = "Component custom id cannot be duplicated";
            return Err(Refusal::form(
                "components",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                message,
            ));
        }
    }
    Ok(())
}

fn check_one(component: &Value) -> Result<(), Refusal> {
    let count = |key: &str| component.get(key).and_then(Value::as_array).map(Vec::len);
    let kind = component["type"].as_u64();
    let kind = kind.ok_or_else(|| read::required("type"))?;
    let is_used = SELECTS.contains(&kind) || FIELDS.contains(&kind);
    if is_used && component["custom_id"].as_str().is_none() {
        return Err(read::required("custom_id"));
    }
    match kind {
        ROW if !(1..=5).contains(&count("components").unwrap_or_default()) => {
            Err(read::length("components", &(1..=5)))
        }
        2 => check_button(component),
        3 if !(1..=25).contains(&count("options").unwrap_or_default()) => {
            Err(read::length("options", &(1..=25)))
        }
        11 => read::address(component, "/media/url", &MEDIA),
        12 => {
            let items = component.get("items").and_then(Value::as_array);
            let mut items = items.into_iter().flatten();
            items.try_for_each(|item| read::address(item, "/media/url", &MEDIA))
        }
        13 => read::address(component, "/file/url", &MEDIA),
        _ => Ok(()),
    }
}

fn check_button(button: &Value) -> Result<(), Refusal> {
    read::text(button, "label", 0..=80)?;
    let needed = match button["style"].as_u64() {
        Some(LINK) => "url",
        Some(PREMIUM) => "sku_id",
        _ => "custom_id",
    };
    if button[needed].is_null() {
        return Err(read::required(needed));
    }
    read::address(button, "/url", &LINKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_get_ids_in_reading_order_around_those_given() {
        let mut rows = [
            json!({"type": 1, "components": [{"type": 2}, {"type": 3, "id": 2}]}),
            json!({"type": 9, "accessory": {"type": 2}}),
        ];
        complete(&mut rows);
        let id = |path| rows[0].pointer(path).cloned().unwrap();
        assert_eq!((id("/id"), id("/components/0/id")), (json!(1), json!(3)));
        assert_eq!(
            (id("/components/1/id"), id("/components/1/max_values")),
            (json!(2), json!(1))
        );
        assert_eq!(rows[1].pointer("/accessory/id"), Some(&json!(5)));
    }
}
