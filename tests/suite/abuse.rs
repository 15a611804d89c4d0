//! What has broken other readers: the cases of part 1 that no test beside the reader plays. `tests/README.md` names
//! the test of every case.

use std::fs;
use std::path::{Path, PathBuf};

use impskit::catalogue;
use impskit::codec::Limits;
use impskit::diagnose::Report;
use impskit::document::Element;
use impskit::inspect::{self, MacState, Options};

use crate::codecs::octets;
use crate::delivery::{mutations, rows};

const SMS: &str = include_str!("../samples/cp/sms.tsv");

/// Reads a message of CSP 1.3 in WBXML with a string table of `table` and the given content of its root.
fn message(table: &str, body: &str) -> (Option<Element<'static>>, Report) {
    let length = octets(table).len();
    let bytes = octets(&format!("03 12 6A {length:02X} {table} C9 0B 03 31 2E 33 00 01 {body} 01"));
    let mut report = Report::new();
    let root = catalogue::read(&bytes, &Limits::default(), &mut report).map(|d| d.root.into_owned());
    (root, report)
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.diagnostics().iter().map(|d| d.rule.code).collect()
}

/// Returns the findings of a text document of any kind, of which one must be an error.
fn refused(bytes: &[u8]) -> Vec<&'static str> {
    let checked = catalogue::check(bytes, "input", &catalogue::Options::default());
    assert!(checked.report.has_errors(), "{:?}", &bytes[..bytes.len().min(80)]);
    codes(&checked.report)
}

/// A01: characters above 255 are characters, in the middle of text too; what none is, other tests refuse.
#[test]
fn a01_entities_above_255_are_characters() {
    // SName: `a`, U+20AC, U+1F600, U+10FFFF, `b`.
    let (root, report) = message("", "48 03 61 00 02 C1 2C 02 87 EC 00 02 C3 FF 7F 03 62 00 01");
    assert_eq!(root.unwrap().children[0].text(), "a€😀\u{10FFFF}b");
    assert!(codes(&report).is_empty(), "{report:?}");
}

/// A02: descriptions nest no deeper than other documents, in either syntax.
#[test]
fn a02_deep_descriptions_are_refused() {
    for depth in [65, 10_000, 1_000_000] {
        let node = "<Node><NodeName>a</NodeName><DFProperties/>";
        let xml = format!("<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD>{}", node.repeat(depth));
        assert!(refused(xml.as_bytes()).contains(&"GEN005"), "{depth}");
        // Page 2: MgmtTree 20, Node 24.
        let wbxml = [octets("02 02 6A 00 00 02 60"), vec![0x64; depth]].concat();
        assert!(refused(&wbxml).contains(&"GEN005"), "{depth}");
    }
}

/// A03: an index into the middle of a character is told where it stands, and nothing outside of the table is read.
#[test]
fn a03_an_index_into_a_character_is_told_with_its_place() {
    let (_, report) = message("41 C3 A9 42 00", "48 83 02 01");
    let finding = report.diagnostics().iter().find(|d| d.rule.code == "WB006").expect("a finding");
    assert_eq!(finding.span.range().start, 6, "the octet of the table that begins no character");
    let (root, _) = message("41 C3 A9 42 00", "48 83 01 01");
    assert_eq!(root.unwrap().children[0].text(), "éB");
}

/// A03: a name in the string table that is none, or is not there, stands as an unknown element that XML can carry.
#[test]
fn a03_names_of_the_string_table_are_names() {
    for table in ["3C 61 3E 00", "00", ""] {
        let (root, report) = message(table, "04 00");
        assert!(codes(&report).contains(&"WB004"), "{table}: {report:?}");
        assert_eq!(root.unwrap().children[0].name, "unknown", "{table}");
    }
    let (root, report) = message("41 00", "04 00");
    assert_eq!((root.unwrap().children[0].name.as_ref(), codes(&report)), ("A", vec![]));
}

