//! The values in force, and where each comes from.

use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use toml::de::ValueDeserializer;

use super::layers::{Merged, Source};
use super::schema::Node;

/// A value in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its key, with dots between the words: `server.csp.path`.
    pub key: String,
    /// The value. Names of files start from the folder of the file that they stand in.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
    /// The place: `FILE:LINE:COLUMN`, or the variable; none for a default.
    pub place: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A variable of the environment.
    Environment,
    /// A file.
    File,
    /// Nobody said otherwise.
    Default,
}

/// Returns every value in force, in the order of the schema.
pub(super) fn rows(merged: &Merged<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    below(Node::root(), "", merged, &mut rows);
    rows
}

fn below(node: Node, prefix: &str, merged: &Merged<'_>, rows: &mut Vec<Row>) {
    for name in node.keys() {
        let (key, node) = (format!("{prefix}{name}"), node.property(name));
        if node.is_section() {
            below(node, &format!("{key}."), merged, rows);
        } else {
            rows.extend(row(key, node, merged));
        }
    }
}

fn row(key: String, node: Node, merged: &Merged<'_>) -> Option<Row> {
    let Some(value) = merged.value(&key) else {
        let value = node.default()?.clone();
        return Some(Row { key, value, origin: Origin::Default, place: None });
    };
    let span = value.span();
    let origin = match merged.source(&span)? {
        Source::File(_) => Origin::File,
        Source::Variable(_) => Origin::Environment,
    };
    let mut value = Value::deserialize(ValueDeserializer::from(value.clone())).ok()?;
    mask(&mut value);
    Some(Row { key, value, origin, place: merged.place(&span) })
}

/// Hides what stands for a password in addresses: `http://anna:sesame@host/`.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => {
            let Some((scheme, rest)) = text.split_once("://") else { return };
            let host = rest.split('/').next().unwrap_or_default();
            let Some((user, _)) = host.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) else { return };
            let behind = &rest[host.rfind('@').unwrap_or_default()..];
            *text = format!("{scheme}://{user}:{MASK}{behind}");
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(table) => table.values_mut().for_each(mask),
        _ => {}
    }
}

/// Stands for a secret.
const MASK: &str = "••••";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_passwords_in_addresses() {
        for (address, shown) in [
            ("http://anna:se:same@host:1/a@b", "http://anna:••••@host:1/a@b"),
            ("http://anna@host/", "http://anna@host/"),
            ("http://host/a:b@c", "http://host/a:b@c"),
            ("sqlite:/a:b@c", "sqlite:/a:b@c"),
        ] {
            let mut value = Value::from(vec![address]);
            mask(&mut value);
            assert_eq!(value[0], shown);
        }
    }
}
