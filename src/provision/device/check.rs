//! What one handset does with a document and with the message that brings it: rules QRK001, QRK002 and QRK004.

use super::{DROPPED, Kept, Length, Pack, REFUSED, SECURITY, is_in_account, security_name};
use crate::codec::{WbxmlOptions, WbxmlStyle, write_wbxml};
use crate::cp::mac::Security;
use crate::cp::{Characteristic, Parm, VOCABULARY};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::Element;
use crate::provision::Profile;
use crate::provision::rules::CLIENT_LIMIT;

/// Reports what the handsets of a pack do with a provisioning document. `octets` are those of its WBXML form, where it
/// came in that.
pub fn check(root: &Element<'_>, octets: Option<&[u8]>, pack: &Pack, report: &mut Report) {
    let document = Characteristic::of_document(root);
    let checker = Checker { pack };
    for top in &document {
        top.walk(&mut |holder| checker.characteristic(holder, report));
        if top.name == "APPLICATION" && is_in_account(top) {
            checker.needs(top, report);
        }
    }
    checker.accounts(&document, report);
    if let Some(octets) = octets {
        checker.style(root, octets, report);
    }
}

struct Checker<'p> {
    pack: &'p Pack,
}

impl Checker<'_> {
    fn characteristic(&self, holder: &Characteristic<'_>, report: &mut Report) {
        for refusal in self.pack.refuse.iter().filter(|r| r.characteristic.eq_ignore_ascii_case(holder.name)) {
            let message = |what: &str| format!("{what} with {}: {}", self.pack.name, refusal.note);
            match &refusal.parm {
                None => report.add(finding(&REFUSED, holder, message(&format!("`{}`", holder.name)))),
                Some(name) => {
                    for parm in holder.parms.iter().filter(|parm| parm.name.eq_ignore_ascii_case(name)) {
                        report.add(of_parm(&REFUSED, holder, parm, message(&format!("`{name}`"))));
                    }
                }
            }
        }
        for parm in holder.parms.iter().filter(|parm| parm.declaration.is_some()) {
            self.value(holder, parm, report);
        }
    }

    fn value(&self, holder: &Characteristic<'_>, parm: &Parm<'_>, report: &mut Report) {
        let value = parm.value.unwrap_or_default();
        let length = value.chars().count();
        let name = parm.name;
        if let Some(limit) = self.pack.exceeded(holder, name, length) {
            let message = format!("`{name}` has {length} characters: {}", limit.outcome(self.pack));
            report.add(of_parm(&DROPPED, holder, parm, message).severity(severity(limit)));
        }
        let is_listed = |list: &[String]| is_in_account(holder) && list.iter().any(|own| own == name);
        if is_listed(&self.pack.ascii) && !value.is_ascii() {
            let message = format!("`{name}` is not in ASCII: not taken by {}", self.pack.name);
            report.add(of_parm(&DROPPED, holder, parm, message));
        }
        if is_listed(&self.pack.printable) && value.contains(char::is_control) {
            let message = format!("`{name}` has control characters: not taken by {}", self.pack.name);
            report.add(of_parm(&DROPPED, holder, parm, message));
        }
    }

    fn needs(&self, account: &Characteristic<'_>, report: &mut Report) {
        for need in &self.pack.needs {
            let mut is_there = false;
            account.walk(&mut |holder| {
                is_there |= is_in_account(holder) && holder.value(need).is_some_and(|value| !value.is_empty());
            });
            if !is_there {
                let message = format!("no `{need}`: the account is dropped by {}", self.pack.name);
                report.add(finding(&REFUSED, account, message));
            }
        }
    }

    /// Reports the accounts that are not kept. That is what some profiles count on: a warning.
    fn accounts(&self, document: &[Characteristic<'_>], report: &mut Report) {
        let accounts: Vec<_> = document.iter().filter(|c| c.name == "APPLICATION" && is_in_account(c)).collect();
        for (place, account) in accounts.iter().enumerate() {
            let is_same = |other: &&Characteristic<'_>| other.value("PROVIDER-ID") == account.value("PROVIDER-ID");
            let kept = match self.pack.kept {
                Kept::First if place > 0 => "one account of a document".to_owned(),
                Kept::OneByProvider if accounts[..place].iter().any(is_same) => "one account a PROVIDER-ID".to_owned(),
                _ => match self.pack.most_accounts {
                    Some(most) if place >= most => format!("{most} accounts"),
                    _ => continue,
                },
            };
            let message = format!("the account is dropped: no more than {kept} kept by {}", self.pack.name);
            report.add(finding(&DROPPED, account, message).severity(Severity::Warning));
        }
    }

    /// Reports octets that are those of a style which these handsets do not read.
    fn style(&self, root: &Element<'_>, octets: &[u8], report: &mut Report) {
        let is_written = |style| {
            let options = WbxmlOptions { style, ..WbxmlOptions::default() };
            write_wbxml(root, &VOCABULARY, &options).is_ok_and(|written| written == octets)
        };
        if self.pack.wbxml.is_empty() || self.pack.wbxml.iter().any(|style| is_written(*style)) {
            return;
        }
        let others = [(WbxmlStyle::WholeValue, "whole-value"), (WbxmlStyle::Prefix, "prefix")];
        let style = others.into_iter().find(|(style, _)| !self.pack.wbxml.contains(style) && is_written(*style));
        if let Some((_, name)) = style {
            let message = format!("the WBXML is of the style `{name}`, in which {} misread values", self.pack.name);
            let span = Span { end: root.span.start, ..root.span };
            let finding = Diagnostic::new(&DROPPED, span, message).at(root.name.clone());
            report.add(finding.severity(Severity::Warning).help("write it anew: `impskit convert FILE --as cp-wbxml`"));
        }
    }
}

