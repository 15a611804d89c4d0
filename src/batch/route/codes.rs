//! The codes of routes: what each means, what is done after it where nothing else is said, and what a person can do. One
//! table for those who classify and those who explain.

use super::{Class, Outcome};
use crate::delivery::pap;

/// A code, or with `*` at its end all that begin so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// What is done after it; `None`: nobody knows whether the message was taken.
    pub class: Option<Class>,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub help: &'static str,
}

const fn row(code: &'static str, class: Option<Class>, meaning: &'static str, help: &'static str) -> Code {
    Code { code, class, meaning, help }
}

const PERMANENT: Option<Class> = Some(Class::Permanent);
const TEMPORARY: Option<Class> = Some(Class::Temporary);
const THROTTLED: Option<Class> = Some(Class::Throttled);
const DENIED: Option<Class> = Some(Class::Denied);

const LOST: &str = "look whether the gateway is overloaded, and whether `timeout` is long enough; `on_ambiguous` says \
                    whether such messages are sent again";
const REACH: &str = "look whether the gateway runs, and at host and port in `url`";

/// All codes, those that are more exact first.
pub const CODES: &[Code] = &[
    row(
        "http:401",
        DENIED,
        "the gateway wants a user and a password that it knows",
        "look at `user` and `password` of the route",
    ),
    row(
        "http:403",
        DENIED,
        "the gateway does not let this user send, or not to this number",
        "look at `user`, `password` and `from` of the route, and at what the gateway allows; where it refuses single numbers so, write `permanent = [\"http:403\"]`",
    ),
    row(
        "http:407",
        DENIED,
        "a proxy between here and the gateway wants a password",
        "name the gateway itself in `url`",
    ),
    row("http:408", TEMPORARY, "the request came too slowly for the gateway", REACH),
    row("http:429", THROTTLED, "the gateway gets more than it takes", "lower `rate` of the route"),
    row("http:503", THROTTLED, "the gateway cannot take more now", "lower `rate` of the route where it comes often"),
    row("http:5*", TEMPORARY, "the gateway failed", "the gateway's own log says why"),
    row("http:connect", TEMPORARY, "no connection to the gateway came about: nothing was sent", REACH),
    row("http:host", TEMPORARY, "there is no host of the name in `url`: nothing was sent", REACH),
    row(
        "http:request",
        TEMPORARY,
        "the request could not be written: nothing was sent",
        "look at `request` of the route",
    ),
    row("http:timeout", None, "no answer came in time: the message may have been taken", LOST),
    row("http:lost", None, "the connection broke before an answer came: the message may have been taken", LOST),
    row(
        "http:unreadable",
        None,
        "the answer says neither yes nor no: the message may have been taken",
        "look at `answer` of the route, and whether something else than the gateway answers at `url`",
    ),
    row(
        "http:*",
        PERMANENT,
        "the gateway refuses the request",
        "the text beside the code is what the gateway said; look at `url` and `request` of the route",
    ),
    row(
        "gateway:*",
        PERMANENT,
        "a code of the gateway's own, in its answer",
        "its manual says what it means; where another attempt may help, write it into `temporary` of the route",
    ),
    row(
        "pap:message",
        PERMANENT,
        "the message cannot be written for a push proxy gateway",
        "`impskit decode` shows what is in it",
    ),
    row(
        "pap:unreadable",
        None,
        "the answer cannot be read: the message may have been taken",
        "look whether a push proxy gateway answers at `url`",
    ),
    row("exec:timeout", None, "the program gave no answer in time: the message may have been taken", LOST),
    row(
        "exec:ended",
        None,
        "the program ended before it answered: the message may have been taken",
        "the program's log says why; it is started again with the next message",
    ),
    row("smpp:no-answer", None, "the centre gave no answer: the message may have been taken", LOST),
    row(
        "smpp:cut-short",
        TEMPORARY,
        "the session ended in the middle of a message: the handset cannot have all of it",
        "nothing: it is sent again",
    ),
    row(
        "exec:*",
        PERMANENT,
        "a code of the program's own",
        "the program's log says why; it may give a `class` beside the code",
    ),
    row(
        "sim:refused",
        PERMANENT,
        "the simulated handset does not trust the message, or cannot read it",
        "the text beside the code says why; `impskit decode` looks at the message layer by layer",
    ),
    row(
        "receipt:failed",
        PERMANENT,
        "a receipt says that the message was not delivered",
        "the gateway's log may say why",
    ),
    row(
        "receipt:expired",
        PERMANENT,
        "a receipt says that the handset was not reached in time",
        "`impskit batch retry --state expired` sends it again",
    ),
    row(
        "dlr:2",
        PERMANENT,
        "Kannel's receipt: the centre could not deliver the message",
        "the centre's operator knows why",
    ),
    row(
        "dlr:16",
        PERMANENT,
        "Kannel's receipt: the centre refused the message",
        "Kannel's log has the centre's status",
    ),
    row(
        "expired",
        PERMANENT,
        "the handset's time was over before it was sent or heard of",
        "`impskit batch retry --state expired` sends it again",
    ),
    row(
        "message",
        PERMANENT,
        "no message can be made of the row",
        "the text beside the code says why; `impskit build --row` makes the same message",
    ),
    row(
        "unheard",
        PERMANENT,
        "nothing was heard of the message in time",
        "`impskit batch retry --state expired` sends it again",
    ),
    row(
        "unrecorded",
        None,
        "a run ended between handing the message over and recording what came of it",
        "`impskit batch retry --state held` sends it again; `on_ambiguous` says whether that waits for a person",
    ),
];

