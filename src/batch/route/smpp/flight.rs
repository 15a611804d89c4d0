//! The messages of one group on their way: which PDU of which message waits for which answer, and what becomes of a
//! message whose parts fare differently.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::{Class, Outcome, codes};
use crate::delivery::smpp::Status;

/// What became of one PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// It is not sent yet.
    Unsent,
    /// It waits for an answer.
    Sent,
    /// The centre took it, and calls it so; it may give no name.
    Taken(String),
    /// The centre refused it.
    Refused(Status),
    /// Nobody knows; why.
    Lost(String),
}

/// A group of messages on their way.
#[derive(Debug)]
pub(super) struct Flight {
    /// How long an answer is waited for.
    patience: Duration,
    messages: Vec<Vec<Part>>,
    /// By sequence number: message, part, and when it was sent.
    outstanding: HashMap<u32, (usize, usize, Instant)>,
}

impl Flight {
    /// Returns one without messages.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, messages: Vec::new(), outstanding: HashMap::new() }
    }

    /// Adds a message of so many PDUs; returns its place.
    pub(super) fn begin(&mut self, parts: usize) -> usize {
        self.messages.push(vec![Part::Unsent; parts]);
        self.messages.len() - 1
    }

    /// Notes that a part is on its way.
    pub(super) fn sent(&mut self, sequence: u32, (message, part): (usize, usize), now: Instant) {
        self.messages[message][part] = Part::Sent;
        self.outstanding.insert(sequence, (message, part, now));
    }

    /// Notes that a part cannot be sent, since the session ended meanwhile: half of it may be out.
    pub(super) fn broken(&mut self, (message, part): (usize, usize), why: &str) {
        self.messages[message][part] = Part::Lost(why.to_owned());
    }

    /// Notes an answer; returns when its request was sent, or `None` where nothing waited for it: it came too late, or
    /// twice.
    pub(super) fn answered(&mut self, sequence: u32, status: Status, name: Option<String>) -> Option<Instant> {
        let (message, part, sent) = self.outstanding.remove(&sequence)?;
        self.messages[message][part] = match (status.is_ok(), name) {
            (true, Some(name)) => Part::Taken(name),
            (true, None) => Part::Lost("the answer cannot be read".to_owned()),
            (false, _) => Part::Refused(status),
        };
        Some(sent)
    }

    /// Gives up what should have been answered before `now`.
    pub(super) fn expire(&mut self, now: Instant) {
        let late = self.outstanding.iter().filter(|(_, (.., sent))| *sent + self.patience <= now);
        for sequence in late.map(|(sequence, _)| *sequence).collect::<Vec<_>>() {
            self.lose(sequence, "no answer in time");
        }
    }

    /// Gives up everything: the session is over.
    pub(super) fn lose_all(&mut self, why: &str) {
        for sequence in self.outstanding.keys().copied().collect::<Vec<_>>() {
            self.lose(sequence, why);
        }
    }

    fn lose(&mut self, sequence: u32, why: &str) {
        if let Some((message, part, _)) = self.outstanding.remove(&sequence) {
            self.messages[message][part] = Part::Lost(why.to_owned());
        }
    }

    /// Returns how many PDUs wait for an answer.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Returns until when the next answer is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.outstanding.values().map(|(.., sent)| *sent + self.patience).min()
    }

    /// Returns whether a part of the message was refused or lost: the others need not be sent.
    pub(super) fn is_spoilt(&self, message: usize) -> bool {
        self.messages[message].iter().any(|part| matches!(part, Part::Refused(_) | Part::Lost(_)))
    }

    /// Returns the parts that were refused for being too fast, in messages of which the centre has others already:
    /// it is worth sending these again at once. They count as unsent then.
    pub(super) fn begin_again(&mut self, is_throttled: impl Fn(Status) -> bool) -> Vec<(usize, usize)> {
        let mut again = Vec::new();
        for (message, parts) in self.messages.iter_mut().enumerate() {
            let is_begun = parts.iter().any(|part| matches!(part, Part::Taken(_)));
            let waits = |part: &Part| match part {
                Part::Refused(status) => is_throttled(*status),
                Part::Unsent => true,
                _ => false,
            };
            let others_are_good = parts.iter().all(|part| matches!(part, Part::Taken(_)) || waits(part));
            if !is_begun || !others_are_good {
                continue;
            }
            for (place, part) in parts.iter_mut().enumerate().filter(|(_, part)| waits(part)) {
                *part = Part::Unsent;
                again.push((message, place));
            }
        }
        again
    }

    /// Returns what became of the messages, in their order. `class` says what a status means.
    pub(super) fn outcomes(self, class: impl Fn(Status) -> Class) -> Vec<Outcome> {
        self.messages.into_iter().map(|parts| outcome(parts, &class)).collect()
    }
}

