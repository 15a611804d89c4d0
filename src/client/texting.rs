//! A client by short messages (CSP transport bindings, "SMS binding"): it cuts what it says into parts, says it again
//! while no answer comes, joins what it gets, and never polls: the server sends as things come.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Client, Event, Output};
use crate::codec::Preamble;
use crate::csp::segments::{Assembler, SHORT_MESSAGE, Taken, split};
use crate::csp::wire::{self, Body};
use crate::csp::{Message, Mode};

/// When a request is said again.
pub const AGAIN: Duration = Duration::from_secs(10);
/// How often a request is said.
const TIMES: u32 = 12;
/// Requests of the server that wait until a request of ours is answered, and answers that are known when they repeat.
const REMEMBERED: usize = 64;

/// What a client by short messages does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOutput {
    /// Send this to the server.
    Send(String),
    /// What the client engine tells; never [`Output::Post`].
    Tell(Output),
}

/// What stands between a client engine and short messages.
#[derive(Debug)]
pub struct Texter {
    /// Octets of a short message.
    most: usize,
    assembler: Assembler,
    open: Option<Open>,
    /// Requests of the server that wait.
    waiting: VecDeque<Vec<u8>>,
    /// Answers that have come.
    answers: VecDeque<Vec<u8>>,
}

/// A request of ours that is not answered.
#[derive(Debug)]
struct Open {
    transaction: String,
    parts: Vec<String>,
    times: u32,
    last: Duration,
}

impl Default for Texter {
    fn default() -> Self {
        let assembler = Assembler::default();
        Self { most: SHORT_MESSAGE, assembler, open: None, waiting: VecDeque::new(), answers: VecDeque::new() }
    }
}

impl Texter {
    /// Tells the client something, at a time that is counted from any fixed moment.
    pub fn handle(&mut self, client: &mut Client, now: Duration, event: Event) -> Vec<TextOutput> {
        let mut outputs = Vec::new();
        self.drive(client, now, event, &mut outputs);
        outputs
    }

    /// Takes a short message of the server.
    pub fn arrived(&mut self, client: &mut Client, now: Duration, text: &[u8]) -> Vec<TextOutput> {
        let mut outputs = Vec::new();
        let Taken::Whole(octets) = self.assembler.take(now, "", text) else { return outputs };
        let codes = client.identity().text_codes;
        let Ok((Body::Message(message), _)) = wire::read_with(&octets, &wire::LIMITS, codes) else { return outputs };
        // Of an earlier session.
        if client.session_id().zip(message.session.id()).is_some_and(|(ours, theirs)| ours != theirs) {
            return outputs;
        }
        let answers = self.open.as_ref().is_some_and(|open| is_answer_to(&message, &open.transaction));
        // An answer that comes twice.
        if self.answers.contains(&octets) {
            return outputs;
        }
        if answers {
            self.open = None;
            push(&mut self.answers, octets.clone());
            self.drive(client, now, Event::Answer(octets), &mut outputs);
        } else if opens(&message) {
            push(&mut self.waiting, octets);
            self.go_on(client, now, &mut outputs);
        }
        outputs
    }

    /// Says again what is not answered, when it is time.
    pub fn tick(&mut self, client: &mut Client, now: Duration) -> Vec<TextOutput> {
        let mut outputs = Vec::new();
        match &mut self.open {
            Some(open) if now < open.last + AGAIN => {}
            Some(open) if open.times < TIMES => {
                (open.times, open.last) = (open.times + 1, now);
                outputs.extend(open.parts.iter().cloned().map(TextOutput::Send));
            }
            Some(_) => {
                self.open = None;
                self.drive(client, now, Event::Failed("no answer came".to_owned()), &mut outputs);
            }
            None => self.drive(client, now, Event::Tick, &mut outputs),
        }
        outputs
    }

    /// Returns whether a request waits for its answer.
    pub fn is_waiting(&self) -> bool {
        self.open.is_some()
    }

    /// Returns when to call [`Self::tick`].
    pub fn next_deadline(&self, client: &Client) -> Option<Duration> {
        match &self.open {
            Some(open) => Some(open.last + AGAIN),
            None => client.next_deadline(),
        }
    }

    fn drive(&mut self, client: &mut Client, now: Duration, event: Event, outputs: &mut Vec<TextOutput>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for output in client.handle(now, event) {
                let Output::Post { body, .. } = output else {
                    outputs.push(TextOutput::Tell(output));
                    continue;
                };
                match self.say(client, now, &body) {
                    Ok(parts) => outputs.extend(parts.into_iter().map(TextOutput::Send)),
                    Err(why) => events.push_back(Event::Refused(why)),
                }
                if self.open.is_none() && events.is_empty() {
                    events.push_back(Event::Answer(Vec::new()));
                }
            }
        }
        self.go_on(client, now, outputs);
    }

    /// Hands over what the server has said meanwhile.
    fn go_on(&mut self, client: &mut Client, now: Duration, outputs: &mut Vec<TextOutput>) {
        if self.open.is_none()
            && let Some(next) = self.waiting.pop_front()
        {
            self.drive(client, now, Event::Answer(next), outputs);
        }
    }

    /// Returns the parts of what the client says.
    fn say(&mut self, client: &Client, now: Duration, body: &[u8]) -> Result<Vec<String>, String> {
        let text = String::from_utf8_lossy(body);
        let parts = split(&text, self.most)?;
        if let Some(preamble) = Preamble::read(body).filter(|_| client.is_asking()) {
            let transaction = preamble.transaction.to_owned();
            self.open = Some(Open { transaction, parts: parts.clone(), times: 1, last: now });
        }
        Ok(parts)
    }
}

fn is_answer_to(message: &Message, transaction: &str) -> bool {
    message.transactions.iter().any(|t| t.mode == Mode::Response && t.id.as_deref() == Some(transaction))
}

/// Returns whether a message opens a transaction: its mode is not written, and a few answers are opened too.
fn opens(message: &Message) -> bool {
    message.transactions.iter().any(|t| t.mode == Mode::Request || t.is_opened_answer(message.version))
}

fn push(queue: &mut VecDeque<Vec<u8>>, octets: Vec<u8>) {
    if queue.len() >= REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(octets);
}
