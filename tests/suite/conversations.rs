//! Conversations: each script of `tests/conversations`, played by client engines against the server engine, in
//! memory, in every version and syntax that it is meant for.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use impskit::client::air::{Air, Short, Weather};
use impskit::client::conversation::{self, Post};
use impskit::client::script::{Question, Script};
use impskit::codec::Encoding;
use impskit::csp::wire::Form;
use impskit::csp::{self, Address, Version};
use impskit::document::CodeTable;
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, SystemMessage, Timestamp};

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

/// Returns all codes, also those of no known source.
fn all_codes() -> &'static CodeTable {
    static ALL: LazyLock<CodeTable> = LazyLock::new(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/text-codes.tsv");
        csp::text_codes().overlaid(fs::read_to_string(path).unwrap()).unwrap()
    });
    &ALL
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
    scripts
        .filter(|(_, script)| script.encodings.len() > 1 && script.can_be_text(codes))
        .filter(|(path, _)| !path.ends_with(ABOUT_ELEMENTS))
        .filter(|(path, _)| !NOT_TRIED.iter().any(|name| path.ends_with(name)))
        .collect()
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
    assert!(texts.len() > 30, "{}", texts.len());
}

/// Scripts in which it matters that a client is told only when it asks, or that speak several syntaxes.
const NOT_BY_TEXT: &[&str] = &["delivery_report.txt", "login_second_replaces.txt", "versions_mixed.txt"];

/// Plays all scripts by short messages in some weather, a version by seed; returns what did not come true.
fn play_all_by_text(codes: &'static CodeTable, weather: Weather, seeds: std::ops::Range<u64>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let texts: Vec<_> =
        texts(codes).into_iter().filter(|(path, _)| !NOT_BY_TEXT.iter().any(|n| path.ends_with(n))).collect();
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

/// What it shows are shapes of elements; plain text has one notation for all of them.
const ABOUT_ELEMENTS: &str = "client_forms.txt";

/// Scripts that have not been tried with all codes and by short messages.
const NOT_TRIED: &[&str] = &[
    "block_refused.txt",
    "capabilities_refused.txt",
    "contact_list_authorize.txt",
    "contact_list_default.txt",
    "contact_list_quiet.txt",
    "conversation_extended.txt",
    "discovery.txt",
    "extended_refused.txt",
    "functions_not_agreed.txt",
    "fundamental_not_agreed.txt",
    "group_history.txt",
    "group_joined_users.txt",
    "group_not_allowed.txt",
    "group_notices.txt",
    "group_private_messages.txt",
    "invite_answered_late.txt",
    "invite_content.txt",
    "invite_shared_content.txt",
    "login_gone_on.txt",
    "message_delivered_refused.txt",
    "message_not_there.txt",
    "message_offline_rules.txt",
    "message_sender.txt",
    "message_sessions.txt",
    "message_sessions_active.txt",
    "message_types.txt",
    "message_versions_mixed.txt",
    "notifications.txt",
    "presence_clients.txt",
    "presence_notify_owner.txt",
    "presence_reactive_denied.txt",
    "presence_refused.txt",
    "presence_values.txt",
    "presence_values_refused.txt",
    "public_profile.txt",
    "reactive_not_agreed.txt",
    "search_stopped.txt",
    "segments_refused.txt",
    "service_provider_configured.txt",
    "session_over.txt",
    "system_message_login.txt",
    "system_message_old_clients.txt",
    "system_message_refused.txt",
    "system_message_told.txt",
    "verify_id_refused.txt",
    "watchers_history.txt",
    "woken.txt",
    "woken_not_agreed.txt",
];
