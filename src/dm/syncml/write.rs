//! Writes messages and commands as elements, and those as XML and WBXML.

use super::{
    Alert, Challenge, Command, Credential, Data, Header, Item, Location, META_NAMESPACE, Message, Meta, Operation,
    Results, Status, of_version,
};
use crate::codec::{self, CannotWrite, WbxmlOptions};
use crate::dm::DDF;
use crate::document::{Content, Element, to_base64};

/// The media type of serialised trees in WBXML.
const TREE_IN_WBXML: &str = "application/vnd.syncml.dmtnds+wbxml";

/// The namespace of serialised trees.
const TREE_NAMESPACE: &str = "syncml:dmddf1.2";

impl Message {
    /// Returns the message as a `SyncML` element in the namespace of its version.
    pub fn to_element(&self) -> Element<'_> {
        let mut body = Element::new("SyncBody").with_all(self.commands.iter().map(Command::to_element));
        if self.is_final {
            body = body.with(Element::new("Final"));
        }
        let root = Element::new("SyncML").with_attribute("xmlns", of_version(&self.header.version).namespaces[0]);
        root.with(self.header.to_element()).with(body)
    }

    /// Returns the message in XML. White space is put between elements only where `indent` wants it.
    pub fn to_xml(&self, indent: bool) -> Vec<u8> {
        let mut root = self.to_element();
        octets_to_text(&mut root);
        codec::write_xml(&root, Some(of_version(&self.header.version)), indent)
    }

    /// Returns the message in WBXML.
    ///
    /// # Errors
    ///
    /// Names what WBXML cannot carry: U+0000, and elements of an [`Operation::Other`] that have no token.
    pub fn to_wbxml(&self) -> Result<Vec<u8>, CannotWrite> {
        codec::write_wbxml(&self.to_element(), of_version(&self.header.version), &WbxmlOptions::default())
    }
}

/// Writes octets as base64, also those that happen to be text: readers take data of format `bin` for base64.
fn octets_to_text(element: &mut Element<'_>) {
    if let Content::Octets(octets) = &element.content {
        element.content = Content::Text(to_base64(octets).into());
    }
    element.children.iter_mut().for_each(octets_to_text);
}

impl Header {
    fn to_element(&self) -> Element<'_> {
        let mut header = Element::new("SyncHdr")
            .with_leaf("VerDTD", &self.version)
            .with_leaf("VerProto", &self.protocol)
            .with_leaf("SessionID", &self.session)
            .with_leaf("MsgID", self.message.to_string())
            .with(self.target.to_element("Target"))
            .with(self.source.to_element("Source"));
        if let Some(uri) = &self.respond_to {
            header = header.with_leaf("RespURI", uri);
        }
        if let Some(credential) = &self.credential {
            header = header.with(credential.to_element());
        }
        let number = |name: &'static str, number: Option<u32>| Some(meta_leaf(name, number?.to_string()));
        let limits = [number("MaxMsgSize", self.max_message), number("MaxObjSize", self.max_object)];
        header.with_all(meta(limits.into_iter().flatten().collect()))
    }
}

impl Location {
    fn to_element(&self, name: &'static str) -> Element<'_> {
        let element = Element::new(name).with_leaf("LocURI", &self.uri);
        element.with_all(self.name.iter().map(|name| Element::leaf("LocName", name)))
    }
}

impl Credential {
    fn to_element(&self) -> Element<'_> {
        let fields = scheme(&self.kind, &self.format);
        Element::new("Cred").with_all(meta(fields)).with_leaf("Data", &self.data)
    }
}

impl Challenge {
    fn to_element(&self) -> Element<'_> {
        let mut fields = scheme(&self.kind, &self.format);
        fields.extend(self.next_nonce.iter().map(|nonce| meta_leaf("NextNonce", nonce.as_str())));
        Element::new("Chal").with_all(meta(fields))
    }
}

fn scheme<'m>(kind: &'m str, format: &'m str) -> Vec<Element<'m>> {
    let fields = [("Type", kind), ("Format", format)];
    fields.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| meta_leaf(name, text)).collect()
}

fn meta_leaf<'m>(name: &'static str, text: impl Into<std::borrow::Cow<'m, str>>) -> Element<'m> {
    Element::leaf(name, text).with_attribute("xmlns", META_NAMESPACE)
}

