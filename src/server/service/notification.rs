//! Notifications (CSP session, section 9): clients of 1.3 say which changes they want to be told of.

use super::Context;
use crate::document::Element;
use crate::server::fault::{Fault, success};
use crate::server::outbox::Sending;

/// `SubscribeNotification-Request`.
pub(crate) fn subscribe(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let kinds = read(request)?;
    context.session()?.notifications.extend(kinds);
    Ok(success())
}

/// `UnsubscribeNotification-Request`.
pub(crate) fn unsubscribe(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let kinds = read(request)?;
    context.session()?.notifications.retain(|kind| !kinds.contains(kind));
    Ok(success())
}

/// The words were checked by the declaration: there are but 25 of them.
fn read(request: &Element<'_>) -> Result<Vec<String>, Fault> {
    let list = request.child("NotificationTypeList").ok_or_else(|| Fault::missing("NotificationTypeList"))?;
    let words = list.children_named("NotificationType").map(|word| word.trimmed().to_ascii_uppercase());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() { Err(Fault::missing("NotificationType")) } else { Ok(words) }
}

/// Tells the sessions of a user that asked for it, but not the caller's own.
pub(crate) fn tell(context: &mut Context<'_>, user: &str, kind: &'static str, data: Option<Element<'static>>) {
    let own = context.caller.session;
    let notification = Element::new("Notification-Request").with_leaf("NotificationType", kind).with_all(data);
    context.send_to(user, |session| {
        let wants = session.caller.session != own && session.notifications.contains(kind);
        wants.then(|| Sending::notice(notification.clone()))
    });
}

/// Tells the caller's other sessions what the caller has changed with a request that succeeded.
pub(crate) fn changed(context: &mut Context<'_>, request: &Element<'_>) {
    let leaf = |name: &'static str| {
        request.child_text(name).filter(|text| !text.is_empty()).map(|text| Element::leaf(name, text.to_owned()))
    };
    let list = || leaf("ContactList").map(|list| Element::new("ContactListIDList").with(list));
    let user = context.user().to_owned();
    let mut tell = |kind, data| tell(context, &user, kind, data);
    match request.name.as_ref() {
        "CreateList-Request" => tell("CLCR", list()),
        "DeleteList-Request" => tell("CLD", list()),
        "ListManage-Request" if request.children.iter().any(|child| child.name.ends_with("NickList")) => {
            tell("CLC", list());
        }
        "BlockEntity-Request" => {
            for (name, kind) in [("BlockList", "BLC"), ("GrantList", "GLC")] {
                if request.child(name).is_some() {
                    tell(kind, None);
                }
            }
            for (name, kind) in [("BlockListInUse", "BLUC"), ("GrantListInUse", "GLUC")] {
                if let Some(switch) = leaf(name) {
                    tell(kind, Some(switch));
                }
            }
        }
        "CreateAttributeList-Request" | "DeleteAttributeList-Request" => {
            tell("AC", request.child("PresenceSubList").map(|list| list.clone().into_owned()));
        }
        "CreateGroup-Request" => tell("GC", leaf("GroupID")),
        "DeleteGroup-Request" => tell("GD", leaf("GroupID")),
        _ => {}
    }
}
