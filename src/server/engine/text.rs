//! CSP by short messages: parts in, answers and what waits out (CSP in plain text, "Segments").

use std::time::Duration;

use super::message::{Answers, NO_FLAGS};
use super::{Engine, Output};
use crate::codec::Preamble;
use crate::csp::segments::{self, SHORT_MESSAGE, Taken};
use crate::csp::wire::Body;
use crate::csp::{self, Code, Outcome, Transaction};
use crate::document::Element;
use crate::server::answer::write;
use crate::server::origin::read_number;
use crate::server::session::SessionId;
use crate::server::texting::{self, Begun};
use crate::server::{Timestamp, limits};

impl Engine {
    /// Takes a short message, and answers the message that it makes whole. What is no message is ignored (CSP in plain text,
    /// "Errors").
    pub(super) fn text(&mut self, now: Timestamp, number: &str, text: &[u8]) -> Vec<Output> {
        let Some(number) = read_number(number) else { return Vec::new() };
        let time = Duration::from_millis(now.milliseconds());
        let Taken::Whole(body) = self.texting.assembler.take(time, number, text) else { return Vec::new() };
        if Preamble::read(&body).is_none() {
            return Vec::new();
        }
        let is_live = |session: Option<SessionId>| session.is_none_or(|id| self.sessions.get(id).is_some());
        if let Some((answer, _)) = self.texting.answer(number, &body, now).filter(|(_, session)| is_live(*session)) {
            return self.parts(number, &answer);
        }
        let read = self.read(&body);
        let (named, is_login) = match &read {
            Ok((Body::Message(message), _)) => {
                let is_login = message.transactions.iter().any(|t| t.primitive.name == "Login-Request");
                (message.session.id().and_then(SessionId::read), is_login)
            }
            _ => (None, false),
        };
        let reply = self.answer(now, texting::address_of(number), &[], read);
        let session = match named {
            Some(id) => {
                self.texting.knows(id);
                named
            }
            None => {
                let begun = texting::begun(&reply.body, self.configuration.text_codes);
                let begun = begun.or(is_login.then_some(Begun::Nothing));
                if let Some(begun) = begun {
                    self.texting.remember(number, body, begun, reply.body.clone(), now);
                }
                begun.and_then(Begun::session)
            }
        };
        if let Some(own) = session.and_then(|id| self.sessions.get_mut(id)) {
            own.number = Some(number.to_owned());
            self.texting.agenda.look(own.caller.session, now);
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
    pub(super) fn send_texts(&mut self, now: Timestamp) -> Vec<Output> {
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
        while let Some(id) = self.texting.agenda.take(now) {
            let Some(own) = self.sessions.get(id) else { continue };
            let Some(number) = own.number.clone() else { continue };
            let caller = own.caller.clone();
            for _ in 0..limits::OUTBOX {
                let answers = Answers { transactions: Vec::new(), may_offer: true };
                let session = csp::Session::Inband(id.to_string());
                let reply = self.write_inband(now, &caller, session, answers, caller.form);
                if reply.body.is_empty() {
                    break;
                }
                outputs.extend(self.parts(&number, &reply.body));
            }
            if let Some(at) = self.sessions.get(id).and_then(|own| own.outbox.next_due(now)) {
                self.texting.agenda.look(id, at);
            }
        }
        outputs
    }
}
