//! What handsets and open clients really send, written down by hand as they write it: forms that the tables do not
//! have and that must be served (CSP in XML, "Points where sources differ"; CSP in WBXML, "Values").

mod one_table;

use impskit::csp::wire::{self, Body};
use impskit::csp::{Code, Message, Outcome, Version};
use impskit::document::Element;
use impskit::server::Configuration;

use super::server::Lab;

const PASSWORD: &str = "<Password>open-sesame</Password>";
const COOKIE: &str = "<SessionCookie>c0</SessionCookie>";
const CLIENT: &str = "<ClientID><URL>WV:IMPEC01$00001@NOK.S60</URL></ClientID>";

/// A client that writes its messages itself.
struct Peer {
    lab: Lab,
    version: Version,
    session: String,
    last: u32,
}

impl Peer {
    /// A client of anna that is logged in and has negotiated nothing.
    fn new(version: Version) -> Self {
        Self::at(Lab::new(), version)
    }

    /// The same, at a server of its own.
    fn at(lab: Lab, version: Version) -> Self {
        let mut peer = Self { lab, version, session: String::new(), last: 0 };
        let login = format!("<Login-Request><UserID>anna</UserID>{CLIENT}{PASSWORD}{COOKIE}</Login-Request>");
        let answer = peer.ask(&login);
        assert_eq!(code(&answer), 200, "{answer:?}");
        peer.session = answer.child_text("SessionID").unwrap().to_owned();
        peer
    }

    /// The same, with every service.
    fn with_services(version: Version) -> Self {
        let mut peer = Self::new(version);
        let client = if version == Version::V1_1 { CLIENT } else { "" };
        let all = "<FundamentalFeat/><PresenceFeat/><IMFeat/><GroupFeat/>";
        let answer = peer.ask(&format!(
            "<Service-Request>{client}<Functions><WVCSPFeat>{all}</WVCSPFeat></Functions>\
             <AllFunctionsRequest>F</AllFunctionsRequest></Service-Request>"
        ));
        assert_eq!(answer.name, "Service-Response");
        peer
    }

    fn text(&self, id: &str, content: &str) -> String {
        let [session, transaction, _] = self.version.namespaces();
        let descriptor = match self.session.as_str() {
            "" => "<SessionType>Outband</SessionType>".to_owned(),
            id => format!("<SessionType>Inband</SessionType><SessionID>{id}</SessionID>"),
        };
        let id = if id.is_empty() { String::new() } else { format!("<TransactionID>{id}</TransactionID>") };
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><WV-CSP-Message xmlns=\"{session}\"><Session>\
             <SessionDescriptor>{descriptor}</SessionDescriptor><Transaction><TransactionDescriptor>\
             <TransactionMode>Request</TransactionMode>{id}</TransactionDescriptor>\
             <TransactionContent xmlns=\"{transaction}\">{content}</TransactionContent></Transaction></Session>\
             </WV-CSP-Message>"
        )
    }

    fn media_type(&self) -> &'static str {
        wire::media_type(self.version, impskit::codec::Encoding::Xml)
    }

    /// Posts a text; returns the answer.
    fn post(&mut self, text: &str) -> Option<Message<'static>> {
        let (status, body) = self.lab.post(self.media_type(), text.as_bytes().to_vec());
        assert_eq!(status, 200, "{text}");
        match wire::read(&body, &wire::LIMITS) {
            _ if body.is_empty() => None,
            Ok((Body::Message(message), _)) => Some(message.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    /// Asks for a primitive, as text; returns that of the answer.
    fn ask(&mut self, content: &str) -> Element<'static> {
        self.last += 1;
        let id = self.last.to_string();
        let answer = self.post(&self.text(&id, content)).expect("an answer");
        let [answer] = &answer.transactions[..] else { panic!("{answer:?}") };
        assert_eq!(answer.id.as_deref(), Some(id.as_str()));
        answer.primitive.clone()
    }

    /// Asks, and expects a status.
    fn gets(&mut self, content: &str, wanted: u16) -> Element<'static> {
        let answer = self.ask(content);
        assert_eq!(code(&answer), wanted, "{content}: {answer:?}");
        answer
    }
}

/// Returns the status of an answer; 200 where it has none.
fn code(answer: &Element<'_>) -> u16 {
    Outcome::read(answer).map_or(200, |outcome| outcome.code.0)
}

