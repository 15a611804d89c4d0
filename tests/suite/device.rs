//! A device that carries out commands: the table of faults row by row, access control lists rule by rule.
//!
//! What is expected comes from the table (DM facts 3.2) and the rules of lists (2.5) of the standard, and where named from
//! the tests of a shipped client and of the OSGi compliance suite for the same rules.

use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Content, Device, FAULTS, Got, Refusal, Target};
use impskit::dm::syncml::Data;
use impskit::dm::{Acl, Description, Format, Node, Tree, Uri, Value};

fn uri(text: &str) -> Uri {
    Uri::read(text).unwrap()
}

fn at(text: &str) -> Target {
    Target::read(text).unwrap()
}

/// A described node: name, words of AccessType, format, more properties, children.
fn described(name: &str, access: &str, format: &str, more: &str, children: &str) -> String {
    let access: String = access.split_whitespace().map(|word| format!("<{word}/>")).collect();
    let kind = if format == "node" { "<DDFName/>" } else { "<MIME>text/plain</MIME>" };
    let kind = if more.contains("<DFType>") { String::new() } else { format!("<DFType>{kind}</DFType>") };
    format!(
        "<Node><NodeName>{name}</NodeName><DFProperties><AccessType>{access}</AccessType><DFFormat><{format}/></DFFormat>\
         {more}{kind}</DFProperties>{children}</Node>"
    )
}

fn description(nodes: &str) -> Description {
    let text = format!("<MgmtTree><VerDTD>1.2</VerDTD>{nodes}</MgmtTree>");
    Description::read(text.as_bytes(), &mut Report::new()).unwrap()
}

const ANY: &str = "Add Copy Delete Exec Get Replace";

/// What the device of these tests may hold.
fn vendor() -> Description {
    let permanent = "<Occurrence><One/></Occurrence><Scope><Permanent/></Scope>";
    let many = "<Occurrence><ZeroOrN>2</ZeroOrN></Occurrence><Scope><Dynamic/></Scope>";
    let leaves = [
        described("Text", ANY, "chr", "", ""),
        described("Count", ANY, "int", "", ""),
        described("Picture", ANY, "bin", "<DFType><MIME>image/png</MIME></DFType>", ""),
        described("Secret", "Add Replace Delete", "chr", "", ""),
        described("Fixed", "Get", "chr", "", ""),
        described("Sub", ANY, "node", "", &described("Leaf", ANY, "chr", "", "")),
        described("Kept", "Add Get", "node", "", &described("Leaf", ANY, "chr", "", "")),
        described(
            "Closed",
            "Get",
            "node",
            "<Occurrence><ZeroOrOne/></Occurrence>",
            &described("Leaf", ANY, "chr", "", ""),
        ),
    ];
    let instance = described("", ANY, "node", many, &leaves.concat());
    description(&described(
        "V",
        "Get Add Exec",
        "node",
        permanent,
        &(instance + &described("Id", "Get Replace", "chr", permanent, "")),
    ))
}

fn tree() -> Tree {
    let account = Node::interior("1")
        .with(Node::text("Text", "old"))
        .with(Node::leaf("Count", Format::Int, Some("7".into())))
        .with(Node::text("Secret", "hidden"))
        .with(Node::text("Fixed", "built in"))
        .with(Node::interior("Sub").with(Node::text("Leaf", "x")));
    let mut tree = Tree::new();
    tree.root_mut().acl = Acl::read("Add=*&Get=*&Replace=*&Delete=*&Exec=*").unwrap();
    tree.add(&Uri::root(), Node::interior("V").with(Node::text("Id", "device")).with(account)).unwrap();
    tree.add(&Uri::root(), Node::interior("Free").with(Node::text("a", "1")).with(Node::text("b", "2"))).unwrap();
    tree
}

/// Runs `work` on the device of these tests and returns it for a look at the tree.
fn device(description: &Description) -> Device<'_> {
    Device::new(tree(), &[description], Abilities::default())
}

