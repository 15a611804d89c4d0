//! Device trees and descriptions: round trips, rules by their examples, sizes, and files of other makers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use impskit::codec::{self, Limits};
use impskit::diagnose::{Basis, Diagnostic, Grade, Report, Rule, Severity};
use impskit::dm::serialise::{self, JsonOptions};
use impskit::dm::{self, Acl, Change, Command, Description, Format, ManagementObject, Node, Tree, Uri, Value};
use proptest::prelude::*;

use crate::codecs::octets;

fn uri(text: &str) -> Uri {
    Uri::read(text).expect(text)
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new("tests/samples/dm").join(name)).expect(name)
}

fn read_clean(bytes: &[u8]) -> Tree {
    let mut report = Report::new();
    let tree = serialise::read(bytes, &mut report).expect("a tree");
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    tree
}

/// Checks a document of the vocabulary of trees and descriptions as the program does.
fn check(bytes: &[u8]) -> Report {
    let mut report = Report::new();
    if let Some(document) = codec::read(bytes, &[&dm::DDF], &Limits::default(), &mut report) {
        dm::DDF.check(&document.root, &mut report);
    }
    report
}

#[test]
fn every_example_shows_its_rule_and_no_other() {
    // Messages are of another vocabulary, and a standard to compare with is not given here.
    let is_tried = |rule: &&&Rule| !rule.code.starts_with("SYN") && rule.code != "DDF038";
    for rule in dm::RULES.iter().chain(dm::DESCRIPTION_RULES).filter(is_tried) {
        // What a description leaves unsaid is noted in examples of other rules.
        let is_told = |d: &&Diagnostic| d.severity > Severity::Note || d.rule.code == rule.code;
        let codes = |example: &str| -> Vec<&str> {
            check(&Rule::example(example)).diagnostics().iter().filter(is_told).map(|d| d.rule.code).collect()
        };
        let bad = codes(rule.bad);
        assert!(!bad.is_empty() && bad.iter().all(|code| *code == rule.code), "{} bad: {bad:?}", rule.code);
        assert_eq!(codes(rule.good), Vec::<&str>::new(), "{} good", rule.code);
    }
}

/// A vector: one account with a leaf that says everything.
#[test]
fn the_vector_of_a_shipped_client_is_a_tree() {
    let vector = octets(
        "02 00 00 6A 1B 2D 2F 2F 4F 4D 41 2F 2F 44 54 44 2D 44 4D 2D 44 44 46 20 31 2E 32 2F 2F 45 4E 00 00 02 60 77 03 \
         31 2E 32 00 01 64 66 03 49 4D 31 00 01 64 66 03 41 70 70 49 44 00 01 6F 5C 0B 01 75 61 03 74 65 78 74 2F 70 \
         6C 61 69 6E 00 01 01 01 76 03 77 41 00 01 01 01 01",
    );
    let tree = read_clean(&vector);
    assert_eq!(tree.len(), 2);
    assert!(tree.get(&uri("./IM1")).unwrap().is_interior(), "a node with children is interior without saying so");
    assert_eq!(tree.get(&uri("./IM1/AppID")), Some(&Node::text("AppID", "wA")));
    // We say the properties of the interior node too: RTProperties with Format node and Type with an empty DDFName.
    let written = serialise::to_wbxml(&tree).unwrap();
    let properties = octets("6F 5C 25 01 75 11 01 01");
    let at = vector.windows(5).position(|w| w == [0x49, 0x4D, 0x31, 0x00, 0x01]).unwrap() + 5;
    let expected = [&vector[..at], &properties[..], &vector[at..]].concat();
    assert_eq!(written, expected);
}

#[test]
fn samples_survive_all_three_forms() {
    for name in ["account.tnd.xml", "paths.tnd.xml", "account.tree.json"] {
        let tree = read_clean(&sample(name));
        let xml = serialise::to_xml(&tree);
        assert_eq!(read_clean(&xml), tree, "{name} as XML");
        assert_eq!(read_clean(&serialise::to_wbxml(&tree).unwrap()), tree, "{name} as WBXML");
        let json = serialise::to_json(&tree, &JsonOptions::default());
        assert_eq!(read_clean(json.as_bytes()), tree, "{name} as JSON");
    }
    assert_eq!(read_clean(&sample("account.tnd.xml")), read_clean(&sample("account.tree.json")), "two sayings of one");
}

