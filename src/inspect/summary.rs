//! A document in one line: what kind it is and what it says.

use crate::catalogue;
use crate::codec::{Document, Encoding, Header};
use crate::cp::settings::today;
use crate::delivery::pap::{Control, Message, Says};
use crate::diagnose::text::printable;
use crate::dm::session::notification::{Notification, UiMode};
use crate::document::{Element, shorten};

/// Items of a list that are shown.
const MOST_ITEMS: usize = 8;

/// Returns what stood before the root: public identifier, character set, string table.
pub(super) fn header(header: &Header) -> (String, String) {
    match header.encoding {
        Encoding::Xml => {
            let public = header.public_text.as_ref().map(|text| format!("public id {}", shorten(text)));
            ("XML".to_owned(), public.unwrap_or_else(|| "no document type".to_owned()))
        }
        Encoding::Pts => ("plain text".to_owned(), "CSP plain text syntax".to_owned()),
        Encoding::Wbxml => {
            let version = header.version.unwrap_or_default();
            let public = match (&header.public_text, header.public_id) {
                (Some(text), _) => format!("public id {}", shorten(text)),
                (None, Some(number @ 2..)) => {
                    let known = catalogue::VOCABULARIES.iter().flat_map(|vocabulary| vocabulary.public_ids);
                    let name = known.into_iter().find(|id| id.number == number).map(|id| format!(" ({})", id.text));
                    format!("public id 0x{number:02X}{}", name.unwrap_or_default())
                }
                _ => "no public id".to_owned(),
            };
            let charset = match header.charset {
                None | Some(106) => "utf-8".to_owned(),
                Some(3) => "us-ascii".to_owned(),
                Some(4) => "iso-8859-1".to_owned(),
                Some(1000) => "ucs-2".to_owned(),
                Some(other) => format!("character set {other}"),
            };
            let facts = format!("{public}, {charset}, string table {} octets", header.string_table);
            (format!("WBXML {}.{}", (version >> 4) + 1, version & 0x0F), facts)
        }
    }
}

/// Returns the name of the document's kind, and what it says.
pub(super) fn document(document: &Document<'_>) -> (String, String) {
    let root = &document.root;
    let Some(vocabulary) = document.vocabulary else {
        return ("document".to_owned(), format!("of a type that is not known; root `{}`", shorten(&root.name)));
    };
    let says = match vocabulary.id {
        "cp" => provisioning(root),
        "ota-settings" | "wv-settings" => {
            let today = today(root).map(|today| provisioning(&today.document));
            format!("from before client provisioning; today: {}", today.unwrap_or_default())
        }
        id if id.starts_with("syncml") => commands(root),
        id if id.starts_with("csp") => primitives(root),
        _ => format!("{} elements", root.count()),
    };
    (vocabulary.name.to_owned(), says)
}

fn provisioning(root: &Element<'_>) -> String {
    let items = root.children_named("characteristic").map(|block| {
        let parm = |name: &str| self::parm(block, name);
        let kind = block.attribute("type").unwrap_or("?");
        match kind {
            "APPLICATION" => {
                let name = parm("NAME").map(|name| format!(" \"{name}\"")).unwrap_or_default();
                let address = parm("ADDR").or_else(|| {
                    let mut blocks = block.children_named("characteristic");
                    blocks.find_map(|inner| self::parm(inner, "ADDR"))
                });
                let address = address.map(|address| format!(" → {address}")).unwrap_or_default();
                format!("APPLICATION {}{name}{address}", parm("APPID").unwrap_or_else(|| "?".to_owned()))
            }
            "NAPDEF" => {
                let kind = if parm("NAP-ADDRTYPE").is_none_or(|kind| kind == "APN") { "APN " } else { "" };
                let access = parm("NAP-ADDRESS").map(|address| format!(" ({kind}{address})")).unwrap_or_default();
                format!("NAP {}{access}", parm("NAPID").unwrap_or_else(|| "?".to_owned()))
            }
            "PXLOGICAL" => format!("proxy {}", parm("PROXY-ID").unwrap_or_else(|| "?".to_owned())),
            other => shorten(other),
        }
    });
    list(items)
}

