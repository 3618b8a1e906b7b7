//! A USB camera with packed pictures, behind the driver that nearly every camera has (`uvcvideo`), in the machine of
//! `driver_tests.rs`. The camera is played by a thread here: the kernel takes USB devices that speak over a socket (USB/IP).

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use super::super::jpeg::tests::{BARS, without_tables};
use super::driver_tests::{SMALL, assert_bars, end, names, opened, picture, shell};
use super::*;

/// The size of the picture.
const WIDTH: u16 = 320;
const HEIGHT: u16 = 180;

/// In units of 100 ns, and as a time.
const INTERVAL: u32 = 1_000_000;
const PERIOD: Duration = Duration::from_millis(100);

/// What the camera says in one go, a header of two bytes included: a picture takes several.
const PAYLOAD: u32 = 1_024;

/// The kernel keeps 31 bytes of a name; here that is half of an `Ö`.
const PRODUCT: &str = "Überwachungskamera im Garten Öhningen";
const KEPT: &str = "Überwachungskamera im Garten";

/// Plugged in as long as it lives.
struct UsbCamera {
    cable: TcpStream,
}

impl UsbCamera {
    fn plug_in(pictures: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let kernels = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (cable, _) = listener.accept().unwrap();
        let (asked, wishes) = channel();
        let mut reading = cable.try_clone().unwrap();
        let mut writing = cable.try_clone().unwrap();
        std::thread::spawn(move || while read_wish(&mut reading, &asked).is_some() {});
        std::thread::spawn(move || answer(&mut writing, &wishes, &pictures));
        // Port, socket, what it is to be called, and that it is one of high speed.
        let words = format!("0 {} 65538 3", kernels.as_raw_fd());
        std::fs::write("/sys/devices/platform/vhci_hcd.0/attach", words).unwrap();
        Self { cable }
    }
}

impl Drop for UsbCamera {
    fn drop(&mut self) {
        let _ = self.cable.shutdown(Shutdown::Both);
    }
}

/// What the kernel wants of the device.
enum Wish {
    /// A transfer: its number, its endpoint, its direction, what is to be done, how long the answer may be.
    Submit { number: u32, endpoint: u32, inwards: bool, setup: [u8; 8], length: u32 },
    /// The answer to a transfer is not wanted any more.
    Unlink { number: u32, which: u32 },
}

fn read_wish(cable: &mut TcpStream, asked: &Sender<Wish>) -> Option<()> {
    let mut head = [0; 48];
    cable.read_exact(&mut head).ok()?;
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let number = word(4);
    let wish = match word(0) {
        1 => {
            let (inwards, length) = (word(12) == 1, word(24));
            if !inwards {
                std::io::copy(&mut cable.take(length.into()), &mut std::io::sink()).ok()?;
            }
            let setup = head[40..48].try_into().ok()?;
            Wish::Submit { number, endpoint: word(16), inwards, setup, length }
        }
        2 => Wish::Unlink { number, which: word(20) },
        other => panic!("there is no USB/IP command {other}"),
    };
    asked.send(wish).ok()
}

