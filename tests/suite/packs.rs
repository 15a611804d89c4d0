//! Device packs: what is said of a document for the handsets that it is for, and what it costs to send.

use std::fmt::Write as _;

use impskit::catalogue::Options;
use impskit::codec::{WbxmlOptions, WbxmlStyle, write_wbxml};
use impskit::cp::mac::{Imsi, Key, Security};
use impskit::delivery::sms::{Address, Kind};
use impskit::delivery::wdp::{Ports, Reference};
use impskit::delivery::{Bearing, Outgoing, most_octets, sms_count, spare_octets};
use impskit::diagnose::{Report, Severity};
use impskit::inspect::{self, Judged};
use impskit::provision::device::Seal;
use impskit::provision::{Compiled, Pack, Profile};

fn document(account: &str) -> String {
    format!(
        "<wap-provisioningdoc version=\"1.0\"><characteristic type=\"APPLICATION\">{account}\
         <characteristic type=\"APPADDR\"><parm name=\"ADDR\" value=\"http://imps.acme.example/csp\"/></characteristic>\
         </characteristic></wap-provisioningdoc>"
    )
}

fn account(parms: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let usual = [("APPID", "wA"), ("PROVIDER-ID", "acme.example"), ("TO-NAPID", "INTERNET")];
    for (name, value) in usual.iter().chain(parms) {
        write!(text, "<parm name=\"{name}\" value=\"{value}\"/>").expect("a text takes more");
    }
    document(&text)
}

fn judge<'s>(text: &'s [u8], packs: &[&Pack]) -> Judged<'s> {
    inspect::check(text, "sample", &Options { devices: packs, ..Options::default() })
}

/// Returns the findings on device packs' rules, one a line.
fn said(text: &[u8], packs: &[&Pack]) -> Vec<String> {
    let judged = judge(text, packs);
    let findings = judged.layers.iter().flat_map(|layer| layer.report.diagnostics());
    let ours = findings.filter(|finding| finding.rule.code.starts_with("QRK"));
    ours.map(|finding| format!("{} {} {}", finding.severity.as_str(), finding.rule.code, finding.message)).collect()
}

fn pack(model: &str) -> &'static Pack {
    Pack::find(model).expect("a bundled pack")
}

fn own(text: &str) -> Pack {
    let mut report = Report::new();
    let text = format!("model = \"own\"\nname = \"own phones\"\nsource = \"a test\"\n{text}");
    let pack = Pack::read(&text, &mut report).expect("TOML");
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    pack
}

/// One document, four clients: each does with it what the sheet of `wA` says (section 3, "What real clients do").
#[test]
fn four_clients_do_four_things_with_one_document() {
    let text = account(&[("NAME", "Acme Chat for everybody in town"), ("AACCEPT", "")]);
    assert_eq!(
        said(text.as_bytes(), &[pack("symbian-s60")]),
        ["warning QRK002 `NAME` has 31 characters: cut to 30 by Symbian S60"]
    );
    assert_eq!(
        said(text.as_bytes(), &[pack("mediatek-feature")]),
        ["warning QRK002 `NAME` has 31 characters: cut to 16 by MediaTek feature phones"]
    );
    assert_eq!(
        said(text.as_bytes(), &[pack("access-netfront")]),
        ["error QRK001 no `AACCEPT`: the account is dropped by ACCESS NetFront based clients"]
    );
    assert_eq!(said(text.as_bytes(), &[pack("mediatek-android")]), [""; 0]);
    assert_eq!(said(text.as_bytes(), &[]), [""; 0], "nothing is said where no handset is meant");
}

