//! Where a walk over a description is, as findings show it.

use std::fmt;

use crate::document::Element;

/// Characters of a name, and of an address, that are shown at the most.
const MOST: (usize, usize) = (60, 600);

/// The address of a described node: `./A/<X>`, or `A/<X>` in a piece of a description that does not say where it hangs.
#[derive(Debug, Default)]
pub(super) struct Address<'e>(Vec<&'e str>);

impl<'e> Address<'e> {
    /// Returns that of what is no node.
    pub(super) fn document() -> Self {
        Self(vec!["MgmtTree"])
    }

    /// Returns the address of what is above the nodes at the top.
    pub(super) fn above(root: &Element<'_>) -> Self {
        Self(if root.name == "MgmtTree" { vec!["."] } else { Vec::new() })
    }

    /// Goes into a node, whose Path counts at the top; returns what [`Self::leave`] wants.
    pub(super) fn enter(&mut self, node: &'e Element<'_>, is_top: bool) -> usize {
        let before = self.0.len();
        if let Some(path) = node.child_text("Path").filter(|_| is_top) {
            if before == 0 {
                self.0.push(".");
            }
            self.0.extend(segments(path));
        }
        match node.child_text("NodeName").unwrap_or_default() {
            "." => {}
            name => self.0.push(name),
        }
        before
    }

    /// Leaves the node again.
    pub(super) fn leave(&mut self, before: usize) {
        self.0.truncate(before);
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut length = 0;
        for (i, name) in self.0.iter().enumerate() {
            if length > MOST.1 {
                break;
            }
            let name = if name.is_empty() { "<X>" } else { &name[..name.floor_char_boundary(MOST.0)] };
            write!(f, "{}{name}", if i > 0 { "/" } else { "" })?;
            length += 1 + name.len();
        }
        Ok(())
    }
}

/// Returns the names in a Path.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}
