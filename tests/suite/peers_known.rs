//! Clients that are served as they are known by what they say of themselves, with no word of the operator: a messenger of one
//! operator and the open clients that were written after it. What they send is written down by hand as they write it.

use impskit::csp::wire::{self, Body};
use impskit::csp::{Message, Outcome, Version};
use impskit::document::Element;
use impskit::server::{Configuration, Store};

use super::server::Lab;

const MESSENGER: &str = "WV:InstantMessenger-1.0.7.9@COLIBRIA.PC-CLIENT";
const PHONE: &str = "WV:PHONE-1.0@ACME.HANDSET";
const ENGINE: &str = "WV:IMPEC01$00001@NOK.S60";

/// Clients at one server, each in a session of its own.
struct Field {
    lab: Lab,
    last: u32,
}

impl Field {
    fn new(table: &str) -> Self {
        let text = format!("domain = 'example.com'\n{table}");
        Self { lab: Lab::with(Configuration::of(toml::from_str(&text).unwrap()).unwrap()), last: 100 }
    }

    /// Posts a transaction in a mode; returns what comes back as it is written, and read.
    fn post(&mut self, session: &str, mode: &str, id: &str, content: &str) -> Option<(String, Message<'static>)> {
        let [outer, inner, _] = Version::V1_2.namespaces();
        let descriptor = match session {
            "" => "<SessionType>Outband</SessionType>".to_owned(),
            id => format!("<SessionType>Inband</SessionType><SessionID>{id}</SessionID>"),
        };
        let id =
            if id.is_empty() { "<TransactionID />".into() } else { format!("<TransactionID>{id}</TransactionID>") };
        let text = format!(
            "<WV-CSP-Message xmlns=\"{outer}\">\r\n <Session>\r\n  <SessionDescriptor>{descriptor}</SessionDescriptor>\r\n\
             <Transaction><TransactionDescriptor><TransactionMode>{mode}</TransactionMode>{id}</TransactionDescriptor>\
             <TransactionContent xmlns=\"{inner}\">{content}</TransactionContent></Transaction></Session></WV-CSP-Message>\r\n"
        );
        let (status, body) = self.lab.post("application/vnd.wv.csp.xml", text.into_bytes());
        assert_eq!(status, 200);
        if body.is_empty() {
            return None;
        }
        let Ok((Body::Message(message), _)) = wire::read(&body, &wire::LIMITS) else { panic!("{body:?}") };
        let message = message.into_owned();
        Some((String::from_utf8(body).unwrap(), message))
    }

    fn ask_as(&mut self, session: &str, id: &str, content: &str) -> Element<'static> {
        let (_, mut answer) = self.post(session, "Request", id, content).expect("an answer");
        answer.transactions.remove(0).primitive
    }

    fn ask(&mut self, session: &str, content: &str) -> Element<'static> {
        self.last += 1;
        self.ask_as(session, &self.last.to_string(), content)
    }

    fn login(&mut self, user: &str, client: &str) -> String {
        let answer = self.ask(
            "",
            &format!(
                "<Login-Request><UserID>{user}</UserID><ClientID><URL>{client}</URL></ClientID><Password>open-sesame\
                 </Password><TimeToLive>3600</TimeToLive><SessionCookie>c0</SessionCookie></Login-Request>"
            ),
        );
        let session = answer.child_text("SessionID").unwrap().to_owned();
        self.ask(
            &session,
            "<Service-Request><Functions><WVCSPFeat><FundamentalFeat /><PresenceFeat /><IMFeat /><GroupFeat /></WVCSPFeat>\
             </Functions><AllFunctionsRequest>T</AllFunctionsRequest></Service-Request>",
        );
        session
    }

    /// Says what a client can, and which it is.
    fn negotiate(&mut self, session: &str, client: &str) {
        let answer = self.ask(
            session,
            &format!(
                "<ClientCapability-Request><ClientID><URL>{client}</URL></ClientID><CapabilityList><ClientType>COMPUTER\
                 </ClientType><InitialDeliveryMethod>P</InitialDeliveryMethod><AcceptedContentType>text/html\
                 </AcceptedContentType><AcceptedContentLength>256000</AcceptedContentLength><MultiTrans>1</MultiTrans>\
                 <ParserSize>300000</ParserSize><ColibriaExtensions>T</ColibriaExtensions></CapabilityList>\
                 </ClientCapability-Request>"
            ),
        );
        assert_eq!(answer.name, "ClientCapability-Response");
    }

    fn poll(&mut self, session: &str) -> Option<(String, Element<'static>)> {
        let (text, mut offered) = self.post(session, "Request", "", "<Polling-Request />")?;
        Some((text, offered.transactions.remove(0).primitive))
    }
}

