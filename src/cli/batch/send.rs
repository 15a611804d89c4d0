//! `send`: one subscriber, by the same path as a campaign of millions, with the same evidence.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use impskit::batch::campaign::{Campaign, Confirm, ConfirmBy};
use impskit::batch::compose::{Composer, message};
use impskit::batch::login::Logins;
use impskit::batch::plan::{Options as Planning, Planned, Subscribers, plan};
use impskit::batch::route::{Needs, RouteSettings};
use impskit::batch::run::{Ended, Options, Progress, Summary, World, run as send};
use impskit::batch::store::{DueRow, Listed, State, Store, Timestamp};
use impskit::batch::units::{duration, in_words, rfc3339};
use impskit::error::{Error, Result};
use impskit::provision::Profile;
use impskit::provision::device::Pack;
use impskit::provision::profile::SecretSource;
use impskit::random;
use serde_json::json;
use zeroize::Zeroizing;

use super::at::SENT;
use super::numbers::Writing;
use super::run::{claim_worker, feed, lanes};
use super::{At, Format, clock, now, stop_flag, wait};
use crate::cli::profile::{self, RowOptions};
use crate::cli::secret::{OptionalPassword, SecretOptions};
use crate::cli::{Outcome, Ui, device};

/// Send settings to one subscriber
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit send acme.toml --to +46701234567 --imsi-file imsi.txt --set user=anna --route smsc-a
  impskit send acme.toml --to +46701234567 --row rows.csv:17 --route smsc-a --wait delivered

The number is written as `[privacy]` says: `log_numbers` in text, `event_numbers` in JSON.
Exit: 0 submitted, or as far as `--wait` says; 3 it was not; 2 it cannot be done; 4 the gateway cannot be reached.")]
pub(crate) struct Send {
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// The number, in place of the row's
    #[arg(long, value_name = "MSISDN")]
    to: String,
    /// The route, a table of `impskit.toml`; or `file`, `sim`
    #[arg(long, value_name = "NAME")]
    route: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How far the handset is to come before the command ends
    #[arg(long, value_name = "STATE", default_value = "submitted")]
    wait: Far,
    /// How long to wait for that
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = seconds)]
    timeout: Timestamp,
    /// The server whose feed of logins is asked, for `--wait confirmed`
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The environment variable that holds the token which the server wants
    #[arg(long, value_name = "NAME", requires = "server")]
    server_token_env: Option<String>,
    #[command(flatten)]
    row: RowOptions,
    #[command(flatten)]
    secrets: SecretOptions,
    #[command(flatten)]
    password: OptionalPassword,
    #[command(flatten)]
    at: At,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// How far a handset is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Far {
    /// The gateway took the message
    Submitted,
    /// Receipts say that all of it arrived
    Delivered,
    /// The client logged in, as the server tells that `--server` names
    Confirmed,
}

impl Far {
    fn state(self) -> State {
        match self {
            Self::Submitted => State::Submitted,
            Self::Delivered => State::Delivered,
            Self::Confirmed => State::Confirmed,
        }
    }
}

fn seconds(text: &str) -> std::result::Result<Timestamp, String> {
    duration(text).ok_or_else(|| "write `90s`, `5m` or `1h`".to_owned())
}

/// Runs the command.
pub(crate) fn run(command: &Send, ui: &mut Ui) -> Result<Outcome> {
    let Some(profile) = profile::load(&command.profile, ui)? else { return Ok(Outcome::NotGood) };
    let Some(values) = values(command, &profile, ui)? else { return Ok(Outcome::NotGood) };
    let campaign = campaign(command)?;
    let routes = command.at.routes(&campaign, ui)?;
    can_be_waited_for(command, &routes)?;
    let path = command.at.store_path(&campaign, ui)?;
    let mut store = command.at.open(&path, ui)?;
    let packs = device::packs(ui)?;
    let stop = stop_flag()?;
    let (header, row): (Vec<String>, Vec<String>) = values.into_iter().unzip();
    let planned = plan_one(&mut store, &campaign, (&profile, &header, &row), (&routes, &packs), &stop)?;
    if let Some(error) = not_planned(&planned) {
        return Err(error);
    }
    let columns: Vec<&str> = header.iter().map(String::as_str).collect();
    let composers = [Composer::new(&profile, &columns, &campaign.name, 1, &packs)?];
    let summary = submit(command, &campaign, (store, &path), (routes, &composers), &stop, ui)?;
    let store = command.at.open(&path, ui)?;
    report(command, &campaign, &planned, &summary, &store, ui)
}

