//! Someone behind a firewall that lets nothing through but the TURN server's port, and a network without IPv4.
//!
//! ```text
//!  a network of the test's own                              another one
//!  ┌──────────────────────────────────────┐                ┌────────────────────────┐
//!  │ server, HPB        127.0.0.1 ◀── Unix socket ──────────── 127.0.0.1  Cy         │
//!  │ Janus, Ada, Bob    10.77.0.1         │                │                        │
//!  │ coturn (relays from 10.77.0.1)  10.77.1.1 ◀── veth ────▶ 10.77.1.2  no route    │
//!  └──────────────────────────────────────┘                └────────────────────────┘
//! ```
//!
//! Both networks are namespaces: nothing of the machine's own network is touched, they need no root where users may
//! make namespaces, and they go with the processes in them.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bellbird_testkit::hpb_stack::{HpbOptions, HpbVersion, Relay};

use crate::team::{ADA, BOB, CY, Member, Team, turn};

/// What the tests run inside of their networks is themselves, by these names.
const BEHIND_A_FIREWALL: &str = "relayed::behind_a_firewall";
const WITHOUT_IPV4: &str = "relayed::without_ipv4";
const WITHOUT_UDP: &str = "relayed::without_udp";
const TURN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 1, 1));
/// Tells the scenario how the TURN server is reached, and where the certificate's key is.
const RELAY: &str = "BELLBIRD_TEST_RELAY";
const KEY: &str = "BELLBIRD_TEST_RELAY_KEY";
/// Programs of ours take this file for the system's trust store.
const TRUST: &str = "SSL_CERT_FILE";

#[test]
fn whoever_reaches_only_the_turn_server_speaks_and_hears() {
    let _turn = turn();
    inside_its_own_network(BEHIND_A_FIREWALL, |scenario| scenario.env(RELAY, "udp"));
}

#[test]
fn likewise_where_no_udp_goes_out() {
    let _turn = turn();
    inside_its_own_network(BEHIND_A_FIREWALL, |scenario| scenario.env(RELAY, "tcp"));
}

#[test]
fn likewise_where_nothing_but_tls_goes_out() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec![TURN_ADDRESS.to_string()]).expect("a certificate");
    std::fs::write(&chain, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    inside_its_own_network(BEHIND_A_FIREWALL, |scenario| {
        scenario.env(RELAY, "tls").env(KEY, &key).env(TRUST, &chain).env_remove("SSL_CERT_DIR")
    });
}

#[test]
fn where_there_is_no_ipv4_media_go_over_ipv6() {
    let _turn = turn();
    inside_its_own_network(WITHOUT_IPV4, |scenario| scenario);
}

#[test]
fn where_no_udp_reaches_janus_media_go_over_tcp() {
    let _turn = turn();
    inside_its_own_network(WITHOUT_UDP, |scenario| scenario);
}

/// Runs a scenario, which is an ignored test, in a network namespace of its own.
pub(crate) fn inside_its_own_network(name: &str, adapt: impl FnOnce(&mut Command) -> &mut Command) {
    let is_root = output(Command::new("id").arg("-u")).trim() == "0";
    let rights: &[&str] = if is_root { &[] } else { &["--user", "--map-root-user"] };
    let mut scenario = Command::new("unshare");
    scenario.args(rights).arg("--net").arg(std::env::current_exe().expect("the path of this test")).args([
        "--exact",
        name,
        "--ignored",
        "--nocapture",
    ]);
    let status = adapt(&mut scenario).status().expect("unshare is part of every system");
    assert!(status.success(), "the scenario inside of its own network: {status}");
}

#[test]
#[ignore = "runs in a network of its own, started by the tests above"]
fn behind_a_firewall() {
    let far = Far::connect();
    let path = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from);
    let relay = match std::env::var(RELAY).as_deref() {
        Ok("tcp") => Relay::Tcp,
        Ok("tls") => Relay::Tls,
        Ok(_) | Err(_) => Relay::Udp,
    };
    let certificate = path(TRUST).zip(path(KEY));
    let options = HpbOptions {
        turn_address: Some(TURN_ADDRESS),
        relay,
        certificate,
        ..HpbOptions::new(HpbVersion::V1, "").with_turn()
    };
    let mut team = Team::start_with(Some(options), &[ADA, BOB, CY]);
    let (media, signaling) = (team.stack().media_address().to_string(), team.stack().port());
    assert!(!far.reaches(&media), "the firewall has a hole");
    let _ways = [far.lead_to(team.server_port()), far.lead_to(signaling)];
    let members =
        [team.join(ADA), team.join(BOB), team.join_through(CY, &far.enter().each_ref().map(String::as_str))];
    everyone_hears_everyone(members);
}

#[test]
#[ignore = "runs in a network of its own, started by the test above"]
fn without_ipv4() {
    const ADDRESS: &str = "fd77::1";
    for words in [
        "link set lo up",
        "link add near0 type veth peer name near1",
        "addr add fd77::1/64 dev near0 nodad",
        "link set near0 up",
        "link set near1 up",
    ] {
        ip(&[], words);
    }
    let address = ADDRESS.parse().expect("an address");
    let options = HpbOptions { media_address: Some(address), ..HpbOptions::new(HpbVersion::V1, "") };
    let team = Team::start_with(Some(options), &[ADA, BOB, CY]);
    everyone_hears_everyone([team.join(ADA), team.join(BOB), team.join(CY)]);
}

