//! Notifications on macOS and Windows, where notify-rust can only be waited for on a thread.
//!
//! They cannot be withdrawn there: a click on a stale one is refused by the core ("not now").

use notify_rust::{Notification, NotificationResponse, Timeout};
use tokio::sync::oneshot;

use crate::desktop::DesktopConfig;
use crate::notices::{Notice, NoticeKind};
use crate::wording::{DaemonAbilities, words};

/// The system's notification centre.
#[derive(Clone)]
pub(crate) struct Service {
    app_name: String,
}

impl Service {
    pub(crate) fn new(config: &DesktopConfig) -> Self {
        Self { app_name: config.app_name.clone() }
    }

    /// Shows the notice until it is closed, clicked or withdrawn; yields the key of the click.
    pub(crate) async fn show(&self, notice: &Notice, withdrawn: oneshot::Receiver<()>) -> Option<String> {
        let words = words(notice, DaemonAbilities { actions: true, markup: false });
        let mut notification = Notification::new();
        notification.appname(&self.app_name).summary(&words.summary).body(&words.body);
        // macOS answers with the label, not the key.
        let labels: Vec<(&'static str, &'static str)> = words.actions.clone();
        for (key, label) in words.actions {
            notification.action(key, label);
        }
        if let NoticeKind::Incoming { .. } | NoticeKind::Asked { .. } = notice.kind {
            notification.timeout(Timeout::Never);
        }
        let (click, clicked) = oneshot::channel();
        std::thread::spawn(move || {
            let shown = notification.show().and_then(|handle| {
                handle.wait_for_response(|response: &NotificationResponse| {
                    let key = match response {
                        NotificationResponse::Default => Some(crate::wording::DEFAULT.to_owned()),
                        NotificationResponse::Action(text) => Some(
                            labels
                                .iter()
                                .find(|(_, label)| label == text)
                                .map_or_else(|| text.clone(), |(key, _)| (*key).to_owned()),
                        ),
                        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => None,
                    };
                    let _ = click.send(key);
                })
            });
            if let Err(error) = shown {
                tracing::info!(%error, "no notification");
            }
        });
        tokio::select! {
            key = clicked => key.ok().flatten(),
            _ = withdrawn => None,
        }
    }
}
