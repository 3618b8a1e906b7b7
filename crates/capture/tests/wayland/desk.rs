//! A desktop of its own: bus, PipeWire with WirePlumber, sway, the portal and its half for wlroots, and a window with a known picture.
//! `cargo xtask setup test` unpacks their packages; nothing of them is installed, and nothing but these processes is touched.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bellbird_testkit::process::LineProcess;
use bellbird_testkit::session_bus::ADDRESS_VARIABLE;
use tempfile::TempDir;

use crate::watcher::PATIENCE;

/// Nobody in particular: sway refuses to run as root.
const NOBODY: &str = "65534";

/// The screen, as sway calls it.
pub(crate) const SCREEN: &str = "HEADLESS-1";

const BUS: &str = r#"<busconfig><type>session</type><listen>unix:path=FOLDER/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

const SWAY: &str = "output HEADLESS-1 resolution 800x600 position 0 0
default_border none
focus_follows_mouse no
xwayland disable
";

/// As little as takes to bring a screen and who looks at it together. No device of this machine is looked for.
const WIREPLUMBER: &str = "
context.properties = { log.level = 2 wireplumber.script-engine = lua-scripting }
context.spa-libs = { audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }
context.modules = [
  { name = libpipewire-module-protocol-native } { name = libpipewire-module-client-node }
  { name = libpipewire-module-client-device } { name = libpipewire-module-adapter }
  { name = libpipewire-module-metadata } { name = libpipewire-module-session-manager }
]
wireplumber.components = [
  { name = libwireplumber-module-lua-scripting, type = module }
  { name = screens.lua, type = config/lua }
]
";

const WIREPLUMBER_SCREENS: &str = r#"
components = {}
local function add(name, kind, args) components[name] = { name, type = kind, args = args } end
for _, name in ipairs({ "metadata", "si-node", "si-standard-link", "si-audio-adapter", "si-audio-endpoint", "default-nodes-api" }) do
  add("libwireplumber-module-" .. name, "module")
end
add("access/access-default.lua", "script/lua", { rules = {} })
add("create-item.lua", "script/lua", {})
add("policy-node.lua", "script/lua", { ["move"] = true, ["follow"] = true })
"#;

/// The person answers with what stands in a file.
const CHOOSER: &str = "[screencast]\nmax_fps=30\nchooser_type=simple\nchooser_cmd=cat FOLDER/choice\n";

/// What the desktop consists of, in the order in which it comes up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Bus,
    PipeWire,
    WirePlumber,
    Sway,
    /// What `card.py` says of itself.
    Card,
    PortalOfWlroots,
    Portal,
}

/// A running desktop with a window on it. Dropping it ends all of it.
pub(crate) struct Desk {
    processes: Vec<(Part, Child)>,
    pub(crate) painter: LineProcess,
    setting: Vec<(OsString, OsString)>,
    folder: TempDir,
}

/// The unpacked packages: `target/wayland`, or `BELLBIRD_WAYLAND_DIR`.
fn packages() -> PathBuf {
    if let Some(set) = std::env::var_os("BELLBIRD_WAYLAND_DIR") {
        return set.into();
    }
    // Tests lie in target/<profile>/deps.
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.ancestors().nth(3)?.join("wayland")));
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wayland"))
}

/// The folder of the shared libraries below an unpacked root.
fn libraries(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
    let mut folders = entries.map(|entry| entry.path());
    folders.find(|path| path.to_string_lossy().ends_with("-linux-gnu")).expect("there are libraries")
}

impl Desk {
    /// All of it but `missing`. `None` on other systems than the Debian whose packages these are.
    ///
    /// # Panics
    /// When there are no packages on that Debian, or something does not come up.
    pub(crate) fn without(missing: &[Part]) -> Option<Self> {
        let root = packages();
        if !root.is_dir() {
            let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
            assert!(!system.contains("VERSION_CODENAME=bookworm"), "run `cargo xtask setup test` first");
            eprintln!("skipped: this needs the packages of Debian bookworm");
            return None;
        }
        // What crashes while it comes up is not ours, and not what is tried here.
        for _ in 0..3 {
            match Self::start(&root, missing) {
                Ok(desk) => return Some(desk),
                Err(why) => eprintln!("{why}"),
            }
        }
        panic!("the desktop does not come up");
    }

