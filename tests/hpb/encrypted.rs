//! A signaling server behind TLS is trusted by the rule by which the server itself is: by the system's trust store, or on
//! the server's own host by the one certificate named in a link, and nowhere else by that.

use std::path::Path;

use bellbird_talk::Fingerprint;
use bellbird_testkit::hpb_stack::{HpbOptions, HpbVersion};

use crate::team::{ADA, BOB, CY, Member, Team, turn};

/// A team whose server and signaling server have the same certificate, and the fingerprint of that.
fn team(folder: &Path, signaling_host: &'static str) -> (Team, String) {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let print = Fingerprint::of(made.cert.der()).to_string();
    let options = HpbOptions {
        certificate: Some((chain, key)),
        encrypted: true,
        host: signaling_host,
        ..HpbOptions::new(HpbVersion::V1, "").with_turn()
    };
    (Team::start_with(Some(options), &[ADA, BOB]), print)
}

fn link_with(team: &Team, print: &str) -> String {
    let link = team.open_link(&ADA);
    format!("{}#fp={print}", link.split('#').next().unwrap_or_default())
}

#[test]
fn on_the_servers_own_host_its_pinned_certificate_counts() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (team, print) = team(folder.path(), "127.0.0.1");
    let link = link_with(&team, &print);
    // Ada's system trusts the certificate; the guest's does not know it, and has the link's word.
    let mut members = [team.join(ADA), team.join_as_guest(CY, &link)];
    for member in &mut members {
        member.connected();
    }
    let [ada, guest] = &members;
    ada.hears(&[CY]);
    guest.hears(&[ADA]);
    members.into_iter().for_each(Member::leave);
}

#[test]
fn a_pinned_certificate_counts_on_no_other_host() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (team, print) = team(folder.path(), "localhost");
    let link = link_with(&team, &print);
    let mut guest = team.join_as_guest(CY, &link);
    let error = guest.cli.event("error");
    assert_eq!(error["code"], "certificate-refused", "{error}");
    // Whoever's system trusts it gets in.
    let mut members = [team.join(ADA), team.join(BOB)];
    for member in &mut members {
        member.connected();
    }
    members.into_iter().for_each(Member::leave);
}
