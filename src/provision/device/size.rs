//! How long a document may be for a handset, and how many SMS it may take: rule QRK003.

use super::{Pack, TOO_LONG};
use crate::diagnose::{Diagnostic, Report, Severity, Span};

/// How long a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Octets of the document in WBXML.
    pub octets: usize,
    /// SMS that carry its push.
    pub sms: usize,
}

/// Reports a document that is longer than the handsets of a pack take. What only some of their builds refuse is a warning.
pub fn check_size(size: Size, pack: &Pack, (span, path): (Span, &str), report: &mut Report) {
    if let Some(over) = Over::of(size, pack) {
        let finding = Diagnostic::new(&TOO_LONG, span, over.message(size, pack)).at(path);
        report.add(finding.severity(over.severity));
    }
}

/// Reports a document that takes more SMS than is allowed for any handset.
pub fn check_limit(size: Size, most: usize, (span, path): (Span, &str), report: &mut Report) {
    if size.sms > most {
        let message = format!("the message takes {} SMS, more than {most}", size.sms);
        report.add(Diagnostic::new(&TOO_LONG, span, message).at(path));
    }
}

/// A limit that a message is over.
pub(super) struct Over {
    pub(super) severity: Severity,
    what: What,
}

enum What {
    Octets(usize),
    Sms(usize),
}

impl Over {
    /// Returns the worst limit of a pack that a message is over.
    pub(super) fn of(size: Size, pack: &Pack) -> Option<Self> {
        let exceeded = pack.max_octets.iter().rev().find(|most| size.octets > **most).copied();
        let is_of_all = exceeded == pack.max_octets.last().copied();
        let severity = if is_of_all { Severity::Error } else { Severity::Warning };
        let octets = exceeded.map(|most| Self { severity, what: What::Octets(most) });
        let sms = pack.max_sms.filter(|most| size.sms > *most);
        match sms.filter(|_| octets.as_ref().is_none_or(|over| over.severity < Severity::Error)) {
            Some(most) => Some(Self { severity: Severity::Error, what: What::Sms(most) }),
            None => octets,
        }
    }

    pub(super) fn message(&self, size: Size, pack: &Pack) -> String {
        let name = &pack.name;
        match self.what {
            What::Octets(most) if self.severity == Severity::Error => {
                format!("the binary form has {} octets: more than {most} are refused by {name}", size.octets)
            }
            What::Octets(most) => {
                format!("the binary form has {} octets: more than {most} are refused by some {name}", size.octets)
            }
            What::Sms(most) => format!("the message takes {} SMS: more than {most} are refused by {name}", size.sms),
        }
    }
}
