//! The server's side of a session: it believes a device, sends what is queued for it a package at a time, and keeps
//! what the device answers (DM Protocol 1.2, packages 2 and 4).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::auth::{Credentials, DEFAULT_NONCE, Scheme};
use super::notification::Notification;
use super::trust::Told;
use super::{ABORT, CLIENT_INITIATED, MOST_MESSAGE, NEXT_MESSAGE, NO_END_OF_DATA, SERVER_INITIATED};
use super::{
    Nonces, Packet, Prover, Verifier, numbered, refuse, status, status_of_header, take_fitting, unknown_version,
};
use crate::diagnose::text::printable;
use crate::dm::syncml::{Alert, Command, Header, Item, Location, Message, Operation, Results, Status};

/// Sessions at the same time at the most; the oldest gives way.
const MOST_SESSIONS: usize = 1000;
/// A session in which nothing was said for so long is over.
const IDLE: Duration = Duration::from_secs(300);
/// Octets of a device's identifier and of a session's at the most.
const MOST_NAME: usize = 255;
/// Nodes of device information that are kept of a device.
const MOST_INFO: usize = 64;
/// Alerts that are kept of a device until they are taken.
const MOST_ALERTS: usize = 100;
/// Items of results that are kept of a device until they are taken.
const MOST_ITEMS: usize = 100_000;
/// A management server without its network.
#[derive(Debug)]
pub struct Server {
    uri: String,
    devices: BTreeMap<String, Device>,
    sessions: BTreeMap<(String, String), Session>,
    nonces: Nonces,
    events: Vec<String>,
}

/// By what a device and the server know each other. Each side has credentials of its own.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How the device proves itself (CLCRED); `None`: it need not.
    pub device: Option<(Scheme, Credentials)>,
    /// How the server proves itself (SRVCRED), if the device asks.
    pub server: Option<(Scheme, Credentials)>,
}

/// What a device answered to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The name of the command.
    pub command: String,
    /// The address that it was for; empty for Atomic and Sequence.
    pub uri: String,
    /// The status; `None` where the device gave none.
    pub code: Option<u16>,
    /// What a Get brought.
    pub results: Vec<Item>,
}

/// What is known of a device.
#[derive(Debug)]
struct Device {
    terms: Terms,
    /// The nonce of the device's next proof.
    nonce: Vec<u8>,
    /// The nonce of our next proof to it.
    own_nonce: Option<Vec<u8>>,
    queue: VecDeque<VecDeque<Operation>>,
    answers: Vec<Answered>,
    alerts: VecDeque<Alert>,
    info: BTreeMap<String, String>,
    kept: usize,
}

/// A session under way.
#[derive(Debug)]
struct Session {
    verifier: Verifier,
    prover: Prover,
    /// The number of our last message.
    sent: u32,
    outstanding: Vec<Outstanding>,
    /// The package sent last, to send it again where the device wants a better proof.
    package: Vec<Operation>,
    used: Duration,
    /// The last message of the device and what was answered, for one that comes again.
    last: Option<([u8; 32], Packet)>,
    /// What the device takes in one message, in octets.
    most: usize,
}

/// A command that has no status yet.
#[derive(Debug)]
struct Outstanding {
    message: u32,
    id: String,
    answered: Answered,
}

/// What is to be done after the commands of a message.
#[derive(Default)]
struct Heard {
    statuses: Vec<Operation>,
    /// The device wants the last package again.
    again: bool,
    /// The session ends here.
    ends: bool,
}

impl Server {
    /// Returns a server that is reached at `uri`. The seed must be random: nonces are made of it.
    pub fn new(uri: impl Into<String>, seed: [u8; 32]) -> Self {
        Self {
            uri: uri.into(),
            devices: BTreeMap::new(),
            sessions: BTreeMap::new(),
            nonces: Nonces::new(seed),
            events: Vec::new(),
        }
    }

    /// Makes a device known, or changes the terms of one.
    pub fn enrol(&mut self, device: &str, terms: Terms) {
        let known = self.devices.entry(device.to_owned()).or_insert_with(|| Device::new(Terms::default()));
        known.terms = terms;
    }

    /// Queues a package of commands for a device: one that is sent when all before it are answered. Returns whether
    /// the device is known.
    pub fn queue(&mut self, device: &str, package: Vec<Operation>) -> bool {
        self.devices.get_mut(device).map(|known| known.queue.push_back(package.into())).is_some()
    }

