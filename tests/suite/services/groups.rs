//! Groups: G1 to G14.

use super::*;

pub(super) fn property(name: &str, value: &str) -> String {
    format!("<Property><Name>{name}</Name><Value>{value}</Value></Property>")
}

pub(super) fn on_group(request: &str, more: &str) -> String {
    format!("<{request}-Request>{CHESS}{more}</{request}-Request>")
}

/// Returns a server on which alice has made a group and is in it as Queen, and bob as Rook.
fn chess(alice: Version, bob: Version, properties: &str) -> (Lab, Client, Client) {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", alice), lab.login("bob", bob));
    assert_eq!(lab.code(&mut alice, &create_group(properties, JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    lab.poll(&alice);
    (lab, alice, bob)
}

#[test]
fn a_group_is_made_joined_and_written_to_in_every_version() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", version), lab.login("bob", version));
        let welcome =
            "<WelcomeNote><ContentType>text/plain</ContentType><ContentData>Welcome.</ContentData></WelcomeNote>";
        assert_eq!(lab.code(&mut alice, &create_group(welcome, JOINED_BY_CREATION)), 200);
        let answer = lab.ask(&mut bob, &join_group("Rook"));
        let expected = match version {
            Version::V1_1 => format!("<UserList>{}{}</UserList>", screen("Queen"), screen("Rook")),
            _ => "<UserMapList><UserMapping><Mapping><SName>Queen</SName></Mapping><Mapping><SName>Rook</SName>\
                  <UserID>wv:bob@example.com</UserID></Mapping></UserMapping></UserMapList>"
                .to_owned(),
        };
        let expected = match version {
            Version::V1_3 => format!("<Joined>{expected}</Joined>{}", screen("Rook")),
            _ => expected,
        };
        assert_eq!(text(&answer), format!("<JoinGroup-Response>{expected}{welcome}</JoinGroup-Response>"));
        assert_eq!(lab.code(&mut bob, &join_group("Rook")), 807);
        let joined = match version {
            Version::V1_1 => format!("<UserList>{}</UserList>", screen("Rook")),
            // Alice is the administrator.
            _ => "<UserMapList><UserMapping><Mapping><SName>Rook</SName><UserID>wv:bob@example.com</UserID></Mapping>\
                  </UserMapping></UserMapList>"
                .to_owned(),
        };
        assert_eq!(
            text(&lab.receive(&alice, "GroupChangeNotice")),
            format!("<GroupChangeNotice>{CHESS}<Joined>{joined}</Joined></GroupChangeNotice>")
        );
        let as_rook = format!("<Sender><Group>{}</Group></Sender>", screen("Rook"));
        let to_group = format!("<Group>{CHESS}</Group>");
        assert_eq!(lab.code(&mut bob, &send(&to_group, &as_rook, "Check \u{265A}")), 200);
        let message = lab.receive(&alice, "NewMessage");
        assert_eq!(message.child_text("ContentData"), Some("Check \u{265A}"));
        let info = message.child("MessageInfo").unwrap();
        assert_eq!(text(info.child("Sender").unwrap()), as_rook);
        assert_eq!(text(info.child("Recipient").unwrap()), format!("<Recipient>{to_group}</Recipient>"));
        assert!(lab.poll(&bob).is_empty(), "the sender gets none");
    }
}

#[test]
fn a_group_is_left_by_will_by_logout_and_by_its_end_in_every_version() {
    for version in Version::ALL {
        let (mut lab, mut alice, mut bob) = chess(version, version, "");
        assert_eq!(
            text(&lab.ask(&mut bob, &on_group("LeaveGroup", ""))),
            format!(
                "<LeaveGroup-Response>{CHESS}<Result>\
            <Code>200</Code><Description>Successful</Description></Result></LeaveGroup-Response>"
            )
        );
        assert_eq!(
            text(&lab.receive(&alice, "GroupChangeNotice")),
            format!(
                "<GroupChangeNotice>{CHESS}<Left><UserList>{}\
            </UserList></Left></GroupChangeNotice>",
                screen("Rook")
            )
        );
        assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 808);
        let to_group = send(&format!("<Group>{CHESS}</Group>"), "", "x");
        assert_eq!(details(&lab.ask(&mut bob, &to_group))[0].0, 808);
        // The end of a session is the end of its being there.
        lab.ask(&mut bob, &join_group("Rook"));
        lab.poll(&alice);
        lab.ask(&mut bob, "<Logout-Request/>");
        assert!(text(&lab.receive(&alice, "GroupChangeNotice")).contains("<Left>"));
        // Deleting it puts everybody out.
        assert_eq!(lab.code(&mut alice, &on_group("DeleteGroup", "")), 200);
        assert_eq!(Outcome::read(&lab.receive(&alice, "LeaveGroup-Response")).unwrap().code.0, 800);
        assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "")), 800);
    }
}

