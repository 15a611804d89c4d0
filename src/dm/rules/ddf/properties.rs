//! Rules DDF009 to DDF015 and DDF019: formats, types and values.

use super::super::super::ddf::Occurrence;
use super::super::super::node::Format;
use super::super::super::values::fits_text as fits;
use super::Walk;
use super::examples::{GOOD, GOOD_INTERIOR};
use super::facts::Facts;
use super::fixes::{self, unsafely};
use super::nodes::is_prose;
use crate::diagnose::{Diagnostic, Edit, Fix, Rule, Severity};
use crate::document::{Element, is_media_type, shorten};

pub(super) const DEFAULTS: Rule = Rule {
    code: "DDF009",
    name: "not-said",
    severity: Severity::Note,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\" and \"Scope\"",
    summary: "without Occurrence a node is there once, without Scope it is dynamic",
    help: "write what is meant: `<Occurrence><One/></Occurrence>`, `<Scope><Dynamic/></Scope>`",
    bad: GOOD,
    good: example!(node!(
        "Name",
        "<DFProperties><AccessType><Get/></AccessType><DFFormat><chr/></DFFormat>\n    ",
        "<Occurrence><One/></Occurrence><Scope><Dynamic/></Scope>",
        "<DFType><MIME>text/plain</MIME></DFType></DFProperties>"
    )),
};

pub(super) const FORMAT_OF_PARENT: Rule = Rule {
    code: "DDF010",
    name: "format-of-parent",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFFormat\"",
    summary: "a node with children has the format `node`",
    help: "write `<DFFormat><node/></DFFormat>`, or describe the children elsewhere",
    bad: example!(node!("Con", properties!(text!()), "\n", leaf!())),
    good: GOOD_INTERIOR,
};

pub(super) const INTERIOR_TYPE: Rule = Rule {
    code: "DDF011",
    name: "type-of-interior-node",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFType\"",
    summary: "the type of an interior node is a DDFName: the identifier of a management object, or empty",
    help: "write `<DFType><DDFName/></DFType>`, with the identifier in it where the node is the root of an object",
    bad: example!(node!(
        "Con",
        properties!("<DFFormat><node/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"),
        "\n",
        leaf!()
    )),
    good: GOOD_INTERIOR,
};

pub(super) const LEAF_TYPE: Rule = Rule {
    code: "DDF012",
    name: "type-of-leaf",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFType\"",
    summary: "a leaf has at least one media type",
    help: "write `<DFType><MIME>text/plain</MIME></DFType>`, or the type that the value has",
    bad: example!(node!("Name", properties!("<DFFormat><chr/></DFFormat><DFType><MIME/></DFType>"))),
    good: GOOD,
};

pub(super) const IDENTIFIER: Rule = Rule {
    code: "DDF013",
    name: "object-identifier",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DDFName\"",
    summary: "the identifier of a management object is a URI or `domain/major.minor/name`",
    help: "write an identifier such as `urn:oma:mo:oma-imps:1.0` or `com.example/1.0/Settings`, or leave DDFName empty",
    bad: example!(node!(
        "Con",
        properties!("<DFFormat><node/></DFFormat><DFType><DDFName>Settings 1</DDFName></DFType>"),
        "\n",
        leaf!()
    )),
    good: example!(node!(
        "Con",
        properties!("<DFFormat><node/></DFFormat><DFType><DDFName>com.example/1.0/Settings</DDFName></DFType>"),
        "\n",
        leaf!()
    )),
};

pub(super) const INTERIOR_VALUE: Rule = Rule {
    code: "DDF014",
    name: "value-of-interior-node",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DefaultValue\"",
    summary: "an interior node has no value, no default and no size",
    help: "remove it, or give the node the format of a leaf",
    bad: example!(node!(
        "Con",
        "<DFProperties><AccessType><Get/></AccessType><DefaultValue>1</DefaultValue>",
        inner!(),
        "</DFProperties>\n",
        leaf!()
    )),
    good: GOOD_INTERIOR,
};

