use super::*;
use crate::delivery::wsp::{Media, Push};

/// The message of the sheet (bootstrap, "PAP to a push proxy gateway") with the MAC and the octets filled in.
const EXAMPLE: &str = r#"--X
Content-Type: application/xml

<?xml version="1.0"?>
<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 1.0//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">
<pap>
  <push-message push-id="20261123-1@pi.example.net" deliver-before-timestamp="2027-12-31T00:00:00Z">
    <address address-value="WAPPUSH=+358401234567/TYPE=PLMN@ppg.example.net"/>
    <quality-of-service delivery-method="unconfirmed" network-required="true" network="GSM"
                        bearer-required="true" bearer="SMS"/>
  </push-message>
</pap>
--X
Content-Type: application/vnd.wap.connectivity-wbxml; SEC=1; MAC=35B892EDA0C173DDC5E9584340E0F2C6DE89D457
Content-Transfer-Encoding: binary
X-Wap-Application-Id: x-wap-application:*

WBXML
--X--
"#;

const MAC: &[u8] = b"35B892EDA0C173DDC5E9584340E0F2C6DE89D457";

fn example() -> (Submission<'static>, Push<'static>) {
    let submission = Submission {
        version: Version::V1_0,
        push_id: "20261123-1@pi.example.net",
        to: "+358401234567",
        gateway: "ppg.example.net",
        deliver_before: Some("2027-12-31T00:00:00Z"),
    };
    let media = Media::Known(0x36);
    (submission, Push { media, sec: Some(1), mac: Some(MAC), ..Push::new(0, b"WBXML", Span::default()) })
}