/// A desktop client writes one TransactionID into all its messages, whatever they say. Where it is known it is served;
/// any other client is told that something is wrong with its identifiers (CSP transport, "Retransmission").
#[test]
fn messages_that_all_have_one_transaction_id() {
    let table =
        "domain = 'example.com'\n[[client]]\nwhen = { client = 'wv:impec*' }\nforms = ['transaction-ids-reused']\n";
    let known = Configuration::of(toml::from_str(table).unwrap()).unwrap();
    for (lab, wanted) in [(Lab::with(known), [200, 200, 200]), (Lab::new(), [200, 420, 200])] {
        let mut peer = Peer::at(lab, Version::V1_2);
        let sent = |text: &str| {
            format!(
                "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><ContentType>text/plain</ContentType>\
                 <Recipient><User><UserID>wv:berta@example.com</UserID></User></Recipient><Sender><User>\
                 <UserID>wv:anna@example.com</UserID></User></Sender></MessageInfo><ContentData>{text}</ContentData>\
                 </SendMessage-Request>"
            )
        };
        let mut ids = Vec::new();
        for (text, wanted) in ["one", "two", "one"].into_iter().zip(wanted) {
            let text = peer.text("15", &sent(text));
            let answer = peer.post(&text).expect("an answer").transactions.remove(0).primitive;
            assert_eq!(code(&answer), wanted, "{answer:?}");
            ids.extend(answer.child_text("MessageID").map(str::to_owned));
        }
        ids.dedup();
        // What is a repeat to others is a message of its own from this client.
        assert_eq!(ids.len(), if wanted[1] == 200 { 3 } else { 1 });
    }
}

/// A handset of 1.2 that lost its network, or was started anew, writes its login within the session that it had, and goes
/// on with it; its transactions it counts from 1 again.
#[test]
fn a_login_within_the_session_that_is_gone_on_with() {
    for version in [Version::V1_1, Version::V1_2, Version::V1_3] {
        let login =
            |client: &str| format!("<Login-Request><UserID>anna</UserID>{client}{PASSWORD}{COOKIE}</Login-Request>");
        let other = "<ClientID><URL>WV:OTHER</URL></ClientID>";
        let mut peer = Peer::with_services(version);
        let create = "<CreateGroup-Request><GroupID>wv:anna/room@example.com</GroupID><GroupProperties><Property>\
                      <Name>Name</Name><Value>Room</Value></Property></GroupProperties>\
                      <JoinGroup>T</JoinGroup><SubscribeNotification>T</SubscribeNotification></CreateGroup-Request>";
        peer.gets(create, 200);
        peer.last = 0;
        let answer = peer.gets(&login(CLIENT), 200);
        assert_eq!(answer.child_text("SessionID"), Some(peer.session.as_str()), "{version:?}");
        assert_eq!(answer.child_text("CapabilityRequest"), Some("F"));
        // The group is joined as it was: number 2 was another request before the login.
        peer.gets(
            "<JoinGroup-Request><GroupID>wv:anna/room@example.com</GroupID><JoinedRequest>F</JoinedRequest>\
        <SubscribeNotification>F</SubscribeNotification></JoinGroup-Request>",
            807,
        );
        // Nobody else comes into it, and who is no longer in one is not refused.
        let answer = peer.gets(&login(other), 200);
        assert_ne!(answer.child_text("SessionID"), Some(peer.session.as_str()));
        assert_eq!(answer.child_text("CapabilityRequest"), Some("T"));
        peer.ask("<Logout-Request/>");
        let answer = peer.gets(&login(CLIENT), 200);
        assert_ne!(answer.child_text("SessionID"), Some(peer.session.as_str()));
    }
}

#[test]
fn a_capability_request_without_client_id() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let list = "<CapabilityList><ClientType>MOBILE_PHONE</ClientType><InitialDeliveryMethod>P</InitialDeliveryMethod>\
                    <AnyContent>T</AnyContent><AcceptedContentLength>32767</AcceptedContentLength>\
                    <SupportedBearer>HTTP</SupportedBearer><MultiTrans>1</MultiTrans><ParserSize>32767</ParserSize>\
                    </CapabilityList>";
        let answer = peer.ask(&format!("<ClientCapability-Request>{list}</ClientCapability-Request>"));
        assert_eq!(answer.name, "ClientCapability-Response", "{version:?} {answer:?}");
        // And with one in the versions that have none, as a widespread client sends it.
        let answer = peer.ask(&format!("<ClientCapability-Request>{CLIENT}{list}</ClientCapability-Request>"));
        assert_eq!(answer.name, "ClientCapability-Response", "{version:?}");
    }
}

#[test]
fn character_sets_beside_content_types_are_surplus() {
    let plain = "<AcceptedContentType>text/plain</AcceptedContentType>";
    for (version, types) in [(Version::V1_1, plain), (Version::V1_2, plain), (Version::V1_2, "")] {
        let mut peer = Peer::new(version);
        let answer = peer.ask(&format!(
            "<ClientCapability-Request>{CLIENT}<CapabilityList><ClientType>MOBILE_PHONE</ClientType>\
             <InitialDeliveryMethod>P</InitialDeliveryMethod><AcceptedCharSet>106</AcceptedCharSet>{types}\
             <AcceptedContentLength>32767</AcceptedContentLength><SupportedBearer>HTTP</SupportedBearer>\
             <MultiTrans>1</MultiTrans><ParserSize>32767</ParserSize></CapabilityList></ClientCapability-Request>"
        ));
        assert_eq!(answer.name, "ClientCapability-Response", "{version:?} {answer:?}");
    }
}

