//! What time brings, and what was changed beside us.

use super::Engine;
use crate::csp::{Code, Version};
use crate::server::origin::Origin;
use crate::server::session::Caller;
use crate::server::{Store, Timestamp, limits, service};

impl Engine {
    /// Ends the sessions that were silent for too long, and what was to last until now.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let nobody = &Origin::nowhere();
        while let Some(id) = self.sessions.expired(now) {
            let Some(caller) = self.sessions.get(id).map(|session| session.caller.clone()) else { continue };
            let code = Some(Code::SESSION_EXPIRED);
            self.events.push(format!("a session of {} expired", caller.user));
            if let Err(fault) = self.perform(now, nobody, caller, |context| context.end_session(id, code)) {
                self.notes.push(format!("a session ended without its consequences: {}", fault.0.code));
            }
        }
        if self.look_at_expiry.take_if(|at| *at <= now).is_some() {
            self.stored_deadline = self.store.next_expiry().ok().flatten();
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
    pub(super) fn look_at_accounts(&mut self, now: Timestamp) {
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
}
