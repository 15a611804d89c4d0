//! Contact lists.
