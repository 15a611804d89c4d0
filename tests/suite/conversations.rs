//! Conversations: each script of `tests/conversations`, played by client engines against the server engine, in
//! memory, in every version and syntax that it is meant for.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use impskit::client::conversation::{self, Post};
use impskit::client::script::{Question, Script};
use impskit::codec::Encoding;
use impskit::csp::wire::Form;
use impskit::csp::{self, Address, Version};
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, SystemMessage, Timestamp};

fn start() -> Timestamp {
    Timestamp::from_seconds(1_795_410_000)
}

/// Returns a server that knows the users of a script.
fn server(script: &Script) -> Engine {
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
    let configuration = Configuration { domain: conversation::HOME.into(), ..configuration };
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

fn post(engine: &mut Engine, said: Post<'_>) -> Result<Vec<u8>, String> {
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let request = Request {
        connection: 1,
        media_type: said.media_type.into(),
        body: said.body.to_vec(),
        peer,
        headers: Vec::new(),
    };
    let mut answer = Err("no reply".to_owned());
    for output in engine.handle(start().after(said.now), Input::Request(request)) {
        match output {
            Output::Reply { status: 200, body, .. } => answer = Ok(body),
            Output::Reply { status, .. } => answer = Err(format!("HTTP status {status}")),
            Output::Wake { text, .. } => said.calls.borrow_mut().push(text),
            Output::Event(_) | Output::Note(_) | Output::HangUp(_) => {}
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
