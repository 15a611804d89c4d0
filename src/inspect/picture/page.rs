//! Reference pages in HTML: one file that needs no network, and no script to be read.
//!
//! The script only searches and opens the contents. A policy in the page allows this script and this style, by their
//! hashes, and nothing else. The markup is well-formed XML, so that any XML reader checks it.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::markup::{fitted, markup};
use super::svg::{basis_in_words, format_in_words, occurrence_in_words};
use super::{Extension, Finding, Graph, Picture};
use crate::diagnose::{Basis, Grade, Severity};
use crate::dm::{Command, Format};
use crate::document::to_base64;

/// What pages look like.
pub(crate) const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What leads past the contents by keyboard.
const SKIP: &str = "Skip the contents";
/// Nodes of a page at the most; the largest known description has 3,300.
const MOST_NODES: usize = 10_000;
/// Children that a node links to at the most.
const MOST_CHILDREN: usize = 200;
/// Findings beside a node at the most.
const MOST_FINDINGS: usize = 20;
/// Characters of a value at the most.
const MOST_VALUE: usize = 2000;

/// Returns the reference page of a tree or a description: a section a node, with its address as the anchor.
pub fn page(graph: &Graph) -> String {
    let page = Page { graph, anchors: anchors(graph) };
    let mut out = String::new();
    page.write_head(&mut out);
    out.push_str("<div class=\"cols\">\n<nav class=\"toc\" aria-label=\"Contents\">\n<details open=\"open\"><summary>Contents</summary>\n");
    page.write_contents(&mut out, graph.roots().collect());
    out.push_str("</details>\n</nav>\n<main id=\"nodes\">\n");
    for node in 0..page.anchors.len() {
        page.write_section(&mut out, node);
    }
    let left_out = graph.nodes.len() - page.anchors.len();
    if left_out > 0 {
        let _ = writeln!(
            out,
            "<p class=\"note\">The page ends here: {left_out} nodes more are in the document. A page of a part shows them: \
             <code>--path URI</code>.</p>"
        );
    }
    let _ = write!(out, "</main>\n</div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

/// Returns a picture of lines as a page with one table.
pub fn table_page(picture: &Picture) -> String {
    let mut out = String::new();
    write_start(&mut out, &picture.title, &picture.title, STYLE, SKIP);
    out.push_str("</header>\n<main id=\"nodes\">\n<table>\n<thead><tr>");
    for column in picture.columns() {
        let _ = write!(out, "<th scope=\"col\">{}</th>", markup(&column));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (depth, cells) in picture.rows() {
        out.push_str("<tr>");
        for (i, cell) in cells.iter().enumerate() {
            let class = if i == 0 { format!(" class=\"d{}\"", depth.min(4)) } else { String::new() };
            let _ = write!(out, "<td{class}>{}</td>", markup(&fitted(cell, MOST_VALUE)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</main>\n</body>\n</html>\n");
    out
}

/// Writes all up to the first heading with its sentence; a header is open then.
pub(super) fn write_start(out: &mut String, title: &str, heading: &str, style: &str, skip: &str) {
    let hash = |text: &str| to_base64(&Sha256::digest(text.as_bytes()));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; \
         script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#nodes\">{skip}</a>\n<header>\n<h1>{}</h1>\n",
        hash(style),
        hash(SCRIPT),
        markup(title),
        markup(heading)
    );
}

/// Returns an anchor a node: its address with all escaped that an address on the web does not hold. Of nodes with one
/// address the later ones get a number.
fn anchors(graph: &Graph) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut anchors = Vec::new();
    for node in 0..graph.nodes.len().min(MOST_NODES) {
        let mut anchor = String::new();
        for octet in graph.uri(node).bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~/:@!$()*+,;=".contains(&octet) {
                anchor.push(octet.into());
            } else {
                let _ = write!(anchor, "%{octet:02X}");
            }
        }
        let numbered = (2..).map(|number| format!("{anchor}~{number}"));
        let free = std::iter::once(anchor.clone()).chain(numbered).find(|anchor| !taken.contains(anchor));
        taken.extend(free.clone());
        anchors.extend(free);
    }
    anchors
}

struct Page<'g> {
    graph: &'g Graph,
    /// Of the nodes that the page shows.
    anchors: Vec<String>,
}

impl Page<'_> {
    fn write_head(&self, out: &mut String) {
        let graph = self.graph;
        let what = if graph.is_tree { "device tree" } else { "device description" };
        let names: Vec<_> =
            graph.roots().map(|root| graph.nodes[root].moi.clone().unwrap_or_else(|| graph.uri(root))).collect();
        let more = if names.len() > 3 { ", …" } else { "" };
        let heading = match names[..names.len().min(3)].join(", ").as_str() {
            "." | "" => what.to_owned(),
            names => format!("{names}{more}"),
        };
        write_start(out, &format!("{heading}: {what}"), &heading, STYLE, SKIP);
        let _ = writeln!(out, "<p class=\"dim\">{}</p>", markup(&graph.title));
        if graph.is_reference {
            let subject =
                if graph.is_tree { "What is said of access, occurrence and meaning comes from" } else { "This is" };
            let _ = writeln!(
                out,
                "<p class=\"note\">{subject} the impskit reference, a reconstruction: not the text of the standard. Each \
                 node says what it rests on.</p>"
            );
        }
        self.write_summary(out);
        write_legend(out, graph);
        out.push_str(
            "<div class=\"tools\" role=\"search\">\n<label for=\"q\">Search</label>\n\
             <input id=\"q\" type=\"search\" placeholder=\"name, address or description\" autocomplete=\"off\"/>\n\
             <span class=\"hits\" id=\"hits\" role=\"status\"></span>\n\
             <button type=\"button\" id=\"open\">Open all</button>\n<button type=\"button\" id=\"close\">Close all</button>\n\
             <span class=\"keys\"><kbd>/</kbd> to search, <kbd>Enter</kbd> to the first, <kbd>Esc</kbd> to end</span>\n</div>\n</header>\n",
        );
    }

    /// Writes how many findings there are, and those that belong to no node.
    fn write_summary(&self, out: &mut String) {
        let all = || self.graph.nodes.iter().flat_map(|node| &node.findings).chain(&self.graph.findings);
        if all().next().is_none() {
            return;
        }
        let count = |what: &str, number: usize| (number > 0).then(|| format!("{number} {what}"));
        let grades = Grade::ALL.into_iter().filter_map(|grade| {
            count(grade.as_str(), all().filter(|finding| finding.diagnostic.grade == Some(grade)).count())
        });
        let severities = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(|severity| {
            let is_such = |f: &&Finding| f.diagnostic.grade.is_none() && f.diagnostic.severity == severity;
            count(&format!("{} without a grade", severity.as_str()), all().filter(is_such).count())
        });
        let words: Vec<_> = grades.chain(severities).collect();
        let _ = writeln!(
            out,
            "<details>\n<summary>Findings of <code>impskit check</code>: {}</summary>\n<ul class=\"list\">",
            words.join(", ")
        );
        let shown = self.graph.nodes.iter().zip(&self.anchors).enumerate();
        let with_findings = shown.filter(|(_, (node, _))| !node.findings.is_empty());
        for (i, (node, anchor)) in with_findings.take(MOST_CHILDREN) {
            let codes: BTreeSet<_> = node.findings.iter().map(|finding| finding.diagnostic.rule.code).collect();
            let codes: Vec<_> = codes.into_iter().collect();
            let (uri, codes) = (markup(&self.graph.uri(i)), codes.join(", "));
            let _ = writeln!(out, "<li><a href=\"#{anchor}\">{uri}</a> {codes}</li>");
        }
        out.push_str("</ul>\n</details>\n");
        write_findings(out, &self.graph.findings);
    }

    /// Writes the contents, a level a list.
    fn write_contents(&self, out: &mut String, nodes: Vec<usize>) {
        out.push_str("<ul>\n");
        for node in nodes.into_iter().filter(|&node| node < self.anchors.len()) {
            let (anchor, label) = (&self.anchors[node], markup(&self.graph.label(node)));
            let below: Vec<_> = self.graph.children(node).collect();
            if below.is_empty() {
                let _ = writeln!(out, "<li><a href=\"#{anchor}\">{label}</a></li>");
                continue;
            }
            let (open, count) = (if node == 0 { " open=\"open\"" } else { "" }, self.graph.size(node) - 1);
            let _ = writeln!(
                out,
                "<li><details{open}><summary><a href=\"#{anchor}\">{label}</a> <span class=\"n\">{count}</span></summary>"
            );
            self.write_contents(out, below);
            out.push_str("</details></li>\n");
        }
        out.push_str("</ul>\n");
    }

    fn write_section(&self, out: &mut String, node: usize) {
        let (graph, drawn, anchor) = (self.graph, &self.graph.nodes[node], &self.anchors[node]);
        let _ = write!(out, "<section id=\"{anchor}\">\n<p class=\"uri\">");
        let line = graph.line_to(node);
        for &above in &line[..line.len() - 1] {
            let _ = write!(out, "<a href=\"#{}\">{}</a>/<wbr/>", self.anchors[above], markup(&graph.label(above)));
        }
        let (name, level) = (markup(&drawn.name), if drawn.parent.is_some() { 3 } else { 2 });
        let format = drawn.format;
        let _ = writeln!(
            out,
            "{}</p>\n<h{level}><span class=\"pill {format}\">{format}</span> {name}\
             <a class=\"self\" href=\"#{anchor}\" aria-label=\"Link to {name}\">#</a></h{level}>",
            markup(&graph.label(node))
        );
        for paragraph in drawn.text().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "<p class=\"text\">{}</p>", markup(paragraph));
        }
        self.write_properties(out, node);
        for extension in drawn.extensions.iter().filter(|extension| !extension.allowed.is_empty()) {
            write_allowed(out, extension);
        }
        write_findings(out, &drawn.findings);
        self.write_children(out, node);
        out.push_str("</section>\n");
    }

    fn write_properties(&self, out: &mut String, node: usize) {
        let (graph, drawn) = (self.graph, &self.graph.nodes[node]);
        let _ = write!(out, "<table>\n<caption>Properties</caption>\n<tbody>\n");
        let mut row = |name: &str, value: &str| {
            let _ = writeln!(out, "<tr><th scope=\"row\">{}</th><td>{value}</td></tr>", markup(name));
        };
        let code = |text: &str| match text {
            "" => "<span class=\"dim\">empty</span>".to_owned(),
            text => format!("<code>{}</code>", markup(&fitted(text, MOST_VALUE))),
        };
        row("Format", &format!("{}, {}", drawn.format, format_in_words(drawn.format)));
        match &drawn.described {
            Some(said) => {
                let words = said.access.words();
                row("Access", &if words.is_empty() { "none".to_owned() } else { words.join(", ") });
                let (_, words) = occurrence_in_words(said.occurrence);
                let most = said.occurrence.most().map(|most| most.to_string()).unwrap_or_default();
                row("Occurs", &format!("{}, {}", said.occurrence, words.replace('N', &most)));
                row("Scope", said.scope());
            }
            None => row("Access", "not described"),
        }
        if let Some(moi) = &drawn.moi {
            row("Identifier", &code(moi));
        }
        if !drawn.types.is_empty() {
            row("Type", &drawn.types.iter().map(|name| code(name)).collect::<Vec<_>>().join(", "));
        }
        match &drawn.value {
            Some(value) => row(if graph.is_tree { "Value" } else { "Default" }, &code(value)),
            None if graph.is_tree && !drawn.is_interior() => row("Value", "none"),
            None => {}
        }
        if let Some(title) = &drawn.title {
            row("Title", &markup(title));
        }
        if graph.is_tree {
            let (acl, is_own) = graph.acl(node);
            let origin = match (is_own, drawn.parent.is_none() && drawn.place.is_none()) {
                (true, _) => "",
                (false, true) => " <span class=\"dim\">as roots usually have it</span>",
                (false, false) => " <span class=\"dim\">inherited</span>",
            };
            row("ACL", &format!("{}{origin}", code(acl)));
        }
        if let Some(basis) = drawn.basis() {
            let word = basis.as_str();
            row("Certainty", &format!("<span class=\"sure {word}\">{word}</span>: {}", basis_in_words(basis)));
        }
        for extension in drawn.extensions.iter().filter(|extension| extension.allowed.is_empty()) {
            let value = if extension.value.is_empty() { "yes" } else { &extension.value };
            row(&extension.name, &markup(value));
        }
        out.push_str("</tbody>\n</table>\n");
    }

    fn write_children(&self, out: &mut String, node: usize) {
        let below: Vec<_> = self.graph.children(node).filter(|&child| child < self.anchors.len()).collect();
        let hidden = self.graph.nodes[node].below;
        if hidden > 0 {
            let _ = writeln!(out, "<p class=\"dim\">{hidden} nodes below are not on this page.</p>");
        }
        if below.is_empty() {
            return;
        }
        out.push_str("<p class=\"dim\">Below</p>\n<ul class=\"below\">\n");
        for &child in below.iter().take(MOST_CHILDREN) {
            let name = markup(&self.graph.nodes[child].name);
            let _ = writeln!(out, "<li><a href=\"#{}\">{name}</a></li>", self.anchors[child]);
        }
        if below.len() > MOST_CHILDREN {
            let _ = writeln!(out, "<li>… {} more</li>", below.len() - MOST_CHILDREN);
        }
        out.push_str("</ul>\n");
    }
}

