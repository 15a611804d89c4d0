//! Peeling blobs: every form of every vector, reasons for wrong MACs, hostile input, real files.

use impskit::catalogue;
use impskit::cp::mac::{Imsi, Key, Pin, Security};
use impskit::delivery::{self, Outgoing, WRONG_MAC};
use impskit::diagnose::{Rule, rules_are_sound};
use impskit::inspect::{self, Form, MacState, Options, Peeled, peel};

use crate::delivery::{rows, unhex};

const PUSHES: &str = include_str!("../samples/cp/push.tsv");
const SMS: &str = include_str!("../samples/cp/sms.tsv");
const SUBMITS: &str = include_str!("../samples/cp/submit_sm.tsv");

fn names(peeled: &Peeled) -> Vec<&str> {
    peeled.layers.iter().map(|layer| layer.name.as_str()).collect()
}

fn findings(peeled: &Peeled) -> Vec<&'static str> {
    let reports = peeled.layers.iter().map(|layer| &layer.report);
    reports.flat_map(|report| report.diagnostics().iter().map(|d| d.rule.code)).collect()
}

fn help_of(peeled: &Peeled, code: &str) -> String {
    let mut all = peeled.layers.iter().flat_map(|layer| layer.report.diagnostics());
    all.find(|d| d.rule.code == code).map(|d| d.way_out().to_owned()).unwrap_or_default()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn examples_of_the_rules() {
    assert_eq!(rules_are_sound(delivery::RULES), Ok(()));
    let pin = Pin::read("1234").expect("a PIN");
    for rule in delivery::RULES {
        let pin = (**rule == WRONG_MAC).then_some(&pin);
        let options = Options { pin, ..Options::default() };
        let bad = peel(&Rule::example(rule.bad), &options);
        assert!(findings(&bad).contains(&rule.code), "{} bad: {:?}", rule.code, bad.layers);
        let good = peel(&Rule::example(rule.good), &options);
        assert!(!findings(&good).contains(&rule.code), "{} good: {:?}", rule.code, good.layers);
        assert!(good.is_good(), "{} good: {:?}", rule.code, good.layers);
    }
}

/// Returns the layers that a check tells apart, each with the rules that it cites.
fn judged(input: &[u8]) -> Vec<(String, Vec<&'static str>)> {
    let judged = inspect::check(input, "input", &catalogue::Options::default());
    let layer = |checked: catalogue::Checked<'_>| {
        let codes = checked.report.diagnostics().iter().map(|d| d.rule.code).collect();
        (checked.source.layer.or(checked.kind.map(|kind| kind.id.to_owned())).unwrap_or_default(), codes)
    };
    judged.layers.into_iter().map(layer).collect()
}

/// A check goes through the layers: what is in an SMS is judged as if it were given alone.
#[test]
fn checks_what_is_inside() {
    let push = rows(PUSHES).find(|row| row[0] == "v1-userpin").expect("a row")[2];
    let push = judged(push.as_bytes());
    let document = judged(include_bytes!("../samples/cp/v1-min.xml")).remove(0).1;
    assert!(document.contains(&"WA007"), "the sample has no AACCEPT: {document:?}");
    assert_eq!(push, [("WSP push".to_owned(), vec!["PU003"]), ("WBXML 1.3".to_owned(), document)]);
    let parts = judged(include_bytes!("../samples/cp/v2-netwpin.parts-missing.sms"));
    assert_eq!(parts[0], ("sms".to_owned(), vec!["SM002"]));
    assert_eq!(judged(b"hello"), [(String::new(), vec!["GEN001"])]);
}

/// A profile is built in every form; the document's size and parts are those that `build` and `rehearse` tell.
#[test]
fn tries_profiles() {
    let profile = include_str!("../../templates/acme.toml");
    let judged = inspect::check(profile.as_bytes(), "acme.toml", &catalogue::Options::default());
    assert!(judged.layers[0].report.diagnostics().is_empty(), "{:?}", judged.layers[0].report);
    let built = judged.cost.expect("it can be built").size;
    // 140 octets an SMS less 12 of user data header; the push adds 50 octets of headers with the MAC.
    assert_eq!(built.sms, (built.octets + 50).div_ceil(128));
    let listed = profile.replace("services_parm = \"omit\"", "services_parm = \"IM;PR\"");
    let judged = inspect::check(listed.as_bytes(), "acme.toml", &catalogue::Options::default());
    assert!(judged.layers[0].report.cites("WA012"), "S60 splits no list: {:?}", judged.layers[0].report);
}

