//! Playing a script: several clients against anything that answers octets, with a clock that the script moves.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::air::{Air, Short};
use super::primitives::{address_to, addresses_from, send_message};
use super::script::{Action, Login, Mistake, Node, Script, Sketch, Step};
use super::texting::{TextOutput, Texter};
use super::{Client, Event, Identity, Output};
use crate::codec;
use crate::csp::cir;
use crate::csp::wire::{self, Form};
use crate::csp::{Code, Mode, Outcome, Version, is_same};
use crate::document::{CodeTable, Element};

/// The domain that addresses without one belong to.
pub const HOME: &str = "example.com";

/// Exchanges that one line may cause; a server that always has more is stopped here.
const EXCHANGES: usize = 500;

/// What a client of a script has to say to the server.
#[derive(Debug, Clone, Copy)]
pub struct Post<'p> {
    /// The line of the script that caused it.
    pub line: usize,
    /// Who says it: the name in the script.
    pub who: &'p str,
    /// The script's time, counted from its start.
    pub now: Duration,
    /// The Content-Type.
    pub media_type: &'static str,
    /// The body.
    pub body: &'p [u8],
    /// Where the CIRs go that the server sends meanwhile, to whomever.
    pub calls: &'p RefCell<Vec<String>>,
}

/// Plays a script in one version and syntax. `post` takes each post to the server and returns what the client is to be
/// told of it: the answer, or why there is none.
///
/// # Errors
///
/// Names the first line that does not come true, and what came instead.
pub fn play<P>(script: &Script, version: Version, form: impl Into<Form>, post: P) -> Result<(), Mistake>
where
    P: FnMut(Post<'_>) -> Event,
{
    perform(script, version, form.into(), Posts(post))
}

/// What a server sends by short messages, and when it wants to be told that time has passed.
pub type Served = (Vec<Short>, Option<Duration>);

/// Plays a script in plain text by short messages through a simulated bearer. `serve` takes each that arrives to the
/// server, or tells it the time.
///
/// # Errors
///
/// As [`play`].
pub fn play_by_text<S>(
    script: &Script,
    version: Version,
    codes: &'static CodeTable,
    air: Air,
    serve: S,
) -> Result<(), Mistake>
where
    S: FnMut(Duration, Option<Short>) -> Served,
{
    perform(script, version, Form::text(codes), Texts { air, serve, server_due: None })
}

fn perform<C: Carrier>(script: &Script, version: Version, form: Form, carrier: C) -> Result<(), Mistake> {
    Stage::new(script, version, form, carrier).play(&script.steps)
}

/// How what clients say gets to the server.
pub(super) trait Carrier: Sized {
    /// Returns whether clients poll.
    fn polls(&self) -> bool;

    /// Tells a client something, and plays all that comes of it.
    fn tell(&mut self, stage: &mut Stage<'_, Self>, who: &str, event: Event) -> Result<(), Outcry>;
}

/// Posts and their answers.
pub(super) struct Posts<P>(pub(super) P);

/// Short messages.
struct Texts<S> {
    air: Air,
    serve: S,
    /// When the server is told the time.
    server_due: Option<Duration>,
}

pub(super) struct Stage<'s, C> {
    script: &'s Script,
    /// The version of the play.
    setting: Version,
    /// The version of the client whose line it is.
    version: Version,
    form: Form,
    /// It is away while it is at work.
    carrier: Option<C>,
    /// The line that is being played.
    line: usize,
    now: Duration,
    actors: BTreeMap<String, Actor>,
    /// Values kept as `$name`.
    pub(super) kept: BTreeMap<String, String>,
    /// CIRs on their way.
    calls: RefCell<Vec<String>>,
    /// The versions that the server named last.
    discovered: Vec<Version>,
}

struct Actor {
    client: Client,
    /// What came and was not yet expected by a line.
    inbox: VecDeque<Got>,
    is_logged_in: bool,
    /// Whether what it acknowledges is lost on the way.
    is_silent: bool,
    /// Its way to talk by short messages.
    texter: Texter,
}

struct Got {
    primitive: Element<'static>,
    is_answer: bool,
}

/// Why a line does not come true.
type Outcry = String;

impl<'s, C: Carrier> Stage<'s, C> {
    pub(super) fn new(script: &'s Script, version: Version, form: Form, carrier: C) -> Self {
        Stage {
            script,
            setting: version,
            version,
            form,
            carrier: Some(carrier),
            line: 0,
            now: Duration::ZERO,
            actors: BTreeMap::new(),
            kept: BTreeMap::new(),
            calls: RefCell::default(),
            discovered: Vec::new(),
        }
    }

    /// Plays steps one after the other; of what came and no line expected, only refusals matter behind the last.
    pub(super) fn play(&mut self, steps: &[Step]) -> Result<(), Mistake> {
        for step in steps {
            // A client may speak another version than the play.
            let actor = step.action.who().and_then(|who| self.actors.get(who));
            self.version = actor.map_or(self.setting, |actor| actor.client.identity().version);
            if !step.counts_in(self.version) {
                continue;
            }
            self.line = step.line;
            self.act(&step.action).map_err(|what| Mistake { line: step.line, what })?;
        }
        let last = steps.last().map_or(1, |step| step.line);
        for (who, actor) in &mut self.actors {
            actor.has_no_refusal(who).map_err(|what| Mistake { line: last, what })?;
            actor.inbox.clear();
        }
        Ok(())
    }

    /// Forgets everybody and everything but the time.
    pub(super) fn clear(&mut self) {
        self.actors.clear();
        self.kept.clear();
    }

    /// Lets the time go on to a moment, unless the script is ahead of it.
    pub(super) fn pass(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    fn act(&mut self, action: &Action) -> Result<(), Outcry> {
        match action {
            Action::LogIn { who, login } => self.log_in(who, login),
            Action::LogOut { who } => {
                self.tell(who, Event::LogOut)?;
                let actor = self.actor(who)?;
                if actor.client.is_in() {
                    return Err(format!("{who} is still logged in\n{}", actor.shows()));
                }
                actor.inbox.retain(|got| !got.is_answer);
                Ok(())
            }
            Action::Send { who, what } => self.send(who, what),
            Action::Receive { who, what } => self.receive(who, what),
            Action::ReceiveNothing { who } => {
                self.tell(who, Event::Poll)?;
                let actor = self.actor(who)?;
                if actor.inbox.is_empty() { Ok(()) } else { Err(format!("{who} has received\n{}", actor.shows())) }
            }
            Action::After(time) => {
                self.now += *time;
                Ok(())
            }
            Action::KeepAlive { who, time } => self.keep_alive(who, *time),
            Action::Wake { who, is_woken } => self.wake(who, *is_woken),
            Action::Discover { who, versions } => self.discover(who, versions),
            Action::GoOn { who, of, refusal } => self.go_on(who, of.as_deref().unwrap_or(who), *refusal),
            Action::Answer { who, what } => {
                let mut answer = Element::new(what.name.clone());
                self.add(&mut answer, &what.nodes)?;
                self.tell(who, Event::Respond(answer))
            }
            Action::Silence { who, is_silent } => {
                self.actor(who)?.is_silent = *is_silent;
                Ok(())
            }
        }
    }

    fn actor(&mut self, who: &str) -> Result<&mut Actor, Outcry> {
        self.actors.get_mut(who).ok_or_else(|| format!("`{who}` has not logged in"))
    }

    fn log_in(&mut self, who: &str, login: &Login) -> Result<(), Outcry> {
        let password = login.password.as_deref().unwrap_or(self.script.password(&login.user));
        let identity = Identity {
            client_id: format!("impskit-{}", login.client.as_deref().unwrap_or(who)),
            cookie: format!("cookie-{who}"),
            version: login.version.unwrap_or(self.setting),
            encoding: login.encoding.unwrap_or(self.form.encoding),
            text_codes: self.form.codes,
            schemas: login.schemas.clone(),
            time_to_live: 1200,
            polls: self.carrier.as_ref().is_none_or(Carrier::polls),
            negotiation: login.negotiation,
            ways: login.ways.clone(),
            ..Identity::new(login.user.clone(), password)
        };
        let mut actor = Actor::new(identity);
        if let Some(before) = self.actors.get(who) {
            actor.client = actor.client.counting_on(&before.client);
        }
        self.actors.insert(who.to_owned(), actor);
        if !login.answers.is_empty() {
            self.tell(who, Event::Respond(answers(login)))?;
        }
        self.enter(who, Event::LogIn, login.refusal)
    }

    fn go_on(&mut self, who: &str, of: &str, refusal: Option<Code>) -> Result<(), Outcry> {
        let session = self.actor(of)?.client.session_id().map(str::to_owned);
        let session = session.ok_or_else(|| format!("`{of}` has no session"))?;
        self.actor(who)?.is_logged_in = false;
        self.enter(who, Event::Resume(session), refusal)
    }

    fn discover(&mut self, who: &str, wanted: &[Version]) -> Result<(), Outcry> {
        let identity =
            Identity { encoding: self.form.encoding, version: self.setting, ..Identity::new(who.to_owned(), "") };
        self.actors.entry(who.to_owned()).or_insert_with(|| Actor::new(identity));
        self.discovered.clear();
        self.tell(who, Event::Discover)?;
        let (mut wanted, mut found) = (wanted.to_vec(), std::mem::take(&mut self.discovered));
        wanted.sort();
        found.sort();
        let words = |versions: &[Version]| versions.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(" ");
        if found == wanted { Ok(()) } else { Err(format!("{who} discovers CSP {}", words(&found))) }
    }

    /// Logs in, one way or the other, and expects a session or a refusal.
    fn enter(&mut self, who: &str, event: Event, refusal: Option<Code>) -> Result<(), Outcry> {
        self.tell(who, event)?;
        let actor = self.actor(who)?;
        let code = actor.answer("Login-Response").or_else(|| actor.answer("Status"));
        let code = code.and_then(Outcome::read).map(|outcome| outcome.code);
        let is_as_expected = match refusal {
            None => actor.is_logged_in,
            Some(refusal) => !actor.client.is_in() && code == Some(refusal),
        };
        if !is_as_expected {
            return Err(format!(
                "{who} {}\n{}",
                if actor.is_logged_in { "is logged in" } else { "is not logged in" },
                actor.shows()
            ));
        }
        actor.inbox.retain(|got| !got.is_answer);
        Ok(())
    }

    /// Lets the CIRs come that are for a client.
    fn wake(&mut self, who: &str, is_woken: bool) -> Result<(), Outcry> {
        let cookie = self.actor(who)?.client.identity().cookie.clone();
        let calls = self.calls.take();
        let (own, others): (Vec<_>, _) = calls.into_iter().partition(|text| cir::read_call(text) == Some(&cookie));
        self.calls.replace(others);
        if own.is_empty() == is_woken {
            return Err(format!("{who} is {}woken", if is_woken { "not " } else { "" }));
        }
        own.into_iter().try_for_each(|text| self.tell(who, Event::Called(text)))
    }

    fn send(&mut self, who: &str, what: &Sketch) -> Result<(), Outcry> {
        let version = self.version;
        let addresses = what.addresses.iter().map(|id| self.value(id)).collect::<Result<Vec<_>, _>>()?;
        let to: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let actor = self.actor(who)?;
        actor.has_no_refusal(who)?;
        actor.inbox.retain(|got| !got.is_answer);
        let user = actor.client.identity().user.clone();
        let mut request = if what.name == "SendMessage-Request" {
            send_message(&user, &to, what.text.as_deref().unwrap_or_default(), false)
        } else {
            let mut request = Element::new(what.name.clone());
            address_to(&mut request, version, &to);
            request
        };
        self.add(&mut request, &what.nodes)?;
        self.tell(who, Event::Insist(request))
    }

    /// Adds the elements of indented lines: into what a clause of the line made, else beside it.
    fn add(&self, element: &mut Element<'static>, nodes: &[Node]) -> Result<(), Outcry> {
        let made = element.children.len();
        for node in nodes.iter().filter(|node| node.counts_in(self.version)) {
            let place = element.children[..made].iter().position(|child| child.name == node.name);
            let child = match place {
                Some(place) => &mut element.children[place],
                None => {
                    element.children.push(Element::new(node.name.clone()));
                    element.children.last_mut().ok_or("an element was just added")?
                }
            };
            if let Some(text) = &node.text {
                *child = Element::leaf(node.name.clone(), self.value(text)?);
            }
            self.add(child, &node.children)?;
        }
        Ok(())
    }

    fn value(&self, text: &str) -> Result<String, Outcry> {
        match text.strip_prefix('$') {
            None => Ok(text.to_owned()),
            Some(name) => self.kept.get(name).cloned().ok_or_else(|| format!("`${name}` was never received")),
        }
    }

    fn receive(&mut self, who: &str, what: &Sketch) -> Result<(), Outcry> {
        if !self.actor(who)?.has(&what.name) {
            self.tell(who, Event::Poll)?;
        }
        let actor = self.actor(who)?;
        let Some(place) = actor.inbox.iter().position(|got| got.primitive.name == what.name) else {
            return Err(format!("{who} has received no {}\n{}", what.name, actor.shows()));
        };
        let Some(got) = actor.inbox.remove(place) else { return Ok(()) };
        let primitive = got.primitive;
        let difference = self.difference(&primitive, what);
        difference.map_or(Ok(()), |what| Err(format!("{what} in\n{}", shown(&primitive))))
    }

    /// Returns what of the outline is not so.
    fn difference(&mut self, primitive: &Element<'static>, what: &Sketch) -> Option<Outcry> {
        let code = Outcome::read(primitive).map(|outcome| outcome.code);
        if let Some(wanted) = what.code.filter(|wanted| Some(*wanted) != code) {
            return Some(format!("status {} is expected", wanted.0));
        }
        for address in &what.addresses {
            if !addresses_from(primitive).iter().any(|from| from == address || is_same(from, address, HOME)) {
                return Some(format!("`{address}` is expected as sender"));
            }
        }
        let text = primitive.child("ContentData").map(Element::text);
        if let Some(wanted) = what.text.as_deref().filter(|wanted| Some(*wanted) != text) {
            return Some(format!("the text `{wanted}` is expected"));
        }
        self.first_unlike(primitive, &what.nodes)
    }

    /// Returns the first outline that no child of its own is like.
    fn first_unlike(&mut self, element: &Element<'_>, nodes: &[Node]) -> Option<Outcry> {
        let mut taken = Vec::new();
        let version = self.version;
        for node in nodes.iter().filter(|node| node.counts_in(version)) {
            let place = (0..element.children.len()).find(|place| {
                let child = &element.children[*place];
                !taken.contains(place) && child.name == node.name && self.is_like(child, node)
            });
            let words = || match &node.text {
                Some(text) => format!("`{}` with `{text}`", node.name),
                None => format!("`{}` as outlined", node.name),
            };
            match place {
                Some(_) if node.is_absent => return Some(format!("{} is not expected", words())),
                Some(place) => taken.push(place),
                None if node.is_absent => {}
                None => return Some(format!("{} is expected in `{}`", words(), element.name)),
            }
        }
        None
    }

    fn is_like(&mut self, element: &Element<'_>, node: &Node) -> bool {
        let text = element.trimmed();
        let is_text = match node.text.as_deref() {
            None => true,
            Some("*") => !text.is_empty(),
            Some(wanted) => match wanted.strip_prefix('$') {
                Some(name) => {
                    // The first value stays.
                    let kept = self.kept.entry(name.to_owned()).or_insert_with(|| text.to_owned());
                    kept == text
                }
                None => wanted == text || (wanted.starts_with("wv:") && is_same(wanted, text, HOME)),
            },
        };
        is_text && self.first_unlike(element, &node.children).is_none()
    }

    /// Lets time pass for a client that keeps its session.
    fn keep_alive(&mut self, who: &str, time: Duration) -> Result<(), Outcry> {
        let end = self.now + time;
        loop {
            let actor = self.actor(who)?;
            let due = actor.client.next_deadline().filter(|due| *due < end);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            self.tell(who, Event::Tick)?;
        }
        self.now = end;
        let actor = self.actor(who)?;
        actor.inbox.retain(|got| got.primitive.name != "KeepAlive-Response");
        Ok(())
    }

    /// Tells a client something, and plays all that comes of it.
    fn tell(&mut self, who: &str, event: Event) -> Result<(), Outcry> {
        let Some(mut carrier) = self.carrier.take() else { return Ok(()) };
        let outcome = carrier.tell(self, who, event);
        self.carrier = Some(carrier);
        outcome
    }

    /// Notes what a client tells.
    fn note(&mut self, who: &str, output: Output) -> Result<(), Outcry> {
        let actor = self.actor(who)?;
        match output {
            Output::Post { .. } | Output::Reopen => {}
            Output::Discovered(versions) => self.discovered = versions,
            Output::LoggedIn => actor.is_logged_in = true,
            Output::Answered { answer, .. } => actor.got(answer, true),
            Output::Received(primitive) => actor.got(primitive, false),
            Output::Ended(_) => actor.is_logged_in = false,
            Output::Failed { request, why } => {
                return Err(format!("{request} of {who} came to nothing: {why}"));
            }
        }
        Ok(())
    }
}

impl<P: FnMut(Post<'_>) -> Event> Carrier for Posts<P> {
    fn polls(&self) -> bool {
        true
    }

    /// Plays the exchanges of a client until it has nothing more to say.
    fn tell(&mut self, stage: &mut Stage<'_, Self>, who: &str, event: Event) -> Result<(), Outcry> {
        let mut events = VecDeque::from([event]);
        let mut exchanges = 0;
        while let Some(event) = events.pop_front() {
            let now = stage.now;
            for output in stage.actor(who)?.client.handle(now, event) {
                let Output::Post { media_type, body } = output else {
                    stage.note(who, output)?;
                    continue;
                };
                exchanges += 1;
                if exchanges > EXCHANGES {
                    return Err(format!("the server always has more: {EXCHANGES} exchanges on one line"));
                }
                if stage.actor(who)?.is_silent && is_acknowledgement(&body, stage.form) {
                    events.push_back(Event::Failed("lost on the way".to_owned()));
                    continue;
                }
                let post = Post { line: stage.line, who, now, media_type, body: &body, calls: &stage.calls };
                events.push_back((self.0)(post));
            }
        }
        Ok(())
    }
}

impl<S: FnMut(Duration, Option<Short>) -> Served> Carrier for Texts<S> {
    fn polls(&self) -> bool {
        false
    }

    /// Lets the time pass until nothing is under way, nobody waits for an answer, and the server for no acknowledgement.
    fn tell(&mut self, stage: &mut Stage<'_, Self>, who: &str, event: Event) -> Result<(), Outcry> {
        let now = stage.now;
        self.serve(now, None);
        let listens = matches!(event, Event::Poll);
        let actor = stage.actor(who)?;
        let outputs = actor.texter.handle(&mut actor.client, now, event);
        self.out(stage, who, outputs)?;
        for _ in 0..EXCHANGES * 10 {
            let listens = listens && stage.actor(who)?.inbox.is_empty();
            let Some(next) = self.next(stage, who, listens) else { return Ok(()) };
            stage.now = stage.now.max(next);
            let now = stage.now;
            while let Some(short) = self.air.arrived(now) {
                self.arrived(stage, short)?;
            }
            if self.server_due.is_some_and(|due| due <= now) {
                self.serve(now, None);
            }
            for who in stage.actors.keys().cloned().collect::<Vec<_>>() {
                let actor = stage.actor(&who)?;
                if actor.texter.is_waiting() && actor.texter.next_deadline(&actor.client).is_some_and(|due| due <= now)
                {
                    let outputs = actor.texter.tick(&mut actor.client, now);
                    self.out(stage, &who, outputs)?;
                }
            }
        }
        Err("there is no end of short messages".to_owned())
    }
}

/// How long a server waits for an acknowledgement before it sends again, at the most.
const SERVER_AGAIN: Duration = Duration::from_secs(21);

impl<S: FnMut(Duration, Option<Short>) -> Served> Texts<S> {
    /// Returns when the next thing happens that belongs to what was said; while a client listens also what comes again.
    fn next(&self, stage: &Stage<'_, Self>, who: &str, listens: bool) -> Option<Duration> {
        let waiting = stage.actors.values().filter(|actor| actor.texter.is_waiting());
        let again = waiting.filter_map(|actor| actor.texter.next_deadline(&actor.client));
        // Whoever is silent is left alone: the script moves the clock.
        let mut silent = stage.actors.iter().filter(|(_, actor)| actor.is_silent);
        let is_heard = silent.all(|(name, _)| listens && name == who);
        let server = self.server_due.filter(|due| is_heard && *due <= stage.now + SERVER_AGAIN);
        again.chain(self.air.next()).chain(server).min()
    }

    fn serve(&mut self, now: Duration, short: Option<Short>) {
        let (shorts, due) = (self.serve)(now, short);
        shorts.iter().for_each(|short| self.air.send(now, short));
        // A server that is due at once is told the time a little later.
        self.server_due = due.map(|due| due.max(now + Duration::from_millis(1)));
    }

    fn out(&mut self, stage: &mut Stage<'_, Self>, who: &str, outputs: Vec<TextOutput>) -> Result<(), Outcry> {
        for output in outputs {
            match output {
                TextOutput::Tell(output) => stage.note(who, output)?,
                TextOutput::Send(text) => {
                    let is_lost = stage.actor(who)?.is_silent && is_acknowledgement(text.as_bytes(), stage.form);
                    if !is_lost {
                        let short =
                            Short { number: number_of(stage, who), is_to_client: false, text: text.into_bytes() };
                        self.air.send(stage.now, &short);
                    }
                }
            }
        }
        Ok(())
    }

    fn arrived(&mut self, stage: &mut Stage<'_, Self>, short: Short) -> Result<(), Outcry> {
        let now = stage.now;
        if !short.is_to_client {
            self.serve(now, Some(short));
            return Ok(());
        }
        let who = stage.actors.keys().find(|who| number_of(stage, who) == short.number).cloned();
        let Some(who) = who else { return Ok(()) };
        let actor = stage.actor(&who)?;
        let outputs = actor.texter.arrived(&mut actor.client, now, &short.text);
        self.out(stage, &who, outputs)
    }
}

/// Returns the telephone number of an actor: its place among them all, by which names do not change it.
fn number_of<C>(stage: &Stage<'_, C>, who: &str) -> String {
    let names = stage.script.names();
    let place = names.iter().position(|name| *name == who).unwrap_or_default();
    format!("49170{:07}", place + 1)
}

impl Actor {
    fn new(identity: Identity) -> Self {
        let client = Client::new(identity);
        Self { client, inbox: VecDeque::new(), is_logged_in: false, is_silent: false, texter: Texter::default() }
    }

    fn got(&mut self, primitive: Element<'static>, is_answer: bool) {
        self.inbox.push_back(Got { primitive, is_answer });
    }

    fn has(&self, name: &str) -> bool {
        self.inbox.iter().any(|got| got.primitive.name == name)
    }

    fn answer(&self, name: &str) -> Option<&Element<'static>> {
        self.inbox.iter().find(|got| got.is_answer && got.primitive.name == name).map(|got| &got.primitive)
    }

    /// Finds an answer that no line expected and that says no.
    fn has_no_refusal(&self, who: &str) -> Result<(), Outcry> {
        let refusal = self
            .inbox
            .iter()
            .filter(|got| got.is_answer)
            .find(|got| Outcome::read(&got.primitive).is_some_and(|outcome| !outcome.code.is_success()));
        refusal
            .map_or(Ok(()), |got| Err(format!("{who} got an answer that no line expects:\n{}", shown(&got.primitive))))
    }

    fn shows(&self) -> String {
        if self.inbox.is_empty() {
            return "(nothing else has come)".to_owned();
        }
        self.inbox.iter().map(|got| shown(&got.primitive)).collect()
    }
}

/// Returns the answers to system messages that go with a login.
fn answers(login: &Login) -> Element<'static> {
    let answer = |(id, option, word): &(String, String, Option<String>)| {
        Element::new("SystemMessageResponse")
            .with_leaf("SystemMessageID", id.clone())
            .with_leaf("ChosenOptionID", option.clone())
            .with_all(word.iter().map(|word| Element::leaf("VerificationKey", word.clone())))
    };
    let list = Element::new("SystemMessageResponseList").with_all(login.answers.iter().map(answer));
    Element::new("SystemMessage-User").with(list)
}

fn is_acknowledgement(body: &[u8], form: Form) -> bool {
    match wire::read_with(body, &wire::LIMITS, form.codes) {
        Ok((wire::Body::Message(message), _)) => message.transactions.iter().all(|t| t.mode == Mode::Response),
        _ => false,
    }
}

fn shown(primitive: &Element<'_>) -> String {
    let xml = codec::write_xml(primitive, None, true);
    let text = String::from_utf8_lossy(&xml);
    text.split_once("?>").map_or(text.as_ref(), |(_, rest)| rest.trim_start()).to_owned()
}
