//! SyncML DM messages: what a server asks of a device tree, and what the device answers (SyncML Representation
//! Protocol 1.2 as DM 1.2 uses it).
//!
//! ```text
//! Message ── Header       who speaks to whom, in which session
//!     └───── Command ──── Operation: Add, Get, Replace … with Items; Status and Results; Atomic and Sequence of commands
//! ```
//!
//! These structs are for behaviour. They take what peers send: what is missing is empty or 0, and the rules SYN say so.
//! Nothing here sends or executes anything.

mod alert;
mod embedded;
mod read;
mod vocabulary;
mod write;

use std::fmt;

pub use alert::{ALERTS, AlertCode};
pub(crate) use embedded::{TREE_TYPE, tree_in, walk_embedded};
pub(super) use read::{has_nonce, is_command, not_a_message, read_data};
pub(super) use vocabulary::COMMANDS;
pub use vocabulary::{DEVINF, DEVINF_1_0, DEVINF_1_1, SYNCML, SYNCML_1_0, SYNCML_1_1, settle_version};
use vocabulary::{MESSAGES, of_version};

use crate::codec::Limits;
use crate::diagnose::Span;
use crate::document::Element;

/// What readers of messages take: as much as a tree may be.
pub const LIMITS: Limits = super::serialise::LIMITS;

/// Levels of Atomic and Sequence inside each other at the most; the standard has no use for more than two.
pub const MOST_NESTING: usize = 8;

/// The namespace of the meta information.
pub(crate) const META_NAMESPACE: &str = "syncml:metinf";

/// Returns the namespace of a version of the language, if there is that version.
pub(super) fn namespace_of(version: &str) -> Option<&'static str> {
    MESSAGES.iter().find(|(known, _)| *known == version).map(|(_, vocabulary)| vocabulary.namespaces[0])
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Who speaks to whom.
    pub header: Header,
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// Whether it is the last message of its package.
    pub is_final: bool,
}

/// The header of a message (SyncHdr).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The version of the language (VerDTD): `1.2`.
    pub version: String,
    /// The protocol (VerProto): `DM/1.2`.
    pub protocol: String,
    /// The session, as the text that both sides repeat.
    pub session: String,
    /// The number of the message (MsgID), from 1; 0 where it says none.
    pub message: u32,
    /// Who the message is for.
    pub target: Location,
    /// Who sends it.
    pub source: Location,
    /// Where the answer goes, if elsewhere than the request (RespURI).
    pub respond_to: Option<String>,
    /// What proves who sends it.
    pub credential: Option<Credential>,
    /// Octets of a message at the most that the sender takes (MaxMsgSize).
    pub max_message: Option<u32>,
    /// Octets of an object at the most that the sender takes (MaxObjSize).
    pub max_object: Option<u32>,
}

/// An address, with a name for people.
#[derive(Debug, Clone, Default)]
pub struct Location {
    /// The address (LocURI), without white space around it.
    pub uri: String,
    /// The name (LocName); in a Source, that of the user.
    pub name: Option<String>,
    /// Where the address was read; empty for those that we made.
    pub span: Span,
}

/// What proves who sends a message (Cred). Its debug form does not show the proof.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credential {
    /// The scheme (Meta Type): `syncml:auth-basic`, `syncml:auth-md5`.
    pub kind: String,
    /// How the data is written (Meta Format): `b64`; empty where it is not said.
    pub format: String,
    /// The proof.
    pub data: String,
}

/// A command. Two commands are equal when they say the same, wherever they were read.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its identifier in the message (CmdID); empty where it has none.
    pub id: String,
    /// What a later alert repeats of an Exec (Correlator).
    pub correlator: Option<String>,
    /// What is asked or answered.
    pub operation: Operation,
    /// Where it was read; empty for commands that we made.
    pub span: Span,
}

