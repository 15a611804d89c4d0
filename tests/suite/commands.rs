//! Commands of messages on a device: Atomic and Sequence, serialised trees, the inbox, dialogues, large objects.

use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Device, Done, Target, User, answers};
use impskit::dm::syncml::{Command, Data, Message, Operation};
use impskit::dm::{Acl, Description, Node, Tree, Uri, Value, serialise};
use proptest::prelude::*;

fn uri(text: &str) -> Uri {
    Uri::read(text).unwrap()
}

/// A message with these commands in its body.
fn message(commands: &str) -> Message {
    let text = format!("<SyncML><SyncHdr/><SyncBody>{commands}</SyncBody></SyncML>");
    let mut report = Report::new();
    let message = Message::read(text.as_bytes(), &mut report).unwrap();
    assert!(!report.has_errors(), "{report:?}");
    message
}

fn command(name: &str, id: &str, items: &str) -> String {
    format!("<{name}><CmdID>{id}</CmdID>{items}</{name}>")
}

fn item(target: &str, meta: &str, data: &str) -> String {
    let data = if data.contains('<') { data.to_owned() } else { data.replace('&', "&amp;") };
    let data = if data.is_empty() { String::new() } else { format!("<Data>{data}</Data>") };
    format!("<Item><Target><LocURI>{target}</LocURI></Target><Meta>{meta}</Meta>{data}</Item>")
}

fn add(id: &str, target: &str, data: &str) -> String {
    command("Add", id, &item(target, "", data))
}

fn replace(id: &str, target: &str, data: &str) -> String {
    command("Replace", id, &item(target, "", data))
}

fn get(id: &str, target: &str) -> String {
    command("Get", id, &item(target, "", ""))
}

fn delete(id: &str, target: &str) -> String {
    command("Delete", id, &item(target, "", ""))
}

const TNDS: &str = "<Format>xml</Format><Type>application/vnd.syncml.dmtnds+xml</Type>";

fn tnds(nodes: &str) -> String {
    format!("<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD>{nodes}</MgmtTree>")
}

fn leaf(name: &str, value: &str) -> String {
    format!("<Node><NodeName>{name}</NodeName><Value>{value}</Value></Node>")
}

fn interior(name: &str, moi: &str, nodes: &str) -> String {
    format!(
        "<Node><NodeName>{name}</NodeName><RTProperties><Format><node/></Format><Type><DDFName>{moi}</DDFName></Type>\
         </RTProperties>{nodes}</Node>"
    )
}

/// A device on which everyone may do everything, with a node `./A` and two leaves below it.
fn device() -> Device<'static> {
    let mut tree = Tree::new();
    tree.root_mut().acl = Acl::read("Add=*&Get=*&Replace=*&Delete=*&Exec=*").unwrap();
    tree.add(&Uri::root(), Node::interior("A").with(Node::text("x", "1")).with(Node::text("y", "2"))).unwrap();
    Device::new(tree, &[], Abilities::default())
}

fn run(device: &mut Device<'_>, commands: &str) -> Vec<Done> {
    device.carry_out("s", &message(commands).commands)
}

/// Command numbers with their codes.
fn codes(done: &[Done]) -> Vec<(&str, u16)> {
    done.iter().map(|one| (one.id.as_str(), one.code)).collect()
}

#[test]
fn each_command_is_answered_in_its_order() {
    let mut device = device();
    let commands =
        [add("1", "./A/z", "3"), replace("2", "./A/x", "4"), get("3", "A"), delete("4", "./A/y"), get("5", "./A/y")];
    let done = run(&mut device, &commands.concat());
    assert_eq!(codes(&done), [("1", 200), ("2", 200), ("3", 200), ("4", 200), ("5", 404)]);
    let answers = answers(&done, 7, 2);
    let names: Vec<_> = answers.iter().map(|a| (a.id.as_str(), a.name())).collect();
    let expected =
        [("2", "Status"), ("3", "Status"), ("4", "Status"), ("5", "Results"), ("6", "Status"), ("7", "Status")];
    assert_eq!(names, expected);
    let Operation::Status(status) = &answers[5].operation else { panic!() };
    assert_eq!((status.message_ref, status.command_ref.as_str(), status.command.as_str()), (7, "5", "Get"));
    assert_eq!((status.code, &status.targets[..]), (404, &["./A/y".to_owned()][..]));
    let Operation::Results(results) = &answers[3].operation else { panic!() };
    let only = &results.items[0];
    assert_eq!((only.source_uri(), only.meta.format.as_deref()), ("A", Some("node")), "the address as it was asked");
    assert_eq!(only.data, Some("x/y/z".into()));
}

