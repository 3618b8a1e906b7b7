//! The embedded server, as a port: the process that links it lends it to the app.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::Problem;
use url::Url;

/// What an operation of the embedded server yields, later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// The operations the app needs of the embedded server of its data folder.
pub trait LocalServer: Send + Sync {
    /// Starts it on loopback, on a free port; when it runs already, nothing. Yields its address.
    fn start(&self) -> Later<'_, Url>;

    /// Makes an account when there is none, and a new app password for it in place of the one this core had before.
    fn ensure_account<'a>(&'a self, login_name: &'a str, display_name: &'a str) -> Later<'a, Secret>;

    /// Likewise for the account of the echo contact.
    fn ensure_echo(&self) -> Later<'_, Secret>;

    /// Opens it to the network over TLS, on `port` when it is free, or else on another. Yields the address for others,
    /// which names this machine's address in its network; its fragment, `fp=…`, names the certificate that clients have to
    /// pin. When it is open already, the address it has.
    fn open_to_network(&self, port: Option<u16>) -> Later<'_, Url>;

    /// Makes an invitation and yields the whole link. The server is open to the network by then.
    fn create_invitation(&self, expires_in: Duration, uses: u32) -> Later<'_, String>;

    /// Stops it; what was acknowledged is on disk anyway.
    fn stop(&self) -> Later<'_, ()>;
}