fn code(answer: &Element<'_>) -> u16 {
    Outcome::read(answer).map_or(200, |outcome| outcome.code.0)
}

fn to_berta(text: &str) -> String {
    format!(
        "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><ContentType>text/html</ContentType>\
         <ContentSize>148</ContentSize><Recipient><User><UserID>wv:berta@example.com</UserID></User></Recipient><Sender>\
         <User><UserID>anna@example.com</UserID></User></Sender></MessageInfo><ContentData>{text}</ContentData>\
         </SendMessage-Request>"
    )
}

/// One TransactionID for all, and nothing acknowledged: every message goes out, and comes in once, one a poll.
#[test]
fn a_messenger_that_counts_nothing_and_acknowledges_nothing() {
    let mut field = Field::new("");
    let (anna, berta) = (field.login("anna", MESSENGER), field.login("berta", MESSENGER));
    field.negotiate(&berta, MESSENGER);
    for text in ["one", "two", "one"] {
        assert_eq!(code(&field.ask_as(&anna, "15", &to_berta(text))), 200);
    }
    for text in ["one", "two", "one"] {
        let (_, offered) = field.poll(&berta).expect(text);
        assert_eq!((offered.name.as_ref(), offered.child_text("ContentData")), ("NewMessage", Some(text)));
    }
    assert!(field.poll(&berta).is_none());
    field.lab.pass(60);
    assert!(field.poll(&berta).is_none(), "nothing comes twice");
    // A late word of thanks, as an answer or as a request of its own, does no harm.
    let thanks = "<Status><Result><Code>200</Code></Result></Status>";
    assert!(field.post(&berta, "Response", "1", thanks).is_none());
    assert_eq!(code(&field.ask(&berta, thanks)), 200);
    // Of others both is asked.
    let phone = field.login("berta", PHONE);
    field.negotiate(&phone, PHONE);
    assert_eq!(code(&field.ask_as(&anna, "15", &to_berta("three"))), 200);
    assert!(field.poll(&phone).is_some() && field.poll(&phone).is_none());
    field.lab.pass(30);
    assert!(field.poll(&phone).is_some(), "offered again");
    assert_eq!(code(&field.ask(&phone, thanks)), 405);
}

/// A question that its user takes time to answer keeps no message back.
#[test]
fn a_question_that_is_not_acknowledged_keeps_nothing_back() {
    let mut field = Field::new("");
    let (anna, berta) = (field.login("anna", MESSENGER), field.login("berta", MESSENGER));
    field.negotiate(&berta, MESSENGER);
    field.ask(&anna, "<SubscribePresence-Request><User><UserID>berta</UserID></User></SubscribePresence-Request>");
    field.ask(&anna, &to_berta("hello"));
    let names: Vec<String> = std::iter::from_fn(|| Some(field.poll(&berta)?.1.name.to_string())).collect();
    assert_eq!(names, ["PresenceAuth-Request", "NewMessage"]);
    let yes = "<PresenceAuth-User><UserID>wv:anna@example.com</UserID><Acceptance>T</Acceptance></PresenceAuth-User>";
    assert_eq!(code(&field.ask(&berta, yes)), 200);
    assert_eq!(field.poll(&anna).map(|(_, told)| told.name), Some("PresenceNotification-Request".into()));
}

