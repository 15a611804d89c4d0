//! Fundamental services: who runs this, searching, checking addresses (CSP transactions, F9 to F15).

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::csp::{Address, Code, Detail, Outcome, Version};
use crate::document::{Element, boolean, integer};
use crate::server::configuration::Provider;
use crate::server::fault::{Fault, required, success};
use crate::server::limits;
use crate::server::session::Search;
use crate::server::store::groups::Group;
use crate::server::store::{Store, contact_lists, groups, profiles, search};

/// GetSPInfo-Request; may come before a login.
pub(crate) fn get_sp_info(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let client = request.child("ClientID").map(|client| client.clone().into_owned());
    let provider = &context.configuration.provider;
    let name = provider.name.as_ref().unwrap_or(&context.configuration.domain);
    let words = [("Description", &provider.description), ("URL", &provider.url)];
    let words = words.into_iter().filter_map(|(name, text)| Some(Element::leaf(name, text.clone()?)));
    Ok(Element::new("GetSPInfo-Response")
        .with_all(client)
        .with_leaf("Name", name.clone())
        .with_all(logo(provider, context.version()))
        .with_all(words))
}

/// Before 1.3 an answer has a logo in any case: where there is none, a white dot.
fn logo(provider: &Provider, version: Version) -> Option<Element<'static>> {
    const DOT: (&str, &[u8]) = ("image/vnd.wap.wbmp", &[0, 0, 1, 1, 0x80]);
    let own = provider.logo.as_ref().map(|(kind, octets)| (kind.as_str(), octets.as_slice()));
    let (kind, octets) = own.or((version < Version::V1_3).then_some(DOT))?;
    let logo = Element::new("Logo")
        .with_leaf("ContentType", kind.to_owned())
        .with_leaf("ContentSize", octets.len().to_string());
    Some(logo.with(Element::octets("ContentData", octets.to_vec())))
}

/// VerifyID-Request: which of the addresses exist. Every one is sorted by its code, 200 among them (F15).
pub(crate) fn verify_id(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let list = request.child("IDList").ok_or_else(|| Fault::missing("IDList"))?;
    let mut sorted: BTreeMap<Code, Vec<Element<'static>>> = BTreeMap::new();
    for item in &list.children {
        let code = match verify(context, item) {
            None => continue,
            Some(Ok(())) => Code::SUCCESSFUL,
            Some(Err(fault)) if fault.is_our_own() => return Err(fault),
            Some(Err(fault)) => fault.0.code,
        };
        sorted.entry(code).or_default().push(item.clone().into_owned());
    }
    if sorted.is_empty() {
        return Err(Fault::missing("IDList/UserID"));
    }
    let are_all_valid = sorted.keys().all(|code| *code == Code::SUCCESSFUL);
    let code = if are_all_valid { Code::SUCCESSFUL } else { Code::PARTIALLY_SUCCESSFUL };
    let details = sorted.into_iter().map(|(code, items)| Detail { code, items }).collect();
    Ok(Outcome { details, ..Outcome::new(code) }.status())
}

/// Looks for what an element of an IDList names; `None` for elements that are not known.
fn verify(context: &Context<'_>, item: &Element<'_>) -> Option<Result<(), Fault>> {
    let home = &context.configuration.domain;
    Some(match item.name.as_ref() {
        "UserID" => context.known_user(item.trimmed()).map(drop),
        "ContactList" => verify_contact_list(context, item.trimmed()),
        "GroupID" => verify_group(context, item.trimmed()).map(drop),
        "ScreenName" => verify_screen_name(context, item),
        "Domain" if item.trimmed().eq_ignore_ascii_case(home) => Ok(()),
        "Domain" => Err(Code::NOT_FOUND.into()),
        _ => return None,
    })
}

