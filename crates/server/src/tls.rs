//! The server's certificate. Its own is made once, kept in the data folder and known to clients by its fingerprint; one
//! that its owner got from an authority is read from files and known to every browser.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
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

/// A certificate from an authority that clients know, such as Let's Encrypt, with its key. Both are PEM.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The server's certificate first, then those between it and the authority's.
    pub certificate: PathBuf,
    /// PKCS #8, PKCS #1 or SEC 1, without a passphrase.
    pub key: PathBuf,
}

/// How clients come to trust a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// They are told its fingerprint.
    Pinned(Fingerprint),
    /// By its authority, under this name; `None` when the certificate names no single host.
    Authority(Option<String>),
}

/// What TLS listeners share.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) trust: Trust,
}

/// Loads a certificate from an authority. Blocks.
pub(crate) fn load(files: &CertificateFiles) -> Result<Identity, ServerError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| ServerError::File { path: path.to_owned(), source })
    };
    let wrong = |path: &Path, reason: &str| ServerError::GivenCertificate {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
    let chain = CertificateDer::pem_slice_iter(&certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&files.certificate, &error.to_string()))?;
    let Some(first) = chain.first().cloned() else {
        return Err(wrong(&files.certificate, "there is no certificate in this file (PEM is expected)"));
    };
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
        wrong(&files.key, "there is no private key in this file (PEM without passphrase is expected)")
    })?;
    let parsed = webpki::EndEntityCert::try_from(&first)
        .map_err(|error| wrong(&files.certificate, &format!("no certificate of a server ({error})")))?;
    let name = parsed.valid_dns_names().find(|name| !name.starts_with('*')).map(str::to_owned);
    let acceptor = acceptor(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            wrong(&files.key, "this key does not belong to the certificate")
        }
        other => wrong(&files.certificate, &other.to_string()),
    })?;
    Ok(Identity { acceptor, trust: Trust::Authority(name) })
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
    let acceptor = acceptor(vec![certificate], key).map_err(|error| error.to_string())?;
    Ok(Identity { acceptor, trust: Trust::Pinned(fingerprint) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_stays_the_same_and_its_key_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_make(folder.path()).unwrap().trust;
        let second = load_or_make(folder.path()).unwrap().trust;
        assert_eq!(first, second);
        assert!(matches!(first, Trust::Pinned(fingerprint) if fingerprint.to_string().len() == 43));
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
