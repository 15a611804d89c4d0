//! Public profiles: what users say of themselves to everybody.

use rusqlite::{Connection, OptionalExtension as _, Result};

/// Returns the properties of a user's profile, by name.
pub(crate) fn properties(db: &Connection, user: &str) -> Result<Vec<(String, String)>> {
    let sql = "SELECT name, value FROM public_profile WHERE user = ?1 ORDER BY name";
    db.prepare_cached(sql)?.query_map([user], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Returns one property of a user's profile.
pub(crate) fn property(db: &Connection, user: &str, name: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM public_profile WHERE user = ?1 AND name = ?2";
    db.prepare_cached(sql)?.query_row([user, name], |row| row.get(0)).optional()
}

/// Sets a property.
pub(crate) fn set(db: &Connection, user: &str, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO public_profile (user, name, value) VALUES (?1, ?2, ?3)
               ON CONFLICT (user, name) DO UPDATE SET value = excluded.value";
    db.prepare_cached(sql)?.execute([user, name, value]).map(drop)
}

/// Removes one property.
pub(crate) fn remove(db: &Connection, user: &str, name: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM public_profile WHERE user = ?1 AND name = ?2")?.execute([user, name]).map(drop)
}

/// Empties a profile.
pub(crate) fn clear(db: &Connection, user: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM public_profile WHERE user = ?1")?.execute([user]).map(drop)
}

/// Returns the users whose property holds `text` in any case of letters, at most `most` of them.
pub(crate) fn holding(db: &Connection, name: &str, text: &str, most: usize) -> Result<Vec<String>> {
    let sql = "SELECT user FROM public_profile WHERE name = ?1 AND instr(lower(value), lower(?2)) > 0
               ORDER BY user LIMIT ?3";
    db.prepare_cached(sql)?.query_map((name, text, most as i64), |row| row.get(0))?.collect()
}

/// Returns the users that have `user` on a contact list.
pub(crate) fn who_lists(db: &Connection, user: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT owner FROM contact JOIN contact_list ON contact_list.id = contact.list
               WHERE contact.user = ?1 ORDER BY owner";
    db.prepare_cached(sql)?.query_map([user], |row| row.get(0))?.collect()
}