#[test]
fn row_2_what_lacks_something_is_400() {
    let mut device = device();
    let commands = [
        "<Add><CmdID>1</CmdID></Add>",
        "<Get><CmdID>2</CmdID><Item/></Get>",
        "<Copy><CmdID>3</CmdID><Item><Target><LocURI>./A/x</LocURI></Target></Item></Copy>",
        "<Search><CmdID>4</CmdID></Search>",
        &command("Add", "5", &item("./A/t", TNDS, "no tree")),
        &command("Add", "6", &item("./A/t", TNDS, &tnds("<Node><NodeName>a/b</NodeName></Node>"))),
    ];
    let done = run(&mut device, &commands.concat());
    assert_eq!(codes(&done), [("1", 400), ("2", 400), ("3", 400), ("4", 400), ("5", 400), ("6", 400)]);
}

#[test]
fn commands_that_the_device_does_not_have_are_refused_first() {
    let mut device = device();
    device.abilities_mut().copy = false;
    device.abilities_mut().exec = None;
    device.abilities_mut().atomic = false;
    let commands = [
        "<Copy><CmdID>1</CmdID><Item><Target><LocURI>/bad/</LocURI></Target></Item></Copy>".to_owned(),
        command("Exec", "2", &item("./A/none", "", "")),
        command("Atomic", "3", &(replace("4", "./A/x", "5") + &command("Sequence", "5", &get("6", "./A")))),
    ];
    let done = run(&mut device, &commands.concat());
    assert_eq!(codes(&done), [("1", 400), ("2", 406), ("3", 406), ("4", 215), ("5", 215), ("6", 215)]);
    assert_eq!(device.tree().get(&uri("./A/x")).unwrap().value_text(), Some("1"));
}

#[test]
fn exec_is_answered_as_the_device_is_told() {
    let mut device = device();
    let exec = command("Exec", "1", &item("./A/x", "", "now"));
    assert_eq!(codes(&run(&mut device, &exec)), [("1", 200)]);
    device.abilities_mut().exec = Some(202);
    assert_eq!(codes(&run(&mut device, &exec)), [("1", 202)]);
}

#[test]
fn an_atomic_that_succeeds_is_carried_out() {
    let mut device = device();
    let inner = [add("2", "./A/z/deep", "3"), replace("3", "./A/x", "4"), delete("4", "./A/y")].concat();
    let done = run(&mut device, &command("Atomic", "1", &inner));
    assert_eq!(codes(&done), [("1", 200), ("2", 200), ("3", 200), ("4", 200)]);
    assert_eq!(device.tree().get(&uri("./A/z/deep")).unwrap().value_text(), Some("3"));
    assert!(device.tree().get(&uri("./A/y")).is_none());
}

// A shipped client answers its own failed Atomic in this way: 507, the command's own code, 215.
#[test]
fn an_atomic_that_fails_leaves_the_tree_as_it_was() {
    let mut device = device();
    let before = device.tree().clone();
    let inner = [
        add("2", "./A/z/deep", "3"),
        replace("3", "./A/x", "4"),
        replace("4", "./A/x?prop=Name", "w"),
        command("Sequence", "5", &(delete("6", "./A/y") + &replace("7", "./A?prop=ACL", "Get=*"))),
        command("Replace", "8", &(item("./A/w", "", "ok") + &item("./none", "", "x") + &item("./A/w", "", "y"))),
        delete("9", "./A"),
    ];
    let done = run(&mut device, &command("Atomic", "1", &inner.concat()));
    let expected = [
        ("1", 507),
        ("2", 216),
        ("3", 216),
        ("4", 216),
        ("5", 216),
        ("6", 216),
        ("7", 216),
        ("8", 425),
        ("8", 215),
        ("8", 215),
        ("9", 215),
    ];
    assert_eq!(codes(&done), expected, "the new list of ./A gives nobody Replace");
    assert_eq!(*device.tree(), before);
}

#[test]
fn neither_get_nor_exec_nor_atomic_may_stand_in_an_atomic() {
    for inner in
        [get("2", "./A"), command("Exec", "2", &item("./A", "", "")), command("Atomic", "2", &delete("3", "./A/x"))]
    {
        let mut device = device();
        let before = device.tree().clone();
        let done = run(&mut device, &command("Atomic", "1", &(delete("0", "./A/y") + &inner + &delete("9", "./A"))));
        assert_eq!(codes(&done)[..3], [("1", 507), ("0", 216), ("2", 500)], "{inner}");
        assert_eq!(codes(&done).last(), Some(&("9", 215)), "{inner}");
        assert_eq!(*device.tree(), before);
    }
    let sequence = command("Sequence", "2", &command("Atomic", "3", &delete("4", "./A")));
    let done = run(&mut device(), &command("Atomic", "1", &sequence));
    assert_eq!(codes(&done), [("1", 507), ("2", 216), ("3", 500), ("4", 215)], "nor in a Sequence in one");
}

