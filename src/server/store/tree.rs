//! An element as one column: what a peer wrote is kept and given back unchanged, whatever vocabulary it is of.
//!
//! The column is JSON, `[name, content]`, where content is text, a list of children, or an object that holds octets in
//! base64. Attributes, which only extensions have, follow as an object.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::document::{Content, Element, from_base64, to_base64};

/// Returns the names, content and children of an element as a column.
pub(crate) fn write(element: &Element<'_>) -> String {
    serde_json::to_string(&Node(element)).expect("text in memory takes every tree")
}

/// Returns the element of a column.
pub(crate) fn read(column: &str) -> Option<Element<'static>> {
    serde_json::from_str(column).ok().map(element)
}

/// Returns three elements as one column.
pub(crate) fn write_three(elements: [&Element<'_>; 3]) -> String {
    serde_json::to_string(&elements.map(Node)).expect("text in memory takes every tree")
}

/// Returns the element of a column of a row.
pub(crate) fn of_column(row: &Row<'_>, place: usize) -> rusqlite::Result<Element<'static>> {
    kept(row, place).map(element)
}

/// Returns the elements of a column of a row, which are three.
pub(crate) fn three_of_column(row: &Row<'_>, place: usize) -> rusqlite::Result<[Element<'static>; 3]> {
    kept(row, place).map(|all: [Kept; 3]| all.map(element))
}

fn kept<T: DeserializeOwned>(row: &Row<'_>, place: usize) -> rusqlite::Result<T> {
    let kept = serde_json::from_str(row.get_ref(place)?.as_str()?);
    kept.map_err(|error| rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error)))
}

/// An element to be written.
struct Node<'e, 's>(&'e Element<'s>);

/// What is in it.
struct Inside<'e, 's>(&'e Element<'s>);

impl Serialize for Node<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, inside) = (&self.0.name, Inside(self.0));
        if self.0.attributes.is_empty() {
            return (name, inside).serialize(serializer);
        }
        let attributes: BTreeMap<_, _> = self.0.attributes.iter().map(|a| (&a.name, &a.value)).collect();
        (name, inside, attributes).serialize(serializer)
    }
}

impl Serialize for Inside<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.content {
            _ if !self.0.children.is_empty() => serializer.collect_seq(self.0.children.iter().map(Node)),
            Content::Text(text) => serializer.serialize_str(text),
            Content::Octets(octets) => serializer.collect_map([("octets", to_base64(octets))]),
        }
    }
}

/// An element that was kept.
#[derive(serde::Deserialize)]
struct Kept(String, KeptInside, #[serde(default)] BTreeMap<String, String>);

/// What was kept in it.
enum KeptInside {
    Content(Content<'static>),
    Children(Vec<Kept>),
}

impl<'de> Deserialize<'de> for KeptInside {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfAnyKind)
    }
}

struct OfAnyKind;

impl<'de> Visitor<'de> for OfAnyKind {
    type Value = KeptInside;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, children or octets")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KeptInside, E> {
        Ok(KeptInside::Content(Content::Text(text.to_owned().into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeptInside, A::Error> {
        let mut children = Vec::new();
        while let Some(child) = list.next_element()? {
            children.push(child);
        }
        Ok(KeptInside::Children(children))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeptInside, A::Error> {
        let octets = map.next_entry::<String, String>()?.and_then(|(_, text)| from_base64(&text));
        let octets = octets.ok_or_else(|| A::Error::custom("no octets in base64"))?;
        Ok(KeptInside::Content(Content::Octets(octets.into())))
    }
}

fn element(Kept(name, inside, attributes): Kept) -> Element<'static> {
    let element = match inside {
        KeptInside::Content(content) => Element { content, ..Element::new(name) },
        KeptInside::Children(children) => Element::new(name).with_all(children.into_iter().map(element)),
    };
    attributes.into_iter().fold(element, |element, (name, value)| element.with_attribute(name, value))
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
