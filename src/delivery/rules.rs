//! What may be wrong with a push (PU) and with the SMS that carry it (SM). The readers of pushes and segments
//! stumble over some; `inspect` finds those that need the whole or a key.

use crate::diagnose::{Rule, Severity};

/// The rules of pushes and SMS.
pub const RULES: &[&Rule] = &[
    &NO_MAC,
    &WRONG_MAC,
    &UNCHECKED_MAC,
    &UNKNOWN_SEC,
    &CONTENT_TYPE,
    &MALFORMED_PUSH,
    &SEC_AFTER_MAC,
    &MALFORMED_PAP,
    &INCOMPLETE_PAP,
    &PDU_LENGTH,
    &PART_MISSING,
    &PARTS_DISAGREE,
    &TOO_MANY_PARTS,
    &MALFORMED_HEADER,
    &CODING,
    &MANY_PARTS,
];

/// A push sealed with PIN 1234 (vector `v1-userpin`).
const SEALED: &str = "hex:01 06 2F 1F 2D B6 91 81 92 33 35 42 38 39 32 45 44 41 30 43 31 37 33 44 44 43 35 45 39 35 38 \
    34 33 30 45 33 30 46 32 43 36 44 45 38 39 44 34 35 37 00 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 \
    41 00 01 87 07 06 03 45 78 61 6D 70 6C 65 20 49 4D 00 01 87 22 06 03 49 4E 54 45 52 4E 45 54 00 01 87 00 01 34 00 \
    00 06 03 68 74 74 70 3A 2F 2F 69 6D 2E 65 78 61 6D 70 6C 65 2E 6E 65 74 2F 69 6D 70 73 00 01 01 01";

/// A short push without security in one TPDU.
const ONE_SMS: &str = "hex:51 00 0C 91 53 48 10 32 54 76 00 F5 A7 23 06 05 04 0B 84 23 F0 01 06 01 B6 \
    03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01";

/// A short push in two TPDUs, one a line.
const TWO_SMS: &str = "51000C9153481032547600F5A71B0B05040B8423F000032A0201010601B6030B6A00C54601C6000155\n\
    51010C9153481032547600F5A7190B05040B8423F000032A020201873600000603774100010101\n";

/// A push without security.
const NO_SEC: &str = "hex:01 06 01 B6 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01";

/// A push submission to a gateway, without security.
const SUBMISSION: &str = "--X\nContent-Type: application/xml\n\n\
    <pap><push-message push-id=\"1@a.example\"><address address-value=\"WAPPUSH=+358401234567/TYPE=PLMN@b.example\"/>\
    </push-message></pap>\n--X\nContent-Type: application/vnd.wap.connectivity-wbxml\n\
    Content-Transfer-Encoding: base64\n\nAwtqAMVGAcYAAVUBhzYAAAYDd0EAAQEB\n--X--\n";

/// The push is not sealed.
pub(crate) const NO_MAC: Rule = Rule {
    code: "PU001",
    name: "no-mac",
    severity: Severity::Warning,
    clause: "Provisioning Bootstrap 1.1, message authentication",
    summary: "the push carries no MAC, so that nobody can tell who sent it",
    help: "seal it: `impskit build … --as push --sec netwpin` or `--sec userpin`; some handsets refuse a push without",
    bad: NO_SEC,
    good: SEALED,
};

/// The MAC does not fit the body under the given secrets.
pub const WRONG_MAC: Rule = Rule {
    code: "PU002",
    name: "wrong-mac",
    severity: Severity::Error,
    clause: "Provisioning Bootstrap 1.1, message authentication",
    summary: "the MAC is not that of the body under the given PIN or IMSI, or is no MAC at all",
    help: "handsets drop such a message, most of them silently; check PIN and IMSI, and that nobody changed the document \
           after it was sealed",
    bad: "hex:01 06 2F 1F 2D B6 91 81 92 33 35 42 38 39 32 45 44 41 30 43 31 37 33 44 44 43 35 45 39 35 38 34 33 30 45 \
          33 30 46 32 43 36 44 45 38 39 44 34 35 37 00 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: SEALED,
};

