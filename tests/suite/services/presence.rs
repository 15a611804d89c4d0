//! Presence: P5 to P15.

use super::*;

#[test]
fn presence_reaches_only_whom_it_is_granted_to() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let mut bob = lab.login("bob", version);
        assert_eq!(lab.code(&mut bob, &update(&status_text("in the garden \u{1F33B}"))), 200);
        let request = subscribe(USER_BOB, "<OnlineStatus/><StatusText/>");
        assert_eq!(lab.code(&mut alice, &request), 200, "it succeeds where nothing is granted");
        assert!(lab.poll(&alice).is_empty(), "C15: nothing is granted until it is");
        // A change of authorization takes effect at once.
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<StatusText/>")), 200);
        let notification = lab.receive(&alice, "PresenceNotification-Request");
        assert_eq!(shown(&notification), status_text("in the garden \u{1F33B}"));
        assert_eq!(lab.code(&mut bob, &grant(version, &[], true, "<OnlineStatus/>")), 200);
        assert!(lab.poll(&alice).is_empty(), "the user's own list decides entirely, not the default");
        // Only changed, wanted and granted attributes are notified.
        let both = update(&format!(
            "<Alias><Qualifier>T</Qualifier><PresenceValue>B</PresenceValue></Alias>{}",
            status_text("x")
        ));
        assert_eq!(lab.code(&mut bob, &both), 200);
        assert_eq!(shown(&lab.receive(&alice, "PresenceNotification-Request")), status_text("x"));
        assert_eq!(lab.code(&mut bob, &both), 200);
        assert!(lab.poll(&alice).is_empty(), "nothing has changed");
        let unsubscribe = format!("<UnsubscribePresence-Request>{USER_BOB}</UnsubscribePresence-Request>");
        assert_eq!(lab.code(&mut alice, &unsubscribe), 200);
        assert_eq!(lab.code(&mut bob, &update(&status_text("y"))), 200);
        assert!(lab.poll(&alice).is_empty());
    }
}

#[test]
fn presence_is_read_with_qualifiers_and_refused_by_name() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_2);
    let mut bob = lab.login("bob", Version::V1_2);
    let get = |attributes: &str| {
        format!("<GetPresence-Request>{USER_BOB}<PresenceSubList>{attributes}</PresenceSubList></GetPresence-Request>")
    };
    let answer = lab.ask(&mut alice, &get("<OnlineStatus/>"));
    assert_eq!(text(answer.child("Presence").unwrap()), "<Presence><UserID>wv:bob@example.com</UserID></Presence>");
    lab.ask(&mut bob, &grant(Version::V1_2, &[], true, "<OnlineStatus/><Alias/><ClientInfo/>"));
    let answer = lab.ask(&mut alice, &get("<Alias/><OnlineStatus/><StatusText/>"));
    let online = "<OnlineStatus><Qualifier>T</Qualifier><PresenceValue>T</PresenceValue></OnlineStatus>";
    let unset = "<Alias><Qualifier>F</Qualifier></Alias>";
    assert_eq!(shown(&answer), format!("{online}{unset}"), "an attribute granted and never set has Qualifier F");
    lab.ask(&mut bob, "<Logout-Request/>");
    assert!(shown(&lab.ask(&mut alice, &get("<OnlineStatus/>"))).contains("<PresenceValue>F<"));
    // Refusals: nobody, the attribute, the value, and both with a good one beside them.
    assert_eq!(lab.code(&mut alice, &subscribe("", "<Alias/>")), 400);
    assert_eq!(lab.code(&mut alice, &get("<Shoesize/>")), 750);
    assert_eq!(lab.code(&mut alice, &update("<Shoesize><Qualifier>T</Qualifier></Shoesize>")), 750);
    let bad = "<Registration><Qualifier>T</Qualifier><PresenceValue>perhaps</PresenceValue></Registration>";
    assert_eq!(lab.code(&mut alice, &update(bad)), 751);
    let answer = lab.ask(&mut alice, &update(&format!("{bad}<Shoesize/>{}", status_text("kept"))));
    assert_eq!(Outcome::read(&answer).unwrap().code.0, 201);
    assert_eq!(details(&answer).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [750, 751]);
    let nobody = "<GetPresence-Request><User><UserID>wv:nobody</UserID></User><User><UserID>wv:alice</UserID></User>\
                  <User><UserID>wv:x@else.where</UserID></User><PresenceSubList><StatusText/></PresenceSubList></GetPresence-Request>";
    let answer = lab.ask(&mut alice, nobody);
    assert_eq!(details(&answer), [(516, vec!["wv:x@else.where".into()]), (531, vec!["wv:nobody".into()])]);
    assert_eq!(shown(&answer), status_text("kept"), "the owner sees all of its own");
}