#[test]
fn a_sequence_goes_on_and_an_atomic_may_stand_in_it() {
    let mut device = device();
    let atomic = command("Atomic", "3", &(delete("4", "./A/x") + &delete("5", "./none")));
    let done = run(&mut device, &command("Sequence", "1", &(delete("2", "./none") + &atomic + &get("6", "./A"))));
    assert_eq!(codes(&done), [("1", 200), ("2", 404), ("3", 507), ("4", 216), ("5", 404), ("6", 200)]);
}

#[test]
fn the_server_that_ends_the_session_gets_no_answer() {
    let abort = "<Alert><CmdID>2</CmdID><Data>1223</Data></Alert>";
    let done = run(&mut device(), &[&get("1", "./A"), abort, &delete("3", "./A")].concat());
    assert_eq!(codes(&done), [("1", 200)]);
}

fn alert(code: u16, items: &[&str]) -> String {
    let items: String = items.iter().map(|text| format!("<Item><Data>{text}</Data></Item>")).collect();
    command("Alert", "1", &format!("<Data>{code}</Data>{items}"))
}

#[test]
fn dialogues_are_what_the_user_makes_of_them() {
    let ask = |user: User, code: u16, items: &[&str]| {
        let mut device = device();
        device.abilities_mut().user = user;
        let done = run(&mut device, &alert(code, items)).remove(0);
        (done.code, done.replies.join(","))
    };
    let text = |code: u16| (code, String::new());
    assert_eq!(ask(User::Absent, 1100, &["", "Hello"]), text(406));
    assert_eq!(ask(User::Agrees, 1100, &["MINDT=10", "Hello"]), text(200));
    assert_eq!(ask(User::Agrees, 1101, &["", "Update?"]), text(200));
    assert_eq!(ask(User::Refuses, 1101, &["", "Update?"]), text(215));
    assert_eq!(ask(User::Cancels, 1101, &["", "Update?"]), text(214));
    assert_eq!(ask(User::IsAway, 1101, &["", "Update?"]), text(408));
    assert_eq!(ask(User::Agrees, 1102, &["DR=hello&amp;MAXDT=20", "Name?"]), (200, "hello".to_owned()));
    // A shipped client sends what it has along with 408.
    assert_eq!(ask(User::IsAway, 1103, &["DR=2", "Which?", "a", "b"]), (408, "2".to_owned()));
    assert_eq!(ask(User::IsAway, 1104, &["DR=1-3", "Which?", "a", "b", "c"]), (408, "1,3".to_owned()));
    assert_eq!(ask(User::Agrees, 1101, &["Update?"]), text(412), "row 2: the options are missing");
    assert_eq!(ask(User::Agrees, 1103, &["", "Which?"]), text(412));
    assert_eq!(ask(User::Agrees, 1222, &[]), text(200));
    assert_eq!(ask(User::Agrees, 4711, &[]), text(406));
}

#[test]
fn row_18_a_user_who_says_no_stops_atomic_and_sequence() {
    for (name, own, before) in [("Atomic", 507, 216), ("Sequence", 200, 200)] {
        let mut device = device();
        device.abilities_mut().user = User::Cancels;
        let inner = delete("2", "./A/y") + &alert(1101, &["", "Go on?"]).replace(">1<", ">3<") + &delete("4", "./A/x");
        let done = run(&mut device, &command(name, "1", &inner));
        assert_eq!(codes(&done), [("1", own), ("2", before), ("3", 214), ("4", 215)]);
    }
}

fn part(id: &str, target: &str, size: &str, data: &str, more: bool) -> String {
    let meta = if size.is_empty() { String::new() } else { format!("<Meta><Size>{size}</Size></Meta>") };
    let more = if more { "<MoreData/>" } else { "" };
    let item = format!("<Item><Target><LocURI>{target}</LocURI></Target>{meta}<Data>{data}</Data>{more}</Item>");
    command("Replace", id, &item)
}

#[test]
fn row_17_large_objects_come_in_parts() {
    let mut device = device();
    let first = part("1", "./A/x", "6", "abc", true);
    assert_eq!(codes(&run(&mut device, &first)), [("1", 213)]);
    assert_eq!(device.tree().get(&uri("./A/x")).unwrap().value_text(), Some("1"), "not before the end");
    assert_eq!(codes(&run(&mut device, &part("1", "./A/x", "", "def", false))), [("1", 200)]);
    assert_eq!(device.tree().get(&uri("./A/x")).unwrap().value_text(), Some("abcdef"));
    run(&mut device, &first);
    assert_eq!(codes(&run(&mut device, &part("1", "./A/x", "", "de", false))), [("1", 424)]);
    run(&mut device, &first);
    let done = run(&mut device, &get("2", "./A/x"));
    assert!(done[0].loses_parts && done[0].code == 200, "another command before the end");
    assert!(matches!(&answers(&done, 1, 1)[2].operation, Operation::Alert(alert) if alert.code == 1225));
    device.abilities_mut().most_value = 5;
    assert_eq!(codes(&run(&mut device, &first)), [("1", 413)], "what is announced counts");
    assert_eq!(codes(&run(&mut device, &part("1", "./A/x", "", "abcdef", true))), [("1", 413)]);
}

