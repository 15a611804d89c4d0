//! The client engine: it is told the time and what happened, and answers what to post and what to tell the user.
//!
//! One exchange is under way at a time; what else there is to say waits in a queue. Every request that the server
//! opens is acknowledged. One that comes again is acknowledged again and not told again.

use std::collections::VecDeque;
use std::time::Duration;

use super::negotiation::{Agreed, Identity, Negotiation};
use crate::csp::wire::{self, Body, Form};
use crate::csp::{Code, Message, Mode, Outcome, Primitive, Schema, Services, Session, Transaction};
use crate::document::Element;

/// What waits to be sent at most; more is refused.
const QUEUE: usize = 64;
/// Transactions of the server and messages that are remembered, to know a repeat.
const REMEMBERED: usize = 256;
/// Polls in a row because the server says that more waits; then the clock decides again.
const POLLS_IN_A_ROW: u32 = 200;
/// The gap between polls grows by this each time nothing came, up to [`LONGEST_GAP`].
const GAP_STEP: Duration = Duration::from_secs(10);
const LONGEST_GAP: Duration = Duration::from_secs(120);

/// What happens to a client.
#[derive(Debug)]
pub enum Event {
    /// The user wants a session.
    LogIn,
    /// The user wants to send a request.
    Request(Element<'static>),
    /// The user wants to know what waits.
    Poll,
    /// The user is done.
    LogOut,
    /// The transport answered the last post; the body may be empty.
    Answer(Vec<u8>),
    /// The transport failed to.
    Failed(String),
    /// Time has passed; see [`Client::next_deadline`].
    Tick,
}

/// What a client does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Post this body, and hand over the answer.
    Post {
        /// The Content-Type.
        media_type: &'static str,
        /// The body.
        body: Vec<u8>,
    },
    /// The session is there and negotiated.
    LoggedIn,
    /// The answer to a request of ours.
    Answered {
        /// The name of the request.
        request: String,
        /// The response.
        answer: Element<'static>,
    },
    /// The server opened a request; it is acknowledged.
    Received(Element<'static>),
    /// The session is over.
    Ended(Code),
    /// A request came to nothing: lower-case start, no full stop.
    Failed {
        /// The name of the request.
        request: String,
        /// Why.
        why: String,
    },
}

/// One client.
#[derive(Debug)]
pub struct Client {
    identity: Identity,
    state: State,
    queue: VecDeque<Outgoing>,
    /// What is under way, as long as its answer is not there.
    exchange: Option<Exchange>,
    next_id: u32,
    /// Transactions that the server opened, and messages that it brought.
    seen: VecDeque<String>,
    agreed: Agreed,
    /// Whether the server last said that more waits.
    more_waits: bool,
    polls: u32,
    poll_gap: Duration,
    next_poll: Duration,
    last_sent: Duration,
    now: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Out,
    LoggingIn,
    /// The digest is sent; another challenge would be a loop.
    Proving,
    /// The session is there; capabilities and services are being negotiated.
    Negotiating(String),
    In(String),
}

#[derive(Debug)]
enum Outgoing {
    Request { id: Option<String>, primitive: Element<'static> },
    Response { id: Option<String>, primitive: Element<'static> },
}

#[derive(Debug)]
struct Exchange {
    /// The request's identifier and name; an acknowledgement has none.
    request: Option<(Option<String>, String)>,
}

impl Client {
    /// Returns a client that is logged out.
    pub fn new(identity: Identity) -> Self {
        Self {
            agreed: Agreed::new(identity.time_to_live),
            identity,
            state: State::Out,
            queue: VecDeque::new(),
            exchange: None,
            next_id: 1,
            seen: VecDeque::new(),
            more_waits: false,
            polls: 0,
            poll_gap: Duration::ZERO,
            next_poll: Duration::ZERO,
            last_sent: Duration::ZERO,
            now: Duration::ZERO,
        }
    }

    /// Returns who logs in.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns whether there is a session.
    pub fn is_in(&self) -> bool {
        self.session_id().is_some()
    }

    /// Returns the session's identifier.
    pub fn session_id(&self) -> Option<&str> {
        match &self.state {
            State::Negotiating(id) | State::In(id) => Some(id),
            State::Out | State::LoggingIn | State::Proving => None,
        }
    }

    /// Returns what was agreed.
    pub fn services(&self) -> &Services {
        &self.agreed.services
    }

    /// Returns how long the session may be silent.
    pub fn keep_alive(&self) -> Duration {
        self.agreed.keep_alive
    }

    /// Returns when to send [`Event::Tick`]: the next poll, or the last moment to keep the session.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.is_in().then(|| self.next_poll.min(self.keep_alive_due()))
    }

    /// Takes an event at a time that is counted from any fixed moment.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Output> {
        self.now = now;
        let mut outputs = Vec::new();
        match event {
            Event::LogIn => self.log_in(&mut outputs),
            Event::Request(primitive) => self.ask(primitive, &mut outputs),
            Event::Poll => self.poll(),
            Event::LogOut => self.ask(Element::new("Logout-Request"), &mut outputs),
            Event::Answer(body) => self.answer(&body, &mut outputs),
            Event::Failed(why) => {
                let exchange = self.exchange.take();
                self.fail(exchange, why, &mut outputs);
            }
            Event::Tick => self.tick(),
        }
        self.post(&mut outputs);
        outputs
    }

