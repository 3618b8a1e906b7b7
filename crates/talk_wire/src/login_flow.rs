//! Signing in through the browser (login flow v2). Without an envelope.
//!
//! All of it holds secrets: not to be logged, hence no `Debug`.

use serde::{Deserialize, Serialize};

/// `POST /index.php/login/v2`: where the person signs in, and where to ask whether they did.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFlowBegun {
    /// Where to ask.
    pub poll: LoginFlowPoll,
    /// What to open in the browser. It grants access to whoever opens it first.
    pub login: String,
}

/// Where a client asks whether the person has signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFlowPoll {
    /// Proves that it is the client that began.
    pub token: String,
    /// An address.
    pub endpoint: String,
}

/// The answer once the person has signed in; given once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFlowGranted {
    /// The server's address as it sees itself.
    pub server: String,
    /// The login name.
    #[serde(rename = "loginName")]
    pub login_name: String,
    /// An app password made for this client.
    #[serde(rename = "appPassword")]
    pub app_password: String,
}
