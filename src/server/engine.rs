//! The engine: it is told the time and what arrived, and answers what to send. The one dispatch.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Reply, can_be_sent, check, discover, fingerprint, refuse, write};
use super::configuration::Access;
use super::door::Door;
use super::fault::Fault;
use super::network::NetworkPresence;
use super::origin::Origin;
use super::outbox::Purpose;
use super::service::{self, Context, offered};
use super::session::{Caller, Remembered, SessionId, Sessions};
use super::texting::{self, Texting};
use super::waking::{Bells, Channel, Heard};
use super::{Configuration, Random, Store, Timestamp, limits};
use crate::codec::{Encoding, Limits, Preamble};
use crate::csp::segments::{self, SHORT_MESSAGE, Taken};
use crate::csp::wire::{self, Body, Form, Refusal};
use crate::csp::{self, Changes, Code, Malformed, Message, Mode, Outcome, Primitive, REUSES_IDS, Transaction, Version};
use crate::document::Element;

/// The server without its network.
#[derive(Debug)]
pub struct Engine {
    configuration: Configuration,
    store: Store,
    sessions: Sessions,
    bells: Bells,
    texting: Texting,
    door: Door,
    random: Random,
    /// When the next thing in the store that does not last for ever ends.
    stored_deadline: Option<Timestamp>,
    /// When it was last looked whether another process has changed accounts.
    looked: Timestamp,
    events: Vec<String>,
    notes: Vec<String>,
}

/// What the engine is told.
#[derive(Debug)]
pub enum Input {
    /// A body was posted.
    Request(Request),
    /// Somebody who may asks for logins.
    Logins {
        /// Names the exchange; the reply bears it.
        connection: u64,
        /// The last number that is known; 0 for none.
        after: u64,
    },
    /// A short message came to the port of CSP: a message in plain text, or a part of one.
    Text {
        /// Names the exchange; the reply bears it: 200, or 400 where the number is none.
        connection: u64,
        /// The number it came from.
        number: String,
        /// What it carries.
        text: Vec<u8>,
    },
    /// Something was heard of a client beside its requests.
    Heard {
        /// Names the connection, or the exchange; the reply bears it.
        connection: u64,
        /// What.
        heard: Heard,
    },
    /// The network says what it knows of users. The reply has a line of JSON for each: `{"user": …, "code": 200}`.
    Presence {
        /// Names the exchange; the reply bears it.
        connection: u64,
        /// What it says.
        said: Vec<NetworkPresence>,
    },
    /// Time has passed; see [`Engine::next_deadline`].
    Tick,
}

/// A posted body.
#[derive(Debug)]
pub struct Request {
    /// Names the exchange; the reply bears it.
    pub connection: u64,
    /// The Content-Type as it was written; empty where there was none.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
    /// Who sent it.
    pub peer: IpAddr,
    /// What the header says that the engine asks for, see [`Access::headers`](super::Access::headers): names in lower case, and values.
    pub headers: Vec<(String, String)>,
}

/// What the engine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The answer to a request. Each request has exactly one.
    Reply {
        /// That of the request.
        connection: u64,
        /// The HTTP status.
        status: u16,
        /// The Content-Type; empty for an empty body.
        media_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Send this in a short message from the port of CSP.
    Text {
        /// The number it goes to, its digits.
        number: String,
        /// A message in plain text, or a part of one.
        text: String,
    },
    /// Tell a client to poll.
    Wake {
        /// By which way.
        by: Channel,
        /// The CIR.
        text: String,
    },
    /// Close the connection of a client that is not to be woken by it any more.
    HangUp(u64),
    /// What happened: logins and their failures, logouts, expiry. A line for the log.
    Event(String),
    /// What went wrong. A line for the log.
    Note(String),
}

/// What the session takes of a message in plain text.
const SESSION_PARAMETER: usize = 30;

/// What comes of the transactions of one message.
#[derive(Default)]
struct Answers {
    transactions: Vec<Transaction>,
    /// Whether requests of ours may follow: the client polled, or acknowledged one.
    may_offer: bool,
}

impl Engine {
    /// Starts an engine on a store.
    pub fn open(configuration: Configuration, mut store: Store, random: Random) -> Self {
        let (sessions, door) = (Sessions::default(), Door::default());
        let forgotten = store.forget_sessions().and_then(|()| store.commit());
        let notes = forgotten.err().map(|error| format!("the store failed: {}", error.what)).into_iter().collect();
        let stored_deadline = store.next_expiry().ok().flatten();
        Self {
            configuration,
            store,
            sessions,
            bells: Bells::default(),
            texting: Texting::default(),
            door,
            random,
            stored_deadline,
            looked: Timestamp::EPOCH,
            events: Vec::new(),
            notes,
        }
    }

