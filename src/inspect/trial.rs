//! A trial of a profile: built for a made-up handset in every form, and each form checked.

use super::cost::{self, Cost};
use super::layers::LIMITS;
use crate::catalogue::{self, Options};
use crate::codec::{Segments, WbxmlStyle};
use crate::cp::mac::{Imsi, Key, Pin, Security};
use crate::delivery::sms::{Address, Kind};
use crate::delivery::wdp::{Ports, Reference};
use crate::delivery::{Bearing, MANY_PARTS, Outgoing, receive};
use crate::diagnose::{Diagnostic, Report, Severity, Span};
use crate::dm::{self, Description, Uri};
use crate::provision::apply::{Place, to_tree};
use crate::provision::device::{self, Size};
use crate::provision::{BAD_VALUE, Compiled, Filled, Pack, Profile};

/// Values of a handset that is made up where none is given: numbers of test networks.
pub const MADE_UP: &[(&str, &str)] = &[
    ("msisdn", "+46700000001"),
    ("imsi", "001010123456789"),
    ("pin", "1234"),
    ("user", "test1"),
    ("password", "made-up-1"),
];

/// Messages of more parts are dropped by some handsets (rule SM007).
const MANY: usize = 5;

/// Builds a profile and its variants in every form; what is wrong with the forms is added to `report`.
pub(super) fn build(text: &str, options: &Options<'_>, report: &mut Report) -> Option<Cost> {
    // Secrets kept elsewhere are not fetched to check a text.
    let profile = Profile::read(text, &mut |_| Ok("secret".to_owned()), &mut Report::new())?;
    let built = build_one(&profile, "", options.devices, report);
    for (place, variant) in profile.variants.iter().enumerate() {
        let mut own = Report::new();
        build_one(&variant.profile, &format!("variant {}: ", place + 1), &[], &mut own);
        // What is wrong with the profile itself has been said once.
        own.retain(|d| !report.diagnostics().iter().any(|said| said.rule == d.rule && said.message == d.message));
        report.append(own);
    }
    for pack in options.devices {
        let whose = format!("for {}: ", pack.model);
        if let Err(what) = try_device(&profile, pack, &whose, report) {
            report.add(Diagnostic::new(&BAD_VALUE, Span::default(), what).at(whose + "the document built for it"));
        }
    }
    let cost = built?;
    if let Some(most) = options.max_sms {
        device::check_limit(cost.size, most, (Span::default(), "SMS"), report);
    }
    Some(cost)
}

fn build_one(profile: &Profile, whose: &str, packs: &[&Pack], report: &mut Report) -> Option<Cost> {
    try_forms(profile, whose, packs, report)
        .map_err(|what| {
            let finding = Diagnostic::new(&BAD_VALUE, Span::default(), what);
            report.add(finding.at(format!("{whose}the forms built from it")));
        })
        .ok()
}

fn try_forms(profile: &Profile, whose: &str, packs: &[&Pack], report: &mut Report) -> Result<Cost, String> {
    let values = made_up(profile);
    let (header, cells): (Vec<&str>, Vec<&str>) = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).unzip();
    let compiled = Compiled::new(profile, &header, "check", WbxmlStyle::Safe).map_err(|error| error.what)?;
    let mut document = Vec::new();
    let filled = compiled.fill(&|place| cells[place], None, &mut document);
    let filled = filled.map_err(|bad| format!("with made-up values: {} ({})", bad.message, bad.column))?;
    let checked = catalogue::check(&document[..], "document", &catalogue::Options::default());
    copy(checked.report, &format!("{whose}provisioning document, "), report);
    let sms = try_sms(&filled, &document)?;
    if sms > MANY {
        let message = format!("the message has {sms} parts");
        report.add(Diagnostic::new(&MANY_PARTS, Span::default(), message).at(format!("{whose}SMS")));
    }
    try_tree(&filled, &format!("{whose}management object, "), report)?;
    let size = Size { octets: document.len(), sms };
    let read = catalogue::read(&document, &LIMITS, &mut Report::new());
    let seal = filled.profile.security.unwrap_or(Some(Security::UserPin));
    Ok(Cost { size, advice: read.map_or_else(Vec::new, |read| cost::advice(&read.root, size, seal, packs)) })
}

