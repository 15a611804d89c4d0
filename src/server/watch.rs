//! Presence as others see it: what is granted to whom, what is shown of it, and who is told of a change.
//!
//! An attribute reaches a watcher only if the watcher wants it *and* the owner grants it: by a list made for the
//! watcher, else by the union of the lists of the contact lists that hold the watcher, else by the default list, else
//! not at all (Presence, "Authorization"). Both are looked at when something is sent, never when it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::outbox::Sending;
use super::service::Context;
use super::session::SessionId;
use super::store::presence::{self, AttributeList, Level, Subscription};
use super::store::tree;
use crate::csp::Version;
use crate::document::Element;

/// A presence attribute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its element.
    pub(crate) name: &'static str,
    /// Whether each client of a user has a value of its own (1.3).
    pub(crate) is_per_client: bool,
}

/// All attributes, in the order of PresenceSubList (Presence, "Attributes").
pub(crate) const ATTRIBUTES: [Attribute; 18] = [
    per_client("OnlineStatus"),
    per_client("Registration"),
    per_client("ClientInfo"),
    per_client("TimeZone"),
    per_client("GeoLocation"),
    of_user("Address"),
    per_client("FreeTextLocation"),
    per_client("PLMN"),
    per_client("CommCap"),
    of_user("UserAvailability"),
    of_user("PreferredContacts"),
    of_user("PreferredLanguage"),
    of_user("StatusText"),
    of_user("StatusMood"),
    of_user("Alias"),
    of_user("StatusContent"),
    of_user("ContactInfo"),
    of_user("InfoLink"),
];

/// Users in one notification; a client's parser has a size.
const USERS_AT_ONCE: usize = 20;

const fn per_client(name: &'static str) -> Attribute {
    Attribute { name, is_per_client: true }
}

const fn of_user(name: &'static str) -> Attribute {
    Attribute { name, is_per_client: false }
}

/// A set of attributes, in the order of PresenceSubList.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Names(u32);

impl Names {
    /// Every attribute.
    pub(crate) const ALL: Self = Self((1 << ATTRIBUTES.len()) - 1);

    /// Returns the attributes that a version has: InfoLink came with 1.2.
    pub(crate) fn of(version: Version) -> Self {
        let late = if version == Version::V1_1 { Self::one("InfoLink") } else { None };
        Self::ALL.without(late.unwrap_or_default())
    }

    /// Returns the set of one attribute; `None` where the name is of none.
    pub(crate) fn one(name: &str) -> Option<Self> {
        ATTRIBUTES.iter().position(|attribute| attribute.name == name).map(|index| Self(1 << index))
    }

    /// Reads the names of a column of the store.
    pub(crate) fn read(column: &str) -> Self {
        column.split(' ').filter_map(Self::one).fold(Self::default(), Self::with)
    }

    /// Returns the names for a column of the store.
    pub(crate) fn column(self) -> String {
        self.attributes().map(|attribute| attribute.name).collect::<Vec<_>>().join(" ")
    }

    /// Returns what is in either.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what is in both.
    #[must_use]
    pub(crate) fn meet(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns what is in this and not in the other.
    #[must_use]
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the attributes in order.
    pub(crate) fn attributes(self) -> impl Iterator<Item = &'static Attribute> {
        ATTRIBUTES.iter().enumerate().filter(move |(index, _)| self.0 & 1 << index != 0).map(|(_, attribute)| attribute)
    }

    /// Returns a PresenceSubList that names them.
    pub(crate) fn element(self) -> Element<'static> {
        Element::new("PresenceSubList").with_all(self.attributes().map(|attribute| Element::new(attribute.name)))
    }
}

/// What a watcher may see, and by which level of the attribute lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The attributes.
    pub(crate) names: Names,
    /// The entries that decided; none for the owner's own presence, or where nothing is granted.
    pub(crate) entries: Vec<AttributeList>,
    /// Their level.
    pub(crate) level: Level,
}

/// Returns what `owner` grants to `watcher`. The owner sees all.
pub(crate) fn granted(context: &Context<'_>, owner: &str, watcher: &str) -> Result<Grant, Fault> {
    let db = context.store.reader();
    if owner == watcher {
        return Ok(Grant { names: Names::ALL, entries: Vec::new(), level: Level::User });
    }
    let union = |entries: Vec<AttributeList>, level| {
        let names = entries.iter().fold(Names::default(), |names, entry| names.with(Names::read(&entry.attributes)));
        Grant { names, entries, level }
    };
    if let Some(entry) = presence::find_grant(db, owner, Level::User, watcher)? {
        return Ok(union(vec![entry], Level::User));
    }
    let entries = presence::list_grants(db, owner, watcher)?;
    if !entries.is_empty() {
        return Ok(union(entries, Level::List));
    }
    let default = presence::find_grant(db, owner, Level::Default, "")?;
    Ok(union(default.into_iter().collect(), Level::Default))
}

/// Returns the values of a user's attributes as a client of that version reads them. An attribute without a value is
/// there with Qualifier F.
pub(crate) fn values(
    context: &Context<'_>,
    owner: &str,
    names: Names,
    version: Version,
) -> Result<Element<'static>, Fault> {
    let mut by_name: BTreeMap<String, Vec<Element<'static>>> = BTreeMap::new();
    for value in presence::values(context.store.reader(), owner)? {
        let element = tree::read(&value.element).unwrap_or_else(|| unset(&value.attribute));
        by_name.entry(value.attribute).or_default().push(element);
    }
    by_name.entry("OnlineStatus".into()).or_insert_with(|| vec![online_status(false)]);
    let mut list = Element::new("PresenceSubList");
    for attribute in names.meet(Names::of(version)).attributes() {
        let values = by_name.remove(attribute.name).unwrap_or_else(|| vec![unset(attribute.name)]);
        // Up to 1.2 an attribute occurs once; the most recent client comes first.
        let most = if version < Version::V1_3 { 1 } else { usize::MAX };
        list.children.extend(values.into_iter().take(most));
    }
    Ok(list)
}

