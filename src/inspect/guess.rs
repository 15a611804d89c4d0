//! What an input may be: every form of transfer is tried, what it holds is weighed, and the likeliest is taken.

use std::borrow::Cow;

use super::layers::{Guess, MOST_INPUT};
use super::pdu::{self, Pdu};
use super::request;
use super::transfer::Form;
use super::{lines, pasted};
use crate::delivery::pap;
use crate::delivery::wsp::{Media, PROVISIONING, Push};
use crate::diagnose::Report;
use crate::{
    catalogue,
    codec::{self, Encoding},
};

/// Forms of transfer inside each other, at the most.
const MOST_NESTED: usize = 4;

/// What octets may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// PDUs of SMS or SMPP, or user data.
    Pdus,
    /// A push of WSP.
    Push,
    /// A message to or from a push proxy gateway.
    Pap,
    /// Requests to an HTTP gateway.
    Requests,
    /// Lines that this program wrote.
    Lines,
    /// A document in one of the syntaxes.
    Document,
    /// None of them.
    Unknown,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Pdus => "SMS",
            Self::Push => "WSP push",
            Self::Pap => "PAP message",
            Self::Requests => "HTTP request",
            Self::Lines => "lines of messages",
            Self::Document => "document",
            Self::Unknown => "nothing known",
        }
    }
}

/// A reading of an input.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) form: Form,
    /// What the form stands for; empty where that is the input itself.
    pub(super) octets: Vec<u8>,
    pub(super) holds: Holds,
    /// Of 100.
    pub(super) certainty: u8,
}

/// What is inside a form of transfer.
#[derive(Debug)]
pub(super) enum Holds {
    /// Octets that mean something.
    Content(Content),
    /// Another form of transfer.
    More(Box<Reading>),
}

const FORMS: &[Form] = &[
    Form::Raw,
    Form::Pdu,
    Form::Hex,
    Form::HexDump,
    Form::Escaped,
    Form::Percent,
    Form::Decimal,
    Form::Pasted,
    Form::Base64,
];

/// Tries all forms, or the one that was told, notes what each may be, and returns the likeliest.
pub(super) fn guess(input: &[u8], told: Form, guesses: &mut Vec<Guess>) -> Reading {
    guess_at(input, told, 1, guesses)
}

fn guess_at(input: &[u8], told: Form, depth: usize, guesses: &mut Vec<Guess>) -> Reading {
    let none = Holds::Content(Content::Unknown);
    let mut best = Reading { form: Form::Raw, octets: Vec::new(), holds: none, certainty: 0 };
    for form in FORMS.iter().copied().filter(|form| told == Form::Auto || told == *form) {
        let octets = match form {
            Form::Raw | Form::Pdu => Cow::Borrowed(input),
            _ => match form.undo(input) {
                Some(octets) => Cow::Owned(octets),
                None => continue,
            },
        };
        let is_certain = told != Form::Auto || matches!(form, Form::Hex | Form::HexDump);
        // Digits that can be read are more than octets that cannot, whatever is in them.
        let mut reading = weigh_form(form, &octets, guesses);
        let is_transfer = !matches!(form, Form::Raw | Form::Pdu);
        if is_transfer && depth < MOST_NESTED && is_text(&octets) {
            let inner = guess_at(&octets, Form::Auto, depth + 1, &mut Vec::new());
            if inner.form != Form::Raw && inner.certainty > reading.certainty {
                guesses.push(nested(form, &inner));
                reading.certainty = inner.certainty;
                reading.holds = Holds::More(Box::new(inner));
            }
        }
        reading.certainty = reading.certainty.max(if is_certain { 5 } else { 0 });
        if reading.certainty > best.certainty {
            reading.octets = if is_transfer { octets.into_owned() } else { Vec::new() };
            best = reading;
        }
    }
    best
}

/// Returns whether octets are text, so that there may be a form of transfer in them.
fn is_text(octets: &[u8]) -> bool {
    octets.len() >= 4 && octets.iter().all(|octet| octet.is_ascii_graphic() || b" \t\r\n".contains(octet))
}

