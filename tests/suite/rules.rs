//! Every rule has a document that breaks it and one that keeps it: the first fires that rule and no other error, the
//! second does not fire it. Rules of pushes and SMS are tried where layers are peeled (`inspect.rs`).

use std::path::{Path, PathBuf};

use impskit::catalogue::{self, Checked, Kind, Options, RULES};
use impskit::diagnose::{Report, Rule, Severity, fix, text};
use impskit::dm::Description;
use impskit::provision::{Pack, Profile};

/// Families of the readers, whose examples are the shortest that show the fault, not whole documents.
const READERS: &[&str] = &["GEN", "XML", "WB", "PTS"];

fn family(rule: &Rule) -> &'static str {
    rule.code.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|family| family.iter()).copied().filter(|rule| !impskit::delivery::RULES.contains(rule))
}

fn check(rule: &Rule, example: &str) -> (Checked<'static>, String) {
    // Without what makes them known by their content, these are known by option only.
    let kind = match rule.code {
        "CSV001" => Kind::named("csv"),
        "DDF001" => Kind::named("ddf"),
        _ => None,
    };
    // What differs from a standard is found beside the standard: the good example.
    let standard = Description::read(rule.good.as_bytes(), &mut Report::new()).filter(|_| rule.code == "DDF038");
    let profile = catalogue::rule("PRF001").expect("a rule").good;
    let profile = Profile::read(profile, &mut |_| Ok(String::new()), &mut Report::new());
    let profile = profile.as_ref().filter(|_| rule.code == "TRE020");
    // What handsets do is told of those that are meant: here of all that are known.
    let devices: Vec<&Pack> = Pack::bundled().iter().filter(|_| family(rule) == "QRK").collect();
    let options = Options { kind, standard: standard.as_ref(), profile, devices: &devices, ..Options::default() };
    let checked = catalogue::check(Rule::example(example), rule.code, &options);
    let shown = text::short(&checked.source, &checked.report);
    (checked, shown)
}

#[test]
fn bad_examples_break_their_rule_and_no_other() {
    for rule in rules() {
        let (Checked { report, .. }, shown) = check(rule, rule.bad);
        assert!(report.cites(rule.code), "{} is not found in its bad example:\n{shown}", rule.code);
        let is_other = |code: &str| code != rule.code && !READERS.contains(&family(rule));
        let others = report.diagnostics().iter().filter(|d| d.severity == Severity::Error && is_other(d.rule.code));
        assert_eq!(others.count(), 0, "other errors in the bad example of {}:\n{shown}", rule.code);
    }
}

#[test]
fn good_examples_keep_their_rule() {
    for rule in rules() {
        let (Checked { report, .. }, shown) = check(rule, rule.good);
        assert!(!report.cites(rule.code), "{} is found in its good example:\n{shown}", rule.code);
    }
}

/// What `--fix` makes of a bad example: the rule is kept where every finding on it had a fix, and no other is broken.
#[test]
fn fixes_mend_and_change_nothing_else() {
    let mut tried = 0;
    for rule in rules() {
        let (before, shown) = check(rule, rule.bad);
        if before.report.fixable() == 0 {
            continue;
        }
        tried += 1;
        let again = |text: &str| catalogue::check(text.as_bytes().to_vec(), rule.code, &Options::default()).report;
        let mended = fix::mend(rule.bad, again);
        let after = again(&mended.text);
        assert!(mended.applied > 0 && after.fixable() == 0, "{}: fixes are left\n{shown}", rule.code);
        for finding in after.diagnostics() {
            assert!(before.report.cites(finding.rule.code), "{}: {}\n{}", rule.code, finding.message, mended.text);
        }
        let of_rule = || before.report.diagnostics().iter().filter(|d| d.rule == rule);
        if of_rule().count() > 0 && of_rule().all(|d| d.is_fixable()) {
            assert!(!after.cites(rule.code), "{} is still broken:\n{}", rule.code, mended.text);
        }
    }
    assert!(tried > 0);
}

