//! Pieces of the examples: small descriptions, each whole.

/// What a plain leaf says after its AccessType.
macro_rules! text {
    () => {
        "<DFFormat><chr/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"
    };
}

/// What an interior node says after its AccessType.
macro_rules! inner {
    () => {
        "<DFFormat><node/></DFFormat><DFType><DDFName/></DFType>"
    };
}

/// DFProperties with Get.
macro_rules! properties {
    ($($more:expr),*) => {
        concat!("<DFProperties><AccessType><Get/></AccessType>", $($more,)* "</DFProperties>")
    };
}

/// DFProperties with these commands.
macro_rules! allowing {
    ($access:literal, $($more:expr),*) => {
        concat!("<DFProperties><AccessType>", $access, "</AccessType>", $($more,)* "</DFProperties>")
    };
}

/// A node with what stands behind its name.
macro_rules! node {
    ($name:expr, $($more:expr),* $(,)?) => {
        concat!("  <Node><NodeName>", $name, "</NodeName>\n    ", $($more,)* "\n  </Node>\n")
    };
}

/// A leaf that nothing is wrong with.
macro_rules! leaf {
    () => {
        leaf!("Name")
    };
    ($name:expr) => {
        node!($name, properties!(text!()))
    };
}

/// An interior node with nodes below.
macro_rules! interior {
    ($name:expr, $($nodes:expr),* $(,)?) => {
        node!($name, properties!(inner!()), "\n", $($nodes,)*)
    };
}

/// A whole description.
macro_rules! example {
    ($($nodes:expr),* $(,)?) => {
        concat!("<MgmtTree>\n  <VerDTD>1.2</VerDTD>\n", $($nodes,)* "</MgmtTree>\n")
    };
}

/// A description of one leaf.
pub(super) const GOOD: &str = example!(leaf!());

/// A description of an interior node with a leaf.
pub(super) const GOOD_INTERIOR: &str = example!(interior!("Con", leaf!()));