/// The forms of one push: the layers inside are the same.
#[test]
fn every_form_of_transfer() {
    let push = unhex(rows(PUSHES).find(|row| row[0] == "v1-userpin").expect("a row")[2]);
    let text = hex(&push);
    let spaced: Vec<String> = push.iter().map(|octet| format!("0x{octet:02X}")).collect();
    let mut dump = String::new();
    for (row, octets) in push.chunks(16).enumerate() {
        let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        dump.push_str(&format!("{:08x}  {}  |{}|\n", row * 16, digits.join(" "), "x".repeat(octets.len())));
    }
    let wrapped: String =
        text.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).expect("digits").to_owned() + "\r\n").collect();
    let base64 = {
        let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for three in push.chunks(3) {
            let number = three.iter().fold(0_u32, |n, o| n << 8 | u32::from(*o)) << (8 * (3 - three.len()));
            for place in 0..=three.len() {
                out.push(char::from(table[(number >> (18 - 6 * place) & 0x3F) as usize]));
            }
        }
        out
    };
    let inner = ["WSP push", "WBXML 1.3", "client provisioning document"];
    for (input, outer) in [
        (push.clone(), None),
        (text.into_bytes(), Some("hex text")),
        (spaced.join(", ").into_bytes(), Some("hex text")),
        (wrapped.into_bytes(), Some("hex text")),
        (dump.into_bytes(), Some("hex dump")),
        (base64.into_bytes(), Some("base64")),
    ] {
        let peeled = peel(&input, &Options::default());
        let expected: Vec<&str> = outer.into_iter().chain(inner).collect();
        assert_eq!(names(&peeled), expected, "{}", String::from_utf8_lossy(&input));
        assert_eq!(findings(&peeled), ["PU003"]);
        assert_eq!(peeled.document(), Some(&push[50..]));
        assert!(
            peeled.layers.last().expect("a layer").facts.contains("wA \"Example IM\" → http://im.example.net/imps")
        );
    }
}

/// One push in every wrapping in which it is pasted; `xxd`, `base64`, a compiler and Python's `quote` made them.
#[test]
fn blobs_of_support_staff() {
    let push = unhex(rows(PUSHES).find(|row| row[0] == "v1-userpin").expect("a row")[2]);
    let pin = Pin::read("1234").expect("a PIN");
    let text = hex(&push);
    let smpp: Vec<String> = rows(SUBMITS).filter(|row| row[0] == "v1-userpin").map(|row| row[2].to_owned()).collect();
    let rows_of = |octets: &[u8]| octets.iter().map(|octet| octet.to_string()).collect::<Vec<_>>().join(", ");
    let inner = ["WSP push", "WBXML 1.3", "client provisioning document"];
    let octal: String = push
        .chunks(16)
        .enumerate()
        .map(|(row, octets)| {
            format!("{:07o} {}\n", row * 16, octets.iter().map(|o| format!("{o:02x} ")).collect::<String>())
        })
        .collect();
    for (input, outer) in [
        (include_str!("../samples/blobs/push.c").to_owned(), &["quoted text"][..]),
        (include_str!("../samples/blobs/nested.b64").to_owned(), &["base64", "hex text"]),
        (format!("[{}]", rows_of(&push)), &["decimal numbers"]),
        (octal, &["hex dump"]),
        (format!("$ xxd -p push.bin\n{text}\n$ \n"), &["hex in text"]),
        (
            format!(
                "unsigned char a[] = {{ 0x{} }};",
                push.iter().map(|o| format!("{o:x}")).collect::<Vec<_>>().join(", 0x")
            ),
            &["hex text"],
        ),
        (smpp.join("\n"), &["hex text", "SMPP", "SMS user data"]),
        (smpp.iter().rev().map(|pdu| format!("{}\n", &pdu[32..])).collect(), &["hex text", "SMPP", "SMS user data"]),
        (include_str!("../samples/blobs/gateway.log").to_owned(), &["hex in text", "SMPP", "SMS user data"]),
        (include_str!("../samples/blobs/sendsms.txt").to_owned(), &["Kannel sendsms", "SMS user data"]),
        (format!("{{\"schema\":\"impskit.message/1\",\"ref\":\"A1\",\"push\":\"{text}\"}}\n"), &["impskit.message/1"]),
        (
            format!("{{\"schema\":\"impskit.built/1\",\"line\":2,\"form\":\"push\",\"data\":\"{text}\"}}"),
            &["impskit.built/1"],
        ),
    ] {
        let peeled = peel(input.as_bytes(), &Options { pin: Some(&pin), ..Options::default() });
        let expected: Vec<&str> = outer.iter().copied().chain(inner).collect();
        assert_eq!(names(&peeled), expected, "{input}");
        assert_eq!((peeled.mac, peeled.is_good()), (MacState::Right, true), "{input}");
        assert!(peeled.layers.iter().all(|layer| !layer.facts.contains("hunter2")), "a password of a gateway");
    }
    let submission = include_bytes!("../samples/blobs/submission.pap");
    let peeled = peel(submission, &Options { pin: Some(&pin), ..Options::default() });
    assert_eq!(names(&peeled), ["PAP 1.0 submission", "pushed content", "WBXML 1.3", "client provisioning document"]);
    assert_eq!((peeled.mac, peeled.document()), (MacState::Right, Some(&push[50..])));
}

