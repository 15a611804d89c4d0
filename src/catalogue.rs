//! All vocabularies and all rules: the one list of each.

use crate::codec::{self, Document, Limits};
use crate::diagnose::{Report, Rule};
use crate::document::Vocabulary;
use crate::{cp, csp, delivery, dm, provision};

/// Every vocabulary that we know. Where an input does not say which it is, the first that fits is taken.
#[rustfmt::skip] // one language a line
pub static VOCABULARIES: &[&Vocabulary] = &[
    &cp::VOCABULARY,
    &csp::V1_3, &csp::V1_2, &csp::V1_1,
    &dm::SYNCML, &dm::DDF, &dm::DEVINF,
    &cp::settings::OTA_SETTINGS, &cp::settings::WV_SETTINGS,
];

/// Every rule, by family.
#[rustfmt::skip] // one family a line
pub static RULES: &[&[&Rule]] = &[
    codec::RULES,
    provision::rows::RULES,
    provision::RULES,
    csp::RULES,
    delivery::RULES,
    dm::RULES,
];

/// Reads a document of any vocabulary that we know, in XML or WBXML. See [`codec::read`].
pub fn read<'s>(bytes: &'s [u8], limits: &Limits, report: &mut Report) -> Option<Document<'s>> {
    codec::read(bytes, VOCABULARIES, limits, report)
}

/// Returns the rule of that code, in any case of letters.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().flat_map(|family| family.iter()).copied().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
