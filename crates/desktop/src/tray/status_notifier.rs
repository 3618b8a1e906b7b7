//! The tray on Linux: a StatusNotifierItem with a menu, over D-Bus. The only place that names ksni.

use std::time::Duration;

use bellbird_contract::{Command, Media, TrackKind};
use ksni::menu::{MenuItem, StandardItem};
use ksni::{Category, Handle, Icon, Status, ToolTip, TrayMethods};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::desktop::CommandSink;
use crate::tray::drawing;
use crate::tray::{Mood, TrayView};

/// How long taking the icon away may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The icon, kept by a task of its own so that a slow tray host holds nothing up.
pub(crate) struct Tray {
    views: watch::Sender<TrayView>,
    task: JoinHandle<()>,
}

impl Tray {
    /// Begins to show; without a session bus this is nothing but a line in the log.
    pub(crate) fn start(app_name: &str, view: TrayView, commands: CommandSink) -> Self {
        let item = Item { title: app_name.to_owned(), view: view.clone(), commands };
        let (views, changes) = watch::channel(view);
        Self { views, task: tokio::spawn(keep(item, changes)) }
    }

    /// Shows this from now on.
    pub(crate) fn show(&self, view: TrayView) {
        self.views.send_if_modified(|shown| {
            let changed = *shown != view;
            *shown = view;
            changed
        });
    }

    /// Takes the icon away.
    pub(crate) async fn stop(self) {
        drop(self.views);
        let _ = tokio::time::timeout(FAREWELL, self.task).await;
    }
}

async fn keep(item: Item, mut changes: watch::Receiver<TrayView>) {
    // A desktop that starts its tray after us is normal at login, so a missing host is waited for.
    let handle: Handle<Item> = match item.assume_sni_available(true).spawn().await {
        Ok(handle) => handle,
        Err(error) => {
            tracing::info!(%error, "no tray icon: the session has no bus to put it on");
            return;
        }
    };
    while changes.changed().await.is_ok() {
        let view = changes.borrow_and_update().clone();
        if handle.update(|item| item.view = view).await.is_none() {
            return;
        }
    }
    handle.shutdown().await;
}

struct Item {
    title: String,
    view: TrayView,
    commands: CommandSink,
}

impl Item {
    fn entry(&self, label: &str, command: Command) -> MenuItem<Self> {
        StandardItem {
            label: without_access_key(label),
            activate: Box::new(move |item: &mut Self| (item.commands)(command.clone())),
            ..StandardItem::default()
        }
        .into()
    }
}

/// Menus take an underscore for the mark of an access key.
fn without_access_key(label: &str) -> String {
    label.replace('_', "__")
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "bellbird".to_owned()
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn category(&self) -> Category {
        Category::Communications
    }

    fn status(&self) -> Status {
        match self.view.mood {
            Mood::Ringing => Status::NeedsAttention,
            Mood::Offline | Mood::Online | Mood::InCall => Status::Active,
        }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        drawing::icons(self.view.mood)
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        drawing::icons(Mood::Ringing)
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip {
            title: self.title.clone(),
            // Hosts read the description as markup.
            description: crate::wording::escape(&self.view.headline),
            ..ToolTip::default()
        }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        (self.commands)(Command::ShowWindow);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let mut menu = vec![
            StandardItem {
                label: without_access_key(&self.view.headline),
                enabled: false,
                ..StandardItem::default()
            }
            .into(),
            MenuItem::Separator,
        ];
        if let Some(call) = &self.view.ringing {
            let id = Some(call.id.clone());
            menu.push(self.entry("Answer", Command::Answer { call: id.clone(), media: Media::Voice }));
            menu.push(self.entry("Decline", Command::Decline { call: id }));
            menu.push(MenuItem::Separator);
        }
        if let Some(call) = &self.view.running {
            let id = Some(call.id.clone());
            let label = if call.muted { "Turn microphone on" } else { "Turn microphone off" };
            let muted = !call.muted;
            menu.push(
                self.entry(label, Command::SetMuted { call: id.clone(), kind: TrackKind::Audio, muted }),
            );
            menu.push(self.entry(&format!("End call with {}", call.name), Command::End { call: id }));
            menu.push(MenuItem::Separator);
        }
        menu.push(self.entry("Open Bellbird", Command::ShowWindow));
        menu.push(self.entry("Quit", Command::Quit));
        menu
    }
}
