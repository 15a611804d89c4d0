//! Peels a blob layer by layer, until a document is found or nothing more can be read.
//!
//! What can be read is shown; a layer that cannot be read is shown as octets with the finding, and the layers
//! outside it stay.

use std::borrow::Cow;

use serde::Serialize;

use super::parts::{self, Parts, Pdu};
use super::transfer::Form;
use super::{seal, summary};
use crate::codec::{self, Encoding, Limits, UNREADABLE};
use crate::cp::mac::{Imsi, Pin};
use crate::delivery::INCOMPLETE_PAP;
use crate::delivery::pap;
use crate::delivery::sms::Malformed;
use crate::delivery::wsp::{Media, PROVISIONING, Push};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::dm::session::notification::Notification;
use crate::provision::device::Sealing;
use crate::{catalogue, diagnose};

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
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { form: Form::Auto, pin: None, imsi: None }
    }
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// How deep it lies, from 1. Where an input holds several messages, numbers come again.
    pub level: usize,
    /// What it is.
    pub name: String,
    /// Where it is in the layer around it.
    pub span: Span,
    /// What it says, in one line.
    pub facts: String,
    /// What is wrong with it; places are in the octets of this layer.
    pub report: Report,
    /// The octets of a document, or of a layer that has findings; else empty.
    pub octets: Vec<u8>,
    /// What kind of layer it is.
    pub kind: LayerKind,
    /// Of a push: how it is sealed.
    pub sealing: Option<Sealing>,
}

/// What a layer is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Digits, or another form in which octets are printed.
    Transfer,
    /// PDUs of SMS, or what they carry.
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

/// What octets may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Pdus,
    Push,
    Pap,
    Document,
    Unknown,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Pdus => "SMS",
            Self::Push => "WSP push",
            Self::Pap => "PAP message",
            Self::Document => "document",
            Self::Unknown => "nothing known",
        }
    }
}

/// The likeliest reading of the input so far.
struct Best<'i> {
    form: Form,
    content: Content,
    certainty: u8,
    octets: Cow<'i, [u8]>,
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
        let best = guess(input, options.form, &mut guesses);
        if best.certainty == 0 && options.form != Form::Auto {
            peeler.other_form(input);
        } else {
            peeler.start(input, &best);
        }
    }
    guesses.sort_by_key(|guess| std::cmp::Reverse(guess.certainty));
    let mac = peeler.mac.unwrap_or(MacState::None);
    Peeled { layers: peeler.layers, guesses, mac }
}

/// Returns how sure we are, of 100, that a document is wrapped in something: an SMS, a push, digits.
pub(super) fn wrapping(input: &[u8]) -> u8 {
    if input.len() > MOST_INPUT || codec::recognise(input) == Some(Encoding::Xml) {
        return 0;
    }
    let best = guess(input, Form::Auto, &mut Vec::new());
    match (best.form, best.content) {
        (Form::Raw, Content::Document) | (_, Content::Unknown) => 0,
        _ => best.certainty,
    }
}

/// Tries all forms, notes what each may be, and returns the likeliest.
fn guess<'i>(input: &'i [u8], form: Form, guesses: &mut Vec<Guess>) -> Best<'i> {
    let mut best = Best { form: Form::Raw, content: Content::Unknown, certainty: 0, octets: Cow::Borrowed(input) };
    let all = [Form::Raw, Form::Pdu, Form::Hex, Form::HexDump, Form::Base64];
    let is_told = form != Form::Auto;
    for form in all.into_iter().filter(|candidate| !is_told || form == *candidate) {
        let octets = match form {
            Form::Raw | Form::Pdu => Cow::Borrowed(input),
            _ => match form.undo(input) {
                Some(octets) => Cow::Owned(octets),
                None => continue,
            },
        };
        let contents = if form == Form::Pdu { vec![weigh_lines(input)] } else { weigh(&octets) };
        // Digits that can be read are more than octets that cannot, whatever is in them.
        let floor = if is_told || matches!(form, Form::Hex | Form::HexDump) { 5 } else { 0 };
        let likeliest = contents.iter().map(|(content, certainty, _)| (*content, (*certainty).max(floor)));
        let (content, certainty) = likeliest.max_by_key(|(_, certainty)| *certainty).unwrap_or((Content::Unknown, 0));
        for (content, certainty, reason) in contents.into_iter().filter(|(_, certainty, _)| *certainty > 0) {
            guesses.push(Guess { form: form.name(), content: content.name(), certainty, reason });
        }
        if certainty > best.certainty {
            best = Best { form, content, certainty, octets };
        }
    }
    best
}

