//! Sending: who writes, what, to whom, and whether they may (Messages, "SendMessage").
//!
//! A message with many recipients goes to the good ones; the bad ones are reported with their code. Each copy has a
//! Sender and a Recipient of its own: in a group people go by their screen names.

use std::collections::{BTreeMap, BTreeSet};

use crate::csp::{Code, Outcome, Version, ids};
use crate::document::{Element, integer};
use crate::server::fault::{Fault, required};
use crate::server::service::Context;
use crate::server::service::im::history;
use crate::server::service::targets::{self, Tally, flag};
use crate::server::store::contact_lists;
use crate::server::store::groups::{self, Group};
use crate::server::store::messages::{self, Message, MessageCopy, Reception, Writer};
use crate::server::{content, post};

/// How long a message waits where its sender does not say, in seconds: a day.
const USUAL_VALIDITY: u32 = 86_400;
/// How long a message waits at the most: thirty days.
const MOST_VALIDITY: u32 = 30 * 86_400;
/// Recipients of one message, members of contact lists and groups counted.
const MOST_RECIPIENTS: usize = 1000;

/// What is to be sent, before it is known to whom.
struct Draft {
    info: Element<'static>,
    content: Option<Vec<u8>>,
    is_text: bool,
    /// The Sender of personal messages.
    from: Element<'static>,
    wants_report: bool,
    expires: i64,
}

/// Whom a draft reaches.
#[derive(Default)]
struct Reach {
    tally: Tally,
    copies: Vec<MessageCopy>,
    /// The groups to which it is said, with the screen name of the sender.
    said: BTreeMap<String, String>,
}

/// `SendMessage-Request`.
pub(crate) fn send(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    // What is asked from here on is asked in the transaction that the message is written in.
    context.store.last_writer()?;
    let info = request.child("MessageInfo").ok_or_else(|| Fault::missing("MessageInfo"))?;
    let recipient = info.child("Recipient").ok_or_else(|| Fault::missing("Recipient"))?;
    let from = sender(context, info.child("Sender"))?;
    let read = request.child("ContentData").map(|data| content::read(info, data)).transpose()?;
    let (content, is_text) = read.map_or((None, true), |(octets, is_text)| (Some(octets), is_text));
    if content.is_none() && info.child("MessageURI").is_none() {
        return Err(Fault::missing("ContentData"));
    }
    let wants_report = flag(request, "DeliveryReport") == Some(true) && context.session()?.services.has("MDELIV");
    let validity = info.child_text("Validity").and_then(integer).unwrap_or(USUAL_VALIDITY).min(MOST_VALIDITY);
    let draft = Draft {
        info: kept_info(context, info, content.as_deref()),
        content,
        is_text,
        from,
        wants_report,
        expires: context.now.seconds() + i64::from(validity),
    };
    let (outcome, id) = dispatch(context, draft, recipient)?;
    let id = id.map(|id| Element::leaf("MessageID", id));
    Ok(Element::new("SendMessage-Response").with(outcome.element()).with_all(id))
}

/// `ForwardMessage-Request`: sends a waiting message on and ends the caller's right to it.
pub(crate) fn forward(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = required(request, "MessageID")?;
    let recipient = request.child("Recipient").ok_or_else(|| Fault::missing("Recipient"))?;
    let from = sender(context, request.child("Sender"))?;
    let user = context.user().to_owned();
    let (message, copy) = messages::find(context.store.reader(), &user, id)?.ok_or(Code::INVALID_MESSAGE_ID)?;
    let mut info = message.info;
    info.children.retain(|child| child.name != "DateTime");
    let draft = Draft {
        info: info.with_leaf("DateTime", context.now.to_string()),
        content: message.content,
        is_text: message.is_text,
        from,
        wants_report: false,
        expires: copy.expires,
    };
    let (outcome, new) = dispatch(context, draft, recipient)?;
    let Some(new) = new else { return Ok(outcome.status()) };
    post::settle(context, &user, id, Code::MESSAGE_FORWARDED)?;
    Ok(match context.version() {
        Version::V1_3 if outcome.code == Code::SUCCESSFUL => {
            Element::new("ForwardMessage-Response").with_leaf("MessageID", new)
        }
        _ => outcome.status(),
    })
}

