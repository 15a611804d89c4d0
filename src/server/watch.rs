//! Presence as others see it: what is granted to whom, what is shown of it, and who is told of a change.
//!
//! An attribute reaches a watcher only if the watcher wants it *and* the owner grants it: by a list made for the
//! watcher, else by the union of the lists of the contact lists that hold the watcher, else by the default list, else
//! not at all (Presence, "Authorization"). Both are looked at when something is sent, never when it is asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::fault::Fault;
use super::outbox::Sending;
use super::service::Context;
use super::session::{Caller, SessionId};
use super::store::presence::{self, AttributeList, Level, Subscription};
use super::store::{contact_lists, tree};
use crate::csp::{AVAILABLE_ONLINE, NEEDS_ALIAS, ONE_PRESENCE, Version, WHOLE_PRESENCE};
use crate::document::Element;

/// A presence attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its element.
    pub(crate) name: &'static str,
    /// Whether each client of a user has a value of its own (1.3).
    pub(crate) is_per_client: bool,
    /// Whether the network may set it.
    pub(crate) is_of_network: bool,
}

/// All attributes, in the order of PresenceSubList (Presence, "Attributes").
pub(crate) const ATTRIBUTES: [Attribute; 18] = [
    per_client("OnlineStatus"),
    network(per_client("Registration")),
    per_client("ClientInfo"),
    network(per_client("TimeZone")),
    network(per_client("GeoLocation")),
    network(of_user("Address")),
    per_client("FreeTextLocation"),
    network(per_client("PLMN")),
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

/// The attributes of which the network knows more than a client does: where it says something, that goes first.
const NETWORK_KNOWS_BEST: [&str; 2] = ["Registration", "PLMN"];
/// Users in one notification; a client's parser has a size.
const USERS_AT_ONCE: usize = 20;

const fn per_client(name: &'static str) -> Attribute {
    Attribute { name, is_per_client: true, is_of_network: false }
}

const fn of_user(name: &'static str) -> Attribute {
    Attribute { name, is_per_client: false, is_of_network: false }
}

const fn network(attribute: Attribute) -> Attribute {
    Attribute { is_of_network: true, ..attribute }
}

/// A set of attributes, in the order of PresenceSubList.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// What an owner grants to everybody who watches it, read at once.
struct Grants {
    owner: String,
    users: HashMap<String, Names>,
    lists: HashMap<String, Names>,
    default: Names,
}

impl Grants {
    fn read(context: &Context<'_>, owner: &str) -> Result<Self, Fault> {
        let db = context.store.reader();
        let users = presence::grants(db, owner, Level::User)?.into_iter();
        let users = users.map(|entry| (entry.subject, Names::read(&entry.attributes))).collect();
        let mut lists: HashMap<String, Names> = HashMap::new();
        for (watcher, attributes) in presence::list_grants_to_watchers(db, owner)? {
            let names = lists.entry(watcher).or_default();
            *names = names.with(Names::read(&attributes));
        }
        let default = presence::find_grant(db, owner, Level::Default, "")?;
        let default = default.map(|entry| Names::read(&entry.attributes)).unwrap_or_default();
        Ok(Self { owner: owner.to_owned(), users, lists, default })
    }

    /// Returns what is granted to a watcher: the first level that knows it decides, as in [`granted`].
    fn of(&self, watcher: &str) -> Names {
        if self.owner == watcher {
            return Names::ALL;
        }
        self.users.get(watcher).or_else(|| self.lists.get(watcher)).copied().unwrap_or(self.default)
    }
}

/// The values of one user, read once for all who may see some of them.
#[derive(Debug)]
pub(crate) struct Values {
    owner: String,
    /// By attribute; of the clients of the user the one that was heard of last comes first.
    by_name: BTreeMap<String, Vec<Element<'static>>>,
}

impl Values {
    /// Reads what is kept of a user.
    pub(crate) fn read(context: &Context<'_>, owner: &str) -> Result<Self, Fault> {
        let mut by_name: BTreeMap<String, Vec<Element<'static>>> = BTreeMap::new();
        for value in presence::values(context.store.reader(), owner)? {
            let element = tree::read(&value.element).unwrap_or_else(|| unset(&value.attribute));
            let all = by_name.entry(value.attribute).or_default();
            let is_of_network = value.client.is_empty() && NETWORK_KNOWS_BEST.contains(&element.name.as_ref());
            all.insert(if is_of_network { 0 } else { all.len() }, element);
        }
        by_name.entry("OnlineStatus".into()).or_insert_with(|| vec![online_status(false)]);
        Ok(Self { owner: owner.to_owned(), by_name })
    }

    /// Returns the values of some attributes as a client reads them. An attribute without a value is there with
    /// Qualifier F.
    pub(crate) fn list(&self, names: Names, reader: Reader) -> Element<'static> {
        let Reader { version, needs_alias, is_told_who_is_there } = reader;
        let mut list = Element::new("PresenceSubList");
        for attribute in names.meet(Names::of(version)).attributes() {
            let values = self.by_name.get(attribute.name).map(Vec::as_slice).unwrap_or_default();
            let is_hidden = is_told_who_is_there && attribute.name == "UserAvailability" && !self.is_online();
            let values = if is_hidden { &[] } else { values };
            match (values.first(), version) {
                (None, _) => list.children.push(unset(attribute.name)),
                (Some(_), Version::V1_3) => list.children.extend(values.iter().cloned()),
                // Up to 1.2 an attribute occurs once: the value of the client heard of last, of those that have one.
                (Some(first), _) => {
                    let known = values.iter().find(|value| value.child_text("Qualifier") != Some("F"));
                    list.children.push(known.unwrap_or(first).clone());
                }
            }
        }
        if needs_alias && Names::one("Alias").is_some_and(|alias| !names.meet(alias).is_empty()) {
            name(&mut list, &self.owner);
        }
        list
    }

    fn is_online(&self) -> bool {
        let clients = self.by_name.get("OnlineStatus").map(Vec::as_slice).unwrap_or_default();
        clients.iter().any(|status| status.child_text("PresenceValue") == Some("T"))
    }
}

