//! Rules SYN009, SYN014 to SYN017, SYN019, SYN021 and SYN022, and part of SYN002: what each command says.

use super::super::super::device::{Part, Target};
use super::super::super::status::Status;
use super::super::super::syncml::{AlertCode, COMMANDS, META_NAMESPACE, Meta, TREE_TYPE};
use super::form::MISSING;
use super::{Findings, Placed};
use crate::diagnose::{Diagnostic, Rule, Severity, Span};
use crate::document::{Element, shorten};

macro_rules! status {
    ($id:literal, $reference:literal, $command:literal, $code:literal) => {
        concat!(
            "<Status><CmdID>",
            $id,
            "</CmdID><MsgRef>1</MsgRef><CmdRef>",
            $reference,
            "</CmdRef><Cmd>",
            $command,
            "</Cmd><Data>",
            $code,
            "</Data></Status>\n"
        )
    };
}

macro_rules! alert {
    ($code:literal, $($rest:literal)*) => {
        concat!("<Alert><CmdID>1</CmdID><Data>", $code, "</Data>", $($rest,)* "</Alert>\n")
    };
}

const GOOD: &str = message!(delete!("1"));

pub(super) const UNUSED: Rule = Rule {
    code: "SYN009",
    name: "not-in-device-management",
    severity: Severity::Warning,
    clause: "DM Representation Protocol 1.2, list of what is not used",
    summary: "the command or element is of data synchronisation",
    help: "device management has Add, Replace, Delete, Get, Copy, Exec, Alert, Atomic, Sequence, Status and Results",
    bad: message!("<Delete><CmdID>1</CmdID><NoResp/>", item!("./Inbox/1",), "</Delete>\n"),
    good: GOOD,
};

pub(super) const NOT_ESCAPED: Rule = Rule {
    code: "SYN014",
    name: "data-not-escaped",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, \"Data\"",
    summary: "XML in the data of an item is not escaped",
    help: "write `&lt;` for `<`, or put the data into a CDATA section; only a `MgmtTree` may stand there as it is",
    bad: message!(command!(
        "Replace",
        "1",
        item!("./Vendor/Config", "<Meta><Format xmlns=\"syncml:metinf\">xml</Format></Meta><Data><config/></Data>")
    )),
    good: message!(command!(
        "Replace",
        "1",
        item!("./Vendor/Config", "<Meta><Format xmlns=\"syncml:metinf\">xml</Format></Meta><Data>&lt;config/></Data>")
    )),
};

pub(super) const ILLEGAL_ADDRESS: Rule = Rule {
    code: "SYN015",
    name: "illegal-address",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"URI\"",
    summary: "a LocURI is not the address of a node",
    help: "write `./A/B`: no `/` at the end, no `..`, no blanks; behind `?` stands `prop=` with a property or `list=`",
    bad: message!(command!("Delete", "1", item!("./Inbox/1/",))),
    good: GOOD,
};

pub(super) const STATUS_CODE: Rule = Rule {
    code: "SYN016",
    name: "status-code",
    severity: Severity::Warning,
    clause: "DM Representation Protocol 1.2, status codes of each command",
    summary: "the status code is not known, or not one that the command is answered with",
    help: "`impskit explain syncml:CODE` says what a code means and which commands list it",
    bad: message!(status!("1", "0", "SyncHdr", "299")),
    good: message!(status!("1", "0", "SyncHdr", "200")),
};

pub(super) const ALERT: Rule = Rule {
    code: "SYN017",
    name: "alert",
    severity: Severity::Error,
    clause: "DM Protocol 1.2, \"Alert\"",
    summary: "the alert is not known, or not whole",
    help: "`impskit explain syncml:alert-1201` says what an alert means; 1224 and 1226 have items with Meta Type and Format",
    bad: message!(alert!("1226", "\n  <Item><Data>1</Data></Item>\n")),
    good: message!(alert!("1201",)),
};

pub(super) const META_NAMESPACE_MISSING: Rule = Rule {
    code: "SYN019",
    name: "meta-namespace",
    severity: Severity::Warning,
    clause: "SyncML Meta-Information 1.2, namespace",
    summary: "what is in a Meta is not in the namespace `syncml:metinf`",
    help: "write `<Format xmlns=\"syncml:metinf\">`",
    bad: message!(command!("Add", "1", item!("./A", "<Meta><Format>node</Format></Meta>"))),
    good: message!(command!("Add", "1", item!("./A", meta!("node")))),
};

