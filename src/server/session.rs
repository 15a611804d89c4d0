//! Who is logged in: the table of sessions, their deadlines, what each has agreed to, and the last answers that
//! each was given (CSP session, "Session life").

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::fast::RandomState;

use super::outbox::{Bearer, Outbox};
use super::store::tree;
use super::waking::Waking;
use super::{Timestamp, limits};
use crate::codec::Encoding;
use crate::csp::wire::Form;
use crate::csp::{Code, IS_ASKED, Services, Version};
use crate::document::Element;

/// The identifier of a session: 128 random bits. As a number it is looked up in constant time (abuse case B14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(u128);

impl Caller {
    /// Returns whoever asks without a session.
    pub(crate) fn outband(version: Version) -> Self {
        let client_id = Element::new("ClientID");
        let form = Form::of(Encoding::Wbxml);
        let session = SessionId(0);
        Self { session, earlier: None, user: String::new(), client: String::new(), client_id, version, form }
    }
}

impl SessionId {
    pub(crate) fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads the form that [`Display`](fmt::Display) writes; letters keep their case.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut octets = [0; 18];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut octets).ok()?;
        octets[..length].try_into().ok().map(|octets| Self(u128::from_be_bytes(octets)))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        URL_SAFE_NO_PAD.encode_slice(self.0.to_be_bytes(), &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// What a client can do and wants (CSP session, "Client capability negotiation"); the defaults are those of a
/// client that did not negotiate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Whether messages are pushed (`P`) or announced (`N`).
    pub(crate) push: bool,
    /// Whether every content type is accepted.
    pub(crate) any_content: bool,
    /// The content types accepted, lower case, without parameters; `text/plain` always is.
    pub(crate) content_types: Vec<Accepted>,
    /// The largest content pushed in NewMessage, in octets.
    pub(crate) push_length: Option<u32>,
    /// The largest content fetched with GetMessage, in octets.
    pub(crate) pull_length: Option<u32>,
    /// The largest text, in octets.
    pub(crate) text_length: Option<u32>,
    /// The largest number of open transactions.
    pub(crate) multi_trans: usize,
    /// The largest number of transactions in one message.
    pub(crate) multi_trans_per_message: usize,
    /// The largest primitive that the client reads, in octets.
    pub(crate) parser_size: Option<u32>,
    /// The kind of client: `MOBILE_PHONE`, `COMPUTER` …
    pub(crate) client_type: Option<String>,
    /// The language for texts of the server.
    pub(crate) language: Option<String>,
    /// What happens to messages while the user is away: `SENDSTORE`, `SENDREJECT` or `REJECT`.
    pub(crate) offline_etem: Option<String>,
    /// Which of several sessions gets a message.
    pub(crate) online_etem: Option<String>,
    /// The weight of this session among the user's others.
    pub(crate) session_priority: u32,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            push: true,
            any_content: false,
            content_types: Vec::new(),
            push_length: None,
            pull_length: None,
            text_length: None,
            multi_trans: 1,
            multi_trans_per_message: 1,
            parser_size: None,
            client_type: None,
            language: None,
            offline_etem: None,
            online_etem: None,
            session_priority: 0,
        }
    }
}

impl Capabilities {
    /// Returns whether the client takes so many octets of content of that type, however it gets them. A limit of 0 is
    /// none.
    pub(crate) fn holds(&self, content_type: &str, size: usize) -> bool {
        let fits = |limit: Option<u32>| limit.is_none_or(|limit| limit == 0 || size <= limit as usize);
        let most = self.pull_length.map(|pull| pull.max(self.push_length.unwrap_or_default()));
        let most_text = self.text_length.filter(|_| content_type.starts_with("text/"));
        let own = self.of_type(content_type);
        let is_rejected = own.is_some_and(|own| own.policy == Policy::Reject && own.is_beyond(size));
        fits(most) && fits(most_text) && fits(own.and_then(|own| own.most)) && !is_rejected
    }

    /// Returns whether the client is to be asked before it gets so many octets of content of that type.
    pub(crate) fn asks_first(&self, content_type: &str, size: usize) -> bool {
        self.of_type(content_type).is_some_and(|own| own.policy == Policy::Cost && own.is_beyond(size))
    }

    /// Returns whether the client takes content of that type, which is in lower case and without parameters.
    pub(crate) fn accepts(&self, content_type: &str) -> bool {
        self.any_content || content_type == "text/plain" || self.of_type(content_type).is_some()
    }

