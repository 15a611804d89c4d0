//! Writes WBXML, as octets or as segments with slots.

use super::super::{CannotWrite, WbxmlOptions};
use super::read::UNKNOWN;
use super::{
    END, EXT_T_0, HAS_ATTRIBUTES, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE, charset, integer_octets, write_multi_byte,
};
use crate::document::{
    Attribute, Content, DateTime, Element, Grammar, Kind, Place, TokenTable, Vocabulary, integer, is_declaration,
};

/// The character that announces a slot in a text: U+FFFF, which no XML document may hold. The character behind it
/// says which slot: U+F0000 plus its number. See [`Segments::slot`].
pub(crate) const SLOT: char = '\u{FFFF}';

const FIRST_SLOT: u32 = 0xF_0000;

/// Most messages have fewer octets.
const ROOM: usize = 512;

/// Which tokens stand for attribute names and values of a provisioning document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WbxmlStyle {
    /// Tokens for whole names and for whole values of code page 0; everything else inline. Every client reads it.
    #[default]
    Safe,
    /// Tokens also for parts of names and values, as libwbxml writes.
    Prefix,
    /// Tokens for whole names and whole values of both code pages, as Kannel writes.
    WholeValue,
}

/// Octets with gaps: literal runs and, between them, slots that are filled with inline text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segments {
    octets: Vec<u8>,
    /// Where slots are: the offset into `octets`, and the slot's number.
    slots: Vec<(usize, u32)>,
}

impl Segments {
    /// Returns the text that marks slot `number`; it may stand inside a longer text.
    ///
    /// # Panics
    ///
    /// Panics from 65,534 slots on; a profile has a few dozen.
    pub fn slot(number: u32) -> String {
        let which = char::from_u32(FIRST_SLOT + number).expect("a profile has fewer than 65,534 slots");
        String::from_iter([SLOT, which])
    }

    /// Returns the numbers of the slots in the order in which they stand; a number may come several times.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|(_, number)| *number)
    }

    /// Appends the octets to `output` with each slot filled by `value`, which gives the octets of a slot's text.
    pub fn fill<'v>(&self, mut value: impl FnMut(u32) -> &'v [u8], output: &mut Vec<u8>) {
        let mut from = 0;
        for &(offset, number) in &self.slots {
            output.extend_from_slice(&self.octets[from..offset]);
            output.extend_from_slice(value(number));
            from = offset;
        }
        output.extend_from_slice(&self.octets[from..]);
    }
}

/// Writes a document: header, empty string table (unless the public identifier must be text), root.
pub(crate) fn write(
    root: &Element<'_>,
    vocabulary: &Vocabulary,
    options: &WbxmlOptions,
) -> Result<Vec<u8>, CannotWrite> {
    let Some(public_id) = vocabulary.public_ids.first() else {
        return Err(cannot(format!("a {} has no WBXML form", vocabulary.name)));
    };
    let mut octets = Vec::with_capacity(ROOM);
    octets.push(vocabulary.wbxml.version);
    match options.public_id.unwrap_or(public_id.number) {
        0 => {
            octets.extend([0, 0]);
            write_multi_byte(charset::UTF_8, &mut octets);
            write_multi_byte(public_id.text.len() as u32 + 1, &mut octets);
            octets.extend(public_id.text.as_bytes());
            octets.push(0);
        }
        number => {
            write_multi_byte(number, &mut octets);
            write_multi_byte(charset::UTF_8, &mut octets);
            octets.push(0);
        }
    }
    let mut writer = Writer {
        octets,
        vocabulary,
        tokens: &vocabulary.tokens,
        grammar: &vocabulary.grammar,
        style: options.style,
        opaque_dates: options.opaque_dates.unwrap_or(vocabulary.wbxml.opaque_dates),
        text_integers: options.text_integers,
        values_known_to: options.values_known_to,
        tag_page: 0,
        attribute_page: 0,
    };
    writer.element(root, 0)?;
    Ok(writer.octets)
}

fn cannot(what: String) -> CannotWrite {
    CannotWrite { what }
}

impl Segments {
    /// Finds the slot marks in octets that were written with them.
    pub(crate) fn cut(octets: Vec<u8>) -> Self {
        // U+FFFF in UTF-8, then four octets of the character that says which slot.
        const MARK: [u8; 3] = [0xEF, 0xBF, 0xBF];
        if !octets.windows(3).any(|window| window == MARK) {
            return Self { octets, slots: Vec::new() };
        }
        let mut cut = Self::default();
        let mut rest = octets.as_slice();
        while let Some(at) = rest.windows(3).position(|window| window == MARK) {
            cut.octets.extend_from_slice(&rest[..at]);
            let which = rest.get(at + 3..at + 7).and_then(|octets| std::str::from_utf8(octets).ok());
            match which.and_then(|text| text.chars().next()).and_then(slot_number) {
                Some(number) => {
                    cut.slots.push((cut.octets.len(), number));
                    rest = &rest[at + 7..];
                }
                None => {
                    cut.octets.extend(MARK);
                    rest = &rest[at + 3..];
                }
            }
        }
        cut.octets.extend_from_slice(rest);
        cut
    }
}

