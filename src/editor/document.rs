//! A document that an editor has open, with what was found out about it since it last changed.

use std::cell::OnceCell;
use std::ops::Range;

use lsp_types::{Range as Place, Uri};

use super::scan::Markup;
use super::text::Text;
use crate::catalogue::{Kind, Options};
use crate::codec::{self, Encoding};
use crate::diagnose::{Diagnostic, Report, fix};
use crate::inspect;

/// A document as the editor has it.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: Text,
    /// Whether the editor knows the findings.
    pub(super) is_told: bool,
    /// Whether the editor takes it for TOML.
    is_toml: bool,
    markup: OnceCell<Markup>,
    checked: OnceCell<Checked>,
    mended: OnceCell<Option<String>>,
}

/// What a check came to.
#[derive(Debug)]
pub(super) struct Checked {
    /// What it was taken for.
    pub(super) kind: Option<&'static Kind>,
    pub(super) findings: Vec<Finding>,
    /// How many findings were counted, not kept.
    pub(super) left_out: usize,
}

/// A finding, and where it is shown: at most to the end of its first line.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) diagnostic: Diagnostic,
    pub(super) range: Range<usize>,
    /// The layer within the text whose octets its spans count.
    pub(super) layer: Option<String>,
}

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Xml,
    Toml,
    Other,
}

impl Document {
    pub(super) fn new(uri: Uri, language: &str, version: i32, text: String) -> Self {
        let is_toml = language == "toml" || uri.path().as_str().ends_with(".toml");
        Self {
            uri,
            version,
            text: Text::new(text),
            is_told: false,
            is_toml,
            markup: OnceCell::new(),
            checked: OnceCell::new(),
            mended: OnceCell::new(),
        }
    }

    /// Puts a text in the place of a part, or of all.
    pub(super) fn change(&mut self, place: Option<Place>, text: String) {
        self.text = match place {
            Some(place) => self.text.with(place, &text),
            None => Text::new(text),
        };
        self.is_told = false;
        (self.markup, self.checked, self.mended) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
    }

    pub(super) fn syntax(&self) -> Syntax {
        match codec::recognise(self.text.as_str().as_bytes()) {
            Some(Encoding::Xml) => Syntax::Xml,
            None if self.is_toml => Syntax::Toml,
            None if self.checked().kind.is_some_and(|kind| kind.id == "profile") => Syntax::Toml,
            _ => Syntax::Other,
        }
    }

    pub(super) fn markup(&self) -> &Markup {
        self.markup.get_or_init(|| Markup::read(self.text.as_str()))
    }

    pub(super) fn checked(&self) -> &Checked {
        self.checked.get_or_init(|| {
            let judged = inspect::check(self.text.as_str().as_bytes(), self.name(), &Options::default());
            let kind = judged.layers.first().and_then(|layer| layer.kind);
            let (mut findings, mut left_out) = (Vec::new(), 0);
            for layer in judged.layers {
                left_out += layer.report.left_out();
                let name = layer.source.layer;
                findings.extend(layer.report.into_diagnostics().into_iter().map(|diagnostic| {
                    let span = if name.is_some() { 0..0 } else { diagnostic.span.range() };
                    Finding { range: self.shown(span), diagnostic, layer: name.clone() }
                }));
            }
            Checked { kind, findings, left_out }
        })
    }

    /// Returns the text with all safe changes that the findings offer, if there are any.
    pub(super) fn mended(&self) -> Option<&str> {
        let mend = || {
            if !self.checked().findings.iter().any(|f| f.layer.is_none() && f.diagnostic.is_fixable()) {
                return None;
            }
            let check = |text: &str| -> Report {
                let judged = inspect::check(text.as_bytes().to_vec(), self.name(), &Options::default());
                judged.layers.into_iter().next().map(|layer| layer.report).unwrap_or_default()
            };
            let mended = fix::mend(self.text.as_str(), check);
            (mended.applied > 0).then_some(mended.text)
        };
        self.mended.get_or_init(mend).as_deref()
    }

    /// Returns the name of the file, as people know it.
    fn name(&self) -> &str {
        self.uri.path().as_str().rsplit('/').next().unwrap_or_default()
    }

    /// Returns where a span is shown; one that means the whole document is its first line.
    fn shown(&self, span: Range<usize>) -> Range<usize> {
        let whole = 0..self.text.as_str().len();
        self.text.first_line(if span == (0..0) { whole } else { span })
    }
}