/// A04: a text without its zero, a length of 2^32, numbers with leading octets that say nothing.
#[test]
fn a04_lengths_and_numbers_out_of_shape_are_told() {
    assert_eq!(codes(&message("", "48 03 41 41").1), ["WB001"]);
    assert_eq!(codes(&message("", "4B C3 90 80 80 80 00 41").1), ["WB007"]);
    let (root, report) = message("", "48 02 80 80 41 01");
    assert_eq!((root.unwrap().children[0].text(), codes(&report)), ("A", vec!["WB007"]));
}

/// A05: a page switch within text loses none of it; pages, attributes and values that are in no table are shown.
#[test]
fn a05_unknown_pages_and_tokens_are_kept_and_told() {
    let text = |body: &str| {
        let (root, report) = message("", body);
        (root.unwrap().children[0].text().to_owned(), codes(&report))
    };
    assert_eq!(text("48 03 41 00 00 01 03 42 00 01"), ("AB".to_owned(), vec![]));
    assert_eq!(text("48 03 41 00 00 33 03 42 00 01"), ("AB".to_owned(), vec!["WB009"]));
    let (value, found) = text("48 03 41 00 80 8F 7F 03 42 00 01");
    assert!(value.starts_with('A') && value.contains("0x7FF") && value.ends_with('B'), "{value}");
    assert_eq!(found, ["WB004"]);
    let (root, report) = message("", "00 77 45 03 41 00 01");
    let unknown = &root.unwrap().children[0];
    assert_eq!((unknown.attribute("page"), unknown.attribute("token")), (Some("119"), Some("0x05")));
    assert_eq!((unknown.text(), codes(&report)), ("A", vec!["WB009", "WB004"]));
    // A parm with an attribute and a value that no table has, between two that are known.
    let bytes = octets("03 0B 6A 00 45 C6 55 01 87 07 06 03 41 00 FF 03 42 00 7E 03 43 00 01 01 01");
    let mut report = Report::new();
    let root = catalogue::read(&bytes, &Limits::default(), &mut report).unwrap().root;
    let parm = root.descend(&["characteristic", "parm"]).unwrap();
    let value = parm.attribute("value").unwrap();
    assert!(value.starts_with('A') && value.ends_with('B'), "{value}");
    assert!(parm.attributes.iter().any(|a| a.value == "C"), "{parm:?}");
    assert_eq!(codes(&report), ["WB004", "WB004"]);
}

/// A07: a plain DOCTYPE is taken, and nothing that it names is fetched; definitions are refused, quadratic ones too.
#[test]
fn a07_a_plain_doctype_is_taken() {
    let head = "<!DOCTYPE wap-provisioningdoc PUBLIC \"-//WAPFORUM//DTD PROV 1.0//EN\" \"http://192.0.2.1/none.dtd\"";
    let body = "<wap-provisioningdoc><characteristic type=\"X\"/></wap-provisioningdoc>";
    let mut report = Report::new();
    let plain = format!("{head}>{body}");
    let document = catalogue::read(plain.as_bytes(), &Limits::default(), &mut report);
    assert_eq!((document.unwrap().root.children.len(), codes(&report)), (1, vec![]));
    let large = format!("{head} [<!ENTITY a \"{}\">]>{body}", "x".repeat(100_000));
    assert!(refused(large.as_bytes()).contains(&"GEN004"));
}

/// A08: a declaration that stands behind another instruction is none, in octets that are no UTF-8 either.
#[test]
fn a08_a_declaration_that_is_not_first_is_none() {
    assert!(refused(b"<?x y?><a/><?xml version='1.0'?>\xFF").contains(&"XML001"));
}

/// A08: half of a surrogate pair is no character in any spelling; UTF-16 in either order is refused by its name.
#[test]
fn a08_surrogates_and_utf_16_are_refused_by_name() {
    assert!(refused(b"<wap-provisioningdoc version='&#xD800;'/>").contains(&"XML001"));
    assert!(refused(b"<wap-provisioningdoc version='\xED\xA0\x80'/>").contains(&"XML002"));
    assert_eq!(codes(&message("", "48 03 ED A0 80 00 01").1), ["WB006"]);
    for (mark, order) in [(b"\xFE\xFF", 1), (b"\xFF\xFE", 0)] {
        let mut bytes = mark.to_vec();
        for octet in b"<wap-provisioningdoc/>" {
            bytes.extend(if order == 1 { [0, *octet] } else { [*octet, 0] });
        }
        let checked = catalogue::check(&bytes[..], "input", &catalogue::Options::default());
        let finding = &checked.report.diagnostics()[0];
        assert!(finding.rule.code == "XML002" && finding.message.contains("UTF-16"), "{finding:?}");
    }
}

