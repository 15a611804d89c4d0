//! The one tree: every document, in whatever syntax, is an [`Element`] with attributes, content, children
//! and the span it came from.
//!
//! Text is borrowed from the source where it stands there as it is (`Cow`), so that a tree of three megabytes
//! costs a few milliseconds. Elements that we make ourselves have empty spans.

use std::borrow::Cow;

use crate::diagnose::Span;

/// An attribute: a name, a value and where both are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'s> {
    /// The name, with its prefix if it has one.
    pub name: Cow<'s, str>,
    /// The value with references resolved.
    pub value: Cow<'s, str>,
    /// The whole attribute.
    pub span: Span,
    /// The value, without quotes.
    pub value_span: Span,
}

/// What a leaf holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'s> {
    /// Characters. Empty for an element without text.
    Text(Cow<'s, str>),
    /// Octets that are not known to be text (WBXML OPAQUE); base64 in XML.
    Octets(Cow<'s, [u8]>),
}

/// An element with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'s> {
    /// The name. A prefix bound to a namespace of the document's own vocabulary is gone; a foreign one stays.
    pub name: Cow<'s, str>,
    /// The attributes, `xmlns` declarations among them, in document order.
    pub attributes: Vec<Attribute<'s>>,
    /// The children in document order.
    pub children: Vec<Self>,
    /// The text or octets. White space between children is not kept.
    pub content: Content<'s>,
    /// The whole element: in XML from `<` to the last `>`, in WBXML from its token to its END.
    pub span: Span,
    /// The text or octets.
    pub content_span: Span,
}

impl<'s> Element<'s> {
    /// Returns an empty element.
    pub fn new(name: impl Into<Cow<'s, str>>) -> Self {
        Self {
            name: name.into(),
            attributes: Vec::new(),
            children: Vec::new(),
            content: Content::Text(Cow::Borrowed("")),
            span: Span::default(),
            content_span: Span::default(),
        }
    }

    /// Returns a leaf that holds `text`.
    pub fn leaf(name: impl Into<Cow<'s, str>>, text: impl Into<Cow<'s, str>>) -> Self {
        let mut leaf = Self::new(name);
        leaf.content = Content::Text(text.into());
        leaf
    }

    /// Returns a leaf that holds octets.
    pub fn octets(name: impl Into<Cow<'s, str>>, octets: impl Into<Cow<'s, [u8]>>) -> Self {
        let mut leaf = Self::new(name);
        leaf.content = Content::Octets(octets.into());
        leaf
    }

