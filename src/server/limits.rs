//! What the server keeps at the most, with the reasons. What an operator may want to change is in
//! [`Configuration`](super::Configuration) instead.

use std::time::Duration;

/// Characters of a TransactionID: twice the 50 of (CSP data types, "Lengths").
pub(crate) const TRANSACTION_ID: usize = 100;
/// Octets of an identity of a client, or of a criterion of a search: more than twice what handsets write.
pub(crate) const SHORT_TEXT: usize = 255;
/// Transactions of one message that are looked at, whatever was agreed.
pub(crate) const TRANSACTIONS: usize = 16;

/// The shortest time to live that is agreed to: a client must have time to answer.
pub(crate) const LEAST_TIME_TO_LIVE: u64 = 60;
/// How long the identifiers of ended sessions are known, to answer 600 or 601 and not 604.
pub(crate) const ENDED_REMEMBERED: Duration = Duration::from_secs(3600);
/// How many ended sessions are known.
pub(crate) const ENDED: usize = 10_000;
/// After what time the ending of what is over is tried again.
pub(crate) const EXPIRE_AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether accounts were changed by `admin user` in another process.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Sessions of all users.
pub(crate) const SESSIONS: usize = 100_000;

/// How long a nonce is good (abuse case B10).
pub(crate) const NONCE_LIFE: Duration = Duration::from_secs(60);
/// Nonces waiting for their digest (abuse case B10).
pub(crate) const NONCES: usize = 10_000;

/// Answers of a session that are remembered at least; twice MultiTrans if that is more.
pub(crate) const ANSWERS: usize = 8;
/// How long an answer is remembered (CSP transport, "Retransmission and duplicates").
pub(crate) const ANSWER_LIFE: Duration = Duration::from_secs(60);

/// Requests of the server waiting for one session; the oldest notice goes first.
pub(crate) const OUTBOX: usize = 200;
/// How long an answer is remembered where short messages take their time.
pub(crate) const TEXT_ANSWER_LIFE: Duration = Duration::from_secs(600);
/// How long the refusal of a login by short messages is remembered.
pub(crate) const TEXT_REFUSAL_LIFE: Duration = Duration::from_secs(60);
/// Logins by short messages that are remembered with their answers.
pub(crate) const TEXT_LOGINS: usize = 10_000;
/// How often a request is offered by short messages before it is given up: some are lost.
pub(crate) const TEXT_OFFERS: u8 = 15;
/// When a request that the client did not acknowledge is offered again.
pub(crate) const OFFER_AGAIN: Duration = Duration::from_secs(20);
/// How often a request is offered before it is given up.
pub(crate) const OFFERS: u8 = 5;
/// The server's own TransactionIDs run from 1 to this, a number that every syntax carries.
pub(crate) const LAST_TRANSACTION_ID: u16 = 999;

/// After what time a client that was told of something and did not ask for it is called; each further time doubles it.
pub(crate) const CALL_AGAIN: Duration = Duration::from_secs(20);
/// How often a client is called that does not come; then it is left alone until something new waits for it.
pub(crate) const CALLS: u32 = 5;

/// Wrong passwords for one user before further ones have to wait (abuse case B07).
pub(crate) const GUESSES_BY_USER: u32 = 5;
/// Wrong passwords from one address before further ones have to wait: gateways carry many users.
pub(crate) const GUESSES_BY_PEER: u32 = 20;
/// The longest wait after wrong passwords; short, so that the true user is not locked out for long.
pub(crate) const GUESS_WAIT: Duration = Duration::from_secs(60);
/// After so long without a wrong password the count starts anew.
pub(crate) const GUESS_MEMORY: Duration = Duration::from_secs(900);
/// Users and addresses whose wrong passwords are counted.
pub(crate) const GUESSERS: usize = 10_000;

/// Wrong answers to system messages before a user has to wait to give another.
pub(crate) const WRONG_ANSWERS: u32 = 3;
/// System messages that one user is told at once.
pub(crate) const SYSTEM_MESSAGES: usize = 10;

/// Content types of one client.
pub(crate) const CONTENT_TYPES: usize = 100;
/// Criteria of a search.
pub(crate) const SEARCH_PAIRS: usize = 20;
/// Findings of a search; more are refused with 536.
pub(crate) const SEARCH_FINDINGS: usize = 500;
/// Groups that a search looks at.
pub(crate) const GROUPS_SEARCHED: usize = 10_000;
/// Users that one criterion of a search may find; more are refused with 537.
pub(crate) const USERS_SEARCHED: usize = 10_000;

/// Logins that are remembered for who asks for them.
pub(crate) const LOGINS: i64 = 100_000;
/// Octets of a page of logins: half of what who asks takes.
pub(crate) const LOGIN_PAGE: usize = 512 << 10;
