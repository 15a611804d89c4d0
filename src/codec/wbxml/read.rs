//! Reads WBXML: header, string table, then one element with everything below it.
//!
//! The text of a leaf is the concatenation of all its items (inline, table and entity text, value tokens, OPAQUE).
//! What cannot be understood is kept and shown: an unknown tag is the element `unknown` with its page and token,
//! which the writer turns back into the same octets.

use std::borrow::Cow;

use super::super::{Document, Encoding, Header, Limits, rules};
use super::{
    END, ENTITY, EXT_0, EXT_I_0, EXT_T_0, HAS_ATTRIBUTES, HAS_CONTENT, LITERAL, OPAQUE, PI, STR_I, STR_T, SWITCH_PAGE,
    charset, read_multi_byte,
};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Attribute, Content, DateTime, Element, Grammar, Kind, Place, TokenTable, Vocabulary};

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
    let mut findings = Report::new();
    let named = candidates.iter().copied().find(|v| is_named_by(v, &header));
    let other = header.public_id.and_then(|id| OTHER_TYPES.iter().find(|(number, _)| *number == id));
    let attempts: Vec<&'static Vocabulary> = match (named, other) {
        (Some(vocabulary), _) => vec![vocabulary],
        (None, Some(_)) => Vec::new(),
        (None, None) => candidates.iter().copied().filter(|v| may_start(v, bytes, body.start)).collect(),
    };
    let is_silent = matches!(header.public_id, Some(0 | 1)) && header.public_text.is_none();
    if named.is_none() && !is_silent {
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
    let attempts = if attempts.is_empty() { vec![None] } else { attempts.into_iter().map(Some).collect() };
    for vocabulary in attempts {
        let mut own = Report::new();
        let document = Reader::new(bytes, &header, &body, vocabulary, candidates, limits, &mut own).document();
        let is_better = best.as_ref().is_none_or(|(_, r)| own.diagnostics().len() < r.diagnostics().len());
        if let Some(document) = document.filter(|_| is_better) {
            best = Some((document, own));
        } else if best.is_none() && findings.diagnostics().is_empty() {
            findings.append(own);
        }
    }
    report.append(findings);
    best.map(|(document, own)| {
        report.append(own);
        document
    })
}

/// Registered public identifiers of document types that are not read here (WBXML 1.3, public identifiers).
const OTHER_TYPES: &[(u32, &str)] = &[
    (0x02, "WML 1.0"),
    (0x03, "WTA 1.0"),
    (0x04, "WML 1.1"),
    (0x05, "service indication 1.0"),
    (0x06, "service loading 1.0"),
    (0x07, "cache operation 1.0"),
    (0x08, "channel 1.1"),
    (0x09, "WML 1.2"),
    (0x0A, "WML 1.3"),
    (0x0C, "WTA-WML 1.2"),
    (0x0D, "e-mail notification 1.0"),
    (0x0E, "DRM rights 1.0"),
];

/// Where the string table and the root are.
struct Body {
    table: std::ops::Range<usize>,
    start: usize,
}

