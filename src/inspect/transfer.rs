//! How octets travel as text: hexadecimal digits, dumps with offsets, base64, what programs and terminals print.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{pasted, quoted};

/// In which form the input comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// To be found out.
    Auto,
    /// Hexadecimal digits, with or without separators, also as an array of C.
    Hex,
    /// Rows of an offset and octets, as `xxd`, `hexdump`, `od -A x` and protocol analysers print them.
    HexDump,
    /// Base64, of either alphabet.
    Base64,
    /// The octets themselves.
    Raw,
    /// PDUs in hexadecimal digits, one a line, with whatever a modem or a log says around them.
    Pdu,
    /// String literals with escapes.
    Escaped,
    /// Escapes of URLs.
    Percent,
    /// Numbers in decimal.
    Decimal,
    /// Hexadecimal digits with words around them.
    Pasted,
}

impl Form {
    /// Returns the name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "input",
            Self::Hex => "hex text",
            Self::HexDump => "hex dump",
            Self::Base64 => "base64",
            Self::Raw => "octets",
            Self::Pdu => "PDUs",
            Self::Escaped => "quoted text",
            Self::Percent => "URL escapes",
            Self::Decimal => "decimal numbers",
            Self::Pasted => "hex in text",
        }
    }

    /// Undoes the form; `None` where the text is not in it.
    pub(super) fn undo(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex(text).or_else(|| hex(quoted::array(text)?)),
            Self::HexDump => hex_dump(text, 16).or_else(|| hex_dump(text, 8)).or_else(|| {
                let rows = dump_rows(text)?;
                hex_dump(&rows, 16).or_else(|| hex_dump(&rows, 8))
            }),
            Self::Base64 => base64(text).or_else(|| base64(&base64_inside(text)?)),
            Self::Escaped => quoted::escaped(text),
            Self::Percent => quoted::percent(text),
            Self::Decimal => quoted::decimal(text),
            Self::Pasted => pasted::joined(text),
            Self::Auto | Self::Raw | Self::Pdu => None,
        }
    }
}

/// Characters between octets, as in `03:0B`, `03, 0B`, `{0x03, 0x0B}`, `\x03\x0B`, `%03%0B`.
fn is_separator(octet: u8) -> bool {
    octet.is_ascii_whitespace() || b":,;-{}[]()\"'\\%".contains(&octet)
}

fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|octet| is_separator(*octet)).map(without_prefix).filter(|token| !token.is_empty())
}

fn without_prefix(token: &[u8]) -> &[u8] {
    match token {
        [b'0', b'x' | b'X', rest @ ..] | [b'x' | b'X', rest @ ..] => rest,
        _ => token,
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).map(|digit| digit as u8)
}

/// Reads hexadecimal digits. A number of one digit is an octet where no number has more than two, or a leading zero.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let (mut longest, mut total, mut has_odd, mut has_zeros) = (0, 0, false, false);
    for token in tokens(text) {
        if !token.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        longest = longest.max(token.len());
        total += token.len();
        has_odd |= token.len() % 2 != 0;
        has_zeros |= token.len() > 1 && token[0] == b'0';
    }
    let mut octets = Vec::with_capacity(total / 2);
    if has_odd && longest <= 2 && !has_zeros {
        octets.extend(tokens(text).filter_map(|token| token.iter().try_fold(0, |n, d| Some(n << 4 | digit(*d)?))));
        return Some(octets);
    }
    let mut digits = tokens(text).flatten().filter_map(|octet| digit(*octet));
    while let Some(high) = digits.next() {
        octets.push(high << 4 | digits.next()?);
    }
    (!octets.is_empty()).then_some(octets)
}

/// More than this is no dump of a message, however a `*` stretches it.
const MOST_DUMPED: usize = 8 << 20;

