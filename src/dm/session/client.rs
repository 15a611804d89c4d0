//! The client's side of a session: it says what device it is, carries out what a server asks that it believes, and
//! answers (DM Protocol 1.2, packages 1 and 3).

use std::collections::VecDeque;

use super::auth::{Credentials, Scheme};
use super::trust::Told;
use super::{ABORT, MOST_MESSAGE, NEXT_MESSAGE, Nonces, Packet, Prover, Verifier};
use super::{numbered, refuse, size_of, status, status_of_header, take_fitting, unknown_version};
use crate::codec::Encoding;
use crate::dm::device::{self, Device};
use crate::dm::syncml::{Alert, Command, Header, Item, Location, Message, Meta, Operation};
use crate::dm::{Node, Uri};

/// Who the client is and whom it talks to.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The identifier of the device: `IMEI:493005100592800`.
    pub device: String,
    /// The address of the server.
    pub server: String,
    /// The identifier of the server in access control lists.
    pub server_id: String,
    /// How the client proves itself (CLCRED), and the nonce of its last session.
    pub own: Option<(Scheme, Credentials, Option<Vec<u8>>)>,
    /// How the server must prove itself (SRVCRED), and the nonce of the last session; `None`: it need not.
    pub wanted: Option<(Scheme, Credentials, Vec<u8>)>,
    /// The syntax of its messages.
    pub encoding: Encoding,
    /// Octets of a message that it takes.
    pub max_message: Option<u32>,
    /// Octets of an object in several pieces that it takes; `None`: it takes no such objects (DevDetail, LrgObj).
    pub max_object: Option<u32>,
}

/// A client with its device.
#[derive(Debug)]
pub struct Client<'d> {
    setup: Setup,
    /// The device, with all that the server has done to it.
    pub device: Device<'d>,
    session: String,
    prover: Prover,
    verifier: Verifier,
    nonces: Nonces,
    /// The number of our last message.
    sent: u32,
    /// What was sent last, to send it again where the server wants a better proof.
    package: Vec<Operation>,
    /// What did not fit into the last message.
    rest: VecDeque<Operation>,
    /// Whether the package that is being answered has come to its end.
    has_all: bool,
    /// Whether the rest of a large object is still to come.
    is_in_parts: bool,
    /// What the server takes in one message, in octets.
    most: usize,
}

/// What follows from a message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Post this and hand over the answer.
    Post(Packet),
    /// The session is over.
    Ended(End),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server had nothing more to do.
    Finished,
    /// The server ended it.
    Aborted,
    /// The server does not believe the device, or does not speak its version.
    Refused(u16),
    /// The server did not prove itself.
    Unproven,
    /// What came is no message, or there was no end to them.
    Broken,
}

impl<'d> Client<'d> {
    /// Returns a client outside of a session. The seed must be random: nonces for the server are made of it.
    pub fn new(setup: Setup, mut device: Device<'d>, seed: [u8; 32]) -> Self {
        if let Some(most) = setup.max_object {
            let most_value = &mut device.abilities_mut().most_value;
            *most_value = (*most_value).min(most as usize);
        }
        let (scheme, credentials, nonce) = match setup.own.clone() {
            Some((scheme, credentials, nonce)) => (scheme, Some(credentials), nonce),
            None => (Scheme::Basic, None, None),
        };
        let (wanted, nonce_of_server) = match setup.wanted.clone() {
            Some((scheme, credentials, nonce)) => (Some((scheme, credentials)), nonce),
            None => (None, Vec::new()),
        };
        Self {
            setup,
            device,
            session: String::new(),
            prover: Prover::new(credentials, scheme, nonce),
            verifier: Verifier::new(wanted, nonce_of_server),
            nonces: Nonces::new(seed),
            sent: 0,
            package: Vec::new(),
            rest: VecDeque::new(),
            has_all: false,
            is_in_parts: false,
            most: MOST_MESSAGE,
        }
    }

    /// Opens a session: returns package 1. `alert` is [`SERVER_INITIATED`](super::SERVER_INITIATED) where a
    /// notification asked for the session and gave its number, else [`CLIENT_INITIATED`](super::CLIENT_INITIATED).
    pub fn start(&mut self, session: u16, alert: u16) -> Packet {
        self.session = format!("{session:X}");
        self.sent = 0;
        self.is_in_parts = false;
        self.rest.clear();
        let alert = Operation::Alert(Alert { code: alert, items: Vec::new() });
        self.package = vec![alert, Operation::Replace(self.info())];
        let package = self.package.clone();
        self.message(package, true)
    }

    /// Returns the nonces to keep for the next session: of our proof, and of the server's.
    pub fn nonces(&self) -> (Option<&[u8]>, &[u8]) {
        (self.prover.nonce(), self.verifier.nonce())
    }

    /// Takes the server's answer with the header [`MAC_HEADER`](super::auth::MAC_HEADER).
    pub fn receive(&mut self, body: &[u8], mac: Option<&str>) -> Next {
        let Some((message, _)) = super::read(body) else { return Next::Ended(End::Broken) };
        let header = &message.header;
        if header.session != self.session || self.sent >= super::MOST_MESSAGES {
            return Next::Ended(End::Broken);
        }
        let told = self.told(&message);
        if let Some(code) = told.refused {
            return Next::Ended(End::Refused(code));
        }
        let (code, challenge) = match unknown_version(header) {
            Some(code) => (code, None),
            None => self.verifier.verify(header, body, mac, &mut self.nonces),
        };
        if code >= 300 {
            if self.verifier.is_tired() {
                return Next::Ended(End::Unproven);
            }
            let mut refusal = refuse(&message, code, challenge);
            if told.again {
                // Both want a better proof: the package goes with ours.
                refusal.extend(self.package.iter().cloned());
            }
            return Next::Post(self.message(refusal, true));
        }
        if told.again {
            let again = std::iter::once(status_of_header(header, code, challenge)).chain(self.package.clone());
            return Next::Post(self.message(again.collect(), true));
        }
        self.most = header.max_message.map_or(self.most, |most| (most as usize).min(MOST_MESSAGE));
        if is_alert(&message, ABORT) {
            return Next::Ended(End::Aborted);
        }
        self.go_on(&message, status_of_header(header, code, challenge))
    }

