//! A baseline: the findings of a day, by fingerprint, that are known and stay until they are mended. New ones are told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::fingerprint::fingerprint;
use super::{Diagnostic, Excuse, Report, Source};
use crate::error::{Error, Result};

const SCHEMA: &str = "impskit.baseline/1";
/// Stands for the findings of a rule that were counted, not kept.
const ANY: &str = "*";
/// What could not be read stays said: nobody knows what else there is.
const NEVER: &[&str] = &["GEN001", "GEN004", "GEN005", "XML001"];

/// Findings that are known, counted as long as they are not met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// How many of each are left.
    known: BTreeMap<Key, usize>,
    /// The files that were looked at.
    seen: BTreeSet<String>,
}

/// What a finding is known by. The order is that of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: String,
    code: String,
    fingerprint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object with `schema` and `findings`")]
struct Form {
    schema: String,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object with `fingerprint`, `code`, `file` and `count`")]
struct Entry {
    fingerprint: String,
    code: String,
    file: String,
    count: usize,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// Says where the text is no JSON, or that it is none of a baseline.
    pub fn read(text: &str) -> Result<Self> {
        let help = "`impskit check --write-baseline FILE` writes one";
        let form: Form = serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            let error = Error::input(format!("no baseline: {what}")).at(format!("{}:{}", error.line(), error.column()));
            error.help(help)
        })?;
        if form.schema != SCHEMA {
            return Err(Error::input(format!("the schema is `{:.40}`, not `{SCHEMA}`", form.schema)).help(help));
        }
        let mut baseline = Self::default();
        for Entry { fingerprint, code, file, count } in form.findings {
            let known = baseline.known.entry(Key { file, code, fingerprint }).or_default();
            *known = known.saturating_add(count);
        }
        Ok(baseline)
    }

    /// Adds the findings of a report on `file`.
    pub fn add(&mut self, file: &str, source: &Source<'_>, report: &Report) {
        let may_be_known = |code: &str| !NEVER.contains(&code);
        for diagnostic in report.diagnostics().iter().filter(|d| may_be_known(d.rule.code)) {
            *self.known.entry(key(file, source, diagnostic)).or_default() += 1;
        }
        for (rule, count) in report.left_out_rules().filter(|(rule, _)| may_be_known(rule.code)) {
            *self.known.entry(any(file, rule.code)).or_default() += count;
        }
    }

    /// Takes the findings that are known out of a report on `file`, each as often as it is known.
    pub fn excuse(&mut self, file: &str, source: &Source<'_>, report: &mut Report) {
        self.seen.insert(file.to_owned());
        // Those that are known for themselves first; then those of which only the number is.
        report.suppress(&Excuse::Baseline, |d| !NEVER.contains(&d.rule.code) && self.take(&key(file, source, d)));
        report.suppress(&Excuse::Baseline, |d| self.take(&any(file, d.rule.code)));
        report.suppress_left_out(|rule| self.take(&any(file, rule.code)));
    }

    /// Returns how many findings are known in files that were looked at, but are not there any more.
    pub fn unused(&self) -> usize {
        self.known.iter().filter(|(key, _)| self.seen.contains(&key.file)).map(|(_, count)| count).sum()
    }

    /// Returns how many findings are known.
    pub fn count(&self) -> usize {
        self.known.values().sum()
    }

    /// Returns the text of the file: JSON, an entry a line, so that a difference of two can be read.
    pub fn to_json(&self) -> String {
        let entries: Vec<String> = self
            .known
            .iter()
            .map(|(Key { file, code, fingerprint }, count)| {
                let entry =
                    Entry { fingerprint: fingerprint.clone(), code: code.clone(), file: file.clone(), count: *count };
                serde_json::to_string(&entry).expect("only text and numbers, which JSON always carries")
            })
            .collect();
        let between = if entries.is_empty() { "" } else { "\n" };
        format!("{{\"schema\":\"{SCHEMA}\",\"findings\":[{between}{}{between}]}}\n", entries.join(",\n"))
    }

    /// Takes one of a kind, if any is left.
    fn take(&mut self, key: &Key) -> bool {
        let left = self.known.get_mut(key).filter(|count| **count > 0);
        left.map(|count| *count -= 1).is_some()
    }
}