pub(super) const VALUE: Rule = Rule {
    code: "DDF015",
    name: "default-does-not-fit",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"Format\"",
    summary: "a default or value is not of the format or the media type of its node",
    help: "int is a decimal number of 32 bits, bool is true or false, bin and b64 are base64, dates are ISO 8601",
    bad: example!(node!(
        "Port",
        "<DFProperties><AccessType><Get/></AccessType><DefaultValue>http</DefaultValue>",
        "<DFFormat><int/></DFFormat><DFType><MIME>text/plain</MIME></DFType></DFProperties>"
    )),
    good: example!(node!(
        "Port",
        "<DFProperties><AccessType><Get/></AccessType><DefaultValue>80</DefaultValue>",
        "<DFFormat><int/></DFFormat><DFType><MIME>text/plain</MIME></DFType></DFProperties>"
    )),
};

/// DFProperties of a leaf that is there up to so many times.
macro_rules! counted {
    ($count:literal) => {
        properties!(
            "<DFFormat><chr/></DFFormat><Occurrence><ZeroOrN>",
            $count,
            "</ZeroOrN></Occurrence><DFType><MIME>text/plain</MIME></DFType>"
        )
    };
}

pub(super) const COUNT: Rule = Rule {
    code: "DDF019",
    name: "count-of-occurrences",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\"",
    summary: "ZeroOrN and OneOrN hold a number from 2 to 65536",
    help: "write the number, or ZeroOrMore and OneOrMore where there is no limit",
    bad: example!(node!("", counted!("1"))),
    good: example!(node!("", counted!("2"))),
};

