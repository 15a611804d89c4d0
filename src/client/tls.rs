//! HTTPS at the client's end: whom it trusts, and the connection on which it talks.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto};

use crate::error::{Error, Result};

/// Whom a client trusts with who a server is.
pub(super) type Trust = TlsConnector;

/// Returns what trusts those that browsers trust, or only the authorities of a file.
pub(super) fn trust(ca: Option<&Path>) -> Result<Trust> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let octets = std::fs::read(path).map_err(|error| Error::file(path, &error))?;
            let certificates = CertificateDer::pem_slice_iter(&octets).filter_map(std::result::Result::ok);
            if roots.add_parsable_certificates(certificates).0 == 0 {
                let error = Error::input("the file holds no certificate").at(path.display().to_string());
                return Err(error.help("name a file in PEM: it begins with `-----BEGIN CERTIFICATE-----`"));
            }
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| Error::input(error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

/// Makes a connection safe; says why it is not.
pub(super) async fn connect(
    trust: &Trust,
    host: &str,
    stream: TcpStream,
) -> std::result::Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name of a server"))?;
    trust.connect(name, stream).await.map_err(|error| refusal(&error))
}

/// Says why a server is not trusted, and the way out.
fn refusal(error: &std::io::Error) -> String {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext};
    use rustls::Error::InvalidCertificate;
    let way_out = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(InvalidCertificate(Expired | ExpiredContext { .. })) => "its operator has to renew it",
        Some(InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => "ask for a host that it names",
        _ => "a server of one's own is trusted with `--ca FILE`",
    };
    format!("{error}: {way_out}")
}
