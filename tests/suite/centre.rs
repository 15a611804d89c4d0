//! The route `smpp` against a scripted centre on loopback: it answers as it is told, in any order, late or never.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use impskit::batch::route::{
    Body, Class, Fate, Message, Outcome, Pace, Parts, Receipt, Route, RouteSettings, SmppRoute,
};
use impskit::batch::store::{DueRow, Run as Access, Store};
use impskit::delivery::smpp::{self, Body as Said, Carrier, Mode, Pdu, ShortMessage, Status, Tlv, tag};
use impskit::delivery::wdp::{Ports, Reference, split};
use impskit::error::ErrorKind;
use zeroize::Zeroizing;

use crate::batch::{Clock, Fixture, table};

/// How long the centre waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection of a centre.
struct Centre(TcpStream);

impl Centre {
    fn read(&mut self) -> Pdu {
        self.next().expect("a PDU before the connection ends")
    }

    /// Reads a PDU; `None` where the connection ends.
    fn next(&mut self) -> Option<Pdu> {
        let mut octets = vec![0; 4];
        self.0.read_exact(&mut octets).ok()?;
        let length = smpp::length(&octets).expect("a length").expect("four octets");
        octets.resize(length, 0);
        self.0.read_exact(&mut octets[4..]).expect("a whole PDU");
        Some(smpp::read(&octets).expect("a PDU").0)
    }

    fn write(&mut self, pdu: &Pdu) {
        let mut octets = Vec::new();
        pdu.write(&mut octets).expect("a PDU");
        self.octets(&octets);
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0.write_all(octets).expect("somebody reads");
    }

    /// Answers a request as it should be, with a status and for a message with a name.
    fn answer(&mut self, request: &Pdu, status: Status, id: &str) {
        let mut answer = request.answer().expect("a request");
        answer.status = status;
        if let Said::MessageResp { message_id, .. } = &mut answer.body {
            *message_id = id.to_owned();
        }
        self.write(&answer);
    }

    /// Takes a bind, and answers it.
    fn bound(mut self) -> Self {
        let bind = self.read();
        assert!(matches!(&bind.body, Said::Bind(bind) if bind.system_id == "acme" && *bind.password == "secret"));
        self.answer(&bind, Status::OK, "");
        self
    }

    /// Takes as many messages, without an answer.
    fn messages(&mut self, count: usize) -> Vec<Pdu> {
        (0..count).map(|_| self.read()).inspect(|pdu| assert_eq!(pdu.name(), "submit_sm")).collect()
    }

    /// Takes messages one by one and answers each with a name.
    fn take(&mut self, ids: &[&str]) {
        for id in ids {
            let message = self.read();
            self.answer(&message, Status::OK, id);
        }
    }

    /// Sends a receipt, and returns what is said to it.
    fn receipt(&mut self, sequence: u32, esm_class: u8, text: &str) -> Status {
        self.send_receipt(sequence, esm_class, text);
        let answer = self.read();
        assert_eq!((answer.name(), answer.sequence), ("deliver_sm_resp", sequence));
        answer.status
    }

    fn send_receipt(&mut self, sequence: u32, esm_class: u8, text: &str) {
        let message = ShortMessage { esm_class, short_message: text.into(), ..ShortMessage::default() };
        self.write(&Pdu::request(sequence, Said::Message(Carrier::DeliverSm, Box::new(message))));
    }

    /// Answers the unbind at the end.
    fn farewell(mut self) {
        let unbind = self.read();
        assert_eq!(unbind.name(), "unbind");
        self.answer(&unbind, Status::OK, "");
        assert_eq!(self.next(), None);
    }
}

/// Starts a centre that plays its script over one connection after the other; returns its address.
fn centre(scripts: Vec<Box<dyn FnOnce(Centre) + Send>>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let played = thread::spawn(move || {
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            script(Centre(stream));
        }
    });
    (address, played)
}

fn one(script: impl FnOnce(Centre) + Send + 'static) -> (String, JoinHandle<()>) {
    centre(vec![Box::new(script)])
}

