//! Objects as devices describe them, the commands that make them, and bootstrap messages.

use impskit::catalogue;
use impskit::codec::Limits;
use impskit::cp::mac::{Key, NetworkKey, Pin, Security};
use impskit::delivery::Outgoing;
use impskit::delivery::wsp::{Content, Push};
use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Device};
use impskit::dm::syncml::{Message, Operation};
use impskit::dm::{Acl, Command, Description, ManagementObject, Node, Tree, Uri};
use impskit::provision::apply::{Applied, Place, apply_document, on_device, to_tree};
use impskit::provision::changes::{Changes, changes};
use impskit::provision::commands::{Style, Syntax, header, message};
use impskit::provision::compare::{Side, compare};
use impskit::provision::{Address, Credentials, DmAccount, ImpsAccount, Port, Profile, Secret, bootstrap, cp, dm};
use proptest::prelude::*;

use crate::provision::{account as any_account, objects::fit};

fn uri(text: &str) -> Uri {
    Uri::read(text).expect(text)
}

fn description(name: &str) -> Description {
    let bytes = std::fs::read(format!("tests/samples/dm/{name}.ddf.xml")).expect(name);
    Description::read(&bytes, &mut Report::new()).expect(name)
}

fn account() -> ImpsAccount {
    let port = Port { number: "8080".into(), ..Port::default() };
    ImpsAccount {
        provider_id: Some("im.example".into()),
        name: Some("Example".into()),
        services: Some("IM;PR".into()),
        client_id_prefix: Some("ex".into()),
        addresses: vec![Address { address: "http://im.example/".into(), ports: vec![port], ..Address::default() }],
        credentials: vec![Credentials {
            level: Some("APPSRV".into()),
            user: Some("wv:anna".into()),
            password: Some(Secret::new("s3cret")),
            ..Credentials::default()
        }],
        ..ImpsAccount::default()
    }
}

/// Returns the leaves of a tree as `address=value`.
fn leaves(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(&mut |uri, node| lines.extend(node.value.as_ref().map(|value| format!("{uri}={}", value.to_text()))));
    lines
}

fn refused(applied: &Applied) -> Vec<String> {
    applied.refused.iter().map(|refused| format!("{}: {}", refused.uri, refused.why)).collect()
}

/// A fixed place, instances with names, numbers in place of words, a leaf under another name, required leaves.
#[test]
fn a_device_with_one_account_at_a_fixed_place_gets_it_there() {
    let fixed = description("fixed");
    let descriptions = on_device(&[&fixed]);
    assert_eq!(descriptions.len(), 1, "what this device does not describe, it does not have");
    let mut account = account();
    account.addresses[0].kind = Some("IPV4".into());
    let (tree, applied) = to_tree(&[account], &[], &Place::of(&descriptions)).unwrap();
    assert_eq!(
        leaves(&tree),
        [
            "./Settings/Chat/AppID=wA",
            "./Settings/Chat/ProviderID=im.example",
            "./Settings/Chat/Name=Example",
            "./Settings/Chat/AppAddr/Server/Addr=http://im.example/",
            "./Settings/Chat/AppAddr/Server/PortNbr=8080",
            "./Settings/Chat/AppAuth/1/AAuthLevel=APPSRV",
            "./Settings/Chat/AppAuth/1/AAuthName=wv:anna",
            "./Settings/Chat/AppAuth/1/AAuthSecret=s3cret",
            "./Settings/Chat/ClientIDPrefix=ex",
            "./Settings/Chat/AutoLogin=false",
        ]
    );
    assert_eq!(
        refused(&applied),
        [
            "./Settings/Chat/AppAddr/Server/AddrType: the device holds a value of format int here, and this one is none",
            "./Settings/Chat/Services: the device does not have this node",
        ]
    );
    assert_eq!(applied.wanting, [uri("./Settings/Chat/Region")]);
    let formats = ["AppAddr/Server/PortNbr", "AutoLogin"]
        .map(|path| tree.get(&uri(&format!("./Settings/Chat/{path}"))).unwrap().format.as_str());
    assert_eq!(formats, ["int", "bool"], "formats are the device's");
    let mut report = Report::new();
    impskit::dm::check_tree(&tree, &descriptions, &mut report);
    let codes: Vec<_> = report.diagnostics().iter().map(|d| (d.rule.code, d.path.as_str())).collect();
    assert_eq!(codes, [("TRE011", "./Settings/Chat")], "only what is wanting: {:?}", report.diagnostics());
}

