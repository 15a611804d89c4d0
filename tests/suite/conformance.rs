//! `conformance.md` names what shows each requirement, and every transaction has a conversation that works and one
//! that is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use impskit::csp::{Kind, Primitive};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How many requirements an item has. The SSP ones (S-011 to S-015, S-020) are listed, and built elsewhere.
const ITEMS: [(&str, usize); 26] = [
    ("C-001", 17),
    ("C-002", 14),
    ("C-003", 3),
    ("C-004", 7),
    ("C-005", 1),
    ("C-006", 1),
    ("C-007", 1),
    ("C-008", 1),
    ("C-009", 1),
    ("C-010", 1),
    ("S-001", 18),
    ("S-002", 13),
    ("S-003", 2),
    ("S-004", 2),
    ("S-005", 1),
    ("S-006", 1),
    ("S-007", 1),
    ("S-008", 1),
    ("S-009", 1),
    ("S-010", 1),
    ("S-011", 4),
    ("S-012", 2),
    ("S-013", 1),
    ("S-014", 1),
    ("S-015", 1),
    ("S-016", 1),
];

fn conversations() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("tests/conversations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}

/// Returns the names of all test functions, each behind the last part of its file: `server::c11_transaction_ids`.
fn tests() -> BTreeSet<String> {
    fn below(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let mut stem = path.file_stem().unwrap().to_string_lossy().into_owned();
                if stem == "mod" {
                    stem = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
                }
                let text = fs::read_to_string(&path).unwrap();
                let mut is_test = false;
                for line in text.lines().map(str::trim) {
                    let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                    if let Some(name) = name.filter(|_| is_test) {
                        found.insert(format!("{stem}::{name}"));
                    }
                    // Properties have arguments and stand in a macro; they bear the same mark.
                    is_test = line == "#[test]" || (is_test && (line.starts_with("#[") || line.starts_with("//")));
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["tests/suite", "src"] {
        below(&Path::new(ROOT).join(folder), &mut found);
    }
    found
}

#[test]
fn every_requirement_is_shown_by_what_exists_or_is_said_to_be_open() {
    let page = fs::read_to_string(Path::new(ROOT).join("tests/conformance.md")).unwrap();
    let names: BTreeSet<String> =
        conversations().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let tests = tests();
    let mut ids = Vec::new();
    let mut wrong = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| C-") || line.starts_with("| S-")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [id, level, what, shown] = cells[..] else { panic!("not four cells: {row}") };
        assert!(["M", "O", "M*"].contains(&level) && !what.is_empty(), "{row}");
        ids.push(id.to_owned());
        let shown_by: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        let is_open = shown.contains("open") || shown.contains("another issue");
        if shown_by.is_empty() && !is_open {
            wrong.push(format!("{id}: shown by nothing, and not said to be open"));
        }
        for name in shown_by.iter().filter(|name| !name.contains("::") && !name.ends_with(".txt")) {
            wrong.push(format!("{id}: `{name}` is neither a conversation nor a test"));
        }
        for name in shown_by.iter().filter(|name| name.ends_with(".txt") && !names.contains(**name)) {
            wrong.push(format!("{id}: there is no conversation `{name}`"));
        }
        for name in shown_by.iter().filter(|name| name.contains("::") && !tests.contains(**name)) {
            wrong.push(format!("{id}: there is no test `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: Vec<String> = ITEMS
        .iter()
        .chain(&[("S-020", 2)])
        .flat_map(|(item, count)| (1..=*count).map(move |number| format!("{item}.{number:02}")))
        .collect();
    assert_eq!(ids, all, "every requirement once, in order");
}

/// What came of the requests of a script: the primitive, and whether it was refused.
type Seen = BTreeMap<String, BTreeSet<bool>>;

/// Reads who sends what and what answers it. A login and a logout have lines of their own.
fn read(text: &str, seen: &mut Seen) {
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    let lines = text.lines().filter(|line| !line.starts_with([' ', '#']) && !line.is_empty());
    for line in lines.map(|line| line.split_once("] ").filter(|_| line.starts_with('[')).map_or(line, |(_, rest)| rest))
    {
        let words: Vec<&str> = line.split([' ', ':', ',']).filter(|word| !word.is_empty()).collect();
        let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        let mut add = |name: &str, is_refused| {
            seen.entry(name.to_owned()).or_default().insert(is_refused);
        };
        match words[..] {
            [_, "logs", "in", ..] => add("Login-Request", line.contains("\": ") || words.last().is_some_and(is_code)),
            [_, "goes", "on", ..] => add("Login-Request", words.last().is_some_and(is_code)),
            [_, "logs", "out"] => add("Logout-Request", false),
            [_, "discovers", ..] => add("WV-CSP-VersionDiscovery-Request", false),
            [_, "receives", "nothing"] => add("Polling-Request", false),
            [who, "sends" | "answers", name, ..] => {
                open.insert(who, name);
            }
            [who, "receives", name, ref rest @ ..] => {
                if name == "GetMessage-Response" {
                    // The client confirms by itself, and a refusal of that fails its next line.
                    add("MessageDelivered", false);
                }
                let code: Option<u16> = rest.first().filter(|word| is_code(word)).and_then(|word| word.parse().ok());
                let is_refused = code.is_some_and(|code| code >= 400);
                let answers = |asked: &&str| {
                    name == "Status"
                        || Primitive::all().iter().any(|row| row.name == *asked && row.answers.contains(&name))
                };
                match open.remove(who).filter(answers) {
                    Some(asked) => add(asked, is_refused),
                    // What the server opens comes with a poll.
                    None => {
                        add(name, false);
                        add("Polling-Request", false);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What no conversation can show, with the test that does, or why there is nothing to show.
const BESIDE: [(&str, &str); 5] = [
    // Off unless configured, since it is derived.
    ("ExtendConversation-Request works", "rooms::a_conversation_of_two_is_extended"),
    // A poll is not answered with a status; outside a session it is.
    ("Polling-Request refused", "server::without_a_session_there_is_604"),
    ("WV-CSP-VersionDiscovery-Request refused", "odd_servers::a_server_of_1_2_is_asked_by_its_name_of_discovery"),
    ("WV-CSP-NSDiscovery-Request works", "server::version_discovery_lists_every_version"),
    ("WV-CSP-NSDiscovery-Request refused", "odd_servers::a_server_of_1_2_is_asked_by_its_name_of_discovery"),
];

/// Transactions that are refused here, exactly as the negotiation says; so there is nothing that works.
const DENIED: [&str; 4] = ["GetMap-Request", "GetSegment-Request", "DropSegment-Request", "Extended-Request"];

/// What is missing, if anything is: take a line away when its conversation is there.
const MISSING: &[&str] = &[];

#[test]
fn every_transaction_has_a_conversation_that_works_and_one_that_is_refused() {
    let mut seen = Seen::new();
    for path in conversations() {
        read(&fs::read_to_string(path).unwrap(), &mut seen);
    }
    let tests = tests();
    let mut missing = BTreeSet::new();
    for row in Primitive::all().iter().filter(|row| row.kind == Kind::Request || row.name == "MessageDelivered") {
        let of = |is_refused| seen.get(row.name).is_some_and(|outcomes| outcomes.contains(&is_refused));
        let mut want = |words: &str, is_there: bool| {
            let line = format!("{} {words}", row.name);
            let beside = BESIDE.iter().find(|(what, _)| *what == line).map(|(_, test)| *test);
            match beside {
                Some(test) => assert!(tests.contains(test), "{test}"),
                None if is_there => {}
                None => {
                    missing.insert(line);
                }
            }
        };
        want("works", of(false) || DENIED.contains(&row.name));
        // What the server opens, a client acknowledges.
        want("refused", of(true) || !row.is_from_client());
    }
    let unknown: Vec<&String> = missing.iter().filter(|line| !MISSING.contains(&line.as_str())).collect();
    assert!(unknown.is_empty(), "no conversation shows: {unknown:#?}");
}
