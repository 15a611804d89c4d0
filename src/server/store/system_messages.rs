//! What operators tell users, or ask them (CSP transactions, F19), and who has seen or answered it.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Store, tree};
use crate::document::Element;
use crate::error::Result;
use crate::server::Timestamp;

/// What an operator tells users, or asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemMessage {
    /// Its name.
    pub id: String,
    /// Whom it is for: an address in canonical form; everybody where there is none.
    pub user: Option<String>,
    /// The text.
    pub text: String,
    /// Whether nobody may log in who has not answered it.
    pub is_required: bool,
    /// The answers to choose from: number and text.
    pub options: Vec<(u32, String)>,
    /// The number of the only right answer, where not any will do.
    pub right: Option<u32>,
    /// The key that has to be repeated, to show that a person has read it.
    pub key: Option<String>,
    /// Where the key is to be read; in the message itself where there is no such place.
    pub key_url: Option<String>,
}

/// A system message as it is asked and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) number: i64,
    pub(crate) id: String,
    /// `SystemMessage`.
    pub(crate) element: Element<'static>,
    pub(crate) is_required: bool,
    pub(crate) right: Option<u32>,
    pub(crate) key: Option<String>,
}

impl SystemMessage {
    fn element(&self) -> Element<'static> {
        let mut element = Element::new("SystemMessage")
            .with_leaf("SystemMessageID", self.id.clone())
            .with_leaf("RequiresResponse", if self.is_required { "T" } else { "F" })
            .with_leaf("SystemMessageText", self.text.clone());
        if !self.options.is_empty() {
            let option = |(number, text): &(u32, String)| {
                let option = Element::new("AnswerOption").with_leaf("AnswerOptionID", number.to_string());
                option.with_leaf("AnswerOptionText", text.clone())
            };
            element = element.with(Element::new("AnswerOptions").with_all(self.options.iter().map(option)));
        }
        let mechanism = match (&self.key, &self.key_url) {
            (Some(_), Some(url)) => Some(Element::leaf("URL", url.clone())),
            (Some(key), None) => Some(Element::leaf("InText", key.clone())),
            (None, _) => None,
        };
        element.with_all(mechanism.map(|mechanism| Element::new("VerificationMechanism").with(mechanism)))
    }
}

impl Store {
    /// Posts a system message; returns whether there was none of that name.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn add_system_message(&mut self, message: &SystemMessage, now: Timestamp) -> Result<bool> {
        let sql = "INSERT INTO system_message (id, user, body, is_required, option, verification, created)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";
        let SystemMessage { id, user, is_required, right, key, .. } = message;
        let body = tree::write(&message.element());
        let row = params![id, user, body, is_required, right, key, now.seconds()];
        Ok(self.writer()?.prepare_cached(sql)?.execute(row)? == 1)
    }

    /// Returns all system messages, the oldest first, and how many users have seen or answered each.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn system_messages(&self) -> Result<Vec<(SystemMessage, u32)>> {
        let sql = "SELECT id, user, body, is_required, option, verification,
                   (SELECT count(*) FROM system_answer WHERE message = system_message.id)
                   FROM system_message ORDER BY number";
        let read = |row: &Row<'_>| {
            let body = tree::read(&row.get::<_, String>(2)?).unwrap_or_else(|| Element::new("SystemMessage"));
            let text = |path: &[&str]| body.descend(path).map(|element| element.text().to_owned());
            let options = body.child("AnswerOptions").into_iter().flat_map(|all| all.children_named("AnswerOption"));
            let option = |option: &Element<'_>| {
                let number = option.child_text("AnswerOptionID").and_then(crate::document::integer);
                Some((number?, option.child_text("AnswerOptionText").unwrap_or_default().to_owned()))
            };
            let message = SystemMessage {
                id: row.get(0)?,
                user: row.get(1)?,
                text: text(&["SystemMessageText"]).unwrap_or_default(),
                is_required: row.get(3)?,
                options: options.filter_map(option).collect(),
                right: row.get(4)?,
                key: row.get(5)?,
                key_url: text(&["VerificationMechanism", "URL"]),
            };
            Ok((message, row.get(6)?))
        };
        let mut statement = self.reader().prepare_cached(sql)?;
        let messages = statement.query_map([], read)?;
        Ok(messages.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes back a system message; returns whether there was one of that name.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn delete_system_message(&mut self, id: &str) -> Result<bool> {
        Ok(self.writer()?.prepare_cached("DELETE FROM system_message WHERE id = ?1")?.execute([id])? == 1)
    }
}

/// Returns what a user has neither seen nor answered, the oldest first, at most `most`.
pub(crate) fn open(db: &Connection, user: &str, most: usize) -> rusqlite::Result<Vec<Posted>> {
    let sql = "SELECT number, id, body, is_required, option, verification FROM system_message
               WHERE (user IS NULL OR user = ?1)
               AND NOT EXISTS (SELECT 1 FROM system_answer WHERE message = id AND system_answer.user = ?1)
               ORDER BY is_required DESC, number LIMIT ?2";
    db.prepare_cached(sql)?.query_map((user, most as i64), read)?.collect()
}

/// Returns a message by its name, if it is for the user.
pub(crate) fn find(db: &Connection, user: &str, id: &str) -> rusqlite::Result<Option<Posted>> {
    let sql = "SELECT number, id, body, is_required, option, verification FROM system_message
               WHERE id = ?2 AND (user IS NULL OR user = ?1)";
    db.prepare_cached(sql)?.query_row([user, id], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Posted> {
    let element = tree::read(&row.get::<_, String>(2)?).unwrap_or_else(|| Element::new("SystemMessage"));
    let (is_required, right, key) = (row.get(3)?, row.get(4)?, row.get(5)?);
    Ok(Posted { number: row.get(0)?, id: row.get(1)?, element, is_required, right, key })
}

/// Remembers that a user has seen a message, or what the answer was.
pub(crate) fn settle(db: &Connection, user: &str, id: &str, option: Option<u32>, now: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO system_answer (message, user, option, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    db.prepare_cached(sql)?.execute(params![id, user, option, now]).map(drop)
}
