//! Who may see what: attribute lists, and asking the owner (Presence, "Authorization").

use super::names;
use crate::csp::{Code, Version};
use crate::document::Element;
use crate::server::fault::{Fault, required, success};
use crate::server::outbox::Sending;
use crate::server::service::Context;
use crate::server::service::targets::{self, Tally, flag};
use crate::server::store::presence::{self, AttributeList, Level, Reaction};
use crate::server::watch::{self, Grant, Names};

/// Attribute lists of one user; one more is refused with 755.
const MOST_LISTS: usize = 500;
/// Watchers whose questions wait for one owner; further ones are not asked about.
const MOST_QUESTIONS: usize = 100;

/// `CreateAttributeList-Request`: grants to users, to contact lists, to everybody else. An empty list grants nothing.
pub(crate) fn create_attribute_list(
    context: &mut Context<'_>,
    request: &Element<'_>,
) -> Result<Element<'static>, Fault> {
    let list = request.child("PresenceSubList").ok_or_else(|| Fault::missing("PresenceSubList"))?;
    let attributes = names(list)?.column();
    let entry = |subject: String, switch| AttributeList {
        subject,
        attributes: attributes.clone(),
        notify: flag(request, switch).unwrap_or(false),
    };
    let mut tally = Tally::default();
    let mut entries: Vec<(Level, AttributeList)> = Vec::new();
    let (users, lists) = subjects(context, request, &mut tally)?;
    entries.extend(users.into_iter().map(|user| (Level::User, entry(user, "UserNotify"))));
    entries.extend(lists.into_iter().map(|list| (Level::List, entry(list, "ContactListNotify"))));
    if flag(request, "DefaultList") == Some(true) {
        entries.push((Level::Default, entry(String::new(), "DefaultNotify")));
        tally.done();
    }
    let owner = context.user().to_owned();
    if presence::count_grants(context.store.reader(), &owner)? + entries.len() > MOST_LISTS {
        return Err(Code::TOO_MANY_ATTRIBUTE_LISTS.into());
    }
    watch::regrant(context, &owner, |context| {
        let db = context.store.writer()?;
        entries.iter().try_for_each(|(level, entry)| presence::grant(db, &owner, *level, entry))?;
        Ok(())
    })?;
    Ok(tally.outcome().status())
}

/// `DeleteAttributeList-Request`: what was granted to those named is granted no longer.
pub(crate) fn delete_attribute_list(
    context: &mut Context<'_>,
    request: &Element<'_>,
) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let (users, lists) = subjects(context, request, &mut tally)?;
    let is_default = flag(request, "DefaultList") == Some(true);
    if is_default {
        tally.done();
    }
    let owner = context.user().to_owned();
    watch::regrant(context, &owner, |context| {
        let db = context.store.writer()?;
        for user in &users {
            presence::revoke(db, &owner, Level::User, user)?;
        }
        for list in &lists {
            presence::revoke(db, &owner, Level::List, list)?;
        }
        if is_default {
            presence::revoke(db, &owner, Level::Default, "")?;
        }
        Ok(())
    })?;
    Ok(tally.outcome().status())
}

/// `GetAttributeList-Request`: with names those, without all; DefaultList adds the default.
pub(crate) fn get_attribute_list(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let (users, lists) = subjects(context, request, &mut tally)?;
    let owner = context.user().to_owned();
    let db = context.store.reader();
    let is_all = users.is_empty() && lists.is_empty() && tally.is_clean();
    let is_meant = |named: &[String], entry: &AttributeList| is_all || named.contains(&entry.subject);
    let mut entries = Vec::new();
    for entry in presence::grants(db, &owner, Level::User)?.into_iter().filter(|entry| is_meant(&users, entry)) {
        entries.push(entry_element("UserID", "UserNotify", &entry));
    }
    for entry in presence::grants(db, &owner, Level::List)?.into_iter().filter(|entry| is_meant(&lists, entry)) {
        entries.push(entry_element("ContactList", "ContactListNotify", &entry));
    }
    let wants_default = is_all || flag(request, "DefaultList") == Some(true);
    let default = presence::find_grant(db, &owner, Level::Default, "")?.filter(|_| wants_default).map(|entry| {
        Element::new("DefaultAttributeList")
            .with_leaf("DefaultNotify", switch(entry.notify))
            .with(Names::read(&entry.attributes).element())
    });
    Ok(Element::new("GetAttributeList-Response").with(tally.outcome().element()).with_all(default).with_all(entries))
}

