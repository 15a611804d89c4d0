//! Rules DDF001 to DDF008 and DDF018: what hinders reading a device description.

use super::super::acl::Acl;
use super::super::ddf::Described;
use super::super::node::Format;
use super::super::object::IMPS;
use super::imps;
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Element, StructureRules, shorten};

/// What structural faults cite.
pub(in crate::dm) const STRUCTURE: StructureRules = StructureRules {
    missing: &NESTING,
    repeated: Some(&NESTING),
    misplaced: Some(&NESTING),
    unknown: None,
    order: Some(&ORDER),
    value: &NESTING,
};

macro_rules! properties {
    ($($more:literal)*) => {
        concat!("<DFProperties><AccessType><Get/></AccessType>", $($more,)* "</DFProperties>")
    };
}

macro_rules! leaf {
    () => {
        concat!(
            "  <Node><NodeName>Name</NodeName>\n    ",
            properties!("<DFFormat><chr/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"),
            "\n  </Node>\n"
        )
    };
}

macro_rules! example {
    ($($nodes:expr),* $(,)?) => {
        concat!("<MgmtTree>\n  <VerDTD>1.2</VerDTD>\n", $($nodes,)* "</MgmtTree>\n")
    };
}

const GOOD: &str = example!(leaf!());

pub(in crate::dm) const NOT_A_DESCRIPTION: Rule = Rule {
    code: "DDF001",
    name: "not-a-description",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"MgmtTree\"",
    summary: "the root of a device description is `MgmtTree`",
    help: "write `MgmtTree`; XML names are case sensitive",
    bad: "<!DOCTYPE MgmtTree PUBLIC \"-//OMA//DTD-DM-DDF 1.2//EN\" \
          \"http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd\">\n\
          <mgmttree>\n  <VerDTD>1.2</VerDTD>\n</mgmttree>\n",
    good: GOOD,
};

pub(super) const VERSION: Rule = Rule {
    code: "DDF002",
    name: "version",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"VerDTD\"",
    summary: "VerDTD comes first and is a known version",
    help: "write `<VerDTD>1.2</VerDTD>` directly below MgmtTree; 1.1, 1.1.2 and 1.3 are known too",
    bad: concat!("<MgmtTree>\n", leaf!(), "</MgmtTree>\n"),
    good: GOOD,
};

pub(super) const NO_NODE: Rule = Rule {
    code: "DDF003",
    name: "no-node",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"MgmtTree\"",
    summary: "a description has at least one node",
    help: "describe the root of what the device has as a Node below MgmtTree",
    bad: example!(),
    good: GOOD,
};

pub(super) const NESTING: Rule = Rule {
    code: "DDF004",
    name: "nesting",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF document type",
    summary: "an element stands where the document type does not have it",
    help: "see the content of each element in the document type; order is a warning only",
    bad: example!(
        "  <Node><NodeName>Name</NodeName>\n    ",
        properties!("<chr/><DFFormat><chr/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"),
        "\n  </Node>\n"
    ),
    good: GOOD,
};

/// The same rule where only the order is another: shipped descriptions differ in it and are read.
const ORDER: Rule = Rule { severity: Severity::Warning, ..NESTING };

pub(super) const NODE_NAME: Rule = Rule {
    code: "DDF005",
    name: "node-name",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"NodeName\"",
    summary: "each node has exactly one NodeName, and it comes first",
    help: "add `<NodeName>…</NodeName>`; leave it empty where the name is given when the node is made",
    bad: example!(
        "  <Node>\n    ",
        properties!("<DFFormat><chr/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"),
        "\n  </Node>\n"
    ),
    good: GOOD,
};

pub(super) const NODE_AND_VALUE: Rule = Rule {
    code: "DDF006",
    name: "node-and-value",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Node\"",
    summary: "a node has children or a value, not both",
    help: "remove the Value of the interior node, or its children",
    bad: example!(
        "  <Node><NodeName>Con</NodeName>\n    ",
        properties!("<DFFormat><node/></DFFormat><DFType><DDFName/></DFType>"),
        "\n  <Value>1</Value>\n",
        leaf!(),
        "  </Node>\n"
    ),
    good: example!(
        "  <Node><NodeName>Con</NodeName>\n    ",
        properties!("<DFFormat><node/></DFFormat><DFType><DDFName/></DFType>"),
        "\n",
        leaf!(),
        "  </Node>\n"
    ),
};

