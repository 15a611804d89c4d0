//! Trees and descriptions as pictures and pages: every node once, nothing hostile gets out, nothing overlaps, all bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use impskit::codec::{self, Limits};
use impskit::diagnose::{Report, Source};
use impskit::dm::{self, Description, Node, Tree, Uri, serialise};
use impskit::inspect::picture::{self, Graph, View};
use proptest::prelude::*;
use sha2::Digest as _;

/// Names that want out of the markup, each with what must not stand in any drawing.
const HOSTILE: &[(&str, &str)] = &[
    ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert"),
    ("&quot;onload=&quot;x", "\"onload="),
    ("a&#x202E;gpj.exe", "\u{202E}"),
    ("b&#x2028;c", "\u{2028}"),
    ("]]&gt;--&gt;&lt;/style&gt;", "</style>-"),
    ("q\\&quot;];n0-&gt;n1;&quot;", "q\\\"];"),
    ("x|y`z*", "| x|y"),
    ("&#x85;n", "\u{85}"),
];

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new("tests/samples/dm").join(name)).expect(name)
}

/// Draws a description with what vendors say in it.
fn described(octets: &[u8], view: &View<'_>) -> Option<Graph> {
    let mut report = Report::new();
    let document = codec::read(octets, &[&dm::DDF], &Limits::default(), &mut report)?;
    let description = Description::from_element(&document.root, &mut report)?;
    Graph::of_description(&description, Some(&document.root), view)
}

fn tree(octets: &[u8], view: &View<'_>) -> Graph {
    let tree = serialise::read(octets, &mut Report::new()).expect("a tree");
    Graph::of_tree(&tree, Description::bundled(), view).expect("the start is there")
}

fn reference() -> Graph {
    Graph::of_description(Description::reference(), None, &View::default()).expect("a reference")
}

fn xml(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: u32::MAX, ..Default::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}"))
}

fn elements<'d>(document: &'d roxmltree::Document<'d>, name: &'d str) -> impl Iterator<Item = roxmltree::Node<'d, 'd>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

fn unescaped(anchor: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = anchor;
    while let Some(c) = rest.chars().next() {
        if c == '%' {
            octets.push(u8::from_str_radix(&rest[1..3], 16).expect("two digits"));
            rest = &rest[3..];
        } else {
            octets.push(u8::try_from(c).expect("ASCII"));
            rest = &rest[1..];
        }
    }
    String::from_utf8(octets).expect("text")
}

#[test]
fn every_node_stands_once_in_each_form() {
    let names = |graph: &Graph| (0..graph.nodes.len()).map(|i| graph.uri(i)).collect::<Vec<_>>();
    let vendor = described(&sample("vendor.ddf.xml"), &View::default()).expect("a description");
    assert_eq!(
        names(&vendor),
        ["./Vendor/Acme/IMPS", "./Vendor/Acme/IMPS/<X>", "./Vendor/Acme/IMPS/<X>/AppID", "./Vendor/Acme/IMPS/<X>/Name"]
    );
    let account = tree(&sample("account.tnd.xml"), &View::default());
    for graph in [vendor, reference(), account] {
        let names = names(&graph);
        let page = picture::page(&graph);
        let document = xml(&page);
        let ids: Vec<_> = elements(&document, "section").map(|s| unescaped(s.attribute("id").unwrap())).collect();
        assert_eq!(ids, names);
        let links = elements(&document, "nav").flat_map(|nav| nav.descendants()).filter_map(|a| a.attribute("href"));
        assert_eq!(links.map(|link| unescaped(&link[1..])).collect::<Vec<_>>(), names, "the contents");
        let svg = picture::svg(&graph, picture::ROWS);
        let document = xml(&svg);
        let titles: Vec<_> =
            elements(&document, "g").map(|g| g.first_element_child().unwrap().text().unwrap()).collect();
        assert_eq!(titles.len(), names.len());
        assert!(titles.iter().zip(&names).all(|(title, name)| title.starts_with(&format!("{name} ("))), "{titles:?}");
        let nodes = picture::dot(&graph, picture::ROWS)
            .lines()
            .filter(|line| line.contains("color=\"#") && line.starts_with("  n"))
            .count();
        assert_eq!(nodes, names.len());
        let rows =
            picture::markdown(&graph).lines().filter(|line| line.starts_with("| `") || line.starts_with("## ")).count();
        assert_eq!(rows, names.len());
    }
}

