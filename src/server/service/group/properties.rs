//! Making, describing and deleting groups (Groups, "Properties").

use super::words::{self, Kind, OWN_PROPERTIES, PROPERTIES, Row, exists, name_in};
use super::{find, find_as, joining, own_place, put_out, tell};
use crate::csp::{Address, Code, Outcome, Version};
use crate::document::{Element, integer};
use crate::server::content;
use crate::server::fault::{Fault, required, success};
use crate::server::service::Context;
use crate::server::service::notification;
use crate::server::service::targets::{Tally, flag};
use crate::server::store::groups::{self, Role};
use crate::server::store::{history, tree};

/// The element that stands beside the properties.
const WELCOME: &str = "WelcomeNote";
/// A welcome note in the store's form.
const MOST_WELCOME: usize = 8 << 10;
/// `CreateGroup-Request`.
pub(crate) fn create(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = new_group(context, required(request, "GroupID")?)?;
    let user = context.user().to_owned();
    groups::create(context.store.writer()?, &id, &user, None)?;
    groups::set_role(context.store.writer()?, &id, &user, Role::Admin)?;
    if let Some(properties) = request.child("GroupProperties") {
        set_common(context, &id, properties)?;
    }
    if flag(request, "JoinGroup") == Some(true) {
        let name = request.child("ScreenName").and_then(|screen| screen.child_text("SName"));
        let wants_notices = flag(request, "SubscribeNotification") == Some(true);
        joining::may_be_in_more(context)?;
        joining::enter(context, &id, name, wants_notices)?;
    }
    if let Some(own) = request.child("OwnProperties") {
        set_own(context, &id, own)?;
    }
    Ok(success())
}

/// Returns the address of a group that can be made: 806 where it is of the wrong form or under another's name, 801
/// where it is there, 814 or 815 where it is one too many.
pub(super) fn new_group(context: &Context<'_>, text: &str) -> Result<String, Fault> {
    let address = Address::group_id(text, &context.configuration.domain).map_err(|_| Code::INVALID_GROUP_PROPERTY)?;
    if address.owner().is_none_or(|owner| owner.as_str() != context.user()) {
        return Err(Code::INVALID_GROUP_PROPERTY.into());
    }
    let db = context.store.reader();
    if groups::find(db, address.as_str())?.is_some() {
        return Err(Code::GROUP_EXISTS.into());
    }
    let (own, all) = groups::count(db, context.user())?;
    if own >= context.quotas(context.user())?.groups {
        return Err(Code::TOO_MANY_GROUPS_OF_USER.into());
    }
    if all >= context.configuration.quotas.all_groups {
        return Err(Code::TOO_MANY_GROUPS.into());
    }
    Ok(address.as_str().to_owned())
}

/// `DeleteGroup-Request`: all that are in it have to leave.
pub(crate) fn delete(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (group, _) = find_as(context, request, Role::Admin)?;
    close(context, &group.id)?;
    Ok(success())
}

/// Groups whose validity is over are deleted.
pub(crate) fn expire(context: &mut Context<'_>) -> Result<(), Fault> {
    for group in groups::expired(context.store.reader(), context.now.seconds())? {
        close(context, &group)?;
    }
    Ok(())
}

fn close(context: &mut Context<'_>, group: &str) -> Result<(), Fault> {
    let present = groups::joined(context.store.reader(), group)?;
    let caller = context.user().to_owned();
    for (member, _) in groups::members(context.store.reader(), group)?.iter().filter(|(user, _)| *user != caller) {
        notification::tell(context, member, "GR", Some(Element::leaf("GroupID", group.to_owned())));
    }
    // Nobody is told of the others' leaving: all leave.
    groups::delete(context.store.writer()?, group)?;
    present.iter().try_for_each(|joined| put_out(context, group, joined, Code::UNKNOWN_GROUP, false))
}

/// `GetGroupProps-Request`: the group's for those who may see it, one's own for everybody. Before 1.3 an answer
/// without the group's is none.
pub(crate) fn get_properties(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let version = context.version();
    let role = groups::role(context.store.reader(), &group.id, context.user())?;
    let own = own_properties(context, &group.id, context.user(), version)?;
    let response = Element::new("GetGroupProps-Response");
    if role.is_some() || own_place(context, &group.id)?.is_some() || is_open_to(context, &group.id)? {
        return Ok(response.with(common_properties(context, &group.id, version, None)?).with(own));
    }
    if version == Version::V1_3 { Ok(response.with(own)) } else { Err(Code::INSUFFICIENT_PRIVILEGES.into()) }
}

