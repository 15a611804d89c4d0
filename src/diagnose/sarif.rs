//! Rendering as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code hosts and editors read.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::fingerprint::fingerprint;
use super::{Diagnostic, Excuse, Fix, Form, Report, Rule, Severity, Source, Span};

/// The schema of the format.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name of our fingerprints; a number more when they are made in another way.
const FINGERPRINT: &str = "impskitFinding/v1";

/// A log in the making: one run.
#[derive(Debug, Default)]
pub struct Log {
    /// The rules that are cited, in the order in which they first were.
    rules: Vec<&'static Rule>,
    results: Vec<Value>,
    notifications: Vec<Value>,
    /// How often each fingerprint was seen in each file.
    seen: HashMap<(String, String), usize>,
}

impl Log {
    /// Adds the findings on one source, those that are excused among them.
    pub fn add(&mut self, source: &Source<'_>, report: &Report) {
        for diagnostic in report.diagnostics() {
            let result = self.result(source, diagnostic);
            self.results.push(Value::Object(result));
        }
        for suppressed in report.suppressed() {
            let mut result = self.result(source, &suppressed.diagnostic);
            result.insert("suppressions".to_owned(), json!([suppression(&suppressed.by)]));
            self.results.push(Value::Object(result));
        }
        if report.left_out() > 0 {
            let text = format!("{} more findings in {} are not shown", report.left_out(), source.name);
            self.notifications.push(json!({
                "level": "warning",
                "message": { "text": text },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&source.name) } } }],
            }));
        }
    }

    /// Returns the whole as one JSON object.
    pub fn into_json(self) -> String {
        let rules: Vec<Value> = self.rules.iter().map(|rule| descriptor(rule)).collect();
        let mut invocation = json!({ "executionSuccessful": true });
        if !self.notifications.is_empty() {
            invocation["toolExecutionNotifications"] = Value::Array(self.notifications);
        }
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "impskit",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "shortDescription": { "text": env!("CARGO_PKG_DESCRIPTION") },
                    "rules": rules,
                } },
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "results": self.results,
            }],
        });
        log.to_string()
    }

    fn result(&mut self, source: &Source<'_>, diagnostic: &Diagnostic) -> Map<String, Value> {
        let file = uri(&source.name);
        let print = fingerprint(source, diagnostic);
        let count = self.seen.entry((file.clone(), print.clone())).and_modify(|count| *count += 1).or_insert(1);
        let mut result = Map::new();
        let mut put = |name: &str, value: Value| result.insert(name.to_owned(), value);
        put("partialFingerprints", json!({ FINGERPRINT: format!("{print}:{count}") }));
        put("ruleId", json!(diagnostic.rule.code));
        put("ruleIndex", json!(self.index_of(diagnostic.rule)));
        put("level", json!(level(diagnostic.severity)));
        let text = format!("{}\nhelp: {}", diagnostic.message, diagnostic.way_out());
        put("message", json!({ "text": text }));
        let mut place = location(source, diagnostic.span, &file);
        if !diagnostic.path.is_empty() {
            place["logicalLocations"] = json!([{ "fullyQualifiedName": diagnostic.path, "kind": "element" }]);
        }
        put("locations", json!([place]));
        let related = diagnostic.related.iter().zip(1..).map(|(related, id)| {
            let mut place = location(source, related.span, &file);
            place["id"] = json!(id);
            place["message"] = json!({ "text": related.message });
            place
        });
        let related: Vec<Value> = related.collect();
        if !related.is_empty() {
            put("relatedLocations", Value::Array(related));
        }
        if let Some(fix) = diagnostic.fix.as_ref().filter(|fix| source.layer.is_none() && !fix.edits.is_empty()) {
            put("fixes", json!([mending(source, fix, &file)]));
        }
        put("properties", properties(source, diagnostic));
        result
    }

    fn index_of(&mut self, rule: &'static Rule) -> usize {
        let known = self.rules.iter().position(|known| known.code == rule.code);
        known.unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        })
    }
}

/// Returns what is known of a rule.
fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": format!("{}. {}.", rule.summary, rule.help) },
        "help": {
            "text": format!("{}\nclause: {}", rule.help, rule.clause),
            "markdown": format!(
                "{}\n\nClause: {}\n\nWrong:\n\n{}\n\nRight:\n\n{}\n\n`impskit explain {}` says the same.",
                rule.help, rule.clause, fenced(rule.bad), fenced(rule.good), rule.code
            ),
        },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": [rule.code.trim_end_matches(|c: char| c.is_ascii_digit())],
            "clause": rule.clause,
        },
    })
}

/// Returns an example as a block of code, in a fence that is longer than any in it.
fn fenced(example: &str) -> String {
    let longest = example.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}", example.trim_end())
}

fn level(severity: Severity) -> &'static str {
    severity.as_str()
}

fn suppression(by: &Excuse) -> Value {
    match by {
        Excuse::Comment(reason) if reason.is_empty() => json!({ "kind": "inSource" }),
        Excuse::Comment(reason) => json!({ "kind": "inSource", "justification": reason }),
        Excuse::Baseline => json!({ "kind": "external", "justification": "in the baseline" }),
    }
}

fn location(source: &Source<'_>, span: Span, file: &str) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": file } });
    // Of what is wrapped in a file the octets are not those of the file.
    if source.layer.is_none() && span != Span::default() {
        place["region"] = region(source, span);
    }
    json!({ "physicalLocation": place })
}

