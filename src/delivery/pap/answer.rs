//! What a push proxy gateway answers, and what its codes mean.

use super::{Message, Says, read as read_message};
use crate::diagnose::Report;
use crate::document::{Element, shorten};

/// The answer to a submission or another operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The message that it is about, where it says so.
    pub push_id: Option<String>,
    /// The outcome: [`words`] says what it means.
    pub code: u16,
    /// What the gateway says in words of its own.
    pub text: Option<String>,
    /// The piece of the message that the gateway could not read.
    pub bad_fragment: Option<String>,
    /// When the gateway answered.
    pub reply_time: Option<String>,
}

impl Answer {
    /// Returns whether the gateway took the message.
    pub fn is_accepted(&self) -> bool {
        matches!(self.code, 1000..=1999)
    }

    /// Returns whether the gateway has a message of that push-id already, so that it came there twice.
    pub fn is_duplicate(&self) -> bool {
        self.code == 2007
    }

    /// Returns whether another attempt may succeed: the gateway failed, or the service.
    pub fn is_temporary(&self) -> bool {
        matches!(self.code, 3000 | 4000..=4999 | 5028)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, words(self.code))?;
        self.text.as_ref().map_or(Ok(()), |text| write!(f, ", \"{}\"", shorten(text)))?;
        self.bad_fragment.as_ref().map_or(Ok(()), |piece| write!(f, ", at `{}`", shorten(piece)))
    }
}

/// Reads the answer of a gateway, the body of its HTTP response.
///
/// # Errors
///
/// Says what the octets are instead.
pub fn read_response(octets: &[u8]) -> Result<Answer, String> {
    let mut report = Report::new();
    match read_message(octets, &mut report) {
        Some(Message { says: Says::Answer(answer), .. }) => Ok(answer),
        Some(_) => Err("the gateway answered with a request, not with a response".to_owned()),
        None => {
            let why = report.diagnostics().first().map(|finding| finding.message.clone());
            Err(why.unwrap_or_else(|| "the answer is empty".to_owned()))
        }
    }
}

/// Reads an operation that is an answer.
pub(super) fn read(operation: &Element<'_>) -> Option<Answer> {
    let owned =
        |element: &Element<'_>, name: &str| element.attribute(name).filter(|text| !text.is_empty()).map(str::to_owned);
    // `badmessage-response` says it itself; the others have a `response-result`.
    let result = operation.child("response-result").unwrap_or(operation);
    Some(Answer {
        code: result.attribute("code")?.trim().parse().ok()?,
        text: owned(result, "desc").or_else(|| Some(result.trimmed().to_owned()).filter(|text| !text.is_empty())),
        push_id: owned(operation, "push-id"),
        bad_fragment: owned(operation, "bad-message-fragment"),
        reply_time: owned(operation, "reply-time"),
    })
}

/// Returns what a code means (PAP, "Response status codes").
pub fn words(code: u16) -> &'static str {
    let known = CODES.binary_search_by_key(&code, |(number, _)| *number);
    match (known, code) {
        (Ok(place), _) => CODES[place].1,
        (_, 1000..=1999) => "done",
        (_, 2000..=2999) => "the request is wrong",
        (_, 3000..=3999) => "the gateway cannot",
        (_, 4000..=4999) => "the service failed",
        (_, 5000..=5999) => "the client aborted",
        _ => "no known code",
    }
}

const CODES: &[(u16, &str)] = &[
    (1000, "done"),
    (1001, "accepted for processing"),
    (2000, "bad request"),
    (2001, "forbidden"),
    (2002, "the address cannot be read"),
    (2003, "no such address"),
    (2004, "no such push-id"),
    (2005, "capabilities do not fit the client"),
    (2006, "the client lacks a required capability"),
    (2007, "the push-id was used before"),
    (3000, "the gateway failed"),
    (3001, "not implemented"),
    (3002, "this version is not supported"),
    (3006, "the content could not be transformed"),
    (3008, "the client's capabilities are not available"),
    (3009, "the required network is not available"),
    (3010, "the required bearer is not available"),
    (4000, "the service failed"),
    (4001, "the service is not available"),
    (5028, "the client waits for its user"),
];