/// Forms inside forms are undone four deep, and no deeper.
#[test]
fn nests_four_deep() {
    let mut text = hex(&unhex(rows(PUSHES).next().expect("a row")[2]));
    for depth in 1..=6 {
        let peeled = peel(text.as_bytes(), &Options::default());
        assert_eq!(peeled.document().is_some(), depth <= 4, "{depth}: {:?}", names(&peeled));
        text = hex(text.as_bytes());
    }
}

/// The page is well-formed, asks for nothing outside, and marks the octets of each layer in the one around it.
#[test]
fn a_page_of_layers() {
    let input = include_bytes!("../samples/blobs/modem.log");
    let page = inspect::picture::layers_page("<a&b>", &peel(input, &Options::default()));
    roxmltree::Document::parse_with_options(&page, roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() })
        .expect("well-formed");
    assert!(page.contains("Layers of &lt;a&amp;b&gt;") && !page.contains("<a&b>"));
    assert!(!page.contains("http:") || page.matches("src=").count() == 0);
    for place in 1..=4 {
        assert!(page.contains(&format!("<mark class=\"c{place} ")), "layer {place} is marked");
        assert!(page.contains(&format!("main:has(#l{place}:hover) .c{place}")));
    }
    let blank = inspect::picture::layers_page("x", &peel(b"", &Options::default()));
    assert!(blank.ends_with("</html>\n"));
}

/// All sets of the vectors, in the four forms of PDU, backwards and with a part twice; and without their second part.
#[test]
fn sets_of_pdus() {
    let imsi = Imsi::read("262022033864727").expect("an IMSI");
    let rows: Vec<_> = rows(SMS).filter(|row| row[0] == "v2-netwpin-safe" && row[1] == "16").collect();
    let options = Options { imsi: Some(&imsi), ..Options::default() };
    for (column, before) in [(4, ""), (5, ""), (6, ""), (5, "00"), (6, "07915348103254F6")] {
        let mut lines: Vec<String> = rows.iter().rev().map(|row| format!("{before}{}", row[column])).collect();
        lines.push(lines[1].clone());
        let peeled = peel(lines.join("\n").as_bytes(), &options);
        assert_eq!((peeled.mac, peeled.is_good()), (MacState::Right, true), "{column} {before}: {:?}", peeled.layers);
        assert!(peeled.layers.iter().any(|layer| layer.facts.contains("reference 0x012C, 5 of 5 parts")));
        lines.truncate(5);
        lines.remove(3);
        let peeled = peel(lines.join("\n").as_bytes(), &options);
        assert_eq!(findings(&peeled), ["SM002"], "{column} {before}: {:?}", peeled.layers);
        assert!(peeled.layers.iter().any(|layer| layer.facts.contains("4 of 5 parts")));
    }
    // What a modem says around a PDU is skipped.
    let talk = format!("AT+CMGS=153\r\n> 00{}\x1A\r\n\r\n+CMGS: 4\r\n\r\nOK\r\n", rows[4][5]).replace("> ", "");
    assert_eq!(findings(&peel(talk.as_bytes(), &options)), ["SM002"]);
}