    /// Adds an attribute at the end.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<Cow<'s, str>>, value: impl Into<Cow<'s, str>>) -> Self {
        self.add_attribute(name, value);
        self
    }

    /// Adds an attribute at the end.
    pub(crate) fn add_attribute(&mut self, name: impl Into<Cow<'s, str>>, value: impl Into<Cow<'s, str>>) {
        let (name, value) = (name.into(), value.into());
        self.attributes.push(Attribute { name, value, span: Span::default(), value_span: Span::default() });
    }

    /// Adds a child at the end.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children at the end.
    #[must_use]
    pub fn with_all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a leaf at the end.
    #[must_use]
    pub fn with_leaf(self, name: impl Into<Cow<'s, str>>, text: impl Into<Cow<'s, str>>) -> Self {
        self.with(Self::leaf(name, text))
    }

    /// Returns the value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.find_attribute(name).map(|a| a.value.as_ref())
    }

    /// Returns an attribute with its spans.
    pub(crate) fn find_attribute(&self, name: &str) -> Option<&Attribute<'s>> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// Returns the first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Returns the children of that name, in order.
    pub fn children_named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// Returns the descendant that a path of names leads to, always by the first child of a name.
    pub fn descend(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Returns the text as it stands; octets are text where they are UTF-8, and empty elsewhere.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Octets(octets) => std::str::from_utf8(octets).unwrap_or_default(),
        }
    }

    /// Returns the text without white space around it.
    pub fn trimmed(&self) -> &str {
        self.text().trim_ascii()
    }

    /// Returns the trimmed text of the first child of that name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(Self::trimmed)
    }

    /// Returns whether there is neither content nor a child.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
            && match &self.content {
                Content::Text(text) => text.is_empty(),
                Content::Octets(octets) => octets.is_empty(),
            }
    }

    /// Calls `visit` for this element and all below it, parents first, with the depth from 0.
    pub fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Self, usize)) {
        fn walk<'e, 's>(element: &'e Element<'s>, depth: usize, visit: &mut impl FnMut(&'e Element<'s>, usize)) {
            visit(element, depth);
            for child in &element.children {
                walk(child, depth + 1, visit);
            }
        }
        walk(self, 0, visit);
    }

    /// Returns the number of elements, this one included.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Returns the same tree with all names and texts borrowed from this one.
    pub fn borrowed(&self) -> Element<'_> {
        Element { children: self.children.iter().map(Self::borrowed).collect(), ..self.borrowed_alone() }
    }

    /// Returns the same element without its children, with name and text borrowed from this one.
    pub(crate) fn borrowed_alone(&self) -> Element<'_> {
        Element {
            name: Cow::Borrowed(&self.name),
            attributes: self.attributes.iter().map(Attribute::borrowed).collect(),
            children: Vec::new(),
            content: match &self.content {
                Content::Text(text) => Content::Text(Cow::Borrowed(text)),
                Content::Octets(octets) => Content::Octets(Cow::Borrowed(octets)),
            },
            span: self.span,
            content_span: self.content_span,
        }
    }

    /// Returns the same tree without borrowing from the source.
    pub fn into_owned(self) -> Element<'static> {
        Element {
            name: Cow::Owned(self.name.into_owned()),
            attributes: self.attributes.into_iter().map(Attribute::into_owned).collect(),
            children: self.children.into_iter().map(Self::into_owned).collect(),
            content: match self.content {
                Content::Text(text) => Content::Text(Cow::Owned(text.into_owned())),
                Content::Octets(octets) => Content::Octets(Cow::Owned(octets.into_owned())),
            },
            span: self.span,
            content_span: self.content_span,
        }
    }

    /// Returns whether both trees say the same: names, attributes and content in the same order, wherever they
    /// stood. Namespace declarations do not count, and white space around the text of leaves does not.
    pub fn same_as(&self, other: &Element<'_>) -> bool {
        let attributes = |e: &Element<'_>| -> Vec<(String, String)> {
            e.attributes
                .iter()
                .filter(|a| !is_declaration(&a.name))
                .map(|a| (a.name.to_string(), a.value.to_string()))
                .collect()
        };
        let content = match (&self.content, &other.content) {
            (Content::Octets(a), Content::Octets(b)) => a == b,
            _ => self.trimmed() == other.trimmed(),
        };
        self.name == other.name
            && content
            && attributes(self) == attributes(other)
            && self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(a, b)| a.same_as(b))
    }
}

impl Attribute<'_> {
    fn borrowed(&self) -> Attribute<'_> {
        let (name, value) = (Cow::Borrowed(&*self.name), Cow::Borrowed(&*self.value));
        Attribute { name, value, span: self.span, value_span: self.value_span }
    }

    fn into_owned(self) -> Attribute<'static> {
        Attribute {
            name: Cow::Owned(self.name.into_owned()),
            value: Cow::Owned(self.value.into_owned()),
            span: self.span,
            value_span: self.value_span,
        }
    }
}

/// Returns whether an attribute of that name declares a namespace.
pub fn is_declaration(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_path_and_compares_without_spans() {
        let tree = Element::new("a").with(Element::new("b").with_leaf("c", " x "));
        assert_eq!(tree.descend(&["b", "c"]).map(Element::trimmed), Some("x"));
        let other = Element::new("a").with_attribute("xmlns", "n").with(Element::new("b").with_leaf("c", "x"));
        assert!(tree.same_as(&other));
        assert_eq!(tree.count(), 3);
    }
}
