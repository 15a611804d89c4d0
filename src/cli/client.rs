//! `client`: a test client for any IMPS server.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use impskit::client::cir::Bell;
use impskit::client::http::Talk;
use impskit::client::primitives::{addresses_from, send_message};
use impskit::client::{Event, Identity, Negotiation, Output};
use impskit::codec::Encoding;
use impskit::csp::cir::{Method, SUDP_PORT};
use impskit::csp::{self, Code, Schema, Version};
use impskit::diagnose::text::printable;
use impskit::document::Element;
use impskit::error::{Error, Result};
use serde::Serialize;

use super::client_dm::Dm;
use super::secret::PasswordOptions;
use super::{Format, Outcome, Ui};

/// A test client for any IMPS server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit client login --server http://127.0.0.1:8080/csp --user anna --password-file anna.txt
  impskit client recv --server http://127.0.0.1:8080/csp --user anna --password-env ANNA --wait 60")]
pub(crate) struct Client {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Log in, negotiate, show what was agreed, log out
    #[command(after_help = "\
Examples:
  impskit client login --server http://127.0.0.1:8080/csp --user anna --password-file anna.txt
  impskit client login --server http://imps.example/ --user anna --password-env ANNA --version 1.2")]
    Login(Common),
    /// Send a text message
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client send --user anna --password-file anna.txt --to berta \"Hello\"
  impskit client send --user anna --password-env ANNA --to wv:/lobby --report 30 \"Hello\"")]
    Send(Send),
    /// Receive what waits, and what comes
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client recv --user berta --password-file berta.txt
  impskit client recv --user berta --password-env BERTA --wait 600 --count 1 --format json
  impskit client recv --user berta --password-env BERTA --wait 600 --wake stcp")]
    Recv(Recv),
    /// Let a management server change a device tree, in a DM session
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client dm --tree device.xml --password-file device.txt -o device.xml --force
  impskit client dm --tree new --device IMEI:493005100592800 --encoding xml --format json")]
    Dm(Box<Dm>),
}

