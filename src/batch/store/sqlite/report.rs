//! Statements of those who look: one walk over the handsets for counts, one over rows and history for the account.

use rusqlite::{Row, params};

use super::run::cells;
use super::{Store, unsigned};
use crate::batch::store::{Counted, Handset, SEPARATOR, State, Taken, Timestamp, Working};
use crate::error::{Error, Result};

impl Store {
    /// Runs `work` on the store as it is now, whatever others write meanwhile.
    ///
    /// # Errors
    ///
    /// Fails as `work` does, and when the store cannot be read.
    pub fn snapshot<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = self.connection.unchecked_transaction()?;
        let outcome = work(self)?;
        transaction.commit()?;
        Ok(outcome)
    }

    /// Gives every handset of a campaign to `each`, for counting: one walk, however many there are.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be read, as everything here.
    pub fn each_counted(&self, name: &str, mut each: impl FnMut(&Counted<'_>)) -> Result<()> {
        let sql = "SELECT state, route, model, error, place, sms, due FROM device WHERE campaign = ?1";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query([name])?;
        while let Some(row) = rows.next()? {
            each(&Counted {
                state: state(row, 0)?,
                route: text(row, 1)?.unwrap_or_default(),
                model: text(row, 2)?,
                error: text(row, 3)?,
                place: unsigned(row, 4)?,
                sms: row.get(5)?,
                due: row.get(6)?,
            });
        }
        Ok(())
    }

    /// Gives every handset of a campaign to `each`, slice by slice as planned: first with each step of its history,
    /// then once without a step, when it is whole. `references` are the places of the operator's own key in the cells
    /// of each setup, by the setup's number; without any the cells are not looked at, nor decrypted.
    ///
    /// # Errors
    ///
    /// Fails as `each` does, when the store cannot be read, and when the cells are encrypted and there is no key.
    pub fn each_handset(
        &self,
        name: &str,
        references: &[(u32, usize)],
        mut each: impl FnMut(&Handset, Option<&Taken<'_>>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.prepare(
            "SELECT r.slice, r.place, d.msisdn, d.line, d.state, d.attempts, d.sms, d.route, d.model, d.error, r.variant, \
             r.setup, r.cells, h.state, h.at, h.attempt, h.detail \
             FROM planned_row r CROSS JOIN device d \
             ON d.campaign = r.campaign AND d.slice = r.slice AND d.msisdn = r.msisdn \
             LEFT JOIN history h ON h.campaign = r.campaign AND h.slice = r.slice AND h.place = r.place \
             WHERE r.campaign = ?1 ORDER BY r.slice, r.place",
        )?;
        let mut rows = statement.query([name])?;
        let mut current: Option<Handset> = None;
        while let Some(row) = rows.next()? {
            let place = unsigned(row, 1)?;
            if current.as_ref().is_none_or(|handset| handset.place != place) {
                if let Some(whole) = current.take() {
                    each(&whole, None)?;
                }
                current = Some(self.handset(name, row, references)?);
            }
            let (Some(handset), Some(word)) = (&mut current, text(row, 13)?) else { continue };
            let Some(state) = State::from_word(word) else { return Err(strange(word)) };
            let step = Taken { state, at: row.get(14)?, attempt: row.get(15)?, detail: text(row, 16)? };
            handset.took(&step);
            each(handset, Some(&step))?;
        }
        current.map_or(Ok(()), |whole| each(&whole, None))
    }

    fn handset(&self, name: &str, row: &Row<'_>, references: &[(u32, usize)]) -> Result<Handset> {
        let (msisdn, setup): (u64, u32) = (unsigned(row, 2)?, row.get(11)?);
        let reference = match references.iter().find(|(number, _)| *number == setup) {
            None => None,
            Some((_, column)) => {
                let cells = cells(name, msisdn, row.get_ref(12)?, self.key.as_ref())?;
                cells.split(SEPARATOR).nth(*column).filter(|cell| !cell.is_empty()).map(str::to_owned)
            }
        };
        Ok(Handset {
            place: unsigned(row, 1)?,
            msisdn,
            line: unsigned(row, 3)?,
            state: state(row, 4)?,
            attempts: row.get(5)?,
            sms: row.get(6)?,
            route: row.get(7)?,
            model: row.get(8)?,
            error: row.get(9)?,
            variant: row.get(10)?,
            reference,
            ..Handset::default()
        })
    }

    /// Returns who works on a campaign: worker, route, slices that are leased, until when.
    pub fn working(&self, name: &str, now: Timestamp) -> Result<Vec<Working>> {
        let sql = "SELECT owner, route, count(*), max(lease_until) FROM slice WHERE campaign = ?1 AND lease_until > ?2 \
                   GROUP BY owner, route ORDER BY owner, route";
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params![name, now], |row| {
            Ok(Working { worker: row.get(0)?, route: row.get(1)?, slices: unsigned(row, 2)?, until: row.get(3)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many handsets a second are being submitted: what the leases that are alive did in their slices
    /// within `window` seconds before `now`.
    pub fn pace(&self, name: &str, now: Timestamp, window: Timestamp) -> Result<f64> {
        let sql = "SELECT count(h.at), min(h.at) FROM slice s LEFT JOIN history h \
                   ON h.campaign = s.campaign AND h.slice = s.slice AND h.worker = s.owner AND h.epoch = s.epoch \
                   AND h.state = 'submitted' AND h.at > ?3 \
                   WHERE s.campaign = ?1 AND s.lease_until > ?2 GROUP BY s.slice, s.route";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params![name, now, now - window])?;
        let mut pace = 0.0;
        while let Some(row) = rows.next()? {
            let since = row.get::<_, Option<Timestamp>>(1)?.unwrap_or(now);
            pace += unsigned(row, 0)? as f64 / (now - since).max(1) as f64;
        }
        Ok(pace)
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?)
}

fn state(row: &Row<'_>, column: usize) -> Result<State> {
    let word = text(row, column)?.unwrap_or_default();
    State::from_word(word).ok_or_else(|| strange(word))
}

fn strange(word: &str) -> Error {
    Error::store(format!("the store has a state `{}`", word.escape_debug())).help("use a newer impskit")
}
