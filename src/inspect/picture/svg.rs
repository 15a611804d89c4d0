//! Trees and descriptions as SVG: a row a node, indented, with columns beside it and a legend above.
//!
//! The layout is ours and needs no font to be measured: all text is of characters of equal width, counted with a
//! little to spare. Colours only repeat what stands there in letters or in the style of a line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::fold::{self, Row, What};
use super::markup::{cells, fitted, markup};
use super::{Drawn, Graph, Said, one_line};
use crate::diagnose::Basis;
use crate::dm::{Command, Format, Occurrence};

const MARGIN: usize = 16;
/// Width of a cell of 13px text; the widest of the fonts asked for has 0.602 em.
const CELL: usize = 8;
const ROW: usize = 22;
const INDENT: usize = 20;
const PILL: usize = 40;
/// Between columns.
const GAP: usize = 20;
/// Cells of a name, of an access control list, and of what is said at the end of a row.
const WIDEST_NAME: usize = 48;
const WIDEST_ACL: usize = 40;
const WIDEST_WORDS: usize = 64;
/// Cells of a row of names at the most, unless the columns are wider.
const WIDEST_ALIKE: usize = 110;

const STYLE: &str = "\
text{font:13px ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace;fill:#1b1f24}\
.title{font:600 17px system-ui,'Segoe UI','DejaVu Sans',sans-serif}\
.head{font-size:11px;font-weight:700;fill:#57606a}.dim{fill:#57606a}.none{fill:#a0a8b1}.root{font-weight:700}\
.paper{fill:#fff}.band{fill:#f3f5f8}.way,.rule{fill:none;stroke:#8c959f}.word{font-size:11px;font-weight:700;fill:#fff}\
.given{font-weight:700}.sure{fill:none;stroke:#57606a;stroke-width:2}\
.template{stroke-dasharray:7 4}.observed{stroke-dasharray:9 3 2 3}.derived{stroke-dasharray:2 3}\
.node{fill:#495057}.chr{fill:#1864ab}.int{fill:#2b6e2f}.bool{fill:#862e9c}.bin,.b64{fill:#a61e4d}.xml{fill:#a9400c}\
.null{fill:#5f6b76}.date,.time{fill:#0b6e80}.float{fill:#4d6b09}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.head,.dim{fill:#9da7b3}.none{fill:#59636e}.paper{fill:#0d1117}\
.band{fill:#161b22}.way,.rule{stroke:#6e7681}.sure{stroke:#9da7b3}.word{fill:#fff}.node{fill:#6b747d}.chr{fill:#2f7fd0}\
.int{fill:#35883a}.bool{fill:#a24bb8}.bin,.b64{fill:#c23b68}.xml{fill:#c05621}.date,.time{fill:#128197}}";

/// Returns a picture of at most so many rows that stands alone: nothing from outside, no script.
pub fn svg(graph: &Graph, most: usize) -> String {
    let rows = fold::rows(graph, most);
    let columns = Columns::of(graph, &rows);
    let mut legend = String::new();
    let (width_of_legend, mut y) = draw_legend(&mut legend, graph, &rows);
    y += GAP / 2;
    let title = graph.full_title();
    let width = columns.width.max(width_of_legend).max(2 * MARGIN + cells(&title) * 10);
    let mut body = String::new();
    columns.draw_heads(&mut body, y + 14, width);
    y += ROW;
    draw_rows(&mut body, graph, &rows, &columns, (width, y));
    let height = y + rows.len() * ROW + MARGIN;
    let description = format!("{title}. {}", summary(graph, &rows));
    let (title, description) = (markup(&title), markup(&description));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"30\">{title}</text>\n{legend}{body}</svg>\n"
    )
}

fn summary(graph: &Graph, rows: &[Row]) -> String {
    let shown = rows.iter().filter(|row| matches!(row.what, What::Node { .. })).count();
    let all: usize = graph.roots().map(|root| graph.size(root)).sum();
    match all - shown {
        0 => "All nodes are drawn".to_owned(),
        folded => format!("{shown} of {all} nodes are drawn, {folded} are folded into their parents and siblings"),
    }
}

/// Where the columns start; a column that would be empty is left out.
struct Columns {
    access: Option<usize>,
    occurs: Option<usize>,
    scope: Option<usize>,
    basis: Option<usize>,
    acl: Option<usize>,
    words: usize,
    width: usize,
}

