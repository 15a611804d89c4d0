//! Members, their roles, and who may not come in (Groups, "Roles" and "Other operations").

use super::properties::tell_own;
use super::{find_as, forget, put_out};
use crate::csp::{Code, Version};
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::service::Context;
use crate::server::service::notification;
use crate::server::service::targets::{self, Tally};
use crate::server::store::groups::{self, Group, Role};

/// `GetGroupMembers-Request`: the members in three classes.
pub(crate) fn get_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, _) = find_as(context, request, Role::Mod)?;
    let members = groups::members(context.store.reader(), &group.id)?;
    let list = |class: Role| {
        let users = members.iter().filter(|(_, role)| *role == class).map(|(user, _)| user);
        user_list(context, users)
    };
    let response = Element::new("GetGroupMembers-Response")
        .with(Element::new("Admin").with(list(Role::Admin)?))
        .with(Element::new("Mod").with(list(Role::Mod)?));
    Ok(match context.version() {
        Version::V1_3 => response.with(list(Role::User)?),
        _ => response.with(Element::new("Users").with(list(Role::User)?)),
    })
}

fn user_list<'u>(context: &Context<'_>, users: impl Iterator<Item = &'u String>) -> Result<Element<'static>, Fault> {
    let users: Result<Vec<_>, Fault> = users.map(|user| targets::user(context, user)).collect();
    Ok(Element::new("UserList").with_all(users?))
}

/// `AddGroupMembers-Request`: new members are of the class User.
pub(crate) fn add_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, _) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for element in named(request) {
        let outcome = user_of(context, &group.id, element).and_then(|user| add_member(context, &group.id, &user));
        tally.note(element, outcome)?;
    }
    finish(context, &group, tally)
}

fn add_member(context: &mut Context<'_>, group: &str, user: &str) -> Result<(), Fault> {
    context.known_user(user)?;
    let most = context.configuration.quotas.group_members;
    let db = context.store.writer()?;
    if groups::role(db, group, user)?.is_some() {
        return Ok(());
    }
    if groups::members(db, group)?.len() >= most {
        return Err(Code::GROUP_FULL.into());
    }
    groups::set_role(db, group, user, Role::User)?;
    tell_member(context, user, "GMG", group);
    tell_own(context, group, user)
}

/// `RemoveGroupMembers-Request`: who is in a restricted group and removed has to leave it.
pub(crate) fn remove_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, own) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for element in named(request) {
        let outcome = user_of(context, &group.id, element).and_then(|user| remove_member(context, &group, own, &user));
        tally.note(element, outcome)?;
    }
    finish(context, &group, tally)
}

/// Returns the `UserID` and `ScreenName` elements of a request or list.
fn named<'e, 's>(list: &'e Element<'s>) -> Vec<&'e Element<'s>> {
    let mut found = Vec::new();
    for child in &list.children {
        match child.name.as_ref() {
            "UserID" | "ScreenName" => found.push(child),
            "User" | "UserIDList" | "UserList" => found.extend(named(child)),
            _ => {}
        }
    }
    found
}

/// Returns the user that an element names by address, or by the screen name under which it is in the group.
fn user_of(context: &Context<'_>, group: &str, element: &Element<'_>) -> Result<String, Fault> {
    let Some(name) = element.child_text("SName") else {
        return Ok(context.user_id(element.trimmed())?.as_str().to_owned());
    };
    let present = groups::joined(context.store.reader(), group)?;
    let named = present.into_iter().find(|joined| joined.goes_by(name));
    Ok(named.ok_or(Code::UNKNOWN_USER)?.user)
}

fn remove_member(context: &mut Context<'_>, group: &Group, own: Role, user: &str) -> Result<(), Fault> {
    let role = groups::role(context.store.reader(), &group.id, user)?;
    let role = match role {
        Some(role) => role,
        None if context.store.has_user(user)? => return Err(Code::NOT_A_MEMBER.into()),
        None => return Err(Code::UNKNOWN_USER.into()),
    };
    may_change(group, own, user, role)?;
    groups::remove_member(context.store.writer()?, &group.id, user)?;
    tell_member(context, user, "GMR", &group.id);
    let access = groups::property(context.store.reader(), &group.id, "AccessType")?;
    if access.as_deref() == Some("Restricted") {
        put_out_user(context, &group.id, user, false)?;
    }
    let present = groups::joined(context.store.reader(), &group.id)?;
    if present.iter().any(|joined| joined.user == user) {
        return tell_own(context, &group.id, user);
    }
    forget(context, &group.id, user)
}