fn entry_element(subject: &'static str, notify: &'static str, entry: &AttributeList) -> Element<'static> {
    Element::new("Presence")
        .with_leaf(subject, entry.subject.clone())
        .with_leaf(notify, switch(entry.notify))
        .with(Names::read(&entry.attributes).element())
}

fn switch(on: bool) -> &'static str {
    if on { "T" } else { "F" }
}

/// Returns the users and the contact lists that a request names.
fn subjects(
    context: &Context<'_>,
    request: &Element<'_>,
    tally: &mut Tally,
) -> Result<(Vec<String>, Vec<String>), Fault> {
    let (mut users, mut lists) = (Vec::new(), Vec::new());
    for element in targets::user_ids(request) {
        let user = tally.note(&element, context.known_user(element.trimmed()))?;
        users.extend(user.map(|user| user.as_str().to_owned()));
    }
    for element in targets::contact_lists(request) {
        lists.extend(tally.note(&element, targets::own_list(context, element.trimmed()))?);
    }
    Ok((users, lists))
}

/// Tells an owner that the caller wants attributes that are not granted: clients of 1.3 where the switch of the level
/// that decided is on, clients of 1.1 and 1.2 that have agreed to be asked, now or when they come.
pub(super) fn ask_owner(context: &mut Context<'_>, owner: &str, asked: Names, grant: &Grant) -> Result<(), Fault> {
    let missing = asked.without(grant.names);
    if missing.is_empty() {
        return Ok(());
    }
    let watcher = context.user().to_owned();
    if let Some(notification) = notification(&watcher, missing, grant) {
        context.send_to(owner, |session| {
            (session.caller.version == Version::V1_3).then(|| Sending::notice(notification.clone()))
        });
    }
    let reactions = presence::reactions(context.store.reader(), owner)?;
    let earlier = reactions.iter().find(|reaction| reaction.watcher == watcher);
    let (open, decided) = match earlier {
        Some(reaction) if reaction.state == "PENDING" => (Names::read(&reaction.attributes), Names::default()),
        Some(reaction) if reaction.state == "DENIED" => (Names::default(), Names::read(&reaction.attributes)),
        // What was granted and is not any more is asked anew.
        _ => (Names::default(), Names::default()),
    };
    let new = missing.without(open).without(decided);
    let is_full = reactions.len() >= MOST_LISTS
        || reactions.iter().filter(|reaction| reaction.state == "PENDING").count() >= MOST_QUESTIONS;
    if new.is_empty() || (earlier.is_none() && is_full) {
        return Ok(());
    }
    let reaction = Reaction { watcher, state: "PENDING".into(), attributes: open.with(new).column() };
    presence::set_reaction(context.store.writer()?, owner, &reaction)?;
    let question = question(&reaction.watcher, new);
    context.send_to(owner, |session| session.is_asked().then(|| Sending::notice(question.clone())));
    Ok(())
}

fn question(watcher: &str, missing: Names) -> Element<'static> {
    Element::new("PresenceAuth-Request").with_leaf("UserID", watcher.to_owned()).with(missing.element())
}

/// The caller's session has agreed to be asked: it is asked once what is still open.
pub(super) fn ask_what_is_open(context: &mut Context<'_>) -> Result<(), Fault> {
    let session = context.session()?;
    if session.knows_questions || !session.is_asked() {
        return Ok(());
    }
    session.knows_questions = true;
    let (id, owner) = (context.caller.session, context.user().to_owned());
    for reaction in presence::reactions(context.store.reader(), &owner)? {
        let granted = watch::granted(context, &owner, &reaction.watcher)?.names;
        let missing = Names::read(&reaction.attributes).without(granted);
        if reaction.state == "PENDING" && !missing.is_empty() {
            context.send(id, Sending::notice(question(&reaction.watcher, missing)));
        }
    }
    Ok(())
}

