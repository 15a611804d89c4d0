//! Presence: what users are up to, and who may see it.
//!
//! | file | subject |
//! |---|---|
//! | this | own attributes: updating them, reading those of others, what begins and ends with a session |
//! | `authorization` | who may see what: attribute lists, and asking the owner |
//! | `subscription` | who watches whom |

mod authorization;
mod subscription;

pub(crate) use authorization::{
    cancel_authorization, create_attribute_list, delete_attribute_list, get_attribute_list, get_reactive_status,
    presence_auth_user,
};
pub(crate) use subscription::{get_watcher_list, subscribe, unsubscribe};

use super::Context;
use super::targets::{self, Tally};
use crate::csp::{Code, Outcome, ids};
use crate::document::{Content, Element, boolean, to_base64};
use crate::server::fault::{Fault, success};
use crate::server::session::{Caller, Session};
use crate::server::store::presence::{self, Value};
use crate::server::store::tree;
use crate::server::watch::{self, ATTRIBUTES, Attribute, Names};

/// The largest value of one attribute in the store's form: a status picture of twice the 5120 base64 characters that
/// handsets keep to, several times over.
const MOST_VALUE: usize = 64 << 10;

/// `UpdatePresence-Request`: replaces exactly the attributes that it contains (Presence, "Updating").
pub(crate) fn update(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let list = request.child("PresenceSubList").ok_or_else(|| Fault::missing("PresenceSubList"))?;
    let mut changed = Names::default();
    let mut refused: Vec<(Code, String)> = Vec::new();
    for element in &list.children {
        match read_value(context, element) {
            Err(code) => refused.push((code, element.name.to_string())),
            // The server's own view of who is online wins.
            Ok(value) if value.attribute == "OnlineStatus" => {}
            Ok(value) => {
                let user = context.user().to_owned();
                let now = context.now.seconds();
                if presence::set(context.store.writer()?, &user, &value, now)? {
                    changed = changed.with(Names::one(&value.attribute).unwrap_or_default());
                }
            }
        }
    }
    let user = context.user().to_owned();
    watch::tell(context, &user, changed, &[])?;
    match refused.first() {
        None => Ok(success()),
        Some((code, name)) if list.children.len() == 1 => {
            Err(Outcome::new(*code).describe(format!("{name} is not accepted")).into())
        }
        _ => Ok(partly_refused(list.children.len(), &refused).status()),
    }
}

/// Returns the outcome of an update of `all` attributes of which some were refused. A DetailedResult has no element for
/// attributes, so the description names them.
fn partly_refused(all: usize, refused: &[(Code, String)]) -> Outcome {
    let names: Vec<&str> = refused.iter().map(|(_, name)| name.as_str()).collect();
    let mut codes: Vec<Code> = refused.iter().map(|(code, _)| *code).collect();
    codes.sort();
    codes.dedup();
    let top = if refused.len() < all { Code::PARTIALLY_SUCCESSFUL } else { Code::MULTIPLE_ERRORS };
    let details = codes.into_iter().map(|code| crate::csp::Detail { code, items: Vec::new() }).collect();
    Outcome { details, ..Outcome::new(top).describe(format!("not accepted: {}", names.join(", "))) }
}

/// Reads the value of one attribute: 750 where we have no such attribute, 751 where the value cannot be.
fn read_value(context: &Context<'_>, element: &Element<'_>) -> Result<Value, Code> {
    let attribute: &Attribute =
        ATTRIBUTES.iter().find(|attribute| attribute.name == element.name).ok_or(Code::INVALID_PRESENCE_ATTRIBUTE)?;
    let is_truth = matches!(attribute.name, "OnlineStatus" | "Registration");
    let value = element.child_text("PresenceValue").unwrap_or_default();
    if is_truth && !value.is_empty() && boolean(value).is_none() {
        return Err(Code::INVALID_PRESENCE_VALUE);
    }
    let mut kept = element.clone().into_owned();
    as_text(&mut kept);
    if kept.child("Qualifier").is_none() {
        kept.children.insert(0, Element::leaf("Qualifier", "T"));
    }
    let named = ids::client_id(&kept).map(str::to_lowercase);
    let client = match (attribute.is_per_client, named) {
        (false, _) => String::new(),
        (true, None) => {
            kept = with_client(kept, &context.caller);
            context.caller.client.clone()
        }
        (true, Some(client)) if context.sessions.of_client(context.user(), &client).is_some() => client,
        (true, Some(_)) => return Err(Code::INVALID_PRESENCE_VALUE),
    };
    if !attribute.is_per_client {
        kept.children.retain(|child| child.name != "ClientID");
    }
    let element = tree::write(&kept);
    if element.len() > MOST_VALUE {
        return Err(Code::INVALID_PRESENCE_VALUE);
    }
    Ok(Value { attribute: attribute.name.to_owned(), client, element })
}

/// Makes octets text, so that a value reads alike in every syntax: as they are where they are text, else base64.
fn as_text(element: &mut Element<'static>) {
    if let Content::Octets(octets) = &element.content {
        let text = String::from_utf8(octets.to_vec()).unwrap_or_else(|_| to_base64(octets));
        element.content = Content::Text(text.into());
    }
    element.children.iter_mut().for_each(as_text);
}

