//! The configuration files of the four programs. README, section "For a larger team", shows the same ones to people.

use std::net::IpAddr;
use std::path::Path;

use super::HpbOptions;
use super::place::{libraries, random_word};

/// What the files are made of, beside the options.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Not loopback.
    pub(super) address: IpAddr,
    pub(super) hpb_port: u16,
    pub(super) hpb_tls_port: u16,
    pub(super) janus_port: u16,
    pub(super) turn_address: IpAddr,
    pub(super) turn_port: u16,
    pub(super) turn_tls_port: u16,
    /// Shared by signaling server and backends.
    pub(super) secret: String,
    /// Shared by coturn and whoever makes credentials for it (TURN REST API).
    pub(super) turn_secret: String,
}

/// `hpb.conf`. Its keys are named in the package's own example.
pub(super) fn signaling(plan: &Plan, options: &HpbOptions) -> String {
    let names: Vec<String> = (1..=options.backends.len()).map(|number| format!("backend{number}")).collect();
    let mut text = format!(
        "[http]\nlisten = 127.0.0.1:{}\n\n[sessions]\nhashkey = {}\nblockkey = {}\n\n[clients]\ninternalsecret = {}\n\n\
         [backend]\nbackends = {}\nallowall = false\ntimeout = 5\nconnectionsperhost = 8\n\n",
        plan.hpb_port,
        random_word(32),
        random_word(32),
        random_word(32),
        names.join(", "),
    );
    for (name, url) in names.iter().zip(&options.backends) {
        text.push_str(&format!("[{name}]\nurl = {url}\nsecret = {}\n\n", plan.secret));
    }
    if let (true, Some((chain, key))) = (options.encrypted, &options.certificate) {
        let (chain, key) = (chain.display(), key.display());
        let listen = plan.hpb_tls_port;
        text.push_str(&format!(
            "[https]\nlisten = 127.0.0.1:{listen}\ncertificate = {chain}\nkey = {key}\n\n"
        ));
        text = text.replacen("allowall = false\n", "allowall = false\nskipverify = true\n", 1);
    }
    text.push_str(&format!(
        "[nats]\nurl = nats://loopback\n\n[mcu]\ntype = janus\nurl = ws://127.0.0.1:{}\n\n[stats]\nallowed_ips = 127.0.0.1\n",
        plan.janus_port
    ));
    text
}

/// Writes Janus' three files into `folder`. `root` is where its package was unpacked.
pub(super) fn write_janus(
    folder: &Path,
    root: &Path,
    plan: &Plan,
    options: &HpbOptions,
) -> std::io::Result<()> {
    let janus = libraries(root)
        .into_iter()
        .map(|libraries| libraries.join("janus"))
        .find(|folder| folder.is_dir())
        .unwrap_or_default();
    // Janus loads all that it finds; only these two are wanted.
    let others = |kind: &str, wanted: &str| {
        let entries = std::fs::read_dir(janus.join(kind)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".so") && !name.contains(wanted))
            .collect();
        names.sort();
        names.join(",")
    };
    std::fs::create_dir_all(folder)?;
    std::fs::write(
        folder.join("janus.jcfg"),
        format!(
            "general: {{\n  configs_folder = \"{}\"\n  plugins_folder = \"{}\"\n  transports_folder = \"{}\"\n  \
             events_folder = \"{}\"\n  loggers_folder = \"{}\"\n  debug_level = 4\n  debug_colors = false\n  \
             reclaim_session_timeout = 60\n}}\n\
             media: {{\n  ipv6 = {}\n}}\n\
             nat: {{\n  full_trickle = true\n  ignore_mdns = true\n  ice_tcp = {}\n  ice_enforce_list = \"{}\"\n}}\n\
             plugins: {{\n  disable = \"{}\"\n}}\ntransports: {{\n  disable = \"{}\"\n}}\nloggers: {{\n  disable = \"{}\"\n}}\n",
            folder.display(),
            janus.join("plugins").display(),
            janus.join("transports").display(),
            janus.join("events").display(),
            janus.join("loggers").display(),
            plan.address.is_ipv6(),
            options.ice_tcp,
            plan.address,
            others("plugins", "videoroom"),
            others("transports", "websockets"),
            others("loggers", "nothing"),
        ),
    )?;
    std::fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: {\n}\n")?;
    std::fs::write(
        folder.join("janus.transport.websockets.jcfg"),
        format!(
            "general: {{\n  json = \"compact\"\n  ws = true\n  ws_ip = \"127.0.0.1\"\n  ws_port = {}\n  wss = false\n}}\n\
             admin: {{\n  admin_ws = false\n}}\n",
            plan.janus_port
        ),
    )
}

/// `turn.conf`: TURN over UDP and TCP, with a certificate over TLS as well.
pub(super) fn turn(folder: &Path, plan: &Plan, options: &HpbOptions) -> String {
    let tls = match &options.certificate {
        Some((chain, key)) => {
            let (chain, key) = (chain.display(), key.display());
            format!("tls-listening-port={}\ncert={chain}\npkey={key}", plan.turn_tls_port)
        }
        None => "no-tls".to_owned(),
    };
    format!(
        "listening-ip={}\nrelay-ip={}\nlistening-port={}\nrealm=bellbird\nuse-auth-secret\n\
         static-auth-secret={}\nfingerprint\n{tls}\nno-dtls\nno-cli\nuserdb={}\npidfile={}\nlog-file=stdout\n",
        plan.turn_address,
        plan.address,
        plan.turn_port,
        plan.turn_secret,
        folder.join("turn.db").display(),
        folder.join("turn.pid").display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpb_stack::HpbVersion;

    #[test]
    fn every_backend_has_its_section_and_keys_have_lengths_the_server_takes() {
        let plan = Plan {
            address: IpAddr::from([192, 0, 2, 1]),
            hpb_port: 1,
            hpb_tls_port: 4,
            janus_port: 2,
            turn_address: IpAddr::from([192, 0, 2, 1]),
            turn_port: 3,
            turn_tls_port: 5,
            secret: "s".to_owned(),
            turn_secret: "t".to_owned(),
        };
        let mut options = HpbOptions::new(HpbVersion::V1, "http://127.0.0.1:5");
        options.backends.push("http://127.0.0.1:6".to_owned());
        let text = signaling(&plan, &options);
        assert!(text.contains("backends = backend1, backend2"), "{text}");
        assert!(text.contains("[backend2]\nurl = http://127.0.0.1:6\nsecret = s\n"), "{text}");
        let key = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        assert_eq!(key("hashkey").map(str::len), Some(32));
        assert_eq!(key("blockkey").map(str::len), Some(32));
    }
}
