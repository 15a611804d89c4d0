//! Steps 1 to 8: the settings on their way from the profile to the handset's tree.

use super::{Exchange, Record, Subject, management};
use crate::codec::{Limits, WbxmlStyle};
use crate::cp::mac::Key;
use crate::delivery::sms::{Address, Kind};
use crate::delivery::wdp::{Ports, Reference};
use crate::delivery::{Bearing, Outgoing, receive};
use crate::diagnose::{Report, Span};
use crate::dm::{self, Description, Tree};
use crate::document::Element;
use crate::provision::apply::{self, Place};
use crate::provision::cp::{self, Reading};
use crate::provision::device::{self, Sealing, Size};
use crate::provision::{ImpsAccount, Pack, Template, dm as object};
use crate::{catalogue, cp as vocabulary};

pub(super) const OPERATOR: &str = "operator";
pub(super) const NETWORK: &str = "SMS network";
pub(super) const HANDSET: &str = "handset";

/// Octets of the service centre's time in the SMS of a rehearsal: 2026-11-23 12:00:00 UTC, always.
const CENTRE_TIME: [u8; 7] = [0x62, 0x11, 0x32, 0x21, 0x00, 0x00, 0x00];

/// Takes the settings through to the tree; returns what the handset then knows.
pub(super) fn bring(subject: &Subject<'_>, record: &mut Record) -> Option<ImpsAccount> {
    record.step(1, |_| check(subject))?;
    let account = subject.profile.filled(&subject.handset.values);
    let document = record.step(2, |_| build(subject, &account))?;
    let octets = record.step(3, |_| encode(subject, &document))?;
    let outgoing = record.step(4, |seen| seal(subject, &octets, seen))?;
    let outgoing = record.step(5, |seen| split(subject, outgoing, octets.len(), seen))?;
    let body = record.step(6, |seen| take_in(subject, &outgoing, &octets, seen))?;
    let tree = record.step(7, |seen| put_in_place(&body, seen))?;
    let known = record.step(8, |_| read_back(&tree, &account))?;
    record.step(14, |seen| management::manage_settings(subject, &tree, seen))?;
    Some(known)
}

type Done<T> = Result<(T, String), String>;

fn first_error(report: &Report) -> Option<String> {
    let error = report.diagnostics().iter().find(|d| d.severity == crate::diagnose::Severity::Error)?;
    Some(format!("{}: {}", error.rule.code, error.message))
}

fn check(subject: &Subject<'_>) -> Done<()> {
    let (errors, warnings) = subject.findings;
    if errors > 0 {
        return Err(format!("the profile has {errors} errors; `impskit check` shows them"));
    }
    subject.handset.check().map_err(|bad| format!("{}: {}", bad.rule.code, bad.message))?;
    Ok(((), crate::diagnose::text::tally(0, warnings, 0)))
}

/// Asks what the handset does; what it refuses is an error, the rest is told behind the evidence.
fn obey(subject: &Subject<'_>, look: impl FnOnce(&Pack, &mut Report)) -> Result<String, String> {
    let Some(pack) = subject.device else { return Ok(String::new()) };
    let mut report = Report::new();
    look(pack, &mut report);
    match first_error(&report) {
        Some(error) => Err(error),
        None => Ok(report.diagnostics().iter().map(|d| format!("; {}: {}", d.rule.code, d.message)).collect()),
    }
}

fn build<'a>(subject: &Subject<'_>, account: &'a ImpsAccount) -> Done<Element<'a>> {
    let document = cp::write(account);
    let mut report = Report::new();
    vocabulary::VOCABULARY.check(&document, &mut report);
    match first_error(&report) {
        Some(error) => Err(error),
        None => {
            let mut parms = 0;
            document.walk(&mut |element, _| parms += usize::from(element.name == "parm"));
            let handset = obey(subject, |pack, report| device::check(&document, None, pack, report))?;
            let evidence = format!("{} characteristics at the top, {parms} parms{handset}", document.children.len());
            Ok((document, evidence))
        }
    }
}

fn encode(subject: &Subject<'_>, document: &Element<'_>) -> Done<Vec<u8>> {
    let template = Template::new(subject.profile, subject.device.map_or(WbxmlStyle::Safe, Pack::style))
        .map_err(|error| error.what)?;
    let mut octets = Vec::new();
    template.fill(&subject.handset.values, &mut octets).map_err(|bad| bad.message)?;
    let mut report = Report::new();
    let read = catalogue::read(&octets, &Limits::default(), &mut report);
    if report.has_errors() || !read.is_some_and(|read| read.root.same_as(document)) {
        return Err("the octets do not read back as the document".to_owned());
    }
    let evidence = format!("{} octets, which read back as the document", octets.len());
    Ok((octets, evidence))
}

