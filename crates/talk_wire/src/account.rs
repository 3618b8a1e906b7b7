//! Signing in, registering, and finding people.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// `GET /status.php`, without an envelope.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServerStatus {
    /// The server is set up.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub installed: bool,
    /// The server takes no requests at the moment.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub maintenance: bool,
    /// Waits for an upgrade.
    #[serde(rename = "needsDbUpgrade", default, deserialize_with = "lenient::boolean")]
    pub needs_db_upgrade: bool,
    /// Four numbers.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: String,
    /// As shown.
    #[serde(default, deserialize_with = "lenient::text")]
    pub versionstring: String,
    /// Of which edition.
    #[serde(default, deserialize_with = "lenient::text")]
    pub edition: String,
    /// Name of the product.
    #[serde(default, deserialize_with = "lenient::text")]
    pub productname: String,
}

/// `GET /ocs/v2.php/core/getapppassword`. Holds a secret: not to be logged, hence no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPassword {
    /// The app password.
    pub apppassword: String,
}

/// `GET /ocs/v2.php/cloud/user`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CloudUser {
    /// The user id, which may differ from the login name.
    pub id: String,
    /// The name others see.
    #[serde(rename = "display-name", default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// The same once more: servers write it under either key, or both.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub displayname: String,
    /// E-mail address, if any.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl CloudUser {
    /// The name others see, under whichever key it came; empty when the server told none.
    pub fn name(&self) -> &str {
        if self.display_name.is_empty() { &self.displayname } else { &self.display_name }
    }
}

/// One entry of `GET /ocs/v2.php/core/autocomplete/get`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ContactEntry {
    /// Id within `source`.
    pub id: String,
    /// Name for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: String,
    /// Icon class.
    #[serde(default, deserialize_with = "lenient::text")]
    pub icon: String,
    /// `users`, `groups`, `emails`, `circles`, `remotes`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub source: String,
    /// An object with `status`, or `""`.
    #[serde(default)]
    pub status: serde_json::Value,
    /// Second line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub subline: String,
    /// Tells equal names apart.
    #[serde(rename = "shareWithDisplayNameUnique", default, deserialize_with = "lenient::text")]
    pub share_with_display_name_unique: String,
}

impl ContactEntry {
    /// `online`, `away`, `dnd`, … when the server tells.
    pub fn presence(&self) -> Option<&str> {
        self.status.get("status").and_then(serde_json::Value::as_str)
    }
}

/// Body of a registration by invitation. Holds secrets: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationRequest {
    /// The invitation's code.
    #[serde(default, deserialize_with = "lenient::text")]
    pub code: String,
    /// The wished login name.
    #[serde(rename = "loginName", default, deserialize_with = "lenient::text")]
    pub login_name: String,
    /// The name others see.
    #[serde(rename = "displayName", default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// The password the account shall have.
    #[serde(default, deserialize_with = "lenient::text")]
    pub password: String,
}

/// Answer (201) to a registration. Holds a secret: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The user id.
    #[serde(rename = "userId")]
    pub user_id: String,
    /// An app password to go on with.
    #[serde(rename = "appPassword")]
    pub app_password: String,
}

#[cfg(test)]
mod tests {
    use super::CloudUser;

    #[test]
    fn a_name_is_read_under_either_key_and_both() {
        for (json, name) in [
            (r#"{"id":"a","display-name":"Ann"}"#, "Ann"),
            (r#"{"id":"a","displayname":"Ann"}"#, "Ann"),
            (r#"{"id":"a","displayname":"Ann","display-name":"Ann"}"#, "Ann"),
            (r#"{"id":"a","display-name":null}"#, ""),
        ] {
            let user: CloudUser = serde_json::from_str(json).unwrap();
            assert_eq!(user.name(), name, "{json}");
        }
    }
}
