//! What may be written at a place: elements that the grammar allows there, end tags, attributes, words.
//!
//! What stands before the place says what is open there; what stands behind it only what is there already.

use std::ops::Range;

use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, InsertTextFormat, TextEdit};

use super::document::{Document, Syntax};
use super::language::{Declared, View, in_words, may_stand};
use super::profile;
use super::scan::{End, Markup, Tag};
use crate::catalogue::VOCABULARIES;
use crate::cp::{APPLICATIONS, Application, DECLARATIONS, Declaration, ParmDeclaration, Status, Value};
use crate::dm::{Description, STATUSES};
use crate::document::{Kind, Model};
use crate::provision::profile as profiles;

/// What may be written.
struct Offer {
    label: String,
    detail: Option<String>,
    kind: CompletionItemKind,
    /// What is written: as it stands, or with a place for the cursor.
    text: String,
    snippet: Option<String>,
    /// What it takes the place of.
    range: Range<usize>,
}

/// Returns what may be written at an offset, in the order in which it is offered. `snippets` says whether the editor
/// knows places for the cursor.
pub(super) fn at(document: &Document, offset: usize, snippets: bool) -> Vec<CompletionItem> {
    let offers = match document.syntax() {
        Syntax::Xml => in_markup(document, offset),
        Syntax::Toml => in_profile(document.text.as_str(), offset),
        Syntax::Other => Vec::new(),
    };
    let item = |(i, offer): (usize, Offer)| {
        let snippet = offer.snippet.filter(|_| snippets);
        let format = snippet.is_some().then_some(InsertTextFormat::SNIPPET);
        let new_text = snippet.unwrap_or(offer.text);
        let range = document.text.place(offer.range);
        CompletionItem {
            filter_text: Some(offer.label.clone()),
            label: offer.label,
            detail: offer.detail,
            kind: Some(offer.kind),
            sort_text: Some(format!("{i:04}")),
            insert_text_format: format,
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
            ..CompletionItem::default()
        }
    };
    offers.into_iter().enumerate().map(item).collect()
}

/// Returns the types of the characteristics around an element and of itself, the outermost first, in upper case.
pub(super) fn characteristic_of(view: &View<'_>, node: usize) -> Vec<String> {
    let characteristics = view.markup.path(node).into_iter().filter(|&node| view.name(node) == "characteristic");
    characteristics.map(|node| view.attribute(node, "type").unwrap_or_default().to_ascii_uppercase()).collect()
}

/// Returns the application whose registration holds in an element.
pub(super) fn application_of(view: &View<'_>, node: usize) -> Option<&'static Application> {
    let is_application =
        |node: &usize| view.attribute(*node, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("APPLICATION"));
    let application = view.markup.path(node).into_iter().find(is_application)?;
    let mut parms = view.markup.children(Some(application));
    let is_appid = |&parm: &usize| view.attribute(parm, "name").is_some_and(|name| name.eq_ignore_ascii_case("APPID"));
    Application::of(&view.attribute(parms.find(is_appid)?, "value")?)
}

/// A place in markup.
struct Place<'d> {
    document: &'d Document,
    offset: usize,
    /// What stands before the place.
    before: View<'d>,
    /// The elements that are open there, the innermost last.
    open: &'d [usize],
}

fn in_markup(document: &Document, offset: usize) -> Vec<Offer> {
    let text = &document.text.as_str()[..offset];
    let markup = Markup::read(text);
    let before = View { text, markup: &markup };
    let place = Place { document, offset, before, open: &markup.open };
    match &markup.end {
        End::Name(start) => place.elements(*start, false),
        End::Closing(start) => place.end_tag(*start, "").into_iter().collect(),
        End::Attribute(tag, start) => place.attributes(tag, *start),
        End::Value(tag, name, start) => place.values(tag, &text[name.clone()], *start),
        End::Content => {
            let words = place.words();
            if words.is_empty() { place.elements(offset, true) } else { words }
        }
        End::Other => Vec::new(),
    }
}

