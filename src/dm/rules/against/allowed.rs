//! What an implementation may do otherwise than the standard: told in notes, one a kind.

use std::collections::BTreeMap;

use super::super::super::ddf::Described;
use crate::diagnose::Basis;

/// Differences that a standard allows, by kind: the nodes and the weakest ground among them.
#[derive(Default)]
pub(super) struct Allowed(pub(super) BTreeMap<Difference, (Vec<String>, Option<Basis>)>);

impl Allowed {
    pub(super) fn add(&mut self, kind: Difference, path: &str, theirs: &Described) {
        let (paths, basis) = self.0.entry(kind).or_default();
        paths.push(if path.is_empty() { "<X>".to_owned() } else { path.to_owned() });
        let rank = |basis: Option<Basis>| basis.map(|basis| Basis::ALL.iter().position(|other| *other == basis));
        if rank(theirs.basis) > rank(*basis) {
            *basis = theirs.basis;
        }
    }
}

/// A difference that a standard allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    Wider,
    LeftOut,
    Fixed,
    Scope,
    Default,
    Spelling,
}

impl Difference {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Wider => "more commands or instances than the standard has",
            Self::LeftOut => "optional nodes of the standard that are left out",
            Self::Fixed => "a fixed name in place of `<X>`",
            Self::Scope => "another scope than in the standard",
            Self::Default => "another default value than in the standard",
            Self::Spelling => "other spellings, which readers accept",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Wider => "nothing to mend: an implementation may take more commands and more instances",
            Self::LeftOut => "nothing to mend: settings for these nodes are refused by the device",
            Self::Fixed => "nothing to mend: the number of instances is then that of the names",
            Self::Scope => "nothing to mend: servers can neither make nor delete what is permanent",
            Self::Default => "nothing to mend: a default must exist, its value may differ",
            Self::Spelling => "write the canonical names: others are known from few handsets",
        }
    }
}
