//! Every rule has a document that breaks it and one that keeps it: the first fires that rule and no other error, the
//! second does not fire it.

use impskit::catalogue::{self, Options};
use impskit::diagnose::{Report, Rule, Severity, text};

fn check(example: &str) -> (Report, String) {
    let checked = catalogue::check(Rule::example(example), "example", &Options::default());
    let shown = text::short(&checked.source, &checked.report);
    (checked.report, shown)
}

#[test]
fn bad_examples_break_their_rule_and_no_other() {
    for rule in catalogue::RULES.iter().flat_map(|family| family.iter()).filter(|r| is_of_documents(r)) {
        let (report, shown) = check(rule.bad);
        assert!(report.cites(rule.code), "{} is not found in its bad example:\n{shown}", rule.code);
        let others = report.diagnostics().iter().filter(|d| d.severity == Severity::Error && d.rule.code != rule.code);
        assert_eq!(others.count(), 0, "{}: other errors in its bad example:\n{shown}", rule.code);
    }
}

#[test]
fn good_examples_keep_their_rule() {
    for rule in catalogue::RULES.iter().flat_map(|family| family.iter()).filter(|r| is_of_documents(r)) {
        let (report, shown) = check(rule.good);
        assert!(!report.cites(rule.code), "{} is found in its good example:\n{shown}", rule.code);
    }
}

/// The good examples of these families are whole documents: nothing at all is wrong with them.
#[test]
fn good_provisioning_documents_are_clean() {
    for rule in impskit::cp::RULES {
        let (report, shown) = check(rule.good);
        assert!(report.diagnostics().is_empty(), "{}:\n{shown}", rule.code);
    }
}

fn is_of_documents(rule: &Rule) -> bool {
    ["CP", "WA"].contains(&rule.code.trim_end_matches(|c: char| c.is_ascii_digit()))
}
