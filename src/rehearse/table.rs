//! What the rehearsal of a table came to: its groups, the rows that fail, the rows that are rejected; in every form of
//! report.
//!
//! Numbers are masked where nothing else is asked for: reports travel further than tables.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::survey::{Rejected, Sample, Survey};
use super::{Combination, Group, Outcome, Rehearsal, Step, report};
use crate::provision::Numbers;
use crate::provision::rows;

/// A table, and the rehearsals of its sample.
#[derive(Debug)]
pub struct Table {
    name: String,
    survey: Survey,
    /// One for each sample, in their order.
    rehearsals: Vec<Rehearsal>,
}

/// A step that failed.
struct Failure<'t> {
    sample: &'t Sample,
    combination: &'t Combination,
    step: &'t Step,
}

impl Table {
    /// Takes a table's survey and the rehearsals of its samples, in their order. Numbers are masked but with
    /// `shows_numbers`.
    pub fn new(name: String, mut survey: Survey, mut rehearsals: Vec<Rehearsal>, shows_numbers: bool) -> Self {
        if !shows_numbers {
            survey
                .samples
                .iter_mut()
                .zip(&mut rehearsals)
                .for_each(|(sample, rehearsal)| mask_sample(sample, rehearsal));
        }
        Self { name, survey, rehearsals }
    }

    /// Returns whether no row is wrong and no step failed.
    pub fn is_ok(&self) -> bool {
        self.survey.rejected.is_empty() && !self.rehearsals.is_empty() && self.rehearsals.iter().all(Rehearsal::is_ok)
    }

    /// Returns the result for people.
    pub fn text(&self) -> String {
        let mut out = format!("{}: {}\n", self.name, self.counts());
        if !self.survey.groups.is_empty() {
            groups_as_text(&mut out, &self.group_rows());
        }
        for rejected in self.survey.rejected.values() {
            let _ = writeln!(out, "rejected {} {} {}", rejected.count, rejected.rule.code, rejected.rule.name);
            for (line, message) in &rejected.examples {
                let _ = writeln!(out, "  line {line}: {message}");
            }
            let more = rejected.count - rejected.examples.len() as u64;
            if more > 0 {
                let _ = writeln!(out, "  and {more} more");
            }
        }
        for Failure { sample, combination, step } in self.failures() {
            let _ = writeln!(out, "failed {}", who(sample));
            let (version, encoding) = (combination.version, combination.encoding);
            let _ = writeln!(out, "  CSP {version}, {encoding}, step {} {}: {}", step.number, step.name, step.evidence);
        }
        let _ = writeln!(out, "{}", self.verdict());
        out
    }

