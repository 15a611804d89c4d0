//! Subscriber tables: more than a thousand kinds of wrong rows among good ones, and what becomes of each.

#[cfg(feature = "server")]
mod built;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "server")]
use std::path::Path;

use impskit::batch::store::Store;
use impskit::diagnose::Report;
#[cfg(feature = "server")]
use impskit::provision::Pack;
use impskit::provision::rows::{self, Names, Table};
#[cfg(feature = "server")]
use impskit::rehearse::survey::{Survey, Terms, survey};
use proptest::prelude::*;
use wrong::{COLUMNS, Wrong, good, line};

use crate::batch::Fixture;

/// Uses every column that can be used, one of them so often that a long value takes more than 255 SMS.
const PROFILE: &str = r#"
schema = 1
id = "acme"
name = "Acme Chat"
provider_id = "acme.example"
[service]
addresses = ["http://imps.acme.example/csp"]
[[access_point]]
id = "gprs"
apn = "{x_apn}"
[[account]]
user = "wv:{user}@acme.example"
password = "{password}"
[vendor.BIG]
A = "{x_big}"
B = "{x_big}"
C = "{x_big}"
D = "{x_big}"
E = "{x_big}"
F = "{x_big}"
G = "{x_big}"
H = "{x_big}"
I = "{x_big}"
[push]
security = "usernetwpin"
pin = "{pin}"
"#;

fn fixture() -> Fixture {
    let fixture = Fixture::new("file", "");
    fixture.write("acme.toml", PROFILE);
    fixture.write("faulty.toml", "schema = 1\n[service]\nadresses = 1\n");
    fixture
}

/// A table of wrong rows with good ones between them.
struct Mixed {
    table: Vec<u8>,
    good: Vec<Vec<String>>,
    /// The wrong rows by line.
    wrong: BTreeMap<u64, Wrong>,
}

fn header() -> Vec<u8> {
    [&line(&COLUMNS), &b"\n"[..]].concat()
}

fn mixed() -> Mixed {
    let mut mixed = Mixed { table: header(), good: Vec::new(), wrong: BTreeMap::new() };
    let mut lines = 2;
    let mut add = |mixed: &mut Mixed, row: &[u8]| {
        mixed.table.extend_from_slice(row);
        // Both line ends of RFC 4180 and of Unix, and empty lines here and there.
        let end: &[u8] = [&b"\n"[..], b"\r\n", b"\n\n"][lines as usize % 3];
        mixed.table.extend_from_slice(end);
        let at = lines;
        lines += (row.iter().chain(end)).filter(|&&octet| octet == b'\n').count() as u64;
        at
    };
    let mut next = 0;
    let mut good_row = |mixed: &mut Mixed, add: &mut dyn FnMut(&mut Mixed, &[u8]) -> u64| {
        let cells = good(next);
        next += 1;
        add(mixed, &line(&cells));
        mixed.good.push(cells);
    };
    good_row(&mut mixed, &mut add);
    for wrong in wrong::all(1_000_000) {
        let at = add(&mut mixed, &wrong.row);
        mixed.wrong.insert(at, wrong);
        good_row(&mut mixed, &mut add);
    }
    mixed
}

/// Returns a table of good rows.
fn table_of(rows: &[Vec<String>]) -> Vec<u8> {
    let lines = rows.iter().map(|cells| [&line(cells), &b"\n"[..]].concat());
    std::iter::once(header()).chain(lines).collect::<Vec<_>>().concat()
}

fn cells_of(row: &Wrong) -> Option<Vec<Vec<u8>>> {
    // The first record is another, so that a byte-order mark is one in the middle.
    let text = [&b"first\n"[..], &row.row].concat();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&text[..]);
    let record = reader.byte_records().next().unwrap().unwrap();
    (record.len() == COLUMNS.len()).then(|| record.iter().map(<[u8]>::to_vec).collect())
}

/// Returns the keys of what is planned: each covers number, variant and document.
fn keys(store: &Store) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let campaign = store.campaign("spring").unwrap().unwrap();
    store.keys(&campaign, |key| assert!(keys.insert(key.to_vec()), "a key stands twice")).unwrap();
    keys
}

