//! Who logs in and how, and what a client asks for and gets: login, capabilities, services.

use std::time::Duration;

use super::waking::{Ways, offer};
use crate::codec::Encoding;
use crate::csp::cir::{self, Method};
use crate::csp::wire::{self, Form};
use crate::csp::{self, Schema, Services, Transaction, Version};
use crate::document::{CodeTable, Element, integer};
use crate::provision::Secret;

/// Who logs in, how, and in which language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's address, as it is typed.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// What tells this client from the user's others; compared without case.
    pub client_id: String,
    /// What the server repeats when it calls this client: ASCII without spaces.
    pub cookie: String,
    /// The version to speak.
    pub version: Version,
    /// The syntax to write.
    pub encoding: Encoding,
    /// The codes of the plain text syntax.
    pub text_codes: &'static CodeTable,
    /// The schemas to offer in a login of four messages; empty for one of two, with the password.
    pub schemas: Vec<Schema>,
    /// The longest silence to ask for, in seconds.
    pub time_to_live: u32,
    /// When capabilities and services are negotiated.
    pub negotiation: Negotiation,
    /// The ways to be woken that are offered, in order of preference; without any the client polls.
    pub ways: Vec<Method>,
    /// Where datagrams that wake it come in.
    pub udp_port: u16,
    /// How many transactions to ask for that may be open at a time, and go in one message (1.3).
    pub transactions: u32,
    /// Whether it polls: not by short messages, where the server sends as things come.
    pub polls: bool,
    /// How long an answer may take before nobody waits for it any more.
    pub patience: Duration,
}

/// When capabilities and services are negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation {
    /// Not at all: the session has only what no function of the service tree gates.
    None,
    /// In requests of their own, after the login.
    AfterLogin,
    /// In the login itself (1.3).
    AtLogin,
}

impl Identity {
    /// Returns an identity that logs in with its password in CSP 1.3, WBXML, for an hour, and negotiates after it.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: Secret::new(password),
            client_id: "impskit".to_owned(),
            cookie: "impskit".to_owned(),
            version: Version::V1_3,
            encoding: Encoding::Wbxml,
            text_codes: csp::text_codes(),
            schemas: Vec::new(),
            time_to_live: 3600,
            negotiation: Negotiation::AfterLogin,
            ways: Vec::new(),
            udp_port: cir::SUDP_PORT,
            transactions: 1,
            polls: true,
            patience: Duration::from_secs(60),
        }
    }

    /// Returns the first `Login-Request`.
    pub(super) fn login(&self) -> Element<'static> {
        let mut login = self.bare_login();
        if self.schemas.is_empty() {
            login = login.with_leaf("Password", self.password.expose().to_owned());
        }
        login.children.extend(self.offered_schemas());
        if self.negotiation == Negotiation::AtLogin {
            login.children.push(self.functions());
            login.children.push(self.capabilities());
        }
        login
    }

    /// Returns the second `Login-Request` of four messages, in answer to the server's choice.
    pub(super) fn proof(&self, schema: Schema, nonce: &str) -> Element<'static> {
        let name = if schema == Schema::Password { "Password" } else { "DigestBytes" };
        let mut login = self.bare_login().with_leaf(name, schema.digest(nonce, self.password.expose()));
        if self.negotiation == Negotiation::AtLogin {
            login.children.push(self.functions());
            login.children.push(self.capabilities());
        }
        login
    }

    fn bare_login(&self) -> Element<'static> {
        Element::new("Login-Request")
            .with_leaf("UserID", self.user.clone())
            .with(self.client_element())
            .with_leaf("TimeToLive", self.time_to_live.to_string())
            .with_leaf("SessionCookie", self.cookie.clone())
    }

    fn offered_schemas(&self) -> Vec<Element<'static>> {
        if self.schemas.is_empty() { Vec::new() } else { Schema::write_all(&self.schemas, self.version) }
    }

    /// Returns `ClientCapability-Request`.
    pub(super) fn capability_request(&self) -> Element<'static> {
        Element::new("ClientCapability-Request").with(self.client_element()).with(self.capabilities())
    }

    /// Returns `Service-Request`, for everything that the version has.
    pub(super) fn service_request(&self) -> Element<'static> {
        Element::new("Service-Request")
            .with(self.client_element())
            .with(self.functions())
            .with_leaf("AllFunctionsRequest", "F")
    }

    /// Returns everything that the version has. In plain text the features stand for all below them, which has no codes.
    fn functions(&self) -> Element<'static> {
        let mut functions = Services::all(self.version).element(self.version, "Functions");
        if self.encoding == Encoding::Pts {
            let features = functions.children.iter_mut().flat_map(|features| &mut features.children);
            features.for_each(|feature| feature.children.clear());
        }
        functions
    }

    /// Returns what we can do, as far as it can be said.
    fn capabilities(&self) -> Element<'static> {
        let capabilities = capabilities()
            .with_leaf("MultiTrans", self.transactions.to_string())
            .with_leaf("MultiTransPerMessage", self.transactions.to_string())
            .with_all(offer(self.version, &self.ways, self.udp_port));
        let request = Element::new("ClientCapability-Request").with(capabilities);
        let mut transaction = Transaction::request("1", request);
        wire::fit(&mut transaction, self.form());
        transaction.primitive.children.pop().unwrap_or_else(|| Element::new("CapabilityList"))
    }

    /// Returns how messages are written.
    pub(super) fn form(&self) -> Form {
        Form { codes: self.text_codes, ..Form::of(self.encoding) }
    }

    fn client_element(&self) -> Element<'static> {
        Element::new("ClientID").with_leaf("URL", self.client_id.clone())
    }
}

