//! Steps 9 to 13 and 15: a client that knows only what the tree says, against the built-in server or another.
//!
//! What is said is a conversation script, `conversation.txt` beside this file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::settings::{self, HANDSET};
use super::{Combination, Exchange, Outcome, Record, Rehearsal, Subject};
use crate::client::Event;
use crate::client::conversation::{self, Post};
use crate::client::http::Line;
use crate::client::script::{Account, Mistake, Script};
use crate::codec::{self, Encoding};
use crate::csp::wire::{self, Body, Form};
use crate::csp::{self, Address, Transaction, Version};
use crate::diagnose::Report;
use crate::document::{CodeTable, Element};
use crate::error::Result;
use crate::provision::ImpsAccount;
use crate::server::http::{Running, spawn};
use crate::server::{Configuration, Store, Timestamp};

const SERVER: &str = "server";
const FRIEND: &str = "second user";

/// The password of the second user, who exists only in the rehearsal's own store.
const FRIEND_PASSWORD: &str = "rehearsal";

/// In which ways a subject is rehearsed.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The syntaxes.
    pub encodings: Vec<Encoding>,
    /// The versions of CSP.
    pub versions: Vec<Version>,
    /// The URL of a server to use in place of the built-in one; it must know the handset's user.
    pub server: Option<String>,
    /// The codes of plain text.
    pub text_codes: &'static CodeTable,
}

/// Rehearses a subject in every syntax and version that is asked for.
///
/// # Errors
///
/// Fails where the built-in server cannot start. What goes wrong in a step is in the result.
pub fn rehearse(subject: &Subject<'_>, choice: &Choice) -> Result<Rehearsal> {
    let mut combinations = Vec::new();
    for &version in &choice.versions {
        for &encoding in &choice.encodings {
            let form = Form { codes: choice.text_codes, ..Form::of(encoding) };
            combinations.push(combination(subject, version, form, choice.server.as_deref())?);
        }
    }
    Ok(Rehearsal { subject: subject.name.clone(), combinations })
}

fn combination(subject: &Subject<'_>, version: Version, form: Form, url: Option<&str>) -> Result<Combination> {
    let mut record = Record::default();
    if let Some(account) = settings::bring(subject, &mut record) {
        let cast = Cast::of(&account);
        let own = if url.is_none() { Some(cast.server(form.codes)?) } else { None };
        let is_own = own.is_some();
        let url = own.as_ref().map_or_else(|| url.unwrap_or_default().to_owned(), Running::url);
        let promised = &subject.profile.services;
        Stage { cast: &cast, version, form, url: &url, is_own, account: &account, promised }.play(&mut record);
    }
    Ok(record.finish(form.encoding.as_str(), version.as_str()))
}

/// Who takes part.
struct Cast {
    handset: String,
    password: String,
    friend: String,
    group: String,
    contacts: String,
    domain: String,
    /// What had to be made up because the settings leave it to the handset's owner.
    made_up: Option<&'static str>,
}

impl Cast {
    fn of(account: &ImpsAccount) -> Self {
        let login = account.login();
        let user = login.and_then(|login| login.user.as_deref()).filter(|user| !user.is_empty());
        let secret = login.and_then(|login| login.password.as_ref()).map(|secret| secret.expose().to_owned());
        let password = secret.filter(|secret| !secret.is_empty());
        let made_up = match (user, &password) {
            (None, _) => Some("the settings name no user: one was typed in, as an owner would"),
            (Some(_), None) => Some("the settings hold no password: one was typed in, as an owner would"),
            _ => None,
        };
        let host = account.addresses.first().map(|address| host_of(&address.address)).unwrap_or_default();
        let home = account.provider_id.as_deref().filter(|id| id.contains('.')).unwrap_or(host);
        let home = if home.is_empty() { "example.com" } else { home };
        let address = Address::user_id(user.unwrap_or("wv:rehearsal"), home);
        let (handset, domain) = match &address {
            Ok(address) => (address.as_str().to_owned(), address.domain().to_owned()),
            Err(_) => (user.unwrap_or_default().to_owned(), home.to_owned()),
        };
        let local = handset.trim_start_matches("wv:").split('@').next().unwrap_or_default().to_owned();
        Self {
            password: password.unwrap_or_else(|| "typed-in".to_owned()),
            friend: format!("wv:second-user-of-rehearsal@{domain}"),
            group: format!("wv:{local}/rehearsal@{domain}"),
            contacts: format!("wv:{local}/contacts-of-rehearsal@{domain}"),
            handset,
            domain,
            made_up,
        }
    }

