//! Presence: what users are up to, and who may see it.
//!
//! | file | subject |
//! |---|---|
//! | this | own attributes: updating them, reading those of others, what begins and ends with a session |
//! | `authorization` | who may see what: attribute lists, and asking the owner |
//! | `subscription` | who watches whom |
//! | `values` | what can be the value of an attribute |

mod authorization;
mod subscription;
mod values;

pub(crate) use authorization::{
    cancel_authorization, create_attribute_list, delete_attribute_list, get_attribute_list, get_reactive_status,
    presence_auth_user,
};
pub(crate) use subscription::{get_watcher_list, subscribe, unsubscribe};

use std::collections::BTreeSet;

use self::values::with_client;
use super::Context;
use super::targets::{self, Tally};
use crate::codec::Encoding;
use crate::csp::{Code, NEEDS_ALIAS, Outcome};
use crate::document::Element;
use crate::server::configuration::AfterLogout;
use crate::server::fault::{Fault, success};
use crate::server::session::{Accepted, Capabilities, Policy, Session};
use crate::server::store::presence::{self, Value};
use crate::server::store::tree;
use crate::server::watch::{self, ATTRIBUTES, Names, Values};

/// `UpdatePresence-Request`: replaces exactly the attributes that it contains (Presence, "Updating").
pub(crate) fn update(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let list = request.child("PresenceSubList").ok_or_else(|| Fault::missing("PresenceSubList"))?;
    let is_strict = context.configuration.presence.is_strict;
    let caller = context.caller.clone();
    let known = known(list);
    let read =
        known.iter().map(|element| values::read(&caller, element, is_strict).map(|value| complete(context, value)));
    let (changed, refused) = keep(context, &caller.user, read.collect::<Vec<_>>(), &known)?;
    watch::tell(context, &caller.user, changed, &[])?;
    outcome_of(known.len(), &refused)
}

/// Returns the elements of a list that are no vendor's own.
fn known<'e, 's>(list: &'e Element<'s>) -> Vec<&'e Element<'s>> {
    list.children.iter().filter(|element| !values::is_foreign(element)).collect()
}

/// Keeps values of a user that could be read. Returns the attributes that have another value now, and those that were
/// refused.
fn keep(
    context: &mut Context<'_>,
    user: &str,
    read: Vec<Result<Value, Code>>,
    elements: &[&Element<'_>],
) -> Result<(Names, Vec<(Code, String)>), Fault> {
    let now = context.now.milliseconds().try_into().unwrap_or(i64::MAX);
    let mut changed = Names::default();
    let mut refused = Vec::new();
    let mut seen = BTreeSet::new();
    for (value, element) in read.into_iter().zip(elements) {
        match value {
            Err(code) => refused.push((code, element.name.to_string())),
            // The server's own view of who is online wins.
            Ok(value) if value.attribute == "OnlineStatus" => {}
            // Of several the first counts.
            Ok(value) if !seen.insert((value.attribute.clone(), value.client.clone())) => {}
            Ok(value) => {
                if presence::set(context.store.writer()?, user, &value, now)? {
                    changed = changed.with(Names::one(&value.attribute).unwrap_or_default());
                }
            }
        }
    }
    Ok((changed, refused))
}

/// Returns the answer to an update of `all` attributes.
fn outcome_of(all: usize, refused: &[(Code, String)]) -> Result<Element<'static>, Fault> {
    match refused {
        [] => Ok(success()),
        [(code, name)] if all == 1 => Err(Outcome::new(*code).describe(format!("{name} is not accepted")).into()),
        _ => Ok(partly_refused(all, refused).status()),
    }
}

