//! The tree to text.

use super::text::Value;
use super::{is_number, is_presence};
use crate::codec::CannotWrite;
use crate::document::{CodeTable, Content, Declaration, Element, Vocabulary, is_declaration};

/// Capabilities in the order in which a shipped client writes them.
const CAPABILITIES: &[&str] = &[
    "ClientType",
    "InitialDeliveryMethod",
    "SupportedBearer",
    "MultiTrans",
    "ParserSize",
    "SupportedCIRMethod",
    "UDPPort",
    "CIRHTTPAddress",
    "TCPAddress",
    "TCPPort",
    "ServerPollMin",
    "DefaultLanguage",
];

type Written<T> = Result<T, CannotWrite>;

/// A parameter to be: its code, its notation and its values.
struct Parameter<'e> {
    code: &'static str,
    notation: &'static str,
    value: Value<'e>,
}

/// Writes a message. See [`crate::codec::write_pts`].
pub(in crate::codec) fn write(
    root: &Element<'_>,
    vocabulary: &Vocabulary,
    codes: Option<&CodeTable>,
) -> Written<String> {
    let Some(form) = vocabulary.pts else {
        return Err(CannotWrite { what: format!("a {} has no form in plain text", vocabulary.name) });
    };
    let codes: &CodeTable = codes.unwrap_or(form.codes);
    root.check_plain()?;
    let [session] = only(root, &["Session"])?;
    let [descriptor, transaction] = only(need(session)?, &["SessionDescriptor", "Transaction"])?;
    let [mode, content] = only(need(transaction)?, &["TransactionDescriptor", "TransactionContent"])?;
    let primitive = match &need(content)?.children[..] {
        [primitive] => primitive,
        _ => return Err(cannot("TransactionContent", "holds no primitive, or several")),
    };
    let Some(code) = codes.code_of("primitive", &["-"], &primitive.name) else {
        return Err(no_code(&primitive.name));
    };
    let mut out = format!("WV{}{}{}", form.version, code.code, transaction_of(need(mode)?, primitive, codes)?);
    if let Some(id) = session_of(need(descriptor)?, primitive)? {
        out.push_str(" SI=");
        id.write(&mut out);
    }
    for parameter in parameters(primitive, vocabulary, codes)? {
        out.push(' ');
        out.push_str(parameter.code);
        if parameter.value != Value::Group(Vec::new()) {
            out.push('=');
            parameter.value.write(&mut out);
        }
    }
    Ok(out)
}

/// Returns the number of the transaction, after a look at the mode that the primitive implies.
fn transaction_of<'e>(descriptor: &'e Element<'_>, primitive: &Element<'_>, codes: &CodeTable) -> Written<&'e str> {
    let [mode, id] = only(descriptor, &["TransactionMode", "TransactionID"])?;
    let implied = if codes.is_request(&primitive.name) { "Request" } else { "Response" };
    if mode.is_some_and(|mode| mode.trimmed() != implied) {
        return Err(cannot("TransactionMode", format!("is `{implied}` for `{}`", primitive.name)));
    }
    let is_number = |id: &str| {
        matches!(id.len(), 1..=3) && id.bytes().all(|b| b.is_ascii_digit()) && (id == "0" || !id.starts_with('0'))
    };
    match id.map(Element::trimmed) {
        None if primitive.name == "Polling-Request" => Ok("0"),
        Some("0") if primitive.name == "Polling-Request" => {
            Err(cannot("TransactionID", "0 is for polling without one"))
        }
        Some(id) if is_number(id) => Ok(id),
        _ => Err(cannot("TransactionID", "is a number from 0 to 999 there")),
    }
}

/// Returns the session to name, if there is one.
fn session_of<'e>(descriptor: &'e Element<'_>, primitive: &Element<'_>) -> Written<Option<Value<'e>>> {
    let [kind, id] = only(descriptor, &["SessionType", "SessionID"])?;
    let is_inband = need(kind)?.trimmed() == "Inband";
    if is_inband && primitive.name.starts_with("Login-") {
        return Err(cannot("SessionType", format!("is `Outband` for `{}`", primitive.name)));
    }
    match id {
        Some(id) if is_inband => leaf(id).map(Some),
        None if !is_inband => Ok(None),
        _ => Err(cannot("SessionID", "stands in an `Inband` session, and only there")),
    }
}

