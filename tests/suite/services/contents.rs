//! What messages carry: every character, octets, extensions, and how much of it.

use super::*;

#[test]
fn binary_content_is_base64_in_every_syntax_and_read_as_octets_too() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    bob.encoding = Encoding::Wbxml;
    let capability = "<ClientCapability-Request><CapabilityList><AnyContent>T</AnyContent></CapabilityList></ClientCapability-Request>";
    let png = "<ContentType>image/png</ContentType><ContentEncoding>BASE64</ContentEncoding>";
    let answer = lab.ask(&mut alice, &send(USER_BOB, png, "iVBORw0KGgoA/w=="));
    assert_eq!(details(&answer), [(415, vec!["wv:bob@example.com".to_owned()])], "text/plain is all that was agreed");
    for client in [&mut alice, &mut bob] {
        lab.ask(client, capability);
    }
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, png, "iVBORw0KGgoA/w==")), 200);
    let message = lab.receive(&bob, "NewMessage");
    let octets = impskit::document::from_base64("iVBORw0KGgoA/w==").unwrap();
    // Shipped clients of WBXML pass over octets, or take them for text.
    assert_eq!(message.child_text("ContentData"), Some("iVBORw0KGgoA/w=="));
    assert_eq!(message.descend(&["MessageInfo", "ContentEncoding"]).map(Element::trimmed), Some("BASE64"));
    assert_eq!(message.descend(&["MessageInfo", "ContentSize"]).unwrap().trimmed(), octets.len().to_string());
    // And back: octets in WBXML, base64 in XML.
    let info = Element::new("MessageInfo")
        .with_leaf("ContentType", "image/png")
        .with(Element::new("Recipient").with(Element::new("User").with_leaf("UserID", "wv:alice@example.com")));
    let request = Element::new("SendMessage-Request")
        .with_leaf("DeliveryReport", "F")
        .with(info)
        .with(Element::octets("ContentData", octets));
    let answers = lab.exchange(&bob, Transaction::request("99", request));
    assert_eq!(Outcome::read(&answers[0].primitive).unwrap().code.0, 200);
    let message = lab.receive(&alice, "NewMessage");
    assert_eq!(message.child_text("ContentData"), Some("iVBORw0KGgoA/w=="));
    assert_eq!(message.descend(&["MessageInfo", "ContentEncoding"]).map(Element::trimmed), Some("BASE64"));
}

