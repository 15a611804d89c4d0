//! The attributes of an element: names, values that start with their token, and code pages of their own.

use std::borrow::Cow;

use super::super::rules;
use super::items::{Joined, is_text};
use super::read::{Reader, Step};
use super::{END, LITERAL, OPAQUE, SWITCH_PAGE};
use crate::diagnose::Span;
use crate::document::{Attribute, Content, Element, Place};

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

    pub(super) fn attribute_start(&mut self, octet: u8, start: usize) -> Step<(Cow<'s, str>, &'static str)> {
        if octet == LITERAL {
            let name = self.literal_name(start)?;
            return Ok((name.unwrap_or(Cow::Borrowed("unknown")), ""));
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
    pub(super) fn attribute_value(&mut self, joined: &mut Joined<'s>) -> Step<u8> {
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
}
