//! What a rehearsal came to, as text, JSON, JUnit XML and an HTML page with a sequence diagram a combination.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::{Combination, Outcome, Rehearsal, Step};

/// Returns the result for people: a line a step, and a last line with the verdict. What a later combination has in
/// common with the first is not said again.
pub fn text(rehearsals: &[Rehearsal]) -> String {
    let mut out = String::new();
    for rehearsal in rehearsals {
        let _ = writeln!(out, "{}", rehearsal.subject);
        let first = rehearsal.combinations.first().map_or(&[][..], |c| &c.steps);
        for (place, combination) in rehearsal.combinations.iter().enumerate() {
            let is_news = |step: &&Step| {
                let is_same =
                    |s: &Step| (s.number, s.outcome, &s.evidence) == (step.number, step.outcome, &step.evidence);
                place == 0 || !first.iter().any(is_same)
            };
            let _ = write!(out, "  CSP {}, {}", combination.version, combination.encoding);
            let told = combination.steps.iter().filter(is_news);
            let rest = combination.steps.len() - told.clone().count();
            let _ = match combination.steps.len() - rest {
                0 => writeln!(out, ": all {rest} steps as above"),
                _ if rest > 0 => writeln!(out, ": {rest} steps as above, and"),
                _ => writeln!(out),
            };
            for step in told {
                let (number, name, word) = (step.number, step.name, step.outcome.as_str());
                let _ = writeln!(out, "    {number:>2} {word:<7} {name}: {}", step.evidence);
            }
        }
    }
    let _ = writeln!(out, "{}", verdict(rehearsals));
    out
}

/// Returns the verdict in one line, for instance `15 steps × 4 combinations: all ok`.
pub fn verdict(rehearsals: &[Rehearsal]) -> String {
    let combinations = || rehearsals.iter().flat_map(|r| &r.combinations);
    let all_steps = || combinations().flat_map(|c| &c.steps);
    let count_of = |outcome| all_steps().filter(|step| step.outcome == outcome).count();
    let steps = combinations().map(|c| c.steps.len()).max().unwrap_or_default();
    let count = combinations().count();
    let what = format!("{steps} steps × {count} combination{}", if count == 1 { "" } else { "s" });
    match (count_of(Outcome::Failed), count_of(Outcome::Skipped)) {
        (0, 0) => format!("{what}: all ok"),
        (0, skipped) => format!("{what}: all ok but {skipped} skipped"),
        (1, _) => format!("{what}: 1 step failed"),
        (failed, _) => format!("{what}: {failed} steps failed"),
    }
}

/// Returns the result for programs, `impskit.rehearsal/1`.
pub fn json(rehearsals: &[Rehearsal]) -> Value {
    let combination = |c: &Combination| {
        let steps: Vec<Value> = c
            .steps
            .iter()
            .map(|s| {
                json!({
                    "number": s.number, "name": s.name, "outcome": s.outcome.as_str(),
                    "milliseconds": s.took.as_secs_f64() * 1e3, "evidence": s.evidence,
                })
            })
            .collect();
        let exchanges: Vec<Value> =
            c.exchanges.iter().map(|e| json!({"from": e.from, "to": e.to, "what": e.what})).collect();
        json!({"encoding": c.encoding, "version": c.version, "steps": steps, "exchanges": exchanges})
    };
    let rehearsals: Vec<Value> = rehearsals
        .iter()
        .map(|r| json!({"subject": r.subject, "combinations": r.combinations.iter().map(combination).collect::<Vec<_>>()}))
        .collect();
    json!({"schema": "impskit.rehearsal/1", "rehearsals": rehearsals})
}