/// What is too large to be pushed is to be had at an address, by the session that was told it and while it waits.
#[test]
fn c05_large_content_is_fetched_by_its_recipient_alone() {
    let mut store = Store::in_memory().unwrap();
    for user in ["alice", "bob"] {
        store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
    }
    let content = Some("http://example.com/content".to_owned());
    let configuration = Configuration { domain: "example.com".into(), content, ..Configuration::default() };
    let mut lab = Lab::configured(configuration, store);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let limit = |most: u32| {
        let limit = format!("<AcceptedPushLength>{most}</AcceptedPushLength><AnyContent>T</AnyContent>");
        format!("<ClientCapability-Request><CapabilityList>{limit}</CapabilityList></ClientCapability-Request>")
    };
    lab.ask(&mut alice, &limit(1));
    lab.ask(&mut bob, &limit(7));
    let png = "<ContentType>image/png</ContentType><ContentEncoding>BASE64</ContentEncoding>";
    let uri = |info: &Element<'_>| info.descend(&["MessageInfo", "MessageURI"]).map(|uri| uri.trimmed().to_owned());
    let fetch = |lab: &mut Lab, address: &str| {
        let input = Input::Content { connection: 9, address: address.to_owned() };
        let mut outputs = lab.engine.handle(Timestamp::from_seconds(lab.now), input);
        let Output::Reply { connection: 9, status, media_type, body } = outputs.remove(0) else { panic!("no reply") };
        (status, media_type, body)
    };
    let nothing = (404, String::new(), Vec::new());
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, png, "iVBORw0KGgo=")), 200);
    let told = lab.receive(&bob, "MessageNotification");
    let address = uri(&told).unwrap();
    assert!(address.len() <= 100, "the longest that there may be");
    let address = address.strip_prefix("http://example.com/content/").unwrap();
    assert_eq!(fetch(&mut lab, address), (200, "image/png".to_owned(), b"\x89PNG\r\n\x1A\n".to_vec()));
    // Neither others' secrets nor other messages, nor the identifier of the session.
    assert_eq!(lab.code(&mut bob, &send("<User><UserID>wv:alice</UserID></User>", "", "for alice")), 200);
    let of_alice = uri(&lab.receive(&alice, "MessageNotification")).unwrap();
    let of_alice = of_alice.strip_prefix("http://example.com/content/").unwrap();
    assert_eq!(fetch(&mut lab, of_alice).2, b"for alice");
    let (token, id) = address.split_once('/').unwrap();
    let (other_token, other_id) = of_alice.split_once('/').unwrap();
    for guess in [
        format!("{other_token}/{id}"),
        format!("{token}/{other_id}"),
        format!("{}/{id}", bob.session),
        token.to_owned(),
        format!("{token}/"),
        format!("{token}/{id}/"),
        format!("/{id}"),
        String::new(),
    ] {
        assert_eq!(fetch(&mut lab, &guess), nothing, "{guess}");
    }
    // What fits, and what is elsewhere, has no address of ours.
    lab.ask(&mut alice, &send(USER_BOB, png, "iVBORw=="));
    assert_eq!(uri(&lab.receive(&bob, "NewMessage")), None);
    lab.ask(&mut alice, &send(USER_BOB, "<MessageURI>http://a.example/x</MessageURI>", "01234567"));
    assert_eq!(uri(&lab.receive(&bob, "MessageNotification")).as_deref(), Some("http://a.example/x"));
    // It is gone when it is delivered, or the session is over.
    assert_eq!(lab.code(&mut bob, &format!("<MessageDelivered><MessageID>{id}</MessageID></MessageDelivered>")), 200);
    assert_eq!(fetch(&mut lab, address), nothing);
    assert_eq!(fetch(&mut lab, of_alice).0, 200);
    lab.code(&mut alice, "<Logout-Request/>");
    assert_eq!(fetch(&mut lab, of_alice), nothing);
}

#[test]
fn large_content_is_announced_even_under_push() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(
        &mut bob,
        "<ClientCapability-Request><CapabilityList><InitialDeliveryMethod>P</InitialDeliveryMethod>\
         <AcceptedPushLength>10</AcceptedPushLength></CapabilityList></ClientCapability-Request>",
    );
    lab.ask(&mut alice, &send(USER_BOB, "", "0123456789"));
    lab.receive(&bob, "NewMessage");
    lab.ask(&mut alice, &send(USER_BOB, "", "01234567890"));
    lab.receive(&bob, "MessageNotification");
    // Nor is what the client's parser could not take.
    lab.ask(&mut bob, "<ClientCapability-Request><CapabilityList><ParserSize>1500</ParserSize></CapabilityList></ClientCapability-Request>");
    lab.poll(&bob);
    lab.ask(&mut alice, &send(USER_BOB, "", &"x".repeat(600)));
    lab.receive(&bob, "MessageNotification");
}

