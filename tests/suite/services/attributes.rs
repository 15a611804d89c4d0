//! Presence attributes: whose values there are, who says them, and what is left of them.

use impskit::server::{AfterLogout, NetworkPresence, Presence};

use super::*;

#[test]
fn presence_of_each_client_is_its_own_from_1_3_on() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut old = lab.login("carol", Version::V1_2);
    let mut phone = lab.login_from("bob", Version::V1_3, "PHONE");
    let mut desk = lab.login_from("bob", Version::V1_2, "DESK");
    lab.ask(&mut phone, &grant(Version::V1_3, &[], true, "<OnlineStatus/><TimeZone/>"));
    let zone = |zone: &str| update(&format!("<TimeZone><Qualifier>T</Qualifier><Zone>{zone}</Zone></TimeZone>"));
    lab.ask(&mut phone, &zone("+01:00"));
    lab.now += 1;
    lab.ask(&mut desk, &zone("+02:00"));
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/><TimeZone/>"));
    lab.ask(&mut old, &subscribe(USER_BOB, "<OnlineStatus/><TimeZone/>"));
    let seen = shown(&lab.receive(&alice, "PresenceNotification-Request"));
    for part in ["<Zone>+01:00</Zone><ClientID><URL>WV:PHONE</URL>", "<Zone>+02:00</Zone><ClientID><URL>WV:DESK</URL>"]
    {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(seen.contains("+02:00") && !seen.contains("+01:00") && !seen.contains("ClientID"), "{seen}");
    // One client goes, the other stays.
    lab.ask(&mut desk, "<Logout-Request/>");
    let seen = shown(&lab.receive(&alice, "PresenceNotification-Request"));
    assert!(seen.contains("<PresenceValue>F</PresenceValue><ClientID><URL>WV:DESK</URL>"), "{seen}");
    assert!(seen.contains("<PresenceValue>T</PresenceValue><ClientID><URL>WV:PHONE</URL>"), "{seen}");
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(seen.contains("<PresenceValue>T<") && seen.contains("+01:00"), "{seen}");
    // The last one falls silent.
    for _ in 0..3 {
        lab.wait(700);
        assert_eq!(lab.code(&mut alice, "<KeepAlive-Request/>") + lab.code(&mut old, "<KeepAlive-Request/>"), 400);
    }
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(
        seen.contains("<PresenceValue>F<") && seen.contains("<TimeZone><Qualifier>F</Qualifier></TimeZone>"),
        "{seen}"
    );
}

/// Tells the server what the network knows; returns the codes.
fn network(lab: &mut Lab, lines: &str) -> Vec<u16> {
    let said = NetworkPresence::read_all(lines.as_bytes()).unwrap();
    let outputs = lab.engine.handle(Timestamp::from_seconds(lab.now), Input::Presence { connection: 5, said });
    let [Output::Reply { connection: 5, status: 200, media_type, body }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(media_type, "application/x-ndjson");
    let code = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        u16::try_from(value["code"].as_u64().unwrap()).unwrap()
    };
    std::str::from_utf8(body).unwrap().lines().map(code).collect()
}

