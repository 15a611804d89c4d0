//! `corpus.md` says what `check` says of each document of the corpus, and what a server answers to each message. Only where `IMPSKIT_CORPUS` names that folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use impskit::catalogue::Options;
use impskit::csp::wire::{self, Body};
use impskit::csp::{Address, Mode, Outcome, Version};
use impskit::diagnose::{Grade, Severity};
use impskit::document::Element;
use impskit::inspect::{self, Judged};
use impskit::server::Configuration;

use super::server::Lab;

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
    let open = "<!-- table: csp-answers -->\n";
    let (before, after) = rest.split_once(open).unwrap_or_else(|| panic!("corpus.md has no `{open}`"));
    let (table, after) = after.split_once("<!-- end -->").unwrap();
    today = today + before + open + &answers_of(&corpus.join("csp"), &words_of(table)) + "<!-- end -->" + after;
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

/// Returns the table of what a server answers to each message, in a session that fits it.
fn answers_of(folder: &Path, words: &BTreeMap<&str, &str>) -> String {
    let mut table = "| file | sent | answer | code | why |\n|---|---|---|---|---|\n".to_owned();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "xml" || extension == "wbxml"));
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy();
        let [sent, answer, code] = answer_to(&std::fs::read(&path).unwrap());
        let why = words.get(&*name).copied().unwrap_or_default();
        writeln!(table, "| `{name}` | {sent} | {answer} | {code} | {why} |").unwrap();
    }
    table
}

/// Posts a message to a server of its domain that knows all users in it, in a session of who seems to send it; returns
/// what was sent, what came back and the status in it.
fn answer_to(body: &[u8]) -> [String; 3] {
    let read = wire::read(body, &wire::LIMITS);
    let (version, sent, users) = match &read {
        Ok((Body::Message(message), _)) => {
            let primitive = &message.transactions[0].primitive;
            let mode = if message.transactions[0].mode == Mode::Request { "" } else { " (response)" };
            (message.version, format!("{}{mode}", primitive.name), addresses(primitive))
        }
        _ => (Version::V1_2, "not well-formed".to_owned(), Vec::new()),
    };
    let domain = users.first().map_or("example.com".to_owned(), |user| user.domain().to_owned());
    let mut lab = Lab::with(Configuration { domain: domain.clone(), ..Configuration::default() });
    let sender = users.first().map_or_else(|| format!("wv:anna@{domain}"), |user| user.as_str().to_owned());
    let now = lab.now;
    for user in users.iter().map(Address::as_str).chain([sender.as_str()]).filter(|user| user.ends_with(&domain)) {
        if !lab.engine.store().has_user(user).unwrap() {
            lab.engine.store().add_user(user, "open-sesame", now).unwrap();
        }
    }
    let client = lab.login(version, &sender, "impskit-corpus");
    let session = client.session.id().unwrap().as_bytes();
    // The session of the message is the one that is there; all other octets stay.
    let theirs = session_in(body, read.as_ref().ok().map(|(body, _)| body));
    let place = theirs.as_ref().and_then(|id| body.windows(id.len()).position(|part| part == id));
    let body = match (place, &theirs) {
        (Some(place), Some(id)) => [&body[..place], session, &body[place + id.len()..]].concat(),
        _ => body.to_vec(),
    };
    let media_type = if body.starts_with(b"<") || body.starts_with(b"\xEF") {
        "application/vnd.wv.csp.xml"
    } else {
        "application/vnd.wv.csp.wbxml"
    };
    let (status, answer) = lab.post(media_type, body);
    match wire::read(&answer, &wire::LIMITS) {
        _ if answer.is_empty() => [sent, "nothing".to_owned(), format!("HTTP {status}")],
        Ok((Body::Message(message), _)) => {
            let primitive = &message.transactions[0].primitive;
            let code = Outcome::read(primitive).map_or(String::new(), |outcome| outcome.code.0.to_string());
            [sent, primitive.name.to_string(), code]
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the octets of the SessionID in a message, well-formed or not.
fn session_in(bytes: &[u8], body: Option<&Body>) -> Option<Vec<u8>> {
    if let Some(Body::Message(message)) = body {
        return message.session.id().filter(|id| !id.is_empty()).map(|id| id.as_bytes().to_vec());
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (_, rest) = text.split_once("<SessionID>")?;
    rest.split('<').next().map(|id| id.as_bytes().to_vec())
}

/// Returns the users in a primitive, who sends it before all others: its sender, or the owner of what it names.
fn addresses(primitive: &Element<'_>) -> Vec<Address> {
    let mut found = Vec::new();
    let mut first = None;
    let sender = primitive.child("Sender").or_else(|| primitive.descend(&["MessageInfo", "Sender"]));
    primitive.walk(&mut |element, _| {
        let is_id = matches!(element.name.as_ref(), "UserID" | "ContactList" | "GroupID");
        let Ok(address) = Address::read(element.trimmed(), "example.com") else { return };
        let Some(user) = address.owner().filter(|_| is_id) else { return };
        if element.name == "ContactList" {
            first = Some(user.clone());
        }
        found.push(user);
    });
    if let Some(sender) = sender {
        sender.walk(&mut |element, _| {
            if element.name == "UserID" {
                first = Address::user_id(element.trimmed(), "example.com").ok();
            }
        });
    }
    first.into_iter().chain(found).collect()
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
