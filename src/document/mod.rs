//! The one tree, and what a vocabulary says about it.
//!
//! ```text
//! Element ──── the tree: names, attributes, content, spans
//! Grammar ──── which elements exist and what they hold   (a table in a short notation)
//! TokenTable ─ which numbers WBXML has for them          (a table)
//! Vocabulary ─ the two together, with identifiers and checks
//! ```

mod codes;
mod element;
mod grammar;
mod hex;
mod structure;
mod suppression;
mod tokens;
mod value;
mod vocabulary;

pub use codes::{BadRow, Code, CodeTable};
pub use element::{Attribute, Content, Element, is_declaration};
pub(crate) use grammar::Names;
pub use grammar::{Declaration, Grammar, Model, Occurs, Particle};
pub use hex::{LOWER_HEX, UPPER_HEX, from_hex, hex_pair, put_hex};
pub use structure::StructureRules;
pub use suppression::RULES;
pub(crate) use suppression::suppress;
pub use tokens::{AttributeStart, Place, TokenTable};
pub use value::{DateTime, Kind, from_base64, integer};
pub(crate) use value::{boolean, is_media_type, is_xml, mix, same_octets, shorten, to_base64};
pub use vocabulary::{Doctype, PtsForm, PublicId, Vocabulary, WbxmlForm};
