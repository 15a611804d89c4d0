//! Messages in words, as conversation scripts have them: who says what, and what is in it.
//!
//! ```text
//! -> 3 SendMessage-Request
//!        MessageInfo
//!          Recipient
//!            User
//!              UserID wv:juliet
//! <- 3 SendMessage-Response 200 Successful
//!        MessageID m-1
//! <- more waits
//! ```

use std::fmt::Write as _;

use crate::csp::wire::{self, Body};
use crate::csp::{Mode, Outcome, Transaction};
use crate::diagnose::text::printable;
use crate::document::{Content, Element};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Out,
    /// From it.
    In,
}

/// Returns a body in words, a line each; what proves a password is not among them.
pub fn in_words(body: &[u8], direction: Direction) -> String {
    let arrow = match direction {
        Direction::Out => "->",
        Direction::In => "<-",
    };
    if body.is_empty() {
        return format!("{arrow} (nothing)\n");
    }
    match wire::read(body, &wire::LIMITS) {
        Ok((Body::Message(message), _)) => {
            let mut text: String = message.transactions.iter().map(|t| transaction(t, arrow)).collect();
            for (flag, words) in [(message.poll, "more waits"), (message.cir, "call me again")] {
                if flag == Some(true) {
                    let _ = writeln!(text, "{arrow} {words}");
                }
            }
            text
        }
        Ok((Body::Discovery(discovery), _)) => {
            let versions: Vec<&str> = discovery.versions.iter().map(|version| version.as_str()).collect();
            format!("{arrow} {} CSP {}\n", discovery.element().name, versions.join(" "))
        }
        Err(refusal) => format!("{arrow} {} octets that are no message: {}\n", body.len(), printable(&refusal.what())),
    }
}

fn transaction(transaction: &Transaction, arrow: &str) -> String {
    let primitive = &transaction.primitive;
    let id = transaction.id.as_deref().unwrap_or("-");
    let code = Outcome::read(primitive).map(|outcome| format!(" {}", outcome.code)).unwrap_or_default();
    let mut text = format!("{arrow} {id} {}{code}\n", primitive.name);
    let is_plain = transaction.mode == Mode::Response && Outcome::read(primitive).is_some_and(|o| o.details.is_empty());
    for child in &primitive.children {
        match child.name.as_ref() {
            "Result" if is_plain => {}
            name @ ("Password" | "DigestBytes") => text += &outline(&Element::leaf(name, "****"), 4),
            _ => text += &outline(child, 4),
        }
    }
    // Control characters of others are no business of a terminal.
    text.lines().map(|line| format!("{}\n", printable(line))).collect()
}

/// Returns an element in an outline: its name and what it says, below it its children.
pub fn outline(element: &Element<'_>, depth: usize) -> String {
    let said = match &element.content {
        Content::Octets(octets) => format!(" ({} octets)", octets.len()),
        Content::Text(text) if text.trim_ascii().is_empty() => String::new(),
        // A line is a line.
        Content::Text(text) => format!(" {}", text.trim_ascii().replace(['\n', '\r'], " ")),
    };
    let mut text = format!("{:1$}{2}{said}\n", "", 2 * depth, element.name);
    element.children.iter().for_each(|child| text += &outline(child, depth + 1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, Event, Identity, Output};

    #[test]
    fn a_login_in_words_has_no_password() {
        let mut client = Client::new(Identity::new("wv:romeo", "rosaline"));
        let outputs = client.handle(std::time::Duration::ZERO, Event::LogIn);
        let [Output::Post { body, .. }] = &outputs[..] else { panic!("one post: {outputs:?}") };
        let words = in_words(body, Direction::Out);
        assert!(words.starts_with("-> 1 Login-Request\n        UserID wv:romeo\n"), "{words}");
        assert!(words.contains("Password ****") && !words.contains("rosaline"));
        assert_eq!(in_words(b"", Direction::In), "<- (nothing)\n");
        assert!(in_words(b"\x1b[2J", Direction::In).starts_with("<- 4 octets that are no message"));
    }
}
