//! Optional parameters: tag, length, value (SMPP 3.4, 5.3).

/// One optional parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlv {
    /// What it is; [`tag`] names those that are used here.
    pub tag: u16,
    /// Its value.
    pub value: Vec<u8>,
}

impl Tlv {
    /// Returns a parameter whose value is an octet.
    pub fn octet(tag: u16, value: u8) -> Self {
        Self { tag, value: vec![value] }
    }

    /// Returns a parameter whose value is a number of two octets.
    pub fn number(tag: u16, value: u16) -> Self {
        Self { tag, value: value.to_be_bytes().to_vec() }
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $constant:ident = $tag:literal $name:literal;)*) => {
        /// Tags of optional parameters.
        pub mod tag {
            $($(#[$doc])* pub const $constant: u16 = $tag;)*
        }

        /// Returns the standard's name of a tag, where it is one of [`tag`].
        pub fn tlv_name(tag: u16) -> Option<&'static str> {
            match tag {
                $($tag => Some($name),)*
                _ => None,
            }
        }
    };
}

tags! {
    /// Text that says more of a failed delivery.
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D "additional_status_info_text";
    /// The message_id that a receipt is of.
    RECEIPTED_MESSAGE_ID = 0x001E "receipted_message_id";
    /// The sender's own number of the message.
    USER_MESSAGE_REFERENCE = 0x0204 "user_message_reference";
    /// The port that it comes from.
    SOURCE_PORT = 0x020A "source_port";
    /// The port that it goes to.
    DESTINATION_PORT = 0x020B "destination_port";
    /// What the parts of one message have in common.
    SAR_MSG_REF_NUM = 0x020C "sar_msg_ref_num";
    /// How many parts it has.
    SAR_TOTAL_SEGMENTS = 0x020E "sar_total_segments";
    /// Which part it is, from 1.
    SAR_SEGMENT_SEQNUM = 0x020F "sar_segment_seqnum";
    /// The version of the centre.
    SC_INTERFACE_VERSION = 0x0210 "sc_interface_version";
    /// Whether more messages come.
    MORE_MESSAGES_TO_SEND = 0x0426 "more_messages_to_send";
    /// The error of the network behind the centre.
    NETWORK_ERROR_CODE = 0x0423 "network_error_code";
    /// The message, where it is longer than 254 octets.
    MESSAGE_PAYLOAD = 0x0424 "message_payload";
    /// Why data_sm was not delivered.
    DELIVERY_FAILURE_REASON = 0x0425 "delivery_failure_reason";
    /// What became of the message that a receipt is of.
    MESSAGE_STATE = 0x0427 "message_state";
}
