//! A gateway by HTTP requests, made from a template.
//!
//! ```text
//! preset ── laid over by the table ─┬─ request: query, form or JSON with {placeholders}  ── one a short message, or one in all
//!                                   └─ answer: status, beginning, code ── taken, refused or unknown; the gateway's id
//! ```
//!
//! When the request has `{id}` in it, receipts come by that name: the key of the row, the attempt and the part. Else they
//! come by the name that the answer gives. Secrets are wiped where they are ours; the HTTP client makes copies that we
//! cannot reach. Addresses with secrets in them are in no message and no log. EDGE.

mod answer;
mod client;
mod preset;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http;
use zeroize::Zeroizing;

use self::template::{Slot, Template};
use super::{Body, Class, Message, Needs, Outcome, Pace, Parts, Route, RouteSettings, Surroundings};
use crate::delivery::wdp::{Ports, Segment};
use crate::error::{Error, Result};

pub(super) use self::answer::without_answer;
pub(crate) use self::client::{Client, Reply, is_open, read_url};
pub(super) use self::client::{check_url, in_parallel};
pub use self::preset::{Answer, Place, Preset, Request, Split};

/// The data coding scheme where none is given: 8 bit, class 1.
const DCS: u8 = 0xF5;

/// A gateway by HTTP requests.
pub struct HttpRoute {
    settings: RouteSettings,
    client: Client,
    split: Split,
    rules: Answer,
    shape: Shape,
    fixed: Fixed,
}

impl fmt::Debug for HttpRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRoute")
            .field("name", &self.settings.name)
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

/// Names with the templates of their values.
type Pairs = Vec<(String, Template)>;

/// A request that is ready to be filled.
struct Shape {
    url: String,
    query: Pairs,
    form: Pairs,
    json: Option<Template>,
    headers: Pairs,
    /// Whether receipts come by names of ours.
    is_named: bool,
}

/// Values that are the same for all messages.
struct Fixed {
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    key: Option<Zeroizing<String>>,
    receipts_key: Option<Zeroizing<String>>,
    receipts: Option<String>,
    from: Option<String>,
    dcs: u8,
}

/// One request's worth of a message.
struct Piece<'m> {
    to: &'m str,
    reference: &'m str,
    id: &'m str,
    udh: &'m [u8],
    data: &'m [u8],
    part: usize,
    parts: usize,
}

impl HttpRoute {
    /// Makes the route that a table describes; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Says what the table lacks, which placeholder is unknown, which secret cannot be read.
    pub fn open(settings: &RouteSettings, around: &mut Surroundings<'_>) -> Result<Self> {
        let url = settings
            .url
            .as_deref()
            .ok_or_else(|| settings.lacks("url", "\"http://127.0.0.1:13013/cgi-bin/sendsms\""))?;
        let uri = check_url(url, settings)?;
        let mut known = settings.preset.map(Preset::read).transpose()?.unwrap_or_default();
        if let Some(request) = &settings.request {
            known.request.lay(request);
        }
        if let Some(answer) = &settings.answer {
            known.answer.lay(answer);
        }
        let fixed = Fixed::read(settings, around)?;
        if is_open(&uri) && (fixed.password.is_some() || fixed.key.is_some()) {
            (around.log)(&format!("{}: warning: the password can be read on the way to the gateway", settings.name));
        }
        let shape = Shape::new(url, &known.request, settings).map_err(|error| error.at(settings.place()))?;
        if shape.wants(Slot::ReceiptsKey) && fixed.receipts_key.is_none() {
            return Err(settings.lacks("receipts_key", "{ env = \"NAME\" }"));
        }
        let (settings, split) = (settings.clone(), settings.split.unwrap_or(known.split));
        Ok(Self { client: Client::new(&settings), settings, split, rules: known.answer, shape, fixed })
    }

    fn send(&self, message: &Message) -> Outcome {
        let Body::Parts(parts) = &message.body else { return Outcome::NotSent };
        let to = message.row.msisdn.to_string();
        let name = |part: usize| format!("{}-{}-{part}", parts.key, message.row.attempts + 1);
        // What is one short message has its header already, with ports of its own.
        if self.split == Split::Gateway && parts.segments.len() != 1 {
            let header = ports_alone();
            let (id, udh, data) = (name(1), header.as_slice(), parts.push.as_slice());
            return self.send_piece(&Piece { to: &to, reference: &parts.key, id: &id, udh, data, part: 1, parts: 1 });
        }
        self.send_segments(parts, &to, name)
    }

