//! Exchanges: what waits to be posted, what is under way, and what becomes of it when the transport fails.
//!
//! Requests are repeated once, in a new transaction, where nobody knows whether the server got them; a login, a logout
//! and the answer to a request of the server are not (CSP transport, "Retransmission and duplicates").

use std::time::Duration;

use super::engine::{Client, GAP_STEP, LONGEST_GAP, Output, State};
use crate::codec::Encoding;
use crate::csp::wire::{self, Body};
use crate::csp::{Discovery, Message, Mode, Session, Transaction, Version};
use crate::document::Element;

/// What waits to be sent at most; more is refused.
const QUEUE: usize = 64;
/// How often a request is posted: once more than once.
const POSTS: u8 = 2;
/// Transactions that nobody waits for and that are remembered, to know a late answer.
const GIVEN_UP: usize = 32;
/// Polls in a row because the server says that more waits; then the clock decides again.
const POLLS_IN_A_ROW: u32 = 200;

#[derive(Debug)]
pub(super) enum Outgoing {
    Request {
        id: Option<String>,
        primitive: Element<'static>,
        /// How often it was posted.
        posts: u8,
    },
    Response {
        id: Option<String>,
        primitive: Element<'static>,
    },
    /// The document that asks for versions, in the form of this one.
    Discovery(Version),
}

impl Outgoing {
    /// Returns whether it may share a message with others: what changes the session itself goes alone.
    fn may_be_joined(&self) -> bool {
        match self {
            Self::Response { .. } => true,
            Self::Discovery(_) => false,
            Self::Request { primitive, .. } => {
                !matches!(primitive.name.as_ref(), "Login-Request" | "Logout-Request" | "Polling-Request")
            }
        }
    }
}

/// What was posted and is not answered.
#[derive(Debug)]
pub(super) struct Exchange {
    /// When.
    pub(super) since: Duration,
    /// The requests; none where it was an acknowledgement.
    requests: Vec<Asked>,
    discovery: Option<Version>,
}

#[derive(Debug)]
struct Asked {
    id: Option<String>,
    primitive: Element<'static>,
    posts: u8,
}

impl Asked {
    fn is_poll(&self) -> bool {
        self.id.is_none()
    }
}

impl Client {
    /// Puts a request at the end of the queue.
    pub(super) fn ask(&mut self, primitive: Element<'static>, outputs: &mut Vec<Output>) {
        if self.queue.len() >= QUEUE {
            let why = format!("{QUEUE} requests wait already");
            outputs.push(Output::Failed { request: primitive.name.into_owned(), why });
            return;
        }
        let id = Some(self.new_id());
        self.queue.push_back(Outgoing::Request { id, primitive, posts: 0 });
    }

    /// Puts the answer to a request of the server into the queue: before our own requests, since it is they that must
    /// not be too many at a time (MultiTrans).
    pub(super) fn acknowledge(&mut self, id: Option<String>, primitive: Element<'static>) {
        let place = self.queue.iter().take_while(|o| matches!(o, Outgoing::Response { .. })).count();
        self.queue.insert(place, Outgoing::Response { id, primitive });
    }

    fn new_id(&mut self) -> String {
        let id = self.next_id;
        // A client that may speak the plain-text syntax keeps to three digits (CSP data types, "Lengths").
        self.next_id = self.next_id % 999 + 1;
        id.to_string()
    }

    pub(super) fn poll(&mut self) {
        let is_poll =
            |o: &Outgoing| matches!(o, Outgoing::Request { primitive, .. } if primitive.name == "Polling-Request");
        if self.identity.polls && self.is_in() && !self.queue.iter().any(is_poll) {
            let primitive = Element::new("Polling-Request");
            self.queue.push_back(Outgoing::Request { id: None, primitive, posts: 0 });
        }
    }

