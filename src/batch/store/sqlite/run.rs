//! Statements of running: leases, due rows, steps. Every write names the epoch of its lease.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Store, place, receipts, unsigned};
use crate::batch::store::{Changed, DueRow, DueSlice, Lease, SEPARATOR, State, Step, StoreKey, Timestamp};
use crate::error::{Error, Result};

/// What one worker does to one campaign by one route.
#[derive(Debug, Clone, Copy)]
pub struct Run<'s> {
    store: &'s Mutex<Store>,
    /// The campaign.
    pub campaign: &'s str,
    /// The worker: no two that live have the same name.
    pub worker: &'s str,
    /// The route.
    pub route: &'s str,
}

impl<'s> Run<'s> {
    /// Returns a run of a campaign by a worker and a route.
    pub fn new(store: &'s Mutex<Store>, campaign: &'s str, worker: &'s str, route: &'s str) -> Self {
        Self { store, campaign, worker, route }
    }

    fn store(&self) -> MutexGuard<'s, Store> {
        // A thread that panicked left no transaction open: they end with their guard.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.store().write(work)
    }

    /// Leases a slice until `until`, if nobody else holds it. A lease of this worker's own name is left over from a
    /// process that died and is taken at once.
    pub fn lease(&self, slice: u32, now: Timestamp, until: Timestamp) -> Result<Option<Lease>> {
        let Self { campaign, worker, route, .. } = *self;
        self.write(|tx| {
            tx.execute(
                "INSERT INTO slice (campaign, slice, route, owner, lease_until, epoch) VALUES (?1, ?2, ?3, '', 0, 0) \
                 ON CONFLICT (campaign, slice, route) DO NOTHING",
                params![campaign, slice, route],
            )?;
            let taken = tx.execute(
                "UPDATE slice SET owner = ?4, lease_until = ?6, epoch = epoch + 1 \
                 WHERE campaign = ?1 AND slice = ?2 AND route = ?3 AND (lease_until <= ?5 OR owner = ?4)",
                params![campaign, slice, route, worker, now, until],
            )?;
            if taken == 0 {
                return Ok(None);
            }
            let sql = "SELECT epoch FROM slice WHERE campaign = ?1 AND slice = ?2 AND route = ?3";
            let epoch = tx.query_row(sql, params![campaign, slice, route], |row| unsigned(row, 0))?;
            Ok(Some(Lease { slice, epoch }))
        })
    }

    /// Returns the rows of a slice that were left between submit and its recording: those that are held for a person
    /// already, or those that nobody has noticed yet.
    pub fn left_open(&self, slice: u32, is_held: bool) -> Result<Vec<DueRow>> {
        let (state, now, last, most) = (State::Submitting, i64::MAX, u64::MAX, usize::MAX);
        let open = Wanted { slice, state, now, after: 0, last, most, is_held: Some(is_held) };
        let store = self.store();
        rows_in(&store.connection, self, store.key.as_ref(), &open)
    }

    /// Returns rows of a slice that are due and stand behind the place `after` and not behind `last`, in the order of
    /// planning: `most` of them, however large the slice is.
    pub fn due_rows(&self, slice: u32, now: Timestamp, (after, last): (u64, u64), most: usize) -> Result<Vec<DueRow>> {
        let store = self.store();
        rows_in(
            &store.connection,
            self,
            store.key.as_ref(),
            &Wanted { slice, state: State::Planned, now, after, last, most, is_held: None },
        )
    }

    /// Lets rows wait, each until its time; they were not handed over. `false`: the lease is lost.
    pub fn postpone(&self, lease: &Lease, rows: &[(DueRow, Timestamp)], until: Timestamp) -> Result<bool> {
        self.write(|tx| {
            if !renew(tx, self, lease, until)? {
                return Ok(false);
            }
            for (row, due) in rows {
                tx.prepare_cached(
                    "UPDATE device SET due = ?4 WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3 AND state = 'planned'",
                )?
                .execute(params![self.campaign, lease.slice, row.msisdn as i64, due])?;
            }
            Ok(true)
        })
    }

    /// Notes that rows are about to be handed to a route. `false`: the lease is lost, nothing was noted.
    pub fn mark(&self, lease: &Lease, rows: &[&DueRow], now: Timestamp, until: Timestamp) -> Result<bool> {
        self.write(|tx| {
            if !renew(tx, self, lease, until)? {
                return Ok(false);
            }
            for row in rows {
                take_step(tx, self, lease, &submitting(row), row.attempts + 1, now)?;
            }
            Ok(true)
        })
    }

    /// Notes what became of rows, and how far a route's file is written, in one transaction; returns what
    /// receipts change that were faster. `None`: the lease is lost, nothing was noted.
    pub fn record(
        &self,
        lease: &Lease,
        steps: &[Step<'_>],
        written: Option<(&str, u64)>,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<Vec<Changed>>> {
        self.write(|tx| {
            if !renew(tx, self, lease, until)? {
                return Ok(None);
            }
            let mut changed = Vec::new();
            for step in steps {
                let attempt = step.row.attempts + u32::from(step.to != State::Expired && !step.is_unsent);
                if step.from == State::Planned && step.to != State::Expired {
                    note(tx, self, lease, &submitting(step.row), attempt, now)?;
                }
                take_step(tx, self, lease, step, attempt, now)?;
                receipts::expect(tx, self, lease, step, (attempt, now), &mut changed)?;
            }
            if let Some((route, length)) = written {
                tx.prepare_cached("UPDATE output SET written = ?3 WHERE campaign = ?1 AND route = ?2")?
                    .execute(params![self.campaign, route, length as i64])?;
            }
            Ok(Some(changed))
        })
    }

    /// Lengthens every lease that this worker has, of all routes.
    pub fn renew_all(&self, until: Timestamp) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE slice SET lease_until = ?3 WHERE campaign = ?1 AND owner = ?2 AND lease_until > 0";
            tx.execute(sql, params![self.campaign, self.worker, until])?;
            Ok(())
        })
    }

    /// As [`Store::due_slices`].
    pub fn due_slices(&self, last: u64, now: Timestamp) -> Result<(Vec<DueSlice>, Option<Timestamp>)> {
        self.store().due_slices(self.campaign, self.route, last, now)
    }

    /// Gives a slice back.
    pub fn release(&self, lease: &Lease) -> Result<()> {
        self.write(|tx| renew(tx, self, lease, 0).map(drop))
    }

    /// Returns how far the route's file is recorded; `None` where it was never begun.
    pub fn output(&self) -> Result<Option<u64>> {
        let store = self.store();
        let mut statement = store.prepare("SELECT written FROM output WHERE campaign = ?1 AND route = ?2")?;
        Ok(statement.query_row(params![self.campaign, self.route], |row| unsigned(row, 0)).optional()?)
    }

    /// Notes that the route's file is begun.
    pub fn begin_output(&self) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO output (campaign, route, written) VALUES (?1, ?2, 0)";
            tx.execute(sql, params![self.campaign, self.route])?;
            Ok(())
        })
    }
}

