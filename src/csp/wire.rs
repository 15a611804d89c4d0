//! Octets to messages and back, and the media types that name them (CSP transport bindings, "HTTP").
//!
//! The version is that of the root's namespace, whatever the public identifier or the media type says; the answer
//! is written in the syntax, with the public identifier and under the media type of the request.

use super::message::{Discovery, Malformed, Message, Mode, Session, Transaction};
use super::{Changes, Code, Outcome, Primitive, V1_1, V1_2, V1_3, Version};
use crate::codec::{self, CannotWrite, Encoding, Header, Limits, Preamble, WbxmlOptions};
use crate::diagnose::{Diagnostic, Report, Severity};
use crate::document::{CodeTable, Content, Element, Vocabulary, to_base64};

/// The vocabularies of all versions, the newest first.
pub static VOCABULARIES: &[&Vocabulary] = &[&V1_3, &V1_2, &V1_1];

/// Limits for one message: 1 MiB, 32 levels, 20,000 elements. The deepest legal path has 10 levels, vendor
/// extensions aside.
pub const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 32, elements: 20_000, attributes: 16 };

/// How a document was written, so that the answer is written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The syntax.
    pub encoding: Encoding,
    /// WBXML: the public identifier, where it is not the version's own.
    pub public_id: Option<u32>,
    /// Plain text: the codes.
    pub codes: &'static CodeTable,
    /// What this client needs otherwise than the standard writes it.
    pub changes: Changes,
}

/// What a document turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'s> {
    /// A message.
    Message(Message<'s>),
    /// A version discovery document.
    Discovery(Discovery),
}

/// Why octets are no message.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// Nothing of ours: the transport answers (HTTP 400). The findings say why.
    Unreadable(Report),
    /// A message in a namespace that we do not know: `Status` 505 in the highest version.
    UnknownVersion(Form, Malformed),
    /// A message whose envelope is broken: `Status` 400 in the session named.
    Malformed(Form, Malformed),
    /// A message in plain text whose primitive has no code that we know: `Status` 501.
    UnknownPrimitive(Form, Malformed),
}

impl From<Encoding> for Form {
    fn from(encoding: Encoding) -> Self {
        Self::of(encoding)
    }
}

impl Form {
    /// Returns the form of an encoding with the version's own public identifier.
    pub fn of(encoding: Encoding) -> Self {
        Self { encoding, public_id: None, codes: super::text_codes(), changes: Changes::default() }
    }

    /// Returns the form of plain text by a table of codes.
    pub fn text(codes: &'static CodeTable) -> Self {
        Self { codes, ..Self::of(Encoding::Pts) }
    }

    fn read(header: &Header) -> Self {
        // Number 0 refers to a text in the string table, which an answer does not have.
        Self { public_id: header.public_id.filter(|number| *number != 0), ..Self::of(header.encoding) }
    }
}

/// Reads one message or discovery document.
///
/// # Errors
///
/// Says whether the transport, a version fault or a status answers it.
pub fn read<'s>(bytes: &'s [u8], limits: &Limits) -> Result<(Body<'s>, Form), Refusal> {
    read_with(bytes, limits, super::text_codes())
}

/// Reads as [`read`] does, plain text by a table of codes.
///
/// # Errors
///
/// As [`read`].
pub fn read_with<'s>(bytes: &'s [u8], limits: &Limits, codes: &'static CodeTable) -> Result<(Body<'s>, Form), Refusal> {
    if codec::recognise(bytes) == Some(Encoding::Pts)
        && let Some(preamble) = Preamble::read(bytes.trim_ascii())
    {
        return read_text(bytes, limits, codes, preamble);
    }
    let mut report = Report::new();
    let Some(document) = codec::read(bytes, VOCABULARIES, limits, &mut report) else {
        let broken = (bytes.len() <= limits.bytes).then(|| what_shows_in_text(bytes)).flatten();
        return Err(broken.unwrap_or(Refusal::Unreadable(report)));
    };
    let root = &document.root;
    if !root.name.starts_with("WV-CSP-") {
        let message = format!("`{}` is no message", root.name);
        report.add(Diagnostic::new(&super::rules::UNDECODABLE, root.span, message));
        return Err(Refusal::Unreadable(report));
    }
    // A document that breaks off has been read as far as it goes; no half of a message is acted upon.
    let form = Form::read(&document.header);
    let version = version_of(root, &document.header, document.vocabulary);
    if codec::breaks_off(&report) || document.header.encoding == Encoding::Wbxml && report.has_errors() {
        let first = report.diagnostics().iter().find(|finding| finding.severity == Severity::Error);
        let what = first.map_or("the message breaks off", |finding| &finding.message);
        let fault = version.map(|version| what_shows(document.root, version, what));
        let shown = fault.filter(|fault| fault.id.is_some()).map(|fault| Refusal::Malformed(form, fault));
        return Err(shown.unwrap_or(Refusal::Unreadable(report)));
    }
    let Some(version) = version else {
        let fault = what_shows(document.root, Version::ALL[0], "the namespace is of no known version");
        return Err(Refusal::UnknownVersion(form, fault));
    };
    if let Some(discovery) = Discovery::read(root, version) {
        return Ok((Body::Discovery(discovery), form));
    }
    match Message::read(document.root, version) {
        Ok(message) => Ok((Body::Message(message), form)),
        Err(fault) => Err(Refusal::Malformed(form, fault)),
    }
}

