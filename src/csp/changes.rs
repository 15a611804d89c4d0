//! Forms that certain clients need in place of those that the standard writes (CSP in XML, "Points where sources
//! differ"): one row each, applied to a whole message right before it is written.

use crate::document::{Content, Element};

/// A set of forms that a client needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes(u32);

struct Change {
    /// Its name in the configuration.
    word: &'static str,
    /// The element that is changed.
    element: &'static str,
    apply: fn(&mut Element<'_>),
}

/// What is changed in the tree.
const CHANGES: [Change; 10] = [
    // A client that looks only at ContactList children of the answer itself.
    Change { word: "contact-lists-direct", element: "GetList-Response", apply: |e| lift(e, "ContactListIDList") },
    // A client that reads Mapping where the standard has UserMapping.
    Change { word: "user-map-flat", element: "UserMapList", apply: |e| lift(e, "UserMapping") },
    // One server wrote the identity as text, and clients grew up with it.
    Change { word: "client-id-bare", element: "Login-Response", apply: bare_client },
    // The first answer of a login of four messages is a success to some.
    Change { word: "first-answer-200", element: "Login-Response", apply: first_answer },
    // A client with one table of tokens for all versions has none for the functions of attribute lists, which 1.3 lacks:
    // without children the group stands for all of them.
    Change { word: "attribute-functions-whole", element: "AttListFunc", apply: |e| e.children.clear() },
    // A client that takes what a presence does not hold for unset needs a list in each; the server fills it.
    Change { word: WHOLE_PRESENCE, element: "Presence", apply: with_list },
    // A client that takes the first value of an answer for the name of its user.
    Change { word: "alias-first", element: "GetPresence-Response", apply: alias_first },
    // A client that knows the one reason for which everything failed, and not that there is a list of reasons.
    Change { word: "reason-on-top", element: "Result", apply: one_reason },
    // A client that takes the first child of the answer for the capabilities; in 1.1 a ClientID stands before them.
    Change { word: "capabilities-first", element: "ClientCapability-Response", apply: |e| last(e, "ClientID") },
    // The flag says only that the channel is lost; clients read its two values each in its way.
    Change { word: "cir-lost-f", element: "CIR", apply: |e| e.content = Content::Text("F".into()) },
];
/// A client to which a change of presence is told with all that it watches.
pub(crate) const WHOLE_PRESENCE: &str = "presence-whole";
/// What is changed in the octets of WBXML, after those of the tree.
const WORDS_OF_WBXML: [&str; 5] =
    ["dates-as-text", "dates-as-octets", "integers-as-text", "public-id-unknown", "value-tokens-of-1.3"];
/// What the server does otherwise.
const WORDS_OF_SERVICE: [&str; 8] =
    [REUSES_IDS, TAKES_SILENTLY, MAKES_LISTS, NEEDS_ALIAS, ONE_PRESENCE, AVAILABLE_ONLINE, BARE_GROUPS, IS_ASKED];
/// A client that gives all its requests of a kind one TransactionID: no answer is remembered for it, and so nothing that it
/// says is taken for a repeat.
pub(crate) const REUSES_IDS: &str = "transaction-ids-reused";
/// A client that acknowledges nothing, or in a request of its own: what it was offered it has.
pub(crate) const TAKES_SILENTLY: &str = "taken-when-offered";
/// A client whose contact lists were made by its operator: ListManage makes a list of its own that is not there.
pub(crate) const MAKES_LISTS: &str = "lists-made-by-managing";
/// A client that needs an Alias of everybody whose presence it gets: who shows none is called by the name in the address.
pub(crate) const NEEDS_ALIAS: &str = "alias-of-everybody";
/// A client that reads one Presence of a notification: the presence of each user comes in one of its own.
pub(crate) const ONE_PRESENCE: &str = "presence-one-by-one";
/// A client that reads from UserAvailability who is there: who is not logged in has none.
pub(crate) const AVAILABLE_ONLINE: &str = "availability-while-online";
/// A client that names its own groups with or without the domain, as its user has logged in, and knows them by that alone.
pub(crate) const BARE_GROUPS: &str = "groups-as-logged-in";
/// A client that knows no way but PresenceAuth to say who may see its user, in 1.3 either: it is asked as those of 1.2 are.
pub(crate) const IS_ASKED: &str = "asked-in-1.3";

impl Changes {
    /// Returns the names of all of them.
    pub fn words() -> impl Iterator<Item = &'static str> {
        CHANGES.iter().map(|change| change.word).chain(WORDS_OF_WBXML).chain(WORDS_OF_SERVICE)
    }

    /// Returns the set of those names; else the first that is none.
    ///
    /// # Errors
    ///
    /// Names the word that is no change.
    pub fn read<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, &'w str> {
        words.into_iter().try_fold(Self::default(), |set, word| {
            let place = Self::words().position(|own| own == word).ok_or(word)?;
            Ok(Self(set.0 | 1 << place))
        })
    }

    /// Returns what is in either.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, word: &str) -> bool {
        // Most clients need none, and are asked about often.
        self.0 != 0 && Self::words().position(|own| own == word).is_some_and(|place| self.0 & 1 << place != 0)
    }

    /// Changes a tree.
    pub(super) fn apply(self, root: &mut Element<'_>) {
        for change in CHANGES.iter().filter(|change| self.has(change.word)) {
            change_below(root, change);
        }
    }

    /// Returns whether dates are octets in WBXML, where that is not what the version does.
    pub(super) fn opaque_dates(self) -> Option<bool> {
        let as_octets = self.has("dates-as-octets").then_some(true);
        self.has("dates-as-text").then_some(false).or(as_octets)
    }
}