    /// Returns what the client says of a content type: by its name, else of all that begin so.
    fn of_type(&self, content_type: &str) -> Option<&Accepted> {
        let is_group =
            |own: &&Accepted| own.name.strip_suffix('*').is_some_and(|group| content_type.starts_with(group));
        let named = self.content_types.iter().find(|own| own.name == content_type);
        named.or_else(|| self.content_types.iter().find(is_group))
    }
}

/// A content type that a client takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Its name in lower case; `image/*` stands for all that begin so.
    pub(crate) name: String,
    /// The most octets of it (AcceptedRichContentLength).
    pub(crate) most: Option<u32>,
    /// What becomes of content of more octets than `limit`.
    pub(crate) policy: Policy,
    /// ContentPolicyLimit; without one the policy says nothing.
    pub(crate) limit: Option<u32>,
}

impl Accepted {
    fn is_beyond(&self, size: usize) -> bool {
        self.limit.is_some_and(|limit| size > limit as usize)
    }
}

/// What becomes of content beyond a limit. The words are one server's; what they mean is derived from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// `N`, and words that nobody knows: nothing.
    #[default]
    None,
    /// `C`: it costs the user something, who is told of it and decides whether to fetch it.
    Cost,
    /// `R`: it is not delivered.
    Reject,
}

impl Policy {
    /// Reads the word of ContentPolicy.
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "C" => Self::Cost,
            "R" => Self::Reject,
            _ => Self::None,
        }
    }

    /// Returns the word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "N",
            Self::Cost => "C",
            Self::Reject => "R",
        }
    }
}

/// Who asks: what handlers need to know of the session they work for, even when it is over.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The session; without meaning before login.
    pub(crate) session: SessionId,
    /// The session in which a login was written, though it opens one.
    pub(crate) earlier: Option<SessionId>,
    /// The user's address in canonical form; empty before login.
    pub(crate) user: String,
    /// The client's identity, in lower case.
    pub(crate) client: String,
    /// `ClientID` as the client wrote it, or `ApplicationID`.
    pub(crate) client_id: Element<'static>,
    /// The version of the message, and so of the answer.
    pub(crate) version: Version,
    /// How the client last wrote, and so what it can be told.
    pub(crate) form: Form,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Whose it is.
    pub(crate) caller: Arc<Caller>,
    /// How long it may be silent.
    pub(crate) time_to_live: Duration,
    /// When it was last heard of.
    pub(crate) heard: Timestamp,
    /// Whether its own groups are told without the domain: its client needs that, and its user has logged in without one.
    pub(crate) is_bare: bool,
    /// The number that it last wrote from, where that was a short message: what there is for it goes there.
    pub(crate) number: Option<String>,
    /// The features and functions agreed; before a negotiation the base ones, or all (CSP session, "Service
    /// negotiation": derived, so `csp.unnegotiated` says which).
    pub(crate) services: Services,
    /// What the client can do.
    pub(crate) capabilities: Capabilities,
    /// What waits for it.
    pub(crate) outbox: Outbox,
    /// How it can be woken.
    pub(crate) waking: Waking,
    /// The secret of the addresses at which its client asks whether something waits, and fetches content.
    pub(crate) token: Option<SessionId>,
    /// When the minute began in which messages are counted, and how many came in it.
    minute: (Timestamp, u32),
    /// The notifications that it wants (1.3), by type.
    pub(crate) notifications: BTreeSet<String>,
    /// Whether it was told of the invitations that wait for its user.
    pub(crate) knows_invitations: bool,
    /// The priority that the user's other sessions were told of.
    pub(crate) told_priority: u32,
    /// Whether it has been asked who may see its user's presence (reactive authorization).
    pub(crate) knows_questions: bool,
    /// The number of the last system message that it was told.
    pub(crate) system_seen: i64,
    /// The search that is under way.
    pub(crate) search: Option<Search>,
    answers: VecDeque<Answer>,
}

/// A search whose findings are fetched in pieces; a session has one at a time.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) id: String,
    pub(crate) limit: usize,
    pub(crate) of_groups: bool,
    /// Addresses of users or groups.
    pub(crate) findings: Vec<String>,
}

#[derive(Debug)]
struct Answer {
    transaction: String,
    fingerprint: u64,
    at: Timestamp,
    /// In the form of [`tree`], which takes a fourth of the memory: it is kept often and given again seldom.
    primitive: Box<str>,
}

