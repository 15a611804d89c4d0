//! What it costs to send a document: octets and SMS, and what would make it cheaper, found out by trying.

use crate::catalogue::{self, Options};
use crate::codec::{Encoding, WbxmlOptions, WbxmlStyle, write_wbxml};
use crate::cp::mac::Security;
use crate::cp::{Characteristic, VOCABULARY};
use crate::delivery::{sms_count, spare_octets};
use crate::diagnose::Report;
use crate::document::Element;
use crate::provision::Pack;
use crate::provision::device::Size;

/// What it costs to send a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Octets of the provisioning document in WBXML, and the SMS that carry its push.
    pub size: Size,
    /// What would take fewer SMS, each in words; empty where nothing was asked or found.
    pub advice: Vec<String>,
}

/// Documents that are longer are for cards and files: nobody sends them, and nothing is tried with them.
const MOST_OCTETS: usize = 8 << 10;
/// Pieces of advice that are given at once.
const MOST_ADVICE: usize = 4;
/// Characteristics that are tried to be left out.
const MOST_TRIED: usize = 32;

/// A way to say the same in fewer octets.
struct Change<'e> {
    what: String,
    root: Element<'e>,
}

/// Returns what it costs to send a provisioning document, in XML or WBXML; what would make it cheaper where handsets or
/// a limit are given. `None` for what is no such document.
pub(super) fn of_document(octets: &[u8], options: &Options<'_>) -> Option<Cost> {
    let mut report = Report::new();
    let document = catalogue::read(octets, &options.limits, &mut report)?;
    // What breaks off is not what will be sent.
    if report.has_errors() || document.vocabulary.is_none_or(|vocabulary| vocabulary.id != VOCABULARY.id) {
        return None;
    }
    let style = options.devices.first().map_or(WbxmlStyle::Safe, |pack| pack.style());
    let octets = match document.header.encoding {
        Encoding::Wbxml => octets.len(),
        _ => length(&document.root, style)?,
    };
    let size = Size { octets, sms: sms_count(octets, options.sealed()) };
    let is_asked = !options.devices.is_empty() || options.max_sms.is_some();
    let asked = || advice(&document.root, size, options.sealed(), options.devices);
    Some(Cost { size, advice: if is_asked { asked() } else { Vec::new() } })
}

/// Tries what would make a document cheaper that now has that size. `packs` are the handsets that it is for.
pub(super) fn advice(root: &Element<'_>, size: Size, seal: Option<Security>, packs: &[&Pack]) -> Vec<String> {
    if size.sms < 2 || size.octets > MOST_OCTETS {
        return Vec::new();
    }
    let style = packs.first().map_or(WbxmlStyle::Safe, |pack| pack.style());
    let count = |root: &Element<'_>, style| Some(sms_count(length(root, style)?, seal));
    let mut advice = vec![shorter(size, seal)];
    let changes = changes(root, packs);
    for Change { what, root } in &changes {
        match count(root, style) {
            Some(sms) if sms < size.sms => advice.push(format!("{what}: {sms} SMS")),
            _ => {}
        }
    }
    let reads = |pack: &&Pack| pack.wbxml.is_empty() || pack.wbxml.contains(&WbxmlStyle::WholeValue);
    if let Some(sms) = count(root, WbxmlStyle::WholeValue).filter(|sms| *sms < size.sms && packs.iter().all(reads)) {
        let clients = Pack::bundled().iter().filter(|pack| !reads(pack)).map(|pack| pack.name.as_str());
        let clients = clients.collect::<Vec<_>>().join(", ");
        advice.push(format!("in the WBXML style `whole-value`, which {clients} misread: {sms} SMS"));
    }
    advice.truncate(MOST_ADVICE);
    advice
}

/// Says how many octets too long the document is for one SMS less.
fn shorter(size: Size, seal: Option<Security>) -> String {
    let (octets, sms) = (spare_octets(size.octets, seal), size.sms - 1);
    let word = if octets == 1 { "octet" } else { "octets" };
    format!("{octets} {word} fewer: {sms} SMS")
}

