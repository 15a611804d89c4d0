//! Documents other than trees and descriptions: settings as a table, messages in words, the rest as an outline.

use std::fmt::Write as _;

use super::{Picture, View, count, shown};
use crate::codec::Document;
use crate::cp::settings::{Today, today};
use crate::cp::{APPLICATIONS, Application, DECLARATIONS, RegisteredParm, Status, Value};
use crate::csp::{self, Code, Message, Primitive, Session, Version};
use crate::dm::is_secret;
use crate::document::{Content, Element, is_declaration};

/// Shows any other document: settings as a table, messages in words, the rest as an outline.
pub fn document(document: &Document<'_>, view: &View<'_>) -> Picture {
    let root = &document.root;
    let name = document.vocabulary.map_or("document of an unknown kind", |v| v.name);
    if document.vocabulary.is_some_and(|v| v.id == "cp") {
        let columns = &["WHAT", "VALUE", "PARAMETER"];
        let mut picture = Picture::new(format!("{name}: what the handset will be told"), columns, false);
        root.children.iter().for_each(|child| settings(child, 0, view, &mut picture));
        return picture;
    }
    if let Some(today) = today(root) {
        return older(name, &today, view);
    }
    if document.vocabulary.is_some_and(|v| v.roots == ["SyncML"]) {
        return super::message::message(root, view);
    }
    let version = Version::ALL.into_iter().find(|version| Some(version.vocabulary()) == document.vocabulary);
    if let Some(message) = version.and_then(|version| Message::read(root.borrowed(), version).ok()) {
        return transactions(&message, view);
    }
    let mut picture = Picture::new(name, &["ELEMENT", "CONTENT", "MEANING"], false);
    outline(root, 0, version, view, &mut picture);
    picture
}

/// Shows settings from before client provisioning in today's words, and after them what has none.
fn older(name: &str, today: &Today, view: &View<'_>) -> Picture {
    let title = format!("{name}, from before client provisioning: what a provisioning document would say");
    let mut picture = Picture::new(title, &["WHAT", "VALUE", "PARAMETER"], false);
    today.document.children.iter().for_each(|child| settings(child, 0, view, &mut picture));
    if !today.not_carried.is_empty() {
        picture.add(0, ["only in the old format".to_owned(), String::new(), String::new()]);
    }
    for (setting, value) in &today.not_carried {
        let value = shown(value, is_secret(setting), view);
        picture.add(1, [setting.clone(), value, String::new()]);
    }
    picture
}

/// Shows a CSP message: each transaction with who sends it and what it holds.
fn transactions(message: &Message, view: &View<'_>) -> Picture {
    let mut title = format!("CSP {} message", message.version.as_str());
    match &message.session {
        Session::Outband => title.push_str(" outside any session"),
        Session::Inband(id) => {
            let _ = write!(title, " in session {id}");
        }
    }
    if message.poll == Some(true) {
        title.push_str("; more waits at the server");
    }
    let mut picture = Picture::new(title, &["TRANSACTION", "CONTENT", "MEANING"], false);
    for transaction in &message.transactions {
        let id = transaction.id.as_ref().map(|id| format!("transaction {id}")).unwrap_or_default();
        let primitive = &transaction.primitive;
        let meaning = meaning(primitive, message.version).unwrap_or_default();
        picture.add(0, [primitive.name.to_string(), id, meaning]);
        if view.depth.is_none_or(|most| most > 0) {
            primitive.children.iter().for_each(|child| outline(child, 1, Some(message.version), view, &mut picture));
        }
    }
    picture
}

/// Words for characteristics and parameters of provisioning documents, as (name, words).
const SETTINGS: &[(&str, &str)] = &[
    ("APPLICATION", "application"),
    ("APPADDR", "server"),
    ("APPAUTH", "credentials for the server"),
    ("RESOURCE", "resource"),
    ("NAPDEF", "access point"),
    ("NAPAUTHINFO", "credentials for the network"),
    ("PXLOGICAL", "proxy"),
    ("PXPHYSICAL", "address of the proxy"),
    ("PXAUTHINFO", "credentials for the proxy"),
    ("PORT", "port"),
    ("VALIDITY", "where it is valid"),
    ("BOOTSTRAP", "origin of the settings"),
    ("CLIENTIDENTITY", "identity of the client"),
    ("VENDORCONFIG", "settings of the vendor"),
    ("ACCESS", "rules of access"),
    ("APPID", "application"),
    ("PROVIDER-ID", "provider"),
    ("NAME", "name"),
    ("AACCEPT", "content types accepted"),
    ("APROTOCOL", "transport"),
    ("TO-NAPID", "through access point"),
    ("TO-PROXY", "through proxy"),
    ("ADDR", "address"),
    ("ADDRTYPE", "kind of address"),
    ("PORTNBR", "number"),
    ("SERVICE", "service"),
    ("SERVICES", "services"),
    ("CIDPREFIX", "start of the client id"),
    ("AAUTHLEVEL", "who shows them"),
    ("AAUTHTYPE", "method"),
    ("AAUTHNAME", "user"),
    ("AAUTHSECRET", "password"),
    ("AAUTHDATA", "further data"),
    ("NAPID", "identifier"),
    ("BEARER", "bearer"),
    ("NAP-ADDRESS", "access point name"),
    ("NAP-ADDRTYPE", "kind of address"),
    ("DNS-ADDR", "name server"),
    ("CALLTYPE", "kind of call"),
    ("LINKSPEED", "bits in a second"),
    ("INTERNET", "gives access to the internet"),
    ("AUTHTYPE", "method"),
    ("AUTHNAME", "user"),
    ("AUTHSECRET", "password"),
    ("PROXY-ID", "identifier"),
    ("PROXY-PW", "password"),
    ("PHYSICAL-PROXY-ID", "identifier"),
    ("PXADDR", "address"),
    ("PXADDRTYPE", "kind of address"),
    ("PXAUTH-TYPE", "method"),
    ("PXAUTH-ID", "user"),
    ("PXAUTH-PW", "password"),
    ("STARTPAGE", "start page"),
    ("DOMAIN", "domain"),
    ("URI", "address"),
];