/// Says how likely a text is PDUs, one a line.
fn weigh_lines(text: &[u8]) -> (Content, u8, String) {
    let (mut lines, mut pdus, mut near, mut least) = (0_usize, 0_usize, 0_usize, 100);
    for (_, octets) in parts::lines(text) {
        lines += 1;
        match octets.as_deref().map(Pdu::read) {
            Some(Ok(pdu)) => {
                pdus += 1;
                least = least.min(pdu.certainty());
            }
            Some(Err(Malformed::Length { .. })) => near += 1,
            _ => {}
        }
    }
    let reason = format!("{pdus} of {lines} lines are PDUs");
    let certainty = match (pdus, near) {
        (0, 0) => 0,
        (0, _) => 30,
        _ if pdus == lines => least,
        // Digits that were wrapped make one line a PDU at the most.
        _ if pdus + near == lines || pdus > 1 => least.saturating_sub(15),
        _ => 20,
    };
    (Content::Pdus, certainty, reason)
}

/// Says how likely octets are each of the contents.
fn weigh(octets: &[u8]) -> Vec<(Content, u8, String)> {
    let mut contents = vec![(Content::Unknown, 0, "nothing known begins so".to_owned())];
    match Pdu::read(octets) {
        Ok(pdu) => contents.push((Content::Pdus, pdu.certainty(), "addresses and lengths are those of an SMS".into())),
        Err(fault @ Malformed::Length { .. }) => contents.push((Content::Pdus, 25, format!("nearly an SMS: {fault}"))),
        Err(_) => {}
    }
    if let Some(push) = Push::read(octets, &mut Report::new()) {
        let certainty = match &push.media {
            media if media.is_provisioning() || media.is_management() || media.is_notification() => 92,
            Media::Text(text) if text.contains('/') => 60,
            media if !media.name().starts_with("media type") => 55,
            _ => 10,
        };
        contents.push((Content::Push, certainty, format!("a push of {}", push.media.name())));
    } else if octets.get(1) == Some(&0x06) && octets.iter().take(8).any(|octet| *octet == 0x80 | PROVISIONING) {
        contents.push((Content::Push, 35, "nearly a push: its headers break off".to_owned()));
    }
    if pap::looks_like(octets) {
        contents.push((Content::Pap, 95, "an operation of the Push Access Protocol".to_owned()));
    }
    if let Some((certainty, reason)) = weigh_document(octets) {
        contents.push((Content::Document, certainty, reason));
    }
    contents
}

fn weigh_document(octets: &[u8]) -> Option<(u8, String)> {
    if codec::recognise(octets)? == Encoding::Xml {
        return Some((90, "markup begins".to_owned()));
    }
    let (public, size) = codec::read_multi_byte(octets.get(1..)?)?;
    let is_known = |number: u32| {
        number > 1 && catalogue::VOCABULARIES.iter().any(|v| v.public_ids.iter().any(|id| id.number == number))
    };
    if is_known(public) {
        return Some((88, format!("WBXML with the public identifier 0x{public:02X}")));
    }
    // Without an identifier that we know, the character set must be one.
    let rest = octets.get(1 + size..)?;
    let rest = if public == 0 { rest.get(codec::read_multi_byte(rest)?.1..)? } else { rest };
    let (charset, size) = codec::read_multi_byte(rest)?;
    let (table, _) = codec::read_multi_byte(rest.get(size..)?)?;
    let is_plausible = matches!(charset, 3 | 4 | 106) && (table as usize) < octets.len();
    Some((if is_plausible { 58 } else { 8 }, format!("WBXML with the character set {charset}")))
}

struct Peeler<'o> {
    options: &'o Options<'o>,
    layers: Vec<Layer>,
    mac: Option<MacState>,
}