fn outcome(parts: Vec<Part>, class: &impl Fn(Status) -> Class) -> Outcome {
    let count = parts.len();
    let taken = parts.iter().filter(|part| matches!(part, Part::Taken(_))).count();
    // The handset has nothing before it has all: one part that was refused is the message refused.
    let rank = |class| match class {
        Class::Denied | Class::Permanent => 0,
        Class::Temporary => 1,
        Class::Throttled => 2,
    };
    let refused = parts.iter().enumerate().filter_map(|(place, part)| match part {
        Part::Refused(status) => Some((place, *status, class(*status))),
        _ => None,
    });
    if let Some((place, status, class)) = refused.min_by_key(|(_, _, class)| rank(*class)) {
        let text = format!("{}{}", status.meaning(), among(place, count, taken));
        return Outcome::Refused { class, code: status.to_string(), text };
    }
    let lost = parts.iter().enumerate().find_map(|(place, part)| match part {
        Part::Lost(why) => Some((place, why.clone())),
        _ => None,
    });
    let is_unsent = parts.contains(&Part::Unsent);
    match lost {
        Some((place, why)) if !is_unsent => {
            let text = format!("{why}{}", among(place, count, taken));
            codes::outcome("smpp:no-answer", text)
        }
        None if !is_unsent => {
            let name = |part| match part {
                Part::Taken(name) if !name.is_empty() => Some(name),
                _ => None,
            };
            Outcome::Taken { ids: parts.into_iter().filter_map(name).collect() }
        }
        None if taken == 0 => Outcome::NotSent,
        _ => {
            let unsent = parts.iter().filter(|part| **part == Part::Unsent).count();
            let text = format!("{unsent} of {count} parts were not sent, and the centre took {taken} of them");
            codes::outcome("smpp:cut-short", text)
        }
    }
}

/// Says which part it was, where there are several.
fn among(place: usize, count: usize, taken: usize) -> String {
    match (count, taken) {
        (1, _) => String::new(),
        (_, 0) => format!(" (part {} of {count})", place + 1),
        (_, taken) => format!(" (part {} of {count}; the centre took {taken} of them)", place + 1),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "only to have some time")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn usual(status: Status) -> Class {
        match status {
            Status::THROTTLED => Class::Throttled,
            Status::SYSTEM_ERROR => Class::Temporary,
            _ => Class::Permanent,
        }
    }

    /// Plays answers to a message of as many parts: a status, or nothing in time, or the part is not sent at all.
    fn fate(answers: &[Option<Option<Status>>]) -> Outcome {
        let start = Instant::now();
        let mut flight = Flight::new(SECOND);
        let message = flight.begin(answers.len());
        for (part, answer) in answers.iter().enumerate() {
            let Some(answer) = answer else { continue };
            let sequence = part as u32;
            flight.sent(sequence, (message, part), start);
            if let Some(status) = answer {
                assert_eq!(flight.answered(sequence, *status, Some(part.to_string())), Some(start));
                assert_eq!(flight.answered(sequence, *status, None), None);
            }
        }
        flight.expire(start + SECOND / 2);
        assert_eq!(flight.outstanding(), answers.iter().filter(|answer| **answer == Some(None)).count());
        flight.expire(start + SECOND);
        assert_eq!(flight.outstanding(), 0);
        flight.outcomes(usual).remove(0)
    }

    #[test]
    fn the_worst_part_decides() {
        let (ok, slow, silent, unsent) = (Some(Some(Status::OK)), Some(Some(Status::THROTTLED)), Some(None), None);
        let (wrong, failed) = (Some(Some(Status(0x0B))), Some(Some(Status::SYSTEM_ERROR)));
        assert_eq!(fate(&[ok, ok]), Outcome::Taken { ids: vec!["0".into(), "1".into()] });
        assert_eq!(fate(&[unsent, unsent]), Outcome::NotSent);
        for (answers, class, code) in [
            ([failed, wrong, slow], Class::Permanent, "smpp:0x0B"),
            ([slow, failed, ok], Class::Temporary, "smpp:0x08"),
            ([slow, silent, unsent], Class::Throttled, "smpp:0x58"),
            ([ok, unsent, unsent], Class::Temporary, "smpp:cut-short"),
            ([ok, silent, unsent], Class::Temporary, "smpp:cut-short"),
        ] {
            let outcome = fate(&answers);
            let is_it = matches!(&outcome, Outcome::Refused { class: c, code: n, .. } if *c == class && n == code);
            assert!(is_it, "{answers:?}: {outcome:?}");
        }
        assert!(matches!(fate(&[ok, silent]), Outcome::Unknown { code, .. } if code == "smpp:no-answer"));
    }

    #[test]
    fn only_messages_that_are_begun_are_completed() {
        let now = Instant::now();
        let mut flight = Flight::new(SECOND);
        for (message, statuses) in [[0, 0x58], [0x58, 0x58], [0, 0x0B], [0, 0]].iter().enumerate() {
            flight.begin(2);
            for (part, status) in statuses.iter().enumerate() {
                let sequence = (message * 2 + part) as u32;
                flight.sent(sequence, (message, part), now);
                flight.answered(sequence, Status(*status), Some(String::new()));
            }
        }
        assert_eq!(flight.begin_again(|status| status == Status::THROTTLED), [(0, 1)]);
        assert!(flight.is_spoilt(1) && flight.is_spoilt(2) && !flight.is_spoilt(0) && !flight.is_spoilt(3));
    }
}