    /// Does what the server wants and answers.
    fn go_on(&mut self, message: &Message, of_header: Operation) -> Next {
        let header = &message.header;
        let mut answers = std::mem::take(&mut self.rest);
        if answers.is_empty() {
            self.has_all = message.is_final;
        }
        for command in &message.commands {
            match &command.operation {
                Operation::Status(_) => {}
                Operation::Alert(alert) if alert.code == NEXT_MESSAGE => {}
                _ => self.carry_out(header, command, &mut answers),
            }
        }
        let is_over = answers.is_empty() && message.is_final;
        if is_over {
            return Next::Ended(End::Finished);
        }
        if !message.is_final && (answers.is_empty() || self.is_in_parts) {
            answers.push_back(Operation::Alert(Alert { code: NEXT_MESSAGE, items: Vec::new() }));
        }
        self.package = take_fitting(&mut answers, self.most);
        if self.package.is_empty() {
            // The server takes no message that is large enough: one answer a message is the least.
            self.package.extend(answers.pop_front());
        }
        self.rest = answers;
        let is_final = self.has_all && self.rest.is_empty() && !self.is_in_parts;
        let all = std::iter::once(of_header).chain(self.package.iter().cloned()).collect();
        Next::Post(self.message(all, is_final))
    }

    /// Carries out one command.
    fn carry_out(&mut self, header: &Header, command: &Command, answers: &mut VecDeque<Operation>) {
        let is_part = command.operation.items().iter().any(|item| item.more_data);
        if is_part && self.setup.max_object.is_none() {
            return answers.push_back(Operation::Status(status(header, Some(command), 406)));
        }
        let done = self.device.carry_out(&self.setup.server_id, std::slice::from_ref(command));
        for answer in device::answers(&done, header.message, 1) {
            let fitting = self.fitting(answer.operation, answers);
            answers.extend(fitting);
        }
        self.is_in_parts = is_part && done.iter().all(|done| done.code == 213);
    }

    /// Returns an answer that the server has room for: in the place of results that no message holds, their Get has the
    /// status 413.
    fn fitting(&self, operation: Operation, answers: &mut VecDeque<Operation>) -> Option<Operation> {
        let Operation::Results(results) = &operation else { return Some(operation) };
        if size_of(&operation) + super::ENVELOPE <= self.most {
            return Some(operation);
        }
        for answer in answers {
            if let Operation::Status(status) = answer
                && status.command_ref == results.command_ref
            {
                status.code = 413;
            }
        }
        None
    }

    /// Takes the statuses of our header.
    fn told(&mut self, message: &Message) -> Heard {
        let mut heard = Heard::default();
        for command in &message.commands {
            if let Operation::Status(status) = &command.operation
                && status.command_ref == "0"
            {
                match self.prover.told(status) {
                    Told::Accepted => {}
                    Told::Again => heard.again = true,
                    Told::Refused => heard.refused = Some(status.code),
                }
            }
        }
        heard
    }

    /// Returns what the device says of itself: the leaves of `./DevInfo`, or its identifier where it has none.
    fn info(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let uri = Uri::read("./DevInfo").unwrap_or_else(|_| Uri::root());
        for leaf in self.device.tree().get(&uri).into_iter().flat_map(Node::children).filter(|n| !n.is_interior()) {
            let text = leaf.value_text().unwrap_or_default();
            items.push(self_told(&uri.join(leaf.name()).to_string(), text));
        }
        if items.is_empty() {
            items.push(self_told("./DevInfo/DevId", &self.setup.device));
        }
        items
    }

    /// Puts operations into our next message.
    fn message(&mut self, operations: Vec<Operation>, is_final: bool) -> Packet {
        self.sent += 1;
        let mut last = 0;
        let commands = operations.into_iter().map(|operation| numbered(operation, &mut last)).collect();
        let mut header = Header {
            session: self.session.clone(),
            message: self.sent,
            target: Location::new(&self.setup.server),
            source: Location::new(&self.setup.device),
            max_message: self.setup.max_message,
            max_object: self.setup.max_object,
            ..Header::default()
        };
        self.prover.introduce(&mut header);
        super::write(&Message { header, commands, is_final }, self.setup.encoding, &self.prover)
    }
}

/// What statuses of our header say.
#[derive(Default)]
struct Heard {
    again: bool,
    refused: Option<u16>,
}

fn self_told(uri: &str, text: &str) -> Item {
    let meta = Meta { format: Some("chr".to_owned()), type_name: Some("text/plain".to_owned()), ..Meta::default() };
    Item { source: Some(Location::new(uri)), meta, data: Some(text.into()), ..Item::default() }
}

fn is_alert(message: &Message, code: u16) -> bool {
    message.commands.iter().any(|c| matches!(&c.operation, Operation::Alert(alert) if alert.code == code))
}