/// Nodes may be written nested or one after the other with their paths (DM TNDS, "Path").
#[test]
fn paths_stand_for_nesting() {
    let tree = read_clean(&sample("paths.tnd.xml"));
    assert_eq!(tree.get(&uri("./Vendor/Acme/Con/Host")).and_then(Node::value_text), Some("gw.acme.example"));
    assert!(tree.get(&uri("./Vendor/Acme")).unwrap().is_interior());
    assert_eq!(tree.len(), 4);
}

#[test]
fn a_sound_account_has_no_findings() {
    let report = check(&sample("account.tnd.xml"));
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
}

/// What the reference only reconstructs is a warning; the same finding on a description of its owner is an error.
#[test]
fn findings_say_what_they_rest_on() {
    let reference = Description::reference();
    assert!(reference.is_reference());
    // The words at the end of a text are no mark of certainty where another maker wrote them.
    let own = include_str!("../../ddf/oma-imps.ddf.xml").replace("<Man>impskit reference</Man>", "<Man>Acme</Man>");
    let own = Description::read(own.as_bytes(), &mut Report::new()).unwrap();
    assert!(!own.is_reference());
    own.walk(&mut |node, _| assert_eq!(node.basis, None));
    assert!(own.nodes[0].text.as_deref().unwrap().ends_with("Certainty: template, derived"));

    let mut tree = Tree::new();
    let account = Node::instance("a", dm::IMPS).with(Node::text("AppID", "wb"));
    tree.add(&Uri::root(), account).unwrap();
    let findings = |description: &Description| -> Vec<(&str, Severity, Option<Basis>)> {
        let mut report = Report::new();
        dm::check_tree(&tree, &[description], &mut report);
        report.diagnostics().iter().map(|d| (d.rule.code, d.severity, d.basis)).collect()
    };
    let stated = ("MO002", Severity::Error, Some(Basis::Stated));
    assert_eq!(findings(reference), [stated, ("MO003", Severity::Warning, Some(Basis::Derived))]);
    assert_eq!(findings(&own), [("MO002", Severity::Error, None), ("MO003", Severity::Error, None)]);
}

fn in_digits(occurrence: &str) -> &str {
    match occurrence {
        "One" => "1",
        "ZeroOrOne" => "0..1",
        "ZeroOrMore" => "0..*",
        "OneOrMore" => "1..*",
        other => panic!("{other}"),
    }
}

/// The node tables of the other objects, made by hand; an empty cell is what the notes do not say.
#[test]
fn the_bundled_descriptions_are_their_node_tables() {
    let table = String::from_utf8(sample("objects.tsv")).unwrap();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [name, path, occurrence, format, access, kind] = cells[..] else { panic!("{row}") };
        let description = Description::named(name).unwrap();
        let (top, below) = path.split_once('/').unwrap_or((path, ""));
        let root = description.nodes.iter().find(|node| node.display_name() == top).unwrap();
        let node = root.descend(below).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(node.format.as_str(), format, "{row}");
        if !occurrence.is_empty() {
            assert_eq!(node.occurrence.to_string(), in_digits(occurrence), "{row}");
        }
        if !access.is_empty() || node.access.allows(Command::Get) && node.name.as_deref().is_some_and(is_secret) {
            assert_eq!(node.access.words(), access.split_ascii_whitespace().collect::<Vec<_>>(), "{row}");
        }
        let types = if node.is_interior() { node.moi.iter().collect::<Vec<_>>() } else { node.types.iter().collect() };
        assert_eq!(types, kind.split_ascii_whitespace().collect::<Vec<_>>(), "{row}");
        *rows.entry(name).or_default() += 1;
    }
    for (name, count) in rows {
        let mut nodes = 0;
        Description::named(name).unwrap().walk(&mut |_, _| nodes += 1);
        // Ext of the proxy, where our writer keeps what the object has no node for, is by analogy.
        assert_eq!(count + usize::from(name == "proxy"), nodes, "{name}");
    }
    assert_eq!(Description::names().count(), 7);
    assert!(Description::names().all(|name| Description::named(name).is_some_and(Description::is_reference)));
    assert!(Description::named("imps").is_some_and(|d| std::ptr::eq(d, Description::reference())));
}

fn is_secret(name: &str) -> bool {
    name.ends_with("Secret") || name == "AAuthData"
}

