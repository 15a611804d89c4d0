//! A client of a widespread system for handsets, which reads all versions by the tables of 1.3, takes what it is told of a
//! user for all that there is, and is known by its name: it is served without any configuration.

use impskit::codec::Encoding;
use impskit::csp::{Transaction, Version, wire};
use impskit::document::Element;

use super::super::server::Lab;
use super::{NAMESPACES, PAGE_0, Peer, binary, code, element, string};

/// How such a client calls itself.
const KNOWN: &str = "JiMMY";
/// What it asks for.
const ALL_FUNCTIONS: &str = "<Service-Request><Functions><WVCSPFeat><FundamentalFeat/><PresenceFeat/><IMFeat/><GroupFeat/>\
                             </WVCSPFeat></Functions><AllFunctionsRequest>T</AllFunctionsRequest></Service-Request>";

/// Sessions of several users at one server.
struct Room {
    peer: Peer,
    sessions: Vec<(&'static str, String)>,
}

impl Room {
    /// Anna and berta, both with clients of that name.
    fn new(version: Version, client: &str) -> Self {
        let mut room =
            Self { peer: Peer { lab: Lab::new(), version, session: String::new(), last: 0 }, sessions: Vec::new() };
        for user in ["anna", "berta"] {
            room.peer.session.clear();
            let answer = room.peer.gets(
                &format!(
                    "<Login-Request><UserID>{user}</UserID><ClientID><URL>{client}</URL></ClientID>\
                     <Password>open-sesame</Password><TimeToLive>7205</TimeToLive><SessionCookie>{user}</SessionCookie>\
                     </Login-Request>"
                ),
                200,
            );
            room.sessions.push((user, answer.child_text("SessionID").unwrap().to_owned()));
            let services = room.of(user).ask(ALL_FUNCTIONS);
            assert!(services.child("AllFunctions").is_some(), "{services:?}");
        }
        room
    }

    /// Returns the client of a user.
    fn of(&mut self, user: &str) -> &mut Peer {
        let (_, session) = self.sessions.iter().find(|(own, _)| *own == user).unwrap();
        self.peer.session.clone_from(session);
        &mut self.peer
    }

    /// Polls for a user and acknowledges, until nothing waits; returns what came.
    fn told(&mut self, user: &str) -> Vec<Element<'static>> {
        let peer = self.of(user);
        let mut told = Vec::new();
        while let Some(message) = peer.post(&peer.text("", "<Polling-Request/>")) {
            let [Transaction { id: Some(id), primitive, .. }] = &message.transactions[..] else {
                panic!("{message:?}")
            };
            let status = peer.text(id, "<Status><Result><Code>200</Code></Result></Status>");
            let answer = peer.post(&status.replace(">Request<", ">Response<"));
            assert_eq!(answer, None, "one at a time");
            told.push(primitive.clone());
        }
        told
    }
}

/// The one table has no numbers for the functions of attribute lists: a group without children stands for all of them.
#[test]
fn a_tree_of_services_without_what_1_3_lacks() {
    for (client, wanted) in [(KNOWN, 0), ("other", 3)] {
        let mut room = Room::new(Version::V1_2, client);
        let answer = room.of("anna").ask(ALL_FUNCTIONS);
        let lists = answer.descend(&["AllFunctions", "WVCSPFeat", "PresenceFeat", "AttListFunc"]).unwrap();
        assert_eq!(lists.children.len(), wanted, "{client}");
    }
    // By what it calls itself, too.
    let mut lab = Lab::new();
    lab.headers.push(("user-agent".into(), "Android-Imps/0.1".into()));
    let mut peer = Peer::at(lab, Version::V1_2);
    let answer = peer.ask(ALL_FUNCTIONS);
    let lists = answer.descend(&["AllFunctions", "WVCSPFeat", "PresenceFeat", "AttListFunc"]).unwrap();
    assert_eq!(lists.children.len(), 0);
}