fn meta(fields: Vec<Element<'_>>) -> Option<Element<'_>> {
    if fields.is_empty() { None } else { Some(Element::new("Meta").with_all(fields)) }
}

impl Command {
    /// Returns the command as an element, without a namespace of its own.
    pub fn to_element(&self) -> Element<'_> {
        let mut element = Element::new(self.name());
        if !self.id.is_empty() {
            element = element.with_leaf("CmdID", &self.id);
        }
        let correlator = self.correlator.iter().map(|correlator| Element::leaf("Correlator", correlator));
        match &self.operation {
            Operation::Alert(alert) => alert.write(element, correlator),
            Operation::Status(status) => status.write(element),
            Operation::Results(results) => results.write(element),
            operation => {
                let commands = operation.commands().iter().map(Self::to_element);
                element.with_all(correlator).with_all(write_items(operation.items())).with_all(commands)
            }
        }
    }
}

impl Alert {
    fn write<'m>(&'m self, element: Element<'m>, correlator: impl IntoIterator<Item = Element<'m>>) -> Element<'m> {
        let element = if self.code == 0 { element } else { element.with_leaf("Data", self.code.to_string()) };
        element.with_all(correlator).with_all(write_items(&self.items))
    }
}

impl Status {
    fn write<'m>(&'m self, element: Element<'m>) -> Element<'m> {
        let element = references(element, self.message_ref, &self.command_ref).with_leaf("Cmd", &self.command);
        let mut element = targets(element, &self.targets, &self.sources);
        element = element.with_all(self.challenge.iter().map(Challenge::to_element));
        if self.code != 0 {
            element = element.with_leaf("Data", self.code.to_string());
        }
        element.with_all(write_items(&self.items))
    }
}

impl Results {
    fn write<'m>(&'m self, element: Element<'m>) -> Element<'m> {
        let element = references(element, self.message_ref, &self.command_ref);
        targets(element, &self.targets, &self.sources).with_all(write_items(&self.items))
    }
}

fn references<'m>(mut element: Element<'m>, message: u32, command: &'m str) -> Element<'m> {
    if message != 0 {
        element = element.with_leaf("MsgRef", message.to_string());
    }
    element.with_leaf("CmdRef", command)
}

fn targets<'m>(element: Element<'m>, targets: &'m [String], sources: &'m [String]) -> Element<'m> {
    let targets = targets.iter().map(|uri| Element::leaf("TargetRef", uri));
    element.with_all(targets).with_all(sources.iter().map(|uri| Element::leaf("SourceRef", uri)))
}

fn write_items(items: &[Item]) -> impl Iterator<Item = Element<'_>> {
    items.iter().map(Item::to_element)
}

impl Item {
    fn to_element(&self) -> Element<'_> {
        let mut item = Element::new("Item");
        item = item.with_all(self.target.iter().map(|target| target.to_element("Target")));
        item = item.with_all(self.source.iter().map(|source| source.to_element("Source")));
        item = item.with_all(meta(self.meta.fields()));
        let is_wbxml = self.meta.type_name.as_deref() == Some(TREE_IN_WBXML);
        item = item.with_all(self.data.iter().map(|data| data.to_element(is_wbxml)));
        if self.more_data {
            item = item.with(Element::new("MoreData"));
        }
        item
    }
}

impl Meta {
    fn fields(&self) -> Vec<Element<'_>> {
        let text = |name: &'static str, text: &'_ Option<String>| text.clone().map(|text| meta_leaf(name, text));
        let size = self.size.map(|size| meta_leaf("Size", size.to_string()));
        let fields = [text("Format", &self.format), text("Type", &self.type_name), text("Mark", &self.mark), size];
        fields.into_iter().flatten().collect()
    }
}

impl Data {
    /// Writes a tree as the Type of the item says: as octets of its own, base64 in XML, or else in the form of the
    /// message, on a code page that libwbxml and Wireshark do not know.
    fn to_element(&self, is_wbxml: bool) -> Element<'_> {
        match self {
            Self::Tree(tree)
                if is_wbxml && let Ok(octets) = codec::write_wbxml(tree, &DDF, &WbxmlOptions::default()) =>
            {
                Element::octets("Data", octets)
            }
            Self::Text(text) => Element::leaf("Data", text),
            Self::Octets(octets) => Element::octets("Data", octets),
            Self::Tree(tree) => {
                let mut tree: Element<'_> = (**tree).clone();
                if tree.attribute("xmlns").is_none() {
                    tree = tree.with_attribute("xmlns", TREE_NAMESPACE);
                }
                Element::new("Data").with(tree)
            }
        }
    }
}
