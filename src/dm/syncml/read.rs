//! Reads messages and commands from elements.

use super::embedded;
use super::vocabulary::COMMANDS;
use super::{
    Alert, Challenge, Command, Credential, Data, Header, Item, LIMITS, Location, MESSAGES, MOST_NESTING, Message, Meta,
    Operation, Results, Status,
};
use crate::codec;
use crate::diagnose::{Diagnostic, Report};
use crate::dm::DDF;
use crate::dm::rules::{NESTED, NOT_A_MESSAGE};
use crate::document::{Content, Element, from_base64};

impl Message {
    /// Reads a message in XML or WBXML, whichever the octets are.
    ///
    /// Findings go to `report`. Returns `None` where there is no message at all.
    pub fn read(bytes: &[u8], report: &mut Report) -> Option<Self> {
        let document = codec::read(bytes, &MESSAGES.map(|(_, vocabulary)| vocabulary), &LIMITS, report)?;
        Self::from_element(&document.root, report)
    }

    /// Reads a message from a `SyncML` element. Returns `None`, with a finding, where it has no SyncHdr or SyncBody.
    pub fn from_element(root: &Element<'_>, report: &mut Report) -> Option<Self> {
        if let Some(fault) = not_a_message(root) {
            report.add(fault);
            return None;
        }
        let (header, body) = (root.child("SyncHdr")?, root.child("SyncBody")?);
        Some(Self {
            header: Header::from_element(header),
            commands: commands(body, 0, report),
            is_final: body.child("Final").is_some(),
        })
    }
}

impl Message {
    /// Reads what there is of a message: of one without a header, of a body, or of a command for itself, as documentation
    /// prints them. What is missing of the header is empty.
    pub(crate) fn from_part(root: &Element<'_>, report: &mut Report) -> Self {
        let body = if root.name == "SyncBody" { Some(root) } else { root.child("SyncBody") };
        let is_command = COMMANDS.contains(&root.name.as_ref());
        Self {
            header: root.child("SyncHdr").map(Header::from_element).unwrap_or_default(),
            commands: match body {
                Some(body) => commands(body, 0, report),
                None if is_command => vec![command(root, 0, report)],
                None => Vec::new(),
            },
            is_final: body.is_some_and(|body| body.child("Final").is_some()),
        }
    }
}

/// Returns what keeps an element from being a message.
pub(in crate::dm) fn not_a_message(root: &Element<'_>) -> Option<Diagnostic> {
    let finding = |message: String| Some(Diagnostic::new(&NOT_A_MESSAGE, root.span, message).at(root.name.clone()));
    if root.name != "SyncML" {
        return finding(format!("`{}` is not the root of a message, `SyncML` is", root.name));
    }
    let missing = ["SyncHdr", "SyncBody"].into_iter().find(|name| root.child(name).is_none())?;
    finding(format!("the message has no {missing}"))
}

impl Header {
    fn from_element(header: &Element<'_>) -> Self {
        let text = |name: &str| header.child_text(name).unwrap_or_default().to_owned();
        let meta = header.child("Meta");
        let number = |name: &str| meta.and_then(|meta| meta_text(meta, name))?.parse().ok();
        Self {
            version: text("VerDTD"),
            protocol: text("VerProto"),
            session: text("SessionID"),
            message: text("MsgID").parse().unwrap_or_default(),
            target: location(header, "Target").unwrap_or_default(),
            source: location(header, "Source").unwrap_or_default(),
            respond_to: header.child_text("RespURI").map(str::to_owned),
            credential: header.child("Cred").map(Credential::from_element),
            max_message: number("MaxMsgSize"),
            max_object: number("MaxObjSize"),
        }
    }
}

impl Credential {
    fn from_element(element: &Element<'_>) -> Self {
        let meta = Meta::from_element(element.child("Meta"));
        Self {
            kind: meta.type_name.unwrap_or_default(),
            format: meta.format.unwrap_or_default(),
            data: element.child_text("Data").unwrap_or_default().to_owned(),
        }
    }
}

