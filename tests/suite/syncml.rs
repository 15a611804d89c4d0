//! SyncML DM messages: the structs in both syntaxes, the messages of the corpus, and messages made to do harm.

use std::collections::BTreeMap;
use std::path::PathBuf;

use impskit::catalogue::{self, Options};
use impskit::codec::{self, Limits, WbxmlOptions};
use impskit::diagnose::{Report, Severity};
use impskit::dm::Description;
use impskit::dm::syncml::{
    Alert, Challenge, Command, Credential, Data, Header, Item, Location, Message, Meta, Operation, Results, Status,
};
use impskit::document::Element;
use impskit::inspect::picture;
use proptest::prelude::*;

/// Text that both syntaxes hold: what XML allows, no line ends that it changes.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Z0-9:/@.,;_ &<>\"'äß€中😀-]{0,16}").unwrap()
}

/// Text of a leaf around which white space does not count.
fn word() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.trim().to_owned())
}

fn location() -> impl Strategy<Value = Location> {
    (word(), prop::option::of(word())).prop_map(|(uri, name)| Location { name, ..Location::new(uri) })
}

fn tree() -> impl Strategy<Value = Data> {
    (word(), word()).prop_map(|(name, value)| {
        let node = Element::new("Node").with_leaf("NodeName", name).with_leaf("Value", value);
        Data::Tree(Box::new(Element::new("MgmtTree").with_leaf("VerDTD", "1.2").with(node)))
    })
}

/// Data with the format that tells readers how it is written.
fn data() -> impl Strategy<Value = (Option<String>, Option<Data>)> {
    let format = |word: &str| Some(word.to_owned());
    prop_oneof![
        Just((None, None)),
        text().prop_map(move |text| (format("chr"), Some(Data::Text(text)))),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(move |octets| (format("bin"), Some(Data::Octets(octets)))),
        tree().prop_map(move |tree| (format("xml"), Some(tree))),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let sides = (prop::option::of(location()), prop::option::of(location()));
    let meta = (prop::option::of(word()), prop::option::of(any::<u64>()), prop::option::of(word()));
    (sides, meta, data(), any::<bool>()).prop_map(
        |((target, source), (type_name, size, mark), (format, data), more_data)| {
            // A tree travels as its type says.
            let wbxml = || Some("application/vnd.syncml.dmtnds+wbxml".to_owned());
            let type_name = if more_data && matches!(data, Some(Data::Tree(_))) { wbxml() } else { type_name };
            let meta = Meta { format, type_name, size, mark };
            Item { target, source, meta, data, more_data, ..Item::default() }
        },
    )
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..3)
}

fn status() -> impl Strategy<Value = Operation> {
    let references = (any::<u32>(), word(), word());
    let challenge = (word(), word(), prop::option::of(word()));
    let challenge = challenge.prop_map(|(kind, format, next_nonce)| Challenge { kind, format, next_nonce });
    let refs = (prop::collection::vec(word(), 0..3), prop::collection::vec(word(), 0..3));
    (references, refs, prop::option::of(challenge), any::<u16>(), items()).prop_map(
        |((message_ref, command_ref, command), (targets, sources), challenge, code, items)| {
            Operation::Status(Status { message_ref, command_ref, command, targets, sources, challenge, code, items })
        },
    )
}

