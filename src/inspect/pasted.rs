//! Hexadecimal digits in text that people paste: lines of a terminal with prompts and answers of a modem, lines of a log
//! with time stamps and prefixes, with or without a column of characters.

use std::borrow::Cow;
use std::ops::Range;

use super::pdu::Pdu;
use crate::document::from_hex;

/// Digits on one line.
#[derive(Debug)]
pub(super) struct Run {
    /// Where they are in the text.
    pub(super) range: Range<usize>,
    /// What they say; `None` where they are damaged.
    pub(super) octets: Option<Vec<u8>>,
    /// Whether there is nothing else on the line.
    is_alone: bool,
}

/// Runs of one text that are looked at; a message has 255 parts at the most.
const MOST_RUNS: usize = 1 << 16;
/// A run of fewer octets is rather a time or a number, unless it is alone or stands below another.
const LEAST: usize = 8;

/// Returns the text without the colours of a terminal: blanks stand in their place, so that places stay.
pub(super) fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    let is_text = |octet: &u8| *octet >= 0x20 || b"\t\r\n\x07\x08\x1A\x1B".contains(octet);
    if !text.windows(2).any(|pair| pair == b"\x1B[") || !text.iter().all(is_text) {
        return Cow::Borrowed(text);
    }
    let mut plain = text.to_vec();
    let mut at = 0;
    while let Some(escape) = plain[at..].iter().position(|octet| *octet == 0x1B).map(|place| at + place) {
        let is_sequence = plain.get(escape + 1) == Some(&b'[');
        let end = plain[escape + 1..].iter().skip(1).position(|octet| (0x40..=0x7E).contains(octet));
        let end = end.filter(|_| is_sequence).map_or(escape + 1, |end| (escape + end + 3).min(plain.len()));
        plain[escape..end].fill(b' ');
        at = end;
    }
    Cow::Owned(plain)
}

/// Returns the digits of each line that has some, the longest run of the line.
pub(super) fn runs(text: &[u8]) -> impl Iterator<Item = Run> {
    let (mut start, mut above) = (0, None);
    let each = text.split(|octet| *octet == b'\n').filter_map(move |line| {
        let place = start;
        start += line.len() + 1;
        let run = longest(line, above).or_else(|| damaged(line));
        above = run.as_ref().map(|run| (run.range.start, label(&line[..run.range.start]))).or(above);
        run.map(|run| Run { range: place + run.range.start..place + run.range.end, ..run })
    });
    each.take(MOST_RUNS)
}

/// Returns the word before a run that names it, such as `data`; empty for an offset.
fn label(before: &[u8]) -> &[u8] {
    let end = before.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let start = before[..end].iter().rposition(|octet| !octet.is_ascii_alphanumeric()).map_or(0, |place| place + 1);
    Some(&before[start..end]).filter(|word| !word.iter().all(u8::is_ascii_hexdigit)).unwrap_or_default()
}

/// Returns the longest run of a line; one that stands where that of the line above stood, with the same word before it, may
/// be short.
fn longest(line: &[u8], above: Option<(usize, &[u8])>) -> Option<Run> {
    let body = line.trim_ascii();
    let mut best: Option<(Range<usize>, usize)> = None;
    let mut at = 0;
    while at < line.len() {
        let Some((range, digits)) = next_run(line, at) else { break };
        at = range.end;
        let octets = digits / 2;
        let is_alone = range.len() == body.len();
        let is_below = above == Some((range.start, label(&line[..range.start])));
        let is_one = octets >= LEAST || is_alone || is_below;
        if is_one && (is_below || best.as_ref().is_none_or(|(_, most)| octets > *most)) {
            best = Some((range, octets));
            if is_below {
                break;
            }
        }
    }
    let (range, _) = best?;
    let digits: Vec<u8> = line[range.clone()].iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    Some(Run { is_alone: range.len() == body.len(), octets: Some(from_hex(&digits)?), range })
}

/// Returns the next run from `from` on, and how many digits it has: words of one length, of digits only, with the same
/// character between them.
fn next_run(line: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let mut at = from;
    loop {
        let first = next_word(line, at)?;
        at = first.end;
        if !is_hex(&line[first.clone()]) {
            continue;
        }
        let (start, size) = (first.start, first.len());
        let (mut end, mut digits, mut separator) = (first.end, size, None);
        while let Some(next) = next_word(line, end) {
            let gap = &line[end..next.start];
            let is_middle = digits == 16 && gap == b"  ";
            let fits = gap.len() == 1 && b" :-,".contains(&gap[0]) && separator.is_none_or(|own| own == gap[0]);
            let is_piece = is_hex(&line[next.clone()]) && (next.len() == size || next.len() < size && size <= 8);
            if !(is_piece && (fits || is_middle)) {
                break;
            }
            separator = separator.or(Some(gap[0]));
            (end, digits) = (next.end, digits + next.len());
            if next.len() < size {
                break;
            }
        }
        return Some((start..end, digits));
    }
}

