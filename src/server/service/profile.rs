//! Public profiles (CSP transactions, F23 and F24): everybody may read one, only its owner writes it.

use super::Context;
use super::notification;
use super::targets::{Tally, flag, user_ids};
use crate::csp::{Code, Detail, Outcome};
use crate::document::{Element, integer};
use crate::server::fault::{Fault, success};
use crate::server::store::{Store, profiles};

/// Octets of a value: more than handsets write.
const MOST_VALUE: usize = 1000;

/// What a property may hold.
#[derive(Clone, Copy)]
enum Content {
    Text,
    Number,
    Word(&'static [&'static str]),
}

/// The properties, and what each may hold (enumerations PublicProfileProperty, Gender, MaritalStatus).
const PROPERTIES: [(&str, Content); 9] = [
    ("PP_AGE", Content::Number),
    ("PP_CITY", Content::Text),
    ("PP_COUNTRY", Content::Text),
    ("PP_FRIENDLY_NAME", Content::Text),
    ("PP_FREE_TEXT", Content::Text),
    ("PP_GENDER", Content::Word(&["M", "F", "U"])),
    ("PP_INTENTION", Content::Text),
    ("PP_INTERESTS", Content::Text),
    ("PP_MARITAL_STATUS", Content::Word(&["C", "D", "E", "M", "S", "U", "W"])),
];

/// `GetPublicProfile-Request`.
pub(crate) fn get(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let mut found = Vec::new();
    for element in user_ids(request) {
        if let Some(address) = tally.note(&element, context.known_user(element.trimmed()))? {
            found.push(profile(context.store, address.as_str())?);
        }
    }
    Ok(Element::new("GetPublicProfile-Response").with(tally.outcome().element()).with_all(found))
}

fn profile(store: &Store, user: &str) -> Result<Element<'static>, Fault> {
    let property = |(name, value)| Element::new("Property").with_leaf("Name", name).with_leaf("Value", value);
    let properties = profiles::properties(store.reader(), user)?;
    let profile = Element::new("PublicProfile").with_leaf("UserID", user.to_owned());
    Ok(profile.with_all(properties.into_iter().map(property)))
}

/// `UpdatePublicProfile-Request`: a property without a value is removed; those that cannot be are left out.
pub(crate) fn update(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let user = context.user().to_owned();
    let profile = request.child("PublicProfile");
    if let Some(named) = profile.and_then(|profile| profile.child_text("UserID"))
        && !context.user_id(named).is_ok_and(|address| address.as_str() == user)
    {
        return Err(Code::FORBIDDEN.into());
    }
    let properties = profile.into_iter().flat_map(|profile| profile.children_named("Property"));
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for property in properties {
        match read(property) {
            Some(read) => good.push(read),
            None => bad.push(property.child_text("Name").unwrap_or_default()),
        }
    }
    // A DetailedResult has no element for properties, so the description names them.
    let why = format!("not accepted: {}", bad.join(", "));
    if good.is_empty() && !bad.is_empty() {
        return Err(Outcome::new(Code::INVALID_USER_PROPERTY).describe(why).into());
    }
    let db = context.store.writer()?;
    if flag(request, "ClearPublicProfile") == Some(true) {
        profiles::clear(db, &user)?;
    }
    for (name, value) in good {
        match value {
            "" => profiles::remove(db, &user, name)?,
            value => profiles::set(db, &user, name, value)?,
        }
    }
    tell(context, &user)?;
    if bad.is_empty() {
        return Ok(success());
    }
    let details = vec![Detail { code: Code::INVALID_USER_PROPERTY, items: Vec::new() }];
    Ok(Outcome { details, ..Outcome::new(Code::PARTIALLY_SUCCESSFUL).describe(why) }.status())
}

/// Returns the name and the value of a property if both can be.
fn read<'e>(property: &'e Element<'_>) -> Option<(&'static str, &'e str)> {
    let name = property.child_text("Name")?;
    let (name, content) = PROPERTIES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
    let value = property.child_text("Value").unwrap_or_default();
    let fits = match content {
        _ if value.is_empty() => true,
        Content::Text => value.len() <= MOST_VALUE,
        Content::Number => integer(value).is_some(),
        Content::Word(words) => words.contains(&value),
    };
    fits.then_some((name, value))
}

/// Tells those that have the user on a contact list and asked for `PPU`.
fn tell(context: &mut Context<'_>, user: &str) -> Result<(), Fault> {
    for watcher in profiles::who_lists(context.store.reader(), user)? {
        let changed = Element::new("User").with_leaf("UserID", user.to_owned());
        notification::tell(context, &watcher, "PPU", Some(Element::new("UserList").with(changed)));
    }
    Ok(())
}
