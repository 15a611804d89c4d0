//! What operators tell users, or ask them (CSP transactions, F19). Clients of 1.3 alone know of it.
//!
//! A message that must be answered keeps its user out: the login is refused with 403 and the list of such messages,
//! until the next one carries a right answer to each. The standard does not say how; this is our reading. All others,
//! and those posted while a session lasts, are told in the session.

use super::Context;
use crate::csp::{Code, Outcome, Version};
use crate::document::{Element, integer};
use crate::server::fault::Fault;
use crate::server::limits;
use crate::server::outbox::{Purpose, Sending};
use crate::server::store::system_messages::{self, Posted};

/// Takes the answers of a login, and returns its refusal where one is missing or wrong.
pub(super) fn at_login(context: &mut Context<'_>, request: &Element<'_>) -> Result<Option<Element<'static>>, Fault> {
    if context.version() < Version::V1_3 {
        return Ok(None);
    }
    let user = context.user().to_owned();
    if required(context, &user)?.is_empty() {
        return Ok(None);
    }
    if context.door.is_barred_from_answering(&user, context.now) {
        return Err(Outcome::new(Code::FORBIDDEN).describe("too many wrong answers: come again later").into());
    }
    let answers = request.child("SystemMessageResponseList");
    let is_right = match answers {
        Some(answers) => take(context, &user, answers)?,
        None => true,
    };
    if !is_right && !context.door.may_answer_again(&user, context.now) {
        return Err(Outcome::new(Code::FORBIDDEN).describe("too many wrong answers: come again later").into());
    }
    let missing = required(context, &user)?;
    if missing.is_empty() {
        return Ok(None);
    }
    let why = if is_right { "a system message must be answered" } else { "a system message was answered wrongly" };
    let list = Element::new("SystemMessageList").with_all(missing.into_iter().map(|posted| posted.element));
    let result = Outcome::new(Code::FORBIDDEN).describe(why).element().with(list);
    Ok(Some(Element::new("Login-Response").with(result)))
}

fn required(context: &Context<'_>, user: &str) -> Result<Vec<Posted>, Fault> {
    let mut open = system_messages::open(context.store.reader(), user, limits::SYSTEM_MESSAGES)?;
    open.retain(|posted| posted.is_required);
    Ok(open)
}

/// Takes answers; returns whether none was wrong.
fn take(context: &mut Context<'_>, user: &str, answers: &Element<'_>) -> Result<bool, Fault> {
    let mut are_right = true;
    for answer in answers.children_named("SystemMessageResponse").take(limits::SYSTEM_MESSAGES) {
        let id = answer.child_text("SystemMessageID").unwrap_or_default();
        let posted = system_messages::find(context.store.reader(), user, id)?;
        match posted.filter(|posted| is_right(posted, answer)) {
            Some(posted) => {
                let option = answer.child_text("ChosenOptionID").and_then(integer);
                let now = context.now.seconds();
                system_messages::settle(context.store.writer()?, user, &posted.id, option, now)?;
            }
            None => are_right = false,
        }
    }
    Ok(are_right)
}

fn is_right(posted: &Posted, answer: &Element<'_>) -> bool {
    let options = posted.element.child("AnswerOptions").into_iter().flat_map(|all| all.children_named("AnswerOption"));
    let numbers: Vec<u32> = options.filter_map(|o| o.child_text("AnswerOptionID").and_then(integer)).collect();
    let chosen = answer.child_text("ChosenOptionID").and_then(integer);
    let is_choice = match (posted.right, chosen) {
        (Some(right), chosen) => chosen == Some(right),
        (None, Some(chosen)) => numbers.is_empty() || numbers.contains(&chosen),
        (None, None) => numbers.is_empty(),
    };
    let given = answer.child_text("VerificationKey").unwrap_or_default();
    // A person copies the key; nobody is asked to mind its case.
    is_choice && posted.key.as_ref().is_none_or(|key| key.trim().eq_ignore_ascii_case(given))
}

/// Tells the caller's session what has been posted since it was told last.
pub(crate) fn tell(context: &mut Context<'_>) -> Result<(), Fault> {
    if context.version() < Version::V1_3 {
        return Ok(());
    }
    let seen = context.session()?.system_seen;
    let open = system_messages::open(context.store.reader(), context.user(), limits::SYSTEM_MESSAGES)?;
    for posted in open.into_iter().filter(|posted| posted.number > seen) {
        let session = context.session()?;
        session.system_seen = session.system_seen.max(posted.number);
        ask(context, posted);
    }
    Ok(())
}

fn ask(context: &mut Context<'_>, posted: Posted) {
    let list = Element::new("SystemMessageList").with(posted.element);
    let primitive = Element::new("SystemMessage-Request").with(list);
    let purpose = Purpose::System(posted.id);
    context.send(context.caller.session, Sending { purpose, ..Sending::notice(primitive) });
}

/// A client has acknowledged a message, or brings the answer. A wrong one is asked for again, within limits; one that
/// stays away is asked for at the next login.
pub(crate) fn acknowledged(context: &mut Context<'_>, id: &str, answer: &Element<'_>) -> Result<(), Fault> {
    let user = context.user().to_owned();
    let Some(posted) = system_messages::find(context.store.reader(), &user, id)? else { return Ok(()) };
    if answer.name == "SystemMessage-User" {
        let list = answer.child("SystemMessageResponseList");
        let is_answered = list.map_or(Ok(false), |list| take(context, &user, list))?;
        if !is_answered && context.door.may_answer_again(&user, context.now) {
            ask(context, posted);
        }
    } else if !posted.is_required && Outcome::read(answer).is_none_or(|outcome| outcome.code.is_success()) {
        let now = context.now.seconds();
        system_messages::settle(context.store.writer()?, &user, id, None, now)?;
    }
    Ok(())
}
