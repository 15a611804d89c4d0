//! Statements of those who steer a campaign: stages, halting, cancelling, sending again.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::run::{Moment, append};
use super::{Store, unsigned};
use crate::batch::store::{Again, State, StoredStage, Timestamp};
use crate::batch::units::are_naming;
use crate::error::{Error, Result};

/// Who takes the steps that a person asked for.
const PERSON: &str = "person";

impl Store {
    /// Returns the stages of a campaign in their order.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be read, as everything here.
    pub fn stages(&self, name: &str) -> Result<Vec<StoredStage>> {
        let sql = "SELECT number, last, started_at, approved_at, note FROM stage WHERE campaign = ?1 ORDER BY number";
        let mut statement = self.prepare(sql)?;
        let stages = statement.query_map([name], |row| {
            Ok(StoredStage {
                number: row.get(0)?,
                last: whole(row.get(1)?),
                started_at: row.get(2)?,
                approved_at: row.get(3)?,
                note: row.get(4)?,
            })
        })?;
        Ok(stages.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that a stage has begun; `false` where it had before.
    pub fn start_stage(&mut self, name: &str, number: u32, now: Timestamp) -> Result<bool> {
        let sql = "UPDATE stage SET started_at = ?3 WHERE campaign = ?1 AND number = ?2 AND started_at IS NULL";
        self.write(|tx| Ok(tx.execute(sql, params![name, number, now])? == 1))
    }

    /// Approves a stage; `false` where it was approved before.
    ///
    /// # Errors
    ///
    /// Fails when there is no such stage.
    pub fn approve(&mut self, name: &str, number: u32, note: Option<&str>, now: Timestamp) -> Result<bool> {
        self.write(|tx| {
            let sql = "UPDATE stage SET approved_at = ?3, note = ?4 \
                       WHERE campaign = ?1 AND number = ?2 AND approved_at IS NULL";
            if tx.execute(sql, params![name, number, now, note])? == 1 {
                return Ok(true);
            }
            let sql = "SELECT count(*), coalesce(sum(number = ?2), 0) FROM stage WHERE campaign = ?1";
            let (all, this) = tx.query_row(sql, params![name, number], |r| Ok((unsigned(r, 0)?, unsigned(r, 1)?)))?;
            if this > 0 {
                return Ok(false);
            }
            Err(Error::input(format!("the campaign has no stage {number}")).help(format!("it has {all}")).at(name))
        })
    }

    /// Returns how many handsets behind the first `after` and among the first `last` are still to be sent.
    pub fn left(&self, name: &str, after: u64, last: u64) -> Result<u64> {
        let sql = "SELECT count(*) FROM device WHERE campaign = ?1 AND place > ?2 AND place <= ?3 \
                   AND state IN ('planned', 'submitting')";
        self.count(sql, params![name, super::place(after), super::place(last)])
    }

    /// Returns the routes that handsets are still to be sent by.
    pub fn routes_left(&self, name: &str) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT route, count(*) FROM device WHERE campaign = ?1 AND state IN ('planned', 'submitting') \
                   GROUP BY route ORDER BY route";
        self.group(sql, name)
    }

    /// Tells every run of the campaign to stop, and why; with `None` runs may begin again.
    pub fn halt(&mut self, name: &str, why: Option<&str>) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE campaign SET halted = ?2 WHERE name = ?1 AND cancelled IS NULL", params![name, why])?;
            Ok(())
        })
    }

    /// Cancels a campaign: nothing more is submitted. Slices that a worker holds are left to it, it stops by itself;
    /// returns how many handsets were cancelled, and whether slices are left.
    pub fn cancel(&mut self, name: &str, slices: u32, why: &str, now: Timestamp) -> Result<(u64, bool)> {
        self.write(|tx| {
            tx.execute(
                "UPDATE campaign SET cancelled = coalesce(cancelled, ?2), halted = NULL WHERE name = ?1",
                params![name, why],
            )?;
            Ok(())
        })?;
        let (mut count, mut is_left) = (0, false);
        for slice in 0..slices {
            match self.write(|tx| cancel_slice(tx, name, slice, why, now))? {
                Some(cancelled) => count += cancelled,
                None => is_left = true,
            }
        }
        Ok((count, is_left))
    }

    /// Puts handsets back to planned with a new budget of attempts; returns how many.
    pub fn retry(&mut self, name: &str, slices: u32, again: &Again, now: Timestamp) -> Result<u64> {
        let mut count = 0;
        for slice in 0..slices {
            count += self.write(|tx| retry_slice(tx, name, slice, again, now))?;
        }
        Ok(count)
    }

    /// Returns how many handsets [`Self::retry`] would put back.
    pub fn count_retry(&self, name: &str, slices: u32, again: &Again, now: Timestamp) -> Result<u64> {
        self.snapshot(|store| {
            (0..slices).map(|slice| Ok(meant(&store.connection, name, slice, again, now)?.len() as u64)).sum()
        })
    }
}

