//! Text to the tree.

use std::borrow::Cow;

use super::text::{Fault, Parameter, Preamble, Scanner, Value};
use super::{is_name, is_number, is_presence};
use crate::codec::{Document, Encoding, Header, Limits, rules};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::document::{Code, CodeTable, Element, PtsForm, Vocabulary};

/// Feature, group, function: the nesting of a service tree.
const FUNCTION_DEPTH: usize = 3;

/// Why a value is no element: a finding without its place.
enum Wrong {
    /// A code that stands for nothing in its place.
    Code(String),
    /// Not the notation that the code asks for.
    Form,
}

/// Reads a message. See [`crate::codec::read`].
pub(in crate::codec) fn read<'s>(
    bytes: &'s [u8],
    candidates: &[&'static Vocabulary],
    codes: Option<&CodeTable>,
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    let start = bytes.iter().position(|octet| *octet == b'W').unwrap_or_default();
    let whole = Span::new(start, bytes.len());
    let Ok(text) = std::str::from_utf8(bytes[start..].trim_ascii_end()) else {
        report.add(Diagnostic::new(&rules::PTS_FORM, whole, "the text is not UTF-8"));
        return None;
    };
    let (preamble, vocabulary, form) = begin(text, whole, candidates, report)?;
    let codes = codes.unwrap_or(form.codes);
    let primitive = codes.meaning("primitive", &["-"], preamble.code).map(|row| row.name);
    if primitive.is_none() {
        let message = format!("`{}` is the code of no known primitive", preamble.code);
        report.add(Diagnostic::new(&rules::PTS_CODE, Span::new(start + 4, start + 6), message));
    }
    let mut reader = Reader { vocabulary, codes, report, session: None, content: Vec::new() };
    let mut scanner = Scanner::new(text, preamble.length, start, limits.depth, limits.elements);
    loop {
        match scanner.next() {
            Ok(Some(parameter)) => reader.parameter(primitive, parameter),
            Ok(None) => break,
            Err(Fault::Form(at, what)) => {
                reader.report.add(Diagnostic::new(
                    &rules::PTS_FORM,
                    Span::new(at, (at + 1).min(start + text.len())),
                    what,
                ));
                break;
            }
            Err(Fault::Limit(at, what)) => {
                reader.report.add(Diagnostic::new(
                    &rules::LIMIT,
                    Span::new(at, (at + 1).min(start + text.len())),
                    what,
                ));
                return None;
            }
        }
    }
    let mut root = reader.envelope(primitive, &preamble, whole);
    vocabulary.grammar.arrange(&mut root);
    let header = Header {
        encoding: Encoding::Pts,
        version: None,
        public_id: None,
        public_text: None,
        charset: None,
        string_table: 0,
    };
    Some(Document { root, vocabulary: Some(vocabulary), header, rest: Vec::new(), source: bytes })
}

fn begin<'s>(
    text: &'s str,
    whole: Span,
    candidates: &[&'static Vocabulary],
    report: &mut Report,
) -> Option<(Preamble<'s>, &'static Vocabulary, PtsForm)> {
    let Some(preamble) = Preamble::read(text.as_bytes()) else {
        report.add(Diagnostic::new(&rules::PTS_PREAMBLE, whole, "the preamble is not complete"));
        return None;
    };
    if let Some((this, last)) = preamble.part.filter(|part| *part != (1, 1)) {
        let message = match this > last {
            true => format!("this is part {this} of a message that has {last}"),
            false => format!("this is part {this} of {last}: the message is not whole"),
        };
        report.add(Diagnostic::new(&rules::PTS_SEGMENT, whole, message));
        return None;
    }
    let mut forms = candidates.iter().filter_map(|&vocabulary| Some((vocabulary, vocabulary.pts?)));
    let Some((vocabulary, form)) = forms.find(|(_, form)| form.version == preamble.version) else {
        let message = format!("version `{}` is none that can be read here", preamble.version);
        report.add(Diagnostic::new(&rules::PTS_PREAMBLE, whole, message));
        return None;
    };
    Some((preamble, vocabulary, form))
}

struct Reader<'r, 's> {
    vocabulary: &'static Vocabulary,
    codes: &'r CodeTable,
    report: &'r mut Report,
    session: Option<Element<'s>>,
    content: Vec<Element<'s>>,
}

