//! What each layer is read with, and what it becomes.

use super::guess::{Content, Holds, Reading, weigh};
use super::layers::{LIMITS, Layer, LayerKind, MacState, Options};
use super::parts::{MOST_MESSAGES, Parts};
use super::pdu::{self, Fault, Pdu};
use super::request::{self, Request};
use super::transfer::Form;
use super::{lines, pasted, seal, summary};
use crate::codec::UNREADABLE;
use crate::delivery::wsp::{Media, Push};
use crate::delivery::{INCOMPLETE_PAP, PDU_LENGTH, pap};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::dm::session::notification::Notification;
use crate::provision::device::Sealing;
use crate::{catalogue, diagnose};

/// The name of the layer of a push.
const WSP: &str = "WSP push";

/// Peels, and keeps the layers.
pub(super) struct Peeler<'o> {
    pub(super) options: &'o Options<'o>,
    pub(super) layers: Vec<Layer>,
    /// What became of the MAC so far; of several the worst.
    pub(super) mac: Option<MacState>,
}

impl Peeler<'_> {
    pub(super) fn push(
        &mut self,
        kind: LayerKind,
        at: (usize, Span),
        name: impl Into<String>,
        facts: String,
    ) -> &mut Layer {
        let (level, span) = at;
        let (name, report) = (name.into(), Report::new());
        let (pieces, octets, shown) = (Vec::new(), Vec::new(), Vec::new());
        let sealing = None;
        self.layers.push(Layer { level, name, span, pieces, facts, report, octets, shown, kind, sealing });
        self.layers.last_mut().expect("one was just added")
    }

    /// Adds octets that cannot be read, with the reasons.
    pub(super) fn unread(&mut self, at: (usize, Span), octets: &[u8], report: Report) {
        let facts = octets_in_words(octets);
        let layer = self.push(LayerKind::Octets, at, "octets", facts);
        layer.show(octets);
        layer.tell(report, octets);
    }

    /// The input is not in the form that we were told.
    pub(super) fn other_form(&mut self, input: &[u8]) {
        let mut report = Report::new();
        let message = format!("the input is not {}", self.options.form.name());
        let help = "leave `--in` out: the form is found out from the content";
        report.add(Diagnostic::new(&UNREADABLE, Span::new(0, input.len().min(16)), message).help(help));
        self.unread((1, Span::new(0, input.len())), input, report);
    }

    /// Undoes the forms of transfer, one a layer, and goes on with what they hold.
    pub(super) fn input(&mut self, level: usize, octets: &[u8], reading: &Reading) {
        let whole = Span::new(0, octets.len());
        match reading.form {
            Form::Raw | Form::Auto => self.holds(level, octets, &reading.holds),
            Form::Pdu => self.pasted(level, octets),
            form => {
                let facts = format!("{} chars → {} bytes", octets.len(), reading.octets.len());
                self.push(LayerKind::Transfer, (level, whole), form.name(), facts).show(octets);
                self.holds(level + 1, &reading.octets, &reading.holds);
            }
        }
    }

    fn holds(&mut self, level: usize, octets: &[u8], holds: &Holds) {
        match holds {
            Holds::More(reading) => self.input(level, octets, reading),
            Holds::Content(content) => self.content(level, *content, octets, Span::new(0, octets.len())),
        }
    }

    fn content(&mut self, level: usize, content: Content, octets: &[u8], span: Span) {
        match content {
            Content::Pdus => self.stream(level, octets, span),
            Content::Push => self.wsp(level, octets, span),
            Content::Pap => self.pap(level, octets, span),
            Content::Requests => self.requests(level, octets),
            Content::Lines => self.lines(level, octets),
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

    /// Goes on with the content that octets most likely are.
    fn likeliest(&mut self, level: usize, octets: &[u8], is_user_data: bool) {
        let likeliest = weigh(octets).into_iter().max_by_key(|(_, certainty, _)| *certainty);
        let content = likeliest.map_or(Content::Unknown, |(content, ..)| content);
        // An SMS in an SMS is no layer; a push that is malformed is rather that.
        let content = if is_user_data && content == Content::Pdus { Content::Push } else { content };
        self.content(level, content, octets, Span::new(0, octets.len()));
    }

    /// PDUs as digits, one a line, in a text.
    fn pasted(&mut self, level: usize, text: &[u8]) {
        let runs = pasted::pdus(text);
        let count = text.split(|octet| *octet == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        let facts = match (runs.len(), count) {
            (1, 1) => "1 PDU".to_owned(),
            (pdus, lines) if pdus == lines => format!("{pdus} PDUs, one a line"),
            (1, lines) => format!("1 PDU in {lines} lines"),
            (pdus, lines) => format!("{pdus} PDUs in {lines} lines"),
        };
        let whole = Span::new(0, text.len());
        self.push(LayerKind::Text, (level, whole), Form::Hex.name(), facts).show(text);
        let (mut parts, mut octets, mut pieces) = (Parts::default(), Vec::new(), Vec::new());
        for run in &runs {
            let span = Span::new(run.range.start, run.range.end);
            pieces.push(span);
            match &run.octets {
                Some(pdu) => {
                    parts.add(pdu, span, octets.len());
                    octets.extend_from_slice(pdu);
                }
                None => parts.report.add(Diagnostic::new(&PDU_LENGTH, span, "the digits are not all pairs of 0 to F")),
            }
        }
        if runs.is_empty() {
            parts.report.add(Diagnostic::new(&PDU_LENGTH, whole, "no line has the digits of a PDU"));
        }
        self.joined(level + 1, text, &octets, &pieces, parts);
    }

    /// PDUs as octets: one, or as many as the lengths of SMPP say.
    fn stream(&mut self, level: usize, octets: &[u8], span: Span) {
        let mut parts = Parts::default();
        for (count, range) in pdu::split(octets).into_iter().enumerate() {
            let (pdu, place) = (&octets[range.clone()], Span::new(range.start, range.end));
            match Pdu::read(pdu) {
                Err(Fault::Tpdu(_)) if count > 0 => {
                    let what = format!("behind the PDUs stand {} octets that are none", pdu.len());
                    parts.report.add(Diagnostic::new(&PDU_LENGTH, place, what));
                }
                _ => parts.add(pdu, place, range.start),
            }
        }
        self.joined(level, octets, octets, &[span], parts);
    }

    /// Shows PDUs and the messages in them. `octets` are those of all PDUs; findings have their places in `around`.
    fn joined(&mut self, level: usize, around: &[u8], octets: &[u8], pieces: &[Span], mut parts: Parts) {
        let incomplete = parts.finish_incomplete();
        let (facts, report) = (parts.facts(), std::mem::take(&mut parts.report));
        let mut inner = level;
        let is_user_data = parts.is_user_data();
        match self.layers.last_mut().filter(|_| is_user_data) {
            Some(last) => last.tell(report, around),
            None => {
                let layer = self.push(LayerKind::Sms, (level, Span::default()), parts.carrier(), facts);
                layer.in_pieces(pieces.to_vec());
                layer.tell(report, around);
                layer.show(octets);
                inner += 1;
            }
        }
        for message in parts.messages {
            let layer = self.push(LayerKind::Sms, (inner, Span::default()), "SMS user data", message.facts);
            // User data alone stands in the digits themselves.
            layer.in_pieces(if is_user_data && around.len() != octets.len() {
                pieces.to_vec()
            } else {
                message.pieces
            });
            layer.show(&message.octets);
            self.likeliest(inner + 1, &message.octets, true);
        }
        for facts in incomplete {
            self.push(LayerKind::Sms, (inner, Span::default()), "SMS user data", facts);
        }
    }

    /// Requests to an HTTP gateway.
    fn requests(&mut self, level: usize, text: &[u8]) {
        let requests = request::requests(text);
        let (carriers, others): (Vec<&Request>, Vec<&Request>) =
            requests.iter().partition(|request| request.segment().map_or(true, |segment| segment.is_some()));
        if let Some(first) = carriers.first() {
            let (mut parts, mut octets) = (Parts::default(), Vec::new());
            for request in &carriers {
                parts.add_pdu(&Pdu::Request(request), &request.octets, request.span, octets.len());
                octets.extend_from_slice(&request.octets);
            }
            let pieces: Vec<Span> = carriers.iter().flat_map(|request| request.pieces.iter().copied()).collect();
            let place = self.layers.len();
            self.joined(level, text, &octets, &pieces, parts);
            self.layers[place].name = first.name();
        }
        for request in others.into_iter().take(MOST_MESSAGES) {
            let pdu = Pdu::Request(request);
            let facts = pdu.address().into_iter().chain(pdu.details()).collect::<Vec<_>>().join(", ");
            let layer = self.push(LayerKind::Transfer, (level, request.span), request.name(), facts);
            layer.in_pieces(request.pieces.clone());
            layer.show(&request.octets);
            self.likeliest(level + 1, &request.text, false);
        }
    }

    /// Lines of JSON that this program wrote.
    fn lines(&mut self, level: usize, text: &[u8]) {
        for line in lines::read(text, MOST_MESSAGES) {
            let (start, end) = (line.span.start as usize, line.span.end as usize);
            let layer = self.push(LayerKind::Text, (level, line.span), line.name, line.facts);
            layer.show(&text[start..end]);
            if !line.are_pdus {
                for (span, octets) in line.pieces.iter().take(MOST_MESSAGES) {
                    let place = self.layers.len();
                    self.likeliest(level + 1, octets, false);
                    if let Some(layer) = self.layers.get_mut(place) {
                        layer.span = *span;
                    }
                }
                continue;
            }
            let (mut parts, mut octets) = (Parts::default(), Vec::new());
            for (span, pdu) in &line.pieces {
                parts.add(pdu, *span, octets.len());
                octets.extend_from_slice(pdu);
            }
            let pieces: Vec<Span> = line.pieces.iter().map(|(span, _)| *span).collect();
            self.joined(level + 1, &text[start..end], &octets, &pieces, parts);
        }
    }

    fn wsp(&mut self, level: usize, octets: &[u8], span: Span) {
        let mut report = Report::new();
        let Some(push) = Push::read(octets, &mut report) else {
            let facts = octets_in_words(octets);
            let layer = self.push(LayerKind::Push, (level, span), WSP, facts);
            layer.show(octets);
            return layer.tell(report, octets);
        };
        self.pushed(level, WSP, octets, &push, span, report);
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
            // Through a gateway it is always text, and the gateway's to change.
            media_is_text: name == WSP && matches!(push.media, Media::Text(_)),
            sec_after_mac: push.sec_after_mac,
        });
        layer.show(octets);
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
        let Some(document) = catalogue::read_with(octets, self.options.text_codes, &LIMITS, &mut report) else {
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
        layer.show(octets);
        let (name, says) = summary::document(&document);
        self.push(LayerKind::Document, (level + 1, document.root.span), name, says);
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

/// Octets of an unreadable layer that are told.
const MOST_TOLD: usize = 24;

pub(super) fn octets_in_words(octets: &[u8]) -> String {
    let shown: Vec<String> = octets.iter().take(MOST_TOLD).map(|octet| format!("{octet:02X}")).collect();
    let more = if octets.len() > MOST_TOLD { " …" } else { "" };
    format!("{} octets: {}{more}", octets.len(), shown.join(" "))
}
