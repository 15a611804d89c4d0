//! What a provisioning document says of accounts beyond their own block (Provisioning Content 1.1, uniqueness, access), and
//! every row of the mapping between profile, document and management object, both ways.

use impskit::provision::{ImpsAccount, cp};

use super::clauses::xml;

const WA: &str = "APPLICATION[APPID=wA PROVIDER-ID=a ADDR=http://a.example/]";
const NAPS: &str = "NAPDEF[NAPID=g NAME=G NAP-ADDRESS=a] NAPDEF[NAPID=h NAME=H NAP-ADDRESS=b INTERNET]";

fn read(short: &str) -> cp::Reading {
    let xml = xml(short);
    let mut report = impskit::diagnose::Report::new();
    let document = impskit::catalogue::read(xml.as_bytes(), &Default::default(), &mut report).expect("a document");
    cp::read(&document.root)
}

fn account(reading: &cp::Reading) -> &ImpsAccount {
    let [account] = &reading.accounts[..] else { panic!("{reading:?}") };
    account
}

/// Section 5: two PXLOGICAL of one PROXY-ID become one. The expected document is written out by hand.
#[test]
fn proxies_of_one_id_are_merged_into_the_first() {
    let first = "PXLOGICAL[PROXY-ID=p NAME=P DOMAIN=a TRUST PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=i] PORT[PORTNBR=80 SERVICE=HTTP] \
                 PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.1 TO-NAPID=g PORT[PORTNBR=1]]]";
    let second = "PXLOGICAL[PROXY-ID=p NAME=Q DOMAIN=a DOMAIN=b WSP-VERSION=1.2 PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-PW=w] \
                  PXAUTHINFO[PXAUTH-TYPE=WTLS-SS] PORT[PORTNBR=80 SERVICE=CO-WSP] PORT[PORTNBR=81] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.9 PXADDRTYPE=IPV4 TO-NAPID=g TO-NAPID=h PORT[PORTNBR=2]] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=2 PXADDR=192.0.2.2 TO-NAPID=h]]";
    let reading = read(&format!("{NAPS} {first} {second} {WA}"));
    let merged = "PXLOGICAL[PROXY-ID=p NAME=P DOMAIN=a TRUST DOMAIN=b WSP-VERSION=1.2 PORT[PORTNBR=80 SERVICE=HTTP SERVICE=CO-WSP] PORT[PORTNBR=81] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.1 PXADDRTYPE=IPV4 TO-NAPID=g TO-NAPID=h PORT[PORTNBR=1] PORT[PORTNBR=2]] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=2 PXADDR=192.0.2.2 TO-NAPID=h] \
                  PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=i PXAUTH-PW=w] PXAUTHINFO[PXAUTH-TYPE=WTLS-SS]]";
    let expected = read(&format!("{NAPS} {merged} {WA}"));
    assert_eq!(account(&reading).proxies, account(&expected).proxies);
    assert_eq!(
        reading.not_carried,
        ["PXLOGICAL[p]/NAME Q: the first counts", "PXLOGICAL[p]/PXPHYSICAL[1]/PXADDR 192.0.2.9: the first counts"]
    );
    // The same inside of one proxy.
    let reading = read(&format!(
        "{NAPS} PXLOGICAL[PROXY-ID=p NAME=P PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=g] \
         PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=h]] {WA}"
    ));
    let [physical] = &account(&reading).proxies[0].physical[..] else { panic!("{reading:?}") };
    assert_eq!(physical.to_access_points, ["g", "h"]);
    assert_eq!(reading.not_carried, [""; 0]);
}

/// Section 5: of two access points or accounts of one key the first counts.
#[test]
fn others_of_one_key_are_dropped() {
    let reading =
        read(&format!("{NAPS} NAPDEF[NAPID=g NAME=X NAP-ADDRESS=x] {WA} APPLICATION[APPID=wA PROVIDER-ID=a NAME=X]"));
    assert_eq!(account(&reading).access_points[0].name.as_deref(), Some("G"));
    assert_eq!(account(&reading).name, None);
    assert_eq!(reading.not_carried, ["NAPDEF: the id `g` is in use", "APPLICATION: the id `a` is in use"]);
}