#[test]
fn attribute_lists_have_three_levels() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let get = format!("<GetPresence-Request>{USER_BOB}</GetPresence-Request>");
    let mut names = |lab: &mut Lab| {
        let answer = lab.ask(&mut alice, &get);
        let list = answer.descend(&["Presence", "PresenceSubList"]);
        list.map(|l| l.children.iter().map(|c| c.name.to_string()).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    let on_lists = |lists: &str, attributes: &str| {
        format!(
            "<CreateAttributeList-Request><PresenceSubList>{attributes}</PresenceSubList><ContactListIDList>{lists}\
         </ContactListIDList><DefaultList>F</DefaultList></CreateAttributeList-Request>"
        )
    };
    let nick = "<NickList><UserID>wv:alice</UserID></NickList>";
    lab.ask(&mut bob, &create_list("wv:bob/one", nick));
    lab.ask(&mut bob, &create_list("wv:bob/two", nick));
    assert_eq!(names(&mut lab), "");
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<Alias/>"));
    assert_eq!(names(&mut lab), "Alias");
    let answer = lab.ask(
        &mut bob,
        &on_lists("<ContactList>wv:bob/one</ContactList><ContactList>wv:alice/one</ContactList>", "<PLMN/>"),
    );
    assert_eq!(details(&answer), [(700, vec!["wv:alice/one".to_owned()])], "C05");
    lab.ask(&mut bob, &on_lists("<ContactList>wv:bob/two</ContactList>", "<Address/>"));
    assert_eq!(names(&mut lab), "Address PLMN", "the union of the lists, in the order of PresenceSubList");
    lab.ask(&mut bob, &grant(Version::V1_3, &["alice"], false, ""));
    assert_eq!(names(&mut lab), "", "an empty list denies");
    let all = lab.ask(&mut bob, "<GetAttributeList-Request/>");
    assert_eq!(
        text(all.child("DefaultAttributeList").unwrap()),
        "<DefaultAttributeList><DefaultNotify>F</DefaultNotify>\
         <PresenceSubList><Alias></Alias></PresenceSubList></DefaultAttributeList>"
    );
    assert_eq!(all.children_named("Presence").count(), 3);
    let named = lab.ask(
        &mut bob,
        "<GetAttributeList-Request><UserIDList><UserID>wv:alice</UserID></UserIDList></GetAttributeList-Request>",
    );
    assert!(named.child("DefaultAttributeList").is_none());
    assert_eq!(
        text(named.child("Presence").unwrap()),
        "<Presence><UserID>wv:alice@example.com</UserID><UserNotify>F</UserNotify>\
         <PresenceSubList></PresenceSubList></Presence>"
    );
    let delete = "<DeleteAttributeList-Request><UserIDList><UserID>wv:alice</UserID><UserID>wv:no</UserID></UserIDList></DeleteAttributeList-Request>";
    assert_eq!(details(&lab.ask(&mut bob, delete)), [(531, vec!["wv:no".to_owned()])]);
    lab.ask(&mut bob, "<DeleteList-Request><ContactList>wv:bob/one</ContactList></DeleteList-Request>");
    assert_eq!(names(&mut lab), "Address");
    lab.ask(
        &mut bob,
        "<ListManage-Request><ContactList>wv:bob/two</ContactList><RemoveNickList><UserID>wv:alice</UserID>\
         </RemoveNickList></ListManage-Request>",
    );
    assert_eq!(names(&mut lab), "Alias");
}

#[test]
fn owners_are_asked_in_the_way_of_their_version() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_2);
    let mut carol = lab.login("carol", Version::V1_3);
    // 1.3: by the switch of the level that decides.
    let switch = "<CreateAttributeList-Request><PresenceSubList><Alias/></PresenceSubList><DefaultList>T</DefaultList>\
                  <DefaultNotify>T</DefaultNotify></CreateAttributeList-Request>";
    lab.ask(&mut carol, switch);
    lab.ask(
        &mut alice,
        "<GetPresence-Request><UserIDList><UserID>wv:carol</UserID></UserIDList><PresenceSubList><Alias/>\
         <PLMN/></PresenceSubList></GetPresence-Request>",
    );
    assert_eq!(
        text(&lab.receive(&carol, "Notification-Request")),
        "<Notification-Request><NotificationType>AND</NotificationType>\
         <PresenceSubList><PLMN></PLMN></PresenceSubList><UserIDList><UserID>wv:alice@example.com</UserID></UserIDList>\
         <DefaultList>T</DefaultList></Notification-Request>"
    );
    // 1.2: by a question, which is asked once and answered later.
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/>"));
    let question = lab.receive(&bob, "PresenceAuth-Request");
    assert_eq!(
        text(&question),
        "<PresenceAuth-Request><UserID>wv:alice@example.com</UserID><PresenceSubList><OnlineStatus>\
         </OnlineStatus></PresenceSubList></PresenceAuth-Request>"
    );
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/>"));
    assert!(lab.poll(&bob).is_empty() && lab.poll(&alice).is_empty());
    let state = |lab: &mut Lab, bob: &mut Client| {
        let answer = lab.ask(bob, "<GetReactiveAuthStatus-Request/>");
        let status = answer.descend(&["ReactiveAuthStatusList", "ReactiveAuthStatus", "ReactiveAuthState"]);
        status.map(|s| s.trimmed().to_owned()).unwrap_or_default()
    };
    assert_eq!(state(&mut lab, &mut bob), "PENDING");
    let answer =
        "<PresenceAuth-User><UserID>wv:alice@example.com</UserID><Acceptance>T</Acceptance></PresenceAuth-User>";
    assert_eq!(lab.code(&mut bob, answer), 200);
    assert_eq!(state(&mut lab, &mut bob), "GRANTED");
    assert!(shown(&lab.receive(&alice, "PresenceNotification-Request")).contains("<PresenceValue>T<"));
    let cancel = "<CancelAuth-Request><UserID>wv:alice</UserID></CancelAuth-Request>";
    assert_eq!(lab.code(&mut bob, cancel), 200);
    assert_eq!(lab.code(&mut bob, answer), 531, "nobody asked");
}

