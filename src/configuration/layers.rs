//! Files and variables laid over each other: one table, in which the span of each value says where it stands.
//!
//! The texts of all layers are thought one behind the other; a span is a place in that long text. So what reads the
//! table need not know of layers, and still every error has its file and line.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf, absolute};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::schema::Node;
use crate::diagnose::{named, toml_error, toml_fault, toml_key, toml_place};
use crate::error::{Error, Result};

/// Where a layer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Variable(String),
}

/// A text with values.
#[derive(Debug)]
struct Layer {
    source: Source,
    text: String,
    /// Where its text begins in the long one.
    start: usize,
}

/// Files and variables, each over the next.
#[derive(Debug, Default)]
pub(super) struct Layers(Vec<Layer>);

impl Layers {
    /// Adds a layer under what is there.
    pub(super) fn add(&mut self, source: Source, text: String) {
        // One behind the last, so that no two are at one place, though they be empty.
        let start = self.0.last().map_or(0, |layer| layer.start + layer.text.len() + 1);
        self.0.push(Layer { source, text, start });
    }

    /// Lays them over each other.
    pub(super) fn merge(&self) -> Result<Merged<'_>> {
        let mut merged = DeTable::new();
        for layer in &self.0 {
            merge(&mut merged, layer.table()?, Node::root());
        }
        Ok(Merged { table: merged, layers: self })
    }

    /// Returns the files among them.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().filter_map(|layer| match &layer.source {
            Source::File(path) => Some(path.as_path()),
            Source::Variable(_) => None,
        })
    }
}

impl Layer {
    fn table(&self) -> Result<DeTable<'_>> {
        match &self.source {
            Source::File(path) => self.table_of_file(path),
            Source::Variable(name) => self.table_of_variable(name),
        }
    }

    fn table_of_file(&self, path: &Path) -> Result<DeTable<'_>> {
        let folder = absolute(path).ok().and_then(|path| Some(path.parent()?.to_owned())).unwrap_or_default();
        let table = DeTable::parse(&self.text).map_err(|error| {
            let error = toml_error(&error, &self.text);
            let place = error.at.as_ref().map_or(String::new(), |place| format!(":{place}"));
            error.at(format!("{}{place}", path.display()))
        })?;
        Ok(Home { start: self.start, folder: &folder }.table(table.into_inner(), Node::root()))
    }

    /// Returns the table that a variable makes: `IMPSKIT_CHECK__FAIL_ON` is `check.fail_on`. Its value is text where text
    /// is wanted, texts with commas between where a list of them is, and TOML otherwise.
    fn table_of_variable<'l>(&'l self, name: &str) -> Result<DeTable<'l>> {
        let path = name.strip_prefix("IMPSKIT_").unwrap_or(name).to_ascii_lowercase();
        let node = path.split("__").fold(Node::root(), |node, key| node.property(key));
        let text = self.text.as_str();
        let value = match node.kind() {
            // What nobody knows is refused later, whatever its value.
            Some("string") | None => DeValue::String(text.into()),
            Some("array") if !text.trim_start().starts_with('[') => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                DeValue::Array(items.map(|item| Spanned::new(0..0, DeValue::String(item.into()))).collect())
            }
            _ => DeValue::parse(text).map(Spanned::into_inner).map_err(|error| {
                let help = format!("write it as in a file, where it is `{} = …`", path.replace("__", "."));
                toml_fault(&error).at(variable(name)).help(help)
            })?,
        };
        let home = Home { start: self.start, folder: Path::new("") };
        let value = home.value(Spanned::new(0..0, value), node);
        let span = value.span();
        let wrap = |value: DeValue<'l>, word: &str| {
            let word = Spanned::new(span.clone(), Cow::Owned(word.to_owned()));
            DeValue::Table(DeTable::from_iter([(word, Spanned::new(span.clone(), value))]))
        };
        match path.rsplit("__").fold(value.into_inner(), wrap) {
            DeValue::Table(table) => Ok(table),
            _ => Ok(DeTable::new()),
        }
    }
}

/// The table that all layers make.
pub(super) struct Merged<'l> {
    table: DeTable<'l>,
    layers: &'l Layers,
}

