//! The audit log: who sent which document to whom, and who changed what (`product.md` section 8.6).
//!
//! A JSON object a line; each line holds the SHA-256 of the line before it, without its line end, so that a line that
//! is changed, put in or taken out breaks the chain behind it. [`verify`] finds the place, and so do `sha256sum` and a
//! few lines of script. What a chain cannot show is that its last lines are gone: note the hash of the last line, which
//! [`verify`] tells, elsewhere.
//!
//! Whoever writes a line may be stopped before its end. The next line then has the word `torn`, and its hash is over the
//! last line that is whole and all that follows it, line ends between them.
//!
//! A send is written down when its outcome is known, and before the store records it: what a crash leaves between the two
//! is in the log before it is sent again, as `unknown`.
//!
//! The log keeps whole numbers, whatever `[privacy]` says: it is the evidence. Its file is made for its owner alone.

mod read;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use read::{Filter, Line, Verdict, Wrong, show, verify};

use super::store::Timestamp;
use crate::document::{LOWER_HEX, put_hex};
use crate::error::{Error, Result};

/// The schema that each line names.
pub const SCHEMA: &str = "impskit.audit/1";

/// Longest line in octets, its end included: a longer one is not written, and is none when read.
pub const MOST_LINE: usize = 16 << 10;

/// SHA-256 of a line.
type Hash = [u8; 32];

/// What the first line of a file names as the one before it.
const START: Hash = [0; 32];

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A document was handed to a route; the line says what came of it.
    Send,
    /// Handsets were put back to be sent again.
    Retry,
    /// A stage of a campaign was allowed to start.
    Approve,
    /// A campaign was cancelled.
    Cancel,
    /// An account of the server was made, changed or deleted.
    UserChange,
    /// A group of the server was made or deleted by who runs it.
    GroupChange,
    /// A system message of the server was posted or taken back.
    SystemMessageChange,
    /// A trace of a user was started.
    TraceStart,
    /// A secret was printed.
    SecretPrint,
    /// The line before this one was cut off while it was written; [`Audit`] writes this one by itself.
    Torn,
}

impl What {
    /// All of them, in the order of the list above.
    pub const ALL: [Self; 10] = [
        Self::Send,
        Self::Retry,
        Self::Approve,
        Self::Cancel,
        Self::UserChange,
        Self::GroupChange,
        Self::SystemMessageChange,
        Self::TraceStart,
        Self::SecretPrint,
        Self::Torn,
    ];

    /// Returns the word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Retry => "retry",
            Self::Approve => "approve",
            Self::Cancel => "cancel",
            Self::UserChange => "user-change",
            Self::GroupChange => "group-change",
            Self::SystemMessageChange => "system-message-change",
            Self::TraceStart => "trace-start",
            Self::SecretPrint => "secret-print",
            Self::Torn => "torn",
        }
    }
}