/// Section 6: an application that names nothing uses what a rule of access says, or everything.
#[test]
fn rules_of_access_decide_for_accounts_that_name_nothing() {
    let two = format!("{WA} {}", WA.replace("=a ", "=b "));
    let px = "PXLOGICAL[PROXY-ID=p NAME=P PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=g]]";
    for (what, rules, to_points, to_proxies, points) in [
        ("no rule: everything, in document order", "", &[][..], &[][..], &["g", "h"][..]),
        ("a rule for all", "ACCESS[RULE=r TO-NAPID=h]", &["h"], &[], &["h"]),
        ("a rule for wA", "ACCESS[RULE=r APPID=w2 APPID=wA TO-NAPID=g]", &["g"], &[], &["g"]),
        ("a rule for another", "ACCESS[RULE=r APPID=w2 TO-NAPID=h]", &[], &[], &["g", "h"]),
        ("the first rule decides", "ACCESS[RULE=r APPID=wA TO-NAPID=g] ACCESS[RULE=s TO-NAPID=h]", &["g"], &[], &["g"]),
        ("a proxy brings its access points", "ACCESS[RULE=r TO-PROXY=p]", &[], &["p"], &["g"]),
        ("INTERNET means those with the flag", "ACCESS[RULE=r TO-NAPID=INTERNET]", &["INTERNET"], &[], &["h"]),
        ("a rule out of order is dropped", "ACCESS[APPID=wA RULE=r TO-NAPID=h]", &[], &[], &["g", "h"]),
        ("a rule without target is dropped", "ACCESS[RULE=r APPID=wA]", &[], &[], &["g", "h"]),
    ] {
        let reading = read(&format!("{NAPS} {px} {rules} {two}"));
        assert_eq!(reading.accounts.len(), 2);
        for account in &reading.accounts {
            assert_eq!(account.to_access_points, to_points, "{what}");
            assert_eq!(account.to_proxies, to_proxies, "{what}");
            let ids: Vec<_> = account.access_points.iter().map(|point| point.id.as_str()).collect();
            assert_eq!(ids, points, "{what}");
        }
        assert_eq!(
            reading.not_carried.iter().filter(|line| line.starts_with("ACCESS")).count(),
            rules.matches("ACCESS").count(),
            "{what}"
        );
    }
    // An account that names something has decided itself.
    let reading = read(&format!("{NAPS} ACCESS[RULE=r TO-NAPID=h] APPLICATION[APPID=wA TO-NAPID=g ADDR=a]"));
    assert_eq!(account(&reading).to_access_points, ["g"]);
    assert_eq!(reading.not_carried, ["ACCESS[r]: no account needs it"]);
}

mod objects {
    use impskit::diagnose::Report;
    use impskit::dm::{Description, Node, Tree, Uri};
    use impskit::document::Element;
    use impskit::provision::DmAccount;
    use impskit::provision::apply::{self, Place};
    use impskit::provision::dm;
    use proptest::prelude::*;

    use super::*;
    use crate::provision::account as any_account;
    use crate::provision::objects::fit;

    fn uri(text: &str) -> Uri {
        Uri::read(text).expect(text)
    }

    fn to_tree(account: &ImpsAccount) -> (Tree, Vec<String>) {
        let parent = uri("./IMPS");
        let place = Place { parent: Some(&parent), instance: Some("x"), ..Place::of(Description::bundled()) };
        let (tree, applied) = apply::to_tree(std::slice::from_ref(account), &[], &place).expect("a tree");
        (tree, applied.not_carried)
    }

    /// What means the same in a tree and in a document.
    fn in_meaning(mut account: ImpsAccount) -> ImpsAccount {
        for credentials in &mut account.credentials {
            credentials.level.get_or_insert_with(|| "APPSRV".to_owned());
        }
        account
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Account, document, account, object, account, document: nothing changes on the way round.
        #[test]
        fn an_account_survives_the_whole_round(account in any_account().prop_map(fit)) {
            let first = cp::read(&cp::write(&account));
            prop_assert!(first.not_carried.is_empty());
            let (tree, lost) = to_tree(&first.accounts[0]);
            prop_assert!(lost.is_empty(), "{:?}", lost);
            let second = dm::read(&tree);
            prop_assert!(second.not_carried.is_empty(), "{:?}", second.not_carried);
            prop_assert!(cp::write(&second.accounts[0]).same_as(&cp::write(&account)));
        }

        /// Of any account, whatever the object cannot hold is listed: where nothing is, nothing is lost.
        #[test]
        fn nothing_is_lost_in_silence(account in any_account()) {
            let (tree, lost) = to_tree(&account);
            let reading = dm::read(&tree);
            if lost.is_empty() && reading.not_carried.is_empty() {
                prop_assert_eq!(&reading.accounts, &[in_meaning(account)]);
            }
        }
    }