/// Whether others have a list of that name is not for the caller to know (abuse case C05).
fn verify_contact_list(context: &Context<'_>, text: &str) -> Result<(), Fault> {
    let list = Address::contact_list_id(text, &context.configuration.domain).map_err(|_| Code::ADDRESS_ERROR)?;
    let found = contact_lists::find(context.store.reader(), context.user(), list.as_str())?;
    found.map(drop).ok_or_else(|| Code::UNKNOWN_CONTACT_LIST.into())
}

fn verify_group(context: &Context<'_>, text: &str) -> Result<Group, Fault> {
    let group = Address::group_id(text, &context.configuration.domain).map_err(|_| Code::ADDRESS_ERROR)?;
    groups::find(context.store.reader(), group.as_str())?.ok_or_else(|| Code::UNKNOWN_GROUP.into())
}

fn verify_screen_name(context: &Context<'_>, item: &Element<'_>) -> Result<(), Fault> {
    let group = verify_group(context, required(item, "GroupID")?)?;
    let name = required(item, "SName")?;
    let joined = groups::joined(context.store.reader(), &group.id)?;
    let is_there = joined.iter().any(|joined| joined.goes_by(name));
    if is_there { Ok(()) } else { Err(Code::ADDRESS_ERROR.into()) }
}

/// Search-Request: a new search, or the next piece of one.
pub(crate) fn search_request(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    match request.child_text("SearchID").filter(|id| !id.is_empty()) {
        Some(id) => go_on(context, request, id),
        None => begin(context, request),
    }
}

fn begin(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    if request.child("AdvancedCriteria").is_some() {
        return Err(Code::SERVICE_NOT_SUPPORTED.into());
    }
    let pairs = read_pairs(request)?;
    let limit = number(request, "SearchLimit").unwrap_or(PAGE).clamp(1, PAGE);
    let of_groups = pairs.iter().all(|(element, _)| element.starts_with("GROUP_"));
    let findings = if of_groups { find_groups(context, &pairs)? } else { find_users(context, &pairs)? };
    if findings.len() > limits::SEARCH_FINDINGS {
        return Err(Code(536).into());
    }
    let id = context.search_id();
    let search = Search { id: id.clone(), limit: limit as usize, of_groups, findings };
    let first = Element::new("Search-Response").with_leaf("SearchID", id);
    let answer = piece(context.store, context.version(), &search, 1, first)?;
    context.session()?.search = Some(search);
    Ok(answer)
}

/// The findings of one answer.
const PAGE: u32 = 50;

fn go_on(context: &mut Context<'_>, request: &Element<'_>, id: &str) -> Result<Element<'static>, Fault> {
    let index = integer(required(request, "SearchIndex")?).ok_or_else(|| Fault::bad("SearchIndex"))? as usize;
    let session = context.sessions.get(context.caller.session).ok_or(Code::INVALID_SESSION)?;
    let search = session.search.as_ref().filter(|search| search.id == id).ok_or(Code::INVALID_SEARCH_ID)?;
    if index == 0 || index > search.findings.len() {
        return Err(Code::INVALID_SEARCH_INDEX.into());
    }
    piece(context.store, context.version(), search, index, Element::new("Search-Response"))
}

/// Returns the findings from `index`, counted from 1, on.
fn piece(
    store: &Store,
    version: Version,
    search: &Search,
    index: usize,
    answer: Element<'static>,
) -> Result<Element<'static>, Fault> {
    let rest = search.findings.get(index - 1..).unwrap_or_default();
    let piece = &rest[..rest.len().min(search.limit)];
    let next = index + piece.len();
    let is_complete = piece.len() == rest.len();
    let mut answer = answer
        .with_leaf("SearchFindings", search.findings.len().to_string())
        .with_leaf("CompletionFlag", if is_complete { "T" } else { "F" });
    if !is_complete {
        answer = answer.with_leaf("SearchIndex", next.to_string());
    } else if version < Version::V1_3 {
        // The document types before 1.3 want one in every answer: that of the last finding.
        answer = answer.with_leaf("SearchIndex", search.findings.len().to_string());
    }
    if !piece.is_empty() {
        let found = match search.of_groups {
            true => Element::new("GroupList").with_all(piece.iter().map(|id| Element::leaf("GroupID", id.clone()))),
            false => {
                let users: Result<Vec<_>, _> = piece.iter().map(|address| user(store, address)).collect();
                Element::new("UserList").with_all(users?)
            }
        };
        answer = answer.with(Element::new("SearchResult").with(found));
    }
    Ok(answer)
}

