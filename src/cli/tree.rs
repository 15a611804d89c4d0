//! Device trees in files: TNDS, or JSON.

use std::path::Path;

use impskit::diagnose::{Report, Source};
use impskit::dm::serialise::{self, JsonOptions};
use impskit::dm::{Description, Tree};
use impskit::error::Result;
use serde_json::Value;

use super::Ui;
use super::ui::read_input;

/// Reads a device tree, `new` for an empty one, and whether it is JSON. Findings go to stderr; with errors there is no
/// tree.
pub(super) fn read_tree(path: &Path, ui: &mut Ui) -> Result<Option<(Tree, bool)>> {
    if path == Path::new("new") {
        return Ok(Some((Tree::new(), false)));
    }
    let (name, octets) = read_input(path)?;
    let mut report = Report::new();
    let tree = serialise::read(&octets, &mut report);
    let is_json = serialise::looks_like_json(&octets);
    ui.findings(&Source::new(name, octets), &report);
    Ok(tree.filter(|_| !report.has_errors()).map(|tree| (tree, is_json)))
}

/// Returns a tree in one of the two forms.
pub(super) fn tree_file(tree: &Tree, is_json: bool, descriptions: &[&Description]) -> Vec<u8> {
    if is_json { tree_json(tree, descriptions).into_bytes() } else { serialise::to_xml(tree) }
}

/// Returns a tree as JSON with the access types of what we know.
pub(super) fn tree_json(tree: &Tree, descriptions: &[&Description]) -> String {
    serialise::to_json(tree, &JsonOptions { descriptions, mask: false })
}

/// Returns the same as part of something larger.
pub(super) fn tree_value(tree: &Tree, descriptions: &[&Description]) -> Value {
    serde_json::from_str(&tree_json(tree, descriptions)).unwrap_or_default()
}
