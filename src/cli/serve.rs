//! `serve`: the IMPS server in the foreground.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use clap::{Args, ValueEnum};
use impskit::batch;
use impskit::batch::audit::{Object, What};
use impskit::diagnose::Report;
use impskit::dm::session::auth::Credentials;
use impskit::dm::session::server::{Server, Terms};
use impskit::dm::syncml::{Message, Operation};
use impskit::error::{Error, ErrorKind, Result, reason};
use impskit::provision::profile::SecretSource;
use impskit::random;
use impskit::server::http::Running;
use impskit::server::{Beside, Cir, Configuration, Feed, LOGINS, PRESENCE, Store, http};
use serde_json::json;

use super::admin::user::{has_password, set_password};
use super::admin::{STORE, ServerOptions, address, now};
use super::profile::fetch_at;
use super::text_codes::text_codes;
use super::ui::read_input;
use super::{Outcome, Ui, audit, cir, receipts};

/// Run the IMPS server: for provisioning checks, labs and small services
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit serve
  impskit serve --domain acme.example --listen 0.0.0.0:8080 --store /var/lib/impskit/server.db")]
pub(crate) struct Serve {
    #[command(flatten)]
    server: ServerOptions,
    /// The address to listen on
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Only check configuration, with all that it names, port and store
    #[arg(long)]
    check: bool,
    /// How lines of the log are written; text on a terminal, JSON elsewhere where nothing is said
    #[arg(long, value_name = "F", env = "IMPSKIT_LOG_FORMAT")]
    log_format: Option<LogFormat>,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// For programs, one object a line
    Json,
}

pub(crate) fn run(command: &Serve, ui: &mut Ui) -> Result<Outcome> {
    let mut configuration = command.server.configuration(ui)?;
    configuration.listen = command.listen.unwrap_or(configuration.listen);
    let path = configuration.store.clone().unwrap_or_else(|| STORE.into());
    let users = configured_users(&configuration, ui)?;
    configuration.text_codes = text_codes(configuration.text_codes_file.as_deref())?;
    configuration.provider.logo = configuration.provider.logo_file.as_deref().map(read_logo).transpose()?;
    warn(&configuration, ui)?;
    let log = Log::new(command.log_format, ui);
    if command.check {
        beside(&configuration, open_or_imagine, log, ui)?;
        return check(&configuration, &path, ui);
    }
    let beside = beside(&configuration, batch::store::Store::open, log, ui)?;
    let mut store = Store::open(&path).map_err(not_to_be_had)?;
    set_users(&mut store, &users, ui)?;
    let users = store.users()?.len();
    let domain = configuration.domain.clone();
    let (stop, stopped) = mpsc::channel();
    on_signal(stop)?;
    let paths = paths(&beside);
    let ways = configuration.cir.clone();
    let server = http::spawn_beside(configuration, store, beside, Box::new(move |line: &str| log.line(line)))?;
    log.line(&format!("ready: {} for {domain}, users in `{}`: {users}", server.url(), path.display()));
    for (path, what) in paths {
        log.line(&format!("ready: {} for {what}", server.url_of(&path)));
    }
    tell_ways(&ways, &server, log);
    if users == 0 {
        ui.say("  help: nobody can log in yet: `impskit admin user add NAME --password-stdin`");
    }
    tell_service_manager();
    // An error would mean that the handler is gone, and nobody could stop us.
    let _ = stopped.recv();
    log.line("stopping");
    server.stop();
    Ok(Outcome::Good)
}

/// Returns what the configuration wants beside the server; `open` opens the store that receipts are for.
fn beside(
    configuration: &Configuration,
    open: impl Fn(&Path) -> Result<batch::store::Store>,
    log: Log,
    ui: &mut Ui,
) -> Result<Beside> {
    Ok(Beside {
        management: management(configuration, ui)?,
        callbacks: receipts::callbacks(configuration, open, move |line| log.line(line), ui)?,
        feed: feed(&configuration.api_token, "server.api.token", ui)?,
        network: feed(&configuration.presence.network_token, "server.presence.network_token", ui)?,
        send_short: cir::sender(configuration, move |line| log.line(line), ui)?,
        greetings: cir::greetings(configuration, ui)?,
    })
}

/// Opens a store of campaigns if there is one, and otherwise looks whether it could be made: a check makes none.
fn open_or_imagine(path: &Path) -> Result<batch::store::Store> {
    match path.exists() {
        true => batch::store::Store::open(path),
        false if may_be_made(path) => batch::store::Store::in_memory(),
        false => Err(Error::store("there is no such folder").at(path.display().to_string())),
    }
}