impl Peeler<'_> {
    fn push(&mut self, kind: LayerKind, at: (usize, Span), name: impl Into<String>, facts: String) -> &mut Layer {
        let (level, span) = at;
        let name = name.into();
        self.layers.push(Layer {
            level,
            name,
            span,
            facts,
            report: Report::new(),
            octets: Vec::new(),
            kind,
            sealing: None,
        });
        self.layers.last_mut().expect("one was just added")
    }

    /// Adds octets that cannot be read, with the reasons.
    fn unread(&mut self, at: (usize, Span), octets: &[u8], report: Report) {
        let facts = octets_in_words(octets);
        self.push(LayerKind::Octets, at, "octets", facts).tell(report, octets);
    }

    /// The input is not in the form that we were told.
    fn other_form(&mut self, input: &[u8]) {
        let mut report = Report::new();
        let message = format!("the input is not {}", self.options.form.name());
        let help = "leave `--in` out: the form is found out from the content";
        report.add(Diagnostic::new(&UNREADABLE, Span::new(0, input.len().min(16)), message).help(help));
        self.unread((1, Span::new(0, input.len())), input, report);
    }

    fn start(&mut self, input: &[u8], best: &Best<'_>) {
        let whole = Span::new(0, input.len());
        let mut level = 1;
        match best.form {
            Form::Raw | Form::Auto => {}
            Form::Pdu => {
                let count = parts::lines(input).count();
                let facts = if count == 1 { "1 PDU".to_owned() } else { format!("{count} PDUs, one a line") };
                self.push(LayerKind::Transfer, (1, whole), Form::Hex.name(), facts);
                let pdus = parts::lines(input).map(|(range, octets)| (range, octets.unwrap_or_default()));
                return self.pdus(2, input, pdus);
            }
            form => {
                let facts = format!("{} chars → {} bytes", input.len(), best.octets.len());
                self.push(LayerKind::Transfer, (1, whole), form.name(), facts);
                level = 2;
            }
        }
        self.content(level, best.content, &best.octets, Span::new(0, best.octets.len()));
    }

    fn content(&mut self, level: usize, content: Content, octets: &[u8], span: Span) {
        match content {
            Content::Pdus => self.pdus(level, octets, std::iter::once((0..octets.len(), octets.to_vec()))),
            Content::Push => self.wsp(level, octets, span),
            Content::Pap => self.pap(level, octets, span),
            Content::Document => self.document(level, octets, span),
            Content::Unknown => {
                let mut report = Report::new();
                let message = "this is no SMS, push or document that we know";
                let help = "name the form with `--in`, or cut the message out of what is around it";
                report.add(Diagnostic::new(&UNREADABLE, Span::new(0, octets.len().min(16)), message).help(help));
                self.unread((level, span), octets, report);
            }
        }
    }

    /// Puts PDUs together, each with its place in `around`.
    fn pdus(&mut self, level: usize, around: &[u8], pdus: impl Iterator<Item = (std::ops::Range<usize>, Vec<u8>)>) {
        let mut parts = Parts::default();
        let mut end = 0;
        for (range, octets) in pdus {
            end = range.end;
            parts.add(&octets, Span::new(range.start, range.end));
        }
        let incomplete = parts.finish_incomplete();
        let (facts, report) = (parts.facts(), std::mem::take(&mut parts.report));
        let mut inner = level;
        let is_nothing = parts.messages.is_empty() && incomplete.is_empty();
        let is_user_data = !(parts.has_tpdus() || is_nothing);
        match self.layers.last_mut().filter(|_| is_user_data) {
            Some(last) => last.tell(report, around),
            None => {
                self.push(LayerKind::Sms, (level, Span::new(0, end)), "SMS", facts).tell(report, around);
                inner += 1;
            }
        }
        for message in parts.messages {
            let span = Span::new(0, message.octets.len());
            self.push(LayerKind::Sms, (inner, span), "SMS user data", message.facts);
            let likeliest = weigh(&message.octets).into_iter().max_by_key(|(_, certainty, _)| *certainty);
            let content = likeliest.map_or(Content::Unknown, |(content, ..)| content);
            // An SMS in an SMS is no layer; a push that is malformed is rather that.
            let content = if content == Content::Pdus { Content::Push } else { content };
            self.content(inner + 1, content, &message.octets, span);
        }
        for facts in incomplete {
            self.push(LayerKind::Sms, (inner, Span::default()), "SMS user data", facts);
        }
    }

    fn wsp(&mut self, level: usize, octets: &[u8], span: Span) {
        let mut report = Report::new();
        let Some(push) = Push::read(octets, &mut report) else {
            let facts = octets_in_words(octets);
            return self.push(LayerKind::Push, (level, span), "WSP push", facts).tell(report, octets);
        };
        self.pushed(level, "WSP push", octets, &push, span, report);
    }

    /// A message to or from a push proxy gateway.
    fn pap(&mut self, level: usize, octets: &[u8], span: Span) {
        let mut report = Report::new();
        let Some(message) = pap::read(octets, &mut report) else {
            return self.unread((level, span), octets, report);
        };
        let content = message.content.as_ref().map(|part| (part, part.body()));
        if let Some((part, None)) = &content {
            let what = "the content's transfer encoding is not known, or is broken";
            report.add(Diagnostic::new(&INCOMPLETE_PAP, part.span, what));
        }
        self.push(LayerKind::Push, (level, span), summary::pap_name(&message), summary::pap(&message))
            .tell(report, octets);
        if let Some((part, Some(body))) = content {
            let push = part.push(&body, Span::new(0, body.len()));
            self.pushed(level + 1, "pushed content", &body, &push, part.span, Report::new());
        }
    }

    /// A push, however its headers were written.
    fn pushed(&mut self, level: usize, name: &str, octets: &[u8], push: &Push<'_>, span: Span, mut report: Report) {
        let is_ours =
            push.media.is_provisioning() || push.media.is_management() || push.sec.is_some() || push.mac.is_some();
        let state = is_ours.then(|| seal::check(octets, push, self.options, &mut report));
        self.mac = worse([self.mac, state]);
        let layer = self.push(LayerKind::Push, (level, span), name, push_facts(push, state));
        layer.sealing = Some(Sealing {
            method: push.security(),
            media_is_text: matches!(push.media, Media::Text(_)),
            sec_after_mac: push.sec_after_mac,
        });
        layer.tell(report, octets);
        if push.media.is_notification() {
            return self.notification(level + 1, push.body, push.body_span);
        }
        self.document(level + 1, push.body, push.body_span);
    }

    /// Package 0 of a DM session: who asks for a session.
    fn notification(&mut self, level: usize, octets: &[u8], span: Span) {
        match Notification::read(octets) {
            Ok(notification) => {
                self.push(LayerKind::Document, (level, span), "DM notification", summary::notification(&notification));
            }
            Err(why) => {
                let mut report = Report::new();
                report.add(Diagnostic::new(&UNREADABLE, Span::new(0, octets.len()), why));
                self.unread((level, span), octets, report);
            }
        }
    }

    fn document(&mut self, level: usize, octets: &[u8], span: Span) {
        let mut report = Report::new();
        let Some(document) = catalogue::read(octets, &LIMITS, &mut report) else {
            if !report.has_errors() {
                report.add(Diagnostic::new(
                    &UNREADABLE,
                    Span::new(0, octets.len().min(16)),
                    "there is no root element",
                ));
            }
            return self.unread((level, span), octets, report);
        };
        let (name, facts) = summary::header(&document.header);
        let layer = self.push(LayerKind::Syntax, (level, span), name, facts);
        layer.report = report;
        layer.octets = octets.to_vec();
        let (name, says) = summary::document(&document);
        self.push(LayerKind::Document, (level + 1, document.root.span), name, says);
    }
}