/// The node table of the object, made by hand, is read here by other code than the description's loader.
#[test]
fn the_reference_is_the_node_table() {
    let table = String::from_utf8(sample("imps-mo-nodes.tsv")).unwrap();
    let object = ManagementObject::imps().described;
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [path, occurrence, format, access, kind, _, certainty] = cells[..] else { panic!("{row}") };
        let below = path.strip_prefix("<X>").unwrap();
        let node = object.descend(below).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(node.occurrence.to_string(), in_digits(occurrence), "{path}");
        assert_eq!(node.format.as_str(), format, "{path}");
        assert_eq!(node.access.words(), access.split_ascii_whitespace().collect::<Vec<_>>(), "{path}");
        let types = if node.is_interior() { node.moi.iter().collect::<Vec<_>>() } else { node.types.iter().collect() };
        assert_eq!(types, kind.split_ascii_whitespace().collect::<Vec<_>>(), "{path}");
        assert_eq!(node.basis == Some(Basis::Stated), certainty.contains('S'), "{path}");
        rows += 1;
    }
    let mut nodes = 0;
    Description::reference().walk(&mut |_, _| nodes += 1);
    assert_eq!((rows, nodes), (28, 28));
    assert_eq!(object.child("AppID").and_then(|d| d.default.as_deref()), Some("wA"));
}

/// Our own descriptions have no findings but notes, and every node of them says what it rests on.
#[test]
fn bundled_descriptions_are_sound() {
    for entry in fs::read_dir("ddf").unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let report = check(&bytes);
        assert!(!report.has(Severity::Warning), "{}: {:?}", path.display(), report.diagnostics());
        let description = Description::read(&bytes, &mut Report::new()).unwrap();
        description.walk(&mut |node, _| assert!(node.basis.is_some(), "{}: {node:?}", path.display()));
    }
    assert_eq!(Description::bundled().len(), fs::read_dir("ddf").unwrap().count());
}

