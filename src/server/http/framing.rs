//! What comes and goes on a connection, watched beside HTTP itself: when a request began, whether its header
//! contradicts itself about its length, whether anything moves at all (abuse cases B02, B03).
//!
//! hyper takes `Content-Length` beside chunks for chunks, and `Content-Length` twice for once. A proxy that takes them
//! otherwise would see other requests than we do, so both are refused; for that it must be known where headers stand
//! among bodies, which is all that is followed here.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How long what still comes is thrown away after the last answer, so that the peer can read that answer: a connection
/// that is closed with octets unread is reset.
const LINGER: Duration = Duration::from_secs(2);
/// Octets of a line of a header that are looked at; lines that matter are shorter.
const LINE: usize = 128;

/// A connection that is watched.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    /// The time that a request may take to come in, and an answer to be taken at all.
    time: Duration,
    /// How long nothing may come between two requests.
    idle: Duration,
    framing: Framing,
    ledger: Arc<Ledger>,
    /// When something came last.
    heard: Instant,
    /// Runs until what was waited for at some time is overdue. It is not set anew for each request, but looked at again once
    /// it ran out.
    overdue: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs once our side is closed.
    linger: Option<Pin<Box<Sleep>>>,
}

/// What was seen on a connection.
#[derive(Debug)]
pub(super) struct Ledger {
    began: Mutex<Instant>,
    /// Requests taken up.
    taken: AtomicU64,
    /// The number of the first request that contradicts itself, from 1; 0 where none does.
    contradictory: AtomicU64,
}

impl Ledger {
    /// Returns when the last request began.
    pub(super) fn began(&self) -> Instant {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the next request; returns whether it says two things of its length.
    pub(super) fn next_is_contradictory(&self) -> bool {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        self.contradictory.load(Ordering::Relaxed) == number
    }
}

impl<S> Watched<S> {
    /// Watches a connection, and returns where it is written down.
    #[allow(clippy::disallowed_methods, reason = "this edge watches the clock")]
    pub(super) fn new(stream: S, time: Duration, idle: Duration) -> (Self, Arc<Ledger>) {
        let heard = Instant::now();
        let ledger =
            Arc::new(Ledger { began: Mutex::new(heard), taken: AtomicU64::new(0), contradictory: AtomicU64::new(0) });
        let (framing, watched) = (Framing::default(), ledger.clone());
        (Self { stream, time, idle, framing, ledger, heard, overdue: None, stalled: None, linger: None }, watched)
    }

    #[allow(clippy::disallowed_methods, reason = "this edge watches the clock")]
    fn saw(&mut self, octets: &[u8]) {
        self.heard = Instant::now();
        if self.framing.is_between() {
            *self.ledger.began.lock().unwrap_or_else(PoisonError::into_inner) = self.heard;
        }
        self.framing.follow(octets);
        if let Some(number) = self.framing.contradictory {
            self.ledger.contradictory.store(number, Ordering::Relaxed);
        }
    }

    /// Returns whether what comes next is overdue: the rest of a header, or the next request.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = match self.framing.is_within_header() {
            true => self.ledger.began() + self.time,
            false => self.heard + self.idle,
        };
        let timer = self.overdue.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }
}