/// Returns the number of the slot that the character behind [`SLOT`] stands for.
pub(crate) fn slot_number(which: char) -> Option<u32> {
    u32::from(which).checked_sub(FIRST_SLOT)
}

struct Writer<'v> {
    octets: Vec<u8>,
    vocabulary: &'v Vocabulary,
    tokens: &'v TokenTable,
    grammar: &'v Grammar,
    style: WbxmlStyle,
    opaque_dates: bool,
    text_integers: bool,
    values_known_to: Option<&'static Vocabulary>,
    tag_page: u8,
    attribute_page: u8,
}

impl Writer<'_> {
    /// Writes an element whose parent is on tag page `outer`.
    fn element(&mut self, element: &Element<'_>, outer: u8) -> Result<(), CannotWrite> {
        let (place, own) = self.tag(element, outer)?;
        if place.page != self.tag_page {
            self.tag_page = place.page;
            self.octets.extend([SWITCH_PAGE, place.page]);
        }
        let attributes: Vec<_> = element.attributes.iter().filter(|a| !self.is_implied(own, a)).collect();
        let mut tag = place.token;
        if !attributes.is_empty() {
            tag |= HAS_ATTRIBUTES;
        }
        if !element.is_empty() {
            tag |= HAS_CONTENT;
        }
        self.octets.push(tag);
        if !attributes.is_empty() {
            for attribute in attributes {
                self.attribute(&attribute.name, &attribute.value)?;
            }
            self.octets.push(END);
        }
        if !element.is_empty() {
            self.content(element)?;
            for child in &element.children {
                self.element(child, place.page)?;
            }
            self.octets.push(END);
        }
        Ok(())
    }

    /// Returns the tag's place, and whether the element is one that was read without a name.
    ///
    /// Where pages stand for namespaces, an element without a declaration is in its parent's.
    fn tag(&self, element: &Element<'_>, outer: u8) -> Result<(Place, bool), CannotWrite> {
        let name = element.name.as_ref();
        let hex =
            |name: &str| element.attribute(name).and_then(|v| u8::from_str_radix(v.trim_start_matches("0x"), 16).ok());
        if name == UNKNOWN
            && let (Some(page), Some(token)) = (element.attribute("page").and_then(|v| v.parse().ok()), hex("token"))
        {
            return Ok((Place { page, token: token & 0x3F }, true));
        }
        let pages = self.vocabulary.wbxml.page_namespaces;
        let wanted = element.attribute("xmlns").and_then(|n| pages.iter().find(|(_, namespace)| *namespace == n));
        let page = wanted.map_or(if pages.is_empty() { self.tag_page } else { outer }, |(page, _)| *page);
        match self.tokens.tag_place(name, page) {
            Some(place) => Ok((place, false)),
            None => Err(cannot(format!("element `{name}` has no WBXML token in a {}", self.vocabulary.name))),
        }
    }

    /// Returns whether an attribute says only what the tokens say anyway.
    fn is_implied(&self, is_unknown: bool, attribute: &Attribute<'_>) -> bool {
        let (name, value) = (attribute.name.as_ref(), attribute.value.as_ref());
        let is_own = self.vocabulary.namespaces.contains(&value)
            || self.vocabulary.wbxml.page_namespaces.iter().any(|(_, namespace)| *namespace == value);
        (is_unknown && matches!(name, "page" | "token"))
            || (is_own && is_declaration(name) && self.tokens.attribute_place(name, value).is_none())
            || name.starts_with("xmlns:")
    }

    fn attribute(&mut self, name: &str, value: &str) -> Result<(), CannotWrite> {
        let is_whole = !self.vocabulary.wbxml.attribute_prefixes && self.style != WbxmlStyle::Prefix;
        let start = match is_whole {
            true => self.tokens.attribute_exactly(name, value).map(|place| (value.len(), place)),
            false => self.tokens.attribute_place(name, value).map(|(start, place)| (start.prefix.len(), place)),
        };
        let start = start.filter(|(length, _)| *length > 0 || value.is_empty());
        let start = start.or_else(|| self.tokens.attribute_exactly(name, "").map(|place| (0, place)));
        let Some((length, place)) = start else {
            return Err(cannot(format!("attribute `{name}` has no WBXML token in a {}", self.vocabulary.name)));
        };
        let rest = &value[length..];
        if self.style == WbxmlStyle::Prefix || rest.is_empty() && length > 0 {
            self.attribute_token(place);
            return if rest.is_empty() && length > 0 { Ok(()) } else { self.pieces(rest) };
        }
        let most = if self.style == WbxmlStyle::WholeValue { u8::MAX } else { 0 };
        let token = self.tokens.values().iter().find(|(text, place)| *text == rest && place.page <= most);
        match token {
            Some((_, token)) => {
                // Kannel writes the start of the value on the page of the token that follows it.
                self.attribute_token(Place { page: token.page.max(place.page), ..place });
                self.attribute_token(*token);
                Ok(())
            }
            None => {
                self.attribute_token(place);
                self.inline(rest)
            }
        }
    }

    /// Writes a value with tokens for all parts of it that have one, in the table's order.
    fn pieces(&mut self, value: &str) -> Result<(), CannotWrite> {
        if value.is_empty() {
            return self.inline(value);
        }
        let mut pieces = vec![(value, None)];
        for (text, place) in self.tokens.values() {
            let mut next = Vec::with_capacity(pieces.len());
            for (piece, token) in pieces {
                if token.is_some() {
                    next.push((piece, token));
                    continue;
                }
                for (i, part) in piece.split(text).enumerate() {
                    if i > 0 {
                        next.push((*text, Some(*place)));
                    }
                    if !part.is_empty() {
                        next.push((part, None));
                    }
                }
            }
            pieces = next;
        }
        for (piece, token) in pieces {
            match token {
                Some(place) => self.attribute_token(place),
                None => self.inline(piece)?,
            }
        }
        Ok(())
    }

    fn attribute_token(&mut self, place: Place) {
        if place.page != self.attribute_page {
            self.attribute_page = place.page;
            self.octets.extend([SWITCH_PAGE, place.page]);
        }
        self.octets.push(place.token);
    }

    fn content(&mut self, element: &Element<'_>) -> Result<(), CannotWrite> {
        let text = match &element.content {
            Content::Octets(octets) => return self.opaque(octets),
            Content::Text(text) if text.is_empty() => return Ok(()),
            Content::Text(text) => text.as_ref(),
        };
        let kind = self.grammar.kind(&element.name);
        match kind {
            Some(Kind::Int)
                if !self.text_integers
                    && let Some(number) = integer(text.trim_ascii()) =>
            {
                self.opaque(integer_octets(&number.to_be_bytes()))
            }
            Some(Kind::DateTime)
                if self.opaque_dates
                    && let Some(value) = DateTime::read(text.trim_ascii()).filter(|v| v.zone == b'Z') =>
            {
                self.opaque(&value.to_octets())
            }
            _ if self.vocabulary.wbxml.plain_leaves.contains(&element.name.as_ref()) => self.inline(text),
            Some(Kind::Text | Kind::NumberOrText) | None => self.word_or_text(text, kind),
            _ => self.word_or_text(text.trim_ascii(), kind),
        }
    }

    fn word_or_text(&mut self, text: &str, kind: Option<Kind>) -> Result<(), CannotWrite> {
        let number = self.tokens.extension_number(text).filter(|number| match kind {
            // A number with two words is written only where the leaf's list tells which is meant.
            Some(Kind::Word(list)) => list.contains(&text),
            _ => self.tokens.extension(*number).len() == 1,
        });
        let is_known =
            |number: &u32| self.values_known_to.is_none_or(|other| other.tokens.extension(*number) == [text]);
        let number = number.filter(is_known);
        match number {
            Some(number) => {
                self.octets.push(EXT_T_0);
                write_multi_byte(number, &mut self.octets);
                Ok(())
            }
            None => self.inline(text),
        }
    }

    fn opaque(&mut self, octets: &[u8]) -> Result<(), CannotWrite> {
        let length = u32::try_from(octets.len()).map_err(|_| cannot("4 GiB of octets in one element".to_owned()))?;
        self.octets.push(OPAQUE);
        write_multi_byte(length, &mut self.octets);
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    fn inline(&mut self, text: &str) -> Result<(), CannotWrite> {
        if text.contains('\0') {
            return Err(cannot("text with U+0000, which ends a WBXML text".to_owned()));
        }
        self.octets.push(STR_I);
        self.octets.extend_from_slice(text.as_bytes());
        self.octets.push(0);
        Ok(())
    }
}
