//! How clients are woken: the table `[server.cir]` (CSP session, "CIR").

use std::net::SocketAddr;

use serde::Deserialize;

use super::{path_of, read_path, read_url};
use crate::csp::cir::Method;
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;

/// Which ways to wake clients there are. Without any, clients poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cir {
    /// Where connections of clients are taken.
    pub tcp: Option<SocketAddr>,
    /// The host that clients are told; the home domain where there is none.
    pub address: Option<String>,
    /// The port of connections that clients are told; that of `tcp` where there is none.
    pub port: Option<u16>,
    /// Connections at once.
    pub connections: usize,
    /// Whether datagrams are sent, plain ones and WAP pushes.
    pub udp_push: bool,
    /// The port that datagrams come from; the edge knows it when it has opened it.
    pub udp_port: Option<u16>,
    /// The address that clients ask at; a secret follows it, with a `/` between.
    pub http: Option<String>,
    /// How short messages are sent and taken.
    pub sms: Option<CirSms>,
    /// What sessions are told that have lost their connection.
    pub flag: CirFlag,
}

/// How short messages are sent and taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CirSms {
    /// The name of the route that sends them.
    pub route: String,
    /// The number that clients send their greeting to.
    pub address: Option<String>,
    /// The path at which the gateway hands over what it received.
    pub path: String,
    /// Where the secret is kept by which it is known; nothing is taken where there is none.
    pub key: Option<SecretSource>,
}

/// What the element CIR says to a session that has lost an agreed connection. Its two readings contradict each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum CirFlag {
    /// `F` in 1.3, `T` in 1.2: as the clients that are known read it.
    #[default]
    #[serde(rename = "version")]
    ByVersion,
    /// Always `T`.
    #[serde(rename = "T")]
    True,
    /// Always `F`.
    #[serde(rename = "F")]
    False,
    /// It is left out.
    #[serde(rename = "none")]
    Silent,
}

impl Default for Cir {
    fn default() -> Self {
        Self {
            tcp: None,
            address: None,
            port: None,
            connections: 200,
            udp_push: false,
            udp_port: None,
            http: None,
            sms: None,
            flag: CirFlag::default(),
        }
    }
}

impl Cir {
    /// Returns whether there is such a way to wake clients.
    pub fn has(&self, method: Method) -> bool {
        match method {
            Method::Stcp => self.tcp.is_some(),
            Method::Sudp | Method::WapUdp => self.udp_push,
            Method::Shttp => self.http.is_some(),
            Method::WapSms => self.sms.is_some(),
            // Where clients cannot greet, their numbers are not known.
            Method::Ssms => self.sms.as_ref().is_some_and(|sms| sms.address.is_some() && sms.key.is_some()),
        }
    }

    /// Returns the path that the address which clients ask at begins with.
    pub fn http_path(&self) -> Option<&str> {
        path_of(self.http.as_deref()?)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CirTable {
    tcp: Option<String>,
    address: Option<String>,
    port: Option<u16>,
    connections: Option<usize>,
    udp_push: Option<bool>,
    http: Option<String>,
    sms_route: Option<String>,
    sms_address: Option<String>,
    sms_path: Option<String>,
    sms_key: Option<SecretSource>,
    #[serde(default)]
    flag: CirFlag,
}

impl CirTable {
    pub(super) fn read(self) -> Result<Cir> {
        let usual = Cir::default();
        let tcp = self.tcp.map(|tcp| {
            let wrong = |_| Error::input(format!("`{tcp}` is no address such as 127.0.0.1:3171")).at("server.cir.tcp");
            tcp.parse::<SocketAddr>().map_err(wrong)
        });
        let http = self.http.map(|url| read_url(&url, "server.cir.http")).transpose()?;
        let sms = match self.sms_route {
            Some(route) => {
                let path = self.sms_path.unwrap_or_else(|| "/api/v1/cir".to_owned());
                let path = read_path(path, "server.cir.sms_path")?;
                Some(CirSms { route, address: self.sms_address, path, key: self.sms_key })
            }
            None if self.sms_address.is_some() || self.sms_path.is_some() || self.sms_key.is_some() => {
                let error = Error::input("short messages need a route").at("server.cir.sms_route");
                return Err(error.help("name one of the tables `[[route]]`"));
            }
            None => None,
        };
        if self.port == Some(0) {
            return Err(Error::input("there is no port 0").at("server.cir.port"));
        }
        Ok(Cir {
            tcp: tcp.transpose()?,
            address: self.address,
            port: self.port,
            connections: self.connections.unwrap_or(usual.connections),
            udp_push: self.udp_push.unwrap_or(usual.udp_push),
            udp_port: None,
            http,
            sms,
            flag: self.flag,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Cir> {
        toml::from_str::<CirTable>(text).expect("a table").read()
    }

    #[test]
    fn reads_its_table() {
        assert_eq!(read("").unwrap(), Cir::default());
        assert!(Method::ALL.iter().all(|method| !Cir::default().has(*method)), "out of the box clients poll");
        let cir = read(
            "tcp = \"0.0.0.0:8081\"\nudp_push = true\nhttp = \"https://a.example/cir/\"\nflag = \"T\"\n\
             sms_route = \"kannel\"\nsms_address = \"1234\"\nsms_key = { file = \"k\" }\n",
        );
        let cir = cir.unwrap();
        assert!(Method::ALL.iter().all(|method| cir.has(*method)), "{cir:?}");
        assert_eq!((cir.http_path(), cir.flag), (Some("/cir"), CirFlag::True));
        assert_eq!(cir.sms.unwrap().path, "/api/v1/cir");
    }

    #[test]
    fn says_where_it_is_wrong() {
        let at = |text: &str| read(text).unwrap_err().at.unwrap();
        assert_eq!(at("tcp = \"8081\"\n"), "server.cir.tcp");
        for url in ["cir", "http://a.example", "ftp://a.example/cir", "http:///cir", "http://a.example/c?d"] {
            assert_eq!(at(&format!("http = \"{url}\"\n")), "server.cir.http", "{url}");
        }
        assert_eq!(at("port = 0\n"), "server.cir.port");
        assert_eq!(at("sms_address = \"1\"\n"), "server.cir.sms_route");
        assert!(toml::from_str::<CirTable>("flag = \"true\"\n").is_err());
    }
}