/// Descriptions have a binary form too (DM facts, "WBXML for DDF and TNDS").
#[test]
fn descriptions_survive_wbxml() {
    let bytes = fs::read("ddf/oma-imps.ddf.xml").unwrap();
    let document = codec::read(&bytes, &[&dm::DDF], &Limits::default(), &mut Report::new()).unwrap();
    let wbxml = codec::write_wbxml(&document.root, &dm::DDF, &Default::default()).unwrap();
    let mut report = Report::new();
    let again = codec::read(&wbxml, &[&dm::DDF], &Limits::default(), &mut report).unwrap();
    assert!(again.root.same_as(&document.root) && report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    let description = Description::read(&wbxml, &mut report).unwrap();
    assert!(description.object(dm::IMPS).is_some() && description.is_reference());
}

/// A secret that a maker's description lets servers read is found there as well as in a tree.
#[test]
fn a_readable_secret_is_found_in_a_description() {
    let text = fs::read_to_string("ddf/oma-imps.ddf.xml").unwrap();
    let (before, after) = text.split_once("<NodeName>AAuthSecret</NodeName>").unwrap();
    let after = after.replacen("<AccessType/>", "<AccessType><Get/></AccessType>", 1);
    let report = check(format!("{before}<NodeName>AAuthSecret</NodeName>{after}").as_bytes());
    let found = report.diagnostics().iter().filter(|d| d.severity > Severity::Note);
    assert_eq!(found.map(|d| (d.rule.code, d.severity)).collect::<Vec<_>>(), [("MO008", Severity::Warning)]);
}

/// A description of a device maker: Scope before Occurrence, a blank name, elements of the vendor, a path.
#[test]
fn descriptions_of_makers_are_read() {
    let bytes = sample("vendor.ddf.xml");
    let report = check(&bytes);
    assert!(report.diagnostics().iter().all(|d| d.grade != Some(Grade::Refused)), "{:?}", report.diagnostics());
    assert!(report.cites("DDF004") && report.cites("DDF029"), "the order and the blank are worth a word");
    let description = Description::read(&bytes, &mut Report::new()).unwrap();
    let node = description.find(&uri("./Vendor/Acme/IMPS/any/Name")).expect("the unnamed node stands for any name");
    assert!(node.access.allows(Command::Replace) && !node.access.allows(Command::Delete));
    assert_eq!(node.types, ["text/plain"]);
    assert_eq!(description.find(&uri("./Vendor/Acme/Other")).map(|d| d.display_name()), None);
    let object = ManagementObject::of(&description, dm::IMPS).expect("found by its identifier");
    assert_eq!(object.described.name, None);
}

#[test]
#[allow(clippy::disallowed_methods)] // what is tested is that it does not take minutes
fn a_hundred_thousand_nodes_are_cheap() {
    let start = Instant::now();
    let mut tree = Tree::new();
    let wide = uri("./Wide");
    tree.ensure(&wide).unwrap();
    for i in 0..50_000 {
        tree.add(&wide, Node::text(format!("n{i}"), "x")).unwrap();
    }
    for i in 0..1000 {
        let parent = uri(&format!("./Deep/a{}/b{i}", i % 10));
        tree.ensure(&parent).unwrap();
        for j in 0..50 {
            tree.add(&parent, Node::text(j.to_string(), "x")).unwrap();
        }
    }
    assert!(tree.len() > 100_000);
    assert_eq!(tree.instances(dm::IMPS), Vec::<Uri>::new());
    let json = serialise::to_json(&tree, &JsonOptions::default());
    assert_eq!(read_clean(json.as_bytes()), tree);
    assert_eq!(read_clean(&serialise::to_wbxml(&tree).unwrap()), tree);
    let mut report = Report::new();
    dm::check_tree(&tree, Description::bundled(), &mut report);
    for i in 0..50_000 {
        tree.delete(&wide.join(&format!("n{i}"))).unwrap();
    }
    assert!(tree.get(&wide).unwrap().children().next().is_none());
    // A quadratic way would take minutes; on a busy machine this takes seconds.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// Nodes without names are numbered, in time that grows with their number.
#[test]
#[allow(clippy::disallowed_methods)] // what is tested is that it does not take minutes
fn nodes_without_names_are_cheap() {
    let start = Instant::now();
    let (nested, top) =
        ("<Node><Value>x</Value></Node>".repeat(50_000), "<Node><Path>./A</Path></Node>".repeat(20_000));
    let xml = format!(
        "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD><Node><NodeName>A</NodeName>{nested}</Node>{top}</MgmtTree>"
    );
    let tree = read_clean(xml.as_bytes());
    let names = tree.get(&uri("./A")).unwrap().children().map(|node| node.name().to_owned());
    assert!(names.eq((1..=70_000).map(|number| number.to_string())));
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// The deepest address that there may be fits into the readers' limits in every form.
#[test]
fn the_deepest_tree_survives_every_form() {
    let mut tree = Tree::new();
    let parent = uri(&vec!["a"; Uri::MOST_SEGMENTS - 1].join("/"));
    tree.ensure(&parent).unwrap();
    tree.add(&parent, Node::text("leaf", "x")).unwrap();
    tree.root_mut().acl = Acl::read("Get=*").unwrap();
    assert_eq!(read_clean(&serialise::to_xml(&tree)), tree);
    assert_eq!(read_clean(&serialise::to_wbxml(&tree).unwrap()), tree);
    assert_eq!(read_clean(serialise::to_json(&tree, &JsonOptions::default()).as_bytes()), tree);
}

/// Every declared element has a number, and every number belongs to a declared element.
#[test]
fn grammar_and_numbers_of_trees_agree() {
    let tokens = &dm::DDF.tokens;
    let declared: BTreeSet<&str> = dm::DDF.grammar.declarations().map(|d| d.name).collect();
    let numbered: BTreeSet<&str> = tokens.tags().map(|(_, name)| name).collect();
    assert_eq!(declared, numbered);
}

/// What a reader cannot keep it names.
#[test]
fn nothing_is_dropped_in_silence() {
    let leaf = |inner: &str| {
        format!(
            "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD><Node><NodeName>a</NodeName>{inner}</Node></MgmtTree>"
        )
    };
    for inner in [
        "<Value><b>1</b></Value>",
        "<Value>1</Value><Node><NodeName>b</NodeName></Node>",
        "<Node><NodeName>b</NodeName></Node><Node><NodeName>b</NodeName></Node>",
        "<Node><NodeName>b c</NodeName></Node>",
        "<RTProperties><Format><bin/></Format></RTProperties><Value>%</Value>",
        "<RTProperties><ACL>Get</ACL></RTProperties><Value>1</Value>",
    ] {
        assert!(check(leaf(inner).as_bytes()).has_errors(), "{inner}");
    }
}

#[test]
fn hostile_trees_end_with_a_finding() {
    let deep = |n: usize| {
        let open = "<Node><NodeName>a</NodeName>".repeat(n);
        format!("<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>{open}{}</MgmtTree>", "</Node>".repeat(n))
    };
    let json = |n: usize| format!("{}{}", "{\"name\":\"a\",\"children\":[".repeat(n), "]}".repeat(n));
    for bytes in [deep(100), deep(100_000), json(100), json(100_000), "{".into(), "{}x".into(), "{\"name\":1}".into()] {
        let mut report = Report::new();
        let _ = serialise::read(bytes.as_bytes(), &mut report);
        assert!(report.has_errors(), "{}", &bytes[..bytes.len().min(60)]);
    }
}

/// Abuse case A10: every truncation and every changed octet of small samples ends with a tree or with a finding.
#[test]
fn damaged_documents_end_with_a_tree_or_a_finding() {
    let wbxml = serialise::to_wbxml(&read_clean(&sample("account.tnd.xml"))).unwrap();
    for bytes in [wbxml, sample("paths.tnd.xml"), sample("account.tree.json")] {
        let look = |bytes: &[u8]| {
            let mut report = Report::new();
            match serialise::read(bytes, &mut report) {
                Some(tree) => dm::check_tree(&tree, Description::bundled(), &mut report),
                None => assert!(report.has_errors(), "{bytes:02X?} is refused without a reason"),
            }
        };
        (0..bytes.len()).for_each(|end| look(&bytes[..end]));
        for at in 0..bytes.len() {
            for octet in [0, 0xFF, bytes[at].wrapping_add(1)] {
                let mut changed = bytes.clone();
                changed[at] = octet;
                look(&changed);
            }
        }
    }
}

#[test]
fn secrets_stay_out_of_debugging_and_of_masked_json() {
    let tree = read_clean(&sample("account.tnd.xml"));
    assert!(!format!("{tree:?}").contains("s3cret"));
    let masked = serialise::to_json(&tree, &JsonOptions { mask: true, ..Default::default() });
    assert!(!masked.contains("s3cret") && masked.contains(dm::MASK));
}

/// Files of other makers are read or refused with a finding. Only where `IMPSKIT_CORPUS` names the folder.
#[test]
fn files_of_other_makers_are_read_or_refused() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let (mut trees, mut descriptions) = (0, 0);
    for folder in ["ddf", "tnd"] {
        for entry in fs::read_dir(Path::new(&corpus).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let mut report = check(&bytes);
            if let Some(tree) = serialise::read(&bytes, &mut Report::new()) {
                assert_eq!(
                    serialise::read(&serialise::to_xml(&tree), &mut Report::new()),
                    Some(tree.clone()),
                    "{path:?}"
                );
                trees += 1;
            } else if let Some(description) = Description::read(&bytes, &mut report) {
                assert!(!description.nodes.is_empty() || report.has_errors(), "{path:?}");
                descriptions += 1;
            } else {
                assert!(report.has_errors(), "{path:?} is refused without a reason");
            }
        }
    }
    assert!(trees + descriptions > 250, "{trees} trees, {descriptions} descriptions");
}

fn any_name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._%é-]{1,12}".prop_filter("a name", |name| dm::is_name(name))
}

