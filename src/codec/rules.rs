//! What a reader may stumble over: rules GEN004, GEN005, XML, WB and PTS.

use crate::diagnose::{Rule, Severity};

/// The rules of the readers.
pub const RULES: &[&Rule] = &[
    &UNREADABLE,
    &ENTITY,
    &LIMIT,
    &XML_FORM,
    &XML_ENCODING,
    &XML_MIXED,
    &SEVERAL,
    &TEXT_AROUND,
    &TRUNCATED,
    &VERSION,
    &PUBLIC_ID,
    &TOKEN,
    &STRING_TABLE,
    &CHARSET,
    &LONG_NUMBER,
    &TRAILING,
    &PAGE,
    &CONTESTED,
    &PTS_PREAMBLE,
    &PTS_CODE,
    &PTS_FORM,
    &PTS_SEGMENT,
];

const GOOD_WBXML: &str = "hex:03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01";

/// The input is of no type that we know.
pub const UNREADABLE: Rule = Rule {
    code: "GEN001",
    name: "unreadable",
    severity: Severity::Error,
    clause: "impskit, recognition of input",
    summary: "the input is no document of a known type",
    help: "`impskit decode` shows its octets; `impskit check --help` lists the kinds of documents that are known",
    bad: "hello",
    good: GOOD_WBXML,
};

pub(super) const ENTITY: Rule = Rule {
    code: "GEN004",
    name: "entity-definition",
    severity: Severity::Error,
    clause: "impskit, XML safety",
    summary: "the document defines entities or names an external one",
    help: "remove the ENTITY declarations and write the text itself; a plain DOCTYPE is fine and is never fetched",
    bad: "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
    good: "<!DOCTYPE a PUBLIC \"-//X//DTD A 1.0//EN\" \"a.dtd\"><a>c</a>",
};

pub(super) const LIMIT: Rule = Rule {
    code: "GEN005",
    name: "limit",
    severity: Severity::Error,
    clause: "impskit, limits of the readers",
    summary: "the document is larger or nested deeper than any real one",
    help: "split the document; nesting is limited to 64 levels, attributes to 64 an element",
    bad: "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>\
          <a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
    good: "<a><a/></a>",
};

pub(super) const XML_FORM: Rule = Rule {
    code: "XML001",
    name: "not-well-formed",
    severity: Severity::Error,
    clause: "XML 1.0, well-formedness",
    summary: "the document is not well-formed XML",
    help: "close every element, quote every attribute value, and write `&lt;` and `&amp;` for < and & in text",
    bad: "<a><b></a>",
    good: "<a><b/></a>",
};

pub(super) const XML_ENCODING: Rule = Rule {
    code: "XML002",
    name: "encoding",
    severity: Severity::Error,
    clause: "XML 1.0, character encoding",
    summary: "the octets are not in the encoding that the document says",
    help: "save the document as UTF-8, or say the true encoding in the XML declaration",
    bad: "hex:3C 61 3E 93 3C 2F 61 3E",
    good: "<a>\u{201C}</a>",
};

pub(super) const XML_MIXED: Rule = Rule {
    code: "XML003",
    name: "mixed-content",
    severity: Severity::Warning,
    clause: "impskit; none of the vocabularies has mixed content",
    summary: "an element has both text and child elements",
    help: "remove the text, or put it into an element of its own",
    bad: "<MgmtTree><VerDTD>1.2</VerDTD>text<Node><NodeName>IMPS</NodeName></Node></MgmtTree>",
    good: "<MgmtTree><VerDTD>1.2</VerDTD><Node><NodeName>IMPS</NodeName></Node></MgmtTree>",
};

pub(super) const SEVERAL: Rule = Rule {
    code: "XML004",
    name: "several-documents",
    severity: Severity::Error,
    clause: "XML 1.0, document",
    summary: "a file holds several documents",
    help: "save each document in a file of its own: readers refuse such a file, or take the first document only",
    bad: "<a/>\n<?xml version=\"1.0\"?>\n<a/>",
    good: "<a/>",
};

pub(super) const TEXT_AROUND: Rule = Rule {
    code: "XML005",
    name: "text-around",
    severity: Severity::Error,
    clause: "XML 1.0, document",
    summary: "text stands before or behind the document",
    help: "remove what is not the document: XML readers refuse the whole",
    bad: "<a/>\nas sent on Monday",
    good: "<a/>\n<!-- as sent on Monday -->",
};

pub(super) const TRUNCATED: Rule = Rule {
    code: "WB001",
    name: "truncated",
    severity: Severity::Error,
    clause: "WBXML 1.3, document structure",
    summary: "the document ends in the middle",
    help: "octets are missing at the end, or a length in front of them is wrong: get the whole message",
    bad: "hex:03 0B 6A 00 C5 46 01 C6 00 01 55 01",
    good: GOOD_WBXML,
};

pub(super) const VERSION: Rule = Rule {
    code: "WB002",
    name: "version",
    severity: Severity::Error,
    clause: "WBXML 1.3, version",
    summary: "the WBXML version is not known",
    help: "versions 1.0 to 1.3 are written 00 to 03 in the first octet",
    bad: "hex:00 0B 00 01 45 01",
    good: GOOD_WBXML,
};

pub(super) const PUBLIC_ID: Rule = Rule {
    code: "WB003",
    name: "public-id",
    severity: Severity::Warning,
    clause: "WBXML 1.3, document public identifier",
    summary: "the public identifier names no known document type",
    help: "known are 0B provisioning, 10 to 12 CSP 1.1 to 1.3, 1201 SyncML 1.2; the content decided what it was read as",
    bad: "hex:03 9F 7F 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: GOOD_WBXML,
};

