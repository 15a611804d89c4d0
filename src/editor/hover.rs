//! What stands at a place: findings with their clauses, elements, nodes, parms, keys.

use std::fmt::Write as _;
use std::ops::Range;

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

use super::complete::{application_of, characteristic_of};
use super::document::{Document, Finding, Syntax};
use super::language::{View, in_words};
use super::outline::shown;
use super::profile;
use crate::cp::{self, Application, Declaration};
use crate::diagnose::text::printable;
use crate::document::shorten;

/// Returns what is known of a place: of the findings on it first, then of what stands there.
pub(super) fn at(document: &Document, offset: usize) -> Option<Hover> {
    let here = document.checked().findings.iter().filter(|finding| is_at(&finding.range, offset));
    let mut pages: Vec<_> = here.map(|finding| (finding.range.clone(), of_finding(finding))).collect();
    pages.extend(match document.syntax() {
        Syntax::Xml => of_element(&View::of(document), offset),
        Syntax::Toml => of_key(document.text.as_str(), offset),
        Syntax::Other => None,
    });
    let range = pages.iter().map(|(range, _)| range.clone()).min_by_key(ExactSizeIterator::len)?;
    let pages: Vec<_> = pages.into_iter().map(|(_, page)| page).collect();
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: pages.join("\n\n---\n\n") };
    Some(Hover { contents: HoverContents::Markup(contents), range: Some(document.text.place(range)) })
}

fn is_at(range: &Range<usize>, offset: usize) -> bool {
    range.start <= offset && offset <= range.end
}

fn of_finding(finding: &Finding) -> String {
    let diagnostic = &finding.diagnostic;
    let rule = diagnostic.rule;
    let mut page = format!("**{}** {} ({})\n\n", rule.code, rule.name, diagnostic.severity.as_str());
    let _ = writeln!(page, "{}\n", escaped(&diagnostic.message));
    if rule.summary != diagnostic.message {
        let _ = writeln!(page, "Rule: {}\n", escaped(rule.summary));
    }
    let _ = writeln!(page, "Clause: {}\n", escaped(rule.clause));
    if let Some(basis) = diagnostic.basis {
        let _ = writeln!(page, "Basis: {}\n", basis.as_str());
    }
    if let Some(grade) = diagnostic.grade {
        let _ = writeln!(page, "Grade: {}\n", grade.as_str());
    }
    let _ = write!(page, "Help: {}", escaped(diagnostic.way_out()));
    page
}

