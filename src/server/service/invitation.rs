//! Invitations (CSP transactions, F12 to F14): to a group, to messages, to presence, to content.
//!
//! ```text
//! inviter   Invite-Request ──> copies, one each user ──> InviteUser-Request    invited
//!           Invite-Response <── the copy is settled <── InviteUser-Response
//!           CancelInvite-Request ──> the copies are void ──> CancelInviteUser-Request
//! ```
//!
//! A copy is kept until it is answered, cancelled or void, so that users who are away are invited when they come.

use std::collections::BTreeSet;

use super::targets::{self, Tally, flag};
use super::{Context, im, notification};
use crate::csp::{Address, Code, Version};
use crate::document::{Element, integer};
use crate::server::fault::{Fault, required, success};
use crate::server::outbox::Sending;
use crate::server::store::groups::{self, Role};
use crate::server::store::invitations::{self, Invitation};
use crate::server::store::{messages, tree};

/// How long an invitation stands where its sender does not say, in seconds: a day.
const USUAL_VALIDITY: u32 = 86_400;
/// How long an invitation stands at the most: a week.
const MOST_VALIDITY: u32 = 7 * 86_400;
/// Invitations that one user has open; more are refused with 503 (abuse case C09).
const MOST_OPEN: usize = 200;
/// Octets of an InviteID and of a note: more than twice what handsets write.
const MOST_ID: usize = 200;
const MOST_NOTE: usize = 1000;

/// What of an invitation goes on to those invited.
const PASSED_ON: [&str; 7] =
    ["ApplicationID", "GroupID", "PresenceSubList", "URLList", "InviteNote", "ScreenName", "Validity"];

/// `Invite-Request`.
pub(crate) fn invite(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = identifier(request)?.to_owned();
    let sender = sender(context, request)?;
    check_kind(context, request)?;
    let recipient = request.child("Recipient").ok_or_else(|| Fault::missing("Recipient"))?;
    let (inviter, now) = (context.user().to_owned(), context.now.seconds());
    let db = context.store.writer()?;
    invitations::forget_old(db, now)?;
    if !invitations::of_inviter(db, &inviter, &id)?.is_empty() {
        return Err(Code::INVALID_INVITATION_ID.into());
    }
    let mut tally = Tally::default();
    let invited = invited(context, recipient, &sender, &mut tally)?;
    if invitations::count(context.store.reader(), &inviter)? + invited.len() > MOST_OPEN {
        return Err(Code::SERVICE_UNAVAILABLE.into());
    }
    let validity = request.child_text("Validity").and_then(integer).unwrap_or(USUAL_VALIDITY).min(MOST_VALIDITY);
    for user in invited {
        let named = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", user.clone()));
        let copy = Element::new("InviteUser-Request")
            .with_leaf("InviteID", id.clone())
            .with_leaf("InviteType", required(request, "InviteType")?.to_ascii_uppercase())
            .with(sender.clone())
            .with(named)
            .with_all(passed_on(request));
        let invitation = Invitation {
            inviter: inviter.clone(),
            id: id.clone(),
            recipient: user.clone(),
            request: tree::write(&copy),
            expires: now + i64::from(validity),
        };
        invitations::add(context.store.writer()?, &invitation)?;
        send_to(context, &user, &copy);
    }
    Ok(tally.outcome().status())
}

fn identifier<'e>(request: &'e Element<'_>) -> Result<&'e str, Fault> {
    let id = required(request, "InviteID")?;
    if id.len() > MOST_ID || request.child_text("InviteNote").is_some_and(|note| note.len() > MOST_NOTE) {
        return Err(Fault::bad("InviteID or InviteNote"));
    }
    Ok(id)
}

/// Returns the Sender to show: in 1.1 and 1.2 a screen name stands beside it.
fn sender(context: &Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let named = request.child("ScreenName").filter(|_| request.child("Sender").is_none());
    let named = named.map(|name| {
        let group = Element::new("Group").with(name.clone().into_owned());
        Element::new("Sender").with(group)
    });
    im::sender(context, named.as_ref().or(request.child("Sender")))
}