/// Returns columns and values of the row: what `--row` and `--set` say, the number, and the secrets.
fn values(command: &Send, profile: &Profile, ui: &mut Ui) -> Result<Option<Vec<(String, String)>>> {
    let Some(mut values) = command.row.values(profile, ui)? else { return Ok(None) };
    let mut set = |name: &str, value: String| match values.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
        Some((_, old)) => *old = value,
        None => values.push((name.to_owned(), value)),
    };
    set("msisdn", command.to.clone());
    if let Some(pin) = command.secrets.pin(ui)? {
        set("pin", pin.digits().to_owned());
    }
    if let Some(imsi) = command.secrets.imsi(ui)? {
        set("imsi", imsi.digits().to_owned());
    }
    if let Some(password) = command.password.password(ui)? {
        set("password", password.to_string());
    }
    if let Some(model) = &command.row.device {
        set("model", model.clone());
    }
    Ok(Some(values))
}

/// Returns a campaign of one: its name tells when. It is said where numbers are masked: to whom, only store and audit log
/// tell.
fn campaign(command: &Send) -> Result<Campaign> {
    let moment: String = rfc3339(now()).chars().filter(char::is_ascii_alphanumeric).collect();
    let file = command.profile.file_name().map(Path::new).unwrap_or(&command.profile);
    let folder = command.profile.parent().unwrap_or(Path::new(""));
    let by = match command.wait {
        Far::Submitted => ConfirmBy::None,
        Far::Delivered => ConfirmBy::Receipt,
        Far::Confirmed => ConfirmBy::Login,
    };
    let token = command.server_token_env.clone().map(SecretSource::Environment);
    let confirm = Confirm { by, server: command.server.clone(), token, within: None };
    Campaign::of_one(&format!("{SENT}{moment}-{}", lot()?), file, &command.route, folder, confirm)
}

/// Returns what tells apart what is sent in one second.
fn lot() -> Result<String> {
    Ok(format!("{:08x}", u32::from_be_bytes(random::octets()?)))
}

/// Refuses to wait for what nobody can tell of.
fn can_be_waited_for(command: &Send, routes: &[RouteSettings]) -> Result<()> {
    let at = |error: Error| Err(error.at("--wait"));
    match command.wait {
        Far::Confirmed if command.server.is_none() => {
            at(Error::input("nobody is asked for logins").help("name the server: `--server http://127.0.0.1:8080`"))
        }
        Far::Delivered => match routes.iter().find_map(RouteSettings::lacks_receipts) {
            Some(help) => at(Error::input(format!("no receipts come by the route `{}`", command.route)).help(help)),
            None => Ok(()),
        },
        Far::Submitted | Far::Confirmed => Ok(()),
    }
}

fn plan_one(
    store: &mut Store,
    campaign: &Campaign,
    (profile, header, row): (&Profile, &[String], &[String]),
    (routes, packs): (&[RouteSettings], &[Pack]),
    stop: &AtomicBool,
) -> Result<Planned> {
    let subscribers = Subscribers {
        table: Box::new(std::io::Cursor::new(table(header, row).to_vec())),
        delimiter: b',',
        about: 1,
        limit: 1,
        rejects: None,
    };
    // There is no campaign file: the store knows that it is a campaign of one.
    let options = Planning { file: "", routes, packs, workers: 1, now: now(), stop };
    let mut load = |_: &Path| Ok(profile.clone());
    plan(store, campaign, subscribers, &mut load, &options, &mut |_| {})
}