fn settings(address: &str, more: &str) -> RouteSettings {
    let timeout = if more.contains("timeout") { "" } else { "timeout = '2s'" };
    let text = format!(
        "name = 'smsc'\nkind = 'smpp'\naddress = '{address}'\nsystem_id = 'acme'\nsource = 'ACME'\n{timeout}\n{more}"
    );
    toml::from_str(&text).unwrap()
}

fn open(address: &str, more: &str) -> SmppRoute {
    SmppRoute::open(&settings(address, more), Zeroizing::new("secret".into())).unwrap()
}

/// A message of so many segments of one octet each.
fn message(msisdn: u64, segments: u8) -> Message {
    let header = |part| vec![0x0B, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 0, 3, 7, segments, part, 0x40 + part];
    let parts = Parts {
        key: String::new(),
        document: Vec::new(),
        seal: None,
        push: (1..=segments).map(|part| 0x40 + part).collect(),
        segments: (1..=segments).map(header).collect(),
    };
    let row = DueRow { msisdn, ..DueRow::default() };
    Message { row, sms: u32::from(segments), body: Body::Parts(Box::new(parts)), pin: None, imsi: None }
}

/// Lets so many short messages go, and counts how often it was told to go slower.
struct Counting {
    left: u32,
    throttled: u32,
    /// What is stored, in the order of arrival.
    kept: Vec<Receipt>,
    /// The store cannot be written.
    is_broken: bool,
}

impl Counting {
    fn new() -> Self {
        Self { left: u32::MAX, throttled: 0, kept: Vec::new(), is_broken: false }
    }
}

impl Pace for Counting {
    fn take(&mut self, sms: u32) -> bool {
        let has_room = self.left >= sms && self.left > 0;
        self.left = self.left.saturating_sub(if has_room { sms } else { 0 });
        has_room
    }

    fn throttled(&mut self) {
        self.throttled += 1;
    }

    fn keep(&mut self, receipts: &[Receipt]) -> bool {
        if !self.is_broken {
            self.kept.extend_from_slice(receipts);
        }
        !self.is_broken
    }
}

fn submit(route: &mut SmppRoute, messages: &[Message]) -> Vec<Outcome> {
    submit_by(route, messages, &mut Counting::new())
}

fn submit_by(route: &mut SmppRoute, messages: &[Message], pace: &mut Counting) -> Vec<Outcome> {
    route.submit(&messages.iter().collect::<Vec<_>>(), pace).unwrap()
}

/// Listens, as a run does while it waits, until the centre says that it is done.
fn listen_until(done: &mpsc::Receiver<()>, route: &mut SmppRoute, pace: &mut Counting) {
    for _ in 0..2_000 {
        if done.recv_timeout(Duration::from_millis(5)).is_ok() {
            return;
        }
        route.listen(pace);
    }
    panic!("the centre waits for something");
}

fn taken(ids: &[&str]) -> Outcome {
    Outcome::Taken { ids: ids.iter().map(ToString::to_string).collect() }
}

fn refused(class: Class, code: &str, text: &str) -> Outcome {
    Outcome::Refused { class, code: code.into(), text: text.into() }
}