#[derive(Debug, Args)]
struct Common {
    /// The server's URL
    #[arg(long, value_name = "URL", env = "IMPSKIT_SERVER")]
    server: String,
    /// Who logs in
    #[arg(long, value_name = "URI")]
    user: String,
    #[command(flatten)]
    password: PasswordOptions,
    /// How to prove the password; the server chooses among those offered
    #[arg(long, value_name = "SCHEMA", default_values = ["sha", "md5"])]
    schema: Vec<SchemaName>,
    /// The syntax to speak
    #[arg(long, value_name = "SYNTAX", default_value = "wbxml")]
    encoding: Syntax,
    /// The version to speak
    #[arg(long, value_name = "V", default_value = "1.3")]
    version: VersionName,
    /// What tells this client from the user's others
    #[arg(long, value_name = "TEXT", default_value = "impskit")]
    client_id: String,
    /// Write every message that goes and comes to DIR, passwords masked
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
struct Send {
    #[command(flatten)]
    common: Common,
    /// Who shall get it: users, and groups that you have joined
    #[arg(long, value_name = "URI", required = true)]
    to: Vec<String>,
    /// Ask for delivery reports, and wait for them so many seconds
    #[arg(long, value_name = "SECONDS")]
    report: Option<u64>,
    /// The text
    text: String,
}

#[derive(Debug, Args)]
struct Recv {
    #[command(flatten)]
    common: Common,
    /// Wait so many seconds for more
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Wait to be woken in this way, and poll only then
    #[arg(long, value_name = "WAY")]
    wake: Option<Way>,
    /// Stop after N messages
    #[arg(long, value_name = "N")]
    count: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// On a connection to the server
    Stcp,
    /// By a datagram, at a port of the system's choice
    Sudp,
    /// By a WAP push in a datagram, at port 2948
    Wapudp,
    /// Asking at an address of the server
    Shttp,
}

impl Way {
    fn method(self) -> Method {
        match self {
            Self::Stcp => Method::Stcp,
            Self::Sudp => Method::Sudp,
            Self::Wapudp => Method::WapUdp,
            Self::Shttp => Method::Shttp,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaName {
    /// SHA-1 over a nonce
    Sha,
    /// MD5 over a nonce
    Md5,
    /// The password itself, in a login of two messages
    Password,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Syntax {
    /// XML
    Xml,
    /// WAP binary XML
    Wbxml,
}

impl Syntax {
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Xml => Encoding::Xml,
            Self::Wbxml => Encoding::Wbxml,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum VersionName {
    /// CSP 1.1
    #[value(name = "1.1")]
    V1_1,
    /// CSP 1.2
    #[value(name = "1.2")]
    V1_2,
    /// CSP 1.3
    #[value(name = "1.3")]
    V1_3,
}

pub(crate) fn run(command: &Client, ui: &mut Ui) -> Result<Outcome> {
    match &command.command {
        Command::Login(common) => login(common, ui),
        Command::Send(command) => send(command, ui),
        Command::Recv(command) => receive(command, ui),
        Command::Dm(command) => command.run(ui),
    }
}

/// What a step came to, for programs.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    step: &'static str,
    ok: bool,
    status: Option<u16>,
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failed>,
    messages: Vec<Received>,
    /// Why the server ended the session, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<u16>,
}

/// Who did not get a message, and why.
#[derive(Debug, Serialize)]
struct Failed {
    status: u16,
    name: &'static str,
    who: Vec<String>,
}

/// What the server brought.
#[derive(Debug, Serialize)]
struct Received {
    primitive: String,
    from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

fn login(common: &Common, ui: &mut Ui) -> Result<Outcome> {
    let (mut talk, mut report) = match enter(common, None, ui)? {
        Ok(entered) => entered,
        Err(report) => return tell(&report, common, ui),
    };
    report.keep_alive = Some(talk.client().keep_alive().as_secs());
    report.services = talk.client().services().names().collect();
    talk.tell(Event::LogOut)?;
    tell(&report, common, ui)
}

fn send(command: &Send, ui: &mut Ui) -> Result<Outcome> {
    let common = &command.common;
    let (mut talk, entered) = match enter(common, None, ui)? {
        Ok(entered) => entered,
        Err(report) => return tell(&report, common, ui),
    };
    let to: Vec<&str> = command.to.iter().map(String::as_str).collect();
    let request = send_message(&common.user, &to, &command.text, command.report.is_some());
    let outputs = talk.tell(Event::Request(request))?;
    let mut report = Report { step: "send", ..answer_of("SendMessage-Request", &outputs)? };
    report.messages = entered.messages;
    report.take(&outputs)?;
    if let Some(seconds) = command.report.filter(|_| report.ok) {
        let is_report = |message: &&Received| message.primitive == "DeliveryReport-Request";
        let is_enough = |report: &Report| report.messages.iter().filter(is_report).count() >= to.len();
        listen(&mut talk, seconds, &mut report, is_enough, |_| Ok(()))?;
    }
    talk.tell(Event::LogOut)?;
    tell(&report, common, ui)
}

fn receive(command: &Recv, ui: &mut Ui) -> Result<Outcome> {
    let common = &command.common;
    let (mut talk, mut report) = match enter(common, command.wake, ui)? {
        Ok(entered) => entered,
        Err(report) => return tell(&report, common, ui),
    };
    if let Some(way) = command.wake {
        ui.say(&format!("waiting to be woken: {}", way.method().as_str()));
    }
    report.step = "recv";
    report.take(&talk.tell(Event::Poll)?)?;
    let is_message = |message: &&Received| matches!(message.primitive.as_str(), "NewMessage" | "MessageNotification");
    let is_enough =
        |report: &Report| command.count.is_some_and(|count| report.messages.iter().filter(is_message).count() >= count);
    let mut shown = 0;
    // People see what comes when it comes.
    let mut show = |report: &Report| {
        for message in report.messages.iter().skip(shown).filter(|_| common.format == Format::Text) {
            ui.line(&printable(&message.in_words()))?;
        }
        shown = report.messages.len();
        Ok(())
    };
    show(&report)?;
    listen(&mut talk, command.wait, &mut report, is_enough, show)?;
    if talk.client().is_in() {
        talk.tell(Event::LogOut)?;
    }
    tell(&report, common, ui)
}

/// Logs in, and begins to wait in the way wanted; the inner error is what the server answered to that.
fn enter(common: &Common, wake: Option<Way>, ui: &mut Ui) -> Result<std::result::Result<(Talk, Report), Report>> {
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
        encoding: common.encoding.encoding(),
        version: match common.version {
            VersionName::V1_1 => Version::V1_1,
            VersionName::V1_2 => Version::V1_2,
            VersionName::V1_3 => Version::V1_3,
        },
        ..Identity::new(common.user.clone(), password.as_str())
    };
    ui.network(&common.server)?;
    let mut talk = Talk::new(identity, &common.server, common.trace.clone())?;
    let outputs = talk.tell(Event::LogIn)?;
    let mut report = answer_of("Login-Request", &outputs)?;
    report.take(&outputs)?;
    report.ok = talk.client().is_in();
    if let Some(bell) = bell.filter(|_| report.ok) {
        talk.listen(bell)?;
    }
    Ok(if report.ok { Ok((talk, report)) } else { Err(report) })
}

/// Seconds between polls while someone waits: the least that servers usually ask for.
const ASK_EVERY: u64 = 5;

/// Listens until `is_enough`, the time is over or the session is; `show` is called after each poll.
fn listen(
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

/// Returns what the server answered to the request of that name.
fn answer_of(name: &str, outputs: &[Output]) -> Result<Report> {
    let answer = outputs.iter().find_map(|output| match output {
        Output::Answered { request, answer } if request == name => Some(answer),
        _ => None,
    });
    let Some(answer) = answer else {
        let why = outputs.iter().find_map(|output| match output {
            Output::Failed { request, why } => Some(format!("{request}: {why}")),
            _ => None,
        });
        return Err(Error::remote(why.unwrap_or_else(|| format!("{name} was not answered"))));
    };
    let outcome = csp::Outcome::read(answer);
    let details = outcome.iter().flat_map(|outcome| &outcome.details);
    let failed = details.map(|detail| Failed {
        status: detail.code.0,
        name: detail.code.name(),
        who: detail.items.iter().map(|item| item.trimmed().to_owned()).collect(),
    });
    let code = outcome.as_ref().map(|outcome| outcome.code);
    Ok(Report {
        schema: "impskit.client/1",
        step: "login",
        // A message that some did not get is not good.
        ok: code.is_some_and(|code| code.is_success() && code != Code::PARTIALLY_SUCCESSFUL),
        status: code.map(|code| code.0),
        description: outcome.as_ref().and_then(|outcome| outcome.description.clone()),
        keep_alive: None,
        services: Vec::new(),
        message_id: answer.child_text("MessageID").map(str::to_owned),
        failed: failed.collect(),
        messages: Vec::new(),
        ended: None,
    })
}

impl Report {
    /// Takes up what a client told.
    fn take(&mut self, outputs: &[Output]) -> Result<()> {
        for output in outputs {
            match output {
                Output::Received(primitive) => self.messages.push(Received::read(primitive)),
                Output::Ended(code) => (self.ended, self.ok) = (Some(code.0), false),
                Output::Failed { request, why } => return Err(Error::remote(format!("{request}: {why}"))),
                Output::Answered { .. }
                | Output::Discovered(_)
                | Output::Reopen
                | Output::LoggedIn
                | Output::Post { .. } => {}
            }
        }
        Ok(())
    }
}

impl Received {
    fn read(primitive: &Element<'static>) -> Self {
        let info = |name: &str| primitive.descend(&["MessageInfo", name]).map(|e| e.trimmed().to_owned());
        let from = if primitive.name == "DeliveryReport-Request" {
            csp::ids::users(primitive.descend(&["MessageInfo", "Recipient"]).unwrap_or(primitive))
        } else {
            addresses_from(primitive)
        };
        Self {
            primitive: primitive.name.to_string(),
            from: from.into_iter().map(str::to_owned).collect(),
            message_id: info("MessageID"),
            sent: info("DateTime"),
            status: csp::Outcome::read(primitive).map(|outcome| outcome.code.0),
            text: primitive.child("ContentData").map(|data| data.text().to_owned()),
        }
    }

    fn in_words(&self) -> String {
        let from = self.from.join(" ");
        match (self.primitive.as_str(), &self.text, self.status) {
            ("NewMessage", Some(content), _) => format!("{from}: {content}"),
            ("DeliveryReport-Request", _, Some(status)) => format!("delivery to {from}: {}", Code(status)),
            (name, ..) => format!("{name} {from}").trim_end().to_owned(),
        }
    }
}

fn tell(report: &Report, common: &Common, ui: &mut Ui) -> Result<Outcome> {
    match common.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(report).map_err(|error| Error::input(error.to_string()))?;
            ui.line(&json)?;
        }
        Format::Text => ui.data(in_words(report, common).as_bytes())?,
    }
    Ok(if report.ok { Outcome::Good } else { Outcome::NotGood })
}

fn in_words(report: &Report, common: &Common) -> String {
    let mut text = String::new();
    let code = Code(report.status.unwrap_or_default());
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", printable(&words));
    };
    match (report.step, report.ok) {
        ("login", true) => {
            line(format!("logged in as {}", common.user));
            line(format!("  keep-alive  {} s", report.keep_alive.unwrap_or_default()));
            line(format!("  services    {}", report.services.join(" ")));
        }
        ("login", false) => line(format!("not logged in: {code}")),
        ("send", true) => line(format!("sent: {}", report.message_id.as_deref().unwrap_or("without an identifier"))),
        ("send", false) => line(format!("not sent to all: {code}")),
        _ if report.messages.is_empty() => line("nothing waits".to_owned()),
        _ => {}
    }
    for failed in &report.failed {
        line(format!("  {} {}: {}", failed.status, failed.name, failed.who.join(" ")));
    }
    // Those received are shown already.
    for message in report.messages.iter().filter(|_| report.step != "recv") {
        line(message.in_words());
    }
    if let Some(code) = report.ended {
        line(format!("the server ended the session: {}", Code(code)));
    }
    text
}
