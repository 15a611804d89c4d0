//! Which sessions are looked at again, and when.

use std::collections::{BTreeSet, HashMap};

use super::Timestamp;
use super::session::SessionId;

/// One entry a session; of those that ended, until their time.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BTreeSet<(Timestamp, SessionId)>,
    at: HashMap<SessionId, Timestamp>,
}

impl Agenda {
    /// Notes when to look at a session; the earliest time counts.
    pub(super) fn look(&mut self, id: SessionId, at: Timestamp) {
        let earlier = self.at.get(&id).copied();
        if earlier.is_some_and(|earlier| earlier <= at) {
            return;
        }
        if let Some(earlier) = earlier {
            self.due.remove(&(earlier, id));
        }
        self.at.insert(id, at);
        self.due.insert((at, id));
    }

    /// Takes the next session whose time has come.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<SessionId> {
        let (at, id) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, id));
        self.at.remove(&id);
        Some(id)
    }

    /// Returns when the next is looked at.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_looked_at_once() {
        let mut agenda = Agenda::default();
        let (id, later) = (SessionId::new(1), Timestamp::from_seconds(9));
        agenda.look(id, later);
        agenda.look(id, Timestamp::from_seconds(5));
        agenda.look(id, later);
        assert_eq!((agenda.next(), agenda.take(Timestamp::from_seconds(4))), (Some(Timestamp::from_seconds(5)), None));
        assert_eq!((agenda.take(later), agenda.take(later), agenda.next()), (Some(id), None, None));
    }
}