/// What signs in or leads somewhere is worth nothing when it is cut; a client that is meant is not told of twice.
#[test]
fn what_is_cut_and_needed_is_an_error() {
    let address = format!("http://imps.acme.example/{}", "x".repeat(80));
    let text = account(&[("NAME", "Acme"), ("AACCEPT", "application/vnd.wv.csp+xml"), ("ADDR", &address)]);
    let both = [pack("mediatek-feature"), pack("symbian-s60")];
    assert_eq!(
        said(text.as_bytes(), &both),
        [
            "error QRK002 `ADDR` has 105 characters: cut to 64 by MediaTek feature phones",
            "error QRK002 `ADDR` has 105 characters: the whole block dropped by Symbian S60 (limit 100)",
        ]
    );
    assert!(!judge(text.as_bytes(), &both).layers[0].report.cites("WA010"));
    assert!(judge(text.as_bytes(), &[pack("access-netfront")]).layers[0].report.cites("WA010"));
}

#[test]
fn only_the_accounts_that_are_kept_count() {
    let account = |id: &str| {
        format!(
            "<characteristic type=\"APPLICATION\"><parm name=\"APPID\" value=\"wA\"/>\
             <parm name=\"PROVIDER-ID\" value=\"{id}\"/><parm name=\"NAME\" value=\"A\"/><parm name=\"AACCEPT\" value=\"x/y\"/>\
             <parm name=\"ADDR\" value=\"http://a.example/\"/></characteristic>"
        )
    };
    let text = format!(
        "<wap-provisioningdoc>{}{}{}{}</wap-provisioningdoc>",
        account("a"),
        account("b"),
        account("b"),
        account("c")
    );
    let count = |model| said(text.as_bytes(), &[pack(model)]).len();
    let counts = ["mediatek-android", "access-netfront", "mediatek-feature", "symbian-s60"].map(count);
    assert_eq!(counts, [3, 1, 1, 0]);
}

/// An operator's own pack: refusals, seals, ASCII, lengths outside of the account.
#[test]
fn an_own_pack_is_obeyed() {
    let pack = own("ascii = [\"AAUTHNAME\"]\nprintable = [\"NAME\"]\n\
         refuse = [{ characteristic = \"NAPDEF\", parm = \"NAP-ADDRTYPE\", note = \"it restarts\" }]\n\
         [limits]\nmax_octets = 20\nmax_sms = 1\nsecurity = [\"userpin\"]\n[lengths]\n\"NAPDEF/NAME\" = { max = 3, over = \"cut\" }\n");
    let text = "<wap-provisioningdoc><characteristic type=\"NAPDEF\"><parm name=\"NAPID\" value=\"g\"/>\
                <parm name=\"NAME\" value=\"Acme&#9;1\"/><parm name=\"NAP-ADDRTYPE\" value=\"APN\"/></characteristic>\
                <characteristic type=\"APPLICATION\"><parm name=\"APPID\" value=\"wA\"/><parm name=\"NAME\" value=\"A&#9;B\"/>\
                <parm name=\"ADDR\" value=\"http://a.example/\"/><characteristic type=\"APPAUTH\">\
                <parm name=\"AAUTHNAME\" value=\"wv:zoë@a.example\"/></characteristic></characteristic></wap-provisioningdoc>";
    let said = said(text.as_bytes(), &[&pack]);
    let has = |what: &str| assert!(said.iter().any(|line| line.starts_with(what)), "{what} in {said:#?}");
    has("error QRK001 `NAP-ADDRTYPE` with own phones: it restarts");
    has("warning QRK002 `NAME` has 6 characters: cut to 3 by own phones");
    has("error QRK002 `AAUTHNAME` is not in ASCII: not taken by own phones");
    has("error QRK002 `NAME` has control characters: not taken by own phones");
    has("error QRK003 the binary form has ");
    assert_eq!(said.len(), 5, "{said:#?}");
}

