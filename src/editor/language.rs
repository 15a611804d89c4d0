//! Which language a place of a text is in, and what its grammar says of the elements there.

use super::document::Document;
use super::scan::Markup;
use crate::catalogue::VOCABULARIES;
use crate::dm::{VENDOR_GRAMMAR, VENDOR_NAMESPACES};
use crate::document::{Declaration, Element, Grammar, Kind, Model, Particle, Vocabulary};

/// What is declared of an element at its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'t> {
    /// The name of the language.
    pub(super) language: &'static str,
    pub(super) grammar: &'static Grammar,
    pub(super) namespaces: &'static [&'static str],
    /// The prefix with which the elements are written: that of a vendor.
    pub(super) prefix: &'t str,
    /// `None` for one that the grammar does not have.
    pub(super) declaration: Option<&'static Declaration>,
    /// The short name of the namespace that is in force in it.
    pub(super) namespace: &'t str,
}

impl Declared<'_> {
    /// Returns the name of an element of this language without its prefix.
    pub(super) fn local<'n>(&self, name: &'n str) -> Option<&'n str> {
        if self.prefix.is_empty() { Some(name) } else { name.strip_prefix(self.prefix)?.strip_prefix(':') }
    }

    /// Returns the name of an element of this language as it is written.
    pub(super) fn written(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}:{name}", self.prefix) }
    }
}

/// Returns the text of an element that holds no others: without markup around it, references resolved.
pub(super) fn text_of(text: &str, markup: &Markup, node: usize) -> String {
    let inner = text[markup.nodes[node].inner.clone()].trim_ascii();
    match inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>")) {
        Some(plain) => plain.to_owned(),
        None => resolved(inner.split('<').next().unwrap_or_default().trim_ascii()),
    }
}

/// Returns a text with references resolved, where they can be.
pub(super) fn resolved(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), |text| text.into_owned())
}

/// A document's markup with its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'d> {
    pub(super) text: &'d str,
    pub(super) markup: &'d Markup,
}

impl<'d> View<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        Self { text: document.text.as_str(), markup: document.markup() }
    }

    /// Returns the name of an element, without a prefix that stands for a language of ours.
    pub(super) fn name(&self, node: usize) -> &'d str {
        let name = &self.text[self.markup.nodes[node].tag.name.clone()];
        let Some((prefix, local)) = name.split_once(':') else { return name };
        let declares = |&ancestor: &usize| {
            let attributes = self.markup.nodes[ancestor].tag.attributes.iter();
            attributes.into_iter().any(|attribute| {
                self.text[attribute.name.clone()].strip_prefix("xmlns:") == Some(prefix)
                    && is_ours(&self.text[attribute.value.clone()])
            })
        };
        if self.markup.path(node).iter().any(declares) { local } else { name }
    }

    /// Returns the value of an attribute with references resolved.
    pub(super) fn attribute(&self, node: usize, name: &str) -> Option<String> {
        let mut attributes = self.markup.nodes[node].tag.attributes.iter();
        let attribute = attributes.find(|attribute| &self.text[attribute.name.clone()] == name)?;
        Some(resolved(&self.text[attribute.value.clone()]))
    }

    /// Returns the text of an element.
    pub(super) fn text_in(&self, node: usize) -> String {
        text_of(self.text, self.markup, node)
    }

    /// Returns the first element of that name in another.
    pub(super) fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.markup.children(Some(node)).find(|&child| self.name(child) == name)
    }

    /// Returns the text of the first element of that name in another.
    pub(super) fn child_text(&self, node: usize, name: &str) -> Option<String> {
        self.child(node, name).map(|child| self.text_in(child))
    }

    /// Returns the name of the first element in that element of another: what a choice such as `DFFormat` says.
    pub(super) fn choice(&self, node: usize, name: &str) -> Option<&'d str> {
        let child = self.child(node, name)?;
        self.markup.children(Some(child)).next().map(|word| self.name(word))
    }

    /// Returns what is declared of the last of these elements, each of which is in the one before it.
    pub(super) fn declared(&self, path: &[usize]) -> Option<Declared<'d>> {
        let mut current: Option<Declared<'d>> = None;
        for &node in path {
            let name = self.name(node);
            let known = current.filter(|d| d.prefix.is_empty() && d.grammar.declaration(name, d.namespace).is_some());
            // A tree or the information on a device may stand in a message.
            let is_fragment = |v: &Vocabulary| current.is_none() && v.fragments.contains(&name);
            let own = || self.language(node, |v| v.roots.contains(&name) || is_fragment(v)).map(|v| of_root(v, name));
            let next = known.or_else(|| self.vendor(node, name)).or_else(own);
            let Some(next) = next else {
                current = Some(Declared { declaration: None, ..current? });
                continue;
            };
            let local = next.local(name).unwrap_or(name);
            let declaration = next.grammar.declaration(local, next.namespace);
            let namespace = declaration.map_or(next.namespace, |d| d.namespace_within(next.namespace));
            current = Some(Declared { declaration, namespace, ..next });
        }
        current
    }

    /// Returns the language of a vendor for an element with its prefix.
    fn vendor(&self, node: usize, name: &str) -> Option<Declared<'d>> {
        let vendor = self.vendor_at(node)?;
        vendor.local(name).is_some().then_some(vendor)
    }

    /// Returns the language of a vendor whose elements may stand in an element: where it has a prefix.
    pub(super) fn vendor_at(&self, node: usize) -> Option<Declared<'d>> {
        let path = self.markup.path(node);
        let mut attributes = path.iter().flat_map(|&node| &self.markup.nodes[node].tag.attributes);
        let prefix = attributes.find_map(|attribute| {
            let is_vendor = VENDOR_NAMESPACES.contains(&&self.text[attribute.value.clone()]);
            self.text[attribute.name.clone()].strip_prefix("xmlns:").filter(|name| is_vendor && !name.is_empty())
        })?;
        let (grammar, namespaces) = (&*VENDOR_GRAMMAR, &VENDOR_NAMESPACES[..]);
        let language = "elements of a vendor";
        Some(Declared { language, grammar, namespaces, prefix, declaration: None, namespace: "vendor" })
    }

    fn language(&self, node: usize, fits: impl Fn(&Vocabulary) -> bool) -> Option<&'static Vocabulary> {
        let namespace = self.attribute(node, "xmlns").unwrap_or_default();
        let fitting = || VOCABULARIES.iter().copied().filter(|vocabulary| fits(vocabulary));
        let named = fitting().find(|vocabulary| vocabulary.namespaces.contains(&namespace.as_str()));
        named.or_else(|| fitting().next())
    }
}

