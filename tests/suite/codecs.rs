//! Codecs: exact octets both ways, and what others read in the same documents.

use std::path::Path;

use impskit::catalogue;
use impskit::codec::{self, Document, Limits, WbxmlOptions, WbxmlStyle};
use impskit::diagnose::Report;
use impskit::document::{Content, Element, Vocabulary};
use impskit::{cp, csp, dm};

/// Returns the octets that hexadecimal digits say; everything else in the text is skipped.
pub(crate) fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Reads a document that must have no findings.
pub(crate) fn read_clean(bytes: &[u8]) -> Document<'_> {
    let mut report = Report::new();
    let document = catalogue::read(bytes, &Limits::default(), &mut report).expect("a document");
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    document
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/samples").join(name)).expect(name)
}

fn write(root: &Element<'_>, vocabulary: &Vocabulary, style: WbxmlStyle) -> Vec<u8> {
    codec::write_wbxml(root, vocabulary, &WbxmlOptions { style, ..Default::default() }).expect("a WBXML form")
}

/// The three styles of provisioning documents. `safe` was written by a script and read back by libwbxml and Wireshark,
/// `prefix` was written by libwbxml 0.11.8, `whole-value` by Kannel 1.4.5.
#[test]
fn provisioning_documents_have_exact_octets_in_every_style() {
    for name in ["v1-min", "v2-full", "v3-utf8"] {
        let xml = sample(&format!("cp/{name}.xml"));
        let document = read_clean(&xml);
        for (style, word) in
            [(WbxmlStyle::Safe, "safe"), (WbxmlStyle::Prefix, "prefix"), (WbxmlStyle::WholeValue, "whole-value")]
        {
            let hex = sample(&format!("cp/{name}.{word}.wbxml.hex"));
            let expected = octets(&String::from_utf8(hex).unwrap());
            let written = write(&document.root, &cp::VOCABULARY, style);
            assert_eq!(hex_rows(&written), hex_rows(&expected), "{name} {word}");
            assert!(read_clean(&expected).root.same_as(&document.root), "{name} {word} reads back");
        }
    }
}

fn hex_rows(octets: &[u8]) -> Vec<String> {
    let row = |chunk: &[u8]| chunk.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
    octets.chunks(16).map(row).collect()
}

/// Forms that a decoder must take; hand assembled or written by libwbxml, each confirmed by libwbxml or Wireshark.
#[test]
fn provisioning_documents_are_read_in_forms_that_we_do_not_write() {
    let table = String::from_utf8(sample("cp/decode-only.tsv")).unwrap();
    let parms = |hex: &str| -> Vec<(String, Option<String>)> {
        let bytes = octets(hex);
        let mut found = Vec::new();
        read_clean(&bytes).root.walk(&mut |e, _| {
            if e.name == "parm" {
                found.push((e.attribute("name").unwrap().to_owned(), e.attribute("value").map(str::to_owned)));
            }
        });
        found
    };
    let row =
        |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().split('\t').nth(1).unwrap().to_owned();
    let minimal = parms(&String::from_utf8(sample("cp/v1-min.safe.wbxml.hex")).unwrap());
    assert_eq!(parms(&row("sticky-page1")), minimal);
    assert_eq!(parms(&row("literal-publicid")), minimal);
    let pair = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(
        parms(&row("substring-tokens")),
        [pair("APPID", "wA"), pair("NAME", "HAPPY MAN, PAPER"), pair("SERVICES", "IM"), ("INIT".to_owned(), None)]
    );
    let account = [
        pair("APPID", "wA"),
        pair("PROVIDER-ID", "im.example.net"),
        pair("NAME", "im.example.net"),
        pair("TO-NAPID", "INTERNET"),
        pair("CIDPREFIX", "ex"),
        pair("ADDR", "http://im.example.net/imps"),
    ];
    assert_eq!(parms(&row("string-table\t")), account);
    let mut older = account.to_vec();
    older.remove(4);
    assert_eq!(parms(&row("string-table-1.1")), older);
}