fn text(value: &str) -> Content<'static> {
    Content::text("chr", value)
}

/// The fault of an outcome, and its code.
fn fault<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> (u8, u16) {
    let refusal = outcome.unwrap_err();
    (refusal.fault.row().number, refusal.fault.code())
}

fn value(device: &Device<'_>, place: &str) -> Option<String> {
    device.tree().get(&uri(place))?.value.as_ref().map(Value::to_text)
}

fn data(got: &[Got]) -> &str {
    got[0].data.as_ref().and_then(Data::text).unwrap_or_default()
}

#[test]
fn the_table_is_in_its_order_and_every_row_says_what_to_do() {
    assert!(FAULTS.is_sorted_by_key(|row| row.number));
    assert_eq!(FAULTS.last().map(|row| row.number), Some(19));
    for row in FAULTS {
        assert!(impskit::dm::Status::of(row.code).is_some(), "{row:?}");
        assert!(row.text.ends_with('.') && !row.help.is_empty() && !row.help.ends_with('.'), "{row:?}");
        assert_eq!(row.fault.row().number, row.number);
    }
}

#[test]
fn row_3_commands_that_the_device_does_not_have() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.abilities_mut().copy = false;
    device.abilities_mut().exec = None;
    // The first fault counts: neither node is there.
    assert_eq!(fault(device.copy("s", &uri("No"), &at("No/More"))), (3, 406));
    assert_eq!(fault(device.exec("s", &at("./V/No"))), (3, 406));
}

#[test]
fn row_4_addresses_that_are_too_long() {
    let vendor = vendor();
    let mut small = tree();
    let limits = [("MaxDepth", "3"), ("MaxTotLen", "20"), ("MaxSegLen", "8")];
    let node = limits.iter().fold(Node::interior("URI"), |node, (name, value)| node.with(Node::text(*name, *value)));
    small.add(&Uri::root(), Node::interior("DevDetail").with(node)).unwrap();
    let mut device = Device::new(small, &[&vendor], Abilities::default());
    for place in ["./a/b/c/d", "./aaaaaaaa/aaaaaaaa/aa", "./aaaaaaaaa"] {
        assert_eq!(fault(device.add("s", &at(place), &text("x"))), (4, 414), "{place}");
        assert_eq!(fault(device.get("s", &at(place))), (4, 414), "{place}");
    }
    assert_eq!(fault(device.replace("s", &at("./Free/a?prop=Name"), &text("aaaaaaaaa"))), (4, 414));
    assert_eq!(fault(device.copy("s", &uri("./a/b/c/d"), &at("./Free/a"))), (4, 414));
    assert_eq!(Target::read(&"a/".repeat(60)).unwrap_err().fault.code(), 414);
    assert!(device.add("s", &at("./Free/aaaaaaaa"), &text("x")).is_ok());
}

#[test]
fn row_5_nodes_that_are_not_there() {
    let vendor = vendor();
    let mut device = device(&vendor);
    assert_eq!(fault(device.get("s", &at("./V/9"))), (5, 404));
    assert_eq!(fault(device.replace("s", &at("./V/9/Text"), &text("x"))), (5, 404));
    assert_eq!(fault(device.replace("s", &at("./V/1/Picture"), &text("x"))), (5, 404), "Replace makes no node");
    assert_eq!(fault(device.delete("s", &at("./V/9"))), (5, 404));
    assert_eq!(fault(device.exec("s", &at("./V/9"))), (5, 404));
    assert_eq!(fault(device.copy("s", &uri("./V/9/Text"), &at("./V/1/Text"))), (5, 404));
    assert_eq!(fault(device.get("s", &at("./V/9?prop=Nonsense"))), (5, 404));
    for text in ["./A/", "/A", "./A//B", "../A", "./A/../B"] {
        assert_eq!(Target::read(text).unwrap_err().fault.code(), 404, "{text}");
    }
}