    /// Returns the store, to add users or look at what lasts. What is written is kept by the next input.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Returns how many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Takes one input. See [`Engine::handle_all`].
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        self.handle_all(now, vec![input])
    }

    /// Takes inputs that arrived together: what they write is committed once, before any answer is returned.
    pub fn handle_all(&mut self, now: Timestamp, inputs: Vec<Input>) -> Vec<Output> {
        let mut outputs = Vec::with_capacity(inputs.len());
        self.expire(now);
        if now.since(self.looked) >= limits::LOOK_AGAIN {
            self.looked = now;
            self.look_at_accounts(now);
        }
        let mut texts = Vec::new();
        for input in inputs {
            outputs.push(match input {
                Input::Tick => continue,
                Input::Request(request) => {
                    let Reply { status, body } = self.reply(now, &request);
                    let media_type = if body.is_empty() { String::new() } else { request.media_type };
                    Output::Reply { connection: request.connection, status, media_type, body }
                }
                Input::Text { connection, number, text } => {
                    texts.extend(self.text(now, &number, &text));
                    let status = if texting::digits(&number).is_some() { 200 } else { 400 };
                    Output::Reply { connection, status, media_type: String::new(), body: Vec::new() }
                }
                Input::Logins { connection, after } => self.logins(connection, after),
                Input::Heard { connection, heard } => {
                    let Some(status) = self.bells.hear(&mut self.sessions, connection, &heard, now) else { continue };
                    Output::Reply { connection, status, media_type: String::new(), body: Vec::new() }
                }
                Input::Presence { connection, said } => self.presence(now, connection, &said),
            });
        }
        outputs.extend(texts);
        let has_written = self.store.is_writing();
        if let Err(error) = self.store.commit() {
            // Nobody is told that something was done which is not kept.
            self.notes.push(format!("the store failed: {}", error.what));
            outputs.retain(|output| !matches!(output, Output::Text { .. }));
            for output in &mut outputs {
                if let Output::Reply { status, body, .. } = output {
                    (*status, *body) = (503, Vec::new());
                }
            }
        }
        // A poll that finds nothing asks the store nothing.
        if has_written {
            self.stored_deadline = self.store.next_expiry().ok().flatten();
        }
        outputs.extend(self.send_texts(now));
        outputs.extend(self.bells.call(&mut self.sessions, now));
        outputs.extend(self.events.drain(..).map(Output::Event));
        outputs.extend(self.notes.drain(..).map(Output::Note));
        outputs
    }

    /// Returns when to send [`Input::Tick`] at the latest.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.sessions
            .next_deadline()
            .into_iter()
            .chain(self.stored_deadline)
            .chain(self.bells.next_deadline())
            .chain(self.texting.next_deadline())
            .min()
    }

    /// Answers who asks for logins.
    fn logins(&mut self, connection: u64, after: u64) -> Output {
        let page =
            self.store.logins(after).map_err(|error| self.notes.push(format!("the store failed: {}", error.what)));
        let (status, page) = page.map_or((503, String::new()), |page| (200, page));
        Output::Reply { connection, status, media_type: "application/x-ndjson".to_owned(), body: page.into_bytes() }
    }

    /// Does what the network says of users.
    fn presence(&mut self, now: Timestamp, connection: u64, said: &[NetworkPresence]) -> Output {
        let nobody = &Origin::nowhere();
        let mut body = String::new();
        for NetworkPresence { user, list } in said {
            let outcome = self.perform(now, nobody, Caller::outband(Version::V1_3), |context| {
                service::presence::update_by_network(context, user, list)
            });
            let code = outcome.unwrap_or_else(|fault| fault.0.code);
            body.push_str(&serde_json::json!({ "user": user, "code": code.0 }).to_string());
            body.push('\n');
        }
        let media_type = "application/x-ndjson".to_owned();
        Output::Reply { connection, status: 200, media_type, body: body.into_bytes() }
    }

    /// Answers one body.
    fn reply(&mut self, now: Timestamp, request: &Request) -> Reply {
        if wire::encoding_of(&request.media_type).is_none() {
            return Reply::empty(415);
        }
        let most = Limits { bytes: self.configuration.max_body, ..wire::LIMITS };
        match wire::read_with(&request.body, &most, self.configuration.text_codes) {
            Ok((Body::Message(message), form)) => {
                let access = &self.configuration.access;
                if !access.versions.contains(&message.version) {
                    return refuse(unspoken(message, access), form, Code::VERSION_NOT_SUPPORTED);
                }
                let origin = Origin::of(access, request.peer, &request.headers);
                self.message(now, &origin, message, form)
            }
            Ok((Body::Discovery(discovery), form)) => discover(&discovery, &self.configuration.access, form),
            Err(Refusal::UnknownVersion(form, seen)) => {
                let version = self.configuration.access.newest();
                refuse(Malformed { version, ..seen }, form, Code::VERSION_NOT_SUPPORTED)
            }
            Err(Refusal::Malformed(form, seen)) => refuse(seen, form, Code::BAD_REQUEST),
            Err(Refusal::UnknownPrimitive(form, seen)) => refuse(seen, form, Code::NOT_IMPLEMENTED),
            Err(Refusal::Unreadable(_)) => Reply::empty(400),
        }
    }

    /// Takes a short message, and answers the message that it makes whole. What is no message is ignored (CSP in plain text,
    /// "Errors").
    fn text(&mut self, now: Timestamp, number: &str, text: &[u8]) -> Vec<Output> {
        let Some(number) = texting::digits(number) else { return Vec::new() };
        let time = Duration::from_millis(now.milliseconds());
        let Taken::Whole(body) = self.texting.assembler.take(time, number, text) else { return Vec::new() };
        if Preamble::read(&body).is_none() {
            return Vec::new();
        }
        let codes = self.configuration.text_codes;
        let is_live = |sessions: &Sessions, answer: &[u8]| {
            texting::session_of(answer, codes).is_none_or(|id| sessions.get(id).is_some())
        };
        if let Some(answer) = self.texting.answer(number, &body, now).filter(|a| is_live(&self.sessions, a)) {
            return self.parts(number, &answer);
        }
        let media_type = wire::media_type(Version::V1_3, Encoding::Pts).to_owned();
        let peer = texting::address_of(number);
        let request = Request { connection: 0, media_type, body, peer, headers: Vec::new() };
        let reply = self.reply(now, &request);
        let session = texting::session_of(&request.body, codes);
        if let Some(id) = session {
            self.texting.knows(id);
        }
        let opened = texting::session_of(&reply.body, codes);
        if session.is_none() && (opened.is_some() || texting::is_challenge(&reply.body, codes)) {
            self.texting.remember(number, request.body, reply.body.clone(), now);
        }
        let session = session.or(opened);
        if let Some(own) = session.and_then(|id| self.sessions.get_mut(id)) {
            own.number = Some(number.to_owned());
            own.outbox.is_by_text = true;
            self.texting.look(own.caller.session, now);
        }
        if reply.status == 200 { self.parts(number, &reply.body) } else { Vec::new() }
    }

    /// Cuts a message into short messages.
    fn parts(&mut self, number: &str, body: &[u8]) -> Vec<Output> {
        if body.is_empty() {
            return Vec::new();
        }
        match segments::split(&String::from_utf8_lossy(body), SHORT_MESSAGE) {
            Ok(parts) => parts.into_iter().map(|text| Output::Text { number: number.to_owned(), text }).collect(),
            Err(why) => {
                self.notes.push(format!("nothing is sent to {number}: {why}"));
                Vec::new()
            }
        }
    }

    /// Sends what waits for those who talk by short messages.
    fn send_texts(&mut self, now: Timestamp) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (caller, number) in self.sessions.take_dismissed() {
            let reason = Element::new("Disconnect").with(Outcome::new(Code::FORCED_LOGOUT).element());
            let session = csp::Session::Inband(caller.session.to_string());
            let told = vec![Transaction::request("1", reason)];
            let reply = write(caller.version, session, told, NO_FLAGS, caller.form, &mut self.notes);
            self.texting.dismiss(caller.session, number, reply.body, now);
        }
        for (number, text) in self.texting.farewells(now) {
            outputs.extend(self.parts(&number, &text));
        }
        for id in self.texting.take_due(now) {
            let Some(own) = self.sessions.get(id) else { continue };
            let Some(number) = own.number.clone() else { continue };
            let caller = own.caller.clone();
            for _ in 0..limits::OUTBOX {
                let answers = Answers { transactions: Vec::new(), may_offer: true };
                let reply = self.write_inband(now, &caller, answers, caller.form);
                if reply.body.is_empty() {
                    break;
                }
                outputs.extend(self.parts(&number, &reply.body));
            }
            if let Some(at) = self.sessions.get(id).and_then(|own| own.outbox.next_due()) {
                self.texting.look(id, at);
            }
        }
        outputs
    }

    /// Answers one message: finds its session, and does its transactions in order.
    fn message(&mut self, now: Timestamp, origin: &Origin, message: Message, form: Form) -> Reply {
        let Message { version, session, transactions, .. } = message;
        let is_login = transactions.iter().any(|t| t.primitive.name == "Login-Request");
        let mut caller = match &session {
            csp::Session::Inband(id) if !is_login => match self.find(now, origin, id, version, &transactions) {
                Ok(caller) => caller,
                Err(answers) => return write(version, session, answers.transactions, NO_FLAGS, form, &mut self.notes),
            },
            _ => Caller::outband(version),
        };
        let is_outband = caller.user.is_empty();
        let changes = if is_outband { self.changes(origin, version, &transactions) } else { caller.form.changes };
        let form = Form { changes, ..form };
        caller.form = form;
        if let Some(own) = self.sessions.get_mut(caller.session) {
            own.caller.form = form;
        }
        let most = match self.sessions.get(caller.session) {
            Some(own) => own.capabilities.multi_trans_per_message,
            None => 1,
        };
        let mut answers = Answers::default();
        for (number, transaction) in transactions.into_iter().take(limits::TRANSACTIONS).enumerate() {
            let transaction = self.with_mode(&caller, transaction);
            match transaction.mode {
                Mode::Response => {
                    self.acknowledge(now, origin, &caller, &transaction);
                    answers.may_offer = true;
                }
                Mode::Request if transaction.primitive.name == "Polling-Request" && !is_outband => {
                    answers.may_offer = true;
                }
                Mode::Request => {
                    let answer = if number < most {
                        self.request(now, origin, &caller, &transaction)
                    } else {
                        Outcome::new(Code::SERVICE_UNAVAILABLE).status()
                    };
                    answers.transactions.push(Transaction::response(transaction.id, answer));
                }
            }
        }
        match is_outband {
            true => write(version, csp::Session::Outband, answers.transactions, NO_FLAGS, form, &mut self.notes),
            false => self.write_inband(now, &caller, answers, form),
        }
    }

    /// Returns the forms that whoever asks without a session needs.
    fn changes(&self, origin: &Origin, version: Version, asked: &[Transaction]) -> Changes {
        let primitive = asked.first().map(|transaction| &transaction.primitive);
        let client = primitive.and_then(|p| csp::ids::client_id(p).or_else(|| p.child_text("ApplicationID")));
        let rows = self.configuration.clients.iter();
        let changes = rows.filter_map(|row| row.changes(client.unwrap_or_default(), &origin.user_agent, version));
        changes.fold(Changes::default(), Changes::with)
    }

    /// Returns a transaction with the mode that was meant: plain text does not write it, and `MessageDelivered` is opened
    /// after a message was fetched.
    fn with_mode(&self, caller: &Caller, mut transaction: Transaction) -> Transaction {
        let message = transaction.primitive.child_text("MessageID").unwrap_or_default();
        let id = transaction.id.as_deref().unwrap_or_default();
        let is_awaited = self.sessions.get(caller.session).is_some_and(|own| own.outbox.awaits(id, message));
        let is_text = caller.form.encoding == Encoding::Pts;
        if is_text && transaction.is_opened_answer(caller.version) && !is_awaited {
            transaction.mode = Mode::Request;
        }
        transaction
    }

    /// Finds the session of a message and notes that it was heard of; else answers why there is none.
    fn find(
        &mut self,
        now: Timestamp,
        origin: &Origin,
        id: &str,
        version: Version,
        all: &[Transaction],
    ) -> Result<Caller, Answers> {
        let id = SessionId::read(id);
        if let Some(own) = id.and_then(|id| self.sessions.get_mut(id)) {
            if own.caller.version != version {
                return Err(Answers::refuse(all, &Code::VERSION_NOT_SUPPORTED.into()));
            }
            own.heard = now;
            if !texting::is_number(origin.peer) {
                (own.waking.peer, own.number, own.outbox.is_by_text) = (origin.peer, None, false);
            }
            let wait = own.count(self.configuration.requests_per_minute, now).filter(|_| !origin.peer.is_loopback());
            return match wait {
                Some(seconds) => Err(Answers::refuse(all, &Fault::later(seconds).0)),
                None => Ok(own.caller.clone()),
            };
        }
        let Some((id, ended)) = id.and_then(|id| Some((id, self.sessions.ended(id)?.clone()))) else {
            return Err(Answers::refuse(all, &Code::INVALID_SESSION.into()));
        };
        let has_polled = all.iter().any(|t| t.primitive.name == "Polling-Request");
        if ended.code == Code::FORCED_LOGOUT && has_polled && ended.version == version {
            // Its client is told once, as far as it comes to ask (CSP transactions, F4).
            self.sessions.told(id);
            let reason = Element::new("Disconnect").with(Outcome::new(ended.code).element());
            let transactions = vec![Transaction::request("1", reason)];
            return Err(Answers { transactions, may_offer: false });
        }
        Err(Answers::refuse(all, &ended.code.into()))
    }

    /// Answers a request of a client: gives the remembered answer, or does it.
    fn request(&mut self, now: Timestamp, origin: &Origin, caller: &Caller, asked: &Transaction) -> Element<'static> {
        let id = match &asked.id {
            None => return Fault::missing("TransactionID").0.status(),
            Some(id) if id.chars().count() > limits::TRANSACTION_ID => {
                return Outcome::new(Code::BAD_REQUEST).describe("TransactionID is too long").status();
            }
            Some(id) => id,
        };
        let fingerprint = fingerprint(&asked.primitive);
        let repeats = !caller.form.changes.has(REUSES_IDS);
        if let Some(own) = self.sessions.get(caller.session).filter(|_| repeats) {
            match own.remembered(id, fingerprint, now) {
                Remembered::New => {}
                Remembered::Same(answer) => return answer,
                Remembered::Other => return Outcome::new(Code::INVALID_TRANSACTION_ID).status(),
            }
        }
        let answer = self.gate(caller, &asked.primitive).map_err(Fault::from).and_then(|()| {
            let primitive = &asked.primitive;
            self.perform(now, origin, caller.clone(), |context| {
                let answer = service::perform(context, primitive)?;
                if Outcome::read(&answer).is_none_or(|outcome| outcome.code.is_success()) {
                    service::notification::changed(context, primitive);
                }
                Ok(answer)
            })
        });
        let answer = answer.unwrap_or_else(|fault| fault.0.status());
        self.report(origin.peer, caller, &asked.primitive, &answer);
        if let Some(own) = self.sessions.get_mut(caller.session) {
            own.remember(id, fingerprint, &answer, now);
        }
        answer
    }

    /// Writes down who comes and goes, and why somebody could not.
    fn report(&mut self, peer: IpAddr, caller: &Caller, asked: &Element<'_>, answer: &Element<'_>) {
        let Some(code) = Outcome::read(answer).map(|outcome| outcome.code) else { return };
        match asked.name.as_ref() {
            // The first half of a digest login.
            "Login-Request" if code == Code::UNAUTHORIZED => {}
            "Login-Request" => {
                let user = answer.child_text("UserID").or_else(|| asked.child_text("UserID"));
                let user: String = user.unwrap_or("nobody").chars().filter(|c| !c.is_control()).take(100).collect();
                self.events.push(format!("login of {user} from {peer}: {code}"));
            }
            "Logout-Request" => self.events.push(format!("logout of {}: {code}", caller.user)),
            _ => {}
        }
    }

    /// Decides whether a primitive may be asked for: by the table, the session and what was agreed.
    fn gate(&self, caller: &Caller, primitive: &Element<'_>) -> Result<(), Outcome> {
        let version = caller.version;
        let Some(row) = Primitive::find(version, &primitive.name) else {
            return Err(Code::NOT_IMPLEMENTED.into());
        };
        let own = self.sessions.get(caller.session);
        let is_open_to_all = matches!(row.name, "Login-Request" | "GetSPInfo-Request");
        if own.is_none() && !is_open_to_all {
            return Err(Code::INVALID_SESSION.into());
        }
        if !row.is_from_client() || !row.may_open() {
            return Err(Code::SERVICE_NOT_SUPPORTED.into());
        }
        if !row.can_be_answered(caller.form) {
            return Err(Code::NOT_IMPLEMENTED.into());
        }
        if let Some(own) = own {
            if !offered(version, self.configuration.features).allow(row) {
                return Err(Code::SERVICE_NOT_SUPPORTED.into());
            }
            if !own.services.allow(row) {
                return Err(Code::SERVICE_NOT_AGREED.into());
            }
        }
        check(primitive, caller)
    }

    /// Notes the answer of a client to a request of ours. One that fits nothing is ignored.
    fn acknowledge(&mut self, now: Timestamp, origin: &Origin, caller: &Caller, answer: &Transaction) {
        let own = self.sessions.get_mut(caller.session);
        let settled = own.zip(answer.id.as_deref()).and_then(|(own, id)| own.outbox.settle(id));
        let outcome = self.perform(now, origin, caller.clone(), |context| match settled {
            Some(Purpose::Message(id)) => service::im::acknowledged(context, &id, &answer.primitive),
            Some(Purpose::Answer(id)) => service::invitation::acknowledged(context, &id),
            Some(Purpose::System(id)) => service::system_message::acknowledged(context, &id, &answer.primitive),
            Some(Purpose::Notice) | None => Ok(()),
        });
        if let Err(fault) = outcome {
            self.notes.push(format!("an acknowledgement of {} had no effect: {}", caller.user, fault.0.code));
        }
    }

    /// Runs a handler; what it wrote and sent counts if it succeeds.
    fn perform<T>(
        &mut self,
        now: Timestamp,
        origin: &Origin,
        caller: Caller,
        handler: impl FnOnce(&mut Context<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut context = Context {
            now,
            origin: origin.clone(),
            caller,
            configuration: &self.configuration,
            store: &mut self.store,
            sessions: &mut self.sessions,
            door: &mut self.door,
            random: &mut self.random,
            sends: Vec::new(),
        };
        let outcome = handler(&mut context);
        let sends = std::mem::take(&mut context.sends);
        self.store.settle(outcome.is_ok())?;
        if outcome.is_ok() {
            // What cannot be written would stop everything behind it (abuse case C04). What goes to many is tried once.
            let mut tried: Option<(Version, Arc<Element<'static>>)> = None;
            for (id, sending) in sends {
                let Some(session) = self.sessions.get_mut(id) else { continue };
                let name = sending.primitive.name.clone();
                let version = session.caller.version;
                let is_tried = tried.as_ref().is_some_and(|(v, p)| *v == version && Arc::ptr_eq(p, &sending.primitive));
                if let Err(reason) = if is_tried { Ok(()) } else { can_be_sent(&sending.primitive, version) } {
                    self.notes.push(format!("a {name} to {} is dropped: {reason}", session.caller.user));
                } else {
                    tried = Some((version, sending.primitive.clone()));
                    if session.outbox.push(sending) {
                        self.notes.push(format!("the outbox of {} is full: a notice is dropped", session.caller.user));
                    }
                    self.bells.ring(session);
                    if session.number.is_some() {
                        self.texting.look(id, now);
                    }
                }
            }
        }
        outcome
    }

    /// Ends the sessions that were silent for too long, and what was to last until now.
    fn expire(&mut self, now: Timestamp) {
        let nobody = &Origin::nowhere();
        while let Some(id) = self.sessions.expired(now) {
            let Some(caller) = self.sessions.get(id).map(|session| session.caller.clone()) else { continue };
            let code = Some(Code::SESSION_EXPIRED);
            self.events.push(format!("a session of {} expired", caller.user));
            if let Err(fault) = self.perform(now, nobody, caller, |context| context.end_session(id, code)) {
                self.notes.push(format!("a session ended without its consequences: {}", fault.0.code));
            }
        }
        if self.stored_deadline.is_some_and(|deadline| deadline <= now) {
            if let Err(fault) = self.perform(now, nobody, Caller::outband(Version::V1_3), service::expire) {
                self.notes.push(format!("what is over was not ended: {}", fault.0.code));
            }
            // What could not be ended is tried again, but not at once.
            let next = self.store.next_expiry().ok().flatten();
            self.stored_deadline = next.map(|deadline| deadline.max(now.after(limits::EXPIRE_AGAIN)));
        }
    }

    /// Ends the sessions of accounts that were deleted or disabled beside us, takes from the others what their users are
    /// no longer subscribed to, and tells what operators have to say.
    fn look_at_accounts(&mut self, now: Timestamp) {
        match self.store.has_changed_outside() {
            Ok(false) => return,
            Ok(true) => self.stored_deadline = self.store.next_expiry().ok().flatten(),
            Err(error) => self.notes.push(format!("the store failed: {}", error.what)),
        }
        let nobody = &Origin::nowhere();
        let may_stay = |store: &Store, user: &str| match store.user(user) {
            Ok(account) => account.is_some_and(|account| !account.is_disabled),
            Err(_) => true,
        };
        let gone = self.sessions.users().into_iter().filter(|user| !may_stay(&self.store, user));
        for id in gone.flat_map(|user| self.sessions.of_user(&user)).collect::<Vec<_>>() {
            let code = Some(Code::FORCED_LOGOUT);
            let outband = Caller::outband(Version::V1_3);
            if let Err(fault) = self.perform(now, nobody, outband, |context| context.end_session(id, code)) {
                self.notes.push(format!("a session ended without its consequences: {}", fault.0.code));
            }
        }
        for id in self.sessions.users().iter().flat_map(|user| self.sessions.of_user(user)).collect::<Vec<_>>() {
            let Some(caller) = self.sessions.get(id).map(|session| session.caller.clone()) else { continue };
            let outcome = self.perform(now, nobody, caller, |context| {
                let offered = context.offered()?;
                let own = context.session()?;
                own.services = own.services.meet(&offered);
                service::system_message::tell(context)
            });
            if let Err(fault) = outcome {
                self.notes.push(format!("a session does not know what has changed: {}", fault.0.code));
            }
        }
    }

    /// Writes the answer of a session: the responses, requests of ours where they may follow, and the Poll flag.
    fn write_inband(&mut self, now: Timestamp, caller: &Caller, answers: Answers, form: Form) -> Reply {
        let Answers { mut transactions, may_offer } = answers;
        let session = csp::Session::Inband(caller.session.to_string());
        let Some(own) = self.sessions.get_mut(caller.session) else {
            return write(caller.version, session, transactions, NO_FLAGS, form, &mut self.notes);
        };
        let capabilities = &own.capabilities;
        let (open, most) = (capabilities.multi_trans, capabilities.multi_trans_per_message);
        // Plain text has one transaction a message.
        let most = if form.encoding == Encoding::Pts { 1 } else { most };
        // What does not fit into the parts of a message waits for a better bearer.
        let longest = own.number.as_ref().map(|_| segments::LONGEST);
        let can_carry = |request: &Element<'static>| {
            let length = wire::carried(request, caller.version, form);
            length.is_some_and(|length| longest.is_none_or(|longest| length + SESSION_PARAMETER <= longest))
        };
        while (may_offer || most > 1) && transactions.len() < most {
            let Some((id, primitive)) = own.outbox.offer(now, open, can_carry) else { break };
            transactions.push(Transaction::request(id.to_string(), primitive.clone()));
        }
        let poll = own.outbox.has_waiting(now);
        let flags = (Some(poll), own.waking.flag(caller.version, self.configuration.cir.flag));
        let parser_size = capabilities.parser_size.map(|size| size as usize).into_iter().chain(longest).min();
        let reply = write(caller.version, session.clone(), transactions.clone(), flags, form, &mut self.notes);
        self.bells.heard(own, poll, now);
        if parser_size.is_none_or(|size| reply.body.len() <= size) {
            return reply;
        }
        // Too large for the client and not to be cut (CSP session, "Segmentation"): requests of ours are given up.
        for transaction in &mut transactions {
            if transaction.mode == Mode::Response {
                transaction.primitive = Outcome::new(Code::RESPONSE_TOO_LARGE).status();
            } else if let Some(id) = &transaction.id {
                own.outbox.settle(id);
                let name = &transaction.primitive.name;
                self.notes.push(format!("a {name} to {} is dropped: larger than its parser", caller.user));
            }
        }
        transactions.retain(|transaction| transaction.mode == Mode::Response);
        write(caller.version, session, transactions, flags, form, &mut self.notes)
    }
}

