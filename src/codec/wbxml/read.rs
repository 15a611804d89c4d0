//! Reads WBXML: header, string table, then one element with everything below it.
//!
//! The text of a leaf is the concatenation of all its items (inline, table and entity text, value tokens, OPAQUE).
//! What cannot be understood is kept and shown: an unknown tag is the element `unknown` with its page and token,
//! which the writer turns back into the same octets.

use std::borrow::Cow;

use super::super::xml::is_name;
use super::super::{Document, Header, Limits, rules};
use super::header::{Body, OTHER_TYPES, is_named_by, may_start, read_header};
use super::items::{is_text, join_octets, join_text};
use super::{END, HAS_ATTRIBUTES, HAS_CONTENT, LITERAL, OPAQUE, PI, SWITCH_PAGE, charset};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Content, DateTime, Element, Grammar, Kind, Place, TokenTable, Vocabulary, shorten};

/// The element that stands for a tag in no table.
pub(super) const UNKNOWN: &str = "unknown";

/// Reads a document, in the vocabulary that its public identifier names, or else in the one of `candidates` that
/// explains it best.
pub(crate) fn read<'s>(
    bytes: &'s [u8],
    candidates: &[&'static Vocabulary],
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    let (header, body) = read_header(bytes, report)?;
    match candidates.iter().copied().find(|v| is_named_by(v, &header)) {
        named @ Some(_) => Reader::new(bytes, &header, &body, named, candidates, limits, report).document(),
        None => guess(bytes, (&header, &body), candidates, limits, report),
    }
}

/// Reads a document whose public identifier names no vocabulary in the one of `candidates` that explains it best.
fn guess<'s>(
    bytes: &'s [u8],
    (header, body): (&Header, &Body),
    candidates: &[&'static Vocabulary],
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    let mut findings = Report::new();
    let other = header.public_id.and_then(|id| OTHER_TYPES.iter().find(|(number, _)| *number == id));
    let may_be = |v: &&'static Vocabulary| other.is_none() && may_start(v, bytes, body.start);
    let mut attempts: Vec<_> = candidates.iter().copied().filter(may_be).map(Some).collect();
    if attempts.is_empty() {
        attempts.push(None);
    }
    let is_silent = matches!(header.public_id, Some(0 | 1)) && header.public_text.is_none();
    if !is_silent {
        let message = match &header.public_text {
            None if let Some((_, name)) = other => {
                format!("this is a document of type {name}, whose tokens are not known here")
            }
            Some(text) => format!("the public identifier `{text}` is not known"),
            None => format!("the public identifier 0x{:02X} is not known", header.public_id.unwrap_or_default()),
        };
        findings.add(Diagnostic::new(&rules::PUBLIC_ID, Span::new(1, body.start), message));
    }
    let mut best: Option<(Document<'s>, Report)> = None;
    let mut reasons = None;
    for vocabulary in attempts {
        let mut own = Report::new();
        let document = Reader::new(bytes, header, body, vocabulary, candidates, limits, &mut own).document();
        let is_better = best.as_ref().is_none_or(|(_, r)| own.diagnostics().len() < r.diagnostics().len());
        if let Some(document) = document.filter(|_| is_better) {
            best = Some((document, own));
        } else {
            reasons.get_or_insert(own);
        }
    }
    report.append(findings);
    let Some((document, own)) = best else {
        report.append(reasons.unwrap_or_default());
        return None;
    };
    report.append(own);
    Some(document)
}

/// The document breaks off, or what follows has no meaning: the reason is in the report already.
pub(super) struct Broken;

pub(super) type Step<T> = Result<T, Broken>;

pub(super) struct Reader<'s, 'r> {
    pub(super) bytes: &'s [u8],
    pub(super) pos: usize,
    header: &'r Header,
    pub(super) table: std::ops::Range<usize>,
    pub(super) charset: u32,
    vocabulary: Option<&'static Vocabulary>,
    candidates: &'r [&'static Vocabulary],
    pub(super) tokens: Option<&'static TokenTable>,
    pub(super) grammar: Option<&'static Grammar>,
    tag_page: u8,
    pub(super) attribute_page: u8,
    elements: usize,
    /// Octets of texts taken from the string table: two octets of a document may stand for a long one.
    pub(super) from_table: usize,
    pub(super) limits: &'r Limits,
    pub(super) report: &'r mut Report,
}

