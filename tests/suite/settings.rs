//! Settings from before client provisioning: read in both syntaxes, judged, and said as a provisioning document says it.

use impskit::catalogue::{self, Options};
use impskit::codec::{Document, Limits};
use impskit::cp::settings::{Today, today};
use impskit::diagnose::{Report, Severity};
use impskit::document::Element;
use impskit::inspect::{self, picture};
use impskit::provision::cp;

use super::clauses::xml;
use super::codecs::octets;

fn sample(name: &str) -> Vec<u8> {
    let bytes = std::fs::read(format!("tests/samples/cp/{name}")).expect(name);
    if name.ends_with(".hex") { octets(&String::from_utf8(bytes).unwrap()) } else { bytes }
}

fn read(bytes: &[u8]) -> Document<'_> {
    let mut report = Report::new();
    let document = catalogue::read(bytes, &Limits::default(), &mut report).expect("a document");
    assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
    document
}

fn said(bytes: &[u8]) -> Today {
    today(&read(bytes).root).expect("an older document")
}

fn in_short(short: &str) -> Element<'static> {
    let xml = xml(short);
    read(xml.as_bytes()).root.into_owned()
}

const OLD: [(&str, &str, &str); 2] = [
    ("ota-settings.xml", "ota-settings.xml2wbxml.hex", "ota-settings"),
    ("wv-settings.xml", "wv-settings.wbxml.hex", "wv-settings"),
];

/// The octets of the first are libwbxml's, those of the second are put together from the token table of the notes.
#[test]
fn both_formats_are_read_in_both_syntaxes() {
    for (xml, wbxml, id) in OLD {
        let (xml, wbxml) = (sample(xml), sample(wbxml));
        assert!(read(&xml).root.same_as(&read(&wbxml).root), "{id}");
        for bytes in [xml, wbxml] {
            assert_eq!(read(&bytes).vocabulary.map(|v| v.id), Some(id));
            let checked = catalogue::check(bytes, id, &Options::default());
            assert_eq!(checked.kind.map(|kind| kind.id), Some(id));
            let [finding] = checked.report.diagnostics() else { panic!("{:?}", checked.report.diagnostics()) };
            assert_eq!((finding.rule.code, finding.severity), ("OTA001", Severity::Note));
        }
    }
}

/// Setting by setting, written out by hand.
#[test]
fn access_points_and_bookmarks_in_todays_words() {
    let Today { document, not_carried } = said(&sample("ota-settings.xml"));
    let expected = in_short(
        "@1.0 NAPDEF[NAPID=access-point-1 BEARER=GSM-GPRS NAME=Acme~GPRS NAP-ADDRESS=chat.acme NAP-ADDRTYPE=APN \
         NAPAUTHINFO[AUTHTYPE=CHAP AUTHNAME=chat AUTHSECRET=ppp-secret]] \
         NAPDEF[NAPID=access-point-2 BEARER=GSM-CSD NAME=Acme~Wap NAP-ADDRESS=+46700000001 NAP-ADDRTYPE=E164 \
         CALLTYPE=ANALOG-MODEM LINKSPEED=AUTOBAUDING] \
         PXLOGICAL[PROXY-ID=proxy-1 NAME=Acme~GPRS PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=wap PXAUTH-PW=wap-secret] \
         PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.10 PXADDRTYPE=IPV4 TO-NAPID=access-point-1 \
         PORT[PORTNBR=9201 SERVICE=CO-WSP]]] \
         PXLOGICAL[PROXY-ID=proxy-2 NAME=Acme~Wap PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.11 \
         TO-NAPID=access-point-2 PORT[PORTNBR=9203 SERVICE=CO-SEC-WSP]]] \
         APPLICATION[APPID=w2 NAME=Acme~Wap TO-PROXY=proxy-1 TO-PROXY=proxy-2 \
         RESOURCE[URI=http://wap.acme.example/ NAME=Acme~Wap STARTPAGE] \
         RESOURCE[URI=http://wap.acme.example/weather NAME=Weather]] \
         APPLICATION[APPID=w4 NAME=Acme~Wap TO-PROXY=proxy-1 TO-PROXY=proxy-2 ADDR=http://mms.acme.example/]",
    );
    assert!(document.same_as(&expected), "{document:#?}");
    let left: Vec<_> = not_carried.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [("ADDRESS/PROXY_LOGINTYPE", "AUTOMATIC"), ("ADDRESS/PPP_LOGINTYPE", "MANUAL"), ("ID", "7")];
    assert_eq!(left, expected);
}

