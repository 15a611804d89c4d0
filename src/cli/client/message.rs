//! `client send` and `client recv`: messages of one person to others.

use clap::{Args, ValueEnum};
use impskit::client::Event;
use impskit::client::primitives::send_message;
use impskit::csp::cir::Method;
use impskit::error::Result;

use super::report::{Received, Report};
use super::talk::{ask, in_session, listen};
use super::{Common, Format, Outcome, Ui};

#[derive(Debug, Args)]
pub(super) struct Send {
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
pub(super) struct Recv {
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
pub(super) enum Way {
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
    pub(super) fn method(self) -> Method {
        match self {
            Self::Stcp => Method::Stcp,
            Self::Sudp => Method::Sudp,
            Self::Wapudp => Method::WapUdp,
            Self::Shttp => Method::Shttp,
        }
    }
}

pub(super) fn send(command: &Send, ui: &mut Ui) -> Result<Outcome> {
    let common = &command.common;
    let to: Vec<&str> = command.to.iter().map(String::as_str).collect();
    let request = send_message(&common.user, &to, &command.text, command.report.is_some());
    in_session(common, None, "send", ui, |talk, report, _| {
        let answer = ask(talk, request, report)?;
        report.message_id = answer.and_then(|answer| answer.child_text("MessageID").map(str::to_owned));
        let Some(seconds) = command.report.filter(|_| report.ok) else { return Ok(()) };
        let is_report = |message: &&Received| message.primitive == "DeliveryReport-Request";
        let is_enough = |report: &Report| report.messages.iter().filter(is_report).count() >= to.len();
        listen(talk, seconds, report, is_enough, |_| Ok(()))
    })
}

pub(super) fn receive(command: &Recv, ui: &mut Ui) -> Result<Outcome> {
    let common = &command.common;
    in_session(common, command.wake, "recv", ui, |talk, report, ui| {
        if let Some(way) = command.wake {
            ui.say(&format!("waiting to be woken: {}", way.method().as_str()));
        }
        report.take(&talk.tell(Event::Poll)?)?;
        let is_message =
            |message: &&Received| matches!(message.primitive.as_str(), "NewMessage" | "MessageNotification");
        let is_enough = |report: &Report| {
            command.count.is_some_and(|count| report.messages.iter().filter(is_message).count() >= count)
        };
        let mut shown = 0;
        // People see what comes when it comes.
        let mut show = |report: &Report| {
            for message in report.messages.iter().skip(shown).filter(|_| common.place.format == Format::Text) {
                message.in_lines().iter().try_for_each(|line| ui.line(line))?;
            }
            shown = report.messages.len();
            Ok(())
        };
        show(report)?;
        listen(talk, command.wait, report, is_enough, show)
    })
}