/// Returns a user with the name it gave itself (1.3).
fn user(store: &Store, address: &str) -> Result<Element<'static>, Fault> {
    let user = Element::new("User").with_leaf("UserID", address.to_owned());
    let name = profiles::property(store.reader(), address, "PP_FRIENDLY_NAME")?;
    Ok(user.with_all(name.map(|name| Element::leaf("FriendlyName", name))))
}

/// Reads the criteria: one pair a list, or several, or wrapped (CSP in XML, "SearchPairList in 1.3").
fn read_pairs<'e>(request: &'e Element<'_>) -> Result<Vec<(String, &'e str)>, Fault> {
    let mut pairs = Vec::new();
    for list in request.children_named("SearchPairList") {
        for holder in std::iter::once(list).chain(list.children_named("SearchPair")) {
            let elements = holder.children_named("SearchElement");
            pairs.extend(
                elements
                    .zip(holder.children_named("SearchString"))
                    .map(|(e, s)| (e.trimmed().to_ascii_uppercase(), s.trimmed())),
            );
        }
    }
    if pairs.is_empty() || pairs.len() > limits::SEARCH_PAIRS {
        return Err(Code::INVALID_SEARCH.into());
    }
    if pairs.iter().any(|(_, text)| text.is_empty() || text.len() > limits::SHORT_TEXT) {
        return Err(Code(537).into());
    }
    Ok(pairs)
}

/// The criteria that look into public profiles: the property, and whether it must be equal.
const PROFILE_CRITERIA: [(&str, &str, bool); 7] = [
    ("USER_CITY", "PP_CITY", false),
    ("USER_COUNTRY", "PP_COUNTRY", false),
    ("USER_FRIENDLY_NAME", "PP_FRIENDLY_NAME", false),
    ("USER_GENDER", "PP_GENDER", true),
    ("USER_INTENTION", "PP_INTENTION", false),
    ("USER_INTERESTS_HOBBIES", "PP_INTERESTS", false),
    ("USER_MARITAL_STATUS", "PP_MARITAL_STATUS", true),
];

/// Finds the users that fit all criteria: first those that find somebody, then those that only leave some out.
fn find_users(context: &Context<'_>, pairs: &[(String, &str)]) -> Result<Vec<String>, Fault> {
    let mut found: Option<Vec<String>> = None;
    for (element, text) in pairs.iter().filter(|(element, _)| !is_filter(element)) {
        let matches = matching(context, element, text)?;
        if matches.len() > limits::USERS_SEARCHED {
            return Err(Code(537).into());
        }
        found = Some(match found {
            None => matches,
            Some(found) => {
                let matches: BTreeSet<_> = matches.into_iter().collect();
                found.into_iter().filter(|address| matches.contains(address)).collect()
            }
        });
    }
    // Everybody who is online, or of age, is too many.
    let mut found = found.ok_or(Code(537))?;
    for (element, text) in pairs.iter().filter(|(element, _)| is_filter(element)) {
        let mut kept = Vec::new();
        for address in found {
            if passes(context, &address, element, text)? {
                kept.push(address);
            }
        }
        found = kept;
    }
    Ok(found)
}

fn is_filter(element: &str) -> bool {
    matches!(element, "USER_ONLINE_STATUS" | "USER_AGE_MIN" | "USER_AGE_MAX")
}