#[test]
fn a_service_request_without_client_id() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let asked =
            "<Functions><WVCSPFeat><IMFeat/></WVCSPFeat></Functions><AllFunctionsRequest>T</AllFunctionsRequest>";
        for client in ["", CLIENT] {
            let answer = peer.ask(&format!("<Service-Request>{client}{asked}</Service-Request>"));
            assert!(answer.child("AllFunctions").is_some(), "{version:?} {answer:?}");
        }
    }
}

#[test]
fn a_polling_request_without_transaction_id() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let poll = peer.text("", "<Polling-Request/>");
        assert_eq!(peer.post(&poll), None, "nothing waits");
        // Others give it one.
        assert_eq!(peer.post(&peer.text("77", "<Polling-Request/>")), None);
    }
}

#[test]
fn vendor_elements_and_namespaces_in_a_presence_sub_list() {
    for version in [Version::V1_2, Version::V1_1, Version::V1_3] {
        let mut peer = Peer::with_services(version);
        let [_, _, presence] = version.namespaces();
        let list = "<OnlineStatus><Qualifier>T</Qualifier></OnlineStatus><ClientInfo><Qualifier>T</Qualifier>\
            <ClientType>COMPUTER</ClientType><ClientTypeDetail xmlns=\"http://imps.vendor.example/PA-ext-1.2\">PC\
            </ClientTypeDetail><ClientProducer>Vendor</ClientProducer></ClientInfo>\
            <v:Mood xmlns:v=\"http://imps.vendor.example/PA-ext-1.2\"><v:Colour>red</v:Colour></v:Mood>\
            <UserAvailability xmlns=\"http://imps.vendor.example/PA-ext-1.2\"><Shade>grey</Shade></UserAvailability>\
            <CommCap><Qualifier>T</Qualifier><CommC><Cap>IM</Cap><Status>OPEN</Status></CommC></CommCap>\
            <UserAvailability><Qualifier>T</Qualifier><PresenceValue>AVAILABLE</PresenceValue></UserAvailability>";
        let declarations = format!("xmlns=\"{presence}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
        peer.gets(
            &format!(
                "<UpdatePresence-Request><PresenceSubList {declarations}>{list}</PresenceSubList>\
                 </UpdatePresence-Request>"
            ),
            200,
        );
        // What was ours among it is there.
        let user = match version {
            Version::V1_3 => "<UserIDList><UserID>anna</UserID></UserIDList>",
            _ => "<User><UserID>anna</UserID></User>",
        };
        let answer = peer.ask(&format!("<GetPresence-Request>{user}</GetPresence-Request>"));
        let list = answer.descend(&["Presence", "PresenceSubList"]).unwrap_or_else(|| panic!("{answer:?}"));
        let value = list.descend(&["UserAvailability", "PresenceValue"]).map(Element::trimmed);
        assert_eq!(value, Some("AVAILABLE"), "{version:?}");
        assert!(list.child("Mood").is_none() && list.child("v:Mood").is_none());
    }
}

#[test]
fn a_presence_sub_list_without_namespace() {
    for version in Version::ALL {
        let mut peer = Peer::with_services(version);
        peer.gets(
            "<UpdatePresence-Request><PresenceSubList><StatusText><Qualifier>T</Qualifier><PresenceValue>Hi\
             </PresenceValue></StatusText></PresenceSubList></UpdatePresence-Request>",
            200,
        );
    }
}

#[test]
fn no_namespace_on_the_transaction() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let [_, transaction, _] = version.namespaces();
        let bare = peer.text("9", "<KeepAlive-Request/>").replace(&format!(" xmlns=\"{transaction}\""), "");
        assert!(bare.contains("<TransactionContent>"));
        let answer = peer.post(&bare).unwrap();
        assert_eq!(answer.transactions[0].primitive.name, "KeepAlive-Response");
    }
}

#[test]
fn the_namespace_without_dtd() {
    let mut peer = Peer::new(Version::V1_2);
    let other = peer.text("5", "<KeepAlive-Request/>").replace("org/DTD/WV-CSP1.2", "org/WV-CSP1.2");
    assert!(other.contains("\"http://www.openmobilealliance.org/WV-CSP1.2\""));
    let answer = peer.post(&other).unwrap();
    assert_eq!((answer.version, code(&answer.transactions[0].primitive)), (Version::V1_2, 200));
}

#[test]
fn prefixes_in_place_of_default_namespaces() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let [session, transaction, _] = version.namespaces();
        let text = peer
            .text("6", "<T:KeepAlive-Request><T:TimeToLive>600</T:TimeToLive></T:KeepAlive-Request>")
            .replace("<Session", "<S:Session")
            .replace("</Session", "</S:Session")
            .replace("<Transaction", "<S:Transaction")
            .replace("</Transaction", "</S:Transaction")
            .replace("<WV-CSP-Message xmlns", "<S:WV-CSP-Message xmlns:S")
            .replace("</WV-CSP-Message", "</S:WV-CSP-Message")
            .replace(&format!("<S:TransactionContent xmlns=\"{transaction}\">"), "<S:TransactionContent xmlns:T=\"@\">")
            .replace('@', transaction);
        assert!(text.contains(&format!("<S:WV-CSP-Message xmlns:S=\"{session}\">")), "{text}");
        let answer = peer.post(&text).unwrap();
        assert_eq!((answer.version, code(&answer.transactions[0].primitive)), (version, 200));
    }
}

