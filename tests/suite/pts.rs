//! The plain text syntax: messages that a shipped client writes or reads, against the same messages in XML.

use std::fs;
use std::path::{Path, PathBuf};

use impskit::catalogue;
use impskit::codec::{self, Document, Encoding, Limits};
use impskit::csp::{Version, wire};
use impskit::diagnose::Report;
use impskit::document::Element;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/csp").join(name)
}

/// The samples by name, without the line end that files have and messages do not.
fn samples() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder("pts")).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap().trim_end().to_owned();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), text)
        })
        .collect();
    samples.sort();
    assert_eq!(samples.len(), 25, "messages of the client");
    samples
}

fn read(text: &str) -> (Option<Document<'_>>, Vec<&'static str>) {
    let mut report = Report::new();
    let document = codec::read(text.as_bytes(), wire::VOCABULARIES, &Limits::default(), &mut report);
    (document, report.diagnostics().iter().map(|d| d.rule.code).collect())
}

fn write(root: &Element<'_>) -> Result<String, String> {
    codec::write_pts(root, Version::V1_3.vocabulary(), None).map_err(|reason| reason.what)
}

fn xml(name: &str) -> Element<'static> {
    let octets = fs::read(folder("1.3").join(name).with_extension("xml")).unwrap();
    let mut report = Report::new();
    catalogue::read(&octets, &Limits::default(), &mut report).unwrap().root.into_owned()
}

fn find<'e, 's>(element: &'e mut Element<'s>, name: &str) -> Option<&'e mut Element<'s>> {
    if element.name == name {
        return Some(element);
    }
    element.children.iter_mut().find_map(|child| find(child, name))
}

/// Takes out of the XML what the plain text of the same name leaves out, and gives it a transaction that is a number.
fn without_what_is_not_sent(root: &mut Element<'_>, name: &str) {
    root.children[0].children.retain(|child| child.name != "Poll");
    if name != "15-logout-response"
        && let Some(result) = find(root, "Result")
    {
        result.children.retain(|child| child.name == "Code");
    }
    if let Some(id) = find(root, "TransactionID") {
        let number = match id.trimmed() {
            "srv-1" => "901",
            "srv-2" => "902",
            number => number,
        };
        *id = Element::leaf("TransactionID", number.to_owned());
    }
}

#[test]
fn samples_are_the_messages_of_the_same_name() {
    for (name, text) in samples() {
        let (document, findings) = read(&text);
        let document = document.unwrap_or_else(|| panic!("{name}"));
        assert_eq!((document.header.encoding, findings), (Encoding::Pts, vec![]), "{name}");
        let mut expected = xml(&name);
        without_what_is_not_sent(&mut expected, &name);
        match name.as_str() {
            // The plain text of these two says less, and other things.
            "07-capability-request" | "08-capability-response" => continue,
            _ => {}
        }
        assert!(document.root.same_as(&expected), "{name}: {:#?} {expected:#?}", document.root);
        let mut report = Report::new();
        document.vocabulary.unwrap().check(&document.root, &mut report);
        assert!(report.diagnostics().is_empty(), "{name}: {:?}", report.diagnostics());
    }
}

#[test]
fn capabilities_are_those_of_the_sample() {
    let text = &samples().into_iter().find(|(name, _)| name == "07-capability-request").unwrap().1;
    let (document, _) = read(text);
    let root = document.unwrap().root;
    let list =
        root.descend(&["Session", "Transaction", "TransactionContent", "ClientCapability-Request", "CapabilityList"]);
    let words = |name: &str| list.unwrap().children_named(name).map(|e| e.trimmed().to_owned()).collect::<Vec<_>>();
    assert_eq!(words("ClientType"), ["MOBILE_PHONE"]);
    assert_eq!(words("SupportedCIRMethod"), ["STCP", "SUDP"]);
    assert_eq!((words("UDPPort"), words("DefaultLanguage")), (vec!["3717".to_owned()], vec!["eng".to_owned()]));
    assert_eq!(list.unwrap().children.len(), 10);
}

#[test]
fn trees_are_written_as_the_client_writes_them() {
    for (name, text) in samples() {
        let root = read(&text).0.unwrap().root.into_owned();
        assert_eq!(write(&root).as_ref(), Ok(&text), "{name}");
        let mut other = xml(&name);
        without_what_is_not_sent(&mut other, &name);
        match name.as_str() {
            "07-capability-request" => assert!(write(&other).unwrap_err().contains("`AcceptedContentType`")),
            "08-capability-response" => assert!(write(&other).unwrap_err().contains("`MultiTransPerMessage`")),
            _ => assert_eq!(write(&other), Ok(text), "{name}"),
        }
    }
}

