//! Logins of late, by number: what the feed of logins is read from.

use rusqlite::{Row, params};
use serde_json::json;

use super::Store;
use crate::error::Result;
use crate::server::{Timestamp, limits};

impl Store {
    /// Remembers a login, and forgets the oldest where there are too many.
    pub(crate) fn add_login(&mut self, user: &str, client: &str, now: Timestamp) -> Result<()> {
        let writer = self.writer()?;
        let sql = "INSERT INTO login (user, client, at) VALUES (?1, ?2, ?3)";
        writer.prepare_cached(sql)?.execute(params![user, client, now.seconds()])?;
        let oldest = writer.last_insert_rowid().saturating_sub(limits::LOGINS);
        writer.prepare_cached("DELETE FROM login WHERE number <= ?1")?.execute([oldest])?;
        Ok(())
    }

    /// Returns the logins behind a number as lines of JSON, `impskit.login/1`, as many as a page has. A number that was
    /// never given is of another store: the page begins with the first login then.
    pub(crate) fn logins(&self, after: u64) -> Result<String> {
        let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'login'";
        let last: i64 = self.reader().prepare_cached(last)?.query_row([], |row| row.get(0))?;
        let after = i64::try_from(after).ok().filter(|after| *after <= last).unwrap_or_default();
        let sql = "SELECT number, at, user, client FROM login WHERE number > ?1 ORDER BY number";
        let mut statement = self.reader().prepare_cached(sql)?;
        let mut rows = statement.query([after])?;
        let mut page = String::new();
        while let Some(row) = rows.next()? {
            let line = line(row)?;
            if page.len() + line.len() > limits::LOGIN_PAGE {
                break;
            }
            page += &line;
        }
        Ok(page)
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<String> {
    let (number, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let time = Timestamp::from_seconds(at.unsigned_abs()).rfc3339();
    let (user, client): (String, String) = (row.get(2)?, row.get(3)?);
    let schema = "impskit.login/1";
    Ok(json!({ "schema": schema, "number": number, "time": time, "user": user, "client": client }).to_string() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(page: &str) -> Vec<u64> {
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_u64().unwrap();
        page.lines().map(number).collect()
    }

    #[test]
    fn pages_follow_each_other_and_the_oldest_are_forgotten() {
        let mut store = Store::in_memory().unwrap();
        let now = Timestamp::from_seconds(1_795_403_450);
        store.add_user("wv:a@x", "1", now).unwrap();
        for _ in 0..limits::LOGINS + 2 {
            store.add_login("wv:a@x", "phone \"1\"", now).unwrap();
        }
        let page = store.logins(0).unwrap();
        let first = "{\"client\":\"phone \\\"1\\\"\",\"number\":3,\"schema\":\"impskit.login/1\",\
                     \"time\":\"2026-11-23T03:10:50Z\",\"user\":\"wv:a@x\"}";
        assert_eq!(page.lines().next(), Some(first));
        assert!(page.len() <= limits::LOGIN_PAGE);
        let last = *numbers(&page).last().unwrap();
        assert_eq!(numbers(&store.logins(last).unwrap())[0], last + 1);
        assert_eq!(store.logins(100_002).unwrap(), "", "there is none behind the last");
        assert_eq!(numbers(&store.logins(100_003).unwrap())[0], 3, "a number of another store");
        store.delete_user("wv:a@x").unwrap();
        assert_eq!(store.logins(0).unwrap(), "");
        store.add_login("wv:b@x", "c", now).unwrap();
        assert_eq!(numbers(&store.logins(100_002).unwrap()), [100_003], "no number is given twice");
    }
}