impl<'l> Merged<'l> {
    /// Reads the table.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Deserializer::from(Spanned::new(0..0, self.table.clone()))).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let layer = self.layer(&span);
            let told =
                named(toml_fault(&error), layer.and_then(|layer| toml_key(&layer.text, span.start - layer.start)));
            match self.place(&span) {
                Some(place) => told.at(place),
                None => told,
            }
        })
    }

    /// Returns the value of a key with dots between its words.
    pub(super) fn value(&self, key: &str) -> Option<&Spanned<DeValue<'l>>> {
        let mut words = key.split('.');
        let first = self.table.get(words.next()?)?;
        words.try_fold(first, |value, word| value.get_ref().as_table()?.get(word))
    }

    /// Returns an error at the place of the key that it names, or of the nearest table around it.
    pub(super) fn at_place(&self, error: Error) -> Error {
        let key = error.at.clone().unwrap_or_default();
        let ends = key.match_indices('.').map(|(end, _)| end).chain([key.len()]).rev();
        let place = ends.map(|end| &key[..end]).find_map(|key| self.place(&self.value(key)?.span()));
        place.map_or(error.clone(), |place| error.at(place))
    }

    /// Returns where a span is: `FILE:LINE:COLUMN`, or the variable.
    pub(super) fn place(&self, span: &Range<usize>) -> Option<String> {
        let layer = self.layer(span)?;
        Some(match &layer.source {
            Source::File(path) => format!("{}:{}", path.display(), toml_place(&layer.text, span.start - layer.start)),
            Source::Variable(name) => variable(name),
        })
    }

    /// Returns where a value comes from.
    pub(super) fn source(&self, span: &Range<usize>) -> Option<&Source> {
        Some(&self.layer(span)?.source)
    }

    fn layer(&self, span: &Range<usize>) -> Option<&'l Layer> {
        self.layers.0.iter().rev().find(|layer| layer.start <= span.start)
    }
}

fn variable(name: &str) -> String {
    format!("environment variable `{name}`")
}

/// What the values of a layer start from: its place in the long text, its folder.
struct Home<'h> {
    start: usize,
    folder: &'h Path,
}

impl Home<'_> {
    fn table<'l>(&self, table: DeTable<'l>, node: Node) -> DeTable<'l> {
        let entries = table.into_iter().map(|(key, value)| {
            let value = self.value(value, node.property(key.get_ref()));
            (Spanned::new(self.span(key.span()), key.into_inner()), value)
        });
        entries.collect()
    }

    fn value<'l>(&self, value: Spanned<DeValue<'l>>, node: Node) -> Spanned<DeValue<'l>> {
        let span = self.span(value.span());
        let value = match value.into_inner() {
            DeValue::Table(table) => DeValue::Table(self.table(table, node)),
            DeValue::Array(array) => {
                let items = array.into_iter().enumerate();
                DeValue::Array(items.map(|(number, item)| self.value(item, node.item(number))).collect())
            }
            DeValue::String(text) => DeValue::String(self.text(text, node)),
            other => other,
        };
        Spanned::new(span, value)
    }

    /// Returns a text; the name of a file from the layer's folder.
    fn text<'l>(&self, text: Cow<'l, str>, node: Node) -> Cow<'l, str> {
        let (scheme, name) = match node.format() {
            Some("impskit-file") => ("", &*text),
            // A model, or a file.
            // One without is looked for where programs are.
            Some("impskit-program") if text.contains('/') => ("", &*text),
            Some("impskit-pack") if text.ends_with(".toml") => ("", &*text),
            Some("impskit-store") if text.starts_with("sqlite:") => text.split_at("sqlite:".len()),
            Some("impskit-store") if !text.contains(':') => ("", &*text),
            _ => return text,
        };
        // Components drop what is idle: `./a` is `a`.
        let path: PathBuf = self.folder.join(name).components().collect();
        Cow::Owned(format!("{scheme}{}", path.display()))
    }

    fn span(&self, span: Range<usize>) -> Range<usize> {
        self.start + span.start..self.start + span.end
    }
}

/// Adds what `under` has and `over` has not. Tables of the schema are laid over each other key by key; what is one value
/// to it, such as where a secret is kept, is one here.
fn merge<'l>(over: &mut DeTable<'l>, under: DeTable<'l>, node: Node) {
    for (key, value) in under {
        let of_key = node.property(key.get_ref());
        match over.get_mut(&key).map(Spanned::get_mut) {
            None => {
                over.insert(key, value);
            }
            Some(DeValue::Table(over)) if of_key.is_section() => {
                if let DeValue::Table(under) = value.into_inner() {
                    merge(over, under, of_key);
                }
            }
            Some(_) => {}
        }
    }
}
