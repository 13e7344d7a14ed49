//! What somebody does in Discord's client, and sees there.

use serde_json::{Value, json};

use crate::town::Town;

/// Somebody in the channel "general" of Amber, with the panel that they see.
pub(crate) struct Person<'a> {
    town: &'a Town,
    name: &'static str,
    pub(crate) view: Value,
}

impl<'a> Person<'a> {
    pub(crate) fn new(town: &'a Town, name: &'static str) -> Self {
        let view = Value::Null;
        Self { town, name, view }
    }

    /// Looks at a message that everybody sees.
    pub(crate) fn see(&mut self, message: Value) {
        self.view = json!({"message": message});
    }

    /// Runs a command.
    pub(crate) async fn run(&mut self, command: &str) -> String {
        self.act(json!({"command": command})).await
    }

    /// Runs a command with files, by option.
    pub(crate) async fn run_with(&mut self, command: &str, files: Value) -> String {
        self.act(json!({"command": command, "files": files})).await
    }

    /// Presses the button of that label.
    pub(crate) async fn press(&mut self, label: &str) -> String {
        let used = self.control("label", label, &[]);
        self.act(used).await
    }

    /// Chooses in the menu of that placeholder, by a part of the option's label.
    pub(crate) async fn choose(&mut self, placeholder: &str, label: &str) -> String {
        let menu = self.find("placeholder", placeholder);
        let mut options = menu["options"].as_array().unwrap().iter();
        let option = options.find(|option| option["label"].as_str().unwrap().contains(label));
        let value = option.expect("such an option")["value"].as_str().unwrap();
        let used = self.control("placeholder", placeholder, &[value]);
        self.act(used).await
    }

    /// Leaves these options of the list of that placeholder ticked, and no others.
    pub(crate) async fn tick(&mut self, placeholder: &str, values: &[&str]) -> String {
        let used = self.control("placeholder", placeholder, values);
        self.act(used).await
    }

    /// Fills the form that is open.
    pub(crate) async fn send(&mut self, fields: Value) -> String {
        assert!(self.view["modal"].is_object(), "no form: {}", self.view);
        let form = json!({"interaction_id": self.view["id"], "fields": fields});
        self.act(json!({"form": form})).await
    }

    fn find(&self, key: &str, name: &str) -> Value {
        let rows = self.view["message"]["components"].as_array().unwrap();
        let mut controls = rows
            .iter()
            .flat_map(|row| row["components"].as_array().unwrap());
        let found = controls.find(|control| control[key] == name);
        let found = found.unwrap_or_else(|| panic!("{name} is not shown: {}", self.view));
        found.clone()
    }

    fn control(&self, key: &str, name: &str, values: &[&str]) -> Value {
        let (id, control) = (&self.view["message"]["id"], self.find(key, name));
        let custom_id = &control["custom_id"];
        json!({"component": {"message_id": id, "custom_id": custom_id, "values": values}})
    }

    /// Does something, and returns what is said then; empty where a form opens.
    async fn act(&mut self, mut doing: Value) -> String {
        doing["user"] = json!(self.name);
        doing["server"] = json!("Amber");
        doing["channel"] = json!("general");
        let started = self.town.tell("interactions", &doing).await;
        let id = started["id"].as_str().unwrap().to_owned();
        for _ in 0..6 {
            let route = format!("interactions/{id}?wait_ms=10000");
            let view = self.town.look(&route).await;
            match view["state"].as_str() {
                Some("answered") => {
                    let text = view["message"]["content"].as_str().unwrap_or_default();
                    let text = text.to_owned();
                    self.view = view;
                    return text;
                }
                Some("failed") => panic!("no first answer within three seconds: {view}"),
                _ => {}
            }
        }
        panic!("no final answer");
    }
}

/// Lets the model refuse a key from now on, as one that is wrong.
pub(crate) async fn refuse(town: &Town, key: &str) {
    town.break_model(json!({"fault": 401, "key": key, "times": 1000}))
        .await;
}

#[track_caller]
pub(crate) fn assert_says(text: &str, words: &str) {
    assert!(text.contains(words), "{text}");
}
