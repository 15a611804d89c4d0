//! All vocabularies, all rules and all kinds of document: the one list of each.
//!
//! [`check`] is what `impskit check` does: it recognises what an input is from its content, reads it and runs
//! everything that the kind's row in [`KINDS`] names. A new kind of document is a row of that table.

use std::borrow::Cow;

use crate::codec::{self, Document, Encoding, Limits, WbxmlOptions, WbxmlStyle};
use crate::cp::mac::Security;
use crate::diagnose::{Diagnostic, Report, Rule, Source, Span};
use crate::dm::Description;
use crate::document::{self, CodeTable, Element, Vocabulary};
use crate::error::Result;
use crate::provision::device::{self, Pack, Size};
use crate::provision::{Profile, rows};
use crate::{cp, csp, delivery, dm, provision};

/// Every vocabulary that we know. Where an input does not say which it is, the first that fits is taken.
#[rustfmt::skip] // one language a line
pub static VOCABULARIES: &[&Vocabulary] = &[
    &cp::VOCABULARY,
    &csp::V1_3, &csp::V1_2, &csp::V1_1,
    &dm::SYNCML, &dm::SYNCML_1_1, &dm::SYNCML_1_0, &dm::DDF,
    &dm::DEVINF, &dm::DEVINF_1_1, &dm::DEVINF_1_0,
    &cp::settings::OTA_SETTINGS, &cp::settings::WV_SETTINGS,
];

/// Every rule, by family.
#[rustfmt::skip] // one family a line
pub static RULES: &[&[&Rule]] = &[
    codec::RULES,
    document::RULES,
    cp::RULES, cp::settings::RULES,
    dm::RULES, dm::DESCRIPTION_RULES, dm::MESSAGE_RULES,
    csp::RULES,
    provision::RULES,
    device::RULES,
    rows::RULES,
    delivery::RULES,
];

static MESSAGES: &[&Vocabulary] = &[&dm::SYNCML, &dm::SYNCML_1_1, &dm::SYNCML_1_0];
static DEVICE_INFORMATION: &[&Vocabulary] = &[&dm::DEVINF, &dm::DEVINF_1_1, &dm::DEVINF_1_0];

/// Every kind of document, in the order in which they are tried.
pub static KINDS: &[Kind] = &[
    Kind::document("cp", "client provisioning document", &[&cp::VOCABULARY], |document, options, report| {
        cp::check(&document.root, options.fragment, report);
        check_devices(document, options, report);
    }),
    Kind::document("tree", "device tree", &[&dm::DDF], |document, options, report| {
        dm::check_document(&document.root, &options.descriptions(), report);
        if let Some(profile) = options.profile
            && let Some(tree) = dm::serialise::from_element(&document.root, &mut Report::new())
        {
            provision::compare::check_tree(&tree, profile, report);
        }
        check_root(document, &dm::DDF, report);
    })
    .of_roots(dm::is_tree),
    Kind::document("ddf", "device description", &[&dm::DDF], |document, options, report| {
        dm::check_description(document, None, report);
        if let Some(standard) = options.standard {
            dm::check_against(&document.root, standard, report);
        }
    }),
    Kind::document("syncml", "SyncML message", MESSAGES, |document, options, report| {
        dm::check_message(&document.root, &options.descriptions(), report);
        check_root(document, &dm::SYNCML, report);
    }),
    Kind::document("devinf", "SyncML device information", DEVICE_INFORMATION, check_vocabulary),
    Kind::document("csp", "CSP message", &[&csp::V1_3, &csp::V1_2, &csp::V1_1], check_vocabulary),
    Kind::document("ota-settings", "OTA settings document", &[&cp::settings::OTA_SETTINGS], check_vocabulary),
    Kind::document("wv-settings", "WV settings document", &[&cp::settings::WV_SETTINGS], check_vocabulary),
    Kind::text(
        "tree-json",
        "device tree",
        |text| dm::serialise::looks_like_json(text.as_bytes()),
        |bytes, options, report| {
            if let Some(tree) = dm::serialise::read(bytes, report) {
                dm::check_tree(&tree, &options.descriptions(), report);
                options.profile.into_iter().for_each(|profile| provision::compare::check_tree(&tree, profile, report));
            }
        },
    ),
    Kind::text("device", "device pack", looks_like_pack, |bytes, _, report| {
        Pack::read(&String::from_utf8_lossy(bytes), report);
    }),
    Kind::text("profile", "profile", looks_like_profile, |bytes, options, report| {
        // Secrets kept elsewhere are not fetched to check a text.
        let secret = &mut |_: &_| Ok("secret".to_owned());
        if let Some(profile) = Profile::read(&String::from_utf8_lossy(bytes), secret, report) {
            device::check_profile(&profile, options.devices, report);
        }
    }),
    Kind::text("csv", "subscriber table", looks_like_subscribers, |bytes, _, report| {
        // What is in memory can be read.
        let _ = rows::check(bytes, delimiter(bytes), &[], report);
    }),
    Kind::text("table", "table", looks_like_table, |bytes, _, report| {
        let _ = check_table(bytes, report);
    }),
];