impl<'d> Place<'d> {
    /// Offers elements whose names begin at `start`, with their `<` where it is not there yet.
    fn elements(&self, start: usize, with_sign: bool) -> Vec<Offer> {
        let text = self.document.text.as_str();
        let rest = &text[self.offset..];
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '<' | '>' | '/' | '=' | '"' | '\'');
        let end = if with_sign { 0 } else { rest.find(is_end).unwrap_or(rest.len()) };
        let range = start..self.offset + end;
        // A tag that is whole already gets another name only.
        let is_whole =
            !with_sign && rest[end..].find(['<', '>', '\n']).is_some_and(|at| rest[end + at..].starts_with('>'));
        let sign = if with_sign { "<" } else { "" };
        let Some(parent) = self.open.last() else { return self.roots(&range, is_whole, sign) };
        let view = self.before;
        let mut offers = Vec::new();
        if let Some(declared) = view.declared(&view.markup.path(*parent)) {
            let present = self.present(*parent);
            let local = view.name(*parent);
            // Elements of a vendor stand beside those of the standard.
            let vendor = view.vendor_at(*parent).filter(|_| declared.prefix.is_empty());
            let vendor = vendor.map(|v| Declared { declaration: v.grammar.declaration(local, v.namespace), ..v });
            let names = [Some(declared), vendor].into_iter().flatten().flat_map(|d| children(d, &present));
            let names = names.filter(|(_, name)| self.fits_document(name));
            offers.extend(names.map(|(declared, name)| element(name, &declared, &range, is_whole, sign)));
        }
        if !is_whole {
            offers.extend(self.end_tag(start, if with_sign { "</" } else { "/" }));
        }
        offers
    }

    fn roots(&self, range: &Range<usize>, is_whole: bool, sign: &str) -> Vec<Offer> {
        if self.before.markup.children(None).next().is_some() {
            return Vec::new();
        }
        let mut offers: Vec<Offer> = Vec::new();
        for vocabulary in VOCABULARIES {
            for root in vocabulary.roots {
                if !offers.iter().any(|offer| offer.label == *root) {
                    let offer = whole_element(root, "", &Model::Any, range, is_whole, sign);
                    offers.push(Offer { detail: Some(vocabulary.name.to_owned()), ..offer });
                }
            }
        }
        offers
    }

    /// Returns the names of the elements in one that is open, before the place and behind it.
    fn present(&self, parent: usize) -> Vec<&'d str> {
        let view = self.before;
        let mut names: Vec<_> = view.markup.children(Some(parent)).map(|node| view.name(node)).collect();
        let mut rest = &self.document.text.as_str()[self.offset..];
        if !matches!(view.markup.end, End::Content) {
            rest = rest.find(['<', '>']).map_or("", |at| &rest[at..]);
        }
        let behind = Markup::read(rest);
        let end = behind.stray.unwrap_or(rest.len());
        let siblings = behind.children(None).map(|node| &behind.nodes[node]).take_while(|node| node.span.start < end);
        names.extend(siblings.map(|node| &rest[node.tag.name.clone()]));
        names
    }

    /// Descriptions have properties of the framework, trees those of run time.
    fn fits_document(&self, name: &str) -> bool {
        let text = self.document.text.as_str();
        match name {
            "RTProperties" | "Value" => !text.contains("<DFProperties"),
            "DFProperties" => !text.contains("<RTProperties"),
            _ => true,
        }
    }

    /// Offers the end of the innermost element that is open.
    fn end_tag(&self, start: usize, sign: &str) -> Option<Offer> {
        let tag = &self.before.markup.nodes[*self.open.last()?].tag;
        let name = &self.before.text[tag.name.clone()];
        let rest = &self.document.text.as_str()[self.offset..];
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '<' | '>')).unwrap_or(rest.len());
        // What stands behind the place is part of this tag only where the tag is closed there.
        let is_closed = rest[end..].starts_with('>') && sign.is_empty();
        let range = start..self.offset + if is_closed { end } else { 0 };
        let text = format!("{sign}{name}{}", if is_closed { "" } else { ">" });
        let label = format!("{}{name}", sign.trim_start_matches('<'));
        Some(Offer {
            label,
            detail: Some("end tag".to_owned()),
            kind: CompletionItemKind::KEYWORD,
            text,
            snippet: None,
            range,
        })
    }

    fn attributes(&self, tag: &Tag, start: usize) -> Vec<Offer> {
        let is_there = |name: &str| tag.attributes.iter().any(|a| &self.before.text[a.name.clone()] == name);
        let names: &[&str] = match &self.before.text[tag.name.clone()] {
            "wap-provisioningdoc" => &["version"],
            "characteristic" => &["type"],
            "parm" => &["name", "value"],
            _ => &["xmlns"],
        };
        let names = names.iter().filter(|name| !is_there(name));
        let range = start..self.offset;
        names
            .map(|name| Offer {
                label: (*name).to_owned(),
                detail: None,
                kind: CompletionItemKind::PROPERTY,
                text: format!("{name}=\"\""),
                snippet: Some(format!("{name}=\"$1\"$0")),
                range: range.clone(),
            })
            .collect()
    }

    /// Offers values of an attribute.
    fn values(&self, tag: &Tag, attribute: &str, start: usize) -> Vec<Offer> {
        let text = self.document.text.as_str();
        let rest = &text[self.offset..];
        let end = rest.find(['"', '\'', '<', '>', '\n']).filter(|&at| rest[at..].starts_with(['"', '\'']));
        let range = start..self.offset + end.unwrap_or(0);
        let types = self.open.last().map(|&open| characteristic_of(&self.before, open)).unwrap_or_default();
        let values = match (&self.before.text[tag.name.clone()], attribute) {
            ("characteristic", "type") => {
                let parent = types.last().map_or("root", String::as_str);
                let fitting = DECLARATIONS.iter().filter(|declaration| declaration.stands_in(parent));
                fitting.map(|declaration| (declaration.name.to_owned(), None)).collect()
            }
            ("parm", "name") => self.parms(&types),
            ("parm", "value") => {
                let name = tag.attributes.iter().find(|a| &self.before.text[a.name.clone()] == "name");
                name.map(|name| self.parm_values(&types, &self.before.text[name.value.clone()])).unwrap_or_default()
            }
            ("wap-provisioningdoc", "version") => vec![("1.1".to_owned(), None), ("1.0".to_owned(), None)],
            (_, "xmlns") => {
                let all = VOCABULARIES
                    .iter()
                    .flat_map(|v| v.namespaces.iter().map(|n| ((*n).to_owned(), Some(v.name.to_owned()))));
                let mut all: Vec<_> = all.collect();
                all.sort();
                all.dedup_by(|a, b| a.0 == b.0);
                all
            }
            _ => Vec::new(),
        };
        words(values, &range)
    }

    fn application(&self) -> Option<&'static Application> {
        application_of(&self.before, *self.open.last()?)
    }

    /// Returns the parms that may still stand here, each with what it holds.
    fn parms(&self, types: &[String]) -> Vec<(String, Option<String>)> {
        let Some((&parent, declaration)) = self.open.last().zip(types.last().and_then(|name| Declaration::of(name)))
        else {
            return Vec::new();
        };
        let view = self.before;
        let names = view.markup.children(Some(parent)).filter_map(|node| view.attribute(node, "name"));
        let there: Vec<_> = names.map(|name| name.to_ascii_uppercase()).collect();
        let is_open =
            |parm: &ParmDeclaration| parm.occurs.most.is_none() || !there.iter().any(|name| name == parm.name);
        let application = self.application();
        let path = types.join("/");
        let registered = application.into_iter().flat_map(|a| a.parms.iter()).filter(|parm| parm.types == path);
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        for parm in registered.filter(|parm| is_open(&parm.declaration) && parm.status != Status::Ignored) {
            found.push((parm.declaration.name.to_owned(), Some(parm.meaning.to_owned())));
        }
        for parm in declaration.parms.iter().filter(|parm| parm.name != "*" && is_open(parm)) {
            let is_ignored = application.and_then(|a| a.registered(&path, parm.name)).is_some();
            if !is_ignored {
                found.push((parm.name.to_owned(), Some(parm.to_string())));
            }
        }
        found
    }

    /// Returns the words that a parm takes, or the keys of what it may refer to.
    fn parm_values(&self, types: &[String], name: &str) -> Vec<(String, Option<String>)> {
        if name.eq_ignore_ascii_case("APPID") {
            let known = APPLICATIONS.iter();
            return known.map(|a| (a.appid.to_owned(), Some(a.description.to_owned()))).collect();
        }
        let registered = self.application().and_then(|a| a.parm(&types.join("/"), name));
        let declared = types.last().and_then(|kind| Declaration::of(kind)).and_then(|d| d.parm(name));
        match registered.or(declared).map(|parm| &parm.value) {
            Some(Value::One(words) | Value::Some(words)) => {
                words.iter().map(|word| ((*word).to_owned(), None)).collect()
            }
            Some(Value::Number(Some(word))) => vec![((*word).to_owned(), None)],
            Some(Value::Reference(target)) => self.keys(target),
            _ => Vec::new(),
        }
    }

    /// Returns the keys of all characteristics of a type in the document.
    fn keys(&self, target: &str) -> Vec<(String, Option<String>)> {
        let view = View::of(self.document);
        let Some(key) = Declaration::of(target).and_then(|declaration| declaration.key) else { return Vec::new() };
        let is_target =
            |node: usize| view.attribute(node, "type").is_some_and(|kind| kind.eq_ignore_ascii_case(target));
        let is_key = |node: &usize| view.attribute(*node, "name").is_some_and(|name| name.eq_ignore_ascii_case(key));
        let targets = (0..view.markup.nodes.len()).filter(|&node| is_target(node));
        let keys = targets.filter_map(|node| view.attribute(view.markup.children(Some(node)).find(is_key)?, "value"));
        keys.map(|key| (key, Some(target.to_owned()))).collect()
    }

    /// Offers words for the text of the innermost element.
    fn words(&self) -> Vec<Offer> {
        let Some(&node) = self.open.last() else { return Vec::new() };
        let view = self.before;
        let path = view.markup.path(node);
        let Some(declaration) = view.declared(&path).and_then(|declared| declared.declaration) else {
            return Vec::new();
        };
        let plain = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), None)).collect::<Vec<_>>();
        let above = path.len().checked_sub(2).map_or("", |above| view.name(path[above]));
        let values = match (&declaration.model, declaration.name, above) {
            (Model::Leaf(Kind::Word(known) | Kind::Words(known)), ..) => plain(known),
            (Model::Leaf(Kind::Bool), ..) => plain(&["T", "F"]),
            (Model::Children(_) | Model::Empty, ..) => return Vec::new(),
            (_, "DDFName", _) => objects(),
            (_, "VerDTD", "MgmtTree" | "SyncHdr") => plain(&["1.2"]),
            (_, "VerProto", _) => plain(&["DM/1.2", "DM/1.1"]),
            (_, "Format", "Meta" | "MetInf") => plain(FORMATS),
            (_, "MIME", _) => plain(&["text/plain"]),
            (_, "Cmd", "Status") => plain(&[
                "SyncHdr", "Add", "Alert", "Atomic", "Copy", "Delete", "Exec", "Get", "Replace", "Results", "Sequence",
            ]),
            (_, "Data", "Status") => {
                STATUSES.iter().map(|status| (status.code.to_string(), Some(status.name.to_owned()))).collect()
            }
            _ => return Vec::new(),
        };
        let written = &view.text[view.markup.nodes[node].inner.start.min(view.text.len())..];
        if written.contains(['<', '>']) {
            return Vec::new();
        }
        let start = self.offset - written.trim_ascii_start().len();
        words(values, &(start..self.offset))
    }
}