#[test]
fn a_serialised_tree_is_added_whole_or_not_at_all() {
    let nodes = interior("t", "", &(leaf("a", "1") + &interior("u", "", &leaf("b", "2"))));
    for (target, place) in [("./A/t", "./A/t"), ("./A", "./A/t")] {
        let mut device = device();
        let done = run(&mut device, &command("Add", "1", &item(target, TNDS, &tnds(&nodes))));
        assert_eq!(codes(&done), [("1", 200)], "{target}");
        assert_eq!(device.tree().get(&uri(place).join("u").join("b")).unwrap().value_text(), Some("2"));
    }
    // A node without a name has that of the target; a Path is relative to the target.
    let mut device = device();
    let done = run(&mut device, &command("Add", "1", &item("./A/named", TNDS, &tnds(&leaf("", "v")))));
    assert_eq!(codes(&done), [("1", 200)]);
    assert_eq!(device.tree().get(&uri("./A/named")).unwrap().value_text(), Some("v"));
    let below = "<Node><NodeName>q</NodeName><Path>n</Path><Value>3</Value></Node>";
    run(&mut device, &command("Add", "2", &item("./A", TNDS, &tnds(below))));
    run(&mut device, &command("Add", "3", &item("./A", TNDS, &tnds(&below.replace(">q<", ">r<")))));
    assert_eq!(device.tree().get(&uri("./A/n")).unwrap().children().count(), 2, "a Path names what is there");
    let before = device.tree().clone();
    let both = leaf("new", "1") + &leaf("x", "2");
    let done = run(&mut device, &command("Add", "4", &item("./A", TNDS, &tnds(&both))));
    assert_eq!((done[0].code, done[0].refusal.as_ref().unwrap().at.clone()), (418, Some(uri("./A/x"))));
    assert_eq!(*device.tree(), before);
}

#[test]
fn a_part_of_the_tree_becomes_a_serialised_tree() {
    let mut device = device();
    let nodes = interior("A", "", &(leaf("x", "1") + &leaf("z", "3")));
    let done = run(&mut device, &command("Replace", "1", &item("./A", TNDS, &tnds(&nodes))));
    assert_eq!(codes(&done), [("1", 200)]);
    let names: Vec<_> = device.tree().get(&uri("./A")).unwrap().children().map(Node::name).collect();
    assert_eq!(names, ["x", "z"], "y is not in it");
    let before = device.tree().clone();
    let bad = interior(
        "A",
        "",
        &(leaf("x", "2") + &format!("<Node><NodeName>{}</NodeName><Value/></Node>", "n".repeat(9000))),
    );
    let done = run(&mut device, &command("Replace", "1", &item("./A", TNDS, &tnds(&bad))));
    assert_ne!(done[0].code, 200);
    assert_eq!(*device.tree(), before);
    let done = run(&mut device, &command("Replace", "1", &item("./none", TNDS, &tnds(&nodes))));
    assert_eq!(codes(&done), [("1", 404)]);
}

#[test]
fn lists_of_new_nodes_come_with_their_tree() {
    let mut device = device();
    let listed = "<Node><NodeName>t</NodeName><RTProperties><ACL>Get=*</ACL><Format><node/></Format><Type><DDFName/></Type>\
                  </RTProperties><Node><NodeName>a</NodeName><Value>1</Value></Node></Node>";
    let done = run(&mut device, &command("Add", "1", &item("./A", TNDS, &tnds(listed))));
    assert_eq!(codes(&done), [("1", 200)], "the list does not stop the nodes of its own document");
    assert_eq!(codes(&run(&mut device, &replace("2", "./A/t/a", "2"))), [("2", 425)]);
}

