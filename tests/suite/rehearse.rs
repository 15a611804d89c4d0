//! Rehearsals: every step of every combination, and what a failing one looks like.

use impskit::codec::{Encoding, WbxmlStyle};
use impskit::cp::mac::{Imsi, Pin, Security};
use impskit::csp::Version;
use impskit::diagnose::Report;
use impskit::provision::{Compiled, Profile};
use impskit::rehearse::{Choice, Outcome, Rehearsal, Subject, rehearse, report};

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
    let mut choice = Choice { encodings, versions: Version::ALL.to_vec(), server: None };
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