#[test]
fn answers_in_any_order_belong_to_their_parts() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        let sent = centre.messages(4);
        for (place, id) in [(2, "c"), (0, "a"), (3, "d"), (1, "b")] {
            // What the centre asks is answered at any time.
            centre.write(&Pdu::request(100 + place as u32, Said::EnquireLink));
            assert_eq!(centre.read(), Pdu::request(100 + place as u32, Said::EnquireLinkResp));
            centre.answer(&sent[place], Status::OK, id);
            // Twice, and for what was never sent.
            centre.answer(&sent[place], Status::OK, "again");
            centre.answer(&Pdu { sequence: 0x7777, ..sent[place].clone() }, Status::SYSTEM_ERROR, "");
        }
        let Said::Message(_, first) = &sent[0].body else { panic!("{sent:?}") };
        assert_eq!((first.source.ton, first.source.npi, first.source.address.as_str()), (5, 0, "ACME"));
        assert_eq!((first.destination.ton, first.destination.address.as_str()), (1, "46701234567"));
        assert_eq!((first.esm_class, first.data_coding, first.registered_delivery), (0x40, 4, 1));
        assert_eq!(first.validity_period, "000001000000000R");
        centre.farewell();
    });
    let mut route = open(&address, "validity = '1d'");
    let outcomes = submit(&mut route, &[message(46_701_234_567, 2), message(46_701_234_568, 2)]);
    assert_eq!(outcomes, [taken(&["a", "b"]), taken(&["c", "d"])]);
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn a_part_that_was_too_much_is_sent_again() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        let sent = centre.messages(3);
        centre.answer(&sent[0], Status::OK, "a");
        centre.answer(&sent[1], Status::THROTTLED, "");
        centre.answer(&sent[2], Status::QUEUE_FULL, "");
        let again = centre.messages(2);
        assert_eq!(again[0].body, sent[1].body);
        assert_ne!(again[0].sequence, sent[1].sequence);
        centre.answer(&again[0], Status::OK, "b");
        centre.answer(&again[1], Status::OK, "c");
        // Of the next nothing is taken: it waits for a slower pace.
        let sent = centre.messages(1);
        centre.answer(&sent[0], Status::THROTTLED, "");
    });
    let mut route = open(&address, "");
    let mut pace = Counting::new();
    let outcomes = route.submit(&[&message(1, 3)], &mut pace).unwrap();
    assert_eq!((outcomes.as_slice(), pace.throttled), (&[taken(&["a", "b", "c"])][..], 1));
    let outcomes = submit(&mut route, &[message(2, 1)]);
    assert_eq!(outcomes, [refused(Class::Throttled, "smpp:0x58", "the sender is too fast")]);
    played.join().unwrap();
}

#[test]
fn a_refusal_says_what_was_taken_before() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        let sent = centre.messages(3);
        for (message, status) in sent.iter().zip([Status::OK, Status(0x0B), Status::SYSTEM_ERROR]) {
            centre.answer(message, status, "a");
        }
        for status in [0x0C, 0x403, 0x08] {
            let sent = centre.messages(1);
            centre.answer(&sent[0], Status(status), "");
        }
    });
    let mut route = open(&address, "temporary = ['smpp:0x0C']\npermanent = ['smpp:0x4*']");
    let text = "the destination address is wrong (part 2 of 3; the centre took 1 of them)";
    assert_eq!(submit(&mut route, &[message(1, 3)]), [refused(Class::Permanent, "smpp:0x0B", text)]);
    // What the route's lists say of a status comes before what the standard does.
    let refused = |class, code, text| [refused(class, code, text)];
    let outcomes = submit(&mut route, &[message(1, 1)]);
    assert_eq!(outcomes, refused(Class::Temporary, "smpp:0x0C", "the message_id is wrong"));
    let outcomes = submit(&mut route, &[message(1, 1)]);
    assert_eq!(outcomes, refused(Class::Permanent, "smpp:0x403", "a status of the centre's maker"));
    assert_eq!(submit(&mut route, &[message(1, 1)]), refused(Class::Temporary, "smpp:0x08", "the centre failed"));
    played.join().unwrap();
}