fn seal(subject: &Subject<'_>, octets: &[u8], seen: &mut Vec<Exchange>) -> Done<Outgoing> {
    let mut outgoing = Outgoing::new();
    let place = (Span::default(), "the seal");
    let handset = obey(subject, |pack, report| {
        device::check_sealing(Sealing::of(subject.security), pack, place, report);
    })?;
    let Some(security) = subject.security else {
        outgoing.seal(1, octets, None);
        return Ok((outgoing, format!("no security: few handsets believe such a message{handset}")));
    };
    let key = Key::new(security, subject.pin.as_ref(), subject.imsi.as_ref());
    let key = key.ok_or_else(|| format!("{} needs a secret that is not given", security.name()))?;
    outgoing.seal(1, octets, Some((security, &key)));
    let evidence = format!("{}, MAC {}{handset}", security.name(), key.mac(octets));
    seen.push(Exchange { from: OPERATOR, to: OPERATOR, what: format!("seal with {}", security.name()) });
    Ok((outgoing, evidence))
}

fn split(subject: &Subject<'_>, mut outgoing: Outgoing, octets: usize, seen: &mut Vec<Exchange>) -> Done<Outgoing> {
    let sender = Address::read_text("impskit").map_err(|error| error.what)?;
    let kind = Kind::Deliver { more: false, receipt: false, time: CENTRE_TIME };
    let reference = Reference::Short(0x2A);
    let bearing = Bearing { address: &sender, kind, reference, ports: Ports::default(), centre: None };
    outgoing.split(&bearing).map_err(|error| error.what)?;
    let count = outgoing.pdus().len();
    seen.push(Exchange { from: OPERATOR, to: NETWORK, what: format!("{count} SMS") });
    let size = Size { octets, sms: count };
    let handset = obey(subject, |pack, report| device::check_size(size, pack, (Span::default(), "SMS"), report))?;
    let evidence = format!("{} octets of push in {count} SMS{handset}", outgoing.push().len());
    Ok((outgoing, evidence))
}

fn take_in(subject: &Subject<'_>, outgoing: &Outgoing, sent: &[u8], seen: &mut Vec<Exchange>) -> Done<Vec<u8>> {
    // A network keeps no order: the last part first, and one part twice.
    let mut parts: Vec<&[u8]> = outgoing.pdus().collect();
    parts.reverse();
    parts.extend(parts.first().copied().filter(|_| parts.len() > 1));
    parts.rotate_right(1);
    for _ in &parts {
        seen.push(Exchange { from: NETWORK, to: HANDSET, what: "SMS-DELIVER".to_owned() });
    }
    let received = receive(parts, subject.pin.as_ref(), subject.imsi.as_ref()).map_err(str::to_owned)?;
    if received.body != sent {
        return Err("the handset has other octets than were sent".to_owned());
    }
    let seal = received.security.map_or("no seal", |security| security.name());
    Ok((received.body, format!("joined out of order, octets as sent, {seal} verified")))
}

fn put_in_place(body: &[u8], seen: &mut Vec<Exchange>) -> Done<Tree> {
    let mut report = Report::new();
    let document = catalogue::read(body, &Limits::default(), &mut report).ok_or("the document cannot be read")?;
    let mut tree = Tree::new();
    let place = Place::of(Description::bundled());
    let applied = apply::apply_document(&document.root, &mut tree, &place).map_err(|fault| fault.to_string())?;
    if let Some(refused) = applied.refused.first() {
        return Err(format!("{}: {}", refused.uri, refused.why));
    }
    dm::check_tree(&tree, Description::bundled(), &mut report);
    if let Some(error) = first_error(&report) {
        return Err(error);
    }
    let count = applied.written.len();
    seen.push(Exchange { from: HANDSET, to: HANDSET, what: format!("write {count} nodes") });
    Ok((tree, format!("{count} nodes written under the impskit reference object, a reconstruction")))
}

fn read_back(tree: &Tree, sent: &ImpsAccount) -> Done<ImpsAccount> {
    let Reading { mut accounts, .. } = object::read(tree);
    if accounts.len() != 1 {
        return Err(format!("the tree holds {} IMPS accounts", accounts.len()));
    }
    let known = accounts.remove(0);
    let addresses = |account: &ImpsAccount| account.addresses.iter().map(|a| a.address.clone()).collect::<Vec<_>>();
    let login = |account: &ImpsAccount| account.login().map(|login| (login.user.clone(), login.password.clone()));
    if addresses(&known) != addresses(sent) || login(&known) != login(sent) || known.name != sent.name {
        return Err("the tree does not say what was sent".to_owned());
    }
    let address = known.addresses.first().map_or("no address", |address| &address.address);
    let user = known.login().and_then(|login| login.user.as_deref()).filter(|user| !user.is_empty());
    let user = user.map_or("no user".to_owned(), |user| format!("user {user}"));
    let points: Vec<&str> = known.access_points.iter().map(|point| point.id.as_str()).collect();
    let evidence = format!("server {address}, {user}, access points: {}", points.join(", "));
    Ok((known, evidence))
}