    fn start(root: &Path, missing: &[Part]) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("desk").tempdir().unwrap();
        let mut stage = Stage {
            folder: folder.path().to_owned(),
            libraries: libraries(root),
            root: root.to_owned(),
            processes: Vec::new(),
        };
        let setting = stage.prepare();
        for part in [
            Part::Bus,
            Part::PipeWire,
            Part::WirePlumber,
            Part::Sway,
            Part::Card,
            Part::PortalOfWlroots,
            Part::Portal,
        ] {
            if !missing.contains(&part) {
                stage.start(part, &setting, !missing.is_empty())?;
            }
        }
        let mut painter = LineProcess::start(
            Command::new(python()).arg(script("painter.py")).env_clear().envs(setting.iter().cloned()),
        );
        painter.wait_for("window that fills the screen", PATIENCE, |line| {
            (line == r#"{"size": [800, 600]}"#).then_some(())
        });
        if let Some((part, _)) = stage.processes.iter().find(|(_, child)| !runs(child))
            && missing.is_empty()
        {
            return Err(format!("{part:?} ended by itself:\n{}", stage.said(*part)));
        }
        let processes = std::mem::take(&mut stage.processes);
        let desk = Self { processes, painter, setting, folder };
        desk.choose(SCREEN);
        Ok(desk)
    }

    /// What the person will choose when asked: a screen, or nothing.
    pub(crate) fn choose(&self, screen: &str) {
        std::fs::write(self.folder.path().join("choice"), screen).unwrap();
    }

    /// The environment of a program that is started on this desktop.
    pub(crate) fn setting(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.setting.iter().cloned()
    }

    /// A portal that allows everything and then does what it is told (`tests/portal.py`); nobody speaks at the other end of what
    /// it hands out.
    pub(crate) fn pretended_portal(&self) -> LineProcess {
        let mut portal = LineProcess::start(
            Command::new(python()).arg(script("../portal.py")).arg("allow").env_clear().envs(self.setting()),
        );
        portal.wait_for("portal", PATIENCE, |line| line.contains("\"ready\"").then_some(()));
        portal
    }

