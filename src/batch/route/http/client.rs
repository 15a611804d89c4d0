//! One HTTP request and what came of it; many at a time. EDGE.

use std::fmt;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Request, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Timeout};

use super::super::{Class, Message, Outcome, Pace, RouteSettings};
use crate::error::{Error, Result, reason};

/// What is read of an answer, in octets; more is left.
const MOST_BODY: u64 = 64 << 10;
/// Largest head of an answer, in octets.
const MOST_HEAD: usize = 16 << 10;
/// Idle connections are used again for so long; a gateway that closes them at the same moment leaves a request unknown.
const IDLE: Duration = Duration::from_secs(3);
/// Longest time for a connection to come about; what is left of the timeout is for the answer.
const CONNECT: Duration = Duration::from_secs(10);

/// Looks hosts up as the system does, and says so where that fails: such a request was never sent.
#[derive(Debug, Default)]
struct Names(DefaultResolver);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        self.0.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// An answer; the body as far as it was read.
    Answer { status: u16, body: Vec<u8> },
    /// Nothing was sent.
    NotSent { code: &'static str, text: String },
    /// It was sent, or may have been, and no answer came.
    Lost { code: &'static str, text: String },
}

/// Makes requests to one gateway or server. Addresses with their secrets are in no output of it.
pub(crate) struct Client {
    agent: Agent,
    most_body: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client with the route's limits.
    pub(crate) fn new(settings: &RouteSettings) -> Self {
        Self::with(Duration::from_secs(settings.timeout.unsigned_abs()), settings.window, MOST_BODY)
    }

    /// Makes a client that waits so long, keeps so many connections and reads so much of an answer: no redirects, no
    /// proxies, no compression.
    pub(crate) fn with(timeout: Duration, window: usize, most_body: u64) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("impskit/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(MOST_HEAD)
            .max_idle_connections(window)
            .max_idle_connections_per_host(window)
            .max_idle_age(IDLE)
            .timeout_global(Some(timeout))
            // Earlier than the whole, so that it is known that nothing was sent.
            .timeout_resolve(Some(CONNECT.min(timeout / 2)))
            .timeout_connect(Some(CONNECT.min(timeout / 2)))
            .build();
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), Names::default()), most_body }
    }

    /// Sends a request and reads its answer, within the timeout.
    pub(crate) fn send(&self, request: Request<Vec<u8>>) -> Reply {
        let result = match request.body().is_empty() {
            true => self.agent.run(request.map(|_| ())),
            false => self.agent.run(request),
        };
        let mut response = match result {
            Ok(response) => response,
            Err(error) => return unanswered(&error),
        };
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // The status is there: what is missing of the body makes it no less so.
        let _ = response.body_mut().as_reader().take(self.most_body).read_to_end(&mut body);
        Reply::Answer { status, body }
    }
}

/// Says of a failed request whether it can have arrived. Only failures of connecting are sure.
fn unanswered(error: &ureq::Error) -> Reply {
    use io::ErrorKind as K;
    let not_sent = |code, text: String| Reply::NotSent { code, text };
    let lost = |code, text: &str| Reply::Lost { code, text: text.to_owned() };
    match error {
        ureq::Error::HostNotFound => not_sent("host", "there is no host of this name".to_owned()),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            not_sent("connect", "no connection came about in time".to_owned())
        }
        // An established connection reports the last two only after minutes without a sign, later than any timeout.
        ureq::Error::Io(error)
            if matches!(
                error.kind(),
                K::ConnectionRefused | K::AddrNotAvailable | K::HostUnreachable | K::NetworkUnreachable
            ) =>
        {
            not_sent("connect", format!("no connection: {}", reason(error)))
        }
        ureq::Error::Timeout(_) => lost("timeout", "no answer came in time"),
        ureq::Error::Io(error) => {
            Reply::Lost { code: "lost", text: format!("the connection broke: {}", reason(error)) }
        }
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            lost("unreadable", "the answer is no HTTP, or its head is too large")
        }
        // Texts of other errors may repeat the address with what is secret in it.
        _ => lost("lost", "the request failed"),
    }
}

/// Checks the address of a gateway, which holds no secrets, and returns it.
pub(crate) fn check_url(url: &str, settings: &RouteSettings) -> Result<Uri> {
    let help = (
        "write it as http://127.0.0.1:13013/cgi-bin/sendsms",
        "write `user` and `password = { env = \"NAME\" }` beside it",
    );
    read_url(url, "url", help).map_err(|error| error.at(settings.place()))
}

/// Reads the address of a key. The help says how an address is written, and how a secret is.
pub(crate) fn read_url(url: &str, key: &str, (help, help_of_secret): (&str, &str)) -> Result<Uri> {
    let wrong = |what: &str, help: &str| Err(Error::input(format!("`{key}` {what}")).help(help));
    let Ok(uri) = url.parse::<Uri>() else {
        return wrong("is no address", help);
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return wrong("holds a password", help_of_secret);
    }
    match uri.scheme_str() {
        Some("http") => Ok(uri),
        Some("https") if cfg!(feature = "tls") => Ok(uri),
        Some("https") => wrong(
            "is an `https` address, and this build has no TLS",
            "use a build with the feature `tls`, or an http address of a proxy that adds it",
        ),
        _ => wrong("is no http address", help),
    }
}

/// Returns whether secrets sent to this address can be read on the way.
pub(crate) fn is_open(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && !is_loopback
}

/// Sends messages at the same time, each when `pace` lets it, a thread a message; none after one by which the gateway said
/// that it takes nothing from us.
pub(crate) fn in_parallel(
    messages: &[&Message],
    pace: &mut dyn Pace,
    send: impl Fn(&Message) -> Outcome + Sync,
) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::NotSent; messages.len()];
    let (is_throttled, is_denied) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            if is_throttled.swap(false, Ordering::Relaxed) {
                pace.throttled();
            }
            if !pace.take(message.sms) || is_denied.load(Ordering::Relaxed) {
                break;
            }
            let (send, is_throttled, is_denied) = (&send, &is_throttled, &is_denied);
            let labour = move || {
                *outcome = send(message);
                match outcome {
                    Outcome::Refused { class: Class::Throttled, .. } => is_throttled.store(true, Ordering::Relaxed),
                    Outcome::Refused { class: Class::Denied, .. } => is_denied.store(true, Ordering::Relaxed),
                    _ => {}
                }
            };
            if thread::Builder::new().spawn_scoped(scope, labour).is_err() {
                break;
            }
        }
    });
    if is_throttled.into_inner() {
        pace.throttled();
    }
    outcomes
}