impl Store {
    /// Forgets the file of a route: it is whole, what comes next goes to another one.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written.
    pub fn end_output(&mut self, campaign: &str, route: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM output WHERE campaign = ?1 AND route = ?2", params![campaign, route])?;
            Ok(())
        })
    }
}

/// Rows that are asked for.
struct Wanted {
    slice: u32,
    state: State,
    now: Timestamp,
    after: u64,
    last: u64,
    most: usize,
    /// Whether there is a code that says why a person has to look; `None`: any.
    is_held: Option<bool>,
}

fn rows_in(db: &Connection, run: &Run<'_>, key: Option<&StoreKey>, wanted: &Wanted) -> Result<Vec<DueRow>> {
    let mut statement = db.prepare_cached(
        "SELECT r.msisdn, r.place, d.attempts, d.free, r.zone, r.setup, r.key, r.document, r.expires, r.cells \
         FROM planned_row r JOIN device d \
         ON d.campaign = r.campaign AND d.slice = r.slice AND d.msisdn = r.msisdn \
         WHERE r.campaign = ?1 AND r.slice = ?2 AND r.place > ?3 AND r.place <= ?4 AND d.state = ?5 AND d.due <= ?6 \
         AND d.route = ?7 AND (?9 IS NULL OR (d.error IS NOT NULL) = ?9) ORDER BY r.place LIMIT ?8",
    )?;
    let most = i64::try_from(wanted.most).unwrap_or(i64::MAX);
    let (after, last) = (place(wanted.after), place(wanted.last));
    let mut rows = statement.query(params![
        run.campaign,
        wanted.slice,
        after,
        last,
        wanted.state.as_str(),
        wanted.now,
        run.route,
        most,
        wanted.is_held
    ])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let msisdn = unsigned(row, 0)?;
        due.push(DueRow {
            msisdn,
            place: unsigned(row, 1)?,
            attempts: row.get(2)?,
            free: row.get(3)?,
            zone: row.get(4)?,
            setup: row.get(5)?,
            key: row.get(6)?,
            document: row.get(7)?,
            expires: row.get(8)?,
            cells: cells(run.campaign, msisdn, row.get_ref(9)?, key)?,
        });
    }
    Ok(due)
}

