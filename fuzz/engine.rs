//! What holds for the server's engine whatever is asked of it, in whatever order. The fuzzer plays this with octets of its
//! own making (`targets/engine.rs`), the test suite with octets at random (`tests/suite/readers.rs`).
//!
//! Octets are a script for four users in as many versions and syntaxes, whose answers get lost now and then, and for
//! mallory, who besides sends what never was a message. At any time:
//!
//! 1. each request has one reply, with a status of HTTP that the binding has; the engine never says that it failed;
//! 2. a reply is a message, in the version and syntax of the request; each answer is to a transaction of the request, has
//!    a code that the standard knows, none of 500, and the children that its primitive must have;
//! 3. a session lives until its user ends it or is silent for too long, and nobody has more than the quota;
//! 4. of messages that were accepted no user has more waiting than the quota, nor more groups or contact lists;
//! 5. what was acknowledged is not offered again;
//! 6. after a tick the next one is later.
//!
//! And at the end each message was delivered once to each user for whom it was accepted, neither lost nor doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use impskit::client::primitives::send_message;
use impskit::client::{Client, Event, Identity, Output as ClientOutput};
use impskit::codec::{self, Encoding, Limits};
use impskit::csp::wire::{self, Body};
use impskit::csp::{self, Message, Mode, Outcome, Primitive, Transaction, V1_3, Version};
use impskit::diagnose::Report;
use impskit::document::{CodeTable, Element};
use impskit::server::{Configuration, Engine, Input, Output, Quotas, Random, Request, Store, Timestamp};

/// Who takes part, in which version and syntax.
const ACTORS: [(&str, Version, Encoding); 5] = [
    ("anna", Version::V1_3, Encoding::Xml),
    ("bert", Version::V1_2, Encoding::Wbxml),
    ("carl", Version::V1_1, Encoding::Xml),
    ("dora", Version::V1_3, Encoding::Pts),
    ("mallory", Version::V1_3, Encoding::Wbxml),
];
const MALLORY: usize = 4;
/// Steps of one script.
const STEPS: usize = 80;
/// The silence that clients ask for, in seconds, and as much of it as is surely alive.
const TIME_TO_LIVE: u32 = 1800;
const SURELY_ALIVE: u64 = 1700;
const START: u64 = 1_795_410_000;

/// The codes of plain text, with those that are derived: there is none for messages else.
static TEXT_CODES: LazyLock<CodeTable> = LazyLock::new(|| {
    let derived = include_str!("../templates/text-codes.tsv").to_owned();
    csp::text_codes().overlaid(derived).unwrap_or_else(|row| panic!("line {}: {}", row.line, row.what))
});

/// Plays a script, and looks after each step whether all holds. Returns how many messages were accepted, and delivered.
pub(crate) fn engine(octets: &[u8]) -> usize {
    let mut script = Script(octets);
    let mut town = Town::new();
    for (who, (user, ..)) in ACTORS.iter().enumerate() {
        town.tell(who, Event::LogIn);
        assert!(town.clients[who].is_in(), "{user} is logged in");
    }
    for _ in 0..STEPS {
        let Some(step) = script.next() else { break };
        town.step(usize::from(step) % ACTORS.len(), &mut script);
    }
    town.close();
    town.accepted.values().sum()
}

/// Octets that say what is done.
struct Script<'o>(&'o [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Returns a number below `most`: 0 behind the end.
    fn below(&mut self, most: usize) -> usize {
        usize::from(self.next().unwrap_or_default()) % most
    }
}

/// An engine, its users, and what must be so.
struct Town {
    engine: Engine,
    quotas: Quotas,
    now: u64,
    clients: Vec<Client>,
    /// When each was heard of last, and whether an answer to it was lost since its login.
    heard: [u64; ACTORS.len()],
    is_doubtful: [bool; ACTORS.len()],
    loses_next: bool,
    texts: u32,
    /// By user and text: how often it was accepted, and the messages that brought it and were acknowledged.
    accepted: BTreeMap<(String, String), usize>,
    offered: BTreeMap<(String, String), String>,
    acknowledged: BTreeSet<(String, String)>,
    groups: [BTreeSet<String>; ACTORS.len()],
    /// A body that mallory posted.
    sample: Vec<u8>,
}

