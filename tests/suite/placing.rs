//! Objects as devices describe them, the commands that make them, and bootstrap messages.

use impskit::catalogue;
use impskit::codec::Limits;
use impskit::diagnose::Report;
use impskit::dm::{Description, ManagementObject, Tree, Uri};
use impskit::provision::apply::{Applied, Place, apply_document, on_device, to_tree};
use impskit::provision::{Address, Credentials, ImpsAccount, Port, Secret, dm};

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
    let (tree, applied) = to_tree(&[account], &Place::of(&descriptions)).unwrap();
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
    let (tree, _) = to_tree(&[account()], &Place::of(&[&fixed])).unwrap();
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
    let (tree, applied) = to_tree(&[account(), other], &Place::of(&descriptions)).unwrap();
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