/// What was written as a device wants it is read as the account that it was.
#[test]
fn an_account_in_another_layout_is_read_again() {
    let fixed = description("fixed");
    let (tree, _) = to_tree(&[account()], &[], &Place::of(&[&fixed])).unwrap();
    let read = dm::read(&tree);
    let expected = ImpsAccount { services: None, ..account() };
    assert_eq!(read.accounts, [expected]);
    assert_eq!(read.not_carried, ["./Settings/Chat/AutoLogin"], "the device's own leaf has no place in an account");
}

#[test]
fn a_second_account_has_no_place_on_a_device_for_one() {
    let fixed = description("fixed");
    let descriptions = [&fixed];
    let other = ImpsAccount { provider_id: Some("other.example".into()), ..account() };
    let (tree, applied) = to_tree(&[account(), other], &[], &Place::of(&descriptions)).unwrap();
    assert_eq!(ManagementObject::imps().instances(&tree), [uri("./Settings/Chat")]);
    let why = "./Settings/Chat: the device has one place for it, which is taken".to_owned();
    assert!(refused(&applied).contains(&why), "{:?}", applied.refused);
    assert_eq!(dm::read(&tree).accounts[0].provider_id.as_deref(), Some("im.example"), "the first one stays");
}

/// A device that keeps an empty object ready has it filled.
#[test]
fn a_place_that_is_ready_is_filled() {
    let fixed = description("fixed");
    let mut tree = Tree::new();
    tree.ensure(&uri("./Settings/Chat/AppAddr/Server")).unwrap();
    let document = std::fs::read("tests/samples/cp/v1-min.xml").unwrap();
    let document = catalogue::read(&document, &Limits::default(), &mut Report::new()).unwrap();
    let applied = apply_document(&document.root, &mut tree, &Place::of(&[&fixed])).unwrap();
    assert_eq!(applied.replaced, [uri("./Settings/Chat")]);
    assert_eq!(tree.get(&uri("./Settings/Chat/Name")).and_then(|n| n.value_text()), Some("Example IM"));
}

/// The description of a single object stands in for the reference of that object, without a change of code.
#[test]
fn the_description_of_an_object_takes_the_place_of_the_reference() {
    let object = description("object");
    let descriptions = on_device(&[&object]);
    assert!(descriptions.len() > 1, "access points are still those of the reference");
    let document = std::fs::read("tests/samples/cp/v2-full.xml").unwrap();
    let document = catalogue::read(&document, &Limits::default(), &mut Report::new()).unwrap();
    let mut tree = Tree::new();
    let applied = apply_document(&document.root, &mut tree, &Place::of(&descriptions)).unwrap();
    assert_eq!(refused(&applied), ["./IMPS/1/AppAuth/1/AAuthType: the device does not have this node"]);
    let text = |path: &str| tree.get(&uri(path)).and_then(|node| node.value_text()).map(str::to_owned);
    assert_eq!(text("./IMPS/1/ConRefs/1/ConRef").as_deref(), Some("./ConnMO/Proxy/1"), "its spelling of references");
    assert_eq!(text("./ConnMO/NAP/1/ID").as_deref(), Some("nap1"));
    assert_eq!(text("./IMPS/1/ToConRef/1/ConRef"), None);
    assert_eq!(dm::read(&tree).accounts[0].to_proxies.len(), 1);
}

/// Returns a device that lets every server do everything and makes nothing of its own accord.
fn obedient(mut tree: Tree) -> Device<'static> {
    tree.root_mut().acl = Acl::read("Add=*&Delete=*&Get=*&Replace=*").unwrap();
    Device::new(tree, &[], Abilities { makes_parents: false, ..Abilities::default() })
}

