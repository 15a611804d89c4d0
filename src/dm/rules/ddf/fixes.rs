//! Changes of the source that mend findings on descriptions.

use std::collections::BTreeMap;

use crate::diagnose::{Edit, Fix, Span};
use crate::document::Element;

/// The source of a description in XML, whose elements stand in it without a prefix.
#[derive(Clone, Copy)]
pub(super) struct Xml<'t>(&'t [u8]);

impl<'t> Xml<'t> {
    /// Returns the source if changes of it can be offered.
    pub(super) fn of(octets: &'t [u8], root: &Element<'_>) -> Option<Self> {
        let xml = Self(octets);
        (xml.slice(root.span.start as usize, root.span.start as usize + 9)? == "<MgmtTree").then_some(xml)
    }

    fn slice(self, start: usize, end: usize) -> Option<&'t str> {
        std::str::from_utf8(self.0.get(start..end)?).ok()
    }

    /// Returns the white space directly in front of `offset`.
    fn white_before(self, offset: usize) -> &'t str {
        let before = self.0.get(..offset).unwrap_or_default();
        let start = before.trim_ascii_end().len();
        self.slice(start, offset).unwrap_or_default()
    }

    /// Returns the text of an element as the source has it, where that is what a reader reads: no reference, no CDATA.
    pub(super) fn plain_text(self, element: &Element<'_>) -> Option<&'t str> {
        let raw = self.slice(element.content_span.start as usize, element.content_span.end as usize)?;
        (element.children.is_empty() && raw == element.text()).then_some(raw)
    }

    /// Moves children that stand too late in front of the first that ranks behind them. `rank` is the place of a child
    /// in the order; a child without one stays.
    pub(super) fn move_up(
        self,
        parent: &Element<'_>,
        rank: impl Fn(&Element<'_>) -> Option<usize>,
        is_moved: impl Fn(&Element<'_>) -> bool,
    ) -> Option<Fix> {
        let mut first_of_rank: BTreeMap<usize, usize> = BTreeMap::new();
        let mut insertions: BTreeMap<usize, String> = BTreeMap::new();
        let mut edits = Vec::new();
        for (i, child) in parent.children.iter().enumerate() {
            let Some(rank) = rank(child) else { continue };
            let Some(target) = first_of_rank.range(rank + 1..).map(|(_, first)| *first).min() else {
                first_of_rank.entry(rank).or_insert(i);
                continue;
            };
            if !is_moved(child) {
                continue;
            }
            let from = parent.children[i - 1].span.end as usize;
            let moved = self.slice(from, child.span.end as usize)?;
            edits.push(Edit::new(Span::new(from, child.span.end as usize), ""));
            match target.checked_sub(1) {
                Some(before) => {
                    insertions.entry(parent.children[before].span.end as usize).or_default().push_str(moved)
                }
                None => {
                    let rest = moved.trim_ascii_start();
                    let white = &moved[..moved.len() - rest.len()];
                    let place = insertions.entry(parent.children[0].span.start as usize).or_default();
                    place.push_str(rest);
                    place.push_str(white);
                }
            }
        }
        edits.extend(insertions.into_iter().map(|(at, text)| Edit::new(Span::new(at, at), text)));
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        (!edits.is_empty()).then(|| Fix::safe(edits))
    }

    /// Puts a new child behind the last that ranks before it, else in front of all.
    pub(super) fn insert(
        self,
        parent: &Element<'_>,
        text: &str,
        ranks_before: impl Fn(&Element<'_>) -> bool,
    ) -> Option<Fix> {
        let (at, text) = match parent.children.iter().rfind(|child| ranks_before(child)) {
            Some(before) => {
                (before.span.end as usize, format!("{}{text}", self.white_before(before.span.start as usize)))
            }
            None => {
                let start = parent.children.first()?.span.start as usize;
                (start, format!("{text}{}", self.white_before(start)))
            }
        };
        Some(Fix::safe(vec![Edit::new(Span::new(at, at), text)]))
    }

    /// Gives an element another name.
    pub(super) fn rename(self, element: &Element<'_>, name: &str) -> Option<Fix> {
        let (start, end) = (element.span.start as usize, element.span.end as usize);
        let whole = self.slice(start, end)?;
        let is_here = |at: usize| whole.get(at..)?.strip_prefix(element.name.as_ref()).map(|_| at);
        let edit = |at: usize| Edit::new(Span::new(start + at, start + at + element.name.len()), name);
        let mut edits = vec![edit(is_here(1)?)];
        if !whole.ends_with("/>") {
            edits.push(edit(is_here(whole.rfind("</")? + 2)?));
        }
        Some(Fix::safe(edits))
    }

    /// Takes white space off the ends of a text.
    pub(super) fn trim(self, element: &Element<'_>) -> Option<Fix> {
        let raw = self.plain_text(element)?;
        Some(Fix::safe(vec![Edit::new(element.content_span, raw.trim_ascii())]))
    }

    /// Takes an element out, with the white space in front of it.
    pub(super) fn remove(self, element: &Element<'_>) -> Fix {
        let start = element.span.start as usize;
        let white = self.white_before(start).len();
        Fix::safe(vec![Edit::new(Span::new(start - white, element.span.end as usize), "")])
    }
}

/// Puts `text` in the place of an element.
pub(super) fn replace(element: &Element<'_>, text: impl Into<String>) -> Fix {
    Fix::safe(vec![Edit::new(element.span, text)])
}

/// Says that the document may mean something else after a fix.
pub(super) fn unsafely(fix: Fix) -> Fix {
    Fix { is_safe: false, ..fix }
}
