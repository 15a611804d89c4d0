//! Rendering as workflow commands, which GitHub shows beside the lines of a change.
//!
//! `::error file=a.xml,line=3,col=5,endLine=3,endColumn=9,title=CP008 dangling-to-napid::message`

use std::fmt::Write as _;

use super::{Diagnostic, Form, Report, Severity, Source, Span};

/// Returns the findings on one source, a command each.
pub fn commands(source: &Source<'_>, report: &Report) -> String {
    let mut output = String::new();
    for diagnostic in report.diagnostics() {
        write_command(&mut output, source, diagnostic);
    }
    if report.left_out() > 0 {
        let message = format!("{} more findings in {} are not shown", report.left_out(), source.name);
        let _ = writeln!(output, "::notice file={}::{}", property(&source.name), data(&message));
    }
    output
}

fn write_command(output: &mut String, source: &Source<'_>, diagnostic: &Diagnostic) {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let _ = write!(output, "::{command} file={}", property(&source.name));
    if source.form == Form::Text && source.layer.is_none() && diagnostic.span != Span::default() {
        let (start, end) = (source.position(diagnostic.span.start), source.position(diagnostic.span.end));
        let _ = write!(output, ",line={},col={}", start.line, start.column);
        // A column of the end is of the same line only.
        let _ = match start.line == end.line {
            true => write!(output, ",endLine={},endColumn={}", end.line, end.column),
            false => write!(output, ",endLine={}", end.line),
        };
    }
    let title = format!("{} {}", diagnostic.rule.code, diagnostic.rule.name);
    let mut message = diagnostic.message.clone();
    if let Some(layer) = &source.layer {
        let _ = write!(message, " (in {layer}, octet {})", diagnostic.span.start);
    } else if source.form == Form::Binary {
        let _ = write!(message, " (octet {})", diagnostic.span.start);
    }
    let _ = write!(message, "\nhelp: {}", diagnostic.way_out());
    let _ = writeln!(output, ",title={}::{}", property(&title), data(&message));
}

/// Escapes what is behind the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Rule;

    #[test]
    fn escapes_what_would_end_a_command_or_a_property() {
        let source = Source::new("a,b:c%.xml", &b"<a>\n<b/>\n</a>"[..]);
        let mut report = Report::new();
        report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 8), "100 % wrong:\r\n::error::fooled, you"));
        report.add(Diagnostic::new(&Rule::TEST, Span::new(0, 13), "all").severity(Severity::Note));
        report.add(Diagnostic::new(&Rule::TEST, Span::default(), "whole").severity(Severity::Warning));
        // As the runner of GitHub Actions reads it (docs of workflow commands; toolkit, `command.ts`).
        let expected = "\
::error file=a%2Cb%3Ac%25.xml,line=2,col=1,endLine=2,endColumn=5,title=XXX001 test::\
100 %25 wrong:%0D%0A::error::fooled, you%0Ahelp: do this
::notice file=a%2Cb%3Ac%25.xml,line=1,col=1,endLine=3,title=XXX001 test::all%0Ahelp: do this
::warning file=a%2Cb%3Ac%25.xml,title=XXX001 test::whole%0Ahelp: do this
";
        assert_eq!(commands(&source, &report), expected);
    }

    #[test]
    fn octets_have_no_lines() {
        let mut report = Report::new();
        report.add(Diagnostic::new(&Rule::TEST, Span::new(2, 3), "x"));
        let command = commands(&Source::new("a", &b"\x03\x0b\x6a\x00\x45"[..]), &report);
        assert_eq!(command, "::error file=a,title=XXX001 test::x (octet 2)%0Ahelp: do this\n");
    }
}
