//! One short message by a route of campaigns, without a campaign: by them the IMPS server wakes clients.

use sha2::{Digest as _, Sha256};

use super::route::{
    Body, Message, Needs, Outcome, Pace, Parts, Preset, Receipt, Route, RouteKind, RouteSettings, Split, Surroundings,
    open,
};
use super::store::DueRow;
use crate::delivery::smpp::Form;
use crate::delivery::sms::{Address, Kind};
use crate::delivery::wdp::{self, Ports, Reference};
use crate::delivery::{Bearing, Outgoing, text};
use crate::document::{UPPER_HEX, put_hex};
use crate::error::{Error, Result};

/// A route for pushes and texts.
pub struct Single {
    pushes: Box<dyn Route>,
    /// Text goes in another coding, which a route is opened with.
    texts: Option<Box<dyn Route>>,
    sent: u64,
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Single").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl Single {
    /// Opens the route that a table describes.
    ///
    /// # Errors
    ///
    /// Fails where the route cannot be opened, and where it is to send text and has no form for it.
    pub fn open(settings: &RouteSettings, sends_text: bool, around: &mut Surroundings<'_>) -> Result<Self> {
        let mut settings = settings.clone();
        if settings.kind == RouteKind::Smpp {
            // Nobody waits for receipts here.
            settings.registered_delivery = Some(false);
        }
        let of_texts = sends_text.then(|| for_text(&settings)).transpose()?;
        let pushes = open(&settings, around)?;
        let texts = of_texts.map(|settings| open(&settings, around)).transpose()?;
        Ok(Self { pushes, texts, sent: 0 })
    }

    /// Sends a push PDU to a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// Fails where the number is none, or the route as a whole does not work.
    pub fn push(&mut self, number: &str, push: &[u8]) -> Result<Outcome> {
        self.octets(number, Ports::default(), push)
    }

    /// Sends octets to a port of a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// As for [`Self::push`].
    pub fn octets(&mut self, number: &str, ports: Ports, push: &[u8]) -> Result<Outcome> {
        let key = self.key(number, push);
        let mut outgoing = Outgoing::new();
        outgoing.adopt(push);
        let reference = Reference::Short(key[0]);
        let body = match self.pushes.needs() {
            Needs::Line(_) => {
                let address = Address::read_text(&format!("+{number}"))?;
                outgoing.split(&Bearing { address: &address, kind: Kind::SUBMIT, reference, ports, centre: None })?;
                Body::Line(line(&key, number, outgoing.pdus()))
            }
            Needs::Parts => {
                let segments = wdp::split(push, ports, reference).map(|segment| {
                    let mut octets = Vec::with_capacity(140);
                    segment.write(&mut octets);
                    octets
                });
                Body::Parts(Box::new(parts(&key, push, segments.collect())))
            }
        };
        submit(&mut *self.pushes, number, key, body)
    }

    /// Sends a plain text ([`text::is_plain`]) to a port of a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// As for [`Self::push`]; and where the route was not opened for texts.
    pub fn text(&mut self, number: &str, port: u16, what: &str) -> Result<Outcome> {
        let key = self.key(number, what.as_bytes());
        let ports = Ports { destination: port, source: port };
        let route = self.texts.as_mut().ok_or_else(|| Error::input("the route is not open for texts"))?;
        let body = match route.needs() {
            Needs::Line(_) => {
                let mut pdu = Vec::with_capacity(160);
                text::write_submit(Address::read_text(&format!("+{number}"))?, ports, what, &mut pdu);
                Body::Line(line(&key, number, std::iter::once(pdu.as_slice())))
            }
            Needs::Parts => Body::Parts(Box::new(parts(&key, what.as_bytes(), vec![text::unpacked(ports, what)]))),
        };
        submit(&mut **route, number, key, body)
    }

    /// Returns the name of a message, which no other has.
    fn key(&mut self, number: &str, what: &[u8]) -> [u8; 32] {
        self.sent += 1;
        Sha256::new().chain_update(number).chain_update(self.sent.to_be_bytes()).chain_update(what).finalize().into()
    }
}

/// Returns the settings with which a route sends text: characters of the default alphabet, one octet each, that the
/// gateway packs; or whole TPDUs.
fn for_text(settings: &RouteSettings) -> Result<RouteSettings> {
    let mut settings = settings.clone();
    match (settings.kind, settings.preset) {
        (RouteKind::Stdout | RouteKind::Exec, _) => {}
        (RouteKind::Smpp, _) => (settings.data_coding, settings.form) = (Some(0), Some(Form::Udh)),
        (RouteKind::Http, Some(Preset::Kannel)) => {
            let request = settings.request.get_or_insert_default();
            request.query.insert("coding".to_owned(), "0".to_owned());
            settings.split = Some(Split::Us);
        }
        _ => {
            let error = Error::input("the route cannot send text").at(format!("route `{}`", settings.name));
            return Err(error.help("use a route of the kind `smpp`, `exec` or `stdout`, or Kannel's"));
        }
    }
    Ok(settings)
}

