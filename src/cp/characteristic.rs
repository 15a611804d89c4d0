//! Characteristics and parms: what Provisioning Content 1.1 declares, and a document seen through it.
//!
//! The declarations are a table, `characteristics.tsv`: a row without a parm declares a characteristic with the
//! characteristics that it may stand in and the parm that tells its siblings apart; the other rows declare its parms.
//! [`Characteristic`] is a `characteristic` element with its parms and children looked up there.

use std::fmt;
use std::sync::LazyLock;

use super::application::{self, Application};
use crate::diagnose::Span;
use crate::document::{Element, Occurs, shorten};

/// A declared characteristic.
#[derive(Debug)]
pub struct Declaration {
    /// The type, in upper case.
    pub name: &'static str,
    /// How often it occurs in each of its parents.
    pub occurs: Occurs,
    /// The types it may stand in: `root`, or `*` for any.
    pub parents: Vec<&'static str>,
    /// The parm that tells siblings of this type apart.
    pub key: Option<&'static str>,
    /// The parms; one named `*` stands for any.
    pub parms: Vec<ParmDeclaration>,
}

/// A declared parm.
#[derive(Debug)]
pub struct ParmDeclaration {
    /// The name, in upper case.
    pub name: &'static str,
    /// How often it occurs.
    pub occurs: Occurs,
    /// What it holds.
    pub value: Value,
}

/// What a parm holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text that must be there.
    Text,
    /// Text or nothing.
    Any,
    /// Nothing: the parm itself is the statement.
    Flag,
    /// A decimal number of that range.
    Range(u32, u32),
    /// A decimal number, or a word.
    Number(Option<&'static str>),
    /// Hexadecimal digits.
    Hex,
    /// One word of a list.
    One(Vec<&'static str>),
    /// Several words of a list.
    Some(Vec<&'static str>),
    /// The key of a characteristic of that type.
    Reference(&'static str),
}

impl Value {
    /// Reads the notation of the tables.
    pub(super) fn read(text: &'static str) -> Self {
        let words = |list: &'static str| list.split(' ').collect();
        match text {
            "text" => Self::Text,
            "any" => Self::Any,
            "flag" => Self::Flag,
            "number" => Self::Number(None),
            "hex" => Self::Hex,
            _ => {
                if let Some(list) = text.strip_prefix("one of ") {
                    Self::One(words(list))
                } else if let Some(list) = text.strip_prefix("some of ") {
                    Self::Some(words(list))
                } else if let Some(target) = text.strip_prefix("ref ") {
                    Self::Reference(target)
                } else if let Some(word) = text.strip_prefix("number or ") {
                    Self::Number(Some(word))
                } else {
                    let ends = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                    let (least, most) = ends.unwrap_or_else(|| panic!("characteristics: unknown value `{text}`"));
                    Self::Range(least, most)
                }
            }
        }
    }
}

impl fmt::Display for ParmDeclaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let often = match (self.occurs.least, self.occurs.most) {
            (1, Some(1)) => "once",
            (0, Some(1)) => "at most once",
            (1, _) => "once or more",
            _ => "any number of times",
        };
        let value = match &self.value {
            Value::Text => "text".to_owned(),
            Value::Any => "text, or nothing".to_owned(),
            Value::Flag => "no value, a flag".to_owned(),
            Value::Range(least, most) => format!("a number from {least} to {most}"),
            Value::Number(None) => "a number".to_owned(),
            Value::Number(Some(word)) => format!("a number, or {word}"),
            Value::Hex => "hexadecimal digits".to_owned(),
            Value::One(words) => format!("one of {}", words.join(", ")),
            Value::Some(words) => format!("some of {}", words.join(", ")),
            Value::Reference(target) => format!("names a {target}"),
        };
        write!(f, "{often}; {value}")
    }
}

/// Reads the signs `1`, `?`, `+` and `*`.
pub(super) fn occurs(sign: &str) -> Occurs {
    let (least, most) = match sign {
        "1" => (1, Some(1)),
        "?" => (0, Some(1)),
        "+" => (1, None),
        "*" => (0, None),
        _ => panic!("characteristics: unknown occurrence `{sign}`"),
    };
    Occurs { least, most }
}

/// Every declared characteristic.
pub static DECLARATIONS: LazyLock<Vec<Declaration>> = LazyLock::new(|| {
    let mut declarations: Vec<Declaration> = Vec::new();
    for row in include_str!("characteristics.tsv").lines().skip(1) {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [name, parm, sign, value, parents, key] = cells[..] else { panic!("characteristics: `{row}`") };
        if parm.is_empty() {
            let parents = parents.split(' ').collect();
            let key = (!key.is_empty()).then_some(key);
            declarations.push(Declaration { name, occurs: occurs(sign), parents, key, parms: Vec::new() });
        } else {
            let declaration = declarations.iter_mut().find(|d| d.name == name);
            let parms = &mut declaration.expect("a characteristic comes before its parms").parms;
            parms.push(ParmDeclaration { name: parm, occurs: occurs(sign), value: Value::read(value) });
        }
    }
    declarations
});

impl Declaration {
    /// Returns the declaration of a type, in any case of letters.
    pub fn of(name: &str) -> Option<&'static Self> {
        DECLARATIONS.iter().find(|d| d.name.eq_ignore_ascii_case(name))
    }

    /// Returns the declaration of a parm, in any case of letters.
    pub fn parm(&self, name: &str) -> Option<&ParmDeclaration> {
        self.parms.iter().find(|p| p.name.eq_ignore_ascii_case(name))
    }

    /// Returns whether it may stand in a characteristic of that type; `root` is the document.
    pub fn stands_in(&self, parent: &str) -> bool {
        self.parents.iter().any(|p| *p == parent || *p == "*")
    }

    /// Returns whether any parm may stand in it.
    pub fn is_open(&self) -> bool {
        self.parms.iter().any(|p| p.name == "*")
    }
}