fn nested(form: Form, inner: &Reading) -> Guess {
    let mut names = vec![inner.form.name()];
    let mut holds = &inner.holds;
    while let Holds::More(more) = holds {
        names.push(more.form.name());
        holds = &more.holds;
    }
    let content = match holds {
        Holds::Content(content) => content.name(),
        Holds::More(_) => "",
    };
    let reason = format!("the octets are text: {}", names.join(", then "));
    Guess { form: form.name(), content, certainty: inner.certainty, reason }
}

fn weigh_form(form: Form, octets: &[u8], guesses: &mut Vec<Guess>) -> Reading {
    let contents = if form == Form::Pdu { vec![weigh_lines(octets)] } else { weigh(octets) };
    let likeliest = contents.iter().map(|(content, certainty, _)| (*content, *certainty));
    let (content, certainty) = likeliest.max_by_key(|(_, certainty)| *certainty).unwrap_or((Content::Unknown, 0));
    for (content, certainty, reason) in contents.into_iter().filter(|(_, certainty, _)| *certainty > 0) {
        guesses.push(Guess { form: form.name(), content: content.name(), certainty, reason });
    }
    Reading { form, octets: Vec::new(), holds: Holds::Content(content), certainty }
}

/// Returns how sure we are, of 100, that a document is wrapped in something: an SMS, a push, digits.
pub(super) fn wrapping(input: &[u8]) -> u8 {
    if input.len() > MOST_INPUT || codec::recognise(input) == Some(Encoding::Xml) && !pap::looks_like(input) {
        return 0;
    }
    let best = guess(input, Form::Auto, &mut Vec::new());
    match (best.form, best.holds) {
        (Form::Raw, Holds::Content(Content::Document)) | (_, Holds::Content(Content::Unknown)) => 0,
        _ => best.certainty,
    }
}

/// Says how likely a text is PDUs, one a line.
fn weigh_lines(text: &[u8]) -> (Content, u8, String) {
    let (mut lines, mut pdus, mut near, mut least) = (0_usize, 0_usize, 0_usize, 100);
    for run in pasted::pdus(text) {
        lines += 1;
        match run.octets.as_deref().map(Pdu::read) {
            Some(Ok(pdu)) => {
                pdus += 1;
                least = least.min(pdu.certainty());
            }
            Some(Err(fault)) if fault.is_near() => near += 1,
            _ => {}
        }
    }
    let reason = format!("{pdus} of {lines} lines with digits are PDUs");
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
pub(super) fn weigh(octets: &[u8]) -> Vec<(Content, u8, String)> {
    let mut contents = vec![(Content::Unknown, 0, "nothing known begins so".to_owned())];
    contents.extend(weigh_pdus(octets));
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
    if lines::looks_like(octets) {
        contents.push((Content::Lines, 97, "lines of JSON that impskit writes".to_owned()));
    }
    if is_ascii(octets) {
        let requests = request::requests(octets);
        let certainty =
            if requests.iter().any(|request| request.segment().is_ok_and(|s| s.is_some())) { 93 } else { 45 };
        if let Some(request) = requests.first() {
            contents.push((Content::Requests, certainty, format!("a request to {}", request.name())));
        }
    }
    if let Some((certainty, reason)) = weigh_document(octets) {
        contents.push((Content::Document, certainty, reason));
    }
    contents
}

/// Requests stand in text.
fn is_ascii(octets: &[u8]) -> bool {
    octets.iter().all(|octet| *octet >= 0x20 || b"\t\r\n".contains(octet))
}

fn weigh_pdus(octets: &[u8]) -> Option<(Content, u8, String)> {
    let ranges = pdu::split(octets);
    let certainty = match ranges.first().map(|first| Pdu::read(&octets[first.clone()])) {
        Some(Ok(pdu)) => {
            return Some((Content::Pdus, pdu.certainty(), format!("{} by its fields and lengths", pdu.word())));
        }
        Some(Err(fault)) if fault.is_near() => (25, format!("nearly a PDU: {fault}")),
        _ => return None,
    };
    Some((Content::Pdus, certainty.0, certainty.1))
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