/// The notations that no sample shows, from their descriptions.
#[test]
fn other_notations_survive_both_ways() {
    for text in [
        r#"WV13PN1 SI=s PR=((wv:a@x,((ST,F,))),(wv:b@x,((CF,T,((CT,CO),(CV,"1 ""a"""))))))"#,
        "WV13PN1 SI=s PR=((wv:a@x,((OS,T,T))),wv:b@x)",
        "WV13PN1 SI=s PR=(wv:a@x,wv:b@x)",
        "WV13SB1 SI=s PS=((CF,(CT,CV))) UI=(wv:a@x,wv:b@x)",
        "WV13LM1 SI=s RN=((,wv:bob@example.com)) CL=wv:a/l@x",
        "WV13CP1 SI=s CA=((SC,SHTTP))",
        "WV13PC1 SI=s AP=((CI,http://imps.example.com/cir))",
        "WV11GP1 SI=s UI=(wv:a@x,wv:b@x)",
        "WV12SQ1 SI=s RF=WV",
        r#"WV13ST1 SI="s ""1""" ST=(201,"a, b (c) = d & e")"#,
    ] {
        let (document, findings) = read(text);
        assert_eq!(findings, Vec::<&str>::new(), "{text}");
        let document = document.unwrap();
        let written = codec::write_pts(&document.root, document.vocabulary.unwrap(), None);
        assert_eq!(written.as_deref(), Ok(text));
    }
    let lower = read("WV13ka5 si=s-7f3a  tl=3600").0.unwrap().root.into_owned();
    assert_eq!(write(&lower).unwrap(), "WV13KA5 SI=s-7f3a TL=3600");
}

#[test]
fn what_has_no_known_code_is_named() {
    let reason = write(&xml("30-sendmessage-request")).unwrap_err();
    assert!(reason.contains("`SendMessage-Request`"), "{reason}");
    let mut partial = xml("59-status-partial");
    partial.children[0].children.retain(|child| child.name != "Poll");
    let partial = write(&partial).unwrap_err();
    assert!(partial.contains("`DetailedResult`"), "{partial}");
    assert!(write(&xml("12-keepalive-response")).unwrap_err().contains("`Poll`"));
    assert!(write(&xml("16-disconnect")).unwrap_err().contains("`TransactionID`"));
    let (document, findings) = read("WV13SM5 SI=s-7f3a MI=1");
    assert_eq!(findings, ["PTS002"], "a code that was invented");
    assert_eq!(
        document.unwrap().root.descend(&["Session", "SessionDescriptor"]).unwrap().child_text("SessionID"),
        Some("s-7f3a")
    );
    let (document, findings) = read("WV13UP5 SI=s UV=((AL,T,Bob),(OS,T,T))");
    assert_eq!(findings, ["PTS002"]);
    assert!(document.unwrap().root.count() > 10, "the attribute that is known is kept");
    assert_eq!(read("WV14KA5 SI=s").1, ["PTS001"]);
    assert_eq!(read("WV13KA1000 SI=s").1, ["PTS001"]);
    assert_eq!(read("WV13LM12ca SI=s").1, ["PTS004"]);
}

/// A message that was cut or changed is judged, never a crash, and what is read can be written or is refused.
#[test]
fn damaged_messages_are_judged() {
    for (_, text) in samples() {
        for end in 0..text.len() {
            let _ = read(&text[..end]);
        }
        for at in 0..text.len() {
            for octet in [b'(', b')', b'"', b',', b'=', b' ', b'A', b'0', 0xFF, 0x00] {
                let mut changed = text.clone().into_bytes();
                changed[at] = octet;
                let mut report = Report::new();
                let Some(document) = codec::read(&changed, wire::VOCABULARIES, &Limits::default(), &mut report) else {
                    assert!(!report.diagnostics().is_empty(), "silence about {}", String::from_utf8_lossy(&changed));
                    continue;
                };
                let Some(vocabulary) = document.vocabulary else { continue };
                if let Ok(again) = codec::write_pts(&document.root, vocabulary, None) {
                    let (second, findings) = read(&again);
                    assert_eq!(findings, Vec::<&str>::new(), "{again}");
                    assert!(
                        second.unwrap().root.same_as(&document.root),
                        "{again} {}",
                        String::from_utf8_lossy(&changed)
                    );
                }
            }
        }
    }
}

#[test]
fn depth_and_number_are_bounded() {
    for deep in [1_000, 1_000_000] {
        assert_eq!(read(&format!("WV13PN1 SI=s PR={}", "(".repeat(deep))).1, ["GEN005"]);
    }
    assert_eq!(read(&format!("WV13PN1 SI=s PR=({})", ",".repeat(1_000_000))).1, ["GEN005"]);
}