/// Writes the values that a vendor allows.
fn write_allowed(out: &mut String, extension: &Extension) {
    let caption = markup(format!("{} {}", extension.name, extension.value).trim());
    let has_meanings = extension.allowed.iter().any(|allowed| !allowed.meaning.is_empty());
    let meaning = if has_meanings { "<th scope=\"col\">Meaning</th>" } else { "" };
    let _ = write!(
        out,
        "<table>\n<caption>{caption}</caption>\n<thead><tr><th scope=\"col\">Value</th>{meaning}</tr></thead>\n<tbody>\n"
    );
    for allowed in &extension.allowed {
        let meaning = if has_meanings { format!("<td>{}</td>", markup(&allowed.meaning)) } else { String::new() };
        let _ = writeln!(out, "<tr><td><code>{}</code></td>{meaning}</tr>", markup(&allowed.value));
    }
    out.push_str("</tbody>\n</table>\n");
}

fn write_findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"findings\">\n");
    for Finding { diagnostic, line } in findings.iter().take(MOST_FINDINGS) {
        let severity = diagnostic.severity.as_str();
        let grade = diagnostic.grade.map(|grade| format!(", {}", grade.as_str())).unwrap_or_default();
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        let (code, message) = (diagnostic.rule.code, with_code(&diagnostic.message));
        let help = with_code(diagnostic.way_out());
        let _ = writeln!(
            out,
            "<li class=\"{severity}\"><strong>{code}</strong> {severity}{grade}{line}: {message}<br/>\
             <span class=\"dim\">{help}</span></li>"
        );
    }
    if findings.len() > MOST_FINDINGS {
        let _ = writeln!(out, "<li>… {} more</li>", findings.len() - MOST_FINDINGS);
    }
    out.push_str("</ul>\n");
}

