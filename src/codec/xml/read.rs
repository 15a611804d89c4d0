//! Reads XML 1.0: quick-xml's events become the tree, with exact spans.
//!
//! Nothing is ever fetched, entity definitions are refused, and everything is bounded while it is read. A document in
//! ISO 8859-1 or Windows-1252 is read too; its spans are those of its own octets.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::super::{Document, Encoding, Header, Limits, rules};
use super::encoding::{Latin, declared, is_of_wide_units, no_wide_units, not_utf_8};
use super::names::{is_name, split_name};
use super::text::{append, append_blank, lower_case, mixed, with_line_ends, without_position};
use crate::diagnose::{Diagnostic, Report, Rule, Span};
use crate::document::{Attribute, Content, Element, Vocabulary, is_xml};

/// Reads a document. One that is not well-formed is returned as far as it goes, with the finding.
pub(in crate::codec) fn read<'s>(
    bytes: &'s [u8],
    candidates: &[&'static Vocabulary],
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    if bytes.starts_with(&[0xFE, 0xFF]) || bytes.starts_with(&[0xFF, 0xFE]) {
        let message = "the document is in UTF-16, which is not read";
        let finding = Diagnostic::new(&rules::XML_ENCODING, Span::new(0, 2), message);
        report.add(finding.help("save the document as UTF-8"));
        return None;
    }
    let declared = declared(bytes);
    let is_latin = declared.as_deref().is_some_and(|name| {
        ["iso-8859-1", "latin1", "windows-1252"].iter().any(|latin| name.eq_ignore_ascii_case(latin))
    });
    let text = std::str::from_utf8(bytes);
    if let Some(name) = declared.as_deref().filter(|name| text.is_ok() && is_of_wide_units(name)) {
        report.add(no_wide_units(bytes, name));
    }
    match text {
        Ok(text) if !is_latin || bytes.is_ascii() => Parser::new(text, candidates, limits, report).documents(),
        Ok(_) => read_latin(&Latin::new(bytes), candidates, limits, report),
        Err(_) if is_latin => read_latin(&Latin::new(bytes), candidates, limits, report),
        Err(_) => {
            report.add(not_utf_8(bytes, declared.as_deref()));
            read_latin(&Latin::mixed(bytes), candidates, limits, report)
        }
    }
}

/// Reads a document that was made UTF-8; its spans are those of its own octets.
fn read_latin(
    latin: &Latin,
    candidates: &[&'static Vocabulary],
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'static>> {
    let mut own = Report::new();
    let document = Parser::new(&latin.text, candidates, limits, &mut own).documents();
    for mut finding in own.into_diagnostics() {
        finding.span = latin.back(finding.span);
        report.add(finding);
    }
    let own = |document: Document<'_>| {
        let Document { root, vocabulary, header, .. } = document;
        let mut root = root.into_owned();
        latin.put_back(&mut root);
        Document { root, vocabulary, header, rest: Vec::new(), source: &[] }
    };
    let mut document = document?;
    let rest = std::mem::take(&mut document.rest).into_iter().map(own).collect();
    Some(Document { rest, ..own(document) })
}

/// Documents of one file at the most.
const MOST_DOCUMENTS: usize = 100;

/// The document cannot be read further; the reason is in the report already.
struct Broken;

type Step<T> = Result<T, Broken>;

/// An element that is open.
struct Open<'s> {
    element: Element<'s>,
    /// How many elements were closed before its first child.
    first: usize,
    /// White space at its beginning, with where it stands: nothing, unless the element turns out to be a leaf.
    blank: Option<(&'s str, usize)>,
}

struct Parser<'s, 'r> {
    text: &'s str,
    candidates: &'r [&'static Vocabulary],
    limits: &'r Limits,
    report: &'r mut Report,
    /// The elements that are open, outermost first.
    open: Vec<Open<'s>>,
    /// The elements that were closed and wait for their parent to be: its children are then moved to a list of just their
    /// number.
    closed: Vec<Element<'s>>,
    root: Option<Element<'s>>,
    vocabulary: Option<&'static Vocabulary>,
    public_text: Option<String>,
    elements: usize,
    told_prefix: bool,
    /// The documents before the one that is being read.
    finished: Vec<Document<'s>>,
}

