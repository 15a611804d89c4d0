//! EDGE: a client over HTTP (CSP transport, "HTTP binding"): one connection, kept open, one exchange at a time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::cir::Bell;
use super::conversation::Post;
#[cfg(feature = "tls")]
use super::tls::{Trust, trust};
use super::transcript::{self, Direction};
use super::{Client, Event, Identity, Output};
use crate::codec::{self, Encoding};
use crate::csp::{self, wire};
use crate::dm::session::auth::MAC_HEADER;
use crate::document::CodeTable;
use crate::error::{Error, Result, reason};

/// The time for one exchange; clients in the field wait 40 to 120 seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// Octets of an answer.
const MOST: usize = wire::LIMITS.bytes;

/// Takes what goes and comes, in words.
pub type Show = Box<dyn FnMut(&str)>;

/// A client that talks to a server over HTTP.
#[derive(Debug)]
pub struct Talk {
    client: Client,
    bell: Option<Bell>,
    line: Line,
    started: Instant,
}

impl Talk {
    /// Returns a client for the server at `url`, logged out. With a folder for traces, every body that goes and
    /// comes is written there, with passwords and digests masked.
    ///
    /// # Errors
    ///
    /// Fails where the URL is none that a client can post to, or the folder cannot be made.
    pub fn new(identity: Identity, url: &str, trace: Option<PathBuf>) -> Result<Self> {
        Ok(Self::over(Line::new(url, trace)?, identity))
    }

    /// Returns a client that talks on a line, logged out.
    #[allow(clippy::disallowed_methods, reason = "this edge tells the engine the time")]
    pub fn over(mut line: Line, identity: Identity) -> Self {
        line.speak(identity.text_codes);
        Self { client: Client::new(identity), bell: None, line, started: Instant::now() }
    }

    /// Returns the client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Tells the client something, and exchanges messages until it has nothing more to say. Returns what it has to
    /// tell, without its posts.
    ///
    /// # Errors
    ///
    /// Fails where the server cannot be reached, or answers with an HTTP status other than 200.
    pub fn tell(&mut self, event: Event) -> Result<Vec<Output>> {
        let mut told = Vec::new();
        let mut events = vec![event];
        let mut trouble = None;
        while let Some(event) = events.pop() {
            for output in self.client.handle(self.started.elapsed(), event) {
                match output {
                    Output::Post { media_type, body } => {
                        let (event, error) = self.line.carry(media_type, body);
                        events.push(event);
                        trouble = error;
                    }
                    Output::Failed { request, why } => match trouble.take() {
                        Some(error) => return Err(error),
                        None => told.push(Output::Failed { request, why }),
                    },
                    Output::Reopen => self.bell.iter().for_each(Bell::reopen),
                    other => told.push(other),
                }
            }
        }
        trouble.map_or(Ok(told), Err)
    }

    /// Returns whether there is a way to be woken.
    pub fn is_woken(&self) -> bool {
        self.bell.is_some()
    }

    /// Waits from now on at this end of a way to be woken, which the server has agreed to.
    ///
    /// # Errors
    ///
    /// Fails where there is no session, or the server did not agree.
    pub fn listen(&mut self, mut bell: Bell) -> Result<()> {
        let session = self.client.session_id().ok_or_else(|| Error::input("there is no session to be woken for"))?;
        bell.listen(self.client.ways(), session, self.client.poll_min())?;
        self.bell = Some(bell);
        Ok(())
    }

    /// Waits until the client has to poll or to keep its session, or is woken, at most for `longest`, and lets it.
    ///
    /// # Errors
    ///
    /// As [`Talk::tell`].
    #[allow(clippy::disallowed_methods, reason = "this edge waits")]
    pub fn wait(&mut self, longest: Duration) -> Result<Vec<Output>> {
        let due = self.client.next_deadline().unwrap_or_default().saturating_sub(self.started.elapsed());
        let until = self.started.elapsed() + due.min(longest);
        loop {
            let left = until.saturating_sub(self.started.elapsed());
            let heard = match &self.bell {
                Some(bell) => bell.next(left),
                None => {
                    std::thread::sleep(left);
                    None
                }
            };
            let Some(heard) = heard else { return self.tell(Event::Tick) };
            let told = self.tell(heard)?;
            if !told.is_empty() {
                return Ok(told);
            }
        }
    }
}

/// The ways of those who speak in a script, each opened when its client first speaks.
pub struct Lines<'o> {
    open: &'o dyn Fn(&str) -> Result<Line>,
    lines: BTreeMap<String, Line>,
}

impl<'o> Lines<'o> {
    /// Returns ways that `open` opens, by the name of who speaks.
    pub fn new(open: &'o dyn Fn(&str) -> Result<Line>) -> Self {
        Self { open, lines: BTreeMap::new() }
    }