/// Answers control transfers at once and those for pictures in the camera's rhythm, until the cable is out.
fn answer(cable: &mut TcpStream, wishes: &Receiver<Wish>, pictures: &[Vec<u8>]) {
    let mut waiting: VecDeque<u32> = VecDeque::new();
    let mut payloads: VecDeque<Vec<u8>> = VecDeque::new();
    let (mut due, mut count) = (Instant::now(), 0);
    loop {
        let told = match wishes.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Wish::Submit { number, endpoint: 0, inwards, setup, length }) => match control(setup) {
                Some(answer) => {
                    let answer = &answer[..answer.len().min(length as usize)];
                    reply(cable, number, inwards, 0, if inwards { answer } else { &[] }, length)
                }
                None => reply(cable, number, inwards, STALL, &[], 0),
            },
            Ok(Wish::Submit { number, .. }) => {
                waiting.push_back(number);
                Ok(())
            }
            Ok(Wish::Unlink { number, which }) => {
                let known = waiting.iter().position(|waits| *waits == which);
                let removed = known.and_then(|at| waiting.remove(at)).is_some();
                unlinked(cable, number, if removed { RESET } else { 0 })
            }
            Err(RecvTimeoutError::Timeout) => {
                due = Instant::now() + PERIOD;
                // A camera that nobody reads makes no pictures.
                if payloads.is_empty() && !waiting.is_empty() {
                    payloads.extend(packed(&pictures[count % pictures.len()], count % 2 == 1));
                    count += 1;
                }
                Ok(())
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut told = told;
        while told.is_ok() && !waiting.is_empty() && !payloads.is_empty() {
            let number = waiting.pop_front().unwrap();
            told = reply(cable, number, true, 0, &payloads.pop_front().unwrap(), 0);
        }
        if told.is_err() {
            return;
        }
    }
}

/// `EPIPE` and `ECONNRESET`.
const STALL: i32 = -32;
const RESET: i32 = -104;

fn reply(
    cable: &mut TcpStream,
    number: u32,
    inwards: bool,
    status: i32,
    data: &[u8],
    taken: u32,
) -> io::Result<()> {
    let length = if inwards { data.len() as u32 } else { taken };
    let mut bytes = Vec::new();
    for word in [3, number, 0, 0, 0, status as u32, length, 0, 0, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(data);
    cable.write_all(&bytes)
}

fn unlinked(cable: &mut TcpStream, number: u32, status: i32) -> io::Result<()> {
    let words = [4, number, 0, 0, 0, status as u32, 0, 0, 0, 0, 0, 0];
    cable.write_all(&words.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>())
}

/// A picture in payloads (USB Video Class 1.0, section 2.4.3.2): each begins with its header, the last says so.
fn packed(picture: &[u8], odd: bool) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = picture.chunks(PAYLOAD as usize - 2).collect();
    let last = chunks.len() - 1;
    let flags = |at: usize| 0x80 | u8::from(odd) | if at == last { 2 } else { 0 };
    chunks.iter().enumerate().map(|(at, chunk)| [&[2, flags(at)], *chunk].concat()).collect()
}

/// What a control transfer yields; `None` when the device has no such thing.
fn control(setup: [u8; 8]) -> Option<Vec<u8>> {
    let [kind, request, value_low, value_high, ..] = setup;
    match (kind, request, value_high, value_low) {
        // Descriptors (USB 2.0, section 9.4.3).
        (0x80, 6, 1, _) => Some(vec![18, 1, 0, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 2, 1, 0, 1, 0, 2, 0, 1]),
        (0x80, 6, 2, _) => Some(configuration()),
        (0x80, 6, 3, 0) => Some(vec![4, 3, 9, 4]),
        (0x80, 6, 3, _) => {
            let letters: Vec<u8> = PRODUCT.encode_utf16().flat_map(u16::to_le_bytes).collect();
            Some([&[letters.len() as u8 + 2, 3], &letters[..]].concat())
        }
        (0x80, 0, ..) => Some(vec![0, 0]),
        // Configurations, interfaces and halts are as they are set; so is what was negotiated.
        (0x00..=0x02, 1 | 3 | 5 | 9 | 11, ..) | (0x21, 1, 1 | 2, _) => Some(Vec::new()),
        // Video: what can be negotiated (section 4.3.1.1), which is one thing only, and its length.
        (0xa1, 0x81..=0x84 | 0x87, 1 | 2, _) => Some(negotiated()),
        (0xa1, 0x85, 1 | 2, _) => Some(vec![26, 0]),
        (0xa1, 0x86, 1 | 2, _) => Some(vec![3]),
        _ => None,
    }
}

