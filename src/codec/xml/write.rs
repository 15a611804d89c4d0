//! Writes XML 1.0 in UTF-8.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::escape::minimal_escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::document::{Content, Element, Vocabulary, is_xml, to_base64};

/// Writes a document with declaration and document type.
pub(in crate::codec) fn write(root: &Element<'_>, vocabulary: Option<&Vocabulary>, indent: bool) -> Vec<u8> {
    let mut writer = match indent {
        true => Writer::new_with_indent(Vec::new(), b' ', 2),
        false => Writer::new(Vec::new()),
    };
    // Writing to memory does not fail.
    let _ = write_events(&mut writer, root, vocabulary);
    let mut octets = writer.into_inner();
    if indent {
        octets.push(b'\n');
    }
    octets
}

fn write_events(writer: &mut Writer<Vec<u8>>, root: &Element<'_>, vocabulary: Option<&Vocabulary>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    if let Some(doctype) = vocabulary.and_then(|v| v.doctype).filter(|d| d.root == root.name) {
        let text = format!("{} PUBLIC \"{}\" \"{}\"", doctype.root, doctype.public, doctype.system);
        writer.write_event(Event::DocType(BytesText::from_escaped(text)))?;
    }
    write_element(writer, root, "")
}

fn write_element(writer: &mut Writer<Vec<u8>>, element: &Element<'_>, outer: &str) -> io::Result<()> {
    let mut start = BytesStart::new(element.name.as_ref());
    let mut namespace = outer;
    for attribute in &element.attributes {
        // A declaration that only repeats what holds already is left out.
        if attribute.name == "xmlns" {
            if attribute.value == outer {
                continue;
            }
            namespace = &attribute.value;
        }
        start.push_attribute((attribute.name.as_ref(), carried(&attribute.value).as_ref()));
    }
    if element.is_empty() {
        return writer.write_event(Event::Empty(start));
    }
    writer.write_event(Event::Start(start))?;
    let text: Cow<'_, str> = match &element.content {
        Content::Text(text) => carried(text),
        Content::Octets(octets) => match std::str::from_utf8(octets) {
            Ok(text) if text.chars().all(is_xml) => Cow::Borrowed(text),
            _ => Cow::Owned(to_base64(octets)),
        },
    };
    if !text.is_empty() {
        writer.write_event(Event::Text(BytesText::from_escaped(escaped(&text))))?;
    }
    for child in &element.children {
        write_element(writer, child, namespace)?;
    }
    writer.write_event(Event::End(BytesEnd::new(element.name.as_ref())))
}

/// Returns a text with U+FFFD in the place of characters that no XML document can hold, such as U+0000.
fn carried(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_xml) { Cow::Borrowed(text) } else { Cow::Owned(text.replace(|c| !is_xml(c), "\u{FFFD}")) }
}

/// Returns a text with no more references than XML asks for: clients that look for tags with their own hands, of which
/// there are many, show `&apos;` as it stands.
fn escaped(text: &str) -> Cow<'_, str> {
    let escaped = minimal_escape(text);
    if escaped.contains("]]>") { Cow::Owned(escaped.replace("]]>", "]]&gt;")) } else { escaped }
}
