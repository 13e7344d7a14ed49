//! What a person chooses in selects and writes into the fields of a form.

use serde_json::{Map, Value, json};

use crate::sandbox::admin::Wrong;
use crate::sandbox::admin::place::Spot;
use crate::sandbox::commands::Uploads;
use crate::sandbox::commands::resolved::{Resolved, Thing};
use crate::sandbox::shape;
use crate::sandbox::world::World;

/// Types of components (Discord components page, 2026-11).
const ROW: u64 = 1;
const TEXT_INPUT: u64 = 4;
const LABEL: u64 = 18;
const FILE: u64 = 19;
const RADIO: u64 = 21;
const CHECKBOXES: u64 = 22;
const CHECKBOX: u64 = 23;

/// What a person gave: fields and files by `custom_id`.
type Given<'a> = (&'a Map<String, Value>, &'a Uploads);

/// Returns the data of a form that is sent.
pub(super) fn data(
    world: &World,
    spot: Spot,
    modal: &Value,
    given: Given<'_>,
) -> Result<Value, Wrong> {
    let mut resolved = Resolved::new(world, spot);
    let rows = modal.get("components").and_then(Value::as_array);
    let rows = rows.into_iter().flatten();
    let rows = rows.map(|row| fill_row(row, given, &mut resolved));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut data = json!({"custom_id": modal["custom_id"], "components": rows});
    resolved.add_to(&mut data);
    Ok(data)
}

fn fill_row(row: &Value, given: Given<'_>, resolved: &mut Resolved<'_>) -> Result<Value, Wrong> {
    let id = row.get("id").cloned().unwrap_or(json!(1));
    match row["type"].as_u64() {
        Some(LABEL) => {
            let inner = row.get("component");
            let inner = inner.ok_or_else(|| Wrong::bad("a label has no component"))?;
            let filled = fill(inner, &row["label"], given, resolved)?;
            Ok(json!({"type": LABEL, "id": id, "component": filled}))
        }
        Some(ROW) => {
            let inner = row.get("components").and_then(Value::as_array);
            let inner = inner.into_iter().flatten();
            let filled = inner.map(|inner| fill(inner, &inner["label"], given, resolved));
            let filled = filled.collect::<Result<Vec<_>, _>>()?;
            Ok(json!({"type": ROW, "id": id, "components": filled}))
        }
        _ => Ok(json!({"type": row["type"], "id": id})),
    }
}

fn fill(
    component: &Value,
    label: &Value,
    (fields, uploads): Given<'_>,
    resolved: &mut Resolved<'_>,
) -> Result<Value, Wrong> {
    let custom_id = component["custom_id"].as_str().unwrap_or_default();
    let id = component.get("id").cloned().unwrap_or(json!(1));
    let mut body = json!({"type": component["type"], "id": id, "custom_id": custom_id});
    let given = fields.get(custom_id);
    match component["type"].as_u64() {
        Some(TEXT_INPUT) => {
            let value = given.unwrap_or(&component["value"]);
            let value = value.as_str().unwrap_or_default();
            check_text(component, label, value)?;
            shape::set(&mut body, "value", value.into());
        }
        Some(CHECKBOX) => {
            let value = given.unwrap_or(&component["default"]);
            let is_checked = value == true || value == "true";
            shape::set(&mut body, "value", is_checked.into());
        }
        Some(RADIO) => {
            let values = chosen(component, given, resolved)?;
            shape::set(&mut body, "value", json!(values.first()));
        }
        Some(FILE) => {
            let file = uploads.get(custom_id).map(|file| resolved.file(file));
            if file.is_none() && component["required"] != false {
                return Err(Wrong::bad(format!("the field {label} needs a file")));
            }
            shape::set(&mut body, "values", file.into_iter().collect());
        }
        _ => {
            let values = chosen(component, given, resolved)?;
            shape::set(&mut body, "values", json!(values));
        }
    }
    Ok(body)
}

/// What is chosen in a select of a form; what stands there when it opens, unless told.
fn chosen(
    component: &Value,
    given: Option<&Value>,
    resolved: &mut Resolved<'_>,
) -> Result<Vec<String>, Wrong> {
    let chosen = match given {
        Some(values @ Value::Array(_)) => values.clone(),
        Some(value) => json!([value]),
        None => preset(component),
    };
    let values: Vec<String> = serde_json::from_value(chosen)
        .map_err(|error| Wrong::bad(format!("what is chosen are texts: {error}")))?;
    if !(values.is_empty() && component["required"] == false) {
        choose(component, &values, resolved)?;
    }
    Ok(values)
}

/// What a select of a form has chosen when it opens.
fn preset(component: &Value) -> Value {
    let list = |key: &str| component.get(key).and_then(Value::as_array);
    let options = list("options").into_iter().flatten();
    let options = options.filter(|option| option["default"] == true);
    let things = list("default_values").into_iter().flatten();
    let things = things.map(|thing| thing["id"].clone());
    let options = options.map(|option| option["value"].clone());
    options.chain(things).collect()
}

/// Checks what somebody chooses in a select, and tells what the ids stand for.
pub(super) fn choose(
    component: &Value,
    values: &[String],
    resolved: &mut Resolved<'_>,
) -> Result<(), Wrong> {
    let options = component.get("options").and_then(Value::as_array);
    let thing = Thing::of_select(component["type"].as_u64());
    for (place, value) in values.iter().enumerate() {
        let is_known = match (thing, options) {
            (Some(thing), _) => resolved.refer(thing, value, component).is_some(),
            (None, Some(options)) => options.iter().any(|option| option["value"] == *value),
            (None, None) => false,
        };
        if !is_known || values.iter().take(place).any(|other| other == value) {
            return Err(Wrong::bad(format!("the select has no value \"{value}\"")));
        }
    }
    let bound = |key: &str| component.get(key).and_then(Value::as_u64);
    let most = match component["type"].as_u64() {
        Some(CHECKBOXES) => options.map_or(1, Vec::len),
        _ => 1,
    };
    let most = bound("max_values").unwrap_or(u64::try_from(most).unwrap_or(u64::MAX));
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
    if (bound("min_values").unwrap_or(1)..=most).contains(&count) {
        return Ok(());
    }
    Err(Wrong::bad(format!(
        "the select does not take {count} values"
    )))
}

fn check_text(component: &Value, label: &Value, value: &str) -> Result<(), Wrong> {
    let is_required = component["required"] != false;
    if value.is_empty() && !is_required {
        return Ok(());
    }
    let bound = |key: &str, otherwise| {
        let bound = component.get(key).and_then(Value::as_u64);
        bound.unwrap_or(otherwise)
    };
    let least = bound("min_length", 0).max(u64::from(is_required));
    let most = bound("max_length", 4_000);
    let length = u64::try_from(value.chars().count()).unwrap_or(u64::MAX);
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(Wrong::bad(format!(
        "the field {label} needs {least} to {most} characters"
    )))
}