#[test]
fn groups_are_refused_with_the_codes_of_the_table() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let mut carol = lab.login("carol", Version::V1_3);
    let request = create_group("", "<JoinGroup>F</JoinGroup>");
    for id in ["wv:bob/chess@example.com", "wv:/lobby@example.com", "wv:alice@example.com"] {
        assert_eq!(lab.code(&mut alice, &request.replace("wv:alice/chess@example.com", id)), 806, "{id}");
    }
    for (name, value) in
        [("Shoesize", "9"), ("Searchable", "yes"), ("ActiveUsers", "1"), ("AccessType", "Ajar"), ("History", "201")]
    {
        assert_eq!(
            lab.code(&mut alice, &create_group(&property(name, value), "<JoinGroup>F</JoinGroup>")),
            806,
            "{name}"
        );
    }
    let nameless = request
        .replace("<Value>Chess</Value>", "<Value></Value>")
        .replace("</GroupProperties>", &format!("{}</GroupProperties>", property("Searchable", "T")));
    assert_eq!(lab.code(&mut alice, &nameless), 822);
    assert_eq!(
        lab.code(&mut alice, &create_group(&property("MaxActiveUsers", "2"), JOINED_BY_CREATION)),
        200,
        "nothing is left of the refused ones"
    );
    assert_eq!(lab.code(&mut alice, &request), 801);
    assert_eq!(lab.code(&mut alice, &request.replace("/chess", "/go")), 200);
    assert_eq!(lab.code(&mut alice, &request.replace("/chess", "/dice")), 814, "C09");
    assert_eq!(lab.code(&mut bob, &join_group("qUEEN")), 811);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 817);
}

#[test]
fn guests_may_not_what_members_and_moderators_may() {
    // C03, C05.
    let (mut lab, mut alice, mut bob) = chess(Version::V1_3, Version::V1_2, "");
    let mut carol = lab.login("carol", Version::V1_3);
    let members = "<UserList><User><UserID>wv:carol</UserID></User></UserList>";
    for (request, more) in [
        ("DeleteGroup", String::new()),
        ("GetGroupMembers", String::new()),
        ("AddGroupMembers", members.to_owned()),
        ("RemoveGroupMembers", members.to_owned()),
        ("MemberAccess", format!("<Admin>{members}</Admin>")),
        ("RejectList", "<AddList><UserID>wv:alice</UserID></AddList>".to_owned()),
        ("SetGroupProps", format!("<GroupProperties>{}</GroupProperties>", property("Topic", "x"))),
    ] {
        assert_eq!(lab.code(&mut bob, &on_group(request, &more)), 816, "{request}");
        let unknown = on_group(request, &more).replace("/chess", "/none");
        assert_eq!(lab.code(&mut bob, &unknown), 800, "{request}");
    }
    let both = format!(
        "<GroupProperties>{}</GroupProperties><OwnProperties>{}</OwnProperties>",
        property("Topic", "x"),
        property("PrivateMessaging", "F")
    );
    assert_eq!(details(&lab.ask(&mut bob, &on_group("SetGroupProps", &both)))[0].0, 816, "the own ones are set");
    assert_eq!(lab.code(&mut alice, &format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>")), 821);
    assert_eq!(lab.code(&mut carol, &on_group("SubscribeGroupNotice", "<SubscribeType>S</SubscribeType>")), 808);
    assert_eq!(lab.code(&mut bob, &on_group("SubscribeGroupNotice", "<SubscribeType>U</SubscribeType>")), 200);
    let answer = lab.ask(&mut bob, &on_group("SubscribeGroupNotice", "<SubscribeType>G</SubscribeType>"));
    assert_eq!(answer.child_text("Value"), Some("F"));
    assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "")), 200);
    assert!(lab.poll(&bob).is_empty(), "no notices any more");
}