#[test]
fn there_are_more_than_a_thousand_kinds() {
    let all = wrong::all(0);
    let kinds: BTreeSet<&str> = all.iter().map(|wrong| wrong.kind.as_str()).collect();
    let rows: BTreeSet<&[u8]> = all.iter().map(|wrong| &wrong.row[..]).collect();
    let twice = |place: usize| all[..place].iter().any(|wrong| wrong.kind == all[place].kind);
    assert_eq!((0..all.len()).filter(|place| twice(*place)).map(|place| &all[place].kind).collect::<Vec<_>>(), [""; 0]);
    assert_eq!((kinds.len(), rows.len()), (all.len(), all.len()), "no kind stands twice");
    assert!(all.len() > 1_700, "{}", all.len());
    let codes: BTreeSet<&str> = all.iter().map(|wrong| wrong.code).collect();
    assert_eq!(codes.len(), 8, "all rules of rows: {codes:?}");
}

/// Reasons, and the way back: what is mended is accepted, what is not is refused again, nothing is doubled.
#[test]
fn each_wrong_row_is_rejected_for_its_reason_and_each_good_one_planned() {
    let Mixed { table, good, wrong } = mixed();
    let fixture = fixture();
    let mut store = fixture.store();
    let (planned, _) = fixture.plan(&mut store, &table, 2).unwrap();
    let rejects = std::fs::read(fixture.path("rejected.csv")).unwrap();
    assert_eq!((planned.rows, planned.new), ((good.len() + wrong.len()) as u64, good.len() as u64));

    // The reject file is read by another reader of CSV, as a script would.
    let mut reader = csv::Reader::from_reader(&rejects[..]);
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(names[..17], COLUMNS);
    assert_eq!(names[17..], ["line", "error_code", "error"]);
    let mut mended = csv::Writer::from_writer(Vec::new());
    mended.write_record(&names).unwrap();
    let mut expected = wrong.iter();
    for record in reader.byte_records() {
        let record = record.expect("as many cells as the header, whatever the row was");
        let text = |place: usize| String::from_utf8_lossy(&record[place]).into_owned();
        let (at, wrong) = expected.next().expect("no more rows than are wrong");
        let kind = &wrong.kind;
        assert_eq!((text(17), text(18)), (at.to_string(), wrong.code.to_owned()), "{kind}: {}", text(19));
        assert!(text(19).contains(&wrong.words), "{kind}: {}", text(19));
        match cells_of(wrong).filter(|_| !["CSV007", "CSV010"].contains(&wrong.code) && wrong.row.len() < 65536) {
            Some(cells) => assert!(record.iter().take(17).eq(cells.iter().map(Vec::as_slice)), "{kind}"),
            None => assert!(
                wrong.row.starts_with(&record[0]) && record.iter().take(17).skip(1).all(<[u8]>::is_empty),
                "{kind}"
            ),
        }
        let rest = [text(17), text(18), text(19)];
        mended.write_record(wrong.right.iter().chain(&rest)).unwrap();
    }
    assert_eq!(expected.next().map(|(_, wrong)| &wrong.kind), None, "every wrong row is told");

    // What is planned is what a table of the good rows alone would plan.
    let alone = self::fixture();
    let mut clean_store = alone.store();
    let (clean, _) = alone.plan(&mut clean_store, &table_of(&good), 1).unwrap();
    assert_eq!((keys(&store), planned.sms), (keys(&clean_store), clean.sms));

    // Nobody mends anything: nothing is planned. A number that stands twice is by itself no fault.
    let own = self::fixture();
    let doubles = wrong.values().filter(|wrong| wrong.code == "CSV005").count() as u64;
    let (again, _) = own.plan(&mut own.store(), &rejects, 1).unwrap();
    let taken: u64 = again.rejected.values().sum();
    assert_eq!((again.new, taken), (1, wrong.len() as u64 - 1), "{doubles} rows have one number");

    // All are mended: all are planned, once; the plan is that of a table that was right from the start.
    let (second, _) = fixture.plan(&mut store, &mended.into_inner().unwrap(), 2).unwrap();
    assert_eq!((second.new, second.rejected.len()), (wrong.len() as u64, 0), "{:?}", second.rejected);
    assert_eq!((second.unchanged, second.replaced, second.earlier), (0, 0, good.len() as u64));
    let all: Vec<Vec<String>> = good.into_iter().chain(wrong.into_values().map(|wrong| wrong.right)).collect();
    let own = self::fixture();
    let mut own_store = own.store();
    let (whole, _) = own.plan(&mut own_store, &table_of(&all), 1).unwrap();
    assert_eq!((second.handsets, keys(&store)), (whole.handsets, keys(&own_store)));
}

