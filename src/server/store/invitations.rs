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

impl Invitation {
    /// Returns what names it among all of its recipient: identifiers are the inviter's own, and addresses have no spaces.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.inviter, self.id)
    }
}

/// An answer on its way to the inviter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Names it until it has arrived.
    pub(crate) id: String,
    /// The `Invite-Response`, in the form of [`super::tree`].
    pub(crate) answer: String,
    /// When it is no longer worth telling, in seconds since 1970.
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

/// Returns how many invitations wait for a user.
pub(crate) fn count_waiting(db: &Connection, recipient: &str) -> Result<usize> {
    let sql = "SELECT count(*) FROM invitation WHERE recipient = ?1";
    db.prepare_cached(sql)?.query_row([recipient], |row| row.get::<_, u32>(0)).map(|count| count as usize)
}

/// Removes what is void, invitations and answers.
pub(crate) fn forget_old(db: &Connection, now: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM invitation WHERE expires <= ?1")?.execute([now])?;
    db.prepare_cached("DELETE FROM invitation_answer WHERE expires <= ?1")?.execute([now]).map(drop)
}

/// Keeps an answer for an inviter, under an identifier of its own, unless `most` wait already.
pub(crate) fn add_answer(db: &Connection, inviter: &str, answer: &Answer, most: usize) -> Result<()> {
    let sql = "INSERT INTO invitation_answer (id, inviter, answer, expires) SELECT ?1, ?2, ?3, ?4
               WHERE (SELECT count(*) FROM invitation_answer WHERE inviter = ?2) < ?5";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    db.prepare_cached(sql)?.execute((&answer.id, inviter, &answer.answer, answer.expires, most)).map(drop)
}

/// Returns the answers that wait for an inviter, oldest first.
pub(crate) fn answers(db: &Connection, inviter: &str) -> Result<Vec<Answer>> {
    let sql = "SELECT id, answer, expires FROM invitation_answer WHERE inviter = ?1 ORDER BY rowid";
    let read = |row: &Row<'_>| Ok(Answer { id: row.get(0)?, answer: row.get(1)?, expires: row.get(2)? });
    db.prepare_cached(sql)?.query_map([inviter], read)?.collect()
}

/// Forgets an answer that has arrived.
pub(crate) fn remove_answer(db: &Connection, inviter: &str, id: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM invitation_answer WHERE inviter = ?1 AND id = ?2")?.execute([inviter, id]).map(drop)
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