/// A vector: a tree with one node and one leaf, as shipped clients send it.
#[test]
fn a_tree_has_exact_octets() {
    let vector = octets(
        "02 00 00 6A 1B 2D 2F 2F 4F 4D 41 2F 2F 44 54 44 2D 44 4D 2D 44 44 46 20 31 2E 32 2F 2F 45 4E 00 00 02 60 77 03 \
         31 2E 32 00 01 64 66 03 49 4D 31 00 01 64 66 03 41 70 70 49 44 00 01 6F 5C 0B 01 75 61 03 74 65 78 74 2F 70 \
         6C 61 69 6E 00 01 01 01 76 03 77 41 00 01 01 01 01",
    );
    let document = read_clean(&vector);
    let leaf = document.root.descend(&["Node", "Node"]).unwrap();
    assert_eq!((leaf.child_text("NodeName"), leaf.child_text("Value")), (Some("AppID"), Some("wA")));
    assert!(leaf.descend(&["RTProperties", "Format", "chr"]).is_some());
    assert_eq!(hex_rows(&write(&document.root, &dm::DDF, WbxmlStyle::Safe)), hex_rows(&vector));
    // Shipped clients leave out the zero at the end of the string table.
    let mut short = vector.clone();
    short[4] = 0x1A;
    short.remove(31);
    assert!(read_clean(&short).root.same_as(&document.root));
}

/// Whatever our XML reader accepts, roxmltree accepts, and sees the same tree; what roxmltree refuses, we refuse.
#[test]
fn xml_is_read_as_roxmltree_reads_it() {
    let documents = [
        "<a/>",
        "<?xml version='1.0'?><!DOCTYPE a [<?p v=\"1\"?>]><a b='1'>\r\n<c>x &amp; <![CDATA[<y>]]>&#65;</c><!-- --></a>",
        "<a b=\"1&#10;2\n3\">t</a>",
        "<a><b>one</b><b>two</b></a> ",
        "\u{FEFF}<a>ä€</a>",
        "<a",
        "<a>",
        "<a></b>",
        "<a b=c/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a>&nope;</a>",
        "<a>&#0;</a>",
        "<a>]]></a>",
        "<a/><b/>",
        "x<a/>",
        "<a/>x",
        "",
        "<1a/>",
        "<a 1b='x'/>",
        "<a b='1'c='2'/>",
        "<a>\u{1}</a>",
        "<a>\u{FFFF}</a>",
        "<p:a/>",
        "<a><!-- -- --></a>",
        " <?xml version='1.0'?><a/>",
        "<a>&</a>",
        "<a b='&'/>",
        "<a:b:c xmlns:a='x'/>",
    ];
    let corpus = std::env::var_os("IMPSKIT_CORPUS").map(|root| all_files(Path::new(&root))).unwrap_or_default();
    let files = corpus.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    for text in documents.iter().map(|d| (*d).to_owned()).chain(files.filter(|t| t.trim_start().starts_with('<'))) {
        let mut report = Report::new();
        let ours = codec::read(text.as_bytes(), &[], &Limits::default(), &mut report);
        // The other reader is given text: it knows nothing of an encoding that is not what the document says.
        report.retain(|finding| finding.rule.code != "XML002");
        let is_fine = !report.has_errors();
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let theirs = roxmltree::Document::parse_with_options(&text, options);
        if report.cites("GEN004") || report.cites("GEN005") {
            continue;
        }
        let start: String = text.chars().take(60).collect();
        assert_eq!(is_fine, theirs.is_ok(), "{start}\n{:?}\n{:?}", report.diagnostics(), theirs.err());
        if let (true, Ok(theirs), Some(ours)) = (is_fine, theirs, ours) {
            same_tree(&ours.root, theirs.root_element(), &text);
        }
    }
}

fn same_tree(ours: &Element<'_>, theirs: roxmltree::Node<'_, '_>, text: &str) {
    let local = ours.name.rsplit(':').next().unwrap();
    assert_eq!(local, theirs.tag_name().name());
    assert_eq!(ours.span.range(), theirs.range(), "span of {local}");
    let declared = |a: &&impskit::document::Attribute<'_>| !impskit::document::is_declaration(&a.name);
    let attributes: Vec<_> = ours.attributes.iter().filter(declared).collect();
    assert_eq!(attributes.len(), theirs.attributes().len(), "attributes of {local}");
    for (our, their) in attributes.iter().zip(theirs.attributes()) {
        assert_eq!(our.value, their.value());
        assert_eq!(our.span.range(), their.range(), "{}", &text[our.span.range()]);
        assert_eq!(our.value_span.range(), their.range_value());
    }
    let children: Vec<_> = theirs.children().filter(roxmltree::Node::is_element).collect();
    assert_eq!(ours.children.len(), children.len(), "children of {local}");
    if children.is_empty() {
        let their_text: String = theirs.children().filter(roxmltree::Node::is_text).filter_map(|n| n.text()).collect();
        assert_eq!(ours.text(), their_text, "text of {local}");
    }
    for (our, their) in ours.children.iter().zip(children) {
        same_tree(our, their, text);
    }
}

