//! One short message by a route of campaigns, without a campaign: by them the IMPS server wakes clients.

use sha2::{Digest as _, Sha256};

use super::body::{Name, segments};
use super::route::{
    Body, Message, Needs, Outcome, Pace, Part, Preset, Receipt, Route, RouteKind, RouteSettings, Split, Surroundings,
    open,
};
use super::store::DueRow;
use crate::delivery::smpp::Form;
use crate::delivery::sms::Kind;
use crate::delivery::wdp::{Ports, Reference};
use crate::delivery::{Bearing, Outgoing, text};
use crate::error::{Error, Result};

/// A route for pushes and texts.
pub struct Single {
    pushes: Box<dyn Route>,
    /// Text goes in another coding, which a route is opened with.
    texts: Option<Box<dyn Route>>,
    seed: [u8; 32],
    sent: u64,
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Single").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl Single {
    /// Opens the route that a table describes. `seed` is drawn anew each time: by it the names of messages differ from those
    /// of earlier runs, which a gateway may still know.
    ///
    /// # Errors
    ///
    /// Fails where the route cannot be opened, and where it is to send text and has no form for it.
    pub fn open(
        settings: &RouteSettings,
        sends_text: bool,
        seed: [u8; 32],
        around: &mut Surroundings<'_>,
    ) -> Result<Self> {
        let mut settings = settings.clone();
        if settings.kind == RouteKind::Smpp {
            // Nobody waits for receipts here.
            settings.registered_delivery = Some(false);
        }
        let of_texts = sends_text.then(|| for_text(&settings)).transpose()?;
        let pushes = open(&settings, around)?;
        let texts = of_texts.map(|settings| open(&settings, around)).transpose()?;
        Ok(Self { pushes, texts, seed, sent: 0 })
    }

    /// Sends a push PDU to a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// Fails where the number is none, or the route as a whole does not work.
    pub fn push(&mut self, number: &str, push: &[u8]) -> Result<Outcome> {
        self.send(number, Ports::default(), push, Some(push))
    }

    /// Sends octets to a port of a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// As for [`Self::push`].
    pub fn octets(&mut self, number: &str, ports: Ports, octets: &[u8]) -> Result<Outcome> {
        self.send(number, ports, octets, None)
    }

    /// Sends a plain text ([`text::is_plain`]) to a port of a number, digits without `+`.
    ///
    /// # Errors
    ///
    /// As for [`Self::push`]; and where the route was not opened for texts.
    pub fn text(&mut self, number: &str, port: u16, what: &str) -> Result<Outcome> {
        let key = self.key(number, what.as_bytes());
        let name = name(&key, number)?;
        let ports = Ports { destination: port, source: port };
        let route = self.texts.as_mut().ok_or_else(|| Error::input("the route is not open for texts"))?;
        let body = match route.needs() {
            Needs::Line(_) => {
                let mut pdu = Vec::with_capacity(160);
                text::write_submit(name.address()?, ports, what, &mut pdu);
                Body::Line(name.line(&[Part::Pdus], None, None, std::iter::once(pdu.as_slice())))
            }
            Needs::Parts => Body::Parts(Box::new(name.parts(what.as_bytes(), vec![text::unpacked(ports, what)]))),
        };
        submit(&mut **route, name, body)
    }

    fn send(&mut self, number: &str, ports: Ports, octets: &[u8], push: Option<&[u8]>) -> Result<Outcome> {
        let key = self.key(number, octets);
        let name = name(&key, number)?;
        let reference = Reference::Short(key[0]);
        let body = match self.pushes.needs() {
            Needs::Line(wanted) => {
                let address = name.address()?;
                let mut outgoing = Outgoing::new();
                outgoing.adopt(octets);
                outgoing.split(&Bearing { address: &address, kind: Kind::SUBMIT, reference, ports, centre: None })?;
                // Only TPDUs say to which port other octets go.
                let wanted = if push.is_some() { wanted } else { vec![Part::Pdus] };
                Body::Line(name.line(&wanted, None, push, outgoing.pdus()))
            }
            Needs::Parts => Body::Parts(Box::new(name.parts(octets, segments(octets, ports, reference)))),
        };
        submit(&mut *self.pushes, name, body)
    }

    /// Returns the key of a message, which no other has.
    fn key(&mut self, number: &str, what: &[u8]) -> [u8; 32] {
        self.sent += 1;
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.sent.to_be_bytes());
        hash.chain_update(number).chain_update([0]).chain_update(what).finalize().into()
    }
}

fn name<'k>(key: &'k [u8; 32], number: &str) -> Result<Name<'k>> {
    let msisdn = number.parse().map_err(|_| Error::input(format!("`{number}` is no telephone number")))?;
    Ok(Name { key, msisdn, attempt: 1 })
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