/// What a session has agreed.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) services: Services,
    /// How long the session may be silent.
    pub(super) keep_alive: Duration,
    /// The shortest time between polls.
    pub(super) poll_min: Duration,
    /// How many transactions may be open, and in one message.
    pub(super) open: usize,
    pub(super) per_message: usize,
    /// The largest text that the server takes, in octets.
    pub(super) text_length: Option<usize>,
    /// How the server wakes us.
    pub(super) ways: Ways,
}

impl Agreed {
    /// Returns what holds before anything is agreed.
    pub(super) fn new(time_to_live: u32) -> Self {
        let keep_alive = Duration::from_secs(time_to_live.into());
        let poll_min = Duration::from_secs(10);
        Self {
            services: Services::default(),
            keep_alive,
            poll_min,
            open: 1,
            per_message: 1,
            text_length: None,
            ways: Ways::default(),
        }
    }

    pub(super) fn read_keep_alive(&mut self, answer: &Element<'_>) {
        let time = answer.child_text("KeepAliveTime").or(answer.child_text("TimeToLive"));
        if let Some(seconds) = time.and_then(integer).filter(|seconds| *seconds > 0) {
            self.keep_alive = Duration::from_secs(seconds.into());
        }
    }

    /// Reads what the server agreed: what it changes or adds, and in 1.1 the whole list. The rest stands as asked.
    pub(super) fn read_capabilities(&mut self, asked: &Identity, answer: &Element<'_>) {
        let Some(list) = answer.child("AgreedCapabilityList").or(answer.child("CapabilityList")) else { return };
        let number = |name: &str| list.child_text(name).and_then(integer).filter(|number| *number > 0);
        if let Some(seconds) = number("ServerPollMin") {
            self.poll_min = Duration::from_secs(seconds.into());
        }
        let at_most = |name: &str| number(name).unwrap_or(asked.transactions).min(asked.transactions).max(1) as usize;
        self.open = at_most("MultiTrans");
        if asked.version == Version::V1_3 {
            self.per_message = at_most("MultiTransPerMessage");
        }
        self.ways = Ways::read(&asked.ways, list);
        let length = number("AcceptedTextContentLength").or(number("AcceptedContentLength"));
        self.text_length = length.map(|length| length as usize);
    }

    /// Reads what is *not* available of what we asked, which was everything.
    pub(super) fn read_services(&mut self, version: Version, answer: &Element<'_>) {
        if answer.name == "Status" {
            return;
        }
        let missing = answer.child("Functions").map(|tree| Services::read_inverted(version, tree)).unwrap_or_default();
        self.services = Services::all(version).without(&missing);
    }
}

/// The largest message that we read, in octets.
const PARSER_SIZE: &str = "1048576";
/// The largest content that we take pushed or fetched, in octets.
const CONTENT_LENGTH: &str = "262144";

/// Returns what we can do, with the elements of all versions; writing leaves out what a version lacks.
fn capabilities() -> Element<'static> {
    Element::new("CapabilityList")
        .with_leaf("ClientType", "COMPUTER")
        .with_leaf("InitialDeliveryMethod", "P")
        .with_leaf("AnyContent", "T")
        .with_leaf("AcceptedCharSet", "106")
        .with_leaf("PlainTextCharset", "106")
        .with_leaf("AcceptedTransferEncoding", "BASE64")
        .with_leaf("AcceptedContentLength", CONTENT_LENGTH)
        .with_leaf("AcceptedTextContentLength", CONTENT_LENGTH)
        .with_leaf("AcceptedPushLength", CONTENT_LENGTH)
        .with_leaf("AcceptedPullLength", CONTENT_LENGTH)
        .with_leaf("SupportedBearer", "HTTP")
        .with_leaf("ParserSize", PARSER_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csp::fault;

    #[test]
    fn what_we_ask_is_whole_in_every_version() {
        for version in Version::ALL {
            let identity = Identity { version, ..Identity::new("wv:a", "b") };
            let digest = Identity { schemas: Schema::ALL.to_vec(), ..identity.clone() };
            for mut primitive in [
                identity.login(),
                digest.login(),
                digest.proof(Schema::Md5, "n"),
                identity.capability_request(),
                identity.service_request(),
            ] {
                version.vocabulary().grammar.prune(&mut primitive);
                assert_eq!(fault(&primitive, version), None, "{version:?} {primitive:?}");
            }
        }
    }
}