impl<'s> Reader<'_, 's> {
    /// Takes one parameter, or says why not.
    fn parameter(&mut self, primitive: Option<&'static str>, parameter: Parameter<'s>) {
        let Parameter { code, value, span } = parameter;
        // A primitive with an element of its own stands outside any session.
        let has_own = |primitive| {
            let declaration = self.vocabulary.grammar.declaration(primitive, "transaction");
            declaration.is_some_and(|d| d.position("SessionID") != usize::MAX)
        };
        let is_session = code.eq_ignore_ascii_case("SI") && !primitive.is_some_and(has_own);
        let result = match primitive {
            _ if is_session && self.session.is_none() => {
                plain("SessionID", "-", value, self.codes).map(|leaf| self.session = Some(leaf))
            }
            Some(primitive) => match self.codes.meaning("element", &[primitive, "-"], code) {
                Some(row) => self.place(primitive, row, value, span),
                None => Err(Wrong::Code(format!("`{code}` stands for nothing known in `{primitive}`"))),
            },
            None => return,
        };
        match result {
            Ok(()) => {}
            Err(Wrong::Code(message)) => self.report.add(Diagnostic::new(&rules::PTS_CODE, span, message)),
            Err(Wrong::Form) => {
                let message = format!("the value of `{code}` has not the form that this code asks for");
                self.report.add(Diagnostic::new(&rules::PTS_FORM, span, message));
            }
        }
    }

    /// Puts the elements of a parameter where the grammar has them in the primitive.
    fn place(&mut self, primitive: &str, row: &Code, value: Value<'s>, span: Span) -> Result<(), Wrong> {
        let declaration = self.vocabulary.grammar.declaration(primitive, "transaction");
        let has = |name: &str| declaration.is_some_and(|d| d.position(name) != usize::MAX);
        let takes = |name: &str| declaration.is_some_and(|d| d.also_read.contains(&name));
        let wrappers: &[&'static str] = match row.name {
            "UserID" => &["UserID", "UserIDList", "User"],
            "ContactList" => &["ContactList", "ContactListIDList"],
            _ => std::slice::from_ref(&row.name),
        };
        let found = wrappers.iter().find(|name| has(name)).or_else(|| wrappers.iter().find(|name| takes(name)));
        let Some(&wrapper) = found else {
            return Err(Wrong::Code(format!("`{}` does not belong into `{primitive}`", row.name)));
        };
        let mut wrong = Vec::new();
        let items = match row.notation {
            "functions" => vec![self.functions(row, value, &mut wrong)?],
            _ => elements(row, value, self.codes, &mut wrong)?,
        };
        for message in wrong {
            self.report.add(Diagnostic::new(&rules::PTS_CODE, span, message));
        }
        let items = items.into_iter().map(|mut item| {
            item.span = span;
            if item.children.is_empty() {
                // After the code and the equals sign.
                item.content_span = Span { start: span.end.min(span.start + 3), end: span.end };
            }
            self.shape(&mut item);
            item
        });
        let items: Vec<_> = items.collect();
        match wrapper {
            // With a code of its own it is there whole.
            _ if wrapper == row.name => self.content.extend(items),
            "UserIDList" | "ContactListIDList" => match self.content.iter_mut().find(|e| e.name == wrapper) {
                Some(list) => list.children.extend(items),
                None => self.content.push(Element::new(wrapper).with_all(items)),
            },
            "User" => self.content.extend(items.into_iter().map(|item| Element::new("User").with(item))),
            _ => self.content.extend(items),
        }
        Ok(())
    }

    /// Reads a service tree, of which only the deepest nodes are named: those without a code by their names, as proposed.
    fn functions(&self, row: &Code, value: Value<'s>, wrong: &mut Vec<String>) -> Result<Element<'s>, Wrong> {
        let functions = Element::new(row.name);
        let members = value.members();
        if members.is_empty() {
            return Ok(functions);
        }
        let mut features = Element::new("WVCSPFeat");
        for member in members {
            let code = member.text()?;
            let name = self.codes.meaning("element", &["Functions"], &code).map_or(&*code, |row| row.name);
            match self.path("WVCSPFeat", name, FUNCTION_DEPTH) {
                _ if name == "WVCSPFeat" || code.is_empty() => {}
                Some(path) => features.grow(&path),
                None => wrong.push(format!("`{code}` stands for nothing known in this value")),
            }
        }
        Ok(functions.with(features))
    }

    /// Returns the way down from an element to the one of that name, without the first.
    fn path(&self, from: &str, to: &str, depth: usize) -> Option<Vec<&'static str>> {
        let declaration = self.vocabulary.grammar.declaration(from, "transaction").filter(|_| depth > 0)?;
        declaration.children().find_map(|child| {
            let rest = if child == to { Some(Vec::new()) } else { self.path(child, to, depth - 1) };
            rest.map(|rest| [vec![child], rest].concat())
        })
    }

    /// Gives an address of the capabilities the form of its version: text, or a `URL` inside.
    fn shape(&self, item: &mut Element<'s>) {
        let declaration = self.vocabulary.grammar.declaration("CIRHTTPAddress", "transaction");
        if declaration.is_some_and(|d| d.position("URL") != usize::MAX) {
            for child in item.children.iter_mut().filter(|child| child.name == "CIRHTTPAddress") {
                let mut url = std::mem::replace(child, Element::new("CIRHTTPAddress"));
                url.name = Cow::Borrowed("URL");
                child.children.push(url);
            }
        }
    }

    /// Builds the message around the content.
    fn envelope(self, primitive: Option<&'static str>, preamble: &Preamble<'s>, span: Span) -> Element<'s> {
        let mut session = Element::new("SessionDescriptor");
        session = match self.session {
            Some(id) => session.with_leaf("SessionType", "Inband").with(id),
            None => session.with_leaf("SessionType", "Outband"),
        };
        let mode =
            if primitive.is_none_or(|primitive| self.codes.is_request(primitive)) { "Request" } else { "Response" };
        let mut descriptor = Element::new("TransactionDescriptor").with_leaf("TransactionMode", mode);
        if primitive != Some("Polling-Request") || preamble.transaction != "0" {
            descriptor = descriptor.with_leaf("TransactionID", preamble.transaction);
        }
        let mut content = Element::new("TransactionContent");
        if let Some(primitive) = primitive {
            let mut element = Element::new(primitive).with_all(self.content);
            element.span = span;
            content = content.with(element);
        }
        let transaction = Element::new("Transaction").with(descriptor).with(content);
        let mut root = Element::new("WV-CSP-Message").with(Element::new("Session").with(session).with(transaction));
        root.span = span;
        root
    }
}

