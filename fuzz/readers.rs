//! What holds for any octets, reader by reader. The fuzzer plays these with octets of its own making
//! (`targets`), the test suite with damaged samples (`tests/suite/readers.rs`).

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use impskit::batch::campaign::Campaign;
use impskit::batch::{audit, route, units};
use impskit::catalogue::{self, Checked};
use impskit::client::{Client, Event, Identity, Negotiation, Output};
use impskit::codec::{self, Encoding, Limits, WbxmlOptions};
use impskit::configuration::Configuration;
use impskit::cp::mac::{Imsi, Pin};
use impskit::csp::segments::{self, Assembler, Taken};
use impskit::csp::wire::{self, Body as CspBody, Refusal};
use impskit::csp::{self, cir};
use impskit::delivery::pap::{self, Says, Submission, Version};
use impskit::delivery::smpp::{self, Body, Receipt};
use impskit::delivery::sms::Tpdu;
use impskit::delivery::wdp::{self, Joined, Ports, Reassembly, Reference, Segment};
use impskit::delivery::wsp::Push;
use impskit::diagnose::baseline::Baseline;
use impskit::diagnose::{Report, Severity, Source, Span, fix, json, text};
use impskit::dm::device::{Abilities, Device};
use impskit::dm::session::auth::MacHeader;
use impskit::dm::session::notification::Notification;
use impskit::dm::session::server::{Server, Terms};
use impskit::dm::syncml::Message;
use impskit::dm::{self, Acl, Description, Tree, Uri, serialise};
use impskit::document::CodeTable;
use impskit::inspect;
use impskit::provision::{Pack, Profile, accept, rows};
use impskit::server::NetworkPresence;

/// A reader's name and what holds for it; it panics where that does not hold.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every reader.
pub(crate) const TARGETS: &[Target] = &[
    ("check", check),
    ("markup", markup),
    ("description", description),
    ("message", message),
    ("mend", mend),
    ("plain", plain),
    ("tree", tree),
    ("peel", peel),
    ("words", words),
    ("smpp", smpp),
    ("pap", pap),
    ("csp", csp_message),
    ("client", client),
    ("sms", sms),
    ("table", table),
    ("files", files),
    ("reports", reports),
];

/// The codes of plain text, with those that are derived: more of the reader is at work.
static TEXT_CODES: LazyLock<CodeTable> = LazyLock::new(|| {
    let derived = include_str!("../templates/text-codes.tsv").to_owned();
    csp::text_codes().overlaid(derived).unwrap_or_else(|row| panic!("line {}: {}", row.line, row.what))
});

/// Findings have a place within the document, and can be shown in every form.
pub(crate) fn check(octets: &[u8]) {
    Pack::read(&String::from_utf8_lossy(octets), &mut Report::new());
    let packs: Vec<&Pack> = Pack::bundled().iter().collect();
    let options = catalogue::Options { devices: &packs, max_sms: Some(1), ..catalogue::Options::default() };
    for Checked { source, report, .. } in inspect::check(octets, "input", &options).layers {
        for finding in report.diagnostics() {
            let related = finding.related.iter().map(|related| related.span);
            for span in related.chain([finding.span]) {
                assert!(is_within(span, &source), "{}: {span:?}", finding.rule.code);
            }
            assert!(!finding.message.is_empty() && !finding.way_out().is_empty());
        }
        assert!(!text::render(&source, &report, false).contains('\u{1B}'));
        let mut findings = json::Findings::default();
        findings.add(&source, &report);
        assert!(findings.into_json(1).starts_with('{'));
    }
}

fn is_within(span: Span, source: &Source<'_>) -> bool {
    span.start <= span.end && span.end as usize <= source.bytes.len()
}

/// What is read can be written in XML, and reads back as it was; what is not read has a reason.
pub(crate) fn markup(octets: &[u8]) {
    let mut report = Report::new();
    let Some(document) = catalogue::read(octets, &Limits::default(), &mut report) else {
        return assert!(report.has_errors(), "refused without a reason");
    };
    if let Some(vocabulary) = document.vocabulary {
        let _ = codec::write_wbxml(&document.root, vocabulary, &WbxmlOptions::default());
        vocabulary.check(&document.root, &mut report);
    }
    if document.header.encoding == Encoding::Xml && !report.has_errors() {
        let written = codec::write_xml(&document.root, document.vocabulary, false);
        let again = catalogue::read(&written, &Limits::default(), &mut Report::new());
        assert!(again.is_some_and(|again| again.root.same_as(&document.root)), "reads back as something else");
    }
}

