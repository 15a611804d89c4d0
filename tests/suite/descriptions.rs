//! Descriptions as they lie about: in a wrong encoding, with a document type of their own, several in a file, in prose,
//! in pieces. They are told from sound ones, and judged all the same.

use impskit::catalogue::{self, Checked, Options};
use impskit::codec::{self, Limits};
use impskit::diagnose::{Report, Severity};
use impskit::dm;
use impskit::document::Element;

use crate::codecs::octets;

const LEAF: &str = "<Node><NodeName>Name</NodeName><DFProperties><AccessType><Get/></AccessType>\
    <Description>what it’s called</Description><DFFormat><chr/></DFFormat><Occurrence><One/></Occurrence>\
    <Scope><Permanent/></Scope><DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>";

fn whole() -> String {
    format!("<MgmtTree><VerDTD>1.2</VerDTD>{LEAF}</MgmtTree>")
}

fn check(octets: &[u8]) -> Checked<'static> {
    catalogue::check(octets.to_vec(), "odd.ddf.xml", &Options::default())
}

/// Returns the code and the text that each finding covers.
fn places(checked: &Checked<'_>) -> Vec<(&'static str, String)> {
    let text =
        |d: &impskit::diagnose::Diagnostic| String::from_utf8_lossy(&checked.source.bytes[d.span.range()]).into_owned();
    checked.report.diagnostics().iter().map(|d| (d.rule.code, text(d))).collect()
}

fn kind(checked: &Checked<'_>) -> &'static str {
    checked.kind.map_or("", |kind| kind.id)
}

/// Windows-1252 under the name of UTF-8: the finding names the first octet and its character.
#[test]
fn windows_1252_is_read() {
    let octets: Vec<u8> = whole().replace("called", "called – so").chars().map(in_windows_1252).collect();
    let checked = check(&octets);
    assert_eq!(kind(&checked), "ddf");
    let findings = checked.report.diagnostics();
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = &findings[0];
    assert_eq!((finding.rule.code, finding.severity), ("XML002", Severity::Error));
    assert!(finding.message.contains("octet 0x92"), "{}", finding.message);
    assert!(finding.message.contains("one more octet: `’` in Windows-1252"), "{}", finding.message);
    assert_eq!(octets[finding.span.range()], [0x92]);
    assert!(finding.way_out().contains("encoding=\"windows-1252\""), "{}", finding.way_out());
}

/// The three characters of the samples beyond ASCII, by the table of Windows-1252.
fn in_windows_1252(c: char) -> u8 {
    match c {
        '’' => 0x92,
        '–' => 0x96,
        'é' => 0xE9,
        _ => u8::try_from(c).unwrap(),
    }
}

/// Characters that are UTF-8 stay what they are beside octets that are not.
#[test]
fn utf_8_beside_windows_1252_is_kept() {
    let text = whole().replace("called", "called é");
    let at = text.find('’').unwrap();
    let mut octets = text.clone().into_bytes();
    octets.splice(at..at + '’'.len_utf8(), [0x92]);
    let mut report = Report::new();
    let document = codec::read(&octets, &[&dm::DDF], &Limits::default(), &mut report).unwrap();
    let description = document.root.descend(&["Node", "DFProperties", "Description"]).unwrap();
    assert_eq!(description.text(), "what it’s called é");
    assert_eq!(octets[description.content_span.range()], octets[at - 7..at + 12]);
    assert_eq!(report.diagnostics().len(), 1);
}

#[test]
fn an_internal_subset_is_passed_over() {
    let subset = "<!DOCTYPE MgmtTree PUBLIC \" -//OMA//DTD-DM-DDF 1.2//EN\" \"x.dtd\" [\n\
        <?oma-dm-ddf-ver supported-versions=\"1.2\"?>\n<!-- no <!ENTITY here ]> -->\n\
        <!ELEMENT MgmtTree (VerDTD, Man?, Mod?, Node+)>\n\
        <!ATTLIST MgmtTree xmlns:MSFT CDATA #FIXED \"urn:x]>\">\n<!NOTATION n SYSTEM \"n\">\n]>\n";
    let checked = check(format!("<?xml version=\"1.0\"?>\n{subset}{}", whole()).as_bytes());
    assert_eq!((kind(&checked), places(&checked)), ("ddf", Vec::new()));
    let checked = check(format!("<!DOCTYPE MgmtTree [<!ENTITY a \"b\">]>{}", whole()).as_bytes());
    assert_eq!(places(&checked)[0].0, "GEN004");
}

/// Each document of a file is judged for itself; the findings say where each begins.
#[test]
fn several_documents_are_all_judged() {
    let bad = whole().replace("<NodeName>Name</NodeName>", "");
    let text = format!("{}\n<?xml version=\"1.0\"?>\n{bad}\n<!-- and -->{}", whole(), whole());
    let checked = check(text.as_bytes());
    assert_eq!(kind(&checked), "ddf");
    let found = places(&checked);
    let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["XML004", "DDF005", "XML004"], "{found:?}");
    let starts: Vec<_> = checked.report.diagnostics().iter().map(|d| d.span.start as usize).collect();
    assert_eq!(starts[0], text.find("<?xml").unwrap());
    assert_eq!(starts[2], text.rfind("<MgmtTree").unwrap());
    assert!(checked.report.diagnostics()[0].message.starts_with("document 2 of 3"));
}

/// A comment excuses findings in its own document only.
#[test]
fn each_document_has_its_own_suppressions() {
    let bad = whole().replace("<NodeName>Name</NodeName>", "");
    let text = format!("<!-- impskit-ignore DDF005: known -->{bad}{bad}");
    let codes: Vec<_> = places(&check(text.as_bytes())).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["XML004", "DDF005"]);
}

