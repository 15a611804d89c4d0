//! Notifications (CSP session, section 9): clients of 1.3 say which changes they want to be told of.

use std::sync::Arc;

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
pub(crate) fn tell(
    context: &mut Context<'_>,
    user: &str,
    kind: &'static str,
    data: impl IntoIterator<Item = Element<'static>>,
) {
    let own = context.caller.session;
    let notification = Element::new("Notification-Request").with_leaf("NotificationType", kind).with_all(data);
    let notification = Arc::new(notification);
    context.send_to(user, |session| {
        let wants = session.caller.session != own && session.notifications.contains(kind);
        wants.then(|| Sending::notice(notification.clone()))
    });
}

/// Tells the caller's other sessions what the caller has changed with a request that succeeded.
pub(crate) fn changed(context: &mut Context<'_>, request: &Element<'_>) {
    let leaf = |name: &'static str| {
        let text = request.child_text(name).filter(|text| !text.is_empty());
        text.map(|text| Element::leaf(name, text.to_owned())).into_iter().collect::<Vec<_>>()
    };
    let list = || vec![Element::new("ContactListIDList").with_all(leaf("ContactList"))];
    let user = context.user().to_owned();
    let mut tell = |kind, data: Vec<Element<'static>>| tell(context, &user, kind, data);
    match request.name.as_ref() {
        "CreateList-Request" => tell("CLCR", list()),
        "DeleteList-Request" => tell("CLD", list()),
        "ListManage-Request" if request.children.iter().any(is_change_of_list) => tell("CLC", list()),
        "BlockEntity-Request" => {
            for (name, kind) in [("BlockList", "BLC"), ("GrantList", "GLC")] {
                let changes = |list: &Element<'_>| list.children.iter().any(|child| child.name != "InUse");
                if request.child(name).is_some_and(changes) {
                    tell(kind, Vec::new());
                }
            }
            for (list, name, kind) in [("BlockList", "BlockListInUse", "BLUC"), ("GrantList", "GrantListInUse", "GLUC")]
            {
                // Up to 1.2 the switch stands inside the list.
                let inside = request.descend(&[list, "InUse"]).map(Element::trimmed).filter(|text| !text.is_empty());
                let inside = inside.map(|text| Element::leaf(name, text.to_owned()));
                let switch = leaf(name).pop().or(inside);
                if let Some(switch) = switch {
                    tell(kind, vec![switch]);
                }
            }
        }
        "CreateAttributeList-Request" | "DeleteAttributeList-Request" => tell("AC", authorized(request)),
        "CreateGroup-Request" => tell("GC", leaf("GroupID")),
        "DeleteGroup-Request" => tell("GD", leaf("GroupID")),
        _ => {}
    }
}

fn is_change_of_list(child: &Element<'_>) -> bool {
    matches!(child.name.as_ref(), "AddNickList" | "RemoveNickList" | "ContactListProperties")
}

/// Returns what of presence is authorized otherwise now, and for whom, in the form of 1.3.
fn authorized(request: &Element<'_>) -> Vec<Element<'static>> {
    let names = |list: &'static str, name: &'static str| {
        let holders = std::iter::once(request).chain(request.child(list));
        let named = holders.flat_map(|holder| holder.children_named(name));
        let named: Vec<_> = named.map(|id| Element::leaf(name, id.trimmed().to_owned())).collect();
        (!named.is_empty()).then(|| Element::new(list).with_all(named))
    };
    let whole = |name: &str| request.child(name).map(|element| element.clone().into_owned());
    let parts = [
        whole("PresenceSubList"),
        names("UserIDList", "UserID"),
        names("ContactListIDList", "ContactList"),
        whole("DefaultList"),
    ];
    parts.into_iter().flatten().collect()
}