#[test]
fn a_message_that_is_not_well_formed_in_the_middle_of_a_session() {
    for version in Version::ALL {
        let mut peer = Peer::with_services(version);
        let [_, transaction, _] = version.namespaces();
        let good = peer.text("18", "<KeepAlive-Request/>");
        // A broken quote, as a real client sent it; an ampersand; an end that is missing.
        for broken in [
            good.replace(&format!("xmlns=\"{transaction}\""), &format!("xmlns=\\{transaction}\"")),
            good.replace("<KeepAlive-Request/>", "<KeepAlive-Request><TimeToLive>6&0</TimeToLive></KeepAlive-Request>"),
            good.replace("</TransactionContent>", ""),
            good[..good.len() - 30].to_owned(),
        ] {
            assert_ne!(broken, good);
            let answer = peer.post(&broken).expect("Status 400");
            assert_eq!((answer.version, answer.session.id()), (version, Some(peer.session.as_str())));
            assert_eq!(answer.transactions[0].id.as_deref(), Some("18"));
            assert_eq!(code(&answer.transactions[0].primitive), 400);
        }
        // Where no transaction shows, the transport answers.
        let hidden = good.replace("<TransactionID>18</TransactionID>", "").replace("</TransactionContent>", "");
        assert_eq!(peer.lab.post(peer.media_type(), hidden.into_bytes()), (400, vec![]));
        peer.gets("<KeepAlive-Request/>", 200);
    }
}

#[test]
fn digest_schemas_with_commas_in_one_element() {
    for version in Version::ALL {
        let mut peer = Peer { lab: Lab::new(), version, session: String::new(), last: 0 };
        let login = |schemas: &str| {
            format!(
                "<Login-Request><UserID>anna</UserID>{CLIENT}{schemas}<TimeToLive>3600</TimeToLive>{COOKIE}</Login-Request>"
            )
        };
        // As published for 1.1, and one element a word, in every version.
        for schemas in [
            "<DigestSchema>PWD,MD5,MD4,MD6,SHA</DigestSchema>",
            "<DigestSchema>MD4, MD5 , sha</DigestSchema>",
            "<DigestSchema>MD6</DigestSchema><DigestSchema>SHA</DigestSchema>",
        ] {
            let answer = peer.gets(&login(schemas), 401);
            assert_eq!(answer.child_text("DigestSchema"), Some("SHA"), "{version:?} {schemas}");
            assert!(answer.child("Nonce").is_some() && answer.child("SessionID").is_none());
        }
        peer.gets(&login("<DigestSchema>MD6,SHA-512</DigestSchema>"), 543);
    }
}

#[test]
fn the_other_name_of_block_entity() {
    for version in Version::ALL {
        let mut peer = Peer::with_services(version);
        let entity = "<EntityList><UserID>berta</UserID></EntityList>";
        let list = match version {
            Version::V1_3 => format!("<BlockList>{entity}</BlockList><BlockListInUse>T</BlockListInUse>"),
            _ => format!("<BlockList><InUse>T</InUse>{entity}</BlockList>"),
        };
        peer.gets(&format!("<BlockUser-Request>{list}</BlockUser-Request>"), 200);
        let answer = peer.ask("<GetBlockedList-Request/>");
        assert!(answer.child("BlockList").is_some_and(|list| !list.children.is_empty()), "{version:?} {answer:?}");
    }
}

#[test]
fn switches_of_block_lists_where_another_version_has_them() {
    // 1.3: both switches first, as a client has them; then inside of the list, as before 1.3.
    let mut peer = Peer::with_services(Version::V1_3);
    let list = "<BlockList><AddList><UserID>berta</UserID></AddList></BlockList>";
    peer.gets(
        &format!(
            "<BlockEntity-Request><BlockListInUse>T</BlockListInUse><GrantListInUse>F</GrantListInUse>{list}\
             </BlockEntity-Request>"
        ),
        200,
    );
    assert_eq!(peer.ask("<GetBlockedList-Request/>").child_text("BlockListInUse"), Some("T"));
    peer.gets("<BlockEntity-Request><BlockList><InUse>F</InUse></BlockList></BlockEntity-Request>", 200);
    assert_eq!(peer.ask("<GetBlockedList-Request/>").child_text("BlockListInUse"), Some("F"));
    // A switch without a word stays as it is (published sample of 1.1).
    let mut peer = Peer::with_services(Version::V1_1);
    let entity = "<EntityList><UserID>berta</UserID></EntityList>";
    for switch in ["<InUse>T</InUse>", "<InUse/>"] {
        peer.gets(&format!("<BlockEntity-Request><BlockList>{switch}{entity}</BlockList></BlockEntity-Request>"), 200);
        let answer = peer.ask("<GetBlockedList-Request/>");
        assert_eq!(answer.descend(&["BlockList", "InUse"]).map(Element::trimmed), Some("T"), "{answer:?}");
    }
}

