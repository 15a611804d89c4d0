//! Who it is that logs in, and how that is proven: by the password, by a digest of it in a login of four messages, or
//! by the network (CSP session, "Login").

use std::net::IpAddr;

use crate::csp::{Address, Code, Outcome, Schema, ids};
use crate::document::Element;
use crate::server::HashedPassword;
use crate::server::door::Challenge;
use crate::server::fault::Fault;
use crate::server::limits;
use crate::server::service::Context;
use crate::server::store::User;

/// What a login offers as proof.
enum Claim<'r> {
    /// The password itself.
    Password(&'r str),
    /// The digest of a nonce and the password.
    Digest(&'r str),
    /// Schemas, of which the server is to choose one.
    Schemas,
    /// Nothing: the network is to say who it is.
    Nothing,
}

impl<'r> Claim<'r> {
    fn read(request: &'r Element<'_>, takes_plain: bool) -> Self {
        let has_schemas = request.child("DigestSchema").is_some();
        match (request.child_text("DigestBytes"), request.child("Password")) {
            (Some(digest), _) => Self::Digest(digest),
            // A password that nobody asked for is left aside where there is another way.
            (None, Some(_)) if has_schemas && !takes_plain => Self::Schemas,
            (None, Some(password)) => Self::Password(password.text()),
            (None, None) if has_schemas => Self::Schemas,
            (None, None) => Self::Nothing,
        }
    }
}

/// What is known of who logs in.
pub(super) enum Known {
    /// The user of that address has proven it.
    User(String),
    /// The answer to the first of two requests.
    Challenge(Element<'static>),
}

/// Returns the client's identity in lower case and the element that says it.
pub(super) fn read_client(request: &Element<'_>) -> Result<(String, Element<'static>), Fault> {
    let (name, text) = ids::client(request).ok_or_else(|| Fault::missing("ClientID"))?;
    if text.len() > limits::SHORT_TEXT {
        return Err(Fault::bad(name));
    }
    let element = request.child(name).cloned().unwrap_or_else(|| Element::new(name));
    Ok((text.to_lowercase(), element.into_owned()))
}

/// Finds out who it is.
pub(super) fn identify(context: &mut Context<'_>, request: &Element<'_>) -> Result<Known, Fault> {
    let (user, account) = find(context, request)?;
    let (peer, now) = (context.origin.peer, context.now);
    let vouched = context.origin.msisdn.as_ref();
    let is_vouched = vouched.is_some() && account.as_ref().and_then(|account| account.msisdn.as_ref()) == vouched;
    if !is_vouched && let Some(wait) = context.door.wait(&user, peer, now) {
        return Err(Fault::later(wait));
    }
    let (takes_digest, takes_plain) = (context.configuration.access.digest, context.configuration.access.plain);
    let is_proven = match Claim::read(request, takes_plain) {
        Claim::Nothing | Claim::Schemas if is_vouched => true,
        Claim::Nothing => return Err(Code::MSISDN_ERROR.into()),
        Claim::Schemas => return challenge(context, request, &user, account.as_ref()).map(Known::Challenge),
        Claim::Password(_) if !takes_plain => return Err(no_schema("a digest is taken, not the password itself")),
        Claim::Digest(_) if !takes_digest => return Err(no_schema("the password itself is taken, not a digest")),
        Claim::Password(given) => match &account {
            Some(account) => is_password_of(account, given),
            None => register(context, &user, given)?,
        },
        Claim::Digest(given) => {
            let challenge = context.door.take_challenge(&place(context, &user), now);
            account.as_ref().zip(challenge).is_some_and(|(account, challenge)| is_proof(account, &challenge, given))
        }
    };
    if !is_proven {
        let is_known = account.is_some();
        context.door.failed(is_known.then_some(user.as_str()), peer, now);
        return Err(if is_known { Code::INVALID_PASSWORD } else { Code::UNKNOWN_USER }.into());
    }
    context.door.succeeded(&user, peer);
    if account.is_some_and(|account| account.is_disabled) {
        return Err(Code::FORBIDDEN.into());
    }
    Ok(Known::User(user))
}

/// Returns whom the login names, or else whom the network does.
fn find(context: &Context<'_>, request: &Element<'_>) -> Result<(String, Option<User>), Fault> {
    let Some(named) = request.child_text("UserID").filter(|user| !user.is_empty()) else {
        let number = context.origin.msisdn.as_deref().ok_or(Code::MSISDN_ERROR)?;
        let account = context.store.user_of_number(number)?.ok_or(Code::MSISDN_ERROR)?;
        return Ok((account.address.clone(), Some(account)));
    };
    let address = Address::user_id(named, &context.configuration.domain).map_err(|_| Fault::bad("UserID"))?;
    if address.domain() != context.configuration.domain {
        return Err(Code::DOMAIN_NOT_SUPPORTED.into());
    }
    let account = context.store.user(address.as_str())?;
    Ok((address.as_str().to_owned(), account))
}

fn no_schema(why: &str) -> Fault {
    Outcome::new(Code::NO_DIGEST_SCHEMA).describe(why).into()
}

fn is_password_of(account: &User, given: &str) -> bool {
    match account.is_hashed {
        true => HashedPassword::read(&account.password).is_ok_and(|hash| hash.is_of(given)),
        false => Schema::Password.verify("", &account.password, given),
    }
}

/// Of a hash no digest can be made, and it is itself no password.
fn is_proof(account: &User, challenge: &Challenge, given: &str) -> bool {
    match challenge.schema {
        Schema::Password => is_password_of(account, given),
        schema => !account.is_hashed && schema.verify(&challenge.nonce, &account.password, given),
    }
}

/// Whose login is under way: others cannot disturb it.
fn place(context: &Context<'_>, user: &str) -> (String, String, IpAddr) {
    (user.to_owned(), context.caller.client.clone(), context.origin.peer)
}

/// Makes an account of a name that nobody has, where the configuration says so (abuse case B09).
fn register(context: &mut Context<'_>, user: &str, password: &str) -> Result<bool, Fault> {
    let access = &context.configuration.access;
    if !access.auto_register || password.is_empty() || password.len() > limits::SHORT_TEXT {
        return Ok(false);
    }
    if context.store.count_users()? >= access.users {
        return Err(Outcome::new(Code::FORBIDDEN).describe("there is no room for another account").into());
    }
    Ok(context.store.add_user(user, password, context.now)?)
}

/// Answers the first of two requests with a schema and a nonce, good for one attempt.
fn challenge(
    context: &mut Context<'_>,
    request: &Element<'_>,
    user: &str,
    account: Option<&User>,
) -> Result<Element<'static>, Fault> {
    let access = &context.configuration.access;
    // To make an account, the password itself is needed; to compare it with a hash too.
    let needs_password = account.map_or(access.auto_register, |account| account.is_hashed);
    if account.is_none() && !access.auto_register {
        context.door.failed(None, context.origin.peer, context.now);
        return Err(Code::UNKNOWN_USER.into());
    }
    let offered = Schema::read_all(request);
    let is_good = |schema: &Schema| {
        let is_taken = if *schema == Schema::Password { access.plain } else { access.digest && !needs_password };
        is_taken && offered.contains(schema)
    };
    let schema = Schema::ALL.into_iter().find(is_good).ok_or(Code::NO_DIGEST_SCHEMA)?;
    let nonce = context.random.identifier();
    let made = context.now;
    let place = place(context, user);
    context.door.add_challenge(place, Challenge { nonce: nonce.clone(), schema, made });
    Ok(Element::new("Login-Response")
        .with(Outcome::new(Code::UNAUTHORIZED).element())
        .with_leaf("Nonce", nonce)
        .with_leaf("DigestSchema", schema.as_str()))
}
