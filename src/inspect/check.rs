//! Everything that is wrong with an input, whatever it is wrapped in: the SMS, the push, and the document inside.

use std::borrow::Cow;

use super::cost::Cost;
use super::guess::wrapping;
use super::layers::{self, Layer, LayerKind, peel};
use super::{cost, trial};
use crate::catalogue::{self, Checked, Kind, Options};
use crate::codec::UNREADABLE;
use crate::delivery::UNCHECKED_MAC;
use crate::diagnose::{Diagnostic, Report, Source, Span};
use crate::provision::device;

/// PDUs of SMS, in digits or as they are.
pub static SMS: Kind = Kind::elsewhere("sms", "SMS");
/// A WAP push, in digits or as it is.
pub static PUSH: Kind = Kind::elsewhere("push", "WAP push");

/// Above this certainty, of 100, an input is taken for SMS or a push before anything else.
const SURE: u8 = 50;

/// What a check of an input came to.
#[derive(Debug)]
pub struct Judged<'s> {
    /// The findings on the input, then those on each layer inside that is checked for itself.
    pub layers: Vec<Checked<'s>>,
    /// What it costs to send it, if it is a provisioning document, brings one, or is a profile without errors.
    pub cost: Option<Cost>,
}

/// Reports everything that is wrong with an input of any kind that we know. `name` is what people call it.
pub fn check<'s>(bytes: impl Into<Cow<'s, [u8]>>, name: &str, options: &Options<'_>) -> Judged<'s> {
    let bytes = bytes.into();
    let certainty = wrapping(&bytes);
    let is_told = options.kind.is_some_and(|kind| kind == &SMS || kind == &PUSH);
    if is_told || options.kind.is_none() && certainty >= SURE {
        return judge_layers(bytes, name, options);
    }
    let mut checked = catalogue::check(bytes, name, options);
    if checked.kind.is_none() && certainty > 0 {
        return judge_layers(checked.source.bytes, name, options);
    }
    let cost = match checked.kind.map(|kind| kind.id) {
        Some("profile") if !checked.report.has_errors() => {
            trial::build(&String::from_utf8_lossy(&checked.source.bytes), options, &mut checked.report)
        }
        Some("cp") => cost::of_document(&checked.source.bytes, options),
        _ => None,
    };
    Judged { layers: vec![checked], cost }
}

/// Returns the document in a push, an SMS or digits, if the input surely is one of those.
pub fn inside(input: &[u8]) -> Option<Vec<u8>> {
    if wrapping(input) < SURE {
        return None;
    }
    peel(input, &layers::Options::default()).document().map(<[u8]>::to_vec)
}

fn judge_layers<'s>(bytes: Cow<'s, [u8]>, name: &str, options: &Options<'_>) -> Judged<'s> {
    let peeled = peel(&bytes, &layers::Options { text_codes: options.text_codes, ..layers::Options::default() });
    let mut all: Vec<Checked<'s>> = Vec::new();
    let (mut cost, mut inner) = (None, Options { kind: None, ..*options });
    for layer in peeled.layers {
        inner.seal = layer.sealing.map(|sealing| sealing.method).or(inner.seal);
        let kind = match layer.kind {
            LayerKind::Sms => Some(&SMS),
            LayerKind::Push => Some(&PUSH),
            LayerKind::Syntax => {
                cost = cost.or_else(|| cost::of_document(&layer.octets, &inner));
                let mut checked = catalogue::check(layer.octets, name, &inner);
                checked.source.layer = Some(layer.name);
                all.push(checked);
                continue;
            }
            LayerKind::Transfer | LayerKind::Text | LayerKind::Octets if !layer.report.diagnostics().is_empty() => None,
            _ => continue,
        };
        all.push(check_layer(layer, kind, &bytes, name, options));
    }
    if let Some(kind) = options.kind.filter(|kind| !all.iter().any(|checked| checked.kind == Some(kind))) {
        let mut report = Report::new();
        report.add(Diagnostic::new(&UNREADABLE, Span::default(), format!("there is no {} in the input", kind.name)));
        all.insert(0, Checked { kind: Some(kind), source: Source::new(name, bytes), report });
    }
    Judged { layers: all, cost }
}

fn check_layer<'s>(
    layer: Layer,
    kind: Option<&'static Kind>,
    input: &[u8],
    name: &str,
    options: &Options<'_>,
) -> Checked<'s> {
    let is_input = layer.octets == input;
    let mut source = Source::new(name, layer.octets);
    source.layer = (!is_input).then_some(layer.name);
    let mut report = Report::new();
    for (pack, sealing) in options.devices.iter().zip(layer.sealing.into_iter().cycle()) {
        device::check_sealing(sealing, pack, (Span::default(), "push"), &mut report);
    }
    for mut finding in layer.report.into_diagnostics() {
        if finding.rule == &UNCHECKED_MAC {
            finding.help = Some(format!("`impskit decode` checks it: {}", finding.way_out()));
        }
        report.add(finding);
    }
    report.sort();
    Checked { kind, source, report }
}