/// Reads a place: the largest stands for whatever is added later, too.
fn whole(place: i64) -> u64 {
    if place == i64::MAX { u64::MAX } else { place.unsigned_abs() }
}

fn is_leased(tx: &Connection, name: &str, slice: u32, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM slice WHERE campaign = ?1 AND slice = ?2 AND lease_until > ?3";
    Ok(tx.prepare_cached(sql)?.query_row(params![name, slice, now], |_| Ok(())).optional()?.is_some())
}

fn cancel_slice(tx: &Transaction<'_>, name: &str, slice: u32, why: &str, now: Timestamp) -> Result<Option<u64>> {
    if is_leased(tx, name, slice, now)? {
        return Ok(None);
    }
    let sql = "SELECT msisdn, place, attempts FROM device WHERE campaign = ?1 AND slice = ?2 AND state = 'planned'";
    let rows = devices(tx, sql, name, slice)?;
    for (_, place, attempts) in &rows {
        let moment = Moment { at: now, worker: PERSON, epoch: 0 };
        append(tx, name, (slice, *place, *attempts), State::Cancelled, moment, Some(why))?;
    }
    // What went wrong before is in the history; it is not why the handset is where it is.
    let sql =
        "UPDATE device SET state = 'cancelled', error = NULL WHERE campaign = ?1 AND slice = ?2 AND state = 'planned'";
    tx.prepare_cached(sql)?.execute(params![name, slice])?;
    Ok(Some(rows.len() as u64))
}

/// Handsets as (number, place, attempts).
fn devices(tx: &Transaction<'_>, sql: &str, name: &str, slice: u32) -> Result<Vec<(u64, u64, u32)>> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![name, slice], |r| Ok((unsigned(r, 0)?, unsigned(r, 1)?, r.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A handset that goes back to planned: number, place, attempts and the state that it is in.
type Back = (i64, u64, u32, State);

/// Returns the handsets of a slice that are meant.
fn meant(db: &Connection, name: &str, slice: u32, again: &Again, now: Timestamp) -> Result<Vec<Back>> {
    let sql = "SELECT d.msisdn, d.place, d.attempts, d.state, d.error, d.model, \
               (SELECT max(at) FROM history h WHERE h.campaign = d.campaign AND h.slice = d.slice \
                AND h.place = d.place AND h.state = d.state) \
               FROM device d WHERE d.campaign = ?1 AND d.slice = ?2 AND d.state IN ('failed', 'expired', 'submitting')";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![name, slice])?;
    let is_busy = is_leased(db, name, slice, now)?;
    let mut back = Vec::new();
    while let Some(row) = rows.next()? {
        let (state, error, model): (String, Option<String>, Option<String>) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let since: Option<Timestamp> = row.get(6)?;
        let Some(state) = State::from_word(&state) else { continue };
        // What a worker is submitting just now is its own.
        let is_held = state != State::Submitting || !is_busy;
        let is_late = again.since.is_none_or(|from| since.is_some_and(|at| at >= from));
        let is_meant = again.states.contains(&state) && names(&again.errors, error.as_deref());
        if !(is_held && is_late && is_meant && names(&again.models, model.as_deref())) {
            continue;
        }
        back.push((row.get(0)?, unsigned(row, 1)?, row.get(2)?, state));
    }
    Ok(back)
}

fn retry_slice(tx: &Transaction<'_>, name: &str, slice: u32, again: &Again, now: Timestamp) -> Result<u64> {
    let back = meant(tx, name, slice, again, now)?;
    for (msisdn, place, attempts, state) in &back {
        let sql = "UPDATE device SET state = 'planned', due = 0, free = attempts, unheard = 0, error = NULL \
                   WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3";
        tx.prepare_cached(sql)?.execute(params![name, slice, msisdn])?;
        let moment = Moment { at: now, worker: PERSON, epoch: 0 };
        let detail = if *state == State::Submitting { "ambiguous: sent again by a person" } else { "retry" };
        append(tx, name, (slice, *place, *attempts), State::Planned, moment, Some(detail))?;
    }
    Ok(back.len() as u64)
}

/// Returns whether `patterns` name the value; all values where there are none.
fn names(patterns: &[String], value: Option<&str>) -> bool {
    patterns.is_empty() || are_naming(patterns, value.unwrap_or_default())
}