/// What a command asks or answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create nodes.
    Add(Vec<Item>),
    /// Change nodes.
    Replace(Vec<Item>),
    /// Delete nodes.
    Delete(Vec<Item>),
    /// Read nodes.
    Get(Vec<Item>),
    /// Copy nodes from each item's source to its target.
    Copy(Vec<Item>),
    /// Start what nodes stand for. The standard has one item.
    Exec(Vec<Item>),
    /// Tell something that is no command on the tree.
    Alert(Alert),
    /// Answer a command with a code.
    Status(Status),
    /// Answer a Get with what was read.
    Results(Results),
    /// Carry out all commands or none.
    Atomic(Vec<Command>),
    /// Carry out the commands in order.
    Sequence(Vec<Command>),
    /// A command that device management does not use, by its element's name.
    Other(String),
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// What it says: 1201 begins a session. 0 where it says none.
    pub code: u16,
    /// What it is about.
    pub items: Vec<Item>,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The message of the command (MsgRef); 0 where it says none.
    pub message_ref: u32,
    /// The identifier of the command (CmdRef), `0` for the header of the message.
    pub command_ref: String,
    /// The name of the command, `SyncHdr` for the header.
    pub command: String,
    /// The targets that it is about (TargetRef).
    pub targets: Vec<String>,
    /// The sources that it is about (SourceRef).
    pub sources: Vec<String>,
    /// What proves who the sender is must look like this (Chal).
    pub challenge: Option<Challenge>,
    /// The outcome: a code of [`STATUSES`](super::STATUSES). 0 where it says none.
    pub code: u16,
    /// What else there is to say.
    pub items: Vec<Item>,
}

/// What was read by a Get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Results {
    /// The message of the Get (MsgRef); 0 where it says none.
    pub message_ref: u32,
    /// The identifier of the Get (CmdRef).
    pub command_ref: String,
    /// The targets of the Get (TargetRef).
    pub targets: Vec<String>,
    /// The sources of the Get (SourceRef).
    pub sources: Vec<String>,
    /// One item a node.
    pub items: Vec<Item>,
}

/// How a peer wants to be shown who the sender is (Chal).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// The scheme (Meta Type).
    pub kind: String,
    /// How the data is to be written (Meta Format): `b64`.
    pub format: String,
    /// What the next proof is made with, in base64 (NextNonce).
    pub next_nonce: Option<String>,
}

/// What a command is about. Two items are equal when they say the same, wherever they were read.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// The node that is acted upon.
    pub target: Option<Location>,
    /// The node that it comes from.
    pub source: Option<Location>,
    /// What is known of the data: the item's own, else what the command says for all its items.
    pub meta: Meta,
    /// The data.
    pub data: Option<Data>,
    /// Whether more of the data follows in the next message.
    pub more_data: bool,
    /// Where it was read; empty for items that we made.
    pub span: Span,
    /// Where its data was read.
    pub data_span: Span,
}

/// What is known of the data of an item (Meta).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// How the data is written: `chr`, `node`, `b64` …; `chr` is meant where it is absent.
    pub format: Option<String>,
    /// The media type, or the identifier of a management object; `text/plain` is meant where it is absent.
    pub type_name: Option<String>,
    /// Octets of the whole object, in its first part.
    pub size: Option<u64>,
    /// The importance of an alert.
    pub mark: Option<String>,
}

/// The data of an item. Its debug form says only its length: data may be a secret.
#[derive(Clone)]
pub enum Data {
    /// Text. Elements that stood there unescaped are text as well.
    Text(String),
    /// Octets, of format `bin`; base64 in XML.
    Octets(Vec<u8>),
    /// A serialised tree: a `MgmtTree` element, wherever it stood: inline, as text or as WBXML.
    Tree(Box<Element<'static>>),
}

impl Default for Header {
    /// Version `1.2`, protocol `DM/1.2`, and the rest empty.
    fn default() -> Self {
        Self {
            version: "1.2".to_owned(),
            protocol: "DM/1.2".to_owned(),
            session: String::new(),
            message: 0,
            target: Location::default(),
            source: Location::default(),
            respond_to: None,
            credential: None,
            max_message: None,
            max_object: None,
        }
    }
}

impl Location {
    /// Returns an address without a name.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), ..Self::default() }
    }
}

impl Command {
    /// Returns a command without a correlator.
    pub fn new(id: impl Into<String>, operation: Operation) -> Self {
        Self { id: id.into(), correlator: None, operation, span: Span::default() }
    }

    /// Returns the name of its element.
    pub fn name(&self) -> &str {
        self.operation.name()
    }
}

