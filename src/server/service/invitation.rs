//! Invitations (CSP transactions, F12 to F14): to a group, to messages, to presence, to content.
//!
//! ```text
//! inviter   Invite-Request ──> copies, one each user ──> InviteUser-Request    invited
//!           Invite-Response <── the copy is settled <── InviteUser-Response
//!           CancelInvite-Request ──> the copies are void ──> CancelInviteUser-Request
//! ```
//!
//! A copy is kept until it is answered, cancelled or void, so that users who are away are invited when they come. An
//! answer is kept until the inviter's client has it. Accepting does nothing by itself, but that it opens the group to
//! which one was invited: joining is a request of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::targets::{self, Tally, flag};
use super::{Context, im, notification};
use crate::csp::{Address, Code, Version};
use crate::document::{Content, Element, integer};
use crate::server::fault::{Fault, required, success, unless_refused};
use crate::server::outbox::{Purpose, Sending};
use crate::server::session::Session;
use crate::server::store::groups::{self, Role};
use crate::server::store::invitations::{self, Answer, Invitation};
use crate::server::store::{contact_lists, messages, tree};
use crate::server::{Timestamp, post};

/// How long an invitation stands where its sender does not say, in seconds: a day.
const USUAL_VALIDITY: u32 = 86_400;
/// How long an invitation stands at the most: a week.
const MOST_VALIDITY: u32 = 7 * 86_400;
/// Invitations that one user has open; more are refused with 503 (abuse case C09).
const MOST_OPEN: usize = 200;
/// Invitations that wait for one user; more are refused with 507 (abuse case C09).
const MOST_WAITING: usize = 200;
/// How long an answer waits for an inviter that is away, in seconds: a week.
const ANSWER_LIFE: i64 = 7 * 86_400;
/// Answers that wait for one user: as many as it can have asked for. Further ones are lost.
const MOST_ANSWERS: usize = MOST_OPEN;
/// Octets of an invitation in the store's form: a note, some URLs, a list of attributes.
const MOST_STORED: usize = 8 << 10;
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
    let recipient = request.child("Recipient").ok_or_else(|| Fault::missing("Recipient"))?;
    if recipient.children.is_empty() {
        return Err(Fault::missing("User, Group or ContactList"));
    }
    check_kind(context, request, recipient)?;
    let (inviter, now) = (context.user().to_owned(), context.now.seconds());
    let db = context.store.writer()?;
    invitations::forget_old(db, now)?;
    if !invitations::of_inviter(db, &inviter, &id)?.is_empty() {
        return Err(Code::INVALID_INVITATION_ID.into());
    }
    let mut tally = Tally::default();
    let invited = invited(context, recipient, &sender, &mut tally)?;
    may_open(context, invited.len())?;
    let validity = request.child_text("Validity").and_then(integer).unwrap_or(USUAL_VALIDITY).min(MOST_VALIDITY);
    let asked = Element::new("InviteUser-Request")
        .with_leaf("InviteID", id.clone())
        .with_leaf("InviteType", required(request, "InviteType")?.to_ascii_uppercase())
        .with(sender)
        .with_all(passed_on(request, &context.configuration.domain));
    if tree::write(&asked).len() > MOST_STORED {
        return Err(Fault::bad("URLList or PresenceSubList"));
    }
    let expires = now + i64::from(validity);
    for user in invited {
        open(context, asked.clone(), user, expires)?;
    }
    Ok(tally.outcome().status())
}

/// Decides whether the caller may have so many more invitations open: 503 where not (abuse case C09).
pub(crate) fn may_open(context: &Context<'_>, more: usize) -> Result<(), Fault> {
    if invitations::count(context.store.reader(), context.user())? + more > MOST_OPEN {
        return Err(Code::SERVICE_UNAVAILABLE.into());
    }
    Ok(())
}

/// Opens an invitation of the caller to one user: keeps its copy and sends it. `asked` lacks only the Recipient.
pub(crate) fn open(
    context: &mut Context<'_>,
    asked: Element<'static>,
    user: String,
    expires: i64,
) -> Result<(), Fault> {
    let named = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", user.clone()));
    let copy = Arc::new(asked.with(named));
    let invitation = Invitation {
        inviter: context.user().to_owned(),
        id: copy.child_text("InviteID").unwrap_or_default().to_owned(),
        recipient: user,
        request: tree::write(&copy),
        expires,
    };
    invitations::add(context.store.writer()?, &invitation)?;
    context.send_to(&invitation.recipient, |session| as_asked(session, &copy, &invitation));
    Ok(())
}