pub(super) const TOKEN: Rule = Rule {
    code: "WB004",
    name: "unknown-token",
    severity: Severity::Warning,
    clause: "WBXML 1.3, code spaces",
    summary: "a token is in no table",
    help: "the sender uses a vendor extension or another version; clients skip the element",
    bad: "hex:03 0B 6A 00 C5 46 01 7F 01 01",
    good: GOOD_WBXML,
};

pub(super) const STRING_TABLE: Rule = Rule {
    code: "WB005",
    name: "string-reference",
    severity: Severity::Error,
    clause: "WBXML 1.3, string table",
    summary: "a reference points outside the string table",
    help: "the string table is cut or its length is wrong",
    bad: "hex:03 0B 6A 02 61 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 83 09 01 01 01",
    good: "hex:03 0B 6A 03 77 41 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 83 00 01 01 01",
};

pub(super) const CHARSET: Rule = Rule {
    code: "WB006",
    name: "charset",
    severity: Severity::Error,
    clause: "WBXML 1.3, charset",
    summary: "the character set is not supported, or the text is not in it",
    help: "write UTF-8 (6A); US-ASCII, ISO 8859-1 and UCS-2 are read",
    bad: "hex:03 0B 11 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: GOOD_WBXML,
};

pub(super) const LONG_NUMBER: Rule = Rule {
    code: "WB007",
    name: "long-number",
    severity: Severity::Warning,
    clause: "WBXML 1.3, multi-byte integers",
    summary: "a multi-byte integer is longer than need be or over 32 bits",
    help: "leave out leading 80 octets; at most five octets are allowed",
    bad: "hex:03 80 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: GOOD_WBXML,
};

pub(super) const TRAILING: Rule = Rule {
    code: "WB008",
    name: "octets-after-the-end",
    severity: Severity::Warning,
    clause: "WBXML 1.3, document structure",
    summary: "there are octets after the end of the document",
    help: "cut them off: some clients refuse the document, and the MAC covers exactly the document",
    bad: "hex:03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01 00 00",
    good: GOOD_WBXML,
};

pub(super) const PAGE: Rule = Rule {
    code: "WB009",
    name: "unknown-page",
    severity: Severity::Warning,
    clause: "WBXML 1.3, code pages",
    summary: "the document switches to a code page that does not exist",
    help: "the sender uses a vendor extension, or the document is of another type than it says",
    bad: "hex:03 0B 6A 00 C5 46 01 00 09 7F 00 00 01",
    good: GOOD_WBXML,
};

pub(super) const CONTESTED: Rule = Rule {
    code: "WB010",
    name: "contested-token",
    severity: Severity::Note,
    clause: "Provisioning Content 1.1, code page 1 (editions of 2002 and 2005 differ)",
    summary: "a token that known clients read differently",
    help: "write the value as inline text",
    bad: "hex:03 0B 6A 00 C5 46 01 C6 00 01 57 01 87 33 00 00 06 00 01 81 82 01 01 01",
    good: "hex:03 0B 6A 00 C5 46 01 C6 00 01 57 01 87 33 00 00 06 9C 01 01 01",
};

const GOOD_PTS: &str = "WV13LR1 CI=WV:CLIENT01$0001@EXAMPLE.TERMINAL DB=\"abHzN4+570y3DfoOUPRAWQ==\" TL=7200 \
                        SC=cookie-0002 UI=wv:alice@example.com";

pub(super) const PTS_PREAMBLE: Rule = Rule {
    code: "PTS001",
    name: "preamble",
    severity: Severity::Error,
    clause: "CSP plain text syntax, preamble",
    summary: "the message does not begin as one of a known version does",
    help: "write `WV`, the version (11, 12 or 13), the two letters of the primitive, the transaction (0 to 999), a space",
    bad: "WV13LR",
    good: GOOD_PTS,
};

pub(crate) const PTS_CODE: Rule = Rule {
    code: "PTS002",
    name: "unknown-code",
    severity: Severity::Warning,
    clause: "CSP plain text syntax, codes",
    summary: "a code stands for nothing that is known in its place",
    help: "only login, negotiation, keep-alive, contact lists and presence have known codes: use XML or WBXML for the \
           rest, or `--text-codes` with those of your client",
    bad: "WV13KA5 SI=s-7f3a TL=3600 QQ=1",
    good: "WV13KA5 SI=s-7f3a TL=3600",
};

pub(super) const PTS_FORM: Rule = Rule {
    code: "PTS003",
    name: "quoting",
    severity: Severity::Error,
    clause: "CSP plain text syntax, parameters",
    summary: "a parameter is not a code, an equals sign and a value in the form that the code asks for",
    help: "put values with a space, quote, comma, parenthesis, equals sign or ampersand into double quotes, and double the \
           quotes inside",
    bad: "WV13LR1 DB=abHzN4+570y3DfoOUPRAWQ==",
    good: GOOD_PTS,
};

pub(super) const PTS_SEGMENT: Rule = Rule {
    code: "PTS004",
    name: "segment",
    severity: Severity::Error,
    clause: "CSP plain text syntax, segments",
    summary: "the text is one part of a message, or contradicts itself on how many there are",
    help: "join the parts in order: one preamble without the letters of the part, a space, and all pieces",
    bad: "WV13LM12ab SI=s-7f3a AN=((Bob,wv:bob@exa",
    good: "WV13LM12 SI=s-7f3a AN=((Bob,wv:bob@example.com)) RL=T CL=wv:alice/friends@example.com",
};
