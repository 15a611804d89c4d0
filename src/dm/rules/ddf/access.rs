//! Rules DDF020, DDF021 and DDF023 to DDF028: how often a node is there, whether it stays, what servers may do with it.

use super::super::super::acl::Command;
use super::super::super::ddf::Occurrence;
use super::super::super::is_secret;
use super::super::super::node::Format;
use super::examples::{GOOD, GOOD_INTERIOR};
use super::facts::Facts;
use super::{Above, Walk};
use crate::diagnose::{Diagnostic, Rule, Severity};
use crate::document::shorten;

/// DFProperties of a leaf with an Occurrence.
macro_rules! occurring {
    ($occurrence:literal) => {
        properties!(
            "<DFFormat><chr/></DFFormat><Occurrence><",
            $occurrence,
            "/></Occurrence><DFType><MIME>text/plain</MIME></DFType>"
        )
    };
}

/// DFProperties of a node with commands and a Scope.
macro_rules! scoped {
    ($access:literal, $scope:literal, $format:literal, $kind:literal) => {
        allowing!(
            $access,
            "<DFFormat><",
            $format,
            "/></DFFormat><Scope><",
            $scope,
            "/></Scope><DFType>",
            $kind,
            "</DFType>"
        )
    };
}

pub(super) const UNNAMED_ONCE: Rule = Rule {
    code: "DDF020",
    name: "unnamed-once",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\"",
    summary: "a node without a name is there at most once",
    help: "give it a name, or say ZeroOrMore or OneOrMore",
    bad: example!(interior!("Con", node!("", occurring!("ZeroOrOne")))),
    good: example!(interior!("Con", node!("", occurring!("ZeroOrMore")))),
};

pub(super) const NAMED_OFTEN: Rule = Rule {
    code: "DDF021",
    name: "named-often",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\"",
    summary: "a node with a name is there several times; a name stands once below a parent",
    help: "say One or ZeroOrOne, or leave the name empty",
    bad: example!(interior!("Con", node!("Name", occurring!("ZeroOrMore")))),
    good: example!(interior!("Con", node!("Name", occurring!("ZeroOrOne")))),
};

pub(super) const PERMANENT_CHANGED: Rule = Rule {
    code: "DDF023",
    name: "permanent-changed",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Scope\"",
    summary: "servers can neither add nor delete a permanent node",
    help: "take Add and Delete out of the AccessType, or say Dynamic",
    bad: example!(node!("Name", scoped!("<Add/><Get/>", "Permanent", "chr", "<MIME>text/plain</MIME>"))),
    good: example!(node!("Name", scoped!("<Get/>", "Permanent", "chr", "<MIME>text/plain</MIME>"))),
};

pub(super) const PERMANENT_PLACE: Rule = Rule {
    code: "DDF024",
    name: "permanent-below-dynamic",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"Scope\"",
    summary: "a permanent node goes with its dynamic parent, or has no name of its own",
    help: "say Dynamic, or make the parent permanent; a permanent node is built in and has its name",
    bad: example!(node!(
        "Con",
        scoped!("<Add/><Get/>", "Dynamic", "node", "<DDFName/>"),
        "\n",
        node!("Name", scoped!("<Get/>", "Permanent", "chr", "<MIME>text/plain</MIME>"))
    )),
    good: example!(node!(
        "Con",
        scoped!("<Get/>", "Permanent", "node", "<DDFName/>"),
        "\n",
        node!("Name", scoped!("<Get/>", "Permanent", "chr", "<MIME>text/plain</MIME>"))
    )),
};

pub(super) const NOT_MADE: Rule = Rule {
    code: "DDF025",
    name: "nobody-adds",
    severity: Severity::Note,
    clause: "DM Tree and Description 1.2, DDF, \"AccessType\"",
    summary: "a dynamic node has no Add: only the device makes it",
    help: "add `<Add/>` to its AccessType where servers are to make it",
    bad: example!(node!("Name", scoped!("<Get/>", "Dynamic", "chr", "<MIME>text/plain</MIME>"))),
    good: example!(node!("Name", scoped!("<Add/><Get/>", "Dynamic", "chr", "<MIME>text/plain</MIME>"))),
};

pub(super) const INTERIOR_COMMAND: Rule = Rule {
    code: "DDF026",
    name: "command-on-interior-node",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"AccessType\"",
    summary: "Exec and Copy are for leaves; DM 1.2 copies leaves only",
    help: "take the command out, or give it to a leaf below",
    bad: example!(node!("Con", allowing!("<Copy/><Get/>", inner!()), "\n", leaf!())),
    good: GOOD_INTERIOR,
};

