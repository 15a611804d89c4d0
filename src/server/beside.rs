//! What is served beside the IMPS server, each at a path of its own: a management server, callbacks of gateways,
//! which post receipts or send them as the query of an address, and the feed of logins for those who have its token.

use std::fmt;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::cir::SendShort;
use super::http::{Answer, Job, Posted, SharedLog, now, tell};
use super::waking::Heard;
use super::{Input, NetworkPresence, Request};
use crate::codec::Preamble;
use crate::csp::cir::Said;
use crate::delivery::form;
use crate::dm::session::server as session;

/// The largest body of a callback, in octets.
pub(super) const MOST_BODY: usize = 1 << 20;

/// What is served beside the IMPS server.
#[derive(Default)]
pub struct Beside {
    /// The management server.
    pub management: Option<Management>,
    /// Callbacks of gateways.
    pub callbacks: Vec<Callback>,
    /// The feed of logins, at [`LOGINS`](super::LOGINS).
    pub feed: Option<Feed>,
    /// Who may say what the network knows of users, at [`PRESENCE`](super::PRESENCE).
    pub network: Option<Feed>,
    /// Sends the short messages that wake clients.
    pub send_short: Option<SendShort>,
    /// Takes the short messages with which clients greet.
    pub greetings: Option<Greetings>,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").field("management", &self.management).finish_non_exhaustive()
    }
}

/// Those who have a token: who may ask for logins, or say what the network knows.
pub struct Feed {
    token: Zeroizing<String>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl Feed {
    /// Makes the feed for those who have a token; nobody has an empty one.
    pub fn new(token: String) -> Option<Self> {
        (!token.is_empty()).then(|| Self { token: Zeroizing::new(token) })
    }

    /// Reads the question for logins: the number behind which they are asked for.
    pub(super) fn asked(&self, posted: &Posted) -> Result<Input, Refused> {
        self.check(posted)?;
        let query = posted.request.body.as_slice();
        let number = query.strip_prefix(b"after=").or(query.is_empty().then_some(b"0"));
        let after = number.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        let after = after.ok_or_else(|| (400, String::new()))?;
        Ok(Input::Logins { connection: posted.request.connection, after })
    }

    /// Reads what the network says of users.
    pub(super) fn told(&self, posted: &Posted) -> Result<Input, Refused> {
        self.check(posted)?;
        let said = NetworkPresence::read_all(&posted.request.body).map_err(|what| (400, what))?;
        Ok(Input::Presence { connection: posted.request.connection, said })
    }

    fn check(&self, posted: &Posted) -> Result<(), Refused> {
        let knows = has_key(posted.proof.as_deref(), None, &self.token);
        if knows { Ok(()) } else { Err((401, String::new())) }
    }
}

/// Returns whether who asks has the key: in the header `Authorization`, or else where a form has one. The time that it
/// takes tells nothing of where keys differ.
pub fn has_key(authorization: Option<&str>, in_form: Option<&str>, key: &str) -> bool {
    let bearer = authorization.and_then(|text| text.strip_prefix("Bearer "));
    bearer.or(in_form).is_some_and(|given| Sha256::digest(given) == Sha256::digest(key))
}

/// A management server that is served at a path of its own, beside the IMPS server.
#[derive(Debug, Clone)]
pub struct Management {
    /// The path that its messages are posted to.
    pub path: String,
    /// The server; whoever holds it may queue commands and take answers.
    pub server: Arc<Mutex<session::Server>>,
}

/// Answers what comes to a path with a status.
pub struct Callback {
    /// The path.
    pub path: String,
    /// Answers one request with a status of HTTP.
    pub answer: Box<dyn FnMut(&Called) -> u16 + Send>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What came to the path of a callback.
pub struct Called {
    /// The media type of the body; that of forms for a query.
    pub media_type: String,
    /// The body, or the query of a GET.
    pub body: Vec<u8>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

impl fmt::Debug for Called {
    /// Shows neither: there is a secret in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Called").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

/// A callback's thread: it ends when nobody can ask any more.
pub(super) fn call(mut callback: Callback, waiting: &Receiver<Posted>) {
    while let Ok(Posted { request, proof, answer }) = waiting.recv() {
        let called = Called { media_type: request.media_type, body: request.body, authorization: proof };
        let status = (callback.answer)(&called);
        // Whoever asked may be gone.
        let _ = answer.send(Answer { status, media_type: String::new(), body: Vec::new(), mac: None });
    }
}

/// The status of HTTP for what may not be asked or cannot be read, and why in words.
pub(super) type Refused = (u16, String);

/// A thread that looks at what comes, and hands on to the engine what may be answered. It ends when nobody can ask any more.
pub(super) fn relay(
    waiting: &Receiver<Posted>,
    engine: &mpsc::Sender<Job>,
    read: impl Fn(&Posted) -> Result<Input, Refused>,
) {
    while let Ok(posted) = waiting.recv() {
        match read(&posted) {
            // Where the engine has too much to do, the answer is dropped, and so it is said.
            Ok(input) => {
                let Posted { request: Request { connection, .. }, answer, .. } = posted;
                drop(engine.try_send(Job { connection, input, answer }));
            }
            Err((status, what)) => {
                let media_type = if what.is_empty() { "" } else { "text/plain; charset=utf-8" };
                let body = what.into_bytes();
                // Whoever asked may be gone.
                let _ = posted.answer.send(Answer { status, media_type: media_type.to_owned(), body, mac: None });
            }
        }
    }
}

/// Where a gateway hands over the short messages of clients, greetings and messages of CSP: a form with `from`, `text` and `key`, such as
/// Kannel's `get-url` makes with `%p` and `%a`.
pub struct Greetings {
    /// The path.
    pub path: String,
    key: Zeroizing<String>,
}

impl fmt::Debug for Greetings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greetings").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Greetings {
    /// Takes greetings from who has the key; nobody has an empty one.
    pub fn new(path: String, key: String) -> Option<Self> {
        (!key.is_empty()).then(|| Self { path, key: Zeroizing::new(key) })
    }

