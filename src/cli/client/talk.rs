//! Talking to the server: the way in, a request and its answer, waiting for more.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use impskit::client::cir::Bell;
use impskit::client::http::{Line, Show, Talk};
use impskit::client::{Event, Identity, Negotiation, Output};
use impskit::csp::cir::SUDP_PORT;
use impskit::csp::{Schema, Version};
use impskit::document::{CodeTable, Element};
use impskit::error::{Error, Result};

use super::message::Way;
use super::report::Report;
use super::{Common, Outcome, Place, SchemaName, Target, Ui, VersionName};

pub(super) fn login(common: &Common, ui: &mut Ui) -> Result<Outcome> {
    in_session(common, None, "login", ui, |talk, report, _| {
        report.keep_alive = Some(talk.client().keep_alive().as_secs());
        report.services = talk.client().services().names().collect();
        Ok(())
    })
}

/// `client discover`: what the server says it speaks.
pub(super) fn discover(place: &Place, ui: &mut Ui) -> Result<Outcome> {
    let codes = place.target.codes(ui)?;
    let identity = Identity { encoding: place.encoding.encoding(), text_codes: codes, ..Identity::new("nobody", "") };
    let mut talk = open(identity, place)?;
    let mut report = Report::new("discover");
    report.versions = versions(&mut talk)?.iter().map(|version| version.as_str()).collect();
    report.tell(place, ui)
}

/// Asks which versions there are; the client takes the highest that is known.
fn versions(talk: &mut Talk) -> Result<Vec<Version>> {
    let outputs = talk.tell(Event::Discover)?;
    let found = outputs.iter().find_map(|output| match output {
        Output::Discovered(versions) => Some(Ok(versions.clone())),
        Output::Failed { why, .. } => Some(Err(Error::remote(why.clone()))),
        _ => None,
    });
    found.unwrap_or_else(|| Err(Error::remote("the server does not say which versions it speaks")))
}

/// Opens the way to the server for the one who speaks.
fn open(identity: Identity, place: &Place) -> Result<Talk> {
    Ok(Talk::over(place.target.line("", place.trace.as_deref())?, identity))
}

impl Target {
    /// Returns the codes of plain text that are spoken with the server, if it may be asked at all.
    pub(super) fn codes(&self, ui: &Ui) -> Result<&'static CodeTable> {
        ui.network(&self.server)?;
        self.text_codes.read()
    }

    /// Opens the way to the server for `who`, whose messages are kept in a folder of that name below `trace`; `-` shows
    /// them to people.
    pub(super) fn line(&self, who: &str, trace: Option<&Path>) -> Result<Line> {
        let folder = trace.filter(|place| *place != Path::new("-")).map(|folder| folder.join(who));
        let is_shown = folder.is_none() && trace.is_some();
        let mut line = Line::new(&self.server, folder)?;
        self.ca.as_deref().map_or(Ok(()), |ca| line.trust(ca))?;
        if is_shown {
            line.show_to(on_stderr(who));
        }
        Ok(line)
    }
}

/// Returns what writes to stderr, behind the name of who speaks.
fn on_stderr(who: &str) -> Show {
    let who = if who.is_empty() { String::new() } else { format!("{who} ") };
    Box::new(move |text| {
        for line in text.lines() {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "{who}{line}");
        }
    })
}

/// Logs in, does the work of a step, logs out if the session is still there, and tells what it came to.
pub(super) fn in_session(
    common: &Common,
    wake: Option<Way>,
    step: &str,
    ui: &mut Ui,
    work: impl FnOnce(&mut Talk, &mut Report, &mut Ui) -> Result<()>,
) -> Result<Outcome> {
    let (mut talk, entered) = match enter(common, wake, ui)? {
        Ok(entered) => entered,
        Err(report) => return report.tell(&common.place, ui),
    };
    let mut report = entered.step(step);
    work(&mut talk, &mut report, ui)?;
    if talk.client().is_in() {
        talk.tell(Event::LogOut)?;
    }
    report.tell(&common.place, ui)
}