#[test]
fn a_refused_bind_is_told_in_words() {
    for (status, text, help) in [
        (0x0E, "the centre refused the bind: the password is wrong (smpp:0x0E)", "password"),
        (0x05, "the centre refused the bind: the session is bound already (smpp:0x05)", "other session"),
        (0x666, "the centre refused the bind: a status that SMPP 3.4 does not know (smpp:0x666)", "operator"),
    ] {
        let (address, played) = one(move |mut centre| {
            let bind = centre.read();
            centre.answer(&bind, Status(status), "");
            assert_eq!(centre.next(), None);
        });
        let error = SmppRoute::open(&settings(&address, ""), Zeroizing::new("secret".into())).unwrap_err();
        assert_eq!((error.kind, error.what.as_str(), error.at.as_deref()), (ErrorKind::Remote, text, Some(&*address)));
        assert!(error.help.as_ref().is_some_and(|way| way.contains(help)), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"));
        played.join().unwrap();
    }
}

#[test]
fn what_is_without_answer_when_the_session_ends_is_unknown() {
    let (address, played) = centre(vec![
        Box::new(|centre| {
            let mut centre = centre.bound();
            let sent = centre.messages(2);
            centre.answer(&sent[0], Status::OK, "a");
        }),
        Box::new(|centre| {
            let mut centre = centre.bound();
            centre.take(&["b"]);
            centre.farewell();
        }),
    ]);
    let mut route = open(&address, "window = 2");
    let messages = [message(1, 1), message(2, 1), message(3, 1)];
    let outcomes = submit(&mut route, &messages);
    assert_eq!(outcomes[0], taken(&["a"]));
    let is_closed = |text: &str| text == "the centre closed the connection" || text.contains("reset");
    assert!(matches!(&outcomes[1], Outcome::Unknown { code, text } if code == "smpp:no-answer" && is_closed(text)));
    // The third may have been on its way, too, or not.
    assert!(matches!(&outcomes[2], Outcome::NotSent | Outcome::Unknown { .. }), "{outcomes:?}");
    assert_eq!(submit(&mut route, &[message(3, 1)]), [taken(&["b"])]);
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn a_slow_answer_is_given_up_and_ignored_when_it_comes() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        let slow = centre.messages(2);
        centre.answer(&slow[0], Status::OK, "a");
        let next = centre.messages(1);
        centre.answer(&slow[1], Status::OK, "late");
        centre.answer(&next[0], Status::OK, "b");
        centre.farewell();
    });
    let mut route = open(&address, "timeout = '1s'");
    let text = "no answer in time (part 2 of 2; the centre took 1 of them)";
    let unknown = Outcome::Unknown { code: "smpp:no-answer".into(), text: text.into() };
    assert_eq!(submit(&mut route, &[message(1, 2)]), [unknown]);
    assert_eq!(submit(&mut route, &[message(2, 1)]), [taken(&["b"])]);
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn receipts_come_at_any_time() {
    let (done, is_done) = mpsc::channel();
    let (address, played) = one(move |centre| {
        let mut centre = centre.bound();
        let sent = centre.messages(1);
        let delivered =
            "id:0000000026 sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:";
        // Before the answer, twice, of a message that nobody knows, without a state.
        assert_eq!(centre.receipt(1, 4, delivered), Status::OK);
        centre.answer(&sent[0], Status::OK, "1A");
        assert_eq!(centre.receipt(2, 4, delivered), Status::OK);
        assert_eq!(centre.receipt(3, 4, "id:99 stat:UNDELIV err:011"), Status::OK);
        assert_eq!(centre.receipt(4, 4, "id:98 stat:EXPIRED"), Status::OK);
        assert_eq!(centre.receipt(5, 4, "id:97"), Status::OK);
        // What subscribers send is not for us, even where it looks like a receipt; nor is a receipt of nothing.
        assert_eq!(centre.receipt(6, 0, delivered), Status::RECEIVER_BUSY);
        assert_eq!(centre.receipt(7, 4, "hello"), Status::RECEIVER_BUSY);
        done.send(()).unwrap();
        centre.farewell();
    });
    let mut route = open(&address, "message_ids = 'hex-decimal'");
    let mut pace = Counting::new();
    assert_eq!(submit_by(&mut route, &[message(1, 1)], &mut pace), [taken(&["26"])]);
    listen_until(&is_done, &mut route, &mut pace);
    route.finish().unwrap();
    let said: Vec<_> = pace.kept.iter().map(|r| (r.id.as_str(), r.fate, r.code.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        said,
        [
            ("26", Fate::Delivered, "smpp:stat:DELIVRD"),
            ("26", Fate::Delivered, "smpp:stat:DELIVRD"),
            ("99", Fate::Failed, "smpp:stat:UNDELIV:011"),
            ("98", Fate::Expired, "smpp:stat:EXPIRED"),
            ("97", Fate::Pending, "-"),
        ]
    );
    played.join().unwrap();
}

/// A receipt is answered when it is stored: where that fails the centre is to send it again, and where the worker dies
/// before it gets no answer at all. What it asks meanwhile is answered.
#[test]
fn a_receipt_is_stored_before_it_is_answered() {
    let (done, is_done) = mpsc::channel();
    let again = done.clone();
    let text = "id:1A stat:DELIVRD err:000";
    let (address, played) = centre(vec![
        Box::new(move |centre| {
            let mut centre = centre.bound();
            let sent = centre.messages(1);
            assert_eq!(centre.receipt(1, 4, text), Status::RECEIVER_BUSY, "the store is broken");
            centre.answer(&sent[0], Status::OK, "1A");
            done.send(()).unwrap();
            centre.send_receipt(2, 4, text);
            // It answers this, so that it has the receipt, and keeps its silence about that until it dies.
            centre.write(&Pdu::request(9, Said::EnquireLink));
            assert_eq!(centre.read(), Pdu::request(9, Said::EnquireLinkResp));
            centre.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            assert!(centre.0.peek(&mut [0]).is_err(), "a receipt that nobody has stored was answered");
            done.send(()).unwrap();
            centre.0.set_read_timeout(Some(PATIENCE)).unwrap();
            assert_eq!(centre.next(), None);
        }),
        Box::new(move |centre| {
            let mut centre = centre.bound();
            assert_eq!(centre.receipt(1, 4, text), Status::OK);
            again.send(()).unwrap();
            centre.farewell();
        }),
    ]);
    let mut killed = open(&address, "");
    let mut pace = Counting { is_broken: true, ..Counting::new() };
    assert_eq!(submit_by(&mut killed, &[message(1, 1)], &mut pace), [taken(&["1A"])]);
    for _ in 0..2 {
        is_done.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(pace.kept, []);
    drop(killed);
    let (mut route, mut pace) = (open(&address, ""), Counting::new());
    listen_until(&is_done, &mut route, &mut pace);
    route.finish().unwrap();
    let kept: Vec<_> = pace.kept.iter().map(|receipt| (receipt.id.as_str(), receipt.fate)).collect();
    assert_eq!(kept, [("1A", Fate::Delivered)]);
    played.join().unwrap();
}

/// A run that cannot store receipts now does not let the centre wait until it ends the session.
#[test]
fn a_receipt_that_waits_too_long_is_to_be_sent_again() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        assert_eq!(centre.receipt(1, 4, "id:1A stat:DELIVRD"), Status::RECEIVER_BUSY);
    });
    let mut route = open(&address, "");
    played.join().unwrap();
    let mut pace = Counting::new();
    route.listen(&mut pace);
    assert_eq!(pace.kept, []);
}