/// Returns the parameters of a primitive. Whom a request is about comes last, as a shipped client has it.
fn parameters<'e>(
    primitive: &'e Element<'_>,
    vocabulary: &Vocabulary,
    codes: &CodeTable,
) -> Written<Vec<Parameter<'e>>> {
    let mut found: Vec<Parameter<'e>> = Vec::new();
    if primitive.children.is_empty() && !primitive.trimmed().is_empty() {
        return Err(cannot(&primitive.name, "holds text"));
    }
    // Users are written all in one way: in two their order would be lost.
    let has_id_alone = |user: &Element<'_>| user.children.iter().all(|inner| inner.name == "UserID");
    let are_bare = primitive.children_named("User").all(has_id_alone);
    for child in &primitive.children {
        let items = items(primitive, child, are_bare, vocabulary, codes)?;
        if items.is_empty() {
            let name = if child.name == "UserIDList" { "UserID" } else { "ContactList" };
            let row = codes.code_of("element", &["-"], name).ok_or_else(|| no_code(&child.name))?;
            found.push(Parameter { code: row.code, notation: row.notation, value: Value::Group(Vec::new()) });
        }
        for item in items {
            let row = codes.code_of("element", &[&primitive.name, "-"], &item.name);
            let row = row.ok_or_else(|| no_code(&item.name))?;
            let value = value(row.notation, item, codes)?;
            match found.iter_mut().find(|p| p.code == row.code && matches!(p.notation, "list" | "presence")) {
                Some(before) => before.value.join(value),
                None => found.push(Parameter { code: row.code, notation: row.notation, value }),
            }
        }
    }
    if codes.is_request(&primitive.name) {
        found.sort_by_key(|parameter| parameter.notation == "list");
    }
    Ok(found)
}

/// Returns the elements whose codes a child is written by: of users and contact lists those within, unless the primitive
/// has them in several ways and each has a code of its own.
fn items<'e, 's>(
    primitive: &Element<'_>,
    child: &'e Element<'s>,
    are_bare: bool,
    vocabulary: &Vocabulary,
    codes: &CodeTable,
) -> Written<&'e [Element<'s>]> {
    let ways: &[&str] = match child.name.as_ref() {
        "User" | "UserIDList" => &["UserID", "UserIDList", "User"],
        "ContactListIDList" => &["ContactList", "ContactListIDList"],
        _ => return Ok(std::slice::from_ref(child)),
    };
    let declaration = vocabulary.grammar.declaration(&primitive.name, "transaction");
    let count = |d: &Declaration| ways.iter().filter(|way| d.position(way) != usize::MAX).count();
    if codes.code_of("element", &["-"], &child.name).is_some() && !(are_bare && declaration.map_or(0, count) < 2) {
        return Ok(std::slice::from_ref(child));
    }
    match child.name.as_ref() {
        "User" => Ok(std::slice::from_ref(need(only(child, &["UserID"])?[0])?)),
        _ => Ok(&child.children[..]),
    }
}

impl<'e> Value<'e> {
    /// Adds a member: one value becomes a group, a pair of parts becomes a group of such.
    fn join(&mut self, next: Self) {
        match self {
            Self::Group(members) if !is_presence(members) => members.push(next),
            _ => {
                let first = std::mem::replace(self, Self::Group(Vec::new()));
                *self = Self::Group(vec![first, next]);
            }
        }
    }

    /// Returns members without parentheses where there is but one, and it is text.
    fn group(members: Vec<Self>) -> Self {
        match <[Self; 1]>::try_from(members) {
            Ok([text @ Self::Text(_)]) => text,
            Ok([group]) => Self::Group(vec![group]),
            Err(members) => Self::Group(members),
        }
    }
}

