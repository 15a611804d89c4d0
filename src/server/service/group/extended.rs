//! Extended conversations (Groups, "Extended conversation"): two users who write to each other take more in.
//!
//! What is known of this is the form of the two primitives; what they do is derived from it, so it is offered only
//! where the configuration says so. The conversation goes on in a group that nobody finds, that one must be invited
//! to, and that goes with the last who is in it. The caller is in it at once; the others are invited.

use super::joining::{enter, may_be_in_more};
use super::properties::{new_group, read_welcome};
use crate::csp::Code;
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::service::targets::{self, Tally, flag};
use crate::server::service::{Context, invitation};
use crate::server::store::groups::{self, Role};

/// How long the invitations stand, in seconds: a day.
const VALIDITY: i64 = 86_400;
/// What the group behind a conversation is like.
const PROPERTIES: [(&str, &str); 3] = [("Type", "Private"), ("RequireInvitation", "T"), ("AutoDelete", "T")];

/// `ExtendConversation-Request`: makes the group, or finds the one there is, and invites into it. Where nobody can be
/// invited there is none.
pub(crate) fn extend(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let known = request.child_text("ExtendConversationID").filter(|id| !id.is_empty());
    let partner = request.child("ExtendConversationUser");
    if known.is_none() && partner.is_none() {
        return Err(Fault::missing("ExtendConversationUser"));
    }
    let sender = Element::new("Sender").with(targets::user(context, context.user())?);
    let mut invited = |list| -> Result<Vec<String>, Fault> {
        let mut users = invitation::invited(context, list, &sender, &mut tally)?;
        users.retain(|user| user != context.user());
        Ok(users)
    };
    let partners = partner.map(&mut invited).transpose()?.unwrap_or_default();
    let mut new = invited(request.child("UserIDList").ok_or_else(|| Fault::missing("UserIDList"))?)?;
    new.retain(|user| !partners.contains(user));
    if new.is_empty() {
        // To have only the partner in a group is no extension.
        return Ok(tally.none_done().status());
    }
    invitation::may_open(context, partners.len() + new.len())?;
    let (id, group) = match known {
        Some(id) => (id.to_owned(), going_on(context, id)?),
        None => begin(context, request)?,
    };
    let expires = context.now.seconds() + VALIDITY;
    for (kind, users) in [("EG", partners), ("EC", new)] {
        for user in users {
            let asked = Element::new("InviteUser-Request")
                .with_leaf("InviteID", context.identifier())
                .with_leaf("InviteType", kind)
                .with(sender.clone())
                .with_leaf("GroupID", group.clone())
                .with_leaf("Validity", VALIDITY.to_string());
            invitation::open(context, asked, user, expires)?;
        }
    }
    Ok(Element::new("ExtendConversation-Response")
        .with_leaf("ExtendConversationID", id)
        .with_leaf("GroupID", group)
        .with(tally.outcome().element()))
}

/// Returns the group of a conversation that the caller is in: 800 or 808 where not (abuse case C05).
fn going_on(context: &Context<'_>, id: &str) -> Result<String, Fault> {
    let group = groups::conversation(context.store.reader(), id)?.ok_or(Code::UNKNOWN_GROUP)?;
    let (group, _) = targets::joined_group(context, &group)?;
    Ok(group.id)
}

/// Makes the group of a conversation with the caller in it.
fn begin(context: &mut Context<'_>, request: &Element<'_>) -> Result<(String, String), Fault> {
    let id = context.identifier();
    let user = context.user_id(context.user())?;
    let group = new_group(context, &format!("wv:{}/conversation-{id}@{}", user.user(), user.domain()))?;
    may_be_in_more(context)?;
    let welcome = request.child("WelcomeNote").filter(|note| !note.is_empty()).map(read_welcome).transpose()?;
    let db = context.store.writer()?;
    groups::create(db, &group, user.as_str(), None)?;
    groups::set_role(db, &group, user.as_str(), Role::Admin)?;
    for (name, value) in PROPERTIES {
        groups::set_property(db, &group, name, value)?;
    }
    groups::set_welcome(db, &group, welcome.as_deref())?;
    groups::add_conversation(db, &id, &group)?;
    let name = request.child("ScreenName").and_then(|screen| screen.child_text("SName"));
    enter(context, &group, name, flag(request, "SubscribeNotification") == Some(true))?;
    Ok((id, group))
}
