//! The plain text syntax: messages that a shipped client writes or reads, against the same messages in XML.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use impskit::catalogue;
use impskit::codec::{self, Document, Encoding, Limits};
use impskit::csp::segments::{self, Assembler, Taken};
use impskit::csp::{self, Version, wire};
use impskit::diagnose::Report;
use impskit::document::{CodeTable, Element};
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};
use proptest::prelude::*;

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

/// A server that knows wv:alice, and what it answers to a text that is posted.
struct Server(Engine);

impl Server {
    fn new() -> Self {
        let mut store = Store::in_memory().unwrap();
        store.add_user("wv:alice@example.com", "open-sesame", start()).unwrap();
        store.add_user("wv:bob@example.com", "open-sesame", start()).unwrap();
        let configuration = Configuration { domain: "example.com".into(), ..Configuration::default() };
        Self(Engine::open(configuration, store, Random::new([7; 32])))
    }

    fn post(&mut self, text: &str) -> (u16, String) {
        let media_type = "application/vnd.wv.csp.sms".to_owned();
        let (body, peer) = (text.as_bytes().to_vec(), IpAddr::from([127, 0, 0, 1]));
        let request = Request { connection: 1, media_type: media_type.clone(), body, peer, headers: Vec::new() };
        let outputs = self.0.handle(start(), Input::Request(request));
        outputs
            .into_iter()
            .find_map(|output| match output {
                Output::Reply { status, body, media_type: of_answer, .. } => {
                    assert!(body.is_empty() || of_answer == media_type, "{of_answer}");
                    Some((status, String::from_utf8(body).unwrap()))
                }
                _ => None,
            })
            .unwrap()
    }
}

fn start() -> Timestamp {
    Timestamp::from_seconds(1_795_410_000)
}

