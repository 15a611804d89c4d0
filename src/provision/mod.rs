//! What a handset needs for IMPS, and how it is said: profiles, subscriber rows, accounts, templates.
//!
//! [`ImpsAccount`] is what a handset must know. [`cp`] says it as a provisioning document, [`profile`] as the text
//! in which people describe a service once; a profile is the template of an account, with `{column}` placeholders.

pub mod accept;
mod account;
pub mod apply;
pub mod bootstrap;
pub mod changes;
mod columns;
pub mod commands;
pub mod compare;
mod compiled;
pub mod cp;
pub mod device;
pub mod dm;
mod fit;
mod handset;
mod numbers;
mod pattern;
pub mod profile;
pub mod rows;
mod rules;
mod slots;
mod table;
mod template;

pub use account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest, Secret,
};
pub use columns::Columns;
pub use compiled::{Compiled, Filled};
pub use device::Pack;
pub use handset::{BadHandset, Handset};
pub use numbers::Numbers;
pub use profile::Profile;
pub use rules::{BAD_VALUE, RULES, hide_secrets};
pub use slots::{Slots, expand};
pub use template::Template;
