//! Statements of what comes after: receipts of gateways, logins of clients, and who was not heard of in time.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::run::{Moment, Run, append};
use super::{Store, unsigned};
use crate::batch::route::{Fate, Receipt};
use crate::batch::store::{Changed, Lease, Login, Received, State, Step, Timestamp, slice_of};
use crate::error::Result;
use crate::provision::rows::number;

/// Receipts for names that nobody knows are forgotten after so many seconds: no gateway answers a submit that late.
const FORGET: Timestamp = 7 * 86_400;
/// Who takes the steps that no worker takes.
const GATEWAY: &str = "receipt";

impl Store {
    /// Notes receipts of a route; those that come before their message is recorded are kept until it is.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written; nothing is noted then.
    pub fn receive(&mut self, route: &str, receipts: &[Receipt], now: Timestamp) -> Result<Received> {
        self.write(|tx| {
            let mut received = Received::default();
            for receipt in receipts.iter().filter(|receipt| receipt.fate != Fate::Pending) {
                let at = receipt.at.unwrap_or(now);
                let Some(part) = Part::find(tx, route, &receipt.id)? else {
                    received.unknown += 1;
                    keep(tx, route, receipt, at)?;
                    continue;
                };
                received.matched += 1;
                let settled = part.settle(tx, route, receipt, at)?;
                received.idle += u64::from(settled.is_none());
                received.changed.extend(part.changed(settled));
            }
            tx.execute("DELETE FROM receipt WHERE at < ?1", [now - FORGET])?;
            Ok(received)
        })
    }

    /// As [`Self::confirm_all`], for one login.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written.
    pub fn confirm(&mut self, campaign: &str, who: &str, client: Option<&str>, at: Timestamp) -> Result<Option<u64>> {
        let login = Login { who: who.to_owned(), client: client.map(str::to_owned), at };
        Ok(self.confirm_all(campaign, &[login])?.pop().flatten())
    }

    /// Notes that clients logged in after their message was submitted: delivered, if no receipt said so before, and
    /// confirmed. Returns of each the number that came to be confirmed.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written; nothing is noted then.
    pub fn confirm_all(&mut self, campaign: &str, logins: &[Login]) -> Result<Vec<Option<u64>>> {
        self.write(|tx| logins.iter().map(|login| confirm(tx, campaign, login)).collect())
    }

    /// As [`Self::confirm_all`], for logins that `server` told with their numbers, oldest first; notes how far it has been
    /// heard.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written; nothing is noted then.
    pub fn hear(&mut self, campaign: &str, server: &str, logins: &[(u64, Login)]) -> Result<Vec<Option<u64>>> {
        self.write(|tx| {
            let confirmed = logins.iter().map(|(_, login)| confirm(tx, campaign, login)).collect();
            if let Some((number, _)) = logins.last() {
                let sql = "INSERT INTO heard (campaign, server, number) VALUES (?1, ?2, ?3) \
                           ON CONFLICT (campaign, server) DO UPDATE SET number = ?3";
                tx.execute(sql, params![campaign, server, i64::try_from(*number).unwrap_or(i64::MAX)])?;
            }
            confirmed
        })
    }

    /// Returns the number of the last login that was heard from a server; 0 for none.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be read.
    pub fn heard(&self, campaign: &str, server: &str) -> Result<u64> {
        let sql = "SELECT coalesce(max(number), 0) FROM heard WHERE campaign = ?1 AND server = ?2";
        self.count(sql, params![campaign, server])
    }

    /// Lets handsets expire that were submitted before `before` and were not heard of since; returns how many.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written.
    pub fn expire_unheard(&mut self, campaign: &str, slices: u32, before: Timestamp, now: Timestamp) -> Result<u64> {
        let mut count = 0;
        for slice in 0..slices {
            count += self.write(|tx| expire_slice(tx, campaign, slice, before, now))?;
        }
        Ok(count)
    }

    /// Returns how many receipts of these routes name messages that nobody knows.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be read.
    pub fn unknown_receipts(&self, routes: &[String]) -> Result<u64> {
        let mut count = 0;
        for route in routes {
            count += self.count("SELECT count(*) FROM receipt WHERE route = ?1", params![route])?;
        }
        Ok(count)
    }
}

