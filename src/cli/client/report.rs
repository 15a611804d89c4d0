//! What a step came to, for people and for programs.

use std::fmt::Write as _;

use impskit::client::Output;
use impskit::client::primitives::addresses_from;
use impskit::client::transcript::outline;
use impskit::csp::{self, Code};
use impskit::diagnose::text::printable;
use impskit::document::{Element, integer};
use impskit::error::{Error, Result};
use serde::Serialize;

use super::{Format, Outcome, Place, Ui};

/// What a step came to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: &'static str,
    step: String,
    pub(super) ok: bool,
    pub(super) status: Option<u16>,
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep_alive: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) services: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) versions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failed>,
    /// What the server answered, where that is more than a status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) answers: Vec<Shown>,
    pub(super) messages: Vec<Received>,
    /// Why the server ended the session, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<u16>,
    #[serde(skip)]
    pub(super) user: Option<String>,
}

/// Who or what a request did not reach, and why.
#[derive(Debug, Serialize)]
struct Failed {
    status: u16,
    name: &'static str,
    who: Vec<String>,
}

/// An element with everything below it.
#[derive(Debug, Serialize)]
pub(super) struct Tree {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
}

/// The same, and how people are shown it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    tree: Tree,
    #[serde(skip)]
    lines: String,
}

impl Shown {
    fn read(element: &Element<'_>) -> Self {
        Self { tree: Tree::read(element), lines: outline(element, 0) }
    }
}

impl Tree {
    fn read(element: &Element<'_>) -> Self {
        let text = element.text();
        Self {
            name: element.name.to_string(),
            text: (!text.is_empty()).then(|| text.to_owned()),
            children: element.children.iter().map(Self::read).collect(),
        }
    }
}

/// What the server brought.
#[derive(Debug, Serialize)]
pub(super) struct Received {
    pub(super) primitive: String,
    from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The media type of a message that is no text, or is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_size: Option<u32>,
    /// Where its content is to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// All of it, where it is no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Shown>,
}

impl Report {
    pub(super) fn new(step: &str) -> Self {
        Self {
            schema: "impskit.client/1",
            step: step.to_owned(),
            ok: true,
            status: None,
            description: None,
            keep_alive: None,
            services: Vec::new(),
            versions: Vec::new(),
            message_id: None,
            failed: Vec::new(),
            answers: Vec::new(),
            messages: Vec::new(),
            ended: None,
            user: None,
        }
    }

    /// Returns it as that of another step.
    pub(super) fn step(self, step: impl Into<String>) -> Self {
        Self { step: step.into(), ..self }
    }

    /// Takes up an answer; one without a Result is good.
    pub(super) fn answered(&mut self, answer: &Element<'_>) {
        let outcome = csp::Outcome::read(answer);
        let code = outcome.as_ref().map_or(Code::SUCCESSFUL, |outcome| outcome.code);
        // What some did not get is not good.
        self.ok = code.is_success() && code != Code::PARTIALLY_SUCCESSFUL;
        self.status = Some(code.0);
        self.description = outcome.as_ref().and_then(|outcome| outcome.description.clone());
        let details = outcome.iter().flat_map(|outcome| &outcome.details);
        self.failed = details
            .map(|detail| Failed {
                status: detail.code.0,
                name: detail.code.name(),
                who: detail.items.iter().map(|item| item.trimmed().to_owned()).collect(),
            })
            .collect();
        let is_said = ["Result", "ClientID", "MessageID"];
        let more = answer.children.iter().filter(|child| !is_said.contains(&child.name.as_ref()));
        if answer.name != "Login-Response" {
            self.answers.extend(more.map(Shown::read));
        }
    }

    /// Takes up what a client told.
    pub(super) fn take(&mut self, outputs: &[Output]) -> Result<()> {
        for output in outputs {
            match output {
                Output::Received(primitive) => self.messages.push(Received::read(primitive)),
                Output::Ended(code) => (self.ended, self.ok) = (Some(code.0), false),
                Output::Failed { request, why } => return Err(Error::remote(format!("{request}: {why}"))),
                Output::Answered { .. }
                | Output::Discovered(_)
                | Output::Reopen
                | Output::LoggedIn
                | Output::Post { .. } => {}
            }
        }
        Ok(())
    }

    pub(super) fn tell(&self, place: &Place, ui: &mut Ui) -> Result<Outcome> {
        match place.format {
            Format::Json => {
                let json = serde_json::to_string_pretty(self).map_err(|error| Error::input(error.to_string()))?;
                ui.line(&json)?;
            }
            Format::Text => ui.data(self.in_words().as_bytes())?,
        }
        Ok(if self.ok { Outcome::Good } else { Outcome::NotGood })
    }

