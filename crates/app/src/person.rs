//! The person at this machine, as the system knows them.

/// A name for people: the full name, or the login name where the system has none.
pub(crate) fn full_name() -> String {
    let full = whoami::fallible::realname().unwrap_or_default();
    let full = full.trim();
    if full.is_empty() { login_name() } else { full.chars().take(64).collect() }
}

/// The system's login name in the form every server takes.
pub(crate) fn login_name() -> String {
    clean(&whoami::fallible::username().unwrap_or_default())
}

/// Lower-case ASCII letters, digits, `.`, `_` and `-`, at most 32, with a letter or digit first. A name without any of
/// them is `me`, and `echo` is left to the echo contact.
fn clean(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|letter| letter.to_ascii_lowercase())
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-'))
        .collect();
    let kept: String = kept.trim_start_matches(['.', '_', '-']).chars().take(32).collect();
    match kept.as_str() {
        "" | "echo" => "me".into(),
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_clean() {
        for (given, expected) in [
            ("ann", "ann"),
            ("Ann Smith", "annsmith"),
            ("DOMAIN\\Ann", "domainann"),
            ("José", "jos"),
            ("李", "me"),
            ("", "me"),
            ("echo", "me"),
            ("-x.y_z-", "x.y_z-"),
            ("a".repeat(90).as_str(), "a".repeat(32).as_str()),
        ] {
            assert_eq!(clean(given), expected, "{given}");
        }
        assert!(!full_name().is_empty());
    }
}
