//! HTTPS over loopback: a conversation, and what is refused. The certificate and its authority in `samples/tls` were made
//! by OpenSSL 3.0 for a hundred years; those that are over or of another host, and their authority, by its `ca`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use impskit::client::http::{Line, Talk};
use impskit::client::{Event, Identity};
use impskit::server::http::{check_tls, spawn};
use impskit::server::{Configuration, Tls};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::http::{connect, start_as};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/tls").join(name)
}

fn guarded(cert: &str, key: &str) -> Configuration {
    let tls = Some(Tls { cert: sample(cert), key: sample(key) });
    Configuration { tls, request_time: Duration::from_secs(2), ..Configuration::default() }
}

fn talk(server: SocketAddr, host: &str, ca: Option<&str>) -> Result<bool, String> {
    let url = format!("https://{host}:{}/csp", server.port());
    let mut line = Line::new(&url, None).unwrap();
    if let Some(ca) = ca {
        line.trust(&sample(ca)).unwrap();
    }
    let mut talk = Talk::over(line, Identity::new("wv:anna@example.com", "open-sesame"));
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
        assert_eq!(talk(server.address(), host, Some("ca.pem")), Ok(true), "{host}");
    }
    let mistrust = talk(server.address(), "localhost", None).unwrap_err();
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

/// Shows a certificate to one connection, whatever is in it: our own server does not start with one that is over.
fn show(cert: &str) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(sample(cert)).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(sample("cert.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // The client says why it goes.
            drop(acceptor.accept(tokio::net::TcpStream::from_std(stream).unwrap()).await);
        });
    });
    address
}

/// S-004.02, C-004.05: who shows a certificate that is over or of another host gets no password, though its authority is
/// trusted; who shows a good one of the same authority does.
#[test]
fn certificates_that_are_over_or_of_others_are_refused() {
    let over = check_tls(&guarded("expired.pem", "cert.key")).unwrap_err();
    assert_eq!(over.what, "the certificate is over since 2021-01-01");
    let refused = |server, host| talk(server, host, Some("authority.pem")).unwrap_err();
    let over = refused(show("expired.pem"), "localhost");
    assert!(over.contains("expired") && over.ends_with(": its operator has to renew it"), "{over}");
    let other = start_as(guarded("elsewhere.pem", "cert.key"));
    for host in ["localhost", "127.0.0.1"] {
        let other = refused(other.address(), host);
        assert!(other.contains("not valid for") && other.ends_with(": ask for a host that it names"), "{other}");
    }
    let stranger = refused(start_as(guarded("cert.pem", "cert.key")).address(), "localhost");
    assert!(stranger.contains("UnknownIssuer") && stranger.contains("--ca FILE"), "{stranger}");
}
