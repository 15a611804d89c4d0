//! What a handset does with the parts of a message: joins them, opens the push, verifies the seal with its own secrets.

use super::sms::Tpdu;
use super::wdp::{Joined, Reassembly, Segment};
use super::wsp::Push;
use crate::cp::mac::{Imsi, Key, Mac, Pin, Security};
use crate::diagnose::Report;

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The document, octet for octet as it was sealed.
    pub body: Vec<u8>,
    /// How it was sealed.
    pub security: Option<Security>,
    /// The seal, where one travels with the message.
    pub mac: Option<Mac>,
}

/// Receives the TPDUs of one message in whatever order they come, with repeats.
///
/// # Errors
///
/// Says why a handset drops the message: a part that cannot be read or is missing, or a seal that is not right.
pub fn receive<'p>(
    pdus: impl IntoIterator<Item = &'p [u8]>,
    pin: Option<&Pin>,
    imsi: Option<&Imsi>,
) -> Result<Received, &'static str> {
    let mut reassembly = Reassembly::new();
    let mut whole = None;
    for pdu in pdus {
        let tpdu = Tpdu::read(pdu).map_err(|_| "a PDU cannot be read")?;
        let segment = Segment::read(tpdu.user_data).map_err(|_| "the user data header cannot be read")?;
        match reassembly.add(tpdu.address.as_octets(), &segment) {
            Joined::Whole(octets) => whole = Some(octets),
            Joined::Waiting | Joined::Repeated => {}
            Joined::Refused(why) => return Err(why),
        }
    }
    let octets = whole.ok_or("a part is missing")?;
    let push = Push::read(&octets, &mut Report::new()).ok_or("the push cannot be read")?;
    let security = push.security();
    if push.sec.is_some() && security.is_none() {
        return Err("the security method is not known");
    }
    let mac = push.mac.and_then(Mac::from_hex);
    if let Some(security) = security.filter(|security| security.carries_mac()) {
        let key = Key::new(security, pin, imsi).ok_or("the handset has no key for the seal")?;
        if !mac.is_some_and(|mac| key.verifies(push.body, &mac)) {
            return Err("the seal is not right");
        }
    }
    Ok(Received { body: push.body.to_owned(), security, mac })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::sms::{Address, Kind};
    use crate::delivery::wdp::{Ports, Reference};
    use crate::delivery::{Bearing, Outgoing};

    #[test]
    fn takes_parts_in_any_order_and_only_its_own_seal() {
        let pin = Pin::read("1234").unwrap();
        let key = Key::new(Security::UserPin, Some(&pin), None).unwrap();
        let address = Address::read_text("+358401234567").unwrap();
        let body = [0x42; 300];
        let mut outgoing = Outgoing::new();
        outgoing.seal(1, &body, Some((Security::UserPin, &key)));
        let reference = Reference::Short(7);
        outgoing
            .split(&Bearing { address: &address, kind: Kind::SUBMIT, reference, ports: Ports::default(), centre: None })
            .unwrap();
        let parts: Vec<&[u8]> = outgoing.pdus().collect();
        let shuffled = [parts[2], parts[0], parts[0], parts[1]];
        assert_eq!(receive(shuffled, Some(&pin), None).unwrap().body, body);
        assert_eq!(receive([parts[0], parts[2]], Some(&pin), None), Err("a part is missing"));
        let other = Pin::read("4321").unwrap();
        assert_eq!(receive(parts, Some(&other), None), Err("the seal is not right"));
    }
}