#[test]
fn private_messages_go_to_screen_names_where_that_is_allowed() {
    let (mut lab, mut alice, mut bob) = chess(Version::V1_3, Version::V1_2, "");
    let quiet = format!("<OwnProperties>{}</OwnProperties>", property("PrivateMessaging", "F"));
    assert_eq!(lab.code(&mut bob, &on_group("SetGroupProps", &quiet)), 200);
    let to = |name: &str| format!("<Group>{}</Group>", screen(name));
    assert_eq!(details(&lab.ask(&mut alice, &send(&to("Rook"), "", "psst")))[0].0, 813);
    assert_eq!(details(&lab.ask(&mut alice, &send(&to("Nobody"), "", "psst")))[0].0, 410);
    let as_rook = format!("<Sender>{}</Sender>", to("Rook"));
    assert_eq!(lab.code(&mut alice, &send(&to("Rook"), &as_rook, "psst")), 810);
    assert_eq!(lab.code(&mut bob, &send(&to("Queen"), "", "psst")), 200);
    let message = lab.poll(&alice).into_iter().find(|m| m.name == "NewMessage").unwrap();
    assert!(text(&message).contains(&format!("<Recipient>{}</Recipient><Sender>{}</Sender>", to("Queen"), to("Rook"))));
    let quiet = format!("<GroupProperties>{}</GroupProperties>", property("PrivateMessaging", "F"));
    assert_eq!(lab.code(&mut alice, &on_group("SetGroupProps", &quiet)), 200);
    assert!(text(&lab.receive(&bob, "GroupChangeNotice")).contains("<Name>PrivateMessaging</Name><Value>F</Value>"));
    assert_eq!(details(&lab.ask(&mut bob, &send(&to("Queen"), "", "psst")))[0].0, 812);
}

#[test]
fn restricted_groups_are_for_members() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    lab.ask(&mut alice, &create_group(&property("Accesstype", "restricted"), JOINED_BY_CREATION));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 816, "members only");
    assert_eq!(lab.code(&mut bob, &on_group("GetGroupProps", "")), 816);
    let both = "<UserIDList><UserID>wv:bob</UserID><UserID>wv:nobody</UserID><UserID>wv:carol</UserID></UserIDList>";
    assert_eq!(
        details(&lab.ask(&mut alice, &on_group("AddGroupMembers", both))),
        [(531, vec!["wv:nobody".to_owned()])]
    );
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
}

fn list(id: &str) -> String {
    format!("<UserList><User><UserID>{id}</UserID></User></UserList>")
}

fn full(id: &str) -> String {
    list(&format!("wv:{id}@example.com"))
}

/// Returns a server with a restricted group of which alice, bob and carol are members and in which they are, bob as
/// a moderator.
fn restricted() -> (Lab, Client, Client, Client) {
    let properties = property("Accesstype", "restricted");
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let mut carol = lab.login("carol", Version::V1_3);
    lab.ask(&mut alice, &create_group(&properties, JOINED_BY_CREATION));
    let both = "<UserIDList><UserID>wv:bob</UserID><UserID>wv:carol</UserID></UserIDList>";
    assert_eq!(lab.code(&mut alice, &on_group("AddGroupMembers", both)), 200);
    assert_eq!(lab.code(&mut alice, &access("Mod", "wv:bob")), 200);
    for (client, name) in [(&mut bob, "Rook"), (&mut carol, "Pawn")] {
        assert_eq!(lab.code(client, &join_group(name)), 200);
    }
    for client in [&alice, &bob, &carol] {
        lab.poll(client);
    }
    (lab, alice, bob, carol)
}

