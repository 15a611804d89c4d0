//! Searching for users and groups. No letter of what is looked for is a wildcard (abuse case C07).

use rusqlite::{Connection, Result};

/// Returns the addresses of users that hold `text` in any case of letters, at most `most` of them.
pub(crate) fn users(db: &Connection, text: &str, most: usize) -> Result<Vec<String>> {
    let sql = "SELECT address FROM users WHERE instr(address, lower(?1)) > 0 AND disabled = 0
               ORDER BY address LIMIT ?2";
    db.prepare_cached(sql)?.query_map((text, most as i64), |row| row.get(0))?.collect()
}

/// A group that is meant to be found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its address.
    pub(crate) id: String,
    /// Who made it.
    pub(crate) owner: String,
    /// Its properties Name and Topic.
    pub(crate) name: String,
    pub(crate) topic: String,
}

/// Returns the public groups that say `Searchable`, at most `most` of them.
pub(crate) fn groups(db: &Connection, most: usize) -> Result<Vec<Found>> {
    let sql = "SELECT id, owner, coalesce(name.value, ''), coalesce(topic.value, '')
               FROM chat_group
               JOIN group_property searchable
                 ON searchable.group_id = id AND searchable.name = 'Searchable' AND searchable.value = 'T'
               JOIN group_property type ON type.group_id = id AND type.name = 'Type' AND type.value = 'Public'
               LEFT JOIN group_property name ON name.group_id = id AND name.name = 'Name'
               LEFT JOIN group_property topic ON topic.group_id = id AND topic.name = 'Topic'
               ORDER BY id LIMIT ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Found { id: row.get(0)?, owner: row.get(1)?, name: row.get(2)?, topic: row.get(3)? })
    };
    db.prepare_cached(sql)?.query_map([most as i64], read)?.collect()
}

/// Returns the groups that a user joins at each login.
pub(crate) fn groups_joined_by_themselves(db: &Connection, user: &str) -> Result<Vec<String>> {
    let sql = "SELECT group_id FROM group_own_property WHERE user = ?1 AND name = 'AutoJoin' AND value = 'T'";
    db.prepare_cached(sql)?.query_map([user], |row| row.get(0))?.collect()
}

/// Returns the groups that a user is in now.
pub(crate) fn groups_joined(db: &Connection, user: &str) -> Result<Vec<String>> {
    db.prepare_cached("SELECT group_id FROM group_joined WHERE user = ?1")?
        .query_map([user], |row| row.get(0))?
        .collect()
}
