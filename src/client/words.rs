//! The lines and words of a conversation script, and what a line says in them.

use std::time::Duration;

use super::Negotiation;
use super::script::{Action, Login, Mistake, Node, Question, Sketch};
use crate::codec::Encoding;
use crate::csp::cir::Method;
use crate::csp::{Code, Primitive, Schema, Version};

/// A line that says something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'s> {
    number: usize,
    pub(super) depth: usize,
    text: &'s str,
}

impl<'s> Line<'s> {
    /// Returns what follows these words on the line, as it is written.
    pub(super) fn behind(&self, words: &str) -> Option<&'s str> {
        self.text.strip_prefix(words)
    }

    pub(super) fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake { line: self.number, what: what.into() }
    }
}

pub(super) struct Lines<'s> {
    rest: std::iter::Peekable<std::vec::IntoIter<Line<'s>>>,
}

impl<'s> Lines<'s> {
    pub(super) fn of(text: &'s str) -> Self {
        let lines = text.lines().enumerate().map(|(index, line)| {
            let text = line.trim();
            Line { number: index + 1, depth: line.len() - line.trim_start().len(), text }
        });
        let lines: Vec<_> = lines.filter(|line| !line.text.is_empty() && !line.text.starts_with('#')).collect();
        Self { rest: lines.into_iter().peekable() }
    }

    pub(super) fn next(&mut self) -> Option<Line<'s>> {
        self.rest.next()
    }

    /// Returns the elements on the lines that are indented more than `depth`.
    fn nodes(&mut self, depth: usize) -> Result<Vec<Node>, Mistake> {
        let mut nodes = Vec::new();
        while let Some(line) = self.rest.next_if(|line| line.depth > depth) {
            let mut words = Words::of(&line)?;
            let mut node = words.node()?;
            node.children.extend(self.nodes(line.depth)?);
            nodes.push(node);
        }
        Ok(nodes)
    }
}

/// The words of a line: quoted texts are one word, and a comma or colon that ends a word is one of its own.
pub(super) struct Words<'s> {
    pub(super) line: usize,
    words: std::iter::Peekable<std::vec::IntoIter<&'s str>>,
}

