//! What the values of the vendor's elements say, beside one another and beside the node that they stand on.

use super::{Findings, pattern};
use crate::codec::{self, Limits};
use crate::diagnose::{Report, Severity, Span};
use crate::dm::node::Format;
use crate::dm::uri::Uri;
use crate::document::{Element, shorten};

/// The node that an extension stands on.
#[derive(Default)]
pub(super) struct Subject<'e> {
    format: Option<Format>,
    /// Its DefaultValue, where that is not empty.
    default: Option<&'e Element<'e>>,
    name: &'e str,
}

impl<'e> Subject<'e> {
    pub(super) fn of(node: &'e Element<'e>) -> Self {
        let properties = node.child("DFProperties");
        let format = properties.and_then(|p| p.child("DFFormat")).and_then(|f| f.children.first());
        let default = properties.and_then(|p| p.child("DefaultValue"));
        Self {
            format: format.and_then(|format| Format::read(&format.name)),
            default: default.filter(|value| !value.trimmed().is_empty()),
            name: node.child_text("NodeName").unwrap_or_default(),
        }
    }

    fn default_value(&self) -> Option<(&'e str, Span)> {
        self.default.map(|default| (default.trimmed(), default.content_span))
    }
}

/// Checks the value of one element; `name` is its name without the prefix.
pub(super) fn check(
    element: &Element<'_>,
    name: &str,
    prefix: &str,
    subject: &Subject<'_>,
    findings: &mut Findings<'_, '_>,
) {
    let (text, span) = (element.trimmed(), element.content_span);
    match name {
        "AllowedValues" => Allowed { element, prefix, subject }.check(findings),
        "DependencyAllowedValue" | "DependencyChangedAllowedValues" => {
            Allowed { element, prefix, subject: &Subject::default() }.check(findings);
        }
        "OsBuildVersion" | "StartOSVerison" => {
            let unlike = text.split(',').map(str::trim_ascii).find(|version| !is_version(version, 2..=4));
            if let Some(version) = unlike {
                findings.warn(span, format!("`{}` is no build such as `10.0.17134`", shorten(version)));
            }
        }
        "CspVersion" if !is_version(text, 1..=2) => {
            findings.warn(span, format!("`{}` is no version such as `1.0`", shorten(text)));
        }
        "EditionAllowList" => {
            let editions = text.split(';').map(str::trim_ascii).filter(|edition| !edition.is_empty());
            if let Some(edition) = editions.map(|e| e.trim_end_matches('*')).find(|e| !is_hexadecimal(e)) {
                findings.warn(span, format!("`{}` is no edition such as `0x4`", shorten(edition)));
            }
        }
        "Deprecated" => {
            let attribute = element.find_attribute("OsBuildDeprecated");
            if let Some(build) = attribute.filter(|a| !is_version(a.value.trim_ascii(), 2..=4)) {
                findings
                    .warn(build.value_span, format!("`{}` is no build such as `10.0.17134`", shorten(&build.value)));
            }
        }
        "DynamicNodeNaming" if !subject.name.is_empty() => {
            let message = format!("the node has the name `{}`; nobody gives it one", shorten(subject.name));
            findings.warn(element.span, message);
        }
        "Dependency" => {
            let kind = element.find_attribute("Type");
            if let Some(kind) = kind.filter(|a| !["DependsOn", "Not"].contains(&a.value.as_ref())) {
                findings.note(kind.value_span, format!("`{}` is neither `DependsOn` nor `Not`", shorten(&kind.value)));
            }
        }
        "DependencyUri" => {
            if let Err(error) = Uri::read(text) {
                findings.warn(span, format!("`{}` is no address of a node: {error}", shorten(text)));
            }
        }
        "RWAccess" if !matches!(text, "1" | "2" | "3") => {
            findings.warn(span, format!("`{}` is not 1 (read), 2 (write) or 3 (both)", shorten(text)));
        }
        "AccessRole" if number(text).is_none() => {
            findings.warn(span, format!("`{}` is no number", shorten(text)));
        }
        "SupportedValues" => check_supported(element, prefix, subject, findings),
        "XMLSchema" => check_schema(element, findings),
        _ => {}
    }
}