fn is_ours(namespace: &str) -> bool {
    VOCABULARIES.iter().any(|vocabulary| vocabulary.namespaces.contains(&namespace))
}

fn of_root<'t>(vocabulary: &'static Vocabulary, root: &str) -> Declared<'t> {
    let namespace = vocabulary.grammar.namespace_of(&Element::new(root.to_owned()));
    let (grammar, namespaces) = (&*vocabulary.grammar, vocabulary.namespaces);
    Declared { language: vocabulary.name, grammar, namespaces, prefix: "", declaration: None, namespace }
}

/// Says in words what an element holds.
pub(super) fn in_words(declaration: &Declaration) -> String {
    match &declaration.model {
        Model::Empty => "empty".to_owned(),
        Model::Any => "anything".to_owned(),
        Model::Leaf(Kind::Word(words)) => format!("one of {}", quoted(words)),
        Model::Leaf(Kind::Words(words)) => format!("a list of {}", quoted(words)),
        Model::Leaf(kind) => kind.to_string(),
        Model::Children(particle) => {
            let mut text = String::new();
            describe(particle, &mut text);
            format!("elements: `{text}`")
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Writes a content model as document types do.
fn describe(particle: &Particle, text: &mut String) {
    let (pieces, between, occurs) = match particle {
        Particle::Child(name, occurs) => {
            text.push_str(name);
            text.push_str(sign(occurs.least, occurs.most));
            return;
        }
        Particle::Sequence(pieces, occurs) => (pieces, ", ", occurs),
        Particle::Choice(pieces, occurs) => (pieces, " | ", occurs),
    };
    text.push('(');
    for (i, piece) in pieces.iter().enumerate() {
        text.push_str(if i == 0 { "" } else { between });
        describe(piece, text);
    }
    text.push(')');
    text.push_str(sign(occurs.least, occurs.most));
}

fn sign(least: usize, most: Option<usize>) -> &'static str {
    match (least, most) {
        (0, Some(_)) => "?",
        (0, None) => "*",
        (_, None) => "+",
        _ => "",
    }
}

/// Returns the elements that may still stand in one that holds `present`, in the order of the standard.
pub(super) fn may_stand(particle: &Particle, present: &dyn Fn(&str) -> usize) -> Vec<&'static str> {
    let mut names = Vec::new();
    add_names(particle, false, present, &mut names);
    names
}

fn add_names(particle: &Particle, is_free: bool, present: &dyn Fn(&str) -> usize, names: &mut Vec<&'static str>) {
    match particle {
        Particle::Child(name, occurs) => {
            let is_full = !is_free && occurs.most.is_some_and(|most| present(name) >= most);
            if !is_full && !names.contains(name) {
                names.push(name);
            }
        }
        Particle::Sequence(pieces, occurs) => {
            pieces.iter().for_each(|piece| add_names(piece, is_free || occurs.most.is_none(), present, names));
        }
        Particle::Choice(pieces, occurs) => {
            let is_free = is_free || occurs.most.is_none();
            let chosen = pieces.iter().find(|piece| !is_free && has_any(piece, present));
            let open = pieces.iter().filter(|piece| chosen.is_none_or(|chosen| std::ptr::eq(chosen, *piece)));
            open.for_each(|piece| add_names(piece, is_free, present, names));
        }
    }
}

fn has_any(particle: &Particle, present: &dyn Fn(&str) -> usize) -> bool {
    match particle {
        Particle::Child(name, _) => present(name) > 0,
        Particle::Sequence(pieces, _) | Particle::Choice(pieces, _) => pieces.iter().any(|p| has_any(p, present)),
    }
}