/// The store of a campaign has what the centre was told to be taken: it looks there as soon as it is told.
#[test]
fn the_store_of_a_campaign_has_what_was_answered() {
    let fixture = Fixture::new("sim", "");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(2), 1).unwrap();
    let path = fixture.path("spring.db");
    let (address, played) = one(move |centre| {
        let mut centre = centre.bound();
        let known = |what: &str| {
            let store = Store::open(&path).unwrap();
            let delivered = store.count_states("spring").unwrap().into_iter().find(|(state, _)| state == "delivered");
            let unknown = store.unknown_receipts(&["sim".to_owned()]).unwrap();
            assert_eq!((delivered.map_or(0, |(_, count)| count), unknown), (0, 1), "{what}");
        };
        centre.send_receipt(1, 4, "id:never stat:DELIVRD");
        let (mut waiting, mut is_told, mut named) = (Vec::new(), false, 0);
        while let Some(pdu) = centre.next() {
            match pdu.name() {
                "submit_sm" => waiting.push(pdu),
                "deliver_sm_resp" => {
                    assert_eq!(pdu.status, Status::OK);
                    known("stored before it was answered");
                    is_told = true;
                }
                "unbind" => return centre.answer(&pdu, Status::OK, ""),
                other => panic!("{other}"),
            }
            for pdu in if is_told { std::mem::take(&mut waiting) } else { Vec::new() } {
                named += 1;
                centre.answer(&pdu, Status::OK, &format!("n{named}"));
            }
        }
    });
    let make = |_: &Access<'_>| -> impskit::error::Result<Box<dyn Route>> { Ok(Box::new(open(&address, ""))) };
    let summary = fixture.run_by(&mut store, (1, "w1"), &Clock::at(2_000), make, u64::MAX).unwrap();
    assert_eq!(summary.submitted, 2);
    played.join().unwrap();
}