fn any_leaf() -> impl Strategy<Value = Node> {
    let text = (any_name(), "[ -~é€\n]{0,20}").prop_map(|(name, text)| Node::text(name, text));
    let octets = (any_name(), prop::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(name, octets)| Node::leaf(name, Format::Bin, Some(Value::Octets(octets))));
    let number = (any_name(), any::<i32>())
        .prop_map(|(name, number)| Node::leaf(name, Format::Int, Some(number.to_string().as_str().into())));
    let unknown = any_name().prop_map(|name| Node::leaf(name, Format::Chr, None));
    prop_oneof![text, octets, number, unknown]
}

fn any_node() -> impl Strategy<Value = Node> {
    any_leaf().prop_recursive(5, 40, 6, |inner| {
        let acl = prop::option::of(Just("Get=*&Replace=a+b"));
        (any_name(), "(urn:oma:mo:[a-z]{1,5}:1[.]0)?", acl, prop::collection::vec(inner, 0..6)).prop_map(
            |(name, moi, acl, children)| {
                let mut node = Node::instance(name, moi);
                node.acl = acl.and_then(|text| Acl::read(text).expect("a list"));
                for child in children {
                    // A second child of one name is refused, as it should be.
                    let _ = node.add(child);
                }
                node
            },
        )
    })
}