fn is_over(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let octets = buffer.filled().get(before..).unwrap_or_default();
                self.saw(octets);
                Poll::Ready(Ok(()))
            }
            Poll::Pending if self.is_overdue(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            other => other,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// Lets something be written, and gives up where nothing is taken for too long.
    fn push<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let outcome = write(Pin::new(&mut self.stream), cx);
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.time)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.push(cx, |stream, cx| stream.poll_write(cx, octets))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.push(cx, |stream, cx| stream.poll_flush(cx))
    }

    /// Closes our side, and waits for the peer to close its own.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.push(cx, |stream, cx| stream.poll_shutdown(cx)))?;
            self.linger = Some(Box::pin(sleep(LINGER)));
        }
        let mut octets = [0; 4096];
        loop {
            if is_over(&mut self.linger, cx) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut octets);
            let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if outcome.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.push(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Where headers and bodies stand in what comes in.
#[derive(Debug, Default)]
struct Framing {
    part: Part,
    line: Vec<u8>,
    header: Header,
    /// Requests whose header was seen whole.
    headers: u64,
    contradictory: Option<u64>,
}

/// What of a request comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Part {
    /// A line of the header.
    #[default]
    Header,
    /// So many octets of the body.
    Body(u64),
    /// The line that says how long the next chunk is.
    Size,
    /// So many octets of a chunk and the end of its line.
    Chunk(u64),
    /// A line behind the last chunk.
    Trailer,
}

/// What a header says of the length of its body.
#[derive(Debug, Default)]
struct Header {
    has_begun: bool,
    lengths: u32,
    length: u64,
    codings: u32,
    is_chunked: bool,
    /// A line of these is longer than any that means well.
    is_long: bool,
}

impl Framing {
    /// Returns whether the next octet begins a request.
    fn is_between(&self) -> bool {
        self.part == Part::Header && !self.header.has_begun && self.line.is_empty()
    }

    fn is_within_header(&self) -> bool {
        self.part == Part::Header && !self.is_between()
    }

    fn follow(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if let Part::Body(left) | Part::Chunk(left) = &mut self.part {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(octets.len());
                octets = &octets[taken..];
                *left -= taken as u64;
                self.part = match self.part {
                    Part::Body(0) => Part::Header,
                    Part::Chunk(0) => Part::Size,
                    part => part,
                };
                continue;
            }
            let end = octets.iter().position(|octet| *octet == b'\n');
            let (line, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 1));
            let room = LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&line[..line.len().min(room)]);
            octets = rest;
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line);
                self.line = line;
                self.line.clear();
            }
        }
    }

    fn end_line(&mut self, line: &[u8]) {
        let text = line.trim_ascii();
        self.part = match self.part {
            Part::Header if !text.is_empty() => {
                self.header.take(text, line.len() >= LINE);
                Part::Header
            }
            // Empty lines before a request are nothing.
            Part::Header if !self.header.has_begun => Part::Header,
            Part::Header => self.end_header(),
            Part::Size => match chunk(text) {
                0 => Part::Trailer,
                size => Part::Chunk(size.saturating_add(2)),
            },
            Part::Trailer if text.is_empty() => Part::Header,
            other => other,
        };
    }

    fn end_header(&mut self) -> Part {
        let header = std::mem::take(&mut self.header);
        self.headers += 1;
        if header.is_long || header.lengths > 1 || header.lengths > 0 && header.codings > 0 {
            self.contradictory.get_or_insert(self.headers);
        }
        match header {
            Header { is_chunked: true, .. } => Part::Size,
            Header { length: 0, .. } => Part::Header,
            Header { length, .. } => Part::Body(length),
        }
    }
}

impl Header {
    fn take(&mut self, line: &[u8], is_cut: bool) {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let Some(colon) = line.iter().position(|octet| *octet == b':').filter(|_| has_begun) else { return };
        let value = line[colon + 1..].trim_ascii();
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            self.length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
        } else if line[..colon].eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings += 1;
            let end = value.len().saturating_sub(b"chunked".len());
            self.is_chunked = value[end..].eq_ignore_ascii_case(b"chunked");
        } else {
            return;
        }
        self.is_long |= is_cut;
    }
}