/// What something was done to; in the log its kind stands before it: `msisdn:46701234567`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'o> {
    /// A subscriber, by the international number without `+`.
    Msisdn(u64),
    /// A campaign, by its name.
    Campaign(&'o str),
    /// A user of the server, by its address.
    User(&'o str),
    /// A group of the server, by its address.
    Group(&'o str),
    /// A system message of the server, by its name.
    SystemMessage(&'o str),
    /// A file, by its name.
    File(&'o str),
    /// A document, by its SHA-256.
    Document([u8; 32]),
}

impl Object<'_> {
    fn write(self) -> String {
        match self {
            Self::Msisdn(number) => format!("msisdn:{number}"),
            Self::Campaign(name) => format!("campaign:{name}"),
            Self::User(address) => format!("user:{address}"),
            Self::Group(address) => format!("group:{address}"),
            Self::SystemMessage(name) => format!("system-message:{name}"),
            Self::File(name) => format!("file:{name}"),
            Self::Document(hash) => format!("document:{}", hex(&hash)),
        }
    }
}

/// What is to be a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'e> {
    /// When, in seconds since 1970.
    pub time: Timestamp,
    /// Who: `os:NAME` for a user of the system, `token:NAME` for one of the server's API.
    pub who: &'e str,
    /// What was done.
    pub what: What,
    /// To what or whom.
    pub object: Object<'e>,
    /// The SHA-256 of the document that was sent.
    pub document: Option<[u8; 32]>,
    /// What came of it: `submitted`, `refused: CODE`, or `unknown: CODE`.
    pub outcome: Option<&'e str>,
    /// The ticket that it was done for, from `--ticket`.
    pub ticket: Option<&'e str>,
    /// What else is to be known: campaign, route, the reason that was given. No secret.
    pub note: Option<&'e str>,
}

/// What was done to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<'d> {
    /// To what or whom.
    pub object: Object<'d>,
    /// The SHA-256 of the document that was sent.
    pub document: Option<[u8; 32]>,
    /// What came of it.
    pub outcome: Option<String>,
}

/// An audit log with what all lines of a process have in common; threads share it.
#[derive(Debug)]
pub struct Trail {
    log: Mutex<Audit>,
    who: String,
    ticket: Option<String>,
    reason: Option<String>,
}

impl Trail {
    /// Returns a trail into `log` of what `who` does, for a ticket if there is one; as in [`Entry`].
    pub fn new(log: Audit, who: String, ticket: Option<String>) -> Self {
        Self { log: Mutex::new(log), who, ticket, reason: None }
    }

    /// Adds `reason` to the note of every line.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// Adds a line for each object, with a note.
    ///
    /// # Errors
    ///
    /// As [`Audit::append`]: what is not in the log must not be recorded as done.
    pub fn add<'e>(
        &self,
        time: Timestamp,
        what: What,
        done: impl Iterator<Item = Done<'e>>,
        note: Option<&str>,
    ) -> Result<()> {
        let (who, ticket) = (self.who.as_str(), self.ticket.as_deref());
        let note = match (note, &self.reason) {
            (Some(note), Some(reason)) => Some(format!("{note}: {reason}")),
            (note, reason) => note.map(str::to_owned).or(reason.clone()),
        };
        let note = note.as_deref();
        let done: Vec<_> = done.collect();
        let entries: Vec<_> = done
            .iter()
            .map(|Done { object, document, outcome }| {
                let (object, document, outcome) = (*object, *document, outcome.as_deref());
                Entry { time, who, what, object, document, outcome, ticket, note }
            })
            .collect();
        self.log.lock().unwrap_or_else(PoisonError::into_inner).append(&entries)
    }
}

/// An audit log that lines are added to. Several processes may have one file open: each write takes the file's lock.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: File,
    /// How long the file was after our last write, and the hash of the line that it ended with.
    end: Option<(u64, Hash)>,
    moment: Moment,
}