impl<'s, 'r> Parser<'s, 'r> {
    fn new(text: &'s str, candidates: &'r [&'static Vocabulary], limits: &'r Limits, report: &'r mut Report) -> Self {
        Self {
            text,
            candidates,
            limits,
            report,
            open: Vec::new(),
            closed: Vec::new(),
            root: None,
            vocabulary: None,
            public_text: None,
            elements: 0,
            told_prefix: false,
            finished: Vec::new(),
        }
    }

    /// Reads the document, and those behind it.
    fn documents(mut self) -> Option<Document<'s>> {
        let start = if self.text.starts_with('\u{FEFF}') { 3 } else { 0 };
        // What is wrong is in the report; what was read so far is closed and kept.
        let _ = self.check_characters().and_then(|()| self.each(start));
        while let Some(open) = self.open.pop() {
            self.close(open, self.text.len());
        }
        self.finish();
        let mut all = self.finished.into_iter();
        let first = all.next()?;
        Some(Document { rest: all.collect(), ..first })
    }

    /// Reads document after document, and says where each but the first begins.
    fn each(&mut self, start: usize) -> Step<()> {
        let mut others = Vec::new();
        let outcome = self.one_by_one(start, &mut others);
        let count = others.len() + 1;
        for (i, start) in others.into_iter().enumerate() {
            let message = format!("document {} of {count} begins here; each is judged for itself", i + 2);
            self.report.add(Diagnostic::new(&rules::SEVERAL, Span::new(start, start + 1), message));
        }
        outcome
    }

    fn one_by_one(&mut self, start: usize, others: &mut Vec<usize>) -> Step<()> {
        let mut place = self.next_document(start);
        while let Some(start) = place {
            let next = self.events(start)?;
            place = next.and_then(|next| self.next_document(next));
            if let Some(start) = place {
                self.finish();
                others.push(start);
                if others.len() >= MOST_DOCUMENTS {
                    let message = format!("there are more than {MOST_DOCUMENTS} documents in one file");
                    return Err(self.fault(&rules::LIMIT, start, start + 1, message));
                }
            }
        }
        Ok(())
    }

    /// Returns where a document begins from `start` on, and reports text that stands before it or in its place.
    fn next_document(&mut self, start: usize) -> Option<usize> {
        let rest = &self.text[start..];
        let text = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if text.is_empty() && self.root.is_some() {
            return None;
        }
        if text.is_empty() || text.starts_with('<') {
            return Some(start + if self.root.is_some() { rest.len() - text.len() } else { 0 });
        }
        let at = start + rest.len() - text.len();
        let next = find_document(text, self.candidates).map(|next| at + next);
        let where_it_is = if self.root.is_some() { "behind the document" } else { "before the document" };
        let message = format!("text stands {where_it_is}; it is skipped");
        let end = next.unwrap_or(self.text.len());
        self.report.add(Diagnostic::new(&rules::TEXT_AROUND, Span::new(at, end), message));
        next
    }

    /// Puts the document that was read to the finished ones.
    fn finish(&mut self) {
        let Some(root) = self.root.take() else { return };
        let header = Header {
            encoding: Encoding::Xml,
            version: None,
            public_id: None,
            public_text: self.public_text.take(),
            charset: None,
            string_table: 0,
        };
        let vocabulary = self.vocabulary.take();
        self.finished.push(Document { root, vocabulary, header, rest: Vec::new(), source: self.text.as_bytes() });
    }

    fn check_characters(&mut self) -> Step<()> {
        // Without a branch, so that many octets are looked at in one step.
        let is_suspect = |b: u8| (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0xEF);
        let octets = self.text.as_bytes();
        let mut from = 0;
        while from < octets.len() {
            let step = &octets[from..octets.len().min(from + 256)];
            if !step.iter().fold(false, |found, &b| found | is_suspect(b)) {
                from += step.len();
                continue;
            }
            let at = from + step.iter().position(|&b| is_suspect(b)).unwrap_or_default();
            let character = self.text[at..].chars().next().unwrap_or_default();
            from = at + character.len_utf8();
            if !is_xml(character) {
                let message = format!("character U+{:04X} may not stand in XML", u32::from(character));
                return Err(self.fault(&rules::XML_FORM, at, from, message));
            }
        }
        Ok(())
    }