#[test]
fn what_is_no_smpp_ends_the_session_and_nothing_else() {
    let (address, played) = centre(vec![
        Box::new(|centre| {
            let mut centre = centre.bound();
            let sent = centre.messages(1);
            // A request that cannot be read; an answer whose name does not end; then something else altogether.
            centre.octets(&[0, 0, 0, 17, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 1]);
            let nack = centre.read();
            assert_eq!((nack.name(), nack.status, nack.sequence), ("generic_nack", Status::INVALID_LENGTH, 9));
            let mut octets = [0, 0, 0, 18, 0x80, 0, 0, 4, 0, 0, 0, 0].to_vec();
            octets.extend_from_slice(&sent[0].sequence.to_be_bytes());
            octets.extend_from_slice(b"12");
            centre.octets(&octets);
            centre.messages(1);
            centre.octets(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            assert_eq!(centre.next(), None);
        }),
        Box::new(|centre| {
            let mut centre = centre.bound();
            let sent = centre.messages(2);
            let nack = |status, pdu: &Pdu| Pdu { status, sequence: pdu.sequence, body: Said::GenericNack };
            centre.write(&nack(Status::INVALID_COMMAND, &sent[0]));
            centre.write(&nack(Status::OK, &sent[1]));
            centre.farewell();
        }),
    ]);
    let mut route = open(&address, "");
    let unknown = |text: &str| [Outcome::Unknown { code: "smpp:no-answer".into(), text: text.into() }];
    assert_eq!(submit(&mut route, &[message(1, 1)]), unknown("the answer cannot be read"));
    let text = "the centre sends what is not SMPP: command_length is 1213486160, and a PDU has 16 to 65536 octets";
    assert_eq!(submit(&mut route, &[message(2, 1)]), unknown(text));
    let nack = refused(Class::Permanent, "smpp:0x03", "the command is not known");
    assert_eq!(submit(&mut route, &[message(3, 1), message(4, 1)]), [nack.clone(), nack]);
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn no_more_than_the_window_is_without_answer() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        let mut waiting = centre.messages(3);
        centre.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert!(centre.0.peek(&mut [0]).is_err(), "a fourth PDU came");
        centre.0.set_read_timeout(Some(PATIENCE)).unwrap();
        for id in ["1", "2", "3", "4", "5"] {
            let oldest = waiting.remove(0);
            centre.answer(&oldest, Status::OK, id);
            if id < "3" {
                waiting.extend(centre.messages(1));
            }
        }
        centre.farewell();
    });
    let mut route = open(&address, "window = 3");
    let messages: Vec<_> = (1..=5).map(|number| message(number, 1)).collect();
    let outcomes = submit(&mut route, &messages);
    assert_eq!(outcomes, ["1", "2", "3", "4", "5"].map(|id| taken(&[id])));
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn a_silent_centre_is_asked_and_then_given_up() {
    let (ended, has_ended) = mpsc::channel();
    let (address, played) = centre(vec![
        Box::new(move |centre| {
            let mut centre = centre.bound();
            let asked = centre.read();
            assert_eq!(asked.name(), "enquire_link");
            centre.answer(&asked, Status::OK, "");
            assert_eq!(centre.read().name(), "enquire_link");
            assert_eq!(centre.next(), None);
            ended.send(()).unwrap();
        }),
        Box::new(|centre| {
            let mut centre = centre.bound();
            centre.take(&["a"]);
        }),
    ]);
    let mut route = open(&address, "timeout = '1s'\nenquire_link = '1s'");
    has_ended.recv_timeout(PATIENCE).unwrap();
    assert_eq!(submit(&mut route, &[message(1, 1)]), [taken(&["a"])]);
    played.join().unwrap();
}

