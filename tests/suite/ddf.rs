//! Rules of device descriptions (DDF): what is found, how bad it is for whom, and what mends it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use impskit::catalogue::{self, Checked, Kind, Options};
use impskit::diagnose::fix::apply;
use impskit::diagnose::{Diagnostic, Grade, Report, Severity, text};
use impskit::dm;
use proptest::prelude::*;

fn check(document: impl Into<Vec<u8>>) -> Checked<'static> {
    catalogue::check(document.into(), "description", &Options { kind: Kind::named("ddf"), ..Options::default() })
}

fn codes(document: &str) -> Vec<&'static str> {
    let Checked { report, .. } = check(document);
    report.diagnostics().iter().filter(|d| d.severity > Severity::Note).map(|d| d.rule.code).collect()
}

/// A leaf, with what stands between its name and its properties.
fn leaf(name: &str, more: &str) -> String {
    node(name, more, "<chr/>", "<MIME>text/plain</MIME>", "")
}

fn interior(name: &str, more: &str, nodes: &str) -> String {
    node(name, more, "<node/>", "<DDFName/>", nodes)
}

fn node(name: &str, more: &str, format: &str, kind: &str, nodes: &str) -> String {
    format!(
        "<Node><NodeName>{name}</NodeName>{more}<DFProperties><AccessType><Get/></AccessType><DFFormat>{format}\
         </DFFormat><Occurrence><One/></Occurrence><Scope><Permanent/></Scope><DFType>{kind}</DFType></DFProperties>\
         {nodes}</Node>\n"
    )
}

fn document(nodes: &str) -> String {
    format!("<MgmtTree>\n<VerDTD>1.2</VerDTD>\n{nodes}</MgmtTree>\n")
}

fn path(path: &str) -> String {
    format!("<Path>{path}</Path>")
}

#[test]
fn nodes_at_several_places_make_one_tree() {
    let con = interior("Con", "", &leaf("A", ""));
    let open = interior("Open", "", "");
    // More of a described node, of one that is open, and of what nobody describes.
    for (more, found) in [
        (leaf("B", &path("./Con")), &[] as &[_]),
        (leaf("B", &path("Con")), &[]),
        (leaf("B", &path("./Open")), &[]),
        (leaf("B", &path("./Open/X/Y")), &[]),
        (leaf("B", &path("./Vendor/Acme")), &[]),
        (leaf("B", &path("")), &[]),
        (leaf("B", &path("./Con/A")), &["DDF032"]),
        (leaf("B", &path("./Con/Z")), &["DDF032"]),
        (leaf("B", &path("./Con/Z/Y")), &["DDF032"]),
        (leaf("A", &path("./Con")), &[]),
        (interior("A", &path("./Con"), ""), &["DDF031"]),
        (interior("Con", "", &node("A", "", "<int/>", "<MIME>text/plain</MIME>", "")), &["DDF031"]),
        (interior("Con", "", &leaf("B", "")), &[]),
    ] {
        assert_eq!(codes(&document(&format!("{con}{open}{more}"))), found, "{more}");
        assert_eq!(codes(&document(&format!("{more}{open}{con}"))), found, "{more} comes first");
    }
}

#[test]
fn a_contradiction_says_in_what_and_shows_the_other() {
    let text = document(&format!("{}{}", leaf("A", ""), node("A", "", "<int/>", "<MIME>text/xml</MIME>", "")));
    let Checked { report, .. } = check(text.as_str());
    let finding = report.diagnostics().iter().find(|d| d.rule.code == "DDF031").expect("a contradiction");
    assert_eq!(finding.message, "this address is described before with another format, type");
    assert_eq!(finding.related[0].span.start as usize, text.find("<Node>").unwrap());
}

