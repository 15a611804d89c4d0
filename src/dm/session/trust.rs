//! Who believes whom: each side proves itself to the other and may ask the other for proof (DM Security 1.2).

use sha2::{Digest as _, Sha256};

use super::auth::{Credentials, MOST_NONCE, MacHeader, Scheme};
use crate::dm::syncml::{Challenge, Credential, Header, Status};
use crate::document::{from_base64, to_base64};

/// Refusals after which a side gives up.
const MOST_FAILURES: u8 = 3;

/// Makes nonces from a seed: 16 octets each, never twice the same.
#[derive(Clone)]
pub struct Nonces {
    seed: [u8; 32],
    count: u64,
}

impl Nonces {
    /// Returns the nonces of a seed, which must be random and nobody else's.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }

    pub(super) fn next(&mut self) -> Vec<u8> {
        self.count += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
        digest[..16].to_vec()
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

/// What a side asks of the other before it believes it.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// How the other has to prove itself; `None`: it has not.
    wanted: Option<(Scheme, Credentials)>,
    /// The nonce that the next proof must be made with.
    nonce: Vec<u8>,
    is_accepted: bool,
    failures: u8,
}

impl Verifier {
    /// Returns one that asks for a proof by `scheme` with a nonce that both know, or an empty one.
    pub fn new(wanted: Option<(Scheme, Credentials)>, nonce: Vec<u8>) -> Self {
        Self { wanted, nonce, is_accepted: false, failures: 0 }
    }

    /// Looks at a message. Returns the status of its header with the challenge that goes with it: 200, 212, 401 or 407.
    pub fn verify(
        &mut self,
        header: &Header,
        body: &[u8],
        mac: Option<&str>,
        nonces: &mut Nonces,
    ) -> (u16, Option<Challenge>) {
        let Some((scheme, credentials)) = &self.wanted else { return (200, None) };
        let scheme = *scheme;
        if self.is_accepted && scheme != Scheme::Mac {
            return (212, None);
        }
        let (is_given, is_right) = match scheme {
            Scheme::Mac => {
                let header = mac.and_then(MacHeader::read);
                (mac.is_some(), header.is_some_and(|header| credentials.proves_mac(&header, &self.nonce, body)))
            }
            Scheme::Basic | Scheme::Md5 => {
                let proves = |given: &Credential| {
                    Scheme::read(&given.kind) == Some(scheme) && credentials.proves(scheme, &self.nonce, &given.data)
                };
                (header.credential.is_some(), header.credential.as_ref().is_some_and(proves))
            }
        };
        self.is_accepted = is_right;
        self.failures = if is_right { 0 } else { self.failures.saturating_add(1) };
        let code = match (is_right, is_given, scheme) {
            (true, _, Scheme::Mac) => 200,
            (true, ..) => 212,
            (false, true, _) => 401,
            (false, false, _) => 407,
        };
        let challenge = (scheme != Scheme::Basic || !is_right).then(|| self.challenge(scheme, nonces));
        (code, challenge)
    }

    fn challenge(&mut self, scheme: Scheme, nonces: &mut Nonces) -> Challenge {
        let next_nonce = (scheme != Scheme::Basic).then(|| {
            self.nonce = nonces.next();
            to_base64(&self.nonce)
        });
        Challenge { kind: scheme.as_str().to_owned(), format: "b64".to_owned(), next_nonce }
    }

    /// Returns whether the other has failed too often.
    pub fn is_tired(&self) -> bool {
        self.failures >= MOST_FAILURES
    }

    /// Returns the nonce of the next proof, to keep it for the next session.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }
}

/// How a side proves itself to the other.
#[derive(Debug, Clone)]
pub struct Prover {
    credentials: Option<Credentials>,
    scheme: Scheme,
    /// The nonce to make the next proof with; `None` where the other has given none.
    nonce: Option<Vec<u8>>,
    is_accepted: bool,
    failures: u8,
}

/// What the other said of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It believes.
    Accepted,
    /// It wants the package again, with a better proof.
    Again,
    /// It will not believe.
    Refused,
}

impl Prover {
    /// Returns one that proves itself by `scheme`, at first with the nonce of an earlier session if there is one.
    pub fn new(credentials: Option<Credentials>, scheme: Scheme, nonce: Option<Vec<u8>>) -> Self {
        Self { credentials, scheme, nonce, is_accepted: false, failures: 0 }
    }

    /// Returns the nonce of the next proof, to keep it for the next session.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Puts the proof, and the name that it is for, into a header.
    pub(super) fn introduce(&self, header: &mut Header) {
        let Some(credentials) = &self.credentials else { return };
        if self.scheme != Scheme::Basic {
            header.source.name = Some(credentials.user().to_owned());
        }
        let has_nonce = self.scheme == Scheme::Basic || self.nonce.is_some();
        if self.scheme != Scheme::Mac && !self.is_accepted && has_nonce {
            header.credential = Some(Credential {
                kind: self.scheme.as_str().to_owned(),
                format: "b64".to_owned(),
                data: credentials.proof(self.scheme, self.nonce.as_deref().unwrap_or_default()),
            });
        }
    }