/// Returns the Sender to show: the caller, or its screen name in a group. 427, 428, 450, 800, 808 or 810 where it
/// says it is somebody else (abuse case C06).
pub(crate) fn sender(context: &Context<'_>, given: Option<&Element<'_>>) -> Result<Element<'static>, Fault> {
    let own = || Ok(Element::new("Sender").with(targets::user(context, context.user())?));
    let Some(given) = given else { return own() };
    if let Some(screen) = given.descend(&["Group", "ScreenName"]) {
        let (group, own) = targets::joined_group(context, screen.child_text("GroupID").unwrap_or_default())?;
        if !own.goes_by(screen.child_text("SName").unwrap_or_default()) {
            return Err(Code::NOT_A_MEMBER.into());
        }
        return Ok(Element::new("Sender").with(screen_name(&own.screen_name, &group.id)));
    }
    // A group has no voice of its own: who is in it goes by its user's name.
    if let Some(group) = given.descend(&["Group", "GroupID"]).filter(|id| !id.is_empty()) {
        targets::joined_group(context, group.trimmed())?;
    }
    let Some(user) = given.child("User") else { return own() };
    let id = user.child_text("UserID").unwrap_or_default();
    // An empty one counts as absent; nearly all write their own in its normal form.
    if !id.is_empty()
        && id != context.user()
        && !context.user_id(id).is_ok_and(|address| address.as_str() == context.user())
    {
        return Err(Code::INVALID_USER_ID.into());
    }
    let is_client = |name: &str| context.caller.client_id.name == name;
    if let Some(client) = ids::client_id(user)
        && !(is_client("ClientID") && client.eq_ignore_ascii_case(&context.caller.client))
    {
        return Err(Code::INVALID_CLIENT_ID.into());
    }
    if let Some(application) = user.child_text("ApplicationID")
        && !(is_client("ApplicationID") && application.eq_ignore_ascii_case(&context.caller.client))
    {
        return Err(Code::INVALID_APPLICATION_ID.into());
    }
    own()
}

/// Returns what of the MessageInfo goes on to the recipients, with what the server fills in.
fn kept_info(context: &Context<'_>, info: &Element<'_>, content: Option<&[u8]>) -> Element<'static> {
    let gone = ["MessageID", "Recipient", "Sender", "ContentEncoding"];
    let mut kept = Element::new("MessageInfo").with_all(
        info.children
            .iter()
            .filter(|child| !gone.contains(&child.name.as_ref()) && !child.is_empty())
            .map(|child| child.clone().into_owned()),
    );
    if kept.child("ContentType").is_none() {
        kept = kept.with_leaf("ContentType", "text/plain");
    }
    if let Some(content) = content {
        kept.children.retain(|child| child.name != "ContentSize");
        kept = kept.with_leaf("ContentSize", content.len().to_string());
    } else if kept.child("ContentSize").is_none() {
        // Clients up to 1.2 want one; how large what is elsewhere is, only its sender knows.
        kept = kept.with_leaf("ContentSize", "0");
    }
    if kept.child("DateTime").is_none() {
        kept = kept.with_leaf("DateTime", context.now.to_string());
    }
    kept
}

/// Sends a draft to everybody whom a Recipient means, and returns what came of it and the MessageID.
fn dispatch(
    context: &mut Context<'_>,
    draft: Draft,
    recipient: &Element<'_>,
) -> Result<(Outcome, Option<String>), Fault> {
    let mut reach = Reach::default();
    if recipient.children.is_empty() {
        return Err(Fault::missing("User, Group or ContactList"));
    }
    for child in &recipient.children {
        match child.name.as_ref() {
            "User" => to_user(context, &draft, child, &mut reach)?,
            "ContactList" => to_list(context, &draft, child, &mut reach)?,
            "Group" => to_group(context, &draft, child, &mut reach)?,
            _ => {}
        }
    }
    let Reach { tally, mut copies, said } = reach;
    if copies.len() > 1 {
        let mut seen = BTreeSet::new();
        copies.retain(|copy| seen.insert(copy.recipient.clone()));
    }
    if copies.len() > MOST_RECIPIENTS {
        return Err(Code::SERVICE_UNAVAILABLE.into());
    }
    let outcome = tally.outcome();
    if !outcome.code.is_success() {
        return Ok((outcome, None));
    }
    let message = Message {
        id: context.identifier(),
        sender: context.user().to_owned(),
        info: draft.info,
        content: draft.content,
        is_text: draft.is_text,
    };
    messages::insert(context.store.last_writer()?, &message, &copies)?;
    for (group, screen_name) in said {
        history::keep(context, group, screen_name, &message)?;
    }
    for copy in copies {
        post::offer(context, &message, &copy)?;
    }
    Ok((outcome, Some(message.id)))
}

