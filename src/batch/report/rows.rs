//! Every handset of a report, as a line of CSV or of JSON.
//!
//! Spreadsheets take cells that begin with `=`, `+`, `-`, `@`, a tab or a carriage return for formulas, and what a
//! gateway or a subscriber's row says may begin so. Such cells of text get an apostrophe in front, and so do those that
//! begin with an apostrophe: who takes one apostrophe off the front has the text as it was.

use serde::Serialize;

use crate::batch::store::{Handset, Timestamp};
use crate::batch::units::rfc3339;
use crate::provision::rows::quoted;

/// The columns of [`csv_row`].
const COLUMNS: &[&str] = &[
    "msisdn",
    "ref",
    "state",
    "since",
    "error",
    "reason",
    "attempts",
    "route",
    "gateway_ids",
    "first_submitted",
    "submitted",
    "delivered",
    "confirmed",
    "client",
    "sms",
    "model",
    "variant",
    "possibly_duplicated",
    "line",
];

/// Returns the first line of a report in CSV (RFC 4180), with its line end.
pub fn csv_header() -> String {
    format!("{}\r\n", COLUMNS.join(","))
}

/// Appends a handset as a line of CSV to `line`.
pub fn csv_row(handset: &Handset, line: &mut String) {
    let h = handset;
    let cells = [
        h.msisdn.to_string(),
        text(h.reference.as_deref()),
        h.state.to_string(),
        time(h.since),
        text(h.error.as_deref()),
        text(h.reason()),
        h.attempts.to_string(),
        text(Some(&h.route)),
        text(Some(&h.gateway_ids.join(" "))),
        time(h.first_submitted),
        time(h.submitted),
        time(h.delivered),
        time(h.confirmed),
        text(h.client.as_deref()),
        h.sms.to_string(),
        text(h.model.as_deref()),
        text(Some(&h.variant)),
        if h.is_possibly_duplicated { "yes" } else { "" }.to_owned(),
        h.line.to_string(),
    ];
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        line.push_str(cell);
    }
    line.push_str("\r\n");
}

/// Returns a handset as a line of JSON without its line end; fields without a value are left out.
pub fn json_row(handset: &Handset) -> String {
    #[derive(Serialize)]
    struct Line<'l> {
        msisdn: String,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'l str>,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'l str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'l str>,
        attempts: u32,
        route: &'l str,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        gateway_ids: &'l [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        first_submitted: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        submitted: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        delivered: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmed: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<&'l str>,
        sms: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<&'l str>,
        variant: &'l str,
        possibly_duplicated: bool,
        line: u64,
    }
    let h = handset;
    let line = Line {
        msisdn: h.msisdn.to_string(),
        reference: h.reference.as_deref(),
        state: h.state.as_str(),
        since: h.since.map(rfc3339),
        error: h.error.as_deref(),
        reason: h.reason(),
        attempts: h.attempts,
        route: &h.route,
        gateway_ids: &h.gateway_ids,
        first_submitted: h.first_submitted.map(rfc3339),
        submitted: h.submitted.map(rfc3339),
        delivered: h.delivered.map(rfc3339),
        confirmed: h.confirmed.map(rfc3339),
        client: h.client.as_deref(),
        sms: h.sms,
        model: h.model.as_deref(),
        variant: &h.variant,
        possibly_duplicated: h.is_possibly_duplicated,
        line: h.line,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> String {
    time.map(rfc3339).unwrap_or_default()
}

/// Returns a cell of text: no formula, in quotes where RFC 4180 wants them.
fn text(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) { "'" } else { "" };
    quoted(&format!("{guard}{text}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas_and_can_be_read_back() {
        for (told, cell) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-7", "'-7"),
            ("+46", "'+46"),
            ("\tx", "'\tx"),
            ("'quoted", "''quoted"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("smpp:0x0B", "smpp:0x0B"),
            ("a,b", "\"a,b\""),
            ("", ""),
        ] {
            assert_eq!(text(Some(told)), cell);
        }
        // The other reader: the csv package.
        let hostile = Handset {
            error: Some("=cmd|' /C calc'!A0".into()),
            reference: Some("\r\n\"'".into()),
            ..Handset::default()
        };
        let mut table = csv_header();
        csv_row(&hostile, &mut table);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| row.get(COLUMNS.iter().position(|column| *column == name).unwrap()).unwrap();
        assert_eq!(cell("error").strip_prefix('\''), hostile.error.as_deref());
        assert_eq!(cell("ref").strip_prefix('\''), hostile.reference.as_deref());
    }
}