/// Reads a message in plain text whose preamble is whole (CSP in plain text, "Errors").
fn read_text<'s>(
    bytes: &'s [u8],
    limits: &Limits,
    codes: &'static CodeTable,
    preamble: Preamble<'_>,
) -> Result<(Body<'s>, Form), Refusal> {
    let form = Form::text(codes);
    let newest = Version::ALL[0];
    let mut fault = Malformed {
        version: newest,
        session: Session::Outband,
        id: Some(preamble.transaction.to_owned()),
        what: "the rest of the message cannot be read".to_owned(),
    };
    let primitive = codes.meaning("primitive", &["-"], preamble.code).map(|row| row.name);
    // Discovery has no version; of what it says nothing has a code, so that it can be neither read nor answered.
    let is_discovery = primitive.is_none_or(|name| name.starts_with("WV-CSP-VersionDiscovery"));
    if preamble.version == "XX" && is_discovery {
        fault.what = "plain text has no codes for version discovery".to_owned();
        return Err(Refusal::UnknownPrimitive(form, fault));
    }
    let is_meant = |v: &Version| v.vocabulary().pts.is_some_and(|form| form.version == preamble.version);
    let Some(version) = Version::ALL.into_iter().find(is_meant) else {
        fault.what = format!("version `{}` is none that is spoken here", preamble.version);
        return Err(Refusal::UnknownVersion(form, fault));
    };
    fault.version = version;
    let mut report = Report::new();
    let document = codec::read_with(bytes, VOCABULARIES, Some(codes), limits, &mut report);
    if let Some(first) = report.diagnostics().first() {
        fault.what.clone_from(&first.message);
    }
    let Some(document) = document else { return Err(Refusal::Malformed(form, fault)) };
    let descriptor = document.root.descend(&["Session", "SessionDescriptor"]);
    if let Some(id) = descriptor.and_then(|descriptor| descriptor.child_text("SessionID")) {
        fault.session = Session::Inband(id.to_owned());
    }
    // Codes that stand for nothing are passed over, as unknown elements are.
    if report.diagnostics().iter().any(|finding| *finding.rule != codec::PTS_CODE) {
        return Err(Refusal::Malformed(form, fault));
    }
    if primitive.is_none() {
        return Err(Refusal::UnknownPrimitive(form, fault));
    }
    match Message::read(document.root, version) {
        Ok(message) => Ok((Body::Message(message), form)),
        Err(fault) => Err(Refusal::Malformed(form, fault)),
    }
}

/// Writes a message. Plain text has no Poll flag and no CIR flag: they are left out.
///
/// # Errors
///
/// Names what the syntax cannot carry.
pub fn write(message: &Message<'_>, form: Form) -> Result<Vec<u8>, CannotWrite> {
    let as_said = (form.encoding == Encoding::Pts).then(|| as_text(message, form));
    let mut root = as_said.as_ref().unwrap_or(message).element();
    if encode_content(&mut root) {
        message.version.vocabulary().grammar.arrange(&mut root);
    }
    if form.encoding == Encoding::Wbxml {
        leave_out_strangers(&mut root);
    }
    // Their shapes are those of elements; plain text has one notation for either.
    if form.encoding != Encoding::Pts {
        form.changes.apply(&mut root);
    }
    write_element(&root, message.version, form)
}

/// Takes away the extension blocks of messages that hold elements: there are no tokens for them, and the message is
/// worth more without them than not at all. Those that hold text stay.
fn leave_out_strangers(element: &mut Element<'_>) {
    element.children.retain_mut(|child| {
        let can_be_said = child.name != "ExtBlockETEM" || child.children.is_empty();
        if can_be_said {
            leave_out_strangers(child);
        }
        can_be_said
    });
}

/// Returns what plain text says of a message: no flags, and answers that are opened as requests in the mode that they read as.
fn as_text<'s>(message: &Message<'s>, form: Form) -> Message<'s> {
    let mut said = Message { poll: None, cir: None, ..message.clone() };
    for transaction in &mut said.transactions {
        let name = &transaction.primitive.name;
        if Primitive::is_opened_answer(message.version, name) && !form.codes.is_request(name) {
            transaction.mode = Mode::Response;
        }
    }
    said
}

