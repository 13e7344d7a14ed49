//! Discord's description of its interface (`OpenAPI`): which schema a request or an answer has to fit.

use std::collections::HashMap;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use dev::test::DISCORD_DESCRIPTION;
use serde_json::{Value, json};

/// Where the schemas are found by their names.
const SCHEMAS: &str = "http://schemas.test/all.json";

/// The description, ready to check with.
pub(super) struct Description {
    paths: Value,
    schemas: Value,
}

impl Description {
    /// Reads the description; `None` where it is absent.
    pub(super) fn read() -> Option<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = std::fs::read_to_string(checkout.join(DISCORD_DESCRIPTION)).ok()?;
        // The names of schemas become members of one document.
        let text = text.replace("#/components/schemas/", &format!("{SCHEMAS}#/"));
        let mut all: Value = serde_json::from_str(&text).unwrap();
        Some(Self {
            paths: all["paths"].take(),
            schemas: all["components"]["schemas"].take(),
        })
    }

    /// Finds the path that a request means and its operation.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let path = path.split('?').next().unwrap_or_default();
        let found = self
            .paths
            .as_object()?
            .iter()
            .filter(|(known, operations)| {
                fits(known, path) && operations.get(method.to_lowercase()).is_some()
            });
        // A path that says more by words than by parameters is meant first.
        let (known, operations) = found.min_by_key(|(known, _)| known.matches('{').count())?;
        Some((known, &operations[method.to_lowercase()]))
    }

    /// Makes what checks values with the schemas of this description.
    pub(super) fn checker(&self) -> Checker {
        let mut compiler = Compiler::new();
        let all = self.schemas.clone();
        compiler.add_resource(SCHEMAS, all).unwrap();
        Checker {
            compiler,
            schemas: Schemas::new(),
            known: HashMap::new(),
        }
    }
}

/// Checks values; each schema is compiled once.
pub(super) struct Checker {
    compiler: Compiler,
    schemas: Schemas,
    /// What is compiled already, by the text of the schema.
    known: HashMap<String, SchemaIndex>,
}

impl Checker {
    /// Says how a value does not fit a schema; `None`: it fits.
    pub(super) fn problem(&mut self, schema: &Value, value: &Value) -> Option<String> {
        let index = self.compiled(schema);
        let checked = self.schemas.validate(value, index);
        checked.err().map(|error| format!("{error:#}"))
    }

    fn compiled(&mut self, schema: &Value) -> SchemaIndex {
        let text = schema.to_string();
        if let Some(index) = self.known.get(&text) {
            return *index;
        }
        let place = format!("http://schemas.test/{}.json", self.known.len());
        self.compiler.add_resource(&place, schema.clone()).unwrap();
        let index = self.compiler.compile(&place, &mut self.schemas).unwrap();
        self.known.insert(text, index);
        index
    }
}

fn fits(known: &str, path: &str) -> bool {
    let (mut known, mut path) = (known.split('/'), path.split('/'));
    loop {
        match (known.next(), path.next()) {
            (None, None) => return true,
            (Some(known), Some(part)) if known.starts_with('{') || known == part => {}
            _ => return false,
        }
    }
}

/// Returns the schema of the body that an operation takes in a media type.
pub(super) fn request_schema<'a>(operation: &'a Value, kind: &str) -> Option<&'a Value> {
    operation["requestBody"]["content"].get(kind)?.get("schema")
}

/// Returns the schema of an answer with this status; `null`: nothing is said, `None`: no such answer.
pub(super) fn answer_schema(operation: &Value, status: u16) -> Option<Value> {
    let answers = &operation["responses"];
    let answer = answers
        .get(status.to_string())
        .or_else(|| answers.get(format!("{}XX", status / 100)))?;
    let schema = answer.pointer("/content/application~1json/schema");
    // Refusals are described once for all.
    let refusal = answer["$ref"]
        .as_str()
        .map(|_| json!({"$ref": format!("{SCHEMAS}#/ErrorResponse")}));
    Some(schema.cloned().or(refusal).unwrap_or_default())
}
