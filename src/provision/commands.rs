//! Changes of a device tree as DM commands, and the message that brings them (DM Protocol 1.2).
//!
//! ```text
//! Changes ── one command each, in one Atomic ─┐
//!         └─ one document an instance ────────┴─ Message
//! ```

use super::changes::Changes;
use crate::codec;
use crate::dm::syncml::{Command, Data, Header, Item, Location, Message, Meta, Operation, TREE_TYPE};
use crate::dm::{Change, Format, Node, Tree, TreeFault, Uri, Value, serialise};

/// How changes are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// One command for each change.
    #[default]
    Commands,
    /// One serialised tree for each object that is new or changes. It says the object whole.
    Trees,
}

/// In which syntax a message will be written: trees in it are of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// XML; a tree is text.
    Xml,
    /// WBXML; a tree is part of the message.
    Wbxml,
}

/// Returns the message that makes changes: all commands in one Atomic. It has no command where there is no change.
///
/// # Errors
///
/// Says why an object cannot be a document.
pub fn message(header: Header, changes: &Changes, style: Style, syntax: Syntax) -> Result<Message, TreeFault> {
    let operations = match style {
        Style::Commands => changes.changes.iter().map(operation).collect(),
        Style::Trees => documents(changes, syntax)?,
    };
    let numbered =
        operations.into_iter().zip(2..).map(|(operation, id): (_, u32)| Command::new(id.to_string(), operation));
    let inside: Vec<Command> = numbered.collect();
    let atomic = (!inside.is_empty()).then(|| Command::new("1", Operation::Atomic(inside)));
    Ok(Message { header, commands: atomic.into_iter().collect(), is_final: true })
}

/// Returns a header of a message from a server to a device: the first one of its session.
pub fn header(server: &str, device: &str) -> Header {
    Header {
        session: "1".to_owned(),
        message: 1,
        target: Location::new(device),
        source: Location::new(server),
        ..Header::default()
    }
}

/// Returns what makes one change.
pub fn operation(change: &Change) -> Operation {
    let property = |uri: &Uri, name: &str, text: String| {
        let item = Item { data: Some(Data::Text(text)), ..Item::at(format!("{uri}?prop={name}")) };
        Operation::Replace(vec![item])
    };
    match change {
        Change::Add(uri, node) => Operation::Add(vec![item(uri, node)]),
        Change::Replace(uri, node) => Operation::Replace(vec![item(uri, node)]),
        Change::Acl(uri, acl) => property(uri, "ACL", acl.as_ref().map(ToString::to_string).unwrap_or_default()),
        Change::Title(uri, title) => property(uri, "Title", title.clone()),
        Change::Delete(uri) => Operation::Delete(vec![Item::at(uri.to_string())]),
    }
}

fn item(uri: &Uri, node: &Node) -> Item {
    let type_name = Some(node.type_name.clone()).filter(|name| !name.is_empty());
    let data = match &node.value {
        _ if node.is_interior() || node.format == Format::Null => None,
        Some(Value::Octets(octets)) => Some(Data::Octets(octets.clone())),
        Some(Value::Text(text)) => Some(Data::Text(text.clone())),
        None => None,
    };
    let meta = Meta { format: Some(node.format.as_str().to_owned()), type_name, ..Meta::default() };
    Item { meta, data, ..Item::at(uri.to_string()) }
}

/// Returns one Add or Replace for each object that changes, with the whole object in a document.
fn documents(changes: &Changes, syntax: Syntax) -> Result<Vec<Operation>, TreeFault> {
    let mut operations = Vec::new();
    // The nodes above an object, and what is not part of one, go by themselves.
    for change in &changes.changes {
        if !changes.instances.iter().any(|(uri, _)| change.uri().within(uri).is_some()) {
            operations.push(operation(change));
        }
    }
    for (uri, node) in &changes.instances {
        let mut own = changes.changes.iter().filter(|change| change.uri().within(uri).is_some());
        let Some(first) = own.next() else { continue };
        let items = vec![document(uri, node, syntax)?];
        operations.push(match first {
            Change::Add(at, _) if at == uri => Operation::Add(items),
            _ => Operation::Replace(items),
        });
    }
    Ok(operations)
}

/// Returns an object as a document in an item.
fn document(uri: &Uri, node: &Node, syntax: Syntax) -> Result<Item, TreeFault> {
    let mut tree = Tree::new();
    tree.add(&Uri::root(), node.clone())?;
    Ok(tree_item(uri, &tree, syntax))
}

/// Returns an item with a serialised tree.
///
/// The Format of one inside of a WBXML message is not stated: `xml` is written (DM facts, 4.2).
pub(super) fn tree_item(uri: &Uri, tree: &Tree, syntax: Syntax) -> Item {
    let element = serialise::to_element(tree);
    let (word, data) = match syntax {
        Syntax::Xml => {
            let text = codec::write_xml(&element, None, false);
            ("xml", Data::Text(without_declaration(&String::from_utf8_lossy(&text)).to_owned()))
        }
        Syntax::Wbxml => ("wbxml", Data::Tree(Box::new(element.into_owned()))),
    };
    let type_name = Some(format!("{TREE_TYPE}+{word}"));
    let meta = Meta { format: Some("xml".to_owned()), type_name, ..Meta::default() };
    Item { meta, data: Some(data), ..Item::at(uri.to_string()) }
}

fn without_declaration(text: &str) -> &str {
    text.split_once("?>").map_or(text, |(_, rest)| rest).trim()
}