/// Returns whether there is a folder for a file.
fn may_be_made(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder == Path::new("") || folder.is_dir())
}

/// Returns the paths that are served beside that of messages, and what each is for.
fn paths(beside: &Beside) -> Vec<(String, &'static str)> {
    let management = beside.management.iter().map(|management| (management.path.clone(), "device management"));
    let receipts = beside.callbacks.iter().map(|callback| (callback.path.clone(), "receipts"));
    let feed = beside.feed.iter().map(|_| (LOGINS.to_owned(), "who asks for logins"));
    let network = beside.network.iter().map(|_| (PRESENCE.to_owned(), "what the network knows"));
    management.chain(receipts).chain(feed).chain(network).collect()
}

/// Tells how clients are woken, where they are.
fn tell_ways(ways: &Cir, server: &Running, log: Log) {
    if let Some(address) = server.cir_address() {
        log.line(&format!("ready: {address} for clients that want to be woken"));
    }
    if ways.udp_push {
        log.line("ready: clients are woken by datagrams");
    }
    if let Some(url) = &ways.http {
        log.line(&format!("ready: {url} for clients that ask whether something waits"));
    }
    if let Some(sms) = &ways.sms {
        log.line(&format!("ready: clients are woken by short messages, by the route `{}`", sms.route));
        if sms.key.is_some() {
            log.line(&format!("ready: {} for short messages of clients", server.url_of(&sms.path)));
        }
    }
}

/// Warns of what is dangerous elsewhere than in a lab.
fn warn(configuration: &Configuration, ui: &mut Ui) -> Result<()> {
    if !configuration.listen.ip().is_loopback() {
        ui.network(&configuration.listen.to_string())?;
        if configuration.access.plain && configuration.tls.is_none() {
            ui.say("warning: passwords of 2-way logins are readable on the way: put TLS in front of this address");
        }
    }
    if configuration.access.auto_register {
        ui.say("warning: whoever logs in with a name that nobody has gets an account: `auto_register` is for labs");
    }
    Ok(())
}

/// Octets of a logo: what small screens show, and parsers take.
const MOST_LOGO: usize = 16 << 10;

/// Returns the content type and the octets of a logo.
fn read_logo(path: &Path) -> Result<(String, Vec<u8>)> {
    const KINDS: [(&str, &str); 5] =
        [("png", "png"), ("gif", "gif"), ("jpg", "jpeg"), ("jpeg", "jpeg"), ("wbmp", "vnd.wap.wbmp")];
    let (name, octets) = read_input(path)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let kind = KINDS.iter().find(|(own, _)| extension.as_deref() == Some(own));
    let Some((_, kind)) = kind else {
        return Err(Error::input("a logo is a file `.png`, `.gif`, `.jpg` or `.wbmp`").at(name));
    };
    if octets.len() > MOST_LOGO {
        return Err(Error::input(format!("the logo has {} octets, {MOST_LOGO} at most", octets.len())).at(name));
    }
    Ok((format!("image/{kind}"), octets))
}

/// Makes the accounts that the configuration names what it says of them.
fn set_users(store: &mut Store, users: &[(String, String)], ui: &Ui) -> Result<()> {
    for (address, password) in users {
        let account = store.user(address)?;
        let change = match &account {
            None => "added",
            Some(account) if has_password(account, password) => continue,
            Some(_) => "password changed",
        };
        audit::note(ui, What::UserChange, Object::User(address), Some(change))?;
        match account {
            None => drop(store.add_user(address, password, now())?),
            // Who has a hash keeps one: nobody is to read the password from the store.
            Some(account) => set_password(store, address, password, account.is_hashed)?,
        }
    }
    store.commit()
}

/// Returns the accounts that the configuration names, with their passwords.
fn configured_users(configuration: &Configuration, ui: &mut Ui) -> Result<Vec<(String, String)>> {
    let account = |(user, secret): &(String, SecretSource)| {
        let at = |error: Error| error.at("server.csp.users");
        let password = fetch_at(secret, "server.csp.users", Path::new(""), ui)?;
        Ok((address(user, &configuration.domain).map_err(at)?, password))
    };
    configuration.users.iter().map(account).collect()
}

/// Returns who has a token, where the configuration says where it is kept.
fn feed(token: &Option<SecretSource>, at: &str, ui: &mut Ui) -> Result<Option<Feed>> {
    let Some(secret) = token else { return Ok(None) };
    let token = fetch_at(secret, at, Path::new(""), ui)?;
    Feed::new(token).map(Some).ok_or_else(|| Error::input("the token is empty").at(at))
}

