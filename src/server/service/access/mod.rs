//! Access: login, logout, keep-alive, negotiation of capabilities and services (CSP session, sections 2 to 6).

mod capability;
mod functions;
mod waking;

use std::time::Duration;

use self::capability::agree;
use self::functions::grant;
use super::{Context, offered};
use crate::csp::{Address, Code, Outcome, Schema, Services, Version, ids};
use crate::document::Element;
use crate::server::door::Challenge;
use crate::server::fault::{Fault, required, success};
use crate::server::limits;
use crate::server::session::{Caller, Session, SessionId};

pub(crate) use self::capability::client_capability;
pub(crate) use self::functions::service;

/// Login-Request, with a password or with a digest in two steps.
pub(crate) fn login(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (client, client_id) = read_client(request)?;
    context.caller.client = client;
    context.caller.client_id = client_id;
    let outcome = admit(context, request);
    let answer = match &outcome {
        Ok(answer) => answer.clone(),
        // What was written until the store failed is undone.
        Err(fault) if fault.0.code == Code::INTERNAL_ERROR => return outcome,
        Err(fault) => Element::new("Login-Response").with(fault.0.element()),
    };
    Ok(match context.caller.client_id.name.as_ref() {
        "ClientID" => answer.with(context.caller.client_id.clone()),
        _ => answer,
    })
}

/// Returns the client's identity in lower case and the element that says it.
fn read_client(request: &Element<'_>) -> Result<(String, Element<'static>), Fault> {
    let application = request.child_text("ApplicationID").filter(|text| !text.is_empty());
    let (name, text) = match (ids::client_id(request), application) {
        (Some(text), _) => ("ClientID", text),
        (None, Some(text)) => ("ApplicationID", text),
        (None, None) => return Err(Fault::missing("ClientID")),
    };
    if text.len() > limits::SHORT_TEXT {
        return Err(Fault::bad(name));
    }
    let element = request.child(name).cloned().unwrap_or_else(|| Element::new(name));
    Ok((text.to_lowercase(), element.into_owned()))
}

/// Finds out who it is, and opens or restores the session.
fn admit(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let user = read_user(context, request)?;
    if let Some(wait) = context.door.wait(&user, context.peer, context.now) {
        return Err(Fault::later(wait));
    }
    let account = context.store.user(&user)?;
    // Whoever asks for a user that is not there waits as long as for one that is.
    let (password, is_known) = account.as_ref().map_or(("", false), |account| (account.password.as_str(), true));
    let place = (user.clone(), context.caller.client.clone(), context.peer);
    let is_proven = if let Some(given) = request.child_text("DigestBytes") {
        let challenge = context.door.take_challenge(&place, context.now);
        let (schema, nonce) = challenge.map_or((Schema::Md5, None), |c| (c.schema, Some(c.nonce)));
        schema.verify(nonce.as_deref().unwrap_or_default(), password, given) && nonce.is_some()
    } else if let Some(given) = request.child("Password") {
        Schema::Password.verify("", password, given.text())
    } else if is_known {
        return challenge(context, request, place);
    } else {
        false
    };
    if !is_known || !is_proven {
        context.door.failed(is_known.then_some(user.as_str()), context.peer, context.now);
        return Err(if is_known { Code::INVALID_PASSWORD } else { Code::UNKNOWN_USER }.into());
    }
    context.door.succeeded(&user, context.peer);
    if account.is_some_and(|account| account.is_disabled) {
        return Err(Code::FORBIDDEN.into());
    }
    context.caller.user = user;
    match request.child_text("SessionID").filter(|id| !id.is_empty()) {
        Some(id) => restore(context, request, id),
        None => open(context, request),
    }
}

fn read_user(context: &Context<'_>, request: &Element<'_>) -> Result<String, Fault> {
    let address = Address::user_id(required(request, "UserID")?, &context.configuration.domain);
    let address = address.map_err(|_| Fault::bad("UserID"))?;
    if address.domain() != context.configuration.domain {
        return Err(Code::DOMAIN_NOT_SUPPORTED.into());
    }
    Ok(address.as_str().to_owned())
}

/// Answers the first of two requests with a nonce, good for one attempt.
fn challenge(
    context: &mut Context<'_>,
    request: &Element<'_>,
    place: (String, String, std::net::IpAddr),
) -> Result<Element<'static>, Fault> {
    if request.child("DigestSchema").is_none() {
        return Err(Fault::missing("Password or DigestSchema"));
    }
    let offered = Schema::read_all(request);
    let schema = Schema::ALL.into_iter().find(|schema| offered.contains(schema)).ok_or(Code::NO_DIGEST_SCHEMA)?;
    let nonce = context.random.identifier();
    context.door.add_challenge(place, Challenge { nonce: nonce.clone(), schema, made: context.now });
    Ok(Element::new("Login-Response")
        .with(Outcome::new(Code::UNAUTHORIZED).element())
        .with_leaf("Nonce", nonce)
        .with_leaf("DigestSchema", schema.as_str()))
}

