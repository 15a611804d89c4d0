//! Messages: the envelope `WV-CSP-Message` with its session, transactions and primitives, and version discovery.
//!
//! Reading keeps no order and no version's rules: it finds by name, takes the first of what may stand once, renames
//! other spellings and leaves it to the vocabulary's check to complain. Writing is strict: the namespaces of the
//! version, the order of the model, and nothing that the version lacks.

use std::borrow::Cow;

use super::{Primitive, Version};
use crate::document::{Content, Element, boolean, is_declaration};

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'s> {
    /// The version, which is that of the session namespace.
    pub version: Version,
    /// Which session it belongs to.
    pub session: Session,
    /// The transactions, one or more.
    pub transactions: Vec<Transaction<'s>>,
    /// Whether more waits at the server; only servers send it.
    pub poll: Option<bool>,
    /// What the server says about the wake-up channel (1.2 on).
    pub cir: Option<bool>,
}

/// Which session a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Session {
    /// None yet: login, discovery, service provider information.
    Outband,
    /// The one with this identifier.
    Inband(String),
}

/// Whether a transaction is opened or answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Opened.
    Request,
    /// Answered.
    Response,
}

/// One transaction of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'s> {
    /// Whether it is opened or answered.
    pub mode: Mode,
    /// The identifier that its opener chose; absent with `Polling-Request`.
    pub id: Option<String>,
    /// The primitive, without namespace declarations.
    pub primitive: Element<'s>,
}

/// What cannot be read as a message, and what of it could still be seen, so that it can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The version, as far as it shows.
    pub version: Version,
    /// The session, where one shows.
    pub session: Session,
    /// The transaction, where one shows.
    pub id: Option<String>,
    /// What is wrong: lower-case start, no full stop.
    pub what: String,
}

/// One of the pair of version discovery documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The version in which it is written: 1.2 or 1.3.
    pub version: Version,
    /// Whether it asks or answers.
    pub mode: Mode,
    /// The versions that it lists and that we know; none in a request means all.
    pub versions: Vec<Version>,
    /// URLs of servers that speak other versions; only an answer has them.
    pub others: Vec<String>,
}

impl<'s> Message<'s> {
    /// Returns a message with one transaction.
    pub fn new(version: Version, session: Session, transaction: Transaction<'s>) -> Self {
        Self { version, session, transactions: vec![transaction], poll: None, cir: None }
    }

    /// Reads a message from the root of a document.
    ///
    /// # Errors
    ///
    /// Says what the envelope lacks, with what of it could be read.
    pub fn read(root: Element<'s>, version: Version) -> Result<Self, Malformed> {
        let envelope = take_child(root, "Session").unwrap_or_else(|| Element::new("Session"));
        let session = read_session(&envelope);
        let fault = |id: Option<String>, what: &str| Malformed {
            version,
            session: session.clone().unwrap_or(Session::Outband),
            id,
            what: what.to_owned(),
        };
        let mut transactions = Vec::new();
        let mut poll = envelope.child_text("Poll").and_then(boolean);
        let cir = envelope.child_text("CIR").and_then(boolean);
        for element in envelope.children.into_iter().filter(|child| child.name == "Transaction") {
            let descriptor = element.child("TransactionDescriptor");
            let id = descriptor.and_then(|d| d.child_text("TransactionID")).filter(|id| !id.is_empty());
            let id = id.map(str::to_owned);
            let mode = descriptor.and_then(|d| d.child_text("TransactionMode")).and_then(Mode::read);
            // 1.1 has the flag here; a few clients of later versions do too.
            poll = poll.or(descriptor.and_then(|d| d.child_text("Poll")).and_then(boolean));
            let Some(mut primitive) = take_child(element, "TransactionContent").and_then(primitive_of) else {
                return Err(fault(id, "a transaction holds no primitive"));
            };
            let Some(mode) = mode else {
                return Err(fault(id, "TransactionMode is neither Request nor Response"));
            };
            adopt(&mut primitive);
            transactions.push(Transaction { mode, id, primitive });
        }
        if transactions.is_empty() {
            return Err(fault(None, "the message holds no transaction"));
        }
        let Some(session) = session.clone() else {
            return Err(fault(transactions[0].id.clone(), "SessionType is neither Inband nor Outband"));
        };
        Ok(Self { version, session, transactions, poll, cir })
    }

