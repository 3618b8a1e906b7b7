//! A camera through a real signaling server and a real Janus: what of it arrives, and how like it is. Janus gets three
//! sizes and hands the largest on; what that may take is laid down by Talk (900 kbit/s), not by us.

use std::time::{Duration, Instant};

use bellbird_call::{MediaKind, MediaKinds};
use bellbird_capture::VideoSource;
use bellbird_testkit::hpb_stack::HpbVersion;

use crate::clips::{Camera, Film, likeness_to, number_of};
use crate::figure::Figure;
use crate::gallery::Gallery;
use crate::seat::{Seat, play};
use crate::team::{ADA, BOB, Team};

/// Until the rate has been found: Janus' own estimates come some seconds apart.
const WARM_UP: Duration = Duration::from_secs(12);
const LENGTH: Duration = Duration::from_secs(10);

pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = Film::draw(folder.path(), Camera::Held);
    let team = Team::start(HpbVersion::V1, &[ADA, BOB]);
    play(async |media| {
        let wall = Gallery::new();
        wall.read_by(number_of);
        wall.only_count(true);
        let camera = VideoSource::File(film.path.clone());
        let ignore = std::sync::Arc::new(|_| {});
        let mut ada = Seat::join_with(&team, &media, ADA, MediaKinds::VIDEO, camera, ignore).await;
        let none = VideoSource::Pattern;
        let mut bob = Seat::join_with(&team, &media, BOB, MediaKinds::VOICE, none, wall.sink()).await;
        ada.connected(1).await;
        bob.connected(1).await;
        let of_ada = (Some(bob.id_of(ADA)), MediaKind::Video);
        let asked = Instant::now();
        bob.look_at(&[(ADA, MediaKind::Video, 1280)]);
        bob.is_shown(ADA, MediaKind::Video, 1, |_| true).await;
        let first = asked.elapsed();
        tokio::time::sleep(WARM_UP).await;
        let (begin, before) = (Instant::now(), wall.count(&of_ada));
        tokio::time::sleep(LENGTH).await;
        let rate = (wall.count(&of_ada) - before) as f64 / begin.elapsed().as_secs_f64();
        // Looking closely costs time itself, so it comes after.
        wall.only_count(false);
        let shown = wall.more(&of_ada, 90).await;
        let gaps = shown.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64() * 1000.0);
        let size = shown.last().map_or((0, 0), |one| one.size);
        eprintln!("janus: pictures of {}x{}", size.0, size.1);
        let pictures: Vec<_> = shown.iter().filter_map(|one| one.frame.clone()).collect();
        Figure::at_most("janus_first_picture", "ms", 1000.0).print(&[first.as_secs_f64() * 1000.0]);
        Figure::at_least("janus_pictures_per_second", "1/s", 29.0).print(&[rate]);
        Figure::at_most("janus_longest_gap", "ms", 500.0).print(&[gaps.fold(0.0, f64::max)]);
        Figure::at_least("janus_height", "pixels", 720.0).print(&[f64::from(size.1)]);
        Figure::at_least("janus_likeness", "dB", 33.0).print(&likeness_to(&film, &pictures));
        bob.leave().await;
        ada.leave().await;
    });
}
