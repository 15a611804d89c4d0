//! What the older settings documents say, as a provisioning document would say it today.
//!
//! ```text
//! ADDRESS            NAPDEF, PXLOGICAL          WVCommon           APPLICATION wA, APPAUTH
//! URL, BOOKMARK      APPLICATION w2             WVHTTP, WVSMS      APPADDR
//! MMSURL             APPLICATION w4             WVProxy            PXLOGICAL
//! ```

use crate::document::Element;

/// An older document in today's words.
#[derive(Debug, Clone)]
pub struct Today {
    /// The provisioning document.
    pub document: Element<'static>,
    /// Settings that it has no parm for, by their old names, with their values.
    pub not_carried: Vec<(String, String)>,
}

/// Says an older settings document as a provisioning document; `None` for any other document.
pub fn today(root: &Element<'_>) -> Option<Today> {
    match root.name.as_ref() {
        "CHARACTERISTIC-LIST" => Some(access(root)),
        "WVSettings" => Some(account(root)),
        _ => None,
    }
}

fn characteristic(kind: &'static str) -> Element<'static> {
    Element::new("characteristic").with_attribute("type", kind)
}

fn parm(name: &'static str, value: impl Into<String>) -> Element<'static> {
    Element::new("parm").with_attribute("name", name).with_attribute("value", value.into())
}

fn optional(name: &'static str, value: Option<impl Into<String>>) -> Option<Element<'static>> {
    value.map(|value| parm(name, value))
}

fn document(children: impl IntoIterator<Item = Element<'static>>) -> Element<'static> {
    Element::new("wap-provisioningdoc").with_attribute("version", "1.0").with_all(children)
}

/// A characteristic of the first format of which parm by parm is taken.
struct Block<'e> {
    kind: &'e str,
    value: Option<&'e str>,
    parms: Vec<(&'e str, &'e str)>,
}

impl<'e> Block<'e> {
    fn read(element: &'e Element<'_>) -> Self {
        let parms = element.children_named("PARM");
        let pair = |p: &'e Element<'_>| (p.attribute("NAME").unwrap_or("?"), p.attribute("VALUE").unwrap_or_default());
        Self {
            kind: element.attribute("TYPE").unwrap_or("?"),
            value: element.attribute("VALUE"),
            parms: parms.map(pair).collect(),
        }
    }

    fn take(&mut self, name: &str) -> Option<&'e str> {
        let at = self.parms.iter().position(|(n, _)| *n == name)?;
        Some(self.parms.remove(at).1)
    }

    fn left(&self) -> impl Iterator<Item = (String, String)> {
        let value = self.value.map(|value| (self.kind.to_owned(), value.to_owned()));
        let parms = self.parms.iter().map(|(name, value)| (format!("{}/{name}", self.kind), (*value).to_owned()));
        value.into_iter().chain(parms)
    }
}

/// Access points, their proxies, and what is browsed through them.
fn access(root: &Element<'_>) -> Today {
    let mut blocks: Vec<Block<'_>> = root.children_named("CHARACTERISTIC").map(Block::read).collect();
    let name = blocks.iter_mut().filter(|b| b.kind == "NAME").find_map(|b| b.take("NAME"));
    let mut first_value = |kind: &str| blocks.iter_mut().filter(|b| b.kind == kind).find_map(|b| b.value.take());
    let (page, messages) = (first_value("URL"), first_value("MMSURL"));
    let (mut points, mut proxies, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for (at, block) in blocks.iter_mut().filter(|b| b.kind == "ADDRESS").enumerate() {
        let number = at + 1;
        let point = format!("access-point-{number}");
        let name = block.take("ISP_NAME").or(name).map_or_else(|| point.clone(), str::to_owned);
        match proxy(block, number, &name, &point) {
            Some(proxy) => {
                references.push(parm("TO-PROXY", format!("proxy-{number}")));
                proxies.push(proxy);
            }
            None => references.push(parm("TO-NAPID", point.clone())),
        }
        points.push(access_point(block, &point, name));
    }
    let mut resources = Vec::new();
    resources.extend(page.map(|uri| {
        let start = Element::new("parm").with_attribute("name", "STARTPAGE");
        characteristic("RESOURCE").with(parm("URI", uri)).with_all(optional("NAME", name)).with(start)
    }));
    for block in blocks.iter_mut().filter(|b| b.kind == "BOOKMARK") {
        let Some(uri) = block.take("URL") else { continue };
        let name = block.take("NAME");
        resources.push(characteristic("RESOURCE").with(parm("URI", uri)).with_all(optional("NAME", name)));
    }
    let application = |appid: &'static str| {
        let named = characteristic("APPLICATION").with(parm("APPID", appid)).with_all(optional("NAME", name));
        named.with_all(references.iter().cloned())
    };
    let browser = (!resources.is_empty()).then(|| application("w2").with_all(resources));
    let messaging = messages.map(|address| application("w4").with(parm("ADDR", address)));
    let document = document(points.into_iter().chain(proxies).chain(browser).chain(messaging));
    Today { document, not_carried: blocks.iter().flat_map(Block::left).collect() }
}

/// Old words for what provisioning documents say otherwise.
const BEARERS: &[(&str, &str)] = &[
    ("GPRS", "GSM-GPRS"),
    ("GSM/CSD", "GSM-CSD"),
    ("GSM/SMS", "GSM-SMS"),
    ("GSM/USSD", "GSM-USSD"),
    ("IS-136/CSD", "ANSI-136-CSD"),
];
const CALL_TYPES: &[(&str, &str)] = &[("ANALOGUE", "ANALOG-MODEM"), ("ISDN", "V.110")];
const SPEEDS: &[(&str, &str)] = &[("AUTO", "AUTOBAUDING")];
const PROXY_TYPES: &[(&str, &str)] = &[("MSISDN_NO", "E164")];
const SERVICES: &[(&str, &str)] =
    &[("9200", "CL-WSP"), ("9201", "CO-WSP"), ("9202", "CL-SEC-WSP"), ("9203", "CO-SEC-WSP")];

fn word<'w>(words: &[(&str, &'static str)], old: &'w str) -> &'w str {
    words.iter().find(|(word, _)| *word == old).map_or(old, |(_, new)| new)
}