#[test]
fn the_reason_of_a_wrong_mac() {
    let document = unhex(include_str!("../samples/cp/v1-min.safe.wbxml.hex"));
    let prefix = unhex(include_str!("../samples/cp/v2-full.prefix.wbxml.hex"));
    let safe = unhex(include_str!("../samples/cp/v2-full.safe.wbxml.hex"));
    let pin = |digits: &str| Pin::read(digits).expect("a PIN");
    let imsi = |digits: &str| Imsi::read(digits).expect("an IMSI");
    let given = (pin("1234"), imsi("001010123456789"));
    // The octets in the message, and the security and key with which `sealed` was sealed.
    let reason = |sent: &[u8], sealed: &[u8], security: Security, key: &Key| {
        let mut outgoing = Outgoing::new();
        outgoing.seal(1, sealed, Some((security, key)));
        let octets = [&outgoing.push()[..50], sent].concat();
        let peeled = peel(&octets, &Options { pin: Some(&given.0), imsi: Some(&given.1), ..Options::default() });
        assert_eq!((peeled.mac, peeled.is_good()), (MacState::Wrong, false));
        help_of(&peeled, "PU002")
    };
    let parts = |parts: &[&[u8]]| Key::from_parts(parts).expect("a key");
    let key = |security, p: &Pin, i: &Imsi| Key::new(security, Some(p), Some(i)).expect("a key");
    let same = |security, key: Key| reason(&document, &document, security, &key);
    let packed = given.1.octets();
    use Security::{NetwPin, UserNetwPin, UserPin};
    for (help, expected) in [
        (same(UserPin, key(NetwPin, &given.0, &given.1)), "under NETWPIN"),
        (same(NetwPin, key(UserNetwPin, &given.0, &given.1)), "under USERNETWPIN"),
        (same(UserPin, key(UserPin, &pin("1324"), &given.1)), "digits 2 and 3 of the PIN"),
        (same(UserPin, key(UserPin, &pin("1284"), &given.1)), "place 3 of the PIN"),
        (same(NetwPin, key(NetwPin, &given.0, &imsi("001010123456798"))), "digits 14 and 15 of the IMSI"),
        (same(NetwPin, key(NetwPin, &given.0, &imsi("00101012345678"))), "without the last digit of the IMSI"),
        (same(NetwPin, parts(&[b"001010123456789"])), "with the IMSI as text"),
        (same(NetwPin, parts(&[&[8], &packed])), "length octet"),
        (same(UserPin, parts(&[b"1234\n"])), "line end behind the PIN"),
        (same(UserPin, parts(&[&[0x12, 0x34]])), "packed digits"),
        (reason(&[&document[..], &[0]].concat(), &document, UserPin, &key(UserPin, &given.0, &given.1)), "last octets"),
        (reason(&prefix, &safe, UserPin, &key(UserPin, &given.0, &given.1)), "encoded again"),
    ] {
        assert!(help.contains(expected), "`{expected}` is not in `{help}`");
    }
}

/// MACs that OpenSSL made in the ways in which gateways and people make them wrong.
#[test]
fn reasons_that_others_made() {
    let mut count = 0;
    for row in rows(include_str!("../samples/cp/wrong-macs.tsv")) {
        let [name, sec, body, pin, imsi, mac, reason] = row[..] else { panic!("{row:?}") };
        let media = [&[0xB6, 0x91, 0x80 | (sec.as_bytes()[0] - b'0'), 0x92], mac.as_bytes(), &[0]].concat();
        let head = [&[0x1F, media.len() as u8][..], &media].concat();
        let octets = [&[1, 6, head.len() as u8][..], &head, &unhex(body)].concat();
        let pin = Pin::read(pin).ok();
        let imsi = Imsi::read(imsi).ok();
        let peeled = peel(&octets, &Options { pin: pin.as_ref(), imsi: imsi.as_ref(), ..Options::default() });
        assert_eq!((peeled.mac, peeled.is_good()), (MacState::Wrong, false), "{name}");
        let help = help_of(&peeled, "PU002");
        assert!(help.contains(reason), "{name}: `{reason}` is not in `{help}`");
        for secret in [pin.as_ref().map(Pin::digits), imsi.as_ref().map(Imsi::digits)].into_iter().flatten() {
            assert!(!help.contains(secret), "{name}: {help}");
        }
        count += 1;
    }
    assert_eq!(count, 29);
}

