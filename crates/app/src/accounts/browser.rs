//! Signing in through the person's browser.

use std::sync::Arc;

use bellbird_call::ports::Problem;
use bellbird_talk::LoginFlow;
use tokio_util::sync::CancellationToken;

use crate::app::Inner;

/// A sign-in that waits for the person.
pub(crate) struct SigningIn {
    /// The server, as typed.
    pub(crate) server: String,
    /// What the browser has to open.
    pub(crate) address: String,
    /// Ends the waiting.
    pub(crate) given_up: CancellationToken,
}

impl Inner {
    /// Begins a sign-in and opens the browser. Yields the address it has to open; `None` when the server wants a name and
    /// password typed in.
    pub(crate) async fn sign_in_by_browser(self: Arc<Self>, server: &str) -> Result<Option<String>, Problem> {
        let server = server.trim();
        let Some(flow) = LoginFlow::begin(server, self.client_name()).await? else { return Ok(None) };
        let address = flow.address().to_string();
        let given_up = CancellationToken::new();
        let waiting =
            SigningIn { server: server.to_owned(), address: address.clone(), given_up: given_up.clone() };
        if let Some(before) = self.change(|state| state.signing_in.replace(waiting)) {
            before.given_up.cancel();
        }
        if let Some(open) = &self.config.browser
            && let Err(reason) = open(&address)
        {
            // The window shows the address, so that it can be opened by hand.
            tracing::warn!(reason, "the browser could not be opened");
        }
        let inner = self.clone();
        self.runtime.spawn(async move {
            let outcome = tokio::select! {
                outcome = flow.finish() => outcome,
                () = given_up.cancelled() => return,
                () = inner.gone.cancelled() => return,
            };
            match outcome {
                Ok(talk) => inner.welcome(talk, true).await,
                Err(problem) => inner.change(|state| state.problems.show(problem)),
            }
            inner.change(|state| {
                // Another one may have begun meanwhile.
                if !given_up.is_cancelled() {
                    state.signing_in = None;
                }
            });
        });
        Ok(Some(address))
    }

    /// Gives up waiting.
    pub(crate) fn cancel_sign_in(&self) {
        if let Some(waiting) = self.change(|state| state.signing_in.take()) {
            waiting.given_up.cancel();
        }
    }
}