/// Formats of nodes, as messages name them (MetInf, "Format").
const FORMATS: &[&str] = &["b64", "bin", "bool", "chr", "date", "float", "int", "node", "null", "time", "xml"];

/// Returns the identifiers of the objects that are known here.
fn objects() -> Vec<(String, Option<String>)> {
    let all = Description::bundled().iter().flat_map(|description| description.objects());
    all.filter_map(|node| Some((node.moi.clone()?, node.title.clone()))).collect()
}

fn words(values: Vec<(String, Option<String>)>, range: &Range<usize>) -> Vec<Offer> {
    let one = |(label, detail): (String, Option<String>)| Offer {
        text: quick_xml::escape::escape(label.as_str()).into_owned(),
        label,
        detail,
        kind: CompletionItemKind::ENUM_MEMBER,
        snippet: None,
        range: range.clone(),
    };
    values.into_iter().map(one).collect()
}

/// Returns the elements that may still stand in one that is declared so.
fn children<'t>(declared: Declared<'t>, present: &[&str]) -> impl Iterator<Item = (Declared<'t>, &'static str)> {
    let count = |name: &str| present.iter().filter(|known| declared.local(known) == Some(name)).count();
    let names = match declared.declaration.map(|declaration| &declaration.model) {
        Some(Model::Children(particle)) => may_stand(particle, &count),
        _ => Vec::new(),
    };
    // A word says no more when it is said twice.
    let is_word = |name: &str| {
        declared.grammar.declaration(name, declared.namespace).is_some_and(|word| word.model == Model::Empty)
    };
    let names: Vec<_> = names.into_iter().filter(|name| count(name) == 0 || !is_word(name)).collect();
    names.into_iter().map(move |name| (declared, name))
}

