//! Descriptions against standards (DDF038) and against each other: laws over our own descriptions and over real ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use impskit::catalogue::{self, Options};
use impskit::diagnose::{Report, Severity};
use impskit::dm::{Aspect, Comparison, Description, Impact};

const OLD: &str = include_str!("../samples/dm/talker-2.1.ddf.xml");
const NEW: &str = include_str!("../samples/dm/talker-2.2.ddf.xml");

fn read(octets: &[u8]) -> Option<Description> {
    Description::read(octets, &mut Report::new())
}

fn description(text: &str) -> Description {
    read(text.as_bytes()).expect("a description")
}

/// Returns the paths and severities of what differs from a standard.
fn against(text: &str, standard: &Description) -> Vec<(Severity, String)> {
    let options = Options { standard: Some(standard), ..Options::default() };
    let checked = catalogue::check(text.as_bytes(), "own", &options);
    let found = checked.report.diagnostics().iter().filter(|d| d.rule.code == "DDF038");
    found.map(|d| (d.severity, d.path.clone())).collect()
}

/// Returns how many nodes come, go, and change their names.
fn tally(comparison: &Comparison) -> [usize; 3] {
    let count = |aspect: Aspect| {
        let of_aspect = comparison.differences.iter().filter(|d| d.aspect == aspect);
        of_aspect.map(|d| 1 + d.below).sum()
    };
    [count(Aspect::Added), count(Aspect::Removed), count(Aspect::Renamed)]
}

/// What holds of any two descriptions.
fn laws(one: &Description, other: &Description) {
    assert_eq!(Comparison::of(one, one), Comparison::default());
    assert_eq!(Comparison::of(other, other), Comparison::default());
    let (forth, back) = (Comparison::of(one, other), Comparison::of(other, one));
    let ([added, removed, renamed], [added_back, removed_back, renamed_back]) = (tally(&forth), tally(&back));
    assert_eq!((added, removed, renamed), (removed_back, added_back, renamed_back));
    // A property that differs differs both ways, between the same two values.
    let changed = |comparison: &Comparison, is_back: bool| {
        let is_property =
            |d: &&impskit::dm::Difference| !matches!(d.aspect, Aspect::Added | Aspect::Removed | Aspect::Renamed);
        let mut found: Vec<_> = comparison.differences.iter().filter(is_property).cloned().collect();
        found.sort_by(|a, b| (&a.path, a.aspect).cmp(&(&b.path, b.aspect)));
        let sides = |d: impskit::dm::Difference| match is_back {
            true => (d.path, d.aspect, d.after, d.before),
            false => (d.path, d.aspect, d.before, d.after),
        };
        found.into_iter().map(sides).collect::<Vec<_>>()
    };
    assert_eq!(changed(&forth, false), changed(&back, true));
    // What goes breaks what relied on it, in whichever direction one looks.
    let goes = |removed: usize, comparison: &Comparison| {
        let is_described = comparison.differences.iter().any(|d| d.aspect == Aspect::Removed && d.is_breaking());
        assert!(removed == 0 || !is_described || comparison.verdict() == Some(Impact::Major));
    };
    goes(removed, &forth);
    goes(removed_back, &back);
}

#[test]
fn laws_hold_for_our_own_descriptions() {
    let own: Vec<_> = [OLD, NEW].into_iter().map(description).collect();
    let all: Vec<&Description> = own.iter().chain(Description::bundled().iter().copied()).collect();
    for one in &all {
        for other in &all {
            laws(one, other);
        }
    }
}

/// Whoever changes the sample changes what is expected: one change of each kind that the specification of `diff` lists.
#[test]
fn a_new_firmware_is_judged_as_the_specification_says() {
    let comparison = Comparison::of(&description(OLD), &description(NEW));
    let found: Vec<_> = comparison.differences.iter().map(|d| (d.aspect, d.in_words())).collect();
    assert_eq!(
        found,
        [
            (Aspect::Access, "breaking"),
            (Aspect::Text, "compatible"),
            (Aspect::Renamed, "breaking"),
            (Aspect::Default, "warning"),
            (Aspect::Added, "compatible"),
        ]
    );
    assert_eq!(comparison.verdict(), Some(Impact::Major));
}