#[test]
fn spellings_of_a_mac() {
    let document = unhex(include_str!("../samples/cp/v1-min.safe.wbxml.hex"));
    let pin = Pin::read("1234").expect("a PIN");
    let mac = Key::new(Security::UserPin, Some(&pin), None).expect("a key").mac(&document);
    let with = |text: &[u8]| {
        let length = [&[0xB6, 0x91, 0x81, 0x92][..], text, &[0]].concat();
        let head = [&[0x1F, length.len() as u8][..], &length].concat();
        let octets = [&[1, 6, head.len() as u8][..], &head, &document].concat();
        peel(&octets, &Options { pin: Some(&pin), ..Options::default() })
    };
    let hex = mac.to_string();
    assert_eq!(with(hex.as_bytes()).mac, MacState::Right);
    let lower = with(hex.to_lowercase().as_bytes());
    assert_eq!((lower.mac, lower.is_good(), findings(&lower)), (MacState::Right, true, vec!["PU002"]));
    let decimal: String = mac.0.iter().map(|octet| format!("{octet:03}")).collect();
    let spaced = format!("{} {}", &hex[..20], &hex[20..]);
    for (text, expected) in [
        (decimal.as_str(), "decimal"),
        (spaced.as_str(), "other characters"),
        (&hex[..39], "cut short"),
        ("", ""),
        ("XY", ""),
    ] {
        let peeled = with(text.as_bytes());
        assert_eq!((peeled.mac, peeled.is_good()), (MacState::Wrong, false), "{text}");
        assert!(help_of(&peeled, "PU002").contains(expected), "{}", help_of(&peeled, "PU002"));
    }
}

/// SEC after MAC, SEC missing, SEC unknown, SEC without MAC.
#[test]
fn parameters_out_of_place() {
    let document = unhex(include_str!("../samples/cp/v1-min.safe.wbxml.hex"));
    let pin = Pin::read("1234").expect("a PIN");
    let mac = Key::new(Security::UserPin, Some(&pin), None).expect("a key").mac(&document);
    let mac = [&[0x92][..], &mac.to_hex(), &[0]].concat();
    let with = |parameters: &[&[u8]]| {
        let media = [&[0xB6][..], &parameters.concat()].concat();
        let head = [&[0x1F, media.len() as u8][..], &media].concat();
        let octets = [&[1, 6, head.len() as u8][..], &head, &document].concat();
        let peeled = peel(&octets, &Options { pin: Some(&pin), ..Options::default() });
        assert!(peeled.document().is_some(), "the layers inside are read whatever is wrong with the parameters");
        (peeled.mac, peeled.is_good(), findings(&peeled), help_of(&peeled, "PU003"))
    };
    assert_eq!(with(&[&mac, &[0x91, 0x81]]), (MacState::Right, true, vec!["PU007"], String::new()));
    assert_eq!(with(&[&[0x91, 0x81]]), (MacState::None, false, vec!["PU001"], String::new()));
    for sec in [&[][..], &[0x91, 0x87]] {
        let (state, is_good, codes, help) = with(&[sec, &mac]);
        assert_eq!((state, is_good, codes), (MacState::Unchecked, false, vec!["PU004", "PU003"]));
        assert!(help.contains("under USERPIN"), "{help}");
    }
}

/// What the user types for USERPINMAC stands in the vectors.
#[test]
fn digits_that_a_user_types() {
    let push = unhex(rows(PUSHES).find(|row| row[0] == "v1-userpinmac").expect("a row")[2]);
    let state = |digits: &str| {
        let pin = Pin::read(digits).expect("digits");
        peel(&push, &Options { pin: Some(&pin), ..Options::default() }).mac
    };
    assert_eq!(state("1234504576"), MacState::Right);
    assert_eq!(state("135791986231"), MacState::Right);
    assert_eq!(state("1234504577"), MacState::Wrong);
    assert_eq!(peel(&push, &Options::default()).mac, MacState::Unchecked);
}

