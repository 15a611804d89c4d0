//! Rules CSM: what may be wrong with a message, as a document (`check`) and as a request (`fault`).
//!
//! Real clients keep neither the order of children nor to known elements; both are read without a word.

use super::{Address, Code, Outcome, Primitive, Version};
use crate::diagnose::{Diagnostic, Report, Rule, Severity};
use crate::document::{Content, Element, Kind, StructureRules, is_declaration};

/// The rules of messages.
pub const RULES: &[&Rule] =
    &[&UNDECODABLE, &MISSING, &MISPLACED, &VERSION_MISMATCH, &WRONG_SESSION, &BAD_ADDRESS, &BAD_VALUE];

/// What structural faults cite.
pub(super) const STRUCTURE: StructureRules = StructureRules {
    missing: &MISSING,
    repeated: Some(&MISPLACED),
    misplaced: Some(&MISPLACED),
    unknown: None,
    order: None,
    value: &BAD_VALUE,
};

macro_rules! example {
    ($session:literal, $mode:literal, $primitive:literal) => {
        concat!(
            "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><Session>\n",
            $session,
            "\n<Transaction><TransactionDescriptor><TransactionMode>",
            $mode,
            "</TransactionMode><TransactionID>7</TransactionID></TransactionDescriptor>\n",
            "<TransactionContent xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-TRC1.3\">",
            $primitive,
            "</TransactionContent></Transaction>\n</Session></WV-CSP-Message>\n"
        )
    };
    ($primitive:literal) => {
        example!(
            "<SessionDescriptor><SessionType>Inband</SessionType><SessionID>s-1</SessionID></SessionDescriptor>",
            "Request",
            $primitive
        )
    };
}

pub(super) const UNDECODABLE: Rule = Rule {
    code: "CSM001",
    name: "not-decodable",
    severity: Severity::Error,
    clause: "CSP in XML, \"Minimal reader and writer contract\"",
    summary: "the document cannot be decoded as a message with a primitive",
    help: "a transaction holds exactly one primitive of the version in its TransactionContent",
    bad: example!("<KeepAlive/>"),
    good: example!("<KeepAlive-Request/>"),
};

const MISSING: Rule = Rule {
    code: "CSM002",
    name: "element-missing",
    severity: Severity::Error,
    clause: "CSP in XML, \"elements.tsv\"",
    summary: "an element that the standard requires is missing",
    help: "add the element; a server answers status 400",
    bad: example!("<GetMessage-Request></GetMessage-Request>"),
    good: example!("<GetMessage-Request><MessageID>m1</MessageID></GetMessage-Request>"),
};

const MISPLACED: Rule = Rule {
    code: "CSM003",
    name: "element-not-allowed",
    severity: Severity::Error,
    clause: "CSP in XML, \"elements.tsv\"",
    summary: "a known element stands where it has no place, or more than once where once is allowed",
    help: "remove the element; readers ignore it, or take the first of several",
    bad: example!("<GetMessage-Request><MessageID>m1</MessageID><GroupID>wv:/g@a.b</GroupID></GetMessage-Request>"),
    good: example!("<GetMessage-Request><MessageID>m1</MessageID></GetMessage-Request>"),
};

const VERSION_MISMATCH: Rule = Rule {
    code: "CSM004",
    name: "version-mismatch",
    severity: Severity::Error,
    clause: "CSP in XML, \"Namespaces\"",
    summary: "a part of the message belongs to another version than the message",
    help: "declare the namespaces of one version: session, transaction and presence",
    bad: "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><Session>\n\
          <SessionDescriptor><SessionType>Inband</SessionType><SessionID>s-1</SessionID></SessionDescriptor>\n\
          <Transaction><TransactionDescriptor><TransactionMode>Request</TransactionMode>\
          <TransactionID>7</TransactionID></TransactionDescriptor>\n\
          <TransactionContent xmlns=\"http://www.openmobilealliance.org/DTD/WV-TRC1.2\"><Logout-Request/>\
          </TransactionContent></Transaction>\n</Session></WV-CSP-Message>\n",
    good: example!("<Logout-Request/>"),
};