/// Returns the elements that the value of a parameter stands for. Members with codes that stand for nothing are left
/// out and named in `wrong`.
fn elements<'s>(
    row: &Code,
    value: Value<'s>,
    codes: &CodeTable,
    wrong: &mut Vec<String>,
) -> Result<Vec<Element<'s>>, Wrong> {
    let one = match row.notation {
        "leaf" => plain(row.name, row.name, value, codes)?,
        "list" => return value.members().into_iter().map(|v| plain(row.name, "-", v, codes)).collect(),
        "client" => client(value)?,
        "result" | "details" => result(value, codes, wrong)?,
        "tree" => tree(row.name.into(), value, codes, wrong),
        "pairs" => Element::new(row.name).with_all(pairs("capability", value, codes, wrong)?),
        "nicknames" => {
            let nicks = value.members().into_iter().map(nickname).collect::<Result<Vec<_>, _>>()?;
            Element::new(row.name).with_all(nicks)
        }
        "properties" => {
            let property = |v: Value<'s>| {
                let (name, value) = v.pair()?;
                let name = plain("Name", row.name, name, codes)?;
                Ok(Element::new("Property").with(name).with(plain("Value", "-", value, codes)?))
            };
            Element::new(row.name).with_all(value.members().into_iter().map(property).collect::<Result<Vec<_>, _>>()?)
        }
        "names" => names(value, codes, wrong)?,
        "values" => values(value, codes, wrong)?,
        "presence" => return presences(value, codes, wrong),
        _ => return Err(Wrong::Code(format!("how the value of `{}` is written is not known", row.name))),
    };
    Ok(vec![one])
}

impl Element<'_> {
    /// Adds the elements of a path that are not there.
    fn grow(&mut self, path: &[&'static str]) {
        let [first, rest @ ..] = path else { return };
        let place = self.children.iter().position(|child| child.name == *first).unwrap_or_else(|| {
            self.children.push(Element::new(*first));
            self.children.len() - 1
        });
        self.children[place].grow(rest);
    }
}

impl<'s> Value<'s> {
    /// Returns the members of a group; a value alone is the one member.
    fn members(self) -> Vec<Self> {
        match self {
            Self::Group(members) => members,
            Self::Text(_) => vec![self],
        }
    }

    fn pair(self) -> Result<(Self, Self), Wrong> {
        let Self::Group(members) = self else { return Err(Wrong::Form) };
        let [first, second] = <[Self; 2]>::try_from(members).map_err(|_| Wrong::Form)?;
        Ok((first, second))
    }