/// There is a MAC, and nothing to check it with.
pub(crate) const UNCHECKED_MAC: Rule = Rule {
    code: "PU003",
    name: "unchecked-mac",
    severity: Severity::Warning,
    clause: "Provisioning Bootstrap 1.1, message authentication",
    summary: "the MAC has not been checked",
    help: "give `--pin-file` or `--imsi`, as the security method needs",
    bad: SEALED,
    good: NO_SEC,
};

/// SEC has a value that means nothing.
pub(crate) const UNKNOWN_SEC: Rule = Rule {
    code: "PU004",
    name: "unknown-sec",
    severity: Severity::Error,
    clause: "Provisioning Bootstrap 1.1, SEC parameter",
    summary: "the parameter SEC has no known value, or is missing beside a MAC",
    help: "use 0 (NETWPIN), 1 (USERPIN), 2 (USERNETWPIN) or 3 (USERPINMAC)",
    bad: "hex:01 06 04 03 B6 91 87 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: "hex:01 06 04 03 B6 91 83 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
};

/// The push carries something else.
pub const CONTENT_TYPE: Rule = Rule {
    code: "PU005",
    name: "content-type",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, media types",
    summary: "the content type is not that of a provisioning document in WBXML",
    help: "over the air only `application/vnd.wap.connectivity-wbxml` (B6) is used",
    bad: "hex:01 06 01 AE 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: NO_SEC,
};

/// The headers of the push cannot be read.
pub(crate) const MALFORMED_PUSH: Rule = Rule {
    code: "PU006",
    name: "malformed-push",
    severity: Severity::Error,
    clause: "WSP 1.0, Push PDU and header encoding",
    summary: "the headers of the push break off or contradict their lengths",
    help: "the second octet is 06; HeadersLen counts content type and headers; a value length above 30 follows 1F",
    bad: "hex:01 06 2F 1F 2D B6 91 81 92 33 35",
    good: NO_SEC,
};

/// SEC comes after MAC.
pub(crate) const SEC_AFTER_MAC: Rule = Rule {
    code: "PU007",
    name: "sec-after-mac",
    severity: Severity::Warning,
    clause: "Provisioning Bootstrap 1.1, parameters of the media type",
    summary: "the parameter SEC comes after MAC; two known clients then find no SEC",
    help: "write SEC before MAC, and no other parameter between them",
    bad: "hex:01 06 2F 1F 2D B6 92 33 35 42 38 39 32 45 44 41 30 43 31 37 33 44 44 43 35 45 39 35 38 34 33 30 45 33 30 \
          46 32 43 36 44 45 38 39 44 34 35 37 00 91 81 03 0B 6A 00 C5 46 01 C6 00 01 55 01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: SEALED,
};

/// A message to or from a gateway cannot be read.
pub(crate) const MALFORMED_PAP: Rule = Rule {
    code: "PU008",
    name: "malformed-pap",
    severity: Severity::Error,
    clause: "PAP 2.0, message format",
    summary: "the message to a push proxy gateway is no multipart of a control entity and content",
    help: "the first part is XML with the root `pap`, the second the document; each begins with `--` and the boundary",
    bad: "--X\nContent-Type: application/xml\n\n<pap></pap>\n--X--\n",
    good: SUBMISSION,
};

/// A submission lacks something.
pub(crate) const INCOMPLETE_PAP: Rule = Rule {
    code: "PU009",
    name: "incomplete-pap",
    severity: Severity::Error,
    clause: "PAP 2.0, push-message",
    summary: "the push submission has no push-id, no address or no content that can be read",
    help: "gateways answer 2000 (bad request): add what is missing",
    bad: "--X\nContent-Type: application/xml\n\n<pap><push-message/></pap>\n--X\n\
          Content-Type: application/vnd.wap.connectivity-wbxml\nContent-Transfer-Encoding: base64\n\nAwtqAMVGAcYAAVUBhzYAAAYDd0EAAQEB\n--X--\n",
    good: SUBMISSION,
};