/// Checks `MinValue`, `MaxValue` and `MaxLength` beside one another and beside the default.
pub(super) fn check_limits(
    properties: &Element<'_>,
    prefix: &str,
    subject: &Subject<'_>,
    findings: &mut Findings<'_, '_>,
) {
    let mut limit = |name: &str| {
        let element = child(properties, prefix, name).filter(|limit| !limit.trimmed().is_empty())?;
        let limit = number(element.trimmed());
        if limit.is_none() {
            let message = format!("`{}` is neither a number nor empty", shorten(element.trimmed()));
            findings.warn(element.content_span, message);
        }
        Some((limit?, element.content_span))
    };
    let (low, high, length) = (limit("MinValue"), limit("MaxValue"), limit("MaxLength"));
    if let (Some((low, _)), Some((high, span))) = (low, high)
        && low > high
    {
        return findings.warn(span, format!("MaxValue {high} is below MinValue {low}"));
    }
    let Some((text, span)) = subject.default_value() else { return };
    if let Some((longest, _)) = length.filter(|(longest, _)| (*longest as usize) < text.chars().count()) {
        findings.warn(span, format!("the default `{}` is longer than MaxLength {longest}", shorten(text)));
    }
    if low.is_some() || high.is_some() {
        let low = low.map_or(i64::MIN, |limit| limit.0);
        let high = high.map_or(i64::MAX, |limit| limit.0);
        check_default(&[text], span, &Values::Range(low, high), subject, findings);
    }
}

/// Checks `SupportedValues`: a range in two attributes, or a list in one, or elements.
fn check_supported(element: &Element<'_>, prefix: &str, subject: &Subject<'_>, findings: &mut Findings<'_, '_>) {
    let mut limit = |name: &str| {
        let attribute = element.find_attribute(name)?;
        let limit = number(attribute.value.trim_ascii());
        if limit.is_none() {
            findings.warn(attribute.value_span, format!("`{}` is no number", shorten(&attribute.value)));
        }
        limit
    };
    let values = match (limit("low"), limit("high")) {
        (Some(low), Some(high)) if low > high => {
            return findings.warn(element.span, format!("the highest value {high} is below the lowest {low}"));
        }
        (Some(low), Some(high)) => Values::Range(low, high),
        _ => match element.attribute("AllowedValues") {
            Some(list) => Values::Words(list.split(',').map(str::trim_ascii).collect()),
            None => {
                let values = children(element, prefix, "SupportedValue").filter_map(|v| v.attribute("value"));
                Values::Words(values.collect())
            }
        },
    };
    if let Some((text, span)) = subject.default_value() {
        check_default(&[text], span, &values, subject, findings);
    }
}

/// Checks that the text of an element is a schema: XML whose root is `schema`.
fn check_schema(element: &Element<'_>, findings: &mut Findings<'_, '_>) {
    // One that stands unescaped was read with the document.
    if !element.children.is_empty() {
        return;
    }
    let (text, span) = (element.text(), element.content_span);
    let mut own = Report::new();
    let schema = codec::read(text.as_bytes(), &[], &Limits::default(), &mut own);
    let wrong = own.into_diagnostics().into_iter().find(|finding| finding.severity == Severity::Error);
    if let Some(wrong) = wrong {
        // Where the text stands in the document as it is, so does what is wrong with it.
        let is_verbatim = span.range().len() == text.len();
        let start = (span.start + wrong.span.start) as usize;
        let span = if is_verbatim { Span::new(start, start + wrong.span.range().len()) } else { span };
        return findings.warn(span, format!("the schema is no well-formed XML: {}", wrong.message));
    }
    let root = schema.map(|schema| schema.root.name.rsplit(':').next().unwrap_or_default().to_owned());
    if let Some(root) = root.filter(|root| root != "schema") {
        findings.warn(span, format!("the root of a schema is `schema`, not `{}`", shorten(&root)));
    }
}

/// The values that a node may have.
enum Values<'e> {
    /// Any that we can judge.
    Any,
    /// From, up to.
    Range(i64, i64),
    /// One of these.
    Words(Vec<&'e str>),
    /// Any combination of these bits.
    Bits(i64),
}

/// `AllowedValues`, or one of the two elements with the same content.
struct Allowed<'e> {
    element: &'e Element<'e>,
    prefix: &'e str,
    subject: &'e Subject<'e>,
}

impl<'e> Allowed<'e> {
    fn check(&self, findings: &mut Findings<'_, '_>) {
        let kind = self.element.attribute("ValueType").unwrap_or_default();
        let needed = match kind {
            "ENUM" | "Flag" => Some("Enum"),
            "Range" | "RegEx" | "XSD" | "JSON" => Some("Value"),
            "ADMX" => Some("AdmxBacked"),
            "SDDL" | "None" => None,
            // That it is missing is told with the attributes.
            "" => return,
            _ => {
                let message = format!("`{}` is no ValueType that is known", shorten(kind));
                return findings.note(self.element.span, message);
            }
        };
        let mut missing = needed.filter(|name| child(self.element, self.prefix, name).is_none());
        for name in ["Enum", "Value", "AdmxBacked"] {
            let is_there = child(self.element, self.prefix, name).is_some();
            if is_there && needed != Some(name) && !(kind == "SDDL" && name == "Value") {
                let message = match missing.take() {
                    Some(needed) => format!("values of type {kind} stand in `{needed}`, not in `{name}`"),
                    None => format!("values of type {kind} have no `{name}`"),
                };
                findings.warn(self.element.span, message);
            }
        }
        if let Some(name) = missing {
            findings.warn(self.element.span, format!("values of type {kind} need `{name}`"));
        }
        let value = child(self.element, self.prefix, "Value");
        let values = match (kind, value) {
            ("ENUM", _) => self.words(findings),
            ("Flag", _) => self.bits(findings),
            ("Range", Some(value)) => self.range(value, findings),
            ("RegEx", Some(value)) => check_pattern(value, findings),
            ("XSD", Some(value)) => {
                check_schema(value, findings);
                Values::Any
            }
            ("JSON", Some(value)) => check_json(value, findings),
            _ => Values::Any,
        };
        self.default(&values, findings);
    }

