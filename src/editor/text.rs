//! A text that is being edited, and places in it as editors count them: lines from 0, and in a line the code units of
//! UTF-16 from 0.

use std::ops::Range;

use lsp_types::{Position, Range as Place, TextEdit};

/// Octets between two places up to which code units are counted once.
const BLOCK: usize = 4096;

/// A text with what is needed to find places in it.
#[derive(Debug)]
pub(super) struct Text {
    content: String,
    /// Where each line starts; a line ends with U+000A, U+000D or both.
    starts: Vec<usize>,
    /// How many code units of UTF-16 stand before each block of [`BLOCK`] octets.
    units: Vec<usize>,
}

impl Text {
    pub(super) fn new(content: String) -> Self {
        let octets = content.as_bytes();
        let mut starts = vec![0];
        for (i, &octet) in octets.iter().enumerate() {
            if octet == b'\n' || octet == b'\r' && octets.get(i + 1) != Some(&b'\n') {
                starts.push(i + 1);
            }
        }
        let count = |block: &[u8]| block.iter().map(|&octet| width(octet)).sum::<usize>();
        let blocks = octets.chunks(BLOCK).scan(0, |sum, block| {
            let before = *sum;
            *sum += count(block);
            Some(before)
        });
        let units = blocks.collect();
        Self { content, starts, units }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.content
    }

    /// Returns the offset of a place. One behind the end of its line is the end of the line, one behind the last line
    /// the end of the text, one within a character its start.
    pub(super) fn offset(&self, position: Position) -> usize {
        let Some(line) = self.line(position.line as usize) else { return self.content.len() };
        let wanted = self.units_before(line.start).saturating_add(position.character as usize);
        let block = self.units.partition_point(|&before| before <= wanted).saturating_sub(1);
        let from = line.start.max(block * BLOCK).min(line.end);
        let mut units = self.units_before(from);
        let octets = self.content.as_bytes();
        let is_behind = |&octet: &u8| {
            units += width(octet);
            units > wanted
        };
        octets[from..line.end].iter().position(is_behind).map_or(line.end, |at| from + at)
    }

    /// Returns the place of an offset; one behind the end is the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = self.content.floor_char_boundary(offset);
        let line = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let character = self.units_before(offset) - self.units_before(self.starts[line]);
        let cut = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: cut(line), character: cut(character) }
    }

    /// Returns the places of a range of offsets.
    pub(super) fn place(&self, range: Range<usize>) -> Place {
        Place { start: self.position(range.start), end: self.position(range.end.max(range.start)) }
    }

    /// Returns the offsets of a range of places.
    pub(super) fn range(&self, place: Place) -> Range<usize> {
        let start = self.offset(place.start);
        start..self.offset(place.end).max(start)
    }

    /// Returns the part of a range that is in the line where it starts.
    pub(super) fn first_line(&self, range: Range<usize>) -> Range<usize> {
        let start = self.content.floor_char_boundary(range.start);
        let line = self.starts.partition_point(|&begin| begin <= start).saturating_sub(1);
        let end = self.line(line).map_or(start, |line| line.end);
        start..range.end.min(end).max(start)
    }

    /// Returns the text with another text in the place of a part of it.
    pub(super) fn with(&self, place: Place, text: &str) -> Self {
        let mut content = self.content.clone();
        content.replace_range(self.range(place), text);
        Self::new(content)
    }

    /// Returns the edit that makes this text the other; none where they are equal.
    pub(super) fn edit_to(&self, other: &str) -> Option<TextEdit> {
        let (old, new) = (self.content.as_str(), other);
        if old == new {
            return None;
        }
        let same = |(a, b): &(char, char)| a == b;
        let mut head: usize = old.chars().zip(new.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
        if old[..head].ends_with('\r') {
            // Between the two characters of a line end there is no place.
            head -= 1;
        }
        let ends = old[head..].chars().rev().zip(new[head..].chars().rev());
        let mut tail: usize = ends.take_while(same).map(|(c, _)| c.len_utf8()).sum();
        if old[old.len() - tail..].starts_with('\n') {
            tail -= 1;
        }
        let range = self.place(head..old.len() - tail);
        Some(TextEdit { range, new_text: new[head..new.len() - tail].to_owned() })
    }

    /// Returns a line without its end.
    fn line(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(line)?;
        let end = self.starts.get(line + 1).copied().unwrap_or(self.content.len());
        let text = self.content[start..end].trim_end_matches(['\n', '\r']);
        Some(start..start + text.len())
    }

    fn units_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let (block, before) = match self.units.get(block) {
            Some(before) => (block, *before),
            // The end of a text whose last block is full.
            None => (block.saturating_sub(1), self.units.last().copied().unwrap_or(0)),
        };
        let octets = &self.content.as_bytes()[block * BLOCK..offset];
        before + octets.iter().map(|&octet| width(octet)).sum::<usize>()
    }
}