pub(super) const UNREADABLE_INTERIOR: Rule = Rule {
    code: "DDF027",
    name: "unreadable-interior-node",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"AccessType\"",
    summary: "an interior node without Get hides the names of its children",
    help: "add `<Get/>`; only places such as the Inbox are written and never read",
    bad: example!(node!("Con", allowing!("<Add/>", inner!()), "\n", leaf!())),
    good: GOOD_INTERIOR,
};

pub(super) const READABLE_SECRET: Rule = Rule {
    code: "DDF028",
    name: "readable-secret-described",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"AccessType\"; impskit's list of names of secrets",
    summary: "a leaf whose name is that of a secret can be read",
    help: "take Get out of the AccessType: servers write secrets and never read them",
    bad: example!(leaf!("Password")),
    good: GOOD,
};

/// Returns whether values of a format may be secrets: a leaf such as `AllowSimplePassword` holds a number or a truth value.
fn may_hold_a_secret(format: Format) -> bool {
    matches!(format, Format::Chr | Format::Bin | Format::B64 | Format::Xml)
}

impl<'e> Walk<'_, 'e> {
    pub(super) fn check_access(&mut self, facts: &Facts<'e>, above: &Above) {
        let Some(properties) = facts.properties else { return };
        self.check_occurrence(facts);
        let span = facts.access_type.unwrap_or(properties).span;
        let adds = facts.allows(Command::Add);
        match facts.is_permanent {
            Some(true) => self.check_permanent(facts, above),
            Some(false) if facts.access_type.is_some() && !adds => {
                self.tally(&NOT_MADE, span, "no server can make this dynamic node, only the device");
            }
            _ => {}
        }
        if facts.is_interior() {
            for command in [Command::Exec, Command::Copy].into_iter().filter(|command| facts.allows(*command)) {
                let message = format!("an interior node takes {}", command.as_str());
                self.add(&INTERIOR_COMMAND, span, message);
            }
            let is_read = facts.allows(Command::Get) || facts.access_type.is_none();
            if !is_read && !above.is_inbox && !facts.is_inbox() {
                self.add(&UNREADABLE_INTERIOR, span, "an interior node has no Get: its children cannot be listed");
            }
        } else if is_secret(facts.name) && facts.allows(Command::Get) && facts.format.is_none_or(may_hold_a_secret) {
            // In an IMPS object these two are rule MO008.
            if !(above.is_imps && matches!(facts.name, "AAuthSecret" | "AAuthData")) {
                self.add(&READABLE_SECRET, span, format!("`{}` can be read with Get", shorten(facts.name)));
            }
        }
    }

    fn check_occurrence(&mut self, facts: &Facts<'e>) {
        let occurrence = facts.occurrence.unwrap_or(Occurrence::One);
        let span = facts.occurrence_element.unwrap_or(facts.element).span;
        let is_once = matches!(occurrence, Occurrence::One | Occurrence::ZeroOrOne);
        if facts.name.is_empty() && is_once && facts.name_element.is_some() {
            let times = if occurrence == Occurrence::One { "exactly" } else { "at most" };
            self.add(&UNNAMED_ONCE, span, format!("a node without a name is there {times} once"));
        } else if !facts.name.is_empty() && !is_once {
            let message = format!("`{}` may be there {occurrence} times; a name stands once", shorten(facts.name));
            let finding = Diagnostic::new(&NAMED_OFTEN, span, message);
            self.tell(match facts.name {
                "*" => finding.help("leave the NodeName empty where any name may stand: `*` is a name like others"),
                _ => finding,
            });
        }
    }

    fn check_permanent(&mut self, facts: &Facts<'e>, above: &Above) {
        let Some(scope) = facts.scope else { return };
        let commands: Vec<_> = [Command::Add, Command::Delete].into_iter().filter(|c| facts.allows(*c)).collect();
        if let Some(access) = facts.access_type.filter(|_| !commands.is_empty()) {
            let words: Vec<_> = commands.iter().map(|command| command.as_str()).collect();
            self.add(&PERMANENT_CHANGED, access.span, format!("a permanent node takes {}", words.join(" and ")));
        }
        if facts.name.is_empty() && facts.name_element.is_some() {
            self.add(&PERMANENT_PLACE, scope.span, "a permanent node has no name");
        } else if above.is_dynamic {
            self.add(&PERMANENT_PLACE, scope.span, "a permanent node stands below a dynamic one");
        }
    }
}