/// A picture of a status in WBXML: its ContentType has the number that all tables have, 00/10, and not that of 1.2 beside it,
/// 05/36, which 1.3 and the dictionaries of a phone maker lack.
#[test]
fn the_type_of_a_status_picture_has_the_common_number() {
    for (version, namespaces) in &NAMESPACES[1..] {
        let mut room = Room::new(*version, KNOWN);
        room.of("anna").gets(
            "<UpdatePresence-Request><PresenceSubList><StatusContent><Qualifier>T</Qualifier>\
             <DirectContent>iVBORw0KGgo=</DirectContent><ContentType>image/png</ContentType></StatusContent>\
             </PresenceSubList></UpdatePresence-Request>",
            200,
        );
        let peer = room.of("anna");
        // GetPresence-Request of page 4, User and UserID of page 0.
        let user = element(0x39, &[&element(0x3A, &[&string("anna")])]);
        let request = [&[0x00, 0x04][..], &element(0x12, &[PAGE_0, &user])].concat();
        let pid = [if *version == Version::V1_2 { 0x11 } else { 0x12 }];
        let body = binary(&pid, Some(*namespaces), &peer.session, &request);
        let (status, octets) = peer.lab.post("application/vnd.wv.csp.wbxml", body);
        assert_eq!(status, 200);
        let common = [PAGE_0, &element(0x10, &[&string("image/png")])].concat();
        assert!(octets.windows(common.len()).any(|part| part == common), "{octets:02X?}");
        let Ok((wire::Body::Message(answer), _)) = wire::read(&octets, &wire::LIMITS) else { panic!("no message") };
        let shown =
            answer.transactions[0].primitive.descend(&["Presence", "PresenceSubList", "StatusContent"]).unwrap();
        assert_eq!(shown.child_text("ContentType"), Some("image/png"));
    }
}

/// What older tables alone have a number for it cannot read, and drops the whole message (seen when it was run): it gets the
/// word. The numbers are those of the sheet, "where the tables differ".
#[test]
fn a_word_without_a_number_in_1_3_is_written_out() {
    for (version, namespaces) in &NAMESPACES[..2] {
        for (client, wanted) in [(KNOWN, string("VIDEO_CALL")), ("other", vec![0x80, 0x76])] {
            let mut room = Room::new(*version, client);
            room.of("anna").gets(
                "<UpdatePresence-Request><PresenceSubList><CommCap><Qualifier>T</Qualifier><CommC><Cap>VIDEO_CALL</Cap>\
                 <Status>OPEN</Status></CommC></CommCap></PresenceSubList></UpdatePresence-Request>",
                200,
            );
            let peer = room.of("anna");
            let user = element(0x39, &[&element(0x3A, &[&string("anna")])]);
            let request = [&[0x00, 0x04][..], &element(0x12, &[PAGE_0, &user])].concat();
            let pid = [if *version == Version::V1_1 { 0x10 } else { 0x11 }];
            let body = binary(&pid, Some(*namespaces), &peer.session, &request);
            let (status, octets) = peer.lab.post("application/vnd.wv.csp.wbxml", body);
            assert_eq!(status, 200);
            assert!(octets.windows(wanted.len()).any(|part| part == wanted), "{version:?} {client} {octets:02X?}");
        }
    }
}

/// In WBXML its language writes an emoticon as the two halves of UTF-16, each in three octets (seen when it was run).
#[test]
fn an_emoticon_in_halves_is_one_character() {
    for version in Version::ALL {
        let mut room = Room::new(version, KNOWN);
        let peer = room.of("anna");
        let text = "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient><User>\
                    <UserID>wv:berta@example.com</UserID></User></Recipient><Sender><User><UserID>wv:anna</UserID></User>\
                    </Sender><ContentType>text/plain</ContentType></MessageInfo><ContentData>well \u{1F600}</ContentData>\
                    </SendMessage-Request>";
        let text = peer.text("31", text);
        let Ok((wire::Body::Message(message), _)) = wire::read(text.as_bytes(), &wire::LIMITS) else {
            panic!("{text}")
        };
        let octets = wire::write(&message, wire::Form::of(Encoding::Wbxml)).unwrap();
        let whole = "\u{1F600}".as_bytes();
        let at = octets.windows(whole.len()).position(|part| part == whole).unwrap();
        let halves = b"\xED\xA0\xBD\xED\xB8\x80";
        let octets = [&octets[..at], halves, &octets[at + whole.len()..]].concat();
        let (status, answer) = peer.lab.post("application/vnd.wv.csp.wbxml", octets);
        assert_eq!(status, 200);
        let Ok((wire::Body::Message(answer), _)) = wire::read(&answer, &wire::LIMITS) else { panic!("{answer:02X?}") };
        assert_eq!(code(&answer.transactions[0].primitive), 200, "{version:?}");
        let told = room.told("berta");
        assert_eq!(told[0].child_text("ContentData"), Some("well \u{1F600}"), "{version:?}");
    }
}

