//! Reports, receipts and exports: what operators are told is what happened.
//!
//! The second source is the gateway of these tests: it remembers what it was handed and what it answered.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use impskit::batch::receipts::{Form, Imported, Target, import};
use impskit::batch::report::{Group, Report, Source, csv_header, csv_row, json_row, page};
use impskit::batch::route::{Class, Message, MessageIds, Needs, Outcome, Pace, Route};
use impskit::batch::status::Status;
use impskit::batch::store::{State, Store};
use impskit::error::Result;
use proptest::prelude::*;

use super::batch::{Clock, Fixture, Seeded, impskit, table};

/// What a gateway remembers.
#[derive(Default)]
struct Memory {
    handed: u64,
    sms: u64,
    /// By number: the names of the messages that it took last.
    taken: HashMap<u64, Vec<String>>,
    takes: u64,
}

/// A gateway whose answers come from a seed.
struct Fickle {
    memory: Arc<Mutex<Memory>>,
    random: Seeded,
}

impl Route for Fickle {
    fn needs(&self) -> Needs {
        Needs::Parts
    }

    fn window(&self) -> usize {
        7
    }

    fn submit(&mut self, messages: &[&Message], _: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let mut memory = self.memory.lock().unwrap();
        let answer = |message: &&Message| {
            memory.handed += 1;
            let refused =
                |class, code: &str| Outcome::Refused { class, code: code.into(), text: "no <b>\u{1b}".into() };
            match self.random.below(20) {
                0..2 => refused(Class::Permanent, "smpp:0x0B"),
                2..5 => refused(Class::Temporary, "gw:busy"),
                5 => refused(Class::Throttled, "smpp:0x58"),
                6 => Outcome::Unknown { code: "gw:silent".into(), text: "nothing came".into() },
                _ => {
                    let ids: Vec<String> = (0..message.sms).map(|part| format!("{}-{part}", memory.handed)).collect();
                    (memory.sms, memory.takes) = (memory.sms + u64::from(message.sms), memory.takes + 1);
                    memory.taken.insert(message.row.msisdn, ids.clone());
                    Outcome::Taken { ids }
                }
            }
        };
        Ok(messages.iter().map(answer).collect())
    }
}

const LENIENT: &str = "stages = [\"10%\", \"30%\", \"100%\"]\n[limits]\nattempts = 3\n\
    stop_after_consecutive_failures = 1000\n";

/// Runs a campaign by a fickle gateway to its end; returns what the gateway remembers.
fn play(fixture: &Fixture, store: &mut Store, seed: u64) -> Memory {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let clock = Clock::at(2_000);
    for round in 0..12 {
        let route = Fickle { memory: memory.clone(), random: Seeded(seed + round) };
        fixture.run_by(store, (2, "w1"), &clock, |_| Ok(Box::new(route)), u64::MAX).unwrap();
        clock.set(clock.now() + 7 * 3600);
    }
    Arc::into_inner(memory).unwrap().into_inner().unwrap()
}

fn report(store: &Store, rows: &mut dyn FnMut(&impskit::batch::store::Handset)) -> Report {
    let meaning = |code: &str| (code == "smpp:0x0B").then(|| "the address is wrong".to_owned());
    let source = Source { store, campaign: "spring", now: 500_000, meaning: &meaning };
    let each = |handset: &_| {
        rows(handset);
        Ok(())
    };
    source.rows(each).unwrap()
}

fn sum(groups: &[Group]) -> u64 {
    for group in groups {
        assert_eq!(group.states.values().sum::<u64>(), group.total, "{}", group.name);
    }
    groups.iter().map(|group| group.total).sum()
}

fn receive(store: &mut Store, text: &str, form: Form) -> (Imported, Vec<(u64, String)>) {
    let target = Target { campaign: "spring", route: "phones", ids: MessageIds::Same, now: 400_000 };
    let mut wrong = Vec::new();
    let input = Box::new(std::io::Cursor::new(text.to_owned().into_bytes()));
    let imported =
        import(store, &target, (input, form), &mut |line, what| wrong.push((line, what.to_owned()))).unwrap();
    (imported, wrong)
}