#[test]
fn row_6_parents_that_are_missing() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.add("s", &at("./V/2/Sub/Leaf"), &text("x")).unwrap();
    assert_eq!(value(&device, "./V/2/Sub/Leaf").as_deref(), Some("x"), "missing parents are made");
    // As an Add of the parent itself would be answered, with the parent that cannot be made.
    let refusal = device.add("s", &at("./V/2/Closed/Leaf"), &text("x")).unwrap_err();
    assert_eq!((refusal.fault.code(), refusal.at), (405, Some(uri("./V/2/Closed"))));
    assert_eq!(device.add("s", &at("./V/2/Absent/Leaf"), &text("x")).unwrap_err().at, Some(uri("./V/2/Absent")));
    device.abilities_mut().makes_parents = false;
    let refusal = device.add("s", &at("./Free/x/y/z"), &text("x")).unwrap_err();
    assert_eq!((fault(Err::<(), _>(refusal.clone())), refusal.at), ((6, 404), Some(uri("./Free/x"))));
}

#[test]
fn row_7_names_that_are_taken() {
    let vendor = vendor();
    let mut device = device(&vendor);
    // Also where AccessType would not allow it: the order of the table.
    assert_eq!(fault(device.add("s", &at("./V/1/Fixed"), &text("x"))), (7, 418));
    assert_eq!(fault(device.add("s", &at("./V"), &Content::interior(""))), (7, 418));
    assert_eq!(fault(device.add("s", &at("."), &Content::interior(""))), (7, 418));
    assert_eq!(fault(device.replace("s", &at("./Free/a?prop=Name"), &text("b"))), (7, 418));
    assert!(device.replace("s", &at("./Free/a?prop=Name"), &text("a")).is_ok(), "its own name is not taken");
}

#[test]
fn row_8_commands_that_the_description_does_not_have() {
    let vendor = vendor();
    let mut device = device(&vendor);
    let no = (8, 405);
    assert_eq!(fault(device.get("s", &at("./V/1/Secret"))), no, "a secret can be written, not read");
    assert_eq!(fault(device.get("s", &at("./V/1/Secret?prop=Size"))), no, "nor its length");
    assert_eq!(fault(device.get("s", &at("./V/1/Secret?list=TNDS"))), no);
    assert!(device.replace("s", &at("./V/1/Secret"), &text("new")).is_ok());
    assert_eq!(fault(device.replace("s", &at("./V/1/Fixed"), &text("x"))), no);
    assert_eq!(fault(device.exec("s", &at("./V/1/Fixed"))), no);
    assert_eq!(fault(device.add("s", &at("./V/1/Unheard"), &text("x"))), no);
    assert_eq!(fault(device.add("s", &at("./V/1/Text/Below"), &text("x"))), no, "a leaf has no children");
    assert_eq!(fault(device.replace("s", &at("./V/1/Sub"), &text("x"))), no, "an interior node has no value");
    assert_eq!(fault(device.copy("s", &uri("./V/1/Fixed"), &at("./V/1/Text"))), no);
    for place in [".", "./V", "./V/Id", "./V/1/Fixed"] {
        assert_eq!(fault(device.delete("s", &at(place))), no, "{place}");
    }
    for place in [".", "./V", "./V/Id"] {
        assert_eq!(fault(device.replace("s", &at(&format!("{place}?prop=Name")), &text("W"))), no, "{place}");
    }
    assert_eq!(fault(device.replace("s", &at("./V/1/Text?prop=Name"), &text("Unheard"))), no);
    assert!(device.replace("s", &at("./V/1?prop=Name"), &text("main")).is_ok());
    assert_eq!(value(&device, "./V/main/Text").as_deref(), Some("old"));
}

