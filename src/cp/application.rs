//! Registered application characteristics: what an application adds to, or restricts in, the generic `APPLICATION`.
//!
//! One file an application in `wap-provisioning/`: lines `Field: value`, then rows of parms. An application without a
//! file keeps the generic rules.

use std::sync::LazyLock;

use super::characteristic::{self, ParmDeclaration, Value};
use crate::document::Element;

/// The files.
const FILES: &[&str] = &[
    include_str!("../../wap-provisioning/wA.txt"),
    include_str!("../../wap-provisioning/w2.txt"),
    include_str!("../../wap-provisioning/w4.txt"),
    include_str!("../../wap-provisioning/w5.txt"),
    include_str!("../../wap-provisioning/w7.txt"),
    include_str!("../../wap-provisioning/25.txt"),
    include_str!("../../wap-provisioning/110.txt"),
    include_str!("../../wap-provisioning/143.txt"),
    include_str!("../../wap-provisioning/554.txt"),
    include_str!("../../wap-provisioning/ap0001.txt"),
    include_str!("../../wap-provisioning/ap0002.txt"),
    include_str!("../../wap-provisioning/ap0003.txt"),
    include_str!("../../wap-provisioning/ap0004.txt"),
    include_str!("../../wap-provisioning/ap0005.txt"),
    include_str!("../../wap-provisioning/ap0006.txt"),
    include_str!("../../wap-provisioning/ap2001.txt"),
];

/// A registered application.
#[derive(Debug)]
pub struct Application {
    /// The APPID.
    pub appid: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Where the rows are from: `reconstructed` from what clients do and their makers write, or `partial`, what little is
    /// known.
    pub basis: &'static str,
    /// The parms.
    pub parms: Vec<RegisteredParm>,
}

/// A parm of a registration.
#[derive(Debug)]
pub struct RegisteredParm {
    /// The types from APPLICATION down, joined by `/`.
    pub types: &'static str,
    /// Name, occurrence and value.
    pub declaration: ParmDeclaration,
    /// What to do with it.
    pub status: Status,
    /// Whether two independent sources say so; one alone, or common knowledge, is no ground to call a document wrong.
    pub is_certain: bool,
    /// What it says.
    pub meaning: &'static str,
}

/// What a writer does with a parm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing works without it.
    Must,
    /// It belongs into every document.
    Should,
    /// As needed.
    May,
    /// Known, but clients of this application do not read it.
    Ignored,
}

/// Every registered application that is known here.
pub static APPLICATIONS: LazyLock<Vec<Application>> =
    LazyLock::new(|| FILES.iter().map(|file| Application::read(file)).collect());

impl Application {
    /// Returns the application of that APPID, in any case of letters.
    pub fn of(appid: &str) -> Option<&'static Self> {
        APPLICATIONS.iter().find(|a| a.appid.eq_ignore_ascii_case(appid))
    }

    /// Returns the declaration of a parm, in any case of letters.
    pub fn parm(&'static self, types: &str, name: &str) -> Option<&'static ParmDeclaration> {
        self.registered(types, name).map(|p| &p.declaration)
    }

    /// Returns a parm of the registration, in any case of letters.
    pub fn registered(&'static self, types: &str, name: &str) -> Option<&'static RegisteredParm> {
        self.parms.iter().find(|p| p.types == types && p.declaration.name.eq_ignore_ascii_case(name))
    }

    /// Returns whether every parm of that characteristic is ignored by clients.
    pub fn ignores(&self, types: &str) -> bool {
        let mut parms = self.parms.iter().filter(|p| p.types == types).peekable();
        parms.peek().is_some() && parms.all(|p| p.status == Status::Ignored)
    }

    fn read(file: &'static str) -> Self {
        let lines = || file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let field = |name: &str| {
            let value = lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.unwrap_or_else(|| panic!("application characteristic: no `{name}`"))
        };
        Self {
            appid: field("APPID"),
            description: field("Description"),
            basis: field("Basis"),
            parms: lines().filter(|line| line.contains('\t')).map(RegisteredParm::read).collect(),
        }
    }
}

impl RegisteredParm {
    fn read(row: &'static str) -> Self {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [path, occurs, status, value, meaning, certainty] = cells[..] else {
            panic!("application characteristic: `{row}`")
        };
        let (types, name) = path.rsplit_once('/').expect("application characteristic: a path");
        let status = match status {
            "must" => Status::Must,
            "should" => Status::Should,
            "may" => Status::May,
            "ignored" => Status::Ignored,
            _ => panic!("application characteristic: `{status}`"),
        };
        let occurs = characteristic::occurs(occurs);
        let declaration = ParmDeclaration { name, occurs, value: Value::read(value) };
        Self { types, declaration, status, is_certain: certainty == "A", meaning }
    }
}

/// Returns the application of an `APPLICATION` element, by the first of its APPIDs.
pub(super) fn of_element(element: &Element<'_>) -> Option<&'static Application> {
    let is_appid = |e: &&Element<'_>| e.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case("APPID"));
    Application::of(element.children_named("parm").find(is_appid)?.attribute("value")?)
}

/// Returns whether `appid` has the form of a registration: one of the known ones, `ap` and four characters, or the
/// decimal number of a port.
pub fn is_registered(appid: &str) -> bool {
    let is_ap =
        appid.strip_prefix("ap").is_some_and(|rest| rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    let is_port = appid.bytes().all(|b| b.is_ascii_digit()) && appid.parse::<u16>().is_ok();
    is_ap || is_port || APPLICATIONS.iter().any(|a| a.appid == appid)
}