    fn text(self) -> Result<Cow<'s, str>, Wrong> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Group(members) if members.is_empty() => Ok("".into()),
            Self::Group(_) => Err(Wrong::Form),
        }
    }
}

/// Returns a leaf, with the word that a code of `place` stands for.
fn plain<'s>(
    name: impl Into<Cow<'s, str>>,
    place: &str,
    value: Value<'s>,
    codes: &CodeTable,
) -> Result<Element<'s>, Wrong> {
    let text = value.text()?;
    Ok(Element::leaf(name, codes.meaning("value", &[place], &text).map_or(text, |row| row.name.into())))
}

fn client(value: Value<'_>) -> Result<Element<'_>, Wrong> {
    let text = value.text()?;
    Ok(Element::new("ClientID").with_leaf(if is_number(&text) { "MSISDN" } else { "URL" }, text))
}

/// Reads a code, or a code and its description, and details as they are proposed: code, description, whom it is about.
fn result<'s>(value: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Element<'s>, Wrong> {
    let mut members = value.members().into_iter();
    let mut result = Element::new("Result");
    for (name, member) in ["Code", "Description"].into_iter().zip(members.by_ref()) {
        result.children.extend(part(name, member)?);
    }
    for given in members {
        let mut parts = given.members().into_iter();
        let mut detail = Element::new("DetailedResult");
        for (name, value) in ["Code", "Description"].into_iter().zip(parts.by_ref()) {
            detail.children.extend(part(name, value)?);
        }
        for about in parts.flat_map(Value::members) {
            match about {
                Value::Text(user) => detail.children.push(Element::leaf("UserID", user)),
                group @ Value::Group(_) => detail.children.extend(member(group, codes, wrong)?),
            }
        }
        result.children.push(detail);
    }
    Ok(result)
}

/// Returns a leaf, or nothing where there is nothing to say.
fn part<'s>(name: &'static str, value: Value<'s>) -> Result<Option<Element<'s>>, Wrong> {
    let text = value.text()?;
    Ok((name == "Code" || !text.is_empty()).then(|| Element::leaf(name, text)))
}

/// Reads an element as it is proposed for what has no notation of its own: text, or pairs of a name and a value. Members
/// that are no such pairs are named in `wrong`.
fn tree<'s>(name: Cow<'s, str>, value: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Element<'s> {
    let members = match value {
        Value::Text(text) => return Element::leaf(name, text),
        Value::Group(members) => members,
    };
    let mut element = Element::new(name);
    for part in members {
        match member(part, codes, wrong) {
            Ok(child) => element.children.extend(child),
            Err(_) => wrong.push(format!("`{}` has a part that is no pair of a name and a value", element.name)),
        }
    }
    element
}

/// Reads a member of a tree: a code, or a name in full, and a value. `None` for a name that can be none.
fn member<'s>(part: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Option<Element<'s>>, Wrong> {
    let (name, value) = part.pair()?;
    let name = name.text()?;
    let name = match codes.meaning("element", &["-"], &name) {
        Some(row) => row.name.into(),
        None if is_name(&name) => name,
        None => {
            wrong.push(format!("`{}` is the name of no element", name.escape_debug()));
            return Ok(None);
        }
    };
    Ok(Some(tree(name, value, codes, wrong)))
}

fn nickname(value: Value<'_>) -> Result<Element<'_>, Wrong> {
    let (name, user) = value.pair()?;
    let (name, user) = (name.text()?, Element::leaf("UserID", user.text()?));
    Ok(if name.is_empty() { user } else { Element::new("NickName").with_leaf("Name", name).with(user) })
}

/// Reads pairs of a code and a value. Names in full and deeper values are as proposed.
fn pairs<'s>(
    place: &str,
    value: Value<'s>,
    codes: &CodeTable,
    wrong: &mut Vec<String>,
) -> Result<Vec<Element<'s>>, Wrong> {
    let unnamed = codes.code_of("element", &["PresenceSubList"], place).map(|row| row.notation);
    let mut leaves = Vec::new();
    for member in value.members() {
        // A member without a name, where the attribute says what it is.
        if let (Value::Group(parts), Some(name)) = (&member, unnamed.filter(|name| *name != "-"))
            && matches!(parts.first(), Some(Value::Group(_)))
        {
            let parts = pairs(name, member, codes, wrong)?;
            leaves.push(Element::new(name).with_all(parts));
            continue;
        }
        let (code, value) = member.pair()?;
        let Some(name) = named(&[place], code, codes, wrong)? else { continue };
        let is_deep = codes.takes_names() && matches!(value, Value::Group(_));
        let inside = name.clone();
        leaves.push(if is_deep { tree(name, value, codes, wrong) } else { plain(name, &inside, value, codes)? });
    }
    Ok(leaves)
}

