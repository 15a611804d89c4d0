//! From a subscriber's row to sealed SMS, through a compiled profile, with one core. See `benches/README.md`.

use divan::{Bencher, black_box};
use impskit::codec::WbxmlStyle;
use impskit::cp::mac::{Imsi, Key, Security};
use impskit::delivery::sms::{Address, Kind};
use impskit::delivery::wdp::{Ports, Reference};
use impskit::delivery::{Bearing, Outgoing};
use impskit::diagnose::Report;
use impskit::provision::{Compiled, Profile};

fn main() {
    divan::main();
}

/// The typical document as a profile: an account with access point and credentials.
const PROFILE: &str = r#"
schema = 1
id = "typical"
name = "Acme Chat"
provider_id = "acme.example"
[service]
addresses = ["http://imps.acme.example:8080/csp"]
versions = ["1.3"]
encodings = ["wbxml", "xml"]
[[account]]
level = "APPSRV"
user = "wv:{user}@acme.example"
password = "{password}"
[[access_point]]
id = "acme-gprs"
name = "Acme GPRS"
bearer = "GSM-GPRS"
apn = "chat.acme.example"
auth = { type = "PAP", user = "chat", password = "chat" }
[push]
security = "netwpin"
"#;

const HEADER: [&str; 4] = ["msisdn", "imsi", "user", "password"];
const ROW: [&str; 4] = ["+46700000001", "240010123456789", "test0001", "s3cret-0001"];

fn compiled() -> Compiled {
    let mut report = Report::new();
    let profile = Profile::read(PROFILE, &mut |_| Err("there are none".to_owned()), &mut report).expect("a profile");
    Compiled::new(&profile, &HEADER, "bench", WbxmlStyle::Safe).expect("a WBXML form")
}

#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    let compiled = compiled();
    let mut document = Vec::new();
    bencher.bench_local(|| {
        document.clear();
        compiled.fill(&|i| black_box(ROW[i]), None, &mut document).map(|filled| filled.variant)
    });
}

#[divan::bench]
fn fill_seal_split(bencher: Bencher<'_, '_>) {
    let compiled = compiled();
    let (mut document, mut outgoing) = (Vec::new(), Outgoing::new());
    bencher.bench_local(|| {
        document.clear();
        let filled = compiled.fill(&|i| black_box(ROW[i]), None, &mut document).expect("a good row");
        let imsi = Imsi::read(&filled.handset.imsi).expect("an IMSI");
        let key = Key::new(Security::NetwPin, None, Some(&imsi)).expect("a key");
        outgoing.seal(1, &document, Some((Security::NetwPin, &key)));
        let address = Address::read_text(ROW[0]).expect("a number");
        let reference = Reference::Short(7);
        let bearing =
            Bearing { address: &address, kind: Kind::SUBMIT, reference, ports: Ports::default(), centre: None };
        outgoing.split(&bearing).expect("a few parts");
        outgoing.pdus().len()
    });
}
