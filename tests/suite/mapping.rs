//! What a provisioning document says of accounts beyond their own block (Provisioning Content 1.1, uniqueness, access), and
//! every row of the mapping between profile, document and management object, both ways.

use impskit::provision::{ImpsAccount, cp};

use super::clauses::xml;

const WA: &str = "APPLICATION[APPID=wA PROVIDER-ID=a ADDR=http://a.example/]";
const NAPS: &str = "NAPDEF[NAPID=g NAME=G NAP-ADDRESS=a] NAPDEF[NAPID=h NAME=H NAP-ADDRESS=b INTERNET]";

fn read(short: &str) -> cp::Reading {
    let xml = xml(short);
    let mut report = impskit::diagnose::Report::new();
    let document = impskit::catalogue::read(xml.as_bytes(), &Default::default(), &mut report).expect("a document");
    cp::read(&document.root)
}

fn account(reading: &cp::Reading) -> &ImpsAccount {
    let [account] = &reading.accounts[..] else { panic!("{reading:?}") };
    account
}

/// Section 5: two PXLOGICAL of one PROXY-ID become one. The expected document is written out by hand.
#[test]
fn proxies_of_one_id_are_merged_into_the_first() {
    let first = "PXLOGICAL[PROXY-ID=p NAME=P DOMAIN=a TRUST PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=i] PORT[PORTNBR=80 SERVICE=HTTP] \
                 PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.1 TO-NAPID=g PORT[PORTNBR=1]]]";
    let second = "PXLOGICAL[PROXY-ID=p NAME=Q DOMAIN=a DOMAIN=b WSP-VERSION=1.2 PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-PW=w] \
                  PXAUTHINFO[PXAUTH-TYPE=WTLS-SS] PORT[PORTNBR=80 SERVICE=CO-WSP] PORT[PORTNBR=81] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.9 PXADDRTYPE=IPV4 TO-NAPID=g TO-NAPID=h PORT[PORTNBR=2]] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=2 PXADDR=192.0.2.2 TO-NAPID=h]]";
    let reading = read(&format!("{NAPS} {first} {second} {WA}"));
    let merged = "PXLOGICAL[PROXY-ID=p NAME=P DOMAIN=a TRUST DOMAIN=b WSP-VERSION=1.2 PORT[PORTNBR=80 SERVICE=HTTP SERVICE=CO-WSP] PORT[PORTNBR=81] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=192.0.2.1 PXADDRTYPE=IPV4 TO-NAPID=g TO-NAPID=h PORT[PORTNBR=1] PORT[PORTNBR=2]] \
                  PXPHYSICAL[PHYSICAL-PROXY-ID=2 PXADDR=192.0.2.2 TO-NAPID=h] \
                  PXAUTHINFO[PXAUTH-TYPE=HTTP-BASIC PXAUTH-ID=i PXAUTH-PW=w] PXAUTHINFO[PXAUTH-TYPE=WTLS-SS]]";
    let expected = read(&format!("{NAPS} {merged} {WA}"));
    assert_eq!(account(&reading).proxies, account(&expected).proxies);
    assert_eq!(
        reading.not_carried,
        ["PXLOGICAL[p]/NAME Q: the first counts", "PXLOGICAL[p]/PXPHYSICAL[1]/PXADDR 192.0.2.9: the first counts"]
    );
    // The same inside of one proxy.
    let reading = read(&format!(
        "{NAPS} PXLOGICAL[PROXY-ID=p NAME=P PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=g] \
         PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=h]] {WA}"
    ));
    let [physical] = &account(&reading).proxies[0].physical[..] else { panic!("{reading:?}") };
    assert_eq!(physical.to_access_points, ["g", "h"]);
    assert_eq!(reading.not_carried, [""; 0]);
}

/// Section 5: of two access points or accounts of one key the first counts.
#[test]
fn others_of_one_key_are_dropped() {
    let reading =
        read(&format!("{NAPS} NAPDEF[NAPID=g NAME=X NAP-ADDRESS=x] {WA} APPLICATION[APPID=wA PROVIDER-ID=a NAME=X]"));
    assert_eq!(account(&reading).access_points[0].name.as_deref(), Some("G"));
    assert_eq!(account(&reading).name, None);
    assert_eq!(reading.not_carried, ["NAPDEF: the id `g` is in use", "APPLICATION: the id `a` is in use"]);
}

/// Section 6: an application that names nothing uses what a rule of access says, or everything.
#[test]
fn rules_of_access_decide_for_accounts_that_name_nothing() {
    let two = format!("{WA} {}", WA.replace("=a ", "=b "));
    let px = "PXLOGICAL[PROXY-ID=p NAME=P PXPHYSICAL[PHYSICAL-PROXY-ID=1 PXADDR=a TO-NAPID=g]]";
    for (what, rules, to_points, to_proxies, points) in [
        ("no rule: everything, in document order", "", &[][..], &[][..], &["g", "h"][..]),
        ("a rule for all", "ACCESS[RULE=r TO-NAPID=h]", &["h"], &[], &["h"]),
        ("a rule for wA", "ACCESS[RULE=r APPID=w2 APPID=wA TO-NAPID=g]", &["g"], &[], &["g"]),
        ("a rule for another", "ACCESS[RULE=r APPID=w2 TO-NAPID=h]", &[], &[], &["g", "h"]),
        ("the first rule decides", "ACCESS[RULE=r APPID=wA TO-NAPID=g] ACCESS[RULE=s TO-NAPID=h]", &["g"], &[], &["g"]),
        ("a proxy brings its access points", "ACCESS[RULE=r TO-PROXY=p]", &[], &["p"], &["g"]),
        ("INTERNET means those with the flag", "ACCESS[RULE=r TO-NAPID=INTERNET]", &["INTERNET"], &[], &["h"]),
        ("a rule out of order is dropped", "ACCESS[APPID=wA RULE=r TO-NAPID=h]", &[], &[], &["g", "h"]),
        ("a rule without target is dropped", "ACCESS[RULE=r APPID=wA]", &[], &[], &["g", "h"]),
    ] {
        let reading = read(&format!("{NAPS} {px} {rules} {two}"));
        assert_eq!(reading.accounts.len(), 2);
        for account in &reading.accounts {
            assert_eq!(account.to_access_points, to_points, "{what}");
            assert_eq!(account.to_proxies, to_proxies, "{what}");
            let ids: Vec<_> = account.access_points.iter().map(|point| point.id.as_str()).collect();
            assert_eq!(ids, points, "{what}");
        }
        assert_eq!(
            reading.not_carried.iter().filter(|line| line.starts_with("ACCESS")).count(),
            rules.matches("ACCESS").count(),
            "{what}"
        );
    }
    // An account that names something has decided itself.
    let reading = read(&format!("{NAPS} ACCESS[RULE=r TO-NAPID=h] APPLICATION[APPID=wA TO-NAPID=g ADDR=a]"));
    assert_eq!(account(&reading).to_access_points, ["g"]);
    assert_eq!(reading.not_carried, ["ACCESS[r]: no account needs it"]);
}
