//! Joining and leaving (Groups, "Join" and "Leave").

use std::collections::BTreeSet;

use super::{find, forget, is_on, is_trusted, listed, map, notice, own_place, shows_id, take_out, tell, user_map};
use crate::csp::{Code, Outcome, Version};
use crate::document::{Element, integer};
use crate::server::fault::{Fault, required, success, unless_refused};
use crate::server::outbox::Sending;
use crate::server::service::Context;
use crate::server::service::targets::{flag, screen_name};
use crate::server::session::Session;
use crate::server::store::groups::{self, Group, Joined, Role};
use crate::server::store::{messages, profiles, tree};

/// Characters of a screen name: more than twice what handsets write.
const MOST_NAME: usize = 100;
/// Groups that one session is in: many more than a handset shows.
const MOST_JOINED: usize = 100;
/// Under this own property, which no client sees, the screen name for the next automatic join is kept.
pub(super) const LAST_NAME: &str = "ScreenName";

/// `JoinGroup-Request`.
pub(crate) fn join(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let name = request.child("ScreenName").and_then(|screen| screen.child_text("SName"));
    match may_join(context, &group) {
        // An answer, not a fault: what the others are told is sent nevertheless.
        Err(fault) if fault.0.code == Code::REJECTED => {
            tell_of_rejected(context, &group.id, name)?;
            return Ok(fault.0.status());
        }
        outcome => outcome?,
    }
    if own_place(context, &group.id)?.is_some() {
        return Err(Code::ALREADY_JOINED.into());
    }
    may_be_in_more(context)?;
    let wants_notices = flag(request, "SubscribeNotification") == Some(true);
    let joined = enter(context, &group.id, name, wants_notices)?;
    if let Some(own) = request.child("OwnProperties") {
        super::properties::set_own(context, &group.id, own)?;
    }
    let (version, user) = (context.version(), context.user().to_owned());
    let mut response = Element::new("JoinGroup-Response");
    if flag(request, "JoinedRequest") == Some(true) {
        let present = by_name(groups::joined(context.store.reader(), &group.id)?);
        let list = user_map(context, &group.id, &user, &present, version)?;
        response.children.push(if version == Version::V1_3 { Element::new("Joined").with(list) } else { list });
    }
    let response = response.with(screen_name(&joined.screen_name, &group.id));
    Ok(response.with_all(group.welcome.as_deref().and_then(tree::read)))
}

/// Tells those in a group that somebody tried to come in who may not (1.3). Only who looks after it learns who.
fn tell_of_rejected(context: &mut Context<'_>, group: &str, name: Option<&str>) -> Result<(), Fault> {
    let user = context.user_id(context.user())?;
    let name: String = name.unwrap_or(user.user()).chars().take(MOST_NAME).collect();
    tell(context, group, "", |context, viewer, version| {
        let list = Element::new("UserList");
        let list = match is_trusted(context, group, &viewer.user)? {
            true => list.with(Element::new("User").with_leaf("UserID", user.as_str().to_owned())),
            false => list.with(screen_name(&name, group)),
        };
        let blocked = Element::new("JoinedBlocked").with(list);
        Ok((version == Version::V1_3).then_some(blocked).into_iter().collect())
    })
}

/// Decides whether the caller's session may be in one more group: 814 where not (abuse case C09).
pub(super) fn may_be_in_more(context: &Context<'_>) -> Result<(), Fault> {
    let session = context.caller.session.to_string();
    if groups::groups_of(context.store.reader(), &session)?.len() >= MOST_JOINED {
        return Err(Code::TOO_MANY_GROUPS_OF_USER.into());
    }
    Ok(())
}

/// Decides whether the caller may join: 809, 816, 803 or 817 where not.
fn may_join(context: &Context<'_>, group: &Group) -> Result<(), Fault> {
    let user = context.user().to_owned();
    let db = context.store.reader();
    if groups::is_rejected(db, &group.id, &user)? {
        return Err(Code::REJECTED.into());
    }
    let role = groups::role(db, &group.id, &user)?;
    let is_member = role.is_some();
    if !is_member && groups::property(db, &group.id, "AccessType")?.as_deref() == Some("Restricted") {
        return Err(Code::INSUFFICIENT_PRIVILEGES.into());
    }
    if !is_member && is_on(context, &group.id, "RequireInvitation")? && !groups::is_invited(db, &group.id, &user)? {
        return Err(Code::GROUP_IS_RESTRICTED.into());
    }
    let least = groups::property(db, &group.id, "MinimumAge")?.and_then(|age| integer(&age)).unwrap_or_default();
    // Members are not older than others; who looks after a group must be able to.
    if role < Some(Role::Mod) && least > age(context, &user)? {
        return Err(Code::GROUP_IS_RESTRICTED.into());
    }
    let present: BTreeSet<String> = groups::joined(db, &group.id)?.into_iter().map(|joined| joined.user).collect();
    let most = groups::property(db, &group.id, "MaxActiveUsers")?.and_then(|most| integer(&most));
    let most = most.map_or(usize::MAX, |most| most as usize).min(context.configuration.quotas.group_members);
    if !present.contains(&user) && present.len() >= most {
        return Err(Code::GROUP_FULL.into());
    }
    Ok(())
}

