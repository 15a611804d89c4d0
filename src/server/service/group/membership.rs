//! Members, their roles, and who may not come in (Groups, "Roles" and "Other operations").

use super::{find_as, put_out};
use crate::csp::{Code, Version};
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::service::Context;
use crate::server::service::targets::{self, Tally};
use crate::server::store::groups::{self, Group, Role};

/// `GetGroupMembers-Request`: the members in three classes.
pub(crate) fn get_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, _) = find_as(context, request, Role::Mod)?;
    let members = groups::members(context.store.reader(), &group.id)?;
    let list = |class: Role| {
        let users = members.iter().filter(|(_, role)| *role == class).map(|(user, _)| user_element(user));
        Element::new("UserList").with_all(users)
    };
    let response = Element::new("GetGroupMembers-Response")
        .with(Element::new("Admin").with(list(Role::Admin)))
        .with(Element::new("Mod").with(list(Role::Mod)));
    Ok(match context.version() {
        Version::V1_3 => response.with(list(Role::User)),
        _ => response.with(Element::new("Users").with(list(Role::User))),
    })
}

fn user_element(user: &str) -> Element<'static> {
    Element::new("User").with_leaf("UserID", user.to_owned())
}

/// `AddGroupMembers-Request`: new members are of the class User.
pub(crate) fn add_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, _) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for element in targets::user_ids(request) {
        let outcome = context.known_user(element.trimmed()).and_then(|user| {
            let most = context.configuration.quotas.group_members;
            let db = context.store.writer()?;
            if groups::role(db, &group.id, user.as_str())?.is_some() {
                return Ok(());
            }
            if groups::members(db, &group.id)?.len() >= most {
                return Err(Code::GROUP_FULL.into());
            }
            Ok(groups::set_role(db, &group.id, user.as_str(), Role::User)?)
        });
        tally.note(&element, outcome)?;
    }
    Ok(tally.outcome().status())
}

/// `RemoveGroupMembers-Request`: who is in a restricted group and removed has to leave it.
pub(crate) fn remove_members(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, own) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for element in targets::user_ids(request) {
        let outcome = remove_member(context, &group, own, element.trimmed());
        tally.note(&element, outcome)?;
    }
    Ok(tally.outcome().status())
}

fn remove_member(context: &mut Context<'_>, group: &Group, own: Role, id: &str) -> Result<(), Fault> {
    let user = context.user_id(id)?.as_str().to_owned();
    let role = groups::role(context.store.reader(), &group.id, &user)?;
    let role = match role {
        Some(role) => role,
        None if context.store.has_user(&user)? => return Err(Code::NOT_A_MEMBER.into()),
        None => return Err(Code::UNKNOWN_USER.into()),
    };
    may_change(group, own, &user, role)?;
    groups::remove_member(context.store.writer()?, &group.id, &user)?;
    let access = groups::property(context.store.reader(), &group.id, "AccessType")?;
    if access.as_deref() == Some("Restricted") {
        put_out_user(context, &group.id, &user, false)?;
    }
    Ok(())
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
        for element in list.map(targets::user_ids).unwrap_or_default() {
            let outcome = change_role(context, &group, own, element.trimmed(), role);
            tally.note(&element, outcome)?;
        }
    }
    Ok(tally.outcome().status())
}

fn change_role(context: &mut Context<'_>, group: &Group, own: Role, id: &str, role: Role) -> Result<(), Fault> {
    let user = context.known_user(id)?.as_str().to_owned();
    let before = groups::role(context.store.reader(), &group.id, &user)?.ok_or(Code::NOT_A_MEMBER)?;
    may_change(group, own, &user, before.max(role))?;
    Ok(groups::set_role(context.store.writer()?, &group.id, &user, role)?)
}

/// `RejectList-Request`: who is put on the list and is in the group has to leave it. The answer is the whole list, or
/// `Status` where it is empty or something failed.
pub(crate) fn reject_list(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, own) = find_as(context, request, Role::Mod)?;
    let mut tally = Tally::default();
    for (name, is_rejected) in [("AddList", true), ("RemoveList", false)] {
        for element in request.child(name).map(targets::user_ids).unwrap_or_default() {
            let outcome = set_rejected(context, &group, own, element.trimmed(), is_rejected);
            tally.note(&element, outcome)?;
        }
    }
    let rejected = groups::rejected(context.store.reader(), &group.id)?;
    if rejected.is_empty() || !tally.is_clean() {
        return Ok(tally.outcome().status());
    }
    let users = rejected.iter().map(|user| user_element(user));
    Ok(Element::new("RejectList-Response").with(Element::new("UserList").with_all(users)))
}

fn set_rejected(context: &mut Context<'_>, group: &Group, own: Role, id: &str, is_rejected: bool) -> Result<(), Fault> {
    let user = if is_rejected { context.known_user(id)? } else { context.user_id(id)? };
    let db = context.store.reader();
    if is_rejected {
        let role = groups::role(db, &group.id, user.as_str())?.unwrap_or(Role::User);
        may_change(group, own, user.as_str(), role)?;
        if groups::rejected(db, &group.id)?.len() >= context.configuration.quotas.group_members {
            return Err(Code::SERVICE_UNAVAILABLE.into());
        }
    }
    groups::set_rejected(context.store.writer()?, &group.id, user.as_str(), is_rejected)?;
    if is_rejected {
        put_out_user(context, &group.id, user.as_str(), true)?;
    }
    Ok(())
}
