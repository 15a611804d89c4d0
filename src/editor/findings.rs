//! Findings as editors show them, and the changes that mend them.

use std::collections::HashMap;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic as Shown, DiagnosticRelatedInformation,
    DiagnosticSeverity, Location, NumberOrString, Range as Place, TextEdit, WorkspaceEdit,
};

use super::document::{Document, Finding, Syntax};
use crate::diagnose::{Fix, Severity, text::printable};

/// Who says it.
const SOURCE: &str = "impskit";

/// The action that makes all safe changes at once.
pub(super) fn fix_all() -> CodeActionKind {
    CodeActionKind::from("source.fixAll.impskit")
}

/// Returns the findings on a document. Text that is no document of ours has none: other servers look at it.
pub(super) fn diagnostics(document: &Document) -> Vec<Shown> {
    let checked = document.checked();
    if checked.kind.is_none() && document.syntax() != Syntax::Xml {
        return Vec::new();
    }
    let mut shown: Vec<_> = checked.findings.iter().map(|finding| shown(document, finding)).collect();
    if checked.left_out > 0 {
        let message = format!("{} more findings are not shown", checked.left_out);
        let severity = Some(DiagnosticSeverity::INFORMATION);
        shown.push(Shown { message, severity, source: Some(SOURCE.to_owned()), ..Shown::default() });
    }
    shown
}

fn shown(document: &Document, finding: &Finding) -> Shown {
    let diagnostic = &finding.diagnostic;
    let layer = finding.layer.as_ref().map(|layer| format!(" (in {layer})")).unwrap_or_default();
    let message = format!("{}{layer}\nhelp: {}", diagnostic.message, diagnostic.way_out());
    let related = diagnostic.related.iter().map(|related| DiagnosticRelatedInformation {
        location: Location {
            uri: document.uri.clone(),
            range: document.text.place(document.text.first_line(related.span.range())),
        },
        message: printable(&related.message).into_owned(),
    });
    let related: Vec<_> = if finding.layer.is_none() { related.collect() } else { Vec::new() };
    let severity = match diagnostic.severity {
        // XML may be of anybody; that we do not know it is no fault of its author.
        _ if document.checked().kind.is_none() => DiagnosticSeverity::INFORMATION,
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    };
    Shown {
        range: document.text.place(finding.range.clone()),
        severity: Some(severity),
        code: Some(NumberOrString::String(diagnostic.rule.code.to_owned())),
        source: Some(SOURCE.to_owned()),
        message: message.lines().map(printable).collect::<Vec<_>>().join("\n"),
        related_information: (!related.is_empty()).then_some(related),
        ..Shown::default()
    }
}

/// Returns the changes that mend findings in a range: safe ones, those that change what the document says, named so, and
/// the one that makes all safe ones of the document. `only` says which kinds are wanted; all where it is absent.
pub(super) fn actions(document: &Document, place: Place, only: Option<&[CodeActionKind]>) -> Vec<CodeActionOrCommand> {
    let is_wanted = |kind: &CodeActionKind| {
        only.is_none_or(|only| only.iter().any(|wanted| is_within(kind.as_str(), wanted.as_str())))
    };
    let mut actions = Vec::new();
    if is_wanted(&CodeActionKind::QUICKFIX) {
        let range = document.text.range(place);
        let findings = document.checked().findings.iter().filter(|finding| finding.layer.is_none());
        let here = findings.filter(|f| f.range.start <= range.end && range.start <= f.range.end);
        actions.extend(here.filter_map(|finding| quick_fix(document, finding)));
    }
    if is_wanted(&fix_all())
        && let Some(edit) = document.mended().and_then(|mended| document.text.edit_to(mended))
    {
        actions.push(CodeAction {
            title: "Make all safe changes of impskit".to_owned(),
            kind: Some(fix_all()),
            edit: Some(edits(document, vec![edit])),
            ..CodeAction::default()
        });
    }
    actions.into_iter().map(Into::into).collect()
}

/// Returns whether a kind is the wanted one or below it: `source.fixAll` wants `source.fixAll.impskit`.
fn is_within(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted).is_some_and(|rest| wanted.is_empty() || rest.is_empty() || rest.starts_with('.'))
}

fn quick_fix(document: &Document, finding: &Finding) -> Option<CodeAction> {
    let diagnostic = &finding.diagnostic;
    let Fix { is_safe, edits: changes } = diagnostic.fix.as_ref()?;
    let changes = changes.iter().filter(|edit| document.text.as_str().get(edit.span.range()).is_some());
    let changes: Vec<_> = changes
        .map(|edit| TextEdit { range: document.text.place(edit.span.range()), new_text: edit.text.clone() })
        .collect();
    if changes.is_empty() {
        return None;
    }
    let code = diagnostic.rule.code;
    let warning = if *is_safe { "" } else { " (changes what the document says)" };
    Some(CodeAction {
        title: format!("{code}: {}{warning}", printable(diagnostic.way_out())),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![shown(document, finding)]),
        edit: Some(edits(document, changes)),
        is_preferred: is_safe.then_some(true),
        ..CodeAction::default()
    })
}

#[allow(clippy::mutable_key_type, reason = "the protocol's own type; nothing in it changes")]
fn edits(document: &Document, edits: Vec<TextEdit>) -> WorkspaceEdit {
    WorkspaceEdit::new(HashMap::from([(document.uri.clone(), edits)]))
}