/// Returns a line of JSON, `impskit.message/1`, with the TPDUs alone.
fn line<'p>(key: &[u8; 32], number: &str, pdus: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
    let hex = |octets: &[u8]| {
        let mut hex = Vec::with_capacity(2 * octets.len());
        put_hex(octets, UPPER_HEX, &mut hex);
        String::from_utf8_lossy(&hex).into_owned()
    };
    let pdus: Vec<String> = pdus.map(hex).collect();
    let line = serde_json::json!({
        "schema": "impskit.message/1", "ref": hex(key), "msisdn": number, "attempt": 1, "form": "sms", "pdus": pdus,
    });
    (line.to_string() + "\n").into_bytes()
}

fn parts(key: &[u8; 32], push: &[u8], segments: Vec<Vec<u8>>) -> Parts {
    let mut hex = Vec::with_capacity(64);
    put_hex(key, UPPER_HEX, &mut hex);
    let key = String::from_utf8_lossy(&hex).into_owned();
    Parts { key, document: Vec::new(), seal: None, push: push.to_vec(), segments }
}

fn submit(route: &mut dyn Route, number: &str, key: [u8; 32], body: Body) -> Result<Outcome> {
    let msisdn = number.parse().map_err(|_| Error::input(format!("`{number}` is no telephone number")))?;
    let row = DueRow {
        msisdn,
        place: 0,
        attempts: 0,
        free: 0,
        zone: None,
        setup: 0,
        key,
        document: [0; 32],
        expires: None,
        cells: String::new(),
    };
    let message = Message { row, sms: 1, body, pin: None, imsi: None };
    let outcomes = route.submit(&[&message], &mut AtOnce)?;
    Ok(outcomes.into_iter().next().unwrap_or(Outcome::NotSent))
}

/// A pace for what goes one by one.
struct AtOnce;

impl Pace for AtOnce {
    fn take(&mut self, _sms: u32) -> bool {
        true
    }

    fn throttled(&mut self) {}

    /// None are asked for; those of campaigns are for a run to store.
    fn keep(&mut self, _receipts: &[Receipt]) -> bool {
        false
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::delivery::sms::Tpdu;
    use crate::delivery::wdp::Segment;

    fn settings(table: &str) -> RouteSettings {
        toml::from_str(table).expect("a table")
    }

    fn open_it(settings: &RouteSettings, folder: &Path) -> Result<Single> {
        let mut secrets = |_: &_| Ok(String::new());
        Single::open(settings, true, &mut Surroundings { folder, secrets: &mut secrets, log: Arc::new(|_| {}) })
    }

    /// A program that keeps what it is handed over.
    #[test]
    fn pushes_and_texts_go_out_as_tpdus() {
        let folder = tempfile::tempdir().unwrap();
        let program = "while read -r line; do echo \"$line\" >> lines; ref=${line#*\\\"ref\\\":\\\"}; \
                       echo \"{\\\"ref\\\":\\\"${ref%%\\\"*}\\\",\\\"ok\\\":true}\"; done";
        let command = format!("command = [\"/bin/sh\", \"-c\", {}]", serde_json::Value::from(program));
        let settings = settings(&format!("name = \"own\"\nkind = \"exec\"\n{command}\n"));
        let mut single = open_it(&settings, folder.path()).unwrap();
        let push = [&[0x01, 0x06, 0x03, 0xC6, 0xAF, 0x8A][..], b"WVCI 1.3 a1b2c3"].concat();
        assert_eq!(single.push("358401234567", &push).unwrap(), Outcome::Taken { ids: vec![] });
        assert_eq!(single.text("358401234567", 3716, "WVCI 1.3 a1b2c3").unwrap(), Outcome::Taken { ids: vec![] });
        drop(single);
        let lines = std::fs::read_to_string(folder.path().join("lines")).unwrap();
        let pdus = lines.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = line["pdus"][0].as_str().unwrap().to_owned();
            let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect::<Vec<u8>>()
        });
        let pdus: Vec<Vec<u8>> = pdus.collect();
        let tpdu = Tpdu::read(&pdus[0]).unwrap();
        let segment = Segment::read(tpdu.user_data).unwrap();
        assert_eq!((segment.ports.unwrap().destination, segment.data), (2948, &push[..]));
        let tpdu = Tpdu::read(&pdus[1]).unwrap();
        assert_eq!((tpdu.address.to_string().as_str(), tpdu.coding, tpdu.length), ("+358401234567", 0, 23));
    }

    #[test]
    fn routes_without_a_form_for_text_are_refused() {
        let pap = settings("name = \"a\"\nkind = \"pap\"\nurl = \"http://127.0.0.1:1/\"\n");
        assert_eq!(open_it(&pap, Path::new("")).unwrap_err().what, "the route cannot send text");
        let kannel = settings("name = \"a\"\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\npreset = \"kannel\"\n");
        let text = for_text(&kannel).unwrap();
        assert_eq!(text.request.unwrap().query["coding"], "0");
    }
}
