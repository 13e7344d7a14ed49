//! What a person sees of a panel, and does with it.

use proto::event::{FormField, Interaction, InteractionType};
use serde_json::{Value, json};

use crate::world::{World, interaction, press};

/// Discord's types of components.
const BUTTON: u64 = 2;
const MENU: u64 = 3;

/// Presses a button.
#[track_caller]
pub(crate) fn press_on(message: &Value, label: &str) -> Interaction {
    press(&control(message, BUTTON, "label", label))
}

/// Chooses in a menu, by its placeholder.
#[track_caller]
pub(crate) fn choose(message: &Value, placeholder: &str, value: &str) -> Interaction {
    Interaction {
        values: vec![value.to_owned()],
        ..press(&control(message, MENU, "placeholder", placeholder))
    }
}

/// Chooses the option of that label.
#[track_caller]
pub(crate) fn choose_labelled(message: &Value, placeholder: &str, label: &str) -> Interaction {
    let controls = controls(message);
    let menu = controls
        .iter()
        .find(|control| control["placeholder"] == placeholder);
    let options = menu.expect("such a menu")["options"].as_array().unwrap();
    let fitting = |option: &&Value| option["label"].as_str().unwrap().contains(label);
    let option = options.iter().find(fitting).expect("such an option");
    choose(message, placeholder, option["value"].as_str().unwrap())
}

/// Leaves those options of a list ticked whose labels begin with these numbers, and no others.
#[track_caller]
pub(crate) fn ticked(message: &Value, placeholder: &str, numbers: &[&str]) -> Interaction {
    let controls = controls(message);
    let menu = controls
        .iter()
        .find(|control| control["placeholder"] == placeholder);
    let menu = menu.expect("such a list");
    let options = menu["options"].as_array().unwrap();
    assert!(options.iter().all(|option| option["default"] == true));
    assert_eq!(menu["max_values"], options.len());
    let is_kept = |option: &&Value| {
        let number = option["label"].as_str().unwrap().split(' ').next();
        numbers.contains(&number.unwrap())
    };
    let kept = options.iter().filter(is_kept);
    let values = kept.map(|option| option["value"].as_str().unwrap().to_owned());
    Interaction {
        values: values.collect(),
        ..press(&control(message, MENU, "placeholder", placeholder))
    }
}

/// Sends a form with these fields.
pub(crate) fn filled(form: &Value, fields: &[(&str, &str)]) -> Interaction {
    assert_eq!(form["type"], 9, "no form: {form}");
    let field = |(custom_id, value): &(&str, &str)| FormField {
        custom_id: (*custom_id).to_owned(),
        values: vec![(*value).to_owned()],
    };
    Interaction {
        custom_id: form["data"]["custom_id"].as_str().unwrap().to_owned(),
        fields: fields.iter().map(field).collect(),
        ..interaction(InteractionType::Modal)
    }
}

/// Does something that changes the panel in place, and returns what the panel becomes.
pub(crate) async fn changed(world: &mut World, doing: Interaction) -> Value {
    let promise = world.answer_to(doing).await;
    assert_eq!(promise, json!({"type": 6}));
    let edit = world.fake.next_call().await;
    assert_eq!(edit.kind, "edit");
    edit.body
}

/// Does something that shows another panel at once, and returns that.
pub(crate) async fn replaced(world: &mut World, doing: Interaction) -> Value {
    let answer = world.answer_to(doing).await;
    assert_eq!(answer["type"], 7, "{answer}");
    answer["data"].clone()
}

/// The labels of all buttons.
pub(crate) fn buttons(message: &Value) -> Vec<String> {
    let buttons = controls(message).into_iter();
    buttons
        .filter(|control| control["type"] == BUTTON)
        .map(|button| button["label"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
pub(crate) fn assert_says(message: &Value, words: &str) {
    let content = message["content"].as_str().expect("a text");
    assert!(content.contains(words), "{content}");
}

fn controls(message: &Value) -> Vec<Value> {
    let rows = message["components"].as_array().expect("components");
    let controls = rows
        .iter()
        .flat_map(|row| row["components"].as_array().expect("a row"));
    controls.cloned().collect()
}

#[track_caller]
fn control(message: &Value, kind: u64, key: &str, name: &str) -> String {
    let controls = controls(message);
    let found = controls
        .iter()
        .find(|control| control["type"] == kind && control[key] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not shown: {message}"));
    found["custom_id"].as_str().unwrap().to_owned()
}