/// Returns the OnlineStatus of a client, or of a user without one.
pub(crate) fn online_status(is_online: bool) -> Element<'static> {
    let value = if is_online { "T" } else { "F" };
    Element::new("OnlineStatus").with_leaf("Qualifier", "T").with_leaf("PresenceValue", value)
}

fn unset(name: &str) -> Element<'static> {
    Element::new(name.to_owned()).with_leaf("Qualifier", "F")
}

/// Returns what a subscription or request wants: the empty column means all.
pub(crate) fn wanted(column: &str) -> Names {
    if column.is_empty() { Names::ALL } else { Names::read(column) }
}

/// Tells those who watch a user of attributes that have changed. Values in `more` go with those of their attribute:
/// a client that is gone has none in the store.
pub(crate) fn tell(
    context: &mut Context<'_>,
    owner: &str,
    changed: Names,
    more: &[Element<'static>],
) -> Result<(), Fault> {
    for subscription in presence::subscriptions(context.store.reader(), owner)? {
        let names = granted(context, owner, &subscription.watcher)?.names;
        let names = names.meet(wanted(&subscription.attributes)).meet(changed);
        show(context, &subscription, owner, names, more)?;
    }
    Ok(())
}

/// Puts a notification with the values of those attributes into the outbox of a subscription's session.
fn show(
    context: &mut Context<'_>,
    subscription: &Subscription,
    owner: &str,
    names: Names,
    more: &[Element<'static>],
) -> Result<(), Fault> {
    let Some(session) = SessionId::read(&subscription.session) else { return Ok(()) };
    let Some(version) = context.sessions.get(session).map(|s| s.caller.version) else { return Ok(()) };
    if names.meet(Names::of(version)).is_empty() {
        return Ok(());
    }
    let mut list = values(context, owner, names, version)?;
    if version == Version::V1_3 {
        for extra in more.iter().filter(|extra| Names::one(&extra.name).is_some_and(|n| !names.meet(n).is_empty())) {
            let place = list.children.iter().rposition(|c| c.name == extra.name).map_or(list.children.len(), |i| i + 1);
            list.children.insert(place, extra.clone());
        }
    }
    let notification = Element::new("PresenceNotification-Request").with(presence_of(owner, list));
    context.send(session, Sending::notice(notification));
    Ok(())
}

/// Returns a user with its values.
pub(crate) fn presence_of(user: &str, list: Element<'static>) -> Element<'static> {
    Element::new("Presence").with_leaf("UserID", user.to_owned()).with(list)
}

/// Subscribes a session to users and sends it what it may see of them now.
pub(crate) fn subscribe(
    context: &mut Context<'_>,
    session: SessionId,
    users: &[String],
    attributes: &str,
) -> Result<(), Fault> {
    let Some(caller) = context.sessions.get(session).map(|s| s.caller.clone()) else { return Ok(()) };
    let mut shown = Vec::new();
    for owner in users {
        let subscription = Subscription {
            session: session.to_string(),
            watcher: caller.user.clone(),
            attributes: attributes.to_owned(),
        };
        presence::subscribe(context.store.writer()?, owner, &subscription)?;
        let names = granted(context, owner, &caller.user)?.names.meet(wanted(attributes));
        if !names.is_empty() {
            shown.push(presence_of(owner, values(context, owner, names, caller.version)?));
        }
    }
    for chunk in shown.chunks(USERS_AT_ONCE) {
        let notification = Element::new("PresenceNotification-Request").with_all(chunk.iter().cloned());
        context.send(session, Sending::notice(notification));
    }
    Ok(())
}

/// Ends what a session wants to know of a user.
pub(crate) fn unsubscribe(context: &mut Context<'_>, session: SessionId, owner: &str) -> Result<(), Fault> {
    let now = context.now.seconds();
    let Some(watcher) = context.sessions.get(session).map(|s| s.caller.user.clone()) else { return Ok(()) };
    let db = context.store.writer()?;
    if presence::unsubscribe(db, owner, &session.to_string())? && watcher != owner {
        presence::remember(db, owner, &watcher, true, now)?;
    }
    Ok(())
}

/// Makes a change of what `owner` grants, and shows its watchers what they may see only now.
pub(crate) fn regrant<T>(
    context: &mut Context<'_>,
    owner: &str,
    change: impl FnOnce(&mut Context<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let subscriptions = presence::subscriptions(context.store.reader(), owner)?;
    let watchers: BTreeSet<String> = subscriptions.iter().map(|s| s.watcher.clone()).collect();
    let mut before = BTreeMap::new();
    for watcher in watchers {
        let names = granted(context, owner, &watcher)?.names;
        before.insert(watcher, names);
    }
    let outcome = change(context)?;
    for subscription in subscriptions {
        let names = granted(context, owner, &subscription.watcher)?.names;
        let names = names.without(before[&subscription.watcher]).meet(wanted(&subscription.attributes));
        show(context, &subscription, owner, names, &[])?;
    }
    Ok(outcome)
}