fn notification(watcher: &str, missing: Names, grant: &Grant) -> Option<Element<'static>> {
    let told: Vec<&AttributeList> = grant.entries.iter().filter(|entry| entry.notify).collect();
    if told.is_empty() {
        return None;
    }
    let kind = match grant.level {
        Level::User => "ANU",
        Level::List => "ANC",
        Level::Default => "AND",
    };
    let users = Element::new("UserIDList").with_leaf("UserID", watcher.to_owned());
    let notification =
        Element::new("Notification-Request").with_leaf("NotificationType", kind).with(missing.element()).with(users);
    Some(match grant.level {
        Level::User => notification,
        Level::List => {
            let lists = told.iter().map(|entry| Element::leaf("ContactList", entry.subject.clone()));
            notification.with(Element::new("ContactListIDList").with_all(lists))
        }
        Level::Default => notification.with_leaf("DefaultList", "T"),
    })
}

/// `PresenceAuth-User`: the owner's answer about a watcher. Without a PresenceSubList it is about what was asked for.
pub(crate) fn presence_auth_user(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let watcher = context.known_user(required(request, "UserID")?)?.as_str().to_owned();
    let accepts = flag(request, "Acceptance").ok_or_else(|| Fault::missing("Acceptance"))?;
    let owner = context.user().to_owned();
    let reactions = presence::reactions(context.store.reader(), &owner)?;
    let Some(mut reaction) = reactions.into_iter().find(|r| r.watcher == watcher) else {
        return Err(Code::UNKNOWN_USER.into());
    };
    let mut answered = Names::read(&reaction.attributes);
    if let Some(list) = request.child("PresenceSubList").filter(|list| !list.children.is_empty()) {
        answered = names(list)?;
    }
    reaction.state = if accepts { "GRANTED" } else { "DENIED" }.into();
    presence::set_reaction(context.store.writer()?, &owner, &reaction)?;
    if accepts {
        let before = watch::granted(context, &owner, &watcher)?.names;
        let entry = AttributeList { subject: watcher, attributes: before.with(answered).column(), notify: false };
        watch::regrant(context, &owner, |context| {
            Ok(presence::grant(context.store.writer()?, &owner, Level::User, &entry)?)
        })?;
    }
    Ok(success())
}

/// `CancelAuth-Request`: takes back what was granted to a watcher in person.
pub(crate) fn cancel_authorization(
    context: &mut Context<'_>,
    request: &Element<'_>,
) -> Result<Element<'static>, Fault> {
    let watcher = context.known_user(required(request, "UserID")?)?;
    let owner = context.user().to_owned();
    presence::remove_reaction(context.store.writer()?, &owner, watcher.as_str())?;
    watch::regrant(context, &owner, |context| {
        Ok(presence::revoke(context.store.writer()?, &owner, Level::User, watcher.as_str())?)
    })?;
    Ok(success())
}

/// `GetReactiveAuthStatus-Request`: how it stands with those named, or with all.
pub(crate) fn get_reactive_status(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let named: Vec<String> = targets::user_ids(request)
        .into_iter()
        .map(|element| context.user_id(element.trimmed()).map(|user| user.as_str().to_owned()))
        .collect::<Result<_, _>>()?;
    let reactions = presence::reactions(context.store.reader(), context.user())?;
    let states = reactions.into_iter().filter(|r| named.is_empty() || named.contains(&r.watcher)).map(|reaction| {
        Element::new("ReactiveAuthStatus")
            .with_leaf("UserID", reaction.watcher)
            .with_leaf("ReactiveAuthState", reaction.state)
            .with(Names::read(&reaction.attributes).element())
    });
    let list = Element::new("ReactiveAuthStatusList").with_all(states);
    Ok(Element::new("GetReactiveAuthStatus-Response").with(list))
}
