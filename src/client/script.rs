//! Conversation scripts: what several clients say and expect, in lines that people read.
//!
//! ```text
//! # Romeo writes to Juliet.
//! in CSP 1.2 and 1.3                                    (else: in every version)
//! given wv:romeo with password "rosaline"               (else: every password is `secret`)
//! given system message terms "Agreed?" offering 1 "Yes" right 1 key "xyz" required
//! given the server has csp.second_login = "refuse"      (else: the configuration's defaults)
//! romeo logs in as wv:romeo by MD5
//! juliet logs in as wv:juliet
//! romeo sends SendMessage-Request to wv:juliet: "Hello"
//!   DeliveryReport T
//! romeo receives SendMessage-Response 200
//! juliet receives NewMessage from wv:romeo: "Hello"
//! after 40 minutes
//! romeo sends GetList-Request
//! romeo receives Status 600
//! ```
//!
//! Indented lines are elements: a name, then a value, or deeper lines. With `sends` they are added to the request,
//! with `receives` they must be there; `no NAME` must not. `Property NAME = VALUE` and `ATTRIBUTE = VALUE` stand for
//! a property and a presence attribute. `$name` keeps a value that is received and stands for it later; `*` is any
//! value. `[1.3]` before a line makes it count in those versions only.
//!
//! A login may say `on phone` to share a client with another name, `by SHA and MD5`, `with password "…"`, `without
//! negotiation` or `negotiating at login`, `woken by SUDP and STCP` for the ways that it offers, `answering terms with
//! 1` and `proving xyz` for a system message, `in CSP 1.1, XML` where it is not the version of the play, and at last
//! `: 409` for the status that refuses it. `juliet stays silent` loses her acknowledgements on the way until she
//! `speaks again`; `juliet is woken` where a CIR came since her last such line, and she polls, or `is not woken`;
//! `romeo keeps alive for 2 hours` lets time pass for a client that polls and keeps its session.
//! `romeo goes on` logs in again in the session that he has, `romeo goes on in the session of juliet: 422` tries hers.
//! `romeo discovers CSP 1.1 and 1.2` asks which versions the server speaks. A question of the server waits until
//! `romeo answers SystemMessage-User`.

use std::fmt;
use std::time::Duration;

use super::Negotiation;
use super::words::{Lines, Words};
use crate::codec::Encoding;
use crate::csp::cir::Method;
use crate::csp::{Code, Schema, Version};
use crate::document::CodeTable;

/// A script that was read.
#[derive(Debug)]
pub struct Script {
    /// The versions that it is meant for.
    pub versions: Vec<Version>,
    /// The syntaxes that it is meant for.
    pub encodings: Vec<Encoding>,
    /// The users that must exist, with their passwords.
    pub accounts: Vec<Account>,
    /// How the server must be set up: lines of TOML, as in the table `[server]`; empty where any will do.
    pub server: String,
    /// What the operator asks users, or tells them.
    pub questions: Vec<Question>,
    pub(super) steps: Vec<Step>,
}

/// A user that a script needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The address as it is written in the script.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A system message that the operator has posted before a script begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub id: String,
    /// The text.
    pub text: String,
    /// Whether nobody may log in who has not answered it.
    pub is_required: bool,
    /// The answers to choose from.
    pub options: Vec<(u32, String)>,
    /// The only right answer, where not any will do.
    pub right: Option<u32>,
    /// The word that has to be repeated.
    pub key: Option<String>,
}

/// A line of a script that cannot be read or did not come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: lower-case start, no full stop.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Mistake {}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) versions: Vec<Version>,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    LogIn {
        who: String,
        login: Login,
    },
    LogOut {
        who: String,
    },
    Send {
        who: String,
        what: Sketch,
    },
    Receive {
        who: String,
        what: Sketch,
    },
    ReceiveNothing {
        who: String,
    },
    After(Duration),
    KeepAlive {
        who: String,
        time: Duration,
    },
    /// Whether a CIR came; it makes the client poll.
    Wake {
        who: String,
        is_woken: bool,
    },
    /// Asks which versions the server speaks, and expects these.
    Discover {
        who: String,
        versions: Vec<Version>,
    },
    /// Goes on in a session: one's own, or that of another.
    GoOn {
        who: String,
        of: Option<String>,
        refusal: Option<Code>,
    },
    /// Answers a question of the server.
    Answer {
        who: String,
        what: Sketch,
    },
    /// Whether acknowledgements are lost on the way from now on.
    Silence {
        who: String,
        is_silent: bool,
    },
}

#[derive(Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Option<String>,
    /// The name of the client, where it is not the actor's own.
    pub(super) client: Option<String>,
    /// The version and the syntax, where they are not those of the play.
    pub(super) version: Option<Version>,
    pub(super) encoding: Option<Encoding>,
    pub(super) schemas: Vec<Schema>,
    pub(super) negotiation: Negotiation,
    /// The ways to be woken that are offered.
    pub(super) ways: Vec<Method>,
    /// Answers to system messages: the name, the number of the answer, the word that is repeated.
    pub(super) answers: Vec<(String, String, Option<String>)>,
    /// The status that is expected in place of a session.
    pub(super) refusal: Option<Code>,
}