fn read_header(bytes: &[u8], report: &mut Report) -> Option<(Header, Body)> {
    let mut pos = 1;
    let mut number = |report: &mut Report| {
        let (number, length) = read_multi_byte(bytes.get(pos..)?)?;
        if length > 1 && bytes[pos] == 0x80 {
            long_number(report, pos, length);
        }
        pos += length;
        Some(number)
    };
    let version = *bytes.first()?;
    let fields = (|| {
        let public_id = number(report)?;
        let reference = if public_id == 0 { Some(number(report)?) } else { None };
        let set = if version == 0 { charset::UTF_8 } else { number(report)? };
        let length = number(report)? as usize;
        Some((public_id, reference, set, length))
    })();
    let Some((public_id, reference, set, length)) = fields else {
        let message = "the header is cut, or a number in it is over 32 bits";
        report.add(Diagnostic::new(&rules::TRUNCATED, Span::new(0, bytes.len()), message));
        return None;
    };
    let left = bytes.len() - pos;
    if length > left {
        let message = format!("the string table should have {length} octets, but only {left} are left");
        report.add(Diagnostic::new(&rules::STRING_TABLE, Span::new(0, pos), message));
        return None;
    }
    let table = pos..pos + length;
    if version == 0 && !is_tag_or_page(bytes, table.end) || version > 3 {
        report.add(Diagnostic::new(&rules::VERSION, Span::new(0, 1), format!("0x{version:02X} is no version we know")));
    }
    let text_at = |offset: u32| {
        let rest = bytes[table.clone()].get(offset as usize..)?;
        // Shipped clients leave the last zero out of the table (`mo/dm-facts.md` section 2.2).
        let end = rest.iter().position(|&b| b == 0).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok().map(str::to_owned)
    };
    let public_text = reference.and_then(text_at);
    if reference.is_some() && public_text.is_none() {
        let message = "the public identifier points outside the string table";
        report.add(Diagnostic::new(&rules::STRING_TABLE, Span::new(1, pos), message));
    }
    if !matches!(set, charset::UNKNOWN | charset::US_ASCII | charset::ISO_8859_1 | charset::UTF_8 | charset::UCS_2) {
        let message = format!("character set {set} is not supported; the text is read as UTF-8");
        report.add(Diagnostic::new(&rules::CHARSET, Span::new(1, pos), message));
    }
    let header = Header {
        encoding: Encoding::Wbxml,
        version: Some(version),
        public_id: Some(public_id),
        public_text,
        charset: Some(set),
        string_table: length,
    };
    let body = Body { start: table.end, table };
    Some((header, body))
}

/// Returns whether a root may begin at `pos`; without one, "version 1.0" is a guess about something else.
fn is_tag_or_page(bytes: &[u8], pos: usize) -> bool {
    bytes.get(pos).is_some_and(|&b| b == SWITCH_PAGE || b & 0x3F >= LITERAL)
}

fn long_number(report: &mut Report, pos: usize, length: usize) {
    let message = "a number has leading octets that say nothing";
    report.add(Diagnostic::new(&rules::LONG_NUMBER, Span::new(pos, pos + length), message));
}

fn is_named_by(vocabulary: &Vocabulary, header: &Header) -> bool {
    vocabulary.public_ids.iter().any(|id| match &header.public_text {
        Some(text) => id.text == text.trim_ascii(),
        None => id.number > 1 && header.public_id == Some(id.number),
    })
}

/// Returns whether the root's token is one of the vocabulary's roots.
fn may_start(vocabulary: &Vocabulary, bytes: &[u8], start: usize) -> bool {
    let (page, tag) = match bytes.get(start..) {
        Some([SWITCH_PAGE, page, tag, ..]) => (*page, *tag),
        Some([tag, ..]) => (0, *tag),
        _ => return false,
    };
    let token = tag & 0x3F;
    let name = (vocabulary.tokens)().tag(Place { page, token });
    token == LITERAL || name.is_some_and(|name| vocabulary.roots.contains(&name))
}

/// The items of a text, joined; borrowed while there is only one.
#[derive(Default)]
struct Joined<'s> {
    text: Cow<'s, str>,
    octets: Option<Cow<'s, [u8]>>,
    items: usize,
}

impl<'s> Joined<'s> {
    fn push(&mut self, piece: Cow<'s, str>) {
        self.items += 1;
        if self.text.is_empty() && self.octets.is_none() {
            self.text = piece;
        } else if let Some(octets) = &mut self.octets {
            octets.to_mut().extend_from_slice(piece.as_bytes());
        } else {
            self.text.to_mut().push_str(&piece);
        }
    }

    fn push_octets(&mut self, piece: &'s [u8]) {
        self.items += 1;
        match &mut self.octets {
            Some(octets) => octets.to_mut().extend_from_slice(piece),
            None if self.text.is_empty() => self.octets = Some(Cow::Borrowed(piece)),
            None => self.octets = Some(Cow::Owned([self.text.as_bytes(), piece].concat())),
        }
    }

    fn into_content(self) -> Content<'s> {
        self.octets.map_or(Content::Text(self.text), Content::Octets)
    }
}

/// The document breaks off, or what follows has no meaning: the reason is in the report already.
struct Broken;

type Step<T> = Result<T, Broken>;