#[test]
fn links_lead_somewhere_and_anchors_are_unique() {
    // A description may say a node twice; the second gets an anchor of its own.
    let node = "<Node><NodeName>A</NodeName><DFProperties><AccessType><Get/></AccessType><DFFormat><chr/></DFFormat>\
                <DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>";
    let twice = format!("<MgmtTree><VerDTD>1.2</VerDTD>{node}{node}{}</MgmtTree>", node.replace(">A<", ">A~2<"));
    let twice = described(twice.as_bytes(), &View::default()).expect("a description");
    for graph in [twice, reference(), tree(&sample("account.tree.json"), &View::default())] {
        let page = picture::page(&graph);
        let document = xml(&page);
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        let unique: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        for link in elements(&document, "a").filter_map(|a| a.attribute("href")) {
            assert!(link.strip_prefix('#').is_some_and(|id| unique.contains(id)), "{link}");
        }
        for table in elements(&document, "table").filter(|t| t.ancestors().any(|a| a.has_tag_name("section"))) {
            assert!(table.first_element_child().is_some_and(|caption| caption.has_tag_name("caption")));
        }
    }
}

/// The page allows its own style and script by their hashes, and nothing from outside.
#[test]
fn a_page_stands_alone() {
    let page = picture::page(&reference());
    let document = xml(&page);
    let policy =
        elements(&document, "meta").find(|m| m.has_attribute("http-equiv")).unwrap().attribute("content").unwrap();
    for (name, directive) in [("style", "style-src"), ("script", "script-src")] {
        let text = elements(&document, name).next().unwrap().text().unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}'")), "{policy}");
        assert_eq!(elements(&document, name).count(), 1);
    }
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    for node in document.descendants() {
        assert!(!node.has_attribute("src") && !node.has_attribute("style"), "{node:?}");
        assert!(node.attributes().all(|a| !a.name().starts_with("on")), "{node:?}");
    }
    let svg = picture::svg(&reference(), picture::ROWS);
    assert!(!svg.contains("href") && !svg.contains("url(") && !svg.contains("<script"), "a picture too");
    assert!(page.contains("the impskit reference, a reconstruction") && svg.contains("a reconstruction"));
}

#[test]
fn hostile_names_stay_text() {
    for (name, escaped) in HOSTILE {
        let ddf = format!(
            "<MgmtTree><VerDTD>1.2</VerDTD><Man>{name}</Man><Node><NodeName>{name}</NodeName><DFProperties><AccessType>\
             <Get/></AccessType><DefaultValue>{name}</DefaultValue><Description>{name}</Description><DFFormat><chr/>\
             </DFFormat><DFTitle>{name}</DFTitle><DFType><MIME>{name}</MIME></DFType><v:e xmlns:v=\"urn:v\" a=\"{name}\">{name}\
             </v:e></DFProperties></Node></MgmtTree>"
        );
        let graph = described(ddf.as_bytes(), &View::default()).expect(name);
        let (svg, page) = (picture::svg(&graph, picture::ROWS), picture::page(&graph));
        xml(&svg);
        xml(&page);
        let (dot, markdown) = (picture::dot(&graph, picture::ROWS), picture::markdown(&graph));
        let own_script = include_str!("../../src/inspect/picture/page.js");
        for text in [&svg, &page.replace(own_script, ""), &dot, &markdown] {
            let is_markup = !std::ptr::eq(text, &dot) && !std::ptr::eq(text, &markdown);
            let is_character = escaped.chars().count() == 1;
            if is_markup || is_character {
                assert!(!text.contains(escaped), "{name}: {text}");
            }
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{name}");
        }
        assert_rows_have_equal_cells(&markdown);
        assert_quotes_are_closed(&dot);
    }
}