    /// Returns what a client said, a greeting or a message of CSP in plain text, or the status of HTTP for who may not hand
    /// it over, or for what is neither.
    pub(super) fn read(&self, posted: &Posted) -> Result<Input, Refused> {
        let Posted { request: Request { connection, body, .. }, proof, .. } = posted;
        let connection = *connection;
        let (mut number, mut text, mut key) = (String::new(), String::new(), None);
        for (name, value) in form::pairs(body) {
            match name {
                b"from" => number = value,
                b"text" => text = value,
                b"key" => key = Some(value),
                _ => {}
            }
        }
        if !has_key(proof.as_deref(), key.as_deref(), &self.key) {
            return Err((401, String::new()));
        }
        let number = number.trim().to_owned();
        if Preamble::read(text.as_bytes()).is_some() {
            return Ok(Input::Text { connection, number, text: text.into_bytes() });
        }
        match Said::read(&text) {
            Said::Hello(session) => Ok(Input::Heard { connection, heard: Heard::ShortHello { session, number } }),
            Said::Ping | Said::Other => Err((400, String::new())),
        }
    }
}

/// The management server's thread: it ends when nobody can ask any more.
pub(super) fn manage(server: &Mutex<session::Server>, waiting: &Receiver<Posted>, log: &SharedLog) {
    while let Ok(Posted { request, proof, answer }) = waiting.recv() {
        let since = Duration::from_millis(now().milliseconds());
        let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
        let packet = server.handle(since, &request.body, proof.as_deref());
        let events = server.take_events();
        drop(server);
        events.iter().for_each(|event| tell(log, event));
        let back = match packet {
            Some(packet) => {
                Answer { status: 200, media_type: packet.media_type.to_owned(), body: packet.body, mac: packet.mac }
            }
            None => Answer { status: 400, media_type: String::new(), body: Vec::new(), mac: None },
        };
        // Whoever asked may be gone.
        let _ = answer.send(back);
    }
}
