//! `audit`: who did what, and is the log whole? And how every command writes into it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use impskit::batch::audit::{self, Entry, Filter, Line, Object, Verdict, What};
use impskit::error::{Error, Result};
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::{Format, Outcome, Ui, config};

/// Who sent which document to whom, and who changed what
#[derive(Debug, Args)]
#[command(after_help = "\
The log is the file that `[audit] file` names; it keeps numbers whole, for its owner alone.

Examples:
  impskit audit show --msisdn 46701234567 --since 2026-11-01
  impskit audit verify audit.jsonl")]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Show(Show),
    Verify(Verify),
}

/// Lines of the log, those alone that fit all options
#[derive(Debug, Args)]
#[command(
    name = "show",
    after_help = "\
`--ticket` takes only the lines of one ticket.

Examples:
  impskit audit show --who anna --since 2026-11-23T08:00:00Z --until 2026-11-24
  impskit audit show --ticket CASE-118 --format json audit.jsonl"
)]
struct Show {
    /// The log, `-` for stdin; the configured one where absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Not before a day, or a moment by RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<i64>,
    /// Before a day, or a moment by RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// What somebody did: a user of the system, or the name of a token
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// What was done to a subscriber
    #[arg(long, value_name = "N", value_parser = number)]
    msisdn: Option<u64>,
    #[command(flatten)]
    format: FormatOption,
}

/// Whether a log is whole: each line names the one before it
#[derive(Debug, Args)]
#[command(
    name = "verify",
    after_help = "\
Nothing in a log says that its last lines are gone: keep the hash of the last line elsewhere.

Examples:
  impskit audit verify audit.jsonl
  impskit audit verify audit.jsonl.1 audit.jsonl --format json"
)]
struct Verify {
    /// Logs, `-` for stdin; the configured one where absent
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
}

#[derive(Debug, Args)]
struct FormatOption {
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

impl Audit {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        match &self.command {
            AuditCommand::Show(command) => command.run(ui),
            AuditCommand::Verify(command) => command.run(ui),
        }
    }
}

impl Show {
    fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let path = self.file.clone().map_or_else(|| configured(ui), Ok)?;
        let Self { since, until, who, msisdn, .. } = self;
        let ticket = ui.typed_ticket().map(str::to_owned);
        let filter = Filter { since: *since, until: *until, who: who.clone(), msisdn: *msisdn, ticket };
        let mut outcome = Ok(());
        let take = |octets: &[u8], line: &Line<'_>| {
            outcome = match self.format.format {
                Format::Json => ui.data(&[octets, b"\n"].concat()),
                Format::Text => ui.line(&for_people(line)),
            };
            outcome.is_ok() && !ui.is_closed
        };
        let (lines, others) = audit::show(open(&path)?, &filter, take).map_err(|error| Error::file(&path, &error))?;
        if lines > 0 && lines == others {
            return Err(Error::input("this is no audit log").at(path.display().to_string()));
        }
        if others > 0 {
            ui.say(&format!("note: lines that are none of an audit log: {others}; `impskit audit verify` tells more"));
        }
        outcome.map(|()| Outcome::Good)
    }
}

/// Returns a line as people read it, nothing in it that moves a terminal's cursor.
fn for_people(line: &Line<'_>) -> String {
    let mut text = format!("{}  {}  {}  {}", line.time, line.who, line.what, line.object);
    let rest = [("", &line.outcome), ("ticket ", &line.ticket), ("document ", &line.document_sha256), ("", &line.note)];
    for (name, value) in rest.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))) {
        text += &format!("  {name}{value}");
    }
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

