//! What we build on may be passed on: every package's licence is on the allow-list of `deny.toml`, and none of the
//! packages it bans is in the tree. The same rules as `cargo deny check` reads, without needing that tool.

use serde_json::Value;

use crate::assert_tidy;
use crate::packages::{metadata, text};
use crate::tree::root;

struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
    /// Package and the licence it alone may have.
    exceptions: Vec<(String, String)>,
}

fn rules() -> Rules {
    let source = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let table: toml::Table = source.parse().expect("deny.toml is TOML");
    let strings = |value: &toml::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
    };
    let mut exceptions = Vec::new();
    for exception in table["licenses"].get("exceptions").and_then(toml::Value::as_array).into_iter().flatten()
    {
        let name = exception["crate"].as_str().expect("an exception names its crate").to_owned();
        exceptions.extend(strings(&exception["allow"]).into_iter().map(|licence| (name.clone(), licence)));
    }
    Rules {
        allowed: strings(&table["licenses"]["allow"]),
        banned: table["bans"]["deny"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("crate").and_then(toml::Value::as_str).map(str::to_owned))
            .collect(),
        exceptions,
    }
}

/// Whether an SPDX expression can be met with licences that `is_allowed`. `/` is the old way to write OR.
fn is_met(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let met = any_of(&mut rest, is_allowed);
    met && rest.is_empty()
}

fn any_of(tokens: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all_of(tokens, is_allowed);
    while let ["OR", rest @ ..] = tokens {
        *tokens = rest;
        met |= all_of(tokens, is_allowed);
    }
    met
}

fn all_of(tokens: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(tokens, is_allowed);
    while let ["AND", rest @ ..] = tokens {
        *tokens = rest;
        met &= one(tokens, is_allowed);
    }
    met
}

fn one(tokens: &mut &[&str], is_allowed: &dyn Fn(&str) -> bool) -> bool {
    match tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let met = any_of(tokens, is_allowed);
            if let [")", rest @ ..] = tokens {
                *tokens = rest;
                return met;
            }
            false
        }
        [licence, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            is_allowed(&format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *tokens = rest;
            is_allowed(licence)
        }
        [] => false,
    }
}

fn check(packages: &[Value], rules: &Rules) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in packages {
        let name = text(&package["name"]);
        let version = text(&package["version"]);
        if rules.banned.contains(&name) {
            complaints.push(format!("{name} {version} is banned"));
        }
        let Some(licence) = package["license"].as_str() else {
            complaints.push(format!("{name} {version} names no licence"));
            continue;
        };
        let is_allowed = |one: &str| {
            rules.allowed.iter().any(|allowed| allowed == one)
                || rules.exceptions.iter().any(|(package, allowed)| *package == name && allowed == one)
        };
        if !is_met(licence, &is_allowed) {
            complaints.push(format!("{name} {version} is under {licence}"));
        }
    }
    complaints
}

#[test]
fn what_we_build_on_may_be_passed_on() {
    let host = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = metadata(&["--locked", &host]);
    let resolved: Vec<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("a resolved tree")
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let packages: Vec<Value> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| resolved.contains(&id)))
        .cloned()
        .collect();
    assert!(packages.len() > 100, "only {} packages were looked at", packages.len());
    assert_tidy("Licences and bans of deny.toml:", &check(&packages, &rules()));
}

#[test]
fn violations_would_be_seen() {
    let allowed = |licence: &str| ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&licence);
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH Other-exception", false),
        ("", false),
        ("(MIT", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
    let rules = Rules {
        allowed: vec!["MIT".into()],
        banned: vec!["openssl".into()],
        exceptions: vec![("odd".into(), "MPL-2.0".into())],
    };
    let package = |name: &str, licence: Value| serde_json::json!({"name": name, "version": "1.0.0", "license": licence});
    for (package, complaints) in [
        (package("fine", "MIT".into()), 0),
        (package("openssl", "MIT".into()), 1),
        (package("copyleft", "GPL-3.0-only".into()), 1),
        (package("odd", "MPL-2.0".into()), 0),
        (package("even", "MPL-2.0".into()), 1),
        (package("silent", Value::Null), 1),
    ] {
        assert_eq!(check(&[package], &rules).len(), complaints);
    }
}
