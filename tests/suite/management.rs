//! DM sessions, client and server told what arrives; no sockets, no clock.

use std::time::Duration;

use impskit::codec::Encoding;
use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Device};
use impskit::dm::session::auth::{Credentials, Scheme};
use impskit::dm::session::client::{Client, End, Next, Setup};
use impskit::dm::session::server::{Answered, Server, Terms};
use impskit::dm::session::{CLIENT_INITIATED, Packet};
use impskit::dm::syncml::{Command, Data, Item, Message, Meta, Operation};
use impskit::dm::{Description, Node, Tree, Uri};

const DEVICE: &str = "IMEI:493005100592800";
const SERVER: &str = "acme-dm";

fn uri(text: &str) -> Uri {
    Uri::read(text).unwrap()
}

/// A device that says who it is and has no IMPS account.
fn tree() -> Tree {
    let mut tree = Tree::new();
    let info = [("DevId", DEVICE), ("Man", "Acme"), ("Mod", "One"), ("DmV", "1.2"), ("Lang", "en-US")];
    let info = info.into_iter().fold(Node::interior("DevInfo"), |node, (name, text)| node.with(Node::text(name, text)));
    tree.add(&Uri::root(), info).unwrap();
    tree.add(&Uri::root(), Node::interior("IMPS")).unwrap();
    tree
}

fn device() -> Device<'static> {
    Device::new(tree(), Description::bundled(), Abilities::default())
}

fn setup(encoding: Encoding) -> Setup {
    Setup {
        device: DEVICE.to_owned(),
        server: "http://dm.acme.example/dm".to_owned(),
        server_id: SERVER.to_owned(),
        own: None,
        wanted: None,
        encoding,
        max_message: Some(20_000),
        max_object: None,
    }
}

fn client(setup: Setup) -> Client<'static> {
    Client::new(setup, device(), [1; 32])
}

fn server(terms: Terms) -> Server {
    let mut server = Server::new("http://dm.acme.example/dm", [2; 32]);
    server.enrol(DEVICE, terms);
    server
}

fn leaf(at: &str, text: &str) -> Item {
    let meta = Meta { format: Some("chr".to_owned()), type_name: Some("text/plain".to_owned()), ..Meta::default() };
    Item { meta, data: Some(text.into()), ..Item::at(at) }
}

fn interior(at: &str, object: &str) -> Item {
    let meta = Meta { format: Some("node".to_owned()), type_name: Some(object.to_owned()), ..Meta::default() };
    Item { meta, ..Item::at(at) }
}

fn all(operations: Vec<Operation>) -> Operation {
    let number = |(id, operation)| Command::new(format!("{}", id + 1), operation);
    Operation::Atomic(operations.into_iter().enumerate().map(number).collect())
}

/// The commands that make an account, in one Atomic.
fn account() -> Operation {
    all(vec![
        Operation::Add(vec![interior("./IMPS/IM1", "urn:oma:mo:oma-imps:1.0")]),
        Operation::Replace(vec![leaf(
            "./IMPS/IM1?prop=ACL",
            &format!("Add={SERVER}&Delete={SERVER}&Get=*&Replace={SERVER}"),
        )]),
        Operation::Add(vec![leaf("./IMPS/IM1/AppID", "wA")]),
        Operation::Add(vec![leaf("./IMPS/IM1/Name", "Acme Chat")]),
    ])
}

/// Lets both talk until the session ends; at most 50 messages.
fn talk(client: &mut Client<'_>, server: &mut Server, mut packet: Packet) -> (End, u32) {
    for messages in 1..=50 {
        let answer = server.handle(Duration::ZERO, &packet.body, packet.mac.as_deref()).expect("a message");
        assert_eq!(answer.media_type, packet.media_type, "the answer is in the syntax of the message");
        packet = match client.receive(&answer.body, answer.mac.as_deref()) {
            Next::Post(packet) => packet,
            Next::Ended(end) => return (end, messages),
        };
    }
    panic!("the session has no end");
}

fn run(client: &mut Client<'_>, server: &mut Server) -> End {
    let packet = client.start(1, CLIENT_INITIATED);
    talk(client, server, packet).0
}

fn codes(answers: &[Answered]) -> Vec<(&str, u16)> {
    answers.iter().map(|answered| (answered.command.as_str(), answered.code.unwrap_or_default())).collect()
}