pub(super) const LARGE_OBJECT: Rule = Rule {
    code: "SYN021",
    name: "large-object",
    severity: Severity::Error,
    clause: "DM Protocol 1.2, \"Large object handling\"",
    summary: "an object goes on in the next message, but this one does not end with it",
    help: "put the part last, without Final; the first part says the Size of the whole",
    bad: message!(command!("Replace", "1", item!("./A", meta!("chr"), "<Data>x</Data><MoreData/>"))),
    good: message!(command!("Replace", "1", item!("./A", meta!("chr"), "<Data>x</Data>"))),
};

pub(super) const STATUS_REFERENCE: Rule = Rule {
    code: "SYN022",
    name: "status-reference",
    severity: Severity::Warning,
    clause: "DM Protocol 1.2, packages; SyncML Representation Protocol 1.2, \"CmdRef\"",
    summary: "a Status does not say which command it answers, or does not stand where it should",
    help: "the Status of the header comes first, with CmdRef 0 and Cmd SyncHdr; others name CmdID and name of a command",
    bad: message!(status!("1", "1", "SyncHdr", "200")),
    good: message!(status!("1", "0", "SyncHdr", "200")),
};

/// Elements of a command that device management does not use.
const UNUSED_PARTS: [&str; 6] = ["Archive", "Lang", "NoResp", "NoResults", "NumberOfChanges", "SftDel"];

/// Commands that device management does not use; Move is not in the list of the standard, and came with filters.
const UNUSED_COMMANDS: [&str; 5] = ["Map", "Move", "Put", "Search", "Sync"];

/// Reports what is wrong with what the commands say.
pub(super) fn check(root: &Element<'_>, commands: &[Placed<'_, '_>], findings: &mut Findings<'_>) {
    let mut is_told = false;
    for command in commands {
        findings.path = vec![command.path.clone()];
        unused(command, findings);
        metas(command, &mut is_told, findings);
        items(command, findings);
        match command.name() {
            "Status" => status(command, findings),
            "Alert" => alert(command, findings),
            _ => {}
        }
    }
    order_of_answers(commands, findings);
    large_object(root, commands, findings);
}

fn unused(command: &Placed<'_, '_>, findings: &mut Findings<'_>) {
    let name = command.name();
    if UNUSED_COMMANDS.contains(&name) {
        let message = format!("device management has no `{name}`");
        findings.add(&UNUSED, command.element.span, Severity::Warning, message);
    }
    for part in command.element.children.iter().filter(|child| UNUSED_PARTS.contains(&child.name.as_ref())) {
        let message = format!("device management has no `{}`", part.name);
        findings.add(&UNUSED, part.span, Severity::Note, message);
    }
}

/// Looks at the namespaces of meta information, of which what is missing is told once.
fn metas(command: &Placed<'_, '_>, is_told: &mut bool, findings: &mut Findings<'_>) {
    let items = command.element.children.iter().filter(|child| child.name == "Item");
    for holder in std::iter::once(command.element).chain(items) {
        let Some(meta) = holder.child("Meta") else { continue };
        let outer = meta.attribute("xmlns");
        for field in &meta.children {
            match field.attribute("xmlns").or(outer) {
                Some(META_NAMESPACE) => {}
                Some(other) => {
                    let message = format!("`{}` is in the namespace `{}`", field.name, shorten(other));
                    findings.add(&META_NAMESPACE_MISSING, field.span, Severity::Note, message);
                }
                None if !*is_told && is_bare(field) => {
                    *is_told = true;
                    let message = format!("`{}` is in no namespace of its own", field.name);
                    findings.add(&META_NAMESPACE_MISSING, field.span, Severity::Note, message);
                }
                None => {}
            }
        }
    }
}

/// Returns whether the start of an element is its name alone: one with a prefix is longer.
fn is_bare(element: &Element<'_>) -> bool {
    let start = element.content_span.start.saturating_sub(element.span.start) as usize;
    element.name != "MetInf" && start <= element.name.len() + 2
}

fn items(command: &Placed<'_, '_>, findings: &mut Findings<'_>) {
    for (item, meta) in command.items() {
        wanted(command.name(), item, &meta, findings);
        addresses(command.name(), item, findings);
        if let Some(data) = item.child("Data")
            && let Some(child) = data.children.iter().find(|child| !may_stand_in_data(child))
        {
            // Those who write `xml` for the format mean it, and many clients take it.
            let message = format!("`{}` stands in the data as an element", child.name);
            findings.add(&NOT_ESCAPED, data.span, Severity::Warning, message);
        }
    }
}