/// A description has the nodes that its walk visits, and finds each that has a place.
pub(crate) fn description(octets: &[u8]) {
    let Some(description) = Description::read(octets, &mut Report::new()) else { return };
    let mut count = 0;
    description.walk(&mut |node, depth| {
        count += 1;
        assert!(depth <= Limits::default().depth && !node.display_name().is_empty());
    });
    assert!(count >= description.nodes.len());
}

/// A message survives both syntaxes as far as they carry it, and a device answers it.
pub(crate) fn message(octets: &[u8]) {
    let Some(message) = Message::read(octets, &mut Report::new()) else { return };
    let again = |message: &Message| {
        Message::read(&message.to_xml(false), &mut Report::new()).expect("what was written is a message")
    };
    // What XML cannot hold is gone after the first time; from then on it stays as it is.
    let once = again(&message);
    assert_eq!(again(&once), once, "reads back as something else");
    let _ = message.to_wbxml();
    let mut device = Device::new(Tree::new(), Description::bundled(), Abilities::default());
    for done in device.carry_out("server", &message.commands) {
        assert!(done.code >= 200, "{done:?}");
    }
    let mut server = Server::new("server", [0; 32]);
    server.enrol(&message.header.source.uri, Terms::default());
    if let Some(answer) = server.handle(Duration::ZERO, octets, None) {
        assert!(Message::read(&answer.body, &mut Report::new()).is_some(), "the answer is no message");
    }
}

/// What is read as plain text can be said again, by the codes that are known and by all; parts join to no more than came.
pub(crate) fn plain(octets: &[u8]) {
    for codes in [csp::text_codes(), all_codes()] {
        if let Err(why) = said_again(octets, codes) {
            panic!("{why}");
        }
    }
    let mut assembler = Assembler::default();
    for line in octets.split(|octet| *octet == b'\n') {
        if let Taken::Whole(whole) = assembler.take(Duration::ZERO, "1", line) {
            assert!(whole.len() <= octets.len(), "{} octets of {}", whole.len(), octets.len());
        }
    }
}

/// Reads octets as a message in plain text: there is a document or a finding, what can be written again reads as the same,
/// and its XML is XML.
pub(crate) fn said_again(octets: &[u8], codes: &CodeTable) -> Result<(), String> {
    let read = |octets: &[u8]| {
        let mut report = Report::new();
        let read = codec::read_with(octets, wire::VOCABULARIES, Some(codes), &Limits::default(), &mut report);
        (read.map(|document| (document.root.into_owned(), document.vocabulary)), report)
    };
    if codec::recognise(octets) != Some(Encoding::Pts) {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(octets);
    let (document, report) = read(octets);
    let Some((root, Some(vocabulary))) = document else {
        return if report.diagnostics().is_empty() { Err(format!("silence about {shown}")) } else { Ok(()) };
    };
    let xml = codec::write_xml(&root, Some(vocabulary), false);
    let mut of_xml = Report::new();
    let again = codec::read(&xml, wire::VOCABULARIES, &Limits::default(), &mut of_xml);
    if again.is_none() || of_xml.diagnostics().iter().any(|finding| finding.rule.code == "XML001") {
        return Err(format!("no XML of {shown}: {}", String::from_utf8_lossy(&xml)));
    }
    let Ok(written) = codec::write_pts(&root, vocabulary, Some(codes)) else { return Ok(()) };
    let (second, report) = read(written.as_bytes());
    match second.is_some_and(|(second, _)| second.same_as(&root)) && report.diagnostics().is_empty() {
        true => Ok(()),
        false => Err(format!("{shown}\n{written}\n{:?}\n{}", report.diagnostics(), String::from_utf8_lossy(&xml))),
    }
}

/// Returns all codes of plain text, also those of no known source.
pub(crate) fn all_codes() -> &'static CodeTable {
    &TEXT_CODES
}

/// Safe fixes come to an end, and leave a document of which no more is safely mended.
pub(crate) fn mend(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let options = catalogue::Options::default();
    let report = |text: &str| catalogue::check(text.as_bytes(), "input", &options).report;
    let before = report(text);
    let mended = fix::mend(text, report);
    if mended.applied > 0 {
        let after = report(&mended.text);
        let errors = |report: &Report| report.count(Severity::Error);
        assert!(errors(&after) <= errors(&before), "a fix that breaks something");
    }
}