/// A primitive in outline.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    pub(super) name: String,
    pub(super) code: Option<Code>,
    /// Whom it goes to or comes from.
    pub(super) addresses: Vec<String>,
    pub(super) text: Option<String>,
    pub(super) nodes: Vec<Node>,
}

/// An element in outline.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) versions: Vec<Version>,
    pub(super) name: String,
    pub(super) text: Option<String>,
    pub(super) children: Vec<Self>,
    /// Whether it must not be there.
    pub(super) is_absent: bool,
}

/// The password of users that no `given` line names.
const PASSWORD: &str = "secret";

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// Names the first line that cannot be read.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        let all = [Version::V1_1, Version::V1_2, Version::V1_3].to_vec();
        let encodings = vec![Encoding::Xml, Encoding::Wbxml];
        let mut script = Self {
            versions: all,
            encodings,
            accounts: Vec::new(),
            server: String::new(),
            questions: Vec::new(),
            steps: Vec::new(),
        };
        let mut lines = Lines::of(text);
        while let Some(line) = lines.next() {
            if line.depth > 0 {
                return Err(line.mistake("an indented line belongs to a `sends` or `receives` line above it"));
            }
            if let Some(setting) = line.behind("given the server has ") {
                script.server += setting;
                script.server += "\n";
                continue;
            }
            let mut words = Words::of(&line)?;
            script.line(&mut words, &mut lines)?;
        }
        script.add_accounts();
        Ok(script)
    }

    /// Returns the lines by which clients come in, those between, and those by which they leave. Where nothing lies between,
    /// all of them do.
    pub(super) fn parts(&self) -> [&[Step]; 3] {
        let comes = |step: &Step| matches!(step.action, Action::LogIn { .. } | Action::Discover { .. });
        let leaves = |step: &Step| matches!(step.action, Action::LogOut { .. });
        let first = self.steps.iter().position(|step| !comes(step)).unwrap_or(self.steps.len());
        let last = self.steps.iter().rposition(|step| !leaves(step)).map_or(0, |last| last + 1);
        if first >= last {
            return [&[], &self.steps, &[]];
        }
        [&self.steps[..first], &self.steps[first..last], &self.steps[last..]]
    }

    /// Returns the names of those who say something, each once.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.steps.iter().filter_map(|step| step.action.who()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns whether each primitive of the script has a code: then it can be played in plain text.
    pub fn can_be_text(&self, codes: &CodeTable) -> bool {
        let is_document = |step: &Step| matches!(step.action, Action::Discover { .. });
        let names = self.steps.iter().filter_map(|step| match &step.action {
            Action::Send { what, .. } | Action::Receive { what, .. } | Action::Answer { what, .. } => Some(&what.name),
            _ => None,
        });
        !self.steps.iter().any(is_document)
            && names.into_iter().all(|name| codes.code_of("primitive", &["-"], name).is_some())
    }

    /// Returns the first line that waits to be woken, if there is one: there is more to it than posts and their answers.
    pub fn line_that_wakes(&self) -> Option<usize> {
        self.steps.iter().find(|step| matches!(step.action, Action::Wake { .. })).map(|step| step.line)
    }

    fn line(&mut self, words: &mut Words<'_>, lines: &mut Lines<'_>) -> Result<(), Mistake> {
        let versions = words.guard()?;
        match words.peek() {
            Some("in") => return self.read_setting(words),
            Some("given") => {
                words.expect("given")?;
                if !words.take("system") {
                    return self.read_account(words);
                }
                words.expect("message")?;
                self.questions.push(words.question()?);
                return Ok(());
            }
            _ => {}
        }
        let action = if words.take("after") {
            Action::After(words.duration()?)
        } else {
            let who = words.word("a name")?;
            match words.word("what the client does")?.as_str() {
                "logs" if words.take("out") => Action::LogOut { who },
                "logs" => Action::LogIn { who, login: words.login()? },
                "sends" => Action::Send { who, what: words.sketch("to", lines)? },
                "receives" if words.take("nothing") => Action::ReceiveNothing { who },
                "receives" => Action::Receive { who, what: words.sketch("from", lines)? },
                "is" => {
                    let is_woken = !words.take("not");
                    words.expect("woken")?;
                    Action::Wake { who, is_woken }
                }
                "discovers" => Action::Discover { who, versions: words.setting()?.0 },
                "goes" => words.going_on(who)?,
                "answers" => Action::Answer { who, what: words.sketch("to", lines)? },
                "stays" => {
                    words.expect("silent")?;
                    Action::Silence { who, is_silent: true }
                }
                "speaks" => {
                    words.expect("again")?;
                    Action::Silence { who, is_silent: false }
                }
                "keeps" => {
                    words.expect("alive")?;
                    words.expect("for")?;
                    Action::KeepAlive { who, time: words.duration()? }
                }
                other => {
                    let known = "`logs in`, `logs out`, `goes on`, `sends`, `receives`, `answers`, `discovers`, `keeps \
                                 alive`, `is woken`, `stays silent`, `speaks again`";
                    return Err(words.mistake(format!("`{other}` is nothing that a client does: {known}")));
                }
            }
        };
        words.end()?;
        self.steps.push(Step { line: words.line, versions, action });
        Ok(())
    }

    fn read_setting(&mut self, words: &mut Words<'_>) -> Result<(), Mistake> {
        words.expect("in")?;
        let (versions, encodings) = words.setting()?;
        if !versions.is_empty() {
            self.versions = versions;
        }
        if !encodings.is_empty() {
            self.encodings = encodings;
        }
        Ok(())
    }

    fn read_account(&mut self, words: &mut Words<'_>) -> Result<(), Mistake> {
        let user = words.word("a user's address")?;
        let password = if words.take("with") {
            words.expect("password")?;
            words.word("a password")?
        } else {
            PASSWORD.to_owned()
        };
        self.accounts.push(Account { user, password });
        words.end()
    }

    /// Adds the users who log in and are not given.
    fn add_accounts(&mut self) {
        for step in &self.steps {
            if let Action::LogIn { login, .. } = &step.action
                && login.refusal.is_none()
                && !self.accounts.iter().any(|account| account.user == login.user)
            {
                self.accounts.push(Account { user: login.user.clone(), password: PASSWORD.to_owned() });
            }
        }
    }

    /// Returns the password of a user.
    pub(super) fn password(&self, user: &str) -> &str {
        self.accounts.iter().find(|account| account.user == user).map_or(PASSWORD, |account| &account.password)
    }
}