/// Returns the value of an element in a notation.
pub(super) fn value<'e>(notation: &str, item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let each = |of: &dyn Fn(&'e Element<'_>) -> Written<Value<'e>>| -> Written<Value<'e>> {
        Ok(Value::Group(item.children.iter().map(of).collect::<Written<_>>()?))
    };
    match notation {
        "leaf" | "list" => leaf(item),
        "client" => match only(item, &["URL", "MSISDN"])? {
            [Some(url), None] if !is_number(url.text()) => leaf(url),
            [None, Some(number)] if is_number(number.text()) => leaf(number),
            _ => Err(cannot("ClientID", "holds either a `URL` or an `MSISDN` of digits there")),
        },
        "result" => {
            let [code, text] = only(item, &["Code", "Description"])?;
            let text = text.map(leaf).transpose()?;
            Ok(Value::group([leaf(need(code)?)?].into_iter().chain(text).collect()))
        }
        "details" => details(item, codes),
        "tree" => tree(item, codes),
        "pairs" => {
            let mut capabilities: Vec<_> = item.children.iter().collect();
            capabilities.sort_by_key(|c| CAPABILITIES.iter().position(|name| c.name == *name));
            let pairs = capabilities.into_iter().map(|child| pair("capability", child, codes));
            Ok(Value::Group(pairs.collect::<Written<_>>()?))
        }
        "functions" => functions(item, codes),
        "nicknames" => each(&nickname),
        "properties" => each(&|child| {
            let [name, value] = only(child, &["Name", "Value"])?;
            let value = value.map_or(Ok(Value::Text("".into())), leaf)?;
            Ok(Value::Group(vec![word(need(name)?, &item.name, codes)?, value]))
        }),
        "names" => names(item, codes),
        "values" => each(&|child| attribute(child, codes)),
        "presence" => presence(item, codes),
        _ => Err(cannot(&item.name, "is written in a way that is not known")),
    }
}

/// Writes a result with its details as they are proposed: code, description, and whom each is about.
fn details<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let is_detail = |child: &&Element<'_>| child.name == "DetailedResult";
    let mut parts = head(item, item.children.iter().any(|child| is_detail(&child)))?;
    for child in item.children.iter().filter(|child| !matches!(child.name.as_ref(), "Code" | "Description")) {
        if !is_detail(&child) {
            return Err(no_code(&child.name));
        }
        let mut detail = head(child, true)?;
        let about = child.children.iter().filter(|inner| !matches!(inner.name.as_ref(), "Code" | "Description"));
        let about = about.map(|inner| if inner.name == "UserID" { leaf(inner) } else { member(inner, codes) });
        let about = about.collect::<Written<Vec<_>>>()?;
        if !about.is_empty() {
            detail.push(Value::Group(about));
        }
        parts.push(Value::Group(detail));
    }
    Ok(Value::group(parts))
}

/// Writes code and description, the latter empty where something follows it.
fn head<'e>(item: &'e Element<'_>, goes_on: bool) -> Written<Vec<Value<'e>>> {
    let code = leaf(need(item.child("Code"))?)?;
    let text = item.child("Description").map(leaf).transpose()?;
    Ok([code].into_iter().chain(text.or(goes_on.then(|| Value::Text("".into())))).collect())
}

/// Writes an element as it is proposed for what has no notation of its own: text, or pairs of a name and a value.
fn tree<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    if item.children.is_empty() {
        return leaf(item);
    }
    Ok(Value::Group(item.children.iter().map(|child| member(child, codes)).collect::<Written<_>>()?))
}

/// Writes a member of a tree: its code, or its name in full, and its value.
fn member<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let row = codes.code_of("element", &["-"], &item.name);
    let name = row.map_or_else(|| item.name.to_string(), |row| row.code.to_owned());
    Ok(Value::Group(vec![Value::Text(name.into()), tree(item, codes)?]))
}