/// `GetPresence-Request`: the values that the owners grant, now.
pub(crate) fn get(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let asked = asked(request)?;
    let mut tally = Tally::default();
    let owners = named(context, request, &mut tally)?;
    let (watcher, version, now) = (context.user().to_owned(), context.version(), context.now.seconds());
    let mut shown = Vec::new();
    for owner in owners {
        let grant = watch::granted(context, &owner, &watcher)?;
        let names = grant.names.meet(asked);
        let presence = Element::new("Presence").with_leaf("UserID", owner.clone());
        shown.push(if names.is_empty() {
            presence
        } else {
            presence.with(watch::values(context, &owner, names, version)?)
        });
        if owner != watcher {
            presence::remember(context.store.writer()?, &owner, &watcher, false, now)?;
        }
        authorization::ask_owner(context, &owner, asked, &grant)?;
    }
    Ok(Element::new("GetPresence-Response").with(tally.outcome().element()).with_all(shown))
}

/// Returns the users that a request names or whose contact list it names: 400 where it names nobody.
fn named(context: &Context<'_>, request: &Element<'_>, tally: &mut Tally) -> Result<Vec<String>, Fault> {
    let users = targets::users(context, request, tally)?;
    if tally.is_empty() { Err(Fault::missing("UserID or ContactList")) } else { Ok(users) }
}

/// Returns the attributes that a request names; none, or no list, means all. 750 where we have no such attribute.
fn asked(request: &Element<'_>) -> Result<Names, Fault> {
    let list = request.child("PresenceSubList");
    let names = list.map(names).transpose()?.unwrap_or_default();
    Ok(if names.is_empty() { Names::ALL } else { names })
}

/// Returns the attributes of a PresenceSubList.
fn names(list: &Element<'_>) -> Result<Names, Fault> {
    list.children.iter().try_fold(Names::default(), |names, child| match Names::one(&child.name) {
        Some(name) => Ok(names.with(name)),
        None => {
            Err(Outcome::new(Code::INVALID_PRESENCE_ATTRIBUTE).describe(format!("no attribute {}", child.name)).into())
        }
    })
}

/// A client has logged in: it is online, can be written to, and is what it said it is.
pub(crate) fn session_opened(context: &mut Context<'_>) -> Result<(), Fault> {
    let reachable = Element::new("CommC").with_leaf("Cap", "IM").with_leaf("Status", "OPEN");
    let reachable = Element::new("CommCap").with_leaf("Qualifier", "T").with(reachable);
    show_own(context, vec![watch::online_status(true), reachable])?;
    terms_changed(context)
}

/// Sets values of the caller's client in the server's name.
fn show_own(context: &mut Context<'_>, values: Vec<Element<'static>>) -> Result<(), Fault> {
    let caller = context.caller.clone();
    let mut changed = Names::default();
    for value in values {
        let attribute = value.name.to_string();
        changed = changed.with(Names::one(&attribute).unwrap_or_default());
        let element = tree::write(&with_client(value, &caller));
        let value = Value { attribute, client: caller.client.clone(), element };
        presence::set(context.store.writer()?, &caller.user, &value, context.now.seconds())?;
    }
    watch::tell(context, &caller.user, changed, &[])
}

/// Adds the ClientID of a client; one that logged in by ApplicationID has none.
fn with_client(value: Element<'static>, caller: &Caller) -> Element<'static> {
    if caller.client_id.name == "ClientID" { value.with(caller.client_id.clone()) } else { value }
}

/// The capabilities or services of a client are known: it is the kind of client that it says, unless it says more
/// itself, and is asked what its user has to decide.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    authorization::ask_what_is_open(context)?;
    let caller = context.caller.clone();
    let known = presence::values(context.store.reader(), &caller.user)?;
    let says_itself = known.iter().any(|value| value.attribute == "ClientInfo" && value.client == caller.client);
    let Some(client_type) = context.session()?.capabilities.client_type.clone().filter(|_| !says_itself) else {
        return Ok(());
    };
    let info = Element::new("ClientInfo").with_leaf("Qualifier", "T").with_leaf("ClientType", client_type);
    show_own(context, vec![info])
}

/// A session is over: what it watched ends, and of its client nothing is left but that it is gone.
pub(crate) fn session_closed(context: &mut Context<'_>, _: &Session) -> Result<(), Fault> {
    let caller = context.caller.clone();
    let (session, now) = (caller.session.to_string(), context.now.seconds());
    let db = context.store.writer()?;
    for owner in presence::watched(db, &session)? {
        if owner != caller.user {
            presence::remember(db, &owner, &caller.user, true, now)?;
        }
    }
    presence::end_session(db, &session)?;
    presence::forget_watchers(db, now - subscription::HISTORY)?;
    if context.sessions.of_client(&caller.user, &caller.client).is_some() {
        // The same client has logged in again; what it says of itself stays.
        return Ok(());
    }
    let gone = presence::remove_client(context.store.writer()?, &caller.user, &caller.client)?;
    let changed = gone.iter().filter_map(|name| Names::one(name)).fold(Names::default(), Names::with);
    let offline = with_client(watch::online_status(false), &caller);
    let is_online = context.sessions.is_online(&caller.user);
    watch::tell(context, &caller.user, changed, if is_online { std::slice::from_ref(&offline) } else { &[] })
}
