//! Query and body parameters as PHP would read them: from a form or JSON, numbers and booleans in any dress.

use serde_json::{Map, Value};

use super::ocs::Ocs;

/// Deepest nesting of form names such as `a[b][]`.
const MAX_DEPTH: usize = 4;
/// Most parameters of one request.
const MAX_PARAMETERS: usize = 1000;

/// All parameters of a request; those of the body win.
#[derive(Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Reads a query string, and a body by its content type. A JSON body that is none gives `Err`.
    pub(crate) fn read(query: &str, content_type: &str, body: &[u8]) -> Result<Self, Ocs> {
        let mut params = Map::new();
        add_form(&mut params, query.as_bytes());
        let kind = content_type.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/json") {
            if !body.is_empty() {
                match serde_json::from_slice(body) {
                    Ok(Value::Object(members)) => params.extend(members),
                    // PHP clients write an empty map as a list.
                    Ok(Value::Array(list)) if list.is_empty() => {}
                    Ok(Value::Null) => {}
                    Ok(_) | Err(_) => return Err(Ocs::status(400).message("The body is not a JSON object")),
                }
            }
        } else if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            add_form(&mut params, body);
        }
        Ok(Self(params))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Text, empty when missing. 400 when it is a list or map.
    pub(crate) fn text(&self, name: &str) -> Result<String, Ocs> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(value)) => Ok(if *value { "1" } else { "" }.to_owned()),
            Some(Value::Array(_) | Value::Object(_)) => Err(wrong(name)),
        }
    }

    /// A whole number, or the default when missing. 400 when it is something else.
    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, Ocs> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Number(number)) => number.as_i64().ok_or_else(|| wrong(name)),
            Some(Value::String(text)) => text.trim().parse().map_err(|_| wrong(name)),
            Some(Value::Bool(value)) => Ok(i64::from(*value)),
            Some(Value::Array(_) | Value::Object(_)) => Err(wrong(name)),
        }
    }

    /// As [`int`](Self::int), for small unsigned numbers. 400 when out of range.
    pub(crate) fn bits(&self, name: &str, default: u32) -> Result<u32, Ocs> {
        u32::try_from(self.int(name, i64::from(default))?).map_err(|_| wrong(name))
    }

    /// A boolean, or the default when missing. 400 when it is something else.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> Result<bool, Ocs> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::Number(number)) => Ok(number.as_f64() != Some(0.0)),
            Some(Value::String(text)) => match text.trim() {
                "1" | "true" | "yes" | "on" => Ok(true),
                "" | "0" | "false" | "no" | "off" => Ok(false),
                _ => Err(wrong(name)),
            },
            Some(Value::Array(_) | Value::Object(_)) => Err(wrong(name)),
        }
    }

    /// A list of texts, empty when missing. A single text is a list of one.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Ocs> {
        self.0.get(name).map_or(Ok(Vec::new()), |value| texts(value).ok_or_else(|| wrong(name)))
    }
}

/// A list of texts, a map's values, or one text.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(list) => list.iter().map(one).collect(),
        Value::Object(map) => map.values().map(one).collect(),
        Value::String(_) | Value::Number(_) => one(value).map(|text| vec![text]),
        Value::Bool(_) => None,
    }
}

fn wrong(name: &str) -> Ocs {
    Ocs::status(400).message(format!("The parameter {name} has a wrong type or value"))
}

fn add_form(params: &mut Map<String, Value>, text: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(text).take(MAX_PARAMETERS) {
        let mut parts = name.split('[');
        let first = parts.next().unwrap_or("").to_owned();
        let inner: Vec<&str> = parts.map(|part| part.strip_suffix(']').unwrap_or(part)).collect();
        if first.is_empty() || inner.len() > MAX_DEPTH {
            continue;
        }
        let mut path = vec![first];
        path.extend(inner.into_iter().map(str::to_owned));
        insert(params, &path, value.into_owned());
    }
}

fn insert(map: &mut Map<String, Value>, path: &[String], value: String) {
    let Some((first, rest)) = path.split_first() else { return };
    // `a[]` counts on; the position is the key, and readers take a map's values in order.
    let key = if first.is_empty() { format!("{:06}", map.len()) } else { first.clone() };
    if rest.is_empty() {
        map.insert(key, Value::String(value));
        return;
    }
    let inner = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        insert(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn forms_and_json_read_the_same() {
        let form =
            Params::read("x=1", FORM, b"flags=7&silent=true&shareTypes[]=0&shareTypes[]=1&p[users][]=a")
                .unwrap();
        let json = br#"{"flags":"7","silent":1,"shareTypes":[0,"1"],"p":{"users":["a"]},"x":true}"#;
        let json = Params::read("x=0", JSON, json).unwrap();
        for params in [form, json] {
            assert_eq!(params.int("flags", 0).unwrap(), 7);
            assert!(params.boolean("silent", false).unwrap() && params.boolean("x", false).unwrap());
            assert_eq!(params.texts("shareTypes").unwrap(), ["0", "1"]);
            assert_eq!(texts(&params.value("p").unwrap()["users"]).unwrap(), ["a"]);
            assert_eq!(params.int("missing", 3).unwrap(), 3);
        }
    }

    #[test]
    fn nonsense_is_a_400_and_never_a_panic() {
        assert_eq!(Params::read("", JSON, b"{").unwrap_err().code(), 400);
        assert_eq!(Params::read("", JSON, b"[1]").unwrap_err().code(), 400);
        let params = Params::read("a=x&b[]=1&b=2&c[d][e][f][g][h]=1&[]=3&=4&e[=1&n=-1", "", b"").unwrap();
        assert_eq!(params.int("a", 0).unwrap_err().code(), 400);
        assert_eq!(params.boolean("a", false).unwrap_err().code(), 400);
        assert_eq!(params.bits("n", 0).unwrap_err().code(), 400);
        assert!(!params.has("c"));
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert_eq!(Params::read("", JSON, deep.as_bytes()).unwrap_err().code(), 400);
    }
}