/// Writes a user and attributes; a user alone where there are none, in parentheses too: of two users without any a shipped
/// client takes the second for attributes of the first. What else is said of it follows, as is proposed.
fn presence<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    const PARTS: &[&str; 3] = &["UserID", "ContactList", "PresenceSubList"];
    let is_more = |child: &&Element<'_>| codes.takes_names() && !PARTS.contains(&child.name.as_ref());
    let [user, contacts, list] = pick(item.children.iter().filter(|child| !is_more(child)), PARTS)?;
    // A contact list in the place of a user is as proposed.
    let is_list = |id: &Element<'_>| codes.takes_names() && id.text().contains('/');
    if user.is_some_and(is_list) {
        return Err(cannot("UserID", "would be read as a contact list there"));
    }
    let user = leaf(need(user.or(contacts.filter(|list| is_list(list))))?)?;
    let more = item.children.iter().filter(is_more).map(|child| member(child, codes)).collect::<Written<Vec<_>>>()?;
    let Some(list) = list else {
        return if more.is_empty() {
            Ok(Value::Group(vec![user]))
        } else {
            Err(cannot("Presence", "has attributes there"))
        };
    };
    if list.children.is_empty() {
        return Err(cannot("PresenceSubList", "is not empty there"));
    }
    Ok(Value::Group([user, value("values", list, codes)?].into_iter().chain(more).collect()))
}

/// Writes the deepest nodes of a service tree by their codes, and by their names where they have none, as proposed.
fn functions<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let [features] = only(item, &["WVCSPFeat"])?;
    let mut nodes = Vec::new();
    if let Some(features) = features {
        features.walk(&mut |node, _| {
            if node.children.is_empty() {
                nodes.push(node);
            }
        });
    }
    let name = |node: &&'e Element<'_>| match codes.code_of("element", &["Functions"], &node.name) {
        Some(row) => Value::Text(row.code.into()),
        None => Value::Text(node.name.as_ref().into()),
    };
    if let Some(odd) = nodes.iter().find(|node| !node.trimmed().is_empty()) {
        return Err(cannot(&odd.name, "holds nothing there"));
    }
    Ok(Value::group(nodes.iter().map(name).collect()))
}

pub(super) fn nickname<'e>(item: &'e Element<'_>) -> Written<Value<'e>> {
    if item.name == "UserID" {
        return Ok(Value::Group(vec![Value::Text("".into()), leaf(item)?]));
    }
    let [name, user] = only(item, &["Name", "UserID"])?;
    let name = need(name)?;
    if item.name != "NickName" || name.trimmed().is_empty() {
        return Err(cannot(&item.name, "is a name and a user there"));
    }
    Ok(Value::Group(vec![leaf(name)?, leaf(need(user)?)?]))
}

/// Writes names of presence attributes.
fn names<'e>(list: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let name = |item: &'e Element<'_>| {
        if item.children.is_empty() {
            return bare_code("PresenceSubList", item, codes);
        }
        let inner = item.children.iter().map(|child| bare_code(&item.name, child, codes));
        let inner = Value::Group(inner.collect::<Written<_>>()?);
        Ok(Value::Group(vec![code("PresenceSubList", item, codes)?, inner]))
    };
    Ok(Value::group(list.children.iter().map(name).collect::<Written<_>>()?))
}

/// Writes a presence attribute with its value: `(UA,T,AV)`.
pub(super) fn attribute<'e>(item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let mut parts = vec![code("PresenceSubList", item, codes)?];
    let (qualifier, rest): (Vec<_>, Vec<_>) = item.children.iter().partition(|child| child.name == "Qualifier");
    if !item.trimmed().is_empty() || qualifier.len() > 1 {
        return Err(cannot(&item.name, "holds a `Qualifier` and a value there"));
    }
    if let Some(qualifier) = qualifier.first() {
        parts.push(leaf(qualifier)?);
    }
    match rest[..] {
        [] if qualifier.is_empty() => {}
        [] => parts.push(Value::Text("".into())),
        [one] if one.name == "PresenceValue" && one.is_empty() => {
            return Err(cannot("PresenceValue", "is not empty there"));
        }
        [one] if one.name == "PresenceValue" => parts.push(word(one, &item.name, codes)?),
        _ => {
            let pairs = rest.into_iter().map(|child| pair(&item.name, child, codes));
            parts.push(Value::Group(pairs.collect::<Written<_>>()?));
        }
    }
    Ok(Value::Group(parts))
}

