//! `build --rows`: a JSON object a line for every row of a table, in the table's order, in memory that does not grow.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;

use impskit::batch::pipeline::in_order;
use impskit::delivery::Outgoing;
use impskit::delivery::TOO_MANY_PARTS;
use impskit::diagnose::{Report, Source};
use impskit::document::{LOWER_HEX, put_hex};
use impskit::error::{Error, Result};
use impskit::provision::rows::{self, Header, Names, Row, Table};
use impskit::provision::{Compiled, Filled, Profile};

use super::build::{Maker, is_sound};
use super::form::{Form, Made};
use super::ui::{Output, Stream, private};
use super::{Outcome, Ui};

/// Where rows come from and where results go.
#[derive(Debug)]
pub(super) struct Files<'o> {
    pub(super) rows: &'o Path,
    pub(super) delimiter: u8,
    pub(super) reject: Option<&'o Path>,
    pub(super) output: &'o Output,
}

/// Rows that one worker takes at a time.
const CHUNK: usize = 256;
/// Rejected rows that are told on stderr where there is no file for them.
const MOST_TOLD: u64 = 10;

/// What a worker made of its rows.
struct Built {
    lines: Vec<u8>,
    rejected: Vec<Rejected>,
}

struct Rejected {
    row: Row,
    code: &'static str,
    message: String,
}