impl Columns {
    fn of(graph: &Graph, rows: &[Row]) -> Self {
        let nodes = || rows.iter().filter_map(|row| row.node()).map(|node| &graph.nodes[node]);
        let said = || nodes().filter_map(|node| node.described.as_ref());
        let is_described = said().next().is_some();
        let mut x = rows.iter().map(|row| end_of_name(graph, row)).max().unwrap_or_default().max(120);
        let mut column = |is_there: bool, width: usize| {
            is_there.then(|| {
                let start = x + GAP;
                x = start + width.max(6 * CELL);
                start
            })
        };
        let access = column(is_described, 6 * 11);
        let occurs = said().map(|said| cells(&said.occurrence.to_string())).max().unwrap_or_default();
        let occurs = column(is_described, occurs * CELL);
        let scope = column(is_described, 9 * CELL);
        let basis = column(nodes().any(|node| node.basis().is_some()), 36 + 8 * CELL);
        let acl = nodes().filter_map(|node| node.acl.as_deref()).map(cells).max();
        let acl = column(acl.is_some(), acl.unwrap_or_default().min(WIDEST_ACL) * CELL);
        let words = nodes().map(|node| cells(&words(graph, node)).min(WIDEST_WORDS)).max().unwrap_or_default();
        let words = column(true, words.max(14) * CELL).unwrap_or_default();
        let end_of_alike = |row: &Row| match &row.what {
            What::Alike(nodes) => {
                MARGIN + row.depth * INDENT + 4 + cells(&alike_in_words(graph, nodes)).min(WIDEST_ALIKE) * CELL
            }
            _ => 0,
        };
        let width = rows.iter().map(end_of_alike).max().unwrap_or_default().max(x) + MARGIN;
        Self { access, occurs, scope, basis, acl, words, width }
    }

    fn draw_heads(&self, out: &mut String, y: usize, width: usize) {
        let heads = [
            (Some(MARGIN), "NODE"),
            (self.access, "ACCESS"),
            (self.occurs, "OCCURS"),
            (self.scope, "SCOPE"),
            (self.basis, "CERTAINTY"),
            (self.acl, "ACL"),
            (Some(self.words), "VALUE AND MEANING"),
        ];
        for (x, head) in heads {
            let Some(x) = x else { continue };
            let _ = write!(out, "<text class=\"head\" x=\"{x}\" y=\"{y}\">{head}</text>");
        }
        let _ = writeln!(out, "<path class=\"rule\" d=\"M{MARGIN} {}H{}\"/>", y + 6, width - MARGIN);
    }
}

/// Returns the x at which the name of a row ends, with what stands behind it.
fn end_of_name(graph: &Graph, row: &Row) -> usize {
    let name = match &row.what {
        What::Node { node, .. } => cells(&fitted(&graph.label(*node), WIDEST_NAME)),
        // These reach below the other columns.
        What::Alike(_) | What::More(_) => 0,
    };
    let hidden = row.hidden().map_or(0, |hidden| 1 + cells(&hidden));
    start_of_name(row) + (name + hidden) * CELL
}

fn start_of_name(row: &Row) -> usize {
    MARGIN + row.depth * INDENT + PILL + 8
}

fn draw_rows(out: &mut String, graph: &Graph, rows: &[Row], columns: &Columns, (width, top): (usize, usize)) {
    // Of each row: the last of its children, to which its line goes down.
    let mut last_child: Vec<Option<usize>> = vec![None; rows.len()];
    for (i, row) in rows.iter().enumerate() {
        if let Some(parent) = row.parent {
            last_child[parent] = Some(i);
        }
    }
    for i in (1..rows.len()).step_by(2) {
        let _ = writeln!(out, "<rect class=\"band\" y=\"{}\" width=\"{width}\" height=\"{ROW}\"/>", top + i * ROW);
    }
    for (i, row) in rows.iter().enumerate() {
        let y = top + i * ROW;
        if let Some(last) = last_child[i] {
            let x = MARGIN + row.depth * INDENT + INDENT / 2;
            let _ = writeln!(out, "<path class=\"way\" d=\"M{x} {}V{}\"/>", y + ROW - 3, top + last * ROW + ROW / 2);
        }
        draw_row(out, graph, row, columns, y);
    }
}

