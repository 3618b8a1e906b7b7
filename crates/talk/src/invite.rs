//! Invitation links of the embedded server: `https://HOST:PORT/invite/CODE#fp=FINGERPRINT`.

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use url::Url;

use crate::{Fingerprint, address};

/// Longest code read.
const MAX_CODE: usize = 256;

/// A link taken apart.
pub(crate) struct InvitationLink {
    /// The server.
    pub(crate) server: Url,
    /// The right to register.
    pub(crate) code: Secret,
    /// The server's certificate; `None` when the system's trust store shall decide.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl InvitationLink {
    /// Reads a link as pasted.
    ///
    /// # Errors
    /// `bad-link`.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let bad = |detail: &str| Problem::new(ProblemCode::BadLink, detail);
        let mut url = Url::parse(text.trim()).map_err(|_| bad("that is not an invitation link"))?;
        address::check(&url)?;
        let path = url.path().to_owned();
        let (root, code) =
            path.rsplit_once("/invite/").ok_or_else(|| bad("that is not an invitation link"))?;
        let code = code.trim_end_matches('/');
        if code.is_empty() || code.len() > MAX_CODE || code.contains('/') {
            return Err(bad("the invitation link is damaged"));
        }
        let fingerprint = match url.fragment() {
            None | Some("") => None,
            Some(fragment) => {
                let value = fragment
                    .split('&')
                    .find_map(|part| part.strip_prefix("fp="))
                    .ok_or_else(|| bad("the invitation link is damaged"))?;
                Some(value.parse()?)
            }
        };
        url.set_path(root);
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { server: url, code: Secret::new(code), fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_apart() {
        let print = Fingerprint::of(b"certificate");
        let link =
            InvitationLink::parse(&format!(" https://h.example:8443/invite/a1B2#fp={print} ")).unwrap();
        assert_eq!(link.server.as_str(), "https://h.example:8443/");
        assert_eq!(link.code.expose(), "a1B2");
        assert_eq!(link.fingerprint, Some(print));
        let link = InvitationLink::parse("http://127.0.0.1:8090/sub/invite/code").unwrap();
        assert_eq!(link.server.as_str(), "http://127.0.0.1:8090/sub");
        assert_eq!(link.fingerprint, None);
    }

    #[test]
    fn damaged_links_say_so() {
        for text in [
            "",
            "hello",
            "https://h.example/",
            "https://h.example/invite/",
            "https://h.example/invite/a/b",
            "https://h.example/invite/a#fp=short",
            "https://h.example/invite/a#something",
            "http://h.example/invite/a",
            "file:///invite/a",
        ] {
            let problem = InvitationLink::parse(text).err().map(|problem| problem.code);
            assert_eq!(problem, Some(ProblemCode::BadLink), "{text}");
        }
    }
}
