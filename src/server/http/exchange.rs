//! One request and its answer (CSP transport, "HTTP binding", "Error cases a test should cover").

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode, Version};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::connections::KEPT;
use super::{Answer, Input, Job, Posted, Request};
use crate::dm::session::auth::MAC_HEADER;
use crate::server::waking::Heard;

/// Says how long a connection is kept, if it is. Common clients heed it, though no standard in force describes it.
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// Proves a DM message.
pub(super) const MAC: HeaderName = HeaderName::from_static(MAC_HEADER);
/// The time that an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What connections share.
pub(in crate::server) struct Edge {
    pub(super) routes: Vec<Route>,
    /// Below this path clients ask whether something waits.
    pub(super) asks: Option<String>,
    /// Below this path clients fetch content.
    pub(super) content: Option<String>,
    pub(super) engine: mpsc::Sender<Job>,
    /// The headers that the engine wants to see.
    pub(super) headers: Vec<String>,
    pub(super) exchanges: AtomicU64,
}

impl Edge {
    /// Returns a number that no other exchange or connection has.
    pub(in crate::server) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells the engine what was heard of a client, and returns the status of its reply; none where it has too much to do.
    pub(in crate::server) async fn ask(&self, connection: u64, heard: Heard) -> Option<u16> {
        Some(self.told(connection, Input::Heard { connection, heard }).await?.status)
    }

    /// Tells the engine something, and returns its reply.
    async fn told(&self, connection: u64, input: Input) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.engine.try_send(Job { connection, input, answer }).ok()?;
        tokio::time::timeout(ANSWER_TIME, answered).await.ok()?.ok()
    }

    /// Tells the engine what has no reply, even if it has much to do.
    pub(in crate::server) async fn tell(&self, connection: u64, heard: Heard) {
        let (answer, _) = oneshot::channel();
        // Where the engine has ended, nobody is left to be told.
        let _ = self.engine.send(Job { connection, input: Input::Heard { connection, heard }, answer }).await;
    }

    /// Answers a client that asks by HTTP whether something waits: 200, 204, or 404 (CSP session, "CIR").
    async fn asked(&self, request: &hyper::Request<Incoming>) -> Option<Response> {
        let token = below(self.asks.as_deref(), request)?;
        let status = self.ask(self.next_exchange(), Heard::Asks(token.to_owned())).await;
        Some(status.map_or_else(overloaded, |status| answered_with(status, "", Vec::new())))
    }

    /// Answers a client that fetches content: 200, or 404. What users send each other no browser is to show as a page.
    async fn fetched(&self, request: &hyper::Request<Incoming>) -> Option<Response> {
        let address = below(self.content.as_deref(), request)?.to_owned();
        let connection = self.next_exchange();
        let answer = self.told(connection, Input::Content { connection, address }).await;
        let Some(Answer { status, media_type, body, .. }) = answer else { return Some(overloaded()) };
        let mut response = answered_with(status, &media_type, body);
        for (name, value) in [
            (CONTENT_DISPOSITION, "attachment"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "private, no-store"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }
}

/// Returns what follows a path and a `/` in the address of a GET.
fn below<'r>(path: Option<&str>, request: &'r hyper::Request<Incoming>) -> Option<&'r str> {
    let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
    request.uri().path().strip_prefix(path?)?.strip_prefix('/').filter(|_| is_question)
}

/// Who answers what is posted to a path.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) max_body: usize,
    /// The header that proves a request.
    pub(super) proof: HeaderName,
    /// Whether a GET is taken as a form that stands in the address.
    pub(super) takes_queries: bool,
    pub(super) hand_over: HandOver,
}

/// Hands over what was posted to who answers it; false where that has too much to do.
pub(super) type HandOver = Box<dyn Fn(Posted) -> bool + Send + Sync>;

/// The seconds after which to come again where too much waits.
const LATER: &str = "5";

pub(super) type Response = hyper::Response<Full<Bytes>>;