    /// Reads the document that begins at `base`. Returns where something else begins behind it.
    fn events(&mut self, base: usize) -> Step<Option<usize>> {
        let text = self.text;
        let mut reader = Reader::from_str(&text[base..]);
        reader.config_mut().check_comments = true;
        loop {
            let start = base + reader.buffer_position() as usize;
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = base + reader.error_position() as usize;
                    return Err(self.fault(&rules::XML_FORM, at, at + 1, lower_case(&error.to_string())));
                }
            };
            let end = base + reader.buffer_position() as usize;
            let raw = &text[start..end.min(text.len())];
            if self.root.is_some() && self.open.is_empty() && begins_anew(&event, raw) {
                return Ok(Some(start));
            }
            match event {
                Event::Start(tag) => self.start(&tag, start, end, false)?,
                Event::Empty(tag) => self.start(&tag, start, end, true)?,
                Event::End(_) => {
                    if let Some(open) = self.open.pop() {
                        self.close(open, end);
                    }
                }
                Event::Text(_) => self.characters(raw, start, true)?,
                Event::CData(_) => {
                    let inside = raw.strip_prefix("<![CDATA[").and_then(|r| r.strip_suffix("]]>")).unwrap_or_default();
                    self.characters(inside, start + "<![CDATA[".len(), false)?;
                }
                Event::GeneralRef(_) => self.reference(raw, start)?,
                Event::DocType(_) => self.doctype(raw, start)?,
                Event::Decl(_) if start > base => {
                    let message = "the XML declaration stands at the very beginning or not at all".to_owned();
                    return Err(self.fault(&rules::XML_FORM, start, end, message));
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        match (self.open.last(), &self.root) {
            (Some(Open { element, .. }), _) => {
                let message = format!("`{}` is not closed", element.name);
                let start = element.span.start as usize;
                Err(self.fault(&rules::XML_FORM, start, start + 1, message))
            }
            (None, None) => {
                let message = "there is no element".to_owned();
                Err(self.fault(&rules::XML_FORM, base, text.len().min(base + 1), message))
            }
            _ => Ok(None),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, start: usize, end: usize, is_empty: bool) -> Step<()> {
        self.elements += 1;
        if self.open.len() >= self.limits.depth {
            let message = format!("elements are nested more than {} deep", self.limits.depth);
            return Err(self.fault(&rules::LIMIT, start, end, message));
        }
        if self.elements > self.limits.elements {
            let message = format!("there are more than {} elements", self.limits.elements);
            return Err(self.fault(&rules::LIMIT, start, end, message));
        }
        let name = tag.name().into_inner();
        let name = self.slice(name);
        if !is_name(name) {
            return Err(self.fault(&rules::XML_FORM, start, end, format!("`{name}` is no element name")));
        }
        let mut element = Element::new(name);
        self.attributes(tag, start, end, &mut element)?;
        element.span = Span::new(start, end);
        element.content_span = Span::new(end, end);
        if self.open.is_empty() {
            self.vocabulary = self.recognise(&element);
        } else if let Some(Open { element: parent, first, blank }) = self.open.last_mut() {
            *blank = None;
            let text = parent.text().trim_ascii();
            let is_mixed = !text.is_empty();
            if !is_mixed {
                parent.content = Content::Text(Cow::Borrowed(""));
            } else if *first == self.closed.len() {
                self.report.add(mixed(parent, text, parent.content_span));
            }
        }
        self.strip_own_prefix(&mut element, name, start);
        let open = Open { element, first: self.closed.len(), blank: None };
        match is_empty {
            true => self.close(open, end),
            false => self.open.push(open),
        }
        Ok(())
    }

    fn attributes(&mut self, tag: &BytesStart<'_>, start: usize, end: usize, element: &mut Element<'s>) -> Step<()> {
        let mut attributes = tag.attributes();
        attributes.with_checks(false);
        for attribute in attributes {
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(error) => {
                    return Err(self.fault(&rules::XML_FORM, start, end, without_position(&error.to_string())));
                }
            };
            let Cow::Borrowed(value) = attribute.value else {
                let message = "an attribute value cannot be located".to_owned();
                return Err(self.fault(&rules::XML_FORM, start, end, message));
            };
            let (name, raw) = (self.slice(attribute.key.into_inner()), self.slice(value));
            let (from, to) = (self.offset(name), self.offset(raw) + raw.len() + 1);
            if !is_name(name) || !self.text[..from].ends_with(|c: char| c.is_ascii_whitespace()) {
                let message = format!("`{name}` is no attribute name, or no white space stands before it");
                return Err(self.fault(&rules::XML_FORM, from, to, message));
            }
            if raw.contains('<') {
                let message = format!("`<` may not stand in the value of `{name}`; write `&lt;`");
                return Err(self.fault(&rules::XML_FORM, from, to, message));
            }
            if element.find_attribute(name).is_some() {
                return Err(self.fault(&rules::XML_FORM, from, to, format!("attribute `{name}` is given twice")));
            }
            if element.attributes.len() >= self.limits.attributes {
                let message = format!("`{}` has more than {} attributes", element.name, self.limits.attributes);
                return Err(self.fault(&rules::LIMIT, from, to, message));
            }
            let value = self.attribute_value(raw, from, to)?;
            element.attributes.push(Attribute {
                name: Cow::Borrowed(name),
                value,
                span: Span::new(from, to),
                value_span: Span::new(to - 1 - raw.len(), to - 1),
            });
        }
        Ok(())
    }

    fn attribute_value(&mut self, raw: &'s str, from: usize, to: usize) -> Step<Cow<'s, str>> {
        let value = match raw.contains(['\t', '\n', '\r']) {
            false => Cow::Borrowed(raw),
            // White space in a value is a space, a line end one (XML 1.0, attribute-value normalization).
            true => Cow::Owned(raw.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ")),
        };
        if !value.contains('&') {
            return Ok(value);
        }
        match unescape(&value) {
            Ok(text) if text.contains(|c| !is_xml(c)) => {
                let message = "a reference to a character that no XML may hold".to_owned();
                Err(self.fault(&rules::XML_FORM, from, to, message))
            }
            Ok(text) => Ok(Cow::Owned(text.into_owned())),
            Err(error) => Err(self.fault(&rules::XML_FORM, from, to, lower_case(&error.to_string()))),
        }
    }

    fn characters(&mut self, raw: &'s str, start: usize, is_markup: bool) -> Step<()> {
        let text = raw.trim_ascii_start();
        let Some(Open { element, first, blank }) = self.open.last_mut() else {
            if text.is_empty() {
                return Ok(());
            }
            let at = start + raw.len() - text.len();
            let message = "text may not stand outside the root element".to_owned();
            return Err(self.fault(&rules::XML_FORM, at, at + 1, message));
        };
        if text.is_empty() && blank.is_none() && element.text().is_empty() {
            *blank = Some((raw, start));
            return Ok(());
        }
        if *first < self.closed.len() && element.text().is_empty() && !text.is_empty() {
            self.report.add(mixed(element, raw, Span::new(start, start + raw.len())));
        }
        append_blank(element, blank);
        append(element, with_line_ends(raw), Span::new(start, start + raw.len()));
        if is_markup
            && raw.contains(']')
            && let Some(i) = raw.find("]]>")
        {
            let message = "`]]>` may not stand in text; write `]]&gt;`".to_owned();
            return Err(self.fault(&rules::XML_FORM, start + i, start + i + 3, message));
        }
        Ok(())
    }

    /// Reads `&name;` or `&#number;`: the five predefined entities and characters by number.
    fn reference(&mut self, raw: &'s str, start: usize) -> Step<()> {
        let end = start + raw.len();
        let resolved = unescape(raw).map(Cow::into_owned);
        match resolved {
            Ok(text) if text.chars().all(is_xml) && !self.open.is_empty() => {
                if let Some(Open { element, blank, .. }) = self.open.last_mut() {
                    append_blank(element, blank);
                    append(element, Cow::Owned(text), Span::new(start, end));
                }
                Ok(())
            }
            _ => Err(self.fault(&rules::XML_FORM, start, end, format!("`{raw}` stands for no character"))),
        }
    }

    fn doctype(&mut self, raw: &'s str, start: usize) -> Step<()> {
        if !self.open.is_empty() {
            let message = "the DOCTYPE stands before the root element".to_owned();
            return Err(self.fault(&rules::XML_FORM, start, start + raw.len(), message));
        }
        if let Some(i) = entity_definition(raw) {
            let message = "entity definitions are refused".to_owned();
            return Err(self.fault(&rules::ENTITY, start + i, start + i + "<!ENTITY".len(), message));
        }
        let external = raw.split('[').next().unwrap_or_default();
        self.public_text = external.split_once("PUBLIC").and_then(|(_, rest)| {
            let rest = rest.trim_ascii_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            // White space in public identifiers does not count: files with a leading blank are common.
            let text = rest[1..].split(quote).next()?;
            Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        });
        Ok(())
    }

    /// Returns the candidate that has this root: by its namespace, by the public identifier, or by the name alone.
    fn recognise(&self, root: &Element<'_>) -> Option<&'static Vocabulary> {
        let (prefix, local) = split_name(&root.name);
        let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        let mut fitting =
            self.candidates.iter().copied().filter(|v| v.roots.contains(&local) || v.fragments.contains(&local));
        let first = fitting.clone().next();
        let namespace = root.attribute(&declaration);
        let by_namespace = fitting.clone().find(|v| namespace.is_some_and(|n| v.namespaces.contains(&n)));
        let public = self.public_text.as_deref();
        let by_public = fitting.find(|v| v.public_ids.iter().any(|id| public == Some(id.text)));
        by_namespace.or(by_public).or(first)
    }

    /// Takes the prefix off a name whose namespace is the vocabulary's own; a foreign prefix stays.
    fn strip_own_prefix(&mut self, element: &mut Element<'s>, name: &'s str, start: usize) {
        let (prefix, local) = split_name(name);
        if prefix.is_empty() {
            return;
        }
        let declaration = format!("xmlns:{prefix}");
        let namespace = std::iter::once(&*element)
            .chain(self.open.iter().rev().map(|open| &open.element))
            .find_map(|e| e.attribute(&declaration).map(str::to_owned));
        match namespace {
            Some(namespace) if self.vocabulary.is_some_and(|v| v.namespaces.contains(&namespace.as_str())) => {
                element.name = Cow::Borrowed(local);
            }
            None if !self.told_prefix => {
                self.told_prefix = true;
                let message = format!("the prefix `{prefix}` is bound to no namespace");
                self.report.add(Diagnostic::new(&rules::XML_FORM, Span::new(start, start + 1 + name.len()), message));
            }
            _ => {}
        }
    }

    fn close(&mut self, open: Open<'s>, end: usize) {
        let Open { mut element, first, mut blank } = open;
        if first < self.closed.len() {
            element.children = self.closed.split_off(first);
        } else {
            append_blank(&mut element, &mut blank);
        }
        element.span.end = Span::new(0, end).end;
        if !element.text().is_empty() && element.trimmed().is_empty() {
            let may_be_white = || self.vocabulary.is_none_or(|v| v.grammar.may_be_white(&element.name));
            if !element.children.is_empty() || !may_be_white() {
                element.content = Content::Text(Cow::Borrowed(""));
            }
        }
        match self.open.is_empty() {
            true => self.root = Some(element),
            false => self.closed.push(element),
        }
    }

    /// Returns the place of a part of the text, as a part that lives as long as the text.
    fn slice(&self, part: &str) -> &'s str {
        let offset = self.offset(part);
        self.text.get(offset..offset + part.len()).unwrap_or_default()
    }

    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize)
    }

    fn fault(&mut self, rule: &'static Rule, start: usize, end: usize, message: String) -> Broken {
        self.report.add(Diagnostic::new(rule, Span::new(start, end.max(start + 1).min(self.text.len())), message));
        Broken
    }
}

/// Returns whether an event behind the root belongs to something else than the document.
fn begins_anew(event: &Event<'_>, raw: &str) -> bool {
    match event {
        Event::Text(_) => !raw.trim_ascii().is_empty(),
        Event::Comment(_) | Event::PI(_) | Event::Eof => false,
        _ => true,
    }
}

/// Returns where a document begins behind text that is none: at its declaration, its document type or a root.
pub(in crate::codec) fn find_document(text: &str, candidates: &[&'static Vocabulary]) -> Option<usize> {
    let is_start = |at: usize| {
        let rest = &text[at + 1..];
        let name = rest.split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
        let local = split_name(name).1;
        rest.starts_with("?xml ")
            || rest.starts_with("!DOCTYPE ")
            || candidates.iter().any(|v| v.roots.contains(&local))
    };
    text.match_indices('<').map(|(at, _)| at).find(|at| is_start(*at))
}

/// Returns where a document type defines an entity; comments and processing instructions in it define none.
fn entity_definition(doctype: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = doctype[at..].find('<').map(|next| at + next) {
        let rest = &doctype[next..];
        let skipped = if rest.starts_with("<!--") {
            rest.find("-->")
        } else if rest.starts_with("<?") {
            rest.find("?>")
        } else if rest.starts_with("<!ENTITY") {
            return Some(next);
        } else {
            None
        };
        at = next + skipped.unwrap_or(1);
    }
    None
}