/// Returns the element that a code stands for; notes a code that stands for none.
fn named<'s>(
    places: &[&str],
    code: Value<'s>,
    codes: &CodeTable,
    wrong: &mut Vec<String>,
) -> Result<Option<Cow<'s, str>>, Wrong> {
    let code = code.text()?;
    let found = codes.meaning("element", places, &code).or_else(|| codes.code_of("element", places, &code));
    match found {
        Some(row) => Ok(Some(row.name.into())),
        None if codes.takes_names() && code.len() > 2 && is_name(&code) => Ok(Some(code)),
        None => {
            wrong.push(format!("`{code}` stands for nothing known in this value"));
            Ok(None)
        }
    }
}

/// Reads names of presence attributes: `(OS,UA,(CF,(CT,CV)))`.
fn names<'s>(value: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Element<'s>, Wrong> {
    let mut list = Element::new("PresenceSubList");
    for member in value.members() {
        let (code, inner) = match member {
            Value::Text(_) => (member, Vec::new()),
            group @ Value::Group(_) => group.pair().map(|(code, inner)| (code, inner.members()))?,
        };
        let Some(name) = named(&["PresenceSubList"], code, codes, wrong)? else { continue };
        let mut attribute = Element::new(name);
        for code in inner {
            attribute.children.extend(named(&[&attribute.name], code, codes, wrong)?.map(Element::new));
        }
        list.children.push(attribute);
    }
    Ok(list)
}

/// Reads presence attributes with their values: `((UA,T,AV),(CF,T,((CT,MP),(CV,1.0))))`.
fn values<'s>(value: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Element<'s>, Wrong> {
    let mut list = Element::new("PresenceSubList");
    for member in value.members() {
        let Value::Group(parts) = member else { return Err(Wrong::Form) };
        if parts.len() > 3 {
            return Err(Wrong::Form);
        }
        let is_qualified = parts.len() == 3;
        let mut parts = parts.into_iter();
        let Some(name) = named(&["PresenceSubList"], parts.next().ok_or(Wrong::Form)?, codes, wrong)? else { continue };
        let mut attribute = Element::new(name);
        if is_qualified && let Some(qualifier) = parts.next() {
            attribute.children.push(plain("Qualifier", "-", qualifier, codes)?);
        }
        match parts.next() {
            None => {}
            Some(Value::Text(text)) if text.is_empty() => {}
            Some(text @ Value::Text(_)) => {
                attribute.children.push(plain("PresenceValue", &attribute.name, text, codes)?);
            }
            Some(group) => attribute.children.extend(pairs(&attribute.name, group, codes, wrong)?),
        }
        list.children.push(attribute);
    }
    Ok(list)
}

/// Reads `(user,attributes)`, or a group of such, or of users alone.
fn presences<'s>(value: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Vec<Element<'s>>, Wrong> {
    let is_one = matches!(&value, Value::Group(members) if is_presence(members));
    let items = if is_one { vec![value] } else { value.members() };
    items.into_iter().map(|item| presence(item, codes, wrong)).collect()
}

fn presence<'s>(item: Value<'s>, codes: &CodeTable, wrong: &mut Vec<String>) -> Result<Element<'s>, Wrong> {
    let presence = Element::new("Presence");
    // Only contact lists have a resource.
    let whose = |id: &str| if codes.takes_names() && id.contains('/') { "ContactList" } else { "UserID" };
    let item = match item {
        // A user alone, as it is and in parentheses.
        Value::Group(mut members) if matches!(members[..], [Value::Text(_)]) => members.remove(0),
        other => other,
    };
    if let Value::Text(id) = item {
        return Ok(presence.with_leaf(whose(&id), id));
    }
    let mut parts = item.members().into_iter();
    let (id, attributes) = (parts.next().ok_or(Wrong::Form)?.text()?, parts.next().ok_or(Wrong::Form)?);
    let presence = presence.with_leaf(whose(&id), id).with(values(attributes, codes, wrong)?);
    let more = parts.map(|part| if codes.takes_names() { member(part, codes, wrong) } else { Err(Wrong::Form) });
    Ok(presence.with_all(more.collect::<Result<Vec<_>, _>>()?.into_iter().flatten()))
}
