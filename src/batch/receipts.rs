//! Receipts from a file: what a gateway wrote down of the messages that it took, as CSV or as lines of JSON
//! (`product.md` section 3.8).
//!
//! A line tells of a message (`id`, `state`, `code`, `time`) or, with the state `confirmed`, of a client that logged in
//! (`msisdn` or `user`, `client`, `time`). A line that is wrong is told and left out; the others count.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::route::{Fate, MessageIds, Receipt};
use super::store::{Login, State, Store, Timestamp};
use super::units::{DAY, instant};
use crate::delivery::smpp::MessageState;
use crate::diagnose::Report;
use crate::error::{Error, Result};
use crate::provision::rows::{Names, Row, Table};

/// Lines that go into the store together.
const GROUP: usize = 1000;
/// Longest line of JSON in octets.
const MOST_LINE: u64 = 64 << 10;
/// Longest name, code or word in octets.
const MOST_WORD: usize = 255;

/// How a file of receipts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table with a header, cells separated by this octet.
    Csv(u8),
    /// An object a line.
    Jsonl,
}

/// Where receipts belong.
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    /// The campaign, for those who logged in.
    pub campaign: &'t str,
    /// The route that the messages went by.
    pub route: &'t str,
    /// How its gateway writes names of messages.
    pub ids: MessageIds,
    /// What time it is.
    pub now: Timestamp,
}

/// What a file of receipts came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that were read, without a header.
    pub lines: u64,
    /// Receipts for messages that are known.
    pub matched: u64,
    /// Receipts for names that nobody knows: they are kept for a week.
    pub unknown: u64,
    /// Receipts that said nothing new: repeated, or for an attempt that is over.
    pub idle: u64,
    /// Receipts that say that a message is still on its way.
    pub pending: u64,
    /// Logins of handsets that are not of the campaign, were not sent anything before, or are confirmed already.
    pub unconfirmed: u64,
    /// Handsets that came to another state, by it.
    pub changed: BTreeMap<State, u64>,
    /// Lines that are wrong.
    pub wrong: u64,
}

/// Takes the receipts in `input` into the store, and tells each line that is wrong.
///
/// # Errors
///
/// Fails when the input has no usable header or cannot be read, and when the store cannot be written. Whatever was taken
/// in before stays; taking the same file in again changes nothing more.
pub fn import(
    store: &mut Store,
    target: &Target<'_>,
    (input, form): (Box<dyn Read>, Form),
    wrong: &mut dyn FnMut(u64, &str),
) -> Result<Imported> {
    let mut lines = Lines::open(input, form)?;
    let mut batch = Batch { store, target, receipts: Vec::new(), logins: Vec::new(), sums: Imported::default() };
    while let Some((line, fields)) = lines.next()? {
        batch.sums.lines += 1;
        if let Err(what) = fields.and_then(|fields| batch.add(&fields)) {
            batch.sums.wrong += 1;
            wrong(line, &what);
        }
        if batch.receipts.len() + batch.logins.len() >= GROUP {
            batch.flush()?;
        }
    }
    batch.flush()?;
    Ok(batch.sums)
}

/// What waits to be stored.
struct Batch<'b> {
    store: &'b mut Store,
    target: &'b Target<'b>,
    receipts: Vec<Receipt>,
    logins: Vec<Login>,
    sums: Imported,
}

