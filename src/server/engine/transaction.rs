//! One transaction: whether it may be asked for, who does it, what is remembered of it.

use std::net::IpAddr;
use std::sync::Arc;

use super::Engine;
use crate::csp::{Code, Outcome, Primitive, REUSES_IDS, TAKES_SILENTLY, Transaction};
use crate::document::Element;
use crate::server::answer::{check, fingerprint};
use crate::server::fault::Fault;
use crate::server::origin::Origin;
use crate::server::outbox::Purpose;
use crate::server::service::{self, Context};
use crate::server::session::{Caller, Remembered, Session};
use crate::server::{Timestamp, limits};

impl Engine {
    /// Answers a request of a client: gives the remembered answer, or does it.
    pub(super) fn request(
        &mut self,
        now: Timestamp,
        origin: &Origin,
        caller: &Arc<Caller>,
        asked: &Transaction<'_>,
    ) -> Element<'static> {
        let id = match &asked.id {
            // Without a session there is nothing to poll.
            None if asked.primitive.name == "Polling-Request" => return Outcome::new(Code::INVALID_SESSION).status(),
            None => return Fault::missing("TransactionID").0.status(),
            Some(id) if id.chars().count() > limits::TRANSACTION_ID => {
                return Outcome::new(Code::BAD_REQUEST).describe("TransactionID is too long").status();
            }
            Some(id) => id,
        };
        if asked.primitive.name == "Status" && caller.form.changes.has(TAKES_SILENTLY) {
            return Outcome::new(Code::SUCCESSFUL).status();
        }
        let fingerprint = fingerprint(&asked.primitive);
        let is_remembered = !caller.form.changes.has(REUSES_IDS);
        if let Some(own) = self.sessions.get(caller.session).filter(|_| is_remembered) {
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
                if Code::read(&answer).is_none_or(Code::is_success) {
                    service::notification::changed(context, primitive);
                }
                Ok(answer)
            })
        });
        let answer = answer.unwrap_or_else(|fault| fault.0.status());
        self.report(origin.peer, caller, &asked.primitive, &answer);
        if let Some(own) = self.sessions.get_mut(caller.session).filter(|_| is_remembered) {
            own.remember(id, fingerprint, &answer, now);
        }
        answer
    }

    /// Writes down who comes and goes, and why somebody could not.
    fn report(&mut self, peer: IpAddr, caller: &Caller, asked: &Element<'_>, answer: &Element<'_>) {
        if !matches!(&*asked.name, "Login-Request" | "Logout-Request") {
            return;
        }
        let Some(code) = Code::read(answer) else { return };
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
        let own = self.sessions.get(caller.session);
        let Some(row) = Primitive::find(version, &primitive.name) else {
            let is_asked = primitive.name == "PresenceAuth-User" && own.is_some_and(Session::is_asked);
            return if is_asked { Ok(()) } else { Err(Code::NOT_IMPLEMENTED.into()) };
        };
        let is_open_to_all = matches!(row.name, "Login-Request" | "GetSPInfo-Request");
        if own.is_none() && !is_open_to_all {
            return Err(Code::INVALID_SESSION.into());
        }
        if !row.is_from_client() || !row.may_open() {
            return Err(Code::SERVICE_NOT_SUPPORTED.into());
        }
        if !row.can_be_answered(caller.form) || row.functions == [service::WITHOUT_SOURCE] {
            return Err(Code::NOT_IMPLEMENTED.into());
        }
        if own.is_some_and(|own| !own.services.allow(row)) {
            return Err(Code::SERVICE_NOT_AGREED.into());
        }
        check(primitive, caller)
    }

    /// Notes the answer of a client to a request of ours. One that fits nothing is ignored.
    pub(super) fn acknowledge(
        &mut self,
        now: Timestamp,
        origin: &Origin,
        caller: &Arc<Caller>,
        answer: &Transaction<'_>,
    ) {
        let own = self.sessions.get_mut(caller.session);
        let settled = own.zip(answer.id.as_deref()).and_then(|(own, id)| own.outbox.settle(id));
        let Some(purpose) = settled.filter(|purpose| *purpose != Purpose::Notice) else { return };
        let outcome = self.perform(now, origin, caller.clone(), |context| match purpose {
            Purpose::Message(id) => service::im::acknowledged(context, &id, &answer.primitive),
            Purpose::Report(id) => service::im::report_acknowledged(context, &id),
            Purpose::Answer(id) => service::invitation::acknowledged(context, &id),
            Purpose::System(id) => service::system_message::acknowledged(context, &id, &answer.primitive),
            Purpose::Notice | Purpose::Invitation(_) => Ok(()),
        });
        if let Err(fault) = outcome {
            self.notes.push(format!("an acknowledgement of {} had no effect: {}", caller.user, fault.0.code));
        }
    }

    /// Runs a handler; what it wrote and sent counts if it succeeds.
    pub(super) fn perform<T>(
        &mut self,
        now: Timestamp,
        origin: &Origin,
        caller: impl Into<Arc<Caller>>,
        handler: impl FnOnce(&mut Context<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut context = Context {
            now,
            origin,
            caller: caller.into(),
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
            for (id, sending) in sends {
                let Some(session) = self.sessions.get_mut(id) else { continue };
                if session.outbox.push(sending) {
                    self.notes.push(format!("the outbox of {} is full: a notice is dropped", session.caller.user));
                }
                self.bells.ring(session);
                if session.number.is_some() {
                    self.texting.agenda.look(id, now);
                }
            }
        }
        outcome
    }
}
