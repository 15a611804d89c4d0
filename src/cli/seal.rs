//! How a document is sealed as a push and split into SMS: options that several commands share.

use clap::{Args, ValueEnum};
use impskit::batch::audit::{Object, What};
use impskit::cp::mac::{Imsi, Key, NetworkKey, Pin, Security};
use impskit::delivery::sms::{Address, CentreTime, Kind, Validity};
use impskit::delivery::wdp::{Ports, Reference};
use impskit::delivery::wsp::Content;
use impskit::delivery::{Bearing, Outgoing};
use impskit::document::{LOWER_HEX, put_hex};
use impskit::error::{Error, Result};
use sha2::{Digest as _, Sha256};

use super::secret::SecretOptions;
use super::{Ui, audit};

/// How a push is sealed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sealing")]
pub(crate) struct SealOptions {
    /// The security method, in place of the profile's
    #[arg(long, value_name = "METHOD", value_parser = security)]
    sec: Option<Method>,
    /// Print what must stay secret where a person needs it: the digits that USERPINMAC asks for
    #[arg(long)]
    show_secrets: bool,
    /// What the IMSI is as the key of a DM bootstrap, which the standard leaves open
    #[arg(long, value_name = "FORM", default_value = "octets")]
    network_key: NetworkForm,
    #[command(flatten)]
    pub(crate) secrets: SecretOptions,
}

/// What an IMSI is as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NetworkForm {
    /// The octets in which a SIM keeps it
    Octets,
    /// Its decimal digits
    Digits,
}

/// A security method, or none.
#[derive(Debug, Clone, Copy)]
struct Method(Option<Security>);

fn security(word: &str) -> std::result::Result<Method, String> {
    match word {
        "none" => Ok(Method(None)),
        _ => Security::from_name(word)
            .map(|security| Method(Some(security)))
            .ok_or_else(|| "write userpin, netwpin, usernetwpin, userpinmac or none".to_owned()),
    }
}

/// The secrets of one command, read once.
#[derive(Debug, Clone)]
pub(crate) struct Seal {
    method: Option<Option<Security>>,
    pin: Option<Pin>,
    imsi: Option<Imsi>,
    show_secrets: bool,
    network_key: NetworkKey,
}

impl SealOptions {
    /// Returns the method that is asked for.
    pub(crate) fn asked(&self) -> Option<Option<Security>> {
        self.sec.map(|method| method.0)
    }

    /// Reads PIN and IMSI from where the options say.
    pub(crate) fn read(&self, ui: &mut Ui) -> Result<Seal> {
        Ok(Seal {
            method: self.asked(),
            pin: self.secrets.pin(ui)?,
            imsi: self.secrets.imsi(ui)?,
            show_secrets: self.show_secrets,
            network_key: match self.network_key {
                NetworkForm::Octets => NetworkKey::Octets,
                NetworkForm::Digits => NetworkKey::Digits,
            },
        })
    }
}

impl Seal {
    /// Returns the method: the option's, else the profile's.
    pub(crate) fn method(&self, profile: Option<Option<Security>>) -> Result<Option<Security>> {
        self.method.or(profile).ok_or_else(|| {
            Error::input("nothing says how the push is sealed")
                .help("use `--sec netwpin` or another method, or `--sec none` for a push that few handsets believe")
        })
    }

    /// Returns the method that the options ask for, whatever the profile says.
    pub(crate) fn asked(&self) -> Option<Option<Security>> {
        self.method
    }

    /// Returns whether the options give a PIN, and an IMSI, for all rows.
    #[cfg(feature = "server")]
    pub(crate) fn given(&self) -> (bool, bool) {
        (self.pin.is_some(), self.imsi.is_some())
    }

    /// Seals a document. `pin` and `imsi` are the handset's own, used where the options give none.
    pub(crate) fn seal(
        &self,
        (content, document): (Content, &[u8]),
        method: Option<Security>,
        pin: &str,
        imsi: &str,
        outgoing: &mut Outgoing,
    ) -> Result<()> {
        let Some(method) = method else {
            outgoing.seal_as(content, TRANSACTION, document, None);
            return Ok(());
        };
        let key = self.key(content, method, pin, imsi)?;
        outgoing.seal_as(content, TRANSACTION, document, Some((method, &key)));
        Ok(())
    }

    /// Returns the secrets that a method needs: those of the options, else the handset's own.
    pub(crate) fn secrets(&self, method: Security, pin: &str, imsi: &str) -> Result<(Option<Pin>, Option<Imsi>)> {
        let pin = match &self.pin {
            None if !pin.is_empty() && method.needs_pin() => Some(Pin::read(pin)?),
            given => given.clone(),
        };
        let imsi = match &self.imsi {
            None if !imsi.is_empty() && method.needs_imsi() => Some(Imsi::read(imsi)?),
            given => given.clone(),
        };
        Ok((pin, imsi))
    }

