//! What may be wrong with a document for one handset, and with what is said of handsets: rules QRK.

use crate::diagnose::{Rule, Severity};

/// The rules of device packs.
pub const RULES: &[&Rule] = &[&REFUSED, &DROPPED, &TOO_LONG, &SECURITY, &NO_SOURCE];

macro_rules! document {
    ($name:literal, $($accept:literal)?) => {
        concat!(
            "<wap-provisioningdoc version=\"1.0\">\n  <characteristic type=\"APPLICATION\">\n",
            "    <parm name=\"APPID\" value=\"wA\"/>\n    <parm name=\"PROVIDER-ID\" value=\"acme.example\"/>\n",
            "    <parm name=\"NAME\" value=\"", $name, "\"/>\n",
            $("    <parm name=\"AACCEPT\" value=\"", $accept, "\"/>\n",)?
            "    <parm name=\"TO-NAPID\" value=\"INTERNET\"/>\n",
            "    <characteristic type=\"APPADDR\">\n",
            "      <parm name=\"ADDR\" value=\"http://imps.acme.example/csp\"/>\n    </characteristic>\n",
            "  </characteristic>\n</wap-provisioningdoc>\n"
        )
    };
}

macro_rules! profile {
    ($security:literal) => {
        concat!(
            "schema = 1\nid = \"acme\"\nname = \"Acme\"\nprovider_id = \"acme.example\"\n[service]\n",
            "addresses = [\"http://imps.acme.example/csp\"]\n[[access_point]]\nid = \"gprs\"\napn = \"chat.acme\"\n",
            "[account]\nuser = \"wv:{user}@acme.example\"\npassword = \"{password}\"\n[push]\nsecurity = \"",
            $security,
            "\"\n"
        )
    };
}

const GOOD: &str = document!("Acme", "application/vnd.wv.csp+wbxml");

/// A handset refuses a parameter, or a block that lacks one.
pub const REFUSED: Rule = Rule {
    code: "QRK001",
    name: "handset-refuses",
    severity: Severity::Error,
    clause: "device packs, `refuse`, `needs`",
    summary: "the handset refuses a parameter, or a block without one that it needs",
    help: "change it for these handsets: a profile has `[[variant]]` tables with `when = { device = [\"…\"] }`",
    bad: document!("Acme",),
    good: GOOD,
};

/// A handset cuts or drops a value.
pub const DROPPED: Rule = Rule {
    code: "QRK002",
    name: "value-cut-or-dropped",
    severity: Severity::Error,
    clause: "device packs, `lengths`, `ascii`, `printable`, `accounts`, `wbxml`",
    summary: "the handset cuts a value, or drops it",
    help: "shorten the value, or say another to these handsets in a `[[variant]]` of the profile",
    bad: document!("Acme Chat for everybody in town", "application/vnd.wv.csp+wbxml"),
    good: GOOD,
};

/// A document is longer than a handset takes, or than is to be paid.
pub const TOO_LONG: Rule = Rule {
    code: "QRK003",
    name: "too-long-for-handset",
    severity: Severity::Error,
    clause: "device packs, `limits.max_octets`, `limits.max_sms`; `--max-sms`",
    summary: "the document has more octets or takes more SMS than the handset, or `--max-sms`, allows",
    help: "leave out what the handset does not need, shorten names, or send several documents",
    bad: include_str!("../../cp/rules/examples/CP021.bad.xml"),
    good: GOOD,
};

/// A message is sealed in a way that a handset does not take.
pub const SECURITY: Rule = Rule {
    code: "QRK004",
    name: "security-not-supported",
    severity: Severity::Error,
    clause: "device packs, `limits.security`, `limits.by_build`, `push`",
    summary: "the handset does not take the way in which the message is sealed",
    help: "seal it in another way: `push.security` in the profile or in a `[[variant]]`, or `--sec METHOD`",
    bad: profile!("none"),
    good: profile!("netwpin"),
};

/// Nobody knows where a pack has its facts from.
pub const NO_SOURCE: Rule = Rule {
    code: "QRK005",
    name: "pack-without-source",
    severity: Severity::Error,
    clause: "impskit, format of device packs",
    summary: "a device pack does not say where it is known from",
    help: "write `source = \"…\"`: who saw it on which handset, and when",
    bad: "model = \"example-phone\"\nneeds = [\"AACCEPT\"]\n",
    good: "model = \"example-phone\"\nneeds = [\"AACCEPT\"]\nsource = \"seen on Example Phone 1, firmware 2.0, 2026-11-23\"\n",
};