fn in_words(name: &str) -> Option<&'static str> {
    let known = SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, words)| *words);
    // What a registration says before it goes into detail.
    let meaning = || registered(name).find(|p| p.status != Status::Ignored)?.meaning.split([':', ';', ',']).next();
    known.or_else(meaning)
}

/// Returns the parms of that name in the registrations that are known.
fn registered(name: &str) -> impl Iterator<Item = &'static RegisteredParm> {
    let parms = APPLICATIONS.iter().flat_map(|application| &application.parms);
    parms.filter(move |parm| parm.declaration.name.eq_ignore_ascii_case(name))
}

/// Returns what a parm without a value says.
fn without_value(name: &str) -> &'static str {
    let generic = DECLARATIONS.iter().filter_map(|declaration| declaration.parm(name));
    let is_flag = generic.chain(registered(name).map(|parm| &parm.declaration)).any(|p| p.value == Value::Flag);
    let is_known = is_flag || DECLARATIONS.iter().any(|declaration| declaration.parm(name).is_some());
    if is_flag || !is_known { "yes" } else { "(no value)" }
}

fn settings(element: &Element<'_>, depth: usize, view: &View<'_>, picture: &mut Picture) {
    if element.name == "parm" {
        let name = element.attribute("name").unwrap_or_default();
        let value = element.attribute("value");
        let value = value.map_or_else(|| without_value(name).to_owned(), |v| shown(v, is_secret(name), view));
        let words = in_words(name).unwrap_or(name).to_owned();
        return picture.add(depth, [words, value, name.to_owned()]);
    }
    let kind = element.attribute("type").unwrap_or(&element.name);
    let parm = |name: &str| {
        let mut parms = element.children_named("parm");
        parms.find(|p| p.attribute("name") == Some(name)).and_then(|p| p.attribute("value"))
    };
    let words = match (kind, parm("APPID")) {
        ("APPLICATION", Some("wA")) => "IMPS account".to_owned(),
        ("APPLICATION", Some("w7")) => "device management account".to_owned(),
        ("APPLICATION", Some(appid)) => {
            let known = Application::of(appid).map(|application| format!("application: {}", application.description));
            known.unwrap_or_else(|| "application".to_owned())
        }
        _ => in_words(kind).unwrap_or(kind).to_owned(),
    };
    picture.add(depth, [words, String::new(), kind.to_owned()]);
    if view.depth.is_none_or(|most| depth < most) {
        element.children.iter().for_each(|child| settings(child, depth + 1, view, picture));
    }
}

fn outline(element: &Element<'_>, depth: usize, version: Option<Version>, view: &View<'_>, picture: &mut Picture) {
    let mut words: Vec<String> = element
        .attributes
        .iter()
        .filter(|a| !is_declaration(&a.name))
        .map(|a| {
            let hides = is_secret(&a.name) || element.attribute("NAME").is_some_and(is_secret) && a.name == "VALUE";
            format!("{}=\"{}\"", a.name, shown(&a.value, hides, view))
        })
        .collect();
    match &element.content {
        Content::Text(text) if !text.trim_ascii().is_empty() => {
            words.push(shown(text.trim_ascii(), is_secret(&element.name), view));
        }
        Content::Octets(octets) if !octets.is_empty() => words.push(count(octets.len(), "octet")),
        _ => {}
    }
    let meaning = version.and_then(|version| meaning(element, version)).unwrap_or_default();
    picture.add(depth, [element.name.to_string(), words.join(" "), meaning]);
    if view.depth.is_none_or(|most| depth < most) {
        element.children.iter().for_each(|child| outline(child, depth + 1, version, view, picture));
    }
}

/// Returns what an element of a CSP message says beyond its name: who sends a primitive, what a status means.
fn meaning(element: &Element<'_>, version: Version) -> Option<String> {
    if element.name == "Code" {
        return element.trimmed().parse().ok().map(|code| Code(code).name().to_owned());
    }
    let primitive = Primitive::find(version, &element.name)?;
    let sender = match (primitive.is_from_client(), primitive.is_from_server()) {
        (true, true) => "client or server",
        (true, false) => "client",
        _ => "server",
    };
    let is_request = primitive.kind == csp::Kind::Request;
    let answer = if is_request { format!(", answered by {}", primitive.answer()) } else { String::new() };
    Some(format!("{} from the {sender}{answer}", if is_request { "request" } else { "answer" }))
}
