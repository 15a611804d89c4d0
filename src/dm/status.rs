//! Status codes of SyncML 1.2, as a client answers commands with them.

use std::sync::LazyLock;

/// A status code: a row of `statuses.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: u16,
    /// Its name.
    pub name: &'static str,
    /// What it says, and what to do about it.
    pub meaning: &'static str,
    /// The commands whose description lists it, separated by commas; may be empty.
    pub used_by: &'static str,
}

/// Every status code.
pub static STATUSES: LazyLock<Vec<Status>> = LazyLock::new(|| {
    let rows = include_str!("statuses.tsv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [code, name, meaning, used_by] = cells[..] else { panic!("statuses: `{row}`") };
        Status { code: code.parse().expect("statuses: a code"), name, meaning, used_by }
    })
    .collect()
});

impl Status {
    /// Returns the status of that code.
    pub fn of(code: u16) -> Option<&'static Self> {
        STATUSES.iter().find(|status| status.code == code)
    }
}
