//! What waits for a client: requests that the server opens, offered when the client polls or with an answer,
//! and again until it acknowledges them (CSP session, "Polling and the Poll flag").

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Timestamp, limits};
use crate::csp::wire::{self, Form};
use crate::csp::{Version, segments};
use crate::document::Element;

/// A request that the server opens towards one session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sending {
    /// The primitive, in the version of the session. A notification to a thousand watchers is kept once.
    pub(crate) primitive: Arc<Element<'static>>,
    /// What its acknowledgement means.
    pub(crate) purpose: Purpose,
    /// When it is no longer worth sending.
    pub(crate) expires: Option<Timestamp>,
}

/// What the acknowledgement of a request means to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing: the client knows, that is all. Notices may be dropped when an outbox overflows.
    Notice,
    /// The same, of an invitation: its name (`Invitation::name`). It is taken back when the user has answered elsewhere.
    Invitation(String),
    /// The stored message of that MessageID has arrived (`im::acknowledged`).
    Message(String),
    /// The stored delivery report of that identifier has arrived (`im::report_acknowledged`).
    Report(String),
    /// The stored answer to an invitation has arrived (`invitation::acknowledged`).
    Answer(String),
    /// The system message of that SystemMessageID was seen, or answered (`system_message::acknowledged`).
    System(String),
}

impl Purpose {
    fn is_notice(&self) -> bool {
        matches!(self, Self::Notice | Self::Invitation(_))
    }
}

impl Sending {
    /// Returns a request whose acknowledgement has no consequence.
    pub(crate) fn notice(primitive: impl Into<Arc<Element<'static>>>) -> Self {
        Self { primitive: primitive.into(), purpose: Purpose::Notice, expires: None }
    }

    /// Returns a request whose acknowledgement settles a stored delivery report.
    pub(crate) fn report(primitive: impl Into<Arc<Element<'static>>>, id: impl Into<String>) -> Self {
        Self { primitive: primitive.into(), purpose: Purpose::Report(id.into()), expires: None }
    }

    /// Returns a request whose acknowledgement settles a stored message.
    pub(crate) fn message(primitive: impl Into<Arc<Element<'static>>>, id: impl Into<String>) -> Self {
        Self { primitive: primitive.into(), purpose: Purpose::Message(id.into()), expires: None }
    }
}

/// The queue of one session.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    last_id: u16,
}

/// What carries requests to a client now: the syntax that it speaks, over the Internet or in short messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearer {
    pub(crate) version: Version,
    pub(crate) form: Form,
    /// Whether short messages carry them: some are lost, and requests are offered more often.
    pub(crate) is_by_text: bool,
}

/// What the session takes of a message in plain text.
const SESSION_PARAMETER: usize = 30;

impl Bearer {
    /// Returns whether it carries a request. What does not fit into the parts of a message waits for a better bearer.
    fn carries(&self, request: &Element<'static>) -> bool {
        let length = wire::carried(request, self.version, self.form);
        length.is_some_and(|length| !self.is_by_text || length + SESSION_PARAMETER <= segments::LONGEST)
    }

    /// Returns how often a request is offered.
    fn most(&self) -> u8 {
        if self.is_by_text { limits::TEXT_OFFERS } else { limits::OFFERS }
    }
}

#[derive(Debug)]
struct Entry {
    sending: Sending,
    offers: u8,
    /// The TransactionID, and when it was last offered.
    offered: Option<(u16, Timestamp)>,
    /// Whether it is gone unless it is put here again.
    is_recalled: bool,
}

impl Outbox {
    /// Puts a request at the end. Where the queue is full the oldest notice goes, and where there is none the new
    /// request is dropped: a message is still in the store. Returns whether something was dropped.
    ///
    /// A notice that says what one that still waits says takes its place, at the end: what is said last is what counts.
    pub(crate) fn push(&mut self, sending: Sending) -> bool {
        if sending.purpose == Purpose::Notice {
            self.entries.retain(|e| e.offered.is_some() || e.sending != sending);
        }
        if let Some(same) = self.entries.iter_mut().find(|e| e.is_recalled && e.sending == sending) {
            same.is_recalled = false;
            return false;
        }
        let is_full = self.entries.len() >= limits::OUTBOX;
        if is_full {
            let oldest = self.entries.iter().position(|e| e.sending.purpose.is_notice() && e.offered.is_none());
            match oldest {
                Some(index) => drop(self.entries.remove(index)),
                None => return true,
            }
        }
        self.entries.push_back(Entry { sending, offers: 0, offered: None, is_recalled: false });
        is_full
    }

    /// Takes the next request to send, with its TransactionID: one that waits, or one offered long ago and not
    /// acknowledged. There is none while `open` offered requests are unanswered (MultiTrans). What the bearer
    /// does not carry waits until the client speaks another syntax.
    pub(crate) fn offer(&mut self, now: Timestamp, open: usize, by: Bearer) -> Option<(u16, Arc<Element<'static>>)> {
        self.entries.retain(|e| !e.is_over(now, by.most()));
        let index = self.due(now, open, by)?;
        let id = match self.entries[index].offered {
            Some((id, _)) => id,
            None => self.next_id(),
        };
        let entry = &mut self.entries[index];
        entry.offered = Some((id, now));
        entry.offers += 1;
        Some((id, entry.sending.primitive.clone()))
    }

