//! How a client can be woken: the ways that are agreed, in its own order of preference (CSP session, "Client capability
//! negotiation"). Where there is none, it polls.

use std::net::IpAddr;

use super::number;
use crate::csp::Version;
use crate::csp::cir::{self, Method};
use crate::delivery::text;
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::origin::read_number;
use crate::server::service::Context;
use crate::server::session::{Session, SessionId};

/// Notes by what a client knows a CIR, and where its requests come from.
pub(super) fn introduce(session: &mut Session, login: &Element<'_>, peer: IpAddr) {
    let cookie = login.child_text("SessionCookie").filter(|cookie| cir::is_cookie(cookie));
    session.waking.cookie = cookie.map(str::to_owned);
    session.waking.peer = peer;
}

/// Agrees to the ways that the client offers and the server has; an earlier agreement is void. Returns the elements
/// that say so.
pub(super) fn agree(context: &mut Context<'_>, list: &Element<'_>) -> Result<Vec<Element<'static>>, Fault> {
    let version = context.version();
    let number_of_user = number_of(context)?;
    let mut methods: Vec<Method> = Vec::new();
    let cookie = context.session()?.waking.cookie.clone();
    let fits_short_message = cookie.as_deref().is_some_and(|cookie| text::is_plain(&cir::call(version, cookie)));
    for word in list.children_named("SupportedCIRMethod").filter(|_| cookie.is_some()) {
        let method = Method::from_text(word.trimmed()).filter(|method| method.is_in(version));
        let is_to_be_had = |method: &Method| match method {
            // No number but the user's own is sent short messages that were not asked for by one.
            Method::WapSms => number_of_user.is_some(),
            // The number that clients greet is told in 1.3 only.
            Method::Ssms => version == Version::V1_3 && fits_short_message,
            _ => true,
        };
        let method = method.filter(|method| context.configuration.cir.has(*method) && is_to_be_had(method));
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    let id = context.caller.session;
    let token = methods.contains(&Method::Shttp).then(|| context.new_token(id));
    let waking = &mut context.session()?.waking;
    waking.methods.clone_from(&methods);
    // A client that offers datagrams says its port (CCAPAB-10); one that does not has the registered one.
    let port = number(list, "UDPPort").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    waking.udp_port = port.unwrap_or(cir::SUDP_PORT);
    if waking.number.is_none() {
        waking.number = number_of_user;
    }
    Ok(answer(context, &methods, token))
}

fn answer(context: &Context<'_>, methods: &[Method], token: Option<SessionId>) -> Vec<Element<'static>> {
    let version = context.version();
    let cir = &context.configuration.cir;
    let host = cir.address.as_deref().unwrap_or(&context.configuration.domain);
    let mut said: Vec<_> =
        methods.iter().map(|method| Element::leaf("SupportedCIRMethod", method.as_str().to_owned())).collect();
    if methods.contains(&Method::Stcp) {
        let port = cir.port.or(cir.tcp.map(|tcp| tcp.port())).unwrap_or(cir::STCP_PORT);
        said.push(Element::leaf("TCPAddress", host.to_owned()));
        said.push(Element::leaf("TCPPort", port.to_string()));
    }
    // In 1.3 the answer names where datagrams come from; the list of 1.1 is the client's own.
    if version == Version::V1_3 && (methods.contains(&Method::Sudp) || methods.contains(&Method::WapUdp)) {
        said.push(Element::leaf("UDPAddress", host.to_owned()));
        said.extend(cir.udp_port.map(|port| Element::leaf("UDPPort", port.to_string())));
    }
    if let (Some(base), Some(token)) = (&cir.http, token) {
        let name = if version == Version::V1_3 { "CIRHTTPAddress" } else { "CIRURL" };
        said.push(Element::new(name).with_leaf("URL", format!("{base}/{token}")));
    }
    let number = cir.sms.as_ref().and_then(|sms| sms.address.as_ref()).filter(|_| methods.contains(&Method::Ssms));
    said.extend(number.map(|number| Element::leaf("CIRSMSAddress", number.clone())));
    said
}

/// Returns the telephone number of the user: that of the account, that which the network says, or that which the address
/// is (`wv:+358401234567@example.com`). What clients say of themselves nobody has to believe.
fn number_of(context: &Context<'_>) -> Result<Option<String>, Fault> {
    let of_account = context.store.user(context.user())?.and_then(|account| account.msisdn);
    let name = context.user().trim_start_matches("wv:").split('@').next().unwrap_or_default();
    let of_address = name.strip_prefix('+').and_then(read_number).map(str::to_owned);
    Ok(of_account.or_else(|| context.origin.msisdn.clone()).or(of_address))
}
