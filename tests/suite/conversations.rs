//! Conversations: each script of `tests/conversations`, played by client engines against the server engine, in
//! memory, in every version and syntax that it is meant for.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use impskit::client::Event;
use impskit::client::air::{Air, Short, Weather};
use impskit::client::conversation::{self, Post};
use impskit::client::script::{Question, Script};
use impskit::codec::Encoding;
use impskit::csp::wire::Form;
use impskit::csp::{self, Address, Version};
use impskit::document::CodeTable;
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, SystemMessage, Timestamp};

use crate::readers::targets::all_codes;

fn start() -> Timestamp {
    Timestamp::from_seconds(1_795_410_000)
}

/// Returns a server that knows the users of a script.
fn server(script: &Script) -> Engine {
    server_with(script, csp::text_codes())
}

fn server_with(script: &Script, text_codes: &'static CodeTable) -> Engine {
    let mut store = Store::in_memory().unwrap();
    for account in &script.accounts {
        let address = Address::user_id(&account.user, conversation::HOME).unwrap();
        store.add_user(address.as_str(), &account.password, start()).unwrap();
    }
    for question in &script.questions {
        let Question { id, text, is_required, options, right, key } = question.clone();
        let message = SystemMessage { id, text, is_required, options, right, key, ..SystemMessage::default() };
        assert!(store.add_system_message(&message, start()).unwrap());
    }
    let configuration = Configuration::of(toml::from_str(&script.server).unwrap()).unwrap();
    let configuration = Configuration { domain: conversation::HOME.into(), text_codes, ..configuration };
    Engine::open(configuration, store, Random::new([7; 32]))
}

/// Scripts that need more than the codes that a source knows: capabilities, details of a result, functions of messages,
/// most presence attributes.
const NEED_MORE_CODES: &[&str] = &[
    "capabilities.txt",
    "presence_clients.txt",
    "presence_update_get.txt",
    "presence_values.txt",
    "presence_values_refused.txt",
    "services.txt",
    "system_message_login.txt",
    "system_message_refused.txt",
];

/// Returns the forms that a script is played in: those that it names, and plain text where all that it says has codes.
fn forms(path: &Path, script: &Script) -> Vec<Form> {
    let mut forms: Vec<Form> = script.encodings.iter().copied().map(Form::of).collect();
    let needs_more = NEED_MORE_CODES.iter().any(|name| path.ends_with(name));
    if forms.len() > 1 && !needs_more && script.can_be_text(csp::text_codes()) {
        forms.push(Form::of(Encoding::Pts));
    }
    forms
}

fn post(engine: &mut Engine, said: Post<'_>) -> Event {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let request = Request {
        connection: 1,
        media_type: said.media_type.into(),
        body: said.body.to_vec(),
        peer,
        headers: Vec::new(),
    };
    let mut answer = Event::Failed("no reply".to_owned());
    for output in engine.handle(start().after(said.now), Input::Request(request)) {
        match output {
            Output::Reply { status: 200, body, .. } => answer = Event::Answer(body),
            Output::Reply { status, .. } => answer = Event::Refused(format!("HTTP status {status}")),
            Output::Wake { text, .. } => said.calls.borrow_mut().push(text),
            Output::Text { .. } | Output::Event(_) | Output::Note(_) | Output::HangUp(_) => {}
        }
    }
    answer
}

/// Plays a script in every way it is meant for; returns what did not come true.
fn play(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap().display();
    let script = match Script::read(&fs::read_to_string(path).unwrap()) {
        Ok(script) => script,
        Err(mistake) => return vec![format!("{name}: {mistake}")],
    };
    let mut mistakes = Vec::new();
    for &version in &script.versions {
        for form in forms(path, &script) {
            if let Err(mistake) = play_once(&script, version, form) {
                let encoding = form.encoding.as_str();
                mistakes.push(format!("{name} in CSP {}, {encoding}: {mistake}", version.as_str()));
            }
        }
    }
    mistakes
}

fn play_once(script: &Script, version: Version, form: impl Into<Form>) -> Result<(), String> {
    let mut engine = server(script);
    conversation::play(script, version, form, |said| post(&mut engine, said)).map_err(|mistake| mistake.to_string())
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}

#[test]
fn every_conversation_comes_true() {
    let scripts = scripts();
    let mistakes: Vec<String> = scripts.iter().flat_map(|path| play(path)).collect();
    assert!(
        mistakes.is_empty(),
        "{} plays of {} scripts fail:\n{}",
        mistakes.len(),
        scripts.len(),
        mistakes.join("\n")
    );
    assert!(scripts.len() > 20);
}

#[test]
fn a_conversation_that_does_not_come_true_is_told_with_its_line() {
    let text = "romeo logs in as wv:romeo\nromeo sends KeepAlive-Request\nromeo receives KeepAlive-Response 605\n";
    let script = Script::read(text).unwrap();
    let mistake = play_once(&script, Version::V1_2, Encoding::Xml).unwrap_err();
    assert!(mistake.starts_with("line 3: status 605 is expected in\n<KeepAlive-Response>"), "{mistake}");
    let text = "romeo logs in as wv:romeo\nromeo sends GetMessage-Request\n  MessageID none\nromeo logs out\n";
    let mistake = play_once(&Script::read(text).unwrap(), Version::V1_2, Encoding::Xml);
    assert!(mistake.is_ok(), "the answer to a logout hides an unread one: {mistake:?}");
}