fn assert_rows_have_equal_cells(markdown: &str) {
    let cells = |row: &str| row.replace("\\|", "").matches('|').count();
    let rows: Vec<_> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.iter().all(|row| cells(row) == cells(rows[0])), "{markdown}");
}

/// Outside of quoted texts, a line of DOT holds only what we write there.
fn assert_quotes_are_closed(dot: &str) {
    let known = |c: char| c.is_ascii_alphanumeric() || " ={}[],;->._".contains(c);
    for line in dot.lines() {
        let mut is_quoted = false;
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' if is_quoted => drop(characters.next()),
                '"' => is_quoted = !is_quoted,
                c => assert!(is_quoted || known(c), "{line}"),
            }
        }
        assert!(!is_quoted, "{line}");
    }
}

/// No two texts of a row lie on each other, and none reaches out of the picture: a character is 0.602 em at the most.
fn assert_nothing_overlaps(svg: &str) {
    let document = xml(svg);
    let number = |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let width = number(&document.root_element(), "width");
    let height = number(&document.root_element(), "height");
    let mut rows: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for text in elements(&document, "text") {
        let class = text.attribute("class").unwrap_or_default();
        let size = if matches!(class, "head" | "word") { 11.0 } else { 13.0 };
        let cells: f64 = text
            .text()
            .unwrap_or_default()
            .chars()
            .map(|c| if c < '\u{1100}' || ('‐'..='‧').contains(&c) { 1.0 } else { 2.0 })
            .sum();
        let (long, x) = (cells * size * 0.602, number(&text, "x"));
        let start = if text.attribute("text-anchor").is_some() { x - long / 2.0 } else { x };
        let end = start + if class == "title" { 0.0 } else { long };
        assert!(start >= 0.0 && end <= width && number(&text, "y") <= height, "{end} of {width}: {:?}", text.text());
        rows.entry(text.attribute("y").unwrap().to_owned()).or_default().push((start, end));
    }
    for (y, mut texts) in rows {
        texts.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in texts.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "y {y}: {pair:?}");
        }
    }
}

#[test]
fn texts_of_a_picture_do_not_overlap() {
    assert_nothing_overlaps(&picture::svg(&reference(), picture::ROWS));
    assert_nothing_overlaps(&picture::svg(&tree(&sample("account.tree.json"), &View::default()), picture::ROWS));
    let wide = "広告".repeat(60);
    let long = Node::interior("a".repeat(3000)).with(Node::text(wide.clone(), wide));
    let mut deep = Tree::new();
    deep.ensure(&Uri::read(&vec!["deep"; Uri::MOST_SEGMENTS].join("/")).unwrap()).unwrap();
    deep.add(&Uri::root(), long).unwrap();
    let graph = Graph::of_tree(&deep, Description::bundled(), &View::default()).unwrap();
    assert_nothing_overlaps(&picture::svg(&graph, picture::ROWS));
}

#[test]
fn the_legend_names_what_is_drawn() {
    let svg = picture::svg(&reference(), picture::ROWS);
    let document = xml(&svg);
    let texts: Vec<_> = elements(&document, "text").filter(|t| t.parent().unwrap().has_tag_name("svg")).collect();
    let texts: Vec<_> = texts.iter().filter_map(roxmltree::Node::text).collect();
    for word in
        ["FORMAT", "bin", "chr", "node", "ACCESS", "Add", "Exec", "OCCURS", "1..*", "SCOPE", "CERTAINTY", "derived"]
    {
        assert!(texts.contains(&word), "{word}: {texts:?}");
    }
    assert!(!texts.contains(&"bool") && !texts.contains(&"0..N"), "only what is drawn");
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<desc"));
}