fn confirm(tx: &Transaction<'_>, campaign: &str, login: &Login) -> Result<Option<u64>> {
    let Some((slice, msisdn, prefix)) = found(tx, campaign, &login.who)? else { return Ok(None) };
    // A client that says its name and that the settings are not for.
    if prefix.zip(login.client.as_ref()).is_some_and(|(prefix, client)| !client.starts_with(&prefix)) {
        return Ok(None);
    }
    let sql = "SELECT place, attempts, state FROM device WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3";
    let device = |row: &rusqlite::Row<'_>| Ok((unsigned(row, 0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?));
    let known = tx.prepare_cached(sql)?.query_row(params![campaign, slice, msisdn], device).optional()?;
    let Some((place, attempt, state)) = known else { return Ok(None) };
    if submitted_at(tx, campaign, (slice, place))?.is_none_or(|submitted| submitted > login.at) {
        return Ok(None);
    }
    let steps: &[State] = match State::from_word(&state) {
        Some(State::Submitted) => &[State::Delivered, State::Confirmed],
        Some(State::Delivered) => &[State::Confirmed],
        _ => return Ok(None),
    };
    let moment = Moment { at: login.at, worker: "login", epoch: 0 };
    for step in steps {
        append(tx, campaign, (slice, place, attempt), *step, moment, login.client.as_deref())?;
    }
    let sql = "UPDATE device SET state = 'confirmed', error = NULL WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3";
    tx.prepare_cached(sql)?.execute(params![campaign, slice, msisdn])?;
    Ok(Some(msisdn.unsigned_abs()))
}

/// Returns a user without the domain: settings may leave it out, and it is the server's then.
fn local_name(user: &str) -> &str {
    user.strip_prefix("wv:").and_then(|user| user.split('@').next()).unwrap_or(user)
}

/// Who logged in: slice, number, and how the names of its clients begin where the settings say so.
type Found = (u32, i64, Option<String>);

/// Finds who logged in, by the user of the login or by the number.
fn found(tx: &Transaction<'_>, campaign: &str, who: &str) -> Result<Option<Found>> {
    let user = login_name(who);
    let local = local_name(&user);
    let sql = "SELECT slice, msisdn, prefix FROM login WHERE campaign = ?1 AND user IN (?2, ?3) \
               ORDER BY user = ?2 DESC LIMIT 1";
    let known = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    if let Some(known) = tx.prepare_cached(sql)?.query_row([campaign, &user, local], known).optional()? {
        return Ok(Some(known));
    }
    let Some(msisdn) = number(who) else { return Ok(None) };
    let sql = "SELECT slices FROM campaign WHERE name = ?1";
    let slices: Option<u32> = tx.prepare_cached(sql)?.query_row([campaign], |row| row.get(0)).optional()?;
    Ok(slices.map(|slices| (slice_of(msisdn, slices), msisdn as i64, None)))
}

/// Returns a user as the store knows who logs in: in lower case, an address with its scheme.
pub(super) fn login_name(user: &str) -> String {
    let user = user.trim().to_lowercase();
    if user.contains('@') && !user.starts_with("wv:") { format!("wv:{user}") } else { user }
}

fn expire_slice(tx: &Transaction<'_>, campaign: &str, slice: u32, before: Timestamp, now: Timestamp) -> Result<u64> {
    let sql = "SELECT d.msisdn, d.place, d.attempts, max(h.at) FROM device d JOIN history h \
               ON h.campaign = d.campaign AND h.slice = d.slice AND h.place = d.place AND h.state = 'submitted' \
               WHERE d.campaign = ?1 AND d.slice = ?2 AND d.state = 'submitted' GROUP BY d.msisdn, d.place, d.attempts";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(params![campaign, slice])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (msisdn, place, attempt, at): (i64, u64, u32, i64) =
            (row.get(0)?, unsigned(row, 1)?, row.get(2)?, row.get(3)?);
        if at >= before {
            continue;
        }
        let sql = "UPDATE device SET state = 'expired', error = 'unheard' \
                   WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3 AND state = 'submitted'";
        tx.prepare_cached(sql)?.execute(params![campaign, slice, msisdn])?;
        let moment = Moment { at: now, worker: GATEWAY, epoch: 0 };
        let detail = Some("nothing was heard of it in time");
        append(tx, campaign, (slice, place, attempt), State::Expired, moment, detail)?;
        count += 1;
    }
    Ok(count)
}

fn submitted_at(tx: &Transaction<'_>, campaign: &str, (slice, place): (u32, u64)) -> Result<Option<Timestamp>> {
    let sql = "SELECT max(at) FROM history WHERE campaign = ?1 AND slice = ?2 AND place = ?3 AND state = 'submitted'";
    Ok(tx.prepare_cached(sql)?.query_row(params![campaign, slice, place as i64], |row| row.get(0))?)
}

/// Notes the names that a gateway gave, and takes in the receipts that were faster than the record; adds what they change.
pub(super) fn expect(
    tx: &Transaction<'_>,
    run: &Run<'_>,
    lease: &Lease,
    step: &Step<'_>,
    (attempt, now): (u32, Timestamp),
    changed: &mut Vec<Changed>,
) -> Result<()> {
    for id in step.ids {
        tx.prepare_cached(
            "INSERT INTO part (route, id, campaign, slice, msisdn, place, attempt) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (route, id) DO UPDATE SET campaign = ?3, slice = ?4, msisdn = ?5, place = ?6, attempt = ?7, \
             fate = NULL, at = NULL",
        )?
        .execute(params![
            run.route,
            id,
            run.campaign,
            lease.slice,
            step.row.msisdn as i64,
            step.row.place as i64,
            attempt
        ])?;
    }
    for id in step.ids {
        if let Some(receipt) = early(tx, run.route, id)?
            && let Some(part) = Part::find(tx, run.route, id)?
        {
            let settled = part.settle(tx, run.route, &receipt, receipt.at.unwrap_or(now))?;
            changed.extend(part.changed(settled));
        }
    }
    Ok(())
}