    fn default(&self, values: &Values<'_>, findings: &mut Findings<'_, '_>) {
        let Some((text, span)) = self.subject.default_value() else { return };
        let delimiter = child(self.element, self.prefix, "List").and_then(|list| list.attribute("Delimiter"));
        match delimiter.and_then(delimiter_text) {
            None => check_default(&[text], span, values, self.subject, findings),
            Some(delimiter) => {
                let items: Vec<&str> = text.split(&delimiter).map(str::trim_ascii).collect();
                check_default(&items, span, values, self.subject, findings);
            }
        }
    }

    /// Returns the values of the Enums.
    fn enumerated(&self) -> impl Iterator<Item = (&'e str, Span)> {
        let prefix = self.prefix;
        let values = children(self.element, prefix, "Enum").filter_map(move |one| child(one, prefix, "Value"));
        values.map(|value| (value.trimmed(), value.content_span))
    }

    fn words(&self, findings: &mut Findings<'_, '_>) -> Values<'e> {
        let mut words: Vec<&'e str> = Vec::new();
        let mut sorted = std::collections::BTreeSet::new();
        for (word, span) in self.enumerated() {
            let format = self.subject.format.unwrap_or(Format::Chr);
            if !sorted.insert(word) {
                findings.warn(span, format!("the value `{}` is given twice", shorten(word)));
            } else if !may_be(format, word) {
                let message = format!("`{}` is no value of format {}", shorten(word), format.as_str());
                findings.warn(span, message);
            }
            words.push(word);
        }
        Values::Words(words)
    }

    fn bits(&self, findings: &mut Findings<'_, '_>) -> Values<'e> {
        let mut listed = Vec::new();
        for (text, span) in self.enumerated() {
            match number(text).filter(|flag| *flag >= 0) {
                None => findings.warn(span, format!("`{}` is no flag: a number is", shorten(text))),
                Some(flag) if listed.iter().any(|(other, _)| *other == flag) => {
                    findings.warn(span, format!("the flag `{}` is given twice", shorten(text)));
                }
                Some(flag) => listed.push((flag, span)),
            }
        }
        let single = listed.iter().filter(|(flag, _)| flag.count_ones() == 1).fold(0, |all, (flag, _)| all | flag);
        for (flag, span) in listed.iter().filter(|(flag, _)| flag & !single != 0) {
            findings.note(*span, format!("0x{flag:X} is neither one bit nor made of those listed"));
        }
        Values::Bits(listed.iter().fold(0, |all, (flag, _)| all | flag))
    }

    fn range(&self, value: &Element<'_>, findings: &mut Findings<'_, '_>) -> Values<'e> {
        let (text, span) = (value.trimmed(), value.content_span);
        let Some((low, high)) = range(text) else {
            findings.note(span, format!("`{}` is no range such as `[0-65535]`", shorten(text)));
            return Values::Any;
        };
        if low > high {
            findings.warn(span, format!("the range begins at {low} and ends at {high}"));
            return Values::Any;
        }
        let is_int = self.subject.format == Some(Format::Int);
        if is_int && (low < i64::from(i32::MIN) || high > i64::from(i32::MAX)) {
            let message = format!("the range reaches beyond format int, which ends at {}", i32::MAX);
            findings.note(span, message);
        }
        Values::Range(low, high)
    }
}

fn check_pattern(value: &Element<'_>, findings: &mut Findings<'_, '_>) -> Values<'static> {
    let (text, span) = (value.trimmed(), value.content_span);
    if let Some((_, what)) = pattern::fault(text) {
        findings.warn(span, format!("the regular expression `{}` {what}", shorten(text)));
    } else if text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
        findings.note(span, "the slashes around the regular expression are part of it");
    }
    Values::Any
}

fn check_json(value: &Element<'_>, findings: &mut Findings<'_, '_>) -> Values<'static> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(value.text()) {
        findings.warn(value.content_span, format!("the value is no JSON: {error}"));
    }
    Values::Any
}