impl Audit {
    /// Opens the log at `path`; where there is none, makes one that only its owner may read.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be opened for reading and writing, or holds something else than an audit log.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| Error::file(path, &error))?;
        let audit = Self { path: path.to_owned(), file, end: None, moment: Moment::default() };
        audit.check_beginning()?;
        Ok(audit)
    }

    /// Adds a line an entry, all in one write. Lines of other processes stand before or behind them, never between.
    ///
    /// What was written survives the end of the process, not that of the machine: it is handed to the system, and not
    /// waited for.
    ///
    /// # Errors
    ///
    /// Fails where a line is longer than [`MOST_LINE`], the file cannot be written, or its end is that of no audit
    /// log; then none of the lines is in it.
    pub fn append(&mut self, entries: &[Entry<'_>]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.file.lock().map_err(|error| Error::file(&self.path, &error))?;
        let outcome = self.append_locked(entries);
        // The lock also ends with the file, and there is nothing else to be done.
        let _ = self.file.unlock();
        outcome
    }

    fn append_locked(&mut self, entries: &[Entry<'_>]) -> Result<()> {
        let failed = |error: &std::io::Error| Error::file(&self.path, error);
        let length = self.file.metadata().map_err(|error| failed(&error))?.len();
        let mut lines = Vec::with_capacity(entries.len() * 384);
        let mut hash = match self.end {
            Some((known, hash)) if known == length => hash,
            _ => {
                let end = self.read_end(length)?;
                lines.extend((!end.has_end).then_some(b'\n'));
                if end.is_whole { end.hash } else { self.put_torn(&entries[0], end.hash, &mut lines)? }
            }
        };
        for entry in entries {
            hash = self.put(entry, hash, &mut lines)?;
        }
        if let Err(error) = self.file.write_all(&lines) {
            // A disk that is full takes a part: what can be taken back is.
            let _ = self.file.set_len(length);
            return Err(Error::file(&self.path, &error));
        }
        self.end = Some((length + lines.len() as u64, hash));
        Ok(())
    }

    /// Writes a line that says that there is one before it which is none; the rest is that of `entry`.
    fn put_torn(&mut self, entry: &Entry<'_>, before: Hash, lines: &mut Vec<u8>) -> Result<Hash> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let object = Object::File(&name);
        let torn =
            Entry { what: What::Torn, object, document: None, outcome: None, ticket: None, note: None, ..*entry };
        self.put(&torn, before, lines)
    }

    /// Writes the line of an entry behind `lines`, and returns its hash.
    fn put(&mut self, entry: &Entry<'_>, before: Hash, lines: &mut Vec<u8>) -> Result<Hash> {
        let start = lines.len();
        let line = Line {
            schema: SCHEMA.into(),
            time: self.moment.rfc3339(entry.time).into(),
            who: entry.who.into(),
            what: entry.what.as_str().into(),
            object: entry.object.write().into(),
            document_sha256: entry.document.as_ref().map(|hash| hex(hash).into()),
            outcome: entry.outcome.map(Into::into),
            ticket: entry.ticket.map(Into::into),
            note: entry.note.map(Into::into),
            prev: hex(&before).into(),
        };
        // Neither strings nor memory can fail.
        line.serialize(&mut serde_json::Serializer::new(&mut *lines))
            .map_err(|error| Error::input(error.to_string()))?;
        let octets = lines.len() - start;
        if octets >= MOST_LINE {
            let what = format!("a line of the audit log would have {octets} octets, {MOST_LINE} are the most");
            return Err(Error::input(what).at(self.path.display().to_string()));
        }
        let hash = Sha256::digest(&lines[start..]).into();
        lines.push(b'\n');
        Ok(hash)
    }

    /// Reads how the file of so many octets ends.
    fn read_end(&self, length: u64) -> Result<End> {
        let window = length.min(4 * MOST_LINE as u64);
        let mut octets = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(length - window))
            .and_then(|_| file.take(window).read_to_end(&mut octets))
            .map_err(|error| Error::file(&self.path, &error))?;
        let has_end = octets.pop_if(|octet| *octet == b'\n').is_some();
        // From the last line that is whole, in case that what comes behind it is not.
        let mut start = octets.len();
        let is_whole = loop {
            let end = start;
            start = octets[..end].iter().rposition(|octet| *octet == b'\n').map_or(0, |end_before| end_before + 1);
            match start {
                _ if Line::read(&octets[start..end]).is_some() => break end == octets.len(),
                0 if window == length => break length == 0,
                0 => return Err(self.is_none()),
                _ => start -= 1,
            }
        };
        let hash = if length == 0 { START } else { Sha256::digest(&octets[start..]).into() };
        Ok(End { hash, has_end: has_end || length == 0, is_whole })
    }

    /// Refuses to write behind something else.
    fn check_beginning(&self) -> Result<()> {
        let wanted = format!("{{\"schema\":\"{SCHEMA}\",");
        let mut found = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.take(wanted.len() as u64).read_to_end(&mut found))
            .map_err(|error| Error::file(&self.path, &error))?;
        match wanted.as_bytes().starts_with(&found) {
            true => Ok(()),
            false => Err(self.is_none()),
        }
    }

    fn is_none(&self) -> Error {
        let error = Error::input("this is no audit log").at(self.path.display().to_string());
        error.help("name another file in `[audit] file`, or move this one away")
    }
}

/// How a file ends.
struct End {
    /// The hash of the last line that is whole and all that follows it.
    hash: Hash,
    /// Whether the last line has its line end.
    has_end: bool,
    /// Whether the last line is one.
    is_whole: bool,
}

/// The last moment that was written: most lines are of the same second as the one before.
#[derive(Debug, Default)]
struct Moment {
    seconds: Timestamp,
    text: String,
}

impl Moment {
    fn rfc3339(&mut self, seconds: Timestamp) -> String {
        if self.text.is_empty() || self.seconds != seconds {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            self.seconds = seconds;
            self.text = moment.format(&Rfc3339).unwrap_or_default();
        }
        self.text.clone()
    }
}

fn hex(hash: &Hash) -> String {
    let mut digits = Vec::new();
    put_hex(hash, LOWER_HEX, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests;
