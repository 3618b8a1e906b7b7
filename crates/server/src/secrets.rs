//! Random tokens, digests and password hashes.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng;
use sha2::{Digest, Sha256};

/// Letters and digits nobody mixes up when reading them aloud.
const CLEAR: &[u8] = b"abcdefghijkmnopqrstwxyz23456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn random_text(alphabet: &[u8], length: usize) -> String {
    // `ThreadRng` is a cryptographic generator, seeded by the system.
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}

/// A room's name in links.
pub(crate) fn room_token() -> String {
    random_text(CLEAR, 8)
}

/// A room's name in links where telephones can be called, who know digits alone; 53 bits.
pub(crate) fn dialable_token() -> String {
    random_text(b"0123456789", 16)
}

/// An app password: 428 bits, so that a plain digest is safe to store.
pub(crate) fn app_password() -> String {
    random_text(ALPHANUMERIC, 72)
}

/// An invitation's code, short enough to type in need; 118 bits.
pub(crate) fn invitation_code() -> String {
    random_text(CLEAR, 24)
}

/// A session's or cookie's name, or a one-time token.
pub(crate) fn session_id() -> String {
    random_text(ALPHANUMERIC, 64)
}

/// What tells this installation from others.
pub(crate) fn instance_id() -> String {
    random_text(CLEAR, 10)
}

/// A guest's actor id.
pub(crate) fn guest_id() -> String {
    random_text(b"0123456789abcdef", 40)
}

/// SHA-256, for secrets that are long and random by themselves.
pub(crate) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn argon2() -> Argon2<'static> {
    // The recommendation of RFC 9106 for machines with little memory, as scaled by OWASP: 19 MiB, two passes.
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The argon2 hash of a password, in PHC text. Takes tens of milliseconds and 19 MiB: never on an async thread.
pub(crate) fn hash_password(password: &str) -> Result<String, String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(|error| error.to_string())?;
    let hash = argon2().hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password has this hash. As slow as [`hash_password`].
pub(crate) fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash no password has, to spend the same time on names that do not exist.
pub(crate) const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_match_only_themselves() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_password("correct horse", &hash));
        assert!(!verify_password("correct horsf", &hash));
        assert!(!verify_password("", &hash));
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok(), "it must cost as much as a real one");
        assert!(!verify_password("", NOBODYS_HASH));
    }

    #[test]
    fn tokens_have_the_shape_clients_expect() {
        assert!(room_token().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        assert_ne!(session_id(), session_id());
        assert_eq!((app_password().len(), guest_id().len()), (72, 40));
    }
}