/// The table of the notes on the management object (5.1), row by row, as far as the nodes.
#[test]
fn wireless_village_settings_in_todays_words() {
    let Today { document, not_carried } = said(&sample("wv-settings.xml"));
    let types = "application/vnd.wv.csp.wbxml;1.2;1.1,application/vnd.wv.csp.xml;1.2;1.1";
    let expected = in_short(&format!(
        "@1.0 PXLOGICAL[PROXY-ID=proxy-1 NAME=Acme~Chat PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=wap PXAUTH-PW=proxy-secret] \
         PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.10 TO-NAPID=INTERNET PORT[PORTNBR=8080]]] \
         APPLICATION[APPID=wA NAME=Acme~Chat AACCEPT={types} TO-PROXY=proxy-1 \
         APPADDR[ADDR=http://imps.acme.example/csp] APPADDR[ADDR=+46700000001 ADDRTYPE=E164] \
         APPAUTH[AAUTHLEVEL=APPSRV AAUTHNAME=wv:anna@acme.example AAUTHSECRET=hunter22] \
         WVSettings[WVRefName=acme WVPreferredProtocol=HTTP WVSMS[WVSAPFourWaySupported=0 WVSMSCMobileNumber=+46700000002] \
         WVHTTP[WVSAPFourWaySupported=1]]]",
    ));
    assert!(document.same_as(&expected), "{document:#?}");
    assert_eq!(not_carried, [("WVOTAVersion".to_owned(), "1.0".to_owned())]);
    // And on to an account: nothing more is lost.
    let reading = cp::read(&document);
    assert!(reading.not_carried.is_empty(), "{:?}", reading.not_carried);
    assert_eq!(reading.accounts[0].credentials[0].user.as_deref(), Some("wv:anna@acme.example"));
    assert_eq!(reading.accounts[0].vendor[0].kind, "WVSettings");
}

/// What is made of them has no error in it.
#[test]
fn todays_documents_are_without_errors() {
    for (xml, _, id) in OLD {
        let mut report = Report::new();
        impskit::cp::check(&said(&sample(xml)).document, false, &mut report);
        assert!(!report.has_errors(), "{id}: {:?}", report.diagnostics());
    }
}

/// Passwords are masked in pictures, in both halves.
#[test]
fn pictures_show_todays_words_and_no_secret() {
    for (xml, wbxml, id) in OLD {
        let (xml, wbxml) = (sample(xml), sample(wbxml));
        let view = picture::View::default();
        let text = picture::document(&read(&xml), &view).to_text();
        assert_eq!(text, picture::document(&read(&wbxml), &view).to_text(), "{id}");
        assert!(!text.contains("secret") && !text.contains("hunter22"), "{text}");
        assert!(text.contains("what a provisioning document would say"), "{text}");
        let peeled = inspect::peel(&wbxml, &inspect::Options::default());
        let facts: Vec<_> = peeled.layers.iter().map(|layer| layer.facts.as_str()).collect();
        assert!(facts.iter().any(|facts| facts.contains("from before client provisioning")), "{facts:?}");
        assert!(peeled.is_good());
    }
}

fn codes(xml: &str) -> String {
    let report = catalogue::check(xml.as_bytes().to_vec(), "old", &Options::default()).report;
    let letter = |severity| match severity {
        Severity::Error => "E",
        Severity::Warning => "W",
        Severity::Note => "N",
    };
    let others = report.diagnostics().iter().filter(|finding| finding.rule.code != "OTA001");
    others.map(|finding| format!("{} {}", letter(finding.severity), finding.rule.code)).collect::<Vec<_>>().join(" ")
}

#[test]
fn faults_of_access_points_are_named() {
    for (body, findings) in [
        ("", "E OTA002"),
        ("<CHARACTERISTIC/>", "E OTA002"),
        ("<CHARACTERISTIC TYPE='ADRESS'/>", "W OTA003"),
        ("<CHARACTERISTIC TYPE='URL'/>", "E OTA002"),
        ("<CHARACTERISTIC TYPE='URL' VALUE='http://a/'/>", ""),
        ("<CHARACTERISTIC TYPE='NAME'><PARM/></CHARACTERISTIC>", "E OTA002"),
        ("<CHARACTERISTIC TYPE='NAME'><PARM NAME='NAME'/></CHARACTERISTIC>", "E OTA002"),
        ("<CHARACTERISTIC TYPE='NAME'><PARM NAME='URL' VALUE='x'/></CHARACTERISTIC>", "W OTA003"),
        ("<CHARACTERISTIC TYPE='NAME'><X/></CHARACTERISTIC>", "W OTA003"),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='BEARER' VALUE='LTE'/></CHARACTERISTIC>", "W OTA005"),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='PORT' VALUE='0'/></CHARACTERISTIC>", "W OTA005"),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='PORT' VALUE='8080'/></CHARACTERISTIC>", ""),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='CSD_CALLSPEED' VALUE='fast'/></CHARACTERISTIC>", "W OTA005"),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='CSD_CALLSPEED' VALUE='9600'/></CHARACTERISTIC>", ""),
        ("<CHARACTERISTIC TYPE='ADDRESS'><PARM NAME='PPP_AUTHSECRET' VALUE=''/></CHARACTERISTIC>", ""),
    ] {
        assert_eq!(codes(&format!("<CHARACTERISTIC-LIST>{body}</CHARACTERISTIC-LIST>")), findings, "{body}");
    }
}