    fn key(&self, content: Content, method: Security, pin: &str, imsi: &str) -> Result<Key> {
        if content == Content::Management && method.dm_name().is_none() {
            return Err(Error::input(format!("a DM message is not sealed with {}", method.name()))
                .help("use `--sec networkid`, `userpin` or `userpin_networkid`"));
        }
        let (pin, imsi) = self.secrets(method, pin, imsi)?;
        let key = match content {
            // A call for a poll is sealed by nobody.
            Content::Provisioning | Content::Initiation => Key::new(method, pin.as_ref(), imsi.as_ref()),
            Content::Management => Key::of_dm(method, pin.as_ref(), imsi.as_ref(), self.network_key),
        };
        key.ok_or_else(|| {
            let lacks_pin = method.needs_pin() && pin.is_none();
            let (what, help) = if lacks_pin {
                ("a PIN", "use `--pin-file FILE`, `--pin-env NAME`, a column `pin`, or `push.pin` in the profile")
            } else {
                ("an IMSI", "use `--imsi N`, `--imsi-file FILE`, or a column `imsi`")
            };
            Error::input(format!("{} needs {what}", method.name())).help(help)
        })
    }

    /// Tells what the user has to type for USERPINMAC, which no message carries.
    pub(crate) fn tell_digits(&self, document: &[u8], method: Option<Security>, pin: &str, ui: &mut Ui) -> Result<()> {
        if method != Some(Security::UserPinMac) {
            return Ok(());
        }
        if !self.show_secrets {
            ui.say("note: the user types digits that are made of PIN and document: `--show-secrets` prints them");
            return Ok(());
        }
        let mac = self.key(Content::Provisioning, Security::UserPinMac, pin, "")?.mac(document);
        let pin = self.pin.clone().map_or_else(|| Pin::read(pin), Ok)?;
        let object = Object::Document(Sha256::digest(document).into());
        audit::note(ui, What::SecretPrint, object, Some("the digits to type for USERPINMAC"))?;
        ui.say(&format!("the user types {}", *mac.digits_to_type(&pin)));
        Ok(())
    }
}

/// The transaction identifier of pushes; nothing looks at it on a connectionless bearer.
const TRANSACTION: u8 = 1;

/// How a push is split into SMS.
#[derive(Debug, Args)]
#[command(next_help_heading = "SMS")]
pub(crate) struct SmsOptions {
    /// The handset's number; the row's where absent
    #[arg(long, value_name = "NUMBER", value_parser = address)]
    to: Option<Address>,
    /// The sender that DELIVER shows; for DM commands the tree of the device, so that only what differs is changed, or
    /// `new` for an empty device
    #[arg(long, value_name = "NUMBER|TREE")]
    pub(crate) from: Option<String>,
    /// The service centre, written before each PDU; `modem` for the modem's own
    #[arg(long, value_name = "NUMBER", value_parser = centre)]
    smsc: Option<Centre>,
    /// The reference that the parts have in common; made of document and number where absent
    #[arg(long = "ref", value_name = "N")]
    reference: Option<u16>,
    /// Use a reference of 16 bits
    #[arg(long)]
    ref16: bool,
    /// The handset's port and the sender's
    #[arg(long, value_name = "TO,FROM", value_parser = ports, default_value = "2948,9200")]
    ports: Ports,
    /// How long the centre keeps trying: `30m`, `24h`, `3d`
    #[arg(long, value_name = "TIME", value_parser = validity, default_value = "1d")]
    validity: Validity,
    /// Ask for a delivery receipt
    #[arg(long)]
    receipt: bool,
    /// What is written of each SMS
    #[arg(long, value_name = "LAYOUT", default_value = "submit")]
    layout: Layout,
}

/// What is written of each SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// An object a line with all of it
    Jsonl,
    /// The user data with its header, in hexadecimal
    Hex,
    /// Commands for a modem
    At,
    /// SMS-SUBMIT, in hexadecimal
    Submit,
    /// SMS-DELIVER, in hexadecimal
    Deliver,
}

#[derive(Debug, Clone, Copy)]
struct Centre(Option<Address>);

fn address(text: &str) -> std::result::Result<Address, String> {
    Address::read_text(text).map_err(|error| error.what)
}

fn centre(text: &str) -> std::result::Result<Centre, String> {
    if text == "modem" { Ok(Centre(None)) } else { address(text).map(|address| Centre(Some(address))) }
}

fn ports(text: &str) -> std::result::Result<Ports, String> {
    let wrong = || "write two ports such as 2948,9200".to_owned();
    let (destination, source) = text.split_once(',').ok_or_else(wrong)?;
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
    Ok(Ports { destination: port(destination)?, source: port(source)? })
}