fn key(file: &str, source: &Source<'_>, diagnostic: &Diagnostic) -> Key {
    Key { fingerprint: fingerprint(source, diagnostic), ..any(file, diagnostic.rule.code) }
}

fn any(file: &str, code: &str) -> Key {
    Key { file: file.to_owned(), code: code.to_owned(), fingerprint: ANY.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Rule, Span};

    fn report(messages: &[&str]) -> Report {
        let mut report = Report::new();
        for message in messages {
            report.add(Diagnostic::new(&Rule::TEST, Span::default(), *message));
        }
        report
    }

    /// Returns what stays said, how many are excused and how many entries are not needed.
    fn judged(known: &[&str], now: &[&str]) -> (Vec<String>, usize, usize) {
        let source = Source::new("a", &b"<a/>"[..]);
        let mut written = Baseline::default();
        written.add("a", &source, &report(known));
        let mut baseline = Baseline::read(&written.to_json()).unwrap();
        assert_eq!(baseline, written);
        let mut report = report(now);
        baseline.excuse("a", &source, &mut report);
        let said = report.diagnostics().iter().map(|d| d.message.clone()).collect();
        (said, report.suppressed_count(), baseline.unused())
    }

    #[test]
    fn excuses_what_is_known_as_often_as_it_is() {
        assert_eq!(judged(&["x", "y", "y"], &["y", "x", "y"]), (vec![], 3, 0));
        assert_eq!(judged(&["x", "y"], &["y", "x", "y", "z"]), (vec!["y".into(), "z".into()], 2, 0));
        assert_eq!(judged(&["x", "y", "y"], &["y"]), (vec![], 1, 2));
        assert_eq!(judged(&[], &["x"]), (vec!["x".into()], 0, 0));
    }

    #[test]
    fn other_files_are_other_findings() {
        let source = Source::new("a", &b"<a/>"[..]);
        let mut baseline = Baseline::default();
        baseline.add("a", &source, &report(&["x"]));
        let mut report = report(&["x"]);
        baseline.excuse("b", &source, &mut report);
        assert_eq!((report.diagnostics().len(), baseline.unused()), (1, 0), "`a` was not looked at");
    }

    #[test]
    fn findings_that_are_not_kept_are_known_by_their_number() {
        let many: Vec<String> = (0..Report::MAX + 10).map(|i| "x".repeat(i % 500)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(judged(&many, &many), (vec![], Report::MAX + 10, 0));
        // One of the first is mended: one of those that were only counted takes its place.
        assert_eq!(judged(&many, &many[1..]), (vec![], Report::MAX + 9, 1));
        let source = Source::new("a", &b"<a/>"[..]);
        let mut baseline = Baseline::default();
        baseline.add("a", &source, &report(&many[..Report::MAX + 3]));
        let mut report = report(&many);
        baseline.excuse("a", &source, &mut report);
        assert_eq!((report.diagnostics().len(), report.left_out()), (0, 7), "seven are new");
    }

    #[test]
    fn what_is_no_baseline_is_told() {
        for (text, what) in [
            ("", "no baseline: EOF while parsing a value"),
            ("[]", "no baseline: invalid length 0, expected an object with"),
            ("{\"schema\":\"impskit.findings/1\",\"findings\":[]}", "the schema is `impskit.findings/1`, not"),
            ("{\"schema\":\"impskit.baseline/1\",\"findings\":[{\"count\":-1}]}", "no baseline: invalid value"),
        ] {
            let error = Baseline::read(text).unwrap_err();
            assert!(error.what.starts_with(what) && error.help.is_some(), "{text}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(Baseline::read(&deep).is_err());
    }

    #[test]
    fn what_could_not_be_read_stays_said() {
        const UNREADABLE: Rule = Rule { code: "GEN001", ..Rule::TEST };
        let source = Source::new("a", &b"?"[..]);
        let mut report = Report::new();
        report.add(Diagnostic::new(&UNREADABLE, Span::default(), "x"));
        let mut baseline = Baseline::default();
        baseline.add("a", &source, &report);
        baseline.excuse("a", &source, &mut report);
        assert_eq!((baseline.count(), report.diagnostics().len()), (0, 1));
    }
}
