//! Rendering for people: an excerpt with carets, or rows of hexadecimal octets with carets.
//!
//! ```text
//! error[CP008]: `TO-NAPID` names `gprs1`, which no `NAPDEF` defines
//!   ┌ a.xml:31:30
//!   │ 31 │   <parm name="TO-NAPID" value="gprs1"/>
//!   │    │                                ^^^^^
//!   │  4 │   <parm name="NAPID" value="gprs"/>
//!   │    │                             ---- defined here
//!   = at: APPLICATION[wA]/TO-NAPID    clause: Provisioning Content 1.1, "TO-NAPID"
//!   = help: write `gprs`, or add the access point
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Basis, Diagnostic, Form, Grade, Report, Severity, Source, Span};

/// Characters of a line that are shown before the place; what is further left is cut.
const LEFT: usize = 70;
/// Characters of a line that are shown from the place on.
const RIGHT: usize = 60;
/// Octets a row of hexadecimal.
const ROW: usize = 16;
/// Rows of hexadecimal that are shown of one place.
const ROWS: usize = 4;
/// Findings that say the same and are shown with their excerpts.
const SHOWN: usize = 3;
/// Places of others that say the same.
const PLACES: usize = 10;

/// Returns all findings of a report with their excerpts, an empty line after each.
pub fn render(source: &Source<'_>, report: &Report, color: bool) -> String {
    render_most(source, report, color, usize::MAX)
}

/// Returns the findings of a report as [`render`] does, but of many that say the same only the first: the last one shown
/// tells the lines of the others.
pub fn render_folded(source: &Source<'_>, report: &Report, color: bool) -> String {
    render_most(source, report, color, SHOWN)
}

fn render_most(source: &Source<'_>, report: &Report, color: bool, most: usize) -> String {
    let mut output = String::new();
    let mut alike: HashMap<(&str, &str), (Vec<&Diagnostic>, usize)> = HashMap::new();
    for diagnostic in report.diagnostics() {
        alike.entry((diagnostic.rule.code, &diagnostic.message)).or_default().0.push(diagnostic);
    }
    for diagnostic in report.diagnostics() {
        let (alike, seen) = alike.entry((diagnostic.rule.code, &diagnostic.message)).or_default();
        *seen += 1;
        // To say that there is one more takes as much room as to show it.
        let is_folded = alike.len() > most.saturating_add(2);
        if is_folded && *seen > most {
            continue;
        }
        output.push_str(&render_one(source, diagnostic, color));
        if is_folded && *seen == most {
            let mark = Paint { color, severity: diagnostic.severity }.frame("  =");
            let (count, places) = (alike.len() - most, places(source, &alike[most..]));
            let _ = writeln!(output, "{mark} {count} more like it: {places}; `--all` shows each");
        }
        output.push('\n');
    }
    if report.left_out() > 0 {
        let _ = writeln!(output, "{} more findings in {} are not shown\n", report.left_out(), printable(&source.name));
    }
    output
}

/// Returns where the first few of some findings are: `lines 4, 9, …`.
fn places(source: &Source<'_>, findings: &[&Diagnostic]) -> String {
    let at = |finding: &&Diagnostic| match source.form {
        Form::Text => source.position(finding.span.start).line.to_string(),
        Form::Binary => format!("0x{:04X}", finding.span.start),
    };
    let mut places: Vec<String> = findings.iter().map(at).collect();
    places.dedup();
    let are_all = places.len() <= PLACES;
    places.truncate(PLACES);
    let what = if source.form == Form::Text { "lines" } else { "octets" };
    format!("{what} {}{}", places.join(", "), if are_all { "" } else { ", …" })
}