    /// Returns the packages that still wait for a device.
    pub fn waiting(&self, device: &str) -> usize {
        self.devices.get(device).map_or(0, |known| known.queue.len())
    }

    /// Takes what a device has answered since it was last asked, in the order of the commands.
    pub fn take_answers(&mut self, device: &str) -> Vec<Answered> {
        let Some(known) = self.devices.get_mut(device) else { return Vec::new() };
        known.kept = 0;
        std::mem::take(&mut known.answers)
    }

    /// Takes the alerts of a device that are no part of the protocol: events and the results of what it was to execute.
    /// The latest are kept.
    pub fn take_alerts(&mut self, device: &str) -> Vec<Alert> {
        self.devices.get_mut(device).map(|known| known.alerts.drain(..).collect()).unwrap_or_default()
    }

    /// Takes what happened since it was last asked: lines for a log.
    pub fn take_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// Returns what a device said of itself: the leaves of `./DevInfo` by address.
    pub fn info(&self, device: &str) -> impl Iterator<Item = (&str, &str)> {
        let info = self.devices.get(device).into_iter().flat_map(|known| &known.info);
        info.map(|(uri, value)| (uri.as_str(), value.as_str()))
    }

    /// Returns package 0 for a device: what asks it to open `session`. `None` where the device is not known or the
    /// server has no credentials to prove itself to it.
    pub fn notification(&self, device: &str, session: u16) -> Option<Vec<u8>> {
        let known = self.devices.get(device)?;
        let (_, credentials) = known.terms.server.as_ref()?;
        let nonce = known.own_nonce.as_deref().unwrap_or(DEFAULT_NONCE);
        Some(Notification::new(session, credentials.user()).write(credentials, nonce))
    }

    /// Takes a message that was posted, with the header [`MAC_HEADER`](super::auth::MAC_HEADER), and returns the answer.
    /// `None` where it is no message at all. `now` counts from any fixed moment.
    pub fn handle(&mut self, now: Duration, body: &[u8], mac: Option<&str>) -> Option<Packet> {
        let (message, encoding) = super::read(body)?;
        let (device, session) = (message.header.source.uri.clone(), message.header.session.clone());
        if device.len() > MOST_NAME || session.len() > MOST_NAME {
            return None;
        }
        self.sessions.retain(|_, session| now.saturating_sub(session.used) < IDLE);
        let key = (device, session);
        let mut session = match self.sessions.remove(&key) {
            Some(session) => session,
            None => self.open(&key.0),
        };
        session.used = now;
        let digest: [u8; 32] = Sha256::digest(body).into();
        if let Some((_, answer)) = session.last.as_ref().filter(|(last, _)| *last == digest) {
            let answer = answer.clone();
            self.sessions.insert(key, session);
            return Some(answer);
        }
        // A stranger is asked for a proof like anyone else, and never believed.
        let mut stranger = Device::new(Terms::default());
        let known = self.devices.get_mut(&key.0).unwrap_or(&mut stranger);
        let (answer, ends) = session.turn(&message, body, mac, known, &self.uri, &mut self.nonces);
        let packet = super::write(&answer, encoding, &session.prover);
        known.nonce = session.verifier.nonce().to_vec();
        self.events.extend(told(&key.0, &message, &answer, ends));
        if !ends {
            session.last = Some((digest, packet.clone()));
            self.make_room();
            self.sessions.insert(key, session);
        }
        Some(packet)
    }

    fn open(&mut self, device: &str) -> Session {
        let (verifier, prover) = match self.devices.get(device) {
            Some(known) => {
                let own = known.terms.server.clone();
                let scheme = own.as_ref().map_or(Scheme::Basic, |(scheme, _)| *scheme);
                let credentials = own.map(|(_, credentials)| credentials);
                let verifier = Verifier::new(known.terms.device.clone(), known.nonce.clone());
                (verifier, Prover::new(credentials, scheme, known.own_nonce.clone()))
            }
            None => {
                let nobody = Credentials::new("", crate::document::to_base64(&self.nonces.next()));
                (Verifier::new(Some((Scheme::Md5, nobody)), Vec::new()), Prover::new(None, Scheme::Basic, None))
            }
        };
        let (outstanding, package) = (Vec::new(), Vec::new());
        let most = MOST_MESSAGE;
        Session { verifier, prover, sent: 0, outstanding, package, used: Duration::ZERO, last: None, most }
    }

    fn make_room(&mut self) {
        if self.sessions.len() >= MOST_SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| key.clone());
            oldest.map(|key| self.sessions.remove(&key));
        }
    }
}

