//! Provisioning: profiles, accounts and what they are said as.

use impskit::catalogue;
use impskit::codec::Limits;
use impskit::diagnose::{Report, Rule};
use impskit::document::Element;
use impskit::provision::profile::{SecretSource, write as write_profile};
use impskit::provision::{
    self, AccessPoint, Address, AddressForm, Characteristic, Credentials, ImpsAccount, Parm, PhysicalProxy, Port,
    Profile, Proxy, Rest, Secret, cp,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn no_secrets(_: &SecretSource) -> Result<String, String> {
    Ok("fetched".to_owned())
}

fn read_profile(text: &str) -> (Option<Profile>, Report) {
    let mut report = Report::new();
    let profile = Profile::read(text, &mut no_secrets, &mut report);
    (profile, report)
}

fn clean_profile(text: &str) -> Profile {
    let (profile, report) = read_profile(text);
    assert!(!report.has_errors(), "{:?}\n{text}", report.diagnostics());
    profile.expect("a profile")
}

fn read_cp(bytes: &[u8]) -> (Element<'_>, cp::Reading) {
    let mut report = Report::new();
    let document = catalogue::read(bytes, &Limits::default(), &mut report).expect("a document");
    let reading = cp::read(&document.root);
    (document.root, reading)
}

/// Vectors written by hand: as accounts they lose nothing but the BOOTSTRAP of v3.
#[test]
fn the_vectors_survive_as_accounts() {
    for (name, lost) in [("v1-min", None), ("v2-full", None), ("v3-utf8", Some("BOOTSTRAP[Käyttäjä]"))] {
        let xml = std::fs::read(format!("tests/samples/cp/{name}.xml")).unwrap();
        let (mut root, reading) = read_cp(&xml);
        assert_eq!(reading.not_carried, lost.into_iter().collect::<Vec<_>>(), "{name}");
        root.children.retain(|c| c.attribute("type") != Some("BOOTSTRAP"));
        assert!(cp::write(&reading.accounts[0]).same_as(&root), "{name}");
        let profile = clean_profile(&write_profile(&reading.accounts[0]));
        assert_eq!(profile.account, reading.accounts[0], "{name} as a profile");
    }
}

/// A maker's file for a prepaid account: empty values, two kinds of credentials, a vendor's own settings.
#[test]
fn a_makers_document_survives_as_a_profile() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let path = std::path::Path::new(&corpus).join("prov/moto-IM.prov.xml");
    let xml = std::fs::read(path).unwrap();
    let (_, reading) = read_cp(&xml);
    assert!(reading.not_carried.is_empty(), "{:?}", reading.not_carried);
    let account = &reading.accounts[0];
    assert_eq!(account.credentials.len(), 2);
    assert_eq!(account.credentials[0].user.as_deref(), Some(""), "empty is not absent");
    assert_eq!(account.vendor[0].rest.parms.len(), 15);
    assert_eq!(account.addresses[0].ports[0].number, "0");
    let profile = clean_profile(&write_profile(account));
    assert_eq!(&profile.account, account);
    assert_eq!(&cp::read(&cp::write(&profile.account)).accounts[0], account);
}

#[test]
fn every_rule_of_profiles_fires_on_its_bad_example_alone() {
    // What a profile says against a device is played where trees are (`rules`).
    for rule in provision::RULES.iter().filter(|rule| rule.code.starts_with("PRF")) {
        let (_, report) = read_profile(rule.bad);
        assert!(report.cites(rule.code), "{} is silent on its bad example: {:?}", rule.code, report.diagnostics());
        let others: Vec<&Rule> = report.diagnostics().iter().map(|d| d.rule).filter(|r| r != rule).collect();
        assert!(others.is_empty(), "{}: {others:?}", rule.code);
        let (_, report) = read_profile(rule.good);
        assert!(report.diagnostics().is_empty(), "{}: {:?}", rule.code, report.diagnostics());
    }
}

#[test]
fn shipped_templates_are_clean() {
    for name in ["acme", "makers-table"] {
        let text = std::fs::read_to_string(format!("templates/{name}.toml")).unwrap();
        let (_, report) = read_profile(&text);
        assert!(report.diagnostics().is_empty(), "{name}: {:?}", report.diagnostics());
    }
}