    /// Posts the next of the queue, unless an exchange is under way.
    pub(super) fn post(&mut self, outputs: &mut Vec<Output>) {
        while self.exchange.is_none() {
            let Some(first) = self.queue.pop_front() else { return };
            let mut together = vec![first];
            // As many as one message may hold, and as may be open at a time.
            let most = self.agreed.per_message.min(self.agreed.open);
            // Plain text has one transaction a message.
            let most = if self.identity.encoding == Encoding::Pts { 1 } else { most };
            while together.len() < most && together.iter().chain(self.queue.front()).all(Outgoing::may_be_joined) {
                let Some(next) = self.queue.pop_front() else { break };
                together.push(next);
            }
            self.post_together(together, outputs);
        }
    }

    fn post_together(&mut self, together: Vec<Outgoing>, outputs: &mut Vec<Output>) {
        let mut exchange = Exchange { since: self.now, requests: Vec::new(), discovery: None };
        let mut transactions = Vec::new();
        for outgoing in together {
            match outgoing {
                Outgoing::Request { id, primitive, posts } => {
                    exchange.requests.push(Asked { id: id.clone(), primitive: primitive.clone(), posts: posts + 1 });
                    transactions.push(Transaction { mode: Mode::Request, id, primitive });
                }
                Outgoing::Response { id, primitive } => transactions.push(Transaction::response(id, primitive)),
                Outgoing::Discovery(version) => exchange.discovery = Some(version),
            }
        }
        let session = self.session_id().map_or(Session::Outband, |id| Session::Inband(id.to_owned()));
        let encoding = self.identity.encoding;
        let version = exchange.discovery.unwrap_or(self.identity.version);
        let octets = if exchange.discovery.is_some() {
            let asked = Discovery { version, mode: Mode::Request, versions: Version::ALL.to_vec(), others: Vec::new() };
            wire::write_discovery(&asked, self.identity.form())
        } else {
            let message = Message { version, session, transactions, poll: None, cir: None };
            wire::write(&message, self.identity.form())
        };
        match octets {
            Ok(body) => {
                self.exchange = Some(exchange);
                self.last_sent = self.now;
                outputs.push(Output::Post { media_type: wire::media_type(version, encoding), body });
            }
            Err(error) => self.fail(Some(exchange), &error.to_string(), outputs),
        }
    }

