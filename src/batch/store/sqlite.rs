//! The store in SQLite: one file, any number of processes, write-ahead log.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{Added, DueRow, Lease, Listed, NewRow, Setup, State, Step, Stored, Timestamp, slice_of};
use crate::error::{Error, Result};

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(20);
/// Page cache of a connection in KiB.
const CACHE: i64 = 16 << 10;
/// The version of the schema, kept in the file.
const SCHEMA: i64 = 1;

/// The store of campaigns.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
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

    /// Makes a store that ends with the process.
    ///
    /// # Errors
    ///
    /// Fails when memory is short.
    pub fn in_memory() -> Result<Self> {
        Self::start(Connection::open_in_memory()?)
    }

    fn start(connection: Connection) -> Result<Self> {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut store = Self { connection };
        store.write(|tx| {
            let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version > SCHEMA {
                let error = Error::store(format!("the store has version {version}, this program knows {SCHEMA}"));
                return Err(error.help("use a newer impskit, or another store"));
            }
            tx.execute_batch(include_str!("schema.sql"))?;
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
        let mut statement =
            self.prepare("SELECT name, file, slices, generation, plan, planned_at FROM campaign WHERE name = ?1")?;
        Ok(statement.query_row([name], stored).optional()?)
    }

    /// Returns the names of all campaigns.
    pub fn campaigns(&self) -> Result<Vec<String>> {
        let mut statement = self.prepare("SELECT name FROM campaign ORDER BY name")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Begins a plan: makes the campaign, or counts a new generation of one that is there. `rows` is about how many
    /// rows will come; it decides the number of slices when the campaign is made.
    ///
    /// # Errors
    ///
    /// Fails while a worker holds a slice.
    pub fn begin_plan(&mut self, name: &str, file: &str, rows: u64, now: Timestamp) -> Result<Stored> {
        let slices = i64::try_from(rows.div_ceil(super::SLICE).max(1)).unwrap_or(i64::MAX);
        self.write(|tx| {
            let running = "SELECT owner FROM slice WHERE campaign = ?1 AND lease_until > ?2 LIMIT 1";
            if let Some(owner) = tx.query_row(running, params![name, now], |row| row.get::<_, String>(0)).optional()? {
                let error = Error::store(format!("the campaign is being run by `{owner}`"));
                return Err(error.at(name).help("wait until it has ended, or half a minute after it was killed"));
            }
            tx.execute(
                "INSERT INTO campaign (name, file, slices, generation, next, planned_at) VALUES (?1, ?2, ?3, 0, 1, ?4) \
                 ON CONFLICT (name) DO NOTHING",
                params![name, file, slices, now],
            )?;
            tx.execute(
                "UPDATE campaign SET generation = generation + 1, plan = NULL, file = ?2 WHERE name = ?1",
                params![name, file],
            )?;
            tx.execute("DELETE FROM tally WHERE campaign = ?1", [name])?;
            let sql = "SELECT name, file, slices, generation, plan, planned_at FROM campaign WHERE name = ?1";
            Ok(tx.query_row(sql, [name], stored)?)
        })
    }

    /// Adds rows to the plan that was begun, in one transaction, and says of each what became of it.
    pub fn add_rows(&mut self, campaign: &Stored, rows: &[NewRow]) -> Result<Vec<Added>> {
        // In the order of the primary key, one walk over the table is enough, however large it is.
        let slices: Vec<u32> = rows.iter().map(|row| slice_of(row.msisdn, campaign.slices)).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&i| (slices[i], rows[i].msisdn, i));
        self.write(|tx| {
            let next = "SELECT next FROM campaign WHERE name = ?1";
            let first: i64 = tx.query_row(next, [&campaign.name], |row| row.get(0))?;
            let mut added = vec![Added::New; rows.len()];
            for &i in &order {
                added[i] = add_device(tx, campaign, &rows[i], slices[i], first + i as i64)?;
            }
            // Rows of a slice lie together in the order of planning.
            order.sort_by_key(|&i| (slices[i], i));
            for &i in order.iter().filter(|&&i| added[i] == Added::New) {
                insert_planned(tx, campaign, &rows[i], slices[i], first + i as i64)?;
            }
            let sql = "UPDATE campaign SET next = ?2 WHERE name = ?1";
            tx.execute(sql, params![campaign.name, first + rows.len() as i64])?;
            Ok(added)
        })
    }

    /// Returns the number of a profile with the columns that it is filled from; a new one where it is new.
    pub fn setup(&mut self, campaign: &str, profile: &str, header: &str) -> Result<u32> {
        self.write(|tx| {
            let sql = "SELECT number FROM setup WHERE campaign = ?1 AND profile = ?2 AND header = ?3";
            if let Some(number) = tx.query_row(sql, [campaign, profile, header], |row| row.get(0)).optional()? {
                return Ok(number);
            }
            let sql = "SELECT coalesce(max(number), 0) + 1 FROM setup WHERE campaign = ?1";
            let number = tx.query_row(sql, [campaign], |row| row.get(0))?;
            let sql = "INSERT INTO setup (campaign, number, profile, header) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, params![campaign, number, profile, header])?;
            Ok(number)
        })
    }

    /// Ends the plan: keeps its hash and what was not taken (kind, reason, count).
    pub fn end_plan(&mut self, name: &str, plan: &str, tally: &[(&str, String, u64)]) -> Result<()> {
        self.write(|tx| {
            for (kind, reason, count) in tally {
                tx.execute(
                    "INSERT INTO tally (campaign, kind, reason, count) VALUES (?1, ?2, ?3, ?4)",
                    params![name, kind, reason, *count as i64],
                )?;
            }
            tx.execute("UPDATE campaign SET plan = ?2 WHERE name = ?1", [name, plan])?;
            Ok(())
        })
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

    /// Returns how many handsets are still planned, and how many messages they take.
    pub fn planned(&self, name: &str) -> Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(sms), 0) FROM device WHERE campaign = ?1 AND state = 'planned'";
        Ok(self.prepare(sql)?.query_row([name], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?)
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

    /// Returns how many handsets were sent again after a crash between submit and its recording.
    pub fn possibly_duplicated(&self, name: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM (SELECT DISTINCT slice, place FROM history \
                   WHERE campaign = ?1 AND state = 'planned' AND detail = 'ambiguous')";
        self.count(sql, params![name])
    }

    /// Returns the slices that have something due, and the earliest time at which anything planned is due.
    pub fn due_slices(&self, name: &str, now: Timestamp) -> Result<(Vec<u32>, Option<Timestamp>)> {
        let mut statement = self.prepare(
            "SELECT slice, min(due) FROM device \
             WHERE campaign = ?1 AND state IN ('planned', 'submitting') GROUP BY slice ORDER BY slice",
        )?;
        let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        let rows: Vec<(u32, i64)> = rows.collect::<rusqlite::Result<_>>()?;
        let due = rows.iter().filter(|(_, due)| *due <= now).map(|(slice, _)| *slice).collect();
        Ok((due, rows.iter().map(|(_, due)| *due).min()))
    }

    /// Returns a run of the campaign by a worker.
    pub fn run<'s>(&'s mut self, campaign: &'s str, worker: &'s str) -> Run<'s> {
        Run { store: self, campaign, worker }
    }
}