#[test]
fn row_8_properties_take_few_commands() {
    let vendor = vendor();
    let mut device = device(&vendor);
    for property in ["Format", "Size", "TStamp", "Type", "VerNo"] {
        let target = at(&format!("./Free/a?prop={property}"));
        assert_eq!(fault(device.replace("s", &target, &text("1"))), (8, 405), "{property}");
    }
    for property in ["ACL", "Name", "Title"] {
        let target = at(&format!("./Free/a?prop={property}"));
        assert_eq!(fault(device.add("s", &target, &text("x"))), (8, 405), "{property}");
        assert_eq!(fault(device.delete("s", &target)), (8, 405), "{property}");
        assert_eq!(fault(device.exec("s", &target)), (8, 405), "{property}");
    }
    assert_eq!(fault(device.replace("s", &at("./Free?list=TNDS"), &text("1"))), (8, 405));
}

#[test]
fn row_8_nothing_is_read_from_the_inbox() {
    let vendor = vendor();
    let mut device = device(&vendor);
    for place in ["./Inbox", "./Inbox/any", "./Inbox?list=TNDS"] {
        assert_eq!(fault(device.get("s", &at(place))), (8, 405), "{place}");
        assert_eq!(fault(device.delete("s", &at(place))), (8, 405), "{place}");
    }
    assert_eq!(fault(device.add("s", &at("./Inbox/any"), &text("x"))), (8, 405));
}

#[test]
fn row_9_properties_and_lists_that_the_device_does_not_have() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.abilities_mut().lists = false;
    device.abilities_mut().tnds = false;
    for place in ["?prop=Colour", "?prop=acl", "?list=All", "?list=TNDS+Value-ACL", "?x", "?prop=TStamp", "?prop=VerNo"]
    {
        assert_eq!(fault(device.get("s", &at(&format!("./Free/a{place}")))), (9, 406), "{place}");
    }
    for place in ["?list=TNDS", "?list=Struct", "?list=StructData", "?prop=Size"] {
        assert_eq!(fault(device.get("s", &at(&format!("./Free{place}")))), (9, 406), "{place}");
    }
}

#[test]
fn row_10_servers_that_the_list_does_not_name() {
    let vendor = vendor();
    let mut own = tree();
    own.root_mut().acl = None;
    let mut device = Device::new(own, &[&vendor], Abilities::default());
    // The root's usual list is `Add=*&Get=*`.
    assert!(device.get("s", &at("./V/1/Text")).is_ok());
    assert_eq!(fault(device.replace("s", &at("./V/1/Text"), &text("x"))), (10, 425));
    assert_eq!(fault(device.replace("s", &at("./V/1/Text?prop=Title"), &text("x"))), (10, 425));
    assert_eq!(fault(device.replace("s", &at("./V/1/Text?prop=ACL"), &text("Get=*"))), (10, 425));
    assert_eq!(fault(device.delete("s", &at("./V/1/Text"))), (10, 425));
    assert_eq!(fault(device.exec("s", &at("./V/1/Text"))), (10, 425));
    assert_eq!(fault(device.copy("s", &uri("./Free/a"), &at("./Free/b"))), (10, 425));
    // Before what is asked is looked at: rows 11 to 16 tell nothing to whom may not.
    assert_eq!(fault(device.replace("s", &at("./V/1/Count"), &text("many"))), (10, 425));
}

#[test]
fn row_11_what_cannot_be_copied() {
    let vendor = vendor();
    let mut device = device(&vendor);
    assert_eq!(fault(device.copy("s", &uri("./Free"), &at("./Free/a"))), (11, 403));
    assert_eq!(fault(device.copy("s", &uri("./Free/a"), &at("./V/1/Sub"))), (11, 403));
    assert_eq!(fault(device.copy("s", &uri("./Free/a"), &at("./V/1/Count"))), (11, 403), "chr onto int");
    device.copy("s", &uri("./Free/a"), &at("./V/1/Text")).unwrap();
    assert_eq!(value(&device, "./V/1/Text").as_deref(), Some("1"));
    device.copy("s", &uri("./Free/a"), &at("./Free/c")).unwrap();
    assert_eq!(value(&device, "./Free/c").as_deref(), Some("1"), "a missing target is made");
}

