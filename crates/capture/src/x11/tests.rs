//! On a real X server: what is drawn there is what comes out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bellbird_testkit::display::XDisplay;
use bellbird_video::VideoFrame;
use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux,
    CreateWindowAux, PropMode, Rectangle, StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::{Choice, Display, X11Source, picture, screens, windows};
use crate::capture::start;
use crate::{Capture, CaptureError, CaptureEvent, CaptureFormat};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const FORMAT: CaptureFormat = CaptureFormat { max_width: 1920, max_height: 1080, max_fps: 60 };

const RED: u32 = 0xff_0000;
const GREEN: u32 = 0x00_ff00;
const BLUE: u32 = 0x00_00ff;
const BLACK: u32 = 0;
const WHITE: u32 = 0xff_ffff;

/// A server and a program that draws on it.
struct World {
    server: XDisplay,
    connection: RustConnection,
    root: Window,
}

impl World {
    fn new(width: u32, height: u32) -> Self {
        let server = XDisplay::start(width, height);
        let (connection, screen) = RustConnection::connect(Some(server.name())).unwrap();
        let root = connection.setup().roots[screen].root;
        let world = Self { server, connection, root };
        // Out of the way: the server begins with the pointer in the middle.
        world.point_at(0, 0);
        world
    }

    fn display(&self) -> Display {
        Display::connect(Some(self.server.name())).unwrap()
    }

    fn window(&self, title: &str, place: (i16, i16), size: (u16, u16), colour: u32) -> Window {
        let id = self.connection.generate_id().unwrap();
        let look = CreateWindowAux::new().background_pixel(colour).border_pixel(WHITE);
        let kind = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(0, id, self.root, place.0, place.1, size.0, size.1, 3, kind, 0, &look)
            .unwrap();
        let (name, text) = (AtomEnum::WM_NAME, AtomEnum::STRING);
        self.connection.change_property8(PropMode::REPLACE, id, name, text, title.as_bytes()).unwrap();
        self.connection.map_window(id).unwrap();
        self.sync();
        id
    }

    fn fill(&self, window: Window, colour: u32, place: (i16, i16), size: (u16, u16)) {
        let brush = self.connection.generate_id().unwrap();
        self.connection.create_gc(brush, window, &CreateGCAux::new().foreground(colour)).unwrap();
        let area = Rectangle { x: place.0, y: place.1, width: size.0, height: size.1 };
        self.connection.poly_fill_rectangle(window, brush, &[area]).unwrap();
        self.connection.free_gc(brush).unwrap();
        self.sync();
    }

    fn point_at(&self, x: i16, y: i16) {
        self.connection.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y).unwrap();
        self.sync();
    }

    /// Gives a window a cursor that is a white square with its hot spot in the upper left corner.
    fn give_square_cursor(&self, window: Window, side: u16) {
        let connection = &self.connection;
        let (bitmap, brush, cursor) = (
            connection.generate_id().unwrap(),
            connection.generate_id().unwrap(),
            connection.generate_id().unwrap(),
        );
        connection.create_pixmap(1, bitmap, self.root, side, side).unwrap();
        connection.create_gc(brush, bitmap, &CreateGCAux::new().foreground(1)).unwrap();
        let all = Rectangle { x: 0, y: 0, width: side, height: side };
        connection.poly_fill_rectangle(bitmap, brush, &[all]).unwrap();
        let most = u16::MAX;
        connection.create_cursor(cursor, bitmap, bitmap, most, most, most, 0, 0, 0, 0, 0).unwrap();
        connection
            .change_window_attributes(window, &ChangeWindowAttributesAux::new().cursor(cursor))
            .unwrap();
        self.sync();
    }

    fn sync(&self) {
        self.connection.sync().unwrap();
    }

    fn capture(&self, choice: Choice) -> (Capture, Receiver<CaptureEvent>) {
        self.capture_at(choice, FORMAT)
    }

    fn capture_at(&self, choice: Choice, format: CaptureFormat) -> (Capture, Receiver<CaptureEvent>) {
        let (events, arrived) = channel();
        let events = std::sync::Mutex::new(events);
        let sink = Arc::new(move |event| {
            let _ = events.lock().unwrap().send(event);
        });
        let name = self.server.name().to_owned();
        let capture =
            start(format, sink, move |_| Ok(Box::new(X11Source::open(Some(&name), &choice)?))).unwrap();
        (capture, arrived)
    }

    fn refused(&self, choice: Choice) -> CaptureError {
        X11Source::open(Some(self.server.name()), &choice).err().unwrap()
    }
}