impl Town {
    fn new() -> Self {
        let mut store = Store::in_memory().expect("a store");
        for (user, ..) in ACTORS {
            store.add_user(&address(user), "secret", Timestamp::from_seconds(1)).expect("a user");
        }
        let quotas = Quotas { stored_messages: 5, contact_lists: 3, contacts: 3, groups: 2, ..Quotas::default() };
        let configuration = Configuration {
            domain: "example.com".into(),
            quotas: quotas.clone(),
            text_codes: &TEXT_CODES,
            ..Configuration::default()
        };
        let client = |(user, version, encoding)| {
            let identity = Identity::new(address(user), "secret");
            let time_to_live = TIME_TO_LIVE;
            Client::new(Identity { version, encoding, text_codes: &TEXT_CODES, time_to_live, ..identity })
        };
        Self {
            engine: Engine::open(configuration, store, Random::new([7; 32])),
            quotas,
            now: START,
            clients: ACTORS.map(client).into(),
            heard: [START; ACTORS.len()],
            is_doubtful: [false; ACTORS.len()],
            loses_next: false,
            texts: 0,
            accepted: BTreeMap::new(),
            offered: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            groups: Default::default(),
            sample: Vec::new(),
        }
    }

    fn step(&mut self, who: usize, script: &mut Script<'_>) {
        match script.below(20) {
            0..=4 => {
                let to: Vec<_> = (0..=script.below(2)).map(|_| address(ACTORS[script.below(ACTORS.len())].0)).collect();
                self.texts += 1;
                // What mallory sends, she may send again, damaged or not: it is not counted.
                let kind = if who == MALLORY { "noise" } else { "letter" };
                let text = format!("{kind} {} of {}", self.texts, ACTORS[who].0);
                let to: Vec<_> = to.iter().map(String::as_str).collect();
                self.tell(who, Event::Request(send_message(&address(ACTORS[who].0), &to, &text, false)));
            }
            5 | 6 => self.tell(who, Event::Poll),
            7 => self.tell(who, Event::LogIn),
            8 => self.tell(who, Event::LogOut),
            9 => self.wait(3 * script.below(256) as u64),
            10 => self.loses_next = true,
            11..=13 if who == MALLORY => {
                let body = damaged(&self.sample, script);
                self.post(MALLORY, wire::media_type(Version::V1_3, Encoding::Wbxml), body, false);
            }
            _ => {
                let most = if who == MALLORY { REQUESTS.len() } else { REQUESTS.len() - OF_MALLORY };
                let (request, you, number) =
                    (REQUESTS[script.below(most)], script.below(ACTORS.len()), script.below(4));
                let request = request
                    .replace("{me}", &format!("wv:{}", ACTORS[who].0))
                    .replace("{you}", &format!("wv:{}", ACTORS[you].0))
                    .replace("{n}", &number.to_string());
                self.tell(who, Event::Insist(parse(&request)));
            }
        }
        assert!(self.engine.sessions() <= ACTORS.len() * self.quotas.sessions);
    }