/// What is known of a TransactionID that a client uses.
#[derive(Debug, PartialEq)]
pub(crate) enum Remembered {
    /// Nothing: the request is new.
    New,
    /// The same request was answered before.
    Same(Element<'static>),
    /// Another request had this TransactionID.
    Other,
}

impl Session {
    pub(crate) fn new(caller: Arc<Caller>, time_to_live: Duration, services: Services, now: Timestamp) -> Self {
        Self {
            caller,
            time_to_live,
            heard: now,
            is_bare: false,
            number: None,
            services,
            capabilities: Capabilities::default(),
            outbox: Outbox::default(),
            waking: Waking::default(),
            token: None,
            minute: (now, 0),
            notifications: BTreeSet::new(),
            knows_invitations: false,
            told_priority: 0,
            knows_questions: false,
            system_seen: 0,
            search: None,
            answers: VecDeque::new(),
        }
    }

    /// Returns whether the client has agreed to be asked who may see its user; some cannot in 1.3, and know no other way.
    pub(crate) fn is_asked(&self) -> bool {
        let knows_no_other = self.caller.version == Version::V1_3 && self.caller.form.changes.has(IS_ASKED);
        self.services.has("REACT") || (knows_no_other && self.services.has("GETWL"))
    }

    /// Goes on after another login. Its client may count its transactions anew, so that none is known any more.
    pub(crate) fn go_on(&mut self, now: Timestamp, time_to_live: Duration) {
        (self.heard, self.time_to_live) = (now, time_to_live);
        self.answers.clear();
    }

    /// Returns when the session ends if nothing is heard of it.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.heard.after(self.time_to_live)
    }

    /// Returns what carries requests to its client now.
    pub(crate) fn bearer(&self) -> Bearer {
        Bearer { version: self.caller.version, form: self.caller.form, is_by_text: self.number.is_some() }
    }

    /// Returns whether its client should poll.
    pub(crate) fn has_waiting(&self, now: Timestamp) -> bool {
        self.outbox.has_waiting(now, self.bearer())
    }

    /// Counts a message; returns after how many seconds to come again where there were too many in this minute.
    pub(crate) fn count(&mut self, most: u32, now: Timestamp) -> Option<u32> {
        let elapsed = now.since(self.minute.0).as_secs();
        if elapsed >= 60 {
            self.minute = (now, 0);
        }
        self.minute.1 = self.minute.1.saturating_add(1);
        (self.minute.1 > most).then(|| 60_u32.saturating_sub(elapsed as u32).max(1))
    }

    /// Remembers the answer to a request for a while.
    pub(crate) fn remember(&mut self, transaction: &str, fingerprint: u64, answer: &Element<'static>, at: Timestamp) {
        let most = limits::ANSWERS.max(2 * self.capabilities.multi_trans);
        self.answers.retain(|a| a.transaction != transaction);
        while self.answers.len() >= most {
            self.answers.pop_front();
        }
        let (transaction, primitive) = (transaction.to_owned(), tree::write(answer).into_boxed_str());
        self.answers.push_back(Answer { transaction, fingerprint, at, primitive });
    }

    /// Looks for the answer to a request that came before.
    pub(crate) fn remembered(&self, transaction: &str, fingerprint: u64, now: Timestamp) -> Remembered {
        let life = if self.number.is_some() { limits::TEXT_ANSWER_LIFE } else { limits::ANSWER_LIFE };
        let is_known = |a: &&Answer| a.transaction == transaction && now.since(a.at) <= life;
        match self.answers.iter().find(is_known) {
            None => Remembered::New,
            Some(answer) if answer.fingerprint == fingerprint => {
                tree::read(&answer.primitive).map_or(Remembered::New, Remembered::Same)
            }
            Some(_) => Remembered::Other,
        }
    }
}

/// A map by identifiers that are drawn here, never chosen by others.
type ByIdentifier<T> = HashMap<SessionId, T, RandomState>;

/// How a session ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// 600 or 601.
    pub(crate) code: Code,
    /// The version in which its client is told.
    pub(crate) version: Version,
}

/// All sessions, by identifier and by user, and what is remembered of those that ended.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    live: ByIdentifier<Box<Session>>,
    by_user: BTreeMap<String, Vec<SessionId>>,
    /// By the secret with which clients ask beside their messages.
    by_token: ByIdentifier<SessionId>,
    /// Connections that are to be closed.
    hang_ups: Vec<u64>,
    /// One entry a session, not later than its deadline.
    deadlines: BinaryHeap<Reverse<(Timestamp, SessionId)>>,
    ended: ByIdentifier<Ended>,
    ended_in_order: VecDeque<(Timestamp, SessionId)>,
    /// Sessions by short messages that were ended by force, with their numbers: they do not poll, and are told at once.
    dismissed: Vec<(Arc<Caller>, String)>,
}