fn may_stand_in_data(element: &Element<'_>) -> bool {
    matches!(element.name.as_ref(), "MgmtTree" | "DevInf" | "Anchor" | "MetInf")
}

/// Reports what an item lacks for its command.
fn wanted(command: &str, item: &Element<'_>, meta: &Meta, findings: &mut Findings<'_>) {
    let has = |name: &str| item.descend(&[name, "LocURI"]).is_some_and(|uri| !uri.is_empty());
    let missing = match command {
        "Add" | "Get" | "Delete" | "Exec" if !has("Target") => "Target",
        "Copy" if !has("Target") => "Target",
        "Copy" if !has("Source") => "Source",
        // A device names its own nodes as sources.
        "Replace" if !has("Target") && !has("Source") => "Target",
        "Results" if !has("Source") => "Source",
        _ => "",
    };
    if !missing.is_empty() {
        let message = format!("the item of `{command}` has no {missing} with a LocURI");
        findings.error(&MISSING, item.span, message);
    } else if command == "Add" && meta.format.is_none() && !is_tree(item, meta) {
        let finding = Diagnostic::new(&MISSING, item.span, "Meta Format is missing: `chr` is meant");
        let finding = finding.severity(Severity::Warning).at(findings.path.join("/"));
        findings
            .report
            .add(finding.help("say what the new node is: `node` for an interior node").lenient(Severity::Note));
    }
}

fn is_tree(item: &Element<'_>, meta: &Meta) -> bool {
    item.descend(&["Data", "MgmtTree"]).is_some()
        || meta.type_name.as_deref().is_some_and(|name| name.starts_with(TREE_TYPE))
}

fn addresses(command: &str, item: &Element<'_>, findings: &mut Findings<'_>) {
    let sides: &[&str] = match command {
        "Add" | "Replace" | "Get" | "Delete" | "Exec" => &["Target"],
        "Copy" => &["Target", "Source"],
        "Results" => &["Source"],
        _ => return,
    };
    for side in sides {
        let Some(uri) = item.descend(&[side, "LocURI"]).filter(|uri| !uri.is_empty()) else { continue };
        match Target::read(uri.trimmed()) {
            Err(refusal) => findings.error(&ILLEGAL_ADDRESS, uri.span, refusal.why),
            Ok(target) => part(command, &target.part, uri.span, findings),
        }
    }
}

/// Reports a part of a node that the command is not about (DM Tree and Description 1.2, "Properties of nodes").
fn part(command: &str, part: &Part, span: Span, findings: &mut Findings<'_>) {
    let message = match part {
        Part::Unknown(text) => {
            let message = format!("`?{}` asks for no property and no list that is known", shorten(text));
            return findings.add(&ILLEGAL_ADDRESS, span, Severity::Warning, message);
        }
        Part::Property(property) if command == "Replace" && property.is_replaceable() => return,
        Part::Property(property) if !matches!(command, "Get" | "Results") => {
            format!("`{command}` is not for the property {}; a device answers 405", property.as_str())
        }
        Part::List(_) if !matches!(command, "Get" | "Results") => format!("`{command}` is not for a list"),
        _ => return,
    };
    findings.error(&ILLEGAL_ADDRESS, span, message);
}

fn status(command: &Placed<'_, '_>, findings: &mut Findings<'_>) {
    let text = |name: &str| command.element.child_text(name).unwrap_or_default();
    let (name, reference) = (text("Cmd"), text("CmdRef"));
    let span = command.element.child("CmdRef").map_or(command.element.span, |reference| reference.span);
    if !name.is_empty() && !reference.is_empty() && (name == "SyncHdr") != (reference == "0") {
        let message = format!("CmdRef is {} beside Cmd `{}`", shorten(reference), shorten(name));
        findings.add(&STATUS_REFERENCE, span, Severity::Warning, message);
    } else if !name.is_empty() && name != "SyncHdr" && !COMMANDS.contains(&name) && !UNUSED_COMMANDS.contains(&name) {
        let message = format!("Cmd `{}` is no command", shorten(name));
        findings.add(&STATUS_REFERENCE, span, Severity::Warning, message);
    }
    let Some(data) = command.element.child("Data").filter(|data| !data.is_empty()) else { return };
    let known = data.trimmed().parse().ok().and_then(Status::of);
    match known {
        None => {
            let message = format!("`{}` is no status code of SyncML", shorten(data.trimmed()));
            findings.add(&STATUS_CODE, data.span, Severity::Note, message);
        }
        Some(status) if !is_listed(status, name) => {
            let message = format!("{} ({}) is not listed among the answers to {name}", status.code, status.name);
            let finding = Diagnostic::new(&STATUS_CODE, data.span, message).severity(Severity::Note);
            findings.report.add(finding.at(command.path.clone()).lenient(Severity::Note));
        }
        Some(_) => {}
    }
}