/// A `characteristic` element as a client sees it.
#[derive(Debug)]
pub struct Characteristic<'e> {
    /// The type: as declared where it is, else as written.
    pub name: &'e str,
    /// The element.
    pub element: &'e Element<'e>,
    /// The declaration; `None` for a type that nobody declared.
    pub declaration: Option<&'static Declaration>,
    /// The application whose registration holds here.
    pub application: Option<&'static Application>,
    /// Its parms, in order.
    pub parms: Vec<Parm<'e>>,
    /// The characteristics in it, in order; none where clients do not look into it.
    pub children: Vec<Self>,
    /// Where it is, as a path of names: `APPLICATION[wA]/APPADDR`.
    pub path: String,
    /// The types from the top down to this one, joined by `/`.
    pub types: String,
}

/// A `parm` element as a client sees it.
#[derive(Debug, Clone, Copy)]
pub struct Parm<'e> {
    /// The name: as declared where it is, else as written.
    pub name: &'e str,
    /// The name as written.
    pub written: &'e str,
    /// The value, if it has one.
    pub value: Option<&'e str>,
    /// The element.
    pub element: &'e Element<'e>,
    /// What it holds; `None` for a parm that nobody declared.
    pub declaration: Option<&'static ParmDeclaration>,
}

impl Parm<'_> {
    /// Returns the place of the value, or of the name where there is no value.
    pub fn value_span(&self) -> Span {
        let attribute = self.element.find_attribute("value").or_else(|| self.element.find_attribute("name"));
        attribute.map_or(self.element.span, |a| a.value_span)
    }

    /// Returns the place of the name.
    pub fn name_span(&self) -> Span {
        self.element.find_attribute("name").map_or(self.element.span, |a| a.value_span)
    }
}

impl<'e> Characteristic<'e> {
    /// Returns the characteristics of a document, in order.
    pub fn of_document(root: &'e Element<'e>) -> Vec<Self> {
        Self::children_of(root, "", "", None)
    }