fn results() -> impl Strategy<Value = Operation> {
    let refs = (prop::collection::vec(word(), 0..2), prop::collection::vec(word(), 0..2));
    (any::<u32>(), word(), refs, items()).prop_map(|(message_ref, command_ref, (targets, sources), items)| {
        Operation::Results(Results { message_ref, command_ref, targets, sources, items })
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        items().prop_map(Operation::Add),
        items().prop_map(Operation::Replace),
        items().prop_map(Operation::Delete),
        items().prop_map(Operation::Get),
        items().prop_map(Operation::Copy),
        items().prop_map(Operation::Exec),
        (any::<u16>(), items()).prop_map(|(code, items)| Operation::Alert(Alert { code, items })),
        status(),
        results(),
    ]
}

fn command(operation: impl Strategy<Value = Operation>) -> impl Strategy<Value = Command> {
    (word(), prop::option::of(word()), operation).prop_map(|(id, correlator, operation)| {
        let may_correlate = matches!(operation, Operation::Exec(_) | Operation::Alert(_));
        Command { correlator: correlator.filter(|_| may_correlate), ..Command::new(id, operation) }
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    command(operation()).prop_recursive(3, 12, 3, |inner| {
        let inner = prop::collection::vec(inner, 0..3);
        let container = (inner, any::<bool>()).prop_map(|(commands, is_atomic)| match is_atomic {
            true => Operation::Atomic(commands),
            false => Operation::Sequence(commands),
        });
        command(container)
    })
}

fn header() -> impl Strategy<Value = Header> {
    let credential = (word(), word(), word()).prop_map(|(kind, format, data)| Credential { kind, format, data });
    let version = prop::sample::select(vec!["1.0", "1.1", "1.2"]).prop_map(str::to_owned);
    let limits = (prop::option::of(any::<u32>()), prop::option::of(any::<u32>()));
    let sides = (location(), location(), prop::option::of(word()));
    (version, word(), any::<u32>(), sides, prop::option::of(credential), limits).prop_map(
        |(version, session, message, (target, source, respond_to), credential, (max_message, max_object))| Header {
            protocol: format!("DM/{version}"),
            version,
            session,
            message,
            target,
            source,
            respond_to,
            credential,
            max_message,
            max_object,
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    (header(), prop::collection::vec(any_command(), 0..4), any::<bool>())
        .prop_map(|(header, commands, is_final)| Message { header, commands, is_final })
}

fn read(octets: &[u8]) -> Message {
    let mut report = Report::new();
    let message = Message::read(octets, &mut report);
    assert_eq!(report.diagnostics().len(), 0, "{report:?}");
    message.unwrap()
}

proptest! {
    #[test]
    fn any_message_survives_both_syntaxes(message in message()) {
        prop_assert_eq!(&read(&message.to_xml(false)), &message);
        prop_assert_eq!(&read(&message.to_xml(true)), &message);
        prop_assert_eq!(&read(&message.to_wbxml().unwrap()), &message);
    }

    #[test]
    fn any_message_is_judged_alike_in_both_syntaxes(message in message()) {
        let codes = |octets: Vec<u8>| {
            let checked = catalogue::check(octets, "-", &Options::default());
            let mut found: BTreeMap<&str, usize> = BTreeMap::new();
            for finding in checked.report.diagnostics() {
                *found.entry(finding.rule.code).or_default() += 1;
            }
            found
        };
        prop_assert_eq!(codes(message.to_xml(false)), codes(message.to_wbxml().unwrap()));
    }
}

fn corpus() -> Option<PathBuf> {
    std::env::var_os("IMPSKIT_CORPUS").map(|root| PathBuf::from(root).join("syncml"))
}

/// Every message of the corpus is read and judged. What is found in each is printed with `--nocapture`.
#[test]
fn the_messages_of_the_corpus_are_judged() {
    let Some(folder) = corpus() else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end != "tsv"));
    files.sort();
    assert!(files.len() > 60, "{} files", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let octets = std::fs::read(&path).unwrap();
        let checked = catalogue::check(octets, &name, &Options::default());
        let kind = checked.kind.map_or("-", |kind| kind.id);
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut relaxed = checked.report.clone();
        relaxed.relax();
        for finding in checked.report.diagnostics() {
            *found.entry(format!("{}:{}", finding.rule.code, finding.severity.as_str())).or_default() += 1;
        }
        println!(
            "{name}\t{kind}\t{}\t{}\t{found:?}",
            checked.report.count(Severity::Error),
            relaxed.count(Severity::Error)
        );
        assert!(matches!(kind, "syncml" | "devinf" | "ddf" | "tree") || checked.report.has_errors(), "{name}: {kind}");
    }
}

/// What is cut anywhere is read as far as it goes or refused, in both syntaxes (abuse case A10).
#[test]
fn a10_messages_cut_anywhere_are_refused_or_read_in_part() {
    let message = sample();
    for octets in [message.to_xml(false), message.to_wbxml().unwrap()] {
        for length in 0..octets.len() {
            let mut report = Report::new();
            let cut = Message::read(&octets[..length], &mut report);
            assert!(report.has_errors(), "{length} octets are no whole message");
            assert!(cut.is_none_or(|cut| cut.commands.len() <= message.commands.len()));
            catalogue::check(&octets[..length], "-", &Options::default());
        }
    }
}

fn sample() -> Message {
    let add = Item { data: Some("wA".into()), ..Item::at("./IMPS/1/AppID") };
    let atomic = Operation::Atomic(vec![Command::new("2", Operation::Add(vec![add]))]);
    let get = Operation::Get(vec![Item::at("./DevInfo")]);
    Message {
        header: Header { message: 1, ..Header::default() },
        commands: vec![Command::new("1", atomic), Command::new("3", get)],
        is_final: true,
    }
}

#[test]
fn containers_nested_ten_thousand_deep_are_refused() {
    let open = "<Atomic><CmdID>1</CmdID>".repeat(10_000);
    let close = "</Atomic>".repeat(10_000);
    let text = format!("<SyncML><SyncHdr/><SyncBody>{open}{close}</SyncBody></SyncML>");
    let mut report = Report::new();
    let read = Message::read(text.as_bytes(), &mut report);
    assert!(read.is_none_or(|message| message.commands.len() <= 1));
    assert!(report.cites("GEN005"), "{report:?}");
    // As deep as the codec goes, the commands are not.
    let text = format!(
        "<SyncML><SyncHdr/><SyncBody>{}{}</SyncBody></SyncML>",
        "<Sequence>".repeat(60),
        "</Sequence>".repeat(60)
    );
    let checked = catalogue::check(text.as_bytes(), "-", &Options::default());
    assert!(checked.report.cites("SYN004"));
}

#[test]
fn a_hundred_thousand_items_are_read_and_judged() {
    let item = |n: u32| Item { data: Some("x".into()), ..Item::at(format!("./A/{n}")) };
    let add = Operation::Add((0..100_000).map(item).collect());
    let message = Message { commands: vec![Command::new("1", add)], ..sample() };
    for octets in [message.to_xml(false), message.to_wbxml().unwrap()] {
        assert_eq!(read(&octets), message);
        let limits = Limits { elements: 2_000_000, ..Limits::default() };
        let checked = catalogue::check(octets, "-", &Options { limits, ..Options::default() });
        assert!(checked.report.left_out() > 0, "each Add without a format is a finding");
    }
}

#[test]
fn a_hundred_thousand_commands_with_one_identifier_are_judged() {
    let commands = (0..100_000).map(|_| Command::new("1", Operation::Get(vec![Item::at("./A")]))).collect();
    let octets = Message { commands, ..sample() }.to_wbxml().unwrap();
    let checked = catalogue::check(octets, "-", &Options::default());
    assert!(checked.report.cites("SYN003"));
}

/// A message of SyncML 1.1 keeps its version from WBXML to XML, whether the public identifier says it or VerDTD alone.
#[test]
fn the_version_survives_without_a_public_identifier() {
    let header = Header { version: "1.1".to_owned(), protocol: "DM/1.1".to_owned(), ..Header::default() };
    let message = Message { header, ..sample() };
    let mut octets = message.to_wbxml().unwrap();
    assert_eq!(octets[..3], [0x02, 0x9F, 0x53], "0x0FD3");
    for is_named in [true, false] {
        if !is_named {
            // 1 is "unknown".
            octets.splice(1..3, [0x01]);
        }
        let document = catalogue::read(&octets, &Limits::default(), &mut Report::new()).unwrap();
        let vocabulary = document.vocabulary.unwrap();
        assert_eq!(vocabulary.id, "syncml-1.1");
        let text = String::from_utf8(codec::write_xml(&document.root, Some(vocabulary), false)).unwrap();
        assert!(text.contains("<SyncML xmlns=\"SYNCML:SYNCML1.1\">") && !text.contains("1.2"), "{text}");
        let again = codec::write_wbxml(&document.root, vocabulary, &WbxmlOptions::default()).unwrap();
        assert_eq!(again, message.to_wbxml().unwrap());
    }
}

/// Devices send the public identifier of 1.1 with a message of 1.2.
#[test]
fn verdtd_outweighs_the_public_identifier() {
    let mut octets = sample().to_wbxml().unwrap();
    assert_eq!(octets[..3], [0x02, 0xA4, 0x01], "0x1201");
    octets.splice(1..3, [0x9F, 0x53]);
    let mut report = Report::new();
    let document = catalogue::read(&octets, &Limits::default(), &mut report).unwrap();
    assert_eq!(document.vocabulary.unwrap().id, "syncml");
    assert!(report.cites("SYN008") && !report.has_errors(), "{report:?}");
    assert_eq!(document.root.attribute("xmlns"), Some("SYNCML:SYNCML1.2"));
}

const DEVICE: &str = "<MgmtTree><VerDTD>1.2</VerDTD><Node><NodeName>Talker</NodeName><Path>./Vendor</Path>\
    <DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat><DFType><DDFName/></DFType></DFProperties>\
    <Node><NodeName>Volume</NodeName><DFProperties><AccessType><Get/><Replace/></AccessType>\
    <DFFormat><int/></DFFormat><DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>\
    <Node><NodeName>Password</NodeName><DFProperties><AccessType><Replace/></AccessType>\
    <DFFormat><bool/></DFFormat><DFType><MIME>text/plain</MIME></DFType></DFProperties></Node></Node></MgmtTree>";

/// The findings on a message of one command, held against the description of a device.
fn held_against(command: Operation) -> Vec<(&'static str, String)> {
    let description = Description::read(DEVICE.as_bytes(), &mut Report::new()).unwrap();
    let message = Message { commands: vec![Command::new("1", command)], ..sample() };
    let options = Options { descriptions: &[&description], ..Options::default() };
    let checked = catalogue::check(message.to_wbxml().unwrap(), "-", &options);
    let kept = checked.report.diagnostics().iter().filter(|d| d.rule.code != "SYN007");
    kept.map(|d| (d.rule.code, d.message.clone())).collect()
}

/// `check MESSAGE --ddf FILE`: the node is there, takes the command, and the data fits.
#[test]
fn messages_are_held_against_the_description_of_a_device() {
    let item = |target: &str, format: &str, data: &str| Item {
        meta: Meta { format: Some(format.to_owned()), ..Meta::default() },
        data: Some(data.into()),
        ..Item::at(target)
    };
    let codes = |command| held_against(command).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert!(codes(Operation::Replace(vec![item("./Vendor/Talker/Volume", "int", "7")])).is_empty());
    assert!(codes(Operation::Get(vec![Item::at("./Device/Vendor/Talker/Volume")])).is_empty(), "the scope of Windows");
    assert_eq!(codes(Operation::Replace(vec![item("./Vendor/Talker/Volume", "int", "loud")])), ["SYN013"]);
    assert_eq!(codes(Operation::Replace(vec![item("./Vendor/Talker/Volume", "bool", "7")])), ["SYN012"]);
    assert_eq!(codes(Operation::Delete(vec![Item::at("./Vendor/Talker/Volume")])), ["SYN011"]);
    assert_eq!(codes(Operation::Get(vec![Item::at("./Vendor/Talker/Bass")])), ["SYN010"]);
    assert_eq!(codes(Operation::Get(vec![Item::at("./Elsewhere")])), ["SYN010"]);
    assert_eq!(codes(Operation::Get(vec![Item::at("./Vendor/Talker/Password?prop=ACL")])), [""; 0]);
    let findings = held_against(Operation::Replace(vec![item("./Vendor/Talker/Password", "bool", "sesame")]));
    assert!(matches!(&findings[..], [("SYN013", message)] if !message.contains("sesame")), "{findings:?}");
}

/// A tree in the data is judged by the rules of trees, at its place in the message, whatever form it has.
#[test]
fn trees_in_data_are_judged_at_their_places() {
    let tree =
        "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD><Node><NodeName>a b</NodeName></Node></MgmtTree>";
    let forms = [
        tree.to_owned(),
        format!("<![CDATA[{tree}]]>"),
        format!("\n  <![CDATA[{tree}]]>\n"),
        tree.replace('<', "&lt;"),
    ];
    for data in forms {
        let text = format!(
            "<Add><CmdID>1</CmdID><Item><Target><LocURI>./A</LocURI></Target><Meta><Format xmlns='syncml:metinf'>xml</Format>\
             <Type xmlns='syncml:metinf'>application/vnd.syncml.dmtnds+xml</Type></Meta><Data>{data}</Data></Item></Add>"
        );
        let checked = catalogue::check(text.as_bytes(), "-", &Options::default());
        let found: Vec<_> = checked.report.diagnostics().iter().filter(|d| d.rule.code == "TRE017").collect();
        let [finding] = found[..] else { panic!("{data}: {:?}", checked.report.diagnostics()) };
        let place = &text[finding.span.range()];
        let is_escaped = data.contains("&lt;");
        assert!(place.starts_with("<Node>") || (is_escaped && place == data), "{place}");
    }
}

/// Secrets are shown neither in excerpts of findings nor in pictures, wherever they stand.
#[test]
fn secrets_of_messages_are_hidden() {
    let tree = "<MgmtTree xmlns='syncml:dmddf1.2'><Node><NodeName>AAuthSecret</NodeName><Value>sesame</Value></Node></MgmtTree>";
    let text = format!(
        "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><Cred><Data>sesame</Data></Cred></SyncHdr><SyncBody><Replace><CmdID>0</CmdID>\
         <Item><Target><LocURI>./A/Password</LocURI></Target><Data>sesame</Data></Item>\
         <Item><Target><LocURI>./B</LocURI></Target><Data><![CDATA[{tree}]]></Data></Item>\
         </Replace></SyncBody></SyncML>"
    );
    let checked = catalogue::check(text.as_bytes(), "-", &Options::default());
    assert!(checked.report.cites("SYN003"));
    let whole = checked.source.shown(0..text.len());
    assert!(!String::from_utf8_lossy(&whole).contains("sesame"), "{}", String::from_utf8_lossy(&whole));
    let document = catalogue::read(text.as_bytes(), &Limits::default(), &mut Report::new()).unwrap();
    let picture = picture::document(&document, &picture::View::default()).to_text();
    assert!(picture.contains("./A/Password") && !picture.contains("sesame"), "{picture}");
}