fn to_user(context: &Context<'_>, draft: &Draft, target: &Element<'_>, reach: &mut Reach) -> Result<(), Fault> {
    let Some(id) = target.child("UserID") else { return Err(Fault::missing("UserID")) };
    let outcome = context.own_user_id(id.trimmed()).map_err(Fault::from).and_then(|user| {
        let mut shown = Element::new("User").with_leaf("UserID", user.as_str().to_owned());
        let place = ["ClientID", "ApplicationID"].into_iter().filter_map(|name| target.child(name));
        shown.children.extend(place.take(1).map(|client| client.clone().into_owned()));
        let copy = copy(draft, user.as_str(), &draft.from, shown);
        may_write(context, draft, &copy, None)?;
        Ok(copy)
    });
    reach.copies.extend(reach.tally.note(id, outcome)?);
    Ok(())
}

fn to_list(context: &Context<'_>, draft: &Draft, target: &Element<'_>, reach: &mut Reach) -> Result<(), Fault> {
    let list = match targets::own_list(context, target.trimmed()) {
        Ok(list) => list,
        Err(fault) => return reach.tally.note(target, Err::<(), _>(fault)).map(drop),
    };
    let members = contact_lists::contacts(context.store.reader(), &list)?;
    if members.is_empty() {
        reach.tally.done();
    }
    for contact in members {
        let id = Element::leaf("UserID", contact.user);
        to_user(context, draft, &Element::new("User").with(id), reach)?;
    }
    Ok(())
}

fn to_group(context: &Context<'_>, draft: &Draft, target: &Element<'_>, reach: &mut Reach) -> Result<(), Fault> {
    if let Some(screen) = target.child("ScreenName") {
        let outcome = whisper(context, draft, screen);
        reach.copies.extend(reach.tally.note(screen, outcome)?);
    } else if let Some(id) = target.child("GroupID") {
        let outcome = broadcast(context, draft, id.trimmed());
        if let Some((copies, said)) = reach.tally.note(id, outcome)? {
            reach.copies.extend(copies);
            reach.said.extend([said]);
        }
    }
    Ok(())
}

/// Returns the copies of a message to a group: one for each user that is in it, but not for the sender; and the group
/// with the screen name of the sender.
fn broadcast(context: &Context<'_>, draft: &Draft, id: &str) -> Result<(Vec<MessageCopy>, (String, String)), Fault> {
    let (Group { id: group, .. }, own) = targets::joined_group(context, id)?;
    let db = context.store.reader();
    let mut copies = Vec::new();
    for other in groups::joined(db, &group)? {
        // Who is not a user any more is about to leave.
        let Some(reception) = messages::reception(db, &other.user)? else { continue };
        let is_blocked = reception.blocks_screen_name(db, &other.user, &own.screen_name, &group)?;
        if other.user == context.user() || is_blocked || !has_room(context, &reception) {
            continue;
        }
        let from = Element::new("Sender").with(screen_name(&own.screen_name, &group));
        let mut copy = copy(draft, &other.user, &from, Element::new("Group").with_leaf("GroupID", group.clone()));
        // The report does not tell who is behind a screen name.
        let concerned = Element::new("Recipient").with(screen_name(&other.screen_name, &group));
        copy.report = draft.wants_report.then_some(concerned);
        copy.group = Some(group.clone());
        copies.push(copy);
    }
    Ok((copies, (group, own.screen_name)))
}