#[test]
#[ignore = "runs in a network of its own, started by the test above"]
fn without_udp() {
    const ADDRESS: &str = "10.77.0.1";
    for words in [
        "link set lo up",
        "link add near0 type veth peer name near1",
        "addr add 10.77.0.1/24 dev near0",
        "link set near0 up",
        "link set near1 up",
        // Before the table of the machine's own addresses is asked.
        "rule add pref 10 to 10.77.0.1 ipproto udp blackhole",
        "rule add pref 11 from 10.77.0.1 ipproto udp blackhole",
        "rule add pref 20 lookup local",
        "rule del pref 0",
    ] {
        ip(&[], words);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    assert!(socket.send_to(b"x", (ADDRESS, 20_000)).is_err(), "UDP gets through");
    let media_address = Some(ADDRESS.parse().expect("an address"));
    let options = HpbOptions { media_address, ice_tcp: true, ..HpbOptions::new(HpbVersion::V1, "") };
    let team = Team::start_with(Some(options), &[ADA, BOB, CY]);
    everyone_hears_everyone([team.join(ADA), team.join(BOB), team.join(CY)]);
}

fn everyone_hears_everyone(mut members: [Member; 3]) {
    for member in &mut members {
        member.connected();
    }
    let [ada, bob, cy] = &members;
    cy.hears(&[ADA, BOB]);
    ada.hears(&[BOB, CY]);
    bob.hears(&[ADA, CY]);
    members.into_iter().for_each(Member::leave);
}

/// The other network, held open by a process in it.
struct Far {
    holder: Child,
    folder: tempfile::TempDir,
}

impl Far {
    /// Lays the cable between this network, which is new and empty, and another one.
    fn connect() -> Self {
        let holder =
            Command::new("unshare").args(["--net", "sleep", "infinity"]).stdin(Stdio::null()).spawn();
        let holder = holder.expect("unshare is part of every system");
        let far = Self { holder, folder: tempfile::tempdir().expect("a temporary folder") };
        let id = far.holder.id().to_string();
        // The holder is in its own network from the moment its lists differ from ours.
        let network = |id: &str| std::fs::read_link(format!("/proc/{id}/ns/net")).ok();
        while network(&id) == network("self") {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        for words in [
            "link set lo up",
            // A cable with both ends here: an address that is not loopback, for Janus.
            "link add near0 type veth peer name near1",
            "addr add 10.77.0.1/24 dev near0",
            "link set near0 up",
            "link set near1 up",
            "route add default dev near0",
        ] {
            ip(&[], words);
        }
        ip(&[], &format!("link add toward type veth peer name away netns {id}"));
        ip(&[], "addr add 10.77.1.1/30 dev toward");
        ip(&[], "link set toward up");
        for words in ["link set lo up", "addr add 10.77.1.2/30 dev away", "link set away up"] {
            ip(&far.enter().each_ref().map(String::as_str), words);
        }
        far
    }

    /// Words before a command that is to run over there.
    fn enter(&self) -> [String; 4] {
        ["nsenter".into(), "--target".into(), self.holder.id().to_string(), "--net".into()]
    }

    /// Whether there is a way from over there to an address.
    fn reaches(&self, address: &str) -> bool {
        let [program, rest @ ..] = self.enter();
        let asked = Command::new(program)
            .args(rest)
            .args(["ip", "route", "get", address])
            .stderr(Stdio::null())
            .output();
        asked.expect("ip is installed").status.success()
    }

    /// Lets a port of this network's 127.0.0.1 be reached over there at the same place.
    fn lead_to(&self, port: u16) -> Way {
        let path = self.folder.path().join(port.to_string());
        let listener = UnixListener::bind(&path).expect("a socket in the temporary folder");
        std::thread::spawn(move || {
            for far in listener.incoming().flatten() {
                if let Ok(near) = TcpStream::connect(("127.0.0.1", port)) {
                    join(far, near);
                }
            }
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hpb/far_port.py");
        let [program, rest @ ..] = self.enter();
        let mut forwarder = Command::new(program)
            .args(rest)
            .arg("python3")
            .arg(script)
            .arg(port.to_string())
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is installed");
        let mut ready = [0; 1];
        let output = forwarder.stdout.as_mut().expect("its output was piped");
        output.read_exact(&mut ready).expect("the port over there is listened on");
        Way(forwarder)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A port over there. Gone when dropped.
struct Way(Child);

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Passes on what either end says until both are done.
fn join(far: UnixStream, near: TcpStream) {
    let (Ok(mut far_copy), Ok(mut near_copy)) = (far.try_clone(), near.try_clone()) else { return };
    let (mut far, mut near) = (far, near);
    std::thread::spawn(move || {
        let _ = pass_on(&mut far_copy, &mut near_copy);
        let _ = near_copy.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = pass_on(&mut near, &mut far);
        let _ = far.shutdown(Shutdown::Write);
    });
}

fn pass_on(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    std::io::copy(from, to).map(|_| ())
}

/// Runs `ip`, behind the words of `before`.
pub(crate) fn ip(before: &[&str], words: &str) {
    let mut all = before.to_vec();
    all.push("ip");
    all.extend(words.split(' '));
    let status = Command::new(all[0]).args(&all[1..]).status().expect("ip is installed");
    assert!(status.success(), "ip {words}: {status}");
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("it is part of every system");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
