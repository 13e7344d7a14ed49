//! What Discord adds to components: an id each, and the bounds of selects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::shape;

/// String, user, role, mentionable and channel selects.
const SELECTS: [u64; 5] = [3, 5, 6, 7, 8];
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

fn fill(component: &mut Value, taken: &BTreeSet<u64>, next: &mut u64) {
    if component.get("id").and_then(Value::as_u64).is_none() {
        while taken.contains(next) {
            *next += 1;
        }
        shape::set(component, "id", json!(*next));
        *next += 1;
    }
    let kind = component.get("type").and_then(Value::as_u64);
    if kind.is_some_and(|kind| SELECTS.contains(&kind)) {
        for bound in ["min_values", "max_values"] {
            if component.get(bound).is_none() {
                shape::set(component, bound, json!(1));
            }
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
