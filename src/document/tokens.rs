//! Token tables: the numbers that WBXML writes for names, one row a line, one look-up each way.

use std::cmp::Reverse;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::grammar::Names;

/// Where a token is: its code page and its number without the content and attribute bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The code page.
    pub page: u8,
    /// The token.
    pub token: u8,
}

/// An attribute start token: a name and the beginning of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeStart {
    /// The attribute's name.
    pub name: &'static str,
    /// The text that the value starts with; may be empty.
    pub prefix: &'static str,
}

/// A map from places, in rows of 256 tokens a page: what is looked up for each token must not cost a hash.
#[derive(Debug)]
struct Pages<T> {
    rows: Vec<Option<T>>,
    /// The pages with a token.
    pages: [bool; 256],
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), pages: [false; 256] }
    }
}

impl<T: Copy> Pages<T> {
    fn index(place: Place) -> usize {
        usize::from(place.page) << 8 | usize::from(place.token)
    }

    fn get(&self, place: Place) -> Option<T> {
        self.rows.get(Self::index(place)).copied().flatten()
    }

    /// Sets what is at a place; with `keep`, only where nothing is.
    fn set(&mut self, place: Place, value: T, keep: bool) {
        let index = Self::index(place);
        if self.rows.len() <= index {
            self.rows.resize((index | 0xFF) + 1, None);
        }
        if !keep || self.rows[index].is_none() {
            self.rows[index] = Some(value);
        }
        self.pages[usize::from(place.page)] = true;
    }

    fn iter(&self) -> impl Iterator<Item = (Place, T)> {
        let place = |index: usize| Place { page: (index >> 8) as u8, token: (index & 0xFF) as u8 };
        self.rows.iter().enumerate().filter_map(move |(index, value)| value.map(|value| (place(index), value)))
    }

    fn has_page(&self, page: u8) -> bool {
        self.pages[usize::from(page)]
    }
}

/// The numbers of one vocabulary.
#[derive(Debug, Default)]
pub struct TokenTable {
    tags: Pages<&'static str>,
    tag_places: Names<Vec<Place>>,
    /// The places of tags that are only read where another place has the name.
    old_tag_places: Names<Vec<Place>>,
    attributes: Pages<AttributeStart>,
    /// Those with the longest prefix first, lower pages before others.
    attribute_rows: Vec<(AttributeStart, Place)>,
    values: Pages<&'static str>,
    value_rows: Vec<(&'static str, Place)>,
    extensions: HashMap<u32, Vec<&'static str>, RandomState>,
    extension_numbers: Names<u32>,
    /// The page of all tags where there is one, not the first. Some senders take it for page 0 and switch to none.
    only_page: Option<u8>,
}

impl TokenTable {
    /// Reads tables. Each has the columns kind, page, token, name, prefix; or page, token, name, all tags. Kinds are
    /// `tag`; `oldtag`, which is written only where no `tag` has the name; `attr`; `value`; `ext` (value tokens by
    /// EXT_T_0); and `attr-read`, `value-read`, `ext-read`, which are never written. An `attr` row may say `name=prefix` in one cell.
    ///
    /// # Panics
    ///
    /// Panics when a row is malformed; our tables are part of the program and a test reads them all.
    pub fn read(tables: &[&'static str]) -> Self {
        let mut table = Self::default();
        for rows in tables {
            for row in rows.lines().skip(1).filter(|row| !row.is_empty()) {
                table.add(row);
            }
        }
        table.attribute_rows.sort_by_key(|(start, place)| (Reverse(start.prefix.len()), *place));
        // Lower pages first.
        table.value_rows.sort_by_key(|(_, place)| *place);
        let mut pages = table.tags.iter().map(|(place, _)| place.page);
        let only_page = pages.next().filter(|first| *first != 0 && pages.all(|page| page == *first));
        drop(pages);
        Self { only_page, ..table }
    }

    fn add(&mut self, row: &'static str) {
        let mut cells: Vec<&'static str> = row.split('\t').collect();
        if cells.len() == 3 {
            cells.insert(0, "tag");
        }
        let hex = |text: &str| u32::from_str_radix(text, 16).expect("token table: a hexadecimal number");
        let [kind, page, token, name, ..] = cells[..] else { panic!("token table: `{row}` is short") };
        let number = hex(token);
        let place = Place { page: hex(page) as u8, token: number as u8 };
        match kind {
            "tag" => {
                self.tags.set(place, name, false);
                self.tag_places.entry(name).or_default().push(place);
            }
            "oldtag" => {
                self.tags.set(place, name, true);
                self.old_tag_places.entry(name).or_default().push(place);
            }
            "attr" => {
                let (name, prefix) = name.split_once('=').unwrap_or((name, cells.get(4).copied().unwrap_or_default()));
                let start = AttributeStart { name, prefix };
                self.attributes.set(place, start, false);
                self.attribute_rows.push((start, place));
            }
            "attr-read" => {
                let prefix = cells.get(4).copied().unwrap_or_default();
                self.attributes.set(place, AttributeStart { name, prefix }, true);
            }
            "value" => {
                self.values.set(place, name, false);
                self.value_rows.push((name, place));
            }
            "value-read" => {
                self.values.set(place, name, true);
            }
            // Other tables have another word at its number: it is read, and written as text.
            "ext-read" => self.extensions.entry(number).or_default().push(name),
            "ext" => {
                self.extensions.entry(number).or_default().push(name);
                // A word with two numbers is written with the lower one (CSP in WBXML).
                let lower = self.extension_numbers.entry(name).or_insert(number);
                *lower = number.min(*lower);
            }
            _ => panic!("token table: unknown kind `{kind}`"),
        }
    }

    /// Returns the tag at a place. Page 0 stands for the only page that there is.
    pub fn tag(&self, place: Place) -> Option<&'static str> {
        let page = self.only_page.filter(|_| place.page == 0).unwrap_or(place.page);
        self.tags.get(Place { page, ..place })
    }

