//! The numbers of commands and their names.

/// The bit that makes a command_id the answer's.
pub(super) const RESPONSE: u32 = 0x8000_0000;
/// Are you there?
pub(super) const ENQUIRE_LINK: u32 = 0x15;
/// The session ends.
pub(super) const UNBIND: u32 = 0x06;
/// generic_nack answers what could not be understood, and so answers no command in particular.
pub(super) const GENERIC_NACK: u32 = RESPONSE;
/// alert_notification is a request without answer.
pub(super) const ALERT_NOTIFICATION: u32 = 0x102;

/// Returns whether the command is the answer to another.
pub fn is_response(command: u32) -> bool {
    command & RESPONSE != 0
}

/// The command that carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// To the centre.
    SubmitSm,
    /// From the centre: what a handset sent, or a receipt.
    DeliverSm,
    /// Either way, with the text in message_payload.
    DataSm,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SubmitSm, Self::DeliverSm, Self::DataSm];

    pub(super) fn command(self) -> u32 {
        match self {
            Self::SubmitSm => 0x04,
            Self::DeliverSm => 0x05,
            Self::DataSm => 0x103,
        }
    }
}

/// The commands of SMPP 3.4, 5.1.2.1; that of an answer has the highest bit set and `_resp` in its name.
const COMMANDS: &[(u32, &str)] = &[
    (0x0000_0001, "bind_receiver"),
    (0x8000_0001, "bind_receiver_resp"),
    (0x0000_0002, "bind_transmitter"),
    (0x8000_0002, "bind_transmitter_resp"),
    (0x0000_0003, "query_sm"),
    (0x8000_0003, "query_sm_resp"),
    (0x0000_0004, "submit_sm"),
    (0x8000_0004, "submit_sm_resp"),
    (0x0000_0005, "deliver_sm"),
    (0x8000_0005, "deliver_sm_resp"),
    (0x0000_0006, "unbind"),
    (0x8000_0006, "unbind_resp"),
    (0x0000_0007, "replace_sm"),
    (0x8000_0007, "replace_sm_resp"),
    (0x0000_0008, "cancel_sm"),
    (0x8000_0008, "cancel_sm_resp"),
    (0x0000_0009, "bind_transceiver"),
    (0x8000_0009, "bind_transceiver_resp"),
    (0x0000_000B, "outbind"),
    (0x0000_0015, "enquire_link"),
    (0x8000_0015, "enquire_link_resp"),
    (0x0000_0021, "submit_multi"),
    (0x8000_0021, "submit_multi_resp"),
    (0x0000_0102, "alert_notification"),
    (0x0000_0103, "data_sm"),
    (0x8000_0103, "data_sm_resp"),
    (0x8000_0000, "generic_nack"),
];

/// Returns the standard's name of a command; `unknown command` where it has none.
pub fn command_name(command: u32) -> &'static str {
    COMMANDS.iter().find(|(known, _)| *known == command).map_or("unknown command", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_one_name_each() {
        for (place, (command, name)) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..place].iter().all(|(other, text)| other != command && text != name), "{name}");
            assert_eq!(is_response(*command), name.ends_with("_resp") || *name == "generic_nack", "{name}");
        }
    }
}
