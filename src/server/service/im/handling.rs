//! What becomes of messages of a user with several sessions, or with none: end-to-end messaging rules (CSP session,
//! "Client capability negotiation": ETEM). What the rules mean is derived from their names.
//!
//! The rule for users that are away lasts until another is agreed; that for several sessions is one for all sessions of
//! a user, whichever of them asked for it last. Which sessions it chooses is decided in `post`.

use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::service::{Context, notification};
use crate::server::store::messages;

/// The caller's session has new capabilities: its rules hold from now on, and its user's other sessions are told.
pub(super) fn agree(context: &mut Context<'_>) -> Result<(), Fault> {
    let (own, user) = (context.caller.session, context.user().to_owned());
    let capabilities = context.session()?.capabilities.clone();
    if let Some(rule) = &capabilities.offline_etem
        && let Some(reception) = messages::reception(context.store.reader(), &user)?
        && reception.offline_rule.as_ref() != Some(rule)
    {
        messages::set_offline_rule(context.store.writer()?, &user, rule)?;
    }
    let others: Vec<_> = context.sessions.of_user(&user).into_iter().filter(|id| *id != own).collect();
    let in_force = others.iter().find_map(|id| context.sessions.get(*id)?.capabilities.online_etem.clone());
    match &capabilities.online_etem {
        None => context.session()?.capabilities.online_etem = in_force,
        Some(rule) if in_force.as_ref() != Some(rule) => {
            for id in &others {
                if let Some(other) = context.sessions.get_mut(*id) {
                    other.capabilities.online_etem = Some(rule.clone());
                }
            }
            let rule = Element::leaf("OnlineETEMHandling", rule.clone());
            notification::tell(context, &user, "OEU", Some(rule));
        }
        Some(_) => {}
    }
    let priority = capabilities.session_priority;
    if std::mem::replace(&mut context.session()?.told_priority, priority) != priority {
        let priority = Element::leaf("SessionPriority", priority.to_string());
        notification::tell(context, &user, "SPA", Some(priority));
    }
    Ok(())
}