#[test]
fn lists_subscribe_for_their_members_and_watchers_are_known() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let mut carol = lab.login("carol", Version::V1_1);
    for (owner, version) in [(&mut bob, Version::V1_3), (&mut carol, Version::V1_1)] {
        lab.ask(owner, &grant(version, &[], true, "<OnlineStatus/>"));
    }
    lab.ask(&mut alice, &create_list("wv:alice/l", "<NickList><UserID>wv:bob</UserID></NickList>"));
    let subscribe = "<SubscribePresence-Request><ContactListIDList><ContactList>wv:alice/l</ContactList></ContactListIDList>\
                     <AutoSubscribe>T</AutoSubscribe></SubscribePresence-Request>";
    assert_eq!(lab.code(&mut alice, subscribe), 200);
    assert!(text(&lab.receive(&alice, "PresenceNotification-Request")).contains("wv:bob@"));
    lab.ask(
        &mut alice,
        "<ListManage-Request><ContactList>wv:alice/l</ContactList><AddNickList><UserID>wv:carol</UserID>\
         </AddNickList></ListManage-Request>",
    );
    assert!(
        text(&lab.receive(&alice, "PresenceNotification-Request")).contains("wv:carol@"),
        "who is added is subscribed"
    );
    let watchers = lab.ask(&mut carol, "<GetWatcherList-Request/>");
    assert_eq!(
        text(&watchers),
        "<GetWatcherList-Response><User><UserID>wv:alice@example.com</UserID></User></GetWatcherList-Response>"
    );
    lab.ask(
        &mut alice,
        "<ListManage-Request><ContactList>wv:alice/l</ContactList><RemoveNickList><UserID>wv:bob</UserID>\
         </RemoveNickList></ListManage-Request>",
    );
    lab.wait(60);
    let watchers = lab.ask(
        &mut bob,
        "<GetWatcherList-Request><HistoryPeriod>3600</HistoryPeriod><MaxWatcherList>5</MaxWatcherList>\
         </GetWatcherList-Request>",
    );
    assert_eq!(
        text(&watchers),
        "<GetWatcherList-Response><HistoryPeriod>3600</HistoryPeriod><WatcherCount>1</WatcherCount><Watcher>\
         <UserID>wv:alice@example.com</UserID><WatcherStatus>FORMER_SUBSCRIBER</WatcherStatus></Watcher></GetWatcherList-Response>"
    );
    let foreign = "<SubscribePresence-Request><ContactList>wv:bob/l</ContactList><AutoSubscribe>F</AutoSubscribe></SubscribePresence-Request>";
    assert_eq!(details(&lab.ask(&mut alice, foreign)), [(700, vec!["wv:bob/l".to_owned()])], "C05");
    // Subscriptions end with the session.
    lab.ask(&mut alice, "<Logout-Request/>");
    let watchers = lab.ask(&mut carol, "<GetWatcherList-Request/>");
    assert!(watchers.children.is_empty());
}

