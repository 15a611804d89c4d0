//! The client engine: it is told the time and what happened, and answers what to post and what to tell the user.
//!
//! One exchange is under way at a time; what else there is to say waits in a queue ([`super::exchange`]). Every request
//! that the server opens is acknowledged. One that comes again is acknowledged again and not told again
//! ([`super::serving`]).

use std::collections::VecDeque;
use std::time::Duration;

use super::exchange::{Exchange, Outgoing};
use super::negotiation::{Agreed, Identity, Negotiation};
use super::waking::Waking;
use crate::csp::{Code, Outcome, Primitive, Schema, Services, Version};
use crate::document::Element;

/// The gap between polls grows by this each time nothing came, up to [`LONGEST_GAP`].
pub(super) const GAP_STEP: Duration = Duration::from_secs(10);
pub(super) const LONGEST_GAP: Duration = Duration::from_secs(120);

/// What happens to a client.
#[derive(Debug)]
pub enum Event {
    /// The user wants to know which versions the server speaks; the highest that we speak too is the client's from now on.
    Discover,
    /// The user wants a session.
    LogIn,
    /// The user wants to go on in the session of that identifier, which may still be there.
    Resume(String),
    /// The user wants to send a request. What was not agreed is not sent.
    Request(Element<'static>),
    /// The user wants to send a request whatever was agreed, to see what the server says.
    Insist(Element<'static>),
    /// The user answers a question of the server: `SystemMessage-User`. Outside of a session the answer goes with the
    /// next login.
    Respond(Element<'static>),
    /// The user wants to know what waits.
    Poll,
    /// The user is done.
    LogOut,
    /// The transport answered the last post; the body may be empty.
    Answer(Vec<u8>),
    /// The transport failed to: nobody knows whether the server got what was posted.
    Failed(String),
    /// The transport says that the server would not take it; it is not posted again.
    Refused(String),
    /// A CIR came, by whatever way.
    Called(String),
    /// Whether the way is open by which the client is called.
    Reachable(bool),
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
    /// The versions that the server says it speaks, of those that we know.
    Discovered(Vec<Version>),
    /// The session is there and negotiated.
    LoggedIn,
    /// The answer to a request of ours.
    Answered {
        /// The name of the request.
        request: String,
        /// The response.
        answer: Element<'static>,
    },
    /// The server opened a request; it is acknowledged, unless it is a question that waits for [`Event::Respond`].
    Received(Element<'static>),
    /// The connection by which the client is called is lost, says the server: open it again.
    Reopen,
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
    pub(super) identity: Identity,
    pub(super) state: State,
    pub(super) queue: VecDeque<Outgoing>,
    /// What is under way, as long as its answer is not there.
    pub(super) exchange: Option<Exchange>,
    pub(super) next_id: u32,
    /// Transactions of ours that nobody waits for any more.
    pub(super) given_up: VecDeque<String>,
    /// Transactions that the server opened, and messages that it brought.
    pub(super) seen: VecDeque<String>,
    /// Questions of the server that the user has to answer: their transactions.
    pub(super) questions: VecDeque<Option<String>>,
    /// Answers of the user to questions that came with a refused login.
    pub(super) answers: Vec<Element<'static>>,
    pub(super) agreed: Agreed,
    pub(super) waking: Waking,
    /// The session that was there before, or is to be gone on with.
    earlier: Option<String>,
    /// Whether the server last said that more waits.
    pub(super) more_waits: bool,
    pub(super) polls: u32,
    pub(super) poll_gap: Duration,
    pub(super) next_poll: Duration,
    pub(super) last_sent: Duration,
    pub(super) now: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Out,
    LoggingIn,
    /// The digest is sent; another challenge would be a loop.
    Proving,
    /// The session is there; capabilities and services are being negotiated.
    Negotiating(String),
    In(String),
}

impl Client {
    /// Returns a client that is logged out.
    pub fn new(identity: Identity) -> Self {
        Self {
            agreed: Agreed::new(identity.time_to_live),
            waking: Waking::default(),
            identity,
            state: State::Out,
            queue: VecDeque::new(),
            exchange: None,
            next_id: 1,
            given_up: VecDeque::new(),
            seen: VecDeque::new(),
            questions: VecDeque::new(),
            answers: Vec::new(),
            earlier: None,
            more_waits: false,
            polls: 0,
            poll_gap: Duration::ZERO,
            next_poll: Duration::ZERO,
            last_sent: Duration::ZERO,
            now: Duration::ZERO,
        }
    }

    /// Goes on counting transactions where another client of the same device stopped: by its number a request that comes
    /// again is told from one that is made anew.
    #[must_use]
    pub fn counting_on(self, before: &Self) -> Self {
        Self { next_id: before.next_id, ..self }
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

    /// Returns the shortest time between polls.
    pub fn poll_min(&self) -> Duration {
        self.agreed.poll_min
    }

    /// Returns how long the session may be silent.
    pub fn keep_alive(&self) -> Duration {
        self.agreed.keep_alive
    }

    /// Returns when to send [`Event::Tick`]: the end of the time for an answer, the next poll, or the last moment to keep
    /// the session.
    pub fn next_deadline(&self) -> Option<Duration> {
        if let Some(exchange) = &self.exchange {
            return Some(exchange.since + self.identity.patience);
        }
        let poll = Some(self.next_poll).filter(|_| self.identity.polls);
        self.is_in().then(|| poll.into_iter().chain([self.keep_alive_due()]).min()).flatten()
    }

    /// Takes an event at a time that is counted from any fixed moment.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Output> {
        self.now = now;
        let mut outputs = Vec::new();
        match event {
            Event::Discover => self.queue.push_back(Outgoing::Discovery(Version::V1_3)),
            Event::LogIn => self.log_in(&mut outputs),
            Event::Resume(session) => {
                self.earlier = Some(session);
                self.log_in(&mut outputs);
            }
            Event::Request(mut primitive) => match self.may_not(&mut primitive) {
                None => self.ask(primitive, &mut outputs),
                Some(why) => outputs.push(Output::Failed { request: primitive.name.into_owned(), why }),
            },
            Event::Insist(primitive) => self.ask(primitive, &mut outputs),
            Event::Respond(primitive) => self.respond(primitive, &mut outputs),
            Event::Poll => self.poll(),
            Event::LogOut => self.ask(Element::new("Logout-Request"), &mut outputs),
            Event::Answer(body) => self.answer(&body, &mut outputs),
            Event::Failed(why) => self.lose(&why, &mut outputs),
            Event::Refused(why) => {
                let exchange = self.exchange.take();
                self.fail(exchange, &why, &mut outputs);
            }
            Event::Called(text) => self.called(&text),
            Event::Reachable(is_reachable) => self.reachable(is_reachable),
            Event::Tick => self.tick(&mut outputs),
        }
        self.post(&mut outputs);
        outputs
    }

    fn log_in(&mut self, outputs: &mut Vec<Output>) {
        // What was agreed in a session that goes on is still agreed.
        let services = std::mem::take(&mut self.agreed.services);
        self.end();
        self.agreed.services = services;
        self.state = State::LoggingIn;
        let login = self.with_all(self.identity.login());
        self.ask(login, outputs);
    }

    /// Adds to a login the session to go on with, and the answers to questions that a login before raised.
    fn with_all(&self, mut login: Element<'static>) -> Element<'static> {
        login.children.extend(self.earlier.iter().map(|id| Element::leaf("SessionID", id.clone())));
        if !self.answers.is_empty() {
            let list = Element::new("SystemMessageResponseList").with_all(self.answers.iter().cloned());
            login.children.push(list);
        }
        login
    }

    /// Says why a request may not be sent; brings it into the form that the agreement asks for.
    fn may_not(&self, request: &mut Element<'static>) -> Option<String> {
        let version = self.identity.version;
        let name = request.name.as_ref();
        let Some(row) = Primitive::find(version, name).filter(|row| row.is_from_client() && row.may_open()) else {
            return Some(format!("a client of CSP {} sends no {name}", version.as_str()));
        };
        if !self.is_in() {
            return None;
        }
        let services = &self.agreed.services;
        let is_true = |name: &str| request.child_text(name).is_some_and(|text| text.eq_ignore_ascii_case("T"));
        let needs = [
            (request.child("AdvancedCriteria").is_some(), "ADVSR"),
            (name == "SendMessage-Request" && is_true("DeliveryReport"), "MDELIV"),
        ];
        let missing = needs.into_iter().find(|(is_needed, function)| *is_needed && !services.has(function));
        let missing = missing.map(|(_, function)| function);
        let missing = missing.or_else(|| if services.allow(row) { None } else { row.functions.first().copied() });
        if let Some(function) = missing {
            return Some(format!("`{function}` was not agreed with the server"));
        }
        let length = request.child("ContentData").map_or(0, |data| data.text().len());
        if let Some(most) = self.agreed.text_length.filter(|most| length > *most) {
            return Some(format!("the content has {length} octets, and {most} were agreed"));
        }
        // Who may not join does not ask to (conformance item CREAG-5).
        if name == "CreateGroup-Request" && !services.has("GroupFeat") {
            request
                .children
                .iter_mut()
                .filter(|c| c.name == "JoinGroup")
                .for_each(|c| *c = Element::leaf("JoinGroup", "F"));
        }
        None
    }

    fn keep_alive_due(&self) -> Duration {
        // A margin, so that the request arrives in time; short messages get lost and are sent again.
        let most = if self.identity.polls { 10 } else { 120 };
        let margin = (self.agreed.keep_alive / 4).min(Duration::from_secs(most));
        self.last_sent + self.agreed.keep_alive.saturating_sub(margin)
    }

    fn tick(&mut self, outputs: &mut Vec<Output>) {
        if let Some(exchange) = &self.exchange {
            if self.now >= exchange.since + self.identity.patience {
                let why = format!("no answer within {} seconds", self.identity.patience.as_secs());
                self.lose(&why, outputs);
            }
            return;
        }
        if !matches!(self.state, State::In(_)) || !self.queue.is_empty() {
            return;
        }
        if self.identity.polls && self.now >= self.next_poll {
            self.polls = 0;
            self.poll();
        } else if self.now >= self.keep_alive_due() {
            self.ask(Element::new("KeepAlive-Request"), outputs);
        }
    }

    /// Does what the answer to a request of ours means for the session, and tells it.
    pub(super) fn conclude(
        &mut self,
        id: Option<String>,
        request: String,
        answer: Element<'static>,
        outputs: &mut Vec<Output>,
    ) {
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
            "ClientCapability-Request" => self.agreed.read_capabilities(&self.identity, &answer),
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
    pub(super) fn negotiated(&mut self, request: &str, outputs: &mut Vec<Output>) {
        if request == "Service-Request"
            && let State::Negotiating(id) = &self.state
        {
            self.state = State::In(id.clone());
            outputs.push(Output::LoggedIn);
        }
    }

    fn logged_in(&mut self, id: Option<String>, answer: Element<'static>, outputs: &mut Vec<Output>) {
        let session = answer.child_text("SessionID").filter(|id| !id.is_empty()).map(str::to_owned);
        if session.is_none() && self.prove(id, &answer) {
            return;
        }
        let request = "Login-Request".to_owned();
        let code = Outcome::read(&answer).map(|outcome| outcome.code);
        let Some(session) = session.filter(|_| code.is_some_and(Code::is_success)) else {
            // The earlier session is gone: another is opened (CSP sessions, "Login").
            if self.earlier.take().is_some() && code == Some(Code::COULD_NOT_RECOVER_SESSION) {
                return self.log_in(outputs);
            }
            self.end();
            outputs.push(Output::Answered { request, answer });
            return;
        };
        self.answers.clear();
        if self.earlier.take().is_some_and(|earlier| earlier == session) {
            self.agreed.read_keep_alive(&answer);
            self.state = State::In(session);
            outputs.push(Output::Answered { request, answer });
            outputs.push(Output::LoggedIn);
            return;
        }
        self.agreed = Agreed::new(self.identity.time_to_live);
        self.agreed.read_keep_alive(&answer);
        self.agreed.read_capabilities(&self.identity, &answer);
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

    /// Answers a challenge, if it is one. It comes with status 401 or 200; what tells it is a nonce and no session.
    fn prove(&mut self, id: Option<String>, answer: &Element<'_>) -> bool {
        let nonce = answer.child("Nonce").map(|nonce| nonce.trimmed().to_owned());
        let schema = Schema::read_all(answer).into_iter().find(|schema| self.identity.schemas.contains(schema));
        let (State::LoggingIn, Some(nonce), Some(schema)) = (&self.state, nonce, schema) else { return false };
        // The same transaction goes on (CSP sessions, "Login").
        let primitive = self.with_all(self.identity.proof(schema, &nonce));
        self.queue.push_front(Outgoing::Request { id, primitive, posts: 0 });
        self.state = State::Proving;
        true
    }

    /// Confirms a fetched message: this client has it now.
    fn confirm(&mut self, answer: &Element<'_>) {
        if let Some(id) = answer.descend(&["MessageInfo", "MessageID"]).map(Element::trimmed) {
            let delivered = Element::new("MessageDelivered").with_leaf("MessageID", id.to_owned());
            self.ask(delivered, &mut Vec::new());
        }
    }

    pub(super) fn end(&mut self) {
        self.state = State::Out;
        self.queue.clear();
        self.seen.clear();
        self.questions.clear();
        self.agreed.services = Services::default();
        self.waking = Waking::default();
        self.more_waits = false;
        self.polls = 0;
        self.poll_gap = Duration::ZERO;
    }
}