/// Checks what the type of an invitation needs: a group that the caller is in, an application, addresses.
fn check_kind(context: &Context<'_>, request: &Element<'_>) -> Result<(), Fault> {
    let has = |name: &str| request.child(name).is_some_and(|child| !child.is_empty());
    match required(request, "InviteType")?.to_ascii_uppercase().as_str() {
        "GR" | "GM" => {
            let text = request.child_text("GroupID").filter(|text| !text.is_empty()).ok_or(Code::INVALID_GROUP_ID)?;
            let id = Address::group_id(text, &context.configuration.domain).map_err(|_| Code::UNKNOWN_GROUP)?;
            let db = context.store.reader();
            groups::find(db, id.as_str())?.ok_or(Code::UNKNOWN_GROUP)?;
            let session = context.caller.session.to_string();
            groups::find_joined(db, id.as_str(), &session)?.ok_or(Code::NOT_JOINED)?;
        }
        "AP" if !has("ApplicationID") => return Err(Code::INVALID_APPLICATION_ID.into()),
        "SC" if !has("URLList") => return Err(Fault::missing("URLList")),
        _ => {}
    }
    Ok(())
}

/// Returns the users that are invited, each once: those named, the members of own contact lists, and for a group its
/// joined administrators and moderators. Those who take no invitations of the caller are noted with 532.
fn invited(
    context: &Context<'_>,
    recipient: &Element<'_>,
    sender: &Element<'_>,
    tally: &mut Tally,
) -> Result<Vec<String>, Fault> {
    let db = context.store.reader();
    let screen = sender.descend(&["Group", "ScreenName"]);
    let screen = screen.and_then(|name| name.child_text("SName").zip(name.child_text("GroupID")));
    let accepts = |user: &str| -> Result<bool, Fault> { Ok(messages::accepts(db, user, context.user(), screen)?) };
    let mut users = BTreeSet::new();
    for element in targets::user_ids(recipient) {
        let outcome = context.known_user(element.trimmed()).and_then(|address| {
            let is_welcome = accepts(address.as_str())?;
            is_welcome.then_some(address).ok_or_else(|| Code::BLOCKED.into())
        });
        users.extend(tally.note(&element, outcome)?.map(|address| address.as_str().to_owned()));
    }
    let lists = Element::new("Recipient").with_all(targets::contact_lists(recipient));
    let groups = recipient.children_named("Group").filter_map(|group| group.child("GroupID"));
    let mut others = if lists.is_empty() { Vec::new() } else { targets::users(context, &lists, tally)? };
    for element in groups {
        let moderators = moderators(context, element.trimmed());
        others.extend(tally.note(element, moderators)?.unwrap_or_default());
    }
    for user in others {
        if accepts(&user)? {
            users.insert(user);
        }
    }
    Ok(users.into_iter().collect())
}

/// Returns the users that are in a group and may decide on its members.
fn moderators(context: &Context<'_>, group: &str) -> Result<Vec<String>, Fault> {
    let db = context.store.reader();
    let group = Address::group_id(group, &context.configuration.domain).map_err(|_| Code::UNKNOWN_GROUP)?;
    let group = groups::find(db, group.as_str())?.ok_or(Code::UNKNOWN_GROUP)?;
    let joined: BTreeSet<_> = groups::joined(db, &group.id)?.into_iter().map(|joined| joined.user).collect();
    let members = groups::members(db, &group.id)?.into_iter();
    Ok(members.filter(|(user, role)| *role >= Role::Mod && joined.contains(user)).map(|(user, _)| user).collect())
}

fn passed_on(request: &Element<'_>) -> impl Iterator<Item = Element<'static>> {
    let children = request.children.iter().filter(|child| PASSED_ON.contains(&child.name.as_ref()));
    children.map(|child| child.clone().into_owned())
}

/// Puts a request into the outboxes of those sessions of a user that agreed to invitations.
fn send_to(context: &mut Context<'_>, user: &str, request: &Element<'static>) {
    context.send_to(user, |session| session.services.has("INVIT").then(|| Sending::notice(request.clone())));
}

/// The caller's session has agreed to invitations: it is told once of those that wait.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    let (id, now) = (context.caller.session, context.now.seconds());
    let session = context.session()?;
    if session.knows_invitations || !session.services.has("INVIT") {
        return Ok(());
    }
    session.knows_invitations = true;
    for invitation in invitations::of_recipient(context.store.reader(), context.user())? {
        if let Some(request) = tree::read(&invitation.request).filter(|_| invitation.expires > now) {
            context.send(id, Sending::notice(request));
        }
    }
    Ok(())
}

