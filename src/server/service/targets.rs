//! Requests with many targets: who is meant, and what came of each (transaction catalogue, section 1, rules 5 and 6).

use std::collections::BTreeSet;

use super::Context;
use crate::csp::{Address, Code, Outcome, ids};
use crate::document::{Element, boolean};
use crate::server::fault::Fault;
use crate::server::store::groups::{self, Group, Joined};
use crate::server::store::{contact_lists, profiles};

/// What came of each target: the good ones are counted, the bad ones kept with their code.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    done: usize,
    failed: Vec<(Code, Element<'static>)>,
}

impl Tally {
    /// Counts a target that was served.
    pub(crate) fn done(&mut self) {
        self.done += 1;
    }

    /// Keeps a target that was not, as the peer wrote it.
    pub(crate) fn fail(&mut self, code: Code, element: &Element<'_>) {
        self.failed.push((code, element.clone().into_owned()));
    }

    /// Counts or keeps a target. What is our own fault ends the request.
    pub(crate) fn note<T>(&mut self, element: &Element<'_>, outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match outcome {
            Ok(value) => {
                self.done();
                Ok(Some(value))
            }
            Err(fault) if fault.is_our_own() => Err(fault),
            Err(fault) => {
                self.fail(fault.0.code, element);
                Ok(None)
            }
        }
    }

    /// Returns whether there was no target at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.done == 0 && self.failed.is_empty()
    }

    /// Returns whether there was no target that failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }

    /// Returns the outcome of a request that was not done, since the targets that matter failed: 900, or 400 where none
    /// was named.
    pub(crate) fn none_done(self) -> Outcome {
        if self.failed.is_empty() { Code::BAD_REQUEST.into() } else { Outcome::of_many(0, self.failed) }
    }

    /// Returns the outcome of the request.
    pub(crate) fn outcome(self) -> Outcome {
        Outcome::of_many(self.done, self.failed)
    }
}

/// Returns the users that a request names, each as the `UserID` element that a DetailedResult repeats.
pub(crate) fn user_ids(request: &Element<'_>) -> Vec<Element<'static>> {
    ids::users(request).into_iter().map(|id| Element::leaf("UserID", id.to_owned())).collect()
}

/// Returns the contact lists that a request names.
pub(crate) fn contact_lists(request: &Element<'_>) -> Vec<Element<'static>> {
    ids::contact_lists(request).into_iter().map(|id| Element::leaf("ContactList", id.to_owned())).collect()
}

/// Returns the `User` element of a user, with the FriendlyName that its public profile says (1.3).
pub(crate) fn user(context: &Context<'_>, id: &str) -> Result<Element<'static>, Fault> {
    let name = profiles::property(context.store.reader(), id, "PP_FRIENDLY_NAME")?;
    let name = name.map(|name| Element::leaf("FriendlyName", name));
    Ok(Element::new("User").with_leaf("UserID", id.to_owned()).with_all(name))
}

/// Returns the `ScreenName` element of a name in a group.
pub(crate) fn screen_name(name: &str, group: &str) -> Element<'static> {
    Element::new("ScreenName").with_leaf("SName", name.to_owned()).with_leaf("GroupID", group.to_owned())
}

/// Returns whether a flag is set; an empty one counts as absent.
pub(crate) fn flag(element: &Element<'_>, name: &str) -> Option<bool> {
    element.child_text(name).and_then(boolean)
}

/// Returns the address of a contact list of the caller: 700 where it is none, or another's (abuse case C05).
pub(crate) fn own_list(context: &Context<'_>, text: &str) -> Result<String, Fault> {
    let address = Address::contact_list_id(text, &context.configuration.domain)
        .map_err(|_| Fault::from(Code::UNKNOWN_CONTACT_LIST))?;
    match contact_lists::find(context.store.reader(), context.user(), address.as_str())? {
        Some(list) => Ok(list.id),
        None => Err(Code::UNKNOWN_CONTACT_LIST.into()),
    }
}

/// Returns a group: 516 where it is another server's, 800 where there is none.
pub(crate) fn group(context: &Context<'_>, text: &str) -> Result<Group, Fault> {
    let home = &context.configuration.domain;
    let address = Address::group_id(text, home).map_err(|_| Code::UNKNOWN_GROUP)?;
    if address.domain() != *home {
        return Err(Code::DOMAIN_NOT_SUPPORTED.into());
    }
    Ok(groups::find(context.store.reader(), address.as_str())?.ok_or(Code::UNKNOWN_GROUP)?)
}

/// Returns a group with the place that the caller's session has in it: 808 where it has none.
pub(crate) fn joined_group(context: &Context<'_>, text: &str) -> Result<(Group, Joined), Fault> {
    let group = group(context, text)?;
    let session = context.caller.session.to_string();
    let joined = groups::find_joined(context.store.reader(), &group.id, &session)?.ok_or(Code::NOT_JOINED)?;
    Ok((group, joined))
}

/// Returns the users that a request means by name or by contact list, each once, noting what is wrong.
pub(crate) fn users(context: &Context<'_>, request: &Element<'_>, tally: &mut Tally) -> Result<Vec<String>, Fault> {
    Ok(users_with_lists(context, request, tally)?.into_iter().map(|(user, _)| user).collect())
}

/// Returns the same users, each of a contact list with it.
pub(crate) fn users_with_lists(
    context: &Context<'_>,
    request: &Element<'_>,
    tally: &mut Tally,
) -> Result<Vec<(String, Option<String>)>, Fault> {
    let mut seen = BTreeSet::new();
    let mut users = Vec::new();
    for element in user_ids(request) {
        if let Some(address) = tally.note(&element, context.known_user(element.trimmed()))? {
            users.push((address.as_str().to_owned(), None));
        }
    }
    for element in contact_lists(request) {
        if let Some(list) = tally.note(&element, own_list(context, element.trimmed()))? {
            let members = contact_lists::contacts(context.store.reader(), &list)?;
            users.extend(members.into_iter().map(|contact| (contact.user, Some(list.clone()))));
        }
    }
    users.retain(|(user, _)| seen.insert(user.clone()));
    Ok(users)
}