impl<'s> Words<'s> {
    pub(super) fn of(line: &Line<'s>) -> Result<Self, Mistake> {
        if line.text.starts_with('[') && line.text.contains("]  ") {
            return Err(line.mistake("the indentation of a line stands before its `[`"));
        }
        let mut words = Vec::new();
        let mut rest = line.text;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (text, after) = quoted.split_once('"').ok_or_else(|| line.mistake("a quote is not closed"))?;
                words.push(text);
                rest = after.trim_start();
                continue;
            }
            let (word, after) = rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()));
            match word.strip_suffix([',', ':']) {
                Some(stem) => {
                    words.extend([stem, &word[stem.len()..]].into_iter().filter(|word| !word.is_empty()));
                }
                None => words.push(word),
            }
            rest = after.trim_start();
        }
        Ok(Self { line: line.number, words: words.into_iter().peekable() })
    }

    pub(super) fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake { line: self.line, what: what.into() }
    }

    pub(super) fn next(&mut self) -> Option<&'s str> {
        self.words.next()
    }

    pub(super) fn peek(&mut self) -> Option<&'s str> {
        self.words.peek().copied()
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        self.words.next_if(|next| *next == word).is_some()
    }

    pub(super) fn word(&mut self, what: &str) -> Result<String, Mistake> {
        self.next().map(str::to_owned).ok_or_else(|| self.mistake(format!("the line ends where {what} is due")))
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Mistake> {
        let found = self.word(&format!("`{word}`"))?;
        if found == word { Ok(()) } else { Err(self.mistake(format!("`{found}` stands where `{word}` is due"))) }
    }

    pub(super) fn end(&mut self) -> Result<(), Mistake> {
        match self.next() {
            Some(word) => Err(self.mistake(format!("`{word}` is not understood here"))),
            None => Ok(()),
        }
    }

    /// Reads `[1.1 1.2]`.
    pub(super) fn guard(&mut self) -> Result<Vec<Version>, Mistake> {
        let mut versions = Vec::new();
        if !self.peek().is_some_and(|word| word.starts_with('[')) {
            return Ok(versions);
        }
        while let Some(word) = self.next() {
            let version = word.trim_matches(['[', ']', ',']);
            let version = Version::from_text(version);
            versions.push(version.ok_or_else(|| self.mistake(format!("`{word}` is no version")))?);
            if word.ends_with(']') {
                return Ok(versions);
            }
        }
        Err(self.mistake("`[` is not closed"))
    }

    fn code(&mut self) -> Option<Code> {
        let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        self.words.next_if(is_code).and_then(|word| word.parse().ok()).map(Code)
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Mistake> {
        let number = self.word("a number")?;
        let number: u64 = number.parse().map_err(|_| self.mistake(format!("`{number}` is no number")))?;
        let seconds = match self.word("a unit")?.trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            other => return Err(self.mistake(format!("`{other}` is no unit: seconds, minutes, hours, days"))),
        };
        Ok(Duration::from_secs(number.saturating_mul(seconds)))
    }

    /// Reads `CSP 1.2 and 1.3, WBXML`, up to the end of the line.
    pub(super) fn setting(&mut self) -> Result<(Vec<Version>, Vec<Encoding>), Mistake> {
        let (mut versions, mut encodings) = (Vec::new(), Vec::new());
        while let Some(word) = self.next() {
            match word {
                "CSP" | "and" | "," => {}
                "XML" => encodings.push(Encoding::Xml),
                "WBXML" => encodings.push(Encoding::Wbxml),
                other => match Version::from_text(other) {
                    Some(version) => versions.push(version),
                    None => return Err(self.mistake(format!("`{other}` is no version and no syntax"))),
                },
            }
        }
        Ok((versions, encodings))
    }

    /// Reads `in as USER [on CLIENT] [by SCHEMA] [with password "…"] [without negotiation | negotiating at login]
    /// [in CSP 1.1, XML] [: CODE]`.
    pub(super) fn login(&mut self) -> Result<Login, Mistake> {
        self.expect("in")?;
        self.expect("as")?;
        let mut login = Login {
            user: self.word("a user's address")?,
            password: None,
            client: None,
            version: None,
            encoding: None,
            schemas: Vec::new(),
            negotiation: Negotiation::AfterLogin,
            ways: Vec::new(),
            answers: Vec::new(),
            refusal: None,
        };
        while let Some(word) = self.next() {
            match word {
                "on" => login.client = Some(self.word("the name of a client")?),
                "in" => {
                    let (versions, encodings) = self.setting()?;
                    (login.version, login.encoding) = (versions.first().copied(), encodings.first().copied());
                }
                "by" | "and" => {
                    let name = self.word("a digest schema")?;
                    let schema = Schema::from_text(&name);
                    let schema = schema.ok_or_else(|| self.mistake(format!("`{name}` is none of MD5, SHA, PWD")))?;
                    login.schemas.push(schema);
                }
                "with" => {
                    self.expect("password")?;
                    login.password = Some(self.word("a password")?);
                }
                "without" => {
                    self.expect("negotiation")?;
                    login.negotiation = Negotiation::None;
                }
                "woken" => {
                    self.expect("by")?;
                    login.ways = self.ways()?;
                }
                "negotiating" => {
                    self.expect("at")?;
                    self.expect("login")?;
                    login.negotiation = Negotiation::AtLogin;
                }
                "answering" => {
                    let id = self.word("the name of a system message")?;
                    self.expect("with")?;
                    login.answers.push((id, self.word("the number of an answer")?, None));
                }
                "proving" => {
                    let word = self.word("a word")?;
                    let answer = login.answers.last_mut();
                    answer.ok_or_else(|| self.mistake("`proving` belongs behind `answering`"))?.2 = Some(word);
                }
                ":" => login.refusal = Some(self.code().ok_or_else(|| self.mistake("a status is due after `:`"))?),
                other => return Err(self.mistake(format!("`{other}` says nothing about a login"))),
            }
        }
        Ok(login)
    }

    /// Reads ways to be woken: `STCP and SUDP`.
    fn ways(&mut self) -> Result<Vec<Method>, Mistake> {
        let mut ways = Vec::new();
        loop {
            let name = self.word("a way to be woken")?;
            let way = Method::from_text(&name);
            ways.push(way.ok_or_else(|| self.mistake(format!("`{name}` is no way to be woken: SUDP, STCP …")))?);
            if !self.take("and") {
                return Ok(ways);
            }
        }
    }

    /// Reads `on [in the session of NAME] [: CODE]`.
    pub(super) fn going_on(&mut self, who: String) -> Result<Action, Mistake> {
        self.expect("on")?;
        let mut of = None;
        if self.take("in") {
            ["the", "session", "of"].iter().try_for_each(|word| self.expect(word))?;
            of = Some(self.word("a name")?);
        }
        let refusal = match self.take(":") {
            true => Some(self.code().ok_or_else(|| self.mistake("a status is due after `:`"))?),
            false => None,
        };
        Ok(Action::GoOn { who, of, refusal })
    }

    /// Reads `ID "text" [offering N "text"] [right N] [key WORD] [required]`.
    pub(super) fn question(&mut self) -> Result<Question, Mistake> {
        let mut question = Question { id: self.word("a name")?, text: self.word("a text")?, ..Question::default() };
        while let Some(word) = self.next() {
            match word {
                "offering" => question.options.push((self.number()?, self.word("a text")?)),
                "right" => question.right = Some(self.number()?),
                "key" => question.key = Some(self.word("a word")?),
                "required" => question.is_required = true,
                other => return Err(self.mistake(format!("`{other}` says nothing about a system message"))),
            }
        }
        Ok(question)
    }

    fn number(&mut self) -> Result<u32, Mistake> {
        let number = self.word("a number")?;
        number.parse().map_err(|_| self.mistake(format!("`{number}` is no number")))
    }

    /// Reads a primitive in outline: `NAME [CODE] [to ADDRESS, ADDRESS] [: "text"]` and the lines below.
    pub(super) fn sketch(&mut self, preposition: &str, lines: &mut Lines<'_>) -> Result<Sketch, Mistake> {
        let mut sketch = Sketch { name: self.word("a primitive")?, ..Sketch::default() };
        if !Version::ALL.iter().any(|version| Primitive::find(*version, &sketch.name).is_some()) {
            return Err(self.mistake(format!("`{}` is no primitive of any version", sketch.name)));
        }
        sketch.code = self.code();
        if self.take(preposition) {
            sketch.addresses.push(self.word("an address")?);
            while self.take(",") {
                sketch.addresses.push(self.word("an address")?);
            }
        }
        if self.take(":") {
            sketch.text = Some(self.word("a text")?);
        }
        self.end()?;
        sketch.nodes = lines.nodes(0)?;
        Ok(sketch)
    }

    /// Reads one element: `[no] NAME [VALUE]`, `Property NAME = VALUE` or `ATTRIBUTE = VALUE`.
    fn node(&mut self) -> Result<Node, Mistake> {
        let versions = self.guard()?;
        let is_absent = self.take("no");
        let name = self.word("an element")?;
        let leaf = |name: &str, text: String| Node {
            versions: Vec::new(),
            name: name.to_owned(),
            text: Some(text),
            children: Vec::new(),
            is_absent: false,
        };
        let mut node = Node { versions, name, text: None, children: Vec::new(), is_absent };
        let words: Vec<&str> = self.words.by_ref().collect();
        match words[..] {
            [] => {}
            ["=", value] => {
                node.children = vec![leaf("Qualifier", "T".to_owned()), leaf("PresenceValue", value.to_owned())];
            }
            [name, "=", value] => {
                node.children = vec![leaf("Name", name.to_owned()), leaf("Value", value.to_owned())];
            }
            _ => node.text = Some(words.join(" ")),
        }
        Ok(node)
    }
}
