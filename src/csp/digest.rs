//! Proving a password in a login of four messages: the digest of nonce and password.
//!
//! MD6 is a name in the standard and was never defined; it is not offered. MD4 is broken and comes last, for clients
//! that have nothing else.

use md4::Md4;
use md5::{Digest as _, Md5};
use sha1::Sha1;

use super::Version;
use crate::document::{Element, from_base64, same_octets, to_base64};

/// A way to prove a password (`DigestSchema`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// The password itself.
    Password,
    /// SHA-1.
    Sha,
    /// MD5.
    Md5,
    /// MD4.
    Md4,
}

impl Schema {
    /// All that we know, the strongest first.
    pub const ALL: [Self; 4] = [Self::Sha, Self::Md5, Self::Md4, Self::Password];

    /// Returns the word of the standard.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "PWD",
            Self::Sha => "SHA",
            Self::Md5 => "MD5",
            Self::Md4 => "MD4",
        }
    }

    /// Returns the schema of that name in any case of letters; `None` for those that we do not have.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.as_str().eq_ignore_ascii_case(text.trim_ascii()))
    }

    /// Returns the schemas that a login primitive names, in its order: one element a word, or words with commas in
    /// one (1.1). Unknown ones are left out.
    pub fn read_all(login: &Element<'_>) -> Vec<Self> {
        let lists = login.children_named("DigestSchema");
        lists.flat_map(|list| list.trimmed().split(',')).filter_map(Self::from_text).collect()
    }

    /// Returns the `DigestSchema` elements that offer `schemas` in `version`.
    pub fn write_all(schemas: &[Self], version: Version) -> Vec<Element<'static>> {
        if version == Version::V1_1 {
            let words: Vec<&str> = schemas.iter().map(|schema| schema.as_str()).collect();
            return vec![Element::leaf("DigestSchema", words.join(","))];
        }
        schemas.iter().map(|schema| Element::leaf("DigestSchema", schema.as_str())).collect()
    }

    /// Returns `DigestBytes` for a nonce and a password: base64 of the hash of both, nothing between them. With
    /// [`Schema::Password`] there is no digest; the password is sent.
    pub fn digest(self, nonce: &str, password: &str) -> String {
        let octets = [octets(nonce), octets(password)].concat();
        match self {
            Self::Password => password.to_owned(),
            Self::Sha => to_base64(&Sha1::digest(octets)),
            Self::Md5 => to_base64(&Md5::digest(octets)),
            Self::Md4 => to_base64(&Md4::digest(octets)),
        }
    }

    /// Returns whether `DigestBytes` (for [`Schema::Password`] the password) prove the password. The time taken
    /// does not tell how much of it was right.
    pub fn verify(self, nonce: &str, password: &str, given: &str) -> bool {
        if self == Self::Password {
            return same_octets(password.as_bytes(), given.as_bytes());
        }
        let wanted = from_base64(&self.digest(nonce, password)).unwrap_or_default();
        from_base64(given).is_some_and(|given| same_octets(&wanted, &given))
    }
}

/// Returns the text in ISO 8859-1, or in UTF-8 where it has other characters.
fn octets(text: &str) -> Vec<u8> {
    let latin: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    latin.unwrap_or_else(|_| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_sheet() {
        let digest = Schema::Md5.digest("5f2c9a7e41d0b386", "open-sesame");
        assert_eq!(digest, "abHzN4+570y3DfoOUPRAWQ==");
        assert!(Schema::Md5.verify("5f2c9a7e41d0b386", "open-sesame", " abHzN4+570y3DfoOUPRAWQ== "));
        assert!(!Schema::Md5.verify("5f2c9a7e41d0b386", "open-sesam", &digest));
        assert!(!Schema::Md5.verify("5f2c9a7e41d0b386", "open-sesame", "no base64"));
    }

    #[test]
    fn sha_is_sha1() {
        // FIPS 180, "abc".
        assert_eq!(
            Schema::Sha.digest("a", "bc"),
            to_base64(b"\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d")
        );
    }

    #[test]
    fn md4_and_md5_are_those_of_their_memos() {
        // RFC 1320 and RFC 1321, "abc" and "message digest", cut in two anywhere.
        let hex = |digest: String| from_base64(&digest).unwrap().iter().map(|o| format!("{o:02x}")).collect::<String>();
        assert_eq!(hex(Schema::Md4.digest("a", "bc")), "a448017aaf21d8525fc10ae87aa6729d");
        assert_eq!(hex(Schema::Md4.digest("message ", "digest")), "d9130a8164549fe818874806e1c7014b");
        assert_eq!(hex(Schema::Md5.digest("a", "bc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(Schema::Md5.digest("message ", "digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    }

    #[test]
    fn reads_both_lists() {
        let one = Element::new("Login-Request").with_leaf("DigestSchema", "SHA,MD4, md5,PWD");
        assert_eq!(Schema::read_all(&one), [Schema::Sha, Schema::Md4, Schema::Md5, Schema::Password]);
        let many = Element::new("Login-Request").with_all(Schema::write_all(&Schema::ALL, Version::V1_3));
        assert_eq!(Schema::read_all(&many), Schema::ALL);
    }
}