/// Returns every character that a text may hold, in texts of some thousand each: all planes of Unicode.
fn all_of_unicode() -> Vec<String> {
    let all: Vec<char> = ('\u{9}'..=char::MAX)
        .filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
        .filter(|c| !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        .collect();
    all.chunks(30_000).map(|chunk| chunk.iter().collect()).collect()
}

fn text_message(to: &str, content: Element<'static>) -> Element<'static> {
    let recipient = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", to.to_owned()));
    let info = Element::new("MessageInfo").with_leaf("ContentType", "text/plain").with(recipient);
    Element::new("SendMessage-Request").with_leaf("DeliveryReport", "F").with(info).with(content)
}

/// Sends an element and returns the code of its answer.
fn post(lab: &mut Lab, client: &mut Client, request: Element<'static>) -> u16 {
    client.last_id += 1;
    let answers = lab.exchange(client, Transaction::request(client.last_id.to_string(), request));
    Outcome::read(&answers[0].primitive).unwrap().code.0
}

#[test]
fn every_character_of_every_plane_survives_between_the_syntaxes() {
    let texts = all_of_unicode();
    assert!(texts.iter().map(|text| text.chars().count()).sum::<usize>() > 1_110_000);
    for (from, to) in [(Encoding::Xml, Encoding::Wbxml), (Encoding::Wbxml, Encoding::Xml)] {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
        (alice.encoding, bob.encoding) = (from, to);
        for text in &texts {
            let request = text_message("wv:bob", Element::leaf("ContentData", text.clone()));
            assert_eq!(post(&mut lab, &mut alice, request), 200);
            let message = lab.receive(&bob, "NewMessage");
            assert!(message.child("ContentData").is_some_and(|content| content.text() == text), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn texts_and_octets_survive_between_all_versions_and_syntaxes() {
    let texts =
        [":-) ;-P <3 \u{1F468}\u{200D}\u{1F469}", " a\tb\r\nc ", "]]> &amp; <x/>", "\u{10FFFD}\u{E000}\u{D7FF}"];
    let octets: Vec<u8> = (0..=255).collect();
    for (one, other) in Version::ALL.iter().flat_map(|one| Version::ALL.map(|other| (*one, other))) {
        for (from, to) in
            [Encoding::Xml, Encoding::Wbxml].iter().flat_map(|f| [(*f, Encoding::Xml), (*f, Encoding::Wbxml)])
        {
            let mut lab = Lab::new();
            let (mut alice, mut bob) = (lab.login("alice", one), lab.login("bob", other));
            (alice.encoding, bob.encoding) = (from, to);
            for text in texts {
                let request = text_message("wv:bob", Element::leaf("ContentData", text));
                assert_eq!(post(&mut lab, &mut alice, request), 200);
                let message = lab.receive(&bob, "NewMessage");
                let (way, got) =
                    (format!("{one:?} {from:?} to {other:?} {to:?}"), message.child("ContentData").unwrap());
                assert_eq!(got.text(), text, "{way}");
                let size = message.descend(&["MessageInfo", "ContentSize"]).map(Element::trimmed);
                assert_eq!(size, Some(text.len().to_string().as_str()), "{way}");
            }
            let content = match from {
                Encoding::Xml => Element::leaf("ContentData", base64(&octets)),
                _ => Element::octets("ContentData", octets.clone()),
            };
            let mut request = text_message("wv:bob", content);
            if from == Encoding::Xml {
                request.children[1].children.push(Element::leaf("ContentEncoding", "BASE64"));
            }
            assert_eq!(post(&mut lab, &mut alice, request), 200);
            let message = lab.receive(&bob, "NewMessage");
            let got = match &message.child("ContentData").unwrap().content {
                impskit::document::Content::Octets(octets) => octets.to_vec(),
                impskit::document::Content::Text(text) => impskit::document::from_base64(text).unwrap(),
            };
            assert!(got == octets, "{one:?} {from:?} to {other:?} {to:?}");
        }
    }
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

#[test]
fn characters_that_xml_cannot_carry_stop_nobody() {
    let mut lab = Lab::new();
    let (mut alice, bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    alice.encoding = Encoding::Wbxml;
    for c in ('\u{0}'..' ').chain(['\u{7F}', '\u{FFFE}', '\u{FFFF}']).filter(|c| !matches!(c, '\t' | '\n' | '\r')) {
        let text = format!("a{c}b");
        // As octets, for no text of WBXML holds them all: they come as base64 of the very octets.
        let request = text_message("wv:bob", Element::octets("ContentData", text.clone().into_bytes()));
        assert_eq!(post(&mut lab, &mut alice, request), 200);
        let message = lab.receive(&bob, "NewMessage");
        let content = message.child_text("ContentData").unwrap();
        if c == '\u{7F}' {
            assert_eq!(content, text);
        } else {
            assert_eq!(impskit::document::from_base64(content), Some(text.into_bytes()), "{c:?}");
            assert_eq!(message.descend(&["MessageInfo", "ContentEncoding"]).map(Element::trimmed), Some("BASE64"));
        }
    }
}

#[test]
fn what_is_added_to_a_message_goes_on_unchanged() {
    let mut lab = Lab::new();
    let (mut alice, bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let mut wbxml = lab.login("carol", Version::V1_3);
    wbxml.encoding = Encoding::Wbxml;
    let extension = "<ExtBlockETEM><Mood xmlns=\"urn:example:moods\"><Colour>red</Colour></Mood></ExtBlockETEM>";
    let font = "<Font><Size>Big</Size><Style>Bold</Style><Color>Teal</Color></Font>";
    let to = format!("{USER_BOB}<User><UserID>wv:carol</UserID></User>");
    let more = format!("{font}{extension}<ContentName>a name</ContentName>");
    assert_eq!(lab.code(&mut alice, &send(&to, &more, "x")), 200);
    let message = lab.receive(&bob, "NewMessage");
    let info = message.child("MessageInfo").unwrap();
    assert_eq!(text(info.child("Font").unwrap()), font);
    assert_eq!(info.child_text("ContentName"), Some("a name"));
    let block = info.child("ExtBlockETEM").unwrap();
    assert_eq!(text(block), "<ExtBlockETEM><Mood><Colour>red</Colour></Mood></ExtBlockETEM>");
    assert_eq!(block.children[0].attribute("xmlns"), Some("urn:example:moods"));
    // An extension that has no tokens does not keep the message from a client that reads tokens.
    let message = lab.receive(&wbxml, "NewMessage");
    assert_eq!(message.child_text("ContentData"), Some("x"));
    assert!(message.descend(&["MessageInfo", "ExtBlockETEM"]).is_none());
    // One of text does.
    let plain = "<ExtBlockETEM>red &amp; blue</ExtBlockETEM>";
    assert_eq!(lab.code(&mut alice, &send(&to, plain, "y")), 200);
    for client in [&bob, &wbxml] {
        let message = lab.receive(client, "NewMessage");
        let block = message.descend(&["MessageInfo", "ExtBlockETEM"]);
        assert_eq!(block.map(Element::trimmed), Some("red & blue"));
    }
}

#[test]
fn what_is_too_large_for_a_client_is_refused_or_not_fetched() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let limits = "<ClientCapability-Request><CapabilityList><AnyContent>T</AnyContent>\
        <AcceptedPullLength>20</AcceptedPullLength><AcceptedPushLength>5</AcceptedPushLength>\
        <AcceptedTextContentLength>10</AcceptedTextContentLength></CapabilityList></ClientCapability-Request>";
    assert_eq!(lab.ask(&mut bob, limits).name, "ClientCapability-Response");
    let blob = "<ContentType>application/octet-stream</ContentType>";
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "12345")), 200);
    lab.receive(&bob, "NewMessage");
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "1234567890")), 200);
    lab.receive(&bob, "MessageNotification");
    assert_eq!(details(&lab.ask(&mut alice, &send(USER_BOB, "", "12345678901")))[0].0, 410, "text");
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, blob, "12345678901")), 200);
    lab.receive(&bob, "MessageNotification");
    assert_eq!(details(&lab.ask(&mut alice, &send(USER_BOB, blob, "123456789012345678901")))[0].0, 410);
    // What was stored before is announced, and is too much to fetch.
    lab.ask(&mut bob, "<Logout-Request/>");
    let answer = lab.ask(&mut alice, &send(USER_BOB, "", "stored while away"));
    let id = answer.child_text("MessageID").unwrap().to_owned();
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, limits);
    let told = lab.poll(&bob);
    assert!(told.iter().all(|primitive| primitive.name == "MessageNotification") && told.len() == 3, "{told:?}");
    let fetch = format!("<GetMessage-Request><MessageID>{id}</MessageID></GetMessage-Request>");
    assert_eq!(lab.code(&mut bob, &fetch), 432);
    let reject = format!("<RejectMessage-Request><MessageID>{id}</MessageID></RejectMessage-Request>");
    assert_eq!(lab.code(&mut bob, &reject), 200);
}
