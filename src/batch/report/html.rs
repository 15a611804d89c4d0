//! The report as a page: one file that needs no network and no script, for screens from 320 px on, paper, light and dark.
//! The markup is well-formed XML, so that any XML reader checks it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::chart::{bar, share, stacked, strip};
use super::series::Bucket;
use super::{Group, Report};
use crate::batch::status::Count;
use crate::batch::store::{State, Timestamp};
use crate::batch::units::{grouped, in_words, rfc3339};
use crate::document::to_base64;
use crate::inspect::picture::{STYLE, markup};

/// Names of a kind that the page shows; JSON has more.
const MOST_SHOWN: usize = 20;

/// Returns the report as a page in HTML.
pub fn page(report: &Report) -> String {
    let mut page = Page { report, out: String::with_capacity(32 << 10) };
    page.head();
    page.states();
    page.history();
    page.errors();
    page.stages();
    page.groups("Routes", "Route", &report.routes);
    page.groups("Models", "Model", &report.models);
    page.groups("Profiles and variants", "Variant", &report.variants);
    page.left_out();
    page.words();
    page.out.push_str("</main>\n</body>\n</html>\n");
    page.out
}

/// What a strip shows of a bucket.
type Counts = fn(&Bucket) -> u64;

struct Page<'r> {
    report: &'r Report,
    out: String,
}

