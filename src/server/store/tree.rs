//! An element as one column: what a peer wrote is kept and given back unchanged, whatever vocabulary it is of.

use serde_json::{Value, json};

use crate::document::{Content, Element, from_base64, to_base64};

/// Returns the names, content and children of an element as JSON: `[name, content]`, where content is text, a list of
/// children, or an object that holds octets in base64.
pub(crate) fn write(element: &Element<'_>) -> String {
    value(element).to_string()
}

/// Returns the element of a column.
pub(crate) fn read(column: &str) -> Option<Element<'static>> {
    element(&serde_json::from_str(column).ok()?)
}

fn value(element: &Element<'_>) -> Value {
    let name = element.name.as_ref();
    match &element.content {
        _ if !element.children.is_empty() => json!([name, element.children.iter().map(value).collect::<Vec<_>>()]),
        Content::Text(text) => json!([name, text]),
        Content::Octets(octets) => json!([name, { "octets": to_base64(octets) }]),
    }
}

fn element(value: &Value) -> Option<Element<'static>> {
    let name = value.get(0)?.as_str()?.to_owned();
    Some(match value.get(1)? {
        Value::String(text) => Element::leaf(name, text.clone()),
        Value::Array(children) => {
            Element::new(name).with_all(children.iter().map(element).collect::<Option<Vec<_>>>()?)
        }
        other => Element::octets(name, from_base64(other.get("octets")?.as_str()?)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text_octets_and_order() {
        let tree = Element::new("A")
            .with_leaf("B", "\"'\\ \u{1F600} \u{7}\u{2028}")
            .with(Element::octets("C", vec![0, 0xFF]))
            .with(Element::new("D"));
        let again = read(&write(&tree)).unwrap();
        assert!(again.same_as(&tree));
        assert_eq!(again.children[1].content, tree.children[1].content);
    }
}