#[test]
fn a_user_within_a_nickname() {
    for version in Version::ALL {
        let mut room = Room::new(version, KNOWN);
        let answer = room.of("anna").ask(
            "<CreateList-Request><ContactList>wv:anna/friends@example.com</ContactList><NickList><NickName>\
             <Name>Berta</Name><User><UserID>wv:berta@example.com</UserID></User></NickName></NickList>\
             <ContactListProperties><Property><Name>DisplayName</Name><Value>Friends</Value></Property>\
             </ContactListProperties></CreateList-Request>",
        );
        assert_eq!(code(&answer), 200, "{version:?} {answer:?}");
        let answer = room.of("anna").ask(
            "<ListManage-Request><ContactList>wv:anna/friends@example.com</ContactList><ReceiveList>T</ReceiveList>\
             </ListManage-Request>",
        );
        let nickname = answer.descend(&["NickList", "NickName"]).unwrap_or_else(|| panic!("{answer:?}"));
        assert_eq!(
            (nickname.child_text("Name"), nickname.child_text("UserID")),
            (Some("Berta"), Some("wv:berta@example.com"))
        );
    }
}

/// The answer to an invitation names the inviter as it was named, a user or a group, where others have the Sender.
#[test]
fn the_inviter_in_place_of_the_sender() {
    for version in Version::ALL {
        for named in [
            "<User><UserID>wv:anna@example.com</UserID></User>",
            "<Group><GroupID>wv:anna/club@example.com</GroupID></Group>",
            // Others name themselves.
            "<User><UserID>wv:berta@example.com</UserID></User>",
        ] {
            let mut room = Room::new(version, KNOWN);
            room.of("anna").gets(
                "<Invite-Request><InviteID>i1</InviteID><InviteType>PR</InviteType><Recipient><User>\
                 <UserID>wv:berta@example.com</UserID></User></Recipient></Invite-Request>",
                200,
            );
            let told = room.told("berta");
            assert_eq!(told.first().map(|asked| asked.name.as_ref()), Some("InviteUser-Request"), "{told:?}");
            let id = told[0].child_text("InviteID").unwrap();
            room.of("berta").gets(
                &format!(
                    "<InviteUser-Response><InviteID>{id}</InviteID><Acceptance>T</Acceptance>{named}\
                     </InviteUser-Response>"
                ),
                200,
            );
            let told = room.told("anna");
            let [answer] = &told[..] else { panic!("{told:?}") };
            assert_eq!(answer.name, "Invite-Response");
            let by = answer.descend(&["Sender", "User", "UserID"]).map(Element::trimmed);
            assert!(version == Version::V1_1 || by == Some("wv:berta@example.com"), "{answer:?}");
        }
    }
}

/// A change of presence comes with all that is watched; and whose presence may not be seen has an empty list.
#[test]
fn presence_is_told_whole() {
    for (client, whole) in [(KNOWN, true), ("other", false)] {
        let mut room = Room::new(Version::V1_2, client);
        let berta = "<User><UserID>wv:berta@example.com</UserID></User>";
        let answer = room.of("anna").ask(&format!("<GetPresence-Request>{berta}</GetPresence-Request>"));
        assert_eq!(answer.descend(&["Presence", "PresenceSubList"]).is_some(), whole, "{client} {answer:?}");
        room.of("berta").gets(
            "<CreateAttributeList-Request><PresenceSubList><OnlineStatus/><UserAvailability/></PresenceSubList>\
             <DefaultList>T</DefaultList></CreateAttributeList-Request>",
            200,
        );
        room.of("anna").gets(&format!("<SubscribePresence-Request>{berta}</SubscribePresence-Request>"), 200);
        assert!(!room.told("anna").is_empty(), "what there is");
        room.of("berta").gets(
            "<UpdatePresence-Request><PresenceSubList><UserAvailability><Qualifier>T</Qualifier>\
             <PresenceValue>DISCREET</PresenceValue></UserAvailability><StatusText><Qualifier>T</Qualifier>\
             <PresenceValue>not for all</PresenceValue></StatusText></PresenceSubList></UpdatePresence-Request>",
            200,
        );
        let told = room.told("anna");
        let [change] = &told[..] else { panic!("{told:?}") };
        let list = change.descend(&["Presence", "PresenceSubList"]).unwrap();
        let names: Vec<_> = list.children.iter().map(|attribute| attribute.name.as_ref()).collect();
        let wanted: &[&str] = if whole { &["OnlineStatus", "UserAvailability"] } else { &["UserAvailability"] };
        assert_eq!(names, wanted, "{client}");
        // What it may not see is no reason to tell it anything.
        room.of("berta").gets(
            "<UpdatePresence-Request><PresenceSubList><StatusText><Qualifier>T</Qualifier>\
             <PresenceValue>nor this</PresenceValue></StatusText></PresenceSubList></UpdatePresence-Request>",
            200,
        );
        assert_eq!(room.told("anna"), []);
    }
}