/// Builds the document of a profile for the handsets of a pack, and reports what they do with it.
fn try_device(profile: &Profile, pack: &Pack, whose: &str, report: &mut Report) -> Result<(), String> {
    let values = made_up(profile);
    let (header, cells): (Vec<&str>, Vec<&str>) = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).unzip();
    let compiled = Compiled::new(profile, &header, "check", pack.style()).map_err(|error| error.what)?;
    let mut document = Vec::new();
    let filled = compiled.fill(&|place| cells[place], Some(&pack.model), &mut document);
    let filled = filled.map_err(|bad| format!("with made-up values: {} ({})", bad.message, bad.column))?;
    let options = Options { devices: &[pack], seal: filled.profile.security, ..Options::default() };
    let mut own = catalogue::check(&document[..], "document", &options).report;
    // A value of the profile itself that is cut has been told at its place.
    let outcome = |d: &Diagnostic| d.message.rsplit(": ").next().map(str::to_owned);
    let is_said = |d: &Diagnostic| report.diagnostics().iter().any(|s| s.rule == d.rule && outcome(s) == outcome(d));
    own.retain(|d| d.rule.code.starts_with("QRK") && !is_said(d));
    copy(own, whose, report);
    Ok(())
}

/// Seals and splits the document, and takes the parts in as a handset would; returns how many there are.
fn try_sms(filled: &Filled<'_>, document: &[u8]) -> Result<usize, String> {
    let words = |error: crate::error::Error| error.what;
    let given = |own: &str, name: &str| if own.is_empty() { value_of(name).to_owned() } else { own.to_owned() };
    let pin = Pin::read(&given(&filled.handset.pin, "pin")).map_err(words)?;
    let imsi = Imsi::read(&given(&filled.handset.imsi, "imsi")).map_err(words)?;
    let security = filled.profile.security.unwrap_or(Some(Security::UserPin));
    let key = security.and_then(|security| Key::new(security, Some(&pin), Some(&imsi)));
    let mut outgoing = Outgoing::new();
    outgoing.seal(1, document, security.zip(key.as_ref()));
    let address = Address::read_text(value_of("msisdn")).map_err(words)?;
    let (kind, reference, ports) = (Kind::SUBMIT, Reference::Short(1), Ports::default());
    outgoing.split(&Bearing { address: &address, kind, reference, ports, centre: None }).map_err(words)?;
    let received = receive(outgoing.pdus(), Some(&pin), Some(&imsi))?;
    match received.body == document {
        true => Ok(outgoing.pdus().len()),
        false => Err("the SMS do not bring the document that was sent".to_owned()),
    }
}

fn try_tree(filled: &Filled<'_>, whose: &str, report: &mut Report) -> Result<(), String> {
    let account = filled.profile.filled(&filled.handset.values);
    let parent = Uri::read(&filled.profile.tree_root).map_err(|error| error.to_string())?;
    let instance = Some(filled.profile.tree_instance.as_str());
    let place = Place { parent: Some(&parent), instance, ..Place::of(Description::bundled()) };
    let manager = filled.profile.filled_manager(&filled.handset.values).map(|(manager, _)| manager);
    let managers: Vec<_> = manager.into_iter().collect();
    let (tree, _) = to_tree(&[account], &managers, &place).map_err(|fault| fault.to_string())?;
    let mut own = Report::new();
    dm::check_tree(&tree, Description::bundled(), &mut own);
    copy(own, whose, report);
    Ok(())
}

/// Adds the findings on a form that was built; their places are in no file. What is too long for which client has been
/// said of the profile (PRF008).
fn copy(own: Report, whose: &str, report: &mut Report) {
    for mut finding in own.into_diagnostics() {
        if finding.severity > Severity::Note && finding.rule.code != "WA010" {
            finding.span = Span::default();
            finding.related.clear();
            finding.path.insert_str(0, whose);
            report.add(finding);
        }
    }
}

fn value_of(column: &str) -> &'static str {
    MADE_UP.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map_or("1", |(_, value)| *value)
}

/// Returns made-up values for all columns that a profile uses, an operator's own included.
fn made_up(profile: &Profile) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> =
        MADE_UP.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (slot, name) in (0..).zip(profile.slots.names()) {
        if !values.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            let feeds = |(_, text): &&(String, String)| text.contains(&Segments::slot(slot));
            let column = profile.columns.iter().find(feeds).map_or(name, |(column, _)| column);
            values.push((name.clone(), value_of(column).to_owned()));
        }
    }
    values
}