    /// Takes a post to the server, see [`Line::carry`].
    pub fn carry(&mut self, post: &Post<'_>) -> (Event, Option<Error>) {
        let line = match self.lines.entry(post.who.to_owned()) {
            Entry::Occupied(line) => Ok(line.into_mut()),
            Entry::Vacant(place) => (self.open)(post.who).map(|line| place.insert(line)),
        };
        match line {
            Ok(line) => line.carry(post.media_type, post.body.to_vec()),
            Err(error) => (Event::Failed(error.what.clone()), Some(error)),
        }
    }
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// The way to one server: one connection, kept open.
pub struct Line {
    runtime: Runtime,
    /// Whom it trusts, where that has been said or asked.
    trust: Option<Trust>,
    url: Uri,
    authority: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    trace: Option<PathBuf>,
    exchanges: u32,
    /// Whether the last failure was an answer: a status that is not 200.
    was_refused: bool,
    show: Option<Show>,
    /// The codes of plain text that are spoken.
    codes: &'static CodeTable,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("url", &self.url).field("exchanges", &self.exchanges).finish_non_exhaustive()
    }
}

impl Line {
    /// Returns the way to the server at `url`; bodies are written to the folder `trace`, with secrets masked.
    ///
    /// # Errors
    ///
    /// Fails where the URL is none that a client can post to, or the folder cannot be made.
    pub fn new(url: &str, trace: Option<PathBuf>) -> Result<Self> {
        let bad = |what: &str| Error::input(format!("`{url}` {what}")).help("write it as `http://HOST:PORT/PATH`");
        let uri: Uri = url.parse().map_err(|_| bad("is no URL"))?;
        let authority = uri.authority().ok_or_else(|| bad("names no host"))?.as_str().to_owned();
        match uri.scheme_str() {
            Some("http") => {}
            #[cfg(feature = "tls")]
            Some("https") => {}
            #[cfg(not(feature = "tls"))]
            Some("https") => {
                let error = Error::input("TLS is not built in").at(url);
                return Err(error.help("put a proxy that speaks TLS between, and name it with `http://`"));
            }
            _ => return Err(bad("is not for HTTP")),
        }
        if authority.contains('@') {
            return Err(bad("holds a user name: secrets are no part of a URL"));
        }
        if let Some(folder) = &trace {
            std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, &error))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::remote(error.to_string()))?;
        Ok(Self {
            trust: None,
            runtime,
            url: uri,
            authority,
            connection: None,
            trace,
            exchanges: 0,
            was_refused: false,
            show: None,
            codes: csp::text_codes(),
        })
    }

    /// Trusts the authorities of a file in PEM, and no others, with who a server is.
    ///
    /// # Errors
    ///
    /// Fails where the file holds no certificate, and where the program has no TLS.
    pub fn trust(&mut self, ca: &Path) -> Result<()> {
        self.trust = Some(trust(Some(ca))?);
        Ok(())
    }

    /// Shows every message that goes and comes, in words.
    pub fn show_to(&mut self, show: Show) {
        self.show = Some(show);
    }

    /// Reads what goes and comes by these codes of plain text, for traces and words.
    pub fn speak(&mut self, codes: &'static CodeTable) {
        self.codes = codes;
    }

    /// Posts a body and returns the body of the answer.
    ///
    /// # Errors
    ///
    /// Fails where there is no answer in time, or its status is not 200.
    pub fn post(&mut self, media_type: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        self.post_proved(media_type, body, None).map(|(answer, _)| answer)
    }

    /// Posts what a client says. Returns what the client is to be told of it, and why there is no answer.
    pub fn carry(&mut self, media_type: &str, body: Vec<u8>) -> (Event, Option<Error>) {
        match self.post(media_type, body) {
            Ok(answer) => (Event::Answer(answer), None),
            Err(error) => {
                let what = error.what.clone();
                (if self.was_refused { Event::Refused(what) } else { Event::Failed(what) }, Some(error))
            }
        }
    }

    /// Posts a body with the header [`MAC_HEADER`], and returns the body of the answer and its header of that name.
    ///
    /// # Errors
    ///
    /// As [`Line::post`].
    pub(crate) fn post_proved(
        &mut self,
        media_type: &str,
        body: Vec<u8>,
        mac: Option<&str>,
    ) -> Result<(Vec<u8>, Option<String>)> {
        self.exchanges += 1;
        self.was_refused = false;
        self.tell(&body, Direction::Out);
        self.keep(&body, Direction::Out)?;
        let failed = |what: String| Error::remote(what).at(self.url.to_string());
        let help = "is the server running, and is the URL the one it shows when it starts?";
        let request = self.request(media_type, body, mac).map_err(|error| failed(error.to_string()))?;
        let exchange = exchange(&mut self.connection, &self.url, &mut self.trust, request);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, exchange).await });
        let (status, answer, mac) = match answer {
            Err(_) => return Err(failed(format!("no answer within {} seconds", PATIENCE.as_secs()))),
            Ok(Err(what)) => return Err(failed(what).help(help)),
            Ok(Ok(answer)) => answer,
        };
        if status != StatusCode::OK {
            self.was_refused = true;
            let error = failed(format!("the server answers with HTTP status {status}"));
            return Err(if status == StatusCode::NOT_FOUND { error.help(help) } else { error });
        }
        self.tell(&answer, Direction::In);
        self.keep(&answer, Direction::In)?;
        Ok((answer, mac))
    }

    fn request(
        &self,
        media_type: &str,
        body: Vec<u8>,
        mac: Option<&str>,
    ) -> std::result::Result<Request<Full<Bytes>>, hyper::http::Error> {
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, media_type)
            .header(USER_AGENT, concat!("impskit/", env!("CARGO_PKG_VERSION")));
        let request = mac.into_iter().fold(request, |request, mac| request.header(MAC_HEADER, mac));
        request.body(Full::new(Bytes::from(body)))
    }

    fn tell(&mut self, body: &[u8], direction: Direction) {
        if let Some(show) = &mut self.show {
            show(&transcript::in_words(body, direction, self.codes));
        }
    }

    /// Writes a body into the folder of traces.
    fn keep(&self, body: &[u8], direction: Direction) -> Result<()> {
        let Some(folder) = &self.trace else { return Ok(()) };
        let what = match direction {
            Direction::Out => "request",
            Direction::In => "answer",
        };
        let extension = codec::recognise(body).map_or("empty", Encoding::as_str);
        let path = folder.join(format!("{:04}-{what}.{extension}", self.exchanges));
        std::fs::write(&path, transcript::masked(body, direction, self.codes))
            .map_err(|error| Error::file(&path, &error))
    }
}