/// Reads rows of an offset and octets. The offsets, hexadecimal or octal, must fit the octets; a row of `*` repeats the row
/// before it.
fn hex_dump(text: &[u8], radix: u32) -> Option<Vec<u8>> {
    let mut octets: Vec<u8> = Vec::new();
    let mut origin = None;
    let mut row = 0..0;
    let mut repeats = false;
    let mut words_are_swapped = true;
    for line in text.split(|octet| *octet == b'\n') {
        let line = line.trim_ascii();
        match line {
            b"" => continue,
            b"*" => repeats = !row.is_empty(),
            _ => {
                let parsed = Row::read(line, radix)?;
                let at = parsed.offset.checked_sub(*origin.get_or_insert(parsed.offset))?;
                if at > MOST_DUMPED {
                    return None;
                }
                while repeats && octets.len() < at {
                    octets.extend_from_within(row.clone());
                }
                repeats = false;
                // A column of characters that look like octets is cut by the next offset.
                if at > octets.len() || at < row.start || row.is_empty() && !octets.is_empty() {
                    return None;
                }
                octets.truncate(at);
                row = at..at + parsed.octets.len();
                words_are_swapped &= parsed.is_of_words || parsed.octets.is_empty();
                octets.extend_from_slice(&parsed.octets);
            }
        }
    }
    if words_are_swapped {
        octets.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
    (!octets.is_empty()).then_some(octets)
}

/// Returns the rows of a dump in a text with other lines, such as the command that printed it.
fn dump_rows(text: &[u8]) -> Option<Vec<u8>> {
    let is_row = |line: &&[u8]| {
        let line = line.trim_ascii();
        line == b"*" || Row::read(line, 16).is_some()
    };
    let rows: Vec<&[u8]> = text.split(|octet| *octet == b'\n').filter(is_row).collect();
    rows.iter().any(|row| row.len() > 8).then(|| rows.join(&b'\n'))
}

/// One line of a dump.
struct Row {
    offset: usize,
    octets: Vec<u8>,
    /// Whether it holds numbers of four digits after an offset without a colon: the words that `hexdump` prints, low
    /// octet first.
    is_of_words: bool,
}

/// A row has at most so many octets.
const WIDEST_ROW: usize = 64;

impl Row {
    fn read(line: &[u8], radix: u32) -> Option<Self> {
        let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
        let (offset, rest) = line.split_at(end);
        let offset = std::str::from_utf8(offset).ok().filter(|text| (4..=16).contains(&text.len()))?;
        let offset = usize::from_str_radix(offset, radix).ok()?;
        let has_colon = rest.first() == Some(&b':');
        let rest = rest.strip_prefix(b":").unwrap_or(rest);
        if !rest.is_empty() && !rest.starts_with(b" ") && !rest.starts_with(b"\t") {
            return None;
        }
        // Characters follow a bar, or after a colon two blanks.
        let rest = rest.trim_ascii();
        let bar = rest.iter().position(|octet| *octet == b'|').unwrap_or(rest.len());
        let gap = rest.windows(2).position(|pair| has_colon && pair == b"  ").unwrap_or(rest.len());
        let gap = rest.windows(3).position(|pair| pair == b"   ").unwrap_or(rest.len()).min(gap);
        let mut octets = Vec::new();
        let mut is_of_words = !has_colon;
        for token in rest[..bar.min(gap)].split(u8::is_ascii_whitespace).filter(|token| !token.is_empty()) {
            let is_group = matches!(token.len(), 2 | 4 | 8 | 16 | 32) && token.iter().all(u8::is_ascii_hexdigit);
            if !is_group || octets.len() >= WIDEST_ROW {
                break;
            }
            is_of_words &= token.len() == 4;
            octets.extend(token.chunks_exact(2).filter_map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)));
        }
        Some(Self { offset, octets, is_of_words })
    }
}

/// A shorter line of base64 among others is rather a word, unless it is the last.
const SHORTEST_LINE: usize = 16;