/// Returns the row of a code. A push proxy gateway is reached by HTTP: what goes wrong on the way to it has the rows of
/// `http`; what it answers, a number, has not.
pub fn code(text: &str) -> Option<&'static Code> {
    let after = |start: &str| {
        text.get(..start.len()).filter(|head| head.eq_ignore_ascii_case(start)).and_then(|_| text.get(start.len()..))
    };
    let is_whole = |row: &Code, text: &str| row.code.eq_ignore_ascii_case(text);
    let own = CODES.iter().find(|row| match row.code.strip_suffix('*') {
        Some(start) => after(start).is_some_and(|rest| !rest.is_empty()),
        None => is_whole(row, text),
    });
    own.or_else(|| {
        let name = after("pap:").filter(|name| !name.starts_with(|c: char| c.is_ascii_digit() || c == '*'))?;
        let on_the_way = format!("http:{name}");
        CODES.iter().find(|row| is_whole(row, &on_the_way))
    })
}

/// Says what becomes of a message after a code of the table. One that is not there is unknown: nobody said otherwise.
pub(super) fn outcome(code: &str, text: String) -> Outcome {
    let (class, code) = (self::code(code).and_then(|row| row.class), code.to_owned());
    match class {
        Some(class) => Outcome::Refused { class, code, text },
        None => Outcome::Unknown { code, text },
    }
}

/// Returns what is done after a code where nothing else is said.
pub fn usual(text: &str) -> Class {
    let of_gateway = || text.strip_prefix("pap:")?.parse().ok().map(pap_class);
    code(text).and_then(|row| row.class).or_else(of_gateway).unwrap_or(Class::Temporary)
}

