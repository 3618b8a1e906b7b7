//! The envelope around every answer.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// `{"ocs":{"meta":…,"data":…}}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ocs<T> {
    /// Its only member.
    pub ocs: OcsBody<T>,
}

/// What is inside.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OcsBody<T> {
    /// How it went.
    pub meta: OcsMeta,
    /// The answer.
    pub data: T,
}

/// How a request went. On `v2.php` the status code is the HTTP status.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OcsMeta {
    /// `ok` or `failure`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: String,
    /// As the HTTP status.
    #[serde(default, deserialize_with = "lenient::number")]
    pub statuscode: u16,
    /// For people; often empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: String,
}

/// Data of a refusal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ErrorData {
    /// Which part was refused, a key to act on.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// For people.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl<T> Ocs<T> {
    /// An answer with this HTTP status (on `v2.php`).
    pub fn new(statuscode: u16, data: T) -> Self {
        let status = if (200..300).contains(&statuscode) { "ok" } else { "failure" };
        let message = if statuscode == 200 { "OK" } else { "" };
        let meta = OcsMeta { status: status.into(), statuscode, message: message.into() };
        Self { ocs: OcsBody { meta, data } }
    }
}
