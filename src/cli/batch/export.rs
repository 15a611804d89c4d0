//! `batch export`: the messages themselves, for gateways driven by other means.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use impskit::batch::campaign::Campaign;
use impskit::batch::compose::message;
use impskit::batch::route::{Body, FileRoute, Message, Needs, Part, RouteKind, RouteSettings};
use impskit::batch::run::{Ended, Lane, Options, Selection, Summary, World, each_message, run as send};
use impskit::batch::store::{DueRow, Run as Access, State, Store, Stored};
use impskit::document::{UPPER_HEX, put_hex};
use impskit::error::{Error, Result};

use super::run::{Stage, claim_worker, composers, every_handset_has_a_route, stage};
use super::{At, clock, now, stop_flag, wait, workers};
use crate::cli::progress::{Bar, grouped};
use crate::cli::ui::{Output, Stream};
use crate::cli::{Outcome, Ui};

/// Files of a folder at the most; then there is a next one.
const MOST_FILES: u64 = 5000;
/// Octets that are written at once.
const BUFFER: usize = 64 << 10;

/// The messages themselves, for gateways that are driven by other means
#[derive(Debug, Args)]
#[command(
    name = "export",
    after_help = "\
Examples:
  impskit batch export spring --as csv -o spring-messages.csv
  impskit batch export spring --stage 1 --mark-submitted -o pilot.jsonl

It holds what is still to be sent and is due, in the order of sending; passwords are in it, and numbers as they are, whatever
`[privacy]` says. Nothing is marked, so that `run` sends it all the same, unless `--mark-submitted` says that the file will be sent: it is then written as by a route of
the kind `file`, and after an interruption the same command goes on.
Exit: 0 all is written; 3 messages cannot be made; 5 a stage needs approval; 130 interrupted."
)]
pub(super) struct Export {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// How messages are written
    #[arg(long = "as", value_name = "FORM", default_value = "jsonl")]
    form: Form,
    /// Only handsets that go by this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Only up to stage N
    #[arg(long, value_name = "N|all", value_parser = stage)]
    stage: Option<Stage>,
    /// Mark the handsets as submitted: the file will be sent
    #[arg(long)]
    mark_submitted: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A JSON object a line, `impskit.message/1`
    Jsonl,
    /// A table: push and user data of each short message in hex
    Csv,
    /// A folder: a file of JSON a handset
    Dir,
}

/// Runs the command.
pub(super) fn run(command: &Export, ui: &mut Ui) -> Result<Outcome> {
    let (campaign, store, stored) = command.at.open_planned(&command.campaign, ui)?;
    if stored.plan.is_none() {
        let error = Error::store("the plan is not complete: planning was interrupted or goes on").at(&stored.name);
        return Err(error.help("run `impskit batch plan` again, it goes on where it was"));
    }
    if let Some(why) = &stored.cancelled {
        return Err(Error::input(format!("the campaign was cancelled: {why}")).at(&stored.name));
    }
    let routes = command.at.routes(&campaign, ui)?;
    every_handset_has_a_route(&store, &campaign, &routes)?;
    let routes = chosen(routes, command.route.as_deref())?;
    match command.mark_submitted {
        true => mark(command, (&campaign, store, &stored), routes, ui),
        false => write(command, (&campaign, store, &stored), &routes, ui),
    }
}

fn chosen(routes: Vec<RouteSettings>, name: Option<&str>) -> Result<Vec<RouteSettings>> {
    let Some(name) = name else { return Ok(routes) };
    let names = routes.iter().map(|route| format!("`{}`", route.name)).collect::<Vec<_>>().join(", ");
    let found: Vec<_> = routes.into_iter().filter(|route| route.name == name).collect();
    if found.is_empty() {
        let error = Error::input(format!("the campaign has no route `{}`", name.escape_debug())).at("--route");
        return Err(error.help(format!("it has {names}")));
    }
    Ok(found)
}