/// The PDU is not as long as it says.
pub(crate) const PDU_LENGTH: Rule = Rule {
    code: "SM001",
    name: "pdu-length",
    severity: Severity::Error,
    clause: "3GPP 23.040, TPDU fields",
    summary: "the PDU is no SMS TPDU, or not as long as its fields say",
    help: "check that the line is whole; a modem's PDU begins with the centre's address, a TPDU does not",
    bad: "hex:51 00 0C 91 53 48 10 32 54 76 00 F5 A7 23 06 05 04 0B 84 23 F0 01 06 01 B6 03 0B 6A 00 C5",
    good: ONE_SMS,
};

/// A message is not whole.
pub(crate) const PART_MISSING: Rule = Rule {
    code: "SM002",
    name: "part-missing",
    severity: Severity::Error,
    clause: "3GPP 23.040, concatenated short messages",
    summary: "a part of the message is missing",
    help: "give all parts, one a line, in any order",
    bad: "51000C9153481032547600F5A71B0B05040B8423F000032A0201010601B6030B6A00C54601C6000155\n",
    good: TWO_SMS,
};

/// Parts contradict each other.
pub(crate) const PARTS_DISAGREE: Rule = Rule {
    code: "SM003",
    name: "parts-disagree",
    severity: Severity::Error,
    clause: "3GPP 23.040, concatenated short messages",
    summary: "parts with one reference contradict each other or themselves",
    help: "a reference was used again too early, or the parts are of different messages: take a fresh set",
    bad: "51000C9153481032547600F5A71B0B05040B8423F000032A0201010601B6030B6A00C54601C6000155\n\
          51010C9153481032547600F5A7190B05040B8423F000032A030201873600000603774100010101\n",
    good: TWO_SMS,
};

/// The message does not fit into 255 parts.
pub const TOO_MANY_PARTS: Rule = Rule {
    code: "SM004",
    name: "too-many-parts",
    severity: Severity::Error,
    clause: "3GPP 23.040, concatenated short messages",
    summary: "the message takes more than 255 parts, or says that it has none",
    help: "make the document smaller; phones drop messages of more than 5 to 10 parts",
    bad: "51000C9153481032547600F5A71B0B05040B8423F000032A0001010601B6030B6A00C54601C6000155\n",
    good: TWO_SMS,
};

/// The user data header cannot be read.
pub(crate) const MALFORMED_HEADER: Rule = Rule {
    code: "SM005",
    name: "user-data-header",
    severity: Severity::Error,
    clause: "3GPP 23.040, user data header",
    summary: "the user data header is malformed, or names no port",
    help: "one message has the header 06 05 04 0B 84 23 F0: length, port addressing, destination, source",
    bad: "hex:51 00 0C 91 53 48 10 32 54 76 00 F5 A7 23 06 05 09 0B 84 23 F0 01 06 01 B6 03 0B 6A 00 C5 46 01 C6 00 01 55 \
          01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: ONE_SMS,
};

/// The coding is of text.
pub(crate) const CODING: Rule = Rule {
    code: "SM006",
    name: "coding",
    severity: Severity::Error,
    clause: "3GPP 23.038, data coding scheme",
    summary: "the data coding scheme is not of 8-bit data, so that the message is shown as text or dropped",
    help: "use F5 (class 1) or 04 (no class)",
    bad: "hex:51 00 0C 91 53 48 10 32 54 76 00 08 A7 23 06 05 04 0B 84 23 F0 01 06 01 B6 03 0B 6A 00 C5 46 01 C6 00 01 55 \
          01 87 36 00 00 06 03 77 41 00 01 01 01",
    good: ONE_SMS,
};

/// The message has more parts than some networks carry.
pub(crate) const MANY_PARTS: Rule = Rule {
    code: "SM007",
    name: "many-parts",
    severity: Severity::Warning,
    clause: "observed: some centres and handsets drop messages beyond 5 to 10 parts",
    summary: "the message has more than 5 parts",
    help: "make the document smaller: shorter names, no parameters that the handset knows anyway",
    bad: "51000C9153481032547600F5A71B0B05040B8423F000032A0601010601B6030B6A00C54601C6000155\n",
    good: TWO_SMS,
};
