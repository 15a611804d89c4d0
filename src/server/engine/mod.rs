//! The engine: it is told the time and what arrived, and answers what to send. The one dispatch.

mod message;
mod text;
mod time;
mod transaction;

use std::net::IpAddr;

use super::answer::{Reply, discover, refuse};
use super::configuration::Access;
use super::door::Door;
use super::network::NetworkPresence;
use super::origin::{Origin, read_number};
use super::service;
use super::session::{Caller, SessionId, Sessions};
use super::store::messages;
use super::texting::Texting;
use super::waking::{Bells, Channel, Heard};
use super::{Configuration, Random, Store, Timestamp, limits, post};
use crate::codec::Limits;
use crate::csp::wire::{self, Body, Form, Refusal};
use crate::csp::{Code, Malformed, Message, Version};

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
    /// When to look whether what was written ends earlier than that.
    look_at_expiry: Option<Timestamp>,
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
    /// A client fetches content at the address that it was told. The reply is 200 with the content, or 404.
    Content {
        /// Names the exchange; the reply bears it.
        connection: u64,
        /// What follows the configured address and a `/`.
        address: String,
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
            look_at_expiry: None,
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
                    let status = if read_number(&number).is_some() { 200 } else { 400 };
                    Output::Reply { connection, status, media_type: String::new(), body: Vec::new() }
                }
                Input::Logins { connection, after } => self.logins(connection, after),
                Input::Content { connection, address } => self.content(now, connection, &address),
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
        // What is stored lasts for whole seconds: it is looked at once in a second, however much is written.
        if has_written && self.look_at_expiry.is_none() {
            self.look_at_expiry = Some(now.after(limits::EXPIRE_AGAIN));
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
            .chain(self.look_at_expiry)
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

    /// Answers a client that fetches content: only a session for whose user the message waits has it.
    fn content(&mut self, now: Timestamp, connection: u64, address: &str) -> Output {
        let named = address.split_once('/').and_then(|(token, id)| Some((SessionId::read(token)?, id)));
        let own = named.and_then(|(token, id)| Some((self.sessions.of_token(token)?, id)));
        let found = own.map(|(own, id)| messages::find(self.store.reader(), &own.caller.user, id)).transpose();
        let found = found.map_err(|error| self.notes.push(format!("the store failed: {error}")));
        let waiting = found.map(|found| found.flatten().filter(|(_, copy)| copy.expires > now.seconds()));
        let (status, media_type, body) = match waiting {
            Ok(Some((message, copy))) if message.content.is_some() => {
                let info = post::info(&message, &copy);
                let kind = info.child_text("ContentType").unwrap_or_default().to_owned();
                (200, kind, message.content.unwrap_or_default())
            }
            Ok(_) => (404, String::new(), Vec::new()),
            Err(()) => (503, String::new(), Vec::new()),
        };
        Output::Reply { connection, status, media_type, body }
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
        let read = self.read(&request.body);
        self.answer(now, request.peer, &request.headers, read)
    }

    /// Reads one body.
    fn read<'s>(&self, body: &'s [u8]) -> Result<(Body<'s>, Form), Refusal> {
        let most = Limits { bytes: self.configuration.max_body, ..wire::LIMITS };
        wire::read_with(body, &most, self.configuration.text_codes)
    }

    /// Answers what was read of one body.
    fn answer(
        &mut self,
        now: Timestamp,
        peer: IpAddr,
        headers: &[(String, String)],
        read: Result<(Body<'_>, Form), Refusal>,
    ) -> Reply {
        match read {
            Ok((Body::Message(message), form)) => {
                let access = &self.configuration.access;
                if !access.versions.contains(&message.version) {
                    return refuse(unspoken(message, access), form, Code::VERSION_NOT_SUPPORTED);
                }
                let origin = Origin::of(access, peer, headers);
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
}

/// Returns what is seen of a message in a version that is not spoken here; it is answered in the highest that is.
fn unspoken(message: Message<'_>, access: &Access) -> Malformed {
    let what = format!("version {} is not spoken here", message.version.as_str());
    let id = message.transactions.into_iter().find_map(|transaction| transaction.id);
    Malformed { version: access.newest(), session: message.session, id, what }
}

#[cfg(test)]
mod tests;