#[test]
fn row_12_formats_and_types_of_another_kind() {
    let vendor = vendor();
    let mut device = device(&vendor);
    assert_eq!(fault(device.replace("s", &at("./V/1/Count"), &text("8"))), (12, 415));
    assert!(device.replace("s", &at("./V/1/Count"), &Content::text("int", "8")).is_ok());
    assert!(device.replace("s", &at("./V/1/Count"), &Content { format: None, ..text("9") }).is_ok());
    assert_eq!(fault(device.replace("s", &at("./Free/a"), &Content::text("octets", "8"))), (12, 415));
    assert_eq!(fault(device.add("s", &at("./V/1/Kept"), &text("x"))), (12, 415));
    assert_eq!(fault(device.add("s", &at("./V/3"), &Content { format: None, ..text("x") })), (12, 415));
    let jpeg = Content { type_name: Some("image/jpeg"), ..Content::text("bin", "AAEC") };
    assert_eq!(fault(device.add("s", &at("./V/1/Picture"), &jpeg)), (12, 415));
    let png = Content { type_name: Some("image/PNG; a=b"), ..Content::text("b64", "AAEC") };
    device.add("s", &at("./V/1/Picture"), &png).unwrap();
    let node = device.tree().get(&uri("./V/1/Picture")).unwrap();
    assert_eq!((node.format, node.value.clone()), (Format::Bin, Some(Value::Octets(vec![0, 1, 2]))));
    device.abilities_mut().tnds = false;
    let document = Tree::new();
    assert_eq!(fault(device.add_document("s", &at("./Free"), &document)), (12, 415));
    assert_eq!(fault(device.replace_document("s", &at("./Free"), &document)), (12, 415));
}

#[test]
fn row_13_values_that_are_too_large() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.abilities_mut().most_value = 10;
    assert_eq!(fault(device.replace("s", &at("./Free/a"), &text("12345678901"))), (13, 413));
    assert!(device.replace("s", &at("./Free/a"), &text("1234567890")).is_ok());
    assert_eq!(fault(device.replace("s", &at("./Free/a?prop=Title"), &text(&"t".repeat(256)))), (13, 413));
    assert!(device.replace("s", &at("./Free/a?prop=Title"), &text(&"t".repeat(255))).is_ok());
}

#[test]
fn row_14_values_that_are_none() {
    let vendor = vendor();
    let mut device = device(&vendor);
    assert_eq!(fault(device.replace("s", &at("./V/1/Count"), &Content::text("int", "many"))), (14, 415));
    assert_eq!(fault(device.replace("s", &at("./V/1/Count"), &Content::text("int", "2147483648"))), (14, 500));
    assert_eq!(fault(device.add("s", &at("./V/1/Picture"), &Content::text("bin", "???"))), (14, 415));
    assert_eq!(fault(device.add("s", &at("./Free/d"), &Content::text("date", "2005-10-32"))), (14, 415));
    assert_eq!(fault(device.add("s", &at("./Free/d"), &Content::text("node", "value"))), (14, 415));
    assert_eq!(fault(device.replace("s", &at("./Free?prop=ACL"), &text("Get"))), (14, 500));
    assert_eq!(fault(device.replace("s", &at("./Free?prop=Name"), &text("a/b"))), (14, 500));
}

#[test]
fn row_15_more_nodes_than_the_description_takes() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.add("s", &at("./V/2"), &Content::interior("")).unwrap();
    // `Id` below the same parent is described by its name and does not count.
    assert_eq!(fault(device.add("s", &at("./V/3"), &Content::interior(""))), (15, 500));
    assert_eq!(fault(device.add("s", &at("./V/3/Text"), &text("x"))), (15, 500), "nor as a missing parent");
    device.delete("s", &at("./V/1")).unwrap();
    assert!(device.add("s", &at("./V/3"), &Content::interior("")).is_ok());
}