/// Where a gateway logs in, the client says who it is with what it can.
#[test]
fn a_messenger_that_a_gateway_has_logged_in() {
    let mut field = Field::new("");
    let anna = field.login("anna", "gateway");
    let sent: Vec<u16> = ["one", "two"].map(|text| code(&field.ask_as(&anna, "15", &to_berta(text)))).into();
    assert_eq!(sent, [200, 420]);
    field.negotiate(&anna, MESSENGER);
    let sent: Vec<u16> = ["three", "four"].map(|text| code(&field.ask_as(&anna, "15", &to_berta(text)))).into();
    assert_eq!(sent, [200, 200]);
}

/// Its operator makes a list for every user, and everybody there has a name.
#[test]
fn a_messenger_whose_operator_makes_lists_and_names() {
    let mut field = Field::new("");
    let presence =
        |user: &str| format!("<GetPresence-Request><User><UserID>{user}</UserID></User></GetPresence-Request>");
    let alias = |answer: &Element<'_>| {
        let value = answer.descend(&["Presence", "PresenceSubList", "Alias", "PresenceValue"]);
        value.map(|value| value.trimmed().to_owned())
    };
    let manage = "<ListManage-Request><ContactList>wv:anna/~pep1.0_privatelist@example.com</ContactList>\
                  <ReceiveList>T</ReceiveList></ListManage-Request>";
    let phone = field.login("anna", PHONE);
    assert_eq!(code(&field.ask(&phone, manage)), 700);
    for user in ["anna", "berta"] {
        assert_eq!(alias(&field.ask(&phone, &presence(user))), None, "nobody has said one");
    }
    let anna = field.login("anna", MESSENGER);
    let answer = field.ask(&anna, manage);
    assert!(code(&answer) == 200 && answer.child("NickList").is_some(), "{answer:?}");
    assert_eq!(code(&field.ask(&anna, &manage.replace("anna/", "berta/"))), 752, "a list of its own only");
    let create = "<CreateList-Request><ContactList>wv:anna/~PEP1.0_subscriptions@example.com</ContactList><NickList />\
                  </CreateList-Request>";
    assert_eq!(code(&field.ask(&anna, create)), 200);
    // It looks for the second list in small letters, and among those that are not the default.
    let lists = field.ask(&anna, "<GetList-Request />");
    assert_eq!(lists.child_text("ContactList"), Some("wv:anna/~pep1.0_subscriptions@example.com"));
    for (user, name) in [("anna", "anna"), ("berta", "berta")] {
        assert_eq!(alias(&field.ask(&anna, &presence(user))).as_deref(), Some(name));
    }
    let first = |answer: &Element<'_>| {
        let list = answer.descend(&["Presence", "PresenceSubList"]).expect("a list");
        list.children[0].name.to_string()
    };
    assert_eq!(first(&field.ask(&anna, &presence("anna"))), "Alias");
    let phone = field.login("anna", PHONE);
    assert_eq!(first(&field.ask(&phone, &presence("anna"))), "OnlineStatus");
    let update = "<UpdatePresence-Request><PresenceSubList><Alias><Qualifier>T</Qualifier><PresenceValue>Annie\
                  </PresenceValue></Alias></PresenceSubList></UpdatePresence-Request>";
    assert_eq!(code(&field.ask(&anna, update)), 200);
    assert_eq!(alias(&field.ask(&anna, &presence("anna"))).as_deref(), Some("Annie"));
}