fn change_below(element: &mut Element<'_>, change: &Change) {
    if element.name == change.element {
        (change.apply)(element);
    }
    element.children.iter_mut().for_each(|child| change_below(child, change));
}

/// Puts the children of a child in its place.
fn lift(element: &mut Element<'_>, name: &str) {
    let children = std::mem::take(&mut element.children);
    for child in children {
        if child.name == name { element.children.extend(child.children) } else { element.children.push(child) }
    }
}

/// Puts children behind the others.
fn last(element: &mut Element<'_>, name: &str) {
    element.children.sort_by_key(|child| child.name == name);
}

fn with_list(presence: &mut Element<'_>) {
    if presence.child("PresenceSubList").is_none() {
        presence.children.push(Element::new("PresenceSubList"));
    }
}

fn bare_client(login: &mut Element<'_>) {
    for client in login.children.iter_mut().filter(|child| child.name == "ClientID") {
        if let Some(text) = client.children.first().map(|child| child.text().to_owned()) {
            *client = Element::leaf("ClientID", text);
        }
    }
}

fn alias_first(answer: &mut Element<'_>) {
    let presences = answer.children.iter_mut().filter(|child| child.name == "Presence");
    for list in presences.flat_map(|presence| &mut presence.children) {
        list.children.sort_by_key(|attribute| attribute.name != "Alias");
    }
}

fn one_reason(result: &mut Element<'_>) {
    if result.child_text("Code") != Some("900") || result.children_named("DetailedResult").count() != 1 {
        return;
    }
    for name in ["Code", "Description"] {
        let text = result.child("DetailedResult").and_then(|only| only.child_text(name)).map(str::to_owned);
        let leaf = result.children.iter_mut().find(|child| child.name == name);
        if let (Some(leaf), Some(text)) = (leaf, text) {
            leaf.content = Content::Text(text.into());
        }
    }
}

fn first_answer(login: &mut Element<'_>) {
    if login.child("Nonce").is_none() {
        return;
    }
    let results = login.children.iter_mut().filter(|child| child.name == "Result");
    for leaf in results.flat_map(|result| &mut result.children) {
        match leaf.name.as_ref() {
            "Code" => leaf.content = Content::Text("200".into()),
            "Description" => leaf.content = Content::Text("Successful".into()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_change() {
        for word in Changes::words() {
            let one = Changes::read([word]).unwrap();
            assert_eq!(Changes::words().filter(|other| one.has(other)).collect::<Vec<_>>(), [word]);
        }
        assert_eq!(Changes::read(["user-map-flat", "nonsense"]), Err("nonsense"));
    }

    #[test]
    fn trees_are_changed_where_the_row_says() {
        let list = Element::new("ContactListIDList").with_leaf("ContactList", "a").with_leaf("ContactList", "b");
        let mut answer = Element::new("GetList-Response").with(list).with_leaf("DefaultContactList", "a");
        Changes::default().apply(&mut answer);
        assert_eq!(answer.children.len(), 2);
        Changes::read(["contact-lists-direct"]).unwrap().apply(&mut answer);
        let names: Vec<_> = answer.children.iter().map(|child| child.name.as_ref()).collect();
        assert_eq!(names, ["ContactList", "ContactList", "DefaultContactList"]);

        let mapping = Element::new("UserMapping").with(Element::new("Mapping").with(Element::new("SName")));
        let mut joined = Element::new("Joined").with(Element::new("UserMapList").with(mapping));
        Changes::read(["user-map-flat"]).unwrap().apply(&mut joined);
        assert!(joined.descend(&["UserMapList", "Mapping", "SName"]).is_some());

        let mut session = Element::new("Session").with_leaf("Poll", "F").with_leaf("CIR", "T");
        Changes::read(["cir-lost-f"]).unwrap().apply(&mut session);
        assert_eq!((session.child_text("Poll"), session.child_text("CIR")), (Some("F"), Some("F")));

        let detail = |code: &'static str| Element::new("DetailedResult").with_leaf("Code", code);
        for (top, details, told) in
            [("900", &["531"][..], "531"), ("900", &["531", "532"], "900"), ("201", &["531"], "201")]
        {
            let all = details.iter().map(|code| detail(code));
            let mut status = Element::new("Status").with(Element::new("Result").with_leaf("Code", top).with_all(all));
            Changes::read(["reason-on-top"]).unwrap().apply(&mut status);
            assert_eq!(status.child("Result").and_then(|result| result.child_text("Code")), Some(told));
        }

        let result = Element::new("Result").with_leaf("Code", "401");
        let client = Element::new("ClientID").with_leaf("URL", "phone");
        let mut first = Element::new("Login-Response").with(client).with(result).with_leaf("Nonce", "n");
        let mut last = first.clone();
        last.children.pop();
        for login in [&mut first, &mut last] {
            Changes::read(["first-answer-200", "client-id-bare"]).unwrap().apply(login);
            assert_eq!(login.child_text("ClientID"), Some("phone"));
        }
        let code = |login: &Element<'_>| login.descend(&["Result", "Code"]).map(|code| code.text().to_owned());
        assert_eq!(
            (code(&first).as_deref(), code(&last).as_deref()),
            (Some("200"), Some("401")),
            "a refusal stays one"
        );
    }
}
