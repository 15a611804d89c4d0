//! HTTPS: the certificate of the server and its key, looked at before anybody connects (CSP transport, "Security").
//! TLS 1.2 and 1.3 with what is held for safe today; what speaks older TLS only needs a proxy that still does.

use std::path::Path;
use std::sync::Arc;

use time::PrimitiveDateTime;
use time::macros::format_description;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::error::{Error, Result};
use crate::server::{Timestamp, Tls};

/// Reads the certificate and its key.
///
/// # Errors
///
/// Fails where one of them is not there or is no such thing, where they do not belong together, and where the
/// certificate is not valid at that time.
pub(super) fn open(tls: &Tls, now: Timestamp) -> Result<TlsAcceptor> {
    let chain = certificates(&tls.cert)?;
    let wrong = |what: String, help: &str| Error::input(what).at(tls.cert.display().to_string()).help(help.to_owned());
    if let Some((from, until)) = chain.first().and_then(|certificate| validity(certificate)) {
        let now = i64::try_from(now.milliseconds() / 1000).unwrap_or(i64::MAX);
        if now >= until.assume_utc().unix_timestamp() {
            return Err(wrong(
                format!("the certificate is over since {}", until.date()),
                "get a new one from who made it",
            ));
        }
        if now < from.assume_utc().unix_timestamp() {
            let help = "wait until then, or set the clock of this machine";
            return Err(wrong(format!("the certificate is good from {} on", from.date()), help));
        }
    }
    let at_key = |what: &str| {
        let help = "name the key that the certificate was made for, in PEM and without a password";
        Error::input(what).at(tls.key.display().to_string()).help(help)
    };
    let octets = std::fs::read(&tls.key).map_err(|error| Error::file(&tls.key, &error))?;
    let key = PrivateKeyDer::from_pem_slice(&octets).map_err(|_| at_key("the file holds no private key"))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| at_key(&error.to_string()))?;
    let configuration = builder.with_no_client_auth().with_single_cert(chain, key);
    let configuration = configuration.map_err(|_| at_key("the key does not fit the certificate"))?;
    Ok(TlsAcceptor::from(Arc::new(configuration)))
}

/// Reads the certificates of a file, the server's own first.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let octets = std::fs::read(path).map_err(|error| Error::file(path, &error))?;
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&octets).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            let error = Error::input("the file holds no certificate").at(path.display().to_string());
            Err(error.help("name a file in PEM: it begins with `-----BEGIN CERTIFICATE-----`"))
        }
    }
}

/// Returns from when until when a certificate is good (RFC 5280, 4.1).
fn validity(certificate: &[u8]) -> Option<(PrimitiveDateTime, PrimitiveDateTime)> {
    const VERSION: u8 = 0xA0;
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    let (first, _, behind) = element(rest)?;
    if first == VERSION {
        rest = behind;
    }
    // Serial number, signature, issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest)?;
    let (from_tag, from, rest) = element(validity)?;
    let (until_tag, until, _) = element(rest)?;
    Some((moment(from_tag, from)?, moment(until_tag, until)?))
}

/// Takes one element of DER apart: its tag, what is in it, what is behind it.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = octets.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(first & 0x7F)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Reads a time of two or of four digits of the year.
fn moment(tag: u8, text: &[u8]) -> Option<PrimitiveDateTime> {
    const UTC_TIME: u8 = 0x17;
    let text = std::str::from_utf8(text).ok()?;
    let century = if text < "50" { "20" } else { "19" };
    let text = if tag == UTC_TIME { format!("{century}{text}") } else { text.to_owned() };
    PrimitiveDateTime::parse(&text, format_description!("[year][month][day][hour][minute][second]Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(cert: &str, key: &str, year: u64) -> std::result::Result<(), String> {
        let file = |name: &str| Path::new("tests/samples/tls").join(name);
        let tls = Tls { cert: file(cert), key: file(key) };
        open(&tls, Timestamp::from_seconds((year - 1970) * 31_556_952)).map(drop).map_err(|error| error.what)
    }

    #[test]
    fn what_does_not_serve_is_refused_with_its_reason() {
        assert_eq!(opened("cert.pem", "cert.key", 2030), Ok(()));
        let refused = |cert, key, year| opened(cert, key, year).unwrap_err();
        assert_eq!(refused("cert.pem", "other.key", 2030), "the key does not fit the certificate");
        assert_eq!(refused("cert.key", "cert.key", 2030), "the file holds no certificate");
        assert_eq!(refused("cert.pem", "cert.pem", 2030), "the file holds no private key");
        assert!(refused("cert.pem", "cert.key", 2200).starts_with("the certificate is over since 2126-"));
        assert!(refused("cert.pem", "cert.key", 2020).starts_with("the certificate is good from 2026-"));
        assert!(!refused("none.pem", "cert.key", 2030).is_empty());
    }
}