/// The good examples of these families are whole documents: nothing at all is wrong with them.
#[test]
fn good_provisioning_documents_are_clean() {
    for rule in impskit::cp::RULES {
        let (Checked { report, .. }, shown) = check(rule, rule.good);
        assert!(report.diagnostics().is_empty(), "{}:\n{shown}", rule.code);
    }
}

/// Known answers: the vectors are documents that two encoders made and clients take.
#[test]
fn vectors_of_provisioning_documents_are_without_errors() {
    for path in files(Path::new("tests/samples/cp"), &|name| name.starts_with('v') && name.ends_with(".xml")) {
        let octets = std::fs::read(&path).expect("a sample");
        let checked = catalogue::check(octets, &path.display().to_string(), &Options::default());
        let shown = text::short(&checked.source, &checked.report);
        assert!(!checked.report.has_errors(), "{shown}");
    }
}

/// What we give people to start from is without any finding.
#[test]
fn samples_for_people_are_clean() {
    for path in files(Path::new("wap-provisioning"), &|name| name.ends_with(".xml")) {
        let octets = std::fs::read(&path).expect("a sample");
        let checked = catalogue::check(octets, &path.display().to_string(), &Options::default());
        assert!(checked.report.diagnostics().is_empty(), "{}", text::short(&checked.source, &checked.report));
    }
}

/// A document that was cut is never passed, in either syntax; one with a wrong octet is judged without a crash.
#[test]
fn damaged_documents_are_judged() {
    let xml = std::fs::read("wap-provisioning/imps.xml").expect("a sample");
    let mut report = Report::new();
    let document = catalogue::read(&xml, &impskit::codec::Limits::default(), &mut report).expect("a document");
    let vocabulary = document.vocabulary.expect("a vocabulary");
    let wbxml = impskit::codec::write_wbxml(&document.root, vocabulary, &Default::default()).expect("WBXML");
    let judge = |octets: &[u8]| {
        let checked = catalogue::check(octets, "damaged", &Options::default());
        assert!(text::render(&checked.source, &checked.report, false).len() >= checked.report.diagnostics().len());
        checked.report.has_errors()
    };
    for sound in [xml.trim_ascii_end(), &wbxml] {
        assert!(!judge(sound));
        for i in 0..sound.len() {
            assert!(judge(&sound[..i]), "cut after {i} octets");
            let mut octets = sound.to_vec();
            octets[i] = [0x00, 0xFF, sound[i].wrapping_add(1)][i % 3];
            judge(&octets);
        }
    }
}

/// Of a document that breaks off, nothing is said to be missing where it was not read to the end.
#[test]
fn what_was_cut_off_is_not_missed() {
    for sample in ["ddf/oma-dm-devinfo.ddf.xml", "tests/samples/dm/replace.syncml.xml"] {
        let xml = std::fs::read(sample).expect("a sample");
        let codes = |octets: &[u8]| {
            let report = catalogue::check(octets, sample, &Options::default()).report;
            report.diagnostics().iter().map(|finding| finding.rule.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&xml), [""; 0], "{sample}");
        for i in 0..xml.trim_ascii_end().len() {
            let mut left = codes(&xml[..i]);
            left.retain(|code| !code.starts_with("XML") && !code.starts_with("GEN"));
            assert_eq!(left, [""; 0], "{sample} cut after {i} octets");
        }
    }
}

/// Each rule of provisioning documents that says the same of `wA` and of other applications is cited by one code.
#[test]
fn one_fault_is_cited_once() {
    for (wa, cp) in [("WA004", "CP003"), ("WA005", "CP008"), ("WA006", "CP005"), ("WA009", "CP007"), ("WA016", "CP017")]
    {
        let rule = catalogue::rule(wa).expect("a rule");
        assert!(!check(rule, rule.bad).0.report.cites(cp), "{wa} and {cp}");
    }
}