/// Returns what is done after a code of a push proxy gateway.
fn pap_class(number: u16) -> Class {
    let answer = pap::Answer { code: number, ..pap::Answer::default() };
    if answer.is_temporary() { Class::Temporary } else { Class::Permanent }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Returns the lines of the sources of routes, and of what composes their messages, without tests and comments.
    fn lines() -> Vec<String> {
        let batch = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/batch");
        let (mut folders, mut files) = (vec![batch.join("route")], vec![batch.join("compose.rs")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.retain(|path| !["codes.rs", "tests.rs", "testing.rs"].iter().any(|name| path.ends_with(name)));
        let sources = files.into_iter().map(|path| fs::read_to_string(path).unwrap());
        let code = sources.flat_map(|source| {
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            code.lines().map(str::trim).filter(|line| !line.starts_with("//")).map(str::to_owned).collect::<Vec<_>>()
        });
        code.collect()
    }

    /// A law. What routes say by [`outcome`] has the class of its row; so it remains that there is a row, one of its own.
    /// Whether a code may have a class.
    type IsRight = fn(Option<Class>) -> bool;

    #[test]
    fn every_code_that_routes_emit_has_a_row_of_the_class_that_they_give() {
        let mut found = BTreeSet::new();
        for line in lines() {
            let plain = line.replace("'\"'", "").replace("\\\"", "");
            let pieces: Vec<&str> = plain.split('"').collect();
            for pair in pieces.chunks_exact(2) {
                let (before, text) = (pair[0], pair[1]);
                let is_after = |starts: &[&str]| starts.iter().any(|start| before.ends_with(start));
                let of = |families: &[&str]| families.iter().map(|family| format!("{family}:{text}")).collect();
                let is_name =
                    |name: &str| !name.is_empty() && name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase());
                let (codes, is_right): (Vec<String>, IsRight) = match text.split_once(':') {
                    // Only where the request itself is made there is one family.
                    None if is_after(&["Reply::NotSent { code: "]) => (of(&["http"]), |class| class.is_some()),
                    None if is_after(&["not_sent("]) => (of(&["http", "pap"]), |class| class.is_some()),
                    None if is_after(&["lost(", "Lost { code: "]) => (of(&["http", "pap"]), |class| class.is_none()),
                    None if is_after(&["Unfit("]) => (vec![text.to_owned()], |class| class == PERMANENT),
                    Some(("http" | "pap" | "gateway" | "exec" | "smpp" | "sim", name)) if is_name(name) => {
                        assert!(!is_after(&["code: "]), "`{text}` does not come from `outcome`: {line}");
                        (vec![text.to_owned()], |_| true)
                    }
                    _ => continue,
                };
                for text in codes {
                    let row = code(&text).filter(|row| !row.code.ends_with('*'));
                    assert!(row.is_some_and(|row| is_right(row.class)), "{text}: {row:?}");
                    found.insert(text);
                }
            }
        }
        let known = "exec:ended exec:timeout http:connect http:host http:lost http:request http:timeout http:unreadable message \
                     pap:connect pap:host pap:lost pap:message pap:timeout pap:unreadable sim:refused";
        for text in known.split(' ').chain(cfg!(feature = "smpp").then_some("smpp:cut-short")) {
            assert!(found.contains(text), "{text} is not seen: {found:?}");
        }
    }

    #[test]
    fn codes_are_found_whole_before_by_their_beginning() {
        for (text, class) in [
            ("http:403", Class::Denied),
            ("HTTP:503", Class::Throttled),
            ("http:502", Class::Temporary),
            ("http:404", Class::Permanent),
            ("http:connect", Class::Temporary),
            ("pap:connect", Class::Temporary),
            ("pap:4001", Class::Temporary),
            ("pap:2003", Class::Permanent),
            ("gateway:7", Class::Permanent),
        ] {
            assert_eq!(usual(text), class, "{text}");
        }
        for text in ["http:timeout", "exec:timeout", "exec:ended", "pap:lost"] {
            assert_eq!(code(text).unwrap().class, None, "{text}");
        }
        for text in ["http:", "pap:", "pap:401", "pap:2003", "pap:5000", "pap:5*", "pap:*", "pap:else"] {
            assert_eq!(code(text), None, "{text}");
        }
        assert_eq!([code("PAP:host"), code("pap:timeout")], [code("http:host"), code("http:timeout")]);
        assert_ne!(code("pap:unreadable"), code("http:unreadable"));
        for (place, row) in CODES.iter().enumerate() {
            assert_eq!(CODES.iter().position(|other| other.code == row.code), Some(place), "{} twice", row.code);
            let example = row.code.replace('*', "99");
            assert_eq!(code(&example).map(|found| found.code), Some(row.code), "{example} is hidden by another row");
        }
    }
}
