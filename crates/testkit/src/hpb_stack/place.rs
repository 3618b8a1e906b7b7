//! Where the unpacked programs lie and where a stack may listen.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that `cargo xtask setup test` fills: `target/hpb`, or `BELLBIRD_HPB_DIR`.
pub(super) fn packages() -> PathBuf {
    fetched("hpb", "BELLBIRD_HPB_DIR")
}

/// A folder that `cargo xtask setup test` fills: that one in `target`, or the one that the variable names.
pub(crate) fn fetched(name: &str, variable: &str) -> PathBuf {
    if let Some(set) = std::env::var_os(variable) {
        return set.into();
    }
    // Tests and examples lie in target/<profile>/<kind>.
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.ancestors().nth(3)?.join(name)));
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name))
}

/// The folders with shared libraries below an unpacked root.
pub(crate) fn libraries(root: &Path) -> Vec<PathBuf> {
    let below = |place: &str| {
        let entries = std::fs::read_dir(root.join(place)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let folders = ["usr/lib", "lib"].into_iter().flat_map(below);
    folders.filter(|path| path.to_string_lossy().contains("-linux-gnu")).collect()
}

/// For `LD_LIBRARY_PATH`.
pub(crate) fn library_path(root: &Path) -> OsString {
    std::env::join_paths(libraries(root)).unwrap_or_default()
}

/// A program of Janus' and coturn's packages, with the libraries that came with it.
pub(crate) fn media_program(name: &str) -> Command {
    let root = packages().join("media");
    let mut command = Command::new(root.join("usr/bin").join(name));
    command.env("LD_LIBRARY_PATH", library_path(&root));
    command
}

/// Letters and digits nobody can guess, that many.
pub(super) fn random_word(length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let draw = |_| {
        // Each of these states has its own keys from the system's source of randomness.
        let number = RandomState::new().build_hasher().finish();
        char::from(LETTERS[(number % LETTERS.len() as u64) as usize])
    };
    (0..length).map(draw).collect()
}

/// A port that nobody listens on and that the system gives to no outgoing connection, so that it stays free while
/// what listened on it is down.
///
/// # Panics
/// When there is none.
pub fn free_port(address: IpAddr) -> u16 {
    for _ in 0..1000 {
        let number = RandomState::new().build_hasher().finish();
        let port = 20_000 + (number % 12_000) as u16;
        let place = SocketAddr::new(address, port);
        if TcpListener::bind(place).is_ok() && UdpSocket::bind(place).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 32000 on {address}");
}

/// An address of this machine that is not loopback: Janus offers no other. What is sent to it does not leave the machine.
///
/// # Panics
/// When the machine has none.
pub fn own_address() -> IpAddr {
    // Nothing is sent: connecting a UDP socket only asks which of our addresses would be used (RFC 5737 address).
    let asked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9))?;
        socket.local_addr()
    });
    let routed = asked.ok().map(|address| address.ip());
    let listed = || {
        let answer = Command::new("hostname").arg("-I").output().ok()?;
        let text = String::from_utf8(answer.stdout).ok()?;
        text.split_whitespace().filter_map(|word| word.parse::<IpAddr>().ok()).find(IpAddr::is_ipv4)
    };
    let usable = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    routed.filter(usable).or_else(|| listed().filter(usable)).expect(
        "this machine has an IPv4 address beside loopback (`ip link add bell0 type dummy` makes one for tests)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_and_have_their_length() {
        assert_eq!(random_word(32).len(), 32);
        assert_ne!(random_word(32), random_word(32));
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert!(TcpListener::bind((address, free_port(address))).is_ok());
    }
}