const WRONG_SESSION: Rule = Rule {
    code: "CSM005",
    name: "wrong-session",
    severity: Severity::Error,
    clause: "CSP sessions, \"Session life\"",
    summary: "the session descriptor does not go with the primitive or with itself",
    help: "login and GetSPInfo before it are Outband, without SessionID; everything else is Inband with the SessionID of the login",
    bad: example!(
        "<SessionDescriptor><SessionType>Outband</SessionType></SessionDescriptor>",
        "Request",
        "<GetList-Request/>"
    ),
    good: example!("<GetList-Request/>"),
};

const BAD_ADDRESS: Rule = Rule {
    code: "CSM006",
    name: "bad-address",
    severity: Severity::Error,
    clause: "CSP data types, \"Addresses\"",
    summary: "an address is malformed or of the wrong kind",
    help: "users are `wv:user@domain`, contact lists `wv:user/list@domain`, groups `wv:/group@domain` or `wv:user/group@domain`",
    bad: example!("<DeleteGroup-Request><GroupID>wv:lobby@example.com</GroupID></DeleteGroup-Request>"),
    good: example!("<DeleteGroup-Request><GroupID>wv:/lobby@example.com</GroupID></DeleteGroup-Request>"),
};

const BAD_VALUE: Rule = Rule {
    code: "CSM007",
    name: "value-out-of-range",
    severity: Severity::Error,
    clause: "CSP data types, \"Basic types\"",
    summary: "a value is not of the element's type or list of words",
    help: "write a value of the element's type; a server answers status 402",
    bad: example!("<KeepAlive-Request><TimeToLive>ten minutes</TimeToLive></KeepAlive-Request>"),
    good: example!("<KeepAlive-Request><TimeToLive>600</TimeToLive></KeepAlive-Request>"),
};

/// What the standard requires and a server makes up where it is missing (CSP, "Messages"). Character sets are surplus
/// where no content type goes with them or some are listed: nothing is missing.
const MADE_UP: [&str; 6] = [
    "`AnyContent` is missing in `CapabilityList`",
    "`ClientID` is missing in `ClientCapability-Request`",
    "`ClientID` is missing in `Service-Request`",
    "`AutoSubscribe` is missing in `SubscribePresence-Request`",
    "`Sender` is missing in `MessageInfo`",
    "`ContentSize` is missing in `MessageInfo`",
];

/// Returns how a server answers a primitive that breaks its declaration: 400 where something is missing, 402 where a
/// value does not fit, with what and where in words. Surplus and order are tolerated.
pub fn fault(primitive: &Element<'_>, version: Version) -> Option<Outcome> {
    let mut report = Report::new();
    version.vocabulary().grammar.check(primitive, "", &STRUCTURE, &mut report);
    report.retain(|finding| !MADE_UP.contains(&finding.message.as_str()));
    // What stands in an element that holds nothing is surplus like any other.
    report.retain(|finding| !finding.message.ends_with("` must be empty"));
    // Lists with commas are read in every version, and words that we do not know are passed over (CSP sessions, "Login").
    report.retain(|finding| !finding.path.ends_with("/DigestSchema"));
    let of = |rule: &Rule| report.diagnostics().iter().find(|finding| finding.rule.code == rule.code);
    let answer = |code, finding: &Diagnostic| {
        let element = finding.path.rsplit('/').next().unwrap_or_default();
        Outcome::new(code).describe(format!("{}: {}", element, finding.message.replace('`', "'")))
    };
    let missing = of(&MISSING).map(|finding| answer(Code::BAD_REQUEST, finding));
    missing.or_else(|| of(&BAD_VALUE).map(|finding| answer(Code::BAD_PARAMETER, finding)))
}

/// Reports what is wrong with a message beyond its structure.
pub(super) fn check(version: Version, root: &Element<'_>, report: &mut Report) {
    check_namespaces(version, root, report);
    check_addresses(version, root, report);
    let Some(session) = root.child("Session") else { return };
    for transaction in session.children_named("Transaction") {
        let Some(content) = transaction.child("TransactionContent") else { continue };
        check_primitive(version, content, report);
        if let Some(primitive) = content.children.first() {
            check_session(session, primitive, report);
        }
    }
}

const CONTENT: &str = "WV-CSP-Message/Session/Transaction/TransactionContent";