impl Device {
    fn new(terms: Terms) -> Self {
        Self {
            terms,
            nonce: Vec::new(),
            own_nonce: None,
            queue: VecDeque::new(),
            answers: Vec::new(),
            alerts: VecDeque::new(),
            info: BTreeMap::new(),
            kept: 0,
        }
    }

    /// Returns whether there is room to keep so many more items of what the device sent.
    fn may_keep(&mut self, items: usize) -> bool {
        let may = self.kept + items <= MOST_ITEMS;
        self.kept += if may { items } else { 0 };
        may
    }
}

impl Session {
    /// Answers one message; the flag says whether the session is over.
    fn turn(
        &mut self,
        message: &Message,
        body: &[u8],
        mac: Option<&str>,
        device: &mut Device,
        uri: &str,
        nonces: &mut Nonces,
    ) -> (Message, bool) {
        let header = &message.header;
        self.most = header.max_message.map_or(MOST_MESSAGE, |most| (most as usize).min(MOST_MESSAGE));
        let (code, challenge) = match unknown_version(header) {
            Some(code) => (code, None),
            None => self.verifier.verify(header, body, mac, nonces),
        };
        if code >= 300 {
            let ends = self.verifier.is_tired() || !matches!(code, 401 | 407);
            return (self.message(header, uri, refuse(message, code, challenge), true), ends);
        }
        let mut answer = vec![status_of_header(header, code, challenge)];
        let heard = self.hear(message, device);
        answer.extend(heard.statuses);
        if !message.is_final && !heard.ends {
            answer.push(Operation::Alert(Alert { code: NEXT_MESSAGE, items: Vec::new() }));
            return (self.message(header, uri, answer, false), self.sent > super::MOST_MESSAGES);
        }
        device.own_nonce = self.prover.nonce().map(<[u8]>::to_vec);
        let package = if heard.again && !self.package.is_empty() {
            self.outstanding.clear();
            std::mem::take(&mut self.package)
        } else {
            self.next_package(device)
        };
        let ends = heard.ends || package.is_empty() || self.sent > super::MOST_MESSAGES;
        self.package = if heard.ends { Vec::new() } else { package };
        answer.extend(self.package.iter().cloned());
        (self.message(header, uri, answer, true), ends)
    }

    /// Takes the commands of a message.
    fn hear(&mut self, message: &Message, device: &mut Device) -> Heard {
        let mut heard = Heard::default();
        for command in &message.commands {
            let code = match &command.operation {
                Operation::Status(status) if status.command_ref == "0" => {
                    match self.prover.told(status) {
                        Told::Accepted => {}
                        Told::Again => heard.again = true,
                        Told::Refused => heard.ends = true,
                    }
                    continue;
                }
                Operation::Status(status) => {
                    self.take_status(status);
                    continue;
                }
                Operation::Results(results) => {
                    self.take_results(results, device);
                    continue;
                }
                Operation::Alert(alert) => alerted(alert, device, &mut heard),
                Operation::Replace(items) => {
                    take_info(items, device);
                    200
                }
                _ => 406,
            };
            heard.statuses.push(Operation::Status(status(&message.header, Some(command), code)));
        }
        heard
    }

    fn take_status(&mut self, status: &Status) {
        let mut outstanding = self.outstanding.iter_mut();
        let is_meant = |sent: &&mut Outstanding| sent.message == status.message_ref && sent.id == status.command_ref;
        if let Some(sent) = outstanding.find(is_meant) {
            sent.answered.code = Some(status.code);
        }
    }

    fn take_results(&mut self, results: &Results, device: &mut Device) {
        let mut outstanding = self.outstanding.iter_mut();
        let is_meant = |sent: &&mut Outstanding| sent.message == results.message_ref && sent.id == results.command_ref;
        if let Some(sent) = outstanding.find(is_meant).filter(|_| device.may_keep(results.items.len())) {
            sent.answered.results.extend(results.items.iter().cloned());
        }
    }

    /// Hands over what was answered, and returns the next package: as much of it as fits into a message.
    fn next_package(&mut self, device: &mut Device) -> Vec<Operation> {
        device.answers.extend(self.outstanding.drain(..).map(|sent| sent.answered));
        while let Some(package) = device.queue.front_mut() {
            let next = take_fitting(package, self.most);
            // What is too large for any message is not sent: the device would refuse it so.
            let large = if next.is_empty() { package.pop_front() } else { None };
            if package.is_empty() {
                device.queue.pop_front();
            }
            if !next.is_empty() {
                return next;
            }
            device.answers.extend(large.map(|large| Answered { code: Some(413), ..answered(&large) }));
        }
        Vec::new()
    }