fn all_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// White space in an element that holds nothing is nothing; in a message's text it is the text.
#[test]
fn white_space_is_content_where_text_is() {
    let xml = "<wap-provisioningdoc><characteristic type=\"NAPDEF\">\n<parm name=\"INTERNET\">\n </parm></characteristic>\
               </wap-provisioningdoc>";
    let document = read_clean(xml.as_bytes());
    let octets = write(&document.root, &cp::VOCABULARY, WbxmlStyle::Safe);
    assert_eq!(hex_rows(&octets), ["03 0b 6a 00 45 c6 55 01 87 14 01 01 01"]);
    let xml = "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><ContentData>  </ContentData>\
               </WV-CSP-Message>";
    assert_eq!(read_clean(xml.as_bytes()).root.children[0].text(), "  ");
}

/// A document in Windows-1252 that says UTF-8, as one maker shipped: told, read, and every span in its own octets.
#[test]
fn a_wrong_encoding_is_told_and_read() {
    let bytes = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a b=\"\x93x\x94\"><c>y</c></a>";
    let mut report = Report::new();
    let document = codec::read(bytes, &[], &Limits::default(), &mut report).unwrap();
    assert!(report.cites("XML002"));
    let root = &document.root;
    assert_eq!(root.attribute("b"), Some("\u{201C}x\u{201D}"));
    assert_eq!(&bytes[root.attributes[0].value_span.range()], b"\x93x\x94");
    assert_eq!(&bytes[root.children[0].span.range()], b"<c>y</c>");
}

/// A document that was saved as UTF-8 and still says UTF-16, as in the documentation of one maker: XML parsers refuse it.
#[test]
fn utf_16_that_is_none_is_told() {
    let bytes = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>\u{E4}</a>".as_bytes();
    let mut report = Report::new();
    let document = codec::read(bytes, &[], &Limits::default(), &mut report).unwrap();
    assert_eq!(document.root.text(), "\u{E4}");
    let [finding] = report.diagnostics() else { panic!("{report:?}") };
    assert_eq!((finding.rule.code, &bytes[finding.span.range()]), ("XML002", &b"utf-16"[..]));
}

/// Octets of a message may be anything, also those that mark a slot in a template.
#[test]
fn octets_that_look_like_a_slot_stay() {
    for tail in ["", "A", "ABCDEFGH", "\u{F0000}", "\u{F0001}x"] {
        let picture = ["\u{FFFF}", tail].concat().into_bytes();
        let mut data = Element::new("ContentData");
        data.content = Content::Octets(picture.clone().into());
        let message = Element::new("SendMessage-Request").with(data).with_leaf("DeliveryReport", "T");
        let root = Element::new("WV-CSP-Message").with(message);
        let wbxml = codec::write_wbxml(&root, &csp::V1_3, &WbxmlOptions::default()).unwrap();
        let again =
            codec::read(&wbxml, &[&csp::V1_3], &Limits::default(), &mut Report::new()).expect("a document").root;
        let data = again.descend(&["SendMessage-Request", "ContentData"]).expect("the content");
        assert_eq!(data.content, Content::Octets(picture.into()));
        assert_eq!(again.children[0].child_text("DeliveryReport"), Some("T"));
    }
}

/// Two octets stand for a text of any length in the string table: a small document must not become a large tree.
#[test]
fn a_string_table_does_not_blow_a_document_up() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let table = 100_000;
    let header = [&[0x03, 0x0B, 0x6A, 0x86, 0x8D, 0x20][..], &vec![b'a'; table]].concat();
    for item in [&[0x83, 0x00][..], &[0x45, 0x83, 0x00, 0x01]] {
        let bytes = [&header, &[0x45][..], &item.repeat(2000), &[0x01]].concat();
        let mut report = Report::new();
        let root = codec::read(&bytes, &[&cp::VOCABULARY], &limits, &mut report).expect("what was read so far").root;
        assert!(report.cites("GEN005"), "{:?}", report.diagnostics());
        let mut text = 0;
        root.walk(&mut |element, _| text += element.text().len());
        assert!(text <= limits.bytes, "{text} octets");
        let few = [&header, &[0x45][..], &item.repeat(10), &[0x01]].concat();
        let mut report = Report::new();
        codec::read(&few, &[&cp::VOCABULARY], &limits, &mut report);
        assert!(!report.cites("GEN005"));
    }
}