fn titled(title: &str) -> Choice {
    Choice::WindowTitled(title.into())
}

fn next(arrived: &Receiver<CaptureEvent>) -> VideoFrame {
    match arrived.recv_timeout(PATIENCE).expect("a picture comes") {
        CaptureEvent::Frame(frame) => frame,
        CaptureEvent::Ended(error) => panic!("it ended: {error}"),
    }
}

/// Waits for a picture that has the colours at the places.
fn until(arrived: &Receiver<CaptureEvent>, expected: &[((u32, u32), u32)]) -> VideoFrame {
    loop {
        let frame = next(arrived);
        if expected.iter().all(|(place, colour)| has(&frame, *place, *colour)) {
            return frame;
        }
    }
}

fn end(arrived: &Receiver<CaptureEvent>) -> CaptureError {
    loop {
        match arrived.recv_timeout(PATIENCE).expect("it ends") {
            CaptureEvent::Frame(_) => {}
            CaptureEvent::Ended(error) => return error,
        }
    }
}

fn has(frame: &VideoFrame, (x, y): (u32, u32), colour: u32) -> bool {
    let expected = match colour {
        RED => [81, 90, 240],
        GREEN => [145, 54, 34],
        BLUE => [41, 240, 110],
        WHITE => [235, 128, 128],
        BLACK => [16, 128, 128],
        other => panic!("no values are known of {other:x}"),
    };
    if x >= frame.width() || y >= frame.height() {
        return false;
    }
    let at = |plane: &[u8], x: u32, y: u32, width: u32| plane[(y * width + x) as usize];
    let half = frame.width() / 2;
    let got = [
        at(frame.y(), x, y, frame.width()),
        at(frame.u(), x / 2, y / 2, half),
        at(frame.v(), x / 2, y / 2, half),
    ];
    got.iter().zip(expected).all(|(got, expected): (&u8, u8)| got.abs_diff(expected) <= 3)
}

#[test]
fn a_screen_comes_out_as_it_is_drawn() {
    let world = World::new(640, 480);
    world.window("one", (100, 50), (200, 100), RED);
    let (capture, arrived) = world.capture(Choice::Primary);
    let frame = next(&arrived);
    assert_eq!((frame.width(), frame.height()), (640, 480));
    // Three pixels of white border come between.
    for (place, colour) in [
        ((90, 60), BLACK),
        ((101, 51), WHITE),
        ((104, 54), RED),
        ((300, 150), RED),
        ((304, 152), WHITE),
        ((320, 160), BLACK),
    ] {
        assert!(has(&frame, place, colour), "{place:?} is not {colour:x}");
    }
    assert!(!capture.label().is_empty());
}

#[test]
fn the_cursor_is_in_the_picture_and_moves_in_it() {
    let world = World::new(640, 480);
    let window = world.window("below", (0, 0), (600, 400), BLUE);
    world.give_square_cursor(window, 8);
    world.point_at(200, 100);
    let (_capture, arrived) = world.capture(Choice::Primary);
    let (corner, inside, beyond) = ((200, 100), (206, 106), (210, 110));
    until(&arrived, &[(corner, WHITE), (inside, WHITE), (beyond, BLUE)]);
    world.point_at(320, 200);
    until(&arrived, &[(corner, BLUE), ((320, 200), WHITE), ((326, 206), WHITE)]);
}

#[test]
fn a_still_screen_is_not_looked_at_and_a_change_is() {
    let world = World::new(640, 480);
    let window = world.window("still", (10, 10), (100, 100), RED);
    let mut source = X11Source::open(Some(world.server.name()), &Choice::Primary).unwrap();
    assert!(source.wants_picture().unwrap(), "the first one is wanted");
    for _ in 0..50 {
        assert!(!source.wants_picture().unwrap());
    }
    world.fill(window, GREEN, (0, 0), (10, 10));
    // The server tells of it behind the answer to the request that asks for the pointer.
    assert!((0..3).any(|_| source.wants_picture().unwrap()));
    assert!(!source.wants_picture().unwrap());
    world.point_at(300, 300);
    assert!(source.wants_picture().unwrap(), "the pointer moved");
    assert!(!source.wants_picture().unwrap());
}

