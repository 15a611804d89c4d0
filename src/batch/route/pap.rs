//! A push proxy gateway, by the Push Access Protocol (sheet `bootstrap-push-sms`, section 7). EDGE.
//!
//! Gateways may drop SEC and MAC; [`RouteSettings::note`] tells the operator to look at the first message.

use std::fmt;

use ureq::http;
use zeroize::Zeroizing;

use super::codes::{outcome, usual};
use super::http::{Client, Reply, basic, check_url, in_parallel, without_answer};
use super::{Body, Message, Needs, Outcome, Pace, Parts, Route, RouteSettings, Surroundings, clean};
use crate::delivery::pap::{Submission, Version, read_response, write};
use crate::delivery::wsp::Push;
use crate::diagnose::Report;
use crate::error::{Error, Result};

/// A push proxy gateway.
pub struct PapRoute {
    settings: RouteSettings,
    client: Client,
    url: String,
    gateway: String,
    version: Version,
    password: Option<Zeroizing<String>>,
}

impl fmt::Debug for PapRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PapRoute").field("url", &self.url).field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

impl PapRoute {
    /// Makes the route that a table describes; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Says what the table lacks or has wrong, and which secret cannot be read.
    pub fn open(settings: &RouteSettings, around: &mut Surroundings<'_>) -> Result<Self> {
        let url = settings.url.clone().ok_or_else(|| settings.lacks("url", "\"http://127.0.0.1:8080/wappush\""))?;
        let uri = check_url(&url, settings)?;
        let edition = settings.edition.as_deref().unwrap_or(Version::default().as_str());
        let version = Version::ALL.into_iter().find(|version| version.as_str() == edition).ok_or_else(|| {
            let known = Version::ALL.map(|version| format!("`{}`", version.as_str())).join(", ");
            Error::input(format!("there is no edition `{}`", clean(edition)))
                .at(settings.place())
                .help(format!("write {known}"))
        })?;
        let gateway = settings.gateway.clone().or_else(|| uri.host().map(str::to_owned)).unwrap_or_default();
        let password = around.secret(settings, "password", settings.password.as_ref())?;
        let (client, settings) = (Client::new(settings), settings.clone());
        Ok(Self { settings, client, url, gateway, version, password })
    }

    fn send(&self, message: &Message) -> Outcome {
        let Body::Parts(parts) = &message.body else { return Outcome::NotSent };
        // A name of its own for each attempt: a gateway may refuse one that it has refused before.
        let push_id = format!("{}-{}@impskit", parts.key, message.row.attempts + 1);
        match self.request(message.row.msisdn, &push_id, parts) {
            Ok(request) => self.judge(&self.client.send(request), push_id),
            Err(error) => outcome("pap:message", error.what),
        }
    }

    fn request(&self, msisdn: u64, push_id: &str, parts: &Parts) -> Result<http::Request<Vec<u8>>> {
        let to = msisdn.to_string();
        let (version, gateway) = (self.version, self.gateway.as_str());
        let push =
            Push::read(&parts.push, &mut Report::new()).ok_or_else(|| Error::input("the push cannot be read"))?;
        let message = write(&Submission { version, push_id, to: &to, gateway, deliver_before: None }, &push)?;
        let mut builder = http::Request::post(&self.url).header(http::header::CONTENT_TYPE, message.content_type);
        if let Some(basic) = basic(self.settings.user.as_deref(), self.password.as_deref()) {
            let value = Zeroizing::new(format!("Basic {basic}"));
            builder = builder.header(http::header::AUTHORIZATION, value.as_str());
        }
        builder.body(message.body).map_err(|_| Error::input("the request cannot be written"))
    }

    /// Says what became of a message. The code is the protocol's where there is one, else that of HTTP.
    fn judge(&self, reply: &Reply, push_id: String) -> Outcome {
        let Reply::Answer { status, body } = reply else { return without_answer(&self.settings, "pap", reply) };
        match read_response(body) {
            // It has the very attempt already: the answer to that was lost.
            Ok(answer) if answer.is_accepted() || answer.is_duplicate() => Outcome::Taken { ids: vec![push_id] },
            Ok(answer) => {
                let code = format!("pap:{}", answer.code);
                let text = clean(&format!("the gateway said: {answer}"));
                Outcome::Refused { class: self.settings.class(&code, usual(&code)), code, text }
            }
            Err(why) if (200..300).contains(status) => {
                let text = format!("status {status}, but the answer cannot be read: {}", clean(&why));
                outcome("pap:unreadable", text)
            }
            Err(_) => {
                let code = format!("http:{status}");
                let text = format!("the gateway said: {}", clean(&String::from_utf8_lossy(body)));
                Outcome::Refused { class: self.settings.class(&code, usual(&code)), code, text }
            }
        }
    }
}

impl Route for PapRoute {
    fn needs(&self) -> Needs {
        Needs::Parts
    }

    fn window(&self) -> usize {
        self.settings.window
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        Ok(in_parallel(messages, pace, |message| self.send(message)))
    }
}
