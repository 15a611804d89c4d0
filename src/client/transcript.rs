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
use crate::csp::{Message, Mode, Outcome, Transaction};
use crate::diagnose::text::printable;
use crate::document::{CodeTable, Content, Element};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Out,
    /// From it.
    In,
}

/// What proves a password.
const SECRETS: [&str; 2] = ["Password", "DigestBytes"];

/// Hides what proves a password; returns whether there was something.
fn mask(message: &mut Message<'_>) -> bool {
    let children = message.transactions.iter_mut().flat_map(|transaction| &mut transaction.primitive.children);
    let secrets = children.filter(|child| SECRETS.contains(&child.name.as_ref()));
    secrets.map(|secret| *secret = Element::leaf(secret.name.clone(), "****")).count() > 0
}

/// Returns a body without what proves a password. A request of ours that cannot be read may hold one anywhere: nothing of
/// it is returned.
#[cfg(any(feature = "server", test))]
pub(super) fn masked(body: &[u8], direction: Direction, codes: &'static CodeTable) -> Vec<u8> {
    match wire::read_with(body, &wire::LIMITS, codes) {
        Ok((Body::Message(mut message), form)) => match mask(&mut message) {
            true => wire::write(&message, form).unwrap_or_default(),
            false => body.to_vec(),
        },
        Err(_) if direction == Direction::Out => Vec::new(),
        _ => body.to_vec(),
    }
}

/// Returns a body in words, a line each; what proves a password is not among them.
pub fn in_words(body: &[u8], direction: Direction, codes: &'static CodeTable) -> String {
    let arrow = match direction {
        Direction::Out => "->",
        Direction::In => "<-",
    };
    if body.is_empty() {
        return format!("{arrow} (nothing)\n");
    }
    match wire::read_with(body, &wire::LIMITS, codes) {
        Ok((Body::Message(mut message), _)) => {
            mask(&mut message);
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

fn transaction(transaction: &Transaction<'_>, arrow: &str) -> String {
    let primitive = &transaction.primitive;
    let id = transaction.id.as_deref().unwrap_or("-");
    let code = Outcome::read(primitive).map(|outcome| format!(" {}", outcome.code)).unwrap_or_default();
    let mut text = format!("{arrow} {id} {}{code}\n", primitive.name);
    let is_plain = transaction.mode == Mode::Response && Outcome::read(primitive).is_some_and(|o| o.details.is_empty());
    for child in &primitive.children {
        match child.name.as_ref() {
            "Result" if is_plain => {}
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
    use crate::codec::Encoding;
    use crate::csp;

    /// A login in a syntax, with the codes it is in.
    fn login(encoding: Encoding, codes: &'static CodeTable) -> Vec<u8> {
        let identity = Identity { encoding, text_codes: codes, ..Identity::new("wv:romeo", "rosaline") };
        let outputs = Client::new(identity).handle(std::time::Duration::ZERO, Event::LogIn);
        let [Output::Post { body, .. }] = &outputs[..] else { panic!("one post: {outputs:?}") };
        body.clone()
    }

    #[test]
    fn traces_hold_no_password() {
        let own = csp::text_codes();
        let other = own.overlaid("code\tkind\tname\tcertainty\tnote\nQZ\tprimitive\tLogin-Request\tP\t-\n".to_owned());
        let other: &'static CodeTable = Box::leak(Box::new(other.unwrap()));
        let has = |body: &[u8]| body.windows(8).any(|part| part == b"rosaline");
        for (encoding, codes) in
            [(Encoding::Xml, own), (Encoding::Wbxml, own), (Encoding::Pts, own), (Encoding::Pts, other)]
        {
            let body = login(encoding, codes);
            let masked = masked(&body, Direction::Out, codes);
            assert!(has(&body) && !has(&masked), "{encoding:?}");
            assert!(wire::read_with(&masked, &wire::LIMITS, codes).is_ok(), "{encoding:?}");
        }
        // With other codes than it was written in, nothing is known of it.
        assert_eq!(masked(&login(Encoding::Pts, other), Direction::Out, own), b"");
        assert_eq!(masked(b"garbage", Direction::In, own), b"garbage");
    }

    #[test]
    fn a_login_in_words_has_no_password() {
        let body = login(Encoding::Xml, csp::text_codes());
        let words = in_words(&body, Direction::Out, csp::text_codes());
        assert!(words.starts_with("-> 1 Login-Request\n        UserID wv:romeo\n"), "{words}");
        assert!(words.contains("Password ****") && !words.contains("rosaline"));
        assert_eq!(in_words(b"", Direction::In, csp::text_codes()), "<- (nothing)\n");
        assert!(in_words(b"\x1b[2J", Direction::In, csp::text_codes()).starts_with("<- 4 octets that are no message"));
    }
}