/// LITERAL names, text from the string table, entities, extensions that mean nothing, and version 1.0 without a
/// character set: all that the format has, even where none of our vocabularies writes it (WBXML 1.3, sections 5.8).
#[test]
fn every_global_token_is_read() {
    // String table: `x-own` at 0, `kind` at 6, `some text` at 11.
    let table = "78 2D 6F 77 6E 00 6B 69 6E 64 00 73 6F 6D 65 20 74 65 78 74 00";
    let read = |hex: &str| {
        let bytes = octets(hex);
        let mut report = Report::new();
        let document = catalogue::read(&bytes, &Limits::default(), &mut report).expect("a document");
        (codec::write_xml(&document.root, None, false), report)
    };
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap().split_once("?>").unwrap().1.to_owned();
    // A root of provisioning with a literal element in all four forms: bare, content, attributes, both.
    let body = "45 04 00 44 00 83 0B 02 81 20 03 21 00 01 84 00 04 06 83 0B 01 C4 00 04 06 03 79 00 01 83 0B 01 01";
    let (xml, report) = read(&format!("03 0B 6A 15 {table} {body}"));
    assert_eq!(
        text(xml),
        "<wap-provisioningdoc><x-own/><x-own>some text\u{A0}!</x-own><x-own kind=\"some text\"/>\
         <x-own kind=\"y\">some text</x-own></wap-provisioningdoc>"
    );
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    // EXT_I_1 with text, EXT_T_2 with a number and EXT_0: skipped with a finding, and what follows is still read.
    let (xml, report) = read("03 0B 6A 00 45 44 00 01 41 78 00 82 05 C0 46 01");
    assert!(report.cites("WB004") || report.cites("WB005"), "{:?}", report.diagnostics());
    assert!(text(xml).starts_with("<wap-provisioningdoc"));
    // WBXML 1.0 has no character set.
    let (xml, report) = read("00 0B 00 45 46 01 01");
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    assert!(text(xml).starts_with("<wap-provisioningdoc>"));
    // UCS-2 and ISO 8859-1 texts.
    let (xml, _) = read("03 0B 87 68 00 45 87 05 03 00 41 00 E4 00 00 01 01");
    assert_eq!(text(xml), "<wap-provisioningdoc><parm name=\"A\u{E4}\"/></wap-provisioningdoc>");
    let (xml, _) = read("03 0B 04 00 45 87 05 03 41 E4 00 01 01");
    assert_eq!(text(xml), "<wap-provisioningdoc><parm name=\"A\u{E4}\"/></wap-provisioningdoc>");
}

/// Unknown tags are kept and written back to the same octets.
#[test]
fn unknown_tokens_survive() {
    let bytes = octets("03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 7F 03 78 00 01 01 01");
    let mut report = Report::new();
    let document = catalogue::read(&bytes, &Limits::default(), &mut report).unwrap();
    assert!(report.cites("WB004"));
    let unknown = document.root.descend(&["characteristic", "unknown"]).unwrap();
    assert_eq!((unknown.attribute("page"), unknown.attribute("token")), (Some("0"), Some("0x3F")));
    assert_eq!(unknown.text(), "x");
    assert_eq!(hex_rows(&write(&document.root, &cp::VOCABULARY, WbxmlStyle::Safe)), hex_rows(&bytes));
}