    /// Returns the result for programs, `impskit.rehearsal/1`.
    pub fn json(&self) -> Value {
        let survey = &self.survey;
        let mut whole = report::json(&self.rehearsals);
        let rejected = |r: &Rejected| {
            let example = |(line, message): &(u64, String)| json!({"line": line, "message": message});
            let examples: Vec<Value> = r.examples.iter().map(example).collect();
            json!({"code": r.rule.code, "name": r.rule.name, "count": r.count, "examples": examples})
        };
        let group = |GroupRow { group: g, sampled, failed }: &GroupRow<'_>| {
            json!({
                "profile": g.profile, "variant": g.variant.map(|v| v + 1), "device": g.device, "security": g.security,
                "rows": g.rows, "sampled": sampled, "ok": sampled - failed, "failed": failed,
            })
        };
        let failure = |Failure { sample, combination, step }: Failure<'_>| {
            json!({
                "line": sample.line, "msisdn": number(sample), "encoding": combination.encoding,
                "version": combination.version, "step": step.number, "name": step.name, "evidence": step.evidence,
            })
        };
        let skipped = |(reason, count): (&&str, &u64)| json!({"reason": reason, "count": count});
        whole["table"] = json!({
            "file": self.name, "rows": survey.rows, "good": self.good(),
            "skipped": survey.skipped.iter().map(skipped).collect::<Vec<_>>(),
            "rejected": survey.rejected.values().map(rejected).collect::<Vec<_>>(),
            "doubles_sought": !survey.has_unsought_doubles,
            "groups": self.group_rows().iter().map(group).collect::<Vec<_>>(),
            "lines": survey.samples.iter().map(|sample| sample.line).collect::<Vec<_>>(),
            "failures": self.failures().map(failure).collect::<Vec<_>>(),
        });
        whole
    }

    /// Returns the result as JUnit XML: the table as a suite of its own, a case a group and a reason of rejection; then the
    /// rehearsals.
    pub fn junit(&self) -> String {
        let groups = self.group_rows();
        let tests = groups.len() + self.survey.rejected.len();
        let failures = groups.iter().filter(|row| row.failed > 0).count() + self.survey.rejected.len();
        let name = escape(self.name.as_str());
        let mut suite = format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">\n");
        for GroupRow { group, sampled, failed } in &groups {
            let cells = cells(group).join(", ");
            let _ = write!(suite, "    <testcase name=\"{}: {} rows\">", escape(cells), group.rows);
            if *failed > 0 {
                let _ = write!(suite, "<failure message=\"{failed} of {sampled} rows fail\"/>");
            }
            suite.push_str("</testcase>\n");
        }
        for Rejected { rule, count, examples } in self.survey.rejected.values() {
            let told: Vec<String> = examples.iter().map(|(line, message)| format!("line {line}: {message}")).collect();
            let _ = writeln!(
                suite,
                "    <testcase name=\"{} {}\"><failure message=\"{count} rows are rejected\">{}</failure></testcase>",
                rule.code,
                rule.name,
                escape(told.join("\n"))
            );
        }
        suite.push_str("  </testsuite>\n");
        let whole = report::junit(&self.rehearsals);
        let at = whole.find("  <testsuite ").or_else(|| whole.find("</testsuites>")).unwrap_or(whole.len());
        [&whole[..at], &suite, &whole[at..]].concat()
    }

    /// Returns a page that stands alone: the table first, then the rehearsal of the first row of each group and of each row
    /// that fails.
    pub fn html(&self) -> String {
        let mut head = format!("<p>{}: {}</p>\n", escape(self.name.as_str()), escape(self.counts()));
        let titles = [&HEAD[..], &["Rows", "Sampled", "Ok", "Failed"]].concat();
        let rows = self.group_rows();
        let rows = rows.iter().map(|row| [&cells(row.group)[..], &row.counts()].concat());
        html_table(&mut head, "Groups", &titles, rows);
        let rejected = self.survey.rejected.values().flat_map(|r| {
            let row = |(line, message): &(u64, String)| {
                [&format!("{} {}", r.rule.code, r.rule.name), &r.count.to_string(), &line.to_string(), message]
                    .map(String::from)
                    .to_vec()
            };
            r.examples.iter().map(row)
        });
        html_table(&mut head, "Rejected rows, the first of each reason", &["Reason", "Rows", "Line", "Why"], rejected);
        let failed = self.failures().map(|Failure { sample, combination: c, step }| {
            let step_name = format!("{} {}", step.number, step.name);
            vec![who(sample), format!("CSP {}, {}", c.version, c.encoding), step_name, step.evidence.clone()]
        });
        html_table(&mut head, "Rows that fail", &["Row", "Combination", "Step", "Evidence"], failed);
        let mut told = vec![false; self.survey.groups.len()];
        let is_told = |(sample, rehearsal): &(&Sample, &Rehearsal)| {
            !std::mem::replace(&mut told[sample.group], true) || !rehearsal.is_ok()
        };
        let shown: Vec<Rehearsal> =
            self.survey.samples.iter().zip(&self.rehearsals).filter(is_told).map(|(_, r)| r.clone()).collect();
        report::page(&self.verdict(), &head, &shown)
    }

    fn good(&self) -> u64 {
        self.survey.groups.iter().map(|group| group.rows).sum()
    }

    fn counts(&self) -> String {
        let survey = &self.survey;
        let rejected: u64 = survey.rejected.values().map(|rejected| rejected.count).sum();
        let mut text = format!("{} rows, {} good, {rejected} rejected", survey.rows, self.good());
        for (reason, count) in &survey.skipped {
            let _ = write!(text, ", {count} {reason}");
        }
        if survey.has_unsought_doubles {
            text.push_str("; so many numbers may stand twice that they were not compared, `batch plan` does");
        }
        text
    }

    fn verdict(&self) -> String {
        let count = self.rehearsals.len();
        let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        let rejected: u64 = self.survey.rejected.values().map(|rejected| rejected.count).sum();
        let rest = if rejected > 0 { format!("; {rejected} rows rejected") } else { String::new() };
        format!("{rows} rehearsed, {}{rest}", report::verdict(&self.rehearsals))
    }

    fn group_rows(&self) -> Vec<GroupRow<'_>> {
        let mut rows: Vec<GroupRow<'_>> =
            self.survey.groups.iter().map(|group| GroupRow { group, sampled: 0, failed: 0 }).collect();
        for (sample, rehearsal) in self.survey.samples.iter().zip(&self.rehearsals) {
            rows[sample.group].sampled += 1;
            rows[sample.group].failed += usize::from(!rehearsal.is_ok());
        }
        rows
    }

    fn failures(&self) -> impl Iterator<Item = Failure<'_>> {
        self.survey.samples.iter().zip(&self.rehearsals).flat_map(|(sample, rehearsal)| {
            rehearsal.combinations.iter().flat_map(move |combination| {
                let failed = combination.steps.iter().filter(|step| step.outcome == Outcome::Failed);
                failed.map(move |step| Failure { sample, combination, step })
            })
        })
    }
}

