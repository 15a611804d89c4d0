//! The rules of provisioning documents: CP001 to CP022 and, for the application `wA`, WA001 to WA016.
//!
//! Numbers are those of the sheets (PC-01 is CP001, wA-01 is WA001). Where a WA rule and a CP rule say one thing, a
//! `wA` block gets the WA rule, other blocks get the CP rule, never both.

mod imps;
mod references;
mod structure;
mod values;

pub use imps::CLIENT_LIMITS;
pub use values::{LONG_VALUE, TOO_LARGE};

use super::characteristic::Characteristic;
use crate::codec;
use crate::diagnose::{Diagnostic, Report, Rule, Span};
use crate::document::Element;

/// The rules of provisioning documents.
pub static RULES: &[&Rule] = &[
    &structure::DOCUMENT_TYPE,
    &structure::NOTHING_LEFT,
    &structure::PARM_MISSING,
    &structure::CHILD_MISSING,
    &structure::PARM_REPEATED,
    &structure::MISPLACED,
    &references::DUPLICATE_KEY,
    &references::DANGLING,
    &values::NUMBER,
    &values::RESERVED_NAPID,
    &structure::ACCESS_ORDER,
    &values::HALF_A_PAIR,
    &references::TWO_PROVURL,
    &values::CHARACTER,
    &values::UNKNOWN_VALUE,
    &values::APN_TYPE,
    &structure::UNKNOWN,
    &values::FLAG,
    &structure::ORDER_AND_CASE,
    &values::LONG_VALUE,
    &values::TOO_LARGE,
    &references::UNUSED,
    &imps::APPID,
    &imps::NO_ADDRESS,
    &imps::BAD_ADDRESS,
    &imps::EMPTY_APPADDR,
    &imps::DANGLING,
    &imps::REPEATED,
    &imps::NO_AACCEPT,
    &imps::NO_PROVIDER_ID,
    &imps::SAME_PROVIDER_ID,
    &imps::CLIENT_LIMITS,
    &imps::SCHEME,
    &imps::SERVICES,
    &imps::SECRET_WITHOUT_NAME,
    &imps::SEVERAL_APPAUTH,
    &imps::IGNORED,
    &imps::UNKNOWN,
];

/// A document as the rules see it.
struct Provisioning<'e> {
    root: &'e Element<'e>,
    characteristics: Vec<Characteristic<'e>>,
    /// The handset may hold what the document refers to.
    fragment: bool,
}

/// Reports everything that is wrong with a provisioning document. In a `fragment` references may lead to what the
/// handset holds already, so that dangling ones are warnings. Of a document that its reader says to break off nothing
/// is called missing that may have come later.
pub fn check(root: &Element<'_>, fragment: bool, report: &mut Report) {
    if codec::breaks_off(report) {
        let mut own = Report::new();
        check_whole(root, fragment, &mut own);
        own.retain(|d| !may_come_later(d, root));
        report.append(own);
    } else {
        check_whole(root, fragment, report);
    }
}

/// Returns whether the finding misses something that may stand behind the point where the document breaks off: a target
/// anywhere, or a part of a characteristic that was still open.
fn may_come_later(finding: &Diagnostic, root: &Element<'_>) -> bool {
    match finding.rule.code {
        "CP002" | "CP008" | "CP022" | "WA005" => true,
        "CP003" | "CP004" | "CP011" | "CP012" | "CP016" | "WA002" | "WA004" | "WA007" | "WA008" | "WA010" => {
            let mut open = root.children.last();
            while let Some(element) = open {
                if element.find_attribute("type").is_some_and(|a| a.value_span == finding.span) {
                    return true;
                }
                open = element.children.last();
            }
            false
        }
        _ => false,
    }
}

fn check_whole(root: &Element<'_>, fragment: bool, report: &mut Report) {
    if !structure::document(root, report) {
        return;
    }
    let document = Provisioning { root, characteristics: Characteristic::of_document(root), fragment };
    if structure::nothing_left(&document, report) {
        return;
    }
    for characteristic in &document.characteristics {
        check_each(characteristic, "root", report);
    }
    for check in WHOLE {
        check(&document, report);
    }
}

/// What is looked at in every characteristic that a client reads.
const EACH: &[fn(&Characteristic<'_>, &mut Report)] = &[
    structure::missing_parms,
    structure::missing_registered,
    structure::missing_children,
    structure::repeated,
    structure::access_order,
    structure::unknown_parms,
    structure::order_and_case,
    values::numbers,
    values::reserved_napid,
    values::half_a_pair,
    values::characters,
    values::unknown_values,
    values::apn_type,
    values::flags,
    values::too_long,
    imps::application,
    imps::ignored,
];

/// What needs the whole document.
const WHOLE: &[fn(&Provisioning<'_>, &mut Report)] = &[
    structure::repeated_characteristics,
    references::duplicate_keys,
    references::dangling,
    references::two_provurl,
    references::unused,
    imps::same_provider_id,
];

/// A characteristic that a client skips is named once; what is in it is not looked at.
fn check_each(characteristic: &Characteristic<'_>, parent: &str, report: &mut Report) {
    if !structure::is_read(characteristic, parent, report) {
        return;
    }
    for check in EACH {
        check(characteristic, report);
    }
    for child in &characteristic.children {
        check_each(child, characteristic.name, report);
    }
}

impl Characteristic<'_> {
    /// Returns whether the rules WA hold here.
    fn is_imps(&self) -> bool {
        self.application.is_some_and(|a| a.appid == "wA")
    }

    /// Returns a finding about this characteristic.
    fn finding(&self, rule: &'static Rule, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(rule, self.type_span(), message).at(self.path.clone())
    }

    /// Returns a finding about one of its parms.
    fn parm_finding(&self, rule: &'static Rule, span: Span, parm: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(rule, span, message).at(format!("{}/{parm}", self.path))
    }
}

/// Returns words in backticks with commas between.
fn quoted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
