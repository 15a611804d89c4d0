//! The limits of a pack on the documents of one profile, compiled: a row is checked without its tree.

use super::{Length, Pack, Sealing, check, check_sealing, is_in_account};
use crate::codec::SLOT;
use crate::cp::Characteristic;
use crate::cp::mac::Security;
use crate::diagnose::{Diagnostic, Report, Severity, Span};
use crate::provision::handset::BadHandset;
use crate::provision::profile::Profile;
use crate::provision::slots::{expand, slots_in};
use crate::provision::{cp, device::TOO_LONG};

/// Returns the most octets of a document that so many SMS bring, sealed so.
pub type Room = fn(usize, Option<Security>) -> usize;

/// How messages are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// As the profile says.
    OfProfile,
    /// In this way, whatever the profile says; `None` for no seal.
    As(Option<Security>),
    /// The document is not sent: nothing is said about seals.
    Open,
}

/// What the handsets of a pack take of the documents of a profile.
#[derive(Debug, Clone)]
pub(in crate::provision) struct Limits {
    /// What is wrong with every document, whatever its slots are filled with.
    refusal: Option<BadHandset>,
    watched: Vec<Watched>,
    most_octets: Option<(usize, String)>,
}

/// A value with slots that a pack limits.
#[derive(Debug, Clone)]
struct Watched {
    parm: String,
    /// Characters beside the slots.
    fixed: usize,
    slots: Vec<usize>,
    max: Option<(usize, String)>,
    ascii: bool,
    printable: bool,
    name: String,
}

impl Limits {
    /// Compiles what a pack says for a profile.
    pub(in crate::provision) fn new(pack: &Pack, profile: &Profile, seal: Seal, room: Room) -> Self {
        let seal = match seal {
            Seal::OfProfile => profile.security,
            Seal::As(method) => Some(method),
            Seal::Open => None,
        };
        let sms = pack.max_sms.map(|most| {
            let message = format!("more than {most} SMS are refused by {}", pack.name);
            (room(most, seal.unwrap_or(Some(Security::NetwPin))), message)
        });
        let octets =
            pack.max_octets.last().map(|most| (*most, format!("more than {most} are refused by {}", pack.name)));
        Self {
            refusal: refusal(pack, profile, seal),
            watched: watched(pack, profile),
            most_octets: octets.into_iter().chain(sms).min_by_key(|(most, _)| *most),
        }
    }

    /// Checks the values of a row and the length of its document.
    ///
    /// # Errors
    ///
    /// Says why the handset cannot take the message, with the rule QRK001 to QRK004.
    pub(in crate::provision) fn check(&self, values: &[impl AsRef<str>], octets: usize) -> Result<(), BadHandset> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.watched.iter().try_for_each(|watched| watched.check(values))?;
        match &self.most_octets {
            Some((most, why)) if octets > *most => {
                let message = format!("the binary form has {octets} octets: {why}");
                Err(BadHandset::new(&TOO_LONG, "the document", message))
            }
            _ => Ok(()),
        }
    }
}

impl Watched {
    fn check(&self, values: &[impl AsRef<str>]) -> Result<(), BadHandset> {
        let bad = |message| Err(BadHandset::new(&super::DROPPED, self.parm.clone(), message));
        let of_slots = || self.slots.iter().filter_map(|slot| values.get(*slot)).map(AsRef::as_ref);
        if let Some((max, outcome)) = &self.max {
            let length = self.fixed + of_slots().map(|value| value.chars().count()).sum::<usize>();
            if length > *max {
                return bad(format!("`{}` has {length} characters: {outcome}", self.parm));
            }
        }
        if self.ascii && !of_slots().all(str::is_ascii) {
            return bad(format!("`{}` is not in ASCII: not taken by {}", self.parm, self.name));
        }
        if self.printable && of_slots().any(|value| value.contains(char::is_control)) {
            return bad(format!("`{}` has control characters: not taken by {}", self.parm, self.name));
        }
        Ok(())
    }
}

/// Returns what the handset refuses of every document of a profile: found with the shortest values in its slots.
fn refusal(pack: &Pack, profile: &Profile, seal: Option<Option<Security>>) -> Option<BadHandset> {
    let mut report = Report::new();
    check(&cp::write(&profile.sample()), None, pack, &mut report);
    if let Some(method) = seal {
        check_sealing(Sealing::of(method), pack, (Span::default(), "push.security"), &mut report);
    }
    let worst = report.diagnostics().iter().find(|finding| finding.severity == Severity::Error);
    worst.map(|Diagnostic { rule, path, message, .. }| BadHandset::new(rule, path.clone(), message.clone()))
}

fn watched(pack: &Pack, profile: &Profile) -> Vec<Watched> {
    let root = cp::write(&profile.account);
    let mut watched = Vec::new();
    for top in &Characteristic::of_document(&root) {
        top.walk(&mut |holder| {
            let with_slots = holder.parms.iter().filter_map(|parm| Some((parm.name, parm.value?)));
            for (name, value) in with_slots.filter(|(_, value)| value.contains(SLOT)) {
                let is_it = |l: &&Length| l.parm == name && l.is_of(holder) && !l.is_harmless();
                let is_listed = |list: &[String]| is_in_account(holder) && list.iter().any(|own| own == name);
                let limit = pack.lengths.iter().find(is_it);
                let one = Watched {
                    parm: name.to_owned(),
                    fixed: expand(value, |_| "").chars().count(),
                    slots: slots_in(value).collect(),
                    max: limit.map(|limit| (limit.max, limit.outcome(pack))),
                    ascii: is_listed(&pack.ascii),
                    printable: is_listed(&pack.printable),
                    name: pack.name.clone(),
                };
                if one.max.is_some() || one.ascii || one.printable {
                    watched.push(one);
                }
            }
        });
    }
    watched
}