/// Returns one finding with its excerpt.
pub fn render_one(source: &Source<'_>, diagnostic: &Diagnostic, color: bool) -> String {
    let paint = Paint { color, severity: diagnostic.severity };
    let head = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.rule.code);
    let mut output = format!("{}: {}\n", paint.loud(&head), printable(&diagnostic.message));
    let _ = writeln!(output, "{}", paint.frame(&format!("  ┌ {}", place(source, diagnostic.span))));
    match source.form {
        Form::Text => excerpts(&mut output, source, diagnostic, &paint),
        Form::Binary => hex_rows(&mut output, source, diagnostic, &paint),
    }
    let mark = paint.frame("  =");
    let at =
        if diagnostic.path.is_empty() { String::new() } else { format!("at: {}    ", printable(&diagnostic.path)) };
    // Of the other grades the severity says enough.
    let grade = diagnostic.grade.filter(|grade| matches!(grade, Grade::Refused | Grade::Tolerated));
    let grade = grade.map(|grade| format!("grade: {}    ", grade.as_str())).unwrap_or_default();
    let _ = writeln!(output, "{mark} {at}{grade}clause: {}", diagnostic.rule.clause);
    if let Some(words) = diagnostic.basis.and_then(basis_in_words) {
        let _ = writeln!(output, "{mark} basis: {words}");
    }
    let _ = writeln!(output, "{mark} help: {}", printable(diagnostic.way_out()));
    if diagnostic.is_fixable() && source.layer.is_none() {
        let _ = writeln!(output, "{mark} fix: `impskit check --fix` does this");
    }
    output
}

/// Returns all findings, one a line: `file:line:column: error[CODE] message`.
pub fn short(source: &Source<'_>, report: &Report) -> String {
    let mut output = String::new();
    for d in report.diagnostics() {
        let (place, severity) = (place(source, d.span), d.severity.as_str());
        let fixable = if d.is_fixable() && source.layer.is_none() { " (fixable)" } else { "" };
        let _ = writeln!(output, "{place}: {severity}[{}] {}{fixable}", d.rule.code, printable(&d.message));
    }
    output
}

/// Returns how many findings there are, in words: `1 error, 2 warnings`.
pub fn tally(errors: usize, warnings: usize, notes: usize) -> String {
    let words: Vec<_> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() { "no findings".to_owned() } else { words.join(", ") }
}

/// Returns text that cannot drive a terminal: line breaks and tabs become blanks, other control characters and marks that
/// reorder text U+FFFD.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{061C}' | '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ").replace(is_unsafe, "\u{FFFD}"))
}

fn basis_in_words(basis: Basis) -> Option<&'static str> {
    match basis {
        Basis::Stated => None,
        Basis::Template => Some("template (taken from the general form of application objects)"),
        Basis::Observed => Some("observed (seen in shipped handsets)"),
        Basis::Derived => Some("derived (by analogy; the standard's own words are not at hand)"),
    }
}

/// Returns where a span is: the file alone for the whole document, else with line and column, or octet.
fn place(source: &Source<'_>, span: Span) -> String {
    let mut name = printable(&source.name).into_owned();
    if let Some(layer) = &source.layer {
        let _ = write!(name, " ({})", printable(layer));
    }
    if is_whole(span) {
        return name;
    }
    match source.form {
        Form::Text => {
            let position = source.position(span.start);
            format!("{name}:{}:{}", position.line, position.column)
        }
        Form::Binary => format!("{name}:0x{:04X}", span.start),
    }
}

fn is_whole(span: Span) -> bool {
    span == Span::default()
}

fn excerpts(output: &mut String, source: &Source<'_>, diagnostic: &Diagnostic, paint: &Paint) {
    let own = (!is_whole(diagnostic.span)).then_some((diagnostic.span, "", '^'));
    let related = diagnostic.related.iter().map(|r| (r.span, r.message.as_str(), '-'));
    let places: Vec<_> = own.into_iter().chain(related).collect();
    let last = places.iter().map(|(span, ..)| source.position(span.start).line).max().unwrap_or(0);
    let width = last.to_string().len();
    for (span, message, mark) in places {
        let Some(excerpt) = Excerpt::new(source, span) else { continue };
        let gutter = paint.frame(&format!("  │ {:>width$} │", excerpt.line));
        let _ = writeln!(output, "{gutter} {}", excerpt.text);
        let gutter = paint.frame(&format!("  │ {:>width$} │", ""));
        let marks = std::iter::repeat_n(mark, excerpt.marked).collect::<String>();
        let label = format!("{marks} {}", printable(message));
        let label = if mark == '^' { paint.loud(label.trim_end()) } else { paint.frame(label.trim_end()) };
        let _ = writeln!(output, "{gutter} {}{label}", " ".repeat(excerpt.before));
    }
}