fn region(source: &Source<'_>, span: Span) -> Value {
    let start = (span.start as usize).min(source.bytes.len());
    let end = (span.end as usize).clamp(start, source.bytes.len());
    let mut region = json!({ "byteOffset": start, "byteLength": end - start });
    if source.form == Form::Text {
        let position = |offset| source.position(Span::new(offset, offset).start);
        region["startLine"] = json!(position(start).line);
        region["startColumn"] = json!(position(start).column);
        region["endLine"] = json!(position(end).line);
        region["endColumn"] = json!(position(end).column);
    }
    region
}

fn mending(source: &Source<'_>, fix: &Fix, file: &str) -> Value {
    let replacements = fix.edits.iter().map(|edit| {
        json!({
            "deletedRegion": region(source, edit.span),
            "insertedContent": { "text": edit.text },
        })
    });
    let text = match fix.is_safe {
        true => "the document means the same afterwards",
        false => "look at it: the document may mean something else afterwards",
    };
    json!({
        "description": { "text": text },
        "artifactChanges": [{
            "artifactLocation": { "uri": file },
            "replacements": replacements.collect::<Vec<_>>(),
        }],
    })
}

fn properties(source: &Source<'_>, diagnostic: &Diagnostic) -> Value {
    let mut properties = json!({ "clause": diagnostic.rule.clause });
    if let Some(layer) = &source.layer {
        properties["layer"] = json!(layer);
        properties["offset"] = json!(diagnostic.span.start);
    }
    if let Some(basis) = diagnostic.basis {
        properties["basis"] = json!(basis.as_str());
    }
    if let Some(grade) = diagnostic.grade {
        properties["grade"] = json!(grade.as_str());
    }
    properties
}

/// Returns a path as a URI: relative where it is, with `/` between the parts and all else that is special in `%HH`.
fn uri(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let path = path.strip_prefix("./").unwrap_or(&path);
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for octet in path.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(octet)),
            _ => uri.push_str(&format!("%{octet:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Edit;

    fn run(log: Log) -> Value {
        let log: Value = serde_json::from_str(&log.into_json()).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().ends_with("/sarif-schema-2.1.0.json"));
        log["runs"][0].clone()
    }

    #[test]
    fn says_where_what_and_by_which_rule() {
        let source = Source::new("./a b.xml", "<ä>\n<b/>\n</ä>".as_bytes());
        let mut report = Report::new();
        let fix = Fix::safe(vec![Edit::new(Span::new(5, 9), "<c/>")]);
        let finding = Diagnostic::new(&Rule::TEST, Span::new(5, 9), "wrong").at("a/b");
        report.add(finding.clone().related(Span::new(1, 3), "this").fix(fix));
        report.add(finding.severity(Severity::Note));
        report.add(Diagnostic::new(&Rule::TEST, Span::default(), "known"));
        report.suppress(&Excuse::Comment("so it is".to_owned()), |d| d.message == "known");
        let mut log = Log::default();
        log.add(&source, &report);
        let run = run(log);
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        assert_eq!(run["tool"]["driver"]["name"], "impskit");
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!((&rule["id"], &rule["defaultConfiguration"]["level"]), (&json!("XXX001"), &json!("error")));
        assert_eq!(rule["help"]["text"], "do this\nclause: a clause");
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("Wrong:\n\n```\n-\n```\n"));
        let [first, second, third] = [0, 1, 2].map(|i| &run["results"][i]);
        assert_eq!(
            (&first["ruleId"], &first["ruleIndex"], &first["level"]),
            (&json!("XXX001"), &json!(0), &json!("error"))
        );
        assert_eq!(first["message"]["text"], "wrong\nhelp: do this");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.xml");
        let expected =
            json!({ "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5, "byteOffset": 5, "byteLength": 4 });
        assert_eq!(place["region"], expected);
        assert_eq!(first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "a/b");
        let related = &first["relatedLocations"][0];
        assert_eq!((&related["id"], &related["message"]["text"]), (&json!(1), &json!("this")));
        // `ä` is one column, not two.
        assert_eq!(related["physicalLocation"]["region"]["endColumn"], 3);
        let replacement = &first["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(
            (&replacement["deletedRegion"]["byteOffset"], &replacement["insertedContent"]["text"]),
            (&json!(5), &json!("<c/>"))
        );
        let print = |result: &Value| result["partialFingerprints"][FINGERPRINT].as_str().unwrap().to_owned();
        assert_eq!(print(first).strip_suffix(":1"), print(second).strip_suffix(":2"));
        assert_eq!(third["suppressions"], json!([{ "kind": "inSource", "justification": "so it is" }]));
        assert_eq!(third["locations"][0]["physicalLocation"].get("region"), None);
    }

    #[test]
    fn octets_have_no_lines_and_layers_no_places() {
        let mut report = Report::new();
        report.add(Diagnostic::new(&Rule::TEST, Span::new(2, 9), "x"));
        let mut source = Source::new("/a", &b"\x03\x0b\x6a\x00\x45"[..]);
        let mut log = Log::default();
        log.add(&source, &report);
        source.layer = Some("WSP push".to_owned());
        log.add(&source, &report);
        let run = run(log);
        let place = |i: usize| run["results"][i]["locations"][0]["physicalLocation"].clone();
        assert_eq!(place(0)["region"], json!({ "byteOffset": 2, "byteLength": 3 }));
        assert_eq!(place(0)["artifactLocation"]["uri"], "file:///a");
        assert_eq!(place(1).get("region"), None);
        assert_eq!(run["results"][1]["properties"]["layer"], "WSP push");
    }
}
