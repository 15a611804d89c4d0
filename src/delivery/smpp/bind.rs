//! Who wants a session with a centre, and what for.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::message::SmeAddress;
use super::octets::{Malformed, Reader, Writer};

/// The version that a bind names: 3.4.
pub const VERSION: u8 = 0x34;

/// Octets of a system_id, its zero included.
pub(super) const MOST_SYSTEM_ID: usize = 16;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Messages come from the centre.
    Receiver,
    /// Messages go to the centre.
    Transmitter,
    /// Both.
    Transceiver,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Receiver, Self::Transmitter, Self::Transceiver];

    pub(super) fn command(self) -> u32 {
        match self {
            Self::Receiver => 0x01,
            Self::Transmitter => 0x02,
            Self::Transceiver => 0x09,
        }
    }
}

/// Who wants a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Bind {
    /// What the session is for.
    pub mode: Mode,
    /// The name of the account, at most 15 characters.
    pub system_id: String,
    /// Its password. The standard has at most 8 characters; centres with longer ones exist, so that 64 are read.
    pub password: Zeroizing<String>,
    /// What kind of system it is, as the centre wants it; mostly empty. At most 12 characters.
    pub system_type: String,
    /// The version of the protocol; [`VERSION`].
    pub interface_version: u8,
    /// Type of number, numbering plan and pattern of the addresses served; mostly 0, 0 and empty.
    pub range: SmeAddress,
}

/// The password stays out of it.
impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, system_id, system_type, interface_version, range, .. } = self;
        write!(f, "Bind({mode:?}, {system_id:?}, …, {system_type:?}, {interface_version:#04x}, {range:?})")
    }
}

impl Bind {
    /// Octets of a password, its zero included.
    const MOST_PASSWORD: usize = 65;

    pub(super) fn read(mode: Mode, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            mode,
            system_id: reader.text("system_id", MOST_SYSTEM_ID)?,
            password: Zeroizing::new(reader.text("password", Self::MOST_PASSWORD)?),
            system_type: reader.text("system_type", 13)?,
            interface_version: reader.octet("interface_version")?,
            range: SmeAddress::read(reader, "address_range", 41)?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), Malformed> {
        writer.text("system_id", &self.system_id, MOST_SYSTEM_ID)?;
        writer.text("password", &self.password, Self::MOST_PASSWORD)?;
        writer.text("system_type", &self.system_type, 13)?;
        writer.octet(self.interface_version);
        self.range.write(writer, "address_range", 41)
    }
}