/// A tree that was read can be written as XML and as JSON, and reads back as it was.
pub(crate) fn tree(octets: &[u8]) {
    let mut report = Report::new();
    let Some(tree) = serialise::read(octets, &mut report) else { return };
    dm::check_tree(&tree, Description::bundled(), &mut report);
    let written = serialise::to_xml(&tree);
    if !tree.is_empty() && !report.has_errors() {
        let again = serialise::read(&written, &mut Report::new());
        assert_eq!(again.as_ref(), Some(&tree), "reads back as another tree");
    }
}

/// Layers lie within each other, and what has none is said to be nothing.
pub(crate) fn peel(octets: &[u8]) {
    let (pin, imsi) = (Pin::read("1234").ok(), Imsi::read("262022033864727").ok());
    let options = inspect::Options { pin: pin.as_ref(), imsi: imsi.as_ref(), ..Default::default() };
    let mut above = 0;
    for layer in inspect::peel(octets, &options).layers {
        assert!((1..=above + 1).contains(&layer.level), "{} lies in no layer", layer.name);
        above = layer.level;
        assert!(layer.pieces.iter().all(|piece| piece.start <= piece.end && piece.end <= layer.span.end));
        for finding in layer.report.diagnostics() {
            assert!(finding.span.end as usize <= layer.octets.len(), "{}: {:?}", finding.rule.code, finding.span);
        }
    }
}

/// Parts lie within the message; octets that are handed to a gateway come out of the submission as they went in.
pub(crate) fn pap(octets: &[u8]) {
    if let Some(message) = pap::read(octets, &mut Report::new()) {
        for span in message.content.iter().map(|part| part.span).chain([message.control_span]) {
            assert!(span.start <= span.end && span.end as usize <= octets.len(), "{span:?}");
        }
    }
    assert!(pap::read_response(octets).map_or_else(|why| !why.is_empty(), |answer| !answer.to_string().is_empty()));
    let push = [&[1, 6, 1, 0xB6], octets].concat();
    let Some(push) = Push::read(&push, &mut Report::new()) else { return };
    let (push_id, version) = (pap::push_id("+46700000001", &push), Version::V2_0);
    let submission =
        Submission { version, push_id: &push_id, to: "+46700000001", gateway: "ppg", deliver_before: None };
    let written = pap::write(&submission, &push).expect("all of it is sound");
    let message = pap::read(&written.body, &mut Report::new()).expect("it was just written");
    assert!(matches!(&message.says, Says::Push(control) if control.push_id == push_id));
    let body = message.content.as_ref().and_then(pap::Part::body);
    assert_eq!(body.as_deref(), Some(octets));
}

/// The small languages: addresses, access control lists, notifications, headers.
pub(crate) fn words(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok(uri) = Uri::read(&text) {
        assert_eq!(Uri::read(&uri.to_string()).as_ref(), Ok(&uri), "{text}");
    }
    if let Ok(Some(acl)) = Acl::read(&text) {
        assert_eq!(Acl::read(&acl.to_string()), Ok(Some(acl)), "{text}");
    }
    if let Ok(notification) = Notification::read(octets) {
        assert!(notification.session > 0);
    }
    if let Some(header) = MacHeader::read(&text) {
        assert!(text.contains(header.mac));
    }
}

/// A PDU that was read can be written, and reads back as it was; a fault has its place within the octets.
pub(crate) fn smpp(octets: &[u8]) {
    let (pdu, length) = match smpp::read(octets) {
        Ok(read) => read,
        Err(fault) => return assert!(fault.at <= octets.len() && !fault.what.is_empty(), "{fault:?}"),
    };
    assert!((smpp::HEADER..=smpp::MOST_PDU.min(octets.len())).contains(&length));
    let mut written = Vec::new();
    pdu.write(&mut written).expect("what was read can be written");
    assert_eq!(smpp::read(&written), Ok((pdu.clone(), written.len())), "reads back as something else");
    if let Body::Message(_, message) = &pdu.body {
        let _ = message.segment();
        assert!(Receipt::read(message).is_none_or(|receipt| !receipt.message_id.is_empty()));
    }
    if let Some(answer) = pdu.answer() {
        assert_eq!((answer.sequence, answer.answer()), (pdu.sequence, None));
    }
}