    /// Lets time pass.
    fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        let now = Timestamp::from_seconds(self.now);
        let outputs = self.engine.handle(now, Input::Tick);
        for output in outputs {
            match output {
                Output::Note(note) => check_note(&note),
                Output::Reply { .. } => panic!("a reply to nobody"),
                _ => {}
            }
        }
        assert!(self.engine.next_deadline().is_none_or(|next| next > now), "a tick that is due again at once");
    }

    /// Lets a user do something, with all that follows.
    fn tell(&mut self, who: usize, event: Event) {
        let mut events = vec![event];
        let mut posts = 0;
        while let Some(event) = events.pop() {
            let elapsed = Duration::from_secs(self.now - START);
            for output in self.clients[who].handle(elapsed, event) {
                let ClientOutput::Post { media_type, body } = output else { continue };
                posts += 1;
                assert!(posts < 300, "no end of requests");
                if who == MALLORY {
                    self.sample.clone_from(&body);
                }
                let answer = self.post(who, media_type, body, true);
                let is_lost = std::mem::take(&mut self.loses_next);
                self.is_doubtful[who] |= is_lost;
                events.push(if is_lost { Event::Failed("lost".into()) } else { Event::Answer(answer) });
            }
        }
    }

    /// Posts a body, and looks at the reply.
    fn post(&mut self, who: usize, media_type: &str, body: Vec<u8>, is_sound: bool) -> Vec<u8> {
        let posted = body.clone();
        let asked = wire::read_with(&posted, &wire::LIMITS, &TEXT_CODES);
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert!(!is_sound || asked.is_ok(), "{shown}");
        let (peer, connection) = (IpAddr::V4(Ipv4Addr::LOCALHOST), u64::from(self.texts));
        let request = Request { connection, media_type: media_type.to_owned(), body, peer, headers: Vec::new() };
        let mut reply = None;
        for output in self.engine.handle(Timestamp::from_seconds(self.now), Input::Request(request)) {
            match output {
                Output::Reply { connection: own, status, body, .. } => {
                    assert_eq!(own, connection);
                    assert!(reply.replace((status, body)).is_none(), "two replies to {shown}");
                }
                Output::Note(note) => check_note(&note),
                _ => {}
            }
        }
        let (status, reply) = reply.expect("a reply");
        assert!(status == 200 || !is_sound && matches!(status, 400 | 415), "{status} to {shown}");
        let answered = (!reply.is_empty()).then(|| wire::read_with(&reply, &wire::LIMITS, &TEXT_CODES));
        let answered = answered.map(|answered| match answered {
            Ok((Body::Message(answered), form)) => (answered, form.encoding),
            other => panic!("no message: {other:?} to {shown}"),
        });
        if let Some((answered, _)) = &answered {
            answered.transactions.iter().for_each(|transaction| check_transaction(transaction, answered.version));
        }
        if let Ok((Body::Message(asked), form)) = asked {
            let answers = answered.map_or(Vec::new(), |(answered, encoding)| {
                assert_eq!((answered.version, encoding), (asked.version, form.encoding), "to {shown}");
                answered.transactions
            });
            self.note(who, &asked, &answers, is_sound);
        }
        reply
    }

    /// Looks whether answers fit what was asked, and notes what they mean.
    fn note(&mut self, who: usize, asked: &Message, answers: &[Transaction], is_sound: bool) {
        let user = ACTORS[who].0;
        let is_own = |id: &Option<String>| asked.transactions.iter().any(|transaction| transaction.id == *id);
        // mallory asks for short sessions, and ends them by what is no message.
        let is_alive = who != MALLORY && !self.is_doubtful[who] && self.now - self.heard[who] < SURELY_ALIVE;
        for answer in answers.iter().filter(|answer| answer.mode == Mode::Response) {
            // Plain text has a number for a poll too, and does not say what is opened by the server.
            let is_text = answer.id.as_deref() == Some("0") || answer.primitive.name == "LeaveGroup-Response";
            assert!(is_own(&answer.id) || ACTORS[who].2 == Encoding::Pts && is_text, "{answer:?} to {asked:?}");
            let code = Outcome::read(&answer.primitive).map_or(200, |outcome| outcome.code.0);
            let is_gone = matches!(code, 600 | 601 | 604) && matches!(asked.session, csp::Session::Inband(_));
            assert!(!(is_gone && is_alive), "{user} is thrown out by {code}");
            if answer.primitive.name == "Login-Response" && code == 200 {
                self.is_doubtful[who] = false;
            }
        }
        for asked in &asked.transactions {
            let primitive = &asked.primitive;
            if primitive.name == "MessageDelivered" {
                let id = primitive.child_text("MessageID").unwrap_or_default();
                self.acknowledged.insert((address(user), id.to_owned()));
            }
            let answer = answers.iter().find(|answer| answer.mode == Mode::Response && answer.id == asked.id);
            let Some(answer) = answer.filter(|_| asked.mode == Mode::Request && is_sound) else { continue };
            let outcome = Outcome::read(&answer.primitive).unwrap_or_else(|| Outcome::new(csp::Code::SUCCESSFUL));
            self.note_outcome(who, primitive, &outcome);
        }
        for offer in answers.iter().filter(|answer| answer.primitive.name == "NewMessage") {
            let id = offer.primitive.descend(&["MessageInfo", "MessageID"]).map(Element::trimmed).unwrap_or_default();
            let key = (address(user), id.to_owned());
            assert!(!self.acknowledged.contains(&key), "{user} gets {id} again");
            let text = offer.primitive.child_text("ContentData").unwrap_or_default();
            self.offered.insert(key, text.to_owned());
        }
        if is_sound {
            self.heard[who] = self.now;
        }
    }

    /// Notes what a request that was answered has changed.
    fn note_outcome(&mut self, who: usize, request: &Element<'_>, outcome: &Outcome) {
        let code = outcome.code.0;
        match request.name.as_ref() {
            "SendMessage-Request" if matches!(code, 200 | 201) => {
                let named = |text: &str| {
                    outcome.details.iter().flat_map(|detail| &detail.items).any(|item| {
                        let mut is_it = item.trimmed() == text;
                        item.walk(&mut |element, _| is_it |= element.trimmed() == text);
                        is_it
                    })
                };
                let text = request.child_text("ContentData").unwrap_or_default();
                let users: BTreeSet<_> = recipients(request).into_iter().filter(|user| !named(user)).collect();
                for user in users.into_iter().filter(|_| text.starts_with("letter ")) {
                    *self.accepted.entry((user.to_owned(), text.to_owned())).or_default() += 1;
                    assert!(self.waiting(user) <= self.quotas.stored_messages, "{user} has more than the quota");
                }
            }
            "CreateGroup-Request" if code == 200 => {
                let group = request.child_text("GroupID").unwrap_or_default();
                assert!(self.groups[who].insert(group.to_owned()), "{group} is made twice");
                assert!(self.groups[who].len() <= self.quotas.groups, "{:?}", self.groups[who]);
            }
            "DeleteGroup-Request" if code == 200 => {
                let group = request.child_text("GroupID").unwrap_or_default();
                assert!(self.groups[who].remove(group), "{group} was nobody's to delete");
            }
            _ => {}
        }
    }

    /// Returns how many messages that were accepted for a user are not acknowledged.
    fn waiting(&self, user: &str) -> usize {
        let accepted: usize = self.accepted.iter().filter(|((to, _), _)| to == user).map(|(_, count)| count).sum();
        accepted - self.arrived(user, None)
    }

    /// Returns how many messages a user has acknowledged: those of a text, or all that are counted.
    fn arrived(&self, user: &str, text: Option<&str>) -> usize {
        let is_counted = |own: &str| text.map_or(own.starts_with("letter "), |text| own == text);
        let is_done = |key: &(String, String)| key.0 == user && self.acknowledged.contains(key);
        self.offered.iter().filter(|(key, own)| is_done(key) && is_counted(own)).count()
    }

    /// Lets everybody come in and fetch what waits, and looks whether it is what was accepted.
    fn close(&mut self) {
        self.loses_next = false;
        for (who, (user, ..)) in ACTORS.iter().enumerate().take(MALLORY) {
            self.tell(who, Event::LogIn);
            assert!(self.clients[who].is_in(), "{user} may come in");
            for _ in 0..3 {
                self.wait(25);
                self.tell(who, Event::Poll);
            }
        }
        for ((user, text), count) in &self.accepted {
            if *user != address("mallory") {
                assert_eq!(self.arrived(user, Some(text)), *count, "`{text}` to {user}");
            }
        }
        for who in 0..ACTORS.len() {
            self.tell(who, Event::LogOut);
        }
        self.wait(u64::from(TIME_TO_LIVE));
        self.wait(u64::from(TIME_TO_LIVE));
        assert_eq!(self.engine.sessions(), 0, "sessions are left");
    }
}