/// Writes what is due and marks nothing.
fn write(
    command: &Export,
    (campaign, store, stored): (&Campaign, Store, &Stored),
    routes: &[RouteSettings],
    ui: &mut Ui,
) -> Result<Outcome> {
    let composers = composers(&store, campaign, ui)?;
    let last = last(&store, stored, command.stage)?;
    let store = Mutex::new(store);
    let compose = |row: DueRow, needs: &Needs| message(&composers, needs, row);
    let stop = stop_flag()?;
    let world = World { now: &now, clock: &clock, wait: &wait, stop: &stop };
    let needs = if command.form == Form::Csv { Needs::Parts } else { Needs::Line(Part::usual()) };
    let selection = Selection { routes, last, needs: &needs, workers: workers(None) };
    let mut writer = Writer::open(command)?;
    let unfit = each_message(&store, stored, &selection, &compose, world, &mut |message| writer.add(&message))?;
    if stop.load(Ordering::Relaxed) {
        ui.say("interrupted: nothing is marked; the same command begins again");
        return Ok(Outcome::Interrupted);
    }
    let count = writer.finish()?;
    ui.say(&format!("{} messages; nothing is marked as submitted", grouped(count)));
    Ok(outcome(unfit, ui))
}

fn outcome(unfit: u64, ui: &mut Ui) -> Outcome {
    if unfit == 0 {
        return Outcome::Good;
    }
    ui.complain(&format!("{} messages cannot be made: `impskit batch run` says why", grouped(unfit)));
    Outcome::Partly
}

/// Returns the place of the last handset of a stage.
fn last(store: &Store, stored: &Stored, stage: Option<Stage>) -> Result<u64> {
    let Some(number) = stage.and_then(|stage| stage.0) else { return Ok(u64::MAX) };
    let stages = store.stages(&stored.name)?;
    stages.iter().find(|stage| stage.number == number).map(|stage| stage.last).ok_or_else(|| {
        Error::input(format!("the campaign has no stage {number}"))
            .help(format!("it has {}", stages.len()))
            .at("--stage")
    })
}

/// Writes what is due as a route of the kind `file` does, and marks it.
fn mark(
    command: &Export,
    (campaign, store, stored): (&Campaign, Store, &Stored),
    mut routes: Vec<RouteSettings>,
    ui: &mut Ui,
) -> Result<Outcome> {
    let (path, settings) = (marked_file(command)?, routes.pop());
    let Some(settings) = settings.filter(|_| routes.is_empty()) else {
        let error = Error::input("the campaign has several routes, and a file belongs to one").at("--mark-submitted");
        return Err(error.help("name one with `--route`"));
    };
    if settings.kind == RouteKind::File {
        let error = Error::input(format!("the route `{}` writes a file by itself", settings.name));
        return Err(error.at("--mark-submitted").help("`impskit batch run` writes it and marks what is in it"));
    }
    let last = last(&store, stored, command.stage)?;
    if store.due_slices(&stored.name, &settings.name, last, now())?.0.is_empty() {
        ui.line("nothing is due: no file is written")?;
        return Ok(Outcome::Good);
    }
    let composers = composers(&store, campaign, ui)?;
    let compose = |row: DueRow, needs: &Needs| message(&composers, needs, row);
    let home = command.at.store_path(campaign, ui)?;
    let (worker, _lock) = claim_worker(&home, None)?;
    let trail = command.at.trail(&home, ui)?;
    let stop = stop_flag()?;
    let world = World { now: &now, clock: &clock, wait: &wait, stop: &stop };
    let store = Mutex::new(store);
    let settings = RouteSettings { name: settings.name.clone(), ..RouteSettings::named("file").unwrap_or(settings) };
    let access = Access::new(&store, &stored.name, &worker, &settings.name);
    let route = Box::new(FileRoute::open(&settings, path, &access)?);
    let options = Options {
        workers: workers(None),
        worker: &worker,
        limits: &campaign.limits,
        hold_between_stages: campaign.hold_between_stages,
        stage: command.stage.and_then(|stage| stage.0),
        until: None,
        awaits: State::Submitted,
        within: campaign.confirm.within,
        events: false,
        trail: Some(&trail),
        logins: None,
    };
    let name = settings.name.clone();
    let summary = {
        let mut bar = Bar::new("writing", ui);
        let lanes = vec![Lane { settings, route }];
        send(&store, stored, &options, lanes, &compose, world, &mut |progress| bar.show(&progress, ui))?
    };
    // What is whole begins anew the next time; what is not goes on in the same file.
    if matches!(summary.ended, Ended::Complete | Ended::Held(_)) {
        store.into_inner().unwrap_or_else(PoisonError::into_inner).end_output(&stored.name, &name)?;
    }
    said(&summary, command, ui)
}

fn marked_file(command: &Export) -> Result<&Path> {
    let at = "--mark-submitted";
    if command.form != Form::Jsonl {
        return Err(Error::input("only `--as jsonl` can go on after an interruption").at(at).help("use `--as jsonl`"));
    }
    command.output.file().ok_or_else(|| {
        Error::input("what is marked must be in a file that is kept").at(at).help("say which with `-o FILE`")
    })
}

