//! What is in a document: nodes of trees and descriptions, settings, commands, tables.

use lsp_types::{DocumentSymbol, SymbolKind};

use super::document::{Document, Syntax};
use super::language::View;
use super::profile;
use crate::dm::{MASK, is_secret};
use crate::document::shorten;

/// Levels that are shown at the most.
const DEPTH: usize = 64;

/// Returns the outline of a document.
pub(super) fn symbols(document: &Document) -> Vec<DocumentSymbol> {
    match document.syntax() {
        Syntax::Xml => {
            let outline = Outline { document, view: View::of(document) };
            outline.view.markup.children(None).flat_map(|node| outline.below(node, 0)).collect()
        }
        Syntax::Toml => profile::symbols(document),
        Syntax::Other => Vec::new(),
    }
}

struct Outline<'d> {
    document: &'d Document,
    view: View<'d>,
}

/// What stands for an element in the outline.
struct Entry {
    name: String,
    detail: Option<String>,
    kind: SymbolKind,
    /// The element whose text is the name.
    named_by: usize,
}

impl Outline<'_> {
    /// Returns the entry of an element with those below it; only those below it where it has none.
    fn below(&self, node: usize, depth: usize) -> Vec<DocumentSymbol> {
        if depth > DEPTH {
            return Vec::new();
        }
        let children = self.view.markup.children(Some(node)).flat_map(|child| self.below(child, depth + 1));
        let children: Vec<_> = children.collect();
        let Some(entry) = self.entry(node) else { return children };
        let place = |node: usize| self.document.text.place(self.view.markup.nodes[node].span.clone());
        let children = (!children.is_empty()).then_some(children);
        vec![symbol(entry.name, entry.detail, entry.kind, place(node), place(entry.named_by), children)]
    }

    fn entry(&self, node: usize) -> Option<Entry> {
        let view = &self.view;
        let entry = |name: &str, detail: Option<String>, kind| {
            let name = if name.trim().is_empty() { view.name(node) } else { name };
            Some(Entry { name: shorten(name), detail, kind, named_by: node })
        };
        match view.name(node) {
            "Node" => Some(self.tree_node(node)),
            "characteristic" => {
                let keys = ["NAME", "APPID", "NAPID", "PROXY-ID"];
                let detail = keys.iter().find_map(|key| self.parm(node, key)).map(|key| shorten(&key));
                entry(&view.attribute(node, "type").unwrap_or_default(), detail, SymbolKind::CLASS)
            }
            "parm" => {
                let name = view.attribute(node, "name").unwrap_or_default();
                let value = view.attribute(node, "value").map(|value| shown(&name, &value));
                entry(&name, value, SymbolKind::PROPERTY)
            }
            name @ ("MgmtTree" | "wap-provisioningdoc" | "SyncML" | "DevInf" | "SyncHdr" | "SyncBody") => {
                let detail = view.child_text(node, "Mod").or_else(|| view.child_text(node, "MsgID"));
                entry(name, detail, SymbolKind::NAMESPACE)
            }
            name @ ("Add" | "Replace" | "Delete" | "Get" | "Copy" | "Exec" | "Alert" | "Status" | "Results"
            | "Atomic" | "Sequence" | "Put" | "Move")
                if self.is_command(node) =>
            {
                entry(name, self.command(node), SymbolKind::METHOD)
            }
            "Item" => {
                let place = |name| view.child(node, name).and_then(|place| view.child_text(place, "LocURI"));
                let uri = place("Target").or_else(|| place("Source"))?;
                entry(&uri, self.data(node, &uri), SymbolKind::FIELD)
            }
            _ => None,
        }
    }

    /// Returns the entry of a node of a description or of a tree: its format, and its value or what may be done with it.
    fn tree_node(&self, node: usize) -> Entry {
        let view = &self.view;
        let named_by = view.child(node, "NodeName");
        let name = named_by.map(|name| view.text_in(name)).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "<X>".to_owned());
        let properties = view.child(node, "DFProperties").map(|p| (p, "DFFormat"));
        let properties = properties.or_else(|| Some((view.child(node, "RTProperties")?, "Format")));
        let format = properties.and_then(|(properties, format)| view.choice(properties, format));
        let has_nodes = view.child(node, "Node").is_some();
        let format = format.unwrap_or(if has_nodes { "node" } else { "chr" });
        let value = view.child_text(node, "Value").map(|value| format!(" = {}", shown(&name, &value)));
        let kind = if format == "node" { SymbolKind::OBJECT } else { SymbolKind::FIELD };
        let detail = Some(format!("{format}{}", value.unwrap_or_default()));
        Entry { name: shorten(&name), detail, kind, named_by: named_by.unwrap_or(node) }
    }

    fn parm(&self, characteristic: usize, name: &str) -> Option<String> {
        let mut children = self.view.markup.children(Some(characteristic));
        let parm = children
            .find(|&child| self.view.attribute(child, "name").is_some_and(|known| known.eq_ignore_ascii_case(name)))?;
        self.view.attribute(parm, "value")
    }

    /// Names of commands are also words of descriptions: `Get` in `AccessType`.
    fn is_command(&self, node: usize) -> bool {
        self.view.markup.nodes[node].parent.is_none_or(|parent| self.view.name(parent) != "AccessType")
    }

    /// Returns what a command is about: its status, or its first target and how many there are.
    fn command(&self, node: usize) -> Option<String> {
        let view = &self.view;
        if view.name(node) == "Status" {
            let of = view.child_text(node, "Cmd").unwrap_or_default();
            return view.child_text(node, "Data").map(|data| format!("{data} {of}").trim_end().to_owned());
        }
        let items: Vec<_> = view.markup.children(Some(node)).filter(|&child| view.name(child) == "Item").collect();
        let Some(&first) = items.first() else { return view.child_text(node, "Data").map(|data| shorten(&data)) };
        let place = |name| view.child(first, name).and_then(|place| view.child_text(place, "LocURI"));
        let uri = place("Target").or_else(|| place("Source")).unwrap_or_default();
        let more = if items.len() > 1 { format!(" and {} more", items.len() - 1) } else { String::new() };
        Some(format!("{}{more}", shorten(&uri)))
    }

    /// Returns the text that an item carries, if it is short text.
    fn data(&self, item: usize, uri: &str) -> Option<String> {
        let data = self.view.child_text(item, "Data").filter(|data| !data.is_empty())?;
        Some(shown(uri.rsplit('/').next().unwrap_or_default(), &data))
    }
}

/// Returns a value as it may be shown.
pub(super) fn shown(name: &str, value: &str) -> String {
    if is_secret(name) && !value.is_empty() { MASK.to_owned() } else { shorten(value) }
}

#[allow(deprecated, reason = "a field of the protocol's own type that must be given")]
pub(super) fn symbol(
    name: String,
    detail: Option<String>,
    kind: SymbolKind,
    range: lsp_types::Range,
    selection_range: lsp_types::Range,
    children: Option<Vec<DocumentSymbol>>,
) -> DocumentSymbol {
    DocumentSymbol { name, detail, kind, tags: None, deprecated: None, range, selection_range, children }
}