/// Reports those items of a default that are not among the values.
fn check_default(
    items: &[&str],
    span: Span,
    values: &Values<'_>,
    subject: &Subject<'_>,
    findings: &mut Findings<'_, '_>,
) {
    let is_fitting = |item: &&str| match values {
        Values::Any => true,
        Values::Range(low, high) => number(item).is_some_and(|value| (*low..=*high).contains(&value)),
        Values::Words(words) => words.is_empty() || words.iter().any(|word| is_same(word, item, subject.format)),
        Values::Bits(bits) => number(item).is_some_and(|value| value & !bits == 0),
    };
    let Some(item) = items.iter().find(|item| !is_fitting(item)) else { return };
    let item = shorten(item);
    let message = match values {
        Values::Range(i64::MIN, high) => format!("the default `{item}` is no number up to {high}"),
        Values::Range(low, i64::MAX) => format!("the default `{item}` is no number from {low} on"),
        Values::Range(low, high) => format!("the default `{item}` is no number from {low} to {high}"),
        Values::Bits(bits) => format!("the default `{item}` is not made of the bits 0x{bits:X}"),
        Values::Any | Values::Words(_) => format!("the default `{item}` is none of the values that are allowed"),
    };
    findings.warn(span, message);
}

fn children<'e>(element: &'e Element<'e>, prefix: &'e str, name: &'e str) -> impl Iterator<Item = &'e Element<'e>> {
    element.children.iter().filter(move |child| child.name.strip_prefix(prefix) == Some(name))
}

fn child<'e>(element: &'e Element<'e>, prefix: &str, name: &str) -> Option<&'e Element<'e>> {
    element.children.iter().find(|child| child.name.strip_prefix(prefix) == Some(name))
}

/// Returns the number that `text` says, in decimal or after `0x` in hexadecimal digits.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if is_hexadecimal(text) => i64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// Returns the ends of a range: `[0-65535]`, `[1]` or, with parentheses around a negative number, `[(-1)-7]`.
fn range(text: &str) -> Option<(i64, i64)> {
    fn end(text: &str) -> Option<(i64, &str)> {
        if let Some(rest) = text.strip_prefix('(') {
            let (inside, rest) = rest.split_once(')')?;
            return Some((number(inside)?, rest));
        }
        let digits = text.get(1..)?.find('-').map_or(text.len(), |at| at + 1);
        Some((number(&text[..digits])?, &text[digits..]))
    }
    let (low, rest) = end(text.strip_prefix('[')?.strip_suffix(']')?)?;
    if rest.is_empty() {
        return Some((low, low));
    }
    let (high, rest) = end(rest.strip_prefix('-')?)?;
    rest.is_empty().then_some((low, high))
}

/// Returns the text between the items of a list: `0xF000` and `\xF000` stand for the character of that number.
fn delimiter_text(delimiter: &str) -> Option<String> {
    let digits = delimiter.strip_prefix("0x").or_else(|| delimiter.strip_prefix("\\x"));
    let character = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
    let text = character.map_or_else(|| delimiter.to_owned(), String::from);
    Some(text).filter(|text| !text.is_empty())
}

fn is_version(text: &str, parts: std::ops::RangeInclusive<usize>) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.contains(&text.split('.').count()) && text.split('.').all(is_number)
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns whether a node of that format may have that value, as vendors write values.
fn may_be(format: Format, text: &str) -> bool {
    match format {
        Format::Int => number(text).is_some_and(|value| (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&value)),
        Format::Bool => truth(text).is_some(),
        _ => true,
    }
}

fn is_same(one: &str, other: &str, format: Option<Format>) -> bool {
    one == other
        || match format {
            Some(Format::Int) => number(one).is_some_and(|value| number(other) == Some(value)),
            Some(Format::Bool) => truth(one).is_some_and(|value| truth(other) == Some(value)),
            _ => false,
        }
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text {
        _ if is(["true", "1"]) => Some(true),
        _ if is(["false", "0"]) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges_as_vendors_write_them() {
        assert_eq!(range("[0-65535]"), Some((0, 65535)));
        assert_eq!(range("[1]"), Some((1, 1)));
        assert_eq!(range("[(-1)-2147483647]"), Some((-1, 2_147_483_647)));
        assert_eq!(range("[-5-5]"), Some((-5, 5)));
        for text in ["", "[]", "0-5", "[0-]", "[a-b]", "[0-5-6]", "[(-1]", "[é]"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn reads_delimiters_by_number() {
        assert_eq!(delimiter_text("0xF000").as_deref(), Some("\u{F000}"));
        assert_eq!(delimiter_text("\\xF000").as_deref(), Some("\u{F000}"));
        assert_eq!(delimiter_text(";").as_deref(), Some(";"));
        assert_eq!(delimiter_text(""), None);
    }
}
