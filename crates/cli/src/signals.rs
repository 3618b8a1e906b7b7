//! Being asked to stop.

use tokio::sync::watch;

/// Becomes true once the process is asked to stop (SIGINT, SIGTERM). A second request ends it at once.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        let (asked, notice) = watch::channel(false);
        tokio::spawn(async move {
            request().await;
            let _ = asked.send(true);
            request().await;
            // 128 + SIGINT, as shells have it.
            std::process::exit(130);
        });
        Self(notice)
    }

    /// Returns when the process is asked to stop.
    pub(crate) async fn requested(&mut self) {
        // The listening task lives as long as the runtime.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

#[cfg(unix)]
async fn request() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn request() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