fn next_word(line: &[u8], from: usize) -> Option<Range<usize>> {
    let is_word = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'_' || *octet >= 0x80;
    let start = from + line[from..].iter().position(is_word)?;
    let length = line[start..].iter().position(|octet| !is_word(octet)).unwrap_or(line.len() - start);
    Some(start..start + length)
}

fn is_hex(word: &[u8]) -> bool {
    word.len().is_multiple_of(2) && word.iter().all(u8::is_ascii_hexdigit)
}

/// Letters in a long word of digits that may be slips.
const MOST_SLIPS: usize = 4;

/// Returns a line that was a run, and has an odd number of digits or a few other letters.
fn damaged(line: &[u8]) -> Option<Run> {
    let mut at = 0;
    while let Some(word) = next_word(line, at) {
        at = word.end;
        let others = line[word.clone()].iter().filter(|octet| !octet.is_ascii_hexdigit()).count();
        if word.len() >= 40 && others <= MOST_SLIPS {
            return Some(Run { range: word, octets: None, is_alone: false });
        }
    }
    None
}

/// Lines over which a terminal wraps a PDU: 176 octets in lines of 80 characters, and some.
const MOST_WRAPPED: usize = 8;

/// Returns the runs of a text as PDUs: what a terminal wrapped is one again.
pub(super) fn pdus(text: &[u8]) -> Vec<Run> {
    let mut pdus: Vec<Run> = Vec::new();
    let mut runs = runs(text).peekable();
    while let Some(first) = runs.next() {
        let is_whole = |octets: &[u8]| Pdu::read(octets).is_ok();
        let Some(octets) = first.octets.as_deref().filter(|octets| first.is_alone && !is_whole(octets)) else {
            pdus.push(first);
            continue;
        };
        let (mut joined, mut pieces) = (octets.to_vec(), Vec::new());
        while pieces.len() < MOST_WRAPPED && !is_whole(&joined) {
            let Some(next) = runs.next_if(|next| next.is_alone) else { break };
            joined.extend_from_slice(next.octets.as_deref().unwrap_or_default());
            pieces.push(next);
        }
        match pieces.last() {
            Some(last) if is_whole(&joined) => {
                let range = first.range.start..last.range.end;
                pdus.push(Run { range, octets: Some(joined), is_alone: true });
            }
            _ => {
                pdus.push(first);
                pdus.extend(pieces);
            }
        }
    }
    pdus
}

/// Returns all digits of a text, where there is something else in it too.
pub(super) fn joined(text: &[u8]) -> Option<Vec<u8>> {
    let (mut octets, mut has_more) = (Vec::new(), false);
    for run in runs(text) {
        has_more |= !run.is_alone;
        octets.extend(run.octets?);
    }
    let has_words = || {
        text.split(|octet| *octet == b'\n').any(|line| longest(line, None).is_none() && !line.trim_ascii().is_empty())
    };
    (!octets.is_empty() && (has_more || has_words())).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>();
        runs(text.as_bytes()).map(|run| run.octets.map_or("?".to_owned(), |octets| hex(&octets))).collect()
    }

    #[test]
    fn finds_the_digits_of_a_line() {
        for (line, expected) in [
            ("2026-11-23 12:00:00 DEBUG pdu=0051000C915348103254", "0051000C915348103254"),
            ("12:00:00.123 [smsc 4] data: 06 05 04 0b 84 23 f0 01  ......#.", "0605040B8423F001"),
            ("00000000  06 05 04 0b 84 23 f0 01  06 2f |...|", "0605040B8423F001062F"),
            ("> 0051000C915348103254\u{1A}", "0051000C915348103254"),
            ("user@host:~$ echo 06:05:04:0b:84:23:f0:01", "0605040B8423F001"),
            ("0605", "0605"),
        ] {
            assert_eq!(found(line), [expected], "{line}");
        }
        for line in [
            "",
            "+CMGR: 1,\"+358401234567\",,\"26/11/23,12:00:00+08\"",
            "OK",
            "AT+CMGS=153",
            "at 12:00:00 on 2026-11-23",
        ] {
            assert_eq!(found(line), Vec::<String>::new(), "{line}");
        }
        // A short last row stands where the others begin, and not where the time does.
        let log = "12:00:00 D data: 06 05 04 0b 84 23 f0 01 06 2f\n12:00:00 D data: 1f 2d   .-\n";
        assert_eq!(found(log), ["0605040B8423F001062F", "1F2D"]);
        assert_eq!(found("D len:  76\nD data: 06 05 04 0b 84 23 f0 01\nD len:  76\n"), ["0605040B8423F001"]);
        assert_eq!(found(&format!("0O{}", "51".repeat(30))), ["?"]);
    }

    #[test]
    fn blanks_out_colours() {
        assert_eq!(&*without_colours(b"\x1B[1;32m> \x1B[0m51\x1B[K\x1B"), b"       >     51    ");
        assert_eq!(&*without_colours(b"\x01\x1B[0m"), b"\x01\x1B[0m", "octets are no text");
    }
}
