//! Requests that the server opens: each is acknowledged, a repeat once more and without being told again.

use super::engine::{Client, Output};
use crate::csp::{Code, Outcome, Primitive, Transaction};
use crate::document::{Element, boolean};

/// Transactions of the server and messages that are remembered, to know a repeat.
const REMEMBERED: usize = 256;

impl Client {
    /// Acknowledges a request of the server, and tells it unless it is a repeat.
    pub(super) fn serve(&mut self, transaction: Transaction<'static>, outputs: &mut Vec<Output>) {
        if !self.is_in() {
            return;
        }
        let Transaction { id, primitive, .. } = transaction;
        let message_id = primitive.descend(&["MessageInfo", "MessageID"]).map(|id| id.trimmed().to_owned());
        let row = Primitive::find(self.identity.version, &primitive.name).filter(|row| row.is_from_server());
        // Nobody here knows what an extension means.
        let row = row.filter(|row| row.may_open() && row.name != "Extended-Request");
        let mut is_new = row.is_some();
        if let Some(id) = &id {
            is_new &= self.is_new(format!("transaction {id}"));
        }
        // A message that was not confirmed in time comes again in a new transaction.
        let mark = message_id.as_ref().filter(|_| matches!(&*primitive.name, "NewMessage" | "MessageNotification"));
        if let Some(id) = mark {
            is_new &= self.is_new(format!("{} {id}", primitive.name));
        }
        let is_end = row.is_some_and(|row| row.name == "Disconnect");
        if is_end {
            // The acknowledgement is the last that goes out in the session.
            self.queue.clear();
        }
        match (row, message_id) {
            (None, _) => self.acknowledge(id, Outcome::new(Code::NOT_IMPLEMENTED).status()),
            // The user answers.
            (Some(_), _) if asks(&primitive) => {
                if !self.questions.contains(&id) {
                    self.questions.push_back(id);
                }
            }
            (Some(row), Some(message)) if row.name == "NewMessage" => {
                self.acknowledge(id, Element::new("MessageDelivered").with_leaf("MessageID", message));
            }
            (Some(_), _) => self.acknowledge(id, Outcome::new(Code::SUCCESSFUL).status()),
        }
        let reason = Outcome::read(&primitive).map(|outcome| outcome.code);
        if is_new {
            outputs.push(Output::Received(primitive));
        }
        if is_end {
            self.post(outputs);
            self.end();
            outputs.push(Output::Ended(reason.unwrap_or(Code::FORCED_LOGOUT)));
        }
    }

    /// Answers the oldest question of the server; outside of a session the answers are kept for the next login.
    pub(super) fn respond(&mut self, primitive: Element<'static>, outputs: &mut Vec<Output>) {
        match self.questions.pop_front() {
            Some(id) => self.acknowledge(id, primitive),
            None if !self.is_in() => {
                let lists = primitive.children_named("SystemMessageResponseList");
                self.answers = lists.flat_map(|list| list.children.iter().cloned()).collect();
            }
            None => {
                let why = "the server has asked nothing".to_owned();
                outputs.push(Output::Failed { request: primitive.name.into_owned(), why });
            }
        }
    }

    fn is_new(&mut self, mark: String) -> bool {
        if self.seen.contains(&mark) {
            return false;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(mark);
        true
    }
}

/// Returns whether a request of the server asks the user something.
fn asks(primitive: &Element<'_>) -> bool {
    let list = primitive.child("SystemMessageList").unwrap_or(primitive);
    let mut messages = list.children_named("SystemMessage");
    primitive.name == "SystemMessage-Request"
        && messages.any(|message| message.child_text("RequiresResponse").and_then(boolean) == Some(true))
}
