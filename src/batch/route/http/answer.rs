//! What an answer means: taken, refused, or nobody knows.

use serde_json::Value;

use super::super::codes::{outcome, usual};
use super::super::{Class, Outcome, RouteSettings, clean};
use super::client::Reply;
use super::preset::{Answer, Place};

/// Longest name of a message that is kept.
const MOST_ID: usize = 128;

/// Says what became of a request. An answer that is neither read as taken nor refused leaves it unknown.
pub(super) fn judge(rules: &Answer, settings: &RouteSettings, reply: &Reply) -> Outcome {
    let (status, body) = match reply {
        Reply::Answer { status, body } => (*status, body.as_slice()),
        _ => return without_answer(settings, "http", reply),
    };
    let text = String::from_utf8_lossy(body);
    let json = || serde_json::from_slice::<Value>(body).ok();
    let code = rules.code.as_ref().and_then(|place| place.find(&text, json));
    let is_status = match rules.status.as_slice() {
        [] => (200..300).contains(&status),
        known => known.contains(&status),
    };
    let is_good = |code: &String| rules.good.is_empty() || rules.good.contains(code);
    match code {
        Some(code) if is_status && !is_good(&code) => refused(settings, format!("gateway:{code}"), &text),
        _ if !is_status => {
            let of_status = format!("http:{status}");
            let class = usual(&of_status);
            let code = code.map_or(of_status, |code| format!("gateway:{code}"));
            refused_as(settings, code, class, &text)
        }
        None if !rules.good.is_empty() => unreadable(status, &text),
        _ if !rules.starts.is_empty() && !rules.starts.iter().any(|start| text.trim_start().starts_with(start)) => {
            unreadable(status, &text)
        }
        _ if rules.holds.as_ref().is_some_and(|held| !text.contains(held)) => unreadable(status, &text),
        _ => Outcome::Taken { ids: rules.id.iter().filter_map(|place| place.find(&text, json)).collect() },
    }
}

/// Says what became of a request that had no answer.
pub(crate) fn without_answer(settings: &RouteSettings, family: &str, reply: &Reply) -> Outcome {
    match reply {
        Reply::NotSent { code, text } => {
            let code = format!("{family}:{code}");
            Outcome::Refused { class: settings.class(&code, usual(&code)), code, text: text.clone() }
        }
        Reply::Lost { code, text } => Outcome::Unknown { code: format!("{family}:{code}"), text: text.clone() },
        Reply::Answer { status, body } => unreadable(*status, &String::from_utf8_lossy(body)),
    }
}

fn refused(settings: &RouteSettings, code: String, body: &str) -> Outcome {
    let class = usual(&code);
    refused_as(settings, code, class, body)
}

fn refused_as(settings: &RouteSettings, code: String, usual: Class, body: &str) -> Outcome {
    let said = clean(body);
    let text = if said.is_empty() { "the gateway refused it".to_owned() } else { format!("the gateway said: {said}") };
    Outcome::Refused { class: settings.class(&code, usual), code, text }
}

fn unreadable(status: u16, body: &str) -> Outcome {
    let text = format!("status {status} with an answer that says neither yes nor no: {}", clean(body));
    outcome("http:unreadable", text)
}

