//! What holds for any octets, reader by reader. The fuzzer plays these with octets of its own making
//! (`targets`), the test suite with damaged samples (`tests/suite/readers.rs`).

use std::time::Duration;

use impskit::catalogue::{self, Checked};
use impskit::codec::{self, Encoding, Limits, WbxmlOptions};
use impskit::cp::mac::{Imsi, Pin};
use impskit::delivery::pap::{self, Says, Submission, Version};
use impskit::delivery::smpp::{self, Body, Receipt};
use impskit::delivery::wsp::Push;
use impskit::diagnose::{Report, Severity, Source, Span, fix, json, text};
use impskit::dm::device::{Abilities, Device};
use impskit::dm::session::auth::MacHeader;
use impskit::dm::session::notification::Notification;
use impskit::dm::session::server::{Server, Terms};
use impskit::dm::syncml::Message;
use impskit::dm::{self, Acl, Description, Tree, Uri, serialise};
use impskit::inspect;
use impskit::provision::Pack;

/// A reader's name and what holds for it; it panics where that does not hold.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every reader.
pub(crate) const TARGETS: &[Target] = &[
    ("check", check),
    ("markup", markup),
    ("description", description),
    ("message", message),
    ("mend", mend),
    ("tree", tree),
    ("peel", peel),
    ("words", words),
    ("smpp", smpp),
    ("pap", pap),
];

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