/// Returns whether the text of a command lists the code; those of the others list none.
fn is_listed(status: &Status, command: &str) -> bool {
    let has_list = super::super::super::STATUSES.iter().any(|row| is_used_by(row, command));
    !has_list || is_used_by(status, command)
}

fn is_used_by(status: &Status, command: &str) -> bool {
    status.used_by.split(',').any(|name| name.trim_ascii() == command)
}

fn alert(command: &Placed<'_, '_>, findings: &mut Findings<'_>) {
    let Some(data) = command.element.child("Data").filter(|data| !data.is_empty()) else {
        return findings.error(&ALERT, command.element.span, "the alert says no code");
    };
    let Some(alert) = data.trimmed().parse().ok().and_then(AlertCode::of) else {
        let message = format!("`{}` is no alert of device management", shorten(data.trimmed()));
        return findings.add(&ALERT, data.span, Severity::Warning, message);
    };
    let items: Vec<_> = command.items().collect();
    let least = match alert.code {
        1100..=1102 => 2,
        1103 | 1104 => 3,
        1224 | 1226 => 1,
        _ => 0,
    };
    if items.len() < least {
        let message = format!("{} ({}) wants {least} items, this has {}", alert.code, alert.name, items.len());
        findings.add(&ALERT, command.element.span, Severity::Warning, message);
    }
    for (item, meta) in items.iter().filter(|_| matches!(alert.code, 1224 | 1226)) {
        event(item, meta, alert, findings);
    }
}

/// Reports what an item of a client event or generic alert lacks.
fn event(item: &Element<'_>, meta: &Meta, alert: &AlertCode, findings: &mut Findings<'_>) {
    let missing = match (&meta.type_name, &meta.format) {
        (None, None) => "Meta Type and Format",
        (None, _) => "Meta Type",
        (_, None) => "Meta Format",
        _ => "",
    };
    if !missing.is_empty() {
        let message = format!("the item of {} ({}) has no {missing}", alert.code, alert.name);
        findings.add(&ALERT, item.span, Severity::Warning, message);
    }
    const MARKS: [&str; 7] = ["fatal", "critical", "major", "minor", "warning", "informational", "harmless"];
    if let Some(mark) = meta.mark.as_deref().filter(|mark| !MARKS.contains(mark) && *mark != "indeterminate") {
        let message = format!("`{}` is no importance of an alert", shorten(mark));
        findings.add(&ALERT, item.span, Severity::Warning, message);
    }
}

/// Reports a message whose first answer is not that to the header.
fn order_of_answers(commands: &[Placed<'_, '_>], findings: &mut Findings<'_>) {
    let is_header = |command: &Placed<'_, '_>| command.element.child_text("Cmd") == Some("SyncHdr");
    let first = commands.iter().position(|command| command.name() == "Status");
    let header = commands.iter().position(|command| command.name() == "Status" && is_header(command));
    if let (Some(first), Some(header)) = (first, header)
        && (first != header || first != 0)
    {
        findings.path = vec![commands[header].path.clone()];
        let message = "the Status of the header does not come first";
        findings.add(&STATUS_REFERENCE, commands[header].element.span, Severity::Note, message);
    }
}

fn large_object(root: &Element<'_>, commands: &[Placed<'_, '_>], findings: &mut Findings<'_>) {
    let has_more = |item: &&Element<'_>| item.child("MoreData").is_some();
    let final_element = root.descend(&["SyncBody", "Final"]);
    for (i, command) in commands.iter().enumerate() {
        let items: Vec<_> = command.element.children_named("Item").collect();
        let Some(at) = items.iter().position(has_more) else { continue };
        findings.path = vec![command.path.clone()];
        let more = items[at].child("MoreData").map_or(items[at].span, |more| more.span);
        if at + 1 < items.len() || i + 1 < commands.len() {
            findings.add(&LARGE_OBJECT, more, Severity::Warning, "something stands behind a part of a large object");
        } else if final_element.is_some() {
            findings.add(&LARGE_OBJECT, more, Severity::Warning, "Final ends a package in which an object goes on");
        }
        if let Some(data) = items[at].child("Data").filter(|data| data.is_empty()) {
            findings.add(&LARGE_OBJECT, data.span, Severity::Warning, "a part of a large object is empty");
        }
    }
}