/// Writes a code and a value. A value of several parts is as proposed.
pub(super) fn pair<'e>(place: &str, item: &'e Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let unnamed = codes.code_of("element", &["PresenceSubList"], place).map(|row| row.notation);
    if unnamed == Some(&*item.name) && !item.children.is_empty() {
        let parts = item.children.iter().map(|child| pair(&item.name, child, codes));
        return Ok(Value::Group(parts.collect::<Written<_>>()?));
    }
    let code = code(place, item, codes)?;
    let inner = item.child("URL").filter(|_| item.name == "CIRHTTPAddress" && item.children.len() == 1);
    let value = match inner {
        None if codes.takes_names() && !item.children.is_empty() => tree(item, codes)?,
        _ => word(inner.unwrap_or(item), &item.name, codes)?,
    };
    Ok(Value::Group(vec![code, value]))
}

fn code<'e>(place: &str, item: &Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    match codes.code_of("element", &[place], &item.name) {
        Some(row) => Ok(Value::Text(row.code.into())),
        None if codes.takes_names() => Ok(Value::Text(item.name.to_string().into())),
        None => Err(no_code(&item.name)),
    }
}

/// Writes the code of an element that holds nothing.
fn bare_code<'e>(place: &str, item: &Element<'_>, codes: &CodeTable) -> Written<Value<'e>> {
    let code = code(place, item, codes)?;
    match item.children.first() {
        Some(child) => Err(no_code(&child.name)),
        None if !item.trimmed().is_empty() => Err(cannot(&item.name, "holds nothing there")),
        None => Ok(code),
    }
}

/// Writes the text of a leaf, by its code where it has one in `place`.
fn word<'e>(item: &'e Element<'_>, place: &str, codes: &CodeTable) -> Written<Value<'e>> {
    if let Some(row) = codes.code_of("value", &[place], item.text()) {
        return Ok(Value::Text(row.code.into()));
    }
    match codes.meaning("value", &[place], item.text()) {
        Some(row) => Err(cannot(&item.name, format!("`{}` would be read as `{}`", item.text(), row.name))),
        None => leaf(item),
    }
}

fn leaf<'e>(item: &'e Element<'_>) -> Written<Value<'e>> {
    match item.children.first() {
        Some(child) => Err(no_code(&child.name)),
        None => Ok(Value::Text(item.text().into())),
    }
}

/// Returns the children of those names; refuses any other and a second of the same.
fn only<'e, 's, const N: usize>(item: &'e Element<'s>, names: &[&str; N]) -> Written<[Option<&'e Element<'s>>; N]> {
    pick(item.children.iter(), names)
}

/// Returns the elements of those names; refuses any other and a second of the same.
fn pick<'e, 's: 'e, const N: usize>(
    children: impl Iterator<Item = &'e Element<'s>>,
    names: &[&str; N],
) -> Written<[Option<&'e Element<'s>>; N]> {
    let mut found = [None; N];
    for child in children {
        let index = names.iter().position(|name| child.name == *name).ok_or_else(|| no_code(&child.name))?;
        if found[index].replace(child).is_some() {
            return Err(cannot(&child.name, "occurs once there"));
        }
    }
    Ok(found)
}

fn need<'e, 's>(child: Option<&'e Element<'s>>) -> Written<&'e Element<'s>> {
    child.ok_or_else(|| CannotWrite { what: "a part that every message has is missing".to_owned() })
}

fn no_code(name: &str) -> CannotWrite {
    cannot(name, "has no known code")
}

fn cannot(name: &str, why: impl AsRef<str>) -> CannotWrite {
    CannotWrite { what: format!("plain text cannot carry `{name}`: it {}", why.as_ref()) }
}

impl Element<'_> {
    /// Refuses what no notation carries: attributes, and octets that are no text.
    fn check_plain(&self) -> Written<()> {
        let mut fault = None;
        self.walk(&mut |element, _| {
            let is_odd = element.attributes.iter().any(|attribute| !is_declaration(&attribute.name));
            let is_binary = matches!(&element.content, Content::Octets(octets) if std::str::from_utf8(octets).is_err());
            if is_odd || is_binary {
                fault = Some(cannot(&element.name, "has attributes, or octets that are no text"));
            }
        });
        fault.map_or(Ok(()), Err)
    }
}
