//! What each primitive does: one file a subject, one function a primitive.
//!
//! A handler is `fn(&mut Context, &Element) -> Result<Element, Fault>`. Before it is called the engine has checked
//! the structure of the primitive by the grammar of its version, that the client may send it, that there is a
//! session, and that its function was agreed. What it writes to the store and puts into outboxes counts only if it
//! returns `Ok`.

pub(crate) mod access;
pub(crate) mod contact_list;
pub(crate) mod fundamental;
pub(crate) mod group;
pub(crate) mod im;
pub(crate) mod invitation;
pub(crate) mod notification;
pub(crate) mod presence;
pub(crate) mod profile;
pub(crate) mod system_message;
mod targets;

use std::sync::{Arc, LazyLock};

use super::configuration::{Configuration, Features, Quotas};
use super::door::Door;
use super::fault::Fault;
use super::origin::Origin;
use super::outbox::Sending;
use super::random::Random;
use super::session::{Caller, Session, SessionId, Sessions};
use super::store::User;
use super::{Store, Timestamp};
use crate::csp::{Address, Code, Services, Version};
use crate::document::Element;

/// The function that is refused with 501, agreed or not: there is no source of maps (CSP transactions, F16).
pub(crate) const WITHOUT_SOURCE: &str = "GETMAP";

/// The functions that this server offers, all others are denied when services are negotiated and refused with 506.
/// A function is added in the line of its subject when its primitives are in [`perform`].
#[rustfmt::skip]
pub(crate) const OFFERED: &[&str] = &[
    "FundamentalFeat", "GETSPI", "SRCH", "STSRC", "VRID", "INVIT", "CAINV",
    "PresenceFeat", "GCLI", "CCLI", "DCLI", "MCLS",
    "GETWL", "REACT", "CAAUT", "GETAUT", "GETPR", "UPDPR", "CALI", "DALI", "GALS",
    "IMFeat", "MDELIV", "FWMSG", "SETD", "GETLM", "GETM", "REJCM", "NOTIF", "NEWM", "GLBLU", "BLENT",
    "GroupFeat", "CREAG", "DELGR", "GETGP", "SETGP", "SUBGCN", "GRCHN",
    "GETGM", "GETJU", "ADDGM", "RMVGM", "MBRAC", "REJEC",
];

/// Returns what is offered to a session of that version where those features are on.
pub(crate) fn offered(version: Version, features: Features) -> &'static Services {
    static OFFERS: LazyLock<[[Services; 3]; 2]> = LazyLock::new(|| {
        [&[][..], &["EXCON"]].map(|more| Version::ALL.map(|v| Services::of(v, OFFERED.iter().chain(more).copied())))
    });
    let [newest, middle, oldest] = &OFFERS[usize::from(features.extended_conversation)];
    match version {
        Version::V1_3 => newest,
        Version::V1_2 => middle,
        Version::V1_1 => oldest,
    }
}

/// Returns what is offered to an account: a feature that is not subscribed to is denied like one that is not offered
/// (CSP session, "User profiles and service discovery").
pub(crate) fn subscribed(account: Option<&User>, version: Version, features: Features) -> Services {
    let offered = offered(version, features);
    match account.and_then(|account| account.features.as_deref()) {
        Some(features) => Services::subscribed(version, features.split(' ')).meet(offered),
        None => *offered,
    }
}