/// Returns text for HTML, with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let text = markup(text);
    if text.matches('`').count() % 2 == 1 {
        return text;
    }
    let code = |(i, piece): (usize, &str)| if i % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() };
    text.split('`').enumerate().map(code).collect()
}

fn write_legend(out: &mut String, graph: &Graph) {
    let nodes = || graph.nodes.iter();
    out.push_str("<details>\n<summary>How to read this page</summary>\n<table>\n<tbody>\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
    };
    let formats = Format::ALL.into_iter().filter(|&format| nodes().any(|node| node.format == format));
    let pill = |format| format!("<span class=\"pill {format}\">{format}</span> {}", format_in_words(format));
    row("Format", formats.map(pill).collect::<Vec<_>>().join(", "));
    let commands: Vec<_> = Command::ALL.into_iter().map(Command::as_str).collect();
    row("Access", format!("the commands that the node takes, of {}", commands.join(", ")));
    row(
        "Occurs",
        "how many there may be below one parent; <code>&lt;X&gt;</code> is a name given when the node is made"
            .to_owned(),
    );
    row("Scope", "permanent: built in; dynamic: made and deleted while the device runs".to_owned());
    if nodes().any(|node| node.basis().is_some()) {
        let words = Basis::ALL.map(|basis| {
            let word = basis.as_str();
            format!("<span class=\"sure {word}\">{word}</span>: {}", basis_in_words(basis))
        });
        row("Certainty", words.join("; "));
    }
    out.push_str("</tbody>\n</table>\n</details>\n");
}
