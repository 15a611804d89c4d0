//! Invitations that wait for an answer. One is known by its inviter and the identifier that the inviter chose.

use rusqlite::{Connection, Result, Row};

/// An invitation of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invitation {
    /// Who invites.
    pub(crate) inviter: String,
    /// The inviter's identifier.
    pub(crate) id: String,
    /// Who is invited.
    pub(crate) recipient: String,
    /// The `InviteUser-Request`, in the form of [`super::tree`].
    pub(crate) request: String,
    /// When it is void, in seconds since 1970.
    pub(crate) expires: i64,
}

/// Keeps an invitation.
pub(crate) fn add(db: &Connection, invitation: &Invitation) -> Result<()> {
    let Invitation { inviter, id, recipient, request, expires } = invitation;
    let sql = "INSERT INTO invitation (inviter, id, recipient, request, expires) VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute((inviter, id, recipient, request, expires)).map(drop)
}

/// Returns what an inviter has open under an identifier.
pub(crate) fn of_inviter(db: &Connection, inviter: &str, id: &str) -> Result<Vec<Invitation>> {
    let sql = "SELECT inviter, id, recipient, request, expires FROM invitation WHERE inviter = ?1 AND id = ?2";
    db.prepare_cached(sql)?.query_map([inviter, id], read)?.collect()
}

/// Returns what a user is invited to.
pub(crate) fn of_recipient(db: &Connection, recipient: &str) -> Result<Vec<Invitation>> {
    let sql = "SELECT inviter, id, recipient, request, expires FROM invitation WHERE recipient = ?1 ORDER BY expires";
    db.prepare_cached(sql)?.query_map([recipient], read)?.collect()
}

/// Returns how many invitations an inviter has open.
pub(crate) fn count(db: &Connection, inviter: &str) -> Result<usize> {
    let sql = "SELECT count(*) FROM invitation WHERE inviter = ?1";
    db.prepare_cached(sql)?.query_row([inviter], |row| row.get::<_, u32>(0)).map(|count| count as usize)
}

/// Removes an invitation: it is answered or cancelled.
pub(crate) fn remove(db: &Connection, invitation: &Invitation) -> Result<()> {
    let Invitation { inviter, id, recipient, .. } = invitation;
    db.prepare_cached("DELETE FROM invitation WHERE inviter = ?1 AND id = ?2 AND recipient = ?3")?
        .execute([inviter, id, recipient])
        .map(drop)
}

/// Removes what is void.
pub(crate) fn forget_old(db: &Connection, now: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM invitation WHERE expires <= ?1")?.execute([now]).map(drop)
}

fn read(row: &Row<'_>) -> Result<Invitation> {
    Ok(Invitation {
        inviter: row.get(0)?,
        id: row.get(1)?,
        recipient: row.get(2)?,
        request: row.get(3)?,
        expires: row.get(4)?,
    })
}