/// What the network knows of a user; watchers are told. Returns the code that says what came of it.
pub(crate) fn update_by_network(context: &mut Context<'_>, user: &str, list: &Element<'_>) -> Result<Code, Fault> {
    let user = context.known_user(user)?.as_str().to_owned();
    let is_strict = context.configuration.presence.is_strict;
    let known = known(list);
    let read = known.iter().map(|element| values::read_of_network(element, is_strict));
    let (changed, refused) = keep(context, &user, read.collect(), &known)?;
    watch::tell(context, &user, changed, &[])?;
    Ok(match &refused[..] {
        [] => Code::SUCCESSFUL,
        all if all.len() == known.len() => all[0].0,
        _ => Code::PARTIALLY_SUCCESSFUL,
    })
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

/// `GetPresence-Request`: the values that the owners grant, now.
pub(crate) fn get(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let asked = asked(request)?;
    let mut tally = Tally::default();
    let owners = named(context, request, &mut tally)?;
    let (watcher, reader) = (context.user().to_owned(), watch::Reader::of(&context.caller));
    let now = context.now.seconds();
    let mut shown = Vec::new();
    for owner in owners {
        let grant = watch::granted(context, &owner, &watcher)?;
        let names = grant.names.meet(asked);
        let list = (!names.is_empty()).then(|| Values::read(context, &owner)).transpose()?;
        let mut list = list.map(|values| values.list(names, reader));
        if context.caller.form.changes.has(NEEDS_ALIAS) {
            watch::name(list.get_or_insert_with(|| Element::new("PresenceSubList")), &owner);
        }
        // Plain text has no empty list, and a client of it wants one in each: there, who grants nothing is left out.
        let is_said = list.is_some() || context.caller.form.encoding != Encoding::Pts;
        shown.extend(is_said.then(|| Element::new("Presence").with_leaf("UserID", owner.clone()).with_all(list)));
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
    if tally.is_empty() { Err(nobody()) } else { Ok(users) }
}

fn nobody() -> Fault {
    Fault::missing("UserID or ContactList")
}

/// Returns the attributes that a request names; none, or no list, means all. 750 where we have no such attribute.
fn asked(request: &Element<'_>) -> Result<Names, Fault> {
    let list = request.child("PresenceSubList");
    let names = list.map(names).transpose()?.unwrap_or_default();
    Ok(if names.is_empty() { Names::ALL } else { names })
}

/// Returns the attributes of a PresenceSubList; vendors' own are skipped.
fn names(list: &Element<'_>) -> Result<Names, Fault> {
    known(list).into_iter().try_fold(Names::default(), |names, child| match Names::one(&child.name) {
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
    let now = context.now.milliseconds().try_into().unwrap_or(i64::MAX);
    let mut changed = Names::default();
    for value in values {
        let attribute = value.name.to_string();
        let element = tree::write(&with_client(value, &caller));
        let value = Value { attribute, client: caller.client.clone(), element };
        if presence::set(context.store.writer()?, &caller.user, &value, now)? {
            changed = changed.with(Names::one(&value.attribute).unwrap_or_default());
        }
    }
    watch::tell(context, &caller.user, changed, &[])
}

/// The capabilities or services of a client are known: its ClientInfo says so, and it is asked what its user has to
/// decide.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    authorization::ask_what_is_open(context)?;
    let caller = context.caller.clone();
    let own = presence::value(context.store.reader(), &caller.user, "ClientInfo", &caller.client)?;
    let mut info =
        own.as_deref().and_then(tree::read).unwrap_or_else(|| Element::new("ClientInfo").with_leaf("Qualifier", "T"));
    // What the client can do was said anew.
    info.children
        .retain(|child| !["ClientContentLimit", "ClientIMPriority", "ClientID"].contains(&child.name.as_ref()));
    let capabilities = &context.session()?.capabilities;
    let is_negotiated = *capabilities != Capabilities::default();
    complete_info(&mut info, capabilities);
    if is_negotiated || own.is_some() { show_own(context, vec![info]) } else { Ok(()) }
}

/// Adds to a value what the server knows of the caller's client and the client did not say.
fn complete(context: &Context<'_>, value: Value) -> Value {
    let session = context.sessions.get(context.caller.session).filter(|_| value.attribute == "ClientInfo");
    let Some((session, mut info)) = session.zip(tree::read(&value.element)) else { return value };
    complete_info(&mut info, &session.capabilities);
    Value { element: tree::write(&info), ..value }
}

/// Adds the kind of client, its language and the public form of its capabilities (Presence, "Attributes").
fn complete_info(info: &mut Element<'static>, capabilities: &Capabilities) {
    let mut known = vec![];
    known.extend(capabilities.client_type.clone().map(|kind| Element::leaf("ClientType", kind)));
    known.extend(capabilities.language.clone().map(|language| Element::leaf("Language", language)));
    let limit = content_limit(capabilities);
    known.extend(Some(limit).filter(|limit| !limit.children.is_empty()));
    let priority = capabilities.session_priority;
    known.extend((priority > 0).then(|| Element::leaf("ClientIMPriority", priority.to_string())));
    info.children.extend(known.into_iter().filter(|child| info.child(&child.name).is_none()).collect::<Vec<_>>());
}

/// Returns what a client takes, for those who write to it.
fn content_limit(capabilities: &Capabilities) -> Element<'static> {
    let number = |name: &'static str, number: Option<u32>| number.map(|number| Element::leaf(name, number.to_string()));
    let mut limit = Element::new("ClientContentLimit");
    if capabilities.any_content {
        limit = limit.with_leaf("AnyContent", "T");
    } else {
        let types = capabilities.content_types.iter().take(TYPES_SHOWN);
        let accepted = |content: &Accepted| {
            let has_policy = content.policy != Policy::None;
            Element::new("AcceptedContentType")
                .with_leaf("ContentType", content.name.clone())
                .with_all(number("AcceptedRichContentLength", content.most))
                .with_all(has_policy.then(|| Element::leaf("ContentPolicy", content.policy.as_str())))
                .with_all(number("ContentPolicyLimit", content.limit.filter(|_| has_policy)))
        };
        limit = limit.with_all(types.map(accepted));
    }
    limit
        .with_all(number("AcceptedTextContentLength", capabilities.text_length))
        .with_all(number("MaxPullLength", capabilities.pull_length))
        .with_all(number("MaxPushLength", capabilities.push_length))
}

/// Content types that a ClientContentLimit names: watchers have small parsers.
const TYPES_SHOWN: usize = 20;

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
    let is_online = context.sessions.is_online(&caller.user);
    let db = context.store.writer()?;
    let gone = presence::remove_client(db, &caller.user, &caller.client)?;
    let mut changed = gone.iter().filter_map(|name| Names::one(name)).fold(Names::default(), Names::with);
    if !is_online && context.configuration.presence.after_logout == AfterLogout::Alias {
        for attribute in ATTRIBUTES.iter().filter(|attribute| !attribute.is_per_client && attribute.name != "Alias") {
            if presence::remove_value(db, &caller.user, attribute.name, "")? {
                changed = changed.with(Names::one(attribute.name).unwrap_or_default());
            }
        }
    }
    let offline = with_client(watch::online_status(false), &caller);
    watch::tell(context, &caller.user, changed, if is_online { std::slice::from_ref(&offline) } else { &[] })
}
