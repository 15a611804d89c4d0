//! One message: its session, its transactions in order, and what is written back.

use std::sync::Arc;

use super::Engine;
use crate::codec::Encoding;
use crate::csp::segments;
use crate::csp::wire::Form;
use crate::csp::{self, Code, Message, Mode, Outcome, TAKES_SILENTLY, Transaction, Version};
use crate::document::{Content, Element};
use crate::server::ClientForms;
use crate::server::answer::{Reply, can_be_written, write, write_message};
use crate::server::fault::Fault;
use crate::server::origin::Origin;
use crate::server::session::{Caller, SessionId};
use crate::server::{Timestamp, limits, texting};

/// What comes of the transactions of one message.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) transactions: Vec<Transaction<'static>>,
    /// Whether requests of ours may follow: the client polled, or acknowledged one.
    pub(super) may_offer: bool,
}

/// The flags Poll and CIR of an answer outside a session.
pub(super) const NO_FLAGS: (Option<bool>, Option<bool>) = (None, None);

impl Engine {
    /// Answers one message: finds its session, and does its transactions in order.
    pub(super) fn message(&mut self, now: Timestamp, origin: &Origin, message: Message<'_>, form: Form) -> Reply {
        let Message { version, session, transactions, .. } = message;
        let is_login = transactions.iter().any(|t| t.primitive.name == "Login-Request");
        let mut caller = match &session {
            csp::Session::Inband(id) if !is_login => match self.find(now, origin, id, version, &transactions) {
                Ok(caller) => caller,
                Err(answers) => return write(version, session, answers.transactions, NO_FLAGS, form, &mut self.notes),
            },
            csp::Session::Inband(id) => Caller { earlier: SessionId::read(id), ..Caller::outband(version) }.into(),
            csp::Session::Outband => Caller::outband(version).into(),
        };
        let is_outband = caller.user.is_empty();
        let told = client_of(&transactions).filter(|_| is_outband || is_about_itself(&transactions));
        let known = if is_outband { Some(told.unwrap_or_default()) } else { told };
        let needed = |client| ClientForms::needed(&self.configuration.clients, client, &origin.user_agent, version);
        let changes = caller.form.changes.with(known.map(needed).unwrap_or_default());
        let form = Form { changes, ..form };
        if caller.form != form {
            Arc::make_mut(&mut caller).form = form;
            if let Some(own) = self.sessions.get_mut(caller.session) {
                own.caller = caller.clone();
            }
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
            false => {
                let reply = self.write_inband(now, &caller, session, answers, form);
                if changes.has(TAKES_SILENTLY) {
                    self.take_offered(now, origin, &caller);
                }
                reply
            }
        }
    }

    /// Notes of all that a client was offered that it has it: it will not say so.
    fn take_offered(&mut self, now: Timestamp, origin: &Origin, caller: &Arc<Caller>) {
        let offered = |engine: &Self| engine.sessions.get(caller.session)?.outbox.offered();
        while let Some(id) = offered(self) {
            // An answer that fits every request of ours.
            let answer = Transaction::response(Some(id), Element::new("MessageDelivered"));
            self.acknowledge(now, origin, caller, &answer);
        }
    }