#[test]
fn writes_the_octets_of_the_sheet() {
    let (submission, push) = example();
    let written = write(&submission, &push).unwrap();
    assert_eq!(String::from_utf8(written.body).unwrap(), EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(written.content_type, "multipart/related; boundary=X; type=\"application/xml\"");
    for version in Version::ALL {
        let written = write(&Submission { version, ..submission }, &push).unwrap();
        let message = read(&written.body, &mut Report::new()).unwrap();
        assert_eq!(message.version, Some(version));
    }
}

#[test]
fn reads_what_it_writes_whatever_the_content() {
    let (submission, push) = example();
    for body in [&b"WBXML"[..], b"", b"\r\n--X--\r\n--X1\n", b"\n", b"--X\r\n\r\n"] {
        let written = write(&submission, &Push { body, ..push.clone() }).unwrap();
        for head in ["", "\r\n", "POST /push HTTP/1.1\r\nHost: ppg.example.net\r\nContent-Type: TYPE\r\n\r\n"] {
            let octets = [head.replace("TYPE", &written.content_type).as_bytes(), &written.body].concat();
            let mut report = Report::new();
            let message = read(&octets, &mut report).unwrap();
            assert!(report.diagnostics().is_empty(), "{report:?}");
            let Says::Push(control) = &message.says else { panic!("{message:?}") };
            assert_eq!(control.push_id, "20261123-1@pi.example.net");
            assert_eq!(Control::number(&control.addresses[0]), "+358401234567");
            assert_eq!(control.deliver_before.as_deref(), Some("2027-12-31T00:00:00Z"));
            let part = message.content.unwrap();
            assert_eq!(part.body().as_deref(), Some(body));
            assert_eq!(&octets[part.span.start as usize..part.span.end as usize], body);
            let read = part.push(body, part.span);
            assert_eq!((read.sec, read.mac, read.media.is_provisioning()), (Some(1), Some(MAC), true));
            assert_eq!(read.application.as_deref(), Some("x-wap-application:*"));
        }
    }
}

#[test]
fn refuses_what_no_gateway_takes() {
    let (submission, push) = example();
    let fails = |submission: Submission<'_>| write(&submission, &push).unwrap_err().what;
    assert!(fails(Submission { to: "operator", ..submission }).contains("telephone number"));
    assert!(fails(Submission { deliver_before: Some("2027-12-31T00:00:00+02:00"), ..submission }).contains("UTC"));
    assert!(fails(Submission { gateway: "a\" b", ..submission }).contains("host name"));
    assert!(fails(Submission { push_id: "", ..submission }).contains("push-id"));
    let unnamed = Push { media: Media::Known(0x7F), ..push.clone() };
    assert!(write(&submission, &unnamed).is_err());
    let quoted = Submission { push_id: "a\"<b>@c", ..submission };
    let written = write(&quoted, &push).unwrap();
    let message = read(&written.body, &mut Report::new()).unwrap();
    assert!(matches!(&message.says, Says::Push(control) if control.push_id == "a\"<b>@c"), "{message:?}");
}

#[test]
fn a_push_id_is_that_of_number_and_push() {
    let (_, push) = example();
    let id = push_id("+358401234567", &push);
    assert_eq!(id, push_id("358401234567", &push));
    assert_ne!(id, push_id("+358401234568", &push));
    assert_ne!(id, push_id("+358401234567", &Push { body: b"other", ..push.clone() }));
    assert_ne!(id, push_id("+358401234567", &Push { mac: None, ..push }));
}

/// Headers folded, quoted, in other cases, a body in base64, parameters in the wrong order, no last line.
#[test]
fn reads_other_writers() {
    let text = "Content-Type: Multipart/Related;\r\n\ttype=\"application/xml\"; boundary=\"a; b\"\r\n\r\nignored\r\n\
                --a; b\r\ncontent-type: application/xml\r\n\r\n<pap><push-message push-id='1'>\
                <address address-value='WAPPUSH=+1234567/TYPE=PLMN@g'/></push-message></pap>\r\n--a; b \r\n\
                CONTENT-TYPE: application/vnd.wap.connectivity-wbxml;\r\n mac=\"0102\";\r\n sec=USERPIN\r\n\
                content-transfer-encoding: Base64\r\n\r\nV0JY\r\nTUw=\r\n";
    let mut report = Report::new();
    let message = read(text.as_bytes(), &mut report).unwrap();
    assert!(report.diagnostics().is_empty(), "{report:?}");
    let part = message.content.unwrap();
    let body = part.body().unwrap();
    assert_eq!(&*body, b"WBXML");
    let push = part.push(&body, Span::new(0, body.len()));
    assert_eq!((push.sec, push.mac, push.sec_after_mac), (Some(1), Some(&b"0102"[..]), true));
}

#[test]
fn reads_answers() {
    let text = "HTTP/1.1 202 Accepted\r\nContent-Type: application/xml\r\n\r\n<?xml version=\"1.0\"?>\n<pap>\
                <push-response push-id=\"1@a\" reply-time=\"2026-11-23T12:00:00Z\">\
                <response-result code=\"1001\" desc=\"The message was accepted\"/></push-response></pap>";
    let answer = read_response(text.as_bytes()).unwrap();
    assert!(answer.is_accepted() && !answer.is_temporary());
    assert_eq!(answer.push_id.as_deref(), Some("1@a"));
    assert_eq!(answer.to_string(), "1001 accepted for processing, \"The message was accepted\"");
    let bad = "<pap><badmessage-response code=\"2000\" desc=\"Not understood\" bad-message-fragment=\"&lt;pa\"/></pap>";
    let answer = read_response(bad.as_bytes()).unwrap();
    assert!(!answer.is_accepted() && !answer.is_temporary());
    assert_eq!(answer.to_string(), "2000 bad request, \"Not understood\", at `<pa`");
    let aborted = "<pap><push-response push-id='1'><response-result code='5028'/></push-response></pap>";
    assert_eq!(read_response(aborted.as_bytes()).unwrap().to_string(), "5028 the client waits for its user");
    for wrong in ["", "<html><body>Bad gateway</body></html>", "<pap/>", "<pap><push-response/></pap>", "202"] {
        assert!(read_response(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn hostile_messages_end() {
    for text in [
        "--X".to_owned(),
        "--X\r\n".to_owned(),
        "--X\r\n\r\n".to_owned(),
        "--X--\r\n".to_owned(),
        "Content-Type: multipart/related; boundary=\r\n\r\n<pap/>".to_owned(),
        format!("--{}\r\n\r\n<pap/>", "X".repeat(80)),
        "--X\nContent-Type: a".to_owned(),
        "--X\n\n<pap/>".repeat(100_000),
        "-".repeat(1 << 20),
        format!("--X\n\n<pap>{}", "<a>".repeat(100)),
        format!("--X\nA: {}\n\n<pap/>", "x".repeat(1 << 20)),
    ] {
        let mut report = Report::new();
        read(text.as_bytes(), &mut report);
        assert!(report.has_errors(), "{:?}", &text[..text.len().min(60)]);
    }
}
