//! What may be wrong with a profile: rules PRF.

use crate::diagnose::{Report, Rule, Severity, Source};

/// The rules of profiles.
pub const RULES: &[&Rule] = &[
    &UNKNOWN_KEY,
    &MISSING_KEY,
    &PLACEHOLDER,
    &ADDRESS,
    &PLAIN_SECRET,
    &WEAK_PIN,
    &NO_ACCESS,
    &CLIENT_LIMIT,
    &NOT_TOML,
    &BAD_VALUE,
    &NOT_THE_PROFILE,
];

/// Keeps the secrets that a profile has in plain text from being shown with its findings.
pub fn hide_secrets(source: &mut Source<'_>, report: &Report) {
    let secrets = report.diagnostics().iter().filter(|finding| finding.rule == &PLAIN_SECRET);
    secrets.for_each(|finding| source.hide(finding.span));
}

const GOOD: &str = "\
schema = 1
id = \"acme\"
name = \"Acme\"
provider_id = \"acme.example\"
[service]
addresses = [\"http://imps.acme.example/csp\"]
[[access_point]]
id = \"gprs\"
apn = \"chat.acme\"
[account]
user = \"wv:{user}@acme.example\"
password = \"{password}\"
[push]
security = \"userpin\"
pin = \"{pin}\"
";

macro_rules! account {
    ($user:literal) => {
        concat!(
            "<MgmtTree xmlns=\"syncml:dmddf1.2\">\n<VerDTD>1.2</VerDTD>\n<Node><NodeName>acme</NodeName>\n  <RTProperties>",
            "<Format><node/></Format><Type><DDFName>urn:oma:mo:oma-imps:1.0</DDFName></Type></RTProperties>\n",
            "  <Node><NodeName>AppID</NodeName><Value>wA</Value></Node>\n",
            "  <Node><NodeName>ProviderID</NodeName><Value>acme.example</Value></Node>\n",
            "  <Node><NodeName>Name</NodeName><Value>Acme</Value></Node>\n",
            "  <Node><NodeName>AAccept</NodeName>\n",
            "    <Value>application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml</Value></Node>\n",
            "  <Node><NodeName>PrefConRef</NodeName><Value>./NAP/1</Value></Node>\n",
            "  <Node><NodeName>AppAddr</NodeName><Node><NodeName>1</NodeName>\n",
            "    <Node><NodeName>Addr</NodeName><Value>http://imps.acme.example/csp</Value></Node></Node></Node>\n",
            "  <Node><NodeName>AppAuth</NodeName><Node><NodeName>1</NodeName>\n",
            "    <Node><NodeName>AAuthLevel</NodeName><Value>APPSRV</Value></Node>\n",
            "    <Node><NodeName>AAuthName</NodeName><Value>", $user, "</Value></Node></Node></Node>\n</Node>\n",
            "<Node><NodeName>NAP</NodeName><Node><NodeName>1</NodeName>\n",
            "  <Node><NodeName>Name</NodeName><Value>gprs</Value></Node>\n",
            "  <Node><NodeName>AddrType</NodeName><Value>APN</Value></Node>\n",
            "  <Node><NodeName>Addr</NodeName><Value>chat.acme</Value></Node>\n",
            "  <Node><NodeName>BearerType</NodeName><Value>GSM-GPRS</Value></Node></Node></Node>\n</MgmtTree>\n"
        )
    };
}

/// What is in a device against what its operator's profile says (rule TRE020 of trees).
pub(super) const NOT_THE_PROFILE: Rule = Rule {
    code: "TRE020",
    name: "not-the-profile",
    severity: Severity::Error,
    clause: "impskit, profile format",
    summary: "a setting in a device tree is not what the profile says",
    help: "found with `--against PROFILE`; send the settings again, or correct the profile; what stands in placeholders is \
           not compared",
    bad: account!("wv:juliet@other.example"),
    good: account!("wv:juliet@acme.example"),
};

pub(super) const UNKNOWN_KEY: Rule = Rule {
    code: "PRF001",
    name: "unknown-key",
    severity: Severity::Error,
    clause: "impskit, profile format",
    summary: "a key is not known",
    help: "correct its spelling, or remove it; `impskit new profile` shows every key",
    bad: "schema = 1\nid = \"acme\"\n[service]\nadresses = [\"http://a.example/csp\"]\naddresses = [\"http://a.example/csp\"]\n\
          access_points = [\"INTERNET\"]\n",
    good: GOOD,
};

pub(super) const MISSING_KEY: Rule = Rule {
    code: "PRF002",
    name: "missing-key",
    severity: Severity::Error,
    clause: "impskit, profile format",
    summary: "a key that every profile needs is missing",
    help: "add it; `impskit new profile` shows every key",
    bad: "schema = 1\nid = \"acme\"\n[service]\naccess_points = [\"INTERNET\"]\n",
    good: GOOD,
};

pub(super) const PLACEHOLDER: Rule = Rule {
    code: "PRF003",
    name: "placeholder",
    severity: Severity::Error,
    clause: "impskit, profile format, placeholders",
    summary: "a placeholder names no column, or is not one",
    help: "use a column of subscriber tables such as `{user}`, a free column `{x_…}`, or write `{{` for a brace",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"http://a.example/csp\"]\naccess_points = [\"INTERNET\"]\n\
          [account]\nuser = \"wv:{usr}@acme.example\"\n",
    good: GOOD,
};

pub(super) const ADDRESS: Rule = Rule {
    code: "PRF004",
    name: "address-not-absolute",
    severity: Severity::Error,
    clause: "Client Provisioning, wA, ADDR",
    summary: "an address of the service is not an absolute URL",
    help: "write the whole URL, for instance \"http://imps.acme.example/csp\"",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"imps.acme.example/csp\"]\naccess_points = [\"INTERNET\"]\n",
    good: GOOD,
};

pub(super) const PLAIN_SECRET: Rule = Rule {
    code: "PRF005",
    name: "secret-in-plain-text",
    severity: Severity::Warning,
    clause: "impskit, secrets",
    summary: "a secret stands in the profile itself",
    help: "use a column (`\"{password}\"`), `{ file = \"…\" }` or `{ env = \"…\" }`",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"http://a.example/csp\"]\naccess_points = [\"INTERNET\"]\n\
          [account]\nuser = \"wv:{user}@acme.example\"\npassword = \"sesame\"\n",
    good: GOOD,
};

pub(super) const WEAK_PIN: Rule = Rule {
    code: "PRF006",
    name: "weak-pin",
    severity: Severity::Warning,
    clause: "impskit, PIN quality",
    summary: "the PIN is short, one digit repeated or a run of digits",
    help: "use at least four digits that cannot be guessed, best one a handset: `pin = \"{pin}\"`",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"http://a.example/csp\"]\naccess_points = [\"INTERNET\"]\n\
          [push]\nsecurity = \"userpin\"\npin = \"1234\"\n",
    good: GOOD,
};

pub(super) const NO_ACCESS: Rule = Rule {
    code: "PRF007",
    name: "no-access",
    severity: Severity::Warning,
    clause: "Client Provisioning, wA, TO-PROXY and TO-NAPID",
    summary: "the account names neither an access point nor a proxy",
    help: "add an [[access_point]], or `service.access_points = [\"INTERNET\"]` for any that reaches the internet",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"http://a.example/csp\"]\n",
    good: GOOD,
};

pub(super) const CLIENT_LIMIT: Rule = Rule {
    code: "PRF008",
    name: "client-limit",
    severity: Severity::Warning,
    clause: "impskit, limits observed in IMPS clients",
    summary: "a value is longer than a client takes",
    help: "shorten it, or know that this client cuts or drops it",
    bad: "schema = 1\nid = \"acme\"\nname = \"Acme Chat for everybody\"\n[service]\naddresses = [\"http://a.example/csp\"]\n\
          access_points = [\"INTERNET\"]\n",
    good: GOOD,
};

pub(super) const NOT_TOML: Rule = Rule {
    code: "PRF009",
    name: "not-toml",
    severity: Severity::Error,
    clause: "TOML 1.1",
    summary: "the profile is not TOML",
    help: "texts stand in quotes, tables in brackets; `impskit new profile` prints an example",
    bad: "schema = 1\nid = acme imps\n",
    good: GOOD,
};

/// A value of a profile is not one that its key takes.
pub const BAD_VALUE: Rule = Rule {
    code: "PRF010",
    name: "bad-value",
    severity: Severity::Error,
    clause: "impskit, formats of profiles, campaigns and configurations",
    summary: "a value is not one that its key takes",
    help: "`impskit new profile` shows what each key takes",
    bad: "schema = 1\nid = \"acme\"\n[service]\naddresses = [\"http://a.example/csp\"]\naccess_points = [\"INTERNET\"]\n\
          versions = [\"1.4\"]\n",
    good: GOOD,
};
