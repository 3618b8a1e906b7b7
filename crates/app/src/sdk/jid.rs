//! How people and conversations are named to programs: `user@host[:port]` and `token@mix.host[:port]`, where host and
//! port are the account's server's (mirrorfly-sdk section 1). What may not stand before the `@` is escaped as
//! XEP-0106 (version 1.1.1) says.

use url::Url;

/// Of an account's server: its host, and its port where that is not the scheme's own. Lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Domain {
    name: String,
    /// The scheme's own port, which may be named or not.
    usual_port: u16,
}

/// Whom or what a JID names on the account's server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// A person, by user id.
    User(String),
    /// A conversation, by token.
    Room(String),
}

/// Why a JID names nobody here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotNamed {
    /// It is none.
    Malformed,
    /// It is of another server.
    Foreign,
}

/// Longest local part, bytes (RFC 7622 section 3.3).
const MAX_LOCAL: usize = 1023;
/// What conversations are below.
const MIX: &str = "mix.";
/// What guests, who have no account, are below. They cannot be called.
const GUESTS: &str = "guests.";
/// XEP-0106 table 1, but for the backslash.
const ESCAPED: [(char, &str); 9] = [
    (' ', "\\20"),
    ('"', "\\22"),
    ('&', "\\26"),
    ('\'', "\\27"),
    ('/', "\\2f"),
    (':', "\\3a"),
    ('<', "\\3c"),
    ('>', "\\3e"),
    ('@', "\\40"),
];
const BACKSLASH: &str = "\\5c";

impl Domain {
    pub(crate) fn of(server: &Url) -> Self {
        let host = server.host_str().unwrap_or_default().to_ascii_lowercase();
        let name = match server.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let usual_port = if server.scheme() == "http" { 80 } else { 443 };
        Self { name, usual_port }
    }

    pub(crate) fn user(&self, id: &str) -> String {
        format!("{}@{}", escape(id), self.name)
    }

    /// Somebody without an account, by what the service calls their device.
    pub(crate) fn guest(&self, id: &str) -> String {
        format!("{}@{GUESTS}{}", escape(id), self.name)
    }

    pub(crate) fn room(&self, token: &str) -> String {
        format!("{}@{MIX}{}", escape(token), self.name)
    }

    /// What a JID names.
    ///
    /// # Errors
    /// See [`NotNamed`].
    pub(crate) fn read(&self, jid: &str) -> Result<Named, NotNamed> {
        let (local, domain) = jid.trim().rsplit_once('@').ok_or(NotNamed::Malformed)?;
        let outlaw = |c: char| c.is_control() || c.is_whitespace();
        let malformed = local.is_empty()
            || local.len() > MAX_LOCAL
            || domain.is_empty()
            || domain.contains('/')
            || local.chars().chain(domain.chars()).any(outlaw);
        if malformed {
            return Err(NotNamed::Malformed);
        }
        let domain = domain.to_ascii_lowercase();
        let domain = domain.strip_suffix(&format!(":{}", self.usual_port)).unwrap_or(&domain);
        let name = unescape(local);
        if domain == self.name {
            return Ok(Named::User(name));
        }
        match domain.strip_prefix(MIX) {
            Some(rest) if rest == self.name && is_token(&name) => Ok(Named::Room(name)),
            Some(rest) if rest == self.name => Err(NotNamed::Malformed),
            Some(_) | None => Err(NotNamed::Foreign),
        }
    }
}

