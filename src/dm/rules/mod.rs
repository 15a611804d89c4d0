//! Rules of device management documents: DDF for descriptions, TRE for trees, MO for IMPS accounts in them,
//! SYN for messages.
//!
//! A `MgmtTree` is a description where any node has DFProperties, a serialised tree elsewhere.

mod address;
mod against;
mod ddf;
mod imps;
mod syncml;
mod tree;
mod vendor;

use crate::diagnose::{Report, Rule};
use crate::document::Element;

pub use against::check_against;
pub(super) use ddf::{ACL_GRAMMAR, NOT_A_DESCRIPTION};
pub(super) use syncml::{NESTED, NOT_A_MESSAGE, VERSIONS_DIFFER, check_device_information};
pub use syncml::{RULES as MESSAGE_RULES, check_message};
pub use tree::check_tree;
pub(super) use tree::{FORMAT_DIFFERS, ILLEGAL_NAME, NOT_A_TREE, TOO_MANY, VALUE_DOES_NOT_FIT};
pub(crate) use vendor::{GRAMMAR as VENDOR_GRAMMAR, NAMESPACES as VENDOR_NAMESPACES};

use super::ddf::Description;
use super::uri::UriLimits;
use super::{DDF, serialise};
use crate::codec::Document;

/// The rules of device descriptions.
pub const DESCRIPTION_RULES: &[&Rule] = ddf::RULES;

/// The rules of trees, and of the IMPS accounts in them.
pub const RULES: &[&Rule] = &[
    &NOT_A_TREE,
    &tree::NOT_DESCRIBED,
    &tree::MISSING,
    &TOO_MANY,
    &FORMAT_DIFFERS,
    &VALUE_DOES_NOT_FIT,
    &tree::NOWHERE,
    &ILLEGAL_NAME,
    &imps::TYPE,
    &imps::APPID,
    &imps::NO_ADDRESS,
    &imps::ADDRESS_FORM,
    &imps::PORT,
    &imps::REFERENCE,
    &imps::PREFERRED_REFERENCE,
    &imps::READABLE_SECRET,
    &imps::SECRET_WITHOUT_NAME,
    &imps::LEVEL_TWICE,
    &imps::SERVICES,
    &imps::CONTENT_TYPES,
    &imps::UNKNOWN_NODE,
    &imps::INNER_TYPE,
    &imps::LEVEL,
    &vendor::VENDOR,
    &against::NOT_THE_STANDARD,
];

/// Reports what is wrong with a `MgmtTree`, a tree against the bundled descriptions.
pub(super) fn check(root: &Element<'_>, report: &mut Report) {
    check_document(root, Description::bundled(), report);
}

/// Reports everything that is wrong with a `MgmtTree`: its structure, and what is in it; a tree against `descriptions`.
pub fn check_document(root: &Element<'_>, descriptions: &[&Description], report: &mut Report) {
    if is_tree(root) {
        DDF.grammar.check(root, "", &ddf::STRUCTURE, report);
        if let Some(tree) = serialise::from_element(root, report) {
            check_tree(&tree, descriptions, report);
        }
    } else {
        ddf::check(root, report);
        vendor::check(root, report);
    }
}

/// Reports everything that is wrong with a description, with changes that mend it. `limits` are those of the device for
/// addresses; where absent, those that the description itself gives to `./DevDetail/URI`.
pub(crate) fn check_description(document: &Document<'_>, limits: Option<UriLimits>, report: &mut Report) {
    ddf::check_document(document, limits, report);
    vendor::check(&document.root, report);
}

/// Returns whether a `MgmtTree` is a serialised tree and not a description. One without any node is what its namespace
/// says: trees have one, descriptions have none.
pub fn is_tree(root: &Element<'_>) -> bool {
    match root.child("Node") {
        _ if root.name == "Node" => !is_described(root),
        None => root.attribute("xmlns").is_some() && root.name != "DFProperties",
        Some(_) => !is_described(root),
    }
}

fn is_described(element: &Element<'_>) -> bool {
    element.children.iter().any(|child| child.name == "DFProperties" || (child.name == "Node" && is_described(child)))
}
