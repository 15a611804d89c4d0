//! The commands that are one request and its answer: a row each, with what it asks for and how that is written.

use clap::ArgMatches;
use impskit::client::primitives::{address_to, send_message};
use impskit::csp::{Services, Version};
use impskit::document::Element;
use impskit::error::{Error, Result};

/// A command of this table.
#[derive(Debug)]
pub(super) struct Row {
    /// Its words behind `impskit client`.
    pub(super) path: &'static [&'static str],
    /// What it does, for its help.
    pub(super) about: &'static str,
    pub(super) arguments: &'static [Argument],
    /// What is typed behind the words, in two examples.
    pub(super) examples: [&'static str; 2],
    /// The requests, one after the other; the answer to the last is shown.
    pub(super) requests: fn(&Given<'_>) -> Result<Vec<Element<'static>>>,
    /// The request that the answer to a request asks for in turn.
    pub(super) next: fn(&Given<'_>, &Element<'_>, &Element<'_>) -> Option<Element<'static>>,
}

/// An argument of a command.
#[derive(Debug)]
pub(super) struct Argument {
    /// `GROUP`, or the long name of an option.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that must be there.
    One,
    /// One or more.
    Many,
    /// Any number.
    Any,
    /// An option with a value of that name.
    Option(&'static str),
    /// The same, as often as wanted.
    Options(&'static str),
    /// An option with one of these words, with `|` between them, in small or capital letters.
    Choice(&'static str),
    Flag,
}

/// What was typed, who types it and in which version.
#[derive(Debug)]
pub(super) struct Given<'m> {
    pub(super) matches: &'m ArgMatches,
    pub(super) version: Version,
    pub(super) user: &'m str,
    pub(super) client_id: &'m str,
}

impl Given<'_> {
    fn all(&self, name: &str) -> Vec<&str> {
        self.matches.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(name).map(String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// Returns what is written as `NAME=VALUE`.
    fn pairs(&self, name: &str) -> Result<Vec<(&str, &str)>> {
        let pair = |text| {
            let bad = || Error::input(format!("`{text}` is no pair")).help("write it as `NAME=VALUE`");
            str::split_once(text, '=').ok_or_else(bad)
        };
        self.all(name).into_iter().map(pair).collect()
    }

    /// Returns a request to those that are named.
    fn to(&self, primitive: &'static str, who: &[&str]) -> Element<'static> {
        let mut request = Element::new(primitive);
        address_to(&mut request, self.version, who);
        request
    }

    fn group(&self, primitive: &'static str) -> Element<'static> {
        self.to(primitive, &[self.one("GROUP").unwrap_or_default()])
    }

    /// Returns the name in a group, where one is given.
    fn screen_name(&self) -> Option<Element<'static>> {
        let group = self.one("GROUP").unwrap_or_default().to_owned();
        let name = self.one("name")?.to_owned();
        Some(Element::new("ScreenName").with_leaf("SName", name).with_leaf("GroupID", group))
    }
}

const fn one(name: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::One }
}

const fn many(name: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Many }
}

const fn any(name: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Any }
}

const fn option(name: &'static str, value: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Option(value) }
}

const fn options(name: &'static str, value: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Options(value) }
}

const fn choice(name: &'static str, words: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Choice(words) }
}

const fn flag(name: &'static str, help: &'static str) -> Argument {
    Argument { name, help, kind: Kind::Flag }
}

const GROUP: Argument = one("GROUP", "The group: `wv:/NAME`, or `wv:USER/NAME` of a user");
const USERS: Argument = many("USER", "Users, and contact lists as `wv:USER/LIST`");
const ATTRIBUTES: Argument = options("attribute", "NAME", "Presence attributes; else all");

fn over(_: &Given<'_>, _: &Element<'_>, _: &Element<'_>) -> Option<Element<'static>> {
    None
}

const fn row(path: &'static [&'static str], about: &'static str, examples: [&'static str; 2]) -> Row {
    Row { path, about, arguments: &[], examples, requests: |_| Ok(Vec::new()), next: over }
}

/// What groups of commands are for.
pub(super) const GROUPS: &[(&str, &str)] = &[
    ("presence", "Presence: set, get and watch it, and decide who may"),
    ("group", "Groups: make and join them, see and change who may what"),
    ("profile", "Public profiles: read and write them"),
];

/// All commands of this kind.
pub(super) static ROWS: &[Row] = &[
    Row {
        requests: |given| {
            let client = Element::new("ClientID").with_leaf("URL", given.client_id.to_owned());
            let asked = Services::all(given.version).element(given.version, "Functions");
            let request = Element::new("Service-Request").with(client).with(asked);
            Ok(vec![request.with_leaf("AllFunctionsRequest", "T")])
        },
        ..row(&["services"], "Show what the server offers, and what of it is denied", ["", "--version 1.1"])
    },
    Row {
        requests: |given| {
            let client = Element::new("ClientID").with_leaf("URL", given.client_id.to_owned());
            Ok(vec![Element::new("GetSPInfo-Request").with(client)])
        },
        ..row(&["provider"], "Show who runs the server", ["", "--format json"])
    },
    Row {
        arguments: &[many("NAME=VALUE", "Attributes with their values; nothing behind `=` takes one back")],
        requests: |given| {
            let values = given.pairs("NAME=VALUE")?.into_iter().map(|(name, value)| attribute(given, name, value));
            let list = Element::new("PresenceSubList").with_all(values.collect::<Result<Vec<_>>>()?);
            Ok(vec![Element::new("UpdatePresence-Request").with(list)])
        },
        ..row(&["presence", "set"], "Set presence attributes", ["StatusText=\"On the balcony\"", "Address.City=Verona"])
    },
    Row {
        arguments: &[USERS, ATTRIBUTES],
        requests: |given| Ok(vec![presence(given, "GetPresence-Request")?]),
        ..row(&["presence", "get"], "Show presence", ["berta", "berta carla --attribute OnlineStatus"])
    },
    Row {
        arguments: &[USERS, ATTRIBUTES, flag("stop", "End the subscription")],
        requests: |given| {
            let primitive = if given.is("stop") { "UnsubscribePresence-Request" } else { "SubscribePresence-Request" };
            Ok(vec![presence(given, primitive)?])
        },
        ..row(&["presence", "subscribe"], "Be told when presence changes", ["berta --wait 60", "berta --stop"])
    },
    Row {
        arguments: &[
            any("LIST", "A contact list, `wv:USER/LIST`; else all are shown"),
            options("add", "USER", "Add users to it"),
            options("remove", "USER", "Remove users from it"),
            flag("create", "Create it"),
            flag("delete", "Delete it"),
        ],
        requests: |given| Ok(vec![contacts(given)]),
        ..row(
            &["presence", "contacts"],
            "Show contact lists, or change one",
            ["", "wv:anna/friends --create --add bert"],
        )
    },
    Row {
        arguments: &[
            any("USER", "Users, and contact lists as `wv:USER/LIST`; else everybody"),
            ATTRIBUTES,
            flag("cancel", "Take it back"),
        ],
        requests: |given| Ok(vec![authorize(given)?]),
        ..row(
            &["presence", "authorize"],
            "Decide who may see which attributes",
            ["berta --cancel", "berta --attribute OnlineStatus"],
        )
    },
    Row {
        requests: |_| Ok(vec![Element::new("GetWatcherList-Request")]),
        ..row(&["presence", "watchers"], "Show who watches", ["", "--format json"])
    },
    Row {
        arguments: &[
            many("ELEMENT=TEXT", "What to look for, such as USER_ID=ann; all must be so"),
            option("limit", "N", "How many in one answer"),
            flag("all", "Ask until everything is found"),
        ],
        requests: |given| {
            let pairs = given.pairs("ELEMENT=TEXT")?.into_iter().map(|(element, text)| {
                let pair = Element::new("SearchPairList").with_leaf("SearchElement", element.to_owned());
                pair.with_leaf("SearchString", text.to_owned())
            });
            let request = Element::new("Search-Request").with_all(pairs);
            Ok(vec![request.with_leaf("SearchLimit", given.one("limit").unwrap_or("20").to_owned())])
        },
        next: |given, asked, answer| {
            // Only the first answer says how the search is called.
            let id = answer.child("SearchID").or_else(|| asked.child("SearchID"));
            let page = [id.cloned(), answer.child("SearchIndex").cloned()];
            let [Some(_), Some(index)] = &page else { return None };
            let is_whole = answer.child_text("CompletionFlag").is_none_or(|flag| flag.eq_ignore_ascii_case("T"));
            if is_whole || !given.is("all") || index.trimmed().is_empty() {
                return None;
            }
            let limit = given.one("limit").unwrap_or("20").to_owned();
            let page = page.into_iter().flatten().map(Element::into_owned);
            Some(Element::new("Search-Request").with_leaf("SearchLimit", limit).with_all(page))
        },
        ..row(&["search"], "Search for users and groups", ["USER_ID=ber", "GROUP_NAME=verona --all"])
    },
    Row {
        arguments: &[many("USER", "The users")],
        requests: |given| {
            let ids = given.all("USER").into_iter().map(|id| Element::leaf("UserID", id.to_owned()));
            Ok(vec![Element::new("GetPublicProfile-Request").with_all(ids)])
        },
        ..row(&["profile", "get"], "Show public profiles", ["berta", "berta carla --format json"])
    },
    Row {
        arguments: &[any("NAME=VALUE", "Properties with their values"), flag("clear", "Remove all others")],
        requests: |given| {
            let clear = if given.is("clear") { "T" } else { "F" };
            let profile = Element::new("PublicProfile").with_all(properties(&given.pairs("NAME=VALUE")?));
            let request = Element::new("UpdatePublicProfile-Request").with_leaf("ClearPublicProfile", clear);
            Ok(vec![if profile.children.is_empty() { request } else { request.with(profile) }])
        },
        ..row(&["profile", "set"], "Write the own public profile", ["PP_CITY=Verona", "--clear"])
    },
    Row {
        arguments: &[
            any("USER", "Whom; nobody shows the lists"),
            flag("remove", "Take them from the list"),
            flag("grant", "The list of those who may, in place of those who may not"),
            choice("use", "T|F", "Put the list to use, or not; while it is not in use, it keeps nobody away"),
        ],
        requests: |given| Ok(block(given)),
        ..row(&["block"], "Show or change who is blocked", ["spammer --use T", "berta --grant --remove"])
    },
    Row {
        arguments: &[
            any("USER", "Whom to invite"),
            option("id", "ID", "What tells this invitation from others of yours; must be given to answer or cancel"),
            option("type", "TYPE", "GR for a group, IM for a chat, PR for presence, SC for content; else IM"),
            option("group", "GROUP", "The group to join"),
            options("url", "URL", "What to look at"),
            ATTRIBUTES,
            option("note", "TEXT", "A word with it"),
            choice("answer", "yes|no", "Answer an invitation of the users named"),
            flag("cancel", "Cancel it"),
        ],
        requests: invitation,
        ..row(
            &["invite"],
            "Invite users, answer an invitation or cancel one",
            ["berta --id 7 --answer yes", "berta --type GR --group wv:/lobby --wait 60"],
        )
    },
    Row {
        arguments: &[many("ID", "Users, groups with their `/`, domains with `@` in front, lists with `list:`")],
        requests: |given| {
            let ids = given.all("ID").into_iter().map(|id| match (id.strip_prefix('@'), id.strip_prefix("list:")) {
                (Some(domain), _) => Element::leaf("Domain", domain.to_owned()),
                (_, Some(list)) => Element::leaf("ContactList", list.to_owned()),
                _ if id.contains('/') => Element::leaf("GroupID", id.to_owned()),
                _ => Element::leaf("UserID", id.to_owned()),
            });
            Ok(vec![Element::new("VerifyID-Request").with(Element::new("IDList").with_all(ids))])
        },
        ..row(&["verify"], "Ask which addresses there are", ["berta nobody", "wv:/lobby @example.com"])
    },
    Row {
        arguments: &[
            GROUP,
            options("property", "NAME=VALUE", "Properties of the group"),
            option("name", "NAME", "Join it, under this name"),
        ],
        requests: |given| {
            let properties = Element::new("GroupProperties").with_all(properties(&given.pairs("property")?));
            let mut request = given.group("CreateGroup-Request").with(properties);
            request.children.extend(given.screen_name());
            let joins = if given.one("name").is_some() { "T" } else { "F" };
            Ok(vec![request.with_leaf("JoinGroup", joins).with_leaf("SubscribeNotification", joins)])
        },
        ..row(
            &["group", "create"],
            "Make a group",
            ["wv:anna/chess --property Name=Chess", "wv:anna/chess --name Queen"],
        )
    },
    Row {
        arguments: &[GROUP],
        requests: |given| Ok(vec![given.group("DeleteGroup-Request")]),
        ..row(&["group", "delete"], "Delete a group", ["wv:anna/chess", "wv:anna/chess --version 1.2"])
    },
    Row {
        arguments: &[GROUP, option("name", "NAME", "The name to have in it")],
        requests: |given| Ok(vec![join(given)]),
        ..row(
            &["group", "join"],
            "Join a group, and hear what is said in it",
            ["wv:/lobby --wait 60", "wv:/lobby --name Queen"],
        )
    },
    Row {
        arguments: &[GROUP],
        requests: |given| Ok(vec![given.group("LeaveGroup-Request")]),
        ..row(&["group", "leave"], "Leave a group", ["wv:/lobby", "wv:/lobby --version 1.1"])
    },
    Row {
        arguments: &[GROUP, one("TEXT", "What to say"), option("name", "NAME", "The name to have in it")],
        requests: |given| {
            let group = given.one("GROUP").unwrap_or_default();
            let text = given.one("TEXT").unwrap_or_default();
            Ok(vec![join(given), send_message(given.user, &[group], text, false)])
        },
        ..row(
            &["group", "send"],
            "Say something in a group, which is joined for that",
            ["wv:/lobby Hello", "wv:/lobby Hello --wait 30"],
        )
    },
    Row {
        arguments: &[GROUP, options("add", "USER", "Add users"), options("remove", "USER", "Remove users")],
        requests: |given| {
            let change = |primitive, option| {
                let who = [&[given.one("GROUP").unwrap_or_default()][..], &given.all(option)].concat();
                (who.len() > 1).then(|| given.to(primitive, &who))
            };
            let added = change("AddGroupMembers-Request", "add");
            let removed = change("RemoveGroupMembers-Request", "remove");
            let shown = given.group("GetGroupMembers-Request");
            Ok(added.into_iter().chain(removed).chain([shown]).collect())
        },
        ..row(&["group", "members"], "Show or change who is a member", ["wv:anna/chess", "wv:anna/chess --add berta"])
    },
    Row {
        arguments: &[GROUP],
        requests: |given| Ok(vec![given.group("GetJoinedUsers-Request")]),
        ..row(&["group", "joined"], "Show who is in a group now", ["wv:/lobby", "wv:/lobby --format json"])
    },
    Row {
        arguments: &[
            GROUP,
            options("admin", "USER", "Make users administrators"),
            options("moderator", "USER", "Make users moderators"),
            options("member", "USER", "Make users plain members"),
        ],
        requests: |given| {
            let plain = if given.version == Version::V1_3 { "UserList" } else { "Users" };
            let list = |users: &[&str]| {
                let user = |id: &&str| Element::new("User").with_leaf("UserID", (*id).to_owned());
                Element::new("UserList").with_all(users.iter().map(user))
            };
            let mut request = given.group("MemberAccess-Request");
            for (option, role) in [("admin", "Admin"), ("moderator", "Mod"), ("member", plain)] {
                let users = given.all(option);
                let inner = list(&users);
                let element = if role == "UserList" { inner } else { Element::new(role).with(inner) };
                request.children.extend((!users.is_empty()).then_some(element));
            }
            Ok(vec![request])
        },
        ..row(
            &["group", "access"],
            "Decide who runs a group",
            ["wv:anna/chess --moderator berta", "wv:anna/chess --member berta"],
        )
    },
    Row {
        arguments: &[
            GROUP,
            options("property", "NAME=VALUE", "Set properties of the group"),
            options("own", "NAME=VALUE", "Set properties of yourself in it"),
        ],
        requests: |given| {
            let (group, own) = (given.pairs("property")?, given.pairs("own")?);
            if group.is_empty() && own.is_empty() {
                return Ok(vec![given.group("GetGroupProps-Request")]);
            }
            let mut request = given.group("SetGroupProps-Request");
            for (name, pairs) in [("GroupProperties", group), ("OwnProperties", own)] {
                if !pairs.is_empty() {
                    request.children.push(Element::new(name).with_all(properties(&pairs)));
                }
            }
            Ok(vec![request])
        },
        ..row(
            &["group", "properties"],
            "Show or set the properties of a group",
            ["wv:/lobby", "wv:/lobby --property Topic=Tea"],
        )
    },
    Row {
        arguments: &[GROUP, options("add", "USER", "Reject users"), options("remove", "USER", "Let users in again")],
        requests: |given| {
            let mut request = given.group("RejectList-Request");
            for (option, name) in [("add", "AddList"), ("remove", "RemoveList")] {
                let ids = given.all(option).into_iter().map(|id| Element::leaf("UserID", id.to_owned()));
                let list = Element::new(name).with_all(ids);
                request.children.extend((!list.children.is_empty()).then_some(list));
            }
            Ok(vec![request])
        },
        ..row(&["group", "reject"], "Show or change who is rejected", ["wv:anna/chess", "wv:anna/chess --add troll"])
    },
    Row {
        arguments: &[GROUP, choice("set", "T|F", "Be told of changes, or no longer")],
        requests: |given| {
            let kind = match given.one("set") {
                Some("T") => "S",
                Some(_) => "U",
                None => "G",
            };
            // Only who is in it is told.
            Ok(vec![join(given), given.group("SubscribeGroupNotice-Request").with_leaf("SubscribeType", kind)])
        },
        ..row(
            &["group", "notices"],
            "Ask for notices of changes, or whether there are any",
            ["wv:/lobby", "wv:/lobby --set T --wait 60"],
        )
    },
];

/// Returns a value of an attribute; `Address.City` is a part of one. Without a value the attribute is taken back.
fn attribute(given: &Given<'_>, name: &str, value: &str) -> Result<Element<'static>> {
    let (name, part) = name.split_once('.').unwrap_or((name, "PresenceValue"));
    is_attribute(given, name)?;
    let attribute = Element::new(name.to_owned()).with_leaf("Qualifier", if value.is_empty() { "F" } else { "T" });
    Ok(if value.is_empty() { attribute } else { attribute.with_leaf(part.to_owned(), value.to_owned()) })
}

/// Fails where the version has no such attribute: it would be left out without a word.
fn is_attribute(given: &Given<'_>, name: &str) -> Result<()> {
    let declaration = given.version.vocabulary().grammar.declaration(name, "presence");
    if declaration.is_some_and(|declaration| declaration.namespaces.contains(&"presence")) {
        return Ok(());
    }
    let what = format!("CSP {} has no presence attribute `{name}`", given.version.as_str());
    Err(Error::input(what).help("write it as the standard does, such as `StatusText` or `UserAvailability`"))
}

fn properties(pairs: &[(&str, &str)]) -> Vec<Element<'static>> {
    let property = |(name, value): &(&str, &str)| {
        Element::new("Property").with_leaf("Name", (*name).to_owned()).with_leaf("Value", (*value).to_owned())
    };
    pairs.iter().map(property).collect()
}

/// Returns the list of the attributes that are named, if any is.
fn attributes(given: &Given<'_>) -> Result<Option<Element<'static>>> {
    let names = given.all("attribute");
    names.iter().try_for_each(|name| is_attribute(given, name))?;
    let list = Element::new("PresenceSubList").with_all(names.into_iter().map(|name| Element::new(name.to_owned())));
    Ok((!list.children.is_empty()).then_some(list))
}

fn presence(given: &Given<'_>, primitive: &'static str) -> Result<Element<'static>> {
    let mut request = given.to(primitive, &given.all("USER"));
    if !given.matches.try_get_one::<bool>("stop").ok().flatten().copied().unwrap_or_default() {
        request.children.extend(attributes(given)?);
    }
    Ok(request)
}

fn contacts(given: &Given<'_>) -> Element<'static> {
    let Some(list) = given.all("LIST").first().copied() else { return Element::new("GetList-Request") };
    let users = |option| given.all(option).into_iter().map(|id| Element::leaf("UserID", id.to_owned()));
    let wrap = |name: &'static str, option| {
        let users = Element::new(name).with_all(users(option));
        (!users.children.is_empty()).then_some(users)
    };
    if given.is("delete") {
        return given.to("DeleteList-Request", &[list]);
    }
    let (primitive, added) =
        if given.is("create") { ("CreateList-Request", "NickList") } else { ("ListManage-Request", "AddNickList") };
    let mut request = given.to(primitive, &[list]);
    request.children.extend(wrap(added, "add"));
    if primitive == "ListManage-Request" {
        request.children.extend(wrap("RemoveNickList", "remove"));
        request = request.with_leaf("ReceiveList", "T");
    }
    request
}

fn authorize(given: &Given<'_>) -> Result<Element<'static>> {
    let who = given.all("USER");
    let is_cancelled = given.is("cancel");
    let primitive = if is_cancelled { "DeleteAttributeList-Request" } else { "CreateAttributeList-Request" };
    let mut request = given.to(primitive, &who);
    if !is_cancelled {
        request.children.push(attributes(given)?.unwrap_or_else(|| Element::new("PresenceSubList")));
    }
    Ok(request.with_leaf("DefaultList", if who.is_empty() { "T" } else { "F" }))
}

/// Without a word about its use, the lists are shown behind the change: one that is not in use keeps nobody away.
fn block(given: &Given<'_>) -> Vec<Element<'static>> {
    let lists = Element::new("GetBlockedList-Request");
    let (users, switch) = (given.all("USER"), given.one("use"));
    if users.is_empty() && switch.is_none() {
        return vec![lists];
    }
    let name = if given.is("grant") { "GrantList" } else { "BlockList" };
    let change = Element::new(if given.is("remove") { "RemoveList" } else { "AddList" });
    let entity = |id: &str| Element::leaf(if id.contains('/') { "GroupID" } else { "UserID" }, id.to_owned());
    let change = change.with_all(users.into_iter().map(entity));
    // The switch stands beside the list in 1.3, and in it before.
    let is_beside = given.version == Version::V1_3;
    let mut list = Element::new(name);
    list.children.extend(switch.filter(|_| !is_beside).map(|switch| Element::leaf("InUse", switch.to_owned())));
    list.children.push(change);
    let mut request = Element::new("BlockEntity-Request").with(list);
    let beside = switch.filter(|_| is_beside).map(|switch| Element::leaf(format!("{name}InUse"), switch.to_owned()));
    request.children.extend(beside);
    let shown = switch.is_none().then_some(lists);
    std::iter::once(request).chain(shown).collect()
}

fn join(given: &Given<'_>) -> Element<'static> {
    let mut request = given.group("JoinGroup-Request");
    let name = given.matches.try_get_one::<String>("name").ok().flatten();
    if name.is_some() {
        request.children.extend(given.screen_name());
    }
    request.with_leaf("JoinedRequest", "T").with_leaf("SubscribeNotification", "T")
}

fn invitation(given: &Given<'_>) -> Result<Vec<Element<'static>>> {
    let id = given.one("id").unwrap_or("1").to_owned();
    let note = |name: &'static str| given.one("note").map(|text| Element::leaf(name, text.to_owned()));
    let sender = || {
        let user = Element::new("User").with_leaf("UserID", given.user.to_owned());
        Element::new("Sender").with(user)
    };
    let answer = given.one("answer");
    if answer.is_some() || given.is("cancel") {
        if given.one("id").is_none() {
            return Err(Error::input("which invitation is not said").help("name it with `--id ID`"));
        }
        let primitive = if answer.is_some() { "InviteUser-Response" } else { "CancelInvite-Request" };
        let mut request = given.to(primitive, &given.all("USER")).with_leaf("InviteID", id);
        if let Some(answer) = answer {
            let acceptance = if answer == "yes" { "T" } else { "F" };
            request = request.with_leaf("Acceptance", acceptance);
            request.children.extend(note("ResponseNote"));
        }
        return Ok(vec![request.with(sender())]);
    }
    let mut request = given.to("Invite-Request", &given.all("USER"));
    request = request.with_leaf("InviteID", id).with_leaf("InviteType", given.one("type").unwrap_or("IM").to_owned());
    request.children.extend(given.one("group").map(|group| Element::leaf("GroupID", group.to_owned())));
    let urls = given.all("url").into_iter().map(|url| Element::leaf("URL", url.to_owned()));
    let urls = Element::new("URLList").with_all(urls);
    request.children.extend((!urls.children.is_empty()).then_some(urls));
    request.children.extend(attributes(given)?);
    request.children.extend(note("InviteNote"));
    Ok(vec![request.with(sender()).with_leaf("Validity", "3600")])
}