impl Operation {
    /// Returns the name of the element.
    pub fn name(&self) -> &str {
        match self {
            Self::Add(_) => "Add",
            Self::Replace(_) => "Replace",
            Self::Delete(_) => "Delete",
            Self::Get(_) => "Get",
            Self::Copy(_) => "Copy",
            Self::Exec(_) => "Exec",
            Self::Alert(_) => "Alert",
            Self::Status(_) => "Status",
            Self::Results(_) => "Results",
            Self::Atomic(_) => "Atomic",
            Self::Sequence(_) => "Sequence",
            Self::Other(name) => name,
        }
    }

    /// Returns the items; none where there are commands instead.
    pub fn items(&self) -> &[Item] {
        match self {
            Self::Add(items) | Self::Replace(items) | Self::Delete(items) => items,
            Self::Get(items) | Self::Copy(items) | Self::Exec(items) => items,
            Self::Alert(alert) => &alert.items,
            Self::Status(status) => &status.items,
            Self::Results(results) => &results.items,
            Self::Atomic(_) | Self::Sequence(_) | Self::Other(_) => &[],
        }
    }

    /// Returns the commands inside an Atomic or Sequence.
    pub fn commands(&self) -> &[Command] {
        match self {
            Self::Atomic(commands) | Self::Sequence(commands) => commands,
            _ => &[],
        }
    }
}

impl Item {
    /// Returns an item about the node at `target`.
    pub fn at(target: impl Into<String>) -> Self {
        Self { target: Some(Location::new(target)), ..Self::default() }
    }

    /// Returns the address of the target; empty where there is none.
    pub fn target_uri(&self) -> &str {
        self.target.as_ref().map_or("", |target| &target.uri)
    }

    /// Returns the address of the source; empty where there is none.
    pub fn source_uri(&self) -> &str {
        self.source.as_ref().map_or("", |source| &source.uri)
    }
}

impl Data {
    /// Returns the text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Octets(_) | Self::Tree(_) => None,
        }
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        (&self.uri, &self.name) == (&other.uri, &other.name)
    }
}

impl Eq for Location {}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.correlator == other.correlator && self.operation == other.operation
    }
}

impl Eq for Command {}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (&self.target, &self.source, &self.meta) == (&other.target, &other.source, &other.meta)
            && (&self.data, self.more_data) == (&other.data, other.more_data)
    }
}

impl Eq for Item {}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Octets(a), Self::Octets(b)) => a == b,
            (Self::Tree(a), Self::Tree(b)) => a.same_as(b),
            _ => false,
        }
    }
}