/// How a client reads the values of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reader {
    version: Version,
    /// Whether everybody must have a name.
    needs_alias: bool,
    /// Whether UserAvailability tells it who is there.
    is_told_who_is_there: bool,
}

impl Reader {
    pub(crate) fn of(caller: &Caller) -> Self {
        let changes = caller.form.changes;
        let [needs_alias, is_told_who_is_there] = [NEEDS_ALIAS, AVAILABLE_ONLINE].map(|word| changes.has(word));
        Self { version: caller.version, needs_alias, is_told_who_is_there }
    }
}

/// Gives a list without an Alias the name in the address of its user.
pub(crate) fn name(list: &mut Element<'static>, user: &str) {
    let is_said = |alias: &Element<'_>| alias.name == "Alias" && alias.child("PresenceValue").is_some();
    if list.children.iter().any(is_said) {
        return;
    }
    let name = user.trim_start_matches("wv:").split('@').next().unwrap_or_default();
    let alias = Element::new("Alias").with_leaf("Qualifier", "T").with_leaf("PresenceValue", name.to_owned());
    list.children.retain(|child| child.name != "Alias");
    list.children.push(alias);
    list.children.sort_by_key(|child| ATTRIBUTES.iter().position(|own| own.name == child.name));
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
    if changed.is_empty() {
        return Ok(());
    }
    let subscriptions = presence::told_subscriptions(context.store.reader(), owner)?;
    if subscriptions.is_empty() {
        return Ok(());
    }
    let grants = Grants::read(context, owner)?;
    let shown = subscriptions.into_iter().map(|subscription| {
        let names = told(context, &subscription, grants.of(&subscription.watcher), changed);
        (subscription, names)
    });
    let shown = shown.collect();
    show(context, owner, shown, more)
}

/// Returns what a watcher is told of when some of what it may see has changed: some clients take what is not there for
/// unset, and are told all of it.
fn told(context: &Context<'_>, subscription: &Subscription, granted: Names, changed: Names) -> Names {
    let changed = granted.meet(changed);
    let is_seen = !changed.meet(wanted(&subscription.attributes)).is_empty();
    let session = SessionId::read(&subscription.session).and_then(|id| context.sessions.get(id));
    let is_whole = is_seen && session.is_some_and(|own| own.caller.form.changes.has(WHOLE_PRESENCE));
    if is_whole { granted } else { changed }
}

/// Puts a notification with the values of those attributes into the outbox of each subscription's session. Whoever sees
/// the same is sent the same.
fn show(
    context: &mut Context<'_>,
    owner: &str,
    shown: Vec<(Subscription, Names)>,
    more: &[Element<'static>],
) -> Result<(), Fault> {
    let values = Values::read(context, owner)?;
    let mut written: BTreeMap<(Reader, Names), Arc<Element<'static>>> = BTreeMap::new();
    for (subscription, names) in shown {
        let Some(session) = SessionId::read(&subscription.session) else { continue };
        let Some(reader) = context.sessions.get(session).map(|s| Reader::of(&s.caller)) else { continue };
        let version = reader.version;
        let names = names.meet(wanted(&subscription.attributes)).meet(Names::of(version));
        if names.is_empty() {
            continue;
        }
        let notification = written.entry((reader, names)).or_insert_with(|| {
            let mut list = values.list(names, reader);
            if version == Version::V1_3 {
                add(&mut list, names, more);
            }
            Element::new("PresenceNotification-Request").with(presence_of(owner, list)).into()
        });
        let sending = Sending::notice(notification.clone());
        context.send(session, sending);
    }
    Ok(())
}

/// Adds values behind those of their attributes.
fn add(list: &mut Element<'static>, names: Names, more: &[Element<'static>]) {
    for extra in more.iter().filter(|extra| Names::one(&extra.name).is_some_and(|n| !names.meet(n).is_empty())) {
        let place = list.children.iter().rposition(|c| c.name == extra.name).map_or(list.children.len(), |i| i + 1);
        list.children.insert(place, extra.clone());
    }
}