    fn in_words(&self) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", printable(&words));
        };
        let refusal = match (self.status, &self.description) {
            (Some(code), _) => Code(code).to_string(),
            (None, description) => description.clone().unwrap_or_default(),
        };
        match (self.step.as_str(), self.ok) {
            ("login", true) => {
                line(format!("logged in as {}", self.user.as_deref().unwrap_or_default()));
                line(format!("  keep-alive  {} s", self.keep_alive.unwrap_or_default()));
                line(format!("  services    {}", self.services.join(" ")));
            }
            ("login", false) => line(format!("not logged in: {refusal}")),
            ("discover", _) => line(format!("the server speaks CSP {}", self.versions.join(" "))),
            ("send", true) => line(format!("sent: {}", self.message_id.as_deref().unwrap_or("without an identifier"))),
            ("send", false) if self.status == Some(Code::PARTIALLY_SUCCESSFUL.0) => {
                line(format!("not sent to all: {refusal}"));
            }
            ("send", false) => line(format!("not sent: {refusal}")),
            ("recv", _) if self.messages.is_empty() => line("nothing waits".to_owned()),
            ("recv", _) => {}
            (_, true) if self.answers.is_empty() => line("done".to_owned()),
            (_, true) => {}
            (step, false) => line(format!("{step}: {refusal}")),
        }
        for failed in &self.failed {
            line(format!("  {} {}: {}", failed.status, failed.name, failed.who.join(" ")));
        }
        self.answers.iter().flat_map(|answer| shown_lines(&answer.lines)).for_each(&mut line);
        // Those received are shown already.
        for message in self.messages.iter().filter(|_| self.step != "recv") {
            message.in_lines().into_iter().for_each(&mut line);
        }
        if let Some(code) = self.ended {
            line(format!("the server ended the session: {}", Code(code)));
        }
        text
    }
}

impl Received {
    fn read(primitive: &Element<'static>) -> Self {
        let info = |name: &str| primitive.descend(&["MessageInfo", name]).map(|e| e.trimmed().to_owned());
        let from = if primitive.name == "DeliveryReport-Request" {
            csp::ids::users(primitive.descend(&["MessageInfo", "Recipient"]).unwrap_or(primitive))
        } else {
            addresses_from(primitive)
        };
        let is_message = primitive.child("MessageInfo").is_some();
        let text = primitive.child("ContentData").map(|data| data.text()).filter(|text| !text.is_empty());
        let is_elsewhere = text.is_none() && matches!(&*primitive.name, "NewMessage" | "MessageNotification");
        let of_content = |name: &str| info(name).filter(|_| is_elsewhere);
        Self {
            primitive: primitive.name.to_string(),
            from: from.into_iter().map(str::to_owned).collect(),
            message_id: info("MessageID"),
            sent: info("DateTime"),
            status: csp::Outcome::read(primitive).map(|outcome| outcome.code.0),
            text: text.map(str::to_owned),
            content_type: of_content("ContentType"),
            content_size: of_content("ContentSize").and_then(|size| integer(&size)),
            address: of_content("MessageURI"),
            content: (!is_message).then(|| Shown::read(primitive)),
        }
    }

    /// Returns what people are shown of it.
    pub(super) fn in_lines(&self) -> Vec<String> {
        let from = self.from.join(" ");
        let words = match (self.primitive.as_str(), &self.text, self.status, &self.content) {
            ("NewMessage", Some(content), ..) => format!("{from}: {content}"),
            ("NewMessage" | "MessageNotification", ..) => {
                let kind = self.content_type.as_deref().unwrap_or("content");
                let size = self.content_size.map(|size| format!(", {size} octets")).unwrap_or_default();
                let place = self.address.as_ref().map(|address| format!(", at {address}")).unwrap_or_default();
                let waits = if self.primitive == "NewMessage" { "" } else { ", waits at the server" };
                format!("{from}: {kind}{size}{place}{waits}")
            }
            ("DeliveryReport-Request", _, Some(status), _) => format!("delivery to {from}: {}", Code(status)),
            (_, _, _, Some(content)) => content.lines.trim_end().to_owned(),
            (name, ..) => format!("{name} {from}").trim_end().to_owned(),
        };
        shown_lines(&words).collect()
    }
}

/// Returns text of more than one line as it may be shown, a line each.
fn shown_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| printable(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_text_tells_what_it_holds_and_where() {
        let info = Element::new("MessageInfo")
            .with_leaf("ContentType", "image/png")
            .with_leaf("ContentSize", "4313")
            .with(Element::new("Sender").with(Element::new("User").with_leaf("UserID", "wv:a@x")));
        let lines = |primitive: Element<'static>| Received::read(&primitive).in_lines();
        let picture = Element::new("NewMessage").with(info.clone()).with(Element::octets("ContentData", vec![0x89]));
        assert_eq!(lines(picture), ["wv:a@x: image/png, 4313 octets"]);
        let elsewhere = info.clone().with_leaf("MessageURI", "http://x/1");
        let linked = Element::new("NewMessage").with(elsewhere.clone());
        assert_eq!(lines(linked), ["wv:a@x: image/png, 4313 octets, at http://x/1"]);
        let announced = Element::new("MessageNotification").with(elsewhere);
        assert_eq!(lines(announced), ["wv:a@x: image/png, 4313 octets, at http://x/1, waits at the server"]);
        let text = Element::new("NewMessage").with(info).with_leaf("ContentData", "Hello");
        assert_eq!(lines(text), ["wv:a@x: Hello"]);
    }
}