impl Batch<'_> {
    fn add(&mut self, fields: &Fields) -> std::result::Result<(), String> {
        let word = fields.get("state").ok_or("`state` is empty")?;
        let at = fields.get("time").map(|text| self.time(text)).transpose()?;
        let Some(fate) = fate(word)? else {
            let who = fields.get("msisdn").map(|number| number.trim_start_matches('+')).or(fields.get("user"));
            let who = who.ok_or("a login needs `msisdn` or `user`")?.to_owned();
            let client = fields.get("client").map(str::to_owned);
            self.logins.push(Login { who, client, at: at.unwrap_or(self.target.now) });
            return Ok(());
        };
        let id = self.target.ids.of_receipt(fields.get("id").ok_or("`id` is empty")?);
        self.sums.pending += u64::from(fate == Fate::Pending);
        if fate != Fate::Pending {
            self.receipts.push(Receipt { id, fate, code: Some(code(word, fields.get("code"))), at });
        }
        Ok(())
    }

    fn time(&self, text: &str) -> std::result::Result<Timestamp, String> {
        let at = instant(text).or_else(|| text.parse().ok().filter(|at| *at >= 0));
        let shown = text.escape_debug();
        match at {
            None => Err(format!("`time` is `{shown}`: write `2026-11-23T12:00:00Z`, or seconds since 1970")),
            Some(at) if at > self.target.now + DAY => Err(format!("`time` is `{shown}`, which is still to come")),
            Some(at) => Ok(at),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let Target { campaign, route, now, .. } = *self.target;
        let sums = &mut self.sums;
        if !self.receipts.is_empty() {
            let received = self.store.receive(route, &self.receipts, now)?;
            sums.matched += received.matched;
            sums.unknown += received.unknown;
            sums.idle += received.idle;
            for (_, _, state, _) in received.changed {
                *sums.changed.entry(state).or_default() += 1;
            }
        }
        if !self.logins.is_empty() {
            let confirmed = self.store.confirm_all(campaign, &self.logins)?.into_iter().flatten().count() as u64;
            sums.unconfirmed += self.logins.len() as u64 - confirmed;
            if confirmed > 0 {
                *sums.changed.entry(State::Confirmed).or_default() += confirmed;
            }
        }
        self.receipts.clear();
        self.logins.clear();
        Ok(())
    }
}

/// Returns what a gateway's word means; `None` for a login. The words are those of SMPP 3.4 (appendix B), short or in
/// full, and our own; the numbers are those of Kannel's delivery reports.
fn fate(word: &str) -> std::result::Result<Option<Fate>, String> {
    let fate = match word.to_ascii_lowercase().as_str() {
        "confirmed" | "login" => return Ok(None),
        "1" => Fate::Delivered,
        "failed" | "2" | "16" => Fate::Failed,
        "pending" | "4" | "8" => Fate::Pending,
        _ => match MessageState::of_word(word) {
            Some(state) => Fate::from(state),
            None => {
                let shown = word.escape_debug();
                return Err(format!(
                    "`state` is `{shown}`: write delivered, failed, expired, pending, confirmed, or a word of SMPP"
                ));
            }
        },
    };
    Ok(Some(fate))
}

/// Returns a code for counting: the gateway's word, and its own code behind it.
fn code(word: &str, code: Option<&str>) -> String {
    match code {
        Some(code) if code.contains(':') => code.to_owned(),
        Some(code) => format!("receipt:{word}:{code}"),
        None => format!("receipt:{word}"),
    }
}

/// The fields of a line that mean something, by our name of them.
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    /// Adds what stands in a field; empty ones count as not given.
    fn add(&mut self, name: &str, value: &str) -> std::result::Result<(), String> {
        let (Some(field), value) = (field(name), value.trim()) else { return Ok(()) };
        if value.len() > MOST_WORD || value.contains(char::is_control) {
            return Err(format!("`{field}` is longer than {MOST_WORD} octets, or has control characters"));
        }
        if !value.is_empty() && self.get(field).is_none() {
            self.0.push((field, value.to_owned()));
        }
        Ok(())
    }
}

/// The names of fields, each ours first.
const FIELDS: &[&[&str]] = &[
    &["id", "message_id", "gateway_id"],
    &["state", "status", "stat"],
    &["code", "error", "err"],
    &["time", "at", "done_date"],
    &["msisdn"],
    &["user"],
    &["client", "client_id"],
];

fn field(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase();
    FIELDS.iter().find(|names| names.contains(&name.as_str())).map(|names| names[0])
}

/// A line with its number: its fields, or what is wrong with it.
type Line = (u64, std::result::Result<Fields, String>);