#[test]
fn row_16_no_room() {
    let vendor = vendor();
    let mut device = device(&vendor);
    device.abilities_mut().most_nodes = tree().len() + 2;
    assert_eq!(fault(device.add("s", &at("./Free/x/y/z"), &text("x"))), (16, 420), "parents count");
    device.add("s", &at("./Free/x/y"), &text("x")).unwrap();
    assert_eq!(fault(device.add("s", &at("./Free/z"), &text("x"))), (16, 420));
    device.delete("s", &at("./Free/x")).unwrap();
    device.add("s", &at("./Free/z"), &text("x")).unwrap();
    device.abilities_mut().most_octets = 100;
    assert_eq!(fault(device.replace("s", &at("./Free/z"), &text(&"x".repeat(100)))), (16, 420));
}

#[test]
fn what_get_answers() {
    let vendor = vendor();
    let mut device = device(&vendor);
    let names = device.get("s", &at("./V/1")).unwrap();
    assert_eq!((names[0].format, data(&names)), (Format::Node, "Text/Count/Secret/Fixed/Sub"));
    device.add("s", &at("./Free/Empty"), &Content::interior("")).unwrap();
    assert_eq!(data(&device.get("s", &at("./Free/Empty")).unwrap()), "", "an empty list of names");
    let properties =
        [("Format", "int"), ("Name", "Count"), ("Size", "1"), ("Title", ""), ("Type", "text/plain"), ("ACL", "")];
    for (property, expected) in properties {
        let got = device.get("s", &at(&format!("./V/1/Count?prop={property}"))).unwrap();
        assert_eq!(data(&got), expected, "{property}");
        assert_eq!(got[0].uri, format!("./V/1/Count?prop={property}"));
    }
    let structure = device.get("s", &at("./V/1?list=Struct")).unwrap();
    let places: Vec<_> = structure.iter().map(|got| got.uri.as_str()).collect();
    assert_eq!(places[..3], ["./V/1", "./V/1/Text", "./V/1/Count"]);
    assert!(structure.iter().all(|got| got.data.is_none()));
    let full = device.get("s", &at("./V/1?list=StructData")).unwrap();
    assert_eq!(full.len(), structure.len());
    let of = |place: &str| full.iter().find(|got| got.uri == place).unwrap().data.clone();
    assert_eq!(of("./V/1/Text"), Some("old".into()));
    assert_eq!(of("./V/1/Secret"), None, "a secret is not told by a list either");
}

#[test]
fn versions_and_times_go_on_where_a_node_has_them() {
    let vendor = vendor();
    let mut counted = tree();
    let node = counted.root_mut();
    node.version = Some(4);
    let free = counted.get(&uri("./Free")).unwrap().clone();
    let mut leaf = Node::text("a", "1");
    (leaf.version, leaf.time_stamp) = (Some(u16::MAX), Some("20260101T000000Z".to_owned()));
    let mut again = Node::interior("Free");
    (again.version, again.time_stamp) = (Some(3), Some("20260101T000000Z".to_owned()));
    assert_eq!(free.name(), "Free");
    counted.replace(&uri("./Free"), again.with(leaf).with(Node::text("b", "2"))).unwrap();
    let now = Some("20261123T080000Z".to_owned());
    let mut device = Device::new(counted, &[&vendor], Abilities { now: now.clone(), ..Abilities::default() });
    device.replace("s", &at("./Free/a"), &text("2")).unwrap();
    device.replace("s", &at("./Free/b"), &text("2")).unwrap();
    device.add("s", &at("./Free/c"), &text("2")).unwrap();
    let of = |name: &str| {
        let node = device.tree().get(&uri("./Free")).and_then(|free| free.child(name)).unwrap();
        (node.version, node.time_stamp.clone())
    };
    assert_eq!(of("a"), (Some(0), now.clone()), "FFFF wraps to 0");
    assert_eq!(of("b"), (None, None), "a node that does not count does not begin to");
    assert_eq!(of("c"), (Some(0), now));
    assert_eq!(device.tree().root().version, Some(4), "a shipped client leaves the parent alone");
}