/// Returns what is seen of a message in a version that is not spoken here; it is answered in the highest that is.
fn unspoken(message: Message, access: &Access) -> Malformed {
    let what = format!("version {} is not spoken here", message.version.as_str());
    let id = message.transactions.into_iter().find_map(|transaction| transaction.id);
    Malformed { version: access.newest(), session: message.session, id, what }
}

/// The flags Poll and CIR of an answer outside a session.
const NO_FLAGS: (Option<bool>, Option<bool>) = (None, None);

impl Answers {
    /// Answers every request alike, and responses not at all.
    fn refuse(all: &[Transaction], outcome: &Outcome) -> Self {
        let requests = all.iter().filter(|t| t.mode == Mode::Request).take(limits::TRANSACTIONS);
        let refusal = |t: &Transaction| Transaction::response(t.id.clone(), outcome.status());
        Self { transactions: requests.map(refusal).collect(), may_offer: false }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::csp::wire::media_type;
    use crate::server::outbox::Sending;

    const NOW: Timestamp = Timestamp::EPOCH;
    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Returns an engine with one session of version 1.2, and its caller.
    fn engine() -> (Engine, Caller) {
        let configuration = Configuration::default();
        let mut store = Store::in_memory().unwrap();
        store.add_user("wv:anna@localhost", "x", NOW).unwrap();
        let mut engine = Engine::open(configuration, store, Random::new([1; 32]));
        let login = Element::new("Login-Request")
            .with_leaf("UserID", "anna")
            .with(Element::new("ClientID").with_leaf("URL", "phone"))
            .with_leaf("Password", "x")
            .with_leaf("SessionCookie", "c");
        let (status, _, answer) = post(&mut engine, csp::Session::Outband, Some("1"), login);
        assert_eq!(status, 200);
        let id = SessionId::read(answer.unwrap().child_text("SessionID").unwrap()).unwrap();
        let caller = engine.sessions.get(id).unwrap().caller.clone();
        (engine, caller)
    }

    /// Posts a request; returns the HTTP status, the notes and the first primitive of the answer.
    fn post(
        engine: &mut Engine,
        session: csp::Session,
        id: Option<&str>,
        primitive: Element<'static>,
    ) -> (u16, Vec<String>, Option<Element<'static>>) {
        let asked = Transaction { mode: Mode::Request, id: id.map(str::to_owned), primitive };
        let form = Form::of(crate::codec::Encoding::Xml);
        let body = wire::write(&Message::new(Version::V1_2, session, asked), form).unwrap();
        let media_type = media_type(Version::V1_2, form.encoding).to_owned();
        let request = Request { connection: 1, media_type, body, peer: PEER, headers: Vec::new() };
        let (mut notes, mut answered) = (Vec::new(), (0, None));
        for output in engine.handle(NOW, Input::Request(request)) {
            match output {
                Output::Text { .. } | Output::Event(_) | Output::Wake { .. } | Output::HangUp(_) => {}
                Output::Note(note) => notes.push(note),
                Output::Reply { status, body, .. } => {
                    let answer = wire::read(&body, &wire::LIMITS).ok();
                    let first = answer.and_then(|(body, _)| match body {
                        Body::Message(message) => message.transactions.into_iter().next(),
                        Body::Discovery(_) => None,
                    });
                    answered = (status, first.map(|transaction| transaction.primitive));
                }
            }
        }
        (answered.0, notes, answered.1)
    }

    #[test]
    fn c04_what_cannot_be_written_is_dropped_and_the_rest_goes_on() {
        let (mut engine, caller) = engine();
        let id = caller.session;
        let session = csp::Session::Inband(id.to_string());
        let good = Element::new("Disconnect").with(Outcome::new(Code::FORCED_LOGOUT).element());
        let sent = engine.perform(NOW, &Origin::nowhere(), caller, |context| {
            context.send(id, Sending::notice(Element::new("Nonsense")));
            context.send(id, Sending::notice(good.clone()));
            Ok(())
        });
        assert_eq!(sent, Ok(()));
        let (status, notes, answer) = post(&mut engine, session, None, Element::new("Polling-Request"));
        assert_eq!((status, answer.map(|a| a.name.to_string())), (200, Some("Disconnect".to_owned())));
        assert!(notes[0].starts_with("a Nonsense to wv:anna@localhost is dropped"), "{notes:?}");
    }

    #[test]
    fn what_a_refused_request_sent_does_not_go_out() {
        let (mut engine, caller) = engine();
        let id = caller.session;
        let refused: Result<(), Fault> = engine.perform(NOW, &Origin::nowhere(), caller, |context| {
            context.store.add_user("wv:berta@localhost", "x", NOW)?;
            context.send(id, Sending::notice(Element::new("Disconnect")));
            Err(Code::FORBIDDEN.into())
        });
        assert_eq!(refused, Err(Code::FORBIDDEN.into()));
        assert!(!engine.sessions.get(id).unwrap().outbox.has_waiting(NOW));
        assert!(!engine.store.has_user("wv:berta@localhost").unwrap());
    }

    #[test]
    fn nobody_is_told_of_success_that_is_not_kept() {
        let (mut engine, caller) = engine();
        let session = csp::Session::Inband(caller.session.to_string());
        // A reference into nothing, found out when the transaction ends.
        let dangling = "PRAGMA defer_foreign_keys = ON; INSERT INTO contact (list, user) VALUES ('none', 'none')";
        engine
            .perform(NOW, &Origin::nowhere(), caller, |context| Ok(context.store.writer()?.execute_batch(dangling)?))
            .unwrap();
        let (status, notes, answer) = post(&mut engine, session.clone(), Some("2"), Element::new("KeepAlive-Request"));
        assert_eq!((status, answer), (503, None));
        assert!(notes[0].starts_with("the store failed"), "{notes:?}");
        let (status, notes, _) = post(&mut engine, session, Some("3"), Element::new("KeepAlive-Request"));
        assert_eq!((status, notes), (200, vec![]), "it goes on");
    }
}
