//! Trees that travel in the data of an item as text or as octets (DM TNDS; DM Bootstrap, "DM Profile").
//!
//! What is found in them is reported at its place in the message where that place is known: in a CDATA section, in
//! text without references, in octets of a binary message.

use crate::codec;
use crate::diagnose::{Report, Span};
use crate::dm::DDF;
use crate::dm::serialise::LIMITS;
use crate::document::{Content, Element, from_base64};

/// The media types of serialised trees, without `+xml` and `+wbxml`.
pub(crate) const TREE_TYPE: &str = "application/vnd.syncml.dmtnds";

/// Reads the tree that a Data holds as text or octets, if `type_name` says that it is one. `None` where it is none, with
/// the findings that say why.
pub(super) fn tree(data: &Element<'_>, type_name: &str, report: &mut Report) -> Option<Element<'static>> {
    if !type_name.starts_with(TREE_TYPE) || data.is_empty() {
        return None;
    }
    let mut findings = Report::new();
    let mut place = Place { shift: shift(data), whole: data.content_span };
    let decoded;
    let octets: &[u8] = match &data.content {
        Content::Octets(octets) => octets,
        Content::Text(text) if codec::recognise(text.as_bytes()).is_some() => text.as_bytes(),
        Content::Text(text) => {
            decoded = from_base64(text)?;
            place.shift = None;
            &decoded
        }
    };
    let root = codec::read(octets, &[&DDF], &LIMITS, &mut findings).map(|document| document.root.into_owned());
    findings.amend(|finding| finding.span = place.of(finding.span));
    report.append(findings);
    let mut root = root.filter(|root| root.name == "MgmtTree")?;
    place.settle(&mut root);
    Some(root)
}

/// Returns the tree that a text is, as XML or as WBXML in base64, if `type_name` says that it is one: a large object whose
/// parts were joined.
pub(crate) fn tree_in(text: &str, type_name: &str) -> Option<Element<'static>> {
    tree(&Element::leaf("Data", text), type_name, &mut Report::new())
}

/// Calls `visit` for every element of a tree that a Data holds as text or octets, with its place in the message.
pub(crate) fn walk_embedded(data: &Element<'_>, visit: &mut impl FnMut(&Element<'_>)) {
    let may_be_tree = match &data.content {
        Content::Text(text) => text.contains("MgmtTree"),
        Content::Octets(octets) => codec::recognise(octets).is_some(),
    };
    if let Some(root) = Some(data).filter(|_| may_be_tree).and_then(|data| tree(data, TREE_TYPE, &mut Report::new())) {
        root.walk(&mut |element, _| visit(element));
    }
}

/// Returns how far behind its place in the content an octet stands in the document, where that is one number.
fn shift(data: &Element<'_>) -> Option<u32> {
    let span = data.content_span;
    let length = span.end - span.start;
    match &data.content {
        Content::Octets(octets) => span.end.checked_sub(octets.len() as u32),
        Content::Text(text) => match length.checked_sub(text.len() as u32)? {
            // As it stands, or a CDATA section with white space behind it.
            0 | 3 => Some(span.start),
            // WBXML: behind STR_I.
            2 => Some(span.start + 1),
            // White space, then a CDATA section.
            9 | 12 => Some(span.start + 9),
            _ => None,
        },
    }
}

/// Where the embedded document stands in its message.
struct Place {
    shift: Option<u32>,
    whole: Span,
}

impl Place {
    fn of(&self, span: Span) -> Span {
        match self.shift {
            Some(shift) if span.end + shift <= self.whole.end => {
                Span { start: span.start + shift, end: span.end + shift }
            }
            _ => self.whole,
        }
    }

    fn settle(&self, element: &mut Element<'_>) {
        element.span = self.of(element.span);
        element.content_span = self.of(element.content_span);
        for attribute in &mut element.attributes {
            attribute.span = self.of(attribute.span);
            attribute.value_span = self.of(attribute.value_span);
        }
        element.children.iter_mut().for_each(|child| self.settle(child));
    }
}
