//! What a handset needs for IMPS, and how it is said: profiles, subscriber rows, accounts, templates.

mod row_rules;
pub mod rows;