/// Returns the tree with so many leaves, in folders of so many.
fn leaves(count: usize, folder: usize, differ: bool) -> Tree {
    let mut tree = Tree::new();
    for i in 0..count {
        let uri = Uri::read(&format!("F{}", i / folder)).unwrap();
        tree.ensure(&uri).unwrap();
        let format = if differ && i % 3 == 0 { dm::Format::Int } else { dm::Format::Chr };
        let value = Some(dm::Value::Text(i.to_string()));
        tree.add(&uri, Node::leaf(format!("L{i}"), format, value)).unwrap();
    }
    tree
}

/// Returns how many nodes the sentence of a picture says are drawn, and how many folded.
fn told(svg: &str) -> (usize, usize) {
    let document = xml(svg);
    let sentence = elements(&document, "desc").next().unwrap().text().unwrap();
    let numbers = sentence.rsplit(". ").next().unwrap().split_whitespace().filter_map(|word| word.parse().ok());
    let numbers: Vec<usize> = numbers.collect();
    (numbers[0], numbers[2])
}

#[test]
fn large_trees_are_folded() {
    for (count, folder) in [(100_000, 100_000), (100_000, 100), (100_000, 1), (2_000, 7)] {
        let tree = leaves(count, folder, true);
        let graph = Graph::of_tree(&tree, &[], &View::default()).unwrap();
        let svg = picture::svg(&graph, picture::ROWS);
        assert_nothing_overlaps(&svg);
        let (drawn, folded) = told(&svg);
        assert_eq!(drawn + folded, tree.len() + 1);
        assert!(drawn <= picture::ROWS && svg.len() < 300_000, "{count} in {folder}: {drawn}, {} octets", svg.len());
        assert!(svg.contains("</text>\n") && svg.contains("…"));
        assert_eq!(svg, picture::svg(&graph, picture::ROWS), "always the same");
        let dot = picture::dot(&graph, picture::ROWS);
        assert!(dot.lines().count() <= 2 * picture::ROWS + 10);
        let page = picture::page(&graph);
        assert!(page.len() < 16_000_000, "{} octets", page.len());
        assert!(count <= 10_000 || page.contains("nodes more are in the document"));
    }
}

#[test]
fn siblings_that_are_alike_are_drawn_once() {
    let graph = Graph::of_tree(&leaves(1000, 1000, false), &[], &View::default()).unwrap();
    let svg = picture::svg(&graph, picture::ROWS);
    assert!(svg.contains("… 999 more like it: L1, L2, L3, "), "{svg}");
    assert_eq!(told(&svg), (3, 999), "the root, the folder, the first leaf");
    let all = picture::svg(&graph, picture::MOST_ROWS);
    assert!(all.contains(">L999<") && !all.contains("…"), "all where there is room");
}

#[test]
fn secrets_are_masked_in_every_form() {
    let forms = |view: &View<'_>| {
        let graph = tree(&sample("account.tree.json"), view);
        let (rows, lines) = (picture::ROWS, picture::lines(&graph).to_text());
        [
            picture::svg(&graph, rows),
            picture::dot(&graph, rows),
            picture::page(&graph),
            picture::markdown(&graph),
            lines,
        ]
    };
    let account = serialise::read(&sample("account.tree.json"), &mut Report::new()).unwrap();
    let secret = account.get(&Uri::read("IMPS/acme/AppAuth/1/AAuthSecret").unwrap()).unwrap().value_text().unwrap();
    assert!(forms(&View::default()).iter().all(|text| !text.contains(secret) && text.contains(dm::MASK)));
    assert!(forms(&View { show_secrets: true, ..View::default() }).iter().all(|text| text.contains(secret)));
}