/// A rehearsal says of every row what a plan says; its memory of numbers is another one.
#[cfg(feature = "server")]
#[test]
fn a_rehearsal_judges_rows_as_a_plan_does() {
    let Mixed { table, good, wrong } = mixed();
    let fixture = fixture();
    let profile = fixture.profile(Path::new("acme.toml")).unwrap();
    let survey = |sample, seed| {
        let mut open = || {
            let input: Box<dyn std::io::Read> = Box::new(std::io::Cursor::new(table.clone()));
            Ok(Table::open(input, b',', Names::Ours, &mut Report::new())?.unwrap())
        };
        let mut load = |name: &str| fixture.profile(Path::new(name)).map_err(|error| error.what);
        let terms = Terms {
            profile: &profile,
            load: &mut load,
            device: None,
            packs: Pack::bundled(),
            security: None,
            routes: vec!["file".to_owned()],
            given: (false, false),
            now: 1_000,
            sample,
            seed,
            workers: 2,
        };
        survey(&mut open, terms).unwrap()
    };
    let surveyed = survey(20, 1);
    assert_eq!(surveyed.rows, (good.len() + wrong.len()) as u64);
    assert_eq!(surveyed.groups.iter().map(|group| group.rows).sum::<u64>(), good.len() as u64);
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    wrong.values().for_each(|wrong| *expected.entry(wrong.code).or_default() += 1);
    let counts: BTreeMap<&str, u64> =
        surveyed.rejected.iter().map(|(code, rejected)| (*code, rejected.count)).collect();
    assert_eq!(counts, expected);
    for (code, rejected) in &surveyed.rejected {
        let first = wrong.iter().filter(|(_, wrong)| wrong.code == *code);
        for ((line, message), (at, wrong)) in rejected.examples.iter().zip(first) {
            assert!(line == at && message.contains(&wrong.words), "line {line} {message}, not line {at}");
        }
    }
    // Good rows only, spread, the same for the same seed.
    let lines = |survey: &Survey| survey.samples.iter().map(|sample| sample.line).collect::<Vec<_>>();
    assert_eq!(surveyed.samples.len(), 20);
    assert!(surveyed.samples.iter().all(|sample| !wrong.contains_key(&sample.line)));
    assert_eq!(lines(&surveyed), lines(&survey(20, 1)));
    assert_ne!(lines(&surveyed), lines(&survey(20, 2)));
}

#[test]
fn findings_point_at_the_cell_that_is_wrong() {
    for Wrong { kind, row, code, cell, .. } in wrong::all(7) {
        let Some((column, value)) = cell else { continue };
        let rows: [&[u8]; 6] = [&header(), &line(&good(1)), b"\r\n\r\n", &row, b"\n", &line(&good(2))];
        let table = rows.concat();
        let mut report = Report::new();
        assert_eq!(rows::check(&table, b',', &[], &mut report).unwrap(), 3);
        let [finding] = report.diagnostics() else { panic!("{kind}: {:?}", report.diagnostics()) };
        assert_eq!((finding.rule.code, &finding.path), (code, &format!("line 4, {}", COLUMNS[column])), "{kind}");
        assert_eq!(table[finding.span.range()], value[..], "{kind}");
    }
}

/// Two errors that fit together make one row of many lines: it is told with all its lines, and loses none.
#[test]
fn what_a_quote_swallows_is_in_the_reject_file() {
    let (mut first, mut last) = (good(1), good(9));
    (first[16], last[16], last[2]) = (String::new(), String::new(), "plain".to_owned());
    // No quote between the two.
    let rows: Vec<Vec<u8>> =
        (2..9).map(|n| line(&good(n)).into_iter().filter(|&octet| octet != b'"').collect()).collect();
    let swallowed =
        [[&line(&first)[..], b"\"open"].concat(), rows.join(&b"\n"[..]), [&line(&last)[..], b"close\""].concat()];
    let table = [&header()[..], &swallowed.join(&b"\n"[..]), b"\n", &line(&good(10)), b"\n"].concat();
    let mut report = Report::new();
    let mut input = Table::open(&table[..], b',', Names::Ours, &mut report).unwrap().unwrap();
    let row = input.next_row().unwrap().unwrap();
    row.check(&[], &mut report);
    let [finding] = report.diagnostics() else { panic!("{:?}", report.diagnostics()) };
    assert!(finding.message.contains("is a quote left open?"), "{}", finding.message);
    let rejected = row.reject_line("CSV009", "why");
    assert!(rejected.starts_with(&swallowed.join(&b"\n"[..])));
    assert_eq!(input.next_row().unwrap().unwrap().line, 11);
}

