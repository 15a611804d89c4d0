//! Rules SYN008 and SYN018: versions that disagree, and what proves who sends a message.

use super::super::super::syncml::{Meta, has_nonce, namespace_of};
use super::{Findings, commands};
use crate::diagnose::{Rule, Severity, Span};
use crate::document::{Element, from_base64, shorten};

pub(in crate::dm) const VERSIONS_DIFFER: Rule = Rule {
    code: "SYN008",
    name: "versions-differ",
    severity: Severity::Error,
    clause: "DM Protocol 1.2, \"VerDTD\", \"VerProto\"",
    summary: "VerDTD, VerProto and the namespace do not say one version that is known",
    help: "of DM 1.2 they are `1.2`, `DM/1.2` and `SYNCML:SYNCML1.2`",
    bad: whole!(header!("1.2", "DM/1.1", ""), delete!("1")),
    good: message!(delete!("1")),
};

macro_rules! credential {
    ($type:literal) => {
        concat!(
            "\n  <Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">",
            $type,
            "</Type></Meta><Data>cm9tZW86aGVhdmVu</Data></Cred>"
        )
    };
}

pub(super) const CREDENTIAL: Rule = Rule {
    code: "SYN018",
    name: "credential",
    severity: Severity::Error,
    clause: "DM Security 1.2; DM Representation Protocol 1.2, \"Cred\"",
    summary: "credentials stand in the header, name a scheme that is known, and are base64",
    help: "write Cred with Meta Type `syncml:auth-basic` or `syncml:auth-md5` and Format b64; a MAC is sent by the transport",
    bad: whole!(header!("1.2", "DM/1.2", credential!("syncml:auth-MAC")), delete!("1")),
    good: whole!(header!("1.2", "DM/1.2", credential!("syncml:auth-basic")), delete!("1")),
};

/// Reports what is wrong with the header, and credentials outside it.
pub(super) fn check(root: &Element<'_>, findings: &mut Findings<'_>) {
    if let Some(header) = root.child("SyncHdr") {
        findings.path = vec!["SyncML".to_owned(), "SyncHdr".to_owned()];
        versions(root, header, findings);
        for credential in header.children_named("Cred") {
            check_credential(credential, findings);
        }
    }
    for command in commands(root) {
        findings.path = vec![command.path.clone()];
        for credential in command.element.children_named("Cred") {
            let message = "device management has credentials in the header only";
            findings.add(&CREDENTIAL, credential.span, Severity::Warning, message);
        }
        for challenge in command.element.children_named("Chal") {
            check_challenge(challenge, findings);
        }
    }
}

fn versions(root: &Element<'_>, header: &Element<'_>, findings: &mut Findings<'_>) {
    let Some(version) = header.child("VerDTD").filter(|version| !version.is_empty()) else { return };
    let text = version.trimmed();
    let Some(namespace) = namespace_of(text) else {
        let message = format!("VerDTD `{}` is no version of SyncML", shorten(text));
        return findings.error(&VERSIONS_DIFFER, version.span, message);
    };
    if let Some(protocol) = header.child("VerProto").filter(|p| !p.is_empty() && p.trimmed() != format!("DM/{text}")) {
        let message = format!("VerProto is `{}` beside VerDTD `{text}`", shorten(protocol.trimmed()));
        findings.add(&VERSIONS_DIFFER, protocol.span, Severity::Warning, message);
    }
    if let Some(said) = root.find_attribute("xmlns").filter(|said| said.value != namespace) {
        // In WBXML the public identifier tells the namespace.
        let (what, span) = match said.value_span == Span::default() {
            true => ("document type is that of", root.span),
            false => ("namespace is", said.value_span),
        };
        let message = format!("the {what} `{}` beside VerDTD `{text}`", shorten(&said.value));
        findings.add(&VERSIONS_DIFFER, span, Severity::Warning, message);
    }
}

fn check_credential(credential: &Element<'_>, findings: &mut Findings<'_>) {
    let meta = Meta::from_element(credential.child("Meta"));
    let data = credential.child("Data");
    match meta.type_name.as_deref() {
        Some("syncml:auth-basic" | "syncml:auth-md5") => {
            if let Some(data) = data.filter(|data| from_base64(data.trimmed()).is_none()) {
                findings.error(&CREDENTIAL, data.span, "the data of the credentials is not base64");
            }
        }
        Some("syncml:auth-MAC") => {
            let message = "a MAC does not stand in the message: the transport carries it as `x-syncml-hmac`";
            findings.error(&CREDENTIAL, credential.span, message);
        }
        Some(other) => {
            let message = format!("`{}` is no scheme of SyncML", shorten(other));
            findings.add(&CREDENTIAL, credential.span, Severity::Warning, message);
        }
        None => {
            findings.add(&CREDENTIAL, credential.span, Severity::Warning, "the credentials do not say their scheme")
        }
    }
}

fn check_challenge(challenge: &Element<'_>, findings: &mut Findings<'_>) {
    let meta = Meta::from_element(challenge.child("Meta"));
    let has_nonce = challenge.child("Meta").is_some_and(has_nonce);
    match meta.type_name.as_deref() {
        Some("syncml:auth-md5" | "syncml:auth-MAC") if !has_nonce => {
            findings.add(&CREDENTIAL, challenge.span, Severity::Warning, "the challenge has no NextNonce");
        }
        Some("syncml:auth-basic" | "syncml:auth-md5" | "syncml:auth-MAC") | None => {}
        Some(other) => {
            let message = format!("`{}` is no scheme of SyncML", shorten(other));
            findings.add(&CREDENTIAL, challenge.span, Severity::Warning, message);
        }
    }
}