#[test]
fn what_get_answers_as_a_tree_goes_back_as_it_is() {
    let mut device = device();
    let done = run(&mut device, &get("1", "./A?list=TNDS"));
    let got = &done[0].got[0];
    assert_eq!(got.type_name, "application/vnd.syncml.dmtnds+xml");
    let Some(Data::Tree(tree)) = &got.data else { panic!("{got:?}") };
    let read = serialise::from_element(tree, &mut Report::new()).unwrap();
    assert_eq!(read.get(&uri("./A/y")).unwrap().value_text(), Some("2"));
    let done = run(&mut device, &get("1", "./A?list=TNDS+Value"));
    let Some(Data::Tree(tree)) = &done[0].got[0].data else { panic!() };
    assert_eq!(tree.descend(&["Node", "Node", "RTProperties"]), None, "nothing but names and values");
    let done = run(&mut device, &get("1", "./A?list=TNDS-Value"));
    let Some(Data::Tree(tree)) = &done[0].got[0].data else { panic!() };
    assert_eq!(tree.descend(&["Node", "Node", "Value"]), None);
}

#[test]
fn what_a_server_may_not_get_is_left_out_of_lists() {
    let mut device = device();
    run(&mut device, &replace("1", "./A/y?prop=ACL", "Get=other"));
    let done = run(&mut device, &get("2", "./A?list=Struct"));
    let places: Vec<_> = done[0].got.iter().map(|got| got.uri.as_str()).collect();
    assert_eq!(places, ["./A", "./A/x"]);
    let done = run(&mut device, &get("2", "./A?list=TNDS"));
    let Some(Data::Tree(tree)) = &done[0].got[0].data else { panic!() };
    assert_eq!(tree.child("Node").unwrap().children_named("Node").count(), 1);
}

/// A device with the objects that impskit knows.
fn known() -> Device<'static> {
    Device::new(Tree::new(), Description::bundled(), Abilities::default())
}

#[test]
fn the_inbox_places_objects_and_mends_references() {
    let nap = interior("access", "urn:oma:mo:oma-connmo-nap:1.0", &leaf("Addr", "internet.example"));
    let references = leaf("PrefConRef", "./Inbox/access") + &leaf("Name", "./Inbox is not for reading");
    let account = interior("chat", "urn:oma:mo:oma-imps:1.0", &(leaf("AppID", "wA") + &references));
    let unknown = interior("other", "urn:example:none:1.0", &leaf("a", "1"));
    let document = tnds(&(nap + &account + &unknown));
    let mut device = known();
    let add = command("Add", "1", &item("./Inbox", TNDS, &document));
    assert_eq!(codes(&run(&mut device, &add)), [("1", 200)]);
    let text =
        |device: &Device<'_>, place: &str| device.tree().get(&uri(place)).and_then(Node::value_text).map(str::to_owned);
    assert_eq!(text(&device, "./ConnMO/NAP/access/Addr").as_deref(), Some("internet.example"));
    assert_eq!(text(&device, "./IMPS/chat/PrefConRef").as_deref(), Some("./ConnMO/NAP/access"));
    assert_eq!(text(&device, "./IMPS/chat/Name").as_deref(), Some("./Inbox is not for reading"));
    assert_eq!(device.tree().root().children().count(), 2, "what the device does not know is left out");
    assert_eq!(codes(&run(&mut device, &add)), [("1", 200)]);
    assert_eq!(
        text(&device, "./IMPS/chat1/PrefConRef").as_deref(),
        Some("./ConnMO/NAP/access1"),
        "names that are taken"
    );
    let nothing = tnds(&interior("other", "urn:example:none:1.0", &leaf("a", "1")));
    assert_eq!(codes(&run(&mut device, &command("Add", "1", &item("./Inbox", TNDS, &nothing)))), [("1", 415)]);
    assert_eq!(codes(&run(&mut device, &get("1", "./Inbox"))), [("1", 405)]);
}

#[test]
fn many_objects_of_one_name_find_their_places() {
    let object =
        interior("x", "urn:oma:mo:oma-imps:1.0", &(leaf("AppID", "wA") + &leaf("PrefConRef", "./Inbox/c7/x/AppID")));
    let nodes: String = (0..2000).map(|number| interior(&format!("c{number}"), "", &object)).collect();
    let add = command("Add", "1", &item("./Inbox", TNDS, &tnds(&nodes)));
    let mut device = known();
    for _ in 0..2 {
        let done = run(&mut device, &add);
        assert_eq!((done[0].code, done[0].made.len()), (200, 2000));
    }
    assert_eq!(device.tree().get(&uri("./IMPS")).unwrap().children().count(), 4000);
    let reference = |place: &str| device.tree().get(&uri(place)).and_then(|node| node.child_text("PrefConRef"));
    assert_eq!(reference("./IMPS/x"), Some("./IMPS/x7/AppID"), "a reference to a node of an object");
}