const LIST: &str = "<ContactList>wv:anna/friends@example.com</ContactList>";

fn create_list(peer: &mut Peer) {
    let answer = peer.ask(&format!(
        "<CreateList-Request>{LIST}<NickList><NickName><Name>B</Name><UserID>wv:berta@example.com</UserID></NickName>\
         </NickList></CreateList-Request>"
    ));
    assert_eq!(code(&answer), 200, "{answer:?}");
}

#[test]
fn users_and_contact_lists_directly_in_requests_of_1_3() {
    let mut peer = Peer::with_services(Version::V1_3);
    create_list(&mut peer);
    let user = "<User><UserID>wv:berta@example.com</UserID></User>";
    for (request, rest) in [
        ("SubscribePresence-Request", "<AutoSubscribe>T</AutoSubscribe>"),
        ("GetPresence-Request", ""),
        ("UnsubscribePresence-Request", ""),
    ] {
        for to in [user, LIST] {
            let answer = peer.ask(&format!("<{request}>{to}{rest}</{request}>"));
            assert_eq!(code(&answer), 200, "{request} {to} {answer:?}");
        }
        let unknown = user.replace("berta", "nobody");
        let answer = peer.ask(&format!("<{request}>{unknown}{user}</{request}>"));
        assert_eq!(code(&answer), 201, "{request} reads every user: {answer:?}");
    }
    let attributes = "<PresenceSubList><StatusText/></PresenceSubList>";
    for to in ["<UserID>wv:berta@example.com</UserID>", LIST] {
        peer.gets(&format!("<CreateAttributeList-Request>{attributes}{to}</CreateAttributeList-Request>"), 200);
        peer.gets(&format!("<DeleteAttributeList-Request>{to}</DeleteAttributeList-Request>"), 200);
    }
}

#[test]
fn several_changes_of_a_contact_list_at_once_and_receive_list_first() {
    for version in Version::ALL {
        let mut peer = Peer::with_services(version);
        create_list(&mut peer);
        let answer = peer.gets(
            &format!(
                "<ListManage-Request><ReceiveList>T</ReceiveList>{LIST}<ContactListProperties><Property>\
                 <Name>DisplayName</Name><Value>Amigas</Value></Property></ContactListProperties><RemoveNickList>\
                 <UserID>wv:berta@example.com</UserID></RemoveNickList><AddNickList><NickName><Name>I</Name>\
                 <UserID>wv:anna@example.com</UserID></NickName></AddNickList></ListManage-Request>"
            ),
            200,
        );
        let names = answer.child("NickList").unwrap_or_else(|| panic!("{version:?} {answer:?}"));
        let users: Vec<&str> = names.children_named("NickName").filter_map(|name| name.child_text("UserID")).collect();
        assert_eq!(users, ["wv:anna@example.com"], "{version:?} added, and another removed");
        let properties = format!("{:?}", answer.child("ContactListProperties"));
        assert!(properties.contains("Amigas"), "{version:?} {properties}");
    }
}

#[test]
fn a_client_id_of_bare_text() {
    for version in Version::ALL {
        let mut peer = Peer { lab: Lab::new(), version, session: String::new(), last: 0 };
        let login = |client: &str| {
            format!(
                "<Login-Request><UserID>anna</UserID><ClientID>{client}</ClientID>{PASSWORD}{COOKIE}</Login-Request>"
            )
        };
        let answer = peer.gets(&login("WV:Phone-7"), 200);
        let first = answer.child_text("SessionID").unwrap().to_owned();
        // The same client: compared without case, in whatever form.
        let answer = peer.gets(&login("<URL>wv:phone-7</URL>"), 200);
        assert_ne!(answer.child_text("SessionID"), Some(first.as_str()));
        peer.session = first;
        peer.gets("<KeepAlive-Request/>", Code::FORCED_LOGOUT.0);
        peer.session.clear();
        peer.gets(&login("<MSISDN>+358401234567</MSISDN>"), 200);
    }
}

#[test]
fn other_spellings() {
    let mut peer = Peer::with_services(Version::V1_2);
    create_list(&mut peer);
    peer.gets(
        &format!("<SubscribePresence-Request>{LIST}<Auto-Subscribe>T</Auto-Subscribe></SubscribePresence-Request>"),
        200,
    );
    let list = "<CapabilityList><ClientType>MOBILE_PHONE</ClientType><InitialDeliveryMethod>P</InitialDeliveryMethod>\
                <AnyContent>T</AnyContent><AcceptedCharset>106</AcceptedCharset><PlainTextCharSet>106</PlainTextCharSet>\
                <AcceptedContentLength>32767</AcceptedContentLength><SupportedBearer>HTTP</SupportedBearer>\
                <MultiTrans>1</MultiTrans><ParserSize>32767</ParserSize></CapabilityList>";
    for version in Version::ALL {
        let mut peer = Peer::with_services(version);
        let answer = peer.ask(&format!("<ClientCapability-Request>{CLIENT}{list}</ClientCapability-Request>"));
        assert_eq!(answer.name, "ClientCapability-Response");
        // Words of attributes: what was written with one name is there under the other.
        peer.gets(
            "<UpdatePresence-Request><PresenceSubList><PreferredContacts/><ContactInfo><Qualifier>T</Qualifier>\
             <ContainedvCard><CName>Anna</CName></ContainedvCard></ContactInfo></PresenceSubList>\
             </UpdatePresence-Request>",
            200,
        );
    }
}