#[test]
fn owners_who_are_away_are_asked_when_they_come() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_1);
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/><Alias/>"));
    let mut bob = lab.login("bob", Version::V1_1);
    let question = lab.receive(&bob, "PresenceAuth-Request");
    assert!(text(&question).contains("wv:alice@example.com</UserID><PresenceSubList><OnlineStatus>"));
    let deny = "<PresenceAuth-User><UserID>wv:alice@example.com</UserID><Acceptance>F</Acceptance></PresenceAuth-User>";
    assert_eq!(lab.code(&mut bob, deny), 200);
    lab.ask(&mut bob, "<Logout-Request/>");
    let bob = lab.login("bob", Version::V1_1);
    assert!(lab.poll(&bob).is_empty() && lab.poll(&alice).is_empty(), "it is decided");
}

#[test]
fn c09_subscriptions_have_an_end_however_they_come() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol", "d", "e", "f"]);
    let mut alice = lab.login("alice", Version::V1_3);
    let user = |name: &str| format!("<User><UserID>wv:{name}</UserID></User>");
    let many: String = ["bob", "carol", "d", "e", "f"].map(user).concat();
    assert_eq!(lab.code(&mut alice, &subscribe(&many, "")), 503, "four is the quota");
    let nick = |name: &str| format!("<NickList><UserID>wv:{name}</UserID></NickList>");
    lab.ask(&mut alice, &create_list("wv:alice/l", &nick("bob")));
    let list = "<SubscribePresence-Request><ContactListIDList><ContactList>wv:alice/l</ContactList></ContactListIDList>\
                <AutoSubscribe>T</AutoSubscribe></SubscribePresence-Request>";
    assert_eq!(lab.code(&mut alice, list), 200);
    assert_eq!(lab.code(&mut alice, &subscribe(&["d", "e"].map(user).concat(), "")), 200);
    // Two more come to the list: there is room for one.
    let add = "<ListManage-Request><ContactList>wv:alice/l</ContactList><AddNickList><UserID>wv:carol</UserID>\
               <UserID>wv:f</UserID></AddNickList><ReceiveList>F</ReceiveList></ListManage-Request>";
    assert_eq!(lab.code(&mut alice, add), 200);
    let mut watchers = |name: &'static str| {
        let mut owner = lab.login(name, Version::V1_3);
        let answer = lab.ask(&mut owner, "<GetWatcherList-Request/>");
        answer.children.len()
    };
    assert_eq!((watchers("carol"), watchers("f")), (1, 0));
}