/// Returns the copy of a private message to a screen name: 808, 812, 410, 813 or 532 where it may not be.
fn whisper(context: &Context<'_>, draft: &Draft, screen: &Element<'_>) -> Result<MessageCopy, Fault> {
    let (Group { id: group, .. }, own) =
        targets::joined_group(context, screen.child_text("GroupID").unwrap_or_default())?;
    let db = context.store.reader();
    if groups::property(db, &group, "PrivateMessaging")?.as_deref() == Some("F") {
        return Err(Code::NO_PRIVATE_MESSAGES_IN_GROUP.into());
    }
    let name = screen.child_text("SName").unwrap_or_default();
    let addressee = groups::joined(db, &group)?.into_iter().find(|joined| joined.goes_by(name));
    let addressee = addressee.ok_or(Code::UNABLE_TO_DELIVER)?;
    if groups::own_property(db, &group, &addressee.user, "PrivateMessaging")?.as_deref() == Some("F") {
        return Err(Code::NO_PRIVATE_MESSAGES_TO_USER.into());
    }
    let from = Element::new("Sender").with(screen_name(&own.screen_name, &group));
    let mut copy = copy(draft, &addressee.user, &from, screen_name(&addressee.screen_name, &group));
    copy.group = Some(group.clone());
    may_write(context, draft, &copy, Some((&own.screen_name, &group)))?;
    Ok(copy)
}

/// Decides whether the recipient of a copy takes it: 531, 532, 415, 410, 533 or 507 where not.
fn may_write(
    context: &Context<'_>,
    draft: &Draft,
    copy: &MessageCopy,
    screen: Option<(&str, &str)>,
) -> Result<(), Fault> {
    let (db, user) = (context.store.reader(), copy.recipient.as_str());
    let reception = messages::reception(db, user)?.ok_or(Code::UNKNOWN_USER)?;
    if !reception.accepts(db, user, &writer(context, screen))? {
        return Err(Code::BLOCKED.into());
    }
    let content_type = content::kind(&draft.info);
    let size = draft.content.as_ref().map_or(0, Vec::len);
    let mut receivers = post::receivers(context, copy, &content_type)?;
    if post::rule_of(context, user) == "PRIORITYSTORE" {
        // What the session of the highest priority does not take waits.
        receivers.clear();
    }
    let capabilities = || receivers.iter().filter_map(|id| Some(&context.sessions.get(*id)?.capabilities));
    if !receivers.is_empty() && !capabilities().any(|capabilities| capabilities.accepts(&content_type)) {
        return Err(Code::UNSUPPORTED_MEDIA_TYPE.into());
    }
    if !receivers.is_empty() && !capabilities().any(|capabilities| capabilities.holds(&content_type, size)) {
        return Err(Code::UNABLE_TO_DELIVER.into());
    }
    if !context.sessions.is_online(user) && reception.offline_rule.as_ref().is_some_and(|rule| rule != "SENDSTORE") {
        return Err(Code::NOT_LOGGED_IN.into());
    }
    if has_room(context, &reception) { Ok(()) } else { Err(Code::QUEUE_FULL.into()) }
}

/// Returns whether another message may wait for a user (abuse case C09).
fn has_room(context: &Context<'_>, reception: &Reception) -> bool {
    reception.waiting < reception.most.unwrap_or(context.configuration.quotas.stored_messages)
}

/// Returns who writes, for the lists of those who may.
pub(crate) fn writer<'c>(context: &'c Context<'_>, screen: Option<(&'c str, &'c str)>) -> Writer<'c> {
    let is_application = context.caller.client_id.name == "ApplicationID";
    let application = is_application.then_some(context.caller.client.as_str());
    Writer { user: context.user(), application, screen }
}

fn copy(draft: &Draft, recipient: &str, from: &Element<'static>, to: Element<'static>) -> MessageCopy {
    let to = Element::new("Recipient").with(to);
    MessageCopy {
        recipient: recipient.to_owned(),
        from: from.clone(),
        report: draft.wants_report.then(|| to.clone()),
        to,
        group: None,
        expires: draft.expires,
    }
}

/// Returns the `Group` element of a screen name.
pub(super) fn screen_name(name: &str, group: &str) -> Element<'static> {
    Element::new("Group").with(targets::screen_name(name, group))
}