fn negotiated() -> Vec<u8> {
    let size = u32::from(WIDTH) * u32::from(HEIGHT) * 2;
    let mut bytes = vec![0, 0, 1, 1];
    bytes.extend(INTERVAL.to_le_bytes());
    bytes.extend([0; 10]);
    bytes.extend(size.to_le_bytes());
    bytes.extend(PAYLOAD.to_le_bytes());
    bytes
}

/// Two interfaces: what the camera is, and one stream of packed pictures over a bulk endpoint.
fn configuration() -> Vec<u8> {
    let camera: &[&[u8]] =
        &[&[18, 0x24, 2, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0], &[9, 0x24, 3, 2, 1, 1, 0, 1, 0]];
    let camera = camera.concat();
    let mut about = vec![13, 0x24, 1, 0, 1];
    about.extend((camera.len() as u16 + 13).to_le_bytes());
    about.extend(48_000_000_u32.to_le_bytes());
    about.extend([1, 1]);
    let mut frame = vec![30, 0x24, 7, 1, 0];
    frame.extend(WIDTH.to_le_bytes());
    frame.extend(HEIGHT.to_le_bytes());
    for word in [1_000_000, 10_000_000, u32::from(WIDTH) * u32::from(HEIGHT) * 2, INTERVAL] {
        frame.extend(word.to_le_bytes());
    }
    frame.push(1);
    frame.extend(INTERVAL.to_le_bytes());
    let formats = [&[11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0], &frame[..], &[6, 0x24, 13, 1, 1, 4]].concat();
    let mut stream = vec![14, 0x24, 1, 1];
    stream.extend((formats.len() as u16 + 14).to_le_bytes());
    stream.extend([0x81, 0, 2, 0, 0, 0, 1, 0]);
    let parts = [
        &[8, 11, 0, 2, 14, 3, 0, 2][..],
        &[9, 4, 0, 0, 0, 14, 1, 0, 2],
        &about,
        &camera,
        &[9, 4, 1, 0, 1, 14, 2, 0, 0],
        &stream,
        &formats,
        &[7, 5, 0x81, 2, 0, 2, 0],
    ]
    .concat();
    let mut all = vec![9, 2];
    all.extend((parts.len() as u16 + 9).to_le_bytes());
    all.extend([2, 1, 0, 0x80, 250]);
    all.extend(parts);
    all
}

/// Loads the drivers while it lives.
struct Drivers;

impl Drivers {
    fn load() -> Self {
        shell("insmod /drivers/vhci_hcd.ko && insmod /drivers/uvcvideo.ko");
        Self
    }
}

impl Drop for Drivers {
    fn drop(&mut self) {
        let _ = std::process::Command::new("rmmod").args(["uvcvideo", "vhci_hcd"]).status();
    }
}

/// Waits until the kernel has made up its mind about a plug.
fn wait_for(expected: &[&str]) {
    let begin = Instant::now();
    while names() != expected {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}, not {expected:?}", names());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "run by cameras_of_a_real_driver, in a machine"]
fn inside_a_usb_camera_shows_packed_pictures_until_it_is_unplugged() {
    let _drivers = Drivers::load();
    // Every other one is broken off.
    let pictures = || vec![without_tables(BARS), BARS[..BARS.len() / 2].to_vec()];
    for _ in 0..2 {
        let camera = UsbCamera::plug_in(pictures());
        wait_for(&[KEPT]);
        let (capture, arrived) = opened(Some(KEPT), SMALL).unwrap();
        assert_eq!(capture.label(), KEPT);
        for _ in 0..4 {
            let frame = picture(&arrived);
            assert_eq!((frame.width(), frame.height()), (320, 180));
            assert_bars(&frame);
        }
        assert_eq!(opened(None, SMALL).err(), Some(CaptureError::CameraBusy));
        drop(camera);
        assert_eq!(end(&arrived), CaptureError::CameraLost);
        wait_for(&[]);
    }
}
