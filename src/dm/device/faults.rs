//! Why a device refuses a command, and the status that says so: the table, and its order.

use std::fmt;

use super::super::uri::Uri;

macro_rules! faults {
    ($($row:literal $code:literal $fault:ident, $text:literal, $help:literal;)*) => {
        /// A fault: what is wrong with a command (the table of DM facts, "Fault to status").
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $text] $fault,)*
        }

        /// The table: one row a fault, in the order in which a device looks for them. The first that is found is answered.
        ///
        /// The standard fixes no order; this one is a recommendation. Rows with the same number differ in the code alone.
        pub static FAULTS: &[FaultRow] = &[
            $(FaultRow { number: $row, fault: Fault::$fault, code: $code, text: $text, help: $help },)*
        ];
    };
}

faults! {
     1 407 NoCredentials, "Credentials are missing, and the device wants them.", "send Cred in SyncHdr";
     1 401 BadCredentials, "The credentials are wrong.", "answer the challenge in Chal, with its nonce";
     2 400 Malformed, "The command lacks something that it needs, or is not of this language.", "send Target, and for Add and Replace Data, in every Item";
     2 412 Incomplete, "An alert lacks an Item that it needs.", "send the options, the text and the choices, each in its Item";
     3 406 NotSupported, "The device does not have this optional command.", "do without Copy, Exec, Atomic or dialogues with this device";
     4 414 TooLong, "The address, a segment of it or its depth is longer than the device takes.", "see ./DevDetail/URI for the limits of the device";
     5 404 NotFound, "There is no such node, or this is no address.", "add the node first; Replace never makes one";
     6 404 NoParent, "The parent is missing and the device makes none by itself.", "add the parents first, from the top";
     7 418 Exists, "There is a node of that name already.", "use Replace, or another name";
     8 405 NotAllowed, "The description of the node does not have this command.", "look at AccessType and Scope in the description";
     9 406 NoSuchFeature, "The device does not have this property or list.", "do without it";
    10 425 NoRight, "The access control list does not give the server this command.", "replace the ACL first, if the list of the parent allows it";
    11 403 Forbidden, "The node cannot be changed this way, whoever asks.", "copy leaves onto leaves of the same format";
    12 415 WrongFormat, "Meta Format or Type is not what the node takes.", "send the Format and Type of the description";
    13 413 TooLarge, "The value is larger than the node takes.", "send a shorter value";
    14 415 BadValue, "The value is not of its format.", "write the value as its format wants it";
    14 500 OutOfRange, "The node may not have this value.", "write a value that the node may have";
    15 500 TooMany, "The description takes no more such nodes here.", "delete one first";
    16 420 Full, "There is no room.", "delete what is not needed";
    17 424 SizeDiffers, "The object is not as large as its first part said.", "send all parts again";
    18 215 Refused, "The user refused.", "ask again in a later session";
    18 214 Cancelled, "The user cancelled.", "ask again in a later session";
    18 408 NoReply, "The user did not reply in time.", "ask again, with a longer MAXDT";
    19 500 Failed, "The command failed.", "see the reason";
}

/// A row of the table of faults.
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// The number of the row.
    pub number: u8,
    /// The fault.
    pub fault: Fault,
    /// The status code that answers it.
    pub code: u16,
    /// What is wrong, in a sentence.
    pub text: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

impl Fault {
    /// Returns the row of the fault.
    pub fn row(self) -> &'static FaultRow {
        FAULTS.iter().find(|row| row.fault == self).unwrap_or(&FAULTS[FAULTS.len() - 1])
    }

    /// Returns the status code that answers it.
    pub fn code(self) -> u16 {
        self.row().code
    }

    /// Returns the refusal for this reason.
    pub(in crate::dm) fn because(self, why: impl Into<String>) -> Refusal {
        Refusal { fault: self, why: why.into(), at: None }
    }
}

/// A command that a device refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The fault.
    pub fault: Fault,
    /// What is wrong with this command.
    pub why: String,
    /// The node that is the reason where it is not the target: a parent that cannot be made, a node of a document.
    pub at: Option<Uri>,
}

impl Refusal {
    /// Returns the refusal with the node that is the reason.
    pub(super) fn at(self, uri: &Uri) -> Self {
        Self { at: Some(uri.clone()), ..self }
    }

    /// Returns the refusal with `uri` as the node that is the reason, unless another one is.
    pub(super) fn or_at(self, uri: &Uri) -> Self {
        Self { at: self.at.or_else(|| Some(uri.clone())), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(uri) => write!(f, "{} (`{uri}`)", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Refusal {}