/// A kind of document: how it is known, and what is checked.
#[derive(Debug)]
pub struct Kind {
    /// The word of `--kind`.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A tree in one of these languages, for which `fits` holds.
    Document {
        vocabularies: &'static [&'static Vocabulary],
        fits: fn(&Element<'_>) -> bool,
        check: fn(&Document<'_>, &Options<'_>, &mut Report),
    },
    /// What is checked further up: `inspect` takes off layers, the command reads what runs it.
    Elsewhere,
    /// Text of another form.
    Text { fits: fn(&str) -> bool, check: fn(&[u8], &Options<'_>, &mut Report) },
}

/// What a check takes into account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// The kind to take the input for; from the content where absent.
    pub kind: Option<&'static Kind>,
    /// A provisioning document is a fragment: the handset may hold what it refers to.
    pub fragment: bool,
    /// What readers take at the most.
    pub limits: Limits,
    /// The codes of messages in plain text, in place of those that are known.
    pub text_codes: Option<&'a CodeTable>,
    /// What trees and messages are checked against; the bundled descriptions where empty.
    pub descriptions: &'a [&'a Description],
    /// What a device description is compared with: the standard that it implements.
    pub standard: Option<&'a Description>,
    /// What the IMPS accounts of a tree are compared with.
    pub profile: Option<&'a Profile>,
    /// The handsets that a document or message is for: what they do with it is told.
    pub devices: &'a [&'a Pack],
    /// The most SMS that a message may take.
    pub max_sms: Option<usize>,
    /// How a document is sealed; `None` where nothing says it, `Some(None)` for no seal.
    pub seal: Option<Option<Security>>,
    /// Whether the numbers of subscribers are shown whole.
    pub shows_numbers: bool,
}

impl<'a> Options<'a> {
    /// Returns how a document is sealed: with a MAC where nothing says it.
    pub fn sealed(&self) -> Option<Security> {
        self.seal.unwrap_or(Some(Security::NetwPin))
    }

    /// Returns the descriptions of what may be in a tree.
    pub fn descriptions(&self) -> Vec<&'a Description> {
        provision::apply::on_device(self.descriptions)
    }
}

/// What a check found.
#[derive(Debug)]
pub struct Checked<'s> {
    /// What the input was taken for; `None` where it is nothing that we know.
    pub kind: Option<&'static Kind>,
    /// The input.
    pub source: Source<'s>,
    /// The findings, by place.
    pub report: Report,
}

