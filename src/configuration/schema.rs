//! The JSON Schema of `impskit.toml`: for editors, and for what the types do not say.

use std::sync::LazyLock;

use serde_json::Value;

/// The schema as `config schema` prints it: JSON Schema, draft 2020-12.
pub const TEXT: &str = include_str!("schema.json");

/// The schema, read.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());

/// What the schema says of a value; `null` of what it does not know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    value: &'static Value,
    is_reference: bool,
}

impl Node {
    /// Returns what it says of the file.
    pub(super) fn root() -> Self {
        Self { value: &SCHEMA, is_reference: false }
    }

    /// Returns what it says of a key.
    pub(super) fn property(self, key: &str) -> Self {
        self.inner(&self.value["properties"][key])
    }

    /// Returns what it says of an item of a list, counted from 0.
    pub(super) fn item(self, number: usize) -> Self {
        self.inner(self.value["prefixItems"].get(number).unwrap_or(&self.value["items"]))
    }

    fn inner(self, value: &'static Value) -> Self {
        match value["$ref"].as_str().and_then(|reference| SCHEMA.pointer(reference.trim_start_matches('#'))) {
            Some(value) => Self { value, is_reference: true },
            None => Self { value, is_reference: false },
        }
    }

    /// Returns the keys of a table, in order.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        self.value["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// Returns whether this is a table of the file, and not a value that is written as one.
    pub(super) fn is_section(self) -> bool {
        !self.is_reference && self.kind() == Some("object")
    }

    /// Returns the type, if there is one only.
    pub(super) fn kind(self) -> Option<&'static str> {
        self.value["type"].as_str()
    }

    /// Returns what a text is: `impskit-file`, `impskit-store`, `impskit-pack`, `impskit-program`.
    pub(super) fn format(self) -> Option<&'static str> {
        self.value["format"].as_str()
    }

    /// Returns everything that it says.
    #[cfg(test)]
    pub(super) fn said(self) -> &'static Value {
        self.value
    }

    /// Returns the value where none is set.
    pub(super) fn default(self) -> Option<&'static Value> {
        self.value.get("default")
    }
}