/// Returns the code units of the character that an octet of UTF-8 begins; 0 for one that continues a character.
fn width(octet: u8) -> usize {
    usize::from(octet & 0xC0 != 0x80) + usize::from(octet >= 0xF0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn counts_units_of_utf_16() {
        let text = Text::new("a😀b\r\nä\rx\n".to_owned());
        assert_eq!(text.offset(at(0, 3)), 5, "behind the emoji");
        assert_eq!(text.offset(at(0, 2)), 1, "within the emoji");
        assert_eq!(text.position(5), at(0, 3));
        assert_eq!(text.offset(at(0, 99)), 6, "the end of the line, before its end");
        assert_eq!((text.offset(at(1, 1)), text.position(10)), (10, at(1, 1)));
        assert_eq!(text.position(11), at(2, 0));
        assert_eq!((text.offset(at(3, 0)), text.offset(at(99, 7))), (13, 13));
        assert_eq!(text.position(999), at(3, 0));
    }

    #[test]
    fn finds_places_in_long_lines() {
        let text = Text::new("ä😀x".repeat(2 * BLOCK));
        for number in [0, 1, BLOCK / 7, BLOCK, 2 * BLOCK] {
            let (offset, units) = (number * 7, u32::try_from(number * 4).unwrap());
            assert_eq!(text.position(offset), at(0, units));
            assert_eq!(text.offset(at(0, units)), offset);
        }
    }

    #[test]
    fn the_end_of_a_line_is_as_far_as_it_goes() {
        let text = Text::new("äbc\n".repeat(2 * BLOCK));
        for line in [0, BLOCK / 5 - 1, BLOCK / 5, BLOCK, 2 * BLOCK - 1] {
            let end = line * 5 + 4;
            let line = u32::try_from(line).unwrap();
            for character in [3, 4, 4096, 9000, u32::MAX] {
                assert_eq!(text.offset(at(line, character)), end);
            }
        }
    }

    #[test]
    fn edits_are_as_small_as_they_can_be() {
        let edit = |old: &str, new: &str| {
            let edit = Text::new(old.to_owned()).edit_to(new)?;
            Some((edit.range.start.line, edit.range.start.character, edit.range.end.character, edit.new_text))
        };
        assert_eq!(edit("abc", "abc"), None);
        assert_eq!(edit("abc", "axc"), Some((0, 1, 2, "x".to_owned())));
        assert_eq!(edit("aa", "aaa"), Some((0, 2, 2, "a".to_owned())));
        assert_eq!(edit("a\r\nb", "a\rb").map(|e| e.0), Some(0));
    }

    proptest::proptest! {
        #[test]
        fn an_edit_makes_the_one_of_the_other(old in "[a\r\n😀]{0,12}", new in "[a\r\n😀]{0,12}") {
            let text = Text::new(old);
            let made = text.edit_to(&new).map_or(text.as_str().to_owned(), |edit| {
                text.with(edit.range, &edit.new_text).content
            });
            proptest::prop_assert_eq!(made, new);
        }
    }
}