/// It reads from UserAvailability who is there, takes an attribute that is not told for unset, and looks at one Presence of
/// a notification.
#[test]
fn a_messenger_that_sees_who_is_there() {
    const WANTED: &str = "<PresenceSubList><OnlineStatus /><UserAvailability /><Alias /></PresenceSubList>";
    let mut field = Field::new("");
    let now = field.lab.now;
    field.lab.engine.store().add_user("wv:carla@example.com", "open-sesame", now).unwrap();
    let value = |presence: &Element<'_>, name: &str| {
        let value = presence.descend(&["PresenceSubList", name, "PresenceValue"]);
        value.map(|value| value.trimmed().to_owned())
    };
    let seen = |notification: &Element<'_>| -> Vec<[Option<String>; 4]> {
        let presences = notification.children_named("Presence");
        let row = |presence: &Element<'_>| {
            let user = presence.child_text("UserID").map(str::to_owned);
            [user, value(presence, "OnlineStatus"), value(presence, "UserAvailability"), value(presence, "Alias")]
        };
        presences.map(row).collect()
    };
    let row = |user: &str, online: &str, available: &str, alias: &str| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        [text(&format!("wv:{user}@example.com")), text(online), text(available), text(alias)]
    };
    let here = |field: &mut Field, user: &str, alias: &str| {
        let session = field.login(user, PHONE);
        let alias = match alias {
            "" => String::new(),
            alias => format!("<Alias><Qualifier>T</Qualifier><PresenceValue>{alias}</PresenceValue></Alias>"),
        };
        field.ask(
            &session,
            &format!(
                "<UpdatePresence-Request><PresenceSubList><UserAvailability><Qualifier>T</Qualifier><PresenceValue>\
                 AVAILABLE</PresenceValue></UserAvailability>{alias}</PresenceSubList></UpdatePresence-Request>"
            ),
        );
        let grant =
            format!("<CreateAttributeList-Request>{WANTED}<DefaultList>T</DefaultList></CreateAttributeList-Request>");
        assert_eq!(code(&field.ask(&session, &grant)), 200);
        session
    };
    let berta = here(&mut field, "berta", "Bert");
    let carla = here(&mut field, "carla", "");
    field.ask(&carla, "<Logout-Request />");
    let both = "<User><UserID>berta</UserID></User><User><UserID>carla</UserID></User>";
    let subscribe = format!("<SubscribePresence-Request>{both}{WANTED}</SubscribePresence-Request>");

    let anna = field.login("anna", MESSENGER);
    assert_eq!(code(&field.ask(&anna, &subscribe)), 200);
    for told in [row("berta", "T", "AVAILABLE", "Bert"), row("carla", "F", "", "carla")] {
        assert_eq!(field.poll(&anna).map(|(_, told)| seen(&told)), Some(vec![told]));
    }
    assert!(field.poll(&anna).is_none());
    let get = format!("<GetPresence-Request><User><UserID>carla</UserID></User>{WANTED}</GetPresence-Request>");
    assert_eq!(seen(&field.ask(&anna, &get)), [row("carla", "F", "", "carla")]);
    field.ask(&berta, "<Logout-Request />");
    assert_eq!(field.poll(&anna).map(|(_, told)| seen(&told)), Some(vec![row("berta", "F", "", "Bert")]));
    field.login("berta", PHONE);
    assert_eq!(field.poll(&anna).map(|(_, told)| seen(&told)), Some(vec![row("berta", "T", "AVAILABLE", "Bert")]));

    // To others both are told at once, and as they are.
    let phone = field.login("anna", PHONE);
    assert_eq!(code(&field.ask(&phone, &subscribe)), 200);
    let told = [row("berta", "T", "AVAILABLE", "Bert"), row("carla", "F", "AVAILABLE", "")];
    assert_eq!(field.poll(&phone).map(|(_, told)| seen(&told)), Some(told.into()));
}