    /// Returns where a tag is: on `page` if it is there, else at its first place; an old place only where there is no other.
    pub fn tag_place(&self, name: &str, page: u8) -> Option<Place> {
        let places = self.tag_places.get(name).or_else(|| self.old_tag_places.get(name))?;
        places.iter().find(|p| p.page == page).or(places.first()).copied()
    }

    /// Returns the attribute start at a place.
    pub fn attribute(&self, place: Place) -> Option<AttributeStart> {
        self.attributes.get(place)
    }

    /// Returns the attribute start with the longest prefix that `value` starts with, on the lowest page.
    pub(crate) fn attribute_place(&self, name: &str, value: &str) -> Option<(AttributeStart, Place)> {
        self.attribute_rows.iter().find(|(start, _)| value.starts_with(start.prefix) && start.name == name).copied()
    }

    /// Returns the attribute start that is exactly `name` and `value`, on the lowest page.
    pub fn attribute_exactly(&self, name: &str, value: &str) -> Option<Place> {
        let is_it = |(start, _): &&(AttributeStart, Place)| start.name == name && start.prefix == value;
        self.attribute_rows.iter().find(is_it).map(|(_, place)| *place)
    }

    /// Returns the attribute value at a place.
    pub fn value(&self, place: Place) -> Option<&'static str> {
        self.values.get(place)
    }

    /// Returns all attribute values, lowest page first.
    pub fn values(&self) -> &[(&'static str, Place)] {
        &self.value_rows
    }

    /// Returns the words of a value token; where there are two, the leaf decides which is meant.
    pub fn extension(&self, number: u32) -> &[&'static str] {
        self.extensions.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Returns whether EXT_T_0 carries value tokens here.
    pub(crate) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Returns the number of a word.
    pub(crate) fn extension_number(&self, word: &str) -> Option<u32> {
        self.extension_numbers.get(word).copied()
    }

    /// Returns whether any tag is on that page.
    pub(crate) fn has_tag_page(&self, page: u8) -> bool {
        self.tags.has_page(page) || page == 0 && self.only_page.is_some()
    }

    /// Returns whether any attribute or attribute value is on that page.
    pub(crate) fn has_attribute_page(&self, page: u8) -> bool {
        self.attributes.has_page(page) || self.values.has_page(page)
    }

    /// Returns all tags with their places, in no order.
    pub fn tags(&self) -> impl Iterator<Item = (Place, &'static str)> {
        self.tags.iter()
    }
}
