//! The post: stored messages on their way to the sessions of their recipients, and reports on their way back.
//!
//! A message is in the store until its recipient has confirmed it, rejected it, forwarded it or let it expire; what is
//! in an outbox is only an offer. So an offer may be lost, or made to several sessions: the first answer counts.

use std::sync::Arc;

use super::fault::Fault;
use super::outbox::{Purpose, Sending};
use super::service::Context;
use super::session::{Session, SessionId};
use super::store::messages::{self, Message, MessageCopy};
use super::store::{groups, tree};
use super::{Timestamp, content, limits};
use crate::csp::{Code, Outcome, ids};
use crate::document::Element;

/// What a message is larger than its content, in octets: some 700 for the longest addresses that handsets write.
const ENVELOPE: usize = 1000;
/// How long a delivery report waits for a sender that is away, in seconds: a week.
const REPORT_LIFE: i64 = 7 * 86_400;

/// Returns the MessageInfo of a message as its recipient reads it.
pub(crate) fn info(message: &Message, copy: &MessageCopy) -> Element<'static> {
    let own = [Element::leaf("MessageID", message.id.clone()), copy.to.clone(), copy.from.clone()];
    message.info.clone().with_all(own)
}

/// Returns the ContentData of a message.
pub(crate) fn content(message: &Message) -> Option<Element<'static>> {
    Some(content::element(message.content.clone()?, message.is_text))
}

/// Offers a message to the sessions that should have it.
pub(crate) fn offer(context: &mut Context<'_>, message: &Message, copy: &MessageCopy) -> Result<(), Fault> {
    for session in receivers(context, copy, &type_of(message))? {
        offer_to(context, session, message, copy)?;
    }
    Ok(())
}

/// Returns the sessions that should have a copy of a message: those of the client that is named, of the group through
/// which it came, or those that the user's rule for several sessions chooses (ETEM).
pub(crate) fn receivers(
    context: &Context<'_>,
    copy: &MessageCopy,
    content_type: &str,
) -> Result<Vec<SessionId>, Fault> {
    let get = |id: &SessionId| context.sessions.get(*id);
    let mut sessions = context.sessions.of_user(&copy.recipient);
    sessions.retain(|id| get(id).is_some_and(|session| is_for_client(session, copy)));
    if let Some(group) = &copy.group {
        let mut joined = Vec::new();
        for id in &sessions {
            if groups::find_joined(context.store.reader(), group, &id.to_string())?.is_some() {
                joined.push(*id);
            }
        }
        // Who has left the group in the meantime was in it when it was said.
        return Ok(if joined.is_empty() { sessions } else { joined });
    }
    let heard = |id: &SessionId| get(id).map(|session| session.heard);
    let priority = |id: &SessionId| get(id).map(|session| session.capabilities.session_priority);
    let chosen = match rule_of(context, &copy.recipient) {
        "DETECT" => sessions.into_iter().max_by_key(|id| (heard(id), priority(id))),
        "PRIORITYSTORE" | "PRIORITYREJECT" => sessions.into_iter().max_by_key(|id| (priority(id), heard(id))),
        _ => {
            let accepts = |id: &SessionId| get(id).is_some_and(|session| session.capabilities.accepts(content_type));
            // Where one of them can show it, the others are not troubled.
            if sessions.iter().any(accepts) {
                sessions.retain(accepts);
            }
            return Ok(sessions);
        }
    };
    Ok(chosen.into_iter().collect())
}

/// Returns the rule in force for a user with several sessions.
pub(crate) fn rule_of<'c>(context: &'c Context<'_>, user: &str) -> &'c str {
    let mut sessions = context.sessions.of_user(user).into_iter();
    let rule = sessions.find_map(|id| context.sessions.get(id)?.capabilities.online_etem.as_deref());
    rule.unwrap_or("SERVERLOGIC")
}

/// Offers what waits for a user anew: to the session whose terms have changed, if one has; to all its sessions where its
/// rule chooses one of them, since the choice may be another now.
pub(crate) fn choose_again(context: &mut Context<'_>, user: &str, changed: Option<SessionId>) -> Result<(), Fault> {
    let sessions = match rule_of(context, user) {
        "DETECT" | "PRIORITYSTORE" | "PRIORITYREJECT" => context.sessions.of_user(user),
        _ => changed.into_iter().collect(),
    };
    offer_all(context, user, &sessions)
}

/// Returns the content type of a message.
fn type_of(message: &Message) -> String {
    content::kind(&message.info)
}

/// Offers a message to one session: pushed or announced, as it was agreed.
pub(crate) fn offer_to(
    context: &mut Context<'_>,
    session: SessionId,
    message: &Message,
    copy: &MessageCopy,
) -> Result<(), Fault> {
    let group = match &copy.group {
        Some(group) => groups::delivery(context.store.reader(), group, &session.to_string())?,
        None => None,
    };
    let Some(own) = context.sessions.get(session) else { return Ok(()) };
    let info = info(message, copy);
    let kind = content::kind(&info);
    let (push, most) = group.unwrap_or((own.capabilities.push, own.capabilities.push_length));
    let size = message.content.as_ref().map_or(0, Vec::len);
    let is_taken = own.capabilities.accepts(&kind) && own.capabilities.holds(&kind, size);
    let fits = is_taken
        && most.is_none_or(|most| size <= most as usize)
        && !own.capabilities.asks_first(&kind, size)
        && fits_parser(own, message);
    // Where neither way was agreed, push it is (transaction catalogue, section 2).
    let announces = own.services.has("NOTIF") && !(push && fits && own.services.has("NEWM"));
    // What the client does not take it may reject or forward, where it can be told of it.
    if !is_taken && !announces {
        return Ok(());
    }
    let primitive = if announces {
        let address = if is_taken && !fits { address_of_content(context, session, message, &info) } else { None };
        Element::new("MessageNotification").with(info.with_all(address))
    } else {
        Element::new("NewMessage").with(info).with_all(content(message))
    };
    let expires = Some(Timestamp::from_seconds(u64::try_from(copy.expires).unwrap_or_default()));
    context.send(session, Sending { expires, ..Sending::message(primitive, message.id.clone()) });
    Ok(())
}