/// Tokens go into addresses.
fn is_token(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match ESCAPED.iter().find(|(plain, _)| *plain == c) {
            Some((_, code)) => escaped.push_str(code),
            // Only where it would be read as the beginning of a code.
            None if c == '\\' && code_at(&text[at..]).is_some() => escaped.push_str(BACKSLASH),
            None => escaped.push(c),
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, length) = code_at(rest).map_or(('\\', 1), |c| (c, BACKSLASH.len()));
        plain.push(c);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// What the code that `text` begins with stands for.
fn code_at(text: &str) -> Option<char> {
    let code = text.get(..BACKSLASH.len())?;
    if code.eq_ignore_ascii_case(BACKSLASH) {
        return Some('\\');
    }
    ESCAPED.iter().find(|(_, known)| code.eq_ignore_ascii_case(known)).map(|(c, _)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(server: &str) -> Domain {
        Domain::of(&Url::parse(server).unwrap())
    }

    #[test]
    fn people_have_jids_and_back() {
        // The examples of XEP-0106 section 4, and user ids that Nextcloud allows.
        for (id, local) in [
            ("ann", "ann"),
            ("space cadet", r"space\20cadet"),
            (r#"call me "ishmael""#, r"call\20me\20\22ishmael\22"),
            ("at&t guy", r"at\26t\20guy"),
            ("d'artagnan", r"d\27artagnan"),
            ("/.fanboy", r"\2f.fanboy"),
            ("::foo::", r"\3a\3afoo\3a\3a"),
            ("<foo>", r"\3cfoo\3e"),
            ("user@host", r"user\40host"),
            (r"c:\net", r"c\3a\net"),
            (r"c:\\net", r"c\3a\\net"),
            (r"c:\cool stuff", r"c\3a\cool\20stuff"),
            (r"c:\5commas", r"c\3a\5c5commas"),
            (r"a\", r"a\"),
            (r"\40", r"\5c40"),
            (r"\\5c", r"\\5c5c"),
            ("José", "José"),
            ("李-_.", "李-_."),
        ] {
            let home = domain("https://cloud.example.org");
            let jid = home.user(id);
            assert_eq!(jid, format!("{local}@cloud.example.org"));
            assert_eq!(home.read(&jid), Ok(Named::User(id.into())), "{jid}");
        }
    }

    #[test]
    fn a_server_is_named_by_host_and_unusual_port() {
        for (server, jid, group) in [
            ("https://cloud.example.org/", "ann@cloud.example.org", "abc1@mix.cloud.example.org"),
            ("https://Cloud.example.org:443/sub/", "ann@cloud.example.org", "abc1@mix.cloud.example.org"),
            (
                "https://cloud.example.org:8443/",
                "ann@cloud.example.org:8443",
                "abc1@mix.cloud.example.org:8443",
            ),
            ("http://127.0.0.1:4000/", "ann@127.0.0.1:4000", "abc1@mix.127.0.0.1:4000"),
            ("http://[::1]:4000/", "ann@[::1]:4000", "abc1@mix.[::1]:4000"),
            ("https://mix.example.org/", "ann@mix.example.org", "abc1@mix.mix.example.org"),
        ] {
            let home = domain(server);
            assert_eq!((home.user("ann"), home.room("abc1")), (jid.to_owned(), group.to_owned()));
            assert_eq!(home.read(jid), Ok(Named::User("ann".into())), "{server}");
            assert_eq!(home.read(group), Ok(Named::Room("abc1".into())), "{server}");
        }
        let home = domain("https://cloud.example.org");
        for same in ["ann@CLOUD.example.org", " ann@cloud.example.org:443 "] {
            assert_eq!(home.read(same), Ok(Named::User("ann".into())), "{same}");
        }
    }

    #[test]
    fn what_names_nobody_here() {
        let home = domain("https://cloud.example.org");
        let long = format!("{}@cloud.example.org", "a".repeat(2000));
        for (jid, why) in [
            ("", NotNamed::Malformed),
            ("ann", NotNamed::Malformed),
            ("@cloud.example.org", NotNamed::Malformed),
            ("ann@", NotNamed::Malformed),
            ("ann@cloud.example.org/phone", NotNamed::Malformed),
            ("a b@cloud.example.org", NotNamed::Malformed),
            ("a\u{7}@cloud.example.org", NotNamed::Malformed),
            (&long, NotNamed::Malformed),
            (r"..\2fx@mix.cloud.example.org", NotNamed::Malformed),
            ("ann@example.org", NotNamed::Foreign),
            ("ann@cloud.example.org:8443", NotNamed::Foreign),
            ("abc@mix.example.org", NotNamed::Foreign),
            ("x1@guests.cloud.example.org", NotNamed::Foreign),
        ] {
            assert_eq!(home.read(jid), Err(why), "{jid}");
        }
    }
}