impl Node {
    /// Returns whether the line counts in a version.
    pub(super) fn counts_in(&self, version: Version) -> bool {
        self.versions.is_empty() || self.versions.contains(&version)
    }
}

impl Step {
    /// Returns whether the line counts in a version.
    pub(super) fn counts_in(&self, version: Version) -> bool {
        self.versions.is_empty() || self.versions.contains(&version)
    }
}

impl Action {
    /// Returns whose line it is.
    pub(super) fn who(&self) -> Option<&str> {
        match self {
            Self::After(_) => None,
            Self::LogIn { who, .. }
            | Self::LogOut { who }
            | Self::Send { who, .. }
            | Self::Receive { who, .. }
            | Self::ReceiveNothing { who }
            | Self::KeepAlive { who, .. }
            | Self::Wake { who, .. }
            | Self::Discover { who, .. }
            | Self::GoOn { who, .. }
            | Self::Answer { who, .. }
            | Self::Silence { who, .. } => Some(who),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Script::read(text).unwrap_err().to_string()
    }

    #[test]
    fn reads_every_kind_of_line() {
        let script = Script::read(
            "# A comment.\nin CSP 1.2 and 1.3, WBXML\ngiven wv:romeo with password \"open sesame\"\n\n\
             romeo logs in as wv:romeo by SHA and MD5\njuliet logs in as wv:juliet with password \"no\": 409\n\
             romeo sends SendMessage-Request to wv:juliet, wv:/lobby: \"Hello, you\"\n  DeliveryReport T\n\
             \x20 [1.3] MessageInfo\n    Font\n      Size Big\nromeo receives SendMessage-Response 200\n\
             juliet receives nothing\nafter 40 minutes\nromeo keeps alive for 2 hours\n[1.3] romeo logs out\n",
        )
        .unwrap();
        assert_eq!((script.versions.len(), &script.encodings[..]), (2, &[Encoding::Wbxml][..]));
        assert_eq!(script.accounts, [Account { user: "wv:romeo".into(), password: "open sesame".into() }]);
        let lines: Vec<usize> = script.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [5, 6, 7, 12, 13, 14, 15, 16]);
        let Action::Send { what, .. } = &script.steps[2].action else { panic!("a send") };
        assert_eq!((what.addresses.len(), what.text.as_deref()), (2, Some("Hello, you")));
        assert_eq!(what.nodes[1].children[0].children[0].text.as_deref(), Some("Big"));
        assert!(!what.nodes[1].counts_in(Version::V1_2) && script.steps[7].counts_in(Version::V1_3));
    }

    #[test]
    fn names_the_line_and_the_way_out() {
        assert_eq!(
            mistake("\nromeo sings"),
            "line 2: `sings` is nothing that a client does: `logs in`, `logs out`, `goes on`, `sends`, `receives`, \
             `answers`, `discovers`, `keeps alive`, `is woken`, `stays silent`, `speaks again`"
        );
        assert_eq!(mistake("romeo sends Login"), "line 1: `Login` is no primitive of any version");
        assert_eq!(mistake("after 4 fortnights"), "line 1: `fortnight` is no unit: seconds, minutes, hours, days");
        assert_eq!(mistake("romeo receives Status 200 \"x"), "line 1: a quote is not closed");
        assert_eq!(
            mistake("romeo logs out\n  Code 1"),
            "line 2: an indented line belongs to a `sends` or `receives` line above it"
        );
        assert_eq!(mistake("[1.4] romeo logs out"), "line 1: `[1.4]` is no version");
        assert_eq!(
            mistake("romeo sends Status\n  [1.3] Result\n  [1.3]   Code 200"),
            "line 3: the indentation of a line stands before its `[`"
        );
    }
}