/// The tree of the notes on `wA` (section 6): what is mandatory, the order, the lengths.
#[test]
fn faults_of_wireless_village_settings_are_named() {
    let sound = String::from_utf8(sample("wv-settings.xml")).unwrap();
    let without = |name: &str| {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let (start, end) = (sound.find(&open).unwrap(), sound.find(&close).unwrap() + close.len());
        format!("{}{}", &sound[..start], &sound[end..])
    };
    assert_eq!(codes(&sound), "");
    for name in [
        "WVOTAVersion",
        "WVCommon",
        "WVSettingsName",
        "WVSAPMobileNumber",
        "WVSMSCMobileNumber",
        "WVSAPURI",
        "WVProxyAddress",
    ] {
        assert_eq!(codes(&without(name)), "E OTA002", "{name}");
    }
    for name in
        ["WVRefName", "WVUserID", "WVPreferredProtocol", "WVSMS", "WVHTTP", "WVProxy", "WVProxyPort", "WVProxyUser"]
    {
        assert_eq!(codes(&without(name)), "", "{name}");
    }
    for (what, document, findings) in [
        (
            "no server",
            "<WVSettings><WVOTAVersion>1</WVOTAVersion><WVCommon><WVSettingsName>a</WVSettingsName>\
                       <WVSupportedVersion>1.1</WVSupportedVersion></WVCommon></WVSettings>"
                .to_owned(),
            "W OTA002",
        ),
        ("unknown", sound.replace("WVRefName", "WVReference"), "W OTA003"),
        (
            "twice",
            sound.replace("<WVRefName>acme</WVRefName>", "<WVRefName>a</WVRefName><WVRefName>b</WVRefName>"),
            "W OTA004",
        ),
        ("200 octets", sound.replace("hunter22", &"x".repeat(200)), ""),
        ("201 octets", sound.replace("hunter22", &"x".repeat(201)), "W OTA005"),
        ("no port", sound.replace("8080", "80a"), "W OTA005"),
    ] {
        assert_eq!(codes(&document), findings, "{what}");
    }
    let moved = without("WVSMS").replace(
        "</WVSettings>",
        &format!("{}</WVSettings>", &sound[sound.find("<WVSMS>").unwrap()..sound.find("<WVHTTP>").unwrap()]),
    );
    assert_eq!(codes(&moved), "W OTA004", "WVSMS must precede WVHTTP");
}

/// Real ones of others: nothing is wrong with them, and each says something today.
#[test]
fn documents_of_others_are_said_today() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let corpus = std::path::Path::new(&corpus);
    for name in [
        "prov/kannel-bookmark.ota.xml",
        "prov/kannel-settings4.ota.xml",
        "prov/libwbxml-ota-001.ota.xml",
        "prov/libwbxml-ota-003.ota.xml",
        "wbxml/wbxmlstream-ota-ota-001.wbxml",
        "wbxml/wbxmlstream-ota-ota-003.wbxml",
    ] {
        let bytes = std::fs::read(corpus.join(name)).expect(name);
        let checked = catalogue::check(bytes.clone(), name, &Options::default());
        let codes: Vec<_> = checked.report.diagnostics().iter().map(|d| d.rule.code).collect();
        assert_eq!(codes, ["OTA001"], "{name}");
        assert!(!said(&bytes).document.children.is_empty(), "{name}");
    }
    let pair = |xml: &str, wbxml: &str| {
        let (xml, wbxml) = (std::fs::read(corpus.join(xml)).unwrap(), std::fs::read(corpus.join(wbxml)).unwrap());
        assert!(said(&xml).document.same_as(&said(&wbxml).document));
    };
    pair("prov/libwbxml-ota-001.ota.xml", "wbxml/wbxmlstream-ota-ota-001.wbxml");
    pair("prov/libwbxml-ota-003.ota.xml", "wbxml/wbxmlstream-ota-ota-003.wbxml");
}

/// Other applications in words of their registrations; a parm without value is a flag, or has none.
#[test]
fn pictures_name_applications_and_their_parms() {
    let xml = xml(
        "APPLICATION[APPID=25 FROM=a@a.example APPAUTH[AAUTHSECRET]] APPLICATION[APPID=w7 INIT] APPLICATION[APPID=x X]",
    );
    let text = picture::document(&read(xml.as_bytes()), &picture::View::default()).to_text();
    for line in [
        "application: Sending mail (SMTP)                APPLICATION",
        "the user's own address            a@a.example  FROM",
        "password                        (no value)   AAUTHSECRET",
        "the client starts a session of its own accord  yes          INIT",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&text).contains(&squeezed(line)), "{line}\n{text}");
    }
}