impl Eq for Data {}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, {} octets)", self.kind, self.data.len())
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} octets)", text.len()),
            Self::Octets(octets) => write!(f, "Octets({})", octets.len()),
            Self::Tree(tree) => write!(f, "Tree({} elements)", tree.count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Report;

    fn meta(format: &str, type_name: &str) -> Meta {
        Meta { format: Some(format.to_owned()), type_name: Some(type_name.to_owned()), ..Meta::default() }
    }

    fn tree() -> Element<'static> {
        let node = Element::new("Node").with_leaf("NodeName", "IM1").with_leaf("Value", "x");
        Element::new("MgmtTree").with_leaf("VerDTD", "1.2").with(node)
    }

    /// A message with everything that the structs have.
    fn message() -> Message {
        let item = |meta, data| Item { meta, data: Some(data), ..Item::at("./IMPS/IM1") };
        let challenge = Challenge {
            kind: "syncml:auth-md5".to_owned(),
            format: "b64".to_owned(),
            next_nonce: Some("Tm9uY2U=".to_owned()),
        };
        let status = Status {
            message_ref: 1,
            command_ref: "0".to_owned(),
            command: "SyncHdr".to_owned(),
            targets: vec!["device".to_owned()],
            challenge: Some(challenge),
            code: 407,
            ..Status::default()
        };
        let add = Operation::Add(vec![
            item(meta("node", ""), "".into()),
            item(meta("bin", "application/octet-stream"), Data::Octets(b"abc".to_vec())),
            item(meta("xml", "application/vnd.syncml.dmtnds+xml"), Data::Tree(Box::new(tree()))),
            Item { more_data: true, ..item(Meta { size: Some(9), ..Meta::default() }, " a <b> ".into()) },
        ]);
        let copy = Operation::Copy(vec![Item { source: Some(Location::new("./A/B")), ..Item::at("./A/C") }]);
        let mut exec = Command::new("5", Operation::Exec(vec![Item::at("./FUMO/Update")]));
        exec.correlator = Some("c1".to_owned());
        let results =
            Results { message_ref: 2, command_ref: "7".to_owned(), items: vec![Item::default()], ..Results::default() };
        let atomic = vec![Command::new("3", add), Command::new("4", copy)];
        Message {
            header: Header {
                session: "1F".to_owned(),
                message: 3,
                target: Location { name: Some("user".to_owned()), ..Location::new("device") },
                credential: Some(Credential { data: "eA==".to_owned(), ..Credential::default() }),
                max_message: Some(6000),
                ..Header::default()
            },
            commands: vec![
                Command::new("1", Operation::Status(status)),
                Command::new("2", Operation::Atomic(atomic)),
                exec,
                Command::new("6", Operation::Alert(Alert { code: 1201, items: Vec::new() })),
                Command::new("7", Operation::Results(results)),
                Command::new("8", Operation::Other("Search".to_owned())),
            ],
            is_final: true,
        }
    }

    #[test]
    fn a_message_survives_both_syntaxes() {
        for version in ["1.2", "1.1"] {
            let mut message = message();
            message.header.version = version.to_owned();
            for octets in [message.to_xml(false), message.to_xml(true), message.to_wbxml().unwrap()] {
                let mut report = Report::new();
                assert_eq!(Message::read(&octets, &mut report).as_ref(), Some(&message), "{report:?}");
                assert_eq!(report.diagnostics().len(), 0, "{report:?}");
            }
        }
    }

    #[test]
    fn trees_are_found_as_text_and_as_octets() {
        let nodes = "<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD><Node><NodeName>IM1</NodeName>\
                     <Value>x</Value></Node></MgmtTree>";
        let escaped = nodes.replace('<', "&lt;");
        let wbxml = crate::codec::write_wbxml(&tree(), &super::super::DDF, &Default::default()).unwrap();
        let base64 = crate::document::to_base64(&wbxml);
        let forms = [
            ("xml", nodes.to_owned()),
            ("xml", escaped),
            ("xml", format!("\n <![CDATA[{nodes}]]>\n")),
            ("wbxml", base64),
        ];
        for (form, data) in forms {
            let text = format!(
                "<SyncML><SyncHdr/><SyncBody><Add><Meta><Type>application/vnd.syncml.dmtnds+{form}</Type></Meta>\
                 <Item><Data>{data}</Data></Item></Add></SyncBody></SyncML>"
            );
            let message = Message::read(text.as_bytes(), &mut Report::new()).unwrap();
            let Some(Data::Tree(found)) = &message.commands[0].operation.items()[0].data else { panic!("{data}") };
            assert!(found.same_as(&tree()), "{data}");
            let name = found.descend(&["Node", "NodeName"]).unwrap();
            let shown = &text[name.content_span.range()];
            assert!(shown == "IM1" || (shown.contains(&data) && !data.contains("<Node")), "{shown}");
        }
    }

    #[test]
    fn what_is_missing_is_empty() {
        let text = "<SyncML><SyncHdr/><SyncBody><Status/><Replace/><Foo/></SyncBody></SyncML>";
        let message = Message::read(text.as_bytes(), &mut Report::new()).unwrap();
        assert_eq!(message.header.message, 0);
        assert_eq!(message.commands.len(), 3);
        assert_eq!(message.commands[2].operation, Operation::Other("Foo".to_owned()));
        assert!(!message.is_final);
    }

    #[test]
    fn deep_nesting_is_not_read() {
        let text = format!(
            "<SyncML><SyncHdr/><SyncBody>{}{}</SyncBody></SyncML>",
            "<Atomic>".repeat(9),
            "</Atomic>".repeat(9)
        );
        let mut report = Report::new();
        assert!(Message::read(text.as_bytes(), &mut report).is_some());
        assert!(report.cites("SYN004"));
    }

    #[test]
    fn debugging_shows_no_secret() {
        let mut message = message();
        message.header.credential = Some(Credential { data: "hunter2".to_owned(), ..Credential::default() });
        message.commands.push(Command::new(
            "9",
            Operation::Replace(vec![Item { data: Some("hunter2".into()), ..Item::default() }]),
        ));
        assert!(!format!("{message:?}").contains("hunter2"));
    }
}