/// A line of a text source around a place.
struct Excerpt {
    line: usize,
    text: String,
    /// Characters before the place.
    before: usize,
    /// Characters of the place, at least one.
    marked: usize,
}

impl Excerpt {
    fn new(source: &Source<'_>, span: Span) -> Option<Self> {
        let line = source.position(span.start).line;
        let range = source.line_range(line)?;
        let start = (span.start as usize).clamp(range.start, range.end);
        let end = (span.end as usize).clamp(start, range.end);
        let show = |from: usize, to: usize| {
            let text = String::from_utf8_lossy(&source.shown(from..to)).replace('\t', "    ");
            printable(&text).into_owned()
        };
        // A character has at most four octets, so these windows hold enough of them.
        let before = show(start.saturating_sub(4 * LEFT + 4).max(range.start), start);
        let marked = show(start, end.min(start + 4 * RIGHT));
        let after = show(end, range.end.min(end + 4 * RIGHT));
        let cut = before.chars().count().saturating_sub(LEFT);
        let mut text: String = if cut > 0 { "…".to_owned() } else { String::new() };
        text.extend(before.chars().skip(cut));
        let before = text.chars().count();
        let shown: String = marked.chars().take(RIGHT).collect();
        text.push_str(&shown);
        let marked = shown.chars().count();
        let room = RIGHT.saturating_sub(marked);
        text.extend(after.chars().take(room));
        if after.chars().count() > room {
            text.push('…');
        }
        Some(Self { line, text: text.trim_end().to_owned(), before, marked: marked.max(1) })
    }
}

fn hex_rows(output: &mut String, source: &Source<'_>, diagnostic: &Diagnostic, paint: &Paint) {
    if !is_whole(diagnostic.span) {
        hex_place(output, source, diagnostic.span, paint, '^');
    }
    for related in &diagnostic.related {
        let _ = writeln!(output, "{} {}:", paint.frame("  │"), printable(&related.message));
        hex_place(output, source, related.span, paint, '-');
    }
}

fn hex_place(output: &mut String, source: &Source<'_>, span: Span, paint: &Paint, mark: char) {
    let bytes = &source.bytes;
    let start = (span.start as usize).min(bytes.len());
    let end = (span.end as usize).clamp(start, bytes.len()).max(start + 1);
    let gutter = paint.frame("  │");
    let first = start / ROW * ROW;
    for row in (first..end).step_by(ROW).take(ROWS) {
        let octets = source.shown(row.min(bytes.len())..(row + ROW).min(bytes.len()));
        let (mut hex, mut marks, mut text) = (String::new(), String::new(), String::new());
        for i in 0..ROW {
            let gap = if i == ROW / 2 { "  " } else { " " };
            let is_marked = (start..end).contains(&(row + i));
            let octet = octets.get(i).map_or("  ".to_owned(), |o| format!("{o:02X}"));
            let _ = write!(hex, "{gap}{octet}");
            let _ = write!(marks, "{gap}{0}{0}", if is_marked { mark } else { ' ' });
            text.extend(octets.get(i).map(|&o| if (0x20..0x7F).contains(&o) { o as char } else { '.' }));
        }
        let _ = writeln!(output, "{gutter} {row:04X} {hex}  {text}");
        let marks = marks.trim_end();
        let marks = if mark == '^' { paint.loud(marks) } else { paint.frame(marks) };
        let _ = writeln!(output, "{gutter}      {marks}");
    }
    if end > first + ROW * ROWS {
        let _ = writeln!(output, "{gutter} … up to {:04X}", end - 1);
    }
}

/// Colours, or none.
struct Paint {
    color: bool,
    severity: Severity,
}

impl Paint {
    /// Paints in the colour of the severity.
    fn loud(&self, text: &str) -> String {
        self.paint(
            text,
            match self.severity {
                Severity::Error => "1;31",
                Severity::Warning => "1;33",
                Severity::Note => "1;36",
            },
        )
    }

