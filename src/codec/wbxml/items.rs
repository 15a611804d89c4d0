//! The items that texts are made of: inline text, references to the string table, entities, value tokens, octets.

use std::borrow::Cow;

use super::super::rules;
use super::header::long_number;
use super::read::{Reader, Step};
use super::{ENTITY, EXT_0, EXT_I_0, EXT_T_0, STR_I, STR_T, charset, read_multi_byte};
use crate::document::{Content, Kind, TokenTable, is_xml};

/// Adds an item of text to what was read before it; borrowed while there is only one.
#[inline(always)]
pub(super) fn join<'s>(text: &mut Cow<'s, str>, piece: Cow<'s, str>) {
    match text {
        _ if text.is_empty() => *text = piece,
        Cow::Borrowed(before) => *text = Cow::Owned([before, &*piece].concat()),
        Cow::Owned(before) => before.push_str(&piece),
    }
}

/// The same for the text of an element, which may be octets by now.
pub(super) fn join_text<'s>(content: &mut Content<'s>, piece: Cow<'s, str>) {
    match content {
        Content::Text(text) => join(text, piece),
        Content::Octets(octets) => octets.to_mut().extend_from_slice(piece.as_bytes()),
    }
}

/// Adds octets, which make octets of what was read before them.
pub(super) fn join_octets<'s>(content: &mut Content<'s>, piece: &'s [u8]) {
    match content {
        Content::Text(text) if text.is_empty() => *content = Content::Octets(Cow::Borrowed(piece)),
        Content::Text(text) => *content = Content::Octets(Cow::Owned([text.as_bytes(), piece].concat())),
        Content::Octets(octets) => octets.to_mut().extend_from_slice(piece),
    }
}

