//! Reaching a server through the proxy of the environment alone.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use bellbird_server::{Server, ServerConfig};
use bellbird_testkit::process::LineProcess;

use crate::stage::{HANG, PASSWORD, cli, events, is_status, wait_for};

/// A proxy that leads every name to this machine, and remembers who was asked for.
fn proxy() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let names = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let names = names.clone();
            // A client that breaks off is none of the proxy's concern.
            thread::spawn(move || drop(relay(stream, &names)));
        }
    });
    (address, asked)
}

fn relay(mut near: TcpStream, names: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        near.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let port: u16 = target.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    names.lock().unwrap().push(target);
    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    near.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    let up = thread::spawn(move || io::copy(&mut from_near, &mut to_far));
    io::copy(&mut far, &mut near)?;
    drop(up);
    Ok(())
}

#[test]
fn a_guest_reaches_a_server_through_the_proxy_alone() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::open(ServerConfig::new(folder.path().join("server")))).unwrap();
    let near = runtime.block_on(server.listen((Ipv4Addr::LOCALHOST, 0).into())).unwrap();
    // Any address but loopback means TLS; the wildcard one is reached by loopback all the same.
    let open = runtime.block_on(server.listen((Ipv4Addr::UNSPECIFIED, 0).into())).unwrap();
    server.admin().add_user("ann", None, PASSWORD, false).unwrap();
    let of_ann = |arguments: &[&str]| {
        let mut command = cli(folder.path());
        command.args(arguments).args(["--server", near.url.as_str(), "--user", "ann"]);
        command
    };
    let made = of_ann(&["room", "create", "--name", "Open", "--type", "public"]).output().unwrap();
    let token = events(&made)[0]["token"].as_str().unwrap().to_owned();
    let sound = ["--no-processing", "--mic", "tone:600", "--speaker", "null"];
    let mut ann = LineProcess::start(of_ann(&["join", &token]).args(sound));
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));

    let (address, asked) = proxy();
    let (port, print) = (open.address.port(), open.fingerprint.unwrap());
    // A name that nobody but the proxy can make anything of.
    let link = format!("https://bell.invalid:{port}/call/{token}#fp={print}");
    let mut guest = cli(folder.path());
    guest.args(["join", &link, "--as-guest", "Gwen", "--duration", "1", "--wait", "60"]).args(sound);
    let output =
        guest.env("HTTPS_PROXY", format!("http://{address}")).env_remove("NO_PROXY").output().unwrap();
    assert!(output.status.success(), "{:?}", events(&output));
    assert!(events(&output).iter().any(|event| is_status(event, "connected")));
    let asked = asked.lock().unwrap();
    assert!(
        !asked.is_empty() && asked.iter().all(|name| *name == format!("bell.invalid:{port}")),
        "{asked:?}"
    );
    ann.signal("INT");
    assert_eq!(ann.wait(HANG).code(), Some(0));
}