/// Returns the tree that a message makes of one, if the device takes all of it.
fn made(tree: &Tree, message: &Message) -> Option<Tree> {
    let mut device = obedient(tree.clone());
    let done = device.carry_out("s", &message.commands);
    done.iter().all(|done| done.is_good()).then(|| device.into_tree())
}

/// Returns whether two nodes say the same, whatever the order of their children.
fn is_like(one: &Node, other: &Node) -> bool {
    (one.format, &one.type_name, &one.value, &one.acl) == (other.format, &other.type_name, &other.value, &other.acl)
        && one.children().count() == other.children().count()
        && one.children().all(|child| other.child(child.name()).is_some_and(|other| is_like(child, other)))
}

/// Returns the tree as a server reads it from a device that names instances in its own way.
fn as_read(tree: &Tree) -> Tree {
    fn below(node: &Node, depth: usize) -> Node {
        let is_secret = node.name().contains("Secret") || node.name() == "AAuthData";
        let mut read = match node.is_interior() {
            true => Node::instance(node.name(), node.type_name.clone()),
            false => Node::leaf(node.name(), node.format, node.value.clone().filter(|_| !is_secret)),
        };
        for child in node.children() {
            let is_number = child.name().bytes().all(|b| b.is_ascii_digit());
            let child = if child.name() == "Ext" { child.clone() } else { below(child, depth + 1) };
            let name = format!("device-{}", child.name());
            read = read.with(if is_number && depth > 2 { child.named(name) } else { child });
        }
        read
    }
    let mut read = Tree::new();
    *read.root_mut() = below(tree.root(), 0);
    read
}

fn needed(from: Option<&Tree>, account: &ImpsAccount) -> Changes {
    changes(from, std::slice::from_ref(account), &[], &Place::of(Description::bundled())).unwrap()
}

fn commands(changes: &Changes, style: Style, syntax: Syntax) -> Message {
    message(header("https://dm.example", "IMEI:493005100592800"), changes, style, syntax).unwrap()
}

fn inside(message: &Message) -> usize {
    message.commands.first().map_or(0, |atomic| atomic.operation.commands().len())
}

/// Returns the message without one of the commands in its Atomic.
fn without(message: &Message, place: usize) -> Message {
    let mut message = message.clone();
    let Operation::Atomic(commands) = &mut message.commands[0].operation else { panic!("{message:?}") };
    commands.remove(place);
    if commands.is_empty() {
        message.commands.clear();
    }
    message
}

/// Returns an account that an object can say, with one set of credentials a level, as the rules want it (MO010).
fn one_a_level(account: ImpsAccount) -> ImpsAccount {
    let mut account = fit(account);
    let levels = ["APPSRV", "CLIENT"];
    account.credentials.truncate(levels.len());
    for (credentials, level) in account.credentials.iter_mut().zip(levels) {
        credentials.level = Some(level.to_owned());
    }
    // What names an access point that the account does not bring may be another one on the device, or gone with it.
    let known: Vec<String> = account.access_points.iter().map(|point| point.id.clone()).collect();
    for physical in account.proxies.iter_mut().flat_map(|proxy| &mut proxy.physical) {
        physical.to_access_points.retain(|id| known.contains(id));
    }
    account
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Commands made for a device give it the account, in both syntaxes and both styles, and none of them is too many.
    #[test]
    fn commands_bring_an_account_up_to_date(
        (old, new) in (any_account().prop_map(one_a_level), any_account().prop_map(one_a_level)), is_same in any::<bool>()
    ) {
        let new = ImpsAccount { provider_id: old.provider_id.clone(), ..if is_same { old.clone() } else { new } };
        let (tree, _) = to_tree(&[old], &[], &Place::of(Description::bundled())).unwrap();
        let read = as_read(&tree);
        let needed = needed(Some(&read), &new);
        let message = commands(&needed, Style::Commands, Syntax::Wbxml);
        let again = Message::read(&message.to_wbxml().unwrap(), &mut Report::new()).unwrap();
        prop_assert_eq!(&again, &message);
        let xml = commands(&needed, Style::Commands, Syntax::Xml);
        prop_assert_eq!(&Message::read(&xml.to_xml(true), &mut Report::new()).unwrap(), &message);
        if is_same {
            prop_assert_eq!(inside(&message), needed.unseen.len(), "only the secrets: {:?}", needed.changes);
        }

        let all = made(&read, &message).expect("all commands are taken");
        let accounts = dm::read(&all).accounts;
        let side = |accounts| Side { accounts, slots: &[], is_tree: false };
        let compared = compare(side(std::slice::from_ref(&new)), side(&accounts));
        prop_assert_eq!(compared.differences, &[]);
        for place in 0..inside(&message).min(12) {
            let less = made(&read, &without(&message, place));
            prop_assert!(less.is_none_or(|tree| !is_like(tree.root(), all.root())), "{} of {:?}", place, message);
        }
        for syntax in [Syntax::Xml, Syntax::Wbxml] {
            let trees = commands(&needed, Style::Trees, syntax);
            let octets = if syntax == Syntax::Xml { trees.to_xml(true) } else { trees.to_wbxml().unwrap() };
            let trees = Message::read(&octets, &mut Report::new()).unwrap();
            let whole = made(&read, &trees);
            prop_assert!(whole.is_some_and(|tree| is_like(tree.root(), all.root())), "as trees: {:?}", trees);
        }
    }
}