/// Returns the base64 in a text with other words: the lines that are nothing else, or else the longest word.
fn base64_inside(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let is_digit = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=-_".contains(octet);
    let mut lines = Vec::new();
    let mut is_inside = false;
    for line in text.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii) {
        let is_one = line.iter().all(is_digit) && !line.starts_with(b"--") && !line.is_empty();
        is_inside = is_one && (is_inside || line.len() >= SHORTEST_LINE);
        if is_inside {
            lines.extend_from_slice(line);
        } else if !lines.is_empty() {
            break;
        }
    }
    if !lines.is_empty() {
        return Some(Cow::Owned(lines));
    }
    let longest = text.split(|octet| !is_digit(octet)).max_by_key(|word| word.len())?;
    (longest.len() >= 2 * SHORTEST_LINE).then_some(Cow::Borrowed(longest))
}

/// Shorter text is rather a word than base64.
const SHORTEST_BASE64: usize = 8;

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.iter().any(|octet| b"-_".contains(octet)) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    let config = config.with_decode_allow_trailing_bits(true);
    (text.len() >= SHORTEST_BASE64).then(|| GeneralPurpose::new(&alphabet, config).decode(&text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCTETS: &[u8] = b"\x03\x0B\x6A\x00\xC5\x46\x01\xC6\x00\x01\x55\x01\x87\x36\x00\x00\x06\x03";

    #[test]
    fn hex_with_any_separators() {
        for text in ["030b6A00", "03 0B:6a-00\n", "{0x03, 0x0B, 0x6A, 0x00}", "\"\\x03\\x0b\\x6a\\x00\"", "3 b 6a 0"] {
            assert_eq!(hex(text.as_bytes()).as_deref(), Some(&OCTETS[..4]), "{text}");
        }
        for text in ["", "03 0", "030", "03 0g", "hello"] {
            assert_eq!(hex(text.as_bytes()), None, "{text}");
        }
    }

    /// The dumps are what the programs named print.
    #[test]
    fn dumps_of_several_programs() {
        let xxd = "00000000: 030b 6a00 c546 01c6 0001 5501 8736 0000  ..j..F....U..6..\n00000010: 0603                                     ..\n";
        let canonical = "00000000  03 0b 6a 00 c5 46 01 c6  00 01 55 01 87 36 00 00  |..j..F....U..6..|\n00000010  06 03                                             |..|\n00000012\n";
        let words = "0000000 0b03 006a 46c5 c601 0100 0155 3687 0000\n0000010 0306\n0000012\n";
        let od = "000000 03 0b 6a 00 c5 46 01 c6 00 01 55 01 87 36 00 00\n000010 06 03\n000012\n";
        let analyser = "0000   03 0b 6a 00 c5 46 01 c6 00 01 55 01 87 36 00 00   ..j..F....U..6..\n0010   06 03                                             ..\n";
        for text in [xxd, canonical, words, od, analyser] {
            assert_eq!(hex_dump(text.as_bytes(), 16).as_deref(), Some(OCTETS), "{text}");
        }
        let repeated = "00000000  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|\n*\n00000040\n";
        assert_eq!(hex_dump(repeated.as_bytes(), 16), Some(vec![0x41; 0x40]));
        for text in ["", "0000 03 0b\n0009 03", "030b6a00", "00000000 41\n*\nffffffffffffffff\n", "*\n"] {
            assert_eq!(hex_dump(text.as_bytes(), 16), None, "{text}");
        }
    }

    #[test]
    fn base64_of_either_alphabet() {
        assert_eq!(base64(b"Awtq\nAMVG Aca/").as_deref(), Some(&b"\x03\x0B\x6A\x00\xC5\x46\x01\xC6\xBF"[..]));
        assert_eq!(base64(b"_-__-_-_").map(|octets| octets.len()), Some(6));
        assert_eq!(base64(b"AwtqAMU"), None, "short");
        assert_eq!(base64(b"AwtqAMVGAQ=="), base64(b"AwtqAMVGAQ"));
        assert_eq!(base64(b"not base64!!"), None);
    }
}