#[test]
fn access_is_said_with_its_origin() {
    let start = Uri::read("IMPS/acme/AppAuth").unwrap();
    let graph = tree(&sample("account.tree.json"), &View { path: Some(&start), ..View::default() });
    let list = "Get=*&Replace=acme.example&Delete=acme.example";
    assert_eq!(graph.acl(0), (list, false), "the list stands above the start");
    let whole = tree(&sample("account.tree.json"), &View::default());
    let node = |uri: &str| (0..whole.nodes.len()).find(|&i| whole.uri(i) == uri).unwrap();
    assert_eq!(whole.acl(node("./IMPS/acme")), (list, true));
    assert_eq!(whole.acl(node("./IMPS/acme/AppID")), (list, false));
    assert_eq!(whole.acl(node("./NAP")), ("Add=*&Get=*", false), "as the standard has it for the root");
}

#[test]
fn a_view_starts_and_ends_where_asked() {
    let start = Uri::read("AppAuth").unwrap();
    let view = View { path: Some(&start), depth: Some(1), ..View::default() };
    let graph = Graph::of_description(Description::reference(), None, &view).unwrap();
    let names: Vec<_> = (0..graph.nodes.len()).map(|i| graph.uri(i)).collect();
    assert_eq!(names, ["<X>/AppAuth", "<X>/AppAuth/<X>"]);
    assert_eq!(graph.nodes[1].below, 5);
    assert!(picture::svg(&graph, picture::ROWS).contains("… 5 below"));
    let nowhere = Uri::read("AppAuth/1/No").unwrap();
    assert!(Graph::of_description(Description::reference(), None, &View { path: Some(&nowhere), ..view }).is_none());
}

#[test]
fn programs_get_the_nodes_of_a_description() {
    let graph = described(&sample("vendor.ddf.xml"), &View::default()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&picture::description_json(&graph)).unwrap();
    assert_eq!(json["schema"], "impskit.description/1");
    assert_eq!((&json["manufacturer"], &json["model"]), (&"Acme".into(), &"Talker 3".into()));
    let top = &json["nodes"][0];
    assert_eq!(
        (&top["name"], &top["path"], &top["scope"]),
        (&"IMPS".into(), &"./Vendor/Acme".into(), &"permanent".into())
    );
    assert_eq!(top["extensions"], serde_json::json!([{"name": "ACME:Lock", "value": "1"}]));
    let account = &top["children"][0];
    assert_eq!(
        (&account["name"], &account["occurs"]),
        (&serde_json::Value::Null, &serde_json::json!({"least": 0, "most": 3}))
    );
    assert_eq!(account["children"][0]["default"], "wA");
    assert_eq!(account["children"][1]["access"], serde_json::json!(["Add", "Get", "Replace"]));
}

#[test]
fn values_that_vendors_allow_stand_beside_the_node() {
    let ddf = "<MgmtTree xmlns:M='http://schemas.microsoft.com/MobileDevice/DM'><VerDTD>1.2</VerDTD><Node><NodeName>A</NodeName>\
               <DFProperties><AccessType><Get/></AccessType><DFFormat><int/></DFFormat><DFType><MIME>text/plain</MIME></DFType>\
               <M:AllowedValues ValueType='ENUM'><M:Enum><M:Value>0</M:Value><M:ValueDescription>off</M:ValueDescription></M:Enum>\
               <M:Enum><M:Value>1</M:Value><M:ValueDescription>on</M:ValueDescription></M:Enum></M:AllowedValues>\
               <M:DependencyBehavior><M:DependencyGroup FriendlyId='g'><M:Dependency Type='Not'><M:DependencyUri>B</M:DependencyUri>\
               </M:Dependency></M:DependencyGroup></M:DependencyBehavior></DFProperties></Node></MgmtTree>";
    let graph = described(ddf.as_bytes(), &View::default()).unwrap();
    let extensions = &graph.nodes[0].extensions;
    let allowed: Vec<_> = extensions[0].allowed.iter().map(|a| (a.value.as_str(), a.meaning.as_str())).collect();
    assert_eq!((extensions[0].value.as_str(), allowed), ("ValueType=ENUM", vec![("0", "off"), ("1", "on")]));
    assert_eq!(extensions[1].value, "DependencyGroup FriendlyId=g (Dependency Type=Not (DependencyUri B))");
    let page = picture::page(&graph);
    assert!(page.contains("<tr><td><code>1</code></td><td>on</td></tr>"));
    assert!(picture::markdown(&graph).contains("allowed: `0` off, `1` on"));
}