    /// Returns whether something is asked, and not answered.
    pub(super) fn is_asking(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| !exchange.requests.is_empty())
    }

    /// Gives up what is under way: it may have arrived or not. What may be repeated is, in a new transaction.
    pub(super) fn lose(&mut self, why: &str, outputs: &mut Vec<Output>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let is_final = |name: &str| matches!(name, "Login-Request" | "Logout-Request" | "Polling-Request");
        let may_repeat = |asked: &Asked| asked.posts < POSTS && !is_final(&asked.primitive.name);
        let (again, over) = std::mem::take(&mut exchange.requests).into_iter().partition(may_repeat);
        exchange.requests = over;
        let again: Vec<Asked> = again;
        for Asked { id, primitive, posts } in again.into_iter().rev() {
            self.give_up(id);
            let id = Some(self.new_id());
            self.queue.push_front(Outgoing::Request { id, primitive, posts });
        }
        self.fail(Some(exchange), why, outputs);
    }

    fn give_up(&mut self, id: Option<String>) {
        if self.given_up.len() >= GIVEN_UP {
            self.given_up.pop_front();
        }
        self.given_up.extend(id);
    }

    /// Tells what came to nothing.
    pub(super) fn fail(&mut self, exchange: Option<Exchange>, why: &str, outputs: &mut Vec<Output>) {
        if matches!(self.state, State::LoggingIn | State::Proving) {
            self.end();
        }
        self.more_waits = false;
        let Some(exchange) = exchange else { return };
        // Servers of 1.2 know the document by another name.
        match exchange.discovery {
            Some(Version::V1_3) => self.queue.push_front(Outgoing::Discovery(Version::V1_2)),
            Some(_) => {
                let request = "WV-CSP-VersionDiscovery-Request".to_owned();
                outputs.push(Output::Failed { request, why: why.to_owned() });
            }
            None => {}
        }
        for asked in exchange.requests {
            self.give_up(asked.id);
            let request = asked.primitive.name.into_owned();
            self.negotiated(&request, &mut Vec::new());
            outputs.push(Output::Failed { request, why: why.to_owned() });
        }
    }

    pub(super) fn answer(&mut self, body: &[u8], outputs: &mut Vec<Output>) {
        if body.is_empty() {
            self.nothing(outputs);
        } else {
            match wire::read_with(body, &wire::LIMITS, self.identity.text_codes) {
                Ok((Body::Message(message), _)) => self.take(message.into_owned(), outputs),
                Ok((Body::Discovery(discovery), _)) => self.discovered(&discovery, outputs),
                Err(refusal) => {
                    let exchange = self.exchange.take();
                    self.fail(exchange, &refusal.what(), outputs);
                }
            }
        }
        if self.more_waits && self.queue.is_empty() && self.polls < POLLS_IN_A_ROW {
            self.polls += 1;
            self.poll();
        } else if !self.more_waits {
            self.polls = 0;
        }
    }

    /// Takes an empty answer, which is right after a poll or an acknowledgement only.
    fn nothing(&mut self, outputs: &mut Vec<Output>) {
        let Some(exchange) = self.exchange.take() else { return };
        let was_poll = exchange.requests.iter().any(Asked::is_poll);
        if exchange.discovery.is_some() || (!exchange.requests.is_empty() && !was_poll) {
            return self.fail(Some(exchange), "the server sent no answer", outputs);
        }
        if was_poll {
            self.more_waits = false;
            self.poll_gap = (self.poll_gap + GAP_STEP).min(LONGEST_GAP);
        }
        self.next_poll = self.now + self.gap();
    }

    fn take(&mut self, message: Message<'static>, outputs: &mut Vec<Output>) {
        let is_late = |t: &Transaction<'_>| {
            t.mode == Mode::Response && t.id.as_ref().is_some_and(|id| self.given_up.contains(id))
        };
        let is_foreign = match (&message.session, self.session_id()) {
            (Session::Inband(theirs), Some(ours)) => theirs != ours,
            _ => false,
        };
        if message.transactions.iter().all(is_late) {
            return;
        }
        if is_foreign {
            return self.lose("the answer belongs to another session", outputs);
        }
        self.poll_gap = Duration::ZERO;
        self.next_poll = self.now + self.gap();
        self.flagged(message.cir, outputs);
        self.more_waits = message.poll.unwrap_or(self.more_waits);
        let mut exchange = self.exchange.take();
        let is_text = self.identity.encoding == Encoding::Pts;
        for transaction in message.transactions {
            match transaction.mode {
                Mode::Request => self.serve(transaction, outputs),
                Mode::Response => {
                    let mut open = exchange.iter_mut().map(|exchange| &mut exchange.requests);
                    let is_ours = |asked: &Asked| asked.id == transaction.id || asked.is_poll();
                    let asked = open.find_map(|open| Some(open.remove(open.iter().position(is_ours)?)));
                    match asked {
                        Some(Asked { id, primitive, .. }) => {
                            self.conclude(id, primitive.name.into_owned(), transaction.primitive, outputs);
                        }
                        None if is_text && transaction.is_opened_answer(message.version) => {
                            self.serve(transaction, outputs);
                        }
                        None => {}
                    }
                }
            }
        }
        let left = exchange.map(|exchange| exchange.requests).unwrap_or_default();
        for asked in left.into_iter().filter(|asked| !asked.is_poll()) {
            let why = "the answer belongs to another transaction".to_owned();
            outputs.push(Output::Failed { request: asked.primitive.name.into_owned(), why });
        }
    }

    /// Takes the list of versions, and chooses the highest that we speak too.
    fn discovered(&mut self, answer: &Discovery, outputs: &mut Vec<Output>) {
        let Some(exchange) = self.exchange.take() else { return };
        if exchange.discovery.is_none() || answer.mode == Mode::Request {
            return self.fail(Some(exchange), "the answer is a discovery document", outputs);
        }
        let common = answer.versions.iter().max();
        match common {
            Some(version) => {
                self.identity.version = *version;
                outputs.push(Output::Discovered(answer.versions.clone()));
            }
            None => {
                let request = "WV-CSP-VersionDiscovery-Request".to_owned();
                outputs.push(Output::Failed { request, why: "the server speaks no version that we speak".to_owned() });
            }
        }
    }
}