/// Members of a group as it reads them, in every place.
#[test]
fn members_without_a_level_between() {
    let mut room = Room::new(Version::V1_2, KNOWN);
    let group = "<GroupID>wv:anna/club@example.com</GroupID>";
    let screen = |name: &str| format!("<ScreenName><SName>{name}</SName>{group}</ScreenName>");
    room.of("anna").gets(
        &format!(
            "<CreateGroup-Request>{group}<GroupProperties><Property><Name>Accesstype</Name><Value>Open</Value></Property>\
             </GroupProperties><JoinGroup>T</JoinGroup>{}<SubscribeNotification>T</SubscribeNotification>\
             </CreateGroup-Request>",
            screen("Anna")
        ),
        200,
    );
    let joined = room.of("berta").ask(&format!(
        "<JoinGroup-Request>{group}{}<JoinedRequest>T</JoinedRequest><SubscribeNotification>T</SubscribeNotification>\
         </JoinGroup-Request>",
        screen("Berta")
    ));
    let names = |list: Option<&Element<'_>>| -> Vec<String> {
        let children = list.map(|list| &list.children[..]).unwrap_or_default();
        children.iter().filter_map(|member| member.child_text("SName")).map(str::to_owned).collect()
    };
    assert_eq!(names(joined.child("UserMapList")), ["Anna", "Berta"], "{joined:?}");
    let told = room.told("anna");
    assert_eq!(names(told[0].descend(&["Joined", "UserMapList"])), ["Berta"], "{told:?}");
}

/// Its user logs in by the name alone, and so it names its own groups: it knows no other name for them, and drops what is
/// said there (seen when it was run). Who is invited gets the whole address.
#[test]
fn own_groups_are_named_as_the_user_has_logged_in() {
    for (client, own) in [(KNOWN, "wv:anna/club"), ("other", "wv:anna/club@example.com")] {
        let mut room = Room::new(Version::V1_2, client);
        let screen = "<ScreenName><SName>anna</SName><GroupID>wv:anna/club</GroupID></ScreenName>";
        room.of("anna").gets(
            &format!(
                "<CreateGroup-Request><GroupID>wv:anna/club</GroupID><GroupProperties><Property><Name>Accesstype</Name>\
                 <Value>Open</Value></Property></GroupProperties><JoinGroup>T</JoinGroup>{screen}\
                 <SubscribeNotification>T</SubscribeNotification></CreateGroup-Request>"
            ),
            200,
        );
        room.of("anna").gets(
            &format!(
                "<Invite-Request><InviteID>i1</InviteID><InviteType>GR</InviteType><Recipient><User>\
                 <UserID>wv:berta@example.com</UserID></User></Recipient><GroupID>wv:anna/club</GroupID>{screen}\
                 </Invite-Request>"
            ),
            200,
        );
        let told = room.told("berta");
        let [invitation] = &told[..] else { panic!("{told:?}") };
        assert_eq!(invitation.child_text("GroupID"), Some("wv:anna/club@example.com"), "{invitation:?}");
        let group = "<GroupID>wv:anna/club@example.com</GroupID>";
        room.of("berta").ask(&format!(
            "<JoinGroup-Request>{group}<ScreenName><SName>berta</SName>{group}</ScreenName>\
             <JoinedRequest>T</JoinedRequest><SubscribeNotification>T</SubscribeNotification></JoinGroup-Request>"
        ));
        let told = room.told("anna");
        let [change] = &told[..] else { panic!("{told:?}") };
        assert_eq!(change.child_text("GroupID"), Some(own), "{client}");
        room.of("berta").gets(
            &format!(
                "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient><Group>{group}</Group>\
                 </Recipient><Sender><User><UserID>wv:berta</UserID></User></Sender><ContentType>text/plain</ContentType>\
                 </MessageInfo><ContentData>hello</ContentData></SendMessage-Request>"
            ),
            200,
        );
        let told = room.told("anna");
        let [message] = &told[..] else { panic!("{told:?}") };
        let to = message.descend(&["MessageInfo", "Recipient", "Group", "GroupID"]).map(Element::trimmed);
        assert_eq!(to, Some(own), "{client} {message:?}");
    }
}

