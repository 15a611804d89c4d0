//! Access: login, logout, keep-alive, negotiation of capabilities and services (CSP session, sections 2 to 6).

mod capability;
mod functions;
mod login;
mod waking;

use std::sync::Arc;
use std::time::Duration;

use self::capability::agree;
use self::functions::grant;
use self::login::{Known, identify, read_client};
use super::{Context, system_message};
use crate::codec::Encoding;
use crate::csp::{BARE_GROUPS, Code, Outcome, Services, Version};
use crate::document::Element;
use crate::server::fault::{Fault, success};
use crate::server::limits;
use crate::server::session::{Session, SessionId};

pub(crate) use self::capability::client_capability;
pub(crate) use self::functions::service;

/// Login-Request, with a password or with a digest in two steps.
pub(crate) fn login(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (client, client_id) = read_client(request)?;
    let caller = Arc::make_mut(&mut context.caller);
    (caller.client, caller.client_id) = (client, client_id);
    let outcome = admit(context, request);
    let answer = match &outcome {
        Ok(answer) => answer.clone(),
        // What was written until the store failed is undone.
        Err(fault) if fault.is_our_own() => return outcome,
        Err(fault) => Element::new("Login-Response").with(fault.0.element()),
    };
    Ok(match context.caller.client_id.name.as_ref() {
        "ClientID" => answer.with(context.caller.client_id.clone()),
        _ => answer,
    })
}

/// Finds out who it is, and opens or restores the session.
fn admit(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    match identify(context, request)? {
        Known::Challenge(answer) => return Ok(answer),
        Known::User(user) => Arc::make_mut(&mut context.caller).user = user,
    }
    if let Some(refusal) = system_message::at_login(context, request)? {
        return Ok(refusal);
    }
    let earlier = match request.child_text("SessionID").filter(|id| !id.is_empty()) {
        Some(id) => Some(earlier(context, SessionId::read(id))?),
        // Before 1.3 a login has no place for it: one shipped client writes its login within the session that it goes on with.
        // Any other may have written it there by habit, and is not refused.
        None => Arc::make_mut(&mut context.caller).earlier.take().and_then(|id| earlier(context, Some(id)).ok()),
    };
    match earlier {
        Some(id) => restore(context, request, id),
        None => open(context, request),
    }
}

/// Looks for a session that this client may go on with.
fn earlier(context: &Context<'_>, id: Option<SessionId>) -> Result<SessionId, Fault> {
    let Some((id, session)) = id.and_then(|id| Some((id, context.sessions.get(id)?))) else {
        return Err(Code::COULD_NOT_RECOVER_SESSION.into());
    };
    let (own, caller) = (&session.caller, &context.caller);
    if own.user != caller.user || own.client != caller.client {
        return Err(Code::USER_AND_CLIENT_DO_NOT_MATCH.into());
    }
    if own.version != caller.version {
        return Err(Code::VERSION_NOT_SUPPORTED.into());
    }
    Ok(id)
}

/// Opens a session in place of an earlier one of the same client.
fn open(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (user, client) = (context.caller.user.clone(), context.caller.client.clone());
    if let Some(earlier) = context.sessions.of_client(&user, &client) {
        if context.configuration.access.refuse_second_login {
            return Err(Code::ALREADY_LOGGED_IN.into());
        }
        context.end_session(earlier, Some(Code::FORCED_LOGOUT))?;
    }
    if context.sessions.of_user(&user).len() >= context.quotas(&user)?.sessions {
        return Err(Code::ALREADY_LOGGED_IN.into());
    }
    if context.sessions.len() >= limits::SESSIONS {
        return Err(Fault::later(60));
    }
    let version = context.version();
    Arc::make_mut(&mut context.caller).session = SessionId::new(context.random.draw());
    let offered = context.offered()?;
    // Who negotiates within the login has nothing before.
    let is_base = !context.configuration.access.serves_unasked || request.child("Functions").is_some();
    let services = if is_base { Services::base(version).meet(&offered) } else { offered };
    let time_to_live = time_to_live(context, request);
    let mut session = Session::new(context.caller.clone(), time_to_live, services, context.now);
    session.is_bare = context.caller.form.changes.has(BARE_GROUPS)
        && request.child_text("UserID").is_some_and(|user| !user.contains('@'));
    waking::introduce(&mut session, request, context.origin.peer);
    context.sessions.open(session);
    let outcome = super::session_opened(context);
    let outcome = outcome.and_then(|()| if is_base { Ok(()) } else { super::terms_changed(context) });
    let outcome = outcome.and_then(|()| negotiate_at_login(context, request));
    let outcome = outcome.and_then(|negotiated| remember(context).map(|()| negotiated));
    let outcome = outcome.and_then(|negotiated| system_message::tell(context).map(|()| negotiated));
    let negotiated = outcome.inspect_err(|_| {
        context.sessions.close(context.caller.session, None, context.now);
    })?;
    let wants_capabilities = if negotiated.is_empty() { "T" } else { "F" };
    let answer = welcome(context, request, time_to_live).with_all(negotiated);
    Ok(answer.with_leaf("CapabilityRequest", wants_capabilities))
}