impl Verify {
    fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let files = if self.files.is_empty() { vec![configured(ui)?] } else { self.files.clone() };
        let mut verdicts = Vec::new();
        for path in &files {
            let verdict = audit::verify(open(path)?).map_err(|error| Error::file(path, &error))?;
            if self.format.format == Format::Text {
                ui.line(&told(path, &verdict))?;
            }
            verdicts.push(verdict);
        }
        if self.format.format == Format::Json {
            let one = |(path, verdict): (&PathBuf, &Verdict)| {
                let Verdict { lines, torn, last, wrong } = verdict;
                json!({ "file": path, "lines": lines, "torn": torn, "last": last, "wrong": wrong })
            };
            let files: Vec<_> = files.iter().zip(&verdicts).map(one).collect();
            ui.line(&json!({ "schema": "impskit.audit-verify/1", "files": files }).to_string())?;
        }
        Ok(match verdicts.iter().all(|verdict| verdict.wrong.is_none()) {
            true => Outcome::Good,
            false => Outcome::NotGood,
        })
    }
}

fn told(path: &Path, verdict: &Verdict) -> String {
    let (name, last) = (path.display(), &verdict.last);
    let lines = if verdict.lines == 1 { "1 line".to_owned() } else { format!("{} lines", verdict.lines) };
    match (&verdict.wrong, verdict.torn) {
        (Some(wrong), _) => format!("{name}:{}: {}", wrong.line, wrong.what),
        (None, 0) => format!("{name}: whole, {lines}, the last {last}"),
        (None, torn) => format!("{name}: whole, {lines}, {torn} of them cut off and closed, the last {last}"),
    }
}

/// Returns the log that the configuration names.
fn configured(ui: &Ui) -> Result<PathBuf> {
    ui.configuration()?.audit.file.ok_or_else(|| {
        Error::input("no audit log is configured").help("name the file, or set `file` in `[audit]` of impskit.toml")
    })
}

/// Opens a log up to where it ends now: a line that is being written is not read by half.
fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let length = |file: &File| {
        file.lock_shared()?;
        let length = file.metadata()?.len();
        file.unlock()?;
        Ok(length)
    };
    let file = File::open(path).map_err(|error| Error::file(path, &error))?;
    let length = length(&file).map_err(|error| Error::file(path, &error))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file.take(length))))
}

/// Writes a line into the audit log, if one is configured.
pub(crate) fn note(ui: &Ui, what: What, object: Object<'_>, note: Option<&str>) -> Result<()> {
    let Some(path) = ui.configuration()?.audit.file else { return Ok(()) };
    let (who, ticket) = (who(), ui.ticket.as_deref());
    let time = super::admin::now().seconds();
    audit::Audit::open(&path)?.append(&[Entry {
        time,
        who: &who,
        what,
        object,
        document: None,
        outcome: None,
        ticket,
        note,
    }])
}

/// Returns who runs this process, as the audit log names them: `os:NAME`.
pub(crate) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|name| !name.is_empty());
    match config::user() {
        Some(user) => match name_of(user) {
            Some(name) => format!("os:{name}"),
            None => format!("os:{user}"),
        },
        // Where the system does not say it in a file, the environment is believed.
        None => {
            format!("os:{}", variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "unknown".to_owned()))
        }
    }
}

/// Returns the name of a user of the system.
fn name_of(user: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let row = |line: &str| {
        let mut cells = line.split(':');
        let (name, number) = (cells.next()?, cells.nth(1)?);
        (number.parse() == Ok(user)).then(|| name.to_owned())
    };
    users.lines().find_map(row)
}

/// Reads a moment by RFC 3339, or a day: its beginning, in UTC.
fn moment(text: &str) -> std::result::Result<i64, String> {
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).map(|day| day.midnight().assume_utc());
    let moment = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| day());
    moment.map(OffsetDateTime::unix_timestamp).map_err(|_| "write `2026-11-23` or `2026-11-23T08:00:00Z`".to_owned())
}

/// Reads a number, with or without `+`.
fn number(text: &str) -> std::result::Result<u64, String> {
    text.trim_start_matches('+').parse().map_err(|_| "write an international number such as 46701234567".to_owned())
}