    /// Starts a server of the rehearsal's own, which knows both users.
    #[allow(clippy::disallowed_methods)] // EDGE: the server's users are made now
    fn server(&self, text_codes: &'static CodeTable) -> Result<Running> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp::from_seconds(now.as_secs());
        let mut store = Store::in_memory()?;
        store.add_user(&self.handset, &self.password, now)?;
        store.add_user(&self.friend, FRIEND_PASSWORD, now)?;
        store.commit()?;
        let configuration = Configuration {
            domain: self.domain.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            drain: Duration::from_secs(1),
            text_codes,
            ..Configuration::default()
        };
        spawn(configuration, store, Box::new(|_| ()))
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

struct Stage<'s> {
    cast: &'s Cast,
    version: Version,
    form: Form,
    url: &'s str,
    is_own: bool,
    account: &'s ImpsAccount,
    promised: &'s [String],
}

/// What was heard on the lines of one step.
#[derive(Default)]
struct Heard {
    took: Duration,
    exchanges: Vec<Exchange>,
    /// Whether the handset said or heard something by codes of plain text that no source knows.
    is_derived: bool,
}

impl Stage<'_> {
    fn play(&self, record: &mut Record) {
        let text = self.script_text();
        let steps = steps_of(&text);
        let mut heard: BTreeMap<u8, Heard> = BTreeMap::new();
        let outcome = self.perform(&text, &steps, &mut heard);
        let failed = outcome.as_ref().err().and_then(|mistake| step_at(&steps, mistake.line));
        for number in [9, 10, 11, 12, 13, 15] {
            let own = heard.remove(&number).unwrap_or_default();
            let is_in_script = steps.iter().any(|(step, _)| *step == number);
            match (&outcome, failed) {
                _ if !is_in_script => {
                    let is_promised = SERVICES.iter().any(|(step, s)| *step == number && self.promises(s));
                    let why = match is_promised {
                        true => {
                            "plain text has no known codes for it: a table of your client's (`--text-codes`) gives it some"
                        }
                        false => "the profile does not promise this service",
                    };
                    record.note(number, Outcome::Skipped, Duration::ZERO, why.to_owned());
                }
                (Err(mistake), Some(at)) if at == number => {
                    record.note(number, Outcome::Failed, own.took, mistake.what.replace('\n', "; "));
                }
                (Err(mistake), None) if number == 9 => {
                    record.note(number, Outcome::Failed, own.took, mistake.to_string());
                }
                (Err(_), Some(at)) if at < number => {}
                (Err(_), None) => {}
                _ => record.note(number, Outcome::Ok, own.took, self.evidence(number, &own)),
            }
            record.exchanges.extend(own.exchanges);
        }
    }

    fn promises(&self, service: &str) -> bool {
        self.promised.iter().any(|promised| promised == service)
    }

    /// Returns the script of what the profile promises and the syntax can say.
    fn script_text(&self) -> String {
        self.script_of(
            &SERVICES.iter().map(|(_, s)| *s).filter(|s| self.promises(s) && self.can_say(s)).collect::<Vec<_>>(),
        )
    }

    fn can_say(&self, service: &str) -> bool {
        let script = Script::read(&self.script_of(&[service]));
        self.form.encoding != Encoding::Pts || script.is_ok_and(|script| script.can_be_text(self.form.codes))
    }

    /// Returns the script with the addresses in it and with these services alone.
    fn script_of(&self, services: &[&str]) -> String {
        let text = include_str!("conversation.txt")
            .replace("{handset}", &self.cast.handset)
            .replace("{friend}", &self.cast.friend)
            .replace("{group}", &self.cast.group)
            .replace("{contacts}", &self.cast.contacts);
        let mut counts = true;
        let mut friend_is_in = false;
        let mut kept = String::new();
        for line in text.lines() {
            if let Some(service) = line.strip_prefix("# if ") {
                counts = services.contains(&service);
            } else if line.starts_with("# step") || line == "# always" {
                counts = true;
            }
            // The second user logs in where it is first needed.
            let is_login = line.starts_with("friend logs in");
            if counts && !(is_login && friend_is_in) {
                friend_is_in |= is_login;
                let _ = writeln!(kept, "{line}");
            }
        }
        kept
    }

