//! Rules SYN: a SyncML DM message for itself.

use crate::diagnose::{Diagnostic, Report, Rule, Severity};
use crate::dm::syncml::{is_command, not_a_message};
use crate::document::Element;

/// A message with these commands.
macro_rules! message {
    ($($command:expr),* $(,)?) => {
        concat!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\">\n<SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>",
            "<SessionID>1</SessionID><MsgID>1</MsgID>\n  <Target><LocURI>IMEI:493005100592800</LocURI></Target>",
            "<Source><LocURI>https://dm.example</LocURI></Source>\n</SyncHdr>\n<SyncBody>\n",
            $($command,)* "<Final/></SyncBody>\n</SyncML>\n"
        )
    };
}

macro_rules! delete {
    ($id:literal) => {
        concat!("<Delete><CmdID>", $id, "</CmdID><Item><Target><LocURI>./Inbox/1</LocURI></Target></Item></Delete>\n")
    };
}

pub(in crate::dm) const NOT_A_MESSAGE: Rule = Rule {
    code: "SYN001",
    name: "not-a-message",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, \"SyncML\"",
    summary: "the document is no message that can be read",
    help: "a message is `SyncML` with a SyncHdr and a SyncBody; a command for itself may be checked as a fragment",
    bad: "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncBody><Final/></SyncBody></SyncML>\n",
    good: message!(delete!("1")),
};

pub(in crate::dm) const NESTED: Rule = Rule {
    code: "SYN004",
    name: "command-in-container",
    severity: Severity::Error,
    clause: "DM Representation Protocol 1.2, \"Atomic\", \"Sequence\"",
    summary: "the command may not stand inside an Atomic or a Sequence",
    help: "an Atomic takes Add, Delete, Copy, Replace and Alert; put a Get behind it and a second Atomic beside it",
    bad: message!("<Atomic><CmdID>1</CmdID><Atomic><CmdID>2</CmdID>", delete!("3"), "</Atomic></Atomic>"),
    good: message!("<Atomic><CmdID>1</CmdID>", delete!("2"), "</Atomic>"),
};

/// Reports what is wrong with a message.
pub(in crate::dm) fn check(root: &Element<'_>, report: &mut Report) {
    if let Some(finding) = not_a_message(root) {
        report.add(finding);
    }
    for body in root.children_named("SyncBody") {
        container(body, report);
    }
}

fn container(parent: &Element<'_>, report: &mut Report) {
    for command in parent.children.iter().filter(|child| is_command(parent, child)) {
        let is_container = matches!(command.name.as_ref(), "Atomic" | "Sequence");
        let is_refused = match parent.name.as_ref() {
            "Atomic" => !matches!(command.name.as_ref(), "Add" | "Delete" | "Copy" | "Replace" | "Alert" | "Sequence"),
            _ => false,
        };
        if is_refused {
            let message = format!("`{}` may not stand inside an Atomic", command.name);
            report.add(Diagnostic::new(&NESTED, command.span, message).at(command.name.clone()));
        }
        if is_container {
            container(command, report);
        }
    }
}
