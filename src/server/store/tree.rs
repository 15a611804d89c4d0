//! An element as one column: what a peer wrote is kept and given back unchanged, whatever vocabulary it is of.

use serde_json::{Value, json};

use crate::document::{Content, Element, from_base64, to_base64};

/// Returns the names, content and children of an element as JSON: `[name, content]`, where content is text, a list of
/// children, or an object that holds octets in base64. Attributes, which only extensions have, follow as an object.
pub(crate) fn write(element: &Element<'_>) -> String {
    value(element).to_string()
}

/// Returns the element of a column.
pub(crate) fn read(column: &str) -> Option<Element<'static>> {
    element(&serde_json::from_str(column).ok()?)
}

fn value(element: &Element<'_>) -> Value {
    let content = match &element.content {
        _ if !element.children.is_empty() => json!(element.children.iter().map(value).collect::<Vec<_>>()),
        Content::Text(text) => json!(text),
        Content::Octets(octets) => json!({ "octets": to_base64(octets) }),
    };
    if element.attributes.is_empty() {
        return json!([element.name, content]);
    }
    let attributes = element.attributes.iter().map(|a| (a.name.to_string(), json!(a.value)));
    json!([element.name, content, attributes.collect::<serde_json::Map<_, _>>()])
}

fn element(value: &Value) -> Option<Element<'static>> {
    let name = value.get(0)?.as_str()?.to_owned();
    let element = match value.get(1)? {
        Value::String(text) => Element::leaf(name, text.clone()),
        Value::Array(children) => {
            Element::new(name).with_all(children.iter().map(element).collect::<Option<Vec<_>>>()?)
        }
        other => Element::octets(name, from_base64(other.get("octets")?.as_str()?)?),
    };
    let attributes = value.get(2).and_then(Value::as_object).into_iter().flatten();
    Some(attributes.fold(element, |element, (name, text)| {
        element.with_attribute(name.clone(), text.as_str().unwrap_or_default().to_owned())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text_octets_and_order() {
        let tree = Element::new("A")
            .with_leaf("B", "\"'\\ \u{1F600} \u{7}\u{2028}")
            .with(Element::octets("C", vec![0, 0xFF]))
            .with(Element::new("D").with_attribute("xmlns", "urn:example:d"));
        let again = read(&write(&tree)).unwrap();
        assert!(again.same_as(&tree));
        assert_eq!(again.children[1].content, tree.children[1].content);
        assert_eq!(again.children[2].attribute("xmlns"), Some("urn:example:d"));
    }
}