pub(super) const NO_PROPERTIES: Rule = Rule {
    code: "DDF007",
    name: "no-properties",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFProperties\"",
    summary: "each node of a description has DFProperties",
    help: "add DFProperties with at least AccessType, DFFormat and DFType",
    bad: example!("  <Node><NodeName>Con</NodeName>\n", leaf!(), "  </Node>\n"),
    good: NODE_AND_VALUE.good,
};

pub(super) const INCOMPLETE_PROPERTIES: Rule = Rule {
    code: "DDF008",
    name: "incomplete-properties",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFProperties\"",
    summary: "DFProperties say at least AccessType, DFFormat and DFType",
    help: "add what is missing; an interior node has `<DFType><DDFName/></DFType>`",
    bad: example!(
        "  <Node><NodeName>Name</NodeName>\n    ",
        properties!("<DFType><MIME>text/plain</MIME></DFType>"),
        "\n  </Node>\n"
    ),
    good: GOOD,
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

/// Versions of the description language that are read.
const VERSIONS: [&str; 4] = ["1.1", "1.1.2", "1.2", "1.3"];

/// Reports what is wrong with a description.
pub(super) fn check(root: &Element<'_>, report: &mut Report) {
    if root.name != "MgmtTree" {
        let message = format!("`{}` is not the root of a device description, `MgmtTree` is", shorten(&root.name));
        return report.add(Diagnostic::new(&NOT_A_DESCRIPTION, root.span, message));
    }
    check_version(root, report);
    if root.child("Node").is_none() {
        report.add(Diagnostic::new(&NO_NODE, root.span, "the description has no node").at("MgmtTree"));
    }
    let mut path = String::new();
    for node in root.children_named("Node") {
        check_node(node, &mut path, report);
    }
}

fn check_version(root: &Element<'_>, report: &mut Report) {
    let message = match root.child("VerDTD") {
        None => "VerDTD is missing".to_owned(),
        Some(version) if !VERSIONS.contains(&version.trimmed()) => {
            format!("`{}` is no known version of the description language", version.trimmed())
        }
        Some(_) if root.children[0].name != "VerDTD" => "VerDTD does not come first".to_owned(),
        Some(_) => return,
    };
    let span = root.child("VerDTD").map_or(root.span, |version| version.span);
    report.add(Diagnostic::new(&VERSION, span, message).at("MgmtTree/VerDTD"));
}

fn check_node(node: &Element<'_>, path: &mut String, report: &mut Report) {
    let length = path.len();
    let name = node.child_text("NodeName").unwrap_or_default();
    path.push('/');
    path.push_str(if name.is_empty() { "<X>" } else { name });
    let mut add = |rule, span: Span, message: String| report.add(Diagnostic::new(rule, span, message).at(&path[1..]));
    match node.children_named("NodeName").count() {
        1 if node.children[0].name == "NodeName" => {}
        1 => add(&NODE_NAME, node.span, "NodeName does not come first".to_owned()),
        0 => add(&NODE_NAME, node.span, "the node has no NodeName".to_owned()),
        count => add(&NODE_NAME, node.span, format!("the node has {count} NodeNames")),
    }
    if let (Some(value), Some(_)) = (node.child("Value"), node.child("Node")) {
        add(&NODE_AND_VALUE, value.span, "a node with children has no value".to_owned());
    }
    if let Some(acl) = node.descend(&["RTProperties", "ACL"])
        && let Err(error) = Acl::read(acl.trimmed())
    {
        add(&ACL_GRAMMAR, acl.content_span, error.to_string());
    }
    match node.child("DFProperties") {
        None => add(&NO_PROPERTIES, node.span, "the node has no DFProperties".to_owned()),
        Some(properties) => check_properties(properties, &mut add),
    }
    let moi = node.descend(&["DFProperties", "DFType", "DDFName"]);
    if moi.is_some_and(|moi| moi.trimmed() == IMPS) {
        imps::check_description(&Described::read(node), report);
    }
    for child in node.children_named("Node") {
        check_node(child, path, report);
    }
    path.truncate(length);
}

fn check_properties(properties: &Element<'_>, add: &mut impl FnMut(&'static Rule, Span, String)) {
    for name in ["AccessType", "DFFormat", "DFType"] {
        if properties.child(name).is_none() {
            add(&INCOMPLETE_PROPERTIES, properties.span, format!("{name} is missing"));
        }
    }
    let format = properties.child("DFFormat");
    if let Some(format) = format.filter(|f| f.children.iter().all(|c| Format::read(&c.name).is_none())) {
        add(&INCOMPLETE_PROPERTIES, format.span, "DFFormat names no format".to_owned());
    }
}
