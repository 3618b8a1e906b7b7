//! Reading what PHP and old or new servers write: `[]` for an empty map, numbers as text, booleans as numbers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Anything that does not fit becomes the default: `null`, `[]` in place of a map, a value of another type.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A list of which entries that do not fit are left out; anything else is the empty list.
pub fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => {
            items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
        }
        // PHP writes a list with gaps as a map.
        Value::Object(items) => {
            items.into_iter().filter_map(|(_, item)| serde_json::from_value(item).ok()).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    })
}

/// Text; numbers are written out, everything else is empty.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(as_text(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// Text that may be missing; numbers are written out, everything else is `None`.
pub fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(as_text(Value::deserialize(deserializer)?))
}

/// A whole number from a number, a boolean or text; everything else, and what is out of range, is 0.
pub fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + Default,
{
    Ok(as_number(&Value::deserialize(deserializer)?)
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or_default())
}

/// A whole number that may be missing, read as [`number`] does.
pub fn optional_number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    Ok(as_number(&Value::deserialize(deserializer)?).and_then(|number| T::try_from(number).ok()))
}

/// A boolean from a boolean, a number (0 is false) or text (`1`, `true`, `yes`, `on`); everything else is false.
pub fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => value,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => matches!(text.trim(), "1" | "true" | "yes" | "on"),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    })
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn as_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // A fraction is cut; what `i64` cannot hold is no number we know.
            number.as_f64().filter(|number| number.abs() < 9.0e15).map(|number| number as i64)
        }),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Deserialize, PartialEq, Debug, Default)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "or_default")]
        map: BTreeMap<String, String>,
        #[serde(deserialize_with = "list")]
        list: Vec<u8>,
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "number")]
        number: u32,
        #[serde(deserialize_with = "boolean")]
        boolean: bool,
    }

    fn check(json: &str, number: u32, boolean: bool, text: &str, list: &[u8]) {
        let sample: Sample = serde_json::from_str(json).unwrap();
        assert_eq!(
            sample,
            Sample { map: BTreeMap::new(), list: list.to_vec(), text: text.into(), number, boolean },
            "{json}"
        );
    }

    #[test]
    fn reads_what_php_writes() {
        check("{}", 0, false, "", &[]);
        check(r#"{"map":[],"list":{},"text":null,"number":null,"boolean":null}"#, 0, false, "", &[]);
        check(r#"{"number":"7","boolean":1,"text":12}"#, 7, true, "12", &[]);
        check(r#"{"number":true,"boolean":"true","text":"a"}"#, 1, true, "a", &[]);
        check(r#"{"number":-1,"boolean":"no","list":[1,"x",300,2]}"#, 0, false, "", &[1, 2]);
        check(r#"{"number":1e300,"boolean":[],"list":{"3":3}}"#, 0, false, "", &[3]);
        check(r#"{"number":7.9,"boolean":0,"map":{"a":1}}"#, 7, false, "", &[]);
    }
}