#[test]
fn siblings_are_told_apart_as_their_parent_says() {
    let cis = "<DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat><Occurrence><One/></Occurrence>\
               <Scope><Permanent/></Scope><DFType><DDFName/></DFType><CaseSense><CIS/></CaseSense></DFProperties>";
    let con = |properties: &str, a: &str, b: &str| {
        document(&format!("<Node><NodeName>Con</NodeName>{properties}{}{}</Node>", leaf(a, ""), leaf(b, "")))
    };
    let cs = cis.replace("CIS", "CS");
    assert_eq!(codes(&con(cis, "Name", "name")), ["DDF022"]);
    assert_eq!(codes(&con(&cs, "Name", "name")), ["DDF034"]);
    assert_eq!(codes(&con(&cs, "Name", "Name")), ["DDF022"]);
    assert_eq!(codes(&con(&cs, "Name", "Names")), [""; 0]);
    // The other letter case is passed on to all nodes below.
    let deep = interior("Inner", "", &format!("{}{}", leaf("A", ""), leaf("a", "")));
    let outer = |properties: &str| document(&format!("<Node><NodeName>Con</NodeName>{properties}{deep}</Node>"));
    assert_eq!(codes(&outer(cis)), ["DDF022"]);
    assert_eq!(codes(&outer(&cs)), ["DDF034"]);
}

#[test]
fn the_version_is_that_of_the_document_type() {
    let with = |id: &str, version: &str| {
        let text = document(&leaf("A", "")).replace("1.2", version);
        check(format!("<!DOCTYPE MgmtTree PUBLIC \"{id}\" \"a.dtd\">\n{text}"))
    };
    let severity = |checked: &Checked<'_>| checked.report.diagnostics().iter().map(|d| d.severity).max();
    for (id, version, worst) in [
        ("-//OMA//DTD-DM-DDF 1.2//EN", "1.2", None),
        (" -//OMA//DTD-DM-DDF\n 1.2//EN", " 1.2 ", None),
        ("-//OMA//DTD SYNCML-DMDDF 1.1.2//EN", "1.1.2", None),
        ("-//OMA//DTD SYNCML-DMDDF 1.1.2//EN", "1.2", Some(Severity::Error)),
        ("-//OMA//DTD-DM-DDF 1.2//EN", "1.3", Some(Severity::Error)),
        ("-//OMA//DTD-DM-DDF 1.2//EN", "7", Some(Severity::Error)),
        ("-//ACME//DTD X 1.2//EN", "1.2", Some(Severity::Note)),
    ] {
        let checked = with(id, version);
        assert_eq!(severity(&checked), worst, "{id} {version}:\n{}", text::short(&checked.source, &checked.report));
        assert!(checked.report.diagnostics().iter().all(|d| d.rule.code == "DDF002"));
    }
}

#[test]
fn limits_that_the_description_gives_are_kept() {
    let default = |name: &str, value: &str| {
        leaf(name, "").replace("</AccessType>", &format!("</AccessType><DefaultValue>{value}</DefaultValue>"))
    };
    let limits = |depth: &str, total: &str, segment: &str| {
        let leaves = [default("MaxDepth", depth), default("MaxTotLen", total), default("MaxSegLen", segment)].concat();
        interior("DevDetail", "", &interior("URI", "", &leaves))
    };
    let deep = interior("A", &path("./B"), &interior("C", "", &leaf("D", "")));
    let messages = |limits: String| {
        let Checked { report, .. } = check(document(&format!("{limits}{deep}")));
        let found = report.diagnostics().iter().filter(|d| d.rule.code == "DDF033");
        found.map(|d| (d.path.clone(), d.message.clone())).collect::<Vec<_>>()
    };
    // `./DevDetail/URI/MaxTotLen` has 25 characters, `./B/A/C/D` nine in four segments.
    assert_eq!(messages(limits("4", "25", "9")), []);
    assert_eq!(messages(limits("0", "0", "0")), []);
    let told = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    assert_eq!(
        messages(limits("3", "0", "0")),
        [told("./B/A/C/D", "the address is 4 segments deep; the device holds 3")]
    );
    let long = messages(limits("0", "24", "8"));
    assert!(
        long.contains(&told("./DevDetail/URI/MaxTotLen", "the address is 25 characters long; the device holds 24"))
    );
    assert!(long.iter().all(|(path, _)| path.starts_with("./DevDetail")), "{long:?}");
}