#[test]
fn findings_stand_beside_the_node_where_they_are() {
    let ddf = String::from_utf8(sample("vendor.ddf.xml"))
        .unwrap()
        .replace("<DFFormat><chr/></DFFormat>\n          <DFType>", "<DFType>");
    let mut graph = described(ddf.as_bytes(), &View::default()).unwrap();
    let checked = impskit::catalogue::check(ddf.as_bytes(), "vendor.xml", &impskit::catalogue::Options::default());
    let of_node =
        |d: &&impskit::diagnose::Diagnostic| d.message.contains("DFFormat") || d.rule.summary.contains("DFFormat");
    assert!(checked.report.diagnostics().iter().any(|d| of_node(&d)), "{:?}", checked.report.diagnostics());
    let all = checked.report.diagnostics().len();
    graph.add_findings(checked.report, &checked.source);
    let node = graph.nodes.iter().find(|node| node.name == "AppID").unwrap();
    assert!(node.findings.iter().any(|f| of_node(&&f.diagnostic)), "{graph:?}");
    assert_eq!(graph.nodes.iter().map(|n| n.findings.len()).sum::<usize>() + graph.findings.len(), all);
    assert!(picture::page(&graph).contains("Findings of <code>impskit check</code>: "));
    // A report on something else does not break anything.
    graph.add_findings(Report::new(), &Source::new("none", Vec::new()));
}

proptest! {
    /// Whatever the names are, markup is well-formed and nothing overlaps.
    #[test]
    fn any_tree_can_be_drawn(names in proptest::collection::vec("[^/?\\pZ\\pC]{1,40}", 1..40), rows in 2_usize..30) {
        let mut tree = Tree::new();
        let mut place = Uri::root();
        for (i, name) in names.iter().enumerate() {
            let uri = place.join(name);
            if tree.get(&place).is_some_and(|node| node.child(name).is_none()) && dm::is_name(name) {
                tree.add(&place, Node::interior(name.clone())).unwrap();
                place = if i % 3 == 0 { uri } else { place };
            }
        }
        let graph = Graph::of_tree(&tree, &[], &View::default()).unwrap();
        let svg = picture::svg(&graph, rows);
        xml(&svg);
        prop_assert!(svg.matches("<g>").count() <= rows);
        xml(&picture::page(&graph));
        assert_quotes_are_closed(&picture::dot(&graph, rows));
    }
}

#[test]
fn descriptions_of_other_makers_can_be_drawn() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let files = fs::read_dir(Path::new(&corpus).join("ddf")).expect("a folder ddf");
    let mut drawn = 0;
    for path in
        files.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "xml"))
    {
        let Some(graph) = described(&fs::read(&path).expect("a file"), &View::default()) else { continue };
        let (svg, page) = (picture::svg(&graph, picture::ROWS), picture::page(&graph));
        assert_nothing_overlaps(&svg);
        let document = xml(&page);
        assert_eq!(elements(&document, "section").count(), graph.nodes.len(), "{}", path.display());
        assert!(page.len() < 8_000_000, "{}", path.display());
        assert_rows_have_equal_cells(&picture::markdown(&graph));
        drawn += 1;
    }
    assert!(drawn > 100, "{drawn}");
}
