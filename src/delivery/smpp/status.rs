//! What command_status says (SMPP 3.4, 5.1.3), and whether it helps to try again: rows of `statuses.tsv`.

use std::fmt;
use std::sync::LazyLock;

/// A command_status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u32);

/// What to do with a message whose answer has a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It was taken.
    Ok,
    /// Try again later: the message is not to blame.
    Temporary,
    /// The same message will be refused again.
    Permanent,
    /// Slow down and send it again: nothing is wrong.
    Throttled,
}

impl Class {
    /// Returns its name, as configurations and outputs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::Throttled => "throttled",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Ok, Self::Temporary, Self::Permanent, Self::Throttled].into_iter().find(|class| class.name() == name)
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRow {
    /// The status.
    pub status: Status,
    /// Its name in the standard: `ESME_RTHROTTLED`.
    pub name: &'static str,
    /// What to do with the message.
    pub class: Class,
    /// What it says.
    pub meaning: &'static str,
    /// Why it mostly comes.
    pub cause: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

/// Every status of the standard.
pub static STATUSES: LazyLock<Vec<StatusRow>> = LazyLock::new(|| {
    let rows = include_str!("statuses.tsv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [code, name, class, meaning, cause, help] = cells[..] else { panic!("statuses: `{row}`") };
        let status = Status::read(code).expect("statuses: a code");
        let class = Class::of_name(class).expect("statuses: a class");
        StatusRow { status, name, class, meaning, cause, help }
    })
    .collect()
});

impl Status {
    /// All is well.
    pub const OK: Self = Self(0);
    /// The PDU's length is wrong.
    pub const INVALID_LENGTH: Self = Self(0x02);
    /// The command is not known.
    pub const INVALID_COMMAND: Self = Self(0x03);
    /// The centre failed.
    pub const SYSTEM_ERROR: Self = Self(0x08);
    /// The centre has too many messages.
    pub const QUEUE_FULL: Self = Self(0x14);
    /// The sender is too fast.
    pub const THROTTLED: Self = Self(0x58);
    /// The receiver refuses for now.
    pub const RECEIVER_BUSY: Self = Self(0x64);

    /// Reads a status as people write it: `0x58` or `88`.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let number = digits.map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
        number.ok().map(Self)
    }

    /// Returns whether all is well.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// Returns what the standard says of it; `None` where it does not know it.
    pub fn row(self) -> Option<&'static StatusRow> {
        STATUSES.iter().find(|row| row.status == self)
    }

    /// Returns whether its meaning is left to the centre's maker (SMPP 3.4, 5.1.3).
    pub fn is_of_maker(self) -> bool {
        matches!(self.0, 0x400..=0x4FF)
    }

    /// Returns what to do with the message. A status that the standard does not know is temporary: attempts are
    /// counted, and a message that was refused for good costs little then.
    pub fn class(self) -> Class {
        self.row().map_or(Class::Temporary, |row| row.class)
    }

    /// Returns what it says, for people.
    pub fn meaning(self) -> &'static str {
        match self.row() {
            Some(row) => row.meaning,
            None if self.is_of_maker() => "a status of the centre's maker",
            None => "a status that SMPP 3.4 does not know",
        }
    }
}

/// As campaigns count it: `smpp:0x58`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "smpp:0x{:02X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_row_with_words() {
        for (place, row) in STATUSES.iter().enumerate() {
            assert!(
                STATUSES[..place].iter().all(|other| other.status < row.status && other.name != row.name),
                "{row:?}"
            );
            assert!(row.name.starts_with("ESME_R"), "{row:?}");
            for text in [row.meaning, row.cause, row.help] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{row:?}");
            }
        }
    }

    /// The numbers are those that the standard prints.
    #[test]
    fn reads_and_names_statuses() {
        assert_eq!((Status::read("0x58"), Status::read("88")), (Some(Status::THROTTLED), Some(Status::THROTTLED)));
        assert_eq!((Status::read("0x"), Status::read("x58"), Status::read("4294967296")), (None, None, None));
        assert_eq!(Status(0x0B).to_string(), "smpp:0x0B");
        for (status, name, class) in [
            (Status::THROTTLED, "ESME_RTHROTTLED", Class::Throttled),
            (Status::QUEUE_FULL, "ESME_RMSGQFUL", Class::Throttled),
            (Status(0x0B), "ESME_RINVDSTADR", Class::Permanent),
            (Status::SYSTEM_ERROR, "ESME_RSYSERR", Class::Temporary),
            (Status(0xFF), "ESME_RUNKNOWNERR", Class::Temporary),
        ] {
            assert_eq!(status.row().map(|row| (row.name, row.class)), Some((name, class)));
        }
        assert_eq!((Status(0x401).class(), Status(0x401).row()), (Class::Temporary, None));
    }
}
