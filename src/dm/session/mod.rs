//! DM sessions, without sockets and clock (DM Protocol 1.2; DM facts, "DM 1.2 session").
//!
//! ```text
//! Notification (package 0) ─→ Client ─ packages 1, 3 ─→ Server
//!                                    ←─ packages 2, 4 ─
//!                       each: Prover shows who speaks, Verifier looks at it
//! ```

pub mod auth;
pub mod client;
pub mod notification;
pub mod server;

mod trust;

pub use trust::{Nonces, Prover, Verifier};

use std::collections::VecDeque;

use super::syncml::{self, Challenge, Command, Header, Message, Operation, Status};
use crate::codec::{self, Encoding, Limits};
use crate::diagnose::Report;

/// The media type of messages in XML.
pub const XML: &str = "application/vnd.syncml.dm+xml";
/// The media type of messages in WBXML.
pub const WBXML: &str = "application/vnd.syncml.dm+wbxml";

/// Octets of a message that either side takes at the most.
pub const MOST_MESSAGE: usize = 1 << 20;

/// Alert: a session that the server asked for (1200).
pub const SERVER_INITIATED: u16 = 1200;
/// Alert: a session that the client began (1201).
pub const CLIENT_INITIATED: u16 = 1201;
/// Alert: go on with the next message of the package (1222).
pub const NEXT_MESSAGE: u16 = 1222;
/// Alert: the session ends here (1223).
pub const ABORT: u16 = 1223;
/// Alert: a large object broke off (1225).
pub const NO_END_OF_DATA: u16 = 1225;

/// Messages of one session at the most: who never comes to an end is left.
const MOST_MESSAGES: u32 = 10_000;

/// What a message has beside its commands, in octets: header, statuses of the package before, end.
const ENVELOPE: usize = 2048;

/// A message as the transport carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The Content-Type: [`XML`] or [`WBXML`].
    pub media_type: &'static str,
    /// The message.
    pub body: Vec<u8>,
    /// The value of the header [`auth::MAC_HEADER`].
    pub mac: Option<String>,
}

/// Returns the media type of messages in a syntax.
pub fn media_type(encoding: Encoding) -> &'static str {
    if encoding == Encoding::Wbxml { WBXML } else { XML }
}

/// Reads a message and says in which syntax it is. `None` where it is none.
fn read(body: &[u8]) -> Option<(Message, Encoding)> {
    let mut report = Report::new();
    let limits = Limits { bytes: MOST_MESSAGE, ..syncml::LIMITS };
    let encoding = codec::recognise(body)?;
    let document = codec::read(body, &[&super::SYNCML], &limits, &mut report)?;
    Message::from_element(&document.root, &mut report).map(|message| (message, encoding))
}

/// Writes a message and proves who speaks; the prover has put its `Cred` into the header before.
fn write(message: &Message, encoding: Encoding, prover: &Prover) -> Packet {
    let body = match encoding {
        // Text that WBXML cannot carry was refused when it was read: XML is what remains.
        Encoding::Wbxml => message.to_wbxml().map(|body| (body, WBXML)),
        _ => Ok((message.to_xml(false), XML)),
    };
    let (body, media_type) = body.unwrap_or_else(|_| (message.to_xml(false), XML));
    let mac = prover.mac(&body);
    Packet { media_type, body, mac }
}

/// Returns the status of a header whose versions we do not speak: 505 or 513.
fn unknown_version(header: &Header) -> Option<u16> {
    match (header.version.as_str(), header.protocol.as_str()) {
        ("1.1" | "1.2", "DM/1.1" | "DM/1.2") => None,
        ("1.1" | "1.2", _) => Some(513),
        _ => Some(505),
    }
}

/// Returns the status of a command, or of the header, of a message that came.
fn status(header: &Header, command: Option<&Command>, code: u16) -> Status {
    Status {
        message_ref: header.message,
        command_ref: command.map_or("0", |command| &command.id).to_owned(),
        command: command.map_or("SyncHdr", Command::name).to_owned(),
        code,
        ..Status::default()
    }
}

/// Returns the status of the header of a message that came.
fn status_of_header(header: &Header, code: u16, challenge: Option<Challenge>) -> Operation {
    let (targets, sources) = (vec![header.target.uri.clone()], vec![header.source.uri.clone()]);
    Operation::Status(Status { targets, sources, challenge, ..status(header, None, code) })
}

/// Returns what a side answers that does not believe the other: statuses, nothing else.
fn refuse(message: &Message, code: u16, challenge: Option<Challenge>) -> Vec<Operation> {
    let commands = message.commands.iter().filter(|c| !matches!(c.operation, Operation::Status(_)));
    let refused = commands.map(|command| Operation::Status(status(&message.header, Some(command), code)));
    std::iter::once(status_of_header(&message.header, code, challenge)).chain(refused).collect()
}

/// Numbers a command, and those in it, from 1 on.
fn numbered(operation: Operation, last: &mut u32) -> Command {
    *last += 1;
    let id = last.to_string();
    let mut within = |commands: Vec<Command>| {
        commands.into_iter().map(|command| numbered(command.operation, last)).collect::<Vec<_>>()
    };
    let operation = match operation {
        Operation::Atomic(commands) => Operation::Atomic(within(commands)),
        Operation::Sequence(commands) => Operation::Sequence(within(commands)),
        other => other,
    };
    Command::new(id, operation)
}

/// Takes from the front what fits into a message of `most` octets; nothing where the first is too large.
fn take_fitting(operations: &mut VecDeque<Operation>, most: usize) -> Vec<Operation> {
    let room = most.saturating_sub(ENVELOPE);
    let mut size = 0;
    let sizes = operations.iter().map(|operation| {
        size += size_of(operation);
        size
    });
    let fitting = sizes.take_while(|size| *size <= room).count();
    operations.drain(..fitting).collect()
}

/// Returns the octets of a command in XML; in WBXML it is smaller.
fn size_of(operation: &Operation) -> usize {
    codec::write_xml(&Command::new("1000", operation.clone()).to_element(), None, false).len()
}