const PHONES: &str = "[[route]]\nname = \"phones\"\nkind = \"sim\"\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// The report's counts are those of the gateway's memory, every way of counting gives the same sum, and no handset is
    /// in a state that its history does not know.
    #[test]
    fn the_account_is_the_truth(seed in any::<u32>(), rows in 1_u64..120) {
        let fixture = Fixture::new("phones", &format!("{LENIENT}{PHONES}"));
        let mut store = fixture.store();
        fixture.plan(&mut store, &table(rows), 1).unwrap();
        let memory = play(&fixture, &mut store, u64::from(seed));

        // Receipts: whole, in part, failed, none, and for nobody.
        let mut random = Seeded(u64::from(seed));
        let (mut lines, mut expected) = (String::from("id,state,time\n"), BTreeMap::<State, u64>::new());
        for (place, ids) in memory.taken.values().enumerate() {
            let parts = ids.len() as u64;
            let (good, last) = match random.below(4) {
                0 => (parts, None),
                1 => (parts - 1, None),
                2 => (random.below(parts), Some("UNDELIV")),
                _ => (0, None),
            };
            let words = (0..good).map(|_| "DELIVRD").chain(last);
            for (id, word) in ids.iter().zip(words) {
                lines += &format!("{id},{word},{}\n", 300_000 + place);
            }
            let state = match (good == parts, last) {
                (true, _) => State::Delivered,
                (_, Some(_)) => State::Failed,
                _ => State::Submitted,
            };
            *expected.entry(state).or_default() += 1;
        }
        lines += "nobody,DELIVRD,300000\n";
        let before = store.count_states("spring").unwrap();
        let failed_before = before.iter().find(|(state, _)| state == "failed").map_or(0, |(_, count)| *count);
        let (imported, wrong) = receive(&mut store, &lines, Form::Csv(b','));
        prop_assert!(wrong.is_empty() && imported.unknown == 1);

        let mut listed = BTreeMap::<State, u64>::new();
        let (mut table, mut json) = (csv_header(), Vec::new());
        let report = report(&store, &mut |handset| {
            *listed.entry(handset.state).or_default() += 1;
            assert!(handset.since.is_some() || handset.state == State::Planned, "{handset:?}");
            if let Some(ids) = memory.taken.get(&handset.msisdn) {
                assert_eq!(&handset.gateway_ids, ids, "what was taken last");
            }
            csv_row(handset, &mut table);
            json.push(json_row(handset));
        });

        prop_assert_eq!(report.total, rows);
        for groups in [&report.routes, &report.models, &report.variants] {
            prop_assert_eq!(sum(groups), rows);
        }
        let stages: Vec<Group> = report.stages.iter().map(|stage| stage.handsets.clone()).collect();
        prop_assert_eq!(sum(&stages), rows);
        prop_assert_eq!(report.states.iter().map(|count| count.count).sum::<u64>(), rows);
        for state in State::ALL {
            prop_assert_eq!(report.count(state), listed.get(&state).copied().unwrap_or_default());
        }

        // The gateway.
        prop_assert_eq!((report.attempts, report.sms_submitted), (memory.handed, memory.sms));
        prop_assert_eq!(report.count(State::Delivered), expected.get(&State::Delivered).copied().unwrap_or_default());
        prop_assert_eq!(report.count(State::Submitted), expected.get(&State::Submitted).copied().unwrap_or_default());
        let failed = expected.get(&State::Failed).copied().unwrap_or_default();
        prop_assert_eq!(report.count(State::Failed), failed_before + failed);
        prop_assert_eq!(report.unknown_receipts, 1);

        // The history.
        let buckets = report.history.all();
        let all = |of: fn(&impskit::batch::report::Bucket) -> u64| buckets.iter().map(|(_, b)| of(b)).sum::<u64>();
        prop_assert_eq!((all(|b| b.submitted), all(|b| b.sms)), (memory.takes, memory.sms));
        prop_assert_eq!(all(|b| b.delivered), report.count(State::Delivered));
        prop_assert_eq!(all(|b| b.failed), report.count(State::Failed));
        prop_assert!(buckets.len() <= 240);

        // The other ways to look.
        let status = Status::read(&store, "spring", 500_000, false).unwrap();
        prop_assert_eq!(&status.states, &report.states);
        let errors: Vec<_> = report.errors.iter().map(|fault| (fault.code.clone(), fault.count)).collect();
        prop_assert_eq!(&errors, &store.count_errors("spring").unwrap());
        prop_assert_eq!(report.possibly_duplicated, status.possibly_duplicated);
        prop_assert_eq!(report.unanswered, status.unanswered);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let states: Vec<String> = reader.records().map(|row| row.unwrap()[2].to_owned()).collect();
        let delivered = states.iter().filter(|state| *state == "delivered").count() as u64;
        prop_assert_eq!((states.len() as u64, delivered), (rows, report.count(State::Delivered)));
        let whole = format!("{}{}]}}", report.json_head(), json.join(","));
        let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
        prop_assert_eq!(whole["devices"].as_array().unwrap().len() as u64, rows);
        prop_assert_eq!(&whole["total"], rows);

        // Once more changes nothing.
        let (again, _) = receive(&mut store, &lines, Form::Csv(b','));
        prop_assert!(again.changed.is_empty(), "{:?}", again);
        prop_assert_eq!(&Status::read(&store, "spring", 500_000, false).unwrap().states, &report.states);
    }
}