    /// Paints in the colour of frames.
    fn frame(&self, text: &str) -> String {
        self.paint(text, "34")
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Rule;

    fn at(source: &Source<'_>, needle: &str) -> Span {
        let text = std::str::from_utf8(&source.bytes).unwrap();
        let start = text.find(needle).unwrap();
        Span::new(start, start + needle.len())
    }

    #[test]
    fn shows_the_line_with_carets_and_related_places() {
        let source = Source::new("a.xml", "<a>\n\t<ä b=\"gprs1\"/>\n</a>".as_bytes());
        let diagnostic = Diagnostic::new(&Rule::TEST, at(&source, "gprs1"), "wrong")
            .at("a/b")
            .related(at(&source, "</a>"), "ends here");
        let expected = "\
error[XXX001]: wrong
  ┌ a.xml:2:8
  │ 2 │     <ä b=\"gprs1\"/>
  │   │           ^^^^^
  │ 3 │ </a>
  │   │ ---- ends here
  = at: a/b    clause: a clause
  = help: do this
";
        assert_eq!(render_one(&source, &diagnostic, false), expected);
    }

    #[test]
    fn many_that_say_the_same_are_folded() {
        let mut report = Report::new();
        let text = (0..20).map(|line| format!("line {line}\n")).collect::<String>();
        let source = Source::new("a", text.as_bytes());
        for line in 0..20_usize {
            let start = source.line_range(line + 1).unwrap().start;
            let message = if line == 4 { "other" } else { "same" };
            report.add(Diagnostic::new(&Rule::TEST, Span::new(start, start + 4), message));
        }
        let folded = render_folded(&source, &report, false);
        assert_eq!(folded.matches("┌").count(), 4, "{folded}");
        assert!(folded.contains("error[XXX001]: other"));
        let more =
            "  = help: do this\n  = 16 more like it: lines 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, …; `--all` shows each\n";
        assert!(folded.contains(more), "{folded}");
        assert_eq!(render(&source, &report, false).matches("┌").count(), 20);
        // Two more than are shown are no crowd.
        let mut five = Report::new();
        report.diagnostics().iter().take(6).for_each(|finding| five.add(finding.clone()));
        assert_eq!(render_folded(&source, &five, false), render(&source, &five, false));
    }

    #[test]
    fn shows_octets_in_rows() {
        let source = Source::new("a.wbxml", (0..20).collect::<Vec<u8>>());
        let diagnostic = Diagnostic::new(&Rule::TEST, Span::new(15, 17), "wrong");
        let expected = "\
error[XXX001]: wrong
  ┌ a.wbxml:0x000F
  │ 0000  00 01 02 03 04 05 06 07  08 09 0A 0B 0C 0D 0E 0F  ................
  │                                                     ^^
  │ 0010  10 11 12 13                                       ....
  │       ^^
  = clause: a clause
  = help: do this
";
        assert_eq!(render_one(&source, &diagnostic, false), expected);
    }

    #[test]
    fn cuts_long_lines_and_defuses_control_characters() {
        let line = format!("{}\u{1b}[2J here {}", "x".repeat(5000), "y".repeat(5000));
        let mut source = Source::new("a", line.as_bytes());
        source.form = Form::Text;
        let text = render_one(&source, &Diagnostic::new(&Rule::TEST, at(&source, "here"), "\u{1b}]0;"), false);
        assert!(!text.contains('\u{1b}'));
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(LEFT + RIGHT + 20), "{text}");
        let [line, marks] = [2, 3].map(|i| text.lines().nth(i).unwrap().chars().collect::<Vec<_>>());
        let caret = marks.iter().position(|&c| c == '^').unwrap();
        assert_eq!(line[caret..caret + 4].iter().collect::<String>(), "here");
    }

    #[test]
    fn never_panics_at_odd_places() {
        for bytes in [&b""[..], b"\n", b"\xEF\xBB\xBF<a>", b"\xFF\xFE", b"a\r\nb"] {
            let mut source = Source::new("a", bytes);
            for form in [Form::Text, Form::Binary] {
                source.form = form;
                for (start, end) in [(0, 1), (1, 1), (2, 9), (9, 3), (99, 100)] {
                    let diagnostic = Diagnostic::new(&Rule::TEST, Span::new(start, end), "x");
                    assert!(!render_one(&source, &diagnostic, true).is_empty());
                }
            }
        }
    }
}
