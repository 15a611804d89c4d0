//! The canonical layout of a text, whatever kind of document it is.

use crate::catalogue;
use crate::codec::{self, Encoding, Limits};
use crate::diagnose::{Report, Severity};
use crate::document::Element;
use crate::error::{Error, Result};

/// Returns a document in canonical layout: XML with an element a line and children in the order of the standard, device
/// trees in JSON with a member a line. Comments, line ends and everything that is said stay. The layout of what is laid
/// out is itself.
///
/// # Errors
///
/// Says why a text has no layout: it is no document that we know, or cannot be read to its end.
pub fn format(octets: &[u8]) -> Result<String> {
    match codec::recognise(octets) {
        Some(Encoding::Wbxml) => return Err(no_layout("WBXML", "`impskit convert FILE --as xml` makes text of it")),
        Some(Encoding::Pts) => {
            return Err(no_layout("the plain text syntax", "it is written in one line, as clients do"));
        }
        Some(Encoding::Xml) | None => {}
    }
    let text = std::str::from_utf8(octets)
        .map_err(|_| Error::input("the text is not in UTF-8").help("save it as UTF-8, and say so in its first line"))?;
    if codec::recognise(octets) == Some(Encoding::Xml) {
        return format_xml(text);
    }
    match catalogue::recognise(octets, &Limits::default()).map(|kind| kind.id) {
        Some("tree-json") => format_json(text),
        Some("profile") => Err(no_layout("a profile", "TOML stays as its author laid it out")),
        Some("csv" | "table") => Err(no_layout("a table", "`impskit check` says what is wrong with it")),
        _ => Err(Error::input("this is no document of a known type").help("`impskit check` says more")),
    }
}

fn no_layout(what: &str, help: &str) -> Error {
    Error::input(format!("{what} has no layout")).help(help)
}

fn format_xml(text: &str) -> Result<String> {
    let has_returns = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let plain = text.replace("\r\n", "\n").replace('\r', "\n");
    let before = read(&plain)?;
    let formatted = codec::layout_xml(&plain, &before.root, before.vocabulary)
        .filter(|formatted| read(formatted).is_ok_and(|after| says_the_same(&before, &after)))
        .ok_or_else(|| Error::input("the document cannot be laid out without changing it"))?;
    Ok(if has_returns { formatted.replace('\n', "\r\n") } else { formatted })
}

fn read(text: &str) -> Result<codec::Document<'_>> {
    let mut report = Report::new();
    let document = catalogue::read(text.as_bytes(), &Limits::default(), &mut report);
    let faults = report.diagnostics().iter();
    if let Some(fault) = faults.filter(|d| d.severity == Severity::Error).find(|d| d.rule.code != "XML003") {
        let error = Error::input(fault.message.clone()).help("`impskit check` shows where: mend it first");
        return Err(error);
    }
    match document {
        Some(document) if !document.rest.is_empty() => {
            Err(Error::input("there are several documents in one file").help("write each into a file of its own"))
        }
        Some(document) if document.vocabulary.is_some() => Ok(document),
        _ => Err(Error::input("this is no document of a known type").help("`impskit check` says more")),
    }
}

/// Returns whether two documents have the same elements, whatever their order where that means nothing.
fn says_the_same(before: &codec::Document<'_>, after: &codec::Document<'_>) -> bool {
    let arranged = |document: &codec::Document<'_>| -> Element<'static> {
        let mut root = document.root.clone().into_owned();
        if let Some(vocabulary) = document.vocabulary {
            vocabulary.grammar.arrange(&mut root);
        }
        root
    };
    before.vocabulary == after.vocabulary && arranged(before).same_as(&arranged(after))
}

/// Lays out JSON: a member or an item a line, names and values as they are written.
fn format_json(text: &str) -> Result<String> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text.trim_start_matches('\u{FEFF}')) {
        return Err(Error::input(format!("no JSON: {error}")).help("`impskit check` says more"));
    }
    let has_returns = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let mut output = String::with_capacity(text.len() * 2);
    let mut depth: usize = 0;
    let (mut in_string, mut is_escaped) = (false, false);
    let line = |output: &mut String, depth: usize| {
        output.push('\n');
        output.extend(std::iter::repeat_n("  ", depth));
    };
    for character in text.trim_start_matches('\u{FEFF}').chars() {
        if in_string {
            output.push(character);
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        let is_empty = output.ends_with(['{', '[']);
        match character {
            ' ' | '\t' | '\n' | '\r' => continue,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !is_empty {
                    line(&mut output, depth);
                }
            }
            _ if is_empty => line(&mut output, depth),
            _ => {}
        }
        output.push(character);
        match character {
            '"' => in_string = true,
            '{' | '[' => depth += 1,
            ',' => line(&mut output, depth),
            ':' => output.push(' '),
            _ => {}
        }
    }
    output.push('\n');
    Ok(if has_returns { output.replace('\n', "\r\n") } else { output })
}