struct Reader<'s, 'r> {
    bytes: &'s [u8],
    pos: usize,
    header: &'r Header,
    table: std::ops::Range<usize>,
    charset: u32,
    vocabulary: Option<&'static Vocabulary>,
    candidates: &'r [&'static Vocabulary],
    tokens: Option<&'static TokenTable>,
    grammar: Option<&'static Grammar>,
    tag_page: u8,
    attribute_page: u8,
    elements: usize,
    limits: &'r Limits,
    report: &'r mut Report,
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
            limits,
            report,
        };
        reader.turn_to(vocabulary);
        reader
    }

    fn turn_to(&mut self, vocabulary: Option<&'static Vocabulary>) {
        self.vocabulary = vocabulary;
        self.tokens = vocabulary.map(|v| (v.tokens)());
        self.grammar = vocabulary.map(|v| (v.grammar)());
    }

    fn document(mut self) -> Option<Document<'s>> {
        let mut root = Vec::new();
        let outcome = self.content(&mut root, 0);
        let root = root.into_iter().next();
        if outcome.is_ok() && self.pos < self.bytes.len() {
            let message = format!("{} octets stand after the end", self.bytes.len() - self.pos);
            self.report.add(Diagnostic::new(&rules::TRAILING, Span::new(self.pos, self.bytes.len()), message));
        }
        Some(Document { root: root?, vocabulary: self.vocabulary, header: self.header.clone() })
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
        let mut element = self.named(tag, start)?;
        let outcome = self.inside(tag, depth, &mut element);
        element.span = Span::new(start, self.pos);
        into.push(element);
        outcome
    }

    fn named(&mut self, tag: u8, start: usize) -> Step<Element<'s>> {
        let token = tag & 0x3F;
        if token == LITERAL {
            let offset = self.number()?;
            return Ok(Element::new(self.table_text(offset, start)?));
        }
        let place = Place { page: self.tag_page, token };
        let name = self.tokens.and_then(|t| t.tag(place)).or_else(|| self.relatives().find_map(|t| t.tag(place)));
        Ok(match name {
            Some(name) => self.in_namespace(Element::new(name), place.page),
            None => {
                let message = format!("tag 0x{token:02X} of page {} is in no table", place.page);
                self.add(&rules::TOKEN, start, message);
                Element::new(UNKNOWN)
                    .with_attribute("page", place.page.to_string())
                    .with_attribute("token", format!("0x{token:02X}"))
            }
        })
    }

    /// Says the namespace that a code page stands for, where it is another one than the document's own.
    fn in_namespace(&self, element: Element<'s>, page: u8) -> Element<'s> {
        let pages = self.vocabulary.map_or(&[][..], |v| v.wbxml.page_namespaces);
        match pages.iter().find(|(p, _)| *p == page) {
            Some((_, namespace)) if pages.len() > 1 || self.elements == 1 => {
                element.with_attribute("xmlns", *namespace)
            }
            _ => element,
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

    /// The namespace on the root decides the version, whatever the public identifier says (`csp/wbxml-encoding.md` 1).
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
        let mut joined = Joined::default();
        loop {
            match self.octet()? {
                END => break,
                SWITCH_PAGE => self.switch_tag_page()?,
                PI => self.skip_instruction()?,
                OPAQUE => {
                    let octets = self.opaque()?;
                    match self.opaque_text(&element.name, octets) {
                        Some(text) => joined.push(Cow::Owned(text)),
                        None => joined.push_octets(octets),
                    }
                }
                octet if is_text(octet) => {
                    let name = element.name.clone();
                    let piece = self.text(octet, &name)?;
                    joined.push(piece);
                }
                tag => self.element(tag, depth + 1, &mut element.children)?,
            }
        }
        if joined.items > 0 && !element.children.is_empty() && !joined.text.trim_ascii().is_empty() {
            self.add(&rules::XML_MIXED, start, format!("`{}` has both text and child elements", element.name));
        }
        element.content_span = Span::new(start, self.pos - 1);
        element.content = joined.into_content();
        Ok(())
    }

    /// Returns the text that OPAQUE octets stand for in a number or a date; `None` where they stand for themselves.
    fn opaque_text(&mut self, name: &str, octets: &[u8]) -> Option<String> {
        let start = self.pos - octets.len();
        match self.grammar?.kind(name)? {
            Kind::Int | Kind::Digits if octets.len() <= 4 => {
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

    fn attributes(&mut self, element: &mut Element<'s>) -> Step<()> {
        let mut octet = self.octet()?;
        loop {
            let start = self.pos - 1;
            match octet {
                END => return Ok(()),
                SWITCH_PAGE => {
                    self.switch_attribute_page()?;
                    octet = self.octet()?;
                    continue;
                }
                _ => {}
            }
            let (name, prefix) = self.attribute_start(octet, start)?;
            let value_start = self.pos;
            let mut joined = Joined::default();
            if !prefix.is_empty() {
                joined.push(Cow::Borrowed(prefix));
            }
            octet = self.attribute_value(&mut joined)?;
            // The octet that ended the value belongs to what follows.
            let end = self.pos - 1;
            if element.attributes.len() >= self.limits.attributes {
                return Err(self.fault(&rules::LIMIT, start, "an element has too many attributes".to_owned()));
            }
            let value = match joined.into_content() {
                Content::Text(text) => text,
                Content::Octets(octets) => Cow::Owned(String::from_utf8_lossy(&octets).into_owned()),
            };
            // A token of name and value together is the place of both.
            let value_start = if value_start == end { start } else { value_start };
            element.attributes.push(Attribute {
                name,
                value,
                span: Span::new(start, end),
                value_span: Span::new(value_start, end),
            });
        }
    }

    fn attribute_start(&mut self, octet: u8, start: usize) -> Step<(Cow<'s, str>, &'static str)> {
        if octet == LITERAL {
            let offset = self.number()?;
            return Ok((self.table_text(offset, start)?, ""));
        }
        if octet >= 0x80 || is_text(octet) {
            let message = format!("0x{octet:02X} stands where an attribute begins");
            return Err(self.fault(&rules::TOKEN, start, message));
        }
        let place = Place { page: self.attribute_page, token: octet };
        let known = self.tokens.and_then(|t| t.attribute(place));
        match known.or_else(|| self.relatives().find_map(|t| t.attribute(place))) {
            Some(found) => Ok((Cow::Borrowed(found.name), found.prefix)),
            None => {
                let message = format!("attribute 0x{octet:02X} of page {} is in no table", place.page);
                self.add(&rules::TOKEN, start, message);
                Ok((Cow::Owned(format!("unknown-{}-{octet:02X}", place.page)), ""))
            }
        }
    }

    /// Reads the items of a value; returns the octet behind it: END or the start of the next attribute.
    fn attribute_value(&mut self, joined: &mut Joined<'s>) -> Step<u8> {
        loop {
            let octet = self.octet()?;
            let start = self.pos - 1;
            let place = Place { page: self.attribute_page, token: octet };
            match octet {
                SWITCH_PAGE => self.switch_attribute_page()?,
                OPAQUE => {
                    let octets = self.opaque()?;
                    joined.push_octets(octets);
                }
                _ if octet >= 0x80 && self.tokens.is_some_and(|t| t.value(place).is_some()) => {
                    let value = self.tokens.and_then(|t| t.value(place)).unwrap_or_default();
                    if is_text(octet) {
                        let message = format!("0x{octet:02X} is read as `{value}`; it is also a global token");
                        self.add(&rules::CONTESTED, start, message);
                    }
                    joined.push(Cow::Borrowed(value));
                }
                _ if is_text(octet) => {
                    let piece = self.text(octet, "")?;
                    joined.push(piece);
                }
                _ if octet >= 0x85 => {
                    let message = format!("value 0x{octet:02X} of page {} is in no table", place.page);
                    self.add(&rules::TOKEN, start, message);
                    joined.push(Cow::Owned(format!("[unknown 0x{octet:02X}]")));
                }
                _ => return Ok(octet),
            }
        }
    }

    /// Reads one item of text whose first octet was just taken. `leaf` decides between two words of one value token.
    fn text(&mut self, octet: u8, leaf: &str) -> Step<Cow<'s, str>> {
        let start = self.pos - 1;
        match octet {
            STR_I => self.inline_text(),
            STR_T => {
                let offset = self.number()?;
                self.table_text(offset, start)
            }
            ENTITY => {
                let code = self.number()?;
                let Some(character) = char::from_u32(code).filter(|&c| is_xml(c)) else {
                    self.add(&rules::CHARSET, start, format!("0x{code:X} is no character"));
                    return Ok(Cow::Borrowed("\u{FFFD}"));
                };
                Ok(Cow::Owned(character.to_string()))
            }
            EXT_T_0 if self.tokens.is_some_and(TokenTable::has_extensions) => {
                let number = self.number()?;
                Ok(self.value_token(number, leaf, start))
            }
            _ => {
                // EXT_I carries text, EXT_T a number, EXT nothing.
                let argument = match octet {
                    octet if octet & 0xC0 == EXT_I_0 => self.inline_text()?,
                    octet if octet & 0xC0 == EXT_T_0 => Cow::Owned(self.number()?.to_string()),
                    _ => Cow::Borrowed(""),
                };
                self.add(&rules::TOKEN, start, format!("extension 0x{octet:02X} has no meaning here"));
                Ok(if octet & 0xC0 == EXT_I_0 { argument } else { Cow::Borrowed("") })
            }
        }
    }

    fn value_token(&mut self, number: u32, leaf: &str, start: usize) -> Cow<'s, str> {
        let words = self.tokens.map_or(&[][..], |t| t.extension(number));
        let of_kind = || match self.grammar.and_then(|g| g.kind(leaf)) {
            Some(Kind::Word(list) | Kind::Words(list)) => words.iter().find(|word| list.contains(word)),
            _ => None,
        };
        let relative = || self.relatives().find_map(|t| t.extension(number).first());
        let word = match words {
            [word] => Some(word),
            _ => of_kind().or(words.last()).or_else(relative),
        };
        match word {
            Some(word) => Cow::Borrowed(*word),
            None => {
                self.add(&rules::TOKEN, start, format!("value token 0x{number:02X} is in no table"));
                Cow::Owned(format!("[unknown 0x{number:02X}]"))
            }
        }
    }

    /// Returns the tables of the candidates that share the root: other versions of the same language.
    fn relatives(&self) -> impl Iterator<Item = &'static TokenTable> {
        let roots = self.vocabulary.map_or(&[][..], |v| v.roots);
        self.candidates
            .iter()
            .filter(move |v| v.roots.first() == roots.first() && !roots.is_empty())
            .map(|v| (v.tokens)())
    }

    fn switch_tag_page(&mut self) -> Step<()> {
        self.tag_page = self.octet()?;
        if self.tokens.is_some_and(|t| !t.has_tag_page(self.tag_page)) {
            self.add(&rules::PAGE, self.pos - 2, format!("tag page {} does not exist", self.tag_page));
        }
        Ok(())
    }

    fn switch_attribute_page(&mut self) -> Step<()> {
        self.attribute_page = self.octet()?;
        if self.tokens.is_some_and(|t| !t.has_attribute_page(self.attribute_page)) {
            self.add(&rules::PAGE, self.pos - 2, format!("attribute page {} does not exist", self.attribute_page));
        }
        Ok(())
    }

    fn skip_instruction(&mut self) -> Step<()> {
        let octet = self.octet()?;
        let start = self.pos - 1;
        self.attribute_start(octet, start)?;
        let mut joined = Joined::default();
        while self.attribute_value(&mut joined)? != END {}
        Ok(())
    }

    fn octet(&mut self) -> Step<u8> {
        let Some(&octet) = self.bytes.get(self.pos) else {
            let message = "the document ends here, before its last element is closed".to_owned();
            return Err(self.fault(&rules::TRUNCATED, self.bytes.len().saturating_sub(1), message));
        };
        self.pos += 1;
        Ok(octet)
    }

    fn number(&mut self) -> Step<u32> {
        let rest = &self.bytes[self.pos..];
        let Some((number, length)) = read_multi_byte(rest) else {
            let is_cut = rest.iter().take(5).all(|b| b & 0x80 != 0) && rest.len() < 5;
            let (rule, message) = match is_cut {
                true => (&rules::TRUNCATED, "a number breaks off"),
                false => (&rules::LONG_NUMBER, "a number is over 32 bits"),
            };
            return Err(self.fault(rule, self.pos, message.to_owned()));
        };
        if length > 1 && rest[0] == 0x80 {
            long_number(self.report, self.pos, length);
        }
        self.pos += length;
        Ok(number)
    }

    fn opaque(&mut self) -> Step<&'s [u8]> {
        let start = self.pos - 1;
        let length = self.number()? as usize;
        let rest = &self.bytes[self.pos..];
        if length > rest.len() {
            let message = format!("{length} octets should follow, but only {} are left", rest.len());
            return Err(self.fault(&rules::TRUNCATED, start, message));
        }
        self.pos += length;
        Ok(&rest[..length])
    }

    fn inline_text(&mut self) -> Step<Cow<'s, str>> {
        let start = self.pos;
        let rest = &self.bytes[start..];
        let Some(length) = self.text_length(rest) else {
            return Err(self.fault(&rules::TRUNCATED, start, "a text has no end".to_owned()));
        };
        self.pos += length + self.zero_length();
        Ok(self.characters(&rest[..length], start))
    }

    fn table_text(&mut self, offset: u32, start: usize) -> Step<Cow<'s, str>> {
        let table = &self.bytes[self.table.clone()];
        let rest = table.get(offset as usize..).filter(|rest| !rest.is_empty());
        let Some(rest) = rest else {
            let message = format!("offset {offset} is outside the string table of {} octets", table.len());
            self.add(&rules::STRING_TABLE, start, message);
            return Ok(Cow::Borrowed(""));
        };
        let length = self.text_length(rest).unwrap_or(rest.len());
        Ok(self.characters(&rest[..length], self.table.start + offset as usize))
    }

    fn zero_length(&self) -> usize {
        if self.charset == charset::UCS_2 { 2 } else { 1 }
    }

    fn text_length(&self, octets: &[u8]) -> Option<usize> {
        match self.charset {
            charset::UCS_2 => octets.chunks_exact(2).position(|pair| pair == [0, 0]).map(|i| i * 2),
            _ => octets.iter().position(|&b| b == 0),
        }
    }

    fn characters(&mut self, octets: &'s [u8], start: usize) -> Cow<'s, str> {
        let (text, is_true) = match self.charset {
            charset::ISO_8859_1 if !octets.is_ascii() => (octets.iter().map(|&b| char::from(b)).collect(), true),
            charset::UCS_2 => {
                let units = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')).collect();
                (Cow::Owned(text), true)
            }
            _ => (String::from_utf8_lossy(octets), std::str::from_utf8(octets).is_ok()),
        };
        if !is_true {
            self.add(&rules::CHARSET, start, "a text is not in the character set that the header says".to_owned());
        }
        if text.contains(|c| !is_xml(c)) {
            self.add(&rules::CHARSET, start, "a text has a control character, which no XML may hold".to_owned());
            return Cow::Owned(text.chars().map(|c| if is_xml(c) { c } else { '\u{FFFD}' }).collect());
        }
        text
    }

    fn add(&mut self, rule: &'static Rule, start: usize, message: String) {
        self.report.add(Diagnostic::new(rule, Span::new(start, self.pos.max(start + 1)), message));
    }

    /// Adds a finding behind which nothing can be read: an error, whatever the rule's own severity.
    fn fault(&mut self, rule: &'static Rule, start: usize, message: String) -> Broken {
        let span = Span::new(start, self.pos.max(start + 1));
        self.report.add(Diagnostic::new(rule, span, message).severity(Severity::Error));
        Broken
    }
}

/// Returns whether an octet starts an item of text.
fn is_text(octet: u8) -> bool {
    matches!(octet, ENTITY | STR_I | STR_T | EXT_T_0..=0x82)
        || (EXT_I_0..EXT_I_0 + 3).contains(&octet)
        || (EXT_0..EXT_0 + 3).contains(&octet)
}

/// Returns whether XML 1.0 may hold a character.
pub(in crate::codec) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
