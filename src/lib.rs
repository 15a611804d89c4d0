//! impskit: provisioning and device management for OMA IMPS (Wireless Village), with a server to try it against.
//!
//! # The map of the house
//!
//! A module uses only modules of lower floors, or of its own floor above it in this list (a test reads the `use` lines).
//!
//! | floor | module | what is in it |
//! |---|---|---|
//! | 1 | [`error`] | what goes wrong outside a document |
//! | 1 | [`diagnose`] | saying what is wrong with a document: rules, findings, sources, rendering |
//! | 2 | [`document`] | the one tree; grammars and token tables; what a vocabulary is |
//! | 2 | [`codec`] | octets to the tree and back: XML, WBXML |
//! | 3 | [`cp`] | client provisioning documents, the `wA` application, their MAC |
//! | 3 | [`dm`] | device trees, device descriptions, management objects |
//! | 3 | [`csp`] | the IMPS client-server language |
//! | 4 | [`provision`] | profiles, accounts, handsets; writing and reading them as documents |
//! | 4 | [`delivery`] | push, segments, SMS |
//! | 4 | [`catalogue`] | all vocabularies and all rules |
//! | 4 | [`server`] | the IMPS server |
//! | 4 | [`client`] | the IMPS client and conversation scripts |
//! | 5 | [`inspect`] | peeling a blob layer by layer |
//! | 5 | [`rehearse`] | from profile to logged-in client |
//! | 5 | [`batch`] | campaigns |

pub mod batch;
pub mod catalogue;
pub mod client;
pub mod codec;
pub mod cp;
pub mod csp;
pub mod delivery;
pub mod diagnose;
pub mod dm;
pub mod document;
pub mod error;
pub mod inspect;
pub mod provision;
pub mod rehearse;
pub mod server;
