//! CSP by short messages: parts in, answers and what waits out (CSP in plain text, "Segments").

use std::time::Duration;

use super::message::{Answers, NO_FLAGS};
use super::{Engine, Output, Request};
use crate::codec::{Encoding, Preamble};
use crate::csp::segments::{self, SHORT_MESSAGE, Taken};
use crate::csp::{self, Code, Outcome, Transaction, Version, wire};
use crate::document::Element;
use crate::server::answer::write;
use crate::server::origin::read_number;
use crate::server::session::Sessions;
use crate::server::{Timestamp, limits, texting};

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
            if let Some(at) = self.sessions.get(id).and_then(|own| own.outbox.next_due(now)) {
                self.texting.look(id, at);
            }
        }
        outputs
    }
}
