//! Peels a blob layer by layer, until a document is found or nothing more can be read.
//!
//! What can be read is shown; a layer that cannot be read is shown as octets with the finding, and the layers
//! outside it stay.

use serde::Serialize;

use super::guess::guess;
use super::pasted;
use super::peeler::{Peeler, octets_in_words};
use super::transfer::Form;
use crate::codec::{Limits, UNREADABLE};
use crate::cp::mac::{Imsi, Pin};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::document::CodeTable;
use crate::provision::device::Sealing;

/// Larger inputs are not peeled: the largest known device description has 3 MB.
pub const MOST_INPUT: usize = 8 << 20;

/// Limits of the documents inside, so that no input of [`MOST_INPUT`] takes more than 64 MiB.
pub(super) const LIMITS: Limits = Limits { bytes: MOST_INPUT, depth: 64, elements: 50_000, attributes: 12 };

/// What is known beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// In which form the input comes.
    pub form: Form,
    /// To check a MAC with.
    pub pin: Option<&'o Pin>,
    /// To check a MAC with.
    pub imsi: Option<&'o Imsi>,
    /// The codes of messages in plain text, in place of those that are known.
    pub text_codes: Option<&'o CodeTable>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { form: Form::Auto, pin: None, imsi: None, text_codes: None }
    }
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// How deep it lies, from 1. Where an input holds several messages, numbers come again.
    pub level: usize,
    /// What it is.
    pub name: String,
    /// Where it is in the layer around it; of several pieces, from the first to the last.
    pub span: Span,
    /// Where its pieces are in the layer around it, where there are several.
    pub pieces: Vec<Span>,
    /// What it says, in one line.
    pub facts: String,
    /// What is wrong with it; places are in the octets of this layer.
    pub report: Report,
    /// The octets of a document, or of a layer that has findings; else empty.
    pub octets: Vec<u8>,
    /// The beginning of what the layers inside have their places in, at most [`MOST_SHOWN`].
    pub shown: Vec<u8>,
    /// What kind of layer it is.
    pub kind: LayerKind,
    /// Of a push: how it is sealed.
    pub sealing: Option<Sealing>,
}

/// Octets of a layer that are kept to be shown.
pub const MOST_SHOWN: usize = 16 << 10;

/// What a layer is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Digits, or another form in which octets are printed: all of it is the layer inside.
    Transfer,
    /// Text in which the layers inside have their places.
    Text,
    /// PDUs of SMS or SMPP, or what they carry.
    Sms,
    /// A push.
    Push,
    /// A document in its syntax.
    Syntax,
    /// What a document says.
    Document,
    /// Octets that cannot be read.
    Octets,
}

/// What became of the MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MacState {
    /// There is none.
    None,
    /// The secrets to check it with are missing.
    Unchecked,
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
}

/// What the input may be, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// The form of the input.
    pub form: &'static str,
    /// What it holds.
    pub content: &'static str,
    /// How sure we are, of 100.
    pub certainty: u8,
    /// Why.
    pub reason: String,
}

/// An input peeled.
#[derive(Debug, Clone)]
pub struct Peeled {
    /// The layers, the outermost first.
    pub layers: Vec<Layer>,
    /// What the input may be, the likeliest first: that is the one peeled.
    pub guesses: Vec<Guess>,
    /// What became of the MAC; of several the worst.
    pub mac: MacState,
}

impl Peeled {
    /// Returns the innermost document's octets, as they were sealed; the first of several.
    pub fn document(&self) -> Option<&[u8]> {
        self.layers.iter().find(|layer| layer.kind == LayerKind::Syntax).map(|layer| layer.octets.as_slice())
    }

    /// Returns whether everything was read and no MAC is wrong.
    pub fn is_good(&self) -> bool {
        self.mac != MacState::Wrong && !self.layers.iter().any(|layer| layer.report.has_errors())
    }
}

/// Peels an input. Beyond [`MOST_INPUT`] only the size is told.
pub fn peel(input: &[u8], options: &Options<'_>) -> Peeled {
    let mut peeler = Peeler { options, layers: Vec::new(), mac: None };
    let mut guesses = Vec::new();
    if input.len() > MOST_INPUT {
        let mut report = Report::new();
        let message = format!("the input has {} octets, more than {} MiB", input.len(), MOST_INPUT >> 20);
        report.add(Diagnostic::new(&UNREADABLE, Span::default(), message));
        let facts = octets_in_words(input);
        peeler.push(LayerKind::Octets, (1, Span::new(0, input.len())), "octets", facts).report = report;
    } else {
        let input = pasted::without_colours(input);
        let best = guess(&input, options.form, &mut guesses);
        if best.certainty == 0 && options.form != Form::Auto && options.form != Form::Pdu {
            peeler.other_form(&input);
        } else {
            peeler.input(1, &input, &best);
        }
    }
    guesses.sort_by_key(|guess| std::cmp::Reverse(guess.certainty));
    let mac = peeler.mac.unwrap_or(MacState::None);
    Peeled { layers: peeler.layers, guesses, mac }
}

impl Layer {
    /// Keeps what the layers inside have their places in.
    pub(super) fn show(&mut self, octets: &[u8]) {
        self.shown = octets[..octets.len().min(MOST_SHOWN)].to_vec();
    }

    /// Says where the layer is, in one piece or several.
    pub(super) fn in_pieces(&mut self, pieces: Vec<Span>) {
        let ends = || Some((pieces.iter().map(|p| p.start).min()?, pieces.iter().map(|p| p.end).max()?));
        let (start, end) = ends().unwrap_or_default();
        self.span = Span { start, end };
        self.pieces = if pieces.len() > 1 { pieces } else { Vec::new() };
    }

    /// Adds findings on the octets of this layer.
    pub(super) fn tell(&mut self, report: Report, octets: &[u8]) {
        if report.diagnostics().is_empty() {
            return;
        }
        self.report.append(report);
        self.octets = octets.to_vec();
    }
}