/// Returns the age that a user's public profile says; nothing there is no age at all.
fn age(context: &Context<'_>, user: &str) -> Result<u32, Fault> {
    let age = profiles::property(context.store.reader(), user, "PP_AGE")?;
    Ok(age.and_then(|age| integer(&age)).unwrap_or_default())
}

/// Puts the caller's session into a group under a name that nobody else has, and tells the others.
pub(super) fn enter(
    context: &mut Context<'_>,
    group: &str,
    name: Option<&str>,
    wants_notices: bool,
) -> Result<Joined, Fault> {
    let user = context.user().to_owned();
    let present = groups::joined(context.store.reader(), group)?;
    let is_taken = |name: &str| present.iter().any(|j| j.user != user && j.goes_by(name));
    let screen_name = match name.filter(|name| !name.is_empty()) {
        Some(name) if name.chars().count() > MOST_NAME => return Err(Fault::bad("SName")),
        Some(name) if is_taken(name) => return Err(Code::SCREEN_NAME_IN_USE.into()),
        Some(name) => name.to_owned(),
        None => make_name(context, is_taken)?,
    };
    let session = context.caller.session.to_string();
    let is_known = present.iter().any(|j| j.user == user && j.screen_name == screen_name);
    let joined = Joined { session, user, screen_name, wants_notices };
    let db = context.store.writer()?;
    groups::join(db, group, &joined)?;
    if groups::role(db, group, &joined.user)?.is_some() {
        groups::set_own_property(db, group, &joined.user, LAST_NAME, &joined.screen_name)?;
    }
    if !is_known {
        let is_known_to_all = shows_id(context, group, &joined.user, is_on(context, group, "ShowID")?)?;
        tell(context, group, &joined.session, |context, viewer, version| {
            let shows = is_known_to_all || viewer.user == joined.user || is_trusted(context, group, &viewer.user)?;
            Ok(vec![Element::new("Joined").with(listed(group, &[(&joined, shows)], version))])
        })?;
    }
    Ok(joined)
}

/// Makes a screen name up from the caller's own: `alice`, `alice2` …
fn make_name(context: &Context<'_>, is_taken: impl Fn(&str) -> bool) -> Result<String, Fault> {
    let address = context.user_id(context.user())?;
    let name = address.user().to_owned();
    let numbered = (2..).map(|number| format!("{name}{number}"));
    // There are fewer users in a group than numbers.
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).ok_or(Code::INTERNAL_ERROR.into())
}

/// Leaves out sessions whose user is there by another one under the same name.
fn by_name(mut joined: Vec<Joined>) -> Vec<Joined> {
    let mut seen = BTreeSet::new();
    joined.retain(|joined| seen.insert((joined.user.clone(), joined.screen_name.clone())));
    joined
}

/// `LeaveGroup-Request`.
pub(crate) fn leave(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let joined = own_place(context, &group.id)?.ok_or(Code::NOT_JOINED)?;
    take_out(context, &group.id, &joined, false)?;
    forget(context, &group.id, &joined.user)?;
    let done = Outcome::new(Code::SUCCESSFUL).element();
    Ok(Element::new("LeaveGroup-Response").with_leaf("GroupID", group.id).with(done))
}