    fn log_in(&mut self, outputs: &mut Vec<Output>) {
        self.end();
        self.state = State::LoggingIn;
        self.ask(self.identity.login(), outputs);
    }

    fn ask(&mut self, primitive: Element<'static>, outputs: &mut Vec<Output>) {
        if self.queue.len() >= QUEUE {
            let why = format!("{QUEUE} requests wait already");
            outputs.push(Output::Failed { request: primitive.name.into_owned(), why });
            return;
        }
        let id = Some(self.next_id.to_string());
        // A client that may speak the plain-text syntax keeps to three digits (CSP data types, "Lengths").
        self.next_id = self.next_id % 999 + 1;
        self.queue.push_back(Outgoing::Request { id, primitive });
    }

    fn poll(&mut self) {
        let is_poll =
            |o: &Outgoing| matches!(o, Outgoing::Request { primitive, .. } if primitive.name == "Polling-Request");
        if self.is_in() && !self.queue.iter().any(is_poll) {
            self.queue.push_back(Outgoing::Request { id: None, primitive: Element::new("Polling-Request") });
        }
    }

    fn keep_alive_due(&self) -> Duration {
        // A margin, so that the request arrives in time.
        let margin = (self.agreed.keep_alive / 4).min(Duration::from_secs(10));
        self.last_sent + self.agreed.keep_alive.saturating_sub(margin)
    }

    fn tick(&mut self) {
        if !matches!(self.state, State::In(_)) || self.exchange.is_some() || !self.queue.is_empty() {
            return;
        }
        if self.now >= self.next_poll {
            self.polls = 0;
            self.poll();
        } else if self.now >= self.keep_alive_due() {
            self.ask(Element::new("KeepAlive-Request"), &mut Vec::new());
        }
    }

    /// Posts the next of the queue, unless an exchange is under way.
    fn post(&mut self, outputs: &mut Vec<Output>) {
        while self.exchange.is_none() {
            let Some(outgoing) = self.queue.pop_front() else { return };
            let (request, transaction) = match outgoing {
                Outgoing::Request { id, primitive } => {
                    let request = Some((id.clone(), primitive.name.to_string()));
                    (request, Transaction { mode: Mode::Request, id, primitive })
                }
                Outgoing::Response { id, primitive } => (None, Transaction::response(id, primitive)),
            };
            let session = self.session_id().map_or(Session::Outband, |id| Session::Inband(id.to_owned()));
            let (version, encoding) = (self.identity.version, self.identity.encoding);
            let message = Message::new(version, session, transaction);
            let exchange = Exchange { request };
            match wire::write(&message, Form::of(encoding)) {
                Ok(body) => {
                    self.exchange = Some(exchange);
                    self.last_sent = self.now;
                    outputs.push(Output::Post { media_type: wire::media_type(version, encoding), body });
                }
                Err(error) => self.fail(Some(exchange), error.to_string(), outputs),
            }
        }
    }

    fn fail(&mut self, exchange: Option<Exchange>, why: String, outputs: &mut Vec<Output>) {
        if matches!(self.state, State::LoggingIn | State::Proving) {
            self.end();
        }
        self.more_waits = false;
        if let Some((_, request)) = exchange.and_then(|exchange| exchange.request) {
            self.negotiated(&request, &mut Vec::new());
            outputs.push(Output::Failed { request, why });
        }
    }

