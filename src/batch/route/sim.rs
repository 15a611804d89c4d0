//! Simulated handsets: each message is taken apart as a handset would, and what arrived is counted for itself.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Body, Message, Needs, Outcome, Pace, Part, Route, codes};
use crate::codec::{self, Limits};
use crate::cp;
use crate::database::share;
use crate::delivery::receive;
use crate::diagnose::Report;
use crate::document::from_hex;
use crate::error::Result;
use crate::provision::cp::read as read_account;

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Handsets in a file of their own, so that what arrived can be compared with what the store believes.
#[derive(Debug)]
pub struct SimRoute {
    arrivals: Arrivals,
    window: usize,
}

impl SimRoute {
    /// Opens the handsets at `path`, or makes them.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened.
    pub fn open(path: &Path, window: usize) -> Result<Self> {
        Ok(Self { arrivals: Arrivals::open(path)?, window })
    }
}

impl Route for SimRoute {
    fn needs(&self) -> Needs {
        Needs::Line(vec![Part::Pdus])
    }

    fn window(&self) -> usize {
        self.window
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let deliver = |message: &&Message| match pace.take(message.sms) {
            true => self.deliver(message),
            false => Ok(Outcome::NotSent),
        };
        messages.iter().map(deliver).collect()
    }
}

impl SimRoute {
    fn deliver(&mut self, message: &Message) -> Result<Outcome> {
        let outcome = arrive(message);
        let (document, user) = outcome.clone().unwrap_or_default();
        let sql = "INSERT INTO arrival (msisdn, sha256, account, refused) VALUES (?1, ?2, ?3, ?4)";
        let refused = outcome.as_ref().err().copied();
        self.arrivals.connection.prepare_cached(sql)?.execute(params![
            message.row.msisdn as i64,
            document,
            user,
            refused
        ])?;
        Ok(match refused {
            None => Outcome::Taken { ids: Vec::new() },
            Some(text) => codes::outcome("sim:refused", text.into()),
        })
    }
}

/// What a simulated handset reads of a message.
#[derive(Deserialize)]
struct Line {
    pdus: Vec<String>,
}

/// Receives the message with the handset's own secrets and reads the account in it.
/// Returns the document's SHA-256 and who will log in.
fn arrive(message: &Message) -> std::result::Result<(Vec<u8>, String), &'static str> {
    let Body::Line(line) = &message.body else { return Err("the message holds no PDUs") };
    let line: Line = serde_json::from_slice(line).map_err(|_| "the message holds no PDUs")?;
    // A network keeps no order.
    let pdus: Option<Vec<Vec<u8>>> = line.pdus.iter().rev().map(|pdu| from_hex(pdu.as_bytes())).collect();
    let pdus = pdus.ok_or("a PDU is not in hex")?;
    let received = receive(pdus.iter().map(Vec::as_slice), message.pin.as_ref(), message.imsi.as_ref())?;
    let mut report = Report::new();
    let document = codec::read(&received.body, &[&cp::VOCABULARY], &Limits::default(), &mut report);
    let document = document.filter(|_| !report.has_errors()).ok_or("the document cannot be read")?;
    let reading = read_account(&document.root);
    let account = reading.accounts.first().ok_or("there is no IMPS account in the document")?;
    let user = account.login().and_then(|login| login.user.clone()).unwrap_or_default();
    Ok((Sha256::digest(&received.body).to_vec(), user))
}

/// What arrived at simulated handsets.
#[derive(Debug)]
pub struct Arrivals {
    connection: Connection,
}

impl Arrivals {
    /// Opens the arrivals at `path`, or makes them.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        share(&connection, PATIENCE)?;
        connection.pragma_update(None, "synchronous", "off")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS arrival (
                 number INTEGER PRIMARY KEY, msisdn BIGINT NOT NULL, sha256 BLOB NOT NULL, account TEXT NOT NULL,
                 refused TEXT)",
        )?;
        Ok(Self { connection })
    }

    /// Returns how many handsets got more than one message.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn doubled(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM (SELECT msisdn FROM arrival GROUP BY msisdn HAVING count(*) > 1)";
        Ok(self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    /// Returns how many handsets got something, how many messages arrived, and how many of them were refused.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read.
    pub fn count(&self) -> Result<(u64, u64, u64)> {
        let sql = "SELECT count(DISTINCT msisdn), count(*), count(refused) FROM arrival";
        let count = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(self.connection.query_row(sql, [], |row| Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?)))?)
    }
}