    /// Returns the transport header that proves a body.
    pub(super) fn mac(&self, body: &[u8]) -> Option<String> {
        let (credentials, nonce) = (self.credentials.as_ref()?, self.nonce.as_ref()?);
        (self.scheme == Scheme::Mac).then(|| credentials.mac_header(nonce, body))
    }

    /// Takes the status of a header of ours. A challenge may ask for a stronger scheme than ours, not for a weaker one.
    pub(super) fn told(&mut self, status: &Status) -> Told {
        let challenge = status.challenge.as_ref();
        let scheme = challenge.and_then(|challenge| Scheme::read(&challenge.kind));
        if let Some(nonce) = challenge.and_then(|challenge| from_base64(challenge.next_nonce.as_deref()?)) {
            self.nonce = Some(nonce).filter(|nonce| nonce.len() <= MOST_NONCE);
        }
        match status.code {
            401 | 407 => {
                self.failures += 1;
                self.is_accepted = false;
                let Some(scheme) = scheme.filter(|scheme| *scheme >= self.scheme) else { return Told::Refused };
                self.scheme = scheme;
                if self.credentials.is_none() || self.failures >= MOST_FAILURES { Told::Refused } else { Told::Again }
            }
            212 => {
                self.is_accepted = true;
                Told::Accepted
            }
            code if code < 300 => Told::Accepted,
            _ => Told::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials::new("device", "secret")
    }

    fn talk(prover: &mut Prover, verifier: &mut Verifier, nonces: &mut Nonces) -> (u16, Told) {
        let mut header = Header::default();
        prover.introduce(&mut header);
        let mac = prover.mac(b"body");
        let (code, challenge) = verifier.verify(&header, b"body", mac.as_deref(), nonces);
        (code, prover.told(&Status { code, challenge, ..Status::default() }))
    }

    #[test]
    fn a_proof_is_asked_for_and_given() {
        let mut nonces = Nonces::new([7; 32]);
        for (scheme, first, then) in [(Scheme::Basic, 212, 212), (Scheme::Md5, 407, 212), (Scheme::Mac, 407, 200)] {
            let mut prover = Prover::new(Some(credentials()), scheme, None);
            let mut verifier = Verifier::new(Some((scheme, credentials())), Vec::new());
            assert_eq!(talk(&mut prover, &mut verifier, &mut nonces).0, first, "{scheme:?}");
            for _ in 0..3 {
                assert_eq!(talk(&mut prover, &mut verifier, &mut nonces), (then, Told::Accepted), "{scheme:?}");
            }
            assert_eq!(prover.nonce().unwrap_or_default(), verifier.nonce(), "both keep the nonce of the next session");
        }
    }

    #[test]
    fn a_wrong_password_ends_after_three_refusals() {
        let mut nonces = Nonces::new([7; 32]);
        for scheme in Scheme::ALL {
            let mut prover = Prover::new(Some(Credentials::new("device", "guess")), scheme, Some(b"old".to_vec()));
            let mut verifier = Verifier::new(Some((scheme, credentials())), b"old".to_vec());
            for told in [Told::Again, Told::Again, Told::Refused] {
                assert!(!verifier.is_tired());
                assert_eq!(talk(&mut prover, &mut verifier, &mut nonces), (401, told), "{scheme:?}");
            }
            assert!(verifier.is_tired());
        }
    }

    #[test]
    fn nobody_is_talked_into_a_weaker_scheme() {
        let mut prover = Prover::new(Some(credentials()), Scheme::Md5, None);
        let challenge = Challenge { kind: Scheme::Basic.as_str().to_owned(), ..Challenge::default() };
        let status = Status { code: 407, challenge: Some(challenge), ..Status::default() };
        assert_eq!(prover.told(&status), Told::Refused);
        let mut header = Header::default();
        prover.introduce(&mut header);
        assert_eq!(header.credential, None);
    }

    #[test]
    fn no_proof_serves_twice() {
        let mut nonces = Nonces::new([7; 32]);
        let mut prover = Prover::new(Some(credentials()), Scheme::Mac, Some(b"n".to_vec()));
        let mut verifier = Verifier::new(Some((Scheme::Mac, credentials())), b"n".to_vec());
        let captured = prover.mac(b"body");
        assert_eq!(talk(&mut prover, &mut verifier, &mut nonces).0, 200);
        let again = verifier.verify(&Header::default(), b"body", captured.as_deref(), &mut nonces);
        assert_eq!(again.0, 401);
    }
}