/// Returns an invitation for a session that agreed to invitations and whose version has its type. Before 1.3 an
/// extended conversation is the group that it is.
fn as_asked(session: &Session, copy: &Arc<Element<'static>>, invitation: &Invitation) -> Option<Sending> {
    let version = session.caller.version;
    if !session.services.has("INVIT") {
        return None;
    }
    let mut copy = copy.clone();
    match copy.child_text("InviteType")? {
        "EC" | "EG" if version < Version::V1_3 => {
            let kinds = Arc::make_mut(&mut copy).children.iter_mut().filter(|child| child.name == "InviteType");
            kinds.for_each(|kind| *kind = Element::leaf("InviteType", "GR"));
        }
        "AP" if version < Version::V1_3 => return None,
        "GM" if version < Version::V1_2 => return None,
        _ => {}
    }
    let expires = Some(Timestamp::from_seconds(u64::try_from(invitation.expires).unwrap_or_default()));
    Some(Sending { primitive: copy, purpose: Purpose::Invitation(invitation.name()), expires })
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

/// Checks what the type of an invitation needs: a group that the caller is in, an application, addresses. Who asks a
/// group for membership is not in it yet.
fn check_kind(context: &mut Context<'_>, request: &Element<'_>, recipient: &Element<'_>) -> Result<(), Fault> {
    let has = |name: &str| request.child(name).is_some_and(|child| !child.is_empty());
    let kind = required(request, "InviteType")?.to_ascii_uppercase();
    match kind.as_str() {
        "GR" | "GM" | "EC" | "EG" => {
            if kind.starts_with('E') && !context.session()?.services.has("EXCON") {
                return Err(Code::SERVICE_NOT_AGREED.into());
            }
            let text = request.child_text("GroupID").filter(|text| !text.is_empty()).ok_or(Code::INVALID_GROUP_ID)?;
            let group = targets::group(context, text)?;
            let asked = recipient.children_named("Group").filter_map(|group| group.child_text("GroupID"));
            for id in asked.filter(|_| kind == "GM") {
                if unless_refused(targets::group(context, id))?.is_some_and(|other| other.id == group.id) {
                    return Ok(());
                }
            }
            targets::joined_group(context, text)?;
        }
        "AP" if !has("ApplicationID") => return Err(Code::INVALID_APPLICATION_ID.into()),
        "SC" if !has("URLList") => return Err(Fault::missing("URLList")),
        _ => {}
    }
    Ok(())
}

/// Returns the users that are invited, each once: those named, the members of own contact lists, and for a group its
/// joined administrators and moderators. Those who take no invitations of the caller are noted with 532. The
/// caller goes by the screen name of `sender`, if it has one.
pub(crate) fn invited(
    context: &Context<'_>,
    recipient: &Element<'_>,
    sender: &Element<'_>,
    tally: &mut Tally,
) -> Result<Vec<String>, Fault> {
    let screen = sender.descend(&["Group", "ScreenName"]);
    let screen = screen.and_then(|name| name.child_text("SName").zip(name.child_text("GroupID")));
    let mut users = BTreeSet::new();
    for element in targets::user_ids(recipient) {
        let outcome = context.known_user(element.trimmed()).and_then(|address| {
            may_invite(context, address.as_str(), screen)?;
            Ok(address)
        });
        users.extend(tally.note(&element, outcome)?.map(|address| address.as_str().to_owned()));
    }
    for element in targets::contact_lists(recipient) {
        let list = tally.note(&element, targets::own_list(context, element.trimmed()))?;
        let members = list.map(|list| contact_lists::contacts(context.store.reader(), &list)).transpose()?;
        for contact in members.unwrap_or_default() {
            match may_invite(context, &contact.user, screen) {
                Ok(()) => drop(users.insert(contact.user)),
                outcome => drop(tally.note(&Element::leaf("UserID", contact.user), outcome)?),
            }
        }
    }
    for element in recipient.children_named("Group").filter_map(|group| group.child("GroupID")) {
        let moderators = moderators(context, element.trimmed());
        for user in tally.note(element, moderators)?.unwrap_or_default() {
            // Who looks after a group is not told to those outside, nor whom they block.
            if unless_refused(may_invite(context, &user, screen))?.is_some() {
                users.insert(user);
            }
        }
    }
    Ok(users.into_iter().collect())
}

/// Decides whether a user takes an invitation of the caller: 531, 532 or 507 where not.
fn may_invite(context: &Context<'_>, user: &str, screen: Option<(&str, &str)>) -> Result<(), Fault> {
    let db = context.store.reader();
    let reception = messages::reception(db, user)?.ok_or(Code::UNKNOWN_USER)?;
    if !reception.accepts(db, user, &super::im::writer(context, screen))? {
        return Err(Code::BLOCKED.into());
    }
    if invitations::count_waiting(db, user)? >= MOST_WAITING {
        return Err(Code::QUEUE_FULL.into());
    }
    Ok(())
}

/// Returns the users that are in a group and may decide on its members: 404 where there are none.
fn moderators(context: &Context<'_>, group: &str) -> Result<Vec<String>, Fault> {
    let group = targets::group(context, group)?;
    let db = context.store.reader();
    let joined: BTreeSet<_> = groups::joined(db, &group.id)?.into_iter().map(|joined| joined.user).collect();
    let members = groups::members(db, &group.id)?.into_iter();
    let present = members.filter(|(user, role)| *role >= Role::Mod && joined.contains(user));
    let users: Vec<_> = present.map(|(user, _)| user).filter(|user| user != context.user()).collect();
    if users.is_empty() { Err(Code::NOT_FOUND.into()) } else { Ok(users) }
}

/// Groups are named in full, as everywhere else: an address without a domain may mean another group to who reads it.
fn passed_on(request: &Element<'_>, home: &str) -> impl Iterator<Item = Element<'static>> {
    let children = request.children.iter().filter(|child| PASSED_ON.contains(&child.name.as_ref()));
    children.map(move |child| {
        let mut child = child.clone().into_owned();
        name_in_full(&mut child, home);
        child
    })
}

fn name_in_full(element: &mut Element<'static>, home: &str) {
    if element.name == "GroupID"
        && let Ok(address) = Address::group_id(element.trimmed(), home)
    {
        element.content = Content::Text(address.as_str().to_owned().into());
    }
    element.children.iter_mut().for_each(|child| name_in_full(child, home));
}

/// The caller's session has agreed to invitations: it is told once of those that wait, and of answers.
pub(crate) fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    let (id, now) = (context.caller.session, context.now.seconds());
    let session = context.session()?;
    if session.knows_invitations || !session.services.has("INVIT") {
        return Ok(());
    }
    session.knows_invitations = true;
    let waiting = invitations::of_recipient(context.store.reader(), context.user())?;
    let answers = invitations::answers(context.store.reader(), context.user())?;
    let Some(session) = context.sessions.get(id) else { return Ok(()) };
    let asked = waiting.iter().filter(|invitation| invitation.expires > now);
    let asked = asked.filter_map(|invitation| as_asked(session, &tree::read(&invitation.request)?.into(), invitation));
    let answered = answers.iter().filter(|answer| answer.expires > now).filter_map(|kept| as_answered(session, kept));
    let sends: Vec<_> = asked.chain(answered).collect();
    sends.into_iter().for_each(|sending| context.send(id, sending));
    Ok(())
}

/// Returns an answer for a session that agreed to invitations: the note has another name before 1.3.
fn as_answered(session: &Session, kept: &Answer) -> Option<Sending> {
    if !session.services.has("INVIT") {
        return None;
    }
    let mut answer = tree::read(&kept.answer)?;
    if session.caller.version < Version::V1_3 {
        for note in answer.children.iter_mut().filter(|child| child.name == "InviteNote") {
            note.name = "ResponseNote".into();
        }
    }
    let purpose = Purpose::Answer(kept.id.clone());
    Some(Sending { primitive: answer.into(), purpose, expires: None })
}

/// A client of the inviter has an answer.
pub(crate) fn acknowledged(context: &mut Context<'_>, id: &str) -> Result<(), Fault> {
    let user = context.user().to_owned();
    invitations::remove_answer(context.store.writer()?, &user, id)?;
    post::withdraw(context, &user, id);
    Ok(())
}

/// Time has passed: what is void is forgotten.
pub(crate) fn expire(context: &mut Context<'_>) -> Result<(), Fault> {
    let now = context.now.seconds();
    Ok(invitations::forget_old(context.store.writer()?, now)?)
}

/// `InviteUser-Response`: the invited user accepts or declines.
pub(crate) fn answer(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = identifier(request)?;
    let accepts = flag(request, "Acceptance").ok_or_else(|| Fault::missing("Acceptance"))?;
    let sender = im::sender(context, request.child("Sender"))?;
    let now = context.now.seconds();
    // A client that writes no Sender names the inviter in its place, as it was named; others name themselves there.
    let named = |path: &[&str]| request.descend(path).map(|id| context.user_id(id.trimmed())).transpose();
    let bare = named(&["User", "UserID"])?.filter(|id| id.as_str() != context.user());
    let meant = named(&["Recipient", "User", "UserID"])?.or(bare);
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
        .with(to)
        .with_all((!note.is_empty()).then(|| Element::leaf("InviteNote", note)))
        .with_all(request.child("ScreenName").map(|name| name.clone().into_owned()));
    if tree::write(&told).len() > MOST_STORED {
        return Err(Fault::bad("ScreenName"));
    }
    let kept = Answer { id: context.identifier(), answer: tree::write(&told), expires: now + ANSWER_LIFE };
    invitations::add_answer(context.store.writer()?, &invitation.inviter, &kept, MOST_ANSWERS)?;
    post::withdraw(context, &invitation.recipient, &invitation.name());
    context.send_to(&invitation.inviter, |session| as_answered(session, &kept));
    tell_others(context, if accepts { "IA" } else { "IR" }, id);
    Ok(success())
}

/// Lets a user who accepted an invitation to a group in where one must be invited.
fn open_group(context: &mut Context<'_>, invitation: &Invitation) -> Result<(), Fault> {
    let Some(request) = tree::read(&invitation.request) else { return Ok(()) };
    let opens = matches!(request.child_text("InviteType"), Some("GR" | "EC" | "EG"));
    let Some(id) = request.child_text("GroupID").filter(|_| opens) else { return Ok(()) };
    // It may be gone by now.
    if let Some(group) = unless_refused(targets::group(context, id))? {
        groups::invite(context.store.writer()?, &group.id, &invitation.recipient)?;
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
            .with_all(passed_on(request, &context.configuration.domain));
        let told = Arc::new(told);
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