    /// Returns the same message without borrowing from its source.
    pub fn into_owned(self) -> Message<'static> {
        let transactions = self.transactions.into_iter().map(Transaction::into_owned).collect();
        Message { version: self.version, session: self.session, transactions, poll: self.poll, cir: self.cir }
    }

    /// Returns the document's root, as the standard writes it in this version. It borrows the texts of the message.
    pub fn element(&self) -> Element<'_> {
        let [session_namespace, transaction_namespace, _] = self.version.namespaces();
        let descriptor = match &self.session {
            Session::Outband => Element::new("SessionDescriptor").with_leaf("SessionType", "Outband"),
            Session::Inband(id) => {
                Element::new("SessionDescriptor").with_leaf("SessionType", "Inband").with_leaf("SessionID", id.as_str())
            }
        };
        let mut session = Element::new("Session").with(descriptor);
        for transaction in &self.transactions {
            let mut descriptor =
                Element::new("TransactionDescriptor").with_leaf("TransactionMode", transaction.mode.as_str());
            if let Some(id) = &transaction.id {
                descriptor = descriptor.with_leaf("TransactionID", id.as_str());
            }
            if let (Version::V1_1, Some(poll)) = (self.version, self.poll) {
                descriptor = descriptor.with_leaf("Poll", flag(poll));
            }
            let mut primitive = self.version.vocabulary().grammar.written(&transaction.primitive);
            declare(&mut primitive, self.version);
            let content =
                Element::new("TransactionContent").with_attribute("xmlns", transaction_namespace).with(primitive);
            session.children.push(Element::new("Transaction").with(descriptor).with(content));
        }
        if self.version > Version::V1_1 {
            let flags = [("Poll", self.poll), ("CIR", self.cir)];
            session.children.extend(flags.into_iter().filter_map(|(name, on)| Some(Element::leaf(name, flag(on?)))));
        }
        Element::new("WV-CSP-Message").with_attribute("xmlns", session_namespace).with(session)
    }
}

impl Session {
    /// Returns the session's identifier.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Outband => None,
            Self::Inband(id) => Some(id),
        }
    }
}

impl Mode {
    /// Returns `Request` or `Response`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Request, Self::Response].into_iter().find(|mode| text.eq_ignore_ascii_case(mode.as_str()))
    }
}

impl<'s> Transaction<'s> {
    /// Returns an opened transaction.
    pub fn request(id: impl Into<String>, primitive: Element<'s>) -> Self {
        Self { mode: Mode::Request, id: Some(id.into()), primitive }
    }

    /// Returns the answer to the transaction with that identifier.
    pub fn response(id: Option<String>, primitive: Element<'s>) -> Self {
        Self { mode: Mode::Response, id, primitive }
    }

    fn into_owned(self) -> Transaction<'static> {
        Transaction { mode: self.mode, id: self.id, primitive: self.primitive.into_owned() }
    }

    /// Returns whether it may be one of the answers that are opened as requests too. In plain text, where the mode is not
    /// written, they read as answers.
    pub(crate) fn is_opened_answer(&self, version: Version) -> bool {
        self.mode == Mode::Response && Primitive::is_opened_answer(version, &self.primitive.name)
    }
}

impl Discovery {
    /// Reads one of the discovery documents; `None` where the root is another element.
    pub fn read(root: &Element<'_>, version: Version) -> Option<Self> {
        let mode = match root.name.as_ref() {
            "WV-CSP-VersionDiscovery-Request" | "WV-CSP-NSDiscovery-Request" => Mode::Request,
            "WV-CSP-VersionDiscovery-Response" | "WV-CSP-NSDiscovery-Response" => Mode::Response,
            _ => return None,
        };
        let list = root.child("VersionList");
        let names = list.into_iter().flat_map(|list| list.children_named("SessionNSName"));
        let versions = names.filter_map(|name| Version::from_namespace(name.trimmed())).collect();
        let others = root.children_named("OtherServer").filter_map(|other| other.child_text("URL"));
        let others = others.map(str::to_owned).collect();
        // 1.1 has no discovery.
        Some(Self { version: version.max(Version::V1_2), mode, versions, others })
    }