/// What a server refuses, what servers take though the text forbids it, and what is only worth a look.
#[test]
fn findings_are_graded() {
    let grade = |text: &str, code: &str| {
        let checked = check(text);
        let found = checked.report.diagnostics().iter().find(|d| d.rule.code == code);
        found.unwrap_or_else(|| panic!("{code} in {text}")).grade
    };
    let all_are_graded = |text: &str| check(text).report.diagnostics().iter().all(|d| d.grade.is_some());
    for (text, code, expected) in [
        (document(&node("A", "", "", "<MIME>text/plain</MIME>", "")), "DDF008", Grade::Refused),
        (document(&node("A", "", "<chr/>", "<MIME/>", "")), "DDF012", Grade::Tolerated),
        (document(&interior("A", "", "").replace("<DFType><DDFName/></DFType>", "")), "DDF008", Grade::Tolerated),
        (document(&leaf("A", "<Value>x</Value>")), "DDF004", Grade::Tolerated),
        (document(&leaf("Password", "")), "DDF028", Grade::Advice),
        (document(&leaf("A", "").replace("<Scope><Permanent/></Scope>", "")), "DDF009", Grade::Advice),
    ] {
        assert_eq!(grade(&text, code), Some(expected), "{code}");
        assert!(all_are_graded(&text));
    }
}

fn described(findings: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for diagnostic in findings.diagnostics() {
        *counts.entry(diagnostic.rule.code).or_default() += 1;
    }
    counts
}

/// Safe changes take findings away and bring none; what they leave is as it was.
fn assert_mended(before: &str) -> String {
    let Checked { report, .. } = check(before);
    let after = apply(before, &report).text;
    let Checked { report: left, source, .. } = check(after.as_str());
    let shown = || format!("{before}\n---\n{after}\n---\n{}", text::short(&source, &left));
    for (code, count) in described(&left) {
        assert!(described(&report).get(code).is_some_and(|b| count <= *b), "{code} is new in:\n{}", shown());
    }
    let is_fixed = |d: &Diagnostic| d.fix.as_ref().is_some_and(|fix| fix.is_safe);
    let fixed = report.diagnostics().iter().filter(|d| is_fixed(d)).count();
    assert!(fixed == 0 || left.diagnostics().len() < report.diagnostics().len(), "{}", shown());
    after
}

#[test]
fn safe_changes_mend_the_bad_examples() {
    let mut mended = Vec::new();
    for rule in dm::DESCRIPTION_RULES {
        if assert_mended(rule.bad) != rule.bad {
            mended.push(rule.code);
        }
    }
    assert_eq!(mended, ["DDF002", "DDF030", "DDF037"]);
}