/// Logs in, and begins to wait in the way wanted; the inner error is what the server answered to that.
fn enter(common: &Common, wake: Option<Way>, ui: &mut Ui) -> Result<std::result::Result<(Talk, Report), Report>> {
    let Common { place, .. } = common;
    let password = common.password.password(ui)?;
    let schemas = common.schema.iter().filter_map(|schema| match schema {
        SchemaName::Sha => Some(Schema::Sha),
        SchemaName::Md5 => Some(Schema::Md5),
        SchemaName::Password => None,
    });
    let bell = wake.map(|way| Bell::new(way.method(), 0)).transpose()?;
    let udp_port = bell.as_ref().and_then(Bell::port).unwrap_or(SUDP_PORT);
    let identity = Identity {
        ways: wake.into_iter().map(Way::method).collect(),
        udp_port,
        client_id: common.client_id.clone(),
        schemas: schemas.collect(),
        negotiation: Negotiation::AfterLogin,
        encoding: place.encoding.encoding(),
        version: place.version.version(),
        text_codes: place.target.codes(ui)?,
        ..Identity::new(common.user.clone(), password.as_str())
    };
    let mut talk = open(identity, place)?;
    if place.version == VersionName::Auto {
        versions(&mut talk)?;
    }
    let outputs = talk.tell(Event::LogIn)?;
    let mut report = Report::new("login");
    report.user = Some(common.user.clone());
    let answer = answer_to("Login-Request", &outputs)?;
    report.answered(answer);
    report.take(&outputs)?;
    report.ok = talk.client().is_in();
    if let Some(bell) = bell.filter(|_| report.ok) {
        talk.listen(bell)?;
    }
    Ok(if report.ok { Ok((talk, report)) } else { Err(report) })
}

/// Sends a request, and takes its answer up into the report; returns the answer where it is good.
pub(super) fn ask(talk: &mut Talk, request: Element<'static>, report: &mut Report) -> Result<Option<Element<'static>>> {
    let name = request.name.to_string();
    let outputs = talk.tell(Event::Request(request))?;
    let refusal = outputs.iter().find_map(|output| match output {
        Output::Failed { request, why } if *request == name => Some(why),
        _ => None,
    });
    if let Some(why) = refusal {
        // Nobody was asked, or what came is no answer to it.
        (report.ok, report.status, report.description) = (false, None, Some(format!("{name}: {why}")));
        return Ok(None);
    }
    let answer = answer_to(&name, &outputs)?.clone();
    report.answered(&answer);
    report.take(&outputs)?;
    Ok(Some(answer).filter(|_| report.ok))
}

fn answer_to<'o>(name: &str, outputs: &'o [Output]) -> Result<&'o Element<'static>> {
    let answer = outputs.iter().find_map(|output| match output {
        Output::Answered { request, answer } if request == name => Some(answer),
        _ => None,
    });
    answer.ok_or_else(|| {
        let why = outputs.iter().find_map(|output| match output {
            Output::Failed { request, why } => Some(format!("{request}: {why}")),
            _ => None,
        });
        Error::remote(why.unwrap_or_else(|| format!("{name} was not answered")))
    })
}

/// Seconds between polls while someone waits: the least that servers usually ask for.
const ASK_EVERY: u64 = 5;

/// Listens until `is_enough`, the time is over or the session is; `show` is called after each poll.
pub(super) fn listen(
    talk: &mut Talk,
    seconds: u64,
    report: &mut Report,
    is_enough: impl Fn(&Report) -> bool,
    mut show: impl FnMut(&Report) -> Result<()>,
) -> Result<()> {
    // In steps, so that the end of the time is kept to the second.
    for left in (0..seconds).rev() {
        if !talk.client().is_in() || is_enough(report) {
            break;
        }
        report.take(&talk.wait(Duration::from_secs(1))?)?;
        // Who waits at a terminal asks more often than a handset does, and once more at the end.
        if left % ASK_EVERY == 0 && !talk.is_woken() && talk.client().is_in() {
            report.take(&talk.tell(Event::Poll)?)?;
        }
        show(report)?;
    }
    Ok(())
}