fn validity(text: &str) -> std::result::Result<Validity, String> {
    let wrong = || "write a number and m, h, d or w, such as 24h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Validity::minutes(number.saturating_mul(minutes)))
}

impl SmsOptions {
    /// Splits the push; `number` is the row's, used where the options give none.
    pub(crate) fn split(&self, number: &str, outgoing: &mut Outgoing) -> Result<()> {
        let to = self.to(number)?;
        let deliver = self.layout == Layout::Deliver;
        let address = if deliver {
            let sender = self.from.as_ref().ok_or_else(|| {
                Error::input("an SMS-DELIVER shows who sent it").help("use `--from NUMBER` with a number or a word")
            })?;
            Address::read_text(sender)?
        } else {
            to
        };
        let kind = if deliver {
            Kind::Deliver { more: false, receipt: self.receipt, time: NO_CLOCK.octets() }
        } else {
            Kind::Submit { reference: 0, validity: self.validity, receipt: self.receipt, reject_duplicates: false }
        };
        let given = self.to.map(|to| to.to_string());
        let digits = given.as_deref().map_or(number, |to| to.trim_start_matches('+'));
        let reference = self.reference(digits, outgoing)?;
        let own = (self.layout == Layout::At).then_some(Centre(None));
        let centre = self.smsc.or(own);
        let centre = centre.as_ref().map(|centre| centre.0.as_ref());
        outgoing.split(&Bearing { address: &address, kind, reference, ports: self.ports, centre })
    }

    /// Returns what the parts have in common: what is asked for, else what follows from number and document.
    fn reference(&self, digits: &str, outgoing: &Outgoing) -> Result<Reference> {
        let reference = match (self.reference, self.ref16) {
            (Some(reference), true) => Reference::Long(reference),
            (Some(reference), false) => match u8::try_from(reference) {
                Ok(reference) => Reference::Short(reference),
                Err(_) => {
                    return Err(Error::input(format!("the reference {reference} takes 16 bits")).help("add `--ref16`"));
                }
            },
            (None, is_long) => {
                let octets = outgoing.reference(digits);
                if is_long { Reference::Long(u16::from_be_bytes(octets)) } else { Reference::Short(octets[0]) }
            }
        };
        Ok(reference)
    }

    /// Returns whom a message is for: the option's number, else the row's.
    pub(crate) fn to(&self, number: &str) -> Result<Address> {
        match &self.to {
            Some(to) => Ok(*to),
            None if !number.is_empty() => Address::read_text(&format!("+{number}")),
            None => {
                Err(Error::input("nothing says whom the message is for")
                    .help("use `--to +NUMBER`, or a column `msisdn`"))
            }
        }
    }

    /// Returns whether the layout is the PDUs themselves.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.layout, Layout::Submit | Layout::Deliver)
    }

    /// Returns the texts of the SMS in the layout, one an SMS.
    pub(crate) fn texts(&self, outgoing: &Outgoing) -> Vec<String> {
        let count = outgoing.pdus().len();
        let text = |(place, pdu): (usize, &[u8])| match self.layout {
            Layout::Submit | Layout::Deliver => hex(pdu),
            Layout::Hex => hex(self.user_data(pdu)),
            Layout::At => {
                let centre = usize::from(pdu.first().copied().unwrap_or_default()) + 1;
                format!("AT+CMGS={}\r{}\u{1A}", pdu.len().saturating_sub(centre), hex(pdu))
            }
            Layout::Jsonl => {
                let part = place + 1;
                let (pdu, data) = (hex(pdu), hex(self.user_data(pdu)));
                format!(
                    "{{\"schema\":\"impskit.sms/1\",\"part\":{part},\"of\":{count},\"submit\":\"{pdu}\",\"data\":\"{data}\"}}"
                )
            }
        };
        outgoing.pdus().enumerate().map(text).collect()
    }

    /// Returns the user data at the end of a PDU.
    fn user_data<'p>(&self, pdu: &'p [u8]) -> &'p [u8] {
        let centre = match self.smsc {
            Some(_) => usize::from(pdu.first().copied().unwrap_or_default()) + 1,
            None => 0,
        };
        let tpdu = pdu.get(centre..).unwrap_or_default();
        let length = impskit::delivery::sms::Tpdu::read(tpdu).map_or(0, |tpdu| tpdu.user_data.len());
        pdu.get(pdu.len().saturating_sub(length)..).unwrap_or_default()
    }
}

/// The time in a DELIVER that no centre has stamped.
const NO_CLOCK: CentreTime = CentreTime { fields: [0, 1, 1, 0, 0, 0], quarters: 0 };

/// Returns octets as hexadecimal digits in lower case.
pub(crate) fn hex(octets: &[u8]) -> String {
    let mut digits = Vec::new();
    put_hex(octets, LOWER_HEX, &mut digits);
    digits.into_iter().map(char::from).collect()
}
