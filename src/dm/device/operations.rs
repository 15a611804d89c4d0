//! What a command does with one node: add, get, replace, delete, copy, exec.

use std::borrow::Cow;

use super::super::acl::{Acl, Command};
use super::super::node::{Format, Node, Value};
use super::super::syncml::Data;
use super::super::uri::Uri;
use super::checks::Request;
use super::faults::{Fault, Refusal};
use super::target::{Part, Property, Target};
use super::{Device, Used, length};
use crate::codec;
use crate::document::{from_base64, shorten, to_base64};

/// What Add and Replace bring: the data of an Item with its Meta.
#[derive(Debug, Clone, Default)]
pub struct Content<'c> {
    /// Meta Format; what the node has where absent, else `chr`.
    pub format: Option<&'c str>,
    /// Meta Type; what the node has where absent, else `text/plain`.
    pub type_name: Option<&'c str>,
    /// The data.
    pub data: Option<Cow<'c, Data>>,
}

impl<'c> Content<'c> {
    /// Returns text for a leaf.
    pub fn text(format: &'c str, text: impl Into<String>) -> Self {
        Self { format: Some(format), type_name: None, data: Some(Cow::Owned(Data::Text(text.into()))) }
    }

    /// Returns the content of an interior node of a Type, which may be empty.
    pub fn interior(type_name: &'c str) -> Self {
        Self { format: Some("node"), type_name: Some(type_name), data: None }
    }

    /// Returns the format that Meta states: `Some(None)` where it states none, `None` where it is no format.
    pub(super) fn stated_format(&self) -> Option<Option<Format>> {
        match self.format.map(str::trim).filter(|word| !word.is_empty()) {
            None => Some(None),
            Some(word) => Format::read(word).map(Some),
        }
    }

    /// Returns the identifier of the object that an interior node is said to be. Servers also send the usual type of leaves.
    pub(super) fn object(&self) -> Option<&'c str> {
        let is_node = self.stated_format() == Some(Some(Format::Node));
        self.type_name.filter(|name| is_node && !matches!(*name, "" | "text/plain"))
    }

    /// Returns whether it is a serialised tree.
    pub(super) fn is_document(&self) -> bool {
        matches!(self.data.as_deref(), Some(Data::Tree(_)))
    }

    /// Returns the number of octets.
    pub(super) fn len(&self) -> usize {
        match self.data.as_deref() {
            None | Some(Data::Tree(_)) => 0,
            Some(Data::Text(text)) => text.len(),
            Some(Data::Octets(octets)) => octets.len(),
        }
    }

    /// Returns the text.
    pub(super) fn as_text(&self) -> &str {
        self.data.as_deref().and_then(Data::text).unwrap_or_default()
    }

    /// Returns the value for a node of `format`: octets for `bin`, which XML carries as base64. `None` where there is none,
    /// or where it cannot be read.
    pub(super) fn value(&self, format: Format) -> Option<Value> {
        match (self.data.as_deref()?, format) {
            (Data::Tree(_), _) => None,
            (Data::Text(text), Format::Null | Format::Node) if text.trim().is_empty() => None,
            (Data::Text(text), Format::Bin) => from_base64(text).map(Value::Octets),
            (Data::Text(text), _) => Some(Value::from(text.as_str())),
            (Data::Octets(octets), Format::Bin) => Some(Value::Octets(octets.clone())),
            (Data::Octets(octets), _) => Some(match std::str::from_utf8(octets) {
                Ok(text) => text.into(),
                Err(_) => Value::Octets(octets.clone()),
            }),
        }
    }
}

/// What Get answers: one Item of Results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// The address, as the server wrote it, or of a node below it.
    pub uri: String,
    /// The format.
    pub format: Format,
    /// The type.
    pub type_name: String,
    /// The value; `None` where there is none to show.
    pub data: Option<Data>,
}

impl Got {
    /// Returns the value as text, octets as base64 and a tree as XML; `None` where there is none.
    pub fn to_text(&self) -> Option<String> {
        Some(match self.data.as_ref()? {
            Data::Text(text) => text.clone(),
            Data::Octets(octets) => to_base64(octets),
            Data::Tree(tree) => String::from_utf8_lossy(&codec::write_xml(tree, None, false)).into_owned(),
        })
    }