/// Settings are made, read, changed, and deleted: five packages of a server, each answered before the next.
#[test]
fn settings_are_made_read_changed_and_deleted() {
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let (mut client, mut server) = (client(setup(encoding)), server(Terms::default()));
        for package in [
            vec![account()],
            vec![Operation::Get(vec![Item::at("./IMPS/IM1/Name")])],
            vec![Operation::Replace(vec![leaf("./IMPS/IM1/Name", "Acme")])],
            vec![Operation::Get(vec![Item::at("./IMPS/IM1")]), Operation::Get(vec![Item::at("./IMPS/IM1/Name")])],
            vec![Operation::Delete(vec![Item::at("./IMPS/IM1")]), Operation::Get(vec![Item::at("./IMPS/IM1")])],
        ] {
            assert!(server.queue(DEVICE, package));
        }
        assert_eq!(run(&mut client, &mut server), End::Finished);
        let answers = server.take_answers(DEVICE);
        let wanted = [
            ("Atomic", 200),
            ("Add", 200),
            ("Replace", 200),
            ("Add", 200),
            ("Add", 200),
            ("Get", 200),
            ("Replace", 200),
            ("Get", 200),
            ("Get", 200),
            ("Delete", 200),
            ("Get", 404),
        ];
        assert_eq!(codes(&answers), wanted);
        let text = |answered: &Answered| answered.results[0].data.as_ref().and_then(Data::text).map(str::to_owned);
        assert_eq!(text(&answers[5]).as_deref(), Some("Acme Chat"));
        assert_eq!(text(&answers[7]).as_deref(), Some("AppID/Name"));
        assert_eq!(text(&answers[8]).as_deref(), Some("Acme"));
        assert_eq!(client.device.tree(), &tree(), "nothing is left");
        let info: Vec<_> = server.info(DEVICE).map(|(_, value)| value.to_owned()).collect();
        assert_eq!(info, [DEVICE, "1.2", "en-US", "Acme", "One"]);
    }
}

fn credentials() -> (Credentials, Credentials) {
    (Credentials::new(DEVICE, "device's"), Credentials::new(SERVER, "server's"))
}

/// Each side proves itself to the other, by each scheme, in one session after the other with the nonces kept.
#[test]
fn both_sides_prove_themselves() {
    for scheme in Scheme::ALL {
        let (own, theirs) = credentials();
        let mut server = server(Terms { device: Some((scheme, own.clone())), server: Some((scheme, theirs.clone())) });
        let (mut nonce, mut nonce_of_server) = (None, Vec::new());
        let mut lengths = Vec::new();
        for _ in 0..3 {
            let setup = Setup {
                own: Some((scheme, own.clone(), nonce.clone())),
                wanted: Some((scheme, theirs.clone(), nonce_of_server.clone())),
                ..setup(Encoding::Wbxml)
            };
            let mut client = client(setup);
            server.queue(DEVICE, vec![account()]);
            let packet = client.start(7, CLIENT_INITIATED);
            let (end, messages) = talk(&mut client, &mut server, packet);
            assert_eq!(end, End::Finished, "{scheme:?}");
            assert_eq!(codes(&server.take_answers(DEVICE))[0], ("Atomic", 200), "{scheme:?}");
            let kept = client.nonces();
            (nonce, nonce_of_server) = (kept.0.map(<[u8]>::to_vec), kept.1.to_vec());
            lengths.push(messages);
        }
        // Basic needs no nonce. With MACs the nonce that a client makes for the server's next message never reaches the
        // server when that was the last one: it is asked once more.
        let wanted = match scheme {
            Scheme::Basic => [2, 2, 2],
            Scheme::Md5 => [3, 2, 2],
            Scheme::Mac => [3, 3, 3],
        };
        assert_eq!(lengths, wanted, "{scheme:?}");
    }
}

#[test]
fn who_does_not_prove_himself_gets_nothing_done() {
    let (own, theirs) = credentials();
    let wrong = Credentials::new(DEVICE, "guess");
    for scheme in Scheme::ALL {
        // A wrong password, none at all, and a stranger.
        for (name, given) in [(DEVICE, Some(&wrong)), (DEVICE, None), ("IMEI:0", Some(&own))] {
            let mut server = server(Terms { device: Some((scheme, own.clone())), server: None });
            server.queue(DEVICE, vec![account()]);
            let own = given.map(|credentials| (scheme, credentials.clone(), None));
            let mut client = client(Setup { device: name.to_owned(), own, ..setup(Encoding::Xml) });
            let end = run(&mut client, &mut server);
            assert!(matches!(end, End::Refused(401 | 407)), "{scheme:?} {end:?}");
            assert_eq!((server.waiting(DEVICE), server.take_answers(DEVICE)), (1, vec![]));
            assert_eq!(server.info(DEVICE).count(), 0, "nobody's word is taken");
            assert_eq!(client.device.tree(), &tree());
        }
        // A server that is not the one.
        let mut server = server(Terms { device: None, server: Some((scheme, Credentials::new(SERVER, "guess"))) });
        server.queue(DEVICE, vec![account()]);
        let mut client = client(Setup { wanted: Some((scheme, theirs.clone(), Vec::new())), ..setup(Encoding::Xml) });
        let end = run(&mut client, &mut server);
        assert!(matches!(end, End::Unproven | End::Finished), "{scheme:?} {end:?}");
        assert_eq!(client.device.tree(), &tree(), "{scheme:?}");
    }
}

