//! Reading the audit log: is the chain whole, and which lines are wanted?

use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{MOST_LINE, SCHEMA, START, What, hex};
use crate::batch::store::Timestamp;

/// A line of the log, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line<'l> {
    /// [`SCHEMA`].
    #[serde(borrow)]
    pub schema: Cow<'l, str>,
    /// When, by RFC 3339, in UTC.
    #[serde(borrow)]
    pub time: Cow<'l, str>,
    /// Who.
    #[serde(borrow)]
    pub who: Cow<'l, str>,
    /// What was done: a word of [`What`], or one of a later version.
    #[serde(borrow)]
    pub what: Cow<'l, str>,
    /// To what or whom, its kind before it: `msisdn:46701234567`.
    #[serde(borrow)]
    pub object: Cow<'l, str>,
    /// The SHA-256 of the document that was sent, in hexadecimal digits.
    pub document_sha256: Option<Cow<'l, str>>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Cow<'l, str>>,
    /// The ticket that it was done for.
    pub ticket: Option<Cow<'l, str>>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'l, str>>,
    /// The SHA-256 of the line before, in hexadecimal digits.
    #[serde(borrow)]
    pub prev: Cow<'l, str>,
}

impl<'l> Line<'l> {
    /// Reads a line without its end; `None` where it is none of an audit log.
    pub fn read(octets: &'l [u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(octets).ok().filter(|line| line.schema == SCHEMA)
    }

    /// Returns when it was, in seconds since 1970.
    pub fn seconds(&self) -> Option<Timestamp> {
        OffsetDateTime::parse(&self.time, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
    }
}

/// Which lines are wanted: those that fit everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this moment, in seconds since 1970.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Who, with or without `os:` or `token:`.
    pub who: Option<String>,
    /// The number of a subscriber, without `+`.
    pub msisdn: Option<u64>,
    /// The ticket.
    pub ticket: Option<String>,
}

impl Filter {
    /// Returns whether a line fits.
    pub fn takes(&self, line: &Line<'_>) -> bool {
        let name = line.who.split_once(':').map_or(&*line.who, |(_, name)| name);
        let seconds = || line.seconds().unwrap_or_default();
        self.since.is_none_or(|since| seconds() >= since)
            && self.until.is_none_or(|until| seconds() < until)
            && self.who.as_ref().is_none_or(|who| *who == line.who || who == name)
            && self.msisdn.is_none_or(|number| line.object.strip_prefix("msisdn:") == Some(&number.to_string()))
            && self.ticket.as_deref().is_none_or(|ticket| line.ticket.as_deref() == Some(ticket))
    }
}

/// What is to be said of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Lines up to the end or the first that is wrong.
    pub lines: u64,
    /// Lines that were cut off while they were written, each with the next saying so.
    pub torn: u64,
    /// The SHA-256 of the last line, if none is wrong: to be noted elsewhere.
    pub last: String,
    /// The first line that is wrong.
    pub wrong: Option<Wrong>,
}

/// The first line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Follows the chain of a log to its end or to the first line that is wrong. Holds one line in memory.
///
/// # Errors
///
/// Fails where the log cannot be read.
pub fn verify(log: impl BufRead) -> io::Result<Verdict> {
    let mut chain = Chain::default();
    let (mut lines, mut wrong) = (0, None);
    each_line(log, |octets, is_whole| {
        lines += 1;
        wrong = chain.add(lines, octets, is_whole).err();
        wrong.is_none()
    })?;
    let wrong = wrong.or_else(|| chain.unread.map(Wrong::no_line));
    Ok(Verdict { lines, torn: chain.torn, last: chain.hash(), wrong })
}

/// Calls `take` for each line of a log that is wanted, with the line as it is written; stops when it says so. Returns how
/// many lines were read, and how many of them are none and not known to be torn: [`verify`] tells of them.
///
/// # Errors
///
/// Fails where the log cannot be read.
pub fn show(
    log: impl BufRead,
    filter: &Filter,
    mut take: impl FnMut(&[u8], &Line<'_>) -> bool,
) -> io::Result<(u64, u64)> {
    let (mut lines, mut others) = (0, 0_u64);
    each_line(log, |octets, _| {
        lines += 1;
        let line = Line::read(octets);
        match &line {
            None => others += 1,
            // It vouches for the one before it.
            Some(line) if line.what == What::Torn.as_str() => others = others.saturating_sub(1),
            Some(_) => {}
        }
        line.filter(|line| filter.takes(line)).is_none_or(|line| take(octets, &line))
    })?;
    Ok((lines, others))
}

/// A chain as far as it was followed.
#[derive(Default)]
struct Chain {
    /// The hash of the last line that is one, and of all lines behind it; none before the first line.
    before: Option<Sha256>,
    /// The number of the first of the lines before that are none: the next one has to say that it was torn.
    unread: Option<u64>,
    torn: u64,
}

impl Chain {
    fn add(&mut self, number: u64, octets: &[u8], is_whole: bool) -> Result<(), Wrong> {
        let line = Line::read(octets);
        let is_torn = line.as_ref().is_some_and(|line| line.what == What::Torn.as_str());
        if let Some(unread) = self.unread.filter(|_| line.is_some() && !is_torn) {
            return Err(Wrong::no_line(unread));
        }
        if !is_whole {
            let what = "it is torn: whoever wrote it was stopped; the next line that is written will say so";
            return Err(Wrong { line: self.unread.unwrap_or(number), what: what.to_owned() });
        }
        let Some(line) = line else {
            self.unread.get_or_insert(number);
            self.before = Some(match self.before.take() {
                Some(before) => before.chain_update(b"\n").chain_update(octets),
                None => Sha256::new_with_prefix(octets),
            });
            return Ok(());
        };
        if line.prev != self.hash() {
            return Err(Wrong::break_at(number));
        }
        self.torn += u64::from(is_torn);
        self.unread = None;
        self.before = Some(Sha256::new_with_prefix(octets));
        Ok(())
    }

    /// Returns what the next line has to name.
    fn hash(&self) -> String {
        hex(&self.before.clone().map_or(START, |hash| hash.finalize().into()))
    }
}

impl Wrong {
    fn break_at(line: u64) -> Self {
        let what = match line - 1 {
            0 => "it is not the first line that was written: lines before it are gone".to_owned(),
            before => format!("it does not follow line {before}: one was changed, or lines between them are gone"),
        };
        Self { line, what }
    }

    fn no_line(line: u64) -> Self {
        Self { line, what: "it is no line of an audit log".to_owned() }
    }
}

/// Calls `take` for each line, without its end, and whether it was written to its end; stops when it says so. Of a
/// line that is too long to be one of ours only the beginning is given.
fn each_line(mut log: impl BufRead, mut take: impl FnMut(&[u8], bool) -> bool) -> io::Result<()> {
    let mut octets = Vec::new();
    loop {
        octets.clear();
        if (&mut log).take(MOST_LINE as u64).read_until(b'\n', &mut octets)? == 0 {
            return Ok(());
        }
        let has_end = octets.pop_if(|octet| *octet == b'\n').is_some();
        let is_long = !has_end && octets.len() == MOST_LINE;
        if is_long {
            log.skip_until(b'\n')?;
        }
        if !take(&octets, has_end || is_long) {
            return Ok(());
        }
    }
}