/// It takes a text that is not told for none and the first user of a notification for all of them, and acts on the reason for
/// which everything failed where that stands on top.
#[test]
fn an_engine_of_handsets() {
    let mut field = Field::new("");
    let berta = field.login("berta", PHONE);
    let update = |attribute: &str, value: &str| {
        format!(
            "<UpdatePresence-Request><PresenceSubList><{attribute}><Qualifier>T</Qualifier><PresenceValue>{value}\
             </PresenceValue></{attribute}></PresenceSubList></UpdatePresence-Request>"
        )
    };
    field.ask(&berta, &update("StatusText", "at lunch"));
    let wanted = "<PresenceSubList><UserAvailability /><StatusText /></PresenceSubList>";
    let grant =
        format!("<CreateAttributeList-Request>{wanted}<DefaultList>T</DefaultList></CreateAttributeList-Request>");
    assert_eq!(code(&field.ask(&berta, &grant)), 200);
    let anna = field.login("anna", ENGINE);
    let both = "<User><UserID>berta</UserID></User><User><UserID>anna</UserID></User>";
    field.ask(&anna, &format!("<SubscribePresence-Request>{both}{wanted}</SubscribePresence-Request>"));
    // How many users each notification has, and the text that it tells. What waits comes with the answer to an answer.
    let told = |field: &mut Field| {
        let mut rows = Vec::new();
        let mut next = field.post(&anna, "Request", "", "<Polling-Request />");
        while let Some((_, mut offered)) = next {
            let offered = offered.transactions.remove(0);
            let text = offered.primitive.descend(&["Presence", "PresenceSubList", "StatusText", "PresenceValue"]);
            let text = text.map(|text| text.trimmed().to_owned()).unwrap_or_default();
            rows.push((offered.primitive.children_named("Presence").count(), text));
            let thanks = "<Status><Result><Code>200</Code></Result></Status>";
            next = field.post(&anna, "Response", offered.id.as_deref().unwrap_or_default(), thanks);
        }
        rows
    };
    assert_eq!(told(&mut field), [(1, "at lunch".to_owned()), (1, String::new())]);
    field.ask(&berta, &update("UserAvailability", "AVAILABLE"));
    assert_eq!(told(&mut field), [(1, "at lunch".to_owned())]);

    let unsubscribe = |list: &str| {
        let list = format!("<ContactList>wv:anna/{list}@example.com</ContactList>");
        format!("<UnsubscribePresence-Request>{list}</UnsubscribePresence-Request>")
    };
    assert_eq!(code(&field.ask(&anna, &unsubscribe("gone"))), 700);
    assert_eq!(code(&field.ask(&berta, &unsubscribe("gone").replace("anna", "berta"))), 900);
}

/// What an operator says of a client counts in the place of what is known of it.
#[test]
fn an_operator_who_knows_better() {
    let mut field = Field::new("[[client]]\nwhen = { client = 'wv:instant*' }\nforms = []\n");
    let anna = field.login("anna", MESSENGER);
    let sent: Vec<u16> = ["one", "two"].map(|text| code(&field.ask_as(&anna, "15", &to_berta(text)))).into();
    assert_eq!(sent, [200, 420]);
}

/// Clients that look for tags with their own hands resolve no references: there are none but those that must be.
#[test]
fn texts_with_no_more_references_than_must_be() {
    let mut field = Field::new("");
    let (anna, berta) = (field.login("anna", PHONE), field.login("berta", MESSENGER));
    field.negotiate(&berta, MESSENGER);
    let markup = "&lt;span style=\"color:#000000;\"&gt;it&apos;s &quot;5&quot; &amp; more&lt;/span&gt;";
    field.ask(&anna, &to_berta(markup));
    let (text, offered) = field.poll(&berta).expect("a message");
    let content = "<ContentData>&lt;span style=\"color:#000000;\">it's \"5\" &amp; more&lt;/span></ContentData>";
    assert!(text.contains(content), "{text}");
    let read = offered.child_text("ContentData");
    assert_eq!(read, Some("<span style=\"color:#000000;\">it's \"5\" & more</span>"));
    // The end of a CDATA section is never written as it stands.
    field.ask(&anna, &to_berta("a]]&gt;b"));
    let (text, offered) = field.poll(&berta).expect("a message");
    assert!(text.contains("a]]&gt;b") && offered.child_text("ContentData") == Some("a]]>b"), "{text}");
}

/// Operators name users by the number as it is dialled at home, too.
#[test]
fn users_that_are_named_by_their_number() {
    let mut field = Field::new("");
    let now = field.lab.now;
    let store: &mut Store = field.lab.engine.store();
    for user in ["wv:600000002@example.com", "wv:+34600000003@example.com"] {
        store.add_user(user, "open-sesame", now).unwrap();
    }
    let anna = field.login("anna", PHONE);
    for (number, found) in [("600000002", 1), ("34600000003", 1), ("+34600000003", 1), ("600", 1), ("berta", 0)] {
        let answer = field.ask(
            &anna,
            &format!(
                "<Search-Request><SearchPairList><SearchElement>USER_MOBILE_NUMBER</SearchElement><SearchString>{number}\
                 </SearchString></SearchPairList><SearchLimit>50</SearchLimit></Search-Request>"
            ),
        );
        assert_eq!(answer.child_text("SearchFindings"), Some(found.to_string().as_str()), "{number} {answer:?}");
    }
}