pub(super) fn run(maker: &Maker<'_>, profile: &Profile, files: &Files<'_>, ui: &mut Ui) -> Result<Outcome> {
    let Some(mut table) = open(profile, files, ui)? else { return Ok(Outcome::NotGood) };
    let names: Vec<String> = table.header().names().map(str::to_owned).collect();
    let header: Vec<&str> = names.iter().map(String::as_str).collect();
    let compiled = maker.compile(profile, &header)?;
    if let Some(name) = compiled.missing().first() {
        return Err(Error::input(format!("the profile uses `{name}`, and the table has no such column"))
            .at(files.rows.display().to_string())
            .help("add the column, or map another to it in the profile's [columns]"));
    }
    if maker.form.is_sealed() {
        maker.seal.method(profile.security)?;
    }
    let mut sink = Sink::open(files, table.header())?;
    let is_closed = Cell::new(false);
    let mut first = First::Unknown;
    let source = || {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK && !is_closed.get() {
            let Some(row) = table.next_row()? else { break };
            if first == First::Unknown {
                first = look_at_first(&row, maker, &compiled, ui)?;
            }
            if first == First::Unsound {
                break;
            }
            chunk.push(row);
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let work = |chunk: Vec<Row>| build(chunk, maker, &compiled, !profile.own_table);
    in_order(workers, source, work, |built| {
        is_closed.set(sink.take(&built)?);
        Ok(())
    })?;
    match first {
        First::Unsound => Ok(Outcome::NotGood),
        First::Lossy => sink.finish(files, ui).map(|_| Outcome::NotGood),
        _ => sink.finish(files, ui),
    }
}

fn open(profile: &Profile, files: &Files<'_>, ui: &mut Ui) -> Result<Option<Table<Box<dyn io::Read>>>> {
    let is_stdin = files.rows == Path::new("-");
    let input: Box<dyn io::Read> = if is_stdin {
        Box::new(io::stdin())
    } else {
        Box::new(io::BufReader::new(fs::File::open(files.rows).map_err(|error| Error::file(files.rows, &error))?))
    };
    let names = if profile.own_table { Names::Theirs } else { Names::Ours };
    let mut report = Report::new();
    let table = Table::open(input, files.delimiter, names, &mut report)?;
    if !report.diagnostics().is_empty() {
        // What was read from stdin is gone; the findings say what was there.
        let octets = if is_stdin { Vec::new() } else { fs::read(files.rows).unwrap_or_default() };
        let source = Source::new(files.rows.display().to_string(), octets);
        ui.findings(&source, &report);
    }
    Ok(table)
}

/// What the first row that can be filled says of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// There was none yet.
    Unknown,
    /// Its document is as it should be.
    Sound,
    /// The handset has no place for a part of it, which was told.
    Lossy,
    /// Its document breaks a rule, which was told.
    Unsound,
}

/// Checks the whole document of the first row: what is wrong with it, or lost of it, is so because of the profile.
fn look_at_first(row: &Row, maker: &Maker<'_>, compiled: &Compiled, ui: &mut Ui) -> Result<First> {
    let cell = |place| row.cell(place).unwrap_or_default();
    let Ok(filled) = compiled.fill(&cell, maker.model(), &mut Vec::new()) else { return Ok(First::Unknown) };
    if !is_sound(&filled, ui) {
        return Ok(First::Unsound);
    }
    Ok(if maker.tell_lost(&filled, ui)? { First::Lossy } else { First::Sound })
}

fn build(chunk: Vec<Row>, maker: &Maker<'_>, compiled: &Compiled, is_ours: bool) -> Built {
    let mut built = Built { lines: Vec::with_capacity(chunk.len() * 1024), rejected: Vec::new() };
    let (mut document, mut outgoing) = (Vec::new(), Outgoing::new());
    for row in chunk {
        document.clear();
        match line(&row, maker, compiled, is_ours, &mut document, &mut outgoing, &mut built.lines) {
            Ok(()) => {}
            Err((code, message)) => built.rejected.push(Rejected { row, code, message }),
        }
    }
    built
}

/// Appends the object of one row; on a fault nothing is appended.
fn line(
    row: &Row,
    maker: &Maker<'_>,
    compiled: &Compiled,
    is_ours: bool,
    document: &mut Vec<u8>,
    outgoing: &mut Outgoing,
    lines: &mut Vec<u8>,
) -> std::result::Result<(), (&'static str, String)> {
    let mut report = Report::new();
    row.check(if is_ours { &[("msisdn", "every row needs it")] } else { &[] }, &mut report);
    if let Some(finding) = report.diagnostics().first() {
        return Err((finding.rule.code, finding.message.clone()));
    }
    let cell = |place| row.cell(place).unwrap_or_default();
    let filled = compiled.fill(&cell, maker.model(), document).map_err(|bad| (bad.rule.code, bad.message))?;
    if matches!(maker.form, Form::Sms | Form::Pap) && filled.handset.msisdn.is_empty() {
        return Err((rows::MISSING_VALUE.code, "`msisdn` is empty, but a message needs it".to_owned()));
    }
    let length = lines.len();
    head(row, &filled, maker, lines);
    outgoing.adopt(&[]);
    data(maker, &filled, document, outgoing, lines).map_err(|error| {
        lines.truncate(length);
        // What comes before the push is the key, what comes after it are the parts.
        (if outgoing.push().is_empty() { rows::MISSING_VALUE.code } else { TOO_MANY_PARTS.code }, error.what)
    })?;
    lines.extend_from_slice(b"}\n");
    Ok(())
}

fn head(row: &Row, filled: &Filled<'_>, maker: &Maker<'_>, lines: &mut Vec<u8>) {
    let msisdn = match filled.handset.msisdn.as_ref() {
        "" => "null".to_owned(),
        digits => format!("\"{digits}\""),
    };
    let (line, form) = (row.line, maker.form.name());
    let start =
        format!("{{\"schema\":\"impskit.built/1\",\"line\":{line},\"msisdn\":{msisdn},\"form\":\"{form}\",\"data\":");
    lines.extend_from_slice(start.as_bytes());
}

/// Appends what was made: text forms as a string, binary ones in hexadecimal, PDUs as a list.
fn data(
    maker: &Maker<'_>,
    filled: &Filled<'_>,
    document: &[u8],
    outgoing: &mut Outgoing,
    lines: &mut Vec<u8>,
) -> Result<()> {
    let is_bootstrap = maker.bootstrap.is_some();
    match maker.form {
        // The usual forms without a copy.
        Form::CpWbxml if !is_bootstrap => put_quoted(document, lines),
        Form::Push if !is_bootstrap => {
            maker.deliver(filled, document, outgoing)?;
            put_quoted(outgoing.push(), lines);
        }
        Form::Sms if !is_bootstrap && maker.sms.is_plain() => {
            maker.deliver(filled, document, outgoing)?;
            for (place, pdu) in outgoing.pdus().enumerate() {
                lines.push(if place == 0 { b'[' } else { b',' });
                put_quoted(pdu, lines);
            }
            lines.push(b']');
        }
        _ => match maker.make(filled, document, outgoing)? {
            Made::Text(text) => lines.extend(serde_json::to_vec(&String::from_utf8_lossy(&text)).unwrap_or_default()),
            Made::Binary(octets) => put_quoted(&octets, lines),
            Made::Posted(posted) => put_quoted(&posted.body, lines),
            Made::Lines(texts) => lines.extend(serde_json::to_vec(&texts).unwrap_or_default()),
        },
    }
    Ok(())
}

fn put_quoted(octets: &[u8], lines: &mut Vec<u8>) {
    lines.push(b'"');
    put_hex(octets, LOWER_HEX, lines);
    lines.push(b'"');
}

/// Where results and rejected rows go.
struct Sink {
    stream: Stream,
    reject: Option<io::BufWriter<fs::File>>,
    rejected: u64,
    told: Vec<String>,
}

impl Sink {
    fn open(files: &Files<'_>, header: &Header) -> Result<Self> {
        let reject = match files.reject {
            None => None,
            Some(path) => {
                let file = private(path, fs::OpenOptions::new().create_new(true))
                    .map_err(|error| Error::file(path, &error).help("name another file, or remove this one"))?;
                let mut writer = io::BufWriter::new(file);
                writer.write_all(&header.reject_line()).map_err(|error| Error::file(path, &error))?;
                Some(writer)
            }
        };
        Ok(Self { stream: Stream::open(files.output)?, reject, rejected: 0, told: Vec::new() })
    }

    /// Takes what a worker made; returns whether nobody reads any more.
    fn take(&mut self, built: &Built) -> Result<bool> {
        for rejected in &built.rejected {
            self.rejected += 1;
            let Rejected { row, code, message } = rejected;
            match &mut self.reject {
                Some(writer) => {
                    let line = row.reject_line(code, message);
                    writer.write_all(&line).map_err(|error| Error::input(error.to_string()).at("--reject"))?;
                }
                None if self.rejected <= MOST_TOLD => self.told.push(format!("line {}: {code} {message}", row.line)),
                None => {}
            }
        }
        Ok(!self.stream.write(&built.lines)?)
    }

    fn finish(mut self, files: &Files<'_>, ui: &mut Ui) -> Result<Outcome> {
        if let Some(writer) = &mut self.reject {
            writer.flush().map_err(|error| Error::file(files.reject.unwrap_or(files.rows), &error))?;
        }
        self.stream.finish()?;
        if self.rejected == 0 {
            return Ok(Outcome::Good);
        }
        self.told.iter().for_each(|line| ui.say(line));
        let place = match files.reject {
            Some(path) => format!("see {}", path.display()),
            None => "`--reject FILE` keeps them".to_owned(),
        };
        ui.say(&format!("rejected {} rows: {place}", self.rejected));
        Ok(Outcome::Partly)
    }
}
