use std::net::Ipv4Addr;
use std::sync::Arc;

use super::*;
use crate::csp::wire::Form;
use crate::csp::wire::media_type;
use crate::csp::{self, Mode, Outcome, Transaction};
use crate::document::Element;
use crate::server::fault::Fault;
use crate::server::outbox::Sending;
use crate::server::session::SessionId;

const NOW: Timestamp = Timestamp::EPOCH;
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Returns an engine with one session of version 1.2, and its caller.
fn engine() -> (Engine, Arc<Caller>) {
    let configuration = Configuration::default();
    let mut store = Store::in_memory().unwrap();
    store.add_user("wv:anna@localhost", "x", NOW).unwrap();
    let mut engine = Engine::open(configuration, store, Random::new([1; 32]));
    let login = Element::new("Login-Request")
        .with_leaf("UserID", "anna")
        .with(Element::new("ClientID").with_leaf("URL", "phone"))
        .with_leaf("Password", "x")
        .with_leaf("SessionCookie", "c");
    let (status, _, answer) = post(&mut engine, csp::Session::Outband, Some("1"), login);
    assert_eq!(status, 200);
    let id = SessionId::read(answer.unwrap().child_text("SessionID").unwrap()).unwrap();
    let caller = engine.sessions.get(id).unwrap().caller.clone();
    (engine, caller)
}

/// Posts a request; returns the HTTP status, the notes and the first primitive of the answer.
fn post(
    engine: &mut Engine,
    session: csp::Session,
    id: Option<&str>,
    primitive: Element<'static>,
) -> (u16, Vec<String>, Option<Element<'static>>) {
    let asked = Transaction { mode: Mode::Request, id: id.map(str::to_owned), primitive };
    let form = Form::of(crate::codec::Encoding::Wbxml);
    let body = wire::write(&Message::new(Version::V1_2, session, asked), form).unwrap();
    let media_type = media_type(Version::V1_2, form.encoding).to_owned();
    let request = Request { connection: 1, media_type, body, peer: PEER, headers: Vec::new() };
    let (mut notes, mut answered) = (Vec::new(), (0, None));
    for output in engine.handle(NOW, Input::Request(request)) {
        match output {
            Output::Text { .. } | Output::Event(_) | Output::Wake { .. } | Output::HangUp(_) => {}
            Output::Note(note) => notes.push(note),
            Output::Reply { status, body, .. } => {
                let answer = wire::read(&body, &wire::LIMITS).ok();
                let first = answer.and_then(|(body, _)| match body {
                    Body::Message(message) => message.transactions.into_iter().next(),
                    Body::Discovery(_) => None,
                });
                answered = (status, first.map(|transaction| transaction.primitive.into_owned()));
            }
        }
    }
    (answered.0, notes, answered.1)
}

#[test]
fn c04_what_cannot_be_written_is_dropped_and_the_rest_goes_on() {
    let (mut engine, caller) = engine();
    let id = caller.session;
    let session = csp::Session::Inband(id.to_string());
    let good = Element::new("Disconnect").with(Outcome::new(Code::FORCED_LOGOUT).element());
    let sent = engine.perform(NOW, &Origin::nowhere(), caller, |context| {
        context.send(id, Sending::notice(Element::new("Nonsense")));
        context.send(id, Sending::notice(good.clone()));
        Ok(())
    });
    assert_eq!(sent, Ok(()));
    let (status, notes, answer) = post(&mut engine, session, None, Element::new("Polling-Request"));
    assert_eq!((status, answer.map(|a| a.name.to_string())), (200, Some("Disconnect".to_owned())));
    assert!(notes[0].starts_with("a Nonsense to wv:anna@localhost is dropped"), "{notes:?}");
}

#[test]
fn what_a_refused_request_sent_does_not_go_out() {
    let (mut engine, caller) = engine();
    let id = caller.session;
    let refused: Result<(), Fault> = engine.perform(NOW, &Origin::nowhere(), caller, |context| {
        context.store.add_user("wv:berta@localhost", "x", NOW)?;
        context.send(id, Sending::notice(Element::new("Disconnect")));
        Err(Code::FORBIDDEN.into())
    });
    assert_eq!(refused, Err(Code::FORBIDDEN.into()));
    assert!(!engine.sessions.get(id).unwrap().has_waiting(NOW));
    assert!(!engine.store.has_user("wv:berta@localhost").unwrap());
}

#[test]
fn nobody_is_told_of_success_that_is_not_kept() {
    let (mut engine, caller) = engine();
    let session = csp::Session::Inband(caller.session.to_string());
    // A reference into nothing, found out when the transaction ends.
    let dangling = "PRAGMA defer_foreign_keys = ON; INSERT INTO contact (list, user) VALUES ('none', 'none')";
    engine
        .perform(NOW, &Origin::nowhere(), caller, |context| Ok(context.store.writer()?.execute_batch(dangling)?))
        .unwrap();
    let (status, notes, answer) = post(&mut engine, session.clone(), Some("2"), Element::new("KeepAlive-Request"));
    assert_eq!((status, answer), (503, None));
    assert!(notes[0].starts_with("the store failed"), "{notes:?}");
    let (status, notes, _) = post(&mut engine, session, Some("3"), Element::new("KeepAlive-Request"));
    assert_eq!((status, notes), (200, vec![]), "it goes on");
}