#[test]
fn a_change_is_delivered_and_what_looks_the_same_is_not() {
    let world = World::new(640, 480);
    let window = world.window("page", (0, 0), (300, 300), RED);
    let (capture, arrived) = world.capture(Choice::Primary);
    let first = until(&arrived, &[((50, 50), RED)]);
    // Drawn over with its own colour: there is damage, and nothing to be seen of it.
    world.fill(window, RED, (0, 0), (100, 100));
    world.fill(window, GREEN, (20, 20), (100, 100));
    let second = next(&arrived);
    assert!(has(&second, (50, 50), GREEN));
    assert!(second.captured() > first.captured());
    capture.refresh();
    let again = next(&arrived);
    assert!(again.shares_pixels_with(&second));
    assert!(again.captured() > second.captured());
    capture.set_format(CaptureFormat { max_width: 320, ..FORMAT });
    let smaller = next(&arrived);
    assert_eq!((smaller.width(), smaller.height()), (320, 240));
    assert!(has(&smaller, (25, 25), GREEN));
    drop(capture);
    assert!(arrived.recv_timeout(PATIENCE).is_err(), "nothing comes after the end");
}

#[test]
fn a_covered_window_shows_its_own_content() {
    let world = World::new(640, 480);
    let below = world.window("below", (50, 50), (200, 100), RED);
    let above = world.window("above", (0, 0), (400, 300), BLUE);
    let (capture, arrived) = world.capture(titled("belo"));
    assert_eq!(capture.label(), "below");
    let frame = next(&arrived);
    assert_eq!((frame.width(), frame.height()), (200, 100));
    for place in [(1, 1), (100, 50), (198, 98)] {
        assert!(has(&frame, place, RED), "{place:?}");
    }
    world.fill(below, GREEN, (0, 0), (50, 50));
    until(&arrived, &[((20, 20), GREEN), ((100, 80), RED)]);
    // Nor does it matter what lies above, or that the window is half off the screen.
    world.fill(above, WHITE, (0, 0), (400, 300));
    world.connection.configure_window(below, &ConfigureWindowAux::new().x(-100).y(-50)).unwrap();
    world
        .connection
        .configure_window(above, &ConfigureWindowAux::new().stack_mode(StackMode::ABOVE))
        .unwrap();
    world.fill(below, BLUE, (0, 0), (10, 10));
    until(&arrived, &[((5, 5), BLUE), ((20, 20), GREEN), ((100, 80), RED)]);
}

#[test]
fn a_window_is_followed_when_it_changes_its_size_and_when_it_is_hidden() {
    let world = World::new(640, 480);
    let window = world.window("elastic", (50, 50), (200, 100), RED);
    let (_capture, arrived) = world.capture(titled("elastic"));
    let first = next(&arrived);
    assert_eq!((first.width(), first.height()), (200, 100));
    world.connection.configure_window(window, &ConfigureWindowAux::new().width(301).height(222)).unwrap();
    world.sync();
    let larger = until(&arrived, &[((290, 210), RED)]);
    assert_eq!((larger.width(), larger.height()), (300, 222), "an odd column is left out");
    world.connection.unmap_window(window).unwrap();
    world.sync();
    world.connection.map_window(window).unwrap();
    world.fill(window, GREEN, (0, 0), (400, 400));
    until(&arrived, &[((290, 210), GREEN)]);
}

#[test]
fn a_window_that_is_closed_ends_the_share() {
    let world = World::new(640, 480);
    let window = world.window("short-lived", (50, 50), (200, 100), RED);
    let (_capture, arrived) = world.capture(titled("short-lived"));
    next(&arrived);
    world.connection.destroy_window(window).unwrap();
    world.sync();
    assert_eq!(end(&arrived), CaptureError::ScreenLost);
    assert!(arrived.recv_timeout(PATIENCE).is_err(), "its thread ended");
}

#[test]
fn a_server_that_is_gone_ends_the_share() {
    let world = World::new(320, 240);
    let (_capture, arrived) = world.capture(Choice::Primary);
    next(&arrived);
    let World { server, .. } = world;
    server.kill();
    assert_eq!(end(&arrived), CaptureError::ScreenLost);
}

#[test]
fn what_is_not_there_is_refused_in_words() {
    let world = World::new(320, 240);
    for choice in [
        Choice::Monitor(1),
        titled("nobody"),
        Choice::Window("12345".into()),
        Choice::Window("no number".into()),
    ] {
        assert!(matches!(world.refused(choice), CaptureError::NoScreen(_)));
    }
    let name = world.server.name().to_owned();
    drop(world);
    assert!(matches!(Display::connect(Some(&name)).err(), Some(CaptureError::NoScreen(_))));
}

