//! Methods of the call SDK as they are typed.

use bellbird_contract::SdkMethod;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The names of a method's arguments, in order.
fn names(method: &str) -> &'static [&'static str] {
    match method {
        "makeVoiceCall" | "makeVideoCall" => &["users", "groupId"],
        "inviteUsers" => &["users"],
        "muteAudio" | "muteVideo" => &["mute"],
        _ => &[],
    }
}

/// A method with its arguments: as an object (`{"users": ["bob@host"]}`), in order (`[["bob@host"], null]`), or, where
/// there is but one, bare (`["bob@host"]`, `true`).
pub(super) fn parse(method: &str, arguments: Option<&str>) -> Result<SdkMethod, Failure> {
    let wrong = |detail: String| Failure::new("bad-arguments", detail);
    let arguments: Value = match arguments {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| wrong(format!("the arguments of {method} are no JSON: {error}")))?,
        None => Value::Null,
    };
    let names = names(method);
    let mut call = match arguments {
        Value::Object(named) => named,
        Value::Null => Map::new(),
        Value::Array(ordered) if ordered.is_empty() && names.is_empty() => Map::new(),
        Value::Array(ordered) if !ordered.iter().all(Value::is_string) => {
            if ordered.len() > names.len() {
                return Err(wrong(format!("{method} takes {} arguments", names.len())));
            }
            names.iter().map(|name| (*name).to_owned()).zip(ordered).collect()
        }
        bare => match names {
            [first, ..] => Map::from_iter([((*first).to_owned(), bare)]),
            [] => return Err(wrong(format!("{method} takes no arguments"))),
        },
    };
    call.insert("method".into(), method.into());
    serde_json::from_value(Value::Object(call)).map_err(|error| wrong(format!("{method}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_by_name_in_order_or_bare() {
        let voice = |users: &[&str], group: Option<&str>| SdkMethod::MakeVoiceCall {
            users: users.iter().map(|user| (*user).to_owned()).collect(),
            group_id: group.map(str::to_owned),
        };
        for (method, arguments, expected) in [
            ("makeVoiceCall", Some(r#"["bob@host", "cid@host"]"#), voice(&["bob@host", "cid@host"], None)),
            (
                "makeVoiceCall",
                Some(r#"[["bob@host"], "x@mix.host"]"#),
                voice(&["bob@host"], Some("x@mix.host")),
            ),
            ("makeVoiceCall", Some(r#"{"users":["bob@host"]}"#), voice(&["bob@host"], None)),
            ("makeVoiceCall", Some("[[], null]"), voice(&[], None)),
            ("muteAudio", Some("true"), SdkMethod::MuteAudio { mute: true }),
            ("muteVideo", Some("[false]"), SdkMethod::MuteVideo { mute: false }),
            ("answerCall", None, SdkMethod::AnswerCall),
            ("endCall", Some("[]"), SdkMethod::EndCall),
        ] {
            assert_eq!(parse(method, arguments).ok(), Some(expected), "{method} {arguments:?}");
        }
        for (method, arguments) in [
            ("ringEveryone", None),
            ("makeVoiceCall", None),
            ("makeVoiceCall", Some("bob")),
            ("makeVoiceCall", Some("7")),
            ("muteAudio", Some("[true, true]")),
            ("answerCall", Some("true")),
        ] {
            assert_eq!(parse(method, arguments).unwrap_err().code, "bad-arguments", "{method} {arguments:?}");
        }
    }
}
