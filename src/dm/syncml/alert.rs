//! The alerts of device management (DM Protocol 1.2, "Alert"; DM facts, "Alerts").

use std::sync::LazyLock;

/// What an alert says by its code: a row of `alerts.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertCode {
    /// The code.
    pub code: u16,
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Who sends it: `server`, `client` or `both`.
    pub from: &'static str,
}

/// Every alert of device management.
pub static ALERTS: LazyLock<Vec<AlertCode>> = LazyLock::new(|| {
    let rows = include_str!("alerts.tsv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [code, name, meaning, from] = cells[..] else { panic!("alerts: `{row}`") };
        AlertCode { code: code.parse().expect("alerts: a code"), name, meaning, from }
    })
    .collect()
});

impl AlertCode {
    /// Returns the alert of that code.
    pub fn of(code: u16) -> Option<&'static Self> {
        ALERTS.iter().find(|alert| alert.code == code)
    }
}
