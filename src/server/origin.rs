//! Where a request came from, as far as it is believed: headers of a gateway count only from the networks that the
//! configuration trusts (CSP transport, "MSISDN"; abuse case B11).

use std::net::{IpAddr, Ipv4Addr};

use super::configuration::Access;

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address; behind a trusted gateway that which the gateway names.
    pub(crate) peer: IpAddr,
    /// The number that a trusted gateway vouches for: digits.
    pub(crate) msisdn: Option<String>,
    /// What the client calls itself.
    pub(crate) user_agent: String,
}

/// Octets of a User-Agent that are looked at.
const USER_AGENT: usize = 255;

impl Origin {
    /// Returns the origin of what nobody asked for.
    pub(crate) fn nowhere() -> Self {
        Self { peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED), msisdn: None, user_agent: String::new() }
    }

    /// Returns the origin of a request with those headers, whose names are in lower case.
    pub(crate) fn of(access: &Access, peer: IpAddr, headers: &[(String, String)]) -> Self {
        let values = |name: &str| -> Vec<&str> {
            headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
        };
        let mut user_agent = values("user-agent").first().copied().unwrap_or_default().to_owned();
        user_agent.truncate(user_agent.floor_char_boundary(USER_AGENT));
        if !access.trusts(peer) {
            return Self { peer, msisdn: None, user_agent };
        }
        let header = access.msisdn_headers.iter().map(|name| values(name)).find(|values| !values.is_empty());
        let mut numbers = header.unwrap_or_default().into_iter().map(read_number);
        let msisdn = numbers.next().flatten().map(str::to_owned);
        // A handset may have sent the header too, and the gateway added its own: nobody knows which is whose.
        let is_clear = numbers.all(|other| other == msisdn.as_deref());
        let forwarded = access.address_header.as_deref().into_iter().flat_map(values);
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        Self { peer: client_of(access, peer, &hops), msisdn: msisdn.filter(|_| is_clear), user_agent }
    }
}

/// Returns the last hop that is no trusted gateway: what stands before it anybody may have written.
fn client_of(access: &Access, peer: IpAddr, hops: &[&str]) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !access.trusts(client) {
            break;
        }
    }
    client
}

/// Returns the digits of a number as networks write it, `+358401234567` or without the sign; `None` for what is none.
pub fn read_number(text: &str) -> Option<&str> {
    let digits = text.trim().strip_prefix("tel:").unwrap_or(text.trim());
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    // E.164 has 15 digits at most.
    let is_number = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Network;

    fn origin(peer: &str, headers: &[(&str, &str)]) -> Origin {
        let access = Access {
            trusted_gateways: vec![Network::read("10.0.0.0/8").unwrap()],
            address_header: Some("x-forwarded-for".to_owned()),
            msisdn_headers: vec!["x-network-msisdn".to_owned(), "x-msisdn".to_owned()],
            ..Access::default()
        };
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Origin::of(&access, peer.parse().unwrap(), &headers)
    }

    #[test]
    fn numbers_are_digits_with_or_without_their_sign() {
        for text in ["+491701234567", " 491701234567 ", "tel:+491701234567"] {
            assert_eq!(read_number(text), Some("491701234567"), "{text}");
        }
        for text in ["Alice", "", "12", "1234567890123456", "+49-170"] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }

    #[test]
    fn b11_headers_are_believed_from_trusted_gateways_only() {
        let said = [("x-network-msisdn", "+358401234567"), ("x-forwarded-for", "198.51.100.7")];
        let vouched = origin("10.1.2.3", &said);
        assert_eq!(vouched.msisdn.as_deref(), Some("358401234567"));
        assert_eq!(vouched.peer, IpAddr::from([198, 51, 100, 7]));
        let stranger = origin("192.0.2.1", &said);
        assert_eq!((stranger.msisdn, stranger.peer), (None, IpAddr::from([192, 0, 2, 1])));
    }

    #[test]
    fn b11_a_header_of_the_handset_beside_that_of_the_gateway_counts_for_neither() {
        let number = |headers: &[(&str, &str)]| origin("10.1.2.3", headers).msisdn;
        assert_eq!(number(&[("x-network-msisdn", "3581"), ("x-network-msisdn", "3582")]), None);
        assert_eq!(number(&[("x-network-msisdn", "3581"), ("x-network-msisdn", "+3581")]), Some("3581".to_owned()));
        assert_eq!(number(&[("x-msisdn", "3582"), ("x-network-msisdn", "3581")]), Some("3581".to_owned()), "in order");
        for none in ["", "+", "unknown", "1; drop", "1234567890123456", "35 81"] {
            assert_eq!(number(&[("x-network-msisdn", none)]), None, "{none}");
        }
    }

    #[test]
    fn b11_the_client_is_the_last_hop_that_no_gateway_of_ours_is() {
        let peer = |hops: &str| origin("10.1.2.3", &[("x-forwarded-for", hops)]).peer.to_string();
        assert_eq!(peer("203.0.113.9, 198.51.100.7, 10.9.9.9"), "198.51.100.7", "what stands before it may be made up");
        assert_eq!(peer("nonsense"), "10.1.2.3");
        assert_eq!(peer("127.0.0.1, nonsense, 198.51.100.7"), "198.51.100.7");
        assert_eq!(peer("10.0.0.8"), "10.0.0.8");
    }
}