fn commands(parent: &Element<'_>, depth: usize, report: &mut Report) -> Vec<Command> {
    let elements = parent.children.iter().filter(|child| is_command(parent, child));
    elements.map(|element| command(element, depth, report)).collect()
}

/// Returns whether a child of a SyncBody, Atomic or Sequence is a command, and not a part of the container itself.
pub(in crate::dm) fn is_command(parent: &Element<'_>, child: &Element<'_>) -> bool {
    match parent.name.as_ref() {
        "SyncBody" => child.name != "Final",
        _ => !matches!(child.name.as_ref(), "CmdID" | "NoResp" | "Meta"),
    }
}

impl Command {
    /// Reads a command from its element: one of a message, or one that stands alone.
    pub fn from_element(element: &Element<'_>, report: &mut Report) -> Self {
        command(element, 0, report)
    }
}

fn command(element: &Element<'_>, depth: usize, report: &mut Report) -> Command {
    let operation = match element.name.as_ref() {
        "Add" => Operation::Add(items(element, report)),
        "Replace" => Operation::Replace(items(element, report)),
        "Delete" => Operation::Delete(items(element, report)),
        "Get" => Operation::Get(items(element, report)),
        "Copy" => Operation::Copy(items(element, report)),
        "Exec" => Operation::Exec(items(element, report)),
        "Alert" => Operation::Alert(Alert { code: code(element), items: items(element, report) }),
        "Status" => Operation::Status(status(element, report)),
        "Results" => Operation::Results(results(element, report)),
        "Atomic" | "Sequence" if depth >= MOST_NESTING => {
            let message = format!("commands are nested more than {MOST_NESTING} deep; these are not read");
            report.add(Diagnostic::new(&NESTED, element.span, message).at(element.name.clone()));
            Operation::Other(element.name.to_string())
        }
        "Atomic" => Operation::Atomic(commands(element, depth + 1, report)),
        "Sequence" => Operation::Sequence(commands(element, depth + 1, report)),
        name => Operation::Other(name.to_owned()),
    };
    Command {
        id: element.child_text("CmdID").unwrap_or_default().to_owned(),
        correlator: element.child_text("Correlator").map(str::to_owned),
        operation,
        span: element.span,
    }
}

fn status(element: &Element<'_>, report: &mut Report) -> Status {
    Status {
        message_ref: message_ref(element),
        command_ref: element.child_text("CmdRef").unwrap_or_default().to_owned(),
        command: element.child_text("Cmd").unwrap_or_default().to_owned(),
        targets: texts(element, "TargetRef"),
        sources: texts(element, "SourceRef"),
        challenge: element.child("Chal").map(challenge),
        code: code(element),
        items: items(element, report),
    }
}

fn results(element: &Element<'_>, report: &mut Report) -> Results {
    Results {
        message_ref: message_ref(element),
        command_ref: element.child_text("CmdRef").unwrap_or_default().to_owned(),
        targets: texts(element, "TargetRef"),
        sources: texts(element, "SourceRef"),
        items: items(element, report),
    }
}

fn challenge(element: &Element<'_>) -> Challenge {
    let own = Meta::from_element(element.child("Meta"));
    let next_nonce = element.child("Meta").and_then(|meta| meta_text(meta, "NextNonce"));
    Challenge {
        kind: own.type_name.unwrap_or_default(),
        format: own.format.unwrap_or_default(),
        next_nonce: next_nonce.map(str::to_owned),
    }
}

