//! What runs beside the server: management, receipts of gateways, the feed of logins.

use std::path::PathBuf;

use serde::Deserialize;

use super::read_path;
use crate::dm::session::auth::Scheme;
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;

/// Where gateways send receipts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipts {
    /// The path; the name of a route follows it.
    pub path: String,
    /// The store of the campaigns.
    pub store: PathBuf,
    /// The routes, and where the secret of each is kept.
    pub routes: Vec<(String, SecretSource)>,
}

/// How the management server is set up: for trying what `build --as syncml` wrote, not for a network of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Management {
    /// The path that its messages are posted to.
    pub path: String,
    /// Its identifier, by which devices know it and by which access control lists name it.
    pub id: String,
    /// The devices that it knows.
    pub devices: Vec<ManagedDevice>,
}

/// A device that the management server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedDevice {
    /// Its identifier: `IMEI:493005100592800`.
    pub id: String,
    /// How it proves itself, and how the server does if it asks.
    pub scheme: Scheme,
    /// The name in its credentials.
    pub user: String,
    /// Where its password is kept; `None`: it need not prove itself.
    pub password: Option<SecretSource>,
    /// Where the password is kept by which the server proves itself.
    pub server_password: Option<SecretSource>,
    /// SyncML messages whose commands are sent to it, a package each.
    pub commands: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiTable {
    pub(super) token: SecretSource,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptsTable {
    path: Option<String>,
    store: String,
    #[serde(default)]
    routes: Vec<ReceiptsRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptsRow {
    route: String,
    key: SecretSource,
}

impl ReceiptsTable {
    pub(super) fn read(self) -> Result<Receipts> {
        let path = read_path(self.path.unwrap_or_else(|| "/api/v1/receipts".to_owned()), "server.receipts.path")?;
        let store = PathBuf::from(self.store.strip_prefix("sqlite:").unwrap_or(&self.store));
        let routes = self.routes.into_iter().map(|ReceiptsRow { route, key }| (route, key)).collect();
        Ok(Receipts { path: path.trim_end_matches('/').to_owned(), store, routes })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManagementTable {
    path: Option<String>,
    id: String,
    #[serde(default)]
    devices: Vec<DeviceRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceRow {
    id: String,
    scheme: Option<String>,
    user: Option<String>,
    password: Option<SecretSource>,
    server_password: Option<SecretSource>,
    #[serde(default)]
    commands: Vec<PathBuf>,
}

impl ManagementTable {
    pub(super) fn read(self) -> Result<Management> {
        let path = read_path(self.path.unwrap_or_else(|| "/dm".to_owned()), "server.dm.path")?;
        let devices = self.devices.into_iter().map(DeviceRow::read).collect::<Result<_>>()?;
        Ok(Management { path, id: self.id, devices })
    }
}

impl DeviceRow {
    fn read(self) -> Result<ManagedDevice> {
        const AT: &str = "server.dm.devices";
        let word = self.scheme.unwrap_or_else(|| "md5".to_owned());
        let scheme = Scheme::from_word(&word).ok_or_else(|| {
            Error::input(format!("`{word}` is no way to prove a password")).at(AT).help("write `basic`, `md5` or `mac`")
        })?;
        let user = self.user.unwrap_or_else(|| self.id.clone());
        let Self { id, password, server_password, commands, .. } = self;
        Ok(ManagedDevice { id, scheme, user, password, server_password, commands })
    }
}