/// Goes on with a session that is still there (CSP session, "Re-establishment").
fn restore(context: &mut Context<'_>, request: &Element<'_>, id: SessionId) -> Result<Element<'static>, Fault> {
    let (time_to_live, now, peer) = (time_to_live(context, request), context.now, context.origin.peer);
    Arc::make_mut(&mut context.caller).session = id;
    let session = context.session()?;
    session.go_on(now, time_to_live);
    waking::introduce(session, request, peer);
    context.caller = session.caller.clone();
    context.sessions.reschedule(id);
    remember(context)?;
    Ok(welcome(context, request, time_to_live).with_leaf("CapabilityRequest", "F"))
}

/// Remembers a login for who asks whether settings have arrived.
fn remember(context: &mut Context<'_>) -> Result<(), Fault> {
    Ok(context.store.add_login(&context.caller.user, &context.caller.client, context.now)?)
}

/// In plain text the user is told who it is only where it did not say so: one shipped client reads no UserID in any answer,
/// and would not log in.
fn welcome(context: &Context<'_>, request: &Element<'_>, time_to_live: Duration) -> Element<'static> {
    let is_told = context.caller.form.encoding != Encoding::Pts || request.child("UserID").is_none();
    Element::new("Login-Response")
        .with_all(is_told.then(|| Element::leaf("UserID", context.caller.user.clone())))
        .with(Outcome::new(Code::SUCCESSFUL).element())
        .with_leaf("SessionID", context.caller.session.to_string())
        .with_leaf("KeepAliveTime", time_to_live.as_secs().to_string())
}

/// Negotiates within the login where a client of 1.3 asks for it.
fn negotiate_at_login(context: &mut Context<'_>, request: &Element<'_>) -> Result<Vec<Element<'static>>, Fault> {
    let mut answers = Vec::new();
    if context.version() < Version::V1_3 {
        return Ok(answers);
    }
    if let Some(list) = request.child("CapabilityList") {
        answers.push(agree(context, list)?);
    }
    if let Some(asked) = request.child("Functions") {
        answers.extend(grant(context, asked)?);
        if answers.is_empty() {
            // Everything is granted, and nothing else shows that it was negotiated.
            answers.push(agree(context, &Element::new("CapabilityList"))?);
        }
    }
    if !answers.is_empty() {
        // What waits was offered before anything was agreed.
        super::terms_changed(context)?;
    }
    Ok(answers)
}

/// Returns the time to live that is agreed: what is asked, within the server's range.
fn time_to_live(context: &Context<'_>, request: &Element<'_>) -> Duration {
    let (least, most) = range(context);
    asked_time(request).map_or(most, |asked| asked.clamp(least, most))
}

fn asked_time(request: &Element<'_>) -> Option<Duration> {
    number(request, "TimeToLive").map(|seconds| Duration::from_secs(seconds.into()))
}

fn range(context: &Context<'_>) -> (Duration, Duration) {
    let most = context.configuration.session_ttl;
    (Duration::from_secs(limits::LEAST_TIME_TO_LIVE).min(most), most)
}

fn number(parent: &Element<'_>, child: &str) -> Option<u32> {
    parent.child_text(child).and_then(crate::document::integer)
}

/// Logout-Request.
pub(crate) fn logout(context: &mut Context<'_>) -> Result<Element<'static>, Fault> {
    context.end_session(context.caller.session, None)?;
    Ok(match context.version() {
        Version::V1_1 => Element::new("Disconnect").with(Outcome::new(Code::SUCCESSFUL).element()),
        _ => success(),
    })
}

/// KeepAlive-Request: a time to live beyond the server's range is corrected, or refused with the one in force (CSP
/// transactions, F5).
pub(crate) fn keep_alive(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (least, most) = range(context);
    let asked = asked_time(request);
    let is_beyond = asked.is_some_and(|asked| asked < least || asked > most);
    let is_refused = is_beyond && context.configuration.access.refuse_keep_alive;
    let session = context.session()?;
    if let Some(asked) = asked.filter(|_| !is_refused) {
        session.time_to_live = asked.clamp(least, most);
    }
    let seconds = session.time_to_live.as_secs();
    context.sessions.reschedule(context.caller.session);
    let code = if is_refused { Code::NEW_VALUE_NOT_ACCEPTED } else { Code::SUCCESSFUL };
    Ok(Element::new("KeepAlive-Response")
        .with(Outcome::new(code).element())
        .with_leaf("KeepAliveTime", seconds.to_string()))
}

/// Adds the ClientID that answers of 1.1 carry.
fn with_client(context: &Context<'_>, answer: Element<'static>) -> Element<'static> {
    match context.version() {
        Version::V1_1 => answer.with(context.caller.client_id.clone()),
        _ => answer,
    }
}
