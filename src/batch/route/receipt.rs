//! Receipts as gateways write them: JSON lines, or a form such as the one that Kannel's `dlr-url` makes.

use serde::Deserialize;

use super::{Fate, Receipt, clean};
use crate::batch::store::Timestamp;
use crate::delivery::form;

/// Receipts of one body.
const MOST: usize = 10_000;
/// Longest name of a short message.
const MOST_NAME: usize = 256;

/// What a gateway sent: receipts, and the secret where it stands beside them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Receipts {
    /// The receipts.
    pub receipts: Vec<Receipt>,
    /// The value of `key` in a form.
    pub key: Option<String>,
}

/// A receipt as a line of JSON: the same as programs of the route `exec` say.
#[derive(Deserialize)]
struct Line {
    receipt: Fate,
    id: String,
    code: Option<String>,
    time: Option<Timestamp>,
}

/// Reads receipts: JSON lines `{"receipt":"delivered","id":"a1","code":"…","time":1795434964}`, or a form with `id`, `type`,
/// `time`, `code` and `key`. `type` is a word of the same, or a number of Kannel's: 1 delivered, 2 not, 4 and 8 on its way,
/// 16 refused; `time` is in seconds since 1970.
///
/// # Errors
///
/// Says what cannot be read, and in which line.
pub fn read_receipts(media_type: &str, body: &[u8]) -> Result<Receipts, String> {
    let is_form = media_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    if is_form {
        return read_form(body);
    }
    let text = std::str::from_utf8(body).map_err(|_| "the body is no UTF-8".to_owned())?;
    let mut receipts = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if receipts.len() == MOST {
            return Err(format!("there are more than {MOST} receipts"));
        }
        let wrong = |why: &str| format!("line {}: {}", place + 1, clean(why));
        let Line { receipt: fate, id, code, time } = serde_json::from_str(line).map_err(|e| wrong(&e.to_string()))?;
        let id = name(id).ok_or_else(|| wrong("`id` is empty or too long"))?;
        receipts.push(Receipt { id, fate, code: code.map(|code| clean(&code)), at: time });
    }
    Ok(Receipts { receipts, key: None })
}

fn read_form(body: &[u8]) -> Result<Receipts, String> {
    let (mut id, mut fate, mut code, mut time, mut key) = (None, None, None, None, None);
    for (field, value) in form::pairs(body) {
        match field {
            b"id" => id = name(value),
            b"type" | b"receipt" => {
                let number = value.parse::<u8>().is_ok();
                fate = Some(fate_of(&value).ok_or_else(|| format!("`{}` is no receipt", clean(&value)))?);
                code = code.or(number.then(|| format!("dlr:{value}")));
            }
            b"code" if !value.is_empty() => code = Some(clean(&value)),
            b"time" => time = value.parse().ok(),
            b"key" => key = Some(value),
            _ => {}
        }
    }
    let id = id.ok_or("`id` is missing, empty or too long")?;
    let fate = fate.ok_or("`type` is missing")?;
    // A code says why it failed.
    let code = code.filter(|_| fate != Fate::Delivered);
    Ok(Receipts { receipts: vec![Receipt { id, fate, code, at: time }], key })
}

fn name(text: String) -> Option<String> {
    ((1..=MOST_NAME).contains(&text.len()) && !text.contains(char::is_control)).then_some(text)
}

fn fate_of(text: &str) -> Option<Fate> {
    match text {
        "1" => Some(Fate::Delivered),
        "2" | "16" => Some(Fate::Failed),
        "4" | "8" => Some(Fate::Pending),
        word => Fate::from_word(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    fn receipt(id: &str, fate: Fate, code: Option<&str>, at: Option<Timestamp>) -> Receipt {
        Receipt { id: id.to_owned(), fate, code: code.map(str::to_owned), at }
    }

    /// The first is what Kannel 1.4.5 asked for by the `dlr-url` of our preset.
    #[test]
    fn reads_what_gateways_send() {
        let read = read_receipts(FORM, b"id=AACE894D-1-1&type=1&time=1795434964&key=s3cret").unwrap();
        assert_eq!(read.receipts, [receipt("AACE894D-1-1", Fate::Delivered, None, Some(1_795_434_964))]);
        assert_eq!(read.key.as_deref(), Some("s3cret"));
        let of = |body: &str| read_receipts(FORM, body.as_bytes()).map(|read| read.receipts);
        assert_eq!(of("type=16&id=a%2Db+c"), Ok(vec![receipt("a-b c", Fate::Failed, Some("dlr:16"), None)]));
        assert_eq!(of("type=expired&id=a&code=7"), Ok(vec![receipt("a", Fate::Expired, Some("7"), None)]));
        assert_eq!(of("type=8&id=a").unwrap()[0].fate, Fate::Pending);
        let lines = b"{\"receipt\":\"delivered\",\"id\":\"a\",\"time\":7}\n\n{\"receipt\":\"failed\",\"id\":\"b\",\"code\":\"x\"}\n";
        let expected = [receipt("a", Fate::Delivered, None, Some(7)), receipt("b", Fate::Failed, Some("x"), None)];
        assert_eq!(read_receipts("application/x-ndjson", lines).unwrap().receipts, expected);
    }

    #[test]
    fn says_what_is_none() {
        for (media_type, body, why) in [
            (FORM, "type=1", "`id` is missing"),
            (FORM, "id=a", "`type` is missing"),
            (FORM, "id=a&type=3", "`3` is no receipt"),
            (FORM, "id=%0A&type=1", "`id` is missing"),
            ("", "{\"receipt\":\"delivered\",\"id\":\"a\"}\nhello\n", "line 2: "),
            ("", "{\"receipt\":\"gone\",\"id\":\"a\"}", "line 1: unknown variant"),
            ("", "{\"receipt\":\"failed\",\"id\":\"\"}", "line 1: `id`"),
        ] {
            let error = read_receipts(media_type, body.as_bytes()).unwrap_err();
            assert!(error.starts_with(why), "{body}: {error}");
        }
        assert!(read_receipts("", b"\xFF").is_err());
        let many = "{\"receipt\":\"pending\",\"id\":\"a\"}\n".repeat(MOST + 1);
        assert!(read_receipts("", many.as_bytes()).unwrap_err().contains("more than"));
    }
}
