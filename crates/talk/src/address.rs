//! Server addresses as people type them.

use bellbird_call::ports::{Problem, ProblemCode};
use url::{Host, Url};

use crate::Fingerprint;

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads a server's address: adds the scheme, cuts off what browsers add behind the web root.
///
/// # Errors
/// `bad-link` when it is no address, or would send the password unencrypted over a network.
pub(crate) fn server_address(text: &str) -> Result<Url, Problem> {
    let text = text.trim();
    let bad = |detail: &str| Problem::new(ProblemCode::BadLink, detail);
    if text.is_empty() {
        return Err(bad("the server's address is missing"));
    }
    let mut url = if text.contains("://") {
        Url::parse(text).map_err(|_| bad("that is not a server's address"))?
    } else {
        // A server on this machine speaks plain HTTP, all others HTTPS.
        let secure = Url::parse(&format!("https://{text}"));
        match secure {
            Ok(url) if is_loopback(&url) => Url::parse(&format!("http://{text}")),
            other => other,
        }
        .map_err(|_| bad("that is not a server's address"))?
    };
    tidy(&mut url);
    check(&url)?;
    Ok(url)
}

/// Reads a server's address with the certificate it may name, as in `https://HOST#fp=FINGERPRINT`: for a server whose
/// certificate no authority has signed, that one alone is trusted then.
///
/// # Errors
/// As [`server_address`], and `bad-link` when the fingerprint is damaged.
pub(crate) fn server_place(text: &str) -> Result<(Url, Option<Fingerprint>), Problem> {
    let (address, fragment) = match text.trim().split_once('#') {
        Some((address, fragment)) => (address, fragment),
        None => (text, ""),
    };
    let named = fragment.split('&').find_map(|part| part.strip_prefix("fp="));
    let fingerprint = named.map(str::parse).transpose()?;
    Ok((server_address(address)?, fingerprint))
}

/// Cuts an address down to the web root.
fn tidy(url: &mut Url) {
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path();
    let end = ["/index.php", "/apps/", "/status.php", "/ocs/", "/call/"]
        .into_iter()
        .filter_map(|tail| path.find(tail))
        .min()
        .unwrap_or(path.len());
    let root = path[..end].trim_end_matches('/').to_owned();
    url.set_path(&root);
    // User names in addresses would be sent and shown in odd places; clearing them cannot fail for HTTP.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// Refuses what is not HTTP, and plain HTTP over a network.
///
/// # Errors
/// `bad-link`, saying which.
pub(crate) fn check(url: &Url) -> Result<(), Problem> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(Problem::new(
            ProblemCode::BadLink,
            "an address beginning with http:// would send the password unencrypted; use https://",
        )),
        _ => Err(Problem::new(ProblemCode::BadLink, "a server's address begins with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_and_cut() {
        for (typed, expected) in [
            ("cloud.example.org", "https://cloud.example.org/"),
            (" https://cloud.example.org/ ", "https://cloud.example.org/"),
            ("cloud.example.org/nextcloud/", "https://cloud.example.org/nextcloud"),
            ("https://c.example.org/nc/index.php/apps/spreed", "https://c.example.org/nc"),
            ("https://c.example.org/apps/files?dir=/#x", "https://c.example.org/"),
            ("127.0.0.1:8090", "http://127.0.0.1:8090/"),
            ("localhost:1", "http://localhost:1/"),
            ("http://[::1]:8090/", "http://[::1]:8090/"),
            ("https://user:secret@c.example.org", "https://c.example.org/"),
        ] {
            assert_eq!(server_address(typed).unwrap().as_str(), expected, "{typed}");
        }
    }

    #[test]
    fn an_address_may_name_its_certificate() {
        let print = Fingerprint::of(b"certificate");
        for (typed, address, named) in [
            (format!(" calls.example.org:8443#fp={print} "), "https://calls.example.org:8443/", true),
            (format!("https://calls.example.org/nc/#a=b&fp={print}"), "https://calls.example.org/nc", true),
            ("https://calls.example.org/#/elsewhere".into(), "https://calls.example.org/", false),
            ("calls.example.org".into(), "https://calls.example.org/", false),
        ] {
            let (url, fingerprint) = server_place(&typed).unwrap();
            assert_eq!((url.as_str(), fingerprint), (address, named.then_some(print)), "{typed}");
        }
        assert_eq!(server_place("calls.example.org#fp=short").unwrap_err().code, ProblemCode::BadLink);
    }

    #[test]
    fn addresses_that_cannot_be_used_say_so() {
        for typed in
            ["", "   ", "http://cloud.example.org", "ftp://x", "https://", "ht tp://x", "https://:80"]
        {
            assert_eq!(server_address(typed).unwrap_err().code, ProblemCode::BadLink, "{typed}");
        }
    }
}