impl<'s> Reader<'s, '_> {
    /// Reads one item of text whose first octet was just taken. `leaf` decides between two words of one value token.
    pub(super) fn text(&mut self, octet: u8, leaf: &str) -> Step<Cow<'s, str>> {
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

    pub(super) fn value_token(&mut self, number: u32, leaf: &str, start: usize) -> Cow<'s, str> {
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

    #[inline]
    pub(super) fn octet(&mut self) -> Step<u8> {
        let Some(&octet) = self.bytes.get(self.pos) else {
            let message = "the document ends here, before its last element is closed".to_owned();
            return Err(self.fault(&rules::TRUNCATED, self.bytes.len().saturating_sub(1), message));
        };
        self.pos += 1;
        Ok(octet)
    }

    pub(super) fn number(&mut self) -> Step<u32> {
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

    pub(super) fn opaque(&mut self) -> Step<&'s [u8]> {
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

    #[inline]
    pub(super) fn inline_text(&mut self) -> Step<Cow<'s, str>> {
        match self.plain_text(&self.bytes[self.pos..]) {
            Some(text) => {
                self.pos += text.len() + 1;
                Ok(Cow::Borrowed(text))
            }
            None => self.other_inline_text(),
        }
    }

    fn other_inline_text(&mut self) -> Step<Cow<'s, str>> {
        let start = self.pos;
        let rest = &self.bytes[start..];
        let Some(length) = self.text_length(rest) else {
            return Err(self.fault(&rules::TRUNCATED, start, "a text has no end".to_owned()));
        };
        self.pos += length + self.zero_length();
        Ok(self.characters(&rest[..length], start))
    }

    pub(super) fn table_text(&mut self, offset: u32, start: usize) -> Step<Cow<'s, str>> {
        let table = &self.bytes[self.table.clone()];
        let rest = table.get(offset as usize..).filter(|rest| !rest.is_empty());
        let Some(rest) = rest else {
            let message = format!("offset {offset} is outside the string table of {} octets", table.len());
            self.add(&rules::STRING_TABLE, start, message);
            return Ok(Cow::Borrowed(""));
        };
        let plain = self.plain_text(rest);
        let length = plain.map(str::len).or_else(|| self.text_length(rest)).unwrap_or(rest.len());
        self.from_table += length;
        if self.from_table > self.limits.bytes {
            let message = format!("texts of the string table come to more than {} octets", self.limits.bytes);
            return Err(self.fault(&rules::LIMIT, start, message));
        }
        Ok(match plain {
            Some(text) => Cow::Borrowed(text),
            None => self.characters(&rest[..length], self.table.start + offset as usize),
        })
    }

    /// Returns the text up to its zero, if it is ASCII without control characters: the usual case, and the same in all
    /// character sets of one octet.
    fn plain_text(&self, octets: &'s [u8]) -> Option<&'s str> {
        let length = plain_length(octets)?;
        let is_whole = octets[length] == 0 && self.charset != charset::UCS_2;
        std::str::from_utf8(&octets[..length]).ok().filter(|_| is_whole)
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
            _ => match std::str::from_utf8(octets) {
                Ok(text) => (Cow::Borrowed(text), true),
                Err(_) if let Some(text) = join_surrogates(octets) => {
                    let message = "characters beyond U+FFFF are written as two of three octets each".to_owned();
                    self.note(&rules::CHARSET, start, message);
                    (Cow::Owned(text), true)
                }
                Err(_) => (String::from_utf8_lossy(octets), false),
            },
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
}

/// Returns how many octets from the first are ASCII without control characters; `None` where all are.
fn plain_length(octets: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let (words, rest) = octets.as_chunks();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit shows in what is over 0x7F, and in the difference to the first that is below 0x20.
        let others = (word | word.wrapping_sub(0x20 * EACH)) & (0x80 * EACH);
        if others != 0 {
            return Some(8 * place + others.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|b| !(0x20..0x80).contains(b)).map(|place| octets.len() - rest.len() + place)
}

/// Returns whether an octet starts an item of text.
pub(super) fn is_text(octet: u8) -> bool {
    matches!(octet, ENTITY | STR_I | STR_T | EXT_T_0..=0x82)
        || (EXT_I_0..EXT_I_0 + 3).contains(&octet)
        || (EXT_0..EXT_0 + 3).contains(&octet)
}

/// Reads UTF-8 in which each character beyond U+FFFF stands as the two surrogates of UTF-16, as Java writes it for C
/// (CESU-8). `None` where anything else is wrong.
fn join_surrogates(mut octets: &[u8]) -> Option<String> {
    let unit = |high: u8, low: u8| 0xD000 | u16::from(high & 0x3F) << 6 | u16::from(low & 0x3F);
    let mut joined = Vec::with_capacity(octets.len());
    while let [first, rest @ ..] = octets {
        if let [0xED, a @ 0xA0..=0xAF, b @ 0x80..=0xBF, 0xED, c @ 0xB0..=0xBF, d @ 0x80..=0xBF, behind @ ..] = octets {
            let character = char::decode_utf16([unit(*a, *b), unit(*c, *d)]).next()?.ok()?;
            joined.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            octets = behind;
        } else {
            joined.push(*first);
            octets = rest;
        }
    }
    String::from_utf8(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_octet_that_is_not_plain_wherever_it_stands() {
        for before in 0..20 {
            for other in [0x00, 0x01, 0x1F, 0x80, 0xA0, 0xFF] {
                let octets = [&[b' '; 20][..before], &[other], b"\x7F\x00\x7F\x80 \x00~~~~~~~~~"].concat();
                assert_eq!(plain_length(&octets), Some(before), "{other:#x}");
            }
            assert_eq!(plain_length(&[0x7F; 20][..before]), None);
        }
    }

    /// The octets are those that an emoticon had from a handset's client, and those of the table in Unicode's UTR 26.
    #[test]
    fn surrogates_are_joined_and_nothing_else_is_forgiven() {
        for (octets, text) in [
            (&b"a \xED\xA0\xBD\xED\xB8\x80!"[..], Some("a \u{1F600}!")),
            (b"\xED\xA0\x81\xED\xB0\x80", Some("\u{10400}")),
            (b"\xED\xAF\xBF\xED\xBF\xBF", Some("\u{10FFFF}")),
            (b"\xC3\xA9\xED\xA0\xBD\xED\xB8\x80\xED\x9F\xBF", Some("\u{E9}\u{1F600}\u{D7FF}")),
            (b"\xED\xA0\xBD", None),
            (b"\xED\xB8\x80\xED\xA0\xBD", None),
            (b"\xED\xA0\xBDx\xED\xB8\x80", None),
            (b"\xED\xA0\xBD\xED\xB8\x80\xFF", None),
            (b"\xED\xA0\xBD\xED\xB8", None),
        ] {
            assert_eq!(join_surrogates(octets).as_deref(), text, "{octets:X?}");
        }
    }
}