/// Makes a transaction one that the form carries: in plain text what has no code is taken away, and an answer that has
/// none is told by its result alone (CSP in plain text, "Correspondence").
pub(crate) fn fit(transaction: &mut Transaction<'_>, form: Form) {
    if form.encoding != Encoding::Pts {
        return;
    }
    let primitive = &mut transaction.primitive;
    let is_answer = transaction.mode == Mode::Response;
    // The answer to a poll, which has the number 0.
    if is_answer {
        transaction.id.get_or_insert_with(|| "0".to_owned());
    }
    let is_carried = form.codes.code_of("primitive", &["-"], &primitive.name).is_some();
    let keeps_mode = form.codes.is_request(&primitive.name) != is_answer;
    if is_answer && !(is_carried && keeps_mode) {
        let outcome = Outcome::read(primitive).unwrap_or_else(|| Outcome::new(Code::SUCCESSFUL));
        *primitive = outcome.status();
    }
    codec::fit_pts(primitive, form.codes);
}

/// Returns whether a form has any way to say a primitive.
pub(crate) fn can_say(primitive: &str, form: Form) -> bool {
    form.encoding != Encoding::Pts || form.codes.code_of("primitive", &["-"], primitive).is_some()
}

/// Returns how many octets of plain text a request of ours has, as far as it can be told at all; 0 in other syntaxes.
pub(crate) fn carried(request: &Element<'static>, version: Version, form: Form) -> Option<usize> {
    if form.encoding != Encoding::Pts {
        return Some(0);
    }
    let mut transaction = Transaction::request("999", request.clone());
    fit(&mut transaction, form);
    let told = &transaction.primitive;
    // Presence of which nothing is left tells nothing.
    let is_empty = |presence: &Element<'_>| presence.child("PresenceSubList").is_none();
    if told.name == "PresenceNotification-Request" && told.children_named("Presence").all(is_empty) {
        return None;
    }
    write(&Message::new(version, Session::Outband, transaction), form).ok().map(|text| text.len())
}

/// Turns content in octets into base64 and says so. WBXML could carry the octets themselves, and shipped clients pass over them
/// (CSP in WBXML, "Values"). Returns whether there was any.
fn encode_content(element: &mut Element<'_>) -> bool {
    let mut found = false;
    for child in element.children.iter_mut().filter(|child| child.name == "ContentData") {
        if let Content::Octets(octets) = &child.content {
            child.content = Content::Text(to_base64(octets).into());
            found = true;
        }
    }
    if found {
        let place = element.children.iter().position(|child| child.name == "MessageInfo");
        let description = match place {
            Some(index) => &mut element.children[index],
            None => &mut *element,
        };
        description.children.retain(|child| child.name != "ContentEncoding");
        description.children.push(Element::leaf("ContentEncoding", "BASE64"));
    }
    for child in &mut element.children {
        found |= encode_content(child);
    }
    found
}

/// Writes a discovery document.
///
/// # Errors
///
/// As [`write()`].
pub(crate) fn write_discovery(discovery: &Discovery, form: Form) -> Result<Vec<u8>, CannotWrite> {
    write_element(&discovery.element(), discovery.version, form)
}

fn write_element(root: &Element<'_>, version: Version, form: Form) -> Result<Vec<u8>, CannotWrite> {
    let vocabulary = version.vocabulary();
    match form.encoding {
        Encoding::Wbxml => {
            let unknown = form.changes.has("public-id-unknown").then_some(1);
            let options = WbxmlOptions {
                public_id: unknown.or(form.public_id),
                opaque_dates: form.changes.opaque_dates(),
                text_integers: form.changes.has("integers-as-text"),
                values_known_to: form.changes.has("value-tokens-of-1.3").then_some(&super::V1_3),
                ..WbxmlOptions::default()
            };
            codec::write_wbxml(root, vocabulary, &options)
        }
        Encoding::Pts => codec::write_pts(root, vocabulary, Some(form.codes)).map(String::into_bytes),
        Encoding::Xml => Ok(codec::write_xml(root, Some(vocabulary), false)),
    }
}

/// Returns the version of a document: by its namespace, else by its public identifier, else by the vocabulary that
/// fits. A namespace that is there and unknown decides too: there is no version then.
fn version_of(root: &Element<'_>, header: &Header, vocabulary: Option<&Vocabulary>) -> Option<Version> {
    let declared = root.attributes.iter().find(|attribute| {
        attribute.name == "xmlns"
            || (attribute.name.starts_with("xmlns:") && Version::from_namespace(&attribute.value).is_some())
    });
    if let Some(declared) = declared {
        return Version::from_namespace(declared.value.trim_ascii());
    }
    let by_number = header.public_id.and_then(Version::from_public_id);
    by_number.or_else(|| Version::ALL.into_iter().find(|version| Some(version.vocabulary()) == vocabulary))
}

