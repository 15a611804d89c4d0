//! Statements of rates: a route's rate is cut into permits, which the workers that send by it share.

use rusqlite::{Transaction, params};

use super::{Store, unsigned};
use crate::batch::store::Timestamp;
use crate::error::Result;

/// Seconds after which a worker that was not heard of gives nothing back any more.
const LEASE: Timestamp = 30;

impl Store {
    /// Returns how many of a route's `permits` the worker has from now on, for half a minute. All workers that asked
    /// in the last half minute have about as many, and together never more than there are.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written.
    pub fn share(&mut self, route: &str, worker: &str, permits: u32, now: Timestamp) -> Result<u32> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO lane (route, worker, seen) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (route, worker) DO UPDATE SET seen = ?3",
                params![route, worker, now],
            )?;
            let sql = "SELECT count(*) FROM lane WHERE route = ?1 AND seen > ?2";
            let workers = tx.query_row(sql, params![route, now - LEASE], |row| unsigned(row, 0))?.max(1);
            let fair = u64::from(permits).div_ceil(workers);
            let mine = numbers(tx, "owner = ?3 AND lease_until > ?2", route, now, worker)?;
            let (kept, surplus) = mine.split_at(mine.len().min(usize::try_from(fair).unwrap_or(usize::MAX)));
            set(tx, route, surplus, "", 0)?;
            set(tx, route, kept, worker, now + LEASE)?;
            let taken = numbers(tx, "lease_until > ?2", route, now, worker)?;
            let free = (0..permits).filter(|number| !taken.contains(number));
            let more: Vec<u32> = free.take(usize::try_from(fair).unwrap_or(usize::MAX) - kept.len()).collect();
            set(tx, route, &more, worker, now + LEASE)?;
            Ok(u32::try_from(kept.len() + more.len()).unwrap_or(permits))
        })
    }

    /// Gives the worker's permits of a route back.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be written.
    pub fn give_back(&mut self, route: &str, worker: &str) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE permit SET owner = '', lease_until = 0 WHERE route = ?1 AND owner = ?2";
            tx.execute(sql, [route, worker])?;
            tx.execute("DELETE FROM lane WHERE route = ?1 AND worker = ?2", [route, worker])?;
            Ok(())
        })
    }
}

fn numbers(tx: &Transaction<'_>, which: &str, route: &str, now: Timestamp, worker: &str) -> Result<Vec<u32>> {
    let sql = format!("SELECT number FROM permit WHERE route = ?1 AND {which} AND ?3 = ?3 ORDER BY number");
    let mut statement = tx.prepare_cached(&sql)?;
    let numbers = statement.query_map(params![route, now, worker], |row| row.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

fn set(tx: &Transaction<'_>, route: &str, numbers: &[u32], owner: &str, until: Timestamp) -> Result<()> {
    for number in numbers {
        tx.prepare_cached(
            "INSERT INTO permit (route, number, owner, lease_until) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (route, number) DO UPDATE SET owner = ?3, lease_until = ?4",
        )?
        .execute(params![route, number, owner, until])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_the_permits_and_never_have_more_than_there_are() {
        let mut store = Store::in_memory().unwrap();
        assert_eq!(store.share("a", "w1", 30, 100).unwrap(), 30);
        // The second has to wait until the first gives back what is too much.
        assert_eq!(store.share("a", "w2", 30, 101).unwrap(), 0);
        assert_eq!(store.share("a", "w1", 30, 105).unwrap(), 15);
        assert_eq!(store.share("a", "w2", 30, 106).unwrap(), 15);
        assert_eq!(store.share("b", "w2", 3, 106).unwrap(), 3, "another route");
        // The first is heard of no more.
        assert_eq!(store.share("a", "w2", 30, 140).unwrap(), 30);
        store.give_back("a", "w2").unwrap();
        assert_eq!(store.share("a", "w3", 7, 141).unwrap(), 7);
    }
}