/// Opens a session in place of an earlier one of the same client.
fn open(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let (user, client) = (context.caller.user.clone(), context.caller.client.clone());
    if let Some(earlier) = context.sessions.of_client(&user, &client) {
        context.end_session(earlier, Some(Code::FORCED_LOGOUT))?;
    }
    if context.sessions.of_user(&user).len() >= context.configuration.quotas.sessions {
        return Err(Code::ALREADY_LOGGED_IN.into());
    }
    if context.sessions.len() >= limits::SESSIONS {
        return Err(Fault::later(60));
    }
    let version = context.version();
    context.caller.session = SessionId::new(context.random.draw());
    let services = Services::base(version).meet(offered(version));
    let time_to_live = time_to_live(context, request);
    let mut session = Session::new(context.caller.clone(), time_to_live, services, context.now);
    waking::introduce(&mut session, request, context.peer);
    context.sessions.open(session);
    let outcome = super::session_opened(context).and_then(|()| negotiate_at_login(context, request));
    let outcome = outcome.and_then(|negotiated| remember(context).map(|()| negotiated));
    let negotiated = outcome.inspect_err(|_| {
        context.sessions.close(context.caller.session, None, context.now);
    })?;
    let wants_capabilities = if negotiated.is_empty() { "T" } else { "F" };
    let answer = welcome(context, time_to_live).with_all(negotiated);
    Ok(answer.with_leaf("CapabilityRequest", wants_capabilities))
}

/// Goes on with a session that is still there (CSP session, "Re-establishment").
fn restore(context: &mut Context<'_>, request: &Element<'_>, id: &str) -> Result<Element<'static>, Fault> {
    let Caller { user, client, version, .. } = context.caller.clone();
    let (time_to_live, now, peer) = (time_to_live(context, request), context.now, context.peer);
    let Some(session) = SessionId::read(id).and_then(|id| context.sessions.get_mut(id)) else {
        return Err(Code::COULD_NOT_RECOVER_SESSION.into());
    };
    if session.caller.user != user || session.caller.client != client {
        return Err(Code::USER_AND_CLIENT_DO_NOT_MATCH.into());
    }
    if session.caller.version != version {
        return Err(Code::VERSION_NOT_SUPPORTED.into());
    }
    (session.heard, session.time_to_live) = (now, time_to_live);
    waking::introduce(session, request, peer);
    context.caller = session.caller.clone();
    context.sessions.reschedule(context.caller.session);
    remember(context)?;
    Ok(welcome(context, time_to_live).with_leaf("CapabilityRequest", "F"))
}

/// Remembers a login for who asks whether settings have arrived.
fn remember(context: &mut Context<'_>) -> Result<(), Fault> {
    Ok(context.store.add_login(&context.caller.user, &context.caller.client, context.now)?)
}

fn welcome(context: &Context<'_>, time_to_live: Duration) -> Element<'static> {
    Element::new("Login-Response")
        .with_leaf("UserID", context.caller.user.clone())
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
    Ok(answers)
}

/// Returns the time to live that is agreed: what is asked, within the server's range.
fn time_to_live(context: &Context<'_>, request: &Element<'_>) -> Duration {
    let most = context.configuration.session_ttl;
    let least = Duration::from_secs(limits::LEAST_TIME_TO_LIVE).min(most);
    number(request, "TimeToLive").map_or(most, |asked| Duration::from_secs(asked.into()).clamp(least, most))
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

/// KeepAlive-Request: a time to live beyond the server's range is corrected.
pub(crate) fn keep_alive(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let asked = number(request, "TimeToLive").map(|_| time_to_live(context, request));
    let session = context.session()?;
    session.time_to_live = asked.unwrap_or(session.time_to_live);
    let seconds = session.time_to_live.as_secs();
    context.sessions.reschedule(context.caller.session);
    Ok(Element::new("KeepAlive-Response")
        .with(Outcome::new(Code::SUCCESSFUL).element())
        .with_leaf("KeepAliveTime", seconds.to_string()))
}

/// Adds the ClientID that answers of 1.1 carry.
fn with_client(context: &Context<'_>, answer: Element<'static>) -> Element<'static> {
    match context.version() {
        Version::V1_1 => answer.with(context.caller.client_id.clone()),
        _ => answer,
    }
}