impl Place {
    /// Returns the value at this place, if there is one.
    fn find(&self, text: &str, json: impl Fn() -> Option<Value>) -> Option<String> {
        let found = match &self.pointer {
            Some(pointer) => match json()?.pointer(pointer)? {
                Value::String(text) => text.clone(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
                other => other.to_string(),
            },
            None => {
                let after = self.after.as_deref().unwrap_or_default();
                let (_, rest) = text.split_once(after)?;
                let until = self.until.as_deref().unwrap_or("\n");
                match rest.split_once(until) {
                    Some((found, _)) => found.to_owned(),
                    // The end of the text ends its last line, too.
                    None if self.until.is_none() => rest.to_owned(),
                    None => return None,
                }
            }
        };
        let found = found.trim();
        let is_name = !found.is_empty() && found.len() <= MOST_ID && !found.contains(char::is_control);
        is_name.then(|| found.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::preset::Preset;
    use super::*;

    fn said(rules: &Answer, status: u16, body: &str) -> String {
        let table = "name = \"g\"\nkind = \"http\"\ntemporary = [\"gateway:9*\"]\nthrottled = [\"http:509\"]\n";
        let settings: RouteSettings = toml::from_str(table).unwrap();
        match judge(rules, &settings, &Reply::Answer { status, body: body.as_bytes().to_vec() }) {
            Outcome::Taken { ids } => format!("taken {}", ids.join(" ")),
            Outcome::Refused { class, code, .. } => format!("{class:?} {code}"),
            Outcome::Unknown { code, .. } => format!("unknown {code}"),
            Outcome::NotSent => "not sent".to_owned(),
        }
    }

    /// The answers of Kannel were captured (sheet bootstrap-push-sms, section 6.1; samples of peers); the others are
    /// written by hand from the manuals.
    #[test]
    fn presets_read_their_gateways() {
        let kannel = Preset::Kannel.read().unwrap().answer;
        for (status, body, outcome) in [
            (202, "0: Accepted for delivery", "taken "),
            (202, "3: Queued for later delivery", "taken "),
            (202, "<html>captive portal</html>", "unknown http:unreadable"),
            (403, "Authorization failed for sendsms", "Denied http:403"),
            (400, "Missing receiver number, rejected", "Permanent http:400"),
            (503, "Temporary failure, try again later.", "Throttled http:503"),
            (500, "", "Temporary http:500"),
            (302, "", "Permanent http:302"),
            (509, "", "Throttled http:509"),
        ] {
            assert_eq!(said(&kannel, status, body), outcome, "{body}");
        }
        let nowsms = Preset::Nowsms.read().unwrap().answer;
        let page = "<html><body>Message Submitted<br>MessageID=3DEF12.req, Recipient=+46700000001</body></html>";
        assert_eq!(said(&nowsms, 200, page), "taken 3DEF12.req");
        assert_eq!(said(&nowsms, 200, "<html>Error</html>"), "unknown http:unreadable");
        let generic = Preset::Generic.read().unwrap().answer;
        assert_eq!(said(&generic, 201, ""), "taken ");
    }

    #[test]
    fn codes_and_names_come_from_json_or_text() {
        let rules: Answer = toml::from_str(
            "good = [\"0\"]\ncode = { pointer = \"/messages/0/status\" }\nid = { pointer = \"/messages/0/id\" }\n",
        )
        .unwrap();
        for (status, body, outcome) in [
            (200, r#"{"messages":[{"status":"0","id":77}]}"#, "taken 77"),
            (200, r#"{"messages":[{"status":0}]}"#, "taken "),
            (200, r#"{"messages":[{"status":"9.1","id":"x"}]}"#, "Temporary gateway:9.1"),
            (400, r#"{"messages":[{"status":"4"}]}"#, "Permanent gateway:4"),
            (200, r#"{"messages":[{"status":{}}]}"#, "unknown http:unreadable"),
            (200, "{\"messages\":[", "unknown http:unreadable"),
            (429, "", "Throttled http:429"),
        ] {
            assert_eq!(said(&rules, status, body), outcome, "{body}");
        }
        let rules: Answer = toml::from_str("id = { after = \"ID:\" }").unwrap();
        assert_eq!(said(&rules, 200, "OK\nID: a b \nmore"), "taken a b");
        assert_eq!(said(&rules, 200, "ID:9"), "taken 9");
        assert_eq!(said(&rules, 200, "ID:"), "taken ");
        assert_eq!(said(&rules, 200, &format!("ID:{}", "9".repeat(500))), "taken ");
        let rules: Answer = toml::from_str("id = { after = \"ID:\", until = \";\" }").unwrap();
        assert_eq!(said(&rules, 200, "ID:9 that was cut"), "taken ");
    }
}