impl Kind {
    /// Returns a kind that is every document of these languages.
    const fn document(
        id: &'static str,
        name: &'static str,
        vocabularies: &'static [&'static Vocabulary],
        check: fn(&Document<'_>, &Options<'_>, &mut Report),
    ) -> Self {
        Self { id, name, form: Form::Document { vocabularies, fits: |_| true, check } }
    }

    /// Narrows a kind of documents to those roots for which `fits` holds.
    const fn of_roots(self, fits: fn(&Element<'_>) -> bool) -> Self {
        match self.form {
            Form::Document { vocabularies, check, .. } => {
                Self { form: Form::Document { vocabularies, fits, check }, ..self }
            }
            Form::Text { .. } | Form::Elsewhere => self,
        }
    }

    /// Returns a kind that is recognised and checked by a module further up.
    pub const fn elsewhere(id: &'static str, name: &'static str) -> Self {
        Self { id, name, form: Form::Elsewhere }
    }

    /// Returns a kind that is text for which `fits` holds.
    const fn text(
        id: &'static str,
        name: &'static str,
        fits: fn(&str) -> bool,
        check: fn(&[u8], &Options<'_>, &mut Report),
    ) -> Self {
        Self { id, name, form: Form::Text { fits, check } }
    }

    /// Returns the kind of that word.
    pub fn named(id: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.id == id)
    }

    fn is_text(&self) -> bool {
        matches!(self.form, Form::Text { .. })
    }

    fn is_form_of(&self, document: &Document<'_>) -> bool {
        match self.form {
            Form::Document { vocabularies, fits, .. } => {
                document.vocabulary.is_some_and(|v| vocabularies.contains(&v)) && fits(&document.root)
            }
            Form::Text { .. } | Form::Elsewhere => false,
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Kind {}

/// Reports everything that is wrong with an input of any kind that we know. `name` is what people call it.
pub fn check<'s>(bytes: impl Into<Cow<'s, [u8]>>, name: &str, options: &Options<'_>) -> Checked<'s> {
    let mut source = Source::new(name, bytes);
    let mut secrets = Vec::new();
    let mut report = Report::new();
    let is_markup = codec::recognise(&source.bytes).is_some();
    let kind = match options.kind {
        Some(kind) if kind.is_text() => check_text(&source.bytes, Some(kind), options, &mut report),
        None if !is_markup && !holds_document(&source.bytes) => check_text(&source.bytes, None, options, &mut report),
        _ => check_document(&source.bytes, options, &mut secrets, &mut report),
    };
    report.sort();
    secrets.into_iter().for_each(|secret| source.hide(secret));
    match kind.map(|kind| kind.id) {
        Some("csv" | "table") if !report.diagnostics().is_empty() => {
            let delimiter = delimiter(&source.bytes);
            rows::hide_secrets(&mut source, delimiter, options.shows_numbers, &report);
        }
        Some("profile") => provision::hide_secrets(&mut source, &report),
        _ => {}
    }
    Checked { kind, source, report }
}

/// Returns whether a text that is of no other kind has a document in it.
fn holds_document(bytes: &[u8]) -> bool {
    kind_of_text(&String::from_utf8_lossy(bytes)).is_none() && codec::holds_document(bytes, VOCABULARIES)
}

/// Returns the kind of an input, if it is one that we know.
pub fn recognise(bytes: &[u8], limits: &Limits) -> Option<&'static Kind> {
    if codec::recognise(bytes).is_none() {
        return kind_of_text(&String::from_utf8_lossy(bytes));
    }
    let document = read(bytes, limits, &mut Report::new())?;
    KINDS.iter().find(|kind| kind.is_form_of(&document))
}

/// Reads a document of any vocabulary that we know. See [`codec::read`].
pub fn read<'s>(bytes: &'s [u8], limits: &Limits, report: &mut Report) -> Option<Document<'s>> {
    read_with(bytes, None, limits, report)
}

/// Reads as [`read`] does, messages in plain text by `codes` where there are any.
pub fn read_with<'s>(
    bytes: &'s [u8],
    codes: Option<&CodeTable>,
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    let mut document = codec::read_with(bytes, VOCABULARIES, codes, limits, report)?;
    dm::settle_version(&mut document, report);
    Some(document)
}

/// Returns the rule of that code, in any case of letters.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().flat_map(|family| family.iter()).copied().find(|rule| rule.code.eq_ignore_ascii_case(code))
}

fn check_document(
    bytes: &[u8],
    options: &Options<'_>,
    secrets: &mut Vec<Span>,
    report: &mut Report,
) -> Option<&'static Kind> {
    let candidates = match options.kind.map(|kind| &kind.form) {
        Some(Form::Document { vocabularies, .. }) => vocabularies,
        _ => VOCABULARIES,
    };
    let read = codec::read_with(bytes, candidates, options.text_codes, &options.limits, report);
    let Some(mut document) = read else { return options.kind };
    // What is not well-formed was read as far as possible: nobody knows what edits would make of it.
    let is_broken = report.has_errors();
    let mut others = std::mem::take(&mut document.rest);
    std::iter::once(&mut document).chain(&mut others).for_each(|document| dm::settle_version(document, report));
    let text = match (document.header.encoding, std::str::from_utf8(bytes)) {
        (Encoding::Xml, Ok(text)) => Some(Cow::Borrowed(text)),
        // One character an octet, so that places are those of the document.
        (Encoding::Xml, Err(_)) => {
            Some(bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '?' }).collect::<String>().into())
        }
        _ => None,
    };
    let mut kinds = Vec::new();
    let mut from = 0;
    for document in std::iter::once(&document).chain(&others) {
        document.root.walk(&mut |element, _| {
            secrets.extend(secret_of(element));
            if element.name == "Data" {
                // A tree may travel as text.
                dm::syncml::walk_embedded(element, &mut |element| secrets.extend(secret_of(element)));
            }
        });
        kinds.push(check_one(document, options, report));
        if let Some(text) = &text {
            let end = if others.is_empty() { text.len() } else { document.root.span.end as usize };
            document::suppress(&text[..end], from, &document.root, report);
            from = end;
        }
    }
    forgive_the_open(bytes.len(), report);
    if is_broken || !matches!(text, Some(Cow::Borrowed(_))) {
        // Edits are of text.
        report.drop_fixes();
    }
    kinds.first().copied().flatten()
}