/// A push is judged by what it is sealed with and how it says so; octets are those of a public gateway's layout.
#[test]
fn seals_are_judged_in_pushes_and_profiles() {
    let push = |head: &[u8]| [head, &[0x03, 0x0B, 0x6A, 0x00, 0x45, 0x01]].concat();
    let unsealed = push(&[0x01, 0x06, 0x01, 0xB6]);
    assert_eq!(
        said(&unsealed, &[pack("symbian-s60")]),
        [
            "warning QRK004 `none` with Symbian S60: some builds refuse a message that is not sealed, and none trusts what it \
             says"
        ]
    );
    assert_eq!(said(&unsealed, &[pack("mediatek-feature")]), [""; 0]);
    let strict = own("[limits]\nsecurity = [\"netwpin\"]\n");
    assert_eq!(said(&unsealed, &[&strict]), ["error QRK004 `none` is not taken by own phones, which take NETWPIN"]);
    let profile = include_str!("../../templates/acme.toml");
    assert_eq!(said(profile.as_bytes(), &[&strict]), [""; 0]);
    let profile = profile.replace("security = \"netwpin\"", "security = \"userpin\"");
    let first = said(profile.as_bytes(), &[&strict]);
    assert_eq!(first, ["error QRK004 `USERPIN` is not taken by own phones, which take NETWPIN"]);
}

/// The sheet of bootstraps, section 3: 133 octets in one SMS, else 128 in each; 50 octets before a document with a MAC.
#[test]
fn sms_are_counted_as_they_are_split() {
    for (octets, sms) in [(0, 1), (83, 1), (84, 2), (206, 2), (207, 3), (525, 5), (1024, 9)] {
        assert_eq!(sms_count(octets, Some(Security::NetwPin)), sms, "{octets}");
    }
    let imsi = Imsi::read("001010123456789").expect("an IMSI");
    let key = Key::new(Security::NetwPin, None, Some(&imsi)).expect("a key");
    let address = Address::read_text("+46700000001").expect("a number");
    for octets in (0..700).step_by(7) {
        for seal in [None, Some((Security::NetwPin, &key)), Some((Security::UserPinMac, &key))] {
            let mut outgoing = Outgoing::new();
            outgoing.seal(1, &vec![0x20; octets], seal);
            let (kind, reference, ports) = (Kind::SUBMIT, Reference::Short(1), Ports::default());
            outgoing.split(&Bearing { address: &address, kind, reference, ports, centre: None }).expect("few parts");
            let count = outgoing.pdus().len();
            let security = seal.map(|(security, _)| security);
            assert_eq!(sms_count(octets, security), count, "{octets} {security:?}");
            let spare = spare_octets(octets, security);
            match count {
                1 => assert_eq!(spare, 0),
                _ if spare > octets => {}
                _ => {
                    assert_eq!(sms_count(octets - spare, security), count - 1, "{octets} - {spare}");
                    assert_eq!(sms_count(octets - spare + 1, security), count, "{octets} - {spare} + 1");
                }
            }
        }
    }
}

/// What is advised is true: the document changed as it says takes as many SMS as it says.
#[test]
fn what_would_be_cheaper_is_tried() {
    let text = std::fs::read_to_string("wap-provisioning/imps.xml").expect("a sample");
    let options = Options { max_sms: Some(4), ..Options::default() };
    let judge = |text: &str| inspect::check(text.as_bytes().to_vec(), "imps.xml", &options);
    let cost = judge(&text).cost.expect("a document");
    assert_eq!((cost.size.octets, cost.size.sms), (463, 5));
    let advice = "with the first type of AACCEPT only: 4 SMS";
    assert!(cost.advice.iter().any(|piece| piece == advice), "{:?}", cost.advice);
    let (start, end) = text.split_once(",application/vnd.wv.csp+xml").expect("two types");
    let after = judge(&format!("{start}{end}"));
    assert_eq!(after.cost.expect("a document").size.sms, 4);
    assert!(!after.layers[0].report.has(Severity::Error));
}