fn primitives(root: &Element<'_>) -> String {
    let Some(session) = root.child("Session") else { return shorten(&root.name) };
    let session_id =
        session.descend(&["SessionDescriptor", "SessionID"]).map(|id| format!("session {}", shorten(id.trimmed())));
    let contents = session.children_named("Transaction").filter_map(|t| t.child("TransactionContent"));
    let names = contents.flat_map(|content| content.children.iter().map(|primitive| shorten(&primitive.name)));
    list(names.chain(session_id))
}

fn commands(root: &Element<'_>) -> String {
    let body = root.child("SyncBody").unwrap_or(root);
    list(body.children.iter().map(|command| shorten(&command.name)))
}

fn parm(block: &Element<'_>, wanted: &str) -> Option<String> {
    let mut parms = block.children_named("parm");
    let parm = parms.find(|parm| parm.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case(wanted)))?;
    Some(shorten(parm.attribute("value").unwrap_or_default()))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut items = items.peekable();
    let mut shown: Vec<String> = items.by_ref().take(MOST_ITEMS).collect();
    match items.count() {
        0 => {}
        more => shown.push(format!("and {more} more")),
    }
    if shown.is_empty() { "empty".to_owned() } else { shown.join("   ") }
}

/// Returns what package 0 of a DM session says.
pub(super) fn notification(notification: &Notification) -> String {
    let Notification { version, ui_mode, by_server, session, server, vendor } = notification;
    let who = if *by_server { "the server" } else { "the user" };
    let mode = match ui_mode {
        UiMode::Unspecified => "user interface not specified",
        UiMode::Background => "in the background",
        UiMode::Informative => "the user is told",
        UiMode::Interaction => "the user is asked",
    };
    let more = if vendor.is_empty() { String::new() } else { format!("  {} octets of the vendor's", vendor.len()) };
    let (server, major, minor) = (printable(server), version / 10, version % 10);
    format!(
        "version {major}.{minor}  server \"{server}\" wants session {session:X}, begun by {who}, {mode}{more}; its digest is not checked"
    )
}

/// Returns what a message of the Push Access Protocol is.
pub(super) fn pap_name(message: &Message<'_>) -> String {
    let kind = match &message.says {
        Says::Push(_) => "submission",
        Says::Answer(_) => "answer",
        Says::Other(_) => "message",
    };
    let version = message.version.map(|version| format!("{} ", version.as_str())).unwrap_or_default();
    format!("PAP {version}{kind}")
}

/// Returns what a message of the Push Access Protocol says.
pub(super) fn pap(message: &Message<'_>) -> String {
    let items = match &message.says {
        Says::Push(control) => submission(control),
        Says::Answer(answer) => {
            let push_id = answer.push_id.as_ref().map(|id| format!("push-id {}", shorten(id)));
            [Some(answer.to_string()), push_id].into_iter().flatten().collect()
        }
        Says::Other(operation) => vec![shorten(operation)],
    };
    items.join("  ")
}

fn submission(control: &Control) -> Vec<String> {
    let numbers: Vec<String> = control.addresses.iter().take(3).map(|text| shorten(Control::number(text))).collect();
    let more = control.addresses.len() - numbers.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let before = control.deliver_before.as_ref().map(|time| format!("until {}", shorten(time)));
    let quality = |name: &str| control.quality.iter().find(|(known, _)| known == name).map(|(_, value)| shorten(value));
    [
        Some(format!("push-id {}", shorten(&control.push_id))),
        Some(format!("to {}{more}", numbers.join(", "))).filter(|_| !numbers.is_empty()),
        before,
        quality("delivery-method"),
        quality("bearer").map(|bearer| format!("by {bearer}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