/// The profile with a DM server, filled for one handset.
fn managed() -> (ImpsAccount, DmAccount) {
    let text = std::fs::read_to_string("tests/samples/provision/managed.toml").unwrap();
    let mut report = Report::new();
    let profile = Profile::read(&text, &mut |_| Err("none".into()), &mut report).unwrap();
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    let values: Vec<String> = profile.slots.names().iter().map(|name| format!("the-{name}")).collect();
    (profile.filled(&values), profile.filled_manager(&values).unwrap().0)
}

/// The mapping of `w7` to a DM account, row by row, and the rights of its server on all that comes with it
/// (DM facts, 4.3; IMPS MO, 3, rule 2).
#[test]
fn a_document_with_w7_makes_a_dm_account_and_rights_for_its_server() {
    let (account, manager) = managed();
    let (accounts, managers) = ([account], [manager]);
    let document = cp::write_all(&accounts, &managers);
    let mut tree = Tree::new();
    let applied = apply_document(&document, &mut tree, &Place::of(Description::bundled())).unwrap();
    assert!(applied.refused.is_empty() && applied.not_carried.is_empty(), "{applied:?}");
    for (path, expected) in [
        ("AppID", "w7"),
        ("ServerID", "dm.acme.example"),
        ("Name", "Acme management"),
        ("PrefConRef", "./ConnMO/NAP/1"),
        ("AppAddr/1/Addr", "https://dm.acme.example/"),
        ("AppAddr/1/AddrType", "URI"),
        ("AppAddr/1/Port/1/PortNbr", "443"),
        ("AppAuth/1/AAuthLevel", "CLCRED"),
        ("AppAuth/1/AAuthType", "DIGEST"),
        ("AppAuth/1/AAuthName", "the-imei"),
        ("AppAuth/1/AAuthSecret", "the-x_dm_client"),
        ("AppAuth/2/AAuthLevel", "SRVCRED"),
    ] {
        let leaf = tree.get(&uri(&format!("./DMAcc/1/{path}"))).and_then(|node| node.value_text());
        assert_eq!(leaf, Some(expected), "{path}");
    }
    for at in &applied.written {
        let acl = tree.acl(at);
        for command in [Command::Get, Command::Replace, Command::Delete] {
            assert!(acl.allows(command, "dm.acme.example") && !acl.allows(command, "other"), "{at}: {acl}");
        }
    }
    let mut report = Report::new();
    impskit::dm::check_tree(&tree, Description::bundled(), &mut report);
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    let read = dm::read(&tree);
    assert!(read.not_carried.is_empty(), "{:?}", read.not_carried);
    assert!(cp::write_all(&read.accounts, &read.managers).same_as(&document), "and back");
    let text = impskit::provision::profile::write_with(&read.accounts[0], read.managers.first());
    let again = Profile::read(&text, &mut |_| Err("none".into()), &mut report).unwrap();
    let expected = DmAccount { auth_preference: None, ..managers[0].clone() };
    assert_eq!((&again.account, again.manager), (&accounts[0], Some(expected)), "a document cannot say AAUTHPREF");
}