fn early(tx: &Transaction<'_>, route: &str, id: &str) -> Result<Option<Receipt>> {
    let sql = "SELECT fate, code, at FROM receipt WHERE route = ?1 AND id = ?2";
    let found = tx
        .prepare_cached(sql)?
        .query_row([route, id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((fate, code, at)) = found else { return Ok(None) };
    tx.prepare_cached("DELETE FROM receipt WHERE route = ?1 AND id = ?2")?.execute([route, id])?;
    Ok(Fate::from_word(&fate).map(|fate| Receipt { id: id.to_owned(), fate, code, at }))
}

fn keep(tx: &Transaction<'_>, route: &str, receipt: &Receipt, at: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO receipt (route, id, fate, code, at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (route, id) DO UPDATE SET fate = ?3, code = ?4, at = ?5",
    )?
    .execute(params![route, receipt.id, receipt.fate.as_str(), receipt.code, at])?;
    Ok(())
}

/// A code, and the state to which the handset came, if it came to another.
type Settled = (Option<String>, Option<State>);

/// A short message that a gateway took.
struct Part {
    campaign: String,
    slice: u32,
    msisdn: u64,
    place: u64,
    attempt: u32,
    fate: Option<String>,
}

impl Part {
    fn find(tx: &Transaction<'_>, route: &str, id: &str) -> Result<Option<Self>> {
        let sql = "SELECT campaign, slice, msisdn, place, attempt, fate FROM part WHERE route = ?1 AND id = ?2";
        let part = |row: &rusqlite::Row<'_>| {
            Ok(Self {
                campaign: row.get(0)?,
                slice: row.get(1)?,
                msisdn: unsigned(row, 2)?,
                place: unsigned(row, 3)?,
                attempt: row.get(4)?,
                fate: row.get(5)?,
            })
        };
        Ok(tx.prepare_cached(sql)?.query_row([route, id], part).optional()?)
    }

    /// Returns the change of the handset that a settled part makes, if it does.
    fn changed(self, settled: Option<Settled>) -> Option<Changed> {
        let (code, state) = settled?;
        Some((self.msisdn, self.campaign, state?, code))
    }

    /// Notes the first receipt of a part; the handset is delivered with the last part that is, and failed with the
    /// first that is not. `None`: it says nothing new.
    fn settle(&self, tx: &Transaction<'_>, route: &str, receipt: &Receipt, at: Timestamp) -> Result<Option<Settled>> {
        if self.fate.is_some() {
            return Ok(None);
        }
        tx.prepare_cached("UPDATE part SET fate = ?3, at = ?4 WHERE route = ?1 AND id = ?2")?.execute(params![
            route,
            receipt.id,
            receipt.fate.as_str(),
            at
        ])?;
        let is_good = receipt.fate == Fate::Delivered;
        let heard = tx
            .prepare_cached(
                "UPDATE device SET unheard = unheard - ?5 WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3 \
                 AND attempts = ?4 AND state = 'submitted'",
            )?
            .execute(params![self.campaign, self.slice, self.msisdn as i64, self.attempt, is_good])?;
        if heard == 0 {
            return Ok(None);
        }
        let sql = "SELECT unheard FROM device WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3";
        let unheard: i64 =
            tx.prepare_cached(sql)?.query_row(params![self.campaign, self.slice, self.msisdn as i64], |r| r.get(0))?;
        let state = match receipt.fate {
            Fate::Delivered if unheard > 0 => return Ok(Some((None, None))),
            Fate::Delivered => State::Delivered,
            Fate::Expired => State::Expired,
            _ => State::Failed,
        };
        let code =
            (!is_good).then(|| receipt.code.clone().unwrap_or_else(|| format!("receipt:{}", receipt.fate.as_str())));
        tx.prepare_cached(
            "UPDATE device SET state = ?4, error = ?5 WHERE campaign = ?1 AND slice = ?2 AND msisdn = ?3",
        )?
        .execute(params![self.campaign, self.slice, self.msisdn as i64, state.as_str(), code])?;
        let moment = Moment { at, worker: GATEWAY, epoch: 0 };
        append(tx, &self.campaign, (self.slice, self.place, self.attempt), state, moment, code.as_deref())?;
        Ok(Some((code, Some(state))))
    }
}