    /// Returns the document's root.
    pub fn element(&self) -> Element<'static> {
        let stem = if self.version == Version::V1_2 { "NSDiscovery" } else { "VersionDiscovery" };
        let mut list = Element::new("VersionList");
        for (place, name) in ["SessionNSName", "TransactionNSName", "PresenceAttributeNSName"].into_iter().enumerate() {
            let names = self.versions.iter().map(|version| Element::leaf(name, version.namespaces()[place]));
            list.children.extend(names);
        }
        let mut root = Element::new(format!("WV-CSP-{stem}-{}", self.mode.as_str()))
            .with_attribute("xmlns", self.version.namespaces()[0]);
        // The request of 1.2 must have the list.
        if !self.versions.is_empty() || self.version == Version::V1_2 {
            root.children.push(list);
        }
        let other = |url: &String| Element::new("OtherServer").with_leaf("URL", url.clone());
        root.with_all(self.others.iter().map(other))
    }
}

fn flag(on: bool) -> &'static str {
    if on { "T" } else { "F" }
}

fn read_session(envelope: &Element<'_>) -> Option<Session> {
    let descriptor = envelope.child("SessionDescriptor")?;
    let kind = descriptor.child_text("SessionType")?;
    if kind.eq_ignore_ascii_case("Outband") {
        Some(Session::Outband)
    } else if kind.eq_ignore_ascii_case("Inband") {
        // Without an identifier it is no session that anyone knows: the empty one.
        Some(Session::Inband(descriptor.child_text("SessionID").unwrap_or_default().to_owned()))
    } else {
        None
    }
}

/// Other spellings that are met, and the right ones (observed in clients and servers).
const SPELLINGS: &[(&str, &str)] = &[
    ("AcceptedCharset", "AcceptedCharSet"),
    ("Auto-Subscribe", "AutoSubscribe"),
    ("BlockUser-Request", "BlockEntity-Request"),
    ("CName", "Cname"),
    ("Extended-Data", "ExtendedData"),
    ("KeepAliveResponse", "KeepAlive-Response"),
    ("PlainTextCharSet", "PlainTextCharset"),
    ("PreferredContent", "ReferredContent"),
    ("PreferredvCard", "ReferredvCard"),
];

/// Returns the right name of an element that is written with another one.
fn right_name(name: &str) -> Option<&'static str> {
    SPELLINGS.iter().find(|(other, _)| name == *other).map(|(_, right)| *right)
}

/// Returns the first child of that name, out of its parent.
fn take_child<'s>(mut element: Element<'s>, name: &str) -> Option<Element<'s>> {
    let place = element.children.iter().position(|child| child.name == name)?;
    Some(element.children.swap_remove(place))
}

/// Returns the primitive of a transaction: the first that any version has, so that what a vendor puts in front of it is
/// skipped; where there is none, the first element, whatever it is.
fn primitive_of(mut content: Element<'_>) -> Option<Element<'_>> {
    content.children.retain(|child| !is_foreign(child));
    let is_known = |child: &Element<'_>| {
        let name = right_name(&child.name).unwrap_or(&child.name);
        Version::ALL.into_iter().any(|version| Primitive::find(version, name).is_some())
    };
    let place = match &content.children[..] {
        [] => return None,
        [_] => 0,
        many => many.iter().position(is_known).unwrap_or(0),
    };
    Some(content.children.swap_remove(place))
}

/// What vendors fill as they like, under a namespace of their own.
const FREE: [&str; 5] = ["Extended-Request", "Extended-Response", "ExtendedData", "ExtBlock", "ExtBlockETEM"];

/// Returns whether an element is a stranger: in the namespace of a vendor, where our names mean nothing. A wrong
/// namespace on the list that has one of its own is forgiven.
fn is_foreign(element: &Element<'_>) -> bool {
    if element.name.contains(':') {
        return true;
    }
    let namespace = element.attribute("xmlns").unwrap_or_default().trim_ascii();
    let is_bearer = element.name == "PresenceSubList" || FREE.contains(&element.name.as_ref());
    !namespace.is_empty() && Version::from_namespace(namespace).is_none() && !is_bearer
}