#[test]
fn safe_changes_mend_what_makers_ship() {
    let properties = |text: &str| document(&format!("<Node>\n  <NodeName>A</NodeName>\n  {text}\n</Node>\n"));
    let whole = "<DFProperties>\n    <AccessType><Get/></AccessType>\n    <DFFormat><node/></DFFormat>\n    \
                 <Occurrence><One/></Occurrence>\n    <Scope><Permanent/></Scope>\n    \
                 <DFType><DDFName/></DFType>\n  </DFProperties>";
    let clean = properties(whole);
    let swap = |from: &str, to: &str| {
        assert!(clean.contains(from), "{from}");
        clean.replace(from, to)
    };
    for (bad, good) in [
        (swap("<DDFName/>", "<MIME/>"), clean.clone()),
        (swap("<DDFName/>", "<MIME></MIME>"), clean.clone()),
        (swap("<DFType><DDFName/></DFType>", "<DFType/>"), clean.clone()),
        (swap("\n    <DFType><DDFName/></DFType>", ""), clean.clone()),
        (swap("<node/>", "<Node/>"), clean.clone()),
        (swap("<node/>", "node"), clean.clone()),
        (swap("<One/>", "<one></one>"), swap("<One/>", "<One></One>")),
        (swap("<NodeName>A<", "<NodeName> A\n<"), clean.clone()),
        (swap("<NodeName>A<", "<NodeName> <"), swap("<NodeName>A<", "<NodeName><")),
        (swap("<VerDTD>1.2</VerDTD>\n", ""), clean.clone()),
        (
            swap("<DDFName/>", "<MIME>com.example/1.0/A</MIME>"),
            swap("<DDFName/>", "<DDFName>com.example/1.0/A</DDFName>"),
        ),
        (
            swap(
                "    <Occurrence><One/></Occurrence>\n    <Scope><Permanent/></Scope>\n",
                "    <Scope><Permanent/></Scope>\n    <!-- once -->\n    <Occurrence><One/></Occurrence>\n",
            ),
            swap("    <Occurrence>", "    <!-- once -->\n    <Occurrence>"),
        ),
        (
            // The first child is not where it belongs: two move in front of it.
            properties(
                "<DFProperties>\n    <Scope><Permanent/></Scope>\n    <AccessType><Get/></AccessType>\n    \
                 <DFFormat><node/></DFFormat>\n    <Occurrence><One/></Occurrence>\n    \
                 <DFType><DDFName/></DFType>\n  </DFProperties>",
            ),
            clean.clone(),
        ),
        (
            properties("<Path>./X/Y//</Path>\n").replace("\n\n", "\n"),
            properties("<Path>./X/Y</Path>\n").replace("\n\n", "\n"),
        ),
        (swap("</AccessType>\n", "</AccessType>\n    <DefaultValue></DefaultValue>\n"), clean.clone()),
    ] {
        assert_eq!(assert_mended(&bad), good);
    }
    assert_eq!(check(clean.as_str()).report.diagnostics().len(), 0);
    // What says something is not thrown away.
    assert_eq!(
        assert_mended(&swap("<DDFName/>", "<MIME>text/plain</MIME>")),
        swap("<DDFName/>", "<MIME>text/plain</MIME>")
    );
}

#[test]
fn values_in_another_writing_are_mended() {
    let with = |value: &str, format: &str| {
        document(&node("A", "", format, "<MIME>text/plain</MIME>", ""))
            .replace("</AccessType>", &format!("</AccessType><DefaultValue>{value}</DefaultValue>"))
    };
    assert_eq!(assert_mended(&with("\n  5\n", "<int/>")), with("5", "<int/>"));
    assert_eq!(assert_mended(&with("TRUE", "<bool/>")), with("true", "<bool/>"));
    assert_eq!(codes(&with("5", "<bool/>")), ["DDF015"]);
    assert_eq!(codes(&with("True", "<bool/>")), [""; 0]);
    assert_eq!(codes(&with("&lt;a>", "<xml/>")), ["DDF015"]);
    assert_eq!(codes(&with("<a/>", "<xml/>")), [""; 0]);
    assert_eq!(codes(&with("<a/>", "<chr/>")), ["DDF015"]);
    let xml = with("&lt;a>", "<chr/>").replace("text/plain", "text/xml");
    assert_eq!(codes(&xml), ["DDF015"]);
    assert_eq!(codes(&xml.replace("&lt;a>", "&lt;a/>")), [""; 0]);
    // The default of a secret is not repeated.
    let Checked { report, .. } = check(with("x1", "<int/>").replace(">A<", ">Password<"));
    assert!(report.cites("DDF015") && report.diagnostics().iter().all(|d| !d.message.contains("x1")));
}

