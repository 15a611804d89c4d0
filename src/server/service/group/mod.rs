//! Groups: rooms that many users share (Groups).
//!
//! | file | subject |
//! |---|---|
//! | this | finding a group, who may what, telling those inside |
//! | `joining` | joining and leaving, by will and by force; what begins and ends with a session |
//! | `membership` | members, roles, the reject list |
//! | `properties` | making, changing and deleting groups |
//! | `extended` | conversations of two that more are taken into |
//! | `words` | the properties there are |

mod extended;
mod joining;
mod membership;
mod properties;
mod words;

pub(crate) use extended::extend;
pub(crate) use joining::{
    get_joined_users, join, leave, session_closed, session_opened, subscribe_notice, terms_changed,
};
pub(crate) use membership::{add_members, get_members, member_access, reject_list, remove_members};
pub(crate) use properties::{create, delete, expire, get_properties, set_properties};
pub(crate) use words::read_common;

use super::Context;
use super::targets::{self, screen_name};
use crate::csp::{Code, Outcome, Version};
use crate::document::Element;
use crate::server::fault::{Fault, required};
use crate::server::outbox::Sending;
use crate::server::session::SessionId;
use crate::server::store::groups::{self, Group, Joined, Role};

/// Returns the group that a request names: 516 or 800 where there is none.
fn find(context: &Context<'_>, request: &Element<'_>) -> Result<Group, Fault> {
    targets::group(context, required(request, "GroupID")?)
}

/// Returns the group that a request names if the caller has that role in it: 800 or 816 where not (abuse case C05).
fn find_as(context: &Context<'_>, request: &Element<'_>, least: Role) -> Result<(Group, Role), Fault> {
    let group = find(context, request)?;
    match groups::role(context.store.reader(), &group.id, context.user())? {
        Some(role) if role >= least => Ok((group, role)),
        _ => Err(Code::INSUFFICIENT_PRIVILEGES.into()),
    }
}

/// Returns how the caller's session is in a group.
fn own_place(context: &Context<'_>, group: &str) -> Result<Option<Joined>, Fault> {
    Ok(groups::find_joined(context.store.reader(), group, &context.caller.session.to_string())?)
}

/// Returns whether a property of a group is `T`.
fn is_on(context: &Context<'_>, group: &str, property: &str) -> Result<bool, Fault> {
    Ok(groups::property(context.store.reader(), group, property)?.as_deref() == Some("T"))
}

/// Puts a `GroupChangeNotice` into the outbox of each session in the group that wants them, but not of `except`.
/// `make` makes what has changed, as that viewer may see it.
fn tell(
    context: &mut Context<'_>,
    group: &str,
    except: &str,
    make: impl Fn(&Context<'_>, &Joined, Version) -> Result<Vec<Element<'static>>, Fault>,
) -> Result<(), Fault> {
    for viewer in groups::joined(context.store.reader(), group)? {
        let Some(id) = SessionId::read(&viewer.session) else { continue };
        let Some(session) = context.sessions.get(id) else { continue };
        if viewer.session == except || !viewer.wants_notices || !session.services.has("GRCHN") {
            continue;
        }
        let changes = make(context, &viewer, session.caller.version)?;
        if !changes.is_empty() {
            context.send(id, Sending::notice(notice(group, changes)));
        }
    }
    Ok(())
}

fn notice(group: &str, changes: Vec<Element<'static>>) -> Element<'static> {
    Element::new("GroupChangeNotice").with_leaf("GroupID", group.to_owned()).with_all(changes)
}

/// Takes a session out of a group by force, tells it why and tells the others. `is_kick`: it is put out for what it did.
fn put_out(context: &mut Context<'_>, group: &str, joined: &Joined, code: Code, is_kick: bool) -> Result<(), Fault> {
    take_out(context, group, joined, is_kick)?;
    forget(context, group, &joined.user)?;
    if let Some(session) = SessionId::read(&joined.session) {
        let reason = Element::new("LeaveGroup-Response")
            .with_leaf("GroupID", group.to_owned())
            .with(Outcome::new(code).element());
        context.send(session, Sending::notice(reason));
    }
    Ok(())
}

/// Takes a session out of a group and tells the others, unless its user stays under this name by another session.
fn take_out(context: &mut Context<'_>, group: &str, joined: &Joined, is_kick: bool) -> Result<(), Fault> {
    let db = context.store.writer()?;
    groups::leave(db, group, &joined.session)?;
    let is_other = |other: &Joined| other.user == joined.user;
    let others = groups::joined(db, group)?;
    if others.iter().any(|other| is_other(other) && other.screen_name == joined.screen_name) {
        return Ok(());
    }
    tell(context, group, "", |_, _, version| {
        let name = if is_kick && version == Version::V1_3 { "LeftBlocked" } else { "Left" };
        let list = Element::new("UserList").with(screen_name(&joined.screen_name, group));
        Ok(vec![Element::new(name).with(list)])
    })?;
    if others.is_empty() && is_on(context, group, "AutoDelete")? {
        groups::delete(context.store.writer()?, group)?;
    }
    Ok(())
}

/// Forgets how a user had it in a group that it is neither in nor a member of.
fn forget(context: &mut Context<'_>, group: &str, user: &str) -> Result<(), Fault> {
    let db = context.store.writer()?;
    if !groups::joined(db, group)?.iter().any(|joined| joined.user == user) {
        groups::forget_own_properties(db, group, user)?;
    }
    Ok(())
}

/// Returns joined users as a client of that version reads them: by screen name, with the User-ID where it is shown.
fn user_map(
    context: &Context<'_>,
    group: &str,
    viewer: &str,
    users: &[Joined],
    version: Version,
) -> Result<Element<'static>, Fault> {
    let is_trusted = is_trusted(context, group, viewer)?;
    let usual = is_on(context, group, "ShowID")?;
    let mut seen = Vec::with_capacity(users.len());
    for joined in users {
        let shows = is_trusted || joined.user == viewer || shows_id(context, group, &joined.user, usual)?;
        seen.push((joined, shows));
    }
    Ok(listed(group, &seen, version))
}

/// Returns joined users, each with whether its User-ID is shown. Before 1.2 it never is.
fn listed(group: &str, users: &[(&Joined, bool)], version: Version) -> Element<'static> {
    if version == Version::V1_1 {
        let names = users.iter().map(|(joined, _)| screen_name(&joined.screen_name, group));
        return Element::new("UserList").with_all(names);
    }
    let mapped = users.iter().map(|(joined, shows)| map(joined, *shows));
    Element::new("UserMapList").with(Element::new("UserMapping").with_all(mapped))
}

/// Returns whether a user looks after a group, and so sees who everybody is.
fn is_trusted(context: &Context<'_>, group: &str, user: &str) -> Result<bool, Fault> {
    Ok(groups::role(context.store.reader(), group, user)? >= Some(Role::Mod))
}

fn map(joined: &Joined, shows_id: bool) -> Element<'static> {
    let mapping = Element::new("Mapping").with_leaf("SName", joined.screen_name.clone());
    if shows_id { mapping.with_leaf("UserID", joined.user.clone()) } else { mapping }
}

/// Returns whether everybody in a group sees who a user is: by its own word, else as is usual in the group.
fn shows_id(context: &Context<'_>, group: &str, user: &str, usual: bool) -> Result<bool, Fault> {
    let own = groups::own_property(context.store.reader(), group, user, "ShowID")?;
    Ok(own.map_or(usual, |own| own == "T"))
}