/// What is wrong with a value that is over a limit: a name that is cut is a warning.
pub(super) fn severity(limit: &Length) -> Severity {
    if limit.is_harmless() { Severity::Warning } else { Severity::Error }
}

/// Reports what handsets do with the messages of a profile: how they are sealed, and which of its values they cut. What
/// has been said of any known client (PRF008) is said of those that are meant.
pub fn check_profile(profile: &Profile, packs: &[&Pack], report: &mut Report) {
    report.amend(|finding| {
        let is_said = |pack: &&Pack, limit: &&Length| finding.message.ends_with(&limit.outcome(pack));
        let of_pack = |pack: &&Pack| pack.lengths.iter().find(|limit| is_said(pack, limit)).cloned();
        if finding.rule == &CLIENT_LIMIT
            && let Some(limit) = packs.iter().find_map(of_pack)
        {
            (finding.rule, finding.severity) = (&DROPPED, severity(&limit));
        }
    });
    for pack in packs {
        if let Some(method) = profile.for_handset(Some(&pack.model), None).0.security {
            check_sealing(Sealing::of(method), pack, (Span::default(), "push.security"), report);
        }
    }
}

/// How a push says that it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealing {
    /// The method; `None` for no seal.
    pub method: Option<Security>,
    /// Whether the content type is a name in letters, not a number.
    pub media_is_text: bool,
    /// Whether SEC comes after MAC.
    pub sec_after_mac: bool,
}

impl Sealing {
    /// Returns a seal as we write it.
    pub fn of(method: Option<Security>) -> Self {
        Self { method, media_is_text: false, sec_after_mac: false }
    }
}

/// Reports a way to seal a message that the handsets of a pack do not take; `span` and `path` are where it is said.
pub fn check_sealing(sealing: Sealing, pack: &Pack, (span, path): (Span, &str), report: &mut Report) {
    let mut add = |message: String, severity| {
        report.add(Diagnostic::new(&SECURITY, span, message).at(path).severity(severity));
    };
    let name = security_name(sealing.method);
    let is_taken = |taken: &Vec<_>| taken.contains(&sealing.method);
    let by_build = pack.by_build.iter().find(|(of, _)| *of == sealing.method);
    if let Some(taken) = pack.security.as_ref().filter(|taken| !is_taken(taken)) {
        let words: Vec<&str> = taken.iter().map(|method| security_name(*method)).collect();
        add(format!("`{name}` is not taken by {}, which take {}", pack.name, words.join(", ")), Severity::Error);
    } else if let Some((_, why)) = by_build {
        add(format!("`{name}` with {}: {why}", pack.name), Severity::Warning);
    }
    if pack.media_number && sealing.media_is_text && sealing.method.is_some() {
        add(
            format!("the content type is text: {} look for the seal behind its number only", pack.name),
            Severity::Error,
        );
    }
    if pack.sec_first && sealing.sec_after_mac {
        add(format!("SEC comes after MAC: {} want it first", pack.name), Severity::Error);
    }
}

fn finding(rule: &'static Rule, holder: &Characteristic<'_>, message: String) -> Diagnostic {
    Diagnostic::new(rule, holder.type_span(), message).at(holder.path.clone())
}

fn of_parm(rule: &'static Rule, holder: &Characteristic<'_>, parm: &Parm<'_>, message: String) -> Diagnostic {
    Diagnostic::new(rule, parm.value_span(), message).at(format!("{}/{}", holder.path, parm.name))
}