#[test]
fn the_network_says_where_users_are_and_watchers_are_told() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut old = lab.login("carol", Version::V1_1);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<Registration/><PLMN/><GeoLocation/>"));
    for watcher in [&mut alice, &mut old] {
        lab.ask(watcher, &subscribe(USER_BOB, "<Registration/><PLMN/>"));
        lab.poll(watcher);
    }
    // A client may say it too; the network knows better.
    lab.ask(&mut bob, &update("<PLMN><Qualifier>T</Qualifier><PresenceValue>00000</PresenceValue></PLMN>"));
    lab.poll(&old);
    let lines = "{\"user\": \"wv:bob@example.com\", \"presence\": {\"Registration\": \"T\", \"PLMN\": \"24491\", \
                 \"GeoLocation\": {\"Longitude\": \"24.9\", \"Latitude\": \"60.2\"}}}\n\
                 {\"user\": \"nobody\", \"presence\": {\"PLMN\": \"1\"}}\n\
                 {\"user\": \"bob\", \"presence\": {\"Alias\": \"B\"}}\n\
                 {\"user\": \"bob\", \"presence\": {\"Registration\": \"perhaps\"}}\n\
                 {\"user\": \"bob\", \"presence\": {\"Alias\": \"B\", \"PLMN\": \"24491\"}}\n";
    assert_eq!(network(&mut lab, lines), [200, 531, 750, 751, 201]);
    let registered = "<Registration><Qualifier>T</Qualifier><PresenceValue>T</PresenceValue></Registration>";
    let place = "<PLMN><Qualifier>T</Qualifier><PresenceValue>24491</PresenceValue></PLMN>";
    assert_eq!(shown(&lab.receive(&old, "PresenceNotification-Request")), format!("{registered}{place}"));
    let seen = lab.poll(&alice);
    let seen = shown(seen.last().unwrap());
    assert!(seen.starts_with(&format!("{registered}{place}<PLMN>")) && seen.contains("00000"), "{seen}");
    // It stays when the client goes, until the network says otherwise.
    lab.ask(&mut bob, "<Logout-Request/>");
    lab.poll(&old);
    assert_eq!(network(&mut lab, "{\"user\": \"bob\", \"presence\": {\"Registration\": null}}"), [200]);
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert_eq!(seen, "<Registration><Qualifier>F</Qualifier></Registration>");
    let get =
        format!("<GetPresence-Request>{USER_BOB}<PresenceSubList><PLMN/></PresenceSubList></GetPresence-Request>");
    assert_eq!(shown(&lab.ask(&mut old, &get)), place);
}

#[test]
fn elements_of_vendors_are_skipped_and_unknown_attributes_refused() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let vendor = "<nok:Shoesize xmlns:nok=\"urn:example:nok\">43</nok:Shoesize>\
                      <Hat xmlns=\"urn:example:hats\"><Size>58</Size></Hat>";
        assert_eq!(lab.code(&mut alice, &update(&format!("{vendor}{}", status_text("x")))), 200);
        assert_eq!(lab.code(&mut alice, &update(vendor)), 200, "nothing of ours is in it");
        assert_eq!(lab.code(&mut alice, &update(&format!("<Shoesize/>{}", status_text("y")))), 201);
        let own = "<User><UserID>wv:alice</UserID></User>";
        assert_eq!(lab.code(&mut alice, &subscribe(own, &format!("<StatusText/>{vendor}"))), 200);
        assert_eq!(shown(&lab.receive(&alice, "PresenceNotification-Request")), status_text("y"));
        assert_eq!(lab.code(&mut alice, &subscribe(own, "<StatusText/><Shoesize/>")), 750);
        assert_eq!(lab.code(&mut alice, &grant(version, &["bob"], false, &format!("<Alias/>{vendor}"))), 200);
        assert_eq!(lab.code(&mut alice, &grant(version, &["bob"], false, "<Alias/><Shoesize/>")), 750);
    }
}

