//! Contact lists: the names that a user keeps, and what hangs on them (transaction catalogue, P1 to P4).
//!
//! Being on a list may grant presence (attribute lists of the list) and may subscribe (AutoSubscribe), so a change of
//! members is told to those whom it concerns.

use super::Context;
use super::notification;
use super::targets::{self, Tally, flag};
use crate::codec::Encoding;
use crate::csp::{Address, Code, MAKES_LISTS, Version};
use crate::document::{Element, boolean};
use crate::server::fault::{Fault, required, success};
use crate::server::session::SessionId;
use crate::server::store::contact_lists::{self, Contact};
use crate::server::store::messages::{self, AccessList, Entity};
use crate::server::store::presence::{self, AttributeList, Level};
use crate::server::watch::{self, Names};

/// Properties of one list; more are refused with 752.
const MOST_PROPERTIES: usize = 20;
/// Characters of a nickname or of a property: more than twice what handsets write.
const MOST_TEXT: usize = 255;

/// `GetList-Request`: the caller's lists. From 1.2 on the default list is named apart and only there.
pub(crate) fn get(context: &mut Context<'_>) -> Result<Element<'static>, Fault> {
    let lists = contact_lists::lists(context.store.reader(), context.user())?;
    let version = context.version();
    let default = lists.iter().find(|list| list.is_default).map(|list| list.id.clone());
    let others = lists.into_iter().filter(|list| version == Version::V1_1 || !list.is_default);
    let others: Vec<_> = others.map(|list| Element::leaf("ContactList", list.id)).collect();
    let mut response = Element::new("GetList-Response");
    match version {
        Version::V1_3 if others.is_empty() => {}
        Version::V1_3 => response.children.push(Element::new("ContactListIDList").with_all(others)),
        _ => response.children.extend(others),
    }
    Ok(response.with_all(default.map(|id| Element::leaf("DefaultContactList", id))))
}

/// `CreateList-Request`.
pub(crate) fn create(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let list = new_list(context, required(request, "ContactList")?)?;
    let properties = request.child("ContactListProperties").map(read_properties).transpose()?.unwrap_or_default();
    make(context, &list)?;
    let mut tally = Tally::default();
    tally.done();
    if let Some(contacts) = request.child("NickList") {
        add(context, &list, contacts, &mut tally)?;
    }
    // A first list is the default whatever it says.
    let properties = properties.into_iter().filter(|(name, value)| !is_default(name) || value == "T");
    set_properties(context, &list, properties)?;
    if context.version() < Version::V1_3 || !tally.is_clean() {
        return Ok(tally.outcome().status());
    }
    let properties = properties_element(context, &list)?;
    Ok(Element::new("CreateList-Response").with_leaf("ContactList", list).with(properties))
}

/// Makes a list; the first is the default.
fn make(context: &mut Context<'_>, list: &str) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    let db = context.store.writer()?;
    let is_first = contact_lists::lists(db, &owner)?.is_empty();
    contact_lists::create(db, &owner, list)?;
    if is_first {
        contact_lists::set_default(db, &owner, list)?;
    }
    Ok(())
}

/// Returns the address of a list that can be made: 752 where it is of the wrong form or another's, 701 where it is
/// there, 753 where it is one too many.
fn new_list(context: &Context<'_>, text: &str) -> Result<String, Fault> {
    let refused = || Fault::from(Code::INVALID_CONTACT_LIST_PROPERTY);
    let address = Address::contact_list_id(text, &context.configuration.domain).map_err(|_| refused())?;
    let is_own = address.owner().is_some_and(|owner| owner.as_str() == context.user());
    if !is_own || address.resource().is_none_or(|name| name.contains(' ')) {
        return Err(refused());
    }
    let lists = contact_lists::lists(context.store.reader(), context.user())?;
    if lists.iter().any(|list| list.id == address.as_str()) {
        return Err(Code::CONTACT_LIST_EXISTS.into());
    }
    if lists.len() >= context.quotas(context.user())?.contact_lists {
        return Err(Code::TOO_MANY_CONTACT_LISTS.into());
    }
    Ok(address.as_str().to_owned())
}

/// `DeleteList-Request`: the list, what was granted to it, and the subscriptions that it brought.
pub(crate) fn delete(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let list = targets::own_list(context, required(request, "ContactList")?)?;
    let owner = context.user().to_owned();
    let members = contact_lists::contacts(context.store.reader(), &list)?;
    let watching = presence::list_subscriptions(context.store.reader(), &list)?;
    let was_default = contact_lists::find(context.store.reader(), &owner, &list)?.is_some_and(|l| l.is_default);
    watch::regrant(context, &owner, |context| Ok(contact_lists::delete(context.store.writer()?, &list)?))?;
    for contact in &members {
        unsubscribe(context, &watching, &list, &contact.user)?;
    }
    if was_default && let Some(other) = contact_lists::lists(context.store.reader(), &owner)?.first() {
        contact_lists::set_default(context.store.writer()?, &owner, &other.id)?;
    }
    Ok(success())
}

/// `ListManage-Request`: adds, removes, sets properties, in this order, and reads the list back.
pub(crate) fn manage(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let named = required(request, "ContactList")?;
    if context.caller.form.changes.has(MAKES_LISTS) && targets::own_list(context, named).is_err() {
        let list = new_list(context, named)?;
        make(context, &list)?;
    }
    let list = targets::own_list(context, named)?;
    let mut tally = Tally::default();
    if let Some(contacts) = request.child("AddNickList") {
        add(context, &list, contacts, &mut tally)?;
        if flag(request, "AuthorizeAndGrant") == Some(true) {
            let_write(context, &list, contacts)?;
            let_watch(context, &list, contacts)?;
        }
    }
    if let Some(contacts) = request.child("RemoveNickList") {
        remove(context, &list, contacts, &mut tally)?;
    }
    if let Some(properties) = request.child("ContactListProperties") {
        let properties = read_properties(properties)?;
        // The mark goes by being set on another list, never by being taken away.
        if properties.iter().any(|(name, value)| is_default(name) && value == "F")
            && contact_lists::find(context.store.reader(), context.user(), &list)?.is_some_and(|l| l.is_default)
        {
            return Err(Code::INVALID_CONTACT_LIST_PROPERTY.into());
        }
        let was_quiet = contact_lists::is_quiet(context.store.reader(), &list)?;
        set_properties(context, &list, properties)?;
        if was_quiet && !contact_lists::is_quiet(context.store.reader(), &list)? {
            show_members(context, &list)?;
        }
        tally.done();
    }
    let mut response = Element::new("ListManage-Response").with(tally.outcome().element());
    if context.version() == Version::V1_1 || flag(request, "ReceiveList") == Some(true) {
        let members = contact_lists::contacts(context.store.reader(), &list)?.into_iter().map(contact_element);
        let members = Element::new("NickList").with_all(members);
        // A client of plain text does not read a list without members; it takes one that is not there for empty.
        let is_said = context.caller.form.encoding != Encoding::Pts || !members.children.is_empty();
        response.children.extend(is_said.then_some(members));
        response.children.push(properties_element(context, &list)?);
    }
    Ok(response)
}

/// Adds the `NickName` and `UserID` elements of a request to a list.
fn add(context: &mut Context<'_>, list: &str, contacts: &Element<'_>, tally: &mut Tally) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    let mut added = Vec::new();
    let most = context.quotas(&owner)?.contacts;
    watch::regrant(context, &owner, |context| {
        for child in &contacts.children {
            let Some(id) = user_id(child) else { continue };
            let nickname = child.child_text("Name").map(str::to_owned);
            let outcome = add_one(context, list, most, id.trimmed(), nickname);
            added.extend(tally.note(id, outcome)?.flatten());
        }
        Ok(())
    })?;
    let by = Element::new("UserIDList").with_leaf("UserID", owner);
    for user in &added {
        notification::tell(context, user, "ATCL", Some(by.clone()));
    }
    watch_members(context, list, &added)
}