fn access_point(block: &mut Block<'_>, id: &str, name: String) -> Element<'static> {
    let address = [
        ("GPRS_ACCESSPOINTNAME", "APN"),
        ("CSD_DIALSTRING", "E164"),
        ("SMS_SMSC_ADDRESS", "E164"),
        ("USSD_SERVICE_CODE", "SCODE"),
    ];
    let address = address.into_iter().find_map(|(name, kind)| Some((block.take(name)?, kind)));
    let sign_in = block.take("PPP_AUTHTYPE").map(|kind| {
        characteristic("NAPAUTHINFO")
            .with(parm("AUTHTYPE", kind))
            .with_all(optional("AUTHNAME", block.take("PPP_AUTHNAME")))
            .with_all(optional("AUTHSECRET", block.take("PPP_AUTHSECRET")))
    });
    characteristic("NAPDEF")
        .with(parm("NAPID", id))
        .with_all(optional("BEARER", block.take("BEARER").map(|old| word(BEARERS, old))))
        .with(parm("NAME", name))
        .with_all(optional("NAP-ADDRESS", address.map(|(address, _)| address)))
        .with_all(optional("NAP-ADDRTYPE", address.map(|(_, kind)| kind)))
        .with_all(optional("CALLTYPE", block.take("CSD_CALLTYPE").map(|old| word(CALL_TYPES, old))))
        .with_all(optional("LINKSPEED", block.take("CSD_CALLSPEED").map(|old| word(SPEEDS, old))))
        .with_all(sign_in)
}

fn proxy(block: &mut Block<'_>, number: usize, name: &str, point: &str) -> Option<Element<'static>> {
    let address = block.take("PROXY")?;
    let user = block.take("PROXY_AUTHNAME");
    let secret = block.take("PROXY_AUTHSECRET");
    let kind = block.take("PROXY_TYPE").map(|old| word(PROXY_TYPES, old));
    let port = block.take("PORT").map(|port| {
        let service = SERVICES.iter().find(|(number, _)| *number == port).map(|(_, service)| *service);
        characteristic("PORT").with(parm("PORTNBR", port)).with_all(optional("SERVICE", service))
    });
    Some(proxy_of(&format!("proxy-{number}"), name, (user, secret), (address, kind), point, port))
}

fn proxy_of(
    id: &str,
    name: &str,
    (user, secret): (Option<&str>, Option<&str>),
    (address, kind): (&str, Option<&str>),
    point: &str,
    port: Option<Element<'static>>,
) -> Element<'static> {
    let has_user = user.is_some() || secret.is_some();
    let sign_in = has_user.then(|| {
        characteristic("PXAUTHINFO")
            .with(parm("PXAUTH-TYPE", "HTTP-BASIC"))
            .with_all(optional("PXAUTH-ID", user))
            .with_all(optional("PXAUTH-PW", secret))
    });
    let physical = characteristic("PXPHYSICAL")
        .with(parm("PHYSICAL-PROXY-ID", "1"))
        .with(parm("PXADDR", address))
        .with_all(optional("PXADDRTYPE", kind))
        .with(parm("TO-NAPID", point))
        .with_all(port);
    characteristic("PXLOGICAL").with(parm("PROXY-ID", id)).with(parm("NAME", name)).with_all(sign_in).with(physical)
}

/// An IMPS account (IMPS MO, "Wireless Village OTA settings"). What it has no parm for is kept in a characteristic of the
/// old name.
fn account(root: &Element<'_>) -> Today {
    let at = |path: &[&str]| root.descend(path).map(Element::trimmed).filter(|text| !text.is_empty());
    let name = at(&["WVCommon", "WVSettingsName"]);
    let proxy = at(&["WVHTTP", "WVProxy", "WVProxyAddress"]).map(|address| {
        let proxy = |name| at(&["WVHTTP", "WVProxy", name]);
        let port = proxy("WVProxyPort").map(|port| characteristic("PORT").with(parm("PORTNBR", port)));
        let kind = address.contains(|c: char| c.is_ascii_alphabetic()).then_some("ALPHA");
        let users = (proxy("WVProxyUser"), proxy("WVProxyPassword"));
        // The old format leaves the access point to the handset.
        proxy_of("proxy-1", name.unwrap_or("proxy-1"), users, (address, kind), "INTERNET", port)
    });
    let address =
        |uri: &str, kind| characteristic("APPADDR").with(parm("ADDR", uri)).with_all(optional("ADDRTYPE", kind));
    let user = at(&["WVCommon", "WVUserID"]);
    let password = at(&["WVCommon", "WVPassword"]);
    let credentials = (user.is_some() || password.is_some()).then(|| {
        characteristic("APPAUTH")
            .with(parm("AAUTHLEVEL", "APPSRV"))
            .with_all(optional("AAUTHNAME", user))
            .with_all(optional("AAUTHSECRET", password))
    });
    let to_proxy = proxy.as_ref().map(|_| parm("TO-PROXY", "proxy-1"));
    let to_point = proxy.is_none().then(|| parm("TO-NAPID", "INTERNET"));
    let application = characteristic("APPLICATION")
        .with(parm("APPID", "wA"))
        .with_all(optional("NAME", name))
        .with_all(optional("AACCEPT", accept(root)))
        .with_all(to_proxy)
        .with_all(to_point)
        .with_all(at(&["WVHTTP", "WVSAPURI"]).map(|uri| address(uri, None)))
        .with_all(at(&["WVSMS", "WVSAPMobileNumber"]).map(|number| address(number, Some("E164"))))
        .with_all(credentials)
        .with_all(kept(root));
    let version = at(&["WVOTAVersion"]).map(|version| ("WVOTAVersion".to_owned(), version.to_owned()));
    Today { document: document(proxy.into_iter().chain([application])), not_carried: version.into_iter().collect() }
}

/// The media types of the versions, each with those that use it; an older server takes both syntaxes.
fn accept(root: &Element<'_>) -> Option<String> {
    let versions = root.child("WVCommon")?.children_named("WVSupportedVersion");
    // `1.2`, or a name that ends so.
    let number = |text: &str| {
        let from = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        text[from..].to_owned()
    };
    let mut versions: Vec<String> = versions.map(|v| number(v.trimmed())).filter(|v| v.contains('.')).collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.dedup();
    let (new, old): (Vec<_>, Vec<_>) = versions.into_iter().partition(|version| version.as_str() >= "1.3");
    let types = |versions: &[String], dot: &str| {
        let item = |syntax: &str| format!("application/vnd.wv.csp{dot}{syntax};{}", versions.join(";"));
        (!versions.is_empty()).then(|| format!("{},{}", item("wbxml"), item("xml")))
    };
    let all: Vec<String> = [types(&new, "+"), types(&old, ".")].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(","))
}

/// Returns what an account has no parm for: a characteristic of the old names, or nothing.
fn kept(root: &Element<'_>) -> Option<Element<'static>> {
    let of = |path: &str, names: &[&'static str]| {
        let holder = root.child(path)?;
        let value = |name: &'static str| optional(name, holder.child_text(name));
        let parms: Vec<_> = names.iter().filter_map(|name| value(name)).collect();
        (!parms.is_empty()).then_some(parms)
    };
    let common = of("WVCommon", &["WVRefName", "WVPreferredProtocol"]);
    let sms = of("WVSMS", &["WVSAPFourWaySupported", "WVSMSCMobileNumber"]);
    let http = of("WVHTTP", &["WVSAPFourWaySupported"]);
    (common.is_some() || sms.is_some() || http.is_some()).then(|| {
        characteristic("WVSettings")
            .with_all(common.into_iter().flatten())
            .with_all(sms.map(|parms| characteristic("WVSMS").with_all(parms)))
            .with_all(http.map(|parms| characteristic("WVHTTP").with_all(parms)))
    })
}
