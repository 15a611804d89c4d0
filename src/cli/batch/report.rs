//! `batch report`: the final account, with every handset's last state and reason.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::batch::report::{Fault, Group, Report, Source, csv_header, csv_row, json_row, page};
use impskit::batch::status::Count;
use impskit::batch::store::{State, Store};
use impskit::batch::units::{handsets, in_words, rfc3339};
use impskit::diagnose::text::printable;
use impskit::error::Result;

use super::{At, TWICE, UNANSWERED, now};
use crate::cli::explain::meaning;
use crate::cli::progress::grouped;
use crate::cli::ui::{Output, Stream};
use crate::cli::{Outcome, Ui};

/// Rows that are written at once.
const GROUP: usize = 500;
/// Lines of a kind that are shown to people; JSON has more.
const MOST_SHOWN: usize = 20;

/// The final account of a campaign: sums for people, every handset for programs
#[derive(Debug, Args)]
#[command(
    name = "report",
    after_help = "\
Examples:
  impskit batch report spring
  impskit batch report spring --format html -o spring.html

In CSV, text that begins with = + - @ ' or a tab has an apostrophe in front, so that no spreadsheet takes it for a formula.
Exit: 0 all is well; 3 handsets failed or expired, or rows were rejected."
)]
pub(super) struct ReportOf {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// The format of the report
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sums, for people
    Text,
    /// Sums and every handset, for programs
    Json,
    /// Every handset, for spreadsheets
    Csv,
    /// Sums and charts in one page, for people
    Html,
}

/// Runs the command.
pub(super) fn run(command: &ReportOf, ui: &mut Ui) -> Result<Outcome> {
    let (_, store, stored) = command.at.open_planned(&command.campaign, ui)?;
    let mut out = Stream::open(&command.output)?;
    // The sums and the rows are of the same moment, whoever runs the campaign meanwhile.
    let report = store.snapshot(|store: &Store| {
        let source = Source { store, campaign: &stored.name, now: now(), meaning: &meaning };
        match command.format {
            Format::Csv => {
                out.write(csv_header().as_bytes())?;
                rows(&source, &mut out, csv_row)
            }
            Format::Json => {
                let report = source.report()?;
                out.write(report.json_head().as_bytes())?;
                let mut before = "\n";
                rows(&source, &mut out, |handset, text| {
                    text.push_str(before);
                    text.push_str(&json_row(handset));
                    before = ",\n";
                })?;
                out.write(b"\n]}\n")?;
                Ok(report)
            }
            Format::Html => source.report().and_then(|report| out.write(page(&report).as_bytes()).map(|_| report)),
            Format::Text => source.report().and_then(|report| out.write(text(&report).as_bytes()).map(|_| report)),
        }
    })?;
    out.finish()?;
    Ok(if report.is_good() { Outcome::Good } else { Outcome::Partly })
}

/// Writes every handset, some hundred at a time.
fn rows(
    source: &Source<'_>,
    out: &mut Stream,
    mut row: impl FnMut(&impskit::batch::store::Handset, &mut String),
) -> Result<Report> {
    let (mut text, mut count) = (String::new(), 0);
    let report = source.rows(|handset| {
        row(handset, &mut text);
        count += 1;
        if count % GROUP == 0 {
            out.write(text.as_bytes())?;
            text.clear();
        }
        Ok(())
    })?;
    out.write(text.as_bytes())?;
    Ok(report)
}

/// Returns the report for people.
fn text(report: &Report) -> String {
    let text = sums(report);
    // What gateways and rows say cannot steer a terminal.
    text.lines().map(|line| printable(line) + "\n").collect()
}

