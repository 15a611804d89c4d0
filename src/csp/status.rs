//! Status codes with their names, and the `Result` that carries them.
//!
//! [`Code`] is a number with a row in `statuses.tsv`; [`Outcome`] is a whole `Result` element.

use std::fmt;
use std::sync::LazyLock;

use crate::document::Element;

/// A status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        impl Code {
            $(#[doc = concat!("Status ", stringify!($code), "; `statuses.tsv` says what it means.")]
            pub const $name: Self = Self($code);)*
            /// The codes that have a constant.
            pub const NAMED: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    SUCCESSFUL = 200,
    PARTIALLY_SUCCESSFUL = 201,
    BAD_REQUEST = 400,
    UNAUTHORIZED = 401,
    BAD_PARAMETER = 402,
    FORBIDDEN = 403,
    NOT_FOUND = 404,
    SERVICE_NOT_SUPPORTED = 405,
    INVALID_PASSWORD = 409,
    UNABLE_TO_DELIVER = 410,
    UNSUPPORTED_MEDIA_TYPE = 415,
    INVALID_TRANSACTION_ID = 420,
    USER_AND_CLIENT_DO_NOT_MATCH = 422,
    INVALID_INVITATION_ID = 423,
    INVALID_SEARCH_ID = 424,
    INVALID_SEARCH_INDEX = 425,
    INVALID_MESSAGE_ID = 426,
    INVALID_USER_ID = 427,
    INVALID_CLIENT_ID = 428,
    INVALID_GROUP_ID = 429,
    RESPONSE_TOO_LARGE = 432,
    INVALID_APPLICATION_ID = 450,
    INTERNAL_ERROR = 500,
    NOT_IMPLEMENTED = 501,
    COULD_NOT_RECOVER_SESSION = 502,
    SERVICE_UNAVAILABLE = 503,
    VERSION_NOT_SUPPORTED = 505,
    SERVICE_NOT_AGREED = 506,
    QUEUE_FULL = 507,
    DOMAIN_NOT_SUPPORTED = 516,
    UNKNOWN_USER = 531,
    BLOCKED = 532,
    NOT_LOGGED_IN = 533,
    MESSAGE_REJECTED = 538,
    MESSAGE_FORWARDED = 541,
    MESSAGE_EXPIRED = 542,
    NO_DIGEST_SCHEMA = 543,
    INVALID_SEARCH = 562,
    SESSION_EXPIRED = 600,
    FORCED_LOGOUT = 601,
    ALREADY_LOGGED_IN = 603,
    INVALID_SESSION = 604,
    NEW_VALUE_NOT_ACCEPTED = 605,
    UNKNOWN_CONTACT_LIST = 700,
    CONTACT_LIST_EXISTS = 701,
    INVALID_USER_PROPERTY = 702,
    INVALID_PRESENCE_ATTRIBUTE = 750,
    INVALID_PRESENCE_VALUE = 751,
    INVALID_CONTACT_LIST_PROPERTY = 752,
    TOO_MANY_CONTACT_LISTS = 753,
    TOO_MANY_CONTACTS = 754,
    TOO_MANY_ATTRIBUTE_LISTS = 755,
    UNKNOWN_GROUP = 800,
    GROUP_EXISTS = 801,
    GROUP_IS_RESTRICTED = 803,
    INVALID_GROUP_PROPERTY = 806,
    ALREADY_JOINED = 807,
    NOT_JOINED = 808,
    REJECTED = 809,
    NOT_A_MEMBER = 810,
    SCREEN_NAME_IN_USE = 811,
    NO_PRIVATE_MESSAGES_IN_GROUP = 812,
    NO_PRIVATE_MESSAGES_TO_USER = 813,
    TOO_MANY_GROUPS_OF_USER = 814,
    TOO_MANY_GROUPS = 815,
    INSUFFICIENT_PRIVILEGES = 816,
    GROUP_FULL = 817,
    NO_HISTORY = 821,
    SEARCHABLE_WITHOUT_NAME = 822,
    MULTIPLE_ERRORS = 900,
    ADDRESS_ERROR = 901,
    MSISDN_ERROR = 920,
}

/// A row of the table: code, name, meaning.
struct Row {
    code: u16,
    name: &'static str,
    meaning: &'static str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = include_str!("statuses.tsv").lines().skip(1).filter(|row| !row.is_empty());
    rows.map(|row| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let code = cells[0].parse().expect("statuses: a code");
        Row { code, name: cells[1], meaning: cells[2] }
    })
    .collect()
});

impl Code {
    /// Reads the code of the `Result` in a response; `None` where it has none or it is no number.
    pub fn read(response: &Element<'_>) -> Option<Self> {
        read_code(if response.name == "Result" { response } else { response.child("Result")? })
    }

    /// Returns the code's name: `Unknown user`. `Unknown code` where the table has no such code.
    pub fn name(self) -> &'static str {
        self.row().map_or("Unknown code", |row| row.name)
    }

    /// Returns whether the table has this code.
    pub fn is_known(self) -> bool {
        self.row().is_some()
    }

    /// Returns what the code means, in a sentence.
    pub fn meaning(self) -> &'static str {
        self.row().map_or("The code is in no table", |row| row.meaning)
    }

    /// Returns whether the request was done, all of it or in part, or will be.
    pub fn is_success(self) -> bool {
        self.0 < 300
    }

    /// Returns whether the code says that the session is over (600, 601, 604): log in again.
    pub fn ends_session(self) -> bool {
        matches!(self, Self::SESSION_EXPIRED | Self::FORCED_LOGOUT | Self::INVALID_SESSION)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.code == self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

/// Everything that failed with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The code.
    pub code: Code,
    /// What failed: `UserID`, `GroupID`, `ScreenName`, `MessageID`, `ContactList`, `Domain` or `SearchElement`.
    pub items: Vec<Element<'static>>,
}