/// What one worker does to one campaign.
#[derive(Debug)]
pub struct Run<'s> {
    store: &'s mut Store,
    campaign: &'s str,
    worker: &'s str,
}

impl Run<'_> {
    /// Leases a slice until `until`, if nobody else holds it. A lease of this worker's own name is left over from a
    /// process that died and is taken at once. With `resend`, handsets that were left between submit and its
    /// recording are planned again.
    pub fn lease(&mut self, slice: u32, now: Timestamp, until: Timestamp, resend: bool) -> Result<Option<Lease>> {
        let (campaign, worker) = (self.campaign, self.worker);
        self.store.write(|tx| {
            tx.execute(
                "INSERT INTO slice (campaign, slice, owner, lease_until, epoch) VALUES (?1, ?2, '', 0, 0) \
                 ON CONFLICT (campaign, slice) DO NOTHING",
                params![campaign, slice],
            )?;
            let taken = tx.execute(
                "UPDATE slice SET owner = ?3, lease_until = ?5, epoch = epoch + 1 \
                 WHERE campaign = ?1 AND slice = ?2 AND (lease_until <= ?4 OR owner = ?3)",
                params![campaign, slice, worker, now, until],
            )?;
            if taken == 0 {
                return Ok(None);
            }
            let sql = "SELECT epoch FROM slice WHERE campaign = ?1 AND slice = ?2";
            let epoch = tx.query_row(sql, params![campaign, slice], |row| unsigned(row, 0))?;
            let mut lease = Lease { slice, epoch, ambiguous: 0 };
            let left = rows_in(tx, campaign, slice, State::Submitting, i64::MAX)?;
            lease.ambiguous = left.len() as u64;
            for row in left.iter().filter(|_| resend) {
                let detail = Some("ambiguous".to_owned());
                let (from, to) = (State::Submitting, State::Planned);
                let step = Step { row, from, to, due: 0, error: None, detail };
                take_step(tx, (campaign, worker), &lease, &step, row.attempts, now)?;
            }
            Ok(Some(lease))
        })
    }

    /// Returns the rows of a slice that are due, in the order of planning.
    pub fn due_rows(&mut self, slice: u32, now: Timestamp) -> Result<Vec<DueRow>> {
        let campaign = self.campaign;
        rows_in(&self.store.connection, campaign, slice, State::Planned, now)
    }

    /// Notes that rows are about to be handed to a route. `false`: the lease is lost, nothing was noted.
    pub fn mark(&mut self, lease: &Lease, rows: &[&DueRow], now: Timestamp, until: Timestamp) -> Result<bool> {
        let who = (self.campaign, self.worker);
        self.store.write(|tx| {
            if !renew(tx, who, lease, until)? {
                return Ok(false);
            }
            for row in rows {
                take_step(tx, who, lease, &submitting(row), row.attempts + 1, now)?;
            }
            Ok(true)
        })
    }

    /// Notes what became of rows, and how far a route's file is written, in one transaction.
    /// `false`: the lease is lost, nothing was noted.
    pub fn record(
        &mut self,
        lease: &Lease,
        steps: &[Step<'_>],
        written: Option<(&str, u64)>,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<bool> {
        let who = (self.campaign, self.worker);
        self.store.write(|tx| {
            if !renew(tx, who, lease, until)? {
                return Ok(false);
            }
            for step in steps {
                let attempt = step.row.attempts + u32::from(step.to != State::Expired);
                if step.from == State::Planned && step.to != State::Expired {
                    note(tx, who, lease, &submitting(step.row), attempt, now)?;
                }
                take_step(tx, who, lease, step, attempt, now)?;
            }
            if let Some((route, length)) = written {
                tx.prepare_cached("UPDATE output SET written = ?3 WHERE campaign = ?1 AND route = ?2")?
                    .execute(params![who.0, route, length as i64])?;
            }
            Ok(true)
        })
    }

    /// As [`Store::due_slices`].
    pub fn due_slices(&self, now: Timestamp) -> Result<(Vec<u32>, Option<Timestamp>)> {
        self.store.due_slices(self.campaign, now)
    }

    /// Gives a slice back.
    pub fn release(&mut self, lease: &Lease) -> Result<()> {
        let who = (self.campaign, self.worker);
        self.store.write(|tx| renew(tx, who, lease, 0).map(drop))
    }

    /// Returns how far a route's file is recorded; `None` where it was never begun.
    pub fn output(&self, route: &str) -> Result<Option<u64>> {
        let mut statement = self.store.prepare("SELECT written FROM output WHERE campaign = ?1 AND route = ?2")?;
        Ok(statement.query_row(params![self.campaign, route], |row| unsigned(row, 0)).optional()?)
    }

    /// Notes that a route's file is begun.
    pub fn begin_output(&mut self, route: &str) -> Result<()> {
        let campaign = self.campaign;
        self.store.write(|tx| {
            tx.execute("INSERT INTO output (campaign, route, written) VALUES (?1, ?2, 0)", params![campaign, route])?;
            Ok(())
        })
    }
}

fn add_device(tx: &Transaction<'_>, campaign: &Stored, row: &NewRow, slice: u32, place: i64) -> Result<Added> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO device (campaign, slice, msisdn, place, line, generation, state, attempts, due, sms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'planned', 0, ?7, ?8) ON CONFLICT (campaign, slice, msisdn) DO NOTHING",
        )?
        .execute(params![
            campaign.name,
            slice,
            row.msisdn as i64,
            place,
            row.line as i64,
            campaign.generation,
            row.not_before.unwrap_or(0),
            row.sms
        ])?;
    if inserted == 1 {
        return Ok(Added::New);
    }
    let (place, line, generation, state) = tx
        .prepare_cached(
            "SELECT place, line, generation, state FROM device WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
        )?
        .query_row(params![campaign.name, slice, row.msisdn as i64], |found| {
            let state: String = found.get(3)?;
            Ok((found.get::<_, i64>(0)?, unsigned(found, 1)?, found.get::<_, u32>(2)?, State::from_word(&state)))
        })?;
    if generation == campaign.generation {
        return Ok(Added::Duplicate { line });
    }
    let key: [u8; 32] = tx
        .prepare_cached("SELECT key FROM planned_row WHERE campaign = ?1 AND slice = ?2 AND place = ?3")?
        .query_row(params![campaign.name, slice, place], |found| found.get(0))?;
    tx.prepare_cached(
        "UPDATE device SET line = ?4, generation = ?5 WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
    )?
    .execute(params![campaign.name, slice, row.msisdn as i64, row.line as i64, campaign.generation])?;
    match state {
        _ if key == row.key => Ok(Added::Unchanged),
        Some(State::Planned) => replace(tx, campaign, row, slice, place).map(|()| Added::Replaced),
        state => Ok(Added::Late(state.unwrap_or(State::Submitted))),
    }
}