fn check_primitive(version: Version, content: &Element<'_>, report: &mut Report) {
    let name = content.children.first().map(|primitive| primitive.name.as_ref()).unwrap_or_default();
    // The other name of the 1.1 tables is read as the right one.
    let is_known = Primitive::find(version, name).is_some() || name == "BlockUser-Request";
    let other = Version::ALL.into_iter().find(|other| Primitive::find(*other, name).is_some());
    let (rule, message) = match (name, other) {
        ("", _) => (&UNDECODABLE, "the transaction holds no primitive".to_owned()),
        (_, Some(other)) => (&VERSION_MISMATCH, format!("`{name}` is a primitive of CSP {}", other.as_str())),
        (_, None) => (&UNDECODABLE, format!("`{name}` is no primitive of CSP {}", version.as_str())),
    };
    if !is_known {
        let span = content.children.first().unwrap_or(content).span;
        report.add(Diagnostic::new(rule, span, message).at(CONTENT));
    }
    if !is_known || name == "BlockUser-Request" {
        // The structure has told the same as something that is missing here.
        report.retain(|finding| finding.rule.code != MISSING.code || finding.path != CONTENT);
    }
}

fn check_session(session: &Element<'_>, primitive: &Element<'_>, report: &mut Report) {
    const OUTBAND: &[&str] = &[
        "Login-Request",
        "Login-Response",
        "GetSPInfo-Request",
        "GetSPInfo-Response",
        "Status",
        "Extended-Request",
        "Extended-Response",
    ];
    let Some(descriptor) = session.child("SessionDescriptor") else { return };
    let kind = descriptor.child_text("SessionType").unwrap_or_default();
    let id = descriptor.child_text("SessionID").filter(|id| !id.is_empty());
    let name = &primitive.name;
    let message = if kind.eq_ignore_ascii_case("Inband") {
        match id {
            None => "an Inband session has no SessionID".to_owned(),
            Some(_) if name == "Login-Request" => "`Login-Request` is sent Outband".to_owned(),
            Some(_) => return,
        }
    } else if kind.eq_ignore_ascii_case("Outband") {
        match id {
            Some(_) => "an Outband session has a SessionID".to_owned(),
            None if !OUTBAND.contains(&name.as_ref()) => format!("`{name}` is sent in a session"),
            None => return,
        }
    } else {
        return;
    };
    let path = "WV-CSP-Message/Session/SessionDescriptor";
    report.add(Diagnostic::new(&WRONG_SESSION, descriptor.span, message).at(path));
}

fn check_namespaces(version: Version, root: &Element<'_>, report: &mut Report) {
    root.walk(&mut |element, _| {
        for attribute in element.attributes.iter().filter(|a| is_declaration(&a.name)) {
            let declared = Version::from_namespace(attribute.value.trim_ascii());
            if let Some(other) = declared.filter(|other| *other != version) {
                let message = format!(
                    "`{}` declares the namespace of CSP {}, the message is CSP {}",
                    element.name,
                    other.as_str(),
                    version.as_str()
                );
                report.add(
                    Diagnostic::new(&VERSION_MISMATCH, attribute.value_span, message).at(element.name.to_string()),
                );
            }
        }
    });
}

fn check_addresses(version: Version, root: &Element<'_>, report: &mut Report) {
    let grammar = &version.vocabulary().grammar;
    root.walk(&mut |element, _| {
        let read = match grammar.kind(&element.name) {
            Some(Kind::UserId) => Address::user_id,
            Some(Kind::GroupId) => Address::group_id,
            Some(Kind::ContactListId) => Address::contact_list_id,
            _ => return,
        };
        let text = element.trimmed();
        // An empty element counts as absent.
        if text.is_empty() || matches!(element.content, Content::Octets(_)) {
            return;
        }
        if let Err(bad) = read(text, "home.example") {
            let message = format!("`{}` in `{}`: {bad}", crate::document::shorten(text), element.name);
            report.add(Diagnostic::new(&BAD_ADDRESS, element.content_span, message).at(element.name.to_string()));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_what_is_missing_before_what_is_wrong() {
        let status = |primitive: Element<'static>| fault(&primitive, Version::V1_3).map(|outcome| outcome.code);
        assert_eq!(status(Element::new("GetMessage-Request")), Some(Code::BAD_REQUEST));
        assert_eq!(status(Element::new("KeepAlive-Request").with_leaf("TimeToLive", "x")), Some(Code::BAD_PARAMETER));
        let surplus = Element::new("KeepAlive-Request").with_leaf("TimeToLive", "1").with_leaf("Colour", "red");
        assert_eq!(status(surplus), None);
    }
}