/// Returns the identity of a contact: that of a `NickName`, where one client has a `User` around it, or the element itself.
fn user_id<'e, 's>(contact: &'e Element<'s>) -> Option<&'e Element<'s>> {
    match contact.name.as_ref() {
        "NickName" => contact.child("UserID").or_else(|| contact.descend(&["User", "UserID"])),
        _ => Some(contact),
    }
}

/// Lets the sessions that subscribe to a list automatically watch users that are on it now.
fn watch_members(context: &mut Context<'_>, list: &str, users: &[String]) -> Result<(), Fault> {
    for (id, attributes) in presence::list_subscriptions(context.store.reader(), list)? {
        let Some(session) = SessionId::read(&id) else { continue };
        let mut new = Vec::new();
        for user in users {
            if !presence::watches_by_name(context.store.reader(), &id, user)? {
                new.push((user.clone(), Some(list.to_owned())));
            }
        }
        watch::subscribe(context, session, &new, &attributes)?;
    }
    Ok(())
}

/// Shows those who watch users for the sake of a list what they missed while it was quiet.
fn show_members(context: &mut Context<'_>, list: &str) -> Result<(), Fault> {
    let brought = presence::brought_by(context.store.reader(), list)?;
    for of_session in brought.chunk_by(|(one, ..), (other, ..)| one == other) {
        let Some(session) = SessionId::read(&of_session[0].0) else { continue };
        let users: Vec<_> = of_session.iter().map(|(_, user, attributes)| (user.clone(), attributes.clone())).collect();
        watch::show_now(context, session, &users)?;
    }
    Ok(())
}