fn replace(tx: &Transaction<'_>, campaign: &Stored, row: &NewRow, slice: u32, place: i64) -> Result<()> {
    tx.prepare_cached("DELETE FROM planned_row WHERE campaign = ?1 AND slice = ?2 AND place = ?3")?
        .execute(params![campaign.name, slice, place])?;
    tx.prepare_cached(
        "UPDATE device SET due = ?4, sms = ?5, error = NULL WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
    )?
    .execute(params![campaign.name, slice, row.msisdn as i64, row.not_before.unwrap_or(0), row.sms])?;
    insert_planned(tx, campaign, row, slice, place)
}

fn insert_planned(tx: &Transaction<'_>, campaign: &Stored, row: &NewRow, slice: u32, place: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO planned_row (campaign, slice, place, setup, variant, key, document, expires, cells) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        campaign.name,
        slice,
        place,
        row.setup,
        row.variant,
        &row.key[..],
        &row.document[..],
        row.expires,
        row.cells
    ])?;
    Ok(())
}

fn rows_in(tx: &Connection, campaign: &str, slice: u32, state: State, now: Timestamp) -> Result<Vec<DueRow>> {
    let mut statement = tx.prepare_cached(
        "SELECT d.msisdn, d.place, d.attempts, r.setup, r.key, r.expires, r.cells FROM device d JOIN planned_row r \
         ON r.campaign = d.campaign AND r.slice = d.slice AND r.place = d.place \
         WHERE d.campaign = ?1 AND d.slice = ?2 AND d.state = ?3 AND d.due <= ?4 ORDER BY d.place",
    )?;
    let rows = statement.query_map(params![campaign, slice, state.as_str(), now], |row| {
        Ok(DueRow {
            msisdn: unsigned(row, 0)?,
            place: unsigned(row, 1)?,
            attempts: row.get(2)?,
            setup: row.get(3)?,
            key: row.get(4)?,
            expires: row.get(5)?,
            cells: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn submitting(row: &DueRow) -> Step<'_> {
    Step { row, from: State::Planned, to: State::Submitting, due: 0, error: None, detail: None }
}

/// Lengthens a lease; `false` where it is lost.
fn renew(tx: &Transaction<'_>, (campaign, worker): (&str, &str), lease: &Lease, until: Timestamp) -> Result<bool> {
    let renewed = tx
        .prepare_cached(
            "UPDATE slice SET lease_until = ?5 WHERE campaign = ?1 AND slice = ?2 AND owner = ?3 AND epoch = ?4",
        )?
        .execute(params![campaign, lease.slice, worker, lease.epoch as i64, until])?;
    Ok(renewed == 1)
}

fn take_step(
    tx: &Transaction<'_>,
    who: (&str, &str),
    lease: &Lease,
    step: &Step<'_>,
    attempt: u32,
    now: Timestamp,
) -> Result<()> {
    debug_assert!(
        step.from.may_become(step.to) || step.from == State::Planned,
        "{} does not become {}",
        step.from,
        step.to
    );
    let moved = tx
        .prepare_cached(
            "UPDATE device SET state = ?4, attempts = ?5, due = ?6, error = ?7 \
             WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3 AND state = ?8",
        )?
        .execute(params![
            who.0,
            lease.slice,
            step.row.msisdn as i64,
            step.to.as_str(),
            attempt,
            step.due,
            step.error,
            step.from.as_str()
        ])?;
    if moved == 1 {
        return note(tx, who, lease, step, attempt, now);
    }
    Err(Error::store(format!("+{} is no longer {}", step.row.msisdn, step.from)).help("run the command again"))
}

/// Appends to the history of a handset.
fn note(
    tx: &Transaction<'_>,
    who: (&str, &str),
    lease: &Lease,
    step: &Step<'_>,
    attempt: u32,
    now: Timestamp,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO history (campaign, slice, place, attempt, state, at, worker, epoch, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        who.0,
        lease.slice,
        step.row.place as i64,
        attempt,
        step.to.as_str(),
        now,
        who.1,
        lease.epoch as i64,
        step.detail
    ])?;
    Ok(())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        name: row.get(0)?,
        file: row.get(1)?,
        slices: row.get(2)?,
        generation: row.get(3)?,
        plan: row.get(4)?,
        planned_at: row.get(5)?,
    })
}

/// Returns a number of the store that is never negative.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}
