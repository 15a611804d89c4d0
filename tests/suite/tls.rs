//! HTTPS over loopback: a conversation, and what is refused. The certificate and its authority in `samples/tls` were made
//! by OpenSSL 3.0 for a hundred years.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use impskit::client::http::Talk;
use impskit::client::{Event, Identity};
use impskit::server::http::{Running, check_tls, spawn};
use impskit::server::{Configuration, Tls};

use crate::http::{connect, start_as};

fn guarded(cert: &str, key: &str) -> Configuration {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/tls").join(name);
    let tls = Some(Tls { cert: file(cert), key: file(key) });
    Configuration { tls, request_time: Duration::from_secs(2), ..Configuration::default() }
}

fn talk(server: &Running, host: &str, ca: Option<&str>) -> Result<bool, String> {
    let url = format!("https://{host}:{}/csp", server.address().port());
    let mut talk = Talk::new(Identity::new("wv:anna@example.com", "open-sesame"), &url, None).unwrap();
    if let Some(ca) = ca {
        talk.trust(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/tls").join(ca)).unwrap();
    }
    talk.tell(Event::LogIn).map(|_| talk.client().is_in()).map_err(|error| error.what)
}

/// S-004.02, C-004.05: the same binding over TLS, for who trusts the server, beside those that never get so far.
#[test]
fn s_004_02_the_binding_is_the_same_over_tls() {
    let server = start_as(guarded("cert.pem", "cert.key"));
    assert!(server.url().starts_with("https://"));
    assert_eq!(
        server.url_of("/dm"),
        format!("https://{}/dm", server.address()),
        "what is beside it is on its listener"
    );
    let mut silent: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(talk(&server, host, Some("ca.pem")), Ok(true), "{host}");
    }
    let mistrust = talk(&server, "localhost", None).unwrap_err();
    assert!(mistrust.contains("--ca FILE"), "{mistrust}");
    // Who speaks no TLS gets no HTTP.
    let mut plain = connect(&server);
    plain.write_all(b"POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{:?}", String::from_utf8_lossy(&answer));
    for stream in &mut silent {
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "closed in time");
    }
}

#[test]
fn what_does_not_serve_stops_the_start() {
    assert_eq!(check_tls(&guarded("cert.pem", "cert.key")), Ok(()));
    for (cert, key) in
        [("none.pem", "cert.key"), ("cert.pem", "none.key"), ("cert.pem", "other.key"), ("cert.key", "cert.key")]
    {
        let wrong = guarded(cert, key);
        let error = check_tls(&wrong).unwrap_err();
        assert!(error.at.is_some(), "{error:?}");
        let store = impskit::server::Store::in_memory().unwrap();
        let started = spawn(Configuration { listen: ([127, 0, 0, 1], 0).into(), ..wrong }, store, Box::new(|_| {}));
        assert_eq!(started.unwrap_err(), error);
    }
}
