//! Who watches whom (Presence, "Subscription").

use std::collections::BTreeSet;

use super::{asked, authorization, named, nobody};
use crate::csp::{Code, Version};
use crate::document::{Element, integer};
use crate::server::fault::Fault;
use crate::server::service::Context;
use crate::server::service::targets::{self, Tally, flag};
use crate::server::store::presence;
use crate::server::watch::{self, Names};

/// How long former watchers are remembered, in seconds: a week.
pub(super) const HISTORY: i64 = 7 * 86_400;
/// Watchers in one answer, whatever is asked: a client's parser has a size.
const MOST_WATCHERS: usize = 200;

/// `SubscribePresence-Request`: by users or by contact lists. It succeeds where nothing is granted yet.
pub(crate) fn subscribe(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let asked = asked(request)?;
    let attributes = if asked == Names::ALL { String::new() } else { asked.column() };
    let mut tally = Tally::default();
    let users = targets::users_with_lists(context, request, &mut tally)?;
    if tally.is_empty() {
        return Err(nobody());
    }
    let session = context.caller.session;
    let watched: BTreeSet<String> =
        presence::watched(context.store.reader(), &session.to_string())?.into_iter().collect();
    let new = users.iter().filter(|(user, _)| !watched.contains(user)).count();
    if watched.len() + new > context.quotas(context.user())?.subscriptions {
        return Err(Code::SERVICE_UNAVAILABLE.into());
    }
    // 1.1 has no automatic subscription; where the flag is left out later, it is on (CSP in XML, section 4).
    if context.version() > Version::V1_1 && flag(request, "AutoSubscribe") != Some(false) {
        for list in own_lists(context, request)? {
            presence::subscribe_list(context.store.writer()?, &session.to_string(), &list, &attributes)?;
        }
    }
    watch::subscribe(context, session, &users, &attributes)?;
    let watcher = context.user().to_owned();
    for (owner, _) in users.into_iter().filter(|(owner, _)| *owner != watcher) {
        let grant = watch::granted(context, &owner, &watcher)?;
        authorization::ask_owner(context, &owner, asked, &grant)?;
    }
    Ok(tally.outcome().status())
}

/// `UnsubscribePresence-Request`.
pub(crate) fn unsubscribe(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let mut tally = Tally::default();
    let session = context.caller.session;
    for owner in named(context, request, &mut tally)? {
        watch::unsubscribe(context, session, &owner, None)?;
    }
    for list in own_lists(context, request)? {
        presence::unsubscribe_list(context.store.writer()?, &session.to_string(), &list)?;
    }
    Ok(tally.outcome().status())
}

fn own_lists(context: &Context<'_>, request: &Element<'_>) -> Result<Vec<String>, Fault> {
    let mut lists = Vec::new();
    for element in targets::contact_lists(request) {
        match targets::own_list(context, element.trimmed()) {
            Ok(list) => lists.push(list),
            // It was noted with the others that are wrong.
            Err(fault) if fault.0.code == Code::UNKNOWN_CONTACT_LIST => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(lists)
}

/// `GetWatcherList-Request`: who subscribes to the caller, and in a period back who did or looked.
pub(crate) fn get_watcher_list(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let owner = context.user().to_owned();
    let db = context.store.reader();
    let mut watchers: Vec<(String, &str)> = Vec::new();
    for subscription in presence::subscriptions(db, &owner)? {
        watchers.push((subscription.watcher, "CURRENT_SUBSCRIBER"));
    }
    let period = request.child_text("HistoryPeriod").and_then(integer).map(|seconds| i64::from(seconds).min(HISTORY));
    if let Some(period) = period {
        for (watcher, is_subscriber) in presence::former_watchers(db, &owner, context.now.seconds() - period)? {
            watchers.push((watcher, if is_subscriber { "FORMER_SUBSCRIBER" } else { "PRESENCE_ACCESS" }));
        }
    }
    let mut seen = BTreeSet::new();
    watchers.retain(|(watcher, _)| *watcher != owner && seen.insert(watcher.clone()));
    let mut response = Element::new("GetWatcherList-Response");
    if let Some(period) = period {
        response = response.with_leaf("HistoryPeriod", period.to_string());
    }
    let mut most = MOST_WATCHERS;
    if let Some(asked) = request.child_text("MaxWatcherList").and_then(integer) {
        response = response.with_leaf("WatcherCount", watchers.len().to_string());
        most = most.min(usize::try_from(asked).unwrap_or(most));
    }
    for (user, status) in watchers.iter().take(most) {
        let user = targets::user(context, user)?;
        response.children.push(match context.version() {
            Version::V1_1 => user,
            Version::V1_2 => Element::new("Watcher").with(user).with_leaf("WatcherStatus", *status),
            Version::V1_3 => Element::new("Watcher").with_all(user.children).with_leaf("WatcherStatus", *status),
        });
    }
    Ok(response)
}
