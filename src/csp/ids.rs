//! Lists of users, contact lists and the like: one meaning, a form per version, and clients that mix the forms.
//!
//! Reading accepts every form in every version; writing gives the form of the version.

use super::Version;
use crate::document::Element;

/// Returns the user addresses that a primitive or list names: in `UserIDList`, in `User`, bare, or in `UserList`.
pub fn users<'e>(element: &'e Element<'_>) -> Vec<&'e str> {
    let mut found = Vec::new();
    for child in &element.children {
        match child.name.as_ref() {
            "UserID" => found.push(child.trimmed()),
            "User" | "UserIDList" | "UserList" => found.extend(users(child)),
            _ => {}
        }
    }
    found.retain(|id| !id.is_empty());
    found
}

/// Returns the contact list addresses that a primitive names: in `ContactListIDList` or directly.
pub fn contact_lists<'e>(element: &'e Element<'_>) -> Vec<&'e str> {
    let mut found = Vec::new();
    for child in &element.children {
        match child.name.as_ref() {
            "ContactList" => found.push(child.trimmed()),
            "ContactListIDList" => found.extend(contact_lists(child)),
            _ => {}
        }
    }
    found.retain(|id| !id.is_empty());
    found
}

/// Returns the children that name users in a presence or attribute list request: `UserIDList` in 1.3, one `User`
/// each before.
pub fn user_list<'a>(version: Version, ids: impl IntoIterator<Item = &'a str>) -> Vec<Element<'static>> {
    let ids = ids.into_iter().map(|id| Element::leaf("UserID", id.to_owned()));
    if version == Version::V1_3 {
        wrap("UserIDList", ids.collect())
    } else {
        ids.map(|id| Element::new("User").with(id)).collect()
    }
}

/// Returns the children that name contact lists: `ContactListIDList` in 1.3, one `ContactList` each before.
pub fn contact_list_list<'a>(version: Version, ids: impl IntoIterator<Item = &'a str>) -> Vec<Element<'static>> {
    let ids: Vec<_> = ids.into_iter().map(|id| Element::leaf("ContactList", id.to_owned())).collect();
    if version == Version::V1_3 { wrap("ContactListIDList", ids) } else { ids }
}

/// Returns the children that name the users to add to a group or to remove from it: `UserIDList` in 1.3, `UserList`
/// of `User` before.
pub fn member_list<'a>(version: Version, ids: impl IntoIterator<Item = &'a str>) -> Vec<Element<'static>> {
    let users = user_list(version, ids);
    if version == Version::V1_3 { users } else { wrap("UserList", users) }
}

fn wrap(name: &'static str, items: Vec<Element<'static>>) -> Vec<Element<'static>> {
    if items.is_empty() { items } else { vec![Element::new(name).with_all(items)] }
}

/// Returns which client of a user an element names, or which application on one: the name of the element that says it,
/// and the text.
pub fn client<'e>(element: &'e Element<'_>) -> Option<(&'static str, &'e str)> {
    let application = || element.child_text("ApplicationID").filter(|text| !text.is_empty());
    let client = client_id(element).map(|text| ("ClientID", text));
    client.or_else(|| application().map(|text| ("ApplicationID", text)))
}

/// Returns the text of a `ClientID`: its `URL`, else its `MSISDN`, else the bare text that one server writes.
/// Compare without case.
pub fn client_id<'e>(element: &'e Element<'_>) -> Option<&'e str> {
    let client = element.child("ClientID")?;
    let text = client.child_text("URL").or_else(|| client.child_text("MSISDN")).unwrap_or_else(|| client.trimmed());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_writes_that_of_the_version() {
        for version in Version::ALL {
            let request = Element::new("SubscribePresence-Request")
                .with_all(user_list(version, ["wv:a", "wv:b"]))
                .with_all(contact_list_list(version, ["wv:a/l"]));
            assert_eq!((users(&request), contact_lists(&request)), (vec!["wv:a", "wv:b"], vec!["wv:a/l"]));
            let members = Element::new("AddGroupMembers-Request").with_all(member_list(version, ["wv:a"]));
            assert_eq!(users(&members), ["wv:a"]);
            let grammar = &version.vocabulary().grammar;
            for mut primitive in [request, members] {
                let whole = primitive.clone();
                grammar.prune(&mut primitive);
                assert_eq!(primitive, whole, "{version:?}");
            }
        }
    }
}
