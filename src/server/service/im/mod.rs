//! Messages between users and in groups.
//!
//! | file | subject |
//! |---|---|
//! | this | receiving: delivery methods, fetching, rejecting, what begins and ends with a session |
//! | `send` | sending and forwarding: who is meant, who may, what is kept |
//! | `blocking` | who may write to whom |
//! | `handling` | what becomes of messages of users with several sessions, or none |
//! | `history` | what groups keep of what was said in them |

mod blocking;
mod handling;
mod history;
mod send;

pub(crate) use blocking::{block_entity, get_blocked_list};
pub(crate) use send::{forward, send, sender, writer};

use super::Context;
use super::targets::{self, Tally};
use crate::csp::{Code, Version};
use crate::document::{Element, integer};
use crate::server::fault::{Fault, required, success};
use crate::server::session::Session;
use crate::server::store::{groups, messages};
use crate::server::{content, post};

/// `GetMessage-Request`: the message stays until the client has confirmed it by `MessageDelivered`.
pub(crate) fn get_message(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = required(request, "MessageID")?;
    let found = messages::find(context.store.reader(), context.user(), id)?;
    let (message, copy) = match found.filter(|(_, copy)| copy.expires > context.now.seconds()) {
        Some(found) => found,
        None => history::find(context, id)?.ok_or(Code::INVALID_MESSAGE_ID)?,
    };
    let info = post::info(&message, &copy);
    let (content_type, size) = (content::kind(&info), message.content.as_ref().map_or(0, Vec::len));
    let capabilities = &context.session()?.capabilities;
    if !capabilities.accepts(&content_type) {
        return Err(Code::UNSUPPORTED_MEDIA_TYPE.into());
    }
    if !capabilities.holds(&content_type, size) {
        return Err(Code::RESPONSE_TOO_LARGE.into());
    }
    Ok(Element::new("GetMessage-Response").with(info).with_all(post::content(&message)))
}

/// `MessageDelivered` as a request of the client, after `GetMessage-Request`.
pub(crate) fn message_delivered(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let user = context.user().to_owned();
    let id = required(request, "MessageID")?;
    // What a group keeps is not used up by being read.
    if post::settle(context, &user, id, Code::SUCCESSFUL)? || history::find(context, id)?.is_some() {
        Ok(success())
    } else {
        Err(Code::INVALID_MESSAGE_ID.into())
    }
}

/// `RejectMessage-Request`.
pub(crate) fn reject_message(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let user = context.user().to_owned();
    let mut tally = Tally::default();
    for element in request.children_named("MessageID") {
        if post::settle(context, &user, element.trimmed(), Code::MESSAGE_REJECTED)? {
            tally.done();
        } else {
            tally.fail(Code::INVALID_MESSAGE_ID, element);
        }
    }
    Ok(tally.outcome().status())
}

/// `GetMessageList-Request`: what waits for the caller, or what a group keeps.
pub(crate) fn get_message_list(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    if let Some(group) = request.child_text("GroupID").filter(|id| !id.is_empty()) {
        let infos = history::list(context, group)?;
        return Ok(message_list(context, &infos[infos.len() - count(request, infos.len())..], infos.len()));
    }
    let waiting = messages::waiting(context.store.reader(), context.user())?;
    let total = waiting.len();
    let first = waiting.iter().take(count(request, total));
    let infos: Vec<_> = first.map(|(message, copy)| post::info(message, copy)).collect();
    Ok(message_list(context, &infos, total))
}

/// Returns how many of `total` messages are asked for.
fn count(request: &Element<'_>, total: usize) -> usize {
    request.child_text("MessageCount").and_then(integer).map_or(total, |most| total.min(most as usize))
}

fn message_list(context: &Context<'_>, infos: &[Element<'static>], total: usize) -> Element<'static> {
    let infos = infos.iter().cloned();
    let response = Element::new("GetMessageList-Response");
    match context.version() {
        Version::V1_3 => response
            .with(Element::new("MessageInfoList").with_all(infos))
            .with_leaf("MessageTotalCount", total.to_string()),
        _ => response.with_all(infos),
    }
}

/// `SetDeliveryMethod-Request`: for the session, or for the messages of one group; until logout.
pub(crate) fn set_delivery_method(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let push = required(request, "DeliveryMethod")?.eq_ignore_ascii_case("P");
    let most = |name: &str| request.child_text(name).and_then(integer);
    let session = context.caller.session;
    if let Some(group) = request.child_text("GroupID").filter(|id| !id.is_empty()) {
        let (group, _) = targets::joined_group(context, group)?;
        let most = most("GroupContentLimit").or_else(|| most("AcceptedContentLength"));
        groups::set_delivery(context.store.writer()?, &group.id, &session.to_string(), push, most)?;
    } else {
        let capabilities = &mut context.session()?.capabilities;
        capabilities.push = push;
        capabilities.push_length = most("AcceptedContentLength").or(capabilities.push_length);
    }
    let user = context.user().to_owned();
    post::offer_all(context, &user, &[session])?;
    Ok(success())
}

/// A client has logged in: what was stored for its user waits for it now.
pub(crate) fn session_opened(context: &mut Context<'_>) -> Result<(), Fault> {
    terms_changed(context)
}

/// The capabilities or services of the caller's session have changed: what waits is offered in the new way.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    handling::agree(context)?;
    let (user, session) = (context.user().to_owned(), context.caller.session);
    post::choose_again(context, &user, Some(session))
}

/// A session is over: what it was chosen for goes to another one.
pub(crate) fn session_closed(context: &mut Context<'_>, session: &Session) -> Result<(), Fault> {
    post::choose_again(context, &session.caller.user, None)
}

/// A client has answered the offer of a stored message.
pub(crate) fn acknowledged(context: &mut Context<'_>, id: &str, response: &Element<'_>) -> Result<(), Fault> {
    if response.name == "MessageDelivered" {
        let user = context.user().to_owned();
        post::settle(context, &user, id, Code::SUCCESSFUL)?;
    }
    Ok(())
}

/// A client has answered the offer of a stored delivery report.
pub(crate) fn report_acknowledged(context: &mut Context<'_>, id: &str) -> Result<(), Fault> {
    let user = context.user().to_owned();
    if messages::remove_report(context.store.last_writer()?, &user, id)? {
        post::withdraw(context, &user, id);
    }
    Ok(())
}

/// Time has passed: messages whose validity is over are dropped and reported.
pub(crate) fn expire(context: &mut Context<'_>) -> Result<(), Fault> {
    let now = context.now.seconds();
    for (message, copy) in messages::expired(context.store.reader(), now)? {
        post::settle(context, &copy.recipient, &message.id, Code::MESSAGE_EXPIRED)?;
    }
    if messages::has_old_reports(context.store.reader(), now)? {
        messages::remove_old_reports(context.store.last_writer()?, now)?;
    }
    Ok(())
}