/// Returns a text in which nothing but backticks means anything to Markdown.
fn escaped(text: &str) -> String {
    let mut is_code = false;
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        is_code ^= c == '`';
        if !is_code && matches!(c, '\\' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|' | '&') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Returns a text as code in a line.
fn code(text: &str) -> String {
    format!("`{}`", printable(text).replace('`', "'"))
}

fn of_element(view: &View<'_>, offset: usize) -> Option<(Range<usize>, String)> {
    let node = view.markup.around(offset)?;
    let place = &view.markup.nodes[node];
    if place.inner.start <= offset && offset <= place.inner.end && !place.inner.is_empty() {
        if view.name(node) != "NodeName" {
            return None;
        }
        return Some((place.inner.clone(), of_node(view, place.parent?)));
    }
    let page = match view.name(node) {
        "parm" => of_parm(view, node)?,
        "characteristic" => of_characteristic(view, node)?,
        name => {
            let declared = view.declared(&view.markup.path(node))?;
            let mut page = format!("**{name}** ({})\n\n", declared.language);
            match declared.declaration {
                Some(declaration) => drop(write!(page, "Holds {}", in_words(declaration))),
                None => page.push_str("Not an element of this language here"),
            }
            page
        }
    };
    Some((place.tag.name.clone(), page))
}

/// Says what a node of a description or of a tree is: its address, and its properties as they are written.
fn of_node(view: &View<'_>, node: usize) -> String {
    let mut names = Vec::new();
    let mut path = None;
    for ancestor in view.markup.path(node) {
        if view.name(ancestor) == "Node" {
            path = path.or_else(|| view.child_text(ancestor, "Path"));
            let name = view.child_text(ancestor, "NodeName").filter(|name| !name.is_empty());
            names.push(name.unwrap_or_else(|| "<X>".to_owned()));
        }
    }
    let path = path.map(|path| path.trim_end_matches('/').to_owned()).filter(|path| !path.is_empty());
    let is_root = names.first().is_some_and(|name| name == ".");
    let above = if is_root { None } else { Some(path.unwrap_or_else(|| ".".to_owned())) };
    let uri: Vec<_> = above.into_iter().chain(names).collect();
    let mut page = format!("{}\n\n", code(&shorten_uri(&uri.join("/"))));
    if let Some(properties) = view.child(node, "DFProperties") {
        let words = |name: &str| {
            let element = view.child(properties, name)?;
            let words: Vec<_> = view.markup.children(Some(element)).map(|word| view.name(word)).collect();
            (!words.is_empty()).then(|| words.join(" "))
        };
        for (label, value) in [
            ("Format", words("DFFormat")),
            ("Access", words("AccessType")),
            ("Occurrence", words("Occurrence")),
            ("Scope", words("Scope")),
            ("Title", view.child_text(properties, "DFTitle")),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let _ = writeln!(page, "- {label}: {}", code(&shorten(&value)));
            }
        }
        if let Some(text) = view.child_text(properties, "Description").filter(|text| !text.is_empty()) {
            let _ = write!(page, "\n{}", escaped(&cut(&text)));
        }
    } else if let Some(properties) = view.child(node, "RTProperties") {
        if let Some(format) = view.choice(properties, "Format") {
            let _ = writeln!(page, "- Format: {}", code(format));
        }
        if let Some(acl) = view.child_text(properties, "ACL") {
            let _ = writeln!(page, "- ACL: {}", code(&shorten(&acl)));
        }
    }
    if let Some(value) = view.child_text(node, "Value") {
        let name = view.child_text(node, "NodeName").unwrap_or_default();
        let _ = writeln!(page, "- Value: {}", code(&shown(&name, &value)));
    }
    page
}

/// Returns the end of a long address: the names that matter most.
fn shorten_uri(uri: &str) -> String {
    const MOST: usize = 400;
    let from = uri.ceil_char_boundary(uri.len().saturating_sub(MOST));
    if from == 0 { uri.to_owned() } else { format!("…{}", &uri[from..]) }
}

fn cut(text: &str) -> String {
    const MOST: usize = 1000;
    let end = text.floor_char_boundary(MOST);
    if end == text.len() { text.to_owned() } else { format!("{}…", &text[..end]) }
}

fn of_parm(view: &View<'_>, node: usize) -> Option<String> {
    let name = view.attribute(node, "name")?;
    let types = characteristic_of(view, view.markup.nodes[node].parent?);
    let application = application_of(view, node);
    let registered = application.and_then(|application| application.registered(&types.join("/"), &name));
    let declaration = Declaration::of(types.last()?);
    let declared = registered.map(|parm| &parm.declaration).or_else(|| declaration?.parm(&name));
    let mut page = format!("**{}** of {}\n\n", escaped(&name.to_ascii_uppercase()), escaped(&types.join("/")));
    match declared {
        Some(parm) => drop(write!(page, "{}", escaped(&parm.to_string()))),
        None if declaration.is_some_and(Declaration::is_open) => page.push_str("Any parm may stand here"),
        None => page.push_str("Not declared here"),
    }
    if let (Some(parm), Some(application)) = (registered, application) {
        let ignored = if parm.status == cp::Status::Ignored { " (clients ignore it)" } else { "" };
        let _ = write!(page, "\n\n{}: {}{ignored}", code(application.appid), escaped(parm.meaning));
        let _ = write!(page, "\n\nBasis: {}", escaped(application.basis));
    }
    Some(page)
}

fn of_characteristic(view: &View<'_>, node: usize) -> Option<String> {
    let types = characteristic_of(view, node);
    let name = types.last()?;
    let mut page = format!("**{}**\n\n", escaped(&types.join("/")));
    let Some(declaration) = Declaration::of(name) else {
        page.push_str("Not a declared type: clients skip it");
        return Some(page);
    };
    let places = declaration.parents.iter().map(|parent| match *parent {
        "root" => "at the top of the document".to_owned(),
        "*" => "in several places".to_owned(),
        parent => format!("in {parent}"),
    });
    let _ = write!(page, "Stands {}", places.collect::<Vec<_>>().join(" or "));
    let parms: Vec<_> = declaration.parms.iter().filter(|parm| parm.name != "*").map(|parm| parm.name).collect();
    if !parms.is_empty() {
        let _ = write!(page, "; its parms are {}", parms.join(", "));
    }
    if let Some(Application { appid, description, basis, .. }) = application_of(view, node) {
        let _ = write!(page, "\n\n{}: {}; known here: {}", code(appid), escaped(description), escaped(basis));
    }
    Some(page)
}

/// Says what a key of a profile takes.
fn of_key(text: &str, offset: usize) -> Option<(Range<usize>, String)> {
    let line = profile::line_at(text, offset)?;
    let profile::What::Key(key, _) = line.what else { return None };
    let start = line.range.start + text[line.range.clone()].find(key)?;
    let range = start..start + key.len();
    if !is_at(&range, offset) {
        return None;
    }
    let name = key.rsplit('.').next().unwrap_or_default();
    let words = profile::keys_of(line.table, key)?.get(name)?;
    let table = if line.table.is_empty() { "the profile".to_owned() } else { code(line.table) };
    let mut page = format!("**{}** of {table}", escaped(key));
    if let Some(meaning) = profile::meaning(line.table, key) {
        let _ = write!(page, "\n\nIn the template: {}", escaped(meaning));
    }
    if !words.is_empty() {
        let _ = write!(page, "\n\nTakes {}", words.iter().map(|word| code(word)).collect::<Vec<_>>().join(", "));
    }
    Some((range, page))
}
