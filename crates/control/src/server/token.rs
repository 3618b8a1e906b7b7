//! The token of the door file.

use std::fmt;

use rand::TryRngCore;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq;

/// The person's own token, which the door file holds.
pub(crate) struct DoorToken(String);

impl DoorToken {
    /// A new one: 256 bits from the system, as 64 hexadecimal digits.
    pub(crate) fn random() -> Self {
        let mut bytes = [0_u8; 32];
        OsRng.try_fill_bytes(&mut bytes).expect("a system without randomness cannot keep anything secret");
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits)
    }

    /// Whether this is it, in a time that does not tell where the two differ.
    pub(crate) fn opens(&self, token: &str) -> bool {
        self.0.as_bytes().ct_eq(token.as_bytes()).into()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Leaves it out.
impl fmt::Debug for DoorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoorToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_open_only_with_themselves() {
        let (one, other) = (DoorToken::random(), DoorToken::random());
        assert_eq!(one.text().len(), 64);
        assert!(one.opens(one.text()));
        assert!(!one.opens(other.text()));
        assert!(!one.opens(&one.text()[..63]));
        assert!(!one.opens(""));
        assert_eq!(format!("{one:?}"), "DoorToken");
    }
}
