//! What one node says, collected once.

use super::super::super::acl::Command;
use super::super::super::ddf::{Access, Occurrence};
use super::super::super::node::Format;
use crate::document::Element;

/// What one node says. What it does not say, or says in no way that is known, is `None`.
pub(super) struct Facts<'e> {
    pub(super) element: &'e Element<'e>,
    /// The name; empty where it is given when the node is made.
    pub(super) name: &'e str,
    pub(super) name_element: Option<&'e Element<'e>>,
    pub(super) path: Option<&'e Element<'e>>,
    pub(super) value: Option<&'e Element<'e>>,
    pub(super) has_children: bool,
    pub(super) run_time: Option<RunTime<'e>>,
    pub(super) properties: Option<&'e Element<'e>>,
    pub(super) access_type: Option<&'e Element<'e>>,
    pub(super) default: Option<&'e Element<'e>>,
    pub(super) format_element: Option<&'e Element<'e>>,
    pub(super) format: Option<Format>,
    pub(super) occurrence_element: Option<&'e Element<'e>>,
    pub(super) occurrence: Option<Occurrence>,
    pub(super) scope: Option<&'e Element<'e>>,
    pub(super) is_permanent: Option<bool>,
    pub(super) kind: Option<&'e Element<'e>>,
    pub(super) ignores_case: Option<bool>,
}

/// What the RTProperties of a node say.
pub(super) struct RunTime<'e> {
    pub(super) element: &'e Element<'e>,
    pub(super) acl: Option<&'e Element<'e>>,
    pub(super) format_element: Option<&'e Element<'e>>,
    pub(super) format: Option<&'static str>,
    pub(super) name: Option<&'e Element<'e>>,
    pub(super) size: Option<&'e Element<'e>>,
    pub(super) title: Option<&'e Element<'e>>,
    pub(super) time_stamp: Option<&'e Element<'e>>,
    pub(super) kind: Option<&'e Element<'e>>,
    pub(super) version: Option<&'e Element<'e>>,
}

impl<'e> Facts<'e> {
    /// Returns whether it is an interior node: what its format says, else whether it has children.
    pub(super) fn is_interior(&self) -> bool {
        self.format.map_or(self.has_children, |format| format == Format::Node)
    }

    /// Returns the commands that it takes.
    pub(super) fn access(&self) -> Access {
        self.access_type.map(Access::read).unwrap_or_default()
    }

    /// Returns whether it takes `command`; a node without AccessType takes none.
    pub(super) fn allows(&self, command: Command) -> bool {
        self.access_type.is_some_and(|access| access.child(command.as_str()).is_some())
    }

    /// Returns the identifier of the management object whose root it is.
    pub(super) fn identifier(&self) -> Option<&'e str> {
        self.kind?.child_text("DDFName").filter(|name| !name.is_empty())
    }

    /// Returns whether it is the Inbox, into which servers put and from which nobody reads.
    pub(super) fn is_inbox(&self) -> bool {
        self.name == "Inbox" || self.identifier().is_some_and(|moi| moi.contains("oma-dm-inbox"))
    }
}
