//! What a profile says as a whole: addresses, access, PINs, the limits of known clients (PRF004, PRF006 to PRF008).

use super::Profile;
use crate::codec::SLOT;
use crate::diagnose::{Diagnostic, Report};
use crate::provision::account::{INTERNET, ImpsAccount};
use crate::provision::device::Pack;
use crate::provision::rules;
use crate::provision::slots::expand;
use crate::provision::table::Fields;

pub(super) fn check(profile: &Profile, top: &Fields<'_>, report: &mut Report) {
    addresses(&profile.account, top, report);
    access(&profile.account, top, report);
    lengths(&profile.account, top, report);
    if let Some(pin) = profile.pin.as_deref().filter(|pin| is_weak(pin)) {
        let message = format!("a PIN of {} digits that is easy to guess", pin.len());
        let message = if pin.len() < 4 { "the PIN has fewer than four digits".to_owned() } else { message };
        fault(top, report, &rules::WEAK_PIN, "push", "pin", message);
    }
}

fn addresses(account: &ImpsAccount, top: &Fields<'_>, report: &mut Report) {
    for address in &account.addresses {
        let is_url = address.kind.as_deref().is_none_or(|kind| kind.is_empty() || kind == "URI");
        if is_url && !may_be_absolute(&address.address) {
            let message = format!("`{}` is not an absolute URL", expand(&address.address, |_| "{…}"));
            fault(top, report, &rules::ADDRESS, "service", "addresses", message);
        }
    }
}

fn access(account: &ImpsAccount, top: &Fields<'_>, report: &mut Report) {
    if account.to_access_points.is_empty() && account.to_proxies.is_empty() {
        let message = "the account names neither an access point nor a proxy";
        report.add(Diagnostic::new(&rules::NO_ACCESS, top.span, message).at("access_point"));
    }
    let known = |id: &str| id == INTERNET || account.access_points.iter().any(|p| p.id == id);
    let below = account.proxies.iter().flat_map(|p| &p.physical).flat_map(|p| &p.to_access_points);
    for id in account.to_access_points.iter().chain(below).filter(|id| !known(id)) {
        let message = format!("there is no access point `{id}`");
        fault(top, report, &rules::BAD_VALUE, "service", "access_points", message);
    }
    for id in account.to_proxies.iter().filter(|id| !account.proxies.iter().any(|p| p.id == **id)) {
        fault(top, report, &rules::BAD_VALUE, "service", "proxies", format!("there is no proxy `{id}`"));
    }
}

fn lengths(account: &ImpsAccount, top: &Fields<'_>, report: &mut Report) {
    let mut check = |text: &str, parm: &str, table: &str, key: &str| {
        // Of a text with placeholders only the rest is known.
        let length = expand(text, |_| "").chars().count();
        let packs = Pack::bundled().iter();
        let exceeded = packs.filter_map(|pack| Some((pack, pack.exceeded_in_account(parm, length)?)));
        let mut exceeded: Vec<_> = exceeded.collect();
        exceeded.sort_by_key(|(_, limit)| limit.max);
        for (pack, limit) in exceeded {
            let what = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
            let message = format!("`{what}` has {length} characters: {}", limit.outcome(pack));
            fault(top, report, &rules::CLIENT_LIMIT, table, key, message);
        }
    };
    account.name.iter().for_each(|text| check(text, "NAME", "", "name"));
    account.provider_id.iter().for_each(|text| check(text, "PROVIDER-ID", "", "provider_id"));
    account.addresses.iter().for_each(|a| check(&a.address, "ADDR", "service", "addresses"));
    for credentials in &account.credentials {
        credentials.user.iter().for_each(|text| check(text, "AAUTHNAME", "account", "user"));
        credentials.password.iter().for_each(|text| check(text.expose(), "AAUTHSECRET", "account", "password"));
    }
}

/// Reports a fault at a key of a table, or at the table, or at the profile, whichever is there.
fn fault(
    top: &Fields<'_>,
    report: &mut Report,
    rule: &'static crate::diagnose::Rule,
    table: &str,
    key: &str,
    message: String,
) {
    let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
    report.add(Diagnostic::new(rule, top.span_of(table, key), message).at(path));
}

/// Returns whether a text, whatever its slots are filled with, may be an absolute URL.
fn may_be_absolute(text: &str) -> bool {
    if text.starts_with(SLOT) {
        return true;
    }
    is_absolute(&expand(text, |_| "1"))
}

/// Returns whether a text is an absolute URI: a scheme, `:`, and something behind it, without blanks and controls.
pub(in crate::provision) fn is_absolute(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.chars();
    let scheme_fits = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let clean = !rest.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let web = ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    // `host:8080/path` is a URI by its grammar; what was meant is a host.
    scheme_fits
        && clean
        && if web { rest.len() > 2 && rest.starts_with("//") } else { !rest.starts_with(|c: char| c.is_ascii_digit()) }
}

/// Returns whether a PIN is short, one digit repeated or a run of digits.
pub(super) fn is_weak(pin: &str) -> bool {
    if pin.contains(SLOT) {
        return false;
    }
    let digits = pin.as_bytes();
    let runs = |step: i16| digits.windows(2).all(|w| i16::from(w[1]) - i16::from(w[0]) == step);
    digits.len() < 4 || runs(0) || runs(1) || runs(-1)
}