/// Returns the management server that the configuration wants, with the commands that wait for its devices.
fn management(configuration: &Configuration, ui: &mut Ui) -> Result<Option<http::Management>> {
    let Some(wanted) = &configuration.management else { return Ok(None) };
    let uri = format!("{}://{}{}", configuration.scheme(), configuration.listen, wanted.path);
    let mut server = Server::new(uri, random::octets()?);
    for device in &wanted.devices {
        let mut credentials = |user: &str, secret: &Option<SecretSource>| match secret {
            None => Ok::<_, Error>(None),
            Some(secret) => {
                let password = fetch_at(secret, "server.dm.devices", Path::new(""), ui)?;
                Ok(Some((device.scheme, Credentials::new(user, password))))
            }
        };
        let of_device = credentials(&device.user, &device.password)?;
        let of_server = credentials(&wanted.id, &device.server_password)?;
        server.enrol(&device.id, Terms { device: of_device, server: of_server });
        for file in &device.commands {
            server.queue(&device.id, commands(file)?);
        }
    }
    Ok(Some(http::Management { path: wanted.path.clone(), server: Arc::new(Mutex::new(server)) }))
}

/// Returns the commands of a SyncML message.
fn commands(path: &Path) -> Result<Vec<Operation>> {
    let (name, octets) = read_input(path)?;
    let message = Message::read(&octets, &mut Report::new());
    let message = message.ok_or_else(|| Error::input("the file is no SyncML message").at(name))?;
    Ok(message.commands.into_iter().map(|command| command.operation).collect())
}

fn check(configuration: &Configuration, path: &Path, ui: &mut Ui) -> Result<Outcome> {
    let taken = |error: std::io::Error| {
        let error = Error::remote(reason(&error)).at(configuration.listen.to_string());
        error.help("another program may have the port: choose one with `--listen ADDRESS:PORT`")
    };
    drop(std::net::TcpListener::bind(configuration.listen).map_err(taken)?);
    http::check_tls(configuration)?;
    let users = match path.exists() {
        true => format!("users: {}", Store::open(path).map_err(not_to_be_had)?.users()?.len()),
        false if may_be_made(path) => "to be made".to_owned(),
        false => return Err(not_to_be_had(Error::store("there is no such folder").at(path.display().to_string()))),
    };
    ui.line(&format!("domain  {}", configuration.domain))?;
    ui.line(&format!("listen  {}://{}{}", configuration.scheme(), configuration.listen, configuration.path))?;
    ui.line(&format!("store   {} ({users})", path.display()))?;
    Ok(Outcome::Good)
}

/// A store that cannot be had is as bad as a port that cannot be had (`product.md` 3.16).
fn not_to_be_had(error: Error) -> Error {
    let error = Error { kind: ErrorKind::Remote, ..error };
    error.help("name another store with `--store PATH`, in a folder in which you may write")
}

/// The log, on stderr (`product.md` section 9.5).
#[derive(Debug, Clone, Copy)]
struct Log {
    format: LogFormat,
    is_quiet: bool,
}

impl Log {
    fn new(format: Option<LogFormat>, ui: &Ui) -> Self {
        let usual = || if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
        Self { format: format.unwrap_or_else(usual), is_quiet: ui.is_quiet() }
    }

    fn line(self, line: &str) {
        let (level, message) = match line.strip_prefix("warning: ") {
            Some(message) => ("WARN", message),
            None => ("INFO", line),
        };
        if self.is_quiet && level == "INFO" {
            return;
        }
        let time = now().rfc3339();
        let line = match self.format {
            LogFormat::Text => format!("{time} {line}"),
            LogFormat::Json => {
                json!({ "time": time, "level": level, "target": "impskit::server", "msg": message }).to_string()
            }
        };
        // Nothing can be done about a closed stderr.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// The first signal stops the server in good order, the second at once.
#[allow(clippy::disallowed_methods, reason = "a second signal ends the process")]
fn on_signal(stop: mpsc::Sender<()>) -> Result<()> {
    let mut signals = 0;
    let handler = move || {
        signals += 1;
        if signals > 1 || stop.send(()).is_err() {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Error::input(error.to_string()))
}

/// Says `READY=1` where a service manager asked for it.
fn tell_service_manager() {
    #[cfg(unix)]
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET")
        && let Ok(socket) = std::os::unix::net::UnixDatagram::unbound()
    {
        // A manager that does not listen is its own affair.
        let _ = socket.send_to(b"READY=1", path);
    }
}
