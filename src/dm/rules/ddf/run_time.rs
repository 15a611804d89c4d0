//! Rules DDF016 to DDF018 and DDF035: RTProperties in a description.

use super::super::super::acl::Acl;
use super::Walk;
use super::examples::GOOD;
use super::facts::{Facts, RunTime};
use crate::diagnose::{Rule, Severity};
use crate::document::{DateTime, Element, shorten};

/// A leaf with RTProperties.
macro_rules! with_run_time {
    ($($more:expr),*) => {
        example!(node!("Name", "<RTProperties>", $($more,)* "</RTProperties>\n    ", properties!(text!())))
    };
}

const GOOD_RUN_TIME: &str = with_run_time!(
    "<ACL>Get=*</ACL><Format><chr/></Format><Name>Name</Name><Size>4</Size><Type><MIME>text/plain</MIME></Type>"
);

pub(super) const DIFFERS: Rule = Rule {
    code: "DDF016",
    name: "run-time-differs",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"RTProperties\"",
    summary: "RTProperties say another format or name than the description",
    help: "write the format of DFFormat and the name of NodeName",
    bad: with_run_time!("<ACL>Get=*</ACL><Format><int/></Format><Name>Name</Name><Type><MIME>text/plain</MIME></Type>"),
    good: GOOD_RUN_TIME,
};

pub(super) const INCOMPLETE: Rule = Rule {
    code: "DDF017",
    name: "run-time-incomplete",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"RTProperties\"",
    summary: "where RTProperties stand, they list all that a device must have: ACL, Format, Name and Type",
    help: "add what is missing; an empty ACL is inherited",
    bad: with_run_time!("<Format><chr/></Format><Name>Name</Name><Type><MIME>text/plain</MIME></Type>"),
    good: GOOD_RUN_TIME,
};

pub(in crate::dm) const ACL_GRAMMAR: Rule = Rule {
    code: "DDF018",
    name: "acl-grammar",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"ACL\"",
    summary: "an ACL is `command=server+server` joined by `&`",
    help: "commands are Add, Delete, Exec, Get, Replace; leave out a command that nobody has",
    bad: "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>\n\
          <Node><NodeName>Name</NodeName><RTProperties><ACL>Get=</ACL><Format><chr/></Format>\
          <Type><MIME>text/plain</MIME></Type></RTProperties></Node>\n</MgmtTree>\n",
    good: "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>\n\
           <Node><NodeName>Name</NodeName><RTProperties><ACL>Get=*</ACL><Format><chr/></Format>\
           <Type><MIME>text/plain</MIME></Type></RTProperties></Node>\n</MgmtTree>\n",
};

pub(super) const PROPERTY_VALUE: Rule = Rule {
    code: "DDF035",
    name: "property-value",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"Properties of nodes\"",
    summary: "a property is not of its form",
    help: "Title has at most 255 octets, VerNo is 0 to 65535, Size 0 to 4294967295, TStamp `YYYYMMDDThhmmssZ`",
    bad: with_run_time!(
        "<ACL>Get=*</ACL><Format><chr/></Format><Name>Name</Name><Type><MIME>text/plain</MIME></Type>",
        "<VerNo>65536</VerNo>"
    ),
    good: GOOD,
};

impl<'e> Walk<'_, 'e> {
    pub(super) fn check_run_time(&mut self, facts: &Facts<'e>) {
        let Some(run_time) = &facts.run_time else { return };
        if let (Some(format), Some(described)) = (run_time.format, facts.format)
            && described.as_str() != format
        {
            let span = run_time.format_element.unwrap_or(run_time.element).span;
            self.add(&DIFFERS, span, format!("Format is `{format}` here and `{described}` in DFFormat"));
        }
        if let Some(name) =
            run_time.name.filter(|n| ![n.trimmed(), ""].contains(&facts.name) && !n.trimmed().is_empty())
        {
            let message =
                format!("Name is `{}` here and `{}` in NodeName", shorten(name.trimmed()), shorten(facts.name));
            self.add(&DIFFERS, name.span, message);
        }
        let parts = [
            ("ACL", run_time.acl),
            ("Format", run_time.format_element),
            ("Name", run_time.name),
            ("Type", run_time.kind),
        ];
        let missing: Vec<_> = parts.iter().filter(|(_, part)| part.is_none()).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            self.add(&INCOMPLETE, run_time.element.span, format!("missing in RTProperties: {}", missing.join(", ")));
        }
        if let Some(acl) = run_time.acl
            && let Err(error) = Acl::read(acl.trimmed())
        {
            self.add(&ACL_GRAMMAR, acl.content_span, error.to_string());
        }
        self.check_forms(run_time);
    }

    fn check_forms(&mut self, run_time: &RunTime<'e>) {
        let is_number = |text: &str, most: u64| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            digits && text.parse::<u64>().is_ok_and(|number| number <= most)
        };
        let is_stamp = |text: &str| text.len() == 16 && text.ends_with('Z') && DateTime::read(text).is_some();
        let faults = [
            (run_time.title, text(run_time.title).len() <= 255, "has more than 255 octets"),
            (run_time.version, is_number(text(run_time.version), 65535), "is no number from 0 to 65535"),
            (run_time.size, is_number(text(run_time.size), 4_294_967_295), "is no number from 0 to 4294967295"),
            (run_time.time_stamp, is_stamp(text(run_time.time_stamp)), "is no time such as `20261123T120000Z`"),
        ];
        for (element, is_of_form, fault) in faults {
            // What is empty is not said.
            if let Some(element) = element.filter(|e| !is_of_form && !e.trimmed().is_empty()) {
                let message = format!("{} `{}` {fault}", element.name, shorten(element.trimmed()));
                self.add(&PROPERTY_VALUE, element.span, message);
            }
        }
    }
}

fn text<'e>(element: Option<&'e Element<'e>>) -> &'e str {
    element.map(Element::trimmed).unwrap_or_default()
}