fn element(name: &'static str, declared: &Declared<'_>, range: &Range<usize>, is_whole: bool, sign: &str) -> Offer {
    let written = declared.written(name);
    let declaration = declared.grammar.declaration(name, declared.namespace);
    let name = written.as_str();
    let Some(declaration) = declaration else { return whole_element(name, "", &Model::Any, range, is_whole, sign) };
    // A child of another namespace says so.
    let inner = declaration.namespace_within(declared.namespace);
    let namespaces = declared.namespaces.iter();
    let other =
        namespaces.skip(1).find(|namespace| inner != declared.namespace && namespace.ends_with(&format!(":{inner}")));
    let attribute = other.map(|namespace| format!(" xmlns=\"{namespace}\"")).unwrap_or_default();
    let offer = whole_element(name, &attribute, &declaration.model, range, is_whole, sign);
    Offer { detail: Some(in_words(declaration)), ..offer }
}

fn whole_element(
    name: &str,
    attribute: &str,
    model: &Model,
    range: &Range<usize>,
    is_whole: bool,
    sign: &str,
) -> Offer {
    let tag = format!("{sign}{name}{attribute}");
    let snippet = match (name, model) {
        _ if is_whole => None,
        ("parm", _) => Some(format!("{tag} name=\"$1\" value=\"$2\"/>$0")),
        ("characteristic", _) => Some(format!("{tag} type=\"$1\">$0</{name}>")),
        (_, Model::Empty) => Some(format!("{tag}/>$0")),
        _ => Some(format!("{tag}>$0</{name}>")),
    };
    let text = if is_whole { name.to_owned() } else { tag };
    let (label, range) = (name.to_owned(), range.clone());
    Offer { label, detail: None, kind: CompletionItemKind::FIELD, text, snippet, range }
}