fn access(class: &str, id: &str) -> String {
    on_group("MemberAccess", &format!("<{class}>{}</{class}>", list(id)))
}

#[test]
fn members_have_roles() {
    let (mut lab, _, mut bob, mut carol) = restricted();
    assert_eq!(
        details(&lab.ask(&mut bob, &access("Admin", "wv:carol")))[0].0,
        816,
        "a moderator makes no administrators"
    );
    assert_eq!(
        details(&lab.ask(&mut bob, &on_group("MemberAccess", &format!("<Users>{}</Users>", list("wv:alice")))))[0].0,
        816
    );
    let members = text(&lab.ask(&mut bob, &on_group("GetGroupMembers", "")));
    assert_eq!(
        members,
        format!(
            "<GetGroupMembers-Response><Admin>{}</Admin><Mod>{}</Mod><Users>{}</Users></GetGroupMembers-Response>",
            full("alice"),
            full("bob"),
            full("carol")
        )
    );
    let mapping = |class: &str, name: &str, id: &str| {
        format!(
            "<{class}Mapping><Mapping><SName>{name}</SName>\
        <UserID>wv:{id}@example.com</UserID></Mapping></{class}Mapping>"
        )
    };
    assert_eq!(
        text(&lab.ask(&mut bob, &on_group("GetJoinedUsers", ""))),
        format!(
            "<GetJoinedUsers-Response><AdminMapList>{}{}{}\
        </AdminMapList></GetJoinedUsers-Response>",
            mapping("Admin", "Queen", "alice"),
            mapping("Mod", "Rook", "bob"),
            mapping("User", "Pawn", "carol")
        )
    );
    let seen = text(&lab.ask(&mut carol, &on_group("GetJoinedUsers", "")));
    assert!(seen.contains("<Mapping><SName>Rook</SName></Mapping>"), "{seen}");
    let own = text(&lab.ask(&mut bob, &on_group("GetGroupProps", "")));
    assert!(
        own.contains("<Name>Accesstype</Name><Value>Restricted</Value>")
            && own.contains("<Name>ActiveUsers</Name><Value>3</Value>"),
        "{own}"
    );
    assert!(
        own.contains("<Name>PrivilegeLevel</Name><Value>Mod</Value>")
            && own.contains("<Name>IsMember</Name><Value>T</Value>"),
        "{own}"
    );
}

#[test]
fn those_who_look_after_members_are_told() {
    let (mut lab, mut alice, mut bob, _) = restricted();
    let wish = "<SubscribeNotification-Request><NotificationTypeList><NotificationType>GMU</NotificationType>\
        </NotificationTypeList></SubscribeNotification-Request>";
    assert_eq!(lab.code(&mut alice, wish), 200);
    assert_eq!(lab.code(&mut bob, &on_group("RemoveGroupMembers", &list("wv:carol"))), 200);
    let told = lab.poll(&alice);
    let told: Vec<_> = told.iter().map(|told| told.child_text("NotificationType").unwrap_or(&told.name)).collect();
    assert_eq!(told, ["GroupChangeNotice", "GMU"], "carol has left, as who is removed must");
}