    /// Puts operations into our next message and notes which of them want a status.
    fn message(&mut self, to: &Header, uri: &str, operations: Vec<Operation>, is_final: bool) -> Message {
        self.sent += 1;
        let mut last = 0;
        let commands: Vec<Command> = operations.into_iter().map(|operation| numbered(operation, &mut last)).collect();
        for command in &commands {
            note(command, self.sent, &mut self.outstanding);
        }
        let mut header = Header {
            version: to.version.clone(),
            protocol: to.protocol.clone(),
            session: to.session.clone(),
            message: self.sent,
            target: Location::new(&to.source.uri),
            source: Location::new(uri),
            ..Header::default()
        };
        if unknown_version(to).is_some() {
            let usual = Header::default();
            (header.version, header.protocol) = (usual.version, usual.protocol);
        }
        self.prover.introduce(&mut header);
        Message { header, commands, is_final }
    }
}

fn note(command: &Command, message: u32, outstanding: &mut Vec<Outstanding>) {
    if matches!(command.operation, Operation::Status(_) | Operation::Results(_) | Operation::Alert(_)) {
        return;
    }
    outstanding.push(Outstanding { message, id: command.id.clone(), answered: answered(&command.operation) });
    command.operation.commands().iter().for_each(|command| note(command, message, outstanding));
}

fn answered(operation: &Operation) -> Answered {
    let uri = operation.items().first().map_or("", Item::target_uri).to_owned();
    Answered { command: operation.name().to_owned(), uri, code: None, results: Vec::new() }
}

/// Returns what happened in one exchange, for a log: the statuses that the device gave, and where a session starts or ends.
fn told(device: &str, message: &Message, answer: &Message, ends: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let refusal = answer.commands.iter().find_map(|command| match &command.operation {
        Operation::Status(status) if status.command_ref == "0" && status.code >= 300 => Some(status.code),
        _ => None,
    });
    match refusal {
        Some(code @ (401 | 407)) if !ends => lines.push(format!("dm {device} is asked for a proof ({code})")),
        Some(code) => lines.push(format!("warning: dm {device} is refused ({code})")),
        None if message.commands.iter().any(opens) => {
            lines.push(format!("dm {device} begins session {}", message.header.session))
        }
        None => {}
    }
    let mut answers: Vec<(&str, u16, usize)> = Vec::new();
    for command in &message.commands {
        let Operation::Status(status) = &command.operation else { continue };
        match answers.last_mut().filter(|(name, code, _)| (*name, *code) == (&status.command, status.code)) {
            Some((.., count)) => *count += 1,
            None if status.command_ref == "0" => {}
            None => answers.push((&status.command, status.code, 1)),
        }
    }
    lines.extend(answers.iter().map(|(name, code, count)| format!("dm {device} answers {count} × {name} with {code}")));
    for command in &message.commands {
        if let Operation::Alert(Alert { code: code @ (1224 | 1226), items }) = &command.operation {
            let what = items.first().and_then(|item| item.meta.type_name.as_deref()).unwrap_or("an event");
            lines.push(format!("dm {device} tells of {what} (alert {code})"));
        }
    }
    if ends {
        lines.push(format!("dm {device} ends session {}", message.header.session));
    }
    lines.iter().map(|line| printable(line).into_owned()).collect()
}

fn opens(command: &Command) -> bool {
    matches!(&command.operation, Operation::Alert(alert) if matches!(alert.code, SERVER_INITIATED | CLIENT_INITIATED))
}

fn alerted(alert: &Alert, device: &mut Device, heard: &mut Heard) -> u16 {
    match alert.code {
        SERVER_INITIATED | CLIENT_INITIATED | NEXT_MESSAGE | NO_END_OF_DATA => 200,
        ABORT => {
            heard.ends = true;
            200
        }
        1224 | 1226 => {
            if device.alerts.len() >= MOST_ALERTS {
                device.alerts.pop_front();
            }
            device.alerts.push_back(alert.clone());
            200
        }
        _ => 406,
    }
}

fn take_info(items: &[Item], device: &mut Device) {
    for item in items {
        let is_known = device.info.contains_key(item.source_uri());
        if let Some(value) = item.data.as_ref().and_then(|data| data.text())
            && (is_known || device.info.len() < MOST_INFO)
        {
            device.info.insert(item.source_uri().to_owned(), value.to_owned());
        }
    }
}