    /// Returns the value of the first parm of that name; empty where the parm has none.
    pub fn value(&self, parm: &str) -> Option<&'e str> {
        self.parm(parm).map(|p| p.value.unwrap_or_default())
    }

    /// Returns the first parm of that name.
    pub fn parm(&self, name: &str) -> Option<&Parm<'e>> {
        self.parms.iter().find(|p| p.name == name)
    }

    /// Returns the parms of that name, in order.
    pub fn parms_named<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Parm<'e>> {
        self.parms.iter().filter(move |p| p.name == name)
    }

    /// Returns the characteristics of that type in it, in order.
    pub fn children_named<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// Returns the place of the type.
    pub fn type_span(&self) -> Span {
        self.element.find_attribute("type").map_or(self.element.span, |a| a.value_span)
    }

    /// Calls `visit` for this characteristic and all below it, parents first.
    pub fn walk<'c>(&'c self, visit: &mut impl FnMut(&'c Self)) {
        visit(self);
        for child in &self.children {
            child.walk(visit);
        }
    }

    fn children_of(
        element: &'e Element<'e>,
        path: &str,
        types: &str,
        application: Option<&'static Application>,
    ) -> Vec<Self> {
        let mut counts = std::collections::HashMap::<&str, (usize, usize)>::new();
        let elements = || element.children_named("characteristic");
        for child in elements() {
            counts.entry(type_of(child)).or_default().0 += 1;
        }
        elements()
            .map(|child| {
                let (of, nth) = counts.entry(type_of(child)).or_default();
                *nth += 1;
                let number = (*of > 1).then_some(*nth);
                Self::new(child, number, path, types, application)
            })
            .collect()
    }

    fn new(
        element: &'e Element<'e>,
        number: Option<usize>,
        path: &str,
        types: &str,
        application: Option<&'static Application>,
    ) -> Self {
        let written = type_of(element);
        let declaration = Declaration::of(written);
        let name = declaration.map_or(written, |d| d.name);
        let is_application = name == "APPLICATION" && types.is_empty();
        let application = if is_application { application::of_element(element) } else { application };
        let parent = types.rsplit('/').next().filter(|parent| !parent.is_empty()).unwrap_or("root");
        let is_read = declaration.is_some_and(|d| d.stands_in(parent) && !d.is_open());
        let types = join(types, name);
        let parms: Vec<_> = element
            .children_named("parm")
            .map(|parm| {
                Parm::new(
                    parm,
                    declaration,
                    application.and_then(|a| Some((a, types.as_str(), parm.attribute("name")?))),
                )
            })
            .collect();
        let key = declaration.and_then(|d| d.key);
        let key = key.and_then(|key| parms.iter().find(|p| p.name == key)?.value).filter(|key| !key.is_empty());
        let mark = key.map(shorten).or_else(|| number.map(|n| n.to_string()));
        let shown = shorten(name);
        let path = join(path, &mark.map_or(shown.clone(), |mark| format!("{shown}[{mark}]")));
        let children = if is_read { Self::children_of(element, &path, &types, application) } else { Vec::new() };
        Self { name, element, declaration, application, parms, children, path, types }
    }
}

impl<'e> Parm<'e> {
    fn new(
        element: &'e Element<'e>,
        characteristic: Option<&'static Declaration>,
        application: Option<(&'static Application, &str, &str)>,
    ) -> Self {
        let written = element.attribute("name").unwrap_or_default();
        let registered = application.and_then(|(application, types, name)| application.parm(types, name));
        let declaration = registered.or_else(|| characteristic?.parm(written));
        let name = declaration.map_or(written, |d| d.name);
        Self { name, written, value: element.attribute("value"), element, declaration }
    }
}

fn type_of<'e>(element: &'e Element<'_>) -> &'e str {
    element.attribute("type").unwrap_or_default()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