/// The owner cannot be touched, and administrators and moderators by administrators only.
fn may_change(group: &Group, own: Role, user: &str, role: Role) -> Result<(), Fault> {
    if user == group.owner || (own < Role::Admin && role > Role::User) {
        return Err(Code::INSUFFICIENT_PRIVILEGES.into());
    }
    Ok(())
}

/// Takes all sessions of a user out of a group: 809.
fn put_out_user(context: &mut Context<'_>, group: &str, user: &str, is_kick: bool) -> Result<(), Fault> {
    let present = groups::joined(context.store.reader(), group)?;
    for joined in present.iter().filter(|joined| joined.user == user) {
        put_out(context, group, joined, Code::REJECTED, is_kick)?;
    }
    Ok(())
}

/// `MemberAccess-Request`: each list gives the members that it names its class.
pub(crate) fn member_access(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, own) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    let users = request.child("Users").unwrap_or(request);
    let lists = [
        (Role::Admin, request.child("Admin").and_then(|list| list.child("UserList"))),
        (Role::Mod, request.child("Mod").and_then(|list| list.child("UserList"))),
        (Role::User, users.child("UserList")),
    ];
    for (role, list) in lists {
        for element in list.map(named).unwrap_or_default() {
            let outcome =
                user_of(context, &group.id, element).and_then(|user| change_role(context, &group, own, &user, role));
            tally.note(element, outcome)?;
        }
    }
    finish(context, &group, tally)
}

fn change_role(context: &mut Context<'_>, group: &Group, own: Role, user: &str, role: Role) -> Result<(), Fault> {
    context.known_user(user)?;
    let before = groups::role(context.store.reader(), &group.id, user)?.ok_or(Code::NOT_A_MEMBER)?;
    // Moderators change users; of themselves they can make users.
    let resigns = user == context.user() && user != group.owner && role < before;
    if !resigns {
        may_change(group, own, user, before.max(role))?;
    }
    if role == before {
        return Ok(());
    }
    groups::set_role(context.store.writer()?, &group.id, user, role)?;
    tell_member(context, user, "GMAU", &group.id);
    tell_own(context, &group.id, user)
}

/// Answers a change of members, and tells those who look after them (1.3).
fn finish(context: &mut Context<'_>, group: &Group, tally: Tally) -> Result<Element<'static>, Fault> {
    let outcome = tally.outcome();
    if outcome.code.is_success() {
        for (user, role) in groups::members(context.store.reader(), &group.id)? {
            if role >= Role::Mod && user != context.user() {
                tell_member(context, &user, "GMU", &group.id);
            }
        }
    }
    Ok(outcome.status())
}

/// Tells a user what has become of its membership, if it wants to know (1.3).
fn tell_member(context: &mut Context<'_>, user: &str, kind: &'static str, group: &str) {
    notification::tell(context, user, kind, Some(Element::leaf("GroupID", group.to_owned())));
}

/// `RejectList-Request`: who is put on the list and is in the group has to leave it. The answer is the whole list, or
/// `Status` where it is empty or something failed.
pub(crate) fn reject_list(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, own) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for (name, is_rejected) in [("AddList", true), ("RemoveList", false)] {
        for element in request.child(name).map(named).unwrap_or_default() {
            let outcome = user_of(context, &group.id, element)
                .and_then(|user| set_rejected(context, &group, own, &user, is_rejected));
            tally.note(element, outcome)?;
        }
    }
    let rejected = groups::rejected(context.store.reader(), &group.id)?;
    if rejected.is_empty() || !tally.is_clean() {
        return Ok(tally.outcome().status());
    }
    Ok(Element::new("RejectList-Response").with(user_list(context, rejected.iter())?))
}

fn set_rejected(
    context: &mut Context<'_>,
    group: &Group,
    own: Role,
    user: &str,
    is_rejected: bool,
) -> Result<(), Fault> {
    if is_rejected {
        context.known_user(user)?;
    }
    let db = context.store.reader();
    if is_rejected {
        let role = groups::role(db, &group.id, user)?.unwrap_or(Role::User);
        may_change(group, own, user, role)?;
        if groups::rejected(db, &group.id)?.len() >= context.configuration.quotas.group_members {
            return Err(Code::SERVICE_UNAVAILABLE.into());
        }
    }
    groups::set_rejected(context.store.writer()?, &group.id, user, is_rejected)?;
    if is_rejected {
        groups::disinvite(context.store.writer()?, &group.id, user)?;
        put_out_user(context, &group.id, user, true)?;
        forget(context, &group.id, user)?;
    }
    Ok(())
}