/// Without an account of a DM server nobody is granted anything.
#[test]
fn a_document_without_w7_grants_nothing() {
    let (account, _) = managed();
    let (tree, _) = to_tree(&[account], &[], &Place::of(Description::bundled())).unwrap();
    tree.walk(&mut |uri, node| assert_eq!(node.acl, None, "{uri}"));
}

/// The message of the DM profile, taken by a device with an inbox: every object in its place, references too.
#[test]
fn a_bootstrap_message_puts_every_object_in_its_place() {
    let (account, manager) = managed();
    let (message, lost) = bootstrap::message(&manager, std::slice::from_ref(&account), "IMEI:1", "acme").unwrap();
    assert_eq!(lost, Vec::<String>::new());
    let octets = message.to_wbxml().unwrap();
    assert_eq!(octets[..5], [0x02, 0xA4, 0x01, 0x6A, 0x00], "always WBXML, with the number of SyncML 1.2");
    let message = Message::read(&octets, &mut Report::new()).unwrap();
    assert!(message.is_final);
    let mut device = Device::new(Tree::new(), Description::bundled(), Abilities::default());
    let done = device.carry_out("dm.acme.example", &message.commands);
    assert!(done.iter().all(|done| done.code == 200), "{done:?}");
    let tree = device.into_tree();
    let text = |path: &str| tree.get(&uri(path)).and_then(|node| node.value_text()).map(str::to_owned);
    assert_eq!(text("./DMAcc/dm.acme.example/AAuthPref").as_deref(), Some("DIGEST"));
    assert_eq!(text("./DMAcc/dm.acme.example/PrefConRef").as_deref(), Some("./ConnMO/NAP/acme-gprs"));
    assert_eq!(text("./IMPS/acme/PrefConRef").as_deref(), Some("./ConnMO/NAP/acme-gprs"), "no longer the inbox");
    assert!(tree.acl(&uri("./IMPS/acme/Name")).allows(Command::Replace, "dm.acme.example"));
    let read = dm::read(&tree);
    assert_eq!((&read.accounts[..], &read.managers[..]), (&[account][..], &[manager][..]));
}

/// What goes before a DM message in a push: its content type 42, SEC, MAC and the application 7 (DM facts, 4.1).
#[test]
fn a_bootstrap_message_is_sealed_for_dm_clients() {
    let document = [0x02, 0x00, 0x00, 0x6A];
    let pin = Pin::read("1234").unwrap();
    let key = Key::of_dm(Security::UserPin, Some(&pin), None, NetworkKey::default()).unwrap();
    let mut outgoing = Outgoing::new();
    outgoing.seal_as(Content::Management, 1, &document, Some((Security::UserPin, &key)));
    let mac = "553F2835DD33FEFFF815699FC3B72ABB24D417B6";
    let head = [&[0x01, 0x06, 0x31, 0x1F, 0x2D, 0xC2, 0x91, 0x81, 0x92][..], mac.as_bytes(), &[0, 0xAF, 0x87]].concat();
    assert_eq!(outgoing.push(), [&head[..], &document].concat());
    let mut report = Report::new();
    let push = Push::read(outgoing.push(), &mut report).unwrap();
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    assert!(push.media.is_management() && push.application.as_deref() == Some("7"));
    assert_eq!((push.security(), push.body), (Some(Security::UserPin), &document[..]));
    outgoing.seal_as(Content::Management, 1, &document, None);
    assert_eq!(outgoing.push(), [1, 6, 3, 0xC2, 0xAF, 0x87, 2, 0, 0, 0x6A]);
    // The text of the standard writes the method as a word.
    let words = [&[0x01, 0x06, 0x10, 0x0F, 0xC2][..], b"SEC\0NETWORKID\0", &document].concat();
    let words = [&[0x01, 0x06, 0x10, 0x0F][..], &words[4..]].concat();
    assert_eq!(Push::read(&words, &mut report).unwrap().security(), Some(Security::NetwPin));
}
