//! The canonical layout: it says the same, it is its own layout, and comments stay where they belong.

use std::fs;
use std::path::{Path, PathBuf};

use impskit::catalogue;
use impskit::codec::{Limits, write_xml};
use impskit::diagnose::Report;
use impskit::inspect::format;

fn formatted(text: &str) -> String {
    format(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What an independent reader finds in a document: every element with its path, attributes and text, in no order, and
/// every comment and instruction, in no order.
fn said(text: &str) -> (Vec<String>, Vec<String>) {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document =
        roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (mut elements, mut asides) = (Vec::new(), Vec::new());
    for node in document.descendants() {
        if node.is_comment() {
            asides.push(node.text().unwrap_or_default().replace("\r\n", "\n"));
        }
        if let Some(pi) = node.pi() {
            asides.push(format!("{} {:?}", pi.target, pi.value));
        }
        if node.is_element() {
            let path: Vec<&str> = node.ancestors().filter(|n| n.is_element()).map(|n| n.tag_name().name()).collect();
            let mut attributes: Vec<String> =
                node.attributes().map(|a| format!("{}={:?}", a.name(), a.value())).collect();
            attributes.sort();
            let text: String = node.children().filter(|n| n.is_text()).filter_map(|n| n.text()).collect();
            let text = if text.trim().is_empty() { String::new() } else { text };
            elements.push(format!("{path:?} {attributes:?} {text:?}"));
        }
    }
    elements.sort();
    asides.sort();
    (elements, asides)
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml" || extension == "ddf") {
            found.push(path);
        }
    }
}

/// Ours are all laid out; those of others are where they are kept, and are whatever their makers made them.
#[test]
fn every_document_says_the_same_laid_out() {
    let mut paths = Vec::new();
    for folder in ["ddf", "wap-provisioning", "tests/samples", "tests/faulty", "tests/cli"] {
        documents(Path::new(folder), &mut paths);
    }
    if let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") {
        documents(Path::new(&corpus), &mut paths);
    }
    let mut tried = 0;
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(after) = format(text.as_bytes()) else { continue };
        tried += 1;
        assert_eq!(formatted(&after), after, "{}: the layout has another layout", path.display());
        assert_eq!(said(&text), said(&after), "{}", path.display());
    }
    assert!(tried > 60, "{tried} documents");
}

#[test]
fn what_we_ship_is_laid_out() {
    let mut paths = Vec::new();
    documents(Path::new("ddf"), &mut paths);
    documents(Path::new("wap-provisioning"), &mut paths);
    assert!(paths.len() >= 5);
    for path in paths {
        let text = fs::read_to_string(&path).expect("a file of ours");
        assert_eq!(formatted(&text), text, "{}", path.display());
    }
}

/// What the writer of XML makes is laid out, so that converted documents need no `fmt`.
#[test]
fn what_we_write_is_laid_out() {
    for file in ["tests/samples/cp/v2-full.xml", "wap-provisioning/imps.xml", "ddf/oma-imps.ddf.xml"] {
        let octets = fs::read(file).expect("a sample");
        let document = catalogue::read(&octets, &Limits::default(), &mut Report::new()).expect("a document");
        let written = String::from_utf8(write_xml(&document.root, document.vocabulary, true)).expect("UTF-8");
        assert_eq!(formatted(&written), written, "{file}");
    }
}

#[test]
fn children_go_in_order_with_their_comments() {
    let before = "\u{FEFF}<?xml version='1.0'?><!DOCTYPE MgmtTree [<?x y?>]><!-- top -->


<MgmtTree   xmlns = \"syncml:dmddf1.2\" ><!-- of the tree -->
<!-- impskit-ignore DDF021: late -->
<Man>A &amp; B</Man> <!-- of the man -->
\t<VerDTD>1.2</VerDTD>


<Node><NodeName>X</NodeName><DFProperties>
    <DFFormat><chr  /></DFFormat> <AccessType> <Get/> <Add></Add></AccessType>
    <Description> two
   lines </Description><DFType><MIME><![CDATA[text/plain]]></MIME></DFType>
</DFProperties>
<!-- the end --></Node></MgmtTree><!-- bottom -->";
    let after = "\u{FEFF}<?xml version='1.0'?>
<!DOCTYPE MgmtTree [<?x y?>]>
<!-- top -->

<MgmtTree xmlns=\"syncml:dmddf1.2\"> <!-- of the tree -->
  <VerDTD>1.2</VerDTD>
  <!-- impskit-ignore DDF021: late -->
  <Man>A &amp; B</Man> <!-- of the man -->

  <Node>
    <NodeName>X</NodeName>
    <DFProperties>
      <AccessType><Get/><Add></Add></AccessType>
      <Description> two
   lines </Description>
      <DFFormat><chr/></DFFormat>
      <DFType><MIME><![CDATA[text/plain]]></MIME></DFType>
    </DFProperties>
    <!-- the end -->
  </Node>
</MgmtTree>
<!-- bottom -->
";
    assert_eq!(formatted(before), after);
    assert_eq!(formatted(after), after);
    let crlf = before.replace('\n', "\r\n");
    assert_eq!(formatted(&crlf), after.replace('\n', "\r\n"), "line ends stay those of the first line");
}

/// A comment with an empty line behind it may be about all that follows: nothing is moved past it.
#[test]
fn nothing_moves_past_a_heading() {
    let text = "<MgmtTree>\n  <!-- Part 1 -->\n\n  <Man>A</Man>\n  <VerDTD>1.2</VerDTD>\n</MgmtTree>\n";
    assert_eq!(formatted(text), text);
}