/// A message of CSP, in whatever syntax and version, reads back from its own octets; what is none has an answer.
pub(crate) fn csp_message(octets: &[u8]) {
    let (body, form) = match wire::read_with(octets, &wire::LIMITS, &TEXT_CODES) {
        Ok(read) => read,
        Err(Refusal::Unreadable(report)) => return assert!(report.has_errors(), "refused without a reason"),
        Err(_) => return,
    };
    let CspBody::Message(message) = body else { return };
    for transaction in &message.transactions {
        if let Some(fault) = csp::fault(&transaction.primitive, message.version) {
            assert!(fault.code.is_known(), "{fault:?}");
        }
    }
    let again = |message: &csp::Message<'_>| {
        let written = wire::write(message, form).ok()?;
        match wire::read_with(&written, &wire::LIMITS, form.codes) {
            Ok((CspBody::Message(again), form_again)) => {
                assert_eq!(form_again.encoding, form.encoding);
                Some(again.into_owned())
            }
            other => panic!("what was written is no message: {other:?} in {}", String::from_utf8_lossy(&written)),
        }
    };
    // What a syntax cannot hold is gone after the first time; from then on it stays as it is.
    let Some(once) = again(&message) else { return };
    assert_eq!((&once.session, once.version), (&message.session, message.version));
    assert_eq!(again(&once).as_ref(), Some(&once), "reads back as something else");
}

/// A client takes any answer, to whatever it asked, and can go on after it.
pub(crate) fn client(octets: &[u8]) {
    let identity = Identity::new("wv:anna@example.com", "secret");
    let mut client = Client::new(Identity { schemas: Vec::new(), negotiation: Negotiation::None, ..identity });
    let welcome = "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><Session><SessionDescriptor>\
        <SessionType>Outband</SessionType></SessionDescriptor><Transaction><TransactionDescriptor>\
        <TransactionMode>Response</TransactionMode><TransactionID>1</TransactionID></TransactionDescriptor>\
        <TransactionContent><Login-Response><ClientID><URL>x</URL></ClientID><Result><Code>200</Code></Result>\
        <SessionID>s</SessionID><KeepAliveTime>60</KeepAliveTime></Login-Response></TransactionContent></Transaction>\
        </Session></WV-CSP-Message>";
    let mut now = Duration::ZERO;
    for (event, is_known) in [(Event::LogIn, true), (Event::Tick, false), (Event::Poll, false), (Event::LogOut, false)]
    {
        now += Duration::from_secs(60);
        let mut outputs = client.handle(now, event);
        // An answer may make the client post again; each is answered alike, as often as a bad server would.
        for _ in 0..4 {
            let Some(Output::Post { body, .. }) = outputs.iter().find(|output| matches!(output, Output::Post { .. }))
            else {
                break;
            };
            assert!(matches!(wire::read(body, &wire::LIMITS), Ok((CspBody::Message(_), _))), "it posts no message");
            let answer = if is_known { welcome.as_bytes() } else { octets };
            outputs = client.handle(now, Event::Answer(answer.to_vec()));
        }
    }
    assert!(client.next_deadline().is_none_or(|next| next > Duration::ZERO));
}

/// Short messages come out as they went in; parts never join to something else.
pub(crate) fn sms(octets: &[u8]) {
    if let Ok(tpdu) = Tpdu::read(octets) {
        let mut written = Vec::new();
        tpdu.write(&mut written);
        assert_eq!(Tpdu::read(&written).as_ref(), Ok(&tpdu), "reads back as something else");
        if let Ok(segment) = Segment::read(tpdu.user_data) {
            let joined = Reassembly::new().add(b"x", &segment);
            assert!(!matches!(joined, Joined::Repeated), "the first of all is repeated");
        }
    }
    let (ports, reference) = (Ports { destination: 2948, source: 9200 }, Reference::Long(7));
    let mut parts: Vec<Vec<u8>> = wdp::split(octets, ports, reference)
        .map(|segment| {
            let mut written = Vec::new();
            segment.write(&mut written);
            written
        })
        .collect();
    if parts.len() > 255 {
        return;
    }
    // In an order that depends on the octets.
    let turn = usize::from(octets.first().copied().unwrap_or_default()) % parts.len();
    parts.rotate_left(turn);
    let mut reassembly = Reassembly::new();
    let mut whole = None;
    for part in &parts {
        let segment = Segment::read(part).expect("it was just written");
        assert_eq!(segment.ports, Some(ports));
        if let Joined::Whole(datagram) = reassembly.add(b"x", &segment) {
            assert_eq!(whole.replace(datagram), None, "whole twice");
        }
    }
    assert_eq!(whole.as_deref(), Some(octets));
    assert_eq!(reassembly.incomplete().count(), 0);
}