/// Takes out what was said of elements that are open where a document breaks off: what they lack may have come.
fn forgive_the_open(length: usize, report: &mut Report) {
    if ["XML001", "WB001"].iter().any(|code| report.cites(code)) {
        let is_of_reader = |rule: &Rule| ["XML", "WB", "GEN"].iter().any(|family| rule.code.starts_with(family));
        report.retain(|finding| finding.span.end as usize != length || is_of_reader(finding.rule));
    }
}

/// Reports what is wrong with a document beyond what its reader told, and returns what it was taken for.
fn check_one(document: &Document<'_>, options: &Options<'_>, report: &mut Report) -> Option<&'static Kind> {
    let kind = options.kind.or_else(|| KINDS.iter().find(|kind| kind.is_form_of(document)));
    match kind.map(|kind| &kind.form) {
        Some(Form::Document { check, .. }) => check(document, options, report),
        _ => {
            // That tokens of an unknown language are in no table goes without saying.
            report.retain_rules(|rule| !matches!(rule.code, "WB004" | "WB009" | "XML003"));
            let finding = not_a_root(&document.root, "document type that is known here");
            report.add(match document.header.encoding {
                Encoding::Wbxml => Diagnostic {
                    message: "the tokens are those of no document type that is known here".to_owned(),
                    ..finding
                },
                _ => finding,
            });
        }
    }
    kind
}

fn check_text(
    bytes: &[u8],
    kind: Option<&'static Kind>,
    options: &Options<'_>,
    report: &mut Report,
) -> Option<&'static Kind> {
    let text = String::from_utf8_lossy(bytes);
    let kind = kind.or_else(|| kind_of_text(&text));
    match kind.map(|kind| &kind.form) {
        Some(Form::Text { check, .. }) => check(bytes, options, report),
        _ => {
            let what = if bytes.is_empty() { "the input is empty" } else { "the input is no document of a known type" };
            report.add(Diagnostic::new(&codec::UNREADABLE, Span::new(0, bytes.len().min(16)), what));
        }
    }
    kind
}

fn kind_of_text(text: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| match kind.form {
        Form::Text { fits, .. } => fits(text),
        Form::Document { .. } | Form::Elsewhere => false,
    })
}

/// Returns the place of the secret that an element of any language holds.
fn secret_of(element: &Element<'_>) -> Option<Span> {
    match element.name.as_ref() {
        "parm" if dm::is_secret(element.attribute("name")?) => Some(element.find_attribute("value")?.value_span),
        "Node" if dm::is_secret(element.child_text("NodeName")?) => Some(element.child("Value")?.content_span),
        "Cred" => Some(element.child("Data")?.content_span),
        "Item" if dm::is_secret(element.descend(&["Target", "LocURI"])?.trimmed()) => {
            Some(element.child("Data")?.content_span)
        }
        name if dm::is_secret(name) => Some(element.content_span),
        _ => None,
    }
}

/// Reports what handsets do with a provisioning document: those that it is for, and any that are known.
fn check_devices(document: &Document<'_>, options: &Options<'_>, report: &mut Report) {
    let root = &document.root;
    device::check_known(root, options.devices, report);
    if options.devices.is_empty() && options.max_sms.is_none() || codec::breaks_off(report) {
        return;
    }
    let octets = (document.header.encoding == Encoding::Wbxml).then_some(document.source);
    let place = (Span { end: root.span.start, ..root.span }, root.name.as_ref());
    let size = |style| {
        let octets = octets.map_or_else(|| encoded_length(root, style), |octets| Some(octets.len()))?;
        Some(Size { octets, sms: delivery::sms_count(octets, options.sealed()) })
    };
    for pack in options.devices {
        device::check(root, octets, pack, report);
        if let Some(size) = size(pack.style()) {
            device::check_size(size, pack, place, report);
        }
    }
    if let Some((size, most)) = size(WbxmlStyle::Safe).zip(options.max_sms) {
        device::check_limit(size, most, place, report);
    }
}