/// What looks dangerous to other programs is a value as any other.
#[test]
fn hostile_values_arrive_as_they_are() {
    const VALUES: &[&str] = &[
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(\"http://x\")",
        "@SUM(1)",
        "+1+1",
        "-2+3",
        "<parm name=\"PIN\"/>",
        "\"/><x a=\"",
        "]]>",
        "&amp;",
        "&#0;",
        "&xxe;",
        "<!--",
        "-->",
        "{user}x",
        "{{",
        "}",
        "%00",
        "\\u0000",
        "${jndi:ldap://x}",
        "'; DROP TABLE rows;--",
        "../../etc/passwd",
        "سلام",
        "👩\u{200D}👧",
        "e\u{301}",
        "ﬁ",
        " blanks ",
        "\\",
        "a;b|c",
        "#REF!",
        "0x00",
        "1E5",
    ];
    let fixture = fixture();
    let rows: Vec<Vec<String>> = (0..)
        .zip(VALUES)
        .map(|(n, value)| {
            let mut cells = good(n);
            (cells[2], cells[16]) = ((*value).to_owned(), (*value).to_owned());
            // It is sent now.
            (cells[11], cells[12]) = (String::new(), String::new());
            cells
        })
        .collect();
    let mut store = fixture.store();
    let (planned, rejects) = fixture.plan(&mut store, &table_of(&rows), 1).unwrap();
    assert_eq!(planned.new, VALUES.len() as u64, "{rejects}");
    fixture.run(&mut store, 1, u64::MAX);
    let mut passwords: Vec<String> = fixture
        .accounts("spring.jsonl")
        .into_iter()
        .map(|account| account.login().unwrap().password.as_ref().unwrap().expose().to_owned())
        .collect();
    passwords.sort();
    let mut expected: Vec<&str> = VALUES.to_vec();
    expected.sort_unstable();
    assert_eq!(passwords, expected);
}

proptest! {
    /// Another reader and writer of CSV agrees, in any style of quoting and line ends, read in pieces of any size.
    #[test]
    fn cells_are_those_of_another_reader(
        cells in prop::collection::vec(prop::collection::vec("[a-c ,;\"\u{e9}\r\n]{0,6}", 3), 1..8),
        always in any::<bool>(), crlf in any::<bool>(), semicolon in any::<bool>(),
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let delimiter = if semicolon { b';' } else { b',' };
        let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(end).delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        cells.iter().for_each(|row| writer.write_record(row).unwrap());
        let table = writer.into_inner().unwrap();
        let mut input = Table::open(&table[..], delimiter, Names::Theirs, &mut Report::new()).unwrap().unwrap();
        let mut read = Vec::new();
        while let Some(row) = input.next_row().unwrap() {
            read.push(row.cells().map(str::to_owned).collect::<Vec<_>>());
        }
        prop_assert_eq!(read, cells);
    }

    /// Whatever stands there, every line that is not empty belongs to one row, and rejects are one record each.
    #[test]
    fn nothing_is_lost(lines in prop::collection::vec("[ab,\"\r]{0,8}", 0..12)) {
        let table = format!("a,b\n{}\n", lines.join("\n"));
        let mut input = Table::open(table.as_bytes(), b',', Names::Theirs, &mut Report::new()).unwrap().unwrap();
        let mut covered: BTreeSet<usize> = BTreeSet::new();
        while let Some(row) = input.next_row().unwrap() {
            let span = row.span(usize::MAX).range();
            let ends = table.as_bytes()[span.clone()].iter().filter(|&&octet| octet == b'\n').count();
            for at in row.line as usize..=row.line as usize + ends {
                prop_assert!(covered.insert(at), "line {} is in two rows", at);
            }
            let reject = [&input.header().reject_line()[..], &row.reject_line("CSV010", "why")].concat();
            let mut reader = csv::Reader::from_reader(&reject[..]);
            let records: Vec<_> = reader.byte_records().collect();
            prop_assert!(records.len() == 1 && records[0].as_ref().is_ok_and(|record| record.len() == 5));
        }
        for (at, line) in (2..).zip(&lines) {
            prop_assert!(line.trim_end_matches('\r').is_empty() || covered.contains(&at), "line {}", at);
        }
    }
}