#[test]
fn prose_around_a_document_is_skipped() {
    let text = format!("R&D says: a < b\n```xml\n{}\n```\nbye", whole());
    let checked = check(text.as_bytes());
    assert_eq!(kind(&checked), "ddf");
    let expected = [("XML005", "R&D says: a < b\n```xml\n".to_owned()), ("XML005", "```\nbye".to_owned())];
    assert_eq!(places(&checked), expected);
    // Between two documents too.
    let text = format!("{}\nand then\n{}", whole(), whole());
    let codes: Vec<_> = places(&check(text.as_bytes())).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["XML005", "XML004"]);
}

#[test]
fn a_file_of_very_many_documents_is_refused() {
    let checked = check("<a/>".repeat(100_000).as_bytes());
    assert!(checked.report.cites("GEN005"));
    assert!(checked.report.diagnostics().len() < 300);
}

/// Some stacks bind the table of descriptions to page 0, and write no switch to page 2; shipped clients leave the last
/// zero of the public identifier out.
#[test]
fn wbxml_on_page_0_reads_as_on_page_2() {
    let identifier = "2D 2F 2F 4F 4D 41 2F 2F 44 54 44 2D 44 4D 2D 44 44 46 20 31 2E 32 2F 2F 45 4E";
    let body = "60 77 03 31 2E 32 00 01 64 66 03 49 4D 31 00 01 56 45 08 01 01 01 01";
    let headers = [
        format!("02 00 00 6A 1B {identifier} 00 00 02"),
        format!("02 00 00 6A 1B {identifier} 00"),
        format!("02 00 00 6A 1A {identifier} 00 02"),
        format!("02 00 00 6A 1A {identifier}"),
    ];
    let trees: Vec<Element<'static>> = headers
        .iter()
        .map(|header| {
            let octets = octets(&format!("{header} {body}"));
            let mut report = Report::new();
            let document = codec::read(&octets, &[&dm::DDF], &Limits::default(), &mut report).unwrap();
            assert!(report.diagnostics().is_empty(), "{header}: {:?}", report.diagnostics());
            document.root.into_owned()
        })
        .collect();
    assert_eq!(trees[0].descend(&["Node", "NodeName"]).map(Element::text), Some("IM1"));
    assert!(trees.iter().all(|tree| tree.same_as(&trees[0])));
}

/// What was cut out of a description is said to be a piece, and its own faults are found.
#[test]
fn pieces_are_judged_as_far_as_they_go() {
    let found = |text: &str| -> Vec<(&'static str, Severity)> {
        let checked = check(text.as_bytes());
        assert_eq!(kind(&checked), "ddf", "{text}");
        checked.report.diagnostics().iter().map(|d| (d.rule.code, d.severity)).collect()
    };
    let piece = ("DDF001", Severity::Warning);
    assert_eq!(found(LEAF), [piece]);
    let properties = &LEAF[LEAF.find("<DFProperties>").unwrap()..LEAF.find("</Node>").unwrap()];
    assert_eq!(found(properties), [piece]);
    assert_eq!(found(&LEAF.replace("<NodeName>Name</NodeName>", "")), [piece, ("DDF005", Severity::Error)]);
    assert_eq!(found(&properties.replace("<chr/>", "<char/>"))[1].0, "DDF004");
    let often =
        properties.replace("<One/>", "<OneOrMore/>").replace("Permanent", "Dynamic").replace("<Get/>", "<Add/><Get/>");
    assert_eq!(found(&often), [piece]);
    // Its prefix is declared where it was cut off.
    let extended = properties.replace("</DFProperties>", "<MSFT:RWAccess>9</MSFT:RWAccess></DFProperties>");
    assert!(found(&extended).contains(&("DDF036", Severity::Warning)));

    let tree = check(b"<Node><NodeName>a</NodeName><Value>1</Value></Node>");
    assert_eq!((kind(&tree), tree.report.count(Severity::Warning), tree.report.count(Severity::Error)), ("tree", 1, 0));
    let description = dm::Description::read(LEAF.as_bytes(), &mut Report::new()).unwrap();
    assert_eq!(description.nodes[0].name.as_deref(), Some("Name"));
}

/// Formats and CaseSense that came with 1.2 are warned of in older descriptions; elements that only 1.3 may know are
/// warnings there and errors elsewhere.
#[test]
fn versions_have_their_own_elements() {
    let found = |version: &str, from: &str, to: &str| -> Vec<(&'static str, Severity)> {
        let text = whole().replace("<VerDTD>1.2", &format!("<VerDTD>{version}")).replace(from, to);
        check(text.as_bytes()).report.diagnostics().iter().map(|d| (d.rule.code, d.severity)).collect()
    };
    for (from, to) in [("<chr/>", "<date/>"), ("</DFProperties>", "<CaseSense><CS/></CaseSense></DFProperties>")] {
        assert_eq!(found("1.1.2", from, to), [("DDF004", Severity::Warning)], "{to}");
        assert_eq!(found("1.1", from, to), [("DDF004", Severity::Warning)], "{to}");
        assert_eq!(found("1.2", from, to), [], "{to}");
        assert_eq!(found("1.3", from, to), [], "{to}");
    }
    assert_eq!(found("1.3", "</DFProperties>", "<Novel/></DFProperties>"), [("DDF004", Severity::Warning)]);
    assert_eq!(found("1.2", "</DFProperties>", "<Novel/></DFProperties>"), [("DDF004", Severity::Error)]);
}