/// Offers headers of tables, keys of the table at hand, words of a key.
fn in_profile(text: &str, offset: usize) -> Vec<Offer> {
    let table = profile::table_at(text, offset);
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = &text[start..offset];
    let offer = |label: &str, written: String, kind, range: Range<usize>| {
        let label = label.to_owned();
        Offer { label, detail: None, kind, text: written, snippet: None, range }
    };
    if let Some(header) = line.trim_start().strip_prefix('[').filter(|rest| !rest.contains(']')) {
        let range = offset - header.trim_start_matches('[').len()..offset;
        let tables = profiles::tables();
        return tables.map(|t| offer(t, t.to_owned(), CompletionItemKind::MODULE, range.clone())).collect();
    }
    match line.split_once('=') {
        None => {
            let written = line.trim_start();
            let key = written.rsplit('.').next().unwrap_or_default();
            let range = offset - key.len()..offset;
            let keys = profile::keys_of(table, written).into_iter().flatten();
            let there = profile::keys_beside(text, offset);
            let keys = keys.filter(|(key, _)| **key == written || !there.contains(key));
            keys.map(|(key, _)| offer(key, format!("{key} = "), CompletionItemKind::PROPERTY, range.clone())).collect()
        }
        Some((key, value)) => {
            let (key, name) = (key.trim(), key.trim().rsplit('.').next().unwrap_or_default());
            let words = profile::keys_of(table, key).and_then(|keys| keys.get(name)).copied().unwrap_or_default();
            // Within quotes the word alone is written, else quotes with it.
            let is_quoted = value.matches('"').count() % 2 == 1;
            let written = if is_quoted { value.rsplit('"').next().unwrap_or_default() } else { "" };
            let range = offset - written.len()..offset;
            let quote = if is_quoted { "" } else { "\"" };
            let words = words.iter();
            words
                .map(|w| offer(w, format!("{quote}{w}{quote}"), CompletionItemKind::ENUM_MEMBER, range.clone()))
                .collect()
        }
    }
}