fn address(user: &str) -> String {
    format!("wv:{user}@example.com")
}

/// Returns the users that a message is for.
fn recipients<'e>(request: &'e Element<'_>) -> Vec<&'e str> {
    let recipient = request.descend(&["MessageInfo", "Recipient"]);
    let users = recipient.into_iter().flat_map(|recipient| recipient.children_named("User"));
    users.filter_map(|user| user.child_text("UserID")).collect()
}

/// The engine notes what it gave up; it never fails.
fn check_note(note: &str) {
    for failure in
        ["the store failed", "a session ended without", "what is over", "an answer cannot", "a session does not"]
    {
        assert!(!note.starts_with(failure), "{note}");
    }
}

/// What the server says is what a server may say.
fn check_transaction(transaction: &Transaction, version: Version) {
    let primitive = &transaction.primitive;
    let row = Primitive::find(version, &primitive.name).unwrap_or_else(|| panic!("{} is unknown", primitive.name));
    assert!(row.is_from_server(), "no server says {}", primitive.name);
    if let Some(outcome) = Outcome::read(primitive) {
        assert!(outcome.code.is_known() && outcome.code.0 != 500, "{outcome:?}");
        assert!(outcome.details.iter().all(|detail| detail.code.is_known()), "{outcome:?}");
    }
    assert_eq!(csp::fault(primitive, version), None, "{primitive:?}");
}