/// Writes the table of one row.
fn table(header: &[String], row: &[String]) -> Zeroizing<Vec<u8>> {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        Zeroizing::new(cells.join(",") + "\n")
    };
    Zeroizing::new([line(header).as_bytes(), line(row).as_bytes()].concat())
}

/// Returns why nothing can be sent, if so.
fn not_planned(planned: &Planned) -> Option<Error> {
    let (code, message) = planned.first_rejected.as_ref()?;
    Some(Error::input(format!("{code}: {message}")).help(format!("`impskit explain {code}` tells more")))
}

fn submit(
    command: &Send,
    campaign: &Campaign,
    (store, path): (Store, &Path),
    (routes, composers): (Vec<RouteSettings>, &[Composer]),
    stop: &AtomicBool,
    ui: &mut Ui,
) -> Result<Summary> {
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| Error::store("the plan is gone"))?;
    let store = Mutex::new(store);
    let (worker, _lock) = claim_worker(path, None)?;
    let trail = command.at.trail(path, ui)?.with_reason(command.reason.clone());
    let lanes = lanes(&store, campaign, &worker, routes, ui)?;
    let feed = feed(campaign, ui)?;
    let compose = |row: DueRow, needs: &Needs| message(composers, needs, row);
    let awaits = command.wait.state();
    let options = Options {
        workers: 1,
        worker: &worker,
        limits: &campaign.limits,
        hold_between_stages: false,
        stage: None,
        until: (awaits != State::Submitted).then(|| now() + command.timeout),
        awaits,
        within: None,
        events: false,
        trail: Some(&trail),
        logins: feed.as_ref().map(|feed| feed as &dyn Logins),
    };
    let world = World { now: &now, clock: &clock, wait: &wait, stop };
    let mut watch = |progress| {
        if let Progress::Note(note) = progress {
            ui.say(&format!("note: {note}"));
        }
    };
    let summary = send(&store, &stored, &options, lanes, &compose, world, &mut watch);
    drop(store.into_inner().unwrap_or_else(PoisonError::into_inner));
    summary
}

/// Says why a handset is not as far as it was waited for, where nothing went wrong with it.
fn not_far(command: &Send, state: &str) -> Option<String> {
    let time = in_words(command.timeout.unsigned_abs());
    match (command.wait, State::from_word(state)?) {
        (Far::Delivered, State::Submitted) => Some(format!("no receipt came within {time}")),
        (Far::Confirmed, State::Submitted | State::Delivered) => Some(format!("no login was told within {time}")),
        (_, State::Planned | State::Submitting) => Some("it was not sent".to_owned()),
        _ => None,
    }
}

fn report(
    command: &Send,
    campaign: &Campaign,
    planned: &Planned,
    summary: &Summary,
    store: &Store,
    ui: &mut Ui,
) -> Result<Outcome> {
    let found = State::ALL.iter().find_map(|state| store.list(&campaign.name, *state, 1).ok()?.pop());
    let Some(Listed { msisdn, state, error, .. }) = found else { return Err(Error::store("the handset is gone")) };
    let is_far =
        State::from_word(&state).is_some_and(|state| state >= command.wait.state() && state <= State::Confirmed);
    let error = match &summary.ended {
        Ended::Stopped(why) => Some(why.clone()),
        _ => error.or_else(|| not_far(command, &state).filter(|_| !is_far)),
    };
    let number = Writing::of(command.format, ui)?.write_text(&msisdn);
    if command.format == Format::Json {
        let text = json!({
            "schema": "impskit.send/1", "campaign": campaign.name, "msisdn": number, "state": state, "error": error,
            "sms": planned.sms, "route": command.route,
        });
        ui.line(&text.to_string())?;
    } else {
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        ui.line(&format!(
            "{number} {state}{error}   {} SMS by route {}   {}",
            planned.sms, command.route, campaign.name
        ))?;
    }
    Ok(match summary.ended {
        Ended::Interrupted => Outcome::Interrupted,
        _ if is_far => Outcome::Good,
        _ => Outcome::Partly,
    })
}