/// A message that comes again is answered again, and nothing is done twice.
#[test]
fn a_repeated_message_is_answered_from_the_record() {
    let (mut client, mut server) = (client(setup(Encoding::Xml)), server(Terms::default()));
    server.queue(DEVICE, vec![account()]);
    server.queue(DEVICE, vec![Operation::Get(vec![Item::at("./IMPS")])]);
    let packet = client.start(1, CLIENT_INITIATED);
    let first = server.handle(Duration::ZERO, &packet.body, None);
    assert_eq!(server.handle(Duration::ZERO, &packet.body, None), first);
    assert_eq!(server.waiting(DEVICE), 1);
    let Next::Post(packet) = client.receive(&first.unwrap().body, None) else { panic!("package 3") };
    assert_eq!(talk(&mut client, &mut server, packet).0, End::Finished);
}

/// Results that do not fit into the server's messages come in several, the largest not at all.
#[test]
fn long_answers_come_in_several_messages() {
    let mut client = client(setup(Encoding::Xml));
    let mut server = server(Terms::default());
    let long = "x".repeat(3000);
    let names = ["a", "b", "c", "d"];
    let add = |name: &str| Operation::Add(vec![leaf(&format!("./IMPS/{name}"), &long)]);
    server.queue(DEVICE, names.iter().map(|name| add(name)).collect());
    server.queue(DEVICE, names.iter().map(|name| Operation::Get(vec![Item::at(format!("./IMPS/{name}"))])).collect());
    let mut packet = client.start(1, CLIENT_INITIATED);
    let end = loop {
        let answer = server.handle(Duration::ZERO, &packet.body, None).unwrap();
        // A server that takes 8,000 octets: the test puts it into the header.
        let text = String::from_utf8(answer.body).unwrap();
        let small =
            text.replace("</SyncHdr>", "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">8000</MaxMsgSize></Meta></SyncHdr>");
        match client.receive(small.as_bytes(), None) {
            Next::Post(next) => packet = next,
            Next::Ended(end) => break end,
        }
        assert!(packet.body.len() <= 8000, "{}", packet.body.len());
    };
    assert_eq!(end, End::Finished);
    let answers = server.take_answers(DEVICE);
    assert_eq!(answers.len(), 8);
    for answered in &answers[4..] {
        assert_eq!(answered.code, Some(200));
        assert_eq!(answered.results[0].data.as_ref().and_then(Data::text), Some(long.as_str()));
    }
}

/// Packages larger than the client's messages come in several.
#[test]
fn long_packages_come_in_several_messages() {
    let mut client = client(Setup { max_message: Some(8000), ..setup(Encoding::Xml) });
    let mut server = server(Terms::default());
    let long = "x".repeat(3000);
    let adds = ["a", "b", "c", "d"].map(|name| Operation::Add(vec![leaf(&format!("./IMPS/{name}"), &long)]));
    let too_large = Operation::Add(vec![leaf("./IMPS/e", &"x".repeat(9000))]);
    server.queue(DEVICE, adds.into_iter().chain([too_large]).collect());
    assert_eq!(run(&mut client, &mut server), End::Finished);
    let answers = server.take_answers(DEVICE);
    assert_eq!(codes(&answers), [("Add", 200), ("Add", 200), ("Add", 200), ("Add", 200), ("Add", 413)]);
    assert_eq!(client.device.tree().get(&uri("./IMPS")).unwrap().children().count(), 4);
}

/// A message of a server made by hand, with commands as text.
fn by_hand(number: u32, commands: &str, is_final: bool) -> Vec<u8> {
    let end = if is_final { "<Final/>" } else { "" };
    format!(
        "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>\
         <MsgID>{number}</MsgID><Target><LocURI>{DEVICE}</LocURI></Target><Source><LocURI>s</LocURI></Source></SyncHdr>\
         <SyncBody><Status><CmdID>1</CmdID><MsgRef>{number}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data>\
         </Status>{commands}{end}</SyncBody></SyncML>"
    )
    .into_bytes()
}

fn piece(id: u32, size: &str, data: &str, more: bool) -> String {
    let more = if more { "<MoreData/>" } else { "" };
    format!(
        "<Add><CmdID>{id}</CmdID><Item><Target><LocURI>./IMPS/large</LocURI></Target><Meta><Format \
         xmlns='syncml:metinf'>chr</Format><Type xmlns='syncml:metinf'>text/plain</Type>{size}</Meta><Data>{data}</Data>\
         {more}</Item></Add>"
    )
}

/// Returns the statuses and alerts of a client's message behind that of the header.
fn said(next: Next) -> (Vec<u16>, Vec<u16>) {
    let Next::Post(packet) = next else { panic!("{next:?}") };
    let message = Message::read(&packet.body, &mut Report::new()).unwrap();
    let (mut statuses, mut alerts) = (Vec::new(), Vec::new());
    for command in message.commands {
        match command.operation {
            Operation::Status(status) if status.command_ref != "0" => statuses.push(status.code),
            Operation::Alert(alert) => alerts.push(alert.code),
            _ => {}
        }
    }
    (statuses, alerts)
}

/// A large object is joined by a client that takes such, and refused by one that does not.
#[test]
fn large_objects_are_joined_or_refused() {
    let size = |octets| format!("<Size xmlns='syncml:metinf'>{octets}</Size>");
    let first = |octets| by_hand(1, &piece(2, &size(octets), "abc", true), false);
    let talk = |max_object| {
        let mut client = client(Setup { max_object, ..setup(Encoding::Xml) });
        client.start(1, CLIENT_INITIATED);
        client
    };
    let mut plain = talk(None);
    assert_eq!(said(plain.receive(&first(6), None)), (vec![406], vec![]), "it takes none at all");
    let mut able = talk(Some(100));
    assert_eq!(said(able.receive(&first(101), None)), (vec![413], vec![]), "larger than it takes");
    assert_eq!(said(able.receive(&first(6), None)), (vec![213], vec![1222]));
    assert_eq!(
        said(able.receive(&by_hand(2, &piece(2, "", "defg", false), true), None)),
        (vec![424], vec![]),
        "too long"
    );
    assert_eq!(said(able.receive(&first(6), None)), (vec![213], vec![1222]));
    let other = "<Get><CmdID>2</CmdID><Item><Target><LocURI>./IMPS</LocURI></Target></Item></Get>";
    assert_eq!(said(able.receive(&by_hand(2, other, true), None)), (vec![200], vec![1225]), "it broke off");
    assert_eq!(said(able.receive(&first(6), None)), (vec![213], vec![1222]));
    assert_eq!(said(able.receive(&by_hand(2, &piece(2, "", "def", false), true), None)), (vec![200], vec![]));
    assert_eq!(able.device.tree().get(&uri("./IMPS/large")).unwrap().value_text(), Some("abcdef"));
}

#[test]
fn sessions_end_where_a_server_ends_them_or_is_none() {
    let open = || {
        let mut client = client(setup(Encoding::Xml));
        client.start(1, CLIENT_INITIATED);
        client
    };
    let alert = "<Alert><CmdID>2</CmdID><Data>1223</Data></Alert>";
    assert_eq!(open().receive(&by_hand(1, alert, true), None), Next::Ended(End::Aborted));
    assert_eq!(open().receive(&by_hand(1, "", true), None), Next::Ended(End::Finished));
    for body in [&b""[..], b"<html/>", b"\x03\x01", &by_hand(1, "", true)[..200]] {
        assert_eq!(open().receive(body, None), Next::Ended(End::Broken));
    }
    let other = String::from_utf8(by_hand(1, "", true)).unwrap().replace("<SessionID>1<", "<SessionID>2<");
    assert_eq!(open().receive(other.as_bytes(), None), Next::Ended(End::Broken), "another session's message");
}

/// Events of a device are taken, told and kept, the latest hundred.
#[test]
fn events_of_a_device_are_kept() {
    let mut server = server(Terms::default());
    let packet = client(setup(Encoding::Xml)).start(1, CLIENT_INITIATED);
    let text = String::from_utf8(packet.body).unwrap();
    let event = "<Alert><CmdID>9</CmdID><Data>1226</Data><Item><Meta><Type xmlns='syncml:metinf'>org.example.battery</Type></Meta>\
                 <Data>low</Data></Item></Alert>";
    let text = text.replace("</SyncBody>", &format!("{}</SyncBody>", event.repeat(150)));
    let answer = server.handle(Duration::ZERO, text.as_bytes(), None).unwrap();
    let answer = Message::read(&answer.body, &mut Report::new()).unwrap();
    let good = answer.commands.iter().filter(|c| matches!(&c.operation, Operation::Status(s) if s.code == 200));
    assert_eq!(good.count(), 153, "header, alert, device information, and each event");
    assert_eq!(server.take_alerts(DEVICE).len(), 100);
    assert!(server.take_alerts(DEVICE).is_empty());
    assert!(server.take_events().iter().any(|line| line.ends_with("tells of org.example.battery (alert 1226)")));
}

/// Versions that are not spoken have their statuses, in the version that is.
#[test]
fn unknown_versions_are_refused_by_name() {
    let packet = client(setup(Encoding::Xml)).start(1, CLIENT_INITIATED);
    let text = String::from_utf8(packet.body).unwrap();
    for (from, to, code) in [(">DM/1.2<", ">DM/2.0<", 513), ("<VerDTD>1.2<", "<VerDTD>2.0<", 505)] {
        assert!(text.contains(from));
        let answer = server(Terms::default()).handle(Duration::ZERO, text.replace(from, to).as_bytes(), None).unwrap();
        let answer = Message::read(&answer.body, &mut Report::new()).unwrap();
        let Operation::Status(status) = &answer.commands[0].operation else { panic!("{answer:?}") };
        assert_eq!((status.code, answer.header.protocol.as_str()), (code, "DM/1.2"));
    }
}

/// Neither side is hurt by what a broken other side sends.
#[test]
fn no_damaged_message_hurts() {
    let packet = client(setup(Encoding::Wbxml)).start(1, CLIENT_INITIATED);
    let mut answers = 0;
    for damaged in crate::delivery::mutations(&packet.body) {
        let mut server = server(Terms::default());
        server.queue(DEVICE, vec![account()]);
        if let Some(answer) = server.handle(Duration::ZERO, &damaged, None) {
            answers += 1;
            let mut client = client(setup(Encoding::Wbxml));
            client.start(1, CLIENT_INITIATED);
            client.receive(&answer.body, None);
        }
        server.handle(Duration::from_secs(1), &damaged, Some("username=x, mac=y"));
    }
    assert!(answers > 100, "{answers}");
}

/// `serve` with a `[server.dm]` table and `client dm` put an account on a device.
#[cfg(feature = "server")]
#[test]
fn the_commands_put_an_account_on_a_device() {
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use impskit::server::http::{Management, spawn_beside};
    use impskit::server::{Beside, Configuration, Store};

    let (own, _) = credentials();
    let server = Arc::new(Mutex::new(server(Terms { device: Some((Scheme::Mac, own)), server: None })));
    server.lock().unwrap().queue(DEVICE, vec![account()]);
    let configuration = Configuration { listen: ([127, 0, 0, 1], 0).into(), ..Configuration::default() };
    let management = Management { path: "/dm".to_owned(), server: server.clone() };
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = log.clone();
    let log_line = Box::new(move |line: &str| lines.lock().unwrap().push(line.to_owned()));
    let beside = Beside { management: Some(management), ..Beside::default() };
    let running = spawn_beside(configuration, Store::in_memory().unwrap(), beside, log_line).unwrap();
    let url = format!("http://{}/dm", running.address());
    let dm = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
        command.args(["client", "dm", "--server", &url, "--device", DEVICE, "--tree", "new", "--scheme", "mac"]);
        let output =
            command.args(["--password-env", "DEVICE_PASSWORD"]).args(arguments).env("DEVICE_PASSWORD", "device's");
        let output = output.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, tree, said) = dm(&["--encoding", "xml", "--server-id", SERVER]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Add ./IMPS/IM1/AppID  200 OK\n") && said.ends_with("finished after 6 messages\n"), "{said}");
    let tree = impskit::dm::serialise::read(tree.as_bytes(), &mut Report::new()).unwrap();
    assert_eq!(tree.get(&uri("./IMPS/IM1/Name")).unwrap().value_text(), Some("Acme Chat"));
    let (code, report, _) = dm(&["--format", "json", "--user", "somebody"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["ended"]), (Some(1), &"refused by the server with 401".into()));
    let log = log.lock().unwrap().join("\n");
    assert!(log.contains("answers 1 × Atomic with 200") && log.contains("is refused (401)"), "{log}");
    running.stop();
}