/// Does what a change says, as a device does that makes no missing parents.
fn make(tree: &mut Tree, change: &Change) -> Result<(), String> {
    let fault = |what: &str| Err(format!("{what} at {}", change.uri()));
    match change {
        Change::Add(uri, node) => tree.add(&uri.parent().unwrap(), node.clone()).map_err(|fault| fault.to_string()),
        Change::Delete(uri) => tree.delete(uri).map(|_| ()).map_err(|fault| fault.to_string()),
        Change::Replace(uri, node) => match tree.get_mut(uri) {
            Some(old) if !old.is_interior() => {
                (old.format, old.value) = (node.format, node.value.clone());
                old.type_name.clone_from(&node.type_name);
                Ok(())
            }
            _ => fault("no leaf"),
        },
        Change::Acl(uri, acl) => match tree.get_mut(uri) {
            Some(node) => {
                node.acl.clone_from(acl);
                Ok(())
            }
            None => fault("no node"),
        },
        Change::Title(uri, title) => match tree.get_mut(uri) {
            Some(node) => {
                node.title = Some(title.clone());
                Ok(())
            }
            None => fault("no node"),
        },
    }
}

/// Returns whether two nodes say the same whatever the order of their children; what nobody knows is wanted of none.
fn is_like(made: &Node, wanted: &Node) -> bool {
    let value = wanted.is_interior() || wanted.value.is_none() || made.value == wanted.value;
    (made.format, &made.type_name, &made.acl) == (wanted.format, &wanted.type_name, &wanted.acl)
        && value
        && made.children().count() == wanted.children().count()
        && wanted.children().all(|child| made.child(child.name()).is_some_and(|made| is_like(made, child)))
}

fn any_tree() -> impl Strategy<Value = Tree> {
    prop::collection::vec(any_node(), 0..4).prop_map(|nodes| {
        let mut tree = Tree::new();
        for node in nodes {
            let _ = tree.add(&Uri::root(), node);
        }
        tree
    })
}

/// Returns the tree with some nodes gone and some values changed.
fn changed(tree: &Tree, marks: &[u8]) -> Tree {
    let mut uris = Vec::new();
    tree.walk(&mut |uri, _| uris.push(uri.clone()));
    let mut other = tree.clone();
    for (uri, mark) in uris.iter().skip(1).zip(marks.iter().cycle()) {
        let Some(node) = other.get_mut(uri) else { continue };
        match mark % 6 {
            0 => drop(other.delete(uri)),
            1 if !node.is_interior() => node.value = Some("other".into()),
            2 => node.acl = Acl::read("Get=*").unwrap(),
            3 if node.is_interior() => drop(node.add(Node::text("new", "x"))),
            _ => {}
        }
    }
    other
}

proptest! {
    /// The changes make the wanted tree; without any one of them, another one comes out.
    #[test]
    fn changes_are_enough_and_none_too_many(
        (one, other, marks) in (any_tree(), any_tree(), prop::collection::vec(any::<u8>(), 1..20))
    ) {
        for wanted in [other, changed(&one, &marks)] {
            let all = dm::changes(one.root(), wanted.root(), &Uri::root());
            prop_assert_eq!(all.is_empty(), is_like(one.root(), wanted.root()));
            for left_out in (0..=all.len()).rev() {
                let mut tree = one.clone();
                let mut some = all.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, change)| change);
                let made = some.try_for_each(|change| make(&mut tree, change));
                let is_right = made.is_ok() && is_like(tree.root(), wanted.root());
                prop_assert_eq!(is_right, left_out == all.len(), "without {:?} of {:?}: {:?}", left_out, all, made);
            }
        }
    }

    #[test]
    fn any_tree_survives_every_form(nodes in prop::collection::vec(any_node(), 1..4)) {
        let mut tree = Tree::new();
        for node in nodes {
            let _ = tree.add(&Uri::root(), node);
        }
        prop_assert_eq!(&read_clean(&serialise::to_xml(&tree)), &tree);
        prop_assert_eq!(&read_clean(&serialise::to_wbxml(&tree).unwrap()), &tree);
        prop_assert_eq!(&read_clean(serialise::to_json(&tree, &JsonOptions::default()).as_bytes()), &tree);
    }

    #[test]
    fn addresses_are_what_their_text_says(names in prop::collection::vec(any_name(), 0..8)) {
        let made = names.iter().fold(Uri::root(), |uri, name| uri.join(name));
        prop_assert_eq!(&uri(&made.to_string()), &made);
        prop_assert_eq!(made.segments().collect::<Vec<_>>(), names.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(made.parent().map(|parent| parent.join(made.name())), (!names.is_empty()).then_some(made));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,80}") {
        let _ = Uri::read(&text);
        let _ = Acl::read(&text);
        let _ = serialise::read(text.as_bytes(), &mut Report::new());
        let _ = serialise::read(format!("{{{text}").as_bytes(), &mut Report::new());
    }
}