/// Gives all elements their right names, and takes away strangers and what belongs to the document: places, and the
/// declarations that writing puts back.
fn adopt(element: &mut Element<'_>) {
    (element.span, element.content_span) = Default::default();
    if let Some(right) = right_name(&element.name) {
        element.name = Cow::Borrowed(right);
    }
    if FREE.contains(&element.name.as_ref()) {
        return;
    }
    // Tokens of no table are read as elements of this name.
    element.children.retain_mut(|child| {
        let is_ours = !is_foreign(child) && child.name != "unknown";
        if is_ours {
            adopt(child);
        }
        is_ours
    });
    if element.name == "PresenceSubList" {
        element.attributes.retain(|attribute| !is_declaration(&attribute.name));
    }
    // Text in 1.1, yet numbers travel as octets there too (CSP in WBXML, "Integer elements").
    if element.name == "SearchID"
        && let Content::Octets(octets) = &element.content
        && octets.len() <= 4
    {
        let number = octets.iter().fold(0_u32, |number, &octet| number << 8 | u32::from(octet));
        element.content = Content::Text(Cow::Owned(number.to_string()));
    }
}

/// Puts the presence namespace on each `PresenceSubList`.
fn declare(element: &mut Element<'_>, version: Version) {
    if element.name == "PresenceSubList" && element.attribute("xmlns").is_none() {
        let list = std::mem::replace(element, Element::new(""));
        *element = list.with_attribute("xmlns", version.namespaces()[2]);
    }
    element.children.iter_mut().for_each(|child| declare(child, version));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Transaction<'static> {
        Transaction::response(Some("4".to_owned()), crate::csp::Outcome::new(crate::csp::Code::SUCCESSFUL).status())
    }

    #[test]
    fn the_poll_flag_has_its_place() {
        for (version, path) in [
            (Version::V1_1, &["Session", "Transaction", "TransactionDescriptor", "Poll"][..]),
            (Version::V1_2, &["Session", "Poll"]),
            (Version::V1_3, &["Session", "Poll"]),
        ] {
            let mut message = Message::new(version, Session::Inband("s".to_owned()), status());
            message.poll = Some(true);
            let root = message.element();
            assert_eq!(root.descend(path).map(Element::trimmed), Some("T"), "{version:?}");
            assert_eq!(Message::read(root.clone(), version).as_ref(), Ok(&message));
        }
    }

    #[test]
    fn the_envelope_is_in_the_order_of_the_standard() {
        for version in Version::ALL {
            let message = Message::new(version, Session::Inband("s".to_owned()), status());
            let root = Message { poll: Some(true), cir: Some(true), ..message }.element().into_owned();
            let mut arranged = root.clone();
            version.vocabulary().grammar.arrange(&mut arranged);
            assert_eq!(root, arranged, "{version:?}");
        }
    }

    #[test]
    fn writes_in_order_and_leaves_out_what_the_version_lacks() {
        let login = Element::new("Login-Request")
            .with(Element::new("ClientID").with_leaf("URL", "x"))
            .with(Element::new("CapabilityList"))
            .with_leaf("UserID", "wv:a@b.c");
        let names = |version| {
            let message = Message::new(version, Session::Outband, Transaction::request("1", login.clone()));
            let root = message.element();
            let login = root.descend(&["Session", "Transaction", "TransactionContent", "Login-Request"]).unwrap();
            login.children.iter().map(|c| c.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(Version::V1_2), ["UserID", "ClientID"]);
        assert_eq!(names(Version::V1_3), ["UserID", "ClientID", "CapabilityList"]);
    }

    #[test]
    fn says_what_could_be_seen_of_a_broken_message() {
        let message = Message::new(Version::V1_2, Session::Inband("s".to_owned()), status());
        let mut root = message.element();
        root.children[0].children[1].children[1].children.clear();
        let fault = Message::read(root, Version::V1_2).unwrap_err();
        assert_eq!((fault.session.id(), fault.id.as_deref()), (Some("s"), Some("4")));
    }

    #[test]
    fn discovery_has_a_name_per_version() {
        for (version, name) in
            [(Version::V1_2, "WV-CSP-NSDiscovery-Response"), (Version::V1_3, "WV-CSP-VersionDiscovery-Response")]
        {
            let discovery = Discovery {
                version,
                mode: Mode::Response,
                versions: Version::ALL.to_vec(),
                others: vec!["http://b.c/".to_owned()],
            };
            let root = discovery.element();
            assert_eq!(root.name, name);
            assert_eq!(Discovery::read(&root, version), Some(discovery));
        }
    }
}
