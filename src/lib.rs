//! impskit: provisioning and device management for OMA IMPS (Wireless Village), with a server to try it against.
//!
//! # The map of the house
//!
//! A module uses only modules of lower floors, or of its own floor above it in this list (a test reads the `use` lines).
//!
//! | floor | module | what is in it |
//! |---|---|---|
//! | 1 | [`error`] | what goes wrong outside a document |
//! | 1 | [`database`] | SQLite files that several processes open |
//! | 1 | [`random`] | random octets of the system |
//! | 1 | [`diagnose`] | saying what is wrong with a document: rules, findings, sources, rendering |
//! | 2 | [`document`] | the one tree; grammars and token tables; what a vocabulary is |
//! | 2 | [`codec`] | octets to the tree and back: XML, WBXML, plain text |
//! | 3 | [`cp`] | client provisioning documents, the `wA` application, their MAC |
//! | 3 | [`dm`] | device trees, device descriptions, management objects; SyncML messages, a device that carries them out, sessions |
//! | 3 | [`csp`] | the IMPS client-server language |
//! | 4 | [`provision`] | profiles, accounts, handsets and what they take; writing, reading and comparing them as documents, trees and DM commands |
//! | 4 | [`delivery`] | push, segments, SMS |
//! | 4 | [`catalogue`] | all vocabularies and all rules |
//! | 4 | [`server`] | the IMPS server |
//! | 4 | [`client`] | the IMPS client and conversation scripts, also as load; the device's end of DM sessions |
//! | 5 | [`inspect`] | peeling a blob layer by layer; checking every layer; trying a profile in every form; pictures, pages, code; differences; layout |
//! | 5 | [`editor`] | what editors are told: findings while typing, fixes, hover, outline, completion |
//! | 5 | [`batch`] | campaigns |
//! | 5 | [`rehearse`] | from profile to logged-in client |
//! | 5 | [`configuration`] | `impskit.toml` and the environment: every value with where it comes from |
//!
//! # Where things go
//!
//! ```text
//! a file is diagnosed      octets -> codec::read -> Element -> Vocabulary::check -> Report -> text or json
//! a row becomes an SMS     CSV row -> provision -> Segments filled -> MAC -> push -> segments -> TPDUs
//! a POST becomes an answer octets -> codec -> csp::Message -> server::engine -> service, store, outbox -> csp -> codec
//! ```
//!
//! Shapes are data: a vocabulary's elements are one table in the notation of the standard's content models
//! ([`document::Grammar`]), and so are its tokens, statuses and primitives. Behaviour reads children by name. Data in the
//! standard's own format stands in folders of its own beside `src`: `ddf`, `wap-provisioning`, `templates`.
//!
//! # Three examples
//!
//! What is wrong with a document, and where:
//!
//! ```
//! use impskit::{catalogue, codec::Limits, diagnose::Report};
//!
//! let mut report = Report::new();
//! let document = catalogue::read(b"<wap-provisioningdoc><x/></wap-provisioningdoc>", &Limits::default(), &mut report);
//! let document = document.expect("well-formed");
//! document.vocabulary.expect("client provisioning").check(&document.root, &mut report);
//! assert!(report.has_errors());
//! ```
//!
//! A document in WBXML, sealed for one handset, as WAP push:
//!
//! ```
//! use impskit::codec::{WbxmlOptions, write_wbxml};
//! use impskit::cp::mac::{Key, Pin, Security};
//! use impskit::delivery::Outgoing;
//! use impskit::document::Element;
//!
//! let document = Element::new("wap-provisioningdoc").with_attribute("version", "1.0");
//! let octets = write_wbxml(&document, &impskit::cp::VOCABULARY, &WbxmlOptions::default())?;
//! assert_eq!(octets, [0x03, 0x0B, 0x6A, 0x00, 0x85, 0x46, 0x01]);
//! let pin = Pin::read("1234").expect("four digits");
//! let key = Key::new(Security::UserPin, Some(&pin), None).expect("a PIN is all it needs");
//! let mut outgoing = Outgoing::new();
//! outgoing.seal(1, &octets, Some((Security::UserPin, &key)));
//! assert_eq!(outgoing.push().len(), 50 + octets.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A CSP message, read in whatever syntax and version it came:
//!
//! ```
//! use impskit::{catalogue, codec::Limits, diagnose::Report};
//!
//! let request = b"<WV-CSP-Message xmlns='http://www.openmobilealliance.org/DTD/IMPS-CSP1.3'/>";
//! let document = catalogue::read(request, &Limits::default(), &mut Report::new()).expect("a message");
//! assert_eq!(document.vocabulary.map(|v| v.id), Some("csp-1.3"));
//! ```

pub mod batch;
pub mod catalogue;
pub mod client;
pub mod codec;
pub mod configuration;
pub mod cp;
pub mod csp;
pub mod database;
pub mod delivery;
pub mod diagnose;
pub mod dm;
pub mod document;
pub mod editor;
pub mod error;
pub mod inspect;
pub mod provision;
pub mod random;
#[cfg(feature = "server")]
pub mod rehearse;
pub mod server;
