//! The test suite: one program, so that linking is paid once.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod abuse;
mod access;
mod account;
mod batch;
#[cfg(feature = "server")]
mod binding;
mod campaigns;
#[cfg(feature = "smpp")]
mod centre;
mod clauses;
#[cfg(feature = "server")]
mod cli;
#[cfg(feature = "server")]
mod client;
mod codecs;
#[cfg(feature = "server")]
mod command_line;
mod commands;
mod compare;
mod conformance;
mod conversations;
mod corpus;
#[cfg(feature = "server")]
mod crowd;
mod csp;
mod ddf;
mod delivery;
mod descriptions;
mod device;
#[cfg(feature = "server")]
mod durability;
mod editor;
mod faults;
mod floors;
mod format;
mod fundamental;
mod hostile;
#[cfg(feature = "server")]
mod http;
mod inspect;
mod language;
mod laws;
mod management;
mod mapping;
#[cfg(feature = "server")]
mod odd_servers;
mod packs;
mod peers;
mod peers_csp;
mod peers_known;
mod pictures;
mod placing;
mod properties;
mod provision;
mod pts;
mod readers;
#[cfg(feature = "server")]
mod rehearse;
mod rules;
#[cfg(feature = "server")]
mod scripts;
mod server;
mod services;
mod settings;
mod skeleton;
mod smpp;
mod syncml;
mod table;
#[cfg(feature = "server")]
mod texting;
#[cfg(feature = "tls")]
mod tls;
mod trees;
mod vendor;
mod waking;
