//! Laws of the tables: what holds for every row.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use impskit::catalogue::{KINDS, RULES, VOCABULARIES};
use impskit::cp::{APPLICATIONS, DECLARATIONS, Status};
use impskit::diagnose::{Report, Rule, rules_are_sound};
use impskit::dm::STATUSES;
use impskit::document::{Model, Particle};
use impskit::provision::Pack;

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).filter(|row| !row.is_empty()).map(|row| row.split('\t').collect())
}

#[test]
fn rules_are_sound_over_all_families() {
    let rules: Vec<&'static Rule> = RULES.iter().flat_map(|family| family.iter()).copied().collect();
    assert_eq!(rules_are_sound(&rules), Ok(()));
}

/// Messages to people have no full stop, names are words joined by `-`, examples differ.
#[test]
fn rules_speak_in_one_voice() {
    for rule in RULES.iter().flat_map(|family| family.iter()) {
        for text in [rule.summary, rule.help] {
            assert!(!text.ends_with('.'), "{}: `{text}` ends with a full stop", rule.code);
        }
        assert_ne!(rule.bad, rule.good, "{}", rule.code);
        assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.name);
    }
}

/// What comes with the program is sound, is found by its own name, and names only parms that there are.
#[test]
fn device_packs_are_sound() {
    let folder = std::fs::read_dir("wap-provisioning/devices").expect("the packs");
    assert_eq!(folder.count(), Pack::bundled().len());
    for file in std::fs::read_dir("wap-provisioning/devices").expect("the packs") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("a pack");
        let mut report = Report::new();
        let pack = Pack::read(&text, &mut report).expect("TOML");
        assert!(report.diagnostics().is_empty(), "{}: {:?}", pack.model, report.diagnostics());
        assert_eq!(Pack::find(&pack.model), Some(&pack));
        let is_declared = |parm: &str| DECLARATIONS.iter().any(|d| d.parm(parm).is_some());
        let is_registered = |parm: &str| APPLICATIONS[0].parms.iter().any(|p| p.declaration.name == parm);
        let lists = [&pack.ascii, &pack.printable, &pack.needs, &pack.ignores];
        let named = lists.into_iter().flatten().chain(pack.lengths.iter().map(|length| &length.parm));
        for parm in named {
            assert!(is_declared(parm) || is_registered(parm), "{}: `{parm}`", pack.model);
        }
    }
}

/// The pack that people start from shows every key, and is sound.
#[test]
fn the_pack_to_start_from_shows_every_key() {
    let mut report = Report::new();
    let pack = Pack::read(include_str!("../../templates/device.toml"), &mut report).expect("TOML");
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    let shown = format!("{pack:?}");
    let empty = Pack { model: pack.model, name: pack.name, source: pack.source, ..Pack::default() };
    let empty = format!("{empty:?}");
    for field in [
        "max_sms: None",
        "max_octets: []",
        "security: None",
        "by_build: []",
        "names: []",
        "tac: []",
        "sec_first: false",
        "media_number: false",
        "pin_tries: None",
        "most_accounts: None",
        "lengths: []",
        "ascii: []",
        "printable: []",
        "needs: []",
        "ignores: []",
        "refuse: []",
        "wbxml: []",
    ] {
        assert!(empty.contains(field) && !shown.contains(field), "{field}");
    }
}

#[test]
fn kinds_have_one_name_each() {
    let ids: BTreeSet<_> = KINDS.iter().map(|kind| kind.id).collect();
    assert_eq!(ids.len(), KINDS.len());
}

/// Reading the tables is what panics on a malformed row.
#[test]
fn every_vocabulary_has_sound_tables() {
    for vocabulary in VOCABULARIES {
        let tokens = &vocabulary.tokens;
        for root in vocabulary.roots {
            assert!(tokens.tag_place(root, 0).is_some(), "{}: the root `{root}` has no token", vocabulary.id);
        }
        for declaration in vocabulary.grammar.declarations() {
            if let Model::Children(particle) = &declaration.model {
                assert!(!children(particle).is_empty(), "{}: `{}` is empty", vocabulary.id, declaration.name);
            }
        }
    }
}

/// A child that is declared nowhere could never be read.
#[test]
fn every_child_of_csp_is_declared() {
    for vocabulary in VOCABULARIES.iter().filter(|v| v.id.starts_with("csp-")) {
        let grammar = &vocabulary.grammar;
        let declared: HashSet<_> = grammar.declarations().map(|d| d.name).collect();
        for declaration in grammar.declarations() {
            let Model::Children(particle) = &declaration.model else { continue };
            for child in children(particle) {
                assert!(declared.contains(child), "{}: `{child}` of `{}`", vocabulary.id, declaration.name);
            }
        }
    }
}

fn children(particle: &Particle) -> Vec<&'static str> {
    match particle {
        Particle::Child(name, _) => vec![name],
        Particle::Sequence(pieces, _) | Particle::Choice(pieces, _) => pieces.iter().flat_map(children).collect(),
    }
}