/// Cells lie within their rows and rows within the table; what is wrong is shown where it stands.
pub(crate) fn table(octets: &[u8]) {
    for delimiter in [b',', b';', b'\t'] {
        let mut report = Report::new();
        let needed = [("user", "the profile names it")];
        let rows = rows::check(octets, delimiter, &needed, &mut report).expect("memory can be read");
        assert!(rows <= octets.iter().filter(|octet| matches!(octet, b'\n' | b'\r')).count() as u64 + 1);
        let mut source = Source::new("table.csv", octets);
        for finding in report.diagnostics() {
            assert!(is_within(finding.span, &source), "{}: {:?}", finding.rule.code, finding.span);
        }
        rows::hide_secrets(&mut source, delimiter, false, &report);
        assert!(text::render(&source, &report, false).len() >= report.diagnostics().len());
        let Ok(Some(mut table)) = rows::Table::open(octets, delimiter, rows::Names::Theirs, &mut Report::new()) else {
            continue;
        };
        let mut end = 0;
        while let Some(row) = table.next_row().expect("memory can be read") {
            let whole = row.span(usize::MAX);
            assert!(whole.start >= end && is_within(whole, &source), "{whole:?} after {end}");
            end = whole.end;
            for column in 0..row.cells().count() {
                let span = row.span(column);
                assert!(whole.start <= span.start && span.end <= whole.end, "{span:?} in {whole:?}");
            }
        }
    }
}

/// The files that people write are read, or it is said what is wrong with them.
pub(crate) fn files(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let source = Source::new("profile.toml", text.as_bytes());
    let mut report = Report::new();
    let profile = Profile::read(&text, &mut |_| Ok("secret".to_owned()), &mut report);
    assert!(profile.is_some() || report.has_errors(), "refused without a reason");
    for finding in report.diagnostics() {
        assert!(is_within(finding.span, &source), "{}: {:?}", finding.rule.code, finding.span);
    }
    let path = Path::new("folder/file.toml");
    for wrong in [
        Campaign::read(&text, path).err(),
        Configuration::read(&text, path).err(),
        Baseline::read(&text).err(),
        csp::text_codes().overlaid(text.to_string()).err().map(|row| impskit::error::Error::input(row.what)),
    ]
    .into_iter()
    .flatten()
    {
        assert!(!wrong.what.is_empty());
    }
    if let Some(rate) = units::Rate::read(&text) {
        assert!(rate.0 > 0.0 && rate.0.is_finite());
    }
    let _ = (units::duration(&text), units::instant(&text), units::zone(&text), units::QuietHours::read(&text));
    let _ = accept::read(&text);
}

/// What gateways, networks and logs report is read, or it is said what is wrong with it.
pub(crate) fn reports(octets: &[u8]) {
    for media_type in ["application/x-www-form-urlencoded", "application/x-ndjson"] {
        match route::read_receipts(media_type, octets) {
            Ok(read) => assert!(read.receipts.iter().all(|receipt| !receipt.id.is_empty())),
            Err(why) => assert!(!why.is_empty()),
        }
    }
    assert!(NetworkPresence::read_all(octets).map_or_else(|why| !why.is_empty(), |_| true));
    let verdict = audit::verify(octets).expect("memory can be read");
    assert!(verdict.lines <= octets.iter().filter(|octet| **octet == b'\n').count() as u64 + 1);
    assert!(verdict.wrong.is_none_or(|wrong| !wrong.what.is_empty()));
    // Lines of a connection are the same in pieces of any size.
    let (mut whole, mut cut) = (cir::Lines::default(), cir::Lines::default());
    let at_once = whole.add(octets);
    let in_pieces: Result<Vec<_>, _> = octets.chunks(3).map(|piece| cut.add(piece)).collect();
    if let (Ok(at_once), Ok(in_pieces)) = (&at_once, in_pieces) {
        assert_eq!(at_once, &in_pieces.concat());
        at_once.iter().for_each(|line| drop(cir::Said::read(line)));
    }
    // Parts of messages in plain text.
    let text = String::from_utf8_lossy(octets);
    let _ = cir::read_call(&text);
    let mut assembler = Assembler::default();
    let mut seconds = 0;
    for part in octets.split(|octet| *octet == b'\n') {
        seconds += 1;
        if let Taken::Refused(why) = assembler.take(Duration::from_secs(seconds), "46700000001", part) {
            assert!(!why.is_empty());
        }
    }
    let (messages, waiting) = assembler.waiting();
    assert!(messages as u64 <= seconds && waiting <= octets.len());
    let message = format!("WV13SM7 {text}");
    if let Ok(parts) = segments::split(&message, 140) {
        let mut assembler = Assembler::default();
        let last = parts.iter().map(|part| assembler.take(Duration::ZERO, "46700000001", part.as_bytes())).last();
        assert_eq!(last, Some(Taken::Whole(message.into_bytes())));
    }
}