    /// Returns the TransactionID of a request that was offered and not acknowledged.
    pub(crate) fn offered(&self) -> Option<String> {
        self.entries.iter().find_map(|e| e.offered).map(|(id, _)| id.to_string())
    }

    /// Returns whether the request of that TransactionID is about a stored message.
    pub(crate) fn awaits(&self, id: &str, message: &str) -> bool {
        let is_own = |e: &&Entry| e.offered.is_some_and(|(own, _)| own.to_string() == id);
        let entry = self.entries.iter().find(is_own);
        entry.is_some_and(|e| matches!(&e.sending.purpose, Purpose::Message(own) if own == message))
    }

    /// Drops the request of that TransactionID: it cannot be sent, or the client has acknowledged it.
    pub(crate) fn settle(&mut self, id: &str) -> Option<Purpose> {
        let index = self.entries.iter().position(|e| e.offered.is_some_and(|(own, _)| own.to_string() == id))?;
        self.entries.remove(index).map(|entry| entry.sending.purpose)
    }

    /// Drops waiting requests about something stored that is gone.
    pub(crate) fn withdraw(&mut self, stored: &str) {
        self.entries.retain(|e| !e.is_about(stored));
    }

    /// Drops waiting requests about something stored that will be put here anew. One that is on its way to the client stays
    /// if it is put here the same: else the client gets it twice.
    pub(crate) fn recall(&mut self, stored: &str) {
        self.entries.retain_mut(|e| {
            e.is_recalled |= e.is_about(stored);
            !e.is_recalled || e.offered.is_some()
        });
    }

    /// Returns whether the client should poll: something waits that the bearer carries, even if the client has to
    /// acknowledge another request first.
    pub(crate) fn has_waiting(&self, now: Timestamp, by: Bearer) -> bool {
        self.due(now, usize::MAX, by).is_some()
    }

    /// Returns when the next request that is offered, and not acknowledged yet, waits again. One that waits already is
    /// offered now or not by this bearer.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let again = self.entries.iter().filter_map(|e| Some(e.offered?.1.after(limits::OFFER_AGAIN)));
        again.filter(|at| *at > now).min()
    }

    fn due(&self, now: Timestamp, open: usize, by: Bearer) -> Option<usize> {
        let is_due = |e: &Entry| match e.offered {
            None => true,
            Some((_, at)) => now.since(at) >= limits::OFFER_AGAIN,
        };
        let unanswered = self.entries.iter().filter(|e| !is_due(e)).count();
        let is_next = |e: &Entry| is_due(e) && !e.is_over(now, by.most()) && by.carries(&e.sending.primitive);
        // A notice that a client does not understand, and so never acknowledges, does not hold up what is stored for it.
        let is_in_vain = |e: &Entry| e.offers > 0 && e.sending.purpose.is_notice();
        let is_new = |e: &Entry| e.offers == 0 && !e.sending.purpose.is_notice();
        let first = self.entries.iter().position(is_next).filter(|_| unanswered < open)?;
        let overtaking = || self.entries.iter().position(|e| is_new(e) && is_next(e));
        Some(if is_in_vain(&self.entries[first]) { overtaking().unwrap_or(first) } else { first })
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id % limits::LAST_TRANSACTION_ID + 1;
            let id = self.last_id;
            // There are fewer entries than identifiers.
            if !self.entries.iter().any(|e| e.offered.is_some_and(|(own, _)| own == id)) {
                return id;
            }
        }
    }
}

impl Entry {
    fn is_about(&self, stored: &str) -> bool {
        use Purpose::{Answer, Invitation, Message, Report};
        matches!(&self.sending.purpose, Message(id) | Report(id) | Answer(id) | Invitation(id) if id == stored)
    }

