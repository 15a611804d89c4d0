//! The requests that users make, in the form of each version.
//!
//! [`address_to`] is the one place that knows where in a request of a version its addressees stand.

use crate::csp::{Address, Version, ids};
use crate::document::Element;

/// Returns a request to send a text message from a user to users and groups.
pub fn send_message(from: &str, to: &[&str], text: &str, wants_report: bool) -> Element<'static> {
    let sender = Element::new("User").with_leaf("UserID", from.to_owned());
    let info = Element::new("MessageInfo")
        .with_leaf("ContentType", "text/plain")
        .with_leaf("ContentSize", text.len().to_string())
        .with(recipient(to))
        .with(Element::new("Sender").with(sender));
    Element::new("SendMessage-Request")
        .with_leaf("DeliveryReport", if wants_report { "T" } else { "F" })
        .with(info)
        .with_leaf("ContentData", text.to_owned())
}

/// Puts the addressees of a request where its version has them.
///
/// An address with a `/` is a contact list in presence requests; in messages and invitations it is a group, and in
/// the requests about one group or list it is that group or list.
pub fn address_to(request: &mut Element<'static>, version: Version, to: &[&str]) {
    let name = request.name.to_string();
    let children = match name.as_str() {
        "SendMessage-Request"
        | "ForwardMessage-Request"
        | "Invite-Request"
        | "InviteUser-Response"
        | "CancelInvite-Request" => {
            let target = request.children.iter_mut().find(|child| child.name == "MessageInfo");
            match target {
                Some(info) => info.children.push(recipient(to)),
                None => request.children.push(recipient(to)),
            }
            return;
        }
        "SubscribePresence-Request"
        | "UnsubscribePresence-Request"
        | "GetPresence-Request"
        | "CreateAttributeList-Request"
        | "DeleteAttributeList-Request"
        | "GetAttributeList-Request" => {
            let (lists, users): (Vec<&str>, Vec<&str>) = to.iter().partition(|id| has_resource(id));
            // The attribute lists of 1.1 and 1.2 name users bare, but for the request that reads them.
            let is_bare = version != Version::V1_3 && matches!(&name[..6], "Create" | "Delete");
            let users = if is_bare { leaves("UserID", &users) } else { ids::user_list(version, users) };
            // 1.2 wants it said whether members to come are subscribed too.
            let says_auto = name == "SubscribePresence-Request" && version == Version::V1_2;
            let auto = Element::leaf("AutoSubscribe", if lists.is_empty() { "F" } else { "T" });
            let auto = says_auto.then_some(auto).into_iter().collect();
            [users, ids::contact_list_list(version, lists), auto].concat()
        }
        "AddGroupMembers-Request" | "RemoveGroupMembers-Request" => {
            let (groups, users): (Vec<&str>, Vec<&str>) = to.iter().partition(|id| has_resource(id));
            [leaves("GroupID", &groups), ids::member_list(version, users)].concat()
        }
        "CreateList-Request" | "DeleteList-Request" | "ListManage-Request" => leaves("ContactList", to),
        _ => {
            let (groups, users): (Vec<&str>, Vec<&str>) = to.iter().partition(|id| has_resource(id));
            [leaves("GroupID", &groups), leaves("UserID", &users)].concat()
        }
    };
    request.children.extend(children);
}

/// Returns the addresses that a primitive came from: of its sender, or of those whose presence it tells.
pub fn addresses_from<'e>(primitive: &'e Element<'_>) -> Vec<&'e str> {
    let mut found = Vec::new();
    let sender = primitive.child("Sender").or_else(|| primitive.descend(&["MessageInfo", "Sender"]));
    if let Some(sender) = sender {
        sender.walk(&mut |element, _| {
            if matches!(element.name.as_ref(), "UserID" | "GroupID" | "SName") {
                found.push(element.trimmed());
            }
        });
    }
    for presence in primitive.children_named("Presence") {
        found.extend(presence.child_text("UserID").or_else(|| presence.child_text("ContactList")));
    }
    found.extend(primitive.child_text("GroupID"));
    found
}

/// Returns the contact lists that a `GetList-Response` names, directly or in a list; the default one last.
pub fn contact_lists_in<'e>(answer: &'e Element<'_>) -> Vec<&'e str> {
    let mut found = ids::contact_lists(answer);
    found.extend(answer.child_text("DefaultContactList"));
    found
}

/// Returns who is in a group, by screen name and, where it shows, by address: in mappings with or without the element
/// that joins them, or in lists of screen names.
pub fn joined_in<'e>(answer: &'e Element<'_>) -> Vec<(&'e str, Option<&'e str>)> {
    let mut found = Vec::new();
    answer.walk(&mut |element, _| {
        if matches!(element.name.as_ref(), "Mapping" | "ScreenName")
            && let Some(name) = element.child_text("SName")
        {
            found.push((name, element.child_text("UserID")));
        }
    });
    found
}

fn recipient(to: &[&str]) -> Element<'static> {
    let entity = |id: &&str| {
        let (outer, inner) = if has_resource(id) { ("Group", "GroupID") } else { ("User", "UserID") };
        Element::new(outer).with_leaf(inner, (*id).to_owned())
    };
    Element::new("Recipient").with_all(to.iter().map(entity))
}

fn has_resource(id: &str) -> bool {
    Address::read(id, "localhost").is_ok_and(|address| address.resource().is_some())
}

fn leaves(name: &'static str, ids: &[&str]) -> Vec<Element<'static>> {
    ids.iter().map(|id| Element::leaf(name, (*id).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csp::fault;

    #[test]
    fn requests_fit_the_model_of_every_version() {
        for version in Version::ALL {
            let grammar = &version.vocabulary().grammar;
            let users = ["wv:a@b.c", "wv:d@e.f"];
            let addressed = |name: &'static str, to: &[&str]| {
                let mut request = Element::new(name);
                address_to(&mut request, version, to);
                request
            };
            let requests = [
                addressed("SubscribePresence-Request", &users),
                addressed("UnsubscribePresence-Request", &users),
                addressed("GetPresence-Request", &users),
                addressed("DeleteGroup-Request", &["wv:/g@b.c"]),
                addressed("AddGroupMembers-Request", &["wv:/g@b.c", "wv:a@b.c"]),
                addressed("DeleteList-Request", &["wv:a/l@b.c"]),
                send_message("wv:d@e.f", &["wv:a@b.c", "wv:/g@b.c"], "x", true),
            ];
            for request in requests {
                let mut pruned = request.clone();
                grammar.prune(&mut pruned);
                assert_eq!(pruned, request, "{version:?}");
                assert_eq!(fault(&request, version), None, "{version:?} {}", request.name);
            }
        }
    }
}