/// What each key of a profile becomes in a provisioning document, key by key, from a table made by hand.
#[test]
fn each_key_of_a_profile_becomes_what_the_table_says() {
    let text = std::fs::read_to_string("templates/acme.toml").unwrap();
    let mut account = clean_profile(&text).account;
    account.texts(&mut |text| *text = provision::expand(text, |_| "anna").into_owned());
    let parm = |name: &str, value: &str| {
        Element::new("parm").with_attribute("name", name.to_owned()).with_attribute("value", value.to_owned())
    };
    let characteristic = |kind: &'static str| Element::new("characteristic").with_attribute("type", kind);
    let types = "application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml,application/vnd.wv.csp.wbxml,application/vnd.wv.csp.xml";
    let expected = Element::new("wap-provisioningdoc")
        .with_attribute("version", "1.0")
        .with(
            characteristic("NAPDEF")
                .with(parm("NAPID", "acme-gprs"))
                .with(parm("BEARER", "GSM-GPRS"))
                .with(parm("NAME", "Acme GPRS"))
                .with(parm("NAP-ADDRESS", "chat.acme"))
                .with(parm("NAP-ADDRTYPE", "APN")),
        )
        .with(
            characteristic("APPLICATION")
                .with(parm("APPID", "wA"))
                .with(parm("PROVIDER-ID", "acme.example"))
                .with(parm("NAME", "Acme Chat"))
                .with(parm("AACCEPT", types))
                .with(parm("TO-NAPID", "acme-gprs"))
                .with(parm("CIDPREFIX", "acme"))
                .with(characteristic("APPADDR").with(parm("ADDR", "http://imps.acme.example/csp")))
                .with(
                    characteristic("APPAUTH")
                        .with(parm("AAUTHLEVEL", "APPSRV"))
                        .with(parm("AAUTHNAME", "wv:anna@acme.example"))
                        .with(parm("AAUTHSECRET", "anna")),
                ),
        );
    assert!(cp::write(&account).same_as(&expected), "{:#?}", cp::write(&account));
}

#[test]
fn the_first_variant_that_fits_is_used_and_says_only_what_differs() {
    let text = std::fs::read_to_string("templates/acme.toml").unwrap()
        + "[[variant]]\nwhen = { device = [\"example-phone*\"] }\nservice.versions = [\"1.2\"]\naccess_point.apn = \"old.acme\"\n\
           [[variant]]\nwhen = { version = \"1.1\" }\nname = \"Acme Old\"\n";
    let profile = clean_profile(&text);
    let (plain, which) = profile.for_handset(Some("other"), None);
    assert_eq!((plain.account.access_points[0].address.as_deref(), which), (Some("chat.acme"), None));
    let (variant, which) = profile.for_handset(Some("Example-Phone 2"), Some("1.1"));
    assert_eq!((variant.account.access_points[0].address.as_deref(), which), (Some("old.acme"), Some(0)));
    assert_eq!(variant.account.addresses, plain.account.addresses);
    let (variant, which) = profile.for_handset(None, Some("1.1"));
    assert_eq!((variant.account.name.as_deref(), which), (Some("Acme Old"), Some(1)));
}

#[test]
fn a_finding_in_a_profile_points_at_the_value_and_names_what_was_meant() {
    let text = "schema = 1\nid = \"a\"\n[service]\naddresses = [\"http://a.example/csp\"]\nencodings = [\"wbxm\"]\n";
    let (_, report) = read_profile(text);
    let finding = report.diagnostics().iter().find(|d| d.rule.code == "PRF010").expect("a finding");
    assert_eq!(&text[finding.span.range()], "\"wbxm\"");
    assert_eq!(finding.help.as_deref(), Some("did you mean `wbxml`?"));
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€\u{1F600}]{0,12}"
}

fn id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.{}\"\\\\ü-]{1,12}"
}

fn secret() -> impl Strategy<Value = Option<Secret>> {
    option::of(text().prop_map(Secret::new))
}