fn encoded_length(root: &Element<'_>, style: WbxmlStyle) -> Option<usize> {
    let options = WbxmlOptions { style, ..WbxmlOptions::default() };
    codec::write_wbxml(root, &cp::VOCABULARY, &options).ok().map(|octets| octets.len())
}

fn check_vocabulary(document: &Document<'_>, options: &Options, report: &mut Report) {
    let forced = options.kind.and_then(|kind| match kind.form {
        Form::Document { vocabularies, .. } => vocabularies.first().copied(),
        Form::Text { .. } | Form::Elsewhere => None,
    });
    let Some(vocabulary) = document.vocabulary.or(forced) else { return };
    vocabulary.check(&document.root, report);
    check_root(document, vocabulary, report);
}

fn check_root(document: &Document<'_>, vocabulary: &Vocabulary, report: &mut Report) {
    let name = document.root.name.as_ref();
    let is_known = vocabulary.roots.contains(&name) || vocabulary.fragments.contains(&name);
    if !is_known && !report.has_errors() {
        report.add(not_a_root(&document.root, vocabulary.name));
    }
}

fn not_a_root(root: &Element<'_>, name: &str) -> Diagnostic {
    let message = format!("`{}` is not the root of a {name}", root.name);
    let end = root.children.first().map_or(root.span.end, |child| child.span.start);
    Diagnostic::new(&codec::UNREADABLE, Span { end, ..root.span }, message).at(root.name.clone())
}

/// Returns whether a key before the first table names the model that a pack is for.
fn looks_like_pack(text: &str) -> bool {
    let keys = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    keys.filter_map(|line| line.split_once('=')).any(|(name, _)| name.trim() == "model")
}

/// Returns whether a line gives the number of the schema, or begins one of the tables that every profile has.
fn looks_like_profile(text: &str) -> bool {
    let is_key = |line: &str| line.strip_prefix("schema").is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().map(str::trim).any(|line| is_key(line) || matches!(line, "[service]" | "[[account]]" | "[account]"))
}

/// Returns whether the first line is the header of a subscriber table.
fn looks_like_subscribers(text: &str) -> bool {
    let header = text.trim_start_matches('\u{FEFF}').lines().next().unwrap_or_default();
    header.split([',', ';', '\t']).any(|name| name.trim().trim_matches('"').eq_ignore_ascii_case("msisdn"))
}

/// Returns whether the first line has names, and the second line and most of those behind it as many cells: an
/// operator's own table.
fn looks_like_table(text: &str) -> bool {
    const MOST_LINES: usize = 20;
    let delimiter = delimiter(text.as_bytes()) as char;
    let is_name = |cell: &str| {
        let name = cell.trim().trim_matches('"');
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || " _-./#".contains(c))
    };
    let text = text.trim_start_matches('\u{FEFF}');
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(MOST_LINES);
    let Some(header) = lines.next().filter(|header| header.split(delimiter).all(is_name)) else { return false };
    let count = |line: &str| line.matches(delimiter).count();
    let rows: Vec<usize> = lines.map(count).collect();
    let alike = rows.iter().filter(|&&cells| cells == count(header)).count();
    count(header) > 0 && rows.first() == Some(&count(header)) && 2 * alike > rows.len()
}

/// Returns the delimiter of a table: what stands most often in its first line.
fn delimiter(table: &[u8]) -> u8 {
    let header = table.split(|&b| b == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|&&b| b == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// Reports what is wrong with the form of an operator's own table; what its columns hold is for a profile to say.
fn check_table(bytes: &[u8], report: &mut Report) -> Result<()> {
    let Some(mut table) = rows::Table::open(bytes, delimiter(bytes), rows::Names::Theirs, report)? else {
        return Ok(());
    };
    while let Some(row) = table.next_row()? {
        row.check(&[], report);
    }
    Ok(())
}