fn length(root: &Element<'_>, style: WbxmlStyle) -> Option<usize> {
    let options = WbxmlOptions { style, ..WbxmlOptions::default() };
    write_wbxml(root, &VOCABULARY, &options).ok().map(|octets| octets.len())
}

/// Returns what could be left out of a document, one thing at a time.
fn changes<'e>(root: &Element<'e>, packs: &[&Pack]) -> Vec<Change<'e>> {
    let mut changes = Vec::new();
    let document = Characteristic::of_document(root);
    for top in document.iter().take(MOST_TRIED) {
        match top.name {
            "NAPDEF" => {}
            "PXLOGICAL" => {
                let id = top.value("PROXY-ID").unwrap_or_default();
                let is_it = |e: &Element<'_>| std::ptr::eq(e, top.element);
                let root =
                    without(root, &|e| !(is_it(e) || is_named(e, &["TO-PROXY"]) && e.attribute("value") == Some(id)));
                changes.push(Change { what: format!("without the proxy `{id}`"), root });
            }
            "APPLICATION" if top.value("APPID").is_some_and(|id| id.eq_ignore_ascii_case("wA")) => {}
            _ => {
                let root = without(root, &|e| !std::ptr::eq(e, top.element));
                changes.push(Change { what: format!("with `{}` in a document of its own", top.path), root });
            }
        }
    }
    changes.extend(first_type_only(root));
    let is_ignored = |name: &&&str| packs.iter().all(|pack| pack.ignores.iter().any(|own| own == *name));
    let ignored: Vec<&str> = LEAVABLE.iter().filter(is_ignored).filter(|_| !packs.is_empty()).copied().collect();
    if document.iter().any(|top| holds(top, &ignored)) {
        let there: Vec<&str> =
            ignored.iter().filter(|name| document.iter().any(|top| holds(top, &[name]))).copied().collect();
        let what = format!("without what the handset ignores ({})", there.join(", "));
        changes.push(Change { what, root: without(root, &|e| !is_named(e, &ignored)) });
    }
    let is_default = |e: &Element<'_>| e.attribute("value") == Some("APPSRV") && is_named(e, &["AAUTHLEVEL"]);
    changes.push(Change {
        what: "without AAUTHLEVEL, which is APPSRV anyway".to_owned(),
        root: without(root, &|e| !is_default(e)),
    });
    changes
}

/// Parms that a document can do without where nobody reads them; PROVIDER-ID stays, it is the account's identity.
const LEAVABLE: &[&str] = &["AACCEPT", "AAUTHLEVEL", "AAUTHTYPE", "SERVICES", "CIDPREFIX"];

fn holds(top: &Characteristic<'_>, names: &[&str]) -> bool {
    let mut found = false;
    top.walk(&mut |holder| found |= holder.parms.iter().any(|parm| names.contains(&parm.name)));
    found
}

/// Returns the document with the first media type of each AACCEPT only.
fn first_type_only<'e>(root: &Element<'e>) -> Option<Change<'e>> {
    fn cut(element: &mut Element<'_>) -> bool {
        let mut is_cut = false;
        if is_named(element, &["AACCEPT"]) {
            for attribute in element.attributes.iter_mut().filter(|attribute| attribute.name == "value") {
                if let Some((first, _)) = attribute.value.split_once(',') {
                    attribute.value = first.trim().to_owned().into();
                    is_cut = true;
                }
            }
        }
        element.children.iter_mut().fold(is_cut, |is_cut, child| cut(child) | is_cut)
    }
    let mut root = root.clone();
    cut(&mut root).then(|| Change { what: "with the first type of AACCEPT only".to_owned(), root })
}

/// Returns an element with those below it that are to be kept.
fn without<'e>(element: &Element<'e>, keep: &impl Fn(&Element<'_>) -> bool) -> Element<'e> {
    let children = element.children.iter().filter(|child| keep(child)).map(|child| without(child, keep)).collect();
    let shallow = Element { children, ..Element::new(element.name.clone()) };
    Element { attributes: element.attributes.clone(), content: element.content.clone(), ..shallow }
}

fn is_named(element: &Element<'_>, names: &[&str]) -> bool {
    element.name == "parm"
        && element.attribute("name").is_some_and(|own| names.iter().any(|n| own.eq_ignore_ascii_case(n)))
}