fn sums(report: &Report) -> String {
    let mut out = String::new();
    let plan = report.plan.as_deref().unwrap_or("not complete");
    let _ = writeln!(out, "campaign {}   {}", report.campaign, handsets(report.total));
    let _ = writeln!(out, "plan {plan}   planned {}", rfc3339(report.planned_at));
    for (what, why) in [("cancelled", &report.cancelled), ("stopped", &report.halted)] {
        if let Some(why) = why {
            let _ = writeln!(out, "{what}: {why}");
        }
    }
    let share = |count: u64| format!("{:>6.2} %", count as f64 * 100.0 / report.total.max(1) as f64);
    out.push_str("\nstates\n");
    for Count { name, count } in &report.states {
        let _ = writeln!(out, "{:>14}  {}  {name}", grouped(*count), share(*count));
    }
    if let (Some(first), Some(last)) = (report.first_submit, report.last_submit) {
        let rate = report.sms_per_hour().map(|rate| format!(", {} an hour", grouped(rate.round() as u64)));
        let time = in_words((last - first).unsigned_abs());
        let _ = writeln!(out, "\nsubmitted from {} to {}: {time}", rfc3339(first), rfc3339(last));
        let _ = writeln!(out, "{:>14}  SMS handed over{}", grouped(report.sms_submitted), rate.unwrap_or_default());
        let _ = writeln!(out, "{:>14}  attempts", grouped(report.attempts));
    }
    if report.stages.len() > 1 {
        let stages: Vec<Group> = report.stages.iter().map(|stage| stage.handsets.clone()).collect();
        groups(&mut out, "stages", &stages);
        for stage in &report.stages {
            if let Some(at) = stage.approved_at {
                let note = stage.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
                let _ = writeln!(out, "                stage {} was approved {}{note}", stage.number, rfc3339(at));
            }
        }
    }
    groups(&mut out, "routes", &report.routes);
    groups(&mut out, "models", &report.models);
    groups(&mut out, "variants", &report.variants);
    errors(&mut out, &report.errors, &share);
    attention(&mut out, report);
    out
}

fn groups(out: &mut String, title: &str, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for group in groups.iter().take(MOST_SHOWN) {
        let states = State::ALL.iter().map(|state| (state, group.count(*state))).filter(|(_, count)| *count > 0);
        let states: Vec<String> = states.map(|(state, count)| format!("{} {state}", grouped(count))).collect();
        let _ = writeln!(out, "{:>14}  {}: {}", grouped(group.total), group.name, states.join(", "));
    }
    more(out, groups.len());
}

fn errors(out: &mut String, errors: &[Fault], share: &dyn Fn(u64) -> String) {
    if errors.is_empty() {
        return;
    }
    out.push_str("\nerrors\n");
    for fault in errors.iter().take(MOST_SHOWN) {
        let meaning = fault.meaning.as_deref().map(|meaning| format!("  {meaning}")).unwrap_or_default();
        let _ = writeln!(out, "{:>14}  {}  {}{meaning}", grouped(fault.count), share(fault.count), fault.code);
    }
    more(out, errors.len());
}

fn more(out: &mut String, count: usize) {
    if count > MOST_SHOWN {
        let _ = writeln!(out, "                and {} more: `--format json` has them", count - MOST_SHOWN);
    }
}

fn attention(out: &mut String, report: &Report) {
    if report.not_planned.is_empty() && report.unanswered + report.possibly_duplicated + report.unknown_receipts == 0 {
        return;
    }
    out.push_str("\nto look at\n");
    for Count { name, count } in &report.not_planned {
        let _ = writeln!(out, "{:>14}  {name}", grouped(*count));
    }
    if report.unanswered > 0 {
        let _ = writeln!(out, "{:>14}  {UNANSWERED}", grouped(report.unanswered));
    }
    if report.possibly_duplicated > 0 {
        let some: Vec<String> = report.duplicates.iter().take(5).map(|number| format!("+{number}")).collect();
        let more = if report.possibly_duplicated > some.len() as u64 { " …" } else { "" };
        let count = grouped(report.possibly_duplicated);
        let _ = writeln!(out, "{count:>14}  {TWICE}: {}{more}", some.join(", "));
    }
    if report.unknown_receipts > 0 {
        let _ = writeln!(out, "{:>14}  receipts for messages that nobody knows", grouped(report.unknown_receipts));
    }
}