#[test]
fn a_style_that_is_misread_is_told() {
    let text = account(&[("NAME", "Acme"), ("AACCEPT", "x/y")]).replace(
        "<characteristic type=\"APPADDR\">",
        "<characteristic type=\"APPAUTH\"><parm name=\"AAUTHLEVEL\" value=\"APPSRV\"/></characteristic><characteristic type=\"APPADDR\">",
    );
    let mut report = Report::new();
    let document = impskit::catalogue::read(text.as_bytes(), &Default::default(), &mut report).expect("well-formed");
    let write = |style| {
        let options = WbxmlOptions { style, ..WbxmlOptions::default() };
        write_wbxml(&document.root, &impskit::cp::VOCABULARY, &options).expect("WBXML")
    };
    let whole = write(WbxmlStyle::WholeValue);
    let expected =
        "warning QRK002 the WBXML is of the style `whole-value`, in which MediaTek feature phones misread values";
    assert_eq!(said(&whole, &[pack("mediatek-feature")]), [expected]);
    assert_eq!(said(&whole, &[pack("symbian-s60")]), [""; 0]);
    assert_eq!(said(&write(WbxmlStyle::Safe), &[pack("mediatek-feature")]), [""; 0]);
}

const PROFILE: &str = "schema = 1\nid = \"acme\"\nname = \"Acme\"\nprovider_id = \"acme.example\"\n[service]\n\
    addresses = [\"http://imps.acme.example/csp\"]\n[[access_point]]\nid = \"gprs\"\napn = \"chat.acme\"\n[account]\n\
    level = \"APPSRV\"\nuser = \"wv:{user}@acme.example\"\npassword = \"{password}\"\n[push]\nsecurity = \"userpin\"\n\
    pin = \"{pin}\"\n";

const HEADER: [&str; 7] = ["msisdn", "user", "password", "pin", "model", "tac", "imei"];

fn compiled(profile: &str, packs: &[Pack], seal: Seal) -> Compiled {
    let mut report = Report::new();
    let profile = Profile::read(profile, &mut |_| Ok(String::new()), &mut report).expect("a profile");
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    let compiled = Compiled::new(&profile, &HEADER, "", WbxmlStyle::Safe).expect("WBXML");
    compiled.for_handsets(packs, seal, most_octets).expect("WBXML")
}

/// The variant and the pack that a row got.
type Got = (Option<usize>, Option<String>);

/// Returns what a row got, or what is wrong with it: code and message.
fn fill(compiled: &Compiled, row: [&str; 7]) -> Result<Got, (&'static str, String)> {
    let filled = compiled.fill(&|place| row[place], None, &mut Vec::new());
    let filled = filled.map_err(|bad| (bad.rule.code, bad.message))?;
    Ok((filled.variant, filled.device.map(|pack| pack.model.clone())))
}

const NUMBER: &str = "+46700000001";

#[test]
fn rows_get_the_pack_of_their_handset() {
    let own = own("match = { tac = [\"35000000\"] }\n[limits]\nmax_sms = 1\n");
    let packs: Vec<Pack> = std::iter::once(own).chain(Pack::bundled().iter().cloned()).collect();
    let compiled = compiled(PROFILE, &packs, Seal::OfProfile);
    let row = |user, model, tac, imei| fill(&compiled, [NUMBER, user, "sesame-1", "4711", model, tac, imei]);
    let long = "u".repeat(40);
    assert_eq!(row(&long, "", "", ""), Ok((None, None)));
    assert_eq!(row("anna", "Nokia-S60-3", "", ""), Ok((None, Some("symbian-s60".to_owned()))));
    let dropped = "`AAUTHNAME` has 56 characters: the whole block dropped by Symbian S60 (limit 50)";
    assert_eq!(row(&long, "Nokia-S60-3", "", ""), Err(("QRK002", dropped.to_owned())));
    let not_ascii = "`AAUTHNAME` is not in ASCII: not taken by MediaTek feature phones";
    assert_eq!(row("zoë", "mediatek-feature", "", ""), Err(("QRK002", not_ascii.to_owned())));
    for (tac, imei) in [("35000000", ""), ("", "350000001234567")] {
        let (code, message) = row("anna", "", tac, imei).unwrap_err();
        assert_eq!(code, "QRK003", "{message}");
        assert!(message.ends_with("more than 1 SMS are refused by own phones"), "{message}");
    }
    // The model counts before what stands behind it.
    assert_eq!(row("anna", "mediatek-android", "35000000", ""), Ok((None, Some("mediatek-android".to_owned()))));
}