    /// Returns the value in few words, for a line of text.
    pub fn shown(&self) -> String {
        match &self.data {
            None => self.format.to_string(),
            Some(Data::Text(text)) => shorten(text),
            Some(Data::Octets(octets)) => format!("{} octets", octets.len()),
            Some(Data::Tree(tree)) => format!("a tree of {} elements", tree.count()),
        }
    }
}

impl Device<'_> {
    /// Adds a node, and its parents where they are missing.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn add(&mut self, server: &str, target: &Target, content: &Content<'_>) -> Result<(), Refusal> {
        self.add_in(server, target, content, false)
    }

    /// The same; `inside` a document, below a node of the same document.
    pub(super) fn add_in(
        &mut self,
        server: &str,
        target: &Target,
        content: &Content<'_>,
        inside: bool,
    ) -> Result<(), Refusal> {
        let content = Some(content);
        self.check(&Request { command: Command::Add, target, source: None, content, server, inside })?;
        if let Some(content) = content {
            let node = self.new_node(&target.uri, content);
            self.make(server, &target.uri, node);
        }
        Ok(())
    }

    /// Returns the node that content makes, as the description of its place has it.
    fn new_node(&self, uri: &Uri, content: &Content<'_>) -> Node {
        let law = self.index.along(&self.tree, uri, content.type_name).last().and_then(|known| known.law());
        let described = law.map(|law| law.described);
        let stated = content.stated_format().flatten();
        let format = described.map(|d| d.format).or(stated).unwrap_or(Format::Chr);
        let mut node = if format == Format::Node {
            let moi = described.and_then(|d| d.moi.as_deref());
            Node::instance(uri.name(), moi.or(content.object()).unwrap_or_default())
        } else {
            Node::leaf(uri.name(), format, content.value(format))
        };
        let type_name = content.type_name.or(described.and_then(|d| d.types.first()).map(String::as_str));
        if let Some(type_name) = type_name.filter(|name| format != Format::Node && !name.is_empty()) {
            type_name.clone_into(&mut node.type_name);
        }
        node
    }

    /// Puts a node at its address, with the parents that are missing. The checks have found that it may stand there.
    fn make(&mut self, server: &str, uri: &Uri, node: Node) {
        let Some(parent) = uri.parent() else { return };
        if self.tree.get(&parent).is_none() {
            let above = self.new_node(&parent, &Content::interior(""));
            self.make(server, &parent, above);
        }
        let mut node = node;
        if let Some(above) = self.tree.get(&parent) {
            // A device that counts or dates its nodes does so with new ones.
            node.version = above.version.map(|_| 0);
            node.time_stamp = above.time_stamp.as_ref().and(self.abilities.now.clone());
        }
        if node.is_interior() && !server.is_empty() && !self.tree.allows(&parent, Command::Replace, server) {
            node.acl = Some(Acl::of_maker(server));
        }
        let brought = Used::of(&node);
        self.used.nodes += brought.nodes;
        self.used.octets += brought.octets;
        self.undo.add(&mut self.tree, &parent, node);
    }

    /// Returns what stands at the target: a value, the names of children, a property, or a list.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn get(&self, server: &str, target: &Target) -> Result<Vec<Got>, Refusal> {
        self.check(&request(Command::Get, target, server))?;
        let Some(node) = self.tree.get(&target.uri) else { return Ok(Vec::new()) };
        let one = |format, type_name: &str, data: Option<Data>| {
            let query = match &target.part {
                Part::Property(property) => format!("?prop={}", property.as_str()),
                _ => String::new(),
            };
            vec![Got { uri: format!("{}{query}", target.uri), format, type_name: type_name.to_owned(), data }]
        };
        Ok(match &target.part {
            Part::List(list) => self.list(server, &target.uri, *list),
            Part::Property(property) => one(Format::Chr, "text/plain", Some(Data::Text(property_of(node, *property)))),
            _ if node.is_interior() => {
                let names: Vec<_> = node.children().map(Node::name).collect();
                one(Format::Node, "text/plain", Some(Data::Text(names.join("/"))))
            }
            _ => one(node.format, &node.type_name, node.value.as_ref().map(Data::from)),
        })
    }

    /// Replaces the value of a leaf, or a property.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn replace(&mut self, server: &str, target: &Target, content: &Content<'_>) -> Result<(), Refusal> {
        let request = Request { content: Some(content), ..request(Command::Replace, target, server) };
        self.check(&request)?;
        let uri = &target.uri;
        match &target.part {
            Part::Property(Property::Name) => {
                let name = content.as_text();
                if name != uri.name() {
                    self.undo.rename(&mut self.tree, uri, name);
                    let renamed = uri.parent().unwrap_or_default().join(name);
                    self.touch(&renamed, |_| ());
                }
            }
            Part::Property(Property::Acl) => {
                let acl = Acl::read(content.as_text()).map_err(|e| Fault::OutOfRange.because(e.to_string()))?;
                self.touch(uri, |node| node.acl = acl);
            }
            Part::Property(Property::Title) => {
                let title = Some(content.as_text().to_owned()).filter(|title| !title.is_empty());
                self.touch(uri, |node| node.title = title);
            }
            _ => self.set_value(uri, content),
        }
        Ok(())
    }

    fn set_value(&mut self, uri: &Uri, content: &Content<'_>) {
        let known = self.index.along(&self.tree, uri, None);
        let described = known.last().and_then(|known| known.law()).map(|law| law.described.format);
        let Some(node) = self.tree.get(uri) else { return };
        let format = described.or(content.stated_format().flatten()).unwrap_or(node.format);
        let value = content.value(format);
        let (before, after) = (node.value.as_ref().map_or(0, length), value.as_ref().map_or(0, length));
        self.used.octets = self.used.octets.saturating_sub(before) + after;
        let type_name = content.type_name.filter(|name| !name.is_empty()).map(str::to_owned);
        self.touch(uri, |node| {
            node.format = format;
            node.value = value;
            node.type_name = type_name.unwrap_or_else(|| std::mem::take(&mut node.type_name));
        });
    }

    /// Changes a node, counts the change and dates it where the node does so.
    fn touch(&mut self, uri: &Uri, change: impl FnOnce(&mut Node)) {
        let now = &self.abilities.now;
        self.undo.set(&mut self.tree, uri, |node| {
            change(node);
            node.version = node.version.map(|version| version.wrapping_add(1));
            node.time_stamp = node.time_stamp.take().map(|before| now.clone().unwrap_or(before));
        });
    }

    /// Deletes a node with all below it.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn delete(&mut self, server: &str, target: &Target) -> Result<(), Refusal> {
        self.check(&request(Command::Delete, target, server))?;
        let gone = self.tree.get(&target.uri).map(Used::of).unwrap_or_default();
        self.used.nodes -= gone.nodes;
        self.used.octets -= gone.octets;
        self.undo.delete(&mut self.tree, &target.uri);
        Ok(())
    }

    /// Copies the value of a leaf to another one, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn copy(&mut self, server: &str, source: &Uri, target: &Target) -> Result<(), Refusal> {
        self.check(&Request { source: Some(source), ..request(Command::Copy, target, server) })?;
        let Some(from) = self.tree.get(source) else { return Ok(()) };
        let (format, type_name) = (from.format, from.type_name.clone());
        let data = from.value.as_ref().map(|value| Cow::Owned(Data::from(value)));
        let content = Content { format: Some(format.as_str()), type_name: Some(&type_name), data };
        if self.tree.get(&target.uri).is_some() {
            self.set_value(&target.uri, &content);
        } else {
            let node = self.new_node(&target.uri, &content);
            self.make(server, &target.uri, node);
        }
        Ok(())
    }

    /// Returns the status with which the device answers Exec. What it starts is no matter of the tree.
    ///
    /// # Errors
    ///
    /// The first fault of the table.
    pub fn exec(&self, server: &str, target: &Target) -> Result<u16, Refusal> {
        self.check(&request(Command::Exec, target, server))?;
        Ok(self.abilities.exec.unwrap_or(200))
    }
}

fn request<'r>(command: Command, target: &'r Target, server: &'r str) -> Request<'r> {
    Request { command, target, source: None, content: None, server, inside: false }
}

/// Returns the text of a property; nothing where it has no value.
fn property_of(node: &Node, property: Property) -> String {
    match property {
        Property::Acl => node.acl.as_ref().map(ToString::to_string).unwrap_or_default(),
        Property::Format => node.format.to_string(),
        Property::Name => node.name().to_owned(),
        Property::Size => node.value.as_ref().map_or(0, length).to_string(),
        Property::Title => node.title.clone().unwrap_or_default(),
        Property::TStamp => node.time_stamp.clone().unwrap_or_default(),
        Property::Type => node.type_name.clone(),
        Property::VerNo => node.version.map(|version| version.to_string()).unwrap_or_default(),
    }
}

impl From<&Value> for Data {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.clone()),
            Value::Octets(octets) => Self::Octets(octets.clone()),
        }
    }
}