/// The session of a client as the sheet describes it, written by hand: what it sends is in the form of the samples.
#[test]
fn a_handset_is_served_in_plain_text() {
    for version in ["11", "12", "13"] {
        let mut server = Server::new();
        let login = format!(
            "WV{version}LR1 CI=WV:CLIENT01$0001@EXAMPLE.TERMINAL PW=open-sesame TL=7200 SC=cookie UI=wv:alice@example.com"
        );
        let (status, answer) = server.post(&login);
        assert!(
            status == 200
                && answer.starts_with(&format!("WV{version}RL1 "))
                && answer.contains(" CI=WV:CLIENT01$0001@EXAMPLE.TERMINAL "),
            "{answer}"
        );
        let id = answer.split(" SI=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        let id = id.trim_matches('"').to_owned();
        let mut say = |rest: &str| {
            let (head, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let (status, answer) = server.post(format!("WV{version}{head} SI={id} {rest}").trim_end());
            assert_eq!(status, 200, "{head}: {answer}");
            answer.replace(&format!(" SI={id}"), "")
        };
        let agreed =
            say("CP2 CI=WV:CLIENT01$0001@EXAMPLE.TERMINAL CA=((CT,MP),(ID,P),(SB,HTTP),(MT,1),(PS,32767),(PM,30))");
        assert!(agreed.starts_with(&format!("WV{version}PC2")), "{agreed}");
        let services = say("SQ3 CI=WV:CLIENT01$0001@EXAMPLE.TERMINAL RF=(FF,PF,IF,GE) AR=F");
        assert!(
            services.starts_with(&format!("WV{version}QS3")) && services.contains("IF"),
            "messages have no codes: {services}"
        );
        assert!(say("KA4 TL=600").contains("ST=(200,Successful) KA=600"));
        let created = say("CL5 UN=((Bob,wv:bob@example.com)) CP=((DN,Friends),(DE,T)) CL=wv:alice/friends@example.com");
        assert!(created.starts_with(&format!("WV{version}ST5 ST=(200,")), "{created}");
        assert!(say("GL6").ends_with(" DC=wv:alice/friends@example.com"));
        let managed = say("LM7 AN=((\"Carol & Co\",wv:bob@example.com)) RL=T CL=wv:alice/friends@example.com");
        assert!(managed.starts_with(&format!("WV{version}ML7 ST=(200,")), "{managed}");
        assert!(
            say("UP8 UV=((UA,T,AV),(CF,T,((CT,MP),(CP,Example),(CV,1.0))))")
                .starts_with(&format!("WV{version}ST8 ST=(200,"))
        );
        let own = say("GP9 UI=wv:alice@example.com");
        assert!(own.starts_with(&format!("WV{version}PG9 ST=(200,")) && own.contains("(UA,T,AV)"), "{own}");
        assert!(say("SB10 PS=(OS,UA) CL=wv:alice/friends@example.com AS=F").contains("ST=(200,"));
        assert!(say("CA11 PS=(OS,UA) DL=T").contains("ST=(200,"));
        // What has no code that anybody knows.
        assert!(say("GB12").contains("ST=(501,"));
        assert!(say("SM13 CD=Hello").contains("ST=(501,"));
        // What has a preamble and no form.
        assert!(say("KA14 TL=(600").contains("ST=(400,"));
        assert!(say("KA15ab TL=600").contains("ST=(400,"), "one of several parts is no message over HTTP");
        assert!(say("OR16").contains("ST=(200,"));
        assert!(say("KA17").contains("ST=(604,") || say("KA17").contains("ST=(600,"));
    }
}

#[test]
fn c05_what_is_no_message_in_plain_text_is_refused() {
    let mut server = Server::new();
    for text in ["WV", "WV13", "WV13KA", "WV13KA1000 SI=s", "WV1XKA1", "KA1", "\u{0}"] {
        assert_eq!(server.post(text), (400, String::new()), "{text}");
    }
    assert!(server.post("WV99KA7 SI=s").1.starts_with("WV13ST7"), "another version");
    assert!(server.post("WV99KA7 SI=s").1.contains("ST=(505,"));
    assert!(server.post("WV13KA7 SI=nobody").1.contains("ST=(604,"));
    assert!(server.post("WV13QQ7 SI=s").1.starts_with("WV13ST7 SI=s ST=(501,"));
    // Discovery has the version XX, and neither a known code nor codes for what it says; nothing else is of XX.
    assert!(server.post("WVXXVD7").1.starts_with("WV13ST7 ST=(501,"));
    assert!(server.post("WVXXvd0").1.starts_with("WV13ST0 ST=(501,"));
    assert!(server.post("WVXXKA7 SI=s").1.starts_with("WV13ST7 ST=(505,"));
    for (_, text) in samples() {
        for end in 0..text.len() {
            let (status, _) = server.post(&text[..end]);
            assert!(matches!(status, 200 | 400), "{status}: {}", &text[..end]);
        }
    }
}

#[test]
fn the_shipped_table_switches_on_what_is_proposed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/text-codes.tsv");
    let known = csp::text_codes();
    let all = known.overlaid(fs::read_to_string(path).unwrap()).unwrap();
    let (_, proposed) = known.rows();
    for row in proposed {
        assert!(all.rows().0.contains(row), "{row:?}");
    }
    for primitive in csp::Primitive::all() {
        if all.code_of("primitive", &["-"], primitive.name).is_some() {
            let asks = primitive.kind == csp::Kind::Request;
            assert_eq!(codec_asks(&all, primitive.name), asks, "{}", primitive.name);
        }
    }
    let wrong = |text: &str| known.overlaid(text.to_owned()).unwrap_err().to_string();
    assert_eq!(wrong("code\tkind\tname\nxx\tprimitive\tNewMessage"), "line 2: `xx` is no code: two capital letters");
    assert_eq!(
        wrong("code\tkind\tname\nXX\tprimitive\tNone"),
        "line 2: `None` is no primitive that has a form in plain text"
    );
    assert_eq!(
        wrong("code\tkind\tname\nLR\tprimitive\tNewMessage"),
        "line 2: `LR` is the code of `Login-Request` already"
    );
}

/// Whether a message of that primitive reads as a request.
fn codec_asks(codes: &CodeTable, primitive: &str) -> bool {
    let code = codes.code_of("primitive", &["-"], primitive).unwrap().code;
    let text = format!("WV13{code}1 SI=s");
    let mut report = Report::new();
    let document =
        codec::read_pts(text.as_bytes(), wire::VOCABULARIES, codes, &Limits::default(), &mut report).unwrap();
    let mode = document.root.descend(&["Session", "Transaction", "TransactionDescriptor", "TransactionMode"]);
    mode.unwrap().text() == "Request"
}

proptest! {
    /// Parts in any order, with repeats and strangers between, join to what was cut; nothing else comes out.
    #[test]
    fn parts_in_any_order_join_to_what_was_cut(
        text in "[a-z äß€😀(),]{1,900}",
        most in 40_usize..140,
        order in proptest::collection::vec(0_usize..200, 0..60),
    ) {
        let message = format!("WV13UP7 {text}");
        let Ok(parts) = segments::split(&message, most) else { return Ok(()) };
        prop_assert!(parts.iter().all(|part| part.len() <= most));
        let mut assembler = Assembler::default();
        let mut wholes = Vec::new();
        let rest = (0..parts.len()).rev();
        for index in order.into_iter().map(|index| index % parts.len()).chain(rest) {
            if let Taken::Whole(whole) = assembler.take(Duration::ZERO, "1", parts[index].as_bytes()) {
                wholes.push(whole);
            }
            let stranger = assembler.take(Duration::ZERO, "2", parts[index].as_bytes());
            if let Taken::Whole(whole) = stranger {
                prop_assert_eq!(whole, message.as_bytes());
            }
        }
        prop_assert!(!wholes.is_empty());
        prop_assert!(wholes.iter().all(|whole| whole == message.as_bytes()));
    }

    /// No short message makes the server fall, or answer what is no message.
    #[test]
    fn any_short_message_is_answered_or_ignored(text in "(WV1[123][A-Z]{2}[0-9]{1,4}[a-z]{0,2})?[ A-Za-z=(),\"0-9]{0,60}") {
        let mut server = Server::new();
        let input = Input::Text { connection: 1, number: "+491701234567".to_owned(), text: text.clone().into_bytes() };
        for output in server.0.handle(start(), input) {
            if let Output::Text { number, text: answer } = output {
                prop_assert_eq!(number, "491701234567");
                prop_assert!(text.starts_with("WV1") && answer.starts_with("WV1"), "{} {}", text, answer);
            }
        }
    }
}