#[test]
fn the_rejected_stay_out() {
    let (mut lab, mut alice, mut bob, mut carol) = restricted();
    // Carol is put out and told why; the others are told in the way of their version.
    let reject = on_group("RejectList", "<AddList><UserID>wv:carol</UserID><UserID>wv:alice</UserID></AddList>");
    assert_eq!(
        details(&lab.ask(&mut bob, &reject)),
        [(816, vec!["wv:alice".to_owned()])],
        "the owner cannot be rejected"
    );
    assert_eq!(Outcome::read(&lab.receive(&carol, "LeaveGroup-Response")).unwrap().code.0, 809);
    assert!(
        text(&lab.receive(&alice, "GroupChangeNotice")).contains(&format!("<LeftBlocked><UserList>{}", screen("Pawn")))
    );
    assert!(text(&lab.receive(&bob, "GroupChangeNotice")).contains("<Left><UserList>"));
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 809);
    assert!(text(&lab.receive(&alice, "GroupChangeNotice")).contains("<JoinedBlocked>"));
    let rejected = text(&lab.ask(&mut alice, &on_group("RejectList", "")));
    assert_eq!(rejected, format!("<RejectList-Response>{}</RejectList-Response>", full("carol")));
    let lift = on_group("RejectList", "<RemoveList><UserID>wv:carol</UserID></RemoveList>");
    assert_eq!(lab.ask(&mut alice, &lift).name, "Status", "the list is empty");
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 200);
    lab.poll(&carol);
    assert_eq!(
        lab.code(&mut alice, &on_group("RemoveGroupMembers", "<UserIDList><UserID>wv:carol</UserID></UserIDList>")),
        200
    );
    assert_eq!(Outcome::read(&lab.receive(&carol, "LeaveGroup-Response")).unwrap().code.0, 809);
    assert_eq!(
        details(
            &lab.ask(&mut alice, &on_group("RemoveGroupMembers", "<UserIDList><UserID>wv:carol</UserID></UserIDList>"))
        )[0]
        .0,
        810
    );
}

#[test]
fn groups_come_and_go_by_themselves() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(
        &mut alice,
        &create_group(&format!("{}{}", property("AutoDelete", "T"), property("Validity", "600")), JOINED_BY_CREATION),
    );
    // Joined at login, told by a notice only.
    let auto = format!("<OwnProperties>{}</OwnProperties>", property("AutoJoin", "T"));
    assert_eq!(lab.code(&mut alice, &on_group("SetGroupProps", &auto)), 200);
    lab.ask(&mut bob, &join_group("Rook"));
    lab.ask(&mut alice, "<Logout-Request/>");
    let mut alice = lab.login("alice", Version::V1_2);
    let notice = text(&lab.receive(&alice, "GroupChangeNotice"));
    assert!(notice.contains("<Mapping><SName>Queen</SName>"), "{notice}");
    // So is who is no member, as long as it does not leave by its own will.
    assert_eq!(lab.code(&mut bob, &on_group("SetGroupProps", &auto)), 200);
    lab.ask(&mut bob, "<Logout-Request/>");
    let mut bob = lab.login("bob", Version::V1_3);
    assert!(text(&lab.receive(&bob, "GroupChangeNotice")).contains("<Mapping><SName>Rook</SName>"));
    assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 200);
    lab.ask(&mut bob, "<Logout-Request/>");
    let mut bob = lab.login("bob", Version::V1_3);
    assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 808);
    lab.ask(&mut bob, &join_group("Rook"));
    // The group's time is over.
    lab.wait(600);
    lab.poll(&alice);
    assert!(lab.poll(&bob).iter().any(|m| Outcome::read(m).is_some_and(|o| o.code.0 == 800)));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 800);
    // The last one closes the door.
    lab.ask(&mut alice, &create_group(&property("AutoDelete", "T"), JOINED_BY_CREATION));
    lab.ask(&mut alice, &on_group("LeaveGroup", ""));
    assert_eq!(lab.code(&mut alice, &on_group("GetGroupProps", "")), 800);
}