fn draw_row(out: &mut String, graph: &Graph, row: &Row, columns: &Columns, y: usize) {
    let (left, middle, line) = (MARGIN + row.depth * INDENT, y + ROW / 2, y + 16);
    if row.parent.is_some() {
        let _ = write!(out, "<path class=\"way\" d=\"M{} {middle}h{}\"/>", left - INDENT / 2, INDENT / 2);
    }
    let x = start_of_name(row);
    let (folded, end) = (left + 4, columns.width - MARGIN);
    let node = match &row.what {
        What::Node { node, .. } => *node,
        What::Alike(nodes) => {
            let text = alike_in_words(graph, nodes);
            let text = markup(&fitted(&text, (end - folded) / CELL));
            let _ = writeln!(out, "<text class=\"dim\" x=\"{folded}\" y=\"{line}\">{text}</text>");
            return;
        }
        What::More(nodes) => {
            let _ = writeln!(out, "<text class=\"dim\" x=\"{folded}\" y=\"{line}\">… {nodes} more</text>");
            return;
        }
    };
    let drawn = &graph.nodes[node];
    let _ = write!(out, "<g><title>{}</title>", markup(&tooltip(graph, node)));
    draw_pill(out, left, y + 3, drawn.format);
    let name = graph.label(node);
    let name = fitted(&name, WIDEST_NAME);
    let class = if row.parent.is_none() { " class=\"root\"" } else { "" };
    let _ = write!(out, "<text{class} x=\"{x}\" y=\"{line}\">{}</text>", markup(&name));
    if let Some(hidden) = row.hidden() {
        let x = x + (cells(&name) + 1) * CELL;
        let _ = write!(out, "<text class=\"dim\" x=\"{x}\" y=\"{line}\">{hidden}</text>");
    }
    draw_said(out, drawn, columns, y);
    let text = |out: &mut String, x: usize, text: &str, most: usize| {
        let _ = write!(out, "<text x=\"{x}\" y=\"{line}\">{}</text>", markup(&fitted(text, most)));
    };
    if let (Some(x), Some(acl)) = (columns.acl, &drawn.acl) {
        text(out, x, acl, WIDEST_ACL);
    }
    let words = words(graph, drawn);
    if !words.is_empty() {
        text(out, columns.words, &words, WIDEST_WORDS);
    }
    out.push_str("</g>\n");
}

/// Returns the names of siblings that are drawn as one, as many as a row can have.
fn alike_in_words(graph: &Graph, nodes: &[usize]) -> String {
    let names: Vec<_> = nodes.iter().take(40).map(|&node| graph.nodes[node].name.as_str()).collect();
    format!("… {} more like it: {}", nodes.len(), names.join(", "))
}

/// Draws what a description says of a node.
fn draw_said(out: &mut String, node: &Drawn, columns: &Columns, y: usize) {
    let line = y + 16;
    let Some(Said { access, occurrence, basis, .. }) = &node.described else {
        if let Some(x) = columns.access {
            let _ = write!(out, "<text class=\"none\" x=\"{x}\" y=\"{line}\">not described</text>");
        }
        return;
    };
    if let Some(x) = columns.access {
        for (i, command) in Command::ALL.into_iter().enumerate() {
            let is_given = access.allows(command);
            let (class, letter) = if is_given { ("given", &command.as_str()[..1]) } else { ("none", "·") };
            let _ = write!(out, "<text class=\"{class}\" x=\"{}\" y=\"{line}\">{letter}</text>", x + 11 * i);
        }
    }
    if let Some(x) = columns.occurs {
        let _ = write!(out, "<text x=\"{x}\" y=\"{line}\">{occurrence}</text>");
    }
    if let (Some(x), Some(said)) = (columns.scope, &node.described) {
        let _ = write!(out, "<text x=\"{x}\" y=\"{line}\">{}</text>", said.scope());
    }
    if let (Some(x), Some(basis)) = (columns.basis, basis) {
        draw_basis(out, x, y, *basis);
    }
}

fn draw_basis(out: &mut String, x: usize, y: usize, basis: Basis) {
    let (word, middle) = (basis.as_str(), y + ROW / 2);
    let _ = write!(
        out,
        "<path class=\"sure {word}\" d=\"M{x} {middle}h28\"/><text x=\"{}\" y=\"{}\">{word}</text>",
        x + 36,
        y + 16
    );
}

fn draw_pill(out: &mut String, x: usize, y: usize, format: Format) {
    let _ = write!(
        out,
        "<rect class=\"{format}\" x=\"{x}\" y=\"{y}\" width=\"{PILL}\" height=\"16\" rx=\"4\"/>\
         <text class=\"word\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{format}</text>",
        x + PILL / 2,
        y + 12
    );
}

/// Returns what stands at the end of a row.
fn words(graph: &Graph, node: &Drawn) -> String {
    let mut words: Vec<String> = node.moi.iter().map(|moi| one_line(moi)).collect();
    let value = node.value.as_deref().map(one_line);
    words.extend(match value {
        Some(value) if graph.is_tree => Some(value),
        Some(value) => Some(format!("default {value}")),
        None if graph.is_tree && !node.is_interior() => Some("(no value)".to_owned()),
        None => None,
    });
    words.extend(node.types.iter().filter(|name| *name != "text/plain").map(|name| format!("({name})")));
    words.extend(node.title.as_deref().map(|title| format!("\"{}\"", one_line(title))));
    words.extend(node.text().filter(|_| !graph.is_tree).map(one_line));
    words.join(" · ")
}

