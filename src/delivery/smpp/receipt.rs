//! Receipts: what a centre says became of a message, in a deliver_sm (SMPP 3.4, appendix B and 5.3.2.35).
//!
//! ```text
//! id:7A01 sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:
//! ```
//!
//! Centres leave fields out, and some write the names in other cases. Where optional parameters say it too, they count.

use super::message::ShortMessage;
use super::tlv::tag;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The centre's name of the message.
    pub message_id: String,
    /// What became of it; `None` where the receipt does not say, or not in a word of the standard.
    pub state: Option<MessageState>,
    /// The network's code of why; empty where there is none.
    pub error: String,
    /// When it was so, as the centre wrote it, mostly `YYMMDDhhmm` in its own time; empty where it does not say.
    pub done_date: String,
    /// The receipt as it came, for people.
    pub text: String,
}

/// The states of a message (SMPP 3.4, 5.2.28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// On its way.
    Enroute,
    /// The handset has it.
    Delivered,
    /// Its validity ended before.
    Expired,
    /// It was taken out of the centre.
    Deleted,
    /// It cannot be delivered.
    Undeliverable,
    /// Somebody has read it on behalf of the subscriber.
    Accepted,
    /// The centre does not know.
    Unknown,
    /// The centre refused it.
    Rejected,
}

/// Number, word in texts, state, what it says.
const STATES: &[(u8, &str, MessageState, &str)] = &[
    (1, "ENROUTE", MessageState::Enroute, "the message is on its way"),
    (2, "DELIVRD", MessageState::Delivered, "the handset has the message"),
    (3, "EXPIRED", MessageState::Expired, "its validity ended before it could be delivered"),
    (4, "DELETED", MessageState::Deleted, "somebody took it out of the centre"),
    (5, "UNDELIV", MessageState::Undeliverable, "it cannot be delivered"),
    (6, "ACCEPTD", MessageState::Accepted, "somebody read it on behalf of the subscriber"),
    (7, "UNKNOWN", MessageState::Unknown, "the centre does not know what became of it"),
    (8, "REJECTD", MessageState::Rejected, "the centre refused it after it had taken it"),
];

impl MessageState {
    /// Returns the word that stands for it in texts.
    pub fn word(self) -> &'static str {
        STATES.iter().find(|row| row.2 == self).map_or("", |row| row.1)
    }

    /// Returns what it says, for people.
    pub fn meaning(self) -> &'static str {
        STATES.iter().find(|row| row.2 == self).map_or("", |row| row.3)
    }

    /// Reads the word, in any case. Some centres write it in full.
    pub fn of_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_uppercase();
        let is = |known: &str| word == known || (word.len() > known.len() && word.starts_with(&known[..5]));
        STATES.iter().find(|row| is(row.1)).map(|row| row.2)
    }
}

impl Receipt {
    /// Bits of esm_class that say what kind of message a deliver_sm is.
    const KIND: u8 = 0x3C;
    /// A receipt of the centre.
    const RECEIPT: u8 = 0x04;
    /// A notification on the way.
    const INTERMEDIATE: u8 = 0x20;
    /// The longest text kept; a receipt repeats at most 20 characters of the message.
    const MOST_TEXT: usize = 512;

    /// Reads a deliver_sm or data_sm as receipt; `None` where it is none. What is a receipt, esm_class or optional
    /// parameters say, which the centre writes: a subscriber who sends the text of one proves nothing.
    pub fn read(message: &ShortMessage) -> Option<Self> {
        let receipted = message.tlv(tag::RECEIPTED_MESSAGE_ID);
        let is_receipt = matches!(message.esm_class & Self::KIND, Self::RECEIPT | Self::INTERMEDIATE);
        if !is_receipt && receipted.is_none() {
            return None;
        }
        let data = message.user_data();
        let text: String = data.iter().take(Self::MOST_TEXT).copied().map(char::from).collect();
        let by_number = match message.tlv(tag::MESSAGE_STATE) {
            Some(&[number]) => STATES.iter().find(|row| row.0 == number).map(|row| row.2),
            _ => None,
        };
        let message_id = receipted.map(zero_ended).or_else(|| field(&text, "id").map(str::to_owned));
        Some(Self {
            message_id: message_id.filter(|id| !id.is_empty())?,
            state: by_number.or_else(|| field(&text, "stat").and_then(MessageState::of_word)),
            error: field(&text, "err").unwrap_or_default().to_owned(),
            done_date: field(&text, "done date").unwrap_or_default().to_owned(),
            text,
        })
    }
}

fn zero_ended(value: &[u8]) -> String {
    value.iter().take_while(|octet| **octet != 0).copied().map(char::from).collect()
}

/// Returns the value of `name:` in a receipt's text, which ends at a blank. What `text:` repeats is the message's own.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let lower = text.to_ascii_lowercase();
    let is_start = |at: &usize| *at == 0 || lower.as_bytes()[*at - 1] == b' ';
    let place_of = |key: &str| lower.match_indices(key).map(|(at, _)| at).find(is_start);
    let key = format!("{name}:");
    let (start, end) = (place_of(&key)? + key.len(), place_of("text:").unwrap_or(text.len()));
    text.get(start..end)?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::super::tlv::Tlv;
    use super::*;

    fn deliver(esm_class: u8, text: &str) -> ShortMessage {
        ShortMessage { esm_class, short_message: text.as_bytes().to_vec(), ..ShortMessage::default() }
    }

    /// The text is that of the standard's appendix B.
    #[test]
    fn reads_the_text_of_the_standard() {
        let text = "id:0123456789 sub:001 dlvrd:001 submit date:9805090131 done date:9805090132 stat:DELIVRD err:000 Text:id:9 stat:EXPIRED";
        let receipt = Receipt::read(&deliver(4, text)).expect("a receipt");
        assert_eq!((receipt.message_id.as_str(), receipt.state), ("0123456789", Some(MessageState::Delivered)));
        assert_eq!((receipt.error.as_str(), receipt.done_date.as_str()), ("000", "9805090132"));
    }

    #[test]
    fn parameters_count_more_than_the_text() {
        let mut message = deliver(0, "id:1 stat:DELIVRD");
        message.tlvs.push(Tlv { tag: tag::RECEIPTED_MESSAGE_ID, value: b"7A\0".to_vec() });
        message.tlvs.push(Tlv::octet(tag::MESSAGE_STATE, 5));
        let receipt = Receipt::read(&message).expect("a receipt");
        assert_eq!((receipt.message_id.as_str(), receipt.state), ("7A", Some(MessageState::Undeliverable)));
    }

    #[test]
    fn odd_receipts_and_what_is_none() {
        let read = |text: &str| Receipt::read(&deliver(4, text)).map(|receipt| (receipt.message_id, receipt.state));
        assert_eq!(read("ID:a STAT:delivered"), Some(("a".into(), Some(MessageState::Delivered))));
        assert_eq!(read("id:a stat:SOMEHOW"), Some(("a".into(), None)));
        assert_eq!(read("stat:DELIVRD"), None);
        assert_eq!(read("id: stat:DELIVRD"), None);
        assert_eq!(read(""), None);
        assert_eq!(Receipt::read(&deliver(0, "id:a stat:DELIVRD")), None);
    }

    #[test]
    fn states_have_one_word_each() {
        for (place, (number, word, state, meaning)) in STATES.iter().enumerate() {
            assert_eq!((usize::from(*number), state.word()), (place + 1, *word));
            assert_eq!((MessageState::of_word(word), state.meaning()), (Some(*state), *meaning));
        }
    }
}