    /// Each row of the mapping (profile, 6.1; IMPS MO, section 3): what the application says, and the nodes that say it.
    const ROWS: &[(&str, &[(&str, &str)])] = &[
        ("", &[("AppID", "wA")]),
        ("PROVIDER-ID=v", &[("ProviderID", "v")]),
        ("NAME=v", &[("Name", "v")]),
        ("AACCEPT=a/b;1.3,c/d", &[("AAccept", "a/b;1.3,c/d")]),
        ("APROTOCOL=v", &[("AProtocol", "v")]),
        ("TO-PROXY=p", &[("PrefConRef", "./ConnMO/Proxy/1")]),
        ("TO-NAPID=g", &[("PrefConRef", "./ConnMO/NAP/1")]),
        ("TO-NAPID=INTERNET", &[("PrefConRef", "INTERNET")]),
        (
            "TO-PROXY=p TO-NAPID=g",
            &[("ToConRef/1/ConRef", "./ConnMO/Proxy/1"), ("ToConRef/2/ConRef", "./ConnMO/NAP/1")],
        ),
        ("SERVICES=IM;PR", &[("Services", "IM;PR")]),
        ("CIDPREFIX=v", &[("CIDPrefix", "v")]),
        ("ADDR=http://a/", &[("PrefAddr", "http://a/")]),
        ("APPADDR[ADDR=http://a/]", &[("AppAddr/1/Addr", "http://a/")]),
        ("APPADDR[ADDR=192.0.2.1 ADDRTYPE=IPV4]", &[("AppAddr/1/AddrType", "IPv4")]),
        ("APPADDR[ADDR=2001:db8::1 ADDRTYPE=IPV6]", &[("AppAddr/1/AddrType", "IPv6")]),
        ("APPADDR[ADDR=+4670 ADDRTYPE=E164]", &[("AppAddr/1/AddrType", "E164")]),
        ("APPADDR[ADDR=a PORT[PORTNBR=80] PORT[PORTNBR=81]]", &[("AppAddr/1/Port/2/PortNbr", "81")]),
        ("APPADDR[ADDR=a] APPADDR[ADDR=b]", &[("AppAddr/1/Addr", "a"), ("AppAddr/2/Addr", "b")]),
        (
            "APPAUTH[AAUTHLEVEL=APPSRV AAUTHTYPE=DIGEST AAUTHNAME=n AAUTHSECRET=s AAUTHDATA=d] APPAUTH[AAUTHLEVEL=CLIENT]",
            &[
                ("AppAuth/1/AAuthLevel", "APPSRV"),
                ("AppAuth/1/AAuthType", "DIGEST"),
                ("AppAuth/1/AAuthName", "n"),
                ("AppAuth/1/AAuthSecret", "s"),
                ("AppAuth/2/AAuthLevel", "CLIENT"),
            ],
        ),
        ("X-OWN=1", &[("Ext/X-OWN", "1")]),
        ("VENDOR[X=1 Y=2]", &[("Ext/VENDOR/X", "1"), ("Ext/VENDOR/Y", "2")]),
        ("RESOURCE[URI=u]", &[("Ext/RESOURCE/URI", "u")]),
    ];