#[test]
fn what_is_left_after_the_last_logout_is_for_the_operator_to_say() {
    for (after_logout, is_left) in [(AfterLogout::User, true), (AfterLogout::Alias, false)] {
        let mut store = Store::in_memory().unwrap();
        for user in ["alice", "bob"] {
            store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
        }
        let presence = Presence { after_logout, ..Presence::default() };
        let configuration = Configuration { domain: "example.com".into(), presence, ..Configuration::default() };
        let mut lab = Lab::configured(configuration, store);
        let alice = lab.login("alice", Version::V1_3);
        let mut alice = alice;
        let (mut phone, mut desk) =
            (lab.login_from("bob", Version::V1_3, "phone"), lab.login_from("bob", Version::V1_3, "desk"));
        lab.ask(&mut phone, &grant(Version::V1_3, &[], true, "<Alias/><StatusText/><TimeZone/>"));
        let alias = "<Alias><Qualifier>T</Qualifier><PresenceValue>B</PresenceValue></Alias>";
        let zone = "<TimeZone><Qualifier>T</Qualifier><Zone>+01:00</Zone></TimeZone>";
        lab.ask(&mut phone, &update(&format!("{alias}{zone}{}", status_text("x"))));
        lab.ask(&mut alice, &subscribe(USER_BOB, ""));
        lab.poll(&alice);
        lab.ask(&mut phone, "<Logout-Request/>");
        let seen = shown(&lab.receive(&alice, "PresenceNotification-Request"));
        assert_eq!(seen, "<TimeZone><Qualifier>F</Qualifier></TimeZone>", "another client is still there");
        lab.ask(&mut desk, "<Logout-Request/>");
        let told: Vec<String> = lab.poll(&alice).iter().map(shown).collect();
        let gone = "<StatusText><Qualifier>F</Qualifier></StatusText>";
        assert_eq!(told, if is_left { vec![] } else { vec![gone.to_owned()] });
        let get = format!("<GetPresence-Request>{USER_BOB}</GetPresence-Request>");
        let text = if is_left { status_text("x") } else { gone.to_owned() };
        assert_eq!(
            shown(&lab.ask(&mut alice, &get)),
            format!("<TimeZone><Qualifier>F</Qualifier></TimeZone>{text}{alias}")
        );
    }
}

#[test]
fn what_a_client_takes_is_shown_to_those_who_write_to_it() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut old = lab.login("carol", Version::V1_2);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<ClientInfo/>"));
    let model = "<ClientInfo><Qualifier>T</Qualifier><Model>V-1</Model></ClientInfo>";
    lab.ask(&mut bob, &update(model));
    lab.ask(
        &mut bob,
        "<ClientCapability-Request><CapabilityList><AcceptedContentType><ContentType>image/png</ContentType>\
         </AcceptedContentType><AcceptedPullLength>5000</AcceptedPullLength><AcceptedPushLength>1000</AcceptedPushLength>\
         <AcceptedTextContentLength>800</AcceptedTextContentLength><ClientType>PDA</ClientType>\
         <DefaultLanguage>fi</DefaultLanguage><SessionPriority>3</SessionPriority></CapabilityList></ClientCapability-Request>",
    );
    let get = format!("<GetPresence-Request>{USER_BOB}</GetPresence-Request>");
    let id = "<ClientID><URL>WV:phone</URL></ClientID>";
    assert_eq!(
        shown(&lab.ask(&mut alice, &get)),
        format!(
            "<ClientInfo><Qualifier>T</Qualifier><ClientContentLimit><AcceptedContentType><ContentType>image/png\
             </ContentType></AcceptedContentType><AcceptedTextContentLength>800</AcceptedTextContentLength>\
             <MaxPullLength>5000</MaxPullLength><MaxPushLength>1000</MaxPushLength></ClientContentLimit>\
             <ClientType>PDA</ClientType><Model>V-1</Model><Language>fi</Language>\
             <ClientIMPriority>3</ClientIMPriority>{id}</ClientInfo>"
        )
    );
    assert_eq!(
        shown(&lab.ask(&mut old, &get)),
        "<ClientInfo><Qualifier>T</Qualifier><ClientType>PDA</ClientType><Model>V-1</Model><Language>fi</Language></ClientInfo>"
    );
    // What the client says itself goes before.
    lab.ask(&mut bob, &update("<ClientInfo><Qualifier>T</Qualifier><ClientType>CLI</ClientType></ClientInfo>"));
    let seen = shown(&lab.ask(&mut old, &get));
    assert!(seen.contains("<ClientType>CLI</ClientType>") && !seen.contains("Model"), "{seen}");
}
