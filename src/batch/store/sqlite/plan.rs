//! Statements of planning: rows in, one transaction a group.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::receipts::login_name;
use super::{CAMPAIGN, Store, place, stored, unsigned};
use crate::batch::store::{Added, NewRow, SLICE, State, StoreKey, Stored, Timestamp, slice_of};
use crate::error::{Error, Result};

impl Store {
    /// Begins a plan: makes the campaign, or counts a new generation of one that is there. `rows` is about how many
    /// rows will come; it decides the number of slices when the campaign is made.
    ///
    /// # Errors
    ///
    /// Fails while a worker holds a slice.
    pub fn begin_plan(&mut self, name: &str, file: &str, rows: u64, now: Timestamp) -> Result<Stored> {
        let slices = i64::try_from(rows.div_ceil(SLICE).max(1)).unwrap_or(i64::MAX);
        self.write(|tx| {
            let running = "SELECT owner FROM slice WHERE campaign = ?1 AND lease_until > ?2 LIMIT 1";
            if let Some(owner) = tx.query_row(running, params![name, now], |row| row.get::<_, String>(0)).optional()? {
                let error = Error::store(format!("the campaign is being run by `{owner}`"));
                return Err(error.at(name).help("wait until it has ended, or half a minute after it was killed"));
            }
            let cancelled = "SELECT cancelled FROM campaign WHERE name = ?1";
            let cancelled = tx.query_row(cancelled, [name], |row| row.get::<_, Option<String>>(0)).optional()?;
            if let Some(why) = cancelled.flatten() {
                let error = Error::store(format!("the campaign was cancelled: {why}")).at(name);
                return Err(error.help("give the campaign file another `name`"));
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
            Ok(tx.query_row(CAMPAIGN, [name], stored)?)
        })
    }

    /// Adds rows to the plan that was begun, in one transaction, and says of each what became of it.
    pub fn add_rows(&mut self, campaign: &Stored, rows: &[NewRow]) -> Result<Vec<Added>> {
        // In the order of the primary key, one walk over the table is enough, however large it is.
        let slices: Vec<u32> = rows.iter().map(|row| slice_of(row.msisdn, campaign.slices)).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&i| (slices[i], rows[i].msisdn, i));
        let key = self.key.clone();
        self.write(|tx| {
            let first = first_place(tx, campaign)?;
            let mut added = vec![Added::New; rows.len()];
            for &i in &order {
                added[i] = add_device(tx, campaign, key.as_ref(), &rows[i], slices[i], first + i as i64)?;
            }
            let places = close_gaps(tx, campaign, rows, &slices, &added, first)?;
            // Rows of a slice lie together in the order of planning.
            order.sort_by_key(|&i| (slices[i], i));
            for &i in order.iter().filter(|&&i| added[i] == Added::New) {
                insert_planned(tx, campaign, key.as_ref(), &rows[i], slices[i], places[i])?;
            }
            let new = added.iter().filter(|added| **added == Added::New).count();
            let sql = "UPDATE campaign SET next = ?2 WHERE name = ?1";
            tx.execute(sql, params![campaign.name, first + new as i64])?;
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

    /// Ends the plan: keeps its hash, what was not taken (kind, reason, count), and how many handsets the stages have
    /// together with those before them. A stage that has begun keeps its size.
    pub fn end_plan(
        &mut self,
        campaign: &Stored,
        plan: &str,
        tally: &[(&str, String, u64)],
        (stages, has_changed): (&[u64], bool),
    ) -> Result<()> {
        let name = &campaign.name;
        self.write(|tx| {
            first_place(tx, campaign)?;
            for (kind, reason, count) in tally {
                tx.execute(
                    "INSERT INTO tally (campaign, kind, reason, count) VALUES (?1, ?2, ?3, ?4)",
                    params![name, kind, reason, *count as i64],
                )?;
            }
            set_stages(tx, name, stages, has_changed)?;
            tx.execute("UPDATE campaign SET plan = ?2 WHERE name = ?1", params![name, plan])?;
            Ok(())
        })
    }
}

fn set_stages(tx: &Transaction<'_>, name: &str, stages: &[u64], has_changed: bool) -> Result<()> {
    let count = u32::try_from(stages.len()).unwrap_or(u32::MAX);
    let sql = "DELETE FROM stage WHERE campaign = ?1 AND started_at IS NULL AND number > ?2";
    tx.execute(sql, params![name, count])?;
    if has_changed {
        let sql = "UPDATE stage SET approved_at = NULL, note = NULL WHERE campaign = ?1 AND started_at IS NULL";
        tx.execute(sql, [name])?;
    }
    for (number, last) in (1_u32..).zip(stages) {
        tx.execute(
            "INSERT INTO stage (campaign, number, last) VALUES (?1, ?2, ?3) ON CONFLICT (campaign, number) \
             DO UPDATE SET last = CASE WHEN started_at IS NULL THEN ?3 ELSE last END",
            params![name, number, place(*last)],
        )?;
    }
    Ok(())
}

/// Returns the place of the next row, if no other plan was begun in between.
fn first_place(tx: &Transaction<'_>, campaign: &Stored) -> Result<i64> {
    let sql = "SELECT next FROM campaign WHERE name = ?1 AND generation = ?2";
    let place = tx.query_row(sql, params![campaign.name, campaign.generation], |row| row.get(0)).optional()?;
    place.ok_or_else(|| Error::store("another plan of this campaign was begun").at(&campaign.name))
}

/// Gives the new rows the places from `first` on without gaps: what turned out to be known takes none.
fn close_gaps(
    tx: &Transaction<'_>,
    campaign: &Stored,
    rows: &[NewRow],
    slices: &[u32],
    added: &[Added],
    first: i64,
) -> Result<Vec<i64>> {
    let mut places: Vec<i64> = Vec::with_capacity(rows.len());
    let mut next = first;
    for (i, row) in rows.iter().enumerate() {
        places.push(next);
        if added[i] != Added::New {
            continue;
        }
        if next != first + i as i64 {
            tx.prepare_cached("UPDATE device SET place = ?4 WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3")?
                .execute(params![campaign.name, slices[i], row.msisdn as i64, next])?;
        }
        next += 1;
    }
    Ok(places)
}

fn insert_login(
    tx: &Transaction<'_>,
    campaign: &Stored,
    (user, prefix): (&str, Option<&str>),
    slice: u32,
    msisdn: u64,
) -> Result<()> {
    // Who shares a login confirms for the first that has it, whose settings say which clients do.
    tx.prepare_cached(
        "INSERT INTO login (campaign, user, slice, msisdn, prefix) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (campaign, user) DO UPDATE SET prefix = ?5 WHERE slice = ?3 AND msisdn = ?4",
    )?
    .execute(params![campaign.name, login_name(user), slice, msisdn as i64, prefix])?;
    Ok(())
}

fn add_device(
    tx: &Transaction<'_>,
    campaign: &Stored,
    store_key: Option<&StoreKey>,
    row: &NewRow,
    slice: u32,
    place: i64,
) -> Result<Added> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO device (campaign, slice, msisdn, place, line, generation, state, attempts, free, due, sms, \
             route, model, unheard) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'planned', 0, 0, ?7, ?8, ?9, ?10, 0) \
             ON CONFLICT (campaign, slice, msisdn) DO NOTHING",
        )?
        .execute(params![
            campaign.name,
            slice,
            row.msisdn as i64,
            place,
            row.line as i64,
            campaign.generation,
            row.not_before.unwrap_or(0),
            row.sms,
            row.route,
            row.model
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
    // The route may be another one now; it counts for what is still to be sent.
    tx.prepare_cached(
        "UPDATE device SET line = ?4, generation = ?5, route = CASE state WHEN 'planned' THEN ?6 ELSE route END \
         WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
    )?
    .execute(params![campaign.name, slice, row.msisdn as i64, row.line as i64, campaign.generation, row.route])?;
    match state {
        _ if key == row.key => Ok(Added::Unchanged),
        Some(State::Planned) => replace(tx, campaign, store_key, row, slice, place).map(|()| Added::Replaced),
        state => Ok(Added::Late(state.unwrap_or(State::Submitted))),
    }
}

fn replace(
    tx: &Transaction<'_>,
    campaign: &Stored,
    key: Option<&StoreKey>,
    row: &NewRow,
    slice: u32,
    place: i64,
) -> Result<()> {
    tx.prepare_cached("DELETE FROM planned_row WHERE campaign = ?1 AND slice = ?2 AND place = ?3")?
        .execute(params![campaign.name, slice, place])?;
    tx.prepare_cached(
        "UPDATE device SET due = ?4, sms = ?5, model = ?6, error = NULL \
         WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
    )?
    .execute(params![campaign.name, slice, row.msisdn as i64, row.not_before.unwrap_or(0), row.sms, row.model])?;
    insert_planned(tx, campaign, key, row, slice, place)
}

fn insert_planned(
    tx: &Transaction<'_>,
    campaign: &Stored,
    store_key: Option<&StoreKey>,
    row: &NewRow,
    slice: u32,
    place: i64,
) -> Result<()> {
    if let Some((user, prefix)) = &row.login {
        insert_login(tx, campaign, (user, prefix.as_deref()), slice, row.msisdn)?;
    }
    let cells = match store_key {
        None => Value::Text(row.cells.clone()),
        Some(key) => Value::Blob(key.lock(&campaign.name, row.msisdn, &row.cells)?),
    };
    tx.prepare_cached(
        "INSERT INTO planned_row (campaign, slice, place, msisdn, setup, variant, key, document, expires, zone, cells) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        campaign.name,
        slice,
        place,
        row.msisdn as i64,
        row.setup,
        row.variant,
        &row.key[..],
        &row.document[..],
        row.expires,
        row.zone,
        cells
    ])?;
    Ok(())
}