    /// Returns a transaction with the mode that was meant: plain text does not write it, and `MessageDelivered` is opened
    /// after a message was fetched.
    fn with_mode<'s>(&self, caller: &Caller, mut transaction: Transaction<'s>) -> Transaction<'s> {
        if caller.form.encoding != Encoding::Pts {
            return transaction;
        }
        let message = transaction.primitive.child_text("MessageID").unwrap_or_default();
        let id = transaction.id.as_deref().unwrap_or_default();
        let is_awaited = self.sessions.get(caller.session).is_some_and(|own| own.outbox.awaits(id, message));
        if transaction.is_opened_answer(caller.version) && !is_awaited {
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
        all: &[Transaction<'_>],
    ) -> Result<Arc<Caller>, Answers> {
        let id = SessionId::read(id);
        if let Some(own) = id.and_then(|id| self.sessions.get_mut(id)) {
            if own.caller.version != version {
                return Err(Answers::refuse(all, &Code::VERSION_NOT_SUPPORTED.into()));
            }
            own.heard = now;
            if !texting::is_number(origin.peer) {
                (own.waking.peer, own.number) = (origin.peer, None);
            }
            let wait = own.count(self.configuration.requests_per_minute, now).filter(|_| !origin.peer.is_loopback());
            return match wait {
                Some(seconds) => Err(Answers::refuse(all, &Fault::later(seconds).0)),
                None => Ok(own.caller.clone()),
            };
        }
        let ended = id.and_then(|id| self.sessions.ended(id)).cloned();
        let code = ended.as_ref().map_or(Code::INVALID_SESSION, |ended| ended.code);
        let has_polled = all.iter().any(|t| t.primitive.name == "Polling-Request");
        if has_polled && ended.is_none_or(|ended| ended.version == version) {
            // Its client is told as far as it comes to ask (CSP transactions, F4): a status has no request to answer here.
            id.into_iter().for_each(|id| self.sessions.told(id));
            let reason = Element::new("Disconnect").with(Outcome::new(code).element());
            let transactions = vec![Transaction::request("1", reason)];
            return Err(Answers { transactions, may_offer: false });
        }
        Err(Answers::refuse(all, &code.into()))
    }

    /// Writes the answer of a session: the responses, requests of ours where they may follow, and the Poll flag.
    pub(super) fn write_inband(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        session: csp::Session,
        answers: Answers,
        form: Form,
    ) -> Reply {
        let Answers { transactions, may_offer } = answers;
        let Some(own) = self.sessions.get_mut(caller.session) else {
            return write(caller.version, session, transactions, NO_FLAGS, form, &mut self.notes);
        };
        let capabilities = &own.capabilities;
        let (open, most) = (capabilities.multi_trans, capabilities.multi_trans_per_message);
        // Plain text has one transaction a message.
        let most = if form.encoding == Encoding::Pts { 1 } else { most };
        let bearer = own.bearer();
        let longest = bearer.is_by_text.then_some(segments::LONGEST);
        let mut offers = Vec::new();
        while (may_offer || most > 1) && transactions.len() + offers.len() < most {
            let Some(offer) = own.outbox.offer(now, open, bearer) else { break };
            offers.push(offer);
        }
        let poll = own.has_waiting(now);
        let cir = own.waking.flag(caller.version, self.configuration.cir.flag);
        let parser_size = capabilities.parser_size.map(|size| size as usize).into_iter().chain(longest).min();
        self.bells.heard(own, poll, now);
        let offered = offers.iter().map(|(id, primitive)| Transaction::request(id.to_string(), primitive.borrowed()));
        let mut transactions: Vec<_> = transactions.into_iter().chain(offered).collect();
        if own.is_bare {
            transactions.iter_mut().for_each(|transaction| name_bare(&mut transaction.primitive, &caller.user));
        }
        let mut message = Message { version: caller.version, session, transactions, poll: Some(poll), cir };
        let has_room = |reply: &Reply| parser_size.is_none_or(|size| reply.body.len() <= size);
        let why = match Reply::of(&mut message, form) {
            Ok(reply) if has_room(&reply) => return reply,
            Ok(_) => None,
            Err(reason) => Some(reason.to_string()),
        };
        // What cannot be written would stop everything behind it (abuse case C04).
        let is_bad = |primitive: &Element<'static>| why.is_none() || !can_be_written(primitive, caller.version, form);
        let bad: Vec<_> = offers.iter().filter(|(_, primitive)| is_bad(primitive)).collect();
        for (id, primitive) in &bad {
            own.outbox.settle(&id.to_string());
            let reason = why.as_deref().unwrap_or("larger than its parser");
            self.notes.push(format!("a {} to {} is dropped: {reason}", primitive.name, caller.user));
        }
        message.transactions.retain(|transaction| transaction.mode == Mode::Response);
        if why.is_none() {
            // Too large for the client and not to be cut (CSP session, "Segmentation"): requests of ours are given up.
            for transaction in &mut message.transactions {
                transaction.primitive = Outcome::new(Code::RESPONSE_TOO_LARGE).status();
            }
        } else if !bad.is_empty() {
            let Message { session, transactions, .. } = message.into_owned();
            return self.write_inband(now, caller, session, Answers { transactions, may_offer }, form);
        }
        write_message(message, form, &mut self.notes)
    }
}

impl Answers {
    /// Answers every request alike, and responses not at all.
    fn refuse(all: &[Transaction<'_>], outcome: &Outcome) -> Self {
        let requests = all.iter().filter(|t| t.mode == Mode::Request).take(limits::TRANSACTIONS);
        let refusal = |t: &Transaction<'_>| Transaction::response(t.id.clone(), outcome.status());
        Self { transactions: requests.map(refusal).collect(), may_offer: false }
    }
}

/// Names the groups of a user of this server without its domain.
fn name_bare(element: &mut Element<'_>, user: &str) {
    if element.name == "GroupID"
        && let Some((name, domain)) = user.split_once('@')
        && let Some(bare) = element.text().strip_suffix(domain).and_then(|text| text.strip_suffix('@'))
        && bare.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
    {
        element.content = Content::Text(bare.to_owned().into());
    }
    element.children.iter_mut().for_each(|child| name_bare(child, user));
}

/// Returns what the first transaction of a message says of the client that sends it.
fn client_of<'t>(asked: &'t [Transaction<'_>]) -> Option<&'t str> {
    csp::ids::client(&asked.first()?.primitive).map(|(_, text)| text)
}

/// Returns whether a client says what it can: it may be another than the one that has logged in, where a gateway does that.
fn is_about_itself(asked: &[Transaction<'_>]) -> bool {
    asked.first().is_some_and(|t| matches!(&*t.primitive.name, "ClientCapability-Request" | "Service-Request"))
}