#[test]
fn the_poll_flag_and_the_descriptor_where_another_version_has_them() {
    for version in Version::ALL {
        let mut peer = Peer::new(version);
        let text = peer.text("8", "<KeepAlive-Request/>");
        for (from, to) in [
            ("</TransactionDescriptor>", "<Poll>F</Poll></TransactionDescriptor>"),
            ("</Session>", "<Poll>F</Poll><CIR>F</CIR></Session>"),
            ("<TransactionMode>Request</TransactionMode>", "<TransactionMode> request </TransactionMode>"),
            ("<SessionType>Inband", "<SessionType>inband"),
            ("<KeepAlive-Request/>", "<!-- still here --><KeepAlive-Request></KeepAlive-Request><?vendor x?>"),
        ] {
            let text = text.replace(from, to).replace(">8<", &format!(">{}<", to.len()));
            let answer = peer.post(&text).unwrap();
            assert_eq!(code(&answer.transactions[0].primitive), 200, "{to}");
        }
    }
}

#[test]
fn search_pairs_in_every_form() {
    let pair = |element: &str, text: &str| {
        format!("<SearchElement>{element}</SearchElement><SearchString>{text}</SearchString>")
    };
    let id = pair("USER_ID", "ber");
    let online = pair("USER_ONLINE_STATUS", "F");
    for version in Version::ALL {
        let forms = [
            format!("<SearchPairList>{id}</SearchPairList><SearchPairList>{online}</SearchPairList>"),
            format!("<SearchPairList>{id}{online}</SearchPairList>"),
            format!("<SearchPairList><SearchPair>{id}</SearchPair><SearchPair>{online}</SearchPair></SearchPairList>"),
        ];
        for form in forms {
            let mut peer = Peer::with_services(version);
            let search = format!("<Search-Request>{form}<SearchLimit>5</SearchLimit></Search-Request>");
            let answer = peer.ask(&search);
            assert_eq!(answer.child_text("SearchFindings"), Some("1"), "{version:?} {form} {answer:?}");
            let answer = peer.ask(&search.replace(">F<", ">T<"));
            assert_eq!(answer.child_text("SearchFindings"), Some("0"), "the second pair counts: {version:?} {form}");
        }
    }
}

#[test]
fn charset_parameters_and_odd_media_types() {
    let mut peer = Peer::new(Version::V1_2);
    let body = peer.text("3", "<KeepAlive-Request/>").into_bytes();
    for media_type in [
        "application/vnd.wv.csp.xml; charset=utf-8",
        "application/vnd.wv.csp+xml;charset=\"UTF-8\"",
        "Application/VND.WV.CSP.XML",
        "text/xml",
        "application/xml",
        "application/vnd.wv.csp.wbxml",
        "application/vnd.wv.csp.xml, */*",
    ] {
        // The lab sees that the type comes back as it was written.
        let (status, answer) = peer.lab.post(media_type, body.clone());
        assert!(status == 200 && answer.starts_with(b"<?xml"), "{media_type}");
    }
    for media_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/vnd.wap.sic"] {
        assert_eq!(peer.lab.post(media_type, body.clone()), (415, vec![]), "{media_type}");
    }
}

// ---- WBXML, octet by octet

const PAGE_1: &[u8] = &[0x00, 0x01];
const PAGE_0: &[u8] = &[0x00, 0x00];

fn element(token: u8, content: &[&[u8]]) -> Vec<u8> {
    [&[token | 0x40], &content.concat()[..], &[0x01]].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&[0x03], text.as_bytes(), &[0x00]].concat()
}

/// A message: header, root and transaction with their namespace attributes (or none), a primitive of page 1.
fn binary(public_id: &[u8], namespaces: Option<[(u8, &str); 2]>, session: &str, primitive: &[u8]) -> Vec<u8> {
    let open = |tag: u8, namespace: Option<(u8, &str)>| match namespace {
        None => vec![tag | 0x40],
        Some((token, version)) => [&[tag | 0xC0, token][..], &string(version), &[0x01]].concat(),
    };
    let descriptor = match session {
        "" => element(0x2E, &[&element(0x30, &[&string("Outband")])]),
        id => element(0x2E, &[&element(0x30, &[&[0x80, 0x11]]), &element(0x2F, &[&string(id)])]),
    };
    let transaction = element(0x34, &[&element(0x36, &[&[0x80, 0x20]]), &element(0x35, &[&string("21")])]);
    let content = [open(0x33, namespaces.map(|n| n[1])), PAGE_1.to_vec(), primitive.to_vec(), vec![0x01]].concat();
    let inside = element(0x2D, &[&descriptor, &element(0x32, &[&transaction, &content])]);
    // Page 1 is in force until another is: nothing of page 0 comes behind the primitive.
    [&[0x03], public_id, &[0x6A, 0x00], &open(0x09, namespaces.map(|n| n[0])), &inside, &[0x01]].concat()
}

