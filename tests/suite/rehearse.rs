//! Rehearsals: every step of every combination, and what a failing one looks like.

use std::io::{Cursor, Read};

use impskit::codec::{Encoding, WbxmlStyle};
use impskit::cp::mac::{Imsi, Pin, Security};
use impskit::csp::{self, Version};
use impskit::diagnose::Report;
use impskit::provision::rows::{self, Names};
use impskit::provision::{Compiled, Pack, Profile};
use impskit::rehearse::survey::{Terms, survey};
use impskit::rehearse::table::Table;
use impskit::rehearse::{Choice, Combination, Outcome, Rehearsal, Subject, rehearse, report};

use crate::readers::targets::all_codes;

const HEADER: [&str; 3] = ["user", "password", "msisdn"];

fn rehearsal(profile: &str, row: [&str; 3], change: impl FnOnce(&mut Subject<'_>, &mut Choice)) -> Rehearsal {
    let mut findings = Report::new();
    let profile = Profile::read(profile, &mut |_| Err("there are none".to_owned()), &mut findings).unwrap();
    assert!(!findings.has_errors(), "{:?}", findings.diagnostics());
    let compiled = Compiled::new(&profile, &HEADER, "", WbxmlStyle::Safe).unwrap();
    let filled = compiled.fill(&|place| row[place], None, &mut Vec::new()).unwrap();
    let mut subject = Subject {
        name: "the test".to_owned(),
        findings: (0, 0),
        device: None,
        security: Some(Security::NetwPin),
        pin: None,
        imsi: Some(Imsi::read("262022033864727").unwrap()),
        profile: filled.profile,
        handset: filled.handset,
    };
    let encodings = vec![Encoding::Xml, Encoding::Wbxml];
    let versions = Version::ALL.to_vec();
    let mut choice = Choice { encodings, versions, server: None, text_codes: csp::text_codes() };
    change(&mut subject, &mut choice);
    rehearse(&subject, &choice).unwrap()
}

const ROW: [&str; 3] = ["anna", "sesam <&> öffne", "+46700000001"];

#[test]
fn the_bundled_profile_goes_through_in_every_version_and_syntax() {
    let rehearsal = rehearsal(include_str!("../../templates/acme.toml"), ROW, |_, _| ());
    assert_eq!(rehearsal.combinations.len(), 6);
    for combination in &rehearsal.combinations {
        let numbers: Vec<u8> = combination.steps.iter().map(|step| step.number).collect();
        assert_eq!(numbers, (1..=15).collect::<Vec<u8>>());
        for step in &combination.steps {
            assert_eq!(step.outcome, Outcome::Ok, "{} {}: {}", combination.version, step.number, step.evidence);
        }
        let said: Vec<&str> = combination.exchanges.iter().map(|exchange| exchange.what.as_str()).collect();
        for expected in ["Login-Response 401", "Login-Response 200", "PresenceNotification-Request", "NewMessage"] {
            assert!(said.contains(&expected), "{expected} is not in {said:?}");
        }
    }
    assert_eq!(report::verdict(&[rehearsal]), "15 steps × 6 combinations: all ok");
}

/// Plain text: login, negotiation, contact lists and presence by the codes of a shipped client; messages and groups by a
/// table alone, and what rests on it is marked.
#[test]
fn plain_text_is_rehearsed_as_far_as_it_has_codes() {
    let play = |text_codes| {
        rehearsal(include_str!("../../templates/acme.toml"), ROW, |_, choice| {
            (choice.encodings, choice.text_codes) = (vec![Encoding::Pts], text_codes);
        })
    };
    let is_marked = |combination: &Combination, number: usize| {
        let evidence = &combination.steps[number - 1].evidence;
        assert_eq!(evidence.contains("derived"), evidence.contains("no source knows"), "{evidence}");
        evidence.contains("derived")
    };
    let known = play(csp::text_codes());
    assert_eq!(known.combinations.len(), 3);
    for combination in &known.combinations {
        for step in &combination.steps {
            let outcome = if matches!(step.number, 12 | 13) { Outcome::Skipped } else { Outcome::Ok };
            assert_eq!(step.outcome, outcome, "{} {}: {}", combination.version, step.number, step.evidence);
        }
        assert!(combination.steps[11].evidence.contains("`--text-codes`"), "{}", combination.steps[11].evidence);
        assert!(!is_marked(combination, 11) && !is_marked(combination, 15));
        let said: Vec<&str> = combination.exchanges.iter().map(|exchange| exchange.what.as_str()).collect();
        for expected in ["CreateList-Request", "ListManage-Response 200", "PresenceNotification-Request"] {
            assert!(said.contains(&expected), "{expected} is not in {said:?}");
        }
    }
    let all = play(all_codes());
    for combination in &all.combinations {
        assert!(combination.steps.iter().all(|step| step.outcome == Outcome::Ok), "{:?}", combination.steps);
        assert!(is_marked(combination, 12) && is_marked(combination, 13) && !is_marked(combination, 15));
        assert!(combination.exchanges.iter().any(|exchange| exchange.what == "NewMessage"));
    }
}

#[test]
fn what_is_not_promised_is_skipped_and_what_fails_stops_the_rest() {
    let profile = include_str!("../../templates/acme.toml")
        .replace(r#"["presence", "im", "group", "content"]"#, r#"["im"]"#)
        .replace(r#"granted = ["presence", "im"]"#, r#"granted = ["im"]"#);
    let one = |choice: &mut Choice| {
        choice.versions = vec![Version::V1_3];
        choice.encodings = vec![Encoding::Wbxml];
    };
    let outcomes = |rehearsal: &Rehearsal| -> Vec<Outcome> {
        rehearsal.combinations[0].steps.iter().map(|step| step.outcome).collect()
    };
    let only_messages = rehearsal(&profile, ROW, |_, choice| one(choice));
    let skipped = |number: usize| outcomes(&only_messages)[number - 1] == Outcome::Skipped;
    assert!(only_messages.is_ok() && skipped(11) && skipped(13) && !skipped(12));

    // The handset's card is another one than the operator thinks: it has no key for NETWPIN.
    let unsealed = rehearsal(&profile, ROW, |subject, choice| {
        one(choice);
        (subject.imsi, subject.pin) = (None, Some(Pin::read("1234").unwrap()));
    });
    assert_eq!(outcomes(&unsealed)[3], Outcome::Failed);
    assert!(outcomes(&unsealed)[4..].iter().all(|outcome| *outcome == Outcome::Skipped));

    // Nothing listens there.
    let unreachable = rehearsal(&profile, ROW, |_, choice| {
        one(choice);
        choice.server = Some("http://127.0.0.1:1/csp".to_owned());
    });
    assert_eq!(outcomes(&unreachable)[8], Outcome::Failed);
    assert_eq!(report::verdict(&[unreachable]), "15 steps × 1 combination: 1 step failed");
}

#[test]
fn reports_are_well_formed_and_stand_alone() {
    let mut all = vec![rehearsal(include_str!("../../templates/acme.toml"), ROW, |_, _| ())];
    all[0].subject = "<script>alert(1)</script> & \"co\"".to_owned();
    let page = report::html(&all);
    assert!(!page.contains("<script"), "names are escaped");
    assert!(
        !page.contains("src=") && !page.contains("@import") && !page.contains("<link"),
        "nothing comes from outside"
    );
    assert_eq!(page.matches("<svg").count(), 6);
    let junit = report::junit(&all);
    let document = roxmltree::Document::parse(&junit).unwrap();
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("testcase")).count(), 90);
    let json = report::json(&all);
    assert_eq!(json["schema"], "impskit.rehearsal/1");
    assert_eq!(json["rehearsals"][0]["combinations"][5]["steps"][14]["number"], 15);
}

const GROUPED: &str = r#"
schema = 1
id = "grouped"
name = "Acme Chat"
[service]
addresses = ["{x_address}"]
versions = ["1.2"]
encodings = ["xml"]
services = ["im"]
[[access_point]]
id = "gprs"
apn = "chat.acme"
[[account]]
user = "wv:{user}@acme.example"
password = "secret"
[push]
security = "userpin"
pin = "{pin}"
[[variant]]
when = { device = ["old*"] }
push.security = "none"
[[variant]]
when = { device = ["strict*"] }
push.security = "userpinmac"
"#;

/// A table whose groups are small, with a row that a plan takes and a client cannot use.
fn grouped() -> Table {
    let mut text = String::from("msisdn,user,pin,model,x_address\n");
    for row in 0..400 {
        let model = match row {
            7 => "old-1",
            300 | 301 => "strict-2",
            _ => "new",
        };
        // The address of this one leads nowhere a user can be.
        let user = if row == 7 { "a@b" } else { "anna" };
        text += &format!("467000{row:05},{user}{row},1234,{model},http://imps.acme.example/csp\n");
    }
    text += "0701234567,romeo,1234,new,http://x.example/csp\n46709999999,romeo,1234,new,nowhere\n";
    let mut findings = Report::new();
    let profile = Profile::read(GROUPED, &mut |_| Err("there are none".to_owned()), &mut findings).unwrap();
    assert!(!findings.has_errors(), "{:?}", findings.diagnostics());
    let mut open = || {
        let input: Box<dyn Read> = Box::new(Cursor::new(text.clone().into_bytes()));
        Ok(rows::Table::open(input, b',', Names::Ours, &mut Report::new())?.unwrap())
    };
    let terms = Terms {
        profile: &profile,
        load: &mut |_| Err("there are none".to_owned()),
        device: None,
        packs: Pack::bundled(),
        security: None,
        routes: Vec::new(),
        given: (false, false),
        now: 0,
        sample: 2,
        seed: 0,
        workers: 1,
    };
    let survey = survey(&mut open, terms).unwrap();
    let rehearsals = survey.samples.iter().map(|sample| {
        let (header, cells): (Vec<&str>, Vec<&str>) =
            sample.values.iter().map(|(n, v)| (n.as_str(), v.as_str())).unzip();
        let compiled = Compiled::new(&sample.profile, &header, "", WbxmlStyle::Safe).unwrap();
        let filled = compiled.fill(&|place| cells[place], None, &mut Vec::new()).unwrap();
        let subject = Subject {
            name: format!("line {}", sample.line),
            findings: (0, 0),
            security: filled.profile.security.flatten(),
            pin: Some(Pin::read("1234").unwrap()),
            imsi: None,
            device: None,
            profile: filled.profile,
            handset: filled.handset,
        };
        let (encodings, versions) = (vec![Encoding::Xml], vec![Version::V1_2]);
        let choice = Choice { encodings, versions, server: None, text_codes: csp::text_codes() };
        rehearse(&subject, &choice).unwrap()
    });
    let rehearsals = rehearsals.collect();
    Table::new("grouped.csv".to_owned(), survey, rehearsals, false)
}

#[test]
fn each_group_of_a_table_is_tried_and_what_fails_is_named() {
    let table = grouped();
    assert!(!table.is_ok());
    let text = table.text();
    let has = |words: &[&str]| {
        let is_there = |line: &str| words.iter().all(|word| line.split_whitespace().any(|w| w == *word));
        assert!(text.lines().any(is_there), "no line with {words:?} in\n{text}");
    };
    // Rows, sampled, ok, failed of each group: more than were asked for, since every group has one.
    has(&["grouped", "-", "USERPIN", "397", "1", "1", "0"]);
    has(&["grouped", "1", "none", "1", "1", "0", "1"]);
    has(&["grouped", "2", "USERPINMAC", "2", "1", "1", "0"]);
    has(&["rejected", "1", "CSV003", "bad-number"]);
    has(&["line", "403:", "`nowhere`"]);
    has(&["failed", "line", "9,", "46700••••••"]);
    assert!(!text.contains("46700000007") && !text.contains("0701234567"), "numbers are masked: {text}");

    let json = table.json();
    assert_eq!(json["schema"], "impskit.rehearsal/1");
    assert_eq!((&json["table"]["rows"], &json["table"]["good"]), (&402.into(), &400.into()));
    assert_eq!(json["table"]["failures"][0]["line"], 9);
    assert_eq!(json["table"]["rejected"][1]["examples"][0]["line"], 403);
    assert_eq!(json["rehearsals"].as_array().unwrap().len(), 3);

    let junit = table.junit();
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suites: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testsuite")).collect();
    assert_eq!(
        (suites.len(), suites[0].attribute("tests"), suites[0].attribute("failures")),
        (4, Some("5"), Some("3"))
    );
    let page = table.html();
    assert!(page.contains("<caption>Groups</caption>") && page.contains("USERPINMAC") && !page.contains("46700000007"));
    assert_eq!(page.matches("<svg").count(), 3);
}

/// What the handset refuses fails the step that makes it: the document, the seal, the SMS.
#[test]
fn a_handset_that_refuses_fails_the_step_that_makes_it() {
    let failing = |pack: &str| {
        let mut findings = Report::new();
        let pack = Pack::read(&format!("model = \"own\"\nsource = \"a test\"\n{pack}"), &mut findings).unwrap();
        assert!(findings.diagnostics().is_empty(), "{:?}", findings.diagnostics());
        let pack: &'static Pack = Box::leak(Box::new(pack));
        let rehearsal = rehearsal(include_str!("../../templates/acme.toml"), ROW, |subject, choice| {
            subject.device = Some(pack);
            choice.versions = vec![Version::V1_3];
            choice.encodings = vec![Encoding::Wbxml];
        });
        let steps = &rehearsal.combinations[0].steps;
        let failed = steps.iter().find(|step| step.outcome == Outcome::Failed);
        failed.map(|step| (step.number, step.evidence.get(..6).unwrap_or_default().to_owned()))
    };
    let step = |number, code: &str| Some((number, code.to_owned()));
    assert_eq!(failing("[lengths]\nADDR = { max = 5, over = \"cut\" }\n"), step(2, "QRK002"));
    assert_eq!(failing("[limits]\nsecurity = [\"userpin\"]\n"), step(4, "QRK004"));
    assert_eq!(failing("[limits]\nmax_sms = 1\n"), step(5, "QRK003"));
    assert_eq!(failing("wbxml = [\"whole-value\"]\n[lengths]\nNAME = { max = 5, over = \"cut\" }\n"), None);
}
