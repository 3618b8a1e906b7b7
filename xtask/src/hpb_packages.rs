//! The programs of a signaling stack (signaling server, Janus, coturn), from Debian's packages.

use std::path::PathBuf;

use anyhow::Result;

use crate::debian::{self, Check, Needs, Part};
use crate::place::target;

/// The signaling server's package.
const SIGNALING: &str = "nextcloud-spreed-signaling";

const PARTS: &[Part] = &[
    Part {
        folder: "media",
        name: "Janus and coturn",
        suite: None,
        packages: &["janus", "coturn"],
        needs: Needs::Missing,
        checks: &[Check::Runs("usr/bin/janus", "--help"), Check::Runs("usr/bin/turnserver", "--version")],
    },
    Part {
        folder: "1",
        name: "the signaling server 1.2",
        suite: Some("bookworm-backports"),
        packages: &[SIGNALING],
        needs: Needs::Nothing,
        checks: &[Check::Runs("usr/bin/nextcloud-spreed-signaling-server", "-version")],
    },
    Part {
        folder: "2",
        name: "the signaling server 2.0",
        suite: Some("sid"),
        packages: &[SIGNALING],
        needs: Needs::Nothing,
        checks: &[Check::Runs("usr/bin/nextcloud-spreed-signaling-server", "-version")],
    },
];

/// Where the unpacked programs lie; `crates/testkit/src/hpb_stack/place.rs` looks there.
pub(crate) fn folder() -> PathBuf {
    target().join("hpb")
}

/// Fetches what is not there yet.
///
/// # Errors
/// When something cannot be downloaded or does not run.
pub(crate) fn fetch() -> Result<()> {
    debian::fetch("Signaling stack", PARTS, &folder())
}