fn message_ref(element: &Element<'_>) -> u32 {
    element.child_text("MsgRef").and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn code(element: &Element<'_>) -> u16 {
    element.child_text("Data").and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn texts(element: &Element<'_>, name: &str) -> Vec<String> {
    element.children_named(name).map(|child| child.trimmed().to_owned()).collect()
}

fn location(parent: &Element<'_>, name: &str) -> Option<Location> {
    let element = parent.child(name)?;
    let uri = element.child("LocURI");
    Some(Location {
        uri: uri.map(Element::trimmed).unwrap_or_default().to_owned(),
        name: element.child_text("LocName").map(str::to_owned),
        span: uri.map_or(element.span, |uri| uri.content_span),
    })
}

fn items(command: &Element<'_>, report: &mut Report) -> Vec<Item> {
    let common = Meta::from_element(command.child("Meta"));
    command.children_named("Item").map(|item| Item::from_element(item, &common, report)).collect()
}

impl Item {
    fn from_element(element: &Element<'_>, common: &Meta, report: &mut Report) -> Self {
        let meta = Meta::from_element(element.child("Meta")).or(common);
        let data = element.child("Data");
        Self {
            target: location(element, "Target"),
            source: location(element, "Source"),
            data: data.map(|data| read_data(data, &meta, report)),
            meta,
            more_data: element.child("MoreData").is_some(),
            span: element.span,
            data_span: data.map(|data| data.content_span).unwrap_or_default(),
        }
    }
}

impl Meta {
    pub(in crate::dm) fn from_element(meta: Option<&Element<'_>>) -> Self {
        let text = |name: &str| meta.and_then(|meta| meta_text(meta, name)).map(str::to_owned);
        Self {
            format: text("Format"),
            type_name: text("Type"),
            size: text("Size").and_then(|size| size.parse().ok()),
            mark: text("Mark"),
        }
    }

    /// Returns what this says, and what it does not say as `common` says it.
    pub(in crate::dm) fn or(self, common: &Self) -> Self {
        Self {
            format: self.format.or_else(|| common.format.clone()),
            type_name: self.type_name.or_else(|| common.type_name.clone()),
            size: self.size.or(common.size),
            mark: self.mark.or_else(|| common.mark.clone()),
        }
    }
}

/// Returns whether a Meta says the next nonce.
pub(in crate::dm) fn has_nonce(meta: &Element<'_>) -> bool {
    meta_text(meta, "NextNonce").is_some_and(|nonce| !nonce.is_empty())
}

/// Returns the text of a field of a Meta; some senders put the fields into a MetInf.
pub(in crate::dm) fn meta_text<'e>(meta: &'e Element<'_>, name: &str) -> Option<&'e str> {
    meta.child_text(name).or_else(|| meta.child("MetInf")?.child_text(name))
}

/// Reads the Data of an item whose Meta is known.
pub(in crate::dm) fn read_data(data: &Element<'_>, meta: &Meta, report: &mut Report) -> Data {
    if let Some(tree) = data.child("MgmtTree") {
        return Data::Tree(Box::new(tree.clone().into_owned()));
    }
    if !data.children.is_empty() {
        return Data::Text(inner_xml(data));
    }
    let type_name = meta.type_name.as_deref().unwrap_or_default();
    if let Some(tree) = embedded::tree(data, type_name, report) {
        return Data::Tree(Box::new(tree));
    }
    let is_binary = meta.format.as_deref() == Some("bin");
    match &data.content {
        Content::Octets(octets) => match std::str::from_utf8(octets) {
            Ok(text) if !is_binary => Data::Text(text.to_owned()),
            _ => Data::Octets(octets.to_vec()),
        },
        Content::Text(text) => match from_base64(text) {
            Some(octets) if is_binary => Data::Octets(octets),
            _ => Data::Text(text.to_string()),
        },
    }
}

/// Returns elements that stood unescaped in a Data as the text that they are.
fn inner_xml(data: &Element<'_>) -> String {
    let mut text = data.text().to_owned();
    for child in &data.children {
        let octets = codec::write_xml(child, Some(&DDF), false);
        let octets = String::from_utf8_lossy(&octets);
        text.push_str(octets.split_once("?>").map_or(&*octets, |(_, root)| root));
    }
    text
}