    /// Sends the short messages of a message one after the other. One that was refused ends it, and so does one whose
    /// fate is unknown, unless it is the last: the handset cannot have all of them then, and they can be sent again.
    fn send_segments(&self, parts: &Parts, to: &str, name: impl Fn(usize) -> String) -> Outcome {
        let mut all = Vec::new();
        let count = parts.segments.len();
        for (place, segment) in parts.segments.iter().enumerate() {
            let part = place + 1;
            let id = name(part);
            let header = segment.first().map_or(0, |length| usize::from(*length) + 1).min(segment.len());
            let (udh, data) = segment.split_at(header);
            let piece = Piece { to, reference: &parts.key, id: &id, udh, data, part, parts: count };
            let broken = |text: &str| format!("short message {part} of {count}: {text}");
            match self.send_piece(&piece) {
                Outcome::Taken { ids } => all.extend(ids),
                Outcome::Unknown { code, text } if part < count => {
                    let text = broken(&text) + "; the rest was not sent";
                    return Outcome::Refused { class: self.settings.class(&code, Class::Temporary), code, text };
                }
                Outcome::Refused { class, code, text } if count > 1 => {
                    return Outcome::Refused { class, code, text: broken(&text) };
                }
                other => return other,
            }
        }
        Outcome::Taken { ids: all }
    }

    fn send_piece(&self, piece: &Piece<'_>) -> Outcome {
        let reply = match self.shape.request(&|slot| self.fixed.value(slot, piece)) {
            Ok(request) => self.client.send(request),
            Err(text) => Reply::NotSent { code: "request", text },
        };
        match answer::judge(&self.rules, &self.settings, &reply) {
            Outcome::Taken { .. } if self.shape.is_named => Outcome::Taken { ids: vec![piece.id.to_owned()] },
            outcome => outcome,
        }
    }
}

impl Route for HttpRoute {
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

impl Shape {
    fn new(url: &str, request: &Request, settings: &RouteSettings) -> Result<Self> {
        let read = |(name, text): (&String, &String)| Template::read(text).map(|template| (name.clone(), template));
        let pairs = |map: &std::collections::BTreeMap<String, String>| map.iter().map(read).collect::<Result<Pairs>>();
        let (mut query, mut form) = (pairs(&request.query)?, pairs(&request.form)?);
        if settings.receipts.is_some() {
            let more = pairs(&request.receipts)?;
            if form.is_empty() { query.extend(more) } else { form.extend(more) }
        }
        let json = request.json.as_deref().map(Template::read).transpose()?;
        if json.is_some() && !form.is_empty() {
            return Err(Error::input("a request has either `form` or `json`"));
        }
        if query.is_empty() && form.is_empty() && json.is_none() {
            return Err(
                Error::input("there is nothing to send").help("write `preset = \"kannel\"` or a table `request`")
            );
        }
        let headers = pairs(&request.headers)?;
        let of_text = json.iter().chain(headers.iter().map(|(_, template)| template));
        if let Some(name) = of_text.filter_map(Template::octets).next() {
            let help = format!("write `{{{name}:hex}}` or `{{{name}:base64}}`");
            return Err(Error::input(format!("`{{{name}}}` is octets, no text")).help(help));
        }
        let mut shape = Self { url: url.to_owned(), query, form, json, headers, is_named: false };
        shape.is_named = shape.wants(Slot::Id);
        Ok(shape)
    }

    fn wants(&self, slot: Slot) -> bool {
        let pairs = self.query.iter().chain(&self.form).chain(&self.headers);
        pairs.map(|(_, template)| template).chain(&self.json).any(|template| template.has(slot))
    }

