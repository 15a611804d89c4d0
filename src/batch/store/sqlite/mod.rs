//! The store in SQLite: one file, any number of processes, write-ahead log.

mod control;
mod plan;
mod rates;
mod receipts;
mod report;
mod run;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{DueSlice, Listed, Setup, State, StoreKey, Stored, Timestamp};
use crate::database::share;
use crate::error::{Error, Result};

pub use run::Run;

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(20);
/// Page cache of a connection in KiB.
const CACHE: i64 = 16 << 10;
/// The version of the schema, kept in the file.
const SCHEMA: i64 = 3;
/// One campaign, as [`stored`] reads it.
const CAMPAIGN: &str =
    "SELECT name, file, slices, generation, plan, planned_at, halted, cancelled FROM campaign WHERE name = ?1";

/// The store of campaigns.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    /// What rows are encrypted with.
    key: Option<StoreKey>,
}

impl Store {
    /// Opens the store at `path`, or makes it. Only its owner may read the file: it holds subscribers' values.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be made, or is not a store of this version.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| Error::file(path, &error))?;
        Self::start(Connection::open(path)?).map_err(|error| error.at(path.display().to_string()))
    }

    /// Opens the store at `path`, which must exist.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and when there is no such file.
    pub fn open_existing(path: &Path) -> Result<Self> {
        if path.exists() {
            return Self::open(path);
        }
        let error = Error::input("there is no store").at(path.display().to_string());
        Err(error.help("`impskit batch plan` makes it; `--store` says where it is"))
    }

    /// Encrypts the values of rows that are planned from now on, and reads those that are.
    pub fn with_key(mut self, key: Option<StoreKey>) -> Self {
        self.key = key;
        self
    }

    /// Makes a store that ends with the process.
    ///
    /// # Errors
    ///
    /// Fails when memory is short.
    pub fn in_memory() -> Result<Self> {
        Self::start(Connection::open_in_memory()?)
    }

    fn start(connection: Connection) -> Result<Self> {
        share(&connection, PATIENCE)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut store = Self { connection, key: None };
        store.write(|tx| {
            let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version > SCHEMA {
                let error = Error::store(format!("the store has version {version}, this program knows {SCHEMA}"));
                return Err(error.help("use a newer impskit, or another store"));
            }
            if (1..SCHEMA).contains(&version) {
                let error = Error::store(format!("the store was made by an earlier version ({version}, now {SCHEMA})"));
                return Err(error.help("finish its campaigns with that version, or plan them again in a new store"));
            }
            tx.execute_batch(include_str!("../schema.sql"))?;
            tx.pragma_update(None, "user_version", SCHEMA)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// Runs `work` as one transaction: all of it is stored, or nothing.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = work(&tx)?;
        tx.commit()?;
        Ok(outcome)
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Returns the campaign called `name`.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be read, as everything here.
    pub fn campaign(&self, name: &str) -> Result<Option<Stored>> {
        let mut statement = self.prepare(CAMPAIGN)?;
        Ok(statement.query_row([name], stored).optional()?)
    }

    /// Returns the names of all campaigns.
    pub fn campaigns(&self) -> Result<Vec<String>> {
        let mut statement = self.prepare("SELECT name FROM campaign ORDER BY name")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Gives every key of the campaign to `each`, in an order that depends on the numbers only.
    pub fn keys(&self, campaign: &Stored, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut statement =
            self.prepare("SELECT key FROM planned_row WHERE campaign = ?1 AND slice = ?2 ORDER BY key")?;
        for slice in 0..campaign.slices {
            let mut rows = statement.query(params![campaign.name, slice])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
            }
        }
        Ok(())
    }

    /// Returns how many rows of earlier plans were not in the table planned last, and are still to be sent.
    pub fn left_from_earlier_plans(&self, campaign: &Stored) -> Result<u64> {
        let sql = "SELECT count(*) FROM device WHERE campaign = ?1 AND generation < ?2 AND state = 'planned'";
        self.count(sql, params![campaign.name, campaign.generation])
    }

    /// Returns how many handsets are still planned by each route, and how many messages they take.
    pub fn planned(&self, name: &str) -> Result<Vec<(String, u64, u64)>> {
        let sql = "SELECT route, count(*), sum(sms) FROM device WHERE campaign = ?1 AND state = 'planned' \
                   GROUP BY route ORDER BY route";
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map([name], |row| Ok((row.get(0)?, unsigned(row, 1)?, unsigned(row, 2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many handsets the campaign has, in whatever state.
    pub fn handsets(&self, name: &str) -> Result<u64> {
        self.count("SELECT count(*) FROM device WHERE campaign = ?1", params![name])
    }

    fn count(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<u64> {
        Ok(self.prepare(sql)?.query_row(values, |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    /// Returns the setups of a campaign.
    pub fn setups(&self, name: &str) -> Result<Vec<Setup>> {
        let mut statement = self.prepare("SELECT number, profile, header FROM setup WHERE campaign = ?1")?;
        let setup = |row: &Row<'_>| Ok(Setup { number: row.get(0)?, profile: row.get(1)?, header: row.get(2)? });
        Ok(statement.query_map([name], setup)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns what the last plan did not take: kind, reason, count.
    pub fn tally(&self, name: &str) -> Result<Vec<(String, String, u64)>> {
        let sql = "SELECT kind, reason, count FROM tally WHERE campaign = ?1 ORDER BY kind, count DESC, reason";
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?, unsigned(row, 2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many handsets are in each state.
    pub fn count_states(&self, name: &str) -> Result<Vec<(String, u64)>> {
        self.group("SELECT state, count(*) FROM device WHERE campaign = ?1 GROUP BY state", name)
    }

    /// Returns how many handsets have each error, most first.
    pub fn count_errors(&self, name: &str) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT error, count(*) FROM device WHERE campaign = ?1 AND error IS NOT NULL \
                   GROUP BY error ORDER BY count(*) DESC, error";
        self.group(sql, name)
    }

    fn group(&self, sql: &str, name: &str) -> Result<Vec<(String, u64)>> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map([name], |row| Ok((row.get(0)?, unsigned(row, 1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns handsets in a state, `limit` at the most, in the order of the store.
    pub fn list(&self, name: &str, state: State, limit: u64) -> Result<Vec<Listed>> {
        let mut statement = self.prepare(
            "SELECT msisdn, state, attempts, line, error FROM device WHERE campaign = ?1 AND state = ?2 \
             ORDER BY slice, msisdn LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![name, state.as_str(), limit], |row| {
            Ok(Listed {
                msisdn: unsigned(row, 0)?.to_string(),
                state: row.get(1)?,
                attempts: row.get(2)?,
                line: unsigned(row, 3)?,
                error: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns of how many handsets nobody knows whether their message was taken, that were not sent again so far; and
    /// how many were.
    pub fn doubtful(&self, name: &str) -> Result<(u64, u64)> {
        // From the few steps that are so to their handsets.
        let sql = "SELECT coalesce(sum(1 - again), 0), coalesce(sum(again), 0) FROM \
                   (SELECT max(d.attempts > h.attempt) AS again FROM history h \
                    CROSS JOIN planned_row r CROSS JOIN device d \
                    WHERE h.campaign = ?1 AND h.state IN ('planned', 'failed') AND h.detail LIKE 'ambiguous%' \
                    AND r.campaign = h.campaign AND r.slice = h.slice AND r.place = h.place \
                    AND d.campaign = r.campaign AND d.slice = r.slice AND d.msisdn = r.msisdn \
                    GROUP BY h.slice, h.place)";
        Ok(self.prepare(sql)?.query_row([name], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?)
    }

    /// Returns the earliest time at which anything planned is due.
    pub fn next_due(&self, name: &str) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(due) FROM device WHERE campaign = ?1 AND state = 'planned'";
        Ok(self.prepare(sql)?.query_row([name], |row| row.get(0))?)
    }

    /// Returns the slices that have something due or ambiguous on a route among the first `last` handsets, and the
    /// earliest time at which anything planned there is due.
    pub fn due_slices(
        &self,
        name: &str,
        route: &str,
        last: u64,
        now: Timestamp,
    ) -> Result<(Vec<DueSlice>, Option<Timestamp>)> {
        let mut statement = self.prepare(
            // In the order of the key: nothing is sorted, however many rows there are.
            "SELECT slice, min(CASE state WHEN 'planned' THEN due END), max(state = 'submitting') FROM device \
             WHERE campaign = ?1 AND state IN ('planned', 'submitting') AND route = ?2 AND place <= ?3 \
             GROUP BY slice ORDER BY slice",
        )?;
        let mut rows = statement.query(params![name, route, place(last)])?;
        let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
        while let Some(row) = rows.next()? {
            let (slice, planned, is_open): (u32, Option<Timestamp>, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            next = [next, planned].into_iter().flatten().min();
            if is_open || planned.is_some_and(|time| time <= now) {
                due.push(DueSlice { number: slice, is_open });
            }
        }
        Ok((due, next))
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        name: row.get(0)?,
        file: row.get(1)?,
        slices: row.get(2)?,
        generation: row.get(3)?,
        plan: row.get(4)?,
        planned_at: row.get(5)?,
        halted: row.get(6)?,
        cancelled: row.get(7)?,
    })
}

/// Returns a number of the store that is never negative.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// Returns a place as the store keeps it; there is none behind the largest.
fn place(place: u64) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
