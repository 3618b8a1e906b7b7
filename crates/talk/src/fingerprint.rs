//! Names a server's certificate.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bellbird_call::ports::{Problem, ProblemCode};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate's DER form. Its text form is base64url without padding; read is also what OpenSSL prints,
/// hexadecimal digits with or without colons.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = Problem;

    /// # Errors
    /// `bad-link` when it is neither base64url of 32 bytes nor 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Problem> {
        hexadecimal(text)
            .or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok())
            .map(Self)
            .ok_or_else(|| Problem::new(ProblemCode::BadLink, "the certificate's fingerprint is damaged"))
    }
}

/// `None` for everything but 64 digits, which no base64url of 32 bytes is.
fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    const LONGEST: usize = 32 * 3;
    if text.len() > LONGEST {
        return None;
    }
    let digits: Vec<u8> = text
        .chars()
        .filter(|letter| *letter != ':')
        .map(|letter| letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let mut bytes = [0; 32];
    if digits.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(bytes)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_printed() {
        let print = Fingerprint::of(b"certificate");
        assert_eq!(print.to_string().parse::<Fingerprint>().unwrap(), print);
        let pairs: Vec<String> = print.0.iter().map(|byte| format!("{byte:02X}")).collect();
        for text in [pairs.join(":"), pairs.concat(), pairs.concat().to_lowercase()] {
            assert_eq!(text.parse::<Fingerprint>().unwrap(), print, "{text}");
        }
        for text in [
            "",
            "short",
            &pairs[1..].join(":"),
            &format!("{}:00", pairs.join(":")),
            &"ä".repeat(32),
            &":".repeat(500),
        ] {
            assert_eq!(text.parse::<Fingerprint>().unwrap_err().code, ProblemCode::BadLink, "{text}");
        }
    }
}