/// A handset may hang the object where it likes; what it drops of the reference is found there.
#[test]
fn the_reference_is_found_wherever_the_object_hangs() {
    let reference = Description::named("imps").expect("bundled");
    let only_notes = |text: &str| against(text, reference).iter().all(|(severity, _)| *severity == Severity::Note);
    assert!(only_notes(OLD));
    let elsewhere = OLD.replace("<NodeName>IMPS</NodeName>", "<NodeName>Chat</NodeName><Path>./Vendor/Acme</Path>");
    assert!(only_notes(&elsewhere));
    let by_appid = OLD.replace("<DDFName>urn:oma:mo:oma-imps:1.0</DDFName>", "<DDFName/>");
    let found = against(&by_appid, reference);
    let place = "./IMPS/<X>".to_owned();
    assert!(
        found.contains(&(Severity::Warning, place)),
        "the identifier is missed where AppID shows the object: {found:?}"
    );
    let readable = OLD.replacen(
        "<AccessType><Get/></AccessType>\n          <DefaultValue>wA",
        "<AccessType/>\n          <DefaultValue>wA",
        1,
    );
    assert!(
        against(&readable, reference).contains(&(Severity::Error, "./IMPS/<X>/AppID".to_owned())),
        "AppID is stated"
    );
    let gone = OLD.replace("wA", "w7").replace("<DDFName>urn:oma:mo:oma-imps:1.0</DDFName>", "<DDFName/>");
    assert_eq!(against(&gone, reference), [(Severity::Error, ".".to_owned())], "there is no object at all");
}

/// Other spellings of the sheet are taken for what they mean, by the reference only.
#[test]
fn other_spellings_are_notes() {
    let reference = Description::named("imps").expect("bundled");
    let text = OLD.replace("<NodeName>PrefAddr</NodeName>", "<NodeName>Address</NodeName>");
    assert!(against(&text, reference).iter().all(|(severity, _)| *severity == Severity::Note));
    assert!(against(&text, &description(OLD)).contains(&(Severity::Error, "./IMPS/<X>/Address".to_owned())));
}

/// The fix that comes with dropped access gives it back, and is not called safe.
#[test]
fn dropped_access_can_be_given_back() {
    let standard = description(OLD);
    let options = Options { standard: Some(&standard), ..Options::default() };
    let checked = catalogue::check(NEW.as_bytes(), "own", &options);
    let mut fixes = checked.report.diagnostics().iter().filter_map(|d| d.fix.as_ref());
    let fix = fixes.next().expect("one for the access of Name");
    assert!(fixes.next().is_none() && !fix.is_safe);
    let edit = &fix.edits[0];
    let mut mended = NEW.to_owned();
    mended.replace_range(edit.span.range(), &edit.text);
    let before = against(NEW, &standard).len();
    assert_eq!(against(&mended, &standard).len(), before - 1);
}

fn corpus(prefix: &str) -> BTreeMap<String, PathBuf> {
    let Some(folder) = std::env::var_os("IMPSKIT_CORPUS").map(PathBuf::from) else { return BTreeMap::new() };
    let entries = std::fs::read_dir(folder.join("ddf")).expect("the folder of descriptions");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let key = |path: &Path| -> Option<String> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let stem = name.strip_prefix(prefix)?.strip_suffix(".ddf.xml")?.to_lowercase();
        Some(["ddf", "csp", "-file", "all", "_", "-"].iter().fold(stem, |stem, word| stem.replace(word, "")))
    };
    paths.filter_map(|path| Some((key(&path)?, path))).collect()
}

/// Releases of one maker's descriptions, each pair as it was shipped.
#[test]
fn laws_hold_for_releases() {
    let releases = ["win10-", "win20h2-", "win2025-02-"].map(corpus);
    let mut pairs = 0;
    for (old, new) in releases.iter().zip(&releases[1..]) {
        for (name, path) in old {
            let Some(other) = new.get(name) else { continue };
            let octets = [path, other].map(|path| std::fs::read(path).expect("a file of the corpus"));
            let (Some(one), Some(other)) = (read(&octets[0]), read(&octets[1])) else { continue };
            laws(&one, &other);
            pairs += 1;
        }
    }
    assert!(releases[0].is_empty() || pairs >= 30, "{pairs} pairs");
}

/// A description breaks no rule of itself as a standard, and against a stranger there is an answer.
#[test]
fn real_descriptions_keep_to_themselves() {
    let reference = Description::named("imps").expect("bundled");
    for path in ["win10-", "win1607-", "win20h2-", "win2025-02-"].iter().flat_map(|prefix| corpus(prefix).into_values())
    {
        let octets = std::fs::read(&path).expect("a file of the corpus");
        let Some(standard) = read(&octets) else { continue };
        for (standard, is_own) in [(&standard, true), (reference, false)] {
            let options = Options { standard: Some(standard), ..Options::default() };
            let checked = catalogue::check(&octets[..], "own", &options);
            let shown = impskit::diagnose::text::short(&checked.source, &checked.report);
            assert!(is_own != checked.report.cites("DDF038"), "{} {is_own}\n{shown}", path.display());
        }
    }
}
