//! CSP messages: the samples in both syntaxes, and the messages of the corpus where there is one.

use std::fs;
use std::path::{Path, PathBuf};

use impskit::catalogue;
use impskit::codec::{self, Encoding, Limits, WbxmlOptions};
use impskit::csp::{Address, Message, Version, is_same, wire};
use impskit::diagnose::{Report, Rule};
use impskit::document::Element;
use proptest::prelude::*;

struct Sample {
    name: String,
    version: Version,
    xml: Vec<u8>,
    wbxml: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for version in Version::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/csp").join(version.as_str());
        for path in files(&folder, "xml") {
            let hex = fs::read_to_string(path.with_extension("hex")).unwrap();
            let name = format!("{}/{}", version.as_str(), path.file_stem().unwrap().display());
            let wbxml = Rule::example(&format!("hex:{hex}"));
            samples.push(Sample { name, version, xml: fs::read(&path).unwrap(), wbxml });
        }
    }
    assert_eq!(samples.len(), 11 + 63 + 74, "samples of 1.1, 1.2 and 1.3");
    samples
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    paths
}

/// Reads a document that must be without any finding.
fn read_clean<'b>(name: &str, bytes: &'b [u8]) -> Element<'b> {
    let mut report = Report::new();
    let document = catalogue::read(bytes, &Limits::default(), &mut report).unwrap_or_else(|| panic!("{name}"));
    document.vocabulary.unwrap().check(&document.root, &mut report);
    if let Some(finding) = report.diagnostics().first() {
        panic!("{name}: {} {}: {}", finding.rule.code, finding.path, finding.message);
    }
    document.root
}

#[test]
fn both_syntaxes_say_the_same_and_nothing_is_wrong_with_it() {
    for sample in samples() {
        let xml = read_clean(&sample.name, &sample.xml);
        let wbxml = read_clean(&sample.name, &sample.wbxml);
        assert!(xml.same_as(&wbxml), "{}: {xml:#?} {wbxml:#?}", sample.name);
    }
}

#[test]
fn every_sample_is_written_with_the_same_octets() {
    for sample in samples() {
        let (body, form) = wire::read(&sample.xml, &wire::LIMITS).unwrap_or_else(|r| panic!("{}: {r:?}", sample.name));
        let wire::Body::Message(message) = body else { panic!("{} is a message", sample.name) };
        assert_eq!((message.version, form.encoding), (sample.version, Encoding::Xml), "{}", sample.name);
        // The samples carry dates as OPAQUE in every version; we write text to 1.1 and 1.2, as the standard allows.
        let options = WbxmlOptions { opaque_dates: Some(true), ..WbxmlOptions::default() };
        let octets = codec::write_wbxml(&message.element(), sample.version.vocabulary(), &options).unwrap();
        assert_eq!(hex(&octets), hex(&sample.wbxml), "{}", sample.name);
        let (again, form) = wire::read(&octets, &wire::LIMITS).unwrap();
        assert_eq!((again, form.encoding), (wire::Body::Message(message), Encoding::Wbxml), "{}", sample.name);
    }
}

#[test]
fn writing_xml_keeps_every_element_in_its_place() {
    for sample in samples() {
        let root = read_clean(&sample.name, &sample.xml);
        let message = Message::read(root.clone(), sample.version).unwrap();
        assert!(message.element().same_as(&root), "{}", sample.name);
    }
}

fn hex(octets: &[u8]) -> String {
    octets.chunks(16).map(|row| row.iter().map(|b| format!("{b:02X} ")).collect::<String>() + "\n").collect()
}

fn xml(root: &Element<'_>) -> String {
    String::from_utf8(codec::write_xml(root, None, true)).unwrap()
}

/// The folder of collected CSP messages; they are not part of this repository.
fn corpus() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("IMPSKIT_CORPUS")?).join("csp"))
}

#[test]
fn collected_messages_are_read_or_refused_with_a_reason() {
    let Some(folder) = corpus() else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for path in files(&folder, "xml").into_iter().chain(files(&folder, "wbxml")) {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().display().to_string();
        match wire::read(&bytes, &wire::LIMITS) {
            Ok(_) => read += 1,
            Err(refusal) => {
                assert!(!refusal.what().is_empty(), "{name}");
                refused.push(format!("{name}: {}", refusal.what()));
            }
        }
    }
    println!("read {read}, refused {}:\n{}", refused.len(), refused.join("\n"));
    assert!(read > 0);
}

#[test]
fn nothing_is_wrong_with_collected_messages_but_what_is_really_wrong() {
    // The first has a digest that is no base64, the second a broken quote.
    const WRONG: [&str; 3] = ["libwbxml-wv-007.xml", "wbxmlstream-wv-wv-007.wbxml", "movistar-sms20-14-ListManage"];
    let Some(folder) = corpus() else { return };
    for path in files(&folder, "xml").into_iter().chain(files(&folder, "wbxml")) {
        let (bytes, name) = (fs::read(&path).unwrap(), path.file_name().unwrap().display().to_string());
        if !WRONG.iter().any(|stem| name.starts_with(stem)) {
            read_clean(&name, &bytes);
        }
    }
}

#[test]
fn messages_collected_in_both_syntaxes_are_the_same() {
    let Some(folder) = corpus() else { return };
    let mut pairs = 0;
    for path in files(&folder, "xml") {
        let stem = path.file_stem().unwrap().display().to_string();
        let Some(number) = stem.strip_prefix("libwbxml-wv-") else { continue };
        let other = folder.join(format!("wbxmlstream-wv-wv-{number}.wbxml"));
        let Ok(binary) = fs::read(&other) else { continue };
        // The file says itself that its search identifier is this number, which the other one holds as octets.
        let text = fs::read_to_string(&path).unwrap().replace(">0x23829381<", ">595760001<");
        let message = |bytes: &[u8]| match wire::read(bytes, &wire::LIMITS) {
            Ok((wire::Body::Message(message), _)) => message.into_owned(),
            other => panic!("{stem}: {other:?}"),
        };
        let (text, binary) = (message(text.as_bytes()), message(&binary));
        let (text, binary) = (text.element(), binary.element());
        assert!(text.same_as(&binary), "{stem}\n{}\n{}", xml(&text), xml(&binary));
        pairs += 1;
    }
    assert!(pairs > 0);
}

proptest! {
    #[test]
    fn an_address_has_one_form(text in "(wv:|WV:)?[ -~é]{0,12}(/[ -~]{0,8})?(@[a-zA-Z.]{0,8})?") {
        if let Ok(address) = Address::read(&text, "Example.com") {
            prop_assert!(address.as_str().starts_with("wv:") && address.as_str().is_ascii());
            prop_assert_eq!(Address::read(address.as_str(), "elsewhere.example"), Ok(address.clone()));
            prop_assert!(is_same(&text.to_ascii_uppercase(), address.as_str(), "example.COM"));
        }
    }
}

#[test]
fn no_document_is_read_twice_as_deep_as_any_message_needs() {
    let deep = b"<WV-CSP-Message>".iter().chain(b"<Session>".repeat(40).iter()).copied().collect::<Vec<u8>>();
    let mut report = Report::new();
    assert!(codec::read(&deep, wire::VOCABULARIES, &wire::LIMITS, &mut report).is_none() || report.has_errors());
    assert!(wire::read(&deep, &wire::LIMITS).is_err());
}