/// Returns whether the caller, who is no member, may see a group: it is not on its reject list, and could join the
/// group or find it.
fn is_open_to(context: &Context<'_>, group: &str) -> Result<bool, Fault> {
    let db = context.store.reader();
    let says = |name: &str, value: &str| Ok::<_, Fault>(groups::property(db, group, name)?.as_deref() == Some(value));
    let is_rejected = groups::is_rejected(db, group, context.user())?;
    Ok(!is_rejected && (!says("AccessType", "Restricted")? || says("Type", "Public")?))
}

/// Returns a group's properties as that version has them: all, or those that have changed.
fn common_properties(
    context: &Context<'_>,
    group: &str,
    version: Version,
    changed: Option<&[&str]>,
) -> Result<Element<'static>, Fault> {
    let db = context.store.reader();
    let set = groups::properties(db, group)?;
    let is_meant = |name: &str| changed.is_none_or(|changed| changed.contains(&name));
    let mut element = Element::new("GroupProperties");
    for &(name, kind, usual) in PROPERTIES.iter().filter(|(name, ..)| is_meant(name) && exists(name, version)) {
        let value = set.iter().find(|(set, _)| set.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        let value = match kind {
            Kind::ReadOnly => groups::count_active(db, group)?.to_string(),
            _ => value.unwrap_or_else(|| usual.to_owned()),
        };
        // What was emptied is told too.
        if !value.is_empty() || changed.is_some() {
            element.children.push(property(name_in(version, name), value));
        }
    }
    let welcome = groups::find(db, group)?.filter(|_| is_meant(WELCOME)).and_then(|group| group.welcome);
    Ok(element.with_all(welcome.as_deref().and_then(tree::read)))
}

/// Returns the properties of a user in a group.
pub(super) fn own_properties(
    context: &Context<'_>,
    group: &str,
    user: &str,
    version: Version,
) -> Result<Element<'static>, Fault> {
    let db = context.store.reader();
    let role = groups::role(db, group, user)?;
    let mut element = Element::new("OwnProperties");
    for &(name, _, usual) in OWN_PROPERTIES {
        let value = match name {
            "IsMember" => Some(if role.is_some() { "T" } else { "F" }.to_owned()),
            "PrivilegeLevel" => Some(role.unwrap_or(Role::User).as_str().to_owned()),
            _ => groups::own_property(db, group, user, name)?,
        };
        let value = value.unwrap_or_else(|| usual.to_owned());
        if !value.is_empty() && exists(name, version) {
            element.children.push(property(name, value));
        }
    }
    Ok(element)
}

/// Tells the sessions of a user in a group, but not the caller's own, what its own properties are now.
pub(super) fn tell_own(context: &mut Context<'_>, group: &str, user: &str) -> Result<(), Fault> {
    let session = context.caller.session.to_string();
    tell(context, group, &session, |context, viewer, version| {
        let is_it = viewer.user == user;
        is_it.then(|| own_properties(context, group, user, version)).into_iter().collect()
    })
}