/// A device without descriptions whose nodes have these lists.
fn listed(lists: &[(&str, &str)]) -> Device<'static> {
    let mut tree = Tree::new();
    tree.ensure(&uri("./P/N")).unwrap();
    tree.add(&uri("./P"), Node::text("leaf", "x")).unwrap();
    for (place, list) in lists {
        let node = if *place == "." { tree.root_mut() } else { tree.get_mut(&uri(place)).unwrap() };
        node.acl = Acl::read(list).unwrap();
    }
    Device::new(tree, &[], Abilities::default())
}

fn own_list(device: &Device<'_>, place: &str) -> String {
    data(&device.get("s", &at(&format!("{place}?prop=ACL"))).unwrap()).to_owned()
}

#[test]
fn a1_a_list_without_a_value_is_inherited_whole() {
    let mut device = listed(&[("./P", "Replace=s&Get=s"), ("./P/leaf", "Get=t+s")]);
    assert_eq!(fault(device.replace("s", &at("./P/leaf"), &text("y"))), (10, 425), "lists are never merged");
    assert!(device.get("t", &at("./P/leaf")).is_ok());
    assert_eq!(fault(device.get("t", &at("./P/N"))), (10, 425));
    assert!(device.get("s", &at("./P/N")).is_ok());
}

#[test]
fn a2_and_a3_are_the_grammar_and_the_star() {
    let mut device = listed(&[(".", "Add=*&Get=*&Replace=s")]);
    let list = |text: &'static str| Content::text("chr", text);
    assert_eq!(fault(device.replace("s", &at("./P?prop=ACL"), &list("Get="))), (14, 500), "a command without a server");
    device.replace("s", &at("./P?prop=ACL"), &list("Get=a+*+b&Replace=s")).unwrap();
    assert_eq!(own_list(&device, "./P"), "Get=*&Replace=s", "the star overrides the names beside it");
    assert!(device.get("anyone", &at("./P/leaf")).is_ok());
}

#[test]
fn a4_the_root_keeps_a_list_with_add_for_everyone() {
    let mut device = listed(&[]);
    assert_eq!(own_list(&device, "."), "", "none of its own: the usual one holds");
    assert!(device.add("s", &at("./New"), &text("x")).is_ok());
    assert_eq!(fault(device.replace("s", &at("./New"), &text("y"))), (10, 425));
    let mut device = listed(&[(".", "Add=*&Get=*&Replace=s")]);
    for list in ["", "Get=*&Replace=s", "Add=s&Get=*&Replace=s"] {
        assert_eq!(fault(device.replace("s", &at(".?prop=ACL"), &text(list))), (8, 405), "{list}");
    }
    device.replace("s", &at(".?prop=ACL"), &text("Add=*&Get=s&Replace=s")).unwrap();
    assert_eq!(fault(device.get("t", &at("./P"))), (10, 425));
}

#[test]
fn a5_get_answers_the_own_list_only() {
    let device = listed(&[("./P", "Get=*")]);
    assert_eq!((own_list(&device, "./P"), own_list(&device, "./P/N")), ("Get=*".to_owned(), String::new()));
}

#[test]
fn a6_the_list_of_a_leaf_is_changed_by_whom_the_parent_gives_replace() {
    let mut device =
        listed(&[("./P", "Get=*&Replace=boss"), ("./P/N", "Replace=s&Get=*"), ("./P/leaf", "Replace=s&Get=*")]);
    device.replace("s", &at("./P/N?prop=ACL"), &text("Replace=s&Get=s")).unwrap();
    assert!(device.replace("s", &at("./P/leaf"), &text("y")).is_ok());
    assert!(device.replace("s", &at("./P/leaf?prop=Title"), &text("y")).is_ok());
    assert_eq!(fault(device.replace("s", &at("./P/leaf?prop=ACL"), &text("Get=s"))), (10, 425));
    for place in ["./P/leaf?prop=ACL", "./P/N?prop=ACL"] {
        device.replace("boss", &at(place), &text("Get=boss")).unwrap();
    }
}

