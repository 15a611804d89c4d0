//! Answers and what they are made of: the checks before a request is done, and the octets after.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::quality::FixedState;

use super::configuration::Access;
use super::session::Caller;
use crate::codec::{CannotWrite, Encoding};
use crate::csp::wire::{self, Form};
use crate::csp::{self, Code, Discovery, Malformed, Message, Mode, Outcome, Transaction, Version};
use crate::document::{Content, Element};

/// An HTTP answer in the making.
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body; it has the media type of the request.
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Returns an answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: Vec::new() }
    }

    /// Writes a message as far as its form carries it; a message without transactions is empty.
    pub(super) fn of(message: &mut Message<'_>, form: Form) -> Result<Self, CannotWrite> {
        if message.transactions.is_empty() {
            return Ok(Self::empty(200));
        }
        for transaction in &mut message.transactions {
            wire::fit(transaction, form);
        }
        Ok(Self { status: 200, body: wire::write(message, form)? })
    }
}

/// Checks the children of a primitive. Words of a capability list that we do not know are no fault, and presence
/// attributes, fonts and encodings of content have checks and codes of their own.
pub(super) fn check(primitive: &Element<'_>, caller: &Caller) -> Result<(), Outcome> {
    let version = caller.version;
    if csp::fault(primitive, version).is_none() {
        return Ok(());
    }
    let mut primitive = primitive.clone();
    leave_out_what_is_checked_later(&mut primitive);
    let Some(outcome) = csp::fault(&primitive, version) else { return Ok(()) };
    let has_capabilities = primitive.child("CapabilityList").is_some();
    // In plain text not even all that is required of capabilities has a code.
    if has_capabilities && caller.form.encoding == Encoding::Pts {
        return Ok(());
    }
    if !(has_capabilities && outcome.code == Code::BAD_PARAMETER) {
        return Err(outcome);
    }
    let mut rest = primitive;
    rest.children.retain(|child| child.name != "CapabilityList");
    match csp::fault(&rest, version) {
        Some(outcome) if outcome.code == Code::BAD_PARAMETER => Err(outcome),
        _ => Ok(()),
    }
}

fn leave_out_what_is_checked_later(primitive: &mut Element<'_>) {
    for child in &mut primitive.children {
        match child.name.as_ref() {
            "PresenceSubList" => child.children.clear(),
            "MessageInfo" => child.children.retain(|c| !matches!(c.name.as_ref(), "Font" | "ContentEncoding")),
            _ => {}
        }
    }
}

/// Answers which versions we speak.
pub(super) fn discover(asked: &Discovery, access: &Access, form: Form) -> Reply {
    if asked.mode == Mode::Response {
        return Reply::empty(400);
    }
    let (versions, others) = (access.versions.clone(), access.other_servers.clone());
    let answer = Discovery { version: asked.version, mode: Mode::Response, versions, others };
    match wire::write_discovery(&answer, form) {
        Ok(body) => Reply { status: 200, body },
        Err(_) => Reply::empty(500),
    }
}

/// Answers a message whose envelope is broken, as far as there is anyone to answer.
pub(super) fn refuse(seen: Malformed, form: Form, code: Code) -> Reply {
    if !seen.is_answerable() {
        return Reply::empty(400);
    }
    let form = if code == Code::VERSION_NOT_SUPPORTED { Form { public_id: None, ..form } } else { form };
    let answer = Transaction::response(seen.id, Outcome::new(code).describe(seen.what.replace('`', "'")).status());
    write(seen.version, seen.session, vec![answer], (None, None), form, &mut Vec::new())
}

/// Writes a message with its flags Poll and CIR; nothing at all where there are no transactions.
pub(super) fn write(
    version: Version,
    session: csp::Session,
    transactions: Vec<Transaction<'_>>,
    (poll, cir): (Option<bool>, Option<bool>),
    form: Form,
    notes: &mut Vec<String>,
) -> Reply {
    write_message(Message { version, session, transactions, poll, cir }, form, notes)
}

/// Writes a message; what answers cannot say is told by a status.
pub(super) fn write_message(mut message: Message<'_>, form: Form, notes: &mut Vec<String>) -> Reply {
    let reason = match Reply::of(&mut message, form) {
        Ok(reply) => return reply,
        Err(reason) => reason,
    };
    notes.push(format!("an answer cannot be written: {reason}"));
    message.transactions.retain(|transaction| transaction.mode == Mode::Response);
    for transaction in &mut message.transactions {
        transaction.primitive = Outcome::new(Code::INTERNAL_ERROR).status();
    }
    Reply::of(&mut message, form).unwrap_or_else(|_| Reply::empty(500))
}

/// Returns whether a request of ours can be written at all.
pub(super) fn can_be_written(primitive: &Element<'static>, version: Version, form: Form) -> bool {
    let request = Transaction::request("1", primitive.borrowed());
    Reply::of(&mut Message::new(version, csp::Session::Outband, request), form).is_ok()
}

/// Returns a number that two primitives share only if they say the same.
pub(super) fn fingerprint(primitive: &Element<'_>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    primitive.walk(&mut |element, depth| {
        let said = match &element.content {
            Content::Text(text) => text.trim_ascii().as_bytes(),
            Content::Octets(octets) => octets,
        };
        (depth, &*element.name, said).hash(&mut hasher);
    });
    hasher.finish()
}