#[test]
fn no_token_is_given_twice() {
    let tables = [
        ("cp", include_str!("../../src/cp/tokens.tsv")),
        ("csp-1.1", include_str!("../../src/csp/tokens-1.1.tsv")),
        ("csp-1.2", include_str!("../../src/csp/tokens-1.2.tsv")),
        ("csp-1.3", include_str!("../../src/csp/tokens-1.3.tsv")),
        ("ddf", include_str!("../../src/dm/tokens-ddf.tsv")),
        ("devinf", include_str!("../../src/dm/tokens-devinf.tsv")),
        ("metinf", include_str!("../../src/dm/tokens-metinf.tsv")),
        ("syncml", include_str!("../../src/dm/tokens-syncml.tsv")),
    ];
    for (name, table) in tables {
        let mut seen = BTreeMap::new();
        for mut cells in rows(table) {
            if cells.len() == 3 {
                cells.insert(0, "tag");
            }
            // A value token of CSP may stand for two words of different leaves; the leaf decides.
            if matches!(cells[0], "tag" | "attr" | "value") {
                let before = seen.insert((cells[0], cells[1], cells[2]), cells[3]);
                assert_eq!(before, None, "{name}: {} {} {} is given twice", cells[0], cells[1], cells[2]);
            }
        }
    }
}

#[test]
fn every_enumeration_in_use_exists() {
    let lists: HashSet<_> = rows(include_str!("../../src/csp/enums.tsv")).map(|cells| cells[0]).collect();
    for cells in rows(include_str!("../../src/csp/elements.tsv")) {
        for prefix in ["#enum:", "#enums:"] {
            if let Some(list) = cells[3].strip_prefix(prefix) {
                assert!(lists.contains(list), "`{}` of version {} uses `{list}`", cells[1], cells[0]);
            }
        }
    }
}

#[test]
fn every_primitive_is_an_element() {
    let elements: HashSet<_> =
        rows(include_str!("../../src/csp/elements.tsv")).map(|cells| (cells[0], cells[1])).collect();
    for cells in rows(include_str!("../../src/csp/primitives.tsv")) {
        assert!(elements.contains(&(cells[0], cells[1])), "{} of version {}", cells[1], cells[0]);
    }
}

#[test]
fn every_status_has_one_row_and_a_sentence() {
    let csp = include_str!("../../src/csp/statuses.tsv");
    for (name, table) in [("csp", csp), ("syncml", include_str!("../../src/dm/statuses.tsv"))] {
        let mut codes = BTreeSet::new();
        for cells in rows(table) {
            let code: u16 = cells[0].parse().expect("a code");
            assert!((100..1000).contains(&code), "{name}: {code}");
            assert!(codes.insert(code), "{name}: {code} is given twice");
            assert!(!cells[1].is_empty() && !cells[2].is_empty(), "{name}: {code} says nothing");
        }
        assert!(codes.len() > 50, "{name}");
    }
    for code in impskit::csp::Code::NAMED {
        assert!(code.is_known(), "{} has a constant and no row", code.0);
    }
    // The codes that a client answers Add with (OMA DM, "Add").
    let add: Vec<_> = STATUSES.iter().filter(|s| s.used_by.split(", ").any(|c| c == "Add")).map(|s| s.code).collect();
    assert_eq!(add, [200, 213, 215, 216, 401, 404, 405, 407, 413, 414, 415, 418, 420, 424, 425, 500, 516]);
}

/// Every name of the characteristics has a token or is listed here as having none (Provisioning Content 1.1, WBXML).
#[test]
fn characteristics_and_tokens_agree() {
    let tokens = &impskit::cp::VOCABULARY.tokens;
    let has_token = |kind, name| tokens.attribute_exactly(kind, name).is_some();
    // Late additions whose tokens are contested: never written as tokens.
    let without = ["BEARERINFO", "DNS-ADDRINFO", "WLAN", "APPREF", "TO-APPREF"];
    for declaration in DECLARATIONS.iter() {
        assert!(has_token("type", declaration.name) != without.contains(&declaration.name), "{}", declaration.name);
        for parent in &declaration.parents {
            let is_known = ["root", "*"].contains(parent) || DECLARATIONS.iter().any(|d| d.name == *parent);
            assert!(is_known, "`{parent}` of {}", declaration.name);
        }
        if let Some(key) = declaration.key {
            assert!(declaration.parm(key).is_some(), "`{key}` of {}", declaration.name);
        }
        for parm in declaration.parms.iter().filter(|p| p.name != "*") {
            assert!(has_token("name", parm.name) != without.contains(&parm.name), "{}", parm.name);
        }
    }
}

/// A registration may not loosen what is generic, and knows its own APPID.
#[test]
fn applications_build_on_the_generic_characteristics() {
    for application in APPLICATIONS.iter() {
        assert!(impskit::cp::is_registered(application.appid));
        for parm in &application.parms {
            let (name, types) = (parm.declaration.name, parm.types);
            let mut chain = types.split('/');
            assert_eq!(chain.next(), Some("APPLICATION"), "{types}");
            let last = types.rsplit('/').next().unwrap_or_default();
            let generic = DECLARATIONS.iter().find(|d| d.name == last);
            let generic = generic.unwrap_or_else(|| panic!("`{last}` is not a characteristic")).parm(name);
            if let Some(generic) = generic {
                assert_eq!(generic.occurs, parm.declaration.occurs, "{types}/{name}");
            }
            assert!(!parm.meaning.is_empty(), "{types}/{name}");
        }
    }
    // What a generator always writes (wA registration, parameters).
    let wa = APPLICATIONS.iter().find(|a| a.appid == "wA").expect("wA");
    let should: Vec<_> = wa.parms.iter().filter(|p| p.status == Status::Should).map(|p| p.declaration.name).collect();
    assert_eq!(should, ["PROVIDER-ID", "NAME", "AACCEPT"]);
}
