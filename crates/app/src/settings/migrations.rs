//! Older forms of the settings file, brought to the current one step by step. A step is never changed once released.

use serde_json::{Map, Value};

/// The form this program writes.
pub(super) const CURRENT: u32 = 1;

/// Step `n` turns form `n` into form `n + 1`.
const STEPS: [fn(&mut Map<String, Value>); CURRENT as usize] = [number_the_form];

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In the current form now.
    Current(Value),
    /// Written by a newer Bellbird: what we know of it may be read, and it must not be overwritten.
    Newer(Value),
}

/// Brings `file` to the current form. `None` when it is not an object.
pub(super) fn migrate(file: Value) -> Option<Form> {
    let Value::Object(mut fields) = file else { return None };
    let version = fields.get("version").and_then(Value::as_u64).unwrap_or(0);
    let version = u32::try_from(version).unwrap_or(u32::MAX);
    if version > CURRENT {
        return Some(Form::Newer(Value::Object(fields)));
    }
    for step in STEPS.iter().skip(version as usize) {
        step(&mut fields);
    }
    Some(Form::Current(Value::Object(fields)))
}

/// 0 → 1: a file written by hand has no number.
fn number_the_form(fields: &mut Map<String, Value>) {
    fields.insert("version".into(), 1.into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_older_form_ends_at_the_current_one() {
        for version in 0..=CURRENT {
            let Some(Form::Current(file)) = migrate(json!({ "version": version, "accounts": [] })) else {
                panic!("form {version} is not understood");
            };
            assert_eq!(file["version"], CURRENT);
            assert_eq!(file["accounts"], json!([]));
        }
        assert_eq!(migrate(json!({})), Some(Form::Current(json!({ "version": CURRENT }))));
    }

    #[test]
    fn a_newer_form_is_told_apart_and_nonsense_refused() {
        let newer = json!({ "version": CURRENT + 1, "new": true });
        assert_eq!(migrate(newer.clone()), Some(Form::Newer(newer)));
        assert_eq!(migrate(json!([1])), None);
        assert_eq!(
            migrate(json!({ "version": u64::MAX })),
            Some(Form::Newer(json!({ "version": u64::MAX })))
        );
    }
}