/// Names are different, since a profile gathers repeated ones at the place of the first.
fn parms() -> impl Strategy<Value = Vec<Parm>> {
    proptest::collection::btree_map("X-[A-Z]{1,6}", option::of(text()), 0..3)
        .prop_map(|map| map.into_iter().map(|(name, value)| Parm { name, value }).collect())
}

fn rest() -> impl Strategy<Value = Rest> {
    let leaf = parms().prop_map(|parms| Rest { parms, children: Vec::new() });
    let children = proptest::collection::btree_map("Y-[A-Z]{1,6}", leaf, 0..2);
    (parms(), children).prop_map(|(parms, children)| Rest {
        parms,
        children: children.into_iter().map(|(kind, rest)| Characteristic { kind, rest }).collect(),
    })
}

fn port() -> impl Strategy<Value = Port> {
    ("[1-9][0-9]{0,3}", vec("[A-Z-]{1,8}", 0..2), rest()).prop_map(|(number, services, rest)| Port {
        number,
        services,
        rest,
    })
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (option::of(text()), option::of(text()), option::of(text()), secret(), secret(), rest())
        .prop_map(|(level, kind, user, password, data, rest)| Credentials { level, kind, user, password, data, rest })
}

fn sign_in() -> impl Strategy<Value = Credentials> {
    (option::of(text()), option::of(text()), secret(), rest()).prop_map(|(kind, user, password, rest)| Credentials {
        kind,
        user,
        password,
        rest,
        ..Credentials::default()
    })
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let short = id().prop_map(|address| Address { form: AddressForm::Short, address, ..Address::default() });
    let long = (id(), option::of(id()), vec(port(), 0..2), rest()).prop_map(|(address, kind, ports, rest)| Address {
        form: AddressForm::Long,
        address,
        kind,
        ports,
        rest,
    });
    (vec(short, 0..2), vec(long, 0..3)).prop_map(|(short, long)| short.into_iter().chain(long).collect())
}

fn access_points() -> impl Strategy<Value = Vec<AccessPoint>> {
    let point = (
        vec(prop_oneof![Just("GSM-GPRS".to_owned()), id()], 0..3),
        option::of(text()),
        option::of(text()),
        option::of(prop_oneof![Just("APN".to_owned()), id()]),
        vec(sign_in(), 0..2),
        rest(),
    );
    proptest::collection::btree_map(id(), point, 0..3).prop_map(|points| {
        let point = |(id, (bearers, name, address, address_kind, auths, rest))| AccessPoint {
            id,
            bearers,
            name,
            address,
            address_kind,
            auths,
            rest,
        };
        points.into_iter().map(point).collect()
    })
}

fn proxies() -> impl Strategy<Value = Vec<Proxy>> {
    // Those of one id would be one.
    let physical = (id(), option::of(id()), vec(id(), 0..2), vec(port(), 0..2), rest());
    let physical = proptest::collection::btree_map(id(), physical, 0..3).prop_map(|all| {
        let one = |(id, (address, address_kind, to_access_points, ports, rest))| PhysicalProxy {
            id,
            address,
            address_kind,
            to_access_points,
            ports,
            rest,
        };
        all.into_iter().map(one).collect()
    });
    let proxy = (option::of(text()), physical, vec(port(), 0..2), rest());
    proptest::collection::btree_map(id(), proxy, 0..2).prop_map(|proxies| {
        let proxy =
            |(id, (name, physical, ports, rest)): (_, (_, Vec<_>, _, _))| Proxy { id, name, physical, ports, rest };
        proxies.into_iter().map(proxy).collect()
    })
}

