//! Requests of real clients, played to the server; they are not part of this repository (set `IMPSKIT_CORPUS`).

use std::path::PathBuf;

use impskit::csp::Primitive;

use super::*;

/// Returns the messages of clients whose file name starts with `stem`, in order.
fn collected(stem: &str) -> Vec<(String, Message<'static>)> {
    let Some(folder) = std::env::var_os("IMPSKIT_CORPUS") else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(PathBuf::from(folder).join("csp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut messages = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        if let (true, Ok((Body::Message(message), _))) = (name.starts_with(stem), wire::read(&bytes, &wire::LIMITS)) {
            messages.push((name, message.into_owned()));
        }
    }
    messages
}

/// Plays the requests, but for those that begin and end sessions, and returns the codes of their answers.
fn play(lab: &mut Lab, client: &mut Client, messages: Vec<(String, Message<'static>)>) -> Vec<(String, u16)> {
    let mut codes = Vec::new();
    for (name, message) in messages {
        for transaction in message.transactions {
            let primitive = transaction.primitive;
            let row = Primitive::find(client.version, &primitive.name);
            let is_asked = row.is_some_and(|row| row.is_from_client() && row.may_open());
            if !is_asked || ["Login-Request", "Logout-Request", "Polling-Request"].contains(&primitive.name.as_ref()) {
                continue;
            }
            client.last_id += 1;
            let answers = lab.exchange(client, Transaction::request(client.last_id.to_string(), primitive.clone()));
            let code = Outcome::read(&answers[0].primitive).map_or(200, |outcome| outcome.code.0);
            codes.push((format!("{name} {}", primitive.name), code));
        }
    }
    codes
}

#[test]
fn a_client_that_shipped_gets_what_it_asks_for() {
    let messages = collected("movistar");
    if messages.is_empty() {
        return;
    }
    let mut lab = Lab::of("movistar.es", &["600000001", "600000002"]);
    let mut other = lab.login("600000002", Version::V1_2);
    lab.ask(&mut other, "<ClientCapability-Request><CapabilityList><ClientType>COMPUTER</ClientType><InitialDeliveryMethod>P\
        </InitialDeliveryMethod><AnyContent>T</AnyContent><AcceptedContentLength>9999</AcceptedContentLength>\
        <SupportedBearer>HTTP</SupportedBearer><MultiTrans>1</MultiTrans><ParserSize>99999</ParserSize></CapabilityList>\
        </ClientCapability-Request>");
    let mut client = lab.login("600000001", Version::V1_2);
    let codes = play(&mut lab, &mut client, messages);
    assert!(codes.len() >= 8 && codes.iter().all(|(_, code)| *code == 200), "{codes:?}");
    // Nothing is granted to it yet, so the other is asked.
    let received = lab.poll(&other);
    let names: Vec<_> = received.iter().map(|primitive| primitive.name.as_ref()).collect();
    assert_eq!(names, ["PresenceAuth-Request", "NewMessage"]);
    assert!(received[1].child("ContentData").unwrap().text().starts_with("<span style="));
}

#[test]
fn the_published_requests_of_1_1_are_understood() {
    let mut lab = Lab::of("imps.com", &["tarzan", "jane"]);
    let mut client = lab.login("tarzan", Version::V1_1);
    for (name, code) in play(&mut lab, &mut client, collected("libwbxml")) {
        println!("{name}: {code}");
        assert!(![400, 402, 500, 501].contains(&code), "{name}: {code}");
    }
}
