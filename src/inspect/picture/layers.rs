//! The layers of a blob as a page: side by side, each with its octets, in which the layer inside is marked. Who points at a
//! layer, or comes to it by keyboard, sees its octets in the layer around it.

use std::fmt::Write as _;

use super::markup::{fitted, markup};
use super::page::{STYLE, write_start};
use crate::diagnose::Span;
use crate::inspect::layers::{Layer, LayerKind, MacState, Peeled};

const OWN_STYLE: &str = include_str!("layers.css");

/// Layers of a page at the most; a message has six.
const MOST_LAYERS: usize = 120;
/// Octets of a layer that are shown.
const MOST_OCTETS: usize = 4096;
/// Octets of a row, so that a row fits into the narrowest screen.
const ROW: usize = 8;
/// Findings of a layer at the most.
const MOST_FINDINGS: usize = 20;
/// Characters of a line of facts.
const MOST_FACTS: usize = 500;
/// Colours, used in turn.
const TONES: usize = 6;

/// Returns a page with the layers of an input; `name` is what people call it.
pub fn layers_page(name: &str, peeled: &Peeled) -> String {
    let shown = &peeled.layers[..peeled.layers.len().min(MOST_LAYERS)];
    let style = format!("{STYLE}{OWN_STYLE}{}", rules(shown.len()));
    let mut out = String::new();
    write_start(&mut out, &format!("Layers of {name}"), &format!("Layers of {name}"), &style, "Skip to the layers");
    let _ = write!(
        out,
        "<p>{}</p>\n<p class=\"dim\">All octets are here, secrets among them: mind who gets this page.</p>\n",
        verdict(peeled)
    );
    out.push_str("</header>\n<main id=\"nodes\" class=\"layers\">\n");
    for (place, layer) in shown.iter().enumerate() {
        write_layer(&mut out, place, layer, &children(shown, place));
    }
    let more = peeled.layers.len() - shown.len();
    if more > 0 {
        let _ = writeln!(out, "<p class=\"note\">{more} layers more are not shown.</p>");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn verdict(peeled: &Peeled) -> &'static str {
    match (peeled.mac, peeled.is_good()) {
        (MacState::Wrong, _) => "The MAC is wrong.",
        (_, false) => "Something could not be read, or is wrong.",
        (MacState::Right, true) => "All layers were read, and the MAC is right.",
        (MacState::Unchecked, true) => "All layers were read; the MAC has not been checked.",
        (MacState::None, true) => "All layers were read; there is no MAC.",
    }
}

/// Returns what makes the octets of a layer stand out while somebody looks at the layer, and the other way round.
fn rules(count: usize) -> String {
    let mut rules = String::new();
    for place in 0..count {
        let _ = write!(
            rules,
            "main:has(#l{place}:hover) .c{place},main:has(#l{place}:focus-within) .c{place},main:has(#l{place}:target) .c{place},\
             .c{place}:hover{{background:var(--wash)}}\
             main:has(.c{place}:hover) #l{place}{{background:var(--wash)}}"
        );
    }
    rules
}

/// A layer inside another: its place in the list, and where its octets are.
struct Child<'l> {
    place: usize,
    pieces: &'l [Span],
}

/// All octets of a layer.
const WHOLE: &[Span] = &[Span { start: 0, end: u32::MAX }];

fn children(layers: &[Layer], parent: usize) -> Vec<Child<'_>> {
    let is_whole = layers[parent].kind == LayerKind::Transfer;
    let level = layers[parent].level;
    let inside = layers.iter().enumerate().skip(parent + 1).take_while(|(_, layer)| layer.level > level);
    let inside = inside.filter(|(_, layer)| layer.level == level + 1);
    inside.map(|(place, layer)| Child { place, pieces: if is_whole { WHOLE } else { pieces(layer) } }).collect()
}

fn pieces(layer: &Layer) -> &[Span] {
    if layer.pieces.is_empty() { std::slice::from_ref(&layer.span) } else { &layer.pieces }
}