#[test]
fn a7_rights_on_the_parent_give_no_access_to_the_child() {
    let mut device = listed(&[("./P", "Get=s&Replace=s&Delete=s&Add=s"), ("./P/leaf", "Get=other")]);
    assert_eq!(fault(device.get("s", &at("./P/leaf"))), (10, 425));
    assert_eq!(fault(device.replace("s", &at("./P/leaf"), &text("y"))), (10, 425));
    device.replace("s", &at("./P/leaf?prop=ACL"), &text("Get=s&Replace=s")).unwrap();
    assert!(device.replace("s", &at("./P/leaf"), &text("y")).is_ok(), "in two steps");
}

// The compliance suite of OSGi asks for the same: Add, Delete and Replace, neither Get nor Exec.
#[test]
fn a8_who_may_not_replace_the_parent_gets_the_node_that_he_made() {
    let mut device = listed(&[("./P", "Add=*&Get=*&Replace=boss")]);
    device.add("boss", &at("./P/his"), &Content::interior("")).unwrap();
    assert_eq!(own_list(&device, "./P/his"), "", "inherited");
    device.add("s", &at("./P/a/b/leaf"), &text("x")).unwrap();
    let list = |place: &str| device.tree().get(&uri(place)).unwrap().acl.as_ref().map(ToString::to_string);
    assert_eq!(list("./P/a").as_deref(), Some("Add=s&Delete=s&Replace=s"), "also where it was made by itself");
    assert_eq!((list("./P/a/b"), list("./P/a/b/leaf")), (None, None), "there he may replace the parent");
    assert_eq!(fault(device.get("s", &at("./P/a"))), (10, 425));
    device.replace("s", &at("./P/a?prop=ACL"), &text("Add=s&Delete=s&Replace=s&Get=*")).unwrap();
    assert!(device.get("s", &at("./P/a/b/leaf")).is_ok());
    device.delete("s", &at("./P/a")).unwrap();
}

#[test]
fn a9_a_server_that_goes_leaves_every_list() {
    let mut tree = listed(&[(".", "Add=s&Get=s+t"), ("./P", "Get=s&Replace=s+t"), ("./P/N", "Get=s")]).into_tree();
    tree.forget_server("s");
    let list = |place: &str| tree.get(&uri(place)).unwrap().acl.as_ref().map(ToString::to_string);
    assert_eq!(list(".").as_deref(), Some("Add=*&Get=t"), "in the root the command is for everyone");
    assert_eq!(list("./P").as_deref(), Some("Replace=t"));
    assert_eq!(list("./P/N"), None, "an empty list is inherited");
}

#[test]
fn a10_copy_reads_the_source_and_changes_the_target() {
    let lists = [("./P", "Get=s&Add=adder"), ("./P/leaf", "Get=s+adder&Replace=s")];
    let mut device = listed(&lists);
    assert_eq!(fault(device.copy("t", &uri("./P/leaf"), &at("./P/leaf"))), (10, 425));
    assert!(device.copy("s", &uri("./P/leaf"), &at("./P/leaf")).is_ok());
    assert_eq!(fault(device.copy("s", &uri("./P/leaf"), &at("./P/new"))), (10, 425), "to add the target");
    assert!(device.copy("adder", &uri("./P/leaf"), &at("./P/new")).is_ok());
}

#[test]
fn a11_a_list_for_which_there_is_no_room_is_420() {
    let mut device = listed(&[(".", "Add=*&Get=*&Replace=s")]);
    device.abilities_mut().most_octets = 20;
    assert_eq!(fault(device.replace("t", &at("./P?prop=ACL"), &text("Get=*"))), (10, 425));
    assert_eq!(
        fault(device.replace("s", &at("./P?prop=ACL"), &text(&"Get=a&".repeat(10).replace("a&", "abcdef&")))),
        (14, 500)
    );
    let long = format!("Get={}", "a".repeat(30));
    assert_eq!(fault(device.replace("s", &at("./P?prop=ACL"), &text(&long))), (16, 420));
    assert!(device.replace("s", &at("./P?prop=ACL"), &text("Get=*")).is_ok());
}