/// Reads line by line; no line is held longer than it is looked at.
enum Lines {
    Csv(Table<Box<dyn Read>>),
    Jsonl { input: BufReader<Box<dyn Read>>, line: u64 },
}

impl Lines {
    fn open(input: Box<dyn Read>, form: Form) -> Result<Self> {
        let Form::Csv(delimiter) = form else { return Ok(Self::Jsonl { input: BufReader::new(input), line: 0 }) };
        let help = "the first line names the columns: `id,state,code,time`, or `msisdn,state,client,time` for logins";
        let mut report = Report::new();
        let Some(table) = Table::open(input, delimiter, Names::Theirs, &mut report)? else {
            let what = report.diagnostics().first().map_or("there is no header", |found| found.message.as_str());
            return Err(Error::input(what).at("line 1").help(help));
        };
        let has = |wanted: &[&str]| table.header().names().filter_map(field).any(|name| wanted.contains(&name));
        if !has(&["state"]) || !has(&["id", "msisdn", "user"]) {
            return Err(Error::input("the first line names no columns of receipts").at("line 1").help(help));
        }
        Ok(Self::Csv(table))
    }

    fn next(&mut self) -> Result<Option<Line>> {
        match self {
            Self::Csv(table) => Ok(table.next_row()?.map(|row| (row.line, of_row(&row)))),
            Self::Jsonl { input, line } => next_object(input, line),
        }
    }
}

fn of_row(row: &Row) -> std::result::Result<Fields, String> {
    let mut fields = Fields(Vec::new());
    if row.cells().count() != row.header().names().count() {
        return Err(format!("it has {} cells, the first line {}", row.cells().count(), row.header().names().count()));
    }
    for (name, value) in row.header().names().zip(row.cells()) {
        fields.add(name, value)?;
    }
    Ok(fields)
}

fn next_object(input: &mut BufReader<Box<dyn Read>>, line: &mut u64) -> Result<Option<Line>> {
    loop {
        let mut octets = Vec::new();
        let unreadable = |error: std::io::Error| Error::input(format!("the receipts cannot be read: {error}"));
        input.by_ref().take(MOST_LINE).read_until(b'\n', &mut octets).map_err(unreadable)?;
        if octets.is_empty() {
            return Ok(None);
        }
        *line += 1;
        if octets.len() as u64 == MOST_LINE && !octets.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(unreadable)?;
            return Ok(Some((*line, Err(format!("it is longer than {} KiB", MOST_LINE >> 10)))));
        }
        if !octets.trim_ascii().is_empty() {
            return Ok(Some((*line, of_object(&octets))));
        }
    }
}

fn of_object(octets: &[u8]) -> std::result::Result<Fields, String> {
    let Ok(Value::Object(object)) = serde_json::from_slice(octets) else { return Err("it is no JSON object".into()) };
    let mut fields = Fields(Vec::new());
    for (name, value) in &object {
        match value {
            Value::String(text) => fields.add(name, text)?,
            Value::Number(number) => fields.add(name, &number.to_string())?,
            _ => {}
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of SMPP 3.4, appendix B, table B-2, and what they come to.
    #[test]
    fn knows_the_words_of_gateways() {
        for (words, expected) in [
            (&["delivered", "DELIVRD", "1", "Delivered"][..], Fate::Delivered),
            (&["UNDELIV", "REJECTD", "DELETED", "failed", "2", "16", "undeliverable"], Fate::Failed),
            (&["EXPIRED", "expired"], Fate::Expired),
            (&["ENROUTE", "ACCEPTD", "UNKNOWN", "4", "8", "pending"], Fate::Pending),
        ] {
            for word in words {
                assert_eq!(fate(word), Ok(Some(expected)), "{word}");
            }
        }
        assert_eq!((fate("confirmed"), fate("LOGIN")), (Ok(None), Ok(None)));
        assert!(fate("fine").is_err() && fate("3").is_err());
        assert_eq!(code("UNDELIV", Some("27")), "receipt:UNDELIV:27");
        assert_eq!(code("2", Some("smpp:0x0B")), "smpp:0x0B");
    }
}