#[test]
fn no_change_of_any_octet_hurts() {
    let inputs = [
        unhex(rows(PUSHES).next().expect("a row")[2]),
        unhex(rows(PUSHES).find(|row| row[0] == "v3-usernetwpin").expect("a row")[2]),
        rows(SMS).take(2).map(|row| format!("{}\n", row[6])).collect::<String>().into_bytes(),
        unhex(rows(SMS).nth(2).expect("a row")[5]),
    ];
    let pin = Pin::read("1234").expect("a PIN");
    for input in inputs {
        for octets in crate::delivery::mutations(&input) {
            let peeled = peel(&octets, &Options { pin: Some(&pin), ..Options::default() });
            assert!(!peeled.layers.is_empty());
        }
    }
}

#[test]
fn a_form_that_is_told_and_not_true() {
    let told = |input: &[u8], form| peel(input, &Options { form, ..Options::default() });
    let octets = told(b"aGVsbG8gd29ybGQ=", Form::Base64);
    assert!(octets.layers[1].facts.starts_with("11 octets: 68 65 6C 6C 6F"), "{:?}", octets.layers);
    for form in [Form::Hex, Form::HexDump, Form::Base64] {
        let peeled = told(b"not this!", form);
        assert_eq!((names(&peeled), findings(&peeled)), (vec!["octets"], vec!["GEN001"]));
    }
    assert_eq!(findings(&told(b"51000C", Form::Pdu)), ["SM001"]);
    assert!(!told(b"", Form::Pdu).layers.is_empty());
}

#[test]
fn large_and_odd_inputs() {
    for (input, form) in [
        (vec![b'A'; 1 << 20], Form::Auto),
        (vec![b'A'; 1 << 20], Form::Base64),
        (vec![0x03; (8 << 20) + 1], Form::Auto),
        (b"51000C91\n".repeat(20_000), Form::Pdu),
        (b"\xEF\xBB\xBF".to_vec(), Form::Auto),
        (vec![0], Form::Raw),
        (Vec::new(), Form::Hex),
    ] {
        let peeled = peel(&input, &Options { form, ..Options::default() });
        assert!(!peeled.is_good() && !peeled.layers.is_empty(), "{form:?} {:?}", peeled.layers);
    }
}

/// Every file of the corpus is named, or refused with a finding.
#[test]
fn real_files() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let mut count = 0;
    for folder in ["wbxml", "prov", "csp", "syncml", "tnd"] {
        for entry in std::fs::read_dir(std::path::Path::new(&corpus).join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let input = std::fs::read(&path).expect("a file");
            let peeled = peel(&input, &Options::default());
            let is_named = peeled.document().is_some() && peeled.layers.len() > 1;
            assert!(is_named || !findings(&peeled).is_empty(), "{}: {:?}", path.display(), peeled.layers);
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
    let pin = Pin::read("0000").expect("a PIN");
    let path = std::path::Path::new(&corpus).join("wbxml/wbxmlstream-ota-ota-001.wbxml");
    let peeled = peel(&std::fs::read(path).expect("a file"), &Options { pin: Some(&pin), ..Options::default() });
    assert!(names(&peeled).contains(&"older OTA settings"), "{:?}", peeled.layers);
}

/// The push and the trigger that the sheet prints (DM facts, "Package 0"), and one that breaks off.
#[test]
fn package_0_is_read() {
    let push = "01 06 03 C4 AF 87";
    let digest = "29 1F 40 C9 04 8E 97 43 41 75 D1 0D 0C 6E 25 A7";
    let trigger = "02 D0 00 00 00 12 34 12 63 6F 6D 2E 6D 67 6D 74 73 72 76 2E 6D 61 6E 61 67 65";
    let peeled = inspect::peel(format!("{push} {digest} {trigger}").as_bytes(), &Options::default());
    let says = peeled.layers.last().unwrap();
    assert_eq!(says.name, "DM notification");
    let wanted = "version 1.1  server \"com.mgmtsrv.manage\" wants session 1234, begun by the user, in the background; \
                  its digest is not checked";
    assert_eq!(says.facts, wanted);
    assert!(peeled.is_good());
    let peeled = inspect::peel(format!("{push} {digest} 02 D0 00 00").as_bytes(), &Options::default());
    assert!(!peeled.is_good());
}