/// Adds one contact to a list that holds `most`, or gives one that is there another name. Returns the user if it is new
/// on the list.
fn add_one(
    context: &mut Context<'_>,
    list: &str,
    most: usize,
    id: &str,
    nickname: Option<String>,
) -> Result<Option<String>, Fault> {
    let user = context.known_user(id)?.as_str().to_owned();
    if nickname.as_ref().is_some_and(|name| name.chars().count() > MOST_TEXT) {
        return Err(Code::INVALID_USER_PROPERTY.into());
    }
    let db = context.store.writer()?;
    let is_new = !contact_lists::contains(db, list, &user)?;
    if is_new && contact_lists::count(db, list)? >= most {
        return Err(Code::TOO_MANY_CONTACTS.into());
    }
    if is_new || nickname.is_some() {
        contact_lists::add(db, list, &Contact { user: user.clone(), nickname })?;
    }
    Ok(is_new.then_some(user))
}

/// Puts the contacts named on the caller's grant list: they may write.
fn let_write(context: &mut Context<'_>, list: &str, contacts: &Element<'_>) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    let most = context.quotas(&owner)?.blocked;
    for contact in &contacts.children {
        let id = contact.child("UserID").unwrap_or(contact);
        let Ok(user) = context.user_id(id.trimmed()) else { continue };
        let db = context.store.writer()?;
        if contact_lists::contains(db, list, user.as_str())?
            && messages::entities(db, &owner, AccessList::Grant)?.len() < most
        {
            let entity = Entity { kind: "UserID".into(), name: user.as_str().to_owned(), group: String::new() };
            messages::add_entity(db, &owner, AccessList::Grant, &entity)?;
        }
    }
    Ok(())
}

/// Lets the contacts named see what the list may see: being on it is not enough for those with an entry of their own.
fn let_watch(context: &mut Context<'_>, list: &str, contacts: &Element<'_>) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    let Some(of_list) = presence::find_grant(context.store.reader(), &owner, Level::List, list)? else { return Ok(()) };
    watch::regrant(context, &owner, |context| {
        for contact in &contacts.children {
            let id = contact.child("UserID").unwrap_or(contact);
            let Ok(user) = context.user_id(id.trimmed()) else { continue };
            let db = context.store.writer()?;
            if let Some(own) = presence::find_grant(db, &owner, Level::User, user.as_str())? {
                let names = Names::read(&own.attributes).with(Names::read(&of_list.attributes));
                presence::grant(db, &owner, Level::User, &AttributeList { attributes: names.column(), ..own })?;
            }
        }
        Ok(())
    })
}

