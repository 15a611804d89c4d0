//! One session with a centre: connected, bound, used, unbound.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::keeper::{Event, Inbox, Keeper, Link, Unsent};
use crate::delivery::smpp::{Bind, Body, Class, Status};
use crate::error::{Error, Result, reason};

/// Answers that wait to be looked at. A centre that sends more than were asked for has to wait.
const MOST_EVENTS: usize = 4096;
/// How long an answer to unbind is waited for.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// To connect, to bind, to answer a message, to answer enquire_link.
    pub(super) answer: Duration,
    /// Silence after which enquire_link is sent.
    pub(super) idle: Duration,
}

/// A bound session. It ends when it is dropped; [`Self::close`] takes leave before.
#[derive(Debug)]
pub(super) struct Session {
    link: Arc<Link>,
    /// `None` once it is over.
    events: Option<Receiver<Event>>,
    keeper: Option<JoinHandle<()>>,
    gone: Option<String>,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) struct NoSession {
    /// For people.
    pub(super) error: Error,
    /// Whether it may be another thing soon.
    pub(super) may_retry: bool,
}

#[allow(clippy::disallowed_methods, reason = "this edge waits for a socket")]
impl Session {
    /// Connects to `address` and binds.
    pub(super) fn open(
        address: &str,
        bind: &Bind,
        patience: Patience,
        inbox: &Arc<Inbox>,
    ) -> std::result::Result<Self, NoSession> {
        let fail = |error: Error| NoSession { error: error.at(address), may_retry: true };
        let stream = connect(address, patience.answer).map_err(fail)?;
        let unusable = |error: std::io::Error| fail(Error::remote(reason(&error)));
        let reading = stream.try_clone().map_err(unusable)?;
        let link = Arc::new(Link::new(stream, Arc::clone(inbox)));
        let (sender, events) = sync_channel(MOST_EVENTS);
        let times = (patience.idle, patience.answer);
        let keeper = Keeper::new(Arc::clone(&link), reading, sender, times).map_err(unusable)?;
        let keeper = thread::Builder::new().name("smpp".to_owned()).spawn(|| keeper.run()).map_err(unusable)?;
        let mut session = Self { link, events: Some(events), keeper: Some(keeper), gone: None };
        session.bind(bind, patience.answer).map_err(|no| NoSession { error: no.error.at(address), ..no })?;
        Ok(session)
    }

    fn bind(&mut self, bind: &Bind, patience: Duration) -> std::result::Result<(), NoSession> {
        let fail = |what: &str, help: &str| NoSession { error: Error::remote(what).help(help), may_retry: true };
        let no_answer = "look whether the address is that of SMPP, and not of TLS or HTTP";
        self.send(Body::Bind(Box::new(bind.clone()))).map_err(|unsent| fail(&unsent.why(), no_answer))?;
        let until = Instant::now() + patience;
        match self.answer(until) {
            Some((_, status, _)) if status.is_ok() => Ok(()),
            Some((_, status, _)) => Err(refused(status)),
            None => match self.gone() {
                Some(why) => Err(fail(&format!("there is no session: {why}"), no_answer)),
                None => Err(fail("the centre does not answer the bind", no_answer)),
            },
        }
    }

    /// Sends a request; returns its sequence number.
    pub(super) fn send(&self, body: Body) -> std::result::Result<u32, Unsent> {
        self.link.request(body)
    }

    /// Waits for an answer until a time: sequence number, status, and what it names. `None`: there was none.
    pub(super) fn answer(&mut self, until: Instant) -> Option<(u32, Status, Option<String>)> {
        if self.gone.is_some() {
            return None;
        }
        let left = until.saturating_duration_since(Instant::now());
        match self.events.as_ref()?.recv_timeout(left) {
            Ok(Event::Answer { sequence, status, name }) => return Some((sequence, status, name)),
            Ok(Event::Gone(why)) => self.gone = Some(why),
            Err(RecvTimeoutError::Disconnected) => self.gone = Some("the session is over".to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        None
    }

    /// Returns whether the session is over by now. Answers that nobody waits for any more are dropped.
    pub(super) fn is_over(&mut self) -> bool {
        while self.answer(Instant::now()).is_some() {}
        self.link.end().is_some()
    }

    /// Returns why the session is over, once all that came before is looked at.
    pub(super) fn gone(&self) -> Option<&str> {
        self.gone.as_deref()
    }

    /// Returns why the session is over, if it is by now.
    pub(super) fn end(&self) -> Option<&str> {
        self.link.end()
    }

    /// Takes leave of the centre.
    pub(super) fn close(mut self) {
        let until = Instant::now() + FAREWELL;
        if let Ok(farewell) = self.send(Body::Unbind) {
            while let Some((sequence, ..)) = self.answer(until) {
                if sequence == farewell {
                    break;
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.link.shut("we ended the session");
        // The keeper may wait for room.
        self.events = None;
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn connect(address: &str, patience: Duration) -> Result<TcpStream> {
    let help = "look at `address` of the route: `HOST:PORT`; mostly the port is 2775";
    let unknown =
        |error: &std::io::Error| Error::remote(format!("the host is not known: {}", reason(error))).help(help);
    let mut last = Error::remote("the host has no address").help(help);
    for place in address.to_socket_addrs().map_err(|error| unknown(&error))? {
        let stream = TcpStream::connect_timeout(&place, patience).and_then(|stream| {
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(patience))?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Error::remote(format!("the centre cannot be reached: {}", reason(&error))).help(help),
        }
    }
    Err(last)
}

fn refused(status: Status) -> NoSession {
    let error = Error::remote(format!("the centre refused the bind: {} ({status})", status.meaning()));
    let help = status.row().map_or("ask the operator of the centre", |row| row.help);
    NoSession { error: error.help(help), may_retry: status.class() != Class::Permanent }
}