#[test]
fn c09_attribute_lists_and_questions_have_an_end() {
    let names: Vec<String> = (0..501).map(|number| format!("u{number}")).collect();
    let mut users: Vec<&str> = names.iter().map(String::as_str).collect();
    users.push("alice");
    let mut lab = Lab::of("example.com", &users);
    let mut alice = lab.login("alice", Version::V1_3);
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(lab.code(&mut alice, &grant(Version::V1_3, &users, false, "<Alias/>")), 755);
    assert_eq!(lab.code(&mut alice, &grant(Version::V1_3, &users[..500], false, "<Alias/>")), 200);
    assert_eq!(lab.code(&mut alice, &grant(Version::V1_3, &[], true, "<Alias/>")), 755);
}

#[test]
fn c15_presence_is_ruled_by_the_attribute_lists_and_nothing_else() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let mut bob = lab.login("bob", version);
        let own = "<User><UserID>wv:bob</UserID></User>";
        // To oneself: all of it.
        assert_eq!(lab.code(&mut bob, &subscribe(own, "<StatusText/>")), 200);
        lab.poll(&bob);
        assert_eq!(lab.code(&mut bob, &update(&status_text("mine"))), 200);
        assert_eq!(shown(&lab.receive(&bob, "PresenceNotification-Request")), status_text("mine"));
        // By somebody who is not authorized: nothing, whatever happens.
        assert_eq!(lab.code(&mut alice, &subscribe(USER_BOB, "<StatusText/>")), 200);
        assert_eq!(lab.code(&mut bob, &update(&status_text("still mine"))), 200);
        lab.ask(&mut bob, "<Logout-Request/>");
        let mut bob = lab.login("bob", version);
        assert!(lab.poll(&alice).is_empty());
        // By somebody who is blocked: blocking is about messages.
        let block = match version {
            Version::V1_3 => {
                "<BlockEntity-Request><BlockList><AddList><UserID>wv:alice</UserID></AddList></BlockList>\
                              <BlockListInUse>T</BlockListInUse></BlockEntity-Request>"
            }
            _ => {
                "<BlockEntity-Request><BlockList><InUse>T</InUse><AddList><UserID>wv:alice</UserID></AddList></BlockList>\
                  </BlockEntity-Request>"
            }
        };
        assert_eq!(lab.code(&mut bob, block), 200);
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<StatusText/>")), 200);
        assert_eq!(shown(&lab.receive(&alice, "PresenceNotification-Request")), status_text("still mine"));
        // Withdrawn: nothing more is sent.
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "")), 200);
        assert_eq!(lab.code(&mut bob, &update(&status_text("gone"))), 200);
        assert!(lab.poll(&alice).is_empty());
    }
}

#[test]
fn a_member_of_two_lists_is_watched_until_the_last_lets_it_go() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<StatusText/>"));
    for list in ["one", "two"] {
        lab.ask(&mut alice, &create_list(&format!("wv:alice/{list}"), "<NickList><UserID>wv:bob</UserID></NickList>"));
        lab.ask(&mut alice, &format!(
            "<SubscribePresence-Request><ContactListIDList><ContactList>wv:alice/{list}</ContactList></ContactListIDList>\
             <AutoSubscribe>T</AutoSubscribe></SubscribePresence-Request>"));
    }
    let mut told = |lab: &mut Lab, text: &str| {
        lab.poll(&alice);
        lab.ask(&mut bob, &update(&status_text(text)));
        lab.poll(&alice).len()
    };
    assert_eq!(told(&mut lab, "a"), 1, "once, however many lists");
    let mut again = lab.login_from("alice", Version::V1_3, "desk");
    lab.ask(&mut again, "<DeleteList-Request><ContactList>wv:alice/two</ContactList></DeleteList-Request>");
    assert_eq!(told(&mut lab, "b"), 1);
    lab.ask(
        &mut again,
        "<ListManage-Request><ContactList>wv:alice/one</ContactList><RemoveNickList><UserID>wv:bob</UserID>\
         </RemoveNickList><ReceiveList>F</ReceiveList></ListManage-Request>",
    );
    assert_eq!(told(&mut lab, "c"), 0);
}