/// Reads the size of a chunk. What is none ends the connection, by hyper.
fn chunk(line: &[u8]) -> u64 {
    let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
    std::str::from_utf8(&line[..end]).ok().and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows octets in pieces of every size; returns headers seen and the first that contradicts itself.
    fn follow(text: &str) -> (u64, Option<u64>) {
        let mut seen = Vec::new();
        for size in 1..=text.len() {
            let mut framing = Framing::default();
            text.as_bytes().chunks(size).for_each(|piece| framing.follow(piece));
            assert!(framing.is_between(), "{text:?} in pieces of {size}");
            seen.push((framing.headers, framing.contradictory));
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{text:?}");
        seen[0]
    }

    #[test]
    fn headers_are_told_from_bodies_in_pieces_of_every_size() {
        let body = "a\r\n\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
        let length = body.len();
        let plain = format!("\r\nPOST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        let chunks = format!(
            "POST / HTTP/1.1\nTransfer-Encoding: gzip, Chunked\n\n{length:x};x=y\r\n{body}\r\n0\r\nA: b\r\n\r\n"
        );
        assert_eq!(follow(&plain), (1, None));
        assert_eq!(follow(&chunks), (1, None));
        assert_eq!(follow(&format!("{plain}{chunks}{chunks}{plain}GET / HTTP/1.1\r\n\r\n")), (5, None));
    }

    #[test]
    fn what_says_two_things_of_its_length_is_found() {
        let plain = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na";
        let both = "POST / HTTP/1.1\r\ncontent-length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(follow(both), (1, Some(1)));
        let turned = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n";
        assert_eq!(follow(&format!("{plain}{plain}{turned}{both}")), (4, Some(3)));
        let twice = "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na";
        assert_eq!(follow(&format!("{plain}{twice}")), (2, Some(2)));
        let padded = format!("POST / HTTP/1.1\r\nContent-Length:{}1\r\n\r\n", " ".repeat(LINE));
        assert_eq!(follow(&padded), (1, Some(1)));
    }

    /// Nothing may come for so long between two requests, and no header may take longer than its time, whatever drips.
    #[tokio::test]
    async fn what_is_overdue_ends_the_connection() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (soon, late) = (Duration::from_millis(50), Duration::from_secs(600));
        for (begun, time, idle) in [("", late, soon), ("POST / HTTP/1.1\r\nA", soon, late)] {
            let (mut peer, stream) = tokio::io::duplex(1024);
            let (mut watched, _) = Watched::new(stream, time, idle);
            let request = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx";
            peer.write_all(request.as_bytes()).await.unwrap();
            watched.read_exact(&mut vec![0; request.len()]).await.unwrap();
            let heard = watched.heard;
            peer.write_all(begun.as_bytes()).await.unwrap();
            let error = watched.read_to_end(&mut Vec::new()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(heard.elapsed() >= soon, "not before its time");
        }
    }

    /// Whatever comes, it is the same in pieces of any size, and nothing of it is kept but a line.
    #[test]
    fn any_octets_are_followed_alike_in_pieces_of_any_size() {
        let lines: [&[u8]; 14] = [
            b"POST / HTTP/1.1\r\n",
            b"Content-Length: 7\r\n",
            b"content-length:18446744073709551615\r\n",
            b"Content-Length: -1\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"\r\n",
            b"\n",
            b"ffffffffffffffff\r\n",
            b"5;x=y\r\nabcde\r\n",
            b"0\r\n",
            b":\r\n",
            b"\xFF\0 \r",
            &[b'x'; 3 * LINE],
        ];
        let mut seed = 1_u64;
        let mut below = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        for _ in 0..2_000 {
            let octets: Vec<u8> = (0..1 + below(16)).flat_map(|_| lines[below(lines.len())]).copied().collect();
            let mut whole = Framing::default();
            whole.follow(&octets);
            let mut pieces = Framing::default();
            let mut rest = &octets[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at((1 + below(20)).min(rest.len()));
                pieces.follow(piece);
                rest = behind;
            }
            let shown = String::from_utf8_lossy(&octets);
            assert_eq!(format!("{whole:?}"), format!("{pieces:?}"), "{shown}");
            assert!(whole.line.len() <= LINE, "{shown}");
        }
    }
}