    /// Returns whether it was recalled, has expired, or was offered in vain too often.
    fn is_over(&self, now: Timestamp, most: u8) -> bool {
        let has_expired = self.sending.expires.is_some_and(|at| at <= now);
        let in_vain = self.offers >= most && self.offered.is_some_and(|(_, at)| now.since(at) >= limits::OFFER_AGAIN);
        self.is_recalled || has_expired || in_vain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoding;

    fn notice(name: &'static str) -> Sending {
        Sending::notice(Element::new(name))
    }

    fn by(encoding: Encoding) -> Bearer {
        Bearer { version: Version::V1_3, form: Form::of(encoding), is_by_text: false }
    }

    #[test]
    fn what_cannot_be_carried_does_not_wait_for_a_poll() {
        let mut outbox = Outbox::default();
        let start = Timestamp::from_seconds(1);
        outbox.push(Sending::notice(
            Element::new("PresenceNotification-Request").with(Element::new("Presence").with_leaf("UserID", "wv:a@b")),
        ));
        assert!(outbox.offer(start, 1, by(Encoding::Pts)).is_none());
        assert!(!outbox.has_waiting(start, by(Encoding::Pts)));
        assert!(outbox.has_waiting(start, by(Encoding::Xml)), "another syntax carries it");
        // Offered there, and not again here: there is no time to look for it.
        assert!(outbox.offer(start, 1, by(Encoding::Xml)).is_some());
        let later = start.after(limits::OFFER_AGAIN);
        assert_eq!((outbox.next_due(start), outbox.next_due(later)), (Some(later), None));
        assert!(!outbox.has_waiting(later, by(Encoding::Pts)));
    }

    #[test]
    fn offers_in_order_one_at_a_time_until_acknowledged() {
        let mut outbox = Outbox::default();
        let start = Timestamp::from_seconds(1);
        outbox.push(notice("A"));
        outbox.push(notice("B"));
        assert_eq!(
            outbox.offer(start, 1, by(Encoding::Xml)).map(|(id, e)| (id, e.name.to_string())),
            Some((1, "A".into()))
        );
        assert!(outbox.offer(start, 1, by(Encoding::Xml)).is_none(), "the first is not acknowledged");
        assert!(outbox.has_waiting(start, by(Encoding::Xml)));
        let later = start.after(limits::OFFER_AGAIN);
        assert_eq!(
            outbox.offer(later, 1, by(Encoding::Xml)).map(|(id, _)| id),
            Some(1),
            "offered again under its own id"
        );
        assert_eq!(outbox.settle("1"), Some(Purpose::Notice));
        assert_eq!(outbox.settle("1"), None);
        assert_eq!(
            outbox.offer(later, 1, by(Encoding::Xml)).map(|(id, e)| (id, e.name.to_string())),
            Some((2, "B".into()))
        );
    }

    #[test]
    fn what_is_stored_overtakes_a_notice_that_is_not_understood() {
        let mut outbox = Outbox::default();
        let start = Timestamp::from_seconds(1);
        outbox.push(notice("A"));
        outbox.push(notice("B"));
        outbox.push(Sending::message(Element::new("M"), "m"));
        outbox.push(Sending::message(Element::new("N"), "n"));
        let mut order = Vec::new();
        let mut now = start;
        for _ in 0..5 {
            let (id, name) = outbox.offer(now, 1, by(Encoding::Xml)).map(|(id, e)| (id, e.name.to_string())).unwrap();
            // Nobody answers to A.
            if name != "A" {
                outbox.settle(&id.to_string());
            }
            order.push(name);
            now = now.after(limits::OFFER_AGAIN);
        }
        // Notices keep their order: the last one said is what counts.
        assert_eq!(order, ["A", "M", "N", "A", "A"]);
    }

    /// Terms that change while a message is on its way do not send it again, unless it is another message then.
    #[test]
    fn what_is_put_back_the_same_is_not_offered_twice() {
        for (anew, then) in [("M", None), ("N", Some((2, "N")))] {
            let mut outbox = Outbox::default();
            let start = Timestamp::from_seconds(1);
            outbox.push(Sending::message(Element::new("M"), "m"));
            outbox.push(Sending::message(Element::new("L"), "l"));
            assert_eq!(outbox.offer(start, 1, by(Encoding::Xml)).map(|(id, _)| id), Some(1));
            outbox.recall("m");
            outbox.recall("l");
            outbox.push(Sending::message(Element::new(anew), "m"));
            let offer = outbox.offer(start, 1, by(Encoding::Xml));
            assert_eq!(offer.as_ref().map(|(id, e)| (*id, e.name.as_ref())), then);
            let id = then.map_or("1", |_| "2");
            assert_eq!(outbox.settle(id), Some(Purpose::Message("m".into())));
            assert!(outbox.entries.is_empty(), "what waited and is not put back is gone");
        }
    }

    #[test]
    fn the_same_notice_waits_once_and_after_what_was_said_in_between() {
        let mut outbox = Outbox::default();
        let now = Timestamp::from_seconds(1);
        let next = |outbox: &mut Outbox| outbox.offer(now, 9, by(Encoding::Xml)).map(|(_, e)| e.name.to_string());
        for name in ["A", "B", "A"] {
            outbox.push(notice(name));
        }
        assert_eq!(
            [next(&mut outbox), next(&mut outbox), next(&mut outbox)],
            [Some("B".into()), Some("A".into()), None]
        );
        // It may be on its way already, and what was said in between with it.
        outbox.push(notice("A"));
        assert_eq!(next(&mut outbox), Some("A".into()));
    }

    #[test]
    fn gives_up_and_stays_bounded() {
        let mut outbox = Outbox::default();
        let mut now = Timestamp::from_seconds(1);
        outbox.push(notice("A"));
        for _ in 0..limits::OFFERS {
            assert!(outbox.offer(now, 1, by(Encoding::Xml)).is_some());
            now = now.after(limits::OFFER_AGAIN);
        }
        assert!(outbox.offer(now, 1, by(Encoding::Xml)).is_none());
        for number in 0..3 * limits::OUTBOX {
            outbox.push(Sending::notice(Element::leaf("B", number.to_string())));
        }
        assert_eq!(outbox.entries.len(), limits::OUTBOX);
    }
}