#[test]
fn one_of_two_monitors_is_captured_and_the_other_leaves_it_still() {
    let world = World::new(640, 480);
    for (name, x, is_primary) in [("left", 0, false), ("right", 320, true)] {
        let name = world.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom;
        let monitor = MonitorInfo {
            name,
            primary: is_primary,
            automatic: false,
            x,
            y: 0,
            width: 320,
            height: 480,
            width_in_millimeters: 80,
            height_in_millimeters: 120,
            outputs: Vec::new(),
        };
        world.connection.randr_set_monitor(world.root, monitor).unwrap();
    }
    world.sync();
    let list = screens(&world.display()).unwrap();
    let find = |name: &str| list.iter().position(|screen| screen.name == name).unwrap();
    let right = find("right");
    assert_eq!((list[right].x, list[right].width, list[right].height), (320, 320, 480));
    assert!(list[right].is_primary && !list[find("left")].is_primary);

    let left_window = world.window("left", (10, 10), (100, 100), GREEN);
    let right_window = world.window("right", (330, 10), (100, 100), RED);
    let mut source = X11Source::open(Some(world.server.name()), &Choice::Monitor(right)).unwrap();
    assert!(source.wants_picture().unwrap());
    world.fill(left_window, BLUE, (0, 0), (50, 50));
    for _ in 0..10 {
        assert!(!source.wants_picture().unwrap());
    }
    world.fill(right_window, BLUE, (0, 0), (50, 50));
    assert!((0..3).any(|_| source.wants_picture().unwrap()));
    drop(source);
    let (_capture, arrived) = world.capture(Choice::Primary);
    let frame = next(&arrived);
    assert_eq!((frame.width(), frame.height()), (320, 480));
    assert!(has(&frame, (20, 20), BLUE) && has(&frame, (90, 90), RED) && has(&frame, (200, 200), BLACK));
}

#[test]
fn windows_are_listed_as_the_manager_says_and_without_one_as_they_lie() {
    let world = World::new(640, 480);
    let one = world.window("first", (0, 0), (200, 100), RED);
    let two = world.window("Größe", (0, 200), (100, 200), RED);
    world.window("tiny", (300, 0), (4, 4), RED);
    world.window("", (300, 100), (50, 50), RED);
    let hidden = world.window("hidden", (300, 200), (50, 50), RED);
    world.connection.unmap_window(hidden).unwrap();
    world.sync();
    let titles = || -> Vec<String> {
        windows(&world.display()).unwrap().into_iter().map(|window| window.title).collect()
    };
    assert_eq!(titles(), ["first", "Größe"]);
    let atom = |name: &[u8]| world.connection.intern_atom(false, name).unwrap().reply().unwrap().atom;
    let (list, title, text) = (atom(b"_NET_CLIENT_LIST"), atom(b"_NET_WM_NAME"), atom(b"UTF8_STRING"));
    world
        .connection
        .change_property32(PropMode::REPLACE, world.root, list, AtomEnum::WINDOW, &[two, one, 99])
        .unwrap();
    let name = "zweites Fenster ✓".repeat(100);
    world.connection.change_property8(PropMode::REPLACE, two, title, text, name.as_bytes()).unwrap();
    world.sync();
    let titles = titles();
    assert_eq!(titles[1..], ["first"]);
    assert!(titles[0].starts_with("zweites Fenster ✓") && titles[0].len() <= 1_030, "{}", titles[0].len());
}

#[test]
fn thumbnails_show_what_is_there() {
    let world = World::new(640, 480);
    let below = world.window("below", (50, 50), (400, 100), RED);
    world.window("above", (0, 0), (640, 480), BLUE);
    let display = world.display();
    for (choice, size, colour) in [
        (Choice::Primary, (320, 240), [0, 0, 255]),
        (Choice::Window(below.to_string()), (320, 80), [255, 0, 0]),
    ] {
        let small = picture(&display, &choice, 320).unwrap();
        assert_eq!((small.width, small.height), size);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&small.png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let middle = (size.1 / 2 * size.0 + size.0 / 2) as usize * 3;
        assert_eq!(pixels[middle..middle + 3], colour);
    }
    world.connection.unmap_window(below).unwrap();
    world.sync();
    assert!(matches!(picture(&display, &titled("below"), 320), Err(CaptureError::NoScreen(_))));
}
