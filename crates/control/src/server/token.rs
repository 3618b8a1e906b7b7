//! The token that opens the door.

use rand::TryRngCore;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq;

/// 256 bits from the system, as 64 hexadecimal digits.
pub(crate) fn random() -> String {
    let mut bytes = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bytes).expect("a system without randomness cannot keep anything secret");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(crate) fn equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_equal_only_themselves() {
        let (one, other) = (random(), random());
        assert_eq!(one.len(), 64);
        assert!(equal(&one, &one));
        assert!(!equal(&one, &other));
        assert!(!equal(&one, &one[..63]));
        assert!(!equal(&one, ""));
    }
}
