//! What was said in groups that keep it (Groups, "Properties": History).

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::messages::Message;
use super::tree;

/// A message to a group that is kept.
#[derive(Debug)]
pub(crate) struct Said {
    /// The message.
    pub(crate) message: Message,
    /// The group.
    pub(crate) group: String,
    /// The screen name under which it was said.
    pub(crate) screen_name: String,
}

/// Octets of content that a group keeps; older messages go first.
const MOST_OCTETS: i64 = 1 << 20;

/// Keeps a message as the newest of a group that keeps `most`.
pub(crate) fn add(db: &Connection, said: &Said, most: usize) -> Result<()> {
    let Said { message, group, screen_name } = said;
    db.prepare_cached(
        "INSERT INTO group_history (group_id, message, sender, screen_name, info, content, is_text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        group,
        message.id,
        message.sender,
        screen_name,
        tree::write(&message.info),
        message.content,
        message.is_text
    ])?;
    shrink(db, group, most)
}

/// Leaves the newest `most` messages of a group, and no more octets than it may keep.
pub(crate) fn shrink(db: &Connection, group: &str, most: usize) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM group_history WHERE group_id = ?1 AND number IN (
             SELECT number FROM (
                 SELECT number,
                        row_number() OVER newest AS place,
                        sum(coalesce(length(content), 0)) OVER newest AS octets
                 FROM group_history WHERE group_id = ?1 WINDOW newest AS (ORDER BY number DESC)
             ) WHERE place > ?2 OR octets > ?3
         )",
    )?
    .execute(params![group, i64::try_from(most).unwrap_or(i64::MAX), MOST_OCTETS])?;
    Ok(())
}

/// Returns what a group keeps, the oldest first.
pub(crate) fn of_group(db: &Connection, group: &str) -> Result<Vec<Said>> {
    db.prepare_cached(
        "SELECT message, sender, info, content, is_text, group_id, screen_name FROM group_history
         WHERE group_id = ?1 ORDER BY number",
    )?
    .query_map([group], read)?
    .collect()
}

/// Returns a message that a group keeps in which that session is.
pub(crate) fn find(db: &Connection, message: &str, session: &str) -> Result<Option<Said>> {
    db.prepare_cached(
        "SELECT message, sender, info, content, is_text, h.group_id, h.screen_name FROM group_history h
         JOIN group_joined j ON j.group_id = h.group_id AND j.session = ?2 WHERE message = ?1",
    )?
    .query_row([message, session], read)
    .optional()
}

fn read(row: &Row<'_>) -> Result<Said> {
    let info = tree::of_column(row, 2)?;
    let message = Message { id: row.get(0)?, sender: row.get(1)?, info, content: row.get(3)?, is_text: row.get(4)? };
    Ok(Said { message, group: row.get(5)?, screen_name: row.get(6)? })
}
