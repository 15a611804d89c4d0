//! The plain text syntax: messages that a shipped client writes or reads, against the same messages in XML.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use impskit::catalogue;
use impskit::codec::{self, Document, Encoding, Limits};
use impskit::csp::segments::{self, Assembler, Taken};
use impskit::csp::wire::Body;
use impskit::csp::{self, Version, wire};
use impskit::diagnose::Report;
use impskit::document::{CodeTable, Element};
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};
use proptest::prelude::*;

use crate::readers::targets::{all_codes, said_again};

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
        "WV13PN1 SI=s PR=((wv:a@x,((OS,T,T))),(wv:b@x))",
        "WV13PN1 SI=s PR=((wv:a@x),(wv:b@x))",
        "WV13PN1 SI=s PR=(wv:a@x)",
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

/// Messages that need codes of no known source.
const DERIVED: &[&str] = &[
    r#"WV13SM7 SI=s-7f3a ME=((MT,text/plain),(CZ,5),(RC,((UZ,((UI,wv:bob@example.com)))))) CD="Hello, you" DR=T"#,
    "WV13AG7 SI=s ST=200 DA=((PS,((Alias,)))) PR=((wv:a@x,((AL)),(UO,T)),(wv:b/l@x,((SM),(AL)),(CO,T)))",
    r#"WV12ST7 SI=s ST=(201,"Partially successful.",(531,,(wv:nobody@example.com)),(700,,((CL,wv:a/l@x))))"#,
    "WV13UP7 SI=s UV=((PLMN,T,22201),(CC,T,(((CA,IM),(ST,OPEN)),((CA,SMS),(ST,OPEN)))))",
];

/// A10: a message that was cut or changed is judged, never a crash, and what is read can be written or is refused.
#[test]
fn a10_damaged_messages_are_judged() {
    let derived = DERIVED.iter().map(|text| ((*text).to_owned(), all_codes()));
    let known = samples().into_iter().map(|(_, text)| (text, csp::text_codes()));
    for (text, codes) in known.chain(derived) {
        for end in 0..text.len() {
            judge(&text.as_bytes()[..end], codes).unwrap();
        }
        for at in 0..text.len() {
            for octet in [b'(', b')', b'"', b',', b'=', b' ', b'A', b'0', text.as_bytes()[at] + 1, 0xFF, 0x00] {
                let mut changed = text.clone().into_bytes();
                changed[at] = octet;
                judge(&changed, codes).unwrap();
            }
        }
    }
}

/// What the fuzzer holds of any text; and its XML is such for another reader.
fn judge(octets: &[u8], codes: &CodeTable) -> Result<(), String> {
    said_again(octets, codes)?;
    let mut report = Report::new();
    let read = codec::read_with(octets, wire::VOCABULARIES, Some(codes), &Limits::default(), &mut report);
    let Some(document) = read else { return Ok(()) };
    let xml = codec::write_xml(&document.root, document.vocabulary, false);
    let parsed = roxmltree::Document::parse(std::str::from_utf8(&xml).map_err(|error| error.to_string())?);
    parsed.map(drop).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(octets)))
}

#[test]
fn what_is_derived_reads_without_a_finding() {
    for text in DERIVED {
        let mut report = Report::new();
        let limits = Limits::default();
        let document =
            codec::read_with(text.as_bytes(), wire::VOCABULARIES, Some(all_codes()), &limits, &mut report).unwrap();
        assert!(report.diagnostics().is_empty(), "{text}: {:?}", report.diagnostics());
        let written = codec::write_pts(&document.root, document.vocabulary.unwrap(), Some(all_codes()));
        let order = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(written.map(|text| order(&text)), Ok(order(text)));
    }
}