/// Returns the users that one criterion finds.
fn matching(context: &Context<'_>, element: &str, text: &str) -> Result<Vec<String>, Fault> {
    let (db, most) = (context.store.reader(), limits::USERS_SEARCHED + 1);
    match element {
        "USER_ID" => {
            // A whole address is brought into its normal form; a part is looked for as it stands.
            let whole = Address::user_id(text, &context.configuration.domain).ok().filter(|_| text.contains('@'));
            Ok(search::users(db, whole.as_ref().map_or(text, Address::as_str), most)?)
        }
        "USER_MOBILE_NUMBER" => {
            let number = text.trim_start_matches('+');
            let mut found = search::users(db, &format!("wv:+{number}"), most)?;
            // Operators also name their users by the number as it is dialled at home.
            if number.len() > 2 && number.bytes().all(|digit| digit.is_ascii_digit()) {
                found.extend(search::users(db, &format!("wv:{number}"), most)?);
            }
            Ok(found)
        }
        _ => {
            let criterion = PROFILE_CRITERIA.iter().find(|(name, _, _)| *name == element);
            let (_, property, is_exact) = criterion.ok_or(Code::INVALID_SEARCH)?;
            let mut found = profiles::holding(db, property, text, most)?;
            // The words that must be equal are single letters.
            found.retain(|_| !is_exact || text.len() == 1);
            Ok(found)
        }
    }
}

/// Returns whether a user passes a criterion that finds nobody by itself.
fn passes(context: &Context<'_>, address: &str, element: &str, text: &str) -> Result<bool, Fault> {
    if element == "USER_ONLINE_STATUS" {
        return Ok(context.sessions.is_online(address) == boolean(text).ok_or(Code::INVALID_SEARCH)?);
    }
    let limit = integer(text).ok_or(Code::INVALID_SEARCH)?;
    let age = profiles::property(context.store.reader(), address, "PP_AGE")?.as_deref().and_then(integer);
    Ok(age.is_some_and(|age| if element == "USER_AGE_MIN" { age >= limit } else { age <= limit }))
}

/// Finds the public groups that are meant to be found and fit all criteria.
fn find_groups(context: &Context<'_>, pairs: &[(String, &str)]) -> Result<Vec<String>, Fault> {
    let mut found = search::groups(context.store.reader(), limits::GROUPS_SEARCHED)?;
    for (element, text) in pairs {
        let text = text.to_lowercase();
        let user = context.user_id(&text).map(|user| user.as_str().to_owned());
        match element.as_str() {
            "GROUP_ID" => found.retain(|group| group.id.contains(&text)),
            "GROUP_NAME" => found.retain(|group| group.name.to_lowercase().contains(&text)),
            "GROUP_TOPIC" => found.retain(|group| group.topic.to_lowercase().contains(&text)),
            "GROUP_USER_ID_OWNER" => found.retain(|group| user.as_ref() == Ok(&group.owner)),
            "GROUP_USER_ID_JOINED" => {
                let user = user.map_err(|_| Code::INVALID_SEARCH)?;
                let joined = search::groups_joined(context.store.reader(), &user)?;
                found.retain(|group| joined.contains(&group.id));
            }
            "GROUP_USER_ID_AUTOJOIN" => {
                let user = user.map_err(|_| Code::INVALID_SEARCH)?;
                let joined = search::groups_joined_by_themselves(context.store.reader(), &user)?;
                found.retain(|group| joined.contains(&group.id));
            }
            _ => return Err(Code::INVALID_SEARCH.into()),
        }
    }
    Ok(found.into_iter().map(|group| group.id).collect())
}

fn number(parent: &Element<'_>, child: &str) -> Option<u32> {
    parent.child_text(child).and_then(integer)
}

/// StopSearch-Request.
pub(crate) fn stop_search(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let id = required(request, "SearchID")?;
    let session = context.session()?;
    session.search.take_if(|search| search.id == id).ok_or(Code::INVALID_SEARCH_ID)?;
    Ok(success())
}