#[test]
fn the_list_of_the_inbox_says_who_may_put_something_there() {
    let mut tree = Tree::new();
    tree.ensure(&uri("./Inbox")).unwrap().acl = Acl::read("Add=boss").unwrap();
    let mut device = Device::new(tree, Description::bundled(), Abilities::default());
    let account = tnds(&interior("chat", "urn:oma:mo:oma-imps:1.0", &leaf("AppID", "wA")));
    let add = message(&command("Add", "1", &item("./Inbox", TNDS, &account)));
    assert_eq!(codes(&device.carry_out("s", &add.commands)), [("1", 425)]);
    assert_eq!(codes(&device.carry_out("boss", &add.commands)), [("1", 200)]);
}

#[test]
fn the_bundled_descriptions_are_the_least_that_a_device_takes() {
    let mut device = known();
    let account = [
        command("Add", "1", &item("./IMPS/1", "<Format>node</Format><Type>urn:oma:mo:oma-imps:1.0</Type>", "")),
        add("2", "./IMPS/1/AppID", "wA"),
        add("3", "./IMPS/1/AppAuth/1/AAuthSecret", "hidden"),
        replace("4", "./IMPS/1/AppAuth/1/AAuthSecret", "other"),
        get("5", "./IMPS/1/AppAuth/1/AAuthSecret"),
        add("6", "./IMPS/1/Unheard", "x"),
        add("7", "./DevInfo/Lang", "en"),
    ];
    // The device made ./IMPS for a server that the root does not give Replace: what it made is the server's.
    let done = run(&mut device, &account.concat());
    let expected = [("1", 200), ("2", 200), ("3", 200), ("4", 200), ("5", 405), ("6", 405), ("7", 405)];
    assert_eq!(codes(&done), expected);
}

/// Names of few nodes, so that commands meet.
fn any_place() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    prop::collection::vec(name, 1..4).prop_map(|names| format!("./{}", names.join("/")))
}

fn any_command() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec!["1", "two", "", "./a/b"]);
    let lists = prop::sample::select(vec!["", "Get=*&Replace=s&Add=s&Delete=s", "Get=s", "Add=*&Get=*&Replace=t"]);
    prop_oneof![
        4 => (any_place(), value.clone()).prop_map(|(place, value)| add("1", &place, value)),
        2 => any_place().prop_map(|place| command("Add", "1", &item(&place, "<Format>node</Format>", ""))),
        3 => (any_place(), value).prop_map(|(place, value)| replace("1", &place, value)),
        2 => any_place().prop_map(|place| delete("1", &place)),
        1 => (any_place(), lists).prop_map(|(place, list)| replace("1", &format!("{place}?prop=ACL"), list)),
        1 => (any_place(), any_place()).prop_map(|(place, name)| replace("1", &format!("{place}?prop=Name"), &name[2..])),
        1 => (any_place(), any_place()).prop_map(|(from, to)| {
            let source = format!("<Source><LocURI>{from}</LocURI></Source>");
            command("Copy", "1", &item(&to, "", "").replace("<Meta>", &(source + "<Meta>")))
        }),
        1 => (any_place(), any_place()).prop_map(|(place, name)| {
            let nodes = tnds(&interior(&name[2..3], "", &(leaf("b", "t") + &interior("c", "", &leaf("a", "u")))));
            command("Add", "1", &item(&place, TNDS, &nodes))
        }),
        1 => any_place().prop_map(|place| {
            command("Replace", "1", &item(&place, TNDS, &tnds(&interior(&place[place.len() - 1..], "", &leaf("a", "v")))))
        }),
    ]
}

/// A device on which most commands succeed, with a permanent node.
fn open_device(description: &Description) -> Device<'_> {
    let mut tree = Tree::new();
    tree.root_mut().acl = Acl::read("Add=*&Get=*&Replace=*&Delete=*&Exec=*").unwrap();
    tree.add(&Uri::root(), Node::interior("c").with(Node::text("c", "kept"))).unwrap();
    Device::new(tree, &[description], Abilities::default())
}

fn permanent() -> Description {
    let node = |name: &str, format: &str, children: &str| {
        format!(
            "<Node><NodeName>{name}</NodeName><DFProperties><AccessType><Add/><Delete/><Get/><Replace/></AccessType>\
             <DFFormat><{format}/></DFFormat><Occurrence><One/></Occurrence><Scope><Permanent/></Scope></DFProperties>\
             {children}</Node>"
        )
    };
    let free = "<Node><NodeName/><DFProperties><AccessType><Add/><Delete/><Get/><Replace/></AccessType>\
                <DFFormat><chr/></DFFormat><Occurrence><ZeroOrMore/></Occurrence></DFProperties></Node>";
    let text =
        format!("<MgmtTree><VerDTD>1.2</VerDTD>{}</MgmtTree>", node("c", "node", &(node("c", "chr", "") + free)));
    Description::read(text.as_bytes(), &mut Report::new()).unwrap()
}

