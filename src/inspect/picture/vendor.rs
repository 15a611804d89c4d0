//! What vendors say in descriptions beyond the standard: elements of other namespaces, for people.

use crate::document::Element;

/// What one element of another namespace says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Extension {
    /// The name of the element, with its prefix.
    pub name: String,
    /// Its attributes and texts.
    pub value: String,
    /// The values that it allows, each with what it means, where it lists some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
}

/// A value that a vendor allows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Allowed {
    /// The value, a range or a pattern.
    pub value: String,
    /// What it means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
}

/// Octets of a text at the most.
const MOST_TEXT: usize = 2000;
/// Values of a list at the most.
const MOST_VALUES: usize = 200;

/// Returns what the elements of other namespaces say in a `Node` element and its properties.
pub(super) fn extensions(node: &Element<'_>) -> Vec<Extension> {
    let of = |element: &Element<'_>| -> Vec<Extension> {
        element.children.iter().filter(|child| child.name.contains(':')).map(extension).collect()
    };
    let mut all = of(node);
    all.extend(node.child("DFProperties").into_iter().flat_map(of));
    all
}

fn extension(element: &Element<'_>) -> Extension {
    let mut allowed = Vec::new();
    let mut words = Vec::new();
    for child in &element.children {
        match local(child) {
            "Enum" => allowed.push(value(child)),
            "Value" => allowed.push(Allowed { value: bounded(child.trimmed()), meaning: meaning(element) }),
            "ValueDescription" => {}
            _ => words.push(in_words(child, 0)),
        }
    }
    let own = attributes(element);
    words.insert(0, own);
    words.push(bounded(element.trimmed()));
    words.retain(|word| !word.is_empty());
    allowed.truncate(MOST_VALUES);
    Extension { name: element.name.to_string(), value: bounded(&words.join("; ")), allowed }
}

fn value(element: &Element<'_>) -> Allowed {
    let value = element.children.iter().find(|child| local(child) == "Value");
    Allowed { value: value.map(|v| bounded(v.trimmed())).unwrap_or_default(), meaning: meaning(element) }
}

fn meaning(element: &Element<'_>) -> String {
    let meaning = element.children.iter().find(|child| local(child) == "ValueDescription");
    meaning.map(|m| bounded(m.trimmed())).unwrap_or_default()
}

/// Returns an element as `name attributes text`, with what is in it in parentheses.
fn in_words(element: &Element<'_>, depth: usize) -> String {
    const DEEPEST: usize = 4;
    let mut words = vec![local(element).to_owned(), attributes(element), element.trimmed().to_owned()];
    if depth < DEEPEST && !element.children.is_empty() {
        let inner: Vec<_> = element.children.iter().map(|child| in_words(child, depth + 1)).collect();
        words.push(format!("({})", inner.join("; ")));
    }
    words.retain(|word| !word.is_empty());
    bounded(&words.join(" "))
}

fn attributes(element: &Element<'_>) -> String {
    let said = element.attributes.iter().filter(|a| !crate::document::is_declaration(&a.name));
    said.map(|a| format!("{}={}", a.name, a.value)).collect::<Vec<_>>().join(" ")
}

fn local<'e>(element: &'e Element<'_>) -> &'e str {
    element.name.rsplit(':').next().unwrap_or_default()
}

fn bounded(text: &str) -> String {
    if text.len() <= MOST_TEXT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MOST_TEXT)])
}
