//! How a program shows for whom it asks.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Reason, Refusal};

/// What the `Authorization` header holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// Whose.
        name: String,
        /// The password, or what stands for it.
        password: String,
    },
    /// An access token.
    Bearer {
        /// The token.
        token: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer { .. } => "Bearer(…)",
        })
    }
}

impl Credentials {
    /// Of a request.
    ///
    /// # Errors
    /// 401 without the header, or when it is neither Basic nor Bearer.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let refused = |text: &str| Refusal::new(Reason::Unauthenticated, text);
        let value = headers.get(header::AUTHORIZATION).ok_or_else(|| refused("Credentials are needed"))?;
        let read = || {
            let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
            let rest = rest.trim();
            if scheme.eq_ignore_ascii_case("bearer") {
                return (!rest.is_empty()).then(|| Self::Bearer { token: rest.to_owned() });
            }
            if !scheme.eq_ignore_ascii_case("basic") {
                return None;
            }
            let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            let (name, password) = text.split_once(':')?;
            Some(Self::Basic { name: name.to_owned(), password: password.to_owned() })
        };
        read().ok_or_else(|| refused("The credentials are neither Basic nor Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_and_bearer_are_read_and_never_printed() {
        let basic = |name: &str, password: &str| {
            Some(Credentials::Basic { name: name.to_owned(), password: password.to_owned() })
        };
        let bearer = |token: &str| Some(Credentials::Bearer { token: token.to_owned() });
        for (value, expected) in [
            (Some("Basic YW5uOnNlYzpyZXQ="), basic("ann", "sec:ret")),
            (Some("basic YW5uOg=="), basic("ann", "")),
            (Some("Bearer abc.def"), bearer("abc.def")),
            (Some("BEARER  abc "), bearer("abc")),
            (Some("Bearer "), None),
            (Some("Basic YW5u"), None),
            (Some("Basic !!"), None),
            (Some("Digest abc"), None),
            (Some(""), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            let read = Credentials::of(&headers);
            assert!(!format!("{read:?}").contains("abc"), "printed");
            match read {
                Ok(read) => assert_eq!(Some(read), expected, "{value:?}"),
                Err(refused) => {
                    assert_eq!(refused.reason, Reason::Unauthenticated);
                    assert_eq!(None, expected, "{value:?}");
                }
            }
        }
    }
}