#[test]
fn when_nothing_more_is_to_be_sent_the_rest_is_left() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        centre.take(&["a", "b"]);
        centre.farewell();
    });
    let mut route = open(&address, "");
    let mut pace = Counting { left: 3, ..Counting::new() };
    let messages = [message(1, 2), message(2, 2), message(3, 1)];
    let outcomes = route.submit(&messages.iter().collect::<Vec<_>>(), &mut pace).unwrap();
    assert_eq!(outcomes, [taken(&["a", "b"]), Outcome::NotSent, Outcome::NotSent]);
    route.finish().unwrap();
    played.join().unwrap();
}

#[test]
fn the_other_forms_need_no_header() {
    for (form, count) in [("sar", 2), ("payload", 1)] {
        let (address, played) = one(move |mut centre| {
            let bind = centre.read();
            assert!(matches!(&bind.body, Said::Bind(bind) if bind.mode == Mode::Transmitter));
            centre.answer(&bind, Status::OK, "");
            for pdu in centre.messages(count) {
                let Said::Message(Carrier::SubmitSm, message) = &pdu.body else { panic!("{pdu:?}") };
                let ports = [Tlv::number(tag::SOURCE_PORT, 9200), Tlv::number(tag::DESTINATION_PORT, 2948)];
                assert!(message.tlvs.starts_with(&ports));
                assert_eq!((message.esm_class, message.registered_delivery), (3, 0));
                centre.answer(&pdu, Status::OK, "a");
            }
            centre.farewell();
        });
        let mut route = open(&address, &format!("form = '{form}'\nbind = 'transmitter'\nesm_class = 3"));
        assert_eq!(submit(&mut route, &[message(1, 2)]), [taken(&vec!["a"; count])]);
        route.finish().unwrap();
        played.join().unwrap();
    }
}

#[test]
fn settings_are_checked_before_anything_is_sent() {
    for (more, wrong) in [
        ("esm_class = 4", "`esm_class` is 4"),
        ("bind = 'receiver'", "a receiver sends nothing"),
        ("service_type = 'PROVISION'", "`service_type` has more than 5 characters"),
        ("system_type = '€'", "`system_type` has a character that SMPP cannot carry"),
        ("validity = '90d'", "`validity` is not between 1 minute and 30 days"),
    ] {
        let error = SmppRoute::open(&settings("127.0.0.1:1", more), Zeroizing::new("secret".into())).unwrap_err();
        assert_eq!(
            (error.kind, error.what.as_str(), error.at.as_deref()),
            (ErrorKind::Input, wrong, Some("route `smsc`"))
        );
    }
    let mut without = settings("127.0.0.1:1", "");
    without.system_id = None;
    let error = SmppRoute::open(&without, Zeroizing::default()).unwrap_err();
    assert_eq!(error.what, "a route of the kind `smpp` needs `system_id`");
    // Nobody is there.
    let error = SmppRoute::open(&settings("127.0.0.1:1", ""), Zeroizing::default()).unwrap_err();
    assert_eq!(
        (error.kind, error.what.as_str()),
        (ErrorKind::Remote, "the centre cannot be reached: connection refused")
    );
}