/// Sends a request on the open connection, or on a new one where there is none. Returns status, body and MAC.
async fn exchange(
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    url: &Uri,
    trust: &mut Option<Trust>,
    request: Request<Full<Bytes>>,
) -> std::result::Result<(StatusCode, Vec<u8>, Option<String>), String> {
    let is_open = match connection {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    let mut sender = match connection.take().filter(|_| is_open) {
        Some(sender) => sender,
        None => connect(url, trust).await?,
    };
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let mac = response.headers().get(MAC_HEADER).and_then(|mac| mac.to_str().ok()).map(str::to_owned);
    let body = Limited::new(response.into_body(), MOST).collect().await;
    let body = body.map_err(|error| format!("the answer breaks off: {error}"))?.to_bytes().to_vec();
    *connection = Some(sender);
    Ok((status, body, mac))
}

async fn connect(url: &Uri, trusted: &mut Option<Trust>) -> std::result::Result<SendRequest<Full<Bytes>>, String> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_safe = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_safe { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(|error| reason(&error))?;
    #[cfg(feature = "tls")]
    if is_safe {
        let trusted = match trusted {
            Some(trusted) => trusted,
            None => trusted.insert(trust(None).map_err(|error| error.what)?),
        };
        return talk_on(super::tls::connect(trusted, host, stream).await?).await;
    }
    #[cfg(not(feature = "tls"))]
    let _ = trusted;
    talk_on(stream).await
}

/// Whom a client trusts with who a server is.
#[cfg(not(feature = "tls"))]
type Trust = ();

#[cfg(not(feature = "tls"))]
fn trust(ca: Option<&Path>) -> Result<Trust> {
    match ca {
        None => Ok(()),
        Some(ca) => {
            let error = Error::input("TLS is not built in").at(ca.display().to_string());
            Err(error.help("build with the feature `tls`"))
        }
    }
}

async fn talk_on<S>(stream: S) -> std::result::Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // Its end shows when the next request is sent.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_urls_that_it_cannot_post_to() {
        let what = |url: &str| Talk::new(Identity::new("a", "b"), url, None).unwrap_err().what;
        assert_eq!(what("ftp://a.b/"), "`ftp://a.b/` is not for HTTP");
        #[cfg(not(feature = "tls"))]
        assert_eq!(what("https://a.b/"), "TLS is not built in");
        assert_eq!(what("/csp"), "`/csp` names no host");
        assert_eq!(what("http://u:p@a.b/"), "`http://u:p@a.b/` holds a user name: secrets are no part of a URL");
    }
}