/// Returns a fault with what of a message can be seen, whatever is wrong with it.
fn what_shows(root: Element<'_>, version: Version, what: &str) -> Malformed {
    let (session, id) = match Message::read(root, version) {
        Ok(message) => (message.session, message.transactions.into_iter().find_map(|transaction| transaction.id)),
        Err(fault) => (fault.session, fault.id),
    };
    Malformed { version, session, id, what: what.to_owned() }
}

/// Finds the envelope in XML that is not well-formed, so that a session goes on when one message of it is broken
/// (CSP transport, "HTTP binding"): the namespace, the session and the transaction. `None` where no transaction shows.
fn what_shows_in_text(bytes: &[u8]) -> Option<Refusal> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (root, _) = text.get(text.find("<WV-CSP-Message")?..)?.split_once('>')?;
    let leaf = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let value = rest.split('<').next()?.trim_ascii();
        (!value.is_empty() && !value.contains('&')).then(|| value.to_owned())
    };
    let version =
        Version::ALL.into_iter().find(|version| version.namespaces().iter().any(|name| root.contains(name)))?;
    let session = leaf("SessionID").map_or(Session::Outband, Session::Inband);
    let what = "the document is not well-formed XML".to_owned();
    let fault = Malformed { version, session, id: Some(leaf("TransactionID")?), what };
    Some(Refusal::Malformed(Form::of(Encoding::Xml), fault))
}

/// Returns the media type of a message, as a client of that version writes it.
pub fn media_type(version: Version, encoding: Encoding) -> &'static str {
    match (version, encoding) {
        (Version::V1_3, Encoding::Wbxml) => "application/vnd.wv.csp+wbxml",
        (_, Encoding::Pts) => "application/vnd.wv.csp.sms",
        (Version::V1_3, Encoding::Xml) => "application/vnd.wv.csp+xml",
        (_, Encoding::Wbxml) => "application/vnd.wv.csp.wbxml",
        (_, Encoding::Xml) => "application/vnd.wv.csp.xml",
    }
}

/// Returns the syntax that a media type names, in any spelling that is met; `None` for what is not ours.
///
/// The type only says that a message is meant: the octets decide which syntax it is in. An answer repeats the type
/// of the request as it was spelt.
pub(crate) fn encoding_of(media_type: &str) -> Option<Encoding> {
    let essence = media_type.split(';').next().unwrap_or_default().trim_ascii().as_bytes();
    let has = |word: &[u8]| essence.windows(word.len()).rposition(|part| part.eq_ignore_ascii_case(word));
    if has(b"wbxml").is_some() {
        Some(Encoding::Wbxml)
    } else if has(b"xml").is_some() {
        Some(Encoding::Xml)
    } else if has(b"csp").is_some() && has(b"sms").is_some_and(|place| place + 3 == essence.len()) {
        Some(Encoding::Pts)
    } else {
        None
    }
}

impl Refusal {
    /// Returns what is wrong, for logs and traces.
    pub fn what(&self) -> String {
        match self {
            Self::Unreadable(report) => {
                report.diagnostics().first().map_or_else(|| "unreadable".to_owned(), |d| d.message.clone())
            }
            Self::UnknownVersion(_, fault) | Self::Malformed(_, fault) | Self::UnknownPrimitive(_, fault) => {
                fault.what.clone()
            }
        }
    }
}

impl Malformed {
    /// Returns whether an answer can reach anyone: a session or a transaction shows.
    pub(crate) fn is_answerable(&self) -> bool {
        self.id.is_some() || matches!(&self.session, Session::Inband(id) if !id.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_spelling_of_the_media_types() {
        for version in Version::ALL {
            for encoding in [Encoding::Xml, Encoding::Wbxml, Encoding::Pts] {
                assert_eq!(encoding_of(media_type(version, encoding)), Some(encoding));
            }
        }
        assert_eq!(encoding_of("Text/XML; charset=utf-8"), Some(Encoding::Xml));
        assert_eq!(encoding_of("application/x-www-form-urlencoded"), None);
    }

    #[test]
    fn an_unknown_namespace_is_an_unknown_version() {
        let xml = br#"<WV-CSP-Message xmlns="http://example.com/CSP9"><Session><SessionDescriptor>
            <SessionType>Inband</SessionType><SessionID>s</SessionID></SessionDescriptor><Transaction>
            <TransactionDescriptor><TransactionMode>Request</TransactionMode><TransactionID>7</TransactionID>
            </TransactionDescriptor><TransactionContent><New/></TransactionContent></Transaction></Session>
            </WV-CSP-Message>"#;
        let Err(Refusal::UnknownVersion(_, fault)) = read(xml, &LIMITS) else { panic!("a version of CSP") };
        assert_eq!((fault.session.id(), fault.id.as_deref()), (Some("s"), Some("7")));
    }
}