    fn answer(&mut self, body: &[u8], outputs: &mut Vec<Output>) {
        let Some(exchange) = self.exchange.take() else { return };
        let was_poll = exchange.request.as_ref().is_some_and(|(id, _)| id.is_none());
        if body.is_empty() {
            // An empty answer is right after a poll or an acknowledgement only.
            if exchange.request.is_some() && !was_poll {
                return self.fail(Some(exchange), "the server sent no answer".to_owned(), outputs);
            }
            if was_poll {
                self.more_waits = false;
                self.poll_gap = (self.poll_gap + GAP_STEP).min(LONGEST_GAP);
            }
            self.next_poll = self.now + self.agreed.poll_min.max(self.poll_gap);
        } else {
            let message = match wire::read(body, &wire::LIMITS) {
                Ok((Body::Message(message), _)) => message,
                Ok((Body::Discovery(_), _)) => {
                    return self.fail(Some(exchange), "the answer is a discovery document".to_owned(), outputs);
                }
                Err(refusal) => return self.fail(Some(exchange), refusal.what(), outputs),
            };
            self.poll_gap = Duration::ZERO;
            self.next_poll = self.now + self.agreed.poll_min;
            self.more_waits = message.poll.unwrap_or(self.more_waits);
            self.take(message, exchange, outputs);
        }
        if self.more_waits && self.queue.is_empty() && self.polls < POLLS_IN_A_ROW {
            self.polls += 1;
            self.poll();
        } else if !self.more_waits {
            self.polls = 0;
        }
    }

    fn take(&mut self, message: Message, exchange: Exchange, outputs: &mut Vec<Output>) {
        let mut open = exchange.request;
        let was_poll = open.as_ref().is_some_and(|(id, _)| id.is_none());
        for transaction in message.transactions {
            match transaction.mode {
                Mode::Request => self.serve(transaction, outputs),
                Mode::Response => {
                    let is_ours = open.as_ref().is_some_and(|(id, _)| *id == transaction.id || id.is_none());
                    if is_ours && let Some((id, request)) = open.take() {
                        self.conclude(id, request, transaction.primitive, outputs);
                    }
                }
            }
        }
        if let Some((_, request)) = open.filter(|_| !was_poll) {
            let why = "the answer belongs to another transaction".to_owned();
            outputs.push(Output::Failed { request, why });
        }
    }

    /// Does what the answer to a request of ours means for the session, and tells it.
    fn conclude(&mut self, id: Option<String>, request: String, answer: Element<'static>, outputs: &mut Vec<Output>) {
        let version = self.identity.version;
        let code = Outcome::read(&answer).map(|outcome| outcome.code);
        if let Some(code) = code.filter(|code| code.ends_session() && self.is_in()) {
            outputs.push(Output::Answered { request, answer });
            self.end();
            outputs.push(Output::Ended(code));
            return;
        }
        match request.as_str() {
            "Login-Request" => return self.logged_in(id, answer, outputs),
            // Either is right: a Disconnect in 1.1, a Status since (and servers mix them).
            "Logout-Request" if matches!(answer.name.as_ref(), "Status" | "Disconnect") => {
                outputs.push(Output::Answered { request, answer });
                self.end();
                outputs.push(Output::Ended(code.unwrap_or(Code::SUCCESSFUL)));
                return;
            }
            "KeepAlive-Request" => self.agreed.read_keep_alive(&answer),
            "ClientCapability-Request" => self.agreed.read_capabilities(&answer),
            "Service-Request" => self.agreed.read_services(self.identity.version, &answer),
            "GetMessage-Request" => self.confirm(&answer),
            "Polling-Request" if code.is_none_or(Code::is_success) => return,
            _ => {}
        }
        let expected = Primitive::find(version, &request).map_or(&[][..], |row| &row.answers);
        if answer.name == "Status" || expected.is_empty() || expected.contains(&answer.name.as_ref()) {
            outputs.push(Output::Answered { request: request.clone(), answer });
        } else {
            let why = format!("the server answers with {}", answer.name);
            outputs.push(Output::Failed { request: request.clone(), why });
        }
        self.negotiated(&request, outputs);
    }

    /// The answer to the services is the last of the negotiation.
    fn negotiated(&mut self, request: &str, outputs: &mut Vec<Output>) {
        if request == "Service-Request"
            && let State::Negotiating(id) = &self.state
        {
            self.state = State::In(id.clone());
            outputs.push(Output::LoggedIn);
        }
    }