#[test]
fn a_fragment_may_refer_to_what_the_handset_has() {
    for code in ["CP008", "WA005"] {
        let rule = catalogue::rule(code).expect("a rule");
        let options = Options { fragment: true, ..Options::default() };
        let checked = catalogue::check(Rule::example(rule.bad), code, &options);
        assert!(checked.report.cites(code) && !checked.report.has_errors());
    }
}

/// A document of very many characteristics is judged in time that grows with its length, and its findings are bounded.
#[test]
fn many_characteristics_take_no_long() {
    let access_point =
        |i: usize| format!("<characteristic type=\"NAPDEF\"><parm name=\"NAPID\" value=\"{i}\"/></characteristic>");
    let document: String = (0..20_000).map(access_point).collect();
    let document = format!("<wap-provisioningdoc>{document}{document}</wap-provisioningdoc>");
    let checked = catalogue::check(document.into_bytes(), "many", &Options::default());
    // Two parms are missing in each; the second half has keys of the first.
    assert_eq!(checked.report.count(Severity::Error), 40_000 * 2 + 20_000);
    assert!(checked.report.diagnostics().len() <= impskit::diagnose::Report::MAX);
}

/// Real files of others are judged, whatever they are: each is taken for something, or the finding says why not.
#[test]
fn the_corpus_is_judged() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS").map(PathBuf::from) else { return };
    let mut judged = 0;
    for folder in ["prov", "wbxml", "tnd", "syncml", "csp", "ddf"] {
        for path in files(&corpus.join(folder), &|name| name != "index.tsv") {
            let octets = std::fs::read(&path).expect("a file of the corpus");
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let checked = catalogue::check(octets, &name, &Options::default());
            assert!(checked.kind.is_some() || checked.report.has_errors(), "{name}");
            for diagnostic in checked.report.diagnostics() {
                assert!(diagnostic.span.range().end <= checked.source.bytes.len() + 1, "{name}: {diagnostic:?}");
                assert!(!text::render_one(&checked.source, diagnostic, true).is_empty());
            }
            judged += 1;
        }
    }
    assert!(judged > 300, "the corpus is there: {judged} files");
}

/// What an operator's IMPS settings, as shipped, are told (the faults were found by reading the file).
#[test]
fn an_operators_settings_get_their_faults_named() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS").map(PathBuf::from) else { return };
    let octets = std::fs::read(corpus.join("prov/moto-IM.prov.xml")).expect("a file of the corpus");
    let Checked { report, .. } = catalogue::check(octets, "moto-IM", &Options::default());
    let found: Vec<_> = report.diagnostics().iter().map(|d| (d.rule.code, d.path.as_str())).collect();
    assert_eq!(
        found,
        [
            ("WA007", "APPLICATION[wA]"),
            ("WA008", "APPLICATION[wA]"),
            ("WA015", "APPLICATION[wA]/APPADDR/PORT[0]"),
            ("CP009", "APPLICATION[wA]/APPADDR/PORT[0]/PORTNBR"),
            ("CP018", "APPLICATION[wA]/APPAUTH[1]/AAUTHNAME"),
            ("CP018", "APPLICATION[wA]/APPAUTH[1]/AAUTHSECRET"),
            ("WA014", "APPLICATION[wA]/APPAUTH[2]"),
            ("CP018", "APPLICATION[wA]/APPAUTH[2]/AAUTHSECRET"),
            ("WA016", "APPLICATION[wA]/PROPRIETARY"),
            ("CP019", "APPLICATION[wA]/TO-NAPID"),
        ]
    );
    assert!(!report.has_errors());
}

fn files(folder: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|_| panic!("{}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, is_wanted));
        } else if path.file_name().is_some_and(|name| is_wanted(&name.to_string_lossy())) {
            found.push(path);
        }
    }
    found.sort();
    found
}
