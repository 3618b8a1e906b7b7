//! Carries notices to the system's notification service and clicks back as commands. The only place that names
//! notify-rust.

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod waiting;
#[cfg(all(unix, not(target_os = "macos")))]
mod xdg;

use std::collections::BTreeMap;
use std::time::Duration;

use bellbird_contract::{Command, Media};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::desktop::{CommandSink, DesktopConfig};
use crate::notices::{Notice, NoticeChange, NoticeKind};
use crate::wording;

#[cfg(not(all(unix, not(target_os = "macos"))))]
use waiting::Service;
#[cfg(all(unix, not(target_os = "macos")))]
use xdg::Service;

/// How long leaving may take: the daemon is asked to take notifications away, and may be gone itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// Most notifications waited for at a time. A flood of missed calls must not become a flood of tasks.
const MOST_AT_A_TIME: usize = 32;

/// The notifications that are up, one task each.
pub(crate) struct Notifier {
    service: Service,
    commands: CommandSink,
    /// By call or request; dropping or using the sender withdraws the notification.
    ringing: BTreeMap<String, oneshot::Sender<()>>,
    /// Withdraws the others (missed calls) when the core ends, by being dropped.
    lasting: Vec<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Notifier {
    pub(crate) fn new(config: &DesktopConfig, commands: CommandSink) -> Self {
        Self {
            service: Service::new(config),
            commands,
            ringing: BTreeMap::new(),
            lasting: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Starts to carry out a change; never waits for the daemon.
    pub(crate) fn apply(&mut self, change: NoticeChange) {
        while self.tasks.try_join_next().is_some() {}
        self.lasting.retain(|withdraw| !withdraw.is_closed());
        match change {
            NoticeChange::Withdraw { call } => {
                if let Some(withdraw) = self.ringing.remove(&call) {
                    let _ = withdraw.send(());
                }
            }
            NoticeChange::Show(notice) => {
                if self.tasks.len() >= MOST_AT_A_TIME {
                    tracing::warn!("too many notifications are up; one more is left out");
                    return;
                }
                let (withdraw, withdrawn) = oneshot::channel();
                match notice.kind {
                    NoticeKind::Incoming { .. } | NoticeKind::Asked { .. } => {
                        self.ringing.insert(notice.call.clone(), withdraw);
                    }
                    NoticeKind::Missed { .. } => self.lasting.push(withdraw),
                }
                let service = self.service.clone();
                let commands = self.commands.clone();
                self.tasks.spawn(async move {
                    if let Some(key) = service.show(&notice, withdrawn).await
                        && let Some(command) = command_for(&key, &notice)
                    {
                        commands(command);
                    }
                });
            }
        }
    }

    /// Takes everything away and waits a moment for that.
    pub(crate) async fn withdraw_all(mut self) {
        self.ringing.clear();
        self.lasting.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::debug!("the notification daemon did not take all notifications away in time");
        }
    }
}

/// What a click means. Only keys that this crate gave out mean anything: any program on the session bus can send one.
fn command_for(key: &str, notice: &Notice) -> Option<Command> {
    let call = Some(notice.call.clone());
    match (key, &notice.kind) {
        (wording::ANSWER, NoticeKind::Incoming { media }) => Some(Command::Answer { call, media: *media }),
        (wording::ANSWER_VOICE, NoticeKind::Incoming { .. }) => {
            Some(Command::Answer { call, media: Media::Voice })
        }
        (wording::DECLINE, NoticeKind::Incoming { .. }) => Some(Command::Decline { call }),
        (wording::CALL_BACK, NoticeKind::Missed { account, contact: Some(contact) }) => {
            Some(Command::MakeCall {
                account: Some(account.clone()),
                contact: contact.clone(),
                media: Media::Voice,
            })
        }
        (wording::NOT_NOW, NoticeKind::Asked { request, .. }) => {
            Some(Command::AnswerRemoteJoin { request: request.clone(), allow: false, screen: None })
        }
        (wording::DEFAULT, _) => Some(Command::ShowWindow),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_becomes_the_command_it_says() {
        let notice = |kind| Notice { call: "7".into(), name: "Ada".into(), account_name: None, kind };
        let ringing = notice(NoticeKind::Incoming { media: Media::Video });
        let missed = notice(NoticeKind::Missed { account: "a".into(), contact: Some("ada".into()) });
        let asked = notice(NoticeKind::Asked {
            request: "3".into(),
            by: "bot".into(),
            kind: bellbird_contract::TrackKind::Audio,
            inside: false,
        });
        let refused = Command::AnswerRemoteJoin { request: "3".into(), allow: false, screen: None };
        let call = Some("7".to_owned());
        for (key, from, expected) in [
            ("answer", &ringing, Some(Command::Answer { call: call.clone(), media: Media::Video })),
            ("answer-voice", &ringing, Some(Command::Answer { call: call.clone(), media: Media::Voice })),
            ("decline", &ringing, Some(Command::Decline { call })),
            ("default", &ringing, Some(Command::ShowWindow)),
            ("call-back", &ringing, None),
            ("quit", &ringing, None),
            ("answer", &missed, None),
            ("not-now", &asked, Some(refused)),
            ("default", &asked, Some(Command::ShowWindow)),
            ("answer", &asked, None),
            ("allow", &asked, None),
            (
                "call-back",
                &missed,
                Some(Command::MakeCall {
                    account: Some("a".into()),
                    contact: "ada".into(),
                    media: Media::Voice,
                }),
            ),
        ] {
            assert_eq!(command_for(key, from), expected, "{key}");
        }
    }
}