/// Returns the address where a client may fetch content that is too large to be pushed, as long as the message waits for
/// it and its session lasts (Shared content). Where the sender said where it is, there it is.
fn address_of_content(
    context: &mut Context<'_>,
    session: SessionId,
    message: &Message,
    info: &Element<'_>,
) -> Option<Element<'static>> {
    let base = context.configuration.content.as_ref().filter(|_| message.content.is_some())?;
    if info.child("MessageURI").is_some() {
        return None;
    }
    let token = context.sessions.get(session)?.token;
    let token = token.unwrap_or_else(|| context.new_token(session));
    Some(Element::leaf("MessageURI", format!("{base}/{token}/{}", message.id)))
}

/// Returns whether a client can read a message whole: what is larger than its parser would never reach it.
fn fits_parser(session: &Session, message: &Message) -> bool {
    let size = message.content.as_ref().map_or(0, Vec::len);
    let written = if message.is_text { size } else { size / 3 * 4 };
    session.capabilities.parser_size.is_none_or(|most| written + ENVELOPE <= most as usize)
}

/// Returns whether a message is for the client of a session: a Recipient may name one of the user's clients.
fn is_for_client(session: &Session, copy: &MessageCopy) -> bool {
    let Some(user) = copy.to.child("User") else { return true };
    let Some((kind, named)) = ids::client(user) else { return true };
    session.caller.client_id.name == kind && named.to_lowercase() == session.caller.client
}

/// Ends a recipient's right to a message and reports what became of it. Returns whether there was one.
pub(crate) fn settle(context: &mut Context<'_>, recipient: &str, id: &str, code: Code) -> Result<bool, Fault> {
    let Some(removed) = messages::remove(context.store.last_writer()?, recipient, id)? else { return Ok(false) };
    withdraw(context, recipient, id);
    if let Some((message, copy)) = removed.to_report {
        report(context, &message, &copy, code)?;
    }
    Ok(true)
}

/// Takes back the offers of a message or report that is gone.
pub(crate) fn withdraw(context: &mut Context<'_>, user: &str, id: &str) {
    for session in context.sessions.of_user(user) {
        if let Some(own) = context.sessions.get_mut(session) {
            own.outbox.withdraw(id);
        }
    }
}

/// Reports to the sender of a message what became of one copy, if it wants to know. There are no reports of reports.
fn report(context: &mut Context<'_>, message: &Message, copy: &MessageCopy, code: Code) -> Result<(), Fault> {
    let Some(concerned) = copy.report.clone() else { return Ok(()) };
    if messages::count(context.store.reader(), &message.sender)? >= limits::OUTBOX {
        return Ok(());
    }
    let info = info(message, copy);
    let kept = ["MessageID", "ContentType", "ContentSize", "Sender"];
    let kept = info.children.into_iter().filter(|child| kept.contains(&child.name.as_ref()));
    let primitive = Element::new("DeliveryReport-Request")
        .with(Outcome::new(code).element())
        .with_leaf("DeliveryTime", context.now.to_string())
        .with(Element::new("MessageInfo").with_all(kept).with(concerned));
    let id = context.identifier();
    let expires = context.now.seconds() + REPORT_LIFE;
    messages::add_report(context.store.last_writer()?, &message.sender, &id, &tree::write(&primitive), expires)?;
    let primitive = Arc::new(primitive);
    context.send_to(&message.sender, |session| {
        session.services.has("MDELIV").then(|| Sending::report(primitive.clone(), id.clone()))
    });
    Ok(())
}

/// Offers sessions of a user everything that waits for it, in the way that is agreed now.
pub(crate) fn offer_all(context: &mut Context<'_>, user: &str, sessions: &[SessionId]) -> Result<(), Fault> {
    if sessions.is_empty() {
        return Ok(());
    }
    let waiting = messages::waiting(context.store.reader(), user)?;
    let reports = messages::reports(context.store.reader(), user)?;
    for session in sessions {
        let Some(own) = context.sessions.get_mut(*session) else { continue };
        for id in waiting.iter().map(|(message, _)| &message.id).chain(reports.iter().map(|(id, _)| id)) {
            own.outbox.recall(id);
        }
    }
    // Nor twice of what this very input has offered.
    let is_stored = |purpose: &Purpose| matches!(purpose, Purpose::Message(_) | Purpose::Report(_));
    context.sends.retain(|(id, sending)| !(sessions.contains(id) && is_stored(&sending.purpose)));
    for (message, copy) in &waiting {
        for session in receivers(context, copy, &type_of(message))? {
            if sessions.contains(&session) {
                offer_to(context, session, message, copy)?;
            }
        }
    }
    let reports = reports.into_iter().filter_map(|(id, report)| Some((id, Arc::new(tree::read(&report)?))));
    for (id, report) in reports {
        for session in sessions {
            if context.sessions.get(*session).is_some_and(|own| own.services.has("MDELIV")) {
                context.send(*session, Sending::report(report.clone(), id.clone()));
            }
        }
    }
    Ok(())
}