/// A login of anna with a password: TimeToLive as it is given.
fn binary_login(time: &[u8]) -> Vec<u8> {
    let client = element(0x0A, &[&element(0x37, &[&string("phone")])]);
    let user = element(0x3A, &[&string("anna")]);
    let rest =
        [PAGE_1, &element(0x21, &[&string("open-sesame")]), &element(0x32, &[time]), &element(0x30, &[&string("c0")])];
    element(0x1D, &[PAGE_0, &user, &client, &rest.concat()])
}

fn binary_answer(lab: &mut Lab, body: Vec<u8>) -> (Vec<u8>, Message<'static>) {
    let (status, answer) = lab.post("application/vnd.wv.csp.wbxml", body);
    assert_eq!(status, 200);
    match wire::read(&answer, &wire::LIMITS) {
        Ok((Body::Message(message), _)) => {
            let message = message.into_owned();
            (answer, message)
        }
        other => panic!("{other:?}"),
    }
}

const NAMESPACES: [(Version, [(u8, &str); 2]); 3] = [
    (Version::V1_1, [(0x05, "1.1"), (0x07, "1.1")]),
    (Version::V1_2, [(0x08, "1.2"), (0x0A, "1.2")]),
    (Version::V1_3, [(0x0B, "1.3"), (0x0D, "1.3")]),
];

#[test]
fn public_ids_come_back_and_the_namespace_decides() {
    for (version, namespaces) in NAMESPACES {
        for public_id in [0x10_u8, 0x11, 0x12, 0x01] {
            let mut lab = Lab::new();
            let login = binary_login(&string("3600"));
            let (octets, answer) = binary_answer(&mut lab, binary(&[public_id], Some(namespaces), "", &login));
            assert_eq!(octets[..4], [0x03, public_id, 0x6A, 0x00], "{version:?}");
            assert_eq!((answer.version, code(&answer.transactions[0].primitive)), (version, 200));
            // The namespace comes back as its token and the version inline.
            let root = [&[0xC9, namespaces[0].0][..], &string(namespaces[0].1), &[0x01]].concat();
            assert_eq!(octets[4..4 + root.len()], root, "{version:?} {public_id:02X}");
        }
    }
    // Without a namespace the public identifier decides.
    for (version, public_id) in [(Version::V1_1, 0x10), (Version::V1_2, 0x11), (Version::V1_3, 0x12)] {
        let mut lab = Lab::new();
        let (octets, answer) = binary_answer(&mut lab, binary(&[public_id], None, "", &binary_login(&string("60"))));
        assert_eq!((answer.version, octets[1]), (version, public_id));
    }
}

#[test]
fn a_public_id_in_the_string_table() {
    for (version, namespaces) in NAMESPACES {
        let text = version.vocabulary().public_ids[0].text;
        let mut body = binary(&[0x00, 0x00], Some(namespaces), "", &binary_login(&string("60")));
        // Behind the character set stands the length of the table, then the table.
        assert_eq!(body[..5], [0x03, 0x00, 0x00, 0x6A, 0x00]);
        body.splice(4..5, [&[text.len() as u8 + 1], text.as_bytes(), &[0]].concat());
        let (_, answer) = binary_answer(&mut Lab::new(), body);
        assert_eq!((answer.version, code(&answer.transactions[0].primitive)), (version, 200));
    }
}

#[test]
fn integers_as_text_or_octets_or_nothing() {
    for (version, namespaces) in NAMESPACES {
        let pid = [0x10 + version as u8];
        for (time, agreed) in [
            (string("300"), "300"),
            (string(" 0300 "), "300"),
            (vec![0xC3, 0x02, 0x01, 0x2C], "300"),
            (vec![0xC3, 0x04, 0x00, 0x00, 0x01, 0x2C], "300"),
        ] {
            let body = binary(&pid, Some(namespaces), "", &binary_login(&time));
            let (octets, answer) = binary_answer(&mut Lab::new(), body);
            let primitive = &answer.transactions[0].primitive;
            assert_eq!(primitive.child_text("KeepAliveTime"), Some(agreed), "{version:?} {time:02X?}");
            // KeepAliveTime of page 1, as two octets.
            assert!(octets.windows(5).any(|part| part == [0x5C, 0xC3, 0x02, 0x01, 0x2C]), "{octets:02X?}");
        }
        // Zero, which one encoder writes as no octets at all: brought into the server's range.
        for time in [vec![0xC3, 0x00], vec![0xC3, 0x01, 0x00], string("0")] {
            let body = binary(&pid, Some(namespaces), "", &binary_login(&time));
            let (_, answer) = binary_answer(&mut Lab::new(), body);
            let primitive = &answer.transactions[0].primitive;
            assert_eq!(code(primitive), 200, "{version:?} {time:02X?}");
            assert_eq!(primitive.child_text("KeepAliveTime"), Some("60"));
        }
    }
}