/// A01 to A04, A07, A09: refused within bounds, with a finding that says so.
#[test]
fn hostile_documents_are_refused() {
    let deep = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
    let wide = format!("<a{}/>", (0..100_000).map(|i| format!(" a{i}='x'")).collect::<String>());
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a02 deep xml", deep(10_000).into_bytes(), "GEN005"),
        ("a02 very deep xml", deep(1_000_000).into_bytes(), "GEN005"),
        ("a02 deep wbxml", [octets("03 0B 6A 00 45"), vec![0x46; 1_000_000]].concat(), "GEN005"),
        (
            "a03 table reference",
            octets("03 0B 6A 02 61 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 83 09 01 01 01"),
            "WB005",
        ),
        ("a03 table longer than the file", octets("03 0B 6A 8F FF FF FF 7F 61 00 C5"), "WB005"),
        ("a04 opaque length", octets("03 12 6A 00 49 4B C3 8F FF FF FF 7F 01 01"), "WB001"),
        ("a04 six octets", octets("03 12 6A 00 49 4B C3 81 80 80 80 80 01 01 01"), "WB007"),
        ("a01 entity", octets("03 12 6A 00 49 4B 02 84 80 80 00 01 01"), "WB006"),
        ("a01 surrogate", octets("03 12 6A 00 49 4B 02 83 B0 00 01 01"), "WB006"),
        ("a07 laughs", b"<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]><a>&c;</a>".to_vec(), "GEN004"),
        ("a07 external", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>".to_vec(), "GEN004"),
        ("a07 parameter", b"<!DOCTYPE a [<!ENTITY % b SYSTEM 'x'> %b;]><a/>".to_vec(), "GEN004"),
        ("a08 utf-16", b"\xFF\xFE<\0a\0/\0>\0".to_vec(), "XML002"),
        ("a08 nul", b"<a>\0</a>".to_vec(), "XML001"),
        ("a09 attributes", wide.into_bytes(), "GEN005"),
        ("a09 siblings", format!("<a>{}</a>", "<b/>".repeat(1_000_000)).into_bytes(), "GEN005"),
        ("a09 size", vec![b'<'; 17 << 20], "GEN005"),
    ];
    for (name, bytes, code) in cases {
        let mut report = Report::new();
        let _ = catalogue::read(&bytes, &Limits::default(), &mut report);
        assert!(report.cites(code), "{name}: {:?}", report.diagnostics().first());
        assert!(report.has_errors(), "{name}");
    }
}

/// A06: the text of a leaf is all of its items; integers come as text and as empty OPAQUE, dates may be broken.
#[test]
fn a06_values_in_every_form_are_read() {
    let message = |body: &str| -> (Vec<(String, String)>, Report) {
        // WV-CSP-Message of CSP 1.3 with the given content.
        let bytes = octets(&format!("03 12 6A 00 C9 0B 03 31 2E 33 00 01 {body} 01"));
        let mut report = Report::new();
        let document = catalogue::read(&bytes, &Limits::default(), &mut report).expect("a document");
        let mut leaves = Vec::new();
        document.root.walk(&mut |e, depth| {
            if depth > 0 {
                leaves.push((e.name.to_string(), e.text().to_owned()));
            }
        });
        (leaves, report)
    };
    let one = |body: &str| message(body).0.remove(0).1;
    // Page 0: SName 08, Code 0B, DateTime 11. `WV:` + value token IM (0x12) + inline, as one encoder writes client ids.
    assert_eq!(one("48 03 57 56 3A 00 80 12 03 50 45 43 30 31 00 01"), "WV:IMPEC01");
    assert_eq!(one("4B 03 34 30 31 00 01"), "401", "an integer as text");
    assert_eq!(one("4B C3 02 01 91 01"), "401");
    assert_eq!(one("4B C3 00 01"), "0", "an empty OPAQUE");
    assert_eq!(one("51 C3 06 1F 46 73 0E BB 5A 01"), "20010925T165859Z");
    assert_eq!(one("51 03 32 30 30 31 30 39 32 35 54 31 36 35 38 35 39 5A 00 01"), "20010925T165859Z");
    assert!(message("51 C3 05 1F 46 73 0E BB 01").1.cites("WB004"), "a date of five octets");
    assert!(message("51 C3 07 1F 46 73 0E BB 5A 00 01").1.cites("WB004"), "a date of seven octets");
    assert!(message("4B C3 05 01 01 01 01 01 01").1.cites("WB007"), "a number of five octets");
}