/// Reads the values of a row, decrypting them where they are encrypted.
pub(super) fn cells(campaign: &str, msisdn: u64, value: ValueRef<'_>, key: Option<&StoreKey>) -> Result<String> {
    match (value, key) {
        (ValueRef::Blob(octets), Some(key)) => key.unlock(campaign, msisdn, octets),
        (ValueRef::Blob(_), None) => {
            let error = Error::store("the rows of the store are encrypted");
            Err(error.help("give the key that the campaign was planned with: `[store] key` of the configuration"))
        }
        (value, _) => Ok(value.as_str().map_err(rusqlite::Error::from)?.to_owned()),
    }
}

fn submitting(row: &DueRow) -> Step<'_> {
    let (from, to) = (State::Planned, State::Submitting);
    Step { row, from, to, due: 0, is_free: false, is_unsent: false, ids: &[], error: None, detail: None }
}

/// Lengthens a lease; `false` where it is lost.
fn renew(tx: &Transaction<'_>, run: &Run<'_>, lease: &Lease, until: Timestamp) -> Result<bool> {
    let renewed = tx
        .prepare_cached(
            "UPDATE slice SET lease_until = ?6 \
             WHERE campaign = ?1 AND slice = ?2 AND route = ?3 AND owner = ?4 AND epoch = ?5",
        )?
        .execute(params![run.campaign, lease.slice, run.route, run.worker, lease.epoch as i64, until])?;
    Ok(renewed == 1)
}

fn take_step(
    tx: &Transaction<'_>,
    run: &Run<'_>,
    lease: &Lease,
    step: &Step<'_>,
    attempt: u32,
    now: Timestamp,
) -> Result<()> {
    debug_assert!(
        step.from.may_become(step.to) || step.from == State::Planned || step.from == step.to,
        "{} does not become {}",
        step.from,
        step.to
    );
    let moved = tx
        .prepare_cached(
            "UPDATE device SET state = ?4, attempts = ?5, due = ?6, error = ?7, free = free + ?8, unheard = ?9 \
             WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3 AND state = ?10",
        )?
        .execute(params![
            run.campaign,
            lease.slice,
            step.row.msisdn as i64,
            step.to.as_str(),
            attempt,
            step.due,
            step.error,
            step.is_free,
            step.ids.len() as i64,
            step.from.as_str()
        ])?;
    match moved {
        // What stays where it is has nothing to tell.
        1 if step.from == step.to => Ok(()),
        1 => note(tx, run, lease, step, attempt, now),
        _ => {
            Err(Error::store(format!("+{} is no longer {}", step.row.msisdn, step.from)).help("run the command again"))
        }
    }
}

/// Appends to the history of a handset.
fn note(
    tx: &Transaction<'_>,
    run: &Run<'_>,
    lease: &Lease,
    step: &Step<'_>,
    attempt: u32,
    now: Timestamp,
) -> Result<()> {
    // What a gateway called the messages is the evidence that it took them.
    let names = || (!step.ids.is_empty()).then(|| step.ids.join(&SEPARATOR.to_string()));
    let (row, detail) = (step.row, step.detail.clone().or_else(names));
    let moment = Moment { at: now, worker: run.worker, epoch: lease.epoch };
    append(tx, run.campaign, (lease.slice, row.place, attempt), step.to, moment, detail.as_deref())
}

/// When and by whom a step was taken.
#[derive(Clone, Copy)]
pub(super) struct Moment<'m> {
    pub(super) at: Timestamp,
    pub(super) worker: &'m str,
    pub(super) epoch: u64,
}

/// Appends to the history of the handset at a slice and place: it came to a state with an attempt.
pub(super) fn append(
    tx: &Transaction<'_>,
    campaign: &str,
    (slice, row_place, attempt): (u32, u64, u32),
    state: State,
    moment: Moment<'_>,
    detail: Option<&str>,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO history (campaign, slice, place, attempt, state, at, worker, epoch, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        campaign,
        slice,
        place(row_place),
        attempt,
        state.as_str(),
        moment.at,
        moment.worker,
        moment.epoch as i64,
        detail
    ])?;
    Ok(())
}