prop_compose! {
    pub(crate) fn account()(
        single in [option::of(text()), option::of(text()), option::of(text()), option::of(text()), option::of(text())],
        accept in option::of(prop_oneof![
            "[a-z,;./+]{1,20}",
            Just("application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml".to_owned()),
        ]),
        addresses in addresses(),
        credentials in vec(credentials(), 0..3),
        references in (vec(id(), 0..3), vec(id(), 0..3)),
        access_points in access_points(),
        proxies in proxies(),
        vendor in vec(("V-[A-Z]{1,6}", rest()).prop_map(|(kind, rest)| Characteristic { kind, rest }), 0..2),
        rest in rest(),
    ) -> ImpsAccount {
        let [provider_id, name, protocol, services, client_id_prefix] = single;
        let (to_proxies, to_access_points) = references;
        ImpsAccount {
            provider_id, name, protocol, services, client_id_prefix, accept, addresses, credentials,
            to_proxies, to_access_points, access_points, proxies, vendor, rest: rest.parms,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_account_survives_as_a_provisioning_document(account in account()) {
        let document = cp::write(&account);
        let reading = cp::read(&document);
        prop_assert_eq!(&reading.accounts, std::slice::from_ref(&account));
        prop_assert!(reading.not_carried.is_empty());
    }

    /// Abuse cases A02, A09 and A10 for TOML: nothing that stands in a profile makes the reader panic or hang.
    #[test]
    fn a_damaged_profile_is_a_finding(cuts in vec((0_usize..3000, "[\\[\\]{}=\"a.\n\u{0}\u{FFFF}]{0,4}"), 1..6)) {
        let mut text = include_str!("../../templates/acme.toml").to_owned();
        for (at, piece) in cuts {
            let at = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let end = (at + piece.len()..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
            text.replace_range(at..end, &piece);
        }
        let (profile, report) = read_profile(&text);
        if let Some(profile) = profile.filter(|_| !report.has_errors()) {
            profile.check_document(&mut Report::new());
        }
    }

    #[test]
    fn any_account_survives_as_a_profile(account in account()) {
        // A text that says `omit` is how a profile says that there is none.
        prop_assume!(account.services.as_deref() != Some("omit") && account.accept.as_deref() != Some("omit"));
        let text = write_profile(&account);
        let (profile, report) = read_profile(&text);
        prop_assert!(profile.is_some(), "{:?}\n{}", report.diagnostics(), text);
        let profile = profile.unwrap();
        prop_assert!(profile.slots.names().is_empty());
        prop_assert_eq!(profile.account, account, "{}", text);
    }
}

mod templates {
    use impskit::codec::{self, WbxmlOptions, WbxmlStyle};
    use impskit::cp::VOCABULARY;
    use impskit::provision::rows::{Names, Table};
    use impskit::provision::{Columns, Template};

    use super::*;

    const PROFILE: &str = "schema = 1\nid = \"law\"\nname = \"{x_name}\"\nprovider_id = \"acme.example\"\n\
        [service]\naddresses = [\"http://{x_host}/csp\"]\nclient_id_prefix = \"{msisdn_national}\"\n\
        [account]\nuser = \"wv:{user}@{mcc}.{mnc}.example\"\npassword = \"{password}\"\n\
        [[access_point]]\nid = \"nap\"\napn = \"{x_name}.acme\"\n";

    fn document(profile: &Profile, values: &[&str]) -> Vec<u8> {
        let account = profile.filled(values);
        codec::write_wbxml(&cp::write(&account), &VOCABULARY, &WbxmlOptions::default()).expect("a WBXML form")
    }

    proptest! {
        /// The law of templates: a filled template has the octets of the document made through the tree.
        #[test]
        fn a_filled_template_has_the_octets_of_the_tree(values in vec("[ -~äß€\u{1F600}]{1,20}", 6)) {
            let profile = clean_profile(PROFILE);
            // A blank would break the address, which is refused by both.
            let values: Vec<String> = values.iter().map(|v| v.replace(' ', "_")).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let mut filled = Vec::new();
            Template::new(&profile, WbxmlStyle::Safe).unwrap().fill(&values, &mut filled).unwrap();
            prop_assert_eq!(filled, document(&profile, &values));
        }
    }

    /// In every style the values stand inline, also those for which there is a token, and read back as the account.
    #[test]
    fn a_filled_template_reads_back_in_every_style() {
        let profile = clean_profile(PROFILE);
        let values: Vec<&str> = profile.slots.names().iter().map(|_| "http://GSM-GPRS").collect();
        for style in [WbxmlStyle::Safe, WbxmlStyle::Prefix, WbxmlStyle::WholeValue] {
            let mut octets = Vec::new();
            Template::new(&profile, style).unwrap().fill(&values, &mut octets).unwrap();
            assert_eq!(read_cp(&octets).1.accounts, [profile.filled(&values)], "{style:?}");
        }
    }

    #[test]
    fn a_table_fills_the_slots_by_the_names_of_its_header() {
        let profile = clean_profile(PROFILE);
        let header = ["IMSI", "msisdn", "x_host", "user", "X_Name", "password"];
        let columns = Columns::bind(&profile, &header, "");
        assert!(columns.missing().is_empty(), "{:?}", columns.missing());
        let row = ["310170123456789", "+12025550123", "imps.example", "anna", "Acme", "sesame"];
        let handset = columns.handset(&|place| row[place]);
        handset.check().unwrap();
        assert_eq!(handset.msisdn, "12025550123");
        let account = profile.filled(&handset.values);
        assert_eq!(account.name.as_deref(), Some("Acme"));
        assert_eq!(account.client_id_prefix.as_deref(), Some("2025550123"));
        assert_eq!(account.credentials[0].user.as_deref(), Some("wv:anna@310.170.example"));
        let columns = Columns::bind(&profile, &["msisdn", "imsi"], "");
        assert_eq!(columns.missing(), ["x_name", "x_host", "user", "password"]);
    }

    #[test]
    fn a_template_refuses_what_a_value_would_break() {
        let profile = clean_profile(PROFILE);
        let template = Template::new(&profile, WbxmlStyle::Safe).unwrap();
        let good: Vec<&str> = profile.slots.names().iter().map(|_| "a").collect();
        let slot = |name: &str| profile.slots.number(name).unwrap();
        for (name, value, code) in [
            ("user", "", "CSV006"),
            ("user", "a\0b", "CSV009"),
            ("password", "a\u{FFFF}", "CSV009"),
            ("x_host", "a b", "PRF004"),
        ] {
            let mut values = good.clone();
            values[slot(name)] = value;
            let mut output = Vec::new();
            assert_eq!(template.fill(&values, &mut output).unwrap_err().rule.code, code, "{name} = {value:?}");
            assert!(output.is_empty());
        }
    }

    /// A maker's table, one operator a row, through a mapping of our own: every row becomes a profile's account.
    #[test]
    fn a_makers_table_gives_an_account_a_row() {
        let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
        let csv = std::fs::File::open(std::path::Path::new(&corpus).join("prov/moto-im.csv")).unwrap();
        let profile = clean_profile(
            "schema = 1\nid = \"moto\"\n[service]\naddresses = [\"http://a.example\"]\naccept = \"omit\"\n\
             [[account]]\nlevel = \"APPSRV\"\nuser = \"\"\npassword = \"\"\n\
             [[access_point]]\nid = \"im\"\nbearer = \"x\"\napn = \"x\"\nauth = { type = \"x\", user = \"\", password = \"\" }\n\
             [vendor.PROPRIETARY]\nServerLoginMethod = \"\"\nServerProxyAddress = \"\"\n\
             [columns]\nname = \"{Brand_instance_name}\"\nprovider_id = \"{mcc}-{mnc}-{account_type}\"\n\
             service.addresses = \"http://{ServerAddr}:{ServerPort}{ServerPostURL}\"\n\
             access_point.name = \"{IspProfileName}\"\naccess_point.apn = \"{gprs_access_point_name}\"\n\
             access_point.bearer = \"{bearer}\"\naccess_point.auth.type = \"{ppp_auth_type}\"\n\
             access_point.auth.user = \"{ppp_auth_name}\"\naccess_point.auth.password = \"{ppp_auth_secret}\"\n\
             vendor.PROPRIETARY.ServerLoginMethod = \"{ServerLoginMethod}\"\n\
             vendor.PROPRIETARY.ServerProxyAddress = \"{ServerProxyAddress}\"\n",
        );
        let template = Template::new(&profile, WbxmlStyle::Safe).unwrap();
        let mut table = Table::open(csv, b',', Names::Theirs, &mut Report::new()).unwrap().unwrap();
        let header: Vec<String> = table.header().names().map(str::to_owned).collect();
        let columns = Columns::bind(&profile, &header.iter().map(String::as_str).collect::<Vec<_>>(), "");
        assert!(columns.missing().is_empty(), "{:?}", columns.missing());
        let mut accounts = Vec::new();
        while let Some(row) = table.next_row().unwrap() {
            let handset = columns.handset(&|place| row.cell(place).unwrap_or_default());
            let mut octets = Vec::new();
            template.fill(&handset.values, &mut octets).unwrap();
            let (_, mut reading) = read_cp(&octets);
            assert_eq!(reading.accounts, [profile.filled(&handset.values)], "what was written is read");
            let text = write_profile(&reading.accounts[0]);
            assert_eq!(clean_profile(&text).account, reading.accounts[0], "as a profile of its own");
            accounts.append(&mut reading.accounts);
        }
        assert_eq!(accounts.len(), 6);
        assert_eq!(accounts[2].addresses[0].address, "http://194.143.13.120:2380/wv");
        assert_eq!(accounts[2].access_points[0].address.as_deref(), Some("http://www.tim.com"));
        assert_eq!(accounts[0].access_points[0].auths[0].password, Some(Secret::new("CINGULAR1")));
        assert_eq!(accounts[5].vendor[0].rest.parms[0].value.as_deref(), Some("2WAY"));
        assert_eq!(accounts[5].vendor[0].rest.parms[1].value.as_deref(), Some(""));
    }
}

pub(crate) mod objects {
    use impskit::dm::{Description, ManagementObject, Tree, Uri, check_tree, serialise};
    use impskit::provision::apply::{self, Place};
    use impskit::provision::dm;

    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::read(text).expect(text)
    }

    fn to_tree(account: &ImpsAccount) -> (Tree, Vec<String>) {
        let parent = uri("./IMPS");
        let place = Place { parent: Some(&parent), instance: Some("acme"), ..Place::of(Description::bundled()) };
        let (tree, applied) = apply::to_tree(std::slice::from_ref(account), &[], &place).expect("a tree");
        assert!(applied.refused.is_empty(), "{:?}", applied.refused);
        (tree, applied.not_carried)
    }

    fn value(tree: &Tree, path: &str) -> Option<String> {
        tree.get(&uri(path)).and_then(|node| node.value_text()).map(str::to_owned)
    }

    /// Takes out of any account what the object has no node for, and names what is there.
    pub(crate) fn fit(mut account: ImpsAccount) -> ImpsAccount {
        let mut short = 0;
        account.addresses.retain(|a| a.form == AddressForm::Long || std::mem::replace(&mut short, 1) == 0);
        for (place, address) in account.addresses.iter_mut().enumerate() {
            address.rest = Rest::default();
            let kinds = [None, Some("IPV4"), Some("E164"), Some("IPV6")];
            address.kind = kinds[place % 4].filter(|_| address.form == AddressForm::Long).map(str::to_owned);
            address.ports.iter_mut().for_each(|port| (port.services, port.rest) = (Vec::new(), Rest::default()));
        }
        for credentials in &mut account.credentials {
            credentials.rest = Rest::default();
            credentials.level.get_or_insert_with(|| "APPSRV".to_owned());
        }
        account.to_proxies = account.proxies.iter().map(|p| p.id.clone()).collect();
        account.to_access_points = account.access_points.iter().rev().map(|p| p.id.clone()).collect();
        account.to_access_points.push("INTERNET".to_owned());
        account
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_account_survives_as_a_management_object(account in account().prop_map(fit)) {
            let (tree, lost) = to_tree(&account);
            prop_assert!(lost.is_empty(), "{:?}", lost);
            let reading = dm::read(&tree);
            prop_assert_eq!(&reading.accounts, &[account], "{}", serialise::to_json(&tree, &Default::default()));
            prop_assert!(reading.not_carried.is_empty(), "{:?}", reading.not_carried);
        }
    }

    #[test]
    fn what_an_object_cannot_say_is_listed() {
        let mut account = ImpsAccount { name: Some("A".into()), ..ImpsAccount::default() };
        let service = Port { number: "80".into(), services: vec!["HTTP".into()], ..Port::default() };
        account.addresses =
            vec![Address { address: "http://a.example".into(), ports: vec![service], ..Address::default() }];
        let (_, lost) = to_tree(&account);
        assert_eq!(lost, ["APPLICATION/APPADDR/PORT/SERVICE HTTP"]);
    }

    /// The mapping of parameters to nodes, node by node, on a vector written by hand.
    #[test]
    fn the_full_vector_becomes_the_nodes_of_the_mapping() {
        let xml = std::fs::read("tests/samples/cp/v2-full.xml").unwrap();
        let (_, reading) = read_cp(&xml);
        let (tree, lost) = to_tree(&reading.accounts[0]);
        assert!(lost.is_empty(), "{lost:?}");
        for (path, expected) in [
            ("./IMPS/acme/AppID", "wA"),
            ("./IMPS/acme/ProviderID", "im.example.net"),
            ("./IMPS/acme/Name", "Example IM"),
            ("./IMPS/acme/AAccept", "application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml"),
            ("./IMPS/acme/ToConRef/1/ConRef", "./ConnMO/Proxy/1"),
            ("./IMPS/acme/ToConRef/2/ConRef", "./ConnMO/NAP/1"),
            ("./IMPS/acme/AppAddr/1/Addr", "http://im.example.net:8080/imps"),
            ("./IMPS/acme/AppAuth/1/AAuthLevel", "APPSRV"),
            ("./IMPS/acme/AppAuth/1/AAuthType", "DIGEST"),
            ("./IMPS/acme/AppAuth/1/AAuthName", "wv:alice@example.net"),
            ("./IMPS/acme/AppAuth/1/AAuthSecret", "s3cret"),
            ("./IMPS/acme/Services", "IM;PR"),
            ("./IMPS/acme/CIDPrefix", "exim"),
            ("./ConnMO/NAP/1/ID", "nap1"),
            ("./ConnMO/NAP/1/AuthInfo/AuthSecret", "gprspw"),
            ("./ConnMO/NAP/1/BearerType", "3GPPPS"),
            ("./ConnMO/Proxy/1/Addr", "192.0.2.10"),
            ("./ConnMO/Proxy/1/ToConRef/1/ConRef", "./ConnMO/NAP/1"),
            ("./ConnMO/Proxy/1/Ports/1/PortNbr", "8080"),
        ] {
            assert_eq!(value(&tree, path).as_deref(), Some(expected), "{path}");
        }
        let mut report = Report::new();
        check_tree(&tree, Description::bundled(), &mut report);
        assert!(!report.has_errors(), "{:?}", report.diagnostics());
        for bytes in [serialise::to_xml(&tree), serialise::to_wbxml(&tree).unwrap()] {
            let again = serialise::read(&bytes, &mut Report::new()).unwrap();
            assert_eq!(dm::read(&again).accounts, reading.accounts, "through a serialised tree");
        }
    }

    #[test]
    fn a_makers_document_survives_as_a_management_object() {
        let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
        let xml = std::fs::read(std::path::Path::new(&corpus).join("prov/moto-IM.prov.xml")).unwrap();
        let (_, reading) = read_cp(&xml);
        let (tree, lost) = to_tree(&reading.accounts[0]);
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(value(&tree, "./IMPS/acme/Ext/PROPRIETARY/ServerLoginMethod").as_deref(), Some("2WAY"));
        assert_eq!(dm::read(&tree).accounts, reading.accounts);
    }

    fn place() -> Place<'static> {
        Place::of(Description::bundled())
    }

    /// Overwriting by APPID and PROVIDER-ID (registration of `wA`); new instances are numbered from 1.
    #[test]
    fn a_document_applied_again_replaces_and_another_adds() {
        let first = std::fs::read("tests/samples/cp/v2-full.xml").unwrap();
        let again = String::from_utf8(first.clone()).unwrap().replace("s3cret", "changed");
        let other = again.replace("im.example.net\"", "other.example\"").replace("nap1", "nap2");
        let mut tree = Tree::new();
        let mut apply = |xml: &[u8]| {
            let (root, _) = read_cp(xml);
            let applied = apply::apply_document(&root, &mut tree, &place()).unwrap();
            assert!(applied.refused.is_empty(), "{:?}", applied.refused);
            (applied.replaced.len(), tree.clone())
        };
        assert_eq!(apply(&first).0, 0);
        let (replaced, tree) = apply(again.as_bytes());
        assert_eq!(replaced, 3, "access point, proxy, account");
        assert_eq!(value(&tree, "./IMPS/1/AppAuth/1/AAuthSecret").as_deref(), Some("changed"));
        let (replaced, tree) = apply(other.as_bytes());
        assert_eq!(replaced, 1, "the proxy has the same id");
        assert_eq!(ManagementObject::imps().instances(&tree), [uri("./IMPS/1"), uri("./IMPS/2")]);
        assert_eq!(value(&tree, "./IMPS/2/ToConRef/2/ConRef").as_deref(), Some("./ConnMO/NAP/2"));
        assert_eq!(dm::read(&tree).accounts.len(), 2);
    }

    #[test]
    fn what_the_device_does_not_describe_is_refused_and_the_rest_written() {
        let ddf = std::fs::read_to_string("ddf/oma-imps.ddf.xml").unwrap().replace("CIDPrefix", "Other");
        let description = Description::read(ddf.as_bytes(), &mut Report::new()).unwrap();
        let descriptions = [&description];
        let xml = std::fs::read("tests/samples/cp/v2-full.xml").unwrap();
        let (root, _) = read_cp(&xml);
        let mut tree = Tree::new();
        let place = Place::of(&descriptions);
        let applied = apply::apply_document(&root, &mut tree, &place).unwrap();
        let refused: Vec<String> = applied.refused.iter().map(|r| r.uri.to_string()).collect();
        assert_eq!(refused, ["./ConnMO/NAP/1", "./ConnMO/Proxy/1", "./IMPS/1/CIDPrefix"]);
        assert_eq!(value(&tree, "./IMPS/1/Name").as_deref(), Some("Example IM"));
        assert_eq!(value(&tree, "./IMPS/1/ToConRef/2/ConRef").as_deref(), Some("nap1"), "no reference to nowhere");
    }
}

/// A document with more access points than any real one is bounded, and what is left out is said (`abuse-cases.md` A09).
#[test]
fn a09_a_document_with_a_flood_of_access_points_is_bounded() {
    let parm = |name: &'static str, value: String| {
        Element::new("parm").with_attribute("name", name).with_attribute("value", value)
    };
    let point = |i: usize| {
        Element::new("characteristic").with_attribute("type", "NAPDEF").with(parm("NAPID", format!("nap{i}")))
    };
    let application = Element::new("characteristic")
        .with_attribute("type", "APPLICATION")
        .with(parm("APPID", "wA".to_owned()))
        .with(parm("ADDR", "http://imps.acme.example/csp".to_owned()));
    let document = Element::new("wap-provisioningdoc").with(application).with_all((0..50_000).map(point));
    let reading = cp::read(&document);
    assert_eq!(reading.accounts[0].access_points.len(), 200);
    assert_eq!(reading.not_carried.len(), 49_800);
}

/// What a device would miss in the DM account of a bootstrap is said of the profile.
#[test]
fn a_profile_whose_dm_account_lacks_credentials_is_told_so() {
    let acme = std::fs::read_to_string("templates/acme.toml").unwrap();
    let dm = "\n[dm]\nserver_id = \"dm.acme.example\"\naddresses = [{ address = \"https://dm.acme.example/\" }]\n";
    let account =
        "[[dm.account]]\nlevel = \"APPSRV\"\ntype = \"DIGEST\"\nuser = \"{imei}\"\npassword = \"{x_dm_password}\"\n";
    let cited = |text: String| {
        let judged = impskit::inspect::check(text.into_bytes(), "p.toml", &impskit::catalogue::Options::default());
        let findings = judged.layers.iter().flat_map(|layer| layer.report.diagnostics());
        findings.map(|d| (d.rule.code, d.message.clone())).collect::<Vec<_>>()
    };
    assert_eq!(cited(format!("{acme}{dm}")), [("TRE011", "`AppAuth` is missing below `1`".to_owned())]);
    assert_eq!(cited(format!("{acme}{dm}{account}")), []);
}
