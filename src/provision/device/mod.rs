//! Device packs: what a family of handsets takes of provisioning documents, and what it does with the rest.
//!
//! A pack is a text of its own (TOML; `impskit new device` shows every key). The bundled ones are in
//! `wap-provisioning/devices`; operators write others for the handsets that they know. Limits of known clients are
//! in packs and nowhere else: rules QRK tell what one handset does with a document, PRF008, WA010, CP020 and CP021 what
//! any of them does.
//!
//! ```text
//! pack ── check: a document, a message ── findings QRK
//!      └─ Limits: compiled with a profile ── one row of a table, without a tree
//! ```

mod check;
mod known;
mod limits;
mod read;
mod rules;
mod size;

use std::sync::LazyLock;

pub use check::{Sealing, check, check_profile, check_sealing};
pub use known::check_known;
pub(super) use limits::Limits;
pub use limits::{Room, Seal};
pub use rules::{DROPPED, NO_SOURCE, REFUSED, RULES, SECURITY, TOO_LONG};
pub use size::{Size, check_limit, check_size};

use super::pattern::matches;
use crate::codec::WbxmlStyle;
use crate::cp::Characteristic;
use crate::cp::mac::Security;
use crate::diagnose::Report;

/// The bundled packs.
const FILES: &[&str] = &[
    include_str!("../../../wap-provisioning/devices/access-netfront.toml"),
    include_str!("../../../wap-provisioning/devices/mediatek-android.toml"),
    include_str!("../../../wap-provisioning/devices/mediatek-feature.toml"),
    include_str!("../../../wap-provisioning/devices/symbian-s60.toml"),
];

/// What a family of handsets takes. What a pack does not say is not known, and nothing is said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pack {
    /// The name by which options and rows choose it (`model`).
    pub model: String,
    /// The name that people read (`name`; the model where absent).
    pub name: String,
    /// Names of the models that it is for, with `*` for any characters (`match.names`).
    pub names: Vec<String>,
    /// Type allocation codes, the first eight digits of an IMEI, with `*` for any (`match.tac`).
    pub tac: Vec<String>,
    /// Where all this is known from, with a date (`source`).
    pub source: String,
    /// The most SMS of one message (`limits.max_sms`).
    pub max_sms: Option<usize>,
    /// The most octets of a document in WBXML, by build, the smallest first (`limits.max_octets`, a number or several).
    pub max_octets: Vec<usize>,
    /// The ways to seal a message that it takes, `None` for no seal (`limits.security`); `None` where that is not known.
    pub security: Option<Vec<Option<Security>>>,
    /// Ways to seal that only some of its builds take, each with the reason (`limits.by_build`).
    pub by_build: Vec<(Option<Security>, String)>,
    /// Whether it looks for SEC and MAC only where the content type is a number (`push.media = "number"`).
    pub media_number: bool,
    /// Whether SEC has to come before MAC (`push.sec_first`).
    pub sec_first: bool,
    /// How often its user may type a PIN (`push.pin_tries`).
    pub pin_tries: Option<u32>,
    /// Which of several `wA` blocks it keeps (`accounts.kept`: `all`, `first`, `one-by-provider`).
    pub kept: Kept,
    /// The most accounts that it keeps at all (`accounts.most`).
    pub most_accounts: Option<usize>,
    /// Lengths of values (`lengths`).
    pub lengths: Vec<Length>,
    /// Parms of the account that have to be in ASCII (`ascii`).
    pub ascii: Vec<String>,
    /// Parms of the account that may not have control characters (`printable`).
    pub printable: Vec<String>,
    /// Parms without which it drops the account (`needs`).
    pub needs: Vec<String>,
    /// Parms of the account that it does not read (`ignores`).
    pub ignores: Vec<String>,
    /// What it refuses the message for (`refuse`).
    pub refuse: Vec<Refusal>,
    /// The styles of WBXML that it reads, the one to write first (`wbxml`); empty where that is not known.
    pub wbxml: Vec<WbxmlStyle>,
}

/// Which of several `wA` blocks in one document are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kept {
    /// Each of them.
    #[default]
    All,
    /// The first.
    First,
    /// The first of each PROVIDER-ID.
    OneByProvider,
}

/// How long a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Length {
    /// The characteristic, where it is not the account and what is in it.
    pub characteristic: Option<String>,
    /// The parm.
    pub parm: String,
    /// The most characters.
    pub max: usize,
    /// What becomes of a longer value.
    pub over: Over,
}

/// What becomes of a value that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The end is cut off.
    Cut,
    /// The parm is dropped.
    DropParm,
    /// The whole block around it is dropped.
    DropBlock,
}

/// Something for which a message is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The type of the characteristic.
    pub characteristic: String,
    /// The parm; the whole characteristic where absent.
    pub parm: Option<String>,
    /// What happens.
    pub note: String,
}

impl Pack {
    /// Reads a pack. Findings go to `report`; with errors among them the pack is as good as could be made.
    ///
    /// Returns `None` where the text is not TOML.
    pub fn read(source: &str, report: &mut Report) -> Option<Self> {
        read::read(source, report)
    }