fn said(summary: &Summary, command: &Export, ui: &mut Ui) -> Result<Outcome> {
    let mut line = format!("{} messages are written and marked as submitted", grouped(summary.submitted));
    for (what, count) in [("failed", summary.failed), ("expired", summary.expired)] {
        if count > 0 {
            line += &format!("   {what} {}", grouped(count));
        }
    }
    ui.line(&line)?;
    let name = command.campaign.display();
    Ok(match &summary.ended {
        Ended::Complete if summary.failed + summary.expired == 0 => Outcome::Good,
        Ended::Complete => Outcome::Partly,
        Ended::Interrupted => {
            ui.say("interrupted: everything is saved; the same command goes on");
            Outcome::Interrupted
        }
        Ended::Held(stage) => {
            let approve = format!("impskit batch approve {name} --stage {stage}");
            ui.say(&format!("the file is whole; stage {stage} needs approval (`{approve}`) and a file of its own"));
            Outcome::Stopped
        }
        Ended::Stopped(why) | Ended::Cancelled(why) => {
            ui.complain(&format!("stopped: {why}"));
            Outcome::Stopped
        }
    })
}

/// Where messages go.
struct Writer<'w> {
    place: Place<'w>,
    buffer: Vec<u8>,
    count: u64,
}

enum Place<'p> {
    Stream(Stream),
    Folder(&'p Path),
}

impl<'w> Writer<'w> {
    fn open(command: &'w Export) -> Result<Self> {
        let mut buffer = Vec::new();
        if command.form == Form::Csv {
            buffer.extend_from_slice(b"ref,msisdn,attempt,sms,document,push,segments\r\n");
        }
        let place = match command.form {
            Form::Dir => Place::Folder(folder(command)?),
            _ => Place::Stream(Stream::open_private(&command.output)?),
        };
        Ok(Self { place, buffer, count: 0 })
    }

    fn add(&mut self, message: &Message) -> Result<()> {
        if message.row.expires.is_some_and(|end| end < now()) {
            return Ok(());
        }
        let number = self.count;
        self.count += 1;
        match &message.body {
            Body::Line(line) => self.buffer.extend_from_slice(line),
            Body::Parts(parts) => {
                let row = &message.row;
                let head = format!("{},{},{},{},", parts.key, row.msisdn, row.attempts + 1, message.sms);
                self.buffer.extend_from_slice(head.as_bytes());
                put_hex(&parts.document, UPPER_HEX, &mut self.buffer);
                self.buffer.push(b',');
                put_hex(&parts.push, UPPER_HEX, &mut self.buffer);
                for (place, segment) in parts.segments.iter().enumerate() {
                    self.buffer.push(if place == 0 { b',' } else { b' ' });
                    put_hex(segment, UPPER_HEX, &mut self.buffer);
                }
                self.buffer.extend_from_slice(b"\r\n");
            }
        }
        match &mut self.place {
            Place::Folder(folder) => {
                let folder = folder.join(format!("{:06}", number / MOST_FILES + 1));
                let path = folder.join(format!("{}.json", message.row.msisdn));
                let wrong = |error: std::io::Error| Error::file(&path, &error);
                fs::create_dir_all(&folder).map_err(wrong)?;
                private(&path).and_then(|mut file| file.write_all(&self.buffer)).map_err(wrong)?;
                self.buffer.clear();
            }
            Place::Stream(stream) if self.buffer.len() >= BUFFER => {
                stream.write(&self.buffer)?;
                self.buffer.clear();
            }
            Place::Stream(_) => {}
        }
        Ok(())
    }

    /// Returns how many messages were written.
    fn finish(self) -> Result<u64> {
        if let Place::Stream(mut stream) = self.place {
            stream.write(&self.buffer)?;
            stream.finish()?;
        }
        Ok(self.count)
    }
}

/// Returns the folder to write to, which must be empty or not there.
fn folder(command: &Export) -> Result<&Path> {
    let help = "say which folder with `-o DIR`";
    let path =
        command.output.file().ok_or_else(|| Error::input("messages go to a folder").at("--as dir").help(help))?;
    let is_taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken || path.is_file() {
        let error = Error::input("there is something already").at(path.display().to_string());
        return Err(error.help("name a folder that is empty or not there"));
    }
    Ok(path)
}

/// Makes a file for its owner alone: it holds a password.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
