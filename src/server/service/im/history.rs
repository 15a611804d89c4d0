//! What groups keep of what was said in them, for those who come later (Groups, "Properties": History).

use crate::csp::Code;
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::post;
use crate::server::service::Context;
use crate::server::service::targets;
use crate::server::store::groups;
use crate::server::store::history::{self, Said};
use crate::server::store::messages::{self, Message, MessageCopy};

/// Keeps a message that was said under this screen name to a whole group, if the group keeps what is said in it.
pub(super) fn keep(
    context: &mut Context<'_>,
    group: String,
    screen_name: String,
    message: &Message,
) -> Result<(), Fault> {
    if let Some(most) = groups::history(context.store.reader(), &group)? {
        let said = Said { message: message.clone(), group, screen_name };
        history::add(context.store.last_writer()?, &said, most)?;
    }
    Ok(())
}

/// Returns what a group keeps, as MessageInfo each, the oldest first: 808 or 821 where there is nothing to be had.
pub(super) fn list(context: &Context<'_>, group: &str) -> Result<Vec<Element<'static>>, Fault> {
    let (group, _) = targets::joined_group(context, group)?;
    let db = context.store.reader();
    groups::history(db, &group.id)?.ok_or(Code::NO_HISTORY)?;
    let reception = messages::reception(db, context.user())?.unwrap_or_default();
    let mut infos = Vec::new();
    for said in history::of_group(db, &group.id)? {
        if !reception.blocks_screen_name(db, context.user(), &said.screen_name, &said.group)? {
            let (message, copy) = as_read(said);
            infos.push(post::info(&message, &copy));
        }
    }
    Ok(infos)
}

/// Returns a message that a group keeps in which the caller's session is.
pub(super) fn find(context: &Context<'_>, id: &str) -> Result<Option<(Message, MessageCopy)>, Fault> {
    let found = history::find(context.store.reader(), id, &context.caller.session.to_string())?;
    Ok(found.map(as_read))
}

/// Returns a message of a group as those in it read it.
fn as_read(said: Said) -> (Message, MessageCopy) {
    let Said { message, group, screen_name } = said;
    let from = Element::new("Sender").with(super::send::screen_name(&screen_name, &group));
    let to = Element::new("Recipient").with(Element::new("Group").with_leaf("GroupID", group.clone()));
    let copy = MessageCopy { recipient: String::new(), from, to, report: None, group: Some(group), expires: i64::MAX };
    (message, copy)
}
