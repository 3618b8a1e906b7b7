//! A machine of its own for what needs a kernel's drivers: Debian's kernel in QEMU, without any file of this machine's
//! but those it is given, and without a network. Emulated as a whole, so that it runs wherever programs run, slowly.
//!
//! Kernel, QEMU and a shell come from Debian's packages as `cargo xtask setup test` unpacks them. Linux on x86-64 only.

mod archive;
mod drivers;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use archive::Archive;

use crate::hpb_stack::place::{fetched, library_path};
use crate::process::LineProcess;

/// Only ends a machine that hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the last line of a script that ran to its end begins with; its exit code follows.
const ENDED: &str = "machine: the script ended with ";

/// What the kernel is told: to speak on the serial line, of panics alone, and to give up at one.
const KERNEL_WORDS: &str = "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=unstable";

/// What runs first: makes the system's folders, loads what drivers need, runs the script and ends the machine.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root LD_LIBRARY_PATH=/libraries RUST_BACKTRACE=0
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
ip link set lo up
for driver in /needed/*; do insmod "$driver"; done
sh /script
code=$?
[ $code = 0 ] || dmesg | tail -n 40
echo "machine: the script ended with $code"
poweroff -f
"#;

/// A machine that is not switched on yet. See the module's head.
pub struct Machine {
    root: PathBuf,
    files: Archive,
}

impl Machine {
    /// One whose kernel has these drivers at hand: they lie in `/drivers/NAME.ko` for `insmod`; what they need is loaded.
    ///
    /// # Panics
    /// When the packages are not there, or have no such driver.
    pub fn new(drivers: &[&str]) -> Self {
        let root = fetched("machine", "BELLBIRD_MACHINE_DIR");
        assert!(root.is_dir(), "{} is not there: run `cargo xtask setup test` first", root.display());
        let mut files = Archive::default();
        for folder in ["bin", "dev", "drivers", "lib64", "libraries", "needed", "proc", "root", "sys", "tmp"]
        {
            files.folder(folder);
        }
        files.file("init", 0o755, INIT.as_bytes());
        files.file("bin/busybox", 0o755, &read(&one_of(&root.join("emulator"), "bin/busybox")));
        let kernel = root.join("kernel");
        for (at, (name, driver)) in drivers::with_needs(&kernel, drivers).into_iter().enumerate() {
            let asked = drivers.contains(&name.as_str());
            let place =
                if asked { format!("drivers/{name}.ko") } else { format!("needed/{at:02}-{name}.ko") };
            files.file(&place, 0o644, &driver);
        }
        Self { root, files }
    }

    /// Puts a program of this machine there as `/bin/NAME`, with the shared libraries it needs.
    ///
    /// # Panics
    /// When it is not there, or needs what is not there.
    pub fn add_program(&mut self, name: &str, path: &Path) {
        self.files.file(&format!("bin/{name}"), 0o755, &read(path));
        let needs = Command::new("ldd").arg(path).output().expect("ldd can be run");
        let needs = String::from_utf8_lossy(&needs.stdout).into_owned();
        assert!(!needs.contains("not found"), "{} misses libraries:\n{needs}", path.display());
        for library in needs.split_whitespace().filter(|word| word.starts_with('/')) {
            let library = Path::new(library);
            let name = library.file_name().expect("a library has a name").to_string_lossy();
            // The loader is looked for where the program says; everything else where we say.
            let folder = if name.starts_with("ld-") { "lib64" } else { "libraries" };
            self.files.file(&format!("{folder}/{name}"), 0o755, &read(library));
        }
    }

    /// Switches it on, runs a shell script in it and yields all that was printed, once it has switched itself off.
    ///
    /// # Panics
    /// With what was printed, when the script fails or the machine does not end.
    pub fn run(mut self, script: &str) -> String {
        self.files.file("script", 0o644, script.as_bytes());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let work = std::env::temp_dir().join(format!("bellbird-machine-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&work).expect("there is room for temporary files");
        let image = work.join("files.cpio");
        std::fs::write(&image, std::mem::take(&mut self.files).finish())
            .expect("there is room for the machine's files");
        let printed = self.power_on(&image);
        let _ = std::fs::remove_dir_all(&work);
        let code = printed.iter().rev().find_map(|line| line.strip_prefix(ENDED));
        let printed = printed.join("\n");
        assert_eq!(code, Some("0"), "the machine's script did not end well:\n{printed}");
        printed
    }

    fn power_on(&self, image: &Path) -> Vec<String> {
        let emulator = self.root.join("emulator");
        let mut command = Command::new(emulator.join("usr/bin/qemu-system-x86_64"));
        command.env("LD_LIBRARY_PATH", library_path(&emulator));
        for folder in crate::hpb_stack::place::libraries(&emulator) {
            if folder.join("qemu").is_dir() {
                command.env("QEMU_MODULE_DIR", folder.join("qemu"));
            }
        }
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(emulator.join(firmware));
        }
        // The plainest processor is the quickest one to emulate.
        command.args([
            "-accel",
            "tcg,thread=multi",
            "-machine",
            "pc",
            "-cpu",
            "qemu64",
            "-smp",
            "2",
            "-m",
            "2048",
        ]);
        command.args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
        ]);
        command.arg("-kernel").arg(drivers::kernel(&self.root.join("kernel"))).arg("-initrd").arg(image);
        command.args(["-append", KERNEL_WORDS]).stderr(Stdio::inherit());
        let mut machine = LineProcess::start(&mut command);
        machine.close_stdin();
        let ended = machine.wait(PATIENCE);
        // What the child said last may still be on its way.
        while machine.next_line(PATIENCE).is_some() {}
        let printed = machine.seen().iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert!(ended.success(), "the machine ended with {ended}:\n{}", printed.join("\n"));
        printed
    }
}

/// A file that older packages have below the root and newer ones below `usr`.
fn one_of(root: &Path, path: &str) -> PathBuf {
    let newer = root.join("usr").join(path);
    if newer.exists() { newer } else { root.join(path) }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