/// A08: marks and spaces in front of a document or between elements lose nothing.
#[test]
fn a08_byte_order_marks_and_odd_spaces_are_read() {
    let xml = "\u{FEFF}<?xml version=\"1.0\"?>\n<wap-provisioningdoc>\u{A0}<characteristic type=\"APPLICATION\">\
               <parm name=\"APPID\" value=\"wA\"/></characteristic></wap-provisioningdoc>";
    let mut report = Report::new();
    let document = catalogue::read(xml.as_bytes(), &Limits::default(), &mut report).expect("a document");
    let parm = document.root.descend(&["characteristic", "parm"]).expect("the parm");
    assert_eq!(parm.attribute("value"), Some("wA"));
    assert_eq!(&xml[parm.attributes[1].value_span.range()], "wA", "spans count the mark");
    assert!(report.cites("XML003"), "a no-break space is text, and that is said");
}

/// A10: samples cut and changed at every octet end in a tree or in findings, never in a panic.
#[test]
fn damaged_documents_never_panic() {
    let mut names: Vec<String> = ["v2-full.xml", "v2-full.safe.wbxml.hex", "v2-full.prefix.wbxml.hex", "v3-utf8.xml"]
        .map(|name| format!("cp/{name}"))
        .to_vec();
    for name in ["18-presence-update-request", "30-sendmessage-request", "38-creategroup-request"] {
        names.extend([format!("csp/1.3/{name}.xml"), format!("csp/1.3/{name}.hex")]);
    }
    for name in &names {
        let text = sample(name);
        let bytes = if name.ends_with("hex") { octets(&String::from_utf8(text).unwrap()) } else { text };
        for i in 0..bytes.len() {
            for change in [None, Some(0x00), Some(0xFF), Some(bytes[i].wrapping_add(1))] {
                let mut damaged = bytes.clone();
                match change {
                    None => damaged.truncate(i),
                    Some(octet) => damaged[i] = octet,
                }
                let mut report = Report::new();
                let document = catalogue::read(&damaged, &Limits::default(), &mut report);
                assert!(document.is_some() || report.has_errors(), "{name} at {i}: neither a tree nor a finding");
            }
        }
    }
}

/// Documents that libwbxml's authors (and a browser's) keep in both syntaxes: we read the same tree from both.
#[test]
fn documents_kept_in_both_syntaxes_read_alike() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let pairs = [
        ("wbxmlstream-syncml11-syncml-002.wbxml", "syncml/libwbxml-syncml-002.syncml.xml"),
        ("wbxmlstream-syncml11-syncml-006.wbxml", "syncml/libwbxml-syncml-006.syncml.xml"),
        ("wbxmlstream-syncml11-syncml-010.wbxml", "syncml/libwbxml-syncml-010.syncml.xml"),
        ("wbxmlstream-syncml11-syncml-012.wbxml", "syncml/libwbxml-syncml-012.syncml.xml"),
        ("wbxmlstream-syncml11-syncml-013.wbxml", "syncml/libwbxml-syncml-013.syncml.xml"),
        ("wbxmlstream-ddf-ddf-001.wbxml", "ddf/libwbxml-ddf-001.ddf.xml"),
        ("wbxmlstream-prov-prov-007.wbxml", "prov/libwbxml-prov-007.prov.xml"),
        ("gecko-cht-codepage.prov.wbxml", "prov/gecko-cht-codepage.prov.xml"),
    ];
    let corpus = Path::new(&corpus);
    for (binary, xml) in pairs {
        let binary = std::fs::read(corpus.join("wbxml").join(binary)).expect(binary);
        let text = std::fs::read(corpus.join(xml)).expect(xml);
        let (binary, text) = (read_clean(&binary), read_clean(&text));
        assert!(binary.root.same_as(&text.root), "{xml}");
        assert_eq!(binary.vocabulary, text.vocabulary, "{xml}");
    }
}

/// What XML cannot hold is written so that the document can be read (found by fuzzing).
#[test]
fn characters_that_xml_cannot_hold_are_replaced() {
    let root = Element::leaf("a", "x\0y\u{B}\u{FFFE}\t").with_attribute("b", "\u{1}");
    let written = codec::write_xml(&root, None, false);
    let mut report = Report::new();
    let read = codec::read(&written, &[], &Limits::default(), &mut report).unwrap();
    assert!(!report.has_errors(), "{report:?}");
    assert_eq!((read.root.text(), read.root.attribute("b")), ("x\u{FFFD}y\u{FFFD}\u{FFFD}\t", Some("\u{FFFD}")));
}