impl Page<'_> {
    fn head(&mut self) {
        let report = self.report;
        let style = format!("{STYLE}{}", include_str!("page.css"));
        let _ = write!(
            self.out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; \
             base-uri 'none'; form-action 'none'\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>Campaign {name}</title>\n<style>{style}</style>\n</head>\n<body>\n<header>\n<h1>Campaign {name}</h1>\n\
             <p class=\"dim\">As of {}. Planned {}. Plan {}</p>\n",
            to_base64(&Sha256::digest(style.as_bytes())),
            moment(report.made_at),
            moment(report.planned_at),
            report.plan.as_deref().map_or("not complete".to_owned(), |plan| format!("<code>{}</code>", markup(plan))),
            name = markup(&report.campaign),
        );
        if let Some(why) = &report.cancelled {
            let _ = writeln!(self.out, "<p class=\"note\">The campaign was cancelled: {}.</p>", markup(why));
        }
        if let Some(why) = &report.halted {
            let _ = writeln!(self.out, "<p class=\"note\">A safety limit stopped it: {}.</p>", markup(why));
        }
        let _ = writeln!(self.out, "<p class=\"lead\">{}</p>", self.verdict());
        self.figures();
        self.out.push_str("</header>\n<main>\n");
    }

    fn verdict(&self) -> String {
        let report = self.report;
        let of = |states: &[State]| states.iter().map(|state| report.count(*state)).sum::<u64>();
        let said = |count: u64, words: &str| {
            (count > 0)
                .then(|| format!("<strong>{}</strong> ({}) {words}", figure(count), percent(count, report.total)))
        };
        let parts: Vec<String> = [
            said(of(&[State::Confirmed]), "are in use"),
            said(of(&[State::Delivered]), "have arrived"),
            said(of(&[State::Submitted]), "were taken by the gateway, nothing was heard of them since"),
            said(of(&[State::Failed, State::Expired]), "failed or ran out of time"),
            said(of(&[State::Cancelled]), "were cancelled"),
            said(of(&[State::Planned, State::Submitting]), "are still to be sent"),
        ]
        .into_iter()
        .flatten()
        .collect();
        match parts.is_empty() {
            true => "No handsets are planned.".to_owned(),
            false => format!("Of {} handsets {}.", figure(report.total), parts.join(", ")),
        }
    }

    fn figures(&mut self) {
        let report = self.report;
        let none = || "–".to_owned();
        let figures = [
            ("Handsets", figure(report.total)),
            ("SMS handed over", figure(report.sms_submitted)),
            ("Attempts", figure(report.attempts)),
            ("First submit", report.first_submit.map_or_else(none, whole_moment)),
            ("Last submit", report.last_submit.map_or_else(none, whole_moment)),
            ("Time between", report.duration().map_or_else(none, |time| in_words(time.unsigned_abs()))),
            ("SMS an hour", report.sms_per_hour().map_or_else(none, |rate| figure(rate.round() as u64))),
            ("Possibly sent twice", figure(report.possibly_duplicated)),
        ];
        self.out.push_str("<dl class=\"figures\">\n");
        for (name, value) in figures {
            let _ = writeln!(self.out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        self.out.push_str("</dl>\n");
    }

    fn section(&mut self, title: &str) {
        let _ = writeln!(self.out, "<section>\n<h2>{title}</h2>");
    }

    /// Opens a table; a column's class is `n` for numbers.
    fn table(&mut self, caption: &str, columns: &[(&str, &str)]) {
        let _ = write!(self.out, "<table>\n<caption>{caption}</caption>\n<thead><tr>");
        for (name, class) in columns {
            let _ = write!(self.out, "<th scope=\"col\" class=\"{class}\">{name}</th>");
        }
        self.out.push_str("</tr></thead>\n<tbody>\n");
    }

    fn end(&mut self) {
        self.out.push_str("</tbody>\n</table>\n");
    }

    fn states(&mut self) {
        let report = self.report;
        let states = FROM_BEST.into_iter().map(|state| (state, report.count(state)));
        let states: Vec<(State, u64)> = states.filter(|(_, count)| *count > 0).collect();
        let words: Vec<String> = states.iter().map(|(state, count)| format!("{} {state}", grouped(*count))).collect();
        self.section("Progress");
        self.out.push_str(&stacked(&states, &words.join(", ")));
        self.table("Handsets by state", &[("State", ""), ("Handsets", "n"), ("Share", "n"), ("", "")]);
        for (state, count) in &states {
            let _ = writeln!(
                self.out,
                "<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 9 9\" aria-hidden=\"true\"><rect class=\"{state}\" width=\"9\" height=\"9\"/></svg>{state}: \
                 {}</th>{}{}<td class=\"wide\">{}</td></tr>",
                meaning(*state),
                number("handsets", *count),
                cell("share", &percent(*count, report.total)),
                bar(state.as_str(), *count, report.total)
            );
        }
        self.end();
        self.out.push_str("</section>\n");
    }

    fn history(&mut self) {
        let series = &self.report.history;
        let buckets = series.all();
        let (Some((first, _)), Some((last, _))) = (buckets.first(), buckets.last()) else { return };
        let ends = (moment(*first), moment(last + series.width()));
        self.section("Results over time");
        let strips: [(&str, &str, Counts); 4] = [
            ("submitted", "SMS handed over", |bucket| bucket.sms),
            ("delivered", "Handsets delivered", |bucket| bucket.delivered),
            ("confirmed", "Handsets confirmed", |bucket| bucket.confirmed),
            ("failed", "Handsets failed or expired", |bucket| bucket.failed + bucket.expired),
        ];
        let each = in_words(series.width().unsigned_abs());
        for (class, title, of) in strips {
            let most = buckets.iter().max_by_key(|(_, bucket)| of(bucket)).filter(|(_, bucket)| of(bucket) > 0);
            let Some((at, bucket)) = most else { continue };
            let total: u64 = buckets.iter().map(|(_, bucket)| of(bucket)).sum();
            let words =
                format!("{} in all, at most {} in {each}, from {}", grouped(total), grouped(of(bucket)), moment(*at));
            let chart = strip(class, series, of, &format!("{title}: {words}"));
            let _ = writeln!(
                self.out,
                "<figure><figcaption><strong>{title}</strong>: {words}</figcaption>{chart}\
                 <div class=\"ends\"><span>{}</span><span>{}</span></div></figure>",
                ends.0, ends.1
            );
        }
        self.out.push_str("</section>\n");
    }

    fn errors(&mut self) {
        let report = self.report;
        let Some(most) = report.errors.first().map(|fault| fault.count) else { return };
        self.section("Errors");
        self.table(
            "Handsets by what went wrong last",
            &[("Code and meaning", ""), ("Handsets", "n"), ("Given up", "n"), ("Share", "n"), ("", "")],
        );
        for fault in report.errors.iter().take(MOST_SHOWN) {
            let meaning = fault.meaning.as_deref().map(|meaning| format!(" {}", markup(meaning))).unwrap_or_default();
            let _ = writeln!(
                self.out,
                "<tr><th scope=\"row\"><code>{}</code>{meaning}</th>{}{}{}<td class=\"wide\">{}</td></tr>",
                markup(&fault.code),
                number("handsets", fault.count),
                number("given up", fault.given_up),
                cell("share", &percent(fault.count, report.total)),
                bar("failed", fault.count, most)
            );
        }
        self.end();
        self.more(report.errors.len());
        self.out.push_str("</section>\n");
    }

    fn stages(&mut self) {
        let report = self.report;
        if report.stages.len() < 2 {
            return;
        }
        self.section("Stages");
        self.table("Stages with their approvals", &[GROUP, &[("Began", ""), ("Approved", ""), ("Note", "")]].concat());
        for stage in &report.stages {
            let time = |time: Option<Timestamp>| time.map(moment).unwrap_or_default();
            let cells = [
                text("began", &time(stage.started_at)),
                text("approved", &time(stage.approved_at)),
                text("note", &stage.note.as_deref().map(markup).unwrap_or_default()),
            ];
            let row = group(&stage.handsets);
            let _ = writeln!(self.out, "<tr>{row}{}</tr>", cells.concat());
        }
        self.end();
        self.out.push_str("</section>\n");
    }

    fn groups(&mut self, title: &str, kind: &str, groups: &[Group]) {
        if groups.is_empty() {
            return;
        }
        self.section(title);
        let columns = [&[(kind, "")], &GROUP[1..]].concat();
        self.table(&format!("Handsets by {}", kind.to_ascii_lowercase()), &columns);
        for one in groups.iter().take(MOST_SHOWN) {
            let _ = writeln!(self.out, "<tr>{}</tr>", group(one));
        }
        self.end();
        self.more(groups.len());
        self.out.push_str("</section>\n");
    }

    fn more(&mut self, count: usize) {
        if count > MOST_SHOWN {
            let more = count - MOST_SHOWN;
            let _ = writeln!(self.out, "<p class=\"dim\">{more} more are in the report as JSON.</p>");
        }
    }

    fn left_out(&mut self) {
        let report = self.report;
        if report.not_planned.is_empty()
            && report.unanswered + report.possibly_duplicated + report.unknown_receipts == 0
        {
            return;
        }
        self.section("To look at");
        if !report.not_planned.is_empty() {
            self.table("Rows of the last plan that were not taken", &[("Reason", ""), ("Rows", "n")]);
            for Count { name, count } in report.not_planned.iter().take(MOST_SHOWN) {
                let _ =
                    writeln!(self.out, "<tr><th scope=\"row\">{}</th>{}</tr>", markup(name), number("rows", *count));
            }
            self.end();
            self.more(report.not_planned.len());
        }
        if report.unanswered > 0 {
            let count = figure(report.unanswered);
            let _ = writeln!(
                self.out,
                "<p>Of {count} handsets nobody knows whether the gateway took the message: no answer came, or a run ended \
                 before it was noted. They were not sent again so far.</p>"
            );
        }
        if report.possibly_duplicated > 0 {
            let numbers: Vec<String> =
                report.duplicates.iter().take(MOST_SHOWN).map(|number| format!("+{number}")).collect();
            let more = report.possibly_duplicated - numbers.len() as u64;
            let more = if more > 0 { format!(" and {} more", figure(more)) } else { String::new() };
            let _ = writeln!(
                self.out,
                "<p>{} handsets were sent again although nobody knew whether the gateway had taken the first message, and \
                 may have got it twice: {}{more}.</p>",
                figure(report.possibly_duplicated),
                numbers.join(", ")
            );
        }
        if report.unknown_receipts > 0 {
            let count = figure(report.unknown_receipts);
            let _ = writeln!(self.out, "<p>{count} receipts of these routes name messages that nobody knows.</p>");
        }
        self.out.push_str("</section>\n");
    }

    fn words(&mut self) {
        self.out.push_str(
            "<p class=\"dim\">Arrived are handsets that are delivered or confirmed; underway those being handed over or \
             taken by the gateway; failed those that failed, expired or were cancelled; left those still to be sent. Times \
             are in UTC.</p>\n",
        );
    }
}

/// The columns of [`group`].
const GROUP: &[(&str, &str)] = &[
    ("Stage", ""),
    ("Handsets", "n"),
    ("SMS", "n"),
    ("Arrived", "n"),
    ("Underway", "n"),
    ("Failed", "n"),
    ("Left", "n"),
];

fn group(group: &Group) -> String {
    let of = |states: &[State]| states.iter().map(|state| group.count(*state)).sum::<u64>();
    [
        format!("<th scope=\"row\">{}</th>", markup(&group.name)),
        number("handsets", group.total),
        number("SMS", group.sms),
        number("arrived", of(&[State::Delivered, State::Confirmed])),
        number("underway", of(&[State::Submitting, State::Submitted])),
        number("failed", of(&[State::Failed, State::Expired, State::Cancelled])),
        number("left", of(&[State::Planned])),
    ]
    .concat()
}

/// The states in the order in which people want to see them.
const FROM_BEST: [State; 8] = [
    State::Confirmed,
    State::Delivered,
    State::Submitted,
    State::Submitting,
    State::Planned,
    State::Failed,
    State::Expired,
    State::Cancelled,
];

/// Returns what a state means, for people who do not know the word.
fn meaning(state: State) -> &'static str {
    match state {
        State::Planned => "still to be sent",
        State::Submitting => "being handed to the gateway, or not known after a crash",
        State::Submitted => "taken by the gateway",
        State::Delivered => "arrived, says the network",
        State::Confirmed => "in use: the client logged in",
        State::Failed => "refused, or all attempts used",
        State::Expired => "not sent, or not heard of, in time",
        State::Cancelled => "not sent: the campaign was cancelled",
    }
}

