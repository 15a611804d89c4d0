//! Names of messages in the form in which they are compared: answers and receipts may write them in different ways.

use super::MessageIds;

impl MessageIds {
    /// Returns the name of an answer in the form in which names are compared.
    #[cfg(feature = "smpp")]
    pub(in crate::batch) fn of_answer(self, id: &str) -> String {
        match self {
            Self::Same => id.trim().to_owned(),
            Self::HexDecimal => number(id, 16),
            Self::DecimalHex => number(id, 10),
        }
    }

    /// Returns the name in a receipt in that form.
    pub(in crate::batch) fn of_receipt(self, id: &str) -> String {
        match self {
            Self::Same => id.trim().to_owned(),
            Self::HexDecimal => number(id, 10),
            Self::DecimalHex => number(id, 16),
        }
    }
}

/// Returns a number in decimal; what is no number stays as it is.
fn number(id: &str, radix: u32) -> String {
    u128::from_str_radix(id.trim(), radix).map_or_else(|_| id.trim().to_owned(), |number| number.to_string())
}