/// A02: groups nested and parameters without number end at the limits.
#[test]
fn a02_groups_are_bounded_in_depth_and_number() {
    for deep in [1_000, 1_000_000] {
        assert_eq!(read(&format!("WV13PN1 SI=s PR={}", "(".repeat(deep))).1, ["GEN005"]);
    }
    assert_eq!(read(&format!("WV13PN1 SI=s PR=({})", ",".repeat(1_000_000))).1, ["GEN005"]);
    assert_eq!(read(&format!("WV13GP1 SI=s{}", " UI=a".repeat(1_100_000))).1, ["GEN005"]);
}

/// A08: what is no UTF-8 is told, a byte order mark is passed over, other characters are read as they are.
#[test]
fn a08_text_that_is_none_is_told() {
    let told = |octets: &[u8]| {
        let mut report = Report::new();
        let read = codec::read(octets, wire::VOCABULARIES, &Limits::default(), &mut report).is_some();
        (read, report.diagnostics().iter().map(|finding| finding.rule.code).collect::<Vec<_>>())
    };
    assert_eq!(told(b"\xEF\xBB\xBFWV13KA1 SI=s"), (true, vec![]));
    assert_eq!(told(b"WV13KA1 SI=\xFF"), (false, vec!["PTS003"]));
    assert_eq!(told(b"WV13KA1 SI=\xED\xA0\x80"), (false, vec!["PTS003"]), "half a pair");
    for odd in ["\u{0}", "\u{1}", "\u{A0}", "\u{FFFE}", "\u{202E}"] {
        let text = format!("WV13KA1 SI=a{odd}b");
        let (document, findings) = read(&text);
        let root = document.unwrap().root;
        let session = root.descend(&["Session", "SessionDescriptor"]).unwrap().child_text("SessionID").unwrap();
        assert_eq!((session, findings), (format!("a{odd}b").as_str(), vec![]));
        judge(text.as_bytes(), all_codes()).unwrap();
    }
}

/// A09: one value of a megabyte is read, 100 MB are refused by their size.
#[test]
fn a09_large_values_cost_no_more_than_their_size() {
    let large = "x".repeat(1 << 20);
    for text in [format!("WV13KA1 SI={large}"), format!("WV13KA1 SI=\"{}\"", "\"\"".repeat(1 << 20))] {
        let (document, findings) = read(&text);
        let root = document.unwrap().root;
        let session = root.descend(&["Session", "SessionDescriptor"]).unwrap().child_text("SessionID").unwrap();
        assert_eq!((session.len(), findings), (1 << 20, vec![]));
    }
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let mut report = Report::new();
    let text = format!("WV13KA1 SI={}", "x".repeat(100 << 20));
    assert!(codec::read(text.as_bytes(), wire::VOCABULARIES, &limits, &mut report).is_none());
    assert_eq!(report.diagnostics()[0].rule.code, "GEN005");
    assert!(matches!(
        wire::read(text.as_bytes(), &limits),
        Err(wire::Refusal::Malformed(..) | wire::Refusal::Unreadable(_))
    ));
}

/// A server that knows wv:alice, and what it answers to a text that is posted.
struct Server(Engine);

impl Server {
    fn new() -> Self {
        Self::with(csp::text_codes())
    }

