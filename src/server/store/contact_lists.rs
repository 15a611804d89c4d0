//! Contact lists: who is on whose list under what name. All addresses are normalised.

use rusqlite::{Connection, OptionalExtension, Result, params};

/// A contact list of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactList {
    /// Its address.
    pub(crate) id: String,
    /// Whether it is the owner's default list.
    pub(crate) is_default: bool,
}

/// A member of a contact list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// The user.
    pub(crate) user: String,
    /// The name shown; `None` where the owner gave none.
    pub(crate) nickname: Option<String>,
}

/// Returns the lists of a user, oldest first.
pub(crate) fn lists(db: &Connection, owner: &str) -> Result<Vec<ContactList>> {
    db.prepare_cached("SELECT id, is_default FROM contact_list WHERE owner = ?1 ORDER BY rowid")?
        .query_map([owner], |row| Ok(ContactList { id: row.get(0)?, is_default: row.get(1)? }))?
        .collect()
}

/// Returns a list if that user owns it.
pub(crate) fn find(db: &Connection, owner: &str, list: &str) -> Result<Option<ContactList>> {
    db.prepare_cached("SELECT id, is_default FROM contact_list WHERE owner = ?1 AND id = ?2")?
        .query_row([owner, list], |row| Ok(ContactList { id: row.get(0)?, is_default: row.get(1)? }))
        .optional()
}

/// Adds an empty list without properties.
pub(crate) fn create(db: &Connection, owner: &str, list: &str) -> Result<()> {
    db.prepare_cached("INSERT INTO contact_list (id, owner, is_default) VALUES (?1, ?2, 0)")?.execute([list, owner])?;
    Ok(())
}

/// Removes a list with its members, its properties and what was granted to it.
pub(crate) fn delete(db: &Connection, list: &str) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM attribute_list WHERE owner = (SELECT owner FROM contact_list WHERE id = ?1)
         AND level = 'list' AND subject = ?1",
    )?
    .execute([list])?;
    db.prepare_cached("DELETE FROM contact_list WHERE id = ?1")?.execute([list])?;
    db.prepare_cached("DELETE FROM list_subscription WHERE list = ?1")?.execute([list])?;
    Ok(())
}

/// Makes a list the only default list of its owner.
pub(crate) fn set_default(db: &Connection, owner: &str, list: &str) -> Result<()> {
    db.prepare_cached("UPDATE contact_list SET is_default = (id = ?2) WHERE owner = ?1")?.execute([owner, list])?;
    Ok(())
}

/// Returns the members of a list in the order they were added.
pub(crate) fn contacts(db: &Connection, list: &str) -> Result<Vec<Contact>> {
    db.prepare_cached("SELECT user, nickname FROM contact WHERE list = ?1 ORDER BY rowid")?
        .query_map([list], |row| Ok(Contact { user: row.get(0)?, nickname: row.get(1)? }))?
        .collect()
}

/// Returns whether a list says that no presence of its members is to be notified.
pub(crate) fn is_quiet(db: &Connection, list: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM contact_list_property WHERE list = ?1 AND name = 'DoNotNotify' AND value = 'T'")?
        .exists([list])
}

/// Returns how many members a list has.
pub(crate) fn count(db: &Connection, list: &str) -> Result<usize> {
    db.prepare_cached("SELECT count(*) FROM contact WHERE list = ?1")?
        .query_row([list], |row| row.get::<_, u32>(0))
        .map(|count| count as usize)
}

/// Returns whether a user is on a list.
pub(crate) fn contains(db: &Connection, list: &str, user: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM contact WHERE list = ?1 AND user = ?2")?.exists([list, user])
}

/// Adds a member, or changes the name of one that is there already.
pub(crate) fn add(db: &Connection, list: &str, contact: &Contact) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO contact (list, user, nickname) VALUES (?1, ?2, ?3)
         ON CONFLICT (list, user) DO UPDATE SET nickname = excluded.nickname",
    )?
    .execute(params![list, contact.user, contact.nickname])?;
    Ok(())
}

/// Removes a member; returns whether it was there.
pub(crate) fn remove(db: &Connection, list: &str, user: &str) -> Result<bool> {
    Ok(db.prepare_cached("DELETE FROM contact WHERE list = ?1 AND user = ?2")?.execute([list, user])? > 0)
}

/// Returns the properties of a list, but for `Default`, which is [`ContactList::is_default`].
pub(crate) fn properties(db: &Connection, list: &str) -> Result<Vec<(String, String)>> {
    db.prepare_cached("SELECT name, value FROM contact_list_property WHERE list = ?1 ORDER BY rowid")?
        .query_map([list], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Sets one property; names are compared without case.
pub(crate) fn set_property(db: &Connection, list: &str, name: &str, value: &str) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO contact_list_property (list, name, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (list, name) DO UPDATE SET value = excluded.value",
    )?
    .execute([list, name, value])?;
    Ok(())
}
