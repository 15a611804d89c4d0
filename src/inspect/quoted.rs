//! Octets written as programs write them: string literals with escapes, arrays of numbers, URLs.

use super::request::unescaped;

/// Reads string literals of C, Python, shells and JSON: what they say, joined. Literals without an escape before the first
/// with one are words around them.
pub(super) fn escaped(text: &[u8]) -> Option<Vec<u8>> {
    let has_escape = |text: &[u8]| {
        text.windows(2).any(|pair| pair[0] == b'\\' && (b"xX".contains(&pair[1]) || pair[1].is_ascii_digit()))
    };
    if !has_escape(text) || text.contains(&0) {
        return None;
    }
    let mut octets = Vec::new();
    let mut begun = false;
    for literal in literals(text) {
        begun |= has_escape(literal);
        if begun {
            undo_escapes(literal, &mut octets)?;
        }
    }
    if !begun {
        undo_escapes(text.trim_ascii(), &mut octets)?;
    }
    Some(octets)
}

/// Returns what stands between quotes of either kind; a backslash takes the quote after it along.
fn literals(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|octet| b"\"'".contains(octet))?;
        let quote = rest[start];
        let body = &rest[start + 1..];
        let mut end = 0;
        while end < body.len() && body[end] != quote {
            end += if body[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(body.len());
        rest = body.get(end + 1..).unwrap_or_default();
        Some(&body[..end])
    })
}

fn undo_escapes(literal: &[u8], octets: &mut Vec<u8>) -> Option<()> {
    let mut rest = literal;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            octets.push(*first);
            continue;
        }
        let (kind, after) = rest.split_first()?;
        rest = after;
        let radix = if kind.is_ascii_digit() { 8 } else { 16 };
        let most = match kind {
            b'x' | b'X' => 2,
            b'u' => 4,
            // The digit itself counts.
            b'0'..=b'7' => {
                rest = &literal[literal.len() - rest.len() - 1..];
                3
            }
            _ => {
                octets.extend(simple(*kind));
                // A line that goes on.
                if *kind == b'\r' {
                    rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                }
                continue;
            }
        };
        let digits = rest.iter().take(most).take_while(|digit| char::from(**digit).is_digit(radix)).count();
        let number = std::str::from_utf8(&rest[..digits]).ok()?;
        octets.push(u8::try_from(u32::from_str_radix(number, radix).ok()?).ok()?);
        rest = &rest[digits..];
    }
    Some(())
}

fn simple(kind: u8) -> Option<u8> {
    Some(match kind {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'v' => 0x0B,
        b'f' => 0x0C,
        b'e' => 0x1B,
        b'\n' | b'\r' => return None,
        other => other,
    })
}

/// Returns what stands in the first pair of braces or brackets, for the digits or numbers of an array.
pub(super) fn array(text: &[u8]) -> Option<&[u8]> {
    let open = text.iter().position(|octet| *octet == b'{')?;
    let close = text[open..].iter().position(|octet| *octet == b'}')?;
    Some(&text[open + 1..open + close])
}

/// Fewer numbers are no message.
const LEAST_NUMBERS: usize = 8;

/// Reads numbers in decimal, with or without sign, as arrays of octets are printed; one of them has three digits or a
/// sign, so that it is none in hexadecimal.
pub(super) fn decimal(text: &[u8]) -> Option<Vec<u8>> {
    let text = array(text).unwrap_or(text);
    let is_between = |octet: &u8| octet.is_ascii_whitespace() || b",;[](){}".contains(octet);
    let mut octets = Vec::new();
    let mut is_sure = false;
    for token in text.split(is_between).filter(|token| !token.is_empty()) {
        let is_number =
            token.len() <= 4 && token.iter().enumerate().all(|(i, o)| o.is_ascii_digit() || i == 0 && *o == b'-');
        let number: i16 = std::str::from_utf8(token).ok().filter(|_| is_number)?.parse().ok()?;
        is_sure |= !(0..100).contains(&number);
        let octet = if number < 0 { i8::try_from(number).ok()?.cast_unsigned() } else { u8::try_from(number).ok()? };
        octets.push(octet);
    }
    (is_sure && octets.len() >= LEAST_NUMBERS).then_some(octets)
}

/// Fewer escapes are those of an address in a text.
const LEAST_ESCAPES: usize = 3;

/// Undoes the escapes of URLs in one word.
pub(super) fn percent(text: &[u8]) -> Option<Vec<u8>> {
    let word = text.trim_ascii();
    let word = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
    let count = word.iter().filter(|octet| **octet == b'%').count();
    if count < LEAST_ESCAPES || !word.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    unescaped(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_programs() {
        for text in [
            r#""\x01\x06/\037-\xb6""#,
            "b'\\x01\\x06/\\x1f-\\xb6'",
            r"\x01\x06/\x1f-\xB6",
            "static const char push[] =\n  \"\\x01\\x06/\"\n  \"\\037-\\xb6\";",
            "const char *name = \"push\", *text = \"\\1\\6/\\x1F\\\n-\\266\";",
            r#"printf '\001\006/\037-\266' | nc gw 9201"#,
        ] {
            assert_eq!(escaped(text.as_bytes()).as_deref(), Some(&b"\x01\x06/\x1F-\xB6"[..]), "{text}");
        }
        for text in ["", "plain", "a\\nb", "\\x"] {
            assert_eq!(escaped(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_urls() {
        let octets = [1, 6, 47, 31, 45, 0xB6, 0x91, 0x81];
        assert_eq!(decimal(b"[1, 6, 47, 31, 45, -74, -111, -127]").as_deref(), Some(&octets[..]));
        assert_eq!(decimal(b"byte[] b = {1, 6, 47, 31, 45, 182, 145, 129};").as_deref(), Some(&octets[..]));
        for text in ["1 2 3 4 5 6 7 8", "1, 2, 300, 4, 5, 6, 7, 8", "1, 200", "1 2 3 4 5 6 7 0x80"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(percent(b"%01%06%2F-%B6+A\n").as_deref(), Some(&b"\x01\x06/-\xB6 A"[..]));
        for text in ["%01%06", "100% %of %all", "%01%06%2", "plain"] {
            assert_eq!(percent(text.as_bytes()), None, "{text}");
        }
    }
}
