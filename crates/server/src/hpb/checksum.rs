//! How the two servers know each other's requests: an HMAC over what is sent (talk-signaling.md section 7.1).

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Header with text that is new in every request.
pub(crate) const RANDOM_HEADER: &str = "spreed-signaling-random";
/// Header with the checksum over that text and the body.
pub(crate) const CHECKSUM_HEADER: &str = "spreed-signaling-checksum";
/// Header that says which Nextcloud speaks, for signaling servers that serve several.
pub(crate) const BACKEND_HEADER: &str = "spreed-signaling-backend";

/// Shortest text accepted in [`RANDOM_HEADER`], bytes.
const SHORTEST_RANDOM: usize = 32;
/// Longest, bytes; who knows the secret has no reason for more.
const LONGEST_RANDOM: usize = 512;

/// What both servers know. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SharedSecret(String);

impl SharedSecret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    fn mac(&self, random: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        Some(mac.chain_update(random).chain_update(body))
    }

    /// The checksum in lower-case hexadecimal digits.
    pub(crate) fn checksum(&self, random: &str, body: &[u8]) -> String {
        let bytes = self.mac(random, body).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the checksum is right. Takes the same time however much of it is.
    pub(crate) fn approves(&self, random: &str, checksum: &str, body: &[u8]) -> bool {
        if !(SHORTEST_RANDOM..=LONGEST_RANDOM).contains(&random.len()) {
            return false;
        }
        let (Some(given), Some(mac)) = (digest_of_hex(checksum), self.mac(random, body)) else {
            return false;
        };
        mac.verify_slice(&given).is_ok()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecret(…)")
    }
}

fn digest_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of talk-signaling.md section 7.1.
    const RANDOM: &str = "afb6b872ab03e3376b31bf0af601067222ff7990335ca02d327071b73c0119c6";
    const BODY: &[u8] = br#"{"type":"auth","auth":{"version":"1.0","params":{"hello":"world"}}}"#;
    const CHECKSUM: &str = "3c4a69ff328299803ac2879614b707c807b4758cf19450755c60656cac46e3bc";

    #[test]
    fn the_published_vector_holds() {
        let secret = SharedSecret::new("MySecretValue".into());
        assert_eq!(secret.checksum(RANDOM, BODY), CHECKSUM);
        assert!(secret.approves(RANDOM, CHECKSUM, BODY));
    }

    #[test]
    fn anything_else_is_refused() {
        let secret = SharedSecret::new("MySecretValue".into());
        let flipped = CHECKSUM.replace('c', "d");
        for checksum in ["", "00", &CHECKSUM[..63], flipped.as_str(), &CHECKSUM.to_uppercase(), "é"] {
            assert!(!secret.approves(RANDOM, checksum, BODY), "{checksum}");
        }
        assert!(!secret.approves(RANDOM, CHECKSUM, b"{}"));
        assert!(!SharedSecret::new("another".into()).approves(RANDOM, CHECKSUM, BODY));
        let short = &RANDOM[..31];
        assert!(!secret.approves(short, &secret.checksum(short, BODY), BODY), "too little randomness");
        assert_eq!(format!("{secret:?}"), "SharedSecret(…)");
    }
}
