//! What any known client does with long values and documents, whatever handset is meant: rules WA010, CP020, CP021.

use super::{Pack, Size, is_in_account, size};
use crate::codec::{WbxmlOptions, write_wbxml};
use crate::cp::{CLIENT_LIMITS, Characteristic, LONG_VALUE, Parm, TOO_LARGE, VOCABULARY};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::Element;

/// Reports what the clients of bundled packs cut, drop or refuse of a provisioning document; those of `told` are left
/// out: what they do is said by rules QRK.
pub fn check_known(root: &Element<'_>, told: &[&Pack], report: &mut Report) {
    let packs: Vec<&Pack> = Pack::bundled().iter().filter(|pack| !told.contains(pack)).collect();
    for top in &Characteristic::of_document(root) {
        top.walk(&mut |holder| {
            let declared = holder.parms.iter().filter(|parm| parm.declaration.is_some());
            declared.for_each(|parm| value(holder, parm, &packs, report));
        });
    }
    too_large(root, &packs, report);
}

fn value(holder: &Characteristic<'_>, parm: &Parm<'_>, packs: &[&Pack], report: &mut Report) {
    let value = parm.value.unwrap_or_default();
    let length = value.chars().count();
    let rule: &'static Rule = if is_in_account(holder) { &CLIENT_LIMITS } else { &LONG_VALUE };
    let finding = |message: String| {
        Diagnostic::new(rule, parm.value_span(), message).at(format!("{}/{}", holder.path, parm.name))
    };
    let exceeded = packs.iter().filter_map(|pack| Some((pack, pack.exceeded(holder, parm.name, length)?)));
    let mut exceeded: Vec<_> = exceeded.collect();
    exceeded.sort_by_key(|(_, limit)| limit.max);
    let outcomes: Vec<String> = exceeded.iter().map(|(pack, limit)| limit.outcome(pack)).collect();
    if !outcomes.is_empty() {
        report.add(finding(format!("`{}` has {length} characters: {}", parm.name, outcomes.join("; "))));
    }
    if !is_in_account(holder) || value.is_ascii() {
        return;
    }
    for pack in packs.iter().filter(|pack| pack.ascii.iter().any(|name| name == parm.name)) {
        report.add(finding(format!("`{}` is not in ASCII: not taken by {}", parm.name, pack.name)));
    }
}

fn too_large(root: &Element<'_>, packs: &[&Pack], report: &mut Report) {
    if packs.iter().all(|pack| pack.max_octets.is_empty()) {
        return;
    }
    let Ok(octets) = write_wbxml(root, &VOCABULARY, &WbxmlOptions::default()) else { return };
    let size = Size { octets: octets.len(), sms: 0 };
    let over = packs.iter().filter_map(|pack| Some((pack, size::Over::of(size, pack)?)));
    // The rule tells of clients; which of them is meant to read the document is not known.
    if let Some((pack, over)) = over.max_by_key(|(_, over)| over.severity) {
        let span = Span { end: root.span.start, ..root.span };
        let finding = Diagnostic::new(&TOO_LARGE, span, over.message(size, pack)).at(root.name.clone());
        report.add(finding.severity(Severity::Warning));
    }
}
