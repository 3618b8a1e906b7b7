//! Ends what a stack started when whoever started it is gone without having done so.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Reads the ids of what to end, a whole list a line; at the end of its input it ends them.
const SCRIPT: &str = "trap '' INT TERM HUP; pids=; while read -r line; do pids=$line; done; \
                      [ -z \"$pids\" ] || kill -9 $pids 2>/dev/null";

/// A shell that waits on a pipe. Its other end closes with our process, however that ends.
#[derive(Debug)]
pub(super) struct Ward {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Ward {
    pub(super) fn start() -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    /// These run now, and no others.
    pub(super) fn watch(&mut self, ids: &[u32]) {
        let list: Vec<String> = ids.iter().map(u32::to_string).collect();
        if let Some(pipe) = &mut self.pipe {
            // A ward that is gone watches nothing; the stack works without it.
            let _ = writeln!(pipe, "{}", list.join(" ")).and_then(|()| pipe.flush());
        }
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_ends_with_the_ward_and_what_is_no_longer_does_not() {
        let sleeper = || Command::new("sleep").arg("600").spawn().expect("there is sleep");
        let (mut watched, mut dismissed) = (sleeper(), sleeper());
        let mut ward = Ward::start();
        ward.watch(&[watched.id(), dismissed.id()]);
        ward.watch(&[watched.id()]);
        drop(ward);
        assert!(!watched.wait().expect("it is our child").success());
        assert!(dismissed.try_wait().expect("it is our child").is_none());
        dismissed.kill().expect("it is our child");
        dismissed.wait().expect("it is our child");
    }
}