/// `GetJoinedUsers-Request`: with classes and User-IDs for moderators and administrators.
pub(crate) fn get_joined_users(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let db = context.store.reader();
    let role = groups::role(db, &group.id, context.user())?;
    if own_place(context, &group.id)?.is_none() && role < Some(Role::Mod) {
        return Err(Code::NOT_JOINED.into());
    }
    let present = by_name(groups::joined(db, &group.id)?);
    let response = Element::new("GetJoinedUsers-Response");
    let blocked = blocked_present(context, &group.id, &present)?;
    if role < Some(Role::Mod) {
        let list = user_map(context, &group.id, context.user(), &present, context.version())?;
        return Ok(response.with(list).with_all(blocked));
    }
    let mut list = Element::new("AdminMapList");
    for (class, name) in [(Role::Admin, "AdminMapping"), (Role::Mod, "ModMapping"), (Role::User, "UserMapping")] {
        let mut mapping = Element::new(name);
        for joined in &present {
            if groups::role(db, &group.id, &joined.user)?.unwrap_or(Role::User) == class {
                mapping.children.push(map(joined, true));
            }
        }
        list.children.push(mapping);
    }
    Ok(response.with(list).with_all(blocked))
}

/// Returns those present whom the caller has blocked by their screen names (1.3). Whom it has blocked in person may be
/// there under a name that is none of its business.
fn blocked_present(context: &Context<'_>, group: &str, present: &[Joined]) -> Result<Option<Element<'static>>, Fault> {
    let mut list = Element::new("UserList");
    let (db, user) = (context.store.reader(), context.user());
    let reception = messages::reception(db, user)?.unwrap_or_default();
    for joined in present.iter().filter(|joined| joined.user != user) {
        if reception.blocks_screen_name(db, user, &joined.screen_name, group)? {
            list.children.push(screen_name(&joined.screen_name, group));
        }
    }
    let is_due = context.version() == Version::V1_3 && !list.children.is_empty();
    Ok(is_due.then(|| Element::new("JoinedBlocked").with(list)))
}

/// `SubscribeGroupNotice-Request`: gets, sets or unsets whether the session is told of changes.
pub(crate) fn subscribe_notice(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let mut joined = own_place(context, &group.id)?.ok_or(Code::NOT_JOINED)?;
    joined.wants_notices = match required(request, "SubscribeType")?.to_ascii_uppercase().as_str() {
        "G" => {
            let value = if joined.wants_notices { "T" } else { "F" };
            return Ok(Element::new("SubscribeGroupNotice-Response").with_leaf("Value", value));
        }
        subscribe => subscribe == "S",
    };
    groups::join(context.store.writer()?, &group.id, &joined)?;
    Ok(success())
}

/// A client has logged in: it is joined to the groups of which its user wants that, and told by a notice.
pub(crate) fn session_opened(context: &mut Context<'_>) -> Result<(), Fault> {
    let (user, version, session) = (context.user().to_owned(), context.version(), context.caller.session);
    for id in groups::auto_joined(context.store.reader(), &user)? {
        let Some(group) = groups::find(context.store.reader(), &id)? else { continue };
        if unless_refused(may_join(context, &group))?.is_none() {
            continue;
        }
        let name = groups::own_property(context.store.reader(), &id, &user, LAST_NAME)?;
        let joined = match enter(context, &id, name.as_deref(), true) {
            // The name of last time is another's now.
            Err(fault) if fault.0.code == Code::SCREEN_NAME_IN_USE => enter(context, &id, None, true)?,
            outcome => outcome?,
        };
        let list = user_map(context, &id, &user, &[joined], version)?;
        context.send(session, Sending::notice(notice(&id, vec![Element::new("Joined").with(list)])));
    }
    Ok(())
}

/// The services of the caller's session have changed: without groups it is in none.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    if context.session()?.services.has("GroupFeat") {
        return Ok(());
    }
    let session = context.caller.session.to_string();
    leave_all(context, &session)
}

/// A session is over: it leaves every group that it joined. There is nobody left to be told 824.
pub(crate) fn session_closed(context: &mut Context<'_>, session: &Session) -> Result<(), Fault> {
    leave_all(context, &session.caller.session.to_string())
}

fn leave_all(context: &mut Context<'_>, session: &str) -> Result<(), Fault> {
    for group in groups::groups_of(context.store.reader(), session)? {
        if let Some(joined) = groups::find_joined(context.store.reader(), &group, session)? {
            take_out(context, &group, &joined, false)?;
            // Who wants to be in it again at the next login need not be a member.
            let db = context.store.writer()?;
            if groups::own_property(db, &group, &joined.user, "AutoJoin")?.as_deref() == Some("T") {
                groups::set_own_property(db, &group, &joined.user, LAST_NAME, &joined.screen_name)?;
            } else {
                forget(context, &group, &joined.user)?;
            }
        }
    }
    Ok(())
}