/// `InviteUser-Response`: the invited user accepts or declines.
pub(crate) fn answer(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = identifier(request)?;
    let accepts = flag(request, "Acceptance").ok_or_else(|| Fault::missing("Acceptance"))?;
    let sender = sender(context, request)?;
    let now = context.now.seconds();
    let meant = request.descend(&["Recipient", "User", "UserID"]);
    let meant = meant.map(|id| context.user_id(id.trimmed())).transpose()?;
    let open = invitations::of_recipient(context.store.reader(), context.user())?;
    let invitation = open.into_iter().find(|open| {
        let is_meant = meant.as_ref().is_none_or(|inviter| inviter.as_str() == open.inviter);
        open.id == id && open.expires > now && is_meant
    });
    let invitation = invitation.ok_or(Code::INVALID_INVITATION_ID)?;
    invitations::remove(context.store.writer()?, &invitation)?;
    if accepts {
        open_group(context, &invitation)?;
    }
    let note = ["ResponseNote", "InviteNote"].iter().find_map(|name| request.child_text(name));
    let note = note.unwrap_or_default().chars().take(MOST_NOTE).collect::<String>();
    let to = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", invitation.inviter.clone()));
    let told = Element::new("Invite-Response")
        .with_leaf("InviteID", id.to_owned())
        .with_leaf("Acceptance", if accepts { "T" } else { "F" })
        .with(sender)
        .with(to);
    context.send_to(&invitation.inviter, |session| {
        let name = if session.caller.version == Version::V1_3 { "InviteNote" } else { "ResponseNote" };
        let note = Some(Element::leaf(name, note.clone())).filter(|_| !note.is_empty());
        session.services.has("INVIT").then(|| Sending::notice(told.clone().with_all(note)))
    });
    tell_others(context, if accepts { "IA" } else { "IR" }, id);
    Ok(success())
}

/// Lets a user who accepted an invitation to a group in where one must be invited.
fn open_group(context: &mut Context<'_>, invitation: &Invitation) -> Result<(), Fault> {
    let Some(request) = tree::read(&invitation.request) else { return Ok(()) };
    let group = request.child_text("GroupID").filter(|_| request.child_text("InviteType") == Some("GR"));
    let Some(group) = group.and_then(|id| Address::group_id(id, &context.configuration.domain).ok()) else {
        return Ok(());
    };
    if groups::find(context.store.reader(), group.as_str())?.is_some() {
        groups::invite(context.store.writer()?, group.as_str(), &invitation.recipient)?;
    }
    Ok(())
}

/// Tells the caller's other sessions what became of an invitation.
fn tell_others(context: &mut Context<'_>, kind: &'static str, id: &str) {
    let user = context.user().to_owned();
    notification::tell(context, &user, kind, Some(Element::leaf("InviteID", id.to_owned())));
}

/// `CancelInvite-Request`: for those named, or for all.
pub(crate) fn cancel(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = identifier(request)?;
    let sender = sender(context, request)?;
    let (inviter, now) = (context.user().to_owned(), context.now.seconds());
    let mut tally = Tally::default();
    let named = match request.child("Recipient") {
        Some(recipient) => Some(targets::users(context, recipient, &mut tally)?),
        None => None,
    };
    let mut open = invitations::of_inviter(context.store.reader(), &inviter, id)?;
    open.retain(|open| open.expires > now && named.as_ref().is_none_or(|named| named.contains(&open.recipient)));
    if open.is_empty() {
        return Err(Code::INVALID_INVITATION_ID.into());
    }
    for invitation in open {
        invitations::remove(context.store.writer()?, &invitation)?;
        let to = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", invitation.recipient.clone()));
        let told = Element::new("CancelInviteUser-Request")
            .with_leaf("InviteID", id.to_owned())
            .with(sender.clone())
            .with(to)
            .with_all(passed_on(request));
        context.send_to(&invitation.recipient, |session| {
            session.services.has("CAINV").then(|| Sending::notice(told.clone()))
        });
    }
    tell_others(context, "IC", id);
    if named.is_none() {
        tally.done();
    }
    Ok(tally.outcome().status())
}
