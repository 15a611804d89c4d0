//! The sheet of provisioning content, clause by clause: `samples/cp/clauses.tsv` has a row for each branch of each rule.
//!
//! A document is written in short: `TYPE[NAME=value FLAG CHILD[…]]`. `~` is a blank, `x*20` twenty times `x`; `{NAP}` and
//! `{PX}` are a good access point `g` and a good proxy `p`; `@1.0` in front is the version, `%fragment` an option of `check`.
//! Findings are a letter of the severity and a code, `*3` for three of them. Both were written down from the sheet.

use std::collections::{BTreeMap, BTreeSet};

use impskit::catalogue::{self, Options};
use impskit::codec::{Limits, write_wbxml};
use impskit::cp::{self, APPLICATIONS, DECLARATIONS};
use impskit::diagnose::{Report, Severity};

use super::codecs::octets;

const NAP: &str = "NAPDEF[NAPID=g BEARER=GSM-GPRS NAME=G NAP-ADDRESS=a NAP-ADDRTYPE=APN]";
const PX: &str = "PXLOGICAL[PROXY-ID=p NAME=P PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.1 TO-NAPID=g]]";

/// A row of the table.
struct Row {
    clause: &'static str,
    what: &'static str,
    document: &'static str,
    findings: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    include_str!("../samples/cp/clauses.tsv").lines().skip(1).map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        Row { clause: cell(), what: cell(), document: cell(), findings: cell() }
    })
}

