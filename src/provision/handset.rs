//! A handset: what differs from one to the next, taken from a row of a table or from options.

use std::borrow::Cow;

use super::rows;
use super::rows::{BAD_IMSI, BAD_NUMBER, BAD_VALUE, MISSING_VALUE};
use crate::cp::mac::{Imsi, Pin, Security};
use crate::diagnose::Rule;
use crate::error::Error;

/// One handset's values. Everything is empty where it is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handset<'r> {
    /// The number, digits only: E.164 without `+`.
    pub msisdn: Cow<'r, str>,
    /// The identity of the subscriber's card.
    pub imsi: Cow<'r, str>,
    /// The PIN that the user was told.
    pub pin: Cow<'r, str>,
    /// The model, for the choice of a variant and a device pack.
    pub model: Cow<'r, str>,
    /// The type allocation code, or the IMEI that begins with it: what a pack is chosen by where there is no model.
    pub equipment: Cow<'r, str>,
    /// The values of a profile's slots, by number.
    pub values: Vec<Cow<'r, str>>,
}

/// What is wrong with a handset's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadHandset {
    /// The rule: CSV003, CSV004, CSV006, CSV009, PRF004, or QRK001 to QRK004.
    pub rule: &'static Rule,
    /// The column or key that is at fault.
    pub column: String,
    /// What is wrong.
    pub message: String,
}

impl BadHandset {
    pub(super) fn new(rule: &'static Rule, column: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, column: column.into(), message: message.into() }
    }

    pub(super) fn missing(column: &str) -> Self {
        Self::new(&MISSING_VALUE, column, format!("`{column}` is empty, but the profile uses it"))
    }

    pub(super) fn value(column: &str, why: &str) -> Self {
        Self::new(&BAD_VALUE, column, format!("`{column}` {why}"))
    }
}

impl Handset<'_> {
    /// Returns what a variant and a device pack are chosen by; `None` where the row says nothing of the handset.
    pub fn kind(&self) -> Option<&str> {
        [self.model.as_ref(), self.equipment.as_ref()].into_iter().find(|word| !word.is_empty())
    }

    /// Checks number, IMSI and PIN where they are given. Values of slots are checked when a template is filled.
    ///
    /// # Errors
    ///
    /// Says which is wrong, with the rule of subscriber tables.
    pub fn check(&self) -> Result<(), BadHandset> {
        let digits = |text: &str, least, most| {
            text.is_empty() || ((least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
        };
        if !self.msisdn.is_empty() && rows::number(&self.msisdn).is_none() {
            let message = "the number is not one of 7 to 15 digits with a country code, without spaces and dashes";
            return Err(BadHandset::new(&BAD_NUMBER, "msisdn", message));
        }
        if !digits(&self.imsi, 14, 15) {
            return Err(BadHandset::new(&BAD_IMSI, "imsi", "the IMSI does not have 14 or 15 digits"));
        }
        if !digits(&self.pin, 4, 20) {
            return Err(BadHandset::value("pin", "must be 4 to 20 digits"));
        }
        Ok(())
    }

    /// Returns the secrets that a seal needs, PIN and IMSI; `given` says which of them come from elsewhere.
    ///
    /// # Errors
    ///
    /// Says which is missing or wrong.
    pub fn secrets(
        &self,
        seal: Option<Security>,
        given: (bool, bool),
    ) -> Result<(Option<Pin>, Option<Imsi>), BadHandset> {
        let Some(security) = seal else { return Ok((None, None)) };
        let missing = |column: &str| {
            let message = format!("`{column}` is empty, but the seal {} needs it", security.name());
            BadHandset::new(&MISSING_VALUE, column, message)
        };
        let wrong =
            |column: &str, error: &Error| BadHandset::new(&BAD_VALUE, column, format!("`{column}`: {}", error.what));
        let pin = match self.pin.as_ref() {
            _ if !security.needs_pin() || given.0 => None,
            "" => return Err(missing("pin")),
            pin => Some(Pin::read(pin).map_err(|error| wrong("pin", &error))?),
        };
        let imsi = match self.imsi.as_ref() {
            _ if !security.needs_imsi() || given.1 => None,
            "" => return Err(missing("imsi")),
            imsi => Some(Imsi::read(imsi).map_err(|error| wrong("imsi", &error))?),
        };
        Ok((pin, imsi))
    }
}

/// Returns the number without its country code; the whole number where it is too short to have one.
pub(super) fn national(msisdn: &str) -> &str {
    msisdn.get(country_code_length(msisdn)..).unwrap_or(msisdn)
}

/// Returns the mobile country code of an IMSI.
pub(super) fn country(imsi: &str) -> &str {
    imsi.get(..3).unwrap_or_default()
}

/// Returns the mobile network code of an IMSI: three digits in the countries that use them, else two (E.212).
pub(super) fn network(imsi: &str) -> &str {
    const THREE: &[&str] = &[
        "302", "310", "311", "312", "313", "314", "315", "316", "334", "338", "342", "344", "346", "348", "352", "354",
        "356", "358", "360", "365", "366", "376", "708", "722", "732",
    ];
    let end = if THREE.contains(&country(imsi)) { 6 } else { 5 };
    imsi.get(3..end).unwrap_or_default()
}

/// Returns how many digits the country code of an E.164 number has: 1 in the zones 1 and 7, 2 for the codes listed,
/// else 3.
fn country_code_length(msisdn: &str) -> usize {
    const TWO: &[&str] = &[
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    match msisdn.get(..2) {
        Some(start) if start.starts_with(['1', '7']) => 1,
        Some(start) if TWO.contains(&start) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Country codes as ITU-T E.164 lists them; test networks 001 and 310 as in E.212.
    #[test]
    fn takes_numbers_and_identities_apart() {
        assert_eq!(national("46701234567"), "701234567");
        assert_eq!(national("358401234567"), "401234567");
        assert_eq!(national("12025550123"), "2025550123");
        assert_eq!((country("310170123456789"), network("310170123456789")), ("310", "170"));
        assert_eq!((country("001010123456789"), network("001010123456789")), ("001", "01"));
        assert_eq!(network("31"), "");
    }
}