#[test]
fn variants_are_for_packs_too_and_write_what_they_read() {
    let profile = format!(
        "{PROFILE}[[variant]]\nwhen = {{ device = [\"symbian-s60\"] }}\nname = \"S60\"\npush.security = \"netwpin\"\n"
    );
    let strict = own("wbxml = [\"whole-value\"]\n[limits]\nsecurity = [\"netwpin\"]\n");
    let packs: Vec<Pack> = std::iter::once(strict).chain(Pack::bundled().iter().cloned()).collect();
    let row = |model| [NUMBER, "anna", "sesame-1", "4711", model, "", ""];
    let by_profile = compiled(&profile, &packs, Seal::OfProfile);
    assert_eq!(fill(&by_profile, row("nokia-s60-3")), Ok((Some(0), Some("symbian-s60".to_owned()))));
    assert_eq!(fill(&by_profile, row("own")).unwrap_err().0, "QRK004");
    assert!(fill(&compiled(&profile, &packs, Seal::As(Some(Security::NetwPin))), row("own")).is_ok());
    let open = compiled(&profile, &packs, Seal::Open);
    let write = |model| {
        let (row, mut document) = (row(model), Vec::new());
        open.fill(&|place| row[place], None, &mut document).expect("a good row");
        document
    };
    let (safe, whole) = (write("mediatek-feature"), write("own"));
    assert!(whole.len() < safe.len(), "APPSRV has a token of its own: {} and {}", whole.len(), safe.len());
    let read = |octets: &[u8]| {
        let document = impskit::catalogue::read(octets, &Default::default(), &mut Report::new()).expect("WBXML");
        impskit::codec::write_xml(&document.root, None, false)
    };
    assert_eq!(read(&safe), read(&whole));
}

fn run(folder: &std::path::Path, words: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impskit"));
    let output = command.args(words).current_dir(folder).env_remove("IMPSKIT_FORMAT").output().expect("it runs");
    (output.status.code().expect("it ends"), String::from_utf8(output.stdout).expect("text"))
}

/// One row makes the same SMS by `build`, by `build --rows` and in a campaign, and what a handset cannot take is rejected
/// with the same code in both.
#[test]
fn a_row_makes_the_same_sms_whoever_sends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("acme.toml", PROFILE);
    write("spring.toml", "schema = 1\nname = \"spring\"\nprofile = \"acme.toml\"\nroutes = [\"file\"]\n");
    let long = "u".repeat(40);
    write(
        "rows.csv",
        &format!(
            "msisdn,user,password,pin,model\n{NUMBER},anna,sesame-1,4711,symbian-s60\n+46700000002,{long},s,4711,symbian-s60\n"
        ),
    );
    let run = |words: &[&str]| run(folder.path(), words);
    let (code, built) = run(&["build", "acme.toml", "--as", "sms", "--rows", "rows.csv", "--reject", "built.csv"]);
    assert_eq!(code, 3);
    let built: serde_json::Value = serde_json::from_str(&built).expect("one object");
    let (code, one) = run(&["build", "acme.toml", "--as", "sms", "--row", "rows.csv:2"]);
    assert_eq!(code, 0);
    assert_eq!(run(&["build", "acme.toml", "--as", "sms", "--row", "rows.csv:3"]), (1, String::new()));
    let (code, _) = run(&["batch", "plan", "spring.toml", "rows.csv", "--reject", "planned.csv"]);
    assert_eq!(code, 3);
    assert_eq!(run(&["batch", "run", "spring.toml"]).0, 3, "one row was rejected");
    let sent = std::fs::read_to_string(folder.path().join("spring.jsonl")).expect("what was sent");
    let sent: serde_json::Value = serde_json::from_str(sent.lines().next().expect("a line")).expect("an object");
    let pdus = |value: &serde_json::Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|pdu| pdu.as_str().expect("digits").to_lowercase()).collect()
    };
    assert_eq!(pdus(&built["data"]), one.lines().collect::<Vec<_>>());
    assert_eq!(pdus(&sent["pdus"]), pdus(&built["data"]));
    for name in ["built.csv", "planned.csv"] {
        let rejected = std::fs::read_to_string(folder.path().join(name)).expect("a reject file");
        assert_eq!(rejected.lines().filter(|line| line.contains("QRK002")).count(), 1, "{name}: {rejected}");
    }
}