fn write_layer(out: &mut String, place: usize, layer: &Layer, inside: &[Child<'_>]) {
    let _ = write!(
        out,
        "<section id=\"l{place}\" class=\"t{}\" tabindex=\"0\" aria-labelledby=\"n{place}\">\n\
         <h2 id=\"n{place}\"><a class=\"n\" href=\"#l{place}\">{}</a> {}</h2>\n<p>{}</p>\n",
        place % TONES,
        layer.level,
        markup(&layer.name),
        markup(&fitted(&layer.facts, MOST_FACTS))
    );
    let places: Vec<String> =
        pieces(layer).iter().take(8).map(|span| format!("{}..{}", span.start, span.end)).collect();
    if layer.level > 1 && layer.span.start < layer.span.end {
        let _ = writeln!(out, "<p class=\"dim\">octets {} of the layer around it</p>", places.join(", "));
    }
    write_findings(out, layer);
    let octets = &layer.shown[..layer.shown.len().min(MOST_OCTETS)];
    if !octets.is_empty() {
        let is_text = octets.iter().all(|octet| octet.is_ascii_graphic() || b" \t\r\n".contains(octet));
        let class = if is_text { "text" } else { "hex" };
        let _ = write!(out, "<pre class=\"{class}\" tabindex=\"0\" aria-label=\"octets\">");
        if is_text {
            write_text(out, octets, inside)
        } else {
            write_rows(out, octets, inside)
        }
        out.push_str("</pre>\n");
    }
    if layer.shown.len() > octets.len() {
        let _ = writeln!(out, "<p class=\"dim\">The first {MOST_OCTETS} octets are shown.</p>");
    }
    out.push_str("</section>\n");
}

fn write_findings(out: &mut String, layer: &Layer) {
    let findings = layer.report.diagnostics();
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"findings\">\n");
    for finding in findings.iter().take(MOST_FINDINGS) {
        let (code, severity) = (finding.rule.code, finding.severity.as_str());
        let (message, help) = (markup(&finding.message), markup(finding.way_out()));
        let _ = writeln!(
            out,
            "<li class=\"{severity}\"><b>{code} {severity}</b> {message}<br/><span class=\"dim\">{help}</span></li>"
        );
    }
    out.push_str("</ul>\n");
}

/// Returns the layer inside to which an octet belongs.
fn owner(inside: &[Child<'_>], at: usize) -> Option<usize> {
    let holds = |span: &Span| (span.start as usize..span.end as usize).contains(&at);
    inside.iter().find(|child| child.pieces.iter().any(holds)).map(|child| child.place)
}

/// Returns the runs of octets from `from` to `to` that belong together.
fn runs(inside: &[Child<'_>], from: usize, to: usize) -> Vec<(std::ops::Range<usize>, Option<usize>)> {
    let mut runs: Vec<(std::ops::Range<usize>, Option<usize>)> = Vec::new();
    for at in from..to {
        let owner = owner(inside, at);
        match runs.last_mut() {
            Some((range, own)) if *own == owner => range.end = at + 1,
            _ => runs.push((at..at + 1, owner)),
        }
    }
    runs
}

fn marked(out: &mut String, text: &str, owner: Option<usize>) {
    let _ = match owner {
        Some(place) => write!(out, "<mark class=\"c{place} t{}\">{text}</mark>", place % TONES),
        None => write!(out, "{text}"),
    };
}

fn write_text(out: &mut String, octets: &[u8], inside: &[Child<'_>]) {
    for (range, owner) in runs(inside, 0, octets.len()) {
        let text = String::from_utf8_lossy(&octets[range]);
        // Line ends stay; all else is made harmless.
        let lines: Vec<String> = text.split('\n').map(|line| markup(line.trim_end_matches('\r'))).collect();
        marked(out, &lines.join("\n"), owner);
    }
}

fn write_rows(out: &mut String, octets: &[u8], inside: &[Child<'_>]) {
    for start in (0..octets.len()).step_by(ROW) {
        let end = (start + ROW).min(octets.len());
        let _ = write!(out, "<i>{start:04x}</i> ");
        let runs = runs(inside, start, end);
        for (range, owner) in &runs {
            let digits: Vec<String> = octets[range.clone()].iter().map(|octet| format!("{octet:02x}")).collect();
            marked(out, &digits.join(" "), *owner);
            out.push(' ');
        }
        out.push_str(&"   ".repeat(ROW - (end - start)));
        for (range, owner) in &runs {
            let shown = |octet: &u8| if octet.is_ascii_graphic() { char::from(*octet) } else { '.' };
            let text: String = octets[range.clone()].iter().map(shown).collect();
            marked(out, &markup(&text), *owner);
        }
        out.push('\n');
    }
}