/// It tells its user the words of a status that it knows, and only the number of 900.
#[test]
fn the_one_reason_in_place_of_900() {
    for (client, wanted) in [(KNOWN, 531), ("other", 900)] {
        let mut room = Room::new(Version::V1_2, client);
        let send = |to: &str| {
            format!(
                "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient>{to}</Recipient><Sender>\
                 <User><UserID>wv:anna</UserID></User></Sender><ContentType>text/plain</ContentType></MessageInfo>\
                 <ContentData>hello</ContentData></SendMessage-Request>"
            )
        };
        let nobody = "<User><UserID>wv:nobody@example.com</UserID></User>";
        room.of("anna").gets(&send(nobody), wanted);
        // There is not one reason.
        room.of("anna").gets(&send(&format!("{nobody}<ContactList>wv:anna/none@example.com</ContactList>")), 900);
    }
}

/// It negotiates its services while the first message that waited for it is on its way: it gets it once.
#[test]
fn a_message_on_its_way_is_not_sent_again_when_services_change() {
    let mut room = Room::new(Version::V1_2, KNOWN);
    room.of("anna").gets(
        "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient><User>\
         <UserID>wv:berta@example.com</UserID></User></Recipient><Sender><User><UserID>wv:anna</UserID></User></Sender>\
         <ContentType>text/plain</ContentType></MessageInfo><ContentData>hello</ContentData></SendMessage-Request>",
        200,
    );
    let peer = room.of("berta");
    let offered = peer.post(&peer.text("", "<Polling-Request/>")).expect("the message");
    let [Transaction { id: Some(id), primitive, .. }] = &offered.transactions[..] else { panic!("{offered:?}") };
    assert_eq!(primitive.name, "NewMessage");
    peer.ask(ALL_FUNCTIONS);
    assert_eq!(peer.post(&peer.text("", "<Polling-Request/>")), None, "it is on its way");
    let known = primitive.descend(&["MessageInfo", "MessageID"]).unwrap().trimmed();
    let has = peer.text(id, &format!("<MessageDelivered><MessageID>{known}</MessageID></MessageDelivered>"));
    assert_eq!(peer.post(&has.replace(">Request<", ">Response<")), None);
    assert_eq!(peer.post(&peer.text("", "<Polling-Request/>")), None);
}

/// It looks for the way to be woken in the first child of the answer, whatever that is.
#[test]
fn capabilities_stand_before_the_client() {
    let asked = "<ClientCapability-Request><ClientID><URL>x</URL></ClientID><CapabilityList>\
                 <ClientType>MOBILE_PHONE</ClientType><AcceptedContentLength>262144</AcceptedContentLength>\
                 <ParserSize>262144</ParserSize><MultiTrans>1</MultiTrans><InitialDeliveryMethod>P</InitialDeliveryMethod>\
                 <ServerPollMin>30</ServerPollMin><SupportedBearer>HTTP</SupportedBearer></CapabilityList>\
                 </ClientCapability-Request>";
    for (client, first) in [(KNOWN, "CapabilityList"), ("other", "ClientID")] {
        let mut room = Room::new(Version::V1_1, client);
        let answer = room.of("anna").ask(&asked.replace('x', client));
        assert_eq!(answer.children[0].name, first, "{answer:?}");
        assert_eq!(answer.children.len(), 2, "{answer:?}");
    }
}

/// In 1.3, too, it says who may see its user only where it is asked with PresenceAuth: nobody would see anything else.
#[test]
fn who_may_see_its_user_is_asked_in_all_versions() {
    for version in Version::ALL {
        let mut room = Room::new(version, KNOWN);
        let berta = "<User><UserID>wv:berta@example.com</UserID></User>";
        room.of("anna").gets(&format!("<SubscribePresence-Request>{berta}</SubscribePresence-Request>"), 200);
        let told = room.told("berta");
        let [question] = &told[..] else { panic!("{told:?}") };
        let (name, watcher) = (question.name.as_ref(), question.child_text("UserID"));
        assert_eq!((name, watcher), ("PresenceAuth-Request", Some("wv:anna@example.com")));
        room.of("berta").gets(
            "<PresenceAuth-User><UserID>wv:anna@example.com</UserID><Acceptance>T</Acceptance></PresenceAuth-User>",
            200,
        );
        let told = room.told("anna");
        let seen = told[0].descend(&["Presence", "PresenceSubList", "OnlineStatus", "PresenceValue"]);
        assert_eq!(seen.map(Element::trimmed), Some("T"), "{told:?}");
    }
    let mut room = Room::new(Version::V1_3, "other");
    let berta = "<User><UserID>wv:berta@example.com</UserID></User>";
    room.of("anna").gets(&format!("<SubscribePresence-Request>{berta}</SubscribePresence-Request>"), 200);
    assert_eq!(room.told("berta"), []);
    let user = "<PresenceAuth-User><UserID>wv:anna@example.com</UserID><Acceptance>T</Acceptance></PresenceAuth-User>";
    room.of("berta").gets(user, 501);
}
