//! Forms in which gateways hand over what they have received: receipts, short messages (HTML, "URL-encoded form data").

/// Returns names and values of a form, or of the query of an address.
pub(crate) fn pairs(form: &[u8]) -> impl Iterator<Item = (&[u8], String)> {
    form.split(|octet| *octet == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let end = pair.iter().position(|octet| *octet == b'=').unwrap_or(pair.len());
        (&pair[..end], decode(pair.get(end + 1..).unwrap_or_default()))
    })
}

/// Returns a value as text.
fn decode(value: &[u8]) -> String {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}
