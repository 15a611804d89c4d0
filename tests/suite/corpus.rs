//! `corpus.md` says what `check` says of each document of the corpus. Only where `IMPSKIT_CORPUS` names that folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use impskit::catalogue::Options;
use impskit::diagnose::{Grade, Severity};
use impskit::inspect::{self, Judged};

/// The tables, each between two comments of this form: `<!-- table: ddf -->`, `<!-- end -->`.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus.md");
/// The folders of the corpus; what is found in those with `true` is graded.
const FOLDERS: [(&str, bool); 6] =
    [("ddf", true), ("tnd", true), ("syncml", true), ("prov", false), ("wbxml", false), ("csp", false)];

/// The page is what `check` says. `CORPUS=overwrite` writes its tables anew, and keeps the words in their last column.
#[test]
fn the_page_says_what_check_says() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS").map(PathBuf::from) else { return };
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut today = String::new();
    let mut rest = page.as_str();
    for (folder, is_graded) in FOLDERS {
        let open = format!("<!-- table: {folder} -->\n");
        let (before, after) = rest.split_once(&open).unwrap_or_else(|| panic!("corpus.md has no `{open}`"));
        let (table, after) = after.split_once("<!-- end -->").unwrap();
        today = today + before + &open + &table_of(&corpus.join(folder), is_graded, &words_of(table)) + "<!-- end -->";
        rest = after;
    }
    today += rest;
    if std::env::var("CORPUS").is_ok_and(|value| value == "overwrite") {
        std::fs::write(PAGE, today).unwrap();
        return;
    }
    let differences: Vec<_> = page.lines().zip(today.lines()).filter(|(page, today)| page != today).take(10).collect();
    assert!(
        page == today,
        "tests/corpus.md is no longer what `check` says (page, today): {differences:#?}\n\
         `CORPUS=overwrite IMPSKIT_CORPUS=… cargo test --test suite corpus` writes its tables anew: read the difference \
         before you keep it, and see that the words around the tables are still true"
    );
}

/// Returns the last column of a table by file: words by people.
fn words_of(table: &str) -> BTreeMap<&str, &str> {
    let rows = table.lines().skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter_map(|cells| Some((cells.first()?.trim_matches('`'), *cells.last()?))).collect()
}

fn table_of(folder: &Path, is_graded: bool, words: &BTreeMap<&str, &str>) -> String {
    let columns = match is_graded {
        true => {
            "| file | kind | refused | tolerated | vendor | advice | other | codes | why |\n|---|---|---|---|---|---|---|---|---|\n"
        }
        false => "| file | kind | E | W | N | codes | why |\n|---|---|---|---|---|---|---|\n",
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name != "index.tsv"));
    files.sort();
    let mut table = columns.to_owned();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy();
        let judged = inspect::check(std::fs::read(&path).unwrap(), &name, &Options::default());
        let mut kinds: Vec<_> = judged.layers.iter().filter_map(|layer| layer.kind).map(|kind| kind.name).collect();
        kinds.dedup();
        let kind = if kinds.is_empty() { "–".to_owned() } else { kinds.join(", ") };
        let why = words.get(&*name).copied().unwrap_or_default();
        let (counts, codes) = (counts(&judged, is_graded), codes(&judged));
        writeln!(table, "| `{name}` | {kind} | {counts} | {codes} | {why} |").unwrap();
    }
    table
}

/// Returns how many findings there are of each grade, and how many without; or of each severity.
fn counts(judged: &Judged<'_>, is_graded: bool) -> String {
    let reports = || judged.layers.iter().map(|layer| &layer.report);
    let of = |severity| reports().map(|report| report.count(severity)).sum::<usize>();
    let severities = [Severity::Error, Severity::Warning, Severity::Note].map(of);
    let mut counts = severities.to_vec();
    if is_graded {
        let grades = [Grade::Refused, Grade::Tolerated, Grade::Vendor, Grade::Advice];
        counts = grades.map(|grade| reports().map(|report| report.count_grade(grade)).sum()).to_vec();
        counts.push(severities.iter().sum::<usize>() - counts.iter().sum::<usize>());
    }
    counts.iter().map(usize::to_string).collect::<Vec<_>>().join(" | ")
}

/// Returns the rules that were broken and how often, those not kept included.
fn codes(judged: &Judged<'_>) -> String {
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for report in judged.layers.iter().map(|layer| &layer.report) {
        report.diagnostics().iter().for_each(|finding| *codes.entry(finding.rule.code).or_default() += 1);
        report.left_out_rules().for_each(|(rule, count)| *codes.entry(rule.code).or_default() += count);
    }
    let codes = codes.into_iter().map(|(code, count)| match count {
        1 => code.to_owned(),
        count => format!("{code}×{count}"),
    });
    codes.collect::<Vec<_>>().join(" ")
}
