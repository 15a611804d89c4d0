//! DM sessions, without sockets and clock (DM Protocol 1.2).
//!
//! ```text
//! Notification (package 0) ─→ Client ─ packages 1, 3 ─→ Server
//!                                    ←─ packages 2, 4 ─
//! ```

pub mod auth;
pub mod notification;