impl<'e> Walk<'_, 'e> {
    pub(super) fn check_properties(&mut self, facts: &Facts<'e>) {
        let Some(properties) = facts.properties.filter(|properties| !is_prose(properties)) else { return };
        if facts.occurrence.is_none() {
            self.tally(&DEFAULTS, properties.span, "no Occurrence is said, which means One");
        }
        if facts.scope.is_none() {
            self.tally(&DEFAULTS, properties.span, "no Scope is said, which means Dynamic");
        }
        if let (Some(format), true) = (facts.format.filter(|f| *f != Format::Node), facts.has_children) {
            let span = facts.format_element.map_or(properties.span, |element| element.span);
            self.add(&FORMAT_OF_PARENT, span, format!("the node has children and the format `{format}`"));
        }
        self.check_count(facts);
        self.check_type(facts);
        self.check_values(facts);
    }

    fn check_count(&mut self, facts: &Facts<'e>) {
        let Some(element) = facts.occurrence_element.filter(|e| matches!(e.name.as_ref(), "ZeroOrN" | "OneOrN")) else {
            return;
        };
        let count = match facts.occurrence {
            Some(Occurrence::ZeroOrN(count) | Occurrence::OneOrN(count)) => count,
            _ => 0,
        };
        if !(2..=65536).contains(&count) {
            let message = match element.trimmed() {
                "" => format!("`{}` holds no number", element.name),
                text => format!("`{}` in `{}` is no number from 2 to 65536", shorten(text), element.name),
            };
            self.add(&COUNT, element.span, message);
        }
    }

    fn check_type(&mut self, facts: &Facts<'e>) {
        let Some(kind) = facts.kind else { return };
        let is_type = |child: &&Element<'_>| matches!(child.name.as_ref(), "MIME" | "DDFName");
        for child in kind.children.iter().filter(|child| !is_type(child)) {
            self.misplaced(kind, child, &["MIME", "DDFName"]);
        }
        if facts.has_children && !facts.is_interior() {
            // Which of the two is meant is not known: DDF010.
            return;
        }
        let mut types = kind.children.iter().filter(is_type);
        match (types.next(), facts.is_interior()) {
            (None, is_interior) if kind.trimmed().is_empty() => self.no_type(facts, kind, is_interior),
            (None, _) => self.no_text(kind),
            (Some(first), true) => self.type_of_interior(kind, first),
            (Some(_), false) => {
                for child in kind.children.iter().filter(is_type) {
                    self.type_of_leaf(facts, child);
                }
            }
        }
    }

    fn no_type(&mut self, facts: &Facts<'e>, kind: &Element<'_>, is_interior: bool) {
        let xml = self.xml;
        if is_interior {
            let fix = xml.map(|_| fixes::replace(kind, "<DFType><DDFName/></DFType>"));
            self.add_with(&INTERIOR_TYPE, kind.span, "DFType is empty", fix);
        } else {
            let text = format!("<DFType><MIME>{}</MIME></DFType>", usual_type(facts));
            let fix = xml.map(|_| unsafely(fixes::replace(kind, text)));
            self.add_with(&LEAF_TYPE, kind.span, "DFType is empty", fix);
        }
    }

    fn type_of_interior(&mut self, kind: &Element<'_>, first: &Element<'_>) {
        let text = first.trimmed();
        if first.name == "DDFName" {
            if !text.is_empty() && !is_identifier(text) {
                let message = format!("`{}` is neither a URI nor `domain/major.minor/name`", shorten(text));
                self.add(&IDENTIFIER, first.span, message);
            }
            return;
        }
        let is_alone = kind.children.len() == 1;
        let fix = self.xml.filter(|_| is_alone).and_then(|xml| match text {
            "" => Some(fixes::replace(first, "<DDFName/>")),
            _ if is_identifier(text) => xml.rename(first, "DDFName"),
            _ => Some(unsafely(fixes::replace(first, "<DDFName/>"))),
        });
        let message = match text {
            "" => "an interior node has an empty MIME for a type".to_owned(),
            _ if is_identifier(text) => format!("the identifier `{}` stands in MIME, not in DDFName", shorten(text)),
            _ if !is_media_type(text) => {
                format!("`{}` stands in MIME, and is no identifier `domain/major.minor/name` either", shorten(text))
            }
            _ => format!("an interior node has the media type `{}`", shorten(text)),
        };
        self.add_with(&INTERIOR_TYPE, first.span, message, fix);
    }

    fn type_of_leaf(&mut self, facts: &Facts<'e>, child: &Element<'_>) {
        let text = child.trimmed();
        let message = match child.name.as_ref() {
            "MIME" if is_media_type(text) => return,
            "MIME" if text.is_empty() => "the MIME of a leaf is empty".to_owned(),
            "MIME" => format!("`{}` is no media type", shorten(text)),
            name => format!("a leaf has `{name}` for a type"),
        };
        let is_empty = text.is_empty();
        let usual = || format!("<MIME>{}</MIME>", usual_type(facts));
        let fix = self.xml.filter(|_| is_empty).map(|_| unsafely(fixes::replace(child, usual())));
        self.add_with(&LEAF_TYPE, child.span, message, fix);
    }

    fn check_values(&mut self, facts: &Facts<'e>) {
        if facts.is_interior() {
            // That a node with children has a Value is DDF006.
            let value = facts.value.filter(|_| !facts.has_children);
            let size = facts.run_time.as_ref().and_then(|run_time| run_time.size);
            for element in [value, facts.default, size].into_iter().flatten() {
                let is_empty = element.children.is_empty() && element.trimmed().is_empty();
                let fix = self.xml.filter(|_| is_empty).map(|xml| xml.remove(element));
                let message = format!("an interior node has {}", element.name);
                self.add_with(&INTERIOR_VALUE, element.span, message, fix);
            }
        } else if !facts.has_children {
            for element in [facts.default, facts.value].into_iter().flatten() {
                self.check_value(facts, element);
            }
        }
    }

    fn check_value(&mut self, facts: &Facts<'e>, element: &'e Element<'e>) {
        let Some(format) = facts.format else { return };
        let name = &element.name;
        if let Some(child) = element.children.first() {
            // XML may stand unescaped where it is the format.
            if format != Format::Xml {
                self.add(&VALUE, child.span, format!("{name} of the format `{format}` holds elements"));
            }
            return;
        }
        let (text, trimmed) = (element.text(), element.trimmed());
        // An empty default is none: shipped descriptions have it where a device has no default.
        if trimmed.is_empty() && (name == "DefaultValue" || format == Format::Chr) {
            return;
        }
        if !fits(format, trimmed) {
            let message = format!("{name} `{}` is not of the format `{format}`", shown(facts, trimmed));
            let finding = Diagnostic::new(&VALUE, element.span, message);
            self.tell(match self.lower_case(element, format) {
                Some(fix) => finding.lenient(Severity::Warning).fix(fix),
                None => finding,
            });
        } else if format == Format::Chr {
            let is_xml = |kind: &Element<'_>| kind.children.iter().any(|child| is_xml_type(child.trimmed()));
            if facts.kind.is_some_and(is_xml) && !fits(Format::Xml, trimmed) {
                self.add(&VALUE, element.span, format!("{name} is not the XML that the media type says"));
            }
        } else if text.len() != trimmed.len() && format != Format::Xml {
            let fix = self.xml.and_then(|xml| xml.trim(element));
            let finding = Diagnostic::new(&VALUE, element.span, format!("{name} has blanks around the value"));
            self.tell(Diagnostic { fix, ..finding.severity(Severity::Warning) });
        }
    }

    /// Returns the change that writes a truth value in lower case.
    fn lower_case(&self, element: &Element<'_>, format: Format) -> Option<Fix> {
        let text = self.xml?.plain_text(element)?.to_ascii_lowercase();
        let is_truth = format == Format::Bool && matches!(text.trim_ascii(), "true" | "false");
        is_truth.then(|| Fix::safe(vec![Edit::new(element.content_span, text)]))
    }
}