/// Does what a request asks, and returns the answer. One line a primitive: the map of the protocol.
pub(crate) fn perform(context: &mut Context<'_>, primitive: &Element<'_>) -> Result<Element<'static>, Fault> {
    match primitive.name.as_ref() {
        "Login-Request" => access::login(context, primitive),
        "Logout-Request" => access::logout(context),
        "KeepAlive-Request" => access::keep_alive(context, primitive),
        "ClientCapability-Request" => access::client_capability(context, primitive),
        "Service-Request" => access::service(context, primitive),

        "GetSPInfo-Request" => fundamental::get_sp_info(context, primitive),
        "Search-Request" => fundamental::search_request(context, primitive),
        "StopSearch-Request" => fundamental::stop_search(context, primitive),
        "VerifyID-Request" => fundamental::verify_id(context, primitive),
        "Invite-Request" => invitation::invite(context, primitive),
        "InviteUser-Response" => invitation::answer(context, primitive),
        "CancelInvite-Request" => invitation::cancel(context, primitive),
        "GetPublicProfile-Request" => profile::get(context, primitive),
        "UpdatePublicProfile-Request" => profile::update(context, primitive),
        "SubscribeNotification-Request" => notification::subscribe(context, primitive),
        "UnsubscribeNotification-Request" => notification::unsubscribe(context, primitive),

        "GetList-Request" => contact_list::get(context),
        "CreateList-Request" => contact_list::create(context, primitive),
        "DeleteList-Request" => contact_list::delete(context, primitive),
        "ListManage-Request" => contact_list::manage(context, primitive),

        "UpdatePresence-Request" => presence::update(context, primitive),
        "GetPresence-Request" => presence::get(context, primitive),
        "SubscribePresence-Request" => presence::subscribe(context, primitive),
        "UnsubscribePresence-Request" => presence::unsubscribe(context, primitive),
        "GetWatcherList-Request" => presence::get_watcher_list(context, primitive),
        "CreateAttributeList-Request" => presence::create_attribute_list(context, primitive),
        "DeleteAttributeList-Request" => presence::delete_attribute_list(context, primitive),
        "GetAttributeList-Request" => presence::get_attribute_list(context, primitive),
        "PresenceAuth-User" => presence::presence_auth_user(context, primitive),
        "CancelAuth-Request" => presence::cancel_authorization(context, primitive),
        "GetReactiveAuthStatus-Request" => presence::get_reactive_status(context, primitive),

        "SendMessage-Request" => im::send(context, primitive),
        "ForwardMessage-Request" => im::forward(context, primitive),
        "GetMessage-Request" => im::get_message(context, primitive),
        "MessageDelivered" => im::message_delivered(context, primitive),
        "RejectMessage-Request" => im::reject_message(context, primitive),
        "GetMessageList-Request" => im::get_message_list(context, primitive),
        "SetDeliveryMethod-Request" => im::set_delivery_method(context, primitive),
        "GetBlockedList-Request" => im::get_blocked_list(context),
        "BlockEntity-Request" => im::block_entity(context, primitive),

        "CreateGroup-Request" => group::create(context, primitive),
        "DeleteGroup-Request" => group::delete(context, primitive),
        "JoinGroup-Request" => group::join(context, primitive),
        "LeaveGroup-Request" => group::leave(context, primitive),
        "GetGroupMembers-Request" => group::get_members(context, primitive),
        "GetJoinedUsers-Request" => group::get_joined_users(context, primitive),
        "AddGroupMembers-Request" => group::add_members(context, primitive),
        "RemoveGroupMembers-Request" => group::remove_members(context, primitive),
        "MemberAccess-Request" => group::member_access(context, primitive),
        "GetGroupProps-Request" => group::get_properties(context, primitive),
        "SetGroupProps-Request" => group::set_properties(context, primitive),
        "RejectList-Request" => group::reject_list(context, primitive),
        "ExtendConversation-Request" => group::extend(context, primitive),
        "SubscribeGroupNotice-Request" => group::subscribe_notice(context, primitive),

        _ => Err(Code::NOT_IMPLEMENTED.into()),
    }
}

/// A session has begun: what happens then, subject by subject.
pub(crate) fn session_opened(context: &mut Context<'_>) -> Result<(), Fault> {
    presence::session_opened(context)?;
    group::session_opened(context)?;
    im::session_opened(context)
}

/// The capabilities or the services of the caller's session have changed.
fn terms_changed(context: &mut Context<'_>) -> Result<(), Fault> {
    presence::terms_changed(context)?;
    group::terms_changed(context)?;
    invitation::terms_changed(context)?;
    im::terms_changed(context)
}

/// Time has passed: what was to last so long ends.
pub(crate) fn expire(context: &mut Context<'_>) -> Result<(), Fault> {
    im::expire(context)?;
    invitation::expire(context)?;
    group::expire(context)
}

/// A session is over, by logout, expiry or force. It was the caller's, and is no longer among the sessions.
fn session_closed(context: &mut Context<'_>, session: &Session) -> Result<(), Fault> {
    group::session_closed(context, session)?;
    im::session_closed(context, session)?;
    presence::session_closed(context, session)
}

/// What a handler works with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The moment of the input.
    pub(crate) now: Timestamp,
    /// Where the input came from, as far as it is believed.
    pub(crate) origin: &'a Origin,
    /// Who asks.
    pub(crate) caller: Arc<Caller>,
    /// How the server is set up.
    pub(crate) configuration: &'a Configuration,
    /// What lasts.
    pub(crate) store: &'a mut Store,
    /// Who is logged in.
    pub(crate) sessions: &'a mut Sessions,
    /// Logins that are under way.
    pub(crate) door: &'a mut Door,
    /// Where identifiers come from.
    pub(crate) random: &'a mut Random,
    /// What goes into outboxes once the handler has succeeded.
    pub(crate) sends: Vec<(SessionId, Sending)>,
}