    #[allow(clippy::disallowed_methods)] // EDGE: a rehearsal tells people how long each step took
    fn perform(
        &self,
        text: &str,
        steps: &[(u8, usize)],
        heard: &mut BTreeMap<u8, Heard>,
    ) -> std::result::Result<(), Mistake> {
        let mut script = Script::read(text)?;
        script.accounts = vec![
            Account { user: self.cast.handset.clone(), password: self.cast.password.clone() },
            Account { user: self.cast.friend.clone(), password: FRIEND_PASSWORD.to_owned() },
        ];
        let mut line = Line::new(self.url, None).map_err(|error| Mistake { line: 1, what: error.what })?;
        conversation::play(&script, self.version, self.form, |post: Post<'_>| {
            let start = Instant::now();
            let (told, _) = line.carry(post.media_type, post.body.to_vec());
            let step = heard.entry(step_at(steps, post.line).unwrap_or(9)).or_default();
            step.took += start.elapsed();
            let who = if post.who == "friend" { FRIEND } else { HANDSET };
            let answered = match &told {
                Event::Answer(answer) => answer.as_slice(),
                _ => &[],
            };
            for what in self.names_in(post.body) {
                step.exchanges.push(Exchange { from: who, to: SERVER, what });
            }
            for what in self.names_in(answered) {
                step.exchanges.push(Exchange { from: SERVER, to: who, what });
            }
            step.is_derived |= who == HANDSET && (is_derived(post.body) || is_derived(answered));
            told
        })
    }

    fn evidence(&self, number: u8, heard: &Heard) -> String {
        let evidence = self.bare_evidence(number, heard);
        match heard.is_derived {
            true => format!("{evidence}; derived: some is said by codes or names that no source knows"),
            false => evidence,
        }
    }

    /// Returns the primitives of a message, with the status where there is one.
    fn names_in(&self, body: &[u8]) -> Vec<String> {
        let Ok((Body::Message(message), _)) = wire::read_with(body, &wire::LIMITS, self.form.codes) else {
            return Vec::new();
        };
        let name = |transaction: &Transaction| {
            let primitive = &transaction.primitive;
            let code = primitive.descend(&["Result", "Code"]).map(Element::trimmed);
            code.map_or_else(|| primitive.name.to_string(), |code| format!("{} {code}", primitive.name))
        };
        message.transactions.iter().map(name).collect()
    }

    fn bare_evidence(&self, number: u8, heard: &Heard) -> String {
        match number {
            9 => {
                let address = self.account.addresses.first().map_or("", |address| &address.address);
                let made_up = self.cast.made_up.map(|what| format!("; {what}")).unwrap_or_default();
                let server = if self.is_own { "the built-in server" } else { self.url };
                format!("{} by MD5; {address} led to {server}{made_up}", self.cast.handset)
            }
            10 => {
                let is_said = |service: &&str| self.can_say(service);
                let (said, unsaid): (Vec<&str>, _) = self.promised.iter().map(String::as_str).partition(is_said);
                match unsaid[..] {
                    [] => format!("all that the profile promises: {}", said.join(", ")),
                    _ => format!("{}; the profile promises also {}", said.join(", "), unsaid.join(", ")),
                }
            }
            11 => format!(
                "StatusText `provisioned` reached the second user; {} made, read and deleted",
                self.cast.contacts
            ),
            12 => "two messages with signs and emoticon arrived as written".to_owned(),
            13 => format!("{} joined and left by the second user, then deleted", self.cast.group),
            _ => heard.exchanges.last().map(|exchange| exchange.what.clone()).unwrap_or_default(),
        }
    }
}

/// Returns where each step's lines begin.
fn steps_of(text: &str) -> Vec<(u8, usize)> {
    let mut steps: Vec<(u8, usize)> = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let number = line.strip_prefix("# step ").and_then(|number| number.parse().ok());
        let rest = lines[index + 1..].iter();
        let says_something =
            rest.take_while(|line| !line.starts_with("# step ")).any(|line| !line.is_empty() && !line.starts_with('#'));
        if let Some(number) = number.filter(|_| says_something) {
            steps.push((number, index + 1));
        }
    }
    steps
}

fn step_at(steps: &[(u8, usize)], line: usize) -> Option<u8> {
    steps.iter().rev().find(|(_, start)| *start <= line).map(|(number, _)| *number)
}

/// Returns whether a message is said by codes or names of plain text that no source knows (CSP in plain text, "Evidence").
fn is_derived(body: &[u8]) -> bool {
    if codec::recognise(body) != Some(Encoding::Pts) {
        return false;
    }
    let mut report = Report::new();
    let Some(message) = codec::read(body, wire::VOCABULARIES, &wire::LIMITS, &mut report) else { return false };
    let mut is_in_full = false;
    let has_code = |name: &str| csp::text_codes().code_of("element", &["Functions"], name).is_some();
    message.root.walk(&mut |element, _| {
        if element.name == "WVCSPFeat" {
            element.walk(&mut |inner, _| is_in_full |= inner.children.is_empty() && !has_code(&inner.name));
        }
    });
    is_in_full || report.diagnostics().iter().any(|finding| *finding.rule == codec::PTS_CODE)
}

/// The services that a profile promises, with the step in which each is tried.
const SERVICES: &[(u8, &str)] = &[(11, "presence"), (12, "im"), (13, "group")];