#[test]
fn delivery_and_blocking_within_groups() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(&mut alice, &create_group("", JOINED_BY_CREATION));
    lab.ask(&mut bob, &join_group("Rook"));
    lab.poll(&alice);
    let method =
        format!("<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod>{CHESS}</SetDeliveryMethod-Request>");
    assert_eq!(lab.code(&mut bob, &method), 200);
    let to_group = send(&format!("<Group>{CHESS}</Group>"), "", "x");
    lab.ask(&mut alice, &to_group);
    lab.receive(&bob, "MessageNotification");
    lab.ask(&mut alice, &send(USER_BOB, "", "in person"));
    lab.receive(&bob, "NewMessage");
    let block = format!(
        "<BlockEntity-Request><BlockList><AddList>{}</AddList></BlockList><BlockListInUse>T</BlockListInUse>\
        </BlockEntity-Request>",
        screen("Queen")
    );
    assert_eq!(lab.code(&mut bob, &block), 200);
    assert_eq!(lab.code(&mut alice, &to_group), 200);
    assert!(lab.poll(&bob).is_empty(), "nothing of a blocked screen name");
    assert_eq!(details(&lab.ask(&mut alice, &send(&format!("<Group>{}</Group>", screen("Rook")), "", "x")))[0].0, 532);
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "in person")), 200);
}

#[test]
fn groups_of_1_3_ask_for_an_age_and_tell_their_members() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(&mut alice, &create_group(&property("MinimumAge", "18"), JOINED_BY_CREATION));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 803);
    let profile = format!(
        "<UpdatePublicProfile-Request><PublicProfile>{}</PublicProfile></UpdatePublicProfile-Request>",
        property("PP_AGE", "18")
    );
    assert_eq!(lab.code(&mut bob, &profile), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    lab.ask(
        &mut bob,
        "<SubscribeNotification-Request><NotificationTypeList><NotificationType>GMG</NotificationType>\
        <NotificationType>GMAU</NotificationType><NotificationType>GMR</NotificationType></NotificationTypeList>\
        </SubscribeNotification-Request>",
    );
    let bobs = "<UserIDList><UserID>wv:bob</UserID></UserIDList>";
    let access = "<Mod><UserList><User><UserID>wv:bob</UserID></User></UserList></Mod>";
    for (request, more, kind) in
        [("AddGroupMembers", bobs, "GMG"), ("MemberAccess", access, "GMAU"), ("RemoveGroupMembers", bobs, "GMR")]
    {
        assert_eq!(lab.code(&mut alice, &on_group(request, more)), 200);
        let told = lab.poll(&bob);
        let [told, own] = &told[..] else { panic!("{told:?}") };
        let (is_member, level) =
            if kind == "GMR" { ("F", "User") } else { ("T", if kind == "GMG" { "User" } else { "Mod" }) };
        assert!(text(own).contains(&property("IsMember", is_member)), "{own:?}");
        assert!(text(own).contains(&property("PrivilegeLevel", level)), "{own:?}");
        assert_eq!(
            text(told),
            format!("<Notification-Request><NotificationType>{kind}</NotificationType>{CHESS}</Notification-Request>")
        );
    }
    // Whom one knows by screen name only.
    let reject = |name: &str| on_group("RejectList", &format!("<AddList>{}</AddList>", screen(name)));
    assert_eq!(details(&lab.ask(&mut alice, &reject("Nobody")))[0].0, 531);
    assert_eq!(lab.ask(&mut alice, &reject("rook")).name, "RejectList-Response");
    assert_eq!(Outcome::read(&lab.receive(&bob, "LeaveGroup-Response")).unwrap().code.0, 809);
}

#[test]
fn a_group_may_require_an_invitation() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(&mut alice, &create_group(&property("RequireInvitation", "T"), JOINED_BY_CREATION));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 803);
    let invite = format!(
        "<Invite-Request><InviteID>i1</InviteID><InviteType>GR</InviteType><Recipient>{USER_BOB}</Recipient>\
        {CHESS}</Invite-Request>"
    );
    assert_eq!(lab.code(&mut alice, &invite), 200);
    lab.receive(&bob, "InviteUser-Request");
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 803, "it is not accepted yet");
    let accept = "<InviteUser-Response><InviteID>i1</InviteID><Acceptance>T</Acceptance><Recipient><User><UserID>wv:alice</UserID>\
        </User></Recipient></InviteUser-Response>";
    assert_eq!(lab.code(&mut bob, accept), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
}
