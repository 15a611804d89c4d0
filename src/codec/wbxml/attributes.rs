//! The attributes of an element: names, values that start with their token, and code pages of their own.

use std::borrow::Cow;

use super::super::rules;
use super::items::{is_text, join};
use super::read::{Reader, Step};
use super::{END, LITERAL, LITERAL_A, OPAQUE, STR_I, SWITCH_PAGE};
use crate::diagnose::Span;
use crate::document::{Attribute, Element, Place};

impl<'s> Reader<'s, '_> {
    pub(super) fn attributes(&mut self, element: &mut Element<'s>) -> Step<()> {
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
            if element.attributes.len() >= self.limits.attributes {
                return Err(self.fault(&rules::LIMIT, start, "an element has too many attributes".to_owned()));
            }
            let (name, prefix) = self.attribute_start(octet, start)?;
            let value_start = self.pos;
            let (value, nowhere) = (Cow::Borrowed(prefix), Span::default());
            let attribute = Attribute { name, value, span: nowhere, value_span: nowhere };
            let attribute = element.attributes.push_mut(attribute);
            match self.attribute_value(&mut attribute.value) {
                Ok(next) => octet = next,
                Err(broken) => {
                    element.attributes.pop();
                    return Err(broken);
                }
            }
            // The octet that ended the value belongs to what follows.
            let end = self.pos - 1;
            // A token of name and value together is the place of both.
            let value_start = if value_start == end { start } else { value_start };
            (attribute.span, attribute.value_span) = (Span::new(start, end), Span::new(value_start, end));
        }
    }

    /// Returns the name of the attribute whose octet was just taken, and the beginning of its value.
    #[inline(always)]
    pub(super) fn attribute_start(&mut self, octet: u8, start: usize) -> Step<(Cow<'s, str>, &'static str)> {
        let place = Place { page: self.attribute_page, token: octet };
        match self.tokens.and_then(|t| t.attribute(place)) {
            Some(found) => Ok((Cow::Borrowed(found.name), found.prefix)),
            None => self.other_attribute_start(place, start),
        }
    }

    fn other_attribute_start(&mut self, place: Place, start: usize) -> Step<(Cow<'s, str>, &'static str)> {
        let octet = place.token;
        if octet == LITERAL {
            let name = self.literal_name(start)?;
            return Ok((name.unwrap_or(Cow::Borrowed("unknown")), ""));
        }
        if octet >= 0x80 || is_text(octet) {
            let message = format!("0x{octet:02X} stands where an attribute begins");
            return Err(self.fault(&rules::TOKEN, start, message));
        }
        let known = self.relatives().find_map(|t| t.attribute(place));
        match known {
            Some(found) => Ok((Cow::Borrowed(found.name), found.prefix)),
            None => {
                let message = format!("attribute 0x{octet:02X} of page {} is in no table", place.page);
                self.add(&rules::TOKEN, start, message);
                Ok((Cow::Owned(format!("unknown-{}-{octet:02X}", place.page)), ""))
            }
        }
    }

    /// Reads the items of a value; returns the octet behind it: END or the start of the next attribute.
    // Part of its callers: most values are one item, and a call would cost more.
    #[inline(always)]
    pub(super) fn attribute_value(&mut self, value: &mut Cow<'s, str>) -> Step<u8> {
        loop {
            match self.octet()? {
                STR_I => join(value, self.inline_text()?),
                SWITCH_PAGE => self.switch_attribute_page()?,
                OPAQUE => join(value, String::from_utf8_lossy(self.opaque()?)),
                LITERAL_A => return Ok(LITERAL_A),
                octet if octet >= 0x80 => join(value, self.attribute_token(octet)?),
                octet if is_text(octet) => join(value, self.text(octet, "")?),
                octet => return Ok(octet),
            }
        }
    }

    /// Returns what a token of a value stands for; where no table has it, it may be a global token.
    fn attribute_token(&mut self, octet: u8) -> Step<Cow<'s, str>> {
        let (start, place) = (self.pos - 1, Place { page: self.attribute_page, token: octet });
        if let Some(value) = self.tokens.and_then(|t| t.value(place)) {
            if is_text(octet) {
                let message = format!("0x{octet:02X} is read as `{value}`; it is also a global token");
                self.add(&rules::CONTESTED, start, message);
            }
            return Ok(Cow::Borrowed(value));
        }
        if is_text(octet) {
            return self.text(octet, "");
        }
        let message = format!("value 0x{octet:02X} of page {} is in no table", place.page);
        self.add(&rules::TOKEN, start, message);
        Ok(Cow::Owned(format!("[unknown 0x{octet:02X}]")))
    }
}