/// A09: one name or value of a megabyte is read or refused at once; ten million of anything are refused.
#[test]
fn a09_large_pieces_cost_no_more_than_their_size() {
    let name = "n".repeat(1 << 20);
    assert!(refused(format!("<{name}/>").as_bytes()).contains(&"GEN001"));
    let value = format!("<wap-provisioningdoc version='{name}'/>");
    assert!(refused(value.as_bytes()).contains(&"CP002"));
    let huge = format!("<wap-provisioningdoc version='{}'/>", "v".repeat(17 << 20));
    assert!(refused(huge.as_bytes()).contains(&"GEN005"));
    // WV-CSP-Message with ten million empty elements: SName 08.
    let siblings = [octets("03 12 6A 00 49"), vec![0x08; 10_000_000]].concat();
    assert!(refused(&siblings).contains(&"GEN005"));
}

/// A10: every sample in binary form, cut and changed at every octet, and what people write by hand at every fifth.
#[test]
fn a10_damaged_samples_end_with_a_document_or_a_finding() {
    let limits = Limits::default();
    let mut files = Vec::new();
    for folder in ["tests/samples", "wap-provisioning", "ddf"] {
        collect(Path::new(folder), &mut files);
    }
    for path in files {
        let bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|e| e == "hex") {
            for damaged in mutations(&octets(&String::from_utf8(bytes).unwrap())) {
                let mut report = Report::new();
                let document = catalogue::read(&damaged, &limits, &mut report);
                assert!(document.is_some() || report.has_errors(), "{}", path.display());
            }
        } else if path.extension().is_some_and(|e| e == "csv" || e == "sms" || e == "json") {
            for damaged in mutations(&bytes).step_by(5) {
                let _ = catalogue::check(&damaged[..], "input", &catalogue::Options::default());
            }
        }
    }
}

pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
    files.sort();
}

/// A11: parts that are not of one message are never joined, and each fault has its finding.
#[test]
fn a11_parts_that_do_not_belong_together_are_told() {
    let parts: Vec<&str> = rows(SMS).filter(|row| row[0] == "v1-userpin" && row[1] == "8").map(|row| row[6]).collect();
    let told = |lines: &[String]| {
        let peeled = inspect::peel(lines.join("\n").as_bytes(), &Options::default());
        let codes: Vec<&str> = peeled.layers.iter().flat_map(|l| codes(&l.report)).collect();
        assert!(peeled.mac == MacState::None && peeled.document().is_none(), "joined: {lines:?}");
        codes
    };
    // The element of the user data header: reference 2A, 2 parts, part 1 or 2.
    let with = |line: usize, from: &str, to: &str| {
        assert!(parts[line].contains(from));
        parts[line].replacen(from, to, 1)
    };
    let first = parts[0].to_owned();
    let cases = [
        ("part 0", vec![with(0, "00032a0201", "00032a0200"), parts[1].into()], "SM003"),
        ("above the total", vec![first.clone(), with(1, "00032a0202", "00032a0203")], "SM003"),
        ("a total that changes", vec![first.clone(), with(1, "00032a0202", "00032a0302")], "SM003"),
        ("a reference used again", vec![first.clone(), format!("{}ff", &first[..first.len() - 2])], "SM003"),
        ("other ports", vec![first.clone(), with(1, "0b8423f0", "0b840b84")], "SM002"),
        (
            "references of two widths",
            vec![first.clone(), with(1, "180b05040b8423f000032a", "190c05040b8423f00804002a")],
            "SM002",
        ),
    ];
    for (name, lines, code) in cases {
        assert_eq!(told(&lines)[0], code, "{name}");
    }
}
