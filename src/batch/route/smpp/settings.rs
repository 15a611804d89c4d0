//! What a route of the kind `smpp` is told: the centre, the account, and the form of messages.

use std::time::Duration;

use zeroize::Zeroizing;

use super::super::{MessageIds, RouteSettings};
use super::session::Patience;
use crate::batch::store::Timestamp;
use crate::batch::units::DAY;
use crate::delivery::smpp::{Bind, Body, Carrier, Form, Mode, Pdu, ShortMessage, SmeAddress, VERSION};
use crate::error::{Error, Result};

/// Silence after which a centre is asked whether it is there: many end a session after a minute.
const IDLE: Timestamp = 30;
/// The longest validity: what a relative time says in days.
const MOST_DAYS: Timestamp = 30;
/// Octets, in the form that centres pass on to handsets as such.
const BINARY: u8 = 4;

/// A route's settings, checked.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where the centre is.
    pub(super) address: String,
    /// Who we are.
    pub(super) bind: Bind,
    /// A message without handset and text.
    pub(super) template: ShortMessage,
    /// How a push is cut.
    pub(super) form: Form,
    /// How names are written.
    pub(super) ids: MessageIds,
    /// How long things may take.
    pub(super) patience: Patience,
}

impl Settings {
    /// Reads the keys of a route.
    pub(super) fn of(route: &RouteSettings, password: Zeroizing<String>) -> Result<Self> {
        let at = |error: Error| error.at(format!("route `{}`", route.name));
        let needed = |key: &str, value: &Option<String>| {
            let missing = || at(Error::input(format!("a route of the kind `smpp` needs `{key}`")));
            value.clone().filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        let mode = route.bind.unwrap_or(Mode::Transceiver);
        if mode == Mode::Receiver {
            return Err(at(Error::input("a receiver sends nothing")).help("set `bind` to transceiver or transmitter"));
        }
        let bind = Bind {
            mode,
            system_id: needed("system_id", &route.system_id)?,
            password,
            system_type: route.system_type.clone().unwrap_or_default(),
            interface_version: VERSION,
            range: SmeAddress::default(),
        };
        let receipts = route.registered_delivery.unwrap_or(mode == Mode::Transceiver);
        let mut source = SmeAddress::read_text(&needed("source", &route.source)?).map_err(at)?;
        source.ton = route.source_ton.unwrap_or(source.ton);
        source.npi = route.source_npi.unwrap_or(source.npi);
        let template = ShortMessage {
            service_type: route.service_type.clone().unwrap_or_default(),
            source,
            esm_class: route.esm_class.unwrap_or_default(),
            validity_period: route.validity.map(relative).transpose().map_err(at)?.unwrap_or_default(),
            registered_delivery: u8::from(receipts),
            data_coding: route.data_coding.unwrap_or(BINARY),
            ..ShortMessage::default()
        };
        let seconds = |seconds: Timestamp| Duration::from_secs(seconds.unsigned_abs());
        let patience = Patience {
            answer: seconds(route.timeout),
            idle: seconds(route.enquire_link.unwrap_or(IDLE).clamp(1, DAY)),
        };
        let settings = Self {
            address: needed("address", &route.address)?,
            bind,
            template,
            form: route.form.unwrap_or_default(),
            ids: route.message_ids.unwrap_or_default(),
            patience,
        };
        settings.check().map_err(at)?;
        Ok(settings)
    }

    /// Makes sure that each text fits its field, before anything is sent.
    fn check(&self) -> Result<()> {
        if self.template.esm_class & !(ShortMessage::UDHI | 0x03) != 0 {
            let wrong = Error::input(format!("`esm_class` is {}", self.template.esm_class));
            return Err(wrong.help("give the mode alone: 0 default, 1 datagram, 2 forward, 3 store and forward"));
        }
        let bodies = [
            Body::Bind(Box::new(self.bind.clone())),
            Body::Message(Carrier::SubmitSm, Box::new(self.template.clone())),
        ];
        for body in bodies {
            let mut octets = Zeroizing::new(Vec::with_capacity(512));
            Pdu::request(1, body).write(&mut octets).map_err(|fault| Error::input(fault.what))?;
        }
        Ok(())
    }
}

/// Returns a period in seconds as SMPP writes it: `YYMMDDhhmmss000R`.
fn relative(seconds: Timestamp) -> Result<String> {
    if !(60..=MOST_DAYS * DAY).contains(&seconds) {
        return Err(Error::input(format!("`validity` is not between 1 minute and {MOST_DAYS} days")));
    }
    let (days, rest) = (seconds / DAY, seconds % DAY);
    Ok(format!("0000{days:02}{:02}{:02}{:02}000R", rest / 3600, rest % 3600 / 60, rest % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form is that of SMPP 3.4, 7.1.1.1: two days and three hours.
    #[test]
    fn validity_is_a_relative_time() {
        assert_eq!(relative(2 * DAY + 3 * 3600).as_deref(), Ok("000002030000000R"));
        assert!(relative(59).is_err() && relative(31 * DAY).is_err());
    }

    #[test]
    fn names_in_two_notations_are_one() {
        let ids = MessageIds::HexDecimal;
        assert_eq!((ids.of_answer("0A1B"), ids.of_receipt("0000002587")), ("2587".into(), "2587".into()));
        assert_eq!(MessageIds::DecimalHex.of_receipt("a1b"), "2587");
        assert_eq!(ids.of_answer("no number"), "no number");
        assert_eq!(MessageIds::Same.of_answer("0A1B "), "0A1B");
    }
}