/// Returns the beginning of a value, for messages; that of a secret is not shown.
fn shown(facts: &Facts<'_>, text: &str) -> String {
    if super::super::super::is_secret(facts.name) { super::super::super::MASK.to_owned() } else { shorten(text) }
}

/// Returns the media type that a leaf of that format usually has.
fn usual_type(facts: &Facts<'_>) -> &'static str {
    match facts.format {
        Some(Format::Bin | Format::B64) => "application/octet-stream",
        Some(Format::Xml) => "application/xml",
        _ => "text/plain",
    }
}

fn is_xml_type(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
    matches!(essence, "text/xml" | "application/xml") || essence.ends_with("+xml")
}

/// Returns whether a text is a URI, or `domain/major.minor/name(/name)*`.
fn is_identifier(text: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if let Some((scheme, rest)) = text.split_once(':') {
        return scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_graphic());
    }
    let mut parts = text.split('/');
    let (Some(domain), Some(version)) = (parts.next(), parts.next()) else { return false };
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_number = |text: &str| text == "0" || (text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0'));
    let is_version = |(major, minor): (&str, &str)| {
        !major.is_empty() && major != "0" && is_number(major) && !minor.is_empty() && is_number(minor)
    };
    let mut names = parts.peekable();
    domain.contains('.')
        && domain.split('.').all(is_label)
        && version.split_once('.').is_some_and(is_version)
        && names.peek().is_some()
        && names.all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for text in ["urn:oma:mo:oma-imps:1.0", "com.example/1.0/A", "org.openmobilealliance/1.0/w7", "a.b/10.0/A/B1"] {
            assert!(is_identifier(text), "{text}");
        }
        for text in
            ["A", "com.example/1/A", "com.example/0.1/A", "com.example/1.01/A", "com.example/1.0", "a b:c", "x:"]
        {
            assert!(!is_identifier(text), "{text}");
        }
        assert!(!is_identifier("text/plain") && !is_identifier("com.example/1.0/A B"));
    }
}