fn property(name: &'static str, value: String) -> Element<'static> {
    Element::new("Property").with_leaf("Name", name).with_leaf("Value", value)
}

/// `SetGroupProps-Request`: the group's by administrators, one's own by whoever is in it.
pub(crate) fn set_properties(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let group = find(context, request)?;
    let target = Element::leaf("GroupID", required(request, "GroupID")?.to_owned());
    let mut tally = Tally::default();
    let (common, own) = (request.child("GroupProperties"), request.child("OwnProperties"));
    if let Some(properties) = common.filter(|properties| !properties.children.is_empty()) {
        let outcome = change_common(context, &group.id, properties);
        if own.is_none() {
            outcome?;
            return Ok(success());
        }
        tally.note(&target, outcome)?;
    }
    if let Some(properties) = own.filter(|properties| !properties.children.is_empty()) {
        let is_member = groups::role(context.store.reader(), &group.id, context.user())?.is_some();
        if !is_member && own_place(context, &group.id)?.is_none() {
            return Err(Code::NOT_JOINED.into());
        }
        set_own(context, &group.id, properties)?;
        let user = context.user().to_owned();
        tell_own(context, &group.id, &user)?;
        tally.done();
    }
    Ok(tally.outcome().status())
}

/// Changes a group's properties if the caller is its administrator, and tells those inside.
fn change_common(context: &mut Context<'_>, group: &str, properties: &Element<'_>) -> Result<(), Fault> {
    if groups::role(context.store.reader(), group, context.user())? != Some(Role::Admin) {
        return Err(Code::INSUFFICIENT_PRIVILEGES.into());
    }
    let changed = set_common(context, group, properties)?;
    let session = context.caller.session.to_string();
    let mut told = Vec::new();
    for version in Version::ALL {
        let properties = common_properties(context, group, version, Some(&changed))?;
        // Before 1.3 a welcome note does not come alone.
        let says = properties.child("Property").is_some() || version == Version::V1_3;
        told.extend((says && !properties.children.is_empty()).then_some((version, properties)));
    }
    tell(context, group, &session, |_, _, version| {
        Ok(told.iter().filter(|(of, _)| *of == version).map(|(_, properties)| properties.clone()).collect())
    })
}

/// Sets what a request says of a group, and returns the names of what it said.
fn set_common(context: &mut Context<'_>, group: &str, properties: &Element<'_>) -> Result<Vec<&'static str>, Fault> {
    let mut changed = Vec::new();
    for element in properties.children_named("Property") {
        let (name, value) = read(PROPERTIES, element)?;
        set_one(context, group, name, &value)?;
        changed.push(name);
    }
    if let Some(welcome) = properties.child(WELCOME) {
        let column = (!welcome.is_empty()).then(|| read_welcome(welcome)).transpose()?;
        groups::set_welcome(context.store.writer()?, group, column.as_deref())?;
        changed.push(WELCOME);
    }
    let db = context.store.reader();
    let has_text = |name| groups::property(db, group, name).map(|value| value.is_some_and(|value| !value.is_empty()));
    if super::is_on(context, group, "Searchable")? && !has_text("Name")? && !has_text("Topic")? {
        return Err(Code::SEARCHABLE_WITHOUT_NAME.into());
    }
    Ok(changed)
}

fn set_one(context: &mut Context<'_>, group: &str, name: &str, value: &str) -> Result<(), Fault> {
    let now = context.now.seconds();
    let db = context.store.writer()?;
    match name {
        "Validity" => {
            let seconds = integer(value).map(i64::from).filter(|seconds| *seconds > 0);
            groups::set_expiry(db, group, seconds.map(|seconds| now + seconds))?;
        }
        "History" => history::shrink(db, group, groups::kept(value).unwrap_or_default())?,
        _ => {}
    }
    Ok(groups::set_property(db, group, name, value)?)
}

/// Returns a welcome note in the store's form: as text, or as the octets that each syntax carries in its own way.
pub(super) fn read_welcome(welcome: &Element<'_>) -> Result<String, Fault> {
    let wrong = || refused(WELCOME);
    let kind = welcome.child_text("ContentType").filter(|kind| !kind.is_empty()).unwrap_or("text/plain");
    let data = welcome.child("ContentData").ok_or_else(wrong)?;
    let (octets, is_text) = content::read(welcome, data).map_err(|_| wrong())?;
    let note = Element::new(WELCOME).with_leaf("ContentType", kind.to_owned());
    let note = note.with(content::element(octets, is_text));
    let column = tree::write(&note);
    if column.len() > MOST_WELCOME { Err(wrong()) } else { Ok(column) }
}

pub(super) fn set_own(context: &mut Context<'_>, group: &str, properties: &Element<'_>) -> Result<(), Fault> {
    let user = context.user().to_owned();
    for element in properties.children_named("Property") {
        let (name, value) = read(OWN_PROPERTIES, element)?;
        groups::set_own_property(context.store.writer()?, group, &user, name, &value)?;
    }
    Ok(())
}

/// Reads a property of that table: 806 with its name where it is none, or its value cannot be.
fn read(known: &'static [Row], element: &Element<'_>) -> Result<(&'static str, String), Fault> {
    let given = element.child_text("Name").unwrap_or_default();
    let value = element.child_text("Value").unwrap_or_default();
    words::read(known, given, value).ok_or_else(|| refused(given))
}

fn refused(name: &str) -> Fault {
    let name: String = name.chars().take(words::MOST_TEXT).collect();
    Outcome::new(Code::INVALID_GROUP_PROPERTY).describe(format!("{name} cannot be set so")).into()
}
