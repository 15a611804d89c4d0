//! How a client is woken (CSP session, "CIR"): the ways that it offers and that are agreed, the CIR that comes, and the
//! flag that says that its connection is lost.

use std::time::Duration;

use super::engine::{Client, Output};
use crate::csp::Version;
use crate::csp::cir::{self, Method};
use crate::document::{Element, integer};

/// Where a connection is lost, so says the server, it is opened again once in this time (CSP session, "CIR flag").
const REOPEN: Duration = Duration::from_secs(60);
/// The gap between polls of a client that is called: a CIR may be lost.
const CALLED_GAP: Duration = Duration::from_secs(120);

/// The ways to wake a client that a server agreed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// In the order of the answer.
    pub methods: Vec<Method>,
    /// Where to connect for [`Method::Stcp`].
    pub tcp: Option<(String, u16)>,
    /// Where to ask for [`Method::Shttp`].
    pub url: Option<String>,
    /// The number to greet for [`Method::Ssms`].
    pub number: Option<String>,
}

impl Ways {
    /// Reads what a server agreed to of what was offered.
    pub(super) fn read(offered: &[Method], list: &Element<'_>) -> Self {
        let text = |name: &str| list.child_text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let words = list.children_named("SupportedCIRMethod");
        let methods = words.filter_map(|word| Method::from_text(word.trimmed()));
        let methods: Vec<Method> = methods.filter(|method| offered.contains(method)).take(offered.len()).collect();
        let port = text("TCPPort").and_then(|port| integer(&port)).and_then(|port| u16::try_from(port).ok());
        // A `URL` in it, or the bare text of some servers; 1.2 has another name for it.
        let address = list.child("CIRHTTPAddress").or(list.child("CIRURL"));
        let url = address.map(|address| address.child_text("URL").unwrap_or_else(|| address.trimmed()).to_owned());
        Self {
            methods,
            tcp: text("TCPAddress").map(|host| (host, port.unwrap_or(cir::STCP_PORT))),
            url: url.filter(|url| !url.is_empty()),
            number: text("CIRSMSAddress"),
        }
    }

    /// Returns the way that the client prefers of those that are agreed and complete.
    pub fn first(&self) -> Option<Method> {
        let is_complete = |method: &Method| match method {
            Method::Stcp => self.tcp.is_some(),
            Method::Shttp => self.url.is_some(),
            Method::Ssms => self.number.is_some(),
            Method::Sudp | Method::WapUdp | Method::WapSms => true,
        };
        self.methods.iter().copied().find(is_complete)
    }
}

/// Returns what a client offers: its ways in the order of preference, and where it takes datagrams, which is always said
/// beside SUDP (conformance item CCAPAB-10).
pub(super) fn offer(version: Version, ways: &[Method], udp_port: u16) -> Vec<Element<'static>> {
    let known = ways.iter().filter(|method| method.is_in(version));
    let mut said: Vec<_> = known.map(|method| Element::leaf("SupportedCIRMethod", method.as_str())).collect();
    if ways.contains(&Method::Sudp) {
        said.push(Element::leaf("UDPPort", udp_port.to_string()));
    }
    said
}

/// What a client knows of its own waking.
#[derive(Debug, Default)]
pub(super) struct Waking {
    /// Whether it can be called at the moment.
    pub(super) is_reachable: bool,
    /// When it was last told to open its connection again.
    reopened: Option<Duration>,
}

impl Client {
    /// Returns the ways to be woken that were agreed.
    pub fn ways(&self) -> &Ways {
        &self.agreed.ways
    }

    /// Takes a CIR: one that is for this session makes the client poll.
    pub(super) fn called(&mut self, text: &str) {
        if cir::read_call(text) == Some(self.identity.cookie.as_str()) {
            self.polls = 0;
            self.poll();
        }
    }

    /// Returns the time until the next poll: long for a client that is called.
    pub(super) fn gap(&self) -> Duration {
        let called = if self.waking.is_reachable { CALLED_GAP } else { Duration::ZERO };
        self.agreed.poll_min.max(self.poll_gap).max(called)
    }

    /// Notes whether the client can be called; once it can, it polls for what came before.
    pub(super) fn reachable(&mut self, is_reachable: bool) {
        self.waking.is_reachable = is_reachable;
        if is_reachable {
            self.poll();
        } else {
            self.next_poll = self.next_poll.min(self.now + self.agreed.poll_min);
        }
    }

    /// Takes the flag CIR of an answer, where a connection was agreed. Its readings contradict each other: that it is lost
    /// says `F` in 1.3, and in 1.2, as the one client reads it that is known to speak no later version, `T`.
    pub(super) fn flagged(&mut self, flag: Option<bool>, outputs: &mut Vec<Output>) {
        let is_lost = flag == Some(self.identity.version < Version::V1_3);
        let has_connection = self.agreed.ways.methods.contains(&Method::Stcp);
        let is_early = self.waking.reopened.is_some_and(|at| self.now < at + REOPEN);
        if is_lost && has_connection && !is_early {
            self.waking.reopened = Some(self.now);
            outputs.push(Output::Reopen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_has_the_port_beside_datagrams_and_the_words_of_the_version() {
        let words = |version, ways: &[Method]| {
            offer(version, ways, 3717).iter().map(|e| format!("{} {}", e.name, e.trimmed())).collect::<Vec<_>>()
        };
        let ways = [Method::Shttp, Method::Sudp, Method::Stcp];
        let (sudp, stcp, port) = ("SupportedCIRMethod SUDP", "SupportedCIRMethod STCP", "UDPPort 3717");
        assert_eq!(words(Version::V1_3, &ways), ["SupportedCIRMethod SHTTP", sudp, stcp, port]);
        assert_eq!(words(Version::V1_1, &ways), [sudp, stcp, port]);
        assert_eq!(words(Version::V1_2, &[Method::Stcp]), [stcp]);
        assert_eq!(words(Version::V1_3, &[]), [""; 0]);
    }

    #[test]
    fn what_is_agreed_is_read_in_every_form() {
        let list = Element::new("AgreedCapabilityList")
            .with_leaf("SupportedCIRMethod", "STCP")
            .with_leaf("SupportedCIRMethod", "SHTTP")
            .with_leaf("SupportedCIRMethod", "SSMS")
            .with_leaf("TCPAddress", "imps.example")
            .with(Element::new("CIRURL").with_leaf("URL", "http://imps.example/a"));
        let ways = Ways::read(&[Method::Ssms, Method::Shttp, Method::Stcp], &list);
        assert_eq!(ways.methods, [Method::Stcp, Method::Shttp, Method::Ssms]);
        assert_eq!(ways.tcp, Some(("imps.example".to_owned(), 3171)));
        assert_eq!(ways.url.as_deref(), Some("http://imps.example/a"));
        assert_eq!(ways.first(), Some(Method::Stcp));
        let bare = Element::new("CapabilityList")
            .with_leaf("SupportedCIRMethod", "STCP")
            .with_leaf("SupportedCIRMethod", "SHTTP")
            .with_leaf("CIRHTTPAddress", "http://imps.example/b");
        let ways = Ways::read(&[Method::Shttp, Method::Stcp], &bare);
        assert_eq!((ways.first(), ways.url.as_deref()), (Some(Method::Shttp), Some("http://imps.example/b")));
        assert_eq!(Ways::read(&[], &bare).methods, [], "nothing was offered");
    }
}
