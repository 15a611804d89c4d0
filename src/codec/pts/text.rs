//! Preamble, parameters, groups and quotes: the syntax without what it means.

use std::borrow::Cow;

use super::is_preamble;
use crate::diagnose::Span;

/// What is in front of the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preamble<'s> {
    /// Two digits, or `XX`.
    pub version: &'s str,
    /// The code of the primitive.
    pub code: &'s str,
    /// The number of the transaction.
    pub transaction: &'s str,
    /// Which part of how many, from 1.
    pub part: Option<(u8, u8)>,
    /// Octets from the beginning of the text.
    pub length: usize,
}

/// A parameter.
pub(super) struct Parameter<'s> {
    /// The two letters.
    pub code: &'s str,
    /// What stands after the equals sign; an empty group where there is none.
    pub value: Value<'s>,
    /// The whole parameter.
    pub span: Span,
}

/// A value: text, or values in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'s> {
    /// Text with quotes resolved.
    Text(Cow<'s, str>),
    /// A group.
    Group(Vec<Self>),
}

/// Characters that a value without quotes cannot hold.
const SPECIAL: &[char] = &[' ', '"', ',', '(', ')', '=', '&'];

/// What is wrong at which octet.
pub(super) enum Fault {
    /// Not the form of a parameter.
    Form(usize, &'static str),
    /// More values, or deeper groups, than a reader takes.
    Limit(usize, &'static str),
}

impl<'s> Preamble<'s> {
    /// Reads the preamble of a message, which may be one of several parts; `None` where it has none.
    pub fn read(message: &'s [u8]) -> Option<Self> {
        let octets = message.split(|octet| *octet == b' ').next()?;
        let head = std::str::from_utf8(octets).ok().filter(|head| is_preamble(head.as_bytes()))?;
        let version = head.get(2..4)?;
        let code = head.get(4..6).filter(|code| code.bytes().all(|b| b.is_ascii_alphabetic()))?;
        let rest = head.get(6..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (transaction, part) = rest.split_at(digits);
        let leads = transaction.len() > 1 && transaction.starts_with('0');
        let part = match part.as_bytes() {
            [] => None,
            [this, last] if part.bytes().all(|b| b.is_ascii_alphabetic()) => Some((number(*this), number(*last))),
            _ => return None,
        };
        let fits = (1..=3).contains(&digits) && !leads;
        fits.then_some(Self { version, code, transaction, part, length: head.len() })
    }
}

fn number(letter: u8) -> u8 {
    letter.to_ascii_lowercase() - b'a' + 1
}

/// Reads parameters one by one.
pub(super) struct Scanner<'s> {
    text: &'s str,
    at: usize,
    /// Where the text stands in the source.
    offset: usize,
    depth: usize,
    /// Values that may still come.
    left: usize,
}

impl<'s> Scanner<'s> {
    /// Begins at octet `at` of a text that stands at `offset` of the source.
    pub(super) fn new(text: &'s str, at: usize, offset: usize, depth: usize, most: usize) -> Self {
        Self { text, at, offset, depth, left: most }
    }

    /// Returns the next parameter; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Parameter<'s>>, Fault> {
        let start = self.at;
        while self.take(' ') {}
        let from = self.at;
        if from == self.text.len() {
            return Ok(None);
        }
        if from == start {
            return Err(self.form("there is no space between two parameters"));
        }
        let code = self.text.get(from..from + 2).filter(|code| code.bytes().all(|b| b.is_ascii_alphabetic()));
        let code = code.ok_or_else(|| self.form("a parameter begins with two letters"))?;
        self.at += 2;
        let value = if self.take('=') { self.value(0)? } else { Value::Group(Vec::new()) };
        let span = Span::new(self.offset + from, self.offset + self.at);
        Ok(Some(Parameter { code, value, span }))
    }

    fn value(&mut self, depth: usize) -> Result<Value<'s>, Fault> {
        self.left =
            self.left.checked_sub(1).ok_or_else(|| self.limit("the message has more values than any real one"))?;
        if self.take('"') {
            return self.quoted().map(Value::Text);
        }
        if !self.take('(') {
            let rest = &self.text[self.at..];
            // A shipped client does not quote the values of presence attributes: in a group only these end one.
            let ends: &[char] = if depth > 0 { &[',', '(', ')'] } else { SPECIAL };
            let bare = &rest[..rest.find(ends).unwrap_or(rest.len())];
            self.at += bare.len();
            return Ok(Value::Text(Cow::Borrowed(bare)));
        }
        if depth >= self.depth {
            return Err(self.limit("groups are nested deeper than in any real message"));
        }
        let mut members = vec![self.value(depth + 1)?];
        while self.take(',') {
            members.push(self.value(depth + 1)?);
        }
        if self.take(')') { Ok(Value::Group(members)) } else { Err(self.form("a parenthesis is not closed")) }
    }

    fn quoted(&mut self) -> Result<Cow<'s, str>, Fault> {
        let from = self.at;
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('"').ok_or_else(|| self.form("a quote is not closed"))?;
            self.at += end + 1;
            if !self.take('"') {
                let inner = &self.text[from..self.at - 1];
                return Ok(if inner.contains('"') { Cow::Owned(inner.replace("\"\"", "\"")) } else { inner.into() });
            }
        }
    }

    fn take(&mut self, what: char) -> bool {
        let is_next = self.text[self.at..].starts_with(what);
        self.at += if is_next { what.len_utf8() } else { 0 };
        is_next
    }

    fn form(&self, what: &'static str) -> Fault {
        Fault::Form(self.offset + self.at, what)
    }

    fn limit(&self, what: &'static str) -> Fault {
        Fault::Limit(self.offset + self.at, what)
    }
}

impl Value<'_> {
    /// Writes the value at the end of `out`.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Value::Text(text) if text.contains(SPECIAL) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Value::Text(text) => out.push_str(text),
            Value::Group(members) => {
                out.push('(');
                for (index, member) in members.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    member.write(out);
                }
                out.push(')');
            }
        }
    }
}
