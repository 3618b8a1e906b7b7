//! One request to the signaling server, signed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use super::checksum::{BACKEND_HEADER, CHECKSUM_HEADER, RANDOM_HEADER, SharedSecret};
use crate::error::ServerError;
use crate::secrets;

/// Longest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// A client for a server that stands beside this one at `base`: never by a proxy, with the system's trust for `https:`.
pub(crate) fn client_beside(base: &Url) -> Result<Client, String> {
    let refused = |error: &dyn std::fmt::Display| format!("TLS could not be set up: {error}");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?;
    let tls = if base.scheme() == "http" {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    } else {
        builder.with_platform_verifier().map_err(|error| refused(&error))?.with_no_client_auth()
    };
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| refused(&error))
}

/// The way to the signaling server.
pub(crate) struct Link {
    base: Url,
    secret: SharedSecret,
    http: Client,
    /// How the signaling server itself names us, learnt from its own requests.
    our_name: Mutex<Option<String>>,
    /// It does not know us by that name (a proxy stands between), so requests go without one.
    nameless: AtomicBool,
}

impl Link {
    pub(crate) fn new(base: Url, secret: SharedSecret) -> Result<Self, ServerError> {
        let http = client_beside(&base).map_err(ServerError::SignalingServer)?;
        Ok(Self { base, secret, http, our_name: Mutex::default(), nameless: AtomicBool::new(false) })
    }

    pub(crate) fn secret(&self) -> &SharedSecret {
        &self.secret
    }

    /// The address clients are given, without a slash at its end.
    pub(crate) fn public_url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Notes under which address a proven request of the signaling server has come.
    pub(crate) fn learn_our_name(&self, base: String) {
        *self.our_name.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
    }

    fn our_name(&self) -> Option<String> {
        if self.nameless.load(Ordering::Relaxed) {
            return None;
        }
        self.our_name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `POST {server}/api/v1/room/{token}` (talk-signaling.md section 7.3). `Err` when no answer came; its text
    /// names no address.
    pub(crate) async fn post(&self, token: &str, body: &str, patience: Duration) -> Result<Answer, String> {
        let name = self.our_name();
        let answer = self.post_as(token, body, name.as_deref(), patience).await?;
        if answer.status == StatusCode::FORBIDDEN && name.is_some() {
            let answer = self.post_as(token, body, None, patience).await?;
            if answer.status != StatusCode::FORBIDDEN {
                self.nameless.store(true, Ordering::Relaxed);
            }
            return Ok(answer);
        }
        Ok(answer)
    }

    async fn post_as(
        &self,
        token: &str,
        body: &str,
        name: Option<&str>,
        patience: Duration,
    ) -> Result<Answer, String> {
        let random = secrets::session_id();
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| "the address takes no path".to_owned())?
            .pop_if_empty()
            .extend(["api", "v1", "room", token]);
        let mut request = self
            .http
            .post(url)
            .timeout(patience)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("ocs-apirequest", "true")
            .header(CHECKSUM_HEADER, self.secret.checksum(&random, body.as_bytes()))
            .header(RANDOM_HEADER, random);
        if let Some(name) = name {
            request = request.header(BACKEND_HEADER, name);
        }
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let mut response = request.body(body.to_owned()).send().await.map_err(failed)?;
        let mut answer = Answer { status: response.status(), body: Vec::new() };
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if answer.body.len() + piece.len() > MAX_ANSWER {
                return Err("the answer is too long".into());
            }
            answer.body.extend_from_slice(&piece);
        }
        Ok(answer)
    }
}