fn play_by_text(script: &Script, version: Version, codes: &'static CodeTable, air: Air) -> Result<(), String> {
    let mut engine = server_with(script, codes);
    let serve = |now: Duration, short: Option<Short>| {
        let input = match short {
            Some(short) => Input::Text { connection: 1, number: short.number, text: short.text },
            None => Input::Tick,
        };
        let mut shorts = Vec::new();
        for output in engine.handle(start().after(now), input) {
            if let Output::Text { number, text } = output {
                shorts.push(Short { number, is_to_client: true, text: text.into_bytes() });
            }
        }
        (shorts, engine.next_deadline().map(|due| due.since(start())))
    };
    conversation::play_by_text(script, version, codes, air, serve).map_err(|mistake| mistake.to_string())
}

/// The scripts that can be played with some codes.
fn texts(codes: &CodeTable) -> Vec<(PathBuf, Script)> {
    let scripts = scripts().into_iter().map(|path| {
        let script = Script::read(&fs::read_to_string(&path).unwrap()).unwrap();
        (path, script)
    });
    scripts.filter(|(path, script)| script.can_be_text(codes) && !is_listed(path, NOT_IN_TEXT)).collect()
}

fn is_listed(path: &Path, list: &[(&str, &str)]) -> bool {
    list.iter().any(|(name, _)| path.ends_with(name))
}

/// Nothing is left out of plain text without a reason: every script is played with all codes, or listed.
#[test]
fn what_plain_text_does_not_carry_is_listed_with_its_reason() {
    let played = texts(all_codes());
    for path in scripts() {
        let is_played = played.iter().any(|(other, _)| *other == path);
        assert_ne!(is_played, is_listed(&path, NOT_IN_TEXT), "{}", path.display());
    }
    for (name, _) in NOT_IN_TEXT.iter().chain(NOT_BY_TEXT) {
        assert!(scripts().iter().any(|path| path.ends_with(name)), "{name}");
    }
}

#[test]
fn conversations_come_true_in_plain_text_with_all_codes() {
    let codes = all_codes();
    let mut mistakes = Vec::new();
    let texts = texts(codes);
    for (path, script) in &texts {
        for &version in &script.versions {
            let mut engine = server_with(script, codes);
            let form = Form::text(codes);
            let played = conversation::play(script, version, form, |said| post(&mut engine, said));
            if let Err(mistake) = played {
                mistakes.push(format!(
                    "{} in CSP {}: {mistake}",
                    path.file_name().unwrap().display(),
                    version.as_str()
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{} plays of {} scripts fail:\n{}", mistakes.len(), texts.len(), mistakes.join("\n"));
    assert!(texts.len() > 90, "{}", texts.len());
}

/// Scripts that plain text cannot carry, whatever codes are on, and why.
const NOT_IN_TEXT: &[(&str, &str)] = &[
    ("client_forms.txt", "it shows shapes of elements, and plain text has one notation for all of them"),
    (
        "conversation_extended.txt",
        "ExtendConversation-Request has no code, not even in the table: what it does is derived itself",
    ),
    (
        "discovery.txt",
        "how versions are listed is known from nowhere, and no reader takes the preamble that a comment names",
    ),
    ("extended_refused.txt", "Extended-Request has no code, not even in the table: it holds what others have made up"),
    (
        "segments_refused.txt",
        "GetSegment-Request has no code, not even in the table: plain text has segments of its own",
    ),
    ("services_denied.txt", "GetMap-Request has no code, not even in the table: the server has no maps"),
];

/// Scripts that are carried over HTTP, and not by short messages, and why.
const NOT_BY_TEXT: &[(&str, &str)] = &[
    (
        "delivery_report.txt",
        "a client that is not asked for a while confirms nothing: nobody polls here, so it has confirmed",
    ),
    ("login_second_replaces.txt", "the session that gave way is told at once, and not when it asks"),
    ("message_sessions.txt", "both clients get a message at once, whichever confirms it first"),
    ("message_versions_mixed.txt", "its clients speak XML and WBXML, which short messages do not carry"),
    ("session_over.txt", "it polls a session that is over"),
    ("versions_mixed.txt", "its clients speak XML and WBXML, which short messages do not carry"),
    ("woken.txt", "nobody is woken: short messages come of themselves"),
];

/// Plays all scripts by short messages in some weather, a version by seed; returns what did not come true.
fn play_all_by_text(codes: &'static CodeTable, weather: Weather, seeds: std::ops::Range<u64>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let texts: Vec<_> = texts(codes).into_iter().filter(|(path, _)| !is_listed(path, NOT_BY_TEXT)).collect();
    for seed in seeds {
        for (path, script) in &texts {
            let version = script.versions[seed as usize % script.versions.len()];
            if let Err(mistake) = play_by_text(script, version, codes, Air::new(weather, seed)) {
                let name = path.file_name().unwrap().display();
                mistakes.push(format!("{name} in CSP {} with seed {seed}: {mistake}", version.as_str()));
            }
        }
    }
    mistakes
}

#[test]
fn conversations_come_true_by_short_messages() {
    let mistakes = play_all_by_text(all_codes(), Weather::CLEAR, 0..3);
    assert!(mistakes.is_empty(), "{} plays fail:\n{}", mistakes.len(), mistakes.join("\n"));
}

/// What is lost, late, twice or out of order on the way changes nothing of how conversations end.
#[test]
fn conversations_come_true_by_short_messages_that_get_lost() {
    let mistakes = play_all_by_text(all_codes(), Weather::ROUGH, 0..SEEDS);
    assert!(mistakes.is_empty(), "{} plays fail:\n{}", mistakes.len(), mistakes.join("\n"));
}

/// How often each script is played by short messages that get lost. Fifty come true as well, and take their time.
const SEEDS: u64 = 10;