    /// Returns the packs that come with this program.
    pub fn bundled() -> &'static [Self] {
        static BUNDLED: LazyLock<Vec<Pack>> =
            LazyLock::new(|| FILES.iter().filter_map(|file| Pack::read(file, &mut Report::new())).collect());
        &BUNDLED
    }

    /// Returns the bundled pack of a model, a type allocation code or an IMEI.
    pub fn find(handset: &str) -> Option<&'static Self> {
        Self::bundled().iter().find(|pack| pack.is_for(handset))
    }

    /// Returns whether the pack is for that model, type allocation code or IMEI.
    pub fn is_for(&self, handset: &str) -> bool {
        let is_named = || self.names.iter().any(|pattern| matches(pattern, handset));
        self.model.eq_ignore_ascii_case(handset) || is_named() || self.has_tac(handset)
    }

    fn has_tac(&self, digits: &str) -> bool {
        const TAC: usize = 8;
        if self.tac.is_empty() {
            return false;
        }
        let tac = digits.get(..TAC).filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        tac.is_some_and(|tac| self.tac.iter().any(|pattern| matches(pattern, tac)))
    }

    /// Returns the style in which WBXML is written for it.
    pub fn style(&self) -> WbxmlStyle {
        self.wbxml.first().copied().unwrap_or_default()
    }

    /// Returns the limit on a parm of a characteristic that a value of so many characters is over.
    fn exceeded(&self, holder: &Characteristic<'_>, parm: &str, characters: usize) -> Option<&Length> {
        let is_over = |length: &&Length| characters > length.max && length.parm == parm && length.is_of(holder);
        self.lengths.iter().find(is_over)
    }

    /// Returns the limit on a parm of the account that a value of so many characters is over.
    pub(super) fn exceeded_in_account(&self, parm: &str, characters: usize) -> Option<&Length> {
        let is_over = |l: &&Length| characters > l.max && l.parm == parm && l.characteristic.is_none();
        self.lengths.iter().find(is_over)
    }
}

impl Length {
    fn is_of(&self, holder: &Characteristic<'_>) -> bool {
        match &self.characteristic {
            Some(name) => holder.name == name,
            None => is_in_account(holder),
        }
    }

    /// Returns what the handsets of a pack do with a longer value, in words.
    pub(super) fn outcome(&self, pack: &Pack) -> String {
        let (name, max) = (&pack.name, self.max);
        match self.over {
            Over::Cut => format!("cut to {max} by {name}"),
            Over::DropParm => format!("dropped by {name} (limit {max})"),
            Over::DropBlock => format!("the whole block dropped by {name} (limit {max})"),
        }
    }

    /// Returns whether a handset is as good as before without the end of the value: a name on its screen.
    fn is_harmless(&self) -> bool {
        self.over != Over::DropBlock && matches!(self.parm.as_str(), "NAME" | "PROVIDER-ID" | "PROVURL")
    }
}

/// Returns whether a characteristic is a `wA` block or a part of one that clients look into.
fn is_in_account(holder: &Characteristic<'_>) -> bool {
    holder.application.is_some_and(|application| application.appid == "wA") && holder.name != "RESOURCE"
}

/// Returns a way to seal as packs and profiles write it.
fn security_name(method: Option<Security>) -> &'static str {
    method.map_or("none", Security::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits as the sheet of the `wA` application has them, client by client.
    #[test]
    fn bundled_packs_say_what_the_sheet_says() {
        let limit = |model: &str, parm: &str| {
            let pack = Pack::find(model).unwrap();
            pack.lengths.iter().find(|l| l.parm == parm && l.characteristic.is_none()).map(|l| (l.max, l.over))
        };
        assert_eq!(limit("symbian-s60", "NAME"), Some((30, Over::Cut)));
        assert_eq!(limit("symbian-s60", "ADDR"), Some((100, Over::DropBlock)));
        assert_eq!(limit("nokia-S60-3", "AAUTHNAME"), Some((50, Over::DropBlock)));
        assert_eq!(limit("mediatek-feature", "NAME"), Some((16, Over::Cut)));
        assert_eq!(limit("mediatek-feature", "ADDR"), Some((64, Over::Cut)));
        assert_eq!(limit("mediatek-feature", "AAUTHSECRET"), Some((30, Over::Cut)));
        assert_eq!(limit("mediatek-android", "NAME"), None);
        assert_eq!(limit("access-netfront", "PROVIDER-ID"), Some((128, Over::DropParm)));
        assert_eq!(Pack::find("mediatek-feature").unwrap().max_octets, [1024, 2048]);
        assert_eq!(Pack::find("mediatek-android").unwrap().kept, Kept::First);
        assert!(Pack::find("example-phone").is_none());
    }

    #[test]
    fn is_found_by_model_name_and_tac() {
        let text = "model = \"example\"\nsource = \"a test\"\nmatch = { tac = [\"35000000\", \"4912*\"], names = [\"Ex 1*\"] }";
        let mut report = Report::new();
        let pack = Pack::read(text, &mut report).unwrap();
        assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
        for handset in ["Example", "ex 1b", "35000000", "350000001234567", "491234567890123"] {
            assert!(pack.is_for(handset), "{handset}");
        }
        for handset in ["example-2", "3500000", "350000011234567", "", "49120000x"] {
            assert!(!pack.is_for(handset), "{handset}");
        }
    }
}