/// Returns a user with its values.
pub(crate) fn presence_of(user: &str, list: Element<'static>) -> Element<'static> {
    Element::new("Presence").with_leaf("UserID", user.to_owned()).with(list)
}

/// Subscribes a session to users and sends it what it may see of them now. Users that a contact list brought come with
/// that list. More users than a session may watch are left out.
pub(crate) fn subscribe(
    context: &mut Context<'_>,
    session: SessionId,
    users: &[(String, Option<String>)],
    attributes: &str,
) -> Result<(), Fault> {
    let Some(caller) = context.sessions.get(session).map(|s| s.caller.clone()) else { return Ok(()) };
    let id = session.to_string();
    let most = context.quotas(&caller.user)?.subscriptions;
    let mut watched: BTreeSet<String> = presence::watched(context.store.reader(), &id)?.into_iter().collect();
    let mut shown = Vec::new();
    for (owner, list) in users {
        if watched.len() >= most && !watched.contains(owner) {
            continue;
        }
        watched.insert(owner.clone());
        let subscription = Subscription {
            session: id.clone(),
            watcher: caller.user.clone(),
            attributes: attributes.to_owned(),
            list: list.clone(),
        };
        presence::subscribe(context.store.writer()?, owner, &subscription)?;
        let is_quiet = match list {
            Some(list) => contact_lists::is_quiet(context.store.reader(), list)?,
            None => false,
        };
        if !is_quiet {
            shown.push((owner.clone(), attributes.to_owned()));
        }
    }
    show_now(context, session, &shown)
}

/// Sends a session what it may see of users now; with each come the attributes that it wants.
pub(crate) fn show_now(context: &mut Context<'_>, session: SessionId, users: &[(String, String)]) -> Result<(), Fault> {
    let Some(caller) = context.sessions.get(session).map(|s| s.caller.clone()) else { return Ok(()) };
    let mut shown = Vec::new();
    for (owner, attributes) in users {
        let names = granted(context, owner, &caller.user)?.names.meet(wanted(attributes));
        if !names.is_empty() {
            shown.push(presence_of(owner, Values::read(context, owner)?.list(names, Reader::of(&caller))));
        }
    }
    let at_once = if caller.form.changes.has(ONE_PRESENCE) { 1 } else { USERS_AT_ONCE };
    for chunk in shown.chunks(at_once) {
        let notification = Element::new("PresenceNotification-Request").with_all(chunk.iter().cloned());
        context.send(session, Sending::notice(notification));
    }
    Ok(())
}

/// Ends what a session wants to know of a user, or only what it wants to know for the sake of a contact list. Returns
/// whether there was such.
pub(crate) fn unsubscribe(
    context: &mut Context<'_>,
    session: SessionId,
    owner: &str,
    list: Option<&str>,
) -> Result<bool, Fault> {
    let now = context.now.seconds();
    let Some(watcher) = context.sessions.get(session).map(|s| s.caller.user.clone()) else { return Ok(false) };
    let db = context.store.writer()?;
    let id = session.to_string();
    let was_there = match list {
        Some(list) => presence::unsubscribe_for(db, owner, &id, list)?,
        None => presence::unsubscribe(db, owner, &id)?,
    };
    if was_there && watcher != owner {
        presence::remember(db, owner, &watcher, true, now)?;
    }
    Ok(was_there)
}

/// Makes a change of what `owner` grants, and shows its watchers what they may see only now.
pub(crate) fn regrant<T>(
    context: &mut Context<'_>,
    owner: &str,
    change: impl FnOnce(&mut Context<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let before = Grants::read(context, owner)?;
    let outcome = change(context)?;
    let after = Grants::read(context, owner)?;
    let mut shown = Vec::new();
    for subscription in presence::told_subscriptions(context.store.reader(), owner)? {
        let now = after.of(&subscription.watcher);
        let names = told(context, &subscription, now, now.without(before.of(&subscription.watcher)));
        if !names.is_empty() {
            shown.push((subscription, names));
        }
    }
    if !shown.is_empty() {
        show(context, owner, shown, &[])?;
    }
    Ok(outcome)
}