/// A hundred thousand nodes below one parent, at the top, with one name or none: time grows with their number.
#[test]
#[allow(clippy::disallowed_methods)] // what is tested is that it does not take minutes
fn hostile_descriptions_take_no_long() {
    let start = std::time::Instant::now();
    const MANY: usize = 45_000;
    let bare = |name: &str| format!("<Node><NodeName>{name}</NodeName></Node>");
    let many = |name: &dyn Fn(usize) -> String| (0..MANY).map(|i| bare(&name(i))).collect::<String>();
    let long = "x".repeat(100_000);
    for nodes in [
        many(&|i| format!("n{i}")),
        many(&|_| "same".to_owned()),
        many(&|_| String::new()),
        many(&|i| format!("{:b}", i).replace('0', "a").replace('1', "A")),
    ] {
        let below = check(document(&interior("Con", "", &nodes)));
        let at_top = check(document(&nodes.replace("</NodeName>", "</NodeName><Path>./A/B</Path>")));
        for Checked { report, .. } in [below, at_top] {
            assert!(report.count(Severity::Error) >= MANY, "each lacks DFProperties");
            assert!(report.diagnostics().len() <= Report::MAX);
        }
    }
    let below_long = document(&interior(&long, "", &many(&|i| format!("n{i}"))));
    let Checked { report, .. } = check(below_long);
    assert!(report.diagnostics().iter().all(|d| d.path.len() < 1000 && d.message.len() < 1000));
    let deep = format!("{}{}", "<Node><NodeName>a</NodeName>".repeat(10_000), "</Node>".repeat(10_000));
    assert!(check(document(&deep)).report.cites("GEN005"));
    // Generous for a build without optimisation on a busy machine.
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is cut out of a description, put into it or exchanged in it: it is judged, and safe changes can be made.
    #[test]
    fn no_change_of_a_description_is_too_much(
        pieces in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_usize), 1..4)
    ) {
        let mut text = include_str!("../samples/dm/vendor.ddf.xml").to_owned();
        for (from, to, what) in pieces {
            let tags: Vec<usize> = text.match_indices('<').map(|(at, _)| at).chain([text.len()]).collect();
            let (a, b) = (tags[from.index(tags.len())], tags[to.index(tags.len())]);
            let (a, b) = (a.min(b), a.max(b));
            match what {
                0 => text.replace_range(a..b, ""),
                1 => {
                    let again = text[a..b].to_owned();
                    text.insert_str(a, &again);
                }
                _ => {
                    let moved = text[a..b].to_owned();
                    text.replace_range(a..b, "");
                    let tags: Vec<usize> = text.match_indices('<').map(|(at, _)| at).chain([text.len()]).collect();
                    text.insert_str(tags[to.index(tags.len())], &moved);
                }
            }
        }
        let checked = check(text.as_str());
        for diagnostic in checked.report.diagnostics() {
            prop_assert!(diagnostic.span.range().end <= text.len());
            for edit in diagnostic.fix.iter().flat_map(|fix| &fix.edits) {
                prop_assert!(text.get(edit.span.range()).is_some());
            }
        }
        let after = check(apply(&text, &checked.report).text);
        let unread = |report: &Report| report.cites("XML001");
        prop_assert!(unread(&checked.report) || !unread(&after.report), "{text}");
    }
}

/// Shipped descriptions: each is judged, and what is found in them stays in bounds that were looked at by hand.
#[test]
fn descriptions_of_the_corpus_are_judged() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS").map(PathBuf::from) else { return };
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    let mut judged = 0;
    for entry in std::fs::read_dir(corpus.join("ddf")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let octets = std::fs::read(&path).unwrap();
        let checked = catalogue::check(octets.clone(), "corpus", &Options::default());
        judged += 1;
        for code in described(&checked.report).keys() {
            *files.entry(code).or_default() += 1;
        }
        if let (Some("ddf"), Ok(before)) = (checked.kind.map(|kind| kind.id), String::from_utf8(octets)) {
            assert_mended_file(&path, &before, &checked.report);
        }
    }
    assert!(judged > 270, "{judged}");
    println!("{files:#?}");
}

fn assert_mended_file(path: &std::path::Path, before: &str, report: &Report) {
    let left = check(apply(before, report).text).report;
    let all = |report: &Report| report.diagnostics().len() + report.left_out();
    let safe = report.diagnostics().iter().filter(|d| d.fix.as_ref().is_some_and(|fix| fix.is_safe)).count();
    assert!(all(&left) + safe.min(1) <= all(report), "{}", path.display());
    assert!(left.cites("XML001") == report.cites("XML001"), "{}", path.display());
}