impl<'s, 'r> Reader<'s, 'r> {
    fn new(
        bytes: &'s [u8],
        header: &'r Header,
        body: &Body,
        vocabulary: Option<&'static Vocabulary>,
        candidates: &'r [&'static Vocabulary],
        limits: &'r Limits,
        report: &'r mut Report,
    ) -> Self {
        let mut reader = Self {
            bytes,
            pos: body.start,
            header,
            table: body.table.clone(),
            charset: header.charset.unwrap_or(charset::UTF_8),
            vocabulary: None,
            candidates,
            tokens: None,
            grammar: None,
            tag_page: 0,
            attribute_page: 0,
            elements: 0,
            from_table: 0,
            limits,
            report,
        };
        reader.turn_to(vocabulary);
        reader
    }

    fn turn_to(&mut self, vocabulary: Option<&'static Vocabulary>) {
        self.vocabulary = vocabulary;
        self.tokens = vocabulary.map(|v| &*v.tokens);
        self.grammar = vocabulary.map(|v| &*v.grammar);
    }

    fn document(mut self) -> Option<Document<'s>> {
        let mut root = Vec::with_capacity(1);
        let outcome = self.content(&mut root, 0);
        let root = root.pop();
        if outcome.is_ok() && self.pos < self.bytes.len() {
            let message = format!("{} octets stand after the end", self.bytes.len() - self.pos);
            self.report.add(Diagnostic::new(&rules::TRAILING, Span::new(self.pos, self.bytes.len()), message));
        }
        Some(Document {
            root: root?,
            vocabulary: self.vocabulary,
            header: self.header.clone(),
            rest: Vec::new(),
            source: self.bytes,
        })
    }

    /// Reads page switches and processing instructions up to the root, and the root.
    fn content(&mut self, root: &mut Vec<Element<'s>>, depth: usize) -> Step<()> {
        loop {
            match self.octet()? {
                SWITCH_PAGE => self.switch_tag_page()?,
                PI => self.skip_instruction()?,
                tag if tag & 0x3F < LITERAL => {
                    let message = format!("0x{tag:02X} cannot start the root element");
                    return Err(self.fault(&rules::TOKEN, self.pos - 1, message));
                }
                tag => return self.element(tag, depth, root),
            }
        }
    }

    /// Reads the element whose tag octet was just taken. What was read of it goes to `into` even when it breaks off.
    fn element(&mut self, tag: u8, depth: usize, into: &mut Vec<Element<'s>>) -> Step<()> {
        let start = self.pos - 1;
        self.elements += 1;
        if depth >= self.limits.depth {
            return Err(self.fault(&rules::LIMIT, start, format!("elements are nested more than {depth} deep")));
        }
        if self.elements > self.limits.elements {
            let message = format!("there are more than {} elements", self.limits.elements);
            return Err(self.fault(&rules::LIMIT, start, message));
        }
        let place = Place { page: self.tag_page, token: tag & 0x3F };
        let is_literal = place.token == LITERAL;
        let literal = if is_literal { self.literal_name(start)? } else { None };
        let name = literal.or_else(|| self.tag_name(place).map(Cow::Borrowed));
        let is_unknown = name.is_none();
        let mut element = Element::new(name.unwrap_or(Cow::Borrowed(UNKNOWN)));
        if tag & HAS_ATTRIBUTES != 0 {
            // A name and a value, or a type alone before other elements, are what most have.
            element.attributes = Vec::with_capacity(if tag & HAS_CONTENT == 0 { 2 } else { 1 });
        }
        let element = into.push_mut(element);
        if !is_literal {
            match is_unknown {
                true => self.say_unknown(place, element, start),
                false => self.say_namespace(place.page, element),
            }
        }
        let outcome = self.inside(tag, depth, element);
        element.span = Span::new(start, self.pos);
        outcome
    }

    /// Returns the name of a tag that a table has.
    fn tag_name(&self, place: Place) -> Option<&'static str> {
        let name = self.tokens.and_then(|t| t.tag(place));
        name.or_else(|| self.relatives().find_map(|t| t.tag(place)))
    }

    /// Keeps where a tag is that no table has.
    fn say_unknown(&mut self, place: Place, element: &mut Element<'s>, start: usize) {
        let Place { page, token } = place;
        self.add(&rules::TOKEN, start, format!("tag 0x{token:02X} of page {page} is in no table"));
        element.add_attribute("page", page.to_string());
        element.add_attribute("token", format!("0x{token:02X}"));
    }

    /// Reads a name by its place in the string table; `None`, with a finding, where that is no name in XML.
    pub(super) fn literal_name(&mut self, start: usize) -> Step<Option<Cow<'s, str>>> {
        let offset = self.number()?;
        let name = self.table_text(offset, start)?;
        if is_name(&name) {
            return Ok(Some(name));
        }
        self.add(&rules::TOKEN, start, format!("`{}` in the string table is no name", shorten(&name)));
        Ok(None)
    }

    /// Says the namespace that a code page stands for, where it is another one than the document's own.
    fn say_namespace(&self, page: u8, element: &mut Element<'s>) {
        let pages = self.vocabulary.map_or(&[][..], |v| v.wbxml.page_namespaces);
        if let Some((_, namespace)) = pages.iter().find(|(p, _)| *p == page)
            && (pages.len() > 1 || self.elements == 1)
        {
            element.add_attribute("xmlns", *namespace);
        }
    }

    fn inside(&mut self, tag: u8, depth: usize, element: &mut Element<'s>) -> Step<()> {
        if tag & HAS_ATTRIBUTES != 0 {
            self.attributes(element)?;
        }
        if depth == 0 {
            self.settle_version(element);
        }
        if tag & HAS_CONTENT != 0 {
            self.children(depth, element)?;
        }
        Ok(())
    }

    /// The namespace on the root decides the version, whatever the public identifier says (CSP in WBXML).
    fn settle_version(&mut self, root: &Element<'_>) {
        if let Some(namespace) = root.attribute("xmlns")
            && let Some(vocabulary) = self.candidates.iter().find(|v| v.namespaces.contains(&namespace))
            && self.vocabulary.is_none_or(|v| !v.namespaces.contains(&namespace))
        {
            self.turn_to(Some(vocabulary));
        }
    }

    fn children(&mut self, depth: usize, element: &mut Element<'s>) -> Step<()> {
        let start = self.pos;
        loop {
            match self.octet()? {
                END => break,
                SWITCH_PAGE => self.switch_tag_page()?,
                PI => self.skip_instruction()?,
                OPAQUE => {
                    let octets = self.opaque()?;
                    match self.opaque_text(&element.name, octets) {
                        Some(text) => join_text(&mut element.content, Cow::Owned(text)),
                        None => join_octets(&mut element.content, octets),
                    }
                }
                octet if is_text(octet) => {
                    let piece = self.text(octet, &element.name)?;
                    join_text(&mut element.content, piece);
                }
                tag => self.element(tag, depth + 1, &mut element.children)?,
            }
        }
        if !element.children.is_empty()
            && let Content::Text(text) = &element.content
            && !text.trim_ascii().is_empty()
        {
            self.add(&rules::XML_MIXED, start, format!("`{}` has both text and child elements", element.name));
        }
        element.content_span = Span::new(start, self.pos - 1);
        Ok(())
    }

    /// Returns the text that OPAQUE octets stand for in a number or a date; `None` where they stand for themselves.
    fn opaque_text(&mut self, name: &str, octets: &[u8]) -> Option<String> {
        let start = self.pos - octets.len();
        match self.grammar?.kind(name)? {
            Kind::Int | Kind::Digits | Kind::NumberOrText if octets.len() <= 4 => {
                Some(octets.iter().fold(0_u32, |number, &b| number << 8 | u32::from(b)).to_string())
            }
            Kind::Int => {
                self.add(&rules::LONG_NUMBER, start, format!("the number in `{name}` has {} octets", octets.len()));
                None
            }
            Kind::DateTime => {
                let value = DateTime::from_octets(octets);
                if value.is_none() && std::str::from_utf8(octets).is_err() {
                    self.add(&rules::TOKEN, start, format!("the octets of `{name}` are no date and time"));
                }
                value.map(|value| value.to_string())
            }
            _ => None,
        }
    }

    /// Returns the tables of the candidates that share the root: other versions of the same language.
    pub(super) fn relatives(&self) -> impl Iterator<Item = &'static TokenTable> {
        let roots = self.vocabulary.map_or(&[][..], |v| v.roots);
        self.candidates
            .iter()
            .filter(move |v| v.roots.first() == roots.first() && !roots.is_empty())
            .map(|v| &*v.tokens)
    }

    fn switch_tag_page(&mut self) -> Step<()> {
        self.tag_page = self.octet()?;
        if self.tokens.is_some_and(|t| !t.has_tag_page(self.tag_page)) {
            self.say_no_page("tag", self.tag_page);
        }
        Ok(())
    }

    #[cold]
    fn say_no_page(&mut self, kind: &str, page: u8) {
        self.add(&rules::PAGE, self.pos - 2, format!("{kind} page {page} does not exist"));
    }

    #[inline(always)]
    pub(super) fn switch_attribute_page(&mut self) -> Step<()> {
        self.attribute_page = self.octet()?;
        if self.tokens.is_some_and(|t| !t.has_attribute_page(self.attribute_page)) {
            self.say_no_page("attribute", self.attribute_page);
        }
        Ok(())
    }

    pub(super) fn skip_instruction(&mut self) -> Step<()> {
        let octet = self.octet()?;
        let start = self.pos - 1;
        self.attribute_start(octet, start)?;
        while self.attribute_value(&mut Cow::Borrowed(""))? != END {}
        Ok(())
    }

    pub(super) fn add(&mut self, rule: &'static Rule, start: usize, message: String) {
        self.report.add(Diagnostic::new(rule, self.since(start), message));
    }

    /// As [`Self::add`], for what is read all the same.
    pub(super) fn note(&mut self, rule: &'static Rule, start: usize, message: String) {
        self.report.add(Diagnostic::new(rule, self.since(start), message).severity(Severity::Warning));
    }

    /// Returns what was read from `start` on, an octet at the least, if there is one.
    fn since(&self, start: usize) -> Span {
        let end = self.pos.max(start + 1).min(self.bytes.len());
        Span::new(start.min(end), end)
    }

    /// Adds a finding behind which nothing can be read: an error, whatever the rule's own severity.
    pub(super) fn fault(&mut self, rule: &'static Rule, start: usize, message: String) -> Broken {
        self.report.add(Diagnostic::new(rule, self.since(start), message).severity(Severity::Error));
        Broken
    }
}
