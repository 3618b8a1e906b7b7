//! Notifications: how one learns of an incoming call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lenient;

/// One notification.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Notification {
    /// Its number; grows.
    #[serde(default, deserialize_with = "lenient::number")]
    pub notification_id: i64,
    /// By which app; `spreed` is Talk.
    #[serde(default, deserialize_with = "lenient::text")]
    pub app: String,
    /// For whom.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: String,
    /// ISO 8601.
    #[serde(default, deserialize_with = "lenient::text")]
    pub datetime: String,
    /// `call`, `room`, `chat`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub object_type: String,
    /// For a call: the room token.
    #[serde(default, deserialize_with = "lenient::text")]
    pub object_id: String,
    /// Plain text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub subject: String,
    /// With `{name}` places.
    #[serde(rename = "subjectRich", default, deserialize_with = "lenient::text")]
    pub subject_rich: String,
    /// What goes into the places.
    #[serde(rename = "subjectRichParameters", default, deserialize_with = "lenient::or_default")]
    pub subject_rich_parameters: BTreeMap<String, RichObject>,
    /// Plain text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: String,
    /// With places.
    #[serde(rename = "messageRich", default, deserialize_with = "lenient::text")]
    pub message_rich: String,
    /// What goes into the places.
    #[serde(rename = "messageRichParameters", default, deserialize_with = "lenient::or_default")]
    pub message_rich_parameters: BTreeMap<String, RichObject>,
    /// Where a browser goes.
    #[serde(default, deserialize_with = "lenient::text")]
    pub link: String,
    /// A picture.
    #[serde(default, deserialize_with = "lenient::text")]
    pub icon: String,
    /// `false`: do not make a noise. Missing means `true`.
    #[serde(
        rename = "shouldNotify",
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub should_notify: Option<bool>,
    /// What can be done.
    #[serde(default, deserialize_with = "lenient::list")]
    pub actions: Vec<NotificationAction>,
}

impl Notification {
    /// Whether this is about a call, running or missed.
    pub fn is_call(&self) -> bool {
        self.app == "spreed" && self.object_type == "call"
    }
}

/// Something a notification's text names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RichObject {
    /// `call`, `user`, …
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub kind: String,
    /// Its id; of a call the numeric room id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Of a call: `one2one`, `group`, `public`.
    #[serde(
        rename = "call-type",
        default,
        deserialize_with = "lenient::text",
        skip_serializing_if = "String::is_empty"
    )]
    pub call_type: String,
    /// A picture.
    #[serde(
        rename = "icon-url",
        default,
        deserialize_with = "lenient::text",
        skip_serializing_if = "String::is_empty"
    )]
    pub icon_url: String,
    /// Of a file.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Where to fetch it.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub link: String,
}

/// One thing that can be done with a notification.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NotificationAction {
    /// For a button.
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: String,
    /// Where to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub link: String,
    /// `GET`, `POST`, `PUT`, `DELETE`, `WEB`.
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub kind: String,
    /// The main one.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub primary: bool,
}