/// Characters of a description (CSP data types, "Lengths"), and what stands at the end of one that was longer.
const MOST_DESCRIPTION: usize = 200;
const DOTS: &str = "...";

/// How a request came out: the content of `Result`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The top code.
    pub code: Code,
    /// Words for people; the code's name is written where there are none.
    pub description: Option<String>,
    /// What failed, one entry a code.
    pub details: Vec<Detail>,
    /// After how many seconds to try again (1.3).
    pub try_again: Option<u32>,
}

impl Outcome {
    /// Returns an outcome of one code.
    pub fn new(code: Code) -> Self {
        Self { code, description: None, details: Vec::new(), try_again: None }
    }

    /// Returns the outcome of a request with many targets: 200 when none failed, 201 when some were `done`, 900 when
    /// none were (CSP, "Status codes"). `failed` is sorted by code, one detail each.
    pub(crate) fn of_many(done: usize, failed: impl IntoIterator<Item = (Code, Element<'static>)>) -> Self {
        let mut details: Vec<Detail> = Vec::new();
        for (code, item) in failed {
            match details.iter_mut().find(|detail| detail.code == code) {
                Some(detail) => detail.items.push(item),
                None => details.push(Detail { code, items: vec![item] }),
            }
        }
        let code = match (details.is_empty(), done) {
            (true, _) => Code::SUCCESSFUL,
            (false, 0) => Code::MULTIPLE_ERRORS,
            (false, _) => Code::PARTIALLY_SUCCESSFUL,
        };
        details.sort_by_key(|detail| detail.code);
        Self { details, ..Self::new(code) }
    }

    /// Says in words what the code does not, in no more characters than handsets take (CSP data types, "Lengths").
    #[must_use]
    pub(crate) fn describe(mut self, description: impl Into<String>) -> Self {
        let mut description = description.into();
        if description.chars().count() > MOST_DESCRIPTION {
            description = description.chars().take(MOST_DESCRIPTION - DOTS.len()).chain(DOTS.chars()).collect();
        }
        self.description = Some(description);
        self
    }

    /// Returns the `Result` element.
    pub fn element(&self) -> Element<'static> {
        let description = |text: Option<&str>, code: Code| text.unwrap_or(code.name()).to_owned();
        let mut result = Element::new("Result")
            .with_leaf("Code", self.code.0.to_string())
            .with_leaf("Description", description(self.description.as_deref(), self.code));
        for detail in &self.details {
            let detailed = Element::new("DetailedResult")
                .with_leaf("Code", detail.code.0.to_string())
                .with_leaf("Description", description(None, detail.code))
                .with_all(detail.items.iter().cloned());
            result.children.push(detailed);
        }
        if let Some(seconds) = self.try_again {
            result = result.with_leaf("TryAgainTimeout", seconds.to_string());
        }
        result
    }

    /// Returns the `Status` primitive with this outcome.
    pub fn status(&self) -> Element<'static> {
        Element::new("Status").with(self.element())
    }

    /// Reads the `Result` in a response; `None` where it has none or its code is no number.
    pub fn read(response: &Element<'_>) -> Option<Self> {
        let result = if response.name == "Result" { response } else { response.child("Result")? };
        let details = result.children_named("DetailedResult").filter_map(|detail| {
            let is_item = |child: &&Element<'_>| !matches!(child.name.as_ref(), "Code" | "Description");
            let items = detail.children.iter().filter(is_item).cloned().map(Element::into_owned).collect();
            Some(Detail { code: read_code(detail)?, items })
        });
        Some(Self {
            code: read_code(result)?,
            description: result.child_text("Description").map(str::to_owned),
            details: details.collect(),
            try_again: result.child_text("TryAgainTimeout").and_then(|text| text.parse().ok()),
        })
    }
}

impl From<Code> for Outcome {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

fn read_code(element: &Element<'_>) -> Option<Code> {
    element.child_text("Code")?.parse().ok().map(Code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_code_has_its_row() {
        let mut codes: Vec<u16> = ROWS.iter().map(|row| row.code).collect();
        for code in Code::NAMED {
            assert!(code.row().is_some(), "{}", code.0);
        }
        codes.dedup();
        assert_eq!(codes.len(), ROWS.len(), "a code given twice");
        assert!(ROWS.iter().all(|row| !row.name.is_empty() && !row.meaning.is_empty()));
    }

    #[test]
    fn descriptions_are_no_longer_than_handsets_take() {
        let said = |length: usize| Outcome::new(Code::BAD_PARAMETER).describe("é".repeat(length)).description.unwrap();
        assert_eq!(said(200), "é".repeat(200));
        assert_eq!(said(201), format!("{}...", "é".repeat(197)));
    }

    #[test]
    fn sorts_what_failed_by_code() {
        let user = |id: &'static str| Element::leaf("UserID", id);
        let failed = [(Code::BLOCKED, user("a")), (Code::UNKNOWN_USER, user("b")), (Code::BLOCKED, user("c"))];
        let outcome = Outcome::of_many(1, failed.clone());
        assert_eq!(outcome.code, Code::PARTIALLY_SUCCESSFUL);
        assert_eq!(outcome.details.iter().map(|d| (d.code.0, d.items.len())).collect::<Vec<_>>(), [(531, 1), (532, 2)]);
        assert_eq!(Outcome::of_many(0, failed).code, Code::MULTIPLE_ERRORS);
        let mut read = Outcome::read(&outcome.status()).unwrap();
        assert_eq!(read.description.take().as_deref(), Some("Partially successful"));
        assert_eq!(read, outcome);
    }
}