/// Returns all that is said of a node, shown where a pointer rests on it.
fn tooltip(graph: &Graph, node: usize) -> String {
    const MOST: usize = 700;
    let drawn = &graph.nodes[node];
    let mut text = format!("{} ({})", graph.uri(node), drawn.format);
    if graph.is_tree {
        let (acl, is_own) = graph.acl(node);
        let _ = write!(text, "; ACL {acl} ({})", if is_own { "its own" } else { "inherited" });
    }
    let words = words(graph, drawn);
    if !words.is_empty() {
        let _ = write!(text, "; {words}");
    }
    fitted(&text, MOST).into_owned()
}

/// Draws the legend: only what occurs below. Returns the width and the y below it.
fn draw_legend(out: &mut String, graph: &Graph, rows: &[Row]) -> (usize, usize) {
    let nodes = || rows.iter().filter_map(|row| row.node()).map(|node| &graph.nodes[node]);
    let said = || nodes().filter_map(|node| node.described.as_ref());
    let mut legend = Legend { out, x: 0, y: 34, width: 0 };
    legend.start("FORMAT");
    for format in Format::ALL.into_iter().filter(|&format| nodes().any(|node| node.format == format)) {
        draw_pill(legend.out, legend.x, legend.y - 12, format);
        legend.x += PILL + 8;
        legend.say("dim", format_in_words(format));
    }
    if said().next().is_some() {
        legend.start("ACCESS");
        for command in Command::ALL {
            legend.say_of(&command.as_str()[..1], command.as_str());
        }
        legend.say_of("·", "not taken");
        legend.start("OCCURS");
        let signs: BTreeSet<_> = said().map(|said| occurrence_in_words(said.occurrence)).collect();
        for (sign, words) in signs {
            legend.say_of(sign, words);
        }
        legend.start("SCOPE");
        legend.say_of("permanent", "built in");
        legend.say_of("dynamic", "made and deleted while the device runs");
    }
    if nodes().any(|node| node.basis().is_some()) {
        legend.start("CERTAINTY");
        for basis in Basis::ALL {
            draw_basis(legend.out, legend.x, legend.y - 16, basis);
            legend.x += 36 + (basis.as_str().len() + 1) * CELL;
            legend.say("dim", basis_in_words(basis));
        }
    }
    if graph.is_tree && nodes().any(|node| node.acl.is_some()) {
        legend.start("ACL");
        legend.say("dim", "its own access control list; where none stands, that of the nearest node above holds");
    }
    if rows.iter().any(|row| !matches!(row.what, What::Node { hidden: 0, .. })) {
        legend.start("…");
        legend.say("dim", "nodes that are folded; `--path` and `--depth` look inside");
    }
    let _ = writeln!(legend.out);
    (legend.width, legend.y)
}

struct Legend<'o> {
    out: &'o mut String,
    x: usize,
    y: usize,
    width: usize,
}

impl Legend<'_> {
    fn start(&mut self, what: &str) {
        self.y += ROW;
        self.x = MARGIN + 88;
        let _ = write!(self.out, "\n<text class=\"head\" x=\"{MARGIN}\" y=\"{}\">{what}</text>", self.y);
    }

    fn say_of(&mut self, sign: &str, words: &str) {
        self.say("given", sign);
        self.x -= CELL;
        self.say("dim", words);
    }

    fn say(&mut self, class: &str, words: &str) {
        let (x, y) = (self.x, self.y);
        let _ = write!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", markup(words));
        self.x += (cells(words) + 2) * CELL;
        self.width = self.width.max(self.x);
    }
}

/// Returns the sign of an occurrence, without its number, and the words for it.
pub(super) fn occurrence_in_words(occurrence: Occurrence) -> (&'static str, &'static str) {
    match occurrence {
        Occurrence::One => ("1", "exactly one"),
        Occurrence::ZeroOrOne => ("0..1", "one or none"),
        Occurrence::ZeroOrMore => ("0..*", "any number"),
        Occurrence::OneOrMore => ("1..*", "at least one"),
        Occurrence::ZeroOrN(_) => ("0..N", "N at the most"),
        Occurrence::OneOrN(_) => ("1..N", "one to N"),
    }
}

/// Returns where a reconstruction has a node from.
pub(super) fn basis_in_words(basis: Basis) -> &'static str {
    match basis {
        Basis::Stated => "a specification says it",
        Basis::Template => "as in all application objects",
        Basis::Observed => "shipped handsets do it",
        Basis::Derived => "by analogy",
    }
}

/// Returns what a format holds.
pub(super) fn format_in_words(format: Format) -> &'static str {
    match format {
        Format::B64 => "base64",
        Format::Bin => "octets",
        Format::Bool => "true or false",
        Format::Chr => "text",
        Format::Int => "whole number",
        Format::Node => "interior node",
        Format::Null => "no value",
        Format::Xml => "XML",
        Format::Date => "date",
        Format::Time => "time",
        Format::Float => "number",
    }
}
