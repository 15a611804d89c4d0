//! The primitives: which exist in a version, who sends them, what answers them, which function must be agreed.
//!
//! One row a primitive and version, in `primitives.tsv`; read once.

use std::sync::LazyLock;

use super::Version;
use super::wire::{self, Form};
use crate::document::Names;

/// Whether a primitive opens a transaction or answers one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Opens a transaction.
    Request,
    /// Answers a request. A few are opened as requests too: [`Primitive::may_open`].
    Response,
}

/// Who sends a primitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Either.
    Both,
}

/// One row of the table.
#[derive(Debug)]
pub struct Primitive {
    /// The version that the row is of.
    pub version: Version,
    /// The element's name.
    pub name: &'static str,
    /// Whether it opens or answers.
    pub kind: Kind,
    /// For a request its normal answers (`Status` with an error code is always another); for a response what it
    /// answers. Empty for `Status` and `Polling-Request`, which go with anything.
    pub answers: Vec<&'static str>,
    /// The transaction's mark in the catalogue of transactions: `F2`, `P8`, `M1`.
    pub transaction: &'static str,
    /// Who sends it.
    pub sender: Sender,
    /// The function or feature of the service tree that must be agreed, any one of these; empty where none must.
    pub functions: Vec<&'static str>,
}

impl Primitive {
    /// Returns whether a primitive is an answer that is opened as a request too.
    pub(crate) fn is_opened_answer(version: Version, name: &str) -> bool {
        Self::find(version, name).is_some_and(|row| row.kind == Kind::Response && row.may_open())
    }

    /// Returns the primitive of that name in `version`.
    pub fn find(version: Version, name: &str) -> Option<&'static Self> {
        TABLE.by_name[version as usize].get(name).map(|&row| &TABLE.rows[row])
    }

    /// Returns all rows, in the table's order.
    pub fn all() -> &'static [Self] {
        &TABLE.rows
    }

    /// Returns whether the client sends it.
    pub fn is_from_client(&self) -> bool {
        self.sender != Sender::Server
    }

    /// Returns whether the server sends it.
    pub fn is_from_server(&self) -> bool {
        self.sender != Sender::Client
    }

    /// Returns whether it may open a transaction: every request, and the responses that are opened as requests at
    /// times (`MessageDelivered` after `GetMessage-Request`, a forced `LeaveGroup-Response`, late answers of other
    /// domains).
    pub fn may_open(&self) -> bool {
        self.kind == Kind::Request || OPENED_RESPONSES.contains(&self.name)
    }

    /// Returns whether a request has an answer that can be said in a form.
    pub(crate) fn can_be_answered(&self, form: Form) -> bool {
        self.answers.is_empty() || self.answers.iter().any(|name| *name == "Status" || wire::can_say(name, form))
    }

    /// Returns the one normal answer of a request: its own response, or `Status` where it has none.
    pub fn answer(&self) -> &'static str {
        self.answers.first().copied().unwrap_or("Status")
    }
}

/// Responses that are opened as requests too, and are answered by `Status` then (notes of the table).
const OPENED_RESPONSES: &[&str] =
    &["MessageDelivered", "LeaveGroup-Response", "GetPresence-Response", "JoinGroup-Response"];

struct Table {
    rows: Vec<Primitive>,
    by_name: [Names<usize>; 3],
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<Primitive> =
        include_str!("primitives.tsv").lines().skip(1).filter(|row| !row.is_empty()).map(read_row).collect();
    let mut by_name: [Names<usize>; 3] = Default::default();
    for (number, row) in rows.iter().enumerate() {
        by_name[row.version as usize].insert(row.name, number);
    }
    Table { rows, by_name }
});

/// Reads a row. Our tables are part of the program and a test reads them all, so a malformed row panics.
fn read_row(row: &'static str) -> Primitive {
    let cells: Vec<&'static str> = row.split('\t').collect();
    let [version, name, kind, answer, transaction, sender, _, _, functions, ..] = cells[..] else {
        panic!("primitives: `{row}` is short");
    };
    Primitive {
        version: Version::from_text(version).expect("primitives: a version"),
        name,
        kind: if kind == "request" { Kind::Request } else { Kind::Response },
        answers: if answer.starts_with("any ") { Vec::new() } else { answer.split(" or ").collect() },
        transaction,
        sender: match sender {
            "client" => Sender::Client,
            "server" => Sender::Server,
            _ => Sender::Both,
        },
        // A cell may add under which condition another function counts; conditions are the service's business.
        functions: functions.split(", ").filter(|name| *name != "-" && !name.contains(' ')).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_closes_upon_itself() {
        for row in Primitive::all() {
            let grammar = &row.version.vocabulary().grammar;
            assert!(grammar.declaration(row.name, "transaction").is_some(), "{} has no element", row.name);
            for answer in &row.answers {
                let other = Primitive::find(row.version, answer).unwrap_or_else(|| panic!("{answer} of {}", row.name));
                // Disconnect opens, and in 1.1 answers a logout too.
                assert!(other.kind != row.kind || *answer == "Disconnect", "{} and {answer}", row.name);
            }
            for function in &row.functions {
                assert!(grammar.declaration(function, "transaction").is_some(), "{function} of {}", row.name);
            }
        }
    }

    #[test]
    fn finds_by_version() {
        let logout = |version| Primitive::find(version, "Logout-Request").unwrap().answer();
        assert_eq!((logout(Version::V1_1), logout(Version::V1_3)), ("Disconnect", "Status"));
        assert!(Primitive::find(Version::V1_2, "CreateList-Response").is_none());
        assert_eq!(Primitive::find(Version::V1_3, "NewMessage").unwrap().functions, ["NEWM"]);
    }
}
