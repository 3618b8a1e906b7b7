//! The server's own certificate: made once, kept in the data folder, known to clients by its fingerprint.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::error::ServerError;
use crate::folder::private_file;

/// Certificate and key in one file, so that a crash can never leave one without the other.
const FILE_NAME: &str = "certificate.pem";

/// SHA-256 of a certificate's DER. Written as base64url without padding, as in invitation links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// What TLS listeners share.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) fingerprint: Fingerprint,
}

/// Loads the folder's certificate, or makes it.
pub(crate) fn load_or_make(folder: &Path) -> Result<Identity, ServerError> {
    let path = folder.join(FILE_NAME);
    let pem = match std::fs::read_to_string(&path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(folder, &path)?,
        Err(error) => return Err(ServerError::from_io(&path, error)),
    };
    identity(&pem).map_err(ServerError::Certificate)
}

fn make(folder: &Path, path: &Path) -> Result<String, ServerError> {
    let pem = generate().map_err(ServerError::Certificate)?;
    let temporary = folder.join(format!("{FILE_NAME}.new"));
    let written = || -> std::io::Result<()> {
        if temporary.exists() {
            std::fs::remove_file(&temporary)?;
        }
        let mut file = private_file(&temporary).map_err(std::io::Error::other)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    written().map_err(|error| ServerError::from_io(path, error))?;
    Ok(pem)
}

fn generate() -> Result<String, String> {
    let key = rcgen::KeyPair::generate().map_err(|error| error.to_string())?;
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "bellbird.local".to_owned()])
        .map_err(|error| error.to_string())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Bellbird server");
    // Clients trust the fingerprint, not the dates: an end date would only lock everybody out one day.
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

fn identity(pem: &str) -> Result<Identity, String> {
    let certificate =
        CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| format!("certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| format!("key: {error}"))?;
    let fingerprint = Fingerprint(Sha256::digest(&certificate).into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_stays_the_same_and_its_key_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_make(folder.path()).unwrap().fingerprint;
        let second = load_or_make(folder.path()).unwrap().fingerprint;
        assert_eq!(first, second);
        assert_eq!(first.to_string().len(), 43);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_certificate_is_told_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(load_or_make(folder.path()), Err(ServerError::Certificate(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "nonsense");
    }
}