    fn logged_in(&mut self, id: Option<String>, answer: Element<'static>, outputs: &mut Vec<Output>) {
        let session = answer.child_text("SessionID").filter(|id| !id.is_empty()).map(str::to_owned);
        let nonce = answer.child("Nonce").map(|nonce| nonce.trimmed().to_owned());
        // A challenge comes with status 401 or 200; what tells it is a nonce and no session.
        let is_challenge = session.is_none() && self.state == State::LoggingIn && nonce.is_some();
        if let Some(nonce) = nonce.filter(|_| is_challenge) {
            let schema = Schema::read_all(&answer).into_iter().find(|schema| self.identity.schemas.contains(schema));
            if let Some(schema) = schema {
                // The same transaction goes on (CSP sessions, "Login").
                self.queue.push_front(Outgoing::Request { id, primitive: self.identity.proof(schema, &nonce) });
                self.state = State::Proving;
                return;
            }
        }
        let request = "Login-Request".to_owned();
        let is_good = Outcome::read(&answer).is_some_and(|outcome| outcome.code.is_success());
        let Some(session) = session.filter(|_| is_good) else {
            self.end();
            outputs.push(Output::Answered { request, answer });
            return;
        };
        self.agreed.read_keep_alive(&answer);
        self.agreed.read_capabilities(&answer);
        self.agreed.services = Services::base(self.identity.version);
        let wants_capabilities =
            answer.child_text("CapabilityRequest").is_some_and(|text| text.eq_ignore_ascii_case("T"));
        match self.identity.negotiation {
            Negotiation::AfterLogin => {
                self.state = State::Negotiating(session);
                if wants_capabilities {
                    self.ask(self.identity.capability_request(), outputs);
                }
                self.ask(self.identity.service_request(), outputs);
                outputs.push(Output::Answered { request, answer });
            }
            negotiation => {
                self.state = State::In(session);
                if negotiation == Negotiation::AtLogin {
                    self.agreed.read_services(self.identity.version, &answer);
                }
                outputs.push(Output::Answered { request, answer });
                outputs.push(Output::LoggedIn);
            }
        }
    }

    /// Confirms a fetched message: this client has it now.
    fn confirm(&mut self, answer: &Element<'_>) {
        if let Some(id) = answer.descend(&["MessageInfo", "MessageID"]).map(Element::trimmed) {
            let delivered = Element::new("MessageDelivered").with_leaf("MessageID", id.to_owned());
            self.ask(delivered, &mut Vec::new());
        }
    }

    /// Acknowledges a request of the server, and tells it unless it is a repeat.
    fn serve(&mut self, transaction: Transaction, outputs: &mut Vec<Output>) {
        if !self.is_in() {
            return;
        }
        let primitive = transaction.primitive;
        let message_id = primitive.descend(&["MessageInfo", "MessageID"]).map(|id| id.trimmed().to_owned());
        let row = Primitive::find(self.identity.version, &primitive.name).filter(|row| row.is_from_server());
        let answer = match (row, &message_id) {
            (None, _) => Outcome::new(Code::NOT_IMPLEMENTED).status(),
            (Some(row), Some(id)) if row.name == "NewMessage" => {
                Element::new("MessageDelivered").with_leaf("MessageID", id.clone())
            }
            (Some(_), _) => Outcome::new(Code::SUCCESSFUL).status(),
        };
        self.queue.push_back(Outgoing::Response { id: transaction.id.clone(), primitive: answer });
        let mut is_new = row.is_some();
        if let Some(id) = transaction.id {
            is_new &= self.is_new(format!("transaction {id}"));
        }
        // A message that was not confirmed in time comes again in a new transaction.
        if let Some(id) = message_id.filter(|_| matches!(primitive.name.as_ref(), "NewMessage" | "MessageNotification"))
        {
            is_new &= self.is_new(format!("{} {id}", primitive.name));
        }
        let reason = Outcome::read(&primitive).map(|outcome| outcome.code);
        let is_end = primitive.name == "Disconnect";
        if is_new {
            outputs.push(Output::Received(primitive));
        }
        if is_end {
            // The acknowledgement is the last that goes out in the session.
            self.queue.drain(..self.queue.len() - 1);
            self.post(outputs);
            self.end();
            outputs.push(Output::Ended(reason.unwrap_or(Code::FORCED_LOGOUT)));
        }
    }

    fn is_new(&mut self, mark: String) -> bool {
        if self.seen.contains(&mark) {
            return false;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(mark);
        true
    }

    fn end(&mut self) {
        self.state = State::Out;
        self.queue.clear();
        self.seen.clear();
        self.agreed.services = Services::default();
        self.more_waits = false;
        self.polls = 0;
        self.poll_gap = Duration::ZERO;
    }
}