fn number(of: &str, count: u64) -> String {
    cell(of, &figure(count))
}

fn cell(of: &str, value: &str) -> String {
    format!("<td class=\"n\" data-of=\"{of}\">{value}</td>")
}

fn text(of: &str, value: &str) -> String {
    if value.is_empty() { "<td></td>".to_owned() } else { format!("<td class=\"t\" data-of=\"{of} \">{value}</td>") }
}

/// Returns a number in groups of digits that stay together.
fn figure(count: u64) -> String {
    grouped(count).replace(' ', "\u{202F}")
}

fn percent(count: u64, total: u64) -> String {
    let percent = share(count, total) * 100.0;
    match count {
        0 => "0\u{202F}%".to_owned(),
        _ if percent < 0.1 => "&lt;\u{202F}0.1\u{202F}%".to_owned(),
        // Nobody may take what is nearly all for all.
        _ if count < total && percent > 99.9 => "&gt;\u{202F}99.9\u{202F}%".to_owned(),
        _ => format!("{percent:.1}\u{202F}%"),
    }
}

/// Returns a time whose day is not broken.
fn whole_moment(time: Timestamp) -> String {
    let text = moment(time);
    let (day, minute) = text.split_once(' ').unwrap_or_default();
    format!("<span class=\"day\">{day}</span> {minute}")
}

/// Returns a time as people write it, in UTC, to the minute.
fn moment(time: Timestamp) -> String {
    rfc3339(time).get(..16).unwrap_or_default().replace('T', " ")
}
