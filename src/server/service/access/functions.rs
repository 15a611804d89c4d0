//! The functions that are agreed (CSP session, "Service negotiation").

use super::with_client;
use crate::csp::Services;
use crate::document::{Element, boolean};
use crate::server::fault::Fault;
use crate::server::service::{Context, terms_changed};

/// Service-Request: the answer names what is *not* available of what was asked (CSP transactions, F8).
pub(crate) fn service(context: &mut Context<'_>, request: &Element<'_>) -> Result<Element<'static>, Fault> {
    let version = context.version();
    let mut answer = Element::new("Service-Response");
    if let Some(asked) = request.child("Functions") {
        answer.children.extend(grant(context, asked)?);
        terms_changed(context)?;
    }
    if request.child_text("AllFunctionsRequest").and_then(boolean) == Some(true) {
        answer = answer.with(context.offered()?.element(version, "AllFunctions"));
    }
    Ok(with_client(context, answer))
}

/// Agrees to what is offered of what is asked; an earlier agreement is void. Returns the inverted tree, if any.
pub(super) fn grant(context: &mut Context<'_>, asked: &Element<'_>) -> Result<Option<Element<'static>>, Fault> {
    let version = context.version();
    let asked = Services::read(version, asked);
    let offered = context.offered()?;
    context.session()?.services = asked.meet(&offered);
    Ok(Services::inverted(&asked, &offered, version, "Functions"))
}