/// Answers one HTTP request.
///
/// It has to be there at `until`, however slowly its octets drip (abuse case B02).
pub(super) async fn respond(edge: &Edge, peer: IpAddr, until: Instant, request: hyper::Request<Incoming>) -> Response {
    let goes_on = goes_on(&request);
    let mut response = answer(edge, peer, until, request).await;
    if goes_on && !response.headers().contains_key(CONNECTION) {
        response.headers_mut().insert(KEEP_ALIVE, HeaderValue::from_static(KEPT));
    }
    response
}

/// Returns whether the client wants its connection kept.
fn goes_on(request: &hyper::Request<Incoming>) -> bool {
    let mut lines = request.headers().get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut says =
        |word: &str| lines.any(|line| line.split(',').any(|option| option.trim().eq_ignore_ascii_case(word)));
    if request.version() < Version::HTTP_11 { says("keep-alive") } else { !says("close") }
}

async fn answer(edge: &Edge, peer: IpAddr, until: Instant, request: hyper::Request<Incoming>) -> Response {
    let Some(route) = edge.routes.iter().find(|route| route.path == request.uri().path()) else {
        let asked = match edge.asked(&request).await {
            None => edge.fetched(&request).await,
            asked => asked,
        };
        return asked.unwrap_or_else(|| closing(StatusCode::NOT_FOUND));
    };
    if let Some(refusal) = refuse(route, &request) {
        return refusal;
    }
    let header = |name: &HeaderName| request.headers().get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
    let proof = header(&route.proof);
    let headers = wanted(&edge.headers, &request);
    let (media_type, body) = if request.method() == Method::GET {
        (FORM.to_owned(), request.uri().query().unwrap_or_default().as_bytes().to_vec())
    } else {
        let media_type = header(&CONTENT_TYPE).unwrap_or_default();
        match body_of(request, route.max_body, until).await {
            Ok(body) => (media_type, body),
            Err(status) => return closing(status),
        }
    };
    let (answer, answered) = oneshot::channel();
    let connection = edge.next_exchange();
    let posted = Posted { request: Request { connection, media_type, body, peer, headers }, proof, answer };
    if !(route.hand_over)(posted) {
        return overloaded();
    }
    match tokio::time::timeout(ANSWER_TIME, answered).await {
        Ok(Ok(Answer { status, media_type, body, mac })) => {
            let mut response = answered_with(status, &media_type, body);
            if let Some(mac) = mac.and_then(|mac| HeaderValue::from_str(&mac).ok()) {
                response.headers_mut().insert(MAC, mac);
            }
            response
        }
        _ => overloaded(),
    }
}

/// Returns the lines of the header that have those names.
fn wanted(names: &[String], request: &hyper::Request<Incoming>) -> Vec<(String, String)> {
    let lines = names.iter().flat_map(|name| request.headers().get_all(name).iter().map(move |value| (name, value)));
    lines.filter_map(|(name, value)| Some((name.clone(), value.to_str().ok()?.to_owned()))).collect()
}

/// The media type of a query (HTML, "URL-encoded form data").
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a body within its limits; what is there already may be late.
async fn body_of(
    request: hyper::Request<Incoming>,
    most: usize,
    until: Instant,
) -> std::result::Result<Vec<u8>, StatusCode> {
    let body = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout_at(until, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Refuses what the header already shows to be wrong.
fn refuse(route: &Route, request: &hyper::Request<Incoming>) -> Option<Response> {
    if route.takes_queries && request.method() == Method::GET {
        return None;
    }
    if request.method() != Method::POST {
        let mut response = closing(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(if route.takes_queries { "GET, POST" } else { "POST" }));
        return Some(response);
    }
    let headers = request.headers();
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return Some(closing(StatusCode::LENGTH_REQUIRED));
    }
    let declared = request.body().size_hint().exact().unwrap_or_default();
    (declared > route.max_body as u64).then(|| closing(StatusCode::PAYLOAD_TOO_LARGE))
}

fn answered_with(status: u16, media_type: &str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let (Ok(value), false) = (HeaderValue::from_str(media_type), media_type.is_empty()) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(LATER));
    }
    response
}

/// Returns an empty answer after which the connection is closed: what follows on it may be the rest of a body.
pub(super) fn closing(status: StatusCode) -> Response {
    let mut response = answered_with(status.as_u16(), "", Vec::new());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn overloaded() -> Response {
    closing(StatusCode::SERVICE_UNAVAILABLE)
}
