//! Short messages that wake clients of `serve`: `[server.cir]` with a route of `[[route]]`.

use std::path::Path;
use std::sync::Arc;

use impskit::batch::route::{Outcome, RouteSettings, Surroundings};
use impskit::batch::single::Single;
use impskit::csp::cir::SSMS_PORT;
use impskit::csp::segments::SMS_PORT;
use impskit::delivery::wdp::Ports;
use impskit::error::{Error, Result};
use impskit::random;
use impskit::server::{Configuration, Greetings, SendShort, ShortContent, ShortMessage};

use super::Ui;
use super::profile::{fetch, fetch_at};

/// The registered port of CSP over SMS.
const CSP_PORTS: Ports = Ports { destination: SMS_PORT, source: SMS_PORT };

/// Returns who sends the short messages that the configuration wants. `log` takes lines for people.
///
/// # Errors
///
/// Says which route there is not, or why it cannot be opened.
pub(super) fn sender(
    configuration: &Configuration,
    log: impl Fn(&str) + Copy + Send + Sync + 'static,
    ui: &mut Ui,
) -> Result<Option<SendShort>> {
    let Some(sms) = &configuration.cir.sms else { return Ok(None) };
    let unknown = || {
        let error = Error::input(format!("there is no route `{}`", sms.route)).at("server.cir.sms_route");
        error.help("name one of the tables `[[route]]` of the configuration")
    };
    let routes = ui.configuration()?.routes;
    let settings = routes.into_iter().find(|route| route.name == sms.route);
    let settings: RouteSettings = settings.or_else(|| RouteSettings::named(&sms.route)).ok_or_else(unknown)?;
    settings.url.iter().chain(&settings.address).try_for_each(|place| ui.network(place))?;
    let mut secrets = |secret: &_| fetch(secret, Path::new(""), ui);
    let around = &mut Surroundings { folder: Path::new(""), secrets: &mut secrets, log: Arc::new(log) };
    let mut single = Single::open(&settings, sms.address.is_some(), random::octets()?, around)?;
    Ok(Some(Box::new(move |message: ShortMessage| {
        let ShortMessage { number, content } = message;
        let outcome = match &content {
            ShortContent::Text(text) => single.text(&number, SSMS_PORT, text),
            ShortContent::Push(push) => single.push(&number, push),
            ShortContent::Message(text) => single.octets(&number, CSP_PORTS, text.as_bytes()),
        };
        let why = match outcome {
            Ok(Outcome::Taken { .. }) => return,
            Ok(Outcome::Refused { code, text, .. } | Outcome::Unknown { code, text }) => format!("{code}: {text}"),
            Ok(Outcome::NotSent) => "it was not sent".to_owned(),
            Err(error) => error.what,
        };
        log(&format!("warning: a short message to a client came to nothing: {why}"));
    })))
}

/// Returns who takes the short messages with which clients greet, if the configuration has a key for it.
///
/// # Errors
///
/// Says why the key cannot be read.
pub(super) fn greetings(configuration: &Configuration, ui: &mut Ui) -> Result<Option<Greetings>> {
    let sms = configuration.cir.sms.as_ref().and_then(|sms| Some((&sms.path, sms.key.as_ref()?)));
    let Some((path, key)) = sms else { return Ok(None) };
    let at = "server.cir.sms_key";
    let key = fetch_at(key, at, Path::new(""), ui)?;
    Greetings::new(path.clone(), key).map(Some).ok_or_else(|| Error::input("the key is empty").at(at))
}