/// Elements that nobody knows stay where they are, and so do those beside them; text beside elements stays as it is.
#[test]
fn what_is_not_known_stays() {
    let text = "<MgmtTree>\n  <Man>A</Man>\n  <Acme>\n    <b>x  <i>y</i>\n z</b>\n  </Acme>\n  <VerDTD>1.2</VerDTD>\n</MgmtTree>\n";
    assert_eq!(formatted(text), text);
    let text = "<MgmtTree>\n  <Man xml:space=\"preserve\"> <b/>  <c/> </Man>\n</MgmtTree>\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn long_start_tags_have_an_attribute_a_line() {
    let (one, other) = ("a".repeat(60), "b".repeat(60));
    let text = format!(
        "<wap-provisioningdoc><characteristic><parm name='{one}'\n  value=\"{other}\"/></characteristic></wap-provisioningdoc>"
    );
    let wanted = format!(
        "<wap-provisioningdoc>\n  <characteristic>\n    <parm\n        name=\"{one}\"\n        value=\"{other}\"/>\n  </characteristic>\n</wap-provisioningdoc>\n"
    );
    assert_eq!(formatted(&text), wanted);
    assert_eq!(formatted(&wanted), wanted);
}

/// Commands of a message have an order that means something: it stays.
#[test]
fn commands_stay_in_order() {
    let command = |name: &str| format!("<{name}><Item/><CmdID>1</CmdID></{name}>");
    let names = ["Replace", "Add", "Delete", "Add", "Get"];
    let body: String = names.iter().map(|name| command(name)).collect();
    let after = formatted(&format!("<SyncML><SyncBody>{body}</SyncBody></SyncML>"));
    let places: Vec<usize> = names
        .iter()
        .scan(0, |from, name| {
            let at = after[*from..].find(&format!("<{name}>")).map(|at| *from + at)?;
            *from = at + 1;
            Some(at)
        })
        .collect();
    assert_eq!(places.len(), names.len(), "{after}");
}

#[test]
fn trees_in_json_have_a_member_a_line() {
    let text = "{\"a\":{},\"b\":[ ],\"c\":[1,{\"d\":\"x,\\\"{:\\\\\"}],\n\"e\":1.50e3}";
    let laid_out = "\
{
  \"a\": {},
  \"b\": [],
  \"c\": [
    1,
    {
      \"d\": \"x,\\\"{:\\\\\"
    }
  ],
  \"e\": 1.50e3
}
";
    assert_eq!(formatted(text), laid_out);
    let tree = fs::read_to_string("tests/samples/dm/account.tree.json").expect("a sample");
    let after = formatted(&tree);
    assert_eq!(formatted(&after), after);
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(value(&tree), value(&after));
}

#[test]
fn what_has_no_layout_says_why() {
    let files = [
        ("tests/faulty/cut.wbxml", "WBXML has no layout"),
        ("templates/acme.toml", "a profile has no layout"),
        ("tests/samples/provision/rows.csv", "a table has no layout"),
        ("Cargo.toml", "this is no document of a known type"),
    ];
    for (file, what) in files {
        let Ok(octets) = fs::read(file) else { panic!("{file}") };
        let error = format(&octets).expect_err(file);
        assert_eq!(error.what, what, "{file}");
        assert!(error.help.is_some(), "{file}");
    }
    for (text, what) in [("<a/>", "this is no document of a known type"), ("<MgmtTree><Man></MgmtTree>", "ill-formed")]
    {
        let error = format(text.as_bytes()).expect_err(text);
        assert!(error.what.starts_with(what), "{error}");
    }
}

/// A damaged document is laid out without loss, or the reason is told; nothing panics.
#[test]
fn damaged_documents_are_laid_out_or_refused() {
    let text = fs::read_to_string("tests/cli/modes.in/excused.ddf").expect("a sample");
    let mut laid_out = 0;
    for at in 0..text.len() {
        for octet in *b"<>/ &-\n\"" {
            let mut octets = text.as_bytes().to_vec();
            octets[at] = octet;
            let Ok(after) = format(&octets) else { continue };
            laid_out += 1;
            assert_eq!(formatted(&after), after, "octet {at} is 0x{octet:02X}");
        }
        assert!(format(&text.as_bytes()[..at]).is_err() || text[at..].trim().is_empty());
    }
    assert!(laid_out > 1000, "{laid_out}");
}

/// Found by fuzzing: what is not well-formed is not mended, for nobody knows where its elements end.
#[test]
fn no_safe_change_is_offered_where_a_document_breaks_off() {
    let whole = "<MgmtTree><VerDTD>1.2</VerDTD><Node><NodeName>a</NodeName><DFProperties><AccessType><Get/></AccessType>\
                 <DFFormat><node/></DFFormat></DFProperties></Node></MgmtTree>";
    let fixable = |text: &str| {
        let checked = catalogue::check(text.as_bytes(), "a.xml", &catalogue::Options::default());
        checked.report.diagnostics().iter().filter(|d| d.fix.is_some()).count()
    };
    assert_eq!(fixable(whole), 1, "DFType is missing");
    assert_eq!(fixable(&whole.replace("</DFFormat>", "")), 0);
    assert_eq!(fixable(&whole[..whole.len() - 30]), 0);
}