impl Layer {
    /// Adds findings on the octets of this layer.
    fn tell(&mut self, report: Report, octets: &[u8]) {
        if report.diagnostics().is_empty() {
            return;
        }
        self.report.append(report);
        self.octets = octets.to_vec();
    }
}

/// Returns the state that asks for more attention.
fn worse(states: [Option<MacState>; 2]) -> Option<MacState> {
    states.into_iter().flatten().max_by_key(|state| match state {
        MacState::None => 0,
        MacState::Right => 1,
        MacState::Unchecked => 2,
        MacState::Wrong => 3,
    })
}

fn push_facts(push: &Push<'_>, state: Option<MacState>) -> String {
    let mut facts = diagnose::text::printable(&push.media.name()).into_owned();
    if let Some(sec) = push.sec {
        let name = push.security().map_or("unknown", crate::cp::mac::Security::name);
        facts.push_str(&format!("  SEC={sec} ({name})"));
    }
    if let Some(mac) = &push.mac {
        let shown = String::from_utf8_lossy(&mac[..mac.len().min(8)]).into_owned();
        let more = if mac.len() > 8 { "…" } else { "" };
        facts.push_str(&format!("  MAC={shown}{more}"));
    }
    if let Some(application) = &push.application {
        facts.push_str(&format!("  application {application}"));
    }
    match state {
        Some(MacState::Right) => facts.push_str("  MAC is right"),
        Some(MacState::Wrong) => facts.push_str("  MAC is WRONG"),
        _ => {}
    }
    facts
}

/// Octets of an unreadable layer that are shown.
const MOST_SHOWN: usize = 24;

fn octets_in_words(octets: &[u8]) -> String {
    let shown: Vec<String> = octets.iter().take(MOST_SHOWN).map(|octet| format!("{octet:02X}")).collect();
    let more = if octets.len() > MOST_SHOWN { " …" } else { "" };
    format!("{} octets: {}{more}", octets.len(), shown.join(" "))
}