    /// Has the window do something, and waits until the compositor took it.
    pub(crate) fn draw(&mut self, order: &str) {
        self.painter.say(order);
        let done = format!(r#"{{"done": "{order}"}}"#);
        self.painter.wait_for(order, PATIENCE, |line| (line == done).then_some(()));
    }

    /// A command of sway's.
    pub(crate) fn sway(&self, words: &[&str]) {
        let command = Command::new(packages().join("usr/bin/swaymsg"))
            .arg("--socket")
            .arg(self.folder.path().join("sway/ipc"))
            .args(words)
            .env_clear()
            .envs(self.setting.iter().cloned())
            .output()
            .unwrap();
        assert!(command.status.success(), "{words:?}: {}", String::from_utf8_lossy(&command.stdout));
    }

    /// Ends a part as if it had crashed.
    pub(crate) fn kill(&mut self, part: Part) {
        let (_, child) = self.processes.iter_mut().find(|(which, _)| *which == part).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        end(&mut self.processes);
    }
}

impl Desk {
    /// The last words of each part, for whoever reads why a test failed.
    fn tell(&mut self) {
        for (part, child) in &mut self.processes {
            let said = std::fs::read(self.folder.path().join(format!("{part:?}.log"))).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let last: Vec<&str> = said.lines().rev().take(12).collect();
            eprintln!("--- {part:?}, {}", child.try_wait().map_or_else(|error| error.to_string(), ended));
            last.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

fn ended(status: Option<std::process::ExitStatus>) -> String {
    status.map_or_else(|| "running".to_owned(), |status| status.to_string())
}

fn end(processes: &mut [(Part, Child)]) {
    for (_, child) in processes.iter_mut().rev() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn python() -> &'static str {
    // The system's interpreter; another one in the path need not be one for everybody.
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wayland").join(name)
}

/// A desktop that comes up. Dropped before it is one, it ends what runs.
struct Stage {
    folder: PathBuf,
    root: PathBuf,
    libraries: PathBuf,
    processes: Vec<(Part, Child)>,
}

impl Stage {
    /// Writes the settings of all parts and yields the environment that they share.
    fn prepare(&self) -> Vec<(OsString, OsString)> {
        let here = self.folder.display().to_string();
        for (name, text) in [
            ("bus.conf", BUS),
            ("sway/config", SWAY),
            ("wireplumber/wireplumber.conf", WIREPLUMBER),
            ("wireplumber/screens.lua.d/screens.lua", WIREPLUMBER_SCREENS),
            ("config/xdg-desktop-portal-wlr/config", CHOOSER),
        ] {
            let path = self.folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("FOLDER", &here)).unwrap();
        }
        // Whoever sway runs as makes its sockets there.
        std::fs::set_permissions(&self.folder, Permissions::from_mode(0o711)).unwrap();
        std::fs::set_permissions(self.folder.join("sway"), Permissions::from_mode(0o777)).unwrap();
        let of = |name: &str| self.folder.join(name).into_os_string();
        let unpacked = |name: &str| self.root.join(name).into_os_string();
        let library = |name: &str| self.libraries.join(name).into_os_string();
        let mut bus = OsString::from("unix:path=");
        bus.push(of("bus"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        [
            ("PATH", path),
            ("HOME", of("home")),
            ("XDG_RUNTIME_DIR", of("")),
            ("XDG_CONFIG_HOME", of("config")),
            ("XDG_CONFIG_DIRS", of("none")),
            ("XDG_DATA_HOME", of("data")),
            ("XDG_STATE_HOME", of("state")),
            ("XDG_CACHE_HOME", of("cache")),
            ("XDG_CURRENT_DESKTOP", "sway".into()),
            ("XDG_SESSION_TYPE", "wayland".into()),
            ("XDG_DESKTOP_PORTAL_DIR", unpacked("usr/share/xdg-desktop-portal/portals")),
            ("WAYLAND_DISPLAY", of("sway/wayland-1")),
            (ADDRESS_VARIABLE, bus),
            ("LD_LIBRARY_PATH", self.libraries.clone().into_os_string()),
            ("PIPEWIRE_CONFIG_DIR", unpacked("usr/share/pipewire")),
            ("PIPEWIRE_MODULE_DIR", library("pipewire-0.3")),
            ("SPA_PLUGIN_DIR", library("spa-0.2")),
            ("WIREPLUMBER_CONFIG_DIR", of("wireplumber")),
            ("WIREPLUMBER_DATA_DIR", unpacked("usr/share/wireplumber")),
            ("WIREPLUMBER_MODULE_DIR", library("wireplumber-0.4")),
            ("GIO_USE_VFS", "local".into()),
            ("GSETTINGS_BACKEND", "memory".into()),
        ]
        .map(|(name, value)| (name.into(), value))
        .to_vec()
    }

    /// Starts a part and waits until others can use it; where the desktop is `incomplete`, it may also end.
    fn start(
        &mut self,
        part: Part,
        setting: &[(OsString, OsString)],
        incomplete: bool,
    ) -> Result<(), String> {
        let unpacked = |name: &str| self.root.join(name);
        let socket = |name: &str| self.folder.join(name);
        let mut words: Vec<OsString> = Vec::new();
        let mut own: Vec<(&str, OsString)> = Vec::new();
        match part {
            Part::Bus => {
                words.extend(["dbus-daemon", "--nofork", "--nopidfile", "--config-file"].map(OsString::from));
                words.push(socket("bus.conf").into());
            }
            Part::PipeWire => words.push(unpacked("usr/bin/pipewire").into()),
            Part::WirePlumber => words.push(unpacked("usr/bin/wireplumber").into()),
            Part::Sway => {
                let (program, libraries) = self.sway();
                words.extend([program.into(), "--config".into(), socket("sway/config").into()]);
                own = vec![
                    ("LD_LIBRARY_PATH", libraries.into()),
                    ("XDG_RUNTIME_DIR", socket("sway").into()),
                    ("SWAYSOCK", socket("sway/ipc").into()),
                    ("WLR_BACKENDS", "headless".into()),
                    ("WLR_RENDERER", "pixman".into()),
                    ("WLR_LIBINPUT_NO_DEVICES", "1".into()),
                ];
            }
            Part::Card => {
                words.extend([python().into(), script("card.py").into(), socket("sway/wayland-1").into()]);
                words.push(socket("card").into());
            }
            Part::PortalOfWlroots => {
                words.push(unpacked("usr/libexec/xdg-desktop-portal-wlr").into());
                words.extend(["--loglevel", "INFO"].map(OsString::from));
                own = vec![("WAYLAND_DISPLAY", socket("card").into())];
            }
            Part::Portal => words.push(unpacked("usr/libexec/xdg-desktop-portal").into()),
        }
        // It ends with us, even where we are not asked.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if part == Part::Sway && is_root() {
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        }
        let log = std::fs::File::create(self.folder.join(format!("{part:?}.log"))).unwrap();
        command.arg("--").args(words).env_clear().envs(setting.iter().cloned()).envs(own);
        if part == Part::Sway {
            command.env_remove("WAYLAND_DISPLAY");
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.push((part, command.spawn().unwrap()));
        let is_up: Box<dyn Fn() -> bool + '_> = match part {
            Part::Bus => Box::new(|| UnixStream::connect(self.folder.join("bus")).is_ok()),
            Part::PipeWire => Box::new(|| UnixStream::connect(self.folder.join("pipewire-0")).is_ok()),
            Part::WirePlumber => Box::new(|| true),
            Part::Sway => Box::new(|| {
                UnixStream::connect(self.folder.join("sway/wayland-1")).is_ok()
                    && UnixStream::connect(self.folder.join("sway/ipc")).is_ok()
            }),
            Part::Card => Box::new(|| self.said(part).contains("listens")),
            Part::PortalOfWlroots => {
                Box::new(|| is_on_bus("org.freedesktop.impl.portal.desktop.wlr", setting))
            }
            Part::Portal => Box::new(|| is_on_bus("org.freedesktop.portal.Desktop", setting)),
        };
        let begin = Instant::now();
        while !is_up() {
            let has_ended = !runs(&self.processes.last().unwrap().1);
            if has_ended && incomplete {
                return Ok(());
            }
            if has_ended || begin.elapsed() > PATIENCE {
                return Err(format!("{part:?} does not come up:\n{}", self.said(part)));
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(())
    }

    fn said(&self, part: Part) -> String {
        std::fs::read_to_string(self.folder.join(format!("{part:?}.log"))).unwrap_or_default()
    }

    /// Where sway and its libraries lie, for the one it runs as: our own folders need not be open to everybody.
    fn sway(&self) -> (PathBuf, PathBuf) {
        let program = self.root.join("usr/bin/sway");
        if !is_root() {
            return (program, self.libraries.clone());
        }
        let copies = self.folder.join("sway/programs");
        std::fs::create_dir(&copies).unwrap();
        let open = |path: &Path| {
            let copy = copies.join(path.file_name().unwrap());
            std::fs::copy(path, &copy).unwrap();
            std::fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
        };
        open(&program);
        for entry in std::fs::read_dir(&self.libraries).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                open(&path);
            }
        }
        std::fs::set_permissions(&copies, Permissions::from_mode(0o755)).unwrap();
        (copies.join("sway"), copies)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        end(&mut self.processes);
    }
}

/// Whether it has not ended. One that has, and was not asked for its end yet, is a zombie.
fn runs(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn is_on_bus(name: &str, setting: &[(OsString, OsString)]) -> bool {
    Command::new("dbus-send")
        .args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.GetNameOwner",
        ])
        .arg(format!("string:{name}"))
        .env_clear()
        .envs(setting.iter().cloned())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
