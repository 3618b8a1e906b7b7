//! Which devices there are, and when that changes.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::DeviceError;
use crate::host::{self, Direction};

/// How often the sound system is asked. It has to be asked, since PulseAudio moves a stream silently when its
/// device goes, even to a monitor of the loudspeaker, and tells nobody.
const PERIOD: Duration = Duration::from_millis(1_500);

/// One microphone or loudspeaker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceInfo {
    /// What it is opened by; stable as long as the sound system keeps it.
    pub name: String,
    /// What people know it by.
    pub label: String,
    /// Whether the system takes it when nobody chooses.
    pub is_default: bool,
}

/// All microphones and loudspeakers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeviceList {
    /// Microphones, without the monitors of loudspeakers.
    pub microphones: Vec<DeviceInfo>,
    /// Loudspeakers.
    pub speakers: Vec<DeviceInfo>,
    /// What loudspeakers play, as if it were a microphone. Not to be offered: taken as one it feeds back.
    pub monitors: Vec<DeviceInfo>,
}

impl DeviceList {
    /// Whether something that can be captured from is there, by name.
    pub fn has_capture(&self, name: &str) -> bool {
        self.microphones.iter().chain(&self.monitors).any(|info| info.name == name)
    }

    /// Whether a loudspeaker is there, by name.
    pub fn has_playout(&self, name: &str) -> bool {
        self.speakers.iter().any(|info| info.name == name)
    }
}

/// Asks the sound system what there is. Opens no device. Blocks for some milliseconds, a hanging sound server for
/// 2 s.
///
/// # Errors
/// [`NotFound`](crate::DeviceErrorKind::NotFound) when there is no sound system,
/// [`Failed`](crate::DeviceErrorKind::Failed) when it does not answer.
pub fn list() -> Result<DeviceList, DeviceError> {
    list_of(&host::open_host()?)
}

fn list_of(host: &cpal::Host) -> Result<DeviceList, DeviceError> {
    let of = |direction| -> Result<Vec<DeviceInfo>, DeviceError> {
        let default = host::default_device(host, direction).as_ref().and_then(host::name_of);
        let mut found = Vec::new();
        for device in host::devices(host, direction)? {
            let Some(name) = host::name_of(&device) else { continue };
            let is_default = Some(&name) == default.as_ref();
            found.push(DeviceInfo { label: host::label_of(&device), name, is_default });
        }
        Ok(found)
    };
    let (monitors, microphones) =
        of(Direction::Capture)?.into_iter().partition(|info| host::is_monitor(&info.name));
    Ok(DeviceList { microphones, speakers: of(Direction::Playout)?, monitors })
}

/// Looks out for devices that come and go, until dropped.
pub struct DeviceWatch {
    /// Its drop ends the thread.
    _stop: Sender<()>,
}

/// Starts to look out: `changed` is called on a thread of its own with the first list and whenever the list is a
/// different one, within about 1.5 s. A sound system that is not there counts as an empty list.
///
/// # Errors
/// [`Failed`](crate::DeviceErrorKind::Failed) when the thread cannot be started.
pub fn watch(mut changed: impl FnMut(DeviceList) + Send + 'static) -> Result<DeviceWatch, DeviceError> {
    let (stop, stopped) = channel();
    let watcher = move || {
        let mut host = None;
        let mut last = None;
        loop {
            if host.is_none() {
                host = host::open_host().ok();
            }
            let list = match host.as_ref().map(list_of) {
                Some(Ok(list)) => list,
                Some(Err(_)) => {
                    host = None;
                    DeviceList::default()
                }
                None => DeviceList::default(),
            };
            match stopped.recv_timeout(Duration::ZERO) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if last.as_ref() != Some(&list) {
                last = Some(list.clone());
                changed(list);
            }
            match stopped.recv_timeout(PERIOD) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    std::thread::Builder::new().name("bellbird-devices".into()).spawn(watcher).map_err(|error| {
        DeviceError::new(
            crate::DeviceErrorKind::Failed,
            format_args!("the thread that looks out for devices could not be started: {error}"),
        )
    })?;
    Ok(DeviceWatch { _stop: stop })
}