/// A push that a handset cannot take is not passed on.
#[test]
fn a_push_is_passed_on_to_those_who_take_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = account(&[("NAME", "Acme")]);
    std::fs::write(folder.path().join("settings.xml"), &text).expect("a file");
    let run = |words: &[&str]| run(folder.path(), words);
    assert_eq!(run(&["convert", "settings.xml", "--as", "push", "--sec", "none", "-o", "settings.push"]).0, 0);
    let pass_on = |model| run(&["convert", "settings.push", "--as", "sms", "--to", NUMBER, "--device", model]);
    assert_eq!(pass_on("access-netfront"), (1, String::new()), "it needs AACCEPT");
    let (code, sms) = pass_on("mediatek-feature");
    assert_eq!((code, sms.lines().count()), (0, 1), "without a seal 129 octets fit into one SMS");
}

/// A pack that the configuration names is known to every command.
#[test]
fn configured_packs_are_known_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("acme.toml", PROFILE);
    write("impskit.toml", "[check]\ndevice = [\"own.toml\"]\n");
    write("own.toml", "model = \"own\"\nsource = \"a test\"\n[limits]\nmax_sms = 1\n");
    write("spring.toml", "schema = 1\nname = \"spring\"\nprofile = \"acme.toml\"\nroutes = [\"file\"]\n");
    write("rows.csv", &format!("msisdn,user,password,pin,model\n{NUMBER},anna,sesame-1,4711,OWN\n"));
    let (code, found) = run(folder.path(), &["check", "acme.toml", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&found).expect("one object");
    assert_eq!((code, found["findings"][0]["code"].as_str()), (1, Some("QRK003")), "{found}");
    assert_eq!(found["costs"][0]["sms"], 3, "{found}");
    for words in [
        &["build", "acme.toml", "--as", "sms", "--rows", "rows.csv", "--reject", "rejected.csv"][..],
        &["batch", "plan", "spring.toml", "rows.csv", "--reject", "planned.csv"],
    ] {
        assert_eq!(run(folder.path(), words).0, 3, "{words:?}");
    }
    for name in ["rejected.csv", "planned.csv"] {
        let rejected = std::fs::read_to_string(folder.path().join(name)).expect("a reject file");
        assert!(rejected.contains("QRK003"), "{name}: {rejected}");
    }
}

/// The reference is the first octet of SHA-256 over number, U+0000 and document: by `printf '46700000001\0abc' | sha256sum`.
#[test]
fn references_follow_from_number_and_document() {
    let mut outgoing = Outgoing::new();
    outgoing.seal(1, b"abc", None);
    assert_eq!(outgoing.reference("46700000001"), REFERENCE);
    let push = outgoing.push().to_vec();
    outgoing.adopt(&push);
    assert_eq!(outgoing.reference("46700000001"), REFERENCE, "a push that was made elsewhere has the same document");
}

const REFERENCE: [u8; 2] = [0xC5, 0x35];
