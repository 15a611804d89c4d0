//! Requests to HTTP gateways for SMS: Kannel's `sendsms` and `sendota`, and others with `udh` and `text` or `data`.

use crate::delivery::wdp::Segment;
use crate::diagnose::Span;
use crate::document::{from_hex, shorten};

/// A request to a gateway.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// What is done there: the last segment of the path.
    operation: String,
    /// Whom it is for.
    pub(super) to: Option<String>,
    /// Parameters that say how it is sent; secrets are not among them.
    shown: Vec<(String, String)>,
    /// The user data header, empty where there is none.
    udh: Vec<u8>,
    /// What follows it.
    pub(super) text: Vec<u8>,
    /// Header and text as the gateway puts them together.
    pub(super) octets: Vec<u8>,
    /// The whole request in the text.
    pub(super) span: Span,
    /// The values of header and text.
    pub(super) pieces: Vec<Span>,
}

/// Requests of one input.
const MOST_REQUESTS: usize = 1024;
/// Parameters of one request.
const MOST_PARAMETERS: usize = 64;
/// Parameters that are shown: none of them is a secret.
const SHOWN: &[&str] =
    &["from", "coding", "mclass", "alt-dcs", "smsc", "validity", "dlr-mask", "type", "sec", "pid", "dcs", "binary"];

/// Returns the requests in a text: URLs, lines of access logs, command lines with quotes around, query strings.
pub(super) fn requests(text: &[u8]) -> Vec<Request> {
    let is_end = |octet: u8| octet.is_ascii_whitespace() || b"\"'<>`".contains(&octet) || !octet.is_ascii_graphic();
    let mut requests = Vec::new();
    let mut start = 0;
    for word in text.split(|octet| is_end(*octet)) {
        let span = Span::new(start, start + word.len());
        start += word.len() + 1;
        if word.len() < 8 || !word.contains(&b'=') || requests.len() >= MOST_REQUESTS {
            continue;
        }
        requests.extend(read(word, span));
    }
    requests
}

fn read(word: &[u8], span: Span) -> Option<Request> {
    let query = word.iter().position(|octet| *octet == b'?').map_or(0, |mark| mark + 1);
    let path = word[..query.saturating_sub(1)].rsplit(|octet| *octet == b'/').next().unwrap_or_default();
    let mut request = Request { operation: text(path), span, ..Request::default() };
    let (mut has_text, mut at) = (false, query);
    for (count, pair) in word[query..].split(|octet| *octet == b'&').enumerate() {
        let start = at;
        at += pair.len() + 1;
        let Some(equals) = pair.iter().position(|octet| *octet == b'=').filter(|_| count < MOST_PARAMETERS) else {
            continue;
        };
        let (name, value) = (text(&pair[..equals]).to_ascii_lowercase(), &pair[equals + 1..]);
        let place = span.start as usize + start;
        let piece = Span::new(place + equals + 1, place + pair.len());
        match name.as_str() {
            "udh" => (request.udh, request.pieces) = (octets(value), [request.pieces, vec![piece]].concat()),
            "text" | "data" => {
                has_text = true;
                (request.text, request.pieces) = (octets(value), [request.pieces, vec![piece]].concat());
            }
            "to" | "phonenumber" => request.to = Some(text(&unescaped(value)?)),
            _ if SHOWN.contains(&name.as_str()) => request.shown.push((name, shorten(&text(&unescaped(value)?)))),
            _ => {}
        }
    }
    let is_message = has_text && (!request.udh.is_empty() || request.to.is_some() || !request.operation.is_empty());
    request.octets = [&request.udh[..], &request.text].concat();
    is_message.then_some(request)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Returns the octets of a value: digits where it is written so, else what its escapes stand for.
fn octets(value: &[u8]) -> Vec<u8> {
    let plain = unescaped(value).unwrap_or_else(|| value.to_vec());
    // Gateways other than Kannel take hexadecimal digits.
    from_hex(&plain).filter(|octets| octets.len() >= 4).unwrap_or(plain)
}

/// Undoes the escapes of URLs; `None` where one is no pair of digits.
pub(super) fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                octets.extend(from_hex(after.get(..2)?)?);
                rest = &after[2..];
            }
            b'+' => octets.push(b' '),
            octet => octets.push(*octet),
        }
    }
    Some(octets)
}

impl Request {
    /// Returns the part of a message that it carries; `None` where it carries a document or a text for people.
    pub(super) fn segment(&self) -> Result<Option<Segment<'_>>, &'static str> {
        if self.udh.is_empty() {
            return Ok(None);
        }
        Segment::read(&self.octets).map(Some)
    }

    /// Returns how it is sent.
    pub(super) fn details(&self) -> Vec<String> {
        self.shown.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// Returns the name of the gateway and of what it is asked for.
    pub(super) fn name(&self) -> String {
        let gateway = if self.operation.starts_with("send") { "Kannel" } else { "HTTP gateway" };
        let operation = shorten(&self.operation);
        [gateway, &operation].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_requests_in_what_people_paste() {
        let query =
            "username=u&password=secret&from=Op&to=%2B46700000001&coding=1&udh=%06%05%04%0B%84%23%F0&text=%01%06+A%B6";
        for around in [
            "http://gw.example:13013/cgi-bin/sendsms?QUERY",
            "curl -v 'http://gw.example/cgi-bin/sendsms?QUERY' # try",
            "10.0.0.1 - - [23/Nov/2026:12:00:00] \"GET /cgi-bin/sendsms?QUERY HTTP/1.1\" 202",
            "QUERY",
        ] {
            let input = around.replace("QUERY", query);
            let found = requests(input.as_bytes());
            assert_eq!(found.len(), 1, "{input}");
            let request = &found[0];
            assert_eq!(request.to.as_deref(), Some("+46700000001"));
            assert_eq!(request.udh, [0x06, 0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0]);
            assert_eq!(request.text, [0x01, 0x06, b' ', b'A', 0xB6]);
            let piece = &input[request.pieces[1].start as usize..request.pieces[1].end as usize];
            assert_eq!(piece, "%01%06+A%B6");
            assert!(!format!("{:?}", request.details()).contains("secret"));
        }
        assert!(requests(b"a=b&c=d text without=anything").is_empty());
        let other = requests(b"http://h/?PhoneNumber=%2B1&Binary=1&UDH=0605040B8423F0&Data=0106B603");
        assert_eq!((&other[0].udh[..2], &other[0].text[..]), (&[6, 5][..], &[1, 6, 0xB6, 3][..]));
    }
}
