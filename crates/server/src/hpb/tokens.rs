//! What clients show the signaling server to prove who they are: a signed token, which it checks by our public key
//! (greeting 2.0), or a ticket, which it asks us about (greeting 1.0); talk-signaling.md section 1.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::ServerError;
use crate::folder::private_file;
use crate::secrets;

const FILE_NAME: &str = "hello-key.pem";
/// How long a token can be used, seconds. A client asks for a new one right before each greeting.
const TOKEN_KEEPS: i64 = 60;

/// Makes and checks tokens and tickets. The key pair lies in the data folder and is made once, since signaling
/// servers remember the public half for an hour.
pub(crate) struct Tokens {
    key: EcdsaKeyPair,
    public_pem: String,
    ticket_key: [u8; 32],
}

impl Tokens {
    /// Reads the folder's key pair, or makes it. Blocks.
    pub(crate) fn load_or_make(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(FILE_NAME);
        let pem = match fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(folder, &path)?,
            Err(error) => return Err(ServerError::from_io(&path, error)),
        };
        Self::from_pem(&pem).map_err(|reason| {
            ServerError::SignalingServer(format!("the key in {} cannot be used: {reason}", path.display()))
        })
    }

    fn from_pem(pem: &str) -> Result<Self, String> {
        let pair = KeyPair::from_pem(pem).map_err(|error| error.to_string())?;
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pair.serialized_der(), &random)
            .map_err(|error| error.to_string())?;
        let ticket_key =
            Sha256::new().chain_update("ticket").chain_update(pair.serialized_der()).finalize().into();
        Ok(Self { key, public_pem: pair.public_key_pem(), ticket_key })
    }

    /// The public key that checks the tokens, in PEM.
    pub(crate) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// A signed token (JWT, ES256: RFC 7515 and RFC 7518 section 3.4) for an account, or for a guest without one.
    /// `None` when the system gives no randomness.
    pub(crate) fn token(&self, issuer: &str, user: Option<&str>, shown: &str, unix: i64) -> Option<String> {
        let mut claims = json!({
            "iss": issuer,
            "iat": unix,
            "exp": unix + TOKEN_KEEPS,
            "userdata": { "displayname": shown },
        });
        if let Some(user) = user {
            claims["sub"] = json!(user);
        }
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The account of a token of ours that is still good; empty for a guest's.
    pub(crate) fn user_of_token(&self, token: &str, unix: i64) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        // Signed by us, so the head is the one we write.
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let good = claims["iat"].as_i64()? <= unix && unix < claims["exp"].as_i64()?;
        good.then(|| claims["sub"].as_str().unwrap_or("").to_owned())
    }

    /// A ticket for the old greeting; `user` is empty for guests.
    pub(crate) fn ticket(&self, user: &str, unix: i64) -> String {
        let begin = format!("{}:{unix}:{user}", secrets::instance_id());
        let proof = self.ticket_mac(&begin).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        format!("{begin}:{}", URL_SAFE_NO_PAD.encode(proof))
    }

    /// Whether the ticket is one of ours for this user.
    pub(crate) fn approves_ticket(&self, ticket: &str, user: &str) -> bool {
        let Some((begin, proof)) = ticket.rsplit_once(':') else { return false };
        let (Ok(proof), Some(mac)) = (URL_SAFE_NO_PAD.decode(proof), self.ticket_mac(begin)) else {
            return false;
        };
        // A user's name may hold colons, so it is what is left after the first two parts.
        mac.verify_slice(&proof).is_ok() && begin.splitn(3, ':').nth(2) == Some(user)
    }

    fn ticket_mac(&self, begin: &str) -> Option<Hmac<Sha256>> {
        Some(Hmac::<Sha256>::new_from_slice(&self.ticket_key).ok()?.chain_update(begin))
    }
}

fn make(folder: &Path, path: &Path) -> Result<String, ServerError> {
    let refused = |reason: String| ServerError::SignalingServer(reason);
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| refused(error.to_string()))?;
    let pem = pair.serialize_pem();
    // Written beside and renamed: a crash in between leaves no half key.
    let fresh = folder.join(format!("{FILE_NAME}.new"));
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(|error| ServerError::from_io(&fresh, error))?;
    }
    let mut file = private_file(&fresh)?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&fresh, path)).map_err(|error| ServerError::from_io(path, error))?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Tokens::load_or_make(folder.path()).unwrap();
        let again = Tokens::load_or_make(folder.path()).unwrap();
        assert_eq!(first.public_pem(), again.public_pem());
        assert!(first.public_pem().starts_with("-----BEGIN PUBLIC KEY-----"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let rights = fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(rights & 0o777, 0o600);
        }
        fs::write(folder.path().join(FILE_NAME), "nonsense").unwrap();
        assert!(Tokens::load_or_make(folder.path()).is_err());
    }

    #[test]
    fn tokens_name_their_account_for_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::load_or_make(folder.path()).unwrap();
        let token = tokens.token("http://here", Some("alice"), "Alice", 1000).unwrap();
        assert_eq!(tokens.user_of_token(&token, 1000).as_deref(), Some("alice"));
        assert_eq!(tokens.user_of_token(&token, 1059).as_deref(), Some("alice"));
        assert_eq!(tokens.user_of_token(&token, 1060), None);
        assert_eq!(tokens.user_of_token(&token, 999), None);
        let guest = tokens.token("http://here", None, "", 1000).unwrap();
        assert_eq!(tokens.user_of_token(&guest, 1000).as_deref(), Some(""));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (other, _) = guest.rsplit_once('.').unwrap();
        assert_eq!(tokens.user_of_token(&format!("{other}.{signature}"), 1000), None);
        for broken in ["", "a.b.c", signed, "..", &token[1..]] {
            assert_eq!(tokens.user_of_token(broken, 1000), None, "{broken}");
        }
    }

    #[test]
    fn tickets_belong_to_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::load_or_make(folder.path()).unwrap();
        for user in ["alice", "a:b", ""] {
            let ticket = tokens.ticket(user, 1000);
            assert!(tokens.approves_ticket(&ticket, user));
            assert!(!tokens.approves_ticket(&ticket, "bob"));
            assert!(!tokens.approves_ticket(&ticket.replace("1000", "1001"), user));
        }
        assert!(!tokens.approves_ticket("", "") && !tokens.approves_ticket(":::", ""));
    }
}