proptest! {
    #[test]
    fn a_failing_atomic_leaves_the_tree_equal(
        before in prop::collection::vec(any_command(), 0..12),
        inner in prop::collection::vec(any_command(), 0..12),
    ) {
        let description = permanent();
        let mut device = open_device(&description);
        run(&mut device, &before.concat());
        let tree = device.tree().clone();
        // The last one fails, if none before it does.
        let done = run(&mut device, &command("Atomic", "0", &(inner.concat() + &delete("9", "."))));
        prop_assert_eq!(done[0].code, 507);
        prop_assert_eq!(device.tree(), &tree);
        // What is counted is as before as well: there is room for as many nodes as there were.
        device.abilities_mut().most_nodes = tree.len() + 1;
        let one = run(&mut device, &(add("1", "./new", "x") + &add("2", "./newer", "x")));
        prop_assert_eq!(codes(&one), [("1", 200), ("2", 420)]);
    }

    #[test]
    fn a_tree_stays_a_tree(commands in prop::collection::vec(any_command(), 0..30)) {
        let description = permanent();
        let mut device = open_device(&description);
        run(&mut device, &commands.concat());
        let mut faults = Vec::new();
        device.tree().walk(&mut |at, node| {
            let is_named = at.depth() == 0 || impskit::dm::is_name(node.name());
            let is_leaf_alone = node.is_interior() || node.children().next().is_none();
            if !is_named || !is_leaf_alone || (node.is_interior() && node.value.is_some()) {
                faults.push(at.to_string());
            }
        });
        prop_assert_eq!(faults, Vec::<String>::new());
        prop_assert!(device.tree().get(&uri("./c/c")).is_some(), "permanent nodes are still there");
    }

    #[test]
    fn a_tree_that_goes_back_changes_nothing(commands in prop::collection::vec(any_command(), 0..20), place in any_place()) {
        let description = permanent();
        let mut device = open_device(&description);
        run(&mut device, &commands.concat());
        let before = device.tree().clone();
        let target = Target::read(&format!("{place}?list=TNDS")).unwrap();
        if let Ok(got) = device.get("s", &target) {
            let Some(Data::Tree(tree)) = &got[0].data else { panic!() };
            let may_see_all = serialise::from_element(tree, &mut Report::new()).unwrap().len() == count(before.get(&target.uri).unwrap());
            let read = serialise::from_element(tree, &mut Report::new()).unwrap();
            let outcome = device.replace_document("s", &Target::node(target.uri.clone()), &read);
            if outcome.is_err() || may_see_all {
                prop_assert_eq!(device.tree(), &before);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_least_commands_make_one_tree_of_another(
        first in prop::collection::vec(any_command(), 0..12),
        second in prop::collection::vec(any_command(), 0..12),
    ) {
        // Lists that lock the server out are for other tests.
        let run = |commands: &[String]| {
            let mut device = device();
            let open: Vec<_> = commands.iter().filter(|command| !command.contains("?prop=ACL")).cloned().collect();
            run(&mut device, &open.concat());
            device
        };
        let (mut device, wanted) = (run(&first), run(&second).into_tree());
        let changes = impskit::dm::changes(device.tree().root(), wanted.root(), &Uri::root());
        let commands = changes.iter().map(|change| Command::new("1", impskit::provision::commands::operation(change)));
        let done = device.carry_out("s", &[Command::new("0", Operation::Atomic(commands.collect()))]);
        prop_assert!(done.iter().all(|one| one.code == 200), "{:?}", done);
        let left = impskit::dm::changes(device.tree().root(), wanted.root(), &Uri::root());
        prop_assert!(left.is_empty(), "{left:?}");
    }
}

fn count(node: &Node) -> usize {
    1 + node.children().map(count).sum::<usize>()
}

#[test]
fn deep_and_wide_trees_are_no_burden() {
    let mut device = device();
    let deep = "/n".repeat(Uri::MOST_SEGMENTS);
    assert_eq!(codes(&run(&mut device, &add("1", &format!(".{deep}"), "x"))), [("1", 200)]);
    assert_eq!(codes(&run(&mut device, &add("1", &format!(".{deep}/n"), "x"))), [("1", 414)]);
    let nodes: String = (0..5000).map(|number| leaf(&format!("n{number}"), "v")).collect();
    let done = run(&mut device, &command("Add", "1", &item("./A", TNDS, &tnds(&interior("wide", "", &nodes)))));
    assert_eq!(codes(&done), [("1", 200)]);
    let names = run(&mut device, &get("1", "./A/wide"));
    assert_eq!(names[0].got[0].data.as_ref().and_then(Data::text).unwrap().split('/').count(), 5000);
    let nested = format!("{}{}", "<Node><NodeName>d</NodeName>".repeat(45), "</Node>".repeat(45));
    let place = format!("./{}", ["e"; 20].join("/"));
    let done = run(&mut device, &command("Add", "1", &item(&place, TNDS, &tnds(&nested))));
    assert_eq!(codes(&done), [("1", 414)]);
    assert!(device.tree().get(&uri("./e")).is_none());
}

#[test]
fn descriptions_that_contradict_each_other_and_references_in_circles_do_no_harm() {
    let one = |name: &str, format: &str| {
        format!(
            "<Node><NodeName>{name}</NodeName><DFProperties><AccessType><Add/><Get/></AccessType><DFFormat><{format}/></DFFormat>\
             </DFProperties></Node>"
        )
    };
    let text = format!("<MgmtTree><VerDTD>1.2</VerDTD>{}{}</MgmtTree>", one("A", "node"), one("A", "chr"));
    let description = Description::read(text.as_bytes(), &mut Report::new()).unwrap();
    let mut device = Device::new(Tree::new(), &[&description], Abilities::default());
    let done = run(&mut device, &add("1", "./A/b", "x"));
    assert_eq!(codes(&done), [("1", 200)], "the first that speaks of a place counts");
    let account = |name: &str, other: &str| {
        interior(name, "urn:oma:mo:oma-imps:1.0", &leaf("PrefConRef", &format!("./Inbox/{other}")))
    };
    let mut device = known();
    let circle = tnds(&(account("a", "b") + &account("b", "a")));
    assert_eq!(codes(&run(&mut device, &command("Add", "1", &item("./Inbox", TNDS, &circle)))), [("1", 200)]);
    let text = |place: &str| device.tree().get(&uri(place)).and_then(Node::value_text);
    assert_eq!((text("./IMPS/a/PrefConRef"), text("./IMPS/b/PrefConRef")), (Some("./IMPS/b"), Some("./IMPS/a")));
}

// What a shipped client answers in its makers' tests to commands on a place that its device does not describe.
#[test]
fn as_a_shipped_client_answers() {
    let access = "<AccessType><Add/><Delete/><Get/><Replace/></AccessType>";
    let node = |name: &str, nodes: &str| {
        format!(
            "<Node><NodeName>{name}</NodeName><DFProperties>{access}<DFFormat><node/></DFFormat></DFProperties>{nodes}</Node>"
        )
    };
    let text = format!("<MgmtTree><VerDTD>1.2</VerDTD>{}</MgmtTree>", node(".", &node("DevDetail", "")));
    let description = Description::read(text.as_bytes(), &mut Report::new()).unwrap();
    let mut tree = Tree::new();
    tree.add(&Uri::root(), Node::interior("DevDetail").with(Node::text("Bearer", "x"))).unwrap();
    tree.root_mut().acl = Acl::read("Replace=*&Get=*&Add=*&Delete=*&Exec=*").unwrap();
    let mut device = Device::new(tree, &[&description], Abilities { user: User::IsAway, ..Abilities::default() });
    let commands = [
        command("Add", "1", &item("./Test/MyApp", "<Format>node</Format>", "")),
        command("Add", "2", &item("./Test/MyApp/FloatLeaf", "<Format>float</Format>", "+1.2345e+3")),
        command("Replace", "3", &item("./Test/MyApp/FloatLeaf", "<Format>float</Format>", "1")),
        get("4", "./Test/MyApp/FloatLeaf"),
        delete("5", "./Test/MyApp"),
    ];
    let done = run(&mut device, &commands.concat());
    assert_eq!(codes(&done), [("1", 405), ("2", 405), ("3", 404), ("4", 404), ("5", 404)]);
    let confirm = alert(1101, &["MAXDT=1", "Go on?"]).replace(">1<", ">2<");
    let done = run(&mut device, &command("Atomic", "1", &(confirm + &replace("3", "./DevDetail/Bearer", "y"))));
    assert_eq!(codes(&done), [("1", 507), ("2", 408), ("3", 215)]);
}

#[test]
fn octets_come_and_go_as_octets() {
    let mut device = device();
    let add = command("Add", "1", &item("./A/b", "<Format>bin</Format><Type>application/octet-stream</Type>", "AAEC"));
    run(&mut device, &add);
    assert_eq!(device.tree().get(&uri("./A/b")).unwrap().value, Some(Value::Octets(vec![0, 1, 2])));
    let done = run(&mut device, &get("2", "./A/b"));
    assert_eq!(done[0].got[0].data, Some(Data::Octets(vec![0, 1, 2])));
    let answer = Message { commands: answers(&done, 1, 1), ..Message::default() };
    let read = Message::read(&answer.to_xml(false), &mut Report::new()).unwrap();
    let Command { operation: Operation::Results(results), .. } = &read.commands[1] else { panic!() };
    assert_eq!(results.items[0].data, Some(Data::Octets(vec![0, 1, 2])));
}