    fn with(text_codes: &'static CodeTable) -> Self {
        let mut store = Store::in_memory().unwrap();
        store.add_user("wv:alice@example.com", "open-sesame", start()).unwrap();
        store.add_user("wv:bob@example.com", "open-sesame", start()).unwrap();
        let configuration = Configuration { domain: "example.com".into(), text_codes, ..Configuration::default() };
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
        // A shipped client reads no UserID in an answer, and gives up.
        assert!(!answer.contains(" UI="), "{answer}");
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
        assert!(
            say("GP17 UI=wv:bob@example.com").ends_with("PG17 ST=(200,Successful)"),
            "who grants nothing is left out"
        );
        // A shipped client quotes no values of attributes.
        assert!(say("UP18 UV=((ST,T,Back at 5 = soon))").contains("ST=(200,"));
        assert!(say("GP19 UI=wv:alice@example.com").contains(r#"(ST,T,"Back at 5 = soon")"#));
        let emptied = say("LM20 RN=((,wv:bob@example.com)) RL=T CL=wv:alice/friends@example.com");
        assert!(emptied.contains(" CP=(") && !emptied.contains(" UN"), "a list without members: {emptied}");
        assert!(say("SB10 PS=(OS,UA) CL=wv:alice/friends@example.com AS=F").contains("ST=(200,"));
        assert!(say("CA11 PS=(OS,UA) DL=T").contains("ST=(200,"));
        // A shipped client that lost its network names the session that it goes on with, in every version.
        let again = say(login.replace("LR1", "LR21").split_at(4).1);
        assert!(again.contains("ST=(200,") && !again.contains(" SI=") && again.ends_with(" CR=F"), "{again}");
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
    let (known, all) = (csp::text_codes(), all_codes());
    let (_, proposed) = known.rows();
    for row in proposed {
        assert!(all.rows().0.contains(row), "{row:?}");
    }
    for primitive in csp::Primitive::all() {
        if all.code_of("primitive", &["-"], primitive.name).is_some() {
            let asks = primitive.kind == csp::Kind::Request;
            assert_eq!(codec_asks(all, primitive.name), asks, "{}", primitive.name);
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
        codec::read_with(text.as_bytes(), wire::VOCABULARIES, Some(codes), &Limits::default(), &mut report).unwrap();
    let mode = document.root.descend(&["Session", "Transaction", "TransactionDescriptor", "TransactionMode"]);
    mode.unwrap().text() == "Request"
}

/// Logs in by the password and agrees to everything; returns the session.
fn enter(server: &mut Server, user: &str) -> String {
    let (_, answer) = server.post(&format!("WV13LR1 CI={user} PW=open-sesame TL=7200 SC=c UI=wv:{user}@example.com"));
    let id = answer.split(" SI=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().replace('"', "");
    let (_, agreed) = server.post(&format!("WV13SQ2 SI=\"{id}\" CI={user} RF=(FF,PF,IF,GE) AR=F"));
    assert!(agreed.starts_with("WV13QS2"), "{agreed}");
    id
}

/// C04, C08: names in full and control characters make no markup: what others read is well-formed, and says who wrote it.
#[test]
fn c08_names_and_values_of_plain_text_are_no_markup() {
    let mut server = Server::with(all_codes());
    let (alice, bob) = (enter(&mut server, "alice"), enter(&mut server, "bob"));
    let forged = "x><Sender><User><UserID>wv:king@example.com</UserID></User></Sender><x";
    for (number, odd) in
        [forged, "Sender/", "a b", "xmlns:a", "-a", "\u{1}", "Sender xml:space='x'"].into_iter().enumerate()
    {
        let text = format!("<b>{odd}</b> ]]> &amp; \u{8}\u{0}").replace('"', "\"\"");
        let info = format!(
            "ME=((MT,text/plain),(\"{odd}\",((UI,wv:king@example.com))),(RC,((User,((UI,wv:bob@example.com))))))"
        );
        let said = format!("WV13SM{} SI=\"{alice}\" {info} CD=\"{text}\" DR=F", number + 3);
        let (status, answer) = server.post(&said);
        assert!(status == 200 && answer.contains("ST=(200,"), "{said}: {answer}");
        let (_, got) = server.post(&format!("WV13PO0 SI=\"{bob}\""));
        let (Body::Message(message), _) = wire::read_with(got.as_bytes(), &wire::LIMITS, all_codes()).unwrap() else {
            panic!("{got}")
        };
        let primitive = &message.transactions[0].primitive;
        let senders = primitive.child("MessageInfo").unwrap().children_named("Sender");
        let senders: Vec<_> = senders.map(|s| s.descend(&["User", "UserID"]).unwrap().text().to_owned()).collect();
        assert_eq!(senders, ["wv:alice@example.com"], "{got}");
        let xml = wire::write(&message, wire::Form::of(Encoding::Xml)).unwrap();
        roxmltree::Document::parse(std::str::from_utf8(&xml).unwrap()).unwrap();
        let id = primitive.descend(&["MessageInfo", "MessageID"]).unwrap().text().to_owned();
        let number = message.transactions[0].id.clone().unwrap();
        server.post(&format!("WV13MD{number} SI=\"{bob}\" MI=\"{id}\""));
    }
}

/// Gives properties the value that they do not have.
fn whole(mut element: Element<'static>) -> Element<'static> {
    element.children = element.children.into_iter().map(whole).collect();
    if element.name == "Property" && element.child("Value").is_none() {
        element.children.push(Element::leaf("Value", ""));
    }
    element
}

proptest! {
    /// Whatever is read of any text can be said again, and reads as the same.
    #[test]
    fn a10_any_text_is_judged(
        head in "WV1[123](SM|AG|ST|UP|PN|GP|LM|SQ|CP|QS|MG|IU|GC|LR|PG|CA)[1-9][0-9]{0,2} SI=s ",
        rest in "((ME|CD|ST|PR|UV|PS|UI|CL|UN|RF|AF|CA|AP|CP|SL|UM|DL|NF|AN|RN|US)=[(]{0,3}([A-Z]{2}|wv:a@x|[(]{1,2}|[)]{1,2}|,|\"|T|Sender|x<y| ){0,12}[)]{0,4} ?){0,4}",
        is_derived in any::<bool>(),
    ) {
        let codes = if is_derived { all_codes() } else { csp::text_codes() };
        judge(format!("{head}{rest}").trim_end().as_bytes(), codes).map_err(TestCaseError::fail)?;
    }

    /// What can be written of any message of the grammar reads as the same.
    #[test]
    fn messages_of_the_grammar_survive_plain_text(
        numbers in proptest::collection::vec(any::<u32>(), 0..80),
        primitive in any::<proptest::sample::Index>(),
        version in 0..3_usize,
        is_derived in any::<bool>(),
    ) {
        let codes = if is_derived { all_codes() } else { csp::text_codes() };
        let version = Version::ALL[version];
        let names = csp::Primitive::all().iter().filter(|row| row.version == version);
        let names: Vec<&'static str> =
            names.map(|row| row.name).filter(|name| codes.code_of("primitive", &["-"], name).is_some()).collect();
        let name = names[primitive.index(names.len())];
        let grammar = &version.vocabulary().grammar;
        let content = crate::properties::by_grammar(grammar, name, "transaction", 0, &mut numbers.clone());
        let asks = codec_asks(codes, name);
        let transaction = Element::new("Transaction")
            .with(
                Element::new("TransactionDescriptor")
                    .with_leaf("TransactionMode", if asks { "Request" } else { "Response" })
                    .with_leaf("TransactionID", "7"),
            )
            .with(Element::new("TransactionContent").with(content));
        let session = match name {
            "Login-Request" | "Login-Response" => Element::new("SessionDescriptor").with_leaf("SessionType", "Outband"),
            _ => Element::new("SessionDescriptor").with_leaf("SessionType", "Inband").with_leaf("SessionID", "s-1"),
        };
        let root = Element::new("WV-CSP-Message").with(Element::new("Session").with(session).with(transaction));
        if let Ok(text) = codec::write_pts(&root, version.vocabulary(), Some(codes)) {
            let mut report = Report::new();
            let read = codec::read_with(text.as_bytes(), wire::VOCABULARIES, Some(codes), &Limits::default(), &mut report);
            prop_assert!(report.diagnostics().is_empty(), "{} {:?}", text, report.diagnostics());
            // A property without a value is one with an empty value.
            let (root, read) = (whole(root), whole(read.unwrap().root.into_owned()));
            let xml = |root: &Element<'_>| String::from_utf8(codec::write_xml(root, None, true)).unwrap();
            prop_assert!(read.same_as(&root), "{}\n{}\n{}", text, xml(&root), xml(&read));
        }
    }

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