/// The page is read by a reader that is not ours, needs nothing from elsewhere and runs nothing.
#[test]
fn the_page_is_well_formed_and_needs_nothing() {
    let fixture = Fixture::new("phones", &format!("{LENIENT}{PHONES}"));
    let mut store = fixture.store();
    let rows = String::from_utf8(table(60)).unwrap();
    let mut lines = rows.lines();
    let mut hostile = format!("{},model\n", lines.next().unwrap());
    lines.for_each(|line| hostile += &format!("{line},<script>alert(1)</script>&amp;\n"));
    assert_eq!(fixture.plan(&mut store, hostile.as_bytes(), 1).unwrap().0.new, 60);
    play(&fixture, &mut store, 4);
    store.halt("spring", Some("<img src=x onerror=alert(1)>")).unwrap();
    store.approve("spring", 2, Some("<i>fine</i> & good\u{202E}"), 5_000).unwrap();
    let report = report(&store, &mut |_| {});
    let text = page(&report);
    let document = roxmltree::Document::parse_with_options(
        &text,
        roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() },
    )
    .unwrap();
    let named = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
    assert_eq!(named("script").count() + named("img").count() + named("link").count() + named("i").count(), 0);
    assert!(document.descendants().all(|node| {
        ["src", "href", "style", "onload", "onerror"].iter().all(|name| node.attribute(*name).is_none())
    }));
    assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("url("));
    assert!(named("table").all(|table| table.children().any(|node| node.has_tag_name("caption"))));
    assert!(named("svg").all(|svg| svg.attribute("aria-hidden").is_some() || svg.attribute("aria-label").is_some()));
    assert!(!text.contains("\u{202E}") && !text.contains("\u{1b}"));
    assert!(text.contains("&lt;i&gt;fine&lt;/i&gt; &amp; good") && text.contains("the address is wrong"));
    // Every state that there is stands there as a word.
    for count in &report.states {
        assert!(named("th").any(|cell| cell.descendants().any(|n| n.text().is_some_and(|t| t.contains(&count.name)))));
    }
}

#[test]
fn receipts_are_taken_in_and_wrong_lines_are_told() {
    let fixture = Fixture::new("phones", &format!("{PHONES}[confirm]\nby = \"login\"\n"));
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(3), 1).unwrap();
    let memory = Arc::new(Mutex::new(Memory::default()));
    // The seed lets all three be taken at some time.
    let clock = Clock::at(2_000);
    for round in 0..20 {
        let route = Fickle { memory: memory.clone(), random: Seeded(round) };
        fixture.run_by(&mut store, (1, "w1"), &clock, |_| Ok(Box::new(route)), u64::MAX).unwrap();
        store
            .retry("spring", 1, &impskit::batch::store::Again { states: vec![State::Failed], ..Default::default() }, 9)
            .unwrap();
        clock.set(clock.now() + 7 * 3600);
    }
    let ids = memory.lock().unwrap().taken[&46_700_000_000].clone();
    let objects: Vec<String> =
        ids.iter().map(|id| format!("{{\"message_id\":\"{id}\",\"status\":1,\"extra\":[]}}\n")).collect();
    let text = format!(
        "{}\n{{\"id\":\"x\"}}\n[1]\n{{\"id\":\"y\",\"state\":\"delivered\",\"time\":900000}}\n{}\n",
        objects.concat(),
        "x".repeat(70_000)
    );
    let (imported, wrong) = receive(&mut store, &text, Form::Jsonl);
    let count = ids.len() as u64;
    assert_eq!((imported.lines, imported.matched, imported.wrong), (count + 4, count, 4));
    assert_eq!(imported.changed, BTreeMap::from([(State::Delivered, 1)]));
    let lines: Vec<u64> = wrong.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [count + 2, count + 3, count + 4, count + 5], "{wrong:?}");
    assert!(wrong[0].1.contains("`state` is empty") && wrong[2].1.contains("still to come"), "{wrong:?}");

    // By number, by user, too early, and nobody.
    let logins = "msisdn,user,state,client,time\n+46700000000,,confirmed,wv:c,399000\n,wv:user1@acme.example,login,,399000\n\
        46700000014,,confirmed,,1500\n46799999999,,confirmed,,\n";
    let (imported, wrong) = receive(&mut store, logins, Form::Csv(b','));
    assert_eq!((wrong.len(), imported.unconfirmed), (0, 2), "{imported:?}");
    assert_eq!(imported.changed, BTreeMap::from([(State::Confirmed, 2)]));
    report(&store, &mut |handset| {
        if handset.msisdn == 46_700_000_000 {
            assert_eq!((handset.client.as_deref(), handset.confirmed), (Some("wv:c"), Some(399_000)));
        }
    });
    for text in ["", "when,what\n1,2\n", "id,time\na,1\n"] {
        let target = Target { campaign: "spring", route: "phones", ids: MessageIds::Same, now: 1 };
        let input = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let error = import(&mut store, &target, (input, Form::Csv(b',')), &mut |_, _| {}).unwrap_err();
        assert!(error.help.unwrap().contains("id,state"));
    }
}

