//! Which language a place of a text is in, and what its grammar says of the elements there.

use super::document::Document;
use super::scan::Markup;
use crate::catalogue::VOCABULARIES;
use crate::document::{Declaration, Element, Kind, Model, Particle, Vocabulary};

/// What is declared of an element at its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'t> {
    pub(super) vocabulary: &'static Vocabulary,
    /// `None` for one that the grammar does not have.
    pub(super) declaration: Option<&'static Declaration>,
    /// The short name of the namespace that is in force in it.
    pub(super) namespace: &'t str,
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
            let (vocabulary, namespace) = match current {
                // A tree or the information on a device may stand in a message.
                Some(Declared { vocabulary, namespace, .. })
                    if vocabulary.grammar.declaration(name, namespace).is_some() =>
                {
                    (vocabulary, namespace)
                }
                Some(outer) => match self.language(node, |v| v.roots.contains(&name)) {
                    Some(vocabulary) => (vocabulary, own_namespace(vocabulary, name)),
                    None => {
                        current = Some(Declared { declaration: None, ..outer });
                        continue;
                    }
                },
                None => {
                    let vocabulary = self.language(node, |v| v.roots.contains(&name) || v.fragments.contains(&name))?;
                    (vocabulary, own_namespace(vocabulary, name))
                }
            };
            let declaration = vocabulary.grammar.declaration(name, namespace);
            let namespace = declaration.map_or(namespace, |declaration| declaration.namespace_within(namespace));
            current = Some(Declared { vocabulary, declaration, namespace });
        }
        current
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

fn own_namespace(vocabulary: &'static Vocabulary, root: &str) -> &'static str {
    vocabulary.grammar.namespace_of(&Element::new(root.to_owned()))
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