impl Context<'_> {
    /// Returns the caller's address in canonical form.
    pub(crate) fn user(&self) -> &str {
        &self.caller.user
    }

    /// Returns the version to answer in.
    pub(crate) fn version(&self) -> Version {
        self.caller.version
    }

    /// Returns what is offered to the caller, in the syntax that it speaks, as far as its user has subscribed to it.
    pub(crate) fn offered(&self) -> Result<Services, Fault> {
        let account = self.store.user(self.user())?;
        let offered = subscribed(account.as_ref(), self.caller.version, self.configuration.features);
        Ok(offered.said_in(self.caller.version, self.caller.form))
    }

    /// Returns how much a user may have: what the configuration says, and what is said of this user in its place.
    pub(crate) fn quotas(&self, user: &str) -> Result<Quotas, Fault> {
        let mut quotas = self.configuration.quotas.clone();
        for (name, most) in self.store.quotas(user)? {
            quotas.set(&name, most);
        }
        Ok(quotas)
    }

    /// Returns the caller's session.
    pub(crate) fn session(&mut self) -> Result<&mut Session, Fault> {
        self.sessions.get_mut(self.caller.session).ok_or_else(|| Code::INVALID_SESSION.into())
    }

    /// Ends a session with all that follows from it. With a code its client is told why when it comes again.
    pub(crate) fn end_session(&mut self, id: SessionId, code: Option<Code>) -> Result<(), Fault> {
        let Some(session) = self.sessions.close(id, code, self.now) else { return Ok(()) };
        let caller = std::mem::replace(&mut self.caller, session.caller.clone());
        let outcome = session_closed(self, &session);
        self.caller = caller;
        outcome
    }

    /// Reads the address of a user of any domain.
    pub(crate) fn user_id(&self, text: &str) -> Result<Address, Code> {
        Address::user_id(text, &self.configuration.domain).map_err(|_| Code::ADDRESS_ERROR)
    }

    /// Reads the address of a user of this server: 901 or 516 where it is none.
    pub(crate) fn own_user_id(&self, text: &str) -> Result<Address, Code> {
        let address = self.user_id(text)?;
        if address.domain() == self.configuration.domain { Ok(address) } else { Err(Code::DOMAIN_NOT_SUPPORTED) }
    }

    /// Reads the address of a user and checks that there is one: 901, 516 or 531 where not.
    pub(crate) fn known_user(&self, text: &str) -> Result<Address, Fault> {
        let address = self.own_user_id(text)?;
        if !self.store.has_user(address.as_str())? {
            return Err(Code::UNKNOWN_USER.into());
        }
        Ok(address)
    }

    /// Puts a request into the outbox of a session, written in the version of that session.
    pub(crate) fn send(&mut self, session: SessionId, mut sending: Sending) {
        // What goes to a whole group is kept once.
        if let Some((_, last)) = self.sends.last().filter(|(_, last)| last.primitive == sending.primitive) {
            sending.primitive = last.primitive.clone();
        }
        self.sends.push((session, sending));
    }

    /// Puts a request into the outbox of each session of a user for which `make` makes one.
    pub(crate) fn send_to(&mut self, user: &str, make: impl Fn(&Session) -> Option<Sending>) {
        for id in self.sessions.of_user(user) {
            if let Some(sending) = self.sessions.get(id).and_then(&make) {
                self.sends.push((id, sending));
            }
        }
    }

    /// Gives a session a secret that nobody foretells, in place of an earlier one.
    pub(crate) fn new_token(&mut self, session: SessionId) -> SessionId {
        let token = SessionId::new(self.random.draw());
        self.sessions.set_token(session, token);
        token
    }

    /// Makes a SearchID: decimal digits, which every version carries. The highest bit stays clear, since a reader may
    /// take the four octets for a signed number; Wireshark does.
    pub(crate) fn search_id(&mut self) -> String {
        (self.random.draw() as u32 >> 1).to_string()
    }

    /// Makes an identifier that nobody foretells, such as a MessageID.
    pub(crate) fn identifier(&mut self) -> String {
        self.random.identifier()
    }
}
