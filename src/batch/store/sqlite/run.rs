//! Statements of running: leases, due rows, steps. Every write names the epoch of its lease.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Store, unsigned};
use crate::batch::store::{DueRow, Lease, State, Step, Timestamp};
use crate::error::{Error, Result};

/// What one worker does to one campaign.
#[derive(Debug)]
pub struct Run<'s> {
    pub(super) store: &'s mut Store,
    pub(super) campaign: &'s str,
    pub(super) worker: &'s str,
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
            let left = rows_in(tx, (campaign, slice), State::Submitting, i64::MAX, (0, usize::MAX))?;
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

    /// Returns rows of a slice that are due and stand behind the place `after`, in the order of planning: `most` of
    /// them, however large the slice is.
    pub fn due_rows(&mut self, slice: u32, now: Timestamp, after: u64, most: usize) -> Result<Vec<DueRow>> {
        rows_in(&self.store.connection, (self.campaign, slice), State::Planned, now, (after, most))
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

fn rows_in(
    db: &Connection,
    (campaign, slice): (&str, u32),
    state: State,
    now: Timestamp,
    (after, most): (u64, usize),
) -> Result<Vec<DueRow>> {
    let mut statement = db.prepare_cached(
        "SELECT r.msisdn, r.place, d.attempts, r.setup, r.key, r.expires, r.cells FROM planned_row r JOIN device d \
         ON d.campaign = r.campaign AND d.slice = r.slice AND d.msisdn = r.msisdn \
         WHERE r.campaign = ?1 AND r.slice = ?2 AND r.place > ?3 AND d.state = ?4 AND d.due <= ?5 \
         ORDER BY r.place LIMIT ?6",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![campaign, slice, after as i64, state.as_str(), now, most], |row| {
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