/// The whole way: a table of subscribers is planned and sent by the program, and the receipts are counted.
#[test]
fn a_campaign_goes_to_the_centre_and_hears_of_its_handsets() {
    let (address, played) = one(|centre| {
        let mut centre = centre.bound();
        for number in 1.. {
            let pdu = centre.read();
            if pdu.name() == "unbind" {
                centre.answer(&pdu, Status::OK, "");
                break;
            }
            assert_eq!(pdu.name(), "submit_sm");
            // A receipt may be faster than the answer that names the message.
            let text = format!("id:{number} sub:001 dlvrd:001 stat:DELIVRD err:000 text:");
            assert_eq!(centre.receipt(number, 4, &text), Status::OK);
            centre.answer(&pdu, Status::OK, &number.to_string());
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("acme.toml", include_str!("../cli/campaign.in/acme.toml"));
    write("rows.csv", "msisdn,user,password,imsi\n+46701234501,anna,a1b2c3,240011234567890\n");
    write(
        "spring.toml",
        &format!(
            "schema = 1\nname = 'spring'\nprofile = 'acme.toml'\nroutes = ['smsc']\nconfirm = {{ by = 'receipt' }}\n\
             [[route]]\nname = 'smsc'\nkind = 'smpp'\naddress = '{address}'\nsystem_id = 'acme'\nsource = 'ACME'\n\
             password = {{ env = 'SMSC_PASSWORD' }}\nwindow = 1\n"
        ),
    );
    let run = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_impskit"));
        let done = program.args(arguments).current_dir(&folder).env("SMSC_PASSWORD", "secret").output().unwrap();
        let said = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        (done.status.code(), said(done.stdout), said(done.stderr))
    };
    let planned = run(&["batch", "plan", "spring.toml", "rows.csv"]);
    assert_eq!(planned.0, Some(0), "{planned:?}");
    let sent = run(&["batch", "run", "spring.toml"]);
    assert!(sent.0 == Some(0) && sent.1.contains("submitted 1 ") && sent.1.contains("delivered 1"), "{sent:?}");
    assert!(!format!("{planned:?}{sent:?}").contains("secret"));
    played.join().unwrap();
}

/// A centre of others, started by `peers/smpp.mjs`: the last digit of a number says what becomes of a message.
#[test]
fn a_centre_of_others() {
    let Some(address) = std::env::var_os("IMPSKIT_SMSC") else { return };
    let address = address.to_str().expect("an address");
    let row = crate::delivery::rows(include_str!("../samples/cp/push.tsv")).find(|row| row[0] == "v1-userpin");
    let push = crate::delivery::unhex(row.expect("a row")[2]);
    let number = |digit: u64| {
        let mut segments = Vec::new();
        for segment in split(&push, Ports::default(), Reference::Short(digit as u8)) {
            let mut octets = Vec::new();
            segment.write(&mut octets);
            segments.push(octets);
        }
        let mut message = message(46_701_234_560 + digit, 2);
        let Body::Parts(parts) = &mut message.body else { unreachable!() };
        (parts.push, parts.segments) = (push.clone(), segments);
        message
    };
    let mut stranger = settings(address, "");
    stranger.system_id = Some("stranger".into());
    let error = SmppRoute::open(&stranger, Zeroizing::new("secret".into())).unwrap_err();
    assert_eq!(error.what, "the centre refused the bind: the password is wrong (smpp:0x0E)");

    let mut route = open(address, "validity = '1d'\nenquire_link = '1s'");
    let mut pace = Counting::new();
    let mut of = |digit, route: &mut SmppRoute| route.submit(&[&number(digit)], &mut pace).unwrap().remove(0);
    let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Taken { ids } if ids.len() == 2);
    for digit in [0, 1, 4, 8, 9] {
        let outcome = of(digit, &mut route);
        assert!(is_taken(&outcome), "{digit}: {outcome:?}");
    }
    let text = "the destination address is wrong (part 2 of 2; the centre took 1 of them)";
    assert_eq!(of(2, &mut route), refused(Class::Permanent, "smpp:0x0B", text));
    let outcome = of(3, &mut route);
    assert_eq!(outcome, refused(Class::Throttled, "smpp:0x14", "the centre's queue is full (part 1 of 2)"));
    for digit in [5, 6, 0, 7, 0] {
        let outcome = of(digit, &mut route);
        assert_eq!(is_taken(&outcome), digit == 0, "{digit}: {outcome:?}");
        assert!(digit == 0 || matches!(outcome, Outcome::Unknown { .. }), "{digit}: {outcome:?}");
    }
    route.finish().unwrap();
    route.listen(&mut pace);
    let receipts = pace.kept;
    let of_unknown = receipts.iter().filter(|receipt| receipt.id == "FFFF" && receipt.fate == Fate::Failed).count();
    assert_eq!((receipts.len(), of_unknown), (6, 2), "{receipts:?}");
    for (form, count) in [("sar", 2), ("payload", 1)] {
        let mut route = open(address, &format!("form = '{form}'"));
        let outcome = submit(&mut route, &[number(0)]).remove(0);
        assert!(matches!(&outcome, Outcome::Taken { ids } if ids.len() == count), "{form}: {outcome:?}");
        route.finish().unwrap();
    }
}