    /// Returns the request with every value in its place; an error says what stands in the way, without the values.
    fn request(&self, values: &template::Values<'_>) -> std::result::Result<http::Request<Vec<u8>>, String> {
        let mut url = Zeroizing::new(self.url.clone().into_bytes());
        let query = parameters(&self.query, values);
        if !query.is_empty() {
            url.push(if self.url.contains('?') { b'&' } else { b'?' });
            url.extend_from_slice(&query);
        }
        let mut builder = http::Request::builder().uri(url.as_slice());
        for (name, template) in &self.headers {
            if let Some(value) = template.fill(values, template::plain) {
                builder = builder.header(name, value.as_slice());
            }
        }
        let (kind, body) = match &self.json {
            Some(json) => {
                let missing = || "a value of the JSON is missing: `user`, `password`, `key` or `from`".to_owned();
                ("application/json", json.fill(values, template::json).ok_or_else(missing)?)
            }
            None => ("application/x-www-form-urlencoded", parameters(&self.form, values)),
        };
        if !body.is_empty() {
            builder = builder.method(http::Method::POST).header(http::header::CONTENT_TYPE, kind);
        }
        builder.body(body.to_vec()).map_err(|_| "the request cannot be written: look at its headers".to_owned())
    }
}

/// Returns parameters as queries and forms have them, without those that lack a value.
fn parameters(pairs: &Pairs, values: &template::Values<'_>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(1024));
    for (name, template) in pairs {
        let Some(value) = template.fill(values, template::plain) else { continue };
        if !out.is_empty() {
            out.push(b'&');
        }
        template::percent(name.as_bytes(), &mut out);
        out.push(b'=');
        template::percent(&value, &mut out);
    }
    out
}

impl Fixed {
    fn read(settings: &RouteSettings, around: &mut Surroundings<'_>) -> Result<Self> {
        let receipts_key = around.secret(settings, "receipts_key", settings.receipts_key.as_ref())?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if receipts_key.as_ref().is_some_and(|key| !key.bytes().all(is_plain)) {
            let error = Error::input("`receipts_key` has characters that addresses need escaped");
            return Err(error.at(settings.place()).help("use letters, digits, `-`, `.`, `_` and `~`"));
        }
        if settings.receipts.as_ref().is_some_and(|url| url.contains('?')) {
            return Err(Error::input("`receipts` holds a `?`").at(settings.place()).help("give the address up to it"));
        }
        Ok(Self {
            user: settings.user.clone(),
            password: around.secret(settings, "password", settings.password.as_ref())?,
            key: around.secret(settings, "key", settings.key.as_ref())?,
            receipts_key,
            receipts: settings.receipts.clone(),
            from: settings.from.clone(),
            dcs: settings.dcs.unwrap_or(DCS),
        })
    }

    fn value(&self, slot: Slot, piece: &Piece<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let secret = |secret: &Option<Zeroizing<String>>| secret.as_ref().map(|text| text.as_bytes().to_vec());
        let text = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
        let number = |number: usize| Some(number.to_string().into_bytes());
        let value = match slot {
            Slot::To => Some(piece.to.as_bytes().to_vec()),
            Slot::Udh => Some(piece.udh.to_vec()),
            Slot::Data => Some(piece.data.to_vec()),
            Slot::Reference => Some(piece.reference.as_bytes().to_vec()),
            Slot::Id => Some(piece.id.as_bytes().to_vec()),
            Slot::Part => number(piece.part),
            Slot::Parts => number(piece.parts),
            Slot::Dcs => Some(vec![self.dcs]),
            Slot::From => text(&self.from),
            Slot::User => text(&self.user),
            Slot::Password => secret(&self.password),
            Slot::Key => secret(&self.key),
            Slot::Basic => basic(self.user.as_deref(), self.password.as_deref()).map(String::into_bytes),
            Slot::Receipts => text(&self.receipts),
            Slot::ReceiptsKey => secret(&self.receipts_key),
        };
        value.map(Zeroizing::new)
    }
}

/// Returns credentials as the scheme Basic has them (RFC 7617).
pub(super) fn basic(user: Option<&str>, password: Option<&String>) -> Option<String> {
    let pair = Zeroizing::new(format!("{}:{}", user?, password?));
    Some(BASE64_STANDARD.encode(pair.as_bytes()))
}

/// Returns a user data header that names the ports alone.
fn ports_alone() -> Vec<u8> {
    let mut header = Vec::with_capacity(7);
    Segment { ports: Some(Ports::default()), concatenation: None, data: &[] }.write(&mut header);
    header
}