/// Returns octets that were a message, changed at some places.
fn damaged(sample: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let mut octets = sample.to_vec();
    for _ in 0..=script.below(4) {
        let place = (script.below(256) << 8 | script.below(256)) % octets.len().max(1);
        let (way, octet) = (script.below(4), script.next().unwrap_or_default());
        let end = (place + 1 + usize::from(octet) % 32).min(octets.len());
        match way {
            _ if octets.is_empty() => octets.push(octet),
            0 => octets[place] = octet,
            1 => octets.insert(place, octet),
            2 => drop(octets.drain(place..end)),
            _ => {
                let piece = octets[place..end].to_vec();
                octets.splice(place..place, piece);
            }
        }
    }
    octets
}

fn parse(xml: &str) -> Element<'static> {
    let document = codec::read(xml.as_bytes(), &[&V1_3], &Limits::default(), &mut Report::new());
    document.unwrap_or_else(|| panic!("{xml}")).root.into_owned()
}

/// Requests at the end of the list that only mallory makes: they change what arrives, or for how long a session lives.
const OF_MALLORY: usize = 9;
const REQUESTS: &[&str] = &[
    "<KeepAlive-Request/>",
    "<GetSPInfo-Request/>",
    "<GetList-Request/>",
    "<CreateList-Request><ContactList>{me}/list{n}@example.com</ContactList><NickList><NickName><Name>y</Name>\
     <UserID>{you}</UserID></NickName></NickList></CreateList-Request>",
    "<DeleteList-Request><ContactList>{me}/list{n}@example.com</ContactList></DeleteList-Request>",
    "<ListManage-Request><ContactList>{me}/list{n}@example.com</ContactList><AddNickList><NickName><Name>z</Name>\
     <UserID>{you}</UserID></NickName></AddNickList><ReceiveList>T</ReceiveList></ListManage-Request>",
    "<CreateAttributeList-Request><PresenceSubList><StatusText/></PresenceSubList><UserIDList><UserID>{you}</UserID>\
     </UserIDList><DefaultList>F</DefaultList></CreateAttributeList-Request>",
    "<CreateAttributeList-Request><PresenceSubList><StatusText/><OnlineStatus/></PresenceSubList>\
     <DefaultList>T</DefaultList></CreateAttributeList-Request>",
    "<GetAttributeList-Request><DefaultList>T</DefaultList></GetAttributeList-Request>",
    "<UpdatePresence-Request><PresenceSubList><StatusText><Qualifier>T</Qualifier><PresenceValue>busy {n}</PresenceValue>\
     </StatusText></PresenceSubList></UpdatePresence-Request>",
    "<SubscribePresence-Request><UserIDList><UserID>{you}</UserID></UserIDList><PresenceSubList><StatusText/>\
     <OnlineStatus/></PresenceSubList></SubscribePresence-Request>",
    "<UnsubscribePresence-Request><UserIDList><UserID>{you}</UserID></UserIDList></UnsubscribePresence-Request>",
    "<GetPresence-Request><UserIDList><UserID>{you}</UserID></UserIDList></GetPresence-Request>",
    "<GetWatcherList-Request/>",
    "<CreateGroup-Request><GroupID>{me}/group{n}@example.com</GroupID><GroupProperties><Property><Name>Name</Name>\
     <Value>G</Value></Property></GroupProperties><JoinGroup>T</JoinGroup><SubscribeNotification>T\
     </SubscribeNotification></CreateGroup-Request>",
    "<DeleteGroup-Request><GroupID>{me}/group{n}@example.com</GroupID></DeleteGroup-Request>",
    "<JoinGroup-Request><GroupID>{you}/group{n}@example.com</GroupID><ScreenName><SName>{me}</SName><GroupID>\
     {you}/group{n}@example.com</GroupID></ScreenName><JoinedRequest>T</JoinedRequest><SubscribeNotification>T\
     </SubscribeNotification></JoinGroup-Request>",
    "<LeaveGroup-Request><GroupID>{you}/group{n}@example.com</GroupID></LeaveGroup-Request>",
    "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient><Group><GroupID>\
     {you}/group{n}@example.com</GroupID></Group></Recipient></MessageInfo><ContentData>to all</ContentData>\
     </SendMessage-Request>",
    "<AddGroupMembers-Request><GroupID>{me}/group{n}@example.com</GroupID><UserIDList><UserID>{you}</UserID></UserIDList>\
     </AddGroupMembers-Request>",
    "<GetGroupMembers-Request><GroupID>{me}/group{n}@example.com</GroupID></GetGroupMembers-Request>",
    "<GetGroupProps-Request><GroupID>{you}/group{n}@example.com</GroupID></GetGroupProps-Request>",
    "<Search-Request><SearchPairList><SearchElement>USER_ID</SearchElement><SearchString>a</SearchString>\
     </SearchPairList><SearchLimit>{n}</SearchLimit></Search-Request>",
    "<Invite-Request><InviteID>i{n}</InviteID><InviteType>IM</InviteType><Recipient><User><UserID>{you}</UserID></User>\
     </Recipient><InviteNote>come</InviteNote></Invite-Request>",
    "<GetBlockedList-Request/>",
    "<GetMessageList-Request/>",
    "<GetPublicProfile-Request><UserIDList><UserID>{you}</UserID></UserIDList></GetPublicProfile-Request>",
    "<Noop-Request/>",
    "<BlockEntity-Request><BlockList><AddList><EntityList><UserID>{you}</UserID></EntityList></AddList><InUse>T</InUse>\
     </BlockList></BlockEntity-Request>",
    "<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod></SetDeliveryMethod-Request>",
    "<KeepAlive-Request><TimeToLive>60</TimeToLive></KeepAlive-Request>",
    "<ClientCapability-Request><CapabilityList><ClientType>COMPUTER</ClientType><ParserSize>40{n}</ParserSize>\
     <MultiTrans>{n}</MultiTrans><MultiTransPerMessage>{n}</MultiTransPerMessage></CapabilityList>\
     </ClientCapability-Request>",
    "<Service-Request><Functions><WVCSPFeat><PresenceFeat/></WVCSPFeat></Functions><AllFunctionsRequest>T\
     </AllFunctionsRequest></Service-Request>",
    "<RejectMessage-Request><MessageID>{n}</MessageID></RejectMessage-Request>",
    "<GetMessage-Request><MessageID>{n}</MessageID></GetMessage-Request>",
    "<Login-Request><UserID>{me}</UserID><ClientID><URL>other{n}</URL></ClientID><Password>secret</Password>\
     <SessionCookie>c</SessionCookie></Login-Request>",
    "<Login-Request><UserID>{you}</UserID><ClientID><URL>other{n}</URL></ClientID><Password>wrong</Password>\
     <SessionCookie>c</SessionCookie></Login-Request>",
];