impl Sessions {
    /// Adds a session.
    pub(crate) fn open(&mut self, session: Session) {
        let id = session.caller.session;
        self.deadlines.push(Reverse((session.deadline(), id)));
        self.by_user.entry(session.caller.user.clone()).or_default().push(id);
        self.live.insert(id, Box::new(session));
    }

    /// Removes a session. With a code it is remembered, and its client told that code if it comes again.
    pub(crate) fn close(&mut self, id: SessionId, code: Option<Code>, now: Timestamp) -> Option<Box<Session>> {
        let session = self.live.remove(&id)?;
        self.hang_ups.extend(session.waking.connection());
        if let Some(token) = session.token {
            self.by_token.remove(&token);
        }
        if let Some(ids) = self.by_user.get_mut(&session.caller.user) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_user.remove(&session.caller.user);
            }
        }
        if let (Some(number), Some(Code::FORCED_LOGOUT)) = (&session.number, code) {
            self.dismissed.push((session.caller.clone(), number.clone()));
        }
        if let Some(code) = code {
            self.ended.insert(id, Ended { code, version: session.caller.version });
            self.ended_in_order.push_back((now, id));
        }
        self.forget(now);
        Some(session)
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.ended_in_order.front().copied() {
            if self.ended_in_order.len() <= limits::ENDED && now.since(at) <= limits::ENDED_REMEMBERED {
                break;
            }
            self.ended_in_order.pop_front();
            self.ended.remove(&id);
        }
    }

    /// Takes the sessions by short messages that were ended by force, with their numbers.
    pub(crate) fn take_dismissed(&mut self) -> Vec<(Arc<Caller>, String)> {
        std::mem::take(&mut self.dismissed)
    }

    /// Returns how a session ended, if that is still remembered.
    pub(crate) fn ended(&self, id: SessionId) -> Option<&Ended> {
        self.ended.get(&id)
    }

    /// Forgets how a session ended: its client has been told.
    pub(crate) fn told(&mut self, id: SessionId) {
        self.ended.remove(&id);
    }

    /// Returns a session.
    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.live.get(&id).map(Box::as_ref)
    }

    /// Returns a session to change it.
    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.live.get_mut(&id).map(Box::as_mut)
    }

    /// Returns the sessions of a user, oldest first.
    pub(crate) fn of_user(&self, user: &str) -> Vec<SessionId> {
        self.by_user.get(user).cloned().unwrap_or_default()
    }

    /// Returns the users that have a session.
    pub(crate) fn users(&self) -> Vec<String> {
        self.by_user.keys().cloned().collect()
    }

    /// Returns whether a user has a session.
    pub(crate) fn is_online(&self, user: &str) -> bool {
        self.by_user.contains_key(user)
    }

    /// Returns the session of a user's client.
    pub(crate) fn of_client(&self, user: &str, client: &str) -> Option<SessionId> {
        self.of_user(user).into_iter().find(|id| self.get(*id).is_some_and(|s| s.caller.client == client))
    }

    /// Gives a session a secret, in place of an earlier one.
    pub(crate) fn set_token(&mut self, id: SessionId, token: SessionId) {
        let Some(session) = self.live.get_mut(&id) else { return };
        if let Some(earlier) = session.token.replace(token) {
            self.by_token.remove(&earlier);
        }
        self.by_token.insert(token, id);
    }

    /// Returns the session of a secret. As a number it is looked up in constant time (abuse case B13).
    pub(crate) fn of_token(&self, token: SessionId) -> Option<&Session> {
        self.by_token.get(&token).and_then(|id| self.get(*id))
    }

    /// Notes that a connection is to be closed.
    pub(crate) fn hang_up(&mut self, connection: u64) {
        self.hang_ups.push(connection);
    }

    /// Takes the connections that are to be closed.
    pub(crate) fn hang_ups(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.hang_ups)
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// Takes the next session whose time has run out from the list of deadlines; it is still in the table.
    pub(crate) fn expired(&mut self, now: Timestamp) -> Option<SessionId> {
        while let Some(Reverse((at, id))) = self.deadlines.peek().copied() {
            if at > now {
                return None;
            }
            self.deadlines.pop();
            match self.get(id).map(Session::deadline) {
                Some(deadline) if deadline <= now => return Some(id),
                Some(deadline) => self.deadlines.push(Reverse((deadline, id))),
                None => {}
            }
        }
        None
    }

    /// Returns a moment not later than the next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.peek().map(|Reverse((at, _))| *at)
    }

    /// Notes that the time to live of a session was shortened.
    pub(crate) fn reschedule(&mut self, id: SessionId) {
        if let Some(session) = self.live.get(&id) {
            self.deadlines.push(Reverse((session.deadline(), id)));
        }
    }
}