fn remove(context: &mut Context<'_>, list: &str, contacts: &Element<'_>, tally: &mut Tally) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    let watching = presence::list_subscriptions(context.store.reader(), list)?;
    watch::regrant(context, &owner, |context| {
        for element in targets::user_ids(contacts) {
            let outcome = context.user_id(element.trimmed()).map_err(Fault::from).and_then(|user| {
                let was_there = contact_lists::remove(context.store.writer()?, list, user.as_str())?;
                if was_there { Ok(user) } else { Err(Code::UNKNOWN_USER.into()) }
            });
            if let Some(user) = tally.note(&element, outcome)? {
                unsubscribe(context, &watching, list, user.as_str())?;
            }
        }
        Ok(())
    })
}

/// Ends the subscriptions to a user that a list brought; another list that has the user takes its place.
fn unsubscribe(context: &mut Context<'_>, watching: &[(String, String)], list: &str, user: &str) -> Result<(), Fault> {
    for id in watching.iter().map(|(session, _)| session) {
        let Some(session) = SessionId::read(id) else { continue };
        if watch::unsubscribe(context, session, user, Some(list))?
            && let Some((other, attributes)) = presence::covering(context.store.reader(), id, user)?
        {
            watch::subscribe(context, session, &[(user.to_owned(), Some(other))], &attributes)?;
        }
    }
    Ok(())
}

/// Reads properties: 752 where one cannot be.
fn read_properties(element: &Element<'_>) -> Result<Vec<(String, String)>, Fault> {
    let read = |property: &Element<'_>| {
        let (name, value) = (property.child_text("Name")?, property.child_text("Value").unwrap_or_default());
        let is_short = name.chars().count() <= MOST_TEXT && value.chars().count() <= MOST_TEXT;
        let is_switch = is_default(name) || name.eq_ignore_ascii_case("DoNotNotify");
        let value = match boolean(value) {
            Some(on) if is_switch => if on { "T" } else { "F" }.to_owned(),
            None if is_switch => return None,
            _ => value.to_owned(),
        };
        (is_short && !name.is_empty()).then(|| (name.to_owned(), value))
    };
    let properties: Option<Vec<_>> = element.children_named("Property").map(read).collect();
    properties
        .filter(|properties| properties.len() <= MOST_PROPERTIES)
        .ok_or_else(|| Code::INVALID_CONTACT_LIST_PROPERTY.into())
}

fn is_default(name: &str) -> bool {
    name.eq_ignore_ascii_case("Default")
}

fn set_properties(
    context: &mut Context<'_>,
    list: &str,
    properties: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Fault> {
    let owner = context.user().to_owned();
    for (name, value) in properties {
        let db = context.store.writer()?;
        if !is_default(&name) {
            contact_lists::set_property(db, list, &name, &value)?;
        } else if value == "T" {
            contact_lists::set_default(db, &owner, list)?;
        }
    }
    if contact_lists::properties(context.store.reader(), list)?.len() > MOST_PROPERTIES {
        return Err(Code::INVALID_CONTACT_LIST_PROPERTY.into());
    }
    Ok(())
}

fn properties_element(context: &Context<'_>, list: &str) -> Result<Element<'static>, Fault> {
    let db = context.store.reader();
    let is_default = contact_lists::find(db, context.user(), list)?.is_some_and(|list| list.is_default);
    let mut properties = contact_lists::properties(db, list)?;
    properties.push(("Default".into(), if is_default { "T" } else { "F" }.into()));
    Ok(Element::new("ContactListProperties").with_all(
        properties
            .into_iter()
            .map(|(name, value)| Element::new("Property").with_leaf("Name", name).with_leaf("Value", value)),
    ))
}

fn contact_element(contact: Contact) -> Element<'static> {
    match contact.nickname {
        Some(name) => Element::new("NickName").with_leaf("Name", name).with_leaf("UserID", contact.user),
        None => Element::leaf("UserID", contact.user),
    }
}