#[test]
fn value_tokens_inside_of_longer_text() {
    // `WV:` + token IM + `PEC01`, as a widespread encoder writes a client identifier.
    let (version, namespaces) = NAMESPACES[1];
    let pieces = [&string("WV:")[..], &[0x80, 0x12], &string("PEC01")].concat();
    let login = binary_login(&string("60"));
    let client = string("phone");
    let place = login.windows(client.len()).position(|part| part == client).unwrap();
    let login = [&login[..place], &pieces, &login[place + client.len()..]].concat();
    let (_, answer) = binary_answer(&mut Lab::new(), binary(&[0x01], Some(namespaces), "", &login));
    let primitive = &answer.transactions[0].primitive;
    assert_eq!((answer.version, code(primitive)), (version, 200));
    assert_eq!(primitive.descend(&["ClientID", "URL"]).map(Element::trimmed), Some("WV:IMPEC01"));
}

#[test]
fn wbxml_that_breaks_off_in_the_middle_of_a_session() {
    for (version, namespaces) in NAMESPACES {
        let mut lab = Lab::new();
        let pid = [0x10 + version as u8];
        let (_, answer) = binary_answer(&mut lab, binary(&pid, Some(namespaces), "", &binary_login(&string("60"))));
        let session = answer.transactions[0].primitive.child_text("SessionID").unwrap().to_owned();
        let keep = element(0x1B, &[&element(0x32, &[&string("300")])]);
        let good = binary(&pid, Some(namespaces), &session, &keep);
        let (_, answer) = binary_answer(&mut lab, good[..good.len() - 9].to_vec());
        assert_eq!((answer.session.id(), answer.transactions[0].id.as_deref()), (Some(session.as_str()), Some("21")));
        assert_eq!(code(&answer.transactions[0].primitive), 400, "{version:?}");
        // In the middle of the envelope nobody can be answered.
        assert_eq!(lab.post("application/vnd.wv.csp.wbxml", good[..30].to_vec()), (400, vec![]));
        let (_, answer) = binary_answer(&mut lab, good);
        assert_eq!(code(&answer.transactions[0].primitive), 200, "the session goes on");
    }
}

/// A phone maker's reader knows value tokens only in leaves that have words of their own, and its table for 1.2 has ShowID
/// where ours has DENIED: what people say, and those two, are texts.
#[test]
fn words_that_are_texts_and_no_value_tokens() {
    use impskit::csp::{Session, Transaction, wire::Form};
    let octets = |primitive: Element<'static>| {
        let message = Message::new(Version::V1_2, Session::Outband, Transaction::request("1", primitive));
        wire::write(&message, Form::of(impskit::codec::Encoding::Wbxml)).unwrap()
    };
    let holds = |octets: &[u8], part: &[u8]| octets.windows(part.len()).any(|window| window == part);
    // ContentData is 0D of page 0, SName 08, Name 1E; T is the value token 2C, Open 18, Topic 2B.
    for word in ["T", "IM", "Open", "SAD"] {
        let said = octets(Element::new("NewMessage").with_leaf("ContentData", word));
        assert!(holds(&said, &element(0x0D, &[&string(word)])), "{word} {said:02X?}");
        let named =
            octets(Element::new("CreateGroup-Request").with(Element::new("ScreenName").with_leaf("SName", word)));
        assert!(holds(&named, &element(0x08, &[&string(word)])), "{word} {named:02X?}");
    }
    let property = |name: &'static str| {
        let property = Element::new("Property").with_leaf("Name", name).with_leaf("Value", "T");
        octets(Element::new("SetGroupProps-Request").with(Element::new("OwnProperties").with(property)))
    };
    assert!(holds(&property("Topic"), &element(0x1E, &[&[0x80, 0x2B]])), "a name of theirs is one of ours");
    let show = property("ShowID");
    assert!(
        holds(&show, &element(0x1E, &[&string("ShowID")])) && holds(&show, &[0x7D, 0x80, 0x2C, 0x01]),
        "{show:02X?}"
    );
    // ReactiveAuthState is 0B of page 9.
    let status =
        Element::new("ReactiveAuthStatus").with_leaf("UserID", "wv:a").with_leaf("ReactiveAuthState", "DENIED");
    let denied = octets(
        Element::new("GetReactiveAuthStatus-Response").with(Element::new("ReactiveAuthStatusList").with(status)),
    );
    assert!(holds(&denied, &element(0x0B, &[&string("DENIED")])), "{denied:02X?}");
    // Others that write them as tokens are read.
    let token = |octets: Vec<u8>, word: &str, number: u8| {
        let place = octets.windows(word.len() + 2).position(|part| part == string(word)).unwrap();
        let octets = [&octets[..place], &[0x80, number], &octets[place + word.len() + 2..]].concat();
        let Ok((Body::Message(message), _)) = wire::read(&octets, &wire::LIMITS) else { panic!("{octets:02X?}") };
        format!("{:?}", message.transactions[0].primitive).contains(word)
    };
    assert!(token(show, "ShowID", 0x37) && token(denied, "DENIED", 0x34));
}