    fn of_row(row: &str) -> Element<'static> {
        let gives = |word: &str| row.contains(word) || word.ends_with("=g") && row.contains("TO-PROXY=p");
        let nap = if gives("TO-NAPID=g") { "{NAP}" } else { "" };
        let px = if gives("TO-PROXY=p") { "{PX}" } else { "" };
        let xml = xml(&format!("@1.0 {nap} {px} APPLICATION[APPID=wA {row}]"));
        let read = impskit::catalogue::read(xml.as_bytes(), &Default::default(), &mut Report::new());
        read.expect("a document").root.into_owned()
    }

    #[test]
    fn each_row_of_the_mapping_goes_both_ways() {
        for (row, nodes) in ROWS {
            let document = of_row(row);
            let (tree, lost) = to_tree(&cp::read(&document).accounts[0]);
            assert!(lost.is_empty(), "{row}: {lost:?}");
            for (path, value) in *nodes {
                let node = tree.get(&uri(&format!("./IMPS/x/{path}"))).and_then(|node| node.value_text());
                assert_eq!(node, Some(*value), "{row}: {path}");
            }
            let back = dm::read(&tree);
            assert!(back.not_carried.is_empty(), "{row}: {:?}", back.not_carried);
            assert!(cp::write(&back.accounts[0]).same_as(&document), "{row}: {:#?}", cp::write(&back.accounts[0]));
        }
    }

    #[test]
    fn what_an_object_has_no_node_for_is_listed() {
        for (row, line) in [
            ("APPADDR[ADDR=a PORT[PORTNBR=80 SERVICE=HTTP]]", "APPLICATION/APPADDR/PORT/SERVICE HTTP"),
            ("APPADDR[ADDR=a PORT[PORTNBR=80 X=1]]", "APPLICATION/APPADDR/PORT/X"),
            ("APPADDR[ADDR=a X=1]", "APPLICATION/APPADDR/X"),
            ("APPAUTH[AAUTHLEVEL=APPSRV X=1]", "APPLICATION/APPAUTH/X"),
            ("ADDR=a ADDR=b", "APPLICATION/ADDR b: becomes an APPADDR"),
            ("A/B=1", "APPLICATION/A/B: cannot name a node"),
            ("TO-PROXY=q", "APPLICATION/TO-PROXY q: there is no such proxy"),
        ] {
            assert_eq!(to_tree(&cp::read(&of_row(row)).accounts[0]).1, [line], "{row}");
        }
    }

    fn tree_of(leaves: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::new();
        tree.ensure(&uri("./IMPS")).unwrap();
        tree.add(&uri("./IMPS"), Node::instance("x", "urn:oma:mo:oma-imps:1.0")).unwrap();
        for (path, value) in leaves.iter().chain(&[("AppID", "wA")]) {
            let at = uri(&format!("./IMPS/x/{path}"));
            tree.ensure(&at.parent().unwrap()).unwrap();
            tree.add(&at.parent().unwrap(), Node::text(at.name(), *value)).unwrap();
        }
        tree
    }

    /// The other spellings that a reader must accept (IMPS MO, "Open alternatives").
    #[test]
    fn other_spellings_are_read_and_never_written() {
        for (leaves, row) in [
            (&[("ConRefs/a/ConRef", "INTERNET")][..], "TO-NAPID=INTERNET"),
            (&[("ToConRef", "INTERNET")], "TO-NAPID=INTERNET"),
            (&[("ClientIDPrefix", "v")], "CIDPREFIX=v"),
            (&[("CidPrefix", "v")], "CIDPREFIX=v"),
            (&[("ClientPrefix", "v")], "CIDPREFIX=v"),
            (&[("Service", "IM")], "SERVICES=IM"),
            (&[("ServiceList", "IM")], "SERVICES=IM"),
            (&[("Addr", "http://a/")], "APPADDR[ADDR=http://a/]"),
            (&[("Address", "http://a/")], "APPADDR[ADDR=http://a/]"),
            (&[("SAP/Addr", "http://a/")], "APPADDR[ADDR=http://a/]"),
            (&[("AuthInfo/AuthName", "n"), ("AuthInfo/AuthSecret", "s")], "APPAUTH[AAUTHNAME=n AAUTHSECRET=s]"),
            (&[("AAuthName", "n"), ("AAuthSecret", "s")], "APPAUTH[AAUTHNAME=n AAUTHSECRET=s]"),
        ] {
            let reading = dm::read(&tree_of(leaves));
            assert!(reading.not_carried.is_empty(), "{leaves:?}: {:?}", reading.not_carried);
            assert_eq!(reading.accounts, cp::read(&of_row(row)).accounts, "{leaves:?}");
            let (tree, _) = to_tree(&reading.accounts[0]);
            let again = tree.get(&uri(&format!("./IMPS/x/{}", leaves[0].0)));
            assert!(again.is_none_or(|node| node.is_interior()), "{leaves:?} is written");
        }
    }

    /// What a document has no parm for is listed: nodes that are not in the table, octets, what DM servers prefer.
    #[test]
    fn what_a_document_has_no_parm_for_is_listed() {
        let reading = dm::read(&tree_of(&[("Unheard", "1"), ("AppAddr/1/Addr", "a"), ("AppAddr/1/Unheard", "1")]));
        assert_eq!(reading.not_carried, ["./IMPS/x/Unheard", "./IMPS/x/AppAddr/1/Unheard"]);
        let manager = DmAccount {
            server_id: Some("dm.a.example".into()),
            auth_preference: Some("DIGEST".into()),
            ..DmAccount::default()
        };
        assert_eq!(cp::not_carried(&[manager]), ["DMAcc[dm.a.example]/AAuthPref DIGEST: `w7` has no parm for it"]);
    }
}