/// Returns the document that is written in short, as XML.
pub(crate) fn xml(short: &str) -> String {
    let text = short.trim_start_matches("%fragment ").replace("{NAP}", NAP).replace("{PX}", PX);
    let (version, text) = match text.strip_prefix('@') {
        Some(rest) => {
            let (version, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            (format!(" version=\"{version}\""), rest.to_owned())
        }
        None => (String::new(), text),
    };
    let mut out = format!("<wap-provisioningdoc{version}>");
    for word in text.replace('[', "[ ").replace(']', " ]").split_ascii_whitespace() {
        out += &match (word, word.strip_suffix('['), word.split_once('=')) {
            ("]", ..) => "</characteristic>".to_owned(),
            (_, Some(kind), _) => format!("<characteristic type=\"{kind}\">"),
            (_, _, Some((name, value))) => format!("<parm name=\"{name}\" value=\"{}\"/>", expanded(value)),
            _ => format!("<parm name=\"{word}\"/>"),
        };
    }
    out + "</wap-provisioningdoc>"
}

fn expanded(value: &str) -> String {
    let times = value.split_once('*').and_then(|(text, count)| Some(text.repeat(count.parse().ok()?)));
    times.unwrap_or_else(|| value.replace('~', " "))
}

/// Returns what is found, as the table writes it.
fn found(octets: &[u8], short: &str) -> String {
    let options = Options { fragment: short.starts_with("%fragment"), ..Options::default() };
    let checked = catalogue::check(octets, "row", &options);
    let mut findings = BTreeMap::<(u8, &str), usize>::new();
    for finding in checked.report.diagnostics() {
        let place = match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Note => 2,
        };
        *findings.entry((place, finding.rule.code)).or_default() += 1;
    }
    let shown = findings.into_iter().map(|((place, code), count)| match count {
        1 => format!("{} {code}", ["E", "W", "N"][usize::from(place)]),
        _ => format!("{} {code}*{count}", ["E", "W", "N"][usize::from(place)]),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Every row has its findings and no other, as XML and as WBXML in the safe form.
#[test]
fn every_clause_has_its_findings_in_both_syntaxes() {
    let mut wrong = Vec::new();
    for Row { clause, what, document, findings } in rows() {
        let xml = xml(document);
        let of_xml = found(xml.as_bytes(), document);
        if of_xml != findings {
            wrong.push(format!("{clause}, {what}: `{of_xml}`, not `{findings}`\n  {document}"));
        }
        // What XML cannot carry is not carried on.
        if findings.contains("XML") {
            continue;
        }
        let read = catalogue::read(xml.as_bytes(), &Limits::default(), &mut Report::new()).expect("a document");
        let wbxml = write_wbxml(&read.root, &cp::VOCABULARY, &Default::default()).expect("WBXML");
        let of_wbxml = found(&wbxml, document);
        if of_wbxml != findings {
            wrong.push(format!("{clause}, {what} in WBXML: `{of_wbxml}`, not `{findings}`\n  {document}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each rule of the sheets has a row that breaks it and one that keeps it.
#[test]
fn every_rule_has_a_row() {
    let clauses: BTreeSet<&str> = rows().filter(|row| !row.findings.is_empty()).map(|row| row.clause).collect();
    for (family, code, last) in [("PC", "CP", 22), ("wA", "WA", 16)] {
        for number in 1..=last {
            let clause = format!("{family}-{number:02}");
            assert!(clauses.contains(clause.as_str()), "no row breaks {clause}");
            let rule = format!("{code}{number:03}");
            let of_clause = || rows().filter(|row| row.clause == clause);
            assert!(of_clause().any(|row| row.findings.contains(&rule)), "no row of {clause} finds {rule}");
        }
    }
}

/// Each parm of each registered application stands in a row without findings, or is ignored by clients.
#[test]
fn every_registered_parm_has_a_row() {
    for application in APPLICATIONS.iter().filter(|application| application.appid != "wA") {
        let clause = format!("application {}", application.appid);
        let good = rows().find(|row| row.clause == clause && row.findings.is_empty()).expect(&clause);
        let generic = ["TO-PROXY", "TO-NAPID", "ADDR", "ADDRTYPE", "PORTNBR", "AAUTHTYPE"];
        for name in application.parms.iter().map(|parm| parm.declaration.name).filter(|name| !generic.contains(name)) {
            let is_there = |row: &Row| row.document.split([' ', '[', ']']).any(|w| w.split('=').next() == Some(name));
            assert!(is_there(&good), "{clause}: {name}");
        }
    }
}

/// The tree of the sheet's section 2: each characteristic with what may stand in it.
const TREE: &[(&str, &[&str])] = &[
    ("root", &["BOOTSTRAP", "CLIENTIDENTITY", "VENDORCONFIG", "ACCESS", "NAPDEF", "PXLOGICAL", "APPLICATION"]),
    ("NAPDEF", &["NAPAUTHINFO", "VALIDITY"]),
    ("PXLOGICAL", &["PXAUTHINFO", "PORT", "PXPHYSICAL"]),
    ("PXPHYSICAL", &["PORT"]),
    ("APPLICATION", &["APPADDR", "APPAUTH", "RESOURCE"]),
    ("APPADDR", &["PORT"]),
];

/// PC-06, each of the 16 characteristics in each of the 17 places: a finding where the tree does not have it, none else.
#[test]
fn every_characteristic_stands_where_the_tree_has_it_and_nowhere_else() {
    let all = "BOOTSTRAP CLIENTIDENTITY VENDORCONFIG ACCESS NAPDEF NAPAUTHINFO VALIDITY PXLOGICAL PXAUTHINFO PORT \
               PXPHYSICAL APPLICATION APPADDR APPAUTH RESOURCE";
    let below = |parent: &str| TREE.iter().find(|(name, _)| *name == parent).map_or(&[][..], |(_, below)| below);
    let way_to = |name: &str| match name {
        "root" => "",
        "NAPAUTHINFO" | "VALIDITY" => "NAPDEF",
        "PXAUTHINFO" | "PXPHYSICAL" => "PXLOGICAL",
        "APPADDR" | "APPAUTH" | "RESOURCE" => "APPLICATION",
        "PORT" => "PXLOGICAL",
        _ => "",
    };
    let open = DECLARATIONS.iter().filter(|d| d.stands_in("*")).map(|d| d.name).collect::<Vec<_>>();
    assert_eq!(open, ["BEARERINFO", "DNS-ADDRINFO", "WLAN"]);
    for parent in std::iter::once("root").chain(all.split_ascii_whitespace()) {
        for child in all.split_ascii_whitespace() {
            let inner = format!("{child}[]");
            let inner = if parent == "root" { inner } else { format!("{parent}[{inner}]") };
            let way = way_to(parent);
            let document = if way.is_empty() { inner } else { format!("{way}[{inner}]") };
            let is_found = found(xml(&document).as_bytes(), "").contains("CP006");
            // What any parms may stand in is not looked into: VENDORCONFIG is the vendor's own.
            let is_wrong = !below(parent).contains(&child) && parent != "VENDORCONFIG";
            assert_eq!(is_found, is_wrong, "{document}");
        }
    }
}

/// PC-21: the message names the limit that is passed.
#[test]
fn the_limit_of_the_size_is_named() {
    for (length, limit) in [(1009, "1024"), (2032, "1024"), (2033, "2048")] {
        let document = xml(&format!("VENDORCONFIG[NAME=x*{length}]"));
        let report = catalogue::check(document.into_bytes(), "size", &Options::default()).report;
        let [finding] = report.diagnostics() else { panic!("{:?}", report.diagnostics()) };
        assert!(finding.message.contains(limit), "{}", finding.message);
    }
}

/// PC-01 and PC-14 beyond what the short form can write.
#[test]
fn what_is_no_document_is_told() {
    for (document, findings) in [
        ("<wap-provisioningdoc>", "E XML001"),
        ("<characteristic type=\"NAPDEF\"/>", "E GEN001"),
        ("<wap-provisioningdoc><parm name=\"A\"/></wap-provisioningdoc>", "E CP001 E CP002"),
        ("<wap-provisioningdoc><characteristic/></wap-provisioningdoc>", "E CP001 W CP002"),
    ] {
        assert_eq!(found(document.as_bytes(), ""), findings, "{document}");
    }
    // A parm whose value is U+0001, inline in WBXML.
    let octets = b"\x03\x0B\x6A\x00\x45\xC6\x58\x01\x87\x30\x06\x03\x01\x00\x01\x01\x01";
    assert_eq!(found(octets, ""), "E WB006 W CP014");
}

/// Returns the parms of a document in WBXML, `NAME=value` each, and the codes of what its reader told.
fn parms(hex: &str) -> (String, String) {
    let octets = octets(hex);
    let mut report = Report::new();
    let document = catalogue::read(&octets, &Limits::default(), &mut report);
    let mut parms = Vec::new();
    if let Some(document) = &document {
        assert_eq!(document.vocabulary.map(|v| v.id), Some("cp"), "{hex}");
        document.root.walk(&mut |element, _| {
            let name = element.attribute("name");
            let value = element.attribute("value").map(|value| format!("={value}")).unwrap_or_default();
            parms.extend(name.map(|name| format!("{name}{value}")));
        });
    }
    let codes = report.diagnostics().iter().map(|finding| finding.rule.code);
    (parms.join(" "), codes.collect::<Vec<_>>().join(" "))
}

/// What WBXML says: the octets, the parms, the codes of what its reader tells.
type Wbxml = (&'static str, String, (&'static str, &'static str));

/// Section 9.1: headers that a reader must take. The octets here and below are put together by hand from the sheet's tables.
fn headers() -> Vec<Wbxml> {
    // VENDORCONFIG with NAME `A` and a further letter: é, which each character set writes in its own way.
    let vendor = |text: &str| format!("45 C6 57 01 87 07 06 03 41 {text} 00 01 01 01");
    let literal = "2D 2F 2F 57 41 50 46 4F 52 55 4D 2F 2F 44 54 44 20 50 52 4F 56 20 31 2E 30 2F 2F 45 4E 00";
    vec![
        ("1.3, UTF-8", format!("03 0B 6A 00 {}", vendor("C3 A9")), ("NAME=A\u{E9}", "")),
        ("1.2", format!("02 0B 6A 00 {}", vendor("C3 A9")), ("NAME=A\u{E9}", "")),
        ("1.1", format!("01 0B 6A 00 {}", vendor("C3 A9")), ("NAME=A\u{E9}", "")),
        ("1.0, which has no character set", format!("00 0B 00 {}", vendor("C3 A9")), ("NAME=A\u{E9}", "")),
        ("US-ASCII", format!("03 0B 03 00 {}", vendor("42")), ("NAME=AB", "")),
        ("US-ASCII that is none", format!("03 0B 03 00 {}", vendor("E9")), ("NAME=A\u{FFFD}", "WB006")),
        ("Latin-1", format!("03 0B 04 00 {}", vendor("E9")), ("NAME=A\u{E9}", "")),
        ("UCS-2", "03 0B 87 68 00 45 C6 57 01 87 07 06 03 00 41 00 E9 00 00 01 01 01".to_owned(), ("NAME=A\u{E9}", "")),
        ("another character set", format!("03 0B 11 00 {}", vendor("42")), ("NAME=AB", "WB006")),
        ("an unknown identifier", format!("03 01 6A 00 {}", vendor("42")), ("NAME=AB", "")),
        ("the literal identifier", format!("03 00 00 6A 1E {literal} {}", vendor("42")), ("NAME=AB", "")),
        ("a length in a long form", format!("03 0B 6A 80 00 {}", vendor("42")), ("NAME=AB", "WB007")),
        ("octets behind the end", format!("03 0B 6A 00 {} 00", vendor("42")), ("NAME=AB", "WB008")),
    ]
}

/// Sections 9.3 and 9.4: tokens of both pages that a reader must take.
fn tokens() -> Vec<Wbxml> {
    let application = |body: &str| format!("03 0B 6A 00 45 C6 00 01 57 01 {body} 01 01");
    vec![
        ("tags on page 1", "03 0B 6A 00 45 00 01 C6 57 01 87 07 06 03 41 00 01 01 00 00 01".to_owned(), ("NAME=A", "")),
        (
            "a name and a value on page 1, and all after it",
            application("87 36 06 03 77 41 00 01 87 07 06 03 41 00 01"),
            ("APPID=wA NAME=A", ""),
        ),
        (
            "names of both pages on page 1",
            application("87 14 01 87 1C 01 87 22 01 87 23 01 87 24 01"),
            ("INTERNET STARTPAGE TO-NAPID PORTNBR SERVICE", ""),
        ),
        (
            "a name of page 1 by its token, its value on page 0",
            application("87 30 00 00 06 00 01 8D 01"),
            ("AAUTHLEVEL=APPSRV", ""),
        ),
        ("a value of page 1 without a switch", application("87 30 06 8E 01"), ("AAUTHLEVEL=OBEX", "")),
        (
            "the words of 2005",
            application("87 33 06 91 92 90 91 93 90 93 01"),
            ("AAUTHTYPE=HTTP-BASIC,HTTP-DIGEST,DIGEST", ""),
        ),
        (
            "the words of 2002",
            application("87 33 06 81 82 80 82 01"),
            ("AAUTHTYPE=HTTP-BASIC,BASIC", "WB010 WB010 WB010 WB010"),
        ),
        (
            "83 of 2002 is STR_T",
            "03 0B 6A 07 44 49 47 45 53 54 00 45 C6 00 01 57 01 87 33 06 83 00 01 01 01".to_owned(),
            ("AAUTHTYPE=DIGEST", ""),
        ),
        ("83 of 2002 without a string table", application("87 33 06 83 01 01"), ("AAUTHTYPE=", "WB005")),
        (
            "a name by its letters",
            application("87 05 03 53 45 52 56 49 43 45 53 00 06 03 49 4D 00 01"),
            ("SERVICES=IM", ""),
        ),
        ("a name by a token and a rest", application("87 24 03 53 00 06 03 49 4D 00 01"), ("SERVICES=IM", "")),
        ("an empty value in both forms", application("87 07 06 03 00 01 87 07 06 01"), ("NAME= NAME=", "")),
        ("late additions", application("87 3C 06 03 72 00 01 87 3D 06 03 72 00 01"), ("APPREF=r TO-APPREF=r", "")),
        (
            "late words",
            "03 0B 6A 00 45 C6 55 01 87 10 06 BB 01 87 10 06 BC 01 01 01".to_owned(),
            ("BEARER=3G-GSM BEARER=WLAN", ""),
        ),
    ]
}

#[test]
fn every_header_and_both_pages_are_read() {
    let mut wrong = Vec::new();
    for (what, hex, expected) in headers().into_iter().chain(tokens()) {
        let (parms, codes) = parms(&hex);
        if (parms.as_str(), codes.as_str()) != expected {
            wrong.push(format!("{what}: {parms} {codes}, not {expected:?}: {hex}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Section 9.5: tokens that two makers use for two things are told, and not given either name.
#[test]
fn contested_tokens_are_told_and_have_no_name() {
    let ranges = [(0, 0x5E..=0x78), (1, 0x3E..=0x4F), (1, 0x5A..=0x5E), (1, 0x60..=0x73)];
    for (page, token) in ranges.into_iter().flat_map(|(page, tokens)| tokens.map(move |token| (page, token))) {
        let (parms, codes) = parms(&format!("03 0B 6A 00 45 C6 55 01 87 00 {page:02X} {token:02X} 01 01 01"));
        assert!(codes.starts_with("WB0"), "page {page}, {token:02X}: {parms}");
        assert!(!["DIRECTION", "PRI-SSID", "LOGINTW", "USERNAME", "SSID"].contains(&parms.as_str()), "{parms}");
    }
    for token in std::iter::once(0x8F).chain(0xE2..=0xE9) {
        let (parms, codes) = parms(&format!("03 0B 6A 00 45 C6 55 01 87 10 06 {token:02X} 01 01 01"));
        assert_eq!((parms.as_str(), codes.as_str()), (&*format!("BEARER=[unknown 0x{token:02X}]"), "WB004"));
    }
}