/// The second source is a run by a route of the kind `file`.
#[allow(clippy::disallowed_methods, reason = "a kill comes at some moment")]
#[test]
fn what_is_exported_is_what_a_run_would_write() {
    let rows = String::from_utf8(table(3_000)).unwrap();
    let whole = Fixture::new("file", "");
    let other = Fixture::new("phones", PHONES);
    for fixture in [&whole, &other] {
        fixture.write("rows.csv", &rows);
        assert!(impskit(fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    }
    assert!(impskit(&whole, &["batch", "run", "spring"]).status().unwrap().success());
    let expected = fs::read(whole.path("spring.jsonl")).unwrap();

    let export = |arguments: &[&str]| impskit(&other, &[&["batch", "export", "spring"], arguments].concat());
    assert_eq!(export(&["-o", "a.jsonl"]).status().unwrap().code(), Some(0));
    assert!(fs::read(other.path("a.jsonl")).unwrap() == expected);
    assert_eq!(export(&["--as", "csv", "-o", "a.csv"]).status().unwrap().code(), Some(0));
    let mut reader = csv::Reader::from_path(other.path("a.csv")).unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(expected.clone()).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (row, line) in reader.records().map(|row| row.unwrap()).zip(&lines) {
        assert_eq!(
            (&row[0], &row[1], &row[5]),
            (line["ref"].as_str().unwrap(), line["msisdn"].as_str().unwrap(), line["push"].as_str().unwrap())
        );
        let pdus = line["pdus"].as_array().unwrap();
        assert!(row[6].split(' ').zip(pdus).all(|(segment, pdu)| pdu.as_str().unwrap().ends_with(segment)));
        assert_eq!(row[6].split(' ').count(), pdus.len());
    }
    assert_eq!(export(&["--as", "dir", "-o", "all"]).status().unwrap().code(), Some(0));
    let file = other.path("all").join("000001").join(format!("{}.json", lines[0]["msisdn"].as_str().unwrap()));
    assert_eq!(fs::read(file).unwrap(), expected.split_inclusive(|b| *b == b'\n').next().unwrap());
    assert_eq!(fs::read_dir(other.path("all").join("000001")).unwrap().count(), 3_000);
    assert_eq!(other.store().count_states("spring").unwrap(), [("planned".to_owned(), 3_000)], "nothing is marked");

    // Killed again and again, the same command makes the same file.
    let mut random = Seeded(9);
    let mut kills = 0;
    loop {
        let mut child = export(&["--mark-submitted", "-o", "b.jsonl"]).spawn().unwrap();
        if kills < 4 {
            std::thread::sleep(Duration::from_millis(20 + random.below(250)));
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                continue;
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        break;
    }
    assert!(fs::read(other.path("b.jsonl")).unwrap() == expected, "{kills} kills");
    assert_eq!(other.store().count_states("spring").unwrap(), [("submitted".to_owned(), 3_000)]);
    let before = fs::metadata(other.path("b.jsonl")).unwrap().len();
    assert_eq!(export(&["--mark-submitted", "-o", "b.jsonl"]).status().unwrap().code(), Some(0));
    assert_eq!(fs::metadata(other.path("b.jsonl")).unwrap().len(), before);
}