/// Returns the result as JUnit XML: a suite a combination, a case a step.
pub fn junit(rehearsals: &[Rehearsal]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"impskit rehearse\">\n");
    for rehearsal in rehearsals {
        for c in &rehearsal.combinations {
            let failed = c.steps.iter().filter(|s| s.outcome == Outcome::Failed).count();
            let name = format!("{} CSP {} {}", rehearsal.subject, c.version, c.encoding);
            let name = escape(&name);
            let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", c.steps.len());
            for step in &c.steps {
                let seconds = step.took.as_secs_f64();
                let _ =
                    write!(out, "    <testcase name=\"{} {}\" time=\"{seconds:.6}\">", step.number, escape(step.name));
                let evidence = escape(step.evidence.as_str());
                match step.outcome {
                    Outcome::Failed => drop(write!(out, "<failure message=\"{evidence}\"/>")),
                    Outcome::Skipped => drop(write!(out, "<skipped message=\"{evidence}\"/>")),
                    Outcome::Ok => {}
                }
                out.push_str("</testcase>\n");
            }
            out.push_str("  </testsuite>\n");
        }
    }
    out.push_str("</testsuites>\n");
    out
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:1rem 0}\
caption{text-align:left;font-weight:600}\
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}\
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
td.evidence{overflow-wrap:anywhere}\
.ok{color:#1a7f37;font-weight:600}.failed{color:#c62828;font-weight:700}.skipped{color:#777}\
svg{max-width:100%;height:auto;background:#fff;border:1px solid #8884;border-radius:4px}\
nav a{margin-right:1rem}";

/// Returns a page that stands alone: no script, nothing from outside.
pub fn html(rehearsals: &[Rehearsal]) -> String {
    page(&verdict(rehearsals), "", rehearsals)
}

/// Returns a page with a verdict, something before the rehearsals, and these.
pub(super) fn page(verdict: &str, before: &str, rehearsals: &[Rehearsal]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Rehearsal</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Rehearsal</h1>\n<p>{}</p>\n{before}<nav>",
        escape(verdict)
    );
    let all = || rehearsals.iter().flat_map(|r| r.combinations.iter().map(move |c| (r, c)));
    for (i, (_, c)) in all().enumerate() {
        let word = if c.is_ok() { "ok" } else { "failed" };
        let (version, encoding) = (c.version, c.encoding);
        let _ = write!(out, "<a href=\"#c{i}\">CSP {version}, {encoding}: <span class=\"{word}\">{word}</span></a>");
    }
    out.push_str("</nav>\n");
    for (i, (rehearsal, combination)) in all().enumerate() {
        section(&mut out, i, rehearsal, combination);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn section(out: &mut String, i: usize, rehearsal: &Rehearsal, c: &Combination) {
    let _ = write!(
        out,
        "<section id=\"c{i}\">\n<h2>CSP {}, {}</h2>\n<table>\n<caption>{}</caption>\n\
         <thead><tr><th>Step</th><th>What</th><th>Outcome</th><th>Time</th><th>Evidence</th></tr></thead>\n<tbody>\n",
        c.version,
        c.encoding,
        escape(&rehearsal.subject)
    );
    for step in &c.steps {
        let word = step.outcome.as_str();
        let _ = writeln!(
            out,
            "<tr><td class=\"number\">{}</td><td>{}</td><td class=\"{word}\">{word}</td>\
             <td class=\"number\">{:.1} ms</td><td class=\"evidence\">{}</td></tr>",
            step.number,
            escape(step.name),
            step.took.as_secs_f64() * 1e3,
            escape(step.evidence.as_str())
        );
    }
    out.push_str("</tbody>\n</table>\n");
    out.push_str(&sequence_diagram(c));
    out.push_str("</section>\n");
}

/// Returns an SVG picture: a life line a participant, an arrow an exchange, from top to bottom.
fn sequence_diagram(c: &Combination) -> String {
    const COLUMN: usize = 230;
    const ROW: usize = 26;
    const TOP: usize = 56;
    let mut names: Vec<&str> = Vec::new();
    for exchange in &c.exchanges {
        for name in [exchange.from, exchange.to] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let x = |name: &str| names.iter().position(|n| *n == name).unwrap_or_default() * COLUMN + COLUMN / 2;
    let (width, height) = (names.len().max(1) * COLUMN, TOP + (c.exchanges.len() + 1) * ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Sequence of exchanges\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"#333\"/></marker></defs>\n"
    );
    for name in &names {
        let x = x(name);
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"24\" text-anchor=\"middle\" font-weight=\"600\" fill=\"#111\">{}</text>\
             <line x1=\"{x}\" y1=\"34\" x2=\"{x}\" y2=\"{}\" stroke=\"#bbb\"/>",
            escape(*name),
            height - 8
        );
    }
    for (i, exchange) in c.exchanges.iter().enumerate() {
        let (from, to, y) = (x(exchange.from), x(exchange.to), TOP + i * ROW + ROW / 2);
        let what: String = exchange.what.chars().take(60).collect();
        let label = escape(&what);
        if from == to {
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" fill=\"#333\">↺ {label}</text>", from + 6, y + 4);
            continue;
        }
        let _ = writeln!(
            svg,
            "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" stroke=\"#333\" marker-end=\"url(#tip)\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#333\">{label}</text>",
            from.midpoint(to),
            y - 4
        );
    }
    svg.push_str("</svg>\n");
    svg
}