fn submit(route: &mut dyn Route, name: Name<'_>, body: Body) -> Result<Outcome> {
    let row = DueRow { msisdn: name.msisdn, key: *name.key, ..DueRow::default() };
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

    fn open_it(settings: &RouteSettings, seed: u8, folder: &Path) -> Result<Single> {
        let mut secrets = |_: &_| Ok(String::new());
        let around = &mut Surroundings { folder, secrets: &mut secrets, log: Arc::new(|_| {}) };
        Single::open(settings, true, [seed; 32], around)
    }

    /// A route to a program that takes everything and keeps it in the file `lines`.
    fn keeper(more: &str) -> RouteSettings {
        let program = "while read -r line; do echo \"$line\" >> lines; ref=${line#*\\\"ref\\\":\\\"}; \
                       echo \"{\\\"ref\\\":\\\"${ref%%\\\"*}\\\",\\\"ok\\\":true}\"; done";
        let command = format!("command = [\"/bin/sh\", \"-c\", {}]", serde_json::Value::from(program));
        settings(&format!("name = \"own\"\nkind = \"exec\"\n{command}\n{more}\n"))
    }

    fn lines(folder: &Path) -> Vec<serde_json::Value> {
        let lines = std::fs::read_to_string(folder.join("lines")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn octets(hex: &serde_json::Value) -> Vec<u8> {
        let pairs = hex.as_str().unwrap().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    const PUSH: &[u8] = b"\x01\x06\x03\xC6\xAF\x8AWVCI 1.3 a1b2c3";
    const TAKEN: Outcome = Outcome::Taken { ids: vec![] };

    #[test]
    fn pushes_and_texts_go_out_as_tpdus() {
        let folder = tempfile::tempdir().unwrap();
        let mut single = open_it(&keeper(""), 1, folder.path()).unwrap();
        assert_eq!(single.push("358401234567", PUSH).unwrap(), TAKEN);
        assert_eq!(single.text("358401234567", 3716, "WVCI 1.3 a1b2c3").unwrap(), TAKEN);
        drop(single);
        let lines = lines(folder.path());
        let pdus: Vec<Vec<u8>> = lines.iter().map(|line| octets(&line["pdus"][0])).collect();
        let tpdu = Tpdu::read(&pdus[0]).unwrap();
        let segment = Segment::read(tpdu.user_data).unwrap();
        assert_eq!((segment.ports.unwrap().destination, segment.data), (2948, PUSH));
        let tpdu = Tpdu::read(&pdus[1]).unwrap();
        assert_eq!((tpdu.address.to_string().as_str(), tpdu.coding, tpdu.length), ("+358401234567", 0, 23));
    }

    #[test]
    fn a_push_is_said_in_the_parts_of_its_route_and_what_is_none_as_tpdus() {
        let folder = tempfile::tempdir().unwrap();
        let mut single = open_it(&keeper("parts = [\"push\", \"document\"]"), 1, folder.path()).unwrap();
        let ports = Ports { destination: 3717, source: 3717 };
        assert_eq!(single.push("358401234567", PUSH).unwrap(), TAKEN);
        assert_eq!(single.octets("358401234567", ports, b"WV13").unwrap(), TAKEN);
        drop(single);
        let lines = lines(folder.path());
        assert_eq!(octets(&lines[0]["push"]), PUSH);
        assert!(lines[0].get("pdus").is_none() && lines[0].get("document").is_none());
        let pdu = octets(&lines[1]["pdus"][0]);
        let segment = Segment::read(Tpdu::read(&pdu).unwrap().user_data).unwrap();
        assert_eq!((segment.ports.unwrap().destination, segment.data), (3717, &b"WV13"[..]));
        assert!(lines[1].get("push").is_none());
    }

    #[test]
    fn the_name_of_a_message_is_not_that_of_an_earlier_process() {
        let folder = tempfile::tempdir().unwrap();
        for seed in [1, 2] {
            let mut single = open_it(&keeper(""), seed, folder.path()).unwrap();
            for _ in 0..2 {
                assert_eq!(single.push("358401234567", PUSH).unwrap(), TAKEN);
            }
        }
        let mut names: Vec<String> = lines(folder.path()).iter().map(|line| line["ref"].to_string()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn routes_without_a_form_for_text_are_refused() {
        let pap = settings("name = \"a\"\nkind = \"pap\"\nurl = \"http://127.0.0.1:1/\"\n");
        assert_eq!(open_it(&pap, 1, Path::new("")).unwrap_err().what, "the route cannot send text");
        let kannel = settings("name = \"a\"\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\npreset = \"kannel\"\n");
        let text = for_text(&kannel).unwrap();
        assert_eq!(text.request.unwrap().query["coding"], "0");
    }
}
