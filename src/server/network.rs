//! What the network knows of users and tells the server: whether they are registered, where they are.
//!
//! The release definition leaves the interface to products. Ours takes lines of JSON, one a user:
//!
//! ```text
//! {"user": "wv:anna@acme.example", "presence": {"Registration": "T", "PLMN": "24491", "TimeZone": {"Zone": "+02:00"}}}
//! {"user": "berta", "presence": "<PresenceSubList><Registration><Qualifier>F</Qualifier></Registration></PresenceSubList>"}
//! ```
//!
//! A text is the value of an attribute, an object holds its elements, `null` says that it is not known any more.

use serde_json::Value;

use crate::codec::{self, Limits};
use crate::csp::V1_3;
use crate::diagnose::Report;
use crate::document::Element;

/// Lines of one delivery.
const MOST_LINES: usize = 1000;
/// Levels of a value: deeper than any attribute.
const LIMITS: Limits = Limits { bytes: 64 << 10, depth: 8, elements: 500, attributes: 16 };

/// What the network says of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPresence {
    /// The user's address, as it was written.
    pub user: String,
    /// A PresenceSubList with the attributes that have changed.
    pub list: Element<'static>,
}

impl NetworkPresence {
    /// Reads lines of JSON.
    ///
    /// # Errors
    ///
    /// Names the first line that cannot be read; nothing of the others is done then.
    pub fn read_all(body: &[u8]) -> Result<Vec<Self>, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the body is no UTF-8".to_owned())?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut all = Vec::new();
        for (index, line) in lines {
            if all.len() == MOST_LINES {
                return Err(format!("more than {MOST_LINES} lines"));
            }
            all.push(Self::read(line).ok_or_else(|| format!("line {} says nothing of a user's presence", index + 1))?);
        }
        Ok(all)
    }

    fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let user = value.get("user")?.as_str()?.to_owned();
        let list = match value.get("presence")? {
            Value::String(xml) => {
                let document = codec::read(xml.as_bytes(), &[&V1_3], &LIMITS, &mut Report::new())?;
                Some(document.root.into_owned()).filter(|root| root.name == "PresenceSubList")?
            }
            Value::Object(attributes) => {
                let all = attributes.iter().map(|(name, value)| attribute(name, value));
                Element::new("PresenceSubList").with_all(all.collect::<Option<Vec<_>>>()?)
            }
            _ => return None,
        };
        Some(Self { user, list })
    }
}

fn attribute(name: &str, value: &Value) -> Option<Element<'static>> {
    let attribute = Element::new(name.to_owned());
    Some(match value {
        Value::Null => attribute.with_leaf("Qualifier", "F"),
        Value::String(text) => attribute.with_leaf("Qualifier", "T").with_leaf("PresenceValue", text.clone()),
        Value::Object(parts) => {
            let leaf = |(name, text): (&String, &Value)| Some(Element::leaf(name.clone(), text.as_str()?.to_owned()));
            let known = if parts.contains_key("Qualifier") { attribute } else { attribute.with_leaf("Qualifier", "T") };
            known.with_all(parts.iter().map(leaf).collect::<Option<Vec<_>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(element: &Element<'_>) -> String {
        let inside = element.children.iter().map(texts).collect::<String>();
        format!("{}({}{inside})", element.name, element.trimmed())
    }

    #[test]
    fn reads_objects_and_xml() {
        let body = "{\"user\": \"anna\", \"presence\": {\"PLMN\": \"24491\", \"Registration\": null, \
                    \"TimeZone\": {\"Zone\": \"+02:00\"}}}\n\n\
                    {\"user\": \"berta\", \"presence\": \"<PresenceSubList><PLMN><PresenceValue>1</PresenceValue></PLMN></PresenceSubList>\"}\n";
        let all = NetworkPresence::read_all(body.as_bytes()).unwrap();
        assert_eq!(all.iter().map(|one| one.user.as_str()).collect::<Vec<_>>(), ["anna", "berta"]);
        assert_eq!(
            texts(&all[0].list),
            "PresenceSubList(PLMN(Qualifier(T)PresenceValue(24491))Registration(Qualifier(F))\
             TimeZone(Qualifier(T)Zone(+02:00)))"
        );
        assert_eq!(texts(&all[1].list), "PresenceSubList(PLMN(PresenceValue(1)))");
    }

    #[test]
    fn names_the_line_that_cannot_be_read() {
        let good = "{\"user\": \"anna\", \"presence\": {}}";
        for bad in [
            "x",
            "{}",
            "{\"user\": \"a\"}",
            "{\"user\": \"a\", \"presence\": 1}",
            "{\"user\": \"a\", \"presence\": \"<A/>\"}",
        ] {
            let told = NetworkPresence::read_all(format!("{good}\n{bad}\n").as_bytes()).unwrap_err();
            assert_eq!(told, "line 2 says nothing of a user's presence", "{bad}");
        }
        let many = format!("{good}\n").repeat(MOST_LINES + 1);
        assert_eq!(NetworkPresence::read_all(many.as_bytes()).unwrap_err(), "more than 1000 lines");
    }
}