/// A group, and what came of its sample.
struct GroupRow<'t> {
    group: &'t Group,
    sampled: usize,
    failed: usize,
}

impl GroupRow<'_> {
    fn counts(&self) -> [String; 4] {
        let Self { group, sampled, failed } = self;
        [group.rows.to_string(), sampled.to_string(), (sampled - failed).to_string(), failed.to_string()]
    }
}

const HEAD: [&str; 4] = ["Profile", "Variant", "Device", "Security"];

fn cells(group: &Group) -> [String; 4] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        group.profile.clone(),
        or_none(group.variant.map(|place| (place + 1).to_string())),
        or_none(group.device.clone()),
        or_none(group.security.map(str::to_owned)),
    ]
}

fn groups_as_text(out: &mut String, rows: &[GroupRow<'_>]) {
    let head = [&HEAD.map(str::to_lowercase)[..], &["rows", "sampled", "ok", "failed"].map(str::to_owned)].concat();
    let lines: Vec<Vec<String>> = rows.iter().map(|row| [&cells(row.group)[..], &row.counts()].concat()).collect();
    let all = || std::iter::once(&head).chain(&lines);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| all().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    for line in all() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // Words to the left, numbers to the right.
            let _ = if column < HEAD.len() { write!(out, "  {cell:<width$}") } else { write!(out, "  {cell:>width$}") };
        }
        out.push('\n');
    }
}

fn html_table(out: &mut String, caption: &str, titles: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut body = String::new();
    for row in rows {
        body.push_str("<tr>");
        for cell in &row {
            let _ = write!(body, "<td class=\"evidence\">{}</td>", escape(cell.as_str()));
        }
        body.push_str("</tr>\n");
    }
    if body.is_empty() {
        return;
    }
    let titles: String = titles.iter().map(|title| format!("<th>{title}</th>")).collect();
    let _ = writeln!(
        out,
        "<table>\n<caption>{caption}</caption>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"
    );
}

fn who(sample: &Sample) -> String {
    match number(sample) {
        Some(number) => format!("line {}, {number}", sample.line),
        None => format!("line {}", sample.line),
    }
}

fn number(sample: &Sample) -> Option<&str> {
    Some(sample.msisdn.as_str()).filter(|number| !number.is_empty())
}

/// Masks the number of a sample wherever it is said.
fn mask_sample(sample: &mut Sample, rehearsal: &mut Rehearsal) {
    if sample.msisdn.is_empty() {
        return;
    }
    let number = std::mem::take(&mut sample.msisdn);
    let digits = rows::number(&number);
    sample.msisdn = digits.map_or_else(|| "•".repeat(7), |digits| Numbers::Mask.write(digits, b""));
    let hide = |text: &mut String| {
        if text.contains(&number) {
            *text = text.replace(&number, &sample.msisdn);
        }
    };
    for combination in &mut rehearsal.combinations {
        combination.steps.iter_mut().for_each(|step| hide(&mut step.evidence));
        combination.exchanges.iter_mut().for_each(|exchange| hide(&mut exchange.what));
    }
}
