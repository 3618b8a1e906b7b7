//! Notifications over D-Bus (Desktop Notifications Specification 1.2).

use std::sync::Arc;

use notify_rust::{Hint, Notification, NotificationResponse, Timeout, Urgency};
use tokio::sync::{OnceCell, oneshot};

use crate::desktop::DesktopConfig;
use crate::notices::{Notice, NoticeKind};
use crate::wording::{DaemonAbilities, words};

/// The notification daemon of the session.
#[derive(Clone)]
pub(crate) struct Service {
    app_name: Arc<str>,
    icon: Arc<str>,
    desktop_entry: Arc<str>,
    /// Asked for once a daemon answers; asking opens a connection of its own.
    abilities: Arc<OnceCell<DaemonAbilities>>,
}

impl Service {
    pub(crate) fn new(config: &DesktopConfig) -> Self {
        Self {
            app_name: config.app_name.as_str().into(),
            icon: config.icon.as_str().into(),
            desktop_entry: config.desktop_entry.as_str().into(),
            abilities: Arc::default(),
        }
    }

    /// Shows the notice until it is withdrawn, closed or clicked; yields the key of the click.
    pub(crate) async fn show(&self, notice: &Notice, withdrawn: oneshot::Receiver<()>) -> Option<String> {
        let notification = self.notification(notice, self.abilities().await);
        let handle = match notification.show_async().await {
            Ok(handle) => handle,
            Err(error) => {
                tracing::info!(%error, "no notification: the session has no daemon that shows them");
                return None;
            }
        };
        let mut clicked = None;
        tokio::select! {
            () = handle.wait_for_action_async(|response| clicked = key_of(response)) => {}
            // A dropped sender means the same: the core ends.
            _ = withdrawn => {}
        }
        // After a click too: some daemons leave a clicked notification up.
        handle.close_async().await;
        clicked
    }

    async fn abilities(&self) -> DaemonAbilities {
        let asked = self
            .abilities
            .get_or_try_init(|| async {
                // notify-rust asks with a blocking call only.
                let told = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
                let Ok(Ok(told)) = told else { return Err(()) };
                let has = |word: &str| told.iter().any(|ability| ability == word);
                Ok(DaemonAbilities { actions: has("actions"), markup: has("body-markup") })
            })
            .await;
        // A daemon that does not answer this will hardly show anything; escape in case it does.
        asked.copied().unwrap_or(DaemonAbilities { actions: true, markup: true })
    }

    fn notification(&self, notice: &Notice, abilities: DaemonAbilities) -> Notification {
        let words = words(notice, abilities);
        let mut notification = Notification::new();
        notification
            .appname(&self.app_name)
            .icon(&self.icon)
            .summary(&words.summary)
            .body(&words.body)
            .hint(Hint::DesktopEntry(self.desktop_entry.to_string()));
        for (key, label) in words.actions {
            notification.action(key, label);
        }
        match notice.kind {
            NoticeKind::Incoming { .. } => notification
                .hint(Hint::Category("call.incoming".to_owned()))
                .urgency(Urgency::Critical)
                // The core rings on the ring device the person chose; the daemon must not ring elsewhere as well.
                .hint(Hint::SuppressSound(true))
                .timeout(Timeout::Never),
            NoticeKind::Asked { .. } => notification.urgency(Urgency::Normal).timeout(Timeout::Never),
            NoticeKind::Missed { .. } => notification
                .hint(Hint::Category("call.unanswered".to_owned()))
                .urgency(Urgency::Normal)
                .timeout(Timeout::Default),
        };
        notification
    }
}

fn key_of(response: &NotificationResponse) -> Option<String> {
    match response {
        NotificationResponse::Default => Some(crate::wording::DEFAULT.to_owned()),
        NotificationResponse::Action(key) => Some(key.clone()),
        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => None,
    }
}
